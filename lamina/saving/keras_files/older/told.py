"""What was translated in a layer's entry of Keras 1 or 2: found by comparing it with what was made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Protocol

from .words import CLASSES, MERGE_WORDS, OldClass, todays_word


class Told(Protocol):
    """Whoever keeps what was translated."""

    def add(self, kind: str, what: str, layer: str = "") -> None: ...


def tell_of_entry(told: Told, old: tuple[str, dict[str, Any]], made: tuple[str, dict[str, Any]], layer: str) -> None:
    """Tell how the entry of a layer was read.

    Args:
        old: class and arguments in the file.
        made: those of today.
        layer: its name.
    """
    (class_name, config), (now, arguments) = old, made
    words: set[str] = set()
    if class_name == "Merge":
        told.add("translated", f"Merge(mode={config.get('mode')!r:.20}) -> {now}", layer)
        config, words = {key: value for key, value in config.items() if key not in MERGE_WORDS}, set(arguments)
    elif class_name != now:
        told.add("translated", f"{class_name} -> {now}", layer)
    joined = CLASSES.get(class_name, OldClass(now)).joined
    for word, parts in joined.items():
        if any(part in config for part in parts):
            told.add("translated", f"{', '.join(parts)} -> {word}", layer)
            words.add(word)
    for key, value in config.items():
        if any(key in parts for parts in joined.values()):
            continue
        word = todays_word(now, key)
        if not word:
            told.add("left out", f"{key}, which says nothing here", layer)
        elif word != key:
            told.add("translated", f"{key} -> {word}", layer)
        words.add(word)
        for kind, what in _changes(value, arguments[word]) if word in arguments else ():
            told.add(kind, f"{word}: {what}", layer)
    for word in arguments:
        if word not in words:
            told.add("defaulted", f"{word}={_short(arguments[word])}", layer)


def tell_of_training(told: Told, old: Any, made: Any) -> None:
    """Tell how the config of the training was read."""
    if not isinstance(old, dict) or not isinstance(made, dict):
        return
    optimizer, now = old.get("optimizer_config", old.get("optimizer")), made.get("optimizer")
    if isinstance(optimizer, dict) and isinstance(now, dict):
        optimizer, now = _with_decay(told, optimizer, now)
    for part, one, other in [
        ("optimizer", optimizer, now),
        *((part, old.get(part), made.get(part)) for part in ("loss", "metrics", "weighted_metrics")),
    ]:
        for kind, what in _changes(one, other):
            told.add(kind, f"{part}: {what}")


def _with_decay(told: Told, old: dict[str, Any], made: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both without the rate, where that has become a schedule, which is told."""
    config, now = old.get("config"), made.get("config")
    rate = now.get("learning_rate") if isinstance(now, dict) else None
    if not isinstance(config, dict) or not isinstance(now, dict) or not isinstance(rate, dict):
        return old, made
    if not config.get("decay"):
        return old, made
    told.add("translated", f"optimizer: lr and decay -> learning_rate={rate.get('class_name')}")
    words = ("lr", "learning_rate", "decay")
    return tuple(  # type: ignore[return-value]
        {**data, "config": {key: value for key, value in part.items() if key not in words}}
        for data, part in ((old, config), (made, now))
    )


def _changes(old: Any, made: Any) -> Iterator[tuple[str, str]]:
    """(kind, what) of each difference, outermost first; a list is compared item by item where it can be."""
    if old == made:
        return
    if isinstance(old, list) and isinstance(made, list) and len(old) == len(made):
        for one, other in zip(old, made, strict=True):
            yield from _changes(one, other)
    elif isinstance(old, dict) and isinstance(made, dict) and _name(old) is not None:
        if _name(old) != _name(made):
            yield "translated", f"{_name(old)} -> {_name(made)}"
        yield from _of_arguments(str(_name(made)), old.get("config"), made.get("config"))
    elif isinstance(old, dict) and isinstance(made, dict):
        for key in (key for key in old if key in made):
            yield from _changes(old[key], made[key])
    else:
        yield "translated", f"{_short(old)} -> {_short(made)}"


def _of_arguments(name: str, old: Any, made: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(old, dict) or not isinstance(made, dict):
        if old != made:
            yield "translated", f"{_short(old)} -> {_short(made)}"
        return
    fresh = {key: value for key, value in made.items() if key not in old}
    for key, value in old.items():
        if key in made:
            for kind, what in _changes(value, made[key]):
                yield kind, f"{key} of {name}: {what}"
            continue
        word = next((word for word, found in fresh.items() if found == value), None)
        if word is None:
            yield "left out", f"{key} of {name}"
        else:
            del fresh[word]
            yield "translated", f"{key} of {name} -> {word}"
    for key, value in fresh.items():
        yield "defaulted", f"{key} of {name}: {_short(value)}"


def _name(value: dict[str, Any]) -> Any:
    return value.get("class_name")


def _short(value: Any) -> str:
    text = json.dumps(value, default=str) if not isinstance(value, str) else value
    return text if len(text) <= 60 else f"{text[:57]}..."
