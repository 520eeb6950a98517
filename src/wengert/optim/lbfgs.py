"""L-BFGS: a quasi-Newton method with limited memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError
from wengert.core.tracer import Tracer
from wengert.optim.leaves import Leaves, ravel, restored, unravel, working
from wengert.optim.optimizer import Clip, Optimizer, Rate, State
from wengert.transform.reverse import value_and_grad

Evaluate = Callable[[list[Any]], tuple[Any, list[Any]]]  # the loss and its gradients, by leaves as rules have them


class LBFGS(Optimizer):
    """Steps p ← p − α·H·g, where H is the inverse Hessian as far as the last `history` steps show it.

    With s a step and y the change of the gradient along it, H comes from the two-loop recursion over the pairs (s, y),
    which starts from (s·y/y·y)·I; pairs without s·y > 0 are left out. α is lr, in the first step lr·min(1, 1/‖g‖₁).
    With `line_search` that is where a search for an α begins that fulfils the strong Wolfe conditions; where it finds
    none, the parameters stay as they are and the history is forgotten.

    For one loss of all data, not for one that changes from batch to batch; `minimize` is the same to the end.

    **Arguments**: `params`, `lr`, `clip` as in `SGD`; `history`, the number of pairs; `line_search`.
    **Returns**: an optimizer; see `Optimizer` for `init`, `update`, `step`, `zero_grad`. With `line_search` it needs
    more than one gradient: `update(grads, state, params, loss=f)` takes the loss as a function of the parameters, and
    `step(f)` a function without arguments that computes the loss from the model.
    **Raises**: `ArgumentError` for a setting out of its range; for a line search without the loss, or inside of a
    transformation: it decides by numbers. Compile the loss, not the update; without a line search both compile.
    **Cost**: 2·`history` numbers are kept for each parameter, and a step makes 4·`history` passes over them; a line
    search evaluates the loss and its gradient, most often once.

    >>> import numpy as np, wengert as wg
    >>> from wengert.optim import LBFGS
    >>> valley = lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> opt, x = LBFGS(line_search=True), np.array([-1.0, 2.0])
    >>> state = opt.init(x)
    >>> for _ in range(60):
    ...     x, state = opt.update(wg.grad(valley)(x), state, x, loss=valley)
    >>> np.round(x, 6)
    array([1., 1.])

    **Source**: Nocedal & Wright, *Numerical Optimization* (2006), algorithms 7.4 and 3.5.
    """

    kept = ("steps", "changes", "inverses", "gradient", "move")
    history: int
    line_search: bool

    def __init__(
        self,
        params: Any = None,
        lr: Rate = 1.0,
        *,
        history: int = 10,
        line_search: bool = False,
        clip: Clip | None = None,
    ) -> None:
        if not isinstance(history, (int, np.integer)) or history < 1:
            raise ArgumentError(f"history is a number of steps, at least 1, and was {history!r}")
        super().__init__(params, lr, clip, history=history, line_search=line_search)

    def forms(self, values: Sequence[Any]) -> dict[str, list[tuple[int, ...]]]:
        m, n = self.history, sum(int(np.prod(aval_of(working(v)).shape)) for v in values)
        return {name: [shape] for name, shape in zip(self.kept, ((m, n), (m, n), (m,), (n,), (n,)), strict=True)}

    def begin(self, values: Sequence[Any]) -> State:
        dtype = aval_of(ravel([working(v) for v in values])).dtype
        state: State = {name: [np.zeros(shape, dtype) for shape in shapes]
                        for name, shapes in self.forms(values).items()}  # fmt: skip
        return {"step": np.int64(0), **state}

    def update(
        self, grads: Any, state: State, params: Any, *, lr: Any = None, loss: Callable[[Any], Any] | None = None
    ) -> tuple[Any, State]:
        """As `Optimizer.update`; `loss` is the function of the parameters along which the line search goes."""
        leaves = Leaves(params)
        evaluate: Evaluate | None = None
        if loss is not None:
            both = value_and_grad(lambda values: loss(leaves.tree(values)))
            evaluate = lambda values: both(list(map(restored, values, leaves.values)))  # noqa: E731
        new, state = self._advanced(leaves.values, leaves.gradients(grads), state, lr, evaluate=evaluate)
        return leaves.tree(new), state

    def step(self, loss: Callable[[], Any] | None = None, *, lr: Any = None) -> None:
        """As `Optimizer.step`; `loss` computes the loss from the model, without arguments, for the line search."""
        variables = self.owned()
        missing = [v for v in variables if v.grad is None]
        if missing:
            raise ArgumentError(
                f"{len(missing)} of {len(variables)} parameters have no gradient; L-BFGS moves all at once",
                wrong="opt.step(loss)",
                right="loss().backward(); opt.step(loss)",
            )

        def evaluate(values: list[Any]) -> tuple[Any, list[Any]]:
            for variable, value, like in zip(variables, values, leaves.values, strict=True):
                variable.data = restored(value, like)
                variable.zero_grad()
            result = loss()  # type: ignore[misc]
            result.backward()
            return result.data, [np.zeros_like(v.data) if v.grad is None else v.grad for v in variables]

        leaves = Leaves([v.data for v in variables])
        before, grads = [v.data for v in variables], [v.grad for v in variables]
        try:
            new, self.state = self._advanced(leaves.values, leaves.gradients(grads), self.state, lr,
                                             evaluate=None if loss is None else evaluate)  # fmt: skip
        except BaseException:
            new = before
            raise
        finally:
            for variable, value, grad in zip(variables, new, grads, strict=True):
                variable.data, variable.grad = value, grad

    def advance(
        self,
        values: list[Any],
        grads: list[Any],
        state: State,
        lr: Any,
        *,
        evaluate: Evaluate | None = None,
        **_: Any,
    ) -> tuple[list[Any], State]:
        g = ravel(grads)
        *memory, last, move = (state[name][0] for name in self.kept)
        steps, changes, inverses = remembered(memory, move, g - last)
        rate = lr * np.where(state["step"] == 0, 1 / np.maximum(np.sum(np.abs(g)), 1.0), 1.0)
        move = -rate.astype(g.dtype) * two_loops(g, steps, changes, inverses)
        if self.line_search:
            found = self._searched(values, g, move, evaluate)
            move = move * found
            if not found:
                inverses = np.zeros_like(inverses)
        new = [v + m for v, m in zip(values, unravel(move, values), strict=True)]
        kept = (steps, changes, inverses, g, move)
        return new, {name: [value] for name, value in zip(self.kept, kept, strict=True)}

    def _searched(self, values: list[Any], g: Any, move: Any, evaluate: Evaluate | None) -> float:
        """How many times `move` fulfils the strong Wolfe conditions; 0 where no number was found that does."""
        if evaluate is None or any(isinstance(v, Tracer) for v in (g, move, *values)):
            raise ArgumentError(
                "a line search needs the loss, and plain numbers to decide by",
                wrong="opt.update(grads, state, params), wg.jit(step)",
                right="opt.update(grads, state, params, loss=wg.jit(f)), opt.step(f), or LBFGS(line_search=False)",
            )
        from scipy.optimize import line_search

        start = ravel(values).astype(np.float64)
        seen: dict[bytes, tuple[float, Any]] = {}

        def at(x: Any) -> tuple[float, Any]:
            key = x.tobytes()
            if key not in seen:
                value, grads = evaluate(unravel(x, values))
                seen[key] = float(value), ravel([working(g) for g in grads]).astype(np.float64)
            return seen[key]

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that nothing was found is in the result
            found = line_search(lambda x: at(x)[0], lambda x: at(x)[1], start, move.astype(np.float64),
                                gfk=g.astype(np.float64), old_fval=at(start)[0], maxiter=25)  # fmt: skip
        return 0.0 if found[0] is None else float(found[0])


def remembered(memory: Sequence[Any], s: Any, y: Any) -> list[Any]:
    """The memory with one more pair in the last row, and without the first; as it was if the pair tells nothing."""
    steps, changes, inverses = memory
    curvature = np.sum(s * y)
    ok = curvature > np.finfo(aval_of(y).dtype).eps * np.sum(y * y)
    inverse = np.reshape(1 / np.where(ok, curvature, 1.0), (1,))
    new = (
        np.concatenate([steps[1:], s[None]]),
        np.concatenate([changes[1:], y[None]]),
        np.concatenate([inverses[1:], inverse.astype(inverses.dtype)]),
    )
    return [np.where(ok, a, b) for a, b in zip(new, memory, strict=True)]


def two_loops(g: Any, steps: Any, changes: Any, inverses: Any) -> Any:
    """H·g; a pair whose 1/(s·y) is 0 has no part in it."""
    count, shares = aval_of(inverses).shape[0], []
    for i in reversed(range(count)):
        share = inverses[i] * np.sum(steps[i] * g)
        g = g - share * changes[i]
        shares.append(share)
    known = inverses[-1] > 0
    curvature = np.where(known, inverses[-1], 1.0) * np.where(known, np.sum(changes[-1] * changes[-1]), 1.0)
    g = g / curvature.astype(g.dtype)
    for i, share in enumerate(reversed(shares)):
        g = g + (share - inverses[i] * np.sum(changes[i] * g)) * steps[i]
    return g
