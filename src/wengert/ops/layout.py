"""Copies, and arrays laid out flat. Where the elements lie in memory decides what is a view and what a copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import Aval
from wengert.core.batching import direct
from wengert.core.dispatch import implements
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Linear
from wengert.core.tracer import Tracer, concrete

duplicate = REGISTRY["duplicate"] = Primitive(
    "duplicate",
    lambda x, *, order: np.array(x, order=order),
    [Linear(lambda ct, x, *, order: ct)],
    aval=lambda x, *, order: Aval(x.shape, x.dtype),
    joint=True,
    complex=True,
    batch=direct,
    notation=Notation("copy", "np.copy({0}, {order})", "{0}"),
)


def copied(a: Any, order: str = "K") -> Any:
    """A copy in an order of elements; of an array that has it already, a traced value needs no operation."""
    if not isinstance(a, Tracer):
        return np.array(a, order=order)  # type: ignore[call-overload]
    flags = getattr(concrete(a), "flags", None)
    if a.copies_share and flags is not None and a.shape:
        laid = (order != "F" and flags.c_contiguous) or (order != "C" and flags.f_contiguous)
        if laid:
            return a.frozen()
    return bind(duplicate, (a,), {"order": order})


def resolved(a: Any, order: Any) -> str:
    """NumPy's orders "A" and "K" for this array: "C" or "F", or "K" where it is neither."""
    if order not in ("C", "F", "A", "K", None):
        raise ValueError(f"order must be one of 'C', 'F', 'A', or 'K' (got '{order}')")
    if order in ("C", "F"):  # a tangent on its way through a pushforward has no number to ask
        return str(order)
    flags = getattr(concrete(a), "flags", None)
    if flags is None:
        return "C"
    if order == "K" and not (flags.c_contiguous or flags.f_contiguous):
        return "K"
    return "F" if flags.f_contiguous and not flags.c_contiguous else "C"


@implements(np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """np.copy."""
    return copied(a, order)


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    """np.ravel: a view of an array whose elements lie in this order, and only of such a one."""
    a, order = _in_order(a, resolved(a, order))
    flags = getattr(concrete(a), "flags", None)
    laid = flags is None or (flags.c_contiguous if order == "C" else flags.f_contiguous)
    return np.reshape(a if laid else copied(a, order), a.size, order=order)  # type: ignore[call-overload]


def flatten(a: Any, order: str = "C") -> Any:
    """ndarray.flatten: always a copy."""
    a, order = _in_order(a, resolved(a, order))
    return copied(np.reshape(a, a.size, order=order))  # type: ignore[call-overload]


def _in_order(a: Any, order: str) -> tuple[Any, str]:
    """For "K", the axes in the order in which their elements lie."""
    a = a if isinstance(a, Tracer) else np.asarray(a)
    return (a, order) if order != "K" else (np.transpose(a, _outermost_first(concrete(a).strides)), "C")


def _outermost_first(strides: tuple[int, ...]) -> list[int]:
    """The axes by falling strides, as NumPy's iterator sorts them: those that repeat elements stay where they are."""
    axes: list[int] = []  # innermost first
    for axis in reversed(range(len(strides))):
        place = len(axes)
        for i in reversed(range(len(axes))):
            if strides[axis] and strides[axes[i]]:
                if abs(strides[axes[i]]) <= abs(strides[axis]):
                    break
                place = i
        axes.insert(place, axis)
    return axes[::-1]
