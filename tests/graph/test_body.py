"""Bodies of loops and branches: what is recorded, what becomes an argument, and what refuses to be recorded."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
import wengert.numpy
from wengert.graph.body import Unrecordable, record
from wengert.graph.verify import verify


def test_a_body_runs_and_emits_the_same():
    body = record("f", lambda v: [np.sin(v[0]) * v[1], np.sum(v[0]), v[1], 3.0], [np.ones(3), 2.0])
    verify(body)
    x = np.array([0.1, 0.2, 0.3])
    expected = [np.sin(x) * 5.0, x.sum(), 5.0, 3.0]
    for values in (body.run([x, 5.0]), body.emit([x, 5.0])):
        for ours, theirs in zip(values, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-15)


def test_what_is_not_needed_is_not_computed():
    body = record("f", lambda v: [np.sin(v[0]), np.exp(v[0])][:1], [1.0])
    assert [node.operation for node in body.operations] == ["sin"]


def test_traced_values_from_outside_become_arguments_once():
    seen = []

    def f(w, plain):
        body = record("f", lambda v: [v[0] * w + w[0] * plain, np.exp(w) + v[0]], [np.ones(2)])
        seen.append(body)
        return np.sum(w)

    wg.grad(f)(np.ones(2), np.full(2, 3.0))
    (body,) = seen
    assert [node.name for node in body.inputs] == ["c0", "c1", "c2", "x0"]  # w, w[0] · plain, exp(w)
    assert len(body.captured) == 3
    values = body.run([np.full(2, 2.0), np.full(2, 5.0), np.full(2, 7.0), np.ones(2)])
    np.testing.assert_array_equal(values, [[7.0, 7.0], [8.0, 8.0]])


def test_an_array_updated_in_between_is_another_argument():
    seen = []

    def f(w):
        y = np.copy(w)

        def step(v):
            before = v[0] * y
            y[0] = 7.0
            return [before, v[0] * y]

        seen.append(record("f", step, [np.ones(2)]))
        return np.sum(w)

    wg.grad(f)(np.ones(2))
    assert len(seen[0].captured) == 2


def test_plain_arrays_are_kept_as_they_were():
    a = np.ones(2)
    body = record("f", lambda v: [v[0] + a], [np.zeros(2)])
    a[:] = 100.0
    np.testing.assert_array_equal(body.run([np.zeros(2)])[0], [1.0, 1.0])


def test_which_outputs_depend_on_which_inputs():
    body = record("f", lambda v: [v[0] * 2, np.floor(v[1]) + v[0], np.argmax(v[2]), v[1] > 0], [1.0, 1.0, np.ones(2)])
    assert body.depends([True, False, False]) == [True, True, False, False]
    assert body.depends([False, False, True]) == [False, False, False, False]


@pytest.mark.parametrize(
    "f",
    [
        lambda x, n: 1.0 if x[0] > 0 else 2.0,
        lambda x, n: sum(range(n)) * x,
        lambda x, n: x[x > 0],
        lambda x, n: np.repeat(x, n),
        lambda x, n: np.linalg.matrix_rank(np.outer(x, x), tol=x[0]) * x,
        lambda x, n: np.argwhere(x),
        lambda x, n: x.value * 2.0,
    ],
)
def test_what_depends_on_numbers_is_not_recorded(f):
    with pytest.raises(Unrecordable):
        record("f", lambda v: [f(v[0], v[1])], [np.array([1.0, 2.0]), np.int64(2)])


@pytest.mark.parametrize(
    "f",
    [
        lambda x, n: np.zeros_like(x) + np.full_like(x, 2.0) * x,
        lambda x, n: np.ravel(x).reshape(2, 1).copy(),
        lambda x, n: wengert.numpy.asarray(np.arange(3.0))[n] * x,
        lambda x, n: x[n - 1] * np.float64(2.0) + n,
        lambda x, n: np.where(x > 0, x, n),
        lambda x, n: f"{x} {n!r}" and x * 1.5,
    ],
)
def test_what_depends_on_the_form_only_is_recorded(f):
    body = record("f", lambda v: [f(v[0], v[1])], [np.array([1.0, 2.0]), np.int64(2)])
    x, n = np.array([-0.3, 4.0]), np.int64(1)
    np.testing.assert_allclose(body.run([x, n])[0], f(x, n), rtol=1e-15)
