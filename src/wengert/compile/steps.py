"""What a program does, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from wengert.compile.access import Layout
from wengert.compile.loops import Buffer, Kernel
from wengert.graph.node import Guard, Node

if TYPE_CHECKING:
    from wengert.compile.program import Program


class Call(NamedTuple):
    """Run a kernel on its buffers."""

    kernel: Kernel

    @property
    def touched(self) -> list[Buffer]:
        return self.kernel.buffers


class Product(NamedTuple):
    """C = A·B by BLAS, for each place of the leading axes."""

    type: str
    left: tuple[Buffer, Layout]
    right: tuple[Buffer, Layout]
    result: tuple[Buffer, Layout]

    @property
    def touched(self) -> list[Buffer]:
        return [self.left[0], self.right[0], self.result[0]]


class Callback(NamedTuple):
    """NumPy computes a node from arrays."""

    node: Node
    args: list[tuple[Any, Layout | None]]  # a buffer with a layout, or the key of an object that is no native array
    targets: list[Any]
    reason: str

    @property
    def touched(self) -> list[Buffer]:
        return [b for b in (*(a for a, _ in self.args), *self.targets) if isinstance(b, Buffer)]


class Checked(NamedTuple):
    """Leave with code 2 + number where the guard's value is not the recorded one."""

    number: int
    guard: Guard
    buffer: Buffer

    @property
    def touched(self) -> list[Buffer]:
        return [self.buffer]


class Scanned(NamedTuple):
    """The steps of another program, for each row of arrays: the scan of transform/scan.py.

    `given`: a buffer per argument, in the order of the body's inputs: constants, the first carry, arrays. `results`:
    for the last carry, the stacked results, and, where they are kept, the carries before each step. `states`: two
    buffers per carry that is not kept, between which the steps alternate. `workspace`: the arena of the steps.
    """

    body: Program
    consts: int
    carry: int
    length: int
    reverse: bool
    given: list[Buffer]
    results: list[Buffer]
    states: list[tuple[Buffer, Buffer] | None]
    workspace: Buffer

    @property
    def touched(self) -> list[Buffer]:
        pairs = [b for pair in self.states if pair is not None for b in pair]
        return [*self.given, *(r for r in self.results if r is not None), *pairs, self.workspace]


def steps_text(steps: Sequence[Any]) -> str:
    """The steps as a listing."""
    lines = []
    for step in steps:
        if isinstance(step, Call):
            lines.append(str(step.kernel))
        elif isinstance(step, Product):
            lines.append(f"{step.result[0].name} = {step.left[0].name} @ {step.right[0].name}   (BLAS)")
        elif isinstance(step, Callback):
            assert step.node.primitive is not None
            lines.append(f"{step.node.primitive.name}   (NumPy: {step.reason})")
        elif isinstance(step, Scanned):
            inner = "\n".join(f"    {line}" for line in steps_text(step.body.steps).splitlines())
            lines.append(f"for {step.length} rows{', the last first' if step.reverse else ''}:\n{inner}")
        elif isinstance(step, Checked):
            where = step.guard.location
            lines.append(
                f"guard {step.number}: {step.buffer.name} is {step.guard.outcome}{f'   ({where})' if where else ''}"
            )
    return "\n\n".join(lines)
