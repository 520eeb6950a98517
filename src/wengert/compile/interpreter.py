"""The backend without native code: the steps of a graph, one after the other, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.compile.backend import Callback, Options, Outcome, Refused
from wengert.graph.graph import Graph
from wengert.graph.node import Guard, Node

#: Operations whose result is a Python number for some Python numbers and something else (or an error) for others.
_LEAVE_PYTHON = {"power", "divide", "remainder", "floor_divide"}
_PYTHON = {"b": bool, "i": int, "f": float, "c": complex}


class Step(NamedTuple):
    """One operation: where its arguments are, where its result goes, and what nobody reads afterwards."""

    impl: Callable[..., Any]
    slots: tuple[int, ...]
    params: dict[str, Any]
    target: int
    type: type | None  # of a Python number that the operation may fail to give
    kind: str  # of the dtype; of eigenvalues it depends on the numbers
    parts: tuple[int, ...]  # where the outputs go, of an operation with several
    dead: tuple[int, ...]
    guards: tuple[tuple[int, int, Guard], ...]  # its number, the slot that it reads, the guard


class Interpreter:
    """A graph as a list of steps over numbered slots: the inputs first, then constants, then results."""

    callbacks: Sequence[Callback] = ()
    loops = llvm = assembly = None

    def __init__(self, graph: Graph, options: Options) -> None:
        slots: dict[int, int] = {}
        for node in graph.inputs:
            slots[id(node)] = len(slots)
        constants = [node for node in graph.nodes if node.is_constant]
        for node in constants:
            slots[id(node)] = len(slots)
        self.constants = [node.value for node in constants]
        for node in graph.nodes:
            slots.setdefault(id(node), len(slots))
        self.size = len(slots)
        self.outputs = [slots[id(node)] for node in graph.outputs]
        self.kinds = options.kinds or ("",) * len(self.outputs)
        self.types = [_python_type(node) for node in graph.outputs]
        self.kept = {id(value) for value in self.constants}
        self.first, self.steps = _schedule(graph, slots)

    def run(self, leaves: Sequence[Any]) -> Outcome:
        """See `Executable.run`."""
        env = [*leaves, *self.constants]
        env.extend([None] * (self.size + 1 - len(env)))  # the last for what nobody reads
        try:
            with np.errstate(all="ignore"):
                for number, slot, guard in self.first:
                    outcome = guard.read(env[slot])
                    if outcome != guard.outcome:
                        return Outcome(number, outcome, ())
                for impl, slots, params, target, type_, kind, parts, dead, guards in self.steps:
                    out = impl(*[env[slot] for slot in slots], **params)
                    if type_ is not None:
                        if type(out) is not type_:
                            raise Refused(f"a Python number became {type(out).__name__}")
                    elif kind and type(out) is np.ndarray and out.dtype.kind != kind:
                        raise Refused(f"real numbers became complex, or the other way around: {out.dtype}")
                    if parts:
                        for part, value in zip(parts, out, strict=True):
                            env[part] = value
                    else:
                        env[target] = out
                    for number, slot, guard in guards:
                        outcome = guard.read(env[slot])
                        if outcome != guard.outcome:
                            return Outcome(number, outcome, ())
                    for slot in dead:
                        env[slot] = None
                return Outcome(-1, None, self._results(env, leaves))
        except Refused:
            raise
        except Exception as error:
            raise Refused(str(error)) from error

    def _results(self, env: Sequence[Any], leaves: Sequence[Any]) -> list[Any]:
        """The outputs in the form that the function gave them, each with memory of its own."""
        taken = self.kept.union(map(id, leaves))
        results = []
        for slot, kind, type_ in zip(self.outputs, self.kinds, self.types, strict=True):
            value = env[slot]
            if kind == "array":
                if not isinstance(value, np.ndarray) or value.base is not None or id(value) in taken:
                    value = np.array(value, order="K")
                taken.add(id(value))
            elif kind == "scalar":
                value = value[()] if isinstance(value, np.ndarray) else value
            elif kind == "number" and type(value) is not type_:
                raise Refused(f"a Python number became {type(value).__name__}")
            results.append(value)
        return results


def _python_type(node: Node) -> type | None:
    return _PYTHON[node.aval.dtype.kind] if node.aval.weak else None


def _schedule(graph: Graph, slots: dict[int, int]) -> tuple[tuple[tuple[int, int, Guard], ...], list[Step]]:
    """The guards that need no step, and the steps, each guard as early as its value and the guards before it allow."""
    operations = graph.operations
    place = {id(node): i for i, node in enumerate(operations)}
    for node in graph.nodes:
        if node.part is not None:
            place[id(node)] = place[id(node.args[0])]
    due: dict[int, list[tuple[int, int, Guard]]] = {}
    latest = -1
    for number, guard in enumerate(graph.guards):
        latest = max(latest, place.get(id(guard.node), -1))
        due.setdefault(latest, []).append((number, slots[id(guard.node)], guard))
    last: dict[int, int] = {}  # slot → the last step that reads it
    for i, node in enumerate(operations):
        last.update((slots[id(arg)], i) for arg in node.args)
    for i, guards in due.items():
        last.update((slot, max(last.get(slot, i), i)) for _, slot, _ in guards)
    parts: dict[int, list[Node]] = {}
    for node in graph.nodes:
        if node.part is not None:
            parts.setdefault(id(node.args[0]), []).append(node)
    computed = {slots[id(node)] for node in graph.nodes if node.primitive is not None or node.part is not None}
    for node in graph.outputs:
        computed.discard(slots[id(node)])
    dead: dict[int, list[int]] = {}
    for slot in computed:
        dead.setdefault(last[slot], []).append(slot) if slot in last else None
    steps = []
    for i, node in enumerate(operations):
        assert node.primitive is not None
        type_ = _python_type(node) if node.operation in _LEAVE_PYTHON else None
        steps.append(Step(
            node.primitive.impl, tuple(slots[id(arg)] for arg in node.args), node.params, slots[id(node)], type_,
            node.aval.dtype.kind if node.primitive.outputs == 1 and node.aval.dtype.kind in "fc" else "",
            _targets(parts.get(id(node), ()), node, slots) if node.primitive.outputs > 1 else (),
            tuple(dead.get(i, ())), tuple(due.get(i, ())),
        ))  # fmt: skip
    return tuple(due.get(-1, ())), steps


def _targets(parts: Sequence[Node], node: Node, slots: dict[int, int]) -> tuple[int, ...]:
    """A slot for each output of an operation with several; what nobody reads goes behind all others."""
    targets = [len(slots)] * len(node.avals)
    for part in parts:
        assert part.part is not None
        targets[part.part] = slots[id(part)]
    return tuple(targets)


def compile_graph(graph: Graph, options: Options) -> Interpreter:
    """The graph, ready to run in NumPy."""
    return Interpreter(graph, options)
