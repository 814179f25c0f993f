"""How wide text is, so that it never leaves its box.

Which font a viewer of an SVG has is unknown. These are the advance widths of DejaVu Sans, the widest of the fonts named
in `FONTS`: in any of the others the same text is narrower.
"""

from __future__ import annotations

import unicodedata

FONTS = "Inter, 'Helvetica Neue', 'Segoe UI', Arial, 'DejaVu Sans', sans-serif"

# Thousandths of the font size, for the characters from space to tilde.
_REGULAR = tuple(
    int(w)
    for w in """
    318 401 460 838 636 950 780 275 390 390 500 838 318 361 318 337 636 636 636 636 636 636 636 636 636 636 337
    337 838 838 838 531 1000 684 686 698 770 632 575 775 752 295 295 656 557 863 748 787 603 787 695 635 611 732
    684 989 685 611 685 390 337 390 838 500 500 613 635 550 635 615 352 635 634 278 278 579 278 974 634 612 635
    635 411 521 392 634 592 818 592 592 525 636 337 636 838
    """.split()
)
_BOLD = tuple(
    int(w)
    for w in """
    348 456 521 838 696 1002 872 306 457 457 523 838 380 415 380 365 696 696 696 696 696 696 696 696 696 696 400
    400 838 838 838 580 1000 774 762 734 830 683 683 821 837 372 372 775 637 995 837 850 733 850 770 720 682 812
    774 1103 771 724 725 457 365 457 838 500 500 675 716 593 716 678 435 716 712 343 343 665 343 1042 712 687
    716 716 493 595 478 712 652 924 645 652 582 712 365 712 838
    """.split()
)
_OTHER = 1000  # arrows, signs, letters with accents and other alphabets: hardly any is wider
_WIDE = 1050  # what East Asian fonts draw on a full square, and emoji


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Width in pixels of one line of text at a font size in pixels, on the safe side.

    >>> text_width("iii", 10) < text_width("mmm", 10) < text_width("mmm", 10, bold=True)
    True
    """
    return sum(_advance(c, bold) for c in text) * size / 1000


def _advance(character: str, bold: bool) -> int:
    code = ord(character)
    if 32 <= code < 127:
        return (_BOLD if bold else _REGULAR)[code - 32]
    if unicodedata.combining(character):
        return 0
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _OTHER


def shortened(text: str, room: float, size: float, bold: bool = False) -> str:
    """The text, or as much of its start and end as fits into ``room`` pixels, around an ellipsis."""
    if text_width(text, size, bold) <= room:
        return text
    keep = len(text) - 1
    while keep > 2 and text_width(_without_middle(text, keep), size, bold) > room:
        keep -= 1
    return _without_middle(text, keep)


def _without_middle(text: str, keep: int) -> str:
    head = (keep + 1) // 2
    return f"{text[:head]}…{text[len(text) - (keep - head) :]}"
