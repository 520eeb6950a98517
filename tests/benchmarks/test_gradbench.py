"""GradBench's evaluations against other statements of the same mathematics: SciPy, closed forms, naive loops.

Derivatives are those of the naive statements by the complex step, which is exact to rounding, or closed forms.
"""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.spatial
import scipy.special
import scipy.stats

from benchmarks.agreement import difference
from benchmarks.gradbench import EVALUATIONS, ba, det, gmm, kmeans, llsq, lse, lstm, ode
from benchmarks.gradbench.data import GENERATORS, QUICK, SIZES, TINY, arguments, generate
from benchmarks.gradbench.driver import program
from benchmarks.race import farthest

#: The functions as they are written, beside those that are compiled where there is a compiler.
WRITTEN = {
    "gmm": (gmm.log_posterior, gmm.gradient),
    "ba": (ba.errors, ba.sparse_jacobian),
    "lstm": (lstm.loss, lstm.gradient),
    "kmeans": (kmeans.total, kmeans.newton),
}


def complex_step(function, x):
    """The derivatives of a function's result for each element of x, along a first axis: Im f(x + ih)/h."""
    found = []
    for i in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[i] += 1e-30j
        found.append(np.imag(function(moved)) / 1e-30)
    return np.array(found)


@pytest.fixture
def random():
    return np.random.default_rng(4)


