"""Every peer on every case, in turns."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.agreement import TOLERANCE, complex_step, difference, slope
from benchmarks.case import Case
from benchmarks.environment import python_of, variables
from benchmarks.peer import OBJECTIVE, OURS
from benchmarks.worker import Line

#: A case whose runs take longer than this many seconds together gets fewer of them, but not fewer than that.
PATIENCE, FEWEST = 20.0, 5


@dataclass
class Result:
    """What was found for one case: for each peer the seconds of each run, of its first call, and its peak memory."""

    case: Case
    seconds: dict[str, list[float]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


class Worker:
    """The process of one peer, seen from outside; it runs in the environment that has the peer."""

    def __init__(self, name: str, clock: str = "wall") -> None:
        command = [python_of(name) or sys.executable, "-m", "benchmarks.worker", name, clock]
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables())
        self.connection = Line(self.process.stdout, self.process.stdin)

    def ask(self, method: str, *arguments: Any) -> Any:
        """The answer; an error of the peer's, or its end, is raised as a `PeerError`."""
        try:
            self.connection.send((method, arguments))
            answer, error = self.connection.recv()
        except (EOFError, BrokenPipeError):
            raise PeerError(f"its process ended with status {self.process.wait()}") from None
        if error is not None:
            raise PeerError(error)
        return answer

    def close(self) -> None:
        """End the process."""
        try:
            self.process.communicate()
        except BrokenPipeError:  # it has ended already
            self.process.wait()


class PeerError(Exception):
    """A peer could not do what it was asked."""


def contest(
    peers: Sequence[str],
    cases: Iterable[Case],
    runs: int,
    seconds: float,
    told: Callable[[Case], None] = lambda _: None,
    clock: str = "wall",
) -> list[Result]:
    """The results of all peers on all cases, A B A B …: `runs` batches of `seconds` each; `told` hears what is next."""
    workers = [Worker(name, clock) for name in peers]
    results = []
    try:
        for case in cases:
            told(case)
            results.append(measured(case, workers, runs, seconds))
    finally:
        for worker in workers:
            worker.close()
    return results


def measured(case: Case, workers: Sequence[Any], runs: int, seconds: float) -> Result:
    """One case: first calls, the check, warm-up, then the runs in turns, then memory."""
    result = Result(case)
    derivatives: dict[str, Any] = {}
    for worker in workers:
        try:
            result.first[worker.name], derivatives[worker.name] = worker.ask("prepare", case)
        except PeerError as error:
            result.failures[worker.name] = str(error)
    derivatives.pop(OBJECTIVE, None)
    result.failures |= disagreements(case, derivatives)
    able = [worker for worker in workers if worker.name not in result.failures]
    for worker in able:
        result.calls[worker.name] = worker.ask("calibrate", seconds)
        result.seconds[worker.name] = []
    start = time.monotonic()
    for done in range(runs):
        if done >= FEWEST and time.monotonic() - start > PATIENCE:
            break
        for worker in able:
            result.seconds[worker.name].append(worker.ask("time"))
    if case.memory:
        peaks = {worker.name: worker.ask("peak") for worker in able}
        result.peak = {name: peak for name, peak in peaks.items() if peak is not None}
    return result


def disagreements(case: Case, derivatives: dict[str, Any]) -> dict[str, str]:
    """Who is wrong and by how much: judged by plain NumPy at complex numbers, or by ours where that is no judge."""
    wrong = {}
    ours = derivatives.get(OURS)
    for name, derivative in derivatives.items():
        distances = [difference(slope(case, derivative), complex_step(case))] if case.analytic else []
        if ours is not None:
            distances.append(difference(derivative, ours))
        if not max(distances, default=float("inf")) <= TOLERANCE:
            wrong[name] = f"differs by {max(distances, default=float('inf')):.1e}, more than {TOLERANCE:.0e}"
    return wrong
