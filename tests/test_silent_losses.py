"""The ways in which other libraries lose a gradient without a word; here it is right, or an error names the line.

Each is known of at least one of autograd, MyGrad, PyTorch, TensorFlow, JAX; where it is a reported fault of theirs, the
report is named.
"""

from __future__ import annotations

import array
import bisect
import collections
import copy
import functools
import heapq
import io
import itertools
import json
import math
import operator
import pickle
import random
import statistics
import struct
import threading
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import wengert as wg

X = np.array([0.5, 1.5, -0.7])
TABLE = np.arange(9.0).reshape(3, 3)


def modes(f):
    """The gradient of f by every way there is."""
    yield wg.grad(f)(X)
    yield np.array([wg.jvp(f, (X,), (unit,))[1] for unit in np.eye(3)])
    yield wg.trace(f)(X).derivative(0)(X)
    yield wg.hessian(lambda x: f(x))(X) @ np.zeros(3) + wg.linearize(f, X)[1](np.ones(3)) * 0 + wg.grad(f)(X)
    leaf = wg.Variable(X)
    f(leaf).backward()
    yield np.zeros(3) if leaf.grad is None else leaf.grad


def right(f, gradient):
    for found in modes(f):
        np.testing.assert_allclose(found, gradient, rtol=1e-13, atol=1e-13)


def where(error):
    """The line in this file at which an error arose."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == __file__ else line
        trace = trace.tb_next
    return line


# What is right ----------------------------------------------------------------------------------------------------


def filled(x):
    """MyGrad: y = np.zeros(3); y[0] = x[0] gave a wrong gradient."""
    y = np.zeros(3, like=x)
    y[0] = x[0] ** 2
    return np.sum(y)


def updated_view(x):
    """PyTorch #8874, #36608, #49824: updates of views of views."""
    y = x * 1.0
    y[1:][0:1] *= 3.0
    first, *_ = y.reshape(3, 1)
    first *= 2.0
    return np.sum(y * y)


def update_after_use(x):
    """PyTorch #9391: the value that the derivative of the sigmoid needs is changed afterwards."""
    y = wg.sigmoid(x)
    z = y * 1.0
    y[1] = 2.0
    return np.sum(y) + 0 * np.sum(z)


def masked_part(x):
    """pytorch/xla #1718."""
    y = x * x
    y[:2] = 0
    return np.sum(y)


def where_at_zero(x):
    """HIPS autograd #396 and others: the branch that is not taken made it NaN."""
    return np.sum(np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0)) + np.where(x[0] > 9, np.sqrt(x[0] - 0.5), 0.0)


def constant_changed(x):
    w = np.array([1.0, 2.0, 3.0])
    y = x * w
    w *= 100.0
    return np.sum(y)


def large_constant_changed(x):
    w = np.ones((3, 1000))
    y = x @ w
    w[:] = 0.0
    return np.sum(y)


def out_aliases_input(x):
    y = x * 1.0
    z = y * y
    np.exp(y, out=y)
    return np.sum(z) + np.sum(y) * 0


def accumulated(x):
    """A list that grows, a generator, an accumulation, a thread."""
    parts = [x[0]]
    parts.append(x[1] * x[0])
    total = sum(v for v in parts)
    last = list(itertools.accumulate(x))[-1]
    product = functools.reduce(operator.mul, x)
    kept = []
    thread = threading.Thread(target=lambda: kept.append(x[2] ** 2))
    thread.start()
    thread.join()
    return total + last + product + kept[0]


def default_argument(x, seen=None):
    seen = [] if seen is None else seen
    seen.append(x[0])
    return sum(seen)


def copies(x):
    y, z = copy.copy(x * 1.0) if isinstance(x, np.ndarray) else np.copy(x), np.copy(x)
    y[0] = 5.0
    return np.sum(y) + np.sum(z**2)


def ordered(x):
    """The built-in functions compare, and return one of their arguments."""
    return sorted(x)[0] * 2 + max(x) * 3 + min(x[0], x[1]) * 5 + heapq.nlargest(2, x)[1] * 7


