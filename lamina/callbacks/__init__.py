"""Callbacks: code that runs between the steps and epochs of a training."""

from .base import Callback, CallbackList, LambdaCallback
from .history import History
from .stopping import EarlyStopping, TerminateOnNaN

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "TerminateOnNaN"]
