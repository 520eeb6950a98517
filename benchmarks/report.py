"""The results as tables: Markdown for the repository, the same on the terminal, JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmarks.contest import Result
from benchmarks.peer import OBJECTIVE, OURS
from benchmarks.startup import Startup
from benchmarks.statistic import Spread, exponent, mean_ratio, ratio, spread

MODULES = 12


class Table(NamedTuple):
    """A table with its heading and a sentence on how to read it."""

    title: str
    text: str
    columns: list[str]
    rows: list[list[str]]


@dataclass
class Report:
    """A whole run."""

    machine: dict[str, str]
    options: dict[str, Any]
    peers: list[str]
    missing: list[str]
    results: list[Result]
    startup: Startup | None
    skipped: Sequence[str] = ()

    def tables(self) -> list[Table]:
        """What there is to tell; empty tables are left out."""
        tables = [
            Table("Machine", "", ["", ""], [[key, value] for key, value in self.machine.items()]),
            overall(self.results, self.peers),
            derivatives(self.results, self.peers),
            first_calls(self.results, self.peers),
            growth(self.results, self.peers),
            memory(self.results, self.peers),
            *(startups(self.startup) if self.startup else []),
            Table("Not measured", "", ["what", "why"], self.gaps()),
        ]
        return [table for table in tables if table.rows]

    def gaps(self) -> list[list[str]]:
        """Peers that are not installed, cases that were left out, or that a peer could not do or did wrong."""
        absent = [[name, "not installed"] for name in self.missing] + [[name, "left out"] for name in self.skipped]
        return absent + [[f"{r.case.name}, {name}", why] for r in self.results for name, why in r.failures.items()]

    def markdown(self) -> str:
        """The report as a page."""
        settings = ", ".join(f"{key} {value}" for key, value in self.options.items())
        parts = [
            "# Results",
            f"Written by `python tasks.py bench` ({settings}). How to read it: [README.md](README.md).",
        ]
        for table in self.tables():
            parts.append(f"## {table.title}")
            parts += [table.text] if table.text else []
            lines = [table.columns, ["---"] * len(table.columns), *table.rows]
            parts.append(
                "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
            )
        return "\n\n".join(parts) + "\n"

    def print(self) -> None:
        """The report on the terminal."""
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table as Drawn

        console = Console()
        if not console.is_terminal:
            console.width = 160
        for table in self.tables():
            drawn = Drawn(title=table.title, caption=escape(table.text), title_justify="left", caption_justify="left")
            for i, column in enumerate(table.columns):
                drawn.add_column(escape(column), justify="right" if i and len(table.columns) > 2 else "left")
            for row in table.rows:
                drawn.add_row(*map(escape, row))
            console.print(drawn)

    def data(self) -> dict[str, Any]:
        """Everything that was measured, for JSON."""
        return {
            "machine": self.machine,
            "options": self.options,
            "missing": self.missing,
            "cases": {
                r.case.name: {
                    "steps": r.case.steps, "mode": r.case.mode, "seconds": r.seconds, "calls": r.calls,
                    "first call": r.first, "peak bytes": r.peak, "failures": r.failures,
                }
                for r in self.results
            },
            "import": self.startup and {
                "seconds": self.startup.seconds,
                "modules": [module._asdict() for module in self.startup.modules],
            },
        }  # fmt: skip

    def failed(self) -> bool:
        """Whether Wengert could not do a case, or did it wrong."""
        return any(OURS in result.failures for result in self.results)


def overall(results: Sequence[Result], peers: Sequence[str]) -> Table:
    """How ours compares with each rival over the cases that both did: all, and those of each kind."""
    kinds: dict[str, list[Result]] = {"all cases": list(results)}
    for result in results:
        kinds.setdefault(result.case.kind, []).append(result)
    rows = []
    for name in peers:
        for kind, members in kinds.items():
            both = [r for r in members if OURS in r.seconds and name in r.seconds and name not in (OURS, OBJECTIVE)]
            ratios = [ratio(r.seconds[OURS], r.seconds[name]).median for r in both]
            if ratios:
                ahead = sum(value < 1 for value in ratios)
                figures = (mean_ratio(ratios), min(ratios), max(ratios))
                rows.append([name, kind, *(f"{value:.2f}" for value in figures), f"{ahead} of {len(ratios)}"])
    columns = ["library", "cases", "geometric mean", "least", "greatest", f"{OURS} is faster in"]
    text = f"The ratios of the next table, time of {OURS} ÷ time of the library: below 1, Wengert is faster."
    return Table("Overall", text, columns, rows)


def derivatives(results: Sequence[Result], peers: Sequence[str]) -> Table:
    """The main table: time of a derivative for every peer, and how ours compares."""
    rivals = [name for name in peers if name not in (OURS, OBJECTIVE)]
    columns = ["case", OURS, *rivals, *(f"{OURS} ÷ {name}" for name in rivals), "÷ function alone", "a step"]
    rows = []
    for result in results:
        ours = result.seconds.get(OURS)
        if ours is None:
            continue
        rows.append([
            result.case.name,
            *(_times(result.seconds.get(name)) for name in (OURS, *rivals)),
            *(_ratio(ours, result.seconds.get(name)) for name in rivals),
            _number(ratio(ours, result.seconds[OBJECTIVE]).median) if OBJECTIVE in result.seconds else "",
            _time(spread(ours).median / result.case.steps) if result.case.steps > 1 else "",
        ])  # fmt: skip
    text = (
        "Median [quartiles] of the time of one derivative. A ratio below 1 means that Wengert is faster; it is that of "
        "the medians, with the quartiles of the ratios of neighbouring runs. “÷ function alone” compares with the "
        "function in plain NumPy, without any derivative; “a step” is Wengert's time per step of the function's loop."
    )
    return Table("Derivatives", text, columns, rows)


def first_calls(results: Sequence[Result], peers: Sequence[str]) -> Table:
    """What the first call costs beyond the others."""
    names = [name for name in peers if name != OBJECTIVE]
    rows = [[r.case.name, *(_time(r.first[name]) if name in r.first else "" for name in names)] for r in results]
    return Table(
        "First call", "In a process that has imported the library and run the cases above.", ["case", *names], rows
    )


def growth(results: Sequence[Result], peers: Sequence[str]) -> Table:
    """Time per step as the number of steps grows."""
    columns = ["series", "library", "time a step at each size", "exponent"]
    rows = []
    for series in dict.fromkeys(r.case.series for r in results if r.case.series):
        for name in peers:
            found = [(r.case.steps, spread(r.seconds[name]).median) for r in results
                     if r.case.series == series and name in r.seconds]  # fmt: skip
            if len(found) > 1:
                each = ", ".join(f"{n:,}: {_time(t / n)}" for n, t in found)
                rows.append([series, name, each, f"{exponent(*zip(*found, strict=True)):.3f}"])
    return Table(
        "Growth", "The exponent is the slope in log–log scales: 1 is linear in the number of steps.", columns, rows
    )


def memory(results: Sequence[Result], peers: Sequence[str]) -> Table:
    """Peak memory of one derivative."""
    rows = [
        [r.case.name, *(f"{r.peak[name] / 1024:,.1f}" if name in r.peak else "" for name in peers)]
        for r in results
        if r.peak
    ]
    text = (
        "KiB held at most during one derivative (`tracemalloc`: Python's objects and NumPy's arrays); "
        f"{OBJECTIVE}: the function alone."
    )
    return Table("Peak memory", text, ["case", *peers], rows)


def startups(found: Startup) -> list[Table]:
    """The time of the imports, and the modules that take it."""
    rows = [
        [f"import {name}", _times(seconds), _milliseconds(found.excess(name))]
        for name, seconds in found.seconds.items()
    ]
    modules = [[m.name, _milliseconds(m.own), _milliseconds(m.total)] for m in found.modules[:MODULES]]
    return [
        Table("Import", "Fresh interpreters in turns: median [quartiles].", ["", "time", "more than NumPy, ms"], rows),
        Table(
            "Where the import goes",
            f"The modules that `import wengert` loads beyond `import numpy`, {len(found.modules)} in all, by their own "
            "time under `python -X importtime` (which itself slows them).",
            ["module", "own, ms", "with its imports, ms"],
            modules,
        ),
    ]


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{_number(seconds / size)} {unit}"
    return f"{_number(seconds / 1e-9)} ns"


def _times(seconds: Sequence[float] | None) -> str:
    if seconds is None:
        return "–"
    low, middle, high = spread(seconds)
    unit, size = next(((u, s) for u, s in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)) if middle >= s), ("ns", 1e-9))
    return f"{_number(middle / size)} [{_number(low / size)}–{_number(high / size)}] {unit}"


def _ratio(ours: Sequence[float], theirs: Sequence[float] | None) -> str:
    if theirs is None:
        return "–"
    low, middle, high = Spread(*ratio(ours, theirs))
    return f"{middle:.2f} [{low:.2f}–{high:.2f}]"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.1f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
