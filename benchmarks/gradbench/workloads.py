"""What GradBench does not measure: steps of training, the latency of a call, and long straight-line programs.

The programs are in `training.py` and `overhead.py`. NumPy alone is imported here, as in `data.py`.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

SEED = 7

Size = dict[str, Any]

SIZES: dict[str, list[Size]] = {
    "training": [
        {"widths": (2, 16, 16, 1), "batch": 100, "dtype": "float64"},
        {"widths": (784, 512, 256, 10), "batch": 32, "dtype": "float32"},
        {"widths": (784, 512, 256, 10), "batch": 128, "dtype": "float32"},
    ],
    "rosenbrock": [{"n": 10}],
    "ten": [{"n": 1000}],
    "straight": [{"operations": 100}, {"operations": 10000}],
}

QUICK = SIZES

TINY: dict[str, Size] = {
    "training": {"widths": (2, 4, 1), "batch": 5, "dtype": "float64"},
    "rosenbrock": {"n": 4},
    "ten": {"n": 5},
    "straight": {"operations": 40},
}


def arguments(workload: str, size: Size) -> tuple[Any, ...]:
    """What the program is called with, the same at every call."""
    return ARGUMENTS[workload](np.random.default_rng(SEED), **size)


def training(random: Any, widths: tuple[int, ...], batch: int, dtype: str) -> tuple[Any, ...]:
    """Layers (weights, biases), a batch, and its targets: ±1 for one output, else classes as rows of an identity."""
    layers = [
        ((random.normal(size=(n, m)) * np.sqrt(2 / n)).astype(dtype), np.zeros(m, dtype))
        for n, m in itertools.pairwise(widths)
    ]
    x = random.normal(size=(batch, widths[0])).astype(dtype)
    if widths[-1] == 1:
        y = np.where(x[:, :1] * x[:, 1:2] > 0, 1, -1)
    else:
        y = np.eye(widths[-1])[random.integers(widths[-1], size=batch)]
    return layers, x, y.astype(dtype)


ARGUMENTS: dict[str, Any] = {
    "training": training,
    "rosenbrock": lambda random, n: (random.uniform(size=n),),
    "ten": lambda random, n: (random.uniform(size=n),),
    "straight": lambda random, operations: (random.uniform(size=2), operations),
}
