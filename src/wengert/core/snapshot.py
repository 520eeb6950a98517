"""Private copies of the user's arrays.

A recorded operation reads its arguments again in the reverse pass, or when its graph is run. A plain array that the
user changes in between (`w *= 2` after `y = x * w`) would silently change the derivative, so what is held is a copy.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError
from wengert.core.tracer import Tracer

_SMALL = 2048  # bytes; below, copying costs less than looking whether there is a copy already
_own: dict[int, weakref.ref[Any]] = {}
_copies: dict[int, tuple[weakref.ref[Any], weakref.ref[Any]]] = {}


def snapshot(value: Any) -> Any:
    """An equal value that nobody can change; large arrays that did not change share one copy."""
    if isinstance(value, Tracer):
        return value.frozen()
    if type(value) is not np.ndarray:
        return value if not isinstance(value, np.ndarray) else np.array(value)
    if value.dtype.kind == "O":
        raise ArgumentError(
            "an array of objects takes part in a traced computation; what is in it cannot be followed",
            wrong="x * np.array([a, b], dtype=object)",
            right="x * np.stack([a, b])",
        )
    if value.nbytes <= _SMALL:
        return value.copy(order="K")
    key = id(value)
    if key in _own:  # a copy of ours; that an array of the user's is read-only says nothing of its other views
        return value
    entry = _copies.get(key)
    if entry is not None:
        original, copy = entry[0](), entry[1]()
        if original is value and copy is not None and _same_bits(copy, value):
            return copy
    copy = value.copy(order="K")
    copy.flags.writeable = False
    ours = id(copy)
    _own[ours] = weakref.ref(copy, lambda _: _own.pop(ours, None))
    _copies[key] = (weakref.ref(value, lambda _: _copies.pop(key, None)), weakref.ref(copy))
    return copy


def _same_bits(a: Any, b: Any) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.itemsize in (1, 2, 4, 8):  # as integers: NaN equals itself, 0.0 is not -0.0
        bits = f"u{a.itemsize}"
        return np.array_equal(a.view(bits), b.view(bits))
    return bool(a.tobytes() == b.tobytes())
