"""A function of the user's as a graph: a branch of a choice, or what a loop repeats.

Drawn once, by calling the function on symbolic tensors. What it uses from outside becomes an argument, so a node
that chooses or repeats has for arguments `Closure`s, which hold data only.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch

from lamina.graph import (
    ArgumentError,
    Graph,
    Node,
    ShapeError,
    Source,
    Symbolic,
    SymbolicTensor,
    TensorSpec,
    record,
    tree,
)
from lamina.graph.dtypes import name_of
from lamina.graph.infer import Array, drawn_for, infer_graph
from lamina.graph.node import Leaf, last_number
from lamina.graph.operation import Held, Operation
from lamina.graph.records import Placeholder
from lamina.graph.source import caller
from lamina.graph.walk import Key, key_of
from lamina.program import Program

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
Function = TypeVar("Function", bound=Callable[..., Any])


class Body(Held):
    """A graph that is an argument of a node.

    A module, so that the layers within are trained, moved and saved with the model.

    Args:
        role: what it is to its node: ``true_fn``.
        graph: made with ``part=True``; its inputs are the parameters, flat, then what is used from outside.
        own: how many of the inputs are parameters.

    Attributes:
        returns: the dtypes of the results, or None, in their structure.
        fixed: refuse to be tried on other shapes, as while a file is read, which could ask for that without end.
    """

    def __init__(self, role: str, graph: Graph, own: int) -> None:
        super().__init__()
        self.training = False
        self.role = role
        self.graph = graph
        self.own = own
        self.fixed = False
        module: Any
        for name, module in graph.modules.items():
            self._modules[name] = module
            if isinstance(module, Operation):
                module._settle_name(name)
        self._write()

    def _write(self) -> None:
        """One function for each mode, now: ``torch.compile`` cannot write them while it traces."""
        self.returns = tree.map_leaves(lambda t: None if t is None else t.dtype, self.graph.output_structure)
        dtypes = tuple(t.dtype for t in self.graph.inputs)
        self._runs = {
            mode: _function(Program(self.graph, mode), self.role, dtypes, self.returns) for mode in (None, False, True)
        }

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__.get("_modules", ()) and value is not self._modules[name]:
            raise ArgumentError(
                f"{name!r} is a part of the function {self.role!r}, which was drawn with it and stays as it is.",
                got=type(value).__name__,
                where=str(caller()),
                hint="a new model; or what a layer within holds: model.layer.part = ...",
            )
        super().__setattr__(name, value)

    @property
    def name(self) -> str:
        """What pictures and tables call it."""
        return self.role

    def in_mode(self, training: bool | None) -> Callable[..., Any]:
        """The function of the graph's inputs, flat, every layer in this mode; None leaves each to its own flag."""
        return self._runs[training]

    def example(self, arrays: list[Any]) -> Any:
        """Shapes and dtypes of the results for one example of the inputs.

        Raises:
            ShapeError: they are not what the body was drawn for, and it is `fixed`.
        """
        k = self.drawn_for(arrays)
        if k is not None:
            return tree.map_leaves(lambda t: None if t is None else t.example(k), self.graph.output_structure)
        if self.fixed:
            raise ShapeError(f"{self.role!r} is not called on what it was drawn for.", got=str(arrays)[:200])
        return infer_graph(self.graph, arrays)

    def drawn_for(self, arrays: list[Any]) -> int | None:
        """Which of the two examples of its inputs this is; None if it is neither."""
        return drawn_for(self.graph, arrays)

    def forward(self, *inputs: Any) -> Any:
        return self._runs[None](*inputs)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_runs"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # PyTorch gives it no hints
        self._write()


def _function(program: Program, role: str, dtypes: tuple[torch.dtype, ...], returns: Any) -> Callable[..., Any]:
    """A program that takes numbers for tensors, and whose errors name the node. It holds no body: that were a cycle."""

    def run(*inputs: Any) -> Any:
        given = map(_declared, inputs, dtypes)
        if torch.compiler.is_compiling():
            return program.run(*given)
        try:
            return program.run(*given)
        except Exception as error:
            node = program.node_at(error.__traceback__)
            if node is not None:
                error.add_note(f"while {role} ran {node.label}, {node.source}")
            raise

    run.returns = returns  # type: ignore[attr-defined]
    return run


class Closure(NamedTuple):
    """A body and what it uses from outside. On real tensors it is the function that the body was drawn from."""

    body: Any
    captures: tuple[Any, ...]

    def __call__(self, *args: Any) -> Any:
        return self.body(*_given(args), *self.captures)

    def example(self, *args: Any) -> Any:
        """Shapes and dtypes of the results, for those of the arguments and of the captures."""
        return self.body.example([*_given(args), *self.captures])


