"""Losses against 60-digit arithmetic, also where probabilities round to 0 or 1, and what they refuse."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.losses import (
    absolute_error,
    binary_cross_entropy,
    cross_entropy,
    hinge,
    huber,
    kl_divergence,
    log_softmax,
    smooth_l1,
    squared_error,
)

mpf = mpmath.mpf
LOGITS = {
    "ordinary": [0.3, -1.2, 2.5],
    "certain": [40.0, 0.0, -3.0],
    "extreme": [1e4, -1e4, 0.0],
    "close": [1e4, 1e4 - 2.0, 1e4 - 60.0],
    "equal": [7.0, 7.0, 7.0],
    "two equal": [-5.0, 3.0, 3.0],
    "impossible": [0.0, -np.inf, 1.0],
    "single": [3.0],
}
DTYPES = [np.float64, np.float32]


@pytest.fixture(autouse=True)
def digits():
    with mpmath.workdps(60):
        yield


def ulps(found, exact, dtype):
    """The largest relative error in units of the dtype's precision; what underflows it may be 0."""
    worst = 0.0
    for a, b in zip(np.ravel(found), exact, strict=True):
        assert type(a) is dtype
        if mpmath.isinf(b) or abs(b) < np.finfo(dtype).tiny:
            assert float(a) == float(dtype(float(b))) or abs(a) < np.finfo(dtype).tiny
        else:
            worst = max(worst, float(abs((mpf(float(a)) - b) / b)) / float(np.finfo(dtype).eps))
    return worst


def exactly(z):
    """The probabilities of the logits, and their logarithms; p − 1 is had as minus the sum of the others."""
    z = [mpf(float(v)) for v in z]
    top = z.index(max(z))
    others = sum(mpmath.exp(v - z[top]) for i, v in enumerate(z) if i != top)
    shares = [mpmath.exp(v - z[top]) / (1 + others) for v in z]
    return shares, [v - z[top] - mpmath.log1p(others) for v in z]


# Classes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOGITS)
def test_log_softmax_and_its_derivative(name, dtype):
    z = np.array(LOGITS[name], dtype)
    shares, logs = exactly(z)
    assert ulps(log_softmax(z), logs, dtype) <= 4
    for k in range(len(z)):
        gradient = wg.grad(lambda z, k=k: log_softmax(z)[k])(z)
        exact = [sum(s for i, s in enumerate(shares) if i != k) if j == k else -shares[j] for j in range(len(z))]
        assert ulps(gradient, exact, dtype) <= 8, k


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOGITS)
def test_cross_entropy_of_labels(name, dtype):
    z = np.array(LOGITS[name], dtype)
    shares, logs = exactly(z)
    for k in range(len(z)):
        if not np.isfinite(z[k]):
            continue
        exact = [-sum(s for i, s in enumerate(shares) if i != k) if j == k else shares[j] for j in range(len(z))]
        for f in (wg.value_and_grad(cross_entropy), wg.jit(wg.value_and_grad(cross_entropy))):
            value, gradient = f(z, np.int64(k))
            assert ulps(value, [-logs[k]], dtype) <= 4
            assert ulps(gradient, exact, dtype) <= 8


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["ordinary", "certain", "close", "equal", "extreme"])
def test_cross_entropy_of_shares_and_divergence(name, dtype):
    z, q = np.array(LOGITS[name], dtype), np.array([0.25, 0.0, 0.75], dtype)
    shares, logs = exactly(z)
    target = [mpf(float(v)) for v in q]
    entropy = sum(t * mpmath.log(t) for t in target if t)
    value, gradient = wg.value_and_grad(cross_entropy)(z, q)
    exact = [s - t for s, t in zip(shares, target, strict=True)]
    assert ulps(value, [-sum(t * v for t, v in zip(target, logs, strict=True))], dtype) <= 4
    assert np.allclose(gradient, np.array(exact, float), rtol=0, atol=4 * np.finfo(dtype).eps)
    value, gradient = wg.value_and_grad(kl_divergence)(z, q)
    assert ulps(value, [entropy - sum(t * v for t, v in zip(target, logs, strict=True))], dtype) <= 8
    assert np.allclose(gradient, np.array(exact, float), rtol=0, atol=4 * np.finfo(dtype).eps)


def test_a_label_is_the_share_that_is_all():
    z = np.array([LOGITS["certain"], LOGITS["extreme"], LOGITS["ordinary"]])
    labels = np.array([0, 1, 2])
    ours, one_hot = (wg.value_and_grad(lambda z, t=t: cross_entropy(z, t))(z) for t in (labels, np.eye(3)))
    assert ours[0] == one_hot[0]
    assert np.array_equal(ours[1], one_hot[1])
    assert kl_divergence(z, np.eye(3)) == pytest.approx(float(ours[0]), rel=1e-15)
    assert cross_entropy(z, np.eye(3, dtype=int)) == ours[0]
    assert cross_entropy(z, np.eye(3, dtype=bool)) == ours[0]


