"""Pooling beside PyTorch's, at ties and at NaN, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.nn.layer_reference import agrees
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    GlobalAvgPool,
    MaxPool1d,
    MaxPool2d,
)

LAYERS = {
    "max1d": lambda: MaxPool1d(3, 2, 1),
    "max2d": lambda: MaxPool2d(2),
    "max2d overlapping": lambda: MaxPool2d(3, 2, 1),
    "max2d dilated": lambda: MaxPool2d((2, 3), (1, 2), dilation=2),
    "max2d ties": lambda: MaxPool2d(3),
    "max2d ties overlapping": lambda: MaxPool2d(3, 2, 1),
    "avg1d": lambda: AvgPool1d(3, 2, 1),
    "avg2d": lambda: AvgPool2d(2),
    "avg2d overlapping": lambda: AvgPool2d(3, 2, 1),
    "avg2d inside": lambda: AvgPool2d(3, 2, 1, count_padding=False),
    "adaptive1d": lambda: AdaptiveAvgPool1d(4),
    "adaptive2d": lambda: AdaptiveAvgPool2d((3, 2)),
    "adaptive2d larger": lambda: AdaptiveAvgPool2d(5),
    "adaptive2d even": lambda: AdaptiveAvgPool2d((3, 2)),
}
X = np.random.default_rng(0).normal(size=(2, 3, 6, 4))


@pytest.mark.parametrize("case", LAYERS)
def test_values_and_gradients_are_those_of_pytorch(case):
    agrees(case, LAYERS[case]())


@pytest.mark.parametrize(
    "layer", [MaxPool2d(2), MaxPool2d(3, 1, 1), AvgPool2d(2), AdaptiveAvgPool2d(4), GlobalAvgPool()]
)
def test_derivatives_of_the_second_order(layer):
    wg.check_grads(lambda x: np.sum(layer(x) ** 3), (X[:1],), order=2)


def test_windows_apart_and_windows_anywhere_see_the_same():
    apart, first, last = MaxPool2d(2)(X), X[:, :, ::2, ::2], X[:, :, 1::2, 1::2]
    assert np.all(apart >= np.maximum(first, last))
    np.testing.assert_array_equal(MaxPool2d(2)(X[..., :3]), apart[..., :1])  # what no whole window covers is left out
    np.testing.assert_array_equal(MaxPool2d(2, 1)(X)[:, :, ::2, ::2], apart)


def test_nan_is_seen_wherever_it_stands():
    for place in range(4):
        x = np.array([1.0, -np.inf, 3.0, np.inf])
        x[place] = np.nan
        assert np.isnan(MaxPool2d(2)(x.reshape(1, 2, 2))).all()
    assert MaxPool1d(3, 1, 1)(np.full((1, 2), -np.inf)).tolist() == [[-np.inf, -np.inf]]


def test_of_equal_numbers_the_first_is_meant():
    gradient = wg.grad(lambda x: np.sum(MaxPool2d(2)(x)))
    np.testing.assert_array_equal(gradient(np.ones((1, 2, 4))), [[[1, 0, 1, 0], [0, 0, 0, 0]]])


def test_a_mean_of_all_is_the_mean():
    np.testing.assert_allclose(GlobalAvgPool()(X), X.mean(axis=(2, 3)), rtol=1e-14)
    np.testing.assert_allclose(AdaptiveAvgPool2d(1)(X)[..., 0, 0], X.mean(axis=(2, 3)), rtol=1e-14)
    np.testing.assert_allclose(GlobalAvgPool()(X[0, :, 0][np.newaxis]), X[:1, :, 0].mean(axis=2), rtol=1e-14)


def test_dtypes_are_kept():
    for layer in (MaxPool2d(2), AvgPool2d(2), AdaptiveAvgPool2d(4), AdaptiveAvgPool2d(2), GlobalAvgPool()):
        assert layer(X.astype(np.float32)).dtype == np.float32
    assert MaxPool2d(2)(np.arange(16).reshape(1, 4, 4)).tolist() == [[[5, 7], [13, 15]]]


def test_one_image_and_a_batch():
    for layer in (MaxPool2d(2), AvgPool2d(2), AdaptiveAvgPool2d(2)):
        np.testing.assert_array_equal(layer(X[0]), layer(X)[0])
        assert layer(X[:0]).shape == (0, 3, *layer(X).shape[2:])


def test_compiled_nothing_is_left_to_numpy():
    for layer in (MaxPool2d(2), MaxPool2d(3, 2, 1), AvgPool2d(3, 2, 1, count_padding=False), AdaptiveAvgPool2d(5)):
        step = wg.jit(wg.grad(lambda x, layer: np.sum(layer(x) ** 2)))
        assert "in NumPy: none" in str(step.report(X, layer))


@pytest.mark.parametrize(
    ("layer", "x", "words"),
    [
        (MaxPool2d(2), X[0, 0], "(6, 4)"),
        (MaxPool2d(5), X, "covers (5, 5), and its padded input is only (6, 4)"),
        (AvgPool1d(2), X, "(batch, channels, length)"),
        (AdaptiveAvgPool2d(2), X[:, :, :0], "(2, 3, 0, 4)"),
        (GlobalAvgPool(), X[0, 0], "(6, 4)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(layer, x, words):
    with pytest.raises(ShapeError) as caught:
        layer(x)
    assert [word for word in (words, type(layer).__name__) if word not in str(caught.value)] == []


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(ArgumentError, match="at most half of its kernel"):
        MaxPool2d(2, padding=2)
    with pytest.raises(ArgumentError, match="pads with −∞"):
        MaxPool2d(2, padding=1)(np.ones((1, 4, 4), int))
    with pytest.raises(ArgumentError, match="size of AdaptiveAvgPool2d"):
        AdaptiveAvgPool2d(0)
    with pytest.raises(ArgumentError, match="stride of AvgPool2d"):
        AvgPool2d(2, stride=0)
