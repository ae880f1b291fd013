"""Losses: how far the outputs of a model are from what they should be, as functions and as classes.

A function gives one number for each example, or for each position of it; the class of the same name also casts,
weighs, leaves out what is masked, and reduces.  Shapes have to agree up to a last axis of length 1, because a loss
that broadcasts is a loss of something else.  Gradients belong to the ops.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from polynet import backend, config, dtype_policies, dtypes, errors, ops, tree
from polynet.configurable import Catalogue, Configurable, snake_case
from polynet.masking import get_mask, set_mask
from polynet.tensor import Axis, DType, Tensor
from polynet.values import dtype_of, shape_of

__all__ = [
    "CTC",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

# ------------------------------------------------------------------------------------------ shapes


def pair(name: str, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Both as tensors of one float dtype, that of ``y_pred``, and of one shape; ``name`` is the loss, for errors."""
    y_true, y_pred = _tensor(name, "y_true", y_true), _tensor(name, "y_pred", y_pred)
    dtype = dtype_of(y_pred)
    if not dtypes.is_float(dtype):
        dtype = dtypes.standardize(None)
        y_pred = ops.cast(y_pred, dtype)
    if dtype_of(y_true) != dtype:
        y_true = ops.cast(y_true, dtype)
    if y_true.shape != y_pred.shape:
        return of_one_shape(name, y_true, y_pred)
    return y_true, y_pred


def _tensor(name: str, argument: str, x: Any) -> Tensor:
    if isinstance(x, dict):
        raise TypeError(
            f"{name}: {argument}: expected a tensor; got a dict with the keys {sorted(map(str, x))}. Take one loss "
            f"for each entry, or write a Loss whose call takes the dict."
        )
    return x if hasattr(x, "shape") else ops.convert_to_tensor(x)


def of_one_shape(name: str, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Both of one shape, where one lacks a last axis of length 1; else an error."""
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    if true[-1:] == (1,) and len(true) == len(pred) + 1:
        if len(pred) == 1:
            y_pred = ops.expand_dims(y_pred, -1)
        else:
            y_true = ops.squeeze(y_true, -1)
    elif pred[-1:] == (1,) and len(pred) == len(true) + 1:
        if len(true) == 1:
            y_true = ops.expand_dims(y_true, -1)
        else:
            y_pred = ops.squeeze(y_pred, -1)
    if not _agree(y_true.shape, y_pred.shape):
        raise errors.ShapeError(
            f"{name}: y_true has the shape {true}, y_pred {pred}; expected equal shapes, or a last axis of length 1 "
            f"more in one of them. {_advice(name, true, pred)}"
        )
    return y_true, y_pred


def _agree(a: Any, b: Any) -> bool:
    return len(a) == len(b) and all(
        x == y or x is None or y is None for x, y in zip(a, b, strict=True)
    )


def _advice(name: str, true: tuple[int, ...], pred: tuple[int, ...]) -> str:
    if "categorical" in name and _agree(true, pred[:-1]):
        return "For labels that are integers take sparse_categorical_crossentropy."
    if len(true) == len(pred) > 1 and _agree(true[:-1], pred[:-1]):
        return f"The model gives {pred[-1]} numbers where the targets have {true[-1]}."
    return "Nothing is broadcast here: reshape one of them."


def _labels(name: str, y_true: Tensor, y_pred: Tensor, axis: int = -1) -> tuple[Tensor, Tensor]:
    """Integer labels without an axis of classes, and what was predicted for each class."""
    y_true, y_pred = _tensor(name, "y_true", y_true), _tensor(name, "y_pred", y_pred)
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    if not -len(pred) <= axis < len(pred):
        raise errors.AxisError(
            f"{name}: axis: {axis} is out of range for y_pred, which has the shape {pred}."
        )
    at = axis % len(pred)
    wanted = pred[:at] + pred[at + 1 :]
    if len(true) == len(pred) and true[at] == 1:
        y_true = ops.squeeze(y_true, at)
    if not _agree(y_true.shape, wanted):
        one_hot = len(true) == len(pred) and _agree(true, pred)
        raise errors.ShapeError(
            f"{name}: y_true has the shape {true}, y_pred {pred}; expected integer labels of the shape {wanted}. "
            + (
                "For labels that are one-hot take categorical_crossentropy."
                if one_hot
                else f"The classes are on axis {axis} of y_pred."
            )
        )
    return (y_true if dtypes.is_int(dtype_of(y_true)) else ops.cast(y_true, "int32")), y_pred


def aligned(name: str, argument: str, weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A weight or mask so that it multiplies values of that shape: a number for each, or for all of an example."""
    found = shape_of(weight)
    if found == shape or not found:
        return weight
    if len(found) == len(shape) + 1 and found[-1] == 1:
        weight, found = ops.squeeze(weight, -1), found[:-1]
    if len(found) <= len(shape) and all(
        x in (1, y, None) or y is None for x, y in zip(found, shape, strict=False)
    ):
        missing = tuple(range(len(found), len(shape)))
        return ops.expand_dims(weight, missing) if missing else weight
    raise errors.ShapeError(
        f"{name}: {argument}: the shape {shape_of(weight)} does not fit the values, which have the shape {shape}; "
        f"expected that shape or its beginning."
        + (
            " To weigh examples, give y_true and y_pred an axis after that of the examples."
            if not shape
            else ""
        )
    )


# ------------------------------------------------------------------------------------------ the class

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)

