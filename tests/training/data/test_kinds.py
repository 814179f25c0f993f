"""Each kind of data gives exactly its rows, in order or each once, and the same rows give the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from lamina.training.data import Batch, PyDataset, Source, source_of
from tests.training.data import hugging_face

ROWS, SIZE = 11, 4
# PyTorch says of its own CSR layout that it is a beta.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse CSR tensor support:UserWarning")

X = np.arange(ROWS * 3, dtype="float32").reshape(ROWS, 3) - 7
Y = np.arange(ROWS) % 5


class ByNumber(Dataset):
    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        return X[i], Y[i]


class ManyAtOnce(ByNumber):
    def __getitem__(self, i: int) -> tuple[Any, Any]:
        raise AssertionError("asked for a single row")

    def __getitems__(self, numbers: list[int]) -> list[tuple[Any, Any]]:
        return [(X[i], Y[i]) for i in numbers]


class OneByOne(IterableDataset):
    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return iter(zip(X, Y, strict=True))


class Batches(PyDataset):
    def __len__(self) -> int:
        return -(-ROWS // SIZE)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        return X[SIZE * i : SIZE * (i + 1)], Y[SIZE * i : SIZE * (i + 1)]


class WithoutInit(Batches):
    def __init__(self) -> None:
        """Does not call the base class's."""


def batches() -> Iterator[tuple[Any, Any]]:
    for start in range(0, ROWS, SIZE):
        yield X[start : start + SIZE], Y[start : start + SIZE]


class Pair(NamedTuple):
    left: Any
    right: Any


def backwards_and_big_endian() -> np.ndarray:
    return np.ascontiguousarray(X[::-1]).astype(">f4")[::-1]


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


def frame(index: Any = None) -> pd.DataFrame:
    return pd.DataFrame(X, columns=["a", "b", "c"], index=index)


# What gives (X, Y): the arguments x and y.
WHOLE: dict[str, Callable[[], tuple[Any, Any]]] = {
    "numpy": lambda: (X, Y),
    "numpy int32 labels": lambda: (X, Y.astype("int32")),
    "numpy uint8 labels": lambda: (X, Y.astype("uint8")),
    "numpy uint16 labels": lambda: (X, Y.astype("uint16")),
    "numpy uint64 labels": lambda: (X, Y.astype("uint64")),
    "numpy float64": lambda: (X.astype("float64"), Y.astype("float64")),
    "numpy float16": lambda: (X.astype("float16"), Y),
    "numpy longdouble": lambda: (X.astype("longdouble"), Y),
    "numpy column-major": lambda: (np.asfortranarray(X), Y),
    "numpy strided": lambda: (np.repeat(X, 2, axis=1)[:, ::2], np.repeat(Y, 3)[::3]),
    "numpy backwards, big-endian": lambda: (backwards_and_big_endian(), Y[::-1].copy()[::-1]),
    "numpy read-only": lambda: (read_only(X), read_only(Y)),
    "numpy field of a structured array": lambda: (X, np.array([(v, 0) for v in Y], dtype="i1,i8")["f0"]),
    "torch": lambda: (torch.tensor(X), torch.tensor(Y)),
    "torch transposed": lambda: (torch.tensor(X.T.copy()).T, torch.tensor(Y)),
    "torch sparse coo": lambda: (torch.tensor(X).to_sparse(), torch.tensor(Y)),
    "torch sparse csr": lambda: (torch.tensor(X).to_sparse_csr(), torch.tensor(Y)),
    "lists": lambda: (X.tolist(), Y.tolist()),
    "tuple of tuples, range": lambda: (tuple(map(tuple, X.tolist())), (*range(5), *range(5), 0)),
    "list of scalars": lambda: (X, list(Y)),
    "list of tensors": lambda: (X, [torch.tensor(v) for v in Y]),
    "pandas": lambda: (frame(), pd.Series(Y)),
    "pandas index": lambda: (frame(index=[3] * ROWS), pd.Series(Y, index=range(ROWS)[::-1])),
    "pandas mixed": lambda: (
        frame().astype({"a": "int8", "b": "Float64", "c": "float64"}),
        pd.Series(Y, dtype="Int64"),
    ),
    "pandas one column": lambda: (frame(), pd.DataFrame({"y": Y})["y"].to_frame()["y"]),
    "pandas categories": lambda: (frame(), pd.Series(Y).astype("category")),
    "polars": lambda: (pl.DataFrame(X, schema=["a", "b", "c"]), pl.Series("y", Y)),
    "polars mixed": lambda: (
        pl.DataFrame({"a": X[:, 0].astype("int16"), "b": X[:, 1], "c": X[:, 2].astype("float64")}),
        pl.Series(Y.astype("uint16")),
    ),
    **{
        f"scipy {layout}": lambda layout=layout: (getattr(scipy.sparse, f"{layout}_array")(X), Y)
        for layout in ("csr", "csc", "coo", "lil", "bsr")
    },
    "scipy csr_matrix": lambda: (scipy.sparse.csr_matrix(X), Y),
    "TensorDataset": lambda: (TensorDataset(torch.tensor(X), torch.tensor(Y)), None),
}
STREAMS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "Dataset": lambda: (ByNumber(), None),
    "Dataset with __getitems__": lambda: (ManyAtOnce(), None),
    "IterableDataset": lambda: (OneByOne(), None),
    "DataLoader": lambda: (DataLoader(ByNumber(), batch_size=SIZE), None),
    "DataLoader with workers": lambda: (DataLoader(ByNumber(), batch_size=SIZE, num_workers=2), None),
    "DataLoader of an IterableDataset": lambda: (DataLoader(OneByOne(), batch_size=SIZE), None),
    "generator": lambda: (batches(), None),
    "function": lambda: (batches, None),
    "map object": lambda: (map(list, batches()), None),
    "PyDataset": lambda: (Batches(), None),
    "PyDataset without super().__init__()": lambda: (WithoutInit(), None),
    "PyDataset, threads": lambda: (Batches(workers=3), None),
    "PyDataset, processes": lambda: (Batches(workers=2, use_multiprocessing=True), None),
    "PyDataset, one ahead": lambda: (Batches(workers=2, max_queue_size=1), None),
    "datasets.Dataset": lambda: (hugging_face.Dataset({"x": X, "y": Y}), "y"),
    "datasets.IterableDataset": lambda: (hugging_face.IterableDataset({"x": X, "y": Y}), "y"),
}
EVERY = WHOLE | STREAMS


