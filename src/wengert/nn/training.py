"""`train_step`: a compiled function that makes one step of training."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import optree

from wengert.core.errors import ArgumentError, check_callable
from wengert.core.tree import NAMESPACE
from wengert.nn.finite import NonFiniteError, Watch, explanation, first_place, watched
from wengert.nn.step import Loss, Program, opened
from wengert.optim.optimizer import Optimizer
from wengert.transform.tape import Variable


class TrainStep:
    """What `train_step` returns: one step, compiled for each form of model, state and batch that it meets."""

    def __init__(self, loss: Loss, optimizer: Optimizer) -> None:
        self.loss, self.optimizer = loss, optimizer
        self._programs: dict[Any, Program] = {}

    def __call__(self, model: Any, state: Any, *batch: Any) -> tuple[Any, ...]:
        """(model, state, value), and the metrics if the loss returns any."""
        leaves, form = optree.tree_flatten(model, namespace=NAMESPACE)
        held, state_form = optree.tree_flatten(state, namespace=NAMESPACE)
        program = self._programs.get((form, state_form))
        if program is None:
            program = self.program(model, state)
            leaves, held = opened(model)[0], opened(state)[0]
            self._programs[program.form, program.state_form] = program
        leaves = [leaf.data if isinstance(leaf, Variable) else leaf for leaf in leaves]
        args, batch_form = opened(batch)
        with np.errstate(all="ignore"):
            out = program.compiled(batch_form)(*leaves, *held, *args)
        if not out[program.width + 1]:
            raise_where(program, batch_form, [*leaves, *held, *args], out[program.width])
        model = program.form.unflatten(out[: program.size])
        state = program.state_form.unflatten(out[program.size : program.width])
        value, metrics = out[program.width], out[program.width + 2 :]
        if not program.metrics:
            return model, state, value
        return model, state, value, dict(zip(program.metrics, metrics, strict=True))

    def program(self, model: Any, state: Any) -> Program:
        """The step on leaves, for models and states of this form."""
        return Program(self.loss, self.optimizer, model, state)

    def __repr__(self) -> str:
        return f"train_step({getattr(self.loss, '__name__', self.loss)!s}, {self.optimizer!r})"


def train_step(loss: Loss, optimizer: Optimizer) -> TrainStep:
    """Loss, gradient and update as one compiled function of model, state and batch.

    (model, state) ↦ `optimizer.update(∇loss(model, *batch), state, model)`. Buffers that the forward pass changes, such
    as the running statistics of a BatchNorm or the key of a Dropout, come back in the model.

    **Arguments**: `loss`, a function of the model and the parts of a batch, which returns a number, or a number and a
    dictionary of metrics; `model` is any pytree, `nn.trainable` says what in it is trained. `optimizer`, one of
    `wg.optim`.
    **Returns**: `step(model, state, *batch)`, which returns `(model, state, value)`, and the metrics as a fourth if
    there are any. The state before the first step is `optimizer.init(model)`.
    **Raises**: `NonFiniteError` where the loss or its gradient is NaN or infinite, which names the step and the
    operation where it begins; what the loss raises.
    **Cost**: that of the compiled code, and some µs for every field of the model, which is taken apart and put
    together; `nn.fit` does this once. Compiled anew for batches of another shape.

    >>> import numpy as np, wengert as wg
    >>> from wengert.nn.training import train_step
    >>> def loss(line, x, y):
    ...     return np.mean((line["slope"] * x + line["shift"] - y) ** 2)
    >>> optimizer = wg.optim.SGD(lr=0.1)
    >>> step = train_step(loss, optimizer)
    >>> line = {"slope": 0.0, "shift": 0.0}
    >>> state = optimizer.init(line)
    >>> x = np.linspace(-1.0, 1.0, 20)
    >>> for _ in range(300):
    ...     line, state, value = step(line, state, x, 3.0 * x + 1.0)
    >>> {name: round(number, 6) for name, number in line.items()}
    {'slope': 3.0, 'shift': 1.0}

    **Source**: Robbins & Monro, "A stochastic approximation method" (1951).
    """
    check_callable(loss, "nn.train_step")
    check_loss(loss)
    check_optimizer(optimizer)
    return TrainStep(loss, optimizer)


def check_loss(loss: Any) -> None:
    """A loss of a prediction and a target is not yet one of a model and a batch."""
    if getattr(loss, "__module__", "") == "wengert.nn.losses":
        name = loss.__name__
        raise ArgumentError(
            f"{name} is a function of a prediction and a target; training needs one of a model and a batch",
            wrong=f"fit(model, nn.{name}, (x, y))",
            right=f"fit(model, nn.supervised(nn.{name}), (x, y))   or lambda model, x, y: nn.{name}(model(x), y)",
        )


def check_optimizer(optimizer: Any) -> None:
    """Training takes one of Wengert's update rules."""
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        right = f"{optimizer.__name__}(lr=…)"
    elif isinstance(optimizer, Optimizer):
        if not getattr(optimizer, "line_search", False):
            return
        raise ArgumentError(
            "a line search decides by numbers, and cannot be part of a compiled step",
            wrong="LBFGS(line_search=True)",
            right="LBFGS()   or   wg.optim.minimize",
        )
    else:
        right = "wg.optim.Adam(lr=1e-3)"
    raise ArgumentError(f"the optimizer is one of wg.optim, and was {optimizer!r}", right=right)


def raise_where(program: Program, batch_form: Any, flat: list[Any], value: Any, *, note: str = "") -> None:
    """Raise, and say where NaN or infinity began; return where the step has none after all."""
    where, count = origin(program, batch_form, flat), step_number(program, flat)
    if where is None:
        return
    what = f"the loss is {value:.6g}" + (" and its gradient is not finite" if np.isfinite(value) else "")
    message = "\n".join(filter(None, [f"step {count}: {what}; {where}", note]))
    raise NonFiniteError(message, right="a smaller learning rate, clip=wg.optim.ClipNorm(1.0), or data without NaN")


def step_number(program: Program, flat: list[Any]) -> int:
    """Which step this is, as the optimizer counts them."""
    state = program.state_form.unflatten(flat[program.size : program.width])
    return int(state["step"]) + 1


def origin(program: Program, batch_form: Any, flat: list[Any]) -> str | None:
    """Where NaN or infinity begins in a step, in words; None where the step is finite."""
    watch = Watch()

    def loss(model: Any, *batch: Any) -> Any:
        watch.name(model)
        return program.loss(model, *batch)

    out = watched(lambda *flat: program.apply(batch_form, flat, loss), flat, watch)
    if out[program.width + 1]:
        return None
    return "; ".join(filter(None, [explanation(watch), *given(program, batch_form, flat)])) or "it is not known where"


def given(program: Program, batch_form: Any, flat: list[Any]) -> list[str]:
    """What among the arguments of a step is not finite, in words."""
    labels = [*program.names, *batch_names(batch_form)]
    values = [*flat[: program.size], *flat[program.width :]]
    places = ((label, first_place(value)) for label, value in zip(labels, values, strict=True))
    return [f"{label} has {place}" for label, place in places if place]


def batch_names(form: Any) -> list[str]:
    """The names of the parts of a batch."""
    return [re.sub(r"^\[(\d+)\]", r"batch[\1]", accessor.codify("")) for accessor in form.accessors()]
