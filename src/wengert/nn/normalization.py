"""Layers that bring numbers to mean 0 and variance 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.linear import as_numbers, check_size
from wengert.nn.module import Buffer, Module, Parameter
from wengert.ops.special import stop_gradient


def _trailing(shape: int | Sequence[int]) -> tuple[int, ...]:
    given = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if not given:
        raise ArgumentError("the shape to normalize over has no axes", right="LayerNorm(n_features)")
    return tuple(check_size("a length in the shape", n) for n in given)


def _check_trailing(layer: Module, x: Any, want: tuple[int, ...]) -> tuple[int, ...]:
    """The last axes of x must be those that are normalized; which axes these are."""
    shape = shape_of(x)
    if shape[len(shape) - len(want) :] != want or len(shape) < len(want):
        wanted = ", ".join(["…", *map(str, want)])
        raise ShapeError(f"{type(layer).__name__}({layer.extra_repr()}) takes arrays of shape ({wanted}), not {shape}")
    return tuple(range(-len(want), 0))


class LayerNorm(Module):
    """Each example by itself: y = (x − mean) / √(var + ε) · weight + bias, over the last axes.

    The variance is the mean square of what is left after the mean was subtracted (not divided by n − 1).

    **Arguments**: `shape`, of the axes to normalize over: an int for the last one; `eps`; `affine=False`: without
    weight and bias, `bias=False`: without the bias; `dtype`.
    **Parameters**: `weight`, ones at first; `bias`, zeros; both of this shape, or None.
    **Takes** and **returns** an array of shape (…, *shape). **Raises**: `ShapeError`. **Cost**: three passes over x.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.LayerNorm(4)(np.array([1.0, 2.0, 3.0, 4.0])).data.round(3)
    array([-1.342, -0.447,  0.447,  1.342])

    **Source**: Ba, Kiros & Hinton, "Layer normalization" (2016).
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        shape: int | Sequence[int],
        *,
        eps: float = 1e-5,
        affine: bool = True,
        bias: bool = True,
        dtype: Any = np.float64,
    ) -> None:
        self.shape, self.eps = _trailing(shape), float(eps)
        self.weight = np.ones(self.shape, dtype) if affine else None
        self.bias = np.zeros(self.shape, dtype) if affine and bias else None

    def forward(self, x: Any) -> Any:
        x = as_numbers(x)
        axes = _check_trailing(self, x, self.shape)
        apart = x - np.mean(x, axis=axes, keepdims=True)
        y = apart / np.sqrt(np.mean(apart * apart, axis=axes, keepdims=True) + self.eps)
        if self.weight is not None:
            y = y * self.weight
        return y if self.bias is None else y + self.bias

    def extra_repr(self) -> str:
        return f"{self.shape if len(self.shape) > 1 else self.shape[0]}, eps={self.eps}"


class RMSNorm(Module):
    """Each example by itself: y = x / √(mean x² + ε) · weight, over the last axes; no mean is subtracted.

    **Arguments**: `shape` as in `LayerNorm`; `eps`, by default that of x's dtype (2.2e-16 for float64); `affine=False`:
    without weight; `dtype`. **Parameters**: `weight`, ones at first, or None.
    **Takes** and **returns** an array of shape (…, *shape). **Raises**: `ShapeError`. **Cost**: two passes over x.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.RMSNorm(2)(np.array([3.0, 4.0])).data.round(4)
    array([0.8485, 1.1314])

    **Source**: Zhang & Sennrich, "Root mean square layer normalization" (2019).
    """

    weight: Parameter | None

    def __init__(
        self, shape: int | Sequence[int], *, eps: float | None = None, affine: bool = True, dtype: Any = np.float64
    ) -> None:
        self.shape, self.eps = _trailing(shape), None if eps is None else float(eps)
        self.weight = np.ones(self.shape, dtype) if affine else None

    def forward(self, x: Any) -> Any:
        x = as_numbers(x)
        axes = _check_trailing(self, x, self.shape)
        dtype = aval_of(x).dtype
        eps = float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps) if self.eps is None else self.eps
        y = x / np.sqrt(np.mean(x * x, axis=axes, keepdims=True) + eps)
        return y if self.weight is None else y * self.weight

    def extra_repr(self) -> str:
        return f"{self.shape if len(self.shape) > 1 else self.shape[0]}" + ("" if self.eps is None else f", {self.eps}")


