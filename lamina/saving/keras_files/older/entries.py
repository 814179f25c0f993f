"""The entry of a layer in a config of Keras 1 or 2, in the words of Keras 3."""

from __future__ import annotations

from typing import Any

from lamina.saving.errors import LoadingError
from lamina.saving.fields import field

from .objects import todays_value
from .words import BEFORE_IT_WAS, CLASSES, MERGE_WORDS, MERGES, OLD_DEFAULTS, VALUES, OldClass, todays_word


def in_todays_words(class_name: str, config: dict[str, Any], where: str) -> tuple[str, dict[str, Any]]:
    """The class and the arguments of today for those of an older Keras.

    Raises:
        LoadingError: what no class of today computes, such as a way of merging by code.

    >>> in_todays_words("Dense", {"output_dim": 3, "bias": False, "init": "uniform"}, "d")
    ('Dense', {'units': 3, 'use_bias': False, 'kernel_initializer': 'uniform'})
    >>> in_todays_words("Convolution2D", {"nb_filter": 4, "nb_row": 3, "nb_col": 2}, "c")
    ('Conv2D', {'kernel_size': [3, 2], 'filters': 4})
    """
    if class_name == "Merge":
        return _merged(config, where)
    if class_name == "TimeDistributedDense":
        return _dense_over_time(config, where)
    old = CLASSES.get(class_name, OldClass(class_name))
    rest = dict(config)
    found: dict[str, Any] = {}
    for word, parts in old.joined.items():
        if any(part in rest for part in parts):
            found[word] = [field(rest, part, int, where) for part in parts]
            rest = {key: value for key, value in rest.items() if key not in parts}
    for key, value in rest.items():
        word = todays_word(old.name, key)
        if word in found:
            raise LoadingError(f"{where} tells one argument twice.", got=f"{key!r:.60}, which is {word!r:.60}")
        if word:
            found[word] = _value(word, value)
    for table in (BEFORE_IT_WAS, OLD_DEFAULTS):
        found |= {
            word: todays_value(word, value)
            for (name, word), value in table.items()
            if name == old.name and word not in found and word not in old.added
        }
    return old.name, _checked(old.name, {**found, **old.added}, where)


def _value(word: str, value: Any) -> Any:
    """The value in today's words."""
    if isinstance(value, str) and (word, value) in VALUES:
        return VALUES[word, value]
    return todays_value(word, value)


def _checked(name: str, config: dict[str, Any], where: str) -> dict[str, Any]:
    """Without what Keras 1 told of BatchNormalization; its modes 1 and 2 computed other things."""
    if name != "BatchNormalization" or "mode" not in config:
        return config
    if config["mode"] != 0:
        raise LoadingError(
            f"{where} normalizes in a way that Keras gave up with version 2.", got=f"mode={config['mode']!r:.40}",
            expected="mode=0, over the batch",
        )  # fmt: skip
    return {key: value for key, value in config.items() if key != "mode"}


def _merged(config: dict[str, Any], where: str) -> tuple[str, dict[str, Any]]:
    """Keras 1's Merge: a class for each of its modes."""
    mode = config.get("mode")
    if not isinstance(mode, str) or mode not in MERGES:
        raise LoadingError(
            f"{where} merges in a way that Lamina does not have.", got=f"mode={mode!r}"[:80],
            expected=", ".join(MERGES), hint='custom_objects={"Merge": a subclass of Layer}',
        )  # fmt: skip
    name, words, added = MERGES[mode]
    kept = {key: value for key, value in config.items() if key not in MERGE_WORDS}
    found = {word: config[old] for word, old in words.items() if old in config}
    axes = found.get("axes")
    if isinstance(axes, list):  # [[1], [2]]: one axis of each
        found["axes"] = [axis[0] if isinstance(axis, list) and len(axis) == 1 else axis for axis in axes]
    return name, {**kept, **found, **added}


def _dense_over_time(config: dict[str, Any], where: str) -> tuple[str, dict[str, Any]]:
    """Keras 1's TimeDistributedDense: today's Dense takes steps as they are."""
    return in_todays_words("Dense", config, where)
