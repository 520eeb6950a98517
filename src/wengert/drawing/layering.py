"""The layer of each box in a layered layout, such that arrows lead forward and are short.

**Source**: E. R. Gansner, E. Koutsofios, S. C. North and K.-P. Vo, *A technique for drawing directed graphs*, IEEE
Transactions on Software Engineering 19 (1993), section 2.
"""

from __future__ import annotations

from collections.abc import Sequence

from wengert.drawing.diagram import neighbours, topological_order

_SWEEPS = 6


def layers_of(count: int, arrows: Sequence[tuple[int, int]], spans: Sequence[int]) -> list[int]:
    """The layer of each box: as early as its arrows with their smallest `spans` allow, then where they are short.

    A unit with more arrows on one side than on the other moves to that side; one with equally many follows its
    successors, which costs nothing and lets the units before it move. This descends to a local optimum of the total
    length, which Gansner et al. (1993) minimize with a network simplex.
    """
    unit, offset = _units(count, arrows, spans)
    before: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    after: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    between: list[tuple[int, int]] = []
    for (source, target), span in zip(arrows, spans, strict=True):
        a, b = unit[source], unit[target]
        if a != b:
            apart = span + offset[source] - offset[target]
            before[b].append((a, apart))
            after[a].append((b, apart))
            between.append((a, b))
    order = topological_order(count, between)
    rank = [0] * count
    for a in order:
        rank[a] = max((rank[b] + apart for b, apart in before[a]), default=0)
    for _ in range(_SWEEPS):
        previous = rank[:]
        for a in reversed(order):
            if after[a] and len(after[a]) >= len(before[a]):
                rank[a] = min(rank[b] - apart for b, apart in after[a])
        for a in order:
            if before[a] and len(before[a]) > len(after[a]):
                rank[a] = max(rank[b] + apart for b, apart in before[a])
        if rank == previous:
            break
    layers = [rank[unit[box]] + offset[box] for box in range(count)]
    lowest = min(layers)
    return [layer - lowest for layer in layers]


def _units(count: int, arrows: Sequence[tuple[int, int]], spans: Sequence[int]) -> tuple[list[int], list[int]]:
    """For each box the first one of its unit and how many layers behind it stands: bonded boxes stay together."""
    order = topological_order(count, arrows)
    if len(order) < count:
        raise ValueError("the arrows form a cycle; a layered layout needs an acyclic graph")
    bonded = bonds(count, arrows)
    bond_to = {
        target: (source, span) for (source, target), span, bond in zip(arrows, spans, bonded, strict=True) if bond
    }
    unit, offset = list(range(count)), [0] * count
    for box in order:
        if box in bond_to:
            source, span = bond_to[box]
            unit[box], offset[box] = unit[source], offset[source] + span
    return unit, offset


def bonds(count: int, arrows: Sequence[tuple[int, int]]) -> list[bool]:
    """Whether each arrow is the only one from its source and to its target, as between an operation and its result."""
    before, after = neighbours(count, arrows)
    return [len(after[source]) == 1 and len(before[target]) == 1 for source, target in arrows]
