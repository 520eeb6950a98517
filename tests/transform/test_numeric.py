"""Finite differences and the gradient check: the published figures, the error they may have, and what they refuse."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

import wengert as wg
from wengert.core.aval import like
from wengert.core.primitive import Primitive

SCHEMES = {"forward": 1e-6, "central": 1e-9, "complex": 1e-15, "richardson": 1e-11}
every_scheme = pytest.mark.parametrize(("scheme", "error"), SCHEMES.items())


def bell(x):
    return x * np.exp(-(x**2))


def cubic(x, y):
    return x**2 * y + y + 2


# The published figures ------------------------------------------------------------------------------------------------


def test_the_slides_forward_difference():
    assert wg.finite_difference(bell, scheme="forward", step=0.01)(0.0) == 0.9999000049998332


def test_the_textbooks_forward_difference():
    gradient = wg.finite_difference(cubic, (0, 1), scheme="forward", step=1e-5)
    assert gradient(3.0, 4.0) == (24.000039999805264, 10.000000000331966)
    assert gradient(3, 4) == (24.000039999805264, 10.000000000331966)


def test_the_error_against_the_step_is_a_v():
    """Truncation grows with h, rounding with 1/h: d√x at 1 is best near h = √ε."""
    steps = [10.0**-k for k in range(1, 15)]
    errors = [abs(wg.finite_difference(np.sqrt, scheme="forward", step=h)(1.0) - 0.5) for h in steps]
    best = int(np.argmin(errors))
    assert 1e-9 <= steps[best] <= 1e-7
    assert errors[0] > 1e4 * errors[best] < errors[-1]
    assert all(a > b for a, b in pairwise(errors[:7]))


# The derivative, whatever the argument --------------------------------------------------------------------------------


@every_scheme
@pytest.mark.parametrize("x", [0.0, 0.3, -2.5, 1e-3])
def test_each_scheme_has_the_error_of_its_order(scheme, error, x):
    exact = (1 - 2 * x**2) * math.exp(-(x**2))
    assert wg.finite_difference(bell, scheme=scheme)(x) == pytest.approx(exact, rel=error, abs=error)


@every_scheme
@pytest.mark.parametrize("x", [1e8, -1e4])
def test_the_default_step_scales_with_x(scheme, error, x):
    assert wg.finite_difference(lambda x: x**3, scheme=scheme)(x) == pytest.approx(3 * x**2, rel=1e3 * error)


@every_scheme
def test_an_array_valued_function_has_a_jacobian(scheme, error):
    A = np.random.default_rng(0).normal(size=(2, 3))
    J = wg.finite_difference(lambda x: np.sin(A @ x), scheme=scheme)(np.array([0.1, 0.2, 0.3]))
    assert J.shape == (2, 3)
    np.testing.assert_allclose(J, np.cos(A @ [0.1, 0.2, 0.3])[:, None] * A, rtol=100 * error)


@every_scheme
def test_trees_of_outputs_times_trees_of_inputs(scheme, error):
    def f(p, s):
        return {"y": p["w"] @ p["b"] * s, "z": s**2}

    p = {"w": np.arange(6.0).reshape(2, 3), "b": np.ones(3)}
    J = wg.finite_difference(f, (0, 1), scheme=scheme)(p, 2.0)
    assert [part.shape for part in (J["y"][0]["w"], J["y"][0]["b"], J["y"][1])] == [(2, 2, 3), (2, 3), (2,)]
    np.testing.assert_allclose(J["y"][0]["b"], 2 * p["w"], atol=100 * error)
    np.testing.assert_allclose(J["z"][0]["w"], np.zeros((2, 3)), atol=error)
    assert isinstance(J["z"][1], float)
    assert J["z"][1] == pytest.approx(4.0, rel=100 * error)


@every_scheme
def test_the_gradient_has_the_arguments_structure_shape_and_dtype(scheme, error):
    derivative = wg.finite_difference(lambda x: np.sum(x**2), scheme=scheme)
    assert type(derivative(3.0)) is float
    assert type(derivative(3)) is float
    assert type(derivative(np.float32(3.0))) is np.float32
    assert derivative(np.array([1, 2])).dtype == np.float64
    assert derivative(np.ones((2, 0))).shape == (2, 0)
    single = derivative(np.array([1.0, 2.0], np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, [2.0, 4.0], rtol=2e-3)


def test_single_precision_in_f_sets_the_step():
    """A result in float32 has rounding of 1e-7: with a step of 6e-6 it would be off by percents."""
    w = np.array([1.5, 2.5], np.float32)
    assert wg.finite_difference(lambda x: np.sum(x**2 * w))(3.0) == pytest.approx(24.0, rel=1e-3)


def test_arguments_are_counted_as_by_grad():
    assert wg.finite_difference(cubic, -1)(3.0, 4.0) == pytest.approx(10.0)
    assert wg.finite_difference(lambda x, *, k: k * x)(3.0, k=2.0) == pytest.approx(2.0)
    assert wg.finite_difference(lambda x, n: x**n)(3.0, 2) == pytest.approx(6.0)


def test_f_may_change_its_arguments_in_place():
    def f(x):
        x *= x
        return np.sum(x)

    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(wg.finite_difference(f)(x), [2.0, 4.0], rtol=1e-8)
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_an_exact_derivative_can_be_differenced():
    assert wg.finite_difference(wg.grad(np.tanh), scheme="richardson")(0.5) == pytest.approx(-0.7268619813835876)


def test_the_number_of_evaluations():
    for scheme, most in (("forward", 4), ("central", 7), ("complex", 10)):
        calls = []
        wg.finite_difference(lambda x, calls=calls: (calls.append(1), np.sum(x * x))[1], scheme=scheme)(np.ones(3))
        assert len(calls) == most


# Richardson -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [1e-10, 1e-5, 3.0])
def test_richardson_finds_the_scale_of_f(x):
    assert wg.finite_difference(np.reciprocal, scheme="richardson")(x) == pytest.approx(-1 / x**2, rel=1e-9)
    assert wg.finite_difference(np.log, scheme="richardson")(x) == pytest.approx(1 / x, rel=1e-9)
    assert wg.finite_difference(lambda x: np.sin(1e5 * x), scheme="richardson")(x) == pytest.approx(
        1e5 * math.cos(1e5 * x), rel=1e-7
    )


def test_richardson_next_to_a_kink():
    assert wg.finite_difference(np.abs, scheme="richardson")(0.05) == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("f", [lambda x: np.heaviside(x, 0.5), np.sqrt, np.cbrt])
def test_richardson_says_where_there_is_no_derivative(f):
    with pytest.raises(wg.GradientError, match="do not converge"):
        wg.finite_difference(f, scheme="richardson")(0.0)


# The complex step, which is right of analytic functions only ----------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        np.abs,
        lambda x: np.sum(np.abs(x) * x),
        lambda x: x * x.real,
        lambda x: x * np.conj(x),
        lambda x: np.linalg.norm(np.stack([x, x])) ** 2,
        lambda x: np.float64(x.real) ** 2,
    ],
)
def test_the_complex_step_is_never_silently_wrong(f):
    with pytest.raises(wg.GradientError, match="analytic") as caught:
        wg.finite_difference(f, scheme="complex")(np.float64(1.5))
    assert 'scheme="richardson"' in str(caught.value)


@pytest.mark.parametrize("f", [math.sin, float, np.floor, lambda x: np.zeros(2).__setitem__(0, x)])
def test_functions_that_take_no_complex_numbers(f):
    with pytest.raises((wg.GradientError, wg.ArgumentError)):
        wg.finite_difference(f, scheme="complex")(1.5)


def test_a_complex_step_through_branches_and_constants():
    assert wg.finite_difference(lambda x: 3.0, scheme="complex")(1.5) == 0.0
    assert wg.finite_difference(lambda x: np.where(x > 0, x, -x), scheme="complex")(np.float64(-1.5)) == -1.0
    assert wg.finite_difference(lambda x: np.maximum(x, 0.0), scheme="complex")(np.float64(1.5)) == 1.0
    assert wg.finite_difference(lambda x: x[0] ** 2, scheme="complex")(np.array([3.0, 1.0])).tolist() == [6.0, 0.0]
    assert wg.finite_difference(np.reciprocal, scheme="complex")(1e-10) == pytest.approx(-1e20)


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["centered", "Central", None, 2])
def test_an_unknown_scheme(scheme):
    with pytest.raises(wg.ArgumentError, match='scheme="central"'):
        wg.finite_difference(bell, scheme=scheme)


@pytest.mark.parametrize("step", [0.0, -1e-3, math.nan, math.inf, "1e-3"])
def test_a_step_that_is_not_positive(step):
    with pytest.raises(wg.ArgumentError, match="positive"):
        wg.finite_difference(bell, step=step)


@pytest.mark.parametrize("x", [1.0, np.float32(1.0)])
def test_a_step_below_the_precision_of_x(x):
    with pytest.raises(wg.ArgumentError, match="lost in the precision"):
        wg.finite_difference(bell, step=1e-17)(x)


@every_scheme
@pytest.mark.parametrize(
    "x", ["a", None, True, np.array(["a"]), np.array([None]), math.nan, math.inf, complex(1.0, math.inf)]
)
def test_arguments_without_a_difference(scheme, error, x):
    with pytest.raises(wg.ArgumentError):
        wg.finite_difference(bell, scheme=scheme)(x)


@every_scheme
def test_results_without_a_difference(scheme, error):
    for result in (None, "a", np.array(["a"])):
        with pytest.raises(wg.ArgumentError):
            wg.finite_difference(lambda x, result=result: result, scheme=scheme)(1.0)
    with pytest.raises(wg.ShapeError):
        wg.finite_difference(lambda x: np.ones(2 + (np.real(x) > 1) + (np.imag(x) > 0)), scheme=scheme)(1.0)


def test_the_end_of_the_domain():
    for scheme in ("central", "complex", "richardson"):
        with pytest.raises(wg.GradientError):
            wg.finite_difference(np.sqrt, scheme=scheme)(0.0)
    with pytest.raises(wg.GradientError, match="not finite at x itself"):
        wg.finite_difference(np.log)(-1.0)
    with pytest.raises(ValueError, match="math domain error") as caught:
        wg.finite_difference(math.sqrt)(0.0)
    assert "to take a difference" in caught.value.__notes__[0]


@every_scheme
def test_traced_values_are_refused(scheme, error):
    with pytest.raises(wg.ArgumentError, match=r"wg\.grad\(wg\.grad\(f\)\)"):
        wg.grad(wg.finite_difference(bell, scheme=scheme))(0.5)
    with pytest.raises(wg.ArgumentError, match="traced"):
        wg.grad(lambda x: wg.finite_difference(lambda y: x * y, scheme=scheme)(1.0))(0.5)


# check_grads ----------------------------------------------------------------------------------------------------------

X = np.array([0.3, 1.2, 2.0])
MODES = [("forward",), ("reverse",), ("forward", "reverse")]


def operation(name, impl, *partials):
    return Primitive(name, impl, [p if isinstance(p, wg.Constant) else wg.Partial(p) for p in partials], aval=like())


def sine_wrong_at(order):
    """sin, whose derivative of the given order is 1.001 times what it should be, and of no lower order."""
    factor = 1.001 if order == 1 else 1.0
    following = (lambda x: np.cos(x)) if order == 1 else cosine_wrong_at(order - 1)
    return operation("sine", np.sin, lambda z, x: factor * following(x))


def cosine_wrong_at(order):
    factor = -1.001 if order == 1 else -1.0
    following = (lambda x: np.sin(x)) if order == 1 else sine_wrong_at(order - 1)
    return operation("cosine", np.cos, lambda z, x: factor * following(x))


@pytest.mark.parametrize("modes", MODES)
@pytest.mark.parametrize(
    ("f", "args"),
    [
        (np.tanh, (0.5,)),
        (lambda x, y: np.sin(x) * y / (1 + x * x), (0.5, X)),
        (lambda A, b: np.linalg.solve(A, b), (np.eye(3) + 0.1 * np.outer(X, X), X)),
        (lambda p: {"loss": np.sum(np.tanh(p["w"] @ p["b"])), "w": p["w"]}, ({"w": np.ones((2, 3)), "b": X},)),
        (lambda x: np.max(x) * np.sum(x**3), (X,)),
        (lambda x: 3.0, (1.0,)),
        (lambda x: np.sum(x), (np.zeros(0),)),
        (lambda x: np.log(x) + 1 / x, (np.array([1e-6, 1.0, 1e6]),)),
        (lambda n: n**2.5, (3,)),
    ],
)
def test_right_derivatives_pass_to_order_3(f, args, modes):
    assert wg.check_grads(f, args, order=3, modes=modes) is None


def test_single_precision_passes_and_an_error_in_it_does_not():
    x = X.astype(np.float32)
    wg.check_grads(lambda x: np.tanh(x) ** 2 * np.exp(x), (x,), order=3)
    with pytest.raises(wg.GradientError):
        wg.check_grads(lambda x: sine_wrong_at(1)(x), (x,))


@pytest.mark.parametrize("modes", MODES)
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("form", [lambda y: y, np.sum, lambda y: y * y, lambda y: 10.0 - np.sum(y)])
def test_a_rule_off_by_a_thousandth_is_found_at_its_order(order, modes, form):
    wrong = sine_wrong_at(order)
    if order > 1:
        wg.check_grads(lambda x: form(wrong(x)), (X,), order - 1, modes)
    with pytest.raises(wg.GradientError, match=f"order {order}") as caught:
        wg.check_grads(lambda x: form(wrong(x)), (X,), order, modes)
    assert f"{modes[0]} mode" in str(caught.value)
    assert "argument 0" in str(caught.value)
    assert "relative error" in str(caught.value)


def test_the_argument_is_named():
    product = operation("product", np.multiply, lambda z, x, y: y, lambda z, x, y: 1.001 * x)
    with pytest.raises(wg.GradientError, match=r"argument 1\['b'\]"):
        wg.check_grads(lambda x, p: product(x, p["b"]) + p["a"], (X, {"a": X, "b": X}))


@pytest.mark.parametrize("modes", MODES)
def test_an_argument_wrongly_called_constant_shows_at_order_2(modes):
    """∂(x·y)/∂x = y is right at order 1; computed by an operation that hides y, its own derivative is missing."""
    hidden = operation("hidden", np.positive, wg.Constant())
    product = operation("product", np.multiply, lambda z, x, y: hidden(y), lambda z, x, y: hidden(x))
    wg.check_grads(product, (X, X + 1), order=1, modes=modes)
    with pytest.raises(wg.GradientError, match="order 2"):
        wg.check_grads(product, (X, X + 1), order=2, modes=modes)


def test_modes_that_disagree_are_found_below_the_differences_error():
    """⟨Jᵀ·ct, t⟩ = ⟨ct, J·t⟩ to rounding: a transpose off by 1e-7 is beyond differences, not beyond adjointness."""
    bad = Primitive("bad", lambda x: 2.0 * x, [wg.Linear(lambda ct, x: (2.0 + 1e-7) * ct)], aval=like())
    with pytest.raises(wg.GradientError, match="reverse mode and forward mode disagree"):
        wg.check_grads(bad, (X,), order=1)


def test_tolerances_of_the_users_choice():
    wrong = sine_wrong_at(1)
    wg.check_grads(wrong, (X,), order=1, modes="forward", rtol=1e-2)
    wg.check_grads(wrong, (X,), order=1, modes="forward", atol=1e-2)
    with pytest.raises(wg.GradientError):
        wg.check_grads(np.sin, (X,), rtol=0.0, atol=0.0)


def test_points_at_which_nothing_can_be_checked():
    for f in (np.floor, np.sqrt, lambda x: x + np.random.default_rng().normal()):
        with pytest.raises(wg.GradientError, match="do not converge"):
            wg.check_grads(f, (0.0,))
    with pytest.raises(wg.GradientError, match="not finite"):
        wg.check_grads(np.log, (0.0,))


def test_what_check_grads_is_given_wrongly():
    for args in (X, 1.0, {"x": 1.0}):
        with pytest.raises(wg.ArgumentError, match=r"wg\.check_grads\(f, \(x,\)\)"):
            wg.check_grads(np.sin, args)
    for order in (0, -1, 1.5, True, None):
        with pytest.raises(wg.ArgumentError, match="order"):
            wg.check_grads(np.sin, (1.0,), order=order)
    for modes in ((), ("forwards",), "both"):
        with pytest.raises(wg.ArgumentError, match="modes="):
            wg.check_grads(np.sin, (1.0,), modes=modes)
    with pytest.raises(wg.ArgumentError):
        wg.check_grads(np.sin, ("a",))
    with pytest.raises(wg.ArgumentError, match="traced"):
        wg.grad(lambda x: wg.check_grads(np.sin, (x,)))(1.0)
