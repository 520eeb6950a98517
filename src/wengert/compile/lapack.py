"""Linear algebra by SciPy's LAPACK and BLAS, matrix by matrix.

Fortran's matrices stand column by column, so that it reads ours transposed. Where NumPy's answer is an error (a matrix
that is singular, or not positive definite), the program is left and runs eagerly: the error is NumPy's, at the user's
line.

**Source**: Anderson et al., *LAPACK Users' Guide*; routines ?potrf, ?getrf, ?getrs; BLAS ?trsm, ?trsv, ?gemm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.compile.access import Layout, contiguous, is_view, layout_of
from wengert.compile.foreign import function, invoke
from wengert.compile.lone import Lone, writes
from wengert.compile.loops import Buffer, Offset, Value
from wengert.graph.node import Node

_PREFIX = {"double": "d", "float": "s"}


def _is_floating(node: Node) -> bool:
    return node.avals[-1].dtype in (np.float64, np.float32)


def _call(lone: Lone, routine: str, args: Sequence[Any], work: int) -> None:
    type_ = _type(lone)
    module = "blas" if routine.startswith(("tr", "gemm")) else "lapack"
    found = function(f"scipy.linalg.cython_{module}", _PREFIX[type_] + routine, "void")
    invoke(lone.builder, found, args, type_, 100 + work)


def _type(lone: Lone) -> str:
    target = next(t for t in lone.targets if t is not None)
    return target.type


def _must_succeed(lone: Lone, info: Value) -> None:
    """Where LAPACK reports a failure, NumPy raises."""
    zero = lone.builder.constant(0, "i32")
    lone.require(lone.builder.let("icmp eq", lone.builder.read(info), zero, type="i1"))


def _column_by_column(lone: Lone, position: int, lead: Sequence[Value], n: int) -> Buffer:
    """A copy of a matrix as Fortran has it."""
    builder, type_ = lone.builder, _type(lone)
    copy = lone.temporary(type_, (n, n))
    with lone.loops((n, n)) as (j, i):
        value = lone.element(position, [*lead, i, j], type_)
        builder.store(copy, Offset(0, ((j, n), (i, 1))), value)
    return copy


def _at(lone: Lone, buffer: Buffer, shape: Sequence[int], lead: Sequence[Value]) -> Any:
    return lone.address(buffer, contiguous(shape), lead)


@writes("cholesky", where=_is_floating)
def _cholesky(lone: Lone) -> None:
    """Our lower triangle is Fortran's upper one."""
    builder, target = lone.builder, lone.target
    upper, n, batch = lone.node.params["upper"], target.shape[-1], target.shape[:-2]
    zero = builder.constant(0, target.type)
    with lone.loops(batch) as lead:
        with lone.loops((n, n)) as (i, j):
            kept = builder.let("icmp sge" if upper else "icmp sle", j, i, type="i1")
            value = lone.element(0, [*lead, i, j], target.type)
            lone.store([*lead, i, j], builder.let("select", kept, value, zero, type=target.type))
        if n:
            info = builder.variable(builder.constant(0, "i32"))
            there = _at(lone, target, target.shape, lead)
            _call(lone, "potrf", ["L" if upper else "U", n, there, n, info], n**3 // 12)
            _must_succeed(lone, info)


# Systems -------------------------------------------------------------------------------------------------------------


def triangle(node: Node) -> bool | None:
    """Whether a matrix is an upper triangle (True) or a lower one (False), because of where it comes from."""
    turned = False
    while is_view(node):
        axes = node.params.get("axes")
        if node.operation != "transpose" or axes is None:
            return None
        *lead, i, j = axes
        n = len(axes)
        if lead != list(range(n - 2)) or (i, j) not in ((n - 1, n - 2), (n - 2, n - 1)):
            return None
        turned ^= i == n - 1
        node = node.args[0]
    return bool(node.params["upper"]) ^ turned if node.operation == "cholesky" else None


@writes("solve", where=_is_floating)
def _solve(lone: Lone) -> None:
    target = lone.target
    (*batch, n, k) = target.shape
    upper = triangle(lone.node.args[0])
    layout = layout_of(lone.node.args[0])
    if n == 0 or k == 0:
        return
    if upper is not None and layout is not None and lone.type(0) == target.type:
        _substitute(lone, layout, upper)
        return
    with lone.loops(batch) as lead:
        matrix = _column_by_column(lone, 0, lead, n)
        pivots = _factorized(lone, matrix, n, must=True)
        right = target
        there = _at(lone, target, target.shape, lead)
        if k > 1:
            right = lone.temporary(target.type, (k, n))
            there = _at(lone, right, (), [])
        with lone.loops((k, n)) as (c, r):
            value = lone.element(1, [*lead, r, c], target.type)
            if k > 1:
                lone.builder.store(right, Offset(0, ((c, n), (r, 1))), value)
            else:
                lone.store([*lead, r, c], value)
        _substituted(lone, "N", matrix, pivots, there, n, k)
        if k > 1:
            with lone.loops((n, k)) as (r, c):
                lone.store([*lead, r, c], lone.builder.load(right, Offset(0, ((c, n), (r, 1)))))


def _substitute(lone: Lone, layout: Layout, upper: bool) -> None:
    """With a triangle there is nothing to factorize: Xᵀ Aᵀ = Bᵀ, in place and without copies of A."""
    target = lone.target
    (*batch, n, k) = target.shape
    buffer, _ = lone.place(lone.node.args[0])
    by_rows = layout.strides[-1] == 1 or n == 1  # else it is a transposed one, and Fortran sees A itself
    letter = "U" if upper != by_rows else "L"
    with lone.loops(batch) as lead:
        with lone.loops((n, k)) as (r, c):
            lone.store([*lead, r, c], lone.element(1, [*lead, r, c], target.type))
        there = _at(lone, target, target.shape, lead)
        own = len(layout.shape) - 2
        matrix = lone.address(buffer, layout, lead[len(lead) - own :])
        if k == 1:
            _call(lone, "trsv", [letter, "T" if by_rows else "N", "N", n, matrix, n, there, 1], n * n // 4)
        else:
            args = ["R", letter, "N" if by_rows else "T", "N", k, n, 1.0, matrix, n, there, k]
            _call(lone, "trsm", args, n * n * k // 8)


def _factorized(lone: Lone, matrix: Buffer, n: int, must: bool) -> Buffer:
    """The factors in place of a matrix, and the exchanges of rows."""
    builder = lone.builder
    pivots = lone.temporary("i32", (n,))
    info = builder.variable(builder.constant(0, "i32"))
    _call(lone, "getrf", [n, n, _at(lone, matrix, (), []), n, _at(lone, pivots, (), []), info], n**3 // 6)
    if must:
        _must_succeed(lone, info)
    return pivots


def _substituted(lone: Lone, how: str, matrix: Buffer, pivots: Buffer, there: Any, n: int, k: int) -> None:
    info = lone.builder.variable(lone.builder.constant(0, "i32"))
    args = [how, n, k, _at(lone, matrix, (), []), n, _at(lone, pivots, (), []), there, n, info]
    _call(lone, "getrs", args, n * n * k // 4)


@writes("inv", where=_is_floating)
def _inv(lone: Lone) -> None:
    """Of Aᵀ Y = I the solution, which Fortran writes transposed, is A⁻¹ for us."""
    builder, target = lone.builder, lone.target
    (*batch, n, _) = target.shape
    if n == 0:
        return
    with lone.loops(batch) as lead:
        matrix = _column_by_column(lone, 0, lead, n)
        pivots = _factorized(lone, matrix, n, must=True)
        with lone.loops((n, n)) as (i, j):
            same = builder.let("icmp eq", i, j, type="i1")
            one, zero = builder.constant(1, target.type), builder.constant(0, target.type)
            lone.store([*lead, i, j], builder.let("select", same, one, zero, type=target.type))
        _substituted(lone, "T", matrix, pivots, _at(lone, target, target.shape, lead), n, n)


# Determinants --------------------------------------------------------------------------------------------------------


@writes("slogdet", "det", where=_is_floating)
def _determinant(lone: Lone) -> None:
    """From the diagonal of the factors: the signs, and the sum of the logarithms."""
    builder, type_ = lone.builder, _type(lone)
    shape = lone.shape(0)
    n, a = shape[-1], lone.arithmetic(type_)
    one, minus, zero = a.number(1), a.number(-1), a.number(0)
    with lone.loops(shape[:-2]) as lead:
        sign, total = builder.variable(one), builder.variable(zero)
        if n:
            matrix = _column_by_column(lone, 0, lead, n)
            pivots = _factorized(lone, matrix, n, must=False)
            with lone.loops((n,)) as (i,):
                x = builder.load(matrix, Offset(0, ((i, n + 1),)))
                pivot = builder.load(pivots, Offset(0, ((i, 1),)))
                row = builder.let(
                    "add", builder.let("cast trunc", i, type="i32"), builder.constant(1, "i32"), type="i32"
                )
                moved = builder.let("icmp ne", pivot, row, type="i1")
                own = a.select(a.compare("olt", x, zero), minus, one)
                builder.accumulate(sign, "multiply", a.select(moved, a.neg(own), own))
                builder.accumulate(total, "add", a.math("log", a.intrinsic("fabs", x)))
        size, direction = builder.read(total), builder.read(sign)
        singular = a.compare("oeq", size, a.number(-np.inf))
        if lone.node.operation == "det":
            lone.store(lead, a.mul(a.select(singular, zero, direction), a.math("exp", size)))
        else:
            lone.store(lead, a.select(singular, zero, direction))
            lone.store(lead, size, output=1)
