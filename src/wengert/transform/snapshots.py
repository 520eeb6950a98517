"""Reverse mode of a scan that keeps a few carries only: from each of them the steps up to the next are run again.

Where the snapshots are taken is the binomial schedule of Griewank and Walther ("Algorithm 799: revolve", ACM
Transactions on Mathematical Software 26, 2000), which needs the fewest steps for their number: with s snapshots and
at most r runs of every step, C(s+r, s) steps can be reversed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import comb
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of
from wengert.core.primitive import Structured, bind
from wengert.graph.body import Body, constant_like, strong
from wengert.transform.batched import by_operations
from wengert.transform.derived import groups, pick, present, settled
from wengert.transform.scan import joint_step, linear_loop, scan, sparing, tangent_step, transposed_step

State = Any


def reversed_states(start: State, n: int, snapshots: int, advance: Callable[[State, int], State]) -> Iterator[Any]:
    """The pairs (t, state before step t) for t = n−1 … 0, with at most so many states kept at a time.

    `advance(state, t)` is step t. **Cost**: r·n − C(s+r, s+1) steps for s snapshots, with r such that C(s+r, s) is at
    least n and as small as possible; that is the least possible.
    """
    kept = [(0, start)]
    end = n
    while end:
        at, state = kept[-1]
        free = snapshots - len(kept)
        if end - at == 1:
            kept.pop()
        else:
            target = at + _distance(end - at, free + 1) if free else end - 1
            for t in range(at, target):
                state = advance(state, t)
            if free:
                kept.append((target, state))
                continue
            at = target
        yield at, state
        end = at


def _distance(steps: int, snapshots: int) -> int:
    """How far the next snapshot is from this one, which is one of so many."""
    r = 1
    while comb(snapshots + r, snapshots) < steps:
        r += 1
    shortest = comb(snapshots + r - 2, snapshots) if r > 1 else 0
    return max(steps - comb(snapshots - 1 + r, snapshots - 1), shortest, 1)


class ScanTangent(Structured):
    """The tangents of a scan's outputs; linear in those of its arguments, which follow the arguments.

    Nothing is kept for the transpose but the arguments. Parameters: those of the scan, and `active` and `outs`, which
    of its arguments and outputs have tangents.
    """

    def run(self, *args: Any, active: Sequence[bool], outs: Sequence[bool], **params: Any) -> tuple[Any, ...]:
        body, consts, carry = params["body"], params["consts"], params["carry"]
        primals, given = groups(args, len(active))
        step = joint_step(body, active, outs, consts, carry)
        if step is None:
            return self.expand(args, {**params, "active": active, "outs": outs})
        fixed, state, xs = groups(primals, consts, carry)
        dfixed, dstate, dxs = groups(given, *(sum(part) for part in groups(active, consts, carry)[:2]))
        counts = {"body": step, "consts": consts + len(dfixed), "carry": carry + len(dstate)}
        results = scan.run(*fixed, *dfixed, *state, *dstate, *xs, *dxs, **{**params, **counts})
        _, moved, _, rows = groups(results, carry, len(dstate), len(body.outputs) - carry)
        return (*moved, *rows)

    def avals(self, *avals: Any, active: Sequence[bool], outs: Sequence[bool], **params: Any) -> tuple[Any, ...]:
        return tuple(map(strong, pick(scan.avals(*avals[: len(active)], **params), outs)))

    def sample(self, *args: Any, active: Sequence[bool], **params: Any) -> tuple[Any, ...]:
        return tuple(map(constant_like, self.avals(*map(aval_of, args), active=active, **params)))

    def expand(self, args: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        params = dict(params)
        active, outs = params.pop("active"), params.pop("outs")
        primals, given = groups(args, len(active))
        step = self._step({**params, "active": active, "outs": outs})
        assert step is not None  # the scan looked before it made this
        stacks = bind(scan, primals, {**params, "store": True})[len(params["body"].outputs) :]
        return tuple(linear_loop(step, given, primals, stacks, active, outs, params))

    def _step(self, params: dict[str, Any]) -> Body | None:
        return tangent_step(params["body"], params["active"], params["outs"], params["consts"], params["carry"])

    def examples(self, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any], n: int) -> Any:
        return by_operations(self, args, on, params, n)

    def push(self, tangents: Sequence[Any], args: Sequence[Any], params: dict[str, Any], apart: bool) -> Any:
        return None

    def _back(self, mask: Sequence[bool], cts: Sequence[bool], params: dict[str, Any]) -> Body | None:
        """The step back; `mask`: which of the tangents are asked for."""
        step = self._step(params)
        if step is None:
            return None
        consts, carry, active = params["consts"], params["carry"], params["active"]
        sizes = [sum(part) for part in groups(active, consts, carry)]
        dfixed, dstate, dxs = groups(mask, *sizes[:2])
        wanted = (*[False] * consts, *dfixed, *dstate, *[False] * (len(active) - consts), *dxs)
        shape = {"body": step, "consts": consts + sizes[0], "carry": sizes[1]}
        return transposed_step(wanted, ((True,) * sizes[1] + tuple(cts[sizes[1] :])), {**params, **shape})

    def transposable(self, active: Sequence[bool], params: dict[str, Any]) -> bool:
        n = len(params["active"])
        if any(active[:n]):
            return False
        return self._back(active[n:], (True,) * sum(params["outs"]), params) is not None

    def transpose(self, cts: Sequence[Any], active: Sequence[bool], args: Sequence[Any], params: dict[str, Any]) -> Any:
        n, consts, carry = len(params["active"]), params["consts"], params["carry"]
        back = self._back(active[n:], present(cts), params)
        assert back is not None
        on = groups(params["active"], consts, carry)
        dfixed, dstate, _ = groups(args[n:], sum(on[0]), sum(on[1]))
        asked = groups(active[n:], len(dfixed), len(dstate))
        last = [settled(ct, aval_of(d)) for ct, d in zip(cts, dstate, strict=False)]
        sums = [constant_like(aval_of(d)) for d in pick(dfixed, asked[0])]
        rows = [ct for ct in cts[len(dstate) :] if ct is not None]
        names = ("body", "consts", "carry", "length", "reverse", "snapshots")
        swept = {**{k: params[k] for k in names}, "back": back, "arrays": len(on[2]), "states": len(last) + len(sums)}
        found = bind(sweep, [*args[:n], *last, *sums, *rows], swept)
        states, totals, slices = groups(found, len(last), len(sums))
        return [*totals, *pick(states, asked[1]), *slices]


class Sweep(Structured):
    """A loop over the carries of a scan in the opposite direction, of which only a few are there at a time.

    The arguments are those of the scan, the carry of the step back, and the arrays that it slices besides those of the
    scan. Parameters: those of the scan; `back`, the step back, from (constants; its carry; the scan's carry and slices,
    other slices); `arrays`, how many the scan slices, and `states`, the length of the other carry.
    """

    def run(
        self, *args: Any, body: Body, back: Body, consts: int, carry: int, states: int, snapshots: int, **params: Any
    ) -> tuple[Any, ...]:
        fixed, start, xs, state, rows = groups(args, consts, carry, params["arrays"], states)
        n = len(xs[0]) if params["length"] is None else params["length"]
        found = [np.empty((n, *a.shape), a.dtype) for a in back.avals[states:]]

        def place(t: int) -> int:
            return n - 1 - t if params["reverse"] else t

        def advance(before: list[Any], t: int) -> list[Any]:
            return list(body.run([*fixed, *before, *[x[place(t)] for x in xs]])[:carry])

        with np.errstate(all="ignore"):
            for t, before in reversed_states(start, n, snapshots, advance):
                k = place(t)
                slices = [x[k] for x in (*xs, *rows)]
                out = back.run([*fixed, *state, *before, *slices])
                state = list(out[:states])
                for row, value in zip(found, out[states:], strict=True):
                    row[k] = value
        return (*state, *found)

    def avals(self, *avals: Any, back: Body, states: int, **params: Any) -> tuple[Any, ...]:
        n = params["length"]
        return (*back.avals[:states], *(Aval((n, *a.shape), a.dtype) for a in back.avals[states:]))

    def sample(self, *args: Any, **params: Any) -> tuple[Any, ...]:
        return tuple(map(constant_like, self.avals(*map(aval_of, args), **params)))

    def expand(self, args: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        consts, carry, states = params["consts"], params["carry"], params["states"]
        fixed, start, xs, state, rows = groups(args, consts, carry, params["arrays"], states)
        shared = {"consts": consts, "length": params["length"], "snapshots": None}
        forth = {**shared, "body": params["body"], "carry": carry, "reverse": params["reverse"], "store": True}
        stacks = bind(scan, [*fixed, *start, *xs], forth)[len(params["body"].outputs) :]
        back = {**shared, "body": params["back"], "carry": states, "reverse": not params["reverse"], "store": False}
        results: tuple[Any, ...] = bind(scan, [*fixed, *state, *stacks, *xs, *rows], back)
        return results

    def examples(self, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any], n: int) -> Any:
        return by_operations(self, args, on, params, n)

    def push(self, tangents: Sequence[Any], args: Sequence[Any], params: dict[str, Any], apart: bool) -> Any:
        return None

    def transposable(self, active: Sequence[bool], params: dict[str, Any]) -> bool:
        return False


tangent_of_scan = ScanTangent("scan_tangent")
sweep = Sweep("scan_sweep")
sparing.append(tangent_of_scan)
