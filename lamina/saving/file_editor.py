"""`KerasFileEditor`: what stands in a file of weights, looked at, changed and written anew, without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from lamina.graph import ArgumentError, ArgumentTypeError
from lamina.printable import printable
from lamina.tracebacks import door

from . import weight_tree
from .archive import WEIGHTS, refuse_folder, write_archive, write_file
from .errors import LoadingError, SavingError, not_too_deep, refuse_missing
from .inspection.facts import quoted
from .keras_files.files import CONFIG, METADATA, is_keras_zip, mapped_members
from .keras_files.files import WEIGHTS as KERAS_WEIGHTS
from .keras_files.h5 import is_h5, open_h5
from .strict_json import parse
from .tensors import TensorFile
from .weight_tree import Tree
from .weights_file import tensors_of

_MOST_LINES = 5000
_NUMBERS = "buif"


class KerasFileEditor:
    """Look into a file of weights, change what is in it, and write it anew. A model is not needed.

    Objects are told by their names, or by their paths where a name comes twice: ``"dense_2"``, ``"layers/dense_2"``.

    Args:
        filepath: weights or a model of Keras 3 (``.weights.h5``, ``.keras``), whose layers go by class and number
            and whose weights by "0", "1" and so on; or of Lamina (``.lamina``, ``.safetensors``), or a PyTorch
            ``state_dict``, with their own names. The content tells which. Nothing in it is run, as in `load_weights`.

    Attributes:
        weights_dict: the weights, as dicts in dicts of NumPy arrays; a bfloat16 one is a tensor.
        object_metadata: path of an object -> {"name": the layer's name}, where a file of Keras' tells it.
        config, metadata: of a ``.keras``: the model, and the version of Keras; None else.

    Raises:
        LoadingError: none of these files, or one that holds what no such file does. DamagedFileError: a damaged one.
        MissingFileError: there is no such file.

    >>> from lamina.layers import Dense, Input
    >>> x = Input((2,), name="x")
    >>> model = lamina.Model(x, Dense(3, name="hidden")(x))
    >>> model.save_weights("old.weights.h5")
    >>> editor = KerasFileEditor("old.weights.h5")
    Weights file 'old.weights.h5'
    >>> editor.add_object("layers/dense_1", {"0": np.zeros((3, 1)), "1": np.zeros(1)})
    >>> editor.summary()
    Weights structure
      layers
        dense ('hidden')
          0: shape=(2, 3), dtype=float32
          1: shape=(3,), dtype=float32
        dense_1
          0: shape=(3, 1), dtype=float64
          1: shape=(1,), dtype=float64
    >>> editor.save("new.weights.h5")
    """

    weights_dict: Tree
    object_metadata: dict[str, dict[str, str]]
    metadata: Any
    config: Any

    @door
    def __init__(self, filepath: Any) -> None:
        refuse_missing(filepath)
        refuse_folder(filepath)
        self.filepath = str(filepath)
        self.metadata = self.config = None
        self.object_metadata = {}
        where = repr(self.filepath)
        self._keras = True
        kind = "Weights file"
        with not_too_deep(where):
            if is_h5(filepath):
                self._read_h5(filepath, where)
            elif is_keras_zip(filepath):
                kind = "Keras model file"
                self._read_keras(filepath, where)
            else:
                self._keras = False
                self.weights_dict = weight_tree.from_paths(tensors_of(filepath, where), where)
        _say(f"{kind} {quoted(where)}")
        self._say_when()

    def _say_when(self) -> None:
        if isinstance(self.metadata, dict):
            version, date = (quoted(self.metadata.get(key)) for key in ("keras_version", "date_saved"))
            _say(f"Saved with Keras {version} - date: {date}")

    def _read_keras(self, path: Any, where: str) -> None:
        members = mapped_members(path, where)
        if KERAS_WEIGHTS not in members:
            raise LoadingError(f"{where} holds no weights.", got=", ".join(members) or "nothing")
        if CONFIG in members:
            self.config = parse(bytes(members[CONFIG]), f"{where}, {CONFIG},")
        if METADATA in members:
            self.metadata = parse(bytes(members[METADATA]), f"{where}, {METADATA},")
        self._read_h5(members[KERAS_WEIGHTS], f"{where}, {KERAS_WEIGHTS},")

    def _read_h5(self, source: Any, where: str) -> None:
        with open_h5(source, where) as file:
            size = weight_tree.size_of(source)
            self.weights_dict, self.object_metadata = weight_tree.from_h5(file, size)

    # -- looking

    @door
    def summary(self) -> None:
        """Print the objects and their weights, below each other."""
        _say("Weights structure")
        for number, line in enumerate(self._lines()):
            if number == _MOST_LINES:
                _say("  ... and more")
                return
            _say(line)

    def _lines(self) -> Iterator[str]:
        stack: list[tuple[tuple[str, ...], Any]] = [((), self.weights_dict)]
        while stack:
            path, item = stack.pop()
            before = "  " * min(len(path), 30) + _short(path[-1] if path else "")
            if not isinstance(item, dict):
                yield f"{before}: shape={tuple(item.shape)}, dtype={str(item.dtype).removeprefix('torch.')}"
                continue
            if path:
                name = self.object_metadata.get("/".join(path), {}).get("name")
                yield before if name is None else f"{before} ('{_short(name)}')"
            stack += [((*path, name), part) for name, part in reversed(item.items())]

    @door
    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Print what differs between the file and a model: what one of them lacks, and shapes.

        Args:
            reference_model: a model; or another editor of a file of the same kind.

        Returns:
            "status": "success" or "error"; "error_count": how many differences there are, an object that is missing as
            a whole counting once; "match_count": how many weights are the same.

        Raises:
            ArgumentError: neither a model nor an editor, or one of a file that tells weights by other names.
        """
        ours, theirs = self.weights_dict, self._reference(reference_model)
        if not isinstance(reference_model, KerasFileEditor):
            ours, theirs = weight_tree.only_weights(ours), weight_tree.only_weights(theirs)
        found = _Comparison()
        found.walk(ours, theirs)
        if found.errors:
            _say(f"Found {found.errors} error{'s' * (found.errors != 1)}: the file does not fit the reference.")
        else:
            _say(f"The file fits the reference: {found.matches} matching weight{'s' * (found.matches != 1)}.")
        status = "error" if found.errors else "success"
        return {"status": status, "error_count": found.errors, "match_count": found.matches}

    def _reference(self, reference: Any) -> Tree:
        if isinstance(reference, KerasFileEditor):
            if reference._keras != self._keras:
                raise ArgumentError(
                    "Files of Keras' and others tell weights by other names.", got=printable(reference.filepath)
                )
            return reference.weights_dict
        if not isinstance(reference, torch.nn.Module):
            raise ArgumentTypeError("A file is compared with a model.", got=type(reference).__name__)
        return weight_tree.of_model(reference, self._keras)

    # -- changing

    @door
    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name, in its place.

        Args:
            object_name: its name, or path.
            new_name: a name, not a path.

        Raises:
            ArgumentError: there is no such object, or two; the new name is a path, or taken.
        """
        _refuse_path(new_name, "new_name")
        parent, names = self._find(object_name)
        if new_name in parent and new_name != names[-1]:
            raise ArgumentError(
                f"There is an object {new_name!r} already.",
                got=f"rename_object({object_name!r}, {new_name!r})",
                hint=f"delete_object({'/'.join((*names[:-1], new_name))!r}) first",
            )
        items = [(new_name if name == names[-1] else name, item) for name, item in parent.items()]
        parent.clear()
        parent.update(items)
        old, new = "/".join(names), "/".join((*names[:-1], new_name))
        self.object_metadata = {_moved(path, old, new): told for path, told in self.object_metadata.items()}

    @door
    def delete_object(self, object_name: str) -> None:
        """Take an object out, with all that is in it.

        Args:
            object_name: its name, or path.

        Raises:
            ArgumentError: there is no such object, or two.
        """
        parent, names = self._find(object_name)
        del parent[names[-1]]
        gone = "/".join(names)
        self.object_metadata = {
            path: told
            for path, told in self.object_metadata.items()
            if path != gone and not path.startswith(f"{gone}/")
        }

    @door
    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Add an object with its weights.

        Args:
            object_path: where it goes; what lies above it must be there.
            weights: name of a weight ("0", "1" in a file of Keras') -> its values.

        Raises:
            ArgumentError: no place for it; it is there already; weights that are none.
        """
        values = _checked(weights)
        *above, name = str(object_path).split("/")
        parent = self.weights_dict
        for step in above:
            parent = parent.get(step, None)  # type: ignore[assignment]
            if not isinstance(parent, dict):
                raise self._not_found("/".join(above))
        _refuse_path(name, "object_path")
        if name in parent:
            raise ArgumentError(
                f"There is an object {printable(str(object_path))!r} already.",
                hint=f"add_weights({object_path!r}, ...) sets its weights; delete_object({object_path!r}) takes it out",
            )
        parent[name] = values

    @door
    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Take a weight out of an object.

        Args:
            object_name: name or path of the object.
            weight_name: of the weight, such as "0".

        Raises:
            ArgumentError: there is no such object or weight.
        """
        parent, names = self._find(object_name)
        found = parent[names[-1]]
        if not isinstance(found, dict) or weight_name not in found:
            have = ", ".join(map(repr, found)) if isinstance(found, dict) else "a weight"
            raise ArgumentError(
                f"Weight {weight_name!r} is not in object {printable(object_name)!r}.", got=have or "nothing"
            )
        del found[weight_name]

    @door
    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Set weights of an object; those that it has by these names are exchanged.

        Args:
            object_name: name or path of the object.
            weights: name of a weight -> its values.

        Raises:
            ArgumentError: there is no such object; weights that are none.
        """
        values = _checked(weights)
        parent, names = self._find(object_name)
        if not isinstance(parent[names[-1]], dict):
            raise ArgumentError(
                f"{printable(object_name)!r} is a weight and has none.", hint="the object it belongs to"
            )
        parent[names[-1]].update(values)

    def _find(self, name: Any) -> tuple[Tree, tuple[str, ...]]:
        """What holds an object, and the names that lead to it."""
        _refuse_no_text(name, "object_name")
        places = list(_places(self.weights_dict, name))
        if len(places) > 1:
            paths = ", ".join(repr("/".join(names)) for _, names in places[:5])
            raise ArgumentError(f"There are {len(places)} objects called {name!r}.", got=paths, hint="a whole path")
        if places:
            return places[0]
        *above, last = name.split("/")
        parent: Any = self.weights_dict
        for step in above:
            parent = parent.get(step) if isinstance(parent, dict) else None
        if not isinstance(parent, dict) or last not in parent:
            raise self._not_found(name)
        return parent, (*above, last)

    def _not_found(self, name: str) -> ArgumentError:
        have = ", ".join(map(repr, self.weights_dict))
        return ArgumentError(
            f"There is no object {printable(name)!r} in {self.filepath!r}.", got=have, hint="summary() lists all"
        )

    # -- writing

    @property
    def endings(self) -> tuple[str, ...]:
        """Endings of the files that `save` writes."""
        return (".weights.h5",) if self._keras else (".safetensors", ".lamina")

    @door
    def save(self, filepath: Any) -> None:
        """Write the weights as they are now into a file, whole or not at all.

        Args:
            filepath: ends in ``.weights.h5`` where a file of Keras' was opened, for both libraries to load; else in
                ``.safetensors`` or ``.lamina``. A file that is there is replaced.

        Raises:
            ArgumentError: another ending. SavingError: a weight that the file has no word for.
        """
        path = str(filepath)
        if not path.endswith(self.endings):
            got = "a file of Keras'" if self._keras else "a file of Lamina's or PyTorch's"
            raise ArgumentError(
                f"{printable(path)!r} cannot be written.", got=f"{got} was opened", expected=" or ".join(self.endings)
            )
        if self._keras:
            self._refuse_no_dtype()
            weight_tree.to_h5(path, self.weights_dict, self.object_metadata)
        elif path.endswith(".lamina"):
            write_archive(path, {WEIGHTS: TensorFile(weight_tree.to_paths(self.weights_dict))}, overwrite=True)
        else:
            tensors = TensorFile(weight_tree.to_paths(self.weights_dict), as_in_memory=False)
            write_file(path, tensors.write, overwrite=True)

    def _refuse_no_dtype(self) -> None:
        for names, value in weight_tree.leaves(self.weights_dict):
            if isinstance(value, torch.Tensor) and value.dtype is not torch.bfloat16:
                raise SavingError(f"{'/'.join(names)!r} cannot be stored in HDF5.", got=str(value.dtype))

    def resave_weights(self, filepath: Any) -> None:
        """The same as `save`."""
        self.save(filepath)


class _Comparison:
    """Differences between two trees, told and counted."""

    def __init__(self) -> None:
        self.errors, self.matches = 0, 0

    def walk(self, ours: Tree, theirs: Tree) -> None:
        stack: list[tuple[str, Any, Any]] = [("", ours, theirs)]
        while stack:
            path, one, other = stack.pop()
            for name in dict.fromkeys((*other, *one)):
                place = f"{path}/{name}"
                if name not in one or name not in other:
                    self._missing(
                        place, other.get(name, one.get(name)), "the file" if name in other else "the reference"
                    )
                elif isinstance(one[name], dict) and isinstance(other[name], dict):
                    stack.append((place, one[name], other[name]))
                else:
                    self._weights(place, one[name], other[name])

    def _missing(self, place: str, item: Any, there: str) -> None:
        kind = f"Object {place} with {', '.join(item)}" if isinstance(item, dict) else f"Weight {place}"
        self._error(f"{kind} is missing in {there}.")

    def _weights(self, place: str, one: Any, other: Any) -> None:
        ours, theirs = (None if isinstance(item, dict) else tuple(item.shape) for item in (one, other))
        if ours is not None and ours == theirs:
            self.matches += 1
            return
        told = ["an object" if shape is None else f"shape={shape}" for shape in (ours, theirs)]
        self._error(f"{place} differs: {told[0]} in the file, {told[1]} in the reference.")

    def _error(self, text: str) -> None:
        self.errors += 1
        if self.errors <= _MOST_LINES:
            _say(f"... {quoted(text)}")


def _places(tree: Tree, name: str) -> Iterator[tuple[Tree, tuple[str, ...]]]:
    """Each object that holds something called so, and the names that lead there."""
    stack: list[tuple[Tree, tuple[str, ...]]] = [(tree, ())]
    while stack:
        item, path = stack.pop()
        if name in item:
            yield item, (*path, name)
        stack += [(part, (*path, key)) for key, part in reversed(item.items()) if isinstance(part, dict)]


def _short(name: str) -> str:
    return printable(name.replace("\n", "\\n"), 60)


def _moved(path: str, old: str, new: str) -> str:
    return new + path[len(old) :] if path == old or path.startswith(f"{old}/") else path


def _checked(weights: Any) -> Tree:
    """Weights that a caller gave, copied into arrays.

    Raises:
        ArgumentError: no dict, a name that is none, values that are no numbers.
    """
    top: Tree = {}
    stack: list[tuple[Any, Tree]] = [(weights, top)]
    while stack:
        given, tree = stack.pop()
        if not isinstance(given, Mapping):
            raise ArgumentTypeError(
                "weights cannot be this.",
                got=type(given).__name__,
                expected='a dict of names and arrays, such as {"0": kernel, "1": bias}',
            )
        for name, value in given.items():
            _refuse_path(name, "a name in weights")
            if isinstance(value, Mapping):
                tree[name] = {}
                stack.append((value, tree[name]))
            else:
                tree[name] = _array(name, value)
    return top


def _array(name: str, value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return weight_tree.value_of(value.detach().cpu().clone())
    try:
        array = np.array(value)
    except ValueError:  # lists of several lengths
        array = np.array(None)
    if array.dtype.kind not in _NUMBERS:
        raise ArgumentError(f"The weight {name!r} is no array of numbers.", got=type(value).__name__)
    return array


def _refuse_path(name: Any, argument: str) -> None:
    _refuse_no_text(name, argument)
    if "/" in name:
        raise ArgumentError(f"{argument} is a name, not a path.", got=repr(name), hint=repr(name.rpartition("/")[2]))


def _refuse_no_text(name: Any, argument: str) -> None:
    if not isinstance(name, str) or not name:
        raise ArgumentTypeError(f"{argument} cannot be {name!r}.", expected="a name")


_say: Callable[[str], None] = print
