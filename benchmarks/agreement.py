"""When a derivative counts as correct."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case, leaves, mapped

TOLERANCE = 1e-10
_STEP = 1e-30


def difference(found: Any, expected: Any) -> float:
    """The greatest difference, relative to the greatest element; NaN, infinity and another size are infinitely far."""
    a, b = _flat(found), _flat(expected)
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    return float(np.max(np.abs(a - b), initial=0.0) / max(np.max(np.abs(b), initial=0.0), np.finfo(float).tiny))


def slope(case: Case, derivative: Any) -> float:
    """What the derivative says of the case's fixed direction."""
    if case.mode == "pushforward":
        return float(derivative)
    gradient = derivative[1] if case.mode == "value and gradient" else derivative
    return float(_flat(gradient) @ _flat(case.direction()))


def complex_step(case: Case) -> float:
    """The same from plain NumPy alone, exact to rounding: Im f(x + i·h·t) / h (Squire & Trapp 1998)."""
    x, *rest = case.inputs()
    moved = mapped(lambda leaf, t: leaf + 1j * _STEP * t, x, case.direction())
    return float(np.imag(case.function(np, moved, *rest)) / _STEP)


def _flat(tree: Any) -> np.ndarray[Any, Any]:
    return np.concatenate([np.ravel(np.asarray(leaf, float)) for leaf in leaves(tree)])
