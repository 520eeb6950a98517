"""A run of training: all that changes from step to step, and how it is kept in a file."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optree

from wengert.core.errors import ShapeError
from wengert.core.tree import NAMESPACE
from wengert.nn import checkpoint
from wengert.nn.checkpoint import CheckpointError
from wengert.nn.data import Batches
from wengert.nn.finite import NonFiniteError, first_place
from wengert.nn.history import History
from wengert.nn.module import Module
from wengert.nn.progress import Bar
from wengert.nn.step import Loss, Program, opened
from wengert.nn.stopping import Patience
from wengert.nn.training import raise_where
from wengert.nn.validation import Validation
from wengert.optim.optimizer import Optimizer
from wengert.transform.tape import Variable


class Run:
    """The state of a run: leaves of model and optimizer in one row, the number of steps, history, the best so far."""

    def __init__(self, model: Any, loss: Loss, optimizer: Optimizer, batches: Batches, every: int) -> None:
        model = copied(model)
        parts = modules_of(model)
        if not any(part.training for part in parts):
            for part in parts:
                part.train()  # parts that were put into evaluation mode one by one stay so
        state = optimizer.init(model)
        leaves, held = opened(model)[0], opened(state)[0]
        self.program = Program(loss, optimizer, model, state)
        self.flat: Sequence[Any] = [*leaves, *held]
        self.architecture = re.sub(r" at 0x[0-9a-f]+", "", repr(model)).splitlines() if parts else []
        for part in parts:
            part.eval()
        self.still = opened(model)[1]  # the form in evaluation mode
        self.batches, self.every = batches, every
        self.settings = {
            "examples": batches.examples.count, "batch size": batches.size, "shuffle": batches.shuffle,
            "seed": batches.seed, "every": every, "optimizer": re.sub(r" at 0x[0-9a-f]+", "", repr(optimizer)),
        }  # fmt: skip
        self.step = 0
        self.history = History()
        self.validation: Validation | None = None
        self.patience: Patience | None = None
        self.best: list[Any] | None = None  # leaves of the model
        self.file: Path | None = None
        self._kept: int | None = None  # the step of what is in the file
        self._figures: list[tuple[Any, ...]] = []  # metrics of each step of the round
        self._begun, self._before = time.perf_counter(), 0.0

    # Steps ------------------------------------------------------------------------------------------------------------

    def advance(self, end: int, bar: Bar) -> None:
        """Make steps until so many are done."""
        program, at, clock = self.program, self.batches.at, time.perf_counter
        width, flat, known, compiled = program.width, self.flat, None, None
        losses, figures = self.history.losses, self._figures
        figures.clear()
        with np.errstate(all="ignore"):
            for step in range(self.step, end):
                batch, form = at(step)
                if form is not known:
                    known, compiled = form, program.compiled(form)
                out = compiled(*flat, *batch)  # type: ignore[misc]
                if not out[width + 1]:
                    raise_where(program, form, [*flat, *batch], out[width], note=self._note())
                flat = out[:width]
                losses.append(out[width])
                if program.metrics:
                    figures.append(out[width + 2 :])
                if clock() >= bar.due:
                    bar.draw(step + 1, float(out[width]))
        self.flat, self.step = [_in_order(leaf) for leaf in flat], end

    def finish_round(self) -> dict[str, float]:
        """The figures of the round that ends here."""
        start = int(self.history.last["step"]) if len(self.history) else 0
        losses, names = self.history.losses[start:], self.program.metrics or ()
        record = {"step": float(self.step), "epoch": self.step / self.batches.per_epoch, "loss": _mean(losses)}
        record.update(zip(names, map(_mean, zip(*self._figures, strict=True)), strict=True))
        if self.validation is not None:
            found = self.validation(self.leaves, self.step)
            record.update((f"validation_{name}", value) for name, value in found.items())
        record["seconds"] = self._before + time.perf_counter() - self._begun
        if self.patience is not None:
            if self.patience.rule.monitor not in record:
                known = ", ".join(name for name in record if name not in ("step", "epoch", "seconds"))
                raise ShapeError(f"early stopping watches {self.patience.rule.monitor!r}; the figures are {known}")
            if self.patience.is_better(record, self.step):
                self.best = list(self.leaves)
        self.history.add(record)
        return record

    @property
    def leaves(self) -> Sequence[Any]:
        """Those of the model."""
        return self.flat[: self.program.size]

    def model(self, leaves: Sequence[Any]) -> Any:
        """The model with copies of these leaves, in evaluation mode."""
        return self.still.unflatten([np.array(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in leaves])

    def result(self) -> Any:
        """The trained model."""
        return self.model(self.leaves if self.best is None else self.best)

    # The file ---------------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write all of the run to its file."""
        assert self.file is not None
        for name, leaf in zip(self.program.names, self.leaves, strict=True):
            place = first_place(leaf)
            if place:
                raise NonFiniteError(
                    "\n".join(filter(None, [f"after step {self.step} {name} has {place}", self._note()]))
                )
        tensors = checkpoint.tensors_of(self.still.unflatten(self.leaves), "model.")
        tensors |= checkpoint.tensors_of(self._state(), "optimizer.")
        tensors |= {f"history.{name}": array for name, array in self.history.to_arrays().items()}
        note: dict[str, Any] = {
            "kind": "run", "step": self.step, "settings": self.settings, "architecture": self.architecture,
            "columns": self.history.columns,
        }  # fmt: skip
        if self.patience is not None:
            note["patience"] = self.patience.to_json()
            if self.best is not None:
                tensors |= checkpoint.tensors_of(self.still.unflatten(self.best), "best.")
        checkpoint.write(self.file, tensors, note)
        self._kept = self.step

    def restore(self) -> None:
        """Go on from the file."""
        file = str(self.file)
        tensors, note = checkpoint.read(file)
        if note.get("kind") != "run":
            raise CheckpointError(
                f"{file} holds no run of nn.fit",
                right='checkpoint="another name", or nn.load(path, model) for the model in it',
            )
        fault = checkpoint.differing(self.architecture, note["architecture"])
        if fault:
            raise CheckpointError(f"{file} is of another model: {fault}", right='checkpoint="another name"')
        model = checkpoint.filled(self.still.unflatten(self.leaves), tensors, file, "model.")
        kept, here = note["settings"], self.settings
        faults = [
            f"{name} {kept.get(name)} in the file, {here[name]} here" for name in here if kept.get(name) != here[name]
        ]
        if faults:
            raise CheckpointError(f"{file} is of another run: {'; '.join(faults)}", right='checkpoint="another name"')
        state = checkpoint.filled(self._state(), tensors, file, "optimizer.")
        if self.patience is not None and "patience" in note:
            self.patience.from_json(note["patience"])
            if any(name.startswith("best.") for name in tensors):
                self.best = opened(checkpoint.filled(model, tensors, file, "best."))[0]
        self.flat = [*opened(model)[0], *opened(state)[0]]
        arrays = {n.removeprefix("history."): t for n, t in tensors.items() if n.startswith("history.")}
        self.history = History.from_arrays(arrays, note["columns"])
        self.step = self._kept = int(note["step"])
        self._before = self.history.last.get("seconds", 0.0)

    def _state(self) -> Any:
        return self.program.state_form.unflatten(self.flat[self.program.size : self.program.width])

    def _note(self) -> str:
        return "" if self._kept is None else f"the last good checkpoint is {self.file}, of step {self._kept}"


