"""Rules of the user's own: either one serves every mode; the black box says what it is; the check finds the slips."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.special as sp

import wengert as wg

SLOPE = 2 / np.sqrt(np.pi)
RULES = {
    "pushforward": {"pushforward": lambda t, z, x: SLOPE * np.exp(-(x**2)) * t},
    "pullback": {"pullback": lambda ct, z, x: SLOPE * np.exp(-(x**2)) * ct},
}
RULES["both"] = RULES["pushforward"] | RULES["pullback"]


@pytest.mark.parametrize("rule", RULES)
def test_c_code_with_either_rule_to_order_3(rule):
    erf = wg.custom_derivative(math.erf, **RULES[rule])

    def push(f):
        return lambda x: wg.jvp(f, (x,), (1.0,))[1]

    mine, theirs = erf, sp.erf
    for _ in range(3):
        mine, theirs = wg.grad(mine), wg.grad(theirs)
        assert mine(0.3) == pytest.approx(theirs(0.3), rel=1e-12)
    assert push(push(push(erf)))(0.3) == pytest.approx(theirs(0.3), rel=1e-12)
    assert push(wg.grad(push(erf)))(0.3) == pytest.approx(theirs(0.3), rel=1e-12)
    assert wg.grad(push(wg.grad(erf)))(0.3) == pytest.approx(theirs(0.3), rel=1e-12)


def both(a, b):
    return {"p": np.outer(a, np.sin(b["b"])), "q": b["b"].sum() * a[0]}


def both_forward(t, z, a, b):
    da, db = t[0], t[1]["b"]
    moved = np.outer(da, np.sin(b["b"])) + np.outer(a, np.cos(b["b"]) * db)
    return {"p": moved, "q": db.sum() * a[0] + b["b"].sum() * da[0]}


def both_back(ct, z, a, b):
    first = np.stack([ct["q"] * b["b"].sum(), 0 * ct["q"]])
    return ct["p"] @ np.sin(b["b"]) + first, {"b": np.cos(b["b"]) * (a @ ct["p"]) + ct["q"] * a[0]}


A, B = np.array([1.0, 2.0]), {"b": np.array([0.3, 0.4, 0.5])}


@pytest.mark.parametrize("rules", [{"pushforward": both_forward}, {"pullback": both_back}])
def test_trees_of_several_arguments_and_results(rules):
    wg.check_rule(both, (A, B), **rules)
    f = wg.custom_derivative(both, **rules)
    wg.check_grads(f, (A, B), order=3)
    for argnums in (0, 1):
        for mode in ("forward", "reverse"):
            mine, plain = (wg.jacobian(g, argnums, mode=mode)(A, B) for g in (f, both))
            for key in "pq":
                x, y = (m[key]["b"] if argnums else m[key] for m in (mine, plain))
                assert np.allclose(x, y, rtol=1e-14)


def opaque_forward(t, z, x):
    return np.array([math.cos(v) * float(s) for v, s in zip(x, t, strict=True)])


@pytest.mark.parametrize("name", ["pushforward", "pullback"])
def test_a_rule_that_cannot_be_followed_is_transposed_by_columns(name):
    f = wg.custom_derivative(np.sin, **{name: opaque_forward})
    x = np.array([0.3, 0.7, 1.1])
    for mode in ("forward", "reverse"):
        assert np.allclose(wg.jacobian(f, mode=mode)(x), np.diag(np.cos(x)), rtol=1e-14)
    with pytest.raises(wg.ConversionError):
        wg.hessian(lambda x: np.sum(f(x)))(x)


def test_as_a_decorator_with_keywords():
    @wg.custom_derivative(pullback=lambda ct, z, x, *, n: n * x ** (n - 1) * ct)
    def power(x, *, n):
        """X to the n."""
        return float(x) ** n

    assert power.__name__ == "power"
    assert power(2.0, n=3) == 8
    assert wg.grad(lambda x: power(x, n=3))(2.0) == 12
    assert wg.grad(wg.grad(lambda x: power(x, n=3)))(2.0) == 12
    with pytest.raises(wg.ArgumentError, match="keyword"):
        wg.grad(lambda n: power(2.0, n=n))(3.0)


def test_whole_numbers_text_and_none():
    @wg.custom_derivative(pullback=lambda ct, z, x, n, kind: (n * x ** (n - 1) * ct[0], None, None))
    def power(x, n, kind):
        assert kind == "power"
        return x**n, n

    assert wg.grad(lambda x: power(x, 3, "power")[0])(2.0) == 12
    assert wg.jvp(lambda x: power(x, 3, "power")[0], (2.0,), (1.0,))[1] == 12


def test_compiled_recorded_on_the_tape_and_in_loops():
    @wg.custom_derivative(pushforward=lambda t, z, x: np.cos(x) * t)
    def scan(x):  # named as an operation of the compiler
        return np.array([math.sin(v) for v in np.ravel(x)]).reshape(np.shape(x))

    x = np.array([0.3, 0.7])
    f = lambda x: np.sum(scan(x) * x)  # noqa: E731
    expected = np.cos(x) * x + np.sin(x)
    compiled = wg.jit(wg.grad(f))
    assert np.allclose(compiled(x), expected, rtol=1e-14)
    assert np.allclose(compiled(x + 1), np.cos(x + 1) * (x + 1) + np.sin(x + 1), rtol=1e-14)
    graph = wg.trace(f)(x)
    assert "scan(x)" in graph.to_text()
    assert graph(x + 1) == pytest.approx(float(np.sum(np.sin(x + 1) * (x + 1))))
    second = graph.derivative().derivative()(x)
    assert np.allclose(second, np.diag(2 * np.cos(x) - x * np.sin(x)), rtol=1e-14)
    v = wg.Variable(x)
    f(v).backward()
    assert np.allclose(v.grad, expected, rtol=1e-14)
    assert np.allclose(scan(wg.Dual(x, np.ones(2))).tangent, np.cos(x), rtol=1e-15)
    looped = lambda x: np.sum(wg.fori_loop(0, 3, lambda i, c: scan(c), x))  # noqa: E731
    unrolled = lambda x: np.sum(np.sin(np.sin(np.sin(x))))  # noqa: E731
    assert np.allclose(wg.grad(looped)(x), wg.grad(unrolled)(x), rtol=1e-14)
    assert np.allclose(wg.hessian(looped)(x), wg.hessian(unrolled)(x), rtol=1e-13)


def test_complex_numbers():
    f = wg.custom_derivative(np.exp, pushforward=lambda t, z, x: z * t)
    g = wg.custom_derivative(np.exp, pullback=lambda ct, z, x: np.conj(z) * ct)
    z = np.array([0.3 + 1j, -1.0 + 0.2j])
    for h in (f, g):
        assert np.allclose(wg.jvp(h, (z,), (1j * z,))[1], np.exp(z) * 1j * z, rtol=1e-14)
        assert np.allclose(wg.vjp(h, z)[1](z)[0], np.conj(np.exp(z)) * z, rtol=1e-14)


def test_float32_stays():
    f = wg.custom_derivative(np.sin, pullback=lambda ct, z, x: np.cos(x) * ct)
    x = np.array([0.5, 1.0], np.float32)
    assert wg.grad(lambda x: np.sum(f(x)))(x).dtype == np.float32
    assert wg.jvp(f, (x,), (x,))[1].dtype == np.float32


def test_the_function_may_change_its_arguments():
    def clobber(x):
        y = np.sin(x)
        x[...] = np.nan
        return y

    f = wg.custom_derivative(clobber, pushforward=lambda t, z, x: np.cos(x) * t)
    assert np.allclose(wg.grad(lambda x: np.sum(f(x * 1.0) * x))(np.array([0.5])), np.cos(0.5) * 0.5 + np.sin(0.5))


@pytest.mark.parametrize(
    ("rules", "error"),
    [
        ({"pushforward": lambda t, z, x: np.cos(x) * t**2}, wg.NonlinearError),
        ({"pullback": lambda ct, z, x: np.cos(x)}, wg.NonlinearError),
        ({"pullback": lambda ct, z, x: np.sum(np.cos(x) * ct)}, wg.ShapeError),
        ({"pushforward": lambda t, z, x: (t, t)}, wg.ShapeError),
    ],
)
def test_wrong_rules(rules, error):
    f = wg.custom_derivative(np.sin, **rules)
    x = np.array([0.3, 0.4])
    with pytest.raises(error):
        (wg.jacobian(f, mode="forward") if "pullback" in rules else wg.jacobian(f, mode="reverse"))(x)


def test_rules_that_do_not_take_the_arguments():
    with pytest.raises(wg.ArgumentError, match=r"\(tangent, out, x\)"):
        wg.custom_derivative(lambda x: x, pushforward=lambda t, x: t)
    with pytest.raises(wg.ArgumentError, match="needs a rule"):
        wg.custom_derivative(np.sin)


def test_traced_values_from_outside_are_refused():
    def outer(a):
        return wg.custom_derivative(lambda x: a * x, pushforward=lambda t, z, x: 2.0 * t)(a)

    with pytest.raises(wg.ArgumentError, match="not among its arguments"):
        wg.grad(outer)(2.0)

    def rule(a):
        return wg.custom_derivative(lambda x: 2 * x, pushforward=lambda t, z, x: a * t)(a)

    with pytest.raises((wg.ArgumentError, wg.LeakedTracerError)):
        wg.jvp(rule, (2.0,), (1.0,))
    with pytest.raises((wg.ArgumentError, wg.LeakedTracerError)):
        wg.grad(rule)(2.0)


def test_a_black_box_says_so_and_ends_at_the_first_order():
    g = wg.from_callable(both)
    assert g.approximate == "central"
    with pytest.warns(wg.FiniteDifferenceWarning, match="custom_derivative"):
        first = wg.jacobian(lambda a: g(a, B)["p"], mode="forward")(A)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = wg.jacobian(lambda a: g(a, B)["p"], mode="reverse")(A)
    assert np.allclose(first, wg.jacobian(lambda a: both(a, B)["p"])(A), rtol=1e-8, atol=1e-9)
    assert np.allclose(first, second, rtol=1e-14, atol=1e-14)
    with pytest.raises(wg.ArgumentError, match="no second one"):
        wg.hessian(lambda a: np.sum(g(a, B)["p"] ** 2))(A)
    with pytest.raises(wg.ArgumentError, match="scheme"):
        wg.from_callable(both, scheme="exact")
    exact = wg.from_callable(lambda x: x**3, scheme="complex", warn=False)
    assert wg.grad(exact)(2.0) == pytest.approx(12.0, rel=1e-15)


def faults_of(**rules):
    with pytest.raises(wg.RuleError) as caught:
        wg.check_rule(both, (A, B), **rules)
    return caught.value


def test_the_check_names_the_elements_that_are_wrong():
    def twice(ct, z, a, b):
        first, second = both_back(ct, z, a, b)
        return first, {"b": second["b"] * np.array([1.0, 2.0, 1.0])}

    error = faults_of(pullback=twice)
    assert {f.argument for f in error.faults} == {"argument 1['b'][1]"}
    assert all(f.given == pytest.approx(2 * f.expected) for f in error.faults)
    assert {f.output for f in error.faults} == {"f['p'][0, 1]", "f['p'][1, 1]", "f['q']"}
    assert "twice as much" in str(error)
    assert "the sign is wrong" in str(faults_of(pullback=lambda *a: (-both_back(*a)[0], both_back(*a)[1])))
    assert "a term is missing" in str(faults_of(pullback=lambda *a: (None, both_back(*a)[1])))


def test_the_check_tries_sums_of_directions():
    def cubic(t, z, a, b):
        moved = both_forward(t, z, a, b)
        return moved | {"q": moved["q"] * t[1]["b"].sum() ** 2 if t[1]["b"].sum() else moved["q"]}

    with pytest.raises(wg.RuleError, match="not linear"):
        wg.check_rule(both, (A, B), pushforward=cubic)


def test_the_check_reads_the_rules_of_what_has_them():
    wg.check_rule(wg.custom_derivative(math.erf, **RULES["both"]), (0.3,))
    wg.check_rule(np.tanh, (np.array([0.3, 2.0]),))
    wg.check_rule(wg.primitive(lambda x: x**3, lambda z, x: 3 * x**2), (2.0,))
    with pytest.raises(wg.RuleError, match=r"given as 4, expected 12"):
        wg.check_rule(wg.primitive(lambda x: x**3, lambda z, x: 2 * x), (2.0,))
    with pytest.raises(wg.RuleError):
        wg.check_rule(wg.custom_derivative(np.cos, pushforward=lambda t, z, x: np.sin(x) * t), (0.3,))
    with pytest.raises(wg.ArgumentError, match="tuple"):
        wg.check_rule(np.sin, 0.5)
    with pytest.raises(wg.GradientError, match="not smooth"):
        wg.check_rule(np.cbrt, (0.0,))


def test_taylor_mode():
    erf = wg.custom_derivative(math.erf, **RULES["pullback"])
    assert np.allclose(wg.taylor(erf, 0.3, 6), wg.taylor(sp.erf, 0.3, 6), rtol=1e-12)