Reduction = str | None


class Loss(Configurable):
    """A loss that is weighed, masked and reduced; a subclass gives ``call``.

    Args:
        name: by default after the class.
        reduction: what is made of the numbers of all examples: ``"sum_over_batch_size"`` or ``"mean"``, their sum
            over how many they are (masked ones not counted); ``"sum"``; ``"mean_with_sample_weight"``, their sum over
            that of the weights; or ``None``, also ``"none"``, for the numbers themselves.
        dtype: what targets and outputs are cast to: a dtype or a policy, by default ``floatx``.

    Example:
        >>> import polynet
        >>> class Cubic(polynet.Loss):
        ...     def call(self, y_true, y_pred):
        ...         return polynet.ops.mean(abs(y_true - y_pred) ** 3, axis=-1)
        >>> float(Cubic()([[1.0], [2.0]], [[1.0], [4.0]]))
        4.0
        >>> float(Cubic()([[1.0], [2.0]], [[1.0], [4.0]], sample_weight=[1.0, 0.5]))
        2.0
    """

    keeps_integers: bool = False
    """Does ``call`` take integer targets as they are, rather than as floats?"""

    def __init__(
        self,
        name: str | None = None,
        reduction: Reduction = "sum_over_batch_size",
        dtype: DType = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"{type(self).__name__}: reduction: expected {', '.join(map(repr, REDUCTIONS[:-1]))} or None; got "
                f"{reduction!r}.{errors.closest(reduction, filter(None, REDUCTIONS))}"
            )
        self.name = name or _automatic_name(snake_case(type(self).__name__))
        self.reduction = reduction
        policy = dtype_policies.get(dtypes.standardize(None) if dtype is None else dtype)
        self._dtype: str = policy.compute_dtype

    @property
    def dtype(self) -> str:
        """What is computed in."""
        return self._dtype

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The losses of all examples, not reduced."""
        raise NotImplementedError(
            f"{type(self).__name__}: call(y_true, y_pred) is missing; write it in that class."
        )

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Tensor = None) -> Tensor:
        """The loss of a batch.

        Args:
            y_true: the targets; a tensor, or a structure of tensors where ``call`` takes one.
            y_pred: the outputs; its mask, where it has one, says which positions count.
            sample_weight: a factor for each example, or for each position: of the shape of the losses, or of the
                beginning of it.
        """
        mask = get_mask(y_pred)
        y_pred = self._cast(y_pred, False)
        losses = self.call(self._cast(y_true, self.keeps_integers), y_pred)
        own = get_mask(losses)
        if dtype_of(losses) != self._dtype:
            losses = ops.cast(losses, self._dtype)
        if mask is None:
            mask = own
        elif own is not None:
            shape = tuple(losses.shape)
            mask = ops.logical_and(*(aligned(self.name, "mask", m, shape) for m in (mask, own)))
        return reduced(self.name, losses, sample_weight, mask, self.reduction)

    def _cast(self, value: Any, keep_integers: bool) -> Any:
        if isinstance(value, dict | list | tuple) and not _is_tensor(value):
            return tree.map_structure(lambda part: self._cast(part, keep_integers), value)
        if value is None:
            return None
        dtype = dtype_of(value)
        if keep_integers and not dtypes.is_float(dtype):
            return value if hasattr(value, "shape") else ops.convert_to_tensor(value)
        if not hasattr(value, "shape") or isinstance(value, np.ndarray | np.generic):
            return ops.convert_to_tensor(value, self._dtype)
        return value if dtype == self._dtype else ops.cast(value, self._dtype)


def _automatic_name(kind: str) -> str:
    number = backend.get_uid(kind)
    return kind if number == 1 else f"{kind}_{number - 1}"


def _is_tensor(value: Any) -> bool:
    """Is a list or tuple one of numbers, rather than of tensors?"""
    if isinstance(value, list | tuple):
        return all(_is_tensor(part) for part in value)
    return isinstance(value, bool | int | float)


def reduced(
    name: str, losses: Tensor, sample_weight: Tensor, mask: Tensor, reduction: Reduction
) -> Tensor:
    """Losses weighed, and reduced as a ``Loss`` says; ``name`` is the loss, for errors."""
    shape, dtype = tuple(losses.shape), dtype_of(losses)
    weight = None
    if mask is not None:
        mask = ops.cast(aligned(name, "mask", mask, shape), dtype)
        weight = mask
    if sample_weight is not None:
        weight = ops.cast(aligned(name, "sample_weight", sample_weight, shape), dtype)
        weight = weight if mask is None else ops.multiply(weight, mask)
    if weight is not None:
        losses = ops.multiply(losses, weight)
    if reduction in (None, "none") or not shape:
        return losses
    if reduction == "sum" or 0 in shape:
        return ops.sum(losses)
    if reduction == "mean_with_sample_weight" and weight is not None:
        return ops.divide_no_nan(ops.sum(losses), ops.sum(weight))
    if mask is None:
        return ops.mean(losses)
    repeated = math.prod(
        length
        for length, own in zip(shape, shape_of(mask) or (1,) * len(shape), strict=True)
        if own == 1 and length is not None
    )
    counted = ops.sum(mask)
    return ops.divide_no_nan(
        ops.sum(losses), counted if repeated == 1 else ops.multiply(counted, repeated)
    )


class LossFunctionWrapper(Loss):
    """A function of targets and outputs as a loss.

    Args:
        fn: the function.
        reduction: as for ``Loss``.
        name: by default that of the function.
        dtype: as for ``Loss``.
        **kwargs: further arguments for the function; attributes of the loss, too.

    Example:
        >>> float(LossFunctionWrapper(huber, delta=2.0)([[0.0]], [[4.0]]))
        6.0
    """

    def __init__(
        self,
        fn: Callable[..., Tensor],
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = None,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn, self.arguments = fn, kwargs
        self.keeps_integers = fn in _OF_LABELS
        for argument, value in kwargs.items():
            setattr(self, argument, value)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """What the function gives."""
        return self.fn(y_true, y_pred, **self.arguments)


# ------------------------------------------------------------------------------------------ regression


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """``mean((y_true - y_pred) ** 2, axis=-1)``.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]])
        array([2.5], dtype=float32)
    """
    y_true, y_pred = pair("mean_squared_error", y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_pred, y_true)), axis=-1)


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """``mean(abs(y_true - y_pred), axis=-1)``.

    Example:
        >>> mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]])
        array([1.5], dtype=float32)
    """
    y_true, y_pred = pair("mean_absolute_error", y_true, y_pred)
    return ops.mean(ops.absolute(ops.subtract(y_pred, y_true)), axis=-1)


def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """``100 * mean(abs((y_true - y_pred) / y_true), axis=-1)``, with no divisor nearer to 0 than epsilon.

    Example:
        >>> mean_absolute_percentage_error([[2.0, 1.0]], [[1.0, 3.0]])
        array([125.], dtype=float32)
    """
    y_true, y_pred = pair("mean_absolute_percentage_error", y_true, y_pred)
    scale = ops.maximum(ops.absolute(y_true), config.epsilon())
    error = ops.divide(ops.absolute(ops.subtract(y_pred, y_true)), scale)
    return ops.multiply(ops.mean(error, axis=-1), 100.0)


def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """``mean((log(y_true + 1) - log(y_pred + 1)) ** 2, axis=-1)``, of numbers of at least epsilon.

    Example:
        >>> mean_squared_logarithmic_error([[0.0, 1.0]], [[1.0, 3.0]]).round(3)
        array([0.48], dtype=float32)
    """
    y_true, y_pred = pair("mean_squared_logarithmic_error", y_true, y_pred)
    first, second = (ops.log1p(ops.maximum(y, config.epsilon())) for y in (y_pred, y_true))
    return ops.mean(ops.square(ops.subtract(first, second)), axis=-1)


def cosine_similarity(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle between both: -1 where they point the same way, 1 where they are opposed.

    Example:
        >>> cosine_similarity([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [2.0, 2.0]]).round(3)
        array([-0., -1.], dtype=float32)
    """
    y_true, y_pred = pair("cosine_similarity", y_true, y_pred)
    product = ops.multiply(ops.normalize(y_true, axis=axis), ops.normalize(y_pred, axis=axis))
    return ops.negative(ops.sum(product, axis=axis))


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    """The mean of ``error ** 2 / 2`` up to ``delta``, of the line that goes on from there beyond it.

    Example:
        >>> huber([[0.0], [0.0]], [[0.5], [4.0]])
        array([0.125, 3.5  ], dtype=float32)
    """
    y_true, y_pred = pair("huber", y_true, y_pred)
    error = ops.absolute(ops.subtract(y_pred, y_true))
    within = ops.minimum(error, delta)
    parts = ops.multiply(within, ops.subtract(error, ops.multiply(within, 0.5)))
    return ops.mean(parts, axis=-1)


