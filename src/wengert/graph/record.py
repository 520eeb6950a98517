"""Recording: run a program once and write down what it did."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError, LeakedTracerError, check_callable
from wengert.core.location import Calls, user_location
from wengert.core.primitive import Primitive, bind
from wengert.core.snapshot import snapshot
from wengert.core.tracer import Level, Tracer, run
from wengert.core.tree import differentiable, flatten, paths
from wengert.graph.graph import Graph
from wengert.graph.node import Guard, Node

#: The value inside a traced one, by the shortest way and past any subclass that watches who reads it.
value_of: Callable[[Tracer], Any] = vars(Tracer)["value"].__get__


class RecordTracer(Tracer):
    """A value with the node that computes it."""

    __slots__ = ("node",)
    fields = ("level", "value", "node")

    def __init__(self, level: Level, value: Any, node: Node) -> None:
        self.level, self.value, self.node = level, value, node


class RecordLevel(Level):
    """Applies each operation to the values and writes it down."""

    __slots__ = ("calls", "guards", "nodes")
    tracer = RecordTracer

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.guards: list[Guard] = []
        self.calls = Calls()

    def node_of(self, value: Any) -> Node:
        """The node of a traced value; anything else is a constant."""
        if isinstance(value, RecordTracer) and value.level is self:
            return value.node
        value = snapshot(value)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False  # a step that returns a view of it hands it out
        return self.add(Node(None, (), {}, aval_of(value), value=value))

    def add(self, node: Node) -> Node:
        self.nodes.append(node)
        return node

    def inputs(self, leaves: Sequence[Any], labels: Sequence[str]) -> list[RecordTracer]:
        """A traced value for each leaf."""
        nodes = [self.add(Node(None, (), {}, aval_of(v), name=n, value=v)) for v, n in zip(leaves, labels, strict=True)]
        return [self.tracer(self, v, node) for v, node in zip(leaves, nodes, strict=True)]

    def follow(self, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Run f and record what it does."""
        self.calls.open()
        try:
            return run(self, f, args, kwargs)
        finally:
            self.calls.close()

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        values = [value_of(a) if isinstance(a, RecordTracer) and a.level is self else a for a in args]
        out = bind(primitive, values, params)
        nodes = [self.node_of(a) for a in args]
        location, calls = user_location(), self.calls.path()
        if primitive.outputs == 1:
            return self.tracer(self, out, self.add(Node(primitive, nodes, params, aval_of(out), location, calls=calls)))
        whole = self.add(Node(primitive, nodes, params, tuple(map(aval_of, out)), location, calls=calls))
        parts = [
            self.add(Node(None, (whole,), {}, aval_of(o), location, part=k, calls=calls)) for k, o in enumerate(out)
        ]
        return tuple(self.tracer(self, o, part) for o, part in zip(out, parts, strict=True))

    def output(self, value: Any) -> Node:
        """The node of a part of f's result, which is a number."""
        value = resolve(value)
        check_ended(self, value)
        if not hasattr(value, "dtype") and not isinstance(value, (int, float, complex)):
            raise ArgumentError(
                f"the function returned {'None' if value is None else f'a {type(value).__name__}'} "
                "where a number or an array was expected"
            )
        return self.node_of(value)

    def branch(self, tracer: Tracer, outcome: Any) -> None:
        self.guards.append(Guard(self.node_of(tracer), outcome, user_location()))


def check_ended(level: Level, value: Any) -> None:
    """Refuse a result that belongs to a transformation that has ended."""
    if isinstance(value, Tracer) and value.level is not level and value.level.closed:
        raise LeakedTracerError("the function returned a traced value of a transformation that has ended")


def trace(f: Callable[..., Any]) -> Callable[..., Graph]:
    """Record the elementary steps of f: the Wengert list.

    f(x) as v₁ = φ₁(…), v₂ = φ₂(…), …, y = φₙ(…), each φ one primitive operation.

    **Arguments**: `f`, NumPy code; then its arguments, pytrees of numbers and float arrays (keyword arguments are
    handed through and not followed). **Returns**: a function of f's arguments that returns the `Graph`. Python's
    branches and loops run as they are; each branch on a traced value becomes a guard of the graph.
    **Raises**: what f raises; `ArgumentError` for arguments that are not numbers. **Cost**: f, a few µs per operation.

    >>> import wengert as wg
    >>> graph = wg.trace(lambda x, y: x * y + y / x)(3.0, 5.0)
    >>> print(graph.derivative((0, 1)).to_python())  # doctest: +SKIP

    **Source**: Wengert, "A simple automatic derivative evaluation program" (1964).
    """
    check_callable(f, "wg.trace")

    @functools.wraps(f)
    def traced(*args: Any, **kwargs: Any) -> Graph:
        level = RecordLevel()
        leaves, rebuild = flatten(list(args))
        labels = [p for name, arg in zip(argument_names(f, len(args)), args, strict=True) for p in paths(arg, name)]
        leaves = [differentiable(leaf, name) for leaf, name in zip(leaves, labels, strict=True)]
        given = level.inputs(leaves, labels)
        inputs = [tracer.node for tracer in given]
        result = level.follow(f, rebuild(given), kwargs)
        outs, rebuild_out = flatten(result)
        if not outs:
            raise ArgumentError(
                f"the function returned {result!r}, in which there is no number", wrong="def f(x): x * x",
                right="def f(x): return x * x",
            )  # fmt: skip
        outputs = [level.output(o) for o in outs]
        return Graph(
            name_of(f), inputs, outputs, level.guards,
            arguments=tuple(rebuild(leaves)), rebuild=rebuild_out, nodes=level.nodes,
        )  # fmt: skip

    return traced


def name_of(f: Callable[..., Any]) -> str:
    """What a graph of f is called."""
    name = getattr(f, "__name__", type(f).__name__)
    return "f" if name == "<lambda>" else name


def argument_names(f: Callable[..., Any], count: int) -> list[str]:
    """The names of f's positional parameters; x0, x1, … where it has none to tell."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (ValueError, TypeError):
        return [f"x{i}" for i in range(count)] if count > 1 else ["x"]
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    return [names[i] if i < len(names) else f"{rest}{i - len(names)}" for i in range(count)]
