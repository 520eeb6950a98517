"""Regions: operations along the same loops, in an order that exists."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import wengert as wg
from wengert.compile.access import is_view
from wengert.compile.fuse import ACCUMULATORS, Fusion, places
from wengert.compile.normal import Normal

from .programs import Program


def graph_of(seed, gradient=False):
    program = Program(seed, steps=6 + seed % 14)
    f = wg.grad(program.loss, range(len(program.args))) if gradient else program
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return wg.trace(f)(*program.args).simplify()


def fusion_of(f, *args):
    normal = Normal(wg.trace(f)(*args).simplify())
    return Fusion(normal.nodes), normal


def loops_of(f, *args):
    return [r for r in fusion_of(f, *args)[0].regions if r.is_loop]


def sources(fusion, region):
    homes = (fusion.home.get(id(fusion.base(a))) for n in region.nodes for a in n.args)
    return {h.index for h in homes if h is not None} - {region.index}


CASES = [(seed, gradient) for seed in range(20) for gradient in (False, True)]


@pytest.fixture(scope="module")
def fusions():
    found = {}

    def get(case):
        if case not in found:
            normal = Normal(graph_of(*case))
            found[case] = Fusion(normal.nodes), normal
        return found[case]

    return get


@pytest.mark.parametrize("case", CASES)
def test_every_operation_has_one_region(case, fusions):
    fusion, normal = fusions(case)
    placed = [id(n) for r in fusion.regions for n in r.nodes]
    assert len(placed) == len(set(placed))
    assert set(placed) == {id(n) for n in normal.nodes if n.primitive is not None and not is_view(n)}
    assert all(fusion.home[id(n)] is r for r in fusion.regions for n in r.nodes)


@pytest.mark.parametrize("case", CASES)
def test_regions_form_no_circle(case, fusions):
    """And each one knows all that must come before it."""
    fusion, _ = fusions(case)
    needed = [sources(fusion, r) for r in fusion.regions]
    order, waiting = [], set(range(len(needed)))
    while waiting:
        ready = {i for i in waiting if not needed[i] & waiting}
        assert ready
        order += ready
        waiting -= ready
    before: dict[int, set[int]] = {}
    for i in order:
        before[i] = needed[i].union(*(before[j] for j in needed[i]))
        assert all(fusion.regions[i].before >> j & 1 for j in before[i])


@pytest.mark.parametrize("case", CASES)
def test_loops_are_as_long_as_the_axes_they_run_along(case, fusions):
    fusion, _ = fusions(case)
    for region in fusion.regions:
        if not region.is_loop:
            assert len(region.nodes) == 1
            continue
        for node in region.nodes:
            space, letters = region.spaces[id(node)], region.letters[id(node)]
            assert sorted(letters.values()) == list(range(len(region.dims)))
            assert all(space.extents[k] == region.dims[d] for k, d in letters.items())
            assert not space.fixed & set(letters)
            summed = any(k in letters for k in space.reduced)
            assert summed == (id(node) in region.accumulated)
            if summed:
                kept = math.prod(n for k, n in space.extents.items() if k in space.result and k not in letters)
                assert kept <= ACCUMULATORS
        assert region.operations == sum(places(region.spaces[id(n)], region.letters[id(n)]) for n in region.nodes)


@pytest.mark.parametrize("case", CASES)
def test_a_value_at_hand_is_read_along_the_loops_it_was_made_along(case, fusions):
    fusion, _ = fusions(case)
    for region in fusion.regions:
        for k, node in enumerate(region.nodes):
            if not region.is_loop:
                continue
            for arg, along in zip(node.args, region.spaces[id(node)].args, strict=True):
                base = fusion.base(arg)
                if fusion.home.get(id(base)) is region:
                    assert base in region.nodes[:k]
                    assert id(base) not in region.accumulated
                    letters = region.letters[id(node)]
                    read = tuple(None if c is None else letters.get(c) for c in along)
                    made = fusion.within(arg, region)
                    assert all(d == e for d, e, c in zip(read, made, along, strict=True) if c is not None)


# What shares a loop -------------------------------------------------------------------------------------------------

V, M = np.linspace(0, 1, 1000), np.ones((300, 400))


def test_a_chain_is_one_loop():
    (region,) = loops_of(lambda x: np.exp(np.sin(x) * 2.0 + x), V)
    assert region.dims == (1000,)


def test_a_reduction_shares_the_loop_of_what_it_sums():
    (region,) = loops_of(lambda x: (np.sum(np.sin(x)), np.max(x * x)), V)
    assert len(region.accumulated) == 2


def test_what_needs_the_sum_begins_a_new_loop():
    first, *_, last = loops_of(lambda x: np.exp(x) / np.sum(np.exp(x)), V)
    assert first is not last
    assert last.before >> first.index & 1


def test_short_axes_are_written_out():
    (region,) = loops_of(lambda x: np.sum(x * x, axis=1), np.ones((500, 3)))
    assert region.dims == (500,)


def test_a_transposed_array_is_read_from_memory():
    regions = loops_of(lambda x: np.sin(x) + x[::-1], M)
    assert [r.dims for r in regions] == [(300, 400)]


def test_long_axes_are_not_written_out():
    fusion, _ = fusion_of(lambda x: np.concatenate([x, x[:1]]), V)
    (region,) = fusion.regions
    assert not region.is_loop
    assert region.reason


def test_no_axes_no_loops():
    (region,) = loops_of(lambda a, b: np.sin(a) * b + a, 1.0, 2.0)
    assert region.dims == ()
