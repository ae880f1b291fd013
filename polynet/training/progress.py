"""``Progbar``: one line that shows how far a run is, updated in place where somebody is looking.

Only how a line is made and shown.  ``ProgbarLogger`` decides what it shows, and reads no metric before it is due.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import sys
import time
from collections.abc import Iterable
from typing import Any

from polynet import config

__all__ = ["Progbar", "is_dynamic", "show", "verbosity"]

LOG = logging.getLogger("polynet")


def in_notebook() -> bool:
    """Does what is printed appear in a notebook?"""
    return type(sys.stdout).__module__.partition(".")[0] == "ipykernel"


def is_dynamic() -> bool:
    """Can a line be updated in place: is standard output a terminal or a notebook, and not that of CI?"""
    if not config.is_interactive_logging_enabled():
        return False
    if in_notebook() or "PYCHARM_HOSTED" in os.environ:
        return True
    if (
        os.environ.get("CI", "").lower() not in ("", "0", "false")
        or os.environ.get("TERM") == "dumb"
    ):
        return False
    try:
        return bool(sys.stdout.isatty())
    except (AttributeError, ValueError):  # no standard output, or a closed one
        return False


def verbosity(verbose: Any) -> int:
    """A ``verbose`` argument as a number; ``"auto"`` is 1 where a line can be updated in place, else 2.

    Example:
        >>> verbosity(0), verbosity(True)
        (0, 1)
    """
    if isinstance(verbose, str) and verbose == "auto":
        return 1 if is_dynamic() else 2
    if isinstance(verbose, bool | int) and int(verbose) in (0, 1, 2):
        return int(verbose)
    raise ValueError(f"verbose: expected 'auto', 0, 1 or 2; got {verbose!r}.")


_open: Progbar | None = None
"""The bar whose line is being updated."""


def show(text: str) -> None:
    """Print a line, or log it where interactive logging is switched off.

    The line of a bar that is being updated gives way, and appears again below at its next update.
    """
    if _open is not None:
        _open.wipe()
    _write(text, "\n")


def _write(text: str, end: str) -> None:
    if not config.is_interactive_logging_enabled():
        if text.strip():
            LOG.info(text.strip())
        return
    stream = sys.stdout
    if stream is None:
        return
    try:
        stream.write(text + end)
    except UnicodeEncodeError:
        stream.write((text + end).encode("ascii", "replace").decode())
    stream.flush()


class Progbar:
    """A progress bar with metrics.

    Args:
        target: steps altogether, ``None`` if unknown.
        width: of the bar, in characters.
        verbose: 0 shows nothing, 1 a bar, 2 one line at the end.
        interval: seconds between two updates, at least.
        stateful_metrics: names of metrics that are shown as they are; all others are averaged over steps.
        stateless_metrics: names of metrics that are averaged over steps; all others are shown as they are.
        unit_name: what is counted.

    Example:
        >>> bar = Progbar(target=3, verbose=0)
        >>> bar.update(1, [("loss", 0.5)])
        >>> bar.update(2, [("loss", 0.25)])
        >>> bar.average("loss")
        0.375
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar: expected stateful_metrics or stateless_metrics; got both.")
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self.title = ""
        """What the line begins with."""
        self.seen = 0
        self._sums: dict[str, tuple[float, float]] = {}
        self._dynamic = is_dynamic()
        self._start = time.perf_counter()
        self._first: tuple[int, float] | None = None
        self._shown_at = -math.inf
        self._shown_width = 0

    def due(self, current: int) -> bool:
        """Would an update now be shown? That of the last step always is."""
        if self.verbose != 1 or not self._dynamic:
            return False
        if current == self.target:
            self._shown_at = -math.inf
        return time.perf_counter() - self._shown_at >= self.interval

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Say how far it is.

        Args:
            current: steps done.
            values: names and values of metrics.
            finalize: is it over? By default that is so at ``target`` steps.
        """
        now = time.perf_counter()
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._note(name, value, current, finalize)
        self.seen = current
        if self._first is None and current:
            self._first = (current, now)
        if self.verbose == 1 and self._dynamic:
            if finalize or now - self._shown_at >= self.interval:
                self._shown_at = now
                self._redraw(self.line(now, finalize), finalize)
        elif self.verbose and finalize:
            _write(self.line(now, True, bar=False), "\n")

    def pass_by(self, current: int) -> None:
        """Say how far it is, without showing it."""
        self.seen = current
        if self._first is None:
            self._first = (current, time.perf_counter())

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Say that it is ``n`` steps further."""
        self.update(self.seen + n, values)

    def close(self) -> None:
        """Leave the line as it is, so that what is printed next has a line of its own."""
        if self._shown_width:
            self._shown_width = 0
            _write("", "\n")

    def wipe(self) -> None:
        """Clear the line for something else; the next update shows it again."""
        if self._shown_width:
            _write(f"\r{' ' * self._shown_width}\r", "")
            self._shown_width = 0
            self._shown_at = -math.inf

    def average(self, name: str) -> float:
        """What is shown for a metric."""
        total, count = self._sums[name]
        return total / count

    def _note(self, name: str, value: Any, current: int, finalize: bool) -> None:
        averaged = (
            name not in self.stateful_metrics
            if self.stateless_metrics is None
            else name in self.stateless_metrics
        )
        number = _number(value)
        if averaged and not finalize:  # at the end come values of all steps
            steps = max(current - self.seen, 1)
            total, count = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = (total + number * steps, count + steps)
        else:
            self._sums[name] = (number, 1.0)

    # ---------------------------------------------------------------------------------- the line

    def line(self, now: float, final: bool, bar: bool = True) -> str:
        """The text of the line."""
        count = self._count(final, bar)
        parts = [f"{self.title}: {count}" if self.title else count]
        elapsed = now - self._start
        each = self._each(now)
        times = duration(elapsed)
        if not final and self.target and self.seen:
            times = f"{duration(math.ceil(each * max(self.target - self.seen, 0)))} left"
        parts.append(times)
        parts.append(f"{duration(each)}/{self.unit_name}")
        parts += [f"{name}: {shown(self.average(name))}" for name in self._sums]
        return " - ".join(parts)

    def _count(self, final: bool, bar: bool) -> str:
        if not self.target:
            return f"{self.seen}" if final else f"{self.seen}/?"
        count = f"{self.seen:>{len(str(self.target))}}/{self.target}"
        if not bar or self.width < 1:
            return count
        done, todo = _characters()
        filled = min(self.width, self.width * self.seen // self.target)
        return f"{count} {done * filled}{todo * (self.width - filled)}"

    def _each(self, now: float) -> float:
        """Seconds for each step; the first, which compiles, does not count once there are more."""
        if not self.seen:
            return 0.0
        if self._first is not None and self.seen > self._first[0]:
            return (now - self._first[1]) / (self.seen - self._first[0])
        return (now - self._start) / self.seen

    def _redraw(self, line: str, final: bool) -> None:
        room = shutil.get_terminal_size((200, 24)).columns - 1
        if not in_notebook() and len(line) > room and not final:
            line = line[: max(room - 3, 0)] + "..."  # a line that wraps cannot be overwritten
        padding = " " * max(self._shown_width - len(line), 0)
        self._shown_width = 0 if final else len(line)
        global _open
        _open = None if final else self
        _write(f"\r{line}{padding}", "\n" if final else "")


def _characters() -> tuple[str, str]:
    """What a bar is made of: heavy and light lines where they can be written."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "━─".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return "=", "."
    return "━", "─"


def _number(value: Any) -> float:
    if isinstance(value, int | float):
        return float(value)
    from polynet.training.logs import as_float

    found = as_float(value)
    if isinstance(found, list):
        import numpy as np

        return float(np.mean(found))
    return float(found)


def shown(value: float) -> str:
    """A metric as it is shown: four decimals, or an exponent where these would say little.

    Example:
        >>> shown(0.12345), shown(0.000012345), shown(0.0)
        ('0.1235', '1.2345e-05', '0.0000')
    """
    return f"{value:.4e}" if value and abs(value) <= 1e-3 else f"{value:.4f}"


def duration(seconds: float) -> str:
    """A time as it is shown.

    Example:
        >>> [duration(s) for s in (0.00012, 0.012, 1.2, 75, 3700)]
        ['120us', '12ms', '1s', '1:15', '1:01:40']
    """
    if seconds >= 59.5:
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= 0.9995 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds * 1e6:.0f}us" if seconds else "0s"
