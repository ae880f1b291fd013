"""Checks of constructor arguments that several families of layers share, and of the input's axes in ``build``.

Each raises before anything is computed, and names layer and argument.  Checks that one family needs stay in its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polynet import config, errors

if TYPE_CHECKING:
    from polynet.layers.layer import Layer

_FORMATS = ("channels_last", "channels_first")
_AXES = {1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def is_integer(value: Any) -> bool:
    """Is it a whole number, and no bool?"""
    return (
        hasattr(value, "__index__") and not isinstance(value, bool) and not hasattr(value, "ndim")
    )


def per_axis(value: Any, count: int, name: str, layer: Layer, least: int = 1) -> tuple[int, ...]:
    """One integer for each of ``count`` spatial axes, from one for all or from a sequence."""
    found = (value,) * count if is_integer(value) else value
    if (
        not isinstance(found, list | tuple)
        or len(found) != count
        or not all(is_integer(number) and number >= least for number in found)
    ):
        several = f", or {count} of them" if count > 1 else ""
        raise ValueError(
            f"{type(layer).__name__}: {name}: expected an integer of {least} or more{several}; got {value!r}."
        )
    return tuple(number.__index__() for number in found)


def pairs(value: Any, count: int, name: str, layer: Layer) -> tuple[tuple[int, int], ...]:
    """(before, after) for each of ``count`` spatial axes, from one number, one for each axis, or pairs."""
    each = (value,) * count if is_integer(value) else value
    if isinstance(each, list | tuple) and count == 1 and len(each) == 2:
        each = (each,)
    found = []
    if isinstance(each, list | tuple) and len(each) == count:
        for one in each:
            pair = (one, one) if is_integer(one) else one
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                break
            if not all(is_integer(number) and number >= 0 for number in pair):
                break
            found.append((pair[0].__index__(), pair[1].__index__()))
    if len(found) != count:
        what = "or (before, after)"
        if count > 1:
            what = f"{count} of them, or {count} pairs (before, after)"
        raise ValueError(
            f"{type(layer).__name__}: {name}: expected an integer of 0 or more, {what}; got {value!r}."
        )
    return tuple(found)


def one_of(value: Any, known: Sequence[str], name: str, layer: Layer) -> str:
    """A choice among words, in lower case."""
    word = value.lower() if isinstance(value, str) else value
    if word not in known:
        raise ValueError(
            f"{type(layer).__name__}: {name}: expected {' or '.join(map(repr, known))}; got {value!r}."
            f"{errors.closest(value, known)}"
        )
    return str(word)


def data_format(value: Any, layer: Layer) -> str:
    """``"channels_last"`` or ``"channels_first"``; ``None`` takes the configured one."""
    return (
        config.image_data_format()
        if value is None
        else one_of(value, _FORMATS, "data_format", layer)
    )


def share(value: Any, name: str, layer: Layer, one: bool = True) -> float:
    """A probability; is 1 allowed?"""
    if isinstance(value, bool) or not hasattr(value, "__float__") or not 0 <= value <= 1:
        raise ValueError(
            f"{type(layer).__name__}: {name}: expected a number from 0 to 1; got {value!r}."
        )
    if value == 1 and not one:
        raise ValueError(
            f"{type(layer).__name__}: {name}: expected a number from 0 up to, without, 1; got {value!r}."
        )
    return float(value)


def channels(input_shape: Any, rank: int, data_format: str, layer: Layer) -> int:
    """How many channels an input with ``rank`` spatial axes has; an error if its axes do not fit."""
    axes = ("batch", *_AXES[rank], "channels")
    if data_format == "channels_first":
        axes = ("batch", "channels", *_AXES[rank])
    shape = tuple(input_shape)
    if len(shape) != rank + 2:
        mend = ""
        if len(shape) == rank + 1:
            mend = " If the channel axis is missing, add it with ops.expand_dims."
        raise errors.ShapeError(
            f"{layer._title()}: input: expected {rank + 2} dimensions, ({', '.join(axes)}); got shape {shape}.{mend}"
        )
    found = shape[-1 if data_format == "channels_last" else 1]
    if found is None:
        raise errors.ShapeError(
            f"{layer._title()}: input: the length of the channel axis must be known ({data_format}); got shape "
            f"{shape}. Give it in Input, or set data_format."
        )
    return int(found)


def axis_of(axis: Any, rank: int, layer: Layer, name: str = "axis") -> int:
    """An axis of an input of that rank, counted from the front."""
    if not is_integer(axis) or not -rank <= axis < rank:
        raise errors.AxisError(
            f"{layer._title()}: {name}: expected an integer from {-rank} to {rank - 1} for an input of {rank} "
            f"dimensions; got {axis!r}."
        )
    return int(axis.__index__() % rank)


def known_length(input_shape: Any, axis: int, layer: Layer) -> int:
    """The length of an axis that weights are made for."""
    length = input_shape[axis]
    if length is None:
        raise errors.ShapeError(
            f"{layer._title()}: input: the length of axis {axis} must be known; got shape {tuple(input_shape)}. "
            f"Give it in Input."
        )
    return int(length)
