"""The same programs in each library.

A module here imports its library and is imported in a process of its own. `PROGRAMS[contest]` takes the arguments that
NumPy prepared and returns a function of no arguments, which is timed and returns when all is computed; what the library
has a second way for is at `PROGRAMS[contest, way]`. `plain` turns results into arrays of NumPy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.case import mapped
from benchmarks.race import Entry

Call = Callable[[], Any]
Make = Callable[..., Call]

#: Ours and its other ways; then those that we are compared with, and theirs.
PEERS = {
    "wengert": Entry("wengert", "wengert", "Wengert"),
    "wengert.blocks": Entry("wengert", "wengert", "Wengert, blocks by vmap", "blocks"),
    "wengert.nested": Entry("wengert", "wengert", "Wengert, nested jvp", "nested"),
    "wengert.snapshots": Entry("wengert", "wengert", "Wengert, 200 snapshots", "snapshots"),
    "wengert.forward": Entry("wengert", "wengert", "Wengert, sensitivities", "forward"),
    "eager": Entry("wengert", "wengert", "Wengert, eager"),
    "eager.snapshots": Entry("wengert", "wengert", "Wengert, eager, 200 snapshots", "snapshots"),
    "jax": Entry("jax", "jax", "JAX"),
    "jax.nested": Entry("jax", "jax", "JAX, nested jvp", "nested"),
    "jax.checkpoint": Entry("jax", "jax", "JAX, jax.checkpoint", "checkpoint"),
    "torch": Entry("torch", "torch", "PyTorch"),
    "casadi": Entry("casadi", "casadi", "CasADi"),
    "autograd": Entry("autograd", "autograd", "autograd"),
}

SNAPSHOTS = 200


@dataclass
class Sparse:
    """A matrix in compressed rows: where rows begin, the columns, and the values."""

    starts: Any
    columns: Any
    values: Any

    def entries(self) -> tuple[Any, Any, Any]:
        """Rows, columns and values of what is not zero, in order; not every library has entries for the same zeros."""
        starts, columns, values = (np.asarray(part) for part in (self.starts, self.columns, self.values))
        rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        kept = np.flatnonzero(values)
        order = kept[np.lexsort((columns[kept], rows[kept]))]
        return rows[order], columns[order], values[order]


def converted(result: Any, array: Callable[[Any], Any]) -> Any:
    """The result with the library's arrays turned into NumPy's."""
    if isinstance(result, Sparse):
        return Sparse(*(array(part) for part in (result.starts, result.columns, result.values))).entries()
    return mapped(array, result)


def places(cameras: int, points: int, observations: Any) -> tuple[Any, Any]:
    """Where the rows of bundle adjustment's Jacobian begin and which columns they have, for the blocks of 2 × 15."""
    count = len(observations)
    weights = 11 * cameras + 3 * points + np.arange(count)
    columns = np.concatenate(
        [
            11 * observations[:, :1] + np.arange(11),
            11 * cameras + 3 * observations[:, 1:] + np.arange(3),
            weights[:, None],
        ],
        axis=1,
    )
    starts = np.concatenate([np.arange(0, 30 * count, 15), 30 * count + np.arange(count + 1)])
    return starts, np.concatenate([np.concatenate([columns, columns], axis=1).ravel(), weights])


def tower(f: Callable[[Any], Any], order: int, push: Callable[..., Any]) -> Callable[[Any], tuple[Any, ...]]:
    """A function and its derivatives along a line up to the order, by forward mode in forward mode.

    `push(g, x)` returns g(x) and its tangent.
    """
    if order == 0:
        return lambda x: (f(x),)
    below = tower(f, order - 1, push)

    def above(x: Any) -> tuple[Any, ...]:
        values, tangents = push(below, x)
        return (*values, tangents[-1])

    return above


def factorials(order: int) -> list[float]:
    return [float(math.factorial(k)) for k in range(order + 1)]


def limited(make: Make, within: Callable[..., bool], why: str = "takes minutes") -> Make:
    """What makes a call, but only of arguments with which the library is done soon."""

    def checked(*args: Any) -> Call:
        if not within(*args):
            raise NotImplementedError(why)
        return make(*args)

    return checked


def refused(why: str) -> Make:
    """A contest that a library has nothing for."""

    def make(*args: Any) -> Call:
        raise NotImplementedError(why)

    return make