class Round:
    """What a callback of `fit` is given, after a round.

    **Attributes**: `step`, `epoch`, how many were done; `record`, the figures of the round by name; `history`, with
    this round; `model`, a copy in evaluation mode.
    """

    def __init__(self, run: Run, record: dict[str, float]) -> None:
        self._run = run
        self.step, self.record, self.history = run.step, record, run.history
        self.epoch = run.step // run.batches.per_epoch

    @cached_property
    def model(self) -> Any:
        return self._run.model(self._run.leaves)


def copied(tree: Any) -> Any:
    """A tree with copies of its numbers, in plain arrays whose rows lie one after the other."""
    leaves, form = opened(tree)
    return form.unflatten([_copy(leaf.data if isinstance(leaf, Variable) else leaf) for leaf in leaves])


def _copy(leaf: Any) -> Any:
    return np.array(leaf, order="C") if isinstance(leaf, np.ndarray) else leaf


def _in_order(leaf: Any) -> Any:
    """In the order in which a file holds it, so that a run that goes on from one adds up in the same order."""
    return leaf if not isinstance(leaf, np.ndarray) or leaf.flags.c_contiguous else np.array(leaf, order="C")


def modules_of(tree: Any) -> list[Module]:
    """The modules in a tree that are not in other modules."""
    nodes = optree.tree_leaves(tree, is_leaf=lambda node: isinstance(node, Module), namespace=NAMESPACE)
    return [node for node in nodes if isinstance(node, Module)]


def _mean(values: Sequence[Any]) -> float:
    return math.fsum(map(float, values)) / len(values)
