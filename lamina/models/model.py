"""Model: a graph that is an ``nn.Module``, or a subclass with its own ``call``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import methodcaller
from typing import Any

import numpy as np
import torch
from torch.compiler import is_compiling

from lamina._torch import dispatch, modules
from lamina.devices import limited_memory, memory_of_host
from lamina.graph import ArgumentError, Graph, GraphError, Node, SymbolicTensor, tree
from lamina.graph.infer import Array, drawn_for, infer_graph
from lamina.layers import fx
from lamina.layers.base import Layer
from lamina.layers.core import AddedLoss
from lamina.layers.inferred import inferred_shapes, map_shapes
from lamina.layers.lending import prepare
from lamina.layers.moving import dtype_after, note_place
from lamina.program import Program
from lamina.saving import load_checkpoint, load_weights, model_to_json, save_checkpoint, save_model, save_weights
from lamina.saving.config_reader import ConfigReader
from lamina.saving.config_writer import ConfigWriter
from lamina.saving.errors import not_too_deep
from lamina.saving.model_config import graph_from_config, graph_to_config
from lamina.saving.weights import tie, ties_by_hand
from lamina.training.trainer import Trainer
from lamina.view import summary

from . import editing
from .binding import Binding
from .building import build_by_trying
from .folding import Folding, Joining
from .folding.of_model import program_for_inference, program_for_training
from .lookup import find_layer
from .masks import OutputMasks
from .shown_forward import ShownForward, shown_as, with_signature

# What a call is given when it is no drawing; None is an optional input or an option.
_DATA = (torch.Tensor, np.ndarray, bool, type(None))


def forward_of(signature: inspect.Signature | None) -> Callable[..., Any]:
    """``forward`` of a model, under the signature of its graph. It is written here once for each graph, since one that
    only called another would cost every call of the model 0.1 us.
    """

    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        """What ``model(...)`` runs, with a graph the inputs' names in its signature: ``model(image=..., text=...)``."""
        if type(args) is not tuple:
            return fx.root(self, args)
        if not self._runs_graph:
            return Layer.forward(self, *args, **kwargs)
        if len(args) == 1:
            if not kwargs:
                return self.call(args[0])
            if len(kwargs) == 1 and "training" in kwargs:
                return self.call(args[0], kwargs["training"])
        inputs, options = self._binding.forms.gather(args, kwargs)
        return self.call(inputs, **options)

    return forward if signature is None else with_signature(forward, signature)


