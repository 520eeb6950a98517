"""Minima, differentiable by the equation that the gradient vanishes there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.errors import ShapeError, check_callable
from wengert.implicit.equation import settle
from wengert.implicit.solution import ConvergenceError, Equation, closed, refuse_traced, solved
from wengert.implicit.vector import Unknown, ravel, wide
from wengert.transform.higher import jacobian
from wengert.transform.reverse import grad, value_and_grad, vjp

_VALUES_ONLY = {"nelder-mead", "powell", "cobyla", "cobyqa"}
_WITH_HESSIAN = {"newton-cg", "dogleg", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr"}


def minimize(
    f: Callable[..., Any],
    x0: Any,
    *args: Any,
    method: str = "trust-exact",
    tol: float | None = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """The x at which f(x, *args) has a local minimum, as a function of args.

    There ∂f/∂x = 0, so dx = −(∂²f/∂x²)⁻¹ · ∂²f/∂x∂args · dargs.

    **Arguments**: `f(x, *args)`, NumPy code that returns one number; `x0`, where the search begins, a pytree of real
    numbers, of which x takes structure, shapes and dtypes; `args`, pytrees; `method`, `tol`, `options` as in
    `scipy.optimize.minimize`, which is given the exact gradient and Hessian where the method takes them. Bounds and
    constraints are not taken: where one holds with equality, another equation holds.
    **Returns**: x, differentiable as the result of `root` is. The value of the minimum is `f(x, *args)`.
    **Raises**: `ConvergenceError` with SciPy's message, also where the search ends at a stationary point that is no
    minimum; `DegenerateError` where the Hessian is singular at the minimum and a derivative is asked for.
    **Cost**: SciPy's evaluations and some Newton steps; a derivative costs the Hessian once, and for each direction a
    mixed second derivative and the solution of a linear system.

    >>> import numpy as np, wengert as wg
    >>> mean = lambda data: wg.implicit.minimize(lambda m, data: np.sum((data - m) ** 2), 0.0, data)
    >>> wg.grad(mean)(np.array([1.0, 2.0, 6.0]))
    array([0.33333333, 0.33333333, 0.33333333])

    **Source**: Gould et al., "On differentiating parameterized argmin and argmax problems" (2016); as `root`.
    """
    check_callable(f, "wg.implicit.minimize")
    unknown = Unknown(x0, "x0")
    f, args = closed(f, x0, args, "minimize")
    equation = Equation(grad(f), unknown, "minimize")

    def solver(start: Any, args: Sequence[Any]) -> Any:
        from scipy.optimize import minimize as search

        args = wide(args)

        def both(x: Any) -> tuple[float, Any]:
            value, gradient = value_and_grad(lambda v: f(unknown.tree(v), *args))(x)
            return float(refuse_traced(value, "minimize")), gradient

        name = method.lower()
        slopes, begin = name not in _VALUES_ONLY, ravel(wide(start)).astype(float)
        with np.errstate(all="ignore"):
            found = search(
                both if slopes else lambda x: both(x)[0],
                begin,
                jac=True if slopes else None,
                hess=(lambda x: finite(equation.matrix(x, args), "minimize")) if name in _WITH_HESSIAN else None,
                method=method,
                tol=tol,
                options=options,
            )
        return arrived(equation, found, begin, args)

    return solved(equation, solver, x0, args)


def least_squares(
    f: Callable[..., Any], x0: Any, *args: Any, method: str | None = None, options: dict[str, Any] | None = None
) -> Any:
    """The x that minimizes ½‖f(x, *args)‖², as a function of args.

    There Jᵀf = 0 for J = ∂f/∂x, and dx = −(JᵀJ + Σ fᵢ·∂²fᵢ/∂x²)⁻¹ · ∂(Jᵀf)/∂args · dargs: the second derivatives of f
    are part of it, which Gauss and Newton's method leaves out.

    **Arguments**: `f(x, *args)`, NumPy code that returns the residuals, a pytree of numbers and arrays; `x0`, `args` as
    in `minimize`; `method` ("trf", of fewer residuals than unknowns "dogbox") and `options` (further keywords) as in
    `scipy.optimize.least_squares`, which is given the exact Jacobian.
    **Returns**: x, differentiable as the result of `root` is.
    **Raises**: `ConvergenceError` with SciPy's message; `DegenerateError` where the minimum is not isolated (fewer
    residuals than unknowns, say) and a derivative is asked for; `ShapeError` where f returns no numbers.
    **Cost**: as `minimize`.

    >>> import numpy as np, wengert as wg
    >>> t = np.array([0.0, 1.0, 2.0])
    >>> line = lambda y: wg.implicit.least_squares(lambda p, y: p[0] + p[1] * t - y, np.zeros(2), y)
    >>> np.round(wg.jacobian(line)(np.array([1.0, 3.0, 4.0])), 6) + 0.0
    array([[ 0.833333,  0.333333, -0.166667],
           [-0.5     ,  0.      ,  0.5     ]])

    **Source**: Nocedal & Wright, *Numerical Optimization* (2006), chapter 10; as `minimize`.
    """
    check_callable(f, "wg.implicit.least_squares")
    unknown = Unknown(x0, "x0")
    f, args = closed(f, x0, args, "least_squares")

    def gradient(x: Any, *args: Any) -> Any:
        value, pull = vjp(lambda v: ravel(f(v, *args)), x)
        return pull(value)[0]

    equation = Equation(gradient, unknown, "least_squares")

    def solver(start: Any, args: Sequence[Any]) -> Any:
        from scipy.optimize import least_squares as search

        args = wide(args)

        def residuals(x: Any) -> Any:
            value = refuse_traced(ravel(f(unknown.tree(x), *args)), "least_squares")
            if not value.size:
                raise ShapeError("the function of least_squares returned no residuals")
            return np.asarray(value, float)

        begin = ravel(wide(start)).astype(float)

        with np.errstate(all="ignore"):
            count = finite(residuals(begin), "least_squares").size
            found = search(
                residuals,
                begin,
                jac=jacobian(lambda x: ravel(f(unknown.tree(x), *args))),
                method=method or ("trf" if count >= begin.size else "dogbox"),
                **(options or {}),
            )
        return arrived(equation, found, begin, args)

    return solved(equation, solver, x0, args)


def finite(values: Any, name: str) -> Any:
    """The values, where a search can use them."""
    if not np.all(np.isfinite(values)):
        raise ConvergenceError(
            f"{name} has come to a point where the function or a derivative of it is infinite or not a number",
            right="another start; or there is no minimum",
        )
    return values


def arrived(equation: Equation, found: Any, start: Any, args: Sequence[Any]) -> Any:
    """The minimum that a search has found, to the last digit; raises where it is none."""
    x, step = equation.improved(found.x, args)
    settle(found.success, found.message, equation, x, step, start, args)
    values = np.linalg.eigvalsh(finite(equation.matrix(x, args), equation.name))
    lowest = float(np.min(values, initial=0.0))
    if lowest < -1e-8 * float(np.max(np.abs(values), initial=0.0)):
        raise ConvergenceError(
            f"{equation.name} has ended at a stationary point that is no minimum: the second derivative is "
            f"{lowest:.3g} in one direction",
            right="another start",
        )
    return x
