"""Layers that make one tensor of several: element by element, side by side, or by their products; and as functions."""

from __future__ import annotations

import math
from typing import Any

from polynet import errors, masking, ops
from polynet.layers.arguments import axis_of, is_integer
from polynet.layers.layer import Layer


class _Merging(Layer):
    """A layer that is called on a list of tensors, which need not have equally many axes."""

    least = 1
    most: int | None = None

    def _shapes(self, input_shape: Any) -> list[tuple[Any, ...]]:
        """The shapes of the inputs, after their number and their batches have been looked at."""
        title = self._title()
        several = isinstance(input_shape, list | tuple) and all(
            isinstance(shape, list | tuple) for shape in input_shape
        )
        if not several:
            raise ValueError(f"{title}: inputs: expected a list of tensors; got a single one.")
        shapes = [tuple(shape) for shape in input_shape]
        if len(shapes) < self.least or (self.most is not None and len(shapes) > self.most):
            what = f"{self.least} or more" if self.most is None else str(self.most)
            raise ValueError(f"{title}: inputs: expected {what} tensors; got {len(shapes)}.")
        batches = {shape[0] for shape in shapes if shape} - {None}
        if len(batches) > 1:
            raise errors.ShapeError(
                f"{title}: inputs: expected equally large batches; got shapes {_listed(shapes)}."
            )
        return shapes

    def _masks(self, inputs: Any, mask: Any) -> list[Any]:
        """A mask for each input, or ``None``."""
        if mask is None:
            return [None] * len(inputs)
        if not isinstance(mask, list | tuple) or len(mask) != len(inputs):
            raise ValueError(
                f"{self._title()}: mask: expected a list with one for each of {len(inputs)} inputs; got "
                f"{len(mask) if isinstance(mask, list | tuple) else type(mask).__name__}."
            )
        return list(mask)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """True where any input has data, if all have a mask."""
        masks = self._masks(inputs, mask)
        if any(one is None for one in masks):
            return None
        found = masks[0]
        for one in masks[1:]:
            found = ops.logical_or(found, one)
        return found


def _listed(shapes: Any) -> str:
    return " and ".join(str(tuple(shape)) for shape in shapes)


class _Elementwise(_Merging):
    """A merging layer whose inputs broadcast; missing axes are added after the batch."""

    def build(self, input_shape: Any) -> None:
        shapes = self._shapes(input_shape)
        self._rank = max(map(len, shapes))
        self._same_rank = min(map(len, shapes)) == self._rank
        wide = [(*s[:1], *(1,) * (self._rank - len(s)), *s[1:]) for s in shapes]
        for axis in range(1, self._rank):
            if len({shape[axis] for shape in wide} - {None, 1}) > 1:
                raise errors.ShapeError(
                    f"{self._title()}: inputs: shapes {_listed(shapes)} do not broadcast to one."
                )

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, list | tuple):
            raise ValueError(
                f"{self._title()}: inputs: expected a list of tensors; got a single one."
            )
        if not self._same_rank:
            inputs = [self._widened(x) for x in inputs]
        if masking.any_masks():
            masks = [masking.get_mask(x) for x in inputs]
            if any(mask is not None for mask in masks):
                return self._merged_by_masks(list(inputs), masks)
        return self._merged(inputs)

    def _widened(self, x: Any) -> Any:
        shape = tuple(x.shape)
        missing = self._rank - len(shape)
        return ops.reshape(x, (shape[0], *(1,) * missing, *shape[1:])) if missing else x

    def _merged(self, inputs: Any) -> Any:
        y = inputs[0]
        for x in inputs[1:]:
            y = self._two(y, x)
        return y

    def _two(self, x: Any, y: Any) -> Any:
        raise NotImplementedError

    def _merged_by_masks(self, inputs: list[Any], masks: list[Any]) -> Any:
        return self._merged(inputs)


def _over(mask: Any, x: Any) -> Any:
    """A mask of steps, with an axis for the features of ``x``."""
    return ops.expand_dims(mask, -1) if len(mask.shape) < len(x.shape) else mask


class Add(_Elementwise):
    """The sum of several tensors.

    Example:
        >>> import polynet
        >>> x = polynet.ops.ones((1, 2))
        >>> polynet.layers.Add()([x, x, x])
        array([[3., 3.]], dtype=float32)
    """

    def _two(self, x: Any, y: Any) -> Any:
        return ops.add(x, y)


class Subtract(_Elementwise):
    """The first of two tensors minus the second.

    Example:
        >>> import polynet
        >>> x = polynet.ops.ones((1, 2))
        >>> polynet.layers.Subtract()([x * 3.0, x])
        array([[2., 2.]], dtype=float32)
    """

    least = most = 2

    def _two(self, x: Any, y: Any) -> Any:
        return ops.subtract(x, y)


