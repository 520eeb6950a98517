"""Recording: the graph is what the program did, runs again on other values, and refuses where it would be wrong."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import wengert as wg
from wengert.graph.verify import verify

X = np.array([1.0, -2.0, 3.0])


def line_of(function, text: str) -> int:
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


def operations(graph) -> list[str]:
    verify(graph)
    return [node.operation for node in graph.operations]


def test_the_steps_are_those_of_the_program_in_their_order():
    graph = wg.trace(lambda x, y: x * y + np.sin(y))(3.0, 5.0)
    assert operations(graph) == ["multiply", "sin", "add"]
    assert len(graph) == 3


def test_inputs_are_named_after_the_parameters():
    def f(theta, *rest):
        return theta + rest[0] * rest[1]

    assert [node.name for node in wg.trace(f)(1.0, 2.0, 3.0).inputs] == ["theta", "rest0", "rest1"]
    assert [node.name for node in wg.trace(np.sin)(1.0).inputs] == ["x"]


def test_inputs_of_a_pytree_are_named_by_their_paths():
    def f(params):
        return params["w"][0] * params["w"][1] + params["b"]

    graph = wg.trace(f)({"w": [2.0, 3.0], "b": 4.0})
    assert sorted(node.name for node in graph.inputs) == ["params['b']", "params['w'][0]", "params['w'][1]"]
    assert graph({"w": [5.0, 6.0], "b": 7.0}) == 37.0


def test_the_result_has_the_structure_that_the_function_returned():
    graph = wg.trace(lambda x: {"sum": x.sum(), "parts": (x[0], [x[1]])})(X)
    again = graph(np.array([10.0, 20.0, 30.0]))
    assert again == {"sum": 60.0, "parts": (10.0, [20.0])}


def test_a_graph_runs_again_on_other_values():
    def f(x, y):
        return np.sum(np.exp(-x * x) @ y) / np.max(y)

    rng = np.random.default_rng(0)
    graph = wg.trace(f)(rng.normal(size=(2, 3)), rng.normal(size=(3, 2)))
    for _ in range(3):
        x, y = rng.normal(size=(2, 3)), rng.normal(size=(3, 2))
        assert graph(x, y) == f(x, y)


def test_keyword_arguments_are_handed_through_and_stay():
    graph = wg.trace(lambda x, *, power: x**power)(3.0, power=2)
    assert [node.name for node in graph.inputs] == ["x"]
    assert graph(4.0) == 16.0


def test_numbers_of_every_kind_become_real_inputs():
    graph = wg.trace(lambda n, k: n * k)(3, np.array([1, 2]))
    assert [node.aval.dtype for node in graph.inputs] == [np.float64, np.float64]
    assert wg.trace(lambda x: x * 2)(np.float32(1)).outputs[0].aval.dtype == np.float32


def test_each_step_knows_the_users_line():
    def f(x):
        y = x * x
        return np.tanh(y)

    graph = wg.trace(f)(2.0)
    assert [node.location.line for node in graph.operations] == [line_of(f, "x * x"), line_of(f, "tanh")]


def test_a_branch_leaves_a_guard_with_its_outcome_and_line():
    def f(x):
        if x > 0:
            return x * 2
        return -x

    graph = wg.trace(f)(3.0)
    verify(graph)
    (guard,) = graph.guards
    assert (guard.node.operation, guard.outcome) == ("greater", True)
    assert guard.location.line == line_of(f, "if x > 0")
    assert graph(5.0) == 10.0
    with pytest.raises(wg.GuardError, match=rf"another branch.*\n.*:{guard.location.line}: if x > 0"):
        graph(-5.0)


def test_a_traced_number_of_steps_is_a_guard():
    def f(x):
        y = x
        for _ in range(np.argmax(x)):
            y = y * 2
        return y

    graph = wg.trace(f)(X)
    assert [guard.outcome for guard in graph.guards] == [2]
    assert np.array_equal(graph(np.array([0.0, 1.0, 5.0])), [0.0, 4.0, 20.0])
    with pytest.raises(wg.GuardError):
        graph(np.array([9.0, 1.0, 5.0]))


def test_other_shapes_and_structures_are_refused():
    graph = wg.trace(lambda x: np.sum(x))(X)
    with pytest.raises(wg.ShapeError, match=r"shape \(3,\)"):
        graph(np.ones(4))
    with pytest.raises(wg.ShapeError, match="structure"):
        graph(X, X)
    with pytest.raises(wg.ShapeError, match="structure"):
        graph([1.0, 2.0])


@pytest.mark.parametrize("size", [3, 1000])
def test_a_constant_is_what_the_array_was(size):
    weights = np.ones(size)
    graph = wg.trace(lambda x: x * weights)(2.0)
    weights[:] = 7.0
    assert np.array_equal(graph(3.0), np.full(size, 3.0))


def test_a_result_belongs_to_the_caller():
    graph = wg.trace(lambda x: (x, np.ones(3)))(X)
    given = X.copy()
    for array in graph(given):
        array[:] = 7.0
    assert np.array_equal(given, X)
    assert np.array_equal(graph(X)[1], np.ones(3))


def test_a_view_of_a_constant_cannot_change_it():
    graph = wg.trace(lambda x: x[0] + np.ones(3))(X)
    (constant,) = [node for node in graph.nodes if node.is_constant and node.aval.shape]
    with pytest.raises(ValueError, match="read-only"):
        constant.value[0] = 7.0


def test_a_function_may_return_constants():
    graph = wg.trace(lambda x: (1.5, np.arange(3)))(2.0)
    value, array = graph(9.0)
    assert value == 1.5
    assert np.array_equal(array, [0, 1, 2])
    assert operations(graph) == []


@pytest.mark.parametrize("value", ["text", object()])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(wg.ArgumentError):
        wg.trace(lambda x: x)(value)
    with pytest.raises(wg.ArgumentError):
        wg.trace(lambda x: (x, value))(1.0)


@pytest.mark.parametrize("nothing", [None, (), {}])
def test_a_function_that_returns_nothing_is_refused(nothing):
    with pytest.raises(wg.ArgumentError, match="no number"):
        wg.trace(lambda x: nothing)(1.0)


def test_a_derivative_is_recorded_inside_a_trace():
    graph = wg.trace(wg.grad(lambda x: x**3))(2.0)
    verify(graph)
    assert graph(3.0) == pytest.approx(27.0, rel=1e-15)
    second = wg.trace(wg.grad(wg.grad(np.sin)))(0.5)
    assert second(0.7) == pytest.approx(-np.sin(0.7), rel=1e-15)


def test_a_graph_is_differentiated_like_a_function():
    graph = wg.trace(lambda x, y: x * np.sin(y))(3.0, 5.0)
    assert wg.grad(graph, (0, 1))(2.0, 0.5) == pytest.approx((np.sin(0.5), 2 * np.cos(0.5)), rel=1e-15)


def test_a_graph_that_is_run_while_another_is_recorded_joins_it():
    inner = wg.trace(lambda x: x * x + 1)(3.0)
    outer = wg.trace(lambda x: inner(x) * 2)(3.0)
    assert operations(outer) == ["multiply", "add", "multiply"]
    assert outer(4.0) == 34.0


def test_a_graph_recorded_inside_a_derivative_carries_it():
    def f(x):
        return wg.trace(lambda y: x * y * y)(1.0)(3.0)

    assert wg.grad(f)(2.0) == 9.0
    assert wg.grad(wg.grad(lambda x: f(x * x)))(2.0) == 18.0


def test_a_traced_constant_keeps_its_strong_zero():
    def f(x):
        graph = wg.trace(lambda y: y * np.where(x > 0, np.sqrt(x), 0.0))(1.0)
        return graph(3.0)

    assert wg.grad(f)(0.0) == 0.0


def test_a_branch_inside_a_derivative_is_a_guard_of_the_trace_outside():
    graph = wg.trace(wg.grad(lambda x: x * x if x > 0 else -x))(3.0)
    assert [guard.outcome for guard in graph.guards] == [True]
    with pytest.raises(wg.GuardError):
        graph(-3.0)


def test_an_operation_with_two_results_is_one_step():
    a = np.array([[2.0, 1.0], [0.5, -3.0]])
    graph = wg.trace(lambda a: tuple(np.linalg.slogdet(a)))(a)
    assert operations(graph) == ["slogdet"]
    assert [node.part for node in graph.outputs] == [0, 1]
    assert graph(-2 * a) == tuple(np.linalg.slogdet(-2 * a))


def test_indices_and_truth_values_are_recorded():
    graph = wg.trace(lambda x: (np.argmax(x), np.argsort(x), x > 0))(X)
    verify(graph)
    index, order, positive = graph(np.array([5.0, 7.0, -1.0]))
    assert index == 1
    assert order.tolist() == [2, 0, 1]
    assert positive.tolist() == [True, True, False]


def test_a_boolean_selection_runs_again_where_it_selects_as_many():
    graph = wg.trace(lambda x: np.mean(x[x > 0]))(X)
    verify(graph)
    assert graph(np.array([-1.0, 4.0, 8.0])) == 6.0
    with pytest.raises(wg.ShapeError, match=r"shape \(2,\) here, which is now of shape \(1,\)"):
        graph(np.array([-1.0, -4.0, 8.0]))  # the mean of one element, and not a half of it


def test_the_positions_of_a_condition_run_again_where_there_are_as_many():
    graph = wg.trace(lambda x: np.sum(x[np.nonzero(x > 0)]) / 2)(X)
    verify(graph)
    assert graph(np.array([-1.0, 4.0, 8.0])) == 6.0
    with pytest.raises(wg.ShapeError):
        graph(np.array([-1.0, -4.0, -8.0]))


def test_a_function_that_fails_says_so_at_the_users_line():
    def f(x):
        return x.item()

    with pytest.raises(wg.ConversionError, match=re.escape(f":{line_of(f, 'item')}:")):
        wg.trace(f)(3.0)


def test_a_long_loop():
    def f(x):
        y = x
        for _ in range(10_000):
            y = y + y * 1e-5
        return y

    graph = wg.trace(f)(1.0)
    assert len(graph) == 20_000
    assert graph(2.0) == f(2.0)
    verify(graph)
