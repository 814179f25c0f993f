"""`get_file`: the cache, hashes, downloads that break off, and archives that nobody vouches for."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import os
import stat
import tarfile
import threading
import urllib.error
import zipfile

import pytest

import lamina
from lamina import utils
from lamina.graph import ArgumentError
from lamina.utils import ArchiveError

TEXT = b"hello, world\n" * 1000


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/broken.bin":
            self.send_response(200)
            self.send_header("Content-Length", "999")
            self.end_headers()
            self.wfile.write(b"short")
            return
        super().do_GET()


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "words.txt").write_bytes(TEXT)
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.asked, running.folder = [], folder
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        running.url = f"http://127.0.0.1:{running.server_address[1]}"
        yield running
        running.shutdown()
        thread.join()


def test_a_file_is_fetched_once(server, tmp_path):
    for _ in range(2):
        path = utils.get_file(origin=f"{server.url}/words.txt?x=1", cache_dir=tmp_path / "cache")
        assert path == str(tmp_path / "cache" / "datasets" / "words.txt")
        with open(path, "rb") as file:
            assert file.read() == TEXT
    assert len(server.asked) == 1
    utils.get_file(origin=f"{server.url}/words.txt", cache_dir=tmp_path / "cache", force_download=True)
    assert len(server.asked) == 2
    assert os.listdir(tmp_path / "cache" / "datasets") == ["words.txt"]


def test_names_and_places(server, tmp_path, monkeypatch):
    origin = f"{server.url}/words.txt"
    assert utils.get_file("w.bin", origin, cache_subdir="a/b", cache_dir=tmp_path) == str(tmp_path / "a/b/w.bin")
    assert utils.get_file("w", origin, cache_subdir=str(tmp_path / "abs")) == str(tmp_path / "abs/w")
    monkeypatch.setenv("LAMINA_HOME", str(tmp_path / "home"))
    assert utils.get_file(origin=origin) == str(tmp_path / "home/datasets/words.txt")


@pytest.mark.parametrize("name", ["sha256", "md5"])
def test_hashes(server, tmp_path, name):
    right = hashlib.new(name, TEXT).hexdigest()
    arguments = {"origin": f"{server.url}/words.txt", "cache_dir": tmp_path}
    path = utils.get_file(**arguments, file_hash=right.upper(), hash_algorithm=name)
    with open(path, "wb") as file:
        file.write(b"damaged")
    utils.get_file(**arguments, file_hash=right)  # fetched again, since it is not the one
    with open(path, "rb") as file:
        assert file.read() == TEXT
    wrong = right[::-1]
    with pytest.raises(ArgumentError, match="not the one that is wanted"):
        utils.get_file("other", **arguments, file_hash=wrong)
    assert not (tmp_path / "datasets/other").exists()
    with pytest.raises(ArgumentError, match="not the one that is wanted"):
        utils.get_file(**arguments, **({"md5_hash": wrong} if name == "md5" else {"file_hash": wrong}))
    with open(path, "rb") as file:
        assert file.read() == TEXT  # what was there stays


def test_a_download_that_fails_leaves_nothing(server, tmp_path):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        utils.get_file(origin=f"{server.url}/gone.txt", cache_dir=tmp_path)
    with pytest.raises((ArgumentError, OSError), match="broke off|IncompleteRead"):
        utils.get_file(origin=f"{server.url}/broken.bin", cache_dir=tmp_path)
    assert os.listdir(tmp_path / "datasets") == []


def test_a_bar_is_shown_of_what_takes_time(server, tmp_path, capsys):
    (server.folder / "large.bin").write_bytes(bytes(2 << 20))
    arguments = {"origin": f"{server.url}/large.bin", "cache_dir": tmp_path, "force_download": True}
    utils.get_file(**arguments)
    assert "2097152 bytes" in capsys.readouterr().out
    lamina.config.disable_interactive_logging()
    try:
        utils.get_file(**arguments)
    finally:
        lamina.config.enable_interactive_logging()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({}, "needs a URL"),
        ({"origin": "/etc/passwd"}, "needs a URL"),
        ({"origin": "data:text/plain,hello"}, "needs a URL"),
        ({"origin": "http://x/"}, "plain name"),
        ({"origin": "http://x/%2e%2e"}, "plain name"),
        ({"origin": "http://x/..%5c..%5ca"}, "plain name"),
        ({"origin": "http://x/a", "fname": "b/c"}, "plain name"),
        ({"origin": "http://x/a", "fname": "..\\c"}, "plain name"),
        ({"origin": "http://x/a", "file_hash": "abc"}, "no hash"),
        ({"origin": "http://x/a", "file_hash": "z" * 64}, "no hash"),
        ({"origin": "http://x/a", "file_hash": "0" * 32, "hash_algorithm": "sha256"}, "no hash"),
        ({"origin": "http://x/a", "hash_algorithm": "crc"}, "hash_algorithm"),
        ({"origin": "http://x/a", "archive_format": "rar", "extract": True}, "archive_format"),
    ],
)
def test_refused(arguments, text, tmp_path):
    with pytest.raises(ArgumentError, match=text):
        utils.get_file(**arguments, cache_dir=tmp_path)


# ---- archives


TAR_KINDS = {
    "file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE,
    "device": tarfile.CHRTYPE, "pipe": tarfile.FIFOTYPE,
}  # fmt: skip


def tarred(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = TAR_KINDS[kind]
            info.mode = 0o4777 if kind == "file" else 0o755
            data = content if kind == "file" else b""
            info.size = len(data)
            info.linkname = content if kind in ("symlink", "hard link") else ""
            archive.addfile(info, io.BytesIO(data))
    return path


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, kind, content in members:
            info = zipfile.ZipInfo(name + "/" if kind == "folder" else name)
            if kind == "symlink":
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, content if isinstance(content, bytes) else content.encode())
    return path


GOOD = [("data", "folder", ""), ("data/a.txt", "file", b"A"), ("data/deep/b.txt", "file", b"B"), ("c.txt", "file", b"")]
HOSTILE = [
    [("../out.txt", "file", b"x")],
    [("a/../../out.txt", "file", b"x")],
    [("/tmp/lamina_out.txt", "file", b"x")],
    [("..\\out.txt", "file", b"x")],
    [("C:\\out.txt", "file", b"x")],
    [("C:out.txt", "file", b"x")],
    [("link", "symlink", "/etc"), ("link/passwd", "file", b"x")],
    [("link", "symlink", ".."), ("link/out.txt", "file", b"x")],
    [("link", "symlink", "data")],
    [("same", "file", b"1"), ("same", "file", b"2")],
    [("same", "file", b"1"), ("same/inner", "file", b"2")],
    [("./same", "file", b"1"), ("same", "file", b"2")],
]
TAR_ONLY = [
    [("../out", "hard link", "/etc/passwd")],
    [("hard", "hard link", "../../secret")],
    [("device", "device", "")],
    [("pipe", "pipe", "")],
]


def everything(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "make, ending", [(tarred, "tar.gz"), (zipped, "zip"), (functools.partial(tarred, mode="w"), "tar")]
)
def test_archives_are_unpacked(make, ending, tmp_path):
    origin = make(tmp_path / f"set.{ending}", GOOD).as_uri()
    wanted = {"data/a.txt": b"A", "data/deep/b.txt": b"B", "c.txt": b""}
    named = utils.get_file("set", origin, extract=True, cache_dir=tmp_path)
    assert named == str(tmp_path / "datasets/set")
    assert everything(tmp_path / "datasets/set") == wanted
    dotted = utils.get_file(f"set.{ending}", origin, extract=True, cache_dir=tmp_path)
    assert dotted == str(tmp_path / "datasets/set_extracted")
    assert everything(tmp_path / "datasets/set_extracted") == wanted
    unnamed = utils.get_file(origin=origin, extract=True, cache_dir=tmp_path, archive_format=["zip", "tar"])
    assert unnamed == str(tmp_path / f"datasets/set.{ending}")
    assert not any(p.stat().st_mode & 0o7111 for p in (tmp_path / "datasets").rglob("*") if p.is_file())
    # Once more, in the place of what is there.
    (tmp_path / "datasets/set/stale.txt").write_text("x")
    utils.get_file("set", origin, untar=ending != "zip", extract=True, cache_dir=tmp_path)
    assert everything(tmp_path / "datasets/set") == wanted


@pytest.mark.parametrize(
    "make, members",
    [*((tarred, members) for members in HOSTILE + TAR_ONLY), *((zipped, members) for members in HOSTILE)],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_archives_write_nothing(make, members, tmp_path):
    inner = tmp_path / "cache" / "deep"
    make(tmp_path / "set.bin", [("good.txt", "file", b"x"), *members])
    arguments = {"origin": (tmp_path / "set.bin").as_uri(), "extract": True, "cache_dir": inner}
    with pytest.raises(ArchiveError, match="not unpacked"):
        utils.get_file("set", **arguments)
    assert os.listdir(inner / "datasets") == ["set_archive"]
    assert sorted(os.listdir(tmp_path)) == ["cache", "set.bin"]
    assert not os.path.exists("/tmp/lamina_out.txt")


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.txt").write_text("mine")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/set").symlink_to(outside)
    origin = tarred(tmp_path / "set.tar", GOOD, "w").as_uri()
    utils.get_file("set", origin, extract=True, cache_dir=tmp_path)
    assert os.listdir(outside) == ["mine.txt"]
    assert not (tmp_path / "datasets/set").is_symlink()


def test_no_archive(tmp_path):
    (tmp_path / "plain").write_bytes(TEXT)
    origin = (tmp_path / "plain").as_uri()
    for archive_format in ("auto", "zip", None):
        with pytest.warns(UserWarning, match="no archive"):
            utils.get_file("x", origin, extract=True, cache_dir=tmp_path, archive_format=archive_format)
    archive = zipped(tmp_path / "set.zip", GOOD)
    with pytest.warns(UserWarning, match="no archive"):
        utils.get_file("y", archive.as_uri(), untar=True, cache_dir=tmp_path)
