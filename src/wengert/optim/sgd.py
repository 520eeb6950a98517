"""Gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError
from wengert.optim.optimizer import Clip, Optimizer, Rate, at_least_zero, below_one


class SGD(Optimizer):
    """Gradient descent, with momentum or Nesterov's if asked for.

    With g the gradient plus λ·p: v ← μ·v + (1 − τ)·g (the first time v ← g), p ← p − lr·v; by Nesterov
    p ← p − lr·(g + μ·v); without momentum p ← p − lr·g.

    **Arguments**: `params`, for the style of the tape: a model or Variables; `lr`, a number or a schedule; `momentum`
    μ; `dampening` τ; `nesterov`; `weight_decay` λ; `clip`, functions of the gradients such as `ClipNorm(1.0)`, used
    one after the other before the rule.
    **Returns**: an optimizer; see `Optimizer` for `init`, `update`, `step`, `zero_grad`.
    **Raises**: `ArgumentError` for a setting out of its range.
    **Cost**: with momentum one number is kept for each parameter.

    >>> import wengert as wg
    >>> from wengert.optim import SGD
    >>> opt = SGD(lr=0.1)
    >>> x = 1.0
    >>> state = opt.init(x)
    >>> opt.update(wg.grad(lambda x: x**2)(x), state, x)[0]
    0.8

    **Source**: Polyak, "Some methods of speeding up the convergence of iteration methods" (1964); Sutskever, Martens,
    Dahl & Hinton, "On the importance of initialization and momentum in deep learning" (2013).
    """

    momentum: float
    dampening: float
    nesterov: bool
    weight_decay: float

    def __init__(
        self,
        params: Any = None,
        lr: Rate = 1e-3,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        clip: Clip | None = None,
    ) -> None:
        at_least_zero("momentum", momentum)
        at_least_zero("weight_decay", weight_decay)
        below_one("dampening", dampening)
        if nesterov and (momentum == 0 or dampening != 0):
            raise ArgumentError(
                "Nesterov's momentum needs a momentum, and no dampening",
                wrong="SGD(lr=0.1, nesterov=True)",
                right="SGD(lr=0.1, momentum=0.9, nesterov=True)",
            )
        object.__setattr__(self, "kept", ("velocity",) if momentum else ())
        super().__init__(params, lr, clip, momentum=momentum, dampening=dampening, nesterov=nesterov,
                         weight_decay=weight_decay)  # fmt: skip

    def scalars(self, count: Any, lr: Any) -> tuple[Any, ...]:
        return lr, (np.where(count == 1, 1.0, 1 - self.dampening) if self.dampening else 1.0)

    def rule(self, p: Any, g: Any, kept: tuple[Any, ...], *scalars: Any) -> tuple[Any, ...]:
        lr, share = scalars
        if self.weight_decay:
            g = g + self.weight_decay * p
        if not kept:
            return (p - lr * g,)
        v = self.momentum * kept[0] + share * g
        return p - lr * (g + self.momentum * v if self.nesterov else v), v
