"""RemoteMonitor, against a server of its own."""

from __future__ import annotations

import json
import threading
import urllib.parse
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import torch

from lamina import ArgumentError
from lamina.callbacks import RemoteMonitor

LOGS = {"loss": 0.5, "nan": float("nan"), "array": np.float32(0.25), "tensor": torch.tensor(2.0), "f1": [0.5, 1.0]}
SENT = {"epoch": 3, "loss": 0.5, "nan": None, "array": 0.25, "tensor": 2.0, "f1": [0.5, 1.0]}


@pytest.fixture
def server(monkeypatch):
    """A server on the loopback that keeps what is posted, and answers with its ``status``."""
    monkeypatch.setenv("no_proxy", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.server.posts.append((self.path, dict(self.headers), body))
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *arguments):
            """Tests are quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        http.posts, http.status = [], 200
        http.root = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield http
        http.shutdown()
        thread.join()


def test_a_form_with_one_field(server):
    RemoteMonitor(server.root, field="numbers").on_epoch_end(3, LOGS)
    ((path, headers, body),) = server.posts
    assert path == "/publish/epoch/end/"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    fields = urllib.parse.parse_qs(body)
    assert list(fields) == ["numbers"]
    assert json.loads(fields["numbers"][0]) == SENT


def test_json_with_headers(server):
    monitor = RemoteMonitor(server.root, path="/here", headers={"X-Key": "secret"}, send_as_json=True)
    monitor.on_epoch_end(3, LOGS)
    ((path, headers, body),) = server.posts
    assert (path, headers["Content-Type"], headers["X-Key"]) == ("/here", "application/json", "secret")
    assert json.loads(body) == SENT


def test_a_server_that_refuses_is_warned_of(server):
    server.status = 500
    with pytest.warns(UserWarning, match=r"could not post to http://127.0.0.1:\d+/publish/epoch/end/: HTTP Error 500"):
        RemoteMonitor(server.root).on_epoch_end(0, {"loss": 1.0})


def test_a_server_that_is_not_there_is_warned_of(server):
    server.shutdown()
    server.server_close()
    with pytest.warns(UserWarning, match="could not post"):
        RemoteMonitor(server.root).on_epoch_end(0, {"loss": 1.0})


def test_an_epoch_that_arrives_is_not_warned_of(server):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        RemoteMonitor(server.root).on_epoch_end(0, None)
    assert len(server.posts) == 1


def test_other_urls_are_refused():
    with pytest.raises(ArgumentError, match="posts over HTTP"):
        RemoteMonitor("file:///etc")
