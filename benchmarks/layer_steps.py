"""A case as functions that do one forward and one backward pass: the plain operation's, and each peer's."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from layer_cases.case import SEED, Case, Floats, Integers

Step = Callable[[], object]
Ways = dict[str, Step]


def arrays(case: Case) -> list[np.ndarray]:
    """The case's inputs."""
    rng = np.random.default_rng(SEED)
    made = []
    for spec in case.inputs:
        if isinstance(spec, Floats):
            made.append(rng.standard_normal(spec.shape, dtype=np.float32))
        elif isinstance(spec, Integers):
            made.append(rng.integers(0, spec.below, spec.shape))
        else:
            rows, steps = spec.shape
            made.append(np.arange(steps) < rng.integers(steps // 2, steps, (rows, 1), endpoint=True))
    return made


def ways_of(case: Case, peer: str, library: Any) -> Ways:
    """The plain operation, "plain", and what the peer has beside it."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    makers = {"lamina": _lamina, "keras-torch": _keras_torch, "keras-jax": _keras_jax, "keras-tensorflow": _keras_tf}
    return makers[peer](case, library)


# -- the yardstick


def plain_step(case: Case, given: list[np.ndarray], weights: list[Any], trained: list[bool]) -> Step:
    """The plain operation on these inputs and weights (in the layer's order), held as its author would hold them."""
    inputs = leaves_of(given)
    held = case.held([leaf_of(w, wanted) for w, wanted in zip(weights, trained, strict=True)])
    held = [torch.nn.Parameter(w.detach(), w.requires_grad) for w in held]
    return with_gradients(lambda: case.plain(inputs, held), [*inputs, *held])


def leaves_of(given: list[np.ndarray]) -> list[torch.Tensor]:
    return [leaf_of(a, a.dtype.kind == "f") for a in given]


def leaf_of(value: Any, wanted: bool) -> torch.Tensor:
    """A tensor that shares the memory of an array or a tensor."""
    return torch.as_tensor(value).detach().requires_grad_(wanted)


def with_gradients(forward: Callable[[], Any], leaves: list[torch.Tensor]) -> Step:
    """One forward pass, and the gradients of the leaves that want them for fixed gradients of the results.

    Results that have no gradient are computed and that is all. The leaves are named by their places in autograd's
    graph: of tensors of a class of their own, as Lamina's weights are, `grad` would ask more questions than of others.
    """
    wanted = [torch.autograd.graph.get_gradient_edge(leaf) for leaf in leaves if leaf.requires_grad]
    if not any(result.requires_grad for result in flat(forward())):
        return forward
    grads = [torch.randn_like(result) for result in flat(forward())]

    def step() -> object:
        return torch.autograd.grad(flat(forward()), wanted, grads)

    return step


def flat(result: Any) -> list[Any]:
    """Tensors out of nested lists and tuples."""
    if not isinstance(result, (list, tuple)):
        return [result]
    return [leaf for part in result for leaf in flat(part)]


# -- the peers


def _lamina(case: Case, lamina: Any) -> Ways:
    given = arrays(case)
    inputs, layer = leaves_of(given), case.make(lamina.layers)
    args, kwargs = case.call(inputs)
    layer(*args, **kwargs)
    weights = layer.weights
    trained = [w.requires_grad for w in weights]

    symbols = [lamina.Input(batch_shape=a.shape, dtype=str(a.dtype)) for a in given]
    symbolic_args, symbolic_kwargs = case.call(symbols)
    model = lamina.Model(symbols, layer(*symbolic_args, **symbolic_kwargs))
    program = model.program(True).run
    layer.train()

    def alone() -> Any:
        result = layer(*args, **kwargs)
        return [result, layer.losses] if case.losses else result

    def in_model() -> Any:
        # The model forgets the losses of the call before; its program does not.
        return [model(*inputs), model.losses] if case.losses else program(*inputs)

    leaves = [*inputs, *weights]
    return {
        "plain": plain_step(case, given, weights, trained),
        "layer": with_gradients(alone, leaves),
        "program": with_gradients(in_model, leaves),
    }


def _keras_torch(case: Case, keras: Any) -> Ways:
    given = arrays(case)
    inputs, layer = leaves_of(given), case.make(keras.layers)
    args, kwargs = case.call(inputs)
    layer(*args, **kwargs)
    weights = [v.value for v in layer.weights]

    def alone() -> Any:
        result = layer(*args, training=True, **kwargs)
        return [result, layer.losses] if case.losses else result

    trained = [w.requires_grad for w in weights]
    return {
        "plain": plain_step(case, given, weights, trained),
        "layer": with_gradients(alone, [*inputs, *weights]),
    }


def _keras_jax(case: Case, keras: Any) -> Ways:
    """Compiled by XLA, as Keras' fit compiles a step on JAX."""
    import jax

    given, layer = arrays(case), case.make(keras.layers)
    inputs = [jax.numpy.asarray(a) for a in given]
    args, kwargs = case.call(inputs)
    layer(*args, **kwargs)
    mode = {"training": True} if "training" in inspect.signature(layer.call).parameters else {}
    floats = [i for i, a in enumerate(given) if a.dtype.kind == "f"]
    trained = [v.value for v in layer.trainable_variables]
    state = [v.value for v in layer.non_trainable_variables]

    def forward(trained: Any, differentiated: Any, state: Any, inputs: Any) -> Any:
        merged = dict(enumerate(inputs)) | dict(zip(floats, differentiated, strict=True))
        args, kwargs = case.call([merged[i] for i in range(len(merged))])
        options = {"return_losses": case.losses, **mode, **kwargs}
        result, state, *losses = layer.stateless_call(trained, state, *args, **options)
        return flat([result, losses]), state

    @jax.jit
    def whole(trained: Any, inputs: Any, state: Any, grads: Any) -> Any:
        differentiated = [inputs[i] for i in floats]
        outputs, pull, state = jax.vjp(lambda w, x: forward(w, x, state, inputs), trained, differentiated, has_aux=True)
        return outputs, pull(grads), state

    outputs, _ = forward(trained, [inputs[i] for i in floats], state, inputs)
    grads = [jax.numpy.asarray(np.random.default_rng(SEED).standard_normal(o.shape, np.float32)) for o in outputs]
    return {
        "plain": _plain_beside(case, given, layer),
        "layer": lambda: jax.block_until_ready(whole(trained, inputs, state, grads)),
    }


def _keras_tf(case: Case, keras: Any) -> Ways:
    """A traced function without XLA, as Keras' fit makes one on TensorFlow on a CPU."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    given, layer = arrays(case), case.make(keras.layers)
    inputs = [tf.constant(a) for a in given]
    args, kwargs = case.call(inputs)
    layer(*args, **kwargs)

    def forward(inputs: Any) -> list[Any]:
        args, kwargs = case.call(inputs)
        result = layer(*args, training=True, **kwargs)
        return flat([result, layer.losses] if case.losses else result)

    @tf.function
    def whole(inputs: Any, grads: Any) -> Any:
        floats = [x for x in inputs if x.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(floats)
            outputs = forward(inputs)
        if not grads:
            return outputs
        trained = [v.value for v in layer.trainable_variables]
        return outputs, tape.gradient(outputs, [*floats, *trained], output_gradients=grads)

    grads = [tf.random.normal(o.shape) for o in forward(inputs) if o.dtype.is_floating]
    return {"plain": _plain_beside(case, given, layer), "layer": lambda: whole(inputs, grads)}


def _plain_beside(case: Case, given: list[np.ndarray], layer: Any) -> Step:
    """The plain operation with copies of the weights of a framework that is not PyTorch."""
    kept = [v for v in layer.weights if "seed" not in v.path]
    trained = [any(v is t for t in layer.trainable_variables) for v in kept]
    return plain_step(case, given, [np.array(v) for v in kept], trained)
