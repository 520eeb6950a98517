"""RMSprop."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.optim.optimizer import Clip, Optimizer, Rate, at_least_zero, below_one


class RMSprop(Optimizer):
    """Steps along the gradient, in units of its root mean square.

    With g the gradient plus λ·p: v ← αv + (1 − α)g², p ← p − lr · g/(√v + ε). `centered`: with the variance,
    v − ḡ², in v's place, where ḡ ← αḡ + (1 − α)g. With `momentum` b ← μb + g/(√v + ε), p ← p − lr·b.

    **Arguments**: `params`, `lr`, `clip` as in `SGD`; `alpha` α; `eps` ε; `weight_decay` λ; `momentum` μ; `centered`.
    **Returns**: an optimizer; see `Optimizer` for `init`, `update`, `step`, `zero_grad`.
    **Raises**: `ArgumentError` for a setting out of its range.
    **Cost**: one number is kept for each parameter; with a momentum one more, `centered` one more.

    >>> from wengert.optim import RMSprop
    >>> opt = RMSprop(lr=0.1, alpha=0.75, eps=0.0)
    >>> opt.update(4.0, opt.init(1.0), 1.0)[0]
    0.8

    **Source**: Tieleman & Hinton, Lecture 6.5 of *Neural Networks for Machine Learning* (2012); centered: Graves,
    "Generating sequences with recurrent neural networks" (2013).
    """

    alpha: float
    eps: float
    weight_decay: float
    momentum: float
    centered: bool

    def __init__(
        self,
        params: Any = None,
        lr: Rate = 1e-2,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        clip: Clip | None = None,
    ) -> None:
        below_one("alpha", alpha)
        for name, value in (("eps", eps), ("weight_decay", weight_decay), ("momentum", momentum)):
            at_least_zero(name, value)
        more = [name for name, asked in (("mean", centered), ("velocity", momentum)) if asked]
        object.__setattr__(self, "kept", ("square", *more))
        super().__init__(params, lr, clip, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum,
                         centered=centered)  # fmt: skip

    def rule(self, p: Any, g: Any, kept: tuple[Any, ...], *scalars: Any) -> tuple[Any, ...]:
        (lr,), a = scalars, self.alpha
        if self.weight_decay:
            g = g + self.weight_decay * p
        v = a * kept[0] + (1 - a) * (g * g)
        new, variance = [v], v
        if self.centered:
            mean = a * kept[1] + (1 - a) * g
            variance = np.maximum(v - mean * mean, 0.0)  # which rounding could make negative
            new.append(mean)
        step = g / (np.sqrt(variance) + self.eps)
        if self.momentum:
            step = self.momentum * kept[-1] + step
            new.append(step)
        return p - lr * step, *new
