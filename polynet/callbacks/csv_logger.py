"""``CSVLogger``: the logs of each epoch as a line of a file."""

from __future__ import annotations

import csv
import os
from typing import IO, Any

from polynet.callbacks.callback import Callback

__all__ = ["CSVLogger"]


class CSVLogger(Callback):
    """Writes the logs of each epoch to a file of comma-separated values.

    Args:
        filename: the file.
        separator: what stands between values.
        append: add to what the file holds, as when training goes on, instead of writing it anew?

    Example:
        >>> import pathlib, tempfile, polynet
        >>> path = pathlib.Path(tempfile.mkdtemp(), "log.csv")
        >>> logger = polynet.callbacks.CSVLogger(path)
        >>> logger.on_train_begin()
        >>> logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75})
        >>> logger.on_train_end()
        >>> print(path.read_text().strip())
        epoch,loss,val_loss
        0,0.5,0.75
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep, self.append = separator, append
        if not isinstance(separator, str) or len(separator) != 1:
            raise ValueError(f"CSVLogger: separator: expected one character; got {separator!r}.")
        self.keys: list[str] | None = None
        self.csv_file: IO[str] | None = None
        self._writer: Any = None
        self._header = True
        self._kept: int | None = None

    def get_state(self) -> dict[str, Any]:
        """The columns, and how long the file is."""
        file = self.csv_file
        size = 0 if file is None or file.closed else os.fstat(file.fileno()).st_size
        return {"keys": self.keys, "size": size}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on in the file where it was then; later lines are written anew."""
        self.keys, self._kept = state["keys"], state["size"]
        self._header = not self._kept

    def on_train_begin(self, logs: Any = None) -> None:
        """Open the file."""
        self._close()
        self.keys = None
        self._header = True
        if self.append and os.path.exists(self.filename):
            with open(self.filename, newline="", encoding="utf-8") as file:
                first = next(csv.reader(file, delimiter=self.sep), None)
            if first:  # go on with its columns
                self._header, self.keys = False, first[1:]
        self.csv_file = open(  # noqa: SIM115 (closed when training ends)
            self.filename, "a", newline="", encoding="utf-8"
        )
        self._kept = None if self.append else 0  # a run that goes on keeps more

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Leave in the file what shall stay."""
        self._cut()

    def _cut(self) -> None:
        if self._kept is not None and self.csv_file is not None:
            size = os.fstat(self.csv_file.fileno()).st_size
            self.csv_file.truncate(min(size, self._kept))
            self._kept = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write a line."""
        logs = logs or {}
        if self.csv_file is None or self.csv_file.closed:
            self.on_train_begin()
        assert self.csv_file is not None
        self._cut()
        if self.keys is None:
            self.keys = sorted(logs)
            if self.keys and not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]  # validation may come later
        if self._writer is None:
            self._writer = csv.writer(self.csv_file, delimiter=self.sep, lineterminator="\n")
            if self._header:
                self._writer.writerow(["epoch", *self.keys])
        self._writer.writerow([epoch, *(_cell(logs.get(key, "NA")) for key in self.keys)])
        self.csv_file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the file."""
        if self.csv_file is not None and not self.csv_file.closed:
            self._cut()
        self._close()

    def _close(self) -> None:
        if self.csv_file is not None and not self.csv_file.closed:
            self.csv_file.close()
        self._writer = None


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(str, value))}]"
    return value
