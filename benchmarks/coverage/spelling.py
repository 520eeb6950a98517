"""How each library's users would write a call: as it is, as a method, and with what its documentation asks for."""

from __future__ import annotations

import ast

import numpy as np

#: Methods that change their array, where the function of that name returns a new one.
CHANGING = {"partition", "put", "resize", "sort"}
#: Where a library needs another argument than NumPy does. JAX: sizes that depend on values are told; arrays are not
#: changed, so functions that do return the new one. autograd: a mode that NumPy has by default.
IDIOMS: dict[str, dict[str, str]] = {
    "autograd": {"np.pad": "np.pad(v, 2, 'constant')"},
    "jax": {
        "np.compress": "np.compress(v > 0, w, size=3)",
        "np.extract": "np.extract(x > 0, x, size=int(np.sum(x > 0)))",
        "np.fill_diagonal": "np.fill_diagonal(s * 1.0, a, inplace=False)",
        "np.intersect1d": "np.intersect1d(v, v[:2], size=2)",
        "np.place": "np.place(v * 1.0, mask, w[:3], inplace=False)",
        "np.put": "np.put(v * 1.0, np.array([0, 2]), w[:2], inplace=False)",
        "np.put_along_axis": "np.put_along_axis(x * 1.0, np.array([[0], [2], [1]]), 3.0 * x[:, :1], axis=1, "
        "inplace=False)",
        "np.roots": "np.roots(c, strip_zeros=False)",
        "np.setdiff1d": "np.setdiff1d(v, v[:1], size=3)",
        "np.setxor1d": "np.setxor1d(v, np.append(w, v[:2]), size=6)",
        "np.union1d": "np.union1d(v, w, size=8)",
        "np.unique": "np.unique(v, size=4)",
        "np.unique_all": "np.unique_all(v, size=4).values",
        "np.unique_counts": "np.unique_counts(v, size=4).values",
        "np.unique_inverse": "np.unique_inverse(v, size=4)[0]",
        "np.unique_values": "np.unique_values(v, size=4)",
    },
}


def spellings(library: str, name: str, text: str, plainest: bool) -> list[str]:
    """The ways to write a call, without repetition; the library is right if one of them is."""
    found = [text, as_method(name, text), with_arrays(text)]
    if plainest and name in IDIOMS.get(library, {}):
        found.insert(0, IDIOMS[library][name])
    return list(dict.fromkeys(filter(None, found)))


def as_method(name: str, text: str) -> str | None:
    """`np.sum(x, axis=0)` as `x.sum(axis=0)`, where arrays have such a method."""
    short = name.removeprefix("np.")
    if short in CHANGING or not callable(getattr(np.ndarray, short, None)):
        return None
    tree = ast.parse(text)

    class Rewrite(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            if ast.unparse(node.func) != name or not node.args or not isinstance(node.args[0], ast.Name):
                return node
            return ast.Call(ast.Attribute(node.args[0], short, ast.Load()), node.args[1:], node.keywords)

    return unparsed(Rewrite().visit(tree))


def with_arrays(text: str) -> str:
    """The same with arrays where it has lists of numbers, which some libraries refuse."""

    def array(part: ast.expr) -> ast.expr:
        try:
            numbers = isinstance(part, ast.List) and np.asarray(ast.literal_eval(part), float)
        except ValueError:  # names in it, or rows of different lengths
            return part
        return part if numbers is False else ast.parse(f"np.array({ast.unparse(part)})", mode="eval").body

    class Rewrite(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            node.args = [array(part) for part in node.args]
            for keyword in node.keywords:
                keyword.value = array(keyword.value)
            return node

    return unparsed(Rewrite().visit(ast.parse(text)))


def unparsed(tree: ast.AST) -> str:
    """Statements on one line."""
    return "; ".join(ast.unparse(ast.fix_missing_locations(tree)).splitlines())
