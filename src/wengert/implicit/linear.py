"""Linear systems, also of matrices that nobody has formed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.errors import ArgumentError, DegenerateError, ShapeError
from wengert.core.primitive import bind
from wengert.core.tracer import Tracer
from wengert.core.tree import flatten, structure
from wengert.graph.body import constant_like
from wengert.implicit.function import ConvergenceError, closed, directional, refuse_traced
from wengert.implicit.vector import Unknown, precision, ravel, wide
from wengert.transform.application import Application, inexact
from wengert.transform.custom import Custom
from wengert.transform.derived import pick, settled
from wengert.transform.duality import plain
from wengert.transform.reverse import vjp
from wengert.transform.step import numbers

METHODS = ("gmres", "cg", "bicgstab", "minres", "lgmres")

#: From the arguments to the function that multiplies by the matrix which they determine.
Operator = Callable[..., Callable[[Any], Any]]


class Iteration(NamedTuple):
    """One of SciPy's iterations for A·x = b, and what the user called."""

    method: str
    tol: float
    steps: int | None = None
    name: str = "linear_solve"
    symmetric: bool = False  # then the transpose is the same function


def linear_solve(
    a: Any, b: Any, *args: Any, method: str = "gmres", tol: float = 1e-11, steps: int | None = None
) -> Any:
    """The solution x of A·x = b, where A is a matrix or a function that multiplies by it.

    dx = A⁻¹·(db − dA·x); back goes A⁻ᵀ·ct, by the transpose of the same function.

    **Arguments**: `a`, a square matrix (then `b` is a vector or a matrix, and NumPy solves), or a function `(x, *args)`
    in NumPy code, linear in x, of pytrees like b; `b`, a pytree of real numbers; `args`, further arguments of that
    function, with respect to which x is differentiable as with respect to b; `method`, one of SciPy's iterations, "cg"
    for symmetric positive definite matrices, "gmres" for any; `tol`, ‖A·x − b‖ relative to ‖b‖; `steps`, at most.
    **Returns**: x, like b. **Raises**: `ConvergenceError` where the iteration has not come to `tol`; `DegenerateError`
    for a singular matrix; `ShapeError` where A·x is not like x.
    **Cost**: as many products with A as the iteration takes, again for each derivative; no matrix is formed.

    >>> import numpy as np, wengert as wg
    >>> laplace = lambda x, k: k * x - np.roll(x, 1) - np.roll(x, -1)
    >>> b = np.array([1.0, 0.0, 0.0, 0.0])
    >>> f = lambda k: np.sum(wg.implicit.linear_solve(laplace, b, k, method="cg"))
    >>> round(float(f(4.0)), 9), round(wg.grad(f)(4.0), 9)  # the sum is 1/(k − 2)
    (0.5, -0.25)

    **Source**: Giles, "Collected matrix derivative results" (2008); the iterations are SciPy's.
    """
    if not callable(a):
        if args:
            raise ArgumentError(
                "a matrix takes no arguments", wrong="linear_solve(A, b, p)", right="linear_solve(A(p), b)"
            )
        return _dense(a, b)
    if method not in METHODS:
        raise ArgumentError(f"there is no method {method!r}", right=" or ".join(f'method="{m}"' for m in METHODS))
    Unknown(b, "b")
    f, args = closed(a, b, args, "linear_solve")
    return iterated(lambda *args: lambda x: f(x, *args), b, args, Iteration(method, tol, steps))


