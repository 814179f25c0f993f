"""Any object of Lamina's, or of the user's, as JSON types and back: Keras' words for it, exact names only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.custom_objects import custom_object_scope, find
from lamina.sizes.cycles import refuse_loop
from lamina.tracebacks import door

from .classes import MODELS
from .errors import not_too_deep
from .keras_files.config_in import KerasConfigReader
from .objects_in import objects_of
from .objects_out import object_to_config
from .plain_config import plain, worded
from .values import decode, encode

_WHERE = "The config of an object"


@door
def serialize_keras_object(obj: Any) -> Any:
    """``obj`` as JSON types: plain data as they are, each object as ``{"module", "class_name", "config", ...}``.

    Args:
        obj: a layer, model, loss, metric, optimizer, schedule, initializer, regularizer, constraint, dtype policy, or
            named function; of Lamina's or yours; or lists, tuples and dicts of those and of plain values.

    Raises:
        SavingError: something that is neither plain data, nor has a name or ``get_config``.

    >>> serialize_keras_object(lamina.initializers.Constant(2.0))["config"]
    {'value': 2.0}
    >>> serialize_keras_object({"size": (1, 2), "by": lamina.activations.relu})["by"]["config"]
    'relu'
    """
    try:
        return plain(encode(obj, object_to_config))
    except RecursionError:
        refuse_loop(obj)
        raise


@door
def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """Reverse of `serialize_keras_object`; reads what Keras' own function writes for what Lamina has, too.

    Nothing is imported: a module in the config is compared with Lamina's own and Keras', and what is not theirs comes
    from ``custom_objects``, the scope, or what is registered, by its exact name.

    Args:
        config: JSON types. Callables and other objects are refused.
        custom_objects: name -> class or function. They never stand for a name of Lamina's.
        safe_mode: Keras' argument. Reading is safe always; False changes nothing.

    Raises:
        LoadingError: not JSON types, malformed, nested too deep, or a name that nothing here has.
        ArgumentError: arguments that the class refuses.

    >>> deserialize_keras_object({"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}).units
    3
    """
    with not_too_deep(_WHERE), custom_object_scope(custom_objects or {}):
        if isinstance(config, str) and (function := find(config)) is not None:
            return function  # as a ``.h5`` of Keras' tells functions
        read = KerasConfigReader(None, MODELS).layer
        return objects_of(decode(worded(config, models=False)), lambda data: read(data, _WHERE))
