"""Pooling: the largest or the mean of what a window sees, in each channel by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.convolution import Sizes, add_batch, check_window, padded, sizes
from wengert.nn.module import Module


def along(combine: Any, x: Any, axis: int, size: int, step: int, dilation: int = 1) -> Any:
    """What a window along one axis sees, combined in pairs; windows over more axes do so one by one."""
    n = shape_of(x)[axis]
    lead: tuple[Any, ...] = (slice(None),) * axis
    if size == step and dilation == 1 and n % size == 0:
        split = np.reshape(x, (*shape_of(x)[:axis], n // size, size, *shape_of(x)[axis + 1 :]))
        seen = [split[(*lead, slice(None), i)] for i in range(size)]
    else:
        stop = n - dilation * (size - 1)
        seen = [x[(*lead, slice(i * dilation, i * dilation + stop, step))] for i in range(size)]
    while len(seen) > 1:
        odd = seen[len(seen) - len(seen) % 2 :]
        seen = [combine(first, second) for first, second in zip(seen[::2], seen[1::2], strict=False)] + odd
    return seen[0]


def _larger(a: Any, b: Any) -> Any:
    """The larger of two, the first if they are equal, NaN if one is."""
    return np.where((b > a) | np.isnan(b), b, a)


class _Pool(Module):
    """What the windows have in common; `AXES` says over how many axes they move."""

    AXES = 0

    def _configure(self, kernel: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes) -> None:
        name, axes = type(self).__name__, self.AXES
        self.kernel = sizes(kernel, axes, "kernel", name)
        self.stride = self.kernel if stride is None else sizes(stride, axes, "stride", name)
        self.padding = sizes(padding, axes, "padding", name, least=0)
        self.dilation = sizes(dilation, axes, "dilation", name)
        if any(2 * n > k for n, k in zip(self.padding, self.kernel, strict=True)):
            raise ArgumentError(
                f"padding of {name} is at most half of its kernel {self.kernel}, not {self.padding}: "
                "there would be windows that see nothing",
                right=f"{name}(3, padding=1)",
            )

    def forward(self, x: Any) -> Any:
        x, single = add_batch(self, x, None, self.AXES)
        y = self._pooled(x)
        return y[0] if single else y

    def _reduced(self, combine: Any, x: Any, value: float) -> Any:
        """What each window sees, combined, x being continued by a value."""
        x = padded(x, [(n, n) for n in self.padding], value)
        space = shape_of(x)[2:]
        check_window(self, space, self.kernel, self.dilation)
        for i in reversed(range(self.AXES)):
            x = along(combine, x, 2 + i, self.kernel[i], self.stride[i], self.dilation[i])
        return x

    def _pooled(self, x: Any) -> Any:
        raise NotImplementedError

    def extra_repr(self) -> str:
        words = [f"kernel={self.kernel}"]
        words += [f"stride={self.stride}"] * (self.stride != self.kernel)
        words += [f"padding={self.padding}"] * any(self.padding)
        return ", ".join(words + [f"dilation={self.dilation}"] * (set(self.dilation) != {1}))


class _MaxPool(_Pool):
    def __init__(self, kernel: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1) -> None:
        self._configure(kernel, stride, padding, dilation)

    def _pooled(self, x: Any) -> Any:
        kind = aval_of(x).dtype
        if any(self.padding) and kind.kind != "f":
            raise ArgumentError(
                f"{type(self).__name__} pads with −∞, which an array of {kind} cannot hold",
                wrong="pool(counts)",
                right="pool(counts.astype(float))",
            )
        return self._reduced(_larger, x, -np.inf if any(self.padding) else 0.0)


class MaxPool1d(_MaxPool):
    """The largest of what a window over one axis sees; see `MaxPool2d`.

    **Takes** `x` of shape (batch, channels, length). **Returns** an array of shape (batch, channels, length′).

    >>> import numpy as np, wengert as wg
    >>> wg.nn.MaxPool1d(2)(np.array([[[1.0, 3.0, 2.0, 0.0]]]))
    array([[[3., 2.]]])
    """

    AXES = 1


class MaxPool2d(_MaxPool):
    """The largest of what a window over two axes sees: y[c, i, j] = max_k,l x[c, i·stride + k, j·stride + l].

    Of several that are equal the first has the derivative, row by row, as in PyTorch (of `np.max` they share it).

    **Arguments**: `kernel`, the size of the window, a number or a pair; `stride`, its steps, by default its size;
    `padding`, at most half of the window: on each side so many places that are never the largest; `dilation`, the
    distance between the window's places. **Takes** `x` of shape (batch, channels, height, width), or one image
    without the first axis. **Returns** an array of shape (batch, channels, height′, width′), what no whole window
    covers being left out. **Raises**: `ShapeError` for another number of axes, or an input smaller than the window.
    **Cost**: one pass over x where windows do not overlap; else what they see takes memory, kernel² times that of x.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 5.,  7.],
             [13., 15.]]]])

    **Source**: Jarrett et al., "What is the best multi-stage architecture for object recognition?" (2009).
    """

    AXES = 2


class _AvgPool(_Pool):
    def __init__(
        self, kernel: Sizes, stride: Sizes | None = None, padding: Sizes = 0, *, count_padding: bool = True
    ) -> None:
        self._configure(kernel, stride, padding, dilation=1)
        self.count_padding = bool(count_padding)

    def _pooled(self, x: Any) -> Any:
        total = self._reduced(np.add, x, 0.0)
        if self.count_padding or not any(self.padding):
            return total / math.prod(self.kernel)
        inside = np.ones((1, 1, *shape_of(x)[2:]), aval_of(total).dtype)
        return total / self._reduced(np.add, inside, 0.0)


class AvgPool1d(_AvgPool):
    """The mean of what a window over one axis sees; see `AvgPool2d`.

    **Takes** `x` of shape (batch, channels, length). **Returns** an array of shape (batch, channels, length′).

    >>> import numpy as np, wengert as wg
    >>> wg.nn.AvgPool1d(2)(np.array([[[1.0, 3.0, 2.0, 0.0]]]))
    array([[[2., 1.]]])
    """

    AXES = 1


class AvgPool2d(_AvgPool):
    """The mean of what a window over two axes sees.

    **Arguments**: `kernel`, `stride`, `padding` as in `MaxPool2d`; padding consists of zeros, which count as elements
    unless `count_padding=False`. **Takes**, **Returns**, **Raises**, **Cost**: as `MaxPool2d`.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])

    **Source**: LeCun et al., "Gradient-based learning applied to document recognition" (1998).
    """

    AXES = 2


class _AdaptiveAvgPool(Module):
    AXES = 0

    def __init__(self, size: Sizes) -> None:
        self.size = sizes(size, self.AXES, "size", type(self).__name__)

    def forward(self, x: Any) -> Any:
        x, single = add_batch(self, x, None, self.AXES)
        space = shape_of(x)[2:]
        if min(space) < 1:
            raise ShapeError(f"{type(self).__name__}({self.size}) has no elements to take the mean of: {shape_of(x)}")
        if not any(n % m for n, m in zip(space, self.size, strict=True)):
            kernel = tuple(n // m for n, m in zip(space, self.size, strict=True))
            y = x
            for i, size in enumerate(kernel):
                y = along(np.add, y, 2 + i, size, size)
            y = y / math.prod(kernel)
        else:
            y, dtype = x, aval_of(x).dtype
            for axis, (n, m) in enumerate(zip(space, self.size, strict=True), start=2):
                shares = _shares(n, m).astype(dtype if dtype.kind == "f" else np.float64)
                y = np.moveaxis(np.moveaxis(y, axis, -1) @ shares, -1, axis)
        return y[0] if single else y

    def extra_repr(self) -> str:
        return str(self.size)


def _shares(n: int, m: int) -> np.ndarray[Any, Any]:
    """The matrix that takes n elements to m means: the i-th of those from ⌊i·n/m⌋ to ⌈(i + 1)·n/m⌉."""
    shares = np.zeros((n, m))
    for i in range(m):
        start, stop = i * n // m, -(-(i + 1) * n // m)
        shares[start:stop, i] = 1 / (stop - start)
    return shares


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means over as many parts of the last axis as there are to be results; see `AdaptiveAvgPool2d`.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.AdaptiveAvgPool1d(2)(np.array([[[1.0, 3.0, 5.0]]]))
    array([[[2., 4.]]])
    """

    AXES = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means over as many parts of the last two axes as there are to be results, whatever the size of the input.

    Of n elements the i-th of m results is the mean of those from ⌊i·n/m⌋ to ⌈(i + 1)·n/m⌉ − 1, as in PyTorch.

    **Arguments**: `size`, how many results along the axes, a number or a pair; 1 is the mean of each channel.
    **Takes** `x` of shape (batch, channels, height, width), or one image without the first axis. **Returns** an array
    of shape (batch, channels, *size). **Raises**: `ShapeError` for another number of axes.
    **Cost**: a pass over x where the parts are of one size, else a product with a matrix for each axis.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.AdaptiveAvgPool2d(1)(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[[[1.5]],
    <BLANKLINE>
            [[5.5]]]])

    **Source**: Lin, Chen & Yan, "Network in network" (2014), for the mean of all; He et al., "Spatial pyramid pooling"
    (2014), for parts.
    """

    AXES = 2


class GlobalAvgPool(Module):
    """The mean of each channel: (batch, channels, *space) becomes (batch, channels).

    **Raises**: `ShapeError` where there is no space. **Cost**: a pass over x.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.GlobalAvgPool()(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[1.5, 5.5]])

    **Source**: Lin, Chen & Yan, "Network in network" (2014).
    """

    def forward(self, x: Any) -> Any:
        shape = shape_of(x)
        if len(shape) < 3 or not all(shape[2:]):
            raise ShapeError(f"GlobalAvgPool() takes arrays of shape (batch, channels, *space), not {shape}")
        return np.mean(x, axis=tuple(range(2, len(shape))))
