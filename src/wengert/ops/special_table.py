"""How a function of scipy.special becomes a line of the calculus."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from wengert.core.aval import Aval, kind_of
from wengert.core.batching import pointwise
from wengert.core.chain import scale
from wengert.core.dispatch import UFUNCS
from wengert.core.primitive import REGISTRY, Notation, Primitive
from wengert.core.rule import Pushforward, Rule
from wengert.ops.elementwise import function

UNIT = (0.0, 1.0)
BELOW_ONE = (-np.inf, 1.0)


def special(ufunc: Any, *rules: Callable[..., Any] | Rule | None, name: str = "", **written: Any) -> Primitive:
    """A line of the table; `name`, where NumPy has another function of the same name."""
    plain = ufunc.__name__.lstrip("_")
    args = ", ".join(f"{{{i}}}" for i in range(ufunc.nin))
    written.setdefault("python", f"scipy.special.{plain}({args})")
    primitive = UFUNCS[ufunc] = function(name or plain, ufunc, *rules, like=ufunc, **written)
    return primitive


def several(ufunc: Any, *slopes: Callable[..., Any] | None, name: str = "", complex: bool = False) -> Primitive:
    """A line for a function with several outputs; `slopes(z, *args)` are the derivatives of all in one argument."""
    plain = ufunc.__name__
    args = ", ".join(f"{{{i}}}" for i in range(ufunc.nin))

    def rule(slope: Callable[..., Any]) -> Rule:
        return Pushforward(lambda t, z, *args: tuple(scale(part, t) for part in slope(z, *args)))

    def aval(*avals: Aval) -> tuple[Aval, ...]:
        dtypes = ufunc.resolve_dtypes((*map(kind_of, avals), *[None] * ufunc.nout))[ufunc.nin :]
        return tuple(Aval(np.broadcast_shapes(*(a.shape for a in avals)), dtype) for dtype in dtypes)

    primitive = UFUNCS[ufunc] = REGISTRY[name or plain] = Primitive(
        name or plain,
        ufunc,
        [None if s is None else rule(s) for s in slopes],
        aval=aval,
        outputs=ufunc.nout,
        batch=pointwise,
        notation=Notation(plain, f"scipy.special.{plain}({args})", rf"\operatorname{{{{{plain}}}}}\left({args}\right)"),
        complex=complex,
    )
    return primitive


def member(name: str, impl: Callable[..., Any], *rules: Callable[..., Any], first: bool, **written: Any) -> Primitive:
    """One of a family of derivatives of ever higher order, whose rules make the next ones.

    The first of a family stands for all in the table. A rule is wrapped, so that `Partial` does not try it out now.
    """
    written.setdefault("python", name + "(" + ", ".join(f"{{{i}}}" for i in range(len(rules))) + ")")
    primitive = function(name, impl, *map(partial, rules), **written)
    if not first:
        del REGISTRY[name]
    return primitive
