"""Files that compute, allocate or end the process while they are loaded, each by a way of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from .traced_attacks import INPUT, node

Change = Callable[[dict[str, Any]], None]

LARGE = 2 * 10**8
MANY = 10**7
_CPU = {"$device": "cpu"}
_FORMAT = "%999999999d"

# Overloads on plain values, which PyTorch has for TorchScript under the names of operations on tensors.
_PLAIN: list[tuple[str, Any]] = [
    ("aten.remainder.int", [1, 0]),
    ("aten.remainder.default", [1, 0]),
    ("aten.fmod.int", [1, 0]),
    ("aten.div.int", [1, 0]),
    ("aten.gcd.int", [0, -(2**63)]),
    ("aten.pow.int_to_int", [10, 10**9]),
    ("aten.mul.left_t", [[0], 10**9]),
    ("aten.mul.right_", [10**9, [0]]),
    ("aten.mul_.t", [[0], 10**9]),
    ("aten.add.t", [[0], [1]]),
    ("aten.add.str", ["a", "b"]),
    ("aten.split.str", ["a b", None, -1]),
    ("aten.slice.str", ["abc", 0, 1, 1]),
    ("aten.slice.t", [[1, 2], None, None, 1]),
    ("aten.sort.int", [[2, 1], False]),
    ("aten.copy.Dict_str", [{"a": 1}]),
    ("aten.frexp.default", [1.0]),
    ("aten.index.list_int", [[1], 2]),
    ("aten.eq.str", ["a", "a"]),
    ("aten.select.t", [[1], 0]),
    ("aten.to.prim_Device", [INPUT, None, None, False, False]),
    ("aten.polar.int", [1, 1]),
    ("aten.sum.int", [[1]]),
]  # fmt: skip

# Arguments that PyTorch takes for what they are not.
_KINDS: list[tuple[str, tuple[str, Any]]] = [
    ("format_of_clone", node("aten.clone.default", INPUT, memory_format=-1)),
    ("format_of_ones_like", node("aten.ones_like.default", INPUT, memory_format=2**31 - 1)),
    ("format_of_to", node("aten.to.dtype", INPUT, {"$dtype": "float32"}, False, True, 77)),
    ("format_of_copy", node("aten._to_copy.default", INPUT, memory_format=99)),
    ("format_as_text", node("aten.clone.default", INPUT, memory_format="contiguous")),
    ("layout", node("aten.ones.default", [2], layout=1)),
    ("generator", node("aten.rand_like.default", INPUT, generator=7)),
    ("dtype_is_a_number", node("aten.ones.default", [2], dtype=6)),
    ("device_is_a_number", node("aten.ones.default", [2], device=0)),
    ("device_by_position", node("aten.to.device", INPUT, "cpu", {"$dtype": "float32"})),
    ("pinned", node("aten.ones.default", [2], pin_memory=True)),
    ("one_argument_more", node("aten.sin.default", INPUT, INPUT)),
]

# What makes or takes a great deal of memory where it is computed and not only tried.
_COMPUTING: list[tuple[str, tuple[str, Any]]] = [
    *((f"{name}_on_{place}", node(f"aten.{name}.default", *args, **device))
      for name, args in (
          ("ones", [[LARGE]]), ("zeros", [[LARGE]]), ("full", [[LARGE], 1.0]), ("arange", [LARGE]),
          ("randperm", [LARGE]), ("rand", [[LARGE]]), ("eye", [20_000]), ("linspace", [0, 1, LARGE]),
          ("tril_indices", [20_000, 20_000]),
      )
      for place, device in (("text", {"device": "cpu"}), ("cpu", {"device": _CPU}), ("nothing", {}))),
    ("new_zeros", node("aten.new_zeros.default", INPUT, [LARGE], device="cpu")),
    ("new_full", node("aten.new_full.default", INPUT, [LARGE], 1.0, device=_CPU)),
    ("repeat_of_a_number", node("aten.repeat.default", 1.0, [LARGE])),
    ("zeros_like_a_number", node("aten.new_zeros.default", 1.0, [LARGE])),
    ("product_of_numbers", node("aten.mul.Tensor", 2.0, 3.0)),
    ("kron_of_weights", node("aten.kron.default", {"$value": 0}, 5.0)),
    ("text_many_times", node("operator.mul", "a", 10**9)),
    ("list_many_times", node("operator.mul", [0], 10**9)),
    ("times_a_text", node("operator.mul", 10**9, "a")),
    ("formatted", node("operator.mod", _FORMAT, 1)),
    ("texts_added", node("operator.add", "a", "b")),
    ("item_of_a_text", node("operator.getitem", "abc", 1)),
    ("slice_of_a_list", node("operator.getitem", [1, 2], {"$slice": [0, 1, None]})),
    ("large_product", node("operator.mul", 2**62, 2**62)),
    ("large_number", node("operator.neg", 2**80)),
    ("compared_texts", node("operator.eq", "a", "a")),
    ("largest_text", node("torch.sym_max", "a", "b")),
    ("divided_by_0", node("operator.mod", 1, 0)),
    ("tensor_split", node("aten.tensor_split.sections", INPUT, MANY)),
    ("chunk", node("aten.chunk.default", INPUT, MANY)),
    ("hsplit", node("aten.hsplit.int", INPUT, MANY)),
    ("vsplit", node("aten.vsplit.int", INPUT, MANY)),
    ("diff", node("aten.diff.default", INPUT, MANY)),
    ("combinations", node("aten.combinations.default", {"$value": 0}, MANY)),
    ("lstm_of_many_layers", node("aten.lstm.input", INPUT, [INPUT, INPUT], [INPUT], True, 2**40, 0.0, False, False,
                                 False)),
]  # fmt: skip

TRACED_WORK: list[tuple[str, str, str, Any]] = [
    *(("S19", f"plain_{name.replace('.', '_')}", *node(name, *args)) for name, args in _PLAIN),
    *(("S19", name, *attack) for name, attack in _KINDS),
    *(("S20", name, *attack) for name, attack in _COMPUTING),
]


# -- functions in a graph


def _graph(*entries: tuple[str, Any, Any]) -> Change:
    """These functions are called one after the other, in the place of the node "tanh": node 2 and the following."""

    def change(document: dict[str, Any]) -> None:
        config = document["model"]["config"]
        place = next(i for i, entry in enumerate(config["nodes"]) if "function" in entry)
        config["nodes"] = config["nodes"][:place]
        for k, (function, args, kwargs) in enumerate(entries):
            config["nodes"].append({"name": f"n{k}", "function": function, "args": args, "kwargs": kwargs})
        config["outputs"] = {"$node": [999, 0]}  # where all that went well, this does not

    return change


X = {"$node": [1, 0]}
BEFORE = {"$node": [2, 0]}
_SIZE = ("torch.Tensor.size", [X, 0], {})


def _last(function: str, *args: Any, **kwargs: Any) -> Change:
    return _graph((function, list(args), kwargs))


def _of_size(function: str, *args: Any) -> Change:
    return _graph(_SIZE, (function, list(args), {}))


def _spread(function: str, *args: Any, **kwargs: Any) -> Change:
    """Of a tensor that is large and takes no memory."""
    return _graph(("torch.Tensor.expand", [X, MANY, -1, -1], {}), (function, [BEFORE, *args], kwargs))


def _squares(document: dict[str, Any]) -> None:
    calls = [("operator.mul", [{"$node": [2 + k, 0]}] * 2, {}) for k in range(40)]
    _graph(_SIZE, *calls)(document)


def _constants_only(document: dict[str, Any]) -> None:
    config = document["model"]["config"]
    config["constants"] = [{"id": 77, "shape": [2, 4], "dtype": "float32", "parameter": False, "trainable": False,
                            "values": [1.0] * 8}]  # fmt: skip
    entry = copy.deepcopy(next(entry for entry in config["nodes"] if entry["name"] == "dense"))
    entry["args"] = [{"$constant": 0}]
    config["nodes"].append(entry)


def _many_layers(document: dict[str, Any]) -> None:
    """Each of them is small enough."""
    config = document["model"]["config"]
    dense = next(entry for entry in config["layers"] if entry["name"] == "dense")
    call = next(entry for entry in config["nodes"] if entry["name"] == "dense")
    dense["config"]["units"] = 4000
    for k in range(40):
        layer, node_ = copy.deepcopy(dense), copy.deepcopy(call)
        layer.update(id=1000 + k, name=f"d{k}")
        layer["config"]["name"] = node_["name"] = f"d{k}"
        config["layers"].append(layer)
        node_["layer"] = len(config["layers"]) - 1
        node_["args"] = [{"$node": [1 if k == 0 else len(config["nodes"]) - 1, 0]}]
        config["nodes"].append(node_)


# (name, what it changes)
GRAPH_WORK: list[tuple[str, Change]] = [
    ("new_zeros_on_cpu", _last("torch.Tensor.new_zeros", X, [LARGE], device="cpu")),
    ("new_full_on_device", _last("torch.Tensor.new_full", X, [LARGE], 1.0, device=_CPU)),
    ("zeros_like_on_cpu", _spread("torch.zeros_like", device="cpu")),
    ("rand_like_on_cpu", _spread("torch.rand_like", device="cpu")),
    ("full_like_on_cpu", _spread("torch.full_like", 1.0, device=_CPU)),
    ("zeros_on_cpu", _graph(_SIZE, ("torch.zeros", [BEFORE, LARGE], {"device": "cpu"}))),
    ("arange_on_cpu", _graph(_SIZE, ("torch.arange", [BEFORE, LARGE], {"device": _CPU}))),
    ("power_of_a_size", _of_size("operator.pow", BEFORE, 10**8)),
    ("power_by_a_size", _of_size("operator.pow", 10**18, BEFORE)),
    ("shifted_size", _of_size("operator.lshift", BEFORE, 10**9)),
    ("rounded_size", _of_size("builtins.round", BEFORE, -(10**9))),
    ("text_times_size", _of_size("operator.mul", "a" * 1000, BEFORE)),
    ("list_times_size", _of_size("operator.mul", [0], BEFORE)),
    ("tuple_times_size", _of_size("operator.mul", {"$tuple": [0]}, BEFORE)),
    ("formatted_size", _of_size("operator.mod", _FORMAT, BEFORE)),
    ("formatted_tensor", _last("operator.mod", _FORMAT, X)),
    ("large_sum", _of_size("operator.add", BEFORE, 2**70)),
    ("squares", _squares),
    ("tensor_split", _last("torch.tensor_split", X, MANY)),
    ("tensor_split_by_name", _last("torch.Tensor.tensor_split", X, indices_or_sections=MANY)),
    ("chunk", _last("torch.chunk", X, MANY)),
    ("unsafe_chunk", _last("torch.unsafe_chunk", X, MANY)),
    ("unbind", _spread("torch.unbind")),
    ("split", _spread("torch.split", 1)),
    ("split_method", _spread("torch.Tensor.split", 1)),
    ("unsafe_split", _spread("torch.unsafe_split", 1)),
    ("diff", _last("torch.diff", X, MANY)),
    ("only_constants", _constants_only),
]


# -- losses, metrics and optimizers


def _metric(name: str, **config: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        entry = {"class_name": name, "config": {"name": "m", "dtype": "float32", **config}}
        document["training"]["compile"]["metrics"] = [{"$object": entry}]

    return change


TRAINING_WORK: list[tuple[str, Change]] = [
    ("mean_iou", _metric("MeanIoU", num_classes=10**9)),
    ("mean_iou_of_many", _metric("MeanIoU", num_classes=20_000)),
    ("iou", _metric("IoU", num_classes=10**6, target_class_ids=[0])),
    ("one_hot_mean_iou", _metric("OneHotMeanIoU", num_classes=10**9)),
    ("auc", _metric("AUC", num_thresholds=3 * 10**7)),
    ("auc_of_labels", _metric("AUC", num_thresholds=1000, multi_label=True, num_labels=10**7)),
    ("precision_at_recall", _metric("PrecisionAtRecall", recall=0.5, num_thresholds=10**9)),
    ("sensitivity", _metric("SensitivityAtSpecificity", specificity=0.5, num_thresholds=10**8)),
    ("negative_and_large", _metric("MeanIoU", num_classes=-(10**6))),
]

BUDGET: list[tuple[str, Change]] = [("many_layers", _many_layers)]


# -- what errors say

ESCAPES = "\x1b[2J\x1b]0;title\x07\r\u202egnp\u200b\n  got       nothing"


def _renamed(name: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        config = document["model"]["config"]
        dense = next(layer for layer in config["layers"] if layer["name"] == "dense")
        dense["name"] = dense["config"]["name"] = name
        dense["config"]["units"] = -1

    return change


def _class(name: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["model"]["config"]["layers"][1].update(class_name=name, custom=True)

    return change


def _key(name: str) -> Change:
    return lambda document: document["model"].update({name: 1})


def _function(name: str) -> Change:
    return _graph((name, [X], {}))


def _model_name(name: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["model"]["name"] = document["model"]["config"]["name"] = name
        document["model"]["config"]["outputs"] = {"$node": [999, 0]}

    return change


LOUD: list[tuple[str, Change]] = [
    (f"{what}_{how}", change(text))
    for what, change in (
        ("layer", _renamed), ("class", _class), ("key", _key), ("function", _function), ("model", _model_name),
    )
    for how, text in (("escapes", ESCAPES), ("long", "a" * 1_000_000), ("both", ESCAPES * 10_000))
]  # fmt: skip
