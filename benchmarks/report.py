"""Tables of ratios out of the records of a run, as markdown.

A ratio is formed between two runs of the same repeat, which stood side by side in time; shown is the median over the
repeats and, in brackets, the smallest and the largest. Below 1 the peer is faster, or smaller, than the yardstick.
"""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from measure import Record
from peers import PEERS, YARDSTICK
from workloads import WORKLOADS


@dataclass(frozen=True)
class CaseTable:
    """Workloads down, peers across: the yardstick's own number, then everyone's ratio to it."""

    heading: str
    what: str
    metric: str
    unit: str
    digits: int


@dataclass(frozen=True)
class PeerTable:
    """Peers down, metrics across as (label, metric, digits), and the ratio of each peer's `metric` to that of `base`.

    Where it is another metric of the base that is compared with, `base_metric` names it, and `ratio` heads the column.
    """

    heading: str
    what: str
    columns: Sequence[tuple[str, str, int]]
    metric: str
    base: str = YARDSTICK
    base_metric: str = ""
    ratio: str = ""


@dataclass(frozen=True)
class LayerTable:
    """Layers down, peers and their ways across: the plain operation's own number, then everyone's ratio to it."""

    heading: str
    what: str = "layers"
    metric: str = "rows"
    # (label, peer, way): how a record names what the peer did.
    columns: Sequence[tuple[str, str, str]] = (
        ("lamina", "lamina", "layer"), ("lamina, in a model", "lamina", "program"),
        ("keras-torch", "keras-torch", "layer"), ("keras-jax", "keras-jax", "layer"),
        ("keras-tensorflow", "keras-tensorflow", "layer"),
    )  # fmt: skip


TABLES: Sequence[CaseTable | PeerTable | LayerTable] = (
    CaseTable("Training step (a whole fit, divided by its steps)", "training", "step_ms", "ms", 1),
    CaseTable("predict, per batch", "training", "predict_ms", "ms", 2),
    CaseTable("fit of a single step (its fixed cost shows)", "training", "single_step_fit_ms", "ms", 1),
    CaseTable("Peak GPU memory", "training", "device_mb", "MB", 0),
    CaseTable("Peak resident memory of a fixed amount of work", "memory", "peak_rss_mb", "MB", 0),
    PeerTable(
        "Import", "import",
        (("import torch, s", "torch_s", 2), ("on top of it, s", "extra_s", 3), ("both, s", "total_s", 2)), "total_s",
    ),
    PeerTable(
        "First training step of mlp, from the finished import", "first_step",
        (("building, s", "build_s", 3), ("to the first loss, s", "first_step_s", 3)), "first_step_s",
    ),
    PeerTable(
        "Building ResNet-50", "graph_build",
        (("whole, s", "build_s", 2), ("drawing the weights, s", "draw_s", 2), ("the graph, s", "graph_s", 3)),
        "graph_s", base="keras-torch",
    ),
    PeerTable(
        "ResNet-50 into a file (model.lamina, model.keras; torch.save of the tensors)", "saving",
        (("save, s", "save_s", 3), ("load, s", "load_s", 3), ("with Adam: save, s", "save_adam_s", 3),
         ("load, s", "load_adam_s", 3)), "save_s",
    ),
    PeerTable(
        "One row of mlp at a time", "single_row",
        (("predict, ms", "predict_ms", 3), ("bare call, ms", "call_ms", 3), ("predict / call", "predict_over_call", 2)),
        "predict_ms", base_metric="call_ms", ratio="predict / bare call of torch",
    ),
    LayerTable("Layers, forward and backward, beside the plain PyTorch operation (one thread, CPU time)"),
)  # fmt: skip


def markdown(records: Sequence[Record], machine: dict[str, str], options: str) -> str:
    """The whole report: machine, one section per table that has data, and whatever went wrong."""
    parts = [f"{machine['date']}: " + "; ".join(f"{k} {v}" for k, v in machine.items() if k != "date") + ".", options]
    for table in TABLES:
        mine = [r for r in records if r["what"] == table.what]
        if not any(table.metric in r for r in mine):
            continue
        parts += [f"### {table.heading}", grid(rows_of(table, mine))]
    return "\n\n".join([*parts, "### Checks", "\n".join(f"- {line}" for line in checks(records))]) + "\n"


def rows_of(table: CaseTable | PeerTable | LayerTable, records: Sequence[Record]) -> list[list[str]]:
    if isinstance(table, LayerTable):
        return layer_rows(table, records)
    return case_rows(table, records) if isinstance(table, CaseTable) else peer_rows(table, records)


def ratios(records: Sequence[Record], peer: str, base: str, metric: str, base_metric: str = "") -> list[float]:
    """The peer's metric over the base's (its `base_metric`, if that is another), for each repeat in which both ran."""
    mine = by_repeat(records, peer, metric)
    theirs = by_repeat(records, base, base_metric or metric)
    return [mine[repeat] / theirs[repeat] for repeat in sorted(mine.keys() & theirs.keys())]


def by_repeat(records: Sequence[Record], peer: str, metric: str) -> dict[int, float]:
    return {r["repeat"]: r[metric] for r in records if r["peer"] == peer and metric in r}


