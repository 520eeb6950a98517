"""A case: one function, written once for every library, its input, and which derivative of it is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """What every peer gets.

    `function(np, x, *rest)` is plain NumPy code that returns one number; `np` is the peer's namespace (NumPy itself for
    Wengert, `autograd.numpy`, …). `inputs()` makes `(x, *rest)`, the same at every call; the derivative is that for x,
    a number, an array or a tree of them. Both are functions of a module, or partials of such, so that a case can be
    sent to another process.

    `mode` names the derivative (see `peer.py`). `steps`: how many operations or loop steps the function makes, where
    the time of one is of interest. Cases with one `series` differ in `steps` only: the report tells how time grows.
    `analytic`: the function may be evaluated at complex numbers, which checks its derivative without any peer.
    `memory`: its peak memory is measured too.
    """

    name: str
    function: Callable[..., Any]
    inputs: Callable[[], tuple[Any, ...]]
    mode: str = "gradient"
    steps: int = 1
    series: str = ""
    analytic: bool = True
    memory: bool = False

    @property
    def kind(self) -> str:
        """The derivative, for cases that belong together by it; those with a series by that."""
        return self.series or self.mode

    def direction(self) -> Any:
        """A fixed tangent like x."""
        random = np.random.default_rng(7)
        return mapped(lambda leaf: random.standard_normal(np.shape(leaf))[()], self.inputs()[0])


def mapped(fn: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The tree (lists, tuples and dicts) with `fn` applied to its leaves, and to those of trees like it."""
    if isinstance(tree, dict):
        return {key: mapped(fn, value, *(other[key] for other in others)) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(mapped(fn, *parts) for parts in zip(tree, *others, strict=True))
    return fn(tree, *others)


def leaves(tree: Any) -> Iterator[Any]:
    """The numbers and arrays of a tree, in order."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        for part in tree:
            yield from leaves(part)
    else:
        yield tree
