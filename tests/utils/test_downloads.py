"""Downloads that break off go on where they stopped, and never put together what does not belong together."""

import hashlib
import http.server
import os
import re
import threading

import pytest

from lamina.utils import downloads, get_file
from lamina.utils.downloads import BrokenDownloadError

OLD, NEW = os.urandom(200_000), os.urandom(200_000)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        facts, asked = self.server.facts, self.headers.get("Range")
        self.server.asked.append(asked)
        data, begin = facts["data"], 0
        same = self.headers.get("If-Range") in (None, facts.get("tag"))
        if asked and same and facts.get("ranges", True):
            begin = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if "tag" in facts:
            self.send_header("ETag", facts["tag"])
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        cut = facts["cuts"].pop(0) if facts["cuts"] else len(data)
        self.wfile.write(data[begin : begin + cut])


@pytest.fixture
def origin(tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.facts = [], {}
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

        def fetch(**more):
            url = f"http://127.0.0.1:{server.server_address[1]}/f.bin"
            with open(get_file(origin=url, cache_dir=tmp_path, **more), "rb") as file:
                return file.read()

        server.fetch, server.kept = fetch, lambda: sorted(os.listdir(tmp_path / "datasets"))
        yield server
        server.shutdown()


def test_what_breaks_off_goes_on_in_the_same_call(origin):
    origin.facts = {"data": OLD, "tag": '"1"', "cuts": [70_000, 200_000, 50_000]}
    assert origin.fetch() == OLD
    assert origin.asked == [None, None, "bytes=70000-", None, "bytes=120000-"]
    assert origin.kept() == ["f.bin"]


@pytest.mark.parametrize("ranges", [True, False])
def test_and_in_a_later_call(origin, ranges):
    origin.facts = {"data": OLD, "tag": '"1"', "cuts": [1000, 0, 0, 0, 0, 0, 0, 0]}
    with pytest.raises(BrokenDownloadError, match="broke off.*\n.*1000 bytes"):
        origin.fetch()
    (part,) = origin.kept()
    assert part.startswith(".f.bin-")
    origin.asked.clear()
    origin.facts |= {"cuts": [], "ranges": ranges}
    assert origin.fetch() == OLD
    assert origin.asked == [None, "bytes=1000-"]
    assert origin.kept() == ["f.bin"]


def test_another_version_is_fetched_whole_and_the_old_part_goes(origin):
    origin.facts = {"data": OLD, "tag": '"1"', "cuts": [1000, 0, 0]}
    with pytest.raises(BrokenDownloadError):
        origin.fetch()
    origin.facts = {"data": NEW, "tag": '"2"', "cuts": []}
    assert origin.fetch() == NEW
    assert origin.kept() == ["f.bin"]


def test_without_a_mark_nothing_is_kept(origin):
    origin.facts = {"data": OLD, "cuts": [1000]}
    with pytest.raises(BrokenDownloadError):
        origin.fetch()
    assert origin.kept() == []
    assert origin.asked == [None]


def test_a_hash_finds_out_that_parts_do_not_belong_together(origin):
    origin.facts = {"data": OLD, "cuts": [1000, 0, 0]}
    wanted = hashlib.sha256(NEW).hexdigest()
    with pytest.raises(BrokenDownloadError):
        origin.fetch(file_hash=wanted)
    origin.facts = {"data": NEW, "cuts": []}
    assert origin.fetch(file_hash=wanted) == NEW
    assert origin.kept() == ["f.bin"]


def test_several_at_once(origin):
    origin.facts = {"data": OLD, "tag": '"1"', "cuts": []}
    found = []
    threads = [threading.Thread(target=lambda: found.append(origin.fetch())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [OLD] * 4
    assert origin.kept() == ["f.bin"]


@pytest.mark.skipif(downloads.fcntl is None, reason="without locks no part is shared")
def test_who_is_ready_leaves_the_part_that_another_has_just_begun(tmp_path):
    target = tmp_path / "f.bin"
    first, second = downloads._part(target, "mark"), downloads._part(target, "mark")
    part, _ = first.__enter__()
    os.replace(part, target)
    other, _ = second.__enter__()  # of the same name, and empty so far
    first.__exit__(None, None, None)
    assert other == part
    assert other.exists()
    second.__exit__(None, None, None)
    assert os.listdir(tmp_path) == ["f.bin"]
