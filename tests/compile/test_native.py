"""Compiled functions share NumPy's facts: special numbers, empty arrays, overflow, layouts; threads; steady memory."""

from __future__ import annotations

import contextlib
import gc
import resource
import threading
import traceback

import numpy as np
import pytest

import wengert as wg

pytest.importorskip("llvmlite")


def native(f):
    return wg.jit(f, backend="native")


def same(f, *args, rtol=0.0):
    """Bit for bit, or nearly: also types, dtypes and shapes."""
    with np.errstate(all="ignore"):
        got, want = native(f)(*args), f(*args)
    several = isinstance(want, (tuple, list))
    for one, other in zip(got if several else [got], want if several else [want], strict=True):
        assert type(one) is type(other)
        assert np.asarray(one).dtype == np.asarray(other).dtype
        np.testing.assert_allclose(one, other, rtol=rtol, atol=0, strict=isinstance(other, (np.ndarray, np.generic)))


# Special numbers ----------------------------------------------------------------------------------------------------

NAN, INF = np.nan, np.inf
VECTORS = [
    [1.0, NAN, 3.0], [NAN, NAN], [INF, -INF, 1.0], [-INF, -INF], [INF, INF], [-0.0, -0.0], [1.0, 3.0, 3.0, 1.0], [NAN],
    [-INF, NAN], [5e-324, 1e308, 1e308],
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n", [1, 7, 900])
@pytest.mark.parametrize("v", VECTORS, ids=str)
def test_reductions_of_special_numbers(v, n):
    """Short ones are written out, long ones are loops."""
    x = np.array(v * n)
    same(lambda x: (np.max(x), np.min(x), np.argmax(x), np.argmin(x), np.any(x), np.all(x)), x)
    finite = [i for i in v if np.isfinite(i)] == v
    same(lambda x: (np.sum(x) + 0.0, np.mean(x) + 0.0, np.prod(x)), x, rtol=1e-12 if finite else 0.0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("shape", [(3, 4), (4, 900), (900, 4), (70, 80)])
def test_reductions_along_axes(shape, axis):
    x = np.random.default_rng(0).normal(size=shape)
    x[1, 2], x[2, 1], x[0, 3], x[2, 3] = NAN, INF, -INF, INF
    same(lambda x: (np.max(x, axis), np.min(x, axis), np.any(x > 2, axis), np.all(x > -2, axis)), x)
    same(lambda x: (np.argmax(x, axis), np.sum(x > 0, axis)), x)
    same(lambda x: (np.sum(x, axis), np.mean(x, axis), np.max(np.abs(x), axis, keepdims=True)), x, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, bool, np.uint8, np.float32])
def test_reductions_of_other_types(dtype):
    x = (np.random.default_rng(1).normal(size=(30, 50)) * 100).astype(dtype)
    same(lambda x: (np.sum(x), np.sum(x, 0), np.max(x, 1), np.min(x), np.any(x, 0), np.all(x)), x, rtol=1e-5)
    same(lambda x: (np.prod(x[:3, :2], 1), np.prod(x[:1, :3])), x,
         rtol=1e-5)  # fmt: skip
    same(lambda x: (np.mean(x), np.mean(x, 1), np.cumsum(x, 1), np.argmax(x, 0)), x, rtol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_division_by_zero():
    x, y = np.array([1.0, -1.0, 0.0, NAN, INF]), np.array([0.0, -0.0, 0.0, 0.0, INF])
    same(lambda x, y: (x / y, x // y, x % y, np.fmod(x, y), 1 / y, x**-1.0), x, y)
    same(lambda x, y: (x / y, x // y, x % y), np.array([1, -1, 0]), np.array([0, 0, 0]))
    same(lambda x: x / 0.0, np.float64(1.0))


def test_integers_wrap_around():
    for dtype in (np.int8, np.int16, np.int32, np.int64):
        ii = np.iinfo(dtype)
        x = np.array([ii.min, ii.max, 100, -1] * 9, dtype)
        same(lambda x: (x + x, x * x, -x, np.abs(x), x - 1, x * 3, x**2, np.sum(x), np.sum(x * 2)), x)


def test_python_numbers_beyond_the_machine():
    for n in (2**62, 2**63 - 1, -(2**63), 2**70, -(2**100)):
        f = native(lambda n: n * 2 + 1)
        assert f(n) == n * 2 + 1
        assert f(3) == 7
    f = native(lambda x: x * 1e300)
    assert [f(1.0), f(1e10)] == [1e300, INF]
    f = native(lambda x: 1 / x)
    assert f(2.0) == 0.5
    with pytest.raises(ZeroDivisionError):
        f(0.0)
    f = native(lambda x: x**2)
    assert f(3.0) == 9
    with pytest.raises(OverflowError):
        f(1e200)


def test_python_numbers_adapt():
    x32, x8 = np.arange(3, dtype=np.float32), np.arange(3, dtype=np.int8)
    same(lambda x: (x * 2, x + 0.1, x / 3, x**2, np.float64(0.1) * x, np.maximum(x, 1), np.where(x > 1, x, 0.5)), x32)
    same(lambda x: (x * 2, x + 0.5, x / 3, x // 2, x > 0.5, np.where(x > 1, x, 5)), x8)
    same(lambda x, a: (x * a, a * a * x, np.sin(a) * x), x32, 0.3, rtol=1e-6)
    same(lambda a, b: (a * b, a / b, a - b, -a, abs(a), a**2), 3, 0.5)
    same(lambda a: (a * 2, a / 2, a // 2, a % 3, a > 2, -a), 7)


# Shapes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [np.array(3.0), np.float64(3.0), np.float32(0.5), np.int64(7), np.array(True)], ids=repr)
def test_arrays_without_axes(x):
    same(lambda x: (x * 2, x + x, np.sum(x), np.reshape(x, (1, 1)), np.stack([x, x]), x > 0, x[()]), x)
    same(lambda x: (np.sin(x), np.exp(x)), x, rtol=1e-6)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 5), (0, 0), (1000, 0)])
def test_arrays_without_elements(shape):
    x = np.zeros(shape)

    def f(x):
        return (
            x * 2, np.sum(x), np.prod(x), np.sum(x, -1), np.prod(x, 0), np.all(x), np.any(x, 0), np.concatenate([x, x]),
            np.sin(x) + x[..., ::-1], np.stack([x, x]), x.T, np.reshape(x, (0, 7)), np.where(x > 0, x, 1.0),
        )  # fmt: skip

    same(f, x)
    same(wg.grad(lambda x: np.sum(np.sin(x) * x) + np.sum(np.concatenate([x, x]))), x)
    same(lambda x: (x.T @ x, x @ x.T), np.zeros(shape[:2] if len(shape) > 1 else (0, 2)))
    with pytest.raises(ValueError, match="zero-size"):
        native(lambda x: np.max(x))(x)


def test_sums_are_more_accurate_than_one_after_the_other():
    x = np.full(1_000_001, 0.1, np.float32)
    exact = float(np.float32(0.1)) * x.size
    assert abs(float(native(np.sum)(x)) - exact) / exact < 1e-5
    assert abs(float(np.cumsum(x)[-1]) - exact) / exact > 1e-4
    rows = np.full((300_000, 3), 0.1, np.float32)
    assert np.max(np.abs(native(lambda x: np.sum(x, 0))(rows) / 30_000 / np.float64(np.float32(1)) - 1)) < 1e-5


# Memory as it comes -------------------------------------------------------------------------------------------------


def layouts():
    x = np.random.default_rng(2).normal(size=(6, 40))
    yield "by columns", np.asfortranarray(x)
    yield "transposed", x.T
    yield "reversed", x[::-1, ::-1]
    yield "with gaps", x[::2, 1::3]
    yield "stretched", np.broadcast_to(x[0], (5, 40))
    yield "not aligned", np.frombuffer(bytearray(8 * 240 + 3), np.uint8, 8 * 240, 3).view(float).reshape(6, 40) + 0
    yield "really not aligned", _not_aligned(x)
    yield "huge strides", np.zeros((5000, 1000))[::2500, ::999]
    yield "overlapping", np.lib.stride_tricks.as_strided(x, (10, 10), (8, 8))
    yield "byte-swapped", x.astype(">f8")
    yield "in a record", np.array([(1, 2.5), (3, 4.5)], [("a", "i1"), ("b", "f8")])["b"]
    locked = x.copy()
    locked.flags.writeable = False
    yield "read-only", locked
    yield "a part of a part", x[1:, 3:][::-1].T[2:]


def _not_aligned(x):
    found = np.frombuffer(bytearray(x.nbytes + 3), np.uint8, x.nbytes, 3).view(float).reshape(x.shape)
    found[...] = x
    assert not found.flags.aligned
    return found


@pytest.mark.parametrize(("name", "x"), list(layouts()), ids=[name for name, _ in layouts()])
def test_layouts(name, x):
    f = native(lambda x: (np.sin(x) + x * 2, np.sum(x), x[1:] * x[:-1], x.T * 1.0))
    before = x.copy()
    for given in (x, np.ascontiguousarray(x, float), x):
        got, want = f(given), (np.sin(x) + x * 2, np.sum(x), x[1:] * x[:-1], x.T * 1.0)
        for one, other in zip(got, want, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-13)
            assert np.asarray(one).dtype == np.float64
    np.testing.assert_array_equal(x, before)


def test_results_share_memory_with_nothing():
    x = np.arange(12.0)
    f = native(lambda x: (x, x, x[2:], np.reshape(x, (3, 4)).T, np.ones(3), x * 1.0))
    first = f(x)
    for one in first:
        one += 1.0  # writable
        assert not np.may_share_memory(one, x)
    second = f(x)
    for i, one in enumerate(second):
        for other in (*first, *second[:i]):
            assert not np.may_share_memory(one, other)
    np.testing.assert_array_equal(second[4], np.ones(3))
    np.testing.assert_array_equal(x, np.arange(12.0))


def test_one_array_as_several_arguments():
    x = np.arange(100.0)
    f = native(lambda a, b, c: a * b[::-1] + np.cumsum(c))
    np.testing.assert_allclose(f(x, x, x), x * x[::-1] + np.cumsum(x))
    np.testing.assert_allclose(f(x[1:], x[:-1], x[1:]), x[1:] * x[:-1][::-1] + np.cumsum(x[1:]))


# What the machine does not have -------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [np.float16, np.complex128, np.complex64, np.uint8, np.uint16, np.uint32, np.uint64])
def test_types_that_are_left_to_numpy(dtype):
    x = (np.arange(24) % 7 + 1).astype(dtype).reshape(4, 6)
    same(lambda x: (x + x, x * 2, x[::-1], np.sum(x), np.concatenate([x, x]).T, x.astype(float), x * 0.5), x)
    same(lambda x: (np.where(x == 3, x, 1), x[np.array([0, 2])], np.sin(x.real.astype(float)) * x), x,
         rtol=1e-14)  # fmt: skip


def test_longdouble():
    same(lambda x: (x + x, np.sum(x), x.astype(float)), np.arange(5, dtype=np.longdouble) / 3)


def test_the_report_says_what_and_why():
    report = wg.jit(lambda x: np.sort(x) + x.astype(np.float16), backend="native").report(np.ones(3))
    reasons = {name: reason for name, _, reason in report.callbacks}
    assert reasons
    assert any("float16 has no machine type" in reason for reason in reasons.values())


# Errors -------------------------------------------------------------------------------------------------------------


def user_line(error):
    return [f.line for f in traceback.extract_tb(error.__traceback__) if f.filename == __file__]


def test_a_singular_matrix_is_numpys_error_at_the_users_line():
    def solve(a, b):
        y = np.sin(b)
        return np.linalg.solve(a, y)

    f = native(solve)
    a = np.eye(3) * 2
    np.testing.assert_allclose(f(a, np.ones(3)), np.linalg.solve(a, np.sin(np.ones(3))))
    with pytest.raises(np.linalg.LinAlgError, match="Singular") as caught:
        f(np.zeros((3, 3)), np.ones(3))
    assert "return np.linalg.solve(a, y)" in user_line(caught.value)
    np.testing.assert_allclose(f(a, np.ones(3)), np.linalg.solve(a, np.sin(np.ones(3))))
    with pytest.raises(np.linalg.LinAlgError):
        native(lambda a: np.linalg.cholesky(a))(-np.eye(2))


def test_an_error_that_the_function_catches():
    def f(a):
        try:
            return np.linalg.inv(a)
        except np.linalg.LinAlgError:
            return np.full(a.shape, -1.0)

    compiled = native(f)
    for a in (np.eye(2) * 2, np.zeros((2, 2)), np.eye(2) * 4, np.zeros((2, 2))):
        np.testing.assert_allclose(compiled(a), f(a))


# Threads, memory, size ----------------------------------------------------------------------------------------------


def test_fifty_threads():
    def f(x, y):
        z = np.cumsum(np.sin(x)) @ np.outer(y, x)
        return z, np.sort(z), np.sum(np.exp(-x * x))

    compiled = native(f)
    cases = [(np.full(30, 0.1 * k), np.arange(30.0) + k) for k in range(50)]
    want, failures = [f(*case) for case in cases], []
    start = threading.Barrier(50)

    def run(k):
        start.wait()
        for _ in range(30):
            for one, other in zip(compiled(*cases[k]), want[k], strict=True):
                if not np.allclose(one, other, rtol=1e-12):
                    failures.append(k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.slow
def test_a_million_calls_leave_memory_as_it_was():
    f = native(lambda x, i: (np.sum(x[i]), x * 2))
    slow = native(lambda x: np.sort(x) * 2)  # one that calls back
    x, i = np.arange(50.0), np.array([1, 2])

    def calls(n):
        for _ in range(n):
            f(x, i)
        for _ in range(n // 50):
            slow(x)
            with contextlib.suppress(IndexError):
                f(x, np.array([50, 1]))
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = calls(50_000)
    assert calls(1_000_000) - before < 4096  # kilobytes


@pytest.mark.slow
def test_fifty_thousand_operations():
    def f(x):
        a, b = x, x * 0.5
        for k in range(10_000):
            a, b = np.sin(a) * 0.9 + b * 0.1, a - b * (1.0 + k % 7)
            b = b * 0.05
        return a, b

    same(f, np.float64(0.3), rtol=1e-9)
