"""The trajectories of the optimizers against PyTorch's, which `make_trajectories.py` has stored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from wengert import optim

STORED = json.loads(Path(__file__).with_name("trajectories.json").read_text("utf-8"))
X = np.linspace(-2, 2, 12)
Y = np.sin(2 * X) + 0.3 * X


def valley(p):
    return (1 - p["p"][0]) ** 2 + 100 * (p["p"][1] - p["p"][0] ** 2) ** 2


def network(p):
    hidden = np.tanh(X[:, None] * p["in"] + p["shift"])
    return np.mean((hidden @ p["out"] + p["end"] - Y) ** 2)


def bowl(p):
    p = p["p"]
    return np.sum(np.arange(1.0, 7.0) * (p**2 / 2 + p**4 / 8)) + (np.sum(p) - 1) ** 2


def start(problem):
    if problem == "bowl":
        return {"p": np.sin(1.0 + 2 * np.arange(6))}
    if problem == "valley":
        return {"p": np.array([-1.2, 1.0])}
    p = np.sin(1.0 + 2 * np.arange(13))
    return {"in": p[:4], "shift": p[4:8], "out": p[8:12], "end": float(p[12])}


def flat(params):
    return np.concatenate([np.ravel(leaf) for leaf in params.values()])


def agree(found, points):
    assert np.max(np.abs(np.array(found) - points) / np.maximum(1, np.abs(points))) < 1e-12


def followed(step, params, state):
    found = []
    for _ in STORED["cases"][0]["points"]:
        for _ in range(STORED["every"]):
            params, state = step(params, state)
        found.append(flat(params))
    return found


LOSSES = {"valley": valley, "network": network, "bowl": bowl}
CASES = [pytest.param(case, id=f"{case['optimizer']}-{case['problem']}-{i}") for i, case in enumerate(STORED["cases"])]


@pytest.mark.parametrize("case", CASES)
def test_functional_style_goes_where_pytorch_goes(case):
    opt = getattr(optim, case["optimizer"])(**case["settings"])
    loss, params = LOSSES[case["problem"]], start(case["problem"])
    found = followed(lambda p, s: opt.update(wg.grad(loss)(p), s, p), params, opt.init(params))
    agree(found, case["points"])


@pytest.mark.parametrize("case", CASES)
def test_compiled_steps_go_where_pytorch_goes(case):
    opt = getattr(optim, case["optimizer"])(**case["settings"])
    loss, params = LOSSES[case["problem"]], start(case["problem"])
    step = wg.jit(lambda p, s: opt.update(wg.grad(loss)(p), s, p))
    agree(followed(step, params, opt.init(params)), case["points"])
    assert step.trace_count == 1


@pytest.mark.parametrize("case", CASES)
def test_the_style_of_the_tape_goes_where_pytorch_goes(case):
    params = {name: wg.Variable(value) for name, value in start(case["problem"]).items()}
    opt = getattr(optim, case["optimizer"])(params.values(), **case["settings"])

    def step(p, s):
        opt.zero_grad()
        LOSSES[case["problem"]](p).backward()
        opt.step()
        return p, s

    found = []
    for _ in case["points"]:
        for _ in range(STORED["every"]):
            step(params, None)
        found.append(flat({name: p.data for name, p in params.items()}))
    agree(found, case["points"])


@pytest.mark.parametrize("case", STORED["schedules"], ids=lambda case: case["schedule"])
def test_schedules_have_the_rates_of_pytorch(case):
    rate = getattr(optim, case["schedule"])(**case["settings"])
    steps = np.arange(len(case["rates"]))
    assert np.allclose([float(rate(int(k))) for k in steps], case["rates"], rtol=1e-12, atol=0)
    assert np.allclose(rate(steps), case["rates"], rtol=1e-12, atol=0)
    opt, params = optim.Adam(lr=rate), start("network")
    step = wg.jit(lambda p, s: opt.update(wg.grad(network)(p), s, p))
    agree(followed(step, params, opt.init(params)), case["points"])
    assert step.trace_count == 1
