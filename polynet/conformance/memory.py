"""How much memory a process has, and keeping it small while thousands of small programs are compiled.

Nothing here knows what the memory is used for.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys

from polynet.backend import Backend

LIMIT = 800.0
"""MB; above it what is kept for speed alone is given back between two rows."""


def now() -> float:
    """The memory that this process has, in MB; 0 where it cannot be asked.

    Example:
        >>> now() >= 0
        True
    """
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2
    except (OSError, ValueError, AttributeError):  # not Linux
        return 0.0


def peak() -> float:
    """The most memory that this process has had, in MB; 0 where it cannot be asked.

    Example:
        >>> peak() >= 0
        True
    """
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1024**2 if sys.platform == "darwin" else 1024), 1)


def trim() -> None:
    """Ask the C library to return what is free in its heap: glibc keeps it otherwise, half a gigabyte here."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


class Keeper:
    """Gives memory back once there is much of it: ``look`` is called after each row.

    Args:
        backend: the one that is checked.
        limit: in MB; what stays above it after giving back is not asked for again before it has grown by a third.
    """

    def __init__(self, backend: Backend, limit: float = LIMIT) -> None:
        self._backend = backend
        self._limit = limit
        self._rows = 0

    def look(self) -> bool:
        """Give memory back if it is time to; say if it was."""
        self._rows += 1
        used = now()
        due = used > self._limit if used else self._rows % 100 == 0
        if due:
            self._backend.free_memory()
            gc.collect()
            trim()
            self._limit = max(self._limit, now() * 4 / 3)
        return due
