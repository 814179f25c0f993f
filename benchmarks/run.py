"""Lamina beside its peers: measures, and prints tables of ratios to hand-written PyTorch.

    python benchmarks/run.py                                            # everything; about 25 minutes on 2 cores
    python benchmarks/run.py --what training --cases mlp,lstm --peers lamina --repeats 5
    python benchmarks/run.py --markdown benchmarks/RESULTS.md           # and keep the tables

Exits with 1 where a run failed; a peer that is not installed is no failure.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import machine
import report
import schedule
from measure import Record
from peers import PEERS
from workloads import WORKLOADS

TITLE = "# Lamina beside its peers\n\nWritten by `python benchmarks/run.py`; README.md tells how to read it.\n\n"


def names(known: Sequence[str]) -> Callable[[str], list[str]]:
    """An argparse type: a comma-separated choice of the known names."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return chosen

    return parse


def add_common_options(parser: argparse.ArgumentParser, json_name: str) -> None:
    cases = list(WORKLOADS)
    parser.add_argument("--cases", type=names(cases), default=cases, help=f"comma-separated: {', '.join(cases)}")
    parser.add_argument("--repeats", type=int, default=3, help="fresh processes per peer and measurement")
    parser.add_argument("--seconds", type=float, default=5.0, help="time to train for in each training process")
    parser.add_argument("--json", type=Path, default=schedule.HERE / json_name, help="where all records go")
    parser.add_argument("--markdown", type=Path, help="where the tables go, besides standard output")


def measure_and_report(plan: schedule.Plan, described: dict[str, str], title: str, args: argparse.Namespace) -> int:
    """Runs the plan, writes JSON after every run, prints and writes the tables -> exit code."""
    options = f"Repeats: {plan.repeats}; training time per process: about {plan.seconds:g} s; device: {plan.device}."
    head: Record = {"machine": described, "options": options}
    records = schedule.run(plan, lambda done: schedule.write_json(args.json, head | {"records": done}))
    text = title + report.markdown(records, described, options)
    print(text)
    if args.markdown:
        args.markdown.write_text(text)
    return int(any(map(report.is_failure, records)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = list(schedule.MEASUREMENTS)
    parser.add_argument("--what", type=names(what), default=what, help=f"comma-separated: {', '.join(what)}")
    parser.add_argument("--peers", type=names(list(PEERS)), default=list(PEERS),
                        help=f"comma-separated: {', '.join(PEERS)}; the yardstick torch runs in any case")  # fmt: skip
    add_common_options(parser, "results.json")
    args = parser.parse_args()
    plan = schedule.Plan(args.what, args.peers, args.cases, args.repeats, args.seconds)
    return measure_and_report(plan, machine.describe(), TITLE, args)


if __name__ == "__main__":
    sys.exit(main())
