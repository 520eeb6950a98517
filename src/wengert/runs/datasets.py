"""Data of the runs: scikit-learn's, where they are not written down here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from wengert.explain.plots import MissingExtraError

Array = np.ndarray[Any, Any]
TEST = 360  # of the 1,797 digits


def sklearn_datasets(what: str) -> Any:
    """The module `sklearn.datasets`; `MissingExtraError` where it is not installed."""
    try:
        return import_module("sklearn.datasets")
    except ImportError as error:
        raise MissingExtraError(
            f"{what} come with scikit-learn, which is not installed", right="pip install scikit-learn"
        ) from error


def two_moons(seed: int) -> tuple[Array, Array]:
    """The points of the lecture's demo, shape (100, 2), and their sides, ±1."""
    source = sklearn_datasets("the two moons")
    x, y = source.make_moons(n_samples=100, noise=0.1, random_state=np.random.RandomState(seed))
    return x, 2.0 * y - 1.0


def digits() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """1,437 digits to train on and 360 to test: images from 0 to 1 of shape (n, 1, 8, 8), float32, and their classes.

    The same digits are the test, whatever the seed of the training.

    **Source**: Alpaydin & Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository (1998).
    """
    found = sklearn_datasets("the handwritten digits").load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    images = (found.images[order, None] / 16).astype(np.float32)
    classes = found.target[order]
    return (images[:-TEST], classes[:-TEST]), (images[-TEST:], classes[-TEST:])
