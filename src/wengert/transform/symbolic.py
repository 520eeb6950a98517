"""Symbolic derivatives: differentiate a graph by running it through reverse mode while recording."""

from __future__ import annotations

from collections.abc import Sequence

from wengert.graph.graph import Graph, ability
from wengert.graph.record import trace
from wengert.transform.higher import jacobian
from wengert.transform.reverse import grad


@ability("derivative")
def derivative(graph: Graph, argnums: int | Sequence[int] = 0, simplify: bool = True) -> Graph:
    """The graph of ∂f/∂args: the gradient of a graph with one number as its result, else the Jacobian.

    Nothing is differentiated here: reverse mode applied to the graph is recorded as another graph, so that the result
    can be evaluated at any point and differentiated again. Common parts stay shared, which is why it does not swell.
    """
    scalar = len(graph.outputs) == 1 and graph.outputs[0].aval.shape == ()
    f = (grad if scalar else jacobian)(graph, argnums)
    f.__name__ = f"{graph.name}′"
    result: Graph = trace(f)(*graph.arguments)
    for node, known in zip(result.inputs, graph.inputs, strict=True):
        node.name = known.name
    result.quiet = True
    return result.simplify() if simplify else result
