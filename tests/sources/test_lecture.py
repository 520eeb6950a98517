"""System D, the lecture: a scalar engine and its drawing. The network's training is tested with the network library."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import wengert as wg


def near(expected):
    return pytest.approx(expected, rel=1e-12, abs=0)


def texts(svg):
    """What is written in a drawing."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


# First slopes ---------------------------------------------------------------------------------------------------------


def parabola(x):
    return 3 * x**2 - 4 * x + 5


def test_the_parabola():
    assert parabola(3) == 20
    assert wg.value_and_grad(parabola)(3) == (20, 14)
    assert wg.grad(parabola)(-3) == -22
    assert wg.grad(parabola)(2 / 3) == 0


def test_a_product_and_a_sum():
    assert wg.value_and_grad(lambda a, b, c: a * b + c, argnums=(0, 1, 2))(2, -3, 10) == (4, (-3, 2, 1))


# L = (a·b + c)·f ------------------------------------------------------------------------------------------------------


def lecture_graph():
    a, b, c, f = wg.Variable(2, "a"), wg.Variable(-3, "b"), wg.Variable(10, "c"), wg.Variable(-2, "f")
    e = a * b
    d = e + c
    L = d * f
    return a, b, c, d, e, f, L


def test_the_tape_leaves_the_gradient_of_every_value():
    a, b, c, d, e, f, L = lecture_graph()
    L.backward()
    assert L.data == -8
    assert (L.grad, d.grad, f.grad, e.grad, c.grad, a.grad, b.grad) == (1, -2, 4, -2, -2, 6, -4)


def test_one_step_along_the_gradient():
    a, b, c, _, _, f, L = lecture_graph()
    L.backward()
    for p in (a, b, c, f):
        p.data += 0.01 * p.grad
    assert ((a * b + c) * f).data == -7.286496


def test_one_step_along_the_gradient_without_a_tape():
    def L(a, b, c, f):
        return (a * b + c) * f

    at = np.array([2.0, -3.0, 10.0, -2.0])
    slope = np.array(wg.grad(L, argnums=(0, 1, 2, 3))(*at))
    assert slope.tolist() == [6, -4, -2, 4]
    assert float(L(*(at + 0.01 * slope))) == -7.286496


def test_a_value_prints_with_its_data_and_gradient():
    a, *_, L = lecture_graph()
    assert repr(L) == "Variable(-8.0)"
    L.backward()
    assert repr(L) == "Variable(-8.0, grad=1.0)"
    assert repr(a) == "Variable(2.0, name='a', grad=6.0)"


# A neuron -------------------------------------------------------------------------------------------------------------

BIAS = 6.8813735870195432


def by_tanh(n):
    return np.tanh(n)


def by_exp(n):
    e = np.exp(2 * n)
    return (e - 1) / (e + 1)


def by_method(n):
    e = (2 * n).exp()
    return (e - 1) / (e + 1)


@pytest.mark.parametrize("activation", [by_tanh, by_exp, by_method, lambda n: n.tanh()])
def test_the_neuron(activation):
    x1, x2 = wg.Variable(2.0, "x1"), wg.Variable(0.0, "x2")
    w1, w2, b = wg.Variable(-3.0, "w1"), wg.Variable(1.0, "w2"), wg.Variable(BIAS, "b")
    o = activation(x1 * w1 + x2 * w2 + b)
    o.backward()
    assert repr(o) == "Variable(0.7071067811865476, grad=1.0)"
    assert (x1.grad, w1.grad, x2.grad, w2.grad) == near((-1.5, 1, 0.5, 0))


@pytest.mark.parametrize("activation", [by_tanh, by_exp])
def test_the_neuron_as_a_function(activation):
    value, slopes = wg.value_and_grad(lambda x, w, b: activation(x @ w + b), argnums=(0, 1))(
        np.array([2.0, 0.0]), np.array([-3.0, 1.0]), BIAS
    )
    assert float(value) == 0.7071067811865476
    assert np.concatenate(slopes) == near([-1.5, 0.5, 1, 0])


# Accumulation ---------------------------------------------------------------------------------------------------------


