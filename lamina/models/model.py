"""Model: a graph that is an ``nn.Module``, or a subclass with its own ``call``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.compiler import is_compiling

from lamina._torch import dispatch, modules
from lamina.graph import Graph, GraphError, Node, SymbolicTensor, tree
from lamina.layers.base import Layer
from lamina.layers.drawn_calls import not_drawn
from lamina.layers.given import with_given
from lamina.layers.inputs import as_symbolic_input
from lamina.layers.lending import prepare
from lamina.layers.moving import note_place
from lamina.layers.notes import no_call
from lamina.program import Program
from lamina.saving import load_checkpoint, load_weights, model_to_json, save_checkpoint, save_weights
from lamina.saving.from_config import from_config
from lamina.training.trainer import Trainer
from lamina.users_traceback import at_users_line

from . import configs, editing
from .building import build, from_module, half_a_model, without_values
from .doubles import without_doubles
from .drawn import Drawn
from .export import export
from .folding.of_model import folded, joined
from .lookup import get_layer
from .masked_inputs import run_masked, with_found_masks
from .older_methods import OlderMethods
from .save import compile_from_config, get_compile_config, refuse_unsavable, save
from .showing import notebook_page, summary
from .shown_forward import ShownForward, noting_calls
from .state_tree import get_state_tree, set_state_tree


class Model(Trainer, OlderMethods, Layer):
    """A model, made from a graph of layers or by subclassing.

    - ``Model(inputs, outputs)``: what leads from symbolic inputs to symbolic outputs, in any nesting of list, tuple
      and dict, kept as declared; but a call on data gives an only output as a tensor, as in Keras.
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
    _drawn: Drawn | None = None
    _seen: tuple[Any, ...] = ()
    """The modules as they were when the graph was drawn."""

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
        self.autocast = False
        self._first_call: Any = None
        if (inputs is None) != (outputs is None):
            raise half_a_model(inputs, outputs)
        if outputs is not None:
            self._set_graph(Graph(inputs, outputs)).write()

    from_module = classmethod(from_module)
    build = build

    # -- the graph

    def _set_graph(self, graph: Graph) -> Drawn:
        """Become this graph: its modules become children, under the names it gives them."""
        beside = editing.modules_beside(self, graph)
        masked = dict.fromkeys(self._drawn.masked) if self._drawn is not None else {}
        self._drawn = drawn = Drawn(graph, self.label, runs=type(self).call is Model.call, masked=masked)
        self._mixed = False  # the layers of a graph have policies of their own
        self._modules.clear()
        for name, module in graph.modules.items():
            # Not add_module: a layer may be called like an attribute ("weights", "loss"); state_dict does not mind.
            self._modules[name] = module
            if isinstance(module, Layer):
                module._settle_name(name)
                note_place(module, self)
        self._modules.update(beside)
        self._seen = tuple(self._modules.values())
        self.built = True
        return drawn

    @property
    def graph(self) -> Graph | None:
        """What was drawn, as it is now; None for a model that is defined by its ``call``."""
        drawn = self._current()
        return drawn.graph if drawn is not None else None

    def _current(self) -> Drawn | None:
        """What was drawn; drawn again where other modules have taken places in it, or have moved to other dtypes."""
        drawn = self._drawn
        if drawn is not None and (drawn.is_outdated or tuple(self._modules.values()) != self._seen):
            try:
                editing.renew(self)
            except AttributeError as error:  # which nn.Module would take for a missing attribute
                raise GraphError(f"{self.label} cannot be drawn again: {error}") from error
        return self._drawn

    def _current_for(self, what: str) -> Drawn:
        drawn = self._current()
        if drawn is None:
            raise not_drawn(self, what)
        return drawn

    @property
    def _runs_graph(self) -> bool:  # type: ignore[override]  # read only
        return self._drawn is not None and self._drawn.runs

    def program(self, training: bool | None = None) -> Program:
        """The graph as one Python function; ``model.program().source`` is its text.

        Args:
            training: every layer in this mode; None leaves each to its own ``training`` flag.
        """
        return self._current_for("graph").program(training)

    # -- modules set, moved, deleted, as of any nn.Module

    def _place(self, name: str) -> str | None:
        """The layer of the graph that an attribute stands for: its own name, or another that was given to it."""
        if self._drawn is None or name in self._drawn.graph.modules:
            return None if self._drawn is None else name
        other = self._modules.get(name)
        places = self._drawn.graph.modules.items() if other is not None else ()
        return next((key for key, part in places if part is other), None)

    def _put(self, name: str, module: torch.nn.Module | None) -> None:
        """Let another module take the place of a layer of the graph."""
        editing.exchange(self, name, module)

    def _set_part(self, name: str, part: torch.nn.Module | None) -> None:
        place = self._place(name)
        if place is None:
            super()._set_part(name, part)
        if hasattr(type(self), name) or name in self.__dict__:  # called like an attribute, "loss": that is meant
            object.__setattr__(self, name, part)
        elif place is not None and part is not self._modules[place]:
            self._put(place, part)

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
        if self._drawn is not None:
            editing.follow(self, fn)
        return self

    @property
    def heeds_mode(self) -> bool:  # type: ignore[override]  # read only
        # A graph has a program for each mode, which the argument chooses.
        return not self._runs_graph and super().heeds_mode

    forward = ShownForward(Layer.forward)
    _forward_of_class: Callable[..., Any] = Layer.forward

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._forward_of_class = noting_calls(Layer.forward, cls._facts.signature)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Run the graph. Subclasses define their own."""
        if self._drawn is None:
            raise no_call(self)
        if mask is not None:
            return run_masked(self, inputs, training, mask)
        if is_compiling():  # which is to see the program alone
            return self._drawn.program(training).run(*self._drawn.binding(inputs))
        return self._run(self._drawn.programs.get(training) or self.program(training), inputs)

    def _run(self, program: Program, inputs: Any) -> Any:
        drawn: Any = self._drawn
        if dispatch.may_refuse():
            prepare(self)
        if tuple(self._modules.values()) != self._seen:  # 0.1 us: somebody wrote into the dict of modules
            editing.renew(self)
            program, drawn = self.program(drawn.mode_of(program)), self._drawn
        return drawn.run(program, inputs)

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
        return self._current_for("inputs").binding.match(inputs)

    _folded_form, _joined_form = folded, joined

    def _dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._drawn is not None and self._drawn.takes_at_once(args, kwargs):
            return self.run(*args, **kwargs)  # hooks see what came, and the binding looks at it
        return super()._dispatch(*(without_doubles(self, args, kwargs) if self._drawn is None else (args, kwargs)))

    def _taken(self, args: Any, kwargs: Any, as_input: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
        if not self._runs_graph:
            return super()._taken(args, kwargs, as_input)
        # Masks are matched with the inputs as one nesting. The binding converts, by what each input declares.
        drawn: Any = self._drawn
        inputs, options = drawn.binding.forms.gather(args, kwargs)
        options = with_found_masks(drawn.binding, inputs, options)
        if as_input is as_symbolic_input:
            drawn.binding(inputs)
        return (inputs,), options

    def _draw(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        drawn, result = self._drawn, super()._draw(args, kwargs)
        # Where a call on data gives the tensor, one on symbolic tensors gives what was declared, as in Keras.
        return result if drawn is None or not drawn.runs else drawn.as_declared(result)

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        drawn = self._current()
        if drawn is not None and drawn.runs:
            return drawn.example(args[0])
        has_rule = type(self).compute_output_shape is not Model.compute_output_shape
        return super().output_example(args, kwargs) if has_rule else None

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The outputs' shapes for shapes of the inputs, nested as these are; ``None`` axes are unknown."""
        drawn = self._current()
        if drawn is not None and drawn.runs:
            return drawn.output_shape(self, input_shape)
        return super().compute_output_shape(input_shape)

    def check_inputs(self, inputs: Any) -> None:
        """Refuse inputs that do not fit the declared ones, naming the input; a model without a graph takes anything.

        Raises:
            StructureError, ShapeError, DtypeError: as when the model is called on them.
        """
        if self._drawn is not None and self._drawn.runs:
            self._drawn.binding(inputs)

    # -- losses

    def add_loss(self, loss: Any, name: str | None = None) -> None:
        """Add to what training minimises.

        Args:
            loss: in ``call``, a scalar tensor, anew each time it runs; or a symbolic tensor of this model's graph: its
                mean is minimised from then on, and it is drawn, saved and cloned with the model.
            name: what a symbolic one is logged as, in ``History`` and in the progress.

        Raises:
            GraphError: the symbolic tensor depends on something that is not among the model's inputs.

        >>> import numpy as np
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
            graph = self._current_for("add_loss() on symbolic tensors").graph
            self._set_graph(editing.with_loss(graph, term, name)).write()

    # -- masks of outputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The masks of the outputs, drawn from the inputs by the part of the graph that makes them."""
        drawn = self._current()
        found = super().compute_mask if drawn is None else drawn.output_masks
        return found(inputs, previous_mask)

    # -- looking inside

    @property
    def layers(self) -> list[Layer]:
        """The layers, those nearest to the inputs first, as Keras orders them."""
        graph = self.graph
        return list(graph.layers) if graph is not None else [p for p in super()._parts() if isinstance(p, Layer)]

    def _parts(self) -> list[torch.nn.Module]:
        graph = self.graph
        if graph is None:
            return super()._parts()
        return [*dict.fromkeys([*graph.layers, *(part for part in self._modules.values() if part is not None)])]

    get_layer = get_layer

    def node(self, name: str) -> Node:
        """A call in the graph by its name: ``"encoder"``, ``"encoder:1"`` for the second call, ``"tanh"``.

        ``model.node("encoder:1").output`` is what that call returned.
        """
        return self._current_for("node()").graph.node(name)

    @property
    @at_users_line
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic inputs, flat, in declared order."""
        return list(self._current_for("inputs").graph.inputs)

    @property
    @at_users_line
    def operations(self) -> list[Any]:
        """What the graph calls, layers and functions, each once, in the order of the calls."""
        return list({id(node.op): node.op for node in self._current_for("operations").graph.nodes}.values())

    @property
    @at_users_line
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs, flat, in declared order."""
        return list(self._current_for("outputs").graph.outputs)

    @property
    @at_users_line
    def input(self) -> Any:
        """The symbolic inputs as declared."""
        return tree.copied(self._current_for("input").graph.input_structure)

    @property
    @at_users_line
    def output(self) -> Any:
        """The symbolic outputs as declared."""
        return tree.copied(self._current_for("output").graph.output_structure)

    @property
    def input_names(self) -> list[str]:
        return list(self._current_for("input_names").graph.input_names)

    @property
    def output_names(self) -> list[str]:
        return list(self._current_for("output_names").graph.output_names)

    @property
    def input_shape(self) -> Any:
        return tree.map_leaves(lambda t: t.shape, tree.alone(self.input))

    @property
    def output_shape(self) -> Any:
        return tree.map_leaves(lambda t: t.shape, tree.alone(self.output))

    summary, _repr_html_ = summary, notebook_page

    # -- files and copies

    save, export = save, export
    save_weights = save_weights
    load_weights = load_weights
    save_checkpoint = save_checkpoint
    load_checkpoint = load_checkpoint

    def to_json(self) -> str:
        """Graph and configs as a JSON text, for `model_from_json`; no weights."""
        return model_to_json(self)

    get_config, write_config = configs.get_config, configs.write_config
    get_state_tree, set_state_tree = get_state_tree, set_state_tree
    get_compile_config, compile_from_config, _unsavable = get_compile_config, compile_from_config, refuse_unsavable
    from_config, read_config = classmethod(from_config), classmethod(configs.read_config)

    def _flags(self) -> dict[str, Any]:
        return with_given(self, {"name": self.name, "trainable": self.trainable})

    @property
    def made_by_graph(self) -> bool:
        """Whether inputs and outputs are all that its class is made from: not one with an ``__init__`` of its own."""
        return type(self).__init__ is Model.__init__

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # A model without a graph is built by its first call; a file tells what that was given.
        self._first_call = tree.map_leaves(without_values, (args, kwargs))
        super()._build_for(args, kwargs)

    def __getstate__(self) -> dict[str, Any]:
        made_anew = ("_step", "_running", "_jit", "history", "_last_call")
        return {key: value for key, value in super().__getstate__().items() if key not in made_anew}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # PyTorch gives it no hints
        for module in self._drawn.graph.modules.values() if self._drawn is not None else ():
            if isinstance(module, Layer):
                note_place(module, self)
        drawn = self._current()
        if drawn is not None:
            drawn.write()
