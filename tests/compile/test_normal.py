"""The normal form of a graph computes the same, and has what the later stages need."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.compile.access import is_view, layout_of
from wengert.compile.loops import TYPES
from wengert.compile.normal import Normal

from .programs import Program
from .test_fuse import CASES, graph_of

X = np.arange(12.0).reshape(3, 4)


def run(normal, values):
    """The outputs, node by node, by the primitives' own implementations."""
    found = {id(n): v for n, v in zip(normal.inputs, values, strict=True)}
    for node in normal.nodes:
        if node.is_constant:
            found[id(node)] = node.value
        elif node.part is not None:
            found[id(node)] = found[id(node.args[0])][node.part]
        elif node.primitive is not None:
            args = [found[id(a)] for a in node.args]
            with np.errstate(all="ignore"):
                found[id(node)] = node.primitive.impl(*args, **node.params)
    return [found[id(n)] for n in normal.outputs], found


def normal_of(f, *args):
    return Normal(wg.trace(f)(*args).simplify())


@pytest.mark.parametrize("case", CASES)
def test_it_computes_the_same(case):
    graph, program = graph_of(*case), Program(case[0], steps=6 + case[0] % 14)
    normal = Normal(graph)
    found, _ = run(normal, program.args)
    with np.errstate(all="ignore"):
        f = wg.grad(program.loss, range(len(program.args))) if case[1] else program
        want = f(*program.args)
    for one, other in zip(found, want, strict=True):
        assert np.shape(one) == np.shape(other)
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_what_later_stages_need(case):
    normal = Normal(graph_of(*case))
    position = {id(n): i for i, n in enumerate(normal.nodes)}
    for node in normal.nodes:
        assert all(position[id(a)] < position[id(node)] for a in node.args)
        assert layout_of(node) is not None
        for aval in node.avals:
            assert all(n >= 0 for n in aval.shape)
    assert len({id(n) for n in normal.outputs}) == len(normal.outputs)
    for node in normal.outputs:
        assert not is_view(node)
        assert not node.is_input
        assert not node.is_constant
    for guard in normal.guards:
        assert isinstance(guard.outcome, tuple) or guard.node.aval.dtype in TYPES


def test_outputs_are_copied_where_they_are_arguments_views_or_the_same():
    normal = normal_of(lambda x: (x, x.T, x * 2, np.ones(3)), X)
    assert [n.operation for n in normal.outputs] == ["stop_gradient", "stop_gradient", "multiply", "stop_gradient"]

    def twice(x):
        y = np.sin(x)
        return y, y

    assert len({id(n) for n in normal_of(twice, X).outputs}) == 2


def test_what_strides_cannot_say_is_copied_first():
    normal = normal_of(lambda x: np.reshape(x.T, -1) * 2.0, X)
    assert any(n.operation == "stop_gradient" and n.aval.shape == (4, 3) for n in normal.nodes)
    assert all(layout_of(n) is not None for n in normal.nodes)


def test_a_sum_with_a_scatter_is_one_operation():
    graph = wg.trace(wg.grad(lambda x: np.sum(np.sin(x)) + np.sum(x[np.array([0, 1, 1])] ** 2)))(X).simplify()
    normal = Normal(graph)
    assert "add_at" in {n.operation for n in normal.nodes}
    assert "scatter" not in {n.operation for n in normal.nodes}
    (found,), _ = run(normal, [X])
    np.testing.assert_allclose(found, graph(X))


def test_but_not_one_that_is_used_twice():
    def f(x):
        slope = wg.grad(lambda x: np.sum(x[np.array([0, 1, 1])] ** 2))(x)
        return slope + x, slope * 2

    assert "scatter" in {n.operation for n in normal_of(f, X).nodes}


def test_what_nobody_needs_is_gone():
    normal = normal_of(lambda x: (np.sin(x), np.cos(x))[0], X)
    assert [n.operation for n in normal.nodes if n.primitive is not None] == ["sin"]
