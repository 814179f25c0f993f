"""What ``evaluate`` returns."""

from __future__ import annotations

from typing import Any


class Scores(list[Any]):
    """Numbers in order, as Keras returns them, that also answer to their names.

    >>> scores = Scores([0.5, 0.9], ["loss", "accuracy"])
    >>> loss, accuracy = scores
    >>> scores["accuracy"], scores[0]
    (0.9, 0.5)
    """

    def __init__(self, values: list[Any], names: list[str]) -> None:
        super().__init__(values)
        self.names = names

    @classmethod
    def of(cls, logs: dict[str, Any]) -> Any:
        """A lone loss as a float, anything more as `Scores`."""
        return next(iter(logs.values())) if len(logs) == 1 else cls(list(logs.values()), list(logs))

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)

    def as_dict(self) -> dict[str, Any]:
        return dict(zip(self.names, self, strict=True))

    def __repr__(self) -> str:
        return (
            "["
            + ", ".join(
                f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}"
                for name, value in self.as_dict().items()
            )
            + "]"
        )
