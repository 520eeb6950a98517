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


#: A buffer, and the element of it at which an array without gaps begins.
Given = tuple[Buffer, int]


class Scanned(NamedTuple):
    """The steps of another program, for each row of arrays: the scan of transform/scan.py.

    `length`: None for that of the first array, which is then known only at run time. `given`: a place per argument, in
    the order of the body's inputs: constants, the first carry, arrays. `results`: for the last carry, the stacked
    results, and, where they are kept, the carries before each step. `states`: two buffers per carry that is not kept,
    between which the steps alternate. `workspace`: the arena of the steps.
    """

    body: Program
    consts: int
    carry: int
    length: int | None
    reverse: bool
    given: list[Given]
    results: list[Buffer | None]
    states: list[tuple[Buffer, Buffer] | None]
    workspace: Buffer

    @property
    def programs(self) -> list[Program]:
        return [self.body]

    @property
    def touched(self) -> list[Buffer]:
        results = [r for r in self.results if r is not None]
        return [*_buffers(self.given), *results, *_pairs(self.states), self.workspace]


class Repeated(NamedTuple):
    """The steps of another program for as long as a condition holds: the while_loop of transform/repeat.py.

    `given`: the constants of the condition, those of the body, and the first carry. `results`: the last carry, and,
    where they are kept, the carries before each step. `flag`: what the condition says.
    """

    condition: Program
    body: Program
    conditions: int
    consts: int
    given: list[Given]
    results: list[Buffer]
    states: list[tuple[Buffer, Buffer] | None]
    flag: Buffer
    workspace: Buffer

    @property
    def programs(self) -> list[Program]:
        return [self.condition, self.body]

    @property
    def touched(self) -> list[Buffer]:
        return [*_buffers(self.given), *self.results, *_pairs(self.states), self.flag, self.workspace]


class Chosen(NamedTuple):
    """The steps of one of several programs, by its number: the first of `given`."""

    branches: list[Program]
    given: list[Given]
    results: list[Buffer]
    workspace: Buffer

    @property
    def programs(self) -> list[Program]:
        return self.branches

    @property
    def touched(self) -> list[Buffer]:
        return [*_buffers(self.given), *self.results, self.workspace]


class Enclosed(NamedTuple):
    """The steps of another program, once: those in which arrays are as long as a loop inside has turns."""

    body: Program
    given: list[Given]
    results: list[Buffer]
    workspace: Buffer

    @property
    def programs(self) -> list[Program]:
        return [self.body]

    @property
    def touched(self) -> list[Buffer]:
        return [*_buffers(self.given), *self.results, self.workspace]


class Swept(NamedTuple):
    """The way back over a scan that keeps few of its carries: the scan_sweep of transform/snapshots.py.

    `body` is the step of the scan, `back` the step back. `given`: constants, the first carry, the `arrays` that the
    scan slices, the first state of the way back, other arrays. `kept`: the snapshots of each carry; `taken`: before
    which steps they were taken; `places`: three per carry, for the steps in between; `unused`: what else these return.
    """

    body: Program
    back: Program
    consts: int
    arrays: int
    length: int
    reverse: bool
    snapshots: int
    given: list[Given]
    results: list[Buffer]
    kept: list[Buffer]
    places: list[list[Buffer]]
    unused: list[Buffer]
    states: list[list[Buffer]]
    taken: Buffer
    workspace: Buffer

    @property
    def programs(self) -> list[Program]:
        return [self.body, self.back]

    @property
    def touched(self) -> list[Buffer]:
        moving = [buffer for places in (*self.places, *self.states) for buffer in places]
        own = [*self.kept, *self.unused, self.taken, self.workspace]
        return [*_buffers(self.given), *self.results, *moving, *own]


#: The steps that are made of other programs.
Structured = (Scanned, Repeated, Chosen, Enclosed, Swept)


def _buffers(given: Sequence[Given]) -> list[Buffer]:
    return [buffer for buffer, _ in given]


def _pairs(states: Sequence[tuple[Buffer, Buffer] | None]) -> list[Buffer]:
    return [buffer for pair in states if pair is not None for buffer in pair]


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
        elif isinstance(step, Structured):
            lines.append(_structured_text(step))
        elif isinstance(step, Checked):
            where = step.guard.location
            lines.append(
                f"guard {step.number}: {step.buffer.name} is {step.guard.outcome}{f'   ({where})' if where else ''}"
            )
    return "\n\n".join(lines)


def _structured_text(step: Any) -> str:
    inside = ["\n".join(f"    {line}" for line in steps_text(p.steps).splitlines()) for p in step.programs]
    if isinstance(step, Scanned):
        length = "as many" if step.length is None else step.length
        return f"for {length} rows{', the last first' if step.reverse else ''}:\n{inside[0]}"
    if isinstance(step, Repeated):
        return f"while {step.flag.name}, which is\n{inside[0]}\ndo\n{inside[1]}"
    if isinstance(step, Chosen):
        return "\n".join(f"if {step.given[0][0].name} is {k}:\n{text}" for k, text in enumerate(inside))
    if isinstance(step, Swept):
        return f"{step.length} steps back, with {step.snapshots} snapshots; forth\n{inside[0]}\nand back\n{inside[1]}"
    return f"once:\n{inside[0]}"
