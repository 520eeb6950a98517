"""`scipy.special` with the functions that are no ufuncs: `from wengert.scipy import special`.

>>> import numpy as np, wengert as wg
>>> from wengert.scipy import special
>>> wg.grad(special.logsumexp)(np.array([0.0, 0.0]))
array([0.5, 0.5])
>>> float(wg.grad(lambda x: special.polygamma(0, x))(1.0) - np.pi**2 / 6) < 1e-15
True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as _np
from scipy import special as _special
from scipy.special import _ufuncs

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import MissingRuleError
from wengert.ops.composite import softmax as _softmax
from wengert.ops.operand import array, inexact
from wengert.ops.reduction import normalize_axes
from wengert.ops.special import softplus as _softplus
from wengert.ops.special import stop_gradient
from wengert.scipy.substitution import passed_on, replaces


def __getattr__(name: str) -> Any:
    if name.startswith("__"):  # Python asks a module for __path__ when names are imported from it
        raise AttributeError(name)
    found = getattr(_special, name)
    # With SCIPY_ARRAY_API=1 the public name is a function that asks for namespaces, with the ufunc inside.
    inner = getattr(_ufuncs, name, None)
    return passed_on(inner if isinstance(inner, _np.ufunc) else found, "scipy.special")


def __dir__() -> Sequence[str]:
    return sorted({*_special.__all__, *(n for n in globals() if not n.startswith("_"))})


# Sums of exponentials ------------------------------------------------------------------------------------------------


@replaces(_special.logsumexp)
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """The logarithm of Σ b exp a along the axes, without overflow; with `return_sign` of |Σ b exp a|, and the sign.

    The largest terms, m, are kept apart from the others, s: log(m + s) = log m + log(1 + s/m), which keeps the digits
    of a small s. The shift by the maximum cancels, so it is a constant of the derivative; −∞ adds nothing.

    **Source**: Blanchard, Higham & Higham, "Accurately computing the log-sum-exp and softmax functions" (2021).
    """
    a, b = inexact(a), None if b is None else inexact(b)
    if b is not None:
        a, b = _np.broadcast_arrays(a, b)
        a = _np.where(_np.equal(b, 0), -_np.inf, a)
    axes = normalize_axes(axis, len(shape_of(a)))
    size = _np.real(a) if aval_of(a).dtype.kind == "c" else a
    top = stop_gradient(_np.max(size, axis=axes, keepdims=True))
    largest = _np.equal(size, top)
    e = _np.exp(a - _np.where(_np.isfinite(top), top, 0.0))
    terms = e if b is None else b * e
    m = _np.sum(_np.where(largest, terms, 0.0), axis=axes, keepdims=True)
    s = _np.sum(_np.where(largest, 0.0, terms), axis=axes, keepdims=True)
    with _np.errstate(divide="ignore", invalid="ignore"):  # the logarithm of no terms is −∞
        out, sign = _log_of_sum(m, s, return_sign)
    out = out + _np.where(_np.isfinite(top), top, 0.0)
    if not keepdims:
        out, sign = _np.squeeze(out, axis=axes), _np.squeeze(sign, axis=axes)
    return (out, sign) if return_sign else out


def _log_of_sum(m: Any, s: Any, absolute: bool) -> tuple[Any, Any]:
    """log(m + s), or log |m + s|, and the sign of m + s."""
    total = m + s
    if aval_of(total).dtype.kind == "c":
        size = _np.abs(total)
        return (_np.log(size) if absolute else _np.log(total)), _np.where(size == 0, 0.0, total / size)
    close = _np.abs(s) < 0.5 * _np.abs(m)
    divisor, rest = _np.where(close, m, 1.0), _np.where(close, s, 0.0)
    sign = _np.sign(total)
    logarithm = _np.where(close, _np.log(_np.abs(divisor)) + _np.log1p(rest / divisor), _np.log(_np.abs(total)))
    return (logarithm if absolute else _np.where(sign < 0, _np.nan, logarithm)), sign


@replaces(_special.softmax)
def softmax(x: Any, axis: Any = None) -> Any:
    """The shares exp x / Σ exp x along the axes."""
    return _softmax(inexact(x), axis)


@replaces(_special.log_softmax)
def log_softmax(x: Any, axis: Any = None) -> Any:
    """The logarithms x − log Σ exp x along the axes."""
    x = inexact(x)
    top = stop_gradient(_np.max(x, axis=axis, keepdims=True))
    moved = x - _np.where(_np.isfinite(top), top, 0.0)
    return moved - logsumexp(moved, axis, keepdims=True)


@replaces(getattr(_special, "softplus", _softplus))
def softplus(x: Any, **kwargs: Any) -> Any:
    """log(1 + exp x)."""
    if kwargs:
        raise MissingRuleError(
            f"scipy.special.softplus with {', '.join(kwargs)}= has no derivative", right="softplus(x)"
        )
    return _softplus(x)


# Gamma functions and factorials --------------------------------------------------------------------------------------


@replaces(_special.polygamma)
def polygamma(n: Any, x: Any) -> Any:
    """The n-th derivative of ψ, (−1)ⁿ⁺¹ n! ζ(n + 1, x).

    **Source**: DLMF §5.15, 25.11.12.
    """
    n, x = array(n), array(x)
    factor = (-1.0) ** (n + 1) * _ufuncs.gamma(n + 1.0)
    least = _np.maximum(n, 1)  # ζ(1, x) is a pole
    return _np.where(_np.equal(n, 0), _ufuncs.psi(x), factor * _ufuncs._zeta(least + 1, x))


@replaces(_special.multigammaln)
def multigammaln(a: Any, d: Any) -> Any:
    """The logarithm of the multivariate gamma function, Σ log Γ(a − (j − 1)/2) + d(d − 1)/4 log π for j = 1 … d.

    **Source**: DLMF §35.3.
    """
    if _np.ndim(d) or _np.floor(d) != d:
        raise ValueError("d should be a positive integer (dimension)")
    if _np.any(_np.less_equal(a, 0.5 * (d - 1))):
        raise ValueError(f"condition a ({a:g}) > 0.5 * (d-1) ({0.5 * (d - 1):g}) not met")
    steps = _np.arange(int(d)) / 2
    return d * (d - 1) / 4 * _np.log(_np.pi) + _np.sum(_ufuncs.gammaln(_np.expand_dims(array(a), -1) - steps), axis=-1)


@replaces(_special.factorial)
def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """Γ(n + 1), which is n!, where n ≥ 0; 0 elsewhere, unless extend="complex"."""
    _inexact_only("factorial", exact)
    n = inexact(n)
    return _ufuncs.gamma(n + 1) if extend == "complex" else _within(_np.greater_equal(n, 0), _ufuncs.gamma, n + 1)


@replaces(_special.comb)
def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """The number of ways to choose k of N, 0 outside 0 ≤ k ≤ N."""
    _inexact_only("comb", exact)
    if repetition:
        return _np.where(_np.equal(k, 0) & _np.greater_equal(N, 0), 1.0, _ufuncs.binom(N + k - 1, k))
    return _within(_counted(N, k), _ufuncs.binom, N, k)


@replaces(_special.perm)
def perm(N: Any, k: Any, exact: bool = False) -> Any:
    """The number of ways to put k of N in order, 0 outside 0 ≤ k ≤ N."""
    _inexact_only("perm", exact)
    return _within(_counted(N, k), _ufuncs.poch, N - k + 1, k)


def _counted(N: Any, k: Any) -> Any:
    return _np.less_equal(k, N) & _np.greater_equal(N, 0) & _np.greater_equal(k, 0)


def _within(inside: Any, f: Any, *args: Any) -> Any:
    """The function where it is meant to be, 0 elsewhere, without a look at what it is there."""
    return _np.where(inside, f(*(_np.where(inside, a, 1.0) for a in args)), 0.0)


def _inexact_only(name: str, exact: bool) -> None:
    if exact:
        raise MissingRuleError(
            f"scipy.special.{name} with exact=True is a function of integers, without a derivative",
            wrong=f"special.{name}(x, exact=True)",
            right=f"special.{name}(x)",
        )


# Waves ---------------------------------------------------------------------------------------------------------------


@replaces(_special.diric)
def diric(x: Any, n: Any) -> Any:
    """Dirichlet's kernel sin(nx/2)/(n sin(x/2)), the smooth sum Σ cos(((n − 1)/2 − j) x)/n over j < n."""
    x, n = _np.broadcast_arrays(inexact(x), _np.asarray(n))
    angle = _np.expand_dims(x, -1)
    whole = (n > 0) & (n == _np.floor(n))
    j = _np.arange(int(_np.max(_np.where(whole, n, 1), initial=1)))
    terms = _np.cos(((n[..., None] - 1) / 2 - j) * angle)
    return _np.where(whole, _np.sum(_np.where(j < n[..., None], terms, 0.0), axis=-1) / n, _np.nan)


def _spherical(name: str, signs: tuple[int, int]) -> Any:
    """A spherical Bessel function f and its derivative (± n fₙ₋₁ ± (n + 1) fₙ₊₁)/(2n + 1), DLMF 10.51.2, 10.51.5."""
    f = getattr(_ufuncs, f"_{name}")
    before, after = signs

    @replaces(getattr(_special, name))
    def spherical(n: Any, z: Any, derivative: bool = False) -> Any:
        n = _np.asarray(n, _np.dtype("long"))
        if not derivative:
            return f(n, z)
        return (before * n * f(_np.maximum(n - 1, 0), z) + after * (n + 1) * f(n + 1, z)) / (2 * n + 1)

    spherical.__name__ = spherical.__qualname__ = name
    return spherical


spherical_jn = _spherical("spherical_jn", (1, -1))
spherical_yn = _spherical("spherical_yn", (1, -1))
spherical_in = _spherical("spherical_in", (1, 1))
spherical_kn = _spherical("spherical_kn", (-1, -1))
