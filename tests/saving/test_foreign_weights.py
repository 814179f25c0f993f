"""Weights of other programs: which goes where, as the user says; PyTorch's files are data, and nothing in them runs."""

from __future__ import annotations

import pickle
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from lamina import ArgumentError, Model, layers
from lamina.layers import Dense, Input
from lamina.saving import DamagedFileError, LoadingError
from lamina.saving.torch_file import read_torch_file

PARTS = {"conv": "0", "norm": "1", "head": "5"}
WEIGHTS = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
AXES = {"conv": (2, 3, 1, 0), "head": (1, 0)}


def module() -> torch.nn.Sequential:
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.BatchNorm2d(4, eps=1e-3),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 2),
    )
    net(torch.randn(8, 3, 9, 9))  # moves the running statistics
    return net.eval()


def model() -> Model:
    x = Input((9, 9, 3))
    y = layers.ReLU()(layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(x)))
    return Model(x, Dense(2, name="head")(layers.GlobalAveragePooling2D()(y)))


def name_there(path: str) -> Any:
    layer, weight = path.split(".")
    if weight == "kernel":
        return f"{PARTS[layer]}.weight", AXES[layer]
    return f"{PARTS[layer]}.{WEIGHTS.get(weight, weight)}"


def save(net: torch.nn.Module, path: Path) -> Path:
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(net.state_dict(), path)
    else:
        torch.save({"epoch": 3, "state_dict": net.state_dict()} if path.suffix == ".pth" else net.state_dict(), path)
    return path


@pytest.mark.parametrize("name", ("net.safetensors", "net.pt", "net.pth", "net.bin"))
@pytest.mark.parametrize("kind", ("function", "dict"))
def test_a_module_of_pytorch_and_the_model_then_compute_the_same(tmp_path: Path, name: str, kind: str) -> None:
    net, ours = module(), model()
    mapping = name_there if kind == "function" else {path: name_there(path) for path in ours.state_dict()}
    assert ours.load_weights(save(net, tmp_path / name), mapping=mapping) is None
    x = torch.randn(5, 9, 9, 3)
    torch.testing.assert_close(ours(x), net(x.permute(0, 3, 1, 2)))


def test_names_that_are_the_models_need_no_mapping(tmp_path: Path) -> None:
    net, other = module(), Model.from_module(module())
    torch.save(other.state_dict(), tmp_path / "a.pt")
    torch.save(dict.fromkeys(other.state_dict(), 0), tmp_path / "b.pt")
    again = Model.from_module(net)
    again.load_weights(tmp_path / "a.pt")
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True))
    with pytest.raises(LoadingError, match="holds no state_dict"):
        again.load_weights(tmp_path / "b.pt")


def test_a_weight_may_stay_as_it_is(tmp_path: Path) -> None:
    net, ours = module(), model()
    before = ours.get_layer("head").kernel.clone()
    mapping = {path: name_there(path) for path in ours.state_dict()} | {"head.kernel": None}
    with pytest.raises(LoadingError, match=r"unexpected  5\.weight \(2, 4\) float32"):
        ours.load_weights(save(net, tmp_path / "net.pt"), mapping=mapping)
    report = ours.load_weights(tmp_path / "net.pt", mapping=mapping, partial=True)
    assert torch.equal(ours.get_layer("head").kernel, before)
    assert torch.equal(ours.get_layer("head").bias, net[5].bias)
    assert list(report.unexpected) == ["5.weight"]
    assert not report.missing
    assert report.loaded["head.bias"] == "5.bias"


def test_one_path_of_a_tied_weight_is_enough(tmp_path: Path) -> None:
    x = Input((3,))
    dense = Dense(3, name="a")
    inner = Model(x, dense(x), name="inner")
    both = Model(x, inner(dense(x)))
    paths = [path for path in both.state_dict() if path.endswith("kernel")]
    assert len(paths) == 2
    torch.save({"w": torch.eye(3), "b": torch.ones(3)}, tmp_path / "w.pt")
    for path in paths:
        torch.nn.init.zeros_(dense.kernel)
        both.load_weights(tmp_path / "w.pt", mapping={path: "w", path.replace("kernel", "bias"): "b"})
        assert torch.equal(dense.kernel, torch.eye(3))


