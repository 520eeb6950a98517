"""One call of a function, recorded so that code can stand for the function: what `jit` compiles.

`trace` shows a program to a reader; here nothing may be lost. What the program does is known to be the same for other
numbers where all guards come out alike, provided that it looked at the numbers in no other way. Where it did, the
recording says so (`obstacle`).
"""

from __future__ import annotations

import copy
import enum
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.primitive import Notation, Primitive, bind
from wengert.core.rule import Linear
from wengert.core.tracer import Tracer, concrete
from wengert.core.tree import flatten, structure
from wengert.graph.graph import Graph
from wengert.graph.node import Guard, Node, depends_on_values
from wengert.graph.record import RecordLevel, RecordTracer, check_ended, name_of, value_of

#: A NumPy scalar as the Python number that `float(x)` makes of it, which takes on the dtype of what it meets.
number = Primitive(
    "number",
    lambda x: x.item() if isinstance(x, np.generic) else x,
    [Linear(lambda ct, x: ct)],
    aval=lambda x: Aval((), np.dtype(type(x.dtype.type(0).item())), weak=True),
    complex=True,
    batch=lambda primitive, args, on, params: args[0],
    notation=Notation("number", "{0:9}.item()", "{0}"),
)

# Who may read the numbers behind a traced value: those that look at kind, strides and memory only, and those that
# leave a guard or a note about it.
_MAY_READ: set[tuple[str, str | None]] = {
    ("alias.py", None), ("layout.py", None), ("tracer.py", None), ("aval.py", None), ("call.py", None),
    ("inplace.py", "make"), ("inplace.py", "assign"), ("shape.py", "full_like"), ("dispatch.py", "_strip"),
    ("factorization.py", "_cholesky_push"), ("factorization.py", "lstsq_of"), ("holes.py", "warn_if"),
}  # fmt: skip


_cast: Callable[[Any, Any], Any] = np.astype


class CallTracer(RecordTracer):
    """A traced value that stays what the plain one would be, and notices who reads its number."""

    __slots__ = ()

    @property
    def value(self) -> Any:
        level = self.level
        if type(level) is CallLevel:
            frame = sys._getframe(1)
            if frame.f_code is concrete.__code__ and frame.f_back is not None:
                frame = frame.f_back
            file, function = os.path.basename(frame.f_code.co_filename), frame.f_code.co_name
            if (file, None) not in _MAY_READ and (file, function) not in _MAY_READ:
                level.obstacle = f"{function} of {file} depends on numbers in a way that leaves no guard"
        return value_of(self)

    @value.setter
    def value(self, value: Any) -> None:
        vars(Tracer)["value"].__set__(self, value)

    @property
    def aval(self) -> Aval:
        return aval_of(value_of(self))

    @property
    def shape(self) -> tuple[int, ...]:
        return shape_of(value_of(self))

    # Python's numbers and NumPy's: x + y of two Python numbers is one, np.add(x, y) is not --------------------------

    def as_number(self) -> Any:
        if self.is_cell or self.aval.weak or type(self.level) is not CallLevel:
            return self
        return bind(number, (self,), {})

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        result = super().__array_ufunc__(ufunc, method, *inputs, **kwargs)  # type: ignore[misc]
        if method == "__call__" and isinstance(result, CallTracer) and result.aval.weak:
            return _cast(result, result.dtype)
        return result

    def __round__(self, digits: int | None = None) -> Any:
        if digits is None and not self.is_cell:
            return _cast(np.round(self), np.int64).as_number()
        if self.aval.weak and type(self.level) is CallLevel:
            self.level.obstacle = "Python rounds decimals, round(x, 2), otherwise than NumPy"
        return super().__round__(digits)  # type: ignore[misc]

    # Where a number is needed: whole numbers have no derivative that could be lost ------------------------------------

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.dtype.kind not in "iub":
            return super().__array__(dtype, copy)
        if type(self.level) is CallLevel:
            self.level.obstacle = (
                "traced whole numbers become a plain array: table[i] with a plain table, np.asarray(i)"
            )
        return np.array(value_of(self), dtype)

    def item(self, *args: Any) -> Any:
        """A plain whole number, which leaves a guard; of others the usual refusal."""
        if self.dtype.kind not in "iub" or self.size != 1 or args:
            return super().item(*args)
        one = self if not self.shape else np.reshape(self, ())
        return bool(one) if self.dtype.kind == "b" else int(one)

    # In print -------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        self._printed()
        return super().__repr__()

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        self._printed()
        return super().__format__(spec)

    def _printed(self) -> None:
        if type(self.level) is CallLevel:
            self.level.printed = True


