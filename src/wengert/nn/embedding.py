"""Tables of vectors, looked up by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tracer import Tracer, concrete
from wengert.nn.initializers import Generator, Init, generator, initial
from wengert.nn.linear import as_numbers, check_size
from wengert.nn.module import Module, Parameter
from wengert.ops.indexing import take
from wengert.ops.special import stop_gradient


class Embedding(Module):
    """A vector for each of n things: row i of a table.

    **Arguments**: `n`, how many things; `n_features`, the length of the vectors; `padding_idx`: the row of this number
    begins as zeros and is not trained; `weight_init` (by default the standard normal distribution), `dtype`, `rng` as
    in `Linear`. **Parameters**: `weight`, shape (n, n_features).
    **Takes** whole numbers i, 0 ≤ i < n, of any shape. **Returns** an array of shape (*i.shape, n_features).
    **Raises**: `ShapeError` for numbers out of range, `ArgumentError` for what is not whole.
    **Cost**: a copy of the rows; backwards an addition into them.

    >>> import numpy as np, wengert as wg
    >>> table = wg.nn.Embedding(10, 4, rng=0)
    >>> table(np.array([[1, 2, 3], [4, 5, 6]])).shape
    (2, 3, 4)
    """

    weight: Parameter

    def __init__(
        self,
        n: int,
        n_features: int,
        *,
        padding_idx: int | None = None,
        weight_init: Init = "normal",
        dtype: Any = np.float64,
        rng: int | Generator | None = None,
    ) -> None:
        self.n, self.n_features = check_size("n", n), check_size("n_features", n_features)
        if padding_idx is not None:
            if not -n <= padding_idx < n:
                raise ArgumentError(f"padding_idx is the number of a row, from 0 to {n - 1}, not {padding_idx}")
            padding_idx %= n
        self.padding_idx = padding_idx
        weight = initial(weight_init, (n, n_features), generator(rng), dtype)
        if padding_idx is not None:
            weight[padding_idx] = 0.0
        self.weight = weight

    def forward(self, index: Any) -> Any:
        index = as_numbers(index)
        if aval_of(index).dtype.kind not in "iu":
            raise ArgumentError(
                f"an Embedding is looked up by whole numbers, not by {aval_of(index).dtype}",
                wrong="table(np.array([0.0, 2.0]))",
                right="table(np.array([0, 2]))   or table(x.astype(int))",
            )
        if isinstance(index, Tracer):  # its numbers may not be looked at, unless one is outside and the lookup fails
            try:
                rows = take(self.weight, np.where(np.less(index, 0), self.n, index), axis=0)
            except IndexError:
                self._check(concrete(index))
                raise
        else:
            self._check(index)
            rows = np.take(self.weight, index, axis=0)
        if self.padding_idx is None:
            return rows
        return np.where(np.expand_dims(index == self.padding_idx, -1), stop_gradient(rows), rows)

    def _check(self, index: Any) -> None:
        given = np.asarray(index)
        outside = given[(given < 0) | (given >= self.n)]
        if outside.size:
            raise ShapeError(
                f"Embedding({self.extra_repr()}) has rows 0 to {self.n - 1}, and was asked for {outside.flat[0]}"
            )

    def extra_repr(self) -> str:
        padding = [] if self.padding_idx is None else [f"padding_idx={self.padding_idx}"]
        return ", ".join([f"{self.n} × {self.n_features}", *padding])
