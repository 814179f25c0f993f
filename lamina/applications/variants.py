"""Public functions of one signature, one for each variant of an architecture, from a table of settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from lamina.models import Model
from lamina.tracebacks import door

from .foreign import Foreign
from .frame import Frame
from .published import Weights

ARGUMENTS = """
    Args:
        include_top: with the head that tells classes; without, the model gives the features that it would go by.
        weights: None: drawn anew. "imagenet": those that Keras has published, a file that is downloaded once and kept.
            Or the path of a file of weights, as Keras' or Lamina's `save_weights` and `save` write it.
        input_tensor: symbolic pictures to build upon, in place of an `Input` of its own.
        input_shape: (H, W, C) of one picture, in "channels_first" (C, H, W); by default that of the publication with
            the head, (None, None, 3) without.
        pooling: without the head, what becomes of the features (B, H', W', F): None leaves them, "avg" and "max" give
            (B, F).
        classes: how many the head tells apart.
        classifier_activation: of the head; None gives logits.
        name: of the model.

    Returns:
        A `Model` of pictures (B, H, W, C) to scores (B, classes), or to features.

    Raises:
        ArgumentError: arguments that cannot be, or not together. DownloadError: the published file is not in the cache
            and cannot be had. LoadingError: the file holds the weights of another model.
"""
"""What applications have in common in their docstrings."""


class Application(Protocol):
    """A function that makes a model of one architecture."""

    __name__: str

    def __call__(
        self,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = ...,
    ) -> Model: ...


def application(
    title: str,
    told: str,
    draw: Callable[[Frame], Any],
    published: Weights,
    foreign: Foreign | str,
    *,
    module: str,
    sizes: Sequence[int] = (224,),
    least: int = 32,
    name: str | None = None,
) -> Application:
    """The public function of one variant.

    Args:
        title: its name.
        told: what it is, one sentence.
        draw: layers on the pictures of a `Frame`, up to what the model gives.
        published: the files with its weights.
        foreign: as of `Frame.model`.
        module: where it is public.
        sizes, least: as of `Frame`.
        name: of its models; by default the title in small letters.
    """
    default = title.lower() if name is None else name

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = default,
    ) -> Model:
        frame = Frame(
            sizes=sizes,
            least=least,
            include_top=include_top,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )
        return frame.model(draw(frame), published, foreign)

    made: Application = door(entitled(build, title, module, told))
    return made


def entitled(function: Any, title: str, module: str, told: str, own: str = "") -> Any:
    """The function, called by its public name, with a docstring.

    Args:
        own: what the docstring says of arguments that other applications do not have, after a line break.
    """
    function.__name__ = function.__qualname__ = title
    function.__module__ = module
    function.__doc__ = f"""{told}
{ARGUMENTS.replace("Args:", f"Args:{own}")}
    >>> model = lamina.applications.{title}(weights=None, input_shape=(96, 96, 3), classes=10)
    >>> model.output_shape
    (None, 10)
    """
    return function
