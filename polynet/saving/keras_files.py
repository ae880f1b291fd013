"""Files of Keras 3: ``.keras``, a zip of a description and weights, and ``.weights.h5``, the weights alone.

They are read under the same rules as polynet's own: nothing in them is imported or run, nothing else is opened, and
all is checked before a weight changes.  What HDF5 is made of is in ``hdf5.py``, descriptions are in
``keras_configs.py``, the places of weights in ``keras_names.py``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

import polynet
from polynet import configurable, errors
from polynet.saving import container, hdf5, model_files, strict_json, weights
from polynet.saving.container import Input
from polynet.saving.keras_configs import read_compile, read_model, write_compile, write_model
from polynet.saving.keras_names import variables_by_place
from polynet.variable import Variable

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MEMBERS = (METADATA, CONFIG, WEIGHTS)

_KERAS = "3.15.1"
"""The version of Keras whose files these are."""

_OPTIMIZER = "optimizer/"
_LARGEST_CONFIG = 64 << 20
_CHUNK = 1 << 20

# ------------------------------------------------------------------------------------------ reading


def load_model(path: str, custom_objects: Mapping[str, Any] | None, compile: bool) -> Any:
    """The model of a ``.keras`` file, with what ``compile`` was given and the optimizer's state if asked for."""
    with container.reading(path) as file:
        members = _members(file)
        what = f"{path}: {CONFIG}"
        description = strict_json.read(members[CONFIG].read(file, CONFIG), what)
        told = description.pop("compile_config", None) if isinstance(description, dict) else None
        arrays = _arrays(file, members)
        limit = model_files._Limit(arrays.size)
        with configurable.custom_object_scope(custom_objects or {}), limit.applied():
            model = model_files._guarded(
                what, lambda: model_files._make_model(read_model(description))
            )
            if compile and told:
                model_files._guarded(
                    what,
                    lambda: _compile(model, told, arrays, what),
                    " With compile=False the model is loaded without it.",
                )
        wanted = variables_by_place(model)
        if model.optimizer is None:
            _leave_optimizer(arrays)
        else:
            wanted |= _optimizer_variables(model.optimizer)
        stored: Any = arrays
        found = weights.compare(stored, wanted, exact=False)
        weights.require_all(stored, wanted, found, hint=False)
        members[WEIGHTS].verify(file, WEIGHTS)
        values = weights.as_values(wanted, arrays.read(wanted))
    weights.assign_all(values)
    return model


def weights_of(file: Input, path: str, model: Any) -> tuple[hdf5.Arrays, dict[str, Variable]]:
    """The weights of an open ``.keras`` or ``.weights.h5`` file, and those of the model by the same names."""
    if path.endswith(".keras"):
        members = _members(file)
        arrays = _arrays(file, members)
        members[WEIGHTS].verify(file, WEIGHTS)
    else:
        arrays = hdf5.Arrays(file, 0, file.size, path)
    _leave_optimizer(arrays)
    return arrays, variables_by_place(model)


def _arrays(file: Input, members: Mapping[str, _Member]) -> hdf5.Arrays:
    member = members[WEIGHTS]
    return hdf5.Arrays(file, member.start, member.size, f"{file.path}: {WEIGHTS}")


def _leave_optimizer(arrays: hdf5.Arrays) -> None:
    for name in [name for name in arrays.tensors if name.startswith(_OPTIMIZER)]:
        del arrays.tensors[name]


def _compile(model: Any, told: Any, arrays: hdf5.Arrays, what: str) -> None:
    arguments = read_compile(told)
    model_files._compile(model, {"arguments": arguments}, what)
    optimizer = model.optimizer
    if optimizer is None:
        return
    stored = sum(name.startswith(f"{_OPTIMIZER}vars/") for name in arrays.tensors)
    if stored > len(optimizer.variables):
        optimizer.build(model.trainable_variables)
        optimizer.built = True


