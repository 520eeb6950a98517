"""Arrays put together from pieces and picked from by index arrays; what is out of range is NumPy's error."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.compile.access import contiguous, sliced

pytest.importorskip("llvmlite")

LENGTHS = (1, 2, 3, 5, 17, 20)
SHAPES = ((3,), (2, 3), (1, 3), (2, 1), (4,), (), (0,), (30,))  # of index arrays


def random_index(rng, shape):
    """Slices, numbers, new axes, an ellipsis, masks, and index arrays of several types with negative numbers."""
    parts, axis, used = [], 0, False
    several = SHAPES[int(rng.integers(len(SHAPES)))]
    while axis < len(shape):
        n, kind = shape[axis], int(rng.integers(9))
        if kind == 0:
            parts.append(None)
            continue
        if kind == 1:
            parts.append(slice(None))
        elif kind == 2:
            parts.append(slice(int(rng.integers(-2, 2)), None, int(rng.choice([1, 2, -1]))))
        elif kind == 3:
            parts.append(int(rng.integers(-n, n)))
        elif kind in (4, 5):
            dtype = (np.int64, np.int32, np.int8, np.uint8)[int(rng.choice(4, p=[0.6, 0.2, 0.1, 0.1]))]
            parts.append(rng.integers(0 if dtype is np.uint8 else -n, n, several).astype(dtype))
        elif kind == 6 and rng.random() < 0.3:
            parts.append(rng.random(n) < 0.5)
        elif kind == 7 and not used:
            parts.append(Ellipsis)
            used = True
            axis += int(rng.integers(0, len(shape) - axis + 1)) - 1
        else:
            break
        axis += 1
    return tuple(parts)


class Indexing:
    """An array, an index that it has, and something that can be assigned there."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        while True:
            self.shape = tuple(int(i) for i in rng.choice(LENGTHS, int(rng.integers(1, 4))))
            self.x, self.index = rng.normal(size=self.shape), random_index(rng, self.shape)
            try:
                picked = self.x[self.index]
                break
            except IndexError:
                continue
        self.value = rng.normal(size=picked.shape)
        kind = int(rng.integers(4))
        if kind == 0:
            self.value = np.float64(0.7)
        elif kind == 1 and picked.ndim:
            self.value = self.value[0] if len(self.value) else self.value
        self.lead = kind == 2 and picked.ndim > 0  # NumPy drops leading axes of length 1, where it assigns
        self.arrays = [p for p in self.index if isinstance(p, np.ndarray) and p.dtype != bool]
        self.traced = bool(rng.integers(2))

    def __call__(self, x, value, *arrays):
        rest = iter(arrays)
        index = tuple(next(rest) if isinstance(p, np.ndarray) and p.dtype != bool else p for p in self.index)
        y = x * 1.0
        y[index] = value[None] if self.lead else value
        z = np.sin(x)
        z[index] += value * 1.0
        w = z * x
        w[index] *= 2.0
        return x[index] * 2.0, y, z, w

    def loss(self, *args):
        return sum(np.sum(np.cos(t)) for t in self(*args))

    def agrees(self, f):
        want = f(self.x, self.value, *self.arrays)
        if self.traced:
            got = wg.jit(f, backend="native")(self.x, self.value, *self.arrays)
        else:
            got = wg.jit(lambda x, v: f(x, v, *self.arrays), backend="native")(self.x, self.value)
        for one, other in zip(got, want, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-13, strict=True)


@pytest.mark.parametrize("seed", range(24))
def test_random_indices(seed):
    case = Indexing(seed)
    case.agrees(case)
    case.agrees(wg.grad(case.loss, (0, 1)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24, 300))
def test_more_random_indices(seed):
    case = Indexing(seed)
    case.agrees(case)
    case.agrees(wg.grad(case.loss, (0, 1)))


def same(f, *args):
    got, want = wg.jit(f, backend="native")(*args), f(*args)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14, strict=True)


X, MANY = np.random.default_rng(0).normal(size=1000), np.random.default_rng(1).integers(-1000, 1000, 1000)
SOME = np.arange(0, 1000, 7)


def test_repeated_indices_add_up_and_the_last_assignment_stays():
    i = np.array([3, 3, 1, -1000 + 3, 3] * 20)
    v = np.arange(100.0)

    def f(x, v):
        y = x * 1.0
        y[i] = v
        z = np.bincount(i % 1000, v)
        return y, x[i], z

    same(f, X, v)
    same(wg.grad(lambda x: np.sum(x[i] * v)), X)
    same(lambda x: (wg.grad(lambda x: np.sum(x[i] * v))(x),), X)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8, bool])
