"""Sparse Jacobians and Hessians: `wg.sparse.jacobian`, `hessian`, `pattern`, `values`, `Plan`, as scipy.sparse arrays.

SciPy is imported when the first of them is used, as importing it takes longer than everything else here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wengert.sparse.derivatives import hessian as hessian
    from wengert.sparse.derivatives import jacobian as jacobian
    from wengert.sparse.derivatives import pattern as pattern
    from wengert.sparse.derivatives import values as values
    from wengert.sparse.plan import Plan as Plan

__all__ = ["Plan", "hessian", "jacobian", "pattern", "values"]

_PLACES = {"Plan": "plan", "hessian": "derivatives", "jacobian": "derivatives", "pattern": "derivatives",
           "values": "derivatives"}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
