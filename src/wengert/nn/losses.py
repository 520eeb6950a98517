"""Losses: what a prediction costs, given what it should have been.

All of them are written so that value and gradient are accurate to a few units in the last place, also where a
probability is so close to 0 or 1 that it rounds to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tracer import Tracer, concrete
from wengert.nn.activations import log_softmax
from wengert.nn.targets import Reduction, array, check_range, class_axis, floats, labels, pair, reduced, refuse, shares
from wengert.ops.special import relu, softplus


def squared_error(prediction: Any, target: Any, *, reduction: Reduction = "mean") -> Any:
    """The square of the difference, (p − t)².

    **Arguments**: `prediction`, floats of any shape, or a list of numbers; `target`, numbers of the same shape, which
    is not broadcast; `reduction`: "mean" over all elements, "sum", or "none".
    **Returns**: one number, or with "none" an array of the prediction's shape; in the prediction's dtype.
    **Raises**: `ShapeError` for two shapes, or the mean of nothing; `ArgumentError` for a target that is NaN, as far as
    it is not traced. **Cost**: one pass.

    >>> from wengert.nn.losses import squared_error
    >>> float(squared_error([1.0, 2.0], [0.0, 4.0]))
    2.5

    **Source**: Gauss, *Theoria combinationis observationum* (1823).
    """
    p, t = pair("squared_error", prediction, target)
    return reduced("squared_error", np.square(p - t), reduction)


def absolute_error(prediction: Any, target: Any, *, reduction: Reduction = "mean") -> Any:
    """The absolute difference, |p − t|; where there is none its derivative is 0.

    **Arguments**, **Returns**, **Raises**, **Cost**: as `squared_error`.

    >>> from wengert.nn.losses import absolute_error
    >>> float(absolute_error([1.0, 2.0], [0.0, 4.0]))
    1.5

    **Source**: Laplace, *Théorie analytique des probabilités* (1812).
    """
    p, t = pair("absolute_error", prediction, target)
    return reduced("absolute_error", np.abs(p - t), reduction)


def huber(prediction: Any, target: Any, *, delta: float = 1.0, reduction: Reduction = "mean") -> Any:
    """The square near 0, the absolute value further out: r²/2 for |r| ≤ δ, δ(|r| − δ/2) beyond, where r = p − t.

    **Arguments**: as `squared_error`, and `delta`, a positive number.
    **Returns**, **Cost**: as `squared_error`. **Raises**: as that, and `ArgumentError` for a δ that is not positive.

    >>> from wengert.nn.losses import huber
    >>> [float(x) for x in huber([0.5, 3.0], [0.0, 0.0], reduction="none")]
    [0.125, 2.5]

    **Source**: Huber, "Robust estimation of a location parameter" (1964).
    """
    if not delta > 0:
        raise ArgumentError(f"delta of huber is a positive number, and was {delta!r}")
    p, t = pair("huber", prediction, target)
    return reduced("huber", _rounded_off(p - t, delta), reduction)


def smooth_l1(prediction: Any, target: Any, *, beta: float = 1.0, reduction: Reduction = "mean") -> Any:
    """The absolute difference with its corner rounded off: r²/2β for |r| ≤ β, |r| − β/2 beyond, where r = p − t.

    It is `huber` with δ = β, over β; with β = 0 it is `absolute_error`.

    **Arguments**: as `squared_error`, and `beta`, a number that is not negative.
    **Returns**, **Cost**: as `squared_error`. **Raises**: as that, and `ArgumentError` for a negative β.

    >>> from wengert.nn.losses import smooth_l1
    >>> [float(x) for x in smooth_l1([0.5, 3.0], [0.0, 0.0], beta=2.0, reduction="none")]
    [0.0625, 2.0]

    **Source**: Girshick, "Fast R-CNN" (2015).
    """
    if not beta >= 0:
        raise ArgumentError(f"beta of smooth_l1 is a number that is not negative, and was {beta!r}")
    p, t = pair("smooth_l1", prediction, target)
    return reduced("smooth_l1", _rounded_off(p - t, beta) / beta if beta else np.abs(p - t), reduction)


def _rounded_off(r: Any, delta: float) -> Any:
    """Huber's function of r in one formula, whose derivatives of every order are right, at 0 too."""
    m = np.clip(r, -delta, delta)
    return m * (r - m / 2)


