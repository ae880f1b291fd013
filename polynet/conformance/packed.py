"""What independent references gave for the rows of ``cases/``: writing ``golden/ops.safetensors``, and reading it.

The file holds, for each dtype, the numbers of all rows one after another; its metadata says where the results of a
row are among them, and what computed them.  No reference is evaluated here, and nothing is compared;
``tests/oracle/write_golden.py`` in the repository makes the data.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).parent / "golden" / "ops.safetensors"

_KINDS = {"b": "bool", "i": "int64", "u": "uint64", "f": "float64", "c": "complex128"}
"""The dtype in which numbers of each kind are kept."""


def pack(results: Mapping[str, Any], origin: str) -> bytes:
    """The bytes of a file with the results of rows, whose names are the keys.

    Args:
        results: trees of tuples, lists, dicts, arrays and numbers.
        origin: what computed them, and when.

    Example:
        >>> data = pack({"a row": (np.zeros(2), True)}, "this example")
        >>> Packed(data)["a row"]
        (array([0., 0.]), array(True))
    """
    from safetensors.numpy import save

    parts: dict[str, list[np.ndarray]] = {kind: [] for kind in _KINDS.values()}
    lengths = dict.fromkeys(parts, 0)

    def packed(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [type(value).__name__, *map(packed, value)]
        if isinstance(value, dict):
            return {str(key): packed(entry) for key, entry in value.items()}
        if value is None:
            return None
        values = np.asarray(value)
        kind = _KINDS[values.dtype.kind]
        place = lengths[kind]
        parts[kind].append(values.astype(kind).reshape(-1))
        lengths[kind] += values.size
        return [kind, place, *values.shape]

    index = {name: packed(value) for name, value in results.items()}
    tensors = {}
    for kind, values in parts.items():
        flat = np.concatenate(values) if values else np.zeros(0, kind)
        tensors[kind] = flat.view("float64") if kind == "complex128" else flat
    rows = json.dumps(index, separators=(",", ":"))
    data: bytes = save(tensors, metadata={"origin": origin, "rows": rows})
    return data


class Packed:
    """The results in a file of ``pack``, by the names of the rows."""

    def __init__(self, data: bytes) -> None:
        from safetensors.numpy import load

        self._numbers: dict[str, np.ndarray] = load(data)
        self._numbers["complex128"] = self._numbers["complex128"].view("complex128")
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        self.origin: str = metadata["origin"]
        self.index: dict[str, Any] = json.loads(metadata["rows"])

    def __contains__(self, name: str) -> bool:
        return name in self.index

    def __getitem__(self, name: str) -> Any:
        return self._unpacked(self.index[name])

    def _unpacked(self, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, dict):
            return {key: self._unpacked(entry) for key, entry in value.items()}
        kind, *rest = value
        if kind in ("list", "tuple"):
            entries = [self._unpacked(entry) for entry in rest]
            return entries if kind == "list" else tuple(entries)
        place, *shape = rest
        return self._numbers[kind][place : place + math.prod(shape)].reshape(shape)


@functools.cache
def stored() -> Packed:
    """The stored results of the rows of ``cases/``.

    Example:
        >>> stored()["celu-2x3x4"].shape
        (2, 3, 4)
    """
    return Packed(GOLDEN.read_bytes())
