"""The nodes of a recorded program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from wengert.core.aval import Aval, shape_of
from wengert.core.location import Location
from wengert.core.primitive import Primitive


class Node:
    """One step: an input, a constant, an operation, or one of the outputs of an operation that has several.

    `primitive` is None for inputs (`name` is set) and constants (`value` is set). `part` k means: output k of the
    operation that is the only argument.
    """

    __slots__ = ("args", "aval", "calls", "location", "name", "params", "part", "primitive", "value")

    def __init__(
        self,
        primitive: Primitive | None,
        args: Sequence[Node],
        params: dict[str, Any],
        aval: Any,
        location: Location | None = None,
        *,
        name: str | None = None,
        value: Any = None,
        part: int | None = None,
        calls: tuple[str, ...] = (),
    ) -> None:
        self.primitive = primitive
        self.args = tuple(args)
        self.params = params
        self.aval: Aval = aval
        self.location = location
        self.calls = calls  # of the user's functions, outermost first
        self.name = name
        self.value = value
        self.part = part

    @property
    def is_input(self) -> bool:
        return self.primitive is None and self.part is None and self.name is not None

    @property
    def is_constant(self) -> bool:
        return self.primitive is None and self.part is None and self.name is None

    @property
    def operation(self) -> str:
        """The name of what it does."""
        if self.primitive is not None:
            return self.primitive.name
        return "input" if self.is_input else "constant" if self.is_constant else "part"

    @property
    def avals(self) -> list[Aval]:
        """The abstract value of each output; an operation with several has a tuple of them as its `aval`."""
        aval: Any = self.aval
        return [aval] if isinstance(aval, Aval) else list(aval)

    def __repr__(self) -> str:
        return f"<{self.operation}{' ' + self.name if self.name else ''}: {', '.join(map(str, self.avals))}>"


class Guard(NamedTuple):
    """A branch that the program took: the node it depended on, how it came out, and where.

    The outcome is a truth value, a whole number (`range(n)`), or the shape of a value whose shape depends on numbers.
    """

    node: Node
    outcome: Any
    location: Location | None

    def read(self, value: Any) -> Any:
        """How the branch comes out for a value of the node."""
        if isinstance(self.outcome, tuple):
            return shape_of(value)
        return bool(value) if isinstance(self.outcome, bool) else int(value)


_SIZED_BY_VALUES = {"argwhere", "bincount", "lstsq", "unique_places"}


def depends_on_values(node: Node) -> bool:
    """Whether the shape of its result is only known by computing it: a boolean selection, or no rule for shapes."""
    primitive = node.primitive
    if primitive is None:
        return False
    if primitive.name == "getitem":
        return any(index.aval.dtype.kind == "b" and not index.is_constant for index in node.args[1:])
    return primitive.aval is None or primitive.name in _SIZED_BY_VALUES


def ordered(outputs: Iterable[Node]) -> list[Node]:
    """Everything the outputs depend on, arguments before their users; iterative, since chains are deep."""
    done: dict[int, Node] = {}
    stack = [(node, False) for node in reversed(list(outputs))]
    while stack:
        node, ready = stack.pop()
        if id(node) in done:
            continue
        if ready:
            done[id(node)] = node
        else:
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args) if id(arg) not in done)
    return list(done.values())
