"""Processes that do not fit together, fail or hang say so, by their rank, and none is left waiting."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lamina.processes import Portion, joined
from tests.distribution import processes

SCRIPT = Path(__file__).with_name("faults.py")


def test_every_row_of_a_batch_belongs_to_one_process() -> None:
    for size in range(1, 6):
        for rows in range(1, 12):
            spans = [Portion(rank, size).of(3, 3 + rows) for rank in range(size)]
            owned = [row for first, last, share in spans if share.rows for row in range(first, last)]
            assert owned == list(range(3, 3 + rows))
            # One without a row works on one of another's, so that all take part.
            assert all(last - first == max(share.rows, 1) and share.total == rows for first, last, share in spans)
            assert max(s.rows for *_, s in spans) - min(s.rows for *_, s in spans) <= 1


def test_alone_there_is_no_world() -> None:
    assert joined({}) is None
    assert joined({"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}) is None
    assert joined({"RANK": "0", "WORLD_SIZE": "2"}) is None  # somebody else's words


def test_what_differs_between_processes_is_refused_by_rank() -> None:
    ended = processes.run(SCRIPT, 2, "disagree")
    assert [one.code for one in ended] == [0, 0], ended[0].out + ended[1].out
    for one in ended:
        due = ["seed=", "the list of weights", "the settings of the layers", "the shape of the data", "epochs="]
        for told, words in zip(one.result, due, strict=False):
            assert f"{words} of rank 1 is another than that of rank 0" in told
        assert one.result[5] == ""
    assert "The arrays of rank 1 hold other numbers than those of rank 0" in ended[0].result[-1]


@pytest.mark.slow
def test_an_error_of_one_process_ends_all_and_names_it() -> None:
    first, second = processes.run(SCRIPT, 2, "fails")
    assert first.code
    assert second.code
    assert "KeyError: 'of the user'" in second.out
    assert "Rank 1 has ended, or does not answer" in first.out


@pytest.mark.slow
def test_a_process_that_hangs_is_named() -> None:
    first, _ = processes.run(SCRIPT, 2, "hangs", LAMINA_TIMEOUT="8")
    assert first.code
    assert "Rank 1 has ended, or does not answer" in first.out


@pytest.mark.slow
def test_a_port_in_use_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (alone,) = processes.run(SCRIPT, 1, "fails", port=taken.getsockname()[1], WORLD_SIZE="2", LAMINA_TIMEOUT="5")
    assert alone.code
    assert "the port is in use" in alone.out
