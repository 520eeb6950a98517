"""What a step of a loop computes that its derivative needs too, kept beside the carries instead of computed again.

The step of the tangents is a function of the values of the step, and linear in the tangents. Of the values it needs a
few: products of matrices, transcendental functions and partial derivatives, or what is arithmetic from them. Those
become further results of the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.primitive import Structured
from wengert.core.rule import Constant, Partial
from wengert.graph.body import Body
from wengert.graph.graph import Graph
from wengert.graph.node import Node, ordered
from wengert.transform.call import call
from wengert.transform.derived import derive, pick
from wengert.transform.simple import Simple, given, like, replaced

#: How much is kept at most: so many times what the carries and the slices of a step take.
ROOM = 4
#: Elements of an array below which a step computes it faster than it is put away and found again.
SMALL = 8
_VIEWS = frozenset({"transpose", "reshape", "getitem", "broadcast_to", "where", "astype"})


class Residuals(NamedTuple):
    """The body with further results, and the step of the tangents, which takes slices of them.

    Its slices are those of (carries, further results, the arrays of the loop, tangents) that `used` names.
    """

    body: Body
    step: Simple
    used: Sequence[bool]


def residuals(body: Body, step: Body, consts: int, carry: int, moving: int) -> Residuals | None:
    """None where there is nothing to keep, or too much; `moving`: how many tangents the step has before the carries."""
    key = "residuals", id(step)
    if key not in body.derived:
        body.derived[key] = _split(body, step, consts, consts + moving, carry)
    found: Residuals | None = body.derived[key]
    return found


def _split(body: Body, step: Body, consts: int, first: int, carry: int) -> Residuals | None:
    graph, before = step.simplify(), first + carry
    kept = _worth_keeping(graph, step.linear, consts)
    if not kept or sum(map(_bytes, kept)) > ROOM * sum(map(_bytes, body.inputs[consts:])):
        return None
    known = Body(body.name, [n for n, on in zip(graph.inputs, step.linear, strict=True) if not on], kept)
    both = derive(body, ("with residuals", id(step)), lambda values: [*body.emit(values), *known.emit(values)],
                  body.arguments)  # fmt: skip
    if both is None:
        return None
    made = both if body.quiet else _quietly(both, len(body.outputs))
    made.linear = body.linear
    with np.errstate(all="ignore"):
        examples = known.emit(body.arguments, cheap=True)
    stacks = [given(n.aval, f"r{k}", v) for k, (n, v) in enumerate(zip(kept, examples, strict=True))]
    outputs = replaced(graph, dict(zip(map(id, kept), stacks, strict=True)), graph.outputs)
    inputs = [*graph.inputs[:before], *stacks, *graph.inputs[before:]]
    linear = [*step.linear[:before], *[False] * len(stacks), *step.linear[before:]]
    whole = like(step, inputs, outputs, linear)
    used = [on or tangent for on, tangent in zip(whole.reads()[first:], linear[first:], strict=True)]
    mask = [True] * first + used
    return Residuals(made, like(step, pick(inputs, mask), outputs, pick(linear, mask)), used)


def _worth_keeping(graph: Graph, linear: Sequence[bool], consts: int) -> list[Node]:
    """The values to keep for what is linear: of a sum or a product its parts, and nothing that is always the same."""
    moving = {id(n) for n, on in zip(graph.inputs, linear, strict=True) if on}
    still = {*(id(n) for n in graph.nodes if n.is_constant), *map(id, graph.inputs[:consts])}
    free = {id(n) for n in graph.nodes if not n.args}  # what is there, or is arithmetic from it
    for node in graph.nodes:
        args = set(map(id, node.args))
        if args & moving:
            moving.add(id(node))
        elif args and args <= still:
            still.add(id(node))
            free.add(id(node))
        elif args and args <= free and _is_arithmetic(node):
            free.add(id(node))
    stack = [a for n in graph.nodes if id(n) in moving for a in n.args]
    stack += graph.outputs
    seen, found = {*moving, *free}, set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        part = node.operation == "getitem" and _bytes(node) < _bytes(node.args[0])
        if _is_arithmetic(node) and not part:
            stack.extend(node.args)
        elif len(node.avals) == 1 and np.prod(node.aval.shape) >= SMALL:
            found.add(id(node))
    return [n for n in graph.nodes if id(n) in found]


def _is_arithmetic(node: Node) -> bool:
    """Whether it is a sum, a product or the like, element by element, or a view."""
    primitive = node.primitive
    if primitive is None or isinstance(primitive, Structured):
        return False
    if primitive.name in _VIEWS:
        return True
    rules = map(primitive.rule, range(len(node.args)))
    return all(
        isinstance(r, Constant) or (isinstance(r, Partial) and (r.constant is not None or r.argument is not None))
        for r in rules
    )


def _quietly(both: Body, count: int) -> Body:
    """The same, but what only the results after so many need is in a `call`: a derivative does not warn."""
    graph = both.simplify()
    own = {id(n) for n in ordered([*graph.inputs, *graph.outputs[:count]])}
    inner = [n for n in graph.nodes if id(n) not in own]
    wanted = [n for n in graph.outputs[count:] if id(n) not in own]
    held = list({id(a): a for n in inner for a in n.args if id(a) in own and not a.is_constant}.values())
    with np.errstate(all="ignore"):
        examples = Body(both.name, graph.inputs, held).emit(both.arguments, cheap=True)
    inputs = [given(n.aval, f"v{k}", v) for k, (n, v) in enumerate(zip(held, examples, strict=True))]
    quiet = Simple(both.name, inputs, replaced(graph, dict(zip(map(id, held), inputs, strict=True)), wanted))
    quiet.quiet = True
    avals: Any = tuple(n.aval for n in wanted)
    whole = Node(call, held, {"body": quiet}, avals)
    parts = {id(n): Node(None, (whole,), {}, n.aval, part=k) for k, n in enumerate(wanted)}
    return Simple(both.name, graph.inputs, [parts.get(id(n), n) for n in graph.outputs])


def _bytes(node: Node) -> int:
    return sum(int(np.prod(aval.shape, dtype=int)) * aval.dtype.itemsize for aval in node.avals)