def rows_of(batches: Iterator[Batch]) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """(x, y, sizes of the batches), joined."""
    taken = list(batches)
    assert all(weight is None for _, _, weight in taken)
    xs, ys = [x.numpy() for x, _, _ in taken], [y.numpy() for _, y, _ in taken]
    return np.concatenate(xs), np.concatenate(ys), [len(x) for x in xs]


def of(name: str, **options: Any) -> Source:
    x, y = EVERY[name]()
    return source_of(x, y, batch_size=SIZE, **options)


@pytest.mark.parametrize("name", EVERY)
def test_rows_come_as_they_are(name: str) -> None:
    x, y, sizes = rows_of(of(name).batches())
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)
    assert sizes == [4, 4, 3]


@pytest.mark.parametrize("name", EVERY)
def test_a_pass_that_skips_is_a_pass_without_its_first_batches(name: str) -> None:
    x, _, sizes = rows_of(of(name).batches(skip=1))
    assert np.array_equal(x, X[SIZE:])
    assert sizes == [4, 3]


ORDERED = {"IterableDataset", "generator", "function", "map object", "datasets.IterableDataset"}
SHUFFLED = [name for name in EVERY if name not in ORDERED and "DataLoader" not in name]


@pytest.mark.parametrize("name", SHUFFLED)
def test_a_shuffled_pass_takes_each_row_once_in_an_order_of_the_global_generator(name: str) -> None:
    source = of(name, shuffle=True)
    passes = []
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        x, y, _ = rows_of(source.batches())
        assert np.array_equal(x[x[:, 0].argsort()], X)
        assert np.array_equal(y, Y[((x[:, 0] + 7) / 3).astype(int)])
        passes.append(x)
    assert np.array_equal(passes[0], passes[2])
    assert not np.array_equal(passes[0], passes[1]) or not np.array_equal(passes[0], X)
    torch.manual_seed(1)
    skipped, _, _ = rows_of(source.batches(skip=2))
    assert np.array_equal(skipped, passes[0][-len(skipped) :])


@pytest.mark.parametrize("name", [name for name in SHUFFLED if "PyDataset" not in name])
def test_kinds_with_the_same_rows_are_shuffled_alike(name: str) -> None:
    torch.manual_seed(3)
    expected, _, _ = rows_of(of("numpy", shuffle=True).batches())
    torch.manual_seed(3)
    x, _, _ = rows_of(of(name, shuffle=True).batches())
    assert np.array_equal(x, expected)


