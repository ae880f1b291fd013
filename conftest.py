"""Which files pytest leaves out because a library that they are about is missing. No fixtures.

The environments of tox.ini differ in what is installed: without torch, say, there is nothing to
collect in that backend's folder. What is left out in one environment runs in another.
"""

from importlib.util import find_spec

NEEDS = {
    "backends/polynet_torch": {"torch"},
    "backends/polynet_jax": {"jax"},
    "tests/cross": {"torch", "jax"},  # tests about several backends at once
    "tests/oracle": {"keras"},  # comparisons with Keras
    "tests/test_docs.py": {"sybil"},
}

collect_ignore = [
    path for path, libraries in NEEDS.items() if not all(find_spec(name) for name in libraries)
]
