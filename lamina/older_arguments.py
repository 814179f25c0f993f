"""Arguments of layers, and of `fit`, by the names that Keras 1 and PyTorch have for them: what to write instead."""

from __future__ import annotations

from collections.abc import Iterable

_NEW = {
    "W_constraint": "kernel_constraint", "W_regularizer": "kernel_regularizer", "activation_fn": "activation",
    "atrous_rate": "dilation_rate", "b_constraint": "bias_constraint", "b_regularizer": "bias_regularizer",
    "beta_init": "beta_initializer", "bias": "use_bias", "border_mode": "padding", "dilation": "dilation_rate",
    "dim_ordering": "data_format", "dropout_U": "recurrent_dropout", "dropout_W": "dropout",
    "embedding_dim": "output_dim", "eps": "epsilon", "filter_length": "kernel_size", "gamma_init": "gamma_initializer",
    "hidden_size": "units", "init": "kernel_initializer embeddings_initializer",
    "inner_activation": "recurrent_activation", "inner_init": "recurrent_initializer", "nb_col": "kernel_size",
    "nb_epoch": "epochs", "nb_filter": "filters", "nb_row": "kernel_size", "nb_val_samples": "validation_steps",
    "num_embeddings": "input_dim", "num_epochs": "epochs", "out_channels": "filters", "out_features": "units",
    "output_dim": "units", "p": "rate", "pool_length": "pool_size", "samples_per_epoch": "steps_per_epoch",
    "stride": "strides pool_size", "subsample": "strides", "subsample_length": "strides",
}  # fmt: skip
_NEEDLESS = {
    **dict.fromkeys(
        ("in_channels", "in_features", "input_size", "num_features", "normalized_shape"),
        "the layer finds it when it is called",
    ),
    **dict.fromkeys(("batch_first",), "the batch is always the first axis"),
    **dict.fromkeys(("inplace",), "nothing is computed in place"),
    **dict.fromkeys(("num_layers",), "several layers, one after the other"),
    **dict.fromkeys(("bidirectional",), "layers.Bidirectional(layer)"),
}


def instead(given: Iterable[str], known: Iterable[str]) -> str:
    """What to write for arguments that a function has not; "" where nothing is known of them.

    >>> instead(["border_mode", "in_channels"], ["filters", "padding"])
    'padding instead of border_mode; without in_channels: the layer finds it when it is called'
    """
    known = list(known)
    told = []
    for name in given:
        new = next((each for each in _NEW.get(name, "").split() if each in known and name not in known), None)
        if new is not None:
            told.append(f"{new} instead of {name}")
        elif name in _NEEDLESS and name not in known:
            told.append(f"without {name}: {_NEEDLESS[name]}")
    return "; ".join(told)
