"""`vmap`: many examples at once give what each gives alone, under every other transformation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import wengert as wg
import wengert.numpy as wnp

RNG = np.random.default_rng(5)
X = RNG.normal(size=(5, 3))
W = RNG.normal(size=(3, 3))


def alone(f: Any, args: Any, axes: Any) -> Any:
    n = next(np.shape(a)[axis] for a, axis in zip(args, axes, strict=True) if axis is not None)
    rows = [
        f(*[a if axis is None else np.take(a, i, axis) for a, axis in zip(args, axes, strict=True)]) for i in range(n)
    ]
    return np.stack(rows)


def check(f: Any, *args: Any, in_axes: Any = 0, rtol: float = 1e-12) -> None:
    axes = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
    want = alone(f, args, axes)
    np.testing.assert_allclose(wg.vmap(f, in_axes)(*args), want, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(wg.jit(wg.vmap(f, in_axes))(*args), want, rtol=rtol, atol=rtol)


def energy(x: Any) -> Any:
    return np.log(np.sum(np.exp(W @ x))) * np.prod(x) + np.max(x)


def updates(x: Any, i: Any) -> Any:
    y = np.zeros(4, like=x)
    y[i] = x[0]
    y[1:] += np.sin(x)
    return y


def recurrence(x: Any) -> Any:
    last, rows = wg.scan(lambda c, t: (np.tanh(W @ c) + t * x, np.sum(c)), x, np.arange(4.0))
    return np.sum(last) + np.sum(rows**2)


def few_snapshots(x: Any) -> Any:
    return np.sum(wg.scan(lambda c, t: (np.sin(W @ c) + x * t, None), x, np.arange(6.0), snapshots=2)[0])


def counted(x: Any) -> Any:
    return np.sum(wg.fori_loop(0, 3, lambda i, c: (np.sin(c[0]) * i + x, c[1] + 1), (x, 0))[0])


def choice(x: Any) -> Any:
    return wg.cond(x[0] > 0, lambda x: np.sin(x) * x[0], lambda x: np.exp(W @ x), x)


def piecewise(x: Any) -> Any:
    return np.sum(choice(x))


checkpointed = wg.checkpoint(lambda x: np.sum(np.sin(W @ x)))
FUNCTIONS = [energy, recurrence, few_snapshots, counted, piecewise, checkpointed]


@pytest.mark.parametrize("f", FUNCTIONS)
def test_values_gradients_and_hessians_of_each_example(f: Any) -> None:
    check(f, X)
    check(wg.grad(f), X)
    check(wg.hessian(f), X, rtol=1e-11)


@pytest.mark.parametrize("f", FUNCTIONS)
def test_the_gradient_goes_through(f: Any) -> None:
    through = wg.grad(lambda xs: np.sum(wg.vmap(f)(xs)))(X)
    np.testing.assert_allclose(through, alone(wg.grad(f), (X,), (0,)), rtol=1e-12, atol=1e-12)
    shared = wg.grad(lambda s: np.sum(wg.vmap(lambda x: f(s * x))(X)))(1.5)
    np.testing.assert_allclose(shared, sum(wg.grad(lambda s, x=x: f(s * x))(1.5) for x in X), rtol=1e-11)


def test_views_updates_and_positions() -> None:
    places = np.array([0, 1, 3, 0, 2])
    check(updates, X, places)
    check(wg.jacobian(updates), X, places)
    check(lambda x, i: x[i] * x, X, places % 3)
    check(wg.grad(lambda x, i: np.sin(x[i])), X, places % 3)
    check(lambda i: wnp.asarray(W)[:, i], places % 3)
    check(lambda x: x[[0, 2]] * x[1], X)
    check(lambda a, i, j: a[i, :, j], RNG.normal(size=(5, 2, 3, 4)), places % 2, places)
    check(lambda a, i: a[:, [[0, 1]], i], RNG.normal(size=(5, 2, 3, 4)), places)
    check(wg.grad(lambda a, i: np.sum(np.sin(a[i, :, [0, 1, 1]]))), RNG.normal(size=(5, 2, 3, 4)), places % 2)


def test_an_index_into_an_array_that_is_the_same_for_all() -> None:
    table = RNG.normal(size=(2, 4, 3))
    rows = RNG.integers(0, 4, (5, 2))
    check(lambda i, t: wnp.asarray(t)[:, i], rows, table, in_axes=(0, None))
    check(lambda i, t: wnp.asarray(t)[1, i, 2], rows, table, in_axes=(0, None))
    check(wg.grad(lambda t, i: np.sum(t[:, i] ** 2)), table, rows, in_axes=(None, 0))


def test_updates_at_batched_places_in_an_array_that_is_the_same_for_all() -> None:
    def f(x: Any, i: Any) -> Any:
        y = np.zeros((4, 2), like=x)
        y[i] = x[0]
        y[[0, 0], [1, 0]] = x[1:]
        return np.sum(y, axis=0) + y[i]

    check(f, X, np.array([0, 1, 3, 0, 2]))
    check(wg.jacobian(f), X, np.array([0, 1, 3, 0, 2]))

    rows = np.array([[0, 1, 3, 0], [2, 2, 2, 2], [3, 0, 3, 0], [1, 1, 0, 0], [0, 0, 0, 0]])

    def h(x: Any, i: Any) -> Any:
        y = np.ones((4, 3), like=x)
        y[i[:2], [0, 1]] = x[:2]
        y[:, [True, False, True]] *= x[2]
        y[i > 2] = x[1]
        return y

    check(h, X, rows)
    check(wg.jacobian(h), X, rows)


def test_each_example_of_a_while_loop_ends_on_its_own() -> None:
    def root(x: Any, a: Any) -> Any:
        return wg.while_loop(lambda c: np.abs(c * c - a * x) > 1e-13 * a * x, lambda c: 0.5 * (c + a * x / c), x + 1.0)

    xs = np.array([0.5, 2.0, 9.0, 1e4])
    vmapped = wg.vmap(root, in_axes=(0, None))
    for jit in (lambda f: f, wg.jit):
        np.testing.assert_allclose(jit(vmapped)(xs, 2.0), np.sqrt(2 * xs), rtol=1e-12)
        for i, want in ((0, np.sqrt(2 / xs) / 2), (1, np.sqrt(xs / 2) / 2)):
            got = jit(wg.vmap(wg.grad(root, argnums=i), in_axes=(0, None)))(xs, 2.0)
            np.testing.assert_allclose(got, want, rtol=1e-9)
        total = jit(wg.grad(lambda a: np.sum(vmapped(xs, a))))(2.0)
        np.testing.assert_allclose(total, np.sum(np.sqrt(xs / 2) / 2), rtol=1e-9)
    second = wg.vmap(wg.grad(wg.grad(root)), in_axes=(0, None))(xs, 2.0)
    np.testing.assert_allclose(second, alone(wg.grad(wg.grad(root)), (xs, 2.0), (0, None)), rtol=1e-9)
    forward = wg.vmap(lambda x: wg.jvp(lambda v: root(v, 2.0), (x,), (1.0,))[1])(xs)
    np.testing.assert_allclose(forward, np.sqrt(2 / xs) / 2, rtol=1e-9)


def test_a_loop_whose_length_is_the_same_for_all() -> None:
    def f(x: Any) -> Any:
        return wg.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, np.sin(c[1])), (0, x))[1]

    check(f, X)
    check(wg.grad(lambda x: np.sum(f(x))), X)


def test_a_switch_takes_the_last_branch_beyond_its_ends() -> None:
    def f(i: Any, x: Any) -> Any:
        return wg.switch(i, [lambda x: x, np.sin, lambda x: x**2], x)

    check(f, np.array([0, 1, 2, 5, -1]), X)
    check(lambda i, x: wg.jacobian(f, argnums=1)(i, x), np.array([0, 1, 2, 5, -1]), X)


def test_a_branch_that_is_not_taken_costs_no_nan() -> None:
    f = wg.grad(lambda x: wg.cond(x > 0, np.sqrt, lambda x: -x, x))
    np.testing.assert_allclose(wg.vmap(f)(np.array([4.0, -1.0, 0.0])), [0.25, -1.0, -1.0])


def test_rules_of_the_users_own() -> None:
    xs = np.array([0.1, -1.0, 2.0])
    erf = wg.custom_derivative(math.erf, pushforward=lambda t, z, x: 2 / np.sqrt(np.pi) * np.exp(-(x**2)) * t)
    check(erf, xs)
    check(wg.grad(erf), xs)
    check(wg.grad(wg.grad(erf)), xs)

    def pulled(ct: Any, z: Any, x: Any, w: Any) -> Any:
        slope = ct * (1 - np.exp(-z))
        return w.T @ slope, slope[:, None] * x

    layer = wg.custom_derivative(lambda x, w: np.log1p(np.exp(w @ x)), pullback=pulled)
    check(layer, X, W, in_axes=(0, None))
    check(wg.jacobian(layer), X, W, in_axes=(0, None))
    check(wg.jacobian(layer, argnums=1), X, W, in_axes=(0, None))
    through = wg.grad(lambda w: np.sum(wg.vmap(layer, (0, None))(X, w)))(W)
    plain = wg.grad(lambda w: np.sum(np.log1p(np.exp(X @ w.T))))(W)
    np.testing.assert_allclose(through, plain, rtol=1e-12)


def test_solvers_are_called_for_each_example() -> None:
    def f(a: Any) -> Any:
        return wg.implicit.root(lambda y, a: y**3 + y - a, 1.0, a)

    xs = np.array([0.5, 2.0, 9.0])
    ys = wg.vmap(f)(xs)
    np.testing.assert_allclose(ys**3 + ys, xs, rtol=1e-9)
    np.testing.assert_allclose(wg.vmap(wg.grad(f))(xs), 1 / (3 * ys**2 + 1), rtol=1e-9)
    np.testing.assert_allclose(wg.grad(lambda v: np.sum(wg.vmap(f)(v)))(xs), 1 / (3 * ys**2 + 1), rtol=1e-9)


def test_black_boxes_are_called_for_each_example() -> None:
    xs = np.array([0.5, 2.0, 9.0])
    box = wg.from_callable(math.gamma, warn=False)
    check(box, xs[:2])
    got = wg.vmap(wg.grad(lambda x: box(x) * x))(xs)
    np.testing.assert_allclose(got, [wg.grad(lambda x: box(x) * x)(x) for x in xs], rtol=1e-12)
    with pytest.raises(wg.ArgumentError, match="no second one"):
        wg.vmap(wg.grad(wg.grad(box)))(xs)


def test_axes_and_trees() -> None:
    a = RNG.normal(size=(2, 5, 3))
    np.testing.assert_allclose(wg.vmap(np.sum, in_axes=1)(a), a.sum((0, 2)))
    np.testing.assert_allclose(wg.vmap(np.cos, in_axes=-2, out_axes=-1)(a), np.cos(np.moveaxis(a, 1, -1)))
    data = {"x": X, "scale": 2.0}
    got = wg.vmap(lambda d: {"y": d["x"] * d["scale"], "s": d["scale"]}, in_axes=({"x": 0, "scale": None},),
                  out_axes={"y": 1, "s": None})(data)  # fmt: skip
    np.testing.assert_allclose(got["y"], 2 * X.T)
    assert got["s"] == 2.0
    pairs = wg.vmap(wg.vmap(lambda u, v: u @ v, in_axes=(None, 0)), in_axes=(0, None))(X, X)
    np.testing.assert_allclose(pairs, X @ X.T)
    np.testing.assert_array_equal(wg.vmap(lambda: np.ones(2), axis_size=3)(), np.ones((3, 2)))
    np.testing.assert_array_equal(wg.vmap(lambda x, *, k: x * k)(X, k=3), X * 3)


def test_what_is_the_same_for_all_is_computed_once_and_may_be_branched_on() -> None:
    def f(x: Any, flag: Any) -> Any:
        return x * 2 if flag > 0 else x

    np.testing.assert_array_equal(wg.vmap(f, in_axes=(0, None))(X, 1.0), 2 * X)
    grad = wg.grad(lambda s: np.sum(wg.vmap(f, in_axes=(0, None))(X * s, s)))(1.0)
    np.testing.assert_allclose(grad, 2 * X.sum())


def test_dtypes_are_those_of_one_example() -> None:
    x = X.astype(np.float32)
    assert wg.vmap(lambda v: v * 2.0 + 1)(x).dtype == np.float32
    assert wg.vmap(wg.grad(energy))(x).dtype == np.float32 or W.dtype == np.float64
    assert wg.vmap(lambda i: i + 1)(np.arange(3)).dtype == np.int64
    assert wg.vmap(lambda v: v > 0)(x).dtype == bool
    mixed = wg.vmap(lambda v: v * wg.fori_loop(0, 2, lambda i, c: c * 0.5, 1.0))(x)
    assert mixed.dtype == np.float32


def test_no_examples() -> None:
    assert wg.vmap(lambda x: W @ x)(np.empty((0, 3))).shape == (0, 3)
    assert wg.vmap(wg.grad(energy))(np.empty((0, 3))).shape == (0, 3)


def test_results_are_the_callers_own() -> None:
    x = X.copy()
    wg.vmap(lambda v: v)(x)[0] = 7.0
    constant = wg.vmap(lambda v: W)(x)
    constant[0] = 0.0
    assert np.all(constant[1] == W)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: wg.vmap(lambda x: x if x > 0 else -x)(np.ones(3)), wg.ArgumentError, "depends on the numbers"),
        (lambda: wg.vmap(lambda x: x[x > 0])(X), wg.ArgumentError, "depends on the numbers"),
        (lambda: wg.vmap(np.add)(np.ones(3), np.ones(4)), wg.ShapeError, "argument 0: 3, argument 1: 4"),
        (lambda: wg.vmap(np.add, in_axes=(0,))(np.ones(3), np.ones(3)), wg.ShapeError, "no prefix"),
        (lambda: wg.vmap(np.add, in_axes=(0, "x"))(np.ones(3), np.ones(3)), wg.ShapeError, "whole number"),
        (lambda: wg.vmap(np.sin)(1.0), wg.ShapeError, "has 0 axes"),
        (lambda: wg.vmap(np.sin, in_axes=2)(X), wg.ShapeError, "has 2 axes"),
        (lambda: wg.vmap(np.sin, out_axes=2)(X[:, 0]), wg.ShapeError, "a result"),
        (lambda: wg.vmap(np.sin, out_axes=None)(X), wg.ShapeError, "out_axes says"),
        (lambda: wg.vmap(np.sin, in_axes=None)(X), wg.ArgumentError, "no argument has an axis"),
        (lambda: wg.vmap(np.sin, axis_size=4)(X), wg.ShapeError, "axis_size: 4"),
        (lambda: wg.vmap(lambda s: s)("text"), wg.ArgumentError, "argument 0"),
        (lambda: wg.vmap(3), wg.ArgumentError, "takes a function"),
    ],
)
def test_bad_input(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_an_operation_without_a_rule_says_so() -> None:
    op = wg.primitive(lambda m: np.linalg.det(m), wg.Pushforward(lambda t, z, m: t[0, 0]), name="mine")
    with pytest.raises(wg.ArgumentError, match=r"mine has no rule for the shape .* \(aval=\)"):
        wg.vmap(op)(np.ones((2, 3, 3)))
    shape = {"aval": lambda m: wg.Aval((), m.dtype)}
    op = wg.primitive(lambda m: np.linalg.det(m), wg.Pushforward(lambda t, z, m: t[0, 0]), name="mine", **shape)
    with pytest.raises(wg.MissingRuleError, match="mine to many examples"):
        wg.vmap(op)(np.ones((2, 3, 3)))


@pytest.mark.parametrize("n", [3, 20])
def test_a_jacobian_of_passes_that_are_made_at_once(n: int) -> None:
    x = np.linspace(0.5, 1.5, n)

    def f(v: Any) -> Any:
        return np.cumsum(np.sin(v)) * v[0] + np.sort(v)[::-1]

    want = np.stack([wg.jvp(f, (x,), (e,))[1] for e in np.eye(n)], axis=-1)
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(wg.jacobian(f, mode=mode)(x), want, rtol=1e-13)
        np.testing.assert_allclose(wg.jit(wg.jacobian(f, mode=mode))(x), want, rtol=1e-13)


def test_a_jacobian_in_parts() -> None:
    from wengert.transform import passes

    x = np.linspace(0.5, 1.5, 30)
    whole = wg.jacobian(np.cumprod)(x)
    old = passes._ELEMENTS
    passes._ELEMENTS = 30 * 11
    try:
        np.testing.assert_array_equal(wg.jacobian(np.cumprod)(x), whole)
    finally:
        passes._ELEMENTS = old


def test_results_that_are_of_one_size_for_all_examples() -> None:
    a, b = RNG.normal(size=(4, 5, 3)), RNG.normal(size=(4, 5))
    check(lambda a, b: np.linalg.lstsq(a, b)[0], a, b, rtol=1e-10)
    check(wg.jacobian(lambda a, b: np.linalg.lstsq(a, b)[0]), a, b, rtol=1e-9)
    counts = RNG.integers(0, 4, (3, 20))
    check(lambda i: np.bincount(i, minlength=6), counts)
    x = RNG.normal(size=(3, 20))
    check(lambda v: np.histogram(v, bins=5, range=(-3.0, 3.0))[0], x)
