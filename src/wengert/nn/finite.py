"""Where NaN and infinity come from: the step once more, eagerly, with an eye on the result of every operation."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from wengert.core.errors import WengertError
from wengert.core.location import Location, user_location
from wengert.core.primitive import Primitive, bind
from wengert.core.tracer import Level, Tracer, run
from wengert.nn.fields import Record, Walk
from wengert.nn.module import Module


class NonFiniteError(WengertError, ArithmeticError):
    """A loss or its gradient became NaN or infinite: training stops before the parameters do so too."""


class Origin(NamedTuple):
    """The first operation that made NaN, or infinity, of numbers that were not."""

    operation: str
    what: str  # "nan" or "inf"
    wrong: int  # how many of its results
    size: int
    ranges: str  # of its arguments
    location: Location | None
    module: str  # the path of the innermost module that computed it; empty outside of all

    def __str__(self) -> str:
        many = f"{self.wrong} of {self.size} results are {self.what}" if self.size > 1 else f"its result is {self.what}"
        module = f" in {self.module}" if self.module else ""
        place = f"\n  at {self.location.file}:{self.location.line}: {self.location.text}" if self.location else ""
        return f"{self.operation}{module}: {many}, of {self.ranges}{place}"


class _Watched(Tracer):
    """A value whose operations are looked at."""

    __slots__ = ()

    def __init__(self, level: Level, value: Any) -> None:
        self.level, self.value = level, value


class Watch(Level):
    """Applies every operation and remembers the first whose result is not finite though its arguments are."""

    __slots__ = ("found", "paths")

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Origin] = {}
        self.paths: dict[int, str] = {}  # of the modules of the model, by identity

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        values = [a.value if isinstance(a, _Watched) and a.level is self else a for a in args]
        out = bind(primitive, values, params)
        results = (out,) if primitive.outputs == 1 else out
        for what, test in (("nan", np.isnan), ("inf", np.isinf)):
            if what not in self.found and _any(test, results) and not _any(test, values):
                self.found[what] = self._origin(primitive, what, test, results, values)
        return self.take(out) if primitive.outputs == 1 else tuple(self.take(part) for part in out)

    def take(self, value: Any) -> Any:
        """A floating-point number or array, to be looked at."""
        return _Watched(self, value) if _is_inexact(value) else value

    def name(self, model: Any) -> None:
        """Remember how the modules of a model are reached."""
        if isinstance(model, Record):
            self.paths.update(
                {id(module): f"{path or 'the model'} ({type(module).__name__})" for path, module in Walk(model).modules}
            )

    def _origin(self, primitive: Primitive, what: str, test: Any, results: Any, values: Any) -> Origin:
        count = sum(int(np.sum(test(r))) for r in results if _is_inexact(r))
        size = sum(int(np.size(r)) for r in results)
        ranges = " and ".join(_range(v) for v in values if _is_inexact(v)) or "no arguments"
        return Origin(primitive.name, what, count, size, ranges, user_location(), self._module())

    def _module(self) -> str:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code is Module.__call__.__code__:
                return self.paths.get(id(frame.f_locals.get("self")), "")
            frame = frame.f_back
        return ""


def watched(f: Callable[..., Any], args: Sequence[Any], watch: Watch) -> Any:
    """The result of f, in plain numbers, while `watch` looks on."""
    with np.errstate(all="ignore"):
        result = run(watch, f, [watch.take(a) for a in args], {})
    return [r.value if isinstance(r, _Watched) else r for r in result]


def first_place(value: Any) -> str:
    """Where in an array the first number is that is not finite; empty where all are finite."""
    if not _is_inexact(value):
        return ""
    wrong = ~np.isfinite(value)
    if not np.any(wrong):
        return ""
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{np.asarray(value)[place]}" + (f" at {list(place)}" if place else "")


def explanation(watch: Watch) -> str:
    """What is known of the origin, in words; empty where nothing was found."""
    nan, inf = watch.found.get("nan"), watch.found.get("inf")
    if nan is None:
        return "" if inf is None else f"it begins with {inf}"
    early = f"\nbefore that, {inf}" if inf is not None and inf.location != nan.location else ""
    return f"it begins with {nan}{early}"


def _is_inexact(value: Any) -> bool:
    if isinstance(value, Tracer):
        return False
    return isinstance(value, (float, complex)) or (hasattr(value, "dtype") and value.dtype.kind in "fc")


def _any(test: Callable[[Any], Any], values: Sequence[Any]) -> bool:
    return any(bool(np.any(test(v))) for v in values if _is_inexact(v))


def _range(value: Any) -> str:
    array = np.asarray(value)
    if not array.size or array.dtype.kind == "c":
        return f"an array of shape {array.shape}"
    low, high = float(np.nanmin(array)), float(np.nanmax(array))
    return f"{low:.4g}" if low == high else f"numbers from {low:.4g} to {high:.4g}"
