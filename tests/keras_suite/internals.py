"""What Keras' tests use of its inner modules to look at results and to choose cases: the same, said of Lamina."""

from __future__ import annotations

import logging
import os
from typing import Any

import ml_dtypes  # noqa: F401  NumPy knows bfloat16 from here on
import numpy as np
import pytest
import torch

import lamina
from lamina import tree
from lamina.layers.regularization.source import RandomSource


def _shapes(function: Any, *args: Any, **kwargs: Any) -> Any:
    """The symbolic results of a function of symbolic tensors: calling it draws it."""
    return function(*args, **kwargs)


def _mask_of(x: Any) -> Any:
    return getattr(x, "_keras_mask", None)


def _set_mask(x: Any, mask: Any) -> None:
    x._keras_mask = mask


def _numpy(x: Any) -> Any:
    return np.array([]) if x is None else lamina.ops.convert_to_numpy(x)


BACKEND: dict[str, Any] = {
    "backend": lambda: "torch",
    "is_tensor": lambda x: isinstance(x, torch.Tensor),
    "convert_to_numpy": _numpy,
    "convert_to_tensor": lambda x, *args, **kwargs: lamina.ops.convert_to_tensor(x, *args, **kwargs),
    "cast": lambda x, dtype: lamina.ops.cast(x, dtype),
    "shape": lambda x: lamina.ops.shape(x),
    "Variable": lamina.Variable,
    "KerasTensor": lamina.KerasTensor,
    "compute_output_spec": _shapes,
    "get_keras_mask": _mask_of,
    "set_keras_mask": _set_mask,
    "device": lamina.device,
    "random": lamina.random,
    **dict.fromkeys("numpy nn core math image linalg".split(), lamina.ops),
    "random_seed_dtype": lambda: "int32",
    "SUPPORTS_SPARSE_TENSORS": False,
    "SUPPORTS_RAGGED_TENSORS": False,
    "SUPPORTS_COMPLEX_DTYPES": True,
    "IS_THREAD_SAFE": True,
}


class TrainerOf(lamina.Model):
    """Keras' trainer without a model: its tests mix it with a layer, whose ``call`` the model has then."""

    def __init__(self) -> None:  # the layer's __init__ has run before
        pass

    def __init_subclass__(cls, **kwargs: Any) -> None:
        for name in ("call", "build", "compute_output_shape", "get_config"):
            own = next(base for base in cls.__mro__ if name in vars(base) and base is not lamina.Model)
            if own is not cls:
                setattr(cls, name, vars(own)[name])
        cls._first_call = None
        super().__init_subclass__(**kwargs)


INTERNALS: dict[str, dict[str, Any]] = {
    "keras.src.backend": BACKEND,
    "keras.src.backend.common": BACKEND,
    "keras.src.backend.common.masking": BACKEND,
    "keras.src.backend.torch.core": {**BACKEND, "get_device": lambda: "cpu"},
    "keras.src.utils.backend_utils": {"is_graph_mode": lambda: False},
    "keras.src.utils.io_utils": {"set_logging_verbosity": logging.getLogger("lamina").setLevel},
    "keras.src.api_export": {"keras_export": lambda path: lambda thing: thing},
    "keras.src.utils.tree": vars(tree),
    "keras.src.backend.torch.trainer": {"TorchTrainer": TrainerOf},
    "keras.src.trainers.data_adapters.py_dataset_adapter": {"PyDataset": lamina.utils.PyDataset},
    # One class for models of a graph and models of code.
    "keras.src.models.functional": {"Functional": lamina.Model},
    "keras.src.models": {"Functional": lamina.Model},
    # What the public functions of saving end in, under other names.
    "keras.src.saving.saving_lib": {
        "save_model": lamina.saving.save_model,
        "load_model": lamina.saving.load_model,
        "save_weights_only": lamina.saving.save_weights,
        "load_weights_only": lamina.saving.load_weights,
        "_CONFIG_FILENAME": "config.json",
        "_METADATA_FILENAME": "metadata.json",
        "_VARS_FNAME_H5": "model.weights.h5",
    },
    "keras.src.utils.file_utils": {"join": os.path.join, "exists": os.path.exists, "isdir": os.path.isdir},
    "keras.src.legacy.saving.legacy_h5_format": {
        "save_model_to_hdf5": lambda model, path, *args, **kwargs: lamina.saving.save_model(model, path),
    },
}


def seed_generators_of(layer: Any) -> list[Any]:
    """Of a layer and all under it, each once."""
    found = [value for part in layer.modules() for value in (part, *vars(part).values())]
    kinds = (lamina.random.SeedGenerator, RandomSource)
    return list({id(value): value for value in found if isinstance(value, kinds)}.values())


def kept_by(layer: Any) -> list[Any]:
    """What Keras' layers register with PyTorch, by which its tests count."""
    return [*layer.weights, *seed_generators_of(layer)]


def skip_if_backend(backend: str, reason: str) -> Any:
    """A mark of tests that are not for one backend."""
    return pytest.mark.skipif(backend == "torch", reason=reason)
