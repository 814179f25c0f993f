"""Which cell of a notebook code is from: IPython gives the code of each a file of its own, whose name nobody knows."""

from __future__ import annotations

import re
import sys
from typing import Any

# How older versions, and notebooks on the web, call that file: the number of the cell stands in it.
_NUMBERED = re.compile(r"ipython-input-(\d+)-")


def cell_of(file: str) -> str | None:
    """``In[5]`` for the file of a cell; None for any other.

    >>> cell_of("<ipython-input-5-9f8e7d>"), cell_of("train.py")
    ('In[5]', None)
    """
    asked: Any = getattr(sys.modules.get("IPython"), "get_ipython", None)
    told = getattr(getattr(asked() if asked else None, "compile", None), "format_code_name", None)
    named = told(file) if told else None
    if named is not None:
        return str(named[1])
    found = _NUMBERED.search(file)
    return f"In[{found[1]}]" if found else None
