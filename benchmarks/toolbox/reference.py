"""The right results of differential equations: a closed form, and sensitivities that are written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np


def linear(a: Any, y0: Any, t: Any) -> Any:
    """The gradient of ½ Σₜ ‖y(t)‖², y(t) = exp(A·t)·y0, for A and y0.

    With E = exp(A·t) and c = y(t), the cotangent of A is ∫₀ᵗ exp(A·(t − s))ᵀ c · y(s)ᵀ ds, a block of the exponential
    of a larger matrix (Van Loan, "Computing integrals involving the matrix exponential", 1978).
    """
    from scipy.linalg import expm

    n = len(y0)
    by_a, by_start = np.zeros((n, n)), np.zeros(n)
    for time in t:
        y = expm(a * time) @ y0
        block = np.block([[a.T, np.outer(y, y0)], [np.zeros((n, n)), a.T]])
        by_a += expm(block * time)[:n, n:]
        by_start += expm(a.T * time) @ y
    return by_a, by_start


def lotka(rates: Any, y0: Any, t: Any) -> Any:
    """The gradient of ½ Σₜ ‖y(t)‖² for the rates and y0, from the sensitivities S' = ∂f/∂y·S + ∂f/∂p, S(0) = (0, I)."""
    from scipy.integrate import solve_ivp

    a, b, c, d = rates

    def slope(_: float, z: Any) -> Any:
        (y, w), s = z[:2], z[2:].reshape(2, 6)
        by_state = np.array([[a - b * w, -b * y], [c * w, c * y - d]])
        by_rates = np.array([[y, -y * w, 0, 0, 0, 0], [0, 0, y * w, -w, 0, 0]])
        return np.concatenate([[a * y - b * y * w, c * y * w - d * w], (by_state @ s + by_rates).ravel()])

    start = np.concatenate([y0, np.eye(2, 6, k=4).ravel()])
    found = solve_ivp(slope, (t[0], t[-1]), start, method="DOP853", t_eval=t, rtol=1e-13, atol=1e-14)
    gradient = np.einsum("it,ijt->j", found.y[:2], found.y[2:].reshape(2, 6, -1))
    return gradient[:4], gradient[4:]


KNOWN = {"linear": linear, "lotka": lotka}
