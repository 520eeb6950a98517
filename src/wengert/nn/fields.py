"""Modules as trees: which of their numbers are trained and which are carried, and how both are put in their places."""

from __future__ import annotations

import random
import re
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from types import MethodType
from typing import Any, NamedTuple

import numpy as np
import optree

from wengert.core.errors import ArgumentError
from wengert.core.tracer import Tracer
from wengert.core.tree import flatten as tree_leaves
from wengert.nn.structure import Fixed, Group, Leaf, Part, Role, Structure, roles
from wengert.transform.tape import Variable

register: Any = optree.register_pytree_node
_BOOKKEEPING = frozenset({"_forms", "_structure", "_ties", "training"})
_NUMBER = (Variable, np.ndarray, np.generic, Tracer, int, float, complex)
_CONTAINERS = (list, tuple, dict, OrderedDict)
_SCATTERED = (set, frozenset, deque)
_DRAWS = (np.random.Generator, np.random.RandomState, np.random.BitGenerator, random.Random)


class Entry(NamedTuple):
    """A leaf in its place."""

    path: str  # "layers.0.weight"
    role: Role
    value: Any
    number: int  # the same for two places of one number


class FieldEntry(optree.PyTreeEntry):
    """How a leaf is reached from its module: "layers[0].weight"."""

    __slots__ = ()

    def __call__(self, record: Any) -> Any:
        found = record
        for name in re.findall(r"\w+", self.entry):
            key: Any = int(name) if name.isdigit() else name
            found = getattr(found, key) if isinstance(found, Record) else found[key]
        return found

    def codify(self, node: str = "") -> str:
        return f"{node}.{self.entry}"


class Record:
    """A class whose instances are pytrees: `Module` without what can be done with one."""

    training: bool = True
    _forms: dict[str, Any] = {}  # noqa: RUF012  of an instance that was put together from leaves: what its fields were
    _ties: dict[Any, Any] = {}  # noqa: RUF012  and which of them stand elsewhere too

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register(cls, flatten, unflatten, path_entry_type=FieldEntry, namespace="wengert")

    def __setattr__(self, name: str, value: Any) -> None:
        role = roles(type(self)).get(name)
        if role is not None:
            value = _assigned(self, name, value, role)
        object.__setattr__(self, name, value)


def _assigned(record: Record, name: str, value: Any, role: Role) -> Any:
    """A value as a declared field holds it: parameters of a model that was not put together from leaves are leaves."""
    if role == "buffer":
        if isinstance(value, Variable):  # what is carried along has no history
            value = value.data.copy() if isinstance(value.data, np.ndarray) else value.data
        return value
    if isinstance(value, Variable) and not value.is_leaf:
        raise ArgumentError(
            f"{type(record).__name__}.{name} is a Parameter, and would become a result of operations",
            wrong=f"self.{name} = scale * self.{name}",
            right=f"self.{name}.data = (scale * self.{name}).data   or another name for the result",
        )
    if isinstance(value, Tracer) or (record._forms and not isinstance(vars(record).get(name), Variable)):
        return value
    if type(value) in (list, tuple):
        return type(value)(_assigned(record, name, item, role) for item in value)
    if type(value) is dict:
        return {key: _assigned(record, name, item, role) for key, item in value.items()}
    if isinstance(value, _NUMBER) and type(value) is not bool:
        return Variable(value)
    return value


# From a module to its leaves, and back --------------------------------------------------------------------------------


