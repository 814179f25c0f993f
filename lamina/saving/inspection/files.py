"""`inspect_file`: which kind of file it is, its content tells; what stands in it, told by what reads that kind."""

from __future__ import annotations

import os
from typing import Any

from lamina.saving.archive import is_archive, map_file, refuse_folder
from lamina.saving.errors import not_too_deep, refuse_missing
from lamina.saving.keras_files.files import is_keras_config, is_keras_file
from lamina.saving.keras_files.h5 import is_h5
from lamina.saving.strict_json import parse
from lamina.saving.tensors import tensor_facts
from lamina.saving.torch_file import is_torch_file, read_torch_file
from lamina.saving.weights_file import refuse_others

from .facts import FileFacts, quoted, tensor_of
from .keras_files import inspect_h5, inspect_keras, inspect_keras_json
from .lamina_files import inspect_lamina, inspect_lamina_json

_SPACE = b" \t\r\n"


def inspect_file(filepath: Any) -> FileFacts:
    """What stands in a file, without building a model and without reading a tensor.

    Args:
        filepath: a model or weights of Lamina (``.lamina``), of Keras 1 to 3 (``.keras``, ``.h5``, ``.weights.h5``), a
            model as JSON of either, ``.safetensors``, or a PyTorch ``state_dict``. Its content tells which.

    Returns:
        Facts: layers with the shapes of their weights, versions, the optimizer and how the model is trained, classes
        and functions of one's own and how to hand them over. Printed, they are a table; ``to_dict()`` gives JSON types.

    Raises:
        LoadingError: none of these, or one that holds what no such file does; as loading it.
        DamagedFileError: a damaged one.
        MissingFileError: there is no such file; a FileNotFoundError.

    >>> from lamina.layers import Dense, Input
    >>> x = Input((4,), name="x")
    >>> lamina.Model(x, torch.tanh(Dense(3, name="dense")(x)), name="small").save("small.lamina")
    >>> facts = inspect_file("small.lamina")
    >>> facts.model, [layer.name for layer in facts.layers], facts.layers[1].weights[0].shape
    ({'class_name': 'Model', 'name': 'small'}, ['x', 'dense'], (4, 3))
    """
    refuse_missing(filepath)
    refuse_folder(filepath)
    where = repr(str(filepath))
    facts = FileFacts(quoted(filepath), "", bytes=os.path.getsize(filepath))
    with not_too_deep(where):
        if is_h5(filepath):
            inspect_h5(filepath, where, facts)
        elif is_keras_file(filepath):
            inspect_keras(filepath, where, facts)
        elif is_archive(filepath) and is_torch_file(filepath):
            facts.kind, facts.written_by = "weights of PyTorch", "PyTorch"
            state = read_torch_file(filepath, values=False)
            facts.others = [tensor_of(name, tensor.shape, tensor.dtype) for name, tensor in state.items()]
        elif is_archive(filepath):
            inspect_lamina(filepath, where, facts)
        else:
            _text_or_tensors(filepath, where, facts)
    return facts


def _text_or_tensors(path: Any, where: str, facts: FileFacts) -> None:
    with open(path, "rb") as file:
        data = map_file(file)
    if bytes(data[:64]).lstrip(_SPACE).startswith(b"{"):
        document = parse(bytes(data), where)
        if is_keras_config(document):
            inspect_keras_json(document, where, facts)
        else:
            inspect_lamina_json(document, where, facts)
        return
    refuse_others(data, where)
    facts.kind = "tensors as safetensors"
    facts.others = [tensor_of(name, shape, dtype) for name, (dtype, shape) in tensor_facts(data, where).items()]
