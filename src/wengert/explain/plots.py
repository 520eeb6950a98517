"""The error of difference quotients against their step: why a step is never right, and what the exact ways gain."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wengert.core.errors import GradientError, ShapeError, WengertError
from wengert.core.tree import flatten
from wengert.explain.multiprecision import PrecisionError
from wengert.explain.precision import DIGITS, derivative_to
from wengert.explain.writing import number
from wengert.graph.record import trace
from wengert.transform.numeric import Line, Sample, finite_difference
from wengert.transform.reverse import grad

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from wengert.explain.compare import Comparison

_STEPS = np.logspace(-16, -1, 121)
_FLOOR = 2.0**-54  # relative: an error of zero has no logarithm, and no float64 is known to be nearer


class MissingExtraError(WengertError, ImportError):
    """A function needs a library that comes with an extra of this package: `pip install 'wengert[plot]'`."""


class StepErrors(NamedTuple):
    """|difference quotient − derivative| at each step; `complex_step` is None where f is not analytic."""

    steps: Any
    forward: Any
    central: Any
    complex_step: Any
    derivative: Any


def error_by_step(f: Callable[..., Any], x: Any, steps: Sequence[float], derivative: Any = None) -> StepErrors:
    """The errors of the forward, the central and the complex-step difference of f at x, for each step h.

    |(f(x + h) − f(x))/h − f′(x)| and so on: towards large h the truncation of order h, h², h²; towards small h
    rounding, of order ε/h, which the complex step has not.

    **Arguments**: `f`, NumPy code, a function of one number; `x`; `steps`, positive numbers; `derivative`, f′(x) as a
    number or an mpmath number, by default found in 50 digits. **Returns**: `StepErrors`, an array per kind of
    difference; where f is not finite, its error is infinite.
    **Raises**: `PrecisionError` where f has no derivative in 50 digits, `ShapeError` where f is no number.
    **Cost**: 4 evaluations of f per step.

    >>> import numpy as np
    >>> errors = error_by_step(np.sqrt, 1.0, [1e-16, 1e-8, 1e-1])
    >>> [f"{error:.0e}" for error in errors.forward]
    ['5e-01', '3e-09', '1e-02']

    **Source**: Baydin et al. (2018), figure 3; Squire & Trapp (1998).
    """
    if derivative is None:
        derivative = derivative_to(trace(f)(x))[1][0][()]
    return errors_along(next(iter(Sample(f, (0,), (x,), {}).lines(0))), np.asarray(steps, float), derivative)


def errors_along(line: Line, steps: Any, derivative: Any) -> StepErrors:
    """The same for a function along a line."""
    if line.value.shape != (1,):
        raise ShapeError(f"the errors are those of a function that returns one number, not {line.value.size}")
    x, value = line.x, line.value[0]

    def errors(quotient: Callable[[float], Any]) -> Any:
        with np.errstate(all="ignore"):
            found = [float(quotient(float(h))) for h in steps]
        return np.array([float(abs(q - derivative)) if math.isfinite(q) else math.inf for q in found])

    return StepErrors(
        steps,
        errors(lambda h: (line.at(x + h)[0] - value) / h),
        errors(lambda h: (line.at(x + h)[0] - line.at(x - h)[0]) / (2 * h)),
        errors(lambda h: line.at(x + 1j * h)[0].imag / h) if _is_analytic(line) else None,
        derivative,
    )


def _is_analytic(line: Line) -> bool:
    try:
        finite_difference(lambda x: line.at(x)[0], 0, "complex")(line.x)
    except GradientError:
        return False
    return True


# The plot ----------------------------------------------------------------------------------------------------------


def plot(comparison: Comparison, path: Any = None) -> Figure:
    """The plot of a comparison, for the derivative by the first number of its first argument."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "a plot needs matplotlib, which is not installed", right="pip install 'wengert[plot]'"
        ) from error
    point = comparison.point
    sample = Sample(point.f, point.argnums, point.args, {})
    leaf = next(i for i, x in enumerate(sample.leaves) if np.size(x))
    gradient = flatten(list(grad(point.f, point.argnums)(*point.args)))[0]
    exact = float(np.ravel(gradient[leaf])[0])
    derivative, origin = _reference(comparison, leaf, exact)
    errors = errors_along(next(iter(sample.lines(leaf))), _STEPS, derivative)
    figure = Figure(figsize=(7.2, 4.6), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    _draw(axes, errors, exact)
    k = "[" + ", ".join("0" * np.ndim(sample.leaves[leaf])) + "]" if np.ndim(sample.leaves[leaf]) else ""
    name = f"∂{comparison.graph.name}/∂{comparison.graph.inputs[leaf].name}{k}"
    at = ", ".join(f"{n.name} = {number(n.value)}" for n in comparison.graph.inputs)
    at = f" at {at}" if len(at) < 40 else ""
    axes.set_title(f"{name} = {float(derivative):.6g}{at}: the error of each way", loc="left", fontsize=11)
    axes.set_ylabel(("relative" if derivative != 0 else "absolute") + f" error against {origin}")
    if path is not None:
        figure.savefig(path)
    return figure


def _reference(comparison: Comparison, leaf: int, exact: float) -> tuple[Any, str]:
    """The derivative by the first number of an input, and where it is from."""
    if comparison.reference is not None and comparison.point.direction is None:
        return np.ravel(comparison.reference[leaf])[0], f"{DIGITS} digits"
    unit = next(u for u in comparison.point.units() if np.any(u[leaf]))
    try:
        return derivative_to(comparison.graph, DIGITS, unit)[1][0], f"{DIGITS} digits"
    except PrecisionError:
        return exact, "reverse mode"


def _draw(axes: Axes, errors: StepErrors, exact: float) -> None:
    scale = float(abs(errors.derivative)) or 1.0

    def drawn(error: Any) -> Any:
        return np.where(np.isfinite(error), np.maximum(error / scale, _FLOOR), np.nan)

    for label, error, colour, width, size in (
        (
            "complex step",
            errors.complex_step,
            "#8fcbaa",
            4.0,
            0.0,
        ),  # broad and below: for large steps it is the central one
        ("forward difference", errors.forward, "#5b8abf", 1.1, 2.8),
        ("central difference", errors.central, "#c98a1f", 1.1, 2.8),
    ):
        if error is not None:
            axes.plot(
                errors.steps, drawn(error), color=colour, linewidth=width, marker="o", markersize=size, label=label
            )
    floor = float(drawn(np.array(float(abs(exact - errors.derivative)))))
    axes.axhline(floor, color="#a92d52", linewidth=1.6, linestyle="--", label="forward and reverse mode")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(bottom=_FLOOR / 3)
    axes.set_xlabel("step h")
    axes.grid(True, which="major", color="#8c97a6", alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
