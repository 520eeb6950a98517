"""Attention beside PyTorch's, its masks, positions, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.nn.layer_reference import agrees, cases
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.attention import (
    MultiHeadAttention,
    PositionalEmbedding,
    SinusoidalEncoding,
    TransformerBlock,
    scaled_dot_product_attention,
)

CASES = {
    "attention": (lambda: MultiHeadAttention(6, 2), None),
    "attention causal": (lambda: MultiHeadAttention(6, 2, causal=True), None),
    "attention cross": (lambda: MultiHeadAttention(6, 2), None),
    "attention masked": (
        lambda: MultiHeadAttention(6, 2),
        lambda layer, x, z, u: layer(x, z, u, mask=cases()["attention masked"]["mask"]),
    ),
    "attention added": (
        lambda: MultiHeadAttention(6, 3, bias=False),
        lambda layer, x, z: layer(x, z, mask=cases()["attention added"]["mask"]),
    ),
    "sdpa": (
        lambda: None,
        lambda _, q, k, v: scaled_dot_product_attention(q, k, v, causal=True, scale=0.7),
    ),
    "block": (lambda: TransformerBlock(6, 2, n_inner=12), None),
    "block causal": (lambda: TransformerBlock(6, 2, n_inner=12, causal=True), None),
}
X = np.random.default_rng(0).normal(size=(2, 5, 6))
Z = np.random.default_rng(1).normal(size=(2, 3, 6))


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_those_of_pytorch(case):
    make, call = CASES[case]
    agrees(case, make(), call)


@pytest.mark.parametrize(
    "layer", [MultiHeadAttention(4, 2, rng=0), TransformerBlock(4, 2, n_inner=5, causal=True, rng=0)]
)
def test_derivatives_of_the_second_order(layer):
    wg.check_grads(lambda layer, x: np.sum(np.sin(layer(x))), (layer, X[:1, :3, :4]), order=2)


def test_derivatives_of_the_second_order_under_a_mask():
    mask = np.array([[True, False], [False, False], [True, True]])
    wg.check_grads(
        lambda q, k, v: np.sum(np.sin(scaled_dot_product_attention(q, k, v, mask))),
        (X[0, :3, :2], X[0, :2, 2:4], X[0, :2, 4:]),
        order=2,
    )


def test_a_causal_block_does_not_see_what_comes_later():
    block, changed = TransformerBlock(6, 3, causal=True, rng=0), X.copy()
    changed[:, 3:] += 1.0
    np.testing.assert_array_equal(block(X).data[:, :3], block(changed).data[:, :3])
    assert not np.allclose(block(X).data[:, 3:], block(changed).data[:, 3:])
    reads = np.any(wg.jacobian(lambda x: block(x))(X[0]).data != 0, axis=(1, 3))
    np.testing.assert_array_equal(reads, np.tri(5, dtype=bool))


def test_places_have_no_order_without_a_mask():
    block, order = TransformerBlock(6, 3, rng=0), [3, 1, 4, 0, 2]
    np.testing.assert_allclose(block(X[:, order]).data, block(X).data[:, order], rtol=1e-12)


def test_who_may_look_at_nothing_gets_zeros():
    mask = np.array([[True, True, False], [False, False, False]])
    y, pull = wg.vjp(lambda q, k, v: scaled_dot_product_attention(q, k, v, mask), X[0, :2], Z[0], Z[1])
    np.testing.assert_array_equal(y[1] == 0, np.ones(6, bool))
    assert np.all(y[0] != 0)
    dq, dk, dv = pull(np.ones((2, 6)))
    assert not np.any([dq[1], dk[2], dv[2]])
    assert np.all(np.isfinite([*dq, *dk, *dv]))


def test_masks_of_every_shape_are_alike():
    layer, mask = MultiHeadAttention(6, 2, rng=0), np.tri(5, dtype=bool)
    expected = MultiHeadAttention(6, 2, causal=True, rng=0)(X).data
    added = np.where(mask, 0.0, -np.inf)
    for form in (mask, mask[np.newaxis], np.broadcast_to(mask, (2, 2, 5, 5)), added, added[np.newaxis]):
        np.testing.assert_allclose(layer(X, mask=form).data, expected, rtol=1e-12)
    keys = np.array([[[True] * 5], [[True] * 3 + [False] * 2]])  # (batch, 1, m): what is padding in each sequence
    np.testing.assert_allclose(layer(X, mask=keys).data[1, :3], layer(X[1, :3]).data, rtol=1e-12)
    np.testing.assert_allclose(layer(X[0], mask=mask).data, expected[0], rtol=1e-12)


def test_scores_of_any_size_give_weights():
    large, one = 1e100 * np.eye(2), np.ones((1, 1))
    np.testing.assert_array_equal(scaled_dot_product_attention(large, large, np.eye(2)), np.eye(2))
    for mask in (None, np.ones((1, 1), bool)):
        assert np.isnan(scaled_dot_product_attention(np.nan * one, one, one, mask)).all()


def test_dropout_is_of_training():
    block = TransformerBlock(6, 2, dropout=0.5, rng=0)
    assert not np.array_equal(block(X).data, block(X).data)
    plain = TransformerBlock(6, 2)
    plain.load_state_dict({name: a for name, a in block.state_dict().items() if not name.endswith("key")})
    np.testing.assert_array_equal(block.eval()(X).data, plain(X).data)


def test_float32_stays_float32():
    block, x = TransformerBlock(6, 2, causal=True, dtype=np.float32), X.astype(np.float32)
    layers = [block, PositionalEmbedding(9, 6, dtype=np.float32), SinusoidalEncoding(6)]
    assert [layer(x).dtype for layer in layers] == [np.float32] * 3
    grads = wg.jit(wg.grad(lambda block, x: np.sum(block(x) ** 2)))(block, x)
    assert {array.dtype for array in grads.state_dict().values()} == {np.dtype(np.float32)}


def test_compiled_nothing_is_left_to_numpy():
    step = wg.jit(wg.value_and_grad(lambda block, x: np.sum(block(x) ** 2), argnums=(0, 1)))
    assert "in NumPy: none" in str(step.report(TransformerBlock(6, 2, causal=True), X))
    masked = wg.jit(wg.grad(lambda layer, x, mask: np.sum(layer(x, mask=mask) ** 2)))
    assert "in NumPy: none" in str(masked.report(MultiHeadAttention(6, 2), X, np.tri(5, dtype=bool)))


def test_sines_and_cosines_of_places():
    table = SinusoidalEncoding(7)(np.zeros((4, 7)))
    for place in range(4):
        for i in range(7):
            angle = place / 10000 ** ((i - i % 2) / 7)
            np.testing.assert_allclose(table[place, i], np.cos(angle) if i % 2 else np.sin(angle), rtol=1e-14)
    np.testing.assert_array_equal(SinusoidalEncoding(7)(np.zeros((2, 7)), start=2), table[2:])


def test_places_are_learned_where_there_are_some():
    layer = PositionalEmbedding(9, 6, rng=0)
    np.testing.assert_array_equal(layer(X).data - X, np.broadcast_to(layer(0 * X).data[0], X.shape) + X - X)
    layer(X).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, np.repeat([2.0] * 5 + [0.0] * 4, 6).reshape(9, 6))
    np.testing.assert_array_equal(layer(0 * X, start=4).data[0], layer.weight.data[4:])
    with pytest.raises(ShapeError, match=r"PositionalEmbedding\(9, 6\) has places 0 to 8, and was asked for 5 to 9"):
        layer(X, start=5)
    with pytest.raises(ShapeError, match="takes sequences"):
        layer(X[0, 0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: MultiHeadAttention(6, 2)(X[..., :4]), r"MultiHeadAttention\(6, n_heads=2\) takes arrays.*\(2, 5, 4\)"),
        (lambda: MultiHeadAttention(6, 2)(X, Z[:1]), r"not \(2, 5, 6\), \(1, 3, 6\)"),
        (lambda: MultiHeadAttention(6, 2)(X, Z, X), r"not \(2, 5, 6\), \(2, 3, 6\) and \(2, 5, 6\)"),
        (lambda: MultiHeadAttention(6, 2)(X, mask=np.ones((5, 4), bool)), r"shape \(5, 4\), which does not broadcast"),
        (lambda: TransformerBlock(6, 2)(X[0, 0, :5]), r"TransformerBlock\(6, n_heads=2\)"),
        (lambda: scaled_dot_product_attention(X, Z, X), "attention takes queries"),
        (lambda: MultiHeadAttention(6, 2)(X[:, :0]), "m > 0"),
    ],
)
def test_shapes_that_do_not_fit_are_named(call, words):
    with pytest.raises(ShapeError, match=words):
        call()


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(ArgumentError, match="cannot divide 6 features among 4 heads"):
        MultiHeadAttention(6, 4)
    with pytest.raises(ArgumentError, match="takes their keys"):
        MultiHeadAttention(6, 2)(X, value=Z)
    with pytest.raises(ArgumentError, match="holds truth values"):
        MultiHeadAttention(6, 2)(X, mask=np.ones((5, 5), int))
