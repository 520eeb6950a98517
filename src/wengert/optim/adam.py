"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.optim.optimizer import Clip, Optimizer, Rate, at_least_zero, two_below_one


class Adam(Optimizer):
    """Steps of about the length lr, along the mean gradient in units of its root mean square.

    With g the gradient plus λ·p, in step t: m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²,
    p ← p − lr · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε). With `amsgrad` the largest v so far is in v's place.

    **Arguments**: `params`, `lr`, `clip` as in `SGD`; `betas` (β₁, β₂); `eps` ε; `weight_decay` λ; `amsgrad`.
    **Returns**: an optimizer; see `Optimizer` for `init`, `update`, `step`, `zero_grad`.
    **Raises**: `ArgumentError` for a setting out of its range.
    **Cost**: two numbers are kept for each parameter, three with `amsgrad`.

    >>> import wengert as wg
    >>> from wengert.optim import Adam
    >>> x = wg.Variable(5.0)
    >>> opt = Adam([x], lr=0.5)
    >>> for _ in range(100):
    ...     opt.zero_grad()
    ...     ((x - 3) ** 2).backward()
    ...     opt.step()
    >>> round(x.data, 3)
    3.0

    **Source**: Kingma & Ba, "Adam: a method for stochastic optimization" (2015); Reddi, Kale & Kumar, "On the
    convergence of Adam and beyond" (2018).
    """

    betas: tuple[float, float]
    eps: float
    weight_decay: float
    amsgrad: bool

    def __init__(
        self,
        params: Any = None,
        lr: Rate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        clip: Clip | None = None,
    ) -> None:
        two_below_one(betas)
        at_least_zero("eps", eps)
        at_least_zero("weight_decay", weight_decay)
        object.__setattr__(self, "kept", ("mean", "square", "largest") if amsgrad else ("mean", "square"))
        super().__init__(params, lr, clip, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)

    def scalars(self, count: Any, lr: Any) -> tuple[Any, ...]:
        b1, b2 = self.betas
        return lr / (1 - b1**count), np.sqrt(1 - b2**count), lr * self.weight_decay

    def rule(self, p: Any, g: Any, kept: tuple[Any, ...], *scalars: Any) -> tuple[Any, ...]:
        (b1, b2), (rate, root, decay) = self.betas, scalars
        p, g = self.decayed(p, g, decay)
        m = b1 * kept[0] + (1 - b1) * g
        v = b2 * kept[1] + (1 - b2) * (g * g)
        largest = (np.maximum(kept[2], v),) if self.amsgrad else ()
        return p - rate * m / (np.sqrt(*largest or (v,)) / root + self.eps), m, v, *largest

    def decayed(self, p: Any, g: Any, decay: Any) -> tuple[Any, Any]:
        """Parameter and gradient with the weight decay in them; `decay` is lr·λ."""
        return p, g + self.weight_decay * p if self.weight_decay else g


class AdamW(Adam):
    """Adam whose weight decay does not go through the gradient: p ← (1 − lr·λ)·p, then Adam's step.

    **Arguments**, **Returns**, **Raises**, **Cost**: as `Adam`, but `weight_decay` is 0.01 by default.

    >>> from wengert.optim import AdamW
    >>> opt = AdamW(lr=0.1, weight_decay=0.5)
    >>> opt.update(0.0, opt.init(2.0), 2.0)[0]
    1.9

    **Source**: Loshchilov & Hutter, "Decoupled weight decay regularization" (2019).
    """

    def __init__(
        self,
        params: Any = None,
        lr: Rate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(params, lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, clip=clip)

    def decayed(self, p: Any, g: Any, decay: Any) -> tuple[Any, Any]:
        return p * (1 - decay) if self.weight_decay else p, g
