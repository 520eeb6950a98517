"""Discrete Fourier transforms: linear, and each the other's transpose.

y_k = Σⱼ xⱼ·exp(∓2πi·jk/n) is symmetric in j and k, so the transpose of a transform of length n is that transform again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.batching import along_axis
from wengert.core.dispatch import implements
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Linear

#: The norm whose factor is that of the transform in the other direction.
_OTHER: dict[Any, Any] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _resized(x: Any, n: int, axis: int) -> Any:
    """The first n elements along an axis, with zeros where there are fewer."""
    have = shape_of(x)[axis]
    lead = (slice(None),) * axis
    if have >= n:
        return x[(*lead, slice(0, n))] if have > n else x
    shape = shape_of(x)
    return np.concatenate([x, np.zeros((*shape[:axis], n - have, *shape[axis + 1 :]))], axis)


def _complex(dtype: Any) -> Any:
    return np.result_type(dtype, np.complex64) if dtype in (np.float32, np.complex64) else np.dtype(np.complex128)


def _real(dtype: Any) -> Any:
    return np.dtype(np.float32) if dtype in (np.float32, np.complex64) else np.dtype(np.float64)


def _transform(
    name: str, transpose: Callable[..., Any], length: Callable[[int], int], *, to: Any, rule: Any
) -> Primitive:
    function = getattr(np.fft, name)

    def aval(x: Aval, *, n: int, axis: int, norm: Any) -> Aval:
        return Aval((*x.shape[:axis], length(n), *x.shape[axis + 1 :]), to(x.dtype))

    primitive = REGISTRY[name] = Primitive(
        name, lambda x, *, n, axis, norm: function(x, n, axis, norm), [Linear(transpose)], aval=aval, joint=True,
        complex=rule, batch=along_axis,
        notation=Notation(name, f"np.fft.{name}({{0}}, {{params}})", rf"\operatorname{{{{{name}}}}} {{0:9}}"),
    )  # fmt: skip
    return primitive


def _again(function: Any) -> Callable[..., Any]:
    def transpose(ct: Any, x: Any, *, n: int, axis: int, norm: Any) -> Any:
        return _resized(function(_resized(ct, n, axis), n, axis, norm), shape_of(x)[axis], axis)

    return transpose


def _irfft_adjoint(ct: Any, x: Any, *, n: int, axis: int, norm: Any) -> Any:
    """All frequencies but 0 and n/2 stand for two, themselves and their conjugates."""
    m = n // 2 + 1
    twice = np.full(m, 2.0)
    twice[0] = 1.0
    if n % 2 == 0:
        twice[-1] = 1.0
    back = np.fft.rfft(ct, n, axis, _OTHER[norm]) * twice.reshape((m,) + (1,) * (len(shape_of(ct)) - axis - 1))
    back = _resized(back, shape_of(x)[axis], axis)
    return back if aval_of(x).dtype.kind == "c" else np.real(back)


# fmt: off
fft   = _transform("fft",   _again(np.fft.fft),  lambda n: n,          to=_complex, rule=True)
ifft  = _transform("ifft",  _again(np.fft.ifft), lambda n: n,          to=_complex, rule=True)
rfft  = _transform("rfft",  _again(np.fft.fft),  lambda n: n // 2 + 1, to=_complex, rule=True)
irfft = _transform("irfft", _irfft_adjoint,      lambda n: n,          to=_real,    rule="adjoint")
# fmt: on


def _one_dimensional(primitive: Primitive, length: Callable[[int], int] = lambda n: n) -> Callable[..., Any]:
    def transform(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
        shape = shape_of(a)
        axis = int(np.lib.array_utils.normalize_axis_index(axis, len(shape)))
        n = length(shape[axis]) if n is None else int(n)
        if n < 1:
            raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
        if norm not in _OTHER:
            raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
        return bind(primitive, (a,), {"n": n, "axis": axis, "norm": norm})

    return transform


fft_of = implements(np.fft.fft)(_one_dimensional(fft))
ifft_of = implements(np.fft.ifft)(_one_dimensional(ifft))
rfft_of = implements(np.fft.rfft)(_one_dimensional(rfft))
irfft_of = implements(np.fft.irfft)(_one_dimensional(irfft, lambda m: 2 * (m - 1)))


@implements(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """np.fft.hfft: the spectrum of a signal that is Hermitian."""
    return irfft_of(np.conjugate(a), n, axis, _OTHER[norm])


@implements(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """np.fft.ihfft."""
    return np.conjugate(rfft_of(a, n, axis, _OTHER[norm]))


def _axes(a: Any, s: Any, axes: Any) -> tuple[list[Any], list[int]]:
    """Lengths and axes as NumPy takes them: the last ones, None for the length that is there."""
    ndim = len(shape_of(a))
    if axes is None:
        axes = range(ndim) if s is None else range(ndim - len(s), ndim)
    axes = [int(np.lib.array_utils.normalize_axis_index(i, ndim)) for i in axes]
    lengths = (
        [None] * len(axes) if s is None else [shape_of(a)[i] if n == -1 else n for n, i in zip(s, axes, strict=True)]
    )
    return lengths, axes


def _many(
    one: Callable[..., Any], last: Callable[..., Any] | None = None, default: Any = None, inverse: bool = False
) -> Any:
    """A transform along several axes; `last` is the one for the last axis, done first, or last of an inverse."""

    def transform(
        a: Any, s: Sequence[int] | None = None, axes: Any = default, norm: Any = None, out: Any = None
    ) -> Any:
        lengths, places = _axes(a, s, axes)
        if last is not None and not inverse:
            a = last(a, lengths[-1], places[-1], norm)
        rest = list(zip(lengths, places, strict=True))[: len(places) - (last is not None)]
        for n, axis in rest if inverse else reversed(rest):
            a = one(a, n, axis, norm)
        return last(a, lengths[-1], places[-1], norm) if last is not None and inverse else a

    return transform


for _functions, _default in (
    ((np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn), None),
    ((np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.irfft2), (-2, -1)),
):
    implements(_functions[0])(_many(fft_of, default=_default))
    implements(_functions[1])(_many(ifft_of, default=_default))
    implements(_functions[2])(_many(fft_of, rfft_of, _default))
    implements(_functions[3])(_many(ifft_of, irfft_of, _default, inverse=True))


def _shift(by: Callable[[int], int]) -> Callable[..., Any]:
    def shift(x: Any, axes: Any = None) -> Any:
        ndim = len(shape_of(x))
        places = range(ndim) if axes is None else np.lib.array_utils.normalize_axis_tuple(axes, ndim)
        return np.roll(x, [by(shape_of(x)[i]) for i in places], list(places))

    return shift


implements(np.fft.fftshift)(_shift(lambda n: n // 2))
implements(np.fft.ifftshift)(_shift(lambda n: -(n // 2)))
