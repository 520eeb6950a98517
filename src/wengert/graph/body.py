"""The body of a loop or a branch: a function of flat values, recorded once and run many times."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NoReturn

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import Aval, aval_of
from wengert.core.errors import LeakedTracerError
from wengert.core.location import at, user_location
from wengert.core.primitive import Primitive, Structured, bind
from wengert.core.rule import Constant
from wengert.core.tracer import Tracer, concrete, run
from wengert.graph.graph import Graph
from wengert.graph.node import Node, depends_on_values
from wengert.graph.record import RecordLevel, RecordTracer, value_of


class Unrecordable(BaseException):
    """What a body does depends on its numbers, so that one recording does not stand for every step.

    No `Exception`, so that the user's own handlers let it through.
    """

    def __init__(self, why: str = "it looks at them") -> None:
        self.why, self.location = why, user_location()


_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Who may read the numbers behind a traced value, since only their kind, strides and memory are looked at.
_STRUCTURE = {("alias.py", None), ("layout.py", None), ("tracer.py", None), ("inplace.py", "make")}
_STRUCTURE |= {("inplace.py", "assign"), ("shape.py", "full_like"), ("dispatch.py", "_strip")}


class StepTracer(RecordTracer):
    """A value of the body: the number behind it is an example, of which nothing may depend but shape and dtype."""

    __slots__ = ()
    decided = False

    @property
    def aval(self) -> Aval:
        return self.node.aval if type(self.level) is BodyLevel else aval_of(value_of(self))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.aval.shape

    @property
    def value(self) -> Any:
        if type(self.level) is BodyLevel:
            frame = sys._getframe(1)
            if frame.f_code is concrete.__code__ and frame.f_back is not None:
                frame = frame.f_back
            folder, file = os.path.split(frame.f_code.co_filename)
            known = {(file, None), (file, frame.f_code.co_name)} & _STRUCTURE
            if not known or os.path.dirname(folder) != _PACKAGE:
                self._looked_at()
        return value_of(self)

    @value.setter
    def value(self, value: Any) -> None:
        Tracer.value.__set__(self, value)  # type: ignore[misc]

    def _looked_at(self) -> NoReturn:
        if self.level.closed:
            raise LeakedTracerError(
                "a value of the body of a loop or a branch was kept, and used after it",
                wrong="kept.append(c)            # in the body",
                right="return c, c               # a result, which is stacked",
            )
        raise Unrecordable

    def __bool__(self) -> bool:
        self._looked_at()

    def __index__(self) -> int:
        if self.dtype.kind not in "iub" or self.shape:
            return super().__index__()
        self._looked_at()

    __int__ = __index__


def example(value: Any) -> Any:
    """The plain number behind any number of tracers."""
    while isinstance(value, Tracer):
        value = value_of(value) if isinstance(value, RecordTracer) else value.value
    return value


class BodyLevel(RecordLevel):
    """Records a body on example values, which are not followed any further; what is captured becomes an input."""

    __slots__ = ("assumed", "captured")

    def __init__(self, assumed: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.assumed = assumed  # operations whose results are taken to be as large for other numbers
        self.captured: dict[Any, tuple[Tracer, Node, Any]] = {}

    def node_of(self, value: Any) -> Node:
        if isinstance(value, RecordTracer) and value.level is self:
            return value.node
        if not isinstance(value, Tracer):
            return super().node_of(value)
        held = [getattr(value, field) if field != "value" else None for field in value.fields]
        held.append(example(value))
        key = (type(value), *map(id, held))
        if key not in self.captured:  # under a name that is updated in place stands another value each time
            kept = value.frozen()
            node = self.add(Node(None, (), {}, aval_of(value), name=f"c{len(self.captured)}", value=example(kept)))
            self.captured[key] = kept, node, held
        return self.captured[key][1]

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        values = [example(a) for a in args]
        out = (
            primitive.sample(*values, **params)
            if isinstance(primitive, Structured)
            else primitive.impl(*values, **params)
        )
        nodes = [self.node_of(a) for a in args]
        location = user_location()
        if primitive.outputs == 1:
            node = self.add(Node(primitive, nodes, params, aval_of(out), location))
            if depends_on_values(node) and primitive.name not in self.assumed:
                raise Unrecordable(sized(primitive))
            return StepTracer(self, out, node)
        whole = self.add(Node(primitive, nodes, params, tuple(map(aval_of, out)), location))
        if depends_on_values(whole) and primitive.name not in self.assumed:
            raise Unrecordable(sized(primitive))
        parts = [self.add(Node(None, (whole,), {}, aval_of(o), location, part=k)) for k, o in enumerate(out)]
        return tuple(StepTracer(self, o, part) for o, part in zip(out, parts, strict=True))


def sized(primitive: Primitive) -> str:
    """Why an operation cannot be recorded for other numbers."""
    if primitive.aval is None:
        return f"{primitive.name} has no rule for the shape of its result (aval=)"
    return f"the shape of the result of {primitive.name} depends on them"


class Body(Graph):
    """A recorded function of flat values; nothing in it depends on their numbers.

    `captured`: the outer traced values that it uses, whose inputs stand before the others. `derived`: the bodies made
    of this one by differentiation, by what they are; `linear`: which of the inputs of such a body are tangents;
    `quiet`: it computes derivatives. `remake(n, on)`: the body for n examples, and which inputs it wants batched, where
    that is not the body itself with batched operations.
    """

    def __init__(
        self, name: str, inputs: Sequence[Node], outputs: Sequence[Node], captured: Sequence[Any] = ()
    ) -> None:
        super().__init__(name, inputs, outputs, arguments=tuple(n.value for n in inputs), rebuild=tuple)
        self.captured = list(captured)
        self.derived: dict[Any, Any] = {}
        self.linear: Sequence[bool] = (False,) * len(self.inputs)
        self.quiet = False
        self.remake: Callable[[int, Sequence[bool]], tuple[Body, list[bool]]] | None = None
        self._function: Callable[[Sequence[Any]], Sequence[Any]] | None = None

    @property
    def avals(self) -> list[Aval]:
        """The outputs' shapes and dtypes."""
        return [node.aval for node in self.outputs]

    @property
    def domain(self) -> list[Aval]:
        """The inputs' shapes and dtypes."""
        return [node.aval for node in self.inputs]

    def warnings(self) -> AbstractContextManager[Any]:
        """Infinite partials are part of the calculus, so NumPy's warnings about them are not."""
        return np.errstate(all="ignore") if self.quiet else nullcontext()

    def run(self, values: Sequence[Any]) -> Sequence[Any]:
        """The outputs, of plain values."""
        if self._function is None:
            self._function = _compiled(self)
        return self._function(values)

    def emit(self, values: Sequence[Any], cheap: bool = False) -> list[Any]:
        """The same of traced values, operation by operation; `cheap`: of plain ones, loops taking one step."""
        env: dict[int, Any] = {id(node): value for node, value in zip(self.inputs, values, strict=True)}
        for node in self.nodes:
            if node.is_constant:
                env[id(node)] = node.value
            elif node.part is not None:
                env[id(node)] = env[id(node.args[0])][node.part]
            elif node.primitive is not None:
                args = [env[id(a)] for a in node.args]
                if cheap and isinstance(node.primitive, Structured):
                    env[id(node)] = node.primitive.sample(*args, **node.params)
                else:
                    with at(node.location):
                        env[id(node)] = bind(node.primitive, args, node.params)
        return [env[id(node)] for node in self.outputs]

    def depends(self, active: Sequence[bool]) -> list[bool]:
        """Which outputs can have a derivative with respect to the active inputs."""
        on = {id(node): a for node, a in zip(self.inputs, active, strict=True)}
        for node in self.nodes:
            if node.part is not None:
                on[id(node)] = on[id(node.args[0])] and node.aval.dtype.kind in "fc"
            elif node.primitive is not None:
                felt = any(
                    on[id(a)] and not isinstance(node.primitive.rule(i), Constant) for i, a in enumerate(node.args)
                )
                on[id(node)] = felt and any(aval.dtype.kind in "fc" for aval in node.avals)
            else:
                on.setdefault(id(node), False)
        return [on[id(node)] for node in self.outputs]


