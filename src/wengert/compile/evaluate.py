"""What an operation is on arrays of values: each place written out, with NumPy's own views and broadcasting."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.compile import special
from wengert.compile.fuse import Region
from wengert.compile.loops import OUT_OF_RANGE, Builder, Value
from wengert.compile.scalar import BITWISE, FLOATS, PREDICATES, SCALARS, Arithmetic, convert, truth
from wengert.compile.spaces import REDUCTIONS, basic_index, is_elementwise
from wengert.compile.support import loop_types, type_of
from wengert.graph.node import Node

Array = Any  # a NumPy array of dtype object whose elements are values
#: What may leave the range of 64 bits, and how the processor notices.
OVERFLOWS = {
    "add": "sadd", "subtract": "ssub", "multiply": "smul", "negative": "ssub", "absolute": "ssub", "square": "smul",
}  # fmt: skip


class Evaluator:
    """Writes the operations of a region. Along its loops, arrays of values have length 1."""

    def __init__(self, region: Region, builder: Builder) -> None:
        self.region, self.builder = region, builder

    def evaluate(self, node: Node, values: Sequence[Array], shape: tuple[int, ...]) -> Array:
        """An operation on arrays of values; `shape` is that of the result, with length 1 along loops."""
        assert node.primitive is not None
        name = node.primitive.name
        if name == "broadcast_to":
            return np.broadcast_to(values[0], shape)
        if is_elementwise(node):
            return self._elementwise(node, name, values)
        if name == "reshape":
            return np.reshape(values[0], shape)
        if name == "transpose":
            return np.transpose(values[0], node.params["axes"])
        if name == "getitem":
            index = basic_index(node.params["index"], node.args[0].aval.shape)
            assert index is not None
            return as_array(values[0][tuple(singly(index, values[0].shape, node.args[0].aval.shape))])
        if name in REDUCTIONS:
            return self._reduce(node, values[0], shape)
        if name in ("concatenate", "stack"):
            type_ = type_of(node)
            parts = [map_values(lambda v: convert(self.builder, v, type_), value) for value in values]
            return (np.concatenate if name == "concatenate" else np.stack)(parts, node.params["axis"])
        if name in ("matmul", "einsum"):
            return self._product(node, values, shape)
        return self._placed(node, name, values, shape)

    def _elementwise(self, node: Node, name: str, values: Sequence[Array]) -> Array:
        types = loop_types(node)
        assert types is not None
        builder, out = self.builder, type_of(node)

        def one(*args: Value) -> Value:
            if name == "where":
                x, y = convert(builder, args[1], out), convert(builder, args[2], out)
                return builder.let("select", truth(builder, args[0]), x, y, type=out)
            if name == "discretize":
                return convert(builder, args[0], out)
            if name in PREDICATES:
                given = args if name.startswith("logical") else [convert(builder, a, types[0]) for a in args]
                return PREDICATES[name](Arithmetic(builder, types[0]), *given, **node.params)
            given = [convert(builder, a, t) for a, t in zip(args, types, strict=True)]
            if node.aval.weak and out == "i64" and name in ("floor_divide", "remainder"):
                builder.check(truth(builder, given[1]), OUT_OF_RANGE)  # Python raises, and NumPy's answer is taken
            if node.aval.weak and out == "i64" and name in OVERFLOWS:
                self._check_range(name, given)
            if name not in SCALARS and name not in BITWISE:
                assert node.primitive is not None
                return convert(builder, special.evaluate(builder, node.primitive, list(given)), out)
            if name == "power" and node.args[0].aval.shape and given[1].op == "constant" and given[1].args[0] == 0.5:
                return builder.let("intrinsic sqrt", given[0], type=out)  # as NumPy has it of arrays, for −0 and −∞ too
            table = BITWISE if name in BITWISE else SCALARS
            params = node.params if name == "round" else {}
            return convert(builder, table[name](Arithmetic(builder, types[0]), *given, **params), out)

        result = np.frompyfunc(one, len(values), 1)(*values)
        return as_array(result)

    def _check_range(self, name: str, given: Sequence[Value]) -> None:
        """Python's integers have no end; where 64 bits do not hold a result, Python itself must compute it."""
        b = self.builder
        zero = b.constant(0, "i64")
        x, y = {"negative": (zero, given[0]), "absolute": (zero, given[0])}.get(name) or (given[0], given[-1])
        over = b.let(f"overflow {OVERFLOWS[name]}", x, y, type="i1")
        b.check(b.let("xor", over, b.constant(True, "i1"), type="i1"), OUT_OF_RANGE)

    def _reduce(self, node: Node, value: Array, shape: tuple[int, ...]) -> Array:
        """What of a reduction is written out: the axes that are no loops."""
        letters = self.region.letters[id(node)]
        space = self.region.spaces[id(node)]
        axes = tuple(i for i, k in enumerate(space.args[0]) if k not in space.result and k not in letters)
        op, type_ = operation(node), type_of(node)
        if op in ("or", "and"):
            value = map_values(lambda v: truth(self.builder, v), value)
        rest = [i for i in range(value.ndim) if i not in axes]
        terms = math.prod(value.shape[i] for i in axes)
        moved = np.transpose(value, [*rest, *axes]).reshape([*(value.shape[i] for i in rest), terms])
        result = np.empty(moved.shape[:-1], object)
        for index in np.ndindex(*result.shape):
            result[index] = self._fold(op, list(moved[index]), type_)
        return result.reshape(shape)

    def _fold(self, op: str, terms: list[Value], type_: str) -> Value:
        """Neighbours first: the error of a sum grows with the logarithm of its length."""
        if not terms:
            return self.builder.constant(first(op, type_), type_)
        while len(terms) > 1:
            pairs = [self._combine(op, a, b) for a, b in zip(terms[::2], terms[1::2], strict=False)]
            terms = pairs + terms[len(terms) - len(terms) % 2 :]
        return terms[0]

    def _combine(self, op: str, x: Value, y: Value) -> Value:
        if op in ("max", "min"):
            return SCALARS["maximum" if op == "max" else "minimum"](Arithmetic(self.builder, x.type), x, y)
        if op in ("or", "and"):
            return self.builder.let(op, x, y, type="i1")
        return SCALARS[op](Arithmetic(self.builder, x.type), x, y)

    def _product(self, node: Node, values: Sequence[Array], shape: tuple[int, ...]) -> Array:
        """Σ of products over the letters that are not in the result; loops among them are added up outside."""
        space, letters, type_ = self.region.spaces[id(node)], self.region.letters[id(node)], type_of(node)
        summed = [k for k in space.reduced if k not in letters]
        result = np.empty(shape, object)
        for index in np.ndindex(*shape):
            at: dict[int, int] = {k: i for k, i in zip(space.result, index, strict=True) if k is not None}
            total: Value | None = None
            for places in itertools.product(*(range(space.extents[k]) for k in summed)):
                at.update(zip(summed, places, strict=True))
                factors = []
                for value, along in zip(values, space.args, strict=True):
                    where = zip(along, value.shape, strict=True)
                    factors.append(
                        value[tuple(at[k] if k is not None and k not in letters and n > 1 else 0 for k, n in where)]
                    )
                total = self._multiply_add(factors, total, type_)
            result[index] = total if total is not None else self.builder.constant(0, type_)
        return result

    def _multiply_add(self, factors: list[Value], total: Value | None, type_: str) -> Value:
        a = Arithmetic(self.builder, type_)
        first = factors[0]
        for factor in factors[1:-1]:
            first = a.mul(first, factor)
        if len(factors) == 1:
            return first if total is None else a.add(total, first)
        if total is None:
            return a.mul(first, factors[-1])
        if type_ in FLOATS:
            return a.intrinsic("fmuladd", first, factors[-1], total)
        return a.add(total, a.mul(first, factors[-1]))

    def _placed(self, node: Node, name: str, values: Sequence[Array], shape: tuple[int, ...]) -> Array:
        """scatter, put and add_at."""
        type_ = type_of(node)
        full = node.aval.shape
        if name == "put":
            result = np.array(values[0], object)
            indices, placed = (node.params["index"],), [values[1]]
        else:
            zero = self.builder.constant(0, type_)
            result = map_values(lambda _: zero, np.empty(shape, object))
            indices, placed = node.params["indices"], list(values)
            if name == "add_at":
                result, placed = np.array(np.broadcast_to(values[0], shape)), placed[1:]
        for index, value in zip(indices, placed, strict=True):
            basic = basic_index(index, full)
            assert basic is not None
            where = tuple(singly(basic, shape, full))
            value = map_values(lambda v: convert(self.builder, v, type_), value)
            target = np.arange(result.size).reshape(result.shape)[where]
            target = np.asarray(target)
            source = np.broadcast_to(value.reshape(value.shape[max(0, value.ndim - target.ndim) :]), target.shape)
            for position, v in zip(target.flat, source.flat, strict=True):
                old = result.flat[position]
                fresh = name == "put" or (name == "scatter" and old.op == "constant" and old.args[0] == 0)
                result.flat[position] = v if fresh else Arithmetic(self.builder, type_).add(old, v)
        return result