def _optimizer_variables(optimizer: Any) -> dict[str, Variable]:
    found = {f"{_OPTIMIZER}vars/{n}": v for n, v in enumerate(optimizer.variables)}
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:
        found |= {f"{_OPTIMIZER}inner_optimizer/vars/{n}": v for n, v in enumerate(inner.variables)}
    return found


# ------------------------------------------------------------------------------------------ the zip

_LOCAL = struct.Struct("<4s5H3I2H")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64_SIZE = 20
_DESCRIPTOR_FLAG = 8
_LONGEST_DESCRIPTOR = 24


class _Member(NamedTuple):
    """A member of the zip: its bytes are in one piece of the file."""

    start: int
    size: int
    crc: int

    def read(self, file: Input, name: str) -> bytes:
        """All bytes, for members that are small."""
        if self.size > _LARGEST_CONFIG:
            raise errors.FileError(
                f"{file.path}: {name}: expected at most {_LARGEST_CONFIG} bytes; it has {self.size}."
            )
        data = file.read(self.start, self.size, name)
        self._check(file, name, zlib.crc32(data))
        return data

    def verify(self, file: Input, name: str) -> None:
        """Is the checksum of the bytes the one that the zip tells?"""
        buffer = memoryview(bytearray(min(_CHUNK, max(self.size, 1))))
        crc = done = 0
        while done < self.size:
            part = buffer[: min(len(buffer), self.size - done)]
            file.read_into(part, self.start + done)
            crc = zlib.crc32(part, crc)
            done += len(part)
        self._check(file, name, crc)

    def _check(self, file: Input, name: str, crc: int) -> None:
        if crc != self.crc:
            raise errors.FileError(
                f"{file.path}: {name}: its checksum is wrong. The file was damaged."
            )


def _members(file: Input) -> dict[str, _Member]:
    """The members of the zip, all that is told of them checked."""
    path = file.path
    if file.size < _END.size or file.read(0, 4, "the beginning") != b"PK\x03\x04":
        raise errors.FileError(
            f"{path}: expected a model file of Keras, which is a zip; it is not."
        )
    end = file.size - _END.size
    signature, *numbers, comment = _END.unpack(file.read(end, _END.size, "the end"))
    disk, first, here, count, size, start = numbers
    if signature != b"PK\x05\x06" or comment:
        raise errors.FileError(
            f"{path}: the end of a zip is expected at the end of the file. The file was cut short or changed."
        )
    before = end - _LOCATOR64_SIZE
    if before > 0 and file.read(before, 4, "the end") == b"PK\x06\x07":
        end = before - _END64.size
        fields = _END64.unpack(file.read(end, _END64.size, "the end"))
        here, count, size, start = fields[-4:]
    if (
        (disk, first) != (0, 0)
        or start + size != end
        or here != count
        or count > len(MEMBERS)
        or size > 1000 * len(MEMBERS)
    ):
        raise errors.FileError(
            f"{path}: expected a zip of {', '.join(MEMBERS)}, and their directory at the end; it has {count} members. "
            f"Layers that keep files of their own are not read."
        )
    lines = file.read(start, size, "the directory")
    members: dict[str, _Member] = {}
    position = 0
    offsets = []
    for _ in range(count):
        entry, position = container._read_line(path, lines, position, MEMBERS)
        if entry.name in members:
            raise errors.FileError(f"{path}: member {entry.name} occurs twice.")
        begin, spare = _local(file, entry)
        offsets.append((entry.offset, begin + entry.size, spare))
        members[entry.name] = _Member(begin, entry.size, entry.crc)
    place = 0
    spare = 0
    for offset, after, more in sorted(offsets):
        if not place <= offset <= place + spare:
            break
        place, spare = after, more
    else:
        if place <= start <= place + spare and position == size:
            for name in (CONFIG, WEIGHTS):
                if name not in members:
                    raise errors.FileError(f"{path}: there is no member {name}.")
            return members
    raise errors.FileError(
        f"{path}: members overlap, or there are bytes that belong to none. The file was damaged or changed."
    )


