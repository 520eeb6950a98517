"""Loops and branches as operations: forms of carries, dtypes, no steps, what is taken apart, memory, errors."""

from __future__ import annotations

import tracemalloc
from math import comb

import numpy as np
import pytest

import wengert as wg
import wengert.numpy
from wengert.graph.verify import verify
from wengert.transform.snapshots import reversed_states

XS = np.random.default_rng(2).normal(size=6)


def operations(graph):
    return [node.operation for node in graph.operations]


# The size of what is recorded -------------------------------------------------------------------------------------


def test_the_gradient_of_many_steps_is_a_small_graph():
    def loss(a, n):
        return wg.scan(lambda c, x: (np.sin(a * c) + x, c * a), 0.3, np.linspace(0, 1, n))[0]

    sizes = {len(wg.trace(wg.grad(lambda a, n=n: loss(a, n)))(0.9).nodes) for n in (3, 10_000)}
    assert len(sizes) == 1
    assert sizes.pop() < 30


def test_a_loop_leaves_no_trace_of_its_recording():
    graph = wg.trace(lambda a: wg.scan(lambda c, x: (np.sin(a * c) + x, None), a, XS)[0])(0.9)
    assert operations(graph) == ["astype", "scan"]  # the Python number becomes one of NumPy's, as in the first step


def test_plain_arrays_take_a_traced_index_in_the_drop_in_namespace():
    def f(a):
        return wg.fori_loop(0, 6, lambda i, c: c * a + wengert.numpy.asarray(XS)[i], 0.0)

    graph = wg.trace(wg.grad(f))(0.9)
    assert len(graph.nodes) < 30
    np.testing.assert_allclose(graph(0.4), np.polyval(np.polyder(XS), 0.4), rtol=1e-13)
    assert f(0.4) == pytest.approx(np.polyval(XS, 0.4), rel=1e-14)


def test_what_does_not_change_in_the_loop_is_computed_once():
    graph = wg.trace(lambda a: wg.scan(lambda c, x: (c + np.exp(a) * x, None), XS[0], XS)[0])(0.9)
    assert sorted(operations(graph)) == ["exp", "scan"]


# Forms and dtypes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("traced", [False, True])
def test_any_tree_goes_round(traced):
    def f(a):
        def step(carry, x):
            (u, none), d = carry
            return ((u * a + x["v"][0], none), {"n": d["n"] + 1}), {"u": u, "x": (x["v"], None)}

        (last, _), ys = wg.scan(step, ((a, None), {"n": 0}), {"v": (XS,)}, length=6)[0][0], None
        carry, ys = wg.scan(step, ((a, None), {"n": 0}), {"v": (XS,)}, length=6)
        assert set(ys) == {"u", "x"}
        assert ys["x"][1] is None
        assert ys["u"].shape == (6,)
        assert carry[0][1] is None
        return carry[0][0] * carry[1]["n"] + np.sum(ys["u"] * ys["x"][0][0]), last

    def plain(a):
        u, total = a, 0.0
        for x in XS:
            total = total + u * x
            u = u * a + x
        return u * 6 + total

    value = (lambda a: f(a)[0])(0.7) if not traced else wg.value_and_grad(lambda a: f(a)[0])(0.7)
    np.testing.assert_allclose(value, wg.value_and_grad(plain)(0.7) if traced else plain(0.7), rtol=1e-13)


def test_float32_stays_float32():
    xs = XS.astype(np.float32)

    def f(a):
        last, ys = wg.scan(lambda c, x: (c * a + np.sin(x), c * x), 0.0, xs)
        assert last.dtype == ys.dtype == np.float32
        return last + np.sum(ys)

    for transform in (wg.grad(f), wg.grad(wg.grad(f)), lambda a: wg.jvp(f, (a,), (np.float32(1),))[1]):
        assert transform(np.float32(0.7)).dtype == np.float32
    graph = wg.trace(wg.grad(f))(np.float32(0.7))
    verify(graph)
    assert graph(np.float32(0.3)).dtype == np.float32
    w = wg.grad(lambda a: wg.while_loop(lambda c: c < 3, lambda c: c + a, a))(np.float32(0.7))
    assert (w.dtype, float(w)) == (np.float32, 5.0)


