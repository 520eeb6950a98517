"""How an operation is applied to many examples at once.

A batching rule is given the arguments, of which those that are batched have the axis of the examples in front, and
returns the results with that axis in front. It applies operations, so that whoever follows the arguments follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.errors import MissingRuleError
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


def rows(value: Any) -> Any:
    """The elements of each example in a row."""
    n, *shape = shape_of(value)
    return np.reshape(value, (n, int(np.prod(shape))))


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


def along_axis_or_all(primitive: Primitive, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any]) -> Any:
    """The same where `keepdims` holds for axis None too, and then leaves as many axes as there were."""
    result = along_axis(primitive, args, on, params)
    return padded(result, True, rank(args[0], True)) if params["keepdims"] else result


def product_of_matrices(primitive: Primitive, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any]) -> Any:
    """As few products as there can be: many vectors times one matrix are one product of matrices."""
    (x, y), (left, right) = args, on
    row, column = rank(x, left) == 1, rank(y, right) == 1
    if column and not left and rank(x, left) <= 2:
        return bind(primitive, (y, x if row else np.swapaxes(x, -1, -2)), {})
    if row and not right and rank(y, right) <= 2:
        return bind(primitive, (x, y), {})
    if left and not right and rank(y, right) == 2:  # one large product instead of many small ones
        *lead, size = shape_of(x)
        flat = np.reshape(x, (int(np.prod(lead)), size))
        return np.reshape(bind(primitive, (flat, y), {}), (*lead, shape_of(y)[1]))
    x, y = np.expand_dims(x, -2) if row else x, np.expand_dims(y, -1) if column else y
    axes = max(rank(x, left), rank(y, right))
    z = bind(primitive, (padded(x, left, axes), padded(y, right, axes)), {})
    dropped = tuple(axis for axis, gone in ((-2, row), (-1, column)) if gone)
    return np.squeeze(z, dropped) if dropped else z


def system(primitive: Primitive, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any]) -> Any:
    """Linear systems: the right-hand sides of all examples, where the matrix is the same, are columns of one."""
    (a, b), (many, _) = args, on
    if many or len(shape_of(a)) > 2 or rank(b, True) > 2:
        return on_last_axes(2, 2)(primitive, args, on, params)
    n, size, columns = shape_of(b)
    z = bind(primitive, (a, np.reshape(np.moveaxis(b, 0, 1), (size, n * columns))), params)
    return np.moveaxis(np.reshape(z, (size, n, columns)), 1, 0)


def sized_by_values(primitive: Primitive, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any]) -> Any:
    """No rule: the results of two examples need not be of one size."""
    raise MissingRuleError(
        f"how many results {primitive.name} has depends on the numbers, so that those of many examples are no array",
        wrong="wg.vmap(lambda x: x[np.nonzero(x)])(xs)",
        right="wg.vmap(lambda x: np.where(x != 0, x, 0.0))(xs)   or [f(x) for x in xs]",
    )
