"""Fusion: which operations share one loop nest.

A region is a set of operations that run along the same loops: inside, what one computes the next one uses in a
register. Going through the graph once, each operation joins the region of one of its arguments where its index space
allows it (spaces.py) and no cycle of regions comes about, or begins a new one. Axes that are short are not loops: the
code is written out for each of their places, so that small vectors and matrices become plain arithmetic, vectorized
across the long axis (a batch). An operation all of whose axes are short belongs to a region of straight code.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from wengert.compile.access import is_matrix, is_view, layout_of
from wengert.compile.scalar import EXPENSIVE
from wengert.compile.spaces import REDUCTIONS, Space, space_of
from wengert.compile.support import unsupported
from wengert.graph.node import Node

SHORT = 16  # an axis up to this length may be written out
WRITTEN_OUT = 64  # places of one operation that are written out, where it begins a region
JOINED = 256  # … of a product of matrices that joins one
OPERATIONS = 3000  # places in a region; more and LLVM's time grows faster than they do
ACCUMULATORS = 64  # sums that one loop keeps at the same time
VECTOR = 8  # numbers in a register; so many places of an expensive function are worth a loop, however short
LATEST = 6  # regions that are looked at beside those of the arguments


class Region:
    """Operations along the same loops; or one operation that is done by a library or by NumPy (`reason` says why)."""

    def __init__(self, index: int, dims: Sequence[int] = (), reason: str | None = None) -> None:
        self.index, self.dims, self.reason = index, tuple(dims), reason
        self.nodes: list[Node] = []
        self.maps: dict[int, tuple[int | None, ...]] = {}  # by node or view: which loop runs along each axis
        self.letters: dict[int, dict[int, int]] = {}  # by node: which loop runs along each letter of its space
        self.spaces: dict[int, Space] = {}
        self.accumulated: set[int] = set()  # nodes whose value is there only after the loops
        self.before = 0  # the regions that must come first, as bits
        self.operations = 0

    @property
    def is_loop(self) -> bool:
        return self.reason is None

    def add(self, node: Node, space: Space, letters: dict[int, int]) -> None:
        self.nodes.append(node)
        self.spaces[id(node)] = space
        self.letters[id(node)] = letters
        self.maps[id(node)] = tuple(None if k is None else letters.get(k) for k in space.result)
        self.operations += places(space, letters)
        if any(k in letters for k in space.reduced):
            self.accumulated.add(id(node))


def _is_worth_a_vector(node: Node) -> bool:
    """Whether it is an expensive function of few numbers, which written out would be called for one after the other."""
    shape = node.aval.shape if node.primitive is not None and node.primitive.outputs == 1 else ()
    short = bool(shape) and VECTOR <= shape[-1] <= SHORT and math.prod(shape) <= WRITTEN_OUT
    return short and node.operation in EXPENSIVE


def places(space: Space, letters: dict[int, int]) -> int:
    """How many times an operation is written out."""
    return math.prod(max(n, 1) for k, n in space.extents.items() if k not in letters)


def _limit(node: Node, space: Space, loops: Collection[int]) -> int:
    """How many places of an operation may be written out where it joins a region.

    More of a product of small matrices than of others, unless it is one large product, which BLAS does in one call.
    """
    is_small = node.operation in ("matmul", "einsum") and all(k in along for k in loops for along in space.args)
    return JOINED if is_small else WRITTEN_OUT


def _is_large_product(node: Node, space: Space, loops: int) -> bool:
    """Whether it is a product with more long axes than loops do as fast as BLAS."""
    name = node.operation
    return name in ("matmul", "einsum") and loops > (1 if len(space.result) > 1 or name == "einsum" else 2)


def _fits_blas(node: Node) -> bool:
    """Whether a product is one of numbers of BLAS's, of matrices that it can read as they stand."""
    layouts = [layout_of(arg) for arg in node.args if len(arg.aval.shape) > 1 and node.operation == "matmul"]
    readable = all(layout is not None and is_matrix(layout) for layout in layouts)
    return readable and all(value.aval.dtype in (np.float64, np.float32) for value in (node, *node.args))


