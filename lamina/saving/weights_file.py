"""Weights alone, by their paths: a plain safetensors file, or the weights of a ``.lamina`` file."""

from __future__ import annotations

from typing import Any

from .archive import WEIGHTS, is_archive, map_file, read_archive, write_archive, write_file
from .errors import LoadingError, SavingError
from .tensors import TensorFile, read_tensors
from .weights import load_state, state_of, ties


def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write the model's weights, each once, by its path in ``state_dict``.

    Args:
        filepath: ends in ``.safetensors``, a file that other programs read as well; or in ``.lamina``.
        overwrite: replace a file that is there.

    Raises:
        SavingError: another ending, a weight that cannot be stored, or a model that has no weights yet.
    """
    state = state_of(model)
    tied = ties(state)
    if not model.built:
        raise SavingError(f"{model.label} has no weights yet.", hint="model(x) on data makes them")
    own = {path: tensor for path, tensor in state.items() if path not in tied}
    if str(filepath).endswith(".safetensors"):
        write_file(filepath, TensorFile(own, as_in_memory=False).write, overwrite)
    elif str(filepath).endswith(".lamina"):
        write_archive(filepath, {WEIGHTS: TensorFile(own)}, overwrite)
    else:
        raise SavingError(
            "A file of weights is called *.safetensors or *.lamina.",
            got=repr(str(filepath)),
            hint='"model.weights.safetensors"',
        )


def load_weights(model: Any, filepath: Any) -> None:
    """Copy weights from a file into the model, by their paths. Which kind of file it is, its content tells.

    Raises:
        LoadingError: not such a file; or lists every weight that is missing, unexpected or of another shape, and
            changes nothing.
    """
    where = repr(str(filepath))
    if is_archive(filepath):
        members = read_archive(filepath)
        if WEIGHTS not in members:
            raise LoadingError(f"{where} holds no weights.", got=", ".join(members) or "nothing")
        data = members[WEIGHTS]
    else:
        with open(filepath, "rb") as file:
            data = map_file(file)
    load_state(model, read_tensors(data, where), where)
