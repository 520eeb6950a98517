"""Forward mode: directional derivatives and dual numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wengert as wg

X = np.array([0.3, 1.2, 2.0])


def test_one_pass_per_direction():
    """At (1, 1) 3x²y + x is 4, ∂x = 7, ∂y = 3."""
    f = lambda x, y: 3 * x**2 * y + x  # noqa: E731
    assert wg.jvp(f, (1.0, 1.0), (1.0, 0.0)) == (4.0, 7.0)
    assert wg.jvp(f, (1.0, 1.0), (0.0, 1.0)) == (4.0, 3.0)
    assert wg.jvp(f, (1.0, 1.0), (2.0, -1.0)) == (4.0, 11.0)


def test_a_tangent_is_linear_in_its_direction():
    """J(au + bv) = a·Ju + b·Jv."""
    f = lambda x: np.tanh(x) * np.sum(x**2)  # noqa: E731
    u, v = np.random.default_rng(0).normal(size=(2, 3))
    along = lambda t: wg.jvp(f, (X,), (t,))[1]  # noqa: E731
    np.testing.assert_allclose(along(2 * u - 3 * v), 2 * along(u) - 3 * along(v), rtol=1e-12)
    np.testing.assert_array_equal(along(np.zeros(3)), np.zeros(3))


def test_several_arguments_linear_together():
    """Concatenation and stacking are linear in all their arguments at once."""
    x, y = X, X[::-1] * 2
    for join in (np.concatenate, np.stack):
        value, tangent = wg.jvp(lambda x, y, join=join: join([x, y, x, np.ones(3)]), (x, y), (y, x))
        np.testing.assert_array_equal(value, join([x, y, x, np.ones(3)]))
        np.testing.assert_array_equal(tangent, join([y, x, y, np.zeros(3)]))
        _, push = wg.linearize(lambda x, y, join=join: join([x, y, x, np.ones(3)]), x, y)
        np.testing.assert_array_equal(push(y, x), tangent)


def test_the_tangent_has_the_type_of_the_value():
    assert wg.jvp(lambda x: x > 0, (1.0,), (1.0,)) == (True, 0.0)
    assert wg.jvp(lambda x: 3, (1.0,), (1.0,)) == (3, 0.0)
    value, tangent = wg.jvp(lambda x: x * X, (np.float32(2.0),), (np.float32(1.0),))
    assert value.dtype == tangent.dtype == np.float64
    assert wg.jvp(np.sin, (X.astype(np.float32),), (X,))[1].dtype == np.float32
    assert wg.jvp(lambda x: x * x, (3,), (1,)) == (9.0, 6.0)


def test_auxiliary_results():
    value, tangent, aux = wg.jvp(lambda x: (x * x, [x, "text"]), (3.0,), (1.0,), has_aux=True)
    assert (value, tangent, aux) == (9.0, 6.0, [3.0, "text"])


def test_arguments_are_not_changed_and_not_shared():
    x, t = X.copy(), np.ones(3)
    value, tangent = wg.jvp(lambda x: x, (x,), (t,))
    value[:], tangent[:] = 0.0, 0.0
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(t, np.ones(3))


# Dual numbers ---------------------------------------------------------------------------------------------------------


def parts(dual):
    return float(dual.value), float(dual.tangent)


def test_numpy_works_on_a_dual_number():
    z = np.cos(wg.Dual(0.1, 1.0))
    assert parts(z) == (0.9950041652780258, -0.09983341664682815)
    assert repr(z) == "0.9950041652780258 - 0.09983341664682815ε"
    assert repr(wg.Dual(0.1, 1.0)) == str(wg.Dual(0.1, 1.0)) == "0.1 + 1.0ε"


def test_the_algebra_of_dual_numbers():
    """(a + bε)(c + dε) = ac + (ad + bc)ε, h(a + bε) = h(a) + b·h′(a)ε."""
    u, v = wg.Dual(3.0, 2.0), wg.Dual(5.0, -1.0)
    assert parts(u + v) == (8.0, 1.0)
    assert parts(u - v) == (-2.0, 3.0)
    assert parts(u * v) == (15.0, 3 * -1 + 2 * 5)
    assert parts(u / v) == (0.6, pytest.approx((2 * 5 - 3 * -1) / 25))
    assert parts(-u) == (-3.0, -2.0)
    assert parts(u**3) == (27.0, pytest.approx(3 * 9 * 2))
    assert parts(2**u) == (8.0, pytest.approx(8 * math.log(2) * 2))
    for h, slope in ((np.sin, math.cos(3)), (np.exp, math.exp(3)), (np.log, 1 / 3), (np.sqrt, 0.5 / math.sqrt(3))):
        assert parts(h(u)) == (pytest.approx(h(3.0)), pytest.approx(2 * slope))


def test_arithmetic_from_either_side():
    u = wg.Dual(3.0, 1.0)
    assert [parts(z) for z in (2 + u, u + 2, 2 - u, u - 2, 2 * u, u * 2, u / 2, 6 / u)] == [
        (5.0, 1.0),
        (5.0, 1.0),
        (-1.0, -1.0),
        (1.0, 1.0),
        (6.0, 2.0),
        (6.0, 2.0),
        (1.5, 0.5),
        (2.0, pytest.approx(-6 / 9)),
    ]
    assert parts(np.float64(2.0) * u) == (6.0, 2.0)
    assert parts(np.sum(X * u)) == (pytest.approx(3 * np.sum(X)), pytest.approx(np.sum(X)))


def test_dual_arrays():
    z = np.sum(wg.Dual(X, np.array([1.0, 0.0, 0.0])) ** 2)
    assert parts(z) == (pytest.approx(np.sum(X**2)), 0.6)


def test_dual_numbers_inside_derivatives_do_not_mix():
    """ε of the user's number and the derivative's perturbation are different."""
    u = wg.Dual(3.0, 1.0)
    assert parts(wg.grad(lambda x: x * u)(2.0)) == (3.0, 1.0)
    assert parts(wg.jvp(lambda x: x * x * u, (2.0,), (1.0,))[1]) == (12.0, 4.0)


def test_dual_numbers_refuse_what_they_cannot_mean():
    with pytest.raises(wg.ArgumentError, match="two perturbations"):
        wg.Dual(wg.Dual(1.0, 1.0), 1.0)
    with pytest.raises(wg.ShapeError):
        wg.Dual(X, 1.0)
    for value in ("a", None, True):
        with pytest.raises(wg.ArgumentError):
            wg.Dual(value, 1.0)
