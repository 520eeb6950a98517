"""The leaves of parameters and gradients as the update rules take them: what is trained, as real numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import Aval, aval_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tracer import Tracer
from wengert.core.tree import flatten, paths, structure
from wengert.transform.tape import Variable

_NUMBERS = (float, int, complex, np.ndarray, np.generic, Tracer)
_HALF = np.dtype(np.float16)


def trainable(tree: Any) -> list[bool]:
    """For each leaf of a tree whether it is trained: all are but the buffers of modules."""
    if type(tree) in (list, tuple) and all(isinstance(leaf, _NUMBERS) for leaf in tree):
        return [True] * len(tree)
    from wengert.nn import fields  # here, since `wengert.nn` imports the optimizers

    return fields.trainable(tree)


class Leaves:
    """The trained leaves of `params`, and how the tree is made again from new ones."""

    def __init__(self, params: Any) -> None:
        self.params = params
        self.all, self._rebuild = flatten(params)
        self.trained = [i for i, flag in enumerate(trainable(params)) if flag]
        self.values = [self._checked(i) for i in self.trained]

    def _checked(self, i: int) -> Any:
        leaf = resolve(self.all[i])
        if isinstance(leaf, Variable) and leaf.is_leaf:
            raise ArgumentError(
                f"{paths(self.params, 'params')[i]} is a Variable, which would not move: the result is another value",
                wrong="opt = SGD(lr=0.1); params, state = opt.update(grads, state, variables)",
                right="opt = SGD(variables, lr=0.1); opt.step()",
            )
        if isinstance(leaf, _NUMBERS) and aval_of(leaf).dtype.kind in "fc":
            return leaf
        kind = str(leaf.dtype) if hasattr(leaf, "dtype") else type(leaf).__name__
        raise ArgumentError(
            f"{paths(self.params, 'params')[i]} is of type {kind}; parameters are floating-point numbers and arrays",
            wrong="opt.init({'w': np.zeros(3, int), 'name': 'a'})",
            right="opt.init({'w': np.zeros(3)})",
        )

    def gradients(self, grads: Any) -> list[Any]:
        """The gradients of the trained leaves, in the dtypes of these."""
        leaves, _ = flatten(grads)
        if len(leaves) != len(self.all) or (leaves and structure(grads) != structure(self.params)):
            raise ShapeError(
                f"the gradients have another structure than the parameters: {structure(grads)} for "
                f"{structure(self.params)}",
                wrong="opt.update(wg.grad(loss)(a, b), state, (a, b))",
                right="opt.update(wg.grad(loss, argnums=(0, 1))(a, b), state, (a, b))",
            )
        found = []
        for i, value in zip(self.trained, self.values, strict=True):
            grad, want = resolve(leaves[i]), aval_of(value)
            have = aval_of(grad) if isinstance(grad, _NUMBERS) else None
            if have is None or have.shape != want.shape or (have.dtype.kind == "c" and want.dtype.kind != "c"):
                name = paths(self.params, "params")[i]
                raise ShapeError(f"the gradient of {name}, {want}, is {have or type(grad).__name__}")
            found.append(cast(grad, want))
        return found

    def tree(self, values: Sequence[Any]) -> Any:
        """The parameters with these values in the places of the trained leaves."""
        leaves = list(self.all)
        for i, value in zip(self.trained, values, strict=True):
            leaves[i] = value
        return self._rebuild(leaves)


def cast(value: Any, aval: Aval) -> Any:
    """The value in a precision; for a Python number it becomes one."""
    have = aval_of(value)
    if aval.weak:
        if isinstance(value, Tracer):
            return value.as_number()
        return value if have.weak else aval.dtype.type(value).item()
    if have.dtype == aval.dtype and not have.weak:
        return value
    if isinstance(value, (Tracer, np.ndarray)):
        return value.astype(aval.dtype)  # type: ignore[union-attr]
    return aval.dtype.type(value)


def working(value: Any) -> Any:
    """A leaf as the rules compute with it: real (a complex array as two), and no narrower than float32."""
    aval = aval_of(value)
    if aval.dtype.kind == "c":
        return np.stack([np.real(value), np.imag(value)])
    return value.astype(np.float32) if aval.dtype == _HALF else value


def working_shape(value: Any) -> tuple[int, ...]:
    """The shape of that."""
    aval = aval_of(value)
    return (2, *aval.shape) if aval.dtype.kind == "c" else aval.shape


def restored(value: Any, like: Any) -> Any:
    """What the rules computed, in the form of the leaf that it replaces."""
    aval = aval_of(like)
    return cast(value[0] + 1j * value[1] if aval.dtype.kind == "c" else value, aval)


def empty(value: Any, fill: float = 0.0) -> Any:
    """Zeros, or `fill`, in the form in which the rules compute with a leaf."""
    aval = aval_of(value)
    if aval.weak and aval.dtype.kind == "f":
        return fill
    shape = working_shape(value)
    dtype = np.dtype(np.float32) if aval.dtype == _HALF else aval.dtype.type(0).real.dtype
    array = np.full(shape, fill, dtype)
    return array if shape or type(value) is np.ndarray or not _is_number(value) else array[()]


def _is_number(value: Any) -> bool:
    return isinstance(value, np.generic) or (isinstance(value, Tracer) and not value.is_cell)


def ravel(values: Sequence[Any]) -> Any:
    """All elements in one vector."""
    if not values:
        return np.zeros(0)
    parts = [np.reshape(value, (-1,)) for value in values]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def unravel(vector: Any, like: Sequence[Any]) -> list[Any]:
    """The vector in pieces of these shapes and precisions."""
    pieces, start = [], 0
    for value in like:
        aval = aval_of(value)
        stop = start + int(np.prod(aval.shape))
        piece = np.reshape(vector[start:stop], aval.shape) if aval.shape else vector[start]
        pieces.append(cast(piece, aval))
        start = stop
    return pieces
