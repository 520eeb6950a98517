"""The race: what is measured, who is right, and what the report says. No time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.agreement import difference
from benchmarks.contest import PeerError
from benchmarks.environment import python_of, variables
from benchmarks.gradbench.peers import PEERS, limited, plain_numpy, wengert
from benchmarks.gradbench.problem import FUNCTIONS, Problem, problems, tiny
from benchmarks.gradbench.race import SUITE
from benchmarks.gradbench.sheet import Sheet, goal
from benchmarks.program import ProgramBench
from benchmarks.race import OBJECTIVE, OURS, UNASKED, Outcome, Worker, disagreements, farthest, measured

ROOT = Path(__file__).parents[2]
LSE = Problem("lse", "gradient", (("n", 4),))


def named(evaluation, function=1):
    return next(p for p in tiny() if (p.evaluation, p.function) == (evaluation, FUNCTIONS[evaluation][function]))


def test_names_are_unique_and_ours_does_everything():
    for which in ("quick", "full"):
        names = [problem.name for problem in problems(which)]
        assert len(set(names)) == len(names)
    assert set(wengert.PROGRAMS) == {(name, function) for name, pair in FUNCTIONS.items() for function in pair}
    assert set(plain_numpy.PROGRAMS) == {(name, pair[0]) for name, pair in FUNCTIONS.items()}
    assert {problem.name for problem in problems("quick")} <= {problem.name for problem in problems("full")}


@pytest.mark.parametrize("problem", tiny(), ids=lambda problem: problem.name)
def test_our_programs_run(problem):
    seconds, result = ProgramBench("gradbench", OURS).prepare(problem)
    assert seconds > 0
    assert farthest(result, result) == 0.0


@pytest.mark.parametrize("workload", ["rosenbrock", "ten", "straight"])
def test_gradients_of_the_other_workloads_by_the_complex_step(workload):
    x, *rest = named(workload).arguments()
    function = {name: make for (name, which), make in plain_numpy.PROGRAMS.items() if which == "primal"}[workload]
    _, found = ProgramBench("gradbench", OURS).prepare(named(workload))
    expected = [np.imag(function(x + 1e-30j * unit, *rest)()) / 1e-30 for unit in np.eye(len(x))]
    assert difference(found, expected) < 1e-12


@pytest.mark.parametrize("widths", [(2, 4, 1), (3, 5, 4)])
def test_a_training_step_goes_down_the_slope_of_the_loss(widths):
    problem = Problem("training", "step", (("widths", widths), ("batch", 5), ("dtype", "float64")))
    layers, x, y = problem.arguments()
    value, updated = wengert.PROGRAMS["training", "step"](layers, x, y)()
    loss = wengert.PROGRAMS["training", "objective"]
    assert float(value) == pytest.approx(float(loss(layers, x, y)()))
    for i, (layer, after) in enumerate(zip(layers, updated, strict=True)):
        for j, (part, moved) in enumerate(zip(layer, after, strict=True)):
            for place in list(np.ndindex(part.shape))[:5]:
                values = []
                for h in (1e-6, -1e-6):
                    shifted = [tuple(p.copy() for p in each) for each in layers]
                    shifted[i][j][place] += h
                    values.append(float(loss(shifted, x, y)()))
                slope = (values[0] - values[1]) / 2e-6
                assert part[place] - moved[place] == pytest.approx(0.01 * slope, rel=1e-5, abs=1e-10)


def test_parts_are_compared_each_with_its_own_scale():
    ours = (np.array([1e9]), [np.array([1.0, 2.0])])
    assert farthest((np.array([1e9]), [np.array([1.0, 2.0])]), ours) == 0.0
    assert farthest((np.array([1e9]), [np.array([1.0, 2.1])]), ours) > 0.04
    assert farthest((np.array([1e9]),), ours) == float("inf")
    assert farthest((np.array([1e9]), [np.array([1.0, np.nan])]), ours) == float("inf")


def test_a_result_that_is_not_ours_is_not_timed():
    ours = np.array([0.1, 0.9])
    assert disagreements(LSE, {OURS: ours, "rival": ours + 1e-14}) == {}
    assert list(disagreements(LSE, {OURS: ours, "rival": ours + 1e-8})) == ["rival"]
    assert list(disagreements(LSE, {"rival": ours})) == ["rival"]
    assert OURS in disagreements(LSE, {OURS: ours * np.nan})
    single = Problem("training", "step", (("dtype", "float32"),))
    assert disagreements(single, {OURS: ours, "rival": ours + 1e-8}) == {}


class Desk:
    """A worker in this process, which notes what it was asked."""

    def __init__(self, name, results, log):
        self.name, self.results, self.log = name, results, log

    def ask(self, method, *arguments):
        self.log.append((method, self.name))
        if method == "prepare":
            if isinstance(self.results, str):
                raise PeerError(self.results)
            return 0.5, self.results
        return 1 if method == "calibrate" else 0.25


def test_runs_take_turns():
    log = []
    workers = [Desk(OURS, 1.0, log), Desk("jax", 1.0, log), Desk("torch", 2.0, log), Desk("numba", UNASKED, log)]
    outcome = measured(LSE, workers, runs=2, seconds=1e-5, patience=10)
    assert [name for method, name in log if method == "time"] == [OURS, "jax"] * 2
    assert outcome.seconds == {OURS: [0.25] * 2, "jax": [0.25] * 2}
    assert sorted(outcome.failures) == ["numba", "torch"]


def test_impatience_leaves_a_few_runs():
    log = []
    outcome = measured(LSE, [Desk(OURS, 1.0, log)], runs=50, seconds=1e-5, patience=-1)
    assert len(outcome.seconds[OURS]) == 3


def test_what_takes_minutes_is_refused():
    make = limited(lambda n: lambda: n, lambda n: n < 3)
    assert make(2)() == 2
    with pytest.raises(NotImplementedError, match="minutes"):
        make(3)


def a_sheet():
    sheet = Sheet({"processor": "abacus"}, {"runs": 1}, [OBJECTIVE, OURS, "jax"], ["numba"])
    primal, gradient = (Problem("gmm", function, (("d", 10), ("k", 5), ("n", 1000))) for function in FUNCTIONS["gmm"])
    sheet.outcomes = [
        Outcome(primal, {OBJECTIVE: [1e-3], OURS: [1e-3], "jax": [2e-3]}, {OURS: 0.5, "jax": 1.0}),
        Outcome(gradient, {OURS: [3e-3], "jax": [4e-3]}, {OURS: 0.5, "jax": 1.0}, {"numba": UNASKED}),
        Outcome(LSE, {OURS: [3e-3]}, {OURS: 0.1}, {"jax": "differs"}),
    ]
    return sheet


def test_the_report_tells_everything():
    page = a_sheet().markdown()
    for text in (
        "abacus",
        "Numba, by hand | not installed",
        "lse n=4: gradient, JAX | differs",
        "0.75",
        "| 0.8 |",
        "3.00",
    ):
        assert text in page
    assert UNASKED not in page
    assert "bench gradbench" in page
    assert not a_sheet().failed()
    assert json.loads(json.dumps(a_sheet().data()))["problems"]["lse n=4: gradient"]["failures"] == {"jax": "differs"}


def test_goals_belong_to_whole_sizes():
    def of(*size):
        return goal(Problem("gmm", "jacobian", size))

    assert of(("d", 10), ("k", 5), ("n", 1000)) == "0.8"
    assert of(("d", 10), ("k", 50), ("n", 1000)) == ""
    assert goal(Problem("det", "gradient", (("ell", 9),))) == "0.05 of CasADi"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PEERS if name not in (OBJECTIVE, OURS, "torch.compile")])
def test_installed_peers_agree_with_us(name, tmp_path):
    """The peers are other people's statements of the same derivatives."""
    if not python_of(PEERS[name].distribution):
        pytest.skip("not installed")
    workers = [Worker(SUITE, each, str(tmp_path / each)) for each in (OURS, name)]
    try:
        for problem in tiny():
            outcome = measured(problem, workers, runs=0, seconds=1e-6, patience=1)
            assert {who: why for who, why in outcome.failures.items() if why != UNASKED} == {}, problem.name
    finally:
        for worker in workers:
            worker.close()


@pytest.mark.slow
def test_the_command_measures_without_touching_the_results(tmp_path):
    results = sorted((ROOT / "benchmarks/gradbench").glob("[Rr]esults.*"))
    kept = [path.read_bytes() for path in results]
    command = [sys.executable, "-m", "benchmarks", "gradbench", "--only", "lse n=20000", "--peers", "numpy,wengert"]
    command += ["--runs", "1", "--json", str(tmp_path / "found.json")]
    subprocess.run(command, cwd=ROOT, env=variables(), check=True, capture_output=True)
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert list(found["problems"]) == ["lse n=20000: primal", "lse n=20000: gradient"]
    assert [path.read_bytes() for path in results] == kept


def test_an_unknown_problem_is_named():
    command = [sys.executable, "-m", "benchmarks", "gradbench", "--only", "no such problem"]
    finished = subprocess.run(command, cwd=ROOT, env=variables(), capture_output=True, text=True)
    assert finished.returncode == 1
    assert "no problem is called 'no such problem'" in finished.stderr
