"""The derivatives as a textbook writes them, on mpmath numbers: at 60 digits no formula cancels or overflows.

A second, independent statement of the calculus; test_accuracy.py holds it against the functions themselves.
"""

from __future__ import annotations

import mpmath as mp

from . import special


def _quotient(x, y):
    return mp.floor(x / y)


def _truncated(x, y):
    return mp.sign(x / y) * mp.floor(abs(x / y))


def _bell(x):
    return (mp.sech(x / 2) / 2) ** 2


def _bell2(x):
    return mp.ln2 * _bell(x * mp.ln2)


def _wins(x, y):
    return mp.mpf(1) / 2 if x == y else mp.mpf(x > y)


# fmt: off
DERIVATIVES = {
    "add":         (lambda x, y: 1,                  lambda x, y: 1),
    "subtract":    (lambda x, y: 1,                  lambda x, y: -1),
    "multiply":    (lambda x, y: y,                  lambda x, y: x),
    "scale":       (lambda x, y: y,                  lambda x, y: x),
    "divide":      (lambda x, y: 1 / y,              lambda x, y: -x / y**2),
    "power":       (lambda x, y: y * x ** (y - 1),   lambda x, y: x**y * mp.log(x)),
    "lowered_power": (lambda x, y, k: (y - k) * x ** (y - k - 1), lambda x, y, k: x ** (y - k) * mp.log(x)),
    "conjugate":   (lambda x: 1,),
    "negative":    (lambda x: -1,),
    "positive":    (lambda x: 1,),
    "absolute":    (lambda x: mp.sign(x),),
    "square":      (lambda x: 2 * x,),
    "sqrt":        (lambda x: 1 / (2 * mp.sqrt(x)),),
    "cbrt":        (lambda x: 1 / (3 * mp.cbrt(x * x)),),
    "reciprocal":  (lambda x: -1 / x**2,),
    "hypot":       (lambda x, y: x / mp.hypot(x, y), lambda x, y: y / mp.hypot(x, y)),
    "remainder":   (lambda x, y: 1,                  lambda x, y: -_quotient(x, y)),
    "fmod":        (lambda x, y: 1,                  lambda x, y: -_truncated(x, y)),
    "maximum":     (lambda x, y: _wins(x, y),        lambda x, y: _wins(y, x)),
    "minimum":     (lambda x, y: _wins(y, x),        lambda x, y: _wins(x, y)),
    "fmax":        (lambda x, y: _wins(x, y),        lambda x, y: _wins(y, x)),
    "fmin":        (lambda x, y: _wins(y, x),        lambda x, y: _wins(x, y)),
    "copysign":    (lambda x, y: mp.sign(x) * mp.sign(y), lambda x, y: 0),
    "heaviside":   (lambda x, y: 0,                  lambda x, y: x == 0),
    "exp":         (lambda x: mp.exp(x),),
    "exp2":        (lambda x: mp.power(2, x) * mp.ln2,),
    "expm1":       (lambda x: mp.exp(x),),
    "log":         (lambda x: 1 / x,),
    "log2":        (lambda x: 1 / (x * mp.ln2),),
    "log10":       (lambda x: 1 / (x * mp.ln10),),
    "log1p":       (lambda x: 1 / (1 + x),),
    "logaddexp":   (lambda x, y: 1 / (1 + mp.exp(y - x)),      lambda x, y: 1 / (1 + mp.exp(x - y))),
    "logaddexp2":  (lambda x, y: 1 / (1 + mp.power(2, y - x)), lambda x, y: 1 / (1 + mp.power(2, x - y))),
    "share":       (lambda x, y: _bell(x - y),       lambda x, y: -_bell(x - y)),
    "share2":      (lambda x, y: _bell2(x - y),      lambda x, y: -_bell2(x - y)),
    "sin":         (lambda x: mp.cos(x),),
    "cos":         (lambda x: -mp.sin(x),),
    "tan":         (lambda x: mp.sec(x) ** 2,),
    "arcsin":      (lambda x: 1 / mp.sqrt(1 - x * x),),
    "arccos":      (lambda x: -1 / mp.sqrt(1 - x * x),),
    "arctan":      (lambda x: 1 / (1 + x * x),),
    "arctan2":     (lambda y, x: x / (x * x + y * y), lambda y, x: -y / (x * x + y * y)),
    "deg2rad":     (lambda x: mp.pi / 180,),
    "radians":     (lambda x: mp.pi / 180,),
    "rad2deg":     (lambda x: 180 / mp.pi,),
    "degrees":     (lambda x: 180 / mp.pi,),
    "sinh":        (lambda x: mp.cosh(x),),
    "cosh":        (lambda x: mp.sinh(x),),
    "tanh":        (lambda x: mp.sech(x) ** 2,),
    "arcsinh":     (lambda x: 1 / mp.hypot(1, x),),
    "arccosh":     (lambda x: 1 / mp.sqrt((x - 1) * (x + 1)),),
    "arctanh":     (lambda x: 1 / ((1 - x) * (1 + x)),),
    "sigmoid":     (_bell,),
    "softplus":    (lambda x: 1 / (1 + mp.exp(-x)),),
    "relu":        (lambda x: mp.mpf(x > 0),),
}
# fmt: on
DERIVATIVES |= special.DERIVATIVES
