"""A model's graph in the language of Graphviz: a text, which needs nothing installed, and which other programs draw."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from lamina.graph.errors import ArgumentError
from lamina.tracebacks import door

from .facts import Facts, Row, Tensor, Wire, describe

_DIRECTIONS = ("TB", "BT", "LR", "RL")


class Dot:
    """A graph in the language of Graphviz.

    >>> dot = Dot("digraph {}")
    >>> dot.to_string()
    'digraph {}'
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def to_string(self) -> str:
        """The text, which `dot -Tsvg` draws."""
        return self._text

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the text to a file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self._text)

    def __str__(self) -> str:
        return self._text


@dataclass(frozen=True)
class _Shown:
    """What stands in the boxes."""

    shapes: bool
    dtype: bool
    names: bool
    activations: bool
    trainable: bool
    nested: bool


@door
def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Dot:
    """A model as a graph of Graphviz; `plot_model` draws one without it.

    Args:
        model: a model, or a layer.
        show_shapes, show_dtype: of the results.
        show_layer_names: not only their classes.
        rankdir: "TB", "BT", "LR" or "RL": which way it flows.
        expand_nested: what is in nested models, in a frame.
        dpi: dots per inch of a bitmap.
        subgraph: a cluster that stands in a graph of one's own, instead of a whole graph.
        show_layer_activations, show_trainable: of layers.
        splines: how Graphviz draws lines: "ortho", "curved", "polyline", ...

    Returns:
        An object whose `to_string()` is the text.

    Raises:
        ArgumentError: another `rankdir`.

    >>> x = lamina.Input((4,), name="x")
    >>> print(model_to_dot(lamina.Model(x, lamina.layers.Dense(2, name="y")(x)), show_shapes=True))
    digraph "functional" {
      graph [rankdir=TB, dpi=200, splines=ortho];
      node [shape=box, fontname="Helvetica"];
      n0 [label="x\\nInputLayer\\n(None, 4)"];
      n1 [label="y\\nDense\\n(None, 2)"];
      n0 -> n1;
    }
    """
    if rankdir not in _DIRECTIONS:
        raise ArgumentError(
            "rankdir says which way a picture flows.", got=repr(rankdir), expected=", ".join(_DIRECTIONS)
        )
    shown = _Shown(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested)
    facts = describe(model)
    writer = _Writer(shown)
    writer.draw(facts, "n", "  ")
    head = f"subgraph {_quoted(f'cluster_{facts.name}')}" if subgraph else f"digraph {_quoted(facts.name)}"
    graph = f"label={_quoted(facts.name)}" if subgraph else f"rankdir={rankdir}, dpi={int(dpi)}, splines={splines}"
    settings = [f"  graph [{graph}];", '  node [shape=box, fontname="Helvetica"];']
    return Dot("\n".join([f"{head} {{", *settings, *writer.boxes, *writer.lines, "}"]))


@dataclass
class _Ends:
    """Where lines to and from a row end: a box, or for a nested model those of its inputs and outputs."""

    inputs: list[str]
    outputs: list[str]


@dataclass
class _Writer:
    shown: _Shown
    boxes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def draw(self, facts: Facts, prefix: str, indent: str) -> _Ends:
        """Write the boxes and lines of a model; gives the boxes of its inputs and outputs."""
        ends = [self._row(row, f"{prefix}{i}", indent) for i, row in enumerate(facts.rows)]
        for row, end in zip(facts.rows, ends, strict=True):
            wires = list(zip(row.feeds, end.inputs, strict=False)) if len(end.inputs) > 1 else []
            for wire, box in wires or [(wire, box) for wire in row.inputs for box in end.inputs[:1]]:
                if wire is not None:  # an optional input that was left out
                    self._line(ends, wire, box)
        sides = [[ends[tap.row].outputs[0] for tap in taps] for taps in (facts.inputs, facts.outputs)]
        return _Ends(*sides)

    def _line(self, ends: list[_Ends], wire: Wire, box: str) -> None:
        outputs = ends[wire.row].outputs
        looks = (["style=dashed"] if wire.mask else []) + ([f"headlabel={_quoted(wire.letter)}"] if wire.letter else [])
        style = f" [{', '.join(looks)}]" if looks else ""
        self.lines.append(f"  {outputs[wire.output] if len(outputs) > 1 else outputs[0]} -> {box}{style};")

    def _row(self, row: Row, box: str, indent: str) -> _Ends:
        if self.shown.nested and getattr(row.inner, "graph", None) is not None:
            self.boxes += [f"{indent}subgraph {_quoted(f'cluster_{box}')} {{", f"{indent}  label={_quoted(row.name)};"]
            ends = self.draw(describe(row.inner), f"{box}_", indent + "  ")
            self.boxes.append(f"{indent}}}")
            return ends
        self.boxes.append(f"{indent}{box} [label={_quoted(chr(10).join(self._words(row)))}];")
        return _Ends([box], [box])

    def _words(self, row: Row) -> list[str]:
        words = [row.name] if self.shown.names else []
        words += [row.kind] if row.kind not in words else []
        if self.shown.activations and row.activation:
            words.append(f"activation {row.activation}")
        if self.shown.trainable and row.trainable is not None:
            words.append("trainable" if row.trainable else "frozen")
        told = [self._tensor(tensor) for tensor in row.outputs or ()]
        return words + [text for text in told if text]

    def _tensor(self, tensor: Tensor) -> str:
        shape = "number" if tensor.shape is None else str(tensor.shape)
        return " ".join(([shape] if self.shown.shapes else []) + ([tensor.dtype] if self.shown.dtype else []))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
