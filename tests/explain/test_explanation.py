"""Explanations: the numbers are those of reverse mode, the symbols are the rules, and every form says the same."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import wengert as wg
from wengert.core.tree import flatten

POINT = np.array([0.3, 1.2, -0.7])
MATRIX = np.array([[2.0, 0.3, 0.1], [0.2, 1.5, 0.4], [0.1, 0.7, 3.0]])


def book(x0, x1):
    return x0 * x1 + x1 / x0


def mixed(x):
    a = np.exp(-x) * np.sin(x[::-1])
    if a.sum() > -10:
        a = a + x[0]
    _, size = np.linalg.slogdet(MATRIX + np.outer(a, a))
    return size + np.max(x) * np.prod(x[1:]) + np.linalg.norm(a) + np.where(x > 0, x**2, 0.0).sum()


PROGRAMS = {
    "book": (book, (3.0, 5.0)),
    "arrays": (mixed, (POINT,)),
    "system": (lambda b: np.sum(np.linalg.solve(MATRIX, b) ** 2), (POINT,)),
    "tree": (lambda p: p["w"] @ p["w"] * p["b"], ({"w": POINT, "b": 2.0},)),
    "unused": (lambda x, y: x * 2.0, (1.0, 3.0)),
    "float32": (lambda x: np.sum(x * x), (POINT.astype(np.float32),)),
}


@pytest.fixture(params=PROGRAMS)
def program(request):
    return PROGRAMS[request.param]


def test_value_and_gradient_are_those_of_reverse_mode(program):
    f, args = program
    explanation = wg.explain(f)(*args)
    value, gradient = wg.value_and_grad(f, argnums=tuple(range(len(args))))(*args)
    assert explanation.value == value
    found = [np.asarray(g) for g in explanation.gradient.values()]
    leaves = [np.asarray(leaf) for leaf in flatten(gradient)[0]]
    for mine, known in zip(found, leaves, strict=True):
        np.testing.assert_allclose(mine, known, rtol=1e-6 if known.dtype == np.float32 else 1e-13)


def test_each_adjoint_is_the_sum_of_its_paths(program):
    f, args = program
    for step in wg.explain(f)(*args).steps:
        if step.paths:
            total = sum(np.asarray(path.contribution, dtype=float) for path in step.paths)
            np.testing.assert_allclose(np.asarray(step.adjoint, dtype=float), total, rtol=1e-6, atol=1e-12)


def test_every_form_can_be_had(program):
    f, args = program
    explanation = wg.explain(f)(*args)
    assert str(explanation) == explanation.to_text()
    assert "elementary derivations" in explanation.to_markdown()
    assert explanation.to_latex().startswith("\\begin{aligned}")
    assert explanation.to_html().startswith("<!doctype html>")
    assert not explanation._repr_html_().startswith("<!doctype")
    ET.fromstring(explanation.to_svg())
    assert explanation.to_dot().startswith("digraph")
    assert explanation.graph.name in repr(explanation)


def test_latex_is_balanced(program):
    f, args = program
    text = wg.explain(f)(*args).to_latex()
    assert text.count("{") == text.count("}")
    assert text.count("\\left") == text.count("\\right")


def test_the_chain_rule_in_symbols_and_numbers():
    text = wg.explain(book)(3.0, 5.0).to_text()
    assert "∂y/∂v1 = ∂y/∂v2·∂v2/∂v1 + ∂y/∂v3·∂v3/∂v1" in text
    assert "= ∂y/∂v2·v0 + ∂y/∂v3·(1/v0)" in text
    assert "= 1·3 + 1·1/3" in text
    assert "= 10/3" in text


def test_names_of_the_users_own():
    def f(a, b):
        product = a * b
        product += a
        return product * 2

    assert [row.label for row in wg.explain(f)(2.0, 3.0).table] == ["a", "b", "product", "product", ""]


def test_lines_of_the_users_own():
    rows = wg.explain(book)(3.0, 5.0).table
    first = book.__code__.co_firstlineno
    assert {row.line for row in rows if row.line} == {f"test_explanation.py:{first + 1}"}


def test_branches_are_assumptions():
    explanation = wg.explain(mixed)(POINT)
    assert len(explanation.assumptions) == 1
    assert explanation.assumptions[0].startswith("assumes v")
    assert "> -10" in explanation.assumptions[0]
    assert "assumes" in explanation.to_text()


def test_a_false_branch_says_so():
    explanation = wg.explain(lambda x: x * 2 if x > 5 else x * 3)(1.0)
    assert explanation.assumptions[0].startswith("assumes v0 > 5 is false")


def test_frames_fill_in_one_gradient_after_the_other():
    explanation = wg.explain(book)(3.0, 5.0)
    frames = explanation.frames()
    assert len(frames) == 1 + len(explanation.steps)
    assert [len(re.findall(r"∂y/∂\w+ =", frame)) >= k for k, frame in enumerate(frames)] == [True] * len(frames)
    sizes = {re.search(r'viewBox="([^"]+)"', frame)[1] for frame in frames}
    assert len(sizes) == 1


def test_counts_are_operations_times_inputs_and_edges():
    counts = wg.explain(lambda x: np.sum(x * 3.0))(POINT).counts
    assert counts == (2 * 3, 2)


def test_baydin_numbering_and_assignments():
    explanation = wg.explain(lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2), numbering="baydin")(2.0, 5.0)
    assert [row.name for row in explanation.table][:3] == ["v₋₁", "v0", "v1"]
    last = {made.name: made.value for made in explanation.assignments}
    assert last["v₋₁"] == 5.5
    assert last["v0"] == pytest.approx(1.7163378145367738, rel=1e-15)
    assert "v̄0 + " in explanation.to_text()


def test_what_does_not_depend_on_the_inputs():
    explanation = wg.explain(lambda x: 3.0)(1.0)
    assert (explanation.value, explanation.gradient) == (3.0, {"x": 0.0})
    explanation.to_text()
    ET.fromstring(explanation.to_svg())
    explanation = wg.explain(lambda x: x)(1.0)
    assert explanation.gradient == {"x": 1.0}
    explanation.to_text()
    ET.fromstring(explanation.to_svg())


def test_an_input_called_y_keeps_its_name():
    explanation = wg.explain(lambda y: y * y)(3.0)
    assert explanation.result == "z"
    assert explanation.gradient == {"y": 6.0}


def test_strong_zeros_are_zero_here_too():
    explanation = wg.explain(lambda x: np.where(x > 0, np.sqrt(x), 0.0))(0.0)
    assert explanation.gradient == {"x": 0.0}


def test_nan_and_infinity_print():
    with np.errstate(all="ignore"):
        text = wg.explain(lambda x: np.log(x) * x)(0.0).to_text()
    assert "-∞" in text


def test_a_graph_and_a_variable_can_be_explained():
    graph = wg.trace(book)(3.0, 5.0)
    assert wg.explain(graph)().gradient == wg.explain(book)(3.0, 5.0).gradient
    assert wg.explain(graph)(1.0, 2.0).value == 4.0
    a, b = wg.Variable(3.0, "a"), wg.Variable(5.0, "b")
    explanation = wg.explain(a * b + b / a)
    assert explanation.gradient == {"a": 4.444444444444445, "b": 3.3333333333333335}


def test_several_numbers_are_refused_with_the_way_out():
    with pytest.raises(wg.ShapeError, match="return y"):
        wg.explain(lambda x: x * 2)(POINT)
    with pytest.raises(wg.ShapeError, match="2 values"):
        wg.explain(lambda x: (x, x))(1.0)
    with pytest.raises(wg.ArgumentError, match="numbering"):
        wg.explain(book, numbering="roman")
    with pytest.raises(wg.ArgumentError, match="takes a function"):
        wg.explain(3)


def test_colour_only_on_demand():
    explanation = wg.explain(book)(3.0, 5.0)
    assert "\x1b" not in explanation.to_text()
    assert "\x1b[" in explanation.to_text(color=True)


def test_html_is_escaped():
    def f(x):
        return np.where(x < 1, x, x * 2) * 1.0

    page = wg.explain(f)(0.5).to_html()
    assert "v0 &lt; 1" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_large_graph_is_outlined_by_calls():
    def square(x):
        return x * x

    def f(x):
        for _ in range(500):
            x = square(x) - 0.5
        return x

    explanation = wg.explain(f)(0.3)
    outline = ET.fromstring(explanation.to_svg())
    everything = ET.fromstring(explanation.to_svg(limit=10_000))
    assert len(list(outline.iter())) * 4 < len(list(everything.iter()))
    with_calls = {node.calls for node in explanation.graph.operations}
    assert ("square 1",) in with_calls
    assert ("square 500",) in with_calls
