"""Progress on a terminal, in a notebook, in a log; that it goes by the clock; that no stream ends a training."""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import io
import os
import pty
import re
import sys
import threading
import types

import numpy as np
import pytest
import torch

from lamina.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from lamina.graph import ArgumentError
from lamina.training.progress import Progress
from lamina.training.progress.layout import Look, closing, frame, text_of
from lamina.training.progress.moment import Moment
from lamina.training.progress.wording import duration, number, rate, watch
from lamina.utils.progbar import Progbar

REFRESHES_PER_SECOND = 5
IN_NOTEBOOK = 2


class Clock:
    """Seconds that pass when told."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class FakeTerminal(io.StringIO):
    """Counts writes and says that it is a terminal."""

    encoding = "utf-8"

    def __init__(self):
        super().__init__()
        self.writes = []

    def isatty(self):
        return True

    def write(self, text):
        self.writes.append(text)
        return super().write(text)


def on_screen(text: str) -> list[str]:
    """The lines that a terminal shows after these characters: an independent reading of the few codes we use."""
    lines, row, column = [""], 0, 0
    for code in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x1b]", text):
        if code == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif code == "\r":
            column = 0
        elif code == "\x1b[2K":
            lines[row] = ""
        elif code == "\x1b[1A":
            row -= 1
        elif code[0] == "\x1b":
            assert code.endswith("m"), f"unknown code {code!r}"
        else:
            lines[row] = lines[row].ljust(column)[:column] + code + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


def stands_for_stdout(stream, request):
    """Let the test of this request run with `stream` as `sys.stdout`, which pytest sets anew after the fixtures."""
    test = request.node.obj

    @functools.wraps(test)
    def redirected(*args, **kwargs):
        with contextlib.redirect_stdout(stream):
            test(*args, **kwargs)

    request.node.obj = redirected


@pytest.fixture
def terminal(monkeypatch, request):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "24")
    stream = FakeTerminal()
    stands_for_stdout(stream, request)
    return stream


def run(progress, clock, epochs=2, steps=100, seconds=0.01, logs=None, validation=0):
    """A loop as `fit` has it. Returns how often the numbers were asked for."""
    asked = 0
    logs = logs or {"loss": 0.5}
    with progress:
        for epoch in range(epochs):
            progress.start(epoch)
            for step in range(steps):
                clock.now += seconds
                if progress.wants_drawing():
                    asked += 1
                    progress.draw(step + 1, logs)
            final = dict(logs)
            if validation:
                progress.validate(validation, final)
                for step in range(validation):
                    clock.now += seconds
                    if progress.wants_drawing():
                        asked += 1
                        progress.draw(step + 1, logs)
                final |= {f"val_{name}": value for name, value in logs.items()}
            progress.finish(steps, final)
    return asked


# -- a terminal


def test_an_epoch_leaves_one_line_on_a_terminal(terminal):
    clock = Clock()
    run(Progress(1, 2, 100, clock=clock), clock, validation=50)
    assert on_screen(terminal.getvalue()) == [
        "Epoch 1/2  100/100  1.5s  10.0 ms/step  loss 0.5000 (val 0.5000)",
        "Epoch 2/2  100/100  1.5s  10.0 ms/step  loss 0.5000 (val 0.5000)",
        "",
    ]


def test_what_stands_on_the_screen_while_an_epoch_runs(terminal):
    clock = Clock()
    outputs = ["price", "category"]
    progress = Progress("auto", 10, 200, outputs=outputs, learning_rate=lambda: torch.tensor(1e-3), clock=clock)
    with progress:
        progress.start(2)
        logs = {"loss": 1.5, "price_loss": 0.5, "price_mae": 0.25, "category_loss": 1.0, "category_accuracy": 0.75}
        for step in (1, 50, 100):
            clock.now += 0.5
            progress.draw(step, logs)
        rows = on_screen(terminal.getvalue())
        assert rows == [
            "Epoch  3/10  ━━━━━━━━━━━━━━━━────────────────  100/200  10.1 ms/step  0:02  ETA 0:01",
            "  loss 1.5000  lr 0.001",
            "  price     loss 0.5000  mae 0.2500",
            "  category  loss 1.0000  accuracy 0.7500",
        ]
        progress.validate(40, logs)
        clock.now += 0.5
        progress.draw(10, logs | {"price_loss": 0.625})
        rows = on_screen(terminal.getvalue())
        assert (
            rows[0] == "Epoch  3/10  ━━━━━━━━────────────────────────  validating 10/40  50.0 ms/step  0:02  ETA 0:02"
        )
        assert rows[2] == "  price     loss 0.5000 (val 0.6250)  mae 0.2500 (val 0.2500)"


@pytest.mark.parametrize("steps, seconds", [(2000, 0.001), (100, 0.1), (10, 3.0)])
def test_the_clock_caps_the_refreshes_and_the_questions(terminal, steps, seconds):
    clock = Clock()
    began = clock.now
    asked = run(Progress(1, 3, steps, clock=clock), clock, epochs=3, steps=steps, seconds=seconds)
    most = REFRESHES_PER_SECOND * (clock.now - began) + 1
    assert 0.5 * min(most, 3 * steps) < asked <= most
    lines_left = 3
    assert len(terminal.writes) - lines_left <= most


def test_many_short_epochs_do_not_flood_a_terminal(terminal):
    clock = Clock()
    run(Progress(1, 500, 1, clock=clock), clock, epochs=500, steps=1, seconds=0.002)
    assert len(terminal.writes) - 500 <= REFRESHES_PER_SECOND * 1.0 + 1


def test_a_slow_terminal_is_drawn_on_less_often(monkeypatch):
    """Through a bad line a drawing may take longer than the time between two; training must not become drawing."""
    monkeypatch.setenv("TERM", "xterm")
    clock = Clock()

    class Slow(FakeTerminal):
        def write(self, text):
            clock.now += 10
            return super().write(text)

    with Progress(1, 1, 10, stream=Slow(), clock=clock) as progress:
        progress.start(0)
        assert not progress.wants_drawing()
        clock.now += 0.19
        assert not progress.wants_drawing()
        clock.now += 0.02
        assert progress.wants_drawing()


@pytest.mark.parametrize("columns", [20, 40, 100, 300])
def test_nothing_is_wider_than_the_terminal(terminal, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    clock = Clock()
    outputs = ["price", "a_very_long_name_of_an_output_that_nobody_should_have", "价格"]
    logs = {"loss": 1.0} | {f"{output}_{metric}": 0.5 for output in outputs for metric in ("loss", "mean_squared")}
    with Progress(1, 1, 10_000, outputs=outputs, clock=clock) as progress:
        progress.start(0)
        clock.now += 1
        progress.draw(1000, logs)
        rows = on_screen(terminal.getvalue())
        assert max(map(len, rows)) < columns
        assert sum("loss 0.5000" in row for row in rows) == (3 if columns >= 40 else 0)
        progress.finish(10_000, logs)
    assert max(map(len, on_screen(terminal.getvalue()))) < columns


def test_rows_that_a_narrower_terminal_broke_are_all_taken_away(terminal):
    clock = Clock()
    with Progress(1, 1, 100, clock=clock) as progress:
        progress.start(0)
        clock.now += 1
        progress.draw(50, {"loss": 0.5, "accuracy": 0.5})
        rows = on_screen(terminal.getvalue())
        progress._screen._console.width = 25
        clock.now += 1
        progress.draw(60, {"loss": 0.5, "accuracy": 0.5})
    broken = sum(-(-len(row) // 25) for row in rows)
    assert broken > len(rows)
    assert terminal.writes[2].count("\x1b[1A") == broken - 1


def test_a_screen_with_more_outputs_than_rows_is_cut(terminal, monkeypatch):
    monkeypatch.setenv("LINES", "10")
    outputs = [f"o{i}" for i in range(30)]
    with Progress(1, 1, 10, outputs=outputs, clock=Clock()) as progress:
        progress.start(0)
        progress.draw(1, {f"{o}_loss": 1.0 for o in outputs})
        rows = on_screen(terminal.getvalue())
    assert len(rows) == 9
    assert rows[-1] == "  ... 23 more"


def test_prints_land_above_the_display(terminal):
    clock = Clock()
    with Progress(1, 1, 10, clock=clock) as progress:
        progress.start(0)
        progress.draw(1, {"loss": 0.5})
        print("from a callback")
        print("half a line", end="")
        clock.now += 1
        progress.draw(2, {"loss": 0.25})
        rows = on_screen(terminal.getvalue())
        assert rows[:2] == ["from a callback", "half a line"]
        assert rows[2].startswith("Epoch 1/1  ━")
        assert rows[3] == "  loss 0.2500"
        assert sys.stdout is not terminal
        progress.finish(10, {"loss": 0.125})
        assert sys.stdout is terminal
    assert on_screen(terminal.getvalue())[2:] == ["Epoch 1/1  10/10  1.0s  100 ms/step  loss 0.1250", ""]


def test_a_display_inside_another_is_a_line_above_it(terminal):
    with Progress(1, 1, 10, clock=Clock()) as outer:
        outer.start(0)
        outer.draw(1, {"loss": 0.5})
        with Progress(1, 1, 4, "Evaluation", clock=Clock()) as inner:
            inner.start(0)
            inner.finish(4, {"loss": 0.25})
        outer.draw(2, {"loss": 0.5})
        rows = on_screen(terminal.getvalue())
    assert rows[0] == "Evaluation - 4 steps - 0ms - 0.00 us/step - loss: 0.2500"
    assert rows[1].startswith("Epoch 1/1")


def test_what_is_stopped_in_the_middle_leaves_its_last_numbers(terminal):
    clock = Clock()
    with contextlib.suppress(KeyboardInterrupt), Progress(1, 3, 100, clock=clock) as progress:
        progress.start(0)
        clock.now += 2
        progress.draw(31, {"loss": 0.5})
        raise KeyboardInterrupt
    assert on_screen(terminal.getvalue()) == ["Epoch 1/3  stopped at 31/100  2.0s  64.5 ms/step  loss 0.5000", ""]
    assert sys.stdout is terminal


def test_colours_are_for_who_wants_them(terminal, monkeypatch):
    run(Progress(1, 1, 10, clock=(clock := Clock())), clock, epochs=1)
    assert "\x1b[36m" in terminal.getvalue()
    assert "\x1b[1;31mnan" in closing_on(terminal, {"loss": float("nan")})
    monkeypatch.setenv("NO_COLOR", "1")
    assert "loss" in closing_on(terminal, {"loss": 0.5})
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", closing_on(terminal, {"loss": 0.5}))


def closing_on(terminal, logs):
    before = len(terminal.getvalue())
    with Progress(1, 1, 10, clock=Clock()) as progress:
        progress.start(0)
        progress.finish(10, logs)
    return terminal.getvalue()[before:]


def test_a_terminal_that_cannot_draw_gets_lines(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    run(Progress(1, 2, 100, clock=(clock := Clock())), clock)
    assert terminal.getvalue().splitlines() == [
        f"Epoch {i}/2 - 100 steps - 1.0s - 10.0 ms/step - loss: 0.5000" for i in (1, 2)
    ]


def test_a_real_pseudo_terminal(monkeypatch):
    """The kernel's terminal at the other end, with its own ideas of ends of lines."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    ours, theirs = pty.openpty()
    read: list[bytes] = []

    def reader():
        # Linux says EIO when the other end is closed; other systems end the file.
        with contextlib.suppress(OSError):
            while chunk := os.read(ours, 4096):
                read.append(chunk)

    thread = threading.Thread(target=reader)
    thread.start()
    with open(theirs, "w", encoding="utf-8") as stream:
        clock = Clock()
        run(Progress(1, 2, 100, stream=stream, clock=clock), clock, validation=20)
    thread.join(10)
    os.close(ours)
    assert on_screen(b"".join(read).decode()) == [
        "Epoch 1/2  100/100  1.2s  10.0 ms/step",
        "           loss 0.5000 (val 0.5000)",
        "Epoch 2/2  100/100  1.2s  10.0 ms/step",
        "           loss 0.5000 (val 0.5000)",
        "",
    ]


