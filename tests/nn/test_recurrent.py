"""Recurrent layers beside PyTorch's, beside a loop over their cells, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.nn.layer_reference import agrees
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell

LAYERS = {
    "rnn": lambda: RNN(3, 4),
    "rnn relu": lambda: RNN(3, 4, 2, nonlinearity="relu", bias=False),
    "lstm": lambda: LSTM(3, 4),
    "lstm stacked": lambda: LSTM(3, 4, 2, bidirectional=True),
    "gru": lambda: GRU(3, 4),
    "gru stacked": lambda: GRU(3, 4, 2, bidirectional=True),
    "gru unshifted": lambda: GRU(3, 4, bias=False),
}
KINDS = [RNN, LSTM, GRU]
X = np.random.default_rng(0).normal(size=(2, 5, 3))


def with_pair(layer, x, h, c):
    return layer(x, (h, c))


def squares(layer, x):
    y, state = layer(x)
    return np.sum(np.sin(y)) + sum(np.sum(part**2) for part in (state if isinstance(state, tuple) else (state,)))


@pytest.mark.parametrize("case", LAYERS)
def test_values_and_gradients_are_those_of_pytorch(case):
    agrees(case, LAYERS[case](), with_pair if case == "lstm stacked" else None)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_of_the_second_order(kind):
    wg.check_grads(squares, (kind(3, 2, rng=0), X[:1, :3]), order=2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_a_loop_over_its_cell(kind):
    layer, state = kind(3, 4, rng=0), None
    y, last = layer(X)
    for t in range(5):
        state = layer.cells[0](X[:, t], state)
        np.testing.assert_allclose((state[0] if kind is LSTM else state).data, y.data[:, t], rtol=1e-13)
    for part, end in zip(state if kind is LSTM else [state], last if kind is LSTM else [last], strict=True):
        np.testing.assert_allclose(part.data, end.data[0], rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_in_two_parts_is_the_whole(kind):
    layer = kind(3, 4, 2, rng=0)
    y, last = layer(X)
    first, state = layer(X[:, :2])
    second, end = layer(X[:, 2:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1).data, y.data, rtol=1e-13)
    for part, whole in zip(end if kind is LSTM else [end], last if kind is LSTM else [last], strict=True):
        np.testing.assert_allclose(part.data, whole.data, rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_backwards_is_forwards_of_the_reversed_sequence(kind):
    both = kind(3, 4, bidirectional=True, rng=0)
    one = kind(3, 4)
    one.load_state_dict(
        {name.replace("cells.1", "cells.0"): a for name, a in both.state_dict().items() if ".1" in name}
    )
    np.testing.assert_allclose(both(X)[0].data[..., 4:], one(X[:, ::-1])[0].data[:, ::-1], rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_one_sequence_and_one_step(kind):
    layer = kind(3, 4, bidirectional=True, rng=0)
    y, state = layer(X[0])
    np.testing.assert_allclose(y.data, layer(X)[0].data[0], rtol=1e-13)
    assert {part.shape for part in (state if kind is LSTM else [state])} == {(2, 4)}
    again, _ = layer(X[1], state)
    assert again.shape == (5, 8)
    assert layer(X[:, :1])[0].shape == (2, 1, 8)
    assert layer(X[:0])[0].shape == (0, 5, 8)
    assert wg.vmap(lambda x: layer(x)[0])(X).shape == (2, 5, 8)


@pytest.mark.parametrize("kind", [RNNCell, LSTMCell, GRUCell])
def test_a_cell_takes_any_number_of_axes(kind):
    cell = kind(3, 4, rng=0)
    shown = [cell(X)[0] if kind is LSTMCell else cell(X), cell(X[0, 0])[0] if kind is LSTMCell else cell(X[0, 0])]
    assert [h.shape for h in shown] == [(2, 5, 4), (4,)]
    np.testing.assert_allclose(shown[0].data[0, 0], shown[1].data, rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32(kind):
    layer, x = kind(3, 4, dtype=np.float32), X.astype(np.float32)
    y, state = layer(x)
    assert y.dtype == np.float32
    assert {part.dtype for part in (state if kind is LSTM else [state])} == {np.dtype(np.float32)}
    grads = wg.jit(wg.grad(squares))(layer, x)
    assert {array.dtype for array in grads.state_dict().values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_nothing_is_left_to_numpy(kind):
    step = wg.jit(wg.value_and_grad(squares))
    assert "in NumPy: none" in str(step.report(kind(3, 4), X))


def test_dropout_is_between_layers_and_only_in_training():
    layer = LSTM(3, 4, 2, dropout=0.5, rng=0)
    assert not np.array_equal(layer(X)[0].data, layer(X)[0].data)
    layer.eval()
    np.testing.assert_array_equal(layer(X)[0].data, layer(X)[0].data)
    assert LSTM(3, 4, 2, rng=0).dropout is None


def test_weights_begin_within_their_bound():
    for name, array in GRU(30, 16, rng=0).state_dict().items():
        assert 0.2 < np.abs(array).max() <= 0.25, name


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ShapeError, match=r"LSTM\(3 → 4\) takes sequences of shape \(batch, time, 3\).*not \(2, 5, 4\)"):
        LSTM(3, 4)(np.zeros((2, 5, 4)))
    with pytest.raises(ShapeError, match="at least one step"):
        GRU(3, 4)(np.zeros((2, 0, 3)))
    with pytest.raises(ShapeError, match=r"the state of GRU.*has shape \(2, 4\); for this input it has \(1, 2, 4\)"):
        GRU(3, 4)(X, np.zeros((2, 4)))
    with pytest.raises(ShapeError, match=r"the state of GRUCell"):
        GRUCell(3, 4)(X[0], np.zeros((4, 4)))
    with pytest.raises(ShapeError, match=r"RNNCell\(3 → 4\) takes arrays of shape \(…, 3\)"):
        RNNCell(3, 4)(np.zeros((2, 4)))


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(ArgumentError, match=r"is a pair \(h, c\)"):
        LSTM(3, 4)(X, np.zeros((1, 2, 4)))
    with pytest.raises(ArgumentError, match="nonlinearity"):
        RNN(3, 4, nonlinearity="sigmoid")
    with pytest.raises(ArgumentError, match="n_layers"):
        RNN(3, 4, 0)
