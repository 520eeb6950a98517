"""What happened in a run: the loss of each step, and the figures of each round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.core.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_KEYS = ("step", "epoch", "seconds")


class History:
    """The figures of a run, as arrays.

    A round is an epoch, or as many steps as `every` says. `history["loss"]` is the mean loss of each round,
    `history["validation_loss"]` that on the validation data after it, and so on for each metric.

    **Attributes**: `loss`, the loss of each step; `columns`, the names of the figures of a round: "step" and "epoch",
    how many were done, "loss", the metrics, those of validation, and "seconds", the time since the run began.

    >>> from wengert.nn.history import History
    >>> history = History()
    >>> history.losses += [2.0, 1.0]
    >>> history.add({"step": 2, "loss": 1.5})
    >>> history["loss"], history.loss
    (array([1.5]), array([2., 1.]))
    """

    def __init__(self) -> None:
        self.losses: list[Any] = []  # of each step
        self._records: dict[str, list[float]] = {}

    @property
    def loss(self) -> np.ndarray[Any, Any]:
        """The loss of each step."""
        return np.array(self.losses, float)

    @property
    def columns(self) -> list[str]:
        return list(self._records)

    def add(self, record: dict[str, float]) -> None:
        """The figures of one more round."""
        if self._records and {*record} != {*self._records}:
            raise ArgumentError(f"a round of {', '.join(record)} in a history of {', '.join(self._records)}")
        for name, value in record.items():
            self._records.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        if name not in self._records:
            known = ", ".join(self._records) or "nothing: there was no round"
            raise ArgumentError(f"the history has no {name!r}; it has {known}")
        values = self._records[name]
        return np.array(values, np.int64 if name == "step" else float)

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        """How many rounds there are."""
        return len(next(iter(self._records.values()), []))

    @property
    def last(self) -> dict[str, float]:
        """The figures of the last round."""
        return {name: values[-1] for name, values in self._records.items() if values}

    def plot(self, path: Any = None, **options: Any) -> Figure:
        """The curves of loss and metrics as a figure of matplotlib; see `nn.plot_history`."""
        from wengert.nn.pictures import plot_history

        return plot_history(self, path, **options)

    def __repr__(self) -> str:
        if not self._records:
            return "History of no rounds"
        figures = ", ".join(f"{name} {value:.4g}" for name, value in self.last.items() if name not in _KEYS)
        count = len(self)
        return f"History of {count} round{'s' * (count != 1)}, {int(self.last['step']):,} steps; the last: {figures}"

    def to_arrays(self) -> dict[str, Any]:
        """All of it as arrays, to be kept in a checkpoint."""
        return {"losses": np.array(self.losses, float), **{f"rounds.{name}": self[name] for name in self._records}}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], columns: list[str]) -> History:
        """The history that was kept, with its columns in their order."""
        history = cls()
        history.losses = arrays["losses"].tolist()
        history._records = {name: arrays[f"rounds.{name}"].tolist() for name in columns}
        return history
