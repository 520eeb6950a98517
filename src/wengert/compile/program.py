"""A graph as a program: which operations go into which kernel, in which order, and where their results are."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.compile.access import Layout, contiguous, is_view, layout_of
from wengert.compile.again import Repetition
from wengert.compile.assembly import Assembler, why_not
from wengert.compile.emit import RegionEmitter
from wengert.compile.fuse import Fusion, Region
from wengert.compile.loops import TYPES, Buffer
from wengert.compile.normal import Normal
from wengert.compile.plan import planned
from wengert.compile.steps import Call, Callback, Checked, Product, Scanned
from wengert.graph.graph import Graph
from wengert.graph.node import Node


class Program:
    """The steps of a graph. `buffers`: of each node that has one; for dtypes of no machine type the node itself."""

    def __init__(self, graph: Graph, prefix: str = "") -> None:
        self.prefix = prefix
        normal = self.normal = Normal(graph)
        self.fusion = Fusion(normal.nodes)
        Repetition(self.fusion, normal.nodes, [*normal.outputs, *(g.node for g in normal.guards)])
        self.buffers: dict[int, Any] = {}
        self.arrays: list[Buffer] = []
        self.needed = self._needed()
        output = {id(n) for n in normal.outputs}
        for i, node in enumerate(normal.inputs):
            self._give(node, "input", f"in{i}")
        for i, node in enumerate(normal.outputs):
            self._give(node, "output", f"out{i}")
        for i, node in enumerate(normal.nodes):
            if node.is_constant and (node.aval.shape != () or self._is_object(node)):
                self._give(node, "constant", f"c{i}", node.value)
            elif id(node) in self.needed and id(node) not in output and not node.is_input and not node.is_constant:
                self._give(node, "temp", f"t{i}")
        self.steps: list[Any] = []
        self.count = 0
        in_place = self._updated_in_place()
        self._write_parts()
        for region in self._ordered(in_place):
            self._lower(region)

    # Buffers ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _is_object(node: Node) -> bool:
        return node.aval.dtype not in TYPES

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
            here = {id(n) for n in region.nodes} if region.is_loop else set()
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

    def _write_parts(self) -> None:
        """What is only a part of a concatenation is written there at once."""
        kept = {id(n) for n in (*self.normal.outputs, *(g.node for g in self.normal.guards))}
        readers = Counter(
            id(self.fusion.base(arg))
            for node in self.normal.nodes if node.primitive is not None and not is_view(node) for arg in node.args
        )  # fmt: skip
        taken = Counter(id(b) for b in self.buffers.values())  # an update in place shares one
        for node in reversed(self.normal.nodes):
            whole = self.buffers.get(id(node))
            if node.operation != "concatenate" or not isinstance(whole, Buffer) or self.fusion.home[id(node)].is_loop:
                continue
            axis, start = node.params["axis"], 0
            for arg in node.args:
                base = self.fusion.base(arg)
                part = self.buffers.get(id(base))
                alone = readers[id(base)] == 1 and id(base) not in kept and taken[id(part)] == 1
                if (
                    alone and isinstance(part, Buffer) and part.kind == "temp" and part.type == whole.type
                    and layout_of(arg) == contiguous(arg.aval.shape) and part.size == math.prod(arg.aval.shape)
                    and math.prod(node.aval.shape[:axis]) == 1
                ):  # fmt: skip
                    part.put_into(whole, start * math.prod(node.aval.shape[axis + 1 :]))
                start += arg.aval.shape[axis]

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
            self._alone(item.nodes[0], item.reason)

    def _name(self, prefix: str) -> str:
        self.count += 1
        return f"{self.prefix}{prefix}{self.count}"

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

        emitter = RegionEmitter(region, self.place, target, self._name("loop"))
        self.steps.append(Call(emitter.kernel()))

    def _alone(self, node: Node, reason: str) -> None:
        assert node.primitive is not None
        parts = (
            [n for n in self.normal.nodes if n.part is not None and n.args[0] is node]
            if node.primitive.outputs > 1
            else []
        )
        if not parts and not self._is_object(node) and not any(map(self._touches_object, node.args)):
            if node.primitive.name == "matmul" and self._product(node):
                return
            if why_not(node) == "":
                target = self.buffers.get(id(node))
                if target is None:
                    return
                here = node.operation in ("put", "add_at") and self.buffers.get(id(node.args[0])) is target
                assembler = Assembler(node, self.place, target, self._name(node.primitive.name), in_place=here)
                self.steps.append(Call(assembler.kernel()))
                return
        if node.primitive.name == "scan" and node.primitive.structured:
            reason = self._scan(node, parts)
            if not reason:
                return
        args: list[tuple[Any, Layout | None]] = []
        for arg in node.args:
            base = self.fusion.base(arg)
            if self._touches_object(arg) or (base.is_constant and base.aval.shape == ()):
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

    def _scan(self, node: Node, parts: Sequence[Node]) -> str:
        """A loop over rows whose steps run natively too; or why that cannot be."""
        params, (body, consts, carry) = node.params, (node.params[k] for k in ("body", "consts", "carry"))
        if params.get("snapshots") is not None:
            return "it keeps few of its states"
        if any(map(self._touches_object, node.args)) or any(a.dtype not in TYPES for a in node.avals):
            return "its arrays have no machine type"
        if any(a.aval.dtype != b.dtype for a, b in zip(node.args, body.domain, strict=True)):
            return "its arguments change their dtype"
        inner = Program(body.simplify(), self._name("s") + ".")
        if not inner.is_native:
            step = next(s for s in inner.steps if isinstance(s, Callback))
            return f"its body calls {step.node.operation} in NumPy: {step.reason}"
        length = node.args[consts + carry].aval.shape[0] if params["length"] is None else params["length"]
        given = [self.place(arg)[0] for arg in node.args]
        results: list[Any] = [None] * len(node.avals)
        for part in parts:
            assert part.part is not None
            results[part.part] = self.buffers.get(id(part))
        kept = [results[len(body.avals) + k] if params["store"] else None for k in range(carry)]
        for k, aval in enumerate(node.avals[: len(body.avals)]):
            results[k] = results[k] or self._temporary(TYPES[aval.dtype], aval.shape)
        states = [
            None if kept[k] is not None else (self._temporary(b.type, b.shape), self._temporary(b.type, b.shape))
            for k, b in enumerate(results[:carry])
        ]
        _, size = planned(inner.steps)
        workspace = self._temporary("i8", (max(size, 1),))
        self.steps.append(Scanned(inner, consts, carry, length, params["reverse"], given, results, states, workspace))
        return ""

    def _temporary(self, type_: str, shape: Sequence[int]) -> Buffer:
        buffer = Buffer(f"w{len(self.arrays)}", type_, shape, "temp")
        self.arrays.append(buffer)
        return buffer

    def _touches_object(self, node: Node) -> bool:
        return self._is_object(self.fusion.base(node))

    def _product(self, node: Node) -> bool:
        """A product of matrices that BLAS can do on the operands as they stand."""
        if node.aval.dtype.kind != "f" or math.prod(node.aval.shape) == 0:
            return False
        x, y = (self.place(a) for a in node.args)
        result = self.place(node)
        if len(x[1].shape) < 2 or len(y[1].shape) < 2 or x[1].shape[-1] == 0:
            return False
        if not (_is_matrix(x[1]) and _is_matrix(y[1])):
            return False
        self.steps.append(Product(result[0].type, x, y, result))
        return True


def _is_matrix(layout: Layout) -> bool:
    """Whether BLAS can read it: one of the two axes is without gaps."""
    (m, n), (s, t) = layout.shape[-2:], layout.strides[-2:]
    by_rows = (t == 1 or n == 1) and (s >= max(n, 1) or m == 1)
    by_columns = (s == 1 or m == 1) and (t >= max(m, 1) or n == 1)
    return by_rows or by_columns
