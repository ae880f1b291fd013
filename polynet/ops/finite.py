"""Is everything finite? Asked of many tensors at once, by the training step; not published in ``polynet.ops``."""

from __future__ import annotations

from collections.abc import Sequence

from polynet import spec
from polynet.op import op
from polynet.ops.primitives import all as all_of
from polynet.ops.primitives import isfinite, stack
from polynet.tensor import Tensor


@op(dtypes=spec.each)
def finite_each(tensors: Sequence[Tensor]) -> Tensor:
    """For each tensor: are all of its values finite? A vector of bools."""
    return stack([all_of(isfinite(x)) for x in tensors])


finite_each.not_differentiable()
