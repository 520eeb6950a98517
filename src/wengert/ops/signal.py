"""Sampled functions: convolution and correlation, differences, gradients, integrals, phases."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of, promote, shape_of
from wengert.core.batching import count, spread
from wengert.core.dispatch import implements
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Linear
from wengert.core.tracer import Tracer
from wengert.ops.operand import array, cast, inexact, normalize, slab

# Convolution -------------------------------------------------------------------------------------------------------


def _convolved(a: Aval, v: Aval, *, mode: str) -> Aval:
    n, m = a.shape[0], v.shape[0]
    return Aval((n + m - 1 if mode == "full" else max(n, m) - min(n, m) + 1,), promote(a, v))


def _other(ct: Any, mine: Any, other: Any, mode: str) -> Any:
    """The cotangent of one factor: the correlation of the result's with the other factor."""
    if mode == "full":
        return _convolve(ct, np.flip(other), "valid")
    if shape_of(mine)[0] >= shape_of(other)[0]:
        return _convolve(ct, np.flip(other), "full")
    return np.flip(_convolve(other, np.flip(ct), "valid"))


def _batched_convolve(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    """All products, in rows each of which begins one place further right than the one above; and their sum."""
    n = count(args, on)
    long, short = (spread(a, b, n) for a, b in zip(args, on, strict=True))
    if shape_of(long)[1] < shape_of(short)[1]:
        long, short = short, long
    (size, m), products = (shape_of(long)[1], shape_of(short)[1]), short[:, :, None] * long[:, None, :]
    filled = np.concatenate([products, np.zeros((n, m, m), aval_of(products).dtype)], -1)
    slanted = np.reshape(np.reshape(filled, (n, m * (size + m)))[:, : m * (size + m - 1)], (n, m, size + m - 1))
    full = np.sum(slanted, axis=1)
    return full if params["mode"] == "full" else full[:, m - 1 : size]


convolve = REGISTRY["convolve"] = Primitive(
    "convolve",
    lambda a, v, *, mode: np.convolve(a, v, mode),
    [
        Linear(lambda ct, a, v, *, mode: _other(ct, a, v, mode)),
        Linear(lambda ct, a, v, *, mode: _other(ct, v, a, mode)),
    ],
    aval=_convolved,
    complex=True,
    batch=_batched_convolve,
    notation=Notation("∗", "np.convolve({0}, {1}, {params})", r"{0:5} * {1:5}", 5),
)


def _convolve(a: Any, v: Any, mode: str) -> Any:
    return bind(convolve, (a, v), {"mode": mode})


def _window(a: Any, v: Any, mode: Any, name: str) -> Any:
    if mode in ("full", "valid"):
        return _convolve(a, v, mode)
    if mode != "same":
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    n, m = shape_of(a)[0], shape_of(v)[0]
    start = (min(n, m) - 1) // 2 if name == "convolve" or n >= m else min(n, m) // 2
    return _convolve(a, v, "full")[start : start + max(n, m)]


def _signals(a: Any, v: Any) -> tuple[Any, Any]:
    a, v = array(a, 1), array(v, 1)
    if len(shape_of(a)) > 1 or len(shape_of(v)) > 1:
        raise ValueError("object too deep for desired array")
    for name, x in (("a", a), ("v", v)):
        if not shape_of(x)[0]:
            raise ValueError(f"{name} cannot be empty")
    return a, v


@implements(np.convolve)
def convolve_of(a: Any, v: Any, mode: Any = "full") -> Any:
    """np.convolve."""
    return _window(*_signals(a, v), mode, "convolve")


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    """np.correlate: the convolution with v conjugated and reversed."""
    a, v = _signals(a, v)
    return _window(a, np.flip(np.conjugate(v) if aval_of(v).dtype.kind == "c" else v), mode, "correlate")


# Differences and integrals -----------------------------------------------------------------------------------------


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """np.ediff1d."""
    ary = np.reshape(array(ary), -1)
    parts = [ary[1:] - ary[:-1]]
    if to_begin is not None:
        parts.insert(0, cast(np.reshape(array(to_begin), -1), aval_of(ary).dtype))
    if to_end is not None:
        parts.append(cast(np.reshape(array(to_end), -1), aval_of(ary).dtype))
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _spacings(f: Any, varargs: tuple[Any, ...], axes: tuple[int, ...]) -> list[Any]:
    """The distance between the points along each axis: a number, or one for each interval."""
    if not varargs:
        return [1.0] * len(axes)
    if len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        return list(varargs) * len(axes)
    if len(varargs) != len(axes):
        raise TypeError("invalid number of arguments")
    spacings = []
    for axis, given in zip(axes, varargs, strict=True):
        if np.ndim(given) == 0:
            spacings.append(given)
            continue
        if np.ndim(given) != 1:
            raise ValueError("distances must be either scalars or 1d")
        if len(given) != shape_of(f)[axis]:
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        d = np.diff(inexact(given))
        shape = (-1, *(1,) * (len(shape_of(f)) - axis - 1))
        spacings.append(d[0] if not isinstance(given, Tracer) and np.all(d == d[0]) else np.reshape(d, shape))
    return spacings


def _edge(f: list[Any], h: Any, order: int, sign: float) -> Any:
    """The one-sided difference at an end, from the points and intervals next to it."""
    uniform = np.ndim(h[0]) == 0
    if order == 1:
        return (f[1] - f[0]) / h[0] if sign > 0 else (f[0] - f[1]) / h[0]
    if uniform:
        a, b, c = -sign * 1.5 / h[0], sign * 2.0 / h[0], -sign * 0.5 / h[0]
    else:
        d, e = h[0], h[1]
        a, b, c = -sign * (2 * d + e) / (d * (d + e)), sign * (d + e) / (d * e), -sign * d / (e * (d + e))
    return a * f[0] + b * f[1] + c * f[2] if sign > 0 else c * f[2] + b * f[1] + a * f[0]


def _gradient(f: Any, h: Any, axis: int, order: int) -> Any:
    n = shape_of(f)[axis]
    if n < order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are required."
        )
    uniform = np.ndim(h) == 0

    def points(start: int, stop: int | None) -> Any:
        return f[slab(axis, slice(start, stop))]

    def nearest(first: int, step: int) -> list[Any]:
        cut = [slice(i, i + 1 or None) for i in range(first, first + step * (order + 1), step)]
        return [f[slab(axis, s)] for s in cut]

    before, here, after = points(0, -2), points(1, -1), points(2, None)
    if uniform:
        inner, left, right = (after - before) / (2.0 * h), [h], [h]
    else:
        d, e = h[:-1], h[1:]
        inner = -e / (d * (d + e)) * before + (e - d) / (d * e) * here + d / (e * (d + e)) * after
        left, right = [h[:1], h[1:2]], [h[-1:], h[-2:-1]]
    ends = _edge(nearest(0, 1), left, order, 1.0), _edge(nearest(-1, -1), right, order, -1.0)
    return np.concatenate([ends[0], inner, ends[1]] if n > 2 else list(ends), axis)


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """np.gradient, also with respect to the spacing."""
    f = inexact(f)
    axes = np.lib.array_utils.normalize_axis_tuple(
        tuple(range(len(shape_of(f)))) if axis is None else axis, len(shape_of(f))
    )
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    spacings = _spacings(f, varargs, axes)
    results = tuple(_gradient(f, h, i, edge_order) for i, h in zip(axes, spacings, strict=True))
    return results[0] if len(results) == 1 else results


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """np.trapezoid, also with respect to the points x."""
    y = array(y)
    axis = normalize(axis, y)
    d = dx
    if x is not None:
        x = array(x)
        d = np.diff(x, axis=axis) if len(shape_of(x)) > 1 else np.diff(x)
        if len(shape_of(x)) == 1:
            d = np.reshape(d, (-1, *(1,) * (len(shape_of(y)) - axis - 1)))
    after, before = y[slab(axis, slice(1, None))], y[slab(axis, slice(None, -1))]
    return np.sum(d * (after + before) / 2.0, axis=axis)


@implements(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    """np.unwrap: the values, and whole periods added to them, which are constant."""
    p = array(p)
    axis = normalize(axis, p)
    dd = np.diff(p, axis=axis)
    high = period / 2
    wrapped = np.mod(dd + high, period) - high
    wrapped = np.where((wrapped == -high) & (dd > 0), high, wrapped)
    jump = np.where(np.abs(dd) < (high if discont is None else discont), 0, wrapped - dd)
    first, rest = p[slab(axis, slice(0, 1))], p[slab(axis, slice(1, None))]
    return np.concatenate([first, rest + np.cumsum(jump, axis)], axis)
