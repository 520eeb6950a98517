"""The function that runs the steps of a program: it knows where the buffers are and calls the kernels in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.compile import blas, flow, sweep
from wengert.compile.llvm import MEMORY, STACK, Module
from wengert.compile.loops import OUT_OF_RANGE, SIZES, Buffer
from wengert.compile.parallel import is_divided
from wengert.compile.plan import planned
from wengert.compile.program import Program
from wengert.compile.steps import Call, Checked, Product, Structured, Swept

FIRST_GUARD = 2  # the code with which the program is left at guard 0; 1 is an index out of range


class Driver:
    """Writes the native functions of a program and of those inside it. `slots`: places in the table of pointers."""

    def __init__(self, module: Module, slots: dict[int, int], functions: dict[str, int]) -> None:
        self.module, self.slots, self.functions = module, slots, functions

    def function(self, name: str, steps: Sequence[Any], offsets: dict[int, int], arena_slot: int) -> None:
        """The function of the steps between two callbacks, which takes the table."""
        body = Body(self, offsets, {})
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
        body = Body(self, offsets, given)
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

    def _define(self, head: str, body: Body) -> None:
        text = "\n".join(line if line.endswith(":") else f"  {line}" for line in body.finished())
        self.module.functions.append(f"{head} alignstack({STACK}) {{\nentry:\n{text}\n}}")


class Body:
    """The lines of one function."""

    def __init__(self, driver: Driver, offsets: dict[int, int], known: dict[int, str]) -> None:
        self.driver, self.module, self.offsets, self.known = driver, driver.module, offsets, known
        self.lines: list[str] = []
        self.entry: list[str] = []  # the variables
        self.grown: dict[int, tuple[str, str]] = {}
        self.block = "entry"
        self.arena = ""

    def new(self, text: str) -> str:
        name = f"%d{self.module.unique()}"
        self.lines.append(f"{name} = {text}")
        return name

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self.block = name

    def from_table(self, slot: int, type_: str = "ptr") -> str:
        return self.new(f"load {type_}, ptr {self.new(f'getelementptr inbounds i64, ptr %table, i64 {slot}')}")

    def shifted(self, pointer: str, distance: Any) -> str:
        return self.new(f"getelementptr inbounds i8, ptr {pointer}, i64 {distance}")

    def pointer(self, buffer: Buffer) -> str:
        """Where a buffer begins. Written where it is first used, which is outside of all loops of this function."""
        if buffer.kind == "grown":
            return self.new(f"load ptr, ptr {self.growing(buffer)[0]}")
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
                args = [f"ptr {self.pointer(b)}" for b in step.kernel.buffers]
                if is_divided(step.kernel):
                    args.append(f"ptr {self.from_table(self.driver.functions['run'])}")
                    args.append(f"i64 {self.from_table(self.driver.functions['threads'], 'i64')}")
                code = self.new(f"call i64 @{self.module.names[step.kernel.name]}({', '.join(args)})")
                if step.kernel.may_leave:
                    self.leave(f"icmp eq i64 {code}, 0", code)
            elif isinstance(step, Product):
                left, right, result = (self.pointer(b) for b, _ in (step.left, step.right, step.result))
                function = self.from_table(self.driver.functions[step.type])
                self.lines += blas.emit(self.module, step, left, right, result, function)
            elif isinstance(step, Checked):
                if not isinstance(step.guard.outcome, tuple):
                    self.guard(step)
            elif isinstance(step, Swept):
                sweep.emit(self, step)
            elif isinstance(step, Structured):
                flow.WRITERS[type(step)](self, step)

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
        """So many bytes from one place to another."""
        name = "llvm.memcpy.p0.p0.i64"
        self.module.declared.setdefault(name, f"declare void @{name}(ptr, ptr, i64, i1)")
        self.lines.append(f"call void @{name}(ptr {target}, ptr {source}, i64 {size}, i1 false)")

    # Memory whose size is known at run time ---------------------------------------------------------------------

    def variable(self, type_: str, first: str) -> str:
        """A variable of the function, with its first value."""
        name = f"%x{self.module.unique()}"
        self.entry += [f"{name} = alloca {type_}", f"store {type_} {first}, ptr {name}"]
        return name

    def growing(self, buffer: Buffer) -> tuple[str, str]:
        """The variables that hold where a buffer of unknown length is, and its length. It is freed at the end."""
        found = self.grown.get(id(buffer))
        if found is None:
            found = self.grown[id(buffer)] = self.variable("ptr", "null"), self.variable("i64", "0")
        return found

    def allocate(self, buffer: Buffer, rows: str) -> None:
        """So many rows for a buffer, of which those that it has are kept; without memory the function ends."""
        self.module.declared.setdefault("realloc", "declare ptr @realloc(ptr, i64)")
        self.module.declared.setdefault("free", "declare void @free(ptr)")
        place, _ = self.growing(buffer)
        size = self.new(f"mul i64 {rows}, {max(buffer.bytes, 1)}")
        size = self.new(f"call i64 @llvm.umax.i64(i64 {size}, i64 1)")
        self.module.intrinsic("umax", "i64", 2)
        made = self.new(f"call ptr @realloc(ptr {self.new(f'load ptr, ptr {place}')}, i64 {size})")
        self.leave(f"icmp ne ptr {made}, null", str(OUT_OF_RANGE))
        self.lines.append(f"store ptr {made}, ptr {place}")

    def finished(self) -> list[str]:
        """The lines of the function; whatever it had allocated is freed wherever it ends."""
        lines = list(self.entry)
        for line in [*self.lines, "ret i64 0"]:
            if line.startswith("ret "):
                for place, _ in self.grown.values():
                    name = f"%d{self.module.unique()}"
                    lines += [f"{name} = load ptr, ptr {place}", f"call void @free(ptr {name})"]
            lines.append(line)
        return lines