class Walk:
    """One pass over a module and everything in it."""

    def __init__(self, root: Record) -> None:
        self.entries: list[Entry] = []
        self.modules: list[tuple[str, Record]] = []  # by path, each once
        self.parts: list[tuple[type, bool, tuple[tuple[str, Any], ...]]] = []
        self.leaves: list[Any] = []
        self.tied: set[int] = set()
        self._places: dict[int, int] = {}
        self._seen: dict[Any, int] = {}
        self._module(root, "")

    def _module(self, module: Record, path: str) -> Part:
        place = self._places.get(id(module))
        if place is None:
            place = self._places[id(module)] = len(self.modules)
            self.modules.append((path, module))
            self.parts.append((type(module), module.training, ()))
            declared, forms = roles(type(module)), module._forms
            values = vars(module)
            fields = []
            for name in declared:
                if name not in values and isinstance(getattr(module, name, None), _NUMBER):
                    raise ArgumentError(
                        f"{type(module).__name__}.{name} is declared, but its number belongs to the class",
                        wrong=f"class {type(module).__name__}(Module): {name}: Parameter = 1.0",
                        right=f"def __init__(self): self.{name} = 1.0",
                    )
            for name in list(values):
                if name not in _BOOKKEEPING:
                    inner = f"{path}.{name}" if path else name
                    owner = (module, (name,))
                    fields.append((name, self._form(values[name], inner, owner, forms.get(name), declared.get(name))))
            self.parts[place] = (type(module), module.training, tuple(fields))
        return Part(place)

    def _form(self, value: Any, path: str, owner: Any, before: Any, declared: Role | None) -> Any:
        if isinstance(value, Record):
            return self._module(value, path)
        if value is None:
            return _NONE
        if type(value) in _CONTAINERS or hasattr(value, "_fields"):
            return self._group(value, path, owner, before, declared)
        if isinstance(before, Leaf):
            return self._leaf(value, path, owner, before.role, before)
        if declared is not None and isinstance(value, _NUMBER) and type(value) is not bool:
            return self._leaf(value, path, owner, declared)
        if isinstance(value, Variable):
            return self._leaf(value, path, owner, "parameter" if value.is_leaf else "buffer")
        if isinstance(value, (np.ndarray, Tracer)):
            return self._leaf(value, path, owner, "buffer")
        return Fixed(value, _key(value, path))

    def _group(self, value: Any, path: str, owner: Any, before: Any, declared: Role | None) -> Group:
        module, place = owner
        keys = tuple(value) if isinstance(value, dict) else None
        names = range(len(value)) if keys is None else keys
        known = (
            before.forms
            if isinstance(before, Group) and (before.keys, len(before.forms)) == (keys, len(names))
            else [None] * len(names)
        )
        forms = tuple(
            self._form(value[name], f"{path}.{name}", (module, (*place, name)), old, declared)
            for name, old in zip(names, known, strict=True)
        )
        return Group(type(value), keys, forms)

    def _leaf(self, value: Any, path: str, owner: Any, role: Role, before: Leaf | None = None) -> Leaf:
        module, place = owner
        key: Any = None
        if isinstance(value, Variable):
            key = id(value)
        elif module._ties and place in module._ties:
            key = (id(module._ties[place]), id(value))
        dtype = getattr(value, "dtype", None)
        whole = dtype if dtype is not None and dtype.kind in "iu" else None
        if before is not None and (dtype is None or dtype.kind == "b"):  # another tree of this structure, say of masks
            whole = before.whole
        index = self._seen.get(key) if key is not None else None
        if index is None:
            index = len(self.leaves)
            self.leaves.append(value.data if isinstance(value, Variable) else value)
            if key is not None:
                self._seen[key] = index
        else:
            self.tied.add(index)

        self.entries.append(Entry(path, role, value, index))
        return Leaf(index, role, whole)

    @property
    def structure(self) -> Structure:
        names: dict[int, str] = {}
        for entry in self.entries:
            names.setdefault(entry.number, re.sub(r"\.(\d+)", r"[\1]", entry.path))
        return Structure(tuple(self.parts), list(names.values()), self.tied)


_NONE = Fixed(None, None)


def _key(value: Any, path: str) -> Any:
    """What a fixed value is compared by."""
    kind = type(value)
    if kind is int or kind is str or kind is bool:
        return kind, value
    if kind is float:
        return kind, value.hex()
    if isinstance(value, _DRAWS):
        raise ArgumentError(
            f"{path} is a {kind.__name__}, which gives other numbers at each call; a compiled program would draw once",
            wrong="self.rng = np.random.default_rng(0)",
            right="self.key = wg.nn.random.key(0)   # key: Buffer",
        )
    if isinstance(value, MethodType) and isinstance(value.__self__, Record):
        raise ArgumentError(
            f"{path} is a method of a module, and would stay bound to that one when the model is copied or traced",
            wrong=f"self.call = other.{value.__name__}",
            right=f"self.other = other   # and self.other.{value.__name__}(x) where it is called",
        )
    if isinstance(value, _SCATTERED) and any(isinstance(item, (Record, *_NUMBER[:4])) for item in value):
        raise ArgumentError(
            f"{path} is a {kind.__name__} of modules or arrays, which has no order",
            wrong="self.layers = {first, second}",
            right="self.layers = [first, second]",
        )
    try:
        hash(value)
    except TypeError:
        raise ArgumentError(
            f"{path} is a {kind.__name__}: it is neither an array nor a module, and cannot be compared without a hash",
            wrong=f"self.{path.rpartition('.')[2]} = {kind.__name__}(…)",
            right="numbers, text, functions; lists, tuples and dicts of them; arrays and modules",
        ) from None
    return kind, value


