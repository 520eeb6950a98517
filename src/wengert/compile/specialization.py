"""The tree of specializations: one for each way through the program's branches that has occurred.

A specialization holds for the values for which all its guards come out as they did when it was recorded. Where one
comes out otherwise, a run reports which, and how; since the program does the same up to that branch, what it reports is
where the right specialization stands in the tree, or where it has to be added.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.compile.arguments import Call
from wengert.compile.backend import Executable
from wengert.core.location import Location
from wengert.graph.node import Guard

#: So many specializations of one function for arguments of one form; for other paths it runs eagerly.
LIMIT = 64


class SpecializationWarning(UserWarning):
    """A compiled function takes so many different paths that further ones run eagerly."""


class Specialization:
    """The program along one path. `executable` is None where only the function itself gives the right result."""

    def __init__(
        self,
        executable: Executable | None,
        guards: Sequence[Guard],
        finish: Callable[[Sequence[Any]], Any],
        *,
        results: int = 0,
        changed: tuple[int, ...] = (),
        written: bool = False,
        obstacle: str = "",
    ) -> None:
        self.executable = executable
        self.run = None if executable is None else executable.run
        self.outcomes = [guard.outcome for guard in guards]  # not the guards, which hold the whole graph
        self.locations = [guard.location for guard in guards]
        self.finish = finish  # from the outputs to what the function returns
        self.results = results  # outputs that belong to the result; the others are new values of arguments
        self.changed = changed  # the leaves that the function changes in place
        self.written = written  # the program writes into arrays: what is a view depends on the arguments' layout
        self.obstacle = obstacle
        # Whether nothing but running it is to be done: what the fast way of a call relies on.
        self.is_plain = executable is not None and not changed and not written
        self.entry: Any = None  # the fast way in (`entry.py`), False where there is none, None until it was asked for
        self.parent: Specialization | None = None
        self.index = -1  # of the guard at which it leaves the parent's path
        self.children: dict[tuple[int, Any], Specialization] = {}
        self.calls, self.retry = 0, 2  # without an executable: eager calls so far, and when to record again

    def elsewhere(self, index: int, outcome: Any) -> tuple[Specialization, Specialization | None]:
        """The path that is this one up to guard `index`, where it comes out as `outcome`: who branches off, and it."""
        node = self
        while node.parent is not None and index < node.index:
            node = node.parent
        if node.parent is not None and index == node.index:
            node = node.parent
            if node.outcomes[index] == outcome:
                return node, node
        return node, node.children.get((index, outcome))

    def is_due(self) -> bool:
        """Whether it is time to record again where this was not possible: after 2, 4, 8, … calls."""
        self.calls += 1
        if self.calls < self.retry:
            return False
        self.retry *= 2
        return True


class Missing(NamedTuple):
    """Where a specialization has to be added: below `parent`, at that guard of its; the root where there is none."""

    parent: Specialization | None
    guard: int = -1
    outcome: Any = None


class Tree:
    """All specializations for arguments of one form."""

    def __init__(self) -> None:
        self.root: Specialization | None = None
        self.last: Specialization | None = None  # the one that held for the latest call, where the search begins
        self.count = 0
        self.warned = False

    def find(self, leaves: Sequence[Any]) -> tuple[Specialization | Missing | None, Sequence[Any]]:
        """The specialization that holds for these values, with its outputs; where it is missing; None: do not ask."""
        node = self.last
        if node is None:
            return Missing(None), ()
        if node.run is None:
            return node, ()
        index, outcome, outputs = node.run(leaves)
        return (node, outputs) if index < 0 else self.follow(node, index, outcome, leaves)

    def follow(
        self, node: Specialization, index: int, outcome: Any, leaves: Sequence[Any]
    ) -> tuple[Specialization | Missing | None, Sequence[Any]]:
        """The same for values for which guard `index` of `node` has come out as `outcome`.

        The guards that fail come later and later, or the function does not do the same each time: then None.
        """
        while True:
            parent, child = node.elsewhere(index, outcome)
            if child is None:
                return Missing(parent, index, outcome), ()
            node = child
            if node.run is None:
                return node, ()
            before = index
            index, outcome, outputs = node.run(leaves)
            if index < 0:
                self.last = node
                return node, outputs
            if index <= before:
                return None, ()

    def add(self, place: Missing, new: Specialization) -> None:
        """Put a specialization where it was missing."""
        if place.parent is None:
            self.root = self.last = new
        else:
            new.parent, new.index = place.parent, place.guard
            place.parent.children[place.guard, place.outcome] = new
        self.count += 1

    def replace(self, old: Specialization, new: Specialization) -> None:
        """Put one in the place of one that could not be run."""
        new.parent, new.index = old.parent, old.index
        if old.parent is None:
            self.root = self.last = new
        else:
            key = next(key for key, child in old.parent.children.items() if child is old)
            old.parent.children[key] = new

    def all(self) -> list[Specialization]:
        """Every specialization, the root first."""
        found = [] if self.root is None else [self.root]
        for node in found:
            found.extend(node.children.values())
        return found


def too_many(name: str, location: Location | None) -> str:
    """The text of the warning at the limit."""
    text = location.text if location is not None else ""
    where = f"at {location.file}:{location.line}" + (f": {text}" if text else "") if location is not None else ""
    return (
        f"{name} has taken {LIMIT} different paths; further ones run eagerly, which is right but not fast. "
        f"The branch that made another one is {where}. Compiled as one: wg.while_loop and wg.scan for a loop whose "
        "number of steps depends on numbers, wg.cond or np.where for a choice"
    )


def applies(found: Specialization, call: Call) -> bool:
    """Whether what was recorded holds for the memory of these arguments, too.

    Which reshaped array is a view and which a copy depends on the layout; and an argument that is changed in place
    must not be part of another one.
    """
    if found.written and not call.contiguous:
        return False
    for i in found.changed:
        array = call.given[i]
        if not array.flags.writeable:
            return False
        for k, other in enumerate(call.given):
            if k != i and isinstance(other, np.ndarray) and np.may_share_memory(array, other):
                return False
    return True


def user_level() -> int:
    """The `stacklevel`, for the caller's warning, of the first frame outside this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("wengert."):
        frame, level = frame.f_back, level + 1
    return level
