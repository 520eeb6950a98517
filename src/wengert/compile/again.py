"""What is cheap is computed again rather than kept: memory is slower than arithmetic.

An intermediate array that another region reads has to be written out and read back. Where it comes by simple arithmetic
from what that region can read anyway, the region computes it for itself, and the array is never made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from wengert.compile.access import is_view
from wengert.compile.fuse import WRITTEN_OUT, Fusion, Region, places
from wengert.compile.scalar import BITWISE, PREDICATES
from wengert.compile.spaces import ELEMENTWISE, Space, space_of
from wengert.graph.node import Node

SMALL = 256  # elements: what is smaller stays in the cache
CHAIN = 8  # operations that are repeated for one array
_SIMPLE = {
    "add", "subtract", "multiply", "divide", "scale", "negative", "positive", "conjugate", "conj", "real",
    "stop_gradient", "astype", "absolute", "square", "reciprocal", "maximum", "minimum", "fmax", "fmin", "relu", "sign",
    "floor", "ceil", "trunc", "rint", "heaviside", "where", "discretize", *PREDICATES, *BITWISE,
}  # fmt: skip


Axes = tuple[int | None, ...]  # for each axis the loop that runs along it


class Repetition:
    """Goes through the nodes from the last to the first and moves what is cheap to where it is used."""

    def __init__(self, fusion: Fusion, nodes: Sequence[Node], kept: Sequence[Node]) -> None:
        self.fusion, self.kept = fusion, {id(n) for n in kept}
        self.inside: dict[int, list[Region]] = {}  # the regions in which a node is computed
        for region in fusion.regions:
            for node in region.nodes:
                self.inside.setdefault(id(node), []).append(region)
        self.position = {id(n): i for i, n in enumerate(nodes)}
        self.users: dict[int, list[tuple[Node, int, bool]]] = {}  # of a base: who, which argument, through a view?
        for node in nodes:
            if node.primitive is None or is_view(node):
                continue
            for i, arg in enumerate(node.args):
                base = fusion.base(arg)
                self.users.setdefault(id(base), []).append((node, i, base is not arg))
        for node in reversed(nodes):
            if self._is_candidate(node):
                self._move(node)

    def _is_candidate(self, node: Node) -> bool:
        if not is_cheap(node) or id(node) in self.kept or math.prod(node.aval.shape) < SMALL:
            return False
        home = self.fusion.home[id(node)]
        return home.is_loop and bool(home.dims) and id(node) not in home.accumulated

    def _readers(self, node: Node) -> dict[int, list[tuple[Node, int, bool]]]:
        """The users in regions that do not compute the node themselves, by region."""
        own = {r.index for r in self.inside[id(node)]}
        found: dict[int, list[tuple[Node, int, bool]]] = {}
        for user in self.users.get(id(node), ()):
            for region in self.inside[id(user[0])]:
                if region.index not in own:
                    found.setdefault(region.index, []).append(user)
        return found

    def _is_kept(self, node: Node) -> bool:
        """Whether a node is in memory already, or will be."""
        if node.primitive is None:  # an argument, a constant, one of the results of an operation that stands alone
            return True
        return id(node) in self.kept or bool(self._readers(node)) or not self.fusion.home[id(node)].is_loop

    def _move(self, node: Node) -> None:
        plans = []
        for index, users in self._readers(node).items():
            region = self.fusion.regions[index]
            plan = self._plan(node, region, users)
            if plan is None:
                return
            plans.append((region, plan))
        for region, plan in plans:
            for n, space, letters in plan:
                if id(n) not in region.maps:
                    region.add(n, space, letters)
                    self.inside[id(n)].append(region)
            region.nodes.sort(key=lambda n: self.position[id(n)])
        home = self.fusion.home[id(node)]
        if not any(home in self.inside[id(user)] for user, _, _ in self.users.get(id(node), ())):
            home.nodes.remove(node)
            self.inside[id(node)].remove(home)

    def _plan(
        self, node: Node, region: Region, users: Sequence[tuple[Node, int, bool]]
    ) -> list[tuple[Node, Space, dict[int, int]]] | None:
        """The operations to repeat in a region, users before what they use; None where it does not pay."""
        if not region.is_loop:
            return None
        user, i, _ = users[0]
        plan: list[tuple[Node, Space, dict[int, int]]] = []
        planned: dict[int, Axes] = {}
        waiting = [(node, self._axes(region, user, i))]
        loads = 0
        while waiting:
            n, axes = waiting.pop(0)
            if planned.setdefault(id(n), axes) != axes or not self._read_along(region, n, axes):
                return None
            if any(n is other for other, _, _ in plan):
                continue
            space = space_of(n)
            assert space is not None
            letters = {k: d for k, d in zip(space.result, axes, strict=True) if k is not None and d is not None}
            if id(n) in region.maps and region.maps[id(n)] != axes:
                return None
            if places(space, letters) > WRITTEN_OUT or len(plan) >= CHAIN:
                return None
            plan.append((n, space, letters))
            for arg, of in zip(n.args, space.args, strict=True):
                base = self.fusion.base(arg)
                along = tuple(None if k is None else letters.get(k) for k in of)
                if id(base) in region.maps and id(base) not in region.accumulated and base is arg:
                    if region.maps[id(base)] != along:
                        return None
                    continue
                if self._is_kept(base) and not (base is arg and self._follows(base)):
                    large = math.prod(base.aval.shape) >= math.prod(node.aval.shape)
                    loads += large and not self._reads(region, base)
                    continue
                if base is not arg or not self._follows(base):
                    return None
                waiting.append((arg, along))
        return plan if loads <= 1 else None

    @staticmethod
    def _axes(region: Region, user: Node, position: int) -> Axes:
        """Which loop of a region runs along each axis of an argument."""
        letters = region.letters[id(user)]
        return tuple(None if k is None else letters.get(k) for k in region.spaces[id(user)].args[position])

    def _read_along(self, region: Region, node: Node, axes: Axes) -> bool:
        """Whether everybody in the region reads the node itself, and along the same loops."""
        return all(
            not seen and self._axes(region, user, i) == axes
            for user, i, seen in self.users.get(id(node), ())
            if region in self.inside[id(user)]
        )

    def _follows(self, node: Node) -> bool:
        """Whether a node that is not kept, or need not be, can be repeated too."""
        return self._is_candidate(node) if node.primitive is not None else False

    def _reads(self, region: Region, base: Node) -> bool:
        return any(self.fusion.base(a) is base for n in region.nodes for a in n.args)


def is_cheap(node: Node) -> bool:
    """Whether an operation is a few instructions."""
    name = node.operation
    if name == "power":
        exponent = node.args[1]
        return exponent.is_constant and exponent.aval.shape == () and exponent.value in (1, 2, 3, 4, -1)
    return name in _SIMPLE and name in ELEMENTWISE
