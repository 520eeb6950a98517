"""Sums of products that a loop adds up step by step, as one product after the loop.

The transpose of a scan carries a sum for each constant, to which a step adds its cotangent. Where that is a product of
matrices of the step, as it is of weights,

    Σₜ Uₜᵀ Vₜ = Uᵀ V, with the rows of all steps one below the other.

The loop then stacks Uₜ and Vₜ instead, unless they stand in arrays already, and neither reads nor writes the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.primitive import bind
from wengert.core.rule import Linear, Partial
from wengert.graph.node import Node
from wengert.transform.derived import pick
from wengert.transform.simple import Simple, like


class Factor(NamedTuple):
    """One side of a product: where its stack is, the shape of a matrix in it, and whether its transpose is meant."""

    place: int
    shape: tuple[int, ...]
    turned: bool


class Product(NamedTuple):
    """A product of two factors, and the linear operations on it, innermost first."""

    left: Factor
    right: Factor
    after: Sequence[Node]

    def total(self, stacks: Sequence[Any]) -> Any:
        """Its sum over all steps."""
        total = np.matmul(_columns(stacks, self.left), _rows(stacks, self.right))
        for node in self.after:
            assert node.primitive is not None
            total = bind(node.primitive, (total,), node.params)
        return total


class Deferral(NamedTuple):
    """A step without the sums that are products. `kept`: which sums are carried still; `products`: what the others are.

    Places of stacks count the slices of the step, then its results.
    """

    step: Simple
    kept: Sequence[bool]
    products: Sequence[Sequence[Product]]

    def totals(self, carried: Sequence[Any], stacks: Sequence[Any]) -> list[Any]:
        """All sums, of those that were carried and of the arrays along the loop."""
        queue = iter(carried)
        return [
            next(queue) if kept else _sum([product.total(stacks) for product in products])
            for kept, products in zip(self.kept, self.products, strict=True)
        ]


def deferral(step: Simple, consts: int, states: int, sums: int) -> Deferral | None:
    """The step of a loop whose carry ends with sums, without those that can be had after it; None if there are none.

    A sum is left out if the arrays that it needs beside those along the loop have no more elements in a step than it
    has itself (it is a pass over memory that is saved), and all of them together no more than those.
    """
    key = "deferral", consts, states, sums
    if key not in step.derived:
        step.derived[key] = _Search(step, consts, states, sums).result()
    found: Deferral | None = step.derived[key]
    return found


class _Search:
    """Looks at each sum, and notes what it would take to stack."""

    def __init__(self, step: Simple, consts: int, states: int, sums: int) -> None:
        self.step, self.first, self.states = step, consts + states, states
        self.last = self.first + sums
        self.sums, self.slices = step.inputs[self.first : self.last], step.inputs[self.last :]
        self.totals, self.rows = step.outputs[states : states + sums], step.outputs[states + sums :]
        self.new: list[Node] = []  # results that nothing has asked for yet
        self.varies = {id(n) for n in step.inputs[consts:]}
        for node in step.nodes:
            if any(id(a) in self.varies for a in node.args):
                self.varies.add(id(node))
        self.room = sum(map(_elements, (*self.slices, *self.rows)))

    def result(self) -> Deferral | None:
        products = [self.products(start, total) for start, total in zip(self.sums, self.totals, strict=True)]
        kept = [not found for found in products]
        if all(kept):
            return None
        step, mask = self.step, [True] * self.first + kept + [True] * len(self.slices)
        outputs = [*step.outputs[: self.states], *pick(self.totals, kept), *self.rows, *self.new]
        return Deferral(like(step, pick(step.inputs, mask), outputs, pick(step.linear, mask)), kept, products)

    def products(self, start: Node, total: Node) -> list[Product]:
        """What is added to a sum, if all of it are products that pay."""
        terms = _terms(total, start)
        before = len(self.new)
        found = [self.product(node) for node in terms]
        extra = sum(map(_elements, self.new[before:]))
        if not terms or None in found or extra > min(_elements(start), self.room):
            del self.new[before:]
            return []
        self.room -= extra
        return [product for product in found if product is not None]

    def product(self, node: Node) -> Product | None:
        after: list[Node] = []
        while _is_linear(node):
            after.append(node)
            node = node.args[0]
        if not _is_product(node):
            return None
        left, right = map(self.factor, node.args)
        return None if left is None or right is None else Product(left, right, after[::-1])

    def factor(self, node: Node) -> Factor | None:
        """Where the matrices of all steps are, or will be."""
        turned = node.operation == "transpose" and node.params["axes"] == (1, 0)
        node = node.args[0] if turned else node
        shape, node = node.aval.shape, _in_memory(node)
        if id(node) not in self.varies:
            return None
        known = [_in_memory(n) for n in (*self.slices, *self.rows, *self.new)]
        place = next((k for k, have in enumerate(known) if have is node), len(known))
        if place == len(known):
            self.new.append(node)
        return Factor(place, shape, turned)


def _in_memory(node: Node) -> Node:
    """What has the same elements in the same order."""
    while node.operation == "reshape":
        node = node.args[0]
    return node


def _terms(total: Node, start: Node) -> list[Node]:
    """What is added to the start of a sum; nothing where the sum is something else."""
    terms, stack, starts = [], [total], 0
    while stack:
        node = stack.pop()
        if node is start:
            starts += 1
        elif node.operation == "add" and all(a.aval == node.aval for a in node.args):
            stack.extend(node.args)
        else:
            terms.append(node)
    return terms if starts == 1 else []


def _is_product(node: Node) -> bool:
    """Whether it is a product of two matrices, or the same of a column (m, 1) and a vector (n,)."""
    if node.operation == "matmul":
        return all(len(a.aval.shape) == 2 for a in node.args)
    if node.operation != "multiply" or len(node.aval.shape) != 2:
        return False
    m, n = node.aval.shape
    return [a.aval.shape for a in node.args] == [(m, 1), (n,)]


def _is_linear(node: Node) -> bool:
    """Whether an operation is a linear function of the one argument that it has."""
    if len(node.args) != 1 or node.primitive is None or node.primitive.outputs != 1:
        return False
    rule = node.primitive.rule(0)
    return isinstance(rule, Linear) or (isinstance(rule, Partial) and rule.constant is not None)


def _elements(node: Node) -> int:
    return int(np.prod(node.aval.shape, dtype=int))


def _columns(stacks: Sequence[Any], factor: Factor) -> Any:
    """The matrices (m, k) of all steps side by side."""
    stack = _stack(stacks, factor)
    if factor.turned:
        return np.reshape(stack, (-1, stack.shape[-1])).T
    return np.reshape(np.swapaxes(stack, 0, 1), (stack.shape[1], -1))


def _rows(stacks: Sequence[Any], factor: Factor) -> Any:
    """The matrices (k, n) of all steps one below the other."""
    stack = _stack(stacks, factor)
    if factor.turned:
        return np.reshape(np.swapaxes(stack, 0, 1), (stack.shape[1], -1)).T
    return np.reshape(stack, (-1, stack.shape[-1]))


def _stack(stacks: Sequence[Any], factor: Factor) -> Any:
    stack = stacks[factor.place]
    shape = (stack.shape[0], *factor.shape)
    return stack if stack.shape == shape else np.reshape(stack, shape)


def _sum(parts: Sequence[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
