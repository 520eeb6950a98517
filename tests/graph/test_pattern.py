"""Patterns find what they say, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.primitive import Primitive
from wengert.core.rule import Partial
from wengert.graph.pattern import Literal, Operation, Rewrite, Variable, fill_of, operation

x, y, a = Variable("x"), Variable("y"), Variable("a", real=False)
where, sin = operation("where"), operation("sin")


def root(f, *args):
    return wg.trace(f)(*args).outputs[0]


def found(pattern, node):
    return next(Rewrite(pattern, x, "").matches(node), None)


def test_operators_build_the_operations_of_their_names():
    binary = ["add", "subtract", "multiply", "divide", "power"]
    assert [p.name for p in (x + y, x - y, x * y, x / y, x**y)] == binary
    assert [p.name for p in (2 + x, 2 - x, 2 * x, 2 / x, 2**x)] == binary
    assert [p.name for p in (-x, +x, abs(x))] == ["negative", "positive", "absolute"]
    assert (2 - x).args == (Literal(2), x)


def test_variables_stand_for_the_arguments():
    node = root(lambda u, v: np.sin(u) - v, 1.0, 2.0)
    match = found(x - y, node)
    assert match["x"].operation == "sin"
    assert match["y"].name == "v"
    assert found(sin(x) - y, node)["x"].name == "u"
    assert found(x - sin(y), node) is None
    assert found(x + y, node) is None


def test_a_letter_that_stands_twice_is_one_node():
    assert found(x - x, root(lambda u: u - u, 1.0)) is not None
    assert found(x - x, root(lambda u, v: u - v, 1.0, 1.0)) is None
    assert found(x - y, root(lambda u: u - u, 1.0)) is not None


@pytest.mark.parametrize("f", [lambda u: 2 * np.sin(u), lambda u: np.sin(u) * 2])
def test_arguments_of_a_product_may_change_places(f):
    assert found(2 * sin(x), root(f, 1.0)) is not None
    assert found(sin(x) * 2, root(f, 1.0)) is not None


def test_so_they_may_inside_of_another_operation():
    node = root(lambda u, v: (v + 2 * np.sin(u)) * np.sin(v), 1.0, 2.0)
    assert found(sin(y) * (sin(x) * 2 + y), node) is not None
    assert found(sin(y) * (sin(y) * 2 + x), node) is None


def test_arguments_of_a_quotient_may_not():
    assert found(x / 2, root(lambda u: 2 / u, 1.0)) is None
    assert found(x / 2, root(lambda u: u / 2, 1.0)) is not None


@pytest.mark.parametrize("constant", [2, 2.0, np.float32(2), np.array(2.0), np.full((3, 2), 2.0), np.array([2, 2])])
def test_a_literal_is_a_number_or_an_array_filled_with_it(constant):
    node = root(lambda u: u * constant, np.ones(2))
    assert found(2 * x, node) is not None
    assert found(3 * x, node) is None


@pytest.mark.parametrize("constant", [np.array([2.0, 2.0, 1.0]), np.array([2.0, 1.0, 2.0]), np.nan, np.full(3, np.nan)])
def test_other_constants_are_no_literal(constant):
    assert found(2 * x, root(lambda u: u * constant, np.ones(3))) is None


def test_an_input_is_no_literal():
    assert found(2 * x, root(lambda u, v: u * v, 1.0, 2.0)) is None


@pytest.mark.parametrize("shape", [(), (2,)])
def test_zeros_of_either_sign_are_told_apart(shape):
    for zero, positive, negative in ((0.0, True, False), (-0.0, False, True)):
        constant = np.full(shape, zero)
        node = root(lambda u, z=constant: u + z, 1.0)
        assert (found(x + 0.0, node) is not None) is positive
        assert (found(x + -0.0, node) is not None) is negative
        assert found(x + 0, node) is not None


def test_zeros_of_both_signs_are_neither():
    node = root(lambda u: u + np.array([0.0, -0.0]), 1.0)
    assert [found(p, node) for p in (x + 0, x + 0.0, x + -0.0)] == [None, None, None]


def test_real_variables_are_no_integers_and_no_truth_values():
    positions = root(lambda u: np.argmax(u) + 1, np.ones(2))
    assert positions.aval.dtype.kind == "i"
    assert found(1 + x, positions) is None
    assert found(1 + a, positions) is not None


def test_another_primitive_of_the_same_name_is_not_meant():
    impostor = Primitive("sin", lambda u: u + 1, [Partial(lambda z, u: 1.0)])
    assert found(sin(x), root(lambda u: impostor(u), 1.0)) is None
    assert found(sin(x), root(lambda u: np.sin(u), 1.0)) is not None


def test_the_number_of_arguments_counts():
    concatenate = operation("concatenate")
    assert found(concatenate(a), root(lambda u: np.concatenate([u]), np.ones(2))) is not None
    assert found(concatenate(a), root(lambda u: np.concatenate([u, u]), np.ones(2))) is None


def test_a_condition_is_asked():
    node = root(lambda u: u.T, np.ones((2, 2)))
    law = Rewrite(operation("transpose")(a), a, "", when=lambda node: node.params["axes"] == (0, 1))
    assert list(law.matches(node)) == []


def test_every_order_is_found_once():
    assert len(Rewrite(x * x, x, "").orders) == 1
    assert len(Rewrite(x * y, x, "").orders) == 2
    assert len(Rewrite((x + 1) * (y + 2), x, "").orders) == 8


@pytest.mark.parametrize(
    ("value", "fill"),
    [(3, 3), (True, True), (2.5, 2.5), (np.full(3, 7.0), 7.0), (np.arange(3), None), (np.ones(0), None), (1j, None)],
)
def test_what_a_constant_is_filled_with(value, fill):
    assert fill_of(np.asarray(value) if isinstance(value, complex) else value) == fill


def test_a_pattern_is_a_value():
    assert x * y == Operation("multiply", (Variable("x"), Variable("y")))
    assert hash(x + 1) == hash(x + 1)
