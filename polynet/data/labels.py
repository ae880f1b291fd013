"""Labels and features on the host made ready for a model: one-hot rows, rows of unit length.

NumPy on the host, or ops for tensors.  How data gets to a model is in ``polynet/training``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from polynet import ops, plugins
from polynet.values import shape_of

__all__ = ["normalize", "to_categorical"]


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Integer labels as rows of zeros with a single one.

    Args:
        x: labels from 0 to ``num_classes - 1``, of any shape; a last axis of length 1 is dropped.
        num_classes: the length of a row; by default the largest label plus 1.

    Example:
        >>> to_categorical([0, 2, 1])
        array([[1., 0., 0.],
               [0., 0., 1.],
               [0., 1., 0.]])
    """
    is_array = not isinstance(x, np.ndarray) and plugins.owner(x) is not None
    labels = np.asarray(plugins.owner(x).to_numpy(x) if is_array else x)  # type: ignore[union-attr]
    if labels.dtype.kind not in "biuf":
        raise TypeError(f"to_categorical: x: expected integer labels; got {labels.dtype}.")
    labels = labels.astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if not labels.size and not num_classes:
        raise ValueError(
            "to_categorical: num_classes: expected a number, since there are no labels."
        )
    count = int(num_classes) if num_classes else int(labels.max()) + 1
    if labels.size and (labels.min() < 0 or labels.max() >= count):
        raise ValueError(
            f"to_categorical: x: expected labels from 0 to {count - 1}; got labels from {labels.min()} to "
            f"{labels.max()}."
        )
    if is_array:
        if len(shape_of(x)) > labels.ndim:
            x = ops.squeeze(x, -1)
        return ops.one_hot(x, count)
    rows = np.zeros((*labels.shape, count))
    np.put_along_axis(rows, labels[..., None], 1.0, -1)
    return rows


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """``x`` divided by its norm along an axis; what is zero stays zero.

    Args:
        x: an array, a list of numbers, or a tensor, which gives a tensor.
        axis: along which the norm is taken.
        order: of the norm; 2 is the Euclidean one.

    Example:
        >>> normalize([[3.0, 4.0], [0.0, 0.0]])
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    if not isinstance(x, np.ndarray) and plugins.owner(x) is not None:
        return ops.normalize(x, axis=axis, order=order)
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"normalize: x: expected numbers; got {array.dtype}.")
    norm = np.linalg.norm(np.atleast_1d(array), order, axis, keepdims=True)
    norm[norm == 0] = 1
    return array / norm
