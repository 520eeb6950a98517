"""The race's results as tables; printing and Markdown are the other benchmarks' own."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.gradbench.peers import PEERS
from benchmarks.gradbench.problem import Problem
from benchmarks.gradbench.race import OURS, UNASKED, Outcome
from benchmarks.report import Report, Table, _time

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


class Sheet(Report):
    """A whole race; its results are outcomes."""

    def __init__(self, machine: dict[str, str], options: dict[str, Any], peers: list[str], missing: list[str]) -> None:
        super().__init__(machine, options, peers, missing, [], None)
        self.outcomes: list[Outcome] = []

    def tables(self) -> list[Table]:
        tables = [
            Table("Machine", "", ["", ""], [[key, value] for key, value in self.machine.items()]),
            self.times(),
            self.ratios(),
            self.first_calls(),
            Table("Not measured", "", ["what", "why"], self.gaps()),
        ]
        return [table for table in tables if table.rows]

    def columns(self) -> list[str]:
        return [PEERS[name].title for name in self.peers]

    def times(self) -> Table:
        """Every peer's median."""
        rows = [
            [o.problem.name, *(_time(median(o, name)) if name in o.seconds else "" for name in self.peers)]
            for o in self.outcomes
        ]
        text = (
            "Median time of a call after warm-up, the peers taking turns. “Numba, by hand” is not differentiated: its "
            "derivative is written out. “Wengert, eager” is the same program without the compiler."
        )
        return Table("Time", text, ["problem", *self.columns()], rows)

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

    def first_calls(self) -> Table:
        """What it takes until the first result is there."""
        names = [name for name in self.peers if name != "numpy"]
        rows = [
            [outcome.problem.name, *(_time(outcome.first[name]) if name in outcome.first else "" for name in names)]
            for outcome in self.outcomes
        ]
        text = "Tracing, compiling and running once, in a process that has imported the library and done what is above."
        return Table("First call", text, ["problem", *(PEERS[name].title for name in names)], rows)

    def gaps(self) -> list[list[str]]:
        """Peers that are not installed, and problems that a peer could not do or did wrong."""
        absent = [[PEERS[name].title, "not installed"] for name in self.missing]
        return absent + [
            [f"{outcome.problem.name}, {PEERS[name].title}", why.removeprefix("NotImplementedError: ")]
            for outcome in self.outcomes
            for name, why in outcome.failures.items()
            if why != UNASKED
        ]

    def markdown(self) -> str:
        return super().markdown().replace("python tasks.py bench`", "python tasks.py bench gradbench`", 1)

    def data(self) -> dict[str, Any]:
        """Everything that was measured, for JSON."""
        return {
            "machine": self.machine,
            "options": self.options,
            "missing": self.missing,
            "problems": {
                o.problem.name: {"seconds": o.seconds, "first call": o.first, "failures": o.failures}
                for o in self.outcomes
            },
        }

    def failed(self) -> bool:
        """Whether Wengert could not do a problem."""
        return any(OURS in outcome.failures for outcome in self.outcomes)


def median(outcome: Outcome, name: str) -> float:
    return statistics.median(outcome.seconds[name])


def quotient(outcome: Outcome, name: str) -> str:
    if name not in outcome.seconds:
        return ""
    return f"{median(outcome, OURS) / median(outcome, name):.3g}"


def goal(problem: Problem) -> str:
    """The goal for a problem, if there is one."""
    for goals, rival in ((GOALS, ""), (GOALS_CASADI, " of CasADi")):
        for title, ratio in goals.items():
            if f"{problem.title} ".startswith(f"{title} "):
                return f"{ratio}{rival}"
    return ""
