"""What is measured: the derivative of a contest, at a size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.gradbench.problem import written
from benchmarks.toolbox import data

#: What each contest asks for.
CONTESTS = {
    "bundle": "the sparse Jacobian of bundle adjustment: two errors of each observation, and one of its weight",
    "logistic": "the product of the Hessian of logistic regression with a vector",
    "rosenbrock": "the product of the Hessian of Rosenbrock's function with a vector",
    "network": "the product of the Hessian of a network's loss with a vector",
    "exp_sin": "the Taylor coefficients of exp(sin x)",
    "tanh_network": "the Taylor coefficients of a network with tanh along a line",
    "scan": "the gradient of the sum of squares of a recurrent network's states, for its matrix and its start",
    "while": "the gradient of a loop that ends when it has converged, for its rates and its target",
    "lotka": "the gradient of Lotka–Volterra's solution for its rates and its start",
    "linear": "the gradient of the solution of y' = A·y for A and the start",
    "batch": "the gradient of a network's error for each example of a batch",
}

#: Results of solvers whose tolerance is 1e-9 are right if they are as near as this.
NEAR = 1e-5


@dataclass(frozen=True)
class Problem:
    """A contest at a size."""

    contest: str
    size: tuple[tuple[str, Any], ...]

    @property
    def name(self) -> str:
        """The contest and its size: scan steps=10000 width=16."""
        return " ".join([self.contest, *(f"{key}={written(value)}" for key, value in self.size)])

    @property
    def key(self) -> str:
        """What it is in the peers' tables of programs."""
        return self.contest

    @property
    def tolerance(self) -> float:
        """How far from the right result, relative to the greatest element, a result may be."""
        return NEAR if self.contest in ("lotka", "linear") else 1e-10

    @property
    def memory(self) -> bool:
        """Whether the memory that it takes is of interest."""
        return self.contest in ("scan", "while")

    def arguments(self) -> tuple[Any, ...]:
        """What the programs are called with."""
        return data.arguments(self.contest, dict(self.size))

    def shortened(self) -> Problem:
        """The same with few steps."""
        few = {"steps": 10, "rate": 0.5}
        return Problem(self.contest, tuple((key, few.get(key, value)) for key, value in self.size))

    def reference(self) -> Any:
        """The right result, where others than ours can say; else None."""
        from benchmarks.toolbox import reference

        known = reference.KNOWN.get(self.contest)
        return known and known(*self.arguments())


def problems(which: str) -> list[Problem]:
    """Those of the sets "quick" or "full"."""
    sizes = {"quick": data.QUICK, "full": data.FULL}[which]
    return [Problem(contest, tuple(size.items())) for contest in CONTESTS for size in sizes[contest]]


def tiny() -> list[Problem]:
    """One of each, done in milliseconds."""
    return [Problem(contest, tuple(size.items())) for contest, size in data.TINY.items()]
