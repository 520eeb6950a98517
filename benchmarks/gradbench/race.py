"""Every peer on every problem, in turns: `python -m benchmarks gradbench`."""

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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.agreement import difference
from benchmarks.contest import PeerError
from benchmarks.contest import Worker as ContestWorker
from benchmarks.environment import python_of, variables
from benchmarks.gradbench.peers import PEERS
from benchmarks.gradbench.problem import Problem, problems
from benchmarks.machine import machine, set_threads
from benchmarks.worker import Line

FOLDER = Path(__file__).parent
RUNS, FEWEST = 25, 3
BATCH = 0.002  # seconds; a short batch is seldom interrupted by whatever else the machine does
#: A problem whose runs take longer than this many seconds together gets fewer of them.
PATIENCE = {"quick": 4.0, "full": 20.0}
OURS, OBJECTIVE = "wengert", "numpy"
#: What a peer answers that was never meant to do a problem.
UNASKED = "NotImplementedError: not written"


@dataclass
class Outcome:
    """What was found for a problem: for each peer the seconds of each run and of the first call, or what is wrong."""

    problem: Problem
    seconds: dict[str, list[float]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


class Worker(ContestWorker):
    """The process of one peer, seen from outside; nothing that an earlier run compiled is found by it."""

    def __init__(self, name: str, cache: str, clock: str = "wall") -> None:
        python = python_of(PEERS[name].distribution) or sys.executable
        command = [python, "-m", "benchmarks.gradbench.worker", name, clock]
        environment = variables() | {"XDG_CACHE_HOME": cache, "TORCHINDUCTOR_CACHE_DIR": f"{cache}/inductor"}
        if name in ("eager", OBJECTIVE):
            environment["BENCHMARK_EAGER"] = "1"
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.connection = Line(self.process.stdout, self.process.stdin)


def measured(problem: Problem, workers: Sequence[Any], runs: int, seconds: float, patience: float) -> Outcome:
    """One problem: first calls, the check, warm-up, then the runs in turns."""
    outcome = Outcome(problem)
    results: dict[str, Any] = {}
    for worker in workers:
        try:
            outcome.first[worker.name], results[worker.name] = worker.ask("prepare", problem)
        except PeerError as error:
            outcome.failures[worker.name] = str(error)
    outcome.failures |= disagreements(problem, results)
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
    return outcome


def disagreements(problem: Problem, results: dict[str, Any]) -> dict[str, str]:
    """Whose result is not ours, part by part; without ours, nobody's can be judged."""
    if OURS not in results:
        return dict.fromkeys(results, "nothing to compare with")
    wrong = {}
    for name, result in results.items():
        distance = farthest(result, results[OURS])
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


def options(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks gradbench", description="GradBench's evaluations, training steps and overheads."
    )
    parser.add_argument("--full", action="store_true", help="all of GradBench's sizes; the default is one or two each")
    parser.add_argument("--only", metavar="PATTERN", default="*", help="problems whose name contains this")
    parser.add_argument("--peers", metavar="NAMES", default=",".join(PEERS), help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help="timed batches (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of each process (default: 1)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: where other programs run too")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write what was measured here")
    return parser.parse_args(arguments)


def race(asked: Sequence[Problem], names: Sequence[str], runs: int, patience: float, clock: str) -> Iterator[Outcome]:
    """The outcome of one problem after the other, from the same processes."""
    with tempfile.TemporaryDirectory() as cache:
        workers = [Worker(name, os.path.join(cache, name), clock) for name in names]
        try:
            for problem in asked:
                yield measured(problem, workers, runs, BATCH, patience)
        finally:
            for worker in workers:
                worker.close()


def main(arguments: list[str]) -> int:
    """Measure, print, and write RESULTS.md and results.json if the run was a whole one; Ctrl-C ends it early."""
    chosen = options(arguments)
    set_threads(chosen.threads)  # before anything imports NumPy

    from rich.progress import track

    from benchmarks.gradbench.sheet import Sheet

    which = "full" if chosen.full else "quick"
    pattern = f"*{chosen.only}*".lower()
    asked = [problem for problem in problems(which) if fnmatch.fnmatchcase(problem.name.lower(), pattern)]
    if not asked:
        sys.exit(f"no problem is called {chosen.only!r}; there are: {', '.join(p.name for p in problems(which))}")
    names = [name for name in PEERS if name in chosen.peers.split(",")]
    found = [name for name in names if python_of(PEERS[name].distribution)]
    distributions = list(dict.fromkeys(PEERS[name].distribution for name in found))
    settings = {"set": which, "runs": chosen.runs, "threads": chosen.threads, "clock": chosen.clock}
    sheet = Sheet(machine(["numpy", *distributions]), settings, found, [name for name in names if name not in found])
    outcomes = race(asked, found, chosen.runs, PATIENCE[which], chosen.clock)
    with contextlib.suppress(KeyboardInterrupt):
        for outcome in track(outcomes, "", total=len(asked), transient=True):
            sheet.outcomes.append(outcome)
    sheet.print()
    text = json.dumps(sheet.data(), indent=1, ensure_ascii=False) + "\n"
    if chosen.json:
        chosen.json.write_text(text, "utf-8")
    if len(sheet.outcomes) == len(problems(which)) and names == list(PEERS):
        (FOLDER / "RESULTS.md").write_text(sheet.markdown(), "utf-8")
        (FOLDER / "results.json").write_text(text, "utf-8")
    return int(sheet.failed())
