import mpmath
import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError, ShapeError
from wengert.explain.multiprecision import PrecisionError, evaluate
from wengert.explain.precision import derivative_to

MATRIX = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.25], [0.125, 0.5, 2.0]])
VECTOR = np.array([3.0, 1.0, 2.0])


def slope(f, *args, digits=50):
    """The derivative of a function of one number, in so many digits."""
    return derivative_to(wg.trace(f)(*args), digits)[1][0][()]


def near(found, true, digits=45):
    with mpmath.workdps(120):
        return abs(found - true) <= abs(true) * mpmath.mpf(10) ** -digits


# ---- values


def test_the_value_is_that_of_exactly_the_given_floats():
    (value,) = evaluate(wg.trace(lambda x: np.exp(x) / 3)(0.1), digits=60)
    with mpmath.workdps(60):
        assert near(value[()], mpmath.exp(mpmath.mpf(0.1)) / 3, 58)
        assert not near(value[()], mpmath.exp(mpmath.mpf("0.1")) / 3, 20)


def test_integers_are_divided_in_high_precision_too():
    (value,) = evaluate(wg.trace(lambda x: np.sum(x) * (np.arange(1, 4) / 3)[0])(1.0), digits=50)
    assert value.shape == ()
    (value,) = evaluate(wg.trace(lambda x: np.floor(x) / 3)(2.5), digits=50)
    with mpmath.workdps(60):
        assert near(value[()], mpmath.mpf(2) / 3, 48)


def test_the_recorded_branch_is_followed():
    graph = wg.trace(lambda x: x * x if x > 0 else -x)(1.0)
    assert evaluate(graph, [-3.0])[0][()] == 9


def test_too_few_digits_are_refused():
    with pytest.raises(ArgumentError, match="digits=10"):
        evaluate(wg.trace(np.sin)(1.0), digits=10)


def test_what_would_fill_the_memory_is_infinite():
    with np.errstate(over="ignore"):
        graph = wg.trace(lambda x: np.exp(-np.exp(np.exp(np.exp(x)))))(1000.0)
    assert evaluate(graph)[0][()] == 0


# ---- derivatives


@pytest.mark.parametrize(
    ("f", "x", "true"),
    [
        (np.sqrt, 1.0, lambda x: mpmath.mpf(1) / 2),
        (lambda x: x * np.exp(-(x**2)), 0.0, lambda x: 1),
        (lambda x: x * np.exp(-(x**2)), 0.7, lambda x: (1 - 2 * x**2) * mpmath.exp(-(x**2))),
        (np.sin, 1e300, mpmath.cos),
        (np.log, 1e-300, lambda x: 1 / x),
        (lambda x: np.exp(-x), 400.0, lambda x: -mpmath.exp(-x)),
        (np.tanh, 20.0, lambda x: mpmath.sech(x) ** 2),
        (np.cos, float(np.pi), lambda x: -mpmath.sin(x)),
        (lambda x: x**2 + 2**x + (-x) ** 3, 1.5, lambda x: 2 * x + 2**x * mpmath.log(2) - 3 * x**2),
        (lambda x: np.where(x > 0, np.sqrt(x), 0.0), 4.0, lambda x: mpmath.mpf(1) / 4),
        (lambda x: np.log(np.exp(x / 1024) ** 1024), 300.0, lambda x: 1),
        (wg.sigmoid, -40.0, lambda x: mpmath.exp(-x) / (1 + mpmath.exp(-x)) ** 2),
        (wg.grad(np.arctan), 0.75, lambda x: -2 * x / (1 + x**2) ** 2),
    ],
)
def test_a_derivative_by_its_formula(f, x, true):
    found = slope(f, x)
    with mpmath.workdps(1000):  # enough to reduce 1e300 by multiples of π
        expected = true(mpmath.mpf(x))
    assert near(found, expected)


@pytest.mark.parametrize(
    "f",
    [lambda x: x**3, lambda x: np.cos(x) * x**2, lambda x: np.sin(x) ** 2 + np.cos(x) ** 2, lambda x: 3.0, np.square],
)
def test_a_zero_is_zero_and_not_what_rounding_leaves(f):
    assert slope(f, 0.0) == 0
    assert slope(lambda x: np.sin(x) ** 2 + np.cos(x) ** 2, 1.3) == 0


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (np.abs, "slopes are -1.0 and 1.0"),
        (wg.relu, "slopes are 0.0 and 1.0"),
        (lambda x: np.maximum(x, 2 * x), "slopes are 1.0 and 2.0"),
        (np.sqrt, "not finite on both sides"),
        (np.cbrt, "infinite"),
        (lambda x: np.where(x > 0, np.sqrt(np.abs(x)), 0.0), "infinite"),
    ],
)
def test_where_f_is_not_smooth_there_is_no_derivative(f, words):
    with pytest.raises(PrecisionError, match=words):
        slope(f, 0.0)


