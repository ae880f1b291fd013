"""Operators for the values that are not native tensors: ``Variable``, ``Spec``, ``KerasTensor``, ``Box``.

``Traced`` is what the op mechanism asks of such a value: how an op reads it.  The operator methods call ops, which
are bound here by ``bind_operators`` once they exist.  No kind of value is defined in this file.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np

Tensor: TypeAlias = Annotated[Any, "Tensor"]
"""Annotates an op's tensor parameters: a native tensor, a ``Traced``, a NumPy array or a Python number."""

Axis: TypeAlias = Annotated[Any, "Axis"]
"""Annotates an axis parameter: ``None``, an integer, or a tuple; the op mechanism turns a list into a tuple."""

Shape: TypeAlias = Annotated[Any, "Shape"]
"""Annotates a shape parameter; the op mechanism turns it into a tuple of integers."""

DType: TypeAlias = Annotated[Any, "DType"]
"""Annotates a dtype parameter; the op mechanism turns anything but ``None`` into a dtype name."""

_BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "mod",
    "pow": "power",
    "matmul": "matmul",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "left_shift",
    "rshift": "right_shift",
}
_COMPARE = {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}
_UNARY = {"neg": "negative", "abs": "absolute", "invert": "bitwise_not"}


class Traced:
    """A value that an op reads in its own way; see ``op.py`` for who calls what.

    Among the arguments of a call the one of highest ``priority`` decides.
    """

    __slots__ = ()
    priority: int = 0
    __array_priority__ = 1000
    __hash__ = object.__hash__

    shape: Any
    dtype: Any

    def _apply(self, op: Any, args: tuple[Any, ...]) -> Any:
        """Read the op ``op`` called with ``args``, one of which is ``self``."""
        raise NotImplementedError

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Any:
        """The number of elements."""
        total = 1
        for length in self.shape:
            if length is None:
                return None
            total *= length
        return total

    @property
    def T(self) -> Any:
        """The tensor with its axes reversed."""
        return _ops["transpose"](self)

    def __getitem__(self, key: Any) -> Any:
        return _ops["get_item"](self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError(
            f"'{type(self).__name__}' does not support item assignment. "
            f"Use a polynet.Variable (v[0, 0] = 1.0) or polynet.ops.slice_update, which returns a new tensor."
        )

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return int(self.shape[0])

    def __iter__(self) -> Any:
        if not self.shape:
            raise TypeError("iteration over a 0-d tensor")
        if self.shape[0] is None:
            raise TypeError(
                "iteration over a tensor whose first dimension is unknown; use ops.scan or ops.map."
            )
        return (self[i] for i in range(self.shape[0]))

    # ------------------------------------------------------------------------ NumPy's protocols

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = UFUNC_NAMES.get(ufunc.__name__, ufunc.__name__)
        if method == "reduce" and name in _REDUCE_NAMES:
            return _call_op(_REDUCE_NAMES[name], f"numpy.{ufunc.__name__}.reduce", inputs, kwargs)
        if method != "__call__":
            raise TypeError(
                f"numpy.{ufunc.__name__}.{method} does not take a {type(self).__name__}; use polynet.ops."
            )
        return _call_op(name, f"numpy.{ufunc.__name__}", inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _call_op(func.__name__, f"numpy.{func.__name__}", args, kwargs)


class Held(Traced):
    """A ``Traced`` with one native tensor inside, ``value``: a variable, a part of one, a watched value."""

    __slots__ = ()
    watched: ClassVar[bool] = False
    """Does ``_polynet_value`` refuse, while a tape watches the value?"""
    value: Any

    def _polynet_value(self) -> Any:
        """What stands for it in a function of the array library."""
        return self.value

    def _polynet_plain(self) -> Any:
        """The value with one layer of what tapes put around it taken off."""
        return self.value

    def numpy(self) -> np.ndarray:
        """The values on the host, in memory of their own."""
        return np.array(_to_numpy(plain(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(_to_numpy(self._polynet_value()), dtype)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self._polynet_value().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return self._polynet_value().__dlpack_device__()

    def __float__(self) -> float:
        return float(plain(self))

    def __int__(self) -> int:
        return int(plain(self))

    def __bool__(self) -> bool:
        return bool(plain(self))

    def __index__(self) -> int:
        return int(plain(self).__index__())

    def __format__(self, spec: str) -> str:
        return format(self.item() if spec else repr(self), spec)

    def item(self) -> Any:
        """The value of a tensor of one element as a Python number."""
        return self.numpy().item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self.numpy().tolist()


def plain(value: Any) -> Any:
    """The native tensor (or number) inside a variable or a value that tapes watch."""
    while isinstance(value, Held):
        value = value._polynet_plain()
    return value


def _to_numpy(value: Any) -> Any:
    from polynet import plugins

    if isinstance(value, Held):
        return value.__array__()
    return plugins.backend_of(value).to_numpy(value)


def _call_op(name: str, asked: str, args: Any, kwargs: Any) -> Any:
    """What a NumPy function means for such a value: the op of that name, or an error; never a lost gradient."""
    from polynet import ops

    function = getattr(ops, name, None)
    if function is None:
        raise TypeError(
            f"{asked} does not take a polynet tensor, and polynet.ops has no {name!r}; use other ops."
        )
    try:
        return function(*args, **kwargs)
    except TypeError as error:
        if kwargs and "argument" in str(error):
            raise TypeError(
                f"{asked} of a polynet tensor takes the arguments of polynet.ops.{name}: {error}"
            ) from None
        raise


class LoadedOnDemand(dict[str, Any]):
    """A table of ops by name, which imports ``polynet.ops`` when one is asked for that is not there yet, or all are."""

    def __missing__(self, name: str) -> Any:
        importlib.import_module("polynet.ops")
        if name not in self:
            raise KeyError(name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        importlib.import_module("polynet.ops")
        return super().__iter__()

    def items(self) -> Any:
        """Every op with its name."""
        importlib.import_module("polynet.ops")
        return super().items()

    def values(self) -> Any:
        """Every op."""
        importlib.import_module("polynet.ops")
        return super().values()


_ops: dict[str, Callable[..., Any]] = LoadedOnDemand()


def _binary(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: Any, other: Any) -> Any:
        return _ops[name](self, other)

    def backward(self: Any, other: Any) -> Any:
        return _ops[name](other, self)

    return forward, backward


def _unary(name: str) -> Callable[..., Any]:
    def method(self: Any) -> Any:
        return _ops[name](self)

    return method


def _define_operators() -> None:
    for dunder, name in _BINARY.items():
        forward, backward = _binary(name)
        setattr(Traced, f"__{dunder}__", forward)
        setattr(Traced, f"__r{dunder}__", backward)
    for dunder, name in _COMPARE.items():
        setattr(Traced, f"__{dunder}__", _binary(name)[0])
    for dunder, name in _UNARY.items():
        setattr(Traced, f"__{dunder}__", _unary(name))


_define_operators()


def bind_operators(ops: dict[str, Callable[..., Any]]) -> None:
    """Tell the operators which functions they stand for; called once by ``polynet.ops``."""
    _ops.update(ops)


_REDUCE_NAMES = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}

# The names under which NumPy calls what the operators and functions of other libraries do with such a value.
UFUNC_NAMES = {
    "divide": "true_divide",
    "remainder": "mod",
    "invert": "bitwise_not",
}
