"""`wg.compare`: the ways to one derivative side by side, held against fifty digits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.explain.multiprecision import PrecisionError
from wengert.explain.precision import DIGITS, derivative_to
from wengert.explain.ways import Finding, Point, find, reason


class Row(NamedTuple):
    """One way: the derivative by each of the comparison's `names`, its errors, its cost.

    `derivative` is None where the way does not apply (`remark` says why); `error` is the largest error relative to the
    reference, over all elements whose derivative is not zero, `absolute` the largest absolute error over all elements;
    both are None without a reference. `runs` evaluations or passes (`unit`), `operations` in all, `seconds`.
    """

    way: str
    derivative: tuple[Any, ...] | None
    error: float | None
    absolute: float | None
    runs: int
    unit: str
    operations: int
    seconds: float
    remark: str


class Comparison:
    """The ways to the derivative of a function at a point.

    **Attributes**: `rows`, a `Row` per way; `names`, by what is differentiated; `reference`, for each name an mpmath
    number (an object array of them for an array), or None; `note`, why there is none; `value`, that of f; `graph`.
    **Methods**: `to_text`, `to_markdown`, `to_html`, `plot`. It prints itself in a terminal and in a notebook.
    """

    def __init__(self, point: Point, rows: list[Row], reference: tuple[Any, ...] | None, note: str) -> None:
        self.point, self.graph, self.value, self.names = point, point.graph, point.value, point.names
        self.rows, self.reference, self.note = rows, reference, note

    def __getitem__(self, way: str) -> Row:
        """The row of a way, by its name."""
        for row in self.rows:
            if row.way == way:
                return row
        raise KeyError(f"{way!r} is none of the ways: {', '.join(row.way for row in self.rows)}")

    def to_text(self, color: bool = False, width: int | None = None) -> str:
        """The table for a terminal; in colour, the digits that are wrong are red."""
        from wengert.explain import sheet

        return sheet.to_text(self, color, width)

    def to_markdown(self) -> str:
        """The table as Markdown."""
        from wengert.explain import sheet

        return sheet.to_markdown(self)

    def to_html(self, full: bool = True) -> str:
        """The table as a page (or, `full=False`, as a piece of one)."""
        from wengert.explain import sheet

        return sheet.to_html(self, full)

    def plot(self, path: Any = None) -> Any:
        """The error against the step: the V of the forward and the central difference, the floor of the exact ways.

        It is drawn for the derivative by the first number of the first argument.

        **Arguments**: `path`, a file to write, of a suffix that matplotlib knows (.png, .svg, .pdf), or None.
        **Returns**: matplotlib's figure. **Raises**: `MissingExtraError` without matplotlib.
        **Cost**: some 400 evaluations of f.
        """
        from wengert.explain import plots

        return plots.plot(self, path)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<comparison of {len(self.rows)} ways to the derivative of {self.graph.name}: print it>"

    def __rich__(self) -> Any:
        from wengert.explain import sheet

        return sheet.renderable(self)

    def _repr_html_(self) -> str:
        return self.to_html(full=False)

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


def compare(f: Callable[..., Any]) -> Callable[..., Comparison]:
    """Compare the ways to a derivative: finite differences, symbolic, forward mode, reverse mode.

    For each the derivative, its error |d − d₅₀|/|d₅₀| against d₅₀, the derivative in 50-digit arithmetic, and its cost.

    **Arguments**: `f`, NumPy code that returns one real number; then its arguments, pytrees of numbers and float or
    complex arrays; by a complex number the derivatives are those by its real and its imaginary part.
    Of a function with so many inputs that one evaluation for each takes long (more than 200, say), the derivatives
    in one random direction are compared.
    **Returns**: a function of f's arguments that returns a `Comparison`; print it, or `plot` it.
    **Raises**: `ShapeError` where f's result is not one number, `ArgumentError` for arguments that are not numbers,
    and what f raises. A kind of difference that does not apply is a row that says why.
    **Cost**: some ten evaluations for each number that f depends on, each repeated for its time; in all some seconds.

    >>> import numpy as np, wengert as wg
    >>> comparison = wg.compare(lambda x: x * np.exp(-(x**2)))(0.0)
    >>> [row.derivative for row in comparison.rows if row.way in ("symbolic", "forward mode", "reverse mode")]
    [(1.0,), (1.0,), (1.0,)]

    **Source**: Baydin et al., "Automatic differentiation in machine learning: a survey" (2018), section 2.
    """

    @functools.wraps(f)
    def compared(*args: Any, **kwargs: Any) -> Comparison:
        point = Point(f, args, kwargs)
        note, reference = "", None
        try:
            reference = tuple(derivative_to(point.graph, DIGITS, point.direction)[1])
        except PrecisionError as error:
            note = reason(error)
        rows = [_row(found, *errors(found.derivative, reference)) for found in find(point)]
        return Comparison(point, rows, reference, note)

    return compared


def _row(x: Finding, error: float | None, absolute: float | None) -> Row:
    return Row(x.way, x.derivative, error, absolute, x.runs, x.unit, x.operations, x.seconds, x.remark)


def errors(derivative: tuple[Any, ...] | None, reference: tuple[Any, ...] | None) -> tuple[float | None, float | None]:
    """The largest relative and the largest absolute error; of zeros there is no relative error."""
    if derivative is None or reference is None:
        return None, None
    relative: float | None = None
    absolute = 0.0
    for found, true in zip(derivative, reference, strict=True):
        for x, y in zip(np.ravel(np.asarray(found)), np.ravel(np.asarray(true, object)), strict=True):
            error = abs(float(x) - y) if np.isfinite(x) else float("inf")
            absolute = max(absolute, float(error))
            if y != 0:
                relative = max(relative or 0.0, float(error / abs(y)))
    return relative, absolute
