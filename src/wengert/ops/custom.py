"""Operations defined by the user: one rule serves every mode."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import Aval, promote
from wengert.core.errors import ArgumentError
from wengert.core.primitive import Notation, Primitive
from wengert.core.rule import Constant, Linear, Partial, Pushforward, Rule


def primitive(
    fn: Callable[..., Any],
    *rules: Rule | Callable[..., Any],
    name: str | None = None,
    aval: Callable[..., Aval] | None = None,
    outputs: int = 1,
    complex: bool = False,
    batch: Callable[..., Any] | None = None,
    symbol: str | None = None,
    latex: str | None = None,
    python: str | None = None,
) -> Primitive:
    r"""Make an operation of a NumPy function and one rule per argument; it then works in every mode and to any order.

    A rule states how the output z depends on its argument to first order: `Partial(lambda z, x, y: ∂z/∂x)` for an
    elementwise function (a plain function is taken as one), `Linear(lambda ct, x, y: transpose)`,
    `Pushforward(lambda tangent, z, x, y: z's tangent)`, or `Constant()` for an argument without influence. Rules are
    NumPy; they are differentiated themselves for higher orders.

    **Arguments**: `fn(*args, **params)`, NumPy code, arguments are differentiated and keyword parameters are not;
    `name`, `symbol`, `latex` (a template such as `r"P_3\left({0}\right)"`), `python` (a template of NumPy source), for
    printing; `aval`, from the arguments' shape and dtype to the result's, needed only where the operation is applied
    to tangents and is not elementwise; `outputs`, how many results fn returns as a tuple; `complex`, that the rules
    hold for complex numbers too: a `Partial` is then the derivative of a holomorphic function, a `Linear` a transpose;
    `batch`, how it is applied to many examples at once, which an elementwise function need not say (docs/vmap.md).
    **Returns**: the operation, called like `fn`. **Raises**: `ArgumentError` for a rule that is none.
    **Cost** of a call: that of `fn`, and of the rules where it is differentiated.

    >>> import wengert as wg
    >>> p3 = wg.primitive(lambda x: 0.5 * (5 * x**3 - 3 * x), lambda z, x: 1.5 * (5 * x**2 - 1), name="P3")
    >>> wg.value_and_grad(p3)(2.0), wg.grad(wg.grad(p3))(2.0)
    ((17.0, 28.5), 30.0)

    **Source**: the textbooks' custom autograd functions, here without a reverse rule.
    """
    for rule in rules:
        if not isinstance(rule, Rule) and not callable(rule):
            raise ArgumentError(
                f"a rule is a wg.Partial, wg.Linear, wg.Pushforward or wg.Constant(), not {rule!r}",
                wrong="wg.primitive(fn, None)",
                right="wg.primitive(fn, wg.Constant())   if the argument has no influence",
            )
    for i, rule in enumerate(rules):
        _check_arity(rule, i, len(rules))
    stated = [r if isinstance(r, Rule) else Partial(r) for r in rules]
    called = name or str(getattr(fn, "__name__", "custom"))
    if called == "<lambda>":
        called = "custom"
    if aval is None and outputs == 1 and all(isinstance(r, (Partial, Constant)) for r in stated):
        aval = _elementwise
    return Primitive(
        called,
        fn,
        stated,
        aval=aval,
        outputs=outputs,
        complex=complex,
        batch=batch,
        notation=Notation(
            symbol or called,
            python or f"{called}({{args}})",
            latex or rf"\operatorname{{{{{called}}}}}\left({{args}}\right)",
        ),
    )


def _check_arity(rule: Rule | Callable[..., Any], position: int, count: int) -> None:
    """The likeliest slip: a rule that forgets the output, or an argument."""
    given = "abcdefg"[:count] if count > 3 else "xyw"[:count]
    lead, kind = {Linear: ("ct", "Linear"), Pushforward: ("tangent, z", "Pushforward")}.get(
        type(rule), ("z", "Partial")
    )
    fn: Any = getattr(rule, "fn", rule)
    if isinstance(rule, Constant):
        return
    names = [*lead.split(", "), *given]
    try:
        inspect.signature(fn).bind(*names)
    except TypeError:
        raise ArgumentError(
            f"the rule for argument {position} does not take ({', '.join(names)}): "
            "each rule gets the output z (or the cotangent, or the tangent and z), then all arguments",
            wrong=f"wg.{kind}(lambda {', '.join(given)}: …)",
            right=f"wg.{kind}(lambda {', '.join(names)}: …)",
        ) from None
    except ValueError:  # a builtin without a signature
        return


def _elementwise(*avals: Aval, **params: Any) -> Aval:
    return Aval(np.broadcast_shapes(*(a.shape for a in avals)), promote(*avals))
