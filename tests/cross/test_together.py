"""Several backends in one process: who owns a tensor, how it moves, that none disturbs another.

What one backend computes is the conformance suite's subject, not this file's.
"""

import asyncio
import itertools
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import polynet
from polynet import errors, ops, plugins

BACKENDS = ["numpy", "torch", "jax"]
PAIRS = list(itertools.permutations(BACKENDS, 2))


@pytest.fixture(autouse=True)
def numpy_is_active():
    before = polynet.config.backend()
    polynet.set_backend("numpy")
    yield
    polynet.set_backend(before)


def tensor(backend, values=(1.0, 2.0, 3.0), dtype="float32"):
    return plugins.get(backend).asarray(np.asarray(values, dtype), dtype)


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8", "float16", "float32", "complex64"])
def test_convert(source, target, dtype):
    x = tensor(source, [[0, 1], [1, 0]], dtype)
    y = polynet.convert(x, target)
    assert isinstance(y, plugins.get(target).tensor_types)
    assert plugins.get(target).dtype_of(y) == dtype
    np.testing.assert_array_equal(plugins.get(target).to_numpy(y), [[0, 1], [1, 0]])


def test_convert_shares_memory_where_both_can():
    x = np.zeros(3, "float32")
    y = polynet.convert(x, "torch")
    x[0] = 5.0
    assert float(y[0]) == 5.0
    assert polynet.convert(y, "torch") is y


@pytest.mark.parametrize("owner", BACKENDS)
def test_namespace_asks_the_tensor_and_not_what_is_active(owner):
    x = tensor(owner)
    for active in BACKENDS:
        polynet.set_backend(active)
        y = polynet.namespace(x).exp(x)
        assert plugins.owner(y).name == owner
        np.testing.assert_allclose(plugins.get(owner).to_numpy(y), np.exp([1, 2, 3]), rtol=1e-6)
        assert polynet.config.backend() == active


@pytest.mark.parametrize(("active", "foreign"), [pair for pair in PAIRS if pair[1] != "numpy"])
def test_a_foreign_tensor_is_refused(active, foreign):
    polynet.set_backend(active)
    with pytest.raises(errors.BackendMismatchError) as caught:
        ops.exp(tensor(foreign))
    assert str(caught.value).splitlines()[0] == (
        f"exp: x: got a tensor of the backend {foreign!r} while {active!r} is active. Convert it with "
        f"polynet.convert(x, {active!r}), use polynet.namespace(x).exp, or switch with "
        f"polynet.use_backend({foreign!r})."
    )
    with pytest.raises(errors.BackendMismatchError):
        ops.add(tensor(active), tensor(foreign))


def test_use_backend_ends_with_its_block():
    with polynet.use_backend("torch"):
        assert plugins.owner(ops.exp(1.0)).name == "torch"
        with polynet.use_backend("jax"):
            assert plugins.owner(ops.exp(1.0)).name == "jax"
        assert plugins.owner(ops.exp(1.0)).name == "torch"
        with pytest.raises(ZeroDivisionError), polynet.use_backend("jax"):
            raise ZeroDivisionError
        assert polynet.config.backend() == "torch"
    assert isinstance(ops.exp(1.0), np.ndarray | np.generic)


def test_use_backend_is_local_to_its_thread():
    inside, seen, done = threading.Event(), [], threading.Event()

    def other():
        inside.wait(60)
        seen.append(plugins.owner(ops.exp(1.0)).name)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with polynet.use_backend("torch"):
        ops.exp(1.0)
        inside.set()
        assert done.wait(60)
        assert plugins.owner(ops.exp(1.0)).name == "torch"
    thread.join()
    assert seen == ["numpy"]


def test_use_backend_is_local_to_its_task():
    async def work(name, others):
        with polynet.use_backend(name):
            for _ in range(3):
                await asyncio.sleep(0)
                others.append((name, plugins.owner(ops.exp(1.0)).name))

    async def main():
        found = []
        await asyncio.gather(*(work(name, found) for name in BACKENDS))
        return found

    assert sorted(asyncio.run(main())) == sorted(
        (name, name) for name in BACKENDS for _ in range(3)
    )


def test_random_numbers_are_the_same_bits():
    drawn = {}
    for name in BACKENDS:
        with polynet.use_backend(name):
            x = polynet.random.normal((50,), seed=7)
            drawn[name] = plugins.get(name).to_numpy(x).tobytes()
    assert drawn["torch"] == drawn["numpy"]
    assert drawn["jax"] == drawn["numpy"]


def test_the_demonstration_gives_the_same_numbers():
    from polynet.cli.demo import train

    histories = {}
    for name in BACKENDS:
        with polynet.use_backend(name):
            histories[name] = np.asarray(train(points=200, steps=20))
    assert histories["numpy"][-1, 1] > 0.95
    np.testing.assert_allclose(histories["torch"], histories["numpy"], atol=1e-5)
    np.testing.assert_allclose(histories["jax"], histories["numpy"], atol=1e-5)


@pytest.mark.parametrize(
    "name", ["absolute", "log_sigmoid", "relu", "relu6", "sigmoid", "softplus"]
)
def test_derivatives_at_a_kink_are_the_same(name):
    found = {}
    for backend in BACKENDS:
        with polynet.use_backend(backend):
            op = getattr(ops, name)
            gradient = polynet.grad(lambda x, op=op: ops.sum(op(x)))(ops.zeros(1))
            found[backend] = plugins.get(backend).to_numpy(gradient).tolist()
    assert found["torch"] == found["numpy"]
    assert found["jax"] == found["numpy"]


def test_nothing_is_loaded_that_was_not_asked_for(tmp_path):
    code = (
        "import sys, polynet; polynet.list_backends(); polynet.ops.exp(1.0); "
        "print(*{'torch', 'jax'} & set(sys.modules))"
    )
    for chosen, expected in [("numpy", ""), ("torch", "torch"), ("jax", "jax")]:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"POLYNET_BACKEND": chosen, "POLYNET_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected
