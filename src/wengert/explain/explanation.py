"""`wg.explain`: one derivative, with every step that leads to it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from wengert.core.errors import ArgumentError, ShapeError, check_callable
from wengert.explain.adjoint import Edge, adjoints_of, partial_formula
from wengert.explain.labels import user_names
from wengert.explain.listing import latex_name, right_sides
from wengert.explain.writing import Style, Written, constant, names_of, result_name
from wengert.graph.graph import Graph
from wengert.graph.record import trace
from wengert.transform.tape import Variable

Numbering = Literal["book", "baydin"]


class Influence(NamedTuple):
    """One way from a value to the result: through `step`, on which it acts by `symbol`, in numbers `partial`.

    The path adds `adjoint` · `partial` = `contribution`; `partial` is None where the step is not elementwise.
    """

    step: str
    symbol: str
    partial: Any
    adjoint: Any
    contribution: Any


class Row(NamedTuple):
    """One step of the trace: what is computed, and the derivative of the result with respect to it (the adjoint)."""

    name: str
    label: str
    operation: str
    formula: str
    value: Any
    partials: tuple[tuple[str, str, Any], ...]
    adjoint: Any
    line: str


class Step(NamedTuple):
    """The chain rule at one value: its adjoint is the sum over the paths to the result."""

    name: str
    adjoint: Any
    paths: tuple[Influence, ...]


class Assignment(NamedTuple):
    """One step of the reverse pass: the adjoint of `name` receives that of `step` times ∂step/∂name; `value` after it.

    `adds`: it had received something before.
    """

    name: str
    step: str
    adds: bool
    partial: Any
    value: Any


class Counts(NamedTuple):
    """Elementary derivations: forward mode takes every operation once per input, reverse mode every edge once."""

    forward: int
    reverse: int


class Explanation:
    """The derivative of a function at a point, explained.

    **Attributes**: `value`, `gradient` (per argument name), `table` (a `Row` per step, the evaluation trace), `steps`
    (a `Step` per value, from the result back to the inputs), `counts`, `graph`, `assumptions` (branches taken).
    **Methods**: `to_text`, `to_markdown`, `to_latex`, `to_html`, `to_svg`, `to_dot`, `frames`. It prints itself in a
    terminal and in a notebook.
    """

    def __init__(self, graph: Graph, numbering: Numbering = "book") -> None:
        self.graph = graph
        self.numbering = numbering
        self.names = names_of(graph, numbering)
        self.labels = {**user_names(graph), **{id(n): str(n.name) for n in graph.inputs}}
        self.values, self.adjoints, self.edges = adjoints_of(graph)
        self.result = result_name(graph)

    # What it says -----------------------------------------------------------------------------------------------

    @property
    def value(self) -> Any:
        """The function's value."""
        return self.values[id(self.graph.outputs[0])]

    @property
    def gradient(self) -> dict[str, Any]:
        """∂result/∂input by the input's name."""
        return {str(n.name): self.adjoints[id(n)] for n in self.graph.inputs}

    @functools.cached_property
    def table(self) -> list[Row]:
        """The evaluation trace, a row per input and per operation."""
        return self.rows("text")

    @functools.cached_property
    def steps(self) -> list[Step]:
        """The derivation, from the result to the inputs."""
        return self.derivation("text")

    @functools.cached_property
    def assignments(self) -> list[Assignment]:
        """The reverse pass, one assignment per edge, in the order in which it is done."""
        sums: dict[int, Any] = {}
        made = []
        for edge in self.edges:
            before = sums.get(id(edge.arg))
            sums[id(edge.arg)] = edge.contribution if before is None else before + edge.contribution
            names = self.names[id(edge.arg)], self.names[id(edge.step)]
            made.append(Assignment(*names, before is not None, edge.partial, sums[id(edge.arg)]))
        return made

    @property
    def counts(self) -> Counts:
        """How many elementary derivatives the two modes take."""
        steps = len({id(edge.step) for edge in self.edges})
        elements = sum(int(np.prod(n.aval.shape)) for n in self.graph.inputs)
        return Counts(forward=steps * elements, reverse=len(self.edges))

    @property
    def assumptions(self) -> list[str]:
        """The branches that the program took, each with the condition and the line."""
        found = []
        for guard in self.graph.guards:
            if not guard.node.is_constant:
                condition = self._sides("text").get(id(guard.node), self.names.get(id(guard.node), "a value"))
                outcome = (
                    "" if guard.outcome is True else " is false" if guard.outcome is False else f" = {guard.outcome}"
                )
                found.append(f"assumes {condition}{outcome}" + (f" ({guard.location})" if guard.location else ""))
        return found

    # The same in a style -------------------------------------------------------------------------------------------

    def named(self, style: Style) -> dict[int, str]:
        """The names of all steps, as text or as LaTeX."""
        return self.names if style == "text" else names_of(self.graph, self.numbering, style)

    def _sides(self, style: Style) -> dict[int, str]:
        return right_sides(self.graph, self.named(style), style)

    def rows(self, style: Style) -> list[Row]:
        """The table in a style."""
        names, sides = self.named(style), self._sides(style)
        partials: dict[int, list[tuple[str, str, Any]]] = {}
        for edge in self.edges:
            symbol = self._symbol(edge, names, style)
            partials.setdefault(id(edge.step), []).append((names[id(edge.arg)], str(symbol), edge.partial))
        rows = []
        for node in self.graph.nodes:
            if node.is_constant:
                continue
            own = (latex_name(str(node.name)) if style == "latex" else str(node.name)) if node.is_input else ""
            rows.append(
                Row(
                    names[id(node)],
                    self.labels.get(id(node), ""),
                    node.operation,
                    own or sides[id(node)],
                    self.values[id(node)],
                    tuple(partials.get(id(node), ())),
                    self.adjoints.get(id(node)),
                    "" if node.location is None else str(node.location),
                )
            )
        return rows

    def derivation(self, style: Style) -> list[Step]:
        """The chain rule for every value, in the order of the reverse pass."""
        names = self.named(style)
        paths: dict[int, list[Influence]] = {}
        place = {id(node): k for k, node in enumerate(self.graph.nodes)}
        for edge in sorted(self.edges, key=lambda e: (place[id(e.step)], e.position)):
            symbol = self._symbol(edge, names, style)
            step = Influence(
                names[id(edge.step)], f"{symbol:7}", edge.partial, self.adjoints[id(edge.step)], edge.contribution
            )
            paths.setdefault(id(edge.arg), []).append(step)
        order = [n for n in reversed(self.graph.nodes) if id(n) in self.adjoints and not n.is_input]
        order += list(reversed(self.graph.inputs))
        return [Step(names[id(n)], self.adjoints[id(n)], tuple(paths.get(id(n), ()))) for n in order]

    def _symbol(self, edge: Edge, names: dict[int, str], style: Style) -> Written:
        fixed = [a.is_constant for a in edge.step.args]
        given = [constant(a.value, style).text if a.is_constant else names[id(a)] for a in edge.step.args]
        written = partial_formula(edge, given, names[id(edge.step)], fixed, style)
        if written is not None:
            return written
        step, arg = names[id(edge.step)], names[id(edge.arg)]
        return Written(rf"\frac{{\partial {step}}}{{\partial {arg}}}" if style == "latex" else f"∂{step}/∂{arg}")

    # Ways to look at it ---------------------------------------------------------------------------------------------

    def to_text(self, color: bool = False, width: int | None = None) -> str:
        """The trace as a table, the derivation, the counts, for a terminal."""
        from wengert.explain import rendering

        return rendering.to_text(self, color, width)

    def to_markdown(self) -> str:
        """The same as Markdown with LaTeX formulas."""
        from wengert.explain import rendering

        return rendering.to_markdown(self)

    def to_latex(self) -> str:
        """The derivation as LaTeX: the trace, then the chain rule at every value."""
        from wengert.explain import rendering

        return rendering.to_latex(self)

    def to_html(self, full: bool = True) -> str:
        """A page (`full=False`: a piece of one) with table, derivation and drawing; it needs nothing from elsewhere."""
        from wengert.explain import rendering

        return rendering.to_html(self, full)

    def to_svg(self, path: str | Path | None = None, *, steps: int | None = None, limit: int | None = None) -> str:
        """The drawing; with `steps`, after that many steps of the reverse pass; also written to `path`.

        Beyond `limit` inputs and steps (400) it is an outline, folded by the calls of the user's functions.
        """
        from wengert.explain import picture

        svg = picture.explanation_svg(self, steps, limit)
        if path is not None:
            Path(path).write_text(svg, encoding="utf-8")
        return svg

    def to_dot(self) -> str:
        """The drawing as Graphviz source."""
        from wengert.explain import picture

        return picture.explanation_dot(self)

    def frames(self) -> list[str]:
        """The drawing once for the forward pass and once after each step of the reverse pass, all of the same size."""
        return [self.to_svg(steps=k) for k in range(len(self.steps) + 1)]

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<explanation of {self.graph.name}: {len(self.graph)} operations, print it or view it in a notebook>"

    def __rich__(self) -> Any:
        from wengert.explain import rendering

        return rendering.renderable(self)

    def _repr_html_(self) -> str:
        return self.to_html(full=False)

    def _repr_latex_(self) -> str:
        return f"$${self.to_latex()}$$"

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


