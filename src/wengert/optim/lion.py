"""Lion."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.optim.optimizer import Clip, Optimizer, Rate, at_least_zero, two_below_one


class Lion(Optimizer):
    """Steps of the length lr in every coordinate, by the sign of the momentum.

    p ← p − lr·(sign(β₁m + (1 − β₁)g) + λ·p), m ← β₂m + (1 − β₂)g.

    **Arguments**: `params`, `lr`, `clip` as in `SGD`; `betas` (β₁, β₂); `weight_decay` λ, decoupled as in `AdamW`. The
    paper advises a learning rate of a third to a tenth of Adam's, and λ that much larger.
    **Returns**: an optimizer; see `Optimizer` for `init`, `update`, `step`, `zero_grad`.
    **Raises**: `ArgumentError` for a setting out of its range.
    **Cost**: one number is kept for each parameter.

    >>> from wengert.optim import Lion
    >>> opt = Lion(lr=0.25)
    >>> opt.update(1e-3, opt.init(1.0), 1.0)[0]
    0.75

    **Source**: Chen et al., "Symbolic discovery of optimization algorithms" (2023).
    """

    kept = ("mean",)
    betas: tuple[float, float]
    weight_decay: float

    def __init__(
        self,
        params: Any = None,
        lr: Rate = 1e-4,
        *,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        clip: Clip | None = None,
    ) -> None:
        two_below_one(betas)
        at_least_zero("weight_decay", weight_decay)
        super().__init__(params, lr, clip, betas=betas, weight_decay=weight_decay)

    def rule(self, p: Any, g: Any, kept: tuple[Any, ...], *scalars: Any) -> tuple[Any, ...]:
        (b1, b2), (m,), (lr,) = self.betas, kept, scalars
        direction = np.sign(b1 * m + (1 - b1) * g)
        if self.weight_decay:
            direction = direction + self.weight_decay * p
        return p - lr * direction, b2 * m + (1 - b2) * g
