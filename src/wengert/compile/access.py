"""Where the elements of a node are: in a buffer, by a stride for each axis. Views of a buffer cost nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from wengert.compile.spaces import basic_index
from wengert.graph.node import Node

VIEWS = frozenset({"reshape", "transpose", "getitem", "broadcast_to"})


class Layout(NamedTuple):
    """Element (i, j, …) of a shape stands at offset + i·strides[0] + j·strides[1] + …, in elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0


def contiguous(shape: Sequence[int]) -> Layout:
    """Row by row."""
    strides = [1] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        strides[i] = strides[i + 1] * max(shape[i + 1], 1)
    return Layout(tuple(shape), tuple(strides))


def is_view(node: Node) -> bool:
    """Whether the operation only looks at its argument in another way."""
    if node.primitive is None or node.primitive.name not in VIEWS:
        return False
    return node.primitive.name != "getitem" or basic_index(node.params["index"], node.args[0].aval.shape) is not None


def viewed(node: Node, layout: Layout) -> Layout | None:
    """The layout of a view of something that has a layout; None where it must be copied first."""
    assert node.primitive is not None
    name = node.primitive.name
    if name == "transpose":
        axes = node.params["axes"]
        return Layout(node.aval.shape, tuple(layout.strides[i] for i in axes), layout.offset)
    if name == "broadcast_to":
        lead = len(node.aval.shape) - len(layout.shape)
        stretched = [
            0 if n != node.aval.shape[lead + i] else s for i, (n, s) in enumerate(zip(*layout[:2], strict=True))
        ]
        return Layout(node.aval.shape, (*[0] * lead, *stretched), layout.offset)
    if name == "reshape":
        return reshaped(layout, node.aval.shape)
    index = basic_index(node.params["index"], layout.shape)
    assert index is not None
    return sliced(layout, index)


def sliced(layout: Layout, index: Sequence[Any]) -> Layout:
    """The places that an index of slices and numbers takes."""
    shape, strides, offset, axis = [], [], layout.offset, 0
    for part in index:
        if part is None:
            shape.append(1)
            strides.append(0)
            continue
        n, stride = layout.shape[axis], layout.strides[axis]
        axis += 1
        if isinstance(part, slice):
            start, _, step = part.indices(n)
            taken = len(range(*part.indices(n)))
            shape.append(taken)
            strides.append(step * stride)
            offset += start * stride if taken else 0
        else:
            offset += part % n * stride
    return Layout(tuple(shape), tuple(strides), offset)


def reshaped(layout: Layout, shape: tuple[int, ...]) -> Layout | None:
    """The same elements in another shape, where strides can say so."""
    if math.prod(shape) == 0:
        return contiguous(shape)
    # Axes of length 1 do not matter; neighbours that follow each other in memory are one axis.
    runs: list[list[int]] = []
    for n, stride in zip(layout.shape, layout.strides, strict=True):
        if n == 1:
            continue
        if runs and runs[-1][1] == n * stride:
            runs[-1] = [runs[-1][0] * n, stride]
        else:
            runs.append([n, stride])
    strides = [0] * len(shape)
    runs = runs[::-1]
    for i in range(len(shape) - 1, -1, -1):
        if shape[i] == 1:
            continue
        if not runs or runs[0][0] % shape[i]:
            return None
        strides[i] = runs[0][1]
        runs[0] = [runs[0][0] // shape[i], runs[0][1] * shape[i]]
        if runs[0][0] == 1:
            runs.pop(0)
    return Layout(shape, tuple(strides), layout.offset)


def layout_of(node: Node) -> Layout | None:
    """How the elements of a node or a view stand in the buffer of what it looks at."""
    chain = []
    while is_view(node):
        chain.append(node)
        node = node.args[0]
    layout: Layout | None = contiguous(node.aval.shape)
    for view in reversed(chain):
        if layout is None:
            return None
        layout = viewed(view, layout)
    return layout


def is_plain(node: Node) -> bool:
    """Whether the elements stand one after the other, from whichever of the buffer's on."""
    layout = layout_of(node)
    return layout is not None and layout._replace(offset=0) == contiguous(node.aval.shape)


def is_matrix(layout: Layout) -> bool:
    """Whether BLAS can read it: one of the two axes is without gaps."""
    (m, n), (s, t) = layout.shape[-2:], layout.strides[-2:]
    by_rows = (t == 1 or n == 1) and (s >= max(n, 1) or m == 1)
    by_columns = (s == 1 or m == 1) and (t >= max(m, 1) or n == 1)
    return by_rows or by_columns
