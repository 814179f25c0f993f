"""A scene as SVG: text only, nothing needed to write it or to look at it but a browser."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from .fonts import FONTS
from .scene import WORD_GAP, Arrow, Group, Label, Panel, Scene, Shape, Stroke, Word

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_svg(scene: Scene) -> str:
    """The SVG document of a scene. Its background is transparent."""
    width, height = _number(scene.width), _number(scene.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" font-family={quoteattr(FONTS)}>',
        f"<title>{_text(scene.title)}</title>",
    ]
    for group in scene.groups:
        lines.extend(_group(group))
    lines.append("</svg>\n")
    return "\n".join(lines)


def _group(group: Group) -> list[str]:
    if not group.shapes:
        return []
    name = f" data-name={quoteattr(_NOT_XML.sub('?', group.name))}" if group.name else ""
    lines = [f'<g class="{group.kind}"{name}>']
    if group.note:
        lines.append(f"<title>{_text(group.note)}</title>")
    lines.extend(_shape(shape) for shape in group.shapes)
    lines.append("</g>")
    return lines


def _shape(shape: Shape) -> str:
    if isinstance(shape, Panel):
        return _panel(shape)
    if isinstance(shape, Label):
        return _label(shape)
    if isinstance(shape, Stroke):
        return _stroke(shape)
    return _arrow(shape)


def _panel(panel: Panel) -> str:
    rim = f' stroke="{panel.stroke}" stroke-width="{_number(panel.stroke_width)}"' if panel.stroke else ""
    opacity = f' fill-opacity="{_number(panel.opacity)}"' if panel.opacity < 1 else ""
    return (
        f'<rect x="{_number(panel.x)}" y="{_number(panel.y)}" width="{_number(panel.width)}" '
        f'height="{_number(panel.height)}" rx="{_number(panel.radius)}" fill="{panel.fill}"{opacity}{rim}/>'
    )


def _label(label: Label) -> str:
    anchor = ' text-anchor="middle"' if label.centered else ""
    runs = "".join(_run(word, i) for i, word in enumerate(label.words))
    return f'<text x="{_number(label.x)}" y="{_number(label.y)}"{anchor}>{runs}</text>'


def _run(word: Word, place: int) -> str:
    weight = ' font-weight="600"' if word.bold else ""
    gap = f' dx="{_number(WORD_GAP)}"' if place else ""
    return f'<tspan{gap} font-size="{_number(word.size)}" fill="{word.color}"{weight}>{_text(word.text)}</tspan>'


def _stroke(stroke: Stroke) -> str:
    path = [f"M{_point(stroke.start)}"]
    for step in stroke.steps:
        path.append(("L" if len(step) == 1 else "C") + " ".join(_point(p) for p in step))
    dash = ' stroke-dasharray="4 3"' if stroke.dashed else ""
    return (
        f'<path d="{"".join(path)}" fill="none" stroke="{stroke.color}" stroke-width="{_number(stroke.width)}"{dash}/>'
    )


def _arrow(arrow: Arrow) -> str:
    return f'<path d="M{"L".join(_point(p) for p in arrow.points)}Z" fill="{arrow.color}"/>'


def _point(point: tuple[float, float]) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("?", text))
