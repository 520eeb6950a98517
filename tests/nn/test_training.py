"""One compiled step: what it computes, what comes back in the model, what it says of NaN."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.finite import NonFiniteError
from wengert.nn.losses import cross_entropy, squared_error
from wengert.nn.metrics import accuracy, supervised
from wengert.nn.training import train_step

nn, optim = wg.nn, wg.optim


class Net(nn.Module):
    def __init__(self, p=0.3):
        self.first = nn.Linear(2, 8, rng=0)
        self.norm = nn.BatchNorm1d(8)
        self.dropout = nn.Dropout(p, rng=1)
        self.last = nn.Linear(8, 2, rng=2)

    def forward(self, x):
        return self.last(self.dropout(np.tanh(self.norm(self.first(x)))))


def points(n=64, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, 2))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def leaves(tree):
    return wg.core.tree.flatten(tree)[0]


def test_a_quadratic_follows_its_closed_form():
    # p ← p − lr·a·p, from p = 1
    step = train_step(lambda p, a: np.sum(a * p * p) / 2, optim.SGD(lr=0.1))
    a = np.array([1.0, 2.0, 5.0])
    p, state = np.ones(3), optim.SGD(lr=0.1).init(np.ones(3))
    for _ in range(10):
        p, state, _ = step(p, state, a)
    np.testing.assert_allclose(p, (1 - 0.1 * a) ** 10, rtol=1e-14)


@pytest.mark.parametrize("rule", [optim.SGD(lr=0.1, momentum=0.9), optim.Adam(lr=0.01, clip=optim.ClipNorm(0.5))])
def test_a_step_is_gradient_and_update(rule):
    x, y = points()
    model = nn.Sequential(nn.Linear(2, 5, rng=0), nn.Tanh(), nn.Linear(5, 2, rng=1))
    step = train_step(supervised(cross_entropy), rule)
    mine, state = model, rule.init(model)
    want, other = model, rule.init(model)
    for _ in range(5):
        mine, state, value = step(mine, state, x, y)
        expected, grads = wg.value_and_grad(lambda m: cross_entropy(m(x), y))(want)
        want, other = rule.update(grads, other, want)
        assert value == pytest.approx(expected, rel=1e-13)
    for a, b in zip(leaves((mine, state)), leaves((want, other)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-15)


def test_statistics_and_keys_come_back_in_the_model():
    x, y = points()
    model, rule = Net(), optim.SGD(lr=0.0)
    step, state = train_step(supervised(cross_entropy), rule), rule.init(Net())
    keys = [model.dropout.key]
    for _ in range(3):
        model, state, _ = step(model, state, x, y)
        keys.append(model.dropout.key)
    h = x @ Net().first.weight.data.T + Net().first.bias.data  # the weights do not move
    np.testing.assert_allclose(model.norm.running_mean, (1 - 0.9**3) * h.mean(0), rtol=1e-12)
    np.testing.assert_allclose(model.norm.running_var, 0.9**3 + (1 - 0.9**3) * h.var(0, ddof=1), rtol=1e-12)
    assert model.norm.batches == 3
    assert [key.dtype for key in keys] == [np.int32] * 4
    assert len({key.tobytes() for key in keys}) == 4


def test_evaluation_changes_no_buffer():
    x, y = points()
    rule = optim.SGD(lr=0.1)
    before = Net().eval()
    after, _, _ = train_step(supervised(cross_entropy), rule)(before, rule.init(before), x, y)
    for (_, old), (_, new) in zip(before.named_buffers(), after.named_buffers(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_one_program_for_all_steps():
    x, y = points()
    rule, model = optim.Adam(), Net()
    step, state = train_step(supervised(cross_entropy, accuracy=accuracy), rule), rule.init(Net())
    for _ in range(4):
        model, state, _, metrics = step(model, state, x, y)
    assert set(metrics) == {"accuracy"}
    assert 0 <= metrics["accuracy"] <= 1
    (program,) = step._programs.values()
    (compiled,) = program._compiled.values()
    assert compiled.cache_info().specializations == 1
    assert compiled.report(*leaves((model, state)), x, y).obstacle == ""


def test_a_dtype_stays():
    x, y = points()
    model, rule = Net().astype(np.float32), optim.Adam(lr=1e-2)
    before = [leaf.dtype for leaf in leaves(model)]
    model, _, value = train_step(supervised(cross_entropy), rule)(model, rule.init(model), x.astype(np.float32), y)
    assert [leaf.dtype for leaf in leaves(model)] == before
    assert value.dtype == np.float32


def test_variables_of_a_tree_are_their_numbers():
    rule = optim.SGD(lr=0.5)
    tree = {"a": wg.Variable(2.0)}
    new, _, value = train_step(lambda t: t["a"] ** 2, rule)(tree, rule.init({"a": 2.0}))
    assert (value, new["a"], tree["a"].data) == (4.0, 0.0, 2.0)


# Not finite -----------------------------------------------------------------------------------------------------------


class Root(nn.Module):
    def __init__(self):
        self.inner = nn.Linear(1, 1, weight_init=-1.0, bias_init=0.0)
        self.root = nn.Lambda(np.sqrt)

    def forward(self, x):
        return self.root(self.inner(x))


def test_the_operation_the_layer_and_the_step_are_named():
    rule, model = optim.SGD(lr=1e-9), Root()
    step, state = train_step(lambda m, x: np.mean(m(x)), rule), rule.init(Root())
    for _ in range(3):
        model, state, _ = step(model, state, -np.ones((2, 1)))
    with pytest.raises(NonFiniteError, match="step 4: the loss is nan; it begins with sqrt in root") as caught:
        step(model, state, np.array([[-1.0], [4.0]]))
    assert "1 of 2 results are nan" in str(caught.value)
    assert "return self.root(self.inner(x))" in str(caught.value)


def test_infinity_before_nan_is_named_too():
    rule = optim.SGD(lr=0.1)

    def loss(p, x):
        logs = np.log(p * x)
        return np.sum(logs - logs)

    with pytest.raises(NonFiniteError, match=r"begins with subtract(.|\n)*before that, log") as caught:
        train_step(loss, rule)(1.0, rule.init(1.0), np.array([0.0, 1.0]))
    assert "numbers from 0 to 1" in str(caught.value)


def test_a_gradient_that_is_not_finite():
    rule = optim.SGD(lr=0.1)
    with pytest.raises(NonFiniteError, match="the loss is 0 and its gradient is not finite") as caught:
        train_step(lambda p: np.sum(np.sqrt(p)), rule)(np.zeros(2), rule.init(np.zeros(2)))
    assert "np.sqrt" in str(caught.value)  # the line


def test_numbers_that_are_given():
    rule = optim.SGD(lr=0.1)
    step = train_step(lambda p, x, y: np.mean((p["w"] * x - y) ** 2), rule)
    x = np.ones(4)
    with pytest.raises(NonFiniteError, match=r"batch\[1\] has nan at \[2\]"):
        step({"w": 1.0}, rule.init({"w": 1.0}), x, np.array([1.0, 2.0, np.nan, 3.0]))
    with pytest.raises(NonFiniteError, match=r"model\['w'\] has inf"):
        step({"w": np.inf}, rule.init({"w": 1.0}), x, x)


def test_infinities_that_have_no_part_in_the_result_are_none_of_its_business():
    mask = np.where(np.tri(3, dtype=bool), 0.0, -np.inf)
    rule = optim.SGD(lr=0.1)
    _, _, value = train_step(lambda p: np.sum(wg.softmax(p + mask, axis=-1) ** 2), rule)(
        np.zeros((3, 3)), rule.init(np.zeros((3, 3)))
    )
    assert value == pytest.approx(1 + 1 / 2 + 1 / 3)


# What is refused ------------------------------------------------------------------------------------------------------


class Writer(nn.Module):
    weight: nn.Parameter
    seen: nn.Buffer

    def __init__(self, how):
        self.weight, self.seen, self.how = np.ones(2), np.zeros(2), how

    def forward(self, x):
        y = self.weight * x
        if self.how == "field":
            self.hidden = y
        elif self.how == "parameter":
            self.weight = y
        elif self.how == "shape":
            self.seen = np.stack([y, y])
        return y


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("field", ArgumentError, "other fields"),
        ("parameter", ArgumentError, r"assigns model.weight, which is a parameter"),
        ("shape", ShapeError, "a buffer keeps its form"),
    ],
)
def test_a_forward_pass_may_change_buffers_only(how, error, words):
    rule, model = optim.SGD(lr=0.1), Writer(how)
    with pytest.raises(error, match=words):
        train_step(lambda m, x: np.sum(m(x)), rule)(model, rule.init(model), np.ones(2))


def test_labels_out_of_range_are_found_by_the_compiled_step_too():
    x, y = points()
    rule, model = optim.SGD(lr=0.1), Net()
    step, state = train_step(supervised(cross_entropy), rule), rule.init(Net())
    for _ in range(3):
        model, state, _ = step(model, state, x, y)
    with pytest.raises(ArgumentError, match="label from 0 to 1"):
        step(model, state, x, y + 1)
    step(model, state, x, y)


def test_a_layer_is_named_when_shapes_do_not_fit():
    x, y = points()
    rule, model = optim.SGD(lr=0.1), Net()
    with pytest.raises(ShapeError, match=r"Linear\(2 → 8\).*\(64, 1\)"):
        train_step(supervised(cross_entropy), rule)(model, rule.init(model), x[:, :1], y)


@pytest.mark.parametrize(
    ("loss", "rule", "error", "words"),
    [
        (cross_entropy, optim.SGD(lr=0.1), ArgumentError, "supervised"),
        (3, optim.SGD(lr=0.1), ArgumentError, "takes a function"),
        (supervised(squared_error), optim.SGD, ArgumentError, r"SGD\(lr="),
        (supervised(squared_error), 0.1, ArgumentError, "one of wg.optim"),
        (supervised(squared_error), optim.LBFGS(line_search=True), ArgumentError, "line search"),
    ],
)
def test_what_is_no_loss_or_no_optimizer(loss, rule, error, words):
    with pytest.raises(error, match=words):
        train_step(loss, rule)


@pytest.mark.parametrize(
    ("loss", "error", "words"),
    [
        (lambda p: (np.sum(p), 1.0), ArgumentError, "dictionary of metrics"),
        (lambda p: (np.sum(p), {"m": p}), ShapeError, "metric 'm' is no number"),
        (lambda p: p, ShapeError, "returns one number"),
    ],
)
def test_what_a_loss_may_return(loss, error, words):
    rule = optim.SGD(lr=0.1)
    with pytest.raises(error, match=words):
        train_step(loss, rule)(np.ones(2), rule.init(np.ones(2)))


def test_nothing_to_train():
    rule = optim.SGD(lr=0.1)
    with pytest.raises(ArgumentError, match="nothing to train"):
        train_step(lambda m: 1.0, rule)(nn.Identity(), rule.init(nn.Identity()))