def test_smoothing_moves_the_shares():
    z, labels = np.array([LOGITS["ordinary"], LOGITS["certain"]]), np.array([2, 1])
    smooth = 0.7 * np.eye(3)[labels] + 0.1
    expected = cross_entropy(z, smooth, reduction="none")
    assert np.allclose(cross_entropy(z, labels, label_smoothing=0.3, reduction="none"), expected, rtol=1e-14)
    assert np.allclose(cross_entropy(z, np.eye(3)[labels], label_smoothing=0.3, reduction="none"), expected, rtol=1e-14)


def test_the_axis_of_the_classes():
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(2, 4, 3, 5)), rng.integers(0, 4, (2, 3, 5))
    moved = np.moveaxis(z, 1, -1)
    for axis in (1, -3):
        assert np.allclose(cross_entropy(z, labels, axis=axis), cross_entropy(moved, labels), rtol=1e-14)
        assert np.allclose(kl_divergence(z, wg.softmax(z, axis=axis), axis=axis), 0.0, atol=1e-15)
    assert cross_entropy(z, labels, axis=1, reduction="none").shape == (2, 3, 5)
    gradient = wg.grad(lambda z: cross_entropy(z, labels, axis=1))(z)
    one_hot = np.moveaxis(np.eye(4)[labels], -1, 1)
    assert np.allclose(gradient, (wg.softmax(z, axis=1) - one_hot) / 30, rtol=1e-12, atol=1e-16)


def test_what_is_ignored_does_not_count():
    z, labels = np.array([LOGITS["ordinary"], LOGITS["certain"], LOGITS["extreme"]]), np.array([2, -100, 0])
    kept = cross_entropy(z[[0, 2]], labels[[0, 2]])
    for f in (cross_entropy, wg.jit(cross_entropy, static_argnames="ignore_index")):
        assert f(z, labels, ignore_index=-100) == pytest.approx(float(kept), rel=1e-15)
    each = cross_entropy(z, labels, ignore_index=-100, reduction="none")
    assert each[1] == 0.0
    assert cross_entropy(z, labels, ignore_index=-100, reduction="sum") == np.sum(each)
    assert np.all(wg.grad(lambda z: cross_entropy(z, labels, ignore_index=-100))(z)[1] == 0)
    with pytest.raises(ShapeError, match="over no labels"):
        cross_entropy(z[:1], np.array([7]), ignore_index=7)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("target", [np.array([2, 0]), np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])])
def test_derivatives_of_classes_agree_with_differences(target, order):
    z = np.array([[0.3, -1.2, 2.5], [1.0, 1.5, -2.0]])
    wg.check_grads(lambda z: cross_entropy(z, target, label_smoothing=0.1), (z,), order=order)
    if target.ndim == 2:
        wg.check_grads(lambda z: kl_divergence(z, target), (z,), order=order)


def test_the_hessian_is_that_of_the_softmax():
    z = np.array(LOGITS["two equal"])
    p = wg.softmax(z)
    assert np.allclose(wg.hessian(lambda z: cross_entropy(z, 1))(z), np.diag(p) - np.outer(p, p), atol=1e-15)


def test_divergence_by_its_target():
    z, q = np.array(LOGITS["ordinary"]), np.array([0.2, 0.3, 0.5])
    gradient = wg.grad(kl_divergence, argnums=1)(z, q)
    assert np.allclose(gradient, np.log(q) + 1 - log_softmax(z), rtol=1e-14)


# Yes or no --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_binary_cross_entropy(target, dtype):
    for z in (-1e4, -800.0, -40.0, -0.5, 0.0, 1e-3, 0.5, 40.0, 100.0, 1e4):
        x, t = mpf(float(dtype(z))), mpf(target)
        yes, no = 1 / (1 + mpmath.exp(-x)), 1 / (1 + mpmath.exp(x))
        value, gradient = wg.value_and_grad(binary_cross_entropy)(dtype(z), dtype(target))
        exact = t * mpmath.log1p(mpmath.exp(-x)) + (1 - t) * mpmath.log1p(mpmath.exp(x))
        assert ulps(value, [exact], dtype) <= 4
        # (1 − t)·p − t·(1 − p): near its zero only the terms are right to the last digits
        if target == 0.25:
            assert abs(float(gradient) - float(yes - t)) <= 4 * np.finfo(dtype).eps
        else:
            assert ulps(gradient, [(1 - t) * yes - t * no], dtype) <= 4