def log_cosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """``mean(log(cosh(y_pred - y_true)), axis=-1)``, without overflow.

    Example:
        >>> log_cosh([[0.0], [0.0]], [[0.1], [100.0]]).round(3)
        array([5.0000e-03, 9.9307e+01], dtype=float32)
    """
    y_true, y_pred = pair("log_cosh", y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    soft = ops.softplus(ops.multiply(error, -2.0))
    return ops.mean(ops.subtract(ops.add(error, soft), math.log(2.0)), axis=-1)


# ------------------------------------------------------------------------------------------ margins


def _signs(y_true: Tensor) -> Tensor:
    """Labels of 0 and 1 as -1 and 1; others, -1 and 1 already, as they are."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, ops.subtract(ops.multiply(y_true, 2.0), 1.0), y_true)


def _shortfall(name: str, y_true: Tensor, y_pred: Tensor) -> Tensor:
    y_true, y_pred = pair(name, y_true, y_pred)
    return ops.maximum(ops.subtract(1.0, ops.multiply(_signs(y_true), y_pred)), 0.0)


def hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """``mean(maximum(1 - y_true * y_pred, 0), axis=-1)`` of labels -1 and 1, or 0 and 1.

    Example:
        >>> hinge([[-1.0, 1.0]], [[0.5, 3.0]])
        array([0.75], dtype=float32)
    """
    return ops.mean(_shortfall("hinge", y_true, y_pred), axis=-1)


def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """``mean(maximum(1 - y_true * y_pred, 0) ** 2, axis=-1)`` of labels -1 and 1, or 0 and 1.

    Example:
        >>> squared_hinge([[-1.0, 1.0]], [[0.5, 3.0]])
        array([1.125], dtype=float32)
    """
    return ops.mean(ops.square(_shortfall("squared_hinge", y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """``maximum(wrong - right + 1, 0)``: what the best wrong class has, and what the right one has.

    Example:
        >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.75]])
        array([0.75], dtype=float32)
    """
    y_true, y_pred = pair("categorical_hinge", y_true, y_pred)
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


# ------------------------------------------------------------------------------------------ probabilities


def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """``sum(y_true * log(y_true / y_pred), axis=-1)``, of probabilities of at least epsilon.

    Example:
        >>> kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).round(3)
        array([0.144], dtype=float32)
    """
    y_true, y_pred = pair("kl_divergence", y_true, y_pred)
    y_true, y_pred = (ops.clip(y, config.epsilon(), 1.0) for y in (y_true, y_pred))
    return ops.sum(ops.multiply(y_true, ops.log(ops.divide(y_true, y_pred))), axis=-1)


def poisson(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """``mean(y_pred - y_true * log(y_pred + epsilon), axis=-1)``.

    Example:
        >>> poisson([[1.0, 4.0]], [[2.0, 4.0]]).round(3)
        array([-0.119], dtype=float32)
    """
    y_true, y_pred = pair("poisson", y_true, y_pred)
    likely = ops.multiply(y_true, ops.log(ops.add(y_pred, config.epsilon())))
    return ops.mean(ops.subtract(y_pred, likely), axis=-1)


def _smoothed(y_true: Tensor, label_smoothing: float, classes: int) -> Tensor:
    """Targets drawn towards the same probability for each class."""
    if not label_smoothing:
        return y_true
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), label_smoothing / classes)


def binary_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: Axis = -1,
) -> Tensor:
    """The mean of ``-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred)``.

    Args:
        y_true: probabilities, mostly 0 or 1.
        y_pred: probabilities, kept epsilon away from 0 and 1; or logits.
        from_logits: is ``y_pred`` to go through a sigmoid?
        label_smoothing: how far, from 0 to 1, targets are drawn towards 1/2.
        axis: the axis of the mean.

    Example:
        >>> binary_crossentropy([[0.0, 1.0]], [[0.2, 0.9]]).round(3)
        array([0.164], dtype=float32)
    """
    y_true, y_pred = pair("binary_crossentropy", y_true, y_pred)
    target = _smoothed(y_true, label_smoothing, 2)
    return ops.mean(ops.binary_crossentropy(target, y_pred, from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: Axis = -1,
) -> Tensor:
    """``binary_crossentropy`` times ``(1 - p) ** gamma``, p being the probability given to the target.

    Args:
        y_true: as for ``binary_crossentropy``.
        y_pred: as for ``binary_crossentropy``.
        apply_class_balancing: also multiply by ``alpha`` for the class 1, by ``1 - alpha`` for the class 0?
        alpha: the weight of the class 1.
        gamma: how much less examples count that are easy.
        from_logits: as for ``binary_crossentropy``.
        label_smoothing: as for ``binary_crossentropy``.
        axis: as for ``binary_crossentropy``.

    Example:
        >>> binary_focal_crossentropy([[0.0, 1.0]], [[0.2, 0.5]]).round(4)
        array([0.0911], dtype=float32)
    """
    y_true, y_pred = pair("binary_focal_crossentropy", y_true, y_pred)
    target = _smoothed(y_true, label_smoothing, 2)
    loss = ops.binary_crossentropy(target, y_pred, from_logits)
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    other = ops.subtract(1.0, target)
    missed = ops.add(ops.multiply(target, ops.subtract(1.0, p)), ops.multiply(other, p))
    loss = ops.multiply(ops.power(missed, gamma), loss)
    if apply_class_balancing:
        balance = ops.add(ops.multiply(target, alpha), ops.multiply(other, 1.0 - alpha))
        loss = ops.multiply(balance, loss)
    return ops.mean(loss, axis=axis)


def _of_classes(
    name: str, y_true: Tensor, y_pred: Tensor, label_smoothing: float, axis: int
) -> tuple[Tensor, Tensor]:
    """Targets, smoothed, and outputs that have an axis of classes."""
    y_true, y_pred = pair(name, y_true, y_pred)
    shape = tuple(y_pred.shape)
    if not -len(shape) <= axis < len(shape):
        raise errors.AxisError(
            f"{name}: axis: {axis} is out of range for y_pred, which has the shape {shape}."
        )
    if shape[axis] == 1:
        warnings.warn(
            f"{name}: y_pred has the shape {shape}, with only one class on axis {axis}. For two classes and one "
            f"number take binary_crossentropy.",
            SyntaxWarning,
            stacklevel=3,
        )
    return _smoothed(y_true, label_smoothing, shape[axis]), y_pred


def categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """``-sum(y_true * log(y_pred))`` over the classes.

    Args:
        y_true: probabilities, mostly one-hot labels.
        y_pred: probabilities, divided by their sum and kept epsilon away from 0 and 1; or logits.
        from_logits: is ``y_pred`` to go through a softmax?
        label_smoothing: how far, from 0 to 1, targets are drawn towards the same probability for each class.
        axis: the axis of the classes.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0, 0.0]], [[0.05, 0.9, 0.05]]).round(3)
        array([0.105], dtype=float32)
    """
    target, y_pred = _of_classes("categorical_crossentropy", y_true, y_pred, label_smoothing, axis)
    return ops.categorical_crossentropy(target, y_pred, from_logits, axis)


def categorical_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """``categorical_crossentropy`` times ``alpha * (1 - p) ** gamma``, p being the probability of each class.

    Args:
        y_true: as for ``categorical_crossentropy``.
        y_pred: as for ``categorical_crossentropy``.
        alpha: a weight, or one for each class.
        gamma: how much less examples count that are easy.
        from_logits: as for ``categorical_crossentropy``.
        label_smoothing: as for ``categorical_crossentropy``.
        axis: as for ``categorical_crossentropy``.

    Example:
        >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
        array([0.0433], dtype=float32)
    """
    target, y_pred = _of_classes(
        "categorical_focal_crossentropy", y_true, y_pred, label_smoothing, axis
    )
    low, high = config.epsilon(), 1.0 - config.epsilon()
    if from_logits:
        p = ops.clip(ops.softmax(y_pred, axis=axis), low, high)
        logarithm = ops.log_softmax(y_pred, axis=axis)
    else:
        p = ops.clip(ops.divide(y_pred, ops.sum(y_pred, axis=axis, keepdims=True)), low, high)
        logarithm = ops.log(p)
    factor = ops.multiply(ops.power(ops.subtract(1.0, p), gamma), alpha)
    return ops.negative(ops.sum(ops.multiply(factor, ops.multiply(target, logarithm)), axis=axis))


def sparse_categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """``categorical_crossentropy`` of labels that are integers.

    A negative label counts nothing: loss and gradient are 0.  One beyond the classes is an error where its value is
    at hand; while code is traced, or on an accelerator, it counts nothing either, on every backend.

    Args:
        y_true: labels, of the shape of ``y_pred`` without the axis of the classes, or with length 1 there.
        y_pred: as for ``categorical_crossentropy``.
        from_logits: as for ``categorical_crossentropy``.
        ignore_class: a label that does not count, not even as one example more in a mean.
        axis: the axis of the classes.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.05, 0.9, 0.05]]).round(3)
        array([0.105], dtype=float32)
    """
    labels, y_pred = _labels("sparse_categorical_crossentropy", y_true, y_pred, axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(labels, y_pred, from_logits, axis)
    counted = ops.not_equal(labels, ignore_class)
    labels = ops.where(counted, ops.cast(labels, "int32"), -1)
    loss = ops.sparse_categorical_crossentropy(labels, y_pred, from_logits, axis)
    return _masked(loss, counted)


def _masked(losses: Tensor, mask: Tensor) -> Tensor:
    """Losses with a mask, which a ``Loss`` looks at to reduce them."""
    if losses.shape:
        set_mask(losses, mask)
    return losses


def categorical_generalized_cross_entropy(y_true: Tensor, y_pred: Tensor, q: float) -> Tensor:
    """``(1 - p ** q) / q``, p being the probability of the class that the integer label says.

    Args:
        y_true: labels; for one that is no class, p is 0.
        y_pred: probabilities, the classes on the last axis.
        q: above 0 and below 1: near 0 it is cross-entropy; near 1 labels that are wrong do less harm.

    Example:
        >>> categorical_generalized_cross_entropy([0, 1], [[0.64, 0.36], [0.75, 0.25]], 0.5).round(3)
        array([0.4, 1. ], dtype=float32)
    """
    _check_q(q)
    labels, y_pred = _labels("categorical_generalized_cross_entropy", y_true, y_pred)
    of_label = ops.one_hot(labels, y_pred.shape[-1], dtype=dtype_of(y_pred))
    p = ops.sum(ops.multiply(y_pred, of_label), axis=-1)
    return ops.divide(ops.subtract(1.0, ops.power(p, q)), q)


def _check_q(q: float) -> None:
    if not 0 < q < 1:
        raise ValueError(
            f"categorical_generalized_cross_entropy: q: expected a number above 0 and below 1; got {q}."
        )


# ------------------------------------------------------------------------------------------ the rest


def dice(y_true: Tensor, y_pred: Tensor, axis: Axis = None) -> Tensor:
    """``1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))``: how little two areas overlap.

    Args:
        y_true: 1 within the area, 0 outside.
        y_pred: probabilities to be within.
        axis: the axes of the sums; all by default, so that the whole batch has one loss.

    Example:
        >>> float(dice([1.0, 1.0, 0.0], [1.0, 0.0, 0.0]).round(3))
        0.3330000042915344
    """
    y_true, y_pred = pair("dice", y_true, y_pred)
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    total = ops.add(ops.sum(y_true, axis=axis), ops.sum(y_pred, axis=axis))
    share = ops.divide(ops.multiply(both, 2.0), ops.add(total, config.epsilon()))
    return ops.subtract(1.0, share)


def tversky(
    y_true: Tensor, y_pred: Tensor, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None
) -> Tensor:
    """``1 - both / (both + alpha * missed + beta * invented)``, which for 1/2 and 1/2 is ``dice``.

    Args:
        y_true: 1 within the area, 0 outside.
        y_pred: probabilities to be within.
        alpha: the weight of what is within and was not predicted, ``sum(y_true * (1 - y_pred))``.
        beta: the weight of what was predicted and is outside, ``sum((1 - y_true) * y_pred)``.
        axis: the axes of the sums; all by default, so that the whole batch has one loss.

    Example:
        >>> float(tversky([1.0, 1.0, 0.0], [1.0, 0.0, 0.0], alpha=1.0).round(3))
        0.5
    """
    y_true, y_pred = pair("tversky", y_true, y_pred)
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    missed = ops.sum(ops.multiply(y_true, ops.subtract(1.0, y_pred)), axis=axis)
    invented = ops.sum(ops.multiply(y_pred, ops.subtract(1.0, y_true)), axis=axis)
    wrong = ops.add(ops.multiply(missed, alpha), ops.multiply(invented, beta))
    return ops.subtract(1.0, ops.divide(both, ops.add(ops.add(both, wrong), config.epsilon())))


_NEVER = -3e4
"""So unlikely that even the smallest floats make a probability of 0 of it; infinity has no gradient."""


def circle(
    y_true: Tensor,
    y_pred: Tensor,
    ref_labels: Tensor = None,
    ref_embeddings: Tensor = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """Draws embeddings of one class together and those of others apart, after Sun and others (2020).

    Args:
        y_true: integer labels, of shape (examples,) or (examples, 1).
        y_pred: embeddings of length 1, of shape (examples, features).
        ref_labels: the labels of the embeddings to compare with; by default ``y_true``.
        ref_embeddings: these embeddings; by default ``y_pred``.
        remove_diagonal: leave out the pair of each embedding and the one at the same place?
        gamma: a factor: the larger, the more the worst pairs count.
        margin: how far apart similarities should be.

    Example:
        >>> circle([0, 0, 1], [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]).round(3)
        array([0.   , 6.402, 0.   ], dtype=float32)
    """
    labels = _flat_labels("y_true", y_true)
    y_pred = _tensor("circle", "y_pred", y_pred)
    others = labels if ref_labels is None else _flat_labels("ref_labels", ref_labels)
    embeddings = y_pred if ref_embeddings is None else ref_embeddings
    if len(y_pred.shape) != 2 or not _agree(labels.shape, y_pred.shape[:1]):
        raise errors.ShapeError(
            f"circle: y_true has the shape {shape_of(y_true)}, y_pred {shape_of(y_pred)}; expected (examples,) and "
            f"(examples, features)."
        )
    distance = ops.maximum(ops.subtract(1.0, ops.matmul(y_pred, ops.transpose(embeddings))), 0.0)
    alike = ops.equal(ops.expand_dims(labels, 1), ops.expand_dims(others, 0))
    different = ops.logical_not(alike)
    if remove_diagonal:
        same = ops.eye(labels.shape[0], others.shape[0], dtype="bool")
        alike = ops.logical_and(alike, ops.logical_not(same))
    near = ops.multiply(ops.add(distance, margin), ops.subtract(distance, margin))
    far = ops.multiply(
        ops.maximum(ops.subtract(1.0 + margin, distance), 0.0),
        ops.subtract(1.0 - margin, distance),
    )
    loss = ops.softplus(
        ops.add(
            ops.logsumexp(ops.where(alike, ops.multiply(near, gamma), _NEVER), axis=1),
            ops.logsumexp(ops.where(different, ops.multiply(far, gamma), _NEVER), axis=1),
        )
    )
    return _masked(loss, ops.greater(loss, 0))


def _flat_labels(argument: str, labels: Tensor) -> Tensor:
    labels = ops.cast(_tensor("circle", argument, labels), "int32")
    return ops.squeeze(labels, -1) if len(labels.shape) == 2 and labels.shape[1] == 1 else labels


def ctc(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Connectionist temporal classification: labels without the times at which they come.

    Args:
        y_true: labels from 1 on, of shape (examples, longest), with zeros after the last one.
        y_pred: logits, of shape (examples, times, classes); the class 0 is for no label.

    Example:
        >>> from polynet import ops
        >>> ctc([[1, 2]], ops.zeros((1, 3, 3))).round(3)
        array([1.686], dtype=float32)
    """
    y_true, y_pred = _tensor("ctc", "y_true", y_true), _tensor("ctc", "y_pred", y_pred)
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    if len(true) != 2 or len(pred) != 3 or not _agree(true[:1], pred[:1]):
        raise errors.ShapeError(
            f"ctc: y_true has the shape {true}, y_pred {pred}; expected (examples, longest) and (examples, times, "
            f"classes)."
        )
    y_true = ops.cast(y_true, "int32")
    lengths = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    times = ops.add(ops.zeros_like(lengths), pred[1])
    return ops.ctc_loss(y_true, y_pred, lengths, times, mask_index=0)


