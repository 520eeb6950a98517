"""Limits to gradients, as functions of a tree of them; `clip=` of every optimizer takes one, or several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError
from wengert.core.tree import flatten
from wengert.optim.leaves import cast, restored, trainable, working


@dataclass(frozen=True)
class ClipValue:
    """Hold every element between −limit and limit.

    **Arguments**: `limit`, a positive number. **Returns**: a function of a tree of gradients, which gives a tree like
    it; of complex numbers both parts are held; buffers of modules are left as they are.
    **Raises**: `ArgumentError` for a limit that is not positive. **Cost**: one pass.

    >>> import numpy as np
    >>> from wengert.optim import ClipValue
    >>> ClipValue(1.0)({"w": np.array([-3.0, 0.5]), "b": 2.0})
    {'w': array([-1. ,  0.5]), 'b': 1.0}

    **Source**: Mikolov, *Statistical Language Models Based on Neural Networks* (2012).
    """

    limit: float

    def __post_init__(self) -> None:
        _check(self.limit, "ClipValue")

    def __call__(self, grads: Any) -> Any:
        return _mapped(lambda g: restored(np.clip(working(g), -self.limit, self.limit), g), grads)


@dataclass(frozen=True)
class ClipNorm:
    """Scale all gradients by one factor, so that their common Euclidean norm is at most limit.

    g ← g · min(1, limit/‖g‖), with ‖g‖² the sum of all squares in the tree: the direction stays.

    **Arguments**: `limit`, a positive number. **Returns**: a function of a tree of gradients, which gives a tree like
    it; buffers of modules are left as they are, and not counted. One NaN makes NaN of all; of an infinite norm the
    infinite elements become NaN, and the others 0.
    **Raises**: `ArgumentError` for a limit that is not positive. **Cost**: three passes.

    >>> import numpy as np
    >>> from wengert.optim import ClipNorm
    >>> ClipNorm(1.0)([np.array([3.0, 0.0]), np.array([4.0])])
    [array([0.6, 0. ]), array([0.8])]

    **Source**: Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks" (2013).
    """

    limit: float

    def __post_init__(self) -> None:
        _check(self.limit, "ClipNorm")

    def __call__(self, grads: Any) -> Any:
        norm = global_norm(grads)
        factor = self.limit / np.maximum(norm, self.limit)
        return _mapped(lambda g: g * cast(factor, _scale(g)), grads)


def global_norm(tree: Any) -> Any:
    """The Euclidean norm of all numbers in a tree, as of one vector.

    ‖g‖ = m·√Σ(|g|/m)² with m = max |g|, which neither overflows nor underflows.

    **Arguments**: `tree`, a pytree of numbers and arrays; buffers of modules do not count. **Returns**: a number, 0.0
    for a tree without leaves. **Raises**: what NumPy raises for leaves that are not numbers. **Cost**: two passes.

    >>> import numpy as np
    >>> from wengert.optim import global_norm
    >>> float(global_norm([np.array([3e200]), 4e200]))
    5e+200

    **Source**: Blue, "A portable Fortran program to find the Euclidean norm of a vector" (1978).
    """
    sizes = [np.abs(g) for g, flag in zip(flatten(tree)[0], trainable(tree), strict=True) if flag]
    sizes = [size for size in sizes if aval_of(size).shape == () or 0 not in aval_of(size).shape]
    if not sizes:
        return 0.0
    top = np.max(sizes[0])
    for size in sizes[1:]:
        top = np.maximum(top, np.max(size))
    unit = np.where((top > 0) & np.isfinite(top), top, 1.0)
    total: Any = 0.0
    for size in sizes:
        part = size / cast(unit, _scale(size))
        total = total + np.sum(part * part)
    return unit * np.sqrt(total)


def _scale(value: Any) -> Any:
    aval = aval_of(value)
    return aval._replace(shape=(), dtype=aval.dtype.type(0).real.dtype)


def _mapped(fn: Callable[[Any], Any], grads: Any) -> Any:
    leaves, rebuild = flatten(grads)
    flags = trainable(grads)
    return rebuild([cast(fn(g), aval_of(g)) if flag else g for g, flag in zip(leaves, flags, strict=True)])


def _check(limit: Any, name: str) -> None:
    if not isinstance(limit, (int, float, np.floating, np.integer)) or not limit > 0:
        raise ArgumentError(
            f"{name} takes a positive limit, and was given {limit if np.isscalar(limit) else type(limit).__name__!r}",
            wrong=f"{name}(grads)",
            right=f"{name}(1.0)(grads)   or   Adam(lr=0.1, clip={name}(1.0))",
        )
