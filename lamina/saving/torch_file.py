"""A ``state_dict`` as ``torch.save`` writes it, read as data: what the pickle in it asks for is looked up, never done.

Such a file is a zip: ``data.pkl``, a program for a small stack machine that builds the objects, and one member for the
values of each storage. The program is run by a machine of our own that knows numbers, texts, lists, tuples, dicts and
dense tensors, and refuses whatever else it asks for, by its name. No pickle is loaded, and nothing is imported.
"""

from __future__ import annotations

import math
import pickletools
import warnings
import zipfile
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch

from .archive import read_zip
from .errors import LoadingError

# A tensor takes some 35 instructions and 200 bytes of the program.
_MAX_PROGRAM = 4 * 2**20
_MAX_STEPS = 500_000
_MAX_CALLS = 50_000
_MAX_AXES = 64
_LOCAL_HEADER = 30
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_STORAGES = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64, "ComplexDoubleStorage": torch.complex128,
}  # fmt: skip
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint32, torch.uint64)
}


class Word(NamedTuple):
    """A name of Python's that the program mentions, and what stands for it here: a dtype, or a function of ours."""

    name: str
    meaning: Any


class _Storage(NamedTuple):
    dtype: torch.dtype | None
    member: memoryview
    values: bool
    count: int  # type: ignore[assignment]  # which a tuple has as a method


_MARK = object()


def is_torch_file(path: Any) -> bool:
    """Whether a zip is one that ``torch.save`` wrote, told by its first member.

    >>> torch.save({"a": torch.ones(2)}, "a.pt")
    >>> is_torch_file("a.pt")
    True
    """
    with open(path, "rb") as file:
        head = file.read(_LOCAL_HEADER)
        size = int.from_bytes(head[26:28], "little")
        return head.startswith(b"PK\x03\x04") and file.read(size).endswith(b"/data.pkl")


def read_torch_file(path: Any, values: bool = True) -> dict[str, torch.Tensor]:
    """Name -> tensor, each a view of the file, which is mapped.

    Args:
        path: a file of a ``state_dict``, alone or in a dict under "state_dict", "model_state_dict" or "model".
        values: False gives tensors without storage, and reads nothing of them.

    Raises:
        LoadingError: something else in it than data and dense tensors; a size that is not what is stored.
        DamagedFileError: a damaged zip.

    >>> torch.save(torch.nn.Linear(2, 3).state_dict(), "linear.pt")
    >>> {name: tuple(tensor.shape) for name, tensor in read_torch_file("linear.pt").items()}
    {'weight': (3, 2), 'bias': (3,)}
    """
    where = repr(str(path))
    is_read = (lambda name: True) if values else (lambda name: "/data/" not in name)
    members = read_zip(path, _refuse_odd_members, "a file that torch.save wrote", is_read)
    top = next(iter(members)).partition("/")[0]
    program = members[f"{top}/data.pkl"]
    if bytes(members.get(f"{top}/byteorder", b"little")) != b"little":
        raise LoadingError(f"{where} was written on a big-endian machine.", expected="little-endian numbers")
    storages = {name.removeprefix(f"{top}/data/"): data for name, data in members.items()}
    found = Machine(storages, where, values).run(program)
    for state in (found, *(found.get(key) for key in _WRAPPERS if isinstance(found, dict))):
        if isinstance(state, dict) and state and all(isinstance(v, torch.Tensor) for v in state.values()):
            return state
    got = ", ".join(found) if isinstance(found, dict) else type(found).__name__
    raise LoadingError(f"{where} holds no state_dict.", got=got[:200] or "nothing", expected=_EXPECTED, hint=_HINT)


_EXPECTED = 'a dict of tensors by name, alone or under "state_dict", "model_state_dict" or "model"'
_HINT = "torch.save(module.state_dict(), path); better a .safetensors file, which holds tensors and nothing else"


def _refuse_odd_members(infos: list[zipfile.ZipInfo], path: Any) -> None:
    names = [info.filename for info in infos]
    top = names[0].partition("/")[0] if names else ""
    packed = [i.filename for i in infos if i.compress_type != zipfile.ZIP_STORED or i.file_size != i.compress_size]
    odd = packed + [name for name in names if not name.startswith(f"{top}/")]
    if odd or len(set(names)) != len(names) or f"{top}/data.pkl" not in names:
        raise LoadingError(
            f"{str(path)!r} has members that torch.save does not write.",
            got=", ".join(map(repr, odd or names))[:200],
            expected="one folder, no name twice, stored as they are",
        )