def test_a_kink_beside_the_point_does_no_harm():
    assert slope(np.abs, -5e-324) == -1


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda a: np.linalg.det(a), MATRIX),
        (lambda a: np.linalg.slogdet(a)[1], MATRIX),
        (lambda a: np.sum(np.linalg.inv(a) * MATRIX), MATRIX),
        (lambda a: np.sum(np.linalg.solve(a, VECTOR) ** 2), MATRIX),
        (lambda a: np.sum(wg.grad(np.linalg.det)(a) * VECTOR), MATRIX),
        (lambda a: np.einsum("ij,kj->", a, a) + np.trace(a @ a), MATRIX),
        (lambda a: np.sum(np.concatenate([a, a.T], axis=0)[1:5:2] ** 2), MATRIX),
        (lambda a: np.sum(np.sort(a)[::-1] * np.arange(3)) + a[np.argmin(a)] ** 2, VECTOR),
        (lambda a: np.max(a) + np.linalg.norm(a) + np.prod(a) + np.std(a), VECTOR),
        (lambda a: wg.logsumexp(a) + wg.softmax(a)[0] + np.sum(wg.relu(a - 1.5)), VECTOR),
        (lambda a: np.sum(a[np.array([0, 1, 1])] ** 3) + np.sum(a[a > 1.5]), VECTOR),
        (lambda a: wg.grad(lambda b: np.sum(b[np.array([0, 1, 1])] ** 3))(a)[1], VECTOR),
        (lambda a: np.sum(np.where(np.isclose(a, 1.0), a, a * a)), VECTOR),
        (lambda a: np.mean(np.stack([a, np.broadcast_to(a[0], (3,))]) / 3), VECTOR),
    ],
)
def test_two_ways_agree(f, x):
    (precise,) = derivative_to(wg.trace(f)(x))[1]
    assert precise.shape == x.shape
    np.testing.assert_allclose(precise.astype(float), wg.grad(f)(x), rtol=1e-13, atol=1e-14)


def test_operations_of_the_user_are_followed_into_their_code():
    plain = wg.primitive(lambda x: 0.5 * (5 * x**3 - 3 * x), lambda z, x: 1.5 * (5 * x**2 - 1))
    assert slope(plain, 2.0) == 28.5
    through = wg.primitive(lambda x: np.exp(x) ** 2, lambda z, x: 2 * z)
    with mpmath.workdps(60):
        assert near(slope(through, 0.5), 2 * mpmath.e)


def test_what_rounds_to_floats_is_refused():
    opaque = wg.primitive(lambda x: np.sin(np.asarray(x, float)), lambda z, x: np.cos(x), name="opaque")
    with pytest.raises(PrecisionError, match="opaque is not known"):
        slope(opaque, 1.0)


def test_single_precision_is_held_against_exact_arithmetic():
    assert slope(lambda x: x * x, np.float32(0.1)) == 2 * float(np.float32(0.1))


def test_a_direction_adds_the_gradient_up():
    def f(a, b):
        return np.sum(np.tanh(a) * b)

    point, direction = (VECTOR, 0.5), (np.array([0.5, -1.0, 0.25]), 2.0)
    (along,) = derivative_to(wg.trace(f)(*point), direction=direction)[1]
    _, (by_a, by_b) = derivative_to(wg.trace(f)(*point))
    with mpmath.workdps(60):
        assert near(along, by_a @ direction[0] + by_b[()] * 2)


def test_long_work_and_vectors_are_refused():
    with pytest.raises(PrecisionError, match="too long"):
        derivative_to(wg.trace(lambda x: np.sum(np.sin(x)))(np.ones(1000)))
    with pytest.raises(ShapeError):
        derivative_to(wg.trace(np.sin)(VECTOR))


def test_more_digits_are_to_be_had():
    with mpmath.workdps(130):
        assert near(slope(np.exp, 1.0, digits=100), mpmath.e, 99)