def mixture(random, dimension=3, components=4, count=6):
    return (
        random.normal(size=components),
        random.normal(size=(components, dimension)),
        0.5 * random.normal(size=(components, dimension)),
        random.normal(size=(components, dimension * (dimension - 1) // 2)),
        random.normal(size=(count, dimension)),
    )


def factor(q, strict):
    """Q, its strict part filled column by column, by a loop."""
    dimension = len(q)
    values = iter(strict)
    matrix = np.zeros((dimension, dimension), np.result_type(q, strict))
    for j in range(dimension):
        matrix[j, j] = np.exp(q[j])
        for i in range(j + 1, dimension):
            matrix[i, j] = next(values)
    return matrix


def naive_posterior(alpha, mu, q, strict, x, m, gamma):
    dimension, n = x.shape[1], x.shape[1] + m + 1
    factors = [factor(*each) for each in zip(q, strict, strict=True)]
    total = -len(x) * (dimension / 2 * math.log(2 * math.pi) + np.log(np.sum(np.exp(alpha))))
    for point in x:
        exponents = [
            a + np.sum(row) - 0.5 * np.sum((matrix @ (point - center)) ** 2)
            for a, row, matrix, center in zip(alpha, q, factors, mu, strict=True)
        ]
        total = total + np.log(sum(np.exp(e) for e in exponents))
    constant = n * dimension * math.log(gamma / math.sqrt(2)) - scipy.special.multigammaln(n / 2, dimension)
    squares = sum(np.sum(matrix**2) for matrix in factors)
    return total + len(alpha) * constant - gamma**2 / 2 * squares + m * np.sum(q)


def test_gmm_is_the_posterior_of_scipys_distributions(random):
    alpha, mu, q, strict, x = mixture(random)
    precisions = [matrix.T @ matrix for matrix in map(factor, q, strict)]
    weights = scipy.special.softmax(alpha)
    densities = [
        weight * scipy.stats.multivariate_normal(center, np.linalg.inv(precision)).pdf(x)
        for weight, center, precision in zip(weights, mu, precisions, strict=True)
    ]
    for m, gamma in ((0, 1.0), (2, 1.3)):
        prior = scipy.stats.wishart(df=x.shape[1] + m + 1, scale=np.eye(x.shape[1]) / gamma**2)
        expected = np.sum(np.log(np.sum(densities, axis=0))) + sum(map(prior.logpdf, precisions))
        assert float(gmm.log_posterior(alpha, mu, q, strict, x, m, gamma)) == pytest.approx(expected, rel=1e-12)
        assert naive_posterior(alpha, mu, q, strict, x, m, gamma) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("dimension", "components"), [(1, 2), (2, 1), (3, 4)])
def test_gmm_gradient(random, dimension, components):
    parameters, x = mixture(random, dimension, components)[:4], random.normal(size=(6, dimension))
    found = gmm.gradient(*parameters, x, 1, 1.3)
    for i, parameter in enumerate(parameters):
        expected = complex_step(
            lambda moved, i=i: naive_posterior(*parameters[:i], moved, *parameters[i + 1 :], x, 1, 1.3), parameter
        )
        assert found[i].shape == parameter.shape
        assert parameter.size == 0 or difference(found[i].ravel(), expected) < 1e-12


def test_gmm_far_from_all_components_does_not_underflow(random):
    alpha, mu, q, strict, x = mixture(random)
    x = x + 1e3
    assert np.isfinite(gmm.log_posterior(alpha, mu, q, strict, x, 0, 1.0))
    assert all(np.isfinite(part).all() for part in gmm.gradient(alpha, mu, q, strict, x, 0, 1.0))


def scene(random, cameras=3, points=4, views=9):
    """Cameras that differ, one of them not turned at all, in any order, some pairs twice."""
    camera = random.normal(size=(cameras, 11)) * ([0.5] * 3 + [0.3] * 3 + [1.0] * 3 + [0.1] * 2)
    camera[1, :3] = 0
    observations = np.stack([random.integers(cameras, size=views), random.integers(points, size=views)], axis=1)
    observations[0] = observations[1]
    observations[2, 0] = 1
    return (
        camera,
        random.normal(size=(points, 3)) + np.array([0, 0, 5]),
        random.normal(size=views),
        random.normal(size=(views, 2)),
        observations,
    )


def naive_errors(cameras, points, weights, features, observations):
    """One observation after the other; the rotation is the exponential of a skew matrix."""
    found = []
    for (i, j), weight, feature in zip(observations, weights, features, strict=True):
        r1, r2, r3 = cameras[i, :3]
        rotation = scipy.linalg.expm(np.array([[0, -r3, r2], [r3, 0, -r1], [-r2, r1, 0]]))
        x = rotation @ (points[j] - cameras[i, 3:6])
        p = x[:2] / x[2]
        square = np.sum(p**2)
        distortion = 1 + cameras[i, 9] * square + cameras[i, 10] * square**2
        found.append(weight * (p * distortion * cameras[i, 6] + cameras[i, 7:9] - feature))
    return np.concatenate([np.ravel(found), 1 - weights**2])


def test_ba_errors(random):
    given = scene(random)
    assert difference(np.concatenate([part.ravel() for part in ba.errors(*given)]), naive_errors(*given)) < 1e-12


def test_ba_jacobian(random):
    cameras, points, weights, features, observations = scene(random)
    rows, cols, vals = ba.sparse_jacobian(cameras, points, weights, features, observations)
    sizes = cameras.size, points.size, weights.size
    shape = 3 * len(weights), sum(sizes)
    assert len(vals) == len(cols) == rows[-1] == 31 * len(weights)
    found = scipy.sparse.csr_matrix((vals, cols, rows), shape=shape).toarray()

    def errors(flat):
        a, b, c = np.split(flat, np.cumsum(sizes)[:-1])
        return naive_errors(a.reshape(cameras.shape), b.reshape(points.shape), c, features, observations)

    flat = np.concatenate([cameras.ravel(), points.ravel(), weights])
    expected = complex_step(errors, flat).T
    # The exponential's derivative at the zero matrix is itself a limit that expm takes to about 1e-10.
    assert difference(found, expected) < 1e-9


def test_ba_puts_the_first_block_where_gradbench_reads_it(random):
    rows, cols, _ = ba.sparse_jacobian(*arguments("ba", generate("ba", {"n": 2, "m": 3, "p": 7})))
    np.testing.assert_array_equal(rows[:4], [0, 15, 30, 45])
    np.testing.assert_array_equal(rows[14:17], [210, 211, 212])
    np.testing.assert_array_equal(cols[:15], [*range(11), 22, 23, 24, 31])
    np.testing.assert_array_equal(cols[15:30], cols[:15])
    np.testing.assert_array_equal(cols[30:45], [*range(11, 22), 25, 26, 27, 32])
    assert cols[-1] == 37


def naive_lstm(main_params, extra_params, state, sequence):
    """Number by number."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    state = np.array(state, np.result_type(main_params, extra_params))
    bits, total = sequence.shape[1], 0.0
    for x, target in itertools.pairwise(sequence):
        x = x * extra_params[0]
        for layer in range(len(main_params) // 2):
            weight, bias = main_params[2 * layer : 2 * layer + 2]
            for i in range(bits):
                hidden, cell = state[2 * layer, i], state[2 * layer + 1, i]
                forget = sigmoid(x[i] * weight[i] + bias[i])
                enter = sigmoid(hidden * weight[bits + i] + bias[bits + i])
                leave = sigmoid(x[i] * weight[2 * bits + i] + bias[2 * bits + i])
                change = np.tanh(hidden * weight[3 * bits + i] + bias[3 * bits + i])
                state[2 * layer + 1, i] = cell * forget + enter * change
                state[2 * layer, i] = leave * np.tanh(state[2 * layer + 1, i])
            x = state[2 * layer].copy()
        y = x * extra_params[1] + extra_params[2]
        total = total + np.sum(target * (y - np.log(np.sum(np.exp(y)) + 2)))
    return -total / (bits * (len(sequence) - 1))


@pytest.mark.parametrize(("layers", "count"), [(1, 2), (2, 5), (3, 4)])
def test_lstm(random, layers, count):
    bits = 3
    main, extra = random.normal(size=(2 * layers, 4 * bits)), random.normal(size=(3, bits))
    state, sequence = random.normal(size=(2 * layers, bits)), random.integers(2, size=(count, bits)).astype(float)
    expected = naive_lstm(main, extra, state, sequence)
    assert float(lstm.loss(main, extra, state, sequence)) == pytest.approx(expected, rel=1e-13)
    for_main = complex_step(lambda moved: naive_lstm(moved, extra, state, sequence), main)
    for_extra = complex_step(lambda moved: naive_lstm(main, moved, state, sequence), extra)
    found = lstm.gradient(main, extra, state, sequence)
    assert difference(found, np.concatenate([for_main, for_extra])) < 1e-13


def test_kmeans_moves_each_centroid_to_the_mean_of_its_points(random):
    points = random.uniform(size=(40, 3))
    centroids = points[-5:] + 0.01
    distances = scipy.spatial.distance.cdist(centroids, points, "sqeuclidean")
    assert float(kmeans.total(centroids, points)) == pytest.approx(np.sum(np.min(distances, axis=0)), rel=1e-13)
    nearest = np.argmin(distances, axis=0)
    means = np.array([np.mean(points[nearest == j], axis=0) for j in range(len(centroids))])
    assert difference(kmeans.newton(centroids, points), centroids - means) < 1e-12


@pytest.mark.parametrize("count", [2, 9, 16])
def test_llsq_is_a_product_with_a_vandermonde_matrix(random, count):
    given = {"x": random.normal(size=6), "n": count}
    x, t = arguments("llsq", given)
    np.testing.assert_allclose(t, [-1 + i * 2 / (count - 1) for i in range(count)])
    powers = np.vander(t, 6, increasing=True)
    residual = np.sign(t) - powers @ x
    assert float(llsq.half_square(x, t)) == pytest.approx(0.5 * residual @ residual, rel=1e-13)
    assert difference(llsq.gradient(x, t), -powers.T @ residual) < 1e-12


@pytest.mark.parametrize("shift", [0.0, 800.0, -800.0])
def test_lse(random, shift):
    x = random.normal(size=7) + shift
    with mpmath.workdps(40):
        expected = float(mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(float(e))) for e in x)))
    assert float(lse.log_sum_exp(x)) == pytest.approx(expected, rel=1e-14)
    assert difference(lse.gradient(x), scipy.special.softmax(x)) < 1e-13


@pytest.mark.parametrize("steps", [1, 3])
def test_ode_is_exact_where_the_solution_is_a_polynomial_of_degree_four(random, steps):
    x = random.uniform(0.5, 1.5, size=4)
    expected = np.cumprod(x) * [2.0 ** (i + 1) / math.factorial(i + 1) for i in range(4)]
    assert difference(ode.solution(x, steps), expected) < 1e-14
    assert difference(ode.last_gradient(x, steps), expected[-1] / x) < 1e-14


def test_ode_converges_with_the_fourth_power_of_the_step(random):
    x = random.uniform(0.5, 1.5, size=8)
    exact = np.prod(x) * 2.0**8 / math.factorial(8) / x
    errors = [difference(ode.last_gradient(x, steps), exact) for steps in (10, 20)]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.25)


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_det(random, size):
    a = random.normal(size=(size, size))
    sign, logarithm = np.linalg.slogdet(a)
    assert float(det.determinant(a)) == pytest.approx(sign * np.exp(logarithm), rel=1e-12)
    assert difference(det.gradient(a), sign * np.exp(logarithm) * np.linalg.inv(a).T) < 1e-12


@pytest.mark.parametrize("name", WRITTEN)
def test_compiled_functions_are_the_written_ones(name):
    given = arguments(name, generate(name, TINY[name]))
    for compiled, written in zip(program(name).FUNCTIONS, WRITTEN[name], strict=True):
        assert farthest(getattr(program(name), compiled)(*given), written(*given)) < 1e-12


@pytest.mark.parametrize("name", EVALUATIONS)
def test_inputs_are_the_same_at_every_call_and_are_left_alone(name):
    given, again = generate(name, TINY[name]), generate(name, TINY[name])
    first = arguments(name, given)
    for function in program(name).FUNCTIONS:
        getattr(program(name), function)(*first)
    for a, b in zip(first, arguments(name, again), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_evaluation_has_inputs_and_sizes():
    assert set(GENERATORS) == set(SIZES) == set(QUICK) == set(TINY) == set(EVALUATIONS)
    for name in EVALUATIONS:
        assert all(size in SIZES[name] for size in QUICK[name])
