"""A recorded program for many examples at once: each operation by its batching rule, once for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.batching import pointwise, spread
from wengert.core.errors import MissingRuleError
from wengert.core.location import at
from wengert.core.primitive import Primitive, Structured, bind
from wengert.core.rule import Constant, Partial
from wengert.graph.body import Body, example, record
from wengert.graph.node import Node, ordered

Results = tuple[list[Any], list[bool]]


def evaluate(body: Body, values: Sequence[Any], on: Sequence[bool], n: int) -> Results:
    """The outputs of a body for n examples, and which of them differ from one example to the next.

    `values`: its inputs, which have the axis of the examples in front where `on` says so. What no batched value takes
    part in is computed once.
    """
    env: dict[int, Any] = {id(node): value for node, value in zip(body.inputs, values, strict=True)}
    many: dict[int, Any] = {id(node): flag for node, flag in zip(body.inputs, on, strict=True)}
    nodes = ordered(body.outputs)
    uses = Counter(id(arg) for node in nodes for arg in node.args)
    uses.update(map(id, body.outputs))
    for node in nodes:
        key = id(node)
        if node.is_input:
            continue
        if node.is_constant:
            env[key], many[key] = node.value, False
        elif node.part is not None:
            whole = id(node.args[0])
            env[key] = env[whole][node.part]
            many[key] = many[whole] if isinstance(many[whole], bool) else many[whole][node.part]
        else:
            args, flags = [env[id(a)] for a in node.args], [many[id(a)] for a in node.args]
            with at(node.location):
                env[key], many[key] = _applied(node, args, flags, n)
        for arg in node.args:  # what nobody needs any more is let go: it is n times as large as it was
            uses[id(arg)] -= 1
            if not uses[id(arg)]:
                del env[id(arg)]
    return [env[id(node)] for node in body.outputs], [many[id(node)] for node in body.outputs]


def _applied(node: Node, args: list[Any], on: list[bool], n: int) -> tuple[Any, Any]:
    primitive = node.primitive
    assert primitive is not None
    if not any(on):
        return bind(primitive, args, node.params), False
    if isinstance(primitive, Structured):
        outs, flags = primitive.examples(args, on, node.params, n)
        return outs, list(flags)
    rule = rule_of(primitive)
    if rule is None:
        raise missing(primitive.name)
    out = rule(primitive, args, on, node.params)
    if primitive.outputs == 1:
        return _checked(out, node.aval, n, primitive.name), True
    return tuple(_checked(o, a, n, primitive.name) for o, a in zip(out, node.avals, strict=True)), True


def rule_of(primitive: Primitive) -> Any:
    """The batching rule; an operation that states partial derivatives acts element by element."""
    if primitive.batch is None and not callable(primitive.rules):
        rules = list(primitive.rules)
        if any(isinstance(r, Partial) for r in rules) and all(isinstance(r, (Partial, Constant)) for r in rules):
            return pointwise
    return primitive.batch


def missing(name: str) -> MissingRuleError:
    """No batching rule, or none for these arguments."""
    return MissingRuleError(
        f"it is not known how to apply {name} to many examples at once",
        wrong="wg.vmap(f)(xs)",
        right="np.stack([f(x) for x in xs])   or batch= on the operation, see wengert/core/batching.py",
    )


def _checked(value: Any, aval: Aval, n: int, name: str) -> Any:
    """A result in the dtype it has for one example; a rule that gets the shape wrong is noticed here."""
    have = aval_of(value)
    if have.shape != (n, *aval.shape):
        raise AssertionError(f"the batching rule of {name} made {have.shape} of {n} examples of {aval.shape}")
    if have.dtype.kind == "c" and aval.dtype.kind != "c":
        raise AssertionError(f"the batching rule of {name} made complex numbers of examples of {aval.dtype}")
    return value if have.dtype == aval.dtype else value.astype(aval.dtype)


def batched(body: Body, n: int, on: Sequence[bool], want: Sequence[bool]) -> tuple[Body, list[bool]]:
    """The body for n examples, and which outputs are batched: all those that `want` asks for, and what has to be."""
    key = ("batched", n, tuple(on), tuple(want))
    if key not in body.derived:
        flags: list[bool] = []

        def f(values: list[Any]) -> list[Any]:
            outs, many = evaluate(body, values, on, n)
            flags[:] = [a or b for a, b in zip(many, want, strict=True)]
            return [spread(v, m, n) if w else v for v, m, w in zip(outs, many, want, strict=True)]

        body.derived[key] = recorded(body, f, n, on), flags
    return body.derived[key]  # type: ignore[no-any-return]


def recorded(body: Body, f: Callable[[list[Any]], list[Any]], n: int, on: Sequence[bool]) -> Body:
    """What f makes of the body for n examples: of the same inputs, of which some are batched."""
    made = record(body.name, f, [_repeated(a, n) if flag else a for a, flag in zip(body.arguments, on, strict=True)])
    made.quiet, made.linear = body.quiet, body.linear
    return made


def by_operations(
    primitive: Structured, args: Sequence[Any], on: Sequence[bool], params: dict[str, Any], n: int
) -> Results:
    """What a structured operation is made of, for n examples."""
    firsts = [first_of(a) if flag else a for a, flag in zip(args, on, strict=True)]
    body = record(primitive.name, lambda values: list(primitive.expand(values, params)), firsts)
    return evaluate(body, args, on, n)


def first_of(stack: Any) -> Any:
    """One example; where there is none, numbers that few operations mind."""
    plain = example(stack)
    if len(plain):
        return plain[0]
    shape = plain.shape[1:]
    if len(shape) > 1 and shape[-1] == shape[-2]:
        return np.broadcast_to(np.eye(shape[-1], dtype=plain.dtype), shape)
    return np.full(shape, 1 if plain.dtype.kind in "fc" else 0, plain.dtype)[()]


def beside(test: Any, value: Any) -> Any:
    """A truth value for each example, with axes of length 1 for those of the value that it is to choose."""
    return np.reshape(test, (*shape_of(test), *(1,) * (len(shape_of(value)) - 1)))


def _repeated(value: Any, n: int) -> Any:
    return np.broadcast_to(np.asarray(value), (n, *shape_of(value)))
