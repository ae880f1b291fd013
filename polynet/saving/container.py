"""The zip that a model file is, written and read exactly one way; and files that are written whole or not at all.

Members are stored one after the other, never compressed, and never extracted to disk.  The reader accepts only the
bytes that the writer would have made of the same members, so that nothing in a file is ever without a meaning.  What
the members hold is not known here.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from polynet import errors
from polynet.saving import strict_json
from polynet.saving.strict_json import shown

FORMAT = 1
"""The version of the format, which manifest.json tells; a reader refuses later ones."""

MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 4 << 20
_CHUNK = 8 << 20
PARALLEL = 1 << 20
"""Bytes from which on hashes are computed beside reading and writing."""
_MODE = 0o666

# ------------------------------------------------------------------------------------------ atomic writing


class Output:
    """A file that is being written.

    Args:
        descriptor: of the operating system.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.offset = 0

    def write(self, data: Any) -> None:
        """Append bytes, all of them."""
        view = memoryview(data)
        while view:
            done = os.write(self.descriptor, view[:_CHUNK])
            view = view[done:]
            self.offset += done

    def sync(self) -> None:
        """Wait until the disk has what was written so far."""
        os.fsync(self.descriptor)

    def write_at(self, data: bytes, offset: int) -> None:
        """Replace bytes that were written before."""
        os.lseek(self.descriptor, offset, os.SEEK_SET)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]
        os.lseek(self.descriptor, self.offset, os.SEEK_SET)


@contextlib.contextmanager
def replacing(path: str, overwrite: bool = True, size: int = 0) -> Iterator[Output]:
    """A block that writes a file under another name; at its end it takes the place of the old one.

    Whatever happens within, there is either the old file or the new one under ``path``.

    Args:
        overwrite: may there be a file already?
        size: how many bytes will be written, for the error when they do not fit.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(
            errno.EISDIR, "expected the name of a file to write; this is a directory", path
        )
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(
            errno.EEXIST, "the file exists, and overwrite=False was given. Remove it first", path
        )
    target = os.path.realpath(path)
    directory, name = os.path.split(target)
    temporary = os.path.join(directory, f".{name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(
            temporary,
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0),
            _MODE,
        )
    except OSError as error:
        raise _explained(error, path, directory, size) from error
    try:
        try:
            yield Output(descriptor)
            if os.path.exists(target):
                shutil.copymode(target, temporary)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise _explained(error, path, directory, size) from error
        raise
    _sync_directory(directory)


_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{16}\.tmp")


def remove_temporaries(directory: str, names: re.Pattern[str]) -> None:
    """Remove what is left in a directory of writing files of such names, when the process was killed meanwhile."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(directory):
            match = _TEMPORARY.fullmatch(name)
            if match and names.fullmatch(match[1]):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(directory, name))


def _sync_directory(directory: str) -> None:
    """Let the new name outlast a loss of power."""
    if not hasattr(os, "O_DIRECTORY"):  # systems that cannot open a directory
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explained(error: OSError, path: str, directory: str, size: int) -> OSError:
    """The same error with what could not be written, and what is needed."""
    what = (error.strerror or str(error)).rstrip(".")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = ""
        with contextlib.suppress(OSError):
            free = f", {shutil.disk_usage(directory).free} are free"
        need = f"the file takes {size} bytes{free}"
    elif isinstance(error, FileNotFoundError):
        need = f"there is no directory {directory!r}; make it first"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        need = f"saving needs a directory that may be written; {directory!r} may not"
    else:
        need = "it was not written"
    before = " What was there before is unchanged." if os.path.lexists(path) else ""
    return type(error)(error.errno or 0, f"cannot save: {what}; {need}.{before}", path)


# ------------------------------------------------------------------------------------------ the zip

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_BIG = 0xFFFFFFFF
_DATE = (1 << 5) | 1  # 1 January 1980, the first day of this format
_UTF8 = 0x800


