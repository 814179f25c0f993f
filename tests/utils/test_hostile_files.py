"""Archives and folders of data that nobody vouches for: nothing hangs, nothing grows, and each error names the file."""

from __future__ import annotations

import gzip
import io
import os
import resource
import signal
import struct
import tarfile
import wave
import zipfile
import zlib

import pytest
from PIL import Image

from lamina import utils
from lamina.graph import ArgumentError
from lamina.utils import ArchiveError, DataFileError

MIB = 1 << 20


@pytest.fixture(autouse=True)
def nothing_hangs():
    """A test that waits for a pipe ends."""

    def stop(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)


# ---- archives


def unpacked(path, tmp_path):
    return utils.get_file("set", path.as_uri(), extract=True, cache_dir=tmp_path / "cache")


def tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, size in members:
            info = tarfile.TarInfo(name)
            info.size = size
            archive.addfile(info, io.BytesIO(bytes(size)))
    return path


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def sparse(path):
    """A tar of a few hundred bytes that says that it holds 8 TiB."""
    info = tarfile.TarInfo("big")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\x80" + (8 << 40).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    path.write_bytes(bytes(header) + bytes(1024))
    return path


def of_entries(path):
    """A great many empty files, which take nearly no place when they are packed."""
    block = tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(gzip.compress(block * 20_000 + bytes(1024), 6))
    return path


BOMBS = {
    "one file in a tar": lambda path: tar(path, [("big", 70 * MIB)]),
    "many files in a tar": lambda path: tar(path, [(f"{k}", 2 * MIB) for k in range(40)]),
    "xz": lambda path: tar(path, [("big", 70 * MIB)], "w:xz"),
    "bz2": lambda path: tar(path, [("big", 70 * MIB)], "w:bz2"),
    "one file in a zip": lambda path: zipped(path, [("big", bytes(70 * MIB))]),
    "many files in a zip": lambda path: zipped(path, [(f"{k}", bytes(2 * MIB)) for k in range(40)]),
    "said and not there": sparse,
    "empty files": of_entries,
}


@pytest.mark.quick_cases(3)
@pytest.mark.parametrize("kind", BOMBS)
def test_what_unpacks_to_far_more_than_its_size_is_not_unpacked(kind, tmp_path):
    path = BOMBS[kind](tmp_path / "bomb")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ArchiveError, match="bytes in all"):
        unpacked(path, tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024
    assert os.listdir(tmp_path / "cache" / "datasets") == ["set_archive"]


def test_what_is_packed_well_is_unpacked(tmp_path):
    path = tar(tmp_path / "set.tar.gz", [("zeros", 40 * MIB)])
    assert os.path.getsize(os.path.join(unpacked(path, tmp_path), "zeros")) == 40 * MIB


def good_zip(path):
    return zipped(path, [("a.txt", os.urandom(5000)), ("b.txt", os.urandom(5000))])


def changed(path, change):
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(bytes(data))
    return path


def _flag(data):
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(magic) + place] |= 1


def _flip(data):
    data[len(data) // 3] ^= 0xFF


def _method(data):
    for magic, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.find(magic) + place] = 99


def _two(path, mode):
    return tar(path, [("a", 3000), ("b", 3000)], mode)


DAMAGED = {
    "encrypted": lambda path: changed(good_zip(path), _flag),
    "wrong crc": lambda path: changed(good_zip(path), _flip),
    "unknown method": lambda path: changed(good_zip(path), _method),
    "cut zip": lambda path: changed(good_zip(path), lambda data: data.__delitem__(slice(-100, None))),
    "cut tar": lambda path: changed(_two(path, "w"), lambda data: data.__delitem__(slice(6000, None))),
    "cut between files": lambda path: changed(_two(path, "w"), lambda data: data.__delitem__(slice(512 * 7, None))),
    "cut gz": lambda path: changed(_noise(path), lambda data: data.__delitem__(slice(20_000, None))),
    "damaged gz": lambda path: changed(_noise(path), lambda data: data.__setitem__(slice(15_000, 15_400), bytes(400))),
}


