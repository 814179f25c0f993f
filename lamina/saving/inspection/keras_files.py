"""What stands in a file of Keras': a model as ``.keras``, ``.h5`` or JSON, or weights alone, of versions 1, 2 and 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lamina.saving.errors import LoadingError
from lamina.saving.fields import field, items
from lamina.saving.keras_files.files import CONFIG, METADATA, WEIGHTS, mapped_members
from lamina.saving.keras_files.h5 import H5File, open_h5
from lamina.saving.keras_files.layout import OPTIMIZER
from lamina.saving.keras_files.legacy import LEGACY_OPTIMIZER, WEIGHT_NAMES, legacy_group, legacy_names
from lamina.saving.strict_json import parse

from .ends import output_names
from .facts import FileFacts, LayerFacts, quoted, tensor_of
from .strangers import Strangers, strangers_in_keras
from .training import brief, optimizer_facts

_MAX_DEPTH = 100
_TRAINING = ("loss", "loss_weights", "metrics", "weighted_metrics", "sample_weight_mode")


def inspect_keras(path: Any, where: str, facts: FileFacts) -> None:
    """Fill in what a ``.keras`` holds."""
    members = mapped_members(path, where)
    facts.kind = "a model of Keras"
    facts.members = {name: len(data) for name, data in members.items()}
    missing = [name for name in (CONFIG, WEIGHTS) if name not in members]
    if missing:
        raise LoadingError(f"{where} is no whole model of Keras'.", got=f"no {', '.join(missing)}")
    metadata = parse(bytes(members[METADATA]), f"{where}, {METADATA},") if METADATA in members else {}
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    entry = parse(bytes(members[CONFIG]), f"{where}, {CONFIG},")
    facts.written_by = f"Keras {quoted(version)}" if isinstance(version, str) else "Keras, of a version not told"
    with open_h5(members[WEIGHTS], f"{where}, {WEIGHTS},") as file:
        _model(entry, entry.get("compile_config") if isinstance(entry, dict) else None, where, facts, file)


def inspect_h5(path: Any, where: str, facts: FileFacts) -> None:
    """Fill in what a ``.h5`` holds: a whole model, or weights of any version."""
    with open_h5(path, where) as file:
        config, training = file.attribute("", "model_config"), file.attribute("", "training_config")
        group = legacy_group(file)
        version = file.attribute("", "keras_version") or (file.attribute(group, "keras_version") if group else None)
        backend = file.attribute("", "backend") or (file.attribute(group, "backend") if group else None)
        if version is not None:
            on = f" on {quoted(backend)}" if backend else ""
            facts.written_by = f"Keras {quoted(version)}{on}"
        if config is None:
            facts.kind = "weights of Keras 1 or 2" if group is not None else "weights of Keras 3"
            _weights(file, facts)
            return
        facts.kind = "a model of Keras"
        facts.written_by = facts.written_by or "Keras 1, as far as it tells"
        told = parse(training, where) if training is not None else None
        _model(parse(config, where), told, where, facts, file)


def inspect_keras_json(document: Any, where: str, facts: FileFacts) -> None:
    """Fill in what ``to_json()`` of Keras' told."""
    facts.kind = "a model of Keras as JSON"
    version = document.get("keras_version")
    facts.written_by = f"Keras {quoted(version)}" if isinstance(version, str) else "Keras, of a version not told"
    _model(document, document.get("compile_config"), where, facts, None)


def _model(entry: Any, training: Any, where: str, facts: FileFacts, file: H5File | None) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
        raise LoadingError(f"{where} tells no model.", got=f"{entry!r}"[:80], expected='{"class_name", "config"}')
    config = entry.get("config")
    name = config.get("name", "?") if isinstance(config, dict) else "?"
    facts.model = {"class_name": quoted(entry["class_name"]), "name": quoted(name)}
    facts.layers = list(_layers(config, "", where))
    facts.inputs = [
        {"name": layer.name, "shape": layer.input_shape, "dtype": layer.dtype}
        for layer in facts.layers
        if layer.input_shape is not None and "." not in layer.name
    ]
    facts.outputs = _outputs(config)
    strangers = Strangers()
    strangers_in_keras(strangers, entry, "model")
    state = 0
    if file is not None:
        state = _weights(file, facts)
    if isinstance(training, dict):
        facts.optimizer = optimizer_facts(training.get("optimizer_config", training.get("optimizer")), state)
        facts.training = {key: text for key in _TRAINING if (text := brief(training.get(key)))}
        strangers_in_keras(strangers, training)
    facts.needed = strangers.found


