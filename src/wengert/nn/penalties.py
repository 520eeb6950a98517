"""Penalties: what large parameters cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import optree

from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError
from wengert.core.tracer import Tracer
from wengert.core.tree import NAMESPACE, flatten
from wengert.nn.fields import Record, Walk


def l1_penalty(params: Any, weight: float = 1.0) -> Any:
    """Weight · Σ|p| over all parameters, which draws many of them to 0.

    **Arguments**: `params`, a module or any pytree; buffers do not count; `weight`, a number.
    **Returns**: one number. **Raises**: `ArgumentError` for leaves that are no numbers. **Cost**: one pass.

    >>> import numpy as np
    >>> from wengert.nn.penalties import l1_penalty
    >>> float(l1_penalty({"w": np.array([1.0, -2.0]), "b": 3.0}, 0.5))
    3.0

    **Source**: Tibshirani, "Regression shrinkage and selection via the lasso" (1996).
    """
    return weight * sum((np.sum(np.abs(p)) for p in _parameters(params, "l1_penalty")), 0.0)


def l2_penalty(params: Any, weight: float = 1.0) -> Any:
    """Weight · Σ p² over all parameters, which keeps them small.

    **Arguments**, **Returns**, **Raises**, **Cost**: as `l1_penalty`.

    >>> import numpy as np
    >>> from wengert.nn.penalties import l2_penalty
    >>> float(l2_penalty([np.array([1.0, -2.0]), 3.0], 0.5))
    7.0

    **Source**: Hoerl & Kennard, "Ridge regression" (1970).
    """

    def squares(p: Any) -> Any:
        return np.square(p) if aval_of(p).dtype.kind != "c" else np.square(np.real(p)) + np.square(np.imag(p))

    return weight * sum((np.sum(squares(p)) for p in _parameters(params, "l2_penalty")), 0.0)


def _parameters(tree: Any, name: str) -> Iterator[Any]:
    """What is trained, as it is: Variables, and not their values, in the style of the tape."""
    flatten(tree)  # which makes pytrees of the dataclasses in it
    for node in optree.tree_leaves(tree, is_leaf=lambda node: isinstance(node, Record), namespace=NAMESPACE):
        if isinstance(node, Record):
            entries = {entry.number: entry for entry in reversed(Walk(node).entries)}  # each once
            yield from (entries[number].value for number in sorted(entries) if entries[number].role == "parameter")
        elif isinstance(node, (int, float, complex, np.ndarray, np.generic, Tracer)):
            yield node
        else:
            raise ArgumentError(f"{name} was given a {type(node).__name__} among the parameters")
