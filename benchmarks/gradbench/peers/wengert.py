"""Wengert: the modules of GradBench's evaluations and of the other workloads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.case import mapped
from benchmarks.gradbench import EVALUATIONS, compiled, overhead, training
from benchmarks.gradbench.driver import program

Call = Callable[[], Any]


def of(function: Callable[..., Any]) -> Callable[..., Call]:
    """Arrays in, arrays out."""
    return lambda *args: partial(function, *args)


def stepping(layers: Any, x: Any, y: Any) -> Call:
    """Steps that go on from where the last one ended."""
    state = [layers]

    def step() -> Any:
        value, state[0] = training.step(state[0], x, y)
        return value, state[0]

    return step


PROGRAMS: dict[tuple[str, str], Callable[..., Call]] = {
    (name, function): of(getattr(program(name), function))
    for name in EVALUATIONS
    for function in program(name).FUNCTIONS
} | {
    ("training", "objective"): of(training.objective),
    ("training", "step"): stepping,
    ("rosenbrock", "primal"): of(compiled.jit(overhead.rosenbrock)),
    ("rosenbrock", "gradient"): of(overhead.rosenbrock_gradient),
    ("ten", "primal"): of(compiled.jit(overhead.ten_operations)),
    ("ten", "gradient"): of(overhead.ten_gradient),
    ("straight", "primal"): of(compiled.jit(overhead.straight_line, static_argnums=1)),
    ("straight", "gradient"): of(overhead.straight_gradient),
}


def plain(result: Any) -> Any:
    return mapped(np.asarray, result)
