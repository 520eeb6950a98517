"""Functions of square matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import MissingRuleError
from wengert.core.primitive import bind
from wengert.core.tracer import Tracer
from wengert.ops import matrix_functions
from wengert.ops.operand import inexact
from wengert.scipy.substitution import check, replaces


@replaces(scipy.linalg.expm)
def expm(A: Any) -> Any:
    """The exponential Σ Aᵏ/k!; its derivative is a block of the exponential of [[A, E], [0, A]]."""
    return bind(matrix_functions.expm, (inexact(A),), {})


@replaces(scipy.linalg.logm)
def logm(A: Any, disp: Any = True) -> Any:
    """The principal logarithm."""
    return _of_value("logm", matrix_functions.logm, A, disp)


@replaces(scipy.linalg.sqrtm)
def sqrtm(A: Any, disp: Any = True, blocksize: Any = None) -> Any:
    """The principal square root."""
    return _of_value("sqrtm", matrix_functions.sqrtm, A, disp)


def _of_value(name: str, primitive: Any, A: Any, disp: Any) -> Any:
    if disp is False:
        raise MissingRuleError(
            f"scipy.linalg.{name} with disp=False returns an estimate, which has no derivative",
            wrong=f"linalg.{name}(A, disp=False)",
            right=f"linalg.{name}(A)",
        )
    return bind(primitive, (inexact(A),), {})


@replaces(scipy.linalg.expm_frechet)
def expm_frechet(A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True) -> Any:
    """The exponential of A and its derivative in the direction E."""
    check(check_finite, A, E)
    A, E = inexact(A), inexact(E)
    if shape_of(A) != shape_of(E):
        raise ValueError("expected A and E to be the same shape")
    derivative = bind(matrix_functions.expm_frechet, (A, E), {})
    return (expm(A), derivative) if compute_expm else derivative


# Real matrices have real sines and cosines, which are the parts of the exponential of iA.


def _of_exponentials(A: Any, sign: int) -> Any:
    """(e^{iA} + e^{−iA})/2, or with the other sign (e^{iA} − e^{−iA})/2i."""
    A = inexact(A)
    ahead = expm(1j * A)
    if aval_of(A).dtype.kind == "c":
        back = expm(-1j * A)
        return (ahead + back) / 2 if sign > 0 else (ahead - back) / 2j
    return np.real(ahead) if sign > 0 else np.imag(ahead)


@replaces(scipy.linalg.cosm)
def cosm(A: Any) -> Any:
    """The cosine."""
    return _of_exponentials(A, 1)


@replaces(scipy.linalg.sinm)
def sinm(A: Any) -> Any:
    """The sine."""
    return _of_exponentials(A, -1)


@replaces(scipy.linalg.tanm)
def tanm(A: Any) -> Any:
    """The tangent."""
    return np.linalg.solve(cosm(A), sinm(A))


@replaces(scipy.linalg.coshm)
def coshm(A: Any) -> Any:
    """The hyperbolic cosine."""
    A = inexact(A)
    return (expm(A) + expm(-A)) / 2


@replaces(scipy.linalg.sinhm)
def sinhm(A: Any) -> Any:
    """The hyperbolic sine."""
    A = inexact(A)
    return (expm(A) - expm(-A)) / 2


@replaces(scipy.linalg.tanhm)
def tanhm(A: Any) -> Any:
    """The hyperbolic tangent."""
    return np.linalg.solve(coshm(A), sinhm(A))


@replaces(scipy.linalg.fractional_matrix_power)
def fractional_matrix_power(A: Any, t: Any) -> Any:
    """Aᵗ = exp(t log A); for whole numbers t a product."""
    if not isinstance(t, Tracer) and t == int(t):
        return np.linalg.matrix_power(A, int(t))
    return expm(t * logm(A))
