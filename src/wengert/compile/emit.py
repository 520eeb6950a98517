"""A region of operations as a kernel: the loops, and inside them each operation written out place by place.

The value of a node is an array of values (loops.py), one for each place that is written out; along an axis that is a
loop the array has length 1. So NumPy itself does the views: reshaping, slicing and stacking these arrays costs nothing
at run time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from wengert.compile.access import Layout, is_view
from wengert.compile.fuse import Region
from wengert.compile.loops import OUT_OF_RANGE, Buffer, Builder, Kernel, Offset, Value
from wengert.compile.scalar import BITWISE, FLOATS, PREDICATES, SCALARS, Arithmetic, convert, truth
from wengert.compile.spaces import ELEMENTWISE, REDUCTIONS, basic_index
from wengert.compile.support import loop_types, type_of
from wengert.graph.node import Node

#: What may leave the range of 64 bits, and how the processor notices.
OVERFLOWS = {"add": "sadd", "subtract": "ssub", "multiply": "smul", "negative": "ssub", "absolute": "ssub", "square": "smul"}
BLOCK = 2048  # rounds of an innermost loop that are summed before they are added to the rest, for accuracy
Array = Any  # a NumPy array of dtype object whose elements are values


class RegionEmitter:
    """Writes the kernel of a region.

    `place(node)` gives the buffer and layout of a node from outside, `target(node)` the buffer to which a node of the
    region is written, or None where nobody else needs it.
    """

    def __init__(
        self,
        region: Region,
        place: Callable[[Node], tuple[Buffer, Layout] | None],
        target: Callable[[Node], Buffer | None],
        name: str,
    ) -> None:
        self.region, self.place, self.target = region, place, target
        self.builder = Builder(name)
        self.values: dict[int, Array] = {}
        self.variables: dict[int, Array] = {}
        self.loops: list[Value] = []

    def kernel(self) -> Kernel:
        """The kernel."""
        self._clear()
        self._nest(0)
        return self.builder.finish()

    # Loops --------------------------------------------------------------------------------------------------------

    def _nest(self, depth: int) -> None:
        dims = self.region.dims
        declared = [n for n in self.region.nodes if self._kept(n) == depth]
        for node in declared:
            self.variables[id(node)] = self._fresh(node)
        if depth == len(dims):
            for node in self.region.nodes:
                self._compute(node)
        else:
            with self._loop(dims[depth], declared if depth == len(dims) - 1 else []):
                self._nest(depth + 1)
                del self.loops[depth:]
        for node in declared:
            read = _map(self.builder.read, self.variables[id(node)])
            self._store(node, read)

    def _loop(self, extent: int, sums: Sequence[Node]) -> ExitStack:
        """The next loop; a long one with sums runs in blocks, whose sums are added up."""
        stack = ExitStack()
        if extent < 2 * BLOCK or not sums:
            self.loops.append(stack.enter_context(self.builder.loop(extent)))
            return stack
        totals = {id(n): self.variables[id(n)] for n in sums}
        outer = stack.enter_context(self.builder.loop(extent, BLOCK))
        for node in sums:
            self.variables[id(node)] = self._fresh(node)

        def add_up() -> None:
            for node in sums:
                part, total = self.variables[id(node)], totals[id(node)]
                for p, t in zip(part.flat, total.flat, strict=True):
                    self.builder.accumulate(t, self._operation(node), self.builder.read(p))
                self.variables[id(node)] = total

        stack.callback(add_up)
        left = self.builder.let("sub", self.builder.constant(extent, "i64"), outer, type="i64")
        rounds = self.builder.let("intrinsic umin", left, self.builder.constant(BLOCK, "i64"), type="i64")
        inner = stack.enter_context(self.builder.loop(rounds))
        self.loops.append(self.builder.let("add", outer, inner, type="i64"))
        return stack

    def _kept(self, node: Node) -> int | None:
        """At which depth the sum of a reduction over loops is kept in a variable; None: it is added up in memory."""
        if id(node) not in self.region.accumulated:
            return None
        kept = {d for d in self.region.maps[id(node)] if d is not None}
        return len(kept) if kept == set(range(len(kept))) else None

    def _in_memory(self, node: Node) -> bool:
        return id(node) in self.region.accumulated and self._kept(node) is None

    def _clear(self) -> None:
        """Sums that are added up in memory begin at their first value."""
        for node in self.region.nodes:
            if self._in_memory(node):
                buffer = self.target(node)
                assert buffer is not None
                with self.builder.loop(buffer.size) as i:
                    first = self.builder.constant(_first(self._operation(node), buffer.type), buffer.type)
                    self.builder.store(buffer, Offset(0, ((i, 1),)), first)

    def _operation(self, node: Node) -> str:
        assert node.primitive is not None
        return REDUCTIONS.get(node.primitive.name, "add")

    def _fresh(self, node: Node) -> Array:
        type_ = type_of(node)
        first = self.builder.constant(_first(self._operation(node), type_), type_)
        shape = self._written(node.aval.shape, self.region.maps[id(node)])
        return _map(lambda _: self.builder.variable(first), np.empty(shape, object))

    # Operations -------------------------------------------------------------------------------------------------------

    def _compute(self, node: Node) -> None:
        values = [self._argument(node, i) for i in range(len(node.args))]
        shape = self._written(node.aval.shape, self.region.maps[id(node)])
        result = self.evaluate(node, values, shape)
        if id(node) not in self.region.accumulated:
            self.values[id(node)] = result
            self._store(node, result)
        elif id(node) in self.variables:
            for variable, value in zip(self.variables[id(node)].flat, result.flat, strict=True):
                self.builder.accumulate(variable, self._operation(node), value)
        else:
            self._store(node, result, self._operation(node))

    def _argument(self, node: Node, position: int) -> Array:
        """The value of an argument: at hand, or loaded."""
        arg = node.args[position]
        found = self._at_hand(arg)
        if found is not None:
            return found
        if arg.is_constant and arg.aval.shape == ():
            return _scalar(self.builder.constant(arg.value, type_of(arg)))
        along = self.region.spaces[id(node)].args[position]
        letters = self.region.letters[id(node)]
        return self._load(arg, [None if k is None else letters.get(k) for k in along])

    def _at_hand(self, node: Node) -> Array | None:
        found = self.values.get(id(node))
        if found is not None:
            return found
        chain = []
        while is_view(node) and id(node) not in self.values:
            chain.append(node)
            node = node.args[0]
        if id(node) not in self.values:
            return None
        for view in reversed(chain):
            if id(view) not in self.region.maps:
                return None
            shape = self._written(view.aval.shape, self.region.maps[id(view)])
            self.values[id(view)] = self.evaluate(view, [self.values[id(view.args[0])]], shape)
        return self.values[id(chain[0])] if chain else self.values[id(node)]

    def _load(self, arg: Node, along: Sequence[int | None]) -> Array:
        found = self.place(arg)
        assert found is not None, f"{arg} has no place"
        buffer, layout = found
        base = tuple((self.loops[d], layout.strides[i]) for i, d in enumerate(along) if d is not None)
        base = tuple((v, f) for v, f in base if f)
        shape = self._written(layout.shape, along)
        result = np.empty(shape, object)
        constant = buffer.value if buffer.kind == "constant" and not base else None
        for index in itertools.product(*map(range, shape)):
            offset = layout.offset + sum(i * s for i, s in zip(index, layout.strides, strict=True))
            if constant is not None:
                result[index] = self.builder.constant(constant.flat[offset], buffer.type)
            else:
                result[index] = self.builder.load(buffer, Offset(offset, base))
        return result

    def _store(self, node: Node, value: Array, op: str = "") -> None:
        buffer = self.target(node)
        if buffer is None:
            return
        along = self.region.maps[id(node)]
        strides = _strides(node.aval.shape)
        base = tuple((self.loops[d], strides[i]) for i, d in enumerate(along) if d is not None)
        for index in itertools.product(*map(range, value.shape)):
            offset = sum(i * s for i, s in zip(index, strides, strict=True))
            self.builder.store(buffer, Offset(offset, base), value[index], op)

    @staticmethod
    def _written(shape: Sequence[int], along: Sequence[int | None]) -> tuple[int, ...]:
        """The shape of an array of values: loops have length 1."""
        return tuple(1 if d is not None else n for n, d in zip(shape, along, strict=True))

    def evaluate(self, node: Node, values: Sequence[Array], shape: tuple[int, ...]) -> Array:
        """An operation on arrays of values; `shape` is that of the result, with length 1 along loops."""
        assert node.primitive is not None
        name = node.primitive.name
        if name == "broadcast_to":
            return np.broadcast_to(values[0], shape)
        if name in ELEMENTWISE:
            return self._elementwise(node, name, values)
        if name == "reshape":
            return np.reshape(values[0], shape)
        if name == "transpose":
            return np.transpose(values[0], node.params["axes"])
        if name == "getitem":
            index = basic_index(node.params["index"], node.args[0].aval.shape)
            assert index is not None
            return _as_array(values[0][tuple(_singly(index, values[0].shape, node.args[0].aval.shape))])
        if name in REDUCTIONS:
            return self._reduce(node, values[0], shape)
        if name in ("concatenate", "stack"):
            type_ = type_of(node)
            parts = [_map(lambda v: convert(self.builder, v, type_), value) for value in values]
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
                return PREDICATES[name](Arithmetic(builder, types[0]), *given)
            given = [convert(builder, a, t) for a, t in zip(args, types, strict=True)]
            if node.aval.weak and out == "i64" and name in OVERFLOWS:
                self._check_range(name, given)
            table = BITWISE if name in BITWISE else SCALARS
            return convert(builder, table[name](Arithmetic(builder, types[0]), *given), out)

        result = np.frompyfunc(one, len(values), 1)(*values)
        return _as_array(result)

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
        op, type_ = self._operation(node), type_of(node)
        if op in ("or", "and"):
            value = _map(lambda v: truth(self.builder, v), value)
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
            return self.builder.constant(_first(op, type_), type_)
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
            result = _map(lambda _: zero, np.empty(shape, object))
            indices, placed = node.params["indices"], list(values)
            if name == "add_at":
                result, placed = np.array(np.broadcast_to(values[0], shape)), placed[1:]
        for index, value in zip(indices, placed, strict=True):
            basic = basic_index(index, full)
            assert basic is not None
            where = tuple(_singly(basic, shape, full))
            value = _map(lambda v: convert(self.builder, v, type_), value)
            target = np.arange(result.size).reshape(result.shape)[where]
            target = np.asarray(target)
            source = np.broadcast_to(value.reshape(value.shape[max(0, value.ndim - target.ndim) :]), target.shape)
            for position, v in zip(target.flat, source.flat, strict=True):
                old = result.flat[position]
                fresh = name == "put" or (name == "scatter" and old.op == "constant" and old.args[0] == 0)
                result.flat[position] = v if fresh else Arithmetic(self.builder, type_).add(old, v)
        return result


def _singly(index: Sequence[Any], shape: Sequence[int], full: Sequence[int]) -> list[Any]:
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


def _first(op: str, type_: str) -> Any:
    """What a sum, a product, … begins with."""
    if op in ("max", "min"):
        if type_ in FLOATS:
            return -math.inf if op == "max" else math.inf
        if type_ == "i1":
            return op == "min"
        bits = int(type_[1:]) - 1
        return -(2**bits) if op == "max" else 2**bits - 1
    return {"add": 0, "multiply": 1, "or": False, "and": True}[op]


def _strides(shape: Sequence[int]) -> list[int]:
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]


def _scalar(value: Value) -> Array:
    result = np.empty((), object)
    result[()] = value
    return result


def _as_array(value: Any) -> Array:
    return value if isinstance(value, np.ndarray) else _scalar(value)


def _map(function: Callable[[Any], Any], values: Array) -> Array:
    result = np.empty(values.shape, object)
    for index in np.ndindex(*values.shape):
        result[index] = function(values[index])
    return result