class Entry:
    """One member as the directory of the zip tells it."""

    __slots__ = ("crc", "name", "offset", "size", "start")

    def __init__(self, name: str, size: int, offset: int, crc: int = 0) -> None:
        self.name, self.size, self.offset, self.crc = name, size, offset, crc
        self.start = offset + len(self.local())

    def local(self) -> bytes:
        """What stands before the member's bytes."""
        name = self.name.encode()
        big = self.size >= _BIG
        extra = struct.pack("<2H2Q", 1, 16, self.size, self.size) if big else b""
        size = _BIG if big else self.size
        version = 45 if big else 20
        return (
            _LOCAL.pack(
                b"PK\x03\x04",
                version,
                _UTF8,
                0,
                0,
                _DATE,
                self.crc,
                size,
                size,
                len(name),
                len(extra),
            )
            + name
            + extra
        )

    def central(self) -> bytes:
        """The member's line in the directory."""
        name = self.name.encode()
        big = self.size >= _BIG
        far = self.offset >= _BIG
        wide = [self.size] * 2 * big + [self.offset] * far
        extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        size = _BIG if big else self.size
        version = 45 if wide else 20
        return (
            _CENTRAL.pack(
                b"PK\x01\x02",
                version,
                version,
                _UTF8,
                0,
                0,
                _DATE,
                self.crc,
                size,
                size,
                len(name),
                len(extra),
                0,
                0,
                0,
                0,
                _BIG if far else self.offset,
            )
            + name
            + extra
        )


def _directory(entries: Sequence[Entry], start: int) -> bytes:
    """What stands behind the last member."""
    lines = b"".join(entry.central() for entry in entries)
    made = lines
    if start >= _BIG:
        end = start + len(lines)
        count = len(entries)
        made += _END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(lines), start)
        made += _LOCATOR64.pack(b"PK\x06\x07", 0, end, 1)
    count = len(entries)
    return made + _END.pack(b"PK\x05\x06", 0, 0, count, count, len(lines), min(start, _BIG), 0)


Buffers = Sequence[Any]
"""What a member is written of: pieces of memory, one after the other."""


def write(
    path: str, members: Mapping[str, Buffers], overwrite: bool = True, about: Any = None
) -> None:
    """Write a file of these members, and manifest.json with the size of each and the sha256 of its pieces.

    Args:
        about: more entries of manifest.json.
    """
    total = sum(_size(parts) for parts in members.values())
    with replacing(path, overwrite, total) as output, beside(total) as pool:
        running = [_Writing(output, name, parts, pool) for name, parts in members.items()]
        if total >= PARALLEL:
            output.sync()  # the disk has something to do while hashes are computed
        hashes = {
            each.entry.name: {"sha256": each.end(), "size": each.entry.size} for each in running
        }
        manifest = {"format": FORMAT, **(about or {}), "members": hashes}
        last, _ = _write_member(output, MANIFEST, [strict_json.write(manifest)])
        entries = [*(each.entry for each in running), last]
        output.write(_directory(entries, output.offset))


class _Writing:
    """A member that is being written: its bytes are, and its hashes are on their way.

    Args:
        pool: computes them.
    """

    def __init__(self, output: Output, name: str, parts: Buffers, pool: Executor) -> None:
        self.entry = Entry(name, _size(parts), output.offset)
        self._output = output
        self._crc = pool.submit(_crc32, parts)
        self._digests = Digests(pool)
        for part in parts:
            self._digests.feed(part)
        output.write(self.entry.local())
        for part in parts:
            output.write(part)

    def end(self) -> list[str]:
        """Write what stands before the bytes and depends on them; returns the sha256 of the pieces."""
        found = self._digests.results()
        self.entry.crc = self._crc.result()
        self._output.write_at(self.entry.local(), self.entry.offset)
        return found


