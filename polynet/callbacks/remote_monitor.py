"""``RemoteMonitor``: sends the logs of each epoch to a server."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping
from typing import Any

from polynet.callbacks.callback import Callback

__all__ = ["RemoteMonitor"]

_TIMEOUT = 10.0


class RemoteMonitor(Callback):
    """Sends the logs of each epoch by HTTP POST; a server that does not answer gives a warning.

    Args:
        root: the server, ``http`` or ``https``.
        path: where on the server.
        field: the field of the form that holds the logs as JSON.
        headers: further HTTP headers.
        send_as_json: send JSON alone, not in a form?

    Example:
        >>> import polynet
        >>> monitor = polynet.callbacks.RemoteMonitor("http://localhost:9000", send_as_json=True)
        >>> monitor.root + monitor.path
        'http://localhost:9000/publish/epoch/end/'
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(root, str) or not root.startswith(("http://", "https://")):
            raise ValueError(
                f"RemoteMonitor: root: expected an address that begins with http:// or https://; got {root!r}."
            )
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Send the logs."""
        text = json.dumps({"epoch": epoch, **(logs or {})})
        if self.send_as_json:
            body, kind = text, "application/json"
        else:
            body = urllib.parse.urlencode({self.field: text})
            kind = "application/x-www-form-urlencoded"
        request = urllib.request.Request(
            self.root + self.path,
            body.encode(),
            {"Content-Type": kind, **(self.headers or {})},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT):
                pass
        except (OSError, urllib.error.URLError) as error:
            warnings.warn(
                f"RemoteMonitor: could not send epoch {epoch} to {self.root}: {error}.",
                stacklevel=2,
            )
