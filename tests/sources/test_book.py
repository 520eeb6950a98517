"""System A, the book *Automatic differentiation for deep learning* (2022): a graph built first and run later."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

import wengert as wg


def near(expected):
    return pytest.approx(expected, rel=1e-12, abs=0)


def worked(x0, x1):
    v2 = x0 * x1
    v3 = x1 / x0
    return v2 + v3


def texts(svg):
    """What is written in a drawing."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


# The model: a graph whose nodes have inputs, one operation, a value and a gradient ------------------------------------


def test_a_graph_is_a_list_of_nodes_with_their_inputs_and_one_operation_each():
    graph = wg.trace(worked)(3, 5)
    x0, x1, v2, v3, y = graph.nodes
    assert [node.operation for node in graph.nodes] == ["input", "input", "multiply", "divide", "add"]
    assert [node.args for node in graph.nodes] == [(), (), (x0, x1), (x1, x0), (v2, v3)]
    assert (graph.inputs, graph.outputs) == ([x0, x1], [y])


def test_every_node_has_a_value_and_a_gradient():
    rows = wg.explain(worked)(3, 5).table
    assert [row.value for row in rows] == near([3, 5, 15, 5 / 3, 50 / 3])
    assert [row.adjoint for row in rows] == near([40 / 9, 10 / 3, 1, 1, 1])


def test_the_same_graph_is_run_again_with_other_leaf_values():
    graph = wg.trace(worked)(3, 5)
    assert graph(3, 5) == 16.666666666666668
    assert graph(2, 8) == 20
    assert graph(3, 5) == 16.666666666666668


def test_the_same_graph_gives_its_gradients_again_with_other_leaf_values():
    graph = wg.trace(worked)(3, 5)
    for x0, x1 in [(3, 5), (2, 8), (-1.5, 0.25)]:
        expected = x1 - x1 / x0**2, x0 + 1 / x0
        assert wg.grad(graph, argnums=(0, 1))(x0, x1) == near(expected)
        assert graph.derivative((0, 1))(x0, x1) == near(expected)


def test_values_run_from_the_leaves_to_the_root_and_gradients_from_the_root_to_the_leaves():
    explanation = wg.explain(worked)(3, 5)
    assert [row.name for row in explanation.table] == ["v0", "v1", "v2", "v3", "y"]
    assert [step.name for step in explanation.steps] == ["y", "v3", "v2", "v1", "v0"]
    assert explanation.steps[0].adjoint == 1


def test_add_multiply_and_divide_have_the_rules_of_the_book():
    x, y = 3.0, 5.0
    assert wg.grad(lambda x, y: x + y, argnums=(0, 1))(x, y) == (1, 1)
    assert wg.grad(lambda x, y: x * y, argnums=(0, 1))(x, y) == (y, x)
    assert wg.grad(lambda x, y: x / y, argnums=(0, 1))(x, y) == near((1 / y, -x / y**2))


def test_a_custom_operation_is_an_operation_like_any_other():
    swish = wg.primitive(
        lambda x: x / (1 + np.exp(-x)),
        lambda z, x: (1 + np.exp(-x) * (1 + x)) / (1 + np.exp(-x)) ** 2,
        name="swish",
        symbol="sw",
    )

    def f(x0, x1):
        return swish(x0 * x1) + x1 / swish(x0)

    def plainly(x0, x1):
        def swish(x):
            return x / (1 + np.exp(-x))

        return swish(x0 * x1) + x1 / swish(x0)

    at = 0.7, -1.2
    assert wg.value_and_grad(f, (0, 1))(*at) == tuple(map(near, wg.value_and_grad(plainly, (0, 1))(*at)))
    assert np.array(wg.hessian(f, (0, 1))(*at)) == near(np.array(wg.hessian(plainly, (0, 1))(*at)))
    assert wg.trace(f)(*at)(2.0, 3.0) == near(plainly(2.0, 3.0))
    assert texts(wg.explain(f)(*at).to_svg()).count("sw") == 2
    wg.check_grads(f, at, order=3)


