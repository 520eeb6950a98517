"""Partials of complex numbers within 8 units of rounding of the true derivative: near branch cuts, at any size.

The error of a complex number is counted by its absolute value, in units of ε·|f′|. mpmath's derivatives have 60 digits.
On a branch cut, where the sign of a zero decides, the derivative is that of the side on which NumPy's value lies.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

import wengert as wg
from wengert.core.primitive import REGISTRY
from wengert.transform.differential import partial_value

COUNT = 150


def lexicographic(x, y):
    return mp.mpf((x.real, x.imag) > (y.real, y.imag))


# fmt: off
DERIVATIVES = {
    "add":        (lambda x, y: 1,                lambda x, y: 1),
    "subtract":   (lambda x, y: 1,                lambda x, y: -1),
    "multiply":   (lambda x, y: y,                lambda x, y: x),
    "scale":      (lambda x, y: y,                lambda x, y: x),
    "divide":     (lambda x, y: 1 / y,            lambda x, y: -x / y**2),
    "power":      (lambda x, y: y * x ** (y - 1), lambda x, y: x**y * mp.log(x)),
    "maximum":    (lexicographic,                 lambda x, y: lexicographic(y, x)),
    "minimum":    (lambda x, y: lexicographic(y, x), lexicographic),
    "fmax":       (lexicographic,                 lambda x, y: lexicographic(y, x)),
    "fmin":       (lambda x, y: lexicographic(y, x), lexicographic),
    "negative":   (lambda z: -1,),
    "positive":   (lambda z: 1,),
    "square":     (lambda z: 2 * z,),
    "sqrt":       (lambda z: 1 / (2 * mp.sqrt(z)),),
    "reciprocal": (lambda z: -1 / z**2,),
    "exp":        (lambda z: mp.exp(z),),
    "exp2":       (lambda z: mp.power(2, z) * mp.ln2,),
    "expm1":      (lambda z: mp.exp(z),),
    "log":        (lambda z: 1 / z,),
    "log2":       (lambda z: 1 / (z * mp.ln2),),
    "log10":      (lambda z: 1 / (z * mp.ln10),),
    "log1p":      (lambda z: 1 / (1 + z),),
    "sin":        (lambda z: mp.cos(z),),
    "cos":        (lambda z: -mp.sin(z),),
    "tan":        (lambda z: mp.sec(z) ** 2,),
    "sinc":       (lambda z: (mp.cos(mp.pi * z) - mp.sinc(mp.pi * z)) / z,),
    "arcsin":     (lambda z: 1 / (mp.sqrt(1 - z) * mp.sqrt(1 + z)),),
    "arccos":     (lambda z: -1 / (mp.sqrt(1 - z) * mp.sqrt(1 + z)),),
    "arctan":     (lambda z: 1 / (1 + z * z),),
    "sinh":       (lambda z: mp.cosh(z),),
    "cosh":       (lambda z: mp.sinh(z),),
    "sigmoid":    (lambda z: 1 / (1 + mp.exp(-z)) / (1 + mp.exp(z)),),
    "tanh":       (lambda z: mp.sech(z) ** 2,),
    "arcsinh":    (lambda z: 1 / (mp.sqrt(1 - 1j * z) * mp.sqrt(1 + 1j * z)),),
    "arccosh":    (lambda z: 1 / (mp.sqrt(z - 1) * mp.sqrt(z + 1)),),
    "arctanh":    (lambda z: 1 / ((1 - z) * (1 + z)),),
}
#: Where NumPy's or SciPy's own values are off by more: powers by way of |Im y ln x|, and by way of |Im πz|.
BOUNDS = {"exp2": 4000, "power": 4000, "sinc": 300}
#: Where it has zeros a derivative has fewer digits: the error is then counted in units of this.
LEAST = {"sinc": 0.1}
#: Functions that grow like e^|z|, or turn about with |z|: of larger arguments the values have no digits.
MODERATE = {"exp", "exp2", "expm1", "sin", "cos", "sinh", "cosh", "tan", "tanh", "sigmoid", "sinc", "power"}
# fmt: on
TWO = ["add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "fmax", "fmin", "scale"]


def points(rng, dtype, moderate):
    """Of all sizes and arguments; about ±1, ±i and the poles of tan and tanh; about the axes, on which the cuts lie."""
    double = dtype == np.complex128
    turn = np.exp(1j * rng.uniform(-np.pi, np.pi, COUNT))
    size = 2 if moderate else 300 if double else 37
    wide = turn * 10.0 ** rng.uniform(-2 if moderate else -size, size, COUNT)
    close = turn * 10.0 ** rng.uniform(-14 if double else -6, -1, COUNT)
    singular = rng.choice([1, -1, 1j, -1j, np.pi / 2, 0.5j * np.pi], COUNT) + close
    axes = np.concatenate([3 * rng.normal(size=COUNT) + 1j * close.real, close.real + 3j * rng.normal(size=COUNT)])
    return np.concatenate([wide, singular, axes]).astype(dtype)


@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
@pytest.mark.parametrize("name", DERIVATIVES)
def test_complex_partials_are_accurate(name, dtype):
    primitive, rng = REGISTRY[name], np.random.default_rng(5)
    assert primitive.complex is True
    args = [points(rng, dtype, name in MODERATE) for _ in DERIVATIVES[name]]
    if name == "power":
        args[1] = (rng.normal(size=(len(args[0]), 2)) @ [2, 1j]).astype(dtype)
    info = np.finfo(dtype)
    with mp.workdps(60), np.errstate(all="ignore"):
        out = primitive.impl(*args)
        for i, true in enumerate(DERIVATIVES[name]):
            got = np.broadcast_to(partial_value(primitive.rule(i), out, args), out.shape)
            for *numbers, found in zip(*(a.tolist() for a in args), got.tolist(), strict=True):
                want = true(*map(mp.mpc, numbers))
                if abs(want) > float(info.max) / 8:
                    continue
                error = abs(mp.mpc(found) - want) / (
                    max(abs(want), LEAST.get(name, float(info.tiny))) * float(info.eps)
                )
                assert error <= BOUNDS.get(name, 8), f"{float(error):.1f} ulp at {numbers}"


def test_every_holomorphic_ufunc_is_held_against_mpmath():
    ufuncs = {u for u in vars(np).values() if isinstance(u, np.ufunc) and any("D->D" in t for t in u.types)}
    others = {"conjugate", "rint", "sign", "matmul", "vecdot", "matvec", "vecmat", "float_power"}  # in other tests
    assert {u.__name__ for u in ufuncs} - others <= set(DERIVATIVES)


CUTS = [
    (np.arcsin, (2.0, -2.0)), (np.arccos, (2.0, -2.0)), (np.arctanh, (2.0, -2.0)), (np.arctan, (2j, -2j)),
    (np.arcsinh, (2j, -2j)), (np.arccosh, (0.5, -0.5, -2.0)), (np.sqrt, (-2.0,)), (np.log, (-2.0,)),
    (np.log1p, (-3.0,)), (lambda z: z**0.3, (-2.0,)),
]  # fmt: skip


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize(("f", "places"), CUTS)
def test_on_a_branch_cut_the_derivative_is_that_of_its_side(f, places, zero):
    for place in places:
        upright = isinstance(place, complex)
        step = 2e-5j if upright else 2e-5

        def at(distance, place=place, upright=upright):
            moved = (zero, place.imag + distance) if upright else (place + distance, zero)
            return np.complex128(complex(*moved))

        slope = (f(at(1e-5)) - f(at(-1e-5))) / step
        assert wg.jvp(f, (at(0.0),), (1.0,))[1] == pytest.approx(slope, rel=1e-8)
        curve = wg.jvp(lambda z: wg.jvp(f, (z,), (1.0,))[1], (at(0.0),), (1.0,))[1]
        bend = (wg.jvp(f, (at(1e-5),), (1.0,))[1] - wg.jvp(f, (at(-1e-5),), (1.0,))[1]) / step
        assert curve == pytest.approx(bend, rel=1e-8)
