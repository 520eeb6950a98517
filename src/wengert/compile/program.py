"""A graph as a program: which operations go into which kernel, in which order, and where their results are."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.compile.absorb import absorb
from wengert.compile.access import Layout, is_matrix, layout_of
from wengert.compile.again import Repetition
from wengert.compile.assembly import Assembler, why_not
from wengert.compile.blas import UNROLLED
from wengert.compile.control import structured
from wengert.compile.emit import RegionEmitter
from wengert.compile.fuse import Region
from wengert.compile.lone import kernel_of
from wengert.compile.loops import TYPES, Buffer
from wengert.compile.normal import Normal
from wengert.compile.parts import write_parts
from wengert.compile.roll import fused
from wengert.compile.steps import Call, Callback, Checked, Product
from wengert.compile.stretch import stretched_nodes
from wengert.graph.graph import Graph
from wengert.graph.node import Node


class Program:
    """The steps of a graph. `buffers`: of each node that has one; for dtypes of no machine type the node itself.

    `stretches`: arrays in it may be as long as a loop has turns (see stretch.py).
    """

    def __init__(self, graph: Graph, prefix: str = "", stretches: bool = False) -> None:
        self.prefix, self.stretches = prefix, stretches
        normal = self.normal = Normal(graph)
        self.fusion = fused(normal.nodes)
        absorb(self.fusion, normal.nodes, [*normal.outputs, *(g.node for g in normal.guards)])
        Repetition(self.fusion, normal.nodes, [*normal.outputs, *(g.node for g in normal.guards)])
        self.buffers: dict[int, Any] = {}
        self.arrays: list[Buffer] = []
        self.needed = self._needed()
        output = {id(n) for n in normal.outputs}
        stretched = stretched_nodes(normal.nodes) if stretches else set()
        for i, node in enumerate(normal.inputs):
            self._give(node, "input", f"in{i}")
        for i, node in enumerate(normal.outputs):
            self._give(node, "output", f"out{i}")
        for i, node in enumerate(normal.nodes):
            if node.is_constant and (node.aval.shape != () or self._is_object(node)):
                self._give(node, "constant", f"c{i}", node.value)
            elif id(node) in self.needed and id(node) not in output and not node.is_input and not node.is_constant:
                self._give(node, "grown" if id(node) in stretched else "temp", f"t{i}")
        self.steps: list[Any] = []
        self.count = 0
        in_place = self._updated_in_place()
        write_parts(normal, self.fusion, self.buffers)
        for region in self._ordered(in_place):
            self._lower(region)

    # Buffers ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _is_object(node: Node) -> bool:
        return any(aval.dtype not in TYPES for aval in node.avals)

    def _give(self, node: Node, kind: str, name: str, value: Any = None) -> None:
        if self._is_object(node):
            self.buffers[id(node)] = node
            return
        type_ = TYPES[node.aval.dtype]
        array = np.ascontiguousarray(value, node.aval.dtype).reshape(node.aval.shape) if kind == "constant" else None
        buffer = Buffer(name, type_, node.aval.shape, kind, array)
        self.buffers[id(node)] = buffer
        self.arrays.append(buffer)

    def _needed(self) -> set[int]:
        """The nodes whose value somebody needs who is not in the same region, or in it only after its loops."""
        needed = {id(n) for n in (*self.normal.outputs, *(g.node for g in self.normal.guards))}
        for region in self.fusion.regions:
            here = {id(n) for n in region.nodes}
            for node in region.nodes:
                for arg in node.args:
                    base = self.fusion.base(arg)
                    if id(base) in self.fusion.home and (id(base) not in here or id(base) in region.accumulated):
                        needed.add(id(base))
        return needed

    def place(self, node: Node) -> tuple[Buffer, Layout]:
        """Where a node's elements are."""
        base = self.fusion.base(node)
        layout = layout_of(node)
        assert layout is not None
        if id(base) not in self.buffers:  # a number that is a constant
            self._give(base, "constant", f"n{len(self.arrays)}", base.value)
        return self.buffers[id(base)], layout

    # Order --------------------------------------------------------------------------------------------------------

    def _updated_in_place(self) -> dict[int, set[int]]:
        """Assignments to places of an array that nobody reads afterwards share its buffer. By region: what comes first.

        From the last on, so that a chain of them ends up in the buffer of the last, which may be a result.
        """
        fusion = self.fusion
        kept = {id(n) for n in (*self.normal.outputs, *(g.node for g in self.normal.guards))}
        readers: dict[int, set[int]] = {}  # the regions: a node may be computed in several (again.py)
        for r in fusion.regions:
            for node in r.nodes:
                for arg in node.args:
                    readers.setdefault(id(fusion.base(arg)), set()).add(r.index)
        before: dict[int, set[int]] = {}
        for node in reversed(self.normal.nodes):
            region = fusion.home.get(id(node))
            if node.operation not in ("put", "add_at") or region is None or region.is_loop:
                continue
            old, new = self.buffers.get(id(node.args[0])), self.buffers.get(id(node))
            source = fusion.home.get(id(node.args[0]))
            if source is None or not isinstance(old, Buffer) or not isinstance(new, Buffer) or old.kind != "temp":
                continue
            homes = readers[id(node.args[0])] - {region.index}
            bit = 1 << region.index
            if id(node.args[0]) in kept or any(fusion.base(a) is node.args[0] for a in node.args[1:]):
                continue
            if any(fusion.regions[h].before & bit for h in homes):
                continue
            self.buffers[id(node.args[0])] = new
            before[region.index] = homes
            for h in homes:
                region.before |= fusion.regions[h].before | 1 << h
            for r in fusion.regions:  # so that no other assignment closes a circle
                if r.before & bit:
                    r.before |= region.before
        return before

    def _ordered(self, before: dict[int, set[int]]) -> list[Any]:
        """Regions and guards, each after what it needs; what may fail comes after the guards before it.

        `before`: regions that read a buffer before another one changes it.
        """
        position = {id(n): i for i, n in enumerate(self.normal.nodes)}
        regions = self.fusion.regions
        guards = list(self.normal.guards)
        items: list[Any] = [*regions, *guards]
        after: list[set[int]] = [set() for _ in items]
        first = [min((position[id(n)] for n in r.nodes), default=0) for r in regions]
        for r in regions:
            for node in r.nodes:
                for arg in node.args:
                    source = self.fusion.home.get(id(self.fusion.base(arg)))
                    if source is not None and source is not r:
                        after[r.index].add(source.index)
        count = len(regions)
        for k, guard in enumerate(guards):
            home = self.fusion.home.get(id(self.fusion.base(guard.node)))
            if home is not None:
                after[count + k].add(home.index)
            if k:
                after[count + k].add(count + k - 1)
        for index, homes in before.items():
            for earlier in homes:
                after[index].add(earlier)
                for other in regions:  # what must come before the one must come before the other
                    if other.before & 1 << index:
                        other.before |= regions[earlier].before | 1 << earlier
        reached = [position[id(g.node)] for g in guards]
        for r in regions:
            if not r.is_loop:  # may fail
                here = position[id(r.nodes[0])]
                passed = [k for k, p in enumerate(reached) if p < here]
                if passed and not self._cyclic(after, r.index, count + passed[-1]):
                    after[r.index].add(count + passed[-1])
        users: list[list[int]] = [[] for _ in items]
        waiting = [len(a) for a in after]
        for i, sources in enumerate(after):
            for s in sources:
                users[s].append(i)
        ready = [(first[i] if i < count else reached[i - count], i) for i, n in enumerate(waiting) if n == 0]
        heapq.heapify(ready)
        result = []
        while ready:
            _, i = heapq.heappop(ready)
            result.append((i - count, items[i]) if i >= count else items[i])
            for u in users[i]:
                waiting[u] -= 1
                if not waiting[u]:
                    heapq.heappush(ready, (first[u] if u < count else reached[u - count], u))
        assert len(result) == len(items), "the regions depend on each other in a circle"
        return result

    @staticmethod
    def _cyclic(after: list[set[int]], start: int, end: int) -> bool:
        """Whether `end` needs `start` already."""
        seen, stack = {end}, [end]
        while stack:
            i = stack.pop()
            if i == start:
                return True
            for j in after[i]:
                if j not in seen:
                    seen.add(j)
                    stack.append(j)
        return False

    # Steps -----------------------------------------------------------------------------------------------------------

    def _lower(self, item: Any) -> None:
        if isinstance(item, tuple):
            number, guard = item
            base = self.buffers.get(id(guard.node)) if not guard.node.is_constant else None
            if isinstance(base, Buffer):
                self.steps.append(Checked(number, guard, base))
            return
        if item.is_loop:
            self._region(item)
        else:
            self._alone(item.nodes[0], item.reason, item.nodes[1:])

    def name(self, prefix: str) -> str:
        """A name that nothing else in the module has."""
        self.count += 1
        return f"{self.prefix}{prefix}{self.count}"

    @property
    def inputs(self) -> list[Buffer]:
        """Where the inputs are, of a program in which all have a machine type."""
        return [self.buffers[id(n)] for n in self.normal.inputs]

    @property
    def outputs(self) -> list[Buffer]:
        """Where the outputs are."""
        return [self.buffers[id(n)] for n in self.normal.outputs]

    @property
    def is_native(self) -> bool:
        """Whether all of it runs without Python."""
        return not any(isinstance(step, Callback) for step in self.steps)

    def _region(self, region: Region) -> None:
        home = self.fusion.home
        if not any(id(n) in self.needed and home[id(n)] is region for n in region.nodes):
            return

        def target(node: Node) -> Buffer | None:
            return self.buffers.get(id(node)) if home[id(node)] is region else None

        emitter = RegionEmitter(region, self.place, target, self.name("loop"))
        self.steps.append(Call(emitter.kernel()))

    def _alone(self, node: Node, reason: str, inside: Sequence[Node] = ()) -> None:
        assert node.primitive is not None
        parts = (
            [n for n in self.normal.nodes if n.part is not None and n.args[0] is node]
            if node.primitive.outputs > 1
            else []
        )
        if not parts and not self._is_object(node) and not any(map(self.touches_object, node.args)):
            if node.primitive.name == "matmul" and self._product(node):
                return
            if why_not(node) == "":
                target = self.buffers.get(id(node))
                if target is None:
                    return
                here = node.operation in ("put", "add_at") and self.buffers.get(id(node.args[0])) is target
                assembler = Assembler(node, self.place, target, self.name(node.primitive.name), in_place=here)
                self.steps.append(Call(assembler.kernel()))
                return
        if node.primitive.structured:
            step, reason = structured(self, node, parts)
            if step is not None:
                self.steps.append(step)
                return
        elif not any(map(self.touches_object, (node, *parts, *node.args))):
            several = {n.part: self.buffers.get(id(n)) for n in parts} if node.primitive.outputs > 1 else None
            places = [self.buffers.get(id(node))] if several is None else [*map(several.get, range(len(node.avals)))]
            written = [b for b in places if b is not None]
            kernel = written and kernel_of(node, self.place, places, self.temporary, self.name(node.operation), inside)
            if kernel:
                self.steps.append(Call(kernel))
                return
        args: list[tuple[Any, Layout | None]] = []
        for arg in node.args:
            base = self.fusion.base(arg)
            if self.touches_object(arg) or (base.is_constant and base.aval.shape == ()):
                args.append((arg, None))
            else:
                args.append(self.place(arg))
        targets: list[Any] = []
        if node.primitive.outputs > 1:
            targets = [None] * len(node.avals)
            for part in parts:
                assert part.part is not None
                targets[part.part] = self.buffers.get(id(part))
        else:
            targets = [self.buffers.get(id(node))]
        self.steps.append(Callback(node, args, targets, reason))

    def inside(self, graph: Graph, stretches: bool = False) -> Program:
        """The program of a loop or a branch in this one."""
        return Program(graph, self.name("s") + ".", stretches)

    def temporary(self, type_: str, shape: Sequence[int], kind: str = "temp") -> Buffer:
        """A buffer that no node has."""
        buffer = Buffer(f"w{len(self.arrays)}", type_, shape, kind)
        self.arrays.append(buffer)
        return buffer

    def touches_object(self, node: Node) -> bool:
        """Whether its elements are of no machine type."""
        return self._is_object(self.fusion.base(node))

    def _product(self, node: Node) -> bool:
        """A product of matrices that BLAS can do on the operands as they stand."""
        if node.aval.dtype.kind != "f" or math.prod(node.aval.shape) == 0:
            return False
        x, y = (self.place(a) for a in node.args)
        result = self.place(node)
        if len(x[1].shape) < 2 or len(y[1].shape) < 2 or x[1].shape[-1] == 0:
            return False
        if not (is_matrix(x[1]) and is_matrix(y[1])) or math.prod(node.aval.shape[:-2]) > UNROLLED:
            return False
        self.steps.append(Product(result[0].type, x, y, result))
        return True
