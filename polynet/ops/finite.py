"""Is everything finite? Asked of many tensors at once, by the training step; not published in ``polynet.ops``."""

from __future__ import annotations

from collections.abc import Sequence

from polynet import spec
from polynet.op import op
from polynet.ops.primitives import cast, isfinite, stack
from polynet.ops.primitives import sum as total
from polynet.tensor import Tensor


@op(dtypes=spec.each)
def finite_each(tensors: Sequence[Tensor]) -> Tensor:
    """For each tensor: are all of its values finite? A vector of bools."""
    # zero times a value is zero, unless the value is not finite; no sum can overflow
    return isfinite(stack([cast(total(x * 0), "float32") for x in tensors]))


finite_each.not_differentiable()