def _dense(a: Any, b: Any) -> Any:
    shape = shape_of(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError(
            f"a linear system has a square matrix, not one of shape {shape}", right="np.linalg.lstsq(A, b)"
        )
    matrices = np.reshape(np.asarray(plain(a)), (-1, *shape[-2:]))
    worst = max((condition_of(matrix) for matrix in matrices), default=1.0)
    if not worst * precision([plain(a)]) < 1:
        raise DegenerateError(f"the matrix of linear_solve is singular (condition number {worst:.2g})")
    return np.linalg.solve(a, b)


class Inverse(Custom):
    """A⁻¹·b as one operation, linear in b."""

    def __init__(self, operator: Operator, b: Any, how: Iteration) -> None:
        super().__init__(how.name)
        self.operator, self.how = operator, how
        leaves, self.rebuild = flatten(b)
        self.width = len(leaves)

    def avals(self, *avals: Any, of: Application) -> tuple[Any, ...]:
        return tuple(a if a.weak and a.dtype.kind == "f" else inexact(a) for a in avals[: self.width])

    def sample(self, *args: Any, of: Application) -> tuple[Any, ...]:
        avals = self.avals(*map(aval_of, args), of=of)
        return tuple(0.0 if a.weak else constant_like(a) for a in avals)

    def transposable(self, active: Sequence[bool], params: dict[str, Any]) -> bool:
        return not any(active[self.width :])

    def transpose(self, cts: Sequence[Any], active: Sequence[bool], args: Sequence[Any], params: dict[str, Any]) -> Any:
        shapes = [inexact(Aval(a.shape, a.dtype)) for a in args[: self.width]]
        ct = self.rebuild([settled(c, aval) for c, aval in zip(cts, shapes, strict=True)])
        rest = params["of"].rebuild(args)[1]

        def turned(*args: Any) -> Callable[[Any], Any]:
            zeros = self.rebuild([np.zeros(aval.shape, aval.dtype)[()] for aval in shapes])
            pull = vjp(self.operator(*args), zeros)[1]
            return lambda u: pull(u)[0]

        back = flatten(iterated(self.operator if self.how.symmetric else turned, ct, rest, self.how))[0]
        return pick(back, active[: self.width])


def iterated(of: Operator, b: Any, args: tuple[Any, ...], how: Iteration) -> Any:
    """A⁻¹·b for A·x = of(*args)(x)."""
    method, tol, steps = how[:3]

    def solve(b: Any, args: tuple[Any, ...]) -> Any:
        from scipy.sparse import linalg

        unknown, args = Unknown(b, "b"), wide(args)
        right = np.asarray(ravel(wide(b)), float)
        apply = of(*args)

        def product(x: Any) -> Any:
            value = refuse_traced(ravel(apply(unknown.tree(np.ravel(x)))), how.name)
            if value.shape != right.shape:
                raise ShapeError(f"the function of {how.name} made {value.shape[0]} numbers of {right.shape[0]}")
            return value

        n = right.shape[0]
        size = float(np.linalg.norm(right))
        if size == 0:
            return unknown.result(right)
        operator = linalg.LinearOperator((n, n), matvec=product, dtype=float)
        cycle = {"gmres": min(n, 100), "lgmres": 30}.get(method, 1)  # SciPy's maxiter counts the restarts of these
        given: dict[str, Any] = {"rtol": tol, "maxiter": -(-(steps or 10 * n) // cycle)}
        if method == "gmres":
            given |= {"restart": cycle}
        with np.errstate(all="ignore"):
            x, info = getattr(linalg, method)(operator, right / size, **given)  # some give up below fixed numbers
            x = x * size
            off = float(np.linalg.norm(product(x) - right))
        if info != 0 and not off <= 10 * tol * size:
            raise ConvergenceError(
                f"{how.name} by {method} has not converged: A·x is off by {off:.2g}, b is of size {size:.2g}",
                right="a larger tol or more steps; or the matrix is singular, or not positive definite (cg)",
            )
        return unknown.result(x)

    solve.__name__ = how.name

    def pushforward(tangent: Any, x: Any, b: Any, args: tuple[Any, ...]) -> Any:
        change, rest = tangent
        unknown = Unknown(x, "x")
        moved = directional(lambda *a: ravel(of(*a)(x)), args, rest) if numbers(rest)[0] else None
        right = change if moved is None else unknown.tree(ravel(change) - moved)
        return iterated(of, right, args, how)

    call = Application(solve, (pushforward, None), (b, args), {})
    if not any(isinstance(v, Tracer) for v in call.leaves):
        return solve(b, args)
    call.form_out, call.rebuild_out = structure(b), flatten(b)[1]
    return call.rebuild_out(bind(Inverse(of, b, how), call.leaves, {"of": call}))


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
