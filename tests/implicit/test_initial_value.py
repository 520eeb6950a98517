"""Initial value problems: SciPy's results where there are no derivatives, closed forms for those."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate

import wengert as wg
from wengert.implicit import ConvergenceError, solve_ivp

SHARP = {"rtol": 1e-12, "atol": 1e-12}
T = np.array([0.25, 0.5, 2.0])


def pendulum(t, y, a, b):
    return [y[1], -a * np.sin(y[0]) - b * y[1]]


@pytest.mark.parametrize("method", ["DOP853", "RK45", "RK23", "Radau", "BDF", "LSODA"])
@pytest.mark.parametrize("t_eval", [None, T])
def test_it_returns_what_scipy_returns(method, t_eval):
    given = {"method": method, "t_eval": t_eval, "args": (1.3, 0.1), "rtol": 1e-5, "atol": 1e-8}
    ours = solve_ivp(pendulum, (0.0, 2.0), [1.0, 0.0], **given)
    exact = None if method not in ("Radau", "BDF", "LSODA") else lambda t, y, a, b: [[0, 1], [-a * np.cos(y[0]), -b]]
    theirs = scipy.integrate.solve_ivp(pendulum, (0.0, 2.0), [1.0, 0.0], **given, **({"jac": exact} if exact else {}))
    assert np.allclose(ours.t, theirs.t, rtol=1e-13)
    assert np.allclose(ours.y, theirs.y, rtol=1e-7)
    assert (ours.status, ours.success, ours.message) == (theirs.status, theirs.success, theirs.message)
    assert (ours.nfev, ours.njev, ours.nlu) == (theirs.nfev, theirs.njev, theirs.nlu)
    assert ours.t_events is ours.y_events is ours.sol is None


def decay(a, k, start, t, sensitivity="adjoint"):
    return solve_ivp(
        lambda t, y, k: -k * y, np.stack([start, 3.0]), a, t_eval=t, args=(k,), sensitivity=sensitivity, **SHARP
    ).y


@pytest.mark.parametrize("sensitivity", ["adjoint", "forward"])
def test_derivatives_by_start_parameters_and_times(sensitivity):
    def exact(a, k, start, t):
        return a * np.exp(-k * (t - start))

    point = (1.5, 0.7, 0.25, T)  # the first of the times is the start, which moves on its own
    for argnum in range(4):
        expected = wg.jacobian(exact, argnum)(*point)
        for mode in ("forward", "reverse"):
            found = wg.jacobian(lambda *p: decay(*p, sensitivity), argnum, mode=mode)(*point)
            assert np.allclose(found, expected, rtol=1e-9, atol=1e-10)
    both = [wg.hessian(lambda *p, f=f: np.sum(f(*p, T) ** 2), argnums=(0, 1, 2))(*point[:3]) for f in (decay, exact)]
    assert np.allclose(both[0], both[1], rtol=1e-8)
    third = wg.grad(wg.grad(wg.grad(lambda k: decay(1.5, k, 0.25, T)[-1])))(0.7)
    assert third == pytest.approx(-(1.75**3) * 1.5 * np.exp(-0.7 * 1.75), rel=1e-7)


def test_without_times_the_steps_move_along_with_the_span():
    """At the fraction c of the way y = exp((1 − c)·a + c·b − a) = exp(c·(b − a))."""

    def f(a, b):
        return solve_ivp(lambda t, y: y, (a, b), 1.0, **SHARP)

    found = f(0.5, 2.0)
    part = (found.t - 0.5) / 1.5
    assert found.t[0] == 0.5
    assert found.t[-1] == 2.0
    by_a, by_b = wg.jacobian(lambda a, b: f(a, b).y, argnums=(0, 1))(0.5, 2.0)
    assert np.allclose(by_b, part * found.y, rtol=1e-10)
    assert np.allclose(by_a, -part * found.y, rtol=1e-10)
    assert np.allclose(wg.jacobian(lambda a: f(a, 2.0).t)(0.5), 1 - part, rtol=1e-13)


def test_trees_lists_and_dense_output():
    def oscillator(t, y, p):
        return {"q": y["v"], "v": -p["k"] * y["q"] + p["drive"][0] * np.sin(t)}

    def f(y0, p, t):
        found = solve_ivp(oscillator, (0.0, 2.0), y0, args=(p,), t_eval=T, dense_output=True, **SHARP)
        assert found.y["q"].shape == (2, 3)
        return found.y["q"], found.sol(t)["v"], found.sol(np.stack([1.5, t, 0.0]))["q"]

    y0 = {"q": np.array([1.0, 0.5]), "v": np.array([0.0, -1.0])}
    wg.check_grads(f, (y0, {"k": 2.0, "drive": [0.3]}, 0.7), order=1)
    at, path, mixed = f(y0, {"k": 4.0, "drive": [0.0]}, 0.7)
    exact = lambda t: y0["q"] * np.cos(2 * t) + y0["v"] * np.sin(2 * t) / 2  # noqa: E731
    assert np.allclose(at.T, [exact(t) for t in T], rtol=1e-10)
    assert np.allclose(mixed.T, [exact(t) for t in (1.5, 0.7, 0.0)], rtol=1e-10)
    assert np.allclose(path, y0["v"] * np.cos(1.4) - 2 * y0["q"] * np.sin(1.4), rtol=1e-10)
    vector = solve_ivp(lambda t, y: [y[1], -y[0]], [0, np.pi], [0, 1], t_eval=[np.pi / 2], **SHARP)
    assert np.allclose(vector.y, [[1.0], [0.0]], atol=1e-11)


def test_backwards_in_time_from_outside_and_compiled():
    def f(k):
        return solve_ivp(lambda t, y: -k * y, (2.0, 0.0), 1.0, **SHARP).y[-1]

    assert wg.grad(f)(0.5) == pytest.approx(2 * np.e, rel=1e-9)
    compiled = wg.jit(wg.grad(f))
    for k in (0.5, 0.25):
        assert compiled(k) == pytest.approx(2 * np.exp(2 * k), rel=1e-9)


def robertson(t, y, k):
    slow, fast, back = k[0] * y[0], k[1] * y[1] ** 2, k[2] * y[1] * y[2]
    return [-slow + back, slow - back - fast, fast]


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_robertsons_stiff_reaction(method):
    """All is kept, so the sensitivities add up to 0; and faster by c is as later by c, so Σ k·∂y/∂k = t·dy/dt."""
    k = np.array([0.04, 3e7, 1e4])

    def f(k):
        return solve_ivp(robertson, (0.0, 0.4), [1.0, 0.0, 0.0], method, [0.4], args=(k,), rtol=1e-6, atol=1e-10,
                         sensitivity="forward")  # fmt: skip

    theirs = scipy.integrate.solve_ivp(robertson, (0.0, 0.4), [1.0, 0.0, 0.0], "Radau", [0.4], args=(k,), rtol=1e-8,
                                       atol=1e-14)  # fmt: skip
    assert np.allclose(f(k).y, theirs.y, rtol=1e-4)
    slope = 0.4 * np.array(robertson(0.4, theirs.y[:, 0], k))
    for mode in ("forward", "reverse"):
        relative = wg.jacobian(lambda s: f(k * s).y[:, 0], mode=mode)(np.ones(3))
        assert np.allclose(np.sum(relative, axis=0), 0.0, atol=1e-6)
        assert np.allclose(np.sum(relative, axis=1), slope, rtol=1e-3)


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_prothero_and_robinsons_stiff_equation(method):
    """Y′ = −λ(y − sin ωt) + ω·cos ωt, y = sin ωt for every λ."""

    def f(w, stiffness):
        return solve_ivp(lambda t, y, w: -stiffness * (y - np.sin(w * t)) + w * np.cos(w * t), (0.0, 2.0), 0.0, method,
                         [1.0, 2.0], args=(w,), rtol=1e-8, atol=1e-8, sensitivity="forward").y  # fmt: skip

    t = np.array([1.0, 2.0])
    for mode in ("forward", "reverse"):
        by_w, by_stiffness = wg.jacobian(f, (0, 1), mode=mode)(1.3, 1e5)
        assert np.allclose(by_w, t * np.cos(1.3 * t), rtol=1e-4)
        assert np.allclose(by_stiffness, 0.0, atol=1e-10)


def test_edges():
    still = solve_ivp(lambda t, y: -y, (1.0, 1.0), [2.0])
    assert still.y.tolist() == [[2.0, 2.0]]
    assert wg.grad(lambda y: solve_ivp(lambda t, y: -y, (1.0, 1.0), y).y[-1])(2.0) == 1.0
    assert solve_ivp(lambda t, y: -y, (0.0, 1.0), [2.0], t_eval=[]).y.shape == (1, 0)
    single = solve_ivp(lambda t, y: -y, (0.0, 1.0), np.ones(2, np.float32), t_eval=[1.0]).y
    assert single.dtype == np.float32
    assert np.allclose(single, np.exp(-1.0), rtol=1e-6)


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (ConvergenceError, "has not come", lambda: solve_ivp(lambda t, y: y * y, (0.0, 2.0), 1.0)),
        (ConvergenceError, "has not come", lambda: solve_ivp(lambda t, y: y * y, (0.0, 2.0), 1.0, t_eval=[2.0])),
        (wg.ShapeError, "t_span", lambda: solve_ivp(lambda t, y: y, (0.0, 1.0, 2.0), 1.0)),
        (ConvergenceError, "not finite", lambda: solve_ivp(lambda t, y: np.nan * y, (0.0, 1.0), 1.0)),
        (ConvergenceError, "not finite", lambda: solve_ivp(lambda t, y: -y, (0.0, np.inf), 1.0)),
        (wg.ShapeError, "structure", lambda: solve_ivp(lambda t, y: [1.0, 2.0], (0.0, 1.0), {"b": 1.0, "a": 2.0})),
        (wg.ShapeError, "shapes",
         lambda: solve_ivp(lambda t, y: {"a": y["b"], "b": y["a"]}, (0.0, 1.0), {"a": np.ones(2), "b": np.ones(1)})),
        (wg.ShapeError, "derivatives", lambda: solve_ivp(lambda t, y: y[0], (0.0, 1.0), np.ones(2))),
        (wg.ArgumentError, "within", lambda: solve_ivp(lambda t, y: y, (0.0, 1.0), 1.0, t_eval=[0.5, 1.5])),
        (wg.ArgumentError, "start of t_span", lambda: solve_ivp(lambda t, y: y, (0.0, 1.0), 1.0, t_eval=[0.5, 0.1])),
        (wg.ArgumentError, "method", lambda: solve_ivp(lambda t, y: y, (0.0, 1.0), 1.0, "euler")),
        (wg.ArgumentError, "tuple", lambda: solve_ivp(lambda t, y, k: k * y, (0.0, 1.0), 1.0, args=2.0)),
        (wg.ArgumentError, "atol", lambda: solve_ivp(lambda t, y: y, (0.0, 1.0), 1.0, atol=np.array([1e-3, 1e-4]))),
        (wg.ArgumentError, "complex", lambda: solve_ivp(lambda t, y: 1j * y, (0.0, 1.0), 1.0)),
        (wg.ArgumentError, "both sides",
         lambda: solve_ivp(lambda t, y: y, (0.0, 1.0), 1.0, dense_output=True).sol([-1.0, 1.0])),
    ],
)  # fmt: skip
def test_errors(error, match, call):
    with pytest.raises(error, match=match):
        call()
