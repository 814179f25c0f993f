"""RemoteMonitor: posts the numbers of each epoch to a server."""

from __future__ import annotations

import http.client
import json
import math
import urllib.parse
import urllib.request
from typing import Any

import numpy as np
import torch

from lamina.graph import ArgumentError
from lamina.graph.source import warn

from .base import Callback, Logs

_SECONDS = 10.0


class RemoteMonitor(Callback):
    """Posts ``{"epoch": 0, "loss": ...}`` after each epoch. A server that does not answer is warned of, no more.

    Not-a-number and infinity, which JSON does not have, are sent as null.

    Args:
        root: URL of the server, http or https.
        path: of the resource there.
        field: name of the form's field that holds the JSON text; used without ``send_as_json``.
        headers: further HTTP headers.
        send_as_json: the body is the JSON text itself, as ``application/json``; else a form with one field.

    Raises:
        ArgumentError: a URL of another kind.

    >>> RemoteMonitor("ftp://localhost")
    Traceback (most recent call last):
    lamina.ArgumentError: RemoteMonitor posts over HTTP.
      got       'ftp://localhost'
      expected  http://... or https://...
    """

    first_only = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if urllib.parse.urlsplit(root).scheme not in ("http", "https"):
            raise ArgumentError("RemoteMonitor posts over HTTP.", got=repr(root), expected="http://... or https://...")
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        text = json.dumps({"epoch": epoch, **{name: _plain(value) for name, value in (logs or {}).items()}})
        if self.send_as_json:
            body, kind = text, "application/json"
        else:
            body, kind = urllib.parse.urlencode({self.field: text}), "application/x-www-form-urlencoded"
        request = urllib.request.Request(
            self.root + self.path, body.encode(), {"Content-Type": kind, **(self.headers or {})}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):
                pass
        except (OSError, http.client.HTTPException) as error:  # a failing HTTP status is an OSError too
            warn(f"RemoteMonitor could not post to {request.full_url}: {error}")


def _plain(value: Any) -> Any:
    """What JSON can hold."""
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