def draw(role: str, function: Callable[..., Any], *parameters: Any) -> Closure:
    """The graph of a function, by calling it once.

    Args:
        role: what it is to the node that will hold it.
        function: takes as many arguments as there are parameters; returns tensors, symbolic or not, numbers and None,
            in any nesting.
        parameters: for each argument a `TensorSpec` or a nesting of them; None where it will be given None.

    Raises:
        ArgumentError: it is no function.
    """
    if isinstance(function, Closure):
        return function
    if not callable(function) or isinstance(function, SymbolicTensor):
        raise ArgumentError(
            f"{role} must be a function.", got=str(function)[:80], where=str(caller()), hint=f"{role}=lambda: ..."
        )
    before = last_number()
    own: list[SymbolicTensor] = []

    def parameter(name: str, spec: TensorSpec | None) -> SymbolicTensor | None:
        if spec is not None:
            own.append(placeholder(name, spec, caller()))
        return None if spec is None else own[-1]

    names = _argument_names(function, len(parameters), role)
    pairs = zip(parameters, names, strict=True)
    result = function(*(tree.map_leaves(partial(parameter, n), p) for p, n in pairs))
    outputs = tree.map_leaves(_as_output, result)
    captures = _from_outside([leaf for leaf in tree.leaves(outputs) if leaf is not None], before, own)
    graph = Graph((*own, *captures), outputs, part=True).detached()
    return Closure(Body(role, graph, len(own)), captures)


def _argument_names(function: Callable[..., Any], count: int, role: str) -> list[str]:
    """What the user calls the arguments, where that can be seen."""
    try:
        names = [name for name, p in inspect.signature(function).parameters.items() if p.kind in _POSITIONAL]
    except (TypeError, ValueError):  # PyTorch's built-in functions have no signature
        names = []
    return [*names, *(f"{role}_{k}" for k in range(len(names), count))][:count]


def placeholder(name: str, spec: TensorSpec, source: Source) -> SymbolicTensor:
    """Stands for what a body will be given."""
    node = Node(Placeholder(name), (), {}, source)  # type: ignore[arg-type]
    node.give([spec.as_source()], Leaf(0))
    return node.specs[0].make(node, 0)  # type: ignore[return-value]


def spec_of(value: Any) -> TensorSpec | None:
    """What is known of a tensor, symbolic or not; None for None."""
    if value is None:
        return None
    if isinstance(value, SymbolicTensor):
        return value.node.specs[value.index]  # type: ignore[return-value]
    return TensorSpec((tuple(value.shape), tuple(value.shape)), value.dtype)


def refuse_several(value: Any, what: str) -> None:
    """What decides in a graph is one number, known or not.

    Raises:
        ShapeError: it is something else.
    """
    sizes = value.shape if isinstance(value, Array) else () if type(value) in (bool, int, float) else (None,)
    if any(size != 1 for size in sizes):
        raise ShapeError(
            f"What decides in {what} is one value.",
            got=told(value),
            expected="a tensor of one element, such as (x > 0).any()",
            hint="ops.where(condition, a, b) to choose for each row or element",
        )


def told(leaf: Any) -> str:
    """An example of a tensor, for people."""
    return f"{tuple(leaf.shape)} {name_of(leaf.dtype)}" if isinstance(leaf, Array) else repr(leaf)


def _as_output(leaf: Any) -> Any:
    """Every result is one of a node, or None: numbers and tensors become constants."""
    if leaf is None or isinstance(leaf, SymbolicTensor):
        return leaf
    if isinstance(leaf, Symbolic):
        return record(torch.full, ((), leaf), {})
    return record(torch.clone, (torch.as_tensor(leaf).detach(),), {})


def _from_outside(outputs: list[SymbolicTensor], before: int, own: list[SymbolicTensor]) -> tuple[SymbolicTensor, ...]:
    """The tensors that were there before the function was called, and that its results depend on."""
    known = {id(tensor.node) for tensor in own}
    found: dict[Key, SymbolicTensor] = {}
    seen: set[Key] = set()
    stack: list[Symbolic] = list(reversed(outputs))
    while stack:
        symbolic = stack.pop()
        if key_of(symbolic) in seen or id(symbolic.node) in known:
            continue
        seen.add(key_of(symbolic))
        if isinstance(symbolic, SymbolicTensor) and symbolic.node.number <= before:
            found[key_of(symbolic)] = symbolic
        else:  # a size known before is read again within: no program takes numbers
            stack.extend(reversed(symbolic.node.inputs))
    return tuple(found.values())


def _given(args: Any) -> list[Any]:
    """The arguments, flat, without None."""
    if isinstance(args, (list, tuple)):
        return [leaf for value in args for leaf in _given(value)]
    if isinstance(args, Mapping):
        return [leaf for value in args.values() for leaf in _given(value)]
    return [] if args is None else [args]


def _declared(value: Any, dtype: torch.dtype) -> Any:
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value, dtype=dtype)


def drawn_as(rule: Callable[[tuple[Any, ...], dict[str, Any]], Any]) -> Callable[[Function], Function]:
    """Mark a function of functions as one node of a graph, with a rule for the shapes and dtypes of its results.

    The rule is given the arguments of a call in which `Closure`s stand for the functions, and examples for tensors.
    """

    def marked(function: Function) -> Function:
        function.output_example = rule  # type: ignore[attr-defined]
        return function

    return marked
