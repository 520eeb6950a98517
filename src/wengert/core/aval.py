"""Abstract values: what is known of a value without its numbers."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np


class Aval(NamedTuple):
    """Shape and dtype; `weak` marks a Python number, which adapts to the dtype of what it meets (NumPy's NEP 50)."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    weak: bool = False

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]" if self.shape else str(self.dtype)


_new = tuple.__new__
_PYTHON = {bool: np.dtype(bool), int: np.dtype(np.int64), float: np.dtype(np.float64), complex: np.dtype(complex)}
_NUMPY = [np.dtype(kind) for kind in (np.float64, np.float32, np.complex128)]
_NUMBERS = {kind: Aval((), dtype, weak=True) for kind, dtype in _PYTHON.items()}
_NUMBERS |= {dtype.type: Aval((), dtype) for dtype in _NUMPY}


def aval_of(value: Any) -> Aval:
    """The abstract value of a number, an array or a tracer."""
    kind = type(value)
    if kind is np.ndarray:
        return _new(Aval, (value.shape, value.dtype, False))  # half the time of Aval(…)
    number = _NUMBERS.get(kind)
    if number is not None:
        return number
    aval = getattr(value, "aval", None)
    return aval if aval is not None else Aval(value.shape, value.dtype)


def is_complex(value: Any) -> bool:
    """Whether a number, an array or a tracer is complex."""
    try:
        return bool(value.dtype.kind == "c")
    except AttributeError:
        return type(value) is complex


def shape_of(value: Any) -> tuple[int, ...]:
    """Like np.shape, without its detour for Python numbers."""
    if type(value) is float:
        return ()
    try:
        return value.shape  # type: ignore[no-any-return]
    except AttributeError:
        return np.shape(value)


_WEAK = {"i": int, "u": int, "f": float, "c": complex}


def kind_of(aval: Aval) -> Any:
    """What NumPy's type resolution takes for a value: a dtype, or Python's type for a Python number."""
    return _WEAK.get(aval.dtype.kind, aval.dtype) if aval.weak else aval.dtype


def broadcast(ufunc: np.ufunc, weak: bool = False) -> Any:
    """The rule of an elementwise operation: NumPy's broadcasting for the shape, its type resolution for the dtype.

    `weak`: of Python numbers it gives a Python number.
    """

    def rule(*avals: Aval, **params: Any) -> Aval:
        shape = avals[0].shape
        for aval in avals:
            if aval.shape != shape:
                shape = np.broadcast_shapes(*(a.shape for a in avals))
                break
        return _new(Aval, (shape, dtype(tuple(map(kind_of, avals))), weak and all(a.weak for a in avals)))

    @cache
    def dtype(kinds: tuple[Any, ...]) -> np.dtype[Any]:
        return ufunc.resolve_dtypes((*kinds, *[None] * ufunc.nout))[-1]

    return rule


def like(position: int = 0) -> Any:
    """The rule of an operation whose result has the shape and dtype of one of its arguments."""
    return lambda *avals, **params: Aval(avals[position].shape, avals[position].dtype)


def promote(*avals: Aval) -> np.dtype[Any]:
    """The dtype of a function that treats its arguments as arrays (matmul, concatenate): NumPy's result_type."""
    return np.result_type(*(_WEAK[a.dtype.kind]() if a.weak and a.dtype.kind in _WEAK else a.dtype for a in avals))