def hinge(score: Any, target: Any, *, margin: float = 1.0, reduction: Reduction = "mean") -> Any:
    """How much of a margin is missing on the right side: max(0, margin − y·score) for labels y = ±1.

    **Arguments**: `score`, floats of any shape, or a list of numbers; `target`, of the same shape, −1 or 1;
    `reduction` as in `squared_error`.
    **Returns**, **Cost**: as `squared_error`. **Raises**: as that, and `ArgumentError` for labels other than −1 and 1.

    >>> from wengert.nn.losses import hinge
    >>> [float(x) for x in hinge([2.0, 0.5, 0.5], [1, 1, -1], reduction="none")]
    [0.0, 0.5, 1.5]

    **Source**: Cortes & Vapnik, "Support-vector networks" (1995).
    """
    s, y = pair("hinge", score, target)
    if not isinstance(y, Tracer) and not np.all(np.abs(y) == 1):
        refuse("hinge", "is −1 or 1", y, np.abs(y) != 1, "hinge(score, labels)", "hinge(score, 2 * labels - 1)")
    return reduced("hinge", relu(margin - y * s), reduction)


def binary_cross_entropy(logits: Any, target: Any, *, reduction: Reduction = "mean") -> Any:
    """Minus the log-likelihood of yes with probability σ(z): −t·ln σ(z) − (1 − t)·ln(1 − σ(z)), from the logits z.

    It is computed as t·softplus(−z) + (1 − t)·softplus(z), of which both terms are accurate wherever z is.

    **Arguments**: `logits` z, floats of any shape, not probabilities; `target` t, of the same shape, from 0 to 1;
    `reduction` as in `squared_error`.
    **Returns**, **Cost**: as `squared_error`. **Raises**: as that, and `ArgumentError` for targets outside of [0, 1].

    >>> from wengert.nn.losses import binary_cross_entropy
    >>> [float(x) for x in binary_cross_entropy([-800.0, 0.0, 40.0], [1, 0, 1], reduction="none")]
    [800.0, 0.6931471805599453, 4.248354255291589e-18]

    **Source**: Cox, "The regression analysis of binary sequences" (1958).
    """
    z, t = pair("binary_cross_entropy", logits, target)
    if not isinstance(t, Tracer) and not np.all((t >= 0) & (t <= 1)):
        refuse("binary_cross_entropy", "is from 0 to 1", t, (t < 0) | (t > 1),
               "binary_cross_entropy(logits, y)   # y = ±1", "binary_cross_entropy(logits, (y + 1) / 2)")  # fmt: skip
    return reduced("binary_cross_entropy", t * softplus(-z) + (1 - t) * softplus(z), reduction)