def _noise(path):
    """A tar of what cannot be packed, so that damage lies in a file."""
    with tarfile.open(path, "w:gz") as archive:
        for name in ("a", "b"):
            info = tarfile.TarInfo(name)
            info.size = 20_000
            archive.addfile(info, io.BytesIO(os.urandom(20_000)))
    return path


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_archive_is_a_named_error(kind, tmp_path):
    path = DAMAGED[kind](tmp_path / "set")
    with pytest.raises(ArchiveError, match="not unpacked") as caught:
        unpacked(path, tmp_path)
    assert len(str(caught.value)) < 1000
    assert os.listdir(tmp_path / "cache" / "datasets") == ["set_archive"]


@pytest.mark.parametrize("name", ["x" * 300, "/".join(["folder"] * 1000), "é" * 200, "a/" + "y" * 5000])
@pytest.mark.parametrize("make", [tar, lambda path, members: zipped(path, [(name, b"x") for name, _ in members])])
def test_names_that_no_file_can_have(make, name, tmp_path):
    with pytest.raises(ArchiveError, match="too long") as caught:
        unpacked(make(tmp_path / "set", [(name, 1)]), tmp_path)
    assert len(str(caught.value)) < 1000


def test_what_an_error_says_of_an_archive_is_printable(tmp_path):
    with pytest.raises(ArchiveError) as caught:
        unpacked(zipped(tmp_path / "set", [("../\x1b[2J\u202e", b"x")]), tmp_path)
    assert str(caught.value).replace("\n", "").isprintable()


# ---- folders of data


READERS = {
    ".png": lambda root, **more: utils.image_dataset_from_directory(root, image_size=(4, 4), verbose=False, **more),
    ".wav": lambda root, **more: utils.audio_dataset_from_directory(root, verbose=False, **more),
    ".txt": lambda root, **more: utils.text_dataset_from_directory(root, verbose=False, **more),
}


def sound(path, channels=1, width=2, rate=8000, samples=10):
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", None))
        file.writeframes(bytes(samples * channels * width))


GOOD = {
    ".png": lambda path: Image.new("RGB", (5, 5)).save(path),
    ".wav": sound,
    ".txt": lambda path: path.write_text("words"),
}


@pytest.fixture
def root(tmp_path):
    for ending, make in GOOD.items():
        for name in ("a", "b"):
            (tmp_path / "data" / name).mkdir(parents=True, exist_ok=True)
            make(tmp_path / "data" / name / f"good{ending}")
    return tmp_path / "data"


@pytest.mark.parametrize("ending", READERS)
def test_a_pipe_is_not_waited_for(ending, root):
    os.mkfifo(root / "a" / f"pipe{ending}")
    for more in ({}, {"follow_links": True}, {"labels": None}):
        with pytest.raises(ArgumentError, match=f"pipe{ending}: neither a file nor a link to one"):
            list(READERS[ending](root, **more))
    (root / "b" / f"link{ending}").symlink_to(root / "a" / f"pipe{ending}")
    (root / "a" / f"pipe{ending}").unlink()
    os.mkfifo(root / "pipe")
    (root / "b" / f"link{ending}").unlink()
    (root / "b" / f"link{ending}").symlink_to(root / "pipe")
    with pytest.raises(ArgumentError, match=f"link{ending}: neither a file"):
        list(READERS[ending](root))


@pytest.mark.parametrize("ending", READERS)
def test_links_out_of_the_folder_are_followed_only_when_asked(ending, root, tmp_path):
    GOOD[ending](tmp_path / f"secret{ending}")
    (root / "a" / f"inside{ending}").symlink_to(root / "b" / f"good{ending}")
    assert len(READERS[ending](root, batch_size=None)) == 3
    (root / "a" / f"outside{ending}").symlink_to(tmp_path / f"secret{ending}")
    with pytest.raises(ArgumentError, match=f"outside{ending}: a link to a file elsewhere"):
        READERS[ending](root)
    assert len(list(READERS[ending](root, follow_links=True, batch_size=None))) == 4
    (root / "a" / f"outside{ending}").unlink()
    (tmp_path / "elsewhere").mkdir()
    GOOD[ending](tmp_path / "elsewhere" / f"secret{ending}")
    (root / "c").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArgumentError, match="a link to a folder elsewhere"):
        READERS[ending](root)
    assert READERS[ending](root, follow_links=True).class_names == ["a", "b", "c"]
    (root / "c").unlink()
    (root / "a" / f"nowhere{ending}").symlink_to(root / "gone")
    with pytest.raises(ArgumentError, match=f"nowhere{ending}"):
        READERS[ending](root)


