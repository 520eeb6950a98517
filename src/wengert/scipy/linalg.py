"""`scipy.linalg` for traced arrays: `from wengert.scipy import linalg`.

>>> import numpy as np, wengert as wg
>>> from wengert.scipy import linalg
>>> wg.grad(lambda a: np.trace(linalg.expm(a)))(np.array([[0.0, 1.0], [-1.0, 0.0]])).round(6)
array([[ 0.540302, -0.841471],
       [ 0.841471,  0.540302]])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import scipy.linalg as _linalg

from wengert.scipy.arrangement import block_diag, circulant, companion, hankel, toeplitz
from wengert.scipy.decomposition import cho_factor, cholesky, eig, eigh, eigvals, eigvalsh, lu, polar, qr, svd, svdvals
from wengert.scipy.equation import (
    cho_solve,
    det,
    inv,
    lstsq,
    lu_factor,
    lu_solve,
    norm,
    pinv,
    solve,
    solve_continuous_lyapunov,
    solve_discrete_lyapunov,
    solve_lyapunov,
    solve_sylvester,
    solve_triangular,
)
from wengert.scipy.function import (
    coshm,
    cosm,
    expm,
    expm_frechet,
    fractional_matrix_power,
    logm,
    sinhm,
    sinm,
    sqrtm,
    tanhm,
    tanm,
)
from wengert.scipy.substitution import passed_on


def __getattr__(name: str) -> Any:
    if name.startswith("__"):  # Python asks a module for __path__ when names are imported from it
        raise AttributeError(name)
    return passed_on(getattr(_linalg, name), "scipy.linalg")


def __dir__() -> Sequence[str]:
    return sorted({*_linalg.__all__, *__all__})


__all__ = [
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "circulant",
    "companion",
    "coshm",
    "cosm",
    "det",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "expm_frechet",
    "fractional_matrix_power",
    "hankel",
    "inv",
    "logm",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "norm",
    "pinv",
    "polar",
    "qr",
    "sinhm",
    "sinm",
    "solve",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_lyapunov",
    "solve_sylvester",
    "solve_triangular",
    "sqrtm",
    "svd",
    "svdvals",
    "tanhm",
    "tanm",
    "toeplitz",
]
