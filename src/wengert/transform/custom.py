"""Derivatives stated by the user for any Python function: `custom_derivative`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from wengert.core.aval import Aval, aval_of
from wengert.core.batching import spread
from wengert.core.errors import ArgumentError, NonlinearError, ShapeError, check_callable
from wengert.core.primitive import Notation, Structured, bind
from wengert.core.tracer import Tracer
from wengert.core.tree import flatten
from wengert.graph.body import constant_like
from wengert.transform.application import Application, Rule, inexact
from wengert.transform.derived import groups, pick, present, settled
from wengert.transform.linearize import LinearNode
from wengert.transform.many import Many


class Custom(Structured):
    """The user's function on the leaves of its arguments; it never looks inside."""

    opaque = True

    def __init__(self, name: str) -> None:
        super().__init__("custom")  # and not the user's name, which may be that of an operation
        self.notation = Notation(name, f"{name}({{args}})", rf"\operatorname{{{{{name}}}}}\left({{args}}\right)")

    def run(self, *args: Any, of: Application | Many) -> tuple[Any, ...]:
        return of.value(args)

    def avals(self, *avals: Any, of: Application) -> tuple[Any, ...]:
        return of.avals(avals)

    def sample(self, *args: Any, of: Application) -> tuple[Any, ...]:
        try:
            return tuple(a.dtype.type(0).item() if a.weak else constant_like(a) for a in of.avals(avals_of(args)))
        except ShapeError:
            return of.value(args)

    def push(self, tangents: Sequence[Any], args: Sequence[Any], params: dict[str, Any], apart: bool) -> Any:
        of = params["of"]
        outs = bind(self, args, params)
        active = present(tangents)
        given = [settled(t, aval_of(a)) for t, a in zip(tangents, args, strict=True) if t is not None]
        if not any(active):
            return outs, [None] * len(outs)
        moved = bind(tangent, [*args, *outs, *given], {"of": of, "active": active})
        return outs, [t if aval_of(out).dtype.kind in "fc" else None for t, out in zip(moved, outs, strict=True)]

    def transposable(self, active: Sequence[bool], params: dict[str, Any]) -> bool:
        return False

    def examples(self, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any], n: int) -> Any:
        outs = bind(self, args, {"of": Many(params["of"], n, on)})
        return outs, [True] * len(outs)

    def expand(self, args: Sequence[Any], params: dict[str, Any]) -> NoReturn:
        name = params["of"].name
        if not any(isinstance(a, LinearNode) for a in args):
            raise ArgumentError(
                f"of {name} a derivative is stated, which is not enough for this transformation",
                wrong=f"wg.derivative({name}, order=3), wg.taylor({name}, x, 3)",
                right=f"wg.grad(wg.grad(wg.grad({name})))",
            )
        raise NonlinearError(
            f"a rule applied {name} to its tangent, and nothing is known of {name} being linear",
            wrong=f"pushforward=lambda t, z, x: {name}(t)",
            right="pushforward=lambda t, z, x: A @ t   or NumPy's own functions",
        )


def avals_of(values: Sequence[Any]) -> list[Aval]:
    """The shapes and dtypes."""
    return [aval_of(value) for value in values]


class Tangent(Structured):
    """J·t of a custom function, of its arguments, its results and the tangents of the active arguments: linear in t."""

    def parts(self, values: Sequence[Any], of: Application, active: Sequence[bool]) -> tuple[list[Any], ...]:
        """Arguments, results, and the tangents of all arguments."""
        args, outs, given = groups(values, len(active), len(values) - len(active) - sum(active))
        zeros = [constant_like(inexact(aval_of(a))) for a in args]
        queue = iter(given)
        return args, outs, [next(queue) if on else zero for on, zero in zip(active, zeros, strict=True)]

    def run(self, *args: Any, of: Application, active: Sequence[bool]) -> tuple[Any, ...]:
        return tuple(of.forward(*self.parts(args, of, active)))

    def avals(self, *avals: Any, of: Application, active: Sequence[bool]) -> tuple[Any, ...]:
        return tuple(map(inexact, groups(avals, len(active), len(avals) - len(active) - sum(active))[1]))

    def sample(self, *args: Any, of: Application, active: Sequence[bool]) -> tuple[Any, ...]:
        return tuple(map(constant_like, self.avals(*avals_of(args), of=of, active=active)))

    def push(self, tangents: Sequence[Any], args: Sequence[Any], params: dict[str, Any], apart: bool) -> Any:
        return None

    def expand(self, args: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        return self.run(*args, **params)

    def examples(self, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any], n: int) -> Any:
        full = [spread(a, flag, n) for a, flag in zip(args, on, strict=True)]
        many = Many(params["of"], n, [True] * len(params["active"]))
        outs = bind(self, full, {**params, "of": many})
        return outs, [True] * len(outs)

    def transposable(self, active: Sequence[bool], params: dict[str, Any]) -> bool:
        return not any(active[: len(active) - sum(params["active"])])

    def transpose(self, cts: Sequence[Any], active: Sequence[bool], args: Sequence[Any], params: dict[str, Any]) -> Any:
        of, mine = params["of"], params["active"]
        values, outs, _ = groups(args, len(mine), len(args) - len(mine) - sum(mine))
        given = [settled(ct, inexact(aval_of(out))) for ct, out in zip(cts, outs, strict=True)]
        return pick(of.backward(values, outs, given), spread_mask(mine, active))


