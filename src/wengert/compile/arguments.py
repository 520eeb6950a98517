"""The arguments of a call: what of them is followed, what is static, and the key of what they have in common."""

from __future__ import annotations

import dataclasses
import inspect
import random
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import optree

from wengert.core.errors import ArgumentError
from wengert.core.tracer import Tracer
from wengert.core.tree import flatten, paths, refuse_subclass
from wengert.graph.record import argument_names

_FOLLOWED = "fiubc"  # the kinds of dtypes whose numbers are followed
_DRAWS = (np.random.Generator, np.random.RandomState, np.random.BitGenerator, random.Random)


class Call(NamedTuple):
    """The arguments of one call, taken apart."""

    key: Hashable  # equal for calls that one recording may serve
    leaves: list[Any]  # the numbers and arrays that are followed, as the backend takes them
    given: list[Any]  # the same as the user gave them
    positions: list[int]  # where among all leaves they stand
    rest: list[Any]  # all leaves
    rebuild: Callable[[Sequence[Any]], Any]  # from all leaves to the arguments that are not static
    static: dict[Any, Any]  # static arguments by position and name
    is_traced: bool  # a transformation outside follows one of them
    contiguous: bool

    def arguments(self, values: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments with these values in the places of the followed leaves."""
        leaves = self.rest.copy()
        for position, value in zip(self.positions, values, strict=True):
            leaves[position] = value
        args, kwargs = self.rebuild(leaves)
        for place, value in self.static.items():
            if isinstance(place, str):
                kwargs[place] = value
            else:
                args[place] = value
        return args, kwargs


def without_static(args: Sequence[Any], static: set[int]) -> tuple[Any, list[Any]]:
    """The static arguments as a key, where they are numbers, strings or None (else the key is None), and the others."""
    key: list[Any] = []
    others = []
    for i, arg in enumerate(args):
        if i not in static:
            others.append(arg)
        elif arg is None or type(arg) in _KEYS:
            key.append((type(arg), arg.hex() if type(arg) is float else arg))
        else:
            return None, others
    return tuple(key), others


_KEYS = {int, bool, str, float}


class Parameters:
    """Which parameters of a function are static or donated, by position and by name."""

    def __init__(self, f: Callable[..., Any], static_argnums: Any, static_argnames: Any, donate_argnums: Any) -> None:
        self.f = f
        try:
            parameters = list(inspect.signature(f).parameters.values())
        except (ValueError, TypeError):
            parameters = []
        self.names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD or p.kind is p.POSITIONAL_ONLY]
        open_ended = not parameters or any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.static = {*_numbers(static_argnums, "static_argnums")}
        self.static_names = {*([static_argnames] if isinstance(static_argnames, str) else static_argnames)}
        self.donated = {*_numbers(donate_argnums, "donate_argnums")}
        for number in self.static | self.donated:
            if not open_ended and not -len(self.names) <= number < len(self.names):
                raise ArgumentError(f"the function has {len(self.names)} positional parameters and none at {number}")
        if not any(p.kind is p.VAR_KEYWORD for p in parameters) and parameters:
            for name in self.static_names - {p.name for p in parameters}:
                raise ArgumentError(f"static_argnames: the function has no parameter {name!r}")
        self.static = {n + len(self.names) if n < 0 else n for n in self.static}
        self.donated = {n + len(self.names) if n < 0 else n for n in self.donated}
        self.static |= {i for i, name in enumerate(self.names) if name in self.static_names}
        self.static_names |= {self.names[i] for i in self.static if i < len(self.names)}
        if self.static & self.donated:
            raise ArgumentError("an argument is static or donated, not both")

    def take_apart(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Call:
        """The parts of a call."""
        static: dict[Any, Any] = {}
        if self.static or self.static_names:
            static = {i: args[i] for i in self.static if i < len(args)}
            static.update((name, kwargs[name]) for name in self.static_names if name in kwargs)
            args = [None if i in static else arg for i, arg in enumerate(args)]
            kwargs = {name: arg for name, arg in kwargs.items() if name not in static}
        rest, treedef, orders = _flatten((list(args), kwargs))
        leaves: list[Any] = []
        given: list[Any] = []
        positions: list[int] = []
        kinds: list[Any] = []
        is_traced, contiguous = any(isinstance(value, Tracer) for value in static.values()), True
        for position, leaf in enumerate(rest):
            if isinstance(leaf, Tracer):
                is_traced = True
                continue
            value = followed(leaf)
            if value is None:
                kinds.append(("static", static_key(leaf)))
                continue
            if type(value) is np.ndarray:
                kinds.append((value.shape, value.dtype))
                contiguous = contiguous and value.flags.c_contiguous
            else:
                kinds.append(type(value))
            leaves.append(value)
            given.append(leaf)
            positions.append(position)
        fixed = tuple((place, static_key(static[place])) for place in sorted(static, key=str))
        key = (treedef, orders, tuple(kinds), fixed)
        return Call(key, leaves, given, positions, rest, treedef.unflatten, static, is_traced, contiguous)

    def labels(self, call: Call) -> list[str]:
        """What the graph calls each followed leaf: the parameter's name, and the path inside it."""
        args, kwargs = call.rebuild(call.rest)
        roots = [*zip(argument_names(self.f, len(args)), args, strict=True), *kwargs.items()]
        names = [path for root, arg in roots for path in ([] if arg is None else paths(arg, root))]
        return [names[position] for position in call.positions] if len(names) == len(call.rest) else [
            f"x{i}" for i in range(len(call.positions))
        ]  # fmt: skip

    def donated_leaves(self, call: Call) -> tuple[int, ...]:
        """Which of the followed leaves belong to donated arguments."""
        if not self.donated:
            return ()
        args, _ = call.rebuild(call.rest)
        owner = [i for i, arg in enumerate(args) for _ in (flatten(arg)[0] if arg is not None else ())]
        return tuple(
            k for k, position in enumerate(call.positions) if position < len(owner) and owner[position] in self.donated
        )


def _numbers(value: Any, name: str) -> tuple[int, ...]:
    numbers = (value,) if isinstance(value, (int, np.integer)) else tuple(value)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
            raise ArgumentError(f"{name} names positions: an int or a tuple of ints, not {value!r}")
    return tuple(map(int, numbers))


def _flatten(tree: Any) -> tuple[list[Any], Any, tuple[Any, ...]]:
    """Leaves, structure, and what optree's structures do not tell apart but programs do.

    These are the order of a dict's keys, and the types of its keys and of a dataclass's static fields: 1, True, 1.0.
    """
    orders: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, dict):
            orders.append(static_key(tuple(node)))
        elif dataclasses.is_dataclass(node) and not isinstance(node, type):
            fixed = [f.name for f in dataclasses.fields(node) if f.metadata.get("static")]
            orders.append(static_key(tuple(getattr(node, name) for name in fixed)))
        return False

    leaves, treedef = optree.tree_flatten(tree, is_leaf=visit, namespace="wengert")
    if any(dataclasses.is_dataclass(leaf) and not isinstance(leaf, type) for leaf in leaves):
        flatten(tree)  # registers it
        return _flatten(tree)
    return leaves, treedef, tuple(orders)