def _of_python(name: str) -> Callable[..., Any]:
    """The operator, whose result is a Python number where all it is applied to are."""

    def operator(self: CallTracer, *others: Any) -> Any:
        result = getattr(super(CallTracer, self), name)(*others)
        plain = self.aval.weak and all(
            o.aval.weak if isinstance(o, Tracer) else isinstance(o, (int, float, complex)) for o in others
        )
        return result.as_number() if plain and isinstance(result, CallTracer) else result

    return operator


for _name in ("__lshift__", "__rlshift__", "__rshift__", "__rrshift__", "__invert__", "__abs__", "conjugate"):
    setattr(CallTracer, _name, _of_python(_name))


class CallLevel(RecordLevel):
    """Records a call; a shape that depends on numbers leaves a guard, too.

    `obstacle`: why the graph may not stand for the function even where every guard comes out alike, or "".
    """

    __slots__ = ("obstacle", "printed")
    tracer = CallTracer

    def __init__(self) -> None:
        super().__init__()
        self.obstacle = ""
        self.printed = False  # a number was made a text

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        try:
            out = super().process(primitive, args, params)
        except Exception as error:
            # Where the function catches it, it takes a branch that no guard shows.
            self.obstacle = f"the function caught the {type(error).__name__} of {primitive.name}"
            raise
        for part in out if isinstance(out, tuple) else (out,):
            node = part.node
            if depends_on_values(node if node.part is None else node.args[0]):
                self.guards.append(Guard(node, part.shape, node.location))
        return out


class Recording(NamedTuple):
    """One call of a function as a graph that stands for it wherever the guards come out alike.

    The graph's inputs are the followed leaves of the arguments; its outputs the numbers of the result that were
    computed from them, then the new values of the arguments that the function changed in place.
    """

    graph: Graph
    kinds: tuple[str, ...]  # of each output: a Python "number", a NumPy "scalar" or an "array"
    changed: tuple[int, ...]  # which leaves the function changed in place
    obstacle: str  # why the graph may not stand for the function after all; empty where it does
    foreign: bool  # it holds values that an outer transformation follows, which are others at the next call


