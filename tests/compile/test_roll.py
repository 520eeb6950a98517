"""Which short axes are loops: those of a batch, but not those that somebody needs place by place."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.compile.fuse import Fusion
from wengert.compile.normal import Normal
from wengert.compile.roll import fused

from .programs import Program

random = np.random.default_rng(0)


def loops_of(f, *args):
    """The lengths of the loops of each region, without and with what is rolled."""
    nodes = Normal(wg.trace(f)(*args).simplify()).nodes
    return [[r.dims for r in how(nodes).regions if r.is_loop] for how in (Fusion, fused)]


def array(*shape):
    return random.normal(size=shape)


def test_a_batch_is_a_loop():
    before, after = loops_of(lambda x: np.tanh(x) * x, array(16, 40, 30))
    assert before == [(40, 30)]
    assert after == [(16, 40, 30)]


def test_an_axis_within_another_stays_written_out():
    before, after = loops_of(lambda x: np.tanh(x) * x, array(1000, 12))
    assert before == after == [(1000,)]


def test_few_coordinates_stay_written_out():
    before, after = loops_of(lambda x: np.tanh(x) * x, array(3, 1000))
    assert before == after == [(1000,)]


NEEDED = {
    "picked": (lambda x: np.sin(x[1]) * x[5] + x[7], lambda: (np.tanh(array(8, 1000)),)),
    "summed": (lambda x: np.sum(np.tanh(x), axis=0), lambda: (array(8, 1000),)),
    "stacked": (lambda x, y: np.stack([x * y + k for k in range(8)]) ** 2, lambda: (array(1000), array(1000))),
    "a product": (lambda x, y: np.tanh(x) @ np.sin(y), lambda: (array(5, 6), array(6, 1000))),
}


@pytest.mark.parametrize("case", NEEDED)
def test_what_is_needed_place_by_place_stays_written_out(case):
    f, args = NEEDED[case]
    before, after = loops_of(f, *args())
    assert before == after


def test_places_that_are_picked_out_of_a_result_keep_all_written_out_that_leads_to_it():
    def f(x):
        y = np.tanh(x)
        return y[0] + y[3] * y[7]

    before, after = loops_of(f, array(8, 1000))
    assert before == after == [(1000,)]


def test_long_code_is_rolled_though_no_loop_is_inside():
    def f(x):
        for _ in range(15):
            x = 0.5 * x + 1.5 / (1.0 + x * x)
        return x

    before, after = loops_of(f, array(500, 12))
    assert before == [(500,)]
    assert after == [(500, 12)]


def test_layers_of_a_network_keep_their_products():
    def f(w, v, x):
        return np.mean(np.tanh(np.tanh(x @ w) @ v) ** 2)

    before, after = loops_of(f, array(5, 12), array(12, 4), array(300, 5))
    assert before == after


CASES = {
    "batch": (lambda x: np.sum(np.tanh(x) * x), lambda: (array(16, 30, 20),)),
    "normalized": (
        lambda x: np.sum(np.cos((x - np.mean(x, -1, keepdims=True)) / np.std(x, -1, keepdims=True))),
        lambda: (array(12, 5, 64),),
    ),
    "softmax": (
        lambda x: np.sum(np.sin(np.exp(x) / np.sum(np.exp(x), -1, keepdims=True))),
        lambda: (array(16, 4, 20, 20),),
    ),
    "sum over the batch": (lambda x, w: np.sum(np.sum(np.exp(x * w), axis=0) ** 2), lambda: (array(16, 40), array(40))),
    "shared": (lambda x, w: np.sum(np.sin(x + w) * w), lambda: (array(16, 40, 30), array(40, 30))),
    "all short": (lambda x, y: np.sum(np.sin(x) @ np.cos(y)), lambda: (array(4, 8, 16), array(16, 16))),
    "pieces": (
        lambda x: np.sum(np.sin(x[:, 1:, :-1] * x[:, :-1, 1:]) + np.maximum(x[:, 1:, 1:], 0.1)),
        lambda: (array(9, 14, 28),),
    ),
    "heads": (
        lambda x: np.sum(np.sin(np.swapaxes(np.reshape(np.tanh(x), (4, 8, 4, 6)), 1, 2)) ** 2),
        lambda: (array(4, 8, 24),),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_results_and_gradients_are_those_of_numpy(case):
    f, args = CASES[case]
    x = args()
    (value, slope), (known, expected) = wg.jit(wg.value_and_grad(f))(*x), wg.value_and_grad(f)(*x)
    np.testing.assert_allclose(value, known, rtol=1e-12)
    np.testing.assert_allclose(slope, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_regions_hold_every_operation_once(seed):
    program = Program(seed, steps=8)
    with np.errstate(all="ignore"):
        nodes = Normal(wg.trace(program)(*program.args).simplify()).nodes
    one, other = Fusion(nodes), fused(nodes)
    assert {id(n) for r in one.regions for n in r.nodes} == {id(n) for r in other.regions for n in r.nodes}
    assert sum(len(r.nodes) for r in other.regions) == len({id(n) for r in other.regions for n in r.nodes})
