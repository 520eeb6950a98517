"""Modules: what is a parameter, that they are pytrees, and that both styles have the same derivatives."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections import namedtuple

import numpy as np
import optree
import pytest

import wengert as wg
from wengert.nn.module import Buffer, Module, Parameter, trainable

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


class Affine(Module):
    weight: Parameter
    bias: Parameter | None
    calls: Buffer

    def __init__(self, n_in, n_out, act=np.tanh, bias=True):
        self.weight = np.linspace(-1.0, 1.0, n_in * n_out).reshape(n_out, n_in)
        self.bias = np.zeros(n_out) if bias else None
        self.calls = np.zeros((), np.int64)
        self.act = act
        self.name = "affine"

    def forward(self, x):
        self.calls = self.calls + 1
        y = x @ self.weight.T
        return self.act(y if self.bias is None else y + self.bias)


class Net(Module):
    def __init__(self):
        self.layers = [Affine(3, 4), Affine(4, 2, bias=False)]
        self.by_name = {"last": Affine(2, 1)}
        self.scale = wg.Variable(2.0)
        self.table = np.arange(3.0)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.scale * self.by_name["last"](x)


def loss(model, x):
    return np.sum(model(x) ** 2)


def plain(model):
    leaves, treedef = optree.tree_flatten(model, namespace="wengert")
    return treedef.unflatten(leaves)


# Fields ---------------------------------------------------------------------------------------------------------------

NAMES = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "by_name.last.weight", "by_name.last.bias", "scale"]


def test_parameters_are_what_is_declared_or_a_variable():
    model = Net()
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert all(isinstance(p, wg.Variable) for p in model.parameters())
    buffers = ["layers.0.calls", "layers.1.calls", "by_name.last.calls", "table"]
    assert [name for name, _ in model.named_buffers()] == buffers
    assert model.num_parameters == 12 + 4 + 8 + 2 + 1 + 1
    assert [name for name, _ in model.named_modules()] == ["", "layers.0", "layers.1", "by_name.last"]
    assert model.children() == [*model.layers, model.by_name["last"]]


def test_leaves_are_plain_arrays_with_paths():
    model = Net()
    leaves, _ = optree.tree_flatten(model, namespace="wengert")
    assert not any(isinstance(leaf, wg.Variable) for leaf in leaves)
    paths = [a.codify("model") for a in optree.tree_accessors(model, namespace="wengert")]
    assert paths[0] == "model.layers[0].weight"
    assert trainable(model) == [True, True, False, True, False, True, True, False, True, False]
    assert trainable((model.layers[1], 1.0, [np.zeros(2)])) == [True, False, True, True]


def test_lists_tuples_dicts_and_named_tuples_of_variables():
    Pair = namedtuple("Pair", "first second")

    class Scattered(Module):
        many: list[Parameter]

        def __init__(self):
            self.w = [wg.Variable(1.0), [wg.Variable(2.0)]]
            self.pair = Pair(wg.Variable(3.0), 4)
            self.t = (wg.Variable(5.0), "text")
            self.many = [np.ones(2), np.zeros(2)]

    model = Scattered()
    names = ["w.0", "w.1.0", "pair.0", "t.0", "many.0", "many.1"]
    assert [name for name, _ in model.named_parameters()] == names
    again = plain(model)
    assert again.pair == Pair(3.0, 4)
    assert again.t == (5.0, "text")
    assert [name for name, _ in again.named_parameters()] == names
    assert isinstance(again.pair, Pair)


def test_what_a_parameter_is_stays_one():
    model = plain(Net())
    assert model.scale == 2.0
    model.scale = model.scale + 1.0
    model.layers[0].weight = model.layers[0].weight * 2
    assert type(model.layers[0].weight) is np.ndarray
    assert trainable(model) == trainable(Net())
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert isinstance(model.scale, wg.Variable)
    assert model.scale.data == 3.0


def test_whatever_changes_in_a_module_that_was_put_together_is_seen():
    def changed(change):
        model = plain(Net())
        before = optree.tree_structure(model, namespace="wengert")
        assert optree.tree_structure(model, namespace="wengert") == before
        change(model)
        leaves, after = optree.tree_flatten(model, namespace="wengert")
        assert after != before
        again = after.unflatten(leaves)
        assert optree.tree_structure(again, namespace="wengert") == after
        return again

    assert changed(lambda m: m.layers[0].eval()).layers[0].training is False
    assert changed(lambda m: setattr(m.layers[0], "act", np.sin)).layers[0].act is np.sin
    assert changed(lambda m: setattr(m, "new", 3)).new == 3
    assert not hasattr(changed(lambda m: delattr(m.layers[1], "name")).layers[1], "name")
    assert len(changed(lambda m: m.layers.append(Affine(2, 2))).layers) == 3
    assert changed(lambda m: setattr(m.layers[0], "bias", None)).layers[0].bias is None
    assert changed(lambda m: m.layers.reverse()).layers[1].weight.shape == (4, 3)
    assert list(changed(lambda m: m.by_name.update(more=np.ones(2))).by_name) == ["last", "more"]
    assert changed(lambda m: setattr(m, "table", np.arange(3))).table.dtype == int
    shared = changed(lambda m: m.layers.__setitem__(1, m.layers[0]))
    assert shared.layers[0] is shared.layers[1]
    model = plain(Net())
    model.scale = wg.Variable(3.0)
    assert optree.tree_leaves(model, namespace="wengert")[-2] == 3.0
    assert not isinstance(optree.tree_leaves(model, namespace="wengert")[-2], wg.Variable)


def test_a_tree_of_other_things_has_the_same_leaves():
    model = Net()
    masks = optree.tree_map(lambda leaf: True, model, namespace="wengert")
    assert optree.tree_leaves(masks, namespace="wengert") == [True] * 10
    assert optree.tree_structure(masks, namespace="wengert") == optree.tree_structure(model, namespace="wengert")


def test_a_buffer_has_no_history():
    class Mean(Module):
        mean: Buffer

        def __init__(self):
            self.mean, self.w = np.zeros(()), wg.Variable(3.0)

        def forward(self, x):
            self.mean = 0.5 * self.mean + x * self.w
            return x * self.w

    model = Mean()
    model(1.0)
    model(1.0)
    assert not isinstance(model.mean, wg.Variable)
    assert model.mean == 4.5
    assert len(model.parameters()) == 1


def test_a_result_that_is_kept_is_no_parameter():
    class Keeps(Module):
        def __init__(self):
            self.w = wg.Variable(3.0)

        def forward(self, x):
            self.out = x * self.w
            return self.out

    model = Keeps()
    model(2.0).backward()
    assert len(model.parameters()) == 1
    assert trainable(model) == [True, False]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.random.default_rng(0), "draw once"),
        ({1, wg.Variable(1.0)}, "no order"),
        (bytearray(b"x"), "without a hash"),
        (Net().forward, "stay bound"),
    ],
)
def test_what_cannot_be_followed_is_refused(value, words):
    model = Affine(2, 2)
    model.extra = value
    with pytest.raises(wg.ArgumentError, match=words):
        wg.grad(loss)(model, X[:, :2])


def test_a_parameter_is_not_replaced_by_a_result():
    model = Affine(3, 2)
    with pytest.raises(wg.ArgumentError, match=r"Affine\.weight"):
        model.weight = model.weight * 2.0


def test_a_declaration_is_read_without_importing_what_only_types_need():
    class Odd(Module):
        weight: Parameter
        other: Unknown  # noqa: F821

        def __init__(self):
            self.weight, self.other = 1.0, 2.0

    assert [name for name, _ in Odd().named_parameters()] == ["weight"]


def test_a_dataclass_is_a_module():
    @dataclasses.dataclass
    class Line(Module):
        slope: Parameter
        shift: Parameter = 1.0
        name: str = "line"

        def forward(self, x):
            return self.slope * x + self.shift

    line = Line(np.array([2.0, 3.0]))
    assert [name for name, _ in line.named_parameters()] == ["slope", "shift"]
    grads = wg.jit(wg.grad(lambda line: np.sum(line(2.0))))(line)
    np.testing.assert_array_equal(grads.slope, 2.0)
    assert grads.shift == 2.0


def test_a_number_of_the_class_is_refused():
    class Forgotten(Module):
        slope: Parameter = 1.0

    with pytest.raises(wg.ArgumentError, match="belongs to the class"):
        Forgotten().parameters()


def test_a_plain_model_is_numpy():
    model = Tied()
    still = model.plain()
    assert type(still(X)) is np.ndarray
    np.testing.assert_array_equal(still(X), model(X).data)
    still.embed.weight += 1.0
    assert model.embed.weight.data[0, 0] == -1.0
    assert still.head.weight is still.embed.weight


def test_a_module_without_forward_says_so():
    with pytest.raises(wg.ArgumentError, match="def forward"):
        Module()(1.0)


# Both styles ----------------------------------------------------------------------------------------------------------


def test_tape_functional_and_compiled_agree():
    model = Net()
    loss(model, X).backward()
    expected = [p.grad for p in model.parameters()]
    value, grads = wg.value_and_grad(loss)(model, X)
    assert value == loss(model, X).data
    step = wg.jit(wg.value_and_grad(loss))
    _, compiled = step(model, X)
    for found in (grads, compiled):
        assert type(found) is Net
        for want, have in zip(expected, found.parameters(), strict=True):
            np.testing.assert_allclose(have.data, want, rtol=1e-13)
    report = step.report(model, X)
    assert (report.obstacle, "in NumPy: none" in str(report)) == ("", True)


def test_state_goes_through_a_transformation_as_aux():
    def run(model, x):
        return loss(model, x), model

    model = Net()
    (_, after), _ = wg.value_and_grad(run, has_aux=True)(model, X)
    assert model.layers[0].calls == 0
    assert after.layers[0].calls == 1
    step = wg.jit(lambda model, x: wg.value_and_grad(run, has_aux=True)(model, x)[0][1])
    for count in (2, 3):
        after = step(after, X)
        assert after.layers[0].calls == count
        assert after.layers[0].calls.dtype == np.int64


def test_whole_numbers_stay_whole():
    class Counter(Module):
        count: Buffer
        w: Parameter

        def __init__(self):
            self.count, self.w = np.array([7], np.int32), 2.0

        def forward(self):
            assert self.count.dtype == np.int32
            return self.w * np.sum(self.count)

    for transformed in (wg.grad, lambda f, **how: wg.jit(wg.grad(f, **how))):
        grads, after = transformed(lambda model: (model(), model), has_aux=True)(Counter())
        assert (grads.w, grads.count.dtype) == (7.0, np.int32)
        assert (after.count, after.count.dtype) == (7, np.int32)
    after.count = np.array([0.5])
    assert plain(after).count == 0.5
    zeros = optree.tree_map(lambda leaf: 0.0, Counter(), namespace="wengert")
    assert optree.tree_structure(zeros, namespace="wengert") == optree.tree_structure(Counter(), namespace="wengert")


def test_fixed_fields_make_other_programs():
    class Choice(Module):
        def __init__(self):
            self.act, self.w = np.tanh, wg.Variable(2.0)

        def forward(self, x):
            return self.act(self.w * x)

    f = wg.jit(lambda model, x: model(x))
    assert f(Choice(), 0.5) == pytest.approx(np.tanh(1.0), rel=1e-15)
    other = Choice()
    other.act = np.sin
    assert f(other, 0.5) == pytest.approx(np.sin(1.0), rel=1e-15)
    assert f.cache_info().traces == 2
    f(Choice(), 0.25)
    assert f.cache_info().traces == 2
    model, other = Affine(2, 2), Affine(2, 2)
    model.act = np.sin
    assert optree.tree_structure(model, namespace="wengert") != optree.tree_structure(other, namespace="wengert")
    assert optree.tree_structure(other.eval(), namespace="wengert") != optree.tree_structure(
        Affine(2, 2), namespace="wengert"
    )
    model.act = other.act
    model.flag = 1
    other.train().flag = True
    assert optree.tree_structure(model, namespace="wengert") != optree.tree_structure(other, namespace="wengert")


def test_second_derivatives():
    class Cubic(Module):
        a: Parameter

        def __init__(self):
            self.a = np.array([1.0, 2.0])

        def forward(self, x):
            return np.sum(self.a**3) * x

    hessian = wg.hessian(lambda model: model(2.0))(Cubic())
    np.testing.assert_allclose(hessian.a.a, np.diag([12.0, 24.0]))


def test_parameters_inside_of_a_transformation_are_refused():
    with pytest.raises(wg.ArgumentError, match="value_and_grad"):
        wg.grad(lambda model: np.sum(model.parameters()[0]))(Net())


# Sharing --------------------------------------------------------------------------------------------------------------


class Tied(Module):
    def __init__(self):
        self.embed, self.head, self.again = Affine(3, 3), Affine(3, 3), None
        self.head.weight = self.embed.weight
        self.again = self.embed

    def forward(self, x):
        return self.head(self.embed(x))


def test_what_is_shared_is_one_leaf_and_stays_shared():
    model = Tied()
    names = ["embed.weight", "embed.bias", "head.bias"]
    assert [name for name, _ in model.named_parameters()] == names
    loss(model, X).backward()
    grads = wg.grad(loss)(model, X)
    np.testing.assert_allclose(grads.embed.weight, model.embed.weight.grad, rtol=1e-13)
    copied = plain(plain(model))
    assert copied.embed is copied.again
    assert copied.head.weight is copied.embed.weight
    assert len(optree.tree_leaves(copied, namespace="wengert")) == 5
    assert [name for name, _ in copied.named_parameters()] == names
    assert copied.head.weight is copied.embed.weight
    assert set(model.state_dict()) >= {"embed.weight", "head.weight"}


def test_an_assignment_ends_the_sharing():
    model = plain(Tied())
    model.head.weight = np.zeros((3, 3))
    assert len(optree.tree_leaves(model, namespace="wengert")) == 6
    np.testing.assert_array_equal(plain(model).head.weight, 0)
    assert plain(model).embed.weight[0, 0] == -1.0


def test_equal_leaves_are_not_taken_for_shared_ones():
    once = np.ones(3)

    class Two(Module):
        a: Buffer
        b: Buffer

        def __init__(self):
            self.a = self.b = once

    model = Two()
    assert len(optree.tree_leaves(model, namespace="wengert")) == 2
    same = optree.tree_map(lambda leaf: once, Tied(), namespace="wengert")
    assert len(optree.tree_leaves(same, namespace="wengert")) == 5


def test_a_module_that_knows_its_parent():
    class Node(Module):
        def __init__(self, parent=None):
            self.parent, self.child, self.w = parent, None if parent else Node(self), wg.Variable(1.0)

    again = plain(Node())
    assert again.child.parent is again
    assert len(again.parameters()) == 2


# Habits ---------------------------------------------------------------------------------------------------------------


def test_zero_grad_train_and_eval():
    model = Net()
    loss(model, X).backward()
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    assert model.training
    assert model.eval() is model
    assert not model.layers[0].training
    assert not plain(model).by_name["last"].training
    assert model.train().layers[1].training


def test_astype_makes_a_new_module():
    model = Tied()
    single = model.astype(np.float32)
    assert model.embed.weight.dtype == np.float64
    assert single.embed.weight.dtype == np.float32
    assert single.embed.calls.dtype == np.int64
    assert single.head.weight is single.embed.weight
    assert isinstance(single.embed.weight, wg.Variable)
    assert loss(single, X.astype(np.float32)).dtype == np.float32
    assert type(plain(model).astype(np.float32).embed.weight) is np.ndarray
    with pytest.raises(wg.ArgumentError, match="int64"):
        model.astype(np.int64)


def test_state_goes_out_and_in():
    model, other = Net(), Net()
    for p in other.parameters():
        p.data = p.data + 1.0
    kept = [id(p) for p in model.parameters()]
    state = other.state_dict()
    assert list(state)[:2] == ["layers.0.weight", "layers.0.bias"]
    assert model.load_state_dict(state) is model
    assert [id(p) for p in model.parameters()] == kept
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
    state["scale"] += 1
    assert other.scale.data == 3.0, "a state is a copy"
    functional = plain(Net()).load_state_dict(state)
    assert functional.scale == 4.0
    assert type(functional.scale) is not wg.Variable


def test_a_state_that_does_not_fit_changes_nothing():
    model = Net()
    before = model.state_dict()
    with pytest.raises(wg.ShapeError, match=r"layers\.0\.bias has shape \(4,\) in this model and \(5,\)"):
        model.load_state_dict({**before, "scale": 9.0, "layers.0.bias": np.zeros(5)})
    with pytest.raises(wg.ShapeError, match="without scale and with other"):
        model.load_state_dict({**{k: v for k, v in before.items() if k != "scale"}, "other": 1.0})
    with pytest.raises(wg.ShapeError, match="complex128"):
        model.load_state_dict({**before, "scale": 1j})
    assert model.scale.data == 2.0
    model.load_state_dict({"scale": 5.0, "unknown": 1.0}, strict=False)
    assert model.scale.data == 5.0


def test_copies_are_independent():
    model = Tied()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), copy.deepcopy(plain(model))):
        assert twin.head.weight is twin.embed.weight
        assert len(twin.parameters()) == 3
        twin.embed.weight.data += 1.0
        assert model.embed.weight.data[0, 0] == -1.0


def test_repr_and_summary_count_the_parameters():
    model = Net()
    text = repr(model)
    assert text.splitlines()[0] == "Net()  # 28 parameters"
    assert "  layers.0: Affine(act=tanh, name='affine')  # 16 parameters" in text
    table = model.summary(X)
    assert table.rows[1] == ("layers.0", "Affine", (2, 4), 16)
    assert table.rows[0] == ("", "Net", (2, 1), 28)
    assert "by_name.last: Affine" in str(table)
    assert model.layers[0].calls == 0, "the summary runs a copy"
    assert "result" not in str(model.summary())


def test_a_compiled_module_follows_its_own_numbers():
    model = wg.nn.Linear(3, 2, rng=0)
    predict = wg.jit(model)
    x = np.arange(3.0)
    for _ in range(2):
        want = model.weight.data @ x + model.bias.data
        got = predict(x)
        assert type(got) is np.ndarray
        np.testing.assert_allclose(got, want, rtol=1e-14)
        model.weight.data *= 2.0
    assert predict.trace_count == 1
    assert predict.report(x).obstacle == ""
    assert "Linear" in repr(predict)


def double(x):
    return 2 * x


def test_a_module_with_a_named_function_is_pickled_and_stays_equal():
    model = wg.nn.Sequential(wg.nn.Linear(2, 3, activation=wg.nn.gelu), wg.nn.Lambda(double)).plain()
    again = pickle.loads(pickle.dumps(model))
    x = np.ones(2)
    np.testing.assert_array_equal(again(x), model(x))
    assert optree.tree_structure(again, namespace="wengert") == optree.tree_structure(model, namespace="wengert")
