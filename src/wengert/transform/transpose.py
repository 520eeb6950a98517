"""Transposition: walk a linear graph backwards, from the cotangents of its outputs to those of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.location import at
from wengert.core.rule import Linear
from wengert.core.tracer import Tracer
from wengert.transform.differential import Through, as_numpy
from wengert.transform.linearize import JointNode, LinearNode, Shares, ancestors

_MANY = 8  # edges: of fewer it is not worth the while to look for what they have in common


def pull(
    outputs: Sequence[LinearNode | None],
    cotangents: Sequence[Any],
    inputs: Sequence[LinearNode],
    visit: Callable[[LinearNode, Any], None] | None = None,
) -> list[Any]:
    """The inputs' cotangents, None where no output depends on them; each node is visited once, after all its users.

    **Cost**: one transposed map per edge, so linear in the size of the graph however often nodes are shared.
    `visit(node, ct)` is told every node with its total.
    """
    sums: dict[int, Any] = {}
    gathers: dict[int, list[tuple[Through, Any]]] = {}
    for node, ct in zip(outputs, cotangents, strict=True):
        if node is not None and ct is not None:
            _add(sums, id(node), ct)
    wanted = {id(node) for node in inputs}
    with np.errstate(all="ignore"):
        for node in reversed(ancestors([o for o in outputs if o is not None])):
            key = id(node)
            if key in gathers:
                parts = gathers.pop(key)
                if any(isinstance(ct, (Tracer, Shares)) for _, ct in parts):
                    with at(node.location):
                        _add(sums, key, _merge(parts))
                else:
                    _add(sums, key, _merge(parts))
            if key not in sums:
                continue
            ct = sums[key] if key in wanted else sums.pop(key)
            if visit is not None:
                visit(node, ct)
            if isinstance(
                ct, (Tracer, Shares)
            ):  # someone outside records this pass: let it see the forward pass's lines
                with at(node.location):
                    _spread(node, ct, sums, gathers)
            else:
                _spread(node, ct, sums, gathers)
    return [sums.get(id(node)) for node in inputs]


def _spread(node: LinearNode, ct: Any, sums: dict[int, Any], gathers: dict[int, list[tuple[Through, Any]]]) -> None:
    if isinstance(node, JointNode):
        for (parent, _), part in zip(node.edges, node.pull(ct), strict=True):
            if part is not None:
                _add(sums, id(parent), part)
        return
    first: Any = node.edges[0][1] if len(node.edges) > _MANY else None
    if type(first) is Through and first.rule.split is not None:
        maps = [(parent, map_) for parent, map_ in node.edges if type(map_) is Through and map_.args is first.args]
        if len(maps) == len(node.edges):
            parts = first.rule.split(as_numpy(ct), first.args, first.params)
            for parent, map_ in maps:
                _add(sums, id(parent), parts[map_.position])
            return
    for parent, linear in node.edges:
        key = id(parent)
        if type(linear) is Through and linear.rule.merge is not None:
            gathers.setdefault(key, []).append((linear, ct))
        else:
            part, held = linear.transpose(ct), sums.get(key)
            sums[key] = part if held is None else held + part


def _add(sums: dict[int, Any], key: int, ct: Any) -> None:
    held = sums.get(key)
    sums[key] = ct if held is None else held + ct


def _merge(parts: list[tuple[Through, Any]]) -> Any:
    """The sum of many transposed gathers from one array (x[0], x[1], …), in one operation."""
    if len(parts) == 1:
        map_, ct = parts[0]
        return map_.transpose(ct)
    rule: Linear = parts[0][0].rule
    assert rule.merge is not None
    return rule.merge([ct for _, ct in parts], [map_.args for map_, _ in parts], [map_.params for map_, _ in parts])
