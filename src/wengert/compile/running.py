"""Sums and products of all elements up to each, one after the other as NumPy does; and diagonals."""

from __future__ import annotations

from wengert.compile.access import Layout, contiguous
from wengert.compile.lone import Lone, count, cut, writes


@writes("cumsum", "cumprod", where=lambda node: node.aval.dtype.kind in "fi")
def _running(lone: Lone) -> None:
    before, n, after = cut(lone.shape(0), lone.node.params["axis"])
    builder, type_ = lone.builder, lone.target.type
    a = lone.arithmetic(type_)
    combine = a.add if lone.node.operation == "cumsum" else a.mul
    if n == 0 or count(before) == 0 or count(after) == 0:
        return
    with lone.loops(before) as lead:
        if count(after) == 1:
            none = [lone.whole(0)] * len(after)
            begin = lone.element(0, [*lead, lone.whole(0), *none], type_)
            lone.store([*lead, lone.whole(0), *none], begin)
            total = builder.variable(begin)
            with lone.loops([n - 1]) as (k,):
                row = builder.let("add", k, lone.whole(1), type="i64")
                value = combine(builder.read(total), lone.element(0, [*lead, row, *none], type_))
                lone.set(total, value)
                lone.store([*lead, row, *none], value)
            return
        with lone.loops(after) as tail:
            at = [*lead, lone.whole(0), *tail]
            lone.store(at, lone.element(0, at, type_))
        with lone.loops([n - 1]) as (k,):
            row = builder.let("add", k, lone.whole(1), type="i64")
            with lone.loops(after) as tail:
                old = builder.load(lone.target, lone.offset(contiguous(lone.shape(0)), [*lead, k, *tail]))
                at = [*lead, row, *tail]
                lone.store(at, combine(old, lone.element(0, at, type_)))


@writes("diagonal")
def _diagonal(lone: Lone) -> None:
    buffer, layout = lone.place(lone.node.args[0])
    offset, (*lead, down, right) = lone.node.params["offset"], layout.strides
    start = layout.offset + (offset * right if offset > 0 else -offset * down)
    shape = lone.node.aval.shape
    with lone.loops(shape) as at:
        there = lone.offset(Layout(shape, (*lead, down + right), start), at)
        lone.store(at, lone.builder.load(buffer, there))
