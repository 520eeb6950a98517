"""Dropout: numbers left out at random while a network is trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.errors import ArgumentError
from wengert.nn import random
from wengert.nn.initializers import Generator, generator
from wengert.nn.linear import as_numbers
from wengert.nn.module import Buffer, Module


class Dropout(Module):
    """In training each number is 0 with probability p, and 1/(1 − p) times itself otherwise; in evaluation itself.

    **Arguments**: `p`, 0 ≤ p ≤ 1; `rng`, a generator or a seed, from which the key is drawn.
    **Buffers**: `key`, of the next call; a call in training replaces it, so no two masks are alike.
    **Takes** and **returns** an array of any shape.
    **Raises**: `ArgumentError` for another p, or where a compiled program would keep one mask for ever.
    **Cost**: a hash for every two numbers; none in evaluation.

    >>> import numpy as np, wengert as wg
    >>> dropout = wg.nn.Dropout(0.5, rng=0)
    >>> dropout(np.ones(6))
    array([2., 0., 0., 2., 2., 0.])
    >>> dropout.eval()(np.ones(6))
    array([1., 1., 1., 1., 1., 1.])

    **Source**: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014).
    """

    key: Buffer

    def __init__(self, p: float = 0.5, *, rng: int | Generator | None = None) -> None:
        if not 0.0 <= p <= 1.0:
            raise ArgumentError(f"p is a probability, from 0 to 1, not {p!r}", right="Dropout(0.5)")
        self.p = float(p)
        self.key = random.key(int(generator(rng).integers(2**63)))

    def forward(self, x: Any) -> Any:
        if not self.training or self.p == 0.0:
            return x
        x = as_numbers(x)
        self.check_state("key", x)
        self.key, use = random.split(self.key)
        keep = random.bernoulli(use, 1.0 - self.p, shape_of(x))
        return np.where(keep, x * (1.0 / (1.0 - self.p) if self.p < 1.0 else 1.0), 0.0)
