"""Arrays put together from pieces: concatenations, assignments to places, picking by index arrays.

Each piece is a loop nest of its own that copies it (or adds it) to where it belongs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from wengert.compile.access import Layout, contiguous, sliced
from wengert.compile.loops import OUT_OF_RANGE, Buffer, Builder, Kernel, Offset, Value
from wengert.compile.scalar import convert
from wengert.compile.spaces import basic_index, whole_index
from wengert.compile.support import type_of
from wengert.graph.node import Node
from wengert.ops.index import Slot

Place = Callable[[Node], tuple[Buffer, Layout]]


def why_not(node: Node) -> str:
    """Why an operation cannot be put together here; empty where it can."""
    assert node.primitive is not None
    name = node.primitive.name
    if name in ("concatenate", "stack"):
        return ""
    if name == "getitem":
        return _why_not_placed(node.params["index"], node.args[1:])
    if name == "put":
        return _why_not_placed(node.params["index"], node.args[2:])
    if name in ("scatter", "add_at"):
        arrays = node.args[len(node.params["indices"]) + (name == "add_at") :]
        return next((r for index in node.params["indices"] if (r := _why_not_placed(index, arrays))), "")
    return "no loops are known for it"


def _why_not_placed(index: Sequence[Any], arrays: Sequence[Node]) -> str:
    if any(isinstance(part, Slot) for part in index):
        return "" if _gathers(index, arrays) and None not in index else "its index is a mask, or of several kinds"
    return ""


def _gathers(index: Sequence[Any], arrays: Sequence[Node]) -> bool:
    """Index arrays of integers that stand side by side (their axes then stand where they stand), with slices."""
    slots = [k for k, part in enumerate(index) if isinstance(part, (Slot, int))]
    if any(a.aval.dtype not in (np.dtype(np.int64), np.dtype(np.int32)) for a in arrays):
        return False
    return bool(slots) and slots == list(range(slots[0], slots[-1] + 1))


class Assembler:
    """Writes the kernel of one such operation."""

    def __init__(self, node: Node, place: Place, target: Buffer, name: str, *, in_place: bool = False) -> None:
        self.node, self.place, self.target, self.in_place = node, place, target, in_place
        self.builder = Builder(name)

    def kernel(self) -> Kernel:
        """The kernel."""
        assert self.node.primitive is not None
        getattr(self, f"_{self.node.primitive.name}")()
        return self.builder.finish()

    def _concatenate(self) -> None:
        axis, start = self.node.params["axis"], 0
        whole = contiguous(self.node.aval.shape)
        for arg in self.node.args:
            piece = Layout(arg.aval.shape, whole.strides, start * whole.strides[axis])
            buffer, _ = self.place(arg)
            if buffer.whole is not self.target.whole:  # else it has been written where it belongs
                self._copy(self.place(arg), piece)
            start += arg.aval.shape[axis]

    def _stack(self) -> None:
        axis = self.node.params["axis"]
        whole = contiguous(self.node.aval.shape)
        for i, arg in enumerate(self.node.args):
            strides = whole.strides[:axis] + whole.strides[axis + 1 :]
            self._copy(self.place(arg), Layout(arg.aval.shape, strides, i * whole.strides[axis]))

    def _put(self) -> None:
        if not self.in_place:
            self._copy(self.place(self.node.args[0]), contiguous(self.node.aval.shape))
        self._assign(self.node.params["index"], self.node.args[1], self.node.args[2:], "")

    def _scatter(self) -> None:
        indices = self.node.params["indices"]
        if self.place(self.node.args[0])[0].whole is self.target.whole:  # the values have been written there (parts.py)
            index = basic_index(tuple(indices[0]), self.node.aval.shape)
            assert index is not None
            piece = sliced(contiguous(self.node.aval.shape), index)
            self._zeros(0, piece.offset)
            self._zeros(piece.offset + math.prod(piece.shape), self.target.size)
            return
        self._zeros(0, self.target.size)
        for index, value in zip(indices, self.node.args, strict=False):
            self._assign(index, value, self.node.args[len(indices) :], "add")

    def _zeros(self, first: int, end: int) -> None:
        if end > first:
            with self.builder.loop(end - first) as i:
                self.builder.store(self.target, Offset(first, ((i, 1),)), self.builder.constant(0, self.target.type))

    def _add_at(self) -> None:
        indices = self.node.params["indices"]
        if not self.in_place:
            self._copy(self.place(self.node.args[0]), contiguous(self.node.aval.shape))
        for index, value in zip(indices, self.node.args[1:], strict=False):
            self._assign(index, value, self.node.args[len(indices) + 1 :], "add")

    def _assign(self, index: Sequence[Any], value: Node, arrays: Sequence[Node], op: str) -> None:
        shape = self.node.aval.shape
        basic = basic_index(tuple(index), shape)
        if basic is None:
            self._indexed(index, arrays, contiguous(shape), value, op)
            return
        piece = sliced(contiguous(shape), basic)
        buffer, layout = self.place(value)
        lead = len(piece.shape) - len(layout.shape)
        if lead < 0:  # NumPy drops leading axes of length 1
            layout = Layout(layout.shape[-lead:], layout.strides[-lead:], layout.offset)
            lead = 0
        strides = [0 if n == 1 else s for n, s in zip(layout.shape, layout.strides, strict=True)]
        self._copy((buffer, Layout(piece.shape, (*[0] * lead, *strides), layout.offset)), piece, op)

    def _getitem(self) -> None:
        buffer, layout = self.place(self.node.args[0])
        self._indexed(self.node.params["index"], self.node.args[1:], layout, None, "", buffer)

    def _indexed(
        self, index: Sequence[Any], arrays: Sequence[Node], layout: Layout, value: Node | None, op: str,
        source: Buffer | None = None,
    ) -> None:  # fmt: skip
        """Pick from (or put into) a layout by index arrays: loops over the axes of what is picked."""
        parts = whole_index(index, len(layout.shape))
        used = [a for a in arrays if any(isinstance(p, Slot) and arrays[p.position] is a for p in parts)]
        broadcast = np.broadcast_shapes(*(a.aval.shape for a in used))
        shape: list[int] = []
        first: int | None = None
        for axis, part in enumerate(parts):
            if isinstance(part, slice):
                shape.append(len(range(*part.indices(layout.shape[axis]))))
            elif first is None:
                first = len(shape)
                shape.extend(broadcast)
        assert first is not None
        with ExitStack() as stack:
            loops = [stack.enter_context(self.builder.loop(n)) for n in shape]
            constant, terms, k = layout.offset, [], 0
            seen = False
            for axis, part in enumerate(parts):
                stride, n = layout.strides[axis], layout.shape[axis]
                if isinstance(part, slice):
                    start, _, step = part.indices(n)
                    constant += start * stride
                    terms.append((loops[k], step * stride))
                    k += 1
                    continue
                if not seen:
                    seen, k = True, k + len(broadcast)
                if isinstance(part, int):
                    constant += part % n * stride
                else:
                    terms.append((self._index(arrays[part.position], loops[first : first + len(broadcast)], n), stride))
            there = Offset(constant, tuple(t for t in terms if t[1]))
            if value is None:
                assert source is not None
                strides = contiguous(shape).strides
                here = Offset(0, tuple(zip(loops, strides, strict=True)))
                self.builder.store(self.target, here, self.builder.load(source, there))
            else:
                buffer, own = self.place(value)
                kept = min(len(own.shape), len(loops))  # NumPy drops leading axes of length 1
                along = loops[len(loops) - kept :]
                axes = list(zip(own.shape, own.strides, strict=True))[len(own.shape) - kept :]
                steps = tuple((v, s) for v, (n, s) in zip(along, axes, strict=True) if n != 1 and s)
                here = Offset(own.offset, steps)
                loaded = convert(self.builder, self.builder.load(buffer, here), self.target.type)
                self.builder.store(self.target, there, loaded, op)

    def _index(self, array: Node, loops: Sequence[Value], n: int) -> Value:
        """The index at these loops, counted from the beginning and known to be in range."""
        buffer, layout = self.place(array)
        along = loops[len(loops) - len(layout.shape) :]
        terms = tuple((v, s) for v, s, m in zip(along, layout.strides, layout.shape, strict=True) if m != 1 and s)
        b = self.builder
        i = convert(b, b.load(buffer, Offset(layout.offset, terms)), "i64")
        zero = b.constant(0, "i64")
        wrapped = b.let("add", i, b.constant(n, "i64"), type="i64")
        i = b.let("select", b.let("icmp slt", i, zero, type="i1"), wrapped, i, type="i64")
        if not (array.is_constant and array.value.size and -n <= array.value.min() and array.value.max() < n):
            b.check(b.let("icmp ult", i, b.constant(n, "i64"), type="i1"), OUT_OF_RANGE)
        return i

    def _copy(self, source: tuple[Buffer, Layout], target: Layout, op: str = "") -> None:
        """Loops over a shape; axes that follow each other in both are one."""
        buffer, layout = source
        if math.prod(target.shape) == 0:
            return
        axes: list[list[int]] = []  # length, stride of the source, of the target
        for n, s, t in zip(target.shape, layout.strides, target.strides, strict=True):
            if n == 1:
                continue
            if axes and axes[-1][1] == n * s and axes[-1][2] == n * t:
                axes[-1] = [axes[-1][0] * n, s, t]
            else:
                axes.append([n, s, t])
        with ExitStack() as stack:
            loops = [stack.enter_context(self.builder.loop(n)) for n, _, _ in axes]
            reads = tuple((v, s) for v, (_, s, _) in zip(loops, axes, strict=True) if s)
            writes = tuple((v, t) for v, (_, _, t) in zip(loops, axes, strict=True) if t)
            value = self.builder.load(buffer, Offset(layout.offset, reads))
            value = convert(self.builder, value, type_of(self.node))
            self.builder.store(self.target, Offset(target.offset, writes), value, op)
