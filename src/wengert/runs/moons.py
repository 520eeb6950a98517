"""The demo of the lecture: two moons, a network of 337 parameters, the whole step compiled."""

from __future__ import annotations

import random
import time
from typing import Any

from wengert.nn.fitting import fit
from wengert.nn.losses import hinge
from wengert.nn.metrics import binary_accuracy
from wengert.nn.penalties import l2_penalty
from wengert.nn.pictures import plot_decision
from wengert.nn.scalar import MLP
from wengert.optim.schedule import LinearDecay
from wengert.optim.sgd import SGD
from wengert.runs.datasets import two_moons
from wengert.runs.report import Report, percent
from wengert.runs.settings import Settings


def network(seed: int, engine: Any = "array") -> MLP:
    """MLP(2, [16, 16, 1]) with weights from `random.uniform(-1, 1)`, neuron by neuron, as the demo draws them."""
    return MLP(2, [16, 16, 1], rng=random.Random(seed), engine=engine)


def loss(model: MLP, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
    """How much of a margin of 1 is missing, and 10⁻⁴·Σp²."""
    scores = model(x)
    return hinge(scores, y) + l2_penalty(model, 1e-4), {"accuracy": binary_accuracy(scores, y)}


def run(settings: Settings) -> Report:
    """Gradient descent at the rate 1 − 0.9·k/100, and the decision surface.

    **Source**: Karpathy, micrograd, `demo.ipynb` (2020).
    """
    x, y = two_moons(settings.seed)
    start = time.perf_counter()
    model, history = fit(
        network(settings.seed), loss, (x, y), optimizer=SGD(lr=LinearDecay(1.0, settings.steps, end=0.1)),
        steps=settings.steps, seed=settings.seed, checkpoint=settings.checkpoint(), progress=settings.progress,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    _, metrics = loss(model, x, y)
    accuracy, first, last = float(metrics["accuracy"]), float(history.loss[0]), float(history.loss[-1])

    report = Report(f"two moons, 100 points, MLP(2, [16, 16, 1]), {model.num_parameters} parameters", model)
    report.figures["parameters"] = model.num_parameters
    report.add("loss", f"{first!r} at the start, {last:.5f} in step {settings.steps}", first=first, loss=last)
    begun = float(history["accuracy"][0])
    report.add(
        "accuracy", f"{percent(begun)} at the start, {percent(accuracy)} at the end", begun=begun, accuracy=accuracy
    )
    report.add_time(history, seconds)
    report.draw(settings.picture("decision"), lambda path: plot_decision(model, x, y.astype(int), path))
    report.draw(settings.picture("history"), history.plot)
    return report
