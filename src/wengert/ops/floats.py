"""The parts of floating-point numbers, and ufuncs of integers; most of it is piecewise constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import Aval, broadcast, shape_of
from wengert.core.batching import direct, pointwise
from wengert.core.chain import unbroadcast
from wengert.core.dispatch import UFUNCS, implements
from wengert.core.primitive import REGISTRY, Notation, Primitive
from wengert.core.rule import Constant, Linear, Pushforward
from wengert.ops.elementwise import piecewise_constant
from wengert.ops.operand import array, inexact, real

modf = UFUNCS[np.modf] = REGISTRY["modf"] = Primitive(
    "modf",
    np.modf,
    [Pushforward(lambda t, z, x: (t, None))],
    aval=lambda x: (Aval(x.shape, x.dtype), Aval(x.shape, x.dtype)),
    outputs=2,
    batch=direct,
    notation=Notation("modf", "np.modf({0})", r"\operatorname{{modf}}\left({0}\right)"),
)
frexp = UFUNCS[np.frexp] = REGISTRY["frexp"] = Primitive(
    "frexp",
    np.frexp,
    [Pushforward(lambda t, z, x: (np.ldexp(t, -z[1]), None))],
    aval=lambda x: (Aval(x.shape, x.dtype), Aval(x.shape, np.dtype(np.intc))),
    outputs=2,
    batch=direct,
    notation=Notation("frexp", "np.frexp({0})", r"\operatorname{{frexp}}\left({0}\right)"),
)
ldexp = UFUNCS[np.ldexp] = REGISTRY["ldexp"] = Primitive(
    "ldexp",
    np.ldexp,
    [Linear(lambda ct, x, i: unbroadcast(np.ldexp(ct, i), shape_of(x))), Constant()],
    aval=broadcast(np.ldexp),
    batch=pointwise,
    notation=Notation("·2ⁿ", "np.ldexp({0}, {1})", r"{0:5} \cdot 2^{{{1}}}", 5),
)
# The next number beside x is x itself, as far as slopes can tell; which side it is on changes nothing.
nextafter = UFUNCS[np.nextafter] = REGISTRY["nextafter"] = Primitive(
    "nextafter",
    np.nextafter,
    [Pushforward(lambda t, z, x, y: np.broadcast_to(t, z.shape)), Constant()],
    aval=broadcast(np.nextafter),
    batch=pointwise,
    notation=Notation("nextafter", "np.nextafter({0}, {1})", r"\operatorname{{nextafter}}\left({0}, {1}\right)"),
)

spacing = piecewise_constant(np.spacing)
gcd = piecewise_constant(np.gcd)
lcm = piecewise_constant(np.lcm)
left_shift = piecewise_constant(np.left_shift, symbol="<<", python="{0:4} << {1:5}", precedence=4)
right_shift = piecewise_constant(np.right_shift, symbol=">>", python="{0:4} >> {1:5}", precedence=4)
bitwise_count = piecewise_constant(np.bitwise_count)

UFUNCS[np.divmod] = lambda x, y: (np.floor_divide(x, y), np.remainder(x, y))
UFUNCS[np.fabs] = lambda x: np.absolute(real(inexact(x), "np.fabs"))
UFUNCS[np.float_power] = lambda x, y: np.power(_double(x), _double(y))


def _double(x: Any) -> Any:
    x = array(x)
    least = np.dtype(np.complex128 if x.dtype.kind == "c" else np.float64)
    return x if x.dtype.kind == least.kind and x.dtype.itemsize >= least.itemsize else x.astype(least)


@implements(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    """np.real_if_close."""
    a = array(a)
    if a.dtype.kind != "c":
        return a
    tol = np.finfo(a.dtype).eps * tol if tol > 1 else tol
    return np.real(a) if np.all(np.abs(np.imag(a)) < tol) else a


@implements(np.iscomplex)
def iscomplex(x: Any) -> Any:
    """np.iscomplex."""
    return np.not_equal(np.imag(x), 0)


@implements(np.isreal)
def isreal(x: Any) -> Any:
    """np.isreal."""
    return np.equal(np.imag(x), 0)
