"""What only a search for extrema reads is computed there, row by row, and never is an array.

The distances of many points to many others are such: a product of matrices, some arithmetic, the place of the smallest
in each row. In memory they would be the largest array of the program by far.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from wengert.compile.access import is_matrix, is_view, layout_of
from wengert.compile.again import is_cheap
from wengert.compile.fuse import Fusion, Region
from wengert.compile.loops import TYPES
from wengert.compile.support import unsupported
from wengert.graph.node import Node

CHAIN = 8  # operations
WIDE = 32  # a row's length, from which on it pays


def absorb(fusion: Fusion, nodes: Sequence[Node], kept: Sequence[Node]) -> None:
    """Move such operations into the regions of the searches; there they stand behind what needs them."""
    users = Counter(id(fusion.base(a)) for n in nodes if n.primitive is not None and not is_view(n) for a in n.args)
    users.update(id(n) for n in kept)
    for region in fusion.regions:
        if not region.is_loop and _is_search(region.nodes[0]):
            _absorb(fusion, region, users)


def _is_search(node: Node) -> bool:
    if node.operation not in ("argmax", "argmin"):
        return False
    aval, axis = node.args[0].aval, node.params["axis"]
    rows = len(aval.shape) == 2 and axis in (1, -1) and aval.shape[1] >= WIDE and aval.shape[0] > 1
    return rows and aval.dtype in TYPES and aval.dtype.kind == "f"


def _absorb(fusion: Fusion, region: Region, users: Counter[int]) -> None:
    shape, found, waiting = region.nodes[0].args[0].aval.shape, region.nodes[1:], [region.nodes[0].args[0]]
    while waiting:
        node = waiting.pop()
        home = fusion.home.get(id(node))
        if home is None or users[id(node)] != 1 or node.aval.shape != shape or is_view(node) or node in found:
            continue
        if home.is_loop and is_cheap(node) and not unsupported(node) and len(found) < CHAIN:
            waiting.extend(node.args)
        elif not (_is_product(node) and not any(n.operation == "matmul" for n in found)):
            continue
        found.append(node)
        home.nodes.remove(node)
        if not home.nodes:
            home.reason = None  # nothing is left of it
        fusion.home[id(node)] = region
    region.nodes[1:] = found


def _is_product(node: Node) -> bool:
    if node.operation != "matmul" or node.aval.dtype.kind != "f":
        return False
    layouts = [layout_of(a) for a in node.args]
    return all(
        a.aval.dtype == node.aval.dtype and len(a.aval.shape) == 2 and layout is not None and is_matrix(layout)
        for a, layout in zip(node.args, layouts, strict=True)
    ) and node.args[0].aval.shape[1] > 0  # fmt: skip
