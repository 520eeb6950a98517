"""Which short axes are loops after all: those that nobody needs written out, place by place.

To write out an axis pays where single places of it are picked, where products of small matrices run along it, and where
a sum over it then stays in registers. An axis of a batch does none of that: code that repeats a loop for each of its
places is as fast as a loop around it, and as many times as long. Fusion (fuse.py) cannot know that while it goes
through the graph, since it depends on what comes later; so it is done once more where such axes have been found.
"""

from __future__ import annotations

from collections.abc import Sequence

from wengert.compile.access import is_view
from wengert.compile.fuse import Fusion, Region
from wengert.compile.spaces import REDUCTIONS, Space, space_of
from wengert.graph.node import Node

FEW = 4  # places of an axis that are written out in any case: the coordinates of points
MANY = 96  # operations of a region that may be written out
ROUNDS = 4

Letter = tuple[int, int]  # a node and a letter of its space


def fused(nodes: Sequence[Node]) -> Fusion:
    """The regions of a graph, in which loops run along the axes that need not be written out."""
    loops: dict[int, set[int]] = {}
    for _ in range(ROUNDS):
        fusion = Fusion(nodes, loops)
        found = [letter for region in fusion.regions if region.is_loop for letter in _Written(region).needless]
        if not found:
            break
        for node, letter in found:
            loops.setdefault(node, set()).add(letter)
    return fusion


class _Axis:
    """One axis that is written out in a region: its letters in all operations, and what speaks for writing it out.

    `needed`: by places that are picked or a product of matrices; `summed`: by a sum over it; `outer`: a loop is inside.
    """

    def __init__(self, extent: int, letter: Letter) -> None:
        self.extent, self.letters = extent, [letter]
        self.needed = self.summed = self.outer = False


class _Written:
    """The axes that a region writes out."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.axes: dict[Letter, _Axis] = {}
        self.entered: set[int] = set()
        for node in region.nodes:
            self._enter(node, region.spaces[id(node)], region.letters[id(node)])

    @property
    def needless(self) -> list[Letter]:
        """The letters of those that are to be loops, the longest first, until what is left is short."""
        found: list[Letter] = []
        operations = self.region.operations
        for axis in sorted({id(a): a for a in self.axes.values()}.values(), key=lambda a: -a.extent):
            many = operations > MANY
            if (
                not axis.needed
                and (many or (axis.extent > FEW and not axis.summed))
                and (axis.outer or (many and not axis.summed))
            ):
                found += axis.letters
                operations //= axis.extent
        return found

    def _enter(self, node: Node, space: Space, loops: dict[int, int]) -> None:
        """The axes of an operation, which are those of its arguments where they are computed here too."""
        self.entered.add(id(node))
        sums = node.operation in REDUCTIONS and not any(k in loops for k in space.reduced)
        last = max((i for i, k in enumerate(space.result) if k in loops), default=-1)
        for k, n in space.extents.items():
            if k not in loops and n > 1:
                axis = self.axes[id(node), k] = _Axis(n, (id(node), k))
                axis.needed = k in space.fixed or node.operation in ("matmul", "einsum")
                axis.summed = sums and k in space.reduced
                axis.outer = k in space.result[: max(last, 0)]
        for arg, along in zip(node.args, space.args, strict=True):
            for letter, other in zip(along, self._of(arg), strict=True):
                own = self.axes.get((id(node), letter)) if letter is not None else None
                if own is not None and other is not None:
                    self._join(own, other)

    def _of(self, node: Node) -> list[_Axis | None]:
        """The axes of a value; None for those that are not written out, or if it is not computed here."""
        region = self.region
        if id(node) in region.maps and id(node) not in self.entered and is_view(node):
            space = space_of(node)
            assert space is not None
            self._of(node.args[0])
            along = zip(space.args[0], region.maps[id(node.args[0])], strict=True)
            self._enter(node, space, {k: d for k, d in along if k is not None and d is not None})
        if id(node) not in self.entered:
            return [None] * len(node.aval.shape)
        space = region.spaces[id(node)] if id(node) in region.spaces else space_of(node)
        assert space is not None
        return [None if k is None else self.axes.get((id(node), k)) for k in space.result]

    def _join(self, one: _Axis, other: _Axis) -> None:
        if one is other or one.extent != other.extent:
            return
        for letter in other.letters:
            self.axes[letter] = one
        one.letters += other.letters
        one.needed |= other.needed
        one.summed |= other.summed
        one.outer |= other.outer
