"""Long loops in parts, which several threads may run.

The outermost loop of a kernel is divided where its rounds are independent: they write to places that are theirs alone,
and otherwise only add to (multiply, …) variables. Each part has variables of its own, which begin at what changes
nothing; what they hold in the end is combined in the order of the parts.

How a loop is divided depends on its length and on the work in it, never on the number of threads, and the same code
runs however many there are: so results are the same to the last bit for every number of threads.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from wengert.compile.evaluate import first
from wengert.compile.loops import Accumulate, Buffer, Kernel, Loop, Offset, Store, Value
from wengert.compile.steps import Call
from wengert.compile.work import work_of

if TYPE_CHECKING:
    from wengert.compile.llvm import Function

#: Operations (`work.py`) of a loop that is worth a second thread (some 100 µs; help costs 20), and of a part.
WORTH = 5_000_000
PART = 200_000
PARTS = 64  # at most
LINE = 64  # rounds; parts begin at multiples of it, so that vectors are full and no two parts write to one cache line
_COMBINED = {"add", "multiply", "max", "min", "or", "and"}


class Divided(Loop):
    """A loop in `parts` of `size` rounds' variable each. `before`: values that its parts compute again."""

    __slots__ = ("before", "parts", "size", "sums")

    def __init__(self, loop: Loop, parts: int, size: int, before: list[Value], sums: list[Accumulate]) -> None:
        super().__init__(loop.var, loop.extent, loop.step)
        self.body = loop.body
        self.parts, self.size, self.before, self.sums = parts, size, before, sums

    @property
    def note(self) -> str:
        return f"   ({self.parts} parts)"


def divide(steps: Sequence[Any]) -> list[Any]:
    """The steps, with long loops in parts."""
    return [Call(divided(s.kernel)) if isinstance(s, Call) else s for s in steps]


def divided(kernel: Kernel) -> Kernel:
    """The kernel, with those of its outermost loops in parts that are long and may be divided."""
    if not any(isinstance(s, Loop) and work_of([s], 1) >= WORTH for s in kernel.body):
        return kernel
    return kernel._replace(body=[_divided(s, kernel) or s if isinstance(s, Loop) else s for s in kernel.body])


def is_divided(kernel: Kernel) -> bool:
    """Whether it has loops in parts, and so takes the pool and the number of threads as further arguments."""
    return any(isinstance(s, Divided) for s in kernel.body)


