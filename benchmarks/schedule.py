"""Runs measurements in fresh processes: interleaved, rotated, repeated, and written down after every run."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import peers
from measure import Record
from workloads import WORKLOADS

HERE = Path(__file__).resolve().parent
ON_TORCH = ("torch", "lamina", "keras-torch")
# The files of layer_cases/. Each is a process of its own.
LAYER_FAMILIES = (
    "activation", "core", "merging", "normalization", "regularization", "reshaping", "pooling", "convolution",
    "attention", "rnn", "preprocessing",
)  # fmt: skip


@dataclass(frozen=True)
class Measurement:
    """A script that measures one peer in its own process, the peers it knows, and the workloads it is run on."""

    script: str
    peers: Sequence[str]
    cases: Sequence[str]


MEASUREMENTS: Mapping[str, Measurement] = {
    "training": Measurement("training.py", tuple(peers.PEERS), tuple(WORKLOADS)),
    "import": Measurement("imports.py", ON_TORCH, ("-",)),
    "first_step": Measurement("first_step.py", tuple(peers.PEERS), ("mlp",)),
    "graph_build": Measurement("graph_build.py", ("lamina", "keras-torch"), ("resnet50",)),
    "saving": Measurement("saving.py", ON_TORCH, ("resnet50",)),
    "single_row": Measurement("single_row.py", ON_TORCH, ("mlp",)),
    "memory": Measurement("memory.py", tuple(peers.PEERS), tuple(WORKLOADS)),
    # "torch" is in each process, beside the peer.
    "layers": Measurement("layers.py", tuple(p for p in peers.PEERS if p != peers.YARDSTICK), LAYER_FAMILIES),
}


@dataclass(frozen=True)
class Job:
    """One process to start."""

    what: str
    case: str
    peer: str
    repeat: int


@dataclass(frozen=True)
class Plan:
    """What to run. `peers` and `cases` narrow what each measurement would run on, but the yardstick always runs."""

    what: Sequence[str]
    peers: Sequence[str]
    cases: Sequence[str]
    repeats: int
    seconds: float
    device: str = "cpu"
    timeout: float = 300.0
    measurements: Mapping[str, Measurement] = field(default_factory=lambda: MEASUREMENTS)
    pythons: Mapping[str, str] = field(default_factory=dict)  # interpreters of peers that live elsewhere

    def jobs(self) -> Iterator[Job]:
        """Repeat by repeat, so that the machine's slow changes meet all peers; who goes first rotates."""
        turn = 0
        for repeat in range(self.repeats):
            for what in self.what:
                measurement = self.measurements[what]
                chosen = [p for p in measurement.peers if p in self.peers or p == peers.YARDSTICK]
                for case in measurement.cases:
                    if case in WORKLOADS and case not in self.cases:
                        continue
                    first = turn % len(chosen) if chosen else 0
                    yield from (Job(what, case, peer, repeat) for peer in chosen[first:] + chosen[:first])
                    turn += 1


def run(plan: Plan, write: Callable[[list[Record]], None]) -> list[Record]:
    """All jobs of the plan, one after the other; `write` is called with all records so far after each."""
    records: list[Record] = []
    absent = {peer: [] if peer in plan.pythons else peers.missing(peer) for peer in peers.PEERS}
    for job in plan.jobs():
        identity: Record = {"what": job.what, "case": job.case, "peer": job.peer, "repeat": job.repeat}
        if absent[job.peer]:
            result: Record = {"status": "not installed", "missing": absent[job.peer]}
        else:
            result = run_job(job, plan)
        records.append(identity | result)
        write(records)
        _show(records[-1])
    return records


def run_job(job: Job, plan: Plan) -> Record:
    """One process -> what it measured, with its wall time and the CPU time that others took from it meanwhile."""
    python, script = plan.pythons.get(job.peer, sys.executable), HERE / plan.measurements[job.what].script
    command = [python, str(script), "--peer", job.peer]
    command += ["--seconds", str(plan.seconds), "--device", plan.device]
    command += ["--case", job.case] if job.case != "-" else []
    start, busy, children = time.perf_counter(), _machine_cpu_seconds(), _children_cpu_seconds()
    try:
        process = subprocess.run(
            command, env=_environment(plan.device), capture_output=True, text=True, timeout=plan.timeout
        )
        result = _result(process)
    except subprocess.TimeoutExpired:
        result = {"status": f"failed: no result after {plan.timeout:.0f} s"}
    wall = time.perf_counter() - start
    if (busy_after := _machine_cpu_seconds()) and busy:
        others = busy_after - busy - (_children_cpu_seconds() - children)
        result["other_cpu"] = round(max(0.0, others) / wall, 3)
    return result | {"wall_s": round(wall, 2)}


def write_json(path: Path, content: Record) -> None:
    """Replaces the file in one go: an interrupted run leaves the last complete one."""
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    partial.replace(path)


def _result(process: subprocess.CompletedProcess[str]) -> Record:
    lines = [line for line in process.stdout.splitlines() if line.startswith("{")]
    if process.returncode == 0 and lines:
        return {"status": "ok"} | json.loads(lines[-1])
    reason = (process.stderr.strip().splitlines() or ["it printed nothing"])[-1]
    return {"status": f"failed: exit code {process.returncode}: {reason[:300]}", "stderr": process.stderr[-3000:]}


def _environment(device: str) -> dict[str, str]:
    """The clone itself is importable; without a GPU in the plan, no peer sees one."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPATH"] = os.pathsep.join([str(peers.ROOT), *filter(None, [env.get("PYTHONPATH")])])
    env["PYTHONWARNINGS"] = "ignore"
    if device == "cpu":
        env |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    return env


def _machine_cpu_seconds() -> float | None:
    """CPU seconds that all processes of the machine have used; None where the system does not tell."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _idle, _wait, irq, soft = map(int, stat.read_text().split(maxsplit=9)[1:8])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def _children_cpu_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _show(record: Record) -> None:
    numbers = [f"{k} {v:.4g}" for k, v in record.items() if isinstance(v, float) and k not in ("wall_s", "other_cpu")]
    outcome = "  ".join(numbers[:4]) if record["status"] == "ok" else str(record["status"])
    print(
        f"{time.strftime('%H:%M:%S')} #{record['repeat']} {record['what']:11} {record['case']:11} "
        f"{record['peer']:16} {outcome}",
        file=sys.stderr, flush=True,
    )  # fmt: skip
