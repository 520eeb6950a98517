"""Updates in place do on traced arrays what NumPy does on plain ones, views included; the derivatives are right."""

from __future__ import annotations

import copy
import gc
import weakref

import numpy as np
import pytest

import wengert as wg

from .programs import Program

X = np.array([0.3, 1.2, -0.7])
PICKED = np.array([True, False, True])


def zeros(shape, x):
    """An array to fill: plain for plain x, traceable for traced x."""
    return np.zeros(shape) if isinstance(x, np.ndarray) else np.zeros(shape, like=x)


def element(x):
    y = x * 2
    y[0] = x[1] ** 2
    y[-1] += x[0]
    return np.sum(y * x)


def recurrence(x):
    y = np.zeros_like(x)
    for i in range(3):
        y[i] = x[i] * (y[i - 1] if i else 1.0) + 1.0
    return y[-1] + np.sum(y)


def filled(x):
    a, b = zeros((2, 3), x), np.ones_like(x)
    a[0] = x
    a[1, :] = a[0] * x
    a[:, 1] += 1.0
    b *= x[0]
    c = np.empty_like(x)
    c[:] = b * b
    return np.sum(a @ a.T) + c[2]


def alias(x):
    y = x * 1.0
    z = y
    y += x
    y *= x
    y -= 0.5
    y /= 2.0
    y **= 2
    return np.sum(z)


def view_to_base(x):
    y = x * 1.0
    v = y[1:]
    v *= 3
    v[0] = x[0]
    return np.sum(y * y)


def base_to_view(x):
    y = x * 1.0
    v, r = y[1:], y[::-1]
    y[2] = x[0] * x[1]
    return v[1] * x[0] + r[0] ** 2


def siblings(x):
    y = x * 1.0
    a, b = y[:2], y[1:]
    a[1] = x[2] * 5
    return b[0] * x[0] + np.sum(y)


def view_of_view(x):
    m = np.outer(x, x)
    row = m.T[1:][0]
    row += x
    m.reshape(9)[::4] *= 2.0
    np.ravel(m)[1] = x[1]
    np.swapaxes(m, 0, 1)[2, 0] = 7.0 * x[0]
    m[None][0, 1, 1] = 0.0
    return np.sum(m * m[::-1])


def views_to_read(x):
    y = np.outer(x, x)
    wide, diagonal = np.broadcast_to(y, (2, 3, 3)), np.diagonal(y)
    y[0, 0] = 9.0 * x[1]
    return np.sum(wide * wide) + np.sum(diagonal**3)


def parts(x):
    z = x * (1 + 2j)
    z.real[0] = x[1] ** 2
    z.imag *= 3.0
    z.imag[1:] += x[:2]
    z.real = z.imag[::-1]
    return np.sum(np.abs(z) ** 2)


def copies_are_apart(x):
    y = x * 1.0
    for other in (y.copy(), np.copy(y), y.flatten(), y.astype(float), y[[0, 1, 2]], +y):
        other[0] = 100.0
    return np.sum(y * x)


def masks(x):
    y = x * 1.0
    y[x > 0] = 0.5 * x[x > 0] ** 2
    y[PICKED] += 1.0
    y[y < -10] = 3.0
    return np.sum(y * x)


def repeated_index(x):
    y = x * 1.0
    y[[0, 0, 1]] = x * 2  # the last one counts
    y[[2, 2]] += x[0]  # once, as in NumPy
    return np.sum(y * y)


def grid(x):
    a = np.outer(x, x)
    a[np.arange(3), np.arange(3)] = x**3
    a[np.ix_([0, 2], [1])] = x[0]
    a[..., 0] = x[::-1]
    return np.sum(a * a)


def at(x):
    y = x * 1.0
    np.add.at(y, [0, 0, 1], x * x)
    np.multiply.at(y, [2, 2], x[0])
    np.subtract.at(y, 1, 0.5)
    np.negative.at(y, [0])
    np.maximum.at(y, slice(None), x[0] / 2)
    return np.sum(y**2)


def outs(x):
    y = x * 1.0
    np.multiply(x, x, out=y)
    np.sum(np.outer(x, y), axis=0, out=y)
    np.clip(y, -5.0, 5.0, out=y)
    np.cumsum(y, out=y)
    return np.sum(y**2)


