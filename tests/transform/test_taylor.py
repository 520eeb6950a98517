"""Taylor mode: coefficients of any order against mpmath, closed forms, and the other modes applied again and again."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from scipy import special as sp

import wengert as wg
from tests.ops import test_conventions as conventions
from tests.ops.checks import Trial, flat, forward
from tests.ops.samples import SAMPLES, elementwise_sample, is_elementwise, samples
from wengert.core.errors import ArgumentError, ConversionError, MissingRuleError, ShapeError
from wengert.core.primitive import REGISTRY, bind
from wengert.core.rule import Partial
from wengert.core.tracer import Level, Tracer
from wengert.scipy import linalg

RNG = np.random.default_rng(3)
A, B = RNG.normal(size=(3, 3)) + 3 * np.eye(3), RNG.normal(size=(3, 3))
RIGHT = RNG.normal(size=(3, 2))


def exact(f, x, order):
    """The coefficients of a function of mpmath numbers, by mpmath's differences at high precision."""
    with mp.workdps(60 + 2 * order):
        return [float(c) for c in mp.taylor(f, mp.mpf(x), order)]


def close(got, want, rel=1e-12, least=0.0):
    got, want = np.asarray(got, float), np.asarray(want, float)
    assert got.shape == want.shape
    assert np.all(np.abs(got - want) <= rel * np.maximum(np.abs(want), least)), (got, want)


# Functions of one variable -------------------------------------------------------------------------------------------


def test_order_50_of_a_composition():
    got = wg.taylor(lambda x: np.exp(np.sin(x)), 0.7, 50)
    assert got.shape == (51,)
    close(got, exact(lambda x: mp.exp(mp.sin(x)), 0.7, 50))


@pytest.mark.parametrize(
    ("f", "reference"),
    [
        (np.tan, mp.tan),
        (np.log, mp.log),
        (np.sqrt, mp.sqrt),
        (lambda x: x**2.5, lambda x: x ** mp.mpf(2.5)),
        (lambda x: x**-3, lambda x: x**-3),
        (lambda x: x**40, lambda x: x**40),
        (lambda x: x**x, lambda x: x**x),
        (np.arctan, mp.atan),
        (np.arcsin, mp.asin),
        (lambda x: 1 / (1 + x**2), lambda x: 1 / (1 + x * x)),
        (lambda x: np.cos(x) / np.cosh(x), lambda x: mp.cos(x) / mp.cosh(x)),
        (sp.erf, mp.erf),
        (np.tanh, mp.tanh),
        (wg.sigmoid, lambda x: 1 / (1 + mp.exp(-x))),
        (sp.gammaln, mp.loggamma),
        (lambda x: sp.jv(0.75, x), lambda x: mp.besselj(mp.mpf(0.75), x)),
        (sp.lambertw, mp.lambertw),
        (
            lambda x: wg.logsumexp(np.stack([x, 2 * x, x * x])),
            lambda x: mp.log(mp.exp(x) + mp.exp(2 * x) + mp.exp(x * x)),
        ),
    ],
)
def test_order_20(f, reference):
    got = np.real(wg.taylor(f, 0.4, 20))
    want = exact(lambda x: mp.re(reference(x)), 0.4, 20)
    radius = abs(want[20]) ** (1 / 20)  # of the scale of the coefficients: one that happens to be near 0 has no digits
    close(got, want, rel=1e-12, least=0.0 if f is not wg.sigmoid else 1e-2 * radius**20)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 20])
def test_a_polynomial_ends(n):
    np.testing.assert_array_equal(
        wg.taylor(lambda x: x * x * x - 2 * x, 3.0, n), np.array([21.0, 25, 9, 1, *[0] * 17])[: n + 1]
    )
    np.testing.assert_array_equal(wg.taylor(lambda x: x**3, 0.0, n), np.eye(21)[3, : n + 1])
    np.testing.assert_array_equal(wg.taylor(lambda x: x**3, 2.0, n), np.array([8.0, 12, 6, 1, *[0] * 17])[: n + 1])


