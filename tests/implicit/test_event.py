"""Events: their times are implicit functions, known in closed form where the solution is."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate

import wengert as wg
from wengert.implicit import ConvergenceError, solve_ivp

SHARP = {"rtol": 1e-12, "atol": 1e-12}


def event(g, terminal=False, direction=0):
    g.terminal, g.direction = terminal, direction
    return g


def reached(a, k, c, start, sensitivity="adjoint"):
    """When y = a·exp(−k(t − t₀)) comes down to c, which the event takes from outside."""
    return solve_ivp(lambda t, y, k: -k * y, (start, 50.0), a, events=event(lambda t, y, k: y - c, True), args=(k,),
                     sensitivity=sensitivity, **SHARP)  # fmt: skip


@pytest.mark.parametrize("sensitivity", ["adjoint", "forward"])
@pytest.mark.parametrize("pick", [lambda r: r.t[-1], lambda r: r.t_events[0][0]])
def test_the_time_of_a_terminal_event(pick, sensitivity):
    point = (2.0, 0.7, 0.3, 0.5)
    exact = lambda a, k, c, start: start + np.log(a / c) / k  # noqa: E731
    f = lambda *p: pick(reached(*p, sensitivity))  # noqa: E731
    expected = wg.grad(exact, argnums=range(4))(*point)
    assert f(*point) == pytest.approx(exact(*point), rel=1e-12)
    assert np.allclose(wg.grad(f, argnums=range(4))(*point), expected, rtol=1e-11)
    assert np.allclose([wg.jvp(f, point, tuple(unit))[1] for unit in np.eye(4)], expected, rtol=1e-11)
    hessian = wg.hessian(exact, argnums=range(4))(*point)
    assert np.allclose(wg.hessian(f, argnums=range(4))(*point), hessian, rtol=1e-9, atol=1e-9)
    assert wg.grad(wg.grad(f, 1), 1)(*point) == pytest.approx(hessian[1][1], rel=1e-9)
    there = wg.grad(lambda *p: reached(*p, sensitivity).y[-1], argnums=range(4))(*point)
    assert np.allclose(there, [0.0, 0.0, 1.0, 0.0], atol=1e-11)  # the state at the event is c, whatever the rest


def test_a_throw_to_order_3():
    """Thrown up with v it lands at t* = 2v/g, with the speed −v, at x = u·t*."""

    def f(v, g):
        down = event(lambda t, y, g: y["h"], True, -1)
        found = solve_ivp(lambda t, y, g: {"h": y["v"], "v": -g, "x": 3.0}, (0.0, 9.0), {"h": 0.0, "v": v, "x": 0.0},
                          events=down, args=(g,), **SHARP)  # fmt: skip
        assert found.status == 1
        return found.y["x"][-1], found.y_events[0]["v"][0]

    exact = lambda v, g: (6 * v / g, -v)  # noqa: E731
    assert np.allclose(f(5.0, 9.81), exact(5.0, 9.81), rtol=1e-12)
    for mode in ("forward", "reverse"):
        found, known = (wg.jacobian(h, (0, 1), mode=mode)(5.0, 9.81) for h in (f, exact))
        assert np.allclose(found, known, rtol=1e-10, atol=1e-11)
    third = wg.grad(wg.grad(wg.grad(lambda g: f(5.0, g)[0])))(9.81)
    assert third == pytest.approx(-6 * 6 * 5.0 / 9.81**4, rel=1e-7)


def test_events_as_scipy_finds_them_and_times_up_to_a_terminal_one():
    f = lambda t, y, a: [y[1], -a * np.sin(y[0])]  # noqa: E731
    given = [event(lambda t, y, a: y[0], direction=1), event(lambda t, y, a: y[1] - 0.2, 2)]
    for span, t_eval in (((0.0, 20.0), None), ((0.0, 20.0), np.linspace(0, 20, 50)), ((20.0, 0.0), None)):
        same = {"t_eval": t_eval, "events": given, "args": (1.3,), "method": "DOP853", **SHARP}
        ours, theirs = (solver(f, span, [1.0, 0.0], **same) for solver in (solve_ivp, scipy.integrate.solve_ivp))
        assert ours.t.shape == theirs.t.shape
        assert np.allclose(ours.y, theirs.y, atol=1e-10)
        assert (ours.status, ours.message) == (theirs.status, theirs.message)
        for key in ("t_events", "y_events"):
            for a, b in zip(getattr(ours, key), getattr(theirs, key), strict=True):
                assert a.shape == b.shape or a.size == b.size == 0
                assert np.allclose(a, np.reshape(b, a.shape), atol=1e-10)


def test_a_bounce_that_is_put_together_from_two_integrations():
    """A ball that keeps e of its speed: after the first bounce it lands at (2v/g)·(1 + e)."""

    def f(v, e):
        fall, floor = (lambda t, y: [y[1], -10.0]), event(lambda t, y: y[0], True, -1)
        first = solve_ivp(fall, (0.0, 9.0), np.stack([0.0, v]), events=floor, **SHARP)
        after = np.stack([0.0, -e * first.y[1, -1]])
        return solve_ivp(fall, np.stack([first.t[-1], 9.0]), after, events=floor, **SHARP).t[-1]

    assert f(5.0, 0.8) == pytest.approx(1.8, rel=1e-11)
    assert wg.grad(f, argnums=(0, 1))(5.0, 0.8) == pytest.approx((0.36, 1.0), rel=1e-9)
    assert wg.hessian(f, argnums=(0, 1))(5.0, 0.8)[0][1] == pytest.approx(0.2, rel=1e-8)


def test_a_predators_peak_against_central_differences_of_scipy():
    """Lotka and Volterra's equations: when the prey's derivative changes its sign for the second time, and where."""

    def rates(t, y, p):
        return [p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]]

    peak = event(lambda t, y, p: rates(t, y, p)[0], 2)
    p = np.array([1.1, 0.4, 0.1, 0.4])

    def f(p, solver=solve_ivp):
        method = {"method": "DOP853", "events": peak, "args": (p,), "rtol": 1e-13, "atol": 1e-13}
        found = solver(rates, (0.0, 40.0), [10.0, 5.0], **method)
        return np.concatenate([found.t_events[0], np.reshape(found.y_events[0], (-1,))])

    found = wg.jacobian(f)(p)
    for i, step in enumerate(1e-4 * np.eye(4)):
        change = (f(p + step, scipy.integrate.solve_ivp) - f(p - step, scipy.integrate.solve_ivp)) / 2e-4
        assert np.allclose(found[:, i], change, rtol=1e-5, atol=1e-5)


def test_compiled_it_looks_for_the_events_again():
    def f(k):
        zero = event(lambda t, y: y[0], 3)
        found = solve_ivp(lambda t, y: [y[1], -k * k * y[0]], (0.0, 10.0), [1.0, 0.0], events=zero, **SHARP)
        return np.sum(found.t_events[0]) + found.status

    compiled = wg.jit(wg.value_and_grad(f))
    for k in (1.0, 1.1, 0.4, 0.1):  # three times, the last of which ends it; twice, and once
        zeros = (np.arange(3) + 0.5) * np.pi / k
        within = np.sum(zeros[zeros < 10.0])
        assert compiled(k) == pytest.approx((within + (zeros[-1] < 10.0), -within / k), rel=1e-9)


def test_compiled_it_cuts_the_times_again():
    """Those of 0, ½, 1, … are left at which exp(−kt) is not yet ½."""
    half = event(lambda t, y, k: y - 0.5, True)
    times = np.linspace(0.0, 3.0, 7)
    f = lambda k: np.sum(solve_ivp(lambda t, y, k: -k * y, (0.0, 3.0), 1.0, t_eval=times, events=half, args=(k,)).y)  # noqa: E731
    compiled = wg.jit(wg.grad(f))
    for k in (0.3, 1.0, 0.1, 2.0):
        left = times[times <= np.log(2) / k]
        assert compiled(k) == pytest.approx(-np.sum(left * np.exp(-k * left)), rel=1e-6)


def test_an_event_that_does_not_occur():
    found = solve_ivp(lambda t, y: -y, (0.0, 1.0), 1.0, events=event(lambda t, y: y + 1, True))
    assert found.status == 0
    assert found.t_events[0].shape == found.y_events[0].shape == (0,)
    assert found.t[-1] == 1.0


@pytest.mark.parametrize("mode", [wg.grad, lambda f: lambda x: wg.jvp(f, (x,), (1.0,))])
def test_a_zero_at_which_the_solution_rests_has_no_derivative(mode):
    """Let go at the height of the event, it is there for a moment; from a little lower it never is."""

    def f(height):
        start = np.stack([height, 0.0])
        return solve_ivp(lambda t, y: [y[1], -10.0], (0.0, 2.0), start, events=lambda t, y: y[0] - 1).t_events[0][0]

    assert f(1.0) == 0.0
    with pytest.raises(wg.DegenerateError):
        mode(f)(1.0)


def test_errors():
    with pytest.raises(wg.ShapeError, match="one number"):
        solve_ivp(lambda t, y: -y, (0.0, 1.0), np.ones(2), events=lambda t, y: y)
    with pytest.raises(wg.ArgumentError, match="terminal"):
        solve_ivp(lambda t, y: -y, (0.0, 1.0), 1.0, events=event(lambda t, y: y, 0.5))
    with pytest.raises(ConvergenceError, match="event"):
        solve_ivp(lambda t, y: y / y, (0.0, 2.0), 0.25, events=event(lambda t, y: (y - 1) ** 3, True))
    for events in ([0.5], 0.5):
        with pytest.raises(wg.ArgumentError, match="function"):
            solve_ivp(lambda t, y: -y, (0.0, 1.0), 1.0, events=events)