def flatten(root: Record) -> tuple[list[Any], Structure, list[str]]:
    """The numbers of a module and of everything in it, each once; the rest; how each is reached."""
    structure = vars(root).get("_structure")
    if structure is not None and not structure.tied:
        found = _leaves_of(root, structure)
        if found is not None:
            return found, structure, structure.names
    walk = Walk(root)
    structure = walk.structure
    return walk.leaves, structure, structure.names


def _leaves_of(root: Record, structure: Structure) -> list[Any] | None:
    """The numbers of a module that was put together, if since then nothing else than numbers has changed in it."""
    leaves: list[Any] = [None] * len(structure.names)
    modules: list[Any] = [root, *[None] * (len(structure.modules) - 1)]

    def take(value: Any, form: Any) -> bool:
        kind = type(form)
        if kind is Leaf:
            if type(value) is not np.ndarray and (
                type(value) is Variable or not isinstance(value, (np.generic, Tracer))
            ):
                return False
            leaves[form.number] = value
            return form.whole == value.dtype if form.whole is not None else value.dtype.kind not in "iu"
        if kind is Fixed:
            return value is form.value
        if kind is Part:
            known = modules[form.number]
            if known is None and isinstance(value, Record):
                modules[form.number] = value
                return True
            return value is known
        if type(value) is not form.kind or len(value) != len(form.forms):
            return False
        if form.keys is None:
            return all(map(take, value, form.forms))
        return tuple(value) == form.keys and all(map(take, value.values(), form.forms))

    for place, (cls, training, fields) in enumerate(structure.modules):
        module = modules[place]
        values = vars(module)
        if module.training is not training or type(module) is not cls:
            return None
        if len(values) != len(fields) + len(_BOOKKEEPING.intersection(values)):
            return None
        for name, form in fields:
            if not take(values.get(name, _BOOKKEEPING), form):
                return None
    return leaves


def unflatten(structure: Structure, leaves: Sequence[Any], into: Sequence[Record] = ()) -> Record:
    """A module with these numbers, or the modules that are given with these numbers; no `__init__` runs."""
    leaves = list(leaves)
    made = list(into) or [object.__new__(cls) for cls, _, _ in structure.modules]
    tokens = {index: object() for index in structure.tied}

    def build(form: Any, module: Record, place: tuple[Any, ...]) -> Any:
        if type(form) is Leaf:
            if form.number in tokens:
                vars(module).setdefault("_ties", {})[place] = tokens[form.number]
            value = leaves[form.number]
            if form.whole is not None and getattr(value, "dtype", form.whole).kind == "f":
                value = value.astype(form.whole)
            return value
        if type(form) is Fixed:
            return form.value
        if type(form) is Part:
            return made[form.number]
        names = range(len(form.forms)) if form.keys is None else form.keys
        values = [build(inner, module, (*place, name)) for name, inner in zip(names, form.forms, strict=True)]
        if form.keys is not None:
            filled = form.kind()
            filled.update(zip(form.keys, values, strict=True))
            return filled
        return form.kind(*values) if hasattr(form.kind, "_fields") else form.kind(values)

    for module, (_, training, fields) in zip(made, structure.modules, strict=True):
        values = vars(module)
        for name, form in fields:
            values[name] = form.value if type(form) is Fixed else build(form, module, (name,))
        values["training"] = training
        values["_forms"] = dict(fields)
    vars(made[0])["_structure"] = structure
    return made[0]


def trainable(tree: Any) -> list[bool]:
    """Which leaves of a tree are trained: those outside of modules, and the parameters of modules; not the buffers.

    **Arguments**: `tree`, any pytree. **Returns**: a bool for each leaf, in their order. **Cost**: one walk.

    >>> import wengert as wg
    >>> norm = wg.nn.BatchNorm1d(4)
    >>> wg.nn.trainable({"a": 1.0, "norm": norm})
    [True, True, True, False, False, False]
    """
    found: list[bool] = []
    for node in _outermost(tree):
        if isinstance(node, Record):
            first = {entry.number: entry.role for entry in reversed(Walk(node).entries)}
            found += [first[index] == "parameter" for index in sorted(first)]
        else:
            found.append(True)
    return found


def _outermost(tree: Any) -> Iterator[Any]:
    tree_leaves(tree)  # registers the dataclasses in it
    yield from optree.tree_leaves(tree, is_leaf=lambda node: isinstance(node, Record), namespace="wengert")