# -- a log


def test_one_plain_line_per_epoch_in_a_log(capsys):
    clock = Clock()
    asked = run(Progress(1, 2, 100, batch_size=32, device="cpu", clock=clock), clock, logs={"größe\n": 1.0})
    assert asked == 0
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch {i}/2 - 100 steps - 1.0s - 10.0 ms/step - gr\\xf6\\xdfe\\n: 1.0000" for i in (1, 2)
    ]


def test_a_long_epoch_speaks_once_a_minute(capsys):
    clock = Clock()
    asked = run(Progress(1, 1, 200, batch_size=32, device="cpu", clock=clock), clock, epochs=1, steps=200, seconds=1.0)
    *within, end = capsys.readouterr().out.splitlines()
    assert asked == len(within) == 4
    assert within[0] == (
        "Epoch 1/1 - step 10/200 - 10.0s - 1.00 s/step - ETA 3:10 - batch size 32 - on cpu - loss: 0.5000"
    )
    assert within[1] == "Epoch 1/1 - step 70/200 - 1:10 - 1.00 s/step - ETA 2:10 - loss: 0.5000"
    assert end.startswith("Epoch 1/1 - 200 steps - 3:20 - 1.00 s/step")


@pytest.mark.parametrize("verbose, lines", [(0, 0), (False, 0), (2, 2), (3, 2)])
def test_verbose(terminal, verbose, lines):
    clock = Clock()
    assert run(Progress(verbose, 2, 100, clock=clock), clock, seconds=5.0) == 0
    assert "\x1b" not in terminal.getvalue()
    assert len(terminal.getvalue().splitlines()) == lines