def test_a_network_is_a_graph_too():
    rng = np.random.default_rng(0)
    parameters = [(rng.normal(size=(4, 3)), np.zeros(4)), (rng.normal(size=(1, 4)), np.zeros(1))]
    x, target = rng.normal(size=3), 0.5

    def loss(parameters, x):
        for weight, bias in parameters:
            x = np.tanh(weight @ x + bias)
        return np.sum((x - target) ** 2)

    graph = wg.trace(loss)(parameters, x)
    assert graph(parameters, x) == loss(parameters, x)
    gradient = wg.grad(loss)(parameters, x)
    assert [(w.shape, b.shape) for w, b in gradient] == [((4, 3), (4,)), ((1, 4), (1,))]
    wg.check_grads(loss, (parameters, x))


# By hand, forward -----------------------------------------------------------------------------------------------------

POINTS = [(3.0, 5.0), (1.0, 1.0), (-2.0, 0.5)]


@pytest.mark.parametrize("at", POINTS)
def test_the_sum_has_the_partials_1_and_1(at):
    assert wg.grad(lambda x0, x1: x0 + x1, argnums=(0, 1))(*at) == (1, 1)


@pytest.mark.parametrize("at", POINTS)
def test_the_linear_function_has_the_partials_2_and_3(at):
    assert wg.grad(lambda x0, x1: 2 * x0 + 3 * x1, argnums=(0, 1))(*at) == (2, 3)


@pytest.mark.parametrize("at", POINTS)
def test_the_quotient_has_the_partials_of_the_book(at):
    def y(x0, x1):
        return 2 * x0 / (3 * x1)

    x0, x1 = at
    expected = 2 / (3 * x1), -2 * x0 / (3 * x1**2)
    assert wg.jvp(y, at, (1.0, 0.0))[1] == near(expected[0])
    assert wg.jvp(y, at, (0.0, 1.0))[1] == near(expected[1])
    assert wg.grad(y, argnums=(0, 1))(*at) == near(expected)


def test_forward_takes_6_elementary_derivations_and_reverse_4():
    explanation = wg.explain(lambda x0, x1: 2 * x0 + 3 * x1)(3, 5)
    assert (explanation.counts.forward, explanation.counts.reverse) == (6, 4)
    assert "forward mode 6, reverse mode 4" in explanation.to_text()


# The worked graph -----------------------------------------------------------------------------------------------------


def print_of(value):
    return f"{value}"


def test_the_worked_graph_has_the_values_of_the_book():
    rows = {row.name: row for row in wg.explain(worked)(3, 5).table}
    assert (rows["v0"].value, rows["v1"].value, rows["v2"].value) == (3, 5, 15)
    assert rows["v3"].value == near(5 / 3)
    assert print_of(rows["y"].value) == "16.666666666666668"


def test_the_worked_graph_has_the_gradients_of_the_book():
    explanation = wg.explain(worked)(3, 5)
    adjoints = {step.name: step.adjoint for step in explanation.steps}
    assert (adjoints["y"], adjoints["v2"], adjoints["v3"]) == (1, 1, 1)
    assert {name: print_of(slope) for name, slope in explanation.gradient.items()} == {
        "x1": "3.3333333333333335",
        "x0": "4.444444444444445",
    }


def test_every_mode_prints_the_figures_of_the_book():
    value, (x0, x1) = wg.value_and_grad(worked, argnums=(0, 1))(3, 5)
    assert list(map(print_of, (value, x0, x1))) == ["16.666666666666668", "4.444444444444445", "3.3333333333333335"]
    forward = [wg.jvp(worked, (3, 5), direction)[1] for direction in ((1, 0), (0, 1))]
    assert list(map(print_of, forward)) == ["4.444444444444445", "3.3333333333333335"]
    a, b = wg.Variable(3, "x0"), wg.Variable(5, "x1")
    worked(a, b).backward()
    assert list(map(print_of, (a.grad, b.grad))) == ["4.444444444444445", "3.3333333333333335"]


def test_two_paths_add_up():
    steps = {step.name: step for step in wg.explain(worked)(3, 5).steps}
    assert [(p.adjoint, p.partial) for p in steps["v1"].paths] == [(1, 3), (1, near(1 / 3))]
    assert [(p.adjoint, p.partial) for p in steps["v0"].paths] == [(1, 5), (1, near(-5 / 9))]
    assert sum(p.contribution for p in steps["v1"].paths) == near(3 + 1 / 3)
    assert sum(p.contribution for p in steps["v0"].paths) == near(4 + 4 / 9)


