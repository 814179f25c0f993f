"""Sounds in folders as a data set."""

from __future__ import annotations

import math
import wave
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from lamina.graph import ArgumentError
from lamina.tracebacks import door
from lamina.utils.data_files import reading

from .dataset import dataset_from_directory

# Zero crossings of the sinc on each side that resampling takes into account, and how much of the band it keeps.
_CROSSINGS = 16
_KEPT = 0.95
# The highest rate of any sound, in Hz, its most channels, and the most numbers in all kernels of a resampling.
_MAX_RATE, _MAX_CHANNELS = 6_144_000, 1024
_MAX_KERNELS = 2**24


@door
def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Sounds from .wav files, with a class for each subfolder.

    Args:
        sampling_rate: to resample to, in Hz; None leaves each as it is.
        output_sequence_length: samples in time of each sound: a shorter one is filled up with 0, a longer one is cut.
            None: as many as the longest sound of the batch has.
        ragged: the sounds of a batch in a list, each as long as it is.
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset: as in
            `image_dataset_from_directory`.
        follow_links, verbose: as there.

    Returns:
        A `torch.utils.data.DataLoader` of (sounds, labels), or sounds alone: float32 (B, T, channels) from -1 to 1.
        With ``batch_size=None`` a `Dataset`. It has `class_names` and `file_paths`.
        It has the words of Keras' guides: ``map``, ``take``, ``batch``, ``shuffle``, ``cache``, ``prefetch``, ...

    Raises:
        ArgumentError: an argument cannot be, or there are no files. DataFileError: a file that is
            not PCM, or is damaged.

    >>> import os, wave
    >>> os.makedirs("sounds/beep")
    >>> with wave.open("sounds/beep/1.wav", "wb") as file:
    ...     file.setparams((1, 2, 8000, 0, "NONE", None))
    ...     file.writeframes(np.array([0, 16384, -32768], "<i2").tobytes())
    >>> sounds, labels = next(iter(audio_dataset_from_directory("sounds", verbose=False)))
    >>> sounds.flatten().tolist()
    [0.0, 0.5, -1.0]
    """
    for name, value in (("sampling_rate", sampling_rate), ("output_sequence_length", output_sequence_length)):
        if value is not None and (type(value) is not int or value < 1):
            raise ArgumentError(f"{name} cannot be {value!r}.", expected="a number from 1, or None")
    if ragged and output_sequence_length is not None:
        raise ArgumentError("With output_sequence_length all sounds are of one length, and ragged=True means nothing.")
    return dataset_from_directory(
        directory, partial(read_sound, rate=sampling_rate, length=output_sequence_length), list if ragged else _padded,
        (".wav",), labels=labels, label_mode=label_mode, class_names=class_names, batch_size=batch_size,
        shuffle=shuffle, seed=seed, validation_split=validation_split, subset=subset, follow_links=follow_links,
        format="tf", verbose=verbose,
    )  # fmt: skip


def read_sound(path: str, rate: int | None = None, length: int | None = None) -> torch.Tensor:
    """A PCM file of 8, 16, 24 or 32 bits as float32 (T, channels), from -1 to 1.

    Raises:
        DataFileError: no PCM; a damaged header, or a rate that would take more memory to
            be changed than any sound is worth.
    """
    with reading(path, "a PCM sound"):
        with wave.open(path, "rb") as file:
            width, channels, own_rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            content = file.readframes(file.getnframes())
        if width not in (1, 2, 3, 4) or not 1 <= channels <= _MAX_CHANNELS or not 1 <= own_rate <= _MAX_RATE:
            raise ValueError(f"{8 * width} bits, {channels} channels, {own_rate} Hz")
        x = torch.from_numpy(_numbers(content, width).reshape(-1, channels))
        x = x if rate in (None, own_rate) else resampled(x, own_rate, int(rate))
    return x if length is None else F.pad(x[:length], (0, 0, 0, max(length - len(x), 0)))


def _numbers(content: bytes, width: int) -> np.ndarray:
    if width == 1:  # the only unsigned one
        return (np.frombuffer(content, "u1").astype("float32") - 128) / 128
    if width == 3:  # three bytes as the upper ones of four
        wide = np.zeros((len(content) // 3, 4), "u1")
        wide[:, 1:] = np.frombuffer(content, "u1").reshape(-1, 3)
        content, width = wide.tobytes(), 4
    return (np.frombuffer(content, f"<i{width}") / 2.0 ** (8 * width - 1)).astype("float32")


def resampled(x: torch.Tensor, rate: int, new_rate: int) -> torch.Tensor:
    """(T, channels) at another rate: (ceil(T * new_rate / rate), channels), by a windowed sinc.

    Each of the `new` positions within a period of `old` samples has a kernel of its own, so that one convolution of
    stride `old` gives them all (rates divided by their common divisor). What the new rate cannot hold is filtered out.

    >>> resampled(torch.zeros(100, 2), 44100, 16000).shape
    torch.Size([37, 2])
    """
    common = math.gcd(rate, new_rate)
    old, new = rate // common, new_rate // common
    band = _KEPT * min(1.0, new / old)  # of what the old rate can hold
    reach = math.ceil(_CROSSINGS / band)
    if new * (old + 2 * reach) > _MAX_KERNELS:
        raise ValueError(f"from {rate} to {new_rate} Hz, which have too little in common")
    taps = torch.arange(-reach, reach + old, dtype=torch.float64)
    distance = (taps - torch.arange(new, dtype=torch.float64).unsqueeze(1) * old / new) * band
    window = torch.cos(distance.clamp(-_CROSSINGS, _CROSSINGS) * math.pi / (2 * _CROSSINGS)).square()
    kernels = (torch.sinc(distance) * window * band).to(x.dtype)
    padded = F.pad(x.T.unsqueeze(1), (reach, reach + old))
    found = F.conv1d(padded, kernels.unsqueeze(1), stride=old)  # (channels, new, periods)
    return found.transpose(1, 2).flatten(1)[:, : math.ceil(len(x) * new / old)].T.contiguous()


def _padded(sounds: list[torch.Tensor]) -> torch.Tensor:
    """(B, T, channels), T of the longest."""
    channels = {sound.shape[1] for sound in sounds}
    if len(channels) > 1:
        raise ArgumentError(
            "The sounds of a batch have different numbers of channels.",
            got=", ".join(map(str, sorted(channels))),
            hint="ragged=True for a list of sounds",
        )
    longest = max(len(sound) for sound in sounds)
    return torch.stack([F.pad(sound, (0, 0, 0, longest - len(sound))) for sound in sounds])