def test_verbose_is_one_of_few():
    with pytest.raises(ArgumentError, match="verbose says how much"):
        Progress("loud", 1, 1)
    with pytest.raises(ArgumentError, match="-1"):
        Progress(-1, 1, 1)


def test_the_stream_is_looked_up_when_an_epoch_starts():
    progress = Progress(1, 2, 10, clock=Clock())
    outputs = []
    for epoch in range(2):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            progress.start(epoch)
            progress.finish(10, {"loss": 1.0})
        outputs.append(out.getvalue())
    assert [text[:9] for text in outputs] == ["Epoch 1/2", "Epoch 2/2"]


def test_the_switch_sends_lines_to_the_logger(terminal, logged):
    disable_interactive_logging()
    try:
        assert not is_interactive_logging_enabled()
        run(Progress(1, 2, 100, clock=(clock := Clock())), clock, logs={"100%s": 0.5})
    finally:
        enable_interactive_logging()
    assert is_interactive_logging_enabled()
    assert terminal.getvalue() == ""
    assert logged == [f"Epoch {i}/2 - 100 steps - 1.0s - 10.0 ms/step - 100%s: 0.5000" for i in (1, 2)]


# -- streams that fail


class Failing(FakeTerminal):
    """Breaks at the n-th write."""

    def __init__(self, error, good=0, tty=True):
        super().__init__()
        self.error, self.good, self.tty = error, good, tty

    def isatty(self):
        return self.tty

    def write(self, text):
        if self.good == 0:
            raise self.error
        self.good -= 1
        return super().write(text)