def _local(file: Input, entry: container.Entry) -> tuple[int, int]:
    """Where a member's bytes begin, and how many may stand behind them."""
    fields = _LOCAL.unpack(file.read(entry.offset, _LOCAL.size, entry.name))
    signature, _, flags, method, _, _, crc, packed, size, long, more = fields
    begin = entry.offset + _LOCAL.size + long + more
    name = file.read(entry.offset + _LOCAL.size, long, entry.name)
    later = bool(flags & _DESCRIPTOR_FLAG)
    told = (entry.crc, entry.size, entry.size)
    wide = (packed, size) == (container._BIG, container._BIG) and more >= 20
    same = (crc, packed, size) == told or (later and not crc) or (wide and crc == entry.crc)
    if signature != b"PK\x03\x04" or name != entry.name.encode() or method or flags & 1 or not same:
        raise errors.FileError(
            f"{file.path}: {entry.name}: what stands before the member is not what the directory tells of it. The "
            f"file was damaged or changed."
        )
    if more > 100 or begin + entry.size > file.size:
        raise errors.FileError(f"{file.path}: {entry.name}: the member is longer than the file.")
    return begin, _LONGEST_DESCRIPTOR if later else 0


# ------------------------------------------------------------------------------------------ writing


def save_model(model: Any, path: str, overwrite: bool) -> None:
    """Write a ``.keras`` file, which Keras opens."""
    description = write_model(model_files.describe_model(model))
    compiled = model_files._describe_compile(model)
    arrays = _values(variables_by_place(model))
    if compiled is not None:
        description["compile_config"] = write_compile(compiled["arguments"])
        if model.optimizer is not None:
            arrays |= _values(_optimizer_variables(model.optimizer))
    try:
        config = strict_json.write(description)
    except ValueError as error:
        raise ValueError(
            f"save: {type(model).__name__} {model.name!r}: infinite numbers and NaN cannot be written for Keras; save "
            f"to a name that ends in '.polynet'."
        ) from error
    metadata = strict_json.write({"keras_version": _KERAS, "polynet": polynet.__version__})
    buffers = hdf5.as_buffers(arrays)
    members = {METADATA: [metadata], CONFIG: [config], WEIGHTS: buffers}
    total = sum(memoryview(part).nbytes for parts in members.values() for part in parts)
    with container.replacing(path, overwrite, total) as output:
        entries = [_written(output, name, parts) for name, parts in members.items()]
        output.write(container._directory(entries, output.offset))


def _written(output: container.Output, name: str, parts: container.Buffers) -> container.Entry:
    """Write a member; what the directory will tell of it."""
    size = sum(memoryview(part).nbytes for part in parts)
    entry = container.Entry(name, size, output.offset)
    output.write(entry.local())
    for part in parts:
        entry.crc = zlib.crc32(part, entry.crc)
        output.write(part)
    output.write_at(entry.local(), entry.offset)
    return entry


def save_weights(model: Any, path: str, overwrite: bool) -> None:
    """Write a ``.weights.h5`` file, which Keras opens."""
    buffers = hdf5.as_buffers(_values(variables_by_place(model)), hashed=True)
    total = sum(memoryview(part).nbytes for part in buffers)
    with container.replacing(path, overwrite, total) as output:
        for part in buffers:
            output.write(part)


def _values(variables: Mapping[str, Variable]) -> dict[str, tuple[Any, str]]:
    made = {}
    for name, variable in variables.items():
        dtype = variable.dtype
        if dtype.startswith("complex"):
            raise errors.DTypeError(f"weight {name!r}: Keras's files have no dtype for {dtype}.")
        flat, *_ = weights._bytes(name, variable)
        array = flat.view(np.uint16 if dtype == "bfloat16" else dtype)
        made[name] = array.reshape(tuple(variable.shape)), dtype
    return made
