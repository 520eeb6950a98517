"""Loops as operations: `scan`, `fori_loop`, `while_loop`.

Python's own `for` and `while` can be differentiated as they are; a recorded program then has a step for every operation
of every turn, and holds for as many turns as were taken. These functions are one operation each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.errors import ArgumentError, ShapeError, check_callable
from wengert.core.primitive import bind
from wengert.core.tracer import Tracer, is_running
from wengert.core.tree import flatten, paths
from wengert.graph.body import Body, constant_like, example
from wengert.transform import snapshots as _snapshots  # noqa: F401  scans that keep few carries
from wengert.transform.repeat import loop
from wengert.transform.scan import scan as scan_
from wengert.transform.step import Step, number, recorded, truth, whole


def scan(
    f: Callable[..., Any],
    carry: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    *,
    snapshots: int | None = None,
) -> tuple[Any, Any]:
    """A loop that hands a carry from step to step, takes a slice of `xs` in each, and stacks what it returns.

    cₜ₊₁, yₜ = f(cₜ, xₜ) for t = 0 … n−1 (with `reverse` from n−1 down to 0).

    **Arguments**: `f(carry, x)`, a pure function that returns `(carry, y)`; `carry`, a pytree of numbers and arrays; it
    comes out of f with the structure, shapes and dtypes that it went in with (Python numbers may become arrays); `xs`,
    a pytree of arrays with one leading length n, or None with `length` given; `snapshots`, how many carries reverse
    mode keeps at a time, all n by default. **Returns**: `(carry, ys)`: the last carry, and the results stacked along
    a new leading axis. **Raises**: `ShapeError` where the carry changes or the lengths differ, `ArgumentError`.
    **Cost**: n calls of f; where values are traced f is recorded once and the loop is a single operation. Reverse mode
    keeps the carry of every step and computes each step once more. A recorded or compiled program keeps what the
    derivative needs of a step instead, if that takes at most 4 times the memory of the carry and the slice. With s
    `snapshots` the steps are computed at most r times more, where C(s+r, s) ≥ n: 3 times for a million steps and 200
    snapshots. (Derivatives of the gradient keep all carries.)

    >>> import numpy as np, wengert as wg
    >>> wg.scan(lambda c, x: (c + x, c * x), np.zeros(1), np.array([1.0, 2.0, 3.0]))
    (array([6.]), array([[0.],
           [2.],
           [9.]]))
    >>> wg.grad(lambda a: wg.scan(lambda c, x: (a * c + x, None), 0.0, np.array([1.0, 2.0, 3.0]))[0])(2.0)
    6.0

    **Source**: the name and the meaning are JAX's (`jax.lax.scan`); the derivative is that of recurrent relations,
    Griewank & Walther, "Evaluating Derivatives" (2008), chapter 12.
    """
    check_callable(f, "wg.scan")
    return _scan(Step(f, carry, True, "scan"), xs, length, reverse, snapshots)


def _scan(step: Step, xs: Any, length: int | None, reverse: bool, snapshots: int | None) -> tuple[Any, Any]:
    if snapshots is not None and (snapshots := whole(snapshots, "snapshots")) < 1:
        raise ArgumentError(f"reverse mode needs at least one snapshot, the start, not {snapshots}")
    leaves, rebuild = flatten(xs)
    rows = [number(row, label) for row, label in zip(leaves, paths(xs, "xs") if leaves else [], strict=True)]
    n = _common_length(rows, xs, length)
    start = list(step.start)
    first = n - 1 if reverse else 0
    known = not is_running() and not any(isinstance(v, Tracer) for v in (*start, *rows))

    def at(t: int) -> Any:
        return rebuild([row[t] for row in rows]) if rows else xs

    if known and n:
        done = _python_loop(step, at, n, reverse, watch=True)
        if done is not None:
            return done
    slices = [example(row)[first] if n else constant_like(Aval(row.shape[1:], row.dtype)) for row in rows]
    body = step.recorded(lambda values: [rebuild(values)], slices)
    if n == 0:
        return step.rebuild(start), _nothing(step, body, lambda: rebuild(slices))
    if body is None:
        done = _python_loop(step, at, n, reverse, watch=False)
        assert done is not None
        return done
    params = {"body": body, "consts": len(body.captured), "carry": len(start), "length": n, "reverse": reverse}
    out = bind(scan_, [*body.captured, *step.state, *rows], {**params, "store": False, "snapshots": snapshots})
    return step.rebuild(out[: len(start)]), step.rebuild_result(out[len(start) :])


def _python_loop(step: Step, at: Callable[[int], Any], n: int, reverse: bool, watch: bool) -> tuple[Any, Any] | None:
    """The loop as Python runs it; None where, in its first step, it turns out that something traced takes part."""
    state, rows = step.start, []
    step.wanted = [aval_of(v) for v in state]
    for t in range(n - 1, -1, -1) if reverse else range(n):
        state, row = step(state, at(t))
        if watch and any(isinstance(v, Tracer) for v in (*state, *row)):
            return None
        watch = False
        if step.loose:
            step.widen([aval_of(v) for v in state])
        rows.append(row)
    if len({len(row) for row in rows}) > 1:
        raise ShapeError(f"the body of {step.name} returned results of different structures")
    columns = list(zip(*(rows[::-1] if reverse else rows), strict=True))
    return step.rebuild(state), step.rebuild_result([np.stack(column) for column in columns])


def _nothing(step: Step, body: Body | None, slices: Callable[[], Any]) -> Any:
    """The results of no steps: what f returns is asked of an example."""
    if body is None:
        with np.errstate(all="ignore"):
            avals = [aval_of(row) for row in step(step.start, slices())[1]]
    else:
        avals = body.avals[len(step.start) :]
    return step.rebuild_result([np.empty((0, *a.shape), a.dtype) for a in avals])


def _common_length(rows: Sequence[Any], xs: Any, length: int | None) -> int:
    """How many steps."""
    if length is not None:
        length = whole(length, "length")
        if length < 0:
            raise ArgumentError(f"the length of a scan is not negative: {length}")
    labels = paths(xs, "xs") if rows else []
    for row, label in zip(rows, labels, strict=True):
        if not shape_of(row):
            raise ShapeError(
                f"{label} is a single number, and has no leading axis to go along",
                wrong="wg.scan(f, carry, [1.0, 2.0])",
                right="wg.scan(f, carry, np.array([1.0, 2.0]))",
            )
    lengths = {label: shape_of(row)[0] for row, label in zip(rows, labels, strict=True)}
    if length is not None:
        lengths["length"] = length
    if not lengths:
        raise ArgumentError(
            "a scan without arrays needs its length", wrong="wg.scan(f, carry)", right="wg.scan(f, carry, length=n)"
        )
    if len(set(lengths.values())) > 1:
        raise ShapeError(
            "the leading lengths of a scan differ: " + ", ".join(f"{k} has {v}" for k, v in lengths.items())
        )
    return next(iter(lengths.values()))


def fori_loop(lo: int, hi: int, body: Callable[[Any, Any], Any], carry: Any, *, snapshots: int | None = None) -> Any:
    """A loop over whole numbers: `for i in range(lo, hi): carry = body(i, carry)`, as one operation.

    c ← body(i, c) for i = lo … hi−1.

    **Arguments**: `lo`, `hi`, whole numbers (a traced one is read here, as by `range`); `body(i, carry)`, a pure
    function that returns the next carry; `carry`, as in `scan`. Where values are traced, i is traced as well: traced
    arrays take it as an index (`x[i]`), plain ones as `wengert.numpy.asarray(a)[i]`.
    **Returns**: the last carry. **Raises**, **Cost**: as `scan`.

    >>> import wengert as wg
    >>> wg.grad(lambda x: wg.fori_loop(0, 10, lambda i, c: c * x, 1.0))(1.0)
    10.0

    **Source**: as `scan` (`jax.lax.fori_loop`).
    """
    check_callable(body, "wg.fori_loop")
    lo, hi = whole(lo, "lo"), whole(hi, "hi")
    if hi <= lo:
        return carry

    def counted(state: Any, i: Any) -> Any:
        return body(i if isinstance(i, Tracer) else int(i), state), None

    return _scan(Step(counted, carry, True, "fori_loop"), np.arange(lo, hi), None, False, snapshots)[0]


def while_loop(cond: Callable[[Any], Any], body: Callable[[Any], Any], carry: Any) -> Any:
    """A loop for as long as a condition holds: `while cond(carry): carry = body(carry)`, as one operation.

    c ← body(c) while cond(c); the derivative is that of the steps taken.

    **Arguments**: `cond(carry)` returns one truth value, `body(carry)` the next carry, both pure; `carry` as in `scan`.
    **Returns**: the last carry. A recorded graph holds for any number of steps. **Raises**: as `scan`.
    **Cost**: forward mode that of the loop; reverse mode runs the loop once more, keeping the carry of every step
    while it goes back.

    >>> import wengert as wg
    >>> def root(a):  # Heron's method
    ...     return wg.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: (x + a / x) / 2, a)
    >>> wg.value_and_grad(root)(4.0)
    (2.0, 0.25)

    **Source**: as `scan` (`jax.lax.while_loop`, which has no reverse mode).
    """
    check_callable(cond, "wg.while_loop")
    check_callable(body, "wg.while_loop")
    step = Step(lambda state: body(state), carry, False, "while_loop")
    if not is_running() and not any(isinstance(v, Tracer) for v in step.start):
        state = _python_while(cond, step, watch=True)
        if state is not None:
            return step.rebuild(state)
    step.wanted = [aval_of(v) for v in step.start]
    turn = step.recorded(lambda values: [], [])
    test = None
    if turn is not None:
        test = recorded("cond", lambda values: [truth(cond(step.rebuild(values)))], step.examples, step.labels)
    if turn is None or test is None:
        step.wanted = [aval_of(v) for v in step.start]
        return step.rebuild(_python_while(cond, step, watch=False) or [])
    params = {"cond": test, "body": turn, "conditions": len(test.captured), "consts": len(turn.captured)}
    return step.rebuild(bind(loop, [*test.captured, *turn.captured, *step.state], {**params, "store": False}))


def _python_while(cond: Callable[[Any], Any], step: Step, watch: bool) -> list[Any] | None:
    """The loop as Python runs it; None where something traced takes part after all."""
    state = step.start
    while True:
        test = truth(cond(step.rebuild(state)))
        if watch and isinstance(test, Tracer):
            return None
        if not test:
            return list(state)
        state, _ = step(state)
        if watch and any(isinstance(v, Tracer) for v in state):
            return None
        watch = False
        if step.loose:
            step.widen([aval_of(v) for v in state])