def operation(node: Node) -> str:
    """What a reduction does again and again; a product of matrices adds."""
    return REDUCTIONS.get(node.operation, "add")


def singly(index: Sequence[Any], shape: Sequence[int], full: Sequence[int]) -> list[Any]:
    """An index for an array of values, in which an axis that is a loop has length 1 and is taken whole."""
    result: list[Any] = []
    axis = 0
    for part in index:
        if part is None:
            result.append(None)
            continue
        result.append(slice(None) if shape[axis] != full[axis] else part)
        axis += 1
    return result


def first(op: str, type_: str) -> Any:
    """What a sum, a product, … begins with."""
    if op in ("max", "min"):
        if type_ in FLOATS:
            return -math.inf if op == "max" else math.inf
        if type_ == "i1":
            return op == "min"
        bits = int(type_[1:]) - 1
        return -(2**bits) if op == "max" else 2**bits - 1
    return {"add": 0, "multiply": 1, "or": False, "and": True}[op]


def scalar(value: Value) -> Array:
    """One value as an array of values."""
    result = np.empty((), object)
    result[()] = value
    return result


def as_array(value: Any) -> Array:
    """What a universal function of NumPy made, which for one value is no array."""
    return value if isinstance(value, np.ndarray) else scalar(value)


def map_values(function: Callable[[Any], Any], values: Array) -> Array:
    """A function of each value."""
    result = np.empty(values.shape, object)
    for index in np.ndindex(*values.shape):
        result[index] = function(values[index])
    return result