def _divided(loop: Loop, kernel: Kernel) -> Divided | None:
    work = work_of([loop], 1)
    if work < WORTH or not isinstance(loop.extent, int):
        return None
    rounds = -(-loop.extent // loop.step)
    each = -(-rounds // min(PARTS, work // PART))
    if loop.step == 1 and each >= LINE:
        each = -(-each // LINE) * LINE
    parts = -(-rounds // each)
    if parts < 2:
        return None
    found = _dependences(loop, kernel)
    return Divided(loop, parts, each * loop.step, *found) if found is not None else None


# Independence ------------------------------------------------------------------------------------------------------


def _inside(body: Iterable[Any]) -> Iterator[Any]:
    """All statements, those of inner loops too."""
    for statement in body:
        yield statement
        if isinstance(statement, Loop):
            yield from _inside(statement.body)


def _dependences(loop: Loop, kernel: Kernel) -> tuple[list[Value], list[Accumulate]] | None:
    """What a part needs from before the loop, and what it adds to; None where the rounds are not independent."""
    inside = list(_inside(loop.body))
    if not all(isinstance(s, (Loop, Value, Store, Accumulate)) for s in inside):
        return None  # a check leaves the kernel at once; what another library does to memory is not known
    own = {id(s) for s in inside if isinstance(s, Value)} | {id(s.var) for s in inside if isinstance(s, Loop)}
    own.add(id(loop.var))
    sums: dict[int, Accumulate] = {}
    needed: dict[int, Value] = {}
    waiting: list[Any] = []
    for s in inside:
        if isinstance(s, Accumulate):
            waiting.append(s.value)
            if id(s.variable) not in own and sums.setdefault(id(s.variable), s).op != s.op:
                return None
        elif isinstance(s, Store):
            waiting += [s.value, *(v for v, _ in s.offset.terms)]
        else:
            waiting += [s.extent] if isinstance(s, Loop) else s.args
    if not all(map(_is_neutral, sums.values())):
        return None
    while waiting:
        value = waiting.pop()
        if isinstance(value, Offset):
            waiting += [v for v, _ in value.terms]
        elif isinstance(value, Value) and id(value) not in own | needed.keys() and value.op != "constant":
            if value.op in ("variable", "read"):  # what the loop adds to is not looked at meanwhile
                return None
            needed[id(value)] = value
            waiting += value.args
    written = {id(s.buffer.whole) for s in _inside(kernel.body) if isinstance(s, Store)}
    loads = [v for v in (*inside, *needed.values()) if isinstance(v, Value) and v.op == "load"]
    if any(id(v.args[0].whole) in written for v in loads) or not _are_apart(loop, inside):
        return None
    return [s for s in kernel.body if isinstance(s, Value) and id(s) in needed], list(sums.values())


def _is_neutral(accumulate: Accumulate) -> bool:
    """Whether the variable begins at what may be added any number of times."""
    begin, op, type_ = accumulate.variable.args[0], accumulate.op, accumulate.variable.type
    return op in _COMBINED and begin.op == "constant" and begin.args[0] == first(op, type_)


class _Place(NamedTuple):
    """Where a store writes: constant + along·(a round's variable) + others, each so many steps of some length."""

    constant: int
    along: int
    others: list[tuple[int, int]]


def _are_apart(loop: Loop, inside: Sequence[Any]) -> bool:
    """Whether no two rounds write to the same place.

    Lengths of steps are like the places of a number: what is smaller than the step s of the loop has to stay below s
    (span < s), and what is greater has to be a multiple of more than all rounds together (s·(rounds − 1) + span).
    """
    rounds = -(-loop.extent // loop.step)
    counts = {id(s.var): (_most(s.extent), s.step) for s in inside if isinstance(s, Loop)}
    stores: dict[int, list[_Place]] = {}
    if _overlap({id(s.buffer): s.buffer for s in inside if isinstance(s, Store)}.values()):
        return False
    for store in inside:
        if isinstance(store, Store):
            place = _place(store.offset, loop.var, counts)
            if place is None:
                return False
            stores.setdefault(id(store.buffer), []).append(place)
    for places in stores.values():
        step = abs(places[0].along) * loop.step
        if step == 0 or any(place.along != places[0].along for place in places):
            return False
        least = min(place.constant for place in places)
        lengths = [abs(length) for place in places for length, _ in place.others]
        large = math.gcd(*(n for n in (*lengths, *(p.constant - least for p in places)) if n >= step * rounds))
        lows, highs = [], []
        for place in places:
            offset = (place.constant - least) % large if large else place.constant - least
            moves = [n * count for n, count in place.others if abs(n) < step * rounds]
            lows.append(offset + sum(min(m, 0) for m in moves))
            highs.append(offset + sum(max(m, 0) for m in moves))
        span = max(highs) - min(lows)
        if span >= step or (large and step * (rounds - 1) + span >= large):
            return False
    return True


def _overlap(buffers: Iterable[Buffer]) -> bool:
    """Whether an element may belong to two of them, which are then parts of one buffer."""
    pieces = sorted((id(b.whole), b.start, b.start + b.size) for b in buffers)
    return any(one[0] == other[0] and other[1] < one[2] for one, other in itertools.pairwise(pieces))


def _most(extent: Any) -> int | None:
    """The most rounds that a loop can have; None where that is not known."""
    if isinstance(extent, Value) and extent.op == "intrinsic umin" and extent.args[1].op == "constant":
        return int(extent.args[1].args[0])
    return extent if isinstance(extent, int) else None


def _place(offset: Offset, var: Value, counts: dict[int, tuple[int | None, int]]) -> _Place | None:
    """An offset as multiples of loops' variables; None where it is something else, an index from memory say."""
    constant, along, others = offset.constant, 0, []
    waiting = list(offset.terms)
    while waiting:
        value, factor = waiting.pop()
        if value is var:
            along += factor
        elif value.op == "constant":
            constant += factor * int(value.args[0])
        elif value.op == "add":
            outer = value.args[0]
            extent, step = counts.get(id(outer), (None, 1))
            if step > 1 and extent is not None and counts.get(id(value.args[1])) == (step, 1):  # a loop in blocks
                others.append((factor, extent - 1))
            else:
                waiting += [(v, factor) for v in value.args]
        else:
            extent, step = counts.get(id(value), (None, 1))
            if extent is None:
                return None
            others.append((factor * step, max(-(-extent // step) - 1, 0)))
    return _Place(constant, along, others)


# LLVM's language -----------------------------------------------------------------------------------------------------


def emit(function: Function, loop: Divided) -> None:
    """Two functions for the loop's parts, and in the kernel the call of the pool, and what it adds up."""
    pointers, rows = list(function.pointers.values()), len(loop.sums)
    function.count += 1
    name = f"{function.kernel.name}.part{function.count}"
    _rounds(function, loop, name)
    _enter(function, loop, name)
    table, sums = f"%{name}.given", f"%{name}.sums"
    function.entry.append(f"{table} = alloca [{len(pointers) + 1} x ptr]")
    function.entry.append(f"{sums} = alloca [{loop.parts * rows} x i64]")
    for k, pointer in enumerate([*pointers, sums]):
        at = function.emit(f"getelementptr ptr, ptr {table}, i64 {k}")
        function.lines.append(f"store ptr {pointer}, ptr {at}")
    work = work_of([loop], 1)
    function.lines.append(f"call void %run(ptr @{name}.enter, ptr {table}, i64 {loop.parts}, i64 %threads, i64 {work})")
    if rows:
        _add_up(function, loop, name, sums)


def _add_up(function: Function, loop: Divided, name: str, sums: str) -> None:
    """What the parts' variables hold, in the order of the parts, into the kernel's own."""
    label, part = f"{name}.add", f"%{name}.number"
    function.lines += [f"br label %{label}.before", f"{label}.before:", f"br label %{label}", f"{label}:"]
    function.lines.append(f"{part} = phi i64 [ 0, %{label}.before ], [ {part}.next, %{label} ]")
    row = function.emit(f"getelementptr [{len(loop.sums)} x i64], ptr {sums}, i64 {part}")
    for k, accumulate in enumerate(loop.sums):
        variable, type_ = accumulate.variable, accumulate.variable.type
        total = function.emit(f"load {type_}, ptr {variable}")
        at = function.emit(f"getelementptr i64, ptr {row}, i64 {k}")
        total = function.combine(accumulate.op, type_, total, function.emit(f"load {type_}, ptr {at}"))
        function.lines.append(f"store {type_} {total}, ptr {variable}")
    function.lines.append(f"{part}.next = add i64 {part}, 1")
    more = function.emit(f"icmp slt i64 {part}.next, {loop.parts}")
    function.lines += [f"br i1 {more}, label %{label}, label %{label}.after", f"{label}.after:"]


def _enter(function: Function, loop: Divided, name: str) -> None:
    """What the pool calls, with a table of pointers and the number of a part."""
    part = type(function)(function.module, function.kernel)
    pointers = [*part.pointers.values(), "%sums"]
    for k, pointer in enumerate(pointers):
        at = part.emit(f"getelementptr ptr, ptr %given, i64 {k}")
        part.lines.append(f"{pointer} = load ptr, ptr {at}")
    row = part.emit(f"getelementptr [{len(loop.sums)} x i64], ptr %sums, i64 %part")
    given = ", ".join([*(f"ptr {p}" for p in pointers[:-1]), "i64 %part", f"ptr {row}"])
    part.lines += [f"call void @{name}({given})", "ret void"]
    part.module.functions.append(part.definition(f"void @{name}.enter(ptr %given, i64 %part)"))


def _rounds(function: Function, loop: Divided, name: str) -> None:
    """The rounds of %part, and into %row what the variables then hold."""
    part = type(function)(function.module, function.kernel)
    least = part.module.intrinsic("umin", "i64", 2)
    # So that LLVM knows that begin is small, without which it knows too little of addresses to do vectors.
    part.lines += [f"%number = and i64 %part, {2 ** (loop.parts - 1).bit_length() - 1}"]
    part.lines += [f"%begin = mul nuw nsw i64 %number, {loop.size}", f"%next = add nuw nsw i64 %begin, {loop.size}"]
    part.lines.append(f"%end = call i64 @{least}(i64 %next, i64 {loop.extent})")
    rounds = Loop(loop.var, "%end", loop.step, "%begin")
    rounds.body = loop.body
    part.body([*loop.before, *(accumulate.variable for accumulate in loop.sums), rounds])
    for k, accumulate in enumerate(loop.sums):
        value = part.emit(f"load {accumulate.variable.type}, ptr {accumulate.variable}")
        at = part.emit(f"getelementptr i64, ptr %row, i64 {k}")
        part.lines.append(f"store {accumulate.variable.type} {value}, ptr {at}")
    parameters = [f"ptr noalias nocapture {p}" for p in part.pointers.values()]
    part.lines.append("ret void")
    head = f"void @{name}({', '.join([*parameters, 'i64 %part', 'ptr noalias nocapture %row'])})"
    function.module.functions.append(part.definition(head))