SLOW = {  # for mpmath: compared with nested forward mode instead
    "y0", "y1", "yn", "k0", "k1", "kn", "k1e", "ive_v0x1", "kerp", "keip", "itstruve0", "it2struve0", "itmodstruve0",
    "zeta_s1", "stdtr_v1", "elliptic_1_-1.5", "elliptic_incomplete_1_-1.5", "carlson_0_1.5_0.5_0.5", "wright_bessel",
    "log_wright_bessel", "owens_t", "gammaincinv", "gammainccinv", "betaincinv", "betainccinv", "stdtrit", "btdtria",
    "btdtrib", "gdtrib", "chdtriv", "pdtrik",
}  # fmt: skip
CANCELS = {"voigt_profile": 1e-6}  # in the rule itself: the third and later derivatives lose digits in every mode
SPEEDS = (0.7, -0.4, 0.3, 0.2)


def scalar_case(name):
    """A primitive as a function of the arguments that it has rules for, their values, and a direction."""
    primitive = REGISTRY[name]
    if is_elementwise(name):
        sample = elementwise_sample(primitive, [(3,)] * len(primitive.rules))
        args = [float(a[0]) for a in sample.args]
    else:
        sample = SAMPLES[name][0]
        args = [np.ravel(a)[0].item() for a in sample.args]
    active = [i for i in sample.active if i < len(SPEEDS)]

    def with_values(values):
        full = list(args)
        for i, value in zip(active, values, strict=True):
            full[i] = value
        return full

    return primitive, with_values, tuple(args[i] for i in active), tuple(SPEEDS[i] for i in active)


def by_elements(name):
    """Whether scalars will do as a sample."""
    if is_elementwise(name):
        return True
    partial = any(isinstance(REGISTRY[name].rule(i), Partial) for i in range(3))
    return partial and bool(SAMPLES.get(name))


ELEMENTWISE = [name for name in REGISTRY if by_elements(name) and scalar_case(name)[2]]


def test_there_are_many_elementwise_primitives():
    assert len(ELEMENTWISE) > 200


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_elementwise_primitive_to_order_5(name):
    primitive, with_values, x, v = scalar_case(name)
    got = wg.taylor(lambda values: primitive(*with_values(values)), x, 5, direction=v)
    if got.dtype.kind not in "fc":
        got = got.astype(float)
    tolerance = CANCELS.get(name, 1e-12)
    if name in SLOW:
        f = lambda *values: primitive(*with_values(values))  # noqa: E731
        for k in range(6):
            close(got[k], f(*x) / math.factorial(k), tolerance, 1e-3)
            f = forward(f, v)
        return
    with mp.workdps(40):
        want = mp.taylor(
            lambda t: primitive.reference(*with_values([mp.mpf(a) + t * b for a, b in zip(x, v, strict=True)])), 0, 5
        )
    close(np.real(got), [float(mp.re(c)) for c in want], tolerance, 1e-3)


OTHERS = [name for name in REGISTRY if not is_elementwise(name) and any(s.active for s in samples(name))]


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_primitive_to_order_3(name):
    for sample in samples(name):
        trial = Trial(REGISTRY[name], sample)
        if not trial.x:
            continue
        v = trial.directions[0]
        got = flat(wg.taylor(lambda x, trial=trial: trial(*x), trial.x, 3, direction=v))
        f = trial
        for k in range(4):
            for c, want in zip(got, flat(f(*trial.x)), strict=True):
                close(c[k], np.asarray(want) / math.factorial(k), 1e-10, 1.0)
            f = forward(f, v)


# Cost ----------------------------------------------------------------------------------------------------------------


class Counter(Level):
    """Counts the multiplications and divisions that are done with the numbers of its tracers."""

    __slots__ = ("count",)

    def __init__(self):
        super().__init__()
        self.count = 0

    def process(self, primitive, args, params):
        self.count += primitive.name in ("scale", "multiply", "divide", "matmul", "solve")
        out = bind(primitive, [a.value if isinstance(a, Counted) and a.level is self else a for a in args], params)
        return tuple(Counted(self, o) for o in out) if primitive.outputs > 1 else Counted(self, out)


