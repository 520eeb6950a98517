"""A race: programs that each peer states in its own library, measured in turns, each peer in a process of its own.

A suite (`gradbench`, `toolbox`) says which problems there are, who takes part, and how the report looks.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.agreement import difference
from benchmarks.contest import PeerError
from benchmarks.contest import Worker as ContestWorker
from benchmarks.environment import python_of, variables
from benchmarks.machine import machine, set_threads
from benchmarks.worker import Line

RUNS, FEWEST = 25, 3
BATCH = 0.002  # seconds; a short batch is seldom interrupted by whatever else the machine does
#: A problem whose runs take longer than this many seconds together gets fewer of them.
PATIENCE = {"quick": 4.0, "full": 20.0}
OURS, OBJECTIVE = "wengert", "numpy"
#: Peers that do without the compiler.
UNCOMPILED = ("eager", OBJECTIVE)
#: What a peer answers that was never meant to do a problem.
UNASKED = "NotImplementedError: not written"


class Entry(NamedTuple):
    """A peer: its module in the suite's `peers`, the distribution that it needs, and how it is called in the report.

    `way`: of the programs that the module has for a problem, the one of that name.
    """

    module: str
    distribution: str
    title: str
    way: str = ""


@dataclass
class Outcome:
    """What was found for a problem: for each peer the seconds of each run and of the first call, or what is wrong.

    `peak`: the bytes that a call adds in a fresh process; `error`: the distance from a result known otherwise.
    """

    problem: Any
    seconds: dict[str, list[float]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    error: dict[str, float] = field(default_factory=dict)


class Suite(NamedTuple):
    """What is measured: `problems` of the set "quick" or "full", and the report, made of machine, settings and peers.

    The report lies in the suite's folder, and the programs in its package `peers`.
    """

    name: str
    description: str
    peers: Mapping[str, Entry]
    problems: Callable[[str], list[Any]]
    sheet: Callable[..., Any]

    @property
    def folder(self) -> Path:
        return Path(__file__).parent / self.name


class Worker(ContestWorker):
    """The process of one peer, seen from outside; nothing that an earlier run compiled is found by it."""

    def __init__(self, suite: Suite, name: str, cache: str, clock: str = "wall") -> None:
        self.name = name
        python = python_of(suite.peers[name].distribution) or sys.executable
        self.command = [python, "-m", "benchmarks.program", suite.name, name, clock]
        self.environment = variables() | {"XDG_CACHE_HOME": cache, "TORCHINDUCTOR_CACHE_DIR": f"{cache}/inductor"}
        if name.partition(".")[0] in UNCOMPILED:
            self.environment["BENCHMARK_EAGER"] = "1"
        self.begin()

    def begin(self) -> None:
        """Start the process."""
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.environment
        )
        self.connection = Line(self.process.stdout, self.process.stdin)

    def afresh(self, method: str, *arguments: Any) -> Any:
        """The answer of another process of the same peer, which has done nothing yet."""
        this = self.process, self.connection
        self.begin()
        try:
            return self.ask(method, *arguments)
        finally:
            self.close()
            self.process, self.connection = this


def measured(problem: Any, workers: Sequence[Any], runs: int, seconds: float, patience: float) -> Outcome:
    """One problem: first calls, the check, warm-up, then the runs in turns, then memory."""
    outcome = Outcome(problem)
    results: dict[str, Any] = {}
    for worker in workers:
        try:
            outcome.first[worker.name], results[worker.name] = worker.ask("prepare", problem)
        except PeerError as error:
            outcome.failures[worker.name] = str(error)
    known = problem.reference()
    if known is not None:
        outcome.error = {name: farthest(result, known) for name, result in results.items()}
    outcome.failures |= disagreements(problem, results, known)
    able = [worker for worker in workers if worker.name not in outcome.failures]
    for worker in able:
        worker.ask("calibrate", seconds)
    outcome.seconds = {worker.name: [] for worker in able}
    start = time.monotonic()
    for done in range(runs):
        if done >= FEWEST and time.monotonic() - start > patience:
            break
        for worker in able:
            outcome.seconds[worker.name].append(worker.ask("time"))
    if problem.memory:
        outcome.peak = peaks(problem, able)
    return outcome


def peaks(problem: Any, workers: Sequence[Any]) -> dict[str, int]:
    """The memory that each takes, where the system can tell."""
    found: dict[str, int] = {}
    for worker in workers:
        with contextlib.suppress(PeerError):  # it has done the problem once; what fails is the measuring
            peak = worker.afresh("peak", problem)
            if peak is not None:
                found[worker.name] = peak
    return found


def disagreements(problem: Any, results: dict[str, Any], known: Any = None) -> dict[str, str]:
    """Whose result is not the known one, or else ours, part by part; without either, nobody's can be judged."""
    if known is None:
        known = results.get(OURS)
    if known is None:
        return dict.fromkeys(results, "nothing to compare with")
    wrong = {}
    for name, result in results.items():
        distance = farthest(result, known)
        if not distance <= problem.tolerance:
            wrong[name] = f"differs by {distance:.1e}, more than {problem.tolerance:.0e}"
    return wrong