def walked(x):
    """np.ndindex, np.ndenumerate, .flat, zip, enumerate, unpacking."""
    a, b, c = x
    total = sum(x[i] for i in np.ndindex(3)) + sum(v * w for v, w in itertools.pairwise(x)) + a * b * c
    return total + sum(i * v for i, v in enumerate(x.flat))


def scaled_by_exponent(x):
    """JAX #11467: ldexp had gradient 0."""
    return np.sum(np.ldexp(x, np.array([1, 2, 3])))


def random_numbers(x):
    """A shift and a scale of a random number, written as arithmetic."""
    return x[0] + x[1] * np.random.default_rng(0).normal() + random.Random(1).gauss(0.0, 1.0) * x[2]


def member(x):
    """`in` of a list and of an array compares values; `count` too."""
    return x[1] * (0.5 in [x[0], 1.0]) + x[2] * ([x[0]].count(0.5)) + x[0] * (0.5 in x)


def cast_through_integers(x):
    """Piecewise constant, and said to be so: TensorFlow gives None."""
    return np.sum(x.astype(np.int64) * x)


GAUSS = np.random.default_rng(0).normal(), random.Random(1).gauss(0.0, 1.0)
RIGHT = [
    (filled, [1.0, 0, 0]),
    (updated_view, [8 * X[0], 18 * X[1], 2 * X[2]]),
    (update_after_use, [0.23500371220159449, 0, 0.22171287329310904]),
    (masked_part, [0, 0, -1.4]),
    (where_at_zero, [0.5 / np.sqrt(0.5), 0.5 / np.sqrt(1.5), 0]),
    (constant_changed, [1, 2, 3]),
    (large_constant_changed, [1000, 1000, 1000]),
    (out_aliases_input, 2 * X),
    (accumulated, [2 + X[1] + X[1] * X[2], X[0] + 1 + X[0] * X[2], 1 + X[0] * X[1] + 2 * X[2]]),
    (default_argument, [1, 0, 0]),
    (copies, 2 * X + [0, 1, 1]),
    (ordered, [5 + 7, 3, 2]),
    (walked, [1 + X[1] + X[1] * X[2], 2 + X[0] + X[2] + X[0] * X[2], 3 + X[1] + X[0] * X[1]]),
    (scaled_by_exponent, [2, 4, 8]),
    (random_numbers, [1, GAUSS[0], GAUSS[1]]),
    (member, [1, 1, 1]),
    (cast_through_integers, [0, 1, 0]),
]


@pytest.mark.parametrize(("f", "gradient"), RIGHT, ids=lambda v: getattr(v, "__name__", ""))
def test_the_gradient_is_right(f, gradient):
    right(f, np.array(gradient, float))


def test_the_constants_of_a_pullback_are_its_own():
    w = np.array([1.0, 2.0, 3.0])
    _, pull = wg.vjp(lambda x: x * w, X)
    _, linear = wg.linearize(lambda x: x * w, X)
    graph = wg.trace(lambda x: np.sum(x * w))(X)
    w *= 100.0
    np.testing.assert_array_equal(pull(np.ones(3))[0], [1, 2, 3])
    np.testing.assert_array_equal(linear(np.ones(3)), [1, 2, 3])
    assert graph(np.ones(3)) == 6.0


def test_norm_and_square_root_at_zero():
    """NaN in HIPS autograd, JAX and PyTorch."""
    np.testing.assert_array_equal(wg.grad(np.linalg.norm)(np.zeros(3)), np.zeros(3))
    assert wg.grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0))(0.0) == 0.0


# What is refused ----------------------------------------------------------------------------------------------------


def write(statement):
    def f(x):
        y = np.zeros(3)
        statement(x, y)
        return np.sum(y)

    return f


def read_back(x):
    stream = io.BytesIO()
    stream.write(x.tobytes())
    return np.frombuffer(stream.getvalue()).sum()


@functools.cache
def cached(value):
    return value * value


class Text:
    """A traced number that is printed and read again."""

    fixed = staticmethod(lambda x: float(f"{x[0]:.17g}"))
    formatted = staticmethod(lambda x: float(format(x[0], "g")))


