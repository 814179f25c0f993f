"""Program: a graph compiled into one straight-line Python function.

No loop over nodes and no look-up happens when a model runs: the function is what a person would have written by hand,
each intermediate freed after its last use. It is what runs, what ``torch.compile`` sees and what a debugger steps into.
"""

from __future__ import annotations

import keyword
import linecache
import operator
import re
import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import torch

from lamina.checked_calls import Fixed
from lamina.graph.graph import Graph
from lamina.graph.node import Constant, Leaf, Node, Symbolic, is_input_node
from lamina.graph.operation import Held, Operation
from lamina.graph.walk import Key, key_of
from lamina.one_line import one_line
from lamina.operations import OPERATIONS, function_name
from lamina.operations.compilable import compilable
from lamina.sizes import tree

_NAMESPACES = {"torch": torch, "torch.nn.functional": torch.nn.functional}
_LITERALS = (int, float, str, bool, type(None), type(...))


class Program:
    """The graph as a function of its inputs, flat and in declared order.

    Args:
        graph: what to run.
        training: the mode that every layer is called with; None leaves each layer to its own ``training`` flag.
        unpacks: a list of one output is returned as that output, as models do.

    Attributes:
        source: the generated Python text.
        run: the function.

    >>> from lamina.layers import Input
    >>> x = Input((3,), name="x")
    >>> print(Program(Graph(x, torch.tanh(x) * 2 + 1)).source)
    def forward(x):
        tanh = torch.tanh(x)
        del x
        mul = tanh * 2
        del tanh
        add = mul + 1
        del mul
        return add
    <BLANKLINE>
    """

    def __init__(self, graph: Graph, training: bool | None = None, unpacks: bool = False) -> None:
        writer = _Writer(graph, training)
        self.source = writer.write(tree.alone(graph.output_structure) if unpacks else graph.output_structure)
        self.file = f"lamina_program_{id(self):x}.py"
        self._line_nodes = writer.line_nodes
        namespace = writer.namespace
        exec(compile(self.source, self.file, "exec"), namespace)  # noqa: S102  the text was written just above
        # Taken out of its own globals again: a function inside them would be a cycle that only the collector frees.
        self.run: Callable[..., Any] = namespace.pop("forward")
        lines = self.source.splitlines(keepends=True)
        linecache.cache[self.file] = (len(self.source), None, lines, self.file)
        weakref.finalize(self, linecache.cache.pop, self.file, None)

    @one_line
    def __repr__(self) -> str:
        return f"{type(self).__name__} of {len(self.source.splitlines())} lines, in {self.file}"

    def node_at(self, traceback: TracebackType | None) -> Node | None:
        """The node whose line a traceback went through."""
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self.file:
                return self._line_nodes.get(traceback.tb_lineno)
            traceback = traceback.tb_next
        return None