def test_a_python_number_may_become_an_array():
    f = lambda a: np.sum(wg.scan(lambda c, x: (c * 0.5 + x * a, None), 0.0, XS.reshape(2, 3))[0])  # noqa: E731
    plain = lambda a: np.sum(0.5 * a * XS[:3] + a * XS[3:])  # noqa: E731
    np.testing.assert_allclose([f(0.7), wg.grad(f)(0.7)], [plain(0.7), wg.grad(plain)(0.7)], rtol=1e-13)


def test_a_python_number_stays_one():
    assert type(wg.scan(lambda c, _: (c + 1, None), 0, length=3)[0]) is int
    assert type(wg.while_loop(lambda c: c < 3, lambda c: c + 0.5, 0.0)) is float
    assert type(wg.fori_loop(0, 3, lambda i, c: c + i, 0)) is int


def test_counters_are_constants():
    def f(x):
        n, c = wg.while_loop(lambda s: s[0] < 4, lambda s: (s[0] + 1, s[1] * x + s[0]), (0, x))
        return n * c

    assert wg.grad(f)(2.0) == wg.grad(lambda x: 4 * ((((x * x) * x + 1) * x + 2) * x + 3))(2.0)
    _, tangent = wg.jvp(lambda x: wg.scan(lambda c, _: (c + 1, x), 0, length=2), (1.0,), (1.0,))
    np.testing.assert_array_equal(tangent[1], [1.0, 1.0])


def test_no_steps():
    empty = np.empty((0, 2))
    last, ys = wg.scan(lambda c, x: (c + x.sum(), {"y": x * c}), 1.5, empty)
    assert (last, ys["y"].shape) == (1.5, (0, 2))
    f = lambda a: (lambda r: r[0] * a + np.sum(r[1]))(wg.scan(lambda c, x: (c * a, x * a), a, empty))  # noqa: E731
    assert wg.grad(f)(3.0) == 6.0
    assert wg.grad(lambda a: wg.fori_loop(3, 3, lambda i, c: c / 0, a * a))(3.0) == 6.0
    assert wg.grad(lambda a: wg.while_loop(lambda c: c < 0, lambda c: c * a, a * a))(3.0) == 6.0


def test_in_reverse_the_results_stand_where_their_slices_stand():
    last, ys = wg.scan(lambda c, x: (c + x, c), 0.0, np.arange(4.0), reverse=True)
    np.testing.assert_array_equal(ys, [6.0, 5.0, 3.0, 0.0])
    assert last == 6.0


def test_complex_carries():
    zs = XS[:3] + 1j * XS[3:]
    f = lambda w: np.abs(wg.scan(lambda c, z: (c * w + z, None), 1.0 + 0.5j, zs)[0]) ** 2  # noqa: E731

    def plain(w):
        c = 1.0 + 0.5j
        for z in zs:
            c = c * w + z
        return np.abs(c) ** 2

    np.testing.assert_allclose(wg.grad(f)(0.3 - 0.8j), wg.grad(plain)(0.3 - 0.8j), rtol=1e-13)
    graph = wg.trace(wg.grad(f))(0.3 - 0.8j)
    np.testing.assert_allclose(graph(1.1j), wg.grad(plain)(1.1j), rtol=1e-13)


def test_zero_is_strong_in_a_loop():
    f = lambda x: wg.scan(lambda c, s: (c + np.where(s > 0, np.sqrt(x * s), 0.0), None), 0.0, np.array([0.0, 4.0]))[0]  # noqa: E731
    assert wg.grad(f)(1.0) == 1.0


def test_the_carry_is_not_an_argument_that_someone_changes():
    xs = np.arange(6.0).reshape(3, 2)
    last, _ = wg.scan(lambda c, x: (x, None), xs[0], xs)
    graph = wg.trace(lambda x: wg.scan(lambda c, s: (s, None), x[0], x)[0])(xs)
    again = graph(xs)
    again[0] = 100.0
    assert xs[2, 0] == 4.0
    assert last[0] == 4.0


