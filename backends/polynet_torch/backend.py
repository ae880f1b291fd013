"""PyTorch as a polynet backend: one class in sections.

No dtype is decided here: what arrives has the dtype that the core settled on, and goes back in it.  ``method`` chooses
another function where torch lacks a dtype, so that the usual ones pay nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar

import numpy as np
import torch

from polynet.backend import Backend
from polynet.ops.primitives import HOLE, expand_key, fill_key, indexed_shape, power_of_integers
from polynet.spec import axes_indices
from polynet_torch.autodiff import TorchTape, TorchTransforms
from polynet_torch.conv import Convolutions
from polynet_torch.elementwise import WITHOUT_UNSIGNED, Elementwise
from polynet_torch.linalg import Linalg
from polynet_torch.neural import Neural
from polynet_torch.random_numbers import RandomNumbers
from polynet_torch.recurrent import Recurrent
from polynet_torch.updates import Updates

_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
)
_ALIKE = {
    **{
        name: name
        for name in (
            "exp",
            "expm1",
            "log",
            "log1p",
            "sqrt",
            "sin",
            "cos",
            "tan",
            "arcsin",
            "arccos",
        )
    },
    **{
        name: name
        for name in (
            "arctan",
            "sinh",
            "cosh",
            "tanh",
            "arcsinh",
            "arccosh",
            "arctanh",
            "erf",
            "erfinv",
        )
    },
    **{
        name: name
        for name in ("nextafter", "true_divide", "add", "subtract", "multiply", "maximum")
    },
    **{
        name: name
        for name in ("minimum", "floor", "ceil", "not_equal", "less", "less_equal", "greater")
    },
    **{
        name: name
        for name in (
            "greater_equal",
            "logical_and",
            "logical_or",
            "logical_xor",
            "logical_not",
            "isnan",
        )
    },
    **{
        name: name
        for name in ("isfinite", "isinf", "signbit", "bitwise_and", "bitwise_or", "bitwise_xor")
    },
    **{name: name for name in ("bitwise_not", "where", "reshape", "matmul")},
    **{
        "arctan2": "atan2",
        "mod": "remainder",
        "power": "pow",
        "negative": "neg",
        "absolute": "abs",
        "rint": "round",
    },
    **{
        "equal": "eq",
        "left_shift": "bitwise_left_shift",
        "right_shift": "bitwise_right_shift",
        "copy": "clone",
    },
    **{"stop_gradient": "detach", "real": "real", "conj": "conj_physical"},
}
_SWAPPED = {
    "less": "gt",
    "less_equal": "ge",
    "greater": "lt",
    "greater_equal": "le",
    "equal": "eq",
    "not_equal": "ne",
}
_SCALARS = (
    *(
        "add",
        "subtract",
        "multiply",
        "true_divide",
        "power",
        "floor_divide",
        "mod",
        "where",
        "equal",
        "not_equal",
    ),
    *("less", "less_equal", "greater", "greater_equal", "maximum", "minimum"),
)

# Unsigned integers of more than 8 bits have few kernels.  They are computed in int64, whose low bits are the same.
_UNSIGNED = frozenset({"uint16", "uint32", "uint64"})
_COMPARING = frozenset({"less", "less_equal", "greater", "greater_equal"})
_EXTREME = frozenset({"maximum", "minimum", "max", "min"})
_INDICES = frozenset({"argmax", "argmin", "argsort", "nonzero"})
_WITHOUT_UNSIGNED = (
    _COMPARING
    | _EXTREME
    | _INDICES
    | {
        *(
            "add",
            "subtract",
            "multiply",
            "floor_divide",
            "mod",
            "power",
            "negative",
            "absolute",
            "sign",
            "matmul",
        ),
        *("left_shift", "right_shift", "bitwise_not", "sum", "prod", "cumsum", "index_update"),
    }
)


class TorchBackend(
    Convolutions, Elementwise, Linalg, Neural, RandomNumbers, Recurrent, Updates, Backend
):
    """PyTorch: the primitives are mostly its own functions."""

    tensor_types = (torch.Tensor,)
    dtypes: ClassVar[Mapping[str, Any]] = {name: getattr(torch, name) for name in _DTYPES}
    capabilities = frozenset(
        {"autodiff", "jit", "vmap", "complex", "devices", "dlpack", "native_rng"}
    )
    scalar_ops = frozenset(_SCALARS)

    def __init__(self) -> None:
        super().__init__()
        self.tape = TorchTape()
        self.transforms = TorchTransforms()
        self._device = "cuda" if torch.cuda.is_available() else None  # None: torch's own default

    # -------------------------------------------------------------------------------------- arrays

    def asarray(self, value: Any, dtype: str) -> Any:
        native = self.native_dtype(dtype)
        device = _device.get() or self._device
        if type(value) in (float, int, bool, complex):
            return torch.scalar_tensor(value, dtype=native, device=device)
        if isinstance(value, torch.Tensor):
            return value.to(native)
        return _from_numpy(np.asarray(value)).to(device, native)

    def to_numpy(self, x: Any) -> Any:
        if x.dtype is not torch.bfloat16:
            return x.numpy(force=True)
        x = x.detach().cpu()
        if _bfloat16() is None:
            return x.float().numpy()
        return x.view(torch.int16).numpy().view(_bfloat16())

    def from_dlpack(self, x: Any) -> Any:
        return torch.from_dlpack(x)

    def is_shared(self, x: Any) -> bool:
        if type(x) is not torch.Tensor or x.requires_grad or x._use_count() > 1:
            return True
        return _holders(x) > _ALONE

    def is_traced(self, x: Any) -> bool:
        return (
            type(x) not in (torch.Tensor, torch.nn.Parameter)
            or torch.compiler.is_compiling()
            or torch._C._functorch.is_functorch_wrapped_tensor(x)
        )

    def install_protocol(self, kind: type) -> None:
        kind.__torch_function__ = classmethod(_torch_function)  # type: ignore[attr-defined]

    def as_native(self, layer: Any) -> Any:
        from polynet_torch.native import NativeModule

        return NativeModule(layer)

    # -------------------------------------------------------------------------------------- devices

    def devices(self) -> list[str]:
        gpus = (
            torch.cuda.device_count()
            if torch.cuda.is_available()
            else int(torch.backends.mps.is_available())
        )
        return ["cpu:0", *(f"gpu:{i}" for i in range(gpus))]

    @contextlib.contextmanager
    def device_scope(self, device: str) -> Iterator[None]:
        kind, _, number = device.partition(":")
        library = (
            "cpu" if kind == "cpu" else f"cuda:{number}" if torch.cuda.is_available() else "mps"
        )
        token = _device.set(library)
        try:
            yield
        finally:
            _device.reset(token)

    def device_of(self, x: Any) -> str:
        return f"{'cpu' if x.device.type == 'cpu' else 'gpu'}:{x.device.index or 0}"

    # ------------------------------------------------------------- other functions for some dtypes

    def method(self, op: str, kinds: Sequence[str | type]) -> Callable[..., Any] | None:
        function = super().method(op, kinds)
        if function is None or not kinds:
            return function
        dtype = next((kind for kind in kinds if isinstance(kind, str)), "")
        if not isinstance(kinds[0], str) and op in _SWAPPED:
            swapped = getattr(torch, _SWAPPED[op])
            function = lambda x1, x2: swapped(x2, x1)  # noqa: E731
        if op in _EXTREME and not all(isinstance(kind, str) for kind in kinds):
            function = _with_number(function, _CLAMPS[op])
        if op == "power":
            function = power_of_integers(function, self, kinds)
        if dtype == "bool":
            return _OF_BOOLS.get(op, function)
        if op in _DIVISIONS and "int" in dtype:
            function = _by_zero(function, op)
        if dtype in _UNSIGNED and op in WITHOUT_UNSIGNED:
            return None
        if dtype in _UNSIGNED and op in _WITHOUT_UNSIGNED:
            return _in_int64(op, function, self.dtypes[dtype])
        return function

    # --------------------------------------------------------------------- primitives spelled alike

    for _name, _own in _ALIKE.items():
        locals()[_name] = staticmethod(getattr(torch, _own))
    del _name, _own

    # ------------------------------------------------------------------- primitives that need a word

    @staticmethod
    def floor_divide(x1: Any, x2: Any) -> Any:
        return torch.div(x1, x2, rounding_mode="floor")  # torch.floor_divide has no gradient

    @staticmethod
    def sign(x: Any) -> Any:
        y = torch.sgn(x)
        return (
            torch.where(x.isnan(), x, y) if x.is_floating_point() else y
        )  # torch's own is 0 there

    @staticmethod
    def imag(x: Any) -> Any:
        return torch.imag(x) if x.is_complex() else torch.zeros_like(x)

    @staticmethod
    def complex_from(x1: Any, x2: Any) -> Any:
        return torch.complex(*torch.broadcast_tensors(x1.real, x2.real))

    def cast(self, x: Any, dtype: str) -> Any:
        native = self.native_dtype(dtype)
        if x.is_complex() and not native.is_complex:
            return x.ne(0) if native is torch.bool else x.real.to(native)
        return x.to(native)

    def view(self, x: Any, dtype: str | None = None) -> Any:
        return x if dtype is None else x.contiguous().view(self.native_dtype(dtype))

    def full(self, shape: tuple[int, ...], fill_value: Any, dtype: str) -> Any:
        native = self.dtypes.get(dtype) or self.native_dtype(dtype)
        return torch.full(shape, fill_value, dtype=native, device=_device.get() or self._device)

    def iota(self, length: int, dtype: str) -> Any:
        native = self.native_dtype(dtype)
        device = _device.get() or self._device
        if dtype in _UNSIGNED:
            return torch.arange(length, device=device).to(native)
        return torch.arange(length, dtype=native, device=device)

    @staticmethod
    def transpose(x: Any, axes: Any = None) -> Any:
        return x.permute(_REVERSED[x.ndim] if axes is None else axes)

    @staticmethod
    def broadcast_to(x: Any, shape: tuple[int, ...]) -> Any:
        if -1 in shape:  # "this axis as it is" to torch
            raise ValueError("a shape has no negative lengths")
        return x.expand(shape)

    @staticmethod
    def concatenate(xs: Any, axis: int = 0) -> Any:
        ndim = xs[0].ndim
        for x in xs:
            if x.ndim != ndim:  # torch leaves out empty vectors
                raise ValueError("the tensors have different numbers of axes")
        return torch.cat(xs, axis)

    @staticmethod
    def stack(x: Any, axis: int = 0) -> Any:
        return torch.stack(x, axis)

    @staticmethod
    def pad_constant(x: Any, pad_width: Any, value: Any) -> Any:
        widths = [width for pair in reversed(pad_width) for width in pair]
        return torch.nn.functional.pad(x, widths, value=value)

    @staticmethod
    def flip(x: Any, axis: Any = None) -> Any:
        return _flipped(x, _axes(x, axis))

    @staticmethod
    def index(x: Any, indices: Any, key: Any) -> Any:
        if not indices:
            try:
                return x[key]
            except ValueError:  # a negative step
                x, key, _ = _forward(x, key)
                return x[key]
        if len(key) == 1:
            at: int | None = 0
        else:
            x, key, _ = _forward(x, key)
            at = _only_hole(key)
        if at is not None and at < x.ndim:
            index = indices[0]
            if index.ndim and index.numel() * x.numel() <= _SMALL * x.shape[at]:
                return x[(*key[:at], index if index.dtype in _INDEX else index.to(torch.int64))]
            chosen = torch.index_select(x, at, _counted(index, x.shape[at]).reshape(-1))
            return chosen.reshape((*x.shape[:at], *index.shape, *x.shape[at + 1 :]))
        y = x[fill_key(key, [_long(i) for i in indices])]
        return (
            y if all(i.ndim for i in indices) else y.reshape(indexed_shape(x.shape, indices, key))
        )

    @staticmethod
    def index_update(x: Any, indices: Any, updates: Any, key: Any, reduction: str | None) -> Any:
        x, key, turned = _forward(x, key)
        if indices:
            y = _scatter(x, indices, updates, key, reduction)
        else:
            y = _like_batch(x, updates).clone()
            y[key] = updates if reduction is None else _COMBINE[reduction](x[key], updates)
        return _flipped(y, turned) if turned else y

    @staticmethod
    def nonzero(x: Any) -> Any:
        return tuple(part.to(torch.int32) for part in torch.nonzero(x, as_tuple=True))

    @staticmethod
    def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if axis == ():
            return x.clone()
        return torch.sum(x, _checked(x, axis), keepdims, dtype=x.dtype)

    @staticmethod
    def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        for at in sorted(axes_indices(axis, x.ndim), reverse=True):
            x = torch.prod(x, at, keepdims, dtype=x.dtype)
        return x

    @staticmethod
    def max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if axis == ():
            return x.clone()
        return torch.amax(x, () if axis is None else _checked(x, axis), keepdims)

    @staticmethod
    def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if axis == ():
            return x.clone()
        return torch.amin(x, () if axis is None else _checked(x, axis), keepdims)

    @staticmethod
    def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return torch.any(x, _checked(x, axis), keepdims)

    @staticmethod
    def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return torch.all(x, _checked(x, axis), keepdims)

    @staticmethod
    def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return torch.argmax(x, _checked(x, axis), keepdims).int()

    @staticmethod
    def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return torch.argmin(x, _checked(x, axis), keepdims).int()

    @staticmethod
    def argsort(x: Any, axis: int = -1) -> Any:
        return torch.argsort(x, dim=_checked(x, axis), stable=True).int()

    @staticmethod
    def cumsum(x: Any, axis: int = 0) -> Any:
        return torch.cumsum(x, _checked(x, axis), dtype=x.dtype)


_device: ContextVar[str | None] = ContextVar("polynet_torch_device", default=None)
_REVERSED = [tuple(reversed(range(ndim))) for ndim in range(65)]  # torch has at most 64 axes
_COMBINE = {"add": torch.add, "multiply": torch.mul, "max": torch.maximum, "min": torch.minimum}
_SCATTER = {"multiply": "prod", "max": "amax", "min": "amin"}


def _axes(x: Any, axis: Any) -> tuple[int, ...]:
    """The axes to reduce, as a tuple."""
    if axis is None:
        return tuple(range(x.ndim))
    return axis if isinstance(axis, tuple) else (_checked(x, axis),)


def _checked(x: Any, axis: Any) -> Any:
    """``axis``, unless it names one of a tensor that has none, which torch lets pass."""
    if axis is not None and not x.ndim and axis != ():
        raise ValueError("a 0-d tensor has no axis")
    return axis


# ------------------------------------------------------------------------------------------ indexing


def _long(index: Any) -> Any:
    """An index as torch takes it: uint8 would be a mask, and 0-d would be read as a Python number."""
    index = index.to(torch.int64)
    return index if index.ndim else index.reshape(1)


_SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


def _flipped(x: Any, axes: Sequence[int]) -> Any:
    if x.dtype in _SIGNED:
        return x.view(_SIGNED[x.dtype]).flip(axes).view(x.dtype)
    return torch.flip(x, axes)


def _forward(x: Any, key: Any) -> tuple[Any, tuple[Any, ...], list[int]]:
    """``x`` with the axes turned around that ``key`` walks backwards, a key that walks forwards on it, and the axes."""
    for entry in key:
        if entry.__class__ is slice and entry.step is not None and entry.step < 0:
            break
    else:
        return x, key, []
    turned: list[int] = []
    new: list[Any] = []
    axis = 0
    for entry in expand_key(key, x.ndim):
        if isinstance(entry, slice) and entry.step is not None and entry.step < 0:
            start, stop, step = entry.indices(x.shape[axis])
            first = x.shape[axis] - 1 - start
            entry = slice(first, first - step * len(range(start, stop, step)), -step)
            turned.append(axis)
        new.append(entry)
        axis += entry is not None
    return _flipped(x, turned), tuple(new), turned


def _only_hole(key: Any) -> int | None:
    """The axis of the only hole of a key that takes everything else."""
    if len(key) == 1:
        return 0
    if any(entry is not HOLE and entry != _EVERYTHING for entry in key):
        return None
    return key.index(HOLE) if key.count(HOLE) == 1 else None


_EVERYTHING = slice(None)
_INDEX = (torch.int32, torch.int64)
_SMALL = 16384  # elements of a result; from there on index_select is the faster, by far


def _counted(index: Any, length: int) -> Any:
    """An index whose negative entries are counted from the front."""
    index = index.to(torch.int64)
    return torch.where(index < 0, index + length, index)


def _like_batch(x: Any, updates: Any) -> Any:
    """``x``, in a batch of its own where ``updates`` are in one of ``torch.func.vmap``: it will be written into."""
    if torch._C._functorch.is_batchedtensor(updates) and not torch._C._functorch.is_batchedtensor(
        x
    ):
        return torch.where(torch.ones_like(updates.reshape(-1)[:1].sum(), dtype=torch.bool), x, x)
    return x


def _scatter(x: Any, indices: Any, updates: Any, key: Any, reduction: str | None) -> Any:
    """``index_update`` by tensors: each of them names a row of x, seen as a matrix."""
    shape = indexed_shape(x.shape, indices, key)
    updates = updates.expand(shape)
    at = _only_hole(key)
    if at is not None:
        moved = x.movedim(at, 0)
        index = _counted(indices[0], x.shape[at]).reshape(-1)
        ndim = indices[0].ndim
        updates = updates.movedim(tuple(range(at, at + ndim)), tuple(range(ndim)))
    else:
        moved = x.reshape(-1)
        index = TorchBackend.index(
            torch.arange(x.numel(), device=x.device).reshape(x.shape), indices, key
        ).reshape(-1)
    rows = moved.reshape(moved.shape[0], -1) if x.numel() else moved.reshape(moved.shape[0], 0)
    updates = updates.reshape(index.shape[0], rows.shape[1])
    if reduction == "add":
        y = rows.index_add(0, index, updates)
    elif reduction is None:
        y = _last_wins(rows, index, updates)
    elif rows.is_complex():
        y = rows.clone()
        for i in range(index.shape[0]):
            y[index[i]] = y[index[i]] * updates[i]
    else:
        y = rows.scatter_reduce(
            0, index[:, None].expand(updates.shape), updates, _SCATTER[reduction]
        )
    return y.reshape(moved.shape).movedim(0, at) if at is not None else y.reshape(x.shape)


def _last_wins(rows: Any, index: Any, updates: Any) -> Any:
    """``rows`` with some replaced; torch promises no order, but one thread goes from first to last."""
    if rows.device.type == "cpu" and updates.numel() <= _GRAIN and not updates.requires_grad:
        return rows.index_put((index,), updates)
    order = torch.arange(index.shape[0], device=index.device)
    last = torch.full((rows.shape[0],), -1, device=index.device).scatter_reduce(
        0, index, order, "amax"
    )
    return torch.where((last >= 0)[:, None], updates.index_select(0, last.clamp_min(0)), rows)


_GRAIN = 32768  # as many elements torch gives to one thread

# -------------------------------------------------------------------------------- dtypes torch lacks


def _with_number(function: Callable[..., Any], clamp: Callable[..., Any]) -> Callable[..., Any]:
    """``maximum`` or ``minimum`` for a number beside a tensor, where torch wants two tensors.

    ``clamp`` is that function for a number, but for its derivative where both are equal.
    """

    def call(x1: Any, x2: Any) -> Any:
        x, number = (x1, x2) if isinstance(x1, torch.Tensor) else (x2, x1)
        if not (x.requires_grad or torch._C._functorch.is_functorch_wrapped_tensor(x)):
            if number == number and x.dtype is not torch.bool:
                return clamp(x, number)
        return function(x, torch.scalar_tensor(number, dtype=x.dtype))

    return call


_CLAMPS = {"maximum": torch.clamp_min, "minimum": torch.clamp_max}
_DIVISIONS = frozenset({"floor_divide", "fmod", "mod"})


def _by_zero(divide: Callable[..., Any], op: str) -> Callable[..., Any]:
    """Division of integers, of which torch makes an error where the divisor is 0: the result is 0 there."""

    def call(x1: Any, x2: Any) -> Any:
        if type(x2) is int and x2:
            return divide(x1, x2)
        x2 = torch.as_tensor(x2, dtype=x1.dtype) if type(x2) is int else x2
        zero = x2 == 0
        y = divide(x1, torch.where(zero, 1, x2))
        return y.masked_fill(zero, 0) if op == "floor_divide" else y

    return call


_SIGN = -(2**63)


def _in_int64(op: str, function: Callable[..., Any], dtype: torch.dtype) -> Callable[..., Any]:
    """``function`` on int64 in place of a wide unsigned dtype."""
    if dtype is torch.uint64 and op in _OF_UINT64:
        function = _OF_UINT64[op]
    keeps = op not in _COMPARING | _INDICES

    def call(*args: Any) -> Any:
        # The order of uint64 is that of int64 with the sign bit turned over.
        turn = dtype is torch.uint64 and (
            op in _COMPARING | _EXTREME | _INDICES - {"nonzero"} or args[-1] in ("max", "min")
        )

        def opened(value: Any) -> Any:
            if isinstance(value, torch.Tensor) and value.dtype is dtype:
                value = value.view(torch.int64) if dtype is torch.uint64 else value.to(torch.int64)
            elif (
                type(value) is not int
                or dtype is not torch.uint64
                or (op not in _SWAPPED and op not in _SCALARS)
            ):
                return value
            elif value >= 2**63:
                value -= 2**64
            return value ^ _SIGN if turn else value

        y = function(*map(opened, args))
        if not keeps:
            return y
        if turn:
            y = y ^ _SIGN
        return y.view(dtype) if dtype is torch.uint64 else y.to(dtype)

    return call


def _unsigned_floor_divide(x1: Any, x2: Any) -> Any:
    """Of uint64 in the bits of int64: half of x1 is never negative, which gives the quotient but for its last bit."""
    x1, x2 = torch.as_tensor(x1), torch.as_tensor(x2)
    half = torch.floor_divide((x1 >> 1) & ~_SIGN, x2)
    quotient = half << 1
    rest = x1 - quotient * x2
    quotient = quotient + ((rest ^ _SIGN) >= (x2 ^ _SIGN))
    return torch.where(x2 < 0, ((x1 ^ _SIGN) >= (x2 ^ _SIGN)).to(torch.int64), quotient)


_OF_UINT64: dict[str, Callable[..., Any]] = {
    "floor_divide": _by_zero(_unsigned_floor_divide, "floor_divide"),
    "mod": _by_zero(lambda x1, x2: x1 - _unsigned_floor_divide(x1, x2) * x2, "mod"),
    "right_shift": lambda x, y: torch.where(y > 0, ((x >> 1) & ~_SIGN) >> (y - 1).clamp_min(0), x),
    "absolute": torch.clone,
    "sign": lambda x: x.ne(0).to(torch.int64),
}


def _update_bools(x: Any, indices: Any, updates: Any, key: Any, reduction: str | None) -> Any:
    """Sums of bools are maxima, products minima."""
    how = {"add": "max", "multiply": "min"}.get(reduction or "", reduction)
    return TorchBackend.index_update(x.byte(), indices, updates.byte(), key, how).bool()


_OF_BOOLS: dict[str, Callable[..., Any]] = {
    "absolute": torch.clone,
    "conj": torch.clone,
    "matmul": lambda x1, x2: torch.matmul(x1.float(), x2.float()).bool(),
    "argmax": lambda x, axis=None, keepdims=False: TorchBackend.argmax(x.byte(), axis, keepdims),
    "argmin": lambda x, axis=None, keepdims=False: TorchBackend.argmin(x.byte(), axis, keepdims),
    "index_update": _update_bools,
}

# ------------------------------------------------------------------------------------------ the host


def _holders(x: torch.Tensor) -> int:
    """How many tensors there are on the memory of ``x``, and one more for asking."""
    return torch._C._storage_Use_Count(x.untyped_storage()._cdata)


_ALONE = _holders(torch.empty(1))


def _bfloat16() -> Any:
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        return None
    return bfloat16


def _from_numpy(array: Any) -> torch.Tensor:
    """A tensor in the array's memory where torch can, else in its own."""
    dtype = array.dtype
    if dtype.kind == "V" and dtype.name == "bfloat16":  # to ask for a name takes long
        return _from_numpy(array.view(np.int16)).view(torch.bfloat16)
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy()
    return torch.from_numpy(array)


# ----------------------------------------------------------------------------------------- protocols


def _torch_function(cls: type, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """Torch's functions take a value that stands for a tensor where they take a tensor."""
    opened = map(_opened, args)
    return func(*opened, **_opened(kwargs)) if kwargs else func(*opened)


def _opened(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value
    if hasattr(value, "_polynet_value"):
        return _opened(value._polynet_value())
    if type(value) in (tuple, list):
        return type(value)(map(_opened, value))
    if type(value) is dict:
        return {key: _opened(entry) for key, entry in value.items()}
    return value
