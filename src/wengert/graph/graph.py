"""A recorded program as a value: it can be run, differentiated, simplified, printed and drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import GuardError, ShapeError
from wengert.core.location import at
from wengert.core.primitive import bind
from wengert.core.tracer import Tracer
from wengert.core.tree import differentiable, flatten, structure
from wengert.graph.node import Guard, Node, depends_on_values, ordered

#: What the layers above can do with a graph; they register it here, so that imports keep pointing down.
ABILITIES: dict[str, Callable[..., Any]] = {}


def ability(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the function behind a method of `Graph`."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        ABILITIES[name] = function
        return function

    return register


class Graph:
    """The Wengert list of a function: its elementary steps in the order in which they were taken.

    **Attributes**: `inputs`, `outputs` and `nodes` (all nodes, arguments before their users); `guards`, the branches
    that the program took on traced values; `name`. **Called** with arguments like those it was recorded with, it runs
    the steps again: same structure and shapes, other values; NumPy arrays or traced values.
    **Raises** on a call: `ShapeError` for other shapes, `GuardError` where a branch would now go the other way.
    **Cost** of a call: that of the recorded operations.

    >>> import wengert as wg
    >>> graph = wg.trace(lambda x, y: x * y + y / x)(3.0, 5.0)
    >>> graph(1.0, 2.0)
    4.0
    """

    def __init__(
        self,
        name: str,
        inputs: Sequence[Node],
        outputs: Sequence[Node],
        guards: Sequence[Guard] = (),
        *,
        arguments: Any,
        rebuild: Callable[[Sequence[Any]], Any],
        nodes: Sequence[Node] | None = None,
    ) -> None:
        self.name = name
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.guards = list(guards)
        self.arguments = arguments  # the tuple of arguments it was recorded with
        self.rebuild = rebuild  # from the outputs' values to the result
        self.nodes = list(nodes) if nodes is not None else self._reachable()

    #: Whether it is a derivative, in which infinities are no accident: NumPy's warnings are for the user's operations.
    quiet = False

    def _reachable(self) -> list[Node]:
        return ordered([*self.inputs, *self.outputs, *(g.node for g in self.guards)])

    @property
    def operations(self) -> list[Node]:
        """The nodes that compute something."""
        return [n for n in self.nodes if n.primitive is not None]

    def __len__(self) -> int:
        return len(self.operations)

    def __call__(self, *args: Any) -> Any:
        with np.errstate(all="ignore") if self.quiet else contextlib.nullcontext():
            values = self.values(*args)
        return self.rebuild([_own(node, values[id(node)]) for node in self.outputs])

    def values(self, *args: Any) -> dict[int, Any]:
        """Run the steps; the value of every node by its id."""
        leaves, _ = flatten(list(args))
        if structure(list(args)) != structure(list(self.arguments)):
            raise ShapeError(
                f"the graph {self.name} takes arguments of the structure it was recorded with: "
                f"{', '.join(str(n.name) for n in self.inputs)}; it was given {len(args)}"
            )
        env: dict[int, Any] = {}
        for node, leaf in zip(self.inputs, leaves, strict=True):
            value = differentiable(leaf, f"the input {node.name}")
            if shape_of(value) != node.aval.shape:
                raise ShapeError(
                    f"the graph {self.name} was recorded with {node.name} of shape {node.aval.shape}, "
                    f"not {shape_of(value)}",
                    right="wg.trace(f)(*args)   again, for the new shapes",
                )
            env[id(node)] = self._as_recorded(node, value)
        guards: dict[int, list[Guard]] = {}
        for guard in self.guards:
            guards.setdefault(id(guard.node), []).append(guard)
        env.update((id(node), node.value) for node in self.nodes if node.is_constant)
        traced = any(isinstance(v, Tracer) for v in env.values())
        for node in self.nodes:
            if node.primitive is not None:
                operands = [env[id(a)] for a in node.args]
                if traced:
                    with at(node.location):
                        env[id(node)] = bind(node.primitive, operands, node.params)
                else:
                    env[id(node)] = node.primitive.impl(*operands, **node.params)
                if depends_on_values(node) or node.primitive.structured:
                    self._check_shape(node, env[id(node)])
            elif node.part is not None:
                env[id(node)] = env[id(node.args[0])][node.part]
            for guard in guards.get(id(node), ()):
                self._check(guard, env[id(node)])
        return env

    def _as_recorded(self, node: Node, value: Any) -> Any:
        """The value in the dtype of the recording, for which alone the steps are known to be right."""
        want, have = node.aval, aval_of(value)
        if have == want:
            return value
        if not np.can_cast(have.dtype, want.dtype):
            raise ShapeError(
                f"the graph {self.name} was recorded with {node.name} in {want.dtype}; {have.dtype} would lose digits",
                right=f"graph(np.asarray(x, np.{want.dtype}))   or wg.trace(f)(*args) again, for the new dtype",
            )
        if isinstance(value, Tracer):
            return value if have.dtype == want.dtype else value.astype(want.dtype)  # type: ignore[attr-defined]
        return want.dtype.type(value).item() if want.weak else np.asarray(value, want.dtype)[()]

    def _check(self, guard: Guard, value: Any) -> None:
        with at(guard.location):
            outcome = guard.read(value)
            if outcome != guard.outcome:
                raise GuardError(
                    f"the graph {self.name} was recorded along another branch: "
                    f"this condition was {guard.outcome} and is now {outcome}",
                    wrong="graph(*other_args)",
                    right="wg.trace(f)(*other_args)   to record the other branch",
                )

    def _check_shape(self, node: Node, value: Any) -> None:
        """The steps that follow a selection are those for the number of elements that it found when recorded."""
        with at(node.location):
            assert node.primitive is not None
            several = node.primitive.structured
            pairs = zip(value if several else (value,), node.avals, strict=False)
            if not several and node.primitive.outputs > 1:
                return
            now, then = next(((shape_of(v), a.shape) for v, a in pairs if shape_of(v) != a.shape), ((), ()))
            if now != then:
                raise ShapeError(
                    f"the graph {self.name} was recorded with a {node.operation} of shape {then} here, "
                    f"which is now of shape {now}",
                    wrong="x[x > 0].mean()",
                    right="np.sum(np.where(x > 0, x, 0)) / np.sum(x > 0)   of one shape for every x; or record again",
                )

    # Abilities of the layers above ---------------------------------------------------------------------------------

    def derivative(self, argnums: int | Sequence[int] = 0, simplify: bool = True) -> Graph:
        """The graph of the gradient (of the Jacobian where the result is not one number), ready for the next order."""
        graph: Graph = ABILITIES["derivative"](self, argnums, simplify)
        return graph

    def simplify(self, algebra: bool = False) -> Graph:
        """The same function in fewer steps: constants folded, common parts shared, dead code and neutral steps removed.

        Sound for infinities and NaN; `algebra=True` also uses the laws of the real numbers (0·x = 0, x − x = 0),
        which prunes 0 + (0·x + y·1) to y.
        """
        graph: Graph = ABILITIES["simplify"](self, algebra)
        return graph

    def to_text(self, values: bool = True) -> str:
        """The list, a line per step, with values at the recorded arguments and the user's lines."""
        return str(ABILITIES["to_text"](self, values))

    def to_latex(self) -> str:
        """The steps as LaTeX (an aligned environment)."""
        return str(ABILITIES["to_latex"](self))

    def to_python(self) -> str:
        """NumPy source of a function that computes the same, and needs nothing but NumPy."""
        return str(ABILITIES["to_python"](self))

    def to_svg(self, path: Any = None, *, limit: int | None = None) -> str:
        """The drawing, also written to `path`; beyond `limit` inputs and steps (400) an outline, folded by calls."""
        return str(ABILITIES["to_svg"](self, path, limit))

    def to_dot(self) -> str:
        """The drawing as Graphviz source."""
        return str(ABILITIES["to_dot"](self))

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        names = ", ".join(str(n.name) for n in self.inputs)
        return f"<graph {self.name}({names}): {len(self)} operations>"

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _repr_latex_(self) -> str:
        return f"$${self.to_latex()}$$"


def _own(node: Node, value: Any) -> Any:
    """A result that the caller may change: an array that belongs to the graph is copied."""
    return value.copy() if node.is_constant and isinstance(value, np.ndarray) else value
