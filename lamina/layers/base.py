"""Layer: an ``nn.Module`` that makes its weights when it sees its input's shape, and draws a graph when called on one.

What a call does:

- on symbolic tensors: build (once), check, record a node (`Layer._draw`);
- on real tensors: build (once), check, then `Layer.launch` (`Layer._compute`).

`launch` is the one way in which a layer runs, from a program too: in the mode that the call asks for, with its policy's
precision. It comes to `run`, PyTorch's ``Module.__call__`` with its hooks, then `forward`, then ``call``. A program
calls `run` at once where mode and precision ask for nothing.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from lamina import dtype_policies, regularizers
from lamina._torch import tracing
from lamina.arrays import as_tensor
from lamina.devices import current_device
from lamina.graph import (
    ArgumentError,
    DtypeError,
    LaminaError,
    Node,
    StructureError,
    Symbolic,
    SymbolicTensor,
    record,
    tree,
)
from lamina.graph.dtypes import name_of, to_torch
from lamina.graph.infer import Array, probe
from lamina.graph.source import caller
from lamina.naming import snake_case
from lamina.probing import probing

from . import fx
from .building import marks_built
from .inferred import inferred_shapes, map_shapes
from .mask_flow import draw_masks, fill_masks, real_mask, set_real_mask
from .mode import is_foreign, training_property
from .mode_watch import watch
from .nested import adopt_nested_layers
from .precision import Precision, weight_lists
from .signature import CallFacts, call_facts
from .spec import InputSpec, check_inputs
from .variable import Variable

__all__ = ["InputSpec", "Layer", "Variable"]

_OPTIONS = (bool, int, float, str)


class Layer(Precision):
    """Base of all layers. Subclass it with ``build``, ``call`` and ``get_config``, or with PyTorch's ``forward``.

    Args:
        activity_regularizer: regularizer of the output, added to the loss.
        trainable: whether the optimizer may change the weights.
        dtype: of weights and computation: a dtype, the name of one or of a mixed policy ("mixed_bfloat16"), or a
            `DTypePolicy`; `lamina.config.dtype_policy()` by default.
        autocast: cast floating inputs to the layer's compute dtype.
        name: unique within a model; made from the class name where it is not given.

    A new layer is in inference mode (``training`` is False); ``fit`` trains, ``layer.train()`` does too, and
    ``layer(x, training=True)`` holds for that call and everything under it.

    >>> import torch
    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.scale = self.add_weight((input_shape[-1],), initializer="ones", name="scale")
    ...     def call(self, inputs):
    ...         return inputs * self.scale
    >>> Scale()(torch.ones(2, 3)).shape
    torch.Size([2, 3])
    """

    supports_masking = False
    casts_integers = False
    """True: whole numbers as the first argument become the layer's dtype, in which it computes; complex are refused."""
    refuses_complex = False
    """True: complex numbers as the first argument are refused though whole numbers stay as they are."""
    only_passes_masks = False
    """True: the ``compute_mask`` beside it gives no mask where no input has one, so a call need not ask it then."""
    has_shape_rule = False
    """True: ``compute_output_shape`` is the layer's own, so that nothing is tried."""
    _facts: CallFacts
    _makes_masks = False
    _begins_masks = False
    training = training_property

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "has_shape_rule" not in vars(cls):
            cls.has_shape_rule = cls.compute_output_shape is not Layer.compute_output_shape
        cls._makes_masks = cls.compute_mask is not Layer.compute_mask
        says = next(vars(c) for c in cls.__mro__ if "compute_mask" in vars(c))
        cls._begins_masks = cls._makes_masks and not says.get("only_passes_masks", False)
        torch_style = cls.forward is not Layer.forward and cls.call is Layer.call
        cls._facts = call_facts(cls.forward if torch_style else cls.call, cls.build)
        if "build" in vars(cls):
            cls.build = marks_built(cls.build)  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.training = False
        self.built = False
        self._built_for: tuple[Any, ...] | None = None
        self._building = self._looked_at = self._foreign = self._direct = False
        self._cast_plan = None
        self.input_spec: Any = None
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._trainable = bool(trainable)
        self.auto_named = name is None
        self._settled = False
        self._name = _checked_name(name) if name is not None else snake_case(type(self).__name__)
        self._take_policy(dtype_policies.get(dtype))
        self.called_by: list[weakref.ref[Node]] = []
        self._forget_at = 32
        self._losses: list[torch.Tensor] = []
        self._collecting = False
        self._losing: list[Any] | None = None
        self.given_input_shape = _input_shape_from(kwargs, type(self).__name__)

    # -- identity

    @property
    def name(self) -> str:  # type: ignore[override]  # read only, where an Operation just has one
        """The layer's name; a made-up one may get a number when the layer joins a model."""
        return self._name

    def settle_name(self, name: str) -> None:
        """Take the name that a model gives; the first one stays, and one that the user gave always stays."""
        if self.auto_named and not self._settled:
            self._name = name
            self._settled = True
        for place, part in self.named_modules():
            prefix = "/".join([self._name, *place.split(".")] if place else [self._name])
            for slot in (part._parameters, part._buffers):
                for weight in slot.values():
                    if isinstance(weight, Variable):
                        weight.path = f"{prefix}/{weight.weight_name}"

    @property
    def label(self) -> str:
        """For people: ``Dense "logits"``."""
        return f'{type(self).__name__} "{self._name}"'

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON types."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype_config()}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new layer, without weights, from what ``get_config`` gave."""
        try:
            return cls(**config)
        except TypeError as error:
            error.add_note(
                f"{cls.__name__}.from_config: get_config must return the arguments of __init__, got {list(config)}"
            )
            raise

    def extra_repr(self) -> str:
        return f"name={self._name!r}"

    # -- to override

    @marks_built
    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape (``None``: unknown). Sublayers may build later.

        Whoever calls it, the layer is built from then on: a second call for the same shape does nothing.

        Raises:
            ArgumentError: the layer is built for another shape.
        """

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output from real tensors."""
        raise NotImplementedError(
            f"{type(self).__name__} must define call(self, inputs) or PyTorch's forward(self, x)."
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The output's mask: the input's where the layer keeps positions (``supports_masking``), else none."""
        return previous_mask if self.supports_masking else None

    def compute_output_dtype(self, input_dtype: Any) -> torch.dtype:
        """Dtype of the output: the layer's compute dtype."""
        return self._torch_dtype

    # -- calling

    run = torch.nn.Module.__call__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # The usual call first: 0.8 us over `run`, where `_dispatch` takes 2 us more and `_compute` 10.
        if (
            not kwargs
            and len(args) == 1
            and type(args[0]) is torch.Tensor
            and self._direct
            and args[0].dtype == self._plain_dtype
            and real_mask(args[0]) is None
        ):
            return self.run(args[0])
        plain = bool(args) and type(args[0]) is torch.Tensor
        if self._losing is None or probing() or (not plain and _some_symbolic((args, kwargs))):
            return self._dispatch(args, kwargs)
        # Forget the losses of the last call first; a call inside another one adds to that one's losses.
        mine = [part for part in self._losing if not part._collecting]
        for part in mine:
            part._losses, part._collecting = [], True
        try:
            return self._dispatch(args, kwargs)
        finally:
            for part in mine:
                part._collecting = False

    def _dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.built:
            if not self._looked_at:
                self._look()
            # A single list, as merging layers have it, is looked through without a call for the list.
            flat = args[0] if len(args) == 1 and type(args[0]) is list else args
            if not self._begins_masks and self._takes(flat) and (not kwargs or self._takes_options(kwargs)):
                return self.launch(*args, **kwargs)
            if _is_compiling() and "training" not in kwargs:
                return self.launch(*args, **kwargs)
        for leaf in tree.leaves((args, kwargs)):
            if isinstance(leaf, Symbolic):
                return self._draw(args, kwargs)
            if isinstance(leaf, torch.fx.Proxy):
                return fx.call(self, leaf, args, kwargs)
        return self._compute(args, kwargs)

    def _takes(self, values: Iterable[Any]) -> bool:
        """Whether ``call`` can have these as they are: real tensors without masks, none to be cast, and options."""
        plain = self._plain_dtype
        for value in values:
            kind = type(value)
            if kind is torch.Tensor:
                if value.dtype != plain and (
                    self.autocast
                    if value.is_floating_point()
                    else self.casts_integers or (self.refuses_complex and value.is_complex())
                ):
                    return False
                if real_mask(value) is not None:
                    return False
            elif kind is list or kind is tuple:
                if not self._takes(value):
                    return False
            elif value is not None and kind not in _OPTIONS:
                return False
        return True

    def _takes_options(self, kwargs: dict[str, Any]) -> bool:
        """The same of what is given by name; a mask is to be carried on, which takes the longer way."""
        return kwargs.get("mask") is None and self._takes(kwargs.values())

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """PyTorch's entry: ``call`` with the training flag filled in."""
        if type(args) is not tuple:
            return fx.root(self, args)
        place = self._facts.training
        if place is not None and len(args) <= place:
            if kwargs.get("training") is None:
                mode = kwargs["training"] = self.training
                if self._asks_mode and (mode or not self._is_watched):
                    watch(self, mode, args)
            elif self._asks_mode and kwargs["training"]:
                watch(self, True, args)
        output = self.call(*args, **kwargs)
        if self.activity_regularizer is not None:
            # Per row, as Keras has it, so that the penalty does not grow with the batch.
            first, *rest = (self.activity_regularizer(leaf) / max(leaf.shape[0], 1) for leaf in tree.leaves(output))
            self.add_loss(sum(rest, start=first))
        return output

    @property
    def takes_training(self) -> bool:  # type: ignore[override]  # read only
        """Whether ``call`` has an argument ``training``."""
        return self._facts.training is not None

    @property
    def heeds_mode(self) -> bool:  # type: ignore[override]  # read only
        """Whether the mode of a call must reach more than an argument ``training``: modules within, or a flag."""
        return bool(self._modules) or not (self.takes_training or type(self).__module__.startswith("lamina."))

    def called_in(self, mode: bool | None) -> tuple[str, dict[str, Any]]:
        """`run`, or `launch` where the mode or the policy asks for more than an argument ``training``."""
        if not self._looked_at:
            self._look()
        asks = mode is not None and self.heeds_mode
        named = {"training": mode} if mode is not None and (asks or self.takes_training) else {}
        return "launch" if asks or self._mixed or self._foreign else "run", named

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args, kwargs = tree.map_leaves(self._as_input, (args, kwargs))
        args = self._as_numbers(args)
        if not self.built:
            first = [leaf for leaf in tree.leaves(args[:1]) if isinstance(leaf, torch.Tensor)]
            check_inputs(self, self.input_spec, first, lambda _: "")
            self._build_for(args, kwargs)
            check_inputs(self, self.input_spec, first, lambda _: "")
            self._check_shapes(args, kwargs)
        fill_masks(self._facts, args, kwargs, real_mask)
        output = self.launch(*args, **kwargs)
        set_real_mask(self, args, kwargs, output)
        return output

    def _draw(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            args, kwargs = tree.map_leaves(self._as_symbolic_input, (args, kwargs))
            args = self._as_numbers(args)
            self._refuse_bad_call(args, kwargs)
            tensors = [leaf for leaf in tree.leaves(args[:1]) if isinstance(leaf, SymbolicTensor)]
            check_inputs(self, self.input_spec, tensors, _origin)
            if not self.built:
                self._build_for(args, kwargs)
                check_inputs(self, self.input_spec, tensors, _origin)
            fill_masks(self._facts, args, kwargs, lambda leaf: getattr(leaf, "mask", None))
            result = record(self, args, kwargs)
        except LaminaError as error:
            error.where = error.where or str(caller())
            raise
        node = next(leaf.node for leaf in tree.leaves(result) if isinstance(leaf, Symbolic))
        self.remember(node)
        draw_masks(self, node)
        return result

    def remember(self, node: Node) -> None:
        """Keep a weak reference to a call of this layer."""
        self.called_by.append(weakref.ref(node))
        if len(self.called_by) >= self._forget_at:  # at doubling sizes, so that a long list is not walked at every call
            self.called_by = [ref for ref in self.called_by if ref() is not None]
            self._forget_at = max(32, 2 * len(self.called_by))

    def _refuse_bad_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            self._facts.signature.bind(*args, **{k: v for k, v in kwargs.items() if k != "training"})
        except TypeError as error:
            raise ArgumentError(
                f"{self.label} was called with the wrong arguments.",
                got=f"{len(args)} positional, {list(kwargs)} by name",
                expected=f"call{self._facts.signature}: {error}",
                hint="several tensors as one list: layer([a, b])" if len(args) > 1 else None,
            ) from None

    def _as_input(self, leaf: Any) -> Any:
        """NumPy arrays become tensors; floating tensors get the layer's dtype."""
        if isinstance(leaf, np.ndarray):
            if leaf.dtype.kind not in "fiub":
                raise DtypeError(
                    f"{self.label} cannot take this input.", got=f"an array of {leaf.dtype}", expected="numbers"
                )
            leaf = as_tensor(leaf)
            if not probing():
                leaf = leaf.to(next((p.device for p in self.parameters()), None) or current_device())
        if (
            isinstance(leaf, torch.Tensor)
            and self.autocast
            and leaf.dtype != self._torch_dtype
            and leaf.is_floating_point()
        ):
            mask = real_mask(leaf)
            leaf = leaf.to(self._torch_dtype)
            if mask is not None:
                leaf._keras_mask = mask
        return leaf

    def _as_numbers(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """What is not floating in the first argument, made floating or refused, as the class says."""
        if not args or not (self.casts_integers or self.refuses_complex):
            return args
        return (tree.map_leaves(self._as_number, args[0]), *args[1:])

    def _as_number(self, leaf: Any) -> Any:
        dtype = getattr(leaf, "dtype", None)
        if not isinstance(dtype, torch.dtype) or dtype.is_floating_point:
            return leaf
        if dtype.is_complex:
            raise DtypeError(
                f"{self.label} cannot take this input.",
                got=name_of(dtype) + (_origin(leaf) if isinstance(leaf, SymbolicTensor) else ""),
                expected="real numbers",
                hint="x.real, x.imag or x.abs() before it, or torch.view_as_real(x)",
            )
        return leaf.to(self._torch_dtype) if self.casts_integers else leaf

    def _as_symbolic_input(self, leaf: Any) -> Any:
        if (
            isinstance(leaf, SymbolicTensor)
            and self.autocast
            and leaf.dtype != self._torch_dtype
            and leaf.dtype.is_floating_point
        ):
            return leaf.to(self._torch_dtype)
        return leaf

    # -- building

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not any(hasattr(leaf, "shape") for leaf in tree.leaves((args, kwargs))):
            raise ArgumentError(
                f"{self.label} was called on no tensor.",
                got=", ".join(type(leaf).__name__ for leaf in tree.leaves((args, kwargs))) or "nothing",
                expected="symbolic tensors, torch tensors or NumPy arrays",
                hint="layer(Input(shape)), or torch.as_tensor(values)",
            )
        shapes: tuple[Any, ...] = (_shapes(args[0]) if args else _shapes(next(iter(kwargs.values()))),)
        if self._facts.build_shapes:
            given = self._facts.signature.bind_partial(*args, **kwargs).arguments
            shapes = tuple(_shapes(given[n]) if given.get(n) is not None else None for n in self._facts.build_shapes)
        try:
            self._build_once(*shapes)
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            if isinstance(error, LaminaError) or not isinstance(args[0] if args else None, (list, tuple, dict)):
                raise
            raise StructureError(
                f"{self.label} cannot take a {type(args[0]).__name__} of {len(args[0])} tensors.",
                got=f"shapes {shapes[0]}",
                expected=f"one tensor ({type(error).__name__}: {error})",
                hint="Concatenate()([...]) or another merging layer before it, or the layer called on each",
            ) from error

    def _build_once(self, *shapes: Any) -> None:
        """Build for these shapes, unless it is built."""
        if not self.built:
            self.build(*shapes)

    @property
    def built(self) -> bool:
        """Whether the layer has made its weights. A `build` that says so itself is believed when it has ended."""
        return self._built

    @built.setter
    def built(self, value: bool) -> None:
        done = bool(value) and not self.__dict__.get("_building", False)
        if done:
            self._look()
            if not self._trainable:
                self.trainable = False
        self._built = done  # last: another thread may be waiting to see it

    def _look(self) -> None:
        """See what a call of this layer has to do, from what it consists of."""
        adopt_nested_layers(self)
        self._losing = self.losing_parts() or None
        self._weight_lists = weight_lists(self) if self._mixed else []
        self._foreign = any(part is not None and is_foreign(part) for part in self._modules.values())
        self._direct = not (self._mixed or self._foreign or self._begins_masks or self._losing)
        self._cast_plan = None
        self._looked_at = True

    # -- the calls that were drawn

    def _calls(self) -> list[Node]:
        return [node for node in (ref() for ref in self.called_by) if node is not None]

    def _only_call(self, what: str) -> Node:
        calls = self._calls()
        if not calls:
            raise ArgumentError(
                f"{self.label} has no {what}: it was never called on a symbolic tensor.", hint="layer(x)"
            )
        if len(calls) > 1:
            listed = "\n".join(f"{i}: {node.source}" for i, node in enumerate(calls))
            raise ArgumentError(
                f"{self.label} was called {len(calls)} times, so it has no single {what}.",
                got=listed,
                hint=f'layer.get_{what}_at(i), or model.node("{self.name}:1").output',
            )
        return calls[0]

    @property
    def output(self) -> Any:
        """What the layer's only call returned: symbolic tensors."""
        return self._only_call("output").output

    @property
    def input(self) -> Any:
        """What the layer's only call was given as its first argument."""
        node = self._only_call("input")
        return node.args[0] if node.args else node.output

    def get_output_at(self, node_index: int) -> Any:
        return self._calls()[node_index].output

    def get_input_at(self, node_index: int) -> Any:
        return self._calls()[node_index].args[0]

    # -- shapes, for the graph

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result's shapes and dtypes for one example of the arguments; None where no rule is known."""
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return None
        first = args[0] if args else next(iter(kwargs.values()))
        names = call_facts(type(self).call, type(self).compute_output_shape).build_shapes
        shapes = [_shapes(first)]  # whatever the rule calls it: a cell's `input_shape` is that of `inputs`
        if names:
            given = self._facts.signature.bind_partial(*args, **kwargs).arguments
            shapes += [
                _shapes(given[n]) if given.get(n) is not None else None
                for n in names[1:]
                if n in self._facts.signature.parameters
            ]
        result = self.compute_output_shape(*shapes)
        leading = next((leaf.shape[0] for leaf in tree.leaves(first) if isinstance(leaf, Array) and leaf.shape), 1)
        dtype = next((leaf.dtype for leaf in tree.leaves(first) if isinstance(leaf, Array)), self._torch_dtype)
        return _arrays(result, to_torch(self.compute_output_dtype(dtype)), leading)

    def _check_shapes(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Ask the layer's rule of shapes, which refuses what the layer cannot take, as it is asked where a graph is
        drawn; PyTorch's kernels would refuse in their own words, or not at all."""
        named = {key: value for key, value in kwargs.items() if key != "training"}
        self.output_example(*tree.map_leaves(_example, (args, named)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape for an input shape; ``None`` axes are unknown. Found by trying, where no rule is given."""
        return inferred_shapes(self, lambda given: probe(self, (given,), {}), input_shape, self._torch_dtype)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "called_by": [], "_losses": [], "_drawn_in": []}


def _some_symbolic(nested: Any) -> bool:
    return any(isinstance(leaf, Symbolic) for leaf in tree.leaves(nested))


def _is_compiling() -> bool:
    # An export, which is done once, goes the whole way: casts and masks of layers within a layer belong to its call.
    return torch.compiler.is_compiling() and not tracing.is_exporting()


def _shapes(argument: Any) -> Any:
    """The shapes of what a layer is called on, in its structure."""
    return tree.map_leaves(lambda leaf: tuple(leaf.shape) if hasattr(leaf, "shape") else None, argument)


def _example(leaf: Any) -> Any:
    return Array(tuple(leaf.shape), leaf.dtype) if isinstance(leaf, torch.Tensor) else leaf


def _arrays(shapes: Any, dtype: torch.dtype, leading: int) -> Any:
    """Shapes that a rule gave, as examples of tensors. A rule that insists on ``None`` means the batch there."""
    return map_shapes(lambda shape: Array(tuple(leading if n is None else n for n in shape), dtype), shapes)


def _origin(tensor: Any) -> str:
    return f"   from {tensor.node.label}, {tensor.node.source}"


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ArgumentError("A layer's name must be a string.", got=repr(name), expected='e.g. name="encoder"')
    if "/" in name or "." in name:
        raise ArgumentError(
            f"A layer cannot be called {name!r}.",
            expected="a name without '/' and '.', which separate names in the paths of weights",
            hint=f"name={re.sub('[/.]', '_', name)!r}",
        )
    return name


def _input_shape_from(kwargs: dict[str, Any], kind: str) -> tuple[int | None, ...] | None:
    """The input's shape, the batch included, from Keras' older keywords; anything else is a mistake.

    Raises:
        ArgumentError: an argument that no layer of this kind has.
    """
    batch = kwargs.pop("batch_size", None) if "input_shape" in kwargs or "input_dim" in kwargs else None
    shape: tuple[int | None, ...] | None = None
    if "batch_input_shape" in kwargs:
        shape = tuple(kwargs.pop("batch_input_shape"))
    elif "input_shape" in kwargs:
        shape = (batch, *kwargs.pop("input_shape"))
    elif "input_dim" in kwargs:
        shape = (batch, kwargs.pop("input_dim"))
    if kwargs:
        raise ArgumentError(
            f"{kind} has no argument {', '.join(map(repr, kwargs))}.",
            where=str(caller()),
            hint=f"help(layers.{kind}) lists its arguments",
        )
    return shape