def record_call(
    f: Callable[..., Any],
    leaves: Sequence[Any],
    labels: Sequence[str],
    rebuild: Callable[[Sequence[Any]], tuple[Sequence[Any], dict[str, Any]]],
) -> Recording:
    """Record a call of f as it is: with numbers of every kind, keywords, and results that need not be numbers.

    `leaves` are plain numbers and arrays, which f does not get to see; `rebuild` makes the positional and keyword
    arguments from the values that stand in their places.
    """
    level = CallLevel()
    leaves = [np.array(leaf, order="K") if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]
    given = level.inputs(leaves, labels)
    inputs = [tracer.node for tracer in given]
    args, kwargs = rebuild(given)
    before = structure((args, kwargs))
    outs, rebuild_out = flatten(level.follow(f, args, kwargs))
    after, _ = flatten((args, kwargs))
    followed = [leaf for leaf in after if isinstance(leaf, RecordTracer)]
    if structure((args, kwargs)) != before or list(map(id, followed)) != list(map(id, given)):
        level.obstacle = "the function changes a list, a dict or an object among its arguments"
    fixed: list[Any] = []  # the result as it was, but for the numbers that were computed
    found: list[tuple[int, Any]] = []
    foreign = False
    for position, out in enumerate(map(resolve, outs)):
        fixed.append(None if isinstance(out, Tracer) else copy.copy(out) if isinstance(out, np.ndarray) else out)
        if not (isinstance(out, Tracer) or is_constant(out) or any(out is leaf for leaf in after)):
            level.obstacle = f"the function returns a {type(out).__name__}, which may hold numbers or change"
        if isinstance(out, RecordTracer) and out.level is level:
            found.append((position, out))
        elif isinstance(out, Tracer):
            check_ended(level, out)
            foreign = True
    changed = [i for i, (tracer, node) in enumerate(zip(given, inputs, strict=True))
               if tracer.level is not level or tracer.node is not node]  # fmt: skip
    values = [out for _, out in found] + [resolve(given[i]) for i in changed]
    outputs = [level.node_of(value) for value in values]
    foreign = foreign or any(isinstance(node.value, Tracer) for node in level.nodes)
    level.obstacle = level.obstacle or _left_python(level.nodes)
    if level.printed and any(isinstance(value, str) for value in fixed):
        level.obstacle = "the function returns a text, and has made one of numbers"
    graph = Graph(
        name_of(f), inputs, outputs, level.guards, arguments=tuple(leaves),
        rebuild=_Result(fixed, [position for position, _ in found], rebuild_out), nodes=level.nodes,
    )  # fmt: skip
    kinds = tuple(_kind(concrete(value)) for value in values)
    return Recording(graph, kinds, tuple(changed), level.obstacle, foreign)


class _Result:
    """From the computed numbers to what the function returned; what was not computed is as it was, and unshared."""

    def __init__(self, fixed: Sequence[Any], places: Sequence[int], rebuild: Callable[[Sequence[Any]], Any]) -> None:
        self.fixed, self.places, self.rebuild = list(fixed), places, rebuild
        self.plain = list(places) == list(range(len(fixed)))
        self.arrays = [i for i, value in enumerate(fixed) if isinstance(value, np.ndarray)]

    def __call__(self, values: Sequence[Any]) -> Any:
        if self.plain:
            return self.rebuild(values[: len(self.places)])
        leaves = self.fixed.copy()
        for place, value in zip(self.places, values, strict=False):
            leaves[place] = value
        for place in self.arrays:
            leaves[place] = leaves[place].copy()
        return self.rebuild(leaves)


_CONSTANT = (
    str, bytes, int, float, complex, type(None), type(Ellipsis), type(NotImplemented), slice, range, np.generic,
    np.dtype, np.ufunc, type, types.ModuleType, enum.Enum,
)  # fmt: skip


def is_constant(value: Any) -> bool:
    """Whether a part of a result that was not computed is the same at the next call, and cannot change until then."""
    if isinstance(value, np.ndarray):
        return not value.dtype.hasobject
    if isinstance(value, types.BuiltinFunctionType):
        return isinstance(value.__self__, types.ModuleType)  # [x].append holds a list
    return isinstance(value, _CONSTANT) or (isinstance(value, types.FunctionType) and value.__closure__ is None)


def _kind(value: Any) -> str:
    return "array" if isinstance(value, np.ndarray) else "scalar" if isinstance(value, np.generic) else "number"


def _left_python(nodes: Sequence[Node]) -> str:
    """Python raises on 1.0 / 0.0 and makes (-1.0) ** 0.5 complex, where operations on traced numbers follow NumPy.

    Of other numbers the same operation makes a Python number, and the dtypes of all that follows depend on which.
    """
    for node in nodes:
        primitive = node.primitive
        if primitive is None or primitive.aval is None or primitive.outputs > 1 or depends_on_values(node):
            continue
        if all(arg.aval.weak for arg in node.args) and not _agrees(primitive, node):
            return f"{node.operation} of Python numbers gave {node.aval} here"
    return ""


def _agrees(primitive: Primitive, node: Node) -> bool:
    assert primitive.aval is not None
    try:
        rule: Any = primitive.aval(*(arg.aval for arg in node.args), **node.params)
    except Exception:
        return False
    return bool(rule[:2] == node.aval[:2] and (node.aval.weak or not rule.weak))
