"""Events along a trajectory: the times t* at which g(t*, y(t*)) = 0, as functions of all that y depends on.

SciPy says where they are, which has no derivative. From there the equation g(t*, φ(t*)) = 0, with the flow φ through
the state at that place, is an implicit function like any other; as the place is the solution, φ runs over no time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.errors import ArgumentError, ShapeError, check_callable
from wengert.implicit.field import Field
from wengert.implicit.function import ConvergenceError, closed, real, refuse_traced
from wengert.implicit.solution import Equation, solved
from wengert.implicit.trajectory import Integration, searched, trajectory
from wengert.implicit.vector import Unknown, ravel, wide
from wengert.transform.custom import Custom, applied
from wengert.transform.duality import plain
from wengert.transform.step import numbers

_BRENTQ = ("Failed to converge after", "f(a) and f(b) must have different signs")
_NEAR = 1e-4  # of the whole time: what is farther from SciPy's event is another one


class Event(NamedTuple):
    """One of the user's functions g(t, y, *args), and SciPy's attributes of it."""

    g: Callable[..., Any]
    args: tuple[Any, ...]
    terminal: int
    direction: float


def event_of(g: Callable[..., Any], t: Any, y0: Any, args: tuple[Any, ...], name: str) -> Event:
    """The event of a function, on vectors, with what it uses from outside among its arguments."""
    check_callable(g, f"wg.implicit.{name}")
    unknown = Unknown(y0, "y0")
    whole, args = closed(lambda at, *args: g(*at, *args), (t, y0), args, name)

    def value(t: Any, y: Any, args: Any) -> Any:
        found = real(ravel(whole((t, unknown.tree(y)), *args)), name)
        if found.shape != (1,):
            raise ShapeError(
                f"an event of {name} returned {found.shape[0]} numbers",
                right="one number, which changes its sign; or a list of events",
            )
        return found

    terminal = getattr(g, "terminal", None) or 0
    if int(terminal) != terminal or terminal < 0:
        raise ArgumentError("an event's terminal is a truth value or a number of times", right="g.terminal = True")
    return Event(value, args, int(terminal), float(getattr(g, "direction", 0) or 0))


class Watch:
    """The whole integration by SciPy with plain numbers, done again only for other ones."""

    def __init__(self, field: Field, events: Sequence[Event], how: Integration) -> None:
        self.field, self.events, self.how = field, events, how
        self.key: list[Any] = []
        self.last: Any = None

    def found(self, y0: Any, span: Any, args: Any, given: Sequence[Any]) -> Any:
        """SciPy's result, and as `last_event` the number of the event that has ended it, or -1."""
        key = [np.array(v) for v in numbers((y0, span, args, given))[0]]
        if len(key) == len(self.key) and all(map(np.array_equal, key, self.key)):
            return self.last
        wider = wide(list(given))
        functions = [self._scipys(event, own) for event, own in zip(self.events, wider, strict=True)]
        start, times = np.asarray(wide(y0), float), (float(span[0]), float(span[1]))
        try:
            found = searched(self.field, start, times, wide(args), self.how, events=functions)
        except (RuntimeError, ValueError) as error:
            if not str(error).startswith(_BRENTQ):
                raise
            raise ConvergenceError(
                f"an event of {self.how.name} changes its sign, but SciPy has not found out where: {error}",
                right="max_step=…   or an event that crosses zero with a slope",
            ) from error
        ends = [abs(times[-1] - span[0]) if len(times) else -1.0 for times in found.t_events or []]
        found.last_event = int(np.argmax(ends)) if found.status == 1 else -1
        self.key, self.last = key, found
        return found

    def _scipys(self, event: Event, args: Any) -> Callable[..., Any]:
        def g(t: float, y: Any) -> float:
            return float(refuse_traced(event.g(t, y, args), self.how.name)[0])

        g.terminal, g.direction = event.terminal, event.direction  # type: ignore[attr-defined]
        return g

    def counts(self, y0: Any, span: Any, args: Any) -> tuple[list[int], int]:
        """How often each event occurs, and which has ended the integration. A program that is compiled asks again."""

        def count(y0: Any, span: Any, args: Any, given: Any) -> Any:
            found = self.found(y0, span, args, given)
            return np.array([*[len(times) for times in found.t_events], found.last_event])

        found = self._applied(count, y0, span, args)
        *counts, last = [int(found[k]) for k in range(len(self.events) + 1)]
        return counts, last

    def places(self, y0: Any, span: Any, args: Any) -> Any:
        """Where the events are, one after the other, without a derivative."""

        def place(y0: Any, span: Any, args: Any, given: Any) -> Any:
            return np.concatenate(self.found(y0, span, args, given).t_events)

        return self._applied(place, y0, span, args)

    def _applied(self, f: Callable[..., Any], y0: Any, span: Any, args: Any) -> Any:
        f.__name__ = self.how.name
        given = tuple(event.args for event in self.events)
        return applied(Custom(self.how.name), f, (_constant, _constant), (y0, span, args, given), {})

    def time(self, event: Event, place: Any, state: Any, args: Any, scale: float) -> Any:
        """The time t* of an event near a place at which the state is known, with its derivatives."""
        near = self.how._replace(method="DOP853")  # over next to no time nothing is stiff

        def value(t: Any, place: Any, state: Any, args: Any, given: Any) -> Any:
            return event.g(t, trajectory(self.field, state, np.stack([place, t]), args, near)[1], given)

        equation = Equation(value, Unknown(0.0, "t"), f"an event of {self.how.name}")

        def solver(start: Any, args: Sequence[Any]) -> Any:
            begin = np.array([float(args[0])])
            found, _ = equation.improved(begin, args)
            return found if abs(found - begin)[0] <= _NEAR * scale else begin

        return solved(equation, solver, 0.0, (place, state, args, event.args))


def _constant(*args: Any) -> None:
    return None


def occurrences(
    watch: Watch, y0: Any, span: Any, args: tuple[Any, ...]
) -> tuple[list[list[Any]], list[list[Any]], Any, int]:
    """Times and states of every event, the time of the one that has ended the integration, and its number or -1."""
    counts, last = watch.counts(y0, span, args)
    total = sum(counts)
    if not total:
        return [[] for _ in counts], [[] for _ in counts], None, -1
    places = watch.places(y0, span, args)
    scale = abs(float(plain(span[1])) - float(plain(span[0])))
    found = trajectory(watch.field, y0, np.concatenate([np.reshape(span[0], (1,)), places]), args, watch.how)
    times: list[list[Any]] = []
    states: list[list[Any]] = []
    k = 1
    for event, count in zip(watch.events, counts, strict=True):
        times.append([])
        states.append([])
        for _ in range(count):
            place, state = places[k - 1], found[k]
            t = watch.time(event, place, state, args, scale)
            near = watch.how._replace(method="DOP853")
            times[-1].append(t)
            states[-1].append(trajectory(watch.field, state, np.stack([place, t]), args, near)[1])
            k += 1
    return times, states, times[last][-1] if last >= 0 else None, last
