"""Obtain the figures in `trajectories.json` from PyTorch: run this file in its environment.

Each case is an optimizer with settings, one of three problems, and the parameters after every fifth of 60 steps in
float64. The problems are stated here for PyTorch and in `test_trajectories.py` for NumPy.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

try:
    import torch
except ImportError:  # where the tests run; pytest reads this file too
    torch = None

STEPS, EVERY = 60, 5
SGD, ADAM, ADAMW, RMSPROP, ADAGRAD, LBFGS = "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "LBFGS"

CASES = [
    ("valley", SGD, {"lr": 1e-3}),
    ("network", SGD, {"lr": 0.1}),
    ("network", SGD, {"lr": 0.05, "weight_decay": 0.01}),
    ("valley", SGD, {"lr": 2e-4, "momentum": 0.9}),
    ("network", SGD, {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}),
    ("network", SGD, {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.02}),
    ("valley", ADAM, {"lr": 0.05}),
    ("network", ADAM, {"lr": 0.01, "betas": [0.8, 0.95], "eps": 1e-4}),
    ("network", ADAM, {"lr": 0.02, "weight_decay": 0.1, "amsgrad": True}),
    ("valley", ADAMW, {"lr": 0.05}),
    ("network", ADAMW, {"lr": 0.02, "weight_decay": 0.2, "betas": [0.95, 0.9]}),
    ("network", ADAMW, {"lr": 0.02, "amsgrad": True}),
    ("valley", RMSPROP, {"lr": 0.01}),
    ("network", RMSPROP, {"lr": 0.005, "alpha": 0.9, "centered": True, "eps": 1e-3}),
    ("network", RMSPROP, {"lr": 0.002, "momentum": 0.9, "weight_decay": 0.05}),
    ("network", RMSPROP, {"lr": 0.002, "momentum": 0.5, "centered": True, "eps": 1e-2}),
    ("valley", ADAGRAD, {"lr": 0.1}),
    ("network", ADAGRAD, {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.01, "initial": 0.1, "eps": 1e-6}),
    ("bowl", LBFGS, {"lr": 0.1, "history": 10}),
    ("bowl", LBFGS, {"lr": 0.08, "history": 3}),
]
TORCH = {"initial": "initial_accumulator_value", "history": "history_size"}  # what PyTorch calls it

SCHEDULES = {
    "StepDecay": ({"lr": 0.1, "every": 7, "factor": 0.5}, lambda o, s: s.StepLR(o, 7, 0.5)),
    "ExponentialDecay": ({"lr": 0.1, "factor": 0.93}, lambda o, s: s.ExponentialLR(o, 0.93)),
    "CosineDecay": ({"lr": 0.1, "steps": 60, "end": 0.02}, lambda o, s: s.CosineAnnealingLR(o, 60, 0.02)),
    "LinearDecay": ({"lr": 0.1, "steps": 40, "end": 0.01}, lambda o, s: s.LinearLR(o, 1.0, 0.1, 40)),
}


def valley(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


def network(p):
    x = torch.linspace(-2, 2, 12, dtype=torch.float64)
    y = torch.sin(2 * x) + 0.3 * x
    hidden = torch.tanh(x[:, None] * p[:4] + p[4:8])
    return torch.mean((hidden @ p[8:12] + p[12] - y) ** 2)


def bowl(p):
    weights = torch.arange(1, 7, dtype=torch.float64)
    return torch.sum(weights * (p**2 / 2 + p**4 / 8)) + (torch.sum(p) - 1) ** 2


def start(problem):
    if problem == "bowl":
        return [math.sin(1.0 + 2 * i) for i in range(6)]
    if problem == "valley":
        return [-1.2, 1.0]
    return [math.sin(1.0 + 2 * i) for i in range(13)]


def trajectory(problem, name, settings, schedule=None):
    p = torch.tensor(start(problem), dtype=torch.float64, requires_grad=True)
    options = {TORCH.get(key, key): value for key, value in settings.items()}
    if name == LBFGS:
        options |= {"max_iter": 1, "tolerance_grad": 0.0, "tolerance_change": 0.0}
    optimizer = getattr(torch.optim, name)([p], **options)
    scheduler = schedule(optimizer, torch.optim.lr_scheduler) if schedule else None
    f = {"valley": valley, "network": network, "bowl": bowl}[problem]

    def loss():
        optimizer.zero_grad()
        value = f(p)
        value.backward()
        return value

    points, rates = [], []
    for k in range(1, STEPS + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step(loss)
        if scheduler:
            scheduler.step()
        if k % EVERY == 0:
            points.append(p.tolist())
    return points, rates


def main():
    found = []
    for problem, name, settings in CASES:
        points, _ = trajectory(problem, name, settings)
        found.append({"problem": problem, "optimizer": name, "settings": settings, "points": points})
    rates = []
    for name, (settings, schedule) in SCHEDULES.items():
        points, values = trajectory("network", ADAM, {"lr": settings["lr"]}, schedule)
        rates.append({"schedule": name, "settings": settings, "rates": values, "points": points})
    result = {"PyTorch": torch.__version__, "every": EVERY, "cases": found, "schedules": rates}
    text = json.dumps(result).replace('{"problem"', '\n{"problem"').replace('{"schedule"', '\n{"schedule"')
    Path(__file__).with_name("trajectories.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
