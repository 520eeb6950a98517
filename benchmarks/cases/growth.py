"""How time grows with the number of operations, where every value is used twice: 2ⁿ paths, n nodes."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.case import Case


def shared(np: Any, x: Any, n: int) -> Any:
    y = x
    for _ in range(n):
        y = y + y * 0.001
    return y


def inputs(n: int) -> tuple[Any, ...]:
    return 0.5, n


def cases(tiny: bool = False) -> list[Case]:
    return [
        Case(
            f"{n:,} shared nodes, {name}",
            shared,
            partial(inputs, n),
            mode=mode,
            steps=n,
            series=f"shared nodes, {name}",
        )
        for mode, name in (("gradient", "reverse"), ("pushforward", "forward"))
        for n in ((10, 20, 40) if tiny else (1_000, 10_000, 100_000))
    ]
