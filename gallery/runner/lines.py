"""How long an example is: lines that hold code."""

from __future__ import annotations

import ast
import io
import tokenize

_LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def code_lines(source: str) -> int:
    """Lines that are neither blank, nor comment, nor docstring, nor part of `ABOUT = About(...)`.

    >>> code_lines('A = 1  # one\\n\\n# two\\n')
    1
    """
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if _is_text(node) or _is_about(node):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))  # type: ignore[attr-defined]
    return len(lines)


def _is_text(node: ast.AST) -> bool:
    """A docstring: a text that stands by itself."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_about(node: ast.AST) -> bool:
    """What the example says about itself is no part of the system."""
    return isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["ABOUT"]
