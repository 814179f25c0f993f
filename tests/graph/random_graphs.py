"""Random graphs for hypothesis: branches, merges, shared layers, nested models, functions, several outputs."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from lamina.graph import Graph, Symbolic, tree
from lamina.graph.node import Constant, is_input_node
from lamina.layers import Add, BatchNormalization, Concatenate, Dense, Dropout, Input, LayerNormalization, Multiply
from lamina.models import Model

WIDTH = 4

FUNCTIONS = {
    "tanh": torch.tanh,
    "scaled": lambda x: x * 0.5 + 1,
    "method": lambda x: x.relu(),
    "halves": lambda x: torch.cat(torch.chunk(x, 2, dim=-1)[::-1], dim=-1),
    "best": lambda x: x - x.max(dim=-1, keepdim=True).values,
    "index": lambda x: x[:, [3, 2, 1, 0]],
    "reshape": lambda x: x.reshape(x.size(0), 2, WIDTH // 2).flatten(1),
    "constant": lambda x: x + torch.arange(WIDTH, dtype=torch.float32),
    "weight": lambda x: x * torch.nn.Parameter(torch.full((WIDTH,), 0.7)),
}
LAYERS = {
    "dense": lambda: Dense(WIDTH, activation="relu"),
    "norm": lambda: LayerNormalization(),
    "batchnorm": lambda: BatchNormalization(),
    "dropout": lambda: Dropout(0.5),
}


def nested() -> Model:
    inner = Input((WIDTH,))
    hidden = Dense(WIDTH)(inner)
    return Model(inner, torch.tanh(hidden) + inner)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A functional model over inputs (None, 4) with a random structure of outputs."""
    tensors = [Input((WIDTH,), name=f"in_{i}") for i in range(draw(st.integers(1, 3)))]
    shared = [Dense(WIDTH), nested()]
    for _ in range(draw(st.integers(2, 14))):
        kind = draw(st.sampled_from(["function", "layer", "shared", "merge", "operator", "nested"]))
        a, b = (draw(st.sampled_from(tensors)) for _ in range(2))
        if kind == "function":
            new = FUNCTIONS[draw(st.sampled_from(sorted(FUNCTIONS)))](a)
        elif kind == "layer":
            new = LAYERS[draw(st.sampled_from(sorted(LAYERS)))]()(a)
        elif kind == "shared":
            new = draw(st.sampled_from(shared))(a)
        elif kind == "nested":
            new = nested()(a)
        elif kind == "operator":
            new = draw(st.sampled_from([a + b, a * b, a - b]))
        else:
            merge = draw(st.sampled_from([Add, Multiply, Concatenate]))
            new = merge()([a, b])
            new = Dense(WIDTH)(new) if merge is Concatenate else new
        tensors.append(new)
    outputs = draw(st.lists(st.sampled_from(tensors[-4:]), min_size=1, max_size=3))
    used = _inputs_of(outputs)
    structure = draw(st.sampled_from(["list", "dict", "nested"]))
    if structure == "dict":
        return Model(used, {f"out_{i}": t for i, t in enumerate(outputs)})
    if structure == "nested":
        return Model({t.name: t for t in reversed(used)}, (outputs[0], {"rest": outputs[1:]}))
    return Model(used, outputs)


def _inputs_of(outputs: list[Symbolic]) -> list[Symbolic]:
    found: dict[int, Symbolic] = {}
    stack = list(outputs)
    seen: set[int] = set()
    while stack:
        tensor = stack.pop()
        if id(tensor.node) in seen:
            continue
        seen.add(id(tensor.node))
        if is_input_node(tensor.node):
            found[id(tensor.node)] = tensor
        stack.extend(tensor.node.inputs)
    return sorted(found.values(), key=lambda t: t.name)


def evaluate_naively(graph: Graph, values: list[torch.Tensor]) -> object:
    """Node by node with a dict of results: no program, no freeing, no names. The reference for `Program`."""
    results: dict[tuple[int, int], object] = {
        (id(t.node), t.index): value for t, value in zip(graph.inputs, values, strict=True)
    }

    def value_of(leaf: object) -> object:
        if isinstance(leaf, Symbolic):
            return results[(id(leaf.node), leaf.index)]
        return leaf.value if isinstance(leaf, Constant) else leaf

    for node in graph.nodes:
        if is_input_node(node):
            continue
        args, kwargs = tree.map_leaves(value_of, (node.args, node.kwargs))
        flat = list(tree.leaves(node.op(*args, **kwargs)))
        places = list(tree.leaves(node.template))
        for place, value in zip(places, flat, strict=True):
            if hasattr(place, "index"):
                results[(id(node), place.index)] = value
    return tree.map_leaves(value_of, graph.output_structure)
