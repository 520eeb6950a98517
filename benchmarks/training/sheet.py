"""The tables of the race of training."""

from __future__ import annotations

from typing import Any

from benchmarks.race import OURS, Outcome
from benchmarks.report import Table
from benchmarks.sheet import RaceSheet, median, medians, quotient, times
from benchmarks.training.peers import CHECKED, PEERS
from benchmarks.training.problem import CONTESTS, Problem

#: Our own ways do not count among the others.
RIVALS = [name for name, entry in PEERS.items() if entry.module != OURS]


def goal(problem: Problem) -> tuple[float, str]:
    """Our time for a step divided by another's, that the project set itself, and whose; "" is the best of others."""
    if problem.contest == "moons":
        return 0.6, "jax"
    if problem.contest == "perceptron":
        return 0.9, "jax"
    return (0.001, "micrograd") if problem.contest == "micrograd" else (1.0, "")


class Sheet(RaceSheet):
    """The race of training."""

    suite, entries = "training", PEERS

    def figures(self) -> list[Table]:
        return [self.ratios(), self.steps(), self.first_steps(), self.contests()]

    def ratios(self) -> Table:
        """How we compare."""
        rows = [
            [o.problem.name, *(quotient(o, name) for name in RIVALS), *judged(o)]
            for o in self.outcomes
            if OURS in o.seconds
        ]
        columns = ["network", *(f"÷ {self.title(name)}" for name in RIVALS), "÷ best", "goal"]
        text = (
            "Wengert's time for a step divided by each peer's, ratios of medians: below 1, Wengert is faster. "
            "The goals are the project's own."
        )
        for o in self.outcomes:
            if {"scalar", "micrograd"} <= o.seconds.keys():
                ratio = f"{median(o, 'scalar') / median(o, 'micrograd'):.3g}"
                places = [ratio if name == "micrograd" else "" for name in RIVALS]
                rows.append([f"{o.problem.name}, our scalars, eager", *places, "", "1 × micrograd"])
        return Table("Ratios", text, columns, rows)

    def steps(self) -> Table:
        """The time of a step."""
        rows = [[o.problem.name, *times(medians(o), self.peers)] for o in self.outcomes]
        text = f"Loss, gradient and update, medians. All have the same losses after {said(CHECKED)} steps."
        return Table("A step", text, ["network", *map(self.title, self.peers)], rows)

    def first_steps(self) -> Table:
        """What it takes until the first step is made."""
        rows = [[o.problem.name, *times(o.first, self.peers)] for o in self.outcomes]
        text = "In a fresh process that has imported the library, with empty caches: the model, compiling, one step."
        return Table("The first step", text, ["network", *map(self.title, self.peers)], rows)

    def contests(self) -> Table:
        """What the names mean."""
        return Table("The networks", "", ["name", "what it is"], [[name, what] for name, what in CONTESTS.items()])

    def data(self) -> dict[str, Any]:
        return {**super().data(), "goals": {o.problem.name: goal(o.problem) for o in self.outcomes}}


def judged(outcome: Outcome) -> list[str]:
    """The ratio to the fastest of others, with its name; and the goal."""
    others = {name: t for name, t in medians(outcome).items() if name in RIVALS}
    best = min(others, key=others.__getitem__, default=None)
    ratio = "" if best is None else f"{quotient(outcome, best)} ({PEERS[best].title})"
    limit, rival = goal(outcome.problem)
    return [ratio, f"{limit:g} × {PEERS[rival].title if rival else 'the best'}"]


def said(counts: tuple[int, ...]) -> str:
    *most, last = map(str, counts)
    return f"{', '.join(most)} and {last}"
