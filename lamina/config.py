"""Process-wide defaults by Keras' names: what layers, inputs, losses and weights made from now on take where not told.

A default is read when something is made, and kept there; setting one changes nothing that exists already. They live in
`lamina.defaults`, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lamina import dtype_policies
from lamina.defaults import defaults
from lamina.dtype_policies import DTypePolicy
from lamina.graph.errors import ArgumentError
from lamina.public_names import names_of
from lamina.users_traceback import at_users_line

__all__ = [
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

_FLOATS = ("bfloat16", "float16", "float32", "float64")
_FORMATS = ("channels_last", "channels_first")

# ---- the engine


def backend() -> str:
    """The engine.

    >>> backend()
    'torch'
    """
    return "torch"


@at_users_line
def set_backend(backend: str) -> None:
    """Only "torch": Lamina is made on PyTorch.

    Raises:
        ArgumentError: any other engine.

    >>> set_backend("torch")
    """
    if backend != "torch":
        raise ArgumentError("Lamina runs on PyTorch and nothing else.", got=repr(backend), expected="'torch'")


# ---- numbers


def floatx() -> str:
    """The dtype of inputs where none is said, and of layers where there is no dtype policy.

    As long as `set_floatx` was not called it is PyTorch's: "float32", or what ``torch.set_default_dtype`` says.

    >>> floatx()
    'float32'
    """
    return defaults.floatx


@at_users_line
def set_floatx(value: str | None) -> None:
    """Set `floatx` for what is made from now on, whatever PyTorch's default dtype is.

    Args:
        value: "float16", "bfloat16", "float32" or "float64"; None follows ``torch.get_default_dtype()`` again.

    Raises:
        ArgumentError: any other dtype.

    >>> set_floatx("float64")
    >>> lamina.Input((3,)).dtype, lamina.layers.Dense(2).dtype
    (torch.float64, 'float64')
    >>> set_floatx(None)
    """
    if value is not None and value not in _FLOATS:
        raise ArgumentError("floatx is a dtype with a fraction part.", got=repr(value), expected=", ".join(_FLOATS))
    defaults.chosen_floatx = value


def epsilon() -> float:
    """The small number that keeps divisors and logarithms away from 0.

    >>> epsilon()
    1e-07
    """
    return defaults.epsilon


@at_users_line
def set_epsilon(value: float) -> None:
    """Set `epsilon` for what is computed from now on, by what exists too; a compiled function is compiled again.

    Raises:
        ArgumentError: not a number > 0.

    >>> set_epsilon(1e-7)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise ArgumentError("epsilon is a small number.", got=repr(value), expected="a number between 0 and 1")
    defaults.epsilon = float(value)


def image_data_format() -> str:
    """Where a picture's channels stand, if nothing is said: "channels_last" is (H, W, C), "channels_first" (C, H, W).

    >>> image_data_format()
    'channels_last'
    """
    return defaults.image_data_format


@at_users_line
def set_image_data_format(data_format: str) -> None:
    """Set `image_data_format` for the layers that are made from now on.

    Raises:
        ArgumentError: any other order of axes.

    >>> set_image_data_format("channels_last")
    """
    if data_format not in _FORMATS:
        raise ArgumentError("There is no such order of axes.", got=repr(data_format), expected=" or ".join(_FORMATS))
    defaults.image_data_format = data_format


def dtype_policy() -> DTypePolicy:
    """The policy that layers get where no `dtype=` is said; `floatx` as long as none was set.

    >>> dtype_policy()
    <DTypePolicy "float32">
    """
    return dtype_policies.default_policy()


@at_users_line
def set_dtype_policy(policy: Any) -> None:
    """Set the policy of the layers that are made from now on.

    Args:
        policy: "mixed_bfloat16", "mixed_float16", a dtype, or a `DTypePolicy`; None follows `floatx` again.

    Raises:
        ArgumentError, DtypeError: no such policy.

    >>> set_dtype_policy("mixed_bfloat16")
    >>> layer = lamina.layers.Dense(2)
    >>> layer.compute_dtype, layer.variable_dtype
    ('bfloat16', 'float32')
    >>> set_dtype_policy(None)
    """
    defaults.policy = None if policy is None else dtype_policies.get(policy)


# ---- how much `fit` does


