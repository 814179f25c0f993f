"""``model.export``: a model as a program that runs without Lamina, PyTorch's ``.pt2`` or ONNX."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import torch

from lamina.arrays import as_tensor
from lamina.graph import ArgumentError, SymbolicTensor, tree
from lamina.graph.dtypes import to_torch
from lamina.graph.infer import examples_at
from lamina.graph.walk import key_of
from lamina.layers import InputSpec
from lamina.layers.preprocessing.text_inputs import behind_readers
from lamina.saving.archive import write_file
from lamina.saving.errors import SavingError
from lamina.tracebacks import door

_BATCH = 2  # one sample would be taken for a size that never changes
_ELSEWHERE = MappingProxyType({
    "tf_saved_model": "a program of TensorFlow's; an ONNX file runs there by onnx2tf or tf2onnx's kin",
    "litert": "litert_torch.convert(model, (x,)).export(path), of the package litert-torch",
    "openvino": "an ONNX file, which OpenVINO reads: openvino.Core().read_model('model.onnx')",
})  # fmt: skip


@door
def export(
    model: Any,
    filepath: Any,
    format: str | None = None,
    verbose: bool | None = None,
    input_signature: Any = None,
    **options: Any,
) -> None:
    """Write the model, in inference mode, as a program that runs without its code.

    The batch, and what else is of unknown size in `Input`, stays open where the tools can keep it so. A program holds
    no texts: in the place of an `Input` that a `TextVectorization` reads, it takes what that layer gives.

    Args:
        filepath: ``model.pt2`` for `torch.export.load`, or ``model.onnx``.
        format: ``"torch"`` or ``"onnx"``; by default the ending says it.
        verbose: say where the file is; True by default.
        input_signature: what the model is called on, where it is not declared by `Input`, nor was called yet: for each
            argument arrays, symbolic tensors or `InputSpec`, in a list.
        options: of `torch.export.export` (``strict``, ``dynamic_shapes``, ...) or `torch.onnx.export`
            (``opset_version``, ...).

    Raises:
        ArgumentError: another format or ending; a model of code whose inputs nobody knows.
        SavingError: something that PyTorch's exporter cannot take, or no ``onnx`` and ``onnxscript``.

    >>> import os, tempfile
    >>> from lamina import Input, Model
    >>> from lamina.layers import Dense
    >>> x = Input((3,))
    >>> model = Model(x, Dense(2)(x))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.export(os.path.join(folder, "model.pt2"), verbose=False)
    ...     program = torch.export.load(os.path.join(folder, "model.pt2")).module()
    >>> program(torch.ones(5, 3)).shape
    torch.Size([5, 2])
    """
    path = os.fsdecode(filepath)
    write = _writer(path, format)
    inputs, axes = _examples(model, input_signature)
    with _in_inference_mode(model), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters' own, on their inner steps and on PyTorch's old names
        try:
            if not model.built:
                model(*inputs)
            program = write(model, inputs, axes, options)
        except (ArgumentError, SavingError):
            raise
        except Exception as error:  # the exporters raise what they like
            raise _refused(model, error) from error
        write_file(path, lambda file: _save(program, file), True)
    if verbose is not False:
        print(f"Saved {path!r}.")  # noqa: T201  as Keras' method; verbose=False is quiet


def _refused(model: Any, error: BaseException) -> SavingError:
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return SavingError(
        f"{model.label} cannot be exported.",
        got=f"{type(cause).__name__}: {(str(cause).strip().splitlines() or [''])[0]}"[:300],
        hint="dynamic_shapes=None fixes all sizes; the error above says more",
    )


def _save(program: Any, file: Any) -> None:
    if isinstance(program, torch.export.ExportedProgram):
        torch.export.save(program, file)
    else:
        program.save(file)


def _writer(path: str, format: str | None) -> Callable[..., Any]:
    """The exporter for a format, or for the ending of the file."""
    kinds: Mapping[str, tuple[str, Callable[..., Any]]] = {"torch": (".pt2", _as_torch), "onnx": (".onnx", _as_onnx)}
    chosen = format or next((name for name, (ending, _) in kinds.items() if path.endswith(ending)), None)
    if chosen is None or chosen not in kinds:
        raise ArgumentError(
            "A model cannot be exported so.",
            got=f"format={format!r}, {os.path.basename(path)!r}",
            expected='"torch", a .pt2, or "onnx", a .onnx',
            hint=_ELSEWHERE.get(format or "tf_saved_model"),
        )
    ending, write = kinds[chosen]
    if chosen == "torch" and not path.endswith(ending):
        raise ArgumentError("A program of PyTorch's has another ending.", got=repr(path), expected=f"*{ending}")
    return write


def _as_torch(model: Any, inputs: Any, axes: Any, options: dict[str, Any]) -> Any:
    return torch.export.export(model, inputs, **{"dynamic_shapes": axes, **options})


def _as_onnx(model: Any, inputs: Any, axes: Any, options: dict[str, Any]) -> Any:
    missing = [name for name in ("onnx", "onnxscript") if importlib.util.find_spec(name) is None]
    if missing:
        raise SavingError("ONNX files need packages that are not installed.", hint=f"pip install {' '.join(missing)}")
    return torch.onnx.export(model, inputs, dynamo=True, **{"dynamic_shapes": axes, "verbose": False, **options})


def _examples(model: Any, signature: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What the model is called on, as it stands in a call; and the axes of each tensor that are open."""
    if signature is None and model.graph is not None:
        given: Any = tuple(behind_readers(model.graph))
    elif signature is None:
        given = model._first_call[0] if model._first_call is not None else None
    else:
        given = tuple(signature) if isinstance(signature, (list, tuple)) else (signature,)
    if not given:
        raise ArgumentError(
            f"{model.label} cannot be exported: nobody knows what it is called on.",
            got="a model of code that was not called",
            hint="model(x) first, or input_signature=[x]",
        )
    pairs = tree.map_leaves(_Pair, given)
    return tree.map_leaves(lambda pair: pair.tensor, pairs), tree.map_leaves(lambda pair: pair.axes, pairs)


class _Pair:
    """An example of an input, and its axes whose size is open."""

    def __init__(self, given: Any) -> None:
        shape, dtype = _declared(given)
        sizes = _sizes(given, shape)
        self.tensor = torch.zeros(sizes, dtype=dtype)
        self.axes = {axis: torch.export.Dim.AUTO for axis, size in enumerate(shape) if size is None}


def _declared(given: Any) -> tuple[tuple[int | None, ...], torch.dtype]:
    if isinstance(given, SymbolicTensor):
        return given.shape, given.dtype
    if isinstance(given, InputSpec):
        if given.shape is None:
            raise ArgumentError("An InputSpec for an export needs a shape.", got=repr(given))
        return given.shape, to_torch(given.dtype or "float32")
    value = given if isinstance(given, torch.Tensor) else as_tensor(given)
    return (None, *value.shape[1:]) if value.ndim else (), value.dtype


def _sizes(given: Any, shape: tuple[int | None, ...]) -> tuple[int, ...]:
    """Sizes for which the graph was seen to go, or any."""
    seen = shape
    if isinstance(given, SymbolicTensor) and given.node.worlds:
        seen = tuple(examples_at([given], given.node.worlds[0])[key_of(given)].shape)
    free = [8 if size is None else size for size in seen]
    return tuple(
        _BATCH if size is None and axis == 0 else free[axis] if size is None else size
        for axis, size in enumerate(shape)
    )


@contextmanager
def _in_inference_mode(model: torch.nn.Module) -> Any:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