_OF_LABELS = (sparse_categorical_crossentropy, categorical_generalized_cross_entropy, circle, ctc)
"""The functions whose targets are integers."""


# ------------------------------------------------------------------------------------------ classes


class MeanSquaredError(LossFunctionWrapper):
    """``mean_squared_error`` as a ``Loss``.

    Example:
        >>> round(float(MeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]])), 3)
        0.5
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: DType = None,
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """``mean_absolute_error`` as a ``Loss``.

    Example:
        >>> round(float(MeanAbsoluteError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]])), 3)
        0.5
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: DType = None,
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """``mean_absolute_percentage_error`` as a ``Loss``.

    Example:
        >>> round(float(MeanAbsolutePercentageError()([[2.0, 1.0]], [[1.0, 3.0]])), 3)
        125.0
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: DType = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """``mean_squared_logarithmic_error`` as a ``Loss``.

    Example:
        >>> round(float(MeanSquaredLogarithmicError()([[0.0, 0.0]], [[0.0, 0.0]])), 3)
        0.0
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: DType = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """``cosine_similarity`` as a ``Loss``.

    Args:
        axis: the axis of one vector.

    Example:
        >>> round(float(CosineSimilarity()([[0.0, 1.0]], [[1.0, 0.0]])), 3)
        0.0
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: DType = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(LossFunctionWrapper):
    """``huber`` as a ``Loss``.

    Args:
        delta: where the parabola becomes a line.

    Example:
        >>> round(float(Huber()([[0.0], [0.0]], [[1.0], [4.0]])), 3)
        2.0
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: DType = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(LossFunctionWrapper):
    """``log_cosh`` as a ``Loss``.

    Example:
        >>> round(float(LogCosh()([[1.0]], [[1.0]])), 3)
        0.0
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: DType = None,
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


class Hinge(LossFunctionWrapper):
    """``hinge`` as a ``Loss``.

    Example:
        >>> round(float(Hinge()([[-1.0, 1.0]], [[0.5, 3.0]])), 3)
        0.75
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "hinge",
        dtype: DType = None,
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """``squared_hinge`` as a ``Loss``.

    Example:
        >>> round(float(SquaredHinge()([[-1.0, 1.0]], [[0.5, 3.0]])), 3)
        1.125
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: DType = None,
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """``categorical_hinge`` as a ``Loss``.

    Example:
        >>> round(float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.75]])), 3)
        0.75
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: DType = None,
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)


