"""Minima, differentiable by the equation that the gradient vanishes there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError, ShapeError, check_callable
from wengert.implicit.bounds import Bounded, bounds_of
from wengert.implicit.equation import settle
from wengert.implicit.function import ConvergenceError, closed, refuse_traced
from wengert.implicit.linear import Iteration
from wengert.implicit.solution import Equation, direction, iteration, solved
from wengert.implicit.vector import Unknown, ravel, wide
from wengert.transform.higher import jacobian
from wengert.transform.reverse import grad, value_and_grad, vjp

_VALUES_ONLY = {"nelder-mead", "powell", "cobyla", "cobyqa"}
_WITH_HESSIAN = {"newton-cg", "dogleg", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr"}
_WITHIN_BOUNDS = {"nelder-mead", "powell", "l-bfgs-b", "tnc", "slsqp", "trust-constr", "cobyla", "cobyqa"}
_WITHOUT_MATRIX = {"cg", "l-bfgs-b", "tnc", "newton-cg", "trust-ncg", "trust-krylov", "trust-constr"}


def minimize(
    f: Callable[..., Any],
    x0: Any,
    *args: Any,
    method: str | None = None,
    bounds: Any = None,
    tol: float | None = None,
    options: dict[str, Any] | None = None,
    solver: str = "dense",
    solver_options: dict[str, Any] | None = None,
) -> Any:
    """The x at which f(x, *args) has a local minimum, as a function of args.

    There ∂f/∂x = 0, so dx = −(∂²f/∂x²)⁻¹ · ∂²f/∂x∂args · dargs.

    **Arguments**: `f(x, *args)`, NumPy code that returns one number; `x0`, where the search begins, a pytree of real
    numbers, of which x takes structure, shapes and dtypes; `args`, pytrees; `method` ("trust-exact"; within bounds
    "L-BFGS-B", without a matrix "trust-ncg"), `tol`, `options` as in `scipy.optimize.minimize`, which is given the
    exact gradient and Hessian where the method takes them; `bounds`, a pair of the lower and the upper ones, each None,
    a number, or a tree like x0, or a `scipy.optimize.Bounds`; `solver`: "dense", or for many unknowns one of the
    methods of `linear_solve` ("cg"; within bounds "gmres"), by which the Hessian is used through its products H·v
    alone, with `solver_options`, its `tol` (1e-10) and `steps`. Constraints are not taken.
    **Returns**: x, differentiable as the result of `root` is, and with respect to the bounds: an unknown at a bound is
    that bound, and the others move as if it were given. The value of the minimum is `f(x, *args)`.
    **Raises**: `ConvergenceError` with SciPy's message, also where the search ends at a stationary point that is no
    minimum (without a matrix that is looked for in a few dozen directions); `DegenerateError` where a derivative is
    asked for and the Hessian is singular at the minimum, or a bound is active whose multiplier ∂f/∂xᵢ is zero: x has
    a kink there; `ArgumentError` for bounds that do not leave room.
    **Cost**: SciPy's evaluations and some Newton steps; a derivative costs the Hessian once, and for each direction a
    mixed second derivative and the solution of a linear system. Without a matrix: as `root`.

    >>> import numpy as np, wengert as wg
    >>> mean = lambda data: wg.implicit.minimize(lambda m, data: np.sum((data - m) ** 2), 0.0, data)
    >>> wg.grad(mean)(np.array([1.0, 2.0, 6.0]))
    array([0.33333333, 0.33333333, 0.33333333])

    **Source**: Gould et al., "On differentiating parameterized argmin and argmax problems" (2016); as `root`.
    """
    check_callable(f, "wg.implicit.minimize")
    unknown = Unknown(x0, "x0")
    how = iteration(solver, solver_options, "minimize", bounds is None)
    chosen = method or ("L-BFGS-B" if bounds is not None else "trust-exact" if how is None else "trust-ncg")
    name = chosen.lower()
    check_fit(name, chosen, bounds, how)
    limits = None if bounds is None else bounds_of(bounds, x0, unknown, "minimize")
    f, args = closed(f, x0, args, "minimize")
    equation = Equation(grad(f), unknown, "minimize", how)
    whole = equation if limits is None else Bounded(equation, how)

    def find_minimum(start: Any, args: Sequence[Any]) -> Any:
        from scipy.optimize import Bounds
        from scipy.optimize import minimize as search

        whole_args = args = wide(args)
        begin, within = ravel(wide(start)).astype(float), {}
        if limits is not None:
            limit, *args = args
            begin, within = np.clip(begin, *limit), {"bounds": Bounds(*limit)}

        def both(x: Any) -> tuple[float, Any]:
            value, gradient = value_and_grad(lambda v: f(unknown.tree(v), *args))(x)
            return float(refuse_traced(value, "minimize")), gradient

        slopes, second = name not in _VALUES_ONLY, name in _WITH_HESSIAN
        if second and how is None:
            within["hess"] = lambda x: finite(equation.matrix(x, args), "minimize")
        elif second:
            within["hessp"] = Hessian(equation, args)
        with np.errstate(all="ignore"):
            found = search(
                both if slopes else lambda x: both(x)[0],
                begin,
                jac=True if slopes else None,
                method=chosen,
                tol=tol,
                options=options,
                **within,
            )
        return arrived(whole, found, begin, whole_args)

    return solved(whole, find_minimum, x0, args if limits is None else (limits, *args))


def least_squares(
    f: Callable[..., Any],
    x0: Any,
    *args: Any,
    method: str | None = None,
    bounds: Any = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """The x that minimizes ½‖f(x, *args)‖², as a function of args.

    There Jᵀf = 0 for J = ∂f/∂x, and dx = −(JᵀJ + Σ fᵢ·∂²fᵢ/∂x²)⁻¹ · ∂(Jᵀf)/∂args · dargs: the second derivatives of f
    are part of it, which Gauss and Newton's method leaves out.

    **Arguments**: `f(x, *args)`, NumPy code that returns the residuals, a pytree of numbers and arrays; `x0`, `args` as
    in `minimize`; `method` ("trf", of fewer residuals than unknowns "dogbox") and `options` (further keywords) as in
    `scipy.optimize.least_squares`, which is given the exact Jacobian; `bounds` as in `minimize`.
    **Returns**: x, differentiable as the result of `minimize` is.
    **Raises**: `ConvergenceError` with SciPy's message; `DegenerateError` where a derivative is asked for and the
    minimum is not isolated (fewer residuals than unknowns, say), or has a kink as in `minimize`; `ShapeError` where f
    returns no numbers.
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
    limits = None if bounds is None else bounds_of(bounds, x0, unknown, "least_squares")
    if method == "lm" and limits is not None:
        raise ArgumentError("least_squares by lm takes no bounds", wrong='method="lm"', right='method="trf"')
    f, args = closed(f, x0, args, "least_squares")

    def gradient(x: Any, *args: Any) -> Any:
        value, pull = vjp(lambda v: ravel(f(v, *args)), x)
        return pull(value)[0]

    equation = Equation(gradient, unknown, "least_squares")
    whole = equation if limits is None else Bounded(equation, None)

    def find_minimum(start: Any, args: Sequence[Any]) -> Any:
        from scipy.optimize import least_squares as search

        whole_args = args = wide(args)
        begin, within = ravel(wide(start)).astype(float), {}
        if limits is not None:
            limit, *args = args
            begin, within = np.clip(begin, *limit), {"bounds": tuple(limit)}

        def residuals(x: Any) -> Any:
            value = refuse_traced(ravel(f(unknown.tree(x), *args)), "least_squares")
            if not value.size:
                raise ShapeError("the function of least_squares returned no residuals")
            return np.asarray(value, float)

        with np.errstate(all="ignore"):
            count = finite(residuals(begin), "least_squares").size
            found = search(
                residuals,
                begin,
                jac=jacobian(lambda x: ravel(f(unknown.tree(x), *args))),
                method=method or ("trf" if count >= begin.size else "dogbox"),
                **within,
                **(options or {}),
            )
        return arrived(whole, found, begin, whole_args)

    return solved(whole, find_minimum, x0, args if limits is None else (limits, *args))


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
    hessian = equation.curvature(x, args) if isinstance(equation, Bounded) else (
        equation.matrix(x, args) if equation.how is None else equation.operator(x, args)
    )  # fmt: skip
    values = ritz(hessian, x.size) if callable(hessian) else np.linalg.eigvalsh(finite(hessian, equation.name))
    lowest = float(np.min(values, initial=0.0))
    if lowest < -1e-8 * float(np.max(np.abs(values), initial=0.0)):
        raise ConvergenceError(
            f"{equation.name} has ended at a stationary point that is no minimum: the second derivative is "
            f"{lowest:.3g} in one direction",
            right="another start",
        )
    return x


