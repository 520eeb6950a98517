"""The first network of the lecture: four examples, 41 parameters, in single numbers and in arrays."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from wengert.nn.fitting import fit
from wengert.nn.scalar import MLP
from wengert.optim.sgd import SGD
from wengert.runs.report import Report
from wengert.runs.settings import Settings

X = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
Y = [1.0, -1.0, -1.0, 1.0]
RATE = 0.05


def network(seed: int, engine: Any) -> MLP:
    """MLP(3, [4, 4, 1]) of tanh neurons; both engines draw the same numbers."""
    return MLP(3, [4, 4, 1], activation="tanh", last_activation="tanh", rng=seed, engine=engine)


def loss_of_numbers(model: MLP) -> Any:
    """The summed squared error, neuron by neuron."""
    return sum(((model(x) - y) ** 2 for x, y in zip(X, Y, strict=True)), 0.0)


def loss_of_arrays(model: MLP, x: Any, y: Any) -> Any:
    """The same of all examples at once."""
    return np.sum((model(x) - y) ** 2)


def train_numbers(model: MLP, steps: int) -> list[float]:
    """Gradient descent as the lecture does it: zero, forward, backward, a step along −gradient; the loss of each."""
    losses = []
    for _ in range(steps):
        model.zero_grad()
        loss = loss_of_numbers(model)
        loss.backward()
        for p in model.parameters():
            p.data -= RATE * p.grad
        losses.append(float(loss.data))
    return losses


def run(settings: Settings) -> Report:
    """Both engines, side by side.

    **Source**: Karpathy, "The spelled-out intro to neural networks and backpropagation: building micrograd" (2022).
    """
    numbers, arrays = network(settings.seed, "scalar"), network(settings.seed, "array")
    start = time.perf_counter()
    losses = train_numbers(numbers, settings.steps)
    last = float(loss_of_numbers(numbers).data)
    scalar_time = time.perf_counter() - start

    data = (np.array(X), np.array(Y))
    start = time.perf_counter()
    fitted = fit(
        arrays, loss_of_arrays, data, optimizer=SGD(lr=RATE), steps=settings.steps, seed=settings.seed,
        checkpoint=settings.checkpoint(), progress=settings.progress,
    )  # fmt: skip
    array_time = time.perf_counter() - start
    answers = fitted.model(data[0])
    apart = abs(float(loss_of_arrays(fitted.model, *data)) - last)

    report = Report(f"four examples, MLP(3, [4, 4, 1]), {numbers.num_parameters} parameters", fitted.model)
    report.add("targets", "  ".join(f"{y:8.4f}" for y in Y), parameters=numbers.num_parameters)
    report.add("answers", "  ".join(f"{y:8.4f}" for y in answers))
    report.add(
        "loss", f"{losses[0]:.6f} at the start, {last:.6f} after {settings.steps} steps", first=losses[0], loss=last
    )
    report.add("arrays", f"the same to {apart:.1e}", apart=apart)
    report.add("time", f"{scalar_time:.3g} s in numbers, one at a time; {array_time:.3g} s compiled, with compilation",
               seconds=scalar_time + array_time)  # fmt: skip
    report.draw(settings.picture("history"), fitted.history.plot)
    return report
