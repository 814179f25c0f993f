"""What a class of the user's saves by its own hooks beside config and weights: variables by name, and files (assets).

The hooks run where a class of the user's is: when its layer is written, and when a layer of it, handed over or
registered, has been made. What they are given to read is arrays, and a folder of their own that is removed afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch

from lamina.arrays import as_array
from lamina.layers import Layer

from .archive import MAX_NAME, is_safe
from .errors import BAD_CONFIG, LoadingError, SavingError
from .hooks import overrides

Variables = dict[str, torch.Tensor]
Files = Mapping[str, Any]
"""Path below a folder, with "/" -> content."""

MAX_FILES = 10_000


def has_variables(layer: Any) -> bool:
    """Whether the class says by itself which variables it saves, or what becomes of them."""
    return overrides(layer, "save_own_variables") or overrides(layer, "load_own_variables")


def hooked_parts(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    """(path, layer) of each layer with hooks of its own."""
    # By classes first: most models have none, and paths take time.
    kinds = {kind for kind in {type(part) for part in model.modules()} if issubclass(kind, Layer) and _is_hooked(kind)}
    if kinds:
        yield from ((path, part) for path, part in model.named_modules() if type(part) in kinds)


def _is_hooked(kind: type) -> bool:
    return has_variables(kind) or overrides(kind, "save_assets") or overrides(kind, "load_assets")


# -- out of a layer


def variables_of(layer: Any) -> Variables:
    """What the layer's ``save_own_variables`` puts into its store.

    Raises:
        SavingError: something else than numbers, or a name that none can be.
    """
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    return {_checked(layer, name): _as_tensor(layer, name, value) for name, value in store.items()}


def assets_of(layer: Any) -> dict[str, bytes]:
    """What the layer's ``save_assets`` writes into its folder.

    Raises:
        SavingError: links, pipes and the like, or too many files.
    """
    if not overrides(layer, "save_assets"):
        return {}
    with tempfile.TemporaryDirectory(prefix="lamina-") as folder:
        layer.save_assets(folder)
        root = Path(folder)
        found = [path for path in sorted(root.rglob("*")) if not path.is_dir() or path.is_symlink()]
        odd = [path.name for path in found if path.is_symlink() or not path.is_file()]
        names = [path.relative_to(root).as_posix() for path in found]
        odd += [name for name in names if not is_safe(name)]
        if odd or len(found) > MAX_FILES:
            raise SavingError(
                f"{layer.label} cannot be saved: its save_assets() leaves what a model file does not hold.",
                got=", ".join(odd)[:200] or f"{len(found)} files",
                expected=f"at most {MAX_FILES} plain files, in folders below the one that it is given",
            )
        return {name: path.read_bytes() for name, path in zip(names, found, strict=True)}


def _checked(layer: Any, name: Any) -> str:
    if not isinstance(name, str) or not name or "/" in name or name in (".", "..") or len(name) > MAX_NAME:
        raise SavingError(
            f"{layer.label} cannot be saved: its save_own_variables() uses a name that none can be.",
            got=repr(name)[:80],
            expected="texts without '/'",
        )
    return name


def _as_tensor(layer: Any, name: str, value: Any) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().as_subclass(torch.Tensor).clone()
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise SavingError(
            f"{layer.label} cannot be saved: its save_own_variables() stores something else than numbers.",
            got=f"{name}: {array.dtype}",
            hint="texts and lists in get_config() or save_assets()",
        )
    return torch.from_numpy(np.array(array))  # a copy, which the layer may change


# -- into a layer


def give_variables(layer: Any, stored: Mapping[str, torch.Tensor]) -> None:
    """Hand the layer's ``load_own_variables`` what was stored, as arrays.

    Raises:
        LoadingError: the class refuses it.
    """
    arrays = {name: as_array(value) for name, value in stored.items()}
    try:
        with torch.no_grad():
            layer.load_own_variables(arrays)
    except BAD_CONFIG as error:
        raise _refused(layer, "load_own_variables", error) from error


def give_assets(layer: Any, files: Files) -> None:
    """Hand the layer's ``load_assets`` a folder with the files, which is removed afterwards.

    Raises:
        LoadingError: a name that leads out of the folder, or the class refuses what is in it.
    """
    if not overrides(layer, "load_assets"):
        return
    with tempfile.TemporaryDirectory(prefix="lamina-") as folder:
        for name, content in files.items():
            if not is_safe(name):
                raise LoadingError(f"A file of {layer.label} has a name that leads out of its place.", got=repr(name))
            path = Path(folder, *PurePosixPath(name).parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "xb") as file:
                file.write(content)
        try:
            layer.load_assets(folder)
        except (*BAD_CONFIG, OSError) as error:
            raise _refused(layer, "load_assets", error) from error


def pass_on(layer: torch.nn.Module, other: torch.nn.Module) -> None:
    """Give the parts of another layer of the same classes what the hooks of the layer's parts save."""
    others = dict(other.named_modules())
    for path, part in hooked_parts(layer):
        new = others.get(path)
        if type(new) is not type(part):
            continue
        if has_variables(part):
            give_variables(new, variables_of(part))
        if files := assets_of(part):
            give_assets(new, files)


def _refused(layer: Any, hook: str, error: BaseException) -> LoadingError:
    got = f"{type(error).__name__}: {error}"[:200]
    return LoadingError(
        f"{layer.label} cannot be loaded: {type(layer).__name__}.{hook} refuses what was saved.", got=got
    )
