"""How good predictions are, as figures that are counted and not optimized; and losses of predictions as objectives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import ArgumentError, ShapeError, check_callable


def accuracy(scores: Any, labels: Any) -> Any:
    """The share of examples whose largest score is that of their label: mean of [argmax z = y].

    **Arguments**: `scores` z, shape (…, classes), logits or probabilities; `labels` y, integers of shape (…).
    **Returns**: a number from 0 to 1. **Raises**: `ShapeError` for other shapes. **Cost**: one pass.

    >>> import numpy as np
    >>> from wengert.nn.metrics import accuracy
    >>> float(accuracy(np.array([[0.1, 2.0], [3.0, -1.0]]), np.array([1, 1])))
    0.5
    """
    _check(scores, labels, "accuracy")
    return np.mean(np.argmax(scores, axis=-1) == labels)


def top_k_accuracy(scores: Any, labels: Any, k: int = 5) -> Any:
    """The share of examples with fewer than k scores above that of their label.

    **Arguments**: as `accuracy`; `k`, at least 1. **Returns**, **Raises**: as `accuracy`.

    >>> import numpy as np
    >>> from wengert.nn.metrics import top_k_accuracy
    >>> float(top_k_accuracy(np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), np.array([1, 2]), k=2))
    0.5
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ArgumentError(f"k is a whole number, at least 1, not {k!r}", right="top_k_accuracy(scores, labels, k=5)")
    _check(scores, labels, "top_k_accuracy")
    own = np.take_along_axis(scores, np.expand_dims(labels, -1), -1)
    return np.mean(np.sum(scores > own, axis=-1) < k)


def binary_accuracy(scores: Any, target: Any, *, threshold: float = 0.0) -> Any:
    """The share of examples that are on their side of the threshold: mean of [(z > threshold) = (t > 0)].

    **Arguments**: `scores`, logits by default (threshold 0, for probabilities 0.5); `target`, of the same shape: 1 or
    True for yes, 0, −1 or False for no. **Returns**: a number from 0 to 1. **Raises**: `ShapeError` for two shapes.

    >>> import numpy as np
    >>> from wengert.nn.metrics import binary_accuracy
    >>> float(binary_accuracy(np.array([-2.0, 3.0, 1.0, 1.0]), np.array([-1, 1, -1, 1])))
    0.75
    """
    if shape_of(scores) != shape_of(target):
        raise ShapeError(
            f"binary_accuracy has scores of shape {shape_of(scores)} and a target of shape {shape_of(target)}",
            right="binary_accuracy(scores[:, 0], y)",
        )
    return np.mean((scores > threshold) == (target > 0))


def _check(scores: Any, labels: Any, name: str) -> None:
    if shape_of(scores)[:-1] != shape_of(labels) or not shape_of(scores):
        raise ShapeError(
            f"{name} has scores of shape {shape_of(scores)} and labels of shape {shape_of(labels)}",
            wrong=f"{name}(scores, labels[:, None])",
            right=f"{name}(scores, labels)   # (n, classes) and (n,)",
        )
    if aval_of(labels).dtype.kind not in "iu":
        raise ArgumentError(
            f"labels of {name} are integers, and these have dtype {aval_of(labels).dtype}",
            right=f"{name}(scores, labels.astype(int))",
        )


class Supervised:
    """What `supervised` returns: a loss of a model and a batch (x, y), with metrics."""

    def __init__(self, loss: Callable[..., Any], metrics: dict[str, Callable[..., Any]]) -> None:
        self.loss, self.metrics = loss, metrics

    def __call__(self, model: Any, x: Any, y: Any) -> Any:
        prediction = model(x)
        value = self.loss(prediction, y)
        return (
            (value, {name: metric(prediction, y) for name, metric in self.metrics.items()}) if self.metrics else value
        )

    def __repr__(self) -> str:
        words = [_name(self.loss), *(f"{name}={_name(metric)}" for name, metric in self.metrics.items())]
        return f"supervised({', '.join(words)})"


def _name(f: Any) -> str:
    return str(getattr(f, "__name__", f))


def supervised(loss: Callable[..., Any], **metrics: Callable[..., Any]) -> Supervised:
    """The loss of a model on a batch (x, y), from one of predictions: loss(model(x), y).

    **Arguments**: `loss`, a function of prediction and target, such as `nn.cross_entropy`; `metrics`, such functions
    too, by name. **Returns**: a function of model, x and y for `nn.fit` and `nn.train_step`, which returns the loss,
    or loss and metrics, all of one prediction.

    >>> import numpy as np, wengert as wg
    >>> from wengert.nn.losses import cross_entropy
    >>> from wengert.nn.metrics import accuracy, supervised
    >>> objective = supervised(cross_entropy, accuracy=accuracy)
    >>> objective
    supervised(cross_entropy, accuracy=accuracy)
    >>> value, metrics = objective(lambda x: x, np.eye(2), np.array([0, 1]))
    >>> metrics
    {'accuracy': np.float64(1.0)}
    """
    check_callable(loss, "nn.supervised")
    for metric in metrics.values():
        check_callable(metric, "nn.supervised")
    return Supervised(loss, metrics)