def spread_mask(mine: Sequence[bool], active: Sequence[bool]) -> list[bool]:
    """Which of all arguments those are whose tangents are asked for."""
    asked = iter(active[len(active) - sum(mine) :])
    return [on and next(asked) for on in mine]


tangent = Tangent("tangent")


def applied(
    operation: Custom, f: Callable[..., Any], rules: tuple[Rule | None, Rule | None], args: Any, kwargs: Any
) -> Any:
    """The function of the arguments: itself where nobody follows them, and the operation with its rules otherwise."""
    call = Application(f, rules, args, kwargs)
    if not any(isinstance(v, Tracer) for v in call.leaves):
        return f(*args, **kwargs)
    outs = bind(operation, call.leaves, {"of": call})
    return call.rebuild_out(outs)


def custom_derivative(
    f: Callable[..., Any] | None = None, *, pushforward: Rule | None = None, pullback: Rule | None = None
) -> Callable[..., Any]:
    """The function f with a derivative of the user's own; f is not looked into, and may call C or Fortran code.

    One rule is enough: `pushforward(tangent, out, *args)` returns J·tangent, `pullback(ct, out, *args)` returns Jᵀ·ct
    (Jᴴ·ct of complex numbers), each linear in its first argument. The other one is its transpose.

    **Arguments**: `f`, a function of pytrees that returns a pytree; it gets plain numbers and arrays. `tangent` is like
    f's argument where f has one positional argument, and otherwise a tuple of one for each; `ct` and `out` are like f's
    result; the pullback returns what is like the argument, or such a tuple. None stands for zeros. What is no number,
    and what is given by keyword, is not differentiated; the rules get it too. For higher orders a rule is NumPy code.
    **Returns**: a function with f's results, also as a decorator: `@wg.custom_derivative(pushforward=…)`.
    **Raises**: `ArgumentError` for a rule that does not take these arguments, for traced values given by keyword or
    from outside of f; `ShapeError` where a rule's result does not fit; `NonlinearError` for a rule that is not linear.
    **Cost**: a call of the rule for J·t or Jᵀ·ct. The missing rule costs about as much as the given one, which is
    recorded on its linear argument and transposed; where that cannot be, since it calls other than NumPy code, a call
    for each element of f's result (of a pullback) or of its arguments (of a pushforward). Give both rules then.

    >>> import math, numpy as np, wengert as wg
    >>> erf = wg.custom_derivative(math.erf, pushforward=lambda t, z, x: 2 / np.sqrt(np.pi) * np.exp(-(x**2)) * t)
    >>> float(wg.grad(erf)(0.0)), float(wg.grad(wg.grad(erf))(1.0))
    (1.1283791670955126, -0.8302149948411894)

    **Source**: the names are ChainRules' (Julia); transposition of one rule: Frostig et al., "Decomposing reverse-mode
    automatic differentiation" (2021).
    """
    if f is None:
        return functools.partial(custom_derivative, pushforward=pushforward, pullback=pullback)
    check_callable(f, "wg.custom_derivative")
    if pushforward is None and pullback is None:
        raise ArgumentError(
            "a custom derivative needs a rule",
            wrong="wg.custom_derivative(f)",
            right="wg.custom_derivative(f, pushforward=lambda tangent, out, x: …)   or pullback=lambda ct, out, x: …",
        )
    for rule, first in ((pushforward, "tangent"), (pullback, "ct")):
        if rule is not None:
            _check_arity(f, rule, first)
    name = getattr(f, "__name__", type(f).__name__)
    name = "custom" if name == "<lambda>" else name
    operation = Custom(name)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(v, Tracer) for v in flatten(kwargs)[0]):
            raise ArgumentError(
                f"{name} was given a traced value by keyword; only positional arguments are differentiated",
                wrong=f"{name}(x, a=a)",
                right=f"{name}(x, a)",
            )
        return applied(operation, f, (pushforward, pullback), args, kwargs)

    wrapped.pushforward, wrapped.pullback = pushforward, pullback  # type: ignore[attr-defined]
    return wrapped


def _check_arity(f: Callable[..., Any], rule: Rule, first: str) -> None:
    """The likeliest slip: a rule that forgets the output, or an argument."""
    check_callable(rule, "wg.custom_derivative")
    try:
        parameters = list(inspect.signature(f).parameters.values())
        accepted = inspect.signature(rule)
    except (TypeError, ValueError):  # of C code, without a signature
        return
    required = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
                and p.default is p.empty]  # fmt: skip
    try:
        accepted.bind_partial(first, "out", *required)
    except TypeError:
        given = ", ".join([first, "out", *required])
        raise ArgumentError(
            f"the rule does not take ({given}): it gets the {first}, f's result, then f's arguments",
            wrong=f"lambda {', '.join([first, *required])}: …",
            right=f"lambda {given}: …",
        ) from None