class Counted(Tracer):
    __slots__ = ()

    def __init__(self, level, value):
        self.level, self.value = level, value


def multiplications(f, order):
    level = Counter()
    wg.taylor(f, Counted(level, 0.4), order)
    return level.count


@pytest.mark.parametrize(
    "f",
    [
        np.exp, np.sin, np.tan, np.tanh, np.log, np.sqrt, np.cbrt, np.arctan, np.arcsin, np.arcsinh, wg.sigmoid,
        wg.softplus, lambda x: x**2.5, lambda x: x**x, lambda x: 1 / (1 + x * x), lambda x: np.sin(x) / x,
        lambda x: np.logaddexp(x, 1.0),
        lambda x: np.exp(np.sin(x)), lambda x: np.hypot(x, 1.0), sp.erf, sp.ndtr, sp.log_ndtr,
        lambda x: np.linalg.solve(A + x * B, RIGHT), lambda x: np.linalg.inv(A + x * B),
        lambda x: np.linalg.det(A + x * B),
        lambda x: np.linalg.slogdet(A + x * B)[1], lambda x: np.linalg.norm(A + x * B),
    ],
)  # fmt: skip
def test_the_cost_is_quadratic_in_the_order(f):
    small, middle, large = (multiplications(f, n) for n in (10, 20, 40))
    assert middle <= 4.2 * small
    assert large <= 4.2 * middle  # 8 for a cubic one


@pytest.mark.parametrize("f", [sp.psi, sp.j0, lambda x: sp.jv(1.5, x), lambda x: sp.hyp2f1(0.5, 0.6, 0.7, x)])
def test_of_families_whose_derivatives_are_further_members_it_is_cubic(f):
    small, large = (multiplications(f, n) for n in (10, 20))
    assert large <= 8.4 * small


def test_linear_operations_cost_one_multiplication_for_each_coefficient():
    assert multiplications(lambda x: 3.0 * (x + 1) - x / 7, 20) <= 3 * 21 + 2


def test_long_programs_and_deep_rules_need_no_recursion():
    def chain(x):
        for _ in range(3000):
            x = x + 1e-3 * np.sin(x)
        return x

    assert np.all(np.isfinite(wg.taylor(chain, 0.3, 3)))
    close(wg.taylor(sp.j0, 0.5, 150)[:30], exact(lambda x: mp.besselj(0, x), 0.5, 29), 1e-12, 1e-30)


# Matrices ------------------------------------------------------------------------------------------------------------


def neumann(order):
    """(A + tB)⁻¹ = Σ (−A⁻¹B)ᵏ A⁻¹ tᵏ."""
    inverse = np.linalg.inv(A)
    terms = [inverse]
    for _ in range(order):
        terms.append(-inverse @ B @ terms[-1])
    return np.stack(terms)


@pytest.mark.parametrize("f", [np.linalg.inv, lambda m: np.linalg.solve(m, np.eye(3)), np.linalg.pinv])
def test_inverses(f):
    want = neumann(12)
    close(wg.taylor(lambda t: f(A + t * B), 0.0, 12), want, 1e-11, np.max(np.abs(want), axis=(1, 2), keepdims=True))


def test_solve_with_both_sides_moving():
    want = np.einsum("kij,jl->kil", neumann(8), RIGHT)
    want[1:] += np.einsum("kij,jl->kil", neumann(7), RIGHT[::-1])
    got = wg.taylor(lambda t: np.linalg.solve(A + t * B, RIGHT + t * RIGHT[::-1]), 0.0, 8)
    close(got, want, 1e-11, np.max(np.abs(want), axis=(1, 2), keepdims=True))


