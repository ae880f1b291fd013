"""The active backend by itself: dtypes of every primitive, conversion, devices, the library's own functions.

Values are the conformance rows' subject (`test_ops.py`), several backends at once that of `cross/`.
Dtypes are compared with the rules of the core, which are one for all backends.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

import polynet
from polynet import errors, ops, plugins
from polynet.op import OPS
from polynet.spec import Spec

BACKEND = plugins.current()
DTYPES = sorted(BACKEND.dtypes)
JAX = pytest.mark.skipif(BACKEND.name != "jax", reason="about a switch that only JAX has")
PRIMITIVES = [
    op for op in OPS.values() if op.primitive and op.function.__module__.endswith("primitives")
]
BY_PAIRS = [op for op in PRIMITIVES if len(op.parameters) == 2 and op.tensors == (0, 1)]
ALONE = [op for op in PRIMITIVES if op.tensors == (0,) and not op.lists and op.name != "nonzero"]
STATIC = {
    "broadcast_to": ((2, 2),),
    "cast": ("float32",),
    "pad_constant": (((1, 0), (0, 1)), 1),
    "random_bits": ((3,),),
    "reshape": ((4,),),
}
NUMBERS = (True, 2, 1.5, 1j)


def tensor(dtype, shape=(2, 2)):
    host = np.ones(shape, "float32" if dtype == "bfloat16" else dtype)
    return BACKEND.asarray(host, dtype)


def traced(function):
    """Run a function of tensors; where the library can, without computing, which costs a compilation each."""
    if BACKEND.compiles and BACKEND.transforms is not None:
        BACKEND.transforms.trace(lambda xs: function() or list(xs), [tensor("float32")])
    else:
        with np.errstate(all="ignore"):
            function()


def agree(op, args):
    """Complaints where an eager call does not give what inference says."""
    specs = [
        Spec(BACKEND.shape_of(a), BACKEND.dtype_of(a)) if isinstance(a, BACKEND.tensor_types) else a
        for a in args
    ]
    try:
        expected = op.infer(tuple(specs))
    except errors.PolynetError as refused:
        try:
            found = op.call(*args)
        except type(refused) as error:
            return (
                []
                if str(error) == str(refused)
                else [f"{op.name}{specs}: {error!r} is not {refused!r}"]
            )
        return [f"{op.name}{specs}: {BACKEND.dtype_of(found)} instead of {refused!r}"]
    try:
        found = op.call(*args)
    except Exception as error:
        return [f"{op.name}{specs}: {error!r} instead of {expected}"]
    if isinstance(found, tuple):
        return []  # the length depends on values: a row's subject
    wrong = BACKEND.dtype_of(found) != expected.dtype or BACKEND.shape_of(found) != expected.shape
    if wrong or getattr(found, "weak_type", False):
        return [f"{op.name}{specs}: {BACKEND.dtype_of(found)} {found.shape} instead of {expected}"]
    return []


# -------------------------------------------------------------------------------------- dtypes


@pytest.mark.parametrize("op", BY_PAIRS, ids=[op.name for op in BY_PAIRS])
def test_dtype_of_every_pair(op):
    complaints = []

    def every_pair():
        for one in DTYPES:
            x = tensor(one)
            for other in DTYPES:
                complaints.extend(agree(op, (x, tensor(other))))
            if op.name != "matmul":
                for number in NUMBERS:
                    complaints.extend(agree(op, (x, number)))
                    complaints.extend(agree(op, (number, x)))

    traced(every_pair)
    assert complaints == []


@pytest.mark.parametrize("op", ALONE, ids=[op.name for op in ALONE])
def test_dtype_of_every_one(op):
    complaints = []

    def every_one():
        for dtype in DTYPES:
            x = (
                BACKEND.asarray(np.zeros(2), "uint32")
                if op.name == "random_bits"
                else tensor(dtype)
            )
            rest = STATIC.get(op.name) or tuple(
                parameter.default
                for parameter in list(op.call.__signature__.parameters.values())[1:]
            )
            complaints.extend(agree(op, (x, *rest)))

    traced(every_one)
    assert complaints == []


def test_dtype_of_every_choice_and_join():
    complaints = []

    def every_pair():
        for one in DTYPES:
            for other in DTYPES:
                x, y = tensor(one), tensor(other)
                complaints.extend(agree(OPS["where"], (tensor("bool"), x, y)))
                for op in ("stack", "concatenate"):
                    complaints.extend(agree_list(OPS[op], [x, y]))
            for number in NUMBERS:
                complaints.extend(agree(OPS["where"], (tensor("bool"), number, tensor(one))))
        complaints.extend(agree(OPS["where"], (tensor("bool"), 1, 0)))

    traced(every_pair)
    assert complaints == []


def agree_list(op, xs):
    wanted = op.infer(([Spec((2, 2), BACKEND.dtype_of(x)) for x in xs], 0)).dtype
    found = BACKEND.dtype_of(op.call(xs, 0))
    return [] if found == wanted else [f"{op.name} of {xs}: {found} instead of {wanted}"]


def test_the_check_of_dtypes_finds_a_wrong_one():
    op = OPS["exp"]
    right, op.rule = op.rule, lambda kinds: (["float32"], "float16")
    try:
        BACKEND.hot.clear()
        assert agree(op, (tensor("float32"),))
    finally:
        op.rule = right
        BACKEND.hot.clear()


@pytest.mark.parametrize("dtype", DTYPES)
def test_there_and_back(dtype):
    host = np.asarray([0, 1, 3], "float32" if dtype == "bfloat16" else dtype)
    x = BACKEND.asarray(host, dtype)
    assert BACKEND.dtype_of(x) == dtype
    back = BACKEND.to_numpy(x)
    assert back.dtype.name in (dtype, "float32")
    np.testing.assert_array_equal(back.astype(host.dtype), host)
    again = BACKEND.copy(x)
    assert BACKEND.dtype_of(again) == dtype and again is not x


# ---------------------------------------------------------------------------------- host data

BASE = np.arange(12.0, dtype="float32").reshape(3, 4)
READ_ONLY = BASE.copy()
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    "x",
    [
        BASE[::-1, ::2],
        BASE.T,
        READ_ONLY,
        np.zeros((0, 3), "float32"),
        np.float32(3),
        np.array(3, ">f4"),
    ],
    ids=["negative strides", "transposed", "read-only", "empty", "scalar", "big-endian"],
)
def test_host_data_of_every_layout(x):
    y = ops.add(x, 1)
    assert isinstance(y, BACKEND.tensor_types)
    assert BACKEND.dtype_of(y) == "float32"
    np.testing.assert_array_equal(BACKEND.to_numpy(y), x + 1)


def test_python_integers_must_fit():
    with pytest.raises(
        errors.DTypeError, match=r"^add: the integer 200 does not fit int8, which holds -128 to 127"
    ):
        ops.add(tensor("int8"), 200)
    with pytest.raises(errors.DTypeError, match="does not fit int32"):
        ops.add(2**40, 1)
    assert float(ops.add(tensor("float32"), 2**40)[0, 0]) == 2.0**40
    assert BACKEND.dtype_of(ops.multiply(tensor("int8"), 3)) == "int8"


def test_a_tensor_shares_its_memory():
    x = tensor("float32")
    y = BACKEND.from_dlpack(x)
    assert isinstance(y, BACKEND.tensor_types)
    assert pointer(x) == pointer(y)


def pointer(x):
    for read in ("data_ptr", "unsafe_buffer_pointer"):
        if hasattr(x, read):
            return getattr(x, read)()
    return x.ctypes.data


WITHOUT_64_BITS = """
import numpy as np, jax, polynet
from polynet import ops
def attempt(function):
    try:
        y = function()
        print(y.dtype, float(ops.sum(y)))
    except polynet.errors.DTypeError as error:
        print("refused:", error)
