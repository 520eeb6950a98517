"""What a class says of its fields, and the forms of the values in them."""

from __future__ import annotations

import inspect
import re
import typing
from typing import Annotated, Any, Literal, NamedTuple

Role = Literal["parameter", "buffer"]
#: A field that is trained: a number or an array.
Parameter = Annotated[Any, "parameter"]
#: A field that is carried along but not trained, such as a running mean or the key of a random generator.
Buffer = Annotated[Any, "buffer"]

_roles: dict[type, dict[str, Role]] = {}


def roles(cls: type) -> dict[str, Role]:
    """The declared fields of a class and its bases that hold numbers."""
    found = _roles.get(cls)
    if found is None:
        try:
            hints = typing.get_type_hints(cls, include_extras=True)
        except Exception:  # a name that only a type checker imports
            hints = {}
            for base in reversed(cls.__mro__):
                hints.update(inspect.get_annotations(base))
        found = _roles[cls] = {name: role for name, hint in hints.items() if (role := _role_of(hint)) is not None}
    return found


def _role_of(hint: Any) -> Role | None:
    if isinstance(hint, str):
        word = re.search(r"\b(Parameter|Buffer)\b", hint)
        return None if word is None else "parameter" if word[1] == "Parameter" else "buffer"
    if hint is Parameter or hint is Buffer:
        return "parameter" if hint is Parameter else "buffer"
    return next((role for part in typing.get_args(hint) if (role := _role_of(part)) is not None), None)


# Forms ----------------------------------------------------------------------------------------------------------------


class Leaf(NamedTuple):
    """A number or an array: its place among the leaves."""

    number: int
    role: Role
    whole: Any  # the dtype of whole numbers, of which differentiation makes floats; else None


class Part(NamedTuple):
    """Another module: its place among the modules."""

    number: int


class Group(NamedTuple):
    """A list, a tuple or a dict."""

    kind: type
    keys: tuple[Any, ...] | None
    forms: tuple[Any, ...]


class Fixed:
    """A value that belongs to the structure; two are equal if a program cannot tell them apart: 1 is not True."""

    __slots__ = ("key", "value")

    def __init__(self, value: Any, key: Any) -> None:
        self.value, self.key = value, key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fixed) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return repr(self.value)

    def __reduce__(self) -> Any:
        """The type in the key is left out: that of a function has no name to be found by."""
        return (Fixed, (None, None)) if self.key is None else (_again, (self.value, self.key[1]))


def _again(value: Any, rest: Any) -> Fixed:
    return Fixed(value, (type(value), rest))


class Structure:
    """What a module is besides its numbers: of each module in it the class, the mode, and the forms of its fields."""

    __slots__ = ("hash", "modules", "names", "tied")

    def __init__(
        self, modules: tuple[tuple[type, bool, tuple[tuple[str, Any], ...]], ...], names: list[str], tied: set[int]
    ) -> None:
        self.modules, self.names = modules, names
        self.tied = frozenset(tied)  # leaves that stand in more than one place
        self.hash = hash(modules)

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Structure) and self.hash == other.hash and self.modules == other.modules
        )

    def __hash__(self) -> int:
        return self.hash
