"""The minimum of a function of a tree, by SciPy's methods with exact gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.compile.jit import jit
from wengert.core.errors import ArgumentError, check_callable
from wengert.core.tracer import Tracer
from wengert.optim.leaves import Leaves, ravel, restored, unravel, working
from wengert.transform.reverse import value_and_grad

METHODS = ("L-BFGS-B", "BFGS", "CG", "SLSQP")


@dataclass(frozen=True)
class Minimum:
    """What `minimize` found: `params`, the `loss` there, and how the search ended."""

    params: Any
    loss: float
    converged: bool
    message: str
    steps: int
    evaluations: int

    def __repr__(self) -> str:
        end = "" if self.converged else f", not converged: {self.message}"
        return f"Minimum(loss={self.loss!r}, steps={self.steps}, evaluations={self.evaluations}{end})"


def minimize(
    f: Callable[..., Any],
    params: Any,
    *args: Any,
    method: str = "L-BFGS-B",
    steps: int = 1000,
    tol: float | None = None,
    callback: Callable[[int, float], Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Minimum:
    """Search a minimum of f(params, *args) over the parameters, with SciPy's methods and exact gradients.

    At a minimum ∂f/∂params = 0. The function is compiled; SciPy works on one vector of float64.

    **Arguments**: `f`, NumPy code that returns one real number; `params`, a pytree of floating-point numbers and arrays
    to start from (buffers of modules stay as they are); `args`, pytrees; `method`, one of those of
    `scipy.optimize.minimize`: "L-BFGS-B", "BFGS", "CG", "SLSQP"; `steps`, at most so many;
    `tol`, `options` as SciPy has them; `callback(step, loss)` is called after each step, and ends the search if it
    returns a true value.
    **Returns**: a `Minimum`: `params`, a tree like the one given; `loss`; `converged`, which is to be looked at, and
    SciPy's `message`; `steps`, `evaluations`.
    **Raises**: `ArgumentError` for another method, where f is not finite at the start, and inside of a transformation,
    where `wg.implicit.minimize` gives a minimum that can be differentiated.
    **Cost**: f and its gradient, a little more often than once per step; 20 numbers are kept for each parameter.

    >>> import numpy as np, wengert as wg
    >>> x, y = np.arange(4.0), np.array([1.0, 3.0, 5.0, 7.0])
    >>> line = lambda p, x, y: np.sum((p["slope"] * x + p["shift"] - y) ** 2)
    >>> found = wg.optim.minimize(line, {"slope": 0.0, "shift": 0.0}, x, y)
    >>> found.converged, round(found.params["slope"], 6), round(found.params["shift"], 6)
    (True, 2.0, 1.0)

    **Source**: Byrd, Lu, Nocedal & Zhu, "A limited memory algorithm for bound constrained optimization" (1995).
    """
    check_callable(f, "wg.optim.minimize")
    if method not in METHODS:
        raise ArgumentError(
            f"method is one of {', '.join(METHODS)}, which use the gradient and no more, and was {method!r}",
            wrong="wg.optim.minimize(f, params, method='trust-exact')",
            right="wg.optim.minimize(f, params)   or   wg.implicit.minimize(f, params, method='trust-exact')",
        )
    leaves = Leaves(params)
    if any(isinstance(leaf, Tracer) for leaf in leaves.all):
        raise ArgumentError(
            "wg.optim.minimize searches with plain numbers, and its result has no derivative",
            wrong="wg.grad(lambda a: wg.optim.minimize(f, x0, a).params)",
            right="wg.grad(lambda a: wg.implicit.minimize(f, x0, a))",
        )
    from scipy.optimize import minimize as search

    parts = [working(v) for v in leaves.values]

    def tree(vector: Any) -> Any:
        return leaves.tree([restored(p, v) for p, v in zip(unravel(vector, parts), leaves.values, strict=True)])

    both = jit(lambda vector, args: value_and_grad(lambda v: f(tree(v), *args))(vector))
    start = ravel(parts).astype(np.float64)
    loss = float(both(start, args)[0])
    if not np.isfinite(loss):
        raise ArgumentError(f"the loss is {loss} at the start, from where no search leads on")
    done = 0

    def note(intermediate_result: Any) -> None:  # the name that SciPy looks for
        nonlocal done
        done += 1
        if callback is not None and callback(done, float(intermediate_result.fun)):
            raise StopIteration

    if not start.size:
        return Minimum(params, loss, True, "there is nothing to change", 0, 1)

    def evaluate(vector: Any) -> tuple[float, Any]:
        value, gradient = both(vector, args)
        return float(value), gradient

    with np.errstate(all="ignore"):
        found = search(evaluate, start, jac=True, method=method, tol=tol, callback=note,
                       options={"maxiter": steps, **(options or {})})  # fmt: skip
    return Minimum(
        tree(np.asarray(found.x)), float(found.fun), bool(found.success), str(found.message), done, int(found.nfev)
    )
