"""The function that runs the steps of a program: it knows where the buffers are and calls the kernels in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.compile import blas
from wengert.compile.llvm import MEMORY, Module
from wengert.compile.loops import SIZES, Buffer
from wengert.compile.plan import planned
from wengert.compile.program import Program
from wengert.compile.steps import Call, Checked, Product, Scanned

FIRST_GUARD = 2  # the code with which the program is left at guard 0; 1 is an index out of range


class Driver:
    """Writes the native functions of a program and of those inside it. `slots`: places in the table of pointers."""

    def __init__(self, module: Module, slots: dict[int, int], functions: dict[str, int]) -> None:
        self.module, self.slots, self.functions = module, slots, functions

    def function(self, name: str, steps: Sequence[Any], offsets: dict[int, int], arena_slot: int) -> None:
        """The function of the steps between two callbacks, which takes the table."""
        body = _Body(self, offsets, {})
        body.arena = body.from_table(arena_slot)
        body.steps(steps)
        self._define(f"define i64 @{name}(ptr %table)", body)

    def inner(self, program: Program) -> str:
        """The function of a program inside a loop, which takes the table, its arena, its inputs and its outputs."""
        name = f"{program.prefix}step"
        given: dict[int, str] = {}
        buffers = [program.buffers[id(n)] for n in (*program.normal.inputs, *program.normal.outputs)]
        for i, buffer in enumerate(buffers):
            given[id(buffer)] = f"%b{i}"
        offsets, _ = planned(program.steps)
        body = _Body(self, offsets, given)
        body.arena = "%arena"
        for step in program.steps:
            if isinstance(step, Call):
                self.module.kernel(step.kernel)
        body.steps(program.steps)
        parameters = ", ".join(f"ptr %b{i}" for i in range(len(buffers)))
        self._define(
            f"define internal i64 @{name}(ptr %table, ptr %arena{', ' if parameters else ''}{parameters})", body
        )
        return name

    def _define(self, head: str, body: _Body) -> None:
        text = "\n".join(line if line.endswith(":") else f"  {line}" for line in body.lines)
        self.module.functions.append(f"{head} {{\nentry:\n{text}\n  ret i64 0\n}}")


class _Body:
    def __init__(self, driver: Driver, offsets: dict[int, int], known: dict[int, str]) -> None:
        self.driver, self.module, self.offsets, self.known = driver, driver.module, offsets, known
        self.lines: list[str] = []
        self.block = "entry"
        self.arena = ""

    def new(self, text: str) -> str:
        name = f"%d{self.module.unique()}"
        self.lines.append(f"{name} = {text}")
        return name

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self.block = name

    def from_table(self, slot: int) -> str:
        return self.new(f"load ptr, ptr {self.new(f'getelementptr inbounds i64, ptr %table, i64 {slot}')}")

    def shifted(self, pointer: str, distance: Any) -> str:
        return self.new(f"getelementptr inbounds i8, ptr {pointer}, i64 {distance}")

    def pointer(self, buffer: Buffer) -> str:
        """Where a buffer begins. Written where it is first used, which is outside of all loops of this function."""
        found = self.known.get(id(buffer))
        if found is None:
            found = (
                self.shifted(self.pointer(buffer.whole), buffer.start * SIZES[buffer.type])
                if buffer.kind == "part"
                else self.shifted(self.arena, self.offsets[id(buffer)])
                if buffer.kind == "temp"
                else self.from_table(self.driver.slots[id(buffer)])
            )
            self.known[id(buffer)] = found
        return found

    def steps(self, steps: Sequence[Any]) -> None:
        for step in steps:
            if isinstance(step, Call):
                args = ", ".join(f"ptr {self.pointer(b)}" for b in step.kernel.buffers)
                code = self.new(f"call i64 @{step.kernel.name}({args})")
                if step.kernel.may_leave:
                    self.leave(f"icmp eq i64 {code}, 0", code)
            elif isinstance(step, Product):
                left, right, result = (self.pointer(b) for b, _ in (step.left, step.right, step.result))
                function = self.from_table(self.driver.functions[step.type])
                self.lines += blas.emit(self.module, step, left, right, result, function)
            elif isinstance(step, Checked):
                if not isinstance(step.guard.outcome, tuple):
                    self.guard(step)
            elif isinstance(step, Scanned):
                self.scan(step)

    def leave(self, condition: str, code: str) -> None:
        """Unless the condition holds, the function ends with this code."""
        n = self.module.unique()
        self.lines.append(f"br i1 {self.new(condition)}, label %go{n}, label %leave{n}")
        self.label(f"leave{n}")
        self.lines.append(f"ret i64 {code}")
        self.label(f"go{n}")

    def guard(self, step: Checked) -> None:
        type_ = step.buffer.type
        memory = MEMORY.get(type_, type_)
        value = self.new(f"load {memory}, ptr {self.pointer(step.buffer)}")
        outcome = step.guard.outcome
        if isinstance(outcome, bool):
            test = f"fcmp une {type_} {value}, 0.0" if type_ in ("double", "float") else f"icmp ne {memory} {value}, 0"
            condition = f"icmp eq i1 {self.new(test)}, {'true' if outcome else 'false'}"
        else:
            condition = f"icmp eq {memory} {value}, {int(outcome)}"
        self.leave(condition, str(FIRST_GUARD + step.number))

    def copy(self, target: str, source: str, size: int) -> None:
        name = "llvm.memcpy.p0.p0.i64"
        self.module.declared.setdefault(name, f"declare void @{name}(ptr, ptr, i64, i1)")
        self.lines.append(f"call void @{name}(ptr {target}, ptr {source}, i64 {size}, i1 false)")

    def scan(self, step: Scanned) -> None:
        """A loop over rows.

        Each step reads its carry where the one before has put it: in the array that keeps them, or in one of two places
        in turn; the last puts it into the result.
        """
        name = self.driver.inner(step.body)
        n, carry, consts = step.length, step.carry, step.consts
        given = [self.pointer(b) for b in step.given]
        last = [self.pointer(b) for b in step.results[:carry]]
        count = len(step.body.normal.outputs)
        rows = [self.pointer(b) for b in step.results[carry:count]]
        kept = [self.pointer(step.results[count + k]) if pair is None else None for k, pair in enumerate(step.states)]
        pairs = [None if pair is None else tuple(map(self.pointer, pair)) for pair in step.states]
        arena = self.pointer(step.workspace)
        sizes = [b.size * SIZES[b.type] for b in step.results[:carry]]
        if n == 0:
            for target, source, size in zip(last, given[consts:], sizes, strict=False):
                self.copy(target, source, size)
            return
        first = n - 1 if step.reverse else 0
        for k, size in enumerate(sizes):
            stack, pair = kept[k], pairs[k]
            self.copy(self.shifted(stack, first * size) if stack else pair[0], given[consts + k], size)  # type: ignore[index]
        unique = self.module.unique()
        label, before = f"rows{unique}", self.block
        self.lines.append(f"br label %{label}")
        self.label(label)
        t = f"%t.{unique}"
        self.lines.append(f"{t} = phi i64 [ 0, %{before} ], [ {t}.next, %{label}.end ]")
        swaps = []
        for k, pair in enumerate(pairs):
            if pair is not None:
                here, there = f"%h.{unique}.{k}", f"%g.{unique}.{k}"
                self.lines.append(f"{here} = phi ptr [ {pair[0]}, %{before} ], [ {there}, %{label}.end ]")
                self.lines.append(f"{there} = phi ptr [ {pair[1]}, %{before} ], [ {here}, %{label}.end ]")
                swaps.append((here, there))
            else:
                swaps.append(("", ""))
        self.lines.append(f"{t}.next = add nuw nsw i64 {t}, 1")
        row = self.new(f"sub nsw i64 {n - 1}, {t}") if step.reverse else t
        following = self.new(f"{'sub' if step.reverse else 'add'} nsw i64 {row}, 1")
        end = self.new(f"icmp eq i64 {t}.next, {n}")

        def at(pointer: str, index: str, size: int) -> str:
            return self.shifted(pointer, self.new(f"mul nsw i64 {index}, {size}"))

        args = given[:consts]
        targets = []
        for k, size in enumerate(sizes):
            stack = kept[k]
            args.append(swaps[k][0] if stack is None else at(stack, row, size))
            other = swaps[k][1] if stack is None else at(stack, following, size)
            targets.append(self.new(f"select i1 {end}, ptr {last[k]}, ptr {other}"))
        for pointer, buffer in zip(given[consts + carry :], step.given[consts + carry :], strict=True):
            args.append(at(pointer, row, buffer.bytes // n))
        for pointer, buffer in zip(rows, step.results[carry:count], strict=True):
            targets.append(at(pointer, row, buffer.bytes // n))
        code = self.new(f"call i64 @{name}({', '.join(f'ptr {a}' for a in ('%table', arena, *args, *targets))})")
        self.leave(f"icmp eq i64 {code}, 0", code)
        self.lines.append(f"br label %{label}.end")
        self.label(f"{label}.end")
        self.lines.append(f"br i1 {end}, label %{label}.after, label %{label}")
        self.label(f"{label}.after")
