"""The memory plan: each intermediate array has a place in one arena, which is used again once nobody reads it."""

from __future__ import annotations

import heapq
from bisect import bisect
from collections.abc import Sequence
from typing import Any

LINE = 64  # bytes: arrays begin on a cache line
_ENDLESS = 1 << 62


def planned(steps: Sequence[Any]) -> tuple[dict[int, int], int]:
    """For each intermediate buffer its offset in bytes, and the size of the arena: first fit, in order of birth."""
    life: dict[int, list[Any]] = {}
    for i, step in enumerate(steps):
        for buffer in (b.whole for b in step.touched):
            if buffer.kind == "temp":
                life.setdefault(id(buffer), [buffer, i, i])[2] = i
    offsets: dict[int, int] = {}
    gaps = [(0, _ENDLESS)]  # begin and end of what is free, in order
    alive: list[tuple[int, int, int]] = []  # last step, begin, end; a heap
    top = 0
    for buffer, birth, death in sorted(life.values(), key=lambda entry: entry[1]):
        while alive and alive[0][0] < birth:
            _release(gaps, *heapq.heappop(alive)[1:])
        size = -(-max(buffer.bytes, 1) // LINE) * LINE
        k = next(k for k, (begin, end) in enumerate(gaps) if end - begin >= size)
        place, end = gaps[k]
        gaps[k : k + 1] = [(place + size, end)] if place + size < end else []
        offsets[id(buffer)] = place
        heapq.heappush(alive, (death, place, place + size))
        top = max(top, place + size)
    return offsets, top


def _release(gaps: list[tuple[int, int]], begin: int, end: int) -> None:
    """Add a gap, and join it with its neighbours."""
    k = bisect(gaps, (begin, end))
    if k < len(gaps) and gaps[k][0] == end:
        end = gaps.pop(k)[1]
    if k and gaps[k - 1][1] == begin:
        k -= 1
        begin = gaps.pop(k)[0]
    gaps.insert(k, (begin, end))