class Machine:
    """Runs the program of a pickle with words of ours only."""

    key_types: tuple[type, ...] = (str,)

    def __init__(self, storages: Mapping[str, memoryview], where: str, values: bool = True) -> None:
        self._storages, self._where, self._values = storages, where, values
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._calls = 0

    def run(self, program: memoryview) -> Any:
        if len(program) > _MAX_PROGRAM:
            raise self._refused(f"{len(program)} bytes of data.pkl, of at most {_MAX_PROGRAM}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # odd escapes in a name: no name of ours has any
                for step, (opcode, argument, _) in enumerate(pickletools.genops(bytes(program))):
                    if step == _MAX_STEPS:
                        raise self._refused(f"more than {_MAX_STEPS} instructions")
                    if opcode.name == "STOP":
                        return self._stack.pop()
                    self._step(opcode.name, argument)
        except LoadingError:
            raise
        except (ValueError, TypeError, IndexError, KeyError, RuntimeError, OverflowError) as error:
            raise self._refused(f"{type(error).__name__}: {error}") from error
        raise self._refused("a program without an end")

    def _refused(self, got: str) -> LoadingError:
        return LoadingError(
            f"{self._where} holds more than data, or is damaged.",
            got=got[:200],
            expected="numbers, texts, lists, tuples, dicts and dense tensors",
            hint=_HINT,
        )

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _LITERALS:
            make = _LITERALS[name]
            stack.append(argument if make is None else make())
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name == "GLOBAL":
            stack.append(self._word(argument))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(self._word(f"{module} {attribute}"))
        elif name == "TUPLE":
            stack.append(tuple(self._to_mark()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name in ("SETITEM", "SETITEMS"):
            items = self._to_mark() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            if any(type(key) not in self.key_types for key in items[::2]):
                raise self._refused("a dict whose keys are no strings")
            self._of(dict).update(zip(items[::2], items[1::2], strict=True))
        elif name in ("APPEND", "APPENDS"):
            items = self._to_mark() if name == "APPENDS" else [stack.pop()]
            self._of(list).extend(items)
        elif name == "BINPERSID":
            stack.append(self._storage(stack.pop()))
        elif name == "REDUCE":
            arguments, word = stack.pop(), stack.pop()
            stack.append(self._call(word, arguments))
        elif name == "BUILD":
            stack.pop()  # of a state_dict, the versions of its modules
            self._of(dict)
        elif name not in ("PROTO", "FRAME"):
            raise self._refused(f"the instruction {name}")

    def _to_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _of(self, kind: type) -> Any:
        if type(self._stack[-1]) is not kind:
            raise self._refused(f"an addition to a {type(self._stack[-1]).__name__}")
        return self._stack[-1]

    # -- words

    def _word(self, name: str) -> Word:
        if name not in _WORDS:
            raise self._refused(f"{name.replace(' ', '.')}, which loading it with pickle would import")
        return Word(name, _WORDS[name])

    def _call(self, word: Any, arguments: Any) -> Any:
        if not isinstance(word, Word) or word.name not in _CALLED or type(arguments) is not tuple:
            raise self._refused(f"a call of {word.name if isinstance(word, Word) else type(word).__name__}")
        self._calls += 1
        if self._calls > _MAX_CALLS:
            raise self._refused(f"more than {_MAX_CALLS} tensors")
        return word.meaning(*arguments)

    def _storage(self, facts: Any) -> _Storage:
        kind, word, key, _, count = facts
        sound = isinstance(word, Word) and word.name not in _CALLED and type(key) is str and type(count) is int
        if kind != "storage" or not sound:
            raise self._refused("a reference to something else than a storage")
        size = count * (word.meaning.itemsize if word.meaning is not None else 1)
        if key not in self._storages or len(self._storages[key]) != size:
            stored = f"{len(self._storages[key])} bytes" if key in self._storages else "nothing"
            raise self._refused(f"a storage {key!r} of {size} bytes, where {stored} is stored")
        return _Storage(word.meaning, self._storages[key], self._values, count)


_LITERALS: Mapping[str, Callable[[], Any] | None] = MappingProxyType({
    "MARK": lambda: _MARK, "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "NONE": lambda: None,
    "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "BININT": None, "BININT1": None, "BININT2": None,
    "LONG1": None, "BINFLOAT": None, "BINUNICODE": None, "SHORT_BINUNICODE": None, "BINUNICODE8": None,
})  # fmt: skip


def _tensor(
    storage: _Storage, offset: int, size: Any, stride: Any, requires_grad: bool, hooks: Any, *more: Any
) -> torch.Tensor:
    """The view of a storage that ``torch._utils._rebuild_tensor_v2`` and its successor make, checked to lie in it."""
    if not isinstance(storage, _Storage):
        raise ValueError("a tensor without a storage")
    words = [word.meaning for word in more if isinstance(word, Word)]
    dtype = storage.dtype or words[0]
    if not isinstance(dtype, torch.dtype):
        raise ValueError("a tensor without a dtype")
    count = len(storage.member) // dtype.itemsize
    # No arithmetic and no text of what may be anything, before it is known to be numbers.
    if len(size) > _MAX_AXES or any(type(n) is not int or not 0 <= n < 2**63 for n in (offset, *size, *stride)):
        raise ValueError("a tensor with a shape that is none")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) > count or (math.prod(size) and last >= count):
        raise ValueError(f"a tensor of {size} with strides {stride} from {offset} in {count} stored values")
    if not storage.values or not math.prod(size):
        return torch.empty(size, dtype=dtype, device=None if storage.values else "meta")
    read = torch.uint8 if dtype is torch.bool else dtype  # another byte than 0 and 1 is no bool for PyTorch's kernels
    values = torch.frombuffer(storage.member, dtype=read, count=count)
    if values.data_ptr() % dtype.itemsize:
        values = torch.frombuffer(bytearray(storage.member), dtype=read, count=count)
    tensor = values.as_strided(size, stride, offset)
    return tensor.ne(0) if dtype is torch.bool else tensor


def _parameter(tensor: torch.Tensor, requires_grad: bool, hooks: Any) -> torch.Tensor:
    return tensor


def _ordered_dict() -> dict[str, Any]:
    return {}


_CALLED = {
    "collections OrderedDict": _ordered_dict,
    "torch._utils _rebuild_parameter": _parameter,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_tensor_v3": _tensor,
}
_WORDS: Mapping[str, Any] = MappingProxyType({
    **_CALLED,
    **{f"torch {name}": dtype for name, dtype in (_STORAGES | _DTYPES).items()},
    "torch.storage UntypedStorage": None,
})  # fmt: skip
