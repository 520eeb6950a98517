"""Loops and branches in a native function: control flow around calls of the functions of inner programs.

Each of those takes the table of pointers, an arena, its inputs and its outputs. Carries are not copied: a step reads
each where the step before has put it, and puts it into the array that keeps them, or into one of two places in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from wengert.compile import interruption
from wengert.compile.loops import SIZES, Buffer
from wengert.compile.steps import Chosen, Enclosed, Given, Repeated, Scanned

if TYPE_CHECKING:
    from wengert.compile.driver import Body

FIRST_ROWS = 64  # for which a loop of unknown length allocates; then it is twice as many each time


def starts(body: Body, given: Sequence[Given]) -> list[str]:
    """Where the arguments begin."""
    return [
        body.shifted(body.pointer(buffer), offset * SIZES[buffer.type]) if offset else body.pointer(buffer)
        for buffer, offset in given
    ]


def call(body: Body, name: str, arena: str, pointers: Sequence[str]) -> None:
    """Call the function of a program; where it ends with another code than 0, so does this one."""
    arguments = ", ".join(f"ptr {p}" for p in ("%table", arena, *pointers))
    code = body.new(f"call i64 @{name}({arguments})")
    body.leave(f"icmp eq i64 {code}, 0", code)


def jump(body: Body, label: str) -> None:
    """Begin a block that follows this one."""
    body.lines.append(f"br label %{label}")
    body.label(label)


def at(body: Body, pointer: str, index: str, size: int) -> str:
    """Where a row of so many bytes is."""
    return body.shifted(pointer, body.new(f"mul nsw i64 {index}, {size}"))


def _scan(body: Body, step: Scanned) -> None:
    """A loop over rows; the last one puts the carry into the result."""
    name = body.driver.inner(step.body)
    carry, consts = step.carry, step.consts
    unique = body.module.unique()
    label = f"rows{unique}"
    n = str(step.length)
    if step.length is None:
        source = step.given[consts + carry][0]
        n = body.new(f"load i64, ptr {body.growing(source)[1]}")
        for buffer in step.results:
            if buffer is not None and buffer.kind == "grown":
                body.allocate(buffer, n)
                body.lines.append(f"store i64 {n}, ptr {body.growing(buffer)[1]}")
    given = starts(body, step.given)
    results = [None if b is None else body.pointer(b) for b in step.results]
    count = len(step.body.normal.outputs)
    last, rows = results[:carry], results[carry:count]
    kept = [results[count + k] if pair is None else None for k, pair in enumerate(step.states)]
    pairs = [None if pair is None else tuple(map(body.pointer, pair)) for pair in step.states]
    arena = body.pointer(step.workspace)
    sizes = [b.size * SIZES[b.type] for b in step.body.outputs]
    if step.length in (None, 0):  # without rows, the carry is the first one
        for target, start, size in zip(last, given[consts:], sizes, strict=False):
            body.copy(str(target), start, size)
    if step.length == 0:
        return
    if step.length is None:
        some = body.new(f"icmp ne i64 {n}, 0")
        body.lines.append(f"br i1 {some}, label %{label}.some, label %{label}.after")
        body.label(f"{label}.some")
    final = body.new(f"sub nsw i64 {n}, 1")
    for k, size in enumerate(sizes[:carry]):
        stack, pair = kept[k], pairs[k]
        first = at(body, stack, final, size) if stack and step.reverse else stack if stack else str(pair and pair[0])
        body.copy(first, given[consts + k], size)
    before = body.block
    jump(body, label)
    t = f"%t.{unique}"
    body.lines.append(f"{t} = phi i64 [ 0, %{before} ], [ {t}.next, %{label}.end ]")
    swaps = [("", "")] * carry
    for k, pair in enumerate(pairs):
        if pair is not None:
            here, there = swaps[k] = f"%h.{unique}.{k}", f"%g.{unique}.{k}"
            body.lines.append(f"{here} = phi ptr [ {pair[0]}, %{before} ], [ {there}, %{label}.end ]")
            body.lines.append(f"{there} = phi ptr [ {pair[1]}, %{before} ], [ {here}, %{label}.end ]")
    body.lines.append(f"{t}.next = add nuw nsw i64 {t}, 1")
    row = body.new(f"sub nsw i64 {final}, {t}") if step.reverse else t
    following = body.new(f"{'sub' if step.reverse else 'add'} nsw i64 {row}, 1")
    end = body.new(f"icmp eq i64 {t}.next, {n}")
    args, targets = given[:consts], []
    for k, size in enumerate(sizes[:carry]):
        stack = kept[k]
        args.append(swaps[k][0] if stack is None else at(body, stack, row, size))
        other = swaps[k][1] if stack is None else at(body, stack, following, size)
        targets.append(body.new(f"select i1 {end}, ptr {last[k]}, ptr {other}"))
    inputs = step.body.inputs[consts + carry :]
    for pointer, buffer in zip(given[consts + carry :], inputs, strict=True):
        args.append(at(body, pointer, row, buffer.bytes))
    for place, size in zip(rows, sizes[carry:], strict=True):
        targets.append(at(body, str(place), row, size))
    call(body, name, arena, [*args, *targets])
    body.lines.append(f"br label %{label}.end")
    body.label(f"{label}.end")
    body.lines.append(f"br i1 {end}, label %{label}.after, label %{label}")
    body.label(f"{label}.after")


def _while(body: Body, step: Repeated) -> None:
    """A loop that ends when the condition says so; the last carry is copied from where it then is."""
    condition, turn = body.driver.inner(step.condition), body.driver.inner(step.body)
    unique = body.module.unique()
    label, t = f"turns{unique}", f"%t.{unique}"
    sizes = [b.bytes for b in step.body.outputs]
    carry = len(sizes)
    stacks = [b for b in step.results[carry:] if b is not None]
    room = _rows(body, stacks) if stacks else ""
    given = starts(body, step.given)
    last = [body.pointer(b) for b in step.results[:carry]]
    pairs = [tuple(map(body.pointer, pair)) for pair in step.states if pair is not None]
    flag, arena = body.pointer(step.flag), body.pointer(step.workspace)
    asked, fixed = given[: step.conditions], given[step.conditions : step.conditions + step.consts]
    start = given[step.conditions + step.consts :]
    for stack, first, size in zip(stacks, start, sizes, strict=False):
        body.copy(body.pointer(stack), first, size)
    before = body.block
    jump(body, label)
    body.lines.append(f"{t} = phi i64 [ 0, %{before} ], [ {t}.next, %{label}.end ]")
    names = [(f"%h.{unique}.{k}", f"%g.{unique}.{k}") for k in range(len(pairs))]
    for (here, there), first in zip(names, start, strict=False):
        body.lines.append(f"{here} = phi ptr [ {first}, %{before} ], [ {there}, %{label}.end ]")
    body.lines.append(f"{t}.next = add nuw nsw i64 {t}, 1")
    state = [here for here, _ in names]
    if stacks:
        state = [at(body, body.pointer(stack), t, size) for stack, size in zip(stacks, sizes, strict=True)]
    call(body, condition, arena, [*asked, *state, flag])
    more = body.new(f"icmp ne i8 {body.new(f'load i8, ptr {flag}')}, 0")
    body.lines.append(f"br i1 {more}, label %{label}.go, label %{label}.after")
    body.label(f"{label}.go")
    interruption.emit(body, step.body, f"{t}.next")
    if stacks:
        _more_rows(body, stacks, room, f"{t}.next", label)
        moved = [body.pointer(stack) for stack in stacks]
        rows = [at(body, p, r, size) for r in (t, f"{t}.next") for p, size in zip(moved, sizes, strict=True)]
        call(body, turn, arena, [*fixed, *rows])
    else:
        odd = body.new(f"trunc i64 {t} to i1")
        for (_, there), (one, other) in zip(names, pairs, strict=True):
            body.lines.append(f"{there} = select i1 {odd}, ptr {one}, ptr {other}")
        call(body, turn, arena, [*fixed, *state, *(there for _, there in names)])
    body.lines.append(f"br label %{label}.end")
    body.label(f"{label}.end")
    body.lines.append(f"br label %{label}")
    body.label(f"{label}.after")
    for target, source, size in zip(last, state, sizes, strict=True):
        body.copy(target, source, size)
    for stack in stacks:
        body.lines.append(f"store i64 {t}, ptr {body.growing(stack)[1]}")


def _rows(body: Body, stacks: Sequence[Buffer]) -> str:
    """The first rows of arrays that keep the carries; the variable that holds how many there is room for."""
    room = body.variable("i64", "0")
    body.lines.append(f"store i64 {FIRST_ROWS}, ptr {room}")
    for stack in stacks:
        body.allocate(stack, str(FIRST_ROWS))
    return room


def _more_rows(body: Body, stacks: Sequence[Buffer], room: str, row: str, label: str) -> None:
    """Room for this row, too."""
    rows = body.new(f"load i64, ptr {room}")
    full = body.new(f"icmp eq i64 {row}, {rows}")
    body.lines.append(f"br i1 {full}, label %{label}.full, label %{label}.room")
    body.label(f"{label}.full")
    twice = body.new(f"shl i64 {rows}, 1")
    for stack in stacks:
        body.allocate(stack, twice)
    body.lines.append(f"store i64 {twice}, ptr {room}")
    jump(body, f"{label}.room")


def _choice(body: Body, step: Chosen) -> None:
    """One of the programs; a number beyond the ends means the last one there."""
    names = [body.driver.inner(branch) for branch in step.branches]
    (index, *given), type_ = starts(body, step.given), step.given[0][0].type
    results = [body.pointer(b) for b in step.results]
    arena = body.pointer(step.workspace)
    memory = "i8" if type_ == "i1" else type_
    number = body.new(f"load {memory}, ptr {index}")
    if type_ == "i1":
        number = body.new(f"zext i1 {body.new(f'icmp ne i8 {number}, 0')} to i64")
    elif type_ != "i64":
        number = body.new(f"sext {memory} {number} to i64")
    for name, bound in (("smax", 0), ("smin", len(names) - 1)):
        number = body.new(f"call i64 @{body.module.intrinsic(name, 'i64', 2)}(i64 {number}, i64 {bound})")
    label = f"branch{body.module.unique()}"
    cases = " ".join(f"i64 {k}, label %{label}.{k}" for k in range(len(names)))
    body.lines.append(f"switch i64 {number}, label %{label}.0 [ {cases} ]")
    for k, name in enumerate(names):
        body.label(f"{label}.{k}")
        call(body, name, arena, [*given, *results])
        body.lines.append(f"br label %{label}.after")
    body.label(f"{label}.after")


def _enclosed(body: Body, step: Enclosed) -> None:
    name = body.driver.inner(step.body)
    pointers = [*starts(body, step.given), *map(body.pointer, step.results)]
    call(body, name, body.pointer(step.workspace), pointers)


#: How to write the steps that are made of other programs.
WRITERS: dict[type, Callable[[Body, Any], None]] = {
    Scanned: _scan, Repeated: _while, Chosen: _choice, Enclosed: _enclosed,
}  # fmt: skip
