"""How a line of the tables of calculus becomes a primitive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import broadcast, is_complex
from wengert.core.batching import pointwise
from wengert.core.dispatch import UFUNCS
from wengert.core.primitive import REGISTRY, Notation, Primitive
from wengert.core.rule import Constant, Partial, Rule
from wengert.ops.reference import reference

ALL = (-np.inf, np.inf)
POSITIVE = (0.0, np.inf)


def elementwise(
    ufunc: np.ufunc, *rules: Callable[..., Any] | Rule, impl: Callable[..., Any] | None = None, **written: Any
) -> Primitive:
    """A primitive for a ufunc; a rule that is a plain function `(z, *args)` is a `Partial`.

    `impl`: what computes it, where that is not the ufunc (Python's operator, which keeps a Python float one).
    """
    name = ufunc.__name__
    primitive = UFUNCS[ufunc] = function(name, impl or ufunc, *rules, like=ufunc, weak=impl is not None, **written)
    return primitive


def function(
    name: str,
    impl: Callable[..., Any],
    *rules: Callable[..., Any] | Rule | None,
    like: np.ufunc,
    weak: bool = False,
    symbol: str | None = None,
    python: str | None = None,
    latex: str | None = None,
    precedence: int = 9,
    domain: tuple[tuple[float, float], ...] = (),
    complex: bool | tuple[Callable[..., Any], ...] = False,
) -> Primitive:
    """The same for a function that is no ufunc of NumPy; its shape and dtype are those of the ufunc `like`.

    `complex`: whether the rules hold for complex numbers, or the rules that do where a formula for real ones does not.
    """
    if isinstance(complex, tuple):
        rules = tuple(_by_kind(of_real, of_complex) for of_real, of_complex in zip(rules, complex, strict=True))
    args = ", ".join(f"{{{i}}}" for i in range(like.nin))
    latex = latex or rf"\operatorname{{{{{name}}}}}"
    primitive = REGISTRY[name] = Primitive(
        name,
        impl,
        [r if r is None or isinstance(r, Rule) else Partial(r) for r in rules],
        aval=broadcast(like, weak=weak),
        notation=Notation(
            symbol or name,
            python or f"np.{name}({args})",
            latex if "{0" in latex else rf"{latex}\left({args}\right)",
            precedence,
        ),
        joint=True,
        domain=domain or (ALL,) * like.nin,
        reference=reference(name),
        complex=bool(complex),
        batch=pointwise,
    )
    return primitive


def _by_kind(of_real: Any, of_complex: Callable[..., Any]) -> Callable[..., Any]:
    def partial(z: Any, *args: Any) -> Any:
        return (of_complex if any(map(is_complex, args)) else of_real)(z, *args)

    return partial


def piecewise_constant(ufunc: np.ufunc, **written: Any) -> Primitive:
    """An operation whose value does not change when its arguments do, wherever it has a derivative at all."""
    return elementwise(ufunc, *(Constant() for _ in range(ufunc.nin)), **written)
