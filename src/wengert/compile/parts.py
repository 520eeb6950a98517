"""What is only copied into a larger array is written there at once.

A concatenation copies its pieces, and a scatter its values. A piece that nobody else reads can be a part of the larger
array from the beginning: whoever computes it writes it to where it belongs. Often the piece is a slice of what is
computed (a shift by one, as in `np.concatenate([a, x[:-1]])`); then the rest of it falls beyond the ends, for which the
memory is made longer, or on places that are written later.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wengert.compile.access import Layout, contiguous, is_view, layout_of, sliced
from wengert.compile.fuse import Fusion
from wengert.compile.loops import SIZES, Buffer
from wengert.compile.normal import Normal
from wengert.compile.plan import LINE
from wengert.compile.spaces import basic_index
from wengert.graph.node import Node


class _Part(NamedTuple):
    buffer: Buffer
    start: int  # where its first element stands in the larger array, perhaps before its beginning
    is_all: bool  # whether all of it belongs there


def write_parts(normal: Normal, fusion: Fusion, buffers: dict[int, Buffer]) -> None:
    """Make buffers parts of those to which they would be copied."""
    kept = {id(n) for n in (*normal.outputs, *(g.node for g in normal.guards))}
    users = (n for n in normal.nodes if n.primitive is not None and not is_view(n))
    readers = Counter(id(fusion.base(arg)) for node in users for arg in node.args)
    taken = Counter(id(b) for b in buffers.values())  # an update in place shares one
    for node in reversed(normal.nodes):
        whole = buffers.get(id(node))
        if not isinstance(whole, Buffer) or node.primitive is None or fusion.home[id(node)].is_loop:
            continue
        found = []
        for arg, place in pieces(node):
            base, layout = fusion.base(arg), layout_of(arg)
            part = buffers.get(id(base))
            first = None if layout is None else run(layout)
            if readers[id(base)] != 1 or id(base) in kept or taken[id(part)] != 1 or first is None:
                continue
            if isinstance(part, Buffer) and part.kind == "temp" and part.type == whole.type and part is not whole:
                found.append(_Part(part, place - first, part.size == math.prod(arg.aval.shape)))
        _place(whole, found)


def pieces(node: Node) -> Iterator[tuple[Node, int]]:
    """The arguments that are copied to places without gaps, and where each of them begins."""
    shape = node.aval.shape
    if node.operation == "concatenate" and math.prod(shape[: node.params["axis"]]) == 1:
        place = 0
        for arg in node.args:
            yield arg, place
            place += math.prod(arg.aval.shape)
    elif node.operation == "scatter" and len(node.args) == 1:
        index = basic_index(tuple(node.params["indices"][0]), shape)
        piece = None if index is None else sliced(contiguous(shape), index)
        first = None if piece is None else run(piece)
        if piece is not None and first is not None and math.prod(piece.shape) == math.prod(node.args[0].aval.shape):
            yield node.args[0], first


def run(layout: Layout) -> int | None:
    """Where the elements begin, if they stand one after the other."""
    place = 1
    for n, stride in zip(reversed(layout.shape), reversed(layout.strides), strict=True):
        if n != 1:
            if stride != place:
                return None
            place *= n
    return layout.offset


def _place(whole: Buffer, found: Sequence[_Part]) -> None:
    """All parts of which nothing else would be written; or, if it is larger, the largest one with its rest."""
    if not found:
        return
    largest = max(found, key=lambda part: part.buffer.size)
    if largest.is_all:
        for part in found:
            if part.is_all:
                part.buffer.put_into(whole, part.start)
        return
    first, end = min(0, largest.start), max(whole.size, largest.start + largest.buffer.size)
    if end - first > whole.size:
        if whole.kind != "temp":
            return
        first -= (first - largest.start) % (LINE // SIZES[whole.type])  # what is computed is written in full lines
        whole.put_into(Buffer(f"{whole.name}.long", whole.type, (end - first,), "temp"), -first)
    largest.buffer.put_into(whole, largest.start)
