"""Activation functions and their derivatives against 50 digits, from one end of the numbers to the other."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import wengert as wg
from wengert import nn

X = np.array([-1e4, -800.0, -40.0, -37.5, -8.0, -3.0, -1.0, -1e-3, -1e-9, 1e-9, 1e-3, 0.5, 2.0, 8.0, 40.0, 800.0, 1e4])
EXACT = {
    "identity": lambda x: x,
    "relu": lambda x: max(x, 0),
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "leaky_relu": lambda x: x if x > 0 else x * mpmath.mpf(0.01),
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "selu": lambda x: (
        (x if x > 0 else mpmath.mpf("1.6732632423543772848170429916717") * mpmath.expm1(x))
        * mpmath.mpf("1.0507009873554804934193349852946")
    ),
}


def gelu_by_tanh(x):
    u = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(0.044715) * x**3)
    return x / (1 + mpmath.exp(-2 * u))


def derivative(f, x):
    with mpmath.workdps(60):
        return mpmath.diff(f, x, h=mpmath.mpf(10) ** -25)


@pytest.mark.parametrize("name", [*EXACT, "gelu by tanh"])
def test_values_and_slopes(name):
    exact = EXACT.get(name, gelu_by_tanh)
    f = nn.activation(name) if name in EXACT else lambda x: nn.gelu(x, approximate="tanh")
    value = f(X)
    slope = wg.grad(lambda x: np.sum(f(x)))(X)
    with mpmath.workdps(60):
        for x, y, s in zip(X, value, slope, strict=True):
            want, want_slope = exact(mpmath.mpf(x)), derivative(exact, mpmath.mpf(x))
            # where x is amplified on its way into an exponential, as many digits are lost as the exponent has
            rtol = 1e-15 * (8 + x * x) if "gelu" in name and -40 < x < 0 else 8e-15
            assert abs(y - want) <= rtol * abs(want) + 1e-300, (x, y)
            assert abs(s - want_slope) <= 4 * rtol * abs(want_slope) + 1e-300, (x, s, want_slope)


@pytest.mark.parametrize("name", sorted(nn.activations.ACTIVATIONS))
def test_compiled_float32_and_second_derivatives(name):
    f = nn.activation(name)
    x = np.array([[-3.0, -0.5, 0.25, 2.0]])
    np.testing.assert_allclose(wg.jit(f)(x), f(x), rtol=1e-14)
    assert f(x.astype(np.float32)).dtype == np.float32
    if f(x) is not x:
        wg.check_grads(lambda x: np.sum(np.sin(f(x))), (x,), order=2)
    assert np.isfinite(wg.grad(lambda x: np.sum(f(x)))(np.array([-1e5, 0.0, 1e5]))).all()


def test_conventions_at_zero():
    """PyTorch's: relu and leaky_relu have the slope of the left side, elu and selu α of the left side."""
    slopes = {"relu": 0.0, "leaky_relu": 0.01, "elu": 1.0, "gelu": 0.5, "silu": 0.5, "softplus": 0.5}
    for name, slope in slopes.items():
        assert wg.grad(lambda x, name=name: nn.activation(name)(x) * 1.0)(0.0) == slope


def test_shares_at_extremes():
    x = np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4], [1e300, 1.0, 1e300]])
    np.testing.assert_allclose(nn.softmax(x), [[1, 0, 0], [1 / 3] * 3, [0.5, 0, 0.5]])
    np.testing.assert_allclose(nn.log_softmax(x[:2]), [[0.0, -1e4, -2e4], [-np.log(3)] * 3])
    np.testing.assert_allclose(nn.softmax(x, axis=0)[:, 1], wg.softmax(x[:, 1]))
    slope = wg.grad(lambda x: nn.log_softmax(x)[0, 1])(x[:1])
    np.testing.assert_array_equal(slope, [[-1.0, 1.0, 0.0]])


def test_names_and_functions():
    assert nn.activation(None)(3.0) == 3.0
    assert nn.activation(np.sin) is np.sin
    assert nn.activation("swish") is nn.silu
    with pytest.raises(wg.ArgumentError, match="there is no activation function 'rellu'; there are elu, gelu"):
        nn.activation("rellu")
    with pytest.raises(wg.ArgumentError):
        nn.activation(3)
