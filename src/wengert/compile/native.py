"""The native backend: a program as machine code, and how it is called."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from wengert.compile import blas, interruption, machine, pool
from wengert.compile.access import Layout, is_view
from wengert.compile.backend import Callback as Called
from wengert.compile.backend import Options, Outcome, Refused
from wengert.compile.driver import FIRST_GUARD, Driver
from wengert.compile.entry import Entry, entry_of
from wengert.compile.llvm import Module
from wengert.compile.loops import SIZES, TYPES, Buffer
from wengert.compile.parallel import divide, is_divided
from wengert.compile.plan import planned
from wengert.compile.program import Program
from wengert.compile.steps import Call, Callback, Checked, Product, Repeated, Structured, steps_text
from wengert.compile.threads import threads_for
from wengert.compile.turns import equipped
from wengert.graph.graph import Graph
from wengert.graph.node import Node

_DTYPES = {v: k for k, v in TYPES.items()}
_PYTHON = {"b": bool, "i": int, "f": float, "c": complex}
_LARGEST = 2**63 - 1  # of what a native integer holds
_NATIVE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)


class _Memory:
    """What one running call needs: the table of pointers, the arena, room for numbers."""

    def __init__(self, executable: Native) -> None:
        self.table = np.zeros(executable.slots, np.uint64)
        self.arena = np.empty(executable.arena + 64, np.uint8)
        self.numbers = np.zeros(len(executable.program.normal.inputs), np.float64)
        start = self.arena.ctypes.data
        self.shift = -start % 64
        self.table[executable.arena_slot] = start + self.shift
        for slot, address in executable.fixed:
            self.table[slot] = address
        self.address = self.table.ctypes.data


class Native:
    """A graph as native code. It may run in several threads at once: each call has memory of its own."""

    def __init__(self, graph: Graph, options: Options) -> None:
        self.program = Program(graph)
        self.program.steps = [
            equipped(step, compile_graph, options) if isinstance(step, Callback) else step
            for step in self.program.steps
        ]
        if pool.is_possible():
            self.program.steps = divide(self.program.steps)
        self.kinds = options.kinds or ("",) * len(graph.outputs)
        self.offsets, self.arena = planned(self.program.steps)
        self.callbacks = [
            Called(s.node.operation, str(s.node.location or ""), s.reason)
            for s in self.program.steps
            if isinstance(s, Callback)
        ]
        self._number_slots(options)
        self._assemble(options)
        self.pool: list[_Memory] = []
        self.donated = options.donate
        self.spare: dict[Any, list[Any]] = {}
        normal = self.program.normal
        self.takes = [(self.slot_of.get(id(n)), n.aval.dtype, n.aval.shape, n) for n in normal.inputs]
        self.gives = [(self.slot_of.get(id(n)), n.aval.dtype, n.aval.shape, n) for n in normal.outputs]

    # Building -----------------------------------------------------------------------------------------------------

    def _number_slots(self, options: Options) -> None:
        program = self.program
        self.slot_of: dict[int, int] = {}  # by node
        self.slots_of_buffers: dict[int, int] = {}
        self.fixed: list[tuple[int, int]] = []
        self.constants: list[Any] = []
        for node in (*program.normal.inputs, *program.normal.outputs):
            buffer = program.buffers[id(node)]
            if isinstance(buffer, Buffer):
                slot = self.slots_of_buffers.setdefault(id(buffer), len(self.slots_of_buffers))
                self.slot_of[id(node)] = slot
        programs = list(programs_in(program))
        for buffer in (b for p in programs for b in p.arrays):
            if buffer.kind == "constant":
                slot = self.slots_of_buffers[id(buffer)] = len(self.slots_of_buffers)
                assert buffer.value is not None
                value = np.ascontiguousarray(buffer.value)
                self.constants.append(value)
                self.fixed.append((slot, value.ctypes.data))
        count = len(self.slots_of_buffers)
        self.arena_slot = count
        self.functions: dict[str, int] = {}
        for step in (s for p in programs for s in p.steps):
            if isinstance(step, Product) and step.type not in self.functions:
                count += 1
                self.functions[step.type] = count
                self.fixed.append((count, blas.pointer(step.type)))
        kernels = [step.kernel for p in programs for step in p.steps if isinstance(step, Call)]
        for buffer in (b for k in kernels for b in k.buffers):
            if buffer.kind == "foreign" and id(buffer) not in self.slots_of_buffers:
                count += 1
                self.slots_of_buffers[id(buffer)] = count
                self.fixed.append((count, buffer.value))
        if any(map(is_divided, kernels)):
            threads = threads_for(options.threads)
            for name, number in (("run", pool.run()), ("threads", threads)):
                count += 1
                self.functions[name] = count
                self.fixed.append((count, number))
        if any(isinstance(step, Repeated) for p in programs for step in p.steps):
            for name, number in zip(interruption.SLOTS, interruption.words(), strict=True):
                count += 1
                self.functions[name] = count
                self.fixed.append((count, number))
        self.slots = count + 1

    def _assemble(self, options: Options) -> None:
        module = Module(machine.features(), machine.vector_math(), options.fast_math)
        for step in self.program.steps:
            if isinstance(step, Call):
                module.kernel(step.kernel)
        driver = Driver(module, self.slots_of_buffers, self.functions)
        self.sequence: list[Any] = []  # native functions and callbacks
        pending: list[Any] = []
        names: list[str] = []
        for step in [*self.program.steps, None]:
            if step is None or isinstance(step, Callback):
                if pending:
                    names.append(f"main{len(names)}")
                    driver.function(names[-1], pending, self.offsets, self.arena_slot)
                    self.sequence.append(names[-1])
                    pending = []
                if step is not None:
                    self.sequence.append(step)
            else:
                pending.append(step)
        self.source = str(module)
        self.library = machine.Library(self.source) if names else None
        for i, item in enumerate(self.sequence):
            if isinstance(item, str):
                assert self.library is not None
                self.sequence[i] = _NATIVE(self.library.address(item))

    # Running ------------------------------------------------------------------------------------------------------

    def run(self, leaves: Sequence[Any]) -> Outcome:
        """See `backend.Executable`."""
        try:
            memory = self.pool.pop()
        except IndexError:
            memory = _Memory(self)
        table = memory.table
        held = []  # what must live until the end
        for leaf, (slot, dtype, shape, _) in zip(leaves, self.takes, strict=True):
            if slot is None:
                held.append(leaf)
                continue
            if type(leaf) is not np.ndarray or not (
                leaf.flags.carray or (leaf.flags.c_contiguous and leaf.flags.aligned)
            ):
                try:
                    leaf = np.require(np.asarray(leaf, dtype), requirements=["C", "A"]).reshape(shape)
                except OverflowError as error:
                    raise Refused("a Python number is too large for 64 bits") from error
            held.append(leaf)
            table[slot] = leaf.__array_interface__["data"][0]
        outputs = []
        for slot, dtype, shape, _ in self.gives:
            out = self._room(shape, dtype, held) if self.donated else np.empty(shape, dtype)
            outputs.append(out)
            if slot is not None:
                table[slot] = out.__array_interface__["data"][0]
        objects: dict[int, Any] = {}
        for step in self.sequence:
            if isinstance(step, Callback):
                missed = self._call_back(step, memory, held, outputs, objects)
                if missed is not None:
                    self.pool.append(memory)
                    return missed
                continue
            code = step(memory.address)
            if code:
                outcome = self._outcome(code, memory, held, outputs)
                self.pool.append(memory)
                return outcome
        self.pool.append(memory)
        for i in self.donated:
            self._keep(leaves[i])
        results = []
        for out, (slot, _, _, node), kind in zip(outputs, self.gives, self.kinds, strict=True):
            if slot is None:
                results.append(objects[id(node)])
            elif kind == "number":
                value = out.item()
                if not math.isfinite(value):
                    raise Refused("a Python number left its range")
                results.append(value)
            else:
                results.append(out if kind == "array" else out[()])
        return Outcome(-1, None, results)

    def _room(self, shape: tuple[int, ...], dtype: Any, held: Sequence[Any]) -> Any:
        """Memory for a result: that of an array which was given to an earlier call, or new one."""
        spare = self.spare.get((shape, dtype), [])
        try:
            while True:
                array = spare.pop()
                if not any(isinstance(h, np.ndarray) and np.may_share_memory(array, h) for h in held):
                    return array
        except IndexError:
            return np.empty(shape, dtype)

    def _keep(self, leaf: Any) -> None:
        """A donated array is the memory of a result of the next call, if it is nobody's view and fits one."""
        if type(leaf) is np.ndarray and leaf.base is None and leaf.flags.carray:
            spare = self.spare.setdefault((leaf.shape, leaf.dtype), [])
            wanted = sum(shape == leaf.shape and dtype == leaf.dtype for _, dtype, shape, _ in self.gives)
            if len(spare) < wanted and all(array is not leaf for array in spare):
                spare.append(leaf)

    def entry(
        self, leaves: Sequence[Any], outputs: Sequence[Any], result: Any, finish: Callable[[Any], Any]
    ) -> Entry | None:
        """The fast way in for leaves like these, see `entry.py`; None where there is none."""
        return (
            None if self.callbacks or self.donated else entry_of(self, _Memory(self), leaves, outputs, result, finish)
        )

    def _outcome(self, code: int, memory: _Memory, held: Sequence[Any], outputs: Sequence[Any]) -> Outcome:
        if code == interruption.INTERRUPTED:
            interruption.raise_again([int(memory.table[self.functions[name]]) for name in interruption.SLOTS])
        if code < FIRST_GUARD:
            raise Refused("an index is out of range")
        number = code - FIRST_GUARD
        step = next(s for s in self.program.steps if isinstance(s, Checked) and s.number == number)
        value = self._array(step.buffer, None, memory, held, outputs)
        return Outcome(number, step.guard.read(value[()]), ())

    def _array(
        self, buffer: Buffer, layout: Layout | None, memory: _Memory, held: Sequence[Any], outputs: Sequence[Any]
    ) -> Any:
        """A buffer, or a view of it, as an array of NumPy."""
        layout = layout or Layout(
            buffer.shape, tuple(math.prod(buffer.shape[i + 1 :]) for i in range(len(buffer.shape)))
        )
        layout = layout._replace(offset=layout.offset + buffer.start)
        buffer = buffer.whole
        size = SIZES[buffer.type]
        strides = tuple(s * size for s in layout.strides)
        if math.prod(layout.shape) == 0:
            return np.empty(layout.shape, _DTYPES[buffer.type])
        if buffer.kind == "temp":
            start = memory.shift + self.offsets[id(buffer)] + layout.offset * size
            return np.ndarray(layout.shape, _DTYPES[buffer.type], memory.arena, start, strides)
        base = self._owner(buffer, held, outputs)
        return np.ndarray(layout.shape, _DTYPES[buffer.type], base, layout.offset * size, strides)

    def _owner(self, buffer: Buffer, held: Sequence[Any], outputs: Sequence[Any]) -> Any:
        if buffer.kind == "constant":
            return buffer.value
        normal, buffers = self.program.normal, self.program.buffers
        nodes, arrays = (normal.inputs, held) if buffer.kind == "input" else (normal.outputs, outputs)
        return next(a for n, a in zip(nodes, arrays, strict=True) if buffers[id(n)] is buffer)

    def _call_back(
        self, step: Callback, memory: _Memory, held: Sequence[Any], outputs: Sequence[Any], objects: dict[int, Any]
    ) -> Outcome | None:
        node = step.node
        assert node.primitive is not None
        args = []
        for arg, (key, layout) in zip(node.args, step.args, strict=True):
            if isinstance(key, Buffer):
                value = self._array(key, layout, memory, held, outputs)
                value = value if value.ndim else value.item() if arg.aval.weak else value[()]
            else:
                value = self._object(arg, held, objects)
            args.append(value)
        try:
            with np.errstate(all="ignore"):
                results = node.primitive.impl(*args, **node.params)
        except Exception as error:
            raise Refused(str(error)) from error
        several = results if node.primitive.outputs > 1 else (results,)
        for k, (value, aval) in enumerate(zip(several, node.avals, strict=True)):
            large = type(value) is int and abs(value) > _LARGEST
            if aval.weak and (type(value) is not _PYTHON[aval.dtype.kind] or large):
                raise Refused(f"a Python number became {value!r}")
            if np.shape(value) != aval.shape:
                return self._other_shape(node, k, np.shape(value))
            if getattr(value, "dtype", aval.dtype).kind == "c" != aval.dtype.kind:
                raise Refused("real numbers became complex")
        for value, target in zip(several, step.targets, strict=True):
            if isinstance(target, Buffer):
                self._array(target, None, memory, held, outputs)[...] = value
            elif target is not None:
                objects[id(target)] = np.array(value) if isinstance(value, np.ndarray) else value
        return None

    def _other_shape(self, node: Node, k: int, shape: tuple[int, ...]) -> Outcome:
        for number, guard in enumerate(self.program.normal.guards):
            is_it = guard.node is node or (guard.node.part == k and guard.node.args[0] is node)
            if is_it and isinstance(guard.outcome, tuple):
                return Outcome(number, shape, ())
        raise Refused("a selection has another number of elements")

    def _object(self, node: Node, held: Sequence[Any], objects: dict[int, Any]) -> Any:
        """The value of a node that is no native array: of another dtype, or a constant number."""
        if id(node) in objects:
            return objects[id(node)]
        if node.is_constant:
            return node.value
        if node.is_input:
            return next(h for h, n in zip(held, self.program.normal.inputs, strict=True) if n is node)
        assert is_view(node)
        assert node.primitive is not None
        return node.primitive.impl(self._object(node.args[0], held, objects), **node.params)

    # What can be seen -------------------------------------------------------------------------------------------------

    @cached_property
    def loops(self) -> str:
        """The steps: kernels as loop nests, products, callbacks, guards."""
        return steps_text(self.program.steps)

    @property
    def llvm(self) -> str:
        """LLVM's code as it was written, before its optimization."""
        return self.source

    @property
    def assembly(self) -> str:
        """The processor's instructions."""
        return self.library.assembly if self.library is not None else ""


def programs_in(program: Program) -> Iterator[Program]:
    """A program and those inside its loops and branches."""
    yield program
    for step in program.steps:
        if isinstance(step, Structured):
            for inner in step.programs:
                yield from programs_in(inner)


def compile_graph(graph: Graph, options: Options) -> Native:
    """The graph as native code."""
    return Native(graph, options)