def explain(f: Callable[..., Any] | Graph | Variable, numbering: Numbering = "book") -> Any:
    """Explain the derivative of f at a point: the trace, the chain rule at every step, the graph with its numbers.

    ∂y/∂v = Σ ∂y/∂u · ∂u/∂v over all steps u that use v.

    **Arguments**: `f`, NumPy code that returns one number, a graph of it, or a `Variable` that was computed on the
    tape (its explanation is returned at once, by its leaves); `numbering`: "book" (inputs v0, v1, …,
    steps from there on) or "baydin" (steps from v1, inputs v0, v₋₁, …); then f's arguments.
    **Returns**: a function of f's arguments that returns an `Explanation`.
    **Raises**: `ShapeError` where f's result is not one number. **Cost**: one evaluation, one step per operation.

    >>> import wengert as wg
    >>> explanation = wg.explain(lambda x0, x1: x0 * x1 + x1 / x0)(3, 5)
    >>> explanation.gradient
    {'x0': 4.444444444444445, 'x1': 3.3333333333333335}

    **Source**: Baydin et al., "Automatic differentiation in machine learning: a survey" (2018), tables 2 and 3.
    """
    if numbering not in ("book", "baydin"):
        raise ArgumentError(f"numbering is 'book' or 'baydin', not {numbering!r}")

    if isinstance(f, Variable):
        return _of_number(f.graph(), numbering)

    check_callable(f, "wg.explain")

    def explained(*args: Any, **kwargs: Any) -> Explanation:
        graph = f if isinstance(f, Graph) and not args else trace(f)(*args, **kwargs)
        return _of_number(graph, numbering)

    return explained


def _of_number(graph: Graph, numbering: Numbering) -> Explanation:
    for node in graph.nodes:
        if any(aval.dtype.kind == "c" for aval in node.avals):
            raise ArgumentError(
                f"an explanation is of real numbers, and the {node.operation} in it is complex",
                wrong="wg.explain(lambda z: np.abs(z**2))(1 + 2j)",
                right="wg.explain(lambda x, y: x**2 + y**2)(1.0, 2.0)   in real numbers; wg.compare(f)(1 + 2j)",
                location=node.location,
            )
    if len(graph.outputs) != 1 or graph.outputs[0].aval.shape != ():
        got = f"{len(graph.outputs)} values" if len(graph.outputs) != 1 else f"shape {graph.outputs[0].aval.shape}"
        raise ShapeError(
            f"an explanation is of one number; this function returned {got}",
            wrong="return y",
            right="return y[0]   or np.sum(y), the number whose derivative is to be explained",
        )
    return Explanation(graph, numbering)
