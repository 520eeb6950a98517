"""The same steps in each library, with its own layers and update rules.

A module here imports its library and is imported in a process of its own. `PROGRAMS[contest]` takes the size, the first
weights, the inputs and the targets that NumPy prepared, and returns a `Training`. What the library has a second way for
is at `PROGRAMS[contest, way]`. `plain` is the same for all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.race import Entry

#: Ours and its other way; then those that we are compared with.
PEERS = {
    "wengert": Entry("wengert", "wengert", "Wengert"),
    "scalar": Entry("wengert", "wengert", "Wengert, scalars, eager", "scalar"),
    "jax": Entry("jax", "jax", "JAX, optax"),
    "torch": Entry("torch", "torch", "PyTorch, eager"),
    "torch_compile": Entry("torch", "torch", "torch.compile", "compile"),
    "micrograd": Entry("micrograd", "micrograd", "micrograd"),
}

#: After how many steps all must have the same loss.
CHECKED = (0, 1, 5)
#: So many more are made before any is timed, unless they take longer than these seconds: in the first ones the system
#: still hands out memory, which in a training of thousands of steps nobody notices.
SETTLING, LONG = 200, 1.0


class Training:
    """A network that is trained: each call is a step, done when it returns.

    `step` returns the loss before it, and `number` makes a number of that.
    """

    def __init__(self, step: Callable[[], Any], number: Callable[[Any], float] = float) -> None:
        self.step, self.number = step, number

    def __call__(self) -> Training:
        self.loss = self.step()
        return self


def plain(training: Training) -> list[float]:
    """The losses at the start, after one step and after five; the first step has been made, and others follow."""
    losses = [training.number(training.loss)]
    losses += [training.number(training().loss) for _ in range(CHECKED[-1])]
    start, made = time.monotonic(), 0
    while made < SETTLING and time.monotonic() - start < LONG:
        training()
        made += 1
    return [losses[count] for count in CHECKED]
