"""The choice between recorded pieces of a program as one operation: `cond`, `switch`.

Its derivative is a choice of derivatives.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import Aval
from wengert.core.batching import spread as repeated
from wengert.core.errors import ArgumentError, ShapeError, check_callable
from wengert.core.primitive import Structured, bind
from wengert.core.tracer import Tracer
from wengert.graph.body import Body
from wengert.transform.batched import batched, beside, evaluate
from wengert.transform.call import influenced, tangent_body, transposed_body, writeable
from wengert.transform.derived import pick, present, settled, shaped, spread
from wengert.transform.step import cast, names_of, numbers, recorded, recorded_call, truth, whole


class Choice(Structured):
    """The first argument is the number of the branch, the others are the arguments of all branches."""

    def run(self, index: Any, *args: Any, branches: tuple[Body, ...]) -> tuple[Any, ...]:
        branch = branches[clamped(index, branches)]
        with branch.warnings():
            return tuple(map(writeable, branch.run(args)))

    def avals(self, index: Any, *avals: Any, branches: tuple[Body, ...]) -> tuple[Any, ...]:
        return tuple(branches[0].avals)

    def sample(self, index: Any, *args: Any, branches: tuple[Body, ...]) -> Any:
        return tuple(branches[clamped(index, branches)].emit(args, cheap=True))

    def expand(self, args: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        branches = params["branches"]
        return tuple(branches[clamped(args[0], branches)].emit(args[1:]))

    def examples(self, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any], n: int) -> Any:
        branches = params["branches"]
        if on[0]:
            return self._selected(args, on, branches, n), [True] * len(branches[0].outputs)
        flags = [False] * len(branches[0].outputs)
        for branch in branches:
            flags = batched(branch, n, on[1:], flags)[1]
        made = tuple(batched(b, n, on[1:], flags)[0] for b in branches)
        return bind(self, args, {"branches": made}), flags

    def _selected(self, args: Sequence[Any], on: Sequence[bool], branches: Sequence[Body], n: int) -> list[Any]:
        """Each example takes its own branch: all of them are computed for all examples."""
        index = args[0]
        chosen: list[Any] = []
        for k, branch in enumerate(branches):
            with np.errstate(all="ignore"):  # of the examples that take another branch
                outs, many = evaluate(branch, args[1:], on[1:], n)
            full = [repeated(o, m, n) for o, m in zip(outs, many, strict=True)]
            late = np.greater_equal(index, k)
            chosen = full if not k else [np.where(beside(late, b), b, a) for a, b in zip(chosen, full, strict=True)]
        return chosen

    def push(self, tangents: Sequence[Any], args: Sequence[Any], params: dict[str, Any], apart: bool) -> Any:
        branches, active = params["branches"], present(tangents[1:])
        outs = tuple(map(any, zip(*(influenced(b, active) for b in branches), strict=True)))
        given = shaped(tangents[1:], args[1:], active)
        together = not apart
        made = tuple(tangent_body(b, active, outs, together) for b in branches)
        if any(b is None for b in made):
            return None
        both = bind(self, [*args, *given], {"branches": made})
        if together:
            return both[: len(outs)], spread(both[len(outs) :], outs)
        return bind(self, args, params), spread(both, outs)

    def transposable(self, active: Sequence[bool], params: dict[str, Any]) -> bool:
        branches = params["branches"]
        cts = (True,) * len(branches[0].outputs)
        return not active[0] and all(transposed_body(b, tuple(active[1:]), cts) is not None for b in branches)

    def transpose(self, cts: Sequence[Any], active: Sequence[bool], args: Sequence[Any], params: dict[str, Any]) -> Any:
        back = tuple(transposed_body(b, tuple(active[1:]), present(cts)) for b in params["branches"])
        fixed = pick(args, [not on for on in active])
        avals = params["branches"][0].avals
        given = [settled(ct, aval) for ct, aval in zip(cts, avals, strict=True) if ct is not None]
        return bind(self, [*fixed, *given], {"branches": back})


choose = Choice("cond")


def clamped(index: Any, branches: Sequence[Any]) -> int:
    """The number of a branch; beyond the ends, the last one there."""
    return min(max(int(np.asarray(index)[()] if isinstance(index, np.ndarray) else index), 0), len(branches) - 1)


def cond(pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], *operands: Any) -> Any:
    """One of two functions, by a truth value: `true_fn(*operands) if pred else false_fn(*operands)`, as one operation.

    The derivative is that of the branch taken.

    **Arguments**: `pred`, one truth value; the functions, pure, with results of equal structure, shapes and dtypes;
    `operands`, pytrees. **Returns**: what the chosen function returns. Where `pred` is a recorded value both functions
    are recorded, and the graph holds for either outcome; otherwise the chosen one is simply called.
    **Raises**: `ShapeError` where the results differ in form. **Cost**: that of the chosen function.

    >>> import numpy as np, wengert as wg
    >>> graph = wg.trace(wg.grad(lambda x: wg.cond(x > 0, np.sin, np.exp, x)))(1.0)
    >>> float(graph(0.0)), float(graph(-1.0))
    (1.0, 0.36787944117144233)

    **Source**: the name and the meaning are JAX's (`jax.lax.cond`).
    """
    check_callable(true_fn, "wg.cond")
    check_callable(false_fn, "wg.cond")
    test = truth(pred)
    if isinstance(test, Tracer) and test.dtype.kind != "b":
        test = resolve(np.not_equal(test, 0))
    return _choose(test, (false_fn, true_fn), operands, "cond", int(bool(test)) if not isinstance(test, Tracer) else 0)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """One of several functions, by its number: `branches[index](*operands)`, as one operation.

    The derivative is that of the branch taken. A number beyond the ends means the last branch there, as in JAX.

    **Arguments**: `index`, a whole number; `branches`, as the functions of `cond`; `operands`, pytrees.
    **Returns**, **Raises**, **Cost**: as `cond`.

    >>> import numpy as np, wengert as wg
    >>> wg.grad(lambda x: wg.switch(2, [np.sin, np.cos, np.exp], x))(0.0)
    1.0

    **Source**: as `cond` (`jax.lax.switch`).
    """
    branches = tuple(branches)
    for branch in branches:
        check_callable(branch, "wg.switch")
    if not branches:
        raise ArgumentError("a switch needs branches", wrong="wg.switch(i, [])", right="wg.switch(i, [f, g])")
    index = resolve(index)
    if isinstance(index, Tracer) and index.dtype.kind in "iu" and not index.shape:
        return _choose(index, branches, operands, "switch", 0)
    return _choose(0, branches, operands, "switch", min(max(whole(index, "index"), 0), len(branches) - 1))


def _choose(index: Any, functions: Sequence[Callable[..., Any]], operands: Any, name: str, known: int) -> Any:
    """The chosen function's results; all of them are recorded where the choice is traced."""
    if not isinstance(index, Tracer):
        return functions[known](*operands)
    leaves, rebuild = numbers(operands)
    outs: list[tuple[Any, Any]] = []
    bodies = []
    for f in functions:

        def called(values: list[Any], f: Callable[..., Any] = f) -> Any:
            return f(*rebuild(values))

        body = recorded_call(name, called, leaves, outs)
        if body is None:
            chosen = bool(index) if name == "cond" else min(max(operator.index(index), 0), len(functions) - 1)
            return functions[int(chosen)](*operands)
        bodies.append(body)
    avals = _agreed(bodies, [form for form, _ in outs], name)
    captured = [held for body in bodies for held in body.captured]
    branches = []
    for k, body in enumerate(bodies):
        before = sum(len(b.captured) for b in bodies[:k])

        def flat(values: list[Any], body: Body = body, before: int = before) -> list[Any]:
            mine = [*values[before : before + len(body.captured)], *values[len(captured) :]]
            return [cast(v, a) for v, a in zip(body.emit(mine), avals, strict=True)]

        names = [f"c{i}" for i in range(len(captured))] + names_of(leaves)
        branch = recorded(name, flat, [*captured, *leaves], names)
        assert branch is not None
        branches.append(branch)
    results = bind(choose, [index, *captured, *leaves], {"branches": tuple(branches)})
    return outs[0][1](results)


def _becomes(aval: Aval, firm: Aval) -> bool:
    return aval.dtype == firm.dtype or (aval.weak and np.can_cast(aval.dtype, firm.dtype, "same_kind"))


def _agreed(bodies: Sequence[Body], forms: Sequence[Any], name: str) -> list[Aval]:
    """The shapes and dtypes of the results of all branches."""
    if any(form != forms[0] for form in forms):
        raise ShapeError(f"the branches of {name} return different structures: {' and '.join(map(str, forms))}")
    agreed = []
    for avals in zip(*(body.avals for body in bodies), strict=True):
        firm = next((a for a in avals if not a.weak), avals[0])
        if firm.weak and any(a != firm for a in avals):
            firm = Aval((), np.result_type(*(a.dtype for a in avals)))
        if any(a.shape != firm.shape or not _becomes(a, firm) for a in avals):
            raise ShapeError(
                f"the branches of {name} return {' and '.join(map(str, avals))}, where one is to stand for the other",
                wrong="wg.cond(p, lambda x: x, lambda x: 0.0, x)",
                right="wg.cond(p, lambda x: x, lambda x: np.zeros(x.shape), x)",
            )
        agreed.append(firm)
    return agreed