def farthest(found: Any, expected: Any) -> float:
    """The greatest difference of any part (a mean, a matrix of weights), relative to that part."""
    if isinstance(found, (list, tuple)):
        if not isinstance(expected, (list, tuple)) or len(found) != len(expected):
            return float("inf")
        return max(map(farthest, found, expected), default=0.0)
    return difference(found, expected)


def options(suite: Suite, arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {suite.name}", description=suite.description)
    parser.add_argument("--full", action="store_true", help="all sizes; the default is one or two each")
    parser.add_argument("--only", metavar="PATTERN", default="*", help="problems whose name contains this")
    parser.add_argument("--peers", metavar="NAMES", default=",".join(suite.peers), help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help="timed batches (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of each process (default: 1)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: where other programs run too")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write what was measured here")
    return parser.parse_args(arguments)


def race(
    suite: Suite, asked: Sequence[Any], names: Sequence[str], runs: int, patience: float, clock: str
) -> Iterator[Outcome]:
    """The outcome of one problem after the other, from the same processes."""
    with tempfile.TemporaryDirectory() as cache:
        workers = [Worker(suite, name, os.path.join(cache, name), clock) for name in names]
        for worker in workers:  # the first one is not to be timed while the others still import
            with contextlib.suppress(PeerError):
                worker.ask("clock")
        try:
            for problem in asked:
                yield measured(problem, workers, runs, BATCH, patience)
        finally:
            for worker in workers:
                worker.close()


def run(suite: Suite, arguments: list[str]) -> int:
    """Measure, print, and write RESULTS.md and results.json if the run was a whole one; Ctrl-C ends it early."""
    chosen = options(suite, arguments)
    set_threads(chosen.threads)

    from rich.progress import track

    which = "full" if chosen.full else "quick"
    pattern = f"*{chosen.only}*".lower()
    every = suite.problems(which)
    asked = [problem for problem in every if fnmatch.fnmatchcase(problem.name.lower(), pattern)]
    if not asked:
        sys.exit(f"no problem is called {chosen.only!r}; there are: {', '.join(p.name for p in every)}")
    names = [name for name in suite.peers if name in chosen.peers.split(",")]
    found = [name for name in names if python_of(suite.peers[name].distribution)]
    distributions = list(dict.fromkeys(suite.peers[name].distribution for name in found))
    settings = {"set": which, "runs": chosen.runs, "threads": chosen.threads, "clock": chosen.clock}
    missing = [name for name in names if name not in found]
    sheet = suite.sheet(machine(["numpy", *distributions]), settings, found, missing)
    outcomes = race(suite, asked, found, chosen.runs, PATIENCE[which], chosen.clock)
    with contextlib.suppress(KeyboardInterrupt):
        for outcome in track(outcomes, "", total=len(asked), transient=True):
            sheet.outcomes.append(outcome)
    sheet.print()
    text = json.dumps(sheet.data(), indent=1, ensure_ascii=False) + "\n"
    if chosen.json:
        chosen.json.write_text(text, "utf-8")
    if len(sheet.outcomes) == len(every) and names == list(suite.peers):
        (suite.folder / "RESULTS.md").write_text(sheet.markdown(), "utf-8")
        (suite.folder / "results.json").write_text(text, "utf-8")
    return int(sheet.failed())
