"""Convolutions: layers whose weights are a small window that is moved over the last axes of an array."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of, promote, shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.initializers import Generator, Init, generator, initial
from wengert.nn.linear import as_numbers, check_size
from wengert.nn.module import Module, Parameter
from wengert.transform.duality import transposed

Sizes = int | Sequence[int]


def sizes(value: Any, axes: int, name: str, layer: str, least: int = 1) -> tuple[int, ...]:
    """One whole number for each axis, out of one for all of them or a sequence."""
    given = value if isinstance(value, (tuple, list)) else (value,) * axes
    try:
        found = tuple(operator.index(n) for n in given)
    except TypeError:
        found = ()
    if len(found) != axes or min(found) < least or any(isinstance(n, bool) for n in given):
        raise ArgumentError(
            f"{name} of {layer} is a whole number from {least} on, or {axes} of them, not {value!r}",
            right=f"{layer}(…, {name}={least + 1})",
        )
    return found


def windows(x: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> list[Any]:
    """What each place of a window sees as the window moves over the last axes: views of x, one for each place."""
    axes = len(kernel)
    space = shape_of(x)[-axes:]
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    views = []
    for place in itertools.product(*map(range, kernel)):
        starts = [i * d for i, d in zip(place, dilation, strict=True)]
        stops = [i + n - span + 1 for i, n, span in zip(starts, space, spans, strict=True)]
        views.append(x[(..., *map(slice, starts, stops, stride))])
    return views


def padded(x: Any, pads: Sequence[tuple[int, int]], value: float = 0.0) -> Any:
    """The array with so many elements more before and after, along its last axes."""
    if not any(map(any, pads)):
        return x
    lead = len(shape_of(x)) - len(pads)
    return np.pad(x, [(0, 0)] * lead + list(pads), constant_values=value)


def convolve(x: Any, weight: Any, stride: Sequence[int], dilation: Sequence[int], groups: int) -> Any:
    """The convolution of (batch, in, *space) with (out, in / groups, *kernel), nothing padded.

    What the window sees at one of its positions is a column of a matrix; the weights are another matrix.
    """
    (count, channels), (features, *_), kernel = shape_of(x)[:2], shape_of(weight), shape_of(weight)[2:]
    seen = windows(x, kernel, stride, dilation)
    space = shape_of(seen[0])[2:]
    columns = np.stack(seen, axis=2) if len(seen) > 1 else seen[0]
    split = (groups,) if groups > 1 else ()
    rows = channels // groups * len(seen)
    columns = np.reshape(columns, (count, *split, rows, math.prod(space)))
    filters = np.reshape(weight, (*split, features // groups, rows))
    return np.reshape(filters @ columns, (count, features, *space))


def add_batch(layer: Module, x: Any, channels: int | None, axes: int) -> tuple[Any, bool]:
    """The array with an axis for the batch, and whether that had to be added; its shape is checked."""
    x = as_numbers(x)
    shape = shape_of(x)
    if len(shape) not in (axes + 1, axes + 2) or (channels is not None and shape[-axes - 1] != channels):
        space = "height, width" if axes == 2 else "length"
        advice: dict[str, Any] = {}
        if channels == 1 and len(shape) == axes + 1:
            advice = {"wrong": "layer(x)", "right": "layer(x[:, np.newaxis])   an axis for the one channel"}
        elif len(shape) == axes + 2 and shape[-1] == channels:
            advice = {"wrong": "layer(x)", "right": "layer(np.moveaxis(x, -1, 1))   channels stand before the space"}
        raise ShapeError(
            f"{type(layer).__name__}({layer.extra_repr()}) takes arrays of shape "
            f"(batch, {'channels' if channels is None else channels}, {space}), not {shape}",
            **advice,
        )
    single = len(shape) == axes + 1
    return (x[np.newaxis] if single else x), single


def check_window(layer: Module, space: Sequence[int], kernel: Sequence[int], dilation: Sequence[int]) -> None:
    """The window must fit into what it moves over."""
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if any(n < span for n, span in zip(space, spans, strict=True)):
        raise ShapeError(
            f"the window of {type(layer).__name__}({layer.extra_repr()}) covers {spans}, and its padded input is "
            f"only {tuple(space)}",
            right="a larger input, a smaller kernel, or more padding",
        )


class _Convolution(Module):
    """What the convolutions have in common; `AXES` says over how many axes the window moves."""

    AXES = 0
    weight: Parameter
    bias: Parameter | None

    def _configure(
        self, n_in: int, n_out: int, kernel: Sizes, stride: Sizes, padding: Sizes | str, dilation: Sizes, groups: int
    ) -> None:
        name, axes = type(self).__name__, self.AXES
        self.n_in, self.n_out = check_size("n_in", n_in), check_size("n_out", n_out)
        self.kernel = sizes(kernel, axes, "kernel", name)
        self.stride = sizes(stride, axes, "stride", name)
        self.dilation = sizes(dilation, axes, "dilation", name)
        self.groups = check_size("groups", groups)
        if n_in % groups or n_out % groups:
            raise ArgumentError(
                f"{name} cannot divide {n_in} channels in and {n_out} channels out into {groups} groups",
                right="groups that divides both",
            )
        if padding == "same":
            if set(self.stride) != {1}:
                raise ArgumentError(
                    f"padding='same' of {name} needs stride 1, not {self.stride}: else the sizes are not the same",
                    wrong=f"{name}(…, stride=2, padding='same')",
                    right=f"{name}(…, stride=2, padding=1)",
                )
            totals = [d * (k - 1) for k, d in zip(self.kernel, self.dilation, strict=True)]
            self.padding = tuple((n // 2, n - n // 2) for n in totals)
        else:
            both = sizes(0 if padding == "valid" else padding, axes, "padding", name, least=0)
            self.padding = tuple((n, n) for n in both)

    def _draw(
        self, shape: tuple[int, ...], bias: bool, inits: tuple[Init, Init], dtype: Any, rng: int | Generator | None
    ) -> None:
        drawn, kernel = generator(rng), math.prod(self.kernel)
        fan = (shape[1] * kernel, shape[0] * kernel)
        self.weight = initial(inits[0], shape, drawn, dtype, fan)
        self.bias = initial(inits[1], (self.n_out,), drawn, dtype, fan) if bias else None

    def _shifted(self, y: Any) -> Any:
        return y if self.bias is None else y + np.reshape(self.bias, (-1, *(1,) * self.AXES))

    def extra_repr(self) -> str:
        words = [f"{self.n_in} → {self.n_out}", f"kernel={self.kernel}"]
        words += [f"stride={self.stride}"] * (set(self.stride) != {1})
        words += [f"padding={self.padding}"] * any(map(any, self.padding))
        words += [f"dilation={self.dilation}"] * (set(self.dilation) != {1})
        return ", ".join(
            [*words, *[f"groups={self.groups}"] * (self.groups > 1), *["bias=False"] * (self.bias is None)]
        )


class _Forward(_Convolution):
    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        *,
        bias: bool = True,
        weight_init: Init = "fan_in_uniform",
        bias_init: Init = "fan_in_uniform",
        dtype: Any = np.float64,
        rng: int | Generator | None = None,
    ) -> None:
        self._configure(n_in, n_out, kernel, stride, padding, dilation, groups)
        self._draw((n_out, n_in // groups, *self.kernel), bias, (weight_init, bias_init), dtype, rng)

    def forward(self, x: Any) -> Any:
        x, single = add_batch(self, x, self.n_in, self.AXES)
        x = padded(x, self.padding)
        check_window(self, shape_of(x)[2:], self.kernel, self.dilation)
        y = self._shifted(convolve(x, self.weight, self.stride, self.dilation, self.groups))
        return y[0] if single else y


class Conv1d(_Forward):
    """A window that moves over one axis: y[o, t] = bₒ + Σ_c Σ_k W[o, c, k] · x[c, t·stride + k·dilation].

    **Arguments**, **Parameters**, **Raises**, **Cost**, **Source**: as `Conv2d`, with numbers in the place of pairs.
    **Takes** `x` of shape (batch, n_in, length). **Returns** an array of shape (batch, n_out, length′).

    >>> import numpy as np, wengert as wg
    >>> wg.nn.Conv1d(2, 3, 5, padding="same")(np.ones((7, 2, 20))).shape
    (7, 3, 20)
    """

    AXES = 1


class Conv2d(_Forward):
    """A window that moves over two axes: y[o, i, j] = bₒ + Σ_c Σ_k,l W[o, c, k, l] · x[c, i·stride + k·dilation, …].

    This is the correlation with W, which networks call convolution. Outside of x there are zeros, where it is padded.

    **Arguments**: `n_in`, `n_out`, the numbers of channels; `kernel`, the size of the window, a number or a pair, as
    are `stride`, its steps, and `dilation`, the distance between its places; `padding`, so many zeros on each side, or
    "same" (as much as keeps the size) or "valid" (none); `groups`, into which the channels are divided, each group out
    seeing one group in; `bias`, `weight_init`, `bias_init`, `dtype`, `rng` as in `Linear`.
    **Parameters**: `weight`, shape (n_out, n_in / groups, *kernel); `bias`, shape (n_out,), or None.
    **Takes** `x` of shape (batch, n_in, height, width), or one image without the first axis. **Returns** an array of
    shape (batch, n_out, height′, width′), height′ = ⌊(height + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1.
    **Raises**: `ShapeError` for another number of channels or axes, or an input smaller than the window.
    **Cost**: one product of matrices per image; what the windows see takes kernel² times the memory of x.

    >>> import numpy as np, wengert as wg
    >>> layer = wg.nn.Conv2d(1, 16, 3, padding="same", rng=0)
    >>> layer(np.ones((5, 1, 8, 8))).shape
    (5, 16, 8, 8)

    **Source**: LeCun et al., "Gradient-based learning applied to document recognition" (1998); as a product of
    matrices: Chellapilla, Puri & Simard, "High performance convolutional neural networks" (2006).
    """

    AXES = 2


class _Transposed(_Convolution):
    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        *,
        bias: bool = True,
        weight_init: Init = "fan_in_uniform",
        bias_init: Init = "fan_in_uniform",
        dtype: Any = np.float64,
        rng: int | Generator | None = None,
    ) -> None:
        name = type(self).__name__
        both = sizes(padding, self.AXES, "padding", name, least=0)
        self._configure(n_in, n_out, kernel, stride, both, dilation, groups)
        self.output_padding = sizes(output_padding, self.AXES, "output_padding", name, least=0)
        if any(extra >= step for extra, step in zip(self.output_padding, self.stride, strict=True)):
            raise ArgumentError(
                f"output_padding of {name} is less than its stride {self.stride}, not {self.output_padding}",
                wrong=f"{name}(…, output_padding=1)",
                right=f"{name}(…, stride=2, output_padding=1)",
            )
        self._draw((n_in, n_out // groups, *self.kernel), bias, (weight_init, bias_init), dtype, rng)

    def forward(self, x: Any) -> Any:
        x, single = add_batch(self, x, self.n_in, self.AXES)
        shape = shape_of(x)
        lengths = zip(shape[2:], self.stride, self.dilation, self.kernel, self.output_padding, strict=True)
        full = tuple((n - 1) * step + d * (k - 1) + 1 + extra for n, step, d, k, extra in lengths)
        space = tuple(n - before - after for n, (before, after) in zip(full, self.padding, strict=True))
        if min(shape[2:]) < 1 or min(space) < 1:
            raise ShapeError(
                f"{type(self).__name__}({self.extra_repr()}) takes away more than there is of an input {shape}",
                right="a larger input   or   less padding",
            )
        dtype = promote(aval_of(x), aval_of(self.weight))

        def original(places: list[Any]) -> list[Any]:
            return [convolve(places[0], self.weight, self.stride, self.dilation, self.groups)]

        (y,) = transposed(original, [x], [Aval((shape[0], self.n_out, *full), dtype)])
        inner = (slice(before, before + n) for n, (before, _) in zip(space, self.padding, strict=True))
        y = self._shifted(y[(..., *inner)])
        return y[0] if single else y


class ConvTranspose1d(_Transposed):
    """The transpose of `Conv1d` in its linear map, which makes long arrays out of short ones; see `ConvTranspose2d`.

    **Takes** `x` of shape (batch, n_in, length). **Returns** an array of shape (batch, n_out, length′).

    >>> import numpy as np, wengert as wg
    >>> wg.nn.ConvTranspose1d(2, 3, 4, stride=2, padding=1)(np.ones((7, 2, 10))).shape
    (7, 3, 20)
    """

    AXES = 1


class ConvTranspose2d(_Transposed):
    """The transpose of `Conv2d` in its linear map: each input puts its multiple of the window into the output.

    y = b + Cᵀ x, where C is the convolution with the same window, stride, padding, dilation and groups from n_out to
    n_in channels. It has no formula of its own: the transpose is that which reverse mode makes of `Conv2d`.

    **Arguments**: as `Conv2d`; `output_padding`, less than the stride, makes the output larger by so much at its end
    (of several sizes that C takes to the same). **Parameters**: `weight`, shape (n_in, n_out / groups, *kernel);
    `bias`, shape (n_out,), or None. **Takes** `x` of shape (batch, n_in, height, width), or without the first axis.
    **Returns** an array of shape (batch, n_out, height′, width′), height′ = (height − 1) · stride − 2 · padding +
    dilation · (kernel − 1) + output_padding + 1.
    **Raises**, **Cost**: as `Conv2d`.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.ConvTranspose2d(8, 4, 2, stride=2)(np.ones((5, 8, 7, 7))).shape
    (5, 4, 14, 14)

    **Source**: Zeiler et al., "Deconvolutional networks" (2010); Dumoulin & Visin, "A guide to convolution arithmetic
    for deep learning" (2016), chapter 4.
    """

    AXES = 2
