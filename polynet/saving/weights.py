"""Variables as safetensors and back: what each is called, the header read strictly, values bit for bit.

A weight is called after the layers around it, not after their automatic names, which differ from process to process:
``dense_1/kernel`` is the kernel of the second ``Dense``.  Files as a whole are in ``container.py`` and
``model_files.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from polynet import dtypes, errors
from polynet.configurable import snake_case
from polynet.layers.layer import Layer
from polynet.random.seed_generator import SeedGenerator
from polynet.saving import container, strict_json
from polynet.saving.container import Input
from polynet.saving.strict_json import shown
from polynet.variable import Variable

_CODES = {
    "bool": "BOOL",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "bfloat16": "BF16",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    "complex64": "C64",
}
_DTYPES = {code: name for name, code in _CODES.items()}
_LARGEST_HEADER = 100 << 20
_AUTOMATIC = re.compile(r"variable(_\d+)?")
_HASH = "polynet.sha256"

# ------------------------------------------------------------------------------------------ names


def weights_by_name(layer: Layer) -> dict[str, Variable]:
    """The weights of a layer and of those within, by names that are the same in every process.

    Example:
        >>> import polynet
        >>> dense = polynet.layers.Dense
        >>> model = polynet.Sequential([polynet.Input((3,)), dense(4), dense(2, use_bias=False)])
        >>> list(weights_by_name(model))
        ['dense/kernel', 'dense/bias', 'dense_1/kernel']
    """
    return _walk(layer)[0]


def seeds_by_name(layer: Layer) -> dict[str, Variable]:
    """The states of the seed generators of a layer and of those within."""
    return _walk(layer)[1]


def _walk(layer: Layer) -> tuple[dict[str, Variable], dict[str, Variable]]:
    weights: dict[str, Variable] = {}
    seeds: dict[str, Variable] = {}
    free_weight, free_seed = _Free(), _Free()
    seen: set[int] = set()
    stack: list[tuple[Layer, str]] = [(layer, "")]
    while stack:
        current, path = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        attributes = {id(value): name for name, value in reversed(vars(current).items())}
        own = [*current._own, *current._attributes(Variable)]
        own.sort(key=lambda variable: not variable.created_trainable)
        for number, variable in enumerate(own):
            if id(variable) not in seen:
                seen.add(id(variable))
                name = variable.name
                if _AUTOMATIC.fullmatch(name):
                    name = attributes.get(id(variable), str(number))
                weights[free_weight(path + name)] = variable
        for number, generator in enumerate(current._attributes(SeedGenerator)):
            if id(generator) not in seen:
                seen.add(id(generator))
                seeds[free_seed(f"{path}seed_generator_{number}")] = generator.state
        if getattr(current, "_graph", None) is not None or hasattr(current, "_stack"):
            attributes = {}  # the layers of a graph are counted, whatever else holds them
        names: dict[str, Layer] = {}
        free = _Free()
        for inner in current._layers:
            own_name = attributes.get(id(inner), "").strip("_") or snake_case(type(inner).__name__)
            names[free(own_name)] = inner
        stack += [(inner, f"{path}{name}/") for name, inner in reversed(names.items())]
    return weights, seeds


class _Free:
    """Names that are not taken yet: a name that is gets a number."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.counts: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        found = name
        while found in self.taken:
            self.counts[name] = number = self.counts.get(name, 0) + 1
            found = f"{name}_{number}"
        self.taken.add(found)
        return found


# ------------------------------------------------------------------------------------------ writing


class HostArray:
    """A NumPy array that is written as a variable is.

    Args:
        array: of native byte order.
    """

    def __init__(self, array: np.ndarray) -> None:
        self._array, self.shape, self.dtype = array, array.shape, array.dtype.name

    def numpy(self) -> np.ndarray:
        """The array."""
        return self._array


def as_buffers(variables: Mapping[str, Variable | HostArray]) -> list[Any]:
    """A safetensors file of the values, as pieces of memory; nothing is copied that lies in memory as it is."""
    pieces = {name: _bytes(name, variable) for name, variable in variables.items()}
    order = sorted(pieces, key=lambda name: -pieces[name][2])  # so that every tensor is aligned
    header: dict[str, Any] = {}
    offset = 0
    for name in order:
        data, code, _, shape = pieces[name]
        header[name] = {
            "dtype": code,
            "shape": shape,
            "data_offsets": [offset, offset + data.nbytes],
        }
        offset += data.nbytes
    return [_framed(header), *(pieces[name][0] for name in order)]


def _framed(header: dict[str, Any]) -> bytes:
    """A header with its length before it, padded to whole words."""
    text = strict_json.write(header)
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


NO_HASH = ["0" * 64]
"""Stands in a header for a sha256 while that is not known."""


def with_hash(buffers: Sequence[Any], digests: Sequence[str]) -> bytes:
    """The header of ``as_buffers`` with these sha256; its length does not depend on them.

    The first is that of the header itself, with ``NO_HASH`` in their places; the others are those of the pieces of what
    follows.
    """
    header = strict_json.read(bytes(buffers[0][8:]), "header")
    return _framed({"__metadata__": {_HASH: ",".join(digests)}, **header})


