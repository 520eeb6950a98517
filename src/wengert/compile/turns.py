"""Loops and branches that NumPy drives, since something in them is left to it: what can be native in their bodies is.

The loop then calls a native program for each step, which calls NumPy back for the rest.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

from wengert.compile.backend import Options, Refused
from wengert.compile.steps import Callback
from wengert.graph.body import Body
from wengert.graph.node import Node

CALL, WORTH = 300, 7000  # nanoseconds: what NumPy takes for an operation, and what a native program takes for its call


def equipped(step: Callback, compiler: Callable[[Any, Options], Any], options: Options) -> Callback:
    """The step with native programs for its bodies; bodies are copied, since others may hold them too."""
    node = step.node
    assert node.primitive is not None
    if not node.primitive.structured:
        return step
    params = {name: _native(value, compiler, options) for name, value in node.params.items()}
    if all(params[name] is value for name, value in node.params.items()):
        return step
    new = Node(node.primitive, node.args, params, node.aval, node.location)
    return step._replace(node=new, reason=f"{step.reason}; the rest of each step is native")


def _native(value: Any, compiler: Callable[[Any, Options], Any], options: Options) -> Any:
    if isinstance(value, tuple) and any(isinstance(v, Body) for v in value):
        found = tuple(_native(v, compiler, options) for v in value)
        return value if all(a is b for a, b in zip(found, value, strict=True)) else found
    if not isinstance(value, Body):
        return value
    graph = value.simplify()
    if sum(CALL + sum(math.prod(a.shape) for a in node.avals) for node in graph.operations) < WORTH:
        return value
    kinds = tuple("number" if a.weak else "array" if a.shape else "scalar" for a in value.avals)
    program = compiler(graph, Options(kinds, (), options.fast_math, options.threads))
    python = value.run

    def run(values: Sequence[Any]) -> Sequence[Any]:
        try:
            outputs: Sequence[Any] = program.run(values)[2]
        except Refused:  # NumPy knows what to do, or what to say
            return python(values)
        return outputs

    made = copy.copy(value)
    made._function = run
    return made
