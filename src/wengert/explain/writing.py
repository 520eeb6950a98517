"""Writing an operation down, in plain text, in Python or in LaTeX, from the notation on its line in `ops`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from wengert.core.primitive import REGISTRY
from wengert.core.tracer import concrete
from wengert.graph.graph import Graph
from wengert.graph.node import Node

Style = Literal["text", "python", "latex"]
ATOM = 9


class Written:
    """A piece of a formula with its precedence; `{x:5}` puts it in parentheses where it binds less than 5."""

    __slots__ = ("latex", "precedence", "text")

    def __init__(self, text: str, precedence: int = ATOM, latex: bool = False) -> None:
        self.text, self.precedence, self.latex = text, precedence, latex

    def __format__(self, spec: str) -> str:
        if not spec or self.precedence >= int(spec):
            return self.text
        return rf"\left({self.text}\right)" if self.latex else f"({self.text})"

    def __str__(self) -> str:
        return self.text


def write(node: Node, args: Sequence[Written], style: Style) -> Written:
    """One operation applied to written arguments."""
    if node.part is not None:
        return Written(f"{args[0]:9}[{node.part}]" if style != "latex" else f"{{{args[0]:9}}}_{{{node.part}}}")
    assert node.primitive is not None
    notation = node.primitive.notation
    if style != "python" and node.primitive.name == "scale":  # its strong zero matters to the computer only
        notation = REGISTRY["multiply"].notation
    template = notation.latex if style == "latex" else notation.python
    if style == "text":
        template = template.replace("np.linalg.", "").replace("np.", "").replace("wg.", "")
        template = template.replace(" * ", "·").replace(" / ", "/").replace(" ** ", "^")
    params = {k: _parameter(k, v, args) for k, v in node.params.items()}
    listed = ", ".join(f"{k}={v}" for k, v in params.items() if not _default(k, node))
    if not listed:
        template = template.replace(", {params}", "")
    text = template.format(*args, args=", ".join(map(str, args)), params=listed, **params)
    return Written(text, notation.precedence, style == "latex")


def _default(name: str, node: Node) -> bool:
    """Whether a parameter says only what NumPy does anyway."""
    value = node.params[name]
    return value is None or value is False or (name == "axis" and value == tuple(range(len(node.args[0].aval.shape))))


def _parameter(name: str, value: Any, args: Sequence[Written]) -> str:
    if name == "index":
        return ", ".join(_index(part, args) for part in value) or "()"
    if isinstance(value, np.dtype):
        return f"np.dtype({value.name!r})"
    return repr(value)


def _index(part: Any, args: Sequence[Written]) -> str:
    if isinstance(part, slice):
        text = ":".join("" if i is None else str(i) for i in (part.start, part.stop))
        return text + (f":{part.step}" if part.step is not None else "")
    if part is Ellipsis:
        return "..."
    position = getattr(part, "position", None)
    return str(part) if position is None else str(args[1 + position])


# Numbers ---------------------------------------------------------------------------------------------------------


def number(value: Any, style: Style = "text", digits: int = 6) -> str:
    """A number as a book prints it: 15, 5/3, 0.75, 1.41421; arrays in short."""
    value = concrete(value)
    if isinstance(value, np.ndarray):
        if value.size > 6:
            size = (r"\times " if style == "latex" else "×").join(map(str, value.shape))
            return rf"\text{{{value.dtype}}}[{size}]" if style == "latex" else f"{value.dtype}[{size}]"
        return _array(value, style, digits)
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if not isinstance(value, (float, np.floating)):
        return str(value)
    return _float(float(value), style, digits)


def _array(value: Any, style: Style, digits: int) -> str:
    if value.ndim == 0:
        return number(value[()], style, digits)
    if style == "latex":
        rows = value if value.ndim == 2 else [value]
        body = r" \\ ".join(" & ".join(number(x, style, digits) for x in np.ravel(row)) for row in rows)
        return rf"\begin{{pmatrix}}{body}\end{{pmatrix}}"
    return (
        "["
        + ", ".join(
            _array(v, style, digits) if v.ndim else number(v[()], style, digits) for v in map(np.asarray, value)
        )
        + "]"
    )


def _float(x: float, style: Style, digits: int) -> str:
    latex = style == "latex"
    if np.isnan(x):
        return r"\mathrm{NaN}" if latex else "nan"
    if np.isinf(x):
        return ("-" if x < 0 else "") + (r"\infty" if latex else "∞")
    if x == int(x) and abs(x) < 1e15:
        return str(int(x))
    short = repr(float(f"{x:.4g}"))
    if "e" not in short and _close(float(short), x):  # a short decimal, up to the rounding of the last bits
        return short.removesuffix(".0")
    ratio = Fraction(x).limit_denominator(99)
    if ratio.denominator > 1 and abs(ratio.numerator) < 1000 and _close(float(ratio), x):
        sign = "-" if ratio < 0 else ""
        top, bottom = abs(ratio.numerator), ratio.denominator
        return rf"{sign}\frac{{{top}}}{{{bottom}}}" if latex else f"{sign}{top}/{bottom}"
    text = f"{x:.{digits}g}"
    if latex and "e" in text:
        mantissa, exponent = text.split("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return text


def _close(a: float, b: float) -> bool:
    """Equal but for the last bits, which a sum of rounded numbers may change."""
    return abs(a - b) <= 4 * np.spacing(abs(b))


# Formulas of whole graphs ----------------------------------------------------------------------------------------


def formula(graph: Graph, names: Sequence[str], style: Style = "text") -> Written:
    """The first output of a small graph as one formula in the given names of its inputs."""
    written: dict[int, Written] = {
        id(n): Written(name, latex=style == "latex") for n, name in zip(graph.inputs, names, strict=True)
    }
    for node in graph.nodes:
        if node.is_constant:
            written[id(node)] = constant(node.value, style)
        elif not node.is_input:
            written[id(node)] = write(node, [written[id(a)] for a in node.args], style)
    return written[id(graph.outputs[0])]


def constant(value: Any, style: Style) -> Written:
    """A constant as an argument of a formula."""
    plain = concrete(value)
    text = literal(plain) if style == "python" else number(plain, style)
    low = text.startswith("-") or ("/" in text and style != "latex")
    return Written(text, 5 if "/" in text and style != "latex" else 6 if low else ATOM, style == "latex")


def literal(value: Any) -> str:
    """Python source of a value, exact to the last bit."""
    if isinstance(value, np.ndarray):
        body = np.array2string(value, separator=", ", threshold=value.size + 1, floatmode="unique")
        body = " ".join(body.split()).replace("nan", "np.nan").replace("inf", "np.inf")
        if value.size == 0:
            return f"np.zeros({value.shape}, {value.dtype.name!r})"
        if (
            value.size > 1
            and np.all(value == value.flat[0])
            and not np.any(np.signbit(value) != np.signbit(value.flat[0]))
        ):
            return f"np.full({value.shape}, {literal(value.flat[0].item())}, {value.dtype.name!r})"
        return f"np.array({body}, {value.dtype.name!r})"
    if isinstance(value, np.bool_):
        return str(bool(value))
    if isinstance(value, np.generic):
        return f"np.{value.dtype.name}({literal(value.item())})"
    if isinstance(value, float) and not np.isfinite(value):
        return "np.nan" if np.isnan(value) else "np.inf" if value > 0 else "-np.inf"
    return repr(value)


Namer = Callable[[Node], str]


def names_of(graph: Graph, numbering: str = "book", style: Style = "text") -> dict[int, str]:
    """A name for every input and operation.

    "book": inputs v0, v1, …, operations from there on, the last one y; "baydin": operations from v1, the inputs
    …, v₋₁, v0 before them; "own": inputs by their own names.
    """
    count = len(graph.inputs)
    own = [str(node.name) for node in graph.inputs]
    letter = "t" if numbering == "own" and any(re.fullmatch(r"v\d+", name) for name in own) else "v"
    first = 1 - count if numbering == "baydin" else 0
    names = {
        id(node): name if numbering == "own" else variable(letter, first + i, style)
        for i, (node, name) in enumerate(zip(graph.inputs, own, strict=True))
    }
    steps = [node for node in graph.nodes if not (node.is_input or node.is_constant)]
    names.update({id(node): variable(letter, first + count + k, style) for k, node in enumerate(steps)})
    if numbering != "baydin" and len(graph.outputs) == 1 and graph.outputs[0] in steps:
        names[id(graph.outputs[0])] = result_name(graph)
    return names


def result_name(graph: Graph) -> str:
    """What the result is called: y, unless an input is."""
    taken = {str(node.name) for node in graph.inputs}
    return next(name for name in ("y", "z", "w", "result") if name not in taken)


def variable(letter: str, k: int, style: Style) -> str:
    """v₋₁ in LaTeX, v-1 in text."""
    return f"{letter}_{{{k}}}" if style == "latex" else f"{letter}{k}" if k >= 0 else f"{letter}₋{_subscript(-k)}"


def _subscript(k: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(d)] for d in str(k))
