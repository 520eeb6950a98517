"""A compiled function that is a tree itself: a module, a dataclass with `__call__`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.core.tree import flatten

if TYPE_CHECKING:
    from wengert.compile.jit import Jit
    from wengert.compile.report import Lowered, Report


def is_tree(f: Any) -> bool:
    """Whether there are numbers to be followed in f itself."""
    leaves, _ = flatten(f)
    return not (len(leaves) == 1 and leaves[0] is f)


def call(f: Any, /, *args: Any, **kwargs: Any) -> Any:
    """What is compiled: the tree is the first argument."""
    return f(*args, **kwargs)


def behind(positions: int | Sequence[int]) -> tuple[int, ...]:
    """Positions of arguments, where the tree stands before them."""
    given = (positions,) if isinstance(positions, (int, np.integer)) else positions
    return tuple(i + 1 if i >= 0 else i for i in given)


class Bound:
    """What `jit` makes of it: each call is made with the numbers that are in the tree at that time."""

    def __init__(self, f: Any, compiled: Jit) -> None:
        self.tree, self.compiled = f, compiled

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.compiled(self.tree, *args, **kwargs)

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """As `Jit.lower`."""
        return self.compiled.lower(self.tree, *args, **kwargs)

    def report(self, *args: Any, **kwargs: Any) -> Report:
        """As `Jit.report`."""
        return self.compiled.report(self.tree, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "compiled":  # a copy that is not filled yet
            raise AttributeError(name)
        return getattr(self.compiled, name)

    def __repr__(self) -> str:
        return f"<compiled {self.tree!r}>"