def test_variables_and_dual_numbers_from_outside():
    w = wg.Variable(np.array([0.5, -0.3]))
    y = wg.scan(lambda c, x: (c + np.sum(np.sin(w * x)), None), 0.0, XS)[0]
    y.backward()
    expected = wg.grad(lambda w: np.sum(np.sin(w * XS[:, None])))(np.array([0.5, -0.3]))
    np.testing.assert_allclose(w.grad, expected, rtol=1e-13)
    with wg.no_grad():
        assert wg.scan(lambda c, x: (c + w[0] * x, None), 0.0, XS)[0].data == pytest.approx(0.5 * XS.sum())
    d = wg.Dual(2.0, 1.0)
    assert wg.fori_loop(0, 3, lambda i, c: c * d, 1.0).tangent == 12.0


# Branches ------------------------------------------------------------------------------------------------------------


def test_a_plain_condition_calls_one_function():
    called = []
    assert wg.cond(True, lambda x: called.append(1) or x, lambda x: called.append(2) or -x, 3.0) == 3.0
    assert wg.switch(7, [abs, lambda x: called.append(3) or x], 3.0) == 3.0
    assert wg.switch(-7, [np.negative, abs], 3.0) == -3.0
    assert called == [1, 3]


def test_a_recorded_condition_holds_for_both_outcomes():
    graph = wg.trace(lambda x, n: wg.cond(x, lambda: n * 2.0, lambda: n - 1.0))(1.0, 5.0)
    assert (graph(1.0, 5.0), graph(0.0, 5.0), graph(-3.0, 5.0)) == (10.0, 4.0, 10.0)
    assert not graph.guards


def test_what_the_other_branch_cannot_do_is_not_done():
    f = wg.grad(lambda x: wg.cond(x > 0, np.log, lambda x: x * 0.0, x))
    graph = wg.trace(f)(2.0)
    assert (graph(4.0), graph(-1.0)) == (0.25, 0.0)


def test_operands_that_are_no_numbers_are_handed_through():
    graph = wg.trace(lambda x: wg.cond(x > 0, lambda x, k: x * {"a": 2.0}[k], lambda x, k: x, x, "a"))(1.0)
    assert (graph(3.0), graph(-3.0)) == (6.0, -3.0)


# What is taken apart ----------------------------------------------------------------------------------------------


def eigenvalues(a):
    """The rule of eigh looks at the numbers: which eigenvalues are equal is different in each step."""

    def step(c, x):
        w, v = np.linalg.eigh(np.diag(np.stack([x, c * a])))
        return w[1], v[0, 0] * w[0] + w[1]

    return step, a, np.array([0.5, 0.7, 0.9])


def python_branch(a):
    return lambda c, x: (c * a if c > 0.5 else np.sin(c) + x, c), a, XS


def selection(a):
    return lambda c, x: (c * 0.5 + np.sum((XS * a)[XS * c > 0]), None), a, XS


def determinant(a):
    return lambda c, x: (np.linalg.det(np.eye(2) * c + a * x) * 0.3 + a, c), a, XS


def repeated(a):
    def step(c, n):
        return c + np.sum(np.repeat(np.stack([a, c]), n)), c

    return step, a, np.array([1, 2, 0])


def picked(a):
    table = XS.copy()
    return lambda c, i: (np.sin(c) * a + table[i], c), a, np.arange(3)


@pytest.mark.parametrize("program", [picked, eigenvalues, python_branch, selection, determinant, repeated])
def test_what_depends_on_numbers_is_still_right(program):
    def f(a):
        last, ys = wg.scan(*program(a))
        return last + (0.0 if ys is None else np.sum(ys**2))

    def plain(a):
        step, c, xs = program(a)
        total = 0.0
        for x in xs:
            c, y = step(c, x)
            total = total + (0.0 if y is None else y**2)
        return c + total

    for g, h in ((f, plain), (wg.grad(f), wg.grad(plain)), (wg.grad(wg.grad(f)), wg.grad(wg.grad(plain)))):
        np.testing.assert_allclose(g(0.8), h(0.8), rtol=1e-10)