def ratio_cell(found: Sequence[float]) -> str:
    if not found:
        return "–"
    spread = f" ({min(found):.2f}–{max(found):.2f})" if len(found) > 1 else ""
    return f"{statistics.median(found):.2f}{spread}"


def case_rows(table: CaseTable, records: Sequence[Record]) -> list[list[str]]:
    others = [p for p in PEERS if p != YARDSTICK and any(r["peer"] == p for r in records)]
    rows = [["workload", f"{YARDSTICK}, {table.unit}", *others]]
    for case in (c for c in WORKLOADS if any(r["case"] == c for r in records)):
        runs = [r for r in records if r["case"] == case]
        cells = [status_of(runs, peer) or ratio_cell(ratios(runs, peer, YARDSTICK, table.metric)) for peer in others]
        base = status_of(runs, YARDSTICK) or median_cell(runs, YARDSTICK, table.metric, table.digits)
        rows.append([case, base, *cells])
    return rows


def peer_rows(table: PeerTable, records: Sequence[Record]) -> list[list[str]]:
    rows = [["peer", *(label for label, _, _ in table.columns), table.ratio or f"ratio to {table.base}"]]
    for peer in (p for p in PEERS if any(r["peer"] == p for r in records)):
        runs = [r for r in records if r["peer"] == peer]
        if status := status_of(runs, peer):
            rows.append([peer, status, *[""] * len(table.columns)])
            continue
        cells = [median_cell(runs, peer, metric, digits) for _, metric, digits in table.columns]
        rows.append([peer, *cells, ratio_cell(ratios(records, peer, table.base, table.metric, table.base_metric))])
    return rows


def layer_rows(table: LayerTable, records: Sequence[Record]) -> list[list[str]]:
    """One row per layer and size, then what the columns come to; a peer that lacks a layer has a dash there."""
    measured = [r for r in records if "rows" in r]
    columns = [c for c in table.columns if any(r["peer"] == c[1] for r in measured)]
    rows = [["layer", "plain, us", *(label for label, _, _ in columns)]]
    middles: list[list[float]] = [[] for _ in columns]
    for name in dict.fromkeys(name for r in measured for name in r["rows"]):
        found = [(r["peer"], r["rows"][name]) for r in measured if name in r["rows"]]
        # Lamina's process has nothing else in it; beside JAX or TensorFlow PyTorch itself takes longer.
        plain = [row["plain_us"] for who, row in found if who == "lamina"] or [row["plain_us"] for _, row in found]
        cells = [f"{statistics.median(plain):,.0f}"]
        for (_, peer, way), middle in zip(columns, middles, strict=True):
            values = [row[way] for who, row in found if who == peer]
            cells.append(ratio_cell(values))
            middle += [statistics.median(values)] if values else []
        rows.append([name, *cells])
    summary = {
        "geometric mean": statistics.geometric_mean,
        "geometric mean, what is faster counted as 1": lambda m: statistics.geometric_mean(max(r, 1.0) for r in m),
        "worst": max,
    }
    return rows + [[label, "", *(f"{of(m):.3f}" for m in middles)] for label, of in summary.items()]


def status_of(records: Sequence[Record], peer: str) -> str:
    """Why there is no number: "not installed", "failed"; empty where at least one run went well."""
    found = [str(r["status"]) for r in records if r["peer"] == peer]
    return "" if "ok" in found or not found else found[-1].partition(":")[0]


def is_failure(record: Record) -> bool:
    return str(record["status"]).startswith("failed")


def median_cell(records: Sequence[Record], peer: str, metric: str, digits: int) -> str:
    values = by_repeat(records, peer, metric).values()
    return f"{statistics.median(values):,.{digits}f}" if values else "–"


def checks(records: Sequence[Record]) -> list[str]:
    """Failed runs, peers that are another model than declared, losses that did not fall, and a busy machine."""
    failed = Counter(f"{r['what']} {r['case']} {r['peer']}: {r['status']}" for r in records if is_failure(r))
    lines = [f"{text} ({times} of the repeats)" for text, times in failed.items()]
    wrong = {f"{r['peer']} {r['case']} ({r['params']})" for r in records if r.get("params_ok") is False}
    lines += [f"another number of parameters than declared: {name}" for name in sorted(wrong)]
    flat = {f"{r['peer']} {r['case']}" for r in records if "last_loss" in r and r["last_loss"] >= r["first_loss"]}
    lines += [f"the loss did not fall: {name}" for name in sorted(flat)]
    busy = [r["other_cpu"] for r in records if "other_cpu" in r]
    if busy:
        middle, most = statistics.median(busy), max(busy)
        lines.append(f"cores taken by other work during a run: median {middle:.2f}, most {most:.2f}")
    done = sum(r["status"] == "ok" for r in records)
    return [f"{done} runs went well; peers that are not installed were left out", *lines]


def grid(rows: Sequence[Sequence[str]]) -> str:
    """A markdown table; the first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" + "|---:" * (len(rows[0]) - 1) + "|", *lines[1:]])
