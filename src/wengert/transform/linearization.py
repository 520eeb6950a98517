"""A function linearized at a point: what `grad`, `vjp`, `linearize` and `jacobian` have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError, LeakedTracerError, ShapeError
from wengert.core.tracer import Level, Tracer, run
from wengert.core.tree import differentiable, flatten, map_leaves, paths, structure
from wengert.graph.call import CallTracer
from wengert.transform.differential import conform
from wengert.transform.forward import ForwardTracer
from wengert.transform.linearize import LinearizeLevel, LinearNode, push
from wengert.transform.sharing import SharingLevel
from wengert.transform.transpose import pull


def primal_of(level: Level, value: Any) -> Any:
    """A result without this level's tracer around it."""
    value = resolve(value)
    if isinstance(value, Tracer):
        if value.level is level:
            return value.value
        if value.level.closed:
            raise LeakedTracerError(
                "the function returned a traced value of a transformation that has ended",
                wrong="saved.append(x)   # inside the function",
                right="return y, x       # and has_aux=True",
            )
    return value


class Linearization:
    """f at a point: its value, and the linear graph from the selected arguments' tangents to the outputs'."""

    def __init__(
        self, f: Callable[..., Any], argnums: Sequence[int], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> None:
        leaves, self.rebuild = flatten([args[i] for i in argnums])
        names = [p for i in argnums for p in paths(args[i], f"argument {i}")]
        if not leaves:
            raise ArgumentError("there is nothing to differentiate: the selected arguments hold no number")
        self.leaves = [differentiable(leaf, name) for leaf, name in zip(leaves, names, strict=True)]
        level = SharingLevel() if any(isinstance(leaf, CallTracer) for leaf in self.leaves) else LinearizeLevel()
        tracers = [level.input(leaf) for leaf in self.leaves]
        self.inputs: list[LinearNode] = [t.tangent for t in tracers]
        traced = list(args)
        for i, value in zip(argnums, self.rebuild(tracers), strict=True):
            traced[i] = value
        self.result = run(level, f, traced, kwargs)
        self.level = level

    def split_aux(self, has_aux: bool) -> Any:
        """Take the auxiliary part off the result."""
        if not has_aux:
            return None
        if not (isinstance(self.result, tuple) and len(self.result) == 2):
            raise ShapeError(
                "with has_aux=True the function returns a pair", wrong="return loss", right="return loss, aux"
            )
        self.result, aux = self.result
        return map_leaves(lambda leaf: own(primal_of(self.level, leaf)) if isinstance(leaf, Tracer) else leaf, aux)

    def outputs(self) -> Any:
        """The value of the function, a tree without tracers of this level."""
        leaves, self.rebuild_out = flatten(self.result)
        outs = [resolve(leaf) for leaf in leaves]
        self.nodes = [o.tangent if isinstance(o, ForwardTracer) and o.level is self.level else None for o in outs]
        self.primals = [primal_of(self.level, o) for o in outs]
        for primal in self.primals:
            check_output(primal)
        if not outs and self.result is None:
            check_output(None)
        return self.rebuild_out([own(p) for p in self.primals])

    def pull(self, cts: Sequence[Any]) -> list[Any]:
        """Reverse: the leaves' gradients for the outputs' cotangents."""
        found = pull(self.nodes, cts, self.inputs)
        return apart([settle(ct, leaf) for ct, leaf in zip(found, self.leaves, strict=True)])

    def push(self, tangents: Sequence[Any]) -> list[Any]:
        """Forward: the outputs' tangents for the leaves' tangents."""
        found = push(self.inputs, self.nodes, tangents)
        return apart([settle(t, primal) for t, primal in zip(found, self.primals, strict=True)])


def own(value: Any) -> Any:
    """A copy of an array: what the linearization holds must not change when the user changes f's result in place."""
    return value.copy() if isinstance(value, np.ndarray) else value.frozen() if isinstance(value, Tracer) else value


def apart(values: Sequence[Any]) -> list[Any]:
    """The same values, no two of them one array: `g[0] *= 0.5` must not change g[1]."""
    seen: set[int] = set()
    result = []
    for value in values:
        result.append(own(value) if id(value) in seen else value)
        seen.add(id(value))
    return result


def check_output(value: Any) -> None:
    """What a differentiated function may return: real numbers and arrays."""
    if not isinstance(value, (int, float, complex, np.ndarray, np.generic, Tracer)):
        raise ArgumentError(
            f"the function returned {'None' if value is None else f'a {type(value).__name__}'} where a number or an "
            "array was expected",
            wrong="return None" if value is None else "return loss, info",
            right="return loss" if value is None else "return loss, info   # with has_aux=True",
        )
    dtype = aval_of(value).dtype
    if dtype.kind not in "fiubc":
        raise ArgumentError(
            f"the function returned an array of dtype {dtype}, which has no derivative",
            wrong="return np.array([…], dtype=object)",
            right="return np.stack([…])",
        )


def settle(value: Any, primal: Any) -> Any:
    """A derivative as the user gets it: zeros instead of None, in the shape and dtype of its primal, its own memory."""
    aval = aval_of(primal)
    if value is None:
        return aval.dtype.type(0).item() * 1.0 if aval.weak else np.zeros(aval.shape, _inexact(aval.dtype))[()]
    if aval.dtype.kind not in "fc":
        return value
    value = conform(value, aval.dtype.type(0).item() if aval.weak else primal)
    if isinstance(value, np.ndarray) and (not value.flags.writeable or value.base is not None):
        value = value.copy()
    return value


def _inexact(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if dtype.kind in "fc" else np.dtype(np.float64)


def match(tree: Any, primals: Any, leaves: Sequence[Any], what: str) -> list[Any]:
    """The leaves of a tangent or cotangent, which must have the structure, shapes and kind of its primal."""
    given, _ = flatten(tree)
    if len(given) != len(leaves) or structure(tree) != structure(primals):
        raise ShapeError(
            f"the {what} has another structure than the value it belongs to: {structure(tree)} for {structure(primals)}"
        )
    result = []
    for value, leaf in zip(given, leaves, strict=True):
        value = differentiable(value, f"the {what}")
        have, want = aval_of(value), aval_of(leaf)
        if have.shape != want.shape:
            raise ShapeError(f"a {what} has shape {have.shape}, but the value it belongs to has shape {want.shape}")
        if have.dtype.kind == "c" and want.dtype.kind != "c":
            raise ShapeError(
                f"a {what} is complex, but the value it belongs to is real", wrong="pull(1j)", right="pull(1.0)"
            )
        result.append(conform(value, leaf) if want.dtype.kind in "fc" else value)
    return result
