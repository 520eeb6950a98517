"""A graph in the form that the later stages take: what has no strides is copied, two steps in one are taken apart."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from wengert.compile.access import is_plain, is_view, layout_of
from wengert.compile.loops import TYPES
from wengert.compile.stretch import is_open
from wengert.core.aval import Aval
from wengert.core.primitive import REGISTRY, Primitive
from wengert.graph.graph import Graph
from wengert.graph.node import Guard, Node
from wengert.ops.reduction import normalize_axes


def _add_at(x: Any, *args: Any, indices: Any, shape: Any, dtype: Any) -> Any:
    scatter = REGISTRY["scatter"].impl
    return x + scatter(*args, indices=indices, shape=shape, dtype=dtype)


#: x + scatter(values): the values are added to x at their places, and x itself need not be copied where it is not used
#: again. This is how the derivative of a loop over the elements of an array remains linear in their number.
ADD_AT = Primitive("add_at", _add_at, lambda i: None, aval=lambda x, *args, indices, shape, dtype: Aval(shape, dtype))


class Normal:
    """The nodes in order, with the inputs, outputs and guards among them."""

    def __init__(self, graph: Graph) -> None:
        self.nodes: list[Node] = []
        self.uses: Counter[int] = Counter()
        self.uses.update(id(g.node) for g in graph.guards)
        self.new: dict[int, Node] = {}
        self.opened: dict[int, list[Node]] = {}  # the results of the calls whose operations stand among the others
        self.bodies: list[Graph] = []  # alive, since nodes are known by their ids
        self._take(graph)
        self.inputs = [self.new[id(n)] for n in graph.inputs]
        self.guards: list[Guard] = [g._replace(node=self.checked(g)) for g in graph.guards]
        taken: set[int] = set()
        self.outputs: list[Node] = []
        for node in (self.new[id(n)] for n in graph.outputs):
            own = node.part is not None or (node.primitive is not None and not is_view(node))
            if not own or id(node) in taken:
                node = self.copy(node)
            taken.add(id(node))
            self.outputs.append(node)
        self._prune(graph)

    def _take(self, graph: Graph) -> None:
        """Translate the nodes of a graph; those of an inner one between them, with what it was given as its inputs."""
        self.uses.update(id(a) for n in graph.nodes for a in n.args)
        self.uses.update(map(id, graph.outputs))
        inner = bool(self.bodies)
        for node in graph.nodes:
            if node.operation == "call" and is_open(node):
                body = node.params["body"].simplify()
                self.bodies.append(body)
                for given, arg in zip(body.inputs, node.args, strict=True):
                    self.new[id(given)] = self.alike(self.new[id(arg)], given.aval)
                self._take(body)
                outs = zip(body.outputs, node.avals, strict=True)
                self.opened[id(node)] = [self.alike(self.new[id(out)], aval) for out, aval in outs]
            elif node.part is not None and id(node.args[0]) in self.opened:
                self.new[id(node)] = self.opened[id(node.args[0])][node.part]
            elif not (inner and node.is_input):
                self.new[id(node)] = self.translated(node)

    def alike(self, node: Node, aval: Aval) -> Node:
        """The node, as a Python number or as NumPy's."""
        return node if node.aval.weak == aval.weak else self.operation("stop_gradient", [node], {}, aval, node)

    def _prune(self, graph: Graph) -> None:
        alive = {id(n) for n in (*self.inputs, *self.outputs, *(g.node for g in self.guards))}
        for node in reversed(self.nodes):
            if id(node) in alive:
                alive.update(id(a) for a in node.args)
        self.nodes = [n for n in self.nodes if id(n) in alive]

    def add(self, node: Node) -> Node:
        self.nodes.append(node)
        return node

    def operation(self, name: str, args: list[Node], params: dict[str, Any], aval: Aval, like: Node) -> Node:
        return self.add(Node(REGISTRY[name], args, params, aval, like.location))

    def copy(self, node: Node) -> Node:
        """The same elements in memory of their own."""
        return self.operation("stop_gradient", [node], {}, Aval(node.aval.shape, node.aval.dtype, node.aval.weak), node)

    def copied(self, node: Node) -> Node:
        """The node, or a copy of what is only a view."""
        return self.copy(node) if is_view(node) else node

    def checked(self, guard: Guard) -> Node:
        """The node of a guard, as a number that the machine knows."""
        node = self.new[id(guard.node)]
        if node.aval.dtype in TYPES or isinstance(guard.outcome, tuple):
            return self.copied(node)
        dtype = np.dtype(bool if isinstance(guard.outcome, bool) else np.int64)
        return self.operation("astype", [node], {"dtype": dtype}, Aval(node.aval.shape, dtype), node)

    def norm(self, x: Node, node: Node) -> Node:
        """A Euclidean norm as the root of a sum of squares, which is what NumPy computes."""
        shape, dtype = x.aval.shape, node.aval.dtype
        if x.aval.dtype != dtype:
            x = self.operation("astype", [x], {"dtype": dtype}, Aval(shape, dtype), node)
        params = {"axis": normalize_axes(node.params["axis"], len(shape)), "keepdims": node.params["keepdims"]}
        total = self.operation(
            "sum", [self.operation("square", [x], {}, Aval(shape, dtype), node)], params, node.aval, node
        )
        return self.operation("sqrt", [total], {}, node.aval, node)

    def turns(self, node: Node) -> bool:
        """Whether it is a product of two matrices, needed only as its transpose: (xᵀ g)ᵀ, the slope of a weight."""
        product = node.args[0]
        return (
            product.operation == "matmul" and self.uses[id(product)] == 1 and tuple(node.params["axes"]) == (1, 0)
            and all(len(a.aval.shape) == 2 for a in product.args)
        )  # fmt: skip

    def turned(self, node: Node, product: Node) -> Node:
        """(x y)ᵀ as yᵀ xᵀ, which BLAS writes row by row, so that nobody reads it across its rows."""
        args = [
            self.operation("transpose", [a], {"axes": (1, 0)}, Aval(a.aval.shape[::-1], a.aval.dtype), node)
            for a in reversed(product.args)
        ]
        return self.add(Node(product.primitive, args, product.params, node.aval, node.location))

    def translated(self, node: Node) -> Node:
        if not node.args:
            return self.add(Node(None, (), {}, node.aval, node.location, name=node.name, value=node.value))
        args = [self.new[id(a)] for a in node.args]
        if node.operation == "add":
            for k in (1, 0):
                values = node.args[k]
                alike = args[0].aval.shape == args[1].aval.shape and args[0].aval.dtype == args[1].aval.dtype
                if values.operation == "scatter" and self.uses[id(values)] == 1 and alike:
                    found = [args[1 - k], *args[k].args]
                    return self.add(Node(ADD_AT, found, values.params, node.aval, node.location))
        if node.part is not None:
            return self.add(Node(None, args, {}, node.aval, node.location, part=node.part))
        assert node.primitive is not None
        if node.primitive.name == "norm" and args[0].aval.dtype.kind in "fiub" and node.aval.dtype in TYPES:
            return self.norm(args[0], node)
        if node.primitive.name in ("sum", "prod", "sum_to") and args[0].aval.dtype != node.aval.dtype:
            args = [self.operation("astype", args, {"dtype": node.aval.dtype},
                                   Aval(args[0].aval.shape, node.aval.dtype), node)]  # fmt: skip
        if node.primitive.name in ("matmul", "einsum"):
            args = [
                a
                if a.aval.dtype == node.aval.dtype
                else self.operation(
                    "astype", [a], {"dtype": node.aval.dtype}, Aval(a.aval.shape, node.aval.dtype), node
                )
                for a in args
            ]
        if node.primitive.name == "transpose" and self.turns(node):
            return self.turned(node, args[0])
        if node.primitive.structured:  # what takes rows of its arguments
            args = [a if not is_view(a) or is_plain(a) else self.copy(a) for a in args]
        result = Node(node.primitive, args, node.params, node.aval, node.location)
        if is_view(result) and layout_of(result) is None:
            result = Node(node.primitive, [self.copy(args[0])], node.params, node.aval, node.location)
        return self.add(result)