@pytest.mark.parametrize("n", [0, 1, 5, 700])
def test_concatenations(dtype, n):
    x = (np.random.default_rng(n).normal(size=(n, 3)) * 9).astype(dtype)

    def f(x):
        y = x[::-1]
        return (
            np.concatenate([x, y, x[:2]]),
            np.concatenate([x, y[:, :1], x], axis=1),
            np.stack([x, y], 0),
            np.stack([x, y, x], 2),
            np.concatenate([x.T, y.T], 1),
            np.vstack([x, np.ones(3)]),
        )

    same(f, x)


def test_pieces_of_pieces():
    """What is only a part of a concatenation may be written there at once, not what is read elsewhere too."""

    def f(x):
        a = np.sin(x)
        y = np.concatenate([a, np.tanh(a)])
        z = np.concatenate([y, np.cos(x), x[:3]])
        w = np.concatenate([z, y])
        v = x[MANY]
        u = v * 1.0
        u[SOME] = 3.0
        return (
            z,
            w,
            z[MANY] * a,
            np.concatenate([np.concatenate([x * 2.0, x]), x * 3.0]),
            np.concatenate([u, u]),
            v[MANY],
        )

    same(f, X)


def test_a_part_that_is_changed_afterwards():
    def f(x):
        a = np.sort(x)
        z = np.concatenate([a, np.cos(x)])
        z[MANY[:30]] = 5.0
        return np.sin(z), a[::-1] * z[:1000]

    same(f, X)


# Assignments in place -----------------------------------------------------------------------------------------------


def test_two_changes_of_one_array():
    def f(x):
        y = x[MANY]
        a, b = y.copy(), y.copy()
        a[SOME] = 1.0
        b[MANY[:50]] = 2.0
        return np.sin(a)[MANY], np.cos(b)[MANY], a[MANY]

    same(f, X)


def test_what_is_read_later_is_not_overwritten():
    """Also where it is read by an operation that is repeated elsewhere."""
    big = np.random.default_rng(5).normal(size=(100, 1000))

    def f(x, big):
        y = x[MANY]
        n = y * 2.0
        z = y.copy()
        z[SOME] = 5.0
        return big * z + n, y

    same(f, X, big)


@pytest.mark.parametrize("n", [2, 10])
def test_chains_of_changes(n):
    def f(x):
        y = np.cumsum(x)
        before = y[MANY]
        for k in range(n):
            y[MANY[k : k + 3]] = y[k] * 0.5
            y[k + 1 :: 50] += 1.0
        return y, before, y[::-1]

    same(f, X)
    same(lambda x: (wg.grad(lambda x: np.sum(f(x)[0] * f(x)[1]))(x),), X)


def test_a_value_that_comes_from_the_array_itself():
    def f(x):
        y = x * 1.0
        y[MANY] = y[::-1]
        z = y[MANY]
        z[:-1] = z[1:]
        return y, z

    same(f, X)


# Out of range -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [5, -6, 2**40, -(2**62)])
@pytest.mark.parametrize(
    "f",
    [
        lambda x, i: x[i] * 2,
        lambda x, i: np.take(x, i),
        lambda x, i: wg.grad(lambda x: np.sum(np.sin(x[i])))(x),
        lambda x, i: np.outer(x, x)[i, i] * 2,
        lambda x, i: np.outer(x, x)[1:, i],
    ],
)
def test_an_index_out_of_range_is_numpys_error(f, bad):
    compiled = wg.jit(f, backend="native")
    x, i = np.arange(5.0), np.array([0, 4, -5])
    np.testing.assert_array_equal(compiled(x, i), f(x, i))
    with pytest.raises(IndexError, match=f"index {bad} is out of bounds") as caught:
        compiled(x, np.array([0, bad, 1]))
    assert any(entry.path.name == "test_assembly.py" for entry in caught.traceback[1:])
    np.testing.assert_array_equal(compiled(x, i), f(x, i))


def test_an_assignment_out_of_range():
    def f(x, i):
        y = x * 1.0
        y[i] = 2.0
        return y

    compiled = wg.jit(f, backend="native")
    assert compiled(np.zeros(3), np.array([-1])).tolist() == [0, 0, 2]
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        compiled(np.zeros(3), np.array([3]))


def test_nothing_to_pick_from():
    compiled = wg.jit(lambda x, i: x[i], backend="native")
    assert compiled(np.zeros((0, 2)), np.zeros(0, int)).shape == (0, 2)
    with pytest.raises(IndexError, match="out of bounds"):
        compiled(np.zeros((0, 2)), np.zeros(1, int))


@pytest.mark.parametrize("index", [(0,), (slice(1, None), None), (slice(None, None, -2), 1), (slice(5, 9),), (-1, -1)])
def test_slices_of_a_layout(index):
    x = np.arange(12.0).reshape(3, 4)
    full = [*index, *[slice(None)] * (2 - sum(p is not None for p in index))]
    layout = sliced(contiguous(x.shape), full)
    strides = [8 * s for s in layout.strides]
    found = np.ndarray(layout.shape, float, x, 8 * layout.offset if x[index].size else 0, strides)
    np.testing.assert_array_equal(found, x[index])
