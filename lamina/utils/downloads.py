"""A file from a URL, put in its place when it is whole. What breaks off is kept beside and goes on where it stopped."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import secrets
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from lamina.config import is_interactive_logging_enabled
from lamina.graph import ArgumentError, LaminaError

from .progbar import Progbar

try:
    import fcntl
except ImportError:  # Windows: without a lock no two processes may share a part, so none is kept
    fcntl = None  # type: ignore[assignment]

_CHUNK = 1 << 18
_SHOWN_FROM = 1 << 20  # bytes; what is smaller is there before a bar is read
_TRIES = 4  # of one call, as long as bytes come


class BrokenDownloadError(LaminaError, ConnectionError):
    """A download ended before the file did, after `done` bytes, which are kept for a later one if it is `resumable`."""

    done = 0
    resumable = False


def download(origin: str, target: Path, algorithm: str, file_hash: str | None) -> None:
    """Fetch a file into its place.

    A connection that breaks is made again for the rest of the file. If it keeps breaking, or the process ends, the
    bytes stay in a hidden file beside the target, and the next call asks for the rest: if the origin says by an ETag or
    a date that the file is still the same, or a hash is wanted, which finds out.

    Raises:
        BrokenDownloadError: the file broke off. urllib.error.URLError: it cannot be had; the URL is in a note.
        ArgumentError: it has another hash.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for tries in range(1, _TRIES + 1):
        begun = 0
        try:
            with _answer(origin) as source, _part(target, _mark(source, origin, file_hash)) as (part, out):
                begun = out.tell()
                _fill(source, out, origin)
                out.flush()
                if file_hash is None or _is(part, algorithm, file_hash, origin, certain=not begun or tries == _TRIES):
                    os.replace(part, target)
                    break
        except BrokenDownloadError as error:
            if tries == _TRIES or not error.resumable or error.done <= begun:
                raise
    _remove_older(target)


def file_digest(file: Path, algorithm: str) -> str:
    """The hash of what is in a file, in hexadecimal digits."""
    with open(file, "rb") as source:
        return hashlib.file_digest(source, algorithm).hexdigest()


def _is(part: Path, algorithm: str, file_hash: str, origin: str, certain: bool) -> bool:
    """Whether a file has its hash. One that was put together of two downloads is fetched anew where it has not."""
    if (found := file_digest(part, algorithm)) == file_hash:
        return True
    part.unlink()
    if not certain:
        return False
    raise ArgumentError(
        f"The file from {origin} is not the one that is wanted.",
        got=f"{algorithm} {found}",
        expected=file_hash,
        hint="download again; else the file has changed at its origin, or on its way",
    )


def _answer(origin: str, **headers: str) -> Any:
    try:
        return urllib.request.urlopen(urllib.request.Request(origin, headers=headers))
    except OSError as error:  # urllib's errors do not tell what was asked for
        error.add_note(f"while fetching {origin}")
        raise


def _validator(source: Any) -> str | None:
    """What the origin calls this version of the file by, fit for `If-Range`."""
    tag = source.headers.get("ETag") or ""
    return (tag if tag.startswith('"') else None) or source.headers.get("Last-Modified")


def _length(source: Any) -> int | None:
    told = source.headers.get("Content-Length") or ""
    return int(told) if told.isdigit() else None


def _mark(source: Any, origin: str, file_hash: str | None) -> str | None:
    """What tells the same file from another; None where nothing does."""
    known = file_hash or _validator(source)
    if known is None or _length(source) is None or not origin.lower().startswith("http") or fcntl is None:
        return None
    return hashlib.sha256("\n".join((origin, known, str(_length(source)))).encode()).hexdigest()[:24]


@contextmanager
def _part(target: Path, mark: str | None) -> Iterator[tuple[Path, IO[bytes]]]:
    """The file beside the target that the bytes go to, at its end. Where another process writes it, one of our own."""
    part = target.with_name(f".{target.name}-{mark}.part")
    out = _locked(part) if mark is not None else None
    kept = shared = out is not None
    if out is None:
        part = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
        out = open(part, "xb")  # noqa: SIM115  # closed below, as the other one
    try:
        with out:
            try:
                yield part, out
            except BrokenDownloadError as error:
                error.resumable = kept
                raise
            except OSError as error:
                kept = kept and error.errno not in (errno.ENOSPC, errno.EDQUOT)  # a full disk is left as it was
                raise
            finally:
                # As long as the lock holds: from then on the file of this name may be that of another call.
                if shared and not (kept and out.tell()) and _is_at(part, out):
                    part.unlink()
    finally:
        if not shared:
            part.unlink(missing_ok=True)


def _locked(part: Path) -> IO[bytes] | None:
    """A file opened at its end for this process alone; None if another has it."""
    out = open(part, "ab")  # noqa: SIM115
    with suppress(OSError):
        fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(part, out):  # not moved away meanwhile
            return out
    out.close()
    return None


def _is_at(path: Path, file: IO[bytes]) -> bool:
    """Whether an open file is the one at a path."""
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())


def _fill(source: Any, out: IO[bytes], origin: str) -> None:
    """Write what is lacking: the answer, or, where a part is there already, another answer that begins behind it."""
    length, begun = _length(source), out.tell()
    if length is None or not 0 < begun <= length:
        out.truncate(0)
        _copy(source, out, origin, 0, length)
    elif begun < length:
        source.close()
        asked = {"Range": f"bytes={begun}-"}
        if (same := _validator(source)) is not None:
            asked["If-Range"] = same
        with _answer(origin, **asked) as rest:
            told = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", rest.headers.get("Content-Range") or "")
            if rest.status == 206 and told and (int(told[1]), int(told[2])) == (begun, length):
                _copy(rest, out, origin, begun, length)
            else:  # the origin gives whole files only, or another one by now
                out.truncate(0)
                _copy(rest, out, origin, 0, _length(rest))


def _copy(source: Any, out: IO[bytes], origin: str, done: int, length: int | None) -> None:
    shown = is_interactive_logging_enabled() and (length is None or length >= _SHOWN_FROM)
    bar = Progbar(length, unit_name="byte") if shown else None
    why = ""
    try:
        while chunk := source.read(_CHUNK):
            out.write(chunk)
            done += len(chunk)
            if bar is not None:
                bar.update(done, finalize=False)
    except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
        why = f", {type(error).__name__}: {error}"
    if bar is not None:
        bar.update(done, finalize=True)
    if why or (length is not None and done != length):
        broken = BrokenDownloadError(
            f"The file from {origin} broke off.",
            got=f"{done} bytes{why}",
            expected="all bytes" if length is None else f"{length} bytes",
            hint="the same call once more, which fetches the rest if the origin allows it",
        )
        broken.done = done
        raise broken


def _remove_older(target: Path) -> None:
    """Take away parts of other versions of a file that is there now, except those that another process writes."""
    for part in target.parent.iterdir():
        if part.name.startswith(f".{target.name}-") and part.suffix == ".part":
            out = _locked(part)
            if out is not None:
                with out:
                    part.unlink(missing_ok=True)
