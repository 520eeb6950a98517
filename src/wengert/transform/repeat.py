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
from wengert.core.batching import spread as repeated
from wengert.core.primitive import Structured, bind
from wengert.graph.body import Body, record, strong
from wengert.transform.batched import batched, beside, evaluate, missing
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

    def examples(self, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any], n: int) -> Any:
        first, consts, store = params["conditions"], params["consts"], params["store"]
        asked, fixed, state = groups(on, first, consts)
        made, state, apart = for_examples(params, n, asked, fixed, state)
        if apart and store:
            raise missing("the second derivative of a while_loop")
        conditions, held, start = groups(args, first, consts)
        start = [
            repeated(s, was, n) if now else s for s, was, now in zip(start, on[first + consts :], state, strict=True)
        ]
        before = [*conditions, *held, *conditions, *held] if apart else [*conditions, *held]
        last, stacks = groups(bind(self, [*before, *start], made), len(start))
        return [*last, *(np.moveaxis(y, 1, 0) if f else y for y, f in zip(stacks, state, strict=False))], (
            [*state, *state] if store else state
        )

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
    made = derive(body, ("rerun", id(cond), tuple(active)), f, [*domain, *given], (False,) * len(domain))
    if made is not None:
        made.remake = lambda n, on: rerun_for_examples(made, active, params, n, on)
    return made


# Many examples, of which each ends on its own ------------------------------------------------------------------------


def for_examples(
    params: dict[str, Any], n: int, asked: Sequence[bool], fixed: Sequence[bool], state: Sequence[bool]
) -> tuple[dict[str, Any], list[bool], bool]:
    """The loop for n examples: its parameters, which carries are batched, and whether the examples end apart.

    If they do, the loop runs until the last one has ended, and those that have ended keep what they have. Condition and
    body then have the constants of both.
    """
    cond, body = params["cond"], params["body"]
    state = list(state)
    step, outs = batched(body, n, [*fixed, *state], state)
    while outs != state:
        state = outs
        step, outs = batched(body, n, [*fixed, *state], state)
    test, (apart,) = batched(cond, n, [*asked, *state], [False])
    if not apart:
        return {**params, "cond": test, "body": step}, state, False
    state = [True] * len(state)
    on = [*asked, *fixed, *state]
    key = ("examples", id(cond), n, tuple(on))
    if key not in body.derived:
        body.derived[key] = _until_all_end(cond, body, n, on, len(asked), len(fixed))
    test, step = body.derived[key]
    consts = len(asked) + len(fixed)
    return {**params, "cond": test, "body": step, "conditions": consts, "consts": consts}, state, True


def _until_all_end(cond: Body, body: Body, n: int, on: Sequence[bool], first: int, consts: int) -> tuple[Body, Body]:
    def going(values: list[Any]) -> Any:
        asked, _, state = groups(values, first, consts)
        flags = groups(on, first, consts)
        return evaluate(cond, [*asked, *state], [*flags[0], *flags[2]], n)[0][0]

    def step(values: list[Any]) -> list[Any]:
        _, fixed, state = groups(values, first, consts)
        outs, many = evaluate(body, [*fixed, *state], on[first:], n)
        test = going(values)
        full = [repeated(o, m, n) for o, m in zip(outs, many, strict=True)]
        return [np.where(beside(test, new), new, old) for new, old in zip(full, state, strict=True)]

    domain = [*cond.arguments[:first], *body.arguments]
    examples = [repeated(np.asarray(a), False, n) if flag else a for a, flag in zip(domain, on, strict=True)]
    made = record(body.name, step, examples)
    made.quiet = True  # of the examples that have ended
    return record(cond.name, lambda values: [np.any(going(values))], examples), made


def rerun_for_examples(
    body: Body, active: Sequence[bool], params: dict[str, Any], n: int, on: Sequence[bool]
) -> tuple[Body, list[bool]]:
    """`rerun` of the loop for n examples, on the arguments of `rerun`: what has a tangent is batched, and every carry.

    It is not the rerun with batched operations, since an example that has ended takes no part in the further steps.
    """
    first, consts = params["conditions"], params["consts"]
    asked, fixed, state = groups(on[: first + len(active)], first, consts)
    fixed = [a or b for a, b in zip(fixed, active, strict=False)]
    state = [True] * len(state)
    wanted = [*asked, *fixed, *state, *[True] * sum(active)]
    key = ("examples", n, tuple(wanted))
    if key not in body.derived:
        made, _, apart = for_examples(params, n, asked, fixed, state)
        moving = [*[False] * first, *active] if apart else list(active)
        count, carry = made["consts"], len(state)
        reached, outs = reach(made["body"], moving, count, carry)
        step = tangent_step(made["body"], reached, outs, count, carry)
        again = None if step is None else rerun(step, reached, outs, made)
        if again is None or list(reached) != moving:
            raise missing("the derivative of this while_loop")

        def f(values: list[Any]) -> list[Any]:
            conditions, held, rest = groups(values, first, consts)
            before = [*conditions, *held, *conditions, *held] if apart else [*conditions, *held]
            return again.emit([*before, *rest])

        domain = [*body.arguments]
        whole = record(body.name, f, [repeated(np.asarray(a), False, n) if w else a
                                      for a, w in zip(domain, wanted, strict=True)])  # fmt: skip
        whole.quiet = True
        whole.linear = body.linear
        body.derived[key] = whole
    return body.derived[key], wanted


def _stacked(rows: list[Any], aval: Aval) -> Any:
    return np.stack(rows).astype(aval.dtype) if rows else np.empty((0, *aval.shape), aval.dtype)
