"""Kernels in LLVM's language do what they say: loops of every length, sums, truth values, early ends."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from wengert.compile import machine
from wengert.compile.llvm import Module
from wengert.compile.loops import Buffer, Builder, Offset

from .native_kernel import run

LENGTHS = (0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 2047, 2048, 2049, 4096, 4097, 6143)
TYPES = {"double": np.float64, "float": np.float32, "i64": np.int64, "i32": np.int32, "i16": np.int16, "i8": np.int8}


def buffers(type_, n, *kinds):
    return [Buffer(f"b{i}", type_, (n,), kind) for i, kind in enumerate(kinds)]


@pytest.mark.parametrize("type_", TYPES)
def test_loops_of_every_length(type_):
    rng = np.random.default_rng(0)
    for n in LENGTHS:
        x, y = buffers(type_, n, "input", "output")
        b = Builder("k")
        with b.loop(n) as i:
            v = b.load(x, Offset(0, ((i, 1),)))
            b.store(y, Offset(0, ((i, 1),)), b.let("fadd" if type_ in ("double", "float") else "add", v, v, type=type_))
        given = rng.normal(size=n + 1).astype(TYPES[type_]) * 100
        found = np.full(n + 1, 77, TYPES[type_])
        assert run(b.finish(), [given, found]) == 0
        np.testing.assert_array_equal(found[:n], (given + given)[:n])
        assert found[n] == 77  # nothing is written behind the end


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize(("op", "ufunc"), [("add", np.add), ("max", np.maximum), ("min", np.minimum)])
def test_reductions_of_every_length(type_, op, ufunc):
    rng = np.random.default_rng(1)
    dtype = np.dtype(TYPES[type_])
    n_ = max(LENGTHS)
    given = (rng.normal(size=n_) * 20).astype(dtype)
    first = {"add": 0, "max": -30, "min": 30}[op]
    b = Builder("k")
    x, y = Buffer("x", type_, (n_,), "input"), Buffer("y", type_, (len(LENGTHS),), "output")
    for k, n in enumerate(LENGTHS):
        total = b.variable(b.constant(first, type_))
        with b.loop(n) as i:
            b.accumulate(total, op, b.load(x, Offset(0, ((i, 1),))))
        b.store(y, Offset(k), b.read(total))
    found = np.zeros(len(LENGTHS), dtype)
    run(b.finish(), [given, found])
    want = np.array([ufunc.reduce(given[:n], initial=dtype.type(first), dtype=dtype) for n in LENGTHS])
    if dtype.kind == "f":
        np.testing.assert_allclose(found, want, atol=np.finfo(dtype).eps * np.abs(given).sum(), rtol=0)
    else:
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("op", ["max", "min"])
@pytest.mark.parametrize("type_", ["double", "float"])
def test_a_nan_wins_wherever_it_stands(op, type_):
    n, first = 40, -np.inf if op == "max" else np.inf
    x, y = Buffer("x", type_, (n, n), "input"), Buffer("y", type_, (n,), "output")
    b = Builder("k")
    with b.loop(n) as i:
        total = b.variable(b.constant(first, type_))
        with b.loop(n) as j:
            b.accumulate(total, op, b.load(x, Offset(0, ((i, n), (j, 1)))))
        b.store(y, Offset(0, ((i, 1),)), b.read(total))
    given = np.random.default_rng(2).normal(size=(n, n)).astype(TYPES[type_])
    np.fill_diagonal(given, np.nan)
    found = np.zeros(n, TYPES[type_])
    run(b.finish(), [given, found])
    assert np.isnan(found).all()


@pytest.mark.parametrize("n", [0, 1, 5, 16, 40, 2050])
def test_truth_values_take_a_byte(n):
    x, y, z = (Buffer(name, "i1", (n,), kind) for name, kind in (("x", "input"), ("y", "input"), ("z", "output")))
    few, some = Buffer("few", "i1", (1,), "output"), Buffer("some", "i1", (1,), "output")
    b = Builder("k")
    every, any_ = b.variable(b.constant(True, "i1")), b.variable(b.constant(False, "i1"))
    with b.loop(n) as i:
        at = Offset(0, ((i, 1),))
        b.store(z, at, b.let("xor", b.load(x, at), b.load(y, at), type="i1"))
        b.accumulate(every, "and", b.load(x, at))
        b.accumulate(any_, "or", b.load(y, at))
    b.store(few, Offset(0), b.read(every))
    b.store(some, Offset(0), b.read(any_))
    rng = np.random.default_rng(3)
    one, other = rng.random(n) < 0.9, rng.random(n) < 0.1
    found, all_, any__ = np.zeros(n, bool), np.zeros(1, bool), np.zeros(1, bool)
    kernel = b.finish()
    arrays = {"x": one, "y": other, "z": found, "few": all_, "some": any__}
    run(kernel, [arrays[buffer.name] for buffer in kernel.buffers])
    np.testing.assert_array_equal(found, one ^ other)
    assert (all_[0], any__[0]) == (one.all(), other.any())
    assert found.view(np.uint8).max(initial=0) <= 1


def test_a_kernel_is_left_where_a_check_fails():
    x, y = buffers("i64", 10, "input", "output")
    b = Builder("k")
    with b.loop(10) as i:
        v = b.load(x, Offset(0, ((i, 1),)))
        b.check(b.let("icmp slt", v, b.constant(5, "i64"), type="i1"), 3)
        b.store(y, Offset(0, ((i, 1),)), v)
    kernel = b.finish()
    assert kernel.may_leave
    given, found = np.array([1, 2, 3, 9, 4, 5, 0, 0, 0, 0]), np.zeros(10, np.int64)
    assert run(kernel, [given, found]) == 3
    np.testing.assert_array_equal(found, [1, 2, 3, *[0] * 7])
    assert run(kernel, [given % 5, found]) == 0
    np.testing.assert_array_equal(found, given % 5)


def test_adding_to_what_is_there():
    x, y = buffers("double", 4, "input", "output")
    b = Builder("k")
    with b.loop(12) as i:
        where = b.let("urem", i, b.constant(4, "i64"), type="i64")
        b.store(y, Offset(0, ((where, 1),)), b.load(x, Offset(0, ((where, 1),))), "add")
    given, found = np.arange(4.0), np.ones(4)
    run(b.finish(), [given, found])
    np.testing.assert_array_equal(found, 1 + 3 * given)


@pytest.mark.parametrize("type_", ["double", "float"])
@pytest.mark.parametrize("vectors", [True, False])
def test_functions_of_the_c_library_with_and_without_vector_forms(type_, vectors):
    n, names = 1003, ("exp", "sin", "log", "tanh", "cbrt")
    x, y = Buffer("x", type_, (n,), "input"), Buffer("y", type_, (len(names), n), "output")
    b = Builder("k")
    with b.loop(n) as i:
        v = b.load(x, Offset(0, ((i, 1),)))
        for k, name in enumerate(names):
            b.store(y, Offset(k * n, ((i, 1),)), b.let(f"math {name}", v, type=type_))
    given = np.random.default_rng(4).uniform(0.1, 5, n).astype(TYPES[type_])
    found = np.zeros((len(names), n), TYPES[type_])
    run(b.finish(), [given, found], vectors)
    for row, name in zip(found, names, strict=True):
        exact = getattr(np, name)(given.astype(np.longdouble))
        assert np.max(np.abs(row - exact) / np.spacing(np.abs(row))) <= 4, name


def test_vector_forms_are_declared_where_the_machine_has_them():
    module = Module({"avx512f", "avx2"}, lambda symbol: "tanh" not in symbol)
    symbol, group = module.math("exp", "double", 1)
    assert symbol == "exp"
    assert [n for n in module.declared if n.startswith("_ZGV")] == ["_ZGVeN8v_exp", "_ZGVdN4v_exp"]
    assert module.math("pow", "float", 2)[0] == "powf"
    assert "_ZGVeN16vv_powf" in module.declared
    assert module.math("tanh", "double", 1)[1] != group
    assert not any("tanh" in name for name in module.kept)
    assert Module(machine.features()).math("exp", "double", 1)
    assert "_ZGV" not in str(Module(machine.features()))


def test_fast_mathematics_only_by_wish():
    def text(fast):
        module = Module(fast=fast)
        x, y = buffers("double", 10, "input", "output")
        b = Builder("k")
        with b.loop(10) as i:
            v = b.load(x, Offset(0, ((i, 1),)))
            b.store(y, Offset(0, ((i, 1),)), b.let("fadd", v, b.let("fmul", v, v, type="double"), type="double"))
        module.kernel(b.finish())
        return str(module)

    assert " fast " not in text(False)
    assert " fast " in text(True)
