"""How the network of an estimator is trained: what its objective is, and passes over weighted examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from wengert.compile.jit import Jit
from wengert.core.aval import shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tree import flatten
from wengert.nn.fields import trainable
from wengert.nn.finite import NonFiniteError
from wengert.nn.losses import absolute_error, binary_cross_entropy, cross_entropy, huber, squared_error
from wengert.nn.module import Module
from wengert.nn.penalties import l2_penalty
from wengert.nn.step import Program, opened
from wengert.nn.training import raise_where
from wengert.optim.adam import Adam
from wengert.optim.minimum import Minimum, minimize
from wengert.optim.optimizer import Optimizer
from wengert.optim.sgd import SGD

#: What one example costs: from outputs of shape (n, outputs) to a row for each example, or a number.
LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "class": lambda z, y: cross_entropy(z, y, reduction="none"),
    "labels": lambda z, y: binary_cross_entropy(z, y, reduction="none"),
    "squared_error": lambda z, y: 0.5 * squared_error(z, y, reduction="none"),
    "absolute_error": lambda z, y: absolute_error(z, y, reduction="none"),
    "huber": lambda z, y: huber(z, y, reduction="none"),
}
RULES: dict[str, Callable[[float], Optimizer]] = {
    "adam": lambda lr: Adam(lr=lr),
    "sgd": lambda lr: SGD(lr=lr, momentum=0.9, nesterov=True),
}


class Examples(NamedTuple):
    """Inputs, targets and weights, a row for each example; the weights have the mean 1, `scale` is what it was."""

    x: Any
    y: Any
    weight: Any
    scale: float = 1.0

    def __len__(self) -> int:
        return len(self.x)


class Objective:
    """Mean of weight · loss over a batch, and the penalty decay/2 · Σ w² over all parameters with two axes or more."""

    def __init__(self, loss: str, outputs: int) -> None:
        self.loss, self.outputs = loss, outputs

    def __call__(self, model: Any, x: Any, y: Any, weight: Any, decay: Any) -> Any:
        z = model(x)
        want = (shape_of(x)[0], self.outputs)
        if shape_of(z) != want:
            raise ShapeError(
                f"the network returns an array of shape {shape_of(z)} for inputs of shape {shape_of(x)}; here are "
                f"{self.outputs} outputs, so that its shape should be {want}",
                wrong="module=lambda n_in, n_out, rng: nn.Linear(n_in, 1)",
                right="module=lambda n_in, n_out, rng: nn.Linear(n_in, n_out, rng=rng)",
            )
        each = LOSSES[self.loss](z, y)
        if len(shape_of(each)) > 1:
            each = np.sum(each, axis=1)
        matrices = [p for p, flag in zip(flatten(model)[0], trainable(model), strict=True) if flag and np.ndim(p) > 1]
        return np.mean(weight * each) + l2_penalty(matrices, 0.5 * decay)


# One each for all estimators of a kind: programs are kept with them, and compiled once for each form of the data.


@lru_cache(maxsize=64)
def objective_of(loss: str, outputs: int) -> Objective:
    """The objective for this loss and number of outputs."""
    return Objective(loss, outputs)


@lru_cache(maxsize=64)
def rule_of(name: str, rate: float) -> Optimizer:
    """The update rule of this name."""
    return RULES[name](rate)


@lru_cache(maxsize=64)
def _program(objective: Objective, optimizer: Optimizer, form: Any, state_form: Any) -> Program:
    model, state = (tree.unflatten([np.float64(0.0)] * tree.num_leaves) for tree in (form, state_form))
    return Program(objective, optimizer, model, state)


class Descent:
    """A model on its way down: passes over examples, in compiled steps of one batch each.

    **Attributes**: `model`, `state`, as they are after the last pass.
    """

    def __init__(self, objective: Objective, optimizer: Optimizer, model: Module, state: Any = None) -> None:
        leaves, form = opened(model)
        held, state_form = opened(optimizer.init(model) if state is None else state)
        self._program = _program(objective, optimizer, form, state_form)
        self._flat: Sequence[Any] = [*leaves, *held]

    @property
    def model(self) -> Any:
        return self._program.form.unflatten(self._flat[: self._program.size])

    @property
    def state(self) -> Any:
        return self._program.state_form.unflatten(self._flat[self._program.size : self._program.width])

    def run(self, examples: Examples, size: int, decay: float, order: Any = None) -> float:
        """One pass over all examples, in this order; the mean loss on the way."""
        program, count, total = self._program, len(examples), 0.0
        known: Any = None
        compiled: Jit
        with np.errstate(all="ignore"):
            for start in range(0, count, size):
                arrays: Sequence[Any] = examples[:3]
                number = min(size, count - start)
                if number < count:
                    rows = slice(start, start + number)
                    arrays = [a[rows] if order is None else a.take(order[rows], 0) for a in arrays]
                batch, form = opened((*arrays, share(decay, number, examples)))
                if form is not known:
                    known, compiled = form, program.compiled(form)
                out = compiled(*self._flat, *batch)
                if not out[program.width + 1]:
                    raise_where(program, form, [*self._flat, *batch], out[program.width])
                self._flat = out[: program.width]
                total += float(out[program.width]) * number
        return total / count


def share(decay: float, number: int, examples: Examples) -> Any:
    """What the penalty counts in a mean over so many examples, where it is decay/2 · Σ w² in the sum over all."""
    return examples.x.dtype.type(decay / (number * examples.scale))


def search(
    objective: Objective, model: Module, examples: Examples, decay: float, steps: int, tol: float,
    callback: Callable[[int, float], Any],
) -> Minimum:  # fmt: skip
    """The minimum by L-BFGS, over all examples at once."""
    if model.named_buffers():
        name = model.named_buffers()[0][0]
        raise ArgumentError(
            f"the network carries {name} along, which would not change in a search by L-BFGS: running statistics would "
            "stay as they begin, and dropout would always drop the same",
            wrong='optimizer="lbfgs"',
            right='optimizer="adam"',
        )
    args = (*examples[:3], share(decay, len(examples), examples))
    with np.errstate(all="ignore"):  # what is not finite is refused
        found = minimize(objective, model, *args, steps=steps, options={"gtol": tol, "maxfun": 15 * steps},
                         callback=callback)  # fmt: skip
    if not np.isfinite(found.loss):
        raise NonFiniteError(f"after {found.steps} steps of L-BFGS the loss is {found.loss}", right="scaled data")
    return found