def _compiled(body: Body) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """The steps as one Python function of local variables, which is twice as fast as a list of steps to go through."""
    graph = body.simplify()
    names: dict[int, str] = {id(node): f"x{i}" for i, node in enumerate(graph.inputs)}
    known: dict[str, Any] = {}
    lines = []
    for k, node in enumerate(graph.nodes):
        if node.is_input:
            continue
        name = names[id(node)] = f"v{k}"
        args = ", ".join(names[id(a)] for a in node.args)
        if node.primitive is not None:
            known[f"f{k}"] = partial(node.primitive.impl, **node.params) if node.params else node.primitive.impl
            lines.append(f"    {name} = f{k}({args})")
        elif node.part is not None:
            lines.append(f"    {name} = {args}[{node.part}]")
        else:
            known[name] = node.value
    given = ", ".join(names[id(node)] for node in graph.inputs)
    results = ", ".join(names[id(node)] for node in graph.outputs)
    head = ["def run(values):", f"    [{given}] = values"]
    exec("\n".join([*head, *lines, f"    return [{results}]"]), known)  # names made here, nobody's text
    return known["run"]  # type: ignore[no-any-return]


def record(
    name: str,
    f: Callable[[list[Any]], Sequence[Any]],
    values: Sequence[Any],
    names: Sequence[str] = (),
    assumed: frozenset[str] = frozenset(),
) -> Body:
    """Record f, a function of a list of values that returns a list, on example values.

    `assumed`: operations whose results are as large for other numbers too, although their rules do not say so.

    **Raises**: `Unrecordable` where what f does depends on the numbers, and what f raises.
    """
    level = BodyLevel(assumed)
    given = [
        level.add(Node(None, (), {}, aval_of(v), name=names[i] if names else f"x{i}", value=v))
        for i, v in enumerate(map(example, values))
    ]
    with np.errstate(all="ignore"):
        tracers = [StepTracer(level, node.value, node) for node in given]
        outputs = [level.node_of(resolve(out)) for out in run(level, f, [tracers], {})]
    kept = [(held, node) for held, node, _ in level.captured.values()]
    return Body(name, [*(node for _, node in kept), *given], outputs, [held for held, _ in kept])


def constant_like(aval: Aval) -> Any:
    """Zeros of a shape and dtype."""
    return np.zeros(aval.shape, aval.dtype)[()]


def strong(aval: Aval) -> Aval:
    """The same for what is no Python number."""
    return Aval(aval.shape, aval.dtype)