def test_a_shuffling_loader_is_skipped_without_loading() -> None:
    loaded: list[int] = []

    class Noting(ByNumber):
        def __getitem__(self, i: int) -> tuple[Any, Any]:
            loaded.append(i)
            return super().__getitem__(i)

    source = source_of(DataLoader(Noting(), batch_size=2, shuffle=True))
    torch.manual_seed(4)
    whole, _, _ = rows_of(source.batches())
    loaded.clear()
    torch.manual_seed(4)
    rest, _, _ = rows_of(source.batches(skip=3))
    assert np.array_equal(rest, whole[6:])
    assert len(loaded) == ROWS - 6


@pytest.mark.parametrize(
    "name", [*WHOLE, "Dataset", "DataLoader", "PyDataset", "PyDataset, processes", "datasets.Dataset"]
)
def test_the_number_of_batches_is_known(name: str) -> None:
    assert len(of(name)) == 3


@pytest.mark.parametrize("name", ["generator", "function", "IterableDataset", "datasets.IterableDataset"])
def test_the_number_of_batches_is_unknown(name: str) -> None:
    with pytest.raises(TypeError, match="number of batches is unknown|has no len"):
        len(of(name))


@pytest.mark.parametrize("name", STREAMS)
def test_only_iterators_are_used_up(name: str) -> None:
    source = of(name)
    assert source.one_shot is (name in ("generator", "map object"))
    next(source.batches())
    source.close()
    _, _, sizes = rows_of(source.batches())
    assert sizes == ([4, 3] if source.one_shot else [4, 4, 3])


def test_a_generator_goes_on_after_a_pass_that_was_left() -> None:
    source = of("generator")
    first = source.batches()
    assert torch.equal(next(first)[0], torch.tensor(X[:4]))
    first.close()
    x, _, _ = rows_of(source.batches())
    assert np.array_equal(x, X[4:])


# ---- structures


def test_any_nesting_keeps_its_structure_and_order() -> None:
    x = {"b": [X, torch.tensor(X)], "a": Pair(frame(), (Y, None))}
    batch, target, weight = next(source_of(x, {"z": Y, "a": Y.tolist()}, Y + 0.5, batch_size=2).batches())
    assert list(batch) == ["b", "a"]
    assert isinstance(batch["b"], list)
    assert isinstance(batch["a"], Pair)
    assert batch["a"].right[1] is None
    assert torch.equal(batch["a"].left, torch.tensor(X[:2]))
    assert list(target) == ["z", "a"]
    assert weight.tolist() == [0.5, 1.5]


def test_a_list_of_arrays_is_a_structure_and_lists_of_numbers_are_one_array() -> None:
    assert isinstance(next(source_of([X, X]).batches())[0], list)
    assert next(source_of([[1, 2], [3, 4], [5, 6]]).batches())[0].shape == (3, 2)
    assert next(source_of([[[1], [2]], [[3], [4]]]).batches())[0].shape == (2, 2, 1)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_a_frame_is_taken_by_columns_where_several_inputs_are_called_like_them(make: Any) -> None:
    data = make({"a": [1, 2], "b": [3.5, 4.5], "city": ["u", "v"]})
    batch, target, _ = next(
        source_of(data, make({"q": [1, 2], "p": [3, 4]}), inputs=["b", "a"], outputs=["p", "q"]).batches()
    )
    assert {key: value.tolist() for key, value in batch.items()} == {"b": [3.5, 4.5], "a": [1, 2]}
    assert {key: value.tolist() for key, value in target.items()} == {"p": [3, 4], "q": [1, 2]}
    batch, _, _ = next(source_of(make({"a": [1, 2], "b": [3, 4]}), inputs=["features"]).batches())
    assert batch.tolist() == [[1, 3], [2, 4]]
    assert batch.dtype == torch.int64


def test_frames_keep_whole_numbers_and_lack_only_floats() -> None:
    assert next(source_of(pd.DataFrame({"a": [1, 2], "b": [True, False]})).batches())[0].dtype == torch.int64
    lacking = pd.DataFrame({"a": pd.array([1.5, None], dtype="Float32"), "b": [1, 2]})
    assert torch.isnan(next(source_of(lacking).batches())[0]).tolist() == [[False, False], [True, False]]
    assert torch.isnan(next(source_of(pl.Series([1.5, None])).batches())[0]).tolist() == [False, True]
    assert next(source_of(pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int8, 2))).batches())[0].tolist() == [
        [1, 2],
        [3, 4],
    ]


@pytest.mark.parametrize("given", [[X, Y], (X, Y), (X, Y, None)], ids=["list", "pair", "three"])
def test_an_item_is_x_y_and_weights(given: Any) -> None:
    x, y, weight = next(source_of(iter([given])).batches())
    assert torch.equal(x, torch.tensor(X))
    assert torch.equal(y, torch.tensor(Y))
    assert weight is None


