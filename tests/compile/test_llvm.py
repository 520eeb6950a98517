"""Kernels in LLVM's language do what they say: loops of every length, sums, truth values, early ends."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import wengert as wg
from wengert.compile import machine, parallel
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


def added(name, buffers, number=1.0, op=""):
    """A kernel that adds a number to a row of 20, in ten rows."""
    x, y = buffers
    b = Builder(name)
    with b.loop(10) as i, b.loop(20) as j:
        place = Offset(0, ((i, 20), (j, 1)))
        b.store(y, place, b.let("fadd", b.load(x, place), b.constant(number, "double"), type="double"), op)
    return b.finish()


def test_equal_kernels_are_one_function():
    module = Module()
    for name, number in (("one", 1.0), ("two", 1.0), ("other", 2.0)):
        module.kernel(added(name, buffers("double", 200, "input", "output"), number))
    assert module.names == {"one": "one", "two": "one", "other": "other"}
    assert len(module.functions) == 2
    assert "?" not in str(module)


def test_equal_kernels_in_parts_are_one_function_with_its_parts(monkeypatch):
    monkeypatch.setattr(parallel, "WORTH", 100)
    monkeypatch.setattr(parallel, "PART", 50)
    kernels = [parallel.divided(added(name, buffers("double", 200, "input", "output"))) for name in ("one", "two")]
    assert all(map(parallel.is_divided, kernels))
    module = Module()
    for kernel in kernels:
        module.kernel(kernel)
    assert module.names == {"one": "one", "two": "one"}
    assert str(module).count("define internal i64") == 1


@pytest.mark.parametrize(("features", "op", "said"), [
    ({"avx512f"}, "", ["unroll.disable", "predicate.enable"]),
    ({"avx512f"}, "add", ["unroll.disable"]),
    ((), "", ["unroll.disable"]),
])  # fmt: skip
def test_short_rows_are_not_written_out(features, op, said):
    module = Module(features)
    module.kernel(added("k", buffers("double", 200, "input", "output"), op=op))
    text = str(module)
    assert text.count("!llvm.loop") == 1
    assert [word for word in ("unroll.disable", "predicate.enable") if word in text] == said


def test_loops_across_rows_and_long_ones_are_left_to_the_optimizer():
    def text(extent, step):
        x, y = buffers("double", 200 * extent, "input", "output")
        b = Builder("k")
        with b.loop(10) as i, b.loop(extent) as j:
            place = Offset(0, ((i, 1), (j, step)))
            b.store(y, place, b.load(x, place))
        module = Module()
        module.kernel(b.finish())
        return str(module)

    assert "!llvm.loop" in text(20, 1)
    assert "!llvm.loop" not in text(20, 10)
    assert "!llvm.loop" not in text(200, 1)


@pytest.mark.parametrize("extent", [1, 7, 8, 17, 28, 64, 65])
@pytest.mark.parametrize("op", ["", "add"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_of_any_length(extent, op, dtype):
    type_ = {"float64": "double", "float32": "float"}[dtype]
    x, y = buffers(type_, 10 * extent, "input", "output")
    b = Builder("k")
    with b.loop(10) as i, b.loop(extent) as j:
        place = Offset(0, ((i, extent), (j, 1)))
        b.store(y, place, b.let("fmul", b.load(x, place), b.constant(3, type_), type=type_), op)
    given = np.arange(10 * extent, dtype=dtype)
    room = np.full(10 * extent + 20, 7, dtype)
    assert run(b.finish(), [given, room]) == 0
    np.testing.assert_array_equal(room, np.concatenate([3 * given + 7 * bool(op), np.full(20, 7)]))


def test_layers_of_a_network_share_their_functions():
    def functions(layers):
        def loss(weights, x):
            for w, b in weights:
                x = np.tanh(x @ w + b)
            return np.sum(x**2)

        rng = np.random.default_rng(0)
        weights = [(rng.normal(size=(40, 40)), rng.normal(size=40)) for _ in range(layers)]
        x = rng.normal(size=(30, 40))
        f = wg.value_and_grad(loss)
        value, slopes = wg.jit(f)(weights, x)
        known, expected = f(weights, x)
        np.testing.assert_allclose(value, known, rtol=1e-12)
        for found, there in zip(slopes, expected, strict=True):
            np.testing.assert_allclose(found[0], there[0], rtol=1e-10, atol=1e-9)
            np.testing.assert_allclose(found[1], there[1], rtol=1e-10, atol=1e-9)
        return wg.jit(f).lower(weights, x).llvm.count("define internal")

    assert functions(4) == functions(7)
