"""What a node can be: layers by Keras' names, one folder per family."""

from typing import TYPE_CHECKING, Any

from lamina.public_names import names_of
from lamina.registry import Registry

from . import (
    activation,
    attention,
    convolution,
    core,
    merging,
    normalization,
    pooling,
    preprocessing,
    regularization,
    reshaping,
    rnn,
)
from . import experimental as experimental
from .activation import *  # noqa: F403
from .attention import *  # noqa: F403
from .base import InputSpec, Layer
from .convolution import *  # noqa: F403
from .core import *  # noqa: F403
from .merging import *  # noqa: F403
from .normalization import *  # noqa: F403
from .pooling import *  # noqa: F403
from .preprocessing import *  # noqa: F403
from .regularization import *  # noqa: F403
from .reshaping import *  # noqa: F403
from .rnn import *  # noqa: F403

_FAMILIES = (
    activation,
    attention,
    convolution,
    core,
    merging,
    normalization,
    pooling,
    preprocessing,
    regularization,
    reshaping,
    rnn,
)
_NAMES = [name for family in _FAMILIES for name in family.__all__]
LAYERS = Registry("layer", classes={name: globals()[name] for name in _NAMES if isinstance(globals()[name], type)})
deserialize = LAYERS.deserialize


def serialize(layer: Any) -> Any:
    """A layer as plain data, with Keras' four keys: "module", "class_name", "config", "registered_name".

    Raises:
        ArgumentError: it has no ``get_config``.

    >>> import lamina
    >>> told = serialize(lamina.layers.Dense(3))
    >>> told["module"], told["class_name"], told["registered_name"], deserialize(told).units
    ('lamina.layers', 'Dense', None, 3)
    """
    told = LAYERS.serialize(layer)
    if not isinstance(told, dict) or "config" not in told:
        return told
    own = "module" in told
    return {"module": __name__, **told, "registered_name": told["class_name"] if own else None}


__all__ = ["InputSpec", "Layer", "deserialize", "serialize"]
# In so many words, since type checkers read these and no loop.
__all__ += activation.__all__
__all__ += attention.__all__
__all__ += convolution.__all__
__all__ += core.__all__
__all__ += merging.__all__
__all__ += normalization.__all__
__all__ += pooling.__all__
__all__ += preprocessing.__all__
__all__ += regularization.__all__
__all__ += reshaping.__all__
__all__ += rnn.__all__

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)
