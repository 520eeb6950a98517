"""A letter of an index space means: along this axis, one place of the result needs one place of each argument only."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.compile.spaces import basic_index, space_of
from wengert.graph.node import Node

A, B, T = np.ones((4, 5)), np.ones(5), np.ones((2, 3, 4))
PROGRAMS = {
    "elementwise": (lambda x, y: x * y, (A, B)),
    "stretched": (lambda x, y: x * y, (A, np.ones((4, 1)))),
    "where": (lambda x, y: np.where(x > y, x, y), (A, B)),
    "sum": (lambda x: np.sum(x, axis=1), (T,)),
    "sum of two axes": (lambda x: np.sum(x, axis=(0, 2), keepdims=True), (T,)),
    "max": (lambda x: np.max(x, axis=0, keepdims=True), (T,)),
    "all": (lambda x: np.all(x > 0, axis=-1), (T,)),
    "transpose": (lambda x: np.transpose(x, (2, 0, 1)), (T,)),
    "broadcast_to": (lambda x: np.broadcast_to(x, (3, 4, 5)), (np.ones((4, 1)),)),
    "matmul": (lambda x, y: x @ y, (A, A.T.copy())),
    "matrix and vector": (lambda x, y: x @ y, (A, B)),
    "vector and matrix": (lambda x, y: y @ x.T, (A, B)),
    "batch": (lambda x, y: x @ y, (T, np.ones((4, 5)))),
    "batches": (lambda x, y: x @ y, (T[:, None], np.ones((2, 4, 2)))),
    "einsum": (lambda x, y: np.einsum("ijk,kl->jil", x, y), (T, A)),
    "einsum of three": (lambda x, y, z: np.einsum("ij,j,ik->k", x, y, z), (A, B, np.ones((4, 2)))),
    "merge": (lambda x: np.reshape(x, (6, 4)), (T,)),
    "split": (lambda x: np.reshape(x, (2, 3, 2, 2)), (T,)),
    "ones": (lambda x: np.reshape(x, (1, 2, 1, 3, 4)), (T,)),
    "slice": (lambda x: x[:, 1:3], (T,)),
    "reversed": (lambda x: x[::-1], (T,)),
    "row": (lambda x: x[1], (T,)),
    "column": (lambda x: x[..., 2], (T,)),
    "new axis": (lambda x: x[:, None, 0], (T,)),
    "concatenate": (lambda x, y: np.concatenate([x, y], axis=1), (T, np.ones((2, 1, 4)))),
    "stack": (lambda x, y: np.stack([x, y], axis=1), (T, T + 1)),
}


def nodes():
    for name, (f, args) in PROGRAMS.items():
        for k, node in enumerate(n for n in wg.trace(f)(*args).nodes if n.primitive is not None):
            yield pytest.param(node, id=f"{name} {k}")
    x = np.ones((3, 4))
    programs = [lambda x: x[:, 1], lambda x: x[1:], lambda x: x[..., None], lambda x: x[1, ::2], lambda x: x[0] * x[2]]
    for k, f in enumerate(programs):
        graph = wg.trace(wg.grad(lambda x, f=f: np.sum(np.sin(f(x)))))(x)  # scatter
        for i, node in enumerate(n for n in graph.nodes if n.operation in ("scatter", "sum_to", "broadcast_to")):
            yield pytest.param(node, id=f"gradient {k}.{i}")

    def assigned(x, y):
        z = x * 1.0
        z[:, 1:3] = y
        return z

    for node in wg.trace(assigned)(x, np.ones(2)).nodes:
        if node.operation == "put":
            yield pytest.param(node, id="put")


NODES = list(nodes())


def evaluated(node: Node, args):
    return np.asarray(node.primitive.impl(*args, **node.params))


def moved(values, letters, letter, i):
    """The same values at place i of a letter, others elsewhere."""
    result = np.cos(values * 3.0 + 1.0) if values.dtype.kind == "f" else ~values
    for axis, k in enumerate(letters):
        if k == letter:
            here = (slice(None),) * axis + (i,)
            result[here] = values[here]
            return result
    return values


@pytest.mark.parametrize("node", NODES)
def test_letters_have_the_lengths_of_their_axes(node):
    space = space_of(node)
    for letters, aval in ((space.result, node.aval), *zip(space.args, (a.aval for a in node.args), strict=True)):
        assert len(letters) == len(aval.shape)
        for k, n in zip(letters, aval.shape, strict=True):
            assert k is None or space.extents[k] == n
        found = [k for k in letters if k is not None]
        assert len(set(found)) == len(found)
    assert None not in space.result


@pytest.mark.parametrize("node", NODES)
def test_a_place_of_the_result_needs_one_place_along_each_letter(node):
    rng = np.random.default_rng(0)
    args = [np.asarray(rng.normal(size=a.aval.shape)) for a in node.args]
    args = [a > 0 if n.aval.dtype.kind == "b" else a for a, n in zip(args, node.args, strict=True)]
    result, space = evaluated(node, args), space_of(node)
    for axis, letter in enumerate(space.result):
        if letter in space.fixed:
            continue
        for i in range(space.extents[letter]):
            changed = [moved(a, letters, letter, i) for a, letters in zip(args, space.args, strict=True)]
            where = (slice(None),) * axis + (i,)
            np.testing.assert_array_equal(evaluated(node, changed)[where], result[where])


@pytest.mark.parametrize("f", [lambda x: np.sort(x), lambda x: np.linalg.inv(x), lambda x: x[np.array([0, 1])]])
def test_what_loops_cannot_express_has_no_space(f):
    assert any(space_of(n) is None for n in wg.trace(f)(np.eye(3)).nodes if n.primitive is not None)


def test_an_index_is_written_out():
    assert basic_index((0, Ellipsis, None), (2, 3, 4)) == [0, slice(None), slice(None), None]
    assert basic_index((), (2,)) == [slice(None)]