def test_binary_cross_entropy_is_that_of_two_classes():
    z = np.array([-3.0, 0.1, 50.0])
    two = np.stack([np.zeros(3), z], -1)
    assert np.allclose(
        binary_cross_entropy(z, np.array([1, 0, 1])), cross_entropy(two, np.array([1, 0, 1])), rtol=1e-14
    )


# Numbers ----------------------------------------------------------------------------------------------------

R = np.array([-1e4, -3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 3.0, 1e4])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("loss", "value", "slope"),
    [
        (squared_error, R**2, 2 * R),
        (absolute_error, np.abs(R), np.sign(R)),
        (huber, np.where(np.abs(R) <= 1, R**2 / 2, np.abs(R) - 0.5), np.clip(R, -1, 1)),
        (
            lambda p, t, reduction: huber(p, t, delta=3.0, reduction=reduction),
            np.where(np.abs(R) <= 3, R**2 / 2, 3 * np.abs(R) - 4.5),
            np.clip(R, -3, 3),
        ),
        (
            lambda p, t, reduction: smooth_l1(p, t, beta=0.25, reduction=reduction),
            np.where(np.abs(R) <= 0.25, 2 * R**2, np.abs(R) - 0.125),
            np.clip(4 * R, -1, 1),
        ),
        (lambda p, t, reduction: smooth_l1(p, t, beta=0.0, reduction=reduction), np.abs(R), np.sign(R)),
    ],
)
def test_losses_of_numbers(loss, value, slope, dtype):
    p, t = (R + 1).astype(dtype), np.ones(R.shape)
    found = loss(p, t, reduction="none")
    assert found.dtype == dtype
    assert np.allclose(found, value, rtol=4 * np.finfo(dtype).eps)
    for f in (loss, wg.jit(loss, static_argnames="reduction")):
        gradient = wg.grad(lambda p, f=f: f(p, t, reduction="sum"))(p)
        assert gradient.dtype == dtype
        assert np.allclose(gradient, slope, rtol=4 * np.finfo(dtype).eps)
    assert loss(p, t, reduction="mean") == pytest.approx(np.mean(value), rel=4 * float(np.finfo(dtype).eps))
    assert loss(p, t, reduction="mean").dtype == dtype


def test_the_curvature_of_huber_is_that_of_the_square_near_zero():
    second = wg.hessian(lambda r: huber(r, np.zeros(3), reduction="sum"))
    assert np.array_equal(second(np.array([0.0, 0.5, 2.0])), np.diag([1.0, 1.0, 0.0]))


def test_hinge():
    score, y = np.array([2.0, 1.0, 0.5, -1.0, 1e4]), np.array([1, 1, 1, 1, -1])
    assert np.array_equal(hinge(score, y, reduction="none"), [0, 0, 0.5, 2, 1 + 1e4])
    assert np.array_equal(wg.grad(lambda s: hinge(s, y, reduction="sum"))(score), [0, 0, -1, -1, 1])
    assert np.array_equal(hinge(score, y, margin=2.0, reduction="none"), [0, 1, 1.5, 3, 2 + 1e4])
    assert hinge(score.astype(np.float32), y).dtype == np.float32


def test_lists_of_variables_as_the_scalar_engine_has_them():
    scores = [wg.Variable(0.5), wg.Variable(-2.0)]
    loss = hinge(scores, [1, -1])
    loss.backward()
    assert (loss.data, scores[0].grad, scores[1].grad) == (0.25, -0.5, 0.0)
    x = wg.Variable(np.array([LOGITS["ordinary"]]))
    cross_entropy(x, np.array([2])).backward()
    assert np.allclose(x.grad, wg.softmax(x.data, axis=-1) - [[0, 0, 1]], rtol=1e-14)


# What is refused --------------------------------------------------------------------------------------------

PAIRS = [squared_error, absolute_error, huber, smooth_l1, hinge, binary_cross_entropy]


