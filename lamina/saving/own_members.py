"""The members of a model file for what classes of the user's save by themselves (`own_state`).

- ``own.json``: paths of the layers, in the order of their numbers;
- ``own.safetensors``: their variables, as ``<number>/<name>``;
- ``assets/<number>/<path>``: their files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import torch

from lamina.graph.source import warn
from lamina.layers import Layer
from lamina.printable import printable

from .archive import ASSETS, OWN, OWN_TENSORS
from .errors import LoadingError
from .fields import field, items, refuse_unknown
from .own_state import assets_of, give_assets, give_variables, has_variables, hooked_parts, variables_of
from .strict_json import parse
from .tensors import TensorFile, read_tensors


def own_members(model: torch.nn.Module) -> dict[str, bytes | TensorFile]:
    """Name -> content; nothing where no class has hooks of its own.

    Raises:
        SavingError: a hook saves what a file has no word for.
    """
    parts = list(hooked_parts(model))
    if not parts:
        return {}
    members: dict[str, bytes | TensorFile] = {OWN: json.dumps({"layers": [path for path, _ in parts]}).encode()}
    variables: dict[str, torch.Tensor] = {}
    for number, (_, part) in enumerate(parts):
        if has_variables(part):
            variables |= {f"{number}/{name}": value for name, value in variables_of(part).items()}
        members |= {f"{ASSETS}{number}/{name}": content for name, content in assets_of(part).items()}
    return {**members, OWN_TENSORS: TensorFile(variables)}


def restore_own(model: torch.nn.Module, members: Mapping[str, memoryview], where: str) -> None:
    """Give each layer what its class has saved; a layer whose class is not at hand goes without, with a warning.

    Raises:
        LoadingError: malformed, or a hook refuses what it is given.
    """
    if OWN not in members:
        return
    document = parse(bytes(members[OWN]), where)
    refuse_unknown(document, ("layers",), where)
    paths = items(field(document, "layers", list, where), str, where)
    tensors = read_tensors(members[OWN_TENSORS], where) if OWN_TENSORS in members else {}
    parts, hooked = dict(model.named_modules()), {path for path, _ in hooked_parts(model)}
    for number, path in enumerate(paths):
        variables = {key.partition("/")[2]: value for key, value in tensors.items() if _is_of(key, number)}
        prefix = f"{ASSETS}{number}/"
        files = {name.removeprefix(prefix): members[name] for name in members if name.startswith(prefix)}
        part = parts.get(path)
        if not isinstance(part, Layer):
            raise LoadingError(f"{where} tells what a layer has saved that is not there.", got=repr(path)[:80])
        if path not in hooked:
            warn(f"{printable(part.label)} is loaded without what its class saves by itself: the class is not at hand.")
            continue
        if has_variables(part):
            give_variables(part, variables)
        if files:
            give_assets(part, files)


def _is_of(key: str, number: int) -> bool:
    return key.partition("/")[0] == str(number)
