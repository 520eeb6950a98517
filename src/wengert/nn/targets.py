"""Predictions and targets as the losses take them: shapes, dtypes and numbers that fit, and what to write if not."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tracer import Tracer

Reduction = Literal["mean", "sum", "none"]


def array(value: Any) -> Any:
    """A list of numbers, some of which may be followed, as an array."""
    if isinstance(value, (list, tuple)):
        return np.stack([array(v) for v in value]) if any(isinstance(v, Tracer) for v in value) else np.array(value)
    return value if isinstance(value, Tracer) else np.asarray(value)


def floats(value: Any) -> Any:
    """A prediction; integers become float64."""
    value = array(value)
    kind = aval_of(value).dtype.kind
    if kind not in "fiub":
        raise ArgumentError(f"a loss is computed from real numbers, not from an array of dtype {aval_of(value).dtype}")
    return value if kind == "f" else value.astype(np.float64)


def pair(name: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """Prediction and target in one shape, and in the prediction's dtype."""
    p, t = floats(prediction), array(target)
    if shape_of(p) != shape_of(t):
        raise ShapeError(
            f"{name} has a prediction of shape {shape_of(p)} and a target of shape {shape_of(t)}",
            wrong=f"{name}(model(x), y)   # (100, 1) and (100,)",
            right=f"{name}(model(x)[:, 0], y)   or   {name}(model(x), y[:, None])",
        )
    return p, _checked(name, t, aval_of(p).dtype)


def _checked(name: str, target: Any, dtype: Any) -> Any:
    if aval_of(target).dtype.kind not in "fiub":
        raise ArgumentError(f"the target of {name} has dtype {aval_of(target).dtype}; it is made of real numbers")
    if not isinstance(target, Tracer) and np.any(np.isnan(target)):
        refuse(name, "is a number", target, np.isnan(target), f"{name}(model(x), y)", "y without the rows with NaN")
    have = aval_of(target)
    return target if have.dtype == dtype or have.weak else target.astype(dtype)


def shares(name: str, q: Any, axis: int, dtype: Any) -> Any:
    """The shares of the classes."""
    q = _checked(name, q, dtype)
    if not isinstance(q, Tracer):
        if np.any(q < 0):
            refuse(name, "has shares of classes that are not negative", q, q < 0, f"{name}(z, scores)",
                   f"{name}(z, wg.softmax(scores, axis={axis}))")  # fmt: skip
        total = np.sum(q, axis, dtype=np.float64)
        if np.any(np.abs(total - 1) > 1e-2):
            refuse(name, "has shares of classes with sum 1", total, np.abs(total - 1) > 1e-2, f"{name}(z, counts)",
                   f"{name}(z, counts / counts.sum({axis}, keepdims=True))")  # fmt: skip
    return q


def labels(name: str, y: Any, classes: int, ignored: int | None) -> Any:
    """Labels as places; what is out of range stays so, whatever its sign, and is refused where it is looked up."""
    if aval_of(y).dtype.kind not in "iu":
        raise ArgumentError(
            f"labels of {name} are integers, and these have dtype {aval_of(y).dtype}",
            wrong=f"{name}(logits, labels)",
            right=f"{name}(logits, labels.astype(int))",
        )
    if not isinstance(y, Tracer):
        check_range(name, y, classes, ignored)
    y = y.astype(np.int64)
    if ignored is not None:
        y = np.where(y == ignored, 0, y)
    return np.where(y < 0, classes, y)


def check_range(name: str, y: Any, classes: int, ignored: int | None) -> None:
    """Raise for labels out of range."""
    wrong = ((y < 0) | (y >= classes)) & (y != ignored if ignored is not None else True)
    if np.any(wrong):
        refuse(name, f"is a label from 0 to {classes - 1}", y, wrong, f"{name}(logits, labels)   # from 1",
               f"{name}(logits, labels - 1)   or   ignore_index={y[wrong][0]}")  # fmt: skip


def class_axis(name: str, x: Any, axis: int) -> int:
    """The axis of the classes, counted from the front."""
    shape = shape_of(x)
    if not -len(shape) <= axis < len(shape) or not shape[axis]:
        raise ShapeError(f"{name} needs classes along axis {axis}, and was given an array of shape {shape}")
    return axis % len(shape)


def refuse(name: str, what: str, values: Any, wrong: Any, before: str, after: str) -> None:
    """Raise, with the first of the numbers that are wrong."""
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    place = f" at {list(where)}" if where else ""
    raise ArgumentError(
        f"the target of {name} {what}, and this one has {values[where]}{place}", wrong=before, right=after
    )


def reduced(name: str, loss: Any, reduction: Reduction) -> Any:
    """The mean or the sum of a loss, or the loss itself."""
    if reduction == "none":
        return loss
    if reduction == "sum":
        return np.sum(loss)
    if reduction != "mean":
        raise ArgumentError(f"reduction is 'mean', 'sum' or 'none', and was {reduction!r}")
    if 0 in shape_of(loss):
        raise ShapeError(f"the mean of {name} over nothing: the prediction has no elements")
    return np.mean(loss)
