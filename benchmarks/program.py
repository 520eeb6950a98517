"""One peer of a race in a process of its own: `python -m benchmarks.program gradbench jax wall`.

The suite's package `peers` has the table `PEERS`, and a module for each library with its `PROGRAMS`.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.machine import confine
from benchmarks.worker import CLOCKS, Bench, Line, answering

#: A call that takes longer than this many seconds is warm after the first.
LONG = 0.2


class ProgramBench(Bench):
    """A peer with the program of a problem."""

    def __init__(self, suite: str, name: str, clock: str = "wall") -> None:
        peers = importlib.import_module(f"benchmarks.{suite}.peers")
        self.entry = peers.PEERS[name]
        self.module = importlib.import_module(f"benchmarks.{suite}.peers.{self.entry.module}")
        self.args: list[Any] = []
        self.clock = CLOCKS[clock]
        self.calls = 1

    def make(self, problem: Any) -> Any:
        """What makes the call of a problem from its arguments."""
        key = (problem.key, self.entry.way) if self.entry.way else problem.key
        if key not in self.module.PROGRAMS:
            raise NotImplementedError("not written")
        return self.module.PROGRAMS[key]

    def prepare(self, problem: Any) -> tuple[float, Any]:
        """The seconds until the first result is there, and that result: whatever is traced or compiled counts."""
        make, args = self.make(problem), problem.arguments()
        start = self.clock()
        self.call = make(*args)
        result = self.call()
        self.first = self.clock() - start
        return self.first, self.module.plain(result)

    def calibrate(self, seconds: float) -> int:
        """Warm up, and choose how many calls are timed together."""
        self.calls = 1
        return super().calibrate(seconds) if self.first < LONG or self.time() < LONG else 1

    def peak(self, problem: Any) -> int | None:
        """The bytes that the process holds at most while it makes and calls a program, beyond those before.

        A small problem of the same kind goes first, so that what compilers load and keep is not counted.
        """
        make, small = self.make(problem), problem.shortened()
        make(*small.arguments())()
        args = problem.arguments()
        if not forget_peak():
            return None
        before = resident("VmRSS")
        make(*args)()
        return max(resident("VmHWM") - before, 0)  # the system's two records are kept to some pages only


def forget_peak() -> bool:
    """Let the system's record of the greatest memory begin anew; only Linux can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def resident(name: str) -> int:
    """Bytes of memory that the process has now (VmRSS) or has had at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


if __name__ == "__main__":
    confine(int(os.environ.get("OMP_NUM_THREADS", "1")))
    suite, name, clock = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not an answer
    answering(ProgramBench(suite, name, clock), Line(sys.stdin.buffer, answers))