def test_an_item_that_is_no_tuple_is_x() -> None:
    for item in (X, (X,), [X]):
        x, y, _ = next(source_of(iter([item])).batches())
        assert torch.equal(x, torch.tensor(X))
        assert y is None
    assert list(next(source_of(iter([{"a": X, "b": X}])).batches())[0]) == ["a", "b"]


def test_keys_of_dicts_name_targets_and_weights() -> None:
    items = [{"image": X, "label": Y, "w": Y, "box": X}]
    x, y, weight = next(source_of(iter(items), ["label", "box"], "w").batches())
    assert torch.equal(x, torch.tensor(X))
    assert list(y) == ["label", "box"]
    assert torch.equal(weight, torch.tensor(Y))


def test_graph_like_parts_of_x_may_differ_in_rows() -> None:
    x, y, _ = next(source_of(iter([([X, X[:2]], Y)])).batches())
    assert [len(part) for part in x] == [ROWS, 2]
    assert len(y) == ROWS


def test_sparse_entries_at_one_place_are_added_up_and_may_be_of_any_dtype() -> None:
    twice = scipy.sparse.csr_array(([1.0, 2.0, 4.0], [1, 1, 0], [0, 2, 3]), shape=(2, 3))
    assert next(source_of(twice).batches())[0].tolist() == twice.toarray().tolist() == [[0, 3, 0], [4, 0, 0]]
    for dtype in ("bool", "uint16", "int8", "float64"):
        matrix = scipy.sparse.csr_array(np.eye(3, dtype=dtype))
        assert next(source_of(matrix).batches())[0].tolist() == np.eye(3, dtype=dtype).tolist()
    empty = scipy.sparse.csr_array((3, 2), dtype="float32")
    assert [x.tolist() for x, _, _ in source_of(empty, batch_size=2).batches()] == [[[0, 0], [0, 0]], [[0, 0]]]


# ---- a last batch of one row


@pytest.mark.parametrize("name", [*WHOLE, "Dataset", "IterableDataset", "datasets.Dataset", "datasets.IterableDataset"])
def test_a_last_batch_of_one_row_is_joined_to_the_one_before(name: str) -> None:
    source = source_of(*EVERY[name](), batch_size=5, merge_single=True)
    with pytest.warns(UserWarning, match="single row.* 6 rows"):
        x, y, sizes = rows_of(source.batches())
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)
    assert sizes == [5, 6]
    assert rows_of(source.batches(skip=1))[2] == [6]  # without a second warning


def test_a_stream_that_ends_with_one_row_is_joined() -> None:
    items = [(X[:4], Y[:4]), (X[4:5], Y[4:5]), (X[5:10], Y[5:10]), (X[10:], Y[10:])]
    source = source_of(lambda: iter(items), merge_single=True)
    with pytest.warns(UserWarning, match="single row.* 6 rows"):
        x, _, sizes = rows_of(source.batches())
    assert np.array_equal(x, X)
    assert sizes == [4, 1, 6]


@pytest.mark.parametrize("rows", [[1], [1, 1, 1], [2, 2], [2, 1, 1], []])
def test_nothing_else_is_joined(rows: list[int]) -> None:
    items = [np.zeros((n, 2)) for n in rows]
    source = source_of(lambda: iter(items), merge_single=True)
    assert [len(x) for x, _, _ in source.batches()] == rows


@pytest.mark.parametrize("rows, size, sizes", [(1, 4, [1]), (3, 1, [1, 1, 1]), (6, 4, [4, 2]), (9, 4, [4, 5])])
def test_arrays_are_joined_only_at_their_end(rows: int, size: int, sizes: list[int]) -> None:
    source = source_of(np.zeros((rows, 2)), batch_size=size, merge_single=True)
    assert len(source) == len(sizes)
    with pytest.warns(UserWarning, match="single row") if sizes[-1] > size else nullcontext():
        assert [len(x) for x, _, _ in source.batches()] == sizes


def test_without_being_asked_a_last_row_stays_alone() -> None:
    assert [len(x) for x, _, _ in source_of(X, batch_size=5).batches()] == [5, 5, 1]


# ---- Hugging Face


def test_columns_of_a_dataset_are_inputs_by_their_names() -> None:
    data = hugging_face.Dataset({"text": ["a"] * 3, "ids": [[1, 2]] * 3, "age": [0.5, 1.5, 2.5], "label": [0, 1, 0]})
    for given in (data, data.with_format("torch")):
        x, y, _ = next(source_of(given, "label", inputs=["ids", "age"]).batches())
        assert list(x) == ["ids", "age"]
        assert (x["age"].dtype, x["ids"].dtype) == (torch.float32, torch.int64)
        assert y.tolist() == [0, 1, 0]
