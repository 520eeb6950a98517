"""The table of the runs, and how one of them is started."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from wengert.core.errors import ArgumentError
from wengert.runs import pictures
from wengert.runs.report import Report
from wengert.runs.settings import Settings


class Run(NamedTuple):
    """A run: what it is, how long it takes by default, and with which seed."""

    name: str
    summary: str
    steps: int
    seed: int
    duration: str

    @property
    def function(self) -> Callable[[Settings], Report]:
        """The function that does it; its module is imported only now."""
        found: Callable[[Settings], Report] = importlib.import_module(f"wengert.runs.{self.name}").run
        return found


_ROWS = (
    Run("four", "four examples, 41 parameters: the network of the lecture, in numbers and in arrays", 100, 1337, "1 s"),
    Run("moons", "two moons, 337 parameters: the demo of the lecture, compiled", 100, 1337, "1 s"),
    Run("digits", "handwritten digits, a small convolutional network", 440, 0, "5 s"),
    Run("gpt", "a language model of characters, which learns to write sonnets", 1000, 0, "1 to 2 min"),
    Run("burgers", "a network that satisfies Burgers' equation", 1000, 0, "10 s"),
    Run("features", "what the digit network looks for: gradient ascent on its input", 440, 0, "10 s"),
)
RUNS = {run.name: run for run in _ROWS}


def train(name: str, **settings: Any) -> Report:
    """Do one of the runs; the command `wengert train NAME` is this.

    **Arguments**: `name`, one of `RUNS`; `steps` of training and `seed`, by default the run's own; `out`, a folder for
    pictures and for the checkpoint, by default nothing is written; `resume=True`: go on from the checkpoint in that
    folder; `quiet=True`: no bar on terminals; `temperature`, how boldly `gpt` writes.
    **Returns**: a `Report`, which prints as text and has the numbers in `figures`, the model in `model`.
    **Raises**: `ArgumentError` for a name or a setting that is none; `MissingExtraError` where scikit-learn or
    matplotlib is needed and not installed.
    **Cost**: seconds; `gpt` takes minutes. Equal seeds and steps give equal runs.

    >>> from wengert.runs import train
    >>> report = train("four", quiet=True)
    >>> report.figures["parameters"], report.figures["loss"] < 0.01
    (41, True)

    **Source**: Karpathy, "The spelled-out intro to neural networks and backpropagation" (2022), and the docstrings of
    the runs.
    """
    if name not in RUNS:
        raise ArgumentError(
            f"there is no run {name!r}", wrong=f"wengert train {name}", right=f"one of {', '.join(RUNS)}"
        )
    run = RUNS[name]
    chosen = Settings.of(run.name, run.steps, run.seed, **settings)
    if chosen.out is not None:
        pictures.check()
    return run.function(chosen)
