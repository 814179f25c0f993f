"""DTypePolicyMap: policies by the paths of layers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from lamina.graph.errors import ArgumentError, ArgumentTypeError

from .policy import DTypePolicy, default_policy


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """One policy for each layer, found by the layer's path: its name, after those of the layers it is a part of.

    A key is a path ("encoder/query"), or a regular expression that the whole path matches ("encoder/.*").

    Args:
        default_policy: for paths that no key fits; None takes the default policy of `lamina.config`.
        policy_map: path or expression -> policy, or anything that `get` reads.

    Raises:
        ArgumentError: two expressions fit a path; a key is there already; `default_policy` is itself a map.

    >>> policies = DTypePolicyMap("float32", {"encoder/.*": "mixed_bfloat16"})
    >>> policies["encoder/query"], policies["head"]
    (<DTypePolicy "mixed_bfloat16">, <DTypePolicy "float32">)
    """

    def __init__(self, default_policy: Any = None, policy_map: Mapping[str, Any] | None = None) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ArgumentError("The default of a map of policies is one policy.", got="a map of policies")
        if policy_map is not None and not isinstance(policy_map, Mapping):
            raise ArgumentTypeError(
                "policy_map is a dict.", got=type(policy_map).__name__, expected='{"encoder/.*": "mixed_bfloat16"}'
            )
        self._given = None if default_policy is None else one_policy(default_policy)
        self._policies = {path: one_policy(policy) for path, policy in (policy_map or {}).items()}

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy where no key fits."""
        return self._given or default_policy()

    @property
    def name(self) -> str:
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        return self.default_policy.variable_dtype

    def for_path(self, path: str) -> DTypePolicy:
        """The policy of the layer at this path."""
        return self[path]

    def __getitem__(self, path: str) -> DTypePolicy:
        if path in self._policies:
            return self._policies[path]
        fits = [pattern for pattern in self._policies if re.fullmatch(pattern, path)]
        if len(fits) > 1:
            raise ArgumentError(
                f"Several dtype policies fit the layer {path!r}.", got=", ".join(map(repr, fits)), expected="one"
            )
        return self._policies[fits[0]] if fits else self.default_policy

    def __setitem__(self, path: str, policy: Any) -> None:
        if path in self._policies:
            raise ArgumentError(f"{path!r} has a dtype policy already.", got=repr(policy), hint="del policies[path]")
        self._policies[path] = one_policy(policy)

    def __delitem__(self, path: str) -> None:
        del self._policies[path]

    def __contains__(self, path: object) -> bool:
        return path in self._policies

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments: policies by their names."""
        given = None if self._given is None else self._given.name
        return {"default_policy": given, "policy_map": {path: p.name for path, p in self._policies.items()}}

    def __hash__(self) -> int:
        return id(self)  # it can change

    def __repr__(self) -> str:
        listed = ", ".join(f"{path!r}: {policy.name!r}" for path, policy in self._policies.items())
        return f"<DTypePolicyMap {self.default_policy.name!r}, {{{listed}}}>"


def one_policy(identifier: Any) -> DTypePolicy:
    """A policy that is no map, from itself, a name, a dtype, or a config as Keras or `serialize` writes it."""
    if isinstance(identifier, DTypePolicy) and not isinstance(identifier, DTypePolicyMap):
        return identifier
    if isinstance(identifier, Mapping) and not isinstance(identifier, DTypePolicy):
        identifier = (identifier.get("config") or {}).get("name")
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    raise ArgumentError(
        "A map of policies holds names and policies.", got=repr(identifier), expected='"mixed_bfloat16"'
    )