def ritz(times: Callable[[Any], Any], n: int, steps: int = 40) -> Any:
    """Values of vᵀHv, |v| = 1, that are close to the extreme eigenvalues of H, by Lanczos."""
    basis, diagonal, beside = [direction(n)], [], []
    for _ in range(min(n, steps)):
        image = finite(times(basis[-1]), "minimize")
        diagonal.append(float(image @ basis[-1]))
        for _ in range(2):  # twice is enough for orthogonality (Parlett)
            for v in basis:
                image = image - (v @ image) * v
        size = float(np.linalg.norm(image))
        if size <= 1e-10 * max(map(abs, diagonal)):
            break
        beside.append(size)
        basis.append(image / size)
    off = beside[: len(diagonal) - 1]
    return np.linalg.eigvalsh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))


class Hessian:
    """The product H(x)·v, as SciPy asks for it, many times at one x."""

    def __init__(self, equation: Equation, args: Sequence[Any]) -> None:
        self.equation, self.args = equation, args
        self.x: Any = None

    def __call__(self, x: Any, v: Any) -> Any:
        if self.x is None or not np.array_equal(x, self.x):
            self.x, self.times = x.copy(), self.equation.operator(x, self.args)
        return finite(self.times(v), "minimize")


def check_fit(name: str, method: str, bounds: Any, how: Iteration | None) -> None:
    """Raise for what a method of SciPy, or an iteration, cannot do."""
    if bounds is not None and name not in _WITHIN_BOUNDS:
        raise ArgumentError(f"minimize by {method} takes no bounds", right='method="L-BFGS-B"   or "trust-constr"')
    if how is not None and name not in _WITHOUT_MATRIX:
        raise ArgumentError(f"minimize by {method} forms a matrix", right='method="trust-ncg"   or "L-BFGS-B"')
    if how is not None and bounds is not None and how.method in ("cg", "minres"):
        raise ArgumentError(
            "the equations of a minimum within bounds are not symmetric",
            wrong=f'solver="{how.method}"',
            right='solver="gmres"',
        )