@pytest.mark.parametrize("loss", PAIRS)
def test_shapes_are_not_broadcast(loss):
    for p, t in (((3, 1), (3,)), ((3,), (3, 1)), ((3,), ()), ((2, 3), (3,)), ((2, 3), (2, 1))):
        with pytest.raises(ShapeError, match=rf"{loss.__name__} .*{str(p)[1:-1]}.*{str(t)[1:-1]}"):
            loss(np.ones(p), np.ones(t))
        with pytest.raises(ShapeError, match=loss.__name__):
            wg.jit(loss)(np.ones(p), np.ones(t))
    with pytest.raises(ShapeError, match=f"mean of {loss.__name__} over nothing"):
        loss(np.ones((0, 2)), np.ones((0, 2)))
    assert loss(np.ones((0, 2)), np.ones((0, 2)), reduction="sum") == 0
    with pytest.raises(ArgumentError, match="reduction"):
        loss(np.ones(2), np.ones(2), reduction="average")
    with pytest.raises(ArgumentError, match=rf"{loss.__name__} is a number.*at \[1\]"):
        loss(np.ones(2), np.array([1.0, np.nan]))
    with pytest.raises(ArgumentError, match="dtype"):
        loss(np.ones(2), np.array(["a", "b"]))
    with pytest.raises(ArgumentError, match="dtype"):
        loss(np.ones(2) + 1j, np.ones(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hinge(np.ones(2), np.array([1, 0])), r"−1 or 1.*has 0.0 at \[1\]"),
        (lambda: binary_cross_entropy(np.ones(2), np.array([1, -1])), r"from 0 to 1.*-1.0 at \[1\]"),
        (lambda: huber(np.ones(2), np.ones(2), delta=0), "positive"),
        (lambda: smooth_l1(np.ones(2), np.ones(2), beta=-1), "not negative"),
        (lambda: cross_entropy(np.ones((2, 3)), np.array([0, 3])), r"from 0 to 2.*has 3 at \[1\]"),
        (lambda: cross_entropy(np.ones((2, 3)), np.array([-1, 0])), r"from 0 to 2.*has -1 at \[0\]"),
        (lambda: cross_entropy(np.ones((2, 3)), np.array([0, -1]), ignore_index=-100), "has -1"),
        (lambda: cross_entropy(np.ones((2, 3)), np.array([0.0, 1.0])), "labels of cross_entropy are integers"),
        (lambda: cross_entropy(np.ones((2, 3)), np.array([0, 1]), label_smoothing=1.0), "label_smoothing"),
        (lambda: cross_entropy(np.ones((2, 3)), np.ones((2, 3))), "with sum 1"),
        (lambda: cross_entropy(np.ones((1, 2)), np.array([[2.0, -1.0]])), r"not negative.*-1.0 at \[0, 1\]"),
        (lambda: cross_entropy(np.ones((1, 2)), np.array([[np.nan, 1.0]])), "is a number"),
        (lambda: cross_entropy(np.ones((1, 2)), np.array([[0.5, 0.5]]), ignore_index=1), "ignore_index"),
        (lambda: kl_divergence(np.ones((1, 2)), np.array([[2.0, -1.0]])), "not negative"),
    ],
)
def test_targets_that_are_none(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: cross_entropy(np.ones((2, 3)), np.array([[0], [1]])),
        lambda: cross_entropy(np.ones((2, 3)), np.array([0, 1, 2])),
        lambda: cross_entropy(np.ones(()), np.array(0)),
        lambda: cross_entropy(np.ones((2, 0)), np.array([0, 0])),
        lambda: cross_entropy(np.ones((2, 3)), np.array([0, 1]), axis=2),
        lambda: cross_entropy(np.ones((0, 3)), np.zeros(0, int)),
        lambda: kl_divergence(np.ones((2, 3)), np.ones(3) / 3),
    ],
)
def test_shapes_of_classes(call):
    with pytest.raises(ShapeError, match=r"cross_entropy|kl_divergence"):
        call()


@pytest.mark.parametrize("bad", [3, -1, -3])
@pytest.mark.parametrize("dtype", [np.int64, np.int8])
def test_compiled_code_meets_a_label_out_of_range(bad, dtype):
    step = wg.jit(wg.value_and_grad(cross_entropy))
    z = np.zeros((2, 3))
    assert step(z, np.array([0, 2], dtype))[0] == pytest.approx(np.log(3))
    with pytest.raises(ArgumentError, match=f"has {bad} at"):
        step(z, np.array([0, bad], dtype))
    assert step.trace_count == 1
    for kept in (None, -100):
        with pytest.raises(ArgumentError, match=f"has {bad} at"):  # while it is recorded
            wg.jit(lambda z, y, kept=kept: cross_entropy(z, y, ignore_index=kept))(z, np.array([0, bad], dtype))


def test_nan_in_a_prediction_goes_through():
    z = np.array([[np.nan, 0.0], [1.0, 0.0]])
    each = cross_entropy(z, np.array([0, 0]), reduction="none")
    assert np.isnan(each[0])
    assert np.isfinite(each[1])
    assert np.isnan(squared_error(np.array([np.nan]), np.ones(1)))
    with np.errstate(invalid="ignore"):
        assert np.isnan(binary_cross_entropy(np.array([np.nan]), np.ones(1)))
