"""How an operation is applied to many examples at once.

A batching rule is given the arguments, of which those that are batched have the axis of the examples in front, and
returns the results with that axis in front. It applies operations, so that whoever follows the arguments follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.primitive import Primitive, bind

#: (operation, arguments, which of them are batched, parameters) → results; at least one argument is batched.
BatchRule = Callable[[Primitive, Sequence[Any], Sequence[bool], dict[str, Any]], Any]


def rank(value: Any, batched: bool) -> int:
    """The number of axes of one example."""
    return len(shape_of(value)) - batched


def count(args: Sequence[Any], on: Sequence[bool]) -> int:
    """How many examples there are."""
    return next(shape_of(a)[0] for a, batched in zip(args, on, strict=True) if batched)


def padded(value: Any, batched: bool, axes: int) -> Any:
    """A batched value whose examples have at least so many axes, by ones in front of theirs."""
    missing = axes - rank(value, batched)
    if not batched or missing <= 0:
        return value
    shape = shape_of(value)
    return np.reshape(value, (shape[0], *(1,) * missing, *shape[1:]))


def spread(value: Any, batched: bool, n: int) -> Any:
    """The value with the axis of the examples, all of which are the same where it was not batched."""
    return value if batched else np.broadcast_to(value, (n, *shape_of(value)))


def by_shape(primitive: Primitive, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any]) -> Any:
    """One argument brought to the shape that the parameter `shape` says."""
    return bind(primitive, args, {**params, "shape": (shape_of(args[0])[0], *params["shape"])})


def joined(primitive: Primitive, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any]) -> Any:
    """Arguments put together along the parameter `axis`."""
    n = count(args, on)
    full = [spread(a, b, n) for a, b in zip(args, on, strict=True)]
    return bind(primitive, full, {**params, "axis": params["axis"] + 1})


def pointwise(primitive: Primitive, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any]) -> Any:
    """Element by element with broadcasting: axes are counted from the last one, so ones are needed after the first."""
    axes = max(map(rank, args, on))
    return bind(primitive, [padded(a, b, axes) for a, b in zip(args, on, strict=True)], params)


def direct(primitive: Primitive, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any]) -> Any:
    """An operation on the last axes of all its arguments, which has one element, row or matrix for each example."""
    n = count(args, on)
    return bind(primitive, [spread(a, b, n) for a, b in zip(args, on, strict=True)], params)


def along_axis(primitive: Primitive, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any]) -> Any:
    """An operation along the parameter `axis`: a number, several, or None for all elements in a row."""
    (x,), axis = args, params["axis"]
    shape = shape_of(x)
    if axis is None:
        x, axis = np.reshape(x, (shape[0], int(np.prod(shape[1:])))), 0
    single = isinstance(axis, (int, np.integer))
    axes = [int(a) % (len(shape_of(x)) - 1) + 1 if shape_of(x)[1:] else 1 for a in ((axis,) if single else axis)]
    return bind(primitive, [x], {**params, "axis": axes[0] if single else tuple(axes)})


def on_last_axes(*ranks: int) -> BatchRule:
    """An operation on so many last axes of each argument, which broadcasts the axes before them."""

    def rule(primitive: Primitive, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any]) -> Any:
        before = max(rank(a, b) - r for a, b, r in zip(args, on, ranks, strict=True))
        return bind(primitive, [padded(a, b, before + r) for a, b, r in zip(args, on, ranks, strict=True)], params)

    return rule
