"""Whose code a frame runs: the user's, Lamina's, PyTorch's or Python's."""

from __future__ import annotations

import os
from types import FrameType

import torch

_OURS = (os.path.dirname(os.path.abspath(__file__)) + os.sep, "lamina_program_")
_TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
_PYTHON = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_NO_USERS = (*_OURS, _TORCH, "<frozen ")
_NO_PACKAGES = (_PYTHON, "<frozen ")
_PACKAGES = f"{os.sep}site-packages{os.sep}"
_CALLED = ("numpy", "rich", "h5py", "PIL", "matplotlib")
_EINOPS = f"{_PACKAGES}einops{os.sep}"  # whose functions call on what the user gives them


def is_users(frame: FrameType) -> bool:
    """Whether the code of a frame is neither Lamina's nor PyTorch's nor einops'."""
    file = frame.f_code.co_filename
    return not file.startswith(_NO_USERS) and _EINOPS not in file and not _is_written(frame)


def is_ours(frame: FrameType) -> bool:
    """Whether the code of a frame is Lamina's, or that of a program it wrote."""
    return frame.f_code.co_filename.startswith(_OURS) or _is_written(frame)


def _is_written(frame: FrameType) -> bool:
    """Whether it is code that Python wrote for a class of ours, such as the ``__init__`` of a dataclass."""
    return frame.f_code.co_filename == "<string>" and str(frame.f_globals.get("__name__")).startswith("lamina.")


def is_raised_by_user(error: BaseException) -> bool:
    """Whether it was raised right in the user's code, not in what that has called."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and is_users(trace.tb_frame)


def is_of_python(frame: FrameType) -> bool:
    """Whether the code of a frame is of Python's own modules."""
    file = frame.f_code.co_filename
    return file.startswith(_NO_PACKAGES) and _PACKAGES not in file


def is_called(frame: FrameType) -> bool:
    """Whether it is of Python's own modules, or of a package that the library calls."""
    file = frame.f_code.co_filename
    return is_of_python(frame) or (_PACKAGES in file and any(f"{_PACKAGES}{name}{os.sep}" in file for name in _CALLED))
