"""Said: which warnings somebody has had already."""

from __future__ import annotations

import warnings

from lamina.graph.source import Source, caller


class Said:
    """The warnings of one compiled model. Each is given once, at a line of the user's.

    Args:
        line: where the model was compiled; None for the line that is running.

    Attributes:
        is_learning: some weight was seen to get a gradient.
        noted: facts about the data that are told where they do harm, by key.

    >>> import warnings
    >>> said = Said()
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     said.once("a", "Strange.")
    ...     said.once("a", "Strange.")
    >>> len(seen)
    1
    """

    def __init__(self, line: Source | None = None) -> None:
        self.line = line
        self._keys: set[str] = set()
        self._asked: set[str] = set()
        self.is_learning = False
        self.noted: dict[str, str] = {}

    def once(self, key: str, text: str, here: bool = False) -> None:
        """Warn, unless that was done under this key.

        Args:
            here: at the line that is running, not where the model was compiled.
        """
        if key not in self._keys:
            self._keys.add(key)
            warnings.warn_explicit(text, UserWarning, *(caller() if here or self.line is None else self.line))

    def asks(self, key: str) -> bool:
        """Whether something is asked for the first time: what is once right need not be looked at again."""
        new = key not in self._asked
        self._asked.add(key)
        return new

    def has(self, *keys: str) -> bool:
        """Whether something was said under a key that begins like that."""
        return any(key.startswith(keys) for key in self._keys)
