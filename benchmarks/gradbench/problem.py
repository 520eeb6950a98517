"""What is measured: a function of an evaluation at a size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from benchmarks.gradbench import data, workloads

#: The functions of each evaluation: itself first, then its derivative.
FUNCTIONS = {
    "gmm": ("objective", "jacobian"),
    "ba": ("objective", "jacobian"),
    "lstm": ("objective", "jacobian"),
    "kmeans": ("cost", "dir"),
    "llsq": ("primal", "gradient"),
    "lse": ("primal", "gradient"),
    "ode": ("primal", "gradient"),
    "det": ("primal", "gradient"),
    "training": ("objective", "step"),
    "rosenbrock": ("primal", "gradient"),
    "ten": ("primal", "gradient"),
    "straight": ("primal", "gradient"),
}


@dataclass(frozen=True)
class Problem:
    """`function` of the evaluation or workload, at `size`."""

    evaluation: str
    function: str
    size: tuple[tuple[str, Any], ...]
    memory: ClassVar[bool] = False  # time is measured only

    @property
    def title(self) -> str:
        """The evaluation and its size: gmm d=10 k=25 n=1000."""
        return " ".join([self.evaluation, *(f"{key}={written(value)}" for key, value in self.size)])

    @property
    def name(self) -> str:
        """The title and the function."""
        return f"{self.title}: {self.function}"

    @property
    def key(self) -> tuple[str, str]:
        """What it is in the peers' tables of programs."""
        return self.evaluation, self.function

    @property
    def derivative(self) -> bool:
        """Whether it is the derivative, not the function itself."""
        return self.function == FUNCTIONS[self.evaluation][1]

    @property
    def tolerance(self) -> float:
        """How far apart, relative to the greatest element, two right results may be."""
        return 1e-4 if dict(self.size).get("dtype") == "float32" else 1e-10

    def arguments(self) -> tuple[Any, ...]:
        """What the programs are called with."""
        size = dict(self.size)
        if self.evaluation in workloads.SIZES:
            return workloads.arguments(self.evaluation, size)
        return data.arguments(self.evaluation, data.generate(self.evaluation, size))

    def reference(self) -> None:
        """Nothing is known from elsewhere: the peers are compared with ours."""


def written(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


def problems(which: str) -> list[Problem]:
    """Those of the sets "quick" or "full", the function before its derivative."""
    sizes = {"quick": data.QUICK | workloads.QUICK, "full": data.SIZES | workloads.SIZES}[which]
    return [
        Problem(evaluation, function, tuple(size.items()))
        for evaluation, functions in FUNCTIONS.items()
        for size in sizes[evaluation]
        for function in functions
    ]


def tiny() -> list[Problem]:
    """One of each, done in milliseconds."""
    return [
        Problem(evaluation, function, tuple(size.items()))
        for evaluation, size in (data.TINY | workloads.TINY).items()
        for function in FUNCTIONS[evaluation]
    ]