CHANGES = {
    "transposed": (
        {"head.kernel": "5.weight"},
        r"different   head.kernel 5.weight \(2, 4\).*\('5.weight', \(1, 0\)\) would fit",
    ),
    "transposed image kernel": ({"conv.kernel": "0.weight"}, r"\('0.weight', \(2, 3, 1, 0\)\) would fit"),
    "other axes": ({"conv.kernel": ("0.weight", (3, 2, 1, 0))}, None),
    "another weight": (
        {"head.bias": "0.bias"},
        r"different   head.bias 0.bias \(4,\) float32, but the model's is \(2,\) float32\n",
    ),
    "absent": ({"head.bias": "6.bias"}, r"missing     head.bias \(2,\) float32: .* has no '6.bias'"),
    "a counter": ({"head.bias": "1.num_batches_tracked"}, r"num_batches_tracked \(\) int64, but"),
}  # fmt: skip


@pytest.mark.parametrize("change, message", CHANGES.values(), ids=CHANGES)
def test_what_does_not_fit_is_listed_and_changes_nothing(tmp_path: Path, change: Any, message: str | None) -> None:
    ours = model()
    before = {path: tensor.clone() for path, tensor in ours.state_dict().items()}
    mapping = {path: name_there(path) for path in before} | change
    save(module(), tmp_path / "net.pt")
    if message is None:  # (3, 3) is square: nothing can tell
        ours.load_weights(tmp_path / "net.pt", mapping=mapping)
        return
    with pytest.raises(LoadingError, match=message):
        ours.load_weights(tmp_path / "net.pt", mapping=mapping)
    assert all(torch.equal(tensor, before[path]) for path, tensor in ours.state_dict().items())


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    ours = model()
    with pytest.raises(LoadingError) as caught:
        ours.load_weights(save(module(), tmp_path / "net.pt"), mapping={"head.kernel": "5.weight", "norm.beta": "9"})
    lines = str(caught.value).splitlines()
    assert sum("missing     " in line for line in lines) == 7
    assert sum("unexpected  " in line for line in lines) == 7
    assert sum("different   " in line for line in lines) == 1
    assert "mapping=" in str(caught.value)


@pytest.mark.parametrize(
    "mapping, message",
    [
        ({"heat.kernel": "5.weight"}, r"paths that the model does not have.*\n.*'heat.kernel'"),
        ({"head.kernel": 5}, "does not say which weight 'head.kernel' is"),
        ({"head.kernel": ("5.weight", 1)}, "does not say which weight"),
        ({"head.kernel": ("5.weight", (1, 1))}, r"order of axes.*\n.*\(1, 1\)"),
        ({"head.kernel": ("5.weight", (0, 1, 2))}, "each of 0 to 1 once"),
        (["5.weight"], "no mapping of weights"),
    ],
)
def test_mappings_that_cannot_be(tmp_path: Path, mapping: Any, message: str) -> None:
    save(module(), tmp_path / "net.pt")
    with pytest.raises(ArgumentError, match=message):
        model().load_weights(tmp_path / "net.pt", mapping=mapping)


# ---- PyTorch's files, read as data: the same tensors as torch.load gives


def tensors() -> dict[str, torch.Tensor]:
    base = torch.arange(24.0).reshape(2, 3, 4)
    dtypes = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128 float8_e4m3fn "
    found = {name: (base > 3 if name == "bool" else base).to(getattr(torch, name)) for name in dtypes.split()}
    found |= {
        "uint16": torch.arange(5).to(torch.uint16),
        "scalar": torch.tensor(3.5),
        "empty": torch.empty(0, 4),
        "view": base[1, 1:],
        "turned": base.permute(2, 0, 1),
        "stepped": base.flatten()[::5],
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "frozen": torch.nn.Parameter(torch.ones(2), requires_grad=False),
    }
    return found


@pytest.mark.parametrize("protocol", (2, 3, 4, 5))
def test_the_tensors_are_those_that_torch_loads(tmp_path: Path, protocol: int) -> None:
    torch.save(tensors(), tmp_path / "t.pt", pickle_protocol=protocol)
    ours = read_torch_file(tmp_path / "t.pt")
    theirs = torch.load(tmp_path / "t.pt", weights_only=False)
    assert list(ours) == list(theirs)
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype
        assert ours[name].stride() == tensor.stride()
        wide = torch.complex128 if tensor.is_complex() else torch.float64
        assert torch.equal(ours[name].to(wide), tensor.to(wide))


def test_a_file_is_mapped_not_copied(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(4), "b": torch.zeros(2)}, tmp_path / "t.pt")
    before = (tmp_path / "t.pt").read_bytes()
    found = read_torch_file(tmp_path / "t.pt")
    found["a"] += 1
    assert (tmp_path / "t.pt").read_bytes() == before
    assert torch.equal(read_torch_file(tmp_path / "t.pt")["a"], torch.zeros(4))


