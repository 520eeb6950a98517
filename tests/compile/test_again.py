"""What is computed again gives what it gave the first time, and what nobody reads from memory is never made."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.compile.again import Repetition, is_cheap
from wengert.compile.fuse import Fusion
from wengert.compile.normal import Normal

from .test_fuse import CASES, graph_of
from .test_program import program_of, traffic

pytest.importorskip("llvmlite")

X = np.random.default_rng(0).normal(size=(100, 100))


def repeated(graph):
    normal = Normal(graph)
    fusion = Fusion(normal.nodes)
    kept = [*normal.outputs, *(g.node for g in normal.guards)]
    Repetition(fusion, normal.nodes, kept)
    return fusion, normal, kept


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_at_hand_is_in_memory(case):
    fusion, _, kept = repeated(graph_of(*case))
    for node in kept:
        home = fusion.home.get(id(fusion.base(node)))
        assert home is None or not home.is_loop or fusion.base(node) in home.nodes or node.part is not None
    for region in fusion.regions:
        for k, node in enumerate(region.nodes):
            for i, arg in enumerate(node.args):
                base = fusion.base(arg)
                home = fusion.home.get(id(base))
                if home is None:
                    continue
                if base in region.nodes and region.is_loop and id(base) not in region.accumulated:
                    assert base in region.nodes[:k]
                    letters = region.letters[id(node)]
                    read = [None if c is None else letters.get(c) for c in region.spaces[id(node)].args[i]]
                    made = fusion.within(arg, region)
                    assert made is not None
                    assert all(d == e for d, e, n in zip(read, made, arg.aval.shape, strict=True) if n > 1)
                else:
                    assert base in home.nodes or base.part is not None
                    assert home is not region
                    assert region.before >> home.index & 1


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_lost_and_nothing_is_done_twice_in_one_place(case):
    fusion, normal, _ = repeated(graph_of(*case))
    placed = {id(n) for r in fusion.regions for n in r.nodes}
    assert placed == set(fusion.home) - {id(n) for n in normal.nodes if n.part is not None}
    for region in fusion.regions:
        assert len({id(n) for n in region.nodes}) == len(region.nodes)


def agree(f, *args):
    for g in (f, wg.grad(lambda *args: sum(np.sum(np.sin(r)) for r in f(*args)))):
        got, want = wg.jit(g, backend="native")(*args), g(*args)
        for one, other in zip(got, want, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12, strict=True)


def through_a_view(x):
    p = x * 2.0
    u = p * 3.0
    return (u + p.T,)


def along_other_loops(x):
    p = x * 2.0
    u = p * 3.0
    return (np.einsum("ij,ji->ij", u, p), np.einsum("ij,ji->ij", p, u) + p)


def around_a_sum(x):
    n = np.abs(x) * 2.0
    m = n + 1.0
    e = np.exp(m - np.max(m, axis=1, keepdims=True))
    return e / np.sum(e, 1, keepdims=True) + m.T, n, n - np.sum(m, axis=0)


def beside_what_is_called(x):
    n = np.abs(x) * 2.0
    q = np.sort(n, 0)
    m = n * 3.0
    return np.einsum("ij->ji", m) + q, m + n


def after_a_change(x):
    y = np.cumsum(x, 0)
    n = y * 2.0
    y[::7] = 5.0
    return y * np.sin(x[:, :1]) + n, n.T - y


def of_truth_values(x):
    mask = x > 0.3
    other = mask & (x.T < 0.5)
    return np.where(mask, x, 0.0) * np.sum(other, axis=0), np.where(other, x.T, 1.0), np.sum(np.where(mask, x, 0), 1)


@pytest.mark.parametrize(
    "f", [through_a_view, along_other_loops, around_a_sum, beside_what_is_called, after_a_change, of_truth_values]
)
def test_values(f):
    agree(f, X)


def test_a_cheap_intermediate_is_not_made():
    def f(x, big):
        return np.exp(big) * (x * 2.0 + 1.0), np.sum(x * 2.0 + 1.0)

    program = program_of(f, np.ones(1000), np.ones((300, 1000)))
    assert not [b for s in program.steps for b in traffic(s)[1] if b.kind == "temp" and b.size > 1]


def test_an_expensive_one_is():
    def f(x, big):
        return big * np.sin(x), np.sum(np.sin(x))

    program = program_of(f, np.ones(1000), np.ones((300, 1000)))
    assert [b.size for s in program.steps for b in traffic(s)[1] if b.kind == "temp" and b.size > 1] == [1000]


def test_what_is_cheap():
    graph = wg.trace(lambda x: (x * 2, np.exp(x), x**2.5, np.sort(x), np.where(x > 0, x, 0.0)))(np.ones(3))
    cheap = {n.operation: is_cheap(n) for n in graph.nodes if n.primitive is not None}
    assert cheap["multiply"]
    assert cheap["where"]
    assert not cheap["exp"]
    assert not cheap["power"]
    assert is_cheap(wg.trace(lambda x: np.power(x, 2))(np.ones(3)).outputs[0])
