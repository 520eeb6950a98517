"""The pool of native threads that help with long loops.

They do not need Python's lock, and run what is in `job.py`. Which part of a loop is done by whom depends on chance;
what a part is does not (`parallel.py`).
"""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import time
from functools import cache
from typing import Any

from wengert.compile import job, machine


class _Pool:
    def __init__(self) -> None:
        text = job.TEXT.replace("SETMASK", str(int(signal.SIG_SETMASK))).replace("CLOCK", str(time.CLOCK_MONOTONIC))
        self.library = machine.Library(text, quick=True)
        self.run = self.library.address("run")
        self.size = ctypes.CFUNCTYPE(ctypes.c_int64)(self.library.address("size"))
        self.reset, self.stop = (ctypes.CFUNCTYPE(None)(self.library.address(name)) for name in ("reset", "stop"))
        self.reset()
        atexit.register(self.stop)  # nobody may be in this code when the interpreter frees it
        os.register_at_fork(after_in_child=self.reset)


@cache
def _made() -> _Pool:
    return _Pool()


def _pool() -> _Pool:
    """The only one; `cache` would let two threads make one each."""
    with machine.lock():
        return _made()


@cache
def is_possible() -> bool:
    """Whether this system has POSIX threads; else everything runs in the calling thread."""
    if not hasattr(os, "register_at_fork") or ctypes.sizeof(ctypes.c_void_p) != ctypes.sizeof(ctypes.c_int64):
        return False
    process: Any = ctypes.CDLL(None)
    return all(hasattr(process, name) for name in job.CALLED)


def run() -> int:
    """Where the function is that does a job; its arguments: function, argument, count of parts, threads, work."""
    return _pool().run


def size() -> int:
    """How many helpers there are: none before the first long loop."""
    return int(_pool().size())
