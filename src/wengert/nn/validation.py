"""Loss and metrics on data that is not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.compile.jit import Jit, jit
from wengert.core.aval import shape_of
from wengert.core.errors import ShapeError
from wengert.nn.data import Examples, mean_over
from wengert.nn.finite import NonFiniteError, Watch, explanation, watched
from wengert.nn.step import Loss, Program, value_and_metrics


class Validation:
    """The mean of the loss and of each metric over all examples, by the model in evaluation mode."""

    def __init__(self, program: Program, form: Any, examples: Examples, size: int) -> None:
        self.program, self.form, self.examples, self.size = program, form, examples, size
        self.names: tuple[str, ...] = ()
        self._compiled: dict[Any, Jit] = {}

    def __call__(self, leaves: Sequence[Any], step: int) -> dict[str, float]:
        """The figures of these leaves of the model, after so many steps."""
        parts = []
        for count, batch, form in self.examples.pieces(self.size):
            run = self._compiled.get(form)
            if run is None:
                run = self._compiled[form] = self._program(form)
            with np.errstate(all="ignore"):
                figures = run(*leaves, *batch)
            if not np.isfinite(figures[0]):
                self._refuse(form, [*leaves, *batch], figures[0], step)
            parts.append((count, figures))
        return dict(zip(("loss", *self.names), mean_over(parts), strict=True))

    def _program(self, batch_form: Any) -> Jit:
        def evaluate(*flat: Any) -> tuple[Any, ...]:
            return self._apply(batch_form, flat, self.program.loss)

        return jit(evaluate)

    def _apply(self, batch_form: Any, flat: Sequence[Any], loss: Loss) -> tuple[Any, ...]:
        model = self.form.unflatten(flat[: self.program.size])
        value, metrics = value_and_metrics(loss(model, *batch_form.unflatten(flat[self.program.size :])))
        if shape_of(value) != ():
            raise ShapeError(f"the loss is one number, and has shape {shape_of(value)} on the validation data")
        self.names = tuple(metrics)
        return (value, *metrics.values())

    def _refuse(self, batch_form: Any, flat: list[Any], value: Any, step: int) -> None:
        watch = Watch()

        def loss(model: Any, *batch: Any) -> Any:
            watch.name(model)
            return self.program.loss(model, *batch)

        watched(lambda *flat: self._apply(batch_form, flat, loss), flat, watch)
        where = explanation(watch) or "the validation data is not finite"
        raise NonFiniteError(f"the validation loss after step {step} is {float(value):.6g}; {where}")
