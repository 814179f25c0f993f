"""What cannot be is refused when the graph is drawn, with an error of the house that names the user's line.

Each op is called on tensors of a wrong rank, width and dtype, and with an axis that is none. What fails on tensors
has to fail on symbolic tensors of the same shapes, and not when the model runs.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import numpy as np
import pytest
import torch

from lamina import ops
from lamina.graph import ArgumentError, DtypeError, ShapeError, tree
from lamina.graph.errors import LaminaError
from lamina.layers import Input
from tests.ops.cases import CASES, Case, Given

OPS = sorted({case.op for case in CASES if case.symbolic and case.givens()})
DTYPES = ("int32", "bool", "float32", "complex64")
# Only values tell: of matrices that have no inverse, or are not positive.
OF_VALUES = ("singular", "is zero", "could not be completed", "not positive")


def wrong(case: Case) -> Iterator[tuple[str, Case]]:
    """What was changed, and the call with one tensor or the axis changed."""
    parameters = list(inspect.signature(attrgetter(case.op)(ops)).parameters)
    if "axis" in parameters:
        before = case.args[: parameters.index("axis")]
        yield "axis=9", Case(case.op, before, {**case.kwargs, "axis": 9})
    for place, given in enumerate(case.givens()):
        for what, array in changed(given.array):
            yield f"tensor {place} {what}", replaced(case, place, array)


def changed(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield "with one axis more", array[..., None]
    if array.size and array.ndim:
        yield "with one axis less", array[..., 0]
        yield "wider by one", np.concatenate([array, array[..., :1]], -1)
    with warnings.catch_warnings(action="ignore"):  # NumPy's, of infinities as integers
        yield from ((dtype, array.astype(dtype)) for dtype in DTYPES if array.dtype != dtype)


def replaced(case: Case, place: int, array: np.ndarray) -> Case:
    places = iter(range(99))

    def other(leaf: Any) -> Any:
        return Given(array, False) if isinstance(leaf, Given) and next(places) == place else leaf

    args, kwargs = tree.map_leaves(other, (case.args, case.kwargs))
    return Case(case.op, args, kwargs)


def failure(case: Case, make: Any) -> Exception | None:
    args, kwargs = case.filled(make)
    try:
        attrgetter(case.op)(ops)(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  whatever it is, it is looked at
        return error
    return None


def as_tensor(given: Given) -> torch.Tensor:
    return torch.as_tensor(given.array.copy())


def as_input(given: Given) -> Any:
    return Input(batch_shape=given.array.shape, dtype=str(given.array.dtype))


@pytest.mark.filterwarnings("ignore")  # of what the calls do before they fail
@pytest.mark.parametrize("op", OPS)
def test_what_fails_on_tensors_is_refused_when_drawn(op: str) -> None:
    faults = []
    for case in first_two(op):
        for what, call in wrong(case):
            late = failure(call, as_tensor)
            if late is None or any(text in str(late) for text in OF_VALUES):
                continue
            early = failure(call, as_input)
            if not isinstance(early, LaminaError) or "test_errors.py" not in str(early):
                faults.append((str(call), what, late, early))
    assert faults == []


def first_two(op: str) -> list[Case]:
    return [case for case in CASES if case.op == op and case.symbolic and case.givens()][:2]


@pytest.mark.parametrize("op", ["sum", "concatenate", "matmul", "solve", "conv", "image.resize", "softmax", "take"])
def test_the_calls_above_are_wrong(op: str) -> None:
    calls = [call for case in first_two(op) for _, call in wrong(case)]
    assert sum(failure(call, as_tensor) is not None for call in calls) >= 2


X, ROWS, PICTURE = (None, 3, 4), (None, 4), (None, 6, 7, 3)

# The call on symbolic tensors of these shapes, and what it says.
REFUSED: list[tuple[Any, list[Any], type[Exception], str]] = [
    (lambda x: ops.sum(x, axis=3), [X], ArgumentError, "There is no axis 3"),
    (lambda x: ops.mean(x, (0, -4)), [X], ArgumentError, "There is no axis -4"),
    (lambda x: ops.normalize(x, ()), [X], ArgumentError, "An empty axis"),
    (lambda x: ops.argmax(x, 3), [X], ShapeError, "argmax cannot take"),
    (lambda x: ops.cumsum(x, 3), [X], ShapeError, "cumsum cannot take"),
    (lambda x: ops.max(ops.view_as_complex(x)), [(None, 2)], DtypeError, "Complex numbers have no order"),
    (lambda x: ops.sort(x, 3), [X], ArgumentError, "There is no axis 3"),
    (lambda x: ops.top_k(x, 5), [ROWS], ArgumentError, "there are no 5 values"),
    (lambda x, y: ops.concatenate([x, y], 1), [X, ROWS], ShapeError, "cat cannot take"),
    (lambda x, y: ops.concatenate([x, y], -1), [X, (None, 2, 4)], ShapeError, "cat cannot take"),
    (lambda x, y: ops.stack([x, y]), [X, (None, 3, 5)], ShapeError, "stack cannot take"),
    (lambda x: ops.split(x, 3, axis=2), [X], ShapeError, "3 equal parts"),
    (lambda x: ops.squeeze(x, 1), [X], ShapeError, "size 1 only"),
    (lambda x: ops.reshape(x, (-1, 5)), [(3, 4)], ShapeError, "reshape cannot take"),
    (lambda x: ops.transpose(x, (0, 1)), [X], ShapeError, "permute cannot take"),
    (lambda x: ops.pad(x, ((1, 1), (1, 1))), [X], ArgumentError, "pad_width does not match"),
    (lambda x: ops.flip(x, 3), [X], ArgumentError, "There is no axis 3"),
    (lambda x, y: ops.matmul(x, y), [X, (None, 3, 5)], ShapeError, "matmul cannot take"),
    (lambda x, y: ops.tensordot(x, y, 1), [X, (3, 5)], ShapeError, "tensordot cannot take"),
    (lambda x: ops.einsum("bij,jk->bik", x, torch.ones(3, 2)), [X], ShapeError, "einsum cannot take"),
    (lambda x, y: ops.cross(x, y), [X, X], ShapeError, "vectors of 4 and 4"),
    (lambda x: ops.det(x), [X], ShapeError, "det cannot take"),
    (lambda x: ops.eigh(x), [X], ShapeError, "eigh cannot take"),
    (lambda x, y: ops.solve(x, y), [(None, 3, 3), (None, 2, 4)], ShapeError, "solve cannot take"),
    (lambda x: ops.norm(x, axis=3), [X], ShapeError, "norm cannot take"),
    (lambda x: ops.take(x, [0, 1], axis=3), [X], ArgumentError, "There is no axis 3"),
    (lambda x: ops.scatter_update(x, [[0, 0, 0, 0]], [1.0]), [X], ShapeError, "do not fit the indices"),
    (lambda x: ops.softmax(x, 3), [X], ArgumentError, "There is no axis 3"),
    (lambda x: ops.glu(x), [(None, 3)], ShapeError, "halves an axis"),
    (lambda x, y: ops.binary_crossentropy(x, y), [X, ROWS], ShapeError, "different shapes"),
    (lambda x: ops.conv(x, torch.ones(3, 3, 2, 4)), [PICTURE], ShapeError, "channels"),
    (lambda x: ops.conv(x, torch.ones(3, 3, 4)), [PICTURE], ShapeError, "axes"),
    (lambda x: ops.conv(x, torch.ones(9, 9, 3, 4)), [PICTURE], ShapeError, "conv"),
    (lambda x: ops.depthwise_conv(x, torch.ones(3, 3, 2, 1)), [PICTURE], ShapeError, "channels"),
    (lambda x: ops.conv_transpose(x, torch.ones(3, 3, 4, 2)), [PICTURE], ShapeError, "channels"),
    (lambda x: ops.max_pool(x, 9), [PICTURE], ShapeError, "max_pool"),
    (lambda x: ops.average_pool(x, 2, padding="full"), [PICTURE], ArgumentError, "no padding 'full'"),
    (lambda x: ops.image.resize(x, (2, 2)), [ROWS], ShapeError, "3 or 4 axes"),
    (lambda x: ops.image.crop_images(x, 4, 0, 3, 0), [PICTURE], ArgumentError, "height is 6"),
    (lambda x: ops.image.rgb_to_grayscale(x), [(None, 6, 7, 4)], ShapeError, "1 or 3 channels"),
    (lambda x: ops.stft(x, 8, 4, 8, center=False), [ROWS], ShapeError, "shorter than a sequence"),
    (lambda x: ops.rearrange(x, "b c -> c b"), [X], ShapeError, "does not fit"),
]


@pytest.mark.parametrize("call, shapes, error, text", REFUSED, ids=[text for *_, text in REFUSED])
def test_it_says_what_is_wrong_and_where(call: Any, shapes: list[Any], error: type[Exception], text: str) -> None:
    inputs = [Input(batch_shape=shape) for shape in shapes]
    with pytest.raises(error, match=text) as caught:
        call(*inputs)
    assert "test_errors.py" in str(caught.value)
    assert caught.value.got or caught.value.hint or caught.value.expected
    if "cannot take" not in text:  # where the words are not PyTorch's, they tell nothing of the sizes that were tried
        assert not re.search(r"\b(48|80|192|320)\b", str(caught.value))


OF_MATRICES = {
    "cholesky": (lambda: ops.cholesky(-np.eye(3)), "not positive-definite", "eigenvalues"),
    "cholesky of several": (lambda: ops.cholesky([np.eye(2), -np.eye(2)]), r"Batch element 1", "eigenvalues"),
    "inv": (lambda: ops.inv(np.zeros((2, 2))), "singular", "ops.pinv"),
    "solve": (lambda: ops.solve(np.ones((2, 2)), np.ones(2)), "singular", "ops.lstsq"),
    "svd": (lambda: ops.svd(np.full((2, 2), np.nan)), "non-finite", "finite"),
    "singular values": (lambda: ops.svd(np.full((2, 2), np.nan), compute_uv=False), "non-finite", "finite"),
    "pinv": (lambda: ops.pinv(np.full((2, 2), np.nan)), "non-finite", "finite"),
}


@pytest.mark.parametrize("what", OF_MATRICES)
def test_matrices_that_have_none_say_so_as_a_value_error(what: str) -> None:
    call, got, hint = OF_MATRICES[what]
    with pytest.raises(ValueError, match="cannot do this with these values") as caught:
        call()
    assert isinstance(caught.value, torch.linalg.LinAlgError)  # as PyTorch's users expect
    assert isinstance(caught.value, LaminaError)
    assert re.search(got, caught.value.got or "")
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    "elems",
    [(np.ones((2, 3)), np.ones((2, 4))), (Input((5,)), Input((4,))), (Input((None, 5)), Input((4, 5)), Input((3, 5)))],
)
def test_a_scan_along_axes_of_two_sizes_is_refused(elems: Any) -> None:
    with pytest.raises(ArgumentError, match="one size along the axis"):
        ops.associative_scan(lambda a, b: a, elems, axis=1)
