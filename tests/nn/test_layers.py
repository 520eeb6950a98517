"""Every layer: PyTorch's figures, all styles alike, finite differences, float32, and shapes that do not fit."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import optree
import pytest

import wengert as wg
from wengert import nn

REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text("utf-8"))
LAYERS = {
    "Linear": lambda: nn.Linear(3, 4),
    "Linear without bias": lambda: nn.Linear(3, 2, bias=False),
    "Bilinear": lambda: nn.Bilinear(3, 2, 4),
    "LayerNorm": lambda: nn.LayerNorm(4),
    "LayerNorm over two axes": lambda: nn.LayerNorm((3, 4), eps=1e-3),
    "RMSNorm": lambda: nn.RMSNorm(4),
    "RMSNorm with eps": lambda: nn.RMSNorm(4, eps=0.1),
    "BatchNorm1d": lambda: nn.BatchNorm1d(3),
    "BatchNorm1d along a line": lambda: nn.BatchNorm1d(3, momentum=0.3, eps=1e-2),
    "BatchNorm1d over all": lambda: nn.BatchNorm1d(3, momentum=None),
    "BatchNorm2d": lambda: nn.BatchNorm2d(2),
    "BatchNorm2d in evaluation": lambda: nn.BatchNorm2d(2).eval(),
    "Embedding": lambda: nn.Embedding(5, 3),
    "Embedding with padding": lambda: nn.Embedding(5, 3, padding_idx=1),
    "ReLU": nn.ReLU,
    "Tanh": nn.Tanh,
    "Sigmoid": nn.Sigmoid,
    "SiLU": nn.SiLU,
    "Softplus": nn.Softplus,
    "SELU": nn.SELU,
    "GELU": nn.GELU,
    "GELU tanh": lambda: nn.GELU("tanh"),
    "LeakyReLU": lambda: nn.LeakyReLU(0.2),
    "ELU": lambda: nn.ELU(1.5),
    "Softmax": nn.Softmax,
    "LogSoftmax": nn.LogSoftmax,
}
CLOSE = {"rtol": 1e-11, "atol": 1e-14}


def layer_and_inputs(name, dtype=np.float64):
    found = REFERENCE[name]
    layer = LAYERS[name]()
    for path, p in layer.named_parameters():
        p.data = np.array(found["parameters"][path])
    inputs = [np.array(x) for x in found["inputs"]]
    if dtype != np.float64:
        layer, inputs = layer.astype(dtype), [x.astype(dtype) if x.dtype.kind == "f" else x for x in inputs]
    return layer, inputs


def loss(layer, *inputs):
    return np.sum(np.sin(layer(*inputs)))


def test_every_layer_has_figures():
    assert set(LAYERS) == set(REFERENCE) - {"torch"}


@pytest.mark.parametrize("name", LAYERS)
def test_pytorch_on_the_tape(name):
    found = REFERENCE[name]
    layer, inputs = layer_and_inputs(name)
    given = [wg.Variable(x) if x.dtype.kind == "f" else x for x in inputs]
    y = layer(*given)
    np.testing.assert_allclose(y.data, found["result"], **CLOSE)
    np.sum(np.sin(y)).backward()
    for path, p in layer.named_parameters():
        np.testing.assert_allclose(p.grad, found["gradients"][path], err_msg=path, **CLOSE)
    for x, want in zip([x for x in given if isinstance(x, wg.Variable)], found["input gradients"], strict=True):
        np.testing.assert_allclose(x.grad, want, **CLOSE)
    for path, want in found["state"].items():
        np.testing.assert_allclose(dict(layer.named_buffers())[path], want, **CLOSE)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_pytorch_in_functional_style(name, compiled):
    found = REFERENCE[name]
    layer, inputs = layer_and_inputs(name)
    if not found["gradients"]:
        f = wg.grad(lambda x: np.sum(np.sin(layer(x))))
        have = (wg.jit(f) if compiled else f)(*inputs)
        np.testing.assert_allclose(have, found["input gradients"][0], **CLOSE)
        return

    def run(layer, *inputs):
        return loss(layer, *inputs), layer

    step = wg.value_and_grad(run, has_aux=True)
    if compiled:
        step = wg.jit(step)
    (_, after), grads = step(layer, *inputs)
    for path, p in grads.named_parameters():
        np.testing.assert_allclose(p.data, found["gradients"][path], err_msg=path, **CLOSE)
    for path, want in found["state"].items():
        np.testing.assert_allclose(dict(after.named_buffers())[path], want, **CLOSE)
    if compiled:
        report = step.report(layer, *inputs)
        assert (report.obstacle, "in NumPy: none" in str(report)) == ("", True)
        for path, value in layer.named_buffers():
            assert dict(after.named_buffers())[path].dtype == value.dtype
            assert np.shape(dict(after.named_buffers())[path]) == np.shape(value)


@pytest.mark.parametrize("name", LAYERS)
def test_float32_stays_float32(name):
    layer, inputs = layer_and_inputs(name, np.float32)
    given = [wg.Variable(x) if x.dtype.kind == "f" else x for x in inputs]
    y = layer(*given)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data, REFERENCE[name]["result"], rtol=2e-5, atol=2e-6)
    np.sum(np.sin(y)).backward()
    assert all(p.grad.dtype == np.float32 for p in layer.parameters())
    assert all(b.dtype.kind == "i" or b.dtype == np.float32 for _, b in layer.named_buffers())


@pytest.mark.parametrize("name", LAYERS)
def test_differences(name):
    layer, inputs = layer_and_inputs(name)
    if name in ("ReLU", "LeakyReLU", "ELU", "SELU"):  # 0 is a corner
        inputs = [x + 0.125 for x in inputs]
    if layer.parameters() and "padding" not in name:  # that row is held fixed, which differences do not see
        wg.check_grads(lambda weights: loss(with_parameters(layer, weights), *inputs), (weights_of(layer),), order=2)
    if inputs[0].dtype.kind == "f":
        wg.check_grads(lambda *inputs: np.sum(np.sin(fresh(layer)(*inputs))), inputs, order=2)


def weights_of(layer):
    return [p.data for p in layer.parameters()]


def fresh(layer):
    """A copy, whose buffers are its own."""
    return with_parameters(layer, weights_of(layer))


def with_parameters(layer, weights):
    leaves, treedef = optree.tree_flatten(layer, namespace="wengert")
    weights = iter(weights)
    return treedef.unflatten(
        [next(weights) if t else leaf for leaf, t in zip(leaves, nn.trainable(layer), strict=True)]
    )


# What does not fit ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (lambda: nn.Linear(3, 4), (5, 2), r"Linear\(3 → 4\) takes arrays of shape \(…, 3\), not \(5, 2\)"),
        (lambda: nn.Linear(3, 4), (), r"not \(\)"),
        (lambda: nn.Linear(3, 4, activation="relu"), (2,), r"Linear\(3 → 4, relu\)"),
        (lambda: nn.LayerNorm(4), (4, 3), r"LayerNorm\(4, eps=1e-05\) takes arrays of shape \(…, 4\), not \(4, 3\)"),
        (lambda: nn.LayerNorm((3, 4)), (4,), r"\(…, 3, 4\), not \(4,\)"),
        (lambda: nn.RMSNorm(4), (), r"\(…, 4\), not \(\)"),
        (lambda: nn.BatchNorm1d(3), (5, 2), r"\(N, 3\) or \(N, 3, L\), not \(5, 2\)"),
        (lambda: nn.BatchNorm2d(3), (5, 3), r"\(N, 3, H, W\), not \(5, 3\)"),
        (lambda: nn.BatchNorm1d(3), (1, 3), "more than one number per feature"),
        (lambda: nn.Flatten(2), (3, 4), r"not of shape \(3, 4\)"),
    ],
)
def test_shapes_that_do_not_fit_name_the_layer_and_both_shapes(layer, shape, words):
    with pytest.raises(wg.ShapeError, match=words):
        layer()(np.ones(shape))


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(0, 3),
        lambda: nn.Linear(2.0, 3),
        lambda: nn.Linear(2, True),
        lambda: nn.Linear(2, 3, activation="rellu"),
        lambda: nn.Linear(2, 3, weight_init="xavier"),
        lambda: nn.Linear(2, 3, dtype=int),
        lambda: nn.Linear(2, 3, rng="0"),
        lambda: nn.Sequential([nn.Linear(2, 3)]),
        lambda: nn.Lambda(3.0),
        lambda: nn.LayerNorm(()),
        lambda: nn.BatchNorm1d(3, momentum=2.0),
        lambda: nn.Embedding(0, 3),
        lambda: nn.Embedding(3, 3, padding_idx=3),
        lambda: nn.GELU("erf")(1.0),
        lambda: nn.Dropout(1.5),
    ],
)
def test_what_no_layer_can_be_made_of(make):
    with pytest.raises(wg.ArgumentError):
        make()


def test_an_unknown_name_is_answered_by_those_that_are_known():
    with pytest.raises(wg.ArgumentError, match="leaky_relu"):
        nn.Linear(2, 3, activation="leakyrelu")
    with pytest.raises(wg.ArgumentError, match="he_normal"):
        nn.Linear(2, 3, weight_init="he")


# Linear and what puts layers together ---------------------------------------------------------------------------------


def test_a_linear_layer_takes_lists_single_rows_and_empty_batches():
    layer = nn.Linear(2, 3, weight_init=np.arange(6.0).reshape(3, 2), bias_init=1.0)
    np.testing.assert_array_equal(layer([1, 2]).data, [3.0, 9.0, 15.0])
    np.testing.assert_array_equal(layer([[1.0, 2.0]]).data, [[3.0, 9.0, 15.0]])
    assert layer(np.zeros((0, 2))).shape == (0, 3)
    with pytest.raises(wg.ShapeError, match=r"\(3, 2\)"):
        nn.Linear(2, 3, weight_init=np.zeros((2, 3)))


def test_sequential():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), np.tanh, nn.Dropout(0.5, rng=0), nn.Linear(4, 1, rng=1)).eval()
    x = np.ones((2, 3))
    want = model[3](np.tanh(model[0](x))).data
    np.testing.assert_array_equal(model(x).data, want)
    assert len(model) == 4
    assert len(model[1:]) == 3
    assert model[:2][0] is model[0]
    assert list(model)[1] is np.tanh
    assert model.named_parameters()[0][0] == "layers.0.weight"
    assert nn.Sequential()(x) is x


def test_flatten_identity_and_lambda():
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(nn.Flatten()(x), x.reshape(2, 12))
    assert nn.Flatten(0)(x).shape == (24,)
    assert nn.Flatten()(np.zeros((0, 3, 4))).shape == (0, 12)
    assert nn.Identity()(x) is x
    np.testing.assert_array_equal(nn.Lambda(np.square)(x), x**2)


def test_layers_print_what_they_are():
    model = nn.Sequential(nn.Linear(3, 4, activation="relu"), np.tanh, nn.Linear(4, 1, bias=False))
    assert str(model).splitlines() == [
        "Sequential()  # 20 parameters",
        "  layers.0: Linear(3 → 4, relu)  # 16 parameters",
        "  layers.2: Linear(4 → 1, bias=False)  # 4 parameters",
    ]
    assert repr(nn.GELU("tanh")) == "GELU(approximate='tanh')  # 0 parameters"


# Normalization --------------------------------------------------------------------------------------------------------


def test_normalization_of_large_means_keeps_its_digits():
    x = 1e8 + np.array([[1.0, 2.0, 3.0, 4.0]])
    for layer, y in ((nn.LayerNorm(4, eps=0.0), x), (nn.BatchNorm1d(1, eps=0.0), x.T)):
        np.testing.assert_allclose(layer(y).data.ravel(), np.array([-3.0, -1.0, 1.0, 3.0]) / math.sqrt(5), rtol=1e-7)


def test_batch_norm_counts_and_evaluates_by_what_it_has_seen():
    layer = nn.BatchNorm1d(2, momentum=None)
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(5, 2)) for _ in range(3)]
    for x in batches:
        layer(x)
    assert layer.batches == 3
    np.testing.assert_allclose(layer.running_mean, np.mean([x.mean(0) for x in batches], axis=0))
    np.testing.assert_allclose(layer.running_var, np.mean([x.var(0, ddof=1) for x in batches], axis=0))
    y = layer.eval()(batches[0]).data
    np.testing.assert_allclose(y, (batches[0] - layer.running_mean) / np.sqrt(layer.running_var + 1e-5))
    assert layer.batches == 3


@pytest.mark.parametrize("make", [lambda: nn.BatchNorm1d(2), lambda: nn.Dropout(0.5)])
def test_a_compiled_program_does_not_keep_the_state_of_a_model_that_it_was_not_given(make):
    layer, x = make(), np.ones((4, 2)) * np.arange(4.0)[:, None]
    with pytest.raises(wg.ArgumentError, match="given the model"):
        wg.jit(lambda x: layer(x) * 2.0)(x)
    still = fresh(layer.eval())
    np.testing.assert_array_equal(wg.jit(lambda x: still(x) * 0.0)(x), 0.0)


# Embedding ------------------------------------------------------------------------------------------------------------


def test_an_embedding_refuses_what_is_not_a_row():
    table = nn.Embedding(5, 3, rng=0)
    for index in (5, -1):
        with pytest.raises(wg.ShapeError, match=rf"Embedding\(5 × 3\) has rows 0 to 4, and was asked for {index}"):
            table(np.array([[0, index]]))
        with pytest.raises(wg.ShapeError, match=f"asked for {index}"):
            wg.jit(lambda table, i: table(i))(table, np.array([0, index]))
    for backend in ("native", "numpy"):
        f = wg.jit(lambda table, i: np.sum(table(i)), backend=backend)
        f(table, np.array([0, 1]))
        for index in (5, -1):
            with pytest.raises(wg.ShapeError, match=f"asked for {index}"):
                f(table, np.array([0, index]))
        assert f.report(table, np.array([0, 1])).obstacle == ""
    still = table.plain()
    np.testing.assert_array_equal(wg.jit(lambda i: still(i))(np.array([3, 0])), still.weight[[3, 0]])
    total, _ = wg.scan(lambda total, i: (total + np.sum(still(i)), None), 0.0, np.array([1, 2]))
    assert total == pytest.approx(still.weight[1:3].sum(), rel=1e-14)
    with pytest.raises(wg.ArgumentError, match="float64"):
        table(np.array([0.0]))
    assert table(np.zeros((2, 0), int)).shape == (2, 0, 3)
    assert table(3).shape == (3,)
    assert table([1, 2]).shape == (2, 3)
    np.testing.assert_array_equal(nn.Embedding(5, 3, padding_idx=-1).weight.data[4], 0.0)


# Dropout --------------------------------------------------------------------------------------------------------------


def test_dropout_drops_a_share_and_keeps_the_mean():
    layer, x = nn.Dropout(0.25, rng=0), np.ones(40_000)
    y = layer(x)
    assert set(np.unique(y)) == {0.0, 1.0 / 0.75}
    assert abs(np.mean(y == 0.0) - 0.25) < 5 * math.sqrt(0.25 * 0.75 / x.size)
    assert not np.array_equal(layer(x), y), "each call has a mask of its own"
    assert layer.eval()(x) is x
    np.testing.assert_array_equal(nn.Dropout(1.0)(x), 0.0)
    assert nn.Dropout(0.0)(x) is x


def test_dropout_is_repeatable_and_the_same_in_all_styles():
    x = np.linspace(1.0, 2.0, 12).reshape(3, 4)

    def run(layer, x):
        return np.sum(layer(x) ** 2), layer

    eager = nn.Dropout(0.5, rng=3)
    functional = compiled = nn.Dropout(0.5, rng=3)
    step = wg.value_and_grad(run, argnums=(0, 1), has_aux=True)
    fast = wg.jit(step)
    for _ in range(3):
        v = wg.Variable(x)
        total = np.sum(eager(v) ** 2)
        total.backward()
        (value, functional), (_, by_x) = step(functional, x)
        (value_fast, compiled), (_, by_x_fast) = fast(compiled, x)
        assert value == pytest.approx(total.data, rel=1e-14)
        assert value_fast == pytest.approx(value, rel=1e-14)
        np.testing.assert_array_equal(by_x, v.grad)
        np.testing.assert_array_equal(by_x_fast, v.grad)
        np.testing.assert_array_equal(eager.key, functional.key)
        np.testing.assert_array_equal(eager.key, compiled.key)
        assert compiled.key.dtype == functional.key.dtype == np.int32
    assert fast.cache_info().traces == 1
    report = fast.report(compiled, x)
    assert (report.obstacle, "in NumPy: none" in str(report)) == ("", True)
