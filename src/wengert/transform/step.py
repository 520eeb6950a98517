"""The user's step of a loop as a function of flat values, and what must hold of it: a carry comes out as it went in."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tracer import Tracer
from wengert.core.tree import flatten, paths, structure
from wengert.graph.body import Body, Unrecordable, example, record

_NUMBERS = (bool, int, float, complex, np.ndarray, np.generic, Tracer)
_PLAIN = {bool, int, float, np.float64, np.float32, np.int64}
_TRIALS = 4  # recordings: a Python number may become a float32 in the first and an array in the second


class Step:
    """`f` called with a carry and further trees, from leaves to leaves; `pair`: it returns a carry and a result."""

    def __init__(self, f: Callable[..., Any], carry: Any, pair: bool, name: str) -> None:
        self.f, self.pair, self.name = f, pair, name
        leaves, self.rebuild = flatten(carry)
        self.form = structure(carry)
        self.single = len(leaves) == 1 and leaves[0] is carry
        self.labels = paths(carry, "carry")
        self.start = [number(leaf, label) for leaf, label in zip(leaves, self.labels, strict=True)]
        self.wanted = [aval_of(leaf) for leaf in self.start]
        self.rebuild_result: Callable[[Sequence[Any]], Any] = _none

    def __call__(self, state: Sequence[Any], *trees: Any) -> tuple[list[Any], list[Any]]:
        """The leaves of the next carry and of the result."""
        given = self.rebuild(state)
        out = self.f(given, *trees)
        result = None
        if self.pair:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise ShapeError(
                    f"the body of {self.name} returned {_kind(out)}, not a pair of the next carry and a result",
                    wrong="def body(c, x): return c + x",
                    right="def body(c, x): return c + x, None   # or c + x, y",
                )
            out, result = out
        leaves = [out] if self.single and isinstance(out, _NUMBERS) else flatten(out)[0]
        if not (self.single and len(leaves) == 1 and leaves[0] is out) and structure(out) != self.form:
            raise ShapeError(
                f"the carry of {self.name} has another structure after the body than before: "
                f"{structure(out)} for {self.form}",
                wrong="return c['x'] + 1, y",
                right="return {'x': c['x'] + 1}, y   # a carry like the one that came in",
            )
        rows, self.rebuild_result = flatten(result) if result is not None else ([], _none)
        after = [self.fitted(k, number(leaf, self.labels[k])) for k, leaf in enumerate(leaves)]
        return after, [number(row, "a result of the body") for row in rows]

    def fitted(self, k: int, value: Any) -> Any:
        """Leaf k of the carry after a step; where it started as a Python number, it may become what it is now."""
        want, have = self.wanted[k], aval_of(value)
        if have == want or (want.weak and _widens(want, have)):
            return value
        if have.shape == want.shape and np.can_cast(have.dtype, want.dtype, "same_kind"):
            if have.weak:
                return cast(value, want)
            if have.dtype == want.dtype:
                return value
        change = f"{_described(want)} before the body and {_described(have)} after it"
        raise ShapeError(
            f"{self.labels[k]} of {self.name} is {change}",
            wrong=f"a start of {_described(want)}",
            right=f"a start of {_described(have)}, such as np.zeros({have.shape}, np.{have.dtype}), "
            f"or .astype(np.{want.dtype}) in the body" if have.shape == want.shape else
            f"a start of {_described(have)}, such as np.zeros({have.shape}, np.{have.dtype})",
        )  # fmt: skip

    def widen(self, after: Sequence[Aval]) -> bool:
        """Take note of what Python numbers have become; whether that is new."""
        new = [b if a.weak else a for a, b in zip(self.wanted, after, strict=True)]
        changed = new != self.wanted
        self.wanted = new
        return changed

    @property
    def loose(self) -> bool:
        """Whether a Python number is carried, which may become something else."""
        return any(aval.weak for aval in self.wanted)

    @property
    def state(self) -> list[Any]:
        """The carry to start from, as the body takes it."""
        return [cast(v, a) for v, a in zip(self.start, self.wanted, strict=True)]

    @property
    def examples(self) -> list[Any]:
        """The same without anything that is followed."""
        return [cast(example(v), a) for v, a in zip(self.start, self.wanted, strict=True)]

    def recorded(self, trees: Callable[[Sequence[Any]], Sequence[Any]], slices: Sequence[Any]) -> Body | None:
        """The body; None where one recording does not stand for every step, or where it fails."""
        n = len(self.start)

        def flat(values: list[Any]) -> list[Any]:
            after, rows = self(values[:n], *trees(values[n:]))
            return [*after, *rows]

        names = [*self.labels, *(f"x{i}" for i in range(len(slices)))]
        for _ in range(_TRIALS):
            body = recorded(self.name, flat, [*self.examples, *slices], names)
            if body is None or not self.widen(body.avals[:n]):
                return body
        raise ShapeError(f"the carry of {self.name} changes its dtype with every step", right="np.zeros(…) as a start")


def _none(leaves: Sequence[Any]) -> Any:
    return None


def recorded(
    name: str, flat: Callable[[list[Any]], list[Any]], values: Sequence[Any], names: Sequence[str]
) -> Body | None:
    """The recording; None where it fails, so that Python runs the program itself, which shows what is wrong with it."""
    try:
        return record(name, flat, [example(v) for v in values], names)
    except (RecursionError, ShapeError):
        raise
    except (Exception, Unrecordable):
        return None


def number(value: Any, label: str) -> Any:
    """A leaf that can go round a loop."""
    if type(value) in _PLAIN:
        return value
    value = resolve(value)
    if not isinstance(value, _NUMBERS) or getattr(value, "dtype", np.dtype(float)).kind not in "fiubc":
        raise ArgumentError(
            f"{label} is {_kind(value)}; only numbers, arrays and trees of them go round a loop",
            wrong="carry = {'name': 'x', 'value': 0.0}",
            right="carry = {'value': 0.0}   # what is no number stays outside: the body sees it there",
        )
    return value


def cast(value: Any, aval: Aval) -> Any:
    """The value with a shape and dtype."""
    have = aval_of(value)
    if have == aval or aval.weak:
        return value if have.dtype == aval.dtype or isinstance(value, Tracer) else aval.dtype.type(value).item()
    if have.shape != aval.shape:
        value = np.broadcast_to(value, aval.shape)
    return value.astype(aval.dtype) if isinstance(value, (Tracer, np.ndarray)) else aval.dtype.type(value)  # type: ignore[union-attr]


def _widens(want: Aval, have: Aval) -> bool:
    return np.can_cast(want.dtype, have.dtype, "same_kind") or want.dtype.kind == have.dtype.kind


def _described(aval: Aval) -> str:
    return f"a Python {aval.dtype.type(0).item().__class__.__name__}" if aval.weak else f"{aval}"


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def truth(value: Any) -> Any:
    """What a condition returned."""
    value = resolve(value)
    if not isinstance(value, (bool, int, float, np.generic, np.ndarray, Tracer)) or shape_of(value):
        raise ShapeError(
            "a condition is one truth value" + (f", not an array of shape {value.shape}" if shape_of(value) else ""),
            wrong="lambda x: x > 0",
            right="lambda x: np.all(x > 0)   or   np.any(x > 0)",
        )
    return value


def whole(value: Any, name: str) -> int:
    """An argument that counts something."""
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentError(
            f"{name} is a whole number, not {type(value).__name__}", wrong=f"{name}=3.0", right=f"{name}=3"
        ) from None


def recorded_call(name: str, f: Callable[[list[Any]], Any], leaves: Sequence[Any], outs: list[Any]) -> Body | None:
    """A function of leaves, recorded; the structure of what it returns goes to `outs`."""

    def flat(values: list[Any]) -> list[Any]:
        result = f(values)
        found, rebuild = flatten(result)
        outs.append((structure(result), rebuild))
        return [number(leaf, "a result") for leaf in found]

    return recorded(name, flat, leaves, names_of(leaves))


def numbers(tree: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """The leaves that are numbers or arrays, and how others are put into their places; the rest stays as it is."""
    leaves, rebuild = flatten(tree)
    leaves = [resolve(leaf) for leaf in leaves]
    mask = [
        isinstance(v, (Tracer, float, int, complex, np.ndarray, np.generic)) and aval_of(v).dtype.kind in "fiubc"
        for v in leaves
    ]

    def put(values: Sequence[Any]) -> Any:
        queue = iter(values)
        return rebuild([next(queue) if on else leaf for leaf, on in zip(leaves, mask, strict=True)])

    return [leaf for leaf, on in zip(leaves, mask, strict=True) if on], put


def names_of(leaves: Sequence[Any]) -> list[str]:
    """What a recording calls them."""
    return [f"x{i}" for i in range(len(leaves))]
