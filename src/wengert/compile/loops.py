"""Loop nests: what a kernel is made of between the graph and LLVM.

A kernel is a list of statements over buffers. Values are in static single assignment form; a value stands in the
outermost loop in which all it depends on is known, so that nothing is computed twice and nothing needs to be hoisted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

#: The machine's type for a dtype; arrays of any other dtype are left to NumPy.
TYPES = {np.dtype(k): v for k, v in {
    np.float64: "double", np.float32: "float", np.int64: "i64", np.int32: "i32", np.int16: "i16", np.int8: "i8",
    np.bool_: "i1",
}.items()}  # fmt: skip
OUT_OF_RANGE = 1  # the code with which a kernel is left where an index points outside, or an integer overflows
SIZES = {"double": 8, "float": 4, "i64": 8, "i32": 4, "i16": 2, "i8": 1, "i1": 1}  # bytes in memory


class Buffer:
    """A contiguous piece of memory: an argument, a constant, a result or an intermediate array.

    `whole`: the buffer of which it is a part, from element `start` on.
    """

    __slots__ = ("kind", "name", "shape", "size", "start", "type", "value", "whole")

    def __init__(self, name: str, type_: str, shape: Sequence[int], kind: str, value: Any = None) -> None:
        self.name, self.type, self.shape, self.kind, self.value = name, type_, tuple(shape), kind, value
        self.size = math.prod(self.shape)
        self.whole: Buffer = self
        self.start = 0

    def put_into(self, whole: Buffer, start: int) -> None:
        """Be a part of another buffer."""
        self.whole, self.start, self.kind = whole.whole, whole.start + start, "part"

    @property
    def bytes(self) -> int:
        return self.size * SIZES[self.type]

    def __repr__(self) -> str:
        return f"{self.name}: {self.type}{list(self.shape)}"


class Value:
    """A number that is computed once: `op` of `args`. `depth`: how many loops around it."""

    __slots__ = ("args", "depth", "name", "op", "type")

    def __init__(self, op: str, args: tuple[Any, ...], type_: str, depth: int, name: str) -> None:
        self.op, self.args, self.type, self.depth, self.name = op, args, type_, depth, name

    def __repr__(self) -> str:
        return self.name


class Offset(NamedTuple):
    """A place in a buffer: constant + Σ factor · value, in elements."""

    constant: int
    terms: tuple[tuple[Value, int], ...] = ()

    def __str__(self) -> str:
        parts = [f"{v}" if f == 1 else f"{f}·{v}" for v, f in self.terms]
        return " + ".join([*parts, str(self.constant)] if self.constant or not parts else parts)


class Store(NamedTuple):
    """`buffer[offset] = value`, or `op=`, which adds it to (multiplies, …) what is there."""

    buffer: Buffer
    offset: Offset
    value: Value
    op: str = ""


class Accumulate(NamedTuple):
    """A variable that a loop adds to: declared outside it with its first value, read after it."""

    variable: Value
    op: str
    value: Value


class Check(NamedTuple):
    """Leave the program with this code unless the condition holds."""

    condition: Value
    code: int


class Loop:
    """`for var in range(start, extent, step)`. `note`: what a listing says of it."""

    __slots__ = ("body", "extent", "start", "step", "var")

    def __init__(self, var: Value, extent: Any, step: int = 1, start: Any = 0) -> None:
        self.var, self.extent, self.step, self.start = var, extent, step, start
        self.body: list[Any] = []

    @property
    def note(self) -> str:
        return ""


class Kernel(NamedTuple):
    """One native function: the statements, and the buffers that it reads and writes in the order of its parameters."""

    name: str
    body: list[Any]
    buffers: list[Buffer]
    may_leave: bool = False

    def __str__(self) -> str:
        lines = [f"{self.name}({', '.join(b.name for b in self.buffers)}):"]
        _print(self.body, 1, lines)
        return "\n".join(lines)


def _print(body: list[Any], depth: int, lines: list[str]) -> None:
    pad = "    " * depth
    for statement in body:
        if isinstance(statement, Loop):
            step = f", step {statement.step}" if statement.step != 1 else ""
            lines.append(f"{pad}for {statement.var} in range({statement.extent}{step}):{statement.note}")
            _print(statement.body, depth + 1, lines)
        elif isinstance(statement, Store):
            lines.append(f"{pad}{statement.buffer.name}[{statement.offset}] {statement.op}= {statement.value}")
        elif isinstance(statement, Accumulate):
            lines.append(f"{pad}{statement.variable} {statement.op}= {statement.value}")
        elif isinstance(statement, Check):
            lines.append(f"{pad}unless {statement.condition}: leave with {statement.code}")
        elif not isinstance(statement, Value):  # a call of a function of another library
            lines.append(f"{pad}{statement}")
        elif statement.op == "load":
            lines.append(f"{pad}{statement} = {statement.args[0].name}[{statement.args[1]}]")
        else:
            lines.append(f"{pad}{statement} = {statement.op} {', '.join(map(str, statement.args))}")


class _Scope:
    __slots__ = ("body", "known")

    def __init__(self) -> None:
        self.body: list[Any] = []
        self.known: dict[Any, Value] = {}


class Builder:
    """Writes a kernel. Each value is put into the outermost loop that allows it; equal values are shared."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.scopes = [_Scope()]
        self.buffers: dict[int, Buffer] = {}
        self.count = 0
        self.may_leave = False

    @property
    def depth(self) -> int:
        return len(self.scopes) - 1

    def finish(self) -> Kernel:
        """The kernel that was written."""
        return Kernel(self.name, self.scopes[0].body, list(self.buffers.values()), self.may_leave)

    def _new(self, op: str, args: tuple[Any, ...], type_: str, depth: int, prefix: str = "v") -> Value:
        self.count += 1
        return Value(op, args, type_, depth, f"%{prefix}{self.count}")

    def constant(self, value: Any, type_: str) -> Value:
        """A number."""
        key = ("constant", type_, float(value).hex() if type_ in ("double", "float") else int(value))
        found = self.scopes[0].known.get(key)
        if found is None:
            found = self.scopes[0].known[key] = Value("constant", (value,), type_, 0, _literal(value, type_))
        return found

    def let(self, op: str, *args: Any, type: str) -> Value:
        """The value of an operation on values."""
        depth = 0
        for arg in args:
            if isinstance(arg, Value) and arg.depth > depth:
                depth = arg.depth
        scope = self.scopes[depth]
        key = (op, type, *[id(a) if isinstance(a, Value) else a for a in args])
        found = scope.known.get(key)
        if found is None:
            found = scope.known[key] = self._new(op, args, type, depth)
            scope.body.append(found)
        return found

    def load(self, buffer: Buffer, offset: Offset) -> Value:
        """An element of a buffer that this kernel does not write."""
        depth = max((v.depth for v, _ in offset.terms), default=0)
        scope = self.scopes[depth]
        key = ("load", id(buffer), offset.constant, tuple((id(v), f) for v, f in offset.terms))
        found = scope.known.get(key)
        if found is None:
            self.buffers.setdefault(id(buffer), buffer)
            found = scope.known[key] = self._new("load", (buffer, offset), buffer.type, depth)
            scope.body.append(found)
        return found

    def store(self, buffer: Buffer, offset: Offset, value: Value, op: str = "") -> None:
        """Write an element, in the loop where we are."""
        self.buffers.setdefault(id(buffer), buffer)
        self.scopes[-1].body.append(Store(buffer, offset, value, op))

    def check(self, condition: Value, code: int) -> None:
        """Leave with this code unless the condition holds."""
        self.may_leave = True
        self.scopes[-1].body.append(Check(condition, code))

    def variable(self, first: Value) -> Value:
        """A variable that inner loops accumulate to."""
        variable = self._new("variable", (first,), first.type, self.depth, "a")
        self.scopes[-1].body.append(variable)
        return variable

    def accumulate(self, variable: Value, op: str, value: Value) -> None:
        """`variable op= value`, in the loop where we are."""
        self.scopes[-1].body.append(Accumulate(variable, op, value))

    def read(self, variable: Value) -> Value:
        """What a variable holds here."""
        value = self._new("read", (variable,), variable.type, self.depth)
        self.scopes[-1].body.append(value)
        return value

    @contextmanager
    def loop(self, extent: Any, step: int = 1) -> Iterator[Value]:
        """A loop; what is written meanwhile and depends on its variable goes into it."""
        var = self._new("loop", (), "i64", len(self.scopes), "i")
        loop = Loop(var, extent, step)
        self.scopes.append(_Scope())
        yield var
        loop.body = self.scopes.pop().body
        self.scopes[-1].body.append(loop)


def _literal(value: Any, type_: str) -> str:
    """A number in LLVM's notation: floating-point ones by their bits."""
    if type_ in ("double", "float"):
        with np.errstate(over="ignore"):
            number = np.float64(np.float32(value)) if type_ == "float" else np.float64(value)
        return f"0x{number.view(np.uint64):016X}"
    if type_ == "i1":
        return "true" if value else "false"
    return str(int(value))
