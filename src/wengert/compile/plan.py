"""The memory plan: each intermediate array has a place in one arena, which is used again once nobody reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LINE = 64  # bytes: arrays begin on a cache line


def planned(steps: Sequence[Any]) -> tuple[dict[int, int], int]:
    """For each intermediate buffer its offset in bytes, and the size of the arena: first fit, in order of birth."""
    life: dict[int, list[Any]] = {}
    for i, step in enumerate(steps):
        for buffer in (b.whole for b in step.touched):
            if buffer.kind == "temp":
                life.setdefault(id(buffer), [buffer, i, i])[2] = i
    offsets: dict[int, int] = {}
    alive: list[tuple[int, int, int]] = []  # begin, end in the arena, last step
    top = 0
    for buffer, birth, death in sorted(life.values(), key=lambda entry: entry[1]):
        alive = sorted(a for a in alive if a[2] >= birth)
        size = -(-max(buffer.bytes, 1) // LINE) * LINE
        place = 0
        for begin, end, _ in alive:
            if begin - place >= size:
                break
            place = max(place, end)
        offsets[id(buffer)] = place
        alive.append((place, place + size, death))
        top = max(top, place + size)
    return offsets, top
