"""The lecture's network: its numbers, its demo's recipe, and that scalars and arrays are the same function."""

from __future__ import annotations

import random

import numpy as np
import pytest

import wengert as wg
from wengert import nn

XS = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
YS = [1.0, -1.0, -1.0, 1.0]


def moons():
    """The demo's 100 points; with them its two generators are where they were when it made its model."""
    datasets = pytest.importorskip("sklearn.datasets")
    np.random.seed(1337)  # noqa: NPY002  the demo's own
    random.seed(1337)
    x, y = datasets.make_moons(n_samples=100, noise=0.1)
    return x, 2 * y - 1


def test_the_neuron_of_the_lecture():
    neuron = nn.Neuron(2, "tanh")
    neuron.w[0].data, neuron.w[1].data, neuron.b.data = -3.0, 1.0, 6.8813735870195432
    x = [wg.Variable(2.0), wg.Variable(0.0)]
    out = neuron(x)
    out.backward()
    assert out.data == pytest.approx(0.7071067811865476, rel=1e-15)
    found = [x[0].grad, neuron.w[0].grad, x[1].grad, neuron.w[1].grad]
    np.testing.assert_allclose(found, [-1.5, 1.0, 0.5, 0.0], atol=1e-14)


def test_the_four_points_are_learnt():
    model = nn.MLP(3, [4, 4, 1], "tanh", "tanh", bias="uniform", rng=1)
    assert model.num_parameters == len(model.parameters()) == 41
    for _ in range(100):
        loss = sum((model(x) - y) ** 2 for x, y in zip(XS, YS, strict=True))
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.05 * p.grad
    assert loss.data < 0.01


def first_loss(model, x, y):
    scores = [model(row) for row in x]
    losses = [wg.relu(1 + -label * score) for label, score in zip(y, scores, strict=True)]
    penalty = 1e-4 * sum(p * p for p in model.parameters())
    accuracy = np.mean([(label > 0) == (score.data > 0) for label, score in zip(y, scores, strict=True)])
    return sum(losses) * (1.0 / len(losses)) + penalty, accuracy


def test_the_first_loss_of_the_demo():
    x, y = moons()
    model = nn.MLP(2, [16, 16, 1])
    assert model.num_parameters == 337
    with wg.no_grad():
        total, accuracy = first_loss(model, x, y)
    assert total.data == pytest.approx(0.8958441028683222, rel=1e-14)
    assert accuracy == 0.5


def test_the_first_loss_of_the_demo_in_arrays():
    x, y = moons()
    model = nn.MLP(2, [16, 16, 1], engine="array")
    assert model.num_parameters == 337

    def total(model, x, y):
        scores = model(x)
        assert scores.shape == (100,)
        penalty = 1e-4 * sum(np.sum(p * p) for layer in model.layers for p in (layer.weight, layer.bias))
        return np.mean(wg.relu(1 - y * scores)) + penalty

    value, grads = wg.value_and_grad(total)(model, x, y)
    assert value == pytest.approx(0.8958441028683222, rel=1e-14)
    compiled, compiled_grads = wg.jit(wg.value_and_grad(total))(model, x, y)
    assert compiled == pytest.approx(0.8958441028683222, rel=1e-14)
    total(model, x, y).backward()
    for p, g, c in zip(model.parameters(), grads.parameters(), compiled_grads.parameters(), strict=True):
        np.testing.assert_allclose(g.data, p.grad, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(c.data, p.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("sizes", [[1], [2], [4, 1], [1, 3], [4, 4, 2]])
def test_scalars_and_arrays_are_the_same_function(sizes):
    scalar = nn.MLP(3, sizes, "tanh", "sigmoid", bias="uniform", rng=5)
    array = nn.MLP(3, sizes, "tanh", "sigmoid", bias="uniform", rng=5, engine="array")
    assert scalar.num_parameters == array.num_parameters
    batch = array(np.array(XS))
    for i, x in enumerate(XS):
        one, by_row = scalar(x), array(x)
        values = [v.data for v in one] if isinstance(one, list) else one.data
        np.testing.assert_allclose(by_row.data, values, rtol=1e-14)
        np.testing.assert_allclose(batch.data[i], values, rtol=1e-14)
        assert np.shape(values) == by_row.shape

    def loss(model):
        out = model(XS[0])
        return sum(out) if isinstance(out, list) else np.sum(out)

    by_scalar = wg.grad(loss)(scalar)
    by_array = wg.grad(loss)(array)
    for layer, matrix in zip(by_scalar.layers, by_array.layers, strict=True):
        np.testing.assert_allclose([n.w for n in layer.neurons], matrix.weight, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose([n.b for n in layer.neurons], matrix.bias, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(wg.jit(wg.grad(loss))(scalar).layers[0].neurons[0].w, by_scalar.layers[0].neurons[0].w)


def test_who_draws():
    random.seed(3)
    by_module = nn.Neuron(2)
    assert [w.data for w in by_module.w] == [w.data for w in nn.Neuron(2, rng=3).w]
    assert [w.data for w in by_module.w] == [w.data for w in nn.Neuron(2, rng=random.Random(3)).w]
    rng = np.random.default_rng(0)
    assert -1 < nn.Neuron(2, rng=rng).w[0].data < 1
    assert nn.Neuron(2, bias=0.5).b.data == 0.5
    assert nn.MLP(2, [1], engine="array", dtype=np.float32).layers[0].weight.dtype == np.float32


def test_what_does_not_fit():
    with pytest.raises(wg.ShapeError, match=r"Neuron\(3 → 1, relu\) takes 3 numbers, not 2"):
        nn.MLP(3, [4, 1])([1.0, 2.0])
    with pytest.raises(wg.ShapeError, match=r"Linear\(3 → 4, relu\)"):
        nn.MLP(3, [4, 1], engine="array")([1.0, 2.0])
    for make in (
        lambda: nn.MLP(3, 4),
        lambda: nn.MLP(3, []),
        lambda: nn.MLP(3, [4], engine="matrix"),
        lambda: nn.MLP(3, [0]),
        lambda: nn.Neuron(2, "rellu"),
    ):
        with pytest.raises(wg.ArgumentError):
            make()


def test_it_prints_its_neurons():
    lines = str(nn.MLP(2, [2, 1], "tanh")).splitlines()
    assert lines[0] == "MLP()  # 9 parameters"
    assert "  layers.0.neurons.1: Neuron(2 → 1, tanh)  # 3 parameters" in lines
    assert "  layers.1.neurons.0: Neuron(2 → 1)  # 3 parameters" in lines
