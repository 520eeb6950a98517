"""Operations that have loops of their own: what is not element by element, and no sum over axes.

Each is a function that writes the kernel, registered under the name of the primitive: order.py (positions of extrema,
searching), running.py (sums and products of all elements up to each), lapack.py (linear algebra).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from wengert.compile.access import Layout, contiguous
from wengert.compile.evaluate import Evaluator, scalar
from wengert.compile.foreign import Address
from wengert.compile.fuse import Region
from wengert.compile.loops import OUT_OF_RANGE, TYPES, Buffer, Builder, Kernel, Offset, Value
from wengert.compile.scalar import Arithmetic, convert
from wengert.graph.node import Node

Place = Callable[[Node], tuple[Buffer, Layout]]


class Lone:
    """What a writer has at hand: the node, a builder, its arguments, and for each output a buffer or None."""

    def __init__(
        self,
        node: Node,
        place: Place,
        targets: Sequence[Buffer | None],
        temporary: Callable[[str, Sequence[int]], Buffer],
        name: str,
        inside: Sequence[Node] = (),
    ) -> None:
        self.inside = {id(n): n for n in inside}  # operations that are computed where they are read (absorb.py)
        self.computed: dict[int, Callable[[Sequence[Value]], Value]] = {}  # how, where the writer does it
        self.node, self.place, self.targets, self.temporary = node, place, targets, temporary
        self.builder = Builder(name)

    @property
    def target(self) -> Buffer:
        """The only output."""
        target = self.targets[0]
        assert target is not None
        return target

    def shape(self, position: int) -> tuple[int, ...]:
        """The shape of an argument."""
        return self.node.args[position].aval.shape

    def type(self, position: int) -> str:
        """The machine's type of an argument."""
        return TYPES[self.node.args[position].aval.dtype]

    def arithmetic(self, type_: str) -> Arithmetic:
        """How to compute in a type."""
        return Arithmetic(self.builder, type_)

    def whole(self, number: int) -> Value:
        """A constant index."""
        return self.builder.constant(number, "i64")

    @contextmanager
    def loops(self, shape: Sequence[int]) -> Iterator[list[Value]]:
        """Loops over a shape."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.builder.loop(n)) for n in shape]

    def offset(self, layout: Layout, at: Sequence[Value]) -> Offset:
        """The place of an element; an index counts from the last axis, so that leading axes may be missing."""
        along = at[len(at) - len(layout.shape) :]
        steps = zip(along, layout.strides, layout.shape, strict=True)
        return Offset(layout.offset, tuple((v, s) for v, s, n in steps if s and n != 1))

    def element(self, position: int, at: Sequence[Value], type_: str | None = None) -> Value:
        """An element of an argument, which is stretched as NumPy does."""
        value = self.read(self.node.args[position], at)
        return value if type_ is None else convert(self.builder, value, type_)

    def read(self, node: Node, at: Sequence[Value]) -> Value:
        """An element of a node that is in memory, or computed here."""
        if id(node) in self.computed:
            return self.computed[id(node)](at)
        if id(node) in self.inside:
            values = [scalar(self.read(arg, at)) for arg in node.args]
            value: Value = Evaluator(NOWHERE, self.builder).evaluate(node, values, ())[()]
            return value
        if node.is_constant and node.aval.shape == ():
            return self.builder.constant(node.value, TYPES[node.aval.dtype])
        buffer, layout = self.place(node)
        return self.builder.load(buffer, self.offset(layout, at))

    def store(self, at: Sequence[Value], value: Value, output: int = 0) -> None:
        """Write an element of an output, if anybody needs it."""
        target = self.targets[output]
        if target is not None:
            here = self.offset(contiguous(target.shape), at)
            self.builder.store(target, here, convert(self.builder, value, target.type))

    def address(self, buffer: Buffer, layout: Layout, at: Sequence[Value]) -> Address:
        """Where the part of an array begins that is picked by its leading axes."""
        lead = Layout(layout.shape[: len(at)], layout.strides[: len(at)], layout.offset)
        return Address(buffer, self.offset(lead, at))

    def require(self, condition: Value) -> None:
        """Run eagerly unless the condition holds."""
        self.builder.check(condition, OUT_OF_RANGE)

    def set(self, variable: Value, value: Value) -> None:
        """Give a variable another value."""
        self.builder.accumulate(variable, "set", value)


NOWHERE = Region(0)  # of operations that need not know along which loops they run
Writer = Callable[[Lone], None]
Question = Callable[[Node], bool]
_WRITERS: dict[str, tuple[Question, Writer]] = {}


def writes(*names: str, where: Question = lambda node: True) -> Callable[[Writer], Writer]:
    """Register the writer of primitives; `where`: for which nodes it can."""

    def register(writer: Writer) -> Writer:
        for name in names:
            _WRITERS[name] = where, writer
        return writer

    return register


def kernel_of(
    node: Node,
    place: Place,
    targets: Sequence[Buffer | None],
    temporary: Callable[[str, Sequence[int]], Buffer],
    name: str,
    inside: Sequence[Node] = (),
) -> Kernel | None:
    """The kernel of an operation whose arguments and results have machine types; None where none is known."""
    from wengert.compile import lapack, order, products, running  # noqa: F401  which register their writers

    where, writer = _WRITERS.get(node.operation, (None, None))
    if where is None or writer is None or not where(node):
        return None
    lone = Lone(node, place, targets, temporary, name, inside)
    writer(lone)
    return lone.builder.finish()


def cut(shape: Sequence[int], axis: int) -> tuple[list[int], int, list[int]]:
    """The axes before one, its length, and those behind it."""
    return list(shape[:axis]), shape[axis], list(shape[axis + 1 :])


def count(shape: Sequence[int]) -> int:
    """How many elements a shape has."""
    return math.prod(shape)
