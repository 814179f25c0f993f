"""The command: `python -m gallery`."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import discover, examine, page

DESCRIPTION = "Systems that the Functional API can build, each trained on real data."


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for -> the exit code: 1 where something promised did not hold."""
    given = _parser().parse_args(arguments)
    if given.list:
        return _list()
    if given.page:
        print(f"Wrote {page.write()}.")
        return 0
    for name in given.names:
        discover.load(name)
    if len(given.names) == 1:
        return _one(given)
    return _all(given, given.names or discover.names())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gallery", description=DESCRIPTION)
    parser.add_argument("names", nargs="*", metavar="NAME", help="examples; by default all, a process each")
    parser.add_argument("--list", action="store_true", help="list the examples and end")
    parser.add_argument("--quick", action="store_true", help="at reduced size: a few seconds each")
    parser.add_argument("--public", action="store_true", help="on the public data set, which is downloaded once")
    parser.add_argument("--out", type=Path, default=Path("gallery_output"), help="where models and pictures go")
    parser.add_argument("--record", action="store_true", help="keep the result in gallery/results and docs/gallery")
    parser.add_argument("--page", action="store_true", help="write docs/gallery.md from the results kept, and end")
    return parser


def _list() -> int:
    for name in discover.names():
        about = discover.about(name)
        print(f"{name:<24} {about.title}: {about.measure}, target {about.target:g}")
    return 0


def _one(given: argparse.Namespace) -> int:
    name = given.names[0]
    out = given.out / name
    compiler = "eager" if given.quick else "inductor"
    record = examine.examine(name, out, given.quick, given.public, compiler)
    print(f"\n{_row(record)}")
    complaints = examine.complaints(record)
    for complaint in complaints:
        print(f"  {complaint}", file=sys.stderr)
    print(f"Wrote {', '.join(record['figures'])} and the model to {out}.")
    if given.record:
        _keep(record, out)
    return int(bool(complaints))


def _keep(record: dict[str, Any], out: Path) -> None:
    """The record and the pictures go into the repository. Only those of full runs do."""
    if record["size"] != "full":
        raise SystemExit("Only a full run on the built-in data is kept: leave out --quick and --public.")
    page.RESULTS.mkdir(exist_ok=True)
    page.PICTURES.mkdir(exist_ok=True)
    shutil.copyfile(out / f"{record['name']}.json", page.RESULTS / f"{record['name']}.json")
    for file in record["figures"]:
        shutil.copyfile(out / file, page.PICTURES / file)


def _all(given: argparse.Namespace, names: list[str]) -> int:
    """A process for each example; a table in the end."""
    options = [f"--{word}" for word in ("quick", "record") if getattr(given, word)]
    ended: dict[str, int] = {}
    for name in names:
        public = ["--public"] if given.public and discover.about(name).public else []
        command = [sys.executable, "-m", "gallery", name, "--out", str(given.out.resolve()), *options, *public]
        ended[name] = subprocess.run(command, cwd=discover.ROOT, check=False).returncode
    print(f"\n{_HEAD}")
    for name, code in ended.items():
        file = given.out / name / f"{name}.json"
        print(_row(json.loads(file.read_text())) if file.exists() else f"{name:<24} ended with {code}")
    if given.record:
        print(f"Wrote {page.write()}.")
    return int(any(ended.values()))


_HEAD = f"{'example':<24} {'score':>8} {'baseline':>8} {'target':>8} {'seconds':>8}  file compile Keras  lines"


def _row(record: dict[str, Any]) -> str:
    marks = [
        {True: "yes", False: "NO", None: "-"}[record["checks"][how]["ok"]] for how in ("loaded", "compiled", "keras")
    ]
    short = "" if record["reached"] else "  target not reached"
    return (
        f"{record['name']:<24} {record['score']:>8.4g} {record['baseline']:>8.4g} {record['target']:>8.4g} "
        f"{record['seconds']:>8.1f}  {marks[0]:<4} {marks[1]:<7} {marks[2]:<5} {record['lines']:>6}{short}"
    )
