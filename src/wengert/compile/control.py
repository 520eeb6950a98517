"""Loops and branches of a graph as steps of a program, whose own steps are those of programs inside it.

A `call` whose arrays have the lengths that they say is no step: its operations stand among the others (normal.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.compile.access import contiguous
from wengert.compile.loops import TYPES, Buffer
from wengert.compile.plan import planned
from wengert.compile.steps import Callback, Chosen, Enclosed, Given, Repeated, Scanned, Swept
from wengert.compile.stretch import by_rows, misuse
from wengert.graph.node import Node

if TYPE_CHECKING:
    from wengert.compile.program import Program


class NotNative(Exception):
    """Why a loop or a branch is left to NumPy."""


def structured(program: Program, node: Node, parts: Sequence[Node]) -> tuple[Any, str]:
    """The step of a loop or a branch; or None, and why there is none."""
    assert node.primitive is not None
    lower = _LOWERINGS.get(node.primitive.name)
    if lower is None:
        return None, "no loops are known for it"
    if any(map(program.touches_object, node.args)) or any(a.dtype not in TYPES for a in node.avals):
        return None, "its arrays have no machine type"
    results: list[Any] = [None] * len(node.avals)
    for part in parts:
        assert part.part is not None
        results[part.part] = program.buffers.get(id(part))
    try:
        return lower(program, node, results), ""
    except NotNative as reason:
        return None, str(reason)


# Lowerings ------------------------------------------------------------------------------------------------------------


def _scan(program: Program, node: Node, results: list[Any]) -> Scanned:
    params, (body, consts, carry) = node.params, (node.params[k] for k in ("body", "consts", "carry"))
    if params["length"] is None and not program.stretches:
        raise NotNative("its length is known when it runs")
    inner = _inside(program, body, node.args)
    kept = [results[len(body.avals) + k] if params["store"] else None for k in range(carry)]
    _fill(program, results, node, len(body.avals), "temp" if params["length"] is not None else "grown", carry)
    states = _states(program, results[:carry], kept)
    given = _given(program, node.args)
    here = _workspace(program, inner)
    return Scanned(inner, consts, carry, params["length"], params["reverse"], given, results, states, here)


def _while(program: Program, node: Node, results: list[Any]) -> Repeated:
    params = node.params
    condition, body, conditions, consts = (params[k] for k in ("cond", "body", "conditions", "consts"))
    if params["store"] and not program.stretches:
        raise NotNative("how many rows it has is known when it has run")
    carry = len(body.avals)
    asked = _inside(program, condition, [*node.args[:conditions], *node.args[conditions + consts :]])
    inner = _inside(program, body, node.args[conditions:])
    _fill(program, results, node, carry, "temp", carry)
    if params["store"]:
        _fill(program, results, node, 2 * carry, "grown", 0)
    states = _states(program, results[:carry], results[carry:] if params["store"] else [None] * carry)
    given = _given(program, node.args)
    flag = program.temporary("i1", ())
    here = _workspace(program, asked, inner)
    return Repeated(asked, inner, conditions, consts, given, results, states, flag, here)


def _choice(program: Program, node: Node, results: list[Any]) -> Chosen:
    if np.dtype(node.args[0].aval.dtype).kind not in "biu" or node.args[0].aval.shape:
        raise NotNative("its number is not a whole one")
    branches = [_inside(program, branch, node.args[1:]) for branch in node.params["branches"]]
    _fill(program, results, node, len(results), "temp", 0)
    return Chosen(branches, _given(program, node.args), results, _workspace(program, *branches))


def _call(program: Program, node: Node, results: list[Any]) -> Enclosed:
    body = by_rows(node.params["body"].simplify())
    user = misuse(body)
    if user:
        raise NotNative(f"{user} uses an array whose length is known when it runs")
    _check(node.args, body.inputs)
    inner = _native(program.inside(body, True))
    _fill(program, results, node, len(results), "temp", 0)
    return Enclosed(inner, _given(program, node.args), results, _workspace(program, inner))


def _sweep(program: Program, node: Node, results: list[Any]) -> Swept:
    params, args = node.params, node.args
    consts, carry, arrays, states = (params[k] for k in ("consts", "carry", "arrays", "states"))
    n = args[consts + carry].aval.shape[0] if params["length"] is None else params["length"]
    s = min(params["snapshots"], max(n, 1))
    xs, state = consts + carry, consts + carry + arrays
    forth = _inside(program, params["body"], args[:state])
    first = [*args[:consts], *args[state : state + states], *args[consts:xs], *args[xs:state], *args[state + states :]]
    back = _inside(program, params["back"], first)
    _fill(program, results, node, len(results), "temp", 0)

    def several(buffer: Buffer, count: int) -> list[Buffer]:
        return [program.temporary(buffer.type, buffer.shape) for _ in range(count)]

    carries, others = forth.outputs[:carry], forth.outputs[carry:]
    kept = [program.temporary(b.type, (s, *b.shape)) for b in carries]
    return Swept(
        forth, back, consts, arrays, n, params["reverse"], s, _given(program, args), results, kept,
        [several(b, 3) for b in carries], [several(b, 1)[0] for b in others], [several(b, 2) for b in results[:states]],
        program.temporary("i64", (s,)), _workspace(program, forth, back),
    )  # fmt: skip


_LOWERINGS: dict[str, Callable[[Program, Node, list[Any]], Any]] = {
    "scan": _scan, "while_loop": _while, "cond": _choice, "call": _call, "scan_sweep": _sweep,
}  # fmt: skip


def _inside(program: Program, body: Any, args: Sequence[Node]) -> Program:
    """The program of a body."""
    _check(args, body.inputs)
    return _native(program.inside(body.simplify()))


def _check(args: Sequence[Node], inputs: Sequence[Node]) -> None:
    for k, (arg, given) in enumerate(zip(args, inputs, strict=True)):
        rows = len(arg.aval.shape) - len(given.aval.shape)  # an argument that is sliced has one axis more
        if arg.aval.dtype != given.aval.dtype or arg.aval.shape[rows:] != given.aval.shape:
            raise NotNative(f"its argument {k} changes its dtype or shape")


def _native(inner: Program) -> Program:
    for step in inner.steps:
        if isinstance(step, Callback):
            raise NotNative(f"its body calls {step.node.operation} in NumPy: {step.reason}")
    return inner


def _given(program: Program, args: Sequence[Node]) -> list[Given]:
    """Where the arguments begin."""
    given = []
    for arg in args:
        buffer, layout = program.place(arg)
        assert layout._replace(offset=0) == contiguous(arg.aval.shape)
        given.append((buffer, layout.offset))
    return given


def _fill(program: Program, results: list[Any], node: Node, end: int, kind: str, fixed: int) -> None:
    """Places for those of the results before `end` that nobody reads; `kind`: of those from `fixed` on."""
    for k, aval in enumerate(node.avals[:end]):
        if results[k] is None:
            results[k] = program.temporary(TYPES[aval.dtype], aval.shape, kind if k >= fixed else "temp")


def _states(
    program: Program, carry: Sequence[Buffer], kept: Sequence[Buffer | None]
) -> list[tuple[Buffer, Buffer] | None]:
    """Two places for each carry that is not kept."""
    return [
        None if stack is not None else (program.temporary(b.type, b.shape), program.temporary(b.type, b.shape))
        for b, stack in zip(carry, kept, strict=True)
    ]


def _workspace(program: Program, *inner: Program) -> Buffer:
    """The arena of programs that run one after the other."""
    return program.temporary("i8", (max(1, *(planned(p.steps)[1] for p in inner)),))
