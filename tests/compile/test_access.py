"""A layout says where NumPy's own views have their elements."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wengert as wg
from wengert.compile.access import contiguous, is_view, layout_of, reshaped

SHAPES = [(12,), (3, 4), (2, 3, 4), (1, 6), (2, 1, 3), (1,), (5, 1, 1), (0, 3), (2, 0)]


def random_view(rng, shape):
    """An operation that NumPy answers with a view wherever strides can say it."""
    kind = int(rng.integers(6))
    if kind == 0:
        axes = tuple(int(i) for i in rng.permutation(len(shape)))
        return lambda x: np.transpose(x, axes)
    if kind == 1 and shape:
        axis, n = int(rng.integers(len(shape))), shape[int(rng.integers(len(shape)))]
        start, stop = sorted(int(i) for i in rng.integers(-1, n + 2, 2))
        part = [slice(start, stop), slice(None, None, -1), slice(None, None, 2), slice(-1, None, -2)][
            int(rng.integers(4))
        ]
        return lambda x: x[(slice(None),) * axis + (part,)]
    if kind == 2 and shape and shape[0]:
        i = int(rng.integers(-shape[0], shape[0]))
        return lambda x: x[i, ...]
    if kind == 3:
        axis = int(rng.integers(len(shape) + 1))
        return lambda x: x[(slice(None),) * axis + (None,)]
    if kind == 4:
        wide = tuple(3 if n == 1 and rng.random() < 0.5 else n for n in shape)
        return lambda x: np.broadcast_to(x, wide)
    flat = math.prod(shape)
    splits = [(flat,), (1, flat), (flat, 1)] + [(d, flat // d) for d in (2, 3, 4, 6) if flat and flat % d == 0]
    new = splits[int(rng.integers(len(splits)))]
    return lambda x: np.reshape(x, new)


def strided(base, layout):
    size = base.itemsize
    return np.ndarray(layout.shape, base.dtype, base, layout.offset * size, [s * size for s in layout.strides])


@pytest.mark.parametrize("seed", range(150))
def test_chains_of_views(seed):
    rng = np.random.default_rng(seed)
    base = np.arange(float(math.prod(shape := SHAPES[seed % len(SHAPES)]))).reshape(shape)
    views, y = [], base
    for _ in range(int(rng.integers(1, 6))):
        view = random_view(rng, y.shape)
        views.append(view)
        y = view(y)

    def f(x):
        for view in views:
            x = view(x)
        return x * 1.5

    node = wg.trace(f)(base).outputs[0].args[0]
    layout = layout_of(node)
    if layout is None:
        assert not np.may_share_memory(y, base)  # NumPy copies too
        return
    assert layout.shape == y.shape
    if y.size:
        np.testing.assert_array_equal(strided(base, layout), y)
    if y.size and np.may_share_memory(y, base):
        assert layout.offset * 8 == y.ctypes.data - base.ctypes.data
        own = [s for s, n in zip(layout.strides, y.shape, strict=True) if n > 1]
        assert own == [s // 8 for s, n in zip(y.strides, y.shape, strict=True) if n > 1]


@pytest.mark.parametrize("shape", SHAPES)
def test_contiguous_is_numpys_order(shape):
    layout = contiguous(shape)
    if math.prod(shape):
        assert [s * 8 for s, n in zip(layout.strides, shape, strict=True) if n > 1] == [
            s for s, n in zip(np.zeros(shape).strides, shape, strict=True) if n > 1
        ]


def test_reshaping_what_has_gaps_is_refused():
    columns = contiguous((4, 6))._replace(shape=(4, 3))
    assert reshaped(columns, (12,)) is None
    assert reshaped(columns, (2, 2, 3)).strides == (12, 6, 1)
    assert reshaped(columns, (4, 1, 3)).strides[::2] == (6, 1)


def test_index_arrays_and_computations_are_no_views():
    x = np.arange(6.0)
    graph = wg.trace(lambda x: (x[np.array([0, 2])] * 2, x[x > 1] * 2, np.flip(x) * 2, x[1:] * 2))(x)
    assert [is_view(out.args[0]) for out in graph.outputs] == [False, False, True, True]
