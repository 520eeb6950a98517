"""The functions that solvers are given: what they use from outside, what they return, how they move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError, WengertError
from wengert.core.tracer import Tracer, run
from wengert.core.tree import flatten
from wengert.transform.derived import TangentLevel
from wengert.transform.duality import levels_of, plain
from wengert.transform.forward import ForwardTracer
from wengert.transform.step import numbers, recorded_call


class ConvergenceError(WengertError, ArithmeticError):
    """A solver has not found a solution, so there is nothing to be differentiated."""


def directional(f: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The derivative of f, which returns one array, in a direction; None for zero. It can be transposed."""
    level = TangentLevel()
    leaves, rebuild = numbers(tuple(args))
    moved = numbers(tuple(tangents))[0]
    traced = [
        ForwardTracer(level, leaf, t) if aval_of(leaf).dtype.kind in "fc" else leaf
        for leaf, t in zip(leaves, moved, strict=True)
    ]
    out = resolve(run(level, f, rebuild(traced), {}))
    return out.tangent if isinstance(out, ForwardTracer) and out.level is level else None


def replayed(f: Callable[..., Any], y: Any, t: Any, args: Any, name: str) -> Callable[[Any, Any], Any]:
    """The function of y and t alone, of plain numbers: from one recording of its operations, where there is one.

    A derivative that is asked for at a thousand places is then derived once.
    """
    leaves, rebuild = numbers((y, t, args))

    def called(values: list[Any]) -> Any:
        return f(*rebuild(values))

    body = recorded_call(name, called, leaves, [])
    if body is None or body.captured:
        return lambda y, t: f(y, t, args)
    held, run_body = leaves[2:], body.run
    return lambda y, t: run_body([y, t, *held])[0]


def plain_tree(tree: Any) -> Any:
    """The tree without anything that is followed."""
    leaves, rebuild = flatten(tree)
    return rebuild([plain(resolve(leaf)) for leaf in leaves])


def closed(
    f: Callable[..., Any], x: Any, args: tuple[Any, ...], name: str
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The function and its arguments, with the traced values that it uses from outside among the arguments."""
    with np.errstate(all="ignore"):  # a solver may come to places where it warns, too
        value = f(plain_tree(x), *plain_tree(args))
    if not levels_of([resolve(leaf) for leaf in flatten(value)[0]]):
        return f, args
    leaves, rebuild = numbers((x, args))
    outs: list[tuple[Any, Any]] = []

    def called(values: list[Any]) -> Any:
        given, rest = rebuild(values)
        return f(given, *rest)

    body = recorded_call(name, called, leaves, outs)
    if body is None or not body.captured:
        raise ArgumentError(
            f"the function that {name} was given uses a traced value from outside, and decides by numbers",
            wrong=f"wg.implicit.{name}(lambda x: f(x, a), x0)",
            right=f"wg.implicit.{name}(f, x0, a)   a is an argument",
        )

    def complete(x: Any, captured: Sequence[Any], *args: Any) -> Any:
        return outs[0][1](body.emit([*captured, *numbers((x, args))[0]]))

    return complete, (tuple(body.captured), *args)


def refuse_traced(value: Any, name: str) -> Any:
    """A solver's view of f: plain real numbers."""
    if isinstance(value, Tracer):
        raise ArgumentError(
            f"the function that {name} was given uses a traced value from outside",
            wrong=f"wg.implicit.{name}(lambda x: f(x, a), x0)",
            right=f"wg.implicit.{name}(f, x0, a)   a is an argument",
        )
    return real(value, name)


def real(value: Any, name: str) -> Any:
    """The value, which may be traced but is no complex number: SciPy would drop the imaginary part."""
    if aval_of(value).dtype.kind == "c":
        raise ArgumentError(
            f"the function that {name} was given returned complex numbers; {name} is for real ones",
            wrong="f(z)",
            right="np.stack([np.real(f(z)), np.imag(f(z))])   of z = x[0] + 1j * x[1]",
        )
    return value
