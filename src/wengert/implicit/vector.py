"""The unknown as one vector: what solvers work on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.errors import ArgumentError
from wengert.core.tracer import Tracer
from wengert.core.tree import flatten, paths


class Unknown:
    """The structure, shapes and dtypes of x, from a start such as x0."""

    def __init__(self, start: Any, name: str) -> None:
        leaves, self.rebuild = flatten(start)
        if not leaves:
            raise ArgumentError(f"{name} holds no number to solve for", wrong="root(f, [], a)", right="root(f, 1.0, a)")
        self.avals: list[Aval] = []
        for leaf, path in zip(map(resolve, leaves), paths(start, name), strict=True):
            self.avals.append(_aval(leaf, path))
        self.sizes = [int(np.prod(aval.shape)) for aval in self.avals]
        self.ends = np.cumsum(self.sizes).tolist()

    def __len__(self) -> int:
        return sum(self.sizes)

    def tree(self, vector: Any) -> Any:
        """The tree of a vector, which may be traced."""
        starts = [0, *self.ends[:-1]]
        parts = [
            np.reshape(vector[a:b], aval.shape) if aval.shape else vector[a]
            for a, b, aval in zip(starts, self.ends, self.avals, strict=True)
        ]
        return self.rebuild(parts)

    def result(self, vector: Any) -> Any:
        """The tree of a vector of plain numbers, in the dtypes of the start."""
        leaves = flatten(self.tree(vector))[0]
        return self.rebuild([float(v) if a.weak else np.asarray(v, a.dtype)[()]
                             for v, a in zip(leaves, self.avals, strict=True)])  # fmt: skip


def _aval(leaf: Any, path: str) -> Aval:
    if not isinstance(leaf, (int, float, np.generic, np.ndarray, Tracer)) or isinstance(leaf, bool):
        raise ArgumentError(f"{path} is a {type(leaf).__name__}; the unknown is made of real numbers and arrays")
    aval = aval_of(leaf)
    if aval.dtype.kind not in "fiu":
        raise ArgumentError(
            f"{path} has dtype {aval.dtype}; the unknown is made of real numbers",
            wrong="root(f, 1j)",
            right="root(lambda v: [np.real(f(v[0] + 1j * v[1])), np.imag(f(v[0] + 1j * v[1]))], np.array([0.0, 1.0]))",
        )
    return aval if aval.dtype.kind == "f" else Aval(aval.shape, np.dtype(np.float64), aval.weak)


def ravel(tree: Any) -> Any:
    """The elements of all leaves in one vector."""
    parts = [leaf if len(shape_of(leaf)) == 1 else np.reshape(leaf, (-1,)) for leaf in flatten(tree)[0]]
    return (
        parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0), *parts]) if not parts else np.concatenate(parts)
    )


def wide(tree: Any) -> Any:
    """The tree in float64: a solver's steps need the digits, whatever the precision of the answer."""
    leaves, rebuild = flatten(tree)
    return rebuild([_widened(leaf) for leaf in leaves])


def _widened(leaf: Any) -> Any:
    narrow = isinstance(leaf, (np.ndarray, np.generic)) and leaf.dtype in (np.float16, np.float32)
    return leaf.astype(np.float64) if narrow else leaf


def precision(trees: Sequence[Any]) -> float:
    """The unit roundoff of the coarsest numbers in the trees."""
    kinds = [leaf.dtype for tree in trees for leaf in flatten(tree)[0] if isinstance(leaf, (np.ndarray, np.generic))]
    return max([2.0**-52, *(float(np.finfo(kind).eps) for kind in kinds if kind.kind in "fc")])
