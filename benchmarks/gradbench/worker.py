"""One peer in a process of its own: `python -m benchmarks.gradbench.worker jax wall`."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from benchmarks.gradbench.peers import PEERS
from benchmarks.gradbench.problem import Problem
from benchmarks.gradbench.threads import confine
from benchmarks.worker import CLOCKS, Bench, Line

#: A call that takes longer than this many seconds is warm after the first.
LONG = 0.2


class ProgramBench(Bench):
    """A peer with the program of a problem."""

    def __init__(self, name: str, clock: str = "wall") -> None:
        self.module = importlib.import_module(f"benchmarks.gradbench.peers.{PEERS[name].module}")
        self.args: list[Any] = []
        self.clock = CLOCKS[clock]
        self.calls = 1

    def prepare(self, problem: Any) -> tuple[float, Any]:
        """The seconds until the first result is there, and that result: whatever is traced or compiled counts."""
        make = self.module.PROGRAMS.get((problem.evaluation, problem.function))
        if make is None:
            raise NotImplementedError("not written")
        args = problem.arguments()
        start = self.clock()
        self.call = make(*args)
        result = self.call()
        self.first = self.clock() - start
        return self.first, self.module.plain(result)

    def calibrate(self, seconds: float) -> int:
        """Warm up, and choose how many calls are timed together."""
        self.calls = 1
        return super().calibrate(seconds) if self.first < LONG or self.time() < LONG else 1


def serve(name: str, connection: Line, clock: str) -> None:
    """Answer `(method, arguments)` with `(result, None)` or `(None, error)` until the other side closes."""
    bench = ProgramBench(name, clock)
    while True:
        try:
            method, arguments = connection.recv()
        except EOFError:
            return
        try:
            connection.send((getattr(bench, method)(*arguments), None))
        except Exception as error:  # a peer that cannot do a problem is a result, not the end of the run
            connection.send((None, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"))


__all__ = ["Problem", "ProgramBench", "serve"]  # a Problem is what comes in, pickled

if __name__ == "__main__":
    confine(int(os.environ.get("OMP_NUM_THREADS", "1")))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not an answer
    serve(sys.argv[1], Line(sys.stdin.buffer, answers), sys.argv[2])
