"""Many examples at once: `vmap`.

The function is recorded once, on one example, and each recorded operation is applied to all examples together. So there
is no loop over them, whatever is around: what is applied are operations, which are differentiated and compiled as any.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from wengert.core.aval import shape_of
from wengert.core.batching import spread
from wengert.core.errors import ArgumentError, ShapeError, check_callable
from wengert.core.tracer import Tracer
from wengert.core.tree import NAMESPACE, flatten, paths
from wengert.graph.body import Unrecordable, record
from wengert.transform.batched import evaluate, first_of
from wengert.transform.step import number

#: Their batching rules raise for an example whose result is of another size than that of the first one.
SIZED = frozenset({"bincount", "lstsq"})


def vmap(
    f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0, axis_size: int | None = None
) -> Callable[..., Any]:
    """The function of one example made a function of many, without a loop over them.

    y[i] = f(x[i]) for all i at once.

    **Arguments**: `f`, a function of pytrees; `in_axes`, the axis of each positional argument along which the examples
    lie, or None for an argument that is the same for all: one axis for all arguments, or a tuple with one for each, or
    a tree that is a prefix of the arguments; `out_axes`, the same for the results (None: it does not differ between
    examples); `axis_size`, how many examples there are, needed only where no argument has an axis of them. What is
    given by keyword is the same for all examples.
    **Returns**: a function with f's results, each with an axis of the examples. It nests, and works inside and outside
    of every other transformation, `wg.jit` included: `wg.vmap(wg.grad(f))` gives the gradient for each example.
    **Raises**: `ShapeError` where axes do not fit the arguments, or the numbers of examples differ; `ArgumentError`
    where what f does depends on the numbers in an example: a Python branch would go one way for all of them.
    **Cost**: f is called once, on the first example, and recorded; then each operation runs once, on arrays that are n
    times as large. A random number that f draws is therefore the same for all examples. What calls other than NumPy
    code (a black box, a solver) is called for each example.

    >>> import numpy as np, wengert as wg
    >>> wg.vmap(np.dot)(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [0.0, 1.0]]))
    array([3., 4.])
    >>> wg.vmap(wg.grad(lambda w, x: np.sin(w * x)), in_axes=(None, 0))(2.0, np.array([0.0, 1.0]))
    array([ 0.        , -0.41614684])

    **Source**: the name and the meaning are JAX's (`jax.vmap`).
    """
    check_callable(f, "wg.vmap")

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        leaves, rebuild = flatten(args)
        names = [p for i, arg in enumerate(args) for p in paths(arg, f"argument {i}")]
        axes = _axes_of(tuple(in_axes) if isinstance(in_axes, list) else in_axes, args, "in_axes")
        given = [number(v, name) if axis is not None else v for v, axis, name in zip(leaves, axes, names, strict=True)]
        along = [None if axis is None else _checked(axis, len(shape_of(v)), name)
                 for v, axis, name in zip(given, axes, names, strict=True)]  # fmt: skip
        n = _number_of_examples(given, along, names, axis_size)
        stacks = [np.moveaxis(v, axis, 0) for v, axis in zip(given, along, strict=True) if axis is not None]
        form: list[Callable[[Sequence[Any]], Any]] = []
        ends: list[Any] = []

        def one(values: list[Any]) -> list[Any]:
            queue = iter(values)
            result = f(*rebuild([v if a is None else next(queue) for v, a in zip(given, along, strict=True)]), **kwargs)
            outs, put = flatten(result)
            form.append(put)
            ends.extend(_axes_of(out_axes, result, "out_axes"))
            return [number(out, p) for out, p in zip(outs, paths(result, "the result"), strict=True)]

        chosen = [name for name, axis in zip(names, along, strict=True) if axis is not None]
        body = _recorded(one, [first_of(v) for v in stacks], chosen, getattr(f, "__name__", "f"))
        outs, many = evaluate(body, [*body.captured, *stacks], [False] * len(body.captured) + [True] * len(stacks), n)
        return form[0]([_placed(v, m, axis, n) for v, m, axis in zip(outs, many, ends, strict=True)])

    return wrapped


def _recorded(one: Callable[[list[Any]], list[Any]], examples: list[Any], names: list[str], name: str) -> Any:
    try:
        return record(name, one, examples, names, SIZED)
    except Unrecordable as stop:
        raise ArgumentError(
            f"what {name} does depends on the numbers in an example, and wg.vmap runs it once for all: {stop.why}",
            wrong="if x > 0: y = x   …   while x > 1: x = x / 2   …   x[x > 0]   …   table[i]",
            right="np.where(x > 0, x, y), wg.cond, wg.while_loop, np.where(x > 0, x, 0.0), "
            "wengert.numpy.asarray(table)[i]",
            location=stop.location,
        ) from None


def _axes_of(axes: Any, tree: Any, what: str) -> list[int | None]:
    """One axis for each leaf of the tree, of which `axes` is a prefix."""
    if axes is None or (isinstance(axes, (int, np.integer)) and not isinstance(axes, bool)):
        return [axes if axes is None else int(axes)] * len(flatten(tree)[0])
    leaves = flatten(tree)[0]  # registers what it meets
    try:
        full = optree.broadcast_prefix(axes, tree, is_leaf=lambda node: node is None, namespace=NAMESPACE)
    except ValueError as error:
        raise ShapeError(
            f"{what} is no prefix of what it belongs to: {axes!r}",
            wrong=f"wg.vmap(f, {what}=(0, 0))   for one argument",
            right=f"wg.vmap(f, {what}=0)   one axis for all, or a tuple with one for each; None where there is none",
        ) from error
    if len(full) != len(leaves) or any(not (a is None or type(a) is int) for a in full):
        raise ShapeError(f"{what} has an axis, a whole number, or None for each argument, not {axes!r}")
    return full


def _checked(axis: int, ndim: int, name: str) -> int:
    if not -ndim <= axis < ndim:
        raise ShapeError(
            f"{name} has {ndim} axes, so the examples cannot lie along axis {axis}",
            wrong="wg.vmap(f)(1.0)",
            right="wg.vmap(f)(np.array([1.0, 2.0])), or None in in_axes: the same for all examples",
        )
    return axis % ndim


def _number_of_examples(given: Sequence[Any], along: Sequence[int | None], names: Sequence[str], size: Any) -> int:
    sizes = {name: shape_of(v)[axis] for v, axis, name in zip(given, along, names, strict=True) if axis is not None}
    if size is not None:
        sizes["axis_size"] = size
    if not sizes:
        raise ArgumentError(
            "no argument has an axis of examples",
            wrong="wg.vmap(f, in_axes=None)(x)",
            right="wg.vmap(f, in_axes=None, axis_size=n)(x), or an axis in in_axes",
        )
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name}: {count}" for name, count in sizes.items())
        raise ShapeError(f"the numbers of examples differ: {told}")
    return int(next(iter(sizes.values())))


def _placed(value: Any, batched: bool, axis: int | None, n: int) -> Any:
    """A result with the axis of the examples where the user wants it."""
    if axis is None:
        if batched:
            raise ShapeError(
                "a result differs from one example to the next, and out_axes says that it does not",
                wrong="wg.vmap(f, out_axes=None)",
                right="wg.vmap(f, out_axes=0)",
            )
        return value
    full = spread(value, batched, n)
    if not batched and not isinstance(full, Tracer):
        full = np.array(full)  # of its own memory
    return np.moveaxis(full, 0, _checked(axis, len(shape_of(full)), "a result")) if axis else full