# ---- attacks


class Payload:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


class Plain:
    pass


@pytest.mark.parametrize("place", ("weight", "beside", "whole"))
def test_what_a_pickle_asks_for_is_not_done(tmp_path: Path, place: str) -> None:
    trap = Payload(exec, f"import pathlib; pathlib.Path({str(tmp_path / 'trap')!r}).touch()")
    content = {"weight": {"a": trap}, "beside": {"state_dict": {"a": torch.ones(1)}, "x": trap}, "whole": trap}[place]
    torch.save(content, tmp_path / "t.pt")
    with pytest.raises(LoadingError, match=r"builtin(s|__)\.exec, which loading it with pickle would import"):
        read_torch_file(tmp_path / "t.pt")
    assert not (tmp_path / "trap").exists()
    torch.load(tmp_path / "t.pt", weights_only=False)
    assert (tmp_path / "trap").exists()  # the attack is one


def test_objects_are_refused_by_name(tmp_path: Path) -> None:
    for content, name in ((module(), r"torch\.nn\.modules\.container\.Sequential"), ({"a": Plain()}, r"\.Plain")):
        torch.save(content, tmp_path / "t.pt")
        with pytest.raises(LoadingError, match=name):
            read_torch_file(tmp_path / "t.pt")


def test_a_bare_pickle_is_refused_unread(tmp_path: Path) -> None:
    torch.save(module().state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.bin").write_bytes(pickle.dumps({"a": 1}))
    for name in ("old.pt", "bare.bin"):
        with pytest.raises(LoadingError, match="is a bare pickle"):
            model().load_weights(tmp_path / name, mapping=name_there)


@pytest.mark.parametrize("size", (0x80, 0x280))
def test_a_header_as_long_as_a_pickle_begins_is_no_pickle(tmp_path: Path, size: int) -> None:
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(size)
    (tmp_path / "w.safetensors").write_bytes(size.to_bytes(8, "little") + header + b"\0\0\x80\x3f")
    x = Input((1,))
    ours = Model(x, Dense(1, use_bias=False)(x))
    with pytest.raises(LoadingError, match=r"different   dense.kernel a \(1,\) float32"):
        ours.load_weights(tmp_path / "w.safetensors", mapping=lambda path: "a")


def rewritten(path: Path, change: Any, packed: bool = False) -> Path:
    """A copy of a zip with ``change(name, data) -> (name, data)`` applied, all checksums right."""
    other = path.with_name("changed.pt")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w", 8 if packed else 0) as new:
        for info in old.infolist():
            new.writestr(*change(info.filename, old.read(info)))
    return other


def simple(tmp_path: Path) -> Path:
    torch.save({"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4)}, tmp_path / "t.pt")
    return tmp_path / "t.pt"


def in_program(old: bytes, new: bytes) -> Any:
    def change(name: str, data: bytes) -> tuple[str, bytes]:
        assert not name.endswith("data.pkl") or old in data
        return name, data.replace(old, new, 1) if name.endswith("data.pkl") else data

    return change


SIZE = b"K\x02K\x03\x86"  # (2, 3)
LIES = {
    "a giant shape": in_program(SIZE, b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"),
    "beyond the end": in_program(SIZE, b"K\x02K\x04\x86"),
    "a negative size": in_program(SIZE, b"J\xff\xff\xff\xffK\x03\x86"),
    "no numbers": in_program(SIZE, b"NN\x86"),
    "a giant of one value": in_program(SIZE + b"q\x08K\x03K\x01\x86", b"J\xff\xff\xff\x7fK\x03\x86q\x08K\x00K\x00\x86"),
    "a storage that is smaller": lambda name, data: (name, data[:-4] if name.endswith("/data/0") else data),
    "a storage that is larger": lambda name, data: (name, data + b"0000" if name.endswith("/data/0") else data),
    "no storage": lambda name, data: (name.replace("data/0", "data/7"), data),
    "a list for a dict": in_program(b"}", b"]"),
    "cut short": lambda name, data: (name, data[:40] if name.endswith("data.pkl") else data),
    "another byte order": lambda name, data: (name, b"big" if name.endswith("byteorder") else data),
    "another folder": lambda name, data: ("../x" if name.endswith("version") else name, data),
    "a name twice": lambda name, data: (name.replace("data/1", "data/0"), data),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("change", LIES.values(), ids=LIES)
def test_files_that_lie(tmp_path: Path, change: Any) -> None:
    with pytest.raises(LoadingError):
        read_torch_file(rewritten(simple(tmp_path), change))


# What a machine that is not careful would compute, hash, or print for hours: the tail is a program of its own.
NESTED = b"Nq\x09" + b"h\x09h\x09\x86q\x09" * 60  # 2 ** 60 leaves, in 60 tuples
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"
STORAGE = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0000X\x03\0\0\0cpuK\x06tQ"
PROGRAMS = {
    "a key that is hashed for ever": (b"}" + NESTED + b"Ns.", "keys are no strings"),
    "a storage's key that is": (
        NESTED + b"(X\x07\0\0\0storagectorch\nFloatStorage\nh\x09h\x09K\x01tQ.",
        "than a storage",
    ),
    "a shape that is printed for ever": (
        NESTED + TENSOR + b"(" + STORAGE + b"K\0h\x09K\x01\x85\x89NtR.",
        "shape that is none",
    ),
    "a call of what is no function": (NESTED + b")R.", "a call of tuple"),
    "a call of a dtype": (b"ctorch\nFloatStorage\n)R.", "a call of torch FloatStorage"),
    "a text times a giant": (
        TENSOR + b"(" + STORAGE + b"K\0J\xff\xff\xff\x7f\x85X\x01\0\0\0a\x85\x89NtR.",
        "shape that is none",
    ),
    "a tensor of nothing": (TENSOR + b"(NK\0K\x04\x85K\x01\x85\x89NtR.", "without a storage"),
    "millions of dicts": (b"(" + b"}" * 4_000_000 + b"t.", "more than 500000 instructions"),
    "too long a program": (b"(" + b"}" * 5_000_000 + b"t.", "bytes of data.pkl"),
    "too many tensors": (
        TENSOR + b"q\0(" + STORAGE + b"K\0K\x06\x85K\x01\x85\x89Ntq\1(" + b"h\0h\1R" * 60_000 + b"t.",
        "more than 50000",
    ),
    "a giant place in memory": (b"}r\xff\xff\xff\xff.", "no state_dict"),
    "a dict that holds itself": (b"}q\0X\x01\0\0\0ah\0s.", "no state_dict"),
    "an instance": (b"(cposix\nsystem\no.", r"posix\.system"),
    "an instance of another kind": (b"(X\x02\0\0\0lsiposix\nsystem\n.", "instruction INST"),
    "an extension": (b"\x82\x01.", "instruction EXT1"),
    "an attribute of ours": (b"ctorch.hub\nload\n.", r"torch\.hub\.load"),
    "another path to it": (b"X\x05\0\0\0posixX\x06\0\0\0system\x93)R.", r"posix\.system"),
    "a state for a tensor": (TENSOR + b"}b.", "an addition to a Word"),
    "no end": (b"}", "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("program, message", PROGRAMS.values(), ids=PROGRAMS)
def test_programs_that_attack(tmp_path: Path, program: bytes, message: str) -> None:
    def change(name: str, data: bytes) -> tuple[str, bytes]:
        return name, b"\x80\x02" + program if name.endswith("data.pkl") else data

    with pytest.raises(LoadingError, match=message):
        read_torch_file(rewritten(simple(tmp_path), change))


def test_packed_and_damaged_files(tmp_path: Path) -> None:
    path = simple(tmp_path)
    with pytest.raises(LoadingError, match="members that torch.save does not write"):
        read_torch_file(rewritten(path, lambda name, data: (name, data), packed=True))
    data = bytearray(path.read_bytes())
    data[data.index(torch.arange(6.0).numpy().tobytes()) + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedFileError, match="bad CRC"):
        read_torch_file(path)
    path.write_bytes(bytes(data)[:-30])
    with pytest.raises(DamagedFileError, match="that torch.save wrote"):
        read_torch_file(path)


def test_mutated_programs_end_in_named_errors_or_in_tensors(tmp_path: Path) -> None:
    path, draw = simple(tmp_path), random.Random(3)
    refused = 0

    def mutate(name: str, data: bytes) -> tuple[str, bytes]:
        if not name.endswith("data.pkl"):
            return name, data
        changed = bytearray(data)
        for _ in range(draw.randint(1, 4)):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        return name, bytes(changed)

    for _ in range(400):
        try:
            found = read_torch_file(rewritten(path, mutate))
        except LoadingError:
            refused += 1
        else:
            assert all(tensor.sum().isfinite() is not None for tensor in found.values())
    assert refused > 200