def test_a_while_loop_with_a_python_branch_in_it():
    def f(a):
        return wg.while_loop(lambda c: c < 10.0, lambda c: c * a if c > 2.0 else c + a, a)

    def plain(c, a):
        while c < 10.0:
            c = c * a if c > 2.0 else c + a
        return c

    assert wg.grad(f)(1.5) == wg.grad(lambda a: plain(a, a))(1.5)
    graph = wg.trace(wg.grad(f))(1.5)
    with pytest.raises(wg.GuardError):
        graph(1.1)


def test_a_while_loop_whose_derivative_checks_its_numbers():
    def f(a):
        def body(c):
            return np.linalg.eigvalsh(np.stack([np.stack([c, a]), np.stack([a, c * a])]))[1] + 0.5

        return wg.while_loop(lambda c: c < 6.0, body, a)

    def plain(a):
        c = a
        while c < 6.0:
            c = np.linalg.eigvalsh(np.stack([np.stack([c, a]), np.stack([a, c * a])]))[1] + 0.5
        return c

    np.testing.assert_allclose(wg.grad(f)(0.9), wg.grad(plain)(0.9), rtol=1e-12)
    np.testing.assert_allclose(wg.grad(wg.grad(f))(0.9), wg.grad(wg.grad(plain))(0.9), rtol=1e-9)
    for derivative in (wg.grad(f), wg.grad(wg.grad(f)), lambda a: wg.jvp(wg.grad(f), (a,), (1.0,))[1]):
        np.testing.assert_allclose(wg.trace(derivative)(0.9)(0.1), derivative(0.1), rtol=1e-12)


def test_a_checkpoint_with_a_python_branch_in_it():
    f = wg.checkpoint(lambda x: np.sin(x) if x > 0 else x**2)
    assert (wg.grad(f)(0.0), wg.grad(f)(-3.0)) == (0.0, -6.0)
    assert wg.checkpoint(lambda x, *, n: x * n)(2.0, n=3) == 6.0


# Memory --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snapshots", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("steps", [1, 2, 5, 36, 200])
def test_the_schedule_is_the_best_there_is(steps, snapshots):
    """r·n − C(s+r, s+1) steps forward: Griewank and Walther (2000), proposition 1."""
    taken = []

    def advance(state, t):
        assert state == t
        taken.append(t)
        return t + 1

    assert list(reversed_states(0, steps, snapshots, advance)) == [(t, t) for t in reversed(range(steps))]
    r = next(r for r in range(steps + 1) if comb(snapshots + r, snapshots) >= steps)
    assert len(taken) == r * steps - comb(snapshots + r, snapshots + 1)
    assert max(map(taken.count, taken), default=0) <= r


def loop_with(snapshots, reverse=False):
    def f(a, xs):
        last, ys = wg.scan(
            lambda c, x: (np.sin(a * c) + x, c * x * a), a * 0.3, xs, reverse=reverse, snapshots=snapshots
        )
        return last + np.sum(np.sin(ys))

    return f


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("snapshots", [1, 2, 5, 100])
def test_few_snapshots_give_the_same_derivatives(snapshots, reverse):
    few, all_ = loop_with(snapshots, reverse), loop_with(None, reverse)
    for f, g in (
        (few, all_),
        (lambda a, xs: np.sum(wg.grad(few, 1)(a, xs)), lambda a, xs: np.sum(wg.grad(all_, 1)(a, xs))),
    ):
        for ours, theirs in zip(wg.grad(f, (0, 1))(0.7, XS), wg.grad(g, (0, 1))(0.7, XS), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-11)
        np.testing.assert_allclose(wg.jvp(f, (0.7, XS), (1.0, XS))[1], wg.jvp(g, (0.7, XS), (1.0, XS))[1], rtol=1e-11)
    np.testing.assert_allclose(
        wg.linearize(few, 0.7, XS)[1](1.0, XS), wg.jvp(all_, (0.7, XS), (1.0, XS))[1], rtol=1e-11
    )
    graph = wg.trace(wg.grad(few, (0, 1)))(0.7, XS)
    verify(graph)
    for ours, theirs in zip(graph(0.2, 2 * XS), wg.grad(all_, (0, 1))(0.2, 2 * XS), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)