class KLDivergence(LossFunctionWrapper):
    """``kl_divergence`` as a ``Loss``.

    Example:
        >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]])), 3)
        0.0
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: DType = None,
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """``poisson`` as a ``Loss``.

    Example:
        >>> round(float(Poisson()([[0.0, 0.0]], [[1.0, 2.0]])), 3)
        1.5
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: DType = None,
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)


class BinaryCrossentropy(LossFunctionWrapper):
    """``binary_crossentropy`` as a ``Loss``.

    Args:
        from_logits: are the outputs logits rather than probabilities?
        label_smoothing: how far, from 0 to 1, targets are drawn towards the same probability for each class.
        axis: the axis of the mean.

    Example:
        >>> round(float(BinaryCrossentropy()([[0.0, 1.0]], [[0.0, 1.0]])), 3)
        0.0
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: Axis = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: DType = None,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """``binary_focal_crossentropy`` as a ``Loss``.

    Args:
        apply_class_balancing: weigh the classes 1 and 0 by ``alpha`` and ``1 - alpha``?
        alpha: the weight of the class 1.
        gamma: how much less examples count that are easy.
        from_logits: are the outputs logits rather than probabilities?
        label_smoothing: how far, from 0 to 1, targets are drawn towards the same probability for each class.
        axis: the axis of the mean.

    Example:
        >>> round(float(BinaryFocalCrossentropy()([[0.0, 1.0]], [[0.0, 1.0]])), 3)
        0.0
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: Axis = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: DType = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalCrossentropy(LossFunctionWrapper):
    """``categorical_crossentropy`` as a ``Loss``.

    Args:
        from_logits: are the outputs logits rather than probabilities?
        label_smoothing: how far, from 0 to 1, targets are drawn towards the same probability for each class.
        axis: the axis of the classes.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.0, 9.0]], sample_weight=[0.0])), 3)
        0.0
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: DType = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """``categorical_focal_crossentropy`` as a ``Loss``.

    Args:
        alpha: a weight, or one for each class.
        gamma: how much less examples count that are easy.
        from_logits: are the outputs logits rather than probabilities?
        label_smoothing: how far, from 0 to 1, targets are drawn towards the same probability for each class.
        axis: the axis of the classes.

    Example:
        >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 3)
        0.043
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: DType = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """``sparse_categorical_crossentropy`` as a ``Loss``.

    Args:
        from_logits: are the outputs logits rather than probabilities?
        ignore_class: a label that does not count.
        axis: the axis of the classes.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1, 0], [[0.5, 0.5], [0.5, 0.5]])), 3)
        0.693
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: Reduction = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: DType = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """``categorical_generalized_cross_entropy`` as a ``Loss``.

    Args:
        q: above 0 and below 1: the larger, the less harm is done by labels that are wrong.

    Example:
        >>> round(float(CategoricalGeneralizedCrossEntropy()([0, 1], [[0.64, 0.36], [0.75, 0.25]])), 3)
        0.7
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: DType = None,
    ) -> None:
        _check_q(q)
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)