class Multiply(_Elementwise):
    """The product of several tensors, element by element; what a mask hides is no factor.

    Example:
        >>> import polynet
        >>> x = polynet.ops.ones((1, 2)) * 3.0
        >>> polynet.layers.Multiply()([x, x])
        array([[9., 9.]], dtype=float32)
    """

    def _two(self, x: Any, y: Any) -> Any:
        return ops.multiply(x, y)

    def _merged_by_masks(self, inputs: list[Any], masks: list[Any]) -> Any:
        wide = [
            None if mask is None else _over(mask, x) for x, mask in zip(inputs, masks, strict=True)
        ]
        y = self._merged(
            [x if m is None else ops.where(m, x, 1) for x, m in zip(inputs, wide, strict=True)]
        )
        if any(mask is None for mask in wide):
            return y
        kept = wide[0]
        for mask in wide[1:]:
            kept = ops.logical_or(kept, mask)
        return ops.where(kept, y, 0)


class Average(_Elementwise):
    """The mean of several tensors, element by element.

    Example:
        >>> import polynet
        >>> x = polynet.ops.ones((1, 2))
        >>> polynet.layers.Average()([x, x * 3.0])
        array([[2., 2.]], dtype=float32)
    """

    def _two(self, x: Any, y: Any) -> Any:
        return ops.add(x, y)

    def _merged(self, inputs: Any) -> Any:
        return ops.divide(super()._merged(inputs), len(inputs))


class _Extreme(_Elementwise):
    """The largest or smallest; what a mask hides takes no part."""

    def _merged_by_masks(self, inputs: list[Any], masks: list[Any]) -> Any:
        y, kept = inputs[0], None if masks[0] is None else _over(masks[0], inputs[0])
        for x, mask in zip(inputs[1:], masks[1:], strict=True):
            if mask is not None:
                mask = _over(mask, x)
                x = ops.where(mask, x, y)
            if kept is not None:
                y = ops.where(kept, y, x)
            kept = None if mask is None or kept is None else ops.logical_or(kept, mask)
            y = self._two(y, x)
        return y


class Maximum(_Extreme):
    """The largest of several tensors, element by element.

    Example:
        >>> import polynet
        >>> x = polynet.ops.convert_to_tensor([[1.0, 4.0]])
        >>> polynet.layers.Maximum()([x, polynet.ops.ones((1, 2)) * 2.0])
        array([[2., 4.]], dtype=float32)
    """

    def _two(self, x: Any, y: Any) -> Any:
        return ops.maximum(x, y)


class Minimum(_Extreme):
    """The smallest of several tensors, element by element.

    Example:
        >>> import polynet
        >>> x = polynet.ops.convert_to_tensor([[1.0, 4.0]])
        >>> polynet.layers.Minimum()([x, polynet.ops.ones((1, 2)) * 2.0])
        array([[1., 2.]], dtype=float32)
    """

    def _two(self, x: Any, y: Any) -> Any:
        return ops.minimum(x, y)


class Concatenate(_Merging):
    """Tensors side by side along an axis.

    Args:
        axis: along which they may have different lengths.

    Example:
        >>> import polynet
        >>> polynet.layers.Concatenate()([polynet.ops.ones((2, 3)), polynet.ops.ones((2, 4))]).shape
        (2, 7)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        if self.axis == 0:
            self._check_shapes([tuple(shape) for shape in input_shape])
        else:
            self._check_shapes(self._shapes(input_shape))

    def _check_shapes(self, shapes: list[tuple[Any, ...]]) -> None:
        ranks = {len(shape) for shape in shapes}
        fits = len(ranks) == 1
        if fits:
            rank = ranks.pop()
            at = axis_of(self.axis, rank, self)
            others = (axis for axis in range(rank) if axis != at)
            fits = all(len({shape[axis] for shape in shapes} - {None}) <= 1 for axis in others)
        if not fits:
            raise errors.ShapeError(
                f"{self._title()}: inputs: expected shapes that differ along axis {self.axis} only; got "
                f"{_listed(shapes)}."
            )

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(inputs, self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks side by side; where an input has none, all of it is data."""
        masks = self._masks(inputs, mask)
        if all(one is None for one in masks):
            return None
        wide = []
        for x, one in zip(inputs, masks, strict=True):
            full = tuple(x.shape)
            if one is None:
                wide.append(ops.full(full, True, dtype="bool"))
            elif len(one.shape) < len(full):
                wide.append(ops.broadcast_to(_over(one, x), full))
            else:
                wide.append(one)
        return ops.any(ops.concatenate(wide, self.axis), axis=-1)


