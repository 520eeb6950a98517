"""Convolutions beside PyTorch's, their algebra, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import correlate

import wengert as wg
from tests.nn.layer_reference import agrees
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d

LAYERS = {
    "conv1d": lambda: Conv1d(3, 4, 5, stride=2, padding=2),
    "conv1d dilated": lambda: Conv1d(2, 3, 3, dilation=3),
    "conv2d": lambda: Conv2d(3, 4, 3),
    "conv2d single": lambda: Conv2d(3, 4, 3),
    "conv2d same": lambda: Conv2d(2, 3, (4, 3), padding="same", dilation=(1, 2)),
    "conv2d strided": lambda: Conv2d(2, 3, (3, 2), stride=(2, 3), padding=(1, 0)),
    "conv2d groups": lambda: Conv2d(4, 6, 3, stride=(2, 1), padding=1, groups=2),
    "conv2d depthwise": lambda: Conv2d(4, 4, 3, groups=4, dilation=2, bias=False),
    "conv2d pointwise": lambda: Conv2d(3, 5, 1),
    "transpose1d": lambda: ConvTranspose1d(4, 3, 4, stride=2, padding=1),
    "transpose2d": lambda: ConvTranspose2d(4, 3, 3),
    "transpose2d groups": lambda: ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2),
    "transpose2d dilated": lambda: ConvTranspose2d(2, 3, 2, (1, 3), (1, 0), dilation=2, bias=False),
}


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("case", LAYERS)
def test_values_and_gradients_are_those_of_pytorch(case):
    agrees(case, LAYERS[case]())


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv1d(2, 2, 3, stride=2, padding=1, rng=0), (2, 2, 6)),
        (Conv2d(2, 4, 2, dilation=2, groups=2, rng=0), (1, 2, 4, 3)),
        (ConvTranspose1d(2, 2, 3, stride=2, rng=0), (1, 2, 3)),
        (ConvTranspose2d(2, 2, 2, groups=2, rng=0), (1, 2, 2, 3)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, wg.nn.Module) else "",
)
def test_derivatives_of_the_second_order(layer, shape):
    wg.check_grads(lambda layer, x: np.sum(np.sin(layer(x))), (layer, numbers(*shape)), order=2)


def test_one_channel_is_the_correlation_of_images():
    image, layer = numbers(7, 6), Conv2d(1, 1, (3, 2), bias=False, rng=0)
    expected = correlate(image, layer.weight.data[0, 0], mode="valid")
    np.testing.assert_allclose(layer(image[np.newaxis]).data[0], expected, rtol=1e-13)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_transpose_is_the_transpose(stride):
    x, y = numbers(2, 3, 8, 7), numbers(2, 4, (8 - 3) // stride + 1, (7 - 3) // stride + 1, seed=1)
    forward = Conv2d(3, 4, 3, stride=stride, bias=False, rng=0)
    extra = tuple((n - 3) % stride for n in (8, 7))
    back = ConvTranspose2d(4, 3, 3, stride=stride, output_padding=extra, bias=False)
    back.load_state_dict(forward.state_dict())
    assert back(y).shape == x.shape
    np.testing.assert_allclose(np.sum(forward(x).data * y), np.sum(x * back(y).data), rtol=1e-12)


def test_a_batch_is_its_images():
    layer, x = Conv2d(2, 3, 3, rng=0), numbers(4, 2, 5, 5)
    np.testing.assert_allclose(wg.vmap(lambda one: layer(one))(x).data, layer(x).data, rtol=1e-13)
    assert layer(x[:0]).shape == (0, 3, 3, 3)


def test_float32_stays_float32():
    for layer in (Conv2d(2, 3, 3, dtype=np.float32), ConvTranspose2d(2, 3, 3, dtype=np.float32)):
        x = numbers(1, 2, 5, 5).astype(np.float32)
        assert layer(x).dtype == np.float32
        grads = wg.jit(wg.grad(lambda layer, x: np.sum(layer(x) ** 2)))(layer, x)
        assert {array.dtype for array in grads.state_dict().values()} == {np.dtype(np.float32)}


def test_whole_numbers_are_taken():
    layer = Conv2d(1, 1, 2, weight_init="ones", bias=False)
    np.testing.assert_array_equal(layer(np.arange(9).reshape(1, 3, 3)).data, [[[8.0, 12.0], [20.0, 24.0]]])


def test_compiled_nothing_is_left_to_numpy():
    for layer in (Conv2d(2, 4, 3, padding="same", groups=2), ConvTranspose2d(2, 4, 3, stride=2)):
        step = wg.jit(wg.value_and_grad(lambda layer, x: np.sum(layer(x) ** 2), argnums=(0, 1)))
        assert "in NumPy: none" in str(step.report(layer, numbers(2, 2, 6, 6)))


def test_how_it_prints():
    layer = Conv2d(4, 8, 3, stride=2, padding=1, groups=2, bias=False)
    assert repr(layer) == (
        "Conv2d(4 → 8, kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), groups=2, bias=False)  # 144 parameters"
    )


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (numbers(2, 5, 6, 6), ["Conv2d", "(batch, 3, height, width)", "(2, 5, 6, 6)"]),
        (numbers(2, 6, 6, 3), ["(2, 6, 6, 3)", "np.moveaxis(x, -1, 1)"]),
        (numbers(6, 6), ["(6, 6)"]),
        (numbers(2, 3, 6, 2), ["(3, 3)", "(6, 2)"]),
        (3.0, ["()"]),
    ],
)
def test_shapes_that_do_not_fit_are_named(x, words):
    with pytest.raises(ShapeError) as caught:
        Conv2d(3, 4, 3)(x)
    assert [word for word in words if word not in str(caught.value)] == []


def test_an_image_without_its_channel_is_explained():
    with pytest.raises(ShapeError, match="an axis for the one channel"):
        Conv2d(1, 4, 3)(numbers(10, 8, 8))
    with pytest.raises(ShapeError, match="takes away more than there is"):
        ConvTranspose1d(1, 1, 2, padding=2)(numbers(1, 1, 3))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conv2d(4, 6, 3, groups=4), "cannot divide 4 channels in and 6"),
        (lambda: Conv2d(1, 1, 3, stride=2, padding="same"), "needs stride 1"),
        (lambda: Conv2d(1, 1, 3, padding="full"), "padding of Conv2d"),
        (lambda: Conv2d(1, 1, (3, 3, 3)), "kernel of Conv2d"),
        (lambda: Conv2d(1, 1, 0), "kernel of Conv2d"),
        (lambda: Conv2d(1, 1, 3, stride=1.5), "stride of Conv2d"),
        (lambda: Conv1d(1, 1, 3, padding=-1), "padding of Conv1d"),
        (lambda: Conv1d(0, 1, 3), "n_in"),
        (lambda: ConvTranspose2d(1, 1, 3, output_padding=1), "less than its stride"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()
