"""A function linearized at a point, as a matrix: products with it, and the entries of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of
from wengert.core.errors import ArgumentError
from wengert.core.tracer import Tracer
from wengert.sparse.plan import Passes, Plan
from wengert.sparse.rows import Array
from wengert.transform.linearization import Linearization
from wengert.transform.passes import Pass, at_once, is_small, pulling, pushing

_UNROLLED = 48  # passes that are recorded one after the other; more are recorded as one over longer arrays


class Flat:
    """The leaves of a tree as parts of one vector."""

    def __init__(self, avals: Sequence[Aval]) -> None:
        self.avals = list(avals)
        self.ends = np.cumsum([int(np.prod(a.shape)) for a in self.avals])
        self.size = int(self.ends[-1]) if self.avals else 0

    def leaves(self, vector: Array) -> list[Any]:
        """The parts in the shapes and dtypes of the leaves."""
        parts = np.split(vector, self.ends[:-1]) if self.avals else []
        return [
            float(p[0]) if a.weak else p.reshape(a.shape).astype(_real(a))[()]
            for p, a in zip(parts, self.avals, strict=True)
        ]

    def stacks(self, vectors: Array) -> list[Any]:
        """The same of several vectors, the rows of a matrix."""
        parts = np.split(vectors, self.ends[:-1], axis=1) if self.avals else []
        return [p.reshape((len(p), *a.shape)).astype(_real(a)) for p, a in zip(parts, self.avals, strict=True)]

    @property
    def dtype(self) -> np.dtype[Any]:
        kinds = [_real(a) for a in self.avals]
        return np.result_type(*kinds) if kinds else np.dtype(np.float64)


def _real(aval: Aval) -> np.dtype[Any]:
    return aval.dtype if aval.dtype.kind == "f" else np.dtype(np.float64)


def joined(leaves: Sequence[Any]) -> Any:
    """The elements of all leaves as one vector."""
    return np.concatenate([np.ravel(leaf) for leaf in leaves]) if leaves else np.zeros(0)


class Point:
    """A function linearized at a point, its inputs and outputs taken as two vectors."""

    def __init__(self, g: Callable[..., Any], chosen: Sequence[int], args: Sequence[Any], kwargs: Any) -> None:
        self.lin = Linearization(g, chosen, args, kwargs)
        self.lin.outputs()
        check_real([*self.lin.leaves, *self.lin.primals])
        self.ins = Flat([aval_of(x) for x in self.lin.leaves])
        self.outs = Flat([aval_of(y) for y in self.lin.primals])
        self.is_small = is_small(self.lin)
        self.is_traced = any(isinstance(v, Tracer) for v in (*self.lin.leaves, *self.lin.primals))

    def push(self, vector: Array) -> Any:
        """J·v."""
        return joined(self.lin.push(self.ins.leaves(vector)))

    def pull(self, vector: Array) -> Any:
        """Jᵀ·v."""
        return joined(self.lin.pull(self.outs.leaves(vector)))

    def entries(self, plan: Plan) -> Any:
        """The values of all entries of the plan's pattern, in its order."""
        if not plan.nnz:
            return np.zeros(0, self.outs.dtype)
        forward = self.products(plan.forward, pushing(self.lin), self.ins)
        reverse = self.products(plan.reverse, pulling(self.lin), self.outs)
        if not self.is_traced:
            data = np.zeros(plan.nnz, self.outs.dtype)
            for passes, products in ((plan.forward, forward), (plan.reverse, reverse)):
                for product, entries, reads in zip(products, *passes.parts(), strict=True):
                    data[entries] = product[reads]
            return data
        return np.concatenate([p.astype(self.outs.dtype) for p in (*forward, *reverse)])[plan.places]

    def products(self, passes: Passes, one: Pass, flat: Flat) -> Iterator[Any]:
        """The result of each pass as one vector."""
        count = len(passes)
        found = None
        if count > _UNROLLED if self.is_traced else self.is_small:
            found = at_once(one, lambda start, stop: flat.stacks(passes.seeds(start, stop)), count)
        if found is not None:
            wide = [np.reshape(part, (count, -1)) for part in found]
            yield from wide[0] if len(wide) == 1 else np.concatenate(wide, axis=1)
        else:
            for c in range(count):
                yield joined(one(flat.leaves(passes.seeds(c, c + 1)[0])))


def check_real(values: Sequence[Any]) -> None:
    """Refuse complex numbers."""
    if any(aval_of(v).dtype.kind == "c" for v in values):
        raise ArgumentError(
            "a sparse derivative is that of real numbers",
            wrong="wg.sparse.jacobian(f)(z)",
            right="the real and the imaginary part as two arguments, and as two results",
        )
