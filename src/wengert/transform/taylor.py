"""Derivatives of any order along a line: `taylor` and `derivative`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError, check_callable
from wengert.core.tracer import Tracer, run
from wengert.core.tree import differentiable, flatten, paths
from wengert.transform.expansion import SeriesLevel, SeriesTracer
from wengert.transform.linearization import check_output, match, primal_of, settle
from wengert.transform.series import Polynomial, demand

HIGHEST = 1000  # of a derivative; beyond, no one power of two keeps all coefficients in range


def taylor(f: Callable[..., Any], x: Any, order: int, direction: Any = None) -> Any:
    """The Taylor coefficients of t ↦ f(x + t·v) at t = 0, up to an order.

    cₖ = f⁽ᵏ⁾(x)/k!, so that f(x + t) = c₀ + c₁·t + … + cₙ·tⁿ + O(tⁿ⁺¹); with a direction v, the k-th derivative of
    t ↦ f(x + t·v) divided by k!.

    **Arguments**: `f`, a function of one argument, with any pytree of numbers and arrays as its result; `x`, a real
    number, or with `direction` any pytree of numbers and float arrays; `order`, a whole number n ≥ 0; `direction`, of
    the structure and shapes of x. **Returns**: a tree like f's result, each leaf replaced by the array of its
    coefficients, shape `(n + 1, *leaf.shape)`, dtype that of the leaf. **Raises**: `ArgumentError` for an order that is
    not a whole number ≥ 0 and for an array without a direction; `ShapeError`, `MissingRuleError` as `jvp`.
    **Cost**: n² multiplications for each operation of f that is not linear, n for each that is; memory n + 1 times the
    values of f that are alive at one time.

    >>> import numpy as np, wengert as wg
    >>> wg.taylor(lambda x: 1 / (1 - x), 0.0, 4)
    array([1., 1., 1., 1., 1.])
    >>> wg.taylor(lambda x: x[0] ** 2 * x[1], np.array([3.0, 1.0]), 3, direction=np.array([1.0, 2.0]))
    array([ 9., 24., 13.,  2.])

    **Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapter 13.
    """
    check_callable(f, "wg.taylor")
    _check_order(order, "wg.taylor(f, x, order)")
    leaves, _ = flatten(x)
    if direction is None:
        value = _single(x, "wg.taylor")
        if aval_of(value).shape:
            raise ArgumentError(
                "the Taylor coefficients at an array are those along a line, whose direction is not given",
                wrong="wg.taylor(f, x, order)",
                right="wg.taylor(f, x, order, direction=v)",
            )
        leaves, directions = [value], [1.0]
    else:
        leaves = [differentiable(leaf, name) for leaf, name in zip(leaves, paths(x, "x"), strict=True)]
        directions = match(direction, x, leaves, "direction")
    values, found, rebuild = _expand(f, x, leaves, directions, (), {}, int(order))
    return rebuild([_stacked(value, c) for value, c in zip(values, found, strict=True)])


def derivative(f: Callable[..., Any], order: int = 1) -> Callable[..., Any]:
    """The n-th derivative of a function of one real variable, f⁽ⁿ⁾.

    **Arguments**: `f`, whose first argument is the variable; others are passed on. `order`, a whole number from 0
    to 1000. **Returns**: a function of the same arguments. At a real number it returns a tree like f's result, with the
    same shapes and dtypes. At an array of points, each is a variable by itself: f must then act element by
    element, and the result has f⁽ⁿ⁾ at each of the points. **Raises**: `ArgumentError` for another order or variable,
    and for an f that mixes the elements of an array of points (a sum, a product of matrices, an index). **Cost**: that
    of `taylor`, of which it is the last coefficient times n!; n nested calls of `grad` cost 2ⁿ and more.

    >>> import numpy as np, wengert as wg
    >>> float(wg.derivative(np.sin, order=3)(0.0))
    -1.0
    >>> wg.derivative(lambda x: x**5, order=4)(np.array([0.0, 1.0, 2.0]))
    array([  0., 120., 240.])

    **Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapter 13.
    """
    check_callable(f, "wg.derivative")
    _check_order(order, "wg.derivative(f, order=n)")
    n = int(order)
    if n > HIGHEST:
        raise ArgumentError(
            f"derivative takes an order up to {HIGHEST}: beyond, {n}! and its parts leave the floating-point numbers",
            wrong=f"wg.derivative(f, order={n})(x)",
            right=f"wg.taylor(f, x, {n})   whose coefficients are the derivatives divided by k!",
        )

    @functools.wraps(f)
    def wrapped(x: Any, *args: Any, **kwargs: Any) -> Any:
        leaf = _single(x, "wg.derivative")
        points = aval_of(leaf).shape != ()
        step = np.full(aval_of(leaf).shape, _step(n), aval_of(leaf).dtype) if points else _step(n)
        values, found, rebuild = _expand(f, x, [leaf], [step], args, kwargs, n, points)
        return rebuild([_from_coefficient(value, c[n], n) for value, c in zip(values, found, strict=True)])

    return wrapped


def _check_order(order: Any, call: str) -> None:
    whole = isinstance(order, (int, np.integer)) and not isinstance(order, (bool, np.bool_))
    if not whole or order < 0:
        raise ArgumentError(
            f"the order is a whole number, 0 or more, not {order!r}", wrong=call, right=call.replace("order)", "3)")
        )


def _single(x: Any, name: str) -> Any:
    """The variable, one real number or array of them."""
    leaves, _ = flatten(x)
    if len(leaves) != 1 or leaves[0] is not x:
        raise ArgumentError(
            f"{name} takes a function of one real number, not of a {type(x).__name__}",
            wrong=f"{name}: f(x) with x = (a, b)",
            right="wg.taylor(f, x, order, direction=v)   with v of the structure of x",
        )
    value = differentiable(x, "x")
    if aval_of(value).dtype.kind == "c":
        raise ArgumentError(
            f"{name} takes a real variable",
            wrong="wg.taylor(f, 1 + 2j, order)",
            right="wg.taylor(f, 1 + 2j, order, direction=1.0)   the coefficients of f(x + t) for real t",
        )
    return value


def _expand(
    f: Callable[..., Any],
    x: Any,
    leaves: list[Any],
    directions: list[Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    order: int,
    pointwise: bool = False,
) -> tuple[list[Any], list[list[Any]], Callable[..., Any]]:
    """The values of f, for each the list of its coefficients (None for zero), and how they make f's result."""
    level = SeriesLevel(order, pointwise)
    _, rebuild = flatten(x)
    traced = [
        SeriesTracer(level, leaf, Polynomial([leaf, v if isinstance(v, Tracer) or np.any(v) else None], like=leaf))
        for leaf, v in zip(leaves, directions, strict=True)
    ]
    result = run(level, f, (rebuild(traced), *args), kwargs)
    outs, rebuild_out = flatten(result)
    outs = [resolve(out) for out in outs]
    values = [primal_of(level, out) for out in outs]
    for value in values:
        check_output(value)
    if not outs and result is None:
        check_output(None)
    found = [
        [value, *_complete(out, order)] if level.owns(out) else [value, *[None] * order]
        for out, value in zip(outs, values, strict=True)
    ]
    return values, found, rebuild_out


