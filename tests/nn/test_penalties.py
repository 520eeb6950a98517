"""Penalties count parameters, in both styles, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError
from wengert.nn.module import Buffer, Module, Parameter
from wengert.nn.penalties import l1_penalty, l2_penalty


class Scaled(Module):
    weight: Parameter
    mean: Buffer

    def __init__(self):
        self.weight = np.array([1.0, -2.0, 0.0])
        self.mean = np.array([100.0])


def test_of_a_tree():
    tree = {"w": np.array([1.0, -2.0, 0.0]), "b": [3.0, None]}
    assert l1_penalty(tree) == 6.0
    assert l2_penalty(tree, 0.5) == 7.0
    assert np.array_equal(wg.grad(l1_penalty)(tree)["w"], [1, -1, 0])
    assert wg.jit(wg.grad(l2_penalty))(tree)["b"][0] == 6.0
    assert l1_penalty({}) == l2_penalty([]) == 0.0
    assert l2_penalty([np.float32([2.0])]).dtype == np.float32


def test_of_complex_numbers():
    assert l1_penalty(3 + 4j) == 5.0
    assert l2_penalty(np.array([3 + 4j])) == 25.0
    assert np.array_equal(wg.grad(l2_penalty)(np.array([3 + 4j])), [6 + 8j])


def test_buffers_of_modules_do_not_count():
    model = Scaled()
    assert float(l1_penalty(model).data) == 3.0
    gradient = wg.grad(l2_penalty)(model)
    assert np.array_equal(gradient.weight, [2, -4, 0])
    assert np.array_equal(gradient.mean, [0])
    assert l2_penalty({"model": gradient, "scale": 2.0}) == 24.0


def test_in_the_style_of_the_tape_the_parameters_get_their_gradients():
    model = Scaled()
    l2_penalty(model, 0.5).backward()
    assert np.array_equal(model.weight.grad, [1, -2, 0])
    one = wg.Variable(-3.0)
    (l1_penalty([one]) + l2_penalty((one,))).backward()
    assert one.grad == -7.0


def test_what_is_no_number_is_refused():
    with pytest.raises(ArgumentError, match="l1_penalty was given a str"):
        l1_penalty({"w": "a"})
