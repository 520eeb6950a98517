"""Which inputs each element of each value depends on: an interpreter that carries sets of inputs instead of tangents.

A set is never too small. It is exact where the structure of the operation is known: an elementwise operation unites the
sets of its operands, a rearrangement moves them, a sum merges them, a product with a constant skips the constant's
zeros, and what is constant for a rule has no set. Of any other operation each output is taken to depend on the whole
operand.

The program runs first; the sets are computed afterwards, for those steps only that lead to the results. So the
gradient's pattern does not need the set of the function's value, which is every input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import shape_of
from wengert.core.location import at
from wengert.core.primitive import Primitive, Structured, bind
from wengert.core.rule import Constant
from wengert.core.tracer import Level, Tracer, run
from wengert.core.tree import flatten
from wengert.sparse import rows as sets
from wengert.sparse.rows import Rows
from wengert.sparse.structure import Masks, Step


class DependenceTracer(Tracer):
    """A value with the step that computes it; of an input, the sets themselves."""

    __slots__ = ("step",)
    fields = ("level", "value", "step")

    def __init__(self, level: Level, value: Any, step: Step | Rows) -> None:
        self.level, self.value, self.step = level, value, step


class DependenceLevel(Level):
    """Applies each operation to the values, and notes the step."""

    __slots__ = ("masks",)

    def __init__(self, width: int) -> None:
        super().__init__()
        self.masks = Masks(width)

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        if isinstance(primitive, Structured):  # a loop or a branch, taken apart
            return primitive.expand(args, params)
        values = list(args)
        felt: dict[int, Step | Rows] = {}
        for i, arg in enumerate(args):
            if isinstance(arg, DependenceTracer) and arg.level is self:
                values[i] = arg.value
                if not isinstance(primitive.rule(i), Constant):
                    felt[i] = arg.step
        out = bind(primitive, values, params)
        if not felt:  # as in forward mode it is a plain value then
            self.masks.remember(out)
            return out
        if primitive.outputs == 1:
            return self.traced(out, Step(self.masks, primitive, values, params, felt, shape_of(out)))
        return tuple(self.traced(o, Step(self.masks, primitive, values, params, felt, shape_of(o))) for o in out)

    def traced(self, value: Any, step: Step | Rows) -> DependenceTracer:
        return DependenceTracer(self, value, step)


def dependence(f: Callable[..., Any], leaves: Sequence[Any]) -> Rows:
    """The sets of all elements of f's result, a tree; the inputs are the elements of the leaves, counted through."""
    sizes = [int(np.prod(shape_of(leaf))) for leaf in leaves]
    width = sum(sizes)
    level = DependenceLevel(width)
    firsts = np.cumsum([0, *sizes])
    inputs = [level.traced(leaf, sets.identity(int(first), size, width))
              for leaf, first, size in zip(leaves, firsts, sizes, strict=False)]  # fmt: skip
    results = [resolve(out) for out in flatten(run(level, f, (inputs,), {}))[0]]
    ours = [r.step if isinstance(r, DependenceTracer) and r.level is level else None for r in results]
    settle([step for step in ours if isinstance(step, Step)])
    parts = [
        sets.nothing(int(np.prod(np.shape(r))), width) if step is None else sets_of(step)
        for r, step in zip(results, ours, strict=True)
    ]
    return sets.stacked(parts) if parts else sets.nothing(0, width)


def sets_of(step: Step | Rows) -> Rows:
    """The sets of a step that are known by now."""
    rows = step if isinstance(step, Rows) else step.result
    assert rows is not None
    return rows


def settle(targets: Sequence[Step]) -> None:
    """Compute the sets of these steps; those of others on the way are dropped when nothing needs them any more."""
    users: dict[int, int] = dict.fromkeys(map(id, targets), 1)
    order: list[Step] = []
    stack = [(step, False) for step in reversed(targets)]
    seen: set[int] = set()
    while stack:  # arguments before their users; no recursion, since chains are deep
        step, ready = stack.pop()
        if ready:
            order.append(step)
        elif id(step) not in seen:
            seen.add(id(step))
            stack.append((step, True))
            for source in step.felt.values():
                if isinstance(source, Step):
                    users[id(source)] = users.get(id(source), 0) + 1
                    stack.append((source, False))
    for step in order:
        sources, step.felt = step.felt, {i: sets_of(source) for i, source in step.felt.items()}
        with at(step.location):
            step.result = step.rows()
        step.felt, step.values = {}, []
        for source in sources.values():
            if isinstance(source, Step):
                users[id(source)] -= 1
                if not users[id(source)]:
                    source.result = None
