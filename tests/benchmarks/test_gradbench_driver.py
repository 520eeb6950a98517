"""The driver of GradBench's protocol, in whole conversations through a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.environment import variables
from benchmarks.gradbench import EVALUATIONS
from benchmarks.gradbench.data import TINY, arguments, generate
from benchmarks.gradbench.driver import answer, program, timed

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "benchmarks.gradbench"]


def wire(value):
    """An input as JSON has it."""
    return {key: part.tolist() if isinstance(part, np.ndarray) else part for key, part in value.items()}


def talk(messages):
    """All answers to these messages, from a process of its own."""
    text = "".join(f"{message if isinstance(message, str) else json.dumps(message)}\n" for message in messages)
    finished = subprocess.run(
        COMMAND, input=text, capture_output=True, text=True, cwd=ROOT, env=variables(), check=True
    )
    return [json.loads(line) for line in finished.stdout.splitlines()]


def conversation(name):
    """What GradBench says: the functions in turn, each with an analysis after it."""
    given = wire(generate(name, TINY[name])) | {"min_runs": 2, "min_seconds": 0}
    messages = [{"kind": "start", "eval": name}, {"kind": "define", "module": name}]
    for function in program(name).FUNCTIONS:
        messages.append(
            {"kind": "evaluate", "module": name, "function": function, "input": given, "description": "tiny"}
        )
        messages.append({"kind": "analysis", "of": len(messages) - 1, "valid": True})
    return [{"id": number, **message} for number, message in enumerate(messages)]


@pytest.fixture(scope="module")
def answers():
    """The answers to all evaluations' conversations, one after the other in one process."""
    messages = [message for name in EVALUATIONS for message in conversation(name)]
    found = iter(talk(messages))
    return {name: [next(found) for _ in conversation(name)] for name in EVALUATIONS}


@pytest.mark.parametrize("name", EVALUATIONS)
def test_a_conversation(answers, name):
    start, define, *rest = answers[name]
    assert start == {"id": 0, "tool": "wengert"}
    assert define == {"id": 1, "success": True}
    evaluated, analysed = rest[::2], rest[1::2]
    assert analysed == [{"id": 3}, {"id": 5}]
    for number, found in zip((2, 4), evaluated, strict=True):
        assert found["id"] == number
        assert found["success"] is True
        assert len(found["timings"]) == 2
        assert all(timing["name"] == "evaluate" and timing["nanoseconds"] > 0 for timing in found["timings"])


@pytest.mark.parametrize("name", EVALUATIONS)
def test_outputs_are_those_of_the_functions(answers, name):
    module, given = program(name), arguments(name, generate(name, TINY[name]))
    for function, found in zip(module.FUNCTIONS, answers[name][2::2], strict=True):
        assert found["output"] == module.report(function, getattr(module, function)(*given))


#: Where GradBench's names and nesting are not those of a number or a list.
def test_forms(answers):
    def output(name, index):
        return answers[name][2 + 2 * index]["output"]

    sizes = {key: np.shape(part) for key, part in output("gmm", 1).items()}
    assert sizes == {"alpha": (4,), "mu": (4, 3), "q": (4, 3), "l": (4, 3)}
    objective, jacobian = output("ba", 0), output("ba", 1)
    assert objective["reproj_error"]["repeated"] == objective["w_err"]["repeated"] == 12
    assert len(objective["reproj_error"]["elements"]) == 2
    assert objective["w_err"]["element"] == 0.75
    assert {key: len(part) for key, part in jacobian.items()} == {"rows": 31, "cols": 31, "vals": 31}
    assert jacobian["rows"][-1] == 12 * 31
    assert jacobian["vals"][-1] == -1.0
    assert np.shape(output("lstm", 1)) == (2 * 2 * 4 * 14 + 3 * 14,)
    assert np.shape(output("kmeans", 1)) == (3, 2)
    assert np.shape(output("ode", 0)) == np.shape(output("ode", 1)) == (5,)
    assert np.shape(output("det", 1)) == (16,)
    for name in ("gmm", "lstm", "kmeans", "llsq", "lse", "det"):
        assert isinstance(output(name, 0), float)


def test_an_answer_comes_before_the_next_message():
    process = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=variables()
    )
    for message, expected in (
        ({"id": 0, "kind": "start"}, {"id": 0, "tool": "wengert"}),
        ({"id": 1, "kind": "define", "module": "lse"}, {"id": 1, "success": True}),
    ):
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == expected
    process.communicate()
    assert process.returncode == 0


def test_what_goes_wrong_is_said_and_the_driver_goes_on():
    good = {"id": 9, "kind": "evaluate", "module": "lse", "function": "primal", "input": {"x": [0.0, 0.0]}}
    wrong = [
        {"id": 1, "kind": "define", "module": "particle"},
        {"id": 2, "kind": "evaluate", "module": "particle", "function": "cost", "input": {}},
        {"id": 3, "kind": "evaluate", "module": "lse", "function": "report", "input": {"x": [1.0]}},
        {"id": 4, "kind": "evaluate", "module": "lse", "function": "primal", "input": {}},
        {"id": 5, "kind": "end"},
        {"id": 6},
        "{not JSON",
        "7",
        {"id": 8, "kind": "evaluate", "module": "gmm", "function": "objective", "input": {"alpha": "?"}},
        good,
    ]
    *failed, last = talk(wrong)
    assert [found["id"] for found in failed] == [1, 2, 3, 4, 5, 6, None, None, 8]
    assert all(found["success"] is False for found in failed)
    texts = [found.get("error", "") for found in failed]
    assert texts[0] == ""
    for text, word in zip(texts[1:], ("particle", "report", "'x'", "end", "kind", "JSON", "", ""), strict=True):
        assert word in text
    assert last["output"] == pytest.approx(np.log(2))


def test_it_runs_until_both_limits_are_reached():
    calls = []
    result, timings = timed(lambda: calls.append(0) or len(calls), 3, 0)
    assert (result, len(timings)) == (3, 3)
    _, timings = timed(lambda: None, 0, 0.001)
    assert sum(timing["nanoseconds"] for timing in timings) >= 1_000_000
    assert len(timed(lambda: None, 0, 0)[1]) == 1


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="a process cannot be confined here")
@pytest.mark.parametrize("options", [[], ["--multithreaded"]])
def test_it_keeps_to_one_core_unless_told_otherwise(options):
    cores = len(os.sched_getaffinity(0)) if options else 1
    process = subprocess.Popen(
        [*COMMAND, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables(), cwd=ROOT
    )
    process.stdin.write(b'{"id": 0, "kind": "start"}\n')
    process.stdin.flush()
    process.stdout.readline()
    assert len(os.sched_getaffinity(process.pid)) == cores
    process.communicate()


def test_empty_lines_and_analyses_are_nothing_special():
    assert answer('{"id": 3, "kind": "analysis", "of": 2, "valid": false, "error": "wrong"}') == {"id": 3}
    assert talk(["", {"id": 0, "kind": "start"}]) == [{"id": 0, "tool": "wengert"}]
