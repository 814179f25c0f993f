"""Files from elsewhere, kept in a cache."""

from __future__ import annotations

import os
import urllib.parse
from pathlib import Path
from typing import Any

from lamina.graph import ArgumentError
from lamina.graph.source import warn
from lamina.tracebacks import door

from .archives import checked_kinds
from .archives import extract as extract_archive
from .downloads import download, file_digest

_SCHEMES = ("http", "https", "ftp", "file")
_LENGTHS = {"md5": 32, "sha256": 64}


@door
def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file from a URL, downloaded unless it is in the cache already.

    A file is put in its place when it is complete and its hash is right, so what is in the cache is whole. A download
    that broke off goes on where it stopped, in the same call and in a later one, if the origin allows it.

    Args:
        fname: its name in the cache; by default the last part of the URL. With `extract`, a name without a dot is that
            of the folder.
        origin: the URL: http, https, ftp or file.
        untar: the same as ``extract=True, archive_format="tar"``.
        md5_hash: the same as ``file_hash=..., hash_algorithm="md5"``.
        cache_subdir: folder below `cache_dir`; an absolute one stands for itself.
        file_hash, hash_algorithm: in hexadecimal digits; "sha256", "md5", or "auto", by the length.
        extract: unpack the archive and return the folder. Links and names that lead out of it are refused.
        archive_format: "tar" (also compressed), "zip", a list of these, "auto" for both, or None.
        cache_dir: by default the environment variable LAMINA_HOME, else ~/.lamina.
        force_download: whatever is in the cache.

    Raises:
        ArgumentError: an argument cannot be; the file has another hash. ArchiveError: the archive holds what has no
            place in a folder. urllib.error.URLError: the file cannot be had. ConnectionError: it broke off.

    >>> words = Path("words.txt").absolute()
    >>> _ = words.write_text("hello")
    >>> Path(get_file(origin=words.as_uri(), cache_dir=".")).read_text()
    'hello'
    """
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    file_hash = None if file_hash is None else file_hash.lower()
    algorithm = _algorithm(file_hash, hash_algorithm)
    kinds = ("tar",) if untar else checked_kinds(archive_format)
    name = _name(fname, origin)
    folder = cache_folder(cache_subdir, cache_dir)
    target, unpacked = folder / name, None
    if extract or untar:
        stem = name.partition(".")[0] or name
        inner = f"{stem}_extracted" if fname and "." in name else name
        target, unpacked = folder / (name if inner != name else f"{name}_archive"), folder / inner
    if force_download or not _is_kept(target, algorithm, file_hash):
        download(str(origin), target, algorithm, file_hash)
    if unpacked is None:
        return str(target)
    if not extract_archive(target, unpacked, kinds):
        warn(f"{target.name} is no archive of the kinds {kinds}: it is not unpacked.")
    return str(unpacked)


def _is_kept(target: Path, algorithm: str, file_hash: str | None) -> bool:
    """Whether the file is there, and has this hash."""
    return target.is_file() and (file_hash is None or file_digest(target, algorithm) == file_hash)


def cache_folder(cache_subdir: str, cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where `get_file` keeps what it has downloaded.

    >>> cache_folder("models", "here").as_posix()
    'here/models'
    """
    home = cache_dir or os.environ.get("LAMINA_HOME") or "~/.lamina"
    return Path(home).expanduser() / cache_subdir


def _name(fname: Any, origin: str | None) -> str:
    if not isinstance(origin, str) or urllib.parse.urlsplit(origin).scheme not in _SCHEMES:
        raise ArgumentError(
            "utils.get_file needs a URL.", got=f"origin={origin!r}", expected=f"a scheme of {', '.join(_SCHEMES)}"
        )
    name: str
    if fname:
        name = os.fspath(fname)
    else:
        name = os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(origin).path))
    if not name or name in (".", "..") or any(sign in name for sign in ("/", "\\", "\0")):
        raise ArgumentError(
            "A file in the cache has a plain name.", got=repr(name), hint="fname=...; cache_dir and cache_subdir"
        )
    return name


def _algorithm(file_hash: str | None, algorithm: str) -> str:
    if algorithm not in (*_LENGTHS, "auto"):
        raise ArgumentError(f"There is no hash_algorithm {algorithm!r}.", expected="'sha256', 'md5' or 'auto'")
    if file_hash is None:
        return "sha256"
    fitting = [name for name, length in _LENGTHS.items() if length == len(file_hash) and algorithm in (name, "auto")]
    if not fitting or not set(file_hash) <= set("0123456789abcdef"):
        raise ArgumentError(
            "This is no hash.",
            got=repr(file_hash),
            expected=" or ".join(f"{length} hexadecimal digits ({name})" for name, length in _LENGTHS.items()),
        )
    return fitting[0]