def test_a_plus_a_has_the_gradient_2():
    a = wg.Variable(3.0)
    (a + a).backward()
    assert a.grad == 2
    assert wg.grad(lambda a: a + a)(3.0) == 2


def test_a_product_of_shared_values_accumulates_over_both_paths():
    a, b = wg.Variable(-2.0), wg.Variable(3.0)
    d, e = a * b, a + b
    f = d * e
    f.backward()
    assert (f.data, a.grad, b.grad) == (-6, -3, -8)


# Operators from either side -------------------------------------------------------------------------------------------

SIDES = {
    "2·a": (lambda a: 2 * a, 8, 2),
    "a·2": (lambda a: a * 2, 8, 2),
    "a + 1": (lambda a: a + 1, 5, 1),
    "1 + a": (lambda a: 1 + a, 5, 1),
    "1 − a": (lambda a: 1 - a, -3, -1),
    "a − 1": (lambda a: a - 1, 3, 1),
    "a / 2": (lambda a: a / 2, 2, 0.5),
    "2 / a": (lambda a: 2 / a, 0.5, -0.125),
    "a³": (lambda a: a**3, 64, 48),
    "a⁻¹": (lambda a: a**-1, 0.25, -1 / 16),
    "√a": (lambda a: a**0.5, 2, 0.25),
    "2ᵃ": (lambda a: 2**a, 16, 16 * np.log(2)),
    "−a": (lambda a: -a, -4, -1),
}


@pytest.mark.parametrize("operator", SIDES)
def test_operators_work_from_either_side(operator):
    f, value, slope = SIDES[operator]
    a = wg.Variable(4.0)
    y = f(a)
    y.backward()
    assert (y.data, a.grad) == (near(value), near(slope))
    assert wg.value_and_grad(f)(4.0) == (near(value), near(slope))


def test_a_quotient_of_two_values():
    a, b = wg.Variable(3.0), wg.Variable(4.0)
    (a / b).backward()
    assert (a.grad, b.grad) == near((0.25, -0.1875))


# The opening expression, and parity with PyTorch ----------------------------------------------------------------------


def opening(a, b):
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c - a
    d += 2 * d + wg.relu(b + a)
    d += 3 * d + wg.relu(b - a)
    e = c - d
    f = e**2
    g = f / 2
    g += 10 / f
    return g


def test_the_opening_expression_on_the_tape():
    a, b = wg.Variable(-4.0, "a"), wg.Variable(2.0, "b")
    g = opening(a, b)
    g.backward()
    assert (f"{g.data:.4f}", f"{a.grad:.4f}", f"{b.grad:.4f}") == ("24.7041", "138.8338", "645.5773")
    assert (float(g.data), float(a.grad)) == (24.70408163265306, 138.83381924198252)
    assert float(b.grad) == near(645.5772594752187)


@pytest.mark.parametrize("way", ["reverse", "forward", "symbolic"])
def test_the_opening_expression_in_every_mode(way):
    at = -4.0, 2.0
    if way == "reverse":
        slopes = wg.grad(opening, argnums=(0, 1))(*at)
    elif way == "forward":
        slopes = wg.jvp(opening, at, (1.0, 0.0))[1], wg.jvp(opening, at, (0.0, 1.0))[1]
    else:
        slopes = wg.trace(opening)(*at).derivative((0, 1))(*at)
    assert slopes == near((138.83381924198252, 645.5772594752187))


def test_relu_is_a_method_too():
    a = wg.Variable(-4.0)
    y = a.relu() + (2 * a + 10).relu()
    y.backward()
    assert (y.data, a.grad) == (2, 2)


