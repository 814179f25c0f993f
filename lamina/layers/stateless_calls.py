"""A layer or model called without its state: with values that are given, and what becomes of them given back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lamina.graph import ArgumentError, Symbolic, tree
from lamina.stateless import StatelessScope, paired


def stateless_call(
    self: Any,
    trainable_variables: Sequence[Any],
    non_trainable_variables: Sequence[Any],
    *args: Any,
    return_losses: bool = False,
    **kwargs: Any,
) -> Any:
    """Call the layer with other values of its weights, and change none of them.

    Args:
        trainable_variables, non_trainable_variables: a value for each of the layer's, in their order. Gradients go to
            the first; what the call writes into the second (moving averages) comes back.
        return_losses: whether the losses of the call (`add_loss`, regularizers) come back too.
        *args, **kwargs: of the call.

    Returns:
        (outputs, values of `non_trainable_variables` after the call), and the list of losses if it is asked for.

    Raises:
        ArgumentError: the layer is not built, or another number of values.

    >>> layer = lamina.layers.Dense(1)
    >>> layer.build((None, 2))
    >>> layer.stateless_call([torch.ones(2, 1), torch.zeros(1)], [], torch.ones(1, 2))
    (tensor([[2.]]), [])
    """
    if not self.built:
        raise ArgumentError(
            f"{self.label} is not built yet, so it has no variables to take other values.", hint="build(input_shape)"
        )
    trained, others = self.trainable_variables, self.non_trainable_variables
    pairs = paired(trained, trainable_variables, f"{self.label}: trainable_variables")
    pairs += paired(others, non_trainable_variables, f"{self.label}: non_trainable_variables")
    with StatelessScope(pairs) as scope:
        outputs = self(*args, **kwargs)
        losses = list(self.losses) if return_losses else []
    after = [scope.value_of(variable) for variable in others]
    return (outputs, after, losses) if return_losses else (outputs, after)


def symbolic_call(self: Any, *args: Any, **kwargs: Any) -> Any:
    """The call on symbolic tensors: it is drawn, and gives symbolic results.

    Raises:
        ArgumentError: nothing among the arguments is symbolic.

    >>> lamina.layers.Dense(2).symbolic_call(lamina.Input((3,))).shape
    (None, 2)
    """
    if not any(isinstance(leaf, Symbolic) for leaf in tree.leaves((args, kwargs))):
        raise ArgumentError(f"{self.label}: symbolic_call takes symbolic tensors.", hint="Input(shape)")
    return self(*args, **kwargs)
