"""The laws of simplification, each with its reason.

The laws without `algebra` change no bit of any result, with infinities, NaN and the sign of zero included: that is why
0·x is not 0 (x may be infinite) and x + 0.0 is not x (−0.0 + 0.0 = 0.0). The one exception is the sign of a zero that
`scale` returns: the strong zero of the chain rule has none.

A law is applied only where shape, dtype and weakness of its result are those of the node that it replaces. That check
is part of each law: `reshape(a) = a` reads "where a has that shape already".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.graph.node import Node
from wengert.graph.pattern import Factor, Rewrite, Variable, operations

x, y = Variable("x"), Variable("y")  # real
a, b, c = (Variable(name, real=False) for name in "abc")  # of any dtype
k = Factor("k")  # a finite number other than 0
scale, square, sqrt, exp, log, maximum, minimum = operations("scale square sqrt exp log maximum minimum")
where, logical_not, invert, stop_gradient = operations("where logical_not invert stop_gradient")
reshape, transpose, broadcast_to, sum_to, astype = operations("reshape transpose broadcast_to sum_to astype")
getitem, concatenate, sum_, prod, max_, min_ = operations("getitem concatenate sum prod max min")


def _keeps_order(node: Node) -> bool:
    return tuple(node.params["axes"]) == tuple(range(len(node.params["axes"])))


def _composed(node: Node) -> dict[str, Any]:
    inner = node.args[0].params["axes"]
    return {"axes": tuple(inner[i] for i in node.params["axes"])}


def _takes_all(node: Node) -> bool:
    return all(p is Ellipsis or (isinstance(p, slice) and p.step in (None, 1)) for p in node.params["index"])


def _widens_first(node: Node) -> bool:
    wide = node.args[0]
    return np.can_cast(wide.args[0].aval.dtype, wide.aval.dtype, "safe")


# fmt: off
LAWS = [
    # Arithmetic, exact.
    Rewrite(+x,                      x,               "+x = x"),
    Rewrite(-(-x),                   x,               "−(−x) = x"),  # noqa: B002
    Rewrite(1 * x,                   x,               "1·x = x"),
    Rewrite(-1 * x,                  -x,              "(−1)·x = −x"),
    Rewrite(-x * -y,                 x * y,           "(−x)·(−y) = x·y: the signs of a product cancel"),
    Rewrite(x / 1,                   x,               "x/1 = x"),
    Rewrite(x / -1,                  -x,              "x/(−1) = −x"),
    Rewrite(-x / -y,                 x / y,           "(−x)/(−y) = x/y"),
    Rewrite(x + -0.0,                x,               "x + (−0) = x: the zero that is neutral even to −0"),
    Rewrite(x - 0.0,                 x,               "x − 0 = x"),
    Rewrite(-0.0 - x,                -x,              "−0 − x = −x"),
    Rewrite(x + (-y),                x - y,           "x + (−y) = x − y"),
    Rewrite(x - (-y),                x + y,           "x − (−y) = x + y"),
    Rewrite(x ** 1,                  x,               "x¹ = x"),
    Rewrite(x ** 0,                  1,               "x⁰ = 1, of NaN too (C99, annex F.10.4.4)"),
    Rewrite(1 ** x,                  1,               "1ˣ = 1, of NaN too (C99, annex F.10.4.4)"),
    Rewrite(abs(-x),                 abs(x),          "|−x| = |x|"),
    Rewrite(abs(abs(x)),             abs(x),          "||x|| = |x|"),
    Rewrite(square(-x),              square(x),       "(−x)² = x²"),
    Rewrite(square(abs(x)),          square(x),       "|x|² = x²"),
    Rewrite(maximum(x, x),           x,               "max(x, x) = x"),
    Rewrite(minimum(x, x),           x,               "min(x, x) = x"),
    # The product of the chain rule, whose zero is strong: 0·∞ = 0.
    Rewrite(scale(1, x),             x,               "1·x = x"),
    Rewrite(scale(-1, x),            -x,              "(−1)·x = −x"),
    Rewrite(scale(k, x),             k * x,           "a finite factor other than 0 meets no 0·∞"),
    Rewrite(scale(-x, -y),           scale(x, y),     "(−x)·(−y) = x·y"),
    Rewrite(scale(0, x),             0,               "0·x = 0, even for x = ∞: the zero is strong"),
    # Choices.
    Rewrite(where(True, a, b),       a,               "the condition always holds"),
    Rewrite(where(False, a, b),      b,               "the condition never holds"),
    Rewrite(where(c, a, a),          a,               "both branches are the same"),
    Rewrite(logical_not(logical_not(a)), a,           "¬¬a = a"),
    Rewrite(invert(invert(a)),       a,               "∼∼a = a"),
    Rewrite(stop_gradient(stop_gradient(a)), stop_gradient(a), "a constant of the derivative already"),
    # Shapes and dtypes.
    Rewrite(reshape(a),              a,               "it has the shape already"),
    Rewrite(reshape(reshape(a)),     reshape(a),      "the last shape counts"),
    Rewrite(transpose(a),            a,               "the axes keep their order", when=_keeps_order),
    Rewrite(transpose(transpose(a)), transpose(a),    "permutations compose", params=_composed),
    Rewrite(broadcast_to(a),         a,               "it has the shape already"),
    Rewrite(broadcast_to(broadcast_to(a)), broadcast_to(a), "the last shape counts"),
    Rewrite(astype(x),               x,               "it has the dtype already"),
    Rewrite(astype(astype(x)),       astype(x),       "the first dtype holds every x", when=_widens_first),
    Rewrite(getitem(a),              a,               "x[:] takes all there is", when=_takes_all),
    Rewrite(concatenate(a),          a,               "one part is the whole"),
    Rewrite(prod(a),                 a,               "a product over no axis, or over axes of length 1"),
    Rewrite(max_(a),                 a,               "a maximum over no axis, or over axes of length 1"),
    Rewrite(min_(a),                 a,               "a minimum over no axis, or over axes of length 1"),
    # Algebra: for real numbers only.
    Rewrite(x + 0,                   x,               "x + 0 = x",                                algebra=True),
    Rewrite(x - 0,                   x,               "x − 0 = x",                                algebra=True),
    Rewrite(0 - x,                   -x,              "0 − x = −x",                               algebra=True),
    Rewrite(x - x,                   0,               "x − x = 0",                                algebra=True),
    Rewrite(-(x - y),                y - x,           "−(x − y) = y − x",                         algebra=True),
    Rewrite(0 * x,                   0,               "0·x = 0",                                  algebra=True),
    Rewrite(0 / x,                   0,               "0/x = 0",                                  algebra=True),
    Rewrite(x / x,                   1,               "x/x = 1",                                  algebra=True),
    Rewrite(x * y / y,               x,               "(x·y)/y = x",                              algebra=True),
    Rewrite(x / y * y,               x,               "(x/y)·y = x",                              algebra=True),
    Rewrite(scale(x, y),             x * y,           "the zero of the real numbers is strong",   algebra=True),
    Rewrite(exp(log(x)),             x,               "exp is the inverse of ln",                 algebra=True),
    Rewrite(log(exp(x)),             x,               "ln is the inverse of exp",                 algebra=True),
    Rewrite(square(sqrt(x)),         x,               "(√x)² = x",                                algebra=True),
    Rewrite(sqrt(square(x)),         abs(x),          "√x² = |x|",                                algebra=True),
    Rewrite(sum_(x),                 x,               "a sum of one number each (NumPy's is 0 + x)", algebra=True),
    Rewrite(sum_to(x),               x,               "it has the shape already",                 algebra=True),
    Rewrite(sum_to(sum_to(x)),       sum_to(x),       "a sum in another order",                   algebra=True),
]
# fmt: on
