"""NumPy's arrays in a pickle, read as data by the machine that reads PyTorch's files: nothing is imported or called.

The data sets of old are such files: CIFAR's batches, and the lists of words in an ``.npz``. They hold millions of whole
numbers in lists, which are read run by run; one instruction after the other takes ten times as long.
"""

from __future__ import annotations

import io
import math
import pickletools
import re
import warnings
from typing import Any

import numpy as np

from .errors import LoadingError
from .torch_file import Machine, Word

_MAX_PROGRAM = 1 << 30
# BININT1, BININT2, BININT: a sign and 1, 2 or 4 bytes.
_RUN = re.compile(rb"(?:K.|M..|J....)+", re.DOTALL)
_ONE = re.compile(rb"K.|M..|J....", re.DOTALL)
_PLACES = ("BINPUT", "LONG_BINPUT", "MEMOIZE", "PUT")
_VALUES = (
    "SHORT_BINSTRING", "BINSTRING", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8", "LONG4", "STRING",
    "UNICODE", "INT", "LONG", "FLOAT",
)  # fmt: skip


class _Unbuilt:
    """An array or a dtype that the program has begun; the places in the memo that hold it."""

    def __init__(self, word: str, arguments: Any = ()) -> None:
        self.word, self.arguments = word, arguments
        self.places: list[int] = []


def read_pickled_arrays(program: bytes, where: str) -> Any:
    """What a pickle holds, of numbers, texts, lists, tuples, dicts and NumPy's arrays.

    Args:
        where: what to call it in errors.

    Raises:
        LoadingError: it holds something else, or is damaged.

    >>> import pickle
    >>> read_pickled_arrays(pickle.dumps({b"a": np.arange(3)}), "a pickle")
    {b'a': array([0, 1, 2])}
    """
    return _ArrayMachine(where).run_all(program)


class _ArrayMachine(Machine):
    """A `Machine` that knows NumPy's words, and bytes as keys of dicts."""

    key_types = (str, bytes)

    def __init__(self, where: str) -> None:
        super().__init__({}, where)

    def run_all(self, program: bytes) -> Any:
        if len(program) > _MAX_PROGRAM:
            raise self._refused(f"{len(program)} bytes, of at most {_MAX_PROGRAM}")
        file = io.BytesIO(program)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                for opcode, argument, _ in pickletools.genops(file):
                    if opcode.name == "STOP":
                        return self._finished(self._stack.pop())
                    self._step(opcode.name, argument)
                    run = _RUN.match(program, file.tell())
                    if run is not None:
                        self._stack.extend(map(_number, _ONE.findall(run[0])))
                        file.seek(run.end())
        except LoadingError:
            raise
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, AttributeError, MemoryError) as error:
            raise self._refused(f"{type(error).__name__}: {error}") from error
        raise self._refused("a program without an end")

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _VALUES:
            stack.append(argument)
        elif name in _PLACES:
            place = len(self._memo) if name == "MEMOIZE" else int(argument)
            self._memo[place] = stack[-1]
            if isinstance(stack[-1], _Unbuilt):
                stack[-1].places.append(place)
        elif name == "GET":
            stack.append(self._memo[int(argument)])
        elif name in ("DICT", "LIST"):
            items = self._to_mark()
            stack.append(items if name == "LIST" else dict(zip(items[::2], items[1::2], strict=True)))
        elif name == "BUILD" and isinstance(stack[-2], _Unbuilt):
            state, begun = stack.pop(), stack.pop()
            stack.append(self._built(begun, state))
            for place in begun.places:
                self._memo[place] = stack[-1]
        else:
            super()._step(name, argument)

    def _word(self, name: str) -> Word:
        if name not in _WORDS:
            raise self._refused(f"{name.replace(' ', '.')}, which loading it with pickle would import")
        return Word(name, _WORDS[name])

    def _call(self, word: Any, arguments: Any) -> Any:
        kind = word.meaning if isinstance(word, Word) else None
        if type(arguments) is not tuple or kind not in ("array", "dtype", "bytes", "buffer"):
            raise self._refused(f"a call of {word.name if isinstance(word, Word) else type(word).__name__}")
        if kind == "bytes":  # how Python 3 tells bytes to readers of old
            if not arguments:
                return b""
            text, encoding = arguments
            if type(text) is not str or encoding != "latin1":
                raise self._refused("a call of _codecs.encode")
            return text.encode("latin-1")
        if kind == "buffer":
            values, dtype, shape, order = arguments
            return self._array(shape, dtype, order == "F", values)
        return _Unbuilt(kind, arguments)

    def _built(self, begun: _Unbuilt, state: Any) -> Any:
        if type(state) is not tuple:
            raise self._refused("an array without a state")
        if begun.word == "array":
            _, shape, dtype, is_fortran, values = state
            return self._array(shape, dtype, is_fortran, values)
        name = begun.arguments[0]
        name = name.decode() if isinstance(name, bytes) else name
        order = state[1].decode() if isinstance(state[1], bytes) else state[1]
        if not re.fullmatch(r"[biufcSUO]\d*", name) or order not in ("<", ">", "|", "=") or any(state[2:5]):
            raise self._refused(f"an array of {name!r}")
        return np.dtype(name).newbyteorder(order)  # type: ignore[arg-type]  # one of four signs

    def _array(self, shape: Any, dtype: Any, is_fortran: Any, values: Any) -> np.ndarray[Any, Any]:
        sound = type(shape) is tuple and len(shape) <= 32 and all(type(n) is int and n >= 0 for n in shape)
        if not sound or not isinstance(dtype, np.dtype):
            raise self._refused("an array with a shape or a dtype that is none")
        count, order = math.prod(shape), "F" if is_fortran else "C"
        if dtype.hasobject:
            if type(values) is not list or len(values) != count:
                raise self._refused(f"an array of shape {shape} of something else than as many objects")
            objects = np.empty(count, dtype=object)
            for place, value in enumerate(values):
                objects[place] = self._finished(value)
            ordered: np.ndarray[Any, Any] = objects.reshape(shape, order=order)  # type: ignore[call-overload]
            return ordered
        data = values.encode("latin-1") if isinstance(values, str) else values
        if not isinstance(data, (bytes, bytearray)) or len(data) != count * dtype.itemsize:
            raise self._refused(f"an array of shape {shape} in {len(data)} bytes")
        made: np.ndarray[Any, Any] = np.frombuffer(bytearray(data), dtype).reshape(shape, order=order)  # type: ignore[call-overload]
        return made

    def _finished(self, value: Any) -> Any:
        if isinstance(value, (_Unbuilt, Word)):
            raise self._refused("an array that is not finished")
        return value


def _number(told: bytes) -> int:
    return int.from_bytes(told[1:], "little", signed=told[0] == ord("J"))


_RECONSTRUCT = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
_FROM_BUFFER = ("numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer")
_WORDS = {
    **dict.fromkeys(_RECONSTRUCT, "array"),
    **dict.fromkeys(_FROM_BUFFER, "buffer"),
    "numpy ndarray": "name",
    "numpy dtype": "dtype",
    **dict.fromkeys(("_codecs encode", "__builtin__ bytes", "builtins bytes"), "bytes"),
}
