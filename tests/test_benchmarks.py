"""The benchmarks: their cases run and are right, and a wrong or failing peer is found. No time is asserted."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from benchmarks.agreement import TOLERANCE, complex_step, difference, slope
from benchmarks.case import Case, leaves, mapped
from benchmarks.cases import every_case
from benchmarks.contest import PeerError, Result, Worker, disagreements, measured
from benchmarks.peer import OBJECTIVE, OURS, PEERS, Peer, available
from benchmarks.report import Report, overall
from benchmarks.startup import Module, Startup
from benchmarks.statistic import exponent, mean_ratio, ratio, spread
from benchmarks.worker import CLOCKS, Bench, serve

ROOT = Path(__file__).parents[1]
CASES = every_case(tiny=True)
NAMES = [case.name for case in CASES]


def square(np, x):
    return np.sum(x * x)


def square_inputs():
    return (np.array([1.0, 2.0, 3.0]),)


SQUARE = Case("square", square, square_inputs)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_our_derivative_is_right(case):
    _, derivative = Bench(PEERS[OURS]()).prepare(case)
    if case.analytic:
        assert difference(slope(case, derivative), complex_step(case)) <= TOLERANCE
    x, *rest = case.inputs()
    along = case.direction()
    h = 1e-6
    ahead, behind = (case.function(np, mapped(lambda a, t, s=s: a + s * t, x, along), *rest) for s in (h, -h))
    assert slope(case, derivative) == pytest.approx((ahead - behind) / (2 * h), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_case_leaves_its_input_alone_and_makes_it_anew(case):
    first, second = case.inputs(), case.inputs()
    Bench(PEERS[OURS]()).prepare(case)
    for a, b in zip(leaves(first), leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)


def test_names_are_unique():
    for cases in (CASES, every_case()):
        assert len({case.name for case in cases}) == len(cases)


def test_cases_of_a_series_differ_in_their_steps():
    for case in CASES:
        alike = [other for other in CASES if other.series == case.series != ""]
        assert len({other.steps for other in alike}) == len(alike)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (np.nan, 1.0),
        (np.nan, np.nan),
        (np.inf, np.inf),
        ([1.0, 2.0], [1.0]),
        (1.0 + 1e-9, 1.0),
        (1e-9, 0.0),
        ({"w": np.zeros(2)}, {"w": np.ones(2)}),
    ],
)
def test_a_difference_is_found(found, expected):
    assert not difference(found, expected) <= TOLERANCE


def test_rounding_is_no_difference():
    assert difference([np.array([1.0, 1e-30]), 2.0], [np.array([1.0 + 1e-15, 0.0]), 2.0]) <= TOLERANCE
    assert difference(0.0, 0.0) == 0.0


def test_a_wrong_derivative_is_reported_for_who_made_it():
    right = 2 * square_inputs()[0]
    assert disagreements(SQUARE, {OURS: right, "rival": right}) == {}
    assert list(disagreements(SQUARE, {OURS: right, "rival": right * (1 + 1e-8)})) == ["rival"]
    assert OURS in disagreements(SQUARE, {OURS: right * np.nan})
    assert OURS in disagreements(SQUARE, {OURS: right * 1.001})


def test_what_nothing_can_judge_is_not_right():
    assert list(disagreements(replace(SQUARE, analytic=False), {"rival": np.ones(3)})) == ["rival"]


class Desk:
    """A worker in this process, which notes what it was asked."""

    def __init__(self, name, peer, log):
        self.name, self.bench, self.log = name, Bench(peer), log

    def ask(self, method, *arguments):
        self.log.append((method, self.name))
        try:
            return getattr(self.bench, method)(*arguments)
        except ZeroDivisionError as error:
            raise PeerError(str(error)) from None


def fake(modes):
    return Peer(np, modes)


def test_runs_take_turns():
    log = []
    rival = fake({"gradient": wg.grad})
    workers = [Desk(OBJECTIVE, PEERS[OBJECTIVE](), log), Desk(OURS, PEERS[OURS](), log), Desk("rival", rival, log)]
    result = measured(SQUARE, workers, runs=3, seconds=1e-5)
    timed = [name for method, name in log if method == "time"]
    assert timed == [OBJECTIVE, OURS, "rival"] * 3
    assert result.failures == {}
    assert {name: len(times) for name, times in result.seconds.items()} == {OBJECTIVE: 3, OURS: 3, "rival": 3}
    assert min(result.calls.values()) >= 1


def test_a_peer_that_fails_or_is_wrong_is_not_timed():
    def fails(f):
        return lambda x: 1 // 0

    def wrong(f):
        return lambda x: 2.001 * x

    log = []
    peers = {OURS: PEERS[OURS](), "fails": fake({"gradient": fails}), "wrong": fake({"gradient": wrong})}
    result = measured(SQUARE, [Desk(name, peer, log) for name, peer in peers.items()], runs=1, seconds=1e-5)
    assert sorted(result.failures) == ["fails", "wrong"]
    assert list(result.seconds) == [OURS]


def test_a_peer_gets_and_gives_its_own_kind_of_number():
    class Box(np.ndarray):
        pass

    def gradient(f):
        def run(x):
            assert isinstance(x, Box)
            return [2 * x]

        return run

    peer = Peer(np, {"gradient": gradient}, lambda a: a.view(Box), lambda result: np.asarray(result[0]))
    _, derivative = Bench(peer).prepare(SQUARE)
    assert disagreements(SQUARE, {OURS: derivative}) == {}


def test_memory_is_measured():
    case = replace(SQUARE, memory=True)
    result = measured(case, [Desk(OURS, PEERS[OURS](), [])], runs=1, seconds=1e-5)
    assert result.peak[OURS] > 0


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_clock_that_was_asked_for_is_read_before_and_after(clock):
    bench = Bench(PEERS[OURS](), clock)
    assert bench.clock is CLOCKS[clock]
    bench.prepare(SQUARE)
    bench.clock, bench.calls = itertools.count().__next__, 4
    assert bench.time() == 0.25


def test_a_process_answers_until_it_is_told_to_stop():
    class Line:
        def __init__(self, requests):
            self.requests, self.answers = requests, []

        def recv(self):
            if not self.requests:
                raise EOFError
            return self.requests.pop(0)

        def send(self, answer):
            self.answers.append(answer)

    unable = replace(SQUARE, mode="no such derivative")
    line = Line([("prepare", (SQUARE,)), ("time", ()), ("prepare", (unable,))])
    serve(OURS, line)
    (prepared, _), (seconds, _), (nothing, error) = line.answers
    np.testing.assert_array_equal(prepared[1], [2.0, 4.0, 6.0])
    assert seconds > 0
    assert nothing is None
    assert error.startswith("KeyError")


def test_a_process_is_asked_and_its_end_is_noticed():
    worker = Worker(OURS)
    _, derivative = worker.ask("prepare", CASES[0])
    assert disagreements(CASES[0], {OURS: derivative}) == {}
    with pytest.raises(PeerError, match="KeyError"):
        worker.ask("prepare", replace(CASES[0], mode="no such derivative"))
    worker.process.kill()
    with pytest.raises(PeerError, match="ended"):
        worker.ask("time")
    worker.close()


def test_what_is_for_people_is_not_timed_and_memory_that_is_not_counted_is_left_out():
    peer = Peer(np, {"gradient": wg.grad}, plain=lambda result: result * 1.0, counted=False)
    result = measured(replace(SQUARE, memory=True), [Desk(OURS, peer, [])], runs=1, seconds=1e-5)
    assert result.failures == {}
    assert result.peak == {}


def test_a_peer_that_is_nowhere_is_missing(monkeypatch):
    monkeypatch.setitem(PEERS, "no_such_library", PEERS[OURS])
    found, missing = available()
    assert OURS in found
    assert "no_such_library" in missing


def test_the_geometric_mean_is_the_same_from_both_sides():
    assert mean_ratio([2.0, 0.5, 4.0]) == pytest.approx(1 / mean_ratio([0.5, 2.0, 0.25]))


def test_quartiles_ratios_and_exponents():
    assert spread([3.0, 1.0, 2.0, 5.0, 4.0]) == (2.0, 3.0, 4.0)
    assert spread([2.0]) == (2.0, 2.0, 2.0)
    assert ratio([2.0, 4.0, 6.0], [1.0, 2.0, 3.0]) == (2.0, 2.0, 2.0)
    assert exponent([10, 100, 1000], [1e-3, 1e-2, 1e-1]) == pytest.approx(1.0)
    assert exponent([10, 100], [1.0, 100.0]) == pytest.approx(2.0)


def a_report():
    series = [replace(SQUARE, name=f"chain {n}", series="chain", steps=n, memory=True) for n in (10, 100)]
    results = [
        Result(case, {OBJECTIVE: [1e-6], OURS: [case.steps * 1e-5]}, {OURS: 0.1}, {OURS: 3}, {OURS: 2048})
        for case in series
    ]
    results.append(Result(SQUARE, failures={OURS: "differs"}))
    startup = Startup({"numpy": [0.05], "wengert": [0.08]}, [Module("wengert.core", 0.001, 0.002)])
    return Report({"processor": "abacus"}, {"runs": 1}, [OBJECTIVE, OURS], ["autograd"], results, startup)


def test_the_report_tells_everything():
    page = a_report().markdown()
    for text in ("abacus", "autograd | not installed", "square, wengert | differs", "chain 100", "1.000", "30.0"):
        assert text in page
    tables = [block for block in page.split("\n\n") if block.startswith("|")]
    for table in tables:
        assert len({line.replace(r"\|", "").count("|") for line in table.splitlines()}) == 1


def test_the_report_names_what_was_left_out():
    report = a_report()
    report.skipped = ["chain 1000"]
    assert "| chain 1000 | left out |" in report.markdown()


def test_the_report_sums_up_how_we_compare():
    def found(name, mode, ours, theirs):
        return Result(replace(SQUARE, name=name, mode=mode), {OURS: [ours], "rival": [theirs], OBJECTIVE: [1.0]})

    results = [found("a", "gradient", 1.0, 4.0), found("b", "gradient", 1.0, 1.0), found("c", "pushforward", 2.0, 1.0)]
    rows = overall(results, [OBJECTIVE, OURS, "rival"]).rows
    assert [row[:3] for row in rows] == [
        ["rival", "all cases", "0.79"],
        ["rival", "gradient", "0.50"],
        ["rival", "pushforward", "2.00"],
    ]
    assert [row[-1] for row in rows] == ["1 of 3", "1 of 2", "0 of 1"]


def test_the_report_fails_when_we_do():
    report = a_report()
    assert report.failed()
    report.results.pop()
    assert not report.failed()


def test_the_results_are_json():
    assert json.loads(json.dumps(a_report().data()))["cases"]["chain 10"]["calls"] == {OURS: 3}


@pytest.mark.slow
def test_the_command_measures_without_touching_the_results(tmp_path):
    kept = {path: path.read_bytes() for path in (ROOT / "benchmarks").glob("[Rr]esults.*")}
    options = ["--quick", "--only", "steps, number", "--json", str(tmp_path / "found.json")]
    subprocess.run([sys.executable, "-m", "benchmarks", *options], cwd=ROOT, check=True, capture_output=True)
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert list(found["cases"]) == ["loop of 100 steps, number"]
    assert {path: path.read_bytes() for path in kept} == kept


def test_an_unknown_case_is_named():
    command = [sys.executable, "-m", "benchmarks", "--only", "no such case"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 1
    assert "no case is called 'no such case'" in finished.stderr