def _on_host(variable: Variable) -> np.ndarray:
    """The value in memory of the host, and no copy where it is there already."""
    backend = variable._backend
    return np.asarray(backend.to_numpy(variable.value))


def _bytes(name: str, variable: Variable | HostArray) -> tuple[np.ndarray, str, int, list[int]]:
    """The bytes of a value, the code of its dtype, the size of an entry, and the shape."""
    array = variable.numpy() if isinstance(variable, HostArray) else _on_host(variable)
    dtype, shape = variable.dtype, list(variable.shape)
    if dtype == "bfloat16" and array.dtype == np.float32:  # where NumPy has no bfloat16
        array = (np.ascontiguousarray(array).view(np.uint32) >> 16).astype(np.uint16)
    if dtype == "complex128":  # safetensors has none: pairs of float64
        array = np.ascontiguousarray(array).reshape(-1).view(np.float64)
        dtype, shape = "float64", [*shape, 2]
    if dtype not in _CODES:
        raise errors.DTypeError(f"weight {name!r}: safetensors has no dtype for {dtype}.")
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return flat, _CODES[dtype], dtypes.itemsize(dtype), shape


# ------------------------------------------------------------------------------------------ reading


class Stored(NamedTuple):
    """One tensor as a header tells it."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    size: int


class Tensors:
    """A safetensors file, or a part of a file that is one: its header, checked; values are read later.

    Args:
        file: where it is.
        start: the first byte.
        size: how many bytes it has.
        what: begins the text of errors.
    """

    def __init__(self, file: Input, start: int, size: int, what: str) -> None:
        self.file, self.what, self.end = file, what, start + size
        if size < 8:
            raise errors.FileError(
                f"{what}: expected safetensors, of 8 bytes or more; it has {size}."
            )
        length = int.from_bytes(file.read(start, 8, "the header's length"), "little")
        if length > min(size - 8, _LARGEST_HEADER):
            raise errors.FileError(
                f"{what}: the header shall have {length} bytes; there are {size - 8}, and {_LARGEST_HEADER} at most "
                f"are read."
            )
        self.header = file.read(start, 8 + length, "the header")
        self.begin = start + 8 + length
        header = strict_json.read(self.header[8:], f"{what}: header")
        if not isinstance(header, dict):
            raise errors.FileError(f"{what}: header: expected a dict.")
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
            raise errors.FileError(f"{what}: header: __metadata__: expected a dict of strings.")
        found = {name: _stored(name, entry, what) for name, entry in header.items()}
        self.tensors = dict(sorted(found.items(), key=lambda pair: (pair[1].start, pair[1].size)))
        offset = 0
        for name, tensor in self.tensors.items():
            if tensor.start != offset:
                raise errors.FileError(
                    f"{what}: {shown(name)}: expected it to begin at byte {offset}; got {tensor.start}. Tensors lie "
                    f"side by side, and do not overlap."
                )
            offset += tensor.size
        if self.begin + offset != self.end:
            raise errors.FileError(
                f"{what}: the header tells of {offset} bytes; there are {self.end - self.begin}."
            )
        told = metadata.get(_HASH)
        count = 1 + container.pieces_of(offset)
        if told is not None and len(told) != count * 65 - 1:
            raise errors.FileError(f"{what}: header: {_HASH}: expected {count} sha256.")
        self.sha256 = None if told is None else told.split(",")

    @property
    def size(self) -> int:
        """How many bytes all values take."""
        return self.end - self.begin

    def read(
        self, wanted: Iterable[str], verify: Callable[[list[str]], None] | None = None
    ) -> dict[str, Any]:
        """The wanted values.

        Args:
            verify: called with the sha256 of the pieces of everything, header included; raises when one is wrong.
        """
        names = set(wanted)
        values: dict[str, Any] = {}
        verified = verify is not None or self.sha256 is not None
        with container.beside(self.size) as pool:
            digests = container.Digests(pool)
            if verify is not None:
                digests.feed(self.header)
            elif self.sha256 is not None:
                digests.feed(self._unsigned())
                digests.end()
            for name, tensor in self.tensors.items():
                if not verified and name not in names:
                    continue
                raw: Any = np.empty(tensor.size, np.uint8)
                self.file.read_into(raw, self.begin + tensor.start)
                if verified:
                    digests.feed(raw)
                if name in names:
                    values[name] = raw
            found = digests.results()
        if verify is not None:
            verify(found)
        elif verified and self.sha256 != found:
            raise errors.FileError(
                f"{self.what}: the sha256 is not the one in the header. The file was damaged or changed."
            )
        for name, raw in values.items():
            values[name] = self._typed(name, raw)
        return values

    def _unsigned(self) -> bytes:
        """The header as it was when its own sha256 was computed."""
        told = self.sha256 or []
        return self.header.replace(",".join(told).encode(), ",".join(NO_HASH * len(told)).encode())

    def _typed(self, name: str, raw: np.ndarray) -> Any:
        _, shape, _, _ = tensor = self.tensors[name]
        if tensor.dtype == "bool" and raw.size and int(raw.max()) > 1:
            raise errors.FileError(f"{self.what}: {shown(name)}: a truth value is neither 0 nor 1.")
        if tensor.dtype == "bfloat16":
            return _bfloat16(raw).reshape(shape)
        return raw.view(tensor.dtype).reshape(shape)


def _bfloat16(raw: np.ndarray) -> np.ndarray:
    """Values of bfloat16, in float32 where NumPy has no such dtype."""
    try:
        import ml_dtypes
    except ImportError:
        return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return raw.view(ml_dtypes.bfloat16)


def _stored(name: str, entry: Any, what: str) -> Stored:
    """An entry of a header, checked by itself."""
    title = f"{what}: {shown(name)}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise errors.FileError(
            f"{title}: expected dtype, shape and data_offsets, and nothing else."
        )
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in _DTYPES:
        raise errors.FileError(f"{title}: unknown dtype {shown(str(code))}.")
    if not isinstance(shape, list) or len(shape) > 32 or not all(map(_is_length, shape)):
        raise errors.FileError(f"{title}: shape: expected a list of up to 32 lengths.")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_length, offsets)):
        raise errors.FileError(f"{title}: data_offsets: expected two numbers.")
    size = dtypes.itemsize(_DTYPES[code])
    for length in shape:
        size *= length
    start, end = offsets
    if end - start != size:
        raise errors.FileError(
            f"{title}: {code} of shape {shape} takes {size} bytes; data_offsets tell {end - start}."
        )
    return Stored(_DTYPES[code], tuple(shape), start, size)


def _is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


# ------------------------------------------------------------------------------------------ values into variables


class Comparison(NamedTuple):
    """How the names of a file and those of a model fit together."""

    missing: list[str]
    """Weights of the model that the file does not have."""

    extra: list[str]
    """What the file has and the model has not."""

    mismatched: list[str]
    """Weights whose shape is another in the file."""


def compare(tensors: Tensors, variables: Mapping[str, Variable], exact: bool) -> Comparison:
    """What does not fit; a dtype that cannot be taken is an error.

    Args:
        exact: must dtypes be equal? Otherwise a float may be of another precision.
    """
    missing = [name for name in variables if name not in tensors.tensors]
    extra = [name for name in tensors.tensors if name not in variables]
    mismatched = []
    for name, variable in variables.items():
        if name not in tensors.tensors:
            continue
        stored = tensors.tensors[name]
        wanted, shape = variable.dtype, variable.shape
        if wanted == "complex128":
            wanted, shape = "float64", (*shape, 2)
        if stored.shape != shape:
            mismatched.append(name)
        elif stored.dtype != wanted and (
            exact
            or not dtypes.is_float(stored.dtype)
            or not dtypes.is_float(wanted)
            or variable.dtype == "complex128"
        ):
            raise errors.FileError(
                f"{tensors.what}: {name!r} is {stored.dtype} in the file; the model's is {variable.dtype}."
            )
    return Comparison(missing, extra, mismatched)


def require_all(
    tensors: Tensors, variables: Mapping[str, Variable], found: Comparison, hint: bool = True
) -> None:
    """Refuse a file whose names or shapes are not those of the model.

    Args:
        hint: tell of the arguments of ``load_weights`` that let such a file pass?
    """
    for name in found.mismatched:
        way = " With skip_mismatch=True such weights are left as they are." if hint else ""
        raise errors.FileError(
            f"{tensors.what}: {name!r} has shape {tensors.tensors[name].shape} in the file; the model's has "
            f"{variables[name].shape}.{way}"
        )
    parts = []
    if found.missing:
        parts.append(
            f"{len(found.missing)} weights of the model are not in the file: {_listed(found.missing)}"
        )
    if found.extra:
        parts.append(f"{len(found.extra)} of the file are not in the model: {_listed(found.extra)}")
    if parts:
        way = " With strict=False what fits is loaded, and the rest is returned." if hint else ""
        raise errors.FileError(f"{tensors.what}: {'; '.join(parts)}.{way}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(shown, names[:3])) + more


def as_values(
    variables: Mapping[str, Variable], arrays: dict[str, Any]
) -> list[tuple[Variable, Any]]:
    """Arrays as native tensors for the variables; takes them out of ``arrays`` one by one, to hold them once."""
    made = []
    for name in list(arrays):
        variable, array = variables[name], arrays.pop(name)
        if variable.dtype == "complex128":
            array = array.reshape(-1).view(np.complex128).reshape(variable.shape)
        made.append((variable, variable._backend.asarray(array, variable.dtype)))
    return made


def assign_all(values: Iterable[tuple[Variable, Any]]) -> None:
    """Swap the values in."""
    for variable, value in values:
        variable._set(value)
