"""Config: named values that can be frozen."""

from __future__ import annotations

import difflib
import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from lamina.graph import ArgumentError

_OWN = ("_values", "_frozen")


class Config:
    """Named values, read and set as attributes or as in a dict, written as JSON, and frozen when they are settled.

    Args:
        kwargs: names and values.

    Raises:
        ArgumentError: a value is set or removed after `freeze`, or is called like a method of this class.
        AttributeError: there is no such name; the nearest one is told.

    >>> config = Config(learning_rate=0.1, momentum=0.9)
    >>> config.use_ema = True
    >>> config["use_ema"], config.to_json()
    (True, '{"learning_rate": 0.1, "momentum": 0.9, "use_ema": true}')
    """

    def __init__(self, **kwargs: Any) -> None:
        object.__setattr__(self, "_values", {})
        object.__setattr__(self, "_frozen", False)
        self.update(kwargs)

    @property
    def frozen(self) -> bool:
        """Whether nothing can be changed."""
        result: bool = self._frozen
        return result

    def freeze(self) -> None:
        """Refuse every change from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """A dict of the names and values."""
        return dict(self._values)

    def to_json(self) -> str:
        """The names and values as JSON; values are JSON types."""
        return json.dumps(self._values)

    def keys(self) -> KeysView[str]:
        """The names, in the order in which they came."""
        result: KeysView[str] = self._values.keys()
        return result

    def values(self) -> ValuesView[Any]:
        """The values."""
        result: ValuesView[Any] = self._values.values()
        return result

    def items(self) -> ItemsView[str, Any]:
        """Pairs of a name and its value."""
        result: ItemsView[str, Any] = self._values.items()
        return result

    def get(self, keyname: str, value: Any = None) -> Any:
        """The value of a name, or `value` where there is none."""
        return self._values.get(keyname, value)

    def pop(self, *args: Any) -> Any:
        """Remove a name and return its value; a second argument stands for a name that is not there."""
        self._refuse_if_frozen(args[0] if args else None)
        return self._values.pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several, as `dict.update`."""
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def __getattr__(self, name: str) -> Any:
        # Asked only for what is no attribute; a copy that is being made has none yet.
        values = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        near = difflib.get_close_matches(name, values, 1, 0.7)
        raise AttributeError(f"There is no {name!r} in this Config." + (f" Is it {near[0]!r}?" if near else ""))

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._refuse_if_frozen(key)
        if key in _OWN or hasattr(Config, str(key)):
            raise ArgumentError(f"A Config has no place for {key!r}: it has a method of that name.")
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        self._refuse_if_frozen(key)
        del self._values[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Config {self._values}>"

    def _refuse_if_frozen(self, key: Any) -> None:
        if self._frozen:
            raise ArgumentError(f"The Config is frozen, so {key!r} cannot be changed.", hint="unfreeze()")
