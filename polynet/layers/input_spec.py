"""``InputSpec``: what a layer accepts as input, and the check of it.

A layer sets ``self.input_spec`` in its ``build``; ``Layer`` calls ``check`` when it meets a new shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polynet import dtypes, errors, tree


class InputSpec:
    """Rank, shape and dtype that a layer expects of an input.

    Args:
        dtype: the dtype that is expected.
        shape: the whole shape; ``None`` for a length that may be anything.
        ndim: the number of axes.
        max_ndim: the largest number of axes.
        min_ndim: the smallest number of axes.
        axes: lengths by axis, ``{-1: 784}``.
        allow_last_axis_squeeze: may a last axis of length 1 be missing, or be too much?
        name: the key of this input when inputs come as a dict.
        optional: may the input be ``None``?

    Example:
        >>> import polynet
        >>> polynet.InputSpec(ndim=2, axes={-1: 784})
        InputSpec(ndim=2, axes={-1: 784})
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else dtypes.standardize(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(axis): length for axis, length in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional
        rank = self.ndim if self.ndim is not None else self.max_ndim
        if rank is not None and self.axes and max(self.axes) >= rank:
            raise ValueError(
                f"InputSpec: axes: axis {max(self.axes)} is out of range for {rank} dimensions."
            )

    def __repr__(self) -> str:
        parts = [
            f"{name}={value!r}"
            for name, value in self.get_config().items()
            if value not in (None, False, {})
        ]
        return f"InputSpec({', '.join(parts)})"

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this specification again."""
        return {
            "dtype": self.dtype,
            "shape": self.shape,
            "ndim": self.ndim if self.shape is None else None,
            "max_ndim": self.max_ndim,
            "min_ndim": self.min_ndim,
            "axes": self.axes,
            "allow_last_axis_squeeze": self.allow_last_axis_squeeze,
            "name": self.name,
            "optional": self.optional,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """A specification from what ``get_config`` gave."""
        return cls(**config)


def check(specs: Any, inputs: Any, layer: str) -> None:
    """Raise what is wrong with the inputs of a layer, by its ``input_spec``."""
    wanted = tree.flatten(specs)
    if isinstance(inputs, dict) and all(spec.name for spec in wanted):
        missing = [spec.name for spec in wanted if spec.name not in inputs and not spec.optional]
        if missing:
            raise ValueError(
                f"{layer}: missing input {missing[0]!r}; got the inputs {sorted(inputs)}."
            )
        given = [inputs.get(spec.name) for spec in wanted]
    else:
        given = tree.flatten(inputs)
    if len(given) != len(wanted):
        raise ValueError(f"{layer}: expected {len(wanted)} inputs; got {len(given)}.")
    for number, (spec, x) in enumerate(zip(wanted, given, strict=True)):
        which = f"input {spec.name or number}" if len(wanted) > 1 else "input"
        if x is None:
            if not spec.optional:
                raise ValueError(f"{layer}: {which}: expected a tensor; got None.")
        elif spec is not None:
            _check_one(spec, x, f"{layer}: {which}")


def _check_one(spec: InputSpec, x: Any, where: str) -> None:
    shape = tuple(getattr(x, "shape", ()))
    rank = len(shape)
    got = f"got shape {shape}"
    if spec.ndim is not None and rank != spec.ndim:
        squeezed = spec.allow_last_axis_squeeze and abs(rank - spec.ndim) == 1
        if not squeezed:
            raise errors.ShapeError(f"{where}: expected {_axes(spec.ndim)}; {got}.")
    if spec.max_ndim is not None and rank > spec.max_ndim:
        raise errors.ShapeError(f"{where}: expected at most {_axes(spec.max_ndim)}; {got}.")
    if spec.min_ndim is not None and rank < spec.min_ndim:
        raise errors.ShapeError(f"{where}: expected at least {_axes(spec.min_ndim)}; {got}.")
    if spec.dtype is not None and dtypes.standardize(x.dtype) != spec.dtype:
        raise errors.DTypeError(
            f"{where}: expected dtype {spec.dtype}; got {dtypes.standardize(x.dtype)}."
        )
    for axis, length in spec.axes.items():
        if length is not None and -rank <= axis < rank and shape[axis] not in (length, None):
            raise errors.ShapeError(f"{where}: expected length {length} along axis {axis}; {got}.")
    if spec.shape is not None:
        expected = spec.shape
        if spec.allow_last_axis_squeeze:
            expected = expected[:-1] if expected[-1:] == (1,) else expected
            shape = shape[:-1] if shape[-1:] == (1,) else shape
        if len(expected) != len(shape) or any(
            want is not None and have not in (want, None)
            for want, have in zip(expected, shape, strict=True)
        ):
            raise errors.ShapeError(f"{where}: expected shape {spec.shape}; {got}.")


def _axes(count: int) -> str:
    return f"{count} dimension{'' if count == 1 else 's'}"
