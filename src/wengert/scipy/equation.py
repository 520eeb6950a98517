"""Systems of linear equations, matrix equations, and the numbers that say something of a matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import MissingRuleError
from wengert.core.primitive import bind
from wengert.ops import matrix_equations
from wengert.ops.linalg import mH, mirrored, mT
from wengert.ops.matrix_equations import permuted, row_order, triangular
from wengert.ops.operand import array, inexact
from wengert.scipy.substitution import check, replaces

# Systems of equations ------------------------------------------------------------------------------------------------


def _of_columns(solve: Callable[[Any], Any], b: Any) -> Any:
    """A solver for the columns of a matrix, applied to a matrix or to a vector."""
    b = array(b)
    return solve(b[:, None])[..., 0] if len(shape_of(b)) == 1 else solve(b)


#: What of a matrix is read under an assumption on its structure.
_READ: dict[Any, Any] = {
    **dict.fromkeys((None, "general", "gen"), lambda a, upper: a),
    **dict.fromkeys(("symmetric", "sym"), lambda a, upper: _symmetric(a, upper)),
    **dict.fromkeys(("hermitian", "her", "positive definite", "pos"), mirrored),
    "diagonal": lambda a, upper: a * np.eye(shape_of(a)[-1]),
    "tridiagonal": lambda a, upper: np.triu(np.tril(a, 1), -1),
    "banded": lambda a, upper: a,
    "upper triangular": lambda a, upper: np.triu(a),
    "lower triangular": lambda a, upper: np.tril(a),
}


def _symmetric(a: Any, upper: bool) -> Any:
    """The symmetric matrix of one triangle, without a conjugation."""
    return np.triu(a) + mT(np.triu(a, 1)) if upper else np.tril(a) + mT(np.tril(a, -1))


def _read(a: Any, assume_a: Any, lower: bool) -> Any:
    if assume_a not in _READ:
        raise ValueError(f"{assume_a} is not a recognized matrix structure")
    return _READ[assume_a](a, not lower)


@replaces(scipy.linalg.solve)
def solve(
    a: Any, b: Any, lower: bool = False, overwrite_a: bool = False, overwrite_b: bool = False,
    check_finite: bool = True, assume_a: Any = None, transposed: bool = False,
) -> Any:  # fmt: skip
    """The solution of a x = b; of a structure that is assumed only the part that SciPy reads has influence."""
    check(check_finite, a, b)
    a = _read(array(a), assume_a, lower)
    a = mT(a) if transposed else a
    return _of_columns(lambda b: np.linalg.solve(a, b), b)


@replaces(scipy.linalg.solve_triangular)
def solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    """The solution of T x = b, Tᵀ x = b or Tᴴ x = b, with a triangle T of a."""
    check(check_finite, a, b)
    kind = {"N": 0, "T": 1, "C": 2}.get(trans, trans)
    a = np.conjugate(a) if kind == 2 and array(a).dtype.kind == "c" else a
    options = {"trans": bool(kind), "lower": bool(lower), "unit_diagonal": bool(unit_diagonal)}
    return _of_columns(lambda b: bind(triangular, (array(a), b), options), b)


@replaces(scipy.linalg.cho_solve, of_pairs=True)
def cho_solve(c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    """The solution of A x = b, of the factor that `cho_factor` gives of A."""
    c, lower = c_and_lower
    check(check_finite, c, b)
    first = solve_triangular(c, b, 0 if lower else 2, lower, check_finite=False)
    return solve_triangular(c, first, 2 if lower else 0, lower, check_finite=False)


@replaces(scipy.linalg.lu_factor)
def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Any, Any]:
    """L and U of P A = L U in one matrix, and the exchanges of rows."""
    check(check_finite, a)
    if shape_of(a)[-1] != shape_of(a)[-2]:
        raise MissingRuleError(
            "scipy.linalg.lu_factor has a derivative for square matrices only",
            wrong="linalg.lu_factor(A)",
            right="linalg.qr(A)",
        )
    lu, piv = bind(matrix_equations.lu_factor, (inexact(a),), {})
    return lu, piv


@replaces(scipy.linalg.lu_solve, of_pairs=True)
def lu_solve(lu_and_piv: Any, b: Any, trans: Any = 0, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    """The solution of A x = b, Aᵀ x = b or Aᴴ x = b, of what `lu_factor` gives of A."""
    lu, piv = lu_and_piv
    check(check_finite, lu, b)
    order = bind(row_order, (piv,), {})

    def solve(b: Any) -> Any:
        if trans == 0:
            first = solve_triangular(lu, permuted(b, order), 0, True, True)
            return solve_triangular(lu, first, 0, False)
        first = solve_triangular(lu, solve_triangular(lu, b, trans, False), trans, True, True)
        return permuted(first, np.argsort(order, -1))

    return _of_columns(solve, b)


@replaces(scipy.linalg.solve_sylvester)
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """The solution of A X + X B = Q."""
    return bind(matrix_equations.sylvester, (array(a), array(b), array(q)), {})


@replaces(scipy.linalg.solve_continuous_lyapunov)
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """The solution of A X + X Aᴴ = Q."""
    a = array(a)
    return solve_sylvester(a, mH(a), q)


solve_lyapunov = solve_continuous_lyapunov


@replaces(scipy.linalg.solve_discrete_lyapunov)
def solve_discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Any:
    """The solution of A X Aᴴ − X + Q = 0, as the linear system that it is; n⁶ steps for matrices of n rows."""
    a, q = array(a), array(q)
    n = shape_of(a)[0]
    system = np.eye(n * n) - np.kron(a, np.conjugate(a))
    return np.reshape(np.linalg.solve(system, np.reshape(q, -1)), (n, n))


@replaces(scipy.linalg.lstsq)
def lstsq(
    a: Any, b: Any, cond: Any = None, overwrite_a: bool = False, overwrite_b: bool = False, check_finite: bool = True,
    lapack_driver: Any = None,
) -> Any:  # fmt: skip
    """The solution of least squares and least norm, the squares, the rank, the singular values."""
    check(check_finite, a, b)
    x, squares, rank, s = np.linalg.lstsq(a, b, -1 if cond is None else cond)
    single = len(shape_of(b)) == 1 and shape_of(squares)[0] == 1
    return x, (squares[0] if single else squares), rank, (None if lapack_driver == "gelsy" else s)


# Inverses and numbers ------------------------------------------------------------------------------------------------


@replaces(scipy.linalg.inv)
def inv(
    a: Any, overwrite_a: bool = False, check_finite: bool = True, *, assume_a: Any = None, lower: bool = False
) -> Any:
    """The inverse."""
    check(check_finite, a)
    return np.linalg.inv(_read(array(a), assume_a, lower))


@replaces(scipy.linalg.pinv)
def pinv(a: Any, *, atol: Any = None, rtol: Any = None, return_rank: bool = False, check_finite: bool = True) -> Any:
    """The pseudo-inverse; singular values below atol + rtol · σ₁ count as zero."""
    check(check_finite, a)
    a = inexact(a)
    if atol:
        raise MissingRuleError(
            "scipy.linalg.pinv with atol= has no derivative rule", wrong="linalg.pinv(A, atol=t)",
            right="linalg.pinv(A, rtol=t / linalg.svdvals(A)[0])",
        )  # fmt: skip
    rtol = max(shape_of(a)[-2:]) * np.finfo(aval_of(a).dtype).eps if rtol is None and atol is None else rtol or 0.0
    inverse = np.linalg.pinv(a, rcond=rtol)
    return (inverse, np.linalg.matrix_rank(a, rtol=rtol)) if return_rank else inverse


@replaces(scipy.linalg.det)
def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The determinant."""
    check(check_finite, a)
    return np.linalg.det(a)


@replaces(scipy.linalg.norm)
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Any:
    """The norm of a vector or a matrix."""
    check(check_finite, a)
    return np.linalg.norm(a, ord, axis, keepdims)
