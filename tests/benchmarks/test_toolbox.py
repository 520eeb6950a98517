"""The toolbox's programs against what SciPy, mpmath, the complex step and plain NumPy say; and its report."""

from __future__ import annotations

import json

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import rosen_hess_prod

from benchmarks.agreement import difference
from benchmarks.program import ProgramBench, resident
from benchmarks.race import OURS, Outcome, Suite, Worker, disagreements, farthest, measured
from benchmarks.toolbox import data, programs, reference
from benchmarks.toolbox.peers import PEERS, Sparse, factorials, limited, refused, tower
from benchmarks.toolbox.problem import CONTESTS, Problem, problems, tiny
from benchmarks.toolbox.race import SUITE
from benchmarks.toolbox.sheet import Sheet

OURS_TOO = [name for name, entry in PEERS.items() if entry.module == OURS and name.partition(".")[0] == OURS]
STEP = 1e-30


def named(contest):
    return next(problem for problem in tiny() if problem.contest == contest)


def found(contest, name=OURS):
    return ProgramBench("toolbox", name).prepare(named(contest))[1]


def complex_step(function, x):
    """The derivatives for each element of x, along a first axis: Im f(x + ih)/h, exact to rounding."""
    moved = [np.where(np.arange(x.size).reshape(x.shape) == i, x + 1j * STEP, x) for i in range(x.size)]
    return np.stack([np.imag(function(at)) / STEP for at in moved]).reshape(*x.shape, *np.shape(function(x)))


def test_names_are_unique_and_ours_does_everything():
    for which in ("quick", "full"):
        names = [problem.name for problem in problems(which)]
        assert len(set(names)) == len(names)
    assert {problem.name for problem in problems("quick")} <= {problem.name for problem in problems("full")}
    from benchmarks.toolbox.peers import wengert

    assert {key for key in wengert.PROGRAMS if isinstance(key, str)} == set(CONTESTS) == set(data.TINY)
    ways = {key for key in wengert.PROGRAMS if not isinstance(key, str)}
    assert {way for _, way in ways} == {PEERS[name].way for name in OURS_TOO} - {""}


@pytest.mark.parametrize("name", [name for name in OURS_TOO if name != OURS])
def test_our_other_ways_agree_with_the_first(name):
    bench = ProgramBench("toolbox", name)
    agreed = 0
    for problem in tiny():
        try:
            result = bench.prepare(problem)[1]
        except NotImplementedError:
            continue
        known = problem.reference() or ProgramBench("toolbox", OURS).prepare(problem)[1]
        assert farthest(result, known) <= problem.tolerance, problem.name
        agreed += 1
    assert agreed


def test_the_sparse_jacobian_by_the_complex_step():
    cameras, points, weights, features, observations = named("bundle").arguments()
    split = np.cumsum([cameras.size, points.size])

    def errors(x):
        c, p, w = np.split(x, split)
        camera, point = (
            c.reshape(cameras.shape).T[:, observations[:, 0]],
            p.reshape(points.shape).T[:, observations[:, 1]],
        )
        pairs = programs.reprojection(np, tuple(camera), tuple(point), w, tuple(features.T))
        return np.concatenate([np.stack(pairs, axis=1).ravel(), 1 - w * w])

    x = np.concatenate([cameras.ravel(), points.ravel(), weights])
    expected = complex_step(errors, x).T
    rows, columns, values = found("bundle")
    assert difference(sp.coo_array((values, (rows, columns)), shape=expected.shape).toarray(), expected) < 1e-12


def test_products_with_hessians():
    x, v = named("rosenbrock").arguments()
    assert difference(found("rosenbrock"), rosen_hess_prod(x, v)) < 1e-13
    w, v, x, y = named("logistic").arguments()
    p = 1 / (1 + np.exp(-x @ w))
    assert difference(found("logistic"), x.T @ (p * (1 - p) * (x @ v)) / len(y)) < 1e-13