def test_determinant():
    got = wg.taylor(lambda t: np.linalg.det(A + t * B), 0.0, 6)
    roots = -1 / np.linalg.eigvals(np.linalg.solve(A, B))  # det A · Π (1 + λt)
    want = np.real(np.linalg.det(A) * np.poly(roots)[::-1] * np.prod(-1 / roots))
    close(got, [*want, 0, 0, 0], 1e-12, 10.0)


def test_log_determinant():
    m, order = np.linalg.solve(A, B), 10
    want = [np.linalg.slogdet(A)[1]]
    want += [(-1) ** (k + 1) * np.trace(np.linalg.matrix_power(m, k)) / k for k in range(1, order + 1)]
    close(wg.taylor(lambda t: np.linalg.slogdet(A + t * B)[1], 0.0, order), want, 1e-12, 1.0)


def test_products_of_matrices():
    got = wg.taylor(lambda t: (A + t * B) @ (B - t * A) @ np.einsum("ij,kj->ik", A * t, B), 0.0, 4)
    last = A @ B.T
    want = [0 * A, A @ B @ last, (B @ B - A @ A) @ last, -B @ A @ last, 0 * A]
    close(got, want, 1e-13, 100.0)


@pytest.mark.parametrize("f", [np.linalg.eigvalsh, np.linalg.cholesky, np.linalg.svdvals, lambda m: np.linalg.qr(m)[1]])
def test_factorizations_along_a_line_agree_with_their_values(f):
    """The polynomial of order 14 at t = 0.05 is the function there."""
    s, move = A @ A.T, 0.5 * (B + B.T)
    got = wg.taylor(lambda t: f(s + t * move), 0.0, 14)
    close(sum(c * 0.05**k for k, c in enumerate(got)), f(s + 0.05 * move), 1e-12, 1.0)


# Programs ------------------------------------------------------------------------------------------------------------


def test_branches_loops_and_updates():
    def program(x):
        y = np.zeros(3, like=x)
        y[0] = x
        y[1] = y[0] ** 2
        y *= x
        part = y[:2]
        part += x
        return y if x > 0 else -y

    want = np.zeros((5, 3))
    want[:4] = [[6, 10, 0], [5, 13, 0], [1, 6, 0], [0, 1, 0]]  # x² + x and x³ + x at 2
    np.testing.assert_array_equal(wg.taylor(program, 2.0, 4), want)


def heron(a):
    x = a
    while abs(x * x - a) > 1e-14:
        x = (x + a / x) / 2
    return (x + a / x) / 2


def test_an_iteration_has_the_series_of_what_it_converges_to():
    close(wg.taylor(heron, 2.0, 5), exact(mp.sqrt, 2.0, 5), 1e-13)


def test_loops_that_are_one_operation():
    def python(x):
        c = x
        for _ in range(5):
            c = np.sin(c) + x
        return c

    want = wg.taylor(python, 0.3, 6)
    close(wg.taylor(lambda x: wg.fori_loop(0, 5, lambda i, c: np.sin(c) + x, x), 0.3, 6), want, 1e-14)
    close(wg.taylor(lambda x: wg.scan(lambda c, _: (np.sin(c) + x, c), x, None, 5)[0], 0.3, 6), want, 1e-14)
    cond = wg.taylor(lambda x: wg.cond(x > 0, np.sin, np.cos, x), 0.3, 6)
    close(cond, wg.taylor(np.sin, 0.3, 6), 1e-15)


def test_conventions_hold_in_every_coefficient():
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(wg.taylor(lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0, 3), np.zeros(4))
        np.testing.assert_array_equal(wg.taylor(np.sqrt, 0.0, 2), [0.0, np.inf, -np.inf])
        np.testing.assert_array_equal(wg.taylor(lambda x: x**2.5, 0.0, 3), [0.0, 0.0, 0.0, np.inf])
    np.testing.assert_array_equal(wg.taylor(np.abs, 0.0, 3), np.zeros(4))
    np.testing.assert_array_equal(wg.taylor(lambda x: np.maximum(x, -x), -2.0, 2), [2.0, -1.0, 0.0])
    np.testing.assert_array_equal(wg.taylor(lambda x: np.max(np.stack([x, x * x])), 1.0, 2), [1.0, 1.5, 0.5])