class Model(Trainer, Layer):
    """A model, made from a graph of layers or by subclassing.

    - ``Model(inputs, outputs)``: what leads from symbolic inputs to symbolic outputs, in any nesting of list, tuple
      and dict, kept as declared.
    - a subclass with ``__init__`` and ``call(self, inputs, training=None)``.

    Either is a layer, so it can be called on symbolic tensors within another model, sharing its weights.

    Args:
        inputs, outputs: symbolic tensors; ``Input(...)`` and what layers return.
        name: of the model.
        trainable: whether its weights may change.

    Raises:
        GraphError, StructureError: the graph cannot be; see `lamina.graph.Graph`.

    >>> import torch
    >>> from lamina.layers import Dense, Input
    >>> a, b = Input((32,)), Input((64,))
    >>> merged = torch.cat([Dense(8, activation="relu")(a), torch.tanh(Dense(8)(b))], -1)
    >>> model = Model([a, b], {"price": Dense(1)(merged), "category": Dense(3)(merged)})
    >>> {k: tuple(v.shape) for k, v in model([torch.ones(5, 32), torch.ones(5, 64)]).items()}
    {'price': (5, 1), 'category': (5, 3)}
    """

    own_weights_follow_policy = True

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        trainable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        if name is None and type(self) is Model:
            self._name = "functional" if inputs is not None else "model"
        self._graph: Graph | None = None
        self.is_outdated = False
        self.autocast = False
        self._programs: dict[bool | None, Program] = {}
        self._folding: Folding | None = None
        self._joining: Joining | None = None
        self._can_fold: bool | None = None
        self.first_call: Any = None
        if (inputs is None) != (outputs is None):
            raise ArgumentError("A model needs inputs and outputs, or neither.", hint="Model(inputs, outputs)")
        if outputs is not None:
            self._set_graph(Graph(inputs, outputs))
            self._write_programs()

    @classmethod
    def from_module(
        cls,
        module: torch.nn.Module,
        inputs: Any = None,
        name: str | None = None,
        output_names: Sequence[str] | None = None,
        output_shape: Any = None,
    ) -> Model:
        """A model of a bare ``nn.Module``: `compile`, `fit`, `predict`, `summary` for it, as it is.

        The module is not copied: what is trained are its own parameters, and ``module.state_dict()`` keeps its keys. It
        trains and rests with the model (``module.train()``, ``module.eval()``).

        Args:
            module: any module.
            inputs: what its ``forward`` takes: an ``Input(...)``, a shape without the batch, or an example (a tensor or
                array) for each argument; alone, in a list in the order of the arguments, or in a dict by their names.
                Shapes and names are then known: data are checked before the module sees them, results have names. None:
                the model takes what the module takes.
            name: of the model; made from the module's class where it is not given.
            output_names: names for the results of a module that returns several tensors without names, for losses,
                metrics and targets. A dict, a named tuple or a dataclass brings its own.
            output_shape: with ``inputs``, the shape (or the nesting of shapes) of the result, the batch included, for
                a module that cannot be tried on shapes alone.

        Raises:
            ArgumentError: not a module, or a layer; something that cannot be an input; names that do not fit.
            ShapeError: the module cannot take these inputs.
            ValueNeededError: the module cannot be tried on shapes alone.

        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
        >>> model = Model.from_module(net, inputs=(4,))
        >>> model.compile("adam", "mse")
        >>> history = model.fit(np.ones((8, 4), "float32"), np.ones(8), verbose=0)
        >>> model.output_shape
        (None, 1)
        """
        from lamina import models  # knows all models, so it imports this module first

        return models.of_module(cls, module, inputs, name, output_names, output_shape)

    # -- the graph

    def build(self, input_shape: Any) -> None:
        """Make the weights of a model that is defined by its call, by trying that on the shapes.

        Args:
            input_shape: of what ``call`` takes, the batch included: a shape, or a nesting of shapes.

        Raises:
            ArgumentError: the call cannot be tried on such shapes alone; call the model on data instead.

        >>> class Two(Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.first, self.last = lamina.layers.Dense(4), lamina.layers.Dense(1)
        ...     def call(self, x):
        ...         return self.last(self.first(x))
        >>> model = Two()
        >>> model.build((None, 3))
        >>> [tuple(weight.shape) for weight in model.weights]
        [(3, 4), (4,), (4, 1), (1,)]
        """
        if self.graph is None and self.first_call is None:  # else the call that goes on builds what is in it
            self.first_call = tree.map_leaves(_without_values, build_by_trying(self, input_shape))

    def _set_graph(self, graph: Graph) -> None:
        """Become this graph: its modules become children, under the names it gives them."""
        beside = editing.modules_beside(self, graph)
        self._graph, self.is_outdated = graph, False
        self._mixed = False  # the layers of a graph have policies of their own
        self._programs = {}
        self._folding = self._joining = self._can_fold = None
        self._masks = OutputMasks(graph)
        self._bind(graph)
        self._modules.clear()
        for name, module in graph.modules.items():
            # Not add_module: a layer may be called like an attribute ("weights", "loss"); state_dict does not mind.
            self._modules[name] = module
            if isinstance(module, Layer):
                module.settle_name(name)
                note_place(module, self)
        self._modules.update(beside)
        self._seen = tuple(self._modules.values())
        self._inner = [part for part in self._seen if isinstance(part, Model)]
        self.built = True
        self._losing = self.losing_parts() or None
        # Only the program stands between caller and result: no mask to leave on it, no call of a subclass's own.
        self._bare = type(self).call is Model.call and not self._masks.some
        if not self._trainable:
            self.trainable = False

    def _bind(self, graph: Graph) -> None:
        """Take inputs as this graph declares them, by their names too."""
        self._binding = Binding(graph, self.label)
        self._runs_graph = type(self).call is Model.call
        self._forward_of_graph = forward_of(self._binding.forms.signature) if self._runs_graph else None

    @property
    def graph(self) -> Graph | None:
        """What was drawn, as it is now; None for a model that is defined by its ``call``."""
        if self._graph is not None and (self.is_outdated or tuple(self._modules.values()) != self._seen):
            try:
                editing.renew(self)
            except AttributeError as error:  # which nn.Module would take for a missing attribute
                raise GraphError(f"{self.label} cannot be drawn again: {error}") from error
        return self._graph

    def _write_programs(self) -> None:
        """Have the programs ready: ``torch.compile`` cannot write them while it traces."""
        for mode in (None, False, True):
            self.program(mode)
        self._masks.write()

    def program(self, training: bool | None = None) -> Program:
        """The graph as one Python function; ``model.program().source`` is its text.

        Args:
            training: every layer in this mode; None leaves each to its own ``training`` flag.
        """
        if self.graph is None:
            raise ArgumentError(f"{self.label} has no graph: it is defined by its call().")
        if training not in (None, False, True):
            raise ArgumentError(f"{self.label} has no mode {training!r}.", expected="training=True, False or None")
        if training not in self._programs:
            self._programs[training] = Program(self.graph, training)
        return self._programs[training]

    # -- modules set, moved, deleted, as of any nn.Module

    def _place(self, name: str) -> str | None:
        """The layer of the graph that an attribute stands for: its own name, or another that was given to it."""
        graph = self.__dict__.get("_graph")
        if graph is None or name in graph.modules:
            return None if graph is None else name
        other = self._modules.get(name)
        return next((key for key, part in graph.modules.items() if part is other), None) if other is not None else None

    def _put(self, name: str, module: torch.nn.Module | None) -> None:
        """Let another module take the place of a layer of the graph."""
        editing.exchange(self, name, module)

    def __setattr__(self, name: str, value: Any) -> None:
        place = self._place(name)
        if place is not None and (hasattr(type(self), name) or name in self.__dict__):
            object.__setattr__(self, name, value)  # a layer may be called like an attribute, "loss": that is meant
        elif place is None or not (isinstance(value, torch.nn.Module) or value is None):
            super().__setattr__(name, value)
        elif value is not self._modules[place]:
            self._put(place, value)

    def add_module(self, name: str, module: torch.nn.Module | None) -> None:
        """PyTorch's: as setting the attribute."""
        if self._place(name) is None:
            super().add_module(name, module)
        else:
            setattr(self, name, module)

    def __delattr__(self, name: str) -> None:
        if self._place(name) == name and not hasattr(type(self), name):
            raise editing.cannot_remove(self, name)
        super().__delattr__(name)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
        super()._apply(fn, recurse)
        if self._graph is not None:
            declared = {t.dtype: dtype_after(fn, t.dtype) for t in self._graph.inputs if t.dtype.is_floating_point}
            if self.is_outdated or any(old != new for old, new in declared.items()):
                editing.move(self, lambda dtype: dtype_after(fn, dtype) if dtype.is_floating_point else dtype)
        return self

    @property
    def heeds_mode(self) -> bool:  # type: ignore[override]  # read only
        # A graph has a program for each mode, which the argument chooses.
        return not self._runs_graph and super().heeds_mode

    _runs_graph = False
    """Whether a call runs the graph: there is one, and the class has no ``call`` of its own."""

    forward = ShownForward(forward_of(None))
    _forward_of_class: Callable[..., Any] = forward.plain

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._forward_of_class = shown_as(Layer.forward, cls._facts.signature)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Run the graph. Subclasses define their own."""
        if self._graph is None:
            raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs), or forward(self, x).")
        return self._run(self._programs.get(training) or self.program(training), inputs)

    def _run(self, program: Program, inputs: Any) -> Any:
        flat = self._binding(inputs)
        if is_compiling():
            return program.run(*flat)
        if dispatch.may_refuse():
            prepare(self)
        if tuple(self._modules.values()) != self._seen:  # 0.1 us: somebody wrote into the dict of modules
            mode = next((mode for mode, own in self._programs.items() if own is program), None)
            editing.renew(self)
            return self._run(self.program(mode), inputs)
        try:
            return program.run(*flat)
        except Exception as error:
            node = program.node_at(error.__traceback__)
            if node is not None:
                got = ", ".join(str(tuple(v.shape)) for v in flat if isinstance(v, torch.Tensor))
                error.add_note(f"while {self.label} ran {node.label}, {node.source}, on inputs of shape {got}")
            raise

    # -- inference

    @property
    def is_drawn(self) -> bool:
        """Whether its graph is all that a call of it does: no ``call``, hook or penalty of its own stands before it."""
        kind = type(self)
        return (
            self.graph is not None
            and (kind.call, kind.forward, kind.__call__) == (Model.call, Model.forward, Layer.__call__)
            and vars(self).keys().isdisjoint(("call", "forward"))
            and not modules.has_hooks(self)
            and self.activity_regularizer is None
        )

    def match_inputs(self, inputs: Any) -> list[Any]:
        """What the model is given, flat, in the order of its declared inputs, as it came.

        Raises:
            StructureError: a missing input, or another number of them.
        """
        self._graph_for("inputs")
        return self._binding.match(inputs)

    def folded(self, afresh: bool = False) -> Callable[[Any], Any] | None:
        """The model for inference only, with fewer steps; None where there is nothing to gain and ``model(x)`` serves.

        `BatchNormalization` goes into the weights of the convolution or `Dense` before it, sums and activations run in
        the memory of their inputs; see `lamina.models.folding`. The result is that of ``model(x, training=False)`` to
        rounding. To be called under ``torch.inference_mode()`` or ``torch.no_grad()``, and asked for anew before each
        use: weights that have changed since are folded again.

        Args:
            afresh: fold again in any case: also what was written through ``weight.data``, which PyTorch does not count.

        >>> from lamina.layers import BatchNormalization, Conv2D, Input
        >>> x = Input((8, 8, 3))
        >>> model = Model(x, BatchNormalization()(Conv2D(4, 3)(x)))
        >>> with torch.inference_mode():
        ...     model.folded()(torch.ones(1, 8, 8, 3)).shape
        torch.Size([1, 6, 6, 4])
        """
        if self._can_fold is False:  # nothing in the graph gains from it
            return None
        program = program_for_inference(self, afresh)
        return partial(self._run_folded, program) if program is not None else None

    def joined(self) -> Callable[[Any], Any] | None:
        """The model in fewer steps, as ``fit`` runs it; None where there is nothing to gain and ``model(x)`` serves.

        A convolution, the normalization, sum and rectifier after it become one step that computes what they do, to the
        last bit; see `lamina.models.folding.joining`. Each layer is in the mode that its flag says.
        """
        return self._run_joined if program_for_training(self) is not None else None

    def _run_joined(self, inputs: Any) -> Any:
        joining = self._joining  # None since a layer was exchanged, by a callback in the middle of an epoch
        return self(inputs) if joining is None or joining.program is None else self._run(joining.program, inputs)

    def _run_folded(self, program: Program, inputs: Any) -> Any:
        for part in self._losing or ():
            part._losses = []
        return self._run(program, inputs)

    def _dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._graph is not None and self._bare:
            alone = len(args) == 1 and type(args[0]) in (torch.Tensor, np.ndarray)
            if alone or all(isinstance(leaf, _DATA) for leaf in tree.leaves((args, kwargs))):
                return self.run(*args, **kwargs)  # hooks see what came, and the binding looks at it
        return super()._dispatch(args, kwargs)

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._runs_graph and (kwargs or len(args) != 1):
            inputs, kwargs = self._binding.forms.gather(args, kwargs)
            args = (inputs,)  # masks are matched with the inputs as one nesting
        return super()._compute(args, kwargs)

    def _as_input(self, leaf: Any) -> Any:
        # With a graph the binding converts, by what each input declares.
        return leaf if self._graph is not None else super()._as_input(leaf)

    def _draw(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._runs_graph:
            inputs, kwargs = self._binding.forms.gather(args, kwargs)
            self._binding(inputs)
            args = (inputs,)
        return super()._draw(args, kwargs)

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Where the inputs have the declared shapes, so have the outputs; else they are inferred node by node."""
        if not self._runs_graph:
            has_rule = type(self).compute_output_shape is not Model.compute_output_shape
            return super().output_example(args, kwargs) if has_rule else None
        graph: Any = self.graph
        given = [leaf for leaf in tree.leaves(self._binding.match(args[0])) if isinstance(leaf, Array)]
        k = drawn_for(graph, given)
        if k is not None:
            return tree.map_leaves(methodcaller("example", k), graph.output_structure)
        return infer_graph(graph, given) if len(given) == len(graph.inputs) else None

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The outputs' shapes for shapes of the inputs, nested as these are; ``None`` axes are unknown."""
        if not self._runs_graph:
            return super().compute_output_shape(input_shape)
        graph: Any = self.graph
        told: Any = partial(Array, dtype=self._torch_dtype)  # a shape as it is given, its unknown axes None
        asked = self._binding.match(map_shapes(told, input_shape))
        for declared, array in zip(self._binding.declared, asked, strict=True):
            declared.refuse_other_sizes(array.shape, self.label)

        def outputs(arrays: Any) -> Any:
            given = [leaf for leaf in tree.leaves(self._binding.match(arrays)) if isinstance(leaf, Array)]
            declared = zip(given, graph.inputs, strict=True)
            return infer_graph(graph, [Array(array.shape, tensor.dtype) for array, tensor in declared])

        return inferred_shapes(self, outputs, input_shape, self._torch_dtype)

    def check_inputs(self, inputs: Any) -> None:
        """Refuse inputs that do not fit the declared ones, naming the input; a model without a graph takes anything.

        Raises:
            StructureError, ShapeError, DtypeError: as when the model is called on them.
        """
        if self._runs_graph:
            self._binding(inputs)

    # -- losses

    def add_loss(self, loss: Any, name: str | None = None) -> None:
        """Add to what training minimises.

        Args:
            loss: in ``call``, a scalar tensor, anew each time it runs; or a symbolic tensor of this model's graph: its
                mean is minimised from then on, and it is drawn, saved and cloned with the model.
            name: what a symbolic one is logged as, in ``History`` and in the progress.

        Raises:
            GraphError: the symbolic tensor depends on something that is not among the model's inputs.

        >>> from lamina.layers import Dense, Input
        >>> x = Input((4,))
        >>> code = Dense(2)(x)
        >>> model = Model(x, Dense(4)(code))
        >>> model.add_loss(code.abs().mean(), name="sparsity")
        >>> model.compile("sgd", "mse")
        >>> sorted(model.evaluate(np.ones((2, 4)), np.ones((2, 4)), verbose=0, return_dict=True))
        ['loss', 'sparsity']
        """
        terms = list(loss) if isinstance(loss, (list, tuple)) else [loss]
        symbolic = [term for term in terms if isinstance(term, SymbolicTensor)]
        super().add_loss([term for term in terms if not isinstance(term, SymbolicTensor)])
        for term in symbolic:
            graph = self._graph_for("add_loss() on symbolic tensors")
            first = graph.outputs[0]
            passed = AddedLoss(name=name)(first, term)
            outputs = tree.pack_like(graph.output_structure, iter([passed, *graph.outputs[1:]]))
            self._set_graph(Graph(graph.input_structure, outputs))
            self._write_programs()

    # -- masks of outputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The masks of the outputs, drawn from the inputs by the part of the graph that makes them."""
        if self.graph is None:
            return previous_mask if self.supports_masking else None
        return self._masks.of(self._binding.match(inputs)) if self._masks.some else None

    # -- looking inside

    @property
    def layers(self) -> list[Layer]:
        """The layers, those nearest to the inputs first, as Keras orders them."""
        if self.graph is not None:
            return list(self.graph.layers)
        return [part for part in super()._parts() if isinstance(part, Layer)]

    def _parts(self) -> list[torch.nn.Module]:
        if self.graph is None:
            return super()._parts()
        layers: list[torch.nn.Module] = list(self.graph.layers)
        return [*dict.fromkeys([*layers, *(part for part in self._modules.values() if part is not None)])]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name in this model, or by its place in ``layers``; ``"encoder/dense"`` leads into ``encoder``.

        Raises:
            ArgumentError: there is none; lists those there are.
        """
        if (name is None) == (index is None):
            raise ArgumentError(
                "get_layer needs a name or an index, one of them.", got=f"name={name!r}, index={index!r}"
            )
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ArgumentError(f"{self.label} has {len(self.layers)} layers.", got=f"index {index}")
            return self.layers[index]
        return find_layer(self, str(name))

    def node(self, name: str) -> Node:
        """A call in the graph by its name: ``"encoder"``, ``"encoder:1"`` for the second call, ``"tanh"``.

        ``model.node("encoder:1").output`` is what that call returned.
        """
        return self._graph_for("node()").node(name)

    def _graph_for(self, what: str) -> Graph:
        if self.graph is None:
            raise ArgumentError(f"{self.label} has no {what}: it is defined by its call(), not by a graph.")
        return self.graph

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic inputs, flat, in declared order."""
        return list(self._graph_for("inputs").inputs)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs, flat, in declared order."""
        return list(self._graph_for("outputs").outputs)

    @property
    def input(self) -> Any:
        """The symbolic inputs as declared."""
        return tree.copied(self._graph_for("input").input_structure)

    @property
    def output(self) -> Any:
        """The symbolic outputs as declared."""
        return tree.copied(self._graph_for("output").output_structure)

    @property
    def input_names(self) -> list[str]:
        return list(self._graph_for("input_names").input_names)

    @property
    def output_names(self) -> list[str]:
        return list(self._graph_for("output_names").output_names)

    @property
    def input_shape(self) -> Any:
        return tree.map_leaves(lambda t: t.shape, self.input)

    @property
    def output_shape(self) -> Any:
        return tree.map_leaves(lambda t: t.shape, self.output)

    def summary(self, *args: Any, **options: Any) -> None:
        """Print a table of the layers; see `lamina.view.summary` for the arguments."""
        summary(self, *args, **options)

    # -- files and copies

    def save(self, filepath: Any, overwrite: bool = True) -> None:
        """Write graph, configs, weights, and how the model is trained, into one file, ``model.lamina``.

        Raises:
            SavingError, ArgumentError: something that a file has no word for, named with its line; no such folder.
        """
        editing.refuse_what_would_be_lost(self)
        save_model(self, filepath, overwrite, models=_model_classes())

    save_weights = save_weights
    load_weights = load_weights
    save_checkpoint = save_checkpoint
    load_checkpoint = load_checkpoint

    def to_json(self) -> str:
        """Graph and configs as a JSON text, for `model_from_json`; no weights."""
        return model_to_json(self, models=_model_classes())

    def get_config(self) -> dict[str, Any]:
        """Graph and layers' configs as JSON types; of a subclass with its own ``__init__``, name and flags only."""
        config = self.write_config(ConfigWriter(_model_classes()))
        tied = ties_by_hand(self) if config is not None else None
        return (config or self._flags()) | ({"tied": tied} if tied else {})

    def write_config(self, writer: ConfigWriter) -> dict[str, Any] | None:
        """`get_config` within a larger model, whose writer knows the layers that are shared; None without a graph."""
        if self.graph is None or not self.made_by_graph:
            return None
        return self._flags() | graph_to_config(self.graph, writer)

    def _flags(self) -> dict[str, Any]:
        return {"name": self.name, "trainable": self.trainable}

    @property
    def made_by_graph(self) -> bool:
        """Whether inputs and outputs are all that its class is made from: not one with an ``__init__`` of its own."""
        return type(self).__init__ is Model.__init__

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A new model with fresh weights from what ``get_config`` gave.

        Args:
            custom_objects: name -> class, for layers that are not Lamina's own.

        Raises:
            LoadingError: the config is malformed, or names a class that is not at hand.
        """
        with not_too_deep("The config"), limited_memory(memory_of_host()):
            model = cls.read_config(config, ConfigReader(custom_objects, _model_classes()))
        tie(model, config.get("tied", {}) if model.graph is not None else {})
        return model

    @classmethod
    def read_config(cls, config: dict[str, Any], reader: ConfigReader) -> Any:
        """`from_config` within a larger model, whose reader knows the layers that are shared."""
        if "nodes" not in config:
            return super().from_config(config)
        model = cls(*graph_from_config(config, reader), name=config.get("name"))
        # Without the setter, which reaches the layers: each of them has its own flag in its config.
        model._trainable = bool(config.get("trainable", True))
        return model

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # A model without a graph is built by its first call; a file tells what that was given.
        self.first_call = tree.map_leaves(_without_values, (args, kwargs))
        super()._build_for(args, kwargs)

    def __getstate__(self) -> dict[str, Any]:
        made_anew = "_programs _folding _joining _masks _binding _forward_of_graph _step running _jit history".split()
        return {key: value for key, value in super().__getstate__().items() if key not in made_anew}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # PyTorch gives it no hints
        self._programs, self._folding, self._joining = {}, None, None
        for module in self._graph.modules.values() if self._graph is not None else ():
            if isinstance(module, Layer):
                note_place(module, self)
        if self.graph is not None:
            self._masks = OutputMasks(self.graph)
            self._bind(self.graph)
            self._write_programs()


def _without_values(leaf: Any) -> Any:
    """A tensor's shape and dtype, as a tensor without storage."""
    if isinstance(leaf, SymbolicTensor):
        leaf = leaf.example(0)
    return torch.empty(leaf.shape, dtype=leaf.dtype, device="meta") if hasattr(leaf, "shape") else leaf


def _model_classes() -> Mapping[str, type]:
    from lamina import models  # knows all models, so it imports this module first

    return models.MODEL_CLASSES
