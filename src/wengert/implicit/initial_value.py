"""Initial value problems by SciPy's name and habits: what `scipy.integrate.solve_ivp` returns, with derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.errors import ArgumentError, ShapeError, check_callable
from wengert.core.tree import map_leaves, structure
from wengert.implicit.event import Watch, event_of, occurrences
from wengert.implicit.field import Field, vector_field
from wengert.implicit.function import plain_tree
from wengert.implicit.trajectory import Integration, known, states, trajectory
from wengert.implicit.vector import Unknown, ravel
from wengert.transform.duality import plain

_ENDED = "A termination event occurred."


@dataclass(frozen=True)
class Solution:
    """What `solve_ivp` returns, with SciPy's names: a tree of t, y, t_events and y_events; the rest are no derivatives.

    `t`: the times; `y`: like y0, each leaf with the times as its last axis; `t_events`, `y_events`: for each event its
    times, and its states with the occurrences as their first axis (None without events); `sol`: with `dense_output`
    the function t ↦ y(t); `status`: 0 at the end of t_span, 1 after a terminal event; `nfev`, `njev`, `nlu`: SciPy's
    counts of evaluations, Jacobians and factorizations, for the solution without its derivatives.
    """

    t: Any
    y: Any
    t_events: Any
    y_events: Any
    sol: Callable[[Any], Any] | None = field(default=None, metadata={"static": True})
    nfev: int = field(default=0, metadata={"static": True})
    njev: int = field(default=0, metadata={"static": True})
    nlu: int = field(default=0, metadata={"static": True})
    status: int = field(default=0, metadata={"static": True})
    message: str = field(default="", metadata={"static": True})
    success: bool = field(default=True, metadata={"static": True})


def solve_ivp(
    f: Callable[..., Any],
    t_span: Any,
    y0: Any,
    method: str = "DOP853",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Callable[..., Any] | Sequence[Callable[..., Any]] | None = None,
    *,
    args: Any = (),
    rtol: float = 1e-9,
    atol: float = 1e-9,
    max_step: float = np.inf,
    sensitivity: str = "adjoint",
) -> Solution:
    """The solution of dy/dt = f(t, y, *args), y(t₀) = y0, as `scipy.integrate.solve_ivp` gives it, with derivatives.

    The rules are those of `odeint`. Of an event, g(t*, y(t*)) = 0 and so dt* = −(∂g/∂y·dy + dg)/(∂g/∂t + ∂g/∂y·f),
    where dy is at a fixed time; the state there moves by dy + f·dt*.

    **Arguments**: `f(t, y, *args)`, NumPy code that returns what is like y, or a list of numbers for a vector;
    `t_span`, two times, of which the first is that of y0; `y0`, a pytree of real numbers (a list of numbers is a
    vector, as in SciPy); `method`, `rtol`, `atol` (one number), `max_step`, `dense_output` as in SciPy, with defaults
    that derivatives need; the stiff methods ("Radau", "BDF", "LSODA") get the exact Jacobian; `t_eval`, times in order
    within t_span, by default SciPy's steps, which move along with t_span; `events`, functions `g(t, y, *args)` of one
    number, with SciPy's attributes `terminal` and `direction`; `args`, a tuple of pytrees; `sensitivity` as there.
    **Returns**: a `Solution` with `t`, `y`, `t_events`, `y_events`, `sol`, `nfev`, `status` and so on, differentiable
    with respect to y0, args, t_span and t_eval (and traced values that f and g take from outside) in every mode and to
    any order. After a terminal event t_eval ends there; without t_eval the last of t is the time of the event.
    **Raises**: `ConvergenceError` where SciPy fails (its status −1), and as `odeint`; `DegenerateError` where a
    derivative of an event is asked for at which g only touches zero; `ShapeError`, `ArgumentError` for what does not
    fit.
    **Cost**: as `odeint`, and one more integration to find steps or events; every call of `sol` integrates once more.
    Without events, integration ends with the last of t_eval.

    >>> import numpy as np, wengert as wg
    >>> def height(t, y, g):
    ...     return y[0]
    >>> height.terminal = True
    >>> def landing(speed, g):  # y″ = −g, from the ground up
    ...     fall = lambda t, y, g: [y[1], -g]
    ...     height.direction = -1
    ...     return wg.implicit.solve_ivp(fall, (0.0, 10.0), np.stack([0.0, speed]), events=height, args=(g,)).t[-1]
    >>> round(landing(5.0, 10.0), 9), np.round(wg.grad(landing, argnums=(0, 1))(5.0, 10.0), 9)  # 2·speed/g
    (np.float64(1.0), array([ 0.2, -0.1]))

    **Source**: as `odeint`; Rozenvasser (1967), on sensitivities of systems with events; the interface is SciPy's.
    """
    check_callable(f, "wg.implicit.solve_ivp")
    how = known(Integration(method, rtol, atol, sensitivity, "solve_ivp", max_step))
    if not isinstance(args, (tuple, list)):
        raise ArgumentError("args of solve_ivp is a tuple", wrong="args=k", right="args=(k,)")
    if shape_of(span := _vector(t_span)) != (2,):
        raise ShapeError("t_span of solve_ivp is two times", wrong="(1.0,)", right="(0.0, 1.0)")
    y0 = _vector(y0) if _is_vector(y0) else y0
    given = tuple(args)
    unknown, start = Unknown(y0, "y0"), ravel(y0) * 1.0
    right, inner = vector_field(lambda at, *args: f(at[1], at[0], *args), y0, span[0], given, how.name)
    watched = () if events is None else tuple(events) if isinstance(events, (list, tuple)) else (events,)
    watch = Watch(right, [event_of(g, span[0], y0, given, how.name) for g in watched], how)
    t_events, y_events, end, last = occurrences(watch, start, span, inner) if watched else ([], [], None, -1)
    notes: list[Any] = []
    if t_eval is None:
        until = span[1] if end is None else end
        notes = [watch.found(*plain_tree((start, span, inner, tuple(event.args for event in watch.events))))]
        steps = notes[0].t
        part = (steps - steps[0]) / (steps[-1] - steps[0]) if steps[-1] != steps[0] else np.zeros(len(steps))
        t = span[0] * (1 - part) + until * part
    else:
        t = _times(t_eval, plain(span), end)
    path = trajectory(right, start, np.concatenate([span[:1], t]), inner, how, notes.append)[1:]
    done = notes[0]
    return Solution(
        t=t,
        y=_times_last(states(unknown, path)),
        t_events=[_vector(times) for times in t_events] if watched else None,
        y_events=[states(unknown, np.stack(some)) if some else states(unknown, np.zeros((0, len(unknown))))
                  for some in y_events] if watched else None,
        sol=_dense(right, unknown, start, span, inner, how) if dense_output else None,
        nfev=int(done.nfev), njev=int(done.njev), nlu=int(done.nlu),
        status=int(last >= 0), message=_ENDED if last >= 0 else str(done.message),
    )  # fmt: skip


def _is_vector(y0: Any) -> bool:
    """SciPy's way to write one: a list of numbers."""
    single = structure(0.0)
    return type(y0) in (list, tuple) and len(y0) > 0 and all(structure(v) == single and shape_of(v) == () for v in y0)