def peak(f, *args):
    tracemalloc.start()
    f(*args)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_snapshots_bound_the_memory():
    start, steps = np.ones(500), 2000

    def f(a, snapshots):
        return np.sum(wg.scan(lambda c, _: (np.sin(a * c), None), start, length=steps, snapshots=snapshots)[0])

    wg.grad(f)(0.9, 10)
    assert peak(wg.grad(f), 0.9, None) > steps * start.nbytes
    assert peak(wg.grad(f), 0.9, 10) < 60 * start.nbytes


def test_a_checkpoint_bounds_the_memory():
    start = np.ones(20_000)

    def layer(x):
        for _ in range(20):
            x = np.sin(x)
        return x

    def loss(x, layer):
        for _ in range(20):
            x = layer(x)
        return np.sum(x)

    kept = wg.checkpoint(layer)
    np.testing.assert_array_equal(wg.grad(loss)(start, kept), wg.grad(loss)(start, layer))
    assert peak(wg.grad(loss), start, layer) > 400 * start.nbytes
    assert peak(wg.grad(loss), start, kept) < 150 * start.nbytes


# Errors --------------------------------------------------------------------------------------------------------------


def both(f):
    """Outside of all transformations, and inside of one."""
    return pytest.mark.parametrize("run", [lambda g: g(1.0), lambda g: wg.grad(g)(1.0), lambda g: wg.trace(g)(1.0)])(f)


@both
def test_a_carry_of_another_shape_is_named(run):
    with pytest.raises(
        wg.ShapeError, match=r"carry\['h'\]\[1\] of scan is float64\[3\] .*float64\[2\](.|\n)*test_control_edges"
    ):
        run(
            lambda a: wg.scan(lambda c, x: ({"h": (a, c["h"][1][:2] * a)}, None), {"h": (a, np.zeros(3))}, XS)[0]["h"][
                0
            ]
        )


@both
def test_a_carry_of_another_dtype_is_named(run):
    with pytest.raises(wg.ShapeError, match=r"carry of while_loop is float32 before the body and float64"):
        run(lambda a: wg.while_loop(lambda c: c < 5, lambda c: c + np.float64(1.0) * a, np.float32(0)))


@both
def test_a_carry_of_another_structure(run):
    with pytest.raises(wg.ShapeError, match="another structure"):
        run(lambda a: wg.scan(lambda c, x: ((c[0] * a,), None), (a, a), XS)[0][0])


@both
def test_no_pair(run):
    with pytest.raises(wg.ShapeError, match="not a pair"):
        run(lambda a: wg.scan(lambda c, x: c * a, a, XS)[0])


@both
def test_branches_of_different_forms(run):
    f = lambda a: wg.cond(a > 0, lambda: a, lambda: (a, a))  # noqa: E731
    if run(lambda a: isinstance(wg.trace(lambda b: b)(1.0), wg.Graph) * a) is None:
        pytest.fail("unreachable")
    with pytest.raises(wg.ShapeError, match="different structures"):
        wg.trace(f)(1.0)
    with pytest.raises(wg.ShapeError, match="one is to stand for the other"):
        wg.trace(lambda a: wg.cond(a > 0, lambda: a * np.ones(2), lambda: a * np.ones(3)))(1.0)


