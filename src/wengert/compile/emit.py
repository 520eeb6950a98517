"""A region of operations as a kernel: the loops, and inside them each operation written out place by place.

The value of a node is an array of values (loops.py), one for each place that is written out; along an axis that is a
loop the array has length 1. So NumPy itself does the views: reshaping, slicing and stacking these arrays costs nothing
at run time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import numpy as np

from wengert.compile.access import Layout, is_view
from wengert.compile.evaluate import Array, Evaluator, first, map_values, operation, scalar
from wengert.compile.fuse import Region
from wengert.compile.loops import Buffer, Builder, Kernel, Offset, Value
from wengert.compile.support import type_of
from wengert.graph.node import Node

BLOCK = 2048  # rounds of an innermost loop that are summed before they are added to the rest, for accuracy


class RegionEmitter:
    """Writes the kernel of a region.

    `place(node)` gives the buffer and layout of a node from outside, `target(node)` the buffer to which a node of the
    region is written, or None where nobody else needs it.
    """

    def __init__(
        self,
        region: Region,
        place: Callable[[Node], tuple[Buffer, Layout] | None],
        target: Callable[[Node], Buffer | None],
        name: str,
    ) -> None:
        self.region, self.place, self.target = region, place, target
        self.builder = Builder(name)
        self.evaluator = Evaluator(region, self.builder)
        self.values: dict[int, Array] = {}
        self.variables: dict[int, Array] = {}
        self.loops: list[Value] = []

    def kernel(self) -> Kernel:
        """The kernel."""
        self._clear()
        self._nest(0)
        return self.builder.finish()

    # Loops --------------------------------------------------------------------------------------------------------

    def _nest(self, depth: int) -> None:
        dims = self.region.dims
        declared = [n for n in self.region.nodes if self._kept(n) == depth]
        for node in declared:
            self.variables[id(node)] = self._fresh(node)
        if depth == len(dims):
            for node in self.region.nodes:
                self._compute(node)
        else:
            with self._loop(dims[depth], declared if depth == len(dims) - 1 else []):
                self._nest(depth + 1)
                del self.loops[depth:]
        for node in declared:
            read = map_values(self.builder.read, self.variables[id(node)])
            self._store(node, read)

    def _loop(self, extent: int, sums: Sequence[Node]) -> ExitStack:
        """The next loop; a long one with sums runs in blocks, whose sums are added up."""
        stack = ExitStack()
        if extent < 2 * BLOCK or not sums:
            self.loops.append(stack.enter_context(self.builder.loop(extent)))
            return stack
        totals = {id(n): self.variables[id(n)] for n in sums}
        outer = stack.enter_context(self.builder.loop(extent, BLOCK))
        for node in sums:
            self.variables[id(node)] = self._fresh(node)

        def add_up() -> None:
            for node in sums:
                part, total = self.variables[id(node)], totals[id(node)]
                for p, t in zip(part.flat, total.flat, strict=True):
                    self.builder.accumulate(t, operation(node), self.builder.read(p))
                self.variables[id(node)] = total

        stack.callback(add_up)
        left = self.builder.let("sub", self.builder.constant(extent, "i64"), outer, type="i64")
        rounds = self.builder.let("intrinsic umin", left, self.builder.constant(BLOCK, "i64"), type="i64")
        inner = stack.enter_context(self.builder.loop(rounds))
        self.loops.append(self.builder.let("add", outer, inner, type="i64"))
        return stack

    def _kept(self, node: Node) -> int | None:
        """At which depth the sum of a reduction over loops is kept in a variable; None: it is added up in memory."""
        if id(node) not in self.region.accumulated:
            return None
        kept = {d for d in self.region.maps[id(node)] if d is not None}
        return len(kept) if kept == set(range(len(kept))) else None

    def _in_memory(self, node: Node) -> bool:
        return id(node) in self.region.accumulated and self._kept(node) is None

    def _clear(self) -> None:
        """Sums that are added up in memory begin at their first value."""
        for node in self.region.nodes:
            if self._in_memory(node):
                buffer = self.target(node)
                assert buffer is not None
                with self.builder.loop(buffer.size) as i:
                    start = self.builder.constant(first(operation(node), buffer.type), buffer.type)
                    self.builder.store(buffer, Offset(0, ((i, 1),)), start)

    def _fresh(self, node: Node) -> Array:
        type_ = type_of(node)
        start = self.builder.constant(first(operation(node), type_), type_)
        shape = self._written(node.aval.shape, self.region.maps[id(node)])
        return map_values(lambda _: self.builder.variable(start), np.empty(shape, object))

    # Operations -------------------------------------------------------------------------------------------------------

    def _compute(self, node: Node) -> None:
        values = [self._argument(node, i) for i in range(len(node.args))]
        shape = self._written(node.aval.shape, self.region.maps[id(node)])
        result = self.evaluator.evaluate(node, values, shape)
        if id(node) not in self.region.accumulated:
            self.values[id(node)] = result
            self._store(node, result)
        elif id(node) in self.variables:
            for variable, value in zip(self.variables[id(node)].flat, result.flat, strict=True):
                self.builder.accumulate(variable, operation(node), value)
        else:
            self._store(node, result, operation(node))

    def _argument(self, node: Node, position: int) -> Array:
        """The value of an argument: at hand, or loaded."""
        arg = node.args[position]
        found = self._at_hand(arg)
        if found is not None:
            return found
        if arg.is_constant and arg.aval.shape == ():
            return scalar(self.builder.constant(arg.value, type_of(arg)))
        along = self.region.spaces[id(node)].args[position]
        letters = self.region.letters[id(node)]
        return self._load(arg, [None if k is None else letters.get(k) for k in along])

    def _at_hand(self, node: Node) -> Array | None:
        found = self.values.get(id(node))
        if found is not None:
            return found
        chain = []
        while is_view(node) and id(node) not in self.values:
            chain.append(node)
            node = node.args[0]
        if id(node) not in self.values:
            return None
        for view in reversed(chain):
            if id(view) not in self.region.maps:
                return None
            shape = self._written(view.aval.shape, self.region.maps[id(view)])
            self.values[id(view)] = self.evaluator.evaluate(view, [self.values[id(view.args[0])]], shape)
        return self.values[id(chain[0])] if chain else self.values[id(node)]

    def _load(self, arg: Node, along: Sequence[int | None]) -> Array:
        found = self.place(arg)
        assert found is not None, f"{arg} has no place"
        buffer, layout = found
        base = tuple((self.loops[d], layout.strides[i]) for i, d in enumerate(along) if d is not None)
        base = tuple((v, f) for v, f in base if f)
        shape = self._written(layout.shape, along)
        result = np.empty(shape, object)
        constant = buffer.value if buffer.kind == "constant" and not base else None
        for index in itertools.product(*map(range, shape)):
            offset = layout.offset + sum(i * s for i, s in zip(index, layout.strides, strict=True))
            if constant is not None:
                result[index] = self.builder.constant(constant.flat[offset], buffer.type)
            else:
                result[index] = self.builder.load(buffer, Offset(offset, base))
        return result

    def _store(self, node: Node, value: Array, op: str = "") -> None:
        buffer = self.target(node)
        if buffer is None:
            return
        along = self.region.maps[id(node)]
        strides = _strides(node.aval.shape)
        base = tuple((self.loops[d], strides[i]) for i, d in enumerate(along) if d is not None)
        for index in itertools.product(*map(range, value.shape)):
            offset = sum(i * s for i, s in zip(index, strides, strict=True))
            self.builder.store(buffer, Offset(offset, base), value[index], op)

    @staticmethod
    def _written(shape: Sequence[int], along: Sequence[int | None]) -> tuple[int, ...]:
        """The shape of an array of values: loops have length 1."""
        return tuple(1 if d is not None else n for n, d in zip(shape, along, strict=True))


def _strides(shape: Sequence[int]) -> list[int]:
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]
