"""What the digit network looks for: the image to which it answers most strongly, for each class."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from wengert.compile.jit import jit
from wengert.nn.activations import log_softmax, sigmoid
from wengert.optim.adam import Adam
from wengert.runs.datasets import Array, digits
from wengert.runs.digits import train
from wengert.runs.pictures import plot_images
from wengert.runs.report import Report, percent
from wengert.runs.settings import Settings
from wengert.transform.reverse import value_and_grad

ASCENT = 300  # steps
ROUGH, BRIGHT = 0.3, 0.2  # what differences of neighbours cost, and what light costs


def objective(hidden: Any, model: Any) -> Any:
    """The score of image c for class c, less what roughness and light cost; images are σ(hidden), from 0 to 1."""
    images = sigmoid(hidden)
    scores = np.trace(model(images))
    edges = np.sum(np.diff(images, axis=2) ** 2) + np.sum(np.diff(images, axis=3) ** 2)
    return scores - ROUGH * edges - BRIGHT * np.sum(images**2)


def visualize(model: Any, seed: int) -> tuple[Array, list[float]]:
    """Ten images by gradient ascent from noise, shape (10, 1, 8, 8), and the objective of each step."""
    optimizer = Adam(lr=0.1)

    @jit
    def ascend(hidden: Any, state: Any, model: Any) -> Any:
        value, slope = value_and_grad(objective)(hidden, model)
        hidden, state = optimizer.update(-slope, state, hidden)
        return hidden, state, value

    hidden = np.random.default_rng(seed).normal(-2.0, 0.5, (10, 1, 8, 8)).astype(np.float32)
    state, values = optimizer.init(hidden), []
    for _ in range(ASCENT):
        hidden, state, value = ascend(hidden, state, model)
        values.append(float(value))
    return np.asarray(sigmoid(hidden)), values


def likeness(images: Array) -> Array:
    """The correlation of each image (rows) with the mean training digit of each class (columns)."""
    (examples, classes), _ = digits()
    means = [np.mean(examples[classes == c], axis=0).ravel() for c in range(10)]
    found: Array = np.corrcoef(np.reshape(images, (10, -1)), means)[:10, 10:]
    return found


def run(settings: Settings) -> Report:
    """Train the digit network, then climb its answers by changing the input.

    **Source**: Erhan, Bengio, Courville & Vincent, "Visualizing higher-layer features of a deep network" (2009).
    """
    start = time.perf_counter()
    fitted = train(settings)
    trained = time.perf_counter()
    images, values = visualize(fitted.model, settings.seed)
    climbed = time.perf_counter()
    shares = np.exp(np.diag(log_softmax(fitted.model(images), axis=-1)))
    alike = likeness(images)
    same = int(np.sum(np.argmax(alike, axis=1) == np.arange(10)))

    report = Report("what the digit network looks for, by gradient ascent on its input", fitted.model)
    test = fitted.history.last["validation_accuracy"]
    report.add("network", f"{percent(test)} of the test digits right", accuracy=test)
    report.add("objective", f"{values[0]:.1f} at the start, {values[-1]:.1f} after {ASCENT} steps",
               first=values[0], objective=values[-1])  # fmt: skip
    report.add("certainty", f"each image is of its class with {percent(float(np.min(shares)))} or more",
               certainty=float(np.min(shares)))  # fmt: skip
    report.add("likeness", f"{same} of 10 images are more like the mean digit of their class than like any other",
               alike=same)  # fmt: skip
    report.add("time", f"{trained - start:.3g} s of training, {climbed - trained:.3g} s of ascent",
               seconds=climbed - start)  # fmt: skip
    report.draw(settings.picture("classes"), lambda path: plot_images(images[:, 0], path))
    return report
