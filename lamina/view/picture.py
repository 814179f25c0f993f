"""Pictures of models: `plot_model` writes a file, `model_to_svg` gives the text of one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from lamina.graph.errors import ArgumentError
from lamina.graph.source import warn
from lamina.tracebacks import door

from .cards import Options
from .compose import compose
from .facts import describe
from .scene import Scene
from .svg import to_svg

# What Graphviz takes for the attribute.
_SPLINES = ("ortho", "spline", "polyline", "curved", "line", "none", "", "true", "false", True, False, None)


class Picture:
    """A drawn model. A notebook shows it; elsewhere it says which file it was written to."""

    def __init__(self, scene: Scene, file: Path | None) -> None:
        self.svg = to_svg(scene)
        self.file = file

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Picture{f' in {self.file}' if self.file else ''}>"


@door
def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.svg",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = True,
    show_trainable: bool = False,
    expand: bool | None = None,
    splines: str | bool | None = "ortho",
) -> Picture:
    """Draw a model's graph into a file.

    Args:
        model: a model, or a layer.
        to_file: ``.svg`` (the default here, where Keras has ``model.png``) and ``.html`` need nothing installed;
            ``.png``, ``.pdf`` and the like need matplotlib. None writes no file.
        show_shapes: write at each line the shape of the tensor: ``(B, ?, 64)`` is any batch, any second axis, 64.
        show_dtype: write at each line the dtype of the tensor.
        show_layer_names: write the names of layers, not only their classes.
        rankdir: ``"TB"``, from top to bottom, or ``"LR"``, from left to right.
        expand_nested: draw what is in nested models, in a frame.
        dpi: resolution of ``.png``; coarser where the picture would have more than 30,000 pixels on a side.
        show_layer_activations: write the activations of layers; by default here, unlike Keras.
        show_trainable: write whether weights train.
        expand: True draws every layer in one column, with what computes masks; False draws a block of layers that comes
            several times in a row once, with how often ("×12"), and breaks a long picture into columns that fit a page;
            None does so from 50 layers on.
        splines: Keras' argument, Graphviz's word for how lines run: here they always run straight and turn at right
            angles, "ortho", so that other values only say what a warning then tells.

    Returns:
        The picture, which a notebook shows.

    Raises:
        ArgumentError: another ``rankdir``; a file ending that nothing here can write, or needs what is not installed.
    """
    if splines not in _SPLINES:
        raise ArgumentError("splines says how lines run.", got=repr(splines), expected=", ".join(map(repr, _SPLINES)))
    if splines not in ("ortho", None):
        warn(f"plot_model: lines run straight and turn at right angles, whatever splines={splines!r} asks for.")
    options = Options(
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        rankdir=_checked_direction(rankdir),
        expand_nested=expand_nested,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        expand=expand,
    )
    scene = compose(describe(model), options)
    file = None if to_file is None else Path(to_file)
    picture = Picture(scene, file)
    if file is not None:
        _write(picture, scene, file, dpi)
    return picture


def model_to_svg(
    model: Any,
    show_shapes: bool = True,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    show_layer_activations: bool = True,
    show_trainable: bool = False,
    expand: bool | None = None,
) -> str:
    """The picture of a model as the text of an SVG document; see `plot_model` for the arguments.

    >>> from lamina.layers import Dense, Input
    >>> from lamina.models import Model
    >>> x = Input((4,), name="x")
    >>> svg = model_to_svg(Model(x, Dense(2, name="y")(x)))
    >>> svg.startswith("<svg"), svg.count('class="box"')
    (True, 3)
    """
    options = {"show_shapes": show_shapes, "show_dtype": show_dtype, "show_layer_names": show_layer_names}
    options |= {"expand_nested": expand_nested, "show_layer_activations": show_layer_activations}
    options |= {"show_trainable": show_trainable}
    return plot_model(model, None, rankdir=rankdir, expand=expand, **options).svg


def _checked_direction(rankdir: str) -> Any:
    if rankdir not in ("TB", "LR"):
        raise ArgumentError("rankdir says which way a picture flows.", got=repr(rankdir), expected='"TB" or "LR"')
    return rankdir


def _write(picture: Picture, scene: Scene, file: Path, dpi: int) -> None:
    ending = file.suffix.lower()
    if ending == ".svg":
        file.write_text(picture.svg, encoding="utf-8")
    elif ending in (".html", ".htm"):
        file.write_text(_page(scene.title, picture.svg), encoding="utf-8")
    else:
        _write_other(scene, file, dpi)


def _page(title: str, svg: str) -> str:
    look = ":root{color-scheme:light dark}body{margin:24px;background:Canvas}svg{max-width:100%;height:auto}"
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{look}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{svg}</body></html>\n'


def _write_other(scene: Scene, file: Path, dpi: int) -> None:
    try:
        from .raster import endings, write_with_matplotlib

        known = endings()
    except ImportError:
        raise ArgumentError(
            f"Writing {file.name!r} needs matplotlib, which is not installed.",
            hint="pip install 'lamina[plot]'; .svg and .html need nothing",
        ) from None
    if file.suffix.lower() not in known:
        raise ArgumentError(
            "This is no kind of file that a picture can be written to.",
            got=repr(file.name),
            expected=", ".join([".svg", ".html", *known]),
        )
    write_with_matplotlib(scene, file, dpi)