class Dot(_Merging):
    """The products of two tensors, summed along an axis of each, for each element of the batch.

    Args:
        axes: the axis of both, or one for each; not 0, the batch.
        normalize: divide both by their norm along these axes? Then the outputs are cosines.

    Example:
        >>> import polynet
        >>> x, y = polynet.ops.ones((2, 3, 5)), polynet.ops.ones((2, 10, 3))
        >>> polynet.layers.Dot(axes=(1, 2))([x, y]).shape
        (2, 5, 10)
    """

    least = most = 2

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not is_integer(axes):
            if not isinstance(axes, list | tuple):
                raise TypeError(
                    f"{type(self).__name__}: axes: expected an integer or two; got {axes!r}."
                )
            if len(axes) != 2 or not all(map(is_integer, axes)):
                raise ValueError(
                    f"{type(self).__name__}: axes: expected an integer or two; got {axes!r}."
                )
        self.axes = axes
        self.normalize = normalize

    def build(self, input_shape: Any) -> None:
        x, y = self._shapes(input_shape)
        pair = (self.axes, self.axes) if is_integer(self.axes) else tuple(self.axes)
        at = tuple(
            axis_of(axis, len(shape), self, "axes")
            for axis, shape in zip(pair, (x, y), strict=True)
        )
        if 0 in at:
            raise ValueError(
                f"{self._title()}: axes: 0 is the batch; expected other axes; got {self.axes!r}."
            )
        lengths = x[at[0]], y[at[1]]
        if None not in lengths and lengths[0] != lengths[1]:
            raise errors.ShapeError(
                f"{self._title()}: axes: expected equal lengths along axis {at[0]} of the first and {at[1]} of the "
                f"second input; got {lengths[0]} and {lengths[1]} in shapes {_listed((x, y))}."
            )
        self._at = at
        self._x_order = (0, *(a for a in range(1, len(x)) if a != at[0]), at[0])
        self._y_order = (0, at[1], *(a for a in range(1, len(y)) if a != at[1]))

    def call(self, inputs: Any) -> Any:
        x, y = inputs
        if self.normalize:
            x, y = ops.normalize(x, self._at[0]), ops.normalize(y, self._at[1])
        x, y = ops.transpose(x, self._x_order), ops.transpose(y, self._y_order)
        batch, before, after, length = x.shape[0], x.shape[1:-1], y.shape[2:], x.shape[-1]
        if len(before) != 1:
            x = ops.reshape(x, (batch, math.prod(before), length))
        if len(after) != 1:
            y = ops.reshape(y, (batch, length, math.prod(after)))
        z = ops.matmul(x, y)
        if len(before) == len(after) == 1:
            return z
        return ops.reshape(z, (batch, *((*before, *after) or (1,))))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """None: the axes of the outputs are not those of a mask."""
        return None


# -------------------------------------------------------------------------------------- as functions


def add(inputs: Any, **kwargs: Any) -> Any:
    """The sum of a list of tensors, by the layer ``Add``.

    Example:
        >>> import polynet
        >>> polynet.layers.add([polynet.ops.ones((1, 2)), polynet.ops.ones((1, 2))])
        array([[2., 2.]], dtype=float32)
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """The first of two tensors minus the second, by the layer ``Subtract``.

    Example:
        >>> import polynet
        >>> polynet.layers.subtract([polynet.ops.ones((1, 2)), polynet.ops.ones((1, 2))])
        array([[0., 0.]], dtype=float32)
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """The product of a list of tensors, by the layer ``Multiply``.

    Example:
        >>> import polynet
        >>> polynet.layers.multiply([polynet.ops.ones((1, 2)), polynet.ops.ones((1, 2))])
        array([[1., 1.]], dtype=float32)
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """The mean of a list of tensors, by the layer ``Average``.

    Example:
        >>> import polynet
        >>> polynet.layers.average([polynet.ops.ones((1, 2)), polynet.ops.zeros((1, 2))])
        array([[0.5, 0.5]], dtype=float32)
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """The largest of a list of tensors, by the layer ``Maximum``.

    Example:
        >>> import polynet
        >>> polynet.layers.maximum([polynet.ops.ones((1, 2)), polynet.ops.zeros((1, 2))])
        array([[1., 1.]], dtype=float32)
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """The smallest of a list of tensors, by the layer ``Minimum``.

    Example:
        >>> import polynet
        >>> polynet.layers.minimum([polynet.ops.ones((1, 2)), polynet.ops.zeros((1, 2))])
        array([[0., 0.]], dtype=float32)
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """A list of tensors side by side, by the layer ``Concatenate``.

    Example:
        >>> import polynet
        >>> polynet.layers.concatenate([polynet.ops.ones((1, 2)), polynet.ops.zeros((1, 2))])
        array([[1., 1., 0., 0.]], dtype=float32)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """The products of two tensors summed along an axis, by the layer ``Dot``.

    Example:
        >>> import polynet
        >>> polynet.layers.dot([polynet.ops.ones((1, 2)), polynet.ops.ones((1, 2))], axes=1)
        array([[2.]], dtype=float32)
    """
    return Dot(axes=axes, **kwargs)(inputs)