def _vector(values: Any) -> Any:
    return ravel(values) * 1.0


def _times_last(tree: Any) -> Any:
    return map_leaves(lambda leaf: np.moveaxis(leaf, 0, -1), tree)


def _times(t_eval: Any, span: Any, end: Any) -> Any:
    """Those of the times that come before the end."""
    t = _vector(t_eval)
    numbers = np.asarray(plain(t), float)
    sign = 1.0 if span[1] >= span[0] else -1.0
    if not (np.all(sign * numbers >= sign * span[0]) and np.all(sign * numbers <= sign * span[1])):
        raise ArgumentError("the times in t_eval are not within t_span", right="np.linspace(*t_span, 100)")
    if not np.all(sign * np.diff(numbers) > 0):
        raise ArgumentError("the times in t_eval go from the start of t_span to its end", right="np.unique(t_eval)")
    return t if end is None else t[: int(np.sum(sign * t <= sign * end))]


def _dense(right: Field, unknown: Unknown, start: Any, span: Any, args: Any, how: Integration) -> Callable[[Any], Any]:
    def sol(t: Any) -> Any:
        """The solution at any time or times."""
        times = _vector(t)
        path = trajectory(right, start, np.concatenate([span[:1], times]), args, how)[1:]
        tree = _times_last(states(unknown, path))
        return tree if shape_of(t) else map_leaves(lambda leaf: leaf[..., 0], tree)

    return sol
