"""Arguments and results as pytrees (optree), and the boundary where user values become differentiable leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from wengert.core.alias import resolve
from wengert.core.errors import ArgumentError
from wengert.core.tracer import Tracer

NAMESPACE = "wengert"
_SINGLE = (float, int, np.ndarray, np.generic, Tracer)


def flatten(tree: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """The leaves, and the function that puts others in their place. Arrays and numbers are leaves by themselves."""
    if isinstance(tree, _SINGLE):
        return [tree], _first
    if type(tree) is list and len(tree) == 1 and isinstance(tree[0], _SINGLE):  # one argument that is a leaf by itself
        return [tree[0]], list
    leaves, treedef = optree.tree_flatten(tree, namespace=NAMESPACE)
    if any(dataclasses.is_dataclass(leaf) and not isinstance(leaf, type) for leaf in leaves):
        for leaf in leaves:
            if dataclasses.is_dataclass(leaf) and not isinstance(leaf, type):
                register_dataclass(type(leaf))
        return flatten(tree)
    return leaves, treedef.unflatten


def _first(leaves: Sequence[Any]) -> Any:
    return leaves[0]


_registered: set[type] = set()


def register_dataclass(cls: type) -> None:
    """Make a dataclass a pytree: its fields are children, except those with `metadata={"static": True}`."""
    if cls in _registered:
        return
    _registered.add(cls)
    fields = dataclasses.fields(cls)
    children = [f.name for f in fields if not f.metadata.get("static")]
    static = [f.name for f in fields if f.metadata.get("static")]

    def take(instance: Any) -> tuple[Any, Any, Any]:
        return [getattr(instance, n) for n in children], tuple(getattr(instance, n) for n in static), children

    def build(metadata: Any, values: Any) -> Any:
        instance: Any = object.__new__(cls)  # not __init__, whose checks would see tracers
        for name, value in zip([*static, *children], [*metadata, *values], strict=True):
            object.__setattr__(instance, name, value)
        return instance

    optree.register_pytree_node(cls, take, build, namespace=NAMESPACE)


def map_leaves(fn: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with `fn` applied to every leaf."""
    leaves, rebuild = flatten(tree)
    return rebuild([fn(leaf) for leaf in leaves])


def structure(tree: Any) -> Any:
    """What two trees must share to be of the same form."""
    flatten(tree)
    return optree.tree_structure(tree, namespace=NAMESPACE)


def paths(tree: Any, root: str) -> list[str]:
    """How the user reaches each leaf: "params['w'][0]"."""
    if isinstance(tree, _SINGLE):
        return [root]
    return [accessor.codify(root) for accessor in optree.tree_accessors(tree, namespace=NAMESPACE)]


def differentiable(value: Any, name: str) -> Any:
    """A leaf as the transformations work on it: integers become float64, arrays are copied, anything else raises."""
    value = resolve(value)
    kind = type(value)
    if kind is float or kind is complex:
        return value
    if kind is int:
        return float(value)
    if isinstance(value, Tracer):
        _check_kind(value.dtype, name)
        if value.dtype.kind in "fc":
            return value.frozen()
        return value * 1.0 if value.aval.weak else value.astype(np.float64)  # type: ignore[operator, attr-defined]
    if isinstance(value, (np.ndarray, np.generic)):
        _check_kind(value.dtype, name)
        if isinstance(value, np.ndarray):
            refuse_subclass(value, name)
        dtype = value.dtype.newbyteorder("=") if value.dtype.kind in "fc" else np.dtype(np.float64)
        return np.array(value, dtype) if isinstance(value, np.ndarray) else dtype.type(value)
    if kind is bool:
        _check_kind(np.dtype(kind), name)
    raise ArgumentError(
        f"{name} is {'None' if value is None else f'a {kind.__name__}'}; "
        "only numbers, arrays of numbers and trees of them have derivatives"
    )


def refuse_subclass(value: np.ndarray[Any, Any], name: str) -> None:
    """np.matrix multiplies otherwise than its numbers, np.ma leaves some out, others carry units."""
    kind = type(value)
    if kind is not np.ndarray and kind is not np.memmap:
        raise ArgumentError(
            f"{name} is a {kind.__name__}, an array whose arithmetic is its own and is not followed",
            wrong=f"x * {kind.__name__}(…)",
            right="x @ np.asarray(matrix), np.sum(np.where(masked.mask, 0.0, x * masked.data))",
        )


def _check_kind(dtype: Any, name: str) -> None:
    if dtype.kind == "b":
        raise ArgumentError(f"{name} is boolean; a truth value has no derivative", wrong="f(True)", right="f(1.0)")
    if dtype.kind not in "fiuc":
        raise ArgumentError(
            f"{name} is an array of dtype {dtype}, which cannot be differentiated",
            wrong=f"np.array(values)   # dtype {dtype}",
            right="np.array(values, dtype=float)",
        )
