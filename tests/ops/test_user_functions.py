"""Functions of one's own within ops: gradients said by hand, derivatives in a direction, functions of single values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import ops
from lamina.graph import ArgumentError, GraphError, ShapeError, StructureError, tree
from lamina.layers import Dense, Input, Layer
from lamina.saving.errors import LoadingError, SavingError


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), whose gradient autograd finds to be inf / inf for large x."""
    e = torch.exp(x)
    return torch.log(1 + e), lambda *args, upstream: upstream * (1 - 1 / (1 + e))


def softplus_by_keras_docs(x: Any) -> Any:
    """The form that serves all of Keras' engines."""
    e = ops.exp(x)

    def grad(*args: Any, upstream: Any = None) -> Any:
        if upstream is None:
            (upstream,) = args
        return ops.multiply(upstream, 1.0 - 1.0 / ops.add(1, e))

    return ops.log(1 + e), grad


def softplus_by_upstream(x: Any) -> Any:
    """The form of Keras' other engines."""
    e = torch.exp(x)

    def grad(upstream: Any) -> Any:
        return upstream * (1 - 1 / (1 + e))

    return torch.log(1 + e), grad


# torch 2.13: the compiler itself makes an object of an autograd function, and warns of that.
COMPILER_WARNS = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
FORMS = [softplus, softplus_by_keras_docs, softplus_by_upstream]


def gradient(function: Any, *values: torch.Tensor) -> list[torch.Tensor]:
    leaves = [value.clone().requires_grad_() for value in values]
    return list(torch.autograd.grad(function(*leaves).sum(), leaves))


# ---- custom_gradient


@pytest.mark.parametrize("form", FORMS)
def test_the_gradient_is_what_the_function_says(form: Any) -> None:
    x = torch.tensor([-2.0, 0.0, 3.0, 100.0])
    function = ops.custom_gradient(form)
    assert torch.equal(function(x), torch.log(1 + torch.exp(x)))
    torch.testing.assert_close(gradient(function, x)[0], torch.sigmoid(x))
    assert function.__name__ == form.__name__


@pytest.mark.parametrize("form", FORMS[:2])
def test_keras_agrees(form: Any) -> None:
    x = torch.tensor([-2.0, 0.0, 3.0, 20.0])
    ours, theirs = (gradient(module.custom_gradient(form), x)[0] for module in (ops, keras.ops))
    assert torch.equal(ours, theirs)


