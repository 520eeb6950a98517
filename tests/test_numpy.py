"""The drop-in namespace: NumPy outside, and inside a transformation what NumPy's protocols do not reach."""

from __future__ import annotations

import numpy
import pytest

import wengert as wg
import wengert.numpy as np

X = numpy.array([0.3, 1.2, -0.7])


def filled(x):
    y = np.zeros(3)
    for i in range(3):
        y[i] = x[i] ** 2
    return np.sum(y * x)


def listed(x):
    return np.sum(np.array([x[0], [1.0, x[1]][1], x[2] * x[0]]) ** 2) + np.asarray([[x[0]], [x[1]]])[1, 0]


def of_lists(x):
    return np.mean([x[0], x[1]]) + np.dot([x[0], 2.0], [x[1], x[2]]) + np.max([x[0], x[1]]) + np.sin([x[0], 1.0])[0]


def constructed(x):
    a = np.full((2, 3), x[0]) * np.ones((2, 3)) + np.eye(2, 3) * x + np.full_like(x, 2.0)
    a[0, 0] = x[1]
    b = np.empty(2)
    b[:] = x[:2]
    return np.sum(a.T @ b) + np.sum(np.arange(3) * x) + np.sum(np.linspace(0.0, 1.0, 3) * x)


def vectorized(x):
    return np.sum(np.vectorize(lambda a, b: a * b if a > 0 else b)(x, x[::-1]))


def sequences(x):
    joined = np.concatenate([x, [x[0], 1.0]])
    return np.sum(joined**2) + np.sum(np.stack([x, x * x]) ** 2) + np.hstack([x[0], x])[0]


PROGRAMS = [filled, listed, of_lists, constructed, vectorized, sequences]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_programs_run_and_have_their_derivatives(f):
    value, _ = wg.value_and_grad(f)(X)
    assert value == pytest.approx(f(X), rel=1e-14)
    wg.check_grads(f, (X,), order=2)


def test_outside_it_is_numpy():
    for made in (np.zeros(2), np.array([1, 2]), np.full(3, 1.0), np.eye(2), np.zeros_like(X), np.arange(3)):
        assert type(made) is numpy.ndarray
    assert np.pi == numpy.pi
    assert np.float32 is numpy.float32
    assert np.linalg.LinAlgError is numpy.linalg.LinAlgError
    assert type(np.linalg.inv(numpy.eye(2))) is numpy.ndarray
    assert np.ndarray is numpy.ndarray
    assert np.sin(X).tolist() == numpy.sin(X).tolist()
    assert np.add.reduce(X) == numpy.add.reduce(X)
    with pytest.raises(AttributeError):
        np.no_such_function  # noqa: B018


def test_every_public_name_of_numpy_is_there():
    assert {name for name in numpy.__all__ if not hasattr(np, name)} == set()
    assert set(numpy.__all__) <= set(dir(np))


def test_it_is_plain_again_after_the_transformation():
    kept = []
    wg.grad(lambda x: kept.append(np.zeros(2)) or x)(1.0)
    assert type(np.zeros(2)) is numpy.ndarray


def test_what_vectorize_does_not_take_is_refused_with_the_fix():
    with pytest.raises(wg.MissingRuleError, match=r"np\.stack"):
        np.vectorize(np.sum, signature="(n)->()")
