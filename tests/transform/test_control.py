"""Loops and branches as operations against the same programs in Python's own: values and derivatives to order 3."""

from __future__ import annotations

import numpy as np
import optree
import pytest

import wengert as wg
from wengert.graph.verify import verify

from .loop_programs import TABLE

EACH = pytest.mark.parametrize("program", [pytest.param(p, id=name) for name, p in TABLE.items()])


def leaves(tree):
    return [np.asarray(leaf) for leaf in optree.tree_leaves(tree)]


def assert_same(ours, theirs, tolerance=1e-11):
    ours, theirs = leaves(ours), leaves(theirs)
    assert len(ours) == len(theirs) > 0
    scale = 1 + max(np.max(np.abs(b), initial=0) for b in theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)


def gradient(f, args):
    return wg.grad(f, argnums=tuple(range(len(args))))


def directions(args, seed=5):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=np.shape(a))[()] for a in args)


def along(f, direction):
    """The derivative of f in one direction, a number again."""
    return lambda *args: wg.jvp(f, args, direction)[1]


def against(f, args, direction):
    """⟨∇f, direction⟩, by reverse mode."""

    def g(*args):
        return sum(np.sum(d * part) for d, part in zip(direction, gradient(f, args)(*args), strict=True))

    return g


@EACH
def test_values(program):
    for args in (program.args, program.others):
        assert_same(program.structured(*args), program.plain(*args), 0)


@EACH
def test_values_where_traced(program):
    for args in (program.args, program.others):
        assert_same(wg.jvp(program.structured, args, directions(args))[0], program.plain(*args), 1e-14)


@EACH
def test_forward(program):
    d = directions(program.args)
    assert_same(along(program.structured, d)(*program.args), along(program.plain, d)(*program.args))


@EACH
def test_reverse(program):
    assert_same(
        gradient(program.structured, program.args)(*program.args), gradient(program.plain, program.args)(*program.args)
    )


@EACH
def test_finite_differences(program):
    d = directions(program.args)
    step = 1e-5
    f = program.plain
    ahead = [a + step * t for a, t in zip(program.args, d, strict=True)]
    behind = [a - step * t for a, t in zip(program.args, d, strict=True)]
    slope = (f(*ahead) - f(*behind)) / (2 * step)
    assert_same(along(program.structured, d)(*program.args), slope, 1e-5)


@EACH
@pytest.mark.parametrize("modes", ["FF", "FR", "RF", "RR", "FFF", "RRR", "RFR", "FRF", "FRR"])
def test_higher_orders_in_every_mode(program, modes):
    f, g = program.structured, program.plain
    for k, mode in enumerate(modes):
        d = directions(program.args, seed=k)
        f, g = (along(f, d) if mode == "F" else against(f, program.args, d)), along(g, d)
    assert_same(f(*program.args), g(*program.args), 1e-9)


@EACH
def test_a_recorded_gradient_holds_elsewhere(program):
    graph = wg.trace(gradient(program.structured, program.args))(*program.args)
    verify(graph)
    assert not graph.guards
    assert_same(graph(*program.others), gradient(program.plain, program.others)(*program.others))
    assert_same(graph.simplify()(*program.others), gradient(program.plain, program.others)(*program.others))


@EACH
def test_a_recorded_program_is_differentiated(program):
    graph = wg.trace(program.structured)(*program.args)
    verify(graph)
    assert_same(graph(*program.others), program.plain(*program.others), 1e-14)
    d = directions(program.others)
    twice = against(along(graph, d), program.others, d)
    assert_same(twice(*program.others), along(along(program.plain, d), d)(*program.others), 1e-9)


@EACH
def test_a_recorded_second_derivative_holds_elsewhere(program):
    d = directions(program.args)
    graph = wg.trace(against(against(program.structured, program.args, d), program.args, d))(*program.args)
    assert_same(graph(*program.others), along(along(program.plain, d), d)(*program.others), 1e-9)


@EACH
def test_linearize(program):
    value, push = wg.linearize(program.structured, *program.args)
    d = directions(program.args)
    assert_same(value, program.plain(*program.args), 1e-14)
    assert_same(push(*d), along(program.plain, d)(*program.args))


@EACH
def test_the_tape(program):
    variables = [wg.Variable(a) for a in program.args]
    program.structured(*variables).backward()
    assert_same([v.grad for v in variables], gradient(program.plain, program.args)(*program.args))