@COMPILER_WARNS
@pytest.mark.parametrize("form", FORMS)
def test_it_compiles_with_its_gradient(form: Any) -> None:
    x = torch.tensor([-2.0, 100.0])
    compiled = torch.compile(ops.custom_gradient(form), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(gradient(compiled, x)[0], torch.sigmoid(x))


def test_arguments_and_output_may_be_nested() -> None:
    seen = []

    @ops.custom_gradient
    def function(pair: dict[str, Any], factor: float) -> Any:
        def grad(*args: Any, upstream: Any) -> Any:
            seen.append((args, upstream))
            return upstream[0] * 10, upstream[1] * 20, None

        return {"product": pair["a"] * pair["b"], "sum": [pair["b"] + factor]}, grad

    a, b = torch.ones(2, requires_grad=True), torch.full((2,), 2.0, requires_grad=True)
    result = function({"a": a, "b": b}, 3.0)
    assert result["product"].tolist() == [2.0, 2.0]
    assert result["sum"][0].tolist() == [5.0, 5.0]
    (result["product"] * 2 + result["sum"][0]).sum().backward()
    assert a.grad.tolist() == [20.0, 20.0]
    assert b.grad.tolist() == [20.0, 20.0]
    args, upstream = seen[0]
    assert args[2] == 3.0
    assert torch.equal(args[1], b)
    assert [u.tolist() for u in upstream] == [[2.0, 2.0], [1.0, 1.0]]


@COMPILER_WARNS
def test_in_a_graph_it_is_two_graphs_that_are_saved(tmp_path: Path) -> None:
    @ops.custom_gradient
    def scaled(pair: Any, factor: float) -> Any:
        e = torch.exp(pair["x"])

        def grad(*args: Any, upstream: Any) -> Any:
            return upstream[0] * e, -upstream[1] * factor, None

        return {"product": pair["x"] * pair["y"], "sum": pair["y"] * factor}, grad

    x = Input((3,))
    dense = Dense(3)
    outputs = scaled({"x": dense(x), "y": x}, 2.0)
    assert outputs["product"].shape == outputs["sum"].shape == (None, 3)
    model = lamina.Model(x, outputs)
    value = torch.randn(5, 3)
    plain = dense(value)
    for run in (model, reloaded(model, tmp_path), torch.compile(model, fullgraph=True, backend="aot_eager")):
        given = value.clone().requires_grad_()
        result = run(given)
        torch.testing.assert_close(result["product"], plain * value)
        torch.testing.assert_close(result["sum"], 2 * value)
        weights = [weight for weight in run.parameters() if weight.dim() == 2]
        found = torch.autograd.grad((result["product"] + 3 * result["sum"]).sum(), [given, *weights])
        torch.testing.assert_close(found[1], value.T @ torch.exp(plain))
        torch.testing.assert_close(found[0], torch.exp(plain) @ dense.kernel.T - 3 * 2.0)


def test_in_a_graph_the_forms_are_the_same() -> None:
    x = Input((3,))
    for form in FORMS:
        model = lamina.Model(x, ops.custom_gradient(form)(x))
        value = torch.tensor([[-2.0, 0.5, 100.0]])
        torch.testing.assert_close(gradient(model, value)[0], torch.sigmoid(value))
    with pytest.raises(StructureError, match="one gradient for each argument"):
        ops.custom_gradient(lambda a, b: (a * b, lambda *args, upstream: upstream))(x, x)
    with pytest.raises(StructureError, match="returns \\(output, grad_fn\\)"):
        ops.custom_gradient(torch.exp)(x)
    with pytest.raises(ShapeError, match="a gradient of another shape"):
        ops.custom_gradient(lambda a: (a * 2, lambda *args, upstream: upstream[:, :2]))(x)


def test_what_is_traced_would_lose_it(tmp_path: Path) -> None:
    function = ops.custom_gradient(softplus)

    class Own(Layer):
        def call(self, x: Any) -> Any:
            return function(x)

    x = Input((3,))
    model = lamina.Model(x, Own()(x))
    with pytest.raises(SavingError, match="one's own is lost"):
        model.save(tmp_path / "layer.lamina")


def test_exporting_refuses_it() -> None:
    class Module(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return ops.custom_gradient(softplus)(x)

    with pytest.raises(GraphError, match="one's own is lost"):
        torch.export.export(Module(), (torch.ones(2),), strict=False)


def test_wrong_uses_of_a_custom_gradient() -> None:
    with pytest.raises(ArgumentError, match="takes a function"):
        ops.custom_gradient(3)
    with pytest.raises(StructureError, match="returns \\(output, grad_fn\\)"):
        ops.custom_gradient(torch.exp)(torch.ones(2))
    two = ops.custom_gradient(lambda x, y: (x * y, lambda *args, upstream: upstream))
    x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    result = two(x, y).sum()
    with pytest.raises(StructureError, match="one gradient for each argument"):
        result.backward()


# ---- jvp


def test_derivatives_in_a_direction() -> None:
    def function(x: Any, pair: Any) -> Any:
        return {"y": torch.sin(x) * pair[0]}, x.sum()

    x, v, w = (
        torch.randn(3, dtype=torch.float64),
        torch.randn(3, dtype=torch.float64),
        torch.randn(3, dtype=torch.float64),
    )
    value, change, aux = ops.jvp(function, (x, [v]), (w, [x]), has_aux=True)
    assert torch.equal(value["y"], torch.sin(x) * v)
    torch.testing.assert_close(change["y"], torch.cos(x) * w * v + torch.sin(x) * x)
    assert torch.equal(aux, x.sum())


def test_directions_agree_with_keras() -> None:
    a, b = torch.randn(2, 3), torch.randn(2, 3)
    ours, theirs = (module.jvp(torch.tanh, (a,), (b,)) for module in (ops, keras.ops))
    for mine, reference in zip(ours, theirs, strict=True):
        assert torch.equal(mine, reference)
    assert ops.jvp(torch.sin, (0.0,), [2.0])[1].tolist() == 2.0


def test_directions_within_a_graph(tmp_path: Path) -> None:
    """The function is a part of the graph: it uses other tensors of it, trains layers, and is saved."""
    x, v = Input((3,)), Input((3,))
    dense = Dense(3)
    scale = dense(v)
    value, change = ops.jvp(lambda t, pair: {"y": torch.sin(t) * scale + pair[0]}, (x, [x]), [v, [v]])
    assert value["y"].shape == change["y"].shape == (None, 3)
    model = lamina.Model([x, v], [value, change])
    a, b = torch.randn(5, 3), torch.randn(5, 3)
    torch.testing.assert_close(model([a, b])[1]["y"], torch.cos(a) * b * dense(b) + b)
    assert all(
        grad.abs().sum() > 0 for grad in torch.autograd.grad(model([a, b])[1]["y"].sum(), dense.trainable_weights)
    )
    assert all(same(model([a, b]), other([a, b])) for other in (reloaded(model, tmp_path), compiled(model)))


def test_directions_in_a_graph_have_the_shapes_of_their_primals() -> None:
    with pytest.raises(ShapeError, match=r"\(None, 3\) float32 and \(None, 4\) float32") as caught:
        ops.jvp(torch.sin, (Input((3,)),), (Input((4,)),))
    assert "test_user_functions.py" in str(caught.value)


def reloaded(model: Any, folder: Path) -> Any:
    model.save(folder / "model.lamina")
    return lamina.saving.load_model(folder / "model.lamina")


def compiled(model: Any) -> Any:
    return torch.compile(model, fullgraph=True, backend="eager")


def same(ours: Any, theirs: Any) -> bool:
    pairs = zip(tree.leaves(ours), tree.leaves(theirs), strict=True)
    return all(torch.allclose(a, b, rtol=1e-5, atol=1e-6) for a, b in pairs)


@pytest.mark.parametrize("primals, tangents", [(1.0, 1.0), ((1.0,), (1.0, 2.0)), ((1.0,), 1.0)])
def test_primals_and_tangents_come_in_tuples(primals: Any, tangents: Any) -> None:
    with pytest.raises(ArgumentError, match="tuple of primals"):
        ops.jvp(torch.sin, primals, tangents)


# ---- vectorize

RNG = np.random.default_rng(3)
VECTORIZED = [
    ("(n),(n)->()", np.dot, torch.dot, [(4, 3), (3,)]),
    ("(n),(n)->()", np.dot, torch.dot, [(3,), (3,)]),
    ("(n),(n)->()", np.dot, torch.dot, [(2, 1, 3), (5, 3)]),
    ("(m,n),(n)->(m)", np.matmul, torch.mv, [(4, 2, 3), (3,)]),
    ("(m,n),(n)->(m)", np.matmul, torch.mv, [(2, 3), (4, 5, 3)]),
    ("(m, n), (n, k) -> (m, k)", np.matmul, torch.mm, [(1, 5, 2, 3), (4, 1, 3, 2)]),
    ("(),()->()", np.add, torch.add, [(4, 3), (3,)]),
    (None, np.add, torch.add, [(4, 3), (2, 1, 1)]),
    (None, np.add, torch.add, [(1, 1), (1,)]),
    (None, np.add, torch.add, [(), ()]),
]


@pytest.mark.parametrize("signature, reference, function, shapes", VECTORIZED)
def test_vectorized_functions_are_those_of_numpy(signature: Any, reference: Any, function: Any, shapes: Any) -> None:
    arrays = [RNG.normal(size=shape) for shape in shapes]
    expected = np.vectorize(reference, signature=signature)(*arrays)
    result = ops.vectorize(function, signature=signature)(*arrays)
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12)


def test_what_is_excluded_comes_whole() -> None:
    def polynomial(x: Any, coefficients: Any, shift: Any = 0.0) -> Any:
        assert coefficients.shape == (3,)
        return sum(c * x**i for i, c in enumerate(coefficients)) + shift

    x, c = torch.arange(4.0), torch.tensor([1.0, 2.0, 3.0])
    expected = 1 + 2 * x + 3 * x**2
    assert torch.equal(ops.vectorize(polynomial, excluded={1})(x, c), expected)
    assert torch.equal(ops.vectorize(polynomial, excluded=["coefficients"])(x, coefficients=c), expected)
    assert torch.equal(ops.vectorize(polynomial, excluded={1})(x, c, shift=x), expected + x)


def test_several_results_and_arguments_that_are_none() -> None:
    def both(x: Any, y: Any) -> Any:
        assert y is None
        return x.sum(), x * 2

    total, twice = ops.vectorize(both, signature="(n)->(),(n)")([[1.0, 2.0], [3.0, 4.0]], None)
    assert total.tolist() == [3.0, 7.0]
    assert twice.tolist() == [[2.0, 4.0], [6.0, 8.0]]


def test_a_vectorized_function_is_a_graph_within_the_graph(tmp_path: Path) -> None:
    x, y, dense = Input((None, 4, 3)), Input((1, 4)), Dense(2)
    shift = dense(y)

    def function(row: Any, number: Any, both: Any, factor: Any = None) -> Any:
        return row.sum() * number * factor.mean(), torch.outer(row, both)

    vectorized = ops.vectorize(function, excluded=["factor"], signature="(n),(),(m)->(),(n,m)")
    outputs = vectorized(x, y, torch.ones(2), factor=shift)
    assert [output.shape for output in outputs] == [(None, None, 4), (None, None, 4, 3, 2)]
    model = lamina.Model([x, y], outputs)
    a, b = torch.randn(2, 5, 4, 3), torch.randn(2, 1, 4)
    result = model([a, b])
    torch.testing.assert_close(result[0], a.sum(-1) * b * dense(b).mean())
    torch.testing.assert_close(result[1], a.unsqueeze(-1).expand(2, 5, 4, 3, 2))
    assert all(same(result, other([a, b])) for other in (reloaded(model, tmp_path), compiled(model)))


def test_a_vectorized_function_compiles() -> None:
    function = ops.vectorize(torch.dot, signature="(n),(n)->()")
    value = torch.randn(5, 4, 3)
    run = torch.compile(function, fullgraph=True, backend="eager")
    torch.testing.assert_close(run(value, torch.ones(3)), value.sum(-1))


def test_errors_of_a_vectorized_function_in_a_graph() -> None:
    function = ops.vectorize(torch.dot, signature="(n),(n)->()")
    with pytest.raises(ShapeError, match="n=3"):
        function(Input((4, 3)), torch.ones(4))
    with pytest.raises(ShapeError, match="do not broadcast") as caught:
        function(Input((4, 3)), torch.ones(5, 3))
    assert "test_user_functions.py" in str(caught.value)


@pytest.mark.parametrize(
    "signature, shapes, error, text",
    [
        ("(n),(n)", [(3,), (3,)], ArgumentError, "no signature"),
        ("(n->(n)", [(3,), (3,)], ArgumentError, "no signature"),
        ("n,n->()", [(3,), (3,)], ArgumentError, "no signature"),
        ("(n)->()", [(3,), (3,)], ArgumentError, "number of arguments"),
        ("(n),(n)->(),()", [(3,), (3,)], ArgumentError, "number of results"),
        ("(n),(n)->()", [(3,), (4,)], ShapeError, "n=3"),
        ("(n),(n)->()", [(3,), ()], ShapeError, r"\(n\)"),
        ("(n),(n)->(n)", [(3,), (3,)], ShapeError, r"shape \(\) for \(n\)"),
        ("(n),(n)->()", [(2, 3), (4, 3)], ShapeError, "do not broadcast"),
    ],
)
def test_wrong_uses_of_a_vectorized_function(signature: str, shapes: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        ops.vectorize(torch.dot, signature=signature)(*(torch.ones(shape) for shape in shapes))


def test_only_functions_are_vectorized() -> None:
    with pytest.raises(ArgumentError, match="takes a function"):
        ops.vectorize(3)


# ---- files that nobody vouches for

X = Input((3,))
DRAWN = {
    "lamina.ops.differentiated": lambda: ops.custom_gradient(lambda v: (v * 2, lambda upstream: upstream))(X),
    "lamina.ops.mapped": lambda: ops.vectorize(lambda v: v * 2)(X),
    "lamina.ops.jvp": lambda: ops.jvp(lambda v: v * 2, (X,), (X,)),
}
ATTACKS: list[tuple[str, dict[int, Any]]] = [
    *((name, {place: value}) for name in DRAWN for place in (0, 1, 2) for value in (7, "x", None, [], [[1]])),
    ("lamina.ops.mapped", {2: [5]}),
    ("lamina.ops.mapped", {2: [0, 0]}),
    ("lamina.ops.mapped", {2: ["a"]}),
    ("lamina.ops.jvp", {3: True}),
]


@pytest.mark.parametrize("name, changes", ATTACKS, ids=str)
def test_a_file_cannot_make_other_calls_of_them(name: str, changes: dict[int, Any]) -> None:
    config = json.loads(lamina.Model(X, DRAWN[name]()).to_json())
    (node,) = (node for node in nodes_of(config) if node["function"] == name)
    for place, value in changes.items():
        node["args"][place] = value
    text = json.dumps(config)
    with pytest.raises(LoadingError, match="cannot be drawn again"):
        lamina.models.model_from_json(text)


def nodes_of(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict) and "function" in config and "args" in config:
        yield config
    for value in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from nodes_of(value)
