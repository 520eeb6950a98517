"""A physics-informed network: it learns to satisfy Burgers' equation, uₜ + u·uₓ = ν·uₓₓ, on 0 ≤ x, t ≤ 1."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from wengert.nn.checkpoint import load, save
from wengert.nn.linear import Linear, Sequential
from wengert.nn.progress import Bar
from wengert.optim.minimum import Minimum, minimize
from wengert.runs.pictures import plot_losses, plot_waves
from wengert.runs.report import Report
from wengert.runs.settings import Settings
from wengert.transform.jvp import jvp
from wengert.transform.taylor import taylor

NU = 0.05
POINTS = 600  # where the equation should hold
EDGE = np.linspace(0.0, 1.0, 65)
TIMES = (0.0, 0.25, 0.5, 1.0)


def exact(x: Any, t: Any) -> Any:
    """The solution for this start: −2ν·φₓ/φ, where φ = 1.05 + exp(−π²νt)·cos πx solves φₜ = ν·φₓₓ."""
    decay = np.exp(-(np.pi**2) * NU * t)
    return 2 * np.pi * NU * decay * np.sin(np.pi * x) / (1.05 + decay * np.cos(np.pi * x))


def network(seed: int) -> Sequential:
    """Two layers of 20 tanh neurons."""
    rng = np.random.default_rng(seed)
    return Sequential(
        Linear(2, 20, activation="tanh", rng=rng), Linear(20, 20, activation="tanh", rng=rng), Linear(20, 1, rng=rng)
    )


def value(model: Any, x: Any, t: Any) -> Any:
    """What the network gives for u at the points (x, t)."""
    return model(np.stack([2 * x - 1, 2 * t - 1], axis=-1))[..., 0]


def residual(model: Any, x: Any, t: Any) -> Any:
    """By how much the network misses the equation; u, uₓ and uₓₓ/2 come from one pass of Taylor mode."""
    one = np.ones_like(x)
    u, u_x, half_u_xx = taylor(lambda x: value(model, x, t), x, 2, direction=one)
    _, u_t = jvp(lambda t: value(model, x, t), (t,), (one,))
    return u_t + u * u_x - 2 * NU * half_u_xx


def loss(model: Any, points: Any) -> Any:
    """The mean square of the residual, and of what is wrong at the start and at both ends."""
    begin = value(model, EDGE, 0 * EDGE) - exact(EDGE, 0.0)
    left, right = value(model, 0 * EDGE, EDGE), value(model, 0 * EDGE + 1, EDGE)
    return np.mean(residual(model, *points) ** 2) + 10 * np.mean(begin**2 + left**2 + right**2)


def train(settings: Settings) -> tuple[Minimum, list[float]]:
    """The network by L-BFGS, and the loss of each iteration."""
    model, path = network(settings.seed), settings.checkpoint()
    if path is not None and path.exists():
        model = load(path, model)  # the weights; L-BFGS begins anew
    points, losses = np.random.default_rng(settings.seed).random((2, POINTS)), []
    with Bar(settings.steps, POINTS, 1, show=settings.progress) as bar:

        def note(step: int, loss: float) -> None:
            losses.append(loss)
            if time.perf_counter() >= bar.due:
                bar.draw(step, loss)

        options = {"maxcor": 50, "maxfun": 4 * settings.steps, "ftol": 0.0, "gtol": 0.0}
        found = minimize(loss, model, points, steps=settings.steps, callback=note, options=options)
    if path is not None:
        save(path, found.params)
    return found, losses


def errors(model: Any) -> tuple[float, float]:
    """The relative error on a grid, in the mean square and at the most."""
    x, t = np.meshgrid(np.linspace(0, 1, 101), np.linspace(0, 1, 101))
    true = exact(x, t)
    wrong = value(model, x, t) - true
    return float(np.linalg.norm(wrong) / np.linalg.norm(true)), float(np.max(np.abs(wrong)) / np.max(true))


def run(settings: Settings) -> Report:
    """Train, and compare with the solution of Cole and Hopf.

    **Source**: Raissi, Perdikaris & Karniadakis, "Physics-informed neural networks" (2019); Hopf, "The partial
    differential equation uₜ + uuₓ = μuₓₓ" (1950); Cole, "On a quasi-linear parabolic equation" (1951).
    """
    start = time.perf_counter()
    found, losses = train(settings)
    seconds = time.perf_counter() - start
    model = found.params
    mean, most = errors(model)

    report = Report(f"Burgers' equation, a network of {model.num_parameters} parameters", model)
    report.figures["parameters"] = model.num_parameters
    report.add("loss", f"{found.loss:.2e} after {found.steps} iterations of L-BFGS", loss=found.loss)
    report.add("error", f"{mean:.2e} in the mean square, {most:.2e} at the most, relative to the exact solution",
               error=mean, largest=most)  # fmt: skip
    each = seconds / found.evaluations
    report.add("time", f"{seconds:.3g} s; {1e3 * each:.3g} ms for a gradient, with compilation",
               seconds=seconds, seconds_per_step=each)  # fmt: skip
    x = np.linspace(0, 1, 193)
    lines = {f"t = {t:g}": (exact(x, t), value(model, x, np.full_like(x, t))) for t in TIMES}
    report.draw(settings.picture("solution"), lambda path: plot_waves(x, lines, path))
    if losses:
        report.draw(settings.picture("history"), lambda path: plot_losses(losses, path))
    return report
