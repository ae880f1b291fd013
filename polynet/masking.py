"""Which entries of a tensor are padding: masks that travel beside tensors from layer to layer.

Not every library lets an attribute be set on its tensors, so the masks are kept here, by the identity of the tensor,
for as long as the tensor lives.  What a layer makes of a mask is in ``layers/``.
"""

from __future__ import annotations

import weakref
from typing import Any

_masks: dict[int, tuple[Any, Any]] = {}
"""By the identity of a tensor: a weak reference to it, and its mask."""


def get_mask(x: Any) -> Any:
    """The mask of a tensor, or ``None``; true where there is data, false where there is padding."""
    if not _masks:
        return None
    found = _masks.get(id(x))
    return found[1] if found is not None and found[0]() is x else None


def set_mask(x: Any, mask: Any) -> None:
    """Let ``x`` have this mask; ``None`` takes it away."""
    key = id(x)
    if mask is None:
        _masks.pop(key, None)
        return

    def forget(reference: Any, masks: dict[int, tuple[Any, Any]] = _masks) -> None:
        found = masks.get(key)  # at the end of a program the module may be gone before the tensor
        if found is not None and found[0] is reference:
            del masks[key]

    _masks[key] = (weakref.ref(x, forget), mask)


def any_masks() -> bool:
    """Does any tensor have a mask? Layers ask this first, for most programs have none."""
    return bool(_masks)
