"""Functions of square matrices: exponential, logarithm, square root. Read late, since they need SciPy.

For f analytic on the spectrum of A, the derivative L(A, E) at A in the direction E is a block of f itself,
f([[A, E], [0, A]]) = [[f(A), L(A, E)], [0, f(A)]]. Differentiating that block again gives the next order, on a matrix
twice the size; L(A, ·) is linear, and its transpose is L(Aᵀ, ·). The first order of the exponential is by SciPy.

**Source**: Mathias, "A chain rule for matrix functions and applications" (1996); Higham, *Functions of Matrices: Theory
and Computation* (2008), §3.2; Higham & Relton, "Higher order Fréchet derivatives of matrix functions and the level-2
condition number" (2014); Al-Mohy & Higham, "Computing the Fréchet derivative of the matrix exponential" (2009).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.batching import direct
from wengert.core.errors import ArgumentError, DegenerateError
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Linear, Pushforward
from wengert.ops.condition import ensure
from wengert.ops.linalg import constant, floating, mT


def _triangle(a: Any, e: Any) -> Any:
    """[[A, E], [0, A]]."""
    return np.concatenate(
        [np.concatenate([a, e], -1), np.concatenate([np.zeros(shape_of(a), aval_of(a).dtype), a], -1)], -2
    )


def _pair(t: Any) -> Any:
    """[[T, 0], [0, T]]."""
    return _triangle(t, np.zeros(shape_of(t), aval_of(t).dtype))


def _corner(m: Any, n: int) -> Any:
    return m[..., :n, n:]


def _of_lapack(a: Any) -> Any:
    """A matrix in a precision that LAPACK has: float16 is widened, longdouble would lose digits and is refused."""
    if a.dtype.char in "gG":
        raise TypeError(f"array type {a.dtype} is unsupported in linalg")
    return a.astype(np.float32) if a.dtype == np.float16 else a


def _over_stacks(f: Callable[..., Any], *matrices: Any) -> Any:
    """A function of square matrices of one size over a stack of them."""
    shape = matrices[0].shape
    if 0 in shape:
        return matrices[0]
    groups = zip(*(_of_lapack(m).reshape(-1, *shape[-2:]) for m in matrices), strict=True)
    return np.stack([f(*group) for group in groups]).reshape(shape)


def _by_blocks(f: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def directional(a: Any, e: Any) -> Any:
        """L(A, E), of E made as large as A: L is linear in it, and the error grows with the norm of the whole."""
        of_a, of_e = (float(np.max(np.sum(np.abs(m), axis=0))) for m in (a, e))
        fit = 0 < of_a < np.inf and 0 < of_e < np.inf
        factor = 2.0 ** np.floor(np.log2(of_a) - np.log2(of_e)) if fit else 1.0
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what SciPy says of the value, it has said already
            return _corner(f(_triangle(a, e * factor)), a.shape[-1]) / factor

    return directional


def _regular(name: str, a: Any) -> Any:
    """A function with a branch point at 0 has no derivative at a singular matrix."""
    s = np.linalg.svd(_of_lapack(constant(a)), compute_uv=False)
    return ensure(
        a, s[..., -1:] > s.shape[-1] * np.finfo(s.dtype).eps * s[..., :1], DegenerateError,
        f"scipy.linalg.{name} has no derivative at a singular matrix",
        wrong=f"linalg.{name}(A)",
        right=f"linalg.{name}(A + eps * np.eye(n))   where that is what is meant",
    )  # fmt: skip


def matrix_function(
    name: str, f: Callable[[Any], Any], directional: Callable[[Any, Any], Any], entire: bool, latex: str
) -> tuple[Primitive, Primitive]:
    """A function of matrices and its derivative; `entire`: without a branch point at 0, and real for real matrices."""

    def evaluate(a: Any) -> Any:
        a = np.asarray(a)
        result = _over_stacks(f, a)
        if result.dtype.kind == "c" and a.dtype.kind != "c":
            raise ArgumentError(
                f"scipy.linalg.{name} of this real matrix is complex",
                wrong=f"linalg.{name}(A)",
                right=f"linalg.{name}(A + 0j)",
            )
        return result.astype(floating(aval_of(a)), copy=False)

    def push(t: Any, z: Any, a: Any) -> Any:
        return bind(frechet, (a if entire else _regular(name, a), t), {})

    value = REGISTRY[name] = Primitive(
        name,
        evaluate,
        [Pushforward(push)],
        aval=lambda a: Aval(a.shape, floating(a)),
        complex=True,
        batch=direct,
        notation=Notation(name, f"scipy.linalg.{name}({{0}})", latex),
    )
    frechet = REGISTRY[f"{name}_frechet"] = Primitive(
        f"{name}_frechet",
        lambda a, e: _over_stacks(directional, *np.broadcast_arrays(a, e)).astype(np.result_type(a, e), copy=False),
        [
            Pushforward(lambda t, z, a, e: _corner(bind(frechet, (_triangle(a, e), _pair(t)), {}), shape_of(a)[-1])),
            Linear(lambda ct, a, e: bind(frechet, (mT(a), ct), {})),
        ],
        aval=lambda a, e: Aval(a.shape, np.result_type(floating(a), floating(e))),
        complex=True,
        batch=direct,
        notation=Notation(f"D{name}", f"{name}_frechet({{0}}, {{1}})", rf"\mathrm{{{{D}}}}{latex}\left[{{1}}\right]"),
    )
    return value, frechet


def _expm_frechet(a: Any, e: Any) -> Any:
    """By the derivative of the algorithm, which is cheaper than the exponential of the blocks, and no less accurate."""
    return scipy.linalg.expm_frechet(a, e, compute_expm=False, check_finite=False)


expm, expm_frechet = matrix_function("expm", scipy.linalg.expm, _expm_frechet, True, r"e^{{{0}}}")


def _in_double(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """SciPy's tolerances are those of double precision, whatever it is given."""
    return lambda a: f(a.astype(np.result_type(a, np.float64), copy=False))


_logm, _sqrtm = _in_double(scipy.linalg.logm), _in_double(scipy.linalg.sqrtm)
logm, logm_frechet = matrix_function("logm", _logm, _by_blocks(_logm), False, r"\ln\left({0}\right)")
sqrtm, sqrtm_frechet = matrix_function("sqrtm", _sqrtm, _by_blocks(_sqrtm), False, r"\left({0}\right)^{{1/2}}")
