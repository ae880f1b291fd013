"""JAX as a polynet backend: one class in sections.

No dtype is decided here: what arrives has the dtype that the core settled on, and goes back in it.  Each primitive is
compiled by itself: called outside of ``jax.jit``, that is the way with the least overhead.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from polynet import errors
from polynet.backend import Backend
from polynet.ops import primitives
from polynet.ops.primitives import HOLE, expand_key, fill_key, indexed_shape, power_of_integers
from polynet_jax.arrays import JaxLoops
from polynet_jax.autodiff import JaxTransforms
from polynet_jax.elementwise import Elementwise
from polynet_jax.linalg import Linalg
from polynet_jax.neural import Neural
from polynet_jax.random_numbers import RandomNumbers
from polynet_jax.recurrent import Recurrent

try:
    from jax.extend.core import get_opaque_trace_state
except ImportError:  # before JAX 0.7
    from jax.core import get_opaque_trace_state

_NOT_TRACING = get_opaque_trace_state()
_HOST_LIMIT = 1 << 20
"""Elements up to which constants are made on the host."""

_NARROW = {
    name: np.dtype(name)
    for name in (
        *(
            "bool",
            "int8",
            "int16",
            "int32",
            "uint8",
            "uint16",
            "uint32",
            "float16",
            "bfloat16",
            "float32",
        ),
        "complex64",
    )
}
_WIDE = {name: np.dtype(name) for name in ("int64", "uint64", "float64", "complex128")}
_ALL = _NARROW | _WIDE
_NAMES = {native: name for name, native in _ALL.items()}
_SMALLER = {"int64": "int32", "uint64": "uint32"}

_ALIKE = (
    *(
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
        "arctan",
        "sinh",
        "cosh",
    ),
    *(
        "tanh",
        "arcsinh",
        "arccosh",
        "arctanh",
        "arctan2",
        "nextafter",
        "true_divide",
        "add",
        "subtract",
        "multiply",
    ),
    *("mod", "power", "maximum", "minimum", "negative", "floor", "ceil", "rint"),
    *(
        "conj",
        "real",
        "imag",
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "logical_and",
    ),
    *(
        "logical_or",
        "logical_xor",
        "logical_not",
        "isnan",
        "isfinite",
        "isinf",
        "signbit",
        "bitwise_and",
    ),
    *("bitwise_or", "bitwise_xor", "bitwise_not", "left_shift", "right_shift", "where", "matmul"),
)
_ALIKE_BUT_FOR_DATA = (
    "reshape",
    "transpose",
    "broadcast_to",
    "stack",
    "flip",
)  # the second argument has no data
_SCALARS = (
    *(
        "add",
        "subtract",
        "multiply",
        "true_divide",
        "power",
        "maximum",
        "minimum",
        "floor_divide",
        "mod",
    ),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "where"),
)


def compiled(function: Callable[..., Any], *static: int) -> Any:
    """``function`` compiled by itself, for use as a method; ``static`` are the places of arguments without data."""
    return staticmethod(jax.jit(function, static_argnums=static, inline=True))


def _alike(name: str, *static: int) -> Any:
    """The function of ``jax.numpy`` with a primitive's name, with the primitive's parameters."""
    function = getattr(jnp, name)

    def call(*args: Any) -> Any:
        return function(*args)

    call.__name__ = name
    call.__signature__ = inspect.signature(getattr(primitives, name))  # type: ignore[attr-defined]
    return compiled(call, *static)


def _cast(x: Any, native: Any) -> Any:
    if jnp.iscomplexobj(x) and native.kind != "c":
        x = x != 0 if native.kind == "b" else jnp.real(x)
    return lax.convert_element_type(x, native)


def _reduction(function: Callable[..., Any], *extra: str) -> Any:
    def reduce(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        options = {"dtype": x.dtype} if "dtype" in extra else {}
        return function(x, axis, keepdims=keepdims, **options)

    return compiled(reduce, 1, 2)


def _index_of(function: Callable[..., Any]) -> Any:
    def find(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return function(x, axis, keepdims=keepdims).astype(np.int32)

    return compiled(find, 1, 2)


def _sign(x: Any) -> Any:
    if not jnp.iscomplexobj(x):
        return jnp.sign(x)
    safe = jnp.where(x == 0, 1, x)  # JAX's own has no derivative
    return jnp.where(x == 0, 0, safe / jnp.abs(safe))


def _floor_divide(x1: Any, x2: Any) -> Any:
    y = jnp.floor_divide(x1, x2)
    return jnp.where(x2 == 0, 0, y) if jnp.issubdtype(y.dtype, jnp.integer) else y


def _cumsum(x: Any, axis: int = 0) -> Any:
    if not x.ndim:
        raise ValueError("a 0-d tensor has no axis")
    return jnp.cumsum(x, axis, x.dtype)


@jax.custom_jvp
def _distance(x: Any) -> Any:
    """The absolute value of a real number, whose slope at 0 is 0; that of ``jnp.abs`` is 1."""
    return jnp.abs(x)


_distance.defjvps(lambda t, y, x: t * jnp.sign(x))


def _absolute(x: Any) -> Any:
    return _distance(x) if jnp.issubdtype(x.dtype, np.floating) else jnp.abs(x)


def _complex_from(x1: Any, x2: Any) -> Any:
    return lax.complex(*jnp.broadcast_arrays(x1.real, x2.real))


def _concatenate(xs: Any, axis: int = 0) -> Any:
    return lax.concatenate(xs, axis % xs[0].ndim if -xs[0].ndim <= axis < xs[0].ndim else axis)


def _pad(x: Any, value: Any, pad_width: Any) -> Any:
    return lax.pad(x, value, [(before, after, 0) for before, after in pad_width])


class JaxBackend(Elementwise, Linalg, Neural, RandomNumbers, Recurrent, Backend):
    """JAX: the primitives are mostly functions of ``jax.numpy``."""

    tensor_types = (jax.Array,)
    capabilities = frozenset(
        {"autodiff", "jit", "vmap", "complex", "devices", "dlpack", "native_rng"}
    )
    scalar_ops = frozenset(_SCALARS)
    compiles = True

    def __init__(self) -> None:
        self.hot = {}
        self.transforms = JaxTransforms()
        self.loops = JaxLoops()

    # -------------------------------------------------------------------------------------- arrays

    @property
    def dtypes(self) -> Mapping[str, Any]:  # type: ignore[override]
        """The native dtypes: those of 64 bits only while JAX has them switched on."""
        return _ALL if jax.config.jax_enable_x64 else _NARROW

    def dtype_of(self, x: Any) -> str:
        try:
            return _NAMES[x.dtype]
        except KeyError:
            raise errors.DTypeError(f"expected numbers; got a JAX array of {x.dtype}.") from None

    def native_dtype(self, dtype: str) -> Any:
        if dtype in _WIDE and not jax.config.jax_enable_x64:
            raise errors.DTypeError(self.explain_dtype(dtype))
        return _ALL.get(dtype) or super().native_dtype(dtype)

    def host_dtype(self, dtype: str) -> str:
        return (
            _SMALLER.get(dtype, dtype)
            if dtype in _WIDE and not jax.config.jax_enable_x64
            else dtype
        )

    def explain_dtype(self, dtype: str) -> str:
        smaller = {"float64": "float32", "complex128": "complex64", **_SMALLER}[dtype]
        return (
            f"JAX has no {dtype} unless 64 bits are switched on: set JAX_ENABLE_X64=1 in the environment, or call "
            f'jax.config.update("jax_enable_x64", True) at the start of the program. Or cast to {smaller}.'
        )

    def asarray(self, value: Any, dtype: str) -> Any:
        native = self.native_dtype(dtype)
        if isinstance(value, jax.Array):
            return value if value.dtype == native else _astype(value, native)
        array = np.array(value, native)
        if not array.ndim:
            return _scalar(array)
        # of a copy that nobody else holds; jnp.array would compile a function for each shape
        return jax.device_put(array)

    def as_argument(self, value: Any, dtype: str) -> Any:
        # To make a JAX array of it would take longer. A copy: the function may read it after it has returned.
        return np.array(value, self.native_dtype(dtype))

    def to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def from_dlpack(self, x: Any) -> Any:
        return jnp.from_dlpack(x)

    def is_traced(self, x: Any) -> bool:
        return isinstance(x, jax.core.Tracer)

    def install_protocol(self, kind: type) -> None:
        if not kind.watched:  # without it, an operator goes on to the method of the other operand
            kind.__jax_array__ = kind._polynet_value
        # JAX's functions are compiled, and take a variable as a tree of one leaf, its value.
        jax.tree_util.register_pytree_node(
            kind, lambda held: ((held._polynet_value(),), None), lambda _, children: children[0]
        )

    def as_native(self, layer: Any) -> Any:
        from polynet_jax.native import NativeApply

        apply = NativeApply(layer)
        return apply.params(), apply

    def free_memory(self) -> None:
        jax.clear_caches()

    # -------------------------------------------------------------------------------------- devices

    def devices(self) -> list[str]:
        others = [] if jax.default_backend() == "cpu" else jax.devices()
        return [
            *(f"cpu:{d.id}" for d in jax.devices("cpu")),
            *(f"gpu:{i}" for i in range(len(others))),
        ]

    def device_scope(self, device: str) -> contextlib.AbstractContextManager[Any]:
        kind, _, number = device.partition(":")
        found = jax.devices("cpu") if kind == "cpu" else jax.devices()
        return jax.default_device(found[int(number)])

    def device_of(self, x: Any) -> str:
        device = next(iter(x.devices()))
        return f"{'cpu' if device.platform == 'cpu' else 'gpu'}:{device.id}"

    # ------------------------------------------------------------- other functions for some dtypes

    def method(self, op: str, kinds: Sequence[str | type]) -> Callable[..., Any] | None:
        function = super().method(op, kinds)
        return power_of_integers(function, self, kinds) if op == "power" else function

    # --------------------------------------------------------------------- primitives spelled alike

    for _name in _ALIKE:
        locals()[_name] = _alike(_name)
    for _name in _ALIKE_BUT_FOR_DATA:
        locals()[_name] = _alike(_name, 1)
    del _name

    # ------------------------------------------------------------------- primitives that need a word

    erf = compiled(lambda x: jax.scipy.special.erf(x))
    erfinv = compiled(lambda x: jax.scipy.special.erfinv(x))
    sign = compiled(_sign)
    floor_divide = compiled(_floor_divide)
    absolute = compiled(_absolute)
    complex_from = compiled(_complex_from)
    concatenate = compiled(_concatenate, 1)
    sum = _reduction(jnp.sum, "dtype")
    prod = _reduction(jnp.prod, "dtype")
    max = _reduction(jnp.max)
    min = _reduction(jnp.min)
    any = _reduction(jnp.any)
    all = _reduction(jnp.all)
    argmax = _index_of(jnp.argmax)
    argmin = _index_of(jnp.argmin)
    argsort = compiled(lambda x, axis=-1: jnp.argsort(x, axis, stable=True).astype(np.int32), 1)
    cumsum = compiled(_cumsum, 1)

    def copy(self, x: Any) -> Any:
        if isinstance(x, jax.core.Tracer):
            return jnp.array(x, copy=True)
        return jax.device_put(x, may_alias=False)

    def stop_gradient(self, variable: Any) -> Any:
        return lax.stop_gradient(variable) if isinstance(variable, jax.core.Tracer) else variable

    def cast(self, x: Any, dtype: str) -> Any:
        return _astype(x, self.native_dtype(dtype))

    def view(self, x: Any, dtype: str | None = None) -> Any:
        return x if dtype is None else _view(x, self.native_dtype(dtype))

    def full(self, shape: tuple[int, ...], fill_value: Any, dtype: str) -> Any:
        value = np.asarray(fill_value, self.native_dtype(dtype))
        if not shape or math.prod(shape) > _HOST_LIMIT or get_opaque_trace_state() != _NOT_TRACING:
            return _full(value, shape)
        return jax.device_put(np.full(shape, value))  # nothing is to be compiled

    def iota(self, length: int, dtype: str) -> Any:
        return _iota(self.native_dtype(dtype), length)

    def pad_constant(self, x: Any, pad_width: Any, value: Any) -> Any:
        return _padded(x, np.asarray(value, x.dtype), pad_width)

    def index(self, x: Any, indices: Any, key: Any) -> Any:
        if isinstance(x, jax.core.Tracer):
            return x[fill_key(key, indices)]
        return _take(x, indices, *_split(key, x.shape))

    def index_update(
        self, x: Any, indices: Any, updates: Any, key: Any, reduction: str | None
    ) -> Any:
        if reduction is not None and x.dtype == np.bool_:
            reduction = {"add": "max", "multiply": "min"}.get(reduction, reduction)
        if isinstance(x, jax.core.Tracer):
            return _updated(
                x,
                indices,
                jnp.broadcast_to(updates, indexed_shape(x.shape, indices, key)),
                key,
                reduction or "set",
            )
        return _put(x, indices, updates, *_split(key, x.shape), reduction or "set")

    def nonzero(self, x: Any) -> Any:
        return tuple(part.astype(np.int32) for part in jnp.nonzero(x))


_astype = jax.jit(_cast, static_argnums=1, inline=True)
_view = jax.jit(lambda x, native: x.view(native), static_argnums=1, inline=True)
_scalar = jax.jit(lambda x: jnp.array(x, copy=True), inline=True)
_full = jax.jit(lambda value, shape: jnp.full(shape, value), static_argnums=1, inline=True)
_iota = jax.jit(lambda native, length: lax.iota(native, length), static_argnums=(0, 1), inline=True)
_padded = jax.jit(_pad, static_argnums=2, inline=True)

# ------------------------------------------------------------------------------------------ indexing


def _split(key: Any, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """The numbers of a key that may change from call to call, and the rest, by which its code is compiled.

    The rest has an entry for each of the key: ``None``, ``HOLE``, a number (the length of a slice that begins at the
    next of the first numbers; -1: a single element) or a tuple (a slice as it is).
    """
    starts: list[int] = []
    rest: list[Any] = []
    axis = 0
    for entry in expand_key(key, len(shape)):
        if entry is None or entry is HOLE:
            rest.append(entry)
        elif isinstance(entry, slice):
            start, stop, step = entry.indices(shape[axis])
            length = len(range(start, stop, step))
            if step == 1 and length < shape[axis]:
                starts.append(start)
                rest.append(length)
            else:
                rest.append((entry.start, entry.stop, entry.step))
        else:
            if not -shape[axis] <= entry < shape[axis]:
                raise IndexError(
                    f"index {entry} is out of range for axis {axis} of length {shape[axis]}"
                )
            starts.append(entry % shape[axis])
            rest.append(-1)
        axis += entry is not None
    return tuple(starts), tuple(rest)


def _window(x: Any, starts: Any, rest: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    """The part of ``x`` between the moving bounds, where it begins, and the key that is left to apply to it."""
    moving = iter(starts)
    begin: list[Any] = []
    sizes: list[int] = []
    key: list[Any] = []
    for entry in rest:
        if entry is not None:
            moves = isinstance(entry, int)
            begin.append(next(moving) if moves else 0)
            sizes.append(abs(entry) if moves else x.shape[len(sizes)])
        if entry is None or entry is HOLE:
            key.append(entry)
        elif isinstance(entry, int):
            key.append(0 if entry == -1 else slice(None))
        else:
            key.append(slice(*entry))
    part = lax.dynamic_slice(x, begin, sizes) if starts else x
    return part, begin, tuple(key)


def _take_body(x: Any, indices: Any, starts: Any, rest: Any) -> Any:
    part, _, key = _window(x, starts, rest)
    return part[fill_key(key, indices)]


def _put_body(x: Any, indices: Any, updates: Any, starts: Any, rest: Any, how: str) -> Any:
    part, begin, key = _window(x, starts, rest)
    shape = indexed_shape(part.shape, indices, key)
    part = _updated(part, indices, jnp.broadcast_to(updates, shape), key, how)
    return lax.dynamic_update_slice(x, part, begin) if starts else part


def _updated(x: Any, indices: Any, updates: Any, key: Any, how: str) -> Any:
    if how == "multiply" and indices:
        return _multiplied(x, indices, updates, key)
    return getattr(x.at[fill_key(key, indices)], how)(updates)


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def _multiplied(x: Any, indices: Any, updates: Any, key: Any) -> Any:
    """Products at indices that may name an element twice, of which JAX knows no derivative."""
    return x.at[fill_key(key, indices)].multiply(updates)


@_multiplied.defjvp
def _multiplied_derivative(key: Any, primals: Any, tangents: Any) -> tuple[Any, Any]:
    x, indices, updates = primals
    at = fill_key(key, indices)
    # What each update is multiplied with; a zero among the factors is taken out first.
    zero = updates == 0
    rest = jnp.where(zero, 1, updates)
    zeros = jnp.zeros(x.shape, np.int32).at[at].add(zero.astype(np.int32))[at] - zero
    others = jnp.where(zeros == 0, _multiplied(x, indices, rest, key)[at] / rest, 0)
    moved = tangents[0] * _multiplied(jnp.ones_like(x), indices, updates, key)
    return _multiplied(x, indices, updates, key), moved.at[at].add(tangents[2] * others)


_take = jax.jit(_take_body, static_argnums=3)
_put = jax.jit(_put_body, static_argnums=(4, 5))