def test_parity_with_pytorch_on_the_engines_first_test():
    """PyTorch's figures, as the tests of the lecture's engine compare them: −20 and 46."""
    x = wg.Variable(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    assert (y.data, x.grad) == (-20, 46)


def test_parity_with_pytorch_on_the_neuron():
    """What PyTorch prints in the lecture; the bias there has passed through single precision."""
    x1, x2, w1, w2 = (wg.Variable(value) for value in (2.0, 0.0, -3.0, 1.0))
    b = wg.Variable(float(np.float32(BIAS)))
    o = np.tanh(x1 * w1 + x2 * w2 + b)
    o.backward()
    assert float(o.data) == 0.7071066904050358
    printed = 0.5000001283844369, 0.0, -1.5000003851533106, 1.0000002567688737
    assert (x2.grad, w2.grad, x1.grad, w1.grad) == near(printed)


def test_the_habits_of_pytorch():
    x = wg.Variable(np.array([1.0, 2.0, 3.0]))
    (x**2).sum().backward()
    assert x.grad.tolist() == [2, 4, 6]
    assert x.data.tolist() == [1, 2, 3]
    x.grad = None
    with wg.no_grad():
        x -= 0.5
    assert x.data.tolist() == [0.5, 1.5, 2.5]
    with pytest.raises(wg.ShapeError, match="one number"):
        (x**2).backward()


# The drawing ----------------------------------------------------------------------------------------------------------


def lecture_function(a, b, c, f):
    e = a * b
    d = e + c
    L = d * f
    return L


def test_every_node_is_drawn_with_label_data_and_gradient():
    explanation = wg.explain(lecture_function)(2, -3, 10, -2)
    assert {row.label: (row.value, row.adjoint) for row in explanation.table} == {
        "a": (2, 6),
        "b": (-3, -4),
        "c": (10, -2),
        "f": (-2, 4),
        "e": (-6, -2),
        "d": (4, -2),
        "L": (-8, 1),
    }
    cards = re.findall(r'<g class="(?:input|value|output)"[^>]*>(.*?)</g>', explanation.to_svg(), re.DOTALL)
    drawn = {tuple(texts(card)) for card in cards}
    assert drawn == {
        ("v0 = a", "2", "∂y/∂v0 = 6"),
        ("v1 = b", "-3", "∂y/∂v1 = -4"),
        ("v2 = c", "10", "∂y/∂v2 = -2"),
        ("v3 = f", "-2", "∂y/∂v3 = 4"),
        ("e (v4)", "-6", "∂y/∂v4 = -2"),
        ("d (v5)", "4", "∂y/∂v5 = -2"),
        ("L (y)", "-8", "∂y/∂y = 1"),
    }


def test_operations_are_small_nodes_of_their_own():
    svg = wg.explain(lecture_function)(2, -3, 10, -2).to_svg()
    operations = re.findall(r'<g class="operation"[^>]*>(.*?)</g>', svg, re.DOTALL)
    assert sorted(texts("".join(operations))) == ["+", "·", "·"]


SIZES = [3, 4, 4, 1]
EXAMPLES = [(2.0, 3.0, -1.0), (3.0, -1.0, 0.5), (0.5, 1.0, 1.0), (1.0, 1.0, -1.0)]
TARGETS = [1.0, -1.0, -1.0, 1.0]


def network(seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.uniform(-1, 1, (n, m)), np.zeros(n)) for m, n in pairwise(SIZES)]


def network_loss(layers):
    """Neuron by neuron, as the lecture's engine does it."""
    loss = 0.0
    for values, target in zip(EXAMPLES, TARGETS, strict=True):
        for weights, biases in layers:
            sums = [sum(w * x for w, x in zip(row, values, strict=True)) for row in weights]
            values = [np.tanh(s + b) for s, b in zip(sums, biases, strict=True)]
        loss = loss + (values[0] - target) ** 2
    return loss


def test_the_whole_loss_of_a_network_is_differentiated():
    layers = network()
    assert sum(w.size + b.size for w, b in layers) == 41
    wg.check_grads(network_loss, (layers,), order=1)


def test_the_whole_loss_of_a_network_is_drawn_with_every_value_and_gradient():
    explanation = wg.explain(network_loss)(network())
    assert len(explanation.graph) > 500
    drawn = texts(explanation.to_svg(limit=10_000))
    gradients = {text.split(" = ")[0] for text in drawn if text.startswith("∂y/∂")}
    assert gradients == {f"∂y/∂{row.name}" for row in explanation.table}
    assert number_of(explanation.value) in drawn