class NoTerminalQuestion:
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


STREAMS = {
    "closed": closed,
    "broken pipe, a terminal": lambda: Failing(BrokenPipeError(errno.EPIPE, "Broken pipe"), good=1),
    "broken pipe": lambda: Failing(BrokenPipeError(errno.EPIPE, "Broken pipe"), tty=False),
    "full disk": lambda: Failing(OSError(errno.ENOSPC, "No space left on device"), tty=False),
    "lost terminal": lambda: Failing(OSError(errno.EIO, "Input/output error")),
    "a raising tee": lambda: Failing(RuntimeError("tee is closed"), tty=False),
    "bytes": io.BytesIO,
    "no stream at all": object,
}


@pytest.mark.parametrize("kind", STREAMS)
def test_no_stream_ends_a_training(monkeypatch, logged, kind):
    monkeypatch.setenv("TERM", "xterm")
    stream = STREAMS[kind]()
    monkeypatch.setattr(sys, "stdout", stream)
    clock = Clock()
    run(Progress(1, 3, 100, clock=clock), clock, epochs=3, validation=100)
    assert sys.stdout is stream
    lines = [message for message in logged if message.startswith("Epoch")]
    assert [line[:9] for line in lines if " steps - " in line] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3"]


def test_no_standard_output_is_silence(monkeypatch, logged):
    monkeypatch.setattr(sys, "stdout", None)
    run(Progress(1, 2, 100, clock=(clock := Clock())), clock)
    assert logged == []


