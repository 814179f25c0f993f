"""DTypePolicy: the dtype that a layer computes in, and the dtype that its weights are kept in."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from lamina.defaults import defaults
from lamina.graph.dtypes import BY_NAME, name_of, to_torch
from lamina.graph.errors import ArgumentError, ArgumentTypeError

MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}
# Keras' names for layers whose weights are whole numbers; see `DTypePolicy`.
_QUANTIZED = ("int8", "int4", "float8", "gptq", "awq")


class DTypePolicy:
    """Names two dtypes: computation and outputs are in the one, weights in the other.

    Args:
        name: a dtype ("float32", "float64", "bfloat16", "float16", ...), which is then both; or "mixed_bfloat16" or
            "mixed_float16": weights in float32, computation in the half-wide dtype. None: the default policy of
            `lamina.config`.

    Mixed policies keep small updates of the weights, which the half-wide dtypes round away (bfloat16 has 8 significant
    bits, float16 has 11), and compute at half the memory. float16 ends at 65504 and at 6e-8, so its losses are scaled:
    see `lamina.mixed_precision`.

    Raises:
        ArgumentError: no such policy. Those of quantized layers ("int8_from_float32") are not offered.

    >>> policy = DTypePolicy("mixed_bfloat16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('bfloat16', 'float32')
    """

    quantization_mode = None
    """None: weights are stored as they are."""

    def __init__(self, name: str | None = None) -> None:
        name = default_policy().for_path("").name if name is None else name
        if not isinstance(name, str):
            raise _unknown(name, f"a name, not a {type(name).__name__}")
        if name not in MIXED and name not in BY_NAME and name not in ("float", "int"):
            raise _unknown(name, ", ".join((*MIXED, *BY_NAME)))
        plain = None if name in MIXED else name_of(to_torch(name))
        self._name = plain or name
        self._compute_dtype = plain or MIXED[name]
        self._variable_dtype = plain or "float32"

    @property
    def name(self) -> str:
        """The policy's name."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype of computation and, as a rule, of outputs."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self._variable_dtype

    @property
    def is_mixed(self) -> bool:
        """Whether weights and computation have different dtypes."""
        return self.compute_dtype != self.variable_dtype

    def for_path(self, path: str) -> DTypePolicy:
        """The policy of the layer at this path: this one."""
        return self

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """A policy from what `get_config` gave."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.get_config() == self.get_config()

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


FloatDTypePolicy = DTypePolicy


def default_policy() -> DTypePolicy:
    """What layers get where none is said: the policy that was set, else `floatx` for both dtypes."""
    return _plain(defaults.floatx) if defaults.policy is None else defaults.policy


@lru_cache(maxsize=16)  # each layer asks, and a policy never changes
def _plain(floatx: str) -> DTypePolicy:
    return DTypePolicy(floatx)


def _unknown(name: Any, expected: str) -> ArgumentError:
    quantized = isinstance(name, str) and name.startswith(_QUANTIZED)
    hint = "quantized layers are not offered" if quantized else 'dtype="mixed_bfloat16"'
    kind = ArgumentError if isinstance(name, str) else ArgumentTypeError
    return kind("There is no such dtype policy.", got=repr(name), expected=expected, hint=hint)
