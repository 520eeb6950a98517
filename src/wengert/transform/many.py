"""A function with rules of the user's own, for many examples at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of
from wengert.core.batching import spread
from wengert.graph.body import Body, Unrecordable, example, record, strong
from wengert.transform.application import Application, inexact
from wengert.transform.batched import evaluate, first_of
from wengert.transform.derived import settled


class Many:
    """What an `Application` is to one example; `on` says which of its arguments have an axis of the n examples.

    The function and its rules are recorded where they are NumPy code. Where they are not, they are called for each
    example: a black box, or a solver, takes one problem at a time.
    """

    def __init__(self, of: Application | Many, n: int, on: Sequence[bool]) -> None:
        self.of, self.n, self.on = of, n, tuple(on)
        self.name: str = of.name

    def __repr__(self) -> str:
        return self.name

    def examples(self, n: int, on: Sequence[bool]) -> Many:
        """The same for examples of these examples."""
        return Many(self, n, on)

    def one(self, avals: Sequence[Aval]) -> list[Aval]:
        """The shapes and dtypes of the arguments for one example."""
        return [Aval(a.shape[1:], a.dtype) if on else a for a, on in zip(avals, self.on, strict=True)]

    def value(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """The results at plain numbers."""
        return tuple(self._each(self.of.value, leaves, self.on, known=self._results))

    def _results(self, leaves: Sequence[Any]) -> list[Aval]:
        return list(self.of.avals(self.one([aval_of(v) for v in leaves])))

    def avals(self, avals: Sequence[Aval]) -> tuple[Aval, ...]:
        """The results' shapes and dtypes."""
        return tuple(Aval((self.n, *a.shape), a.dtype) for a in self.of.avals(self.one(avals)))

    def forward(self, args: Sequence[Any], outs: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        """The results' tangents, for those of all arguments."""
        count, several = len(args), (True,) * len(outs)

        def rule(values: Sequence[Any]) -> Sequence[Any]:
            return self.of.forward(values[:count], values[count : count + len(outs)], values[count + len(outs) :])

        return self._each(rule, [*args, *outs, *tangents], [*self.on, *several, *self.on])

    def backward(self, args: Sequence[Any], outs: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        """The arguments' cotangents; one that is the same for all examples has the sum of theirs."""
        count, several = len(args), (True,) * len(outs)

        def rule(values: Sequence[Any]) -> Sequence[Any]:
            found = self.of.backward(values[:count], values[count : count + len(outs)], values[count + len(outs) :])
            domain = [inexact(aval_of(arg)) for arg in values[:count]]
            return [settled(ct, aval) for ct, aval in zip(found, domain, strict=True)]

        found = self._each(rule, [*args, *outs, *cts], [*self.on, *several, *several])
        return [ct if on else np.sum(ct, axis=0) for ct, on in zip(found, self.on, strict=True)]

    def _each(
        self,
        f: Callable[[Sequence[Any]], Sequence[Any]],
        values: Sequence[Any],
        on: Sequence[bool],
        known: Callable[[Sequence[Any]], Sequence[Aval]] | None = None,
    ) -> list[Any]:
        """The results for every example: by one recording, or one after the other."""
        firsts = [first_of(v) if flag else v for v, flag in zip(values, on, strict=True)]
        body = _recorded(self.name, f, firsts)
        if body is not None:
            given = [*body.captured, *values]
            flags = [False] * len(body.captured) + list(on)
            outs, many = evaluate(body, given, flags, self.n)
            return [np.array(spread(o, m, self.n)) if not m else o for o, m in zip(outs, many, strict=True)]
        if not self.n:
            avals = known(values) if known is not None else [strong(aval_of(v)) for v in f(firsts)]
            return [np.zeros((0, *a.shape), a.dtype) for a in avals]
        rows = [f([v[i] if flag else v for v, flag in zip(values, on, strict=True)]) for i in range(self.n)]
        return [np.stack(column) for column in zip(*rows, strict=True)]


def _recorded(name: str, f: Callable[[Sequence[Any]], Sequence[Any]], values: Sequence[Any]) -> Body | None:
    """The recording; None for what is not NumPy code, or looks at its numbers: it is then called as it is."""
    try:
        return record(name, f, [example(v) for v in values])
    except (Exception, Unrecordable):
        return None
