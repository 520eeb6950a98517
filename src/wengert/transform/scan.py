"""The loop over the leading axis of arrays: one operation, however long it is.

Its derivative is another such loop. A scan keeps the carries before each step, c₀, c₁, …, as further outputs; its
tangent is a scan over them whose step is the derivative of the step, linear in the tangents; the transpose of that is
a scan in the opposite direction, which carries cotangents. What these loops need not do in every step is taken out of
them: `residuals.py`, what the first loop has computed; `deferral.py`, sums; `hoisting.py`, what is always the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of
from wengert.core.batching import spread as repeated
from wengert.core.primitive import Structured, bind
from wengert.core.tracer import Tracer
from wengert.graph.body import Body, constant_like, strong
from wengert.transform.batched import batched
from wengert.transform.deferral import deferral
from wengert.transform.derived import (
    cotangents_of,
    derive,
    groups,
    pick,
    present,
    settled,
    shaped,
    spread,
    tangents_of,
)
from wengert.transform.hoisting import hoisted
from wengert.transform.residuals import residuals
from wengert.transform.simple import simple


class Scan(Structured):
    """The arguments are the constants of the body, the carry, and the arrays that are sliced.

    The body goes from (constants, carry, slices) to (carry, slices of the results). Parameters: `consts` and `carry`,
    how many there are of each; `length`, None for that of the arrays; `reverse`; `store`, whether the carries before
    the steps are returned too. Returns the last carry, the stacked results, and then the stacked carries.
    """

    def run(
        self,
        *args: Any,
        body: Body,
        consts: int,
        carry: int,
        length: int | None,
        reverse: bool,
        store: bool,
        snapshots: int | None = None,
    ) -> tuple[Any, ...]:
        """The steps, one after the other."""
        fixed, state, xs = groups(args, consts, carry)
        n = len(xs[0]) if length is None else length
        ys = [np.empty((n, *a.shape), a.dtype) for a in body.avals[carry:]]
        stacks = [np.empty((n, *a.shape), a.dtype) for a in body.avals[:carry]] if store else []
        step = body.run
        with body.warnings():
            for t in range(n - 1, -1, -1) if reverse else range(n):
                for stack, value in zip(stacks, state, strict=False):
                    stack[t] = value
                out = step([*fixed, *state, *[x[t] for x in xs]])
                state = list(out[:carry])
                for y, value in zip(ys, out[carry:], strict=True):
                    y[t] = value
        return (*map(own, state, body.avals), *ys, *stacks)

    def avals(
        self,
        *avals: Any,
        body: Body,
        consts: int,
        carry: int,
        length: int | None,
        reverse: bool,
        store: bool,
        snapshots: int | None = None,
    ) -> tuple[Any, ...]:
        n = avals[consts + carry].shape[0] if length is None else length
        stacked = body.avals[carry:] + (body.avals[:carry] if store else [])
        return (*body.avals[:carry], *(Aval((n, *a.shape), a.dtype) for a in stacked))

    def sample(self, *args: Any, body: Body, consts: int, carry: int, length: int | None, **params: Any) -> Any:
        fixed, state, xs = groups(args, consts, carry)
        n = len(xs[0]) if length is None else length
        slices = [x[0] if len(x) else constant_like(Aval(x.shape[1:], x.dtype)) for x in xs]
        out = body.emit([*fixed, *state, *slices], cheap=True)
        stacked = out[carry:] + (out[:carry] if params["store"] else [])
        return (*out[:carry], *(np.broadcast_to(y, (n, *np.shape(y))) for y in stacked))

    def expand(self, args: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        body, carry = params["body"], params["carry"]
        fixed, state, xs = groups(args, params["consts"], carry)
        n = xs[0].shape[0] if params["length"] is None else params["length"]
        rows: list[list[Any]] = []
        for t in range(n - 1, -1, -1) if params["reverse"] else range(n):
            out = body.emit([*fixed, *state, *[x[t] for x in xs]])
            rows.append([*out[carry:], *(state if params["store"] else ())])
            state = out[:carry]
        stacked = body.avals[carry:] + (body.avals[:carry] if params["store"] else [])
        rows = rows[::-1] if params["reverse"] else rows
        ys = [np.stack([row[k] for row in rows]) if rows else np.empty((0, *a.shape), a.dtype)
              for k, a in enumerate(stacked)]  # fmt: skip
        return (*state, *ys)

    def examples(self, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any], n: int) -> Any:
        body, consts, carry = params["body"], params["consts"], params["carry"]
        fixed, state, xs = groups(on, consts, carry)
        rest = [False] * (len(body.outputs) - carry)
        step, outs = batched(body, n, on, [*state, *rest])
        while outs[:carry] != state:  # a batched value goes round the loop
            state = outs[:carry]
            step, outs = batched(body, n, [*fixed, *state, *xs], [*state, *rest])
        held, start, rows = groups(args, consts, carry)
        start = [repeated(s, was, n) if now else s for s, was, now in zip(start, on[consts:], state, strict=False)]
        rows = [np.moveaxis(x, 0, 1) if flag else x for x, flag in zip(rows, xs, strict=True)]
        results = bind(self, [*held, *start, *rows], {**params, "body": step})
        flags = [*outs, *(state if params["store"] else ())]
        last, stacks = groups(results, carry)
        return [*last, *(np.moveaxis(y, 1, 0) if f else y for y, f in zip(stacks, flags[carry:], strict=True))], flags

    # The derivative ------------------------------------------------------------------------------------------------

    def push(self, tangents: Sequence[Any], args: Sequence[Any], params: dict[str, Any], apart: bool) -> Any:
        body, consts, carry = params["body"], params["consts"], params["carry"]
        active, outs = reach(body, present(tangents), consts, carry)
        given = shaped(tangents, args, active)
        if not any(outs):
            results = bind(self, args, params)
            return results, [None] * len(results)
        if not apart:
            return self._push_together(given, args, params, active, outs)
        step = tangent_step(body, active, outs, consts, carry)
        if step is None:
            return None
        if params["snapshots"] is not None and not params["store"]:
            moved = bind(sparing[0], [*args, *given], {**params, "active": active, "outs": outs})
            return bind(self, args, params), spread(moved, outs)
        kept = used = None
        recorded = any(isinstance(a, Tracer) for a in args)  # for NumPy alone, more to record costs what it saves
        if recorded and params["length"] is not None and params["snapshots"] is None:
            kept = residuals(body, step, consts, carry, sum(map(sum, groups(active, consts, carry)[:2])))
        if kept is None:
            results = bind(self, args, {**params, "store": True})
        else:
            results = bind(self, args, {**params, "store": True, "body": kept.body})
            step, used = kept.step, kept.used
        n = len(body.outputs)
        results, more, stacks = groups(results, n, len(results) - n - carry)
        moved = linear_loop(step, given, args, [*stacks, *more], active, outs, params, used)
        results += stacks if params["store"] else []
        return tuple(results), spread(moved, [*outs, *outs[:carry]][: len(results)])

    def _push_together(
        self, given: Sequence[Any], args: Sequence[Any], params: dict[str, Any], active: Sequence[bool], outs: Any
    ) -> Any:
        """Forward mode: one loop for values and tangents, which keeps nothing."""
        body, consts, carry, store = params["body"], params["consts"], params["carry"], params["store"]
        step = joint_step(body, active, outs, consts, carry)
        if step is None:
            return None
        fixed, state, xs = groups(args, consts, carry)
        moving = groups(given, *(sum(part) for part in groups(active, consts, carry)[:2]))
        joint = {"body": step, "consts": consts + len(moving[0]), "carry": carry + len(moving[1])}
        order = [*fixed, *moving[0], *state, *moving[1], *xs, *moving[2]]
        results = bind(self, order, {**params, **joint})
        n, k = len(body.outputs) - carry, sum(outs[carry:])
        last, dlast, ys, dys, stacks, dstacks = groups(results, carry, len(moving[1]), n, k, carry if store else 0)
        tangents = spread([*dlast, *dys, *dstacks], [*outs, *(outs[:carry] if store else ())])
        return (*last, *ys, *stacks), tangents

    def transposable(self, active: Sequence[bool], params: dict[str, Any]) -> bool:
        outs = [True] * (len(params["body"].outputs) + (params["carry"] if params["store"] else 0))
        return transposed_step(tuple(active), tuple(outs), params) is not None

    def transpose(self, cts: Sequence[Any], active: Sequence[bool], args: Sequence[Any], params: dict[str, Any]) -> Any:
        body, consts, carry = params["body"], params["consts"], params["carry"]
        step = transposed_step(tuple(active), (True,) * carry + present(cts[carry:]), params)
        assert step is not None  # transposable() said so, for more cotangents
        fixed, _, xs = groups(args, consts, carry)
        on = groups(active, consts, carry)
        off = [[not a for a in part] for part in on]
        back = [settled(ct, aval) for ct, aval in zip(cts[:carry], body.avals[:carry], strict=True)]
        sums = [constant_like(aval_of(c)) for c in pick(fixed, on[0])]
        slices = [*pick(xs, off[2]), *(ct for ct in cts[carry:] if ct is not None)]
        held = pick(fixed, off[0])
        n = params["length"]
        later = None
        if n is not None and n > 1:
            step = simple(step)
            later = deferral(step, len(held), carry, len(sums))
            if later is not None:
                step, sums = later.step, pick(sums, later.kept)
            apart = hoisted(step, len(held))
            if apart is not None:
                held, step = [*held, *apart.before.emit(held)], apart.step
        found = bind(
            self,
            [*held, *back, *sums, *slices],
            {"body": step, "consts": len(held), "carry": carry + len(sums), "length": n,
             "reverse": not params["reverse"], "store": False, "snapshots": None},
        )  # fmt: skip
        states, totals, rows = groups(found, carry, len(sums))
        if later is not None:
            totals = later.totals(totals, [*slices, *rows])
        return [*totals, *pick(states, on[1]), *rows[: sum(on[2])]]


scan = Scan("scan")
#: The operation that stands for the tangent where few carries are to be kept; `snapshots.py` puts it here.
sparing: list[Structured] = []


def own(value: Any, aval: Aval) -> Any:
    """The last carry may be part of an argument: the caller gets memory of his own. After no steps, also its kind."""
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, np.generic):
        return value.item() if aval.weak else value
    return value if aval.weak else aval.dtype.type(value)


def reach(body: Body, active: Sequence[bool], consts: int, carry: int) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """Which arguments and which outputs have tangents, once they have gone round the loop."""
    while True:
        outs = tuple(a.dtype.kind in "fc" and on for a, on in zip(body.avals, body.depends(active), strict=True))
        fixed, state, xs = groups(active, consts, carry)
        grown = (*fixed, *(a or b for a, b in zip(state, outs[:carry], strict=True)), *xs)
        if grown == tuple(active):
            return grown, (*grown[consts : consts + carry], *outs[carry:])
        active = grown


def tangent_step(body: Body, active: Sequence[bool], outs: Sequence[bool], consts: int, carry: int) -> Body | None:
    """From (constants, their tangents; the carry's; carry, slices, their tangents) to the outputs' tangents."""
    on = groups(active, consts, carry)

    def f(values: list[Any]) -> list[Any]:
        sizes = consts, sum(on[0]), sum(on[1]), carry, len(on[2])
        fixed, dfixed, dstate, state, xs, dxs = groups(values, *sizes)
        moved = tangents_of(body, [*fixed, *state, *xs], spread([*dfixed, *dstate, *dxs], active), True)
        return [settled(t, a) for (_, t), a in pick(list(zip(moved, body.avals, strict=True)), outs)]

    avals = [strong(a) for a in body.domain]
    fixed, state, xs = groups(body.arguments, consts, carry)
    dfixed, dstate, dxs = (pick(a, o) for a, o in zip(groups(avals, consts, carry), on, strict=True))
    before = [np.asarray(s)[()] for s in state]
    linear = len(fixed) * [False] + (len(dfixed) + len(dstate)) * [True] + (carry + len(xs)) * [False]
    return derive(body, ("tangent", active), f, [*fixed, *dfixed, *dstate, *before, *xs, *dxs], linear)


def linear_loop(
    step: Body,
    given: Sequence[Any],
    args: Sequence[Any],
    stacks: Sequence[Any],
    active: Sequence[bool],
    outs: Sequence[bool],
    params: dict[str, Any],
    used: Sequence[bool] | None = None,
) -> list[Any]:
    """The tangents of (last carry, results, stacked carries) by a loop over the stacked carries and other stacks.

    `used`: which of the arrays along the loop the step takes, where it does not take all of them.
    """
    consts, carry = params["consts"], params["carry"]
    fixed, _, xs = groups(args, consts, carry)
    dfixed, dstate, dxs = groups(given, *(sum(part) for part in groups(active, consts, carry)[:2]))
    along = [*stacks, *xs, *dxs]
    order = [*fixed, *dfixed, *dstate, *(along if used is None else pick(along, used))]
    counts = {"body": step, "consts": consts + len(dfixed), "carry": len(dstate), "snapshots": None}
    moved: tuple[Any, ...] = bind(scan, order, {**params, **counts})
    return list(moved)


def joint_step(body: Body, active: Sequence[bool], outs: Sequence[bool], consts: int, carry: int) -> Body | None:
    """The body with tangents beside all its arguments and outputs."""
    on = groups(active, consts, carry)

    def f(values: list[Any]) -> list[Any]:
        sizes = consts, sum(on[0]), carry, sum(on[1]), len(on[2])
        fixed, dfixed, state, dstate, xs, dxs = groups(values, *sizes)
        both = tangents_of(body, [*fixed, *state, *xs], spread([*dfixed, *dstate, *dxs], active), False)
        ends = [v for v, _ in both]
        moved = [settled(t, a) if o else None for (_, t), a, o in zip(both, body.avals, outs, strict=True)]
        return [*ends[:carry], *pick(moved[:carry], outs[:carry]), *ends[carry:], *pick(moved[carry:], outs[carry:])]

    avals = [strong(a) for a in body.domain]
    fixed, state, xs = groups(body.arguments, consts, carry)
    dfixed, dstate, dxs = (pick(a, o) for a, o in zip(groups(avals, consts, carry), on, strict=True))
    return derive(body, ("joint", active), f, [*fixed, *dfixed, *state, *dstate, *xs, *dxs])


def transposed_step(active: tuple[bool, ...], cts: tuple[bool, ...], params: dict[str, Any]) -> Body | None:
    """One step back: from (constants; cotangents of the carry, sums for the constants; slices, cotangents of results).

    `cts`: which outputs have cotangents; results without one are left out, since zeros would need a length.
    """
    body, consts, carry = params["body"], params["consts"], params["carry"]
    reached, _ = reach(body, active, consts, carry)
    states = range(consts, consts + carry)  # a tangent that is carried round and stays zero is linear too
    linear = tuple(on or (i in states and body.linear[i]) for i, on in enumerate(reached))
    on = groups(linear, consts, carry)
    if not all(on[1]):
        return None
    count = len(body.outputs)
    off = [[not a for a in part] for part in on]

    def f(values: list[Any]) -> list[Any]:
        fixed, back, sums, xs, rest = groups(values, sum(off[0]), carry, sum(on[0]), sum(off[2]))
        shares = spread(rest, cts[carry:])
        inputs = [*spread(fixed, off[0]), *[None] * carry, *spread(xs, off[2])]
        found = cotangents_of(body, inputs, linear, [*back, *shares[: count - carry]])
        dfixed, dstate, dxs = groups(found, sum(on[0]), carry)
        stacked = shares[count - carry :] or [None] * carry
        before = [d if s is None else settled(d + s, a) for d, s, a in zip(dstate, stacked, body.avals, strict=False)]
        return [*before, *[s + d for s, d in zip(sums, dfixed, strict=True)], *dxs]

    fixed, _, xs = groups(body.arguments, consts, carry)
    shapes = [strong(a) for a in body.domain]
    results = [strong(a) for a in (*body.avals[carry:], *body.avals[:carry])[: len(cts) - carry]]
    held, slices = pick(fixed, off[0]), pick(xs, off[2])
    back = [*map(strong, body.avals[:carry]), *pick(shapes[:consts], on[0])]
    mask = len(held) * [False] + len(back) * [True] + len(slices) * [False]
    domain = [*held, *back, *slices, *pick(results, cts[carry:])]
    return derive(body, ("transposed", linear, cts), f, domain, mask)
