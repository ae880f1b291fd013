"""One step of a long sum that loses no digits, for metrics; not published in ``polynet.ops``."""

from __future__ import annotations

import numpy as np

from polynet import spec
from polynet.op import op
from polynet.ops.elementwise import clip
from polynet.ops.primitives import add, subtract
from polynet.tensor import Tensor
from polynet.values import dtype_of


@op(dtypes=spec.each)
def compensated_add(total: Tensor, rest: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """``total + value`` and what rounding has cut off, to be given as ``rest`` the next time (Kahan's summation)."""
    added = add(value, rest)
    new = add(total, added)
    largest = float(np.finfo(dtype_of(total)).max)  # from infinity nothing can be subtracted
    return new, subtract(added, subtract(clip(new, -largest, largest), total))


compensated_add.not_differentiable()
