"""Models on several devices: Keras' names, on PyTorch's process group, device mesh and `DTensor`.

>>> from lamina import distribution
>>> mesh = distribution.DeviceMesh((1,), ("batch",), ["cpu:0"])
>>> distribution.DataParallel(mesh)
<DataParallel device_mesh=<DeviceMesh shape=(1,), axis_names=('batch',)>>
"""

from lamina.public_names import names_of

from .devices import get_device_count, initialize, list_devices
from .kinds import DataParallel, Distribution, ModelParallel, distribution, set_distribution
from .layouts import LayoutMap, TensorLayout, distribute_tensor
from .mesh import DeviceMesh
from .prepared import prepare, shard_model

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "Distribution",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "prepare",
    "set_distribution",
    "shard_model",
]

__getattr__, __dir__ = names_of(__name__, __all__)
