"""The tables of the toolbox's race: one for each contest, with those who take part."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.race import OURS, Outcome
from benchmarks.report import Table
from benchmarks.sheet import RaceSheet, medians, quotient, times
from benchmarks.toolbox.peers import PEERS
from benchmarks.toolbox.problem import CONTESTS

RIVALS = ("jax", "torch", "casadi", "autograd")

#: Our time divided by JAX's, in the same run, that the project set itself as a goal.
GOALS = {"bundle": 0.15}


class Sheet(RaceSheet):
    """The toolbox's race."""

    suite, entries = "toolbox", PEERS

    def figures(self) -> list[Table]:
        groups = [[o for o in self.outcomes if o.problem.contest == contest] for contest in CONTESTS]
        return [self.ratios(), *(table for group in groups for table in self.contest(group))]

    def ratios(self) -> Table:
        """How we compare, all contests in one table."""
        rows = [
            [
                o.problem.name,
                *(quotient(o, name) for name in RIVALS),
                best(o),
                str(GOALS.get(o.problem.contest, "")),
                *times(o.first, (OURS, "jax")),
            ]
            for o in self.outcomes
            if OURS in o.seconds
        ]
        columns = ["contest", *(f"÷ {self.title(name)}" for name in RIVALS), "÷ best way of others", "goal ÷ JAX"]
        text = (
            "Wengert's time divided by each peer's, ratios of medians: below 1, Wengert is faster. A peer's other ways "
            "(JAX nested, JAX with checkpoints) are in the tables below and count for the best."
        )
        return Table("Ratios", text, [*columns, "first call, Wengert", "first call, JAX"], rows)

    def contest(self, outcomes: Sequence[Outcome]) -> list[Table]:
        """One contest's times, and what else was measured."""
        names = [name for name in self.peers if any(name in o.seconds for o in outcomes)]
        rows = []
        for o in outcomes:
            size = o.problem.name.partition(" ")[2]
            rows.append([f"{size}: a call", *times(medians(o), names)])
            rows.append([f"{size}: first call", *times(o.first, names)])
            if o.peak:
                rows.append([f"{size}: memory", *(megabytes(o.peak[n]) if n in o.peak else "" for n in names)])
            if o.error:
                rows.append([f"{size}: error", *(f"{o.error[n]:.1e}" if n in o.error else "" for n in names)])
        if not names:
            return []
        contest = outcomes[0].problem.contest
        return [Table(contest, sentence(CONTESTS[contest]), ["", *map(self.title, names)], rows)]


def best(outcome: Outcome) -> str:
    """The ratio to the fastest of other libraries' ways, and which that is."""
    others = {name: t for name, t in medians(outcome).items() if PEERS[name].module != OURS}
    if not others:
        return ""
    name = min(others, key=others.__getitem__)
    return f"{quotient(outcome, name)} ({PEERS[name].title})"


def megabytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
