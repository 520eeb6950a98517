"""Handwritten digits: a small convolutional network."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from wengert.nn.convolution import Conv2d
from wengert.nn.fitting import Fitted, fit
from wengert.nn.linear import Flatten, Linear, ReLU, Sequential
from wengert.nn.losses import cross_entropy
from wengert.nn.metrics import accuracy, supervised
from wengert.nn.pooling import MaxPool2d
from wengert.optim.adam import AdamW
from wengert.optim.schedule import LinearDecay
from wengert.runs.datasets import Array, digits
from wengert.runs.pictures import plot_confusion
from wengert.runs.report import Report, percent
from wengert.runs.settings import Settings

BATCH = 32


def network(seed: int) -> Sequential:
    """Two layers of 3×3 convolutions, the largest of 2×2, a linear layer; in float32."""
    rng, dtype = np.random.default_rng(seed), np.float32
    return Sequential(
        Conv2d(1, 16, 3, padding=1, rng=rng, dtype=dtype), ReLU(),
        Conv2d(16, 32, 3, padding=1, rng=rng, dtype=dtype), ReLU(),
        MaxPool2d(2), Flatten(),
        Linear(32 * 4 * 4, 10, rng=rng, dtype=dtype),
    )  # fmt: skip


def train(settings: Settings) -> Fitted:
    """The trained network, and its history with the figures on the test digits after each epoch."""
    trained, tested = digits()
    optimizer = AdamW(lr=LinearDecay(3e-3, settings.steps, end=1e-5))
    return fit(
        network(settings.seed), supervised(cross_entropy, accuracy=accuracy), trained, optimizer=optimizer,
        steps=settings.steps, batch_size=BATCH, seed=settings.seed, validation=tested,
        checkpoint=settings.checkpoint("digits"), progress=settings.progress,
    )  # fmt: skip


def confusion(model: Any) -> Array:
    """How many test digits of each class (rows) were taken for each class (columns)."""
    _, (images, classes) = digits()
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (classes, np.argmax(model(images), axis=-1)), 1)
    return counts


def run(settings: Settings) -> Report:
    """Train, test, and count who is taken for whom.

    **Source**: LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition" (1998).
    """
    start = time.perf_counter()
    model, history = train(settings)
    seconds = time.perf_counter() - start
    counts = confusion(model)
    right, total = int(np.trace(counts)), int(np.sum(counts))

    report = Report(f"handwritten digits, a convolutional network of {model.num_parameters:,} parameters", model)
    report.figures["parameters"] = model.num_parameters
    report.add("loss", f"{history.loss[0]:.4f} in the first step, {history.last['loss']:.4f} in the last epoch",
               first=float(history.loss[0]), loss=history.last["loss"])  # fmt: skip
    report.add("test accuracy", f"{percent(right / total)}: {right} of {total}", accuracy=right / total)
    wrong = [f"{i} for {j}" for j, i in np.argwhere(counts * (1 - np.eye(10, dtype=int)))]
    report.add("taken wrongly", ", ".join(wrong) or "none")
    report.add_time(history, seconds)
    report.draw(settings.picture("confusion"), lambda path: plot_confusion(counts, path))
    report.draw(settings.picture("history"), history.plot)
    return report
