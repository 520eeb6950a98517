"""The steps of training against plain NumPy with slopes by the complex step; and the report. No time is asserted."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from scipy.special import erf

from benchmarks.environment import python_of
from benchmarks.program import ProgramBench
from benchmarks.race import OURS, Outcome, Suite, Worker, measured
from benchmarks.training import data
from benchmarks.training.peers import CHECKED, PEERS, SETTLING, Training, plain, wengert
from benchmarks.training.problem import CONTESTS, Problem, problems, tiny
from benchmarks.training.race import SUITE, apart
from benchmarks.training.sheet import Sheet, goal

STEP = 1e-30


def named(contest, rule="sgd"):
    return next(p for p in tiny() if p.contest == contest and data.rule(dict(p.size)) in (rule, "adamw"))


# The networks in NumPy; whether a number is positive is asked of its real part ---------------------------------------


def rectified(x):
    return np.where(x.real > 0, x, 0)


def linear(w, name, x):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def perceptron(w, x, **_):
    last = len(w) // 2 - 1
    for i in range(last):
        x = rectified(linear(w, str(i), x))
    return linear(w, str(last), x)


def convolved(w, name, x):
    """A window of 3×3 over a picture with zeros around it."""
    seen = np.lib.stride_tricks.sliding_window_view(np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]), (3, 3), (2, 3))
    columns = np.moveaxis(seen, 1, 3).reshape(*x.shape[:1], *x.shape[2:], -1)
    y = columns @ w[f"{name}.weight"].reshape(len(w[f"{name}.weight"]), -1).T + w[f"{name}.bias"]
    return np.moveaxis(y, 3, 1)


def digits(w, x, **_):
    x = rectified(convolved(w, "1", rectified(convolved(w, "0", x))))
    blocks = np.moveaxis(x.reshape(*x.shape[:2], 4, 2, 4, 2), 3, 4).reshape(*x.shape[:2], 4, 4, 4)
    largest = np.take_along_axis(blocks, np.argmax(blocks.real, axis=-1)[..., None], axis=-1)
    return linear(w, "2", largest.reshape(len(x), -1))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(w, x, width, **_):
    h = c = np.zeros((len(x), width))
    for now in np.moveaxis(x, 1, 0):
        gates = now @ w["input"].T + h @ w["hidden"].T + w["input_bias"] + w["hidden_bias"]
        i, f, g, o = np.split(gates, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return linear(w, "head", h)


def normed(w, name, x):
    apart = x - x.mean(axis=-1, keepdims=True)
    y = apart / np.sqrt((apart * apart).mean(axis=-1, keepdims=True) + 1e-5)
    return y * w[f"{name}.weight"] + w[f"{name}.bias"]


def gpt(w, x, heads, blocks, **_):
    length = x.shape[1]
    later = np.triu(np.ones((length, length), bool), 1)
    x = w["embedding"][x] + w["position"]
    for i in range(blocks):
        parts = np.split(linear(w, f"{i}.attention", normed(w, f"{i}.norm1", x)), 3, axis=-1)
        q, k, v = (np.stack(np.split(part, heads, axis=-1), axis=1) for part in parts)
        powers = np.where(later, 0, np.exp(q @ np.swapaxes(k, 2, 3) / np.sqrt(q.shape[-1])))
        y = powers / powers.sum(axis=-1, keepdims=True) @ v
        x = x + linear(w, f"{i}.out", np.concatenate(list(np.moveaxis(y, 1, 0)), axis=-1))
        inner = linear(w, f"{i}.inner", normed(w, f"{i}.norm2", x))
        x = x + linear(w, f"{i}.outer", inner * (1 + erf(inner / np.sqrt(2))) / 2)
    return normed(w, "norm", x) @ w["head.weight"].T


def surprise(scores, y, w):
    logs = scores - np.log(np.sum(np.exp(scores), axis=-1, keepdims=True))
    return -np.mean(np.take_along_axis(logs, y[..., None], axis=-1))


def margin(scores, y, w):
    return np.mean(rectified(1 - y * scores[:, 0])) + 1e-4 * sum(np.sum(p * p) for p in w.values())


NETWORKS = {
    "moons": (perceptron, margin), "micrograd": (perceptron, margin), "perceptron": (perceptron, surprise),
    "digits": (digits, surprise), "lstm": (lstm, surprise), "gpt": (gpt, surprise),
}  # fmt: skip


def losses(problem, count):
    """The losses before so many steps, and after them, in double precision."""
    size, weights, x, y = problem.arguments()
    network, loss = NETWORKS[problem.contest]
    weights = {name: p.astype(float) for name, p in weights.items()}
    x = x.astype(float) if x.dtype.kind == "f" else x
    rule = data.rule(size)

    def value(w):
        return loss(network(w, x, **size), y, w)

    def slope(name):
        p, found = weights[name], np.empty(weights[name].size)
        for k in range(p.size):
            moved = p.astype(complex)
            moved.flat[k] += 1j * STEP
            found[k] = value({**weights, name: moved}).imag / STEP
        return found.reshape(p.shape)

    m = v = dict.fromkeys(weights, 0.0)
    found = [value(weights)]
    for t in range(1, count + 1):
        slopes = {name: slope(name) for name in weights}
        if rule == "sgd":
            weights = {name: p - 0.1 * slopes[name] for name, p in weights.items()}
        else:
            m = {name: 0.9 * m[name] + 0.1 * g for name, g in slopes.items()}
            v = {name: 0.999 * v[name] + 0.001 * g * g for name, g in slopes.items()}
            keep = 1 - 1e-4 * 0.01 if rule == "adamw" else 1.0
            weights = {
                name: keep * p - 1e-4 * (m[name] / (1 - 0.9**t)) / (np.sqrt(v[name] / (1 - 0.999**t)) + 1e-8)
                for name, p in weights.items()
            }
        found.append(value(weights))
    return found


# The tests ------------------------------------------------------------------------------------------------------------


def test_names_are_unique_and_ours_does_everything():
    names = [problem.name for problem in problems("full")]
    assert len(set(names)) == len(names)
    assert {key for key in wengert.PROGRAMS if isinstance(key, str)} == set(CONTESTS) == set(data.TINY)
    assert {way for _, way in (key for key in wengert.PROGRAMS if not isinstance(key, str))} == {PEERS["scalar"].way}
    assert set(data.SHAPES) == set(data.BATCHES) == set(data.SIZES) == set(CONTESTS)


@pytest.mark.parametrize("problem", tiny(), ids=lambda problem: problem.name)
def test_our_steps_are_those_of_plain_numpy(problem):
    count = 1 if problem.contest == "digits" else 5  # 10,000 weights
    expected = losses(problem, count)
    _, found = ProgramBench("training", OURS).prepare(problem)
    for place, loss in zip(CHECKED, found, strict=True):
        if place <= count:
            assert loss == pytest.approx(expected[place], rel=min(problem.tolerance, 1e-5)), place
    assert abs(expected[1] / expected[0] - 1) > problem.tolerance  # or else a step could not be told from none


def test_scalars_make_the_same_steps():
    problem = named("micrograd")
    expected = losses(problem, 5)
    _, found = ProgramBench("training", "scalar").prepare(problem)
    assert found == pytest.approx([expected[count] for count in CHECKED], rel=1e-12)


def test_the_networks_have_the_sizes_that_they_are_said_to_have():
    def count(contest):
        (problem, *_) = (p for p in problems("full") if p.contest == contest)
        return sum(p.size for p in problem.arguments()[1].values())

    assert count("moons") == 337
    assert count("gpt") == pytest.approx(1e6, rel=0.05)
    assert count("perceptron") == 784 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10
    for problem in problems("full"):
        size, weights, x, y = problem.arguments()
        dtype = "float64" if problem.contest in ("moons", "micrograd") else "float32"
        assert {p.dtype for p in weights.values()} == {np.dtype(dtype)}
        assert len(x) == len(y) == size["batch"]
        assert x.dtype == (np.dtype(dtype) if problem.contest != "gpt" else np.dtype("int64"))


def test_weights_are_not_mistaken_for_others():
    size, weights, x, y = named("perceptron").arguments()
    short = dict(list(weights.items())[:-1])
    with pytest.raises(ValueError, match="shorter"):
        wengert.PROGRAMS["perceptron"](size, short, x, y)


def test_arguments_are_the_same_at_every_call():
    for problem in tiny():
        (_, w, x, y), (_, v, a, b) = problem.arguments(), problem.arguments()
        assert all(np.array_equal(w[name], v[name]) for name in w)
        assert np.array_equal(x, a)
        assert np.array_equal(y, b)


def test_moons_are_two_half_circles():
    x, y = data.two_moons(np.random.default_rng(0), 1000)
    upper, lower = x[y < 0], x[y > 0] - [1.0, 0.5]
    for circle, side in ((upper, 1), (lower, -1)):
        assert np.mean(np.hypot(*circle.T)) == pytest.approx(1.0, abs=0.02)
        assert np.mean(side * circle[:, 1]) == pytest.approx(2 / np.pi, abs=0.05)


def test_losses_are_noted_before_the_first_step_after_one_and_after_five():
    given = itertools.count()
    training = Training(lambda: next(given))
    assert plain(training()) == [0.0, 1.0, 5.0]
    assert training.loss == 5 + SETTLING


class Desk:
    """A worker in this process."""

    def __init__(self, name, off=0.0):
        self.name, self.bench, self.off = name, ProgramBench("training", OURS), off

    def ask(self, method, *arguments):
        answer = getattr(self.bench, method)(*arguments)
        if method == "prepare" and self.off:
            first, found = answer
            return first, [*found[:-1], found[-1] * (1 + self.off)]
        return answer


def test_who_goes_another_way_is_not_timed():
    problem = named("moons")
    outcome = measured(problem, [Desk(OURS), Desk("jax"), Desk("torch", 1e-8)], runs=1, seconds=1e-6, patience=1)
    assert outcome.failures.keys() == {"torch"}
    assert outcome.seconds.keys() == {OURS, "jax"}
    assert outcome.first[OURS] > 0


def test_a_network_has_processes_of_its_own():
    outcome = apart(named("moons"), [OURS], runs=1, clock="wall")
    assert outcome.failures == {}
    assert len(outcome.seconds[OURS]) == 1


def a_sheet():
    sheet = Sheet({"processor": "abacus"}, {"runs": 1}, [OURS, "scalar", "jax", "torch", "micrograd"], [])
    sheet.missing = ["torch_compile"]
    moons, scalars, gpt = named("moons"), named("micrograd"), named("gpt")
    sheet.outcomes = [
        Outcome(moons, {OURS: [3e-5], "jax": [4e-5], "torch": [1e-4]}, {OURS: 0.5, "jax": 1.0}),
        Outcome(scalars, {OURS: [2e-5], "scalar": [3.0], "micrograd": [2.0]}, {OURS: 0.5}),
        Outcome(gpt, {OURS: [9e-2], "jax": [6e-2]}, {OURS: 2.0}, {"torch": "differs by 1.0e-02, more than 1e-04"}),
    ]
    return sheet


def test_the_report_tells_everything():
    page = a_sheet().markdown()
    for text in ("0.75 (JAX, optax)", "0.6 × JAX, optax", "0.001 × micrograd", "1e-05 (micrograd)",
                 "our scalars, eager |  |  |  | 1.5 |  | 1 × micrograd", "1.5 (JAX, optax) | 1 × the best", "500 ms",
                 "torch.compile | not installed", "PyTorch, eager | differs by 1.0e-02", "0, 1 and 5 steps",
                 "bench training"):  # fmt: skip
        assert text in page, text
    found = json.loads(json.dumps(a_sheet().data()))
    assert found["goals"][named("moons").name] == [0.6, "jax"]
    assert not a_sheet().failed()


def test_every_network_has_a_goal_and_a_sentence():
    for problem in problems("full"):
        limit, rival = goal(problem)
        assert 0 < limit <= 1
        assert rival in ("", *PEERS)
        assert CONTESTS[problem.contest]
        assert isinstance(problem, Problem)


def test_the_suite_says_where_its_report_lies():
    assert isinstance(SUITE, Suite)
    assert SUITE.folder.name == "training"
    assert (SUITE.folder / "README.md").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, entry in PEERS.items() if entry.module != OURS])
def test_installed_peers_agree_with_us(name, tmp_path):
    """The peers are other people's statements of the same steps."""
    if not python_of(PEERS[name].distribution):
        pytest.skip("not installed")
    workers = [Worker(SUITE, each, str(tmp_path / each)) for each in (OURS, name)]
    try:
        for problem in tiny():
            if (
                problem.contest == "digits"
            ):  # PyTorch 2.13 compiles other slopes for batches below 8 than it has eagerly
                problem = Problem("digits", (("batch", 8),))
            outcome = measured(problem, workers, runs=0, seconds=1e-6, patience=1)
            wrong = {who: why for who, why in outcome.failures.items() if "NotImplementedError" not in why}
            assert wrong == {}, problem.name
    finally:
        for worker in workers:
            worker.close()