def test_a_circle_of_links_is_walked_once(root):
    (root / "a" / "again").symlink_to(root)
    assert len(READERS[".txt"](root, follow_links=True, labels=None, batch_size=None)) == 2


def test_the_folder_itself_may_be_a_link(root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    assert len(READERS[".txt"](tmp_path / "link", batch_size=None)) == 2


def png(path, width, height):
    """A picture of one colour, a row of it at a time."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    # From a certain size on only the beginning, which nobody gets to.
    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    rows = b"".join([*(packer.compress(row) for _ in range(min(height, 6000))), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(7000, 6000), (10, 9_500_000), (200, 1_000_000)])
def test_a_picture_out_of_proportion_to_its_file_is_not_decoded(size, root):
    png(root / "a" / "bomb.png", *size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read in (lambda: list(READERS[".png"](root)), lambda: utils.load_img(root / "a" / "bomb.png")):
        with pytest.raises(DataFileError, match=r"bomb\.png|bytes"):
            read()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_a_large_picture_of_much_content_is_read(root):
    noise = Image.frombytes("L", (7000, 5000), os.urandom(35_000_000))
    noise.save(root / "a" / "large.bmp")
    assert utils.load_img(root / "a" / "large.bmp", color_mode="grayscale").size == (7000, 5000)


def error_of(read):
    """What is said of a file; None where it is read all the same. Any other error comes through."""
    try:
        read()
    except OSError as error:
        return str(error) + str(getattr(error, "__notes__", ""))
    return None


def test_sounds_of_different_channels_are_no_batch(root):
    sound(root / "a" / "two.wav", channels=2)
    with pytest.raises(ArgumentError, match="numbers of channels"):
        list(READERS[".wav"](root))


def test_a_damaged_picture_names_the_file(root):
    whole = (root / "a" / "good.png").read_bytes()
    for place in range(8, len(whole) - 1, 3):
        (root / "a" / "bad.png").write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        said = error_of(lambda: list(READERS[".png"](root)))
        assert said is None or "bad.png" in said


def _header(**fields):
    """A sound whose header says this."""

    def make(path):
        sound(path)
        data = bytearray(path.read_bytes())
        for name, (place, form) in {
            "format": (20, "<H"), "channels": (22, "<H"), "rate": (24, "<I"), "align": (32, "<H"), "bits": (34, "<H"),
            "size": (40, "<I"),
        }.items():  # fmt: skip
            if name in fields:
                struct.pack_into(form, data, place, fields[name])
        path.write_bytes(bytes(data[: fields.get("cut", len(data))]))

    return make


@pytest.mark.parametrize(
    "fields",
    [
        {"channels": 0}, {"channels": 65535}, {"bits": 0}, {"bits": 40}, {"bits": 64}, {"bits": 65535},
        {"format": 3}, {"format": 0xFFFE}, {"cut": 30}, {"cut": 45}, {"cut": 12}, {"cut": 0}, {"rate": 0},
        {"rate": 2**32 - 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_broken_header_of_a_sound_names_the_file(fields, root):
    _header(**fields)(root / "a" / "bad.wav")
    with pytest.raises(DataFileError, match=r"bad\.wav"):
        list(READERS[".wav"](root))


def test_rates_with_little_in_common_are_not_resampled(root):
    sound(root / "a" / "bad.wav", rate=767_999)
    with pytest.raises(DataFileError, match="too little in common"):
        list(READERS[".wav"](root, sampling_rate=16_000))
