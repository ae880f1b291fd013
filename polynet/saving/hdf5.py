"""HDF5 files of the kind that Keras writes: groups of arrays, read strictly and written plainly.

HDF5's own library is not used: it follows links to other files, and it does not come back from about one damaged file
in a thousand (2.0, tried with bytes changed at random).  Read here is what Keras's files consist of, as the format's
specification has it: a superblock of version 0, groups with symbol tables, and arrays that lie in the file as they
are.  Everything else that HDF5 knows is refused: soft and external links, external and virtual arrays, chunks, filters,
references.  No two parts of a file may overlap.  What the names mean is not known here.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from polynet import errors
from polynet.saving.container import Input
from polynet.saving.strict_json import shown
from polynet.saving.weights import Stored, _bfloat16

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_NOWHERE = 0xFFFFFFFFFFFFFFFF
_SUPERBLOCK = struct.Struct("<8s8BHHI4Q2QII2Q")
_OBJECT = struct.Struct("<BBHII4x")
_MESSAGE = struct.Struct("<HHB3x")
_NODE = struct.Struct("<4sBBHQQ")
_TABLE = struct.Struct("<4sBBH")
_ENTRY = struct.Struct("<QQII2Q")
_HEAP = struct.Struct("<4s4BQQQ")
_COLLECTION = struct.Struct("<4s4BQ")
_ITEM = struct.Struct("<HHIQ")
_ATTRIBUTE = struct.Struct("<BBHHH")
_LEAF, _BRANCH = 4, 16  # half of how many entries a table and a node of a tree hold

_SPACE, _TYPE, _FILL, _LAYOUT, _ATTRIBUTES, _MORE, _SYMBOLS = 1, 3, 5, 8, 12, 16, 17
_HARMLESS = {0, 4, _FILL, _ATTRIBUTES, 18}
_OF_GROUPS, _OF_ARRAYS = {_SYMBOLS}, {_SPACE, _TYPE, _LAYOUT}
_KINDS = {
    2: "links in a newer arrangement",
    6: "links in a newer arrangement",
    7: "external storage",
    11: "filters, such as compression",
    21: "attributes in a newer arrangement",
}

_MOST_OBJECTS = 20_000
_LONGEST_PATH = 1000
_LONGEST_PATHS = 16 << 20
_LARGEST_PART = 16 << 20
_WINDOW = 1 << 15


def _integer(size: int, signed: bool) -> bytes:
    return struct.pack("<BBBBIHH", 0x10, 8 * signed, 0, 0, size, 0, 8 * size)


def _float(size: int, exponent: int, mantissa: int) -> bytes:
    bias = (1 << (exponent - 1)) - 1
    sign = 8 * size - 1
    head = struct.pack("<BBBBI", 0x11, 0x20, sign, 0, size)
    return head + struct.pack("<HHBBBBI", 0, 8 * size, mantissa, exponent, 0, mantissa, bias)


_BOOL = struct.pack("<BBBBI", 0x18, 2, 0, 0, 1) + _integer(1, True)
_BOOL += b"FALSE\0\0\0TRUE\0\0\0\0\0\1"
_TYPES = {
    **{f"int{8 * size}": _integer(size, True) for size in (1, 2, 4, 8)},
    **{f"uint{8 * size}": _integer(size, False) for size in (1, 2, 4, 8)},
    "float16": _float(2, 5, 10),
    "float32": _float(4, 8, 23),
    "float64": _float(8, 11, 52),
    "bool": _BOOL,
}
"""How the format describes each dtype."""

_DTYPES = {described.rstrip(b"\0"): dtype for dtype, described in _TYPES.items()}
_SIZES = {dtype: np.dtype(dtype).itemsize for dtype in _TYPES}

_OPAQUE = struct.pack("<BBBBI", 0x15, 0, 0, 0, 2)
"""Two bytes of unknown meaning; an attribute tells that they are a bfloat16."""

_WORD = "bfloat16"
_HASH = "polynet.sha256"


# ------------------------------------------------------------------------------------------ reading


class Arrays:
    """An HDF5 file, or a part of a file that is one: its arrays by path; values are read later.

    Args:
        file: where it is.
        start: the first byte.
        size: how many bytes it has.
        what: begins the text of errors.
    """

    def __init__(self, file: Input, start: int, size: int, what: str) -> None:
        self.file, self.start, self.end, self.what = file, start, size, what
        self.tensors: dict[str, Stored] = {}
        self._claims: list[tuple[int, int]] = []
        self._collections: dict[int, dict[int, bytes]] = {}
        self._window = 0, b""  # what was read last: small parts lie side by side
        self.sha256: str | None = None
        self._read_groups(self._superblock())
        self._disjoint()
        self._stored = dict(self.tensors)

    @property
    def size(self) -> int:
        """How many bytes all values take."""
        return sum(stored.size for stored in self.tensors.values())

    def read(self, wanted: Iterable[str], verify: None = None) -> dict[str, Any]:
        """The wanted values.  ``verify`` is for other formats: here the hash is in the file, if polynet wrote it."""
        values: dict[str, Any] = {}
        names = set(wanted)
        digest = hashlib.sha256()
        for name, stored in self._stored.items():
            if self.sha256 is None and name not in names:
                continue
            dtype, shape, offset, size = stored
            raw: Any = np.empty(size, np.uint8)
            self.file.read_into(raw, self.start + offset)
            if self.sha256 is not None:
                digest.update(_label(name, dtype, shape))
                digest.update(raw)
            if name not in names:
                continue
            if dtype == "bool" and raw.size and int(raw.max()) > 1:
                raise self._wrong(f"{shown(name)}: a truth value is neither 0 nor 1.")
            typed = _bfloat16(raw) if dtype == _WORD else raw.view(dtype)
            values[name] = typed.reshape(shape)
        if self.sha256 not in (None, digest.hexdigest()):
            raise self._wrong(
                "the sha256 of the values is not the one in the file. The file was damaged or changed."
            )
        return values

    def _wrong(self, text: str) -> errors.FileError:
        return errors.FileError(f"{self.what}: {text}")

    def _take(self, offset: int, size: int, part: str) -> bytes:
        """A part of the file's structure, which must be within it, and be nothing else too."""
        if size > _LARGEST_PART or offset + size > self.end:
            raise self._wrong(
                f"{part}: expected {size} bytes at {offset}; the file has {self.end}. It was cut short or damaged."
            )
        self._claim(offset, size)
        begin, window = self._window
        if not begin <= offset <= offset + size <= begin + len(window):
            length = min(max(size, _WINDOW), self.end - offset)
            window = self.file.read(self.start + offset, length, part)
            begin = offset
            self._window = begin, window
        return window[offset - begin : offset - begin + size]

    def _claim(self, offset: int, size: int) -> None:
        self._claims.append((offset, size))
        if len(self._claims) > 16 * _MOST_OBJECTS:
            raise self._wrong("the file has too many parts.")

    def _disjoint(self) -> None:
        end = 0
        for offset, size in sorted(self._claims):
            if offset < end:
                raise self._wrong(
                    f"two parts of the file overlap at byte {offset}. The file was damaged or changed."
                )
            end = offset + size

    def _superblock(self) -> tuple[int, int, int]:
        """Where the root group is, and its tree and heap."""
        if self.end < _SUPERBLOCK.size or self.file.read(self.start, 8, "the beginning") != (
            _SIGNATURE
        ):
            raise self._wrong("expected a file of HDF5; it is not.")
        data = self._take(0, _SUPERBLOCK.size, "the superblock")
        version = data[8]
        if version:
            raise self._wrong(
                f"expected HDF5's superblock of version 0, which h5py writes by default, and Keras; got {version}."
            )
        fields = _SUPERBLOCK.unpack(data)
        versions, (leaf, branch, flags) = fields[2:9], fields[9:12]
        base, free, end, driver, _, root, cache, _, tree, heap = fields[12:]
        known = versions == (0, 0, 0, 0, 8, 8, 0) and not flags and leaf and branch
        if not known or base or free != _NOWHERE or driver != _NOWHERE:
            raise self._wrong("the superblock has entries that Keras's files have not.")
        if end != self.end:
            raise self._wrong(
                f"the superblock tells of {end} bytes; there are {self.end}. The file was cut short or damaged."
            )
        self._leaf, self._branch = leaf, branch
        return root, *((tree, heap) if cache == 1 else (_NOWHERE, _NOWHERE))

    def _read_groups(self, root: tuple[int, int, int]) -> None:
        stack = [("", *root)]
        seen = {root[0]}
        lengths = 0
        while stack:
            path, address, tree, heap = stack.pop()
            title = shown(path or "/")
            messages = self._object(address, title)
            if _SYMBOLS not in messages:
                self.tensors[path] = self._array(messages, title)
                continue
            found = self._symbols(messages, title)
            if not path:
                texts = [_fixed_text(body) for body in messages.get(_ATTRIBUTES, ())]
                self.sha256 = dict(texts).get(_HASH)
            if _NOWHERE not in (tree, heap) and found != (tree, heap):
                raise self._wrong(f"{title}: two places are told of its entries.")
            for name, entry in reversed(self._entries(*found, title).items()):
                inner = f"{path}/{name}" if path else name
                lengths += len(inner)
                if entry[0] in seen:
                    raise self._wrong(f"{shown(inner)}: the object has another name too.")
                seen.add(entry[0])
                if len(inner) > _LONGEST_PATH or lengths > _LONGEST_PATHS:
                    raise self._wrong(f"{shown(inner)}: names are too long.")
                if len(seen) > _MOST_OBJECTS:
                    raise self._wrong(f"expected at most {_MOST_OBJECTS} groups and arrays.")
                stack.append((inner, *entry))

    def _object(self, address: int, title: str) -> dict[int, list[bytes]]:
        """The messages that describe an object, by kind."""
        head = self._take(address, _OBJECT.size, title)
        version, _, count, _, length = _OBJECT.unpack(head)
        if version != 1:
            raise self._wrong(
                f"{title}: it is described in another way than in Keras's files, or the file is damaged."
            )
        messages: dict[int, list[bytes]] = {}
        blocks = [(address + _OBJECT.size, length)]
        found = 0
        while blocks:
            data = self._take(*blocks.pop(), title)
            position = 0
            while position + _MESSAGE.size <= len(data):
                kind, size, flags = _MESSAGE.unpack_from(data, position)
                position += _MESSAGE.size
                body = data[position : position + size]
                position += size
                found += 1
                if position > len(data) or size % 8 or flags & ~1:
                    raise self._wrong(f"{title}: its description is damaged.")
                if kind == _MORE:
                    blocks.append(struct.unpack_from("<QQ", body.ljust(16, b"\0")))
                else:
                    messages.setdefault(kind, []).append(body)
            if position != len(data):
                raise self._wrong(f"{title}: its description is damaged.")
        wanted = _OF_GROUPS if _SYMBOLS in messages else _OF_ARRAYS
        for kind in messages.keys() - wanted - _HARMLESS:
            text = _KINDS.get(kind, f"a message of kind {kind}")
            raise self._wrong(
                f"{title}: it has {text}; expected arrays in the file as they are, as Keras writes them."
            )
        for kind in wanted:
            if len(messages.get(kind, ())) != 1:
                raise self._wrong(f"{title}: expected a group, or an array, described once.")
        if found != count:
            raise self._wrong(f"{title}: its description is damaged.")
        return messages

    def _symbols(self, messages: dict[int, list[bytes]], title: str) -> tuple[int, int]:
        body = messages[_SYMBOLS][0]
        if len(body) != 16:
            raise self._wrong(f"{title}: the place of its entries is damaged.")
        tree, heap = struct.unpack("<QQ", body)
        return tree, heap

    def _entries(self, tree: int, heap: int, title: str) -> dict[str, tuple[int, int, int]]:
        """Where the objects of a group are, by name."""
        names = self._names(heap, title)
        found: dict[str, tuple[int, int, int]] = {}
        nodes: list[tuple[int, int]] = [(tree, -1)]
        while nodes:
            address, expected = nodes.pop()
            if expected == -2:
                self._read_table(address, names, found, title)
                continue
            size = _NODE.size + 8 * (4 * self._branch + 1)
            data = self._take(address, size, title)
            signature, kind, level, used, _, _ = _NODE.unpack_from(data)
            if (
                signature != b"TREE"
                or kind
                or used > 2 * self._branch
                or expected not in (-1, level)
            ):
                raise self._wrong(f"{title}: the tree of its entries is damaged.")
            places = struct.unpack_from(f"<{2 * used + 1}Q", data, _NODE.size)[1::2]
            nodes += [(place, level - 1 if level else -2) for place in reversed(places)]
        return found

    def _read_table(
        self, address: int, names: bytes, found: dict[str, tuple[int, int, int]], title: str
    ) -> None:
        size = _TABLE.size + 2 * self._leaf * _ENTRY.size
        data = self._take(address, size, title)
        signature, version, _, used = _TABLE.unpack_from(data)
        if signature != b"SNOD" or version != 1 or used > 2 * self._leaf:
            raise self._wrong(f"{title}: the table of its entries is damaged.")
        for number in range(used):
            place = _TABLE.size + number * _ENTRY.size
            offset, header, cache, _, tree, heap = _ENTRY.unpack_from(data, place)
            end = names.find(b"\0", offset)
            try:
                name = names[offset:end].decode() if 0 <= offset < end else ""
            except UnicodeDecodeError:
                name = ""
            if not name or "/" in name or name in (".", ".."):
                raise self._wrong(f"{title}: an entry has no name, or one that cannot be.")
            inner = f"{title}: {shown(name)}"
            if cache > 1:
                raise self._wrong(f"{inner} is a link; expected a group or an array.")
            if name in found:
                raise self._wrong(f"{inner} occurs twice.")
            found[name] = header, *((tree, heap) if cache else (_NOWHERE, _NOWHERE))

    def _names(self, heap: int, title: str) -> bytes:
        data = self._take(heap, _HEAP.size, title)
        signature, version, *_, size, _, address = _HEAP.unpack(data)
        if signature != b"HEAP" or version:
            raise self._wrong(f"{title}: the names of its entries are damaged.")
        return self._take(address, size, title)

    def _array(self, messages: dict[int, list[bytes]], title: str) -> Stored:
        shape = self._shape(messages[_SPACE][0], title)
        dtype = self._dtype(messages, title)
        size = math.prod(shape) * _SIZES.get(dtype, 2)
        body = messages[_LAYOUT][0]
        if body[:2] != b"\3\1" or len(body) < 18:
            kind = {b"\3\0": "in its description", b"\3\2": "in chunks"}.get(body[:2], "elsewhere")
            raise self._wrong(
                f"{title}: its values lie {kind}; expected them in one piece in the file."
            )
        start, told = struct.unpack_from("<QQ", body, 2)
        if told != size:
            raise self._wrong(
                f"{title}: {dtype} of shape {_short(shape)} takes {size} bytes; {told} are stored."
            )
        if not size:
            return Stored(dtype, shape, 0, 0)
        if start + size > self.end:
            raise self._wrong(
                f"{title}: expected {size} bytes at {start}; the file has {self.end}."
            )
        self._claim(start, size)
        return Stored(dtype, shape, start, size)

    def _shape(self, body: bytes, title: str) -> tuple[int, ...]:
        version, rank, flags, _ = body[:4].ljust(4, b"\0")
        begin = {1: 8, 2: 4}.get(version, 0)
        count = rank * (2 if flags & 1 else 1)
        if not begin or rank > 32 or flags & ~1 or len(body) < begin + 8 * count:
            raise self._wrong(f"{title}: its shape is damaged, or of a newer kind.")
        lengths = struct.unpack_from(f"<{count}Q", body, begin)
        if version == 2 and body[3] == 2:
            raise self._wrong(f"{title}: it has no values.")
        if lengths[rank:] not in ((), lengths[:rank]):
            raise self._wrong(f"{title}: expected an array whose shape is fixed.")
        return tuple(lengths[:rank])

    def _dtype(self, messages: dict[int, list[bytes]], title: str) -> str:
        body = messages[_TYPE][0]
        known = _DTYPES.get(body.rstrip(b"\0"))
        if known is not None:
            return known
        if body.rstrip(b"\0") == _OPAQUE.rstrip(b"\0"):
            told = [self._attribute(each) for each in messages.get(_ATTRIBUTES, ())]
            if told == [("dtype", _WORD)]:
                return _WORD
        raise self._wrong(
            f"{title}: its type is none that a variable has; expected {', '.join(_TYPES)} or {_WORD}."
        )

    def _attribute(self, body: bytes) -> tuple[str, str]:
        """Name and text of an attribute; empty when it is anything else."""
        version, _, name, dtype, space = _ATTRIBUTE.unpack_from(body.ljust(_ATTRIBUTE.size, b"\0"))
        begin = _ATTRIBUTE.size + sum((size + 7) // 8 * 8 for size in (name, dtype, space))
        if version != 1 or len(body) < begin + 16:
            return "", ""
        _, address, index = struct.unpack_from("<IQI", body, begin)
        label = body[_ATTRIBUTE.size :][:name].rstrip(b"\0")
        return label.decode("ascii", "replace"), self._text(address, index)

    def _text(self, address: int, index: int) -> str:
        """A text that lies in one of the collections of texts."""
        if address not in self._collections:
            *_, size = _COLLECTION.unpack(
                self.file.read(self.start + address, _COLLECTION.size, "texts")
                if address + _COLLECTION.size <= self.end
                else bytes(_COLLECTION.size)
            )
            data = self._take(address, max(size, _COLLECTION.size), "texts")
            items: dict[int, bytes] = {}
            position = _COLLECTION.size
            while data[:4] == b"GCOL" and position + _ITEM.size <= len(data):
                number, _, _, length = _ITEM.unpack_from(data, position)
                position += _ITEM.size
                if not number:
                    break
                items[number] = data[position : position + length]
                position += (length + 7) // 8 * 8
            self._collections[address] = items
        return self._collections[address].get(index, b"").decode("ascii", "replace")


def _label(name: str, dtype: str, shape: Sequence[int]) -> bytes:
    """What is hashed before the bytes of an array."""
    return f"{name} {dtype} {list(shape)} ".encode()


def _fixed_text(body: bytes) -> tuple[str, str]:
    """Name and text of an attribute that holds its text in itself; empty when it is anything else."""
    version, _, name, dtype, space = _ATTRIBUTE.unpack_from(body.ljust(_ATTRIBUTE.size, b"\0"))
    begin = _ATTRIBUTE.size + sum((size + 7) // 8 * 8 for size in (name, dtype, space))
    label = body[_ATTRIBUTE.size :][:name].rstrip(b"\0").decode("ascii", "replace")
    kind = body[_ATTRIBUTE.size + (name + 7) // 8 * 8 :][:8]
    if version != 1 or kind != _TEXT_OF_HASH:
        return "", ""
    return label, body[begin : begin + 64].decode("ascii", "replace")


def _short(shape: Sequence[int]) -> str:
    return str(tuple(shape[:8])) if len(shape) <= 8 else f"{tuple(shape[:8])} and more"


# ------------------------------------------------------------------------------------------ writing


def as_buffers(arrays: Mapping[str, tuple[Any, str]], hashed: bool = False) -> list[Any]:
    """An HDF5 file of arrays by path, as pieces of memory; arrays are not copied.

    Args:
        arrays: each with its dtype; the bits of a bfloat16 in any dtype of two bytes.
        hashed: note the sha256 of the arrays too? Readers other than polynet's see an attribute of the root.

    Example:
        >>> import numpy as np
        >>> [head, data] = as_buffers({"vars/0": (np.ones((2, 3), "float32"), "float32")})
        >>> bytes(head[1:4]), data.nbytes
        (b'HDF', 24)
    """
    made = _Writer(hashed)
    tree: dict[str, Any] = {}
    for path, entry in arrays.items():
        *groups, name = path.split("/")
        inner = tree
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[name] = entry
    root = made.group(tree, "")
    return made.finish(root)


class _Writer:
    """Collects the structure of a file; the arrays follow behind it."""

    def __init__(self, hashed: bool) -> None:
        self.head = bytearray(_SUPERBLOCK.size)
        self.digest = hashlib.sha256() if hashed else None
        self.arrays: list[tuple[int, Any]] = []
        self.word = 0

    def add(self, data: bytes) -> int:
        """Append a part; where it is."""
        place = len(self.head)
        self.head += data.ljust((len(data) + 7) // 8 * 8, b"\0")
        return place

    def object(self, messages: Sequence[tuple[int, bytes]]) -> int:
        """Append the description of an object."""
        body = b"".join(
            _MESSAGE.pack(kind, len(data), 0) + data
            for kind, data in ((kind, _padded(data)) for kind, data in messages)
        )
        return self.add(_OBJECT.pack(1, 0, len(messages), 1, len(body)) + body)

    def group(self, entries: Mapping[str, Any], path: str) -> tuple[int, int, int]:
        """Append a group and everything within; where it is, and its tree and heap."""
        ordered = sorted((name.encode(), value) for name, value in entries.items())
        texts, offsets = bytearray(8), []
        for name, _ in ordered:
            offsets.append(len(texts))
            texts += _padded(name + b"\0")
        lines = []
        for (name, value), offset in zip(ordered, offsets, strict=True):
            inner = f"{path}{name.decode()}"
            if isinstance(value, dict):
                place, inner_tree, inner_heap = self.group(value, f"{inner}/")
                lines.append((offset, _ENTRY.pack(offset, place, 1, 0, inner_tree, inner_heap)))
            else:
                lines.append((offset, _ENTRY.pack(offset, self.array(inner, *value), 0, 0, 0, 0)))
        # 1: there is no free place among the names
        heap = self.add(_HEAP.pack(b"HEAP", 0, 0, 0, 0, len(texts), 1, len(self.head) + _HEAP.size))
        self.add(bytes(texts))
        tree = self.tree(lines)
        messages = [(_SYMBOLS, struct.pack("<QQ", tree, heap))]
        if self.digest is not None and not path:
            text = self.digest.hexdigest().encode()
            space = struct.pack("<BBB5x", 1, 0, 0)
            messages.append((_ATTRIBUTES, _attribute(_HASH, _TEXT_OF_HASH, space, text)))
        return self.object(messages), tree, heap

    def tree(self, lines: Sequence[tuple[int, bytes]]) -> int:
        """Append the tables of a group's entries, and the tree that leads to them."""
        size = 2 * _LEAF
        nodes: list[tuple[int, int]] = []  # the largest name below, and the place
        for begin in range(0, len(lines), size):
            part = lines[begin : begin + size]
            data = _TABLE.pack(b"SNOD", 1, 0, len(part)) + b"".join(line for _, line in part)
            nodes.append(
                (part[-1][0], self.add(data.ljust(_TABLE.size + size * _ENTRY.size, b"\0")))
            )
        level, width = 0, 2 * _BRANCH
        length = _NODE.size + 8 * (2 * width + 1)
        while True:
            parts = [nodes[begin : begin + width] for begin in range(0, len(nodes), width)] or [[]]
            first = len(self.head)
            above: list[tuple[int, int]] = []
            smallest = 0
            for number, some in enumerate(parts):
                left = first + (number - 1) * length if number else _NOWHERE
                right = first + (number + 1) * length if number + 1 < len(parts) else _NOWHERE
                data = _NODE.pack(b"TREE", 0, level, len(some), left, right)
                data += struct.pack("<Q", smallest)
                for largest, place in some:
                    data += struct.pack("<QQ", place, largest)
                    smallest = largest
                above.append((smallest, self.add(data.ljust(length, b"\0"))))
            if len(above) == 1:
                return above[0][1]
            nodes, level = above, level + 1

    def array(self, path: str, values: Any, dtype: str) -> int:
        """Append the description of an array."""
        shape = values.shape
        values = np.ascontiguousarray(values).reshape(-1)
        if self.digest is not None:
            self.digest.update(_label(path, dtype, shape))
            self.digest.update(values.view(np.uint8))
        space = struct.pack(f"<BBB5x{len(shape)}Q", 1, len(shape), 0, *shape)
        messages = [
            (_SPACE, space),
            (_TYPE, _OPAQUE if dtype == _WORD else _TYPES[dtype]),
            (_FILL, bytes([2, 2, 2, 1, 0, 0, 0, 0])),
            (_LAYOUT, struct.pack("<BBQQ", 3, 1, _NOWHERE, values.nbytes)),
        ]
        if dtype == _WORD:
            messages.append((_ATTRIBUTES, self.told()))
        place = self.object(messages)
        if values.nbytes:
            before = sum(_MESSAGE.size + len(_padded(data)) for _, data in messages[:3])
            self.arrays.append((place + _OBJECT.size + before + _MESSAGE.size + 2, values))
        return place

    def told(self) -> bytes:
        """The attribute that tells of a bfloat16."""
        if not self.word:
            text = _WORD.encode()
            used = _COLLECTION.size + _ITEM.size + len(text)
            data = _COLLECTION.pack(b"GCOL", 1, 0, 0, 0, 4096)
            data += _ITEM.pack(1, 0, 0, len(text)) + text
            data += _ITEM.pack(0, 0, 0, 4096 - used)
            self.word = self.add(data.ljust(4096, b"\0"))
        kind = struct.pack("<BBBBI", 0x19, 1, 1, 0, 16) + _TEXT
        space = struct.pack("<BBB5x", 1, 0, 0)
        place = struct.pack("<IQI", len(_WORD), self.word, 1)
        return _attribute("dtype", kind, space, place)

    def finish(self, root: tuple[int, int, int]) -> list[Any]:
        """The whole file."""
        pieces: list[Any] = [self.head]
        end = len(self.head)
        for place, values in self.arrays:
            struct.pack_into("<Q", self.head, place, end)
            flat = values.view(np.uint8)
            pieces.append(flat)
            end += flat.nbytes
            if end % 8:
                pieces.append(bytes(-end % 8))
                end += -end % 8
        place, tree, heap = root
        numbers = (_LEAF, _BRANCH, 0, 0, _NOWHERE, end, _NOWHERE, 0, place, 1, 0, tree, heap)
        _SUPERBLOCK.pack_into(self.head, 0, _SIGNATURE, 0, 0, 0, 0, 0, 8, 8, 0, *numbers)
        return pieces


_TEXT = _integer(1, False)
_TEXT_OF_HASH = struct.pack("<BBBBI", 0x13, 0, 0, 0, 64)


def _attribute(name: str, kind: bytes, space: bytes, value: bytes) -> bytes:
    """An attribute of a group or array."""
    label = name.encode() + b"\0"
    head = _ATTRIBUTE.pack(1, 0, len(label), len(kind), len(space))
    return head + _padded(label) + _padded(kind) + space + value


def _padded(data: bytes) -> bytes:
    return data.ljust((len(data) + 7) // 8 * 8, b"\0")