def test_the_product_with_the_hessian_of_a_network():
    """The complex step of its gradient, which is written out here."""
    layers, along, x, y = named("network").arguments()
    (w, b), (u, c) = ([part + 1j * STEP * way for part, way in zip(*pair, strict=True)]
                      for pair in zip(layers, along, strict=True))  # fmt: skip
    hidden = np.tanh(x @ w + b)
    out = 2 * (hidden @ u + c - y) / len(y)
    inner = out @ u.T * (1 - hidden**2)
    expected = [(x.T @ inner, inner.sum(axis=0)), (hidden.T @ out, out.sum(axis=0))]
    result = found("network")
    for layer, known in zip(result, expected, strict=True):
        for part, right in zip(layer, known, strict=True):
            assert difference(part, np.imag(right) / STEP) < 1e-12


def test_taylor_coefficients_by_mpmath():
    x, order = named("exp_sin").arguments()
    expected = [[float(c) for c in mpmath.taylor(lambda t: mpmath.exp(mpmath.sin(t)), at, order)] for at in x]
    assert difference(found("exp_sin"), np.transpose(expected)) < 1e-14
    layers, x, v, order = named("tanh_network").arguments()
    (w, b), (u, c) = layers

    def line(t):
        return sum(float(u[j, 0]) * mpmath.tanh(sum((float(x[i]) + t * float(v[i])) * float(w[i, j])
                   for i in range(len(x))) + float(b[j])) for j in range(len(b))) + float(c[0])  # fmt: skip

    with mpmath.workdps(30):
        expected = [[float(k)] for k in mpmath.taylor(line, 0, order)]
    assert difference(found("tanh_network"), expected) < 1e-13


def test_loops_by_the_complex_step():
    weight, start, bias, steps = named("scan").arguments()

    def total(weight, start):
        state = start, 0.0
        for _ in range(steps):
            state = programs.step(np, weight, bias, state)
        return state[1]

    by_weight, by_start = found("scan")
    assert difference(by_weight, complex_step(lambda w: total(w, start), weight)) < 1e-13
    assert difference(by_start, complex_step(lambda s: total(weight, s), start)) < 1e-13
    rates, target, start = named("while").arguments()

    def converged(rates, target):
        x = start
        while np.max(np.abs((x + x**3 - target).real)) > data.CLOSE:
            x = programs.relaxed(np, rates, target, x)
        return np.sum(x * x)

    by_rates, by_target = found("while")
    assert difference(by_rates, complex_step(lambda r: converged(r, target), rates)) < 1e-11
    assert difference(by_target, complex_step(lambda t: converged(rates, t), target)) < 1e-13


def test_the_references_of_differential_equations():
    """The closed form by the complex step of the matrix exponential; the sensitivities by finite differences."""
    from scipy.integrate import solve_ivp
    from scipy.linalg import expm

    a, y0, t = named("linear").arguments()

    def half(a, y0):
        return sum(0.5 * np.sum((expm(a * time) @ y0) ** 2) for time in t)

    by_a, by_start = reference.linear(a, y0, t)
    assert difference(by_a, complex_step(lambda a: half(a, y0), a)) < 1e-13
    assert difference(by_start, complex_step(lambda y: half(a, y), y0)) < 1e-13
    rates, y0, t = named("lotka").arguments()

    def loss(p):
        def slope(_, y):
            return programs.velocity(np, p[:4], y)

        path = solve_ivp(slope, (t[0], t[-1]), p[4:], method="DOP853", t_eval=t, rtol=1e-12, atol=1e-12).y
        return 0.5 * np.sum(path**2)

    p, h = np.concatenate([rates, y0]), 1e-5
    slopes = [(loss(p + h * unit) - loss(p - h * unit)) / (2 * h) for unit in np.eye(6)]
    assert difference(np.concatenate(reference.lotka(rates, y0, t)), slopes) < 1e-6
    for contest in ("linear", "lotka"):
        assert farthest(found(contest), named(contest).reference()) < named(contest).tolerance


def test_gradients_of_examples_are_those_of_each():
    layers, x, y = named("batch").arguments()
    (w, b), (u, c) = layers
    (by_w, by_b), (by_u, by_c) = found("batch")
    for i in range(len(x)):
        hidden = np.tanh(x[i] @ w + b)
        out = 2 * (hidden @ u + c - y[i])
        inner = (u @ out) * (1 - hidden**2)
        for part, right in zip((by_w[i], by_b[i], by_u[i], by_c[i]),
                               (np.outer(x[i], inner), inner, np.outer(hidden, out), out), strict=True):  # fmt: skip
            assert difference(part, right) < 1e-13


