"""A tree of numbers and arrays as one vector, and back: what solvers and optimizers work on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.primitive import bind
from wengert.core.tracer import Tracer
from wengert.core.tree import differentiable, flatten, paths, refuse_subclass
from wengert.graph.call import number


def ravel(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """All numbers of a tree in one vector, and the function that makes a tree of a vector again.

    With vector, unravel = ravel(tree): unravel(vector) is the tree, and both are linear.

    **Arguments**: `tree`, any pytree of numbers and arrays, which may be traced. The leaves stand one after the other
    (of a dict in the order of its sorted keys), each in the order of `np.ravel`.
    **Returns**: the vector, an array of its own with one axis, and `unravel(vector)`, for any vector of that length,
    traced or not, inside and outside of the transformation in which it was made. The vector has the common dtype of
    the leaves (`np.result_type`), where Python numbers count as float64, so that none loses digits, and integers
    become float64, as in `wg.grad`; an empty tree gives float64. `unravel` gives each leaf its shape and its own dtype,
    a Python float where there was one, and memory of its own.
    **Raises**: `ArgumentError` for a leaf that is a truth value or no number, and for real leaves beside complex ones;
    of `unravel` `ShapeError` for a vector of another length or with other axes, `ArgumentError` for what is no array of
    numbers, and for complex numbers in the place of real ones.
    **Cost**: a copy or two of the numbers, either way.

    >>> import numpy as np, wengert as wg
    >>> vector, unravel = wg.ravel({"slope": np.array([1.0, 2.0]), "offset": 3.0})
    >>> vector
    array([3., 1., 2.])
    >>> unravel(2 * vector)
    {'slope': array([2., 4.]), 'offset': 6.0}

    **Source**: the function of that name in JAX, `jax.flatten_util.ravel_pytree`.
    """
    leaves, rebuild = flatten(tree)
    names = paths(tree, "tree")
    leaves = [differentiable(leaf, name) for leaf, name in zip(leaves, names, strict=True)]
    slots = _slots(leaves)
    _check_kinds(slots, names)
    dtype = np.result_type(*(slot.dtype for slot in slots)) if slots else np.dtype(np.float64)
    # A number is stacked, not reshaped, since a gradient that comes back through `stack` is a number again.
    parts = [np.astype(np.reshape(v, (-1,)) if shape_of(v) else np.stack([v]), dtype) for v in leaves]
    size = slots[-1].end if slots else 0

    def unravel(vector: Any) -> Any:
        """The tree of a vector."""
        _check_vector(vector, size, dtype)
        return rebuild([slot.read(vector) for slot in slots])

    return np.concatenate(parts) if len(parts) > 1 else parts[0] if parts else np.zeros(0), unravel


class _Slot(NamedTuple):
    """Where in the vector a leaf stands, and what it is."""

    start: int
    end: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    kind: str  # a Python "number", a NumPy "scalar", an "array"

    def read(self, vector: Any) -> Any:
        """The leaf, which shares no memory with the vector."""
        if self.kind == "array":
            return np.astype(np.reshape(vector[self.start : self.end], self.shape), self.dtype)
        value = vector[self.start]
        if value.dtype != self.dtype:
            value = value.astype(self.dtype)
        return value if self.kind == "scalar" else bind(number, (value,), {})


def _slots(leaves: Sequence[Any]) -> list[_Slot]:
    slots, start = [], 0
    for leaf in leaves:
        aval = aval_of(leaf)
        array = leaf.is_cell if isinstance(leaf, Tracer) else isinstance(leaf, np.ndarray)
        end = start + int(np.prod(aval.shape))
        kind = "number" if aval.weak else "array" if array else "scalar"
        slots.append(_Slot(start, end, aval.shape, aval.dtype, kind))
        start = end
    return slots


def _check_kinds(slots: Sequence[_Slot], names: Sequence[str]) -> None:
    """Of a complex number in the place of a real one, one half would belong to nothing."""
    found = {slot.dtype.kind: name for slot, name in zip(slots, names, strict=True)}
    if len(found) > 1:
        raise ArgumentError(
            f"{found['c']} is complex and {found['f']} is real; one vector would make both complex",
            wrong="wg.ravel({'x': x, 'z': z})",
            right="wg.ravel({'x': x, 're': np.real(z), 'im': np.imag(z)})",
        )


def _check_vector(vector: Any, size: int, dtype: np.dtype[Any]) -> None:
    if isinstance(vector, np.ndarray):
        refuse_subclass(vector, "the vector")
    elif not isinstance(vector, (Tracer, np.generic)):
        raise ArgumentError(
            f"unravel takes an array, not a {type(vector).__name__}",
            wrong="unravel([1.0, 2.0])",
            right="unravel(np.array([1.0, 2.0]))",
        )
    shape, kind = shape_of(vector), vector.dtype.kind
    if shape != (size,):
        raise ShapeError(
            f"unravel takes a vector of shape ({size},), as ravel returned it, not one of shape {shape}",
            wrong=f"unravel(np.zeros({shape}))",
            right=f"unravel(np.zeros({size}))",
        )
    if kind not in ("fiuc" if dtype.kind == "c" else "fiu"):
        raise ArgumentError(
            f"unravel was given a vector of dtype {vector.dtype} for a tree of {dtype}",
            wrong="unravel(z)" if kind == "c" else f"unravel(np.array(values))   # dtype {vector.dtype}",
            right="unravel(np.real(z))" if kind == "c" else "unravel(np.array(values, dtype=float))",
        )
