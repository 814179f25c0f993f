"""glibc's allocator: keep freed pages instead of giving them back at every step.

glibc maps each block above 32 MiB anew and returns it when freed, so a large activation is page-faulted in at every
step. Told to keep them, a transformer with 39 MiB of logits trains 1.4 times faster on 2 CPU cores; models with small
tensors are not touched by it.
"""

from __future__ import annotations

import ctypes
import os
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_pages() -> bool:
    """Ask glibc to keep freed pages, once per process; ``LAMINA_KEEP_PAGES=0`` in the environment says no.

    Returns:
        Whether glibc accepted it.
    """
    if not sys.platform.startswith("linux") or os.environ.get("LAMINA_KEEP_PAGES", "1") == "0":
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, 1 << 30)) and bool(mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
