"""Kernels that a traced call may name are given arguments that do not fit: they refuse, or give a result, and live."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys

import torch

from lamina.saving.traced.allow_list import operation_of_name

SHAPES = ((0,), (1,), (2, 3), (1000, 4), (1, 1), (3, 3), (2, 3, 3), ())
WITH_TWO = (
    "linalg_solve linalg_solve_ex linalg_lstsq linalg_vecdot linalg_tensorsolve _weight_norm special_xlog1py "
    "special_zeta special_gammainc special_gammaincc __and__.Tensor __lshift__.Tensor quantile nanquantile"
).split()
WITH_ONE = (
    "mT mH numpy_T matrix_H linalg_vector_norm linalg_inv linalg_inv_ex linalg_pinv linalg_svdvals linalg_eigvals "
    "linalg_matrix_rank linalg_lu_factor linalg_lu_factor_ex linalg_cholesky_ex linalg_vander linalg_eig "
    "_standard_gamma _sample_dirichlet linalg_tensorinv"
).split()
RECURRENT = ("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")


def _named(name: str) -> str:
    base, _, overload = name.partition(".")
    return f"aten.{base}.{overload or 'default'}"


def main() -> None:
    with contextlib.suppress(RuntimeError):
        torch.set_num_threads(1)
    made = {
        (shape, dtype): torch.ones(shape, dtype=dtype) for shape in SHAPES for dtype in (torch.float32, torch.int64)
    }
    for name in WITH_ONE:
        for value in made.values():
            _tried(_named(name), value)
    for name, (a, b) in itertools.product(WITH_TWO, itertools.product(made.values(), repeat=2)):
        _tried(_named(name), a, b)
    for a, b, dim in itertools.product(made.values(), made.values(), (0, 1, -1, 7)):
        _tried("aten._weight_norm.default", a, b, dim)
    floats = [made[shape, torch.float32] for shape in SHAPES]
    for name, values in itertools.product(RECURRENT, itertools.permutations(floats, 3)):
        state = [values[1], values[1]] if name == "lstm_cell" else values[1]
        _tried(_named(name), values[0], state, values[2], values[2], values[0], values[0])
    for name, count in (("lstm", 6), ("gru", 6), ("rnn_tanh", 5), ("rnn_relu", 5)):
        for values in itertools.permutations(floats, count):
            _tried(f"lamina.{name}.default", *values)
    for name in ("pow", "mod", "floordiv"):
        for a, b in itertools.product((0, 1, -1, 2**62, 1e300), repeat=2):
            _tried(f"operator.{name}", a, b)
    for name in ("ceil", "floor", "trunc"):
        for a in (float("inf"), float("nan"), 1e300, 2**62):
            _tried(f"math.{name}", a)


def _tried(name: str, *args: object) -> None:
    with contextlib.suppress(Exception):
        operation_of_name(name)(*args)


def test_no_kernel_ends_the_process() -> None:
    process = subprocess.run([sys.executable, "-m", "tests.hostile.test_kernels"], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr[-2000:]


if __name__ == "__main__":
    main()
