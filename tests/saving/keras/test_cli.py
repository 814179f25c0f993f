"""``lamina convert`` between every pair of kinds, and its errors: named, on stderr, exit code 1."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.cli import main
from lamina.layers import Dense, Input


@pytest.fixture
def model(tmp_path):
    x = Input((3,), name="x")
    model = lamina.Model(x, torch.tanh(Dense(2, name="d")(x)) * 2)
    model.save(tmp_path / "a.lamina")
    return model


def test_there_and_back(model, tmp_path, capsys):
    one, two, three = (str(tmp_path / name) for name in ("a.lamina", "b.keras", "c.lamina"))
    assert main(["convert", one, two]) == 0
    assert main(["convert", two, three]) == 0
    assert "left out" not in capsys.readouterr().out
    x = torch.rand(4, 3)
    torch.testing.assert_close(lamina.models.load_model(three)(x), model(x))
    np.testing.assert_allclose(keras.models.load_model(two)(x).detach(), model(x).detach(), rtol=1e-6)


def test_weights_alone_belong_to_a_model(model, tmp_path, capsys):
    one, two, three = (str(tmp_path / name) for name in ("a.lamina", "b.weights.h5", "c.weights.safetensors"))
    assert main(["convert", one, two]) == 0
    assert "left out    the graph" in capsys.readouterr().out
    assert main(["convert", two, three, "--model", one]) == 0
    other = lamina.models.load_model(one)
    other.set_weights([0 * weight for weight in other.get_weights()])
    other.load_weights(three)
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def test_a_file_that_is_there_stays(model, tmp_path, capsys):
    one, two = str(tmp_path / "a.lamina"), tmp_path / "b.keras"
    two.write_text("mine")
    assert main(["convert", one, str(two)]) == 1
    assert "There is a file already" in capsys.readouterr().err
    assert two.read_text() == "mine"
    assert main(["convert", one, str(two), "--overwrite"]) == 0


@pytest.mark.parametrize(
    "source, target, told",
    [
        ("a.lamina", "b.pickle", "Nothing is written into a file of this ending"),
        ("none.keras", "b.lamina", "MissingFileError"),
        ("text.keras", "b.lamina", "DamagedFileError"),
    ],
)
def test_errors_have_names(model, tmp_path, capsys, source, target, told):
    (tmp_path / "text.keras").write_text("no zip")
    assert main(["convert", str(tmp_path / source), str(tmp_path / target)]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


def test_what_keras_has_no_word_for_is_named_with_its_line(tmp_path, capsys):
    x = Input((3,))
    lamina.Model(x, torch.special.erfcx(x)).save(tmp_path / "a.lamina")
    assert main(["convert", str(tmp_path / "a.lamina"), str(tmp_path / "b.keras")]) == 1
    error = capsys.readouterr().err
    assert "erfcx" in error
    assert "test_cli.py:" in error


def test_version_and_help(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert lamina.__version__ in capsys.readouterr().out
    assert main([]) == 0
    assert "convert" in capsys.readouterr().out
