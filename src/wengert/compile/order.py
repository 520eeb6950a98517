"""Where the largest or smallest element is, and where elements belong in sorted ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from wengert.compile.access import contiguous
from wengert.compile.evaluate import first
from wengert.compile.lone import Lone, count, cut, writes
from wengert.compile.loops import TYPES, Buffer, Offset, Value
from wengert.compile.products import multiply_rows
from wengert.compile.scalar import FLOATS, Arithmetic
from wengert.graph.node import Node

NARROW = 24  # factors
TILE = 16384  # numbers that are computed at a time, so that they stay in the cache


@writes("argmax", "argmin")
def _position(lone: Lone) -> None:
    """The first place of the extremum; a NaN is larger and smaller than all, and the first one counts."""
    shape, axis = lone.shape(0), lone.node.params["axis"]
    if axis is None:
        _along(lone, [], shape, [])
        return
    before, n, after = cut(shape, axis % len(shape))
    if count(after) > 1 and n > 1:
        _across(lone, before, n, after)
    else:
        _along(lone, before, [n], after)


@contextmanager
def _rows(lone: Lone, shape: Sequence[int]) -> Iterator[list[Value]]:
    """Loops over rows; where these come from a product of matrices, BLAS computes some of them at a time."""
    product = next((n for n in lone.inside.values() if n.operation == "matmul"), None)
    if product is None:
        with lone.loops(shape) as loops:
            yield loops
        return
    builder, (rows, columns) = lone.builder, product.aval.shape
    if product.args[0].aval.shape[1] <= NARROW:
        yield from _narrow_rows(lone, product)
        return
    block = min(rows, max(16, TILE // columns))
    tile = lone.temporary(TYPES[product.aval.dtype], (block, columns))
    with builder.loop(rows, block) as start:
        left = builder.let("sub", lone.whole(rows), start, type="i64")
        some = builder.let("intrinsic umin", left, lone.whole(block), type="i64")
        multiply_rows(lone, product, start, some, tile)
        with builder.loop(some) as row:
            here = contiguous(tile.shape)
            lone.computed[id(product)] = lambda at: builder.load(tile, lone.offset(here, [row, at[-1]]))
            yield [builder.let("add", start, row, type="i64")]


def _narrow_rows(lone: Lone, product: Node) -> Iterator[list[Value]]:
    """The same with so few factors that they stay in registers, for which BLAS is slow."""
    builder, type_ = lone.builder, TYPES[product.aval.dtype]
    (rows, columns), k = product.aval.shape, product.args[0].aval.shape[1]
    right = lone.temporary(type_, (k, columns))
    with lone.loops((k, columns)) as at:
        builder.store(right, lone.offset(contiguous(right.shape), at), lone.read(product.args[1], at))
    with builder.loop(rows) as i:
        factors = [lone.read(product.args[0], [i, lone.whole(a)]) for a in range(k)]

        def element(at: Sequence[Value]) -> Value:
            total = builder.constant(0, type_)
            for a, factor in enumerate(factors):
                other = builder.load(right, Offset(a * columns, ((at[-1], 1),)))
                total = builder.let("intrinsic fmuladd", factor, other, total, type=type_)
            return total

        lone.computed[id(product)] = element
        yield [i]


def _along(lone: Lone, before: Sequence[int], axes: Sequence[int], after: Sequence[int]) -> None:
    """The extremum first, then the least place where it is: two loops without branches, for rows in the cache."""
    builder, type_ = lone.builder, lone.type(0)
    a, op = lone.arithmetic(type_), lone.node.operation.removeprefix("arg")
    strides, none = contiguous(axes).strides, lone.whole(count(axes))
    kind = _KEYS.get(type_, type_)
    row = lone.temporary(type_, axes) if lone.inside else None  # what is computed here need not be twice
    with _rows(lone, [*before, *after]) as outer:
        lead, tail = outer[: len(before)], outer[len(before) :]
        best = builder.variable(builder.constant(first(op, kind), kind))
        with lone.loops(axes) as inner:
            x = lone.element(0, [*lead, *inner, *tail])
            if row is not None:
                builder.store(row, Offset(0, ((inner[0], 1),)), x)
            builder.accumulate(best, op, _key(lone, x) if a.floating else x)
        extremum = builder.read(best)
        if a.floating:
            extremum = _number(lone, extremum, type_)
        place, nan = builder.variable(none), builder.variable(none)
        with lone.loops(axes) as inner:
            x = lone.element(0, [*lead, *inner, *tail]) if row is None else _again(lone, row, inner)
            here = lone.whole(0)
            for i, s in zip(inner, strides, strict=True):
                step = i if s == 1 else builder.let("mul", i, lone.whole(s), type="i64")
                here = step if here.op == "constant" else builder.let("add", here, step, type="i64")
            builder.accumulate(place, "min", a.select(a.compare("oeq", x, extremum), here, none))
            if a.floating:
                builder.accumulate(nan, "min", a.select(a.is_nan(x), here, none))
        found, missing = builder.read(place), builder.read(nan)
        some = builder.let("icmp ne", missing, none, type="i1")
        _store(lone, outer, a.select(some, missing, found))


def _again(lone: Lone, row: Buffer, inner: Sequence[Value]) -> Value:
    return lone.builder.load(row, Offset(0, ((inner[0], 1),)))


#: Floating-point numbers as integers in the same order, since the extremum of integers is one instruction.
_KEYS = {"double": "i64", "float": "i32"}


def _turned(lone: Lone, bits: Value) -> Value:
    """Of a negative number all bits but that of the sign, turned over."""
    builder, width = lone.builder, int(bits.type[1:])
    sign = builder.let("ashr", bits, builder.constant(width - 1, bits.type), type=bits.type)
    rest = builder.let("and", sign, builder.constant(2 ** (width - 1) - 1, bits.type), type=bits.type)
    return builder.let("xor", bits, rest, type=bits.type)


def _key(lone: Lone, x: Value) -> Value:
    return _turned(lone, lone.builder.let("cast bitcast", x, type=_KEYS[x.type]))


def _number(lone: Lone, key: Value, type_: str) -> Value:
    return lone.builder.let("cast bitcast", _turned(lone, key), type=type_)


def _store(lone: Lone, at: Sequence[Value], value: Value) -> None:
    """Into the result, whose axes are the given ones and, where they are kept, others of length 1."""
    kept = [i for i, n in enumerate(lone.node.aval.shape) if n != 1]
    moving = [v for v, n in zip(at, _extents(lone), strict=True) if n != 1]
    strides = contiguous(lone.target.shape).strides
    lone.builder.store(lone.target, Offset(0, tuple((v, strides[i]) for v, i in zip(moving, kept, strict=True))), value)


def _extents(lone: Lone) -> list[int]:
    shape, axis = lone.shape(0), lone.node.params["axis"]
    return [] if axis is None else [n for i, n in enumerate(shape) if i != axis % len(shape)]


def _across(lone: Lone, before: Sequence[int], n: int, after: Sequence[int]) -> None:
    """Row by row, each compared with the best so far."""
    builder, type_ = lone.builder, lone.type(0)
    a, greater = lone.arithmetic(type_), lone.node.operation == "argmax"
    best = lone.temporary(type_, after)
    with lone.loops(before) as lead:
        with lone.loops(after) as tail:
            x = lone.element(0, [*lead, lone.whole(0), *tail])
            builder.store(best, lone.offset(contiguous(after), tail), x)
            _store(lone, [*lead, *tail], lone.whole(0))
        with lone.loops([n - 1]) as (k,):
            row = builder.let("add", k, lone.whole(1), type="i64")
            with lone.loops(after) as tail:
                x = lone.element(0, [*lead, row, *tail])
                at = lone.offset(contiguous(after), tail)
                old = builder.load(best, at)
                wins = a.compare(("ugt" if greater else "ult") if a.floating else ("ogt" if greater else "olt"), x, old)
                if a.floating:
                    wins = a.logic("and", wins, a.compare("ord", old, old))
                kept = [i for i, m in enumerate(lone.node.aval.shape) if m != 1]
                moving = [v for v, m in zip([*lead, *tail], _extents(lone), strict=True) if m != 1]
                strides = contiguous(lone.target.shape).strides
                there = Offset(0, tuple((v, strides[i]) for v, i in zip(moving, kept, strict=True)))
                place = builder.let("select", wins, row, builder.load(lone.target, there), type="i64")
                builder.store(best, at, a.select(wins, x, old))
                builder.store(lone.target, there, place)


# Sorted arrays -------------------------------------------------------------------------------------------------------


def _common(node: Node) -> str | None:
    return TYPES.get(np.result_type(node.args[0].aval.dtype, node.args[1].aval.dtype))


def _places(lone: Lone, knots: int, x: Value, a: Arithmetic, side: str) -> Value:
    """How many elements of the sorted argument come before x: halving, in as many steps for every x."""
    builder, n = lone.builder, lone.shape(knots)[0]
    place, step = lone.whole(0), 1
    while 2 * step <= n:
        step *= 2
    while step and n:
        after = builder.let("add", place, lone.whole(step), type="i64")
        last = lone.whole(n)
        inside = builder.let("icmp sle", after, last, type="i1")
        at = builder.let("add", builder.let("intrinsic smin", after, last, type="i64"), lone.whole(-1), type="i64")
        knot = lone.element(knots, [at], a.type)
        if side == "left":
            goes = a.compare("olt", knot, x)
            if a.floating:  # NaN comes after all numbers
                goes = a.logic("or", goes, a.logic("and", a.is_nan(x), a.compare("ord", knot, knot)))
        elif a.floating:
            goes = a.logic("or", a.compare("ole", knot, x), a.is_nan(x))
        else:
            goes = a.compare("ole", knot, x)
        place = builder.let("select", a.logic("and", inside, goes), after, place, type="i64")
        step //= 2
    return place


@writes("searchsorted", where=lambda node: node.params["sorter"] is None and _common(node) not in (None, "i1"))
def _searchsorted(lone: Lone) -> None:
    _search(lone, 0, 1, lone.node.params["side"])


def _is_rising(node: Node) -> bool:
    bins = node.args[1]
    rising = bins.is_constant and bins.aval.shape != () and bool(np.all(bins.value[1:] >= bins.value[:-1]))
    return rising and _common(node) not in (None, "i1")


@writes("digitize", where=_is_rising)
def _digitize(lone: Lone) -> None:
    _search(lone, 1, 0, "left" if lone.node.params["right"] else "right")


def _search(lone: Lone, knots: int, given: int, side: str) -> None:
    type_ = _common(lone.node)
    assert type_ is not None
    with lone.loops(lone.shape(given)) as at:
        x = lone.element(given, at, type_)
        lone.store(at, _places(lone, knots, x, lone.arithmetic(type_), side))


@writes("interp", where=lambda node: node.aval.dtype == np.float64)
def _interp(lone: Lone) -> None:
    """As NumPy's: from the knot on the left, from that on the right where this is no number."""
    builder, n, a = lone.builder, lone.shape(1)[0], lone.arithmetic("double")

    def value(of: int, place: Value, shift: int) -> Value:
        at = builder.let("add", place, lone.whole(shift), type="i64") if shift else place
        at = builder.let("intrinsic smin", at, lone.whole(n - 1), type="i64")
        return lone.element(of, [builder.let("intrinsic smax", at, lone.whole(0), type="i64")], "double")

    with lone.loops(lone.shape(0)) as at:
        x = lone.element(0, at, "double")
        place = _places(lone, 1, x, a, "right")
        j = builder.let("add", place, lone.whole(-1), type="i64")
        x0, x1, y0, y1 = value(1, j, 0), value(1, j, 1), value(2, j, 0), value(2, j, 1)
        slope = a.div(a.sub(y1, y0), a.sub(x1, x0))
        z = a.add(a.mul(slope, a.sub(x, x0)), y0)
        other = a.add(a.mul(slope, a.sub(x, x1)), y1)
        other = a.select(a.logic("and", a.is_nan(other), a.compare("oeq", y0, y1)), y0, other)
        z = a.select(a.is_nan(z), other, z)
        last = builder.let("icmp eq", place, lone.whole(n), type="i1")
        z = a.select(a.logic("or", a.compare("oeq", x, x0), last), y0, z)
        ends = [lone.element(k, [], "double") for k in (3, 4)]
        z = a.select(builder.let("icmp eq", place, lone.whole(0), type="i1"), ends[0], z)
        beyond = lone.element(1, [lone.whole(n - 1)], "double")
        z = a.select(a.compare("ogt", x, beyond), ends[1], z)
        # With one knot NumPy does not look for NaN.
        lone.store(at, z if n == 1 else a.select(a.is_nan(x), x, z))


@writes("bincount", where=lambda node: TYPES[node.args[0].aval.dtype] not in FLOATS
        and node.aval.shape == (node.params["minlength"],))  # fmt: skip
def _bincount(lone: Lone) -> None:
    """How often each number occurs; where one is beyond the smallest length, the result has another length."""
    builder, n = lone.builder, lone.target.size
    with lone.loops([n]) as (i,):
        builder.store(lone.target, Offset(0, ((i, 1),)), lone.whole(0))
    with lone.loops(lone.shape(0)) as at:
        x = lone.element(0, at, "i64")
        lone.require(builder.let("icmp ult", x, lone.whole(n), type="i1"))
        builder.store(lone.target, Offset(0, ((x, 1),)), lone.whole(1), "add")