@pytest.mark.parametrize(("expression", "at", "want"), conventions.ROWS)
def test_the_first_coefficient_is_forward_modes(expression, at, want):
    point = eval(f"dict({at})", conventions.NAMES)
    f = eval(f"lambda {', '.join(point)}: {expression}", conventions.NAMES)
    x = tuple(np.float64(v) if isinstance(v, float) else v for v in point.values())
    for i in range(len(x)):
        v = tuple(np.full(np.shape(a), float(i == j))[()] for j, a in enumerate(x))
        with np.errstate(all="ignore"):
            got = wg.taylor(lambda x: f(*x), x, 1, direction=v)
            value, tangent = wg.jvp(f, x, v)
        np.testing.assert_allclose(got, np.stack([np.asarray(value), np.asarray(tangent)]), rtol=1e-14)


def test_a_primitive_of_ones_own():
    cube = wg.primitive(lambda x: x**3, wg.Partial(lambda z, x: 3 * x**2))
    np.testing.assert_array_equal(wg.taylor(cube, 2.0, 4), [8.0, 12.0, 6.0, 1.0, 0.0])
    wrong = wg.primitive(lambda x: x**3, wg.Partial(lambda z, x: 3.003 * x**2))
    assert wg.taylor(wrong, 2.0, 4)[3] != 1.0


def own_exp(t, z, x):
    return z * t


@wg.custom_derivative(pushforward=lambda t, z, x: stated_again(x) * t)
def stated_again(x):
    return np.exp(x)


@pytest.mark.parametrize(
    "f",
    [
        wg.custom_derivative(lambda x: np.exp(x), pushforward=own_exp),
        wg.custom_derivative(lambda x: np.exp(x), pullback=own_exp),
        stated_again,
    ],
)
def test_a_derivative_that_is_stated(f):
    close(wg.taylor(lambda x: f(2 * x), 0.3, 8), wg.taylor(lambda x: np.exp(2 * x), 0.3, 8), 1e-14)
    x, v = np.ones(3), np.arange(3.0)
    close(wg.taylor(f, x, 4, direction=v), wg.taylor(np.exp, x, 4, direction=v))


def test_an_implicit_function():
    def root(a):
        return wg.implicit.root(lambda x, a: x**3 - a, 1.0, a)

    close(wg.taylor(root, 2.0, 8), exact(mp.cbrt, 2.0, 8), 1e-12)


# Results and arguments -----------------------------------------------------------------------------------------------


def test_trees_dtypes_and_order_zero():
    got = wg.taylor(lambda x: {"a": x * np.ones((2, 3)), "b": (3, np.floor(x), x > 0)}, 2, 2)
    assert got["a"].shape == (3, 2, 3)
    np.testing.assert_array_equal(got["b"][0], [3.0, 0.0, 0.0])
    np.testing.assert_array_equal(got["b"][1], [2.0, 0.0, 0.0])
    np.testing.assert_array_equal(wg.taylor(np.exp, 0.0, 0), [1.0])
    assert wg.taylor(np.exp, np.float32(1), 3).dtype == np.float32
    got = wg.taylor(lambda x: np.tanh(x) / x, np.float32(0.7), 6)
    close(got, exact(lambda x: mp.tanh(x) / x, float(np.float32(0.7)), 6), 3e-6, 1.0)


def test_a_direction():
    def f(tree):
        return np.sum(np.sin(tree["w"]) * tree["b"] ** 2)

    x = {"w": np.array([0.3, -0.7]), "b": 1.5}
    v = {"w": np.array([1.0, 2.0]), "b": -0.5}
    got = wg.taylor(f, x, 6, direction=v)
    want = exact(lambda t: (mp.sin(0.3 + t) + mp.sin(-0.7 + 2 * t)) * (1.5 - t / 2) ** 2, 0.0, 6)
    close(got, want, 1e-13, 1e-2)
    vector = np.array([0.2, 0.5, 1.1])
    square = wg.taylor(lambda x: np.prod(np.cos(x)), vector, 2, direction=vector)[2]
    close(2 * square, vector @ wg.hvp(lambda x: np.prod(np.cos(x)))(vector, vector), 1e-14, 1.0)