class BatchNorm(Module):
    """Each feature over the batch: y = (x − mean) / √(var + ε) · weight + bias; made as BatchNorm1d or BatchNorm2d.

    In training mean and variance are those of the batch, and are taken into running ones, which are used in
    evaluation: running ← (1 − momentum) · running + momentum · that of the batch. As in PyTorch the batch is normalized
    by its mean square (over n), and the running variance is that of a sample (over n − 1).

    **Arguments**: `n_features`; `eps`; `momentum`, None for the mean over all batches; `affine=False`: without weight
    and bias; `dtype`. **Parameters**: `weight`, ones at first; `bias`, zeros.
    **Buffers**: `running_mean`, `running_var`, `batches` (how many there were). A call in training assigns them; inside
    of a transformation it assigns them to a copy of the model, which the function returns.
    **Takes** and **returns** an array of shape (N, C) or (N, C, L), for 2d (N, C, H, W).
    **Raises**: `ShapeError`, also for a single number per feature in training. **Cost**: three passes over x.

    >>> import numpy as np, wengert as wg
    >>> norm = wg.nn.BatchNorm1d(1)
    >>> norm(np.array([[1.0], [3.0]])).data.round(3)
    array([[-1.],
           [ 1.]])
    >>> norm.running_mean, norm.running_var
    (array([0.2]), array([1.1]))

    **Source**: Ioffe & Szegedy, "Batch normalization" (ICML 2015).
    """

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer
    running_var: Buffer
    batches: Buffer

    #: The numbers of axes that x may have, and how its shape is written.
    axes: tuple[int, ...] = ()
    form = ""

    def __init__(
        self,
        n_features: int,
        *,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        dtype: Any = np.float64,
    ) -> None:
        self.n_features, self.eps = check_size("n_features", n_features), float(eps)
        if momentum is not None and not 0.0 <= momentum <= 1.0:
            raise ArgumentError(
                f"momentum is a share, from 0 to 1, or None for the mean of all batches, not {momentum}"
            )
        self.momentum = momentum
        self.weight = np.ones(n_features, dtype) if affine else None
        self.bias = np.zeros(n_features, dtype) if affine else None
        self.running_mean, self.running_var = np.zeros(n_features, dtype), np.ones(n_features, dtype)
        self.batches = np.zeros(1, np.int64)

    def forward(self, x: Any) -> Any:
        x = as_numbers(x)
        shape = shape_of(x)
        if len(shape) not in self.axes or shape[1] != self.n_features:
            raise ShapeError(
                f"{type(self).__name__}({self.extra_repr()}) takes arrays of shape "
                f"{self.form.replace('C', str(self.n_features))}, not {shape}"
            )
        over = (0, *range(2, len(shape)))
        if self.training:
            count = math.prod(shape[axis] for axis in over)
            if count < 2:
                raise ShapeError(
                    f"{type(self).__name__} in training takes more than one number per feature, to have a variance; "
                    f"x has shape {shape}",
                    right="model.eval()   or a larger batch",
                )
            mean = np.mean(x, axis=over, keepdims=True)
            apart = x - mean
            var = np.mean(apart * apart, axis=over, keepdims=True)
            self._note(stop_gradient(np.reshape(mean, -1)), stop_gradient(np.reshape(var, -1)), count, x)
        else:
            apart, var = x - _along(self.running_mean, shape), _along(self.running_var, shape)
        y = apart / np.sqrt(var + self.eps)
        if self.weight is not None:
            y = y * _along(self.weight, shape)
        return y if self.bias is None else y + _along(self.bias, shape)

    def _note(self, mean: Any, var: Any, count: int, x: Any) -> None:
        """Take a batch's statistics into the running ones; the variance is then that of a sample, over n − 1."""
        self.check_state("running_mean", x)
        self.batches = self.batches + 1
        dtype = aval_of(self.running_mean).dtype
        share = self.momentum if self.momentum is not None else (1.0 / self.batches).astype(dtype)
        unbiased = var * (count / (count - 1))
        self.running_mean = ((1 - share) * self.running_mean + share * mean).astype(dtype)
        self.running_var = ((1 - share) * self.running_var + share * unbiased).astype(dtype)

    def extra_repr(self) -> str:
        return f"{self.n_features}, eps={self.eps}, momentum={self.momentum}"


def _along(value: Any, shape: Sequence[int]) -> Any:
    """One number per feature, along axis 1."""
    return np.reshape(value, (-1, *[1] * (len(shape) - 2)))


class BatchNorm1d(BatchNorm):
    """Batch normalization of features, x of shape (N, C), or of channels, (N, C, L); see `BatchNorm`."""

    axes, form = (2, 3), "(N, C) or (N, C, L)"


class BatchNorm2d(BatchNorm):
    """Batch normalization of channels, x of shape (N, C, H, W); see `BatchNorm`."""

    axes, form = (4,), "(N, C, H, W)"
