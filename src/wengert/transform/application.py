"""A function with rules of the user's own, applied to arguments of one structure: between trees and leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of
from wengert.core.errors import ShapeError
from wengert.core.tracer import Tracer
from wengert.core.tree import flatten, structure
from wengert.graph.body import strong
from wengert.transform.derived import settled
from wengert.transform.differential import as_numpy
from wengert.transform.duality import refuse_foreign, transposed
from wengert.transform.step import number, numbers

Rule = Callable[..., Any]


class Application:
    """A function with its rule, applied to arguments of one structure: everything between trees and leaves."""

    def __init__(self, f: Callable[..., Any], rules: tuple[Rule | None, Rule | None], args: Any, kwargs: Any) -> None:
        self.f, self.kwargs = f, kwargs
        self.pushforward, self.pullback = rules
        self.name = str(getattr(f, "__name__", "custom"))
        self.leaves, self.rebuild = numbers(args)
        self.form, self.count = structure(args), len(args)
        self.rebuild_out: Callable[[Sequence[Any]], Any] = tuple
        self.form_out: Any = None
        self.known: dict[tuple[Aval, ...], tuple[Aval, ...]] = {}

    def __repr__(self) -> str:
        return self.name

    def value(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """The results at plain numbers; f gets arrays of its own, which it may change."""
        own = [np.array(v, order="K") if isinstance(v, np.ndarray) else v for v in leaves]
        result = self.f(*self.rebuild(own), **self.kwargs)
        found, self.rebuild_out = flatten(result)
        outs = [number(v, f"a result of {self.name}") for v in found]
        refuse_foreign(outs, (), self.name)
        outs = [np.array(v, order="K") if isinstance(v, np.ndarray) else v for v in outs]
        avals, now = tuple(map(aval_of, leaves)), tuple(map(aval_of, outs))
        if self.known.setdefault(avals, now) != now or (self.form_out or structure(result)) != structure(result):
            raise ShapeError(
                f"the shapes, dtypes or structure of the results of {self.name} depend on the numbers in its arguments",
                right="results of one shape for arguments of one shape, padded where that is needed",
            )
        self.form_out = structure(result)
        return tuple(outs)

    def avals(self, avals: Sequence[Aval]) -> tuple[Aval, ...]:
        """The results' shapes and dtypes, as they have been at the first call."""
        found = self.known.get(tuple(avals))
        if found is None:
            wanted = tuple(map(strong, avals))
            found = next((v for k, v in self.known.items() if tuple(map(strong, k)) == wanted), None)
        if found is None:
            raise ShapeError(f"{self.name} has not been called with arguments of these shapes and dtypes")
        return found

    def forward(self, args: Sequence[Any], outs: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        """The results' tangents, for those of all arguments."""
        if self.pushforward is not None:
            moved = self.pushed(args, outs, tangents)
        else:
            domain = [inexact(aval_of(out)) for out in outs]
            moved = transposed(lambda cts: self.pulled(args, outs, cts), tangents, domain)
        refuse_foreign(moved, [*args, *outs, *tangents], f"the rule of {self.name}")
        return [settled(t, inexact(aval_of(out))) for t, out in zip(moved, outs, strict=True)]

    def backward(self, args: Sequence[Any], outs: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        """The arguments' cotangents, for those of all results."""
        if self.pullback is not None:
            back = self.pulled(args, outs, cts)
        else:
            domain = [inexact(aval_of(arg)) for arg in args]
            back = transposed(lambda tangents: self.pushed(args, outs, tangents), cts, domain)
        refuse_foreign(back, [*args, *outs, *cts], f"the rule of {self.name}")
        return [settled(ct, inexact(aval_of(arg))) for ct, arg in zip(back, args, strict=True)]

    def pushed(self, args: Sequence[Any], outs: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        """The user's pushforward, from leaves to leaves."""
        assert self.pushforward is not None
        given = self.rebuild([as_numpy(t) for t in tangents])
        result = self.called(self.pushforward, given[0] if self.count == 1 else given, args, outs)
        avals = [aval_of(out) for out in outs]
        return self.matched(result, self.form_out, self.rebuild_out, avals, "pushforward", "the result")

    def pulled(self, args: Sequence[Any], outs: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        """The user's pullback, from leaves to leaves."""
        assert self.pullback is not None
        given = self.rebuild_out([as_numpy(ct) for ct in cts])
        result = self.called(self.pullback, given, args, outs)
        result = (result,) if self.count == 1 else tuple(result) if isinstance(result, list) else result
        avals = [aval_of(arg) for arg in args]
        return self.matched(result, self.form, self.rebuild, avals, "pullback", "the arguments")

    def called(self, rule: Rule, given: Any, args: Sequence[Any], outs: Sequence[Any]) -> Any:
        """The rule, on NumPy's numbers and arrays; infinite derivatives are part of the calculus."""
        out = self.rebuild_out([as_numpy(v) for v in outs])
        with np.errstate(all="ignore"):
            return rule(given, out, *self.rebuild([as_numpy(v) for v in args]), **self.kwargs)

    def matched(self, result: Any, form: Any, rebuild: Any, avals: Sequence[Aval], rule: str, of: str) -> list[Any]:
        """The leaves of what a rule returned, which has the structure and shapes of what it belongs to."""
        if result is None:
            return [None] * len(avals)
        leaves = numbers(result)[0]
        if structure(result) != form and not (len(leaves) == len(avals) == 1):
            filled = self.with_zeros(result, rebuild, avals)
            if filled is None:
                raise ShapeError(
                    f"the {rule} of {self.name} returned another structure than that of {of}: "
                    f"{structure(result)} for {form}",
                    right=f"one value for each of {of}, None for zero",
                )
            leaves = filled
        for k, (leaf, aval) in enumerate(zip(leaves, avals, strict=True)):
            if leaf is None or aval.dtype.kind not in "fc":
                continue
            have = aval_of(number(leaf, f"a result of the {rule} of {self.name}")).shape
            fits = have == aval.shape or (rule == "pushforward" and _broadcasts(have, aval.shape))
            if not fits and (isinstance(leaf, Tracer) or np.any(leaf)):
                raise ShapeError(
                    f"the {rule} of {self.name} returned shape {have} for number {k} of {of}, "
                    f"which has shape {aval.shape}",
                    right="np.sum over the axes along which the argument is broadcast" if rule == "pullback" else
                    "a tangent of the shape of the result",
                )  # fmt: skip
        return [leaf if aval.dtype.kind in "fc" else None for leaf, aval in zip(leaves, avals, strict=True)]

    def with_zeros(self, result: Any, rebuild: Any, avals: Sequence[Aval]) -> list[Any] | None:
        """The leaves where parts of a tuple are None, for zero."""
        whole = rebuild([np.zeros(a.shape) if a.dtype.kind in "fc" else 0 for a in avals])
        if not isinstance(result, tuple) or not isinstance(whole, tuple) or len(result) != len(whole):
            return None
        leaves: list[Any] = []
        for part, like in zip(result, whole, strict=True):
            if part is not None and structure(part) != structure(like):
                return None
            leaves += [None] * len(numbers(like)[0]) if part is None else numbers(part)[0]
        return leaves


def _broadcasts(have: tuple[int, ...], want: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(have, want) == want
    except ValueError:
        return False


def inexact(aval: Aval) -> Aval:
    """What its tangents are; those of whole numbers are zeros."""
    return strong(aval) if aval.dtype.kind in "fc" else Aval(aval.shape, np.dtype(np.float64))