def _complete(out: SeriesTracer, order: int) -> list[Any]:
    """The coefficients from the first on; the input itself may be what the function returned."""
    demand(out.series, order)
    return out.series.known[1 : order + 1]


def _stacked(value: Any, coefficients: list[Any]) -> Any:
    """The coefficients of one output in one array."""
    first = settle(None, value) + value if aval_of(value).dtype.kind not in "fc" else value
    return np.stack([first, *[settle(c, value) for c in coefficients[1:]]])


def _step(n: int) -> float:
    """A power of two near (n!)^(1/n): with coefficients of f(x + s·t), which is exact, n!·cₙ/sⁿ has no extreme factor.

    The coefficients of f(x + t) are smaller than its derivatives by k!, which float32 cannot hold from 34! on.
    """
    return 2.0 ** round(math.lgamma(n + 1) / math.log(2) / max(n, 1))


def _from_coefficient(value: Any, coefficient: Any, n: int) -> Any:
    """n!·cₙ/sⁿ."""
    if n == 0:
        return settle(value, value) if aval_of(value).dtype.kind in "fc" else settle(None, value) + value
    ratio = float(Fraction(math.factorial(n)) / Fraction(_step(n)) ** n)
    half = 2.0 ** (math.frexp(ratio)[1] // 2)
    with np.errstate(over="ignore", under="ignore"):
        return settle(coefficient, value) * half * (ratio / half)
