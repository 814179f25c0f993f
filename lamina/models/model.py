"""Model: a graph that is an ``nn.Module``, or a subclass with its own ``call``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from lamina.devices import limited_memory, memory_of_host
from lamina.graph import ArgumentError, Graph, Node, Program, SymbolicTensor, tree
from lamina.graph.infer import Array, drawn_for, infer_graph
from lamina.graph.walk import key_of, reached
from lamina.layers.base import Layer
from lamina.layers.core import AddedLoss
from lamina.layers.inferred import inferred_shapes
from lamina.saving import load_checkpoint, load_weights, model_to_json, save_checkpoint, save_model, save_weights
from lamina.saving.config_reader import ConfigReader
from lamina.saving.config_writer import ConfigWriter
from lamina.saving.errors import not_too_deep
from lamina.saving.model_config import graph_from_config, graph_to_config
from lamina.saving.report import LoadReport
from lamina.saving.weights import tie, ties_by_hand
from lamina.training.trainer import Trainer
from lamina.view import summary

from .binding import Binding
from .building import build_by_trying
from .folding import Folding, Joining, can_fold


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
        self.graph: Graph | None = None
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
        self.graph = graph
        self._mixed = False  # the layers of a graph have policies of their own
        self._programs = {}
        self._folding = self._joining = self._can_fold = None
        self._mask_parts: dict[Any, tuple[list[SymbolicTensor], Graph, Program]] = {}
        self._binding = Binding(graph, self.label)
        self._modules.clear()
        for name, module in graph.modules.items():
            # Not add_module: a layer may be called like an attribute ("weights", "loss"); state_dict does not mind.
            self._modules[name] = module
            if isinstance(module, Layer):
                module.settle_name(name)
        self.built = True
        self._losing = self.losing_parts() or None
        # Only the program stands between caller and result: no mask to leave on it, no call of a subclass's own.
        self._bare = type(self).call is Model.call and all(t.mask is None for t in graph.outputs)
        if not self._trainable:
            self.trainable = False

    def _write_programs(self) -> None:
        """Have the programs ready: ``torch.compile`` cannot write them while it traces."""
        for mode in (None, False, True):
            self.program(mode)

    def program(self, training: bool | None = None) -> Program:
        """The graph as one Python function; ``model.program().source`` is its text.

        Args:
            training: every layer in this mode; None leaves each to its own ``training`` flag.
        """
        if self.graph is None:
            raise ArgumentError(f"{self.label} has no graph: it is defined by its call().")
        if training not in self._programs:
            self._programs[training] = Program(self.graph, training)
        return self._programs[training]

    @property
    def heeds_mode(self) -> bool:
        # A graph has a program for each mode, which the argument chooses.
        return not self._runs_graph and super().heeds_mode

    @property
    def _runs_graph(self) -> bool:
        """Whether a call runs the graph: there is one, and the class has no ``call`` of its own."""
        return self.graph is not None and type(self).call is Model.call

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if not self._runs_graph:
            return super().forward(*args, **kwargs)
        if len(args) > 1:
            args, kwargs = self._separate_tensors(args, kwargs)
        return self.call(*args, **kwargs)

    def _separate_tensors(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """``model(a, b)`` for ``model([a, b])``, as PyTorch users write; ``model(x, True)`` is Keras' training flag."""
        if len(args) == 2 and (args[1] is None or isinstance(args[1], bool)):
            return args[:1], {**kwargs, "training": args[1]}
        return (list(args),), kwargs

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Run the graph. Subclasses define their own."""
        if self.graph is None:
            raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs), or forward(self, x).")
        return self._run(self._programs.get(training) or self.program(training), inputs)

    def _run(self, program: Program, inputs: Any) -> Any:
        flat = self._binding(inputs)
        if torch.compiler.is_compiling():
            return program.run(*flat)
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
            and not (self._forward_hooks or self._forward_pre_hooks)
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
        if self._can_fold is None and self.graph is not None:
            self._can_fold = can_fold(self.graph)
        if not self._can_fold or not self.is_drawn or _is_watched_or_cast():
            return None
        if self._folding is None or not self._folding.holds():
            self._folding = Folding(self.graph)
        elif afresh or not self._folding.is_current():
            self._folding.fold()
        return partial(self._run_folded, self._folding.program) if self._folding.program is not None else None

    def joined(self) -> Callable[[Any], Any] | None:
        """The model in fewer steps, as ``fit`` runs it; None where there is nothing to gain and ``model(x)`` serves.

        A convolution, the normalization, sum and rectifier after it become one step that computes what they do, to the
        last bit; see `lamina.models.folding.joining`. Each layer is in the mode that its flag says.
        """
        if self._can_fold is None and self.graph is not None:
            self._can_fold = can_fold(self.graph)
        if not self._can_fold or not self._bare or not self.is_drawn or _is_watched_or_cast():
            return None
        if self._joining is None or not self._joining.holds():
            self._joining = Joining(self.graph)
        return partial(self._run, self._joining.program) if self._joining.program is not None else None

    def _run_folded(self, program: Program, inputs: Any) -> Any:
        for part in self._losing or ():
            part._losses = []
        return self._run(program, inputs)

    def _dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.graph is not None and self._bare and len(args) == 1 and type(args[0]) in (torch.Tensor, np.ndarray):
            return self.run(args[0], **kwargs)
        return super()._dispatch(args, kwargs)

    def _as_input(self, leaf: Any) -> Any:
        # With a graph the binding converts, by what each input declares.
        return leaf if self.graph is not None else super()._as_input(leaf)

    def _draw(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._runs_graph:
            if len(args) > 1:
                args, kwargs = self._separate_tensors(args, kwargs)
            self._binding(args[0])
        return super()._draw(args, kwargs)

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Where the inputs have the declared shapes, so have the outputs; else they are inferred node by node."""
        if not self._runs_graph:
            has_rule = type(self).compute_output_shape is not Model.compute_output_shape
            return super().output_example(args, kwargs) if has_rule else None
        given = [leaf for leaf in tree.leaves(self._binding.match(args[0])) if isinstance(leaf, Array)]
        k = drawn_for(self.graph, given)
        if k is not None:
            return tree.map_leaves(lambda t: t.example(k), self.graph.output_structure)
        return infer_graph(self.graph, given) if len(given) == len(self.graph.inputs) else None

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The outputs' shapes for shapes of the inputs, nested as these are; ``None`` axes are unknown."""
        if not self._runs_graph:
            return super().compute_output_shape(input_shape)

        def outputs(arrays: Any) -> Any:
            given = [leaf for leaf in tree.leaves(self._binding.match(arrays)) if isinstance(leaf, Array)]
            declared = zip(given, self.graph.inputs, strict=True)
            return infer_graph(self.graph, [Array(array.shape, tensor.dtype) for array, tensor in declared])

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
        if all(t.mask is None for t in self.graph.outputs):
            return None
        given = dict(zip(self.graph.inputs, self._binding.match(inputs), strict=True))
        return [self._mask_of(t, given) for t in self.graph.outputs]

    def _mask_of(self, output: SymbolicTensor, given: dict[SymbolicTensor, Any]) -> Any:
        if output.mask is None or self.graph is None:
            return None
        key = key_of(output)
        if key not in self._mask_parts:
            used = [t for t in self.graph.inputs if key_of(t) in reached([output.mask], self.graph.inputs)]
            part = Graph(used, output.mask)
            self._mask_parts[key] = used, part, Program(part)
        used, part, program = self._mask_parts[key]
        values = [given[t] for t in used]
        if all(isinstance(v, torch.Tensor) for v in values):
            return program.run(*values)
        return part.rebuild(inputs=values).outputs[0]

    # -- looking inside

    @property
    def layers(self) -> list[Layer]:
        """The layers, those nearest to the inputs first, as Keras orders them."""
        if self.graph is not None:
            return self.graph.layers
        return [part for part in super()._parts() if isinstance(part, Layer)]

    def _parts(self) -> list[torch.nn.Module]:
        if self.graph is None:
            return super()._parts()
        layers: list[torch.nn.Module] = list(self.graph.layers)
        return layers + [m for m in self._modules.values() if m is not None and not isinstance(m, Layer)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name in this model, or by its place in ``layers``.

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
        for key, layer in [*self._modules.items(), *((layer.name, layer) for layer in self.layers)]:
            if key == name and isinstance(layer, Layer):
                return layer
        raise ArgumentError(f"{self.label} has no layer {name!r}.", expected=", ".join(la.name for la in self.layers))

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
        return self._graph_for("inputs").inputs

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs, flat, in declared order."""
        return self._graph_for("outputs").outputs

    @property
    def input(self) -> Any:
        """The symbolic inputs as declared."""
        return self._graph_for("input").input_structure

    @property
    def output(self) -> Any:
        """The symbolic outputs as declared."""
        return self._graph_for("output").output_structure

    @property
    def input_names(self) -> list[str]:
        return self._graph_for("input_names").input_names

    @property
    def output_names(self) -> list[str]:
        return self._graph_for("output_names").output_names

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
        save_model(self, filepath, overwrite, models=_model_classes())

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Write the weights alone, by their paths, into ``model.weights.safetensors``."""
        save_weights(self, filepath, overwrite)

    def load_weights(
        self,
        filepath: Any,
        skip_mismatch: bool = False,
        *,
        partial: bool = False,
        mapping: Mapping[str, Any] | Callable[[str], Any] | None = None,
        by_name: bool = False,
    ) -> LoadReport | None:
        """Read weights from a file into this model; all of them must fit, unless one of the arguments says otherwise.

        Args:
            filepath: a file of weights alone (``.weights.safetensors``) or a ``.lamina`` file; or one of another
                program: ``.safetensors``, or a PyTorch ``state_dict`` (``.pt``, ``.pth``, ``.bin``). Its content tells
                which. A PyTorch file holds a pickle, which whoever loads it with pickle runs; here it is only read, and
                refused if it asks for more than tensors. Safetensors cannot ask for anything: prefer it.
            skip_mismatch: Keras' argument: as ``partial``, and a warning lists what did not fit.
            partial: load what fits, leave the rest as it is, and return a `LoadReport` of what was what.
            mapping: for a file with names of its own: path of a weight in this model (``state_dict`` has them) -> its
                name there; or (name, axes) where its axes stand in another order, as for ``tensor.permute(axes)``; or
                None for a weight to leave as it is. A dict, or a function of the path. PyTorch's kernels are
                (out, in, ...) and ours (..., in, out), so axes are (1, 0) for a dense one, (2, 3, 1, 0) for a
                convolution of images. Give them for each: a square one fits either way.
            by_name: Keras' argument for a model that is not the one that wrote the file: weights whose path the other
                does not have are passed over. Weights always go by their paths here.

        Raises:
            LoadingError: lists each weight that is missing, unexpected or of another shape; nothing is changed then.
            ArgumentError: a mapping that cannot be.

        >>> from lamina.layers import Dense, Input
        >>> torch.save(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 1)).state_dict(), "net.pt")
        >>> x = Input((4,))
        >>> model = Model(x, Dense(1, name="last")(Dense(3, name="first")(x)))
        >>> parts = {"first": "0", "last": "1"}
        >>> def name_there(path):
        ...     layer, weight = path.split(".")
        ...     return f"{parts[layer]}.bias" if weight == "bias" else (f"{parts[layer]}.weight", (1, 0))
        >>> model.load_weights("net.pt", mapping=name_there)
        >>> other = Model(x, Dense(2, name="other")(Dense(3, name="first")(x)))
        >>> model.save_weights("model.weights.safetensors")
        >>> print(other.load_weights("model.weights.safetensors", partial=True))
        2 weights loaded, 2 missing, 2 unexpected, 0 mismatched.
        missing     other.kernel (3, 2) float32
        missing     other.bias (2,) float32
        unexpected  last.kernel (3, 1) float32
        unexpected  last.bias (1,) float32
        """
        return load_weights(self, filepath, skip_mismatch, partial=partial, mapping=mapping, by_name=by_name)

    def save_checkpoint(
        self, filepath: Any, overwrite: bool = True, weights_only: bool = False, executor: Any = None
    ) -> Any:
        """Write weights, optimizer and, during ``fit``, the training in progress into a ``.lamina`` file.

        It serves any model, also one that `save` has no words for; see `lamina.saving.save_checkpoint`.
        """
        return save_checkpoint(self, filepath, overwrite, weights_only, executor)

    def load_checkpoint(self, filepath: Any, learning_rate: float | None = None) -> None:
        """Put weights and optimizer back; called in ``on_train_begin`` of a callback, the training goes on from there.

        Args:
            learning_rate: one to go on with instead of the one in the file.

        Raises:
            LoadingError: lists all in which the file differs from model, optimizer and data; nothing is changed then.

        >>> from lamina.layers import Dense, Input
        >>> x = Input((2,))
        >>> model = Model(x, Dense(1)(x))
        >>> model.compile("adam", "mse")
        >>> _ = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
        >>> model.save_checkpoint("latest.lamina")
        >>> model.load_checkpoint("latest.lamina", learning_rate=1e-4)
        >>> int(model.optimizer.iterations), float(model.optimizer.learning_rate)
        (1, 0.0001)
        """
        load_checkpoint(self, filepath, learning_rate)

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
        made_anew = "_programs _folding _joining _mask_parts _binding _step running _jit history".split()
        return {key: value for key, value in super().__getstate__().items() if key not in made_anew}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._programs, self._mask_parts, self._folding, self._joining = {}, {}, None, None
        if self.graph is not None:
            self._binding = Binding(self.graph, self.label)
            self._write_programs()


def _is_watched_or_cast() -> bool:
    """Whether hooks of all modules are to see every layer, or autocast chooses dtypes: then layers run as they are."""
    autocast = torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
    return autocast or torch.nn.modules.module._has_any_global_hook()


def _without_values(leaf: Any) -> Any:
    """A tensor's shape and dtype, as a tensor without storage."""
    if isinstance(leaf, SymbolicTensor):
        leaf = leaf.example(0)
    return torch.empty(leaf.shape, dtype=leaf.dtype, device="meta") if hasattr(leaf, "shape") else leaf


def _model_classes() -> Mapping[str, type]:
    from lamina import models  # knows all models, so it imports this module first

    return models.MODEL_CLASSES
