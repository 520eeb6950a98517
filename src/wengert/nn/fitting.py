"""`fit`: the loop around the compiled step, with validation, early stopping, checkpoints and a bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wengert.core.errors import ArgumentError, check_callable
from wengert.nn.checkpoint import discard_parts
from wengert.nn.data import Batches, Examples
from wengert.nn.history import History
from wengert.nn.progress import Bar
from wengert.nn.run import Round, Run
from wengert.nn.step import Loss
from wengert.nn.stopping import EarlyStopping, rule_of
from wengert.nn.training import check_loss, check_optimizer
from wengert.nn.validation import Validation
from wengert.optim.adam import Adam
from wengert.optim.optimizer import Optimizer

Callback = Callable[[Round], Any]


class Fitted(NamedTuple):
    """A trained model, and how it came to be."""

    model: Any
    history: History


def fit(
    model: Any,
    loss: Loss,
    data: Any,
    *,
    optimizer: Optimizer | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
    validation: Any = None,
    every: int | None = None,
    early_stopping: EarlyStopping | int | None = None,
    callbacks: Callback | Sequence[Callback] = (),
    checkpoint: Any = None,
    checkpoint_seconds: float = 30.0,
    progress: bool | None = None,
) -> Fitted:
    """Train a model on batches of data: θ ← θ − update(∇loss(θ, batch)), as often as is asked for.

    **Arguments**: `model`, any pytree, such as a Module; it stays as it is. `loss(model, *batch)`, which returns a
    number, or a number and a dictionary of metrics, each a mean over the batch; `nn.supervised` makes one of a loss of
    predictions. `data`: an array, a tuple of arrays (the parts of a batch) or a dict, with one row per example; or an
    object with `__len__`, and `__getitem__` that takes an array of numbers and gives a batch; or None, for a loss of
    the model alone.
    `optimizer`, by default `Adam()`. `epochs` or `steps`, how long. `batch_size`, by default all data at once; all
    batches have this size, and what is left at the end of an epoch is left out. `shuffle`, `seed`: the order of the
    examples follows from the seed and the number of the epoch.
    `validation`, data that is not trained on. `every`: after so many steps, by default an epoch, comes a round of
    validation, history, early stopping, callbacks. `early_stopping`, the patience in rounds or an `EarlyStopping`.
    `callbacks`, functions of a `Round`; one that returns something true ends the run.
    `checkpoint`, a file that holds all of the run: it is written after the first round that is `checkpoint_seconds`
    or more after the last writing, and at the end. If it is there when a run begins, the run goes on from it, and ends
    as if it had not been interrupted, to the last bit. `progress`: True for a bar, False for none, None for one on
    terminals and in notebooks.
    **Returns**: `(model, history)`, the model in evaluation mode and with plain arrays; with early stopping that of
    the best round.
    **Raises**: `NonFiniteError` where a loss or its gradient is NaN or infinite, with the step and the operation where
    that begins; `ShapeError`, `ArgumentError` for data, shapes and settings that do not fit; `CheckpointError` for a
    file that is damaged or belongs to another run.
    **Cost**: one compiled program per step and a few µs around it.

    >>> import numpy as np, wengert as wg
    >>> from wengert.nn.fitting import fit
    >>> from wengert.nn.losses import squared_error
    >>> from wengert.nn.metrics import supervised
    >>> x = np.linspace(-1.0, 1.0, 64)[:, None]
    >>> model, history = fit(wg.nn.Linear(1, 1, rng=0), supervised(squared_error), (x, 3 * x + 1),
    ...                      optimizer=wg.optim.SGD(lr=0.1), epochs=60, batch_size=16)
    >>> model.weight.round(4), model.bias.round(4)
    (array([[3.]]), array([1.]))
    >>> len(history.loss), len(history["loss"])
    (240, 60)

    **Source**: Bottou, Curtis & Nocedal, "Optimization methods for large-scale machine learning" (2018).
    """
    check_callable(loss, "nn.fit")
    check_loss(loss)
    optimizer = Adam() if optimizer is None else optimizer
    check_optimizer(optimizer)
    check_seed(seed)
    batches = Batches(Examples(data), batch_size, seed, shuffle)
    total = batches.steps(epochs, steps)
    if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise ArgumentError(f"every is a number of steps, at least 1, not {every!r}", right="every=100")
    hooks = [callbacks] if callable(callbacks) else list(callbacks)
    for hook in hooks:
        check_callable(hook, "nn.fit's callbacks")
    run = Run(model, loss, optimizer, batches, every or batches.per_epoch)
    if validation is not None:
        run.validation = Validation(run.program, run.still, Examples(validation, "validation data"), batches.size)
    run.patience = rule_of(early_stopping, validation is not None)
    if checkpoint is not None:
        run.file = Path(checkpoint)
        discard_parts(run.file)
        if run.file.exists():
            run.restore()
    with Bar(total, batches.size, batches.per_epoch, run.step, progress) as bar:
        _follow(run, total, hooks, bar, checkpoint_seconds)
    return Fitted(run.result(), run.history)


def _follow(run: Run, total: int, hooks: list[Callback], bar: Bar, seconds: float) -> None:
    written = time.monotonic()
    stopped = run.patience is not None and run.patience.is_over
    if run.file is not None and run.step == 0 and not run.file.exists():
        run.save()  # now is the time to find out that it cannot be written
    while run.step < total and not stopped:
        run.advance(min(run.step - run.step % run.every + run.every, total), bar)
        record = run.finish_round()
        bar.round(record)
        stopped = run.patience is not None and run.patience.is_over
        found = Round(run, record)
        stopped = bool([hook for hook in hooks if hook(found)]) or stopped
        if run.file is not None and (run.step == total or stopped or time.monotonic() - written >= seconds):
            run.save()
            written = time.monotonic()
    if len(run.history):
        bar.draw(run.step, run.history.last["loss"])


def check_seed(seed: Any) -> None:
    """Seeds are whole numbers that are not negative."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ArgumentError(f"seed is a whole number, at least 0, not {seed!r}", right="seed=0")
