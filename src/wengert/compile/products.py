"""Many products of matrices, and Einstein sums as such products, by BLAS in a loop."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wengert.compile import blas
from wengert.compile.access import Layout, contiguous, is_matrix, layout_of, reshaped
from wengert.compile.foreign import Address, function, invoke
from wengert.compile.lone import Lone, writes
from wengert.compile.loops import Buffer, Offset, Value
from wengert.graph.node import Node

_PREFIX = {"double": "d", "float": "s"}
Array = tuple[Buffer, Layout]


def _matrices(node: Node) -> list[Layout] | None:
    """The arguments with two axes and more, as they stand."""
    found = []
    for k, arg in enumerate(node.args):
        layout = layout_of(arg)
        if layout is None or arg.aval.dtype != node.aval.dtype:
            return None
        if len(layout.shape) == 1:
            (n,), (s,) = layout[:2]
            layout = Layout((n, 1), (s, 0), layout.offset) if k else Layout((1, n), (0, s), layout.offset)
        found.append(layout)
    return found


def _is_product(node: Node) -> bool:
    if node.aval.dtype not in (np.float64, np.float32) or 0 in node.aval.shape:
        return False
    found = _matrices(node)
    return found is not None and found[0].shape[-1] > 0 and all(map(is_matrix, found))


@writes("matmul", where=_is_product)
def _matmul(lone: Lone) -> None:
    found, target = _matrices(lone.node), lone.target
    assert found is not None
    x, y = ((lone.place(arg)[0], layout) for arg, layout in zip(lone.node.args, found, strict=True))
    batch = np.broadcast_shapes(x[1].shape[:-2], y[1].shape[:-2])
    _multiply(lone, x, y, (target, contiguous((*batch, x[1].shape[-2], y[1].shape[-1]))))


def _multiply(lone: Lone, x: Array, y: Array, z: Array) -> None:
    """The products, one for each place of the leading axes of the result."""
    type_ = z[0].type
    gemm = function("scipy.linalg.cython_blas", _PREFIX[type_] + "gemm", "void")
    (m, k), n = x[1].shape[-2:], y[1].shape[-1]
    (how_x, ld_x), (how_y, ld_y) = blas.read(x[1]), blas.read(y[1])
    with lone.loops(z[1].shape[:-2]) as lead:
        left, right, result = (_matrix(lone, a, len(a[1].shape) - 2, lead) for a in (x, y, z))
        args = [how_y, how_x, n, m, k, 1.0, right, ld_y, left, ld_x, 0.0, result, n]
        invoke(lone.builder, gemm, args, type_, 50 + m * n * k // 4)


def _matrix(lone: Lone, array: Array, axes: int, lead: Sequence[object]) -> Address:
    return lone.address(*array, lead[len(lead) - axes :])  # type: ignore[arg-type]


def multiply_rows(lone: Lone, node: Node, start: Value, count: Value, tile: Buffer) -> None:
    """Some rows of a product, as many as there are room for."""
    x, y = ((lone.place(a)[0], lone.place(a)[1]) for a in node.args)
    (_, k), n = x[1].shape, y[1].shape[1]
    (how_x, ld_x), (how_y, ld_y) = blas.read(x[1]), blas.read(y[1])
    rows = lone.builder.variable(lone.builder.let("cast trunc", count, type="i32"))
    left = Address(x[0], Offset(x[1].offset, ((start, x[1].strides[0]),)))
    right, result = Address(y[0], Offset(y[1].offset)), Address(tile, Offset(0))
    gemm = function("scipy.linalg.cython_blas", _PREFIX[tile.type] + "gemm", "void")
    args = [how_y, how_x, n, rows, k, 1.0, right, ld_y, left, ld_x, 0.0, result, n]
    invoke(lone.builder, gemm, args, tile.type, 50 + tile.size * k // 4)


# Einstein sums -------------------------------------------------------------------------------------------------------


def _groups(node: Node) -> tuple[list[str], list[str]] | None:
    """The letters of both arguments and the result, and those of the batch, the rows, the sum and the columns."""
    terms, result = node.params["subscripts"].split("->")
    names = terms.split(",")
    if len(names) != 2 or any(len(set(t)) < len(t) for t in names) or math.prod(node.aval.shape) == 0:
        return None
    first, second = names
    sizes: dict[str, int] = {}
    for name, arg in zip(names, node.args, strict=True):
        if arg.aval.dtype != node.aval.dtype:
            return None
        for c, n in zip(name, arg.aval.shape, strict=True):
            if sizes.setdefault(c, n) != n or n == 0:
                return None
    if any(c not in second + result for c in first) or any(c not in first + result for c in second):
        return None  # a letter that is summed alone
    batch = [c for c in result if c in first and c in second]
    rows = [c for c in result if c not in second]
    columns = [c for c in result if c not in first]
    summed = [c for c in first if c not in result]
    return [first, second, result], ["".join(g) for g in (batch, rows, summed, columns)]


@writes("einsum", where=lambda node: node.aval.dtype in (np.float64, np.float32) and _groups(node) is not None)
def _einsum(lone: Lone) -> None:
    found = _groups(lone.node)
    assert found is not None
    (first, second, result), (batch, rows, summed, columns) = found
    target = lone.target
    sizes = {c: n for t, k in ((first, 0), (second, 1)) for c, n in zip(t, lone.shape(k), strict=True)}

    def merged(array: Array, letters: str, *groups: str) -> Array:
        """With an axis for each letter of the batch and each of the other groups, copied where strides cannot."""
        buffer, layout = array
        order = [letters.index(c) for g in (batch, *groups) for c in g]
        moved = [tuple(part[i] for i in order) for part in layout[:2]]
        layout = Layout(moved[0], moved[1], layout.offset)
        shape = (*(sizes[c] for c in batch), *(math.prod(sizes[c] for c in g) for g in groups))
        seen = reshaped(layout, shape)
        if seen is not None and is_matrix(seen):
            return buffer, seen
        copy = lone.temporary(target.type, layout.shape)
        with lone.loops(layout.shape) as at:
            value = lone.builder.load(buffer, lone.offset(layout, at))
            lone.builder.store(copy, lone.offset(contiguous(layout.shape), at), value)
        return copy, contiguous(shape)

    x = merged(lone.place(lone.node.args[0]), first, rows, summed)
    y = merged(lone.place(lone.node.args[1]), second, summed, columns)
    order = batch + rows + columns
    shape = (*x[1].shape[:-1], y[1].shape[-1])
    if order == result:
        _multiply(lone, x, y, (target, contiguous(shape)))
        return
    there = lone.temporary(target.type, shape)
    _multiply(lone, x, y, (there, contiguous(shape)))
    turned = contiguous([sizes[c] for c in order])
    seen = Layout(target.shape, tuple(turned.strides[order.index(c)] for c in result))
    with lone.loops(target.shape) as at:
        lone.store(at, lone.builder.load(there, lone.offset(seen, at)))
