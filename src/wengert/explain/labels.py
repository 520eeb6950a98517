"""The user's own names for intermediate values: `e = a * b` calls the product e."""

from __future__ import annotations

import ast
import functools
import linecache

from wengert.core.location import Location
from wengert.graph.graph import Graph

Range = tuple[int, int, int, int]


@functools.cache
def _assignments(file: str) -> dict[Range, str]:
    """For each assigned expression of a source file, by its first and last line and column, the name it is given."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return {}
    found: dict[Range, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found[_range(node.value)] = node.targets[0].id
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found[_range(node)] = node.target.id
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value and isinstance(node.target, ast.Name):
            found[_range(node.value)] = node.target.id
    return found


def _range(node: ast.expr | ast.stmt) -> Range:
    return node.lineno, node.end_lineno or 0, node.col_offset, node.end_col_offset or 0


def user_name(location: Location | None) -> str | None:
    """The name to which the program assigns the value computed at this place, if it does so right there."""
    if location is None or location.file.startswith("<"):
        return None
    return _assignments(location.file).get(location.positions)  # type: ignore[arg-type]


def user_names(graph: Graph) -> dict[int, str]:
    """The names of all steps that have one."""
    found = {id(n): user_name(n.location) for n in graph.nodes if n.primitive is not None}
    return {key: name for key, name in found.items() if name is not None}
