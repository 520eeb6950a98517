"""Examples by number: arrays whose rows belong together, or anything that gives a batch for an array of numbers."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tree import paths
from wengert.nn.step import opened

_ROWS = "(x, y)   arrays with as many rows, or an object with __len__ and __getitem__(numbers)"


class Examples:
    """The rows of arrays, or the examples of a dataset, which are taken by their numbers.

    **Attributes**: `count`, how many there are; `name`, what they are called in errors.
    """

    def __init__(self, data: Any, name: str = "data") -> None:
        self.name = name
        self._arrays: list[Any] | None = None
        self._dataset: Any = None
        if data is None:
            self._arrays, self._form = [], opened(())[1]
            self.count = 1  # an epoch is a step, which takes no batch
        elif isinstance(data, (tuple, dict)) or hasattr(data, "__array__") or dataclasses.is_dataclass(data):
            self._take_arrays(data)
        else:
            self._take_dataset(data)
        if not self.count:
            raise ShapeError(f"the {name} is empty: there is nothing to learn from", right=_ROWS)

    def _take_arrays(self, data: Any) -> None:
        parts = data if isinstance(data, tuple) else (data,)
        parts = tuple(np.asarray(part) if isinstance(part, list) else part for part in parts)
        leaves, self._form = opened(parts)
        labels = paths(parts, self.name)
        if not leaves:
            raise ShapeError(f"the {self.name} has no arrays", right=_ROWS)
        self._arrays = [self._checked(leaf, label) for leaf, label in zip(leaves, labels, strict=True)]
        counts = [len(array) for array in self._arrays]
        if len(set(counts)) > 1:
            shapes = ", ".join(str(array.shape) for array in self._arrays)
            raise ShapeError(
                f"the arrays of the {self.name} have different numbers of rows: {shapes}",
                wrong="(x, y[:-1])",
                right=_ROWS,
            )
        self.count = counts[0]

    def _checked(self, leaf: Any, label: str) -> Any:
        array = np.asarray(leaf)
        if array.dtype.kind not in "fiubc":
            raise ArgumentError(f"{label} is an array of dtype {array.dtype}; examples are numbers", right=_ROWS)
        if not array.ndim:
            raise ShapeError(f"{label} is one number; examples are the rows of arrays", right=_ROWS)
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))

    def _take_dataset(self, data: Any) -> None:
        try:
            self.count = operator.index(len(data))
            take = type(data).__getitem__
        except (TypeError, AttributeError):
            take = None
        if take is None or isinstance(data, (str, bytes, list, set, range)):
            raise ArgumentError(
                f"the {self.name} is a {type(data).__name__}, whose examples cannot be taken by their numbers",
                wrong="[x, y], zip(x, y), a generator",
                right=_ROWS,
            )
        self._dataset = data

    def take(self, numbers: Any) -> tuple[list[Any], Any]:
        """The batch of these examples: its leaves and its form."""
        if self._arrays is not None:
            return [array.take(numbers, 0) for array in self._arrays], self._form
        batch = self._dataset[numbers]
        return opened(batch if isinstance(batch, tuple) else (batch,))

    def whole(self) -> tuple[list[Any], Any]:
        """All examples as one batch; arrays are not copied."""
        return (self._arrays, self._form) if self._arrays is not None else self.take(np.arange(self.count))

    def pieces(self, size: int) -> Iterator[tuple[int, list[Any], Any]]:
        """All examples in their order, in batches of this size, the last one with what is left."""
        if size >= self.count:
            yield self.count, *self.whole()
            return
        for start in range(0, self.count, size):
            stop = min(start + size, self.count)
            yield stop - start, *self.take(np.arange(start, stop))


class Batches:
    """Which examples are in which step: every epoch shuffled anew, by nothing but seed and number of the epoch.

    There is no generator whose state would have to be kept: the batch of a step can be found at any time. All batches
    have one size; what is left at the end of an epoch is left out, other examples each time.
    """

    def __init__(self, examples: Examples, size: int | None, seed: int, shuffle: bool = True) -> None:
        if size is not None and (isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1):
            raise ArgumentError(f"batch_size is a whole number, at least 1, not {size!r}", right="batch_size=32")
        self.examples, self.seed, self.shuffle = examples, seed, shuffle
        self.size = examples.count if size is None else min(int(size), examples.count)
        self.per_epoch = examples.count // self.size
        self._epoch = -1
        self._order: Any = None
        self._whole = examples.whole() if self.size == examples.count else None

    def at(self, step: int) -> tuple[list[Any], Any]:
        """The batch of step 0, 1, …: its leaves and its form."""
        if self._whole is not None:
            return self._whole
        return self.examples.take(self.numbers(step))

    def numbers(self, step: int) -> Any:
        """The numbers of the examples in a step."""
        epoch, position = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._order = np.arange(self.examples.count)
            if self.shuffle:
                np.random.default_rng((self.seed, epoch)).shuffle(self._order)
            self._epoch = epoch
        return self._order[position * self.size : (position + 1) * self.size]

    def steps(self, epochs: int | None, steps: int | None) -> int:
        """How many steps a run has."""
        if (epochs is None) == (steps is None):
            raise ArgumentError(
                "a run is as long as its epochs or its steps say", wrong="fit(model, loss, data)", right="epochs=10"
            )
        name, value = ("epochs", epochs) if steps is None else ("steps", steps)
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
            raise ArgumentError(f"{name} is a whole number, at least 0, not {value!r}", right=f"{name}=10")
        return int(value) * (self.per_epoch if steps is None else 1)


def mean_over(parts: list[tuple[int, tuple[Any, ...]]]) -> list[float]:
    """The mean of each figure over batches of these sizes."""
    total = sum(size for size, _ in parts)
    columns = zip(*(figures for _, figures in parts), strict=True)
    return [
        math.fsum(size * float(figure) for (size, _), figure in zip(parts, column, strict=True)) / total
        for column in columns
    ]
