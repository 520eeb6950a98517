"""What a step of a loop computes of its constants alone, computed once before the loop.

Bodies that are written by hand have none of that, since an operation on a value from outside is done outside. The step
back has it. One case is a matter of order in memory only: a compiled loop would read transposed weights against their
order in every step, and is handed them in the order in which it reads.
"""

from __future__ import annotations

from typing import NamedTuple

from wengert.graph.body import Body, constant_like
from wengert.graph.node import Node
from wengert.transform.simple import Simple, given, like, replaced

#: Columns of a product of matrices for which BLAS brings the other matrix into an order of its own.
MANY = 16
_PLACES = frozenset({"getitem", "reshape", "transpose"})  # where elements are: nothing is computed


class Hoisted(NamedTuple):
    """`before` makes further constants of the constants, which `step` takes after them."""

    before: Body
    step: Simple


def hoisted(step: Simple, consts: int) -> Hoisted | None:
    """The step in two parts; None where all that it computes depends on the carry or the slices."""
    key = "hoisted", consts
    if key not in step.derived:
        step.derived[key] = _split(step, consts)
    found: Hoisted | None = step.derived[key]
    return found


def _split(step: Simple, consts: int) -> Hoisted | None:
    fixed = {id(n) for n in step.nodes if n.is_constant} | {id(n) for n in step.inputs[:consts]}
    for node in step.nodes:
        if node.args and all(id(a) in fixed for a in node.args):
            fixed.add(id(node))
    moving = [n for n in step.nodes if id(n) not in fixed]
    outer = {id(a): a for n in moving for a in n.args if id(a) in fixed and a.args and (_is_work(a) or _turns(n, a))}
    if not outer:
        return None
    before = like(step, step.inputs[:consts], list(outer.values()), (False,) * consts)
    new = [given(n.aval, f"h{k}", constant_like(n.aval)) for k, n in enumerate(outer.values())]
    outputs = replaced(step, dict(zip(outer, new, strict=True)), step.outputs)
    linear = (*step.linear[:consts], *[False] * len(new), *step.linear[consts:])
    return Hoisted(before, like(step, [*step.inputs[:consts], *new, *step.inputs[consts:]], outputs, linear))


def _is_work(node: Node) -> bool:
    """Whether it computes something."""
    if len(node.avals) > 1:
        return False
    while node.operation in _PLACES and len(node.args) == 1:
        node = node.args[0]
    return bool(node.args)


def _turns(product: Node, matrix: Node) -> bool:
    """Whether it is a transposed matrix in a product with a large one."""
    return (
        matrix.operation == "transpose"
        and product.operation == "matmul"
        and all(len(a.aval.shape) == 2 for a in product.args)
        and min(product.aval.shape) >= MANY
    )
