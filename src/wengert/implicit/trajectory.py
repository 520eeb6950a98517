"""Ordinary differential equations: solutions that are differentiable by the start, the times and the parameters.

Both rules are differential equations themselves, solved by the same function; so every order follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.errors import ArgumentError, ShapeError, check_callable
from wengert.implicit.field import Field, Parameters, vector_field, with_cotangent, with_sensitivities, with_tangent
from wengert.implicit.function import ConvergenceError, refuse_traced
from wengert.implicit.vector import Unknown, ravel, wide
from wengert.transform.custom import Custom, applied
from wengert.transform.duality import plain

_METHODS = ("DOP853", "RK45", "RK23", "Radau", "BDF", "LSODA")
_IMPLICIT = ("Radau", "BDF", "LSODA")
_DRIFT = 1e3  # times the tolerance: how far the solution may be off where it has been followed back


class Integration(NamedTuple):
    """How a differential equation is solved, and which way its cotangents are."""

    method: str
    rtol: float
    atol: float
    sensitivity: str
    name: str = "odeint"  # what the user called
    max_step: float = np.inf
    limit: float = np.inf  # evaluations, after which it is given up


class TooLong(Exception):
    """An integration has come to its limit."""


def odeint(
    f: Callable[..., Any],
    y0: Any,
    t: Any,
    *args: Any,
    method: str = "DOP853",
    rtol: float = 1e-9,
    atol: float = 1e-9,
    sensitivity: str = "adjoint",
) -> Any:
    """The solution of dy/dt = f(y, t, *args), y(t₀) = y0, at the times t, as a function of y0, t and args.

    Forward: ds/dt = ∂f/∂y · s + ∂f/∂args · dargs. Backward: dλ/dt = −(∂f/∂y)ᵀλ, and dargs gets ∫ (∂f/∂args)ᵀλ dt.

    **Arguments**: `f(y, t, *args)`, NumPy code that returns what is like y; `y0`, a pytree of real numbers; `t`, a
    vector of times, ascending or descending, the first of which is that of y0; `args`, pytrees; `method`, `rtol`,
    `atol` as in `scipy.integrate.solve_ivp` ("Radau", "BDF", "LSODA" for stiff equations get the exact Jacobian);
    `sensitivity`: how reverse mode computes, "adjoint" (backward in time) or "forward" (one sensitivity for each
    number in y0 and args, which a stiff equation needs, and which is cheaper for few numbers).
    **Returns**: a tree like y0, each leaf with the times as its first axis. The derivatives are those of the exact
    solution, to the tolerance, in every mode and to any order, where f is continuous along it; where f jumps, at a
    place that depends on y, use an event of `solve_ivp` and start again.
    **Raises**: `ConvergenceError` with SciPy's message, and where the adjoint loses the solution on its way back;
    `ShapeError` where f returns something unlike y; `ArgumentError` for times that are not in order.
    **Cost**: a derivative integrates twice as many equations forward (for all directions one by one), or 2n + p of them
    backward for n numbers in y0 and p in args; memory for the solution at the times t only.

    >>> import numpy as np, wengert as wg
    >>> end = lambda k: wg.implicit.odeint(lambda y, t, k: -k * y, 1.0, np.array([0.0, 2.0]), k)[-1]
    >>> round(wg.grad(end)(0.5), 8)  # −2·exp(−1)
    -0.73575888

    **Source**: Pontryagin et al. (1962); Chen et al., "Neural ordinary differential equations" (2018); Hairer, Nørsett
    & Wanner, *Solving Ordinary Differential Equations I* (1993), I.14.
    """
    check_callable(f, "wg.implicit.odeint")
    if isinstance(t, (list, tuple, range)):
        t = np.stack(list(t)) if len(t) else np.zeros(0)
    how = known(Integration(method, rtol, atol, sensitivity))
    times = plain(t)
    if shape_of(times) == () or np.ndim(times) != 1 or len(times) == 0:
        raise ShapeError("the times of odeint are a vector", wrong="odeint(f, y0, 1.0)",
                         right="odeint(f, y0, np.array([0.0, 1.0]))")  # fmt: skip
    steps = np.diff(np.asarray(times, float))
    if not (np.all(steps > 0) or np.all(steps < 0)):
        raise ArgumentError("the times of odeint ascend or descend", right="np.unique(t)")
    unknown = Unknown(y0, "y0")
    field, args = vector_field(lambda at, *args: f(*at, *args), y0, t[0], args, how.name)
    return states(unknown, trajectory(field, ravel(y0) * 1.0, t, args, how))


def known(how: Integration) -> Integration:
    """The same, checked."""
    for name, given, choice in (
        ("method", how.method, _METHODS), ("sensitivity", how.sensitivity, ("adjoint", "forward"))
    ):  # fmt: skip
        if given not in choice:
            raise ArgumentError(f"there is no {name} {given!r}", right=" or ".join(f'{name}="{k}"' for k in choice))
    for name, value in (("rtol", how.rtol), ("atol", how.atol), ("max_step", how.max_step)):
        if not isinstance(value, (int, float, np.number)) or not value > 0:
            raise ArgumentError(f"{name} of {how.name} is a positive number, not {value!r}", right=f"{name}=1e-9")
    return how


def states(unknown: Unknown, path: Any) -> Any:
    """The tree of a path of vectors, each leaf with the times as its first axis."""
    parts, start = [], 0
    for aval, size in zip(unknown.avals, unknown.sizes, strict=True):
        part = np.reshape(path[:, start : start + size], (shape_of(path)[0], *aval.shape))
        parts.append(part if part.dtype == aval.dtype else part.astype(aval.dtype))
        start += size
    return unknown.rebuild(parts)


def trajectory(
    field: Field, y0: Any, t: Any, args: tuple[Any, ...], how: Integration, noted: Callable[[Any], object] = id
) -> Any:
    """The solution at the times, of shape times × numbers, as one operation; SciPy's own result goes to `noted`.

    The first time is that of y0; the others are all later or all earlier, or that one again.
    """
    spent = 0

    def solve(y0: Any, t: Any, args: tuple[Any, ...]) -> Any:
        nonlocal spent
        path, found = integrate(field, np.asarray(wide(y0), float), np.asarray(t, float), wide(args), how)
        spent = found.nfev
        noted(found)
        return path

    def pushforward(tangent: Any, path: Any, y0: Any, t: Any, args: tuple[Any, ...]) -> Any:
        dy0, dt, dargs = tangent
        n = shape_of(y0)[0]
        both = field.once("tangent", lambda: with_tangent(field))
        dy0 = dy0 - field(y0, t[0], args) * dt[0]  # a later start has less of the way behind it
        found = trajectory(both, np.concatenate([y0 * 1.0, dy0]), t, (args, dargs), how)[:, n:]
        return found + slopes(field, path, t, args) * dt[:, None]

    def pullback(ct: Any, path: Any, y0: Any, t: Any, args: tuple[Any, ...]) -> Any:
        rule = adjoint if how.sensitivity == "adjoint" else by_sensitivities
        bounded = how._replace(limit=20 * spent + 1000) if rule is adjoint else how
        state, back = rule(field, ct, path, t, args, bounded)
        along = np.sum(slopes(field, path, t, args) * ct, axis=1)
        first = np.sum(field(path[0], t[0], args) * state)  # y(t₀) itself is y0 whatever t₀ is
        by_time = along - np.concatenate([np.reshape(first, (1,)), np.zeros(len(along) - 1)])
        return state, by_time, back

    solve.__name__ = how.name
    return applied(Custom(how.name), solve, (pushforward, pullback), (y0, t, args), {})


def integrate(field: Field, y0: Any, t: Any, args: Any, how: Integration) -> tuple[Any, Any]:
    """The solution of plain numbers at the times, and what SciPy has to say of it."""
    from scipy.optimize import OptimizeResult

    if np.min(t) < t[0] < np.max(t):
        raise ArgumentError(f"the times of {how.name} are on both sides of the time of y0", right="two integrations")
    sign = 1.0 if np.max(t) > t[0] else -1.0
    times, places = np.unique(sign * t, return_inverse=True)
    if len(times) == 1:
        return np.repeat(y0[None], len(t), 0), OptimizeResult(nfev=0, njev=0, nlu=0, status=0, message="")
    found = searched(field, y0, (t[0], sign * times[-1]), args, how, t_eval=sign * times[1:])
    if found.y.shape[1] != len(times) - 1 or not np.all(np.isfinite(found.y)):
        raise _astray(how, "comes to infinite numbers") if np.isfinite(how.limit) else _failed(found, t, how)
    return np.concatenate([y0[None], found.y.T])[places], found


def searched(field: Field, y0: Any, span: tuple[float, float], args: Any, how: Integration, **given: Any) -> Any:
    """What SciPy finds, with plain numbers and the exact Jacobian; raises where it fails."""
    from scipy.integrate import solve_ivp

    spent = 0

    at = field.at(args)

    def slope(t: float, y: Any) -> Any:
        nonlocal spent
        spent += 1
        if spent > how.limit:
            raise TooLong
        return refuse_traced(at(y, t), how.name)

    if how.method in _IMPLICIT:
        matrix = field.matrix(args, y0, np.float64(span[0]), how.name)
        given["jac"] = lambda t, y: np.asarray(matrix(y, t))
    try:
        with np.errstate(all="ignore"):
            if not all(np.all(np.isfinite(v)) for v in (span, y0, slope(span[0], y0))):  # SciPy would never return
                raise ConvergenceError(
                    f"the times of {how.name}, the start, or dy/dt there are not finite: "
                    f"t from {span[0]:g} to {span[1]:g}",
                    right="finite times and a start at which f is defined",
                )
            spent = 0
            found = solve_ivp(
                slope, span, y0, method=how.method, rtol=how.rtol, atol=how.atol, max_step=how.max_step, **given
            )
    except TooLong:
        raise _astray(how, "takes far more steps") from None
    if not found.success or not np.all(np.isfinite(found.y)):
        raise _astray(how, "comes to infinite numbers") if np.isfinite(how.limit) else _failed(found, span, how)
    return found


def _failed(found: Any, t: Any, how: Integration) -> ConvergenceError:
    return ConvergenceError(
        f"{how.name} by {how.method} has not come from t = {t[0]:g} to {t[-1]:g}: {found.message}",
        right='method="Radau" for a stiff equation; or its solution ends there',
    )


def _astray(how: Integration, what: str) -> ConvergenceError:
    return ConvergenceError(
        f"the adjoint of {how.name} {what} on its way back in time: what decays forwards grows backwards",
        right=f'{how.name}(…, sensitivity="forward")   or more times t, at each of which it starts again',
    )


def slopes(field: Field, path: Any, t: Any, args: Any) -> Any:
    """The dy/dt at each of the times."""
    return np.stack([field(path[i], t[i], args) for i in range(shape_of(path)[0])])


def adjoint(field: Field, ct: Any, path: Any, t: Any, args: Any, how: Integration) -> tuple[Any, Any]:
    """The cotangents of y0 and of the arguments, from an integration backwards, from one of the times to the next."""
    count, n = shape_of(path)
    parameters = Parameters(args)

    back = field.once("adjoint", lambda: with_cotangent(field))
    state, total = ct[count - 1], np.zeros(sum(parameters.sizes))
    for i in range(count - 1, 0, -1):
        begin = np.concatenate([path[i], state, total])
        end = trajectory(back, begin, np.stack([t[i], t[i - 1]]), args, how)[1]
        _check_drift(plain(end[:n]), plain(path[i - 1]), how)
        state, total = end[n : 2 * n] + ct[i - 1], end[2 * n :]
    return state, parameters.tree(total)


def by_sensitivities(field: Field, ct: Any, path: Any, t: Any, args: Any, how: Integration) -> tuple[Any, Any]:
    """The same from the sensitivities by every number, S′ = ∂f/∂y · S + ∂f/∂args, integrated forwards."""
    count, n = shape_of(path)
    parameters = Parameters(args)
    p = sum(parameters.sizes)

    whole = field.once(("sensitivities", n), lambda: with_sensitivities(field, n))
    begin = np.concatenate([path[0], np.reshape(np.eye(n, n + p), (-1,))])
    s = np.reshape(trajectory(whole, begin, t, args, how)[:, n:], (count, n, n + p))
    back = np.einsum("ti,tij->j", ct, s)
    return back[:n], parameters.tree(back[n:])


def _check_drift(found: Any, known: Any, how: Integration) -> None:
    off = np.abs(np.asarray(found) - np.asarray(known))
    if not np.all(off <= _DRIFT * (how.atol + how.rtol * np.max(np.abs(known), initial=0.0))):
        raise _astray(how, f"loses the solution, by {np.max(off):.2g},")
