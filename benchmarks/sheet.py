"""A race's results as tables; printing and Markdown are those of the other benchmarks."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from benchmarks.race import OBJECTIVE, OURS, UNASKED, Entry, Outcome
from benchmarks.report import Report, Table, _time


class RaceSheet(Report):
    """A whole race; its results are outcomes."""

    suite: ClassVar[str]
    entries: ClassVar[Mapping[str, Entry]]

    def __init__(self, machine: dict[str, str], options: dict[str, Any], peers: list[str], missing: list[str]) -> None:
        super().__init__(machine, options, peers, missing, [], None)
        self.outcomes: list[Outcome] = []

    def tables(self) -> list[Table]:
        tables = [
            Table("Machine", "", ["", ""], [[key, value] for key, value in self.machine.items()]),
            *self.figures(),
            Table("Not measured", "", ["what", "why"], self.gaps()),
        ]
        return [table for table in tables if table.rows]

    def figures(self) -> list[Table]:
        """The tables of what was measured."""
        raise NotImplementedError

    def title(self, name: str) -> str:
        return self.entries[name].title

    def first_calls(self) -> Table:
        """What it takes until the first result is there."""
        names = [name for name in self.peers if name != OBJECTIVE]
        rows = [[o.problem.name, *times(o.first, names)] for o in self.outcomes]
        text = "Tracing, compiling and running once, in a process that has imported the library and done what is above."
        return Table("First call", text, ["problem", *map(self.title, names)], rows)

    def gaps(self) -> list[list[str]]:
        """Peers that are not installed, and problems that a peer could not do or did wrong."""
        absent = [[self.title(name), "not installed"] for name in self.missing]
        return absent + [
            [f"{outcome.problem.name}, {self.title(name)}", why.removeprefix("NotImplementedError: ")]
            for outcome in self.outcomes
            for name, why in outcome.failures.items()
            if why != UNASKED
        ]

    def markdown(self) -> str:
        return super().markdown().replace("python tasks.py bench`", f"python tasks.py bench {self.suite}`", 1)

    def data(self) -> dict[str, Any]:
        """Everything that was measured, for JSON."""
        return {
            "machine": self.machine,
            "options": self.options,
            "missing": self.missing,
            "problems": {o.problem.name: figures(o) for o in self.outcomes},
        }

    def failed(self) -> bool:
        """Whether Wengert could not do a problem."""
        return any(OURS in outcome.failures for outcome in self.outcomes)


def figures(outcome: Outcome) -> dict[str, Any]:
    """What was measured of a problem, for JSON."""
    found = {"seconds": outcome.seconds, "first call": outcome.first, "failures": outcome.failures}
    return found | {name: d for name, d in (("peak bytes", outcome.peak), ("error", outcome.error)) if d}


def median(outcome: Outcome, name: str) -> float:
    return statistics.median(outcome.seconds[name])


def medians(outcome: Outcome) -> dict[str, float]:
    return {name: median(outcome, name) for name in outcome.seconds}


def times(seconds: Mapping[str, float], names: Sequence[str]) -> list[str]:
    """The cells of a row; empty where there is none."""
    return [_time(seconds[name]) if name in seconds else "" for name in names]


def quotient(outcome: Outcome, name: str) -> str:
    """Our time by a peer's."""
    if name not in outcome.seconds or OURS not in outcome.seconds:
        return ""
    return f"{median(outcome, OURS) / median(outcome, name):.3g}"
