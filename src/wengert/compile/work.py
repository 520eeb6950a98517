"""How much a program does, counted before it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wengert.compile.foreign import Invoke
from wengert.compile.loops import Loop, Value
from wengert.compile.steps import Call, Checked, Chosen, Product, Scanned

if TYPE_CHECKING:
    from wengert.compile.program import Program

UNKNOWN = 1_000_000  # operations, of what cannot be told


def work(program: Program) -> int:
    """About how many operations a program does; a call of a function of mathematics counts as ten."""
    total = 0
    for step in program.steps:
        if isinstance(step, Call):
            total += work_of(step.kernel.body, 1)
        elif isinstance(step, Product):
            total += 100 + step.result[0].size * step.left[1].shape[-1] // 4
        elif isinstance(step, Scanned):
            total += (UNKNOWN if step.length is None else step.length) * (work(step.body) + 10)
        elif isinstance(step, Chosen):
            total += max(map(work, step.branches))
        else:
            total += 1 if isinstance(step, Checked) else UNKNOWN
    return total


def work_of(body: Sequence[Any], block: int) -> int:
    """The same for statements in a loop of this step."""
    total = 0
    for statement in body:
        if isinstance(statement, Loop):
            # Only the rounds of a loop inside a block are a number that is computed; they are at most the block's.
            extent, step = statement.extent, statement.step
            rounds = math.ceil(extent / step) if isinstance(extent, int) else block if block > 1 else UNKNOWN
            total += rounds * (1 + work_of(statement.body, step))
        elif isinstance(statement, Invoke):
            total += statement.work
        elif isinstance(statement, Value) and statement.op == "foreign":
            total += statement.args[0].work
        else:
            total += 10 if isinstance(statement, Value) and statement.op.startswith("math") else 1
    return total