def number_of(value):
    return f"{float(value):.6g}"


def test_the_whole_loss_of_a_network_is_drawn_in_outline():
    explanation = wg.explain(network_loss)(network())
    svg = explanation.to_svg()
    assert 0 < len(re.findall(r"\d+ values", svg)) < 100
    assert {"y", number_of(explanation.value)} <= set(texts(svg))
    assert any(text.startswith("v0 = layers") for text in texts(svg))


# Forgetting to reset gradients ----------------------------------------------------------------------------------------


def test_a_forgotten_reset_is_easy_to_see():
    a = wg.Variable(3.0, "a")
    (a * a).backward()
    with pytest.warns(wg.AccumulatedGradientWarning, match=r"\(a and 0 more\).*zero_grad"):
        (a * a).backward()
    assert a.grad == 12
    assert repr(a) == "Variable(3.0, name='a', grad=12.0 (sum of 2 backward passes))"


def test_gradients_that_are_reset_do_not_warn():
    a = wg.Variable(3.0)
    for _ in range(3):
        a.zero_grad()
        (a * a).backward()
        assert a.grad == 6


def test_accumulation_that_is_meant_does_not_warn():
    a = wg.Variable(3.0)
    (a * a).backward()
    (a * a).backward(accumulate=True)
    assert a.grad == 12


def test_functions_have_no_gradient_to_reset():
    slope = wg.grad(lambda a: a * a)
    assert [slope(3.0), slope(3.0)] == [6, 6]


# Custom functions -----------------------------------------------------------------------------------------------------

legendre = wg.primitive(
    lambda x: 0.5 * (5 * x**3 - 3 * x),
    lambda z, x: 1.5 * (5 * x**2 - 1),
    name="P3",
    latex=r"P_3\left({0}\right)",
)


def test_the_legendre_polynomial_has_its_values_and_derivatives():
    for x in (-0.9, 0.0, 0.4, 2.0):
        assert wg.value_and_grad(legendre)(x) == (near((5 * x**3 - 3 * x) / 2), near((15 * x**2 - 3) / 2))
        assert wg.grad(wg.grad(legendre))(x) == near(15 * x)
        assert wg.grad(wg.grad(wg.grad(legendre)))(x) == near(15)


def test_the_legendre_polynomial_composes_with_everything_else():
    def model(a, b, c, d, x):
        return np.sum(a + b * legendre(c + d * x))

    def plainly(a, b, c, d, x):
        u = c + d * x
        return np.sum(a + b * (5 * u**3 - 3 * u) / 2)

    at = 0.1, -1.0, 0.2, 0.3, np.linspace(-1, 1, 5)
    assert wg.grad(model, argnums=(0, 1, 2, 3))(*at) == near(wg.grad(plainly, argnums=(0, 1, 2, 3))(*at))
    wg.check_grads(model, at, order=3)
    c, x = wg.Variable(0.2), np.linspace(-1, 1, 5)
    model(0.1, -1.0, c, 0.3, x).backward()
    assert c.grad == near(wg.grad(plainly, argnums=2)(*at))
    assert repr(legendre(wg.Dual(2.0, 1.0))) == "17.0 + 28.5ε"
    assert r"P_3\left(x\right)" in wg.trace(lambda x: legendre(x))(2.0).to_latex()


# Made to be inspected -------------------------------------------------------------------------------------------------


def test_the_derivative_of_tanh_is_one_line_of_the_calculus():
    files = (Path(wg.__file__).parent / "ops").glob("*.py")
    lines = "\n".join(file.read_text("utf-8") for file in files).splitlines()
    found = [line for line in lines if "np.tanh," in line]
    assert len(found) == 1
    assert re.match(r"tanh +=.*lambda z, x: ", found[0])


def test_the_derivative_of_tanh_is_shown_where_it_is_used():
    row = wg.explain(np.tanh)(0.5).table[-1]
    ((argument, symbol, partial),) = row.partials
    assert (argument, partial) == ("v0", near(1 - np.tanh(0.5) ** 2))
    assert "v0" in symbol
