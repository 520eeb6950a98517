"""How many threads compiled code may use."""

from __future__ import annotations

import os
from typing import Any

from wengert.core.errors import ArgumentError

MOST = 8  # where nobody asks for more
LIMIT = 256  # whoever asks
VARIABLE = "WENGERT_NUM_THREADS"


def threads_for(wish: Any) -> int:
    """The number of threads for `wg.jit(threads=wish)`; for None that of the environment, else the CPUs, at most 8."""
    if wish is not None:
        if isinstance(wish, bool) or not isinstance(wish, int) or wish < 1:
            raise ArgumentError(f"threads is a positive int or None, not {wish!r}", right="threads=2")
        return min(wish, LIMIT)
    text = os.environ.get(VARIABLE, "").strip()
    if text:
        if not text.isdecimal() or not int(text):
            raise ArgumentError(f"{VARIABLE} is {text!r}, not a number of threads", right=f"{VARIABLE}=2")
        return min(int(text), LIMIT)
    affinity = getattr(os, "sched_getaffinity", None)
    return min(len(affinity(0)) if affinity is not None else os.cpu_count() or 1, MOST)
