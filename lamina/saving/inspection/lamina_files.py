"""What stands in a file of Lamina's: a model, weights alone, a checkpoint, or a model as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lamina.saving.archive import MODEL, OPTIMIZER, RUN, WEIGHTS, read_archive
from lamina.saving.errors import LoadingError
from lamina.saving.fields import field, items
from lamina.saving.model_file import refuse_foreign
from lamina.saving.strict_json import parse
from lamina.saving.tensors import tensor_facts

from .ends import output_names
from .facts import FileFacts, LayerFacts, TensorFacts, quoted, tensor_of
from .strangers import Strangers, strangers_in_lamina
from .training import brief, optimizer_facts

_MAX_DEPTH = 100


def inspect_lamina(path: Any, where: str, facts: FileFacts) -> None:
    """Fill in what a ``.lamina`` file holds."""
    members = read_archive(path, lambda name: name.endswith(".json"))
    facts.members = {name: len(data) for name, data in members.items()}
    stored = tensor_facts(members[WEIGHTS], where) if WEIGHTS in members else {}
    tensors = {name: tensor_of(name, shape, dtype) for name, (dtype, shape) in stored.items()}
    state = len(tensor_facts(members[OPTIMIZER], where)) if OPTIMIZER in members else 0
    facts.kind = "weights of Lamina"
    if RUN in members:
        facts.kind = "a checkpoint of Lamina"
        _run(parse(bytes(members[RUN]), where), where, facts, state)
    if MODEL in members:
        facts.kind = "a model of Lamina"
        _document(parse(bytes(members[MODEL]), where), where, facts, state)
    place_tensors(facts, tensors)


def inspect_lamina_json(document: Any, where: str, facts: FileFacts) -> None:
    """Fill in what ``to_json()`` of a model told."""
    facts.kind = "a model of Lamina as JSON"
    _document(document, where, facts, 0)


def place_tensors(facts: FileFacts, tensors: dict[str, TensorFacts]) -> None:
    """Give each tensor to the innermost layer that its path, whole and not cut, leads through."""
    layers = {layer.name: layer for layer in facts.layers}
    for path, tensor in tensors.items():
        words = path.split(".")
        for end in range(min(len(words) - 1, _MAX_DEPTH), 0, -1):
            layer = layers.get(quoted(".".join(words[:end])))
            if layer is not None:
                layer.weights.append(tensor._replace(name=quoted(".".join(words[end:]))))
                break
        else:
            facts.others.append(tensor)


def _document(document: Any, where: str, facts: FileFacts, state: int) -> None:
    refuse_foreign(document, where)
    entry = field(document, "model", dict, where)
    strangers = Strangers()
    facts.written_by = f"Lamina, format {document['version']}"
    facts.model = {"class_name": quoted(entry.get("class_name")), "name": quoted(entry.get("name"))}
    _model_of(entry, strangers, without=_without(entry, "as a plain Model"))
    config = entry.get("config")
    if isinstance(config, dict):
        facts.layers = list(_layers(config, "", strangers, where))
        _graph(config, facts)
    training = field(document, "training", dict, where, {})
    optimizer = training.get("optimizer")
    if isinstance(optimizer, dict):
        facts.optimizer = optimizer_facts(optimizer.get("object"), state)
    compiled = training.get("compile")
    if isinstance(compiled, dict):
        facts.training = {quoted(key): text for key, value in compiled.items() if (text := brief(value))}
    strangers_in_lamina(strangers, training, "object of training", "but not compiled")
    facts.needed = strangers.found


def _run(document: Any, where: str, facts: FileFacts, state: int) -> None:
    if not isinstance(document, dict):
        raise LoadingError(f"{where} holds no checkpoint.", got=type(document).__name__)
    facts.written_by = f"Lamina, format {quoted(document.get('version'))}"
    run, optimizer = document.get("run"), document.get("optimizer")
    if isinstance(run, dict):
        facts.run = {key: run[key] for key in ("epoch", "batch") if type(run.get(key)) is int}
    if isinstance(optimizer, dict):
        facts.optimizer = {"class_name": quoted(optimizer.get("class")), "settings": {}, "tensors": state}


# -- graphs


def _model_of(entry: Mapping[str, Any], strangers: Strangers, without: str) -> None:
    if entry.get("custom") is True and isinstance(entry.get("class_name"), str):
        strangers.add(entry["class_name"], "model", without)


def _without(entry: Mapping[str, Any], plain: str) -> str:
    """What a file is loaded as where the class of an entry is not at hand."""
    if "traced" in entry:
        return "as what was traced"
    return plain if entry.get("drawn") is True and entry.get("own_call") is not True else ""


def _layers(config: dict[str, Any], before: str, strangers: Strangers, where: str, depth: int = 0) -> Iterator[Any]:
    """The layers of a graph's config, or of a Sequential's, and those of the models among them."""
    if depth > _MAX_DEPTH:
        raise LoadingError(f"{where} is nested too deep.", expected="models in models, some dozens deep")
    entries = items(field(config, "layers", list, where, []), dict, where)
    calls = _calls(config)
    first = config.get("input")
    for number, entry in enumerate([*([first] if isinstance(first, dict) else []), *entries]):
        if "shared" in entry:
            continue
        name = field(entry, "name", str, where)
        own = entry.get("config")
        inner = own if isinstance(own, dict) else {}
        yield LayerFacts(
            quoted(before + name),
            quoted(field(entry, "class_name", str, where)),
            input_shape=_shape(inner),
            dtype=quoted(inner["dtype"]) if isinstance(inner.get("dtype"), str) else None,
            operations=_operations(entry.get("traced")),
            calls=calls.get(number) if first is None else 1,
        )
        if entry.get("custom") is True:
            strangers.add(entry["class_name"], "model" if "layers" in inner else "layer", _without(entry, ""))
        if "layers" in inner:
            yield from _layers(inner, f"{before}{name}.", strangers, where, depth + 1)
        else:
            strangers_in_lamina(strangers, own, "object", _without(entry, ""))
    for body in items(field(config, "bodies", list, where, []), dict, where):
        if isinstance(body.get("graph"), dict):
            yield from _layers(body["graph"], before, strangers, where, depth + 1)


def _shape(config: Mapping[str, Any]) -> list[int | None] | None:
    shape = config.get("batch_shape")
    shape = shape.get("$tuple") if isinstance(shape, dict) else shape
    sound = isinstance(shape, list) and all(size is None or type(size) is int for size in shape)
    return shape if sound else None


def _calls(config: Mapping[str, Any]) -> dict[int, int]:
    found: dict[int, int] = {}
    nodes = config.get("nodes")
    for node in nodes if isinstance(nodes, list) else []:
        if isinstance(node, dict) and type(node.get("layer")) is int:
            found[node["layer"]] = found.get(node["layer"], 0) + 1
    return found


def _operations(traced: Any) -> int | None:
    """How many traced operations stand for a layer, of its calls in inference."""
    if not isinstance(traced, dict):
        return None
    calls = traced.get("calls")
    told = [call.get("inference") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    nodes = [one.get("nodes") for one in told if isinstance(one, dict)]
    return sum(len(part) for part in nodes if isinstance(part, list))


def _graph(config: dict[str, Any], facts: FileFacts) -> None:
    """Inputs, outputs and functions of the outermost graph."""
    facts.inputs = [
        {"name": layer.name, "shape": layer.input_shape, "dtype": layer.dtype}
        for layer in facts.layers
        if layer.class_name == "InputLayer" and "." not in layer.name
    ]
    nodes = config.get("nodes")
    nodes = [node for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []
    for node in nodes:
        if isinstance(node.get("function"), str):
            name = quoted(node["function"])
            facts.functions[name] = facts.functions.get(name, 0) + 1
    facts.outputs = output_names(config.get("outputs"), lambda item: _made_by(item, nodes))


def _made_by(item: Any, nodes: list[dict[str, Any]]) -> str | None:
    """The name of the node that a reference tells."""
    place = item.get("$node") if isinstance(item, dict) else None
    if not isinstance(place, list) or not place or type(place[0]) is not int:
        return None
    return str(nodes[place[0]].get("name")).replace(":", "_") if 0 <= place[0] < len(nodes) else ""
