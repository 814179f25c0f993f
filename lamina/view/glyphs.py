"""Glyphs: which installed font has the signs of a text, where the usual one lacks them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from lamina.graph.source import warn

USUAL = "DejaVu Sans"  # comes with matplotlib
_PLACEHOLDER = "□"
# Fonts with many signs, as systems install them.
_LARGE = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK TC", "Noto Sans CJK KR", "Noto Sans SC", "Noto Sans JP",
    "Source Han Sans SC", "Source Han Sans", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "PingFang SC", "Heiti SC",
    "Hiragino Sans", "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "Yu Gothic", "MS Gothic", "Malgun Gothic",
    "AppleGothic", "Droid Sans Fallback", "Arial Unicode MS", "Unifont",
)  # fmt: skip


def families_for(texts: Iterable[str]) -> tuple[list[str], dict[int, str]]:
    """Fonts that have the signs of these texts, and what to write for signs that none has.

    Warns once where there are such.
    """
    signs = {sign for text in texts for sign in text if ord(sign) > 126}
    left = {sign for sign in signs if ord(sign) not in _signs_of(USUAL)}
    families = [USUAL]
    for family in _LARGE if left else ():
        found = {sign for sign in left if ord(sign) in _signs_of(family)}
        if found:
            families.append(family)
            left -= found
    if left:
        shown = "".join(sorted(left)[:20])
        warn(
            f"No font here that matplotlib knows has these signs: {shown}. "
            f"They are drawn as {_PLACEHOLDER}; .svg has them."
        )
    return families, dict.fromkeys(map(ord, left), _PLACEHOLDER)


@lru_cache(maxsize=64)
def _signs_of(family: str) -> frozenset[int]:
    """The signs that an installed font has; none where it is not installed."""
    from matplotlib.font_manager import FontProperties, fontManager, get_font

    if all(entry.name != family for entry in fontManager.ttflist):
        return frozenset()
    return frozenset(get_font(fontManager.findfont(FontProperties(family=family))).get_charmap())