def cross_entropy(
    logits: Any,
    target: Any,
    *,
    axis: int = -1,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Minus the log-likelihood of classes with probabilities p = softmax(z): −ln p_y, or −Σ q·ln p for shares q.

    **Arguments**: `logits` z, floats, with the classes along `axis`; `target`: integers of the shape without this
    axis, from 0 to classes − 1; or the shares q of the classes, in the shape of the logits, not negative and with
    sum 1. `label_smoothing` ε puts (1 − ε)·q + ε/classes in place of q. Where the label is `ignore_index` nothing is
    counted. `reduction`: "mean" over what is counted, "sum", or "none".
    **Returns**: one number, or with "none" an array of the shape without the axis; in the dtype of the logits.
    **Raises**: `ShapeError` for shapes that do not fit; `ArgumentError` for labels out of range and shares that are
    none, as far as they are not traced, or compiled code meets them. **Cost**: some passes over the logits.

    >>> import numpy as np
    >>> from wengert.nn.losses import cross_entropy
    >>> z = np.array([[0.0, 40.0], [1e4, 0.0]])
    >>> [float(x) for x in cross_entropy(z, np.array([1, 1]), reduction="none")]
    [4.248354255291589e-18, 10000.0]

    **Source**: Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990); smoothing:
    Szegedy et al., "Rethinking the Inception architecture" (2016).
    """
    z, y = floats(logits), array(target)
    axis = class_axis("cross_entropy", z, axis)
    if not 0 <= label_smoothing < 1:
        raise ArgumentError(f"label_smoothing is a number from 0 up to 1, and was {label_smoothing!r}")
    shape = shape_of(z)
    classes, outer = shape[axis], (*shape[:axis], *shape[axis + 1 :])
    logs = log_softmax(z, axis)
    even = label_smoothing / classes
    if shape_of(y) == shape:
        if ignore_index is not None:
            raise ArgumentError("ignore_index is a label; shares of classes have none")
        q = shares("cross_entropy", y, axis, aval_of(z).dtype)
        q = (1 - label_smoothing) * q + even if label_smoothing else q
        return reduced("cross_entropy", -np.sum(_product(q, logs), axis), reduction)
    if shape_of(y) != outer:
        raise ShapeError(
            f"cross_entropy has logits of shape {shape}, with {classes} classes along axis {axis}, and a target of "
            f"shape {shape_of(y)}",
            wrong="cross_entropy(logits, labels[:, None])",
            right=f"labels of shape {outer}, integers   or   shares of shape {shape}",
        )
    counted = None if ignore_index is None else y != ignore_index
    place = np.expand_dims(labels("cross_entropy", y, classes, ignore_index), axis)
    try:
        chosen = np.take_along_axis(logs, place, axis)
    except IndexError:  # of labels that are followed: the compiled program comes here too
        check_range("cross_entropy", concrete(y), classes, ignore_index)
        raise
    loss = -(1 - label_smoothing) * np.squeeze(chosen, axis)
    if label_smoothing:
        loss = loss - even * np.sum(logs, axis)
    if counted is None:
        return reduced("cross_entropy", loss, reduction)
    loss = np.where(counted, loss, 0.0)
    if reduction != "mean":
        return reduced("cross_entropy", loss, reduction)
    number = np.sum(counted)
    if not isinstance(number, Tracer) and not number:
        raise ShapeError(f"the mean of cross_entropy over no labels: each of them is ignore_index, {ignore_index}")
    return np.sum(loss) / number.astype(aval_of(z).dtype)  # type: ignore[union-attr]


def kl_divergence(logits: Any, target: Any, *, axis: int = -1, reduction: Reduction = "mean") -> Any:
    """How far the probabilities p = softmax(z) are from q: KL(q‖p) = Σ q·(ln q − ln p).

    **Arguments**: `logits` z, floats, with the classes along `axis`; `target` q, of the same shape, not negative and
    with sum 1 along the axis; `reduction`: "mean" over the distributions, "sum", or "none".
    **Returns**: one number, or with "none" an array of the shape without the axis; in the dtype of the logits.
    **Raises**: as `cross_entropy`. **Cost**: some passes over the logits.

    >>> import numpy as np
    >>> from wengert.nn.losses import kl_divergence
    >>> float(kl_divergence(np.zeros(2), np.array([0.5, 0.5]))), float(kl_divergence(np.zeros(2), np.array([0.0, 1.0])))
    (0.0, 0.6931471805599453)

    **Source**: Kullback & Leibler, "On information and sufficiency" (1951).
    """
    z, q = floats(logits), array(target)
    axis = class_axis("kl_divergence", z, axis)
    if shape_of(q) != shape_of(z):
        raise ShapeError(f"kl_divergence has logits of shape {shape_of(z)} and a target of shape {shape_of(q)}")
    q = shares("kl_divergence", q, axis, aval_of(z).dtype)
    logs = np.log(np.where(q > 0, q, 1.0)) - log_softmax(z, axis)
    return reduced("kl_divergence", np.sum(_product(q, logs), axis), reduction)


def _product(q: Any, logs: Any) -> Any:
    """q·log p; 0 where q is, also where log p is infinite."""
    return np.where(q == 0, 0.0, q * np.where(q == 0, 0.0, logs))
