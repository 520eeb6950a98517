"""What all optimizers share: trees, dtypes, both styles, compilation, and what they refuse."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import wengert as wg
from wengert import optim
from wengert.core.errors import ArgumentError
from wengert.nn.module import Buffer, Module, Parameter
from wengert.optim import SGD, Adagrad, Adam, AdamW, ClipNorm, ClipValue, CosineDecay, Lion, RMSprop

RULES = {
    "SGD": lambda params=None, **more: SGD(params, lr=0.1, **more),
    "momentum": lambda params=None, **more: SGD(params, lr=0.1, momentum=0.9, dampening=0.1, **more),
    "Nesterov": lambda params=None, **more: SGD(params, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1, **more),
    "Adam": lambda params=None, **more: Adam(params, lr=0.1, weight_decay=0.1, **more),
    "AMSGrad": lambda params=None, **more: Adam(params, lr=0.1, amsgrad=True, **more),
    "AdamW": lambda params=None, **more: AdamW(params, lr=0.1, **more),
    "RMSprop": lambda params=None, **more: RMSprop(params, **more),
    "centered": lambda params=None, **more: RMSprop(params, centered=True, momentum=0.5, weight_decay=0.1, **more),
    "Adagrad": lambda params=None, **more: Adagrad(params, lr=0.1, lr_decay=0.1, weight_decay=0.1, **more),
    "Lion": lambda params=None, **more: Lion(params, lr=0.01, weight_decay=0.1, **more),
}
every = pytest.mark.parametrize("name", RULES)


def start(dtype=np.float64):
    return {"w": np.array([[1.0, -2.0], [0.5, 3.0]], dtype), "b": [np.array([0.25, -0.5], dtype)]}


def loss(p):
    return np.sum(np.tanh(p["w"] @ p["b"][0]) ** 2) + np.sum(p["w"] ** 4) / 10 + np.sum(np.cos(p["b"][0]))


def run(step, params, state, steps=8):
    for _ in range(steps):
        params, state = step(params, state)
    return params, state


def leaves(tree):
    return [tree["w"], tree["b"][0]]


@every
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 2e-5)])
def test_compiled_steps_are_the_steps_and_keep_the_dtype(name, dtype, tolerance):
    opt = RULES[name]()

    def step(p, s):
        return opt.update(wg.grad(loss)(p), s, p)

    compiled = wg.jit(step)
    params, state = run(step, start(dtype), opt.init(start(dtype)))
    same, same_state = run(compiled, start(dtype), opt.init(start(dtype)))
    assert compiled.trace_count == 1
    assert state["step"] == same_state["step"] == 8
    for kept in opt.kept:
        for a, b in zip(state[kept], same_state[kept], strict=True):
            assert a.dtype == b.dtype == dtype
            assert np.allclose(a, b, rtol=tolerance, atol=tolerance)
    for a, b in zip(leaves(params), leaves(same), strict=True):
        assert a.dtype == b.dtype == dtype
        assert np.allclose(a, b, rtol=tolerance, atol=tolerance)


@every
def test_both_styles_make_the_same_steps_bit_for_bit(name):
    opt = RULES[name](clip=[ClipValue(2.0), ClipNorm(1.5)])
    params, state = run(lambda p, s: opt.update(wg.grad(loss)(p), s, p), start(), opt.init(start()))
    tree = {"w": wg.Variable(start()["w"]), "b": [wg.Variable(start()["b"][0])]}
    tape = RULES[name](tree, clip=[ClipValue(2.0), ClipNorm(1.5)])
    for _ in range(8):
        tape.zero_grad()
        loss(tree).backward()
        tape.step()
    assert tape.state["step"] == state["step"]
    for a, b in zip(leaves(params), leaves(tree), strict=True):
        assert np.array_equal(a, b.data)


@every
def test_numbers_stay_numbers(name):
    opt, start = RULES[name](), {"a": 1.0, "b": [np.float32(2.0), np.float64(3.0), np.array(4.0)]}

    def step(p, s):
        return opt.update(wg.grad(lambda p: p["a"] ** 2 + np.sin(p["b"][0]) + p["b"][1] + p["b"][2] ** 2)(p), s, p)

    compiled = wg.jit(step)
    for advance in (step, compiled):
        params, state = run(advance, start, opt.init(start))
        assert [type(v) for v in (params["a"], *params["b"][:2])] == [float, np.float32, np.float64]
        assert all(type(state[kept][0]) is float for kept in opt.kept)
    assert compiled.trace_count <= 2  # once more where an array of no axes has become a number


@every
def test_complex_parameters_are_pairs_of_real_ones(name):
    z, ab = {"z": np.array([1 + 2j, -3j])}, {"z": np.array([[1.0, 0.0], [2.0, -3.0]])}
    opt = RULES[name](clip=ClipNorm(3.0))
    found, _ = run(lambda p, s: opt.update(wg.grad(lambda p: np.sum(np.abs(p["z"] - 1) ** 4))(p), s, p), z, opt.init(z))

    def real(p):
        return np.sum(((p["z"][0] - 1) ** 2 + p["z"][1] ** 2) ** 2)

    pair, _ = run(lambda p, s: opt.update(wg.grad(real)(p), s, p), ab, opt.init(ab))
    assert np.allclose(found["z"], pair["z"][0] + 1j * pair["z"][1], rtol=1e-12)


@every
def test_half_precision_is_computed_in_single(name):
    p, g = {"w": np.array([1.0, 2.0], np.float16)}, {"w": np.array([0.0, 1e-4], np.float16)}
    wide, steep = ({"w": v["w"].astype(np.float32)} for v in (p, g))
    opt = RULES[name]()
    new, state = opt.update(g, opt.init(p), p)
    assert new["w"].dtype == np.float16
    assert np.array_equal(new["w"], opt.update(steep, opt.init(wide), wide)[0]["w"].astype(np.float16))
    assert all(v.dtype == np.float32 for kept in opt.kept for v in state[kept])


@every
@pytest.mark.parametrize("tree", [{}, [], (), None, {"a": None, "b": []}, [np.zeros((0, 3))]])
def test_nothing_to_train(name, tree):
    opt = RULES[name](clip=[ClipNorm(1.0), ClipValue(1.0)])
    for update in (opt.update, wg.jit(opt.update)):
        params, state = update(tree, opt.init(tree), tree)
        assert state["step"] == 1
        assert repr(params) == repr(tree)


@every
def test_nan_in_a_gradient_is_not_hidden(name):
    p = [np.ones(2), np.ones(1)]
    opt = RULES[name]()
    for update in (opt.update, wg.jit(opt.update)):
        new, state = update([np.array([np.nan, 1.0]), np.ones(1)], opt.init(p), p)
        assert np.array_equal(np.isnan(new[0]), [True, False])
        assert np.isfinite(new[1][0])
        again, _ = update([np.ones(2), np.ones(1)], state, new)
        assert np.isnan(again[0][0])


@every
def test_steps_have_a_derivative_by_the_rate(name):
    """A hyperparameter can be learned: the loss after some steps, differentiated by lr in every way."""
    opt = RULES[name]()

    def after(lr):
        params, _ = run(lambda p, s: opt.update(wg.grad(loss)(p), s, p, lr=lr), start(), opt.init(start()), 3)
        return loss(params)

    wg.check_grads(after, (0.02,), order=1)
    assert wg.jit(wg.grad(after))(0.02) == pytest.approx(wg.grad(after)(0.02), rel=1e-9)


@every
def test_training_as_one_scan(name):
    opt = RULES[name]()

    def body(carry, shift):
        p, s = carry
        value, grads = wg.value_and_grad(lambda p: loss(p) + shift * np.sum(p["w"]))(p)
        return opt.update(grads, s, p), value

    shifts = np.linspace(0.0, 0.2, 5)
    (params, _), values = wg.jit(lambda p: wg.scan(body, (p, opt.init(p)), shifts))(start())
    carry = start(), opt.init(start())
    for k, shift in enumerate(shifts):
        carry, value = body(carry, shift)
        assert value == pytest.approx(values[k], rel=1e-10)
    for a, b in zip(leaves(params), leaves(carry[0]), strict=True):
        assert np.allclose(a, b, rtol=1e-10)


def test_an_optimizer_can_be_copied_and_pickled():
    opt = Adam(lr=CosineDecay(0.1, 9), clip=ClipNorm(1.0))
    for other in (copy.deepcopy(opt), pickle.loads(pickle.dumps(opt))):
        assert repr(other) == repr(opt)
        assert other.update(2.0, other.init(1.0), 1.0) == opt.update(2.0, opt.init(1.0), 1.0)


# Modules ----------------------------------------------------------------------------------------------------


class Scaled(Module):
    weight: Parameter
    count: Buffer

    def __init__(self):
        self.weight = np.array([1.0, 2.0])
        self.count = np.array([10.0, 20.0])


@every
def test_buffers_stay_as_they_are(name):
    opt, model = RULES[name](clip=ClipNorm(1.0)), Scaled()

    def f(m):
        return np.sum(m.weight**2 * m.count)

    state = opt.init(model)
    assert all(len(state[kept]) == 1 for kept in opt.kept)
    for update in (opt.update, wg.jit(opt.update)):
        new, _ = update(wg.grad(f)(model), state, model)
        assert type(new) is Scaled
        assert np.array_equal(new.count, [10.0, 20.0])
        assert not np.any(new.weight == [1.0, 2.0])
    tape = RULES[name](model, clip=ClipNorm(1.0))
    f(model).backward()
    tape.step()
    assert np.allclose(model.weight.data, new.weight, rtol=1e-12)


def test_the_mode_of_a_module_is_no_part_of_the_state():
    opt, model = Adam(lr=0.1), Scaled()
    state = opt.init(model.train())
    model.eval()
    opt.update(wg.grad(lambda m: np.sum(m.weight))(model), state, model)


# The learning rate ------------------------------------------------------------------------------------------


def test_a_schedule_is_followed_without_recording_again():
    rates = []

    def rate(k):
        rates.append(k)
        return np.where(k < 2, 1.0, 0.5) / (k + 1)

    opt = SGD(lr=rate)
    step = wg.jit(lambda p, s: opt.update(2.0, s, p))
    params, _ = run(step, 0.0, opt.init(0.0), 5)
    assert params == pytest.approx(-2 * (1 + 1 / 2 + 0.5 / 3 + 0.5 / 4 + 0.5 / 5), rel=1e-15)
    assert step.trace_count == len(rates) == 1


@every
def test_the_rate_of_one_step(name):
    opt = RULES[name]()
    grads, state, p = {"w": np.ones(3)}, opt.init({"w": np.ones(3)}), {"w": np.ones(3)}
    step = wg.jit(lambda g, s, p, lr: opt.update(g, s, p, lr=lr))
    assert np.array_equal(step(grads, state, p, 0.0)[0]["w"], p["w"])
    moved = 1 - opt.update(grads, state, p, lr=1e-3)[0]["w"]
    assert np.allclose(1 - step(grads, state, p, 2e-3)[0]["w"], 2 * moved, rtol=1e-12)
    assert step.trace_count == 1
    one = wg.Variable(1.0)
    tape = RULES[name]([one])
    one.grad = 1.0
    tape.step(lr=1e-3)
    assert 1 - one.data == pytest.approx(moved[0])


def test_settings_are_fixed():
    opt = Adam(lr=0.1)
    for name in ("lr", "betas", "clip", "anything"):
        with pytest.raises(ArgumentError, match=f"{name} of an optimizer is fixed"):
            setattr(opt, name, 0.5)
    assert repr(opt) == "Adam(lr=0.1, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0, amsgrad=False)"
    assert repr(SGD(lr=CosineDecay(0.1, 9), clip=ClipNorm(1.0))).startswith(
        "SGD(lr=CosineDecay(lr=0.1, steps=9, end=0.0), clip=(ClipNorm(limit=1.0),), momentum=0.0"
    )


# The style of the tape --------------------------------------------------------------------------------------


@every
def test_large_parameters_are_moved_by_compiled_rules(name):
    x, many = start()["w"], (2, 2, 1024)
    small, large = wg.Variable(x), wg.Variable(np.broadcast_to(x[..., None], many).astype(np.float32))
    for p in (small, large):
        opt = RULES[name]([p])
        for _ in range(5):
            p.grad = np.cos(p.data)
            opt.step()
    assert large.dtype == np.float32
    assert np.allclose(large.data, small.data[..., None], rtol=1e-5, atol=1e-5)
    assert np.array_equal(large.data, np.broadcast_to(large.data[..., :1], many))


def test_a_parameter_without_a_gradient_stays():
    a, b = wg.Variable(1.0), wg.Variable(np.ones(2))
    opt = Adam([a, b], lr=0.1)
    (a * 3).backward()
    opt.step()
    assert a.data == pytest.approx(0.9)
    assert np.array_equal(b.data, [1, 1])
    assert opt.state["mean"][0] == pytest.approx(0.3)
    assert np.array_equal(opt.state["mean"][1], [0, 0])


def test_a_variable_that_is_given_twice_moves_once():
    a = wg.Variable(1.0)
    opt = SGD([a, a], lr=0.5, clip=ClipNorm(1.0))
    (a * 1.0).backward()
    opt.step()
    assert a.data == 0.5


def test_the_state_of_the_tape_can_be_kept_and_given_back():
    def fresh():
        p = wg.Variable(np.array([1.0, -2.0]))
        return p, Adam([p], lr=0.1)

    def step(p, opt):
        opt.zero_grad()
        np.sum(p**4).backward()
        opt.step()

    p, opt = fresh()
    for _ in range(3):
        step(p, opt)
    q, other = fresh()
    q.data, other.state = p.data.copy(), opt.state
    step(p, opt)
    step(q, other)
    assert np.array_equal(p.data, q.data)


def test_every_public_name_is_there():
    assert all(hasattr(optim, name) for name in optim.__all__)
