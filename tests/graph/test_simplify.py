"""Simplification changes the graph and never the function: each law alone, and all of them together."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.graph.graph import Graph
from wengert.graph.verify import verify
from wengert.ops.special import stop_gradient

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

A = np.array([[2.0, 1.0, 0.5], [0.5, -3.0, 1.0], [0.0, 1.0, 4.0]])


def simplified(graph: Graph, algebra: bool = False) -> Graph:
    """The simplified graph, after what must hold of each: well formed, the old one as it was, nothing left to do."""
    before = [(id(n), n.primitive, n.args, n.aval, id(n.value)) for n in graph.nodes]
    result = graph.simplify(algebra)
    assert before == [(id(n), n.primitive, n.args, n.aval, id(n.value)) for n in graph.nodes]
    assert not {id(n) for n in result.nodes} & {id(n) for n in graph.nodes}
    verify(graph)
    verify(result)
    assert len(result) <= len(graph)
    assert [n.name for n in result.inputs] == [n.name for n in graph.inputs]
    assert [n.aval for n in result.outputs] == [n.aval for n in graph.outputs]
    again = result.simplify(algebra)
    assert described(again) == described(result)
    return result


def described(graph: Graph) -> list[tuple[str, list[int]]]:
    place = {id(node): i for i, node in enumerate(graph.nodes)}
    return [(node.operation, [place[id(arg)] for arg in node.args]) for node in graph.nodes]


def names(graph: Graph) -> list[str]:
    return [node.operation for node in graph.operations]


def test_the_books_example_is_pruned_to_its_input():
    graph = wg.trace(lambda x, y: 0 + (0 * x + y * 1))(3.0, 4.0)
    pruned = simplified(graph, algebra=True)
    assert pruned.outputs == [pruned.inputs[1]]
    assert len(pruned) == 0
    assert pruned(5.0, 6.0) == 6.0
    assert names(simplified(graph)) == ["multiply", "add", "add"]  # x may be infinite, and both sides −0


def test_it_is_so_for_arrays():
    graph = wg.trace(lambda x, y: 0 + (0 * x + y * np.ones(3)))(np.ones(3), np.arange(3.0))
    assert simplified(graph, algebra=True).outputs[0].name == "y"


def test_a_step_next_to_a_constant_that_is_python_or_numpy():
    assert len(simplified(wg.trace(lambda x: 1.0 * x)(2.0))) == 0
    assert len(simplified(wg.trace(lambda x: np.float64(1) * x)(np.float64(2)))) == 0
    # Here it makes NumPy's number of Python's, which counts next to float32:
    assert len(simplified(wg.trace(lambda x: np.float64(1) * x)(2.0))) == 1
    graph = wg.trace(lambda x, y: (np.float64(1) * x) * y)(1e-9, np.ones(2, np.float32))
    assert len(simplified(graph)) == 2
    graph = wg.trace(lambda x, y, z: (np.float64(1) * x) * (np.float64(1) * y) * z)(1e-9, 3.0, np.ones(2, np.float32))
    assert simplified(graph)(1e-9, 3.0, np.ones(2, np.float32)).dtype == np.float64
    graph = wg.trace(lambda x, y: (np.float64(1) * x) > y)(0.1, np.float32([0.1]))
    assert len(simplified(graph)) == 2
    assert graph(0.1, np.float32([0.1])) == simplified(graph)(0.1, np.float32([0.1]))


def test_the_derivative_of_a_formula_holds_no_neutral_step():
    graph = simplified(wg.trace(wg.grad(lambda x, y: x * np.sin(y) + y / x, (0, 1)))(3.0, 5.0))
    constants = [node.value for node in graph.nodes if node.is_constant]
    assert constants == [1]  # of 1/x
    assert graph(2.0, 0.5) == pytest.approx((np.sin(0.5) - 0.5 / 4, 2 * np.cos(0.5) + 1 / 2), rel=1e-15)


def test_constants_are_computed_once():
    graph = wg.trace(lambda x: (0 * x + 2.0) ** 3 * np.array([1.0, 2.0]) + x)(5.0)
    result = simplified(graph, algebra=True)
    assert names(result) == ["add"]
    assert result(1.0).tolist() == [9.0, 17.0]
    assert [node.value.flags.writeable for node in result.nodes if node.is_constant] == [False]


def test_constants_that_are_not_numbers_are_computed_as_numpy_does():
    def f(x):
        zero = np.zeros(2) * (x**0)
        return np.log(zero) + np.sqrt(zero - 1) + x

    result = simplified(wg.trace(f)(5.0))
    assert names(result) == ["add"]
    assert np.isnan(result(1.0)).all()


def test_a_constant_is_not_computed_where_it_would_be_huge():
    graph = wg.trace(lambda x: np.broadcast_to(x**0, (1000, 1000)) + x)(5.0)
    result = simplified(graph)
    assert names(result) == ["broadcast_to", "add"]
    assert all(np.size(node.value) == 1 for node in result.nodes if node.is_constant)


def test_several_constant_results():
    graph = wg.trace(lambda x: np.linalg.slogdet(A * x**0)[1] + x)(1.0)
    result = simplified(graph)
    assert names(result) == ["add"]
    assert result(2.0) == np.linalg.slogdet(A)[1] + 2


def test_what_would_raise_stays_and_raises():
    singular = np.zeros((2, 2))
    graph = wg.trace(lambda x: np.linalg.det(singular * x**0) + x)(1.0)
    graph.nodes[-2].primitive = wg.trace(np.linalg.inv)(A).outputs[0].primitive  # inv in place of det
    result = graph.simplify()
    assert "inv" in names(result)


def test_common_parts_are_shared():
    def f(x, y):
        return np.sin(x * y) + np.sin(y * x) + np.sum(A[0] * x) + np.sum(A[0].copy() * x)

    result = simplified(wg.trace(f)(2.0, 3.0))
    assert sorted(names(result)) == sorted(["multiply", "sin", "add", "multiply", "sum", "add", "add"])
    assert sum(node.is_constant for node in result.nodes) == 1
    assert result(4.0, 5.0) == f(4.0, 5.0)


def test_the_place_counts_where_it_counts():
    result = simplified(wg.trace(lambda x, y: (x - y) * (y - x) + np.maximum(x, y) + np.maximum(y, x))(1.0, 2.0))
    assert names(result).count("subtract") == 2
    assert names(result).count("maximum") == 2  # max(0, −0) is not max(−0, 0)


@pytest.mark.parametrize(
    ("f", "distinct"),
    [
        (lambda x: x[1:] + x[:-1], 2),
        (lambda x: x[1:] + x[1:3] + x[np.array([1, 2])], 3),
        (lambda x: x[1:] * x[1:], 1),
        (lambda x: x[np.array([0, 1])] + x[np.array([0, 1])] + x[np.array([1, 0])], 2),
    ],
)
def test_parameters_tell_operations_apart(f, distinct):
    x = np.array([1.0, 2.0, 3.0])
    result = simplified(wg.trace(f)(x))
    assert names(result).count("getitem") == distinct
    assert np.array_equal(result(x), f(x))


def test_constants_are_told_apart_by_their_bits():
    values = [0.0, -0.0, 1, 1.0, True, np.float32(1), np.float64(1), np.nan, np.array([0.0]), np.array([-0.0])]
    graph = wg.trace(lambda x: [np.arctan2(x, v) for v in values + values])(2.0)
    result = simplified(graph)
    assert sum(node.is_constant for node in result.nodes) == len(values)
    for got, v in zip(result(3.0), values + values, strict=True):
        assert np.array_equal(got, np.arctan2(3.0, v), equal_nan=True)


def test_large_constants_are_one_where_they_are_one_array():
    large = np.arange(10_000.0)
    other = large + 0
    graph = wg.trace(lambda x: [x * large[:5000], x * large[5000:], x * large, x * large, x * other])(2.0)
    result = simplified(graph)
    assert names(result).count("multiply") == 4
    for got, expected in zip(result(3.0), graph(3.0), strict=True):
        assert np.array_equal(got, expected)


def test_shared_steps_keep_the_first_line():
    def f(x):
        first = np.sin(x)
        second = np.sin(x)
        return first * second

    graph = wg.trace(f)(1.0)
    sines = [node.location.line for node in graph.operations if node.operation == "sin"]
    (sine,) = [node for node in simplified(graph).operations if node.operation == "sin"]
    assert sine.location.line == sines[0] < sines[1]


def test_dead_steps_go_and_guarded_ones_stay():
    def f(x):
        np.exp(x)
        if np.sin(x) > 0:
            return x * x
        return x

    graph = simplified(wg.trace(f)(1.0))
    assert names(graph) == ["sin", "greater", "multiply"]
    assert graph(2.0) == 4.0
    with pytest.raises(wg.GuardError):
        graph(-1.0)


def test_a_guard_that_always_holds_goes():
    def f(x):
        if x**0 > 0.5:
            return x * x
        return x

    graph = wg.trace(f)(1.0)
    assert len(graph.guards) == 1
    result = simplified(graph)
    assert result.guards == []
    assert names(result) == ["multiply"]


def test_a_guard_that_cannot_hold_stays():
    graph = wg.trace(lambda x: x if x**0 > 0.5 else -x)(1.0)
    graph.guards[0] = graph.guards[0]._replace(outcome=False)
    with pytest.raises(wg.GuardError):
        simplified(graph)(1.0)


def test_the_same_guard_twice_is_one():
    def f(x):
        return (x if x > 0 else -x) * (x if x > 0 else -x)

    assert len(simplified(wg.trace(f)(1.0)).guards) == 1


def test_inputs_stay_where_they_are_not_used():
    result = simplified(wg.trace(lambda x, y: 2.0)(1.0, np.ones(3)))
    assert [node.name for node in result.inputs] == ["x", "y"]
    assert result(3.0, np.zeros(3)) == 2.0


def test_arguments_structure_and_name_stay():
    def energy(state):
        return {"total": state["x"] * 1.0 + state["v"] ** 1}

    graph = wg.trace(energy)({"x": 1.0, "v": 2.0})
    result = simplified(graph)
    assert (result.name, result.arguments) == ("energy", graph.arguments)
    assert result({"x": 3.0, "v": 4.0}) == {"total": 7.0}


def test_stop_gradient_stays():
    graph = simplified(wg.trace(lambda x: x * stop_gradient(stop_gradient(x)))(3.0))
    assert names(graph) == ["stop_gradient", "multiply"]
    assert wg.grad(graph)(5.0) == 5.0


def test_several_results_of_one_operation():
    def f(a):
        return np.linalg.slogdet(a)[1] + np.linalg.slogdet(a)[1]

    result = simplified(wg.trace(f)(A))
    assert names(result) == ["slogdet", "add"]
    assert result(2 * A) == f(2 * A)


def test_what_an_outer_derivative_follows_is_no_number():
    def f(x):
        graph = wg.trace(lambda y: (x * y + x) * 1)(2.0)
        return simplified(graph)(3.0)

    assert wg.grad(f)(5.0) == 4.0

    def g(x):
        graph = simplified(wg.trace(lambda y: np.sin(y**0 * 2 * x) + y)(2.0))
        assert names(graph) == ["multiply", "sin", "add"]
        return graph(3.0)

    assert wg.grad(g)(5.0) == 2 * np.cos(10.0)


def test_a_simplified_graph_has_the_same_derivatives():
    def f(x):
        h = np.tanh(A @ (x * 1.0)) - (-x)
        return np.sum(h**2 / (1 + h * h)) + np.max(x[:] + 0) * np.prod(x.T.T)

    graph = wg.trace(f)(np.array([0.3, -0.2, 0.7]))
    x = np.array([0.1, 0.5, -0.4])
    for algebra in (False, True):
        assert np.allclose(wg.grad(simplified(graph, algebra))(x), wg.grad(f)(x), rtol=1e-14, atol=0)
        assert np.allclose(wg.hessian(simplified(graph, algebra))(x), wg.hessian(f)(x), rtol=1e-12, atol=1e-14)


# Expression swell ----------------------------------------------------------------------------------------------------


def logistic(n):
    def f(x):
        for _ in range(n - 1):
            x = 4 * x * (1 - x)
        return x

    return f


def test_the_derivative_of_the_logistic_map_grows_linearly():
    counts = [len(simplified(wg.trace(wg.grad(logistic(n)))(0.3))) for n in range(2, 31)]
    assert len(set(np.diff(counts))) == 1
    assert counts[-1] < 8 * 30


def test_and_so_does_its_second_derivative():
    counts = [len(simplified(wg.trace(wg.grad(wg.grad(logistic(n))))(0.3))) for n in range(4, 16)]
    assert len(set(np.diff(counts))) == 1


def test_cost_is_linear_without_recursion():
    def chain(steps):
        def f(x):
            y = x
            for _ in range(steps // 2):
                y = y + y * 1e-5
            return y

        return wg.trace(f)(1.0)

    graph = chain(20_000)
    result = graph.simplify()
    assert len(result) == 20_000
    negations = wg.trace(lambda x: [x := -x for _ in range(1001)][-1])(1.0)
    assert len(negations) == 1001
    assert names(negations.simplify()) == ["negative"]


def test_a_graph_without_a_value_in_common_still_shares_nothing():
    graph = wg.trace(lambda x: [np.sin(x), np.cos(x)])(1.0)
    assert described(simplified(graph)) == described(graph)