def test_complex_numbers_along_a_real_line():
    got = wg.taylor(np.exp, 1j, 3, direction=1.0)
    np.testing.assert_allclose(got, np.exp(1j) / np.array([1, 1, 2, 6]), rtol=1e-15)
    np.testing.assert_array_equal(
        wg.taylor(lambda z: (z * np.conj(z)).real, 1 + 1j, 3, direction=1j), [2.0, 2.0, 1.0, 0]
    )


@pytest.mark.parametrize("n", range(8))
def test_derivative(n):
    assert wg.derivative(np.sin, order=n)(0.3) == pytest.approx(np.sin(0.3 + n * np.pi / 2), rel=1e-14)
    points = np.linspace(-2, 2, 7)
    close(wg.derivative(lambda x: np.exp(2 * x), n)(points), 2.0**n * np.exp(2 * points), 1e-14)
    got = wg.derivative(lambda x, c, power=2: c * x**power, n)(3.0, 5.0, power=4)
    assert got == 5.0 * math.perm(4, n) * 3.0 ** (4 - n) if n <= 4 else got == 0.0


def test_high_orders_stay_in_range():
    assert wg.derivative(np.exp, 200)(1.0) == pytest.approx(math.e, rel=1e-13)
    got = wg.derivative(np.exp, 40)(np.float32(1))
    assert got.dtype == np.float32
    assert got == pytest.approx(math.e, rel=1e-5)
    close(wg.derivative(np.sin, 101)(np.linspace(0, 1, 3)), np.cos(np.linspace(0, 1, 3)), 1e-12)


def test_points_are_variables_by_themselves():
    x = np.array([-1.0, 0.5, 2.0])
    got = wg.derivative(lambda x: np.where(x > 0, np.exp(x), x**2) + np.maximum(x, 0.0), 2)(x)
    close(got, [2.0, np.exp(0.5), np.exp(2.0)], 1e-15)
    assert wg.derivative(np.exp, 0)(x).shape == (3,)
    for mixing in (
        np.sum,
        np.cumsum,
        lambda x: x[::-1],
        lambda x: x @ x,
        np.flip,
        np.sort,
        lambda x: np.linalg.norm(x),
    ):
        with pytest.raises(ArgumentError, match="element by element"):
            wg.derivative(mixing, 2)(x)


# Nesting -------------------------------------------------------------------------------------------------------------


def test_other_modes_through_it_and_inside_of_it():
    assert wg.grad(wg.derivative(np.sin, 2))(0.3) == pytest.approx(-np.cos(0.3), rel=1e-14)
    assert wg.derivative(wg.grad(lambda x: np.sin(x) ** 2), 2)(0.3) == pytest.approx(-4 * np.sin(0.6), rel=1e-14)
    assert wg.derivative(wg.derivative(np.sin, 2), 3)(0.3) == pytest.approx(np.cos(0.3), rel=1e-13)
    close(wg.jacobian(lambda x: wg.taylor(np.exp, x, 3))(0.0), [1, 1, 1 / 2, 1 / 6], 1e-15)
    assert wg.jvp(lambda a: wg.taylor(lambda x: np.exp(a * x), 0.0, 3)[3], (2.0,), (1.0,))[1] == pytest.approx(2.0)

    def fourth(s):
        return wg.taylor(lambda t: np.sum(np.linalg.solve(A * s + t * B, RIGHT)), 0.0, 4)[4]

    assert wg.grad(fourth)(1.3) == pytest.approx(-5 / 1.3 * fourth(1.3), rel=1e-12)  # homogeneous of degree −5


