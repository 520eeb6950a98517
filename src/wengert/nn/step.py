"""One step of training as one compiled program: loss, gradient, update, and whether all of it is finite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from wengert.compile.jit import Jit, jit
from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tree import NAMESPACE, flatten, paths
from wengert.nn.fields import trainable
from wengert.optim.optimizer import Optimizer
from wengert.transform.reverse import value_and_grad

Loss = Callable[..., Any]


def opened(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a tree and its form, which can be compared and filled."""
    flatten(tree)  # registers the dataclasses in it
    return optree.tree_flatten(tree, namespace=NAMESPACE)


def value_and_metrics(result: Any) -> tuple[Any, dict[str, Any]]:
    """What a loss returned: a number, or a number and a dictionary of metrics."""
    if not isinstance(result, tuple):
        return result, {}
    if len(result) == 2 and isinstance(result[1], dict) and all(isinstance(name, str) for name in result[1]):
        return result[0], result[1]
    raise ArgumentError(
        "a loss returns one number, or a number and a dictionary of metrics",
        wrong="return loss, accuracy",
        right='return loss, {"accuracy": accuracy}',
    )


class Program:
    """The step for one form of model and state, on leaves: (*model, *state, *batch) to (*model, *state, value, ok, …).

    Leaves in one row are what `wg.jit` calls fastest; the model is taken apart once and not in every step.

    **Attributes**: `form`, `state_form` of model and state; `metrics`, the names of what follows `ok` in the result.
    """

    def __init__(self, loss: Loss, optimizer: Optimizer, model: Any, state: Any) -> None:
        self.loss, self.optimizer = loss, optimizer
        leaves, self.form = opened(model)
        held, self.state_form = opened(state)
        self.names = paths(model, "model")
        self.trained = [i for i, flag in enumerate(trainable(model)) if flag]
        chosen = frozenset(self.trained)
        self.carried = [i for i in range(len(leaves)) if i not in chosen]
        self.size = len(leaves)
        self.width = len(leaves) + len(held)
        self.metrics: tuple[str, ...] | None = None
        self._compiled: dict[Any, Jit] = {}
        if not self.trained:
            raise ArgumentError("there is nothing to train: the model has no parameters")

    def compiled(self, batch_form: Any) -> Jit:
        """The compiled step for batches of this form."""
        found = self._compiled.get(batch_form)
        if found is None:

            def step(*flat: Any) -> Any:
                return self.apply(batch_form, flat, self.loss)

            found = self._compiled[batch_form] = jit(step)
        return found

    def apply(self, batch_form: Any, flat: Sequence[Any], loss: Loss) -> tuple[Any, ...]:
        """The step itself; `loss` stands in for the loss where somebody watches it."""
        leaves, held = list(flat[: self.size]), flat[self.size : self.width]
        batch = batch_form.unflatten(flat[self.width :])

        def objective(values: list[Any]) -> tuple[Any, Any]:
            inner = leaves.copy()
            for i, value in zip(self.trained, values, strict=True):
                inner[i] = value
            model = self.form.unflatten(inner)
            value, metrics = value_and_metrics(loss(model, *batch))
            return value, (self._carried(model, inner), metrics)

        (value, (carried, metrics)), slopes = value_and_grad(objective, has_aux=True)([leaves[i] for i in self.trained])
        grads = leaves.copy()
        for i, slope in zip(self.trained, slopes, strict=True):
            grads[i] = slope
        for i, buffer in zip(self.carried, carried, strict=True):
            leaves[i] = buffer
        tree, state = self.optimizer.update(
            self.form.unflatten(grads), self.state_form.unflatten(held), self.form.unflatten(leaves)
        )
        lost = sum((np.sum(0.0 * slope) for slope in slopes), 0.0)  # 0 or NaN; a sum of slopes could overflow
        self._name(metrics)
        return (*opened(tree)[0], *opened(state)[0], value, np.isfinite(value + lost), *metrics.values())

    def _carried(self, model: Any, before: Sequence[Any]) -> list[Any]:
        """The buffers after the forward pass, which are those of the next step."""
        after, form = opened(model)
        if form != self.form:
            raise ArgumentError(
                "the forward pass gives the model other fields than it had; a compiled step cannot carry them",
                wrong="self.hidden = h   in forward",
                right="hidden: Buffer   in the class, set in __init__ to an array of the same shape; or return h",
            )
        for i in self.trained:
            if after[i] is not before[i]:
                raise ArgumentError(
                    f"the forward pass assigns {self.names[i]}, which is a parameter; the optimizer changes those",
                    wrong="self.weight = …   in forward",
                    right="weight: Buffer   in the class, for what is carried along",
                )
        for i in self.carried:
            old, new = aval_of(before[i]), aval_of(after[i])
            if (old.shape, old.dtype) != (new.shape, new.dtype):
                raise ShapeError(f"the forward pass makes {self.names[i]}, {old}, into {new}; a buffer keeps its form")
        return [after[i] for i in self.carried]

    def _name(self, metrics: dict[str, Any]) -> None:
        names = tuple(metrics)
        if self.metrics is not None and self.metrics != names:
            raise ArgumentError(
                f"the loss returned the metrics {', '.join(names) or 'none'}, and before {', '.join(self.metrics)}"
            )
        for name, value in metrics.items():
            if not _is_number(value):
                raise ShapeError(
                    f"the metric {name!r} is no number",
                    wrong=f'{{"{name}": prediction == y}}',
                    right=f'{{"{name}": np.mean(prediction == y)}}',
                )
        self.metrics = names


def _is_number(value: Any) -> bool:
    if not hasattr(value, "dtype") and not isinstance(value, (int, float)):
        return False
    aval = aval_of(value)
    return aval.shape == () and aval.dtype.kind in "fiub"