class Fusion:
    """Distributes the operations of a graph over regions, in the order of the graph.

    `rolled`: by node, letters along which loops have to run, however short (roll.py).
    """

    def __init__(self, nodes: Sequence[Node], rolled: Mapping[int, Collection[int]] | None = None) -> None:
        self.rolled = rolled or {}
        self.regions: list[Region] = []
        self.home: dict[int, Region] = {}  # of each node that is computed
        self.bases: dict[int, Node] = {}
        self.vectors = any(map(_is_worth_a_vector, nodes))
        for node in nodes:
            if node.part is not None:
                self.home[id(node)] = self.home[id(node.args[0])]
            elif node.primitive is not None and not is_view(node):
                self.place(node)

    # Views -----------------------------------------------------------------------------------------------------

    def base(self, node: Node) -> Node:
        """The node whose elements a view looks at."""
        found = self.bases.get(id(node))
        if found is None:
            found = node
            while is_view(found):
                found = found.args[0]
            self.bases[id(node)] = found
        return found

    def within(self, node: Node, region: Region) -> tuple[int | None, ...] | None:
        """Which loop of the region runs along each axis of a value that it has at hand; None where it has not."""
        known = region.maps.get(id(node))
        if known is not None:
            return None if id(node) in region.accumulated else known
        chain = []
        while is_view(node):
            chain.append(node)
            node = node.args[0]
            if id(node) in region.maps:
                break
        if not chain or id(node) not in region.maps or id(node) in region.accumulated:
            return None
        found = region.maps[id(node)]
        for view in reversed(chain):
            space = space_of(view)
            assert space is not None
            loops = {k: d for k, d in zip(space.args[0], found, strict=True) if k is not None and d is not None}
            if any(k in space.fixed for k in loops) or any(k not in space.result for k in loops):
                return None
            if any(n > SHORT for k, n in space.extents.items() if k in space.result and k not in loops):
                return None
            found = tuple(None if k is None else loops.get(k) for k in space.result)
            region.maps[id(view)] = found
        return found

    # Placing ----------------------------------------------------------------------------------------------------

    def place(self, node: Node) -> None:
        reason = unsupported(node)
        space = None if reason else space_of(node)
        if space is None:
            self.alone(node, reason or "its index is an array")
            return
        sources = [self.home[id(b)] for b in map(self.base, node.args) if id(b) in self.home]
        needed = 0
        for source in sources:
            needed |= source.before | 1 << source.index
        candidates = {r.index: r for r in reversed(sources) if r.is_loop}
        candidates |= {r.index: r for r in self.regions[-LATEST:] if r.is_loop and r.index not in candidates}
        for region in candidates.values():
            letters = self.fit(node, space, region, sources)
            if letters is not None:
                self.join(node, space, region, letters, needed & ~(1 << region.index))
                return
        dims = self.loops(node, space)
        if dims is None:
            self.alone(node, "its axes are too long to be written out")
            return
        region = self.begin([space.extents[k] for k in dims])
        self.join(node, space, region, {k: d for d, k in enumerate(dims)}, needed)

    def begin(self, dims: Sequence[int] = (), reason: str | None = None) -> Region:
        region = Region(len(self.regions), dims, reason)
        self.regions.append(region)
        return region

    def alone(self, node: Node, reason: str) -> None:
        region = self.begin(reason=reason)
        region.nodes.append(node)
        self.home[id(node)] = region
        for arg in node.args:
            source = self.home.get(id(self.base(arg)))
            if source is not None:
                region.before |= source.before | 1 << source.index

    def join(self, node: Node, space: Space, region: Region, letters: dict[int, int], needed: int) -> None:
        region.add(node, space, letters)
        self.home[id(node)] = region
        if needed & ~region.before:
            region.before |= needed
            bit = 1 << region.index
            for other in self.regions:
                if other.before & bit:
                    other.before |= region.before

    def fit(self, node: Node, space: Space, region: Region, sources: Sequence[Region]) -> dict[int, int] | None:
        """The loops along which the node would run in a region; None where it cannot be there."""
        bit = 1 << region.index
        letters: dict[int, int | None] = {}
        for arg, along in zip(node.args, space.args, strict=True):
            source = self.home.get(id(self.base(arg)))
            if source is None:
                continue
            if source is not region:
                if source.before & bit:
                    return None
                continue
            found = self.within(arg, region)
            if found is None:
                return None
            for k, d in zip(along, found, strict=True):
                if k is None:
                    continue
                if letters.setdefault(k, d) != d:
                    return None
        used = {d for d in letters.values() if d is not None}
        free = [d for d in range(len(region.dims)) if d not in used]
        for k, n in space.extents.items():
            if k not in letters and k not in space.fixed and free and n == region.dims[free[0]]:
                letters[k] = free.pop(0)
        loops = {k: d for k, d in letters.items() if d is not None}
        if len(set(loops.values())) != len(region.dims) or len(loops) != len(region.dims):
            return None
        if any(k in space.fixed for k in loops) or any(k not in loops for k in self.rolled.get(id(node), ())):
            return None
        if _is_large_product(node, space, len(loops)) and _fits_blas(node):
            return None
        written = places(space, loops)
        if self.vectors and not region.dims and any(n >= VECTOR for n in space.extents.values()):
            return None
        if written > _limit(node, space, loops) or region.operations + written > OPERATIONS:
            return None
        if any(n > SHORT for k, n in space.extents.items() if k not in loops) and written > WRITTEN_OUT:
            return None
        reduced = [k for k in space.reduced if k in loops]
        if reduced:
            kept = math.prod(n for k, n in space.extents.items() if k in space.result and k not in loops)
            if kept > ACCUMULATORS:
                return None
        return loops

    def loops(self, node: Node, space: Space) -> list[int] | None:
        """The letters that become loops where the node begins a region, outermost first; None where it cannot."""
        rolled = self.rolled.get(id(node), ())
        chosen = {k for k, n in space.extents.items() if n > SHORT or k in rolled}
        while places(space, dict.fromkeys(chosen, 0)) > WRITTEN_OUT:
            rest = [k for k in space.extents if k not in chosen and space.extents[k] > 1]
            chosen.add(max(rest, key=lambda k: space.extents[k]))
        if places(space, {}) <= WRITTEN_OUT and not rolled:
            chosen = set()
            last = space.result[-1] if self.vectors and space.result else None
            if last is not None and space.extents[last] >= VECTOR:
                chosen = {last} - space.fixed
        if chosen & space.fixed:
            return None
        assert node.primitive is not None
        name = node.primitive.name
        if _is_large_product(node, space, len(chosen)):
            return None
        if name in ("matmul", "einsum", *REDUCTIONS) and any(k in chosen for k in space.reduced):
            kept = math.prod(n for k, n in space.extents.items() if k in space.result and k not in chosen)
            if kept > ACCUMULATORS:
                return None
        return sorted(chosen, key=lambda k: self._order(node, space, k))

    def _order(self, node: Node, space: Space, letter: int) -> tuple[int, int]:
        """Loops run along the largest argument as it stands in memory."""
        largest = max(range(len(node.args)), key=lambda i: math.prod(node.args[i].aval.shape), default=None)
        if largest is not None and letter in space.args[largest]:
            layout = layout_of(node.args[largest])
            if layout is not None:
                return 0, -abs(layout.strides[space.args[largest].index(letter)])
        return 1, space.result.index(letter) if letter in space.result else 99