def _write_member(output: Output, name: str, parts: Buffers) -> tuple[Entry, list[str]]:
    """One member by itself."""
    with beside(_size(parts)) as pool:
        writing = _Writing(output, name, parts, pool)
        digests = writing.end()
    return writing.entry, digests


def _size(parts: Buffers) -> int:
    return sum(memoryview(part).nbytes for part in parts)


def _crc32(parts: Buffers) -> int:
    value = 0
    for part in parts:
        value = zlib.crc32(part, value)
    return value


# ------------------------------------------------------------------------------------------ hashes

PIECE = 8 << 20
"""Bytes of which one sha256 is told; several are computed at once, beside reading and writing."""


class _AtOnce(Executor):
    """Does what it is given when it is given it."""

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """The result of the function, as a future."""
        future: Future[Any] = Future()
        future.set_result(function(*args, **kwargs))
        return future


def beside(size: int) -> Executor:
    """What computes with so many bytes beside this thread, if that is worth it."""
    if size < PARALLEL:
        return _AtOnce()
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ThreadPoolExecutor(min(8, max(1, (count or 1) - 1)))


class Digests:
    """The sha256 of each ``PIECE`` bytes of what is fed, which must stay as it is until ``results``.

    Args:
        pool: computes them.

    Example:
        >>> import hashlib
        >>> digests = Digests(beside(5))
        >>> digests.feed(b"he")
        >>> digests.feed(b"llo")
        >>> digests.results() == [hashlib.sha256(b"hello").hexdigest()]
        True
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._running: list[tuple[Future[str], list[memoryview]]] = []
        self._piece: list[memoryview] = []
        self._room = PIECE

    def feed(self, data: Any) -> None:
        """More bytes."""
        rest = memoryview(data)
        while rest:
            taken, rest = rest[: self._room], rest[self._room :]
            self._piece.append(taken)
            self._room -= len(taken)
            if not self._room:
                self.end()

    def results(self) -> list[str]:
        """In hexadecimal; this thread helps with those that nobody has begun."""
        self.end()
        found = [
            _sha256(piece) if future.cancel() else future.result()
            for future, piece in reversed(self._running)
        ]
        return found[::-1]

    def end(self) -> None:
        """What is fed from here on is of another piece."""
        piece = self._piece
        if piece:
            self._running.append((self._pool.submit(_sha256, piece), piece))
            self._piece, self._room = [], PIECE


def _sha256(parts: Buffers) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def pieces_of(size: int) -> int:
    """How many sha256 are told of so many bytes."""
    return -(-size // PIECE)


def are_digests(value: Any, size: int) -> bool:
    """Is this a list of as many sha256 as so many bytes have?"""
    return (
        isinstance(value, list)
        and len(value) == pieces_of(size)
        and all(isinstance(each, str) and _DIGEST.fullmatch(each) for each in value)
    )


_DIGEST = re.compile(r"[0-9a-f]{64}")

# ------------------------------------------------------------------------------------------ reading


class Input:
    """A file that is being read, and whose size is known.

    Args:
        path: names it in errors.
        raw: the open file, without a buffer.
    """

    def __init__(self, path: str, raw: Any) -> None:
        self.path = path
        self.raw = raw
        self.size = os.fstat(raw.fileno()).st_size

    def read_into(self, buffer: Any, offset: int) -> None:
        """Fill a buffer with the bytes from ``offset`` on."""
        view = memoryview(buffer)
        self.raw.seek(offset)
        while view:
            done = self.raw.readinto(view[:_CHUNK])
            if not done:
                raise errors.FileError(
                    f"{self.path}: the file ends at byte {offset}; it was cut short while it was read."
                )
            view = view[done:]
            offset += done

    def read(self, offset: int, size: int, what: str) -> bytes:
        """``size`` bytes from ``offset`` on, which must be within the file."""
        if not 0 <= offset <= offset + size <= self.size:
            raise errors.FileError(
                f"{self.path}: {what}: expected {size} bytes at {offset}; the file has {self.size}."
            )
        made = bytearray(size)
        self.read_into(made, offset)
        return bytes(made)


@contextlib.contextmanager
def reading(path: str) -> Iterator[Input]:
    """A block that reads one file."""
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "expected a file to load; this is a directory", path)
    with open(path, "rb", buffering=0) as raw:
        yield Input(path, raw)


class Member:
    """One member of an open file; its bytes count only after ``verify``.

    Args:
        file: where it is.
        entry: its line in the directory.
        sha256: what manifest.json tells.
    """

    def __init__(self, file: Input, entry: Entry, sha256: list[str]) -> None:
        self.file, self.name, self.size = file, entry.name, entry.size
        self.start = entry.start
        self._sha256 = sha256

    @property
    def what(self) -> str:
        """Begins the text of errors."""
        return f"{self.file.path}: {self.name}"

    def verify(self, digests: list[str]) -> None:
        """Are these the sha256 that manifest.json tells of the member?"""
        if digests != self._sha256:
            raise errors.FileError(
                f"{self.what}: its sha256 is not the one in {MANIFEST}. The file was damaged or changed."
            )

    def read(self, largest: int) -> bytes:
        """All bytes, verified; for members that are small."""
        if self.size > largest:
            raise errors.FileError(
                f"{self.what}: expected at most {largest} bytes; it has {self.size}."
            )
        data = self.file.read(self.start, self.size, self.name)
        digests = Digests(beside(self.size))
        digests.feed(data)
        self.verify(digests.results())
        return data


def open_members(
    file: Input, known: Sequence[str], required: Sequence[str]
) -> tuple[dict[str, Member], dict[str, Any]]:
    """The members of an open file, all that is told of them checked, and its manifest.

    Args:
        known: the names that members may have.
        required: the names that must be there.
    """
    entries = _read_directory(file, (*known, MANIFEST))
    names = [entry.name for entry in entries]
    for name in (*required, MANIFEST):
        if name not in names:
            raise errors.FileError(f"{file.path}: there is no member {name}.")
    found = next(entry for entry in entries if entry.name == MANIFEST)
    if found.size > _LARGEST_MANIFEST:
        raise errors.FileError(f"{file.path}: {MANIFEST}: {found.size} bytes are too many.")
    data = file.read(found.start, found.size, MANIFEST)
    what = f"{file.path}: {MANIFEST}"
    if zlib.crc32(data) != found.crc:
        raise errors.FileError(f"{what}: its checksum is wrong. The file was damaged.")
    manifest = strict_json.read(data, what)
    told = _told(manifest, what)
    rest = [entry for entry in entries if entry.name != MANIFEST]
    if set(told) != {entry.name for entry in rest}:
        raise errors.FileError(
            f"{what}: expected the members {sorted(entry.name for entry in rest)}; got "
            f"{shown(', '.join(sorted(told)))}."
        )
    members = {}
    for entry in rest:
        size, sha256 = told[entry.name]
        if size != entry.size:
            raise errors.FileError(
                f"{what}: {entry.name} has {entry.size} bytes; the manifest tells {size}."
            )
        members[entry.name] = Member(file, entry, sha256)
    return members, manifest


def _told(manifest: Any, what: str) -> dict[str, tuple[int, list[str]]]:
    """Sizes and hashes of the members that a manifest tells."""
    if not isinstance(manifest, dict) or not _is_size(manifest.get("format")):
        raise errors.FileError(f"{what}: expected a dict with the number of the format.")
    if manifest["format"] != FORMAT:
        raise errors.FileError(
            f"{what}: the file is of format {manifest['format']}; this version of polynet reads {FORMAT}."
        )
    members = manifest.get("members")
    if not isinstance(members, dict):
        raise errors.FileError(f"{what}: members: expected a dict.")
    found = {}
    for name, entry in members.items():
        if (
            not isinstance(entry, dict)
            or set(entry) != {"sha256", "size"}
            or not _is_size(entry["size"])
            or not are_digests(entry["sha256"], entry["size"])
        ):
            raise errors.FileError(f"{what}: members: {shown(name)}: expected sha256 and size.")
        found[name] = entry["size"], entry["sha256"]
    return found


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _read_directory(file: Input, known: Sequence[str]) -> list[Entry]:
    """The entries of the directory, when the file is exactly what a writer makes of them."""
    path = file.path
    if file.size < _END.size or file.read(0, 4, "the beginning") != b"PK\x03\x04":
        raise errors.FileError(
            f"{path}: expected a model file of polynet, which is a zip; it is not."
        )
    place = file.size - _END.size
    signature, *_, count, size, start, comment = _END.unpack(file.read(place, _END.size, "the end"))
    if signature != b"PK\x05\x06" or comment:
        raise errors.FileError(
            f"{path}: the end of a zip is expected at the end of the file. The file was cut short or changed."
        )
    if start == _BIG:
        before = place - _LOCATOR64.size - _END64.size
        record = file.read(before, _END64.size, "the end")
        start = _END64.unpack(record)[-1]
        end = before
    else:
        end = place
    if start + size != end or count > len(known) or size > 1000 * len(known):
        raise errors.FileError(
            f"{path}: the directory of members is not where the end of the file tells, or has {count} members; "
            f"expected at most {len(known)}."
        )
    lines = file.read(start, size, "the directory")
    entries: list[Entry] = []
    position = 0
    for _ in range(count):
        entry, position = _read_line(path, lines, position, known)
        if any(entry.name == other.name for other in entries):
            raise errors.FileError(f"{path}: member {entry.name} occurs twice.")
        entries.append(entry)
    offset = 0
    for entry in entries:
        local = entry.local()
        inside = entry.offset == offset and entry.start + entry.size <= start
        if not inside or file.read(offset, len(local), entry.name) != local:
            raise errors.FileError(
                f"{path}: {entry.name}: what stands before the member is not what the directory tells of it. The "
                f"file was damaged or changed."
            )
        offset = entry.start + entry.size
    if offset != start or lines + file.read(end, file.size - end, "the end") != _directory(
        entries, start
    ):
        raise errors.FileError(
            f"{path}: there are bytes that belong to no member, or the directory is not as polynet writes it. The "
            f"file was damaged or changed."
        )
    return entries


def _read_line(path: str, lines: bytes, position: int, known: Sequence[str]) -> tuple[Entry, int]:
    """The entry at a position of the directory, and the position after it."""
    if position + _CENTRAL.size > len(lines):
        raise errors.FileError(f"{path}: the directory of members is cut short.")
    fields = _CENTRAL.unpack_from(lines, position)
    signature, _, _, flags, method, _, _, crc, packed, size, long, more, *_, offset = fields
    position += _CENTRAL.size
    name = lines[position : position + long].decode("utf-8", "replace")
    extra = lines[position + long : position + long + more]
    if signature != b"PK\x01\x02":
        raise errors.FileError(f"{path}: the directory of members is damaged.")
    if name not in known:
        raise errors.FileError(
            f"{path}: unknown member {shown(name)}; expected {', '.join(known)}."
        )
    if flags & 1:
        raise errors.FileError(f"{path}: {name}: the member is encrypted; expected it stored.")
    if method:
        raise errors.FileError(f"{path}: {name}: the member is compressed; expected it stored.")
    if packed != size:
        raise errors.FileError(f"{path}: {name}: two sizes are told, {packed} and {size}.")
    if extra:
        wide = [size == _BIG, size == _BIG, offset == _BIG]
        if len(extra) != 4 + 8 * sum(wide):
            raise errors.FileError(f"{path}: {name}: unknown extra fields.")
        values = list(struct.unpack(f"<{sum(wide)}Q", extra[4:]))
        if size == _BIG:
            size = values[0]
        if offset == _BIG:
            offset = values[-1]
    return Entry(name, size, offset, crc), position + long + more
