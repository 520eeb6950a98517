"""The loop that ends when a condition says so, as one operation: how often it runs is known only when it has run.

Forward mode runs values and tangents in one such loop. For the linear map of reverse mode the loop is run again and
keeps its carries, in an array of as many rows as there were steps; the rest is a scan over them, and its transpose.
That all happens inside of one `call`, so that a recorded program holds for any number of steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of
from wengert.core.primitive import Structured, bind
from wengert.graph.body import Body, strong
from wengert.transform.call import call
from wengert.transform.derived import derive, groups, present, shaped, spread
from wengert.transform.scan import joint_step, linear_loop, own, reach, tangent_step


class While(Structured):
    """The arguments are the constants of the condition, those of the body, and the carry.

    Both go from (constants, carry). Parameters: `conditions` and `consts`, how many constants there are of each;
    `store`, whether the carries before the steps are returned after the last one, stacked.
    """

    def run(self, *args: Any, cond: Body, body: Body, conditions: int, consts: int, store: bool) -> tuple[Any, ...]:
        """As many steps as it takes."""
        asked, fixed, state = groups(args, conditions, consts)
        rows = []
        with body.warnings():
            while cond.run([*asked, *state])[0]:
                if store:
                    rows.append(state)
                state = list(body.run([*fixed, *state]))
        last = tuple(map(own, state, body.avals))
        return last if not store else (*last, *(_stacked([r[k] for r in rows], a) for k, a in enumerate(body.avals)))

    def avals(self, *avals: Any, body: Body, store: bool, **params: Any) -> tuple[Any, ...]:
        return (*body.avals, *(Aval((1, *a.shape), a.dtype) for a in (body.avals if store else ())))

    def sample(self, *args: Any, body: Body, conditions: int, consts: int, store: bool, **params: Any) -> Any:
        _, fixed, state = groups(args, conditions, consts)
        stacks = [_stacked([s], a) for s, a in zip(state, body.avals, strict=True)] if store else []
        return (*body.emit([*fixed, *state], cheap=True), *stacks)

    def expand(self, args: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        body, store = params["body"], params["store"]
        asked, fixed, state = groups(args, params["conditions"], params["consts"])
        rows = []
        while params["cond"].emit([*asked, *state])[0]:
            rows.append(state)
            state = body.emit([*fixed, *state])
        return (*state, *(_stacked([r[k] for r in rows], a) for k, a in enumerate(body.avals) if store))

    # The derivative ------------------------------------------------------------------------------------------------

    def push(self, tangents: Sequence[Any], args: Sequence[Any], params: dict[str, Any], apart: bool) -> Any:
        body, consts, first = params["body"], params["consts"], params["conditions"]
        carry = len(body.outputs)
        active, outs = reach(body, present(tangents[first:]), consts, carry)
        given = shaped(tangents[first:], args[first:], active)
        if not any(outs):
            results = bind(self, args, params)
            return results, [None] * len(results)
        if not apart:
            return self._push_together(given, args, params, active, outs)
        step = tangent_step(body, active, outs, consts, carry)
        if step is None:
            return None
        if params["store"]:
            results = bind(self, args, params)
            loop = {
                "length": None,
                "reverse": False,
                "store": True,
                "consts": consts,
                "carry": carry,
                "snapshots": None,
            }
            moved = linear_loop(step, given, args[first:], results[carry:], active, outs, loop)
            return results, spread(moved, [*outs, *outs])
        again = rerun(step, active, outs, params)
        if again is None or not call.transposable([*[False] * len(args), *[True] * len(given)], {"body": again}):
            return None
        return bind(self, args, params), spread(bind(call, [*args, *given], {"body": again}), outs)

    def _push_together(
        self, given: Sequence[Any], args: Sequence[Any], params: dict[str, Any], active: Sequence[bool], outs: Any
    ) -> Any:
        """Forward mode: one loop for values and tangents."""
        cond, body, first, consts = params["cond"], params["body"], params["conditions"], params["consts"]
        carry = len(body.outputs)
        step = joint_step(body, active, outs, consts, carry)
        asked, fixed, state = groups(args, first, consts)
        dfixed, dstate = groups(given, sum(active[:consts]))

        def f(values: list[Any]) -> list[Any]:
            return list(cond.emit(values[: len(values) - len(dstate)]))

        tangent_avals = [strong(aval_of(d)) for d in dstate]
        test = derive(cond, ("beside", tuple(tangent_avals)), f, [*cond.arguments, *tangent_avals])
        if step is None or test is None:
            return None
        joint = {"cond": test, "body": step, "consts": consts + len(dfixed)}
        results = bind(self, [*asked, *fixed, *dfixed, *state, *dstate], {**params, **joint})
        store = params["store"]
        last, dlast, stacks, dstacks = groups(results, carry, len(dstate), carry if store else 0)
        return (*last, *stacks), spread([*dlast, *dstacks], [*outs, *(outs if store else ())])

    def transposable(self, active: Sequence[bool], params: dict[str, Any]) -> bool:
        return False  # the number of steps is not a linear function of anything


loop = While("while_loop")


def rerun(step: Body, active: Sequence[bool], outs: Sequence[bool], params: dict[str, Any]) -> Body | None:
    """The tangents of the last carry, from the arguments and their tangents: the loop once more, and a scan over it."""
    cond, body, first, consts = params["cond"], params["body"], params["conditions"], params["consts"]
    carry = len(body.outputs)
    count = first + consts + carry

    def f(values: list[Any]) -> list[Any]:
        stacks: Any = bind(loop, values[:count], {**params, "store": True})[carry:]
        scan = {"length": None, "reverse": False, "store": False, "consts": consts, "carry": carry, "snapshots": None}
        return linear_loop(step, values[count:], values[first:count], stacks, active, outs, scan)

    domain = [*cond.arguments[:first], *body.arguments]
    given = [strong(a) for a, on in zip(body.domain, active, strict=True) if on]
    return derive(body, ("rerun", id(cond), tuple(active)), f, [*domain, *given], (False,) * len(domain))


def _stacked(rows: list[Any], aval: Aval) -> Any:
    return np.stack(rows).astype(aval.dtype) if rows else np.empty((0, *aval.shape), aval.dtype)