def test_sparse_results_are_compared_without_their_zeros():
    wide = Sparse([0, 2, 3], [2, 0, 1], [5.0, 0.0, 7.0])
    assert [part.tolist() for part in wide.entries()] == [[0, 1], [2, 1], [5.0, 7.0]]


def test_a_tower_has_every_derivative():
    def push(g, x):  # of polynomials, as tuples of their coefficients
        values = g(x)
        return values, tuple(np.polyder(v) for v in values)

    found = tower(lambda p: p, 3, push)(np.array([1.0, 0.0, 0.0, 0.0]))
    assert [part.tolist() for part in found] == [[1, 0, 0, 0], [3, 0, 0], [6, 0], [6]]
    assert factorials(3) == [1, 1, 2, 6]


def test_what_a_peer_cannot_do_says_why():
    with pytest.raises(NotImplementedError, match="no such thing"):
        refused("no such thing")(1)
    with pytest.raises(NotImplementedError, match="minutes"):
        limited(lambda n: lambda: n, lambda n: n < 3)(3)


def test_a_known_result_judges_ours_too():
    linear = named("linear")
    known = linear.reference()
    off = (known[0] * 1.1, known[1])
    assert disagreements(linear, {OURS: off, "rival": known}, known).keys() == {OURS}


class Desk:
    """A worker in this process."""

    name = OURS

    def __init__(self):
        self.bench = ProgramBench("toolbox", OURS)

    def ask(self, method, *arguments):
        return getattr(self.bench, method)(*arguments)

    afresh = ask


def test_a_loop_is_measured_with_its_memory():
    outcome = measured(named("scan"), [Desk()], runs=1, seconds=1e-5, patience=1)
    assert outcome.failures == {}
    assert all(0 <= peak < 2**30 for peak in outcome.peak.values())
    small = named("scan").shortened()
    assert dict(small.size)["steps"] == 10


def test_the_memory_of_this_process_is_known():
    try:
        now, most = resident("VmRSS"), resident("VmHWM")
    except OSError:
        pytest.skip("Linux only")
    assert 2**20 < now <= most


def a_sheet():
    sheet = Sheet({"processor": "abacus"}, {"runs": 1}, [OURS, "eager", "jax", "jax.checkpoint"], ["torch"])
    loop, bundle = Problem("scan", (("steps", 10),)), Problem("bundle", (("n", 2),))
    sheet.outcomes = [
        Outcome(
            loop,
            {OURS: [3e-3], "jax": [4e-3], "jax.checkpoint": [2e-3]},
            {OURS: 0.5, "jax": 1.0},
            {"eager": "differs"},
            {OURS: 2**20},
        ),
        Outcome(bundle, {OURS: [1e-3], "jax": [2e-3]}, {OURS: 0.1}, error={OURS: 1e-9}),
    ]
    return sheet


def test_the_report_tells_everything():
    page = a_sheet().markdown()
    for text in ("0.75", "1.5 (JAX, jax.checkpoint)", "0.15", "1.0 MiB", "1.0e-09", "PyTorch | not installed",
                 "scan steps=10, Wengert, eager | differs", "bench toolbox"):  # fmt: skip
        assert text in page, text
    assert not a_sheet().failed()
    data = json.loads(json.dumps(a_sheet().data()))["problems"]
    assert data["scan steps=10"]["peak bytes"] == {OURS: 2**20}
    assert "peak bytes" not in data["bundle n=2"]


def test_the_suite_says_where_its_report_lies():
    assert isinstance(SUITE, Suite)
    assert SUITE.folder.name == "toolbox"
    assert (SUITE.folder / "README.md").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, entry in PEERS.items() if entry.module != OURS])
def test_installed_peers_agree_with_us(name, tmp_path):
    """The peers are other people's statements of the same derivatives."""
    from benchmarks.environment import python_of

    if not python_of(PEERS[name].distribution):
        pytest.skip("not installed")
    workers = [Worker(SUITE, each, str(tmp_path / each)) for each in (OURS, name)]
    try:
        for problem in tiny():
            outcome = measured(problem, workers, runs=0, seconds=1e-6, patience=1)
            wrong = {who: why for who, why in outcome.failures.items() if "NotImplementedError" not in why}
            assert wrong == {}, problem.name
    finally:
        for worker in workers:
            worker.close()
