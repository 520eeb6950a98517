"""How many cores a process may use."""

from __future__ import annotations

import os


def confine(threads: int) -> None:
    """Leave this process so many cores, since not every library can be told how many threads it may have (JAX)."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