def test_a_stream_that_knows_nothing_of_terminals(monkeypatch):
    monkeypatch.setattr(sys, "stdout", NoTerminalQuestion())
    run(Progress(1, 2, 100, clock=(clock := Clock())), clock)
    assert sys.stdout.text.count("\n") == 2


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "cp437"])
@pytest.mark.parametrize("tty", [True, False])
def test_any_encoding(monkeypatch, encoding, tty):
    monkeypatch.setenv("TERM", "xterm")
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="")
    monkeypatch.setattr(stream, "isatty", lambda: tty, raising=False)
    outputs = ["цена", "b\udc80"]
    logs = {"loss": 1.0, "цена_loss": 0.5, "b\udc80_loss": 0.5, "价": 1.0}
    run(Progress(1, 1, 100, stream=stream, outputs=outputs, clock=(clock := Clock())), clock, epochs=1, logs=logs)
    text = raw.getvalue().decode(encoding)
    assert "loss" in text
    assert ("цена" in text) == (tty and encoding == "utf-8")
    assert text.isascii() or (tty and encoding == "utf-8")


VALUES = {
    "nan": (float("nan"), "nan"),
    "inf": (-float("inf"), "-inf"),
    "numpy": (np.float32(0.25), "0.2500"),
    "a tensor": (torch.tensor(0.5, requires_grad=True), "0.5000"),
    "zero": (0.0, "0.0000"),
    "small": (1.234567e-7, "1.235e-07"),
    "large": (1.5e20, "1.500e+20"),
    "an integer": (12, "12"),
    "a huge integer": (-(10**6000), "-2^19931"),
    "a list": ([0.5, 1, "x"], "[0.5000, 1, x]"),
    "a long array": (np.zeros((100, 100)), "[0.0000, 0.0000, 0.0000, 0.0000, ...]"),
    "an empty array": (np.zeros(0), "[]"),
    "none": (None, "None"),
    "a bool": (True, "True"),
    "text": ("a\x1b[2Jb" + "c" * 100, "a\\x1b[2Jb" + "c" * 28 + "..."),
    "a dict": ({"a": 1}, "{'a': 1}"),
}


