"""System C, the textbook's appendix *Autodiff*: by hand, by differences, forward, by dual numbers, reverse."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg


def near(expected):
    return pytest.approx(expected, rel=1e-12, abs=0)


def f(x, y):
    return x**2 * y + y + 2


def test_the_value_and_both_partials():
    assert wg.value_and_grad(f, argnums=(0, 1))(3, 4) == (42, (24, 10))


def test_the_difference_quotient_has_the_figures_of_the_book():
    quotient = wg.finite_difference(f, argnums=(0, 1), scheme="forward", step=1e-5)
    assert quotient(3.0, 4.0) == (24.000039999805264, 10.000000000331966)


# Forward mode as a graph ----------------------------------------------------------------------------------------------


def g(x, y):
    return 5 + x * y


def test_the_derivative_of_a_graph_is_pruned_to_the_single_node_y():
    derivative = wg.trace(g)(3.0, 4.0).derivative()
    assert len(derivative) == 0
    assert derivative.outputs == [derivative.inputs[1]]
    assert derivative.outputs[0].name == "y"


def test_forward_mode_on_the_graph_is_pruned_to_the_single_node_y():
    graph = wg.trace(lambda x, y: wg.jvp(g, (x, y), (1.0, 0.0))[1])(3.0, 4.0).simplify(algebra=True)
    assert graph.outputs == [graph.inputs[1]]


def test_the_unpruned_derivative_of_the_book_is_pruned_to_the_single_node_y():
    graph = wg.trace(lambda x, y: 0 + (0 * x + y * 1))(3.0, 4.0)
    assert [node.operation for node in graph.operations] == ["multiply", "multiply", "add", "add"]
    pruned = graph.simplify(algebra=True)
    assert len(pruned) == 0
    assert [node.name for node in pruned.outputs] == ["y"]


def test_the_derivative_is_a_graph_that_can_be_evaluated_at_any_point():
    derivative = wg.trace(f)(3.0, 4.0).derivative()
    assert isinstance(derivative, wg.Graph)
    for x, y in [(3.0, 4.0), (0.0, 1.0), (-2.5, 7.0)]:
        assert derivative(x, y) == near(2 * x * y)


def test_the_derivative_graph_is_differentiated_again_for_second_and_third_order():
    graph = wg.trace(lambda x, y: x**4 * y + y)(3.0, 4.0)
    first, second = graph.derivative(), graph.derivative().derivative()
    third = second.derivative()
    assert (first(3.0, 4.0), second(3.0, 4.0), third(3.0, 4.0)) == near((432, 432, 288))
    assert (first(1.0, 2.0), second(1.0, 2.0), third(1.0, 2.0)) == near((8, 24, 48))


def test_all_second_partials_of_the_example():
    assert wg.hessian(f, argnums=(0, 1))(3.0, 4.0) == ((8, 6), (6, 0))
    graph = wg.trace(f)(3.0, 4.0)
    assert graph.derivative(0).derivative(1)(3.0, 4.0) == 6
    assert graph.derivative(0).derivative(0).derivative(1)(3.0, 4.0) == 2
    assert graph.derivative(0).derivative(0).derivative(0)(3.0, 4.0) == 0


# Dual numbers ---------------------------------------------------------------------------------------------------------


def parts(dual):
    return dual.value, dual.tangent


def test_a_number_times_a_dual_number():
    assert parts(3 * wg.Dual(2, 5)) == (6, 15)
    assert parts(wg.Dual(2, 5) * 3) == (6, 15)


def test_the_sum_and_the_product_of_dual_numbers():
    (a, b), (c, d) = (2.0, 5.0), (-3.0, 7.0)
    assert parts(wg.Dual(a, b) + wg.Dual(c, d)) == (a + c, b + d)
    assert parts(wg.Dual(a, b) * wg.Dual(c, d)) == (a * c, a * d + b * c)


@pytest.mark.parametrize("h", [np.sin, np.exp, np.log, np.sqrt, np.tanh, lambda x: x**3, lambda x: 1 / (x + 2)])
def test_a_function_of_a_dual_number_is_its_value_and_its_slope(h):
    a, b = 1.3, -0.7
    assert parts(h(wg.Dual(a, b))) == (near(h(a)), near(b * wg.grad(h)(a)))


def test_the_dual_number_of_the_example():
    assert repr(f(wg.Dual(3, 1), 4)) == "42.0 + 24.0ε"
    assert repr(f(3, wg.Dual(4, 1))) == "42.0 + 10.0ε"


# Reverse mode ---------------------------------------------------------------------------------------------------------


def test_the_seven_numbered_nodes():
    def seven(n1, n2, n3):
        n4 = n1 * n1
        n5 = n4 * n2
        n6 = n2 + n3
        n7 = n5 + n6
        return n7

    rows = {row.label: row for row in wg.explain(seven)(3, 4, 2).table}
    values = {name: row.value for name, row in rows.items()}
    slopes = {name: row.adjoint for name, row in rows.items()}
    assert values == {"n1": 3, "n2": 4, "n3": 2, "n4": 9, "n5": 36, "n6": 6, "n7": 42}
    assert slopes == {"n7": 1, "n6": 1, "n5": 1, "n4": 4, "n3": 1, "n2": 10, "n1": 24}


def test_two_passes_give_all_partials():
    calls = 0

    def counted(x, y):
        nonlocal calls
        calls += 1
        return f(x, y)

    value, pull = wg.vjp(counted, 3, 4)  # forwards
    assert (value, pull(1.0)) == (42, (24, 10))  # backwards
    assert calls == 1
    assert wg.explain(f)(3, 4).counts.reverse < wg.explain(f)(3, 4).counts.forward


# Dynamic graphs -------------------------------------------------------------------------------------------------------


def collatz(x):
    """A loop and a branch that depend on the value."""
    steps = 0
    while x > 1:
        x = x / 2 if steps % 2 == 0 else 3 * x - 4
        steps += 1
        if steps == 6:
            break
    return x


@pytest.mark.parametrize("x", [0.5, 1.5, 3.0, 40.0])
def test_loops_and_branches_of_python_just_work(x):
    slope = wg.finite_difference(collatz)(x)
    assert wg.grad(collatz)(x) == pytest.approx(slope, rel=1e-8)
    assert wg.jvp(collatz, (x,), (1.0,))[1] == pytest.approx(slope, rel=1e-8)
    variable = wg.Variable(x)
    collatz(variable).backward()
    assert variable.grad == pytest.approx(slope, rel=1e-8)


def test_the_graph_is_rebuilt_at_each_run():
    def power(x, n):
        y = 1.0
        for _ in range(n):
            y = y * x
        return y

    assert [wg.grad(lambda x, n=n: power(x, n))(2.0) for n in range(5)] == [0, 1, 4, 12, 32]
    assert [len(wg.trace(lambda x, n=n: power(x, n))(2.0)) for n in range(5)] == [0, 1, 2, 3, 4]


def test_a_branch_is_recorded_with_its_condition_and_line():
    def branch(x):
        if x > 0:
            return x**2
        return -x

    explanation = wg.explain(branch)(3)
    assert len(explanation.assumptions) == 1
    assert "assumes v0 > 0" in explanation.assumptions[0]
    assert "test_textbook.py" in explanation.assumptions[0]
    graph = wg.trace(branch)(3.0)
    assert graph(5.0) == 25
    with pytest.raises(wg.GuardError, match="another branch"):
        graph(-1.0)
    assert (wg.grad(branch)(3.0), wg.grad(branch)(-1.0)) == (6, -1)


@pytest.mark.parametrize(
    ("h", "x", "slope"),
    [
        (np.abs, 2.0, 1),
        (np.abs, -2.0, -1),
        (wg.relu, 3.0, 1),
        (wg.relu, -3.0, 0),
        (lambda x: np.maximum(x, x**2), 0.5, 1),
        (lambda x: np.maximum(x, x**2), 2.0, 4),
        (np.floor, 1.5, 0),
        (lambda x: np.where(x > 1, 1 / x, x), 4.0, -1 / 16),
    ],
)
def test_functions_that_are_not_differentiable_everywhere_work_where_they_are(h, x, slope):
    assert wg.grad(h)(x) == slope
    assert wg.jvp(h, (x,), (1.0,))[1] == slope


# The check on every other method --------------------------------------------------------------------------------------


def test_a_gradient_check_is_part_of_the_library():
    wg.check_grads(f, (3.0, 4.0), order=3)
    wrong = wg.primitive(np.sin, lambda z, x: np.cos(x) * 1.001, name="wrong")
    with pytest.raises(wg.GradientError, match="disagree"):
        wg.check_grads(wrong, (0.5,), order=1)
