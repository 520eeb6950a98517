"""Solutions of equations: roots, fixed points, and those of a solver of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError, ShapeError, check_callable
from wengert.core.tree import structure
from wengert.implicit.function import ConvergenceError, closed, refuse_traced
from wengert.implicit.solution import Equation, iteration, solved
from wengert.implicit.vector import Unknown, ravel, wide


def root(
    f: Callable[..., Any],
    x0: Any,
    *args: Any,
    method: str | None = None,
    tol: float | None = None,
    options: dict[str, Any] | None = None,
    solver: str = "dense",
    solver_options: dict[str, Any] | None = None,
) -> Any:
    """The solution x of f(x, *args) = 0, as a function of args.

    dx = −(∂f/∂x)⁻¹ · ∂f/∂args · dargs at the solution, whatever steps led to it.

    **Arguments**: `f(x, *args)`, NumPy code that returns as many numbers as x has, in any structure; `x0`, where the
    search begins, a pytree of real numbers, of which x takes structure, shapes and dtypes; `args`, pytrees; `method`
    ("hybr", "krylov" without a matrix), `tol`, `options` as in `scipy.optimize.root`, which is given the exact Jacobian
    where the method takes one; `solver`: "dense", or for many unknowns one of the methods of `linear_solve` ("gmres"
    say), by which ∂f/∂x is used through its products ∂f/∂x·v and (∂f/∂x)ᵀ·v alone, in the Newton steps and in the
    derivatives; `solver_options`, its `tol` (1e-10, relative to the right-hand side) and
    `steps` (10000 products).
    **Returns**: x, differentiable with respect to args (and to traced values that f takes from outside) in every mode
    and to any order; with respect to x0 the derivative is zero.
    **Raises**: `ConvergenceError` with SciPy's message; `DegenerateError` where ∂f/∂x is singular at the solution and a
    derivative is asked for; `ShapeError` where the numbers of equations and unknowns differ.
    **Cost**: SciPy's evaluations and some Newton steps; a derivative costs ∂f/∂x (n passes for n unknowns) once, and
    for each direction one derivative of f and one solution of a linear system. Without a matrix: for the check at the
    solution and for each direction as many products as the iteration takes, and memory for some tens of vectors.

    >>> import wengert as wg
    >>> sqrt = lambda a: wg.implicit.root(lambda x, a: x * x - a, 1.0, a)
    >>> sqrt(4.0), wg.grad(sqrt)(4.0), wg.grad(wg.grad(sqrt))(4.0)
    (2.0, 0.25, -0.03125)

    **Source**: Krantz & Parks, *The Implicit Function Theorem* (2002); Griewank & Walther (2008), chapter 15; Blondel
    et al., "Efficient and modular implicit differentiation" (2022).
    """
    check_callable(f, "wg.implicit.root")
    unknown = Unknown(x0, "x0")
    how = iteration(solver, solver_options, "root")
    chosen = method or ("hybr" if how is None else "krylov")
    exact = chosen in ("hybr", "lm")
    if exact and how is not None:
        raise ArgumentError(f"root by {chosen} forms the matrix", wrong=f'method="{chosen}"', right='method="krylov"')
    f, args = closed(f, x0, args, "root")
    equation = Equation(f, unknown, "root", how)

    def find_root(start: Any, args: Sequence[Any]) -> Any:
        from scipy.optimize import root as find

        args = wide(args)
        begin = ravel(wide(start)).astype(float)
        with np.errstate(all="ignore"):
            found = find(
                lambda x: refuse_traced(equation.residual(x, args), "root"),
                begin,
                jac=(lambda x: equation.matrix(x, args)) if exact else None,
                method=chosen,
                tol=tol,
                options={"maxiter": 200, **(options or {})} if chosen == "krylov" else options,
            )
        x, step = equation.improved(found.x, args)
        settle(found.success, found.message, equation, x, step, begin, args)
        return x

    return solved(equation, find_root, x0, args)


def settle(success: bool, message: str, equation: Equation, x: Any, step: float, start: Any, args: Any) -> None:
    """Raise where a search has failed; not where it only says so, while Newton's method has arrived."""
    arrived = step <= 1e-9 * float(np.linalg.norm(x))
    if success and not arrived and np.all(np.isfinite(x)):  # SciPy's trf has been seen to say so at its start
        with np.errstate(all="ignore"):
            before, after = (float(np.linalg.norm(equation.residual(v, args))) for v in (start, x))
        if not (after <= 1e-4 * before or after <= 1e-8):
            success, message = False, "the search ends with success, but where it ends the equation does not hold"
    if not (np.all(np.isfinite(x)) and (success or arrived)):
        raise ConvergenceError(
            f"{equation.name} has not converged: {' '.join(str(message).split())}",
            right="another start, another method, or options for more steps; or there is no solution",
        )


