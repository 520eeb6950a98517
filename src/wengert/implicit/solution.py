"""The solution x(a) of F(x, a) = 0 as a differentiable function of a, whoever has found it.

At the solution F(x(a), a) = 0 holds for all a, so ∂F/∂x · dx + ∂F/∂a · da = 0. That is the rule for x(a), and x in it
is x(a) again, which gives every higher order. How the solver came to x is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError, DegenerateError, ShapeError
from wengert.implicit.function import ConvergenceError, directional, real
from wengert.implicit.linear import METHODS, Iteration, condition_of, iterated
from wengert.implicit.vector import Unknown, precision, ravel, wide
from wengert.implicit.verified import verified
from wengert.transform.custom import Custom, applied
from wengert.transform.duality import plain
from wengert.transform.higher import jacobian
from wengert.transform.jvp import jvp
from wengert.transform.reverse import linearize
from wengert.transform.step import numbers

#: From the start and the arguments, plain numbers all of them, to the vector of the solution.
Solver = Callable[[Any, Sequence[Any]], Any]
_ROUGH, _FINE = 1e-3, 1e-6  # to which linear systems are solved for a check, and for a Newton step
_CHORD = 0.1  # of a simple root, a second step with the same matrix is far smaller than the first


class Matrix:
    """∂F/∂x at a point, formed."""

    def __init__(self, matrix: Any) -> None:
        self.matrix = np.asarray(matrix, float)
        self.condition = condition_of(self.matrix)

    def times(self, v: Any) -> Any:
        """∂F/∂x · v."""
        return self.matrix @ v

    def solve(self, r: Any) -> Any:
        """(∂F/∂x)⁻¹ · r."""
        if not self.condition < 2.0**50:
            raise DegenerateError(f"a matrix has condition number {self.condition:.2g}")
        return np.linalg.solve(self.matrix, r)


class Products:
    """∂F/∂x at a point by its products alone."""

    def __init__(self, times: Callable[[Any], Any], n: int, how: Iteration) -> None:
        self.times, self.n, self.how = times, n, how

    @property
    def condition(self) -> float:
        """The condition number as far as one direction shows it; infinite where the iteration does not converge."""
        way = direction(self.n)
        try:
            return float(np.linalg.norm(self.solve(way)) * np.linalg.norm(self.times(way)))
        except ConvergenceError:
            return np.inf

    def solve(self, r: Any) -> Any:
        """(∂F/∂x)⁻¹ · r."""
        return iterated(lambda: self.times, r, (), self.how)


def direction(n: int) -> Any:
    """A vector of length 1 that is nothing special to any matrix."""
    way = np.random.default_rng(1964).standard_normal(n)
    return way / np.linalg.norm(way)


def iteration(solver: str, options: dict[str, Any] | None, name: str, symmetric: bool = False) -> Iteration | None:
    """How the linear systems of the derivatives are solved; None for matrices that are formed."""
    if solver == "dense" and not options:
        return None
    given = {"tol": 1e-10, "steps": 10_000, **(options or {})}
    if solver not in METHODS or set(given) != {"tol", "steps"}:
        raise ArgumentError(
            f"{name} has no solver {solver!r} with options {sorted(options or {})}",
            right=" or ".join(f'solver="{m}"' for m in ("dense", *METHODS)) + '   and of those without a matrix '
            'solver_options={"tol": 1e-10, "steps": 1000}',
        )  # fmt: skip
    return Iteration(solver, given["tol"], given["steps"], name, symmetric)


class Equation:
    """F(x, *args) = 0 for the vector x; `f` is the user's, on trees, and `name` what the user called.

    `how`: the iteration that solves with ∂F/∂x by its products; None where the matrix is formed.
    """

    def __init__(self, f: Callable[..., Any], unknown: Unknown, name: str, how: Iteration | None = None) -> None:
        self.f, self.unknown, self.name, self.how = f, unknown, name, how
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

    def jacobian(self, x: Any, args: Sequence[Any], tol: float) -> Matrix | Products:
        """∂F/∂x, at plain numbers; without a matrix, systems are solved to `tol`."""
        if self.how is None:
            return Matrix(self.matrix(x, args))
        return Products(self.operator(x, args), len(self.unknown), self.how._replace(tol=tol))

    def operator(self, x: Any, args: Sequence[Any]) -> Callable[[Any], Any]:
        """The function v ↦ ∂F/∂x · v."""
        return linearize(lambda v: self.residual(v, args), x)[1]  # type: ignore[no-any-return]

    def once(self, x: Any, args: Sequence[Any], check: Callable[[Any, Sequence[Any]], Any]) -> Any:
        """What is found out at a solution, kept for the other directions that it is asked for there."""
        key = [x, *numbers(args)[0]]
        if self._held is None or len(self._held[0]) != len(key) or not all(map(_same, self._held[0], key)):
            self._held = key, check(x, args)
        return self._held[1]

    def system(self, x: Any, args: Sequence[Any]) -> Any:
        """∂F/∂x at the solution, checked; None where it is not formed."""
        matrix = self.matrix(x, args) if self.how is None else None
        leaves, rebuild = numbers(args)
        point, values = plain(x), rebuild([plain(leaf) for leaf in leaves])
        self.check(point, values, self.jacobian(point, values, _ROUGH) if matrix is None else Matrix(plain(matrix)))
        if matrix is None:
            return None
        return verified(matrix, [x, *leaves], lambda m, x, *held: self.check(x, rebuild(held), Matrix(m)))

    def check(self, x: Any, args: Sequence[Any], at: Matrix | Products) -> None:
        """Raise where x is no root, or a root at which the theorem says nothing."""
        eps = precision([x, args])
        condition = at.condition
        if not condition * eps < 1:
            raise self.degenerate(
                f"has condition number {condition:.2g}" if np.isfinite(condition) else
                "is singular" + ("" if self.how is None else f", or {self.how.method} does not converge")
            )  # fmt: skip
        x, args = np.asarray(x, float), wide(args)
        # A double root is known to √ε only, and within that distance the Jacobian is another one altogether.
        way, size = direction(x.size), float(np.linalg.norm(x))
        _, there = jvp(lambda v: self.residual(v, args), (x + eps**0.5 * size * way,), (way,))
        with np.errstate(all="ignore"):
            first = at.solve(plain(self.residual(x, args)))
            second = at.solve(plain(self.residual(x - first, args)))
            change = at.solve(there - at.times(way))
        if not np.linalg.norm(change) < _CHORD:
            raise self.degenerate("is singular there, as it is at a double root, or changes too fast")
        one, two = (float(np.linalg.norm(v)) for v in (first, second))
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
                try:
                    step = self.jacobian(x, args, _FINE).solve(residual)
                except (ConvergenceError, DegenerateError):
                    break
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
        matrix = self.once(vector, args, self.system)
        moved = directional(lambda *a: self.residual(vector, a), args, tangent[1])
        if moved is None:
            return None
        if self.how is None:
            return self.unknown.tree(-np.linalg.solve(matrix, moved))
        return self.unknown.tree(-iterated(lambda x, *args: self.operator(x, args), moved, (vector, *args), self.how))


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, (float, int, np.generic)) and bool(a == b))


def solved(equation: Equation, solver: Solver, start: Any, args: tuple[Any, ...]) -> Any:
    """The solution, in the structure and dtypes of the start, as a function of the arguments."""

    def solve(start: Any, args: tuple[Any, ...]) -> Any:
        return equation.unknown.result(solver(start, args))

    solve.__name__ = equation.name
    return applied(Custom(equation.name), solve, (equation.pushforward, None), (start, args), {})
