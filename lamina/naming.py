"""Names made from the names of classes, as Keras makes them."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1024)  # each layer of a model asks, for few classes: 8 us
def snake_case(name: str) -> str:
    """The name of a layer, loss, metric or operation from that of its class.

    >>> snake_case("MultiHeadAttention"), snake_case("Conv2D"), snake_case("LSTM"), snake_case("MeanSquaredError")
    ('multi_head_attention', 'conv2d', 'lstm', 'mean_squared_error')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower().lstrip("_")