def fixed_point(
    f: Callable[..., Any], x0: Any, *args: Any, method: str = "del2", tol: float = 1e-10, steps: int = 500
) -> Any:
    """The solution x of x = f(x, *args), found by iteration, as a function of args.

    dx = (I − ∂f/∂x)⁻¹ · ∂f/∂args · dargs.

    **Arguments**: `f(x, *args)`, NumPy code whose result is like x; `x0`, `args` as in `root`; `method`, "del2"
    (Aitken's acceleration: Steffensen's method) or "iteration", and `tol`, `steps` as `xtol`, `maxiter` in
    `scipy.optimize.fixed_point`.
    **Returns**, **Raises**, **Cost**: as `root`. Newton steps follow the iteration, so that the derivatives are exact.

    >>> import numpy as np, wengert as wg
    >>> round(wg.implicit.fixed_point(np.cos, 1.0), 12)
    0.739085133215
    >>> f = lambda a: wg.implicit.fixed_point(lambda x, a: np.cos(a * x), 1.0, a)
    >>> round(wg.grad(f)(1.0), 12)
    -0.29747434151

    **Source**: as `root`; Christianson, "Reverse accumulation and attractive fixed points" (1994).
    """
    check_callable(f, "wg.implicit.fixed_point")
    unknown = Unknown(x0, "x0")
    f, args = closed(f, x0, args, "fixed_point")

    def residual(x: Any, *args: Any) -> Any:
        value = f(x, *args)
        if structure(value) != structure(x) or ravel(value).shape != ravel(x).shape:
            raise ShapeError(
                "the function of fixed_point returned something else than it was given: "
                f"{structure(value)} for {structure(x)}",
                right="a function whose result is like x0",
            )
        return ravel(x) - ravel(value)

    equation = Equation(residual, unknown, "fixed_point")

    def solver(start: Any, args: Sequence[Any]) -> Any:
        from scipy.optimize import fixed_point as iterate

        args = wide(args)
        begin = ravel(wide(start)).astype(float)
        try:
            with np.errstate(all="ignore"):
                found = iterate(
                    lambda x: refuse_traced(x - equation.residual(x, args), "fixed_point"),
                    begin, xtol=tol, maxiter=steps, method=method,
                )  # fmt: skip
        except RuntimeError as error:
            settle(False, str(error), equation, begin, np.inf, begin, args)
        x, step = equation.improved(found, args)
        settle(bool(np.all(np.isfinite(found))), "the numbers have become infinite", equation, x, step, begin, args)
        return x

    return solved(equation, solver, x0, args)


def custom(solver: Callable[..., Any], residual: Callable[..., Any]) -> Callable[..., Any]:
    """A solver of the user's own, differentiable by the equation that its results satisfy: residual(x, *args) = 0.

    dx = −(∂residual/∂x)⁻¹ · ∂residual/∂args · dargs.

    **Arguments**: `solver(x0, *args)`, any Python function, which may call C or Fortran code: it gets plain numbers and
    returns x, like x0; `residual(x, *args)`, NumPy code that returns as many numbers as x has. Of a minimum of F it is
    the gradient, `wg.grad(F)`.
    **Returns**: a function `(x0, *args)` with the solver's results, differentiable with respect to args.
    **Raises**: what the solver raises; where a derivative is asked for, `ConvergenceError` if the result is no solution
    (a Newton step moves it by more than √ε) and `DegenerateError` as `root`.
    **Cost**: of a derivative as `root`. The derivative is as accurate as the solution.

    >>> import math, wengert as wg
    >>> log = wg.implicit.custom(lambda x0, a: math.log(a), lambda x, a: np.exp(x) - a)
    >>> import numpy as np
    >>> round(wg.grad(log, argnums=1)(0.0, 4.0), 12)
    0.25

    **Source**: as `root`.
    """
    check_callable(solver, "wg.implicit.custom")
    check_callable(residual, "wg.implicit.custom")
    name = getattr(solver, "__name__", "custom")

    def call(x0: Any, *args: Any) -> Any:
        unknown = Unknown(x0, "x0")
        f, given = closed(residual, x0, args, "custom")
        outside = len(given) - len(args)  # what the residual uses from outside is not the solver's

        def found(start: Any, args: Sequence[Any]) -> Any:
            x = solver(start, *args[outside:])
            if structure(x) != structure(start) or ravel(x).shape != (len(unknown),):
                raise ShapeError(
                    f"the solver {name} returned something unlike x0: {structure(x)} with {ravel(x).size} numbers for "
                    f"{structure(start)} with {len(unknown)}"
                )
            return np.asarray(ravel(x), float)

        return solved(Equation(f, unknown, name), found, x0, given)

    call.__name__ = name
    return call
