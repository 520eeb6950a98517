"""Fourier transforms: NumPy's values, and adjoints and derivatives that follow from linearity."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

RNG = np.random.default_rng(3)
REAL = RNG.normal(size=(3, 4, 5))
COMPLEX = REAL + 1j * RNG.normal(size=(3, 4, 5))

ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
MANY = ["fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn"]
ONE_OPTIONS = [
    {}, {"n": 3}, {"n": 8}, {"n": 7, "axis": 0}, {"axis": 1, "norm": "ortho"}, {"norm": "forward"},
    {"n": 4, "norm": "backward"},
]  # fmt: skip
MANY_OPTIONS = [{}, {"s": (3, 6), "axes": (0, 2)}, {"axes": (1, 0), "norm": "ortho"}, {"s": (2, 7), "axes": (-2, -1)}]
CASES = [(name, o) for name in ONE for o in ONE_OPTIONS] + [(name, o) for name in MANY for o in MANY_OPTIONS]


def inputs(name):
    return [REAL] if name in ("rfft", "rfft2", "rfftn", "ihfft") else [REAL, COMPLEX]


def inner(a, b):
    return np.sum(np.real(np.conj(a) * b))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_values_adjoints_and_tangents(name, options):
    function = getattr(np.fft, name)
    for x in inputs(name):
        value, pull = wg.vjp(lambda x: function(x, **options), x)
        known = function(x, **options)
        np.testing.assert_allclose(value, known, rtol=1e-13, atol=1e-13)
        assert value.dtype == known.dtype
        tangent = RNG.normal(size=x.shape) + (1j * RNG.normal(size=x.shape) if x.dtype.kind == "c" else 0)
        ct = RNG.normal(size=known.shape) + (1j * RNG.normal(size=known.shape) if known.dtype.kind == "c" else 0)
        moved = wg.jvp(lambda x: function(x, **options), (x,), (tangent,))[1]
        np.testing.assert_allclose(moved, function(tangent, **options), rtol=1e-12, atol=1e-12)
        back = pull(ct)[0]
        assert back.dtype == x.dtype
        assert inner(ct, moved) == pytest.approx(inner(back, tangent), rel=1e-11, abs=1e-11)
        np.testing.assert_allclose(wg.linearize(lambda x: function(x, **options), x)[1](tangent), moved, rtol=1e-12)


@pytest.mark.parametrize("name", ONE)
def test_higher_orders(name):
    function = getattr(np.fft, name)
    x = REAL[0, 0]
    wg.check_grads(lambda x: np.sum(np.abs(function(np.sin(x) if name != "hfft" else x * x)) ** 2), (x,), order=2)


def test_single_precision_stays():
    x = REAL.astype(np.float32)
    for name in ("fft", "rfft", "ifft"):
        function = getattr(np.fft, name)
        assert wg.vjp(function, x)[0].dtype == np.complex64
        assert wg.grad(lambda x, f=function: np.sum(np.abs(f(x))))(x).dtype == np.float32


def test_a_filter_as_it_is_written():
    def loss(signal):
        spectrum = np.fft.rfft(signal)
        spectrum[3:] *= 0.0
        return np.sum(np.fft.irfft(spectrum, signal.size) ** 2)

    wg.check_grads(loss, (RNG.normal(size=9),), order=2)


def test_bad_arguments():
    with pytest.raises(ValueError, match="data points"):
        wg.vjp(lambda x: np.fft.fft(x, 0), REAL)
    with pytest.raises(ValueError, match="norm"):
        wg.vjp(lambda x: np.fft.fft(x, norm="wrong"), REAL)


def test_recorded():
    graph = wg.trace(lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2))(REAL[0, 0])
    assert graph(REAL[1, 1]) == pytest.approx(5 * np.sum(REAL[1, 1] ** 2), rel=1e-13)  # Parseval


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
@pytest.mark.parametrize("axes", [None, 0, (1, 2), -1])
def test_shifts(name, axes):
    function = getattr(np.fft, name)
    value, pull = wg.vjp(lambda x: function(x, axes), COMPLEX)
    np.testing.assert_array_equal(value, function(COMPLEX, axes))
    back = np.fft.ifftshift if name == "fftshift" else np.fft.fftshift
    np.testing.assert_array_equal(pull(COMPLEX)[0], back(COMPLEX, axes))
