"""A graph as NumPy source that runs on its own."""

from __future__ import annotations

import keyword
import re

from wengert.core.errors import MissingRuleError
from wengert.explain.writing import Written, constant, names_of, write
from wengert.graph.graph import Graph, ability
from wengert.graph.node import Node

#: Operations that NumPy has no function for, as source. A test holds each against the primitive itself.
SOURCES = {
    "scale": '''def scale(a, b):
    """a·b, but 0 wherever a or b is 0, even if the other is infinite or NaN."""
    with np.errstate(all="ignore"):
        product = np.multiply(a, b)
        return np.where(np.isnan(product) & (np.equal(a, 0) | np.equal(b, 0)), 0.0, product)[()]''',
    "sum_to": '''def sum_to(x, shape):
    """Sum over the axes along which an array of this shape was broadcast."""
    lead = np.ndim(x) - len(shape)
    x = np.sum(x, axis=tuple(range(lead)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and np.shape(x)[i] != 1)
    return np.sum(x, axis=axes, keepdims=True)''',
    "scatter": '''def scatter(values, indices, shape, dtype):
    """Zeros with each value added at its index."""
    out = np.zeros(shape, dtype)
    for value, index in zip(values, indices):
        np.add.at(out, index, value)
    return out[()]''',
    "adjugate": '''def adjugate(a):
    """The transposed cofactor matrix."""
    u, s, vt = np.linalg.svd(a)
    others = np.stack([np.prod(np.delete(s, i, -1), -1) for i in range(s.shape[-1])], -1)
    sign = np.linalg.det(u) * np.linalg.det(vt)
    return (np.swapaxes(vt, -1, -2) * others[..., None, :]) @ np.swapaxes(u, -1, -2) * sign[..., None, None]''',
    "sigmoid": '''def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(np.greater_equal(x, 0), 1.0, e)[()] / (1 + e)''',
    "softplus": '''def softplus(x):
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(x, 0.0)''',
    "relu": '''def relu(x):
    """max(x, 0)."""
    return np.maximum(x, 0.0)''',
}  # fmt: skip


@ability("to_python")
def to_python(graph: Graph) -> str:
    """The source of a function of the graph's name; what is used once stands where it is used."""
    names = names_of(graph, "own")
    for node in graph.inputs:
        names[id(node)] = identifier(str(node.name))
    uses: dict[int, int] = {}
    for node in graph.nodes:
        for arg in node.args:
            uses[id(arg)] = uses.get(id(arg), 0) + 1
    for node in graph.outputs:
        uses[id(node)] = uses.get(id(node), 0) + 1
    guards = {id(g.node): g for g in graph.guards}
    written: dict[int, Written] = {id(n): Written(names[id(n)]) for n in graph.inputs}
    lines: list[str] = []
    for node in graph.nodes:
        if node.is_input:
            continue
        if node.is_constant:
            written[id(node)] = constant(node.value, "python")
            continue
        text = _source(node, [written[id(a)] for a in node.args])
        if uses.get(id(node), 0) == 1 and len(text.text) <= 60 and id(node) not in guards:
            written[id(node)] = text
            continue
        written[id(node)] = Written(names[id(node)])
        lines.append(f"{names[id(node)]} = {text}")
        if id(node) in guards:
            guard = guards[id(node)]
            where = f" ({guard.location})" if guard.location else ""
            lines.append(f"assert {names[id(node)]} == {guard.outcome!r}, 'recorded along the other branch{where}'")
    outputs = graph.rebuild([written[id(n)] for n in graph.outputs])
    if lines and len(graph.outputs) == 1 and lines[-1].startswith(f"{outputs} = "):
        lines[-1] = f"return {lines[-1].partition(' = ')[2]}"  # the last step is the result
    else:
        lines.append(f"return {_tree(outputs)}")
    head = f"def {identifier(graph.name)}({', '.join(names[id(n)] for n in graph.inputs)}):"
    body = "\n".join(f"    {line}" for line in lines)
    used = {n.primitive.name for n in graph.nodes if n.primitive is not None}
    helpers = [source for name, source in SOURCES.items() if name in used]
    imports = "import numpy as np" + ("\nimport scipy.special" if "scipy.special." in body else "")
    return "\n\n\n".join([imports, *helpers, f"{head}\n{body}\n"])


def _source(node: Node, args: list[Written]) -> Written:
    if node.primitive is not None:
        if node.primitive.name == "scatter":
            return _scatter(node, args)
        text = write(node, args, "python").text
        own = re.match(r"(wg\.)?(\w+)\(", node.primitive.notation.python)
        if own and own[2] not in SOURCES:
            raise MissingRuleError(
                f"{node.primitive.name} cannot be written as NumPy source: its notation names no function of NumPy",
                right=f"wg.primitive(…, python='np.something({{0}})')   for {node.primitive.name}",
                location=node.location,
            )
        return Written(text.replace("wg.", ""), write(node, args, "python").precedence)
    return write(node, args, "python")


def _scatter(node: Node, args: list[Written]) -> Written:
    indices = node.params["indices"]
    values, arrays = args[: len(indices)], args[len(indices) :]
    places = ", ".join(f"np.s_[{_place(index, arrays)}]" for index in indices)
    dtype = node.params["dtype"].name
    return Written(f"scatter([{', '.join(map(str, values))}], [{places}], {node.params['shape']}, {dtype!r})")


def _place(index: tuple[object, ...], arrays: list[Written]) -> str:
    parts = []
    for part in index:
        position = getattr(part, "position", None)
        if isinstance(part, slice):
            parts.append(":".join("" if i is None else str(i) for i in (part.start, part.stop, part.step)))
        else:
            parts.append("..." if part is Ellipsis else str(part) if position is None else str(arrays[position]))
    return ", ".join(parts) or "()"


def identifier(name: str) -> str:
    """A valid Python name: params['w'][0] as params_w_0, f′ as f_prime."""
    name = name.replace("′", "_prime")
    name = re.sub(r"\W+", "_", name).strip("_") or "x"
    return name + "_" if keyword.iskeyword(name) or name == "np" else name if not name[0].isdigit() else f"x{name}"


def _tree(tree: object) -> str:
    if isinstance(tree, tuple):
        return f"({', '.join(map(_tree, tree))}{',' if len(tree) == 1 else ''})"
    if isinstance(tree, list):
        return f"[{', '.join(map(_tree, tree))}]"
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{k!r}: {_tree(v)}" for k, v in tree.items()) + "}"
    return str(tree)
