"""torch's own element-wise functions, reductions and sorting, where they are faster than the composites.

Only what has the composite's gradient too, at ties and at infinities: ``torch.clamp``, ``torch.fmax``,
``torch.logaddexp`` and others choose another one.  ``torch.var`` is slower on a CPU.
"""

from __future__ import annotations

from typing import Any

import torch

from polynet.ops.sorting import TopK, check_search, check_top_k
from polynet.spec import axes_indices

WITHOUT_UNSIGNED = frozenset({"cumprod", "fmod", "searchsorted", "sort", "top_k"})
"""What torch lacks for unsigned integers of more than 8 bits, where the composite's body does it."""

_ALIKE = ("erfc", "exp2", "fmod", "i0", "log2", "log10", "rsqrt")


class Elementwise:
    """Element-wise ops, reductions and sorting."""

    relu = staticmethod(torch.relu)
    sigmoid = staticmethod(torch.sigmoid)

    for _name in _ALIKE:
        locals()[_name] = staticmethod(getattr(torch, _name))
    del _name

    @staticmethod
    def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if axis.__class__ is int and x.ndim:
            return torch.mean(x, axis, keepdims)
        axes = axes_indices(axis, x.ndim)
        return torch.mean(x, axes, keepdims) if axes else x.clone()

    @staticmethod
    def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axes = axes_indices(axis, x.ndim)
        return torch.logsumexp(x, axes, keepdims) if axes else x.clone()

    @staticmethod
    def cumprod(x: Any, axis: Any = None, dtype: str | None = None) -> Any:
        dtype = x.dtype if dtype is None else getattr(torch, dtype)
        if axis is None:
            return torch.cumprod(x.reshape(-1), 0, dtype=dtype)
        return torch.cumprod(x, axes_indices(axis, x.ndim)[0], dtype=dtype)

    @staticmethod
    def sort(x: Any, axis: Any = -1) -> Any:
        if axis is None:
            return torch.sort(x.reshape(-1), dim=0, stable=True).values
        return torch.sort(x, dim=axes_indices(axis, x.ndim)[0], stable=True).values

    @staticmethod
    def top_k(x: Any, k: int, sorted: bool = True) -> Any:
        check_top_k(x.shape, k)
        values, indices = torch.sort(x, dim=-1, descending=True, stable=True)
        return TopK(values[..., :k], indices[..., :k].to(torch.int32))

    @staticmethod
    def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
        check_search(sorted_sequence.shape, side)
        right = side == "right"
        if values.dtype is torch.bool:
            sorted_sequence, values = sorted_sequence.byte(), values.byte()
        if not values.is_floating_point():
            return torch.searchsorted(
                sorted_sequence, values.contiguous(), right=right, out_int32=True
            )
        missing = sorted_sequence.isnan()
        known = (~missing).sum()
        places = torch.searchsorted(
            sorted_sequence.masked_fill(missing, torch.inf), values.contiguous(), right=right
        )
        places = torch.minimum(places, known)
        beyond = sorted_sequence.numel() if right else known
        return torch.where(values.isnan(), beyond, places).to(torch.int32)