@pytest.mark.parametrize("kind", VALUES)
def test_any_value_can_be_shown(kind, terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    value, expected = VALUES[kind]
    assert number(value) == expected
    run(Progress(1, 1, 100, clock=(clock := Clock())), clock, epochs=1, logs={"loss": value, 7: value})
    assert expected in " ".join(on_screen(terminal.getvalue()))


def test_times_and_rates():
    assert [duration(s) for s in (0, 0.9996, 9.96, 59.96, 3599.6)] == ["0ms", "1.0s", "10.0s", "1:00", "1:00:00"]
    assert [watch(s) for s in (0, 59.6, 3600, 90_061)] == ["0:00", "1:00", "1:00:00", "1d 1:01:01"]
    assert [rate(s) for s in (9.996e-6, 0.9996e-3, 0.9996, 123.4)] == [
        "10.0 us/step",
        "1.00 ms/step",
        "1.00 s/step",
        "123 s/step",
    ]


# -- layout


def test_numbers_stand_under_the_output_with_the_longest_name():
    logs = {"loss": 3.0, "a_loss": 1.0, "a_b_loss": 2.0, "val_a_loss": 4.0, "val_own": 5.0}
    rows = [text_of(row) for row in frame(Moment("E", 1, 2, logs=logs, outputs=["a", "a_b"]), Look(80))]
    assert rows[1:] == ["  loss 3.0000  val_own 5.0000", "  a    loss 1.0000 (val 4.0000)", "  a_b  loss 2.0000"]


def test_numbers_of_an_output_go_on_below_each_other():
    moment = Moment("E", 1, 2, logs={"o_mean": 1.0, "o_most": 2.0, "loss": 0.5}, outputs=["o", "other"])
    assert [text_of(row) for row in frame(moment, Look(20))[-2:]] == ["  o  mean 1.0000", "     most 2.0000"]


def test_a_closing_line_breaks_before_an_output():
    logs = {"loss": 3.0, "a_loss": 1.0, "b_loss": 2.0}
    moment = Moment("Epoch 1/2", 5, 5, 1.0, 0.2, logs=logs, outputs=["a", "b"], ended="done")
    assert len(closing(moment, Look(100))) == 1
    assert [text_of(row) for row in closing(moment, Look(60))] == [
        "Epoch 1/2  5/5  1.0s  200 ms/step  loss 3.0000",
        "           a loss 1.0000",
        "           b loss 2.0000",
    ]


def test_memory_is_shown_of_a_cuda_device(terminal, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: (3 + device.index) * 2**29)
    properties = types.SimpleNamespace(total_memory=80 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    for device, expected in (("cuda:1", "  loss 1.0000  GPU 2.0 of 80 GiB"), ("cpu", "  loss 1.0000")):
        with Progress(1, 1, 10, device=device, clock=Clock()) as progress:
            progress.start(0)
            progress.draw(1, {"loss": 1.0})
            assert on_screen(terminal.getvalue())[-1] == expected


def test_an_unknown_number_of_steps(terminal):
    clock = Clock()
    with Progress(1, 1, None, clock=clock) as progress:
        progress.start(0)
        clock.now += 1
        progress.draw(20, {"loss": 0.5})
        assert on_screen(terminal.getvalue())[0] == "Epoch 1/1  step 20  50.0 ms/step  0:01"
        progress.finish(25, {"loss": 0.5})
    assert on_screen(terminal.getvalue())[0] == "Epoch 1/1  25/25  1.0s  40.0 ms/step  loss 0.5000"


def test_a_slow_first_step_is_forgotten(terminal):
    """A first step that compiles takes as long as a thousand others; the time left must not be a thousand times off."""
    clock = Clock()
    with Progress(1, 1, 1000, clock=clock) as progress:
        progress.start(0)
        clock.now += 60
        progress.draw(1, {})
        for step in range(2, 5):
            clock.now += 1
            progress.draw(step, {})
        assert "1.00 s/step  1:03  ETA 16:36" in on_screen(terminal.getvalue())[0]


def test_steps_of_an_earlier_run_are_not_counted_as_fast(terminal):
    clock = Clock()
    with Progress(1, 1, 1000, clock=clock) as progress:
        progress.start(0, done=900)
        assert "900/1000" in on_screen(terminal.getvalue())[0]
        clock.now += 10
        progress.draw(910, {})
        assert "910/1000  1.00 s/step  0:10  ETA 1:30" in on_screen(terminal.getvalue())[0]
        clock.now += 90
        progress.finish(1000, {})
    assert on_screen(terminal.getvalue())[0] == "Epoch 1/1  1000/1000  1:40  1.00 s/step"


# -- a notebook


@pytest.fixture
def notebook(monkeypatch, request):
    shown = []

    class Stream:
        """Like that of ipykernel: neither a file nor a terminal."""

        def write(self, text):
            raise AssertionError(f"printed in a notebook: {text!r}")

    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    display.display = lambda thing, display_id, update=False: shown.append((thing, display_id, update))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    stands_for_stdout(Stream(), request)
    return shown


def test_a_notebook_has_one_display_that_does_not_flood(notebook):
    clock = Clock()
    began = clock.now
    progress = Progress("auto", 50, 100, clock=clock)
    asked = run(progress, clock, epochs=50, steps=100, seconds=0.003, logs={"a<b": 0.5})
    assert asked <= len(notebook) <= IN_NOTEBOOK * (clock.now - began) + 2
    assert len({name for _, name, _ in notebook}) == 1
    assert [update for _, _, update in notebook] == [False] + [True] * (len(notebook) - 1)
    last = notebook[-1][0]
    assert repr(last).splitlines() == [
        f"Epoch {i:>2}/50  100/100  300ms  3.00 ms/step  a<b 0.5000" for i in range(1, 51)
    ]
    assert last._repr_html_().count("a&lt;b") == 50


def test_a_notebook_keeps_a_hundred_lines(notebook):
    run(Progress(1, 250, 1, clock=(clock := Clock())), clock, epochs=250, steps=1, seconds=1.0)
    lines = repr(notebook[-1][0]).splitlines()
    assert lines[0] == "... 150 lines before"
    assert [lines[1][:13], lines[-1][:13]] == ["Epoch 151/250", "Epoch 250/250"]


def test_a_training_that_stops_early_shows_all_its_epochs_in_a_notebook(notebook):
    progress = Progress(1, 100, 1, clock=Clock())
    for epoch in range(3):
        progress.start(epoch)
        progress.finish(1, {"loss": 1.0})
    progress.stop()
    assert len(repr(notebook[-1][0]).splitlines()) == 3


def test_the_last_epoch_is_shown_in_a_notebook_at_once(notebook):
    progress = Progress(1, 1, 1, "Evaluation", clock=Clock())
    progress.start(0)
    progress.finish(1, {"loss": 1.0})
    assert repr(notebook[-1][0]) == "Evaluation  1/1  0ms  0.00 us/step  loss 1.0000"


def test_what_is_redirected_in_a_notebook_is_lines(notebook, monkeypatch):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        run(Progress(1, 2, 10, clock=(clock := Clock())), clock)
    assert len(out.getvalue().splitlines()) == 2
    assert notebook == []


def test_ipython_in_a_terminal_is_a_terminal(terminal, monkeypatch):
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    run(Progress(1, 1, 10, clock=(clock := Clock())), clock, epochs=1)
    assert "\x1b" in terminal.getvalue()


# -- cost


@pytest.mark.parametrize("verbose, looks", [(0, 0), (1, 100)])
def test_asking_costs_one_look_at_the_clock_and_nothing_where_nothing_is_shown(terminal, verbose, looks):
    asked = []

    def clock():
        asked.append(None)
        return 0.0

    with Progress(verbose, 1, 10, clock=clock) as progress:
        progress.start(0)
        before = len(asked)
        for _ in range(100):
            progress.wants_drawing()
        assert len(asked) - before == looks


# -- Progbar


def test_progbar_has_kerass_arguments():
    import inspect

    import keras

    for name in ("__init__", "update", "add"):
        ours, theirs = (inspect.signature(getattr(cls, name)).parameters for cls in (Progbar, keras.utils.Progbar))
        assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


def test_progbar_averages_as_keras_does_and_leaves_one_line(capsys):
    import keras

    bars = [cls(target=6, stateful_metrics=["lr"], verbose=2) for cls in (Progbar, keras.utils.Progbar)]
    for bar in bars:
        for step, loss in ((2, 4.0), (3, 1.0), (5, 2.0)):
            bar.update(step, [("loss", loss), ("lr", loss)])
    total, count = bars[1]._values["loss"]
    assert bars[0]._logs() == {"loss": total / count, "lr": 2.0}
    bars[0].add(1, [("loss", torch.tensor(7.0, requires_grad=True)), ("note", "x")])
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"6 steps - .* - loss: 3\.3333 - lr: 2\.0000 - note: x", line)


def test_progbar_takes_the_last_numbers_as_they_come_when_told_twice(capsys):
    bar = Progbar(target=None, verbose=2, unit_name="sample")
    bar.update(1, [("loss", 4.0)])
    bar.update(2, [("loss", 2.0)])
    bar.update(2, [("loss", 2.5), ("val_loss", 1.0)], finalize=True)
    assert re.fullmatch(r"2 samples - .* - loss: 2\.5000 - val_loss: 1\.0000\n", capsys.readouterr().out)


def test_progbar_stateless_metrics():
    bar = Progbar(target=5, verbose=0, stateless_metrics=["loss"])
    for step in (1, 2):
        bar.update(step, [("loss", float(step)), ("lr", float(step))])
    assert bar._logs() == {"loss": 1.5, "lr": 2.0}
    with pytest.raises(ArgumentError, match="not both"):
        Progbar(5, stateful_metrics=[], stateless_metrics=[])


def test_progbar_on_a_terminal(terminal):
    bar = Progbar(target=10)
    assert terminal.writes == []  # people print a headline first
    print("Epoch 1")
    for step in range(10):
        bar.update(step + 1, [("loss", 1.0)])
    rows = on_screen(terminal.getvalue())
    assert rows[0] == "Epoch 1"
    assert re.fullmatch(r"━{20}  10/10  \d+ms  [\d.]+ .s/step  loss 1\.0000", rows[1])
    assert rows[2:] == [""]


def test_progbar_that_is_left_alone_gives_the_terminal_back(terminal):
    bar = Progbar(target=10)
    bar.update(3, [("loss", 1.0)])
    assert sys.stdout is not terminal
    del bar
    gc.collect()
    assert sys.stdout is terminal
    assert "stopped at 3/10" in on_screen(terminal.getvalue())[0]
