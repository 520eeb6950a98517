"""A recorded piece of a program as one operation: `checkpoint`.

Nothing is kept of it but its arguments; what its derivative needs is computed again (rematerialization).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.batching import spread as repeated
from wengert.core.errors import check_callable
from wengert.core.primitive import Structured, bind
from wengert.core.tracer import Tracer, is_running
from wengert.graph.body import Body, strong
from wengert.transform.batched import batched
from wengert.transform.derived import (
    cotangents_of,
    derive,
    pick,
    present,
    settled,
    shaped,
    spread,
    tangents_of,
)
from wengert.transform.step import numbers, recorded_call


class Call(Structured):
    """The body applied to the arguments."""

    def run(self, *args: Any, body: Body) -> tuple[Any, ...]:
        with body.warnings():
            return tuple(map(writeable, body.run(args)))

    def avals(self, *avals: Any, body: Body) -> tuple[Any, ...]:
        return tuple(body.avals)

    def sample(self, *args: Any, body: Body) -> Any:
        return tuple(body.emit(args, cheap=True))

    def expand(self, args: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(params["body"].emit(args))

    def examples(self, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any], n: int) -> Any:
        body = params["body"]
        if body.remake is None:
            made, flags = batched(body, n, on, [False] * len(body.outputs))
            return bind(self, args, {"body": made}), flags
        made, wanted = body.remake(n, on)
        full = [repeated(a, flag, n) if want else a for a, flag, want in zip(args, on, wanted, strict=True)]
        return bind(self, full, {"body": made}), [True] * len(body.outputs)

    def push(self, tangents: Sequence[Any], args: Sequence[Any], params: dict[str, Any], apart: bool) -> Any:
        body, active = params["body"], present(tangents)
        outs, given = influenced(body, active), shaped(tangents, args, active)
        together = not apart
        made = tangent_body(body, active, outs, together)
        if made is None:
            return None
        if together:
            both = bind(self, [*args, *given], {"body": made})
            return both[: len(outs)], spread(both[len(outs) :], outs)
        return bind(self, args, params), spread(bind(self, [*args, *given], {"body": made}), outs)

    def transposable(self, active: Sequence[bool], params: dict[str, Any]) -> bool:
        body = params["body"]
        return transposed_body(body, tuple(active), (True,) * len(body.outputs)) is not None

    def transpose(self, cts: Sequence[Any], active: Sequence[bool], args: Sequence[Any], params: dict[str, Any]) -> Any:
        back = transposed_body(params["body"], tuple(active), present(cts))
        assert back is not None
        fixed = pick(args, [not on for on in active])
        given = [settled(ct, a) for ct, a in zip(cts, params["body"].avals, strict=True) if ct is not None]
        return bind(self, [*fixed, *given], {"body": back})


call = Call("call")


def writeable(value: Any) -> Any:
    """A result that the caller may change: constants of a body are no one's."""
    return np.array(value) if isinstance(value, np.ndarray) and not value.flags.writeable else value


def influenced(body: Body, active: Sequence[bool]) -> tuple[bool, ...]:
    """Which outputs have tangents where these inputs have."""
    return tuple(a.dtype.kind in "fc" and on for a, on in zip(body.avals, body.depends(active), strict=True))


def tangent_body(body: Body, active: Sequence[bool], outs: Sequence[bool], together: bool) -> Body | None:
    """From the inputs and the tangents of the active ones to the tangents of the outputs, or to both."""

    def f(values: list[Any]) -> list[Any]:
        both = tangents_of(body, values[: len(active)], spread(values[len(active) :], active), not together)
        moved = [settled(t, a) for (_, t), a in pick(list(zip(both, body.avals, strict=True)), outs)]
        return [*(v for v, _ in both), *moved] if together else moved

    domain = [*body.arguments, *map(strong, pick(body.domain, active))]
    linear = () if together else (False,) * len(active)
    made = derive(body, ("call", tuple(active), tuple(outs), together), f, domain, linear)
    if made is not None and body.remake is not None:
        remake = body.remake

        def remade(n: int, on: Sequence[bool]) -> tuple[Body, list[bool]]:
            whole, wanted = remake(n, [a or b for a, b in zip(on, active, strict=False)])
            moved = tangent_body(whole, active, outs, together)
            assert moved is not None
            return moved, [*wanted, *[True] * sum(active)]

        made.remake = remade
    return made


def transposed_body(body: Body, active: tuple[bool, ...], cts: tuple[bool, ...]) -> Body | None:
    """From the other inputs and the cotangents of the outputs to the cotangents of the active inputs."""
    fixed = [not on for on in active]

    def f(values: list[Any]) -> list[Any]:
        held, back = values[: sum(fixed)], values[sum(fixed) :]
        return cotangents_of(body, spread(held, fixed), active, spread(back, cts))

    domain = [*pick(body.arguments, fixed), *map(strong, pick(body.avals, cts))]
    made = derive(body, ("transposed", active, cts), f, domain, (False,) * sum(fixed))
    if made is not None and body.remake is not None:
        remake = body.remake

        def remade(n: int, on: Sequence[bool]) -> tuple[Body, list[bool]]:
            whole, wanted = remake(n, spread(on[: sum(fixed)], fixed, True))
            back = transposed_body(whole, active, cts)
            assert back is not None
            return back, [*pick(wanted, fixed), *[True] * sum(cts)]

        made.remake = remade
    return made


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, of which reverse mode keeps the arguments only: what is in between is computed again.

    **Arguments**: `f`, a pure function of pytrees. **Returns**: a function with f's results. Inside it Python's
    branches on traced values still work; f is then kept as if it were not checkpointed. **Raises**: what f raises.
    **Cost**: one more evaluation of f in the reverse pass; memory for its arguments instead of all its steps.

    >>> import numpy as np, wengert as wg
    >>> layer = wg.checkpoint(lambda x: np.sin(np.exp(x)))
    >>> wg.grad(layer)(0.0)
    0.5403023058681398

    **Source**: Griewank & Walther, "Evaluating Derivatives" (2008), chapter 12.
    """
    check_callable(f, "wg.checkpoint")

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        leaves, rebuild = numbers((args, kwargs))
        if not is_running() and not any(isinstance(v, Tracer) for v in leaves):
            return f(*args, **kwargs)
        outs: list[tuple[Any, Any]] = []

        def called(values: list[Any]) -> Any:
            positional, named = rebuild(values)
            return f(*positional, **named)

        body = recorded_call(getattr(f, "__name__", "checkpoint"), called, leaves, outs)
        if body is None:
            return f(*args, **kwargs)
        return outs[0][1](bind(call, [*body.captured, *leaves], {"body": body}))

    return wrapped
