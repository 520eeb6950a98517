"""Adagrad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.optim.leaves import empty
from wengert.optim.optimizer import Clip, Optimizer, Rate, State, at_least_zero


class Adagrad(Optimizer):
    """Steps along the gradient, over the root of the sum of all squares so far: rare features take long steps.

    With g the gradient plus λ·p, in step t: s ← s + g², p ← p − lr/(1 + (t − 1)·η) · g/(√s + ε).

    **Arguments**: `params`, `lr`, `clip` as in `SGD`; `lr_decay` η; `weight_decay` λ; `initial`, s before the first
    step; `eps` ε.
    **Returns**: an optimizer; see `Optimizer` for `init`, `update`, `step`, `zero_grad`.
    **Raises**: `ArgumentError` for a setting out of its range.
    **Cost**: one number is kept for each parameter.

    >>> from wengert.optim import Adagrad
    >>> opt = Adagrad(lr=0.5, eps=0.0)
    >>> opt.update(-3.0, opt.init(1.0), 1.0)[0]
    1.5

    **Source**: Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic optimization"
    (2011).
    """

    kept = ("total",)
    lr_decay: float
    weight_decay: float
    initial: float
    eps: float

    def __init__(
        self,
        params: Any = None,
        lr: Rate = 1e-2,
        *,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial: float = 0.0,
        eps: float = 1e-10,
        clip: Clip | None = None,
    ) -> None:
        settings = {"lr_decay": lr_decay, "weight_decay": weight_decay, "initial": initial, "eps": eps}
        for name, value in settings.items():
            at_least_zero(name, value)
        super().__init__(params, lr, clip, **settings)

    def begin(self, values: Sequence[Any]) -> State:
        return {"step": np.int64(0), "total": [empty(v, self.initial) for v in values]}

    def scalars(self, count: Any, lr: Any) -> tuple[Any, ...]:
        return (lr / (1 + (count - 1) * self.lr_decay) if self.lr_decay else lr,)

    def rule(self, p: Any, g: Any, kept: tuple[Any, ...], *scalars: Any) -> tuple[Any, ...]:
        (rate,) = scalars
        if self.weight_decay:
            g = g + self.weight_decay * p
        total = kept[0] + g * g
        return p - rate * g / (np.sqrt(total) + self.eps), total