def test_perturbations_are_not_confused():
    assert wg.derivative(lambda x: x * wg.derivative(lambda y: x * y * y, 2)(1.0), 2)(3.0) == 4.0


def test_compiled():
    def f(x):
        return wg.taylor(lambda t: np.tanh(t) ** 3 + t**2.5 / wg.sigmoid(t), x, 4)

    compiled = wg.jit(f)
    for x in (0.3, 1.7, 0.3):
        close(compiled(x), f(x), 1e-14, 1.0)
    power = wg.jit(lambda x: wg.taylor(lambda t: t**3.5, x, 3))
    for x in (0.3, 0.0, 0.9):
        close(power(x), wg.taylor(lambda t: t**3.5, x, 3), 1e-15)


# Errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [wg.taylor, lambda f, x, n: wg.derivative(f, n)])
@pytest.mark.parametrize("order", [-1, 2.0, True, None, "3"])
def test_the_order_is_a_whole_number(call, order):
    with pytest.raises(ArgumentError, match="whole number"):
        call(np.exp, 1.0, order)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: wg.taylor(np.exp, np.ones(3), 2), ArgumentError, "direction=v"),
        (lambda: wg.taylor(lambda x: x[0], (1.0,), 2), ArgumentError, "not of a tuple"),
        (lambda: wg.taylor(np.exp, "a", 2), ArgumentError, "x is a str"),
        (lambda: wg.taylor(np.exp, True, 2), ArgumentError, "boolean"),
        (lambda: wg.taylor(np.exp, 1j, 2), ArgumentError, "real variable"),
        (lambda: wg.taylor(np.exp(1.0), 1.0, 2), ArgumentError, "takes a function"),
        (lambda: wg.taylor(np.exp, np.ones(2), 2, direction=np.ones(3)), ShapeError, "direction has shape"),
        (lambda: wg.taylor(np.exp, 1.0, 2, direction=1j), ShapeError, "complex"),
        (lambda: wg.taylor(lambda x: None, 1.0, 2), ArgumentError, "returned None"),
        (lambda: wg.taylor(lambda x: np.array([x, x]), 1.0, 2), ConversionError, "plain array"),
        (lambda: wg.taylor(lambda x: sp.struve(x, 1.0), 1.0, 2), MissingRuleError, "struve has no rule"),
        (lambda: wg.derivative(3.0), ArgumentError, "takes a function"),
        (lambda: wg.derivative(np.exp, 1001), ArgumentError, "up to 1000"),
        (lambda: wg.derivative(np.exp)((1.0, 2.0)), ArgumentError, "not of a tuple"),
        (lambda: wg.derivative(np.exp)(1j), ArgumentError, "real variable"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_integers_become_floats():
    np.testing.assert_array_equal(wg.taylor(lambda x: x**3, 2, 3), [8.0, 12.0, 6.0, 1.0])
    np.testing.assert_array_equal(wg.derivative(lambda x: x**3, 2)(np.arange(3)), [0.0, 6.0, 12.0])


def test_what_the_user_changes_later_does_not_matter():
    w = np.array([1.0, 2.0])

    def f(x):
        y = x * w
        w[:] = 0
        return y

    assert [list(row) for row in wg.taylor(f, 3.0, 1)] == [[3.0, 6.0], [1.0, 2.0]]
    assert not w.any()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: sp.jv(x, 1.5),
        lambda x: sp.jv(np.array([0.3, 1.1]), x * np.ones(2)),
        lambda x: sp.struve(np.array([0.3, 1.1]), x * np.ones(2)),
        lambda x: sp.betainc(x, 1.2, x / 2),
        lambda x: linalg.solve_triangular(A + x * B, RIGHT * x, lower=True),
        lambda x: linalg.solve_sylvester(A + x * B, A, A * x),
    ],
)
def test_no_operation_is_exponential_in_the_order(f):
    small, large = (multiplications(f, n) for n in (4, 8))
    assert large <= 2**4.2 * small  # 2⁸ and more for one that makes two new series for every order