# The drawing ----------------------------------------------------------------------------------------------------------


def test_the_drawing_shows_the_values_then_one_gradient_more_at_each_reverse_step():
    explanation = wg.explain(worked)(3, 5)
    frames = [texts(svg) for svg in explanation.frames()]
    for frame in frames:
        assert {"v0 = x0", "v1 = x1", "3", "5", "15", "5/3", "50/3", "+", "/"} <= set(frame)
    gradients = [[text for text in frame if text.startswith("∂")] for frame in frames]
    new = [set(after) - set(before) for before, after in pairwise(gradients)]
    assert gradients[0] == []
    assert new == [{"∂y/∂y = 1"}, {"∂y/∂v3 = 1"}, {"∂y/∂v2 = 1"}, {"∂y/∂v1 = 10/3"}, {"∂y/∂v0 = 40/9"}]


def test_each_partial_derivative_is_filled_in_at_its_reverse_step():
    frames = [texts(svg) for svg in wg.explain(worked)(3, 5).frames()]
    assert [frame.count("1/3") for frame in frames] == [0, 0, 0, 0, 1, 1]  # ∂v3/∂v1
    assert [frame.count("-5/9") for frame in frames] == [0, 0, 0, 0, 0, 1]  # ∂v3/∂v0


def test_all_frames_are_of_the_same_size():
    boxes = {re.search(r'viewBox="[^"]*"', svg)[0] for svg in wg.explain(worked)(3, 5).frames()}
    assert len(boxes) == 1


# The derivation -------------------------------------------------------------------------------------------------------


def test_the_derivation_is_written_out_in_symbols_then_in_numbers():
    text = wg.explain(worked)(3, 5).to_text()
    lines = [line.strip() for line in text.splitlines()]
    start = lines.index("∂y/∂v1 = ∂y/∂v2·∂v2/∂v1 + ∂y/∂v3·∂v3/∂v1")
    assert lines[start + 1 : start + 4] == ["= ∂y/∂v2·v0 + ∂y/∂v3·(1/v0)", "= 1·3 + 1·1/3", "= 10/3"]
    start = lines.index("∂y/∂v0 = ∂y/∂v2·∂v2/∂v0 + ∂y/∂v3·∂v3/∂v0")
    assert lines[start + 2 : start + 4] == ["= 1·5 + 1·(-5/9)", "= 40/9"]


def test_the_derivation_skips_no_step():
    text = wg.explain(worked)(3, 5).to_text()
    places = [text.index(f"\n∂y/∂{name} =") for name in ("y", "v3", "v2", "v1", "v0")]
    assert places == sorted(places)


def test_the_derivation_exists_as_a_formula_for_print():
    explanation = wg.explain(worked)(3, 5)
    assert r"\frac{\partial y}{\partial v_{1}}" in explanation.to_latex()
    assert r"1 \cdot 3 + 1 \cdot \frac{1}{3}" in explanation.to_latex()
    assert r"\frac{10}{3}" in explanation.to_markdown()


# The trap in the book -------------------------------------------------------------------------------------------------


def shared(x0, x1):
    u = x0 * x1
    return u * u + u


def test_a_shared_inner_node_is_counted_once():
    assert wg.value_and_grad(shared, argnums=(0, 1))(3, 5) == (240, (155, 93))
    explanation = wg.explain(shared)(3, 5)
    assert explanation.gradient == {"x0": 155, "x1": 93}
    a, b = wg.Variable(3), wg.Variable(5)
    shared(a, b).backward()
    assert (a.grad, b.grad) == (155, 93)
    assert wg.trace(shared)(3, 5).derivative((0, 1))(3, 5) == (155, 93)


def test_a_shared_inner_node_stands_once_in_the_list_and_in_the_drawing():
    explanation = wg.explain(shared)(3, 5)
    assert [row.label for row in explanation.table].count("u") == 1
    assert [step.name for step in explanation.steps].count("v2") == 1
    assert texts(explanation.to_svg()).count("u (v2)") == 1