def writers(x):
    y = x * 1.0
    np.copyto(y, x * 2, where=PICKED)
    np.put(y, [0, 4], x[:1] ** 2, mode="wrap")
    np.place(y, ~PICKED, [x[0]])
    np.putmask(y, PICKED, x * x)
    a = np.outer(y, x)
    np.fill_diagonal(a, x[0])
    np.put_along_axis(a, np.array([[0], [2], [1]]), 3.0 * x[1], axis=1)
    return np.sum(a * a)


def methods(x):
    y = x * 1.0
    y.sort()
    z = np.ones_like(y)
    z.fill(x[1])
    z.put([0], x[2])
    return y @ (np.arange(3.0) * z)


def input_itself(x):
    x = x.copy() if isinstance(x, np.ndarray) else x
    x += 1
    x[0] *= 2
    return np.sum(x * x)


def loop(x):
    y = zeros(3, x)
    for _ in range(3):
        y += np.sin(x) * (1 + y)
        y[1:] = y[:-1] + x[1:]
    return np.sum(y)


def made_of_lists(x):
    like = {} if isinstance(x, np.ndarray) else {"like": x}
    a = np.array([[x[0], 1.0], [x[1] * x[2], x[0]]], **like)
    a[0, 1] = a[1, 0]
    b = np.asarray([x[0], 2.0], **like)
    return np.sum(a @ b)


def other_constructors(x):
    like = {} if isinstance(x, np.ndarray) else {"like": x}
    a = np.eye(3, **like) + np.identity(3, **like) + np.ones((3, 3), **like) + np.empty((3, 3), **like) * 0.0
    a[1] = x
    b = np.arange(3.0, **like)
    b[0] = x[1]
    c = np.zeros((2,), **like)
    c[1] = x[0]
    return np.sum(a @ b) * c[1]


def an_outer_array_between_passes(x):
    y = x * 1.0

    def inner(z):
        r = z * y
        y[0] = 100.0
        return np.sum(r)

    return np.sum(wg.grad(inner)(x * 1.0) * x) + y[0] * 0


PROGRAMS = [
    element, recurrence, filled, alias, view_to_base, base_to_view, siblings, view_of_view, views_to_read, parts,
    copies_are_apart, masks,
    repeated_index, grid, at, outs, writers, methods, input_itself, loop, made_of_lists, other_constructors,
]  # fmt: skip


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_the_value_is_numpys(f):
    value, _ = wg.value_and_grad(f)(X)
    assert value == pytest.approx(f(X), rel=1e-14)
    assert wg.jvp(f, (X,), (np.ones(3),))[0] == pytest.approx(f(X), rel=1e-14)


@pytest.mark.parametrize("f", [*PROGRAMS, an_outer_array_between_passes], ids=lambda f: f.__name__)
def test_the_derivatives_are_right(f):
    wg.check_grads(f, (X,), order=2)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_they_are_recorded(f):
    graph = wg.trace(f)(X)
    assert graph(X * 1.01) == pytest.approx(f(X * 1.01), rel=1e-14)
    assert graph.simplify()(X * 1.01) == pytest.approx(f(X * 1.01), rel=1e-14)


def test_the_callers_array_is_left_alone():
    x = X.copy()
    wg.grad(lambda x: input_itself(x))(x)
    np.testing.assert_array_equal(x, X)


def test_results_are_plain_and_apart():
    def f(x):
        y = np.zeros_like(x)
        y[1] = 2.0
        return y

    result, pull = wg.vjp(f, X)
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, [0, 2, 0])
    np.testing.assert_array_equal(pull(np.ones(3))[0], np.zeros(3))


def test_what_was_returned_can_be_changed_without_harm():
    def f(x):
        y, pull = wg.vjp(lambda z: np.exp(z), x)
        y[0] = 0.0
        return np.sum(pull(np.ones(3))[0]) + np.sum(y)

    expected = np.exp(X)
    expected[0] *= 1
    np.testing.assert_allclose(wg.grad(f)(X), np.exp(X) * [1, 2, 2], rtol=1e-14)


