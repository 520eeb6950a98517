"""The tables of GradBench's race."""

from __future__ import annotations

from benchmarks.gradbench.peers import PEERS
from benchmarks.gradbench.problem import Problem
from benchmarks.race import OURS, Outcome
from benchmarks.report import Table
from benchmarks.sheet import RaceSheet, median, medians, quotient, times

RIVAL, SUITE = "jax", "jax.suite"

#: Our derivative's time divided by JAX's, in the same run, that the project set itself as a goal; JAX's is that of the
#: forms of GradBench's programs where those are others.
GOALS = {
    "gmm d=10 k=5": 0.8, "gmm d=10 k=25": 0.8, "gmm d=32 k=25": 0.35, "gmm d=64 k=25": 0.4, "ba": 0.15,
    "lstm l=2 c=1024": 0.7, "lstm l=4 c=4096": 0.5, "kmeans k=100 n=10000 d=16": 0.45, "llsq n=16392": 0.08,
    "lse n=640000": 0.35, "ode n=10000 s=100": 0.7, "training widths=2-16-16-1": 0.6,
    "training widths=784-512-256-10": 0.9,
}  # fmt: skip
#: The same against CasADi.
GOALS_CASADI = {"det ell=9": 0.05}


class Sheet(RaceSheet):
    """GradBench's race."""

    suite, entries = "gradbench", PEERS

    def figures(self) -> list[Table]:
        return [self.times(), self.ratios(), self.first_calls()]

    def times(self) -> Table:
        """Every peer's median."""
        rows = [[o.problem.name, *times(medians(o), self.peers)] for o in self.outcomes]
        text = (
            "Median time of a call after warm-up, the peers taking turns. “Numba, by hand” is not differentiated: its "
            "derivative is written out. “Wengert, eager” is the same program without the compiler."
        )
        return Table("Time", text, ["problem", *map(self.title, self.peers)], rows)

    def ratios(self) -> Table:
        """How our derivatives compare."""
        alone = {o.problem.title: o for o in self.outcomes if not o.problem.derivative}
        rows = []
        for outcome in self.outcomes:
            if not outcome.problem.derivative or OURS not in outcome.seconds:
                continue
            others = {name: median(outcome, name) for name in outcome.seconds if name not in (OURS, "eager")}
            best = min(others, key=others.__getitem__, default="")
            itself = alone.get(outcome.problem.title, Outcome(outcome.problem))
            rows.append([
                outcome.problem.title,
                quotient(outcome, RIVAL),
                quotient(outcome, SUITE),
                goal(outcome.problem),
                f"{quotient(outcome, best)} ({PEERS[best].title})" if best else "",
                *(f"{median(outcome, name) / median(itself, name):.2f}"
                  if name in itself.seconds and name in outcome.seconds else "" for name in (OURS, RIVAL)),
            ])  # fmt: skip
        columns = [
            "derivative of",
            "Wengert ÷ JAX",
            "÷ JAX, suite's forms",
            "goal",
            "÷ best of the others",
            "÷ function",
            "JAX: ÷ function",
        ]
        text = "Ratios of medians; below 1, Wengert is faster. “÷ function”: the derivative's time by the function's."
        return Table("Ratios", text, columns, rows)


def goal(problem: Problem) -> str:
    """The goal for a problem, if there is one."""
    for goals, rival in ((GOALS, ""), (GOALS_CASADI, " of CasADi")):
        for title, ratio in goals.items():
            if f"{problem.title} ".startswith(f"{title} "):
                return f"{ratio}{rival}"
    return ""
