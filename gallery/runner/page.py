"""docs/gallery.md, written from what the examples say about themselves and from the records of their runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import discover
from .about import GROUPS, About

RESULTS = discover.FOLDER / "results"
PICTURES = discover.ROOT / "docs" / "gallery"
PAGE = discover.ROOT / "docs" / "gallery.md"
TIMES = discover.ROOT / "benchmarks" / "gallery.json"

HEAD = """# The gallery

Every system that the articles about the Functional API name: built, trained, saved, loaded again, compiled and, where
Keras can express it, taken to Keras. `python -m gallery --list` lists them, `python -m gallery NAME` runs one,
`make gallery` all. This page is written by `python -m gallery --page` from the records of runs in `gallery/results`.

- **score** is on held-out data; **baseline** is that of a weak model, named below. ↓ marks errors: less is better.
  Training never sees what is held out, but many settings and most targets were chosen by people who had seen scores on
  it. Read them as slightly optimistic. Where settings were chosen on validation data alone, the example's file says so.
- **seconds** of the whole run, data, baseline and figure included, and of the processor alone in brackets.
- **file**: a fresh process loads `NAME.lamina` and predicts the same bits. **compile**: under
  `torch.compile(fullgraph=True)` it predicts the same, to 1e-4. **Keras**: what `.keras` holds predicts the same in
  Keras 3, to 1e-4. A dash: not possible, for the reason given below.
- **lines** hold code: no blanks, comments, docstrings, nor what an example says about itself (`ABOUT`). **keras.io**:
  lines of the example of the same system there, counted likewise, where there is one and somebody has counted.
- **beside Keras**: the processor's time for a training epoch as a part of that of the same lines on Keras with each of
  its backends, compilation aside (`python benchmarks/gallery_training.py`); below 1 is faster.
"""


def records() -> dict[str, dict[str, Any]]:
    """The records of full runs, by name."""
    found = {name: RESULTS / f"{name}.json" for name in discover.names()}
    return {name: json.loads(file.read_text()) for name, file in found.items() if file.exists()}


def write() -> Path:
    """Write the page -> its file."""
    known = records()
    said = {name: discover.about(name) for name in discover.names()}
    times = json.loads(TIMES.read_text())["ratios"] if TIMES.exists() else {}
    parts = [HEAD, "\n".join(_table(said, known, times)), ""]
    for group, title in GROUPS.items():
        members = [name for name in known if said[name].group == group]
        parts += [f"## {title}\n"] if members else []
        parts += ["\n".join(_section(name, said[name], known[name])) for name in members]
    PAGE.write_text("\n".join(parts))
    return PAGE


def _table(said: Mapping[str, About], known: Mapping[str, Any], times: Mapping[str, Any]) -> Iterator[str]:
    yield "| example | score | baseline | target | seconds | file | compile | Keras | lines | keras.io | beside Keras |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for name in sorted(known, key=lambda name: (said[name].group, name)):
        about, record = said[name], known[name]
        cells = [
            f"[{name}](#{name})",
            f"{_bold(record)}{' ↓' if about.lower_is_better else ''}",
            _number(record["baseline"]),
            _number(record["target"]),
            f"{record['seconds']:.0f} ({record['cpu_seconds']:.0f})",
            *(_mark(record["checks"][how]) for how in ("loaded", "compiled", "keras")),
            str(record["lines"]),
            str(about.keras_io[1]) if about.keras_io else "",
            ", ".join(f"{peer.removeprefix('keras-')} {ratio:.2f}" for peer, ratio in times.get(name, {}).items()),
        ]
        yield f"| {' | '.join(cells)} |"


def _section(name: str, about: About, record: Mapping[str, Any]) -> Iterator[str]:
    yield f'<a id="{name}"></a>\n\n### {about.title}\n'
    yield f"> {about.answers}\n"
    yield (
        f"[gallery/{name}.py](../gallery/{name}.py), {record['lines']} lines, {record['parameters']:,} numbers. "
        f"Data: {about.data}. {about.measure[:1].upper()}{about.measure[1:]}: **{_number(record['score'])}** "
        f"({about.baseline}: {_number(record['baseline'])}; target {_number(record['target'])}"
        f"{'' if record['reached'] else ', **not reached**'})."
    )
    for what, number in record["more"].items():
        yield f"{what[:1].upper()}{what[1:]}: {_number(number)}."
    for word, reason in (("Keras", about.not_in_keras), ("torch.compile", about.not_compiled)):
        if reason:
            yield f"Not in {word}: {reason}."
    times = f"{record['seconds']:.0f} s, {record['cpu_seconds']:.0f} s of the processor"
    yield f"{times}, on {record['machine']}, {record['versions']}, {record['date']}.\n"
    for file in record["figures"]:
        size = 'height="420"' if "_model." in file else 'width="760"'
        yield f'<p align="center"><img src="gallery/{file}" alt="{about.title}" {size}></p>\n'


def _mark(outcome: Mapping[str, Any]) -> str:
    return {True: "✓", False: "**✗**", None: "–"}[outcome["ok"]]


def _bold(record: Mapping[str, Any]) -> str:
    return f"**{_number(record['score'])}**" if record["reached"] else f"{_number(record['score'])} (short)"


def _number(value: float) -> str:
    return f"{value:.4g}"
