"""Layer: an ``nn.Module`` that makes its weights when it sees its input's shape, and draws a graph when called on one.

What a call does:

- on symbolic tensors: build (once), check, record a node (`Layer._draw`);
- on real tensors: build (once), check, then `Layer.launch` (`Layer._compute`).

`launch` is the one way in which a layer runs, from a program too: in the mode that the call asks for, with its policy's
precision. It comes to `run`, PyTorch's ``Module.__call__`` with its hooks, then `forward`, then ``call``. A program
calls `run` at once where mode and precision ask for nothing.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from inspect import getattr_static
from types import FunctionType
from typing import Any

import torch

from lamina import dtype_policies, regularizers
from lamina._torch import dispatch
from lamina.graph import Node, Symbolic, SymbolicTensor, tree
from lamina.graph.infer import probe
from lamina.naming import snake_case
from lamina.one_line import one_line
from lamina.probing import probing
from lamina.tracebacks import door, fold_making
from lamina.users_traceback import at_users_line

from . import fx
from .arguments import flag
from .building import build_for, build_once, marks_built
from .drawn_calls import drawn_call, get_input_at, get_output_at, remember
from .explained import explain
from .given import remembers, with_given, with_new_layers
from .inferred import inferred_shapes
from .inputs import (
    as_input,
    as_numbers,
    as_symbolic_input,
    origin,
    refuse_bad_call,
    some_symbolic,
    takes,
    takes_options,
)
from .lending import forward_on_stand_in, lending, lends, prepare
from .made_in_call import launch_first
from .mask_flow import draw_masks, fill_masks, real_mask, set_real_mask
from .mode import is_foreign, training_property
from .mode_watch import watch
from .names import checked_name, settle_name
from .notes import no_call, note
from .older_keywords import input_shape_from
from .precision import Precision, weight_lists
from .said import layer_said
from .shape_rules import check_by_rule, example_by_rule
from .signature import CallFacts, call_facts, shown_as
from .spec import InputSpec, check_inputs
from .stepping_back import refused, steps_back
from .unknown_weights import record_call
from .variable import Variable

__all__ = ["InputSpec", "Layer", "Variable"]


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
    input_spec: Any = None
    narrows_arrays = False
    """True: arrays of float64 get the dtype of the weights, though tensors come as they are."""
    built_at_once = False
    """True: there is nothing to build, and ``built`` says so from the beginning, as Keras' layer does."""
    builds_for_any_rank = False
    """True: a second ``build`` for another number of axes does nothing, as where the weights do not hang on that."""
    _makes_masks = _begins_masks = _builds_nothing = False
    training = training_property

    # What a new layer is; an attribute of its own comes with the first change.
    _built = _building = _looked_at = _foreign = _direct = _settled = _collecting = _has_run = False
    _built_for: tuple[Any, ...] | None = None
    _losing: list[Any] | None = None
    called_by: list[weakref.ref[Node]]
    _forget_at = 32

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "has_shape_rule" not in vars(cls):
            cls.has_shape_rule = cls.compute_output_shape is not Layer.compute_output_shape
        cls._makes_masks = cls.compute_mask is not Layer.compute_mask
        says = next(vars(c) for c in cls.__mro__ if "compute_mask" in vars(c))
        plain = getattr(cls.forward, "__code__", None) is Layer.forward.__code__
        torch_style = not plain and cls.call is Layer.call
        cls._facts = call_facts(cls.forward if torch_style else cls.call, cls.build)
        cls._begins_masks = bool(cls._facts.due_masks or (cls._makes_masks and not says.get("only_passes_masks")))
        cls._builds_nothing = cls.build is Layer.build and cls.__module__.startswith("lamina.")
        if "build" in vars(cls):
            cls.built_at_once = vars(cls).get("built_at_once", False)
            cls.build = marks_built(cls.build)  # type: ignore[method-assign]
        if isinstance(vars(cls).get("forward"), FunctionType):
            cls.forward = lending(cls.forward)  # type: ignore[method-assign]
        elif plain and isinstance(getattr_static(cls, "forward"), FunctionType):  # a model shows its graph's
            cls.forward = shown_as(Layer.forward, cls._facts.signature)  # type: ignore[method-assign]
        if isinstance(vars(cls).get("__init__"), FunctionType):
            own = cls.__module__.startswith("lamina.")
            cls.__init__ = door(cls.__init__) if own else remembers(cls.__init__)  # type: ignore[method-assign]
        fold_making(cls)

    @door
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
        self.__dict__.update(  # at once: `__setattr__` looks at each attribute, since it may be a weight or a part
            _training=False,
            _trainable=flag(self, "trainable", trainable),
            _name=checked_name(name) if name is not None else snake_case(type(self).__name__),
            _losses=[],
            called_by=[],
            auto_named=name is None,
        )
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._take_policy(dtype_policies.get(dtype))
        self.given_input_shape = input_shape_from(kwargs, type(self)) if kwargs else None

    # -- identity

    @property
    def name(self) -> str:  # type: ignore[override]  # read only, where an Operation just has one
        """The layer's name; a made-up one may get a number when the layer joins a model."""
        return self._name

    _settle_name = settle_name

    @property
    def label(self) -> str:
        """For people: ``Dense "logits"``."""
        return f'{type(self).__name__} "{self._name}"'

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON types; those of a class that has no ``get_config`` too, as given."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype_config()}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return with_given(self, config)

    @classmethod
    @at_users_line
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new layer, without weights, from what ``get_config`` gave."""
        try:
            return cls(**with_new_layers(config))
        except TypeError as error:
            error.add_note(
                f"{cls.__name__}.from_config: get_config must return the arguments of __init__, got {list(config)}"
            )
            raise

    __repr__ = one_line(layer_said)

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
        raise no_call(self)

    _facts: CallFacts = call_facts(call, build)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The output's mask: the input's where the layer keeps positions (``supports_masking``), else none."""
        return previous_mask if self.supports_masking else None

    def compute_output_dtype(self, input_dtype: Any) -> torch.dtype:
        """Dtype of the output: the layer's compute dtype."""
        return self._torch_dtype

    # -- calling

    run = torch.nn.Module.__call__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if dispatch.may_refuse():
                prepare(self)
            # The usual call first: 0.8 us over `run`, where `_dispatch` takes 2 us more and `_compute` 10.
            if (
                not kwargs
                and len(args) == 1
                and type(args[0]) is torch.Tensor
                and self._direct
                and args[0].dtype == self._plain_dtype
                and getattr(args[0], "_keras_mask", None) is None
            ):
                return self.run(args[0])
            plain = len(args) > 0 and type(args[0]) is torch.Tensor
            if self._losing is None or probing() or (not plain and some_symbolic((args, kwargs))):
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
        except Exception as error:  # noqa: BLE001  which is raised again, or in better words
            if refused(self, error):
                self.steps_back()
                return self(*args, **kwargs)
            try:
                explain(self, args, kwargs, error)
                raise
            except Exception as told:
                note(self, told)
                raise

    def _dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._has_built:
            if not self._looked_at:
                self._look()
            # A single list, as merging layers have it, is looked through without a call for the list.
            flat = args[0] if len(args) == 1 and type(args[0]) is list else args
            if not self._begins_masks and takes(self, flat) and (not kwargs or takes_options(self, kwargs)):
                return self.launch(*args, **kwargs)
        for leaf in tree.leaves((args, kwargs)):
            if isinstance(leaf, Symbolic):
                return self._draw(args, kwargs)
            if isinstance(leaf, torch.fx.Proxy):
                return fx.call(self, leaf, args, kwargs)
        return self._compute(args, kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """PyTorch's entry: ``call`` with the training flag filled in."""
        if args.__class__ is not tuple:
            return fx.root(self, args)
        if self._may_lend and lends(self):
            return forward_on_stand_in(self, args, kwargs)
        place = self._facts.training
        if place is not None and len(args) <= place:
            if kwargs.get("training") is None:
                mode = kwargs["training"] = self.training
                if self._asks_mode and (mode or not self._is_watched):
                    watch(self, mode, args)
            elif self._asks_mode and kwargs["training"]:
                watch(self, True, args)
        output = self.call(*args, **kwargs) if self._remat is None else self._remat(self, args, kwargs)
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
        return len(self._modules) > 0 or not (self.takes_training or type(self).__module__.startswith("lamina."))

    def called_in(self, mode: bool | None) -> tuple[str, dict[str, Any]]:
        """`run`, or `launch` where the mode or the policy asks for more than an argument ``training``."""
        if not self._looked_at:
            self._look()
        asks = mode is not None and self.heeds_mode
        named = {"training": mode} if mode is not None and (asks or self.takes_training) else {}
        return "launch" if asks or self._mixed or self._foreign else "run", named

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args, kwargs = self._taken(args, kwargs, as_input)
        if not self._has_built:
            first = [leaf for leaf in tree.leaves(args[:1]) if isinstance(leaf, torch.Tensor)]
            check_inputs(self, self.input_spec, first, lambda _: "")
            self._build_for(args, kwargs)
            check_inputs(self, self.input_spec, first, lambda _: "")
            check_by_rule(self, args, kwargs)
            for part in self._losing or ():
                if not part._collecting:  # what layers within were called for before
                    part._losses = []
        fill_masks(self._facts, args, kwargs, real_mask)
        output = self.launch(*args, **kwargs) if self._has_run else launch_first(self, args, kwargs)
        set_real_mask(self, args, kwargs, output)
        return output

    def _draw(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args, kwargs = self._taken(args, kwargs, as_symbolic_input)
        refuse_bad_call(self, args, kwargs)
        tensors = [leaf for leaf in tree.leaves(args[:1]) if isinstance(leaf, SymbolicTensor)]
        check_inputs(self, self.input_spec, tensors, origin)
        if not self._has_built:
            self._build_for(args, kwargs)
            check_inputs(self, self.input_spec, tensors, origin)
        fill_masks(self._facts, args, kwargs, lambda leaf: getattr(leaf, "mask", None))
        result = record_call(self, args, kwargs)
        if self._losing and not self.called_by:  # a call of the user's, which may have made parts
            self._look()
        node = next(leaf.node for leaf in tree.leaves(result) if isinstance(leaf, Symbolic))
        self._note_node(node)
        draw_masks(self, node)
        return result

    def _taken(self, args: Any, kwargs: Any, as_input: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
        """What a call is given as the layer takes it, each tensor made so by a function of `lamina.layers.inputs`."""
        if len(args) == 1 and not kwargs and type(args[0]) is SymbolicTensor:
            args = (as_input(self, args[0]),)
        else:
            args, kwargs = tree.map_leaves(partial(as_input, self), (args, kwargs))
        return as_numbers(self, args), kwargs

    _note_node, steps_back = remember, steps_back

    # -- building

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        build_for(self, args, kwargs)

    def _build_once(self, *shapes: Any, **named: Any) -> None:
        """Build for these shapes, unless it is built."""
        if not self._has_built:
            build_once(self, *shapes, **named)

    @property
    def _has_built(self) -> bool:
        return self._built

    @property
    def built(self) -> bool:
        """Whether the layer has made its weights. A `build` that says so itself is believed when it has ended."""
        return self._has_built or self.built_at_once

    @built.setter
    def built(self, value: bool) -> None:
        done = bool(value) and not self._building
        if done:
            self._look()
            if not self._trainable:
                self.trainable = False
        self._built = done  # last: another thread may be waiting to see it

    def _look(self) -> None:
        """See what a call of this layer has to do, from what it consists of."""
        losing = self._losing_parts() or None  # layers in lists are adopted first
        foreign = any(part is not None and is_foreign(part) for part in self._modules.values())
        direct = not (self._mixed or foreign or self._begins_masks or losing)
        lists = weight_lists(self) if self._mixed else []
        # Not one by one: of what a layer sets, each is looked at.
        self.__dict__.update(
            _losing=losing, _weight_lists=lists, _foreign=foreign, _direct=direct, _cast_plan=None, _looked_at=True
        )

    # -- the calls that were drawn

    def _calls(self) -> list[Node]:
        return [node for node in (ref() for ref in self.called_by) if node is not None]

    @property
    @at_users_line
    def output(self) -> Any:
        """What the layer's first call returned: symbolic tensors. `get_output_at(1)` tells of the second."""
        return drawn_call(self, "output").output

    @property
    @at_users_line
    def input(self) -> Any:
        """What the layer's first call was given as its first argument."""
        node = drawn_call(self, "input")
        return node.args[0] if node.args else node.output

    get_output_at, get_input_at = get_output_at, get_input_at

    # -- shapes, for the graph

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result's shapes and dtypes for one example of the arguments; None where no rule is known."""
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return None
        return example_by_rule(self, args, kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape for an input shape; ``None`` axes are unknown. Found by trying, where no rule is given."""
        return inferred_shapes(self, lambda given: probe(self, (given,), {}), input_shape, self._torch_dtype)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What a call on these symbolic tensors returns: symbolic tensors, whose shape and dtype tell."""
        return (self if self._has_built else deepcopy(self))(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        # No compiled code, as PyTorch has it: that belongs to this process.
        forgotten: Any = {"_watch": None, "_is_watched": False, "_compiled_call_impl": None, "_made_in_call": {}}
        return {**self.__dict__, "called_by": [], "_losses": [], "_drawn_in": [], **forgotten}