class _Writer:
    """Writes the source line by line; remembers which line is which node."""

    def __init__(self, graph: Graph, training: bool | None) -> None:
        self.graph = graph
        self.training = training
        self.namespace: dict[str, Any] = {"torch": torch}
        self.line_nodes: dict[int, Node] = {}
        self._lines: list[str] = []
        self._taken = {"forward", "torch", "F"}
        self._variables: dict[Key, str] = {}
        self._globals: dict[int, str] = {}
        self._last_use = self._last_uses()
        self._checks: list[Fixed] = []  # `_globals` knows things by their address

    def _last_uses(self) -> dict[Key, int]:
        last: dict[Key, int] = {}
        for i, node in enumerate(self.graph.nodes):
            for symbolic in node.inputs:
                last[key_of(symbolic)] = i
        for tensor in self.graph.outputs:
            last[key_of(tensor)] = len(self.graph.nodes)
        return last

    def write(self, returned: Any) -> str:
        arguments = [self._variable(t, name) for t, name in zip(self.graph.inputs, self.graph.input_names, strict=True)]
        self._lines.append(f"def forward({', '.join(arguments)}):")
        for i, node in enumerate(self.graph.nodes):
            if is_input_node(node):
                continue
            first = len(self._lines)
            self._write_node(node)
            self._free(i, node)
            self.line_nodes.update(dict.fromkeys(range(first + 1, len(self._lines) + 1), node))
        self._lines.append(f"    return {self._render(returned)}")
        return "\n".join(self._lines) + "\n"

    # -- statements

    def _write_node(self, node: Node) -> None:
        call = self._call(node)
        if node.fixed is not None:
            names = ", ".join(self._variables[key_of(s)] for s in node.inputs)
            fixed = self._global(self._fixed(node), f"{self.graph.name_of(node)}_fixed")
            call = f"{fixed}(lambda {names}: {call}, {names})"
        flat = list(node.template) if isinstance(node.template, (list, tuple)) else [node.template]
        if all(isinstance(leaf, Leaf) for leaf in flat):
            targets = [self._target(node, leaf.index) for leaf in flat]
            comma = "," if len(flat) == 1 and flat[0] is not node.template else ""
            self._lines.append(f"    {', '.join(targets)}{comma} = {call}")
            return
        whole = self._fresh(self.graph.name_of(node) + "_result")
        self._lines.append(f"    {whole} = {call}")
        for path, leaf in tree.paths(node.template):
            if isinstance(leaf, Leaf) and self._wanted(node, leaf.index):
                steps = "".join(f"[{step!r}]" for step in path)
                self._lines.append(f"    {self._target(node, leaf.index)} = {whole}{steps}")
        self._lines.append(f"    del {whole}")

    def _fixed(self, node: Node) -> Fixed:
        """Held by the globals of the program, under a name of its own."""
        fixed = Fixed(node)
        self._checks.append(fixed)
        return fixed

    def _wanted(self, node: Node, index: int) -> bool:
        key = (id(node), index)
        return key in self._last_use and key not in self._variables

    def _target(self, node: Node, index: int) -> str:
        if not self._wanted(node, index):
            return "_"
        name = self.graph.name_of(node)
        return self._variable(node.handle(index), name if len(node.specs) == 1 else f"{name}_{index}")

    def _free(self, place: int, node: Node) -> None:
        dead = [self._variables[key_of(s)] for s in node.inputs if self._last_use[key_of(s)] == place]
        if dead:
            self._lines.append(f"    del {', '.join(dead)}")

    # -- expressions

    def _call(self, node: Node) -> str:
        op, args, kwargs = node.op, node.args, dict(node.kwargs)
        if isinstance(op, torch.nn.Module):
            return self._layer_call(node, op, args, kwargs)
        facts = OPERATIONS.of(op)
        if op is facts.operator and facts.sign:
            operands = [self._operand(arg) for arg in args]
            return f" {facts.sign} ".join(operands) if len(args) > 1 else f"{facts.sign}{operands[0]}"
        if op is operator.getitem:
            return f"{self._operand(args[0])}[{self._subscript(args[1])}]"
        name = function_name(op)
        public, _, last = name.rpartition(".")
        if (
            public == "torch.Tensor"
            and isinstance(args[0], (Symbolic, Constant))
            and getattr(torch.Tensor, last, None) is op
        ):
            return f"{self._operand(args[0])}.{last}({self._arguments(args[1:], kwargs)})"
        function = compilable(op)
        if getattr(_NAMESPACES.get(public), last, None) is function:
            return f"{name}({self._arguments(args, kwargs)})"
        return f"{self._global(function, last)}({self._arguments(args, kwargs)})"

    def _layer_call(self, node: Node, op: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The call of a layer, in the mode that the user gave this call or that this program is for."""
        layer = self._global(op, self.graph.name_of(node).partition(":")[0] + "_layer")
        mode = kwargs.pop("training", None)
        mode = self.training if mode is None else mode
        method, named = op.called_in(mode) if isinstance(op, Operation) else ("run", {})
        return f"{layer}.{method}({self._arguments(args, kwargs | named)})"

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        return ", ".join([self._render(a) for a in args] + [self._named(k, v) for k, v in kwargs.items()])

    def _named(self, name: str, value: Any) -> str:
        """An argument by its name, which a file may have given: one that is no name in Python must not become text."""
        if name.isidentifier() and not keyword.iskeyword(name):
            return f"{name}={self._render(value)}"
        return f"**{{{name!r}: {self._render(value)}}}"

    def _operand(self, value: Any) -> str:
        text = self._render(value)
        return f"({text})" if text.startswith("-") else text

    def _subscript(self, key: Any) -> str:
        if isinstance(key, slice):
            parts = [self._render(v) if v is not None else "" for v in (key.start, key.stop, key.step)]
            return ":".join(parts if parts[2] else parts[:2])
        if type(key) is tuple and key:
            return ", ".join(self._subscript(k) for k in key) + ("," if len(key) == 1 else "")
        return self._render(key)

    def _render(self, value: Any) -> str:
        """Python text for a value with symbolics, constants and plain values at its leaves."""
        if isinstance(value, Symbolic):
            return self._variables[key_of(value)]
        if isinstance(value, Constant):
            return f"{self._global(value, 'constant')}.value"
        if value is ...:
            return "..."
        if type(value) in _LITERALS and value == value and value not in (float("inf"), float("-inf")):
            return repr(value)
        if isinstance(value, torch.dtype):
            return str(value)
        if type(value) is list:
            return f"[{', '.join(map(self._render, value))}]"
        if type(value) is tuple:
            return f"({', '.join(map(self._render, value))}{',' if len(value) == 1 else ''})"
        if type(value) is dict:
            return "{" + ", ".join(f"{self._render(k)}: {self._render(v)}" for k, v in value.items()) + "}"
        if isinstance(value, slice):
            return f"slice({', '.join(self._render(v) for v in (value.start, value.stop, value.step))})"
        return self._render_other(value)

    def _render_other(self, value: Any) -> str:
        """Named tuples and special mappings by their class, anything else by a name in the globals."""
        if isinstance(value, Held):
            return self._held(value)
        if tree.is_namedtuple(value):
            return f"{self._global(type(value), type(value).__name__)}({', '.join(map(self._render, value))})"
        if tree.is_return_type(value) or isinstance(value, Mapping):
            inner = list(value) if isinstance(value, tuple) else dict(value)
            return f"{self._global(type(value), type(value).__name__)}({self._render(inner)})"
        return self._global(value, type(value).__name__)

    # -- names

    def _variable(self, symbolic: Symbolic, name: str) -> str:
        return self._variables.setdefault(key_of(symbolic), self._fresh(name))

    def _held(self, held: Held) -> str:
        """A module among the arguments, such as a branch of a choice, in the mode that this program is for."""
        if id(held) not in self._globals:
            name = next(name for name, module in self.graph.modules.items() if module is held)
            self._globals[id(held)] = self._fresh(name)
            self.namespace[self._globals[id(held)]] = held if self.training is None else held.in_mode(self.training)
        return self._globals[id(held)]

    def _global(self, value: Any, name: str) -> str:
        if id(value) not in self._globals:
            self._globals[id(value)] = self._fresh(name)
            self.namespace[self._globals[id(value)]] = value
        return self._globals[id(value)]

    def _fresh(self, name: str) -> str:
        base = re.sub(r"[^0-9a-zA-Z_]", "_", name)
        if not base or base[0].isdigit() or keyword.iskeyword(base) or base == "_":
            base = f"v_{base}"
        fresh, k = base, 1
        while fresh in self._taken:
            fresh, k = f"{base}_{k}", k + 1
        self._taken.add(fresh)
        return fresh