_NUMBERS = frozenset({float, int, complex, *(t for t in np.sctypeDict.values() if np.dtype(t).kind in _FOLLOWED)})
_STATIC = frozenset({str, bool, type(None)})


def form_of(trees: Iterable[Any], leaves: list[Any]) -> Hashable:
    """A key of simple arguments, made in one pass; their numbers and arrays are added to `leaves`.

    Simple are lists, tuples and dicts of numbers, arrays, strings, truth values and None; for others it is None. The
    way by optree takes ten times as long.
    """
    form: list[Any] = []
    for tree in trees:
        kind = type(tree)
        if kind is np.ndarray:
            form.append((tree.shape, tree.dtype))
            leaves.append(tree)
        elif kind in _NUMBERS:
            form.append(kind)
            leaves.append(tree)
        elif kind in _STATIC:
            form.append((kind, tree))
        else:
            if kind is dict:
                form.append((dict, *tree))
                inner = form_of(tree.values(), leaves)
            elif kind is tuple or kind is list:
                form.append(kind)
                inner = form_of(tree, leaves)
            else:
                return None
            if inner is None:
                return None
            form.append(inner)
    return tuple(form)


def has_plain_keys(tree: Any) -> bool:
    """Whether all dicts have strings as keys: 1 and True are equal, and are not the same key to a program."""
    if isinstance(tree, dict):
        return all(type(key) is str for key in tree) and all(map(has_plain_keys, tree.values()))
    return not isinstance(tree, (list, tuple)) or all(map(has_plain_keys, tree))


def followed(leaf: Any) -> Any:
    """A number or an array as the backend takes it; None for what is static."""
    kind = type(leaf)
    if kind is float or kind is int or kind is complex:
        return leaf
    if isinstance(leaf, np.ndarray):
        refuse_subclass(leaf, "an argument of a compiled function")
        if leaf.dtype.kind not in _FOLLOWED:
            raise ArgumentError(
                f"an argument is an array of dtype {leaf.dtype}, which holds no numbers",
                wrong="f(np.array(['a', 'b']))",
                right="f(('a', 'b'))   a tuple, which is static; or an array of numbers",
            )
        return np.asarray(leaf, _native(leaf.dtype))
    if isinstance(leaf, np.generic) and leaf.dtype.kind in _FOLLOWED:
        return leaf
    return None


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def static_key(value: Any) -> Hashable:
    """Equal for static values that a program cannot tell apart: 1 is not True, 0.0 is not -0.0.

    What is equal to nothing but itself is held weakly: a cache does not keep a closure or an instance alive.
    """
    kind = type(value)
    if kind is float:
        return kind, value.hex()
    if kind is complex:
        return kind, value.real.hex(), value.imag.hex()
    if kind is tuple or kind is frozenset:
        return kind, kind(map(static_key, value))
    if isinstance(value, _DRAWS):
        raise ArgumentError(
            f"an argument is a {kind.__name__}, which gives other numbers at each call; they would be drawn once, "
            "while the function is recorded",
            wrong="wg.jit(f)(x, rng)   # and rng.normal(size=n) inside f",
            right="wg.jit(f)(x, rng.normal(size=n))",
        )
    if isinstance(value, Iterator):
        raise ArgumentError(
            f"an argument is a {kind.__name__}, which can be gone through once only", wrong="f(iter(values))",
            right="f(list(values))",
        )  # fmt: skip
    try:
        hash(value)
    except TypeError:
        raise ArgumentError(
            f"an argument is a {kind.__name__}: it holds no numbers, and cannot be told from others without a hash",
            wrong=f"wg.jit(f)({kind.__name__}(…))",
            right="numbers, arrays, and lists, tuples, dicts and dataclasses of them, or values that can be hashed",
        ) from None
    if getattr(kind, "__eq__", None) is object.__eq__ and not isinstance(value, type):
        try:
            return kind, weakref.ref(value)
        except TypeError:
            pass
    return kind, value


def is_dead(key: Any) -> bool:
    """Whether a key names something that no longer exists."""
    if isinstance(key, weakref.ref):
        return key() is None
    return isinstance(key, (tuple, frozenset)) and any(map(is_dead, key))
