"""The tape: gradients as PyTorch users expect them, nothing leaked, nothing lost in silence."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

import wengert as wg

X = np.array([0.3, 1.2, -0.7])


def test_backward_agrees_with_grad():
    def f(x, w):
        return np.sum(np.tanh(x @ w) ** 2) + np.max(w) * x[0]

    w = np.arange(6.0).reshape(3, 2) / 10
    x_leaf, w_leaf = wg.Variable(X), wg.Variable(w)
    f(x_leaf, w_leaf).backward()
    for mine, known in zip((x_leaf.grad, w_leaf.grad), wg.grad(f, (0, 1))(X, w), strict=True):
        np.testing.assert_array_equal(mine, known)


def test_every_operator_from_either_side():
    a = wg.Variable(2.0)
    y = 2 * a + a * 2 + (a + 1) + (1 + a) + (1 - a) + (a - 1) + a / 4 + 4 / a + a**3 + 3**a + (-a) + abs(a)
    y.backward()
    slope = 2 + 2 + 1 + 1 - 1 + 1 + 0.25 - 1 + 12 + 9 * np.log(3) - 1 + 1
    assert a.grad == pytest.approx(slope, rel=1e-15)


def test_arrays_on_the_left_do_not_take_over():
    a = wg.Variable(2.0)
    for y in (X * a, np.float64(3.0) * a, np.array(3.0) + a, X + a):
        assert isinstance(y, wg.Variable)


def test_gradients_of_results_are_those_of_the_last_pass():
    a, b = wg.Variable(2.0), wg.Variable(-3.0)
    product = a * b
    y = product * product
    y.backward()
    assert product.grad == -12.0
    y.backward(accumulate=True)
    assert (product.grad, a.grad) == (-12.0, 72.0)


def test_gradients_accumulate_over_passes_and_say_so():
    a = wg.Variable(3.0, "a")
    (a * a).backward()
    with pytest.warns(wg.AccumulatedGradientWarning, match="zero_grad"):
        (a * a).backward()
    assert a.grad == 12.0
    assert "sum of 2 backward passes" in repr(a)
    a.zero_grad()
    assert a.grad is None
    (a * a).backward()
    assert a.grad == 6.0
    assert "sum" not in repr(a)


def test_accumulation_on_purpose_is_silent():
    a = wg.Variable(3.0)
    for _ in range(3):
        (a * a).backward(accumulate=True)
    assert a.grad == 18.0


def test_a_leaf_used_twice_in_one_pass_is_no_accumulation():
    a = wg.Variable(3.0)
    (a + a).backward()
    assert a.grad == 2.0


def test_what_the_result_does_not_depend_on_has_no_gradient():
    a, b = wg.Variable(1.0), wg.Variable(2.0)
    (a * 2).backward()
    assert b.grad is None


def test_backward_of_an_array_needs_a_cotangent():
    a = wg.Variable(X)
    y = a * a
    with pytest.raises(wg.ShapeError, match=r"y\.sum"):
        y.backward()
    with pytest.raises(wg.ShapeError):
        y.backward(np.ones(2))
    y.backward(np.array([1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(a.grad, 2 * X * [1, 0, 2])


def test_no_grad_records_nothing():
    a = wg.Variable(2.0)
    with wg.no_grad():
        y = a * a
    assert y.data == 4.0
    with pytest.raises(wg.ArgumentError, match="no_grad"):
        y.backward()
    (a * y).backward()
    assert a.grad == 4.0


def test_updates_of_parameters():
    p = wg.Variable(X.copy())
    (p * p).sum().backward()
    same = p
    with wg.no_grad():
        p -= 0.5 * p.grad
    assert p is same
    np.testing.assert_array_equal(p.data, np.zeros(3))
    p.data += 1.0
    np.testing.assert_array_equal(p.data, np.ones(3))
    p.data = X
    with pytest.raises(wg.ShapeError):
        p.data = np.ones(4)


def test_a_leaf_is_not_updated_while_recording():
    p = wg.Variable(1.0)
    with pytest.raises(wg.InPlaceError, match="no_grad"):
        p -= 0.1


def test_an_update_between_the_passes_does_not_change_the_gradient():
    for size in (3, 1000):
        p = wg.Variable(np.ones(size))
        y = (p.reshape(-1, 1) * p[:, None]).sum()
        p.data *= 100.0
        y.backward()
        np.testing.assert_array_equal(p.grad, np.full(size, 2.0))


def test_a_constant_changed_between_the_passes_does_not_change_the_gradient():
    for size in (3, 1000):
        p, w = wg.Variable(np.ones(size)), np.full(size, 3.0)
        y = (p * w).sum()
        w *= 100.0
        y.backward()
        np.testing.assert_array_equal(p.grad, np.full(size, 3.0))


def test_results_are_read_only():
    y = wg.Variable(X) * 2
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 1.0
    with pytest.raises(wg.InPlaceError):
        y.data = X


def test_results_are_updated_in_place():
    a = wg.Variable(X)
    y = a * 1.0
    view, before = y[1:], y * 1.0
    y[0] = a[1] ** 2
    view *= 3.0
    np.add(y, a, out=y)
    y += a
    (y @ y + before.sum()).backward()
    np.testing.assert_allclose(
        a.grad, wg.grad(lambda x: (x[1] ** 2 + 2 * x[0]) ** 2 + np.sum((5 * x[1:]) ** 2) + np.sum(x))(X)
    )
    np.testing.assert_array_equal(y.grad, 2 * y.data)
    np.testing.assert_array_equal(before.grad, np.ones(3))
    graph = (y * y).sum().graph()
    assert graph(2 * X) == pytest.approx((4 * X[1] ** 2 + 4 * X[0]) ** 2 + np.sum((10 * X[1:]) ** 2), rel=1e-14)


def test_gradients_stay_with_their_own_variable():
    a = wg.Variable(X)
    y, z = a * 2.0, a * 3.0
    np.copyto(y, z)
    other = np.copy(y)
    y[0] = 0.0
    (y.sum() + (other * 5).sum()).backward()
    np.testing.assert_array_equal(y.grad, np.ones(3))
    np.testing.assert_array_equal(other.grad, np.full(3, 5.0))
    np.testing.assert_array_equal(z.grad, [5.0, 6.0, 6.0])
    np.testing.assert_array_equal(a.grad, [15.0, 18.0, 18.0])


def test_a_leaf_and_its_views_are_not_updated_while_recording():
    for value in (X, np.zeros(1000)):
        p = wg.Variable(value)
        for update in (
            lambda p: p.__setitem__(0, 1.0), lambda p: p.__iadd__(1.0), lambda p: np.add(p, 1.0, out=p),
            lambda p: p[1:].fill(0.0), lambda p: p.reshape(-1, 1).T.__imul__(2.0), lambda p: p.sort(),
            lambda p: np.copyto(p, 0.0), lambda p: p.flat.__setitem__(0, 1.0),
        ):  # fmt: skip
            with pytest.raises(wg.InPlaceError, match="leaf"):
                update(p)
        np.testing.assert_array_equal(p.data, value)
        q = np.copy(p)
        q[0] = 5.0
        q.sum().backward()
        np.testing.assert_array_equal(p.grad, [0.0, *np.ones(len(value) - 1)])


def test_updates_under_no_grad():
    p = wg.Variable(X.copy())
    held = p.data
    then = p * 1.0
    with wg.no_grad():
        p[0] = 9.0
        p[1:] *= 2.0
        np.add(p, 1.0, out=p)
    np.testing.assert_array_equal(p.data, [10.0, 2 * X[1] + 1, 2 * X[2] + 1])
    np.testing.assert_array_equal(held, p.data)  # the very array
    np.testing.assert_array_equal(then.data, X)
    (then * p).sum().backward()
    np.testing.assert_array_equal(p.grad, X + p.data)

    view = then[:1]
    with wg.no_grad():
        for update in (lambda: then.__imul__(2.0), lambda: then.__setitem__(0, 1.0), lambda: view.fill(0.0)):
            with pytest.raises(wg.InPlaceError, match="no_grad"):
                update()
        free = p * 2.0
        part = free[:2]
        free[0] = 1.0
    np.testing.assert_array_equal(part.data, [1.0, 2 * p.data[1]])
    p.zero_grad()
    free[1] = p[0] * 3.0  # from here on it has a gradient
    (part * part).sum().backward()
    np.testing.assert_array_equal(p.grad, [2 * 9 * p.data[0], 0.0, 0.0])


def test_a_leaf_held_by_a_pullback_keeps_its_value():
    for value in (2.0, X):
        p = wg.Variable(value)
        _, pull = wg.vjp(lambda x, p=p: x * p, value)
        p.data *= 100.0
        np.testing.assert_array_equal(pull(value * 0 + 1.0)[0].data, value)


def test_the_outer_tape_takes_inner_values_only_inside():
    a = wg.Variable(X)
    kept = a * 1.0

    def f(x):
        kept[0] = x
        return kept.sum() * x

    assert wg.grad(f)(2.0).data == pytest.approx(4.0 + X[1] + X[2])
    with pytest.raises(wg.LeakedTracerError):
        kept.sum()


def test_scalar_updates_make_new_values():
    a = wg.Variable(2.0)
    y = a * 1.0
    before = y
    y += a
    y *= 3.0
    assert (before.data, y.data) == (2.0, 12.0)
    y.backward()
    assert a.grad == 6.0


def test_float32_stays_float32_and_integers_become_float64():
    a = wg.Variable(X.astype(np.float32))
    (a * 2).sum().backward()
    assert a.grad.dtype == np.float32
    b = wg.Variable(3)
    (b * b).backward()
    assert (b.data, b.grad) == (3.0, 6.0)
    assert wg.Variable([[1, 2]][0][0]).data == 1.0


def test_deep_chains_need_no_recursion():
    a = wg.Variable(1.0)
    y = a
    for _ in range(100_000):
        y = y + a
    y.backward()
    assert a.grad == 100_001.0
    del y
    gc.collect()


def test_graphs_are_freed_with_their_result():
    a = wg.Variable(X)
    y = np.sin(a)
    loss = y.sum()
    watch = weakref.ref(y)
    loss.backward()
    del y, loss
    gc.disable()
    try:
        assert watch() is None, "a result must be freed by reference counts alone"
    finally:
        gc.enable()


def test_leaves_hold_nothing():
    a = wg.Variable(X)
    b = wg.Variable(X)
    loss = (a * b).sum()
    loss.backward()
    watch = weakref.ref(b)
    del b, loss
    gc.collect()
    assert watch() is None


def test_mixed_with_the_transformations():
    a = wg.Variable(2.0)
    slope = wg.grad(lambda x: x**3 * a)(1.5)
    assert isinstance(slope, wg.Variable)
    slope.backward()
    assert (slope.data, a.grad) == (13.5, 6.75)
    value, moved = wg.jvp(lambda x: x * a, (3.0,), (1.0,))
    assert (value.data, moved.data) == (6.0, 2.0)


def test_second_derivatives_through_grad_of_a_variable():
    a = wg.Variable(2.0)
    wg.grad(lambda x: x**3)(a).backward()
    assert a.grad == 12.0


def test_multiple_results():
    a = wg.Variable(np.array([[2.0, 0.5], [0.1, 3.0]]))
    _, size = np.linalg.slogdet(a)
    size.backward()
    np.testing.assert_allclose(a.grad, np.linalg.inv(a.data).T, rtol=1e-14)


def test_branches_just_run():
    a = wg.Variable(-2.0)
    y = a * a if a < 0 else a
    y.backward()
    assert a.grad == -4.0


def test_the_tape_as_a_graph():
    a, b = wg.Variable(2.0, "a"), wg.Variable(X, "b")
    y = (a * b).sum() + a
    graph = y.graph()
    assert [node.name for node in graph.inputs] == ["a", "b"]
    assert graph(1.0, X) == X.sum() + 1.0
    np.testing.assert_array_equal(graph.derivative(1)(3.0, X), np.full(3, 3.0))


def test_the_graph_keeps_the_constants_of_the_time():
    a, w = wg.Variable(2.0, "a"), np.ones(3)
    y = (a * w).sum()
    w *= 10.0
    assert y.graph()(2.0) == 6.0


def test_copies_and_pickles_are_new_leaves():
    a = wg.Variable(X, name="a")
    for other in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        assert other.name == "a"
        np.testing.assert_array_equal(other.data, X)
        (other * other).sum().backward()
    assert a.grad is None


def test_a_result_is_not_copied_without_its_history():
    y = wg.Variable(X) * 2.0
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(wg.ConversionError, match=r"np\.copy"):
            duplicate(y)
    with wg.no_grad():
        free = y * 1.0
    np.testing.assert_array_equal(copy.copy(free).data, 2 * X)


def test_what_is_refused():
    for wrong in ("3", None, True, np.array(["a"]), np.array([1, None]), np.array([True])):
        with pytest.raises(wg.ArgumentError):
            wg.Variable(wrong)
    with pytest.raises(wg.ArgumentError, match="traced"):
        wg.grad(lambda x: wg.Variable(x).data)(1.0)


def test_threads_have_their_own_no_grad():
    a = wg.Variable(2.0)
    seen = []

    def other():
        seen.append((a * a).is_leaf)

    with wg.no_grad():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert seen == [False]


def test_it_prints():
    assert repr(wg.Variable(2.0)) == "Variable(2.0)"
    a = wg.Variable(2.0, name="a")
    (a * a).backward()
    assert repr(a) == "Variable(2.0, name='a', grad=4.0)"
    assert f"{a:.2f}" == "2.00"
    assert "array" not in repr(wg.Variable(X))
