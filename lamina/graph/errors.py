"""What a person reads when a graph cannot be; the classes are at the bottom of the house."""

from lamina.errors import ArgumentError as ArgumentError
from lamina.errors import ArgumentTypeError as ArgumentTypeError
from lamina.errors import DtypeError as DtypeError
from lamina.errors import GraphError as GraphError
from lamina.errors import LaminaError as LaminaError
from lamina.errors import ShapeError as ShapeError
from lamina.errors import StructureError as StructureError
from lamina.errors import ValueNeededError as ValueNeededError
