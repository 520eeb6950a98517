"""One peer in a process of its own: it waits for a case, computes its derivative, and times it when told to."""

from __future__ import annotations

import os
import pickle
import sys
import time
import tracemalloc
from typing import Any, BinaryIO

from benchmarks.case import Case, mapped
from benchmarks.peer import PEERS, Peer

WARM_UP = 3
#: What is read before and after: the time that passes, or the time that this process computes, on all its threads. The
#: second does not count what other programs take, so it is for a machine that is not idle.
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class Bench:
    """A peer with a case set up."""

    def __init__(self, peer: Peer, clock: str = "wall") -> None:
        self.peer = peer
        self.clock = CLOCKS[clock]
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
        start = self.clock()
        result = self.call(*self.args)
        return self.clock() - start, peer.plain(result) if peer.plain else result

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
        start = self.clock()
        for _ in range(self.calls):
            call(*args)
        return (self.clock() - start) / self.calls

    def peak(self) -> int | None:
        """The bytes that a call holds at most, beyond those held before it; what Python and NumPy allocate counts."""
        if not self.peer.counted:
            return None
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            self.call(*self.args)
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()


class Line:
    """Python objects, sent and received over two streams of bytes."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self.incoming, self.outgoing = incoming, outgoing

    def recv(self) -> Any:
        """The next object; an EOFError where there will be none."""
        return pickle.load(self.incoming)

    def send(self, thing: Any) -> None:
        pickle.dump(thing, self.outgoing)
        self.outgoing.flush()


def answering(bench: Bench, connection: Any) -> None:
    """Answer `(method, arguments)` with `(result, None)` or `(None, error)` until nothing more comes."""
    while True:
        try:
            method, arguments = connection.recv()
        except EOFError:
            return
        try:
            answer = getattr(bench, method)(*arguments), None
        except Exception as error:  # a peer that cannot do a case is a result, not the end of the run
            answer = None, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        connection.send(answer)


def serve(name: str, connection: Any, clock: str = "wall") -> None:
    """Answer for a peer."""
    answering(Bench(PEERS[name](), clock), connection)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not an answer
    serve(sys.argv[1], Line(sys.stdin.buffer, answers), sys.argv[2])
