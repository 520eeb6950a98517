"""The solution x(a) of F(x, a) = 0 as a differentiable function of a, whoever has found it.

At the solution F(x(a), a) = 0 holds for all a, so ∂F/∂x · dx + ∂F/∂a · da = 0. That is the rule for x(a), and x in it
is x(a) again, which gives every higher order. How the solver came to x is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError, DegenerateError, ShapeError, WengertError
from wengert.core.tracer import Tracer, run
from wengert.core.tree import flatten
from wengert.implicit.vector import Unknown, precision, ravel, wide
from wengert.transform.custom import Custom, applied
from wengert.transform.derived import TangentLevel
from wengert.transform.duality import levels_of, plain
from wengert.transform.forward import ForwardTracer
from wengert.transform.higher import jacobian
from wengert.transform.jvp import jvp
from wengert.transform.step import numbers, recorded_call

#: From the start and the arguments, plain numbers all of them, to the vector of the solution.
Solver = Callable[[Any, Sequence[Any]], Any]
_CHORD = 0.1  # of a simple root, a second step with the same matrix is far smaller than the first


class ConvergenceError(WengertError, ArithmeticError):
    """A solver has not found a solution, so there is nothing to be differentiated."""


class Equation:
    """F(x, *args) = 0 for the vector x; `f` is the user's, on trees, and `name` what the user called."""

    def __init__(self, f: Callable[..., Any], unknown: Unknown, name: str) -> None:
        self.f, self.unknown, self.name = f, unknown, name
        self._held: tuple[list[Any], Any] | None = None

    def residual(self, x: Any, args: Sequence[Any]) -> Any:
        """F as a vector."""
        value = real(ravel(self.f(self.unknown.tree(x), *args)), self.name)
        if value.shape != (len(self.unknown),):
            raise ShapeError(
                f"{self.name} has {len(self.unknown)} unknowns and {value.shape[0]} equations",
                wrong=f"wg.implicit.{self.name}(f, x0)",
                right="wg.implicit.least_squares(f, x0), where there are more equations than unknowns",
            )
        return value

    def matrix(self, x: Any, args: Sequence[Any]) -> Any:
        """∂F/∂x."""
        return jacobian(lambda v: self.residual(v, args), mode="forward")(x)

    def system(self, x: Any, args: Sequence[Any]) -> Any:
        """∂F/∂x at the solution, checked, and kept for the other directions that it is asked for there."""
        key = [x, *numbers(args)[0]]
        if self._held is not None and len(self._held[0]) == len(key) and all(map(_same, self._held[0], key)):
            return self._held[1]
        matrix = self.matrix(x, args)
        leaves, rebuild = numbers(args)
        self.check(plain(x), rebuild([plain(leaf) for leaf in leaves]), plain(matrix))
        self._held = key, matrix
        return matrix

    def check(self, x: Any, args: Sequence[Any], matrix: Any) -> None:
        """Raise where x is no root, or a root at which the theorem says nothing."""
        eps = precision([x, args])
        condition = condition_of(matrix)
        if not condition * eps < 1:
            raise self.degenerate(f"has condition number {condition:.2g}")
        matrix, x, args = np.asarray(matrix, float), np.asarray(x, float), wide(args)
        with np.errstate(all="ignore"):
            first = np.linalg.solve(matrix, plain(self.residual(x, args)))
            second = np.linalg.solve(matrix, plain(self.residual(x - first, args)))
        one, two, size = (float(np.linalg.norm(v)) for v in (first, second, x))
        # A double root is known to √ε only, and within that distance the Jacobian is another one altogether.
        way = np.random.default_rng(1964).standard_normal(x.size)
        near = x + eps**0.5 * size * way / np.linalg.norm(way)
        _, there = jvp(lambda v: self.residual(v, args), (near,), (way,))
        if not np.linalg.norm(np.linalg.solve(matrix, there - matrix @ way)) < _CHORD * np.linalg.norm(way):
            raise self.degenerate("is singular there, as it is at a double root, or changes too fast")
        noise = 100 * eps * condition * size + np.finfo(float).tiny
        if one <= noise:
            return
        if two > noise and two >= _CHORD * one:
            raise self.degenerate("is singular there, as it is at a double root (or x is no root)")
        if not one <= eps**0.5 * max(size, 1.0):
            raise ConvergenceError(
                f"what {self.name} has found is not a solution: a Newton step from there still moves it by {one:.2g}",
                right="a solver with a smaller tolerance",
            )

    def degenerate(self, why: str) -> DegenerateError:
        """The error for a Jacobian without an inverse."""
        return DegenerateError(
            f"the solution of {self.name} has no derivative by the implicit function theorem: the Jacobian by the "
            f"unknowns {why}",
            right="another start or other arguments, for which the solution is isolated and simple",
        )

    def improved(self, x: Any, args: Sequence[Any], steps: int = 5) -> tuple[Any, float]:
        """The solution after Newton steps, for as long as they get shorter, and the length of the last one.

        What is left of the error of x is in every derivative, too.
        """
        length = np.inf
        with np.errstate(all="ignore"):
            residual = self.residual(x, args)
            for _ in range(steps):
                matrix = self.matrix(x, args)
                if not condition_of(matrix) < 2.0**50:
                    break
                step = np.linalg.solve(matrix, residual)
                trial, now = x - step, float(np.linalg.norm(step))
                after = self.residual(trial, args)
                if not (now < 0.5 * length and np.linalg.norm(after) <= np.linalg.norm(residual)):
                    return x, now
                x, residual, length = trial, after, now
                if now <= 2.0**-50 * float(np.linalg.norm(x)):
                    break
        return x, length

    def pushforward(self, tangent: Any, x: Any, start: Any, args: Any) -> Any:
        """−(∂F/∂x)⁻¹ · ∂F/∂a · da."""
        vector = ravel(x)
        matrix = self.system(vector, args)
        moved = directional(lambda *a: self.residual(vector, a), args, tangent[1])
        if moved is None:
            return None
        return self.unknown.tree(-np.linalg.solve(matrix, moved))


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, (float, int, np.generic)) and bool(a == b))


def condition_of(matrix: Any) -> float:
    """The condition number of a square matrix in the 1-norm; infinite where it is singular or not finite."""
    from scipy.linalg import lapack

    if not np.all(np.isfinite(matrix)):
        return np.inf
    if not matrix.size:
        return 1.0
    if np.iscomplexobj(matrix):
        return float(np.linalg.cond(matrix))
    matrix = np.asarray(matrix, float)
    factors, _, info = lapack.dgetrf(matrix)
    if info:
        return np.inf
    inverse, _ = lapack.dgecon(factors, np.linalg.norm(matrix, 1))
    return 1 / float(inverse) if inverse else np.inf


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


def solved(equation: Equation, solver: Solver, start: Any, args: tuple[Any, ...]) -> Any:
    """The solution, in the structure and dtypes of the start, as a function of the arguments."""

    def solve(start: Any, args: tuple[Any, ...]) -> Any:
        return equation.unknown.result(solver(start, args))

    solve.__name__ = equation.name
    return applied(Custom(equation.name), solve, (equation.pushforward, None), (start, args), {})


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
