"""The arguments of the command line, and what becomes of errors: a few lines on stderr and exit code 1."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from lamina.graph import LaminaError
from lamina.models import load_model
from lamina.printable import printable
from lamina.saving import inspect_file

from .convert import convert

_CONVERT = """Turns a file into another kind. What the first file is, its content tells; what becomes of it, the
ending of the second one: .lamina, .keras, .h5 or .hdf5 for a whole model, .weights.h5 or .safetensors for its weights
alone. What was translated, renamed, defaulted or left out is printed as one table."""

_INSPECT = """Prints what stands in a file of a model or of weights: its layers with the shapes of their weights,
versions, how the model is trained, and which classes and functions of one's own it needs. Nothing is built, and no
tensor is read."""

_PLAN = """Prints what a step of training costs on so many devices: memory of each, bytes that it sends, and the time
that is to be expected, by layout of the weights, the best first. It runs on one process, and trains nothing."""

# An error of ours is as wide as that itself; one of the system's quotes the path.
_WIDEST = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code: 0, or 1 after an error; wrong arguments end with 2, as argparse does.

    Args:
        arguments: of the command line, without the program's name; `sys.argv` by default.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        text = given.run(given)
    except (LaminaError, OSError) as error:
        sys.stderr.write(f"lamina: {type(error).__name__}: {printable(str(error), _WIDEST)}\n")
        return 1
    sys.stdout.write(f"{text}\n")
    return 0


def _converted(given: argparse.Namespace) -> str:
    told = convert(given.source, given.target, model_path=given.model, overwrite=given.overwrite)
    done = f"{given.source} -> {given.target}"
    return f"{told}\n{done}" if told else done


def _inspected(given: argparse.Namespace) -> str:
    facts = inspect_file(given.file)
    return json.dumps(facts.to_dict(), indent=2) if given.json else str(facts)


def _planned(given: argparse.Namespace) -> str:
    # Here, since what it imports of PyTorch takes 2 s.
    from lamina.distribution.plan import plan

    found = plan(load_model(given.model, compile=True), given.batch, given.devices, given.device, given.length)
    return json.dumps(found.to_dict(), indent=2) if given.json else str(found)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lamina", description="Keras' Functional API on PyTorch.")
    parser.add_argument("--version", action="version", version=f"lamina {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    command = commands.add_parser("convert", help="turn a model file into another kind", description=_CONVERT)
    command.add_argument("source", metavar="A", help=".lamina, .keras, .h5; or weights, with --model")
    command.add_argument("target", metavar="B", help=".lamina, .keras, .h5, .hdf5, .weights.h5, .safetensors")
    command.add_argument("--model", metavar="M", help="the model that the weights in A belong to")
    command.add_argument("--overwrite", action="store_true", help="replace B where it is there already")
    command.set_defaults(run=_converted)
    command = commands.add_parser("inspect", help="what stands in a file of a model", description=_INSPECT)
    command.add_argument("file", metavar="FILE", help=".lamina, .keras, .h5, .json, .safetensors, .pt")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.set_defaults(run=_inspected)
    command = commands.add_parser("plan", help="what training on many devices costs", description=_PLAN)
    command.add_argument("model", metavar="MODEL", help="a file of a model")
    command.add_argument("--batch", type=int, required=True, help="rows of a step, of all devices together")
    command.add_argument("--devices", type=_numbers, default=[8, 64, 512], metavar="N,N", help="numbers of devices")
    command.add_argument("--device", default="h200", help="a100, h100, h200 (the default)")
    command.add_argument("--length", type=int, default=128, help="of axes that the model leaves open; 128")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.set_defaults(run=_planned)
    return parser


def _version() -> str:
    # The package is imported by now; importing it by name from within would be a cycle.
    result: str = sys.modules[__name__.partition(".")[0]].__version__
    return result