def max_epochs() -> int | None:
    """The most epochs that a `fit` does; None for no limit.

    >>> max_epochs() is None
    True
    """
    return defaults.max_epochs


@at_users_line
def set_max_epochs(max_epochs: int | None) -> None:
    """Let no `fit` that begins from now on do more epochs than this: to try a script out.

    Raises:
        ArgumentError: not a positive integer or None.

    >>> set_max_epochs(None)
    """
    defaults.max_epochs = _limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """The most steps that an epoch, an `evaluate` or a `predict` does; None for no limit.

    >>> max_steps_per_epoch() is None
    True
    """
    return defaults.max_steps_per_epoch


@at_users_line
def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Let no epoch, `evaluate` or `predict` that begins from now on do more steps than this.

    Raises:
        ArgumentError: not a positive integer or None.

    >>> set_max_steps_per_epoch(None)
    """
    defaults.max_steps_per_epoch = _limit("max_steps_per_epoch", max_steps_per_epoch)


def _limit(name: str, value: int | None) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ArgumentError(f"{name} cannot be {value!r}.", got=repr(value), expected="a positive integer, or None")
    return value


# ---- where progress goes


def enable_interactive_logging() -> None:
    """Show progress on standard output: a live display on a terminal or in a notebook, lines elsewhere. The default.

    >>> enable_interactive_logging()
    >>> is_interactive_logging_enabled()
    True
    """
    defaults.interactive = True


def disable_interactive_logging() -> None:
    """Send progress, one line an epoch, to ``logging.getLogger("lamina")`` at level INFO instead of standard output.

    Python's logging shows nothing below WARNING until it is told to: ``logging.basicConfig(level="INFO")``.

    >>> disable_interactive_logging()
    >>> is_interactive_logging_enabled()
    False
    >>> enable_interactive_logging()
    """
    defaults.interactive = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress is shown (True) or logged (False).

    >>> is_interactive_logging_enabled()
    True
    """
    return defaults.interactive


# ---- attention by PyTorch's flash kernels


def enable_flash_attention() -> None:
    """Let PyTorch take its flash kernel for attention where it can: `torch.backends.cuda.enable_flash_sdp(True)`.

    It can without attention scores and for masks that are causal at most; on a GPU in float16 and bfloat16.

    >>> enable_flash_attention()
    """
    torch.backends.cuda.enable_flash_sdp(True)


def disable_flash_attention() -> None:
    """Keep PyTorch from its flash kernel, in layers and in `torch.nn.functional.scaled_dot_product_attention` alike.

    The switch is PyTorch's own and holds at once, for models that exist as well. A layer made with
    `flash_attention=True` still asks for the kernel by itself.

    >>> disable_flash_attention()
    >>> is_flash_attention_enabled()
    False
    >>> enable_flash_attention()
    """
    torch.backends.cuda.enable_flash_sdp(False)


def is_flash_attention_enabled() -> bool:
    """Whether PyTorch may take its flash kernel.

    >>> is_flash_attention_enabled()
    True
    """
    result: bool = torch.backends.cuda.flash_sdp_enabled()
    return result


# ---- what is not so here


def is_traceback_filtering_enabled() -> bool:
    """Whether the traceback of an error ends at the line of yours that called the library.

    >>> is_traceback_filtering_enabled()
    True
    """
    return defaults.folds_tracebacks


def disable_traceback_filtering() -> None:
    """Show tracebacks whole, with the library's frames, as ``LAMINA_FULL_TRACEBACK=1`` in the environment does.

    >>> disable_traceback_filtering()
    >>> is_traceback_filtering_enabled()
    False
    >>> enable_traceback_filtering()
    """
    defaults.folds_tracebacks = False


def enable_traceback_filtering() -> None:
    """Leave the library's frames out of tracebacks again.

    >>> enable_traceback_filtering()
    """
    defaults.folds_tracebacks = True


def enable_unsafe_deserialization() -> None:
    """Refused: a file is data, and loading one never runs code from it.

    Raises:
        ArgumentError: always.
    """
    raise ArgumentError(
        "There is no unsafe loading to enable: a file holds no code.",
        hint="load_model(path, custom_objects={...}) for classes and functions of your own",
    )


def is_nnx_enabled() -> bool:
    """False: that is another engine's.

    >>> is_nnx_enabled()
    False
    """
    return False