def test_outer_arrays_take_inner_values():
    def f(x):
        kept = np.zeros(2, like=x)

        def inner(z):
            kept[0] = 5.0
            y = np.zeros_like(z)
            y[0] = z[0] * x[1]
            return np.sum(y * y)

        kept[1] = wg.grad(inner)(x)[0]
        return np.sum(kept * kept)

    wg.check_grads(f, (X,), order=1)
    wg.grad(f)(X)


def test_a_leaked_inner_value_is_found():
    def f(x):
        kept = np.zeros(2, like=x)

        def inner(z):
            kept[0] = z[0]
            return np.sum(z)

        wg.grad(inner)(x)
        return np.sum(kept)

    with pytest.raises(wg.LeakedTracerError):
        wg.grad(f)(X)


def test_a_plain_array_still_refuses():
    def f(x):
        y = np.zeros(3)
        y[0] = x[0]
        return np.sum(y)

    with pytest.raises(wg.ConversionError, match="like=x"):
        wg.grad(f)(X)


def test_dtypes_are_kept():
    def f(x):
        y = np.zeros(3, np.float32, like=x)
        y[0] = x[0]
        assert y.dtype == np.float32
        return np.sum(y)

    assert wg.grad(f)(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_array_equal(wg.grad(f)(X), [1, 0, 0])

    def integers(x):
        y = np.zeros(3, int, like=x)
        y[0] = x[0]
        return np.sum(y)

    with pytest.raises(wg.InPlaceError, match="int64"):
        wg.grad(integers)(X)


def test_wrong_shapes_are_numpys_errors():
    with pytest.raises(ValueError, match="broadcast"):
        wg.grad(lambda x: np.sum((x * 1.0).__setitem__(slice(0, 2), x)))(X)
    with pytest.raises(ValueError, match="non-broadcastable"):
        wg.grad(lambda x: np.sum((x * 1.0).__iadd__(np.ones((2, 3)))))(X)
    with pytest.raises(IndexError):
        wg.grad(lambda x: (x * 1.0).__setitem__(7, 1.0))(X)
    with pytest.raises(TypeError, match="item assignment"):
        wg.grad(lambda x: (x[0] * 1.0).__setitem__(0, 1.0))(X)


def test_numpy_reads_an_array_without_tracers_and_then_it_stays():
    def f(x):
        y = np.zeros(3, like=x)
        y[1] = 2.0
        plain = np.asarray(y)
        assert type(plain) is np.ndarray
        if x[0] > 0:
            y[0] = 1.0
        return np.sum(x * plain)

    with pytest.raises(wg.InPlaceError, match="plain"):
        wg.grad(f)(X)
    np.testing.assert_array_equal(wg.grad(f)(-X), [0, 2, 0])


def test_indices_can_be_built_in_place():
    def f(x):
        order = np.zeros(3, int, like=x)
        order[:] = [2, 0, 1]
        table = np.array([1.0, 10.0, 100.0])
        return np.sum(x[order] * table[np.asarray(order)])

    np.testing.assert_array_equal(wg.grad(f)(X), [1, 10, 100])


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_on_the_tape(f):
    x = wg.Variable(X)
    y = f(np.copy(x))  # a leaf itself is not updated
    y.backward()
    assert y.data == pytest.approx(f(X), rel=1e-14)
    np.testing.assert_allclose(x.grad, wg.grad(f)(X), rtol=1e-14, atol=1e-14)
    assert y.graph()(X * 1.01) == pytest.approx(f(X * 1.01), rel=1e-14)


@pytest.mark.parametrize("seed", range(100))
def test_random_programs(seed):
    """Views of views, copies and updates of every layout: NumPy's values exactly, the derivatives of complex steps."""
    program, x, t = Program(seed), np.cos(np.arange(12.0)), np.sin(np.arange(12.0) ** 2)
    plain, refused = program(x.copy()), program.refused
    value, tangent = wg.jvp(program, (x,), (t,))
    np.testing.assert_array_equal(value, plain)
    assert program.refused == refused
    if not any("sort" in line for line in program.log):
        step = 1e-100
        np.testing.assert_allclose(tangent, program(x + step * 1j * t).imag / step, rtol=1e-10, atol=1e-10)
        graph = wg.trace(program)(x)
        np.testing.assert_array_equal(graph(x * 1.001), program(x * 1.001))
    ct = np.cos(np.arange(len(value)) + 1.0)
    slope = pytest.approx(ct @ tangent, rel=1e-9, abs=1e-9)
    assert wg.vjp(program, x)[1](ct)[0] @ t == slope
    leaf = wg.Variable(x)
    result = program(leaf)
    np.testing.assert_array_equal(result.data, plain)
    result.backward(ct)
    assert (0.0 if leaf.grad is None else leaf.grad @ t) == slope
    again = wg.jvp(wg.grad(lambda x: ct @ program(x) ** 2), (x,), (t,))[1]
    other = wg.grad(lambda x: wg.jvp(lambda x: ct @ program(x) ** 2, (x,), (t,))[1])(x)
    np.testing.assert_allclose(again, other, rtol=1e-8, atol=1e-8 * max(1.0, np.abs(other).max()))


@pytest.mark.parametrize(
    "make",
    [
        lambda m: m.T.copy(), lambda m: np.copy(m.T), lambda m: m.flatten(), lambda m: np.ravel(m.T),
        lambda m: m[:, ::2].ravel(), lambda m: m[::-1].ravel(), lambda m: m.T.reshape(-1), lambda m: m[0, :1].copy(),
        lambda m: m.astype(float), lambda m: m[[0, 1]], lambda m: m + 0.0, lambda m: copy.copy(m),
        lambda m: copy.deepcopy(m), lambda m: np.broadcast_to(m, (2, 2, 3)).copy(), lambda m: np.full_like(m, m[0, 0]),
        lambda m: m.flat[1:3], lambda m: np.copy(m[0, 0]), lambda m: m.ravel("F"),
    ],
)  # fmt: skip
def test_what_numpy_copies_is_a_copy(make):
    def f(x):
        m = np.reshape(x * 1.0, (2, 3))
        other = make(m)
        other[...] = 7.0 * x[0]
        flat = other.ravel()
        flat[...] = 3.0 * x[1]
        return np.sum(m * m) + np.sum(other**2)

    wg.check_grads(f, (np.arange(1.0, 7.0),), order=2)
    assert wg.jvp(f, (np.arange(6.0),), (np.ones(6),))[0] == f(np.arange(6.0))


def test_numbers_in_an_array_without_axes():
    def f(x):
        y = x * 1.0
        v = y[0, ...]
        v *= 3.0
        s = y.sum()
        t = s
        s += 1.0
        z = np.copy(y[1])
        w = z
        z -= x[2]
        y.reshape(3, 1)[1:2].squeeze()[...] = x[0] ** 2
        return y @ y + t * 10 + w

    assert wg.jvp(f, (X,), (X,))[0] == pytest.approx(f(X), rel=1e-15)
    wg.check_grads(f, (X,), order=2)


def test_flat():
    def f(x):
        y = np.outer(x, x)
        y.flat[4] = x[0]
        y.flat[[0, 1, 2]] = x[:2]  # repeated where it is short
        y[:, ::2].flat[3:5] = 2.0 * x[1]
        y.flat[np.eye(3, dtype=bool).ravel()] *= 2.0
        z = np.zeros_like(y)
        z.flat = x
        assert len(y.flat) == 9
        return sum(v * i for i, v in enumerate(y.flat)) + np.sum(y.flat[1:7:2] * x) + np.sum(z**3) + y.flat[-1]

    assert wg.jvp(f, (X,), (X,))[0] == pytest.approx(f(X), rel=1e-15)
    wg.check_grads(f, (X,), order=2)
    with pytest.raises(wg.ConversionError):
        wg.grad(lambda x: np.sum(np.array(x.flat)))(X)


def test_where_with_out():
    def f(x):
        y = x * 2
        np.log(x, out=y, where=x > 0)  # no warning for what is left out
        np.divide(1.0, x, out=y, where=~PICKED)
        return np.sum(y * x)

    with np.errstate(invalid="ignore"):
        wanted = f(X)
    assert wg.jvp(f, (X,), (X,))[0] == pytest.approx(wanted, rel=1e-15)
    wg.check_grads(f, (X,), order=2)


def test_out_by_position():
    table = np.arange(9.0).reshape(3, 3)

    def f(x):
        y = x * 1.0
        np.cumsum(x * x, 0, None, y)
        z = np.zeros_like(y)
        np.dot(table, y, z)
        np.take(z, [2, 0, 1], 0, y)
        return np.sum(y * z)

    wg.check_grads(f, (X,), order=2)
    assert wg.jvp(f, (X,), (X,))[0] == pytest.approx(f(X), rel=1e-15)
    for call in (lambda x, y: np.cumsum(x, 0, None, y), lambda x, y: np.take(x, [0, 1, 2], 0, y)):
        with pytest.raises(wg.InPlaceError):
            wg.grad(lambda x, call=call: np.sum(call(x, np.zeros(3))))(X)


def test_nan_to_num_in_place():
    def f(x):
        y = x * np.array([1.0, np.nan, 1.0])
        np.nan_to_num(y, copy=False, nan=5.0)
        return np.sum(y * x)

    assert wg.jvp(f, (X,), (X,))[0] == f(X)
    np.testing.assert_allclose(wg.grad(f)(X), [2 * X[0], 5.0, 2 * X[2]])


@pytest.mark.parametrize(
    "update",
    [
        lambda y: y.resize(5), lambda y: y.partition(1), lambda y: y.setfield(1.0, float), lambda y: y.itemset(0, 1.0),
        lambda y: setattr(y, "shape", (3, 1)), lambda y: setattr(y, "dtype", np.int64),
        lambda y: y.__setitem__(0, 1j * y[0]), lambda y: y.__iadd__(1j), lambda y: np.multiply(y, 1j, out=y),
    ],
)  # fmt: skip
def test_what_is_refused(update):
    with pytest.raises(wg.InPlaceError) as info:
        wg.grad(lambda x: update(x * 1.0))(X)
    assert info.value.right


def test_nothing_is_kept_alive():
    kept = []

    def f(x):
        y = x * 1.0
        kept.append(weakref.ref(y))
        for i in range(100):
            y[i % 2 :][0] += x[0]
        assert len(y.views) < 40  # views that are gone are dropped
        return np.sum(y)

    gc.collect()
    gc.disable()
    try:
        wg.jvp(f, (X,), (X,))
        assert kept[0]() is None, "an array must be freed by reference counts alone"
    finally:
        gc.enable()


def test_views_that_numpy_does_not_let_write():
    for make in (lambda y: np.broadcast_to(y, (2, 3)), lambda y: np.diagonal(np.outer(y, y))):
        with pytest.raises(ValueError, match="read-only"):
            wg.grad(lambda x, make=make: make(x * 1.0).__setitem__(0, 1.0))(X)


def test_a_real_array_has_no_imaginary_part_to_write():
    for update in (lambda y: y.imag.__setitem__(0, 1.0), lambda y: setattr(y, "imag", 1.0)):
        for y in (X.copy(), None):
            with pytest.raises((ValueError, TypeError), match=r"read-only|imaginary"):
                update(y) if y is not None else wg.grad(lambda x: update(x * 1.0))(X)  # noqa: B023


def test_an_array_without_axes_is_changed_in_place():
    def f(x):
        y = x
        y += 1.0
        y[...] *= 3.0
        return x * x

    assert wg.grad(f)(np.array(2.0)) == 54.0
    assert wg.grad(lambda x: x * x)(np.float64(2.0)) == 4.0


def test_asarray_is_the_array_itself_and_array_a_copy():
    def f(x):
        y = x * 1.0
        np.asarray(y, like=x)[0] = x[1] ** 2
        np.array(y, like=x)[1] = 100.0
        return np.sum(y * y)

    np.testing.assert_allclose(wg.grad(f)(X), [0, 4 * X[1] ** 3 + 2 * X[1], 2 * X[2]])


def test_ufuncs_take_lists():
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(np.multiply(x, [1.0, 2.0, 3.0])))(X), [1, 2, 3])
    assert wg.trace(lambda x: np.sum(np.add(x, [1.0, 2.0, 3.0])))(X)(X) == X.sum() + 6
    with pytest.raises(wg.ConversionError):
        wg.grad(lambda x: np.sum(np.add(x, [x[0], 2.0, 3.0])))(X)