REFUSED = {
    "y[0] = x, plain": write(lambda x, y: y.__setitem__(0, x[0])),
    "y += x, plain": write(lambda x, y: y.__iadd__(x)),
    "out=, plain": write(lambda x, y: np.multiply(x, x, out=y)),
    "out= of a product, plain": write(lambda x, y: np.matmul(TABLE, x, out=y)),
    "out by position, plain": write(lambda x, y: np.cumsum(x, 0, None, y)),
    "out= of einsum, plain": write(lambda x, y: np.einsum("ij,j->i", TABLE, x, out=y)),
    "np.copyto, plain": write(lambda x, y: np.copyto(y, x)),
    "np.put, plain": write(lambda x, y: np.put(y, [0], x[0])),
    "np.putmask, plain": write(lambda x, y: np.putmask(y, y == 0, x)),
    "np.place, plain": write(lambda x, y: np.place(y, y == 0, x)),
    "np.add.at, plain": write(lambda x, y: np.add.at(y, [0, 0], x[0])),
    "np.put_along_axis, plain": write(lambda x, y: np.put_along_axis(y, np.array([0]), x[:1], 0)),
    "into integers": lambda x: (y := np.zeros(3, int, like=x), y.__setitem__(0, x[0]), np.sum(y) * 1.0)[2],
    "complex into real": lambda x: (y := x * 1.0, y.__setitem__(0, x[0] * 1j), np.sum(y))[2],
    "object array": lambda x: np.sum(np.array([x[0], x[1]], dtype=object)),
    "object array, filled": lambda x: (o := np.empty(1, object), o.__setitem__(0, x), np.sum(o[0] * o[0] * o))[2],
    "astype(object)": lambda x: np.sum(x.astype(object)),
    "astype(str)": lambda x: float(x.astype(str)[0]),
    "np.array of elements": lambda x: np.sum(np.array([x[0], x[1]])),
    "np.asarray": lambda x: np.sum(np.asarray(x, float)),
    "np.float64": lambda x: np.float64(x[0]),
    "np.vectorize": lambda x: np.sum(np.vectorize(lambda t: t * t)(x)),
    "np.frompyfunc": lambda x: np.sum(np.frompyfunc(lambda t: t * t, 1, 1)(x)),
    "np.fromiter": lambda x: np.fromiter((t for t in x), float).sum(),
    "np.full": lambda x: np.full(3, x[0]).sum(),
    "np.linspace of a list": lambda x: np.sum(np.linspace([0.0], [x[0]], 5)),
    "np.random": lambda x: np.random.default_rng(0).normal(x, 1.0).sum(),
    "math.sin": lambda x: math.sin(x[0]),
    "math.fsum": lambda x: math.fsum(x),
    "math.floor": lambda x: x[0] * math.floor(x[1]),
    "math.trunc": lambda x: x[0] * math.trunc(x[1]),
    "int": lambda x: x[0] * int(x[1]),
    "range": lambda x: sum(x[0] for _ in range(x[1])),
    "float": lambda x: float(x[0]),
    "item": lambda x: x.item(0) * 2,
    "tolist": lambda x: sum(x.tolist()),
    "statistics.mean": lambda x: statistics.mean(x),
    "statistics.fmean": lambda x: statistics.fmean(x),
    "statistics.stdev": lambda x: statistics.stdev(x),
    "array.array": lambda x: sum(array.array("d", x)),
    "pickle": lambda x: pickle.loads(pickle.dumps(x)).sum(),
    "tobytes": read_back,
    "view of other numbers": lambda x: x.view(np.int64)[0] * 1.0,
    "text": Text.fixed,
    "format": Text.formatted,
    "%": lambda x: float("%.17g" % x[0]),  # noqa: UP031
    "a set": lambda x: x[1] if x[0] in {0.5, 1.0} else x[2],
    "a key": lambda x: {0.5: x[1]}.get(x[0], x[2]),
    "a cache": lambda x: cached(x[0]),
    "Counter": lambda x: sum(k * n for k, n in collections.Counter(list(x)).items()),
    "reshaped in place": lambda x: (y := x * 1.0, setattr(y, "shape", (3, 1)), np.sum(y))[2],
    "resize": lambda x: (y := x * 1.0, y.resize(5), np.sum(y))[2],
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_the_line_and_the_fix(name):
    f = REFUSED[name]
    for transform in (wg.grad, lambda f: lambda x: wg.jvp(f, (x,), (x,)), wg.trace, wg.hessian):
        with pytest.raises((wg.ConversionError, wg.InPlaceError, wg.MissingRuleError, wg.ArgumentError)) as info:
            transform(f)(X)
        assert info.value.location.file == __file__
        assert info.value.right


#: Python's own refusals, at the user's line.
LOUD = {
    "json": lambda x: json.loads(json.dumps(list(x)))[0],
    "struct": lambda x: struct.unpack("d", struct.pack("d", x[0]))[0],
    "memoryview": lambda x: memoryview(x)[0],
    "np.frombuffer": lambda x: np.frombuffer(x).sum(),
    "ctypes": lambda x: x.ctypes.data * 1.0,
    "np.nditer": lambda x: sum(t for t in np.nditer(x)),
    "Decimal": lambda x: float(Decimal(x[0])),
    "Fraction": lambda x: float(Fraction(x[0])),
    "str": lambda x: float(str(x[0])),
    "%s": lambda x: float("%s" % x[0]),  # noqa: UP031
    "str.format": lambda x: float("{}".format(x[0])),  # noqa: UP032
    "np.rec": lambda x: np.rec.array(x).sum(),
    "DLPack": lambda x: np.from_dlpack(x).sum(),
}


@pytest.mark.parametrize("name", LOUD)
def test_it_is_refused_by_python(name):
    f = LOUD[name]
    for transform in (wg.grad, lambda f: lambda x: wg.jvp(f, (x,), (x,)), wg.trace):
        with pytest.raises((TypeError, ValueError, AttributeError, RuntimeError, struct.error)) as info:
            transform(f)(X)
        assert where(info.value) == f.__code__.co_firstlineno


def test_bisection_takes_a_branch_that_is_recorded():
    f = lambda x: bisect.bisect([0.0, 1.0], x[0]) * x[1]  # noqa: E731
    right(f, [0, 1, 0])
    with pytest.raises(wg.GuardError):
        wg.trace(f)(X)(X + 1.0)


def test_a_loop_of_scipy_in_c_does_not_go_on():
    optimize = pytest.importorskip("scipy.optimize")
    with pytest.raises((wg.ConversionError, ValueError)):  # brentq itself may find that -1 and -1 have one sign
        wg.grad(lambda x: optimize.brentq(lambda t: t - x[0], -9.0, 9.0))(X)


def test_variables_and_dual_numbers_are_refused_alike():
    for number in (wg.Variable(0.5), wg.Dual(0.5, 1.0)):
        for use in (float, math.sin, int, complex, math.trunc, lambda x: np.array([x, x]), lambda x: float(f"{x:.3f}")):
            with pytest.raises((TypeError, ValueError)):
                use(number)
    assert wg.Variable(0.5) not in {0.5}  # as in PyTorch, a Variable is a key by itself
    a = wg.Variable(2.0)
    assert {a: 1}[a] == 1


def test_what_is_printed_can_be_read_by_people():
    seen = []
    wg.grad(lambda x: (seen.append((f"{x[0]:.2f}", f"x is {x[0]:.2f}", str(x[0]))), x[0])[1])(X)
    assert seen[0][:2] == ("0.50", "x is 0.50")
    assert "0.5" in seen[0][2]


def test_the_polynomial_classes_say_what_to_write():
    for f in (lambda x: np.polynomial.Polynomial([1, 2, 3])(x), lambda x: np.polynomial.Chebyshev([x, 2.0])(0.5)):
        with pytest.raises(wg.ConversionError, match=r"polyval\(x, c\)"):
            wg.grad(f)(2.0)
    assert wg.grad(lambda x: np.polynomial.polynomial.polyval(x, [1, 2, 3]))(2.0) == 14.0