# -- layers


def _layers(config: Any, before: str, where: str, depth: int = 0) -> Iterator[LayerFacts]:
    """The layers that a model's config lists, and those of the models among them."""
    if depth > _MAX_DEPTH:
        raise LoadingError(f"{where} is nested too deep.", expected="models in models, some dozens deep")
    if isinstance(config, list):  # a Sequential before Keras 2.2.3
        config = {"layers": config}
    if not isinstance(config, dict):
        return
    for entry in items(field(config, "layers", list, where, []), dict, where):
        own = entry.get("config")
        inner = own if isinstance(own, dict) else {}
        name = entry.get("name", inner.get("name"))
        kind = field(entry, "class_name", str, where)
        nodes = entry.get("inbound_nodes")
        yield LayerFacts(
            before + quoted(name if isinstance(name, str) else "?"),
            quoted(kind),
            input_shape=_shape(inner),
            dtype=_dtype(inner),
            calls=len(nodes) if isinstance(nodes, list) else None,
        )
        if isinstance(own, list) or "layers" in inner:
            yield from _layers(own, f"{before}{quoted(name)}.", where, depth + 1)


def _shape(config: dict[str, Any]) -> list[int | None] | None:
    for key in ("batch_shape", "batch_input_shape"):
        shape = config.get(key)
        if isinstance(shape, list) and all(size is None or type(size) is int for size in shape):
            return shape
    return None


def _dtype(config: dict[str, Any]) -> str | None:
    dtype = config.get("dtype")
    if isinstance(dtype, dict) and isinstance(dtype.get("config"), dict):
        dtype = dtype["config"].get("name")
    return quoted(dtype) if isinstance(dtype, str) else None


def _outputs(config: Any) -> list[str]:
    """Names of the model's outputs."""
    return output_names(config.get("output_layers"), _made_by) if isinstance(config, dict) else []


def _made_by(item: Any) -> str | None:
    return item[0] if isinstance(item, list) and len(item) == 3 and isinstance(item[0], str) else None


# -- weights


def _weights(file: H5File, facts: FileFacts) -> int:
    """Give each array to its layer. Returns how many arrays the optimizer's state has."""
    group = legacy_group(file)
    layers = {layer.name: layer for layer in facts.layers}
    state = 0
    names = _legacy(file, group) if group is not None else {}
    for path in [
        *(path for path in names if path in file.datasets),
        *(path for path in file.datasets if path not in names),
    ]:
        stored = file.datasets[path]
        if path.startswith((f"{OPTIMIZER}/", f"{LEGACY_OPTIMIZER}/")):
            state += 1
            continue
        owner, rest = names.get(path) or (_of_today(file, path) if group is None else ("", path))
        tensor = tensor_of(rest, stored.shape, stored.dtype)
        layer = layers.get(owner)
        if layer is None and owner and not facts.model:
            layer = layers[owner] = LayerFacts(owner, "")
            facts.layers.append(layer)
        if layer is None:
            facts.others.append(tensor._replace(name=quoted(path)))
        else:
            layer.weights.append(tensor)
    return state


def _legacy(file: H5File, group: str) -> dict[str, tuple[str, str]]:
    """Path of an array -> its layer and its name below that, as Keras 1 and 2 list them."""
    found = {}
    for layer in legacy_names(file, group):
        place = f"{group}/{layer}" if group else layer
        for name in file.names(place, WEIGHT_NAMES) if place in file.groups else []:
            found[f"{place}/{name}"] = quoted(layer), name.removeprefix(f"{layer}/").removesuffix(":0")
    return found


def _of_today(file: H5File, path: str) -> tuple[str, str]:
    """The layer that an array of Keras 3's belongs to, by the names beside the arrays; and its name below that."""
    words = path.split("/")
    names: list[str] = []
    place = 0
    while place + 1 < len(words) and words[place] == "layers":
        group = "/".join([*words[: place + 2], "vars"])
        name = file.attribute(group, "name") if group in file.groups else None
        if name is None:
            break
        names.append(quoted(name))
        place += 2
    return ".".join(names), _short("/".join(words[place:]))


def _short(path: str) -> str:
    """Without the words that stand in every path below a layer.

    >>> _short("vars/0"), _short("layer/layers/dense/vars/0")
    ('0', 'layer/dense/0')
    """
    return "/".join(word for word in path.split("/") if word not in ("vars", "layers"))
