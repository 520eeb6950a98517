"""How a line of the tables of calculus becomes a primitive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import broadcast
from wengert.core.dispatch import UFUNCS
from wengert.core.primitive import REGISTRY, Notation, Primitive
from wengert.core.rule import Constant, Partial, Rule

ALL = (-np.inf, np.inf)
POSITIVE = (0.0, np.inf)


def elementwise(
    ufunc: np.ufunc,
    *rules: Callable[..., Any] | Rule,
    impl: Callable[..., Any] | None = None,
    name: str | None = None,
    symbol: str | None = None,
    python: str | None = None,
    latex: str | None = None,
    precedence: int = 9,
    domain: tuple[tuple[float, float], ...] = (),
    reference: Any = None,
) -> Primitive:
    """A primitive for a ufunc; a rule that is a plain function `(z, *args)` is a `Partial`.

    `impl`: what computes it, where that is not the ufunc (Python's operator, which keeps a Python float one).
    """
    name = name or ufunc.__name__
    args = ", ".join(f"{{{i}}}" for i in range(ufunc.nin))
    primitive = Primitive(
        name,
        impl or ufunc,
        [r if isinstance(r, Rule) else Partial(r) for r in rules],
        aval=broadcast(ufunc, weak=impl is not None),
        notation=Notation(
            symbol or name,
            python or f"np.{ufunc.__name__}({args})",
            _latex(latex, name, args),
            precedence,
        ),
        joint=True,
        domain=domain or (ALL,) * ufunc.nin,
        reference=reference or name,
    )
    UFUNCS[ufunc] = REGISTRY[name] = primitive
    return primitive


def _latex(latex: str | None, name: str, args: str) -> str:
    """A template as it is; the bare name of a function gets its arguments."""
    if latex is None:
        latex = rf"\operatorname{{{{{name}}}}}"
    return latex if "{0" in latex else rf"{latex}\left({args}\right)"


def piecewise_constant(ufunc: np.ufunc, **options: Any) -> Primitive:
    """An operation whose value does not change when its arguments do, wherever it has a derivative at all."""
    return elementwise(ufunc, *(Constant() for _ in range(ufunc.nin)), **options)