@pytest.mark.parametrize(
    ("f", "error", "text"),
    [
        (lambda: wg.scan(3.0, 0.0, XS), wg.ArgumentError, "takes a function"),
        (lambda: wg.while_loop(lambda c: c, 3.0, 0.0), wg.ArgumentError, "takes a function"),
        (lambda: wg.fori_loop(0, 3, None, 0.0), wg.ArgumentError, "takes a function"),
        (lambda: wg.cond(True, 1.0, 2.0), wg.ArgumentError, "takes a function"),
        (lambda: wg.switch(0, [1.0]), wg.ArgumentError, "takes a function"),
        (lambda: wg.switch(0, []), wg.ArgumentError, "needs branches"),
        (lambda: wg.switch(0.5, [abs], 1), wg.ArgumentError, "whole number"),
        (lambda: wg.checkpoint(3.0), wg.ArgumentError, "takes a function"),
        (lambda: wg.scan(lambda c, x: (c, x), 0.0, {"a": XS, "b": XS[:2]}), wg.ShapeError, r"xs\['b'\] has 2"),
        (lambda: wg.scan(lambda c, x: (c, x), 0.0, XS, length=3), wg.ShapeError, "length has 3"),
        (lambda: wg.scan(lambda c, x: (c, x), 0.0), wg.ArgumentError, "needs its length"),
        (lambda: wg.scan(lambda c, x: (c, x), 0.0, length=-1), wg.ArgumentError, "not negative"),
        (lambda: wg.scan(lambda c, x: (c, x), 0.0, length=2.0), wg.ArgumentError, "whole number"),
        (lambda: wg.scan(lambda c, x: (c, x), 0.0, [1.0, 2.0]), wg.ShapeError, "no leading axis"),
        (lambda: wg.scan(lambda c, x: (c, x), "a", XS), wg.ArgumentError, "carry is a str"),
        (lambda: wg.scan(lambda c, x: (c, x), 0.0, XS, snapshots=0), wg.ArgumentError, "at least one snapshot"),
        (lambda: wg.fori_loop(0.0, 3, lambda i, c: c, 0.0), wg.ArgumentError, "lo is a whole number"),
        (lambda: wg.while_loop(lambda c: XS > 0, lambda c: c, 0.0), wg.ShapeError, "one truth value"),
        (lambda: wg.while_loop(lambda c: None, lambda c: c, 0.0), wg.ShapeError, "one truth value"),
        (lambda: wg.cond(XS > 0, abs, abs, 0.0), wg.ShapeError, "one truth value"),
    ],
)
def test_what_is_refused(f, error, text):
    with pytest.raises(error, match=text):
        f()


def test_the_error_of_the_body_is_the_users():
    with pytest.raises(KeyError, match="nothing"):
        wg.grad(lambda a: wg.scan(lambda c, x: ({}["nothing"], None), a, XS)[0])(1.0)
    with pytest.raises(wg.MissingRuleError):
        wg.grad(lambda a: wg.scan(lambda c, x: (np.frompyfunc(abs, 1, 1)(c), None), a, XS)[0])(1.0)


def test_a_traced_value_that_escapes_from_the_body_is_refused():
    kept = []
    wg.grad(lambda a: wg.scan(lambda c, x: (kept.append(c) or c * a, None), a, XS)[0])(1.0)
    with pytest.raises(wg.LeakedTracerError):
        np.sin(kept[0])
    with pytest.raises(wg.LeakedTracerError):
        bool(kept[0])


def test_an_outer_array_is_not_assigned_to_in_the_body():
    def f(a):
        y = np.zeros(6, like=a)

        def step(c, x):
            y[0] = c * x
            return c * a, None

        return wg.scan(step, a, XS)[0] + np.sum(y)

    with pytest.raises(wg.LeakedTracerError):
        wg.grad(f)(0.5)


def test_results_that_do_not_depend_on_anything_may_be_changed():
    ones = np.ones(3)
    y, z = wg.trace(lambda a: wg.cond(a > 0, lambda: (ones, a), lambda: (ones * 2, a)))(1.0)(1.0)
    y += z
    assert ones.sum() == 3.0
    np.testing.assert_array_equal(wg.scan(lambda c, x: (c, ones), 0.0, XS[:2])[1], np.ones((2, 3)))


def test_branches_with_python_numbers():
    graph = wg.trace(lambda a: wg.cond(a > 0, lambda: 1, lambda: 0.5) * a)(1.0)
    assert (graph(3.0), graph(-3.0)) == (3.0, -1.5)
    with pytest.raises(wg.ShapeError, match="one is to stand for the other"):
        wg.trace(lambda a: wg.cond(a > 0, lambda: np.arange(3)[1] + 0 * np.int64(1), lambda: 0.5) * a)(1.0)