attempt(lambda: ops.exp(np.zeros(2)))
attempt(lambda: polynet.Variable(np.zeros(2)).value)
attempt(lambda: ops.cast(np.ones(2), "float32"))
attempt(lambda: ops.add(np.array([1, 2]), 1))
attempt(lambda: ops.add(np.array([2**31]), 1))
attempt(lambda: ops.zeros((2,), dtype="int64"))
print("float64" in polynet.plugins.current().dtypes)
jax.config.update("jax_enable_x64", True)
attempt(lambda: ops.exp(np.zeros(2)))
attempt(lambda: ops.add(np.array([2**31]), 1))
"""


@JAX
def test_without_64_bits_nothing_is_narrowed_in_silence():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_64_BITS],
        env=os.environ | {"POLYNET_BACKEND": "jax", "JAX_ENABLE_X64": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    mend = (
        "JAX has no float64 unless 64 bits are switched on: set JAX_ENABLE_X64=1 in the environment, or call "
        'jax.config.update("jax_enable_x64", True) at the start of the program. Or cast to float32.'
    )
    assert lines[0] == f"refused: exp: {mend}"
    assert lines[1].startswith("refused: ") and lines[1].endswith(mend)
    assert lines[2] == "float32 2.0"
    assert lines[3] == "int32 5.0"
    assert lines[4].startswith(
        "refused: add: these int64 values do not fit int32. JAX has no int64"
    )
    assert lines[5].startswith("refused: ") and "JAX has no int64 unless" in lines[5]
    assert lines[6:] == ["False", "float64 2.0", "int64 2147483649.0"]


# -------------------------------------------------------------- the library's own functions


def test_own_functions_take_variables():
    v = polynet.Variable([1.0, 2.0])
    w = polynet.Variable([[1.0, 0.0], [0.0, 2.0]])
    x = BACKEND.asarray(np.ones(2), "float32")
    np.testing.assert_allclose(np.asarray(v), [1, 2])
    for y, expected in [(x + v, [2, 3]), (v + x, [2, 3]), (x - v, [0, -1]), (x @ w, [1, 2])]:
        np.testing.assert_allclose(BACKEND.to_numpy(y), expected)
    np.testing.assert_array_equal(BACKEND.to_numpy(x == v), [True, False])
    for y, expected in own_functions(x, v, w):
        np.testing.assert_allclose(BACKEND.to_numpy(y), expected, rtol=1e-6)


def own_functions(x, v, w):
    if BACKEND.name == "torch":
        import torch

        return [
            (torch.exp(v), np.exp([1, 2])),
            (torch.matmul(x, w), [1, 2]),
            (torch.stack([x, v]), [[1, 1], [1, 2]]),
            (torch.add(input=x, other=v), [2, 3]),
            (torch.nn.functional.linear(x, w, v), [2, 4]),
        ]
    if BACKEND.name == "jax":
        import jax
        import jax.numpy as jnp

        return [
            (jnp.exp(v), np.exp([1, 2])),
            (jnp.dot(x, v), 3),
            (jax.nn.relu(v), [1, 2]),
            (jax.jit(lambda x: jnp.dot(x, v) + jnp.sum(v))(x), 6),
        ]
    return [(np.exp(v), np.exp([1, 2])), (np.dot(x, v), 3)]


def test_own_functions_refuse_watched_values():
    from polynet.autodiff.box import Recorder

    x = BACKEND.asarray(np.ones(2), "float32")
    box = Recorder().source(x)
    for y in (x + box, x - box, x * box, x / box, x**box, x @ box):
        assert type(y) is type(box)
    if BACKEND.name == "torch":
        import torch

        with pytest.raises(TypeError, match="which the tape cannot see"):
            torch.exp(box)
    if BACKEND.name == "jax":
        import jax.numpy as jnp

        with pytest.raises(TypeError, match="which the tape cannot see"):
            jnp.exp(box)


# ------------------------------------------------------------------------------------- devices


def test_devices():
    assert "cpu:0" in BACKEND.devices()
    for device in BACKEND.devices():
        with polynet.device(device):
            assert BACKEND.device_of(ops.zeros((2,))) == device
            assert BACKEND.device_of(ops.add(np.ones(2, "float32"), 1)) == device
    with (
        pytest.raises(errors.BackendError, match=r"'gpu:99' is not here; the backend .* has cpu:0"),
        polynet.device("gpu:99"),
    ):
        pass


def test_what_a_backend_says_of_itself():
    assert repr(BACKEND) == f"<backend {BACKEND.name}>"
    assert BACKEND.library_version()[0].isdigit()
    known = {"autodiff", "jit", "vmap", "complex", "devices", "dlpack", "native_rng"}
    assert BACKEND.capabilities <= known
    assert BACKEND.scalar_ops <= set(OPS)
    assert not BACKEND.is_traced(tensor("float32"))


def test_every_primitive_is_there():
    assert [
        op.name
        for op in OPS.values()
        if op.primitive and not callable(getattr(BACKEND, op.name, None))
    ] == []
