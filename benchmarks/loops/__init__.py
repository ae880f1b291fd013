"""How each competitor trains: a contents page.

A loop has ``losses(steps)``, the losses of so many steps on the first batch, which show that all compute the same;
``epoch()``, what is timed; then ``ready(x)``, after which training is over, and which gives ``x`` as a tensor;
``outputs(x)``, what a program that serves predictions calls for one row, NumPy arrays in and out; and ``call(x)``, the
model alone on a tensor, whose result stays on the device.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple


class Competitor(NamedTuple):
    """One way to train: the class of the loop, its arguments, and the environment of its process."""

    file: str
    title: str
    arguments: dict[str, Any] = {}  # noqa: RUF012 (nobody changes it)
    environment: dict[str, str] = {}  # noqa: RUF012
    keras: bool = False
    """Does it need the interpreter with Keras?"""

    def loop(self, problem: Any) -> Any:
        """The loop on a problem; this builds the model."""
        return importlib.import_module(f"loops.{self.file}").Loop(problem, **self.arguments)

    def imports(self) -> None:
        """Import the libraries, which nobody shall measure by accident."""
        importlib.import_module(f"loops.{self.file}").libraries(**self.arguments)


def _fit(title: str, library: str, backend: str, jit: bool | None = None) -> Competitor:
    name = "POLYNET_BACKEND" if library == "polynet" else "KERAS_BACKEND"
    arguments: dict[str, Any] = {"library": library, "backend": backend}
    if jit is not None:
        arguments["jit_compile"] = jit
    return Competitor("fit", title, arguments, {name: backend}, library == "keras")


COMPETITORS = {
    "polynet-numpy": _fit("polynet on NumPy", "polynet", "numpy"),
    "polynet-torch": _fit("polynet on torch", "polynet", "torch"),
    "polynet-torch-compiled": _fit("polynet on torch, compiled", "polynet", "torch", True),
    "polynet-jax": _fit("polynet on JAX", "polynet", "jax"),
    "numpy": Competitor("numpy_loop", "NumPy by hand"),
    "torch": Competitor("torch_loop", "torch by hand"),
    "torch-compiled": Competitor("torch_loop", "torch by hand, compiled", {"compiled": True}),
    "flax": Competitor("flax_loop", "flax and optax"),
    "keras-torch": _fit("Keras on torch", "keras", "torch"),
    "keras-jax": _fit("Keras on JAX", "keras", "jax"),
}
