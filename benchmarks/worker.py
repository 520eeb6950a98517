"""One peer in a process of its own: it waits for a case, computes its derivative, and times it when told to."""

from __future__ import annotations

import time
import tracemalloc
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.case import Case, mapped
from benchmarks.peer import PEERS, Peer

WARM_UP = 3


class Bench:
    """A peer with a case set up."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.calls = 1

    def prepare(self, case: Case) -> tuple[float, Any]:
        """The seconds of the first call, and its result."""
        peer = self.peer
        x, *rest = case.inputs()
        args = [x, case.direction()] if case.mode == "pushforward" else [x]
        if peer.receive:
            args, rest = mapped(peer.receive, args), mapped(peer.receive, rest)
        self.args = args
        derivative = peer.modes[case.mode](lambda x: case.function(peer.namespace, x, *rest))
        finish = peer.finish
        self.call = (lambda *args: finish(derivative(*args))) if finish else derivative
        start = time.perf_counter()
        result = self.call(*self.args)
        return time.perf_counter() - start, result

    def calibrate(self, seconds: float) -> int:
        """Warm up, and choose how many calls are timed together."""
        self.calls = 1
        for _ in range(WARM_UP):
            elapsed = self.time()
        while elapsed * self.calls < seconds:
            self.calls = max(self.calls + 1, min(2 * self.calls, int(1.1 * seconds / elapsed)))
            elapsed = self.time()
        return self.calls

    def time(self) -> float:
        """The seconds of one call, the mean over a batch."""
        call, args = self.call, self.args
        start = time.perf_counter()
        for _ in range(self.calls):
            call(*args)
        return (time.perf_counter() - start) / self.calls

    def peak(self) -> int:
        """The bytes that a call holds at most, beyond those held before it; what Python and NumPy allocate counts."""
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            self.call(*self.args)
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()


def serve(name: str, connection: Connection) -> None:
    """Answer `(method, arguments)` with `(result, None)` or `(None, error)` until None comes."""
    bench = Bench(PEERS[name]())
    while (request := connection.recv()) is not None:
        method, arguments = request
        try:
            answer = getattr(bench, method)(*arguments), None
        except Exception as error:  # a peer that cannot do a case is a result, not the end of the run
            answer = None, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        connection.send(answer)