class Dice(LossFunctionWrapper):
    """``dice`` as a ``Loss``.

    Args:
        axis: the axes of an area; all by default.

    Example:
        >>> round(float(Dice()([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 3)
        0.333
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Axis = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """``tversky`` as a ``Loss``.

    Args:
        alpha: the weight of what was missed.
        beta: the weight of what was invented.
        axis: the axes of an area; all by default.

    Example:
        >>> round(float(Tversky()([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 3)
        0.333
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Axis = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


class Circle(LossFunctionWrapper):
    """``circle`` as a ``Loss``.

    Args:
        gamma: a factor: the larger, the more the worst pairs count.
        margin: how far apart similarities should be.
        remove_diagonal: leave out the pair of each embedding and itself?

    Example:
        >>> round(float(Circle()([0, 0, 1], [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])), 3)
        3.201
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: DType = None,
    ) -> None:
        super().__init__(
            circle,
            reduction,
            name,
            dtype,
            gamma=gamma,
            margin=margin,
            remove_diagonal=remove_diagonal,
        )


class CTC(LossFunctionWrapper):
    """``ctc`` as a ``Loss``.

    Example:
        >>> from polynet import ops
        >>> round(float(CTC()([[1, 2]], ops.zeros((1, 3, 3)))), 3)
        1.686
    """

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "ctc",
        dtype: DType = None,
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)


# ------------------------------------------------------------------------------------------ names

_SHORT = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}

_catalogue = Catalogue(
    "losses",
    Loss,
    "loss",
    {
        **_SHORT,
        **{short.upper(): name for short, name in _SHORT.items()},
        # the function needs one argument more
        "categorical_generalized_cross_entropy": "CategoricalGeneralizedCrossEntropy",
    },
    prefer_functions=True,
)


def get(identifier: Any) -> Callable[..., Tensor] | None:
    """The loss meant by a name, a description, a class, or a function.

    A name in lower case means the function, that of a class an object of it.

    Example:
        >>> get("mse") is mean_squared_error, get("Huber").delta
        (True, 1.0)
    """
    found: Callable[..., Tensor] | None = _catalogue.get(identifier)
    return found


def serialize(loss: Any) -> Any:
    """The description of a loss, which ``deserialize`` takes.

    Example:
        >>> serialize(Poisson())["class_name"]
        'Poisson'
    """
    return _catalogue.serialize(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The loss of a description or a name.

    Example:
        >>> deserialize({"class_name": "Huber", "config": {"delta": 2.0}}).delta
        2.0
    """
    return _catalogue.deserialize(name, custom_objects)
