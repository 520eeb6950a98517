"""The sets of inputs: never too small, for any operation; as small as they can be where the structure is known."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.primitive import REGISTRY
from wengert.sparse.structure import STRUCTURES

from ..ops.checks import Trial, flat
from ..ops.programs import Program
from ..ops.samples import Sample, samples
from ..ops.test_functions import GIVEN, KNOWN, ROWS, names_in
from ..transform.loop_programs import TABLE
from .dense import check_hessian, check_jacobian, dense_jacobian


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_no_entry_of_an_operation_is_missing(name):
    for trial in [Trial(REGISTRY[name], sample) for sample in samples(name)]:
        if not trial.x or any(map(np.iscomplexobj, flat(trial.value))):
            continue
        argnums = tuple(range(len(trial.x)))
        check_jacobian(lambda *x, t=trial: t(*x), trial.x, argnums, 1e-10)
        check_hessian(trial.scalar, trial.x, argnums, 1e-8)


@pytest.mark.parametrize("expression", ROWS)
def test_no_entry_of_a_function_is_missing(expression):
    names = names_in(expression)
    f = eval(f"lambda {', '.join(names)}: {expression}", KNOWN)
    trial = Trial(f, Sample(tuple(GIVEN[n] for n in names)))
    if trial.x and "float32" not in expression:
        check_jacobian(f, trial.x, tuple(range(len(trial.x))), 1e-10)


@pytest.mark.parametrize("seed", range(20))
def test_no_entry_of_views_and_updates_is_missing(seed):
    program, x = Program(seed), np.cos(np.arange(12.0))
    check_jacobian(program, (x,), (0,), 1e-10)
    ct = np.cos(np.arange(len(program(x))) + 1.0)
    check_hessian(lambda x: ct @ program(x) ** 2, (x,), (0,), 1e-8)


@pytest.mark.parametrize("program", [pytest.param(p, id=name) for name, p in TABLE.items()])
def test_no_entry_of_a_loop_or_branch_is_missing(program):
    for args in (program.args, program.others):
        argnums = tuple(range(len(args)))
        check_jacobian(program.structured, args, argnums)
        check_hessian(program.structured, args, argnums, 1e-9)


# What is exact -------------------------------------------------------------------------------------------------------

N = 6
X, Y = np.linspace(0.4, 1.7, N), np.linspace(-1.1, 0.8, N)
M = np.arange(1.0, 13.0).reshape(3, 4)
BAND = np.diag(np.full(N, 2.0)) + np.diag(np.full(N - 1, -1.0), 1)
MASK = np.arange(N) % 2 == 0
TRIPLE = np.random.default_rng(4).normal(size=(5, 3, 3)) + 4 * np.eye(3)

EXACT = {
    "elementwise": (lambda x: np.sin(x) * x + 2, X),
    "two elementwise": (lambda x: x[1:] / x[:-1], X),
    "broadcast": (lambda m: m * m[:1] + m[:, :1], M),
    "a number": (lambda x: x * x[2], X),
    "reverse": (lambda x: x * x[::-1], X),
    "gather": (lambda x: x[np.array([3, 3, 0])] * x[np.array([1, 2, 0])], X),
    "mask": (lambda x: x[MASK] ** 2, X),
    "sum along an axis": (lambda m: np.sum(m**2, axis=1), M),
    "mean and keepdims": (lambda m: np.mean(m, axis=0, keepdims=True) * m[0], M),
    "running sum": (lambda m: np.cumsum(m, axis=1), M),
    "concatenate": (lambda x: np.concatenate([x[:2], x[1:3] ** 2, np.ones(2)]), X),
    "stack": (lambda x: np.stack([x, x[::-1]], axis=1), X),
    "transpose": (lambda m: (m.T @ np.diag([1.0, 0.0, 2.0])).reshape(2, 6), M),
    "put": (lambda x: filled(x), X),
    "roll": (lambda x: np.roll(x, 2) - x, X),
    "convolution": (lambda x: np.convolve(x, [1.0, 0.0, -2.0], "valid"), X),
    "full convolution": (lambda x: np.convolve([1.0, 3.0], x), X),
    "convolution of the same length": (lambda x: np.convolve(x, [1.0, 0.5, -2.0, 0.3], "same"), X),
    "convolution of two": (lambda x: np.convolve(x[:3], x[3:]), X),
    "interpolated values": (lambda x: np.interp(np.linspace(-1, 7, 12), np.arange(6.0), x), X),
    "diff": (lambda x: np.diff(x, 2), X),
    "diagonal": (lambda m: np.diagonal(m) * m[:, 3], M),
    "times zero": (lambda x: x * MASK + x[::-1] * (~MASK), X),
    "times nothing": (lambda x: 0.0 * x, X),
    "power zero": (lambda x: x ** np.array([0.0, 1.0, 2.0, 0.0, 1.0, 3.0]), X),
    "piecewise constant": (lambda x: np.floor(x) + np.sign(x) + x.astype(int), X),
    "where": (lambda x: np.where(MASK, x, x[::-1]), X),
    "constant matrix": (lambda x: BAND @ x, X),
    "constant matrix on the right": (lambda m: m @ (np.eye(4) + np.eye(4, k=2)), M),
    "constant matrix between": (lambda m: BAND[:3, :3] @ m, M),
    "einsum": (lambda m: np.einsum("ij,jk->ki", m, np.eye(4, 2)), M),
    "diagonal of einsum": (lambda m: np.einsum("ii->i", m[:, :3]), M),
    "batches": (lambda a: np.linalg.inv(a), TRIPLE),
    "batches of systems": (lambda a: np.linalg.solve(a, np.ones((5, 3, 1))), TRIPLE),
    "product of two": (lambda m: m @ m.T, M),
    "batched product": (lambda a: a @ a, TRIPLE),
    "largest in a row": (lambda m: np.prod(m, axis=1), M),
    "loop": (lambda x: wg.scan(lambda c, y: (c + y, c * y), x[0], x[1:])[1], X),
}  # fmt: skip


def filled(x):
    y = np.zeros(2 * len(x), like=x)
    y[::2] = x
    y[1] = x[0] * x[1]
    y[-3:] += 1.0
    return y


@pytest.mark.parametrize("name", EXACT)
def test_the_pattern_is_exact(name):
    f, x = EXACT[name]
    plan = check_jacobian(f, (x,))
    near = np.zeros(plan.shape, bool)
    for seed in range(3):  # entries that are zero at one point only
        other = x + 0.01 * np.random.default_rng(seed).uniform(size=x.shape)
        near |= dense_jacobian(f, (other,), (0,)) != 0
    np.testing.assert_array_equal(plan.pattern.toarray(), near)


def test_a_condition_that_the_inputs_decide_leaves_both_sides():
    def f(x):
        return np.where(x > 0, x[::-1], x**2)

    plan = wg.sparse.pattern(f)(X)
    for sign in (1.0, -1.0, Y):
        np.testing.assert_array_equal(
            wg.sparse.jacobian(f, plan=plan)(sign * X).toarray(), dense_jacobian(f, (sign * X,), (0,))
        )


def test_a_mask_that_the_inputs_decide_leaves_its_zeros():
    def f(x):
        return (x > 1) * x + x[::-1]

    plan = wg.sparse.pattern(f)(X)
    assert plan.nnz == 2 * N
    wg.sparse.jacobian(f, plan=plan)(X[::-1] + 3)


def test_the_second_derivative_of_a_choice_leaves_both_sides():
    def f(x):
        return np.sum(np.where(np.abs(x) < 1, x**2, 2 * np.abs(x) - 1))

    plan = wg.sparse.pattern(f, order=2)(X)
    assert plan.nnz == N
    np.testing.assert_array_equal(wg.sparse.hessian(f, plan=plan)(0.1 * X).toarray(), 2 * np.eye(N))


def test_linear_parts_have_no_second_derivative():
    def f(x):
        return np.sum(3 * x + BAND @ x) + x[0] * x[1] + np.sum(x[2:4] ** 2)

    plan = check_hessian(f, (X,))
    assert sorted(zip(*map(np.ndarray.tolist, plan.pattern.nonzero()), strict=True)) == [(0, 1), (1, 0), (2, 2), (3, 3)]


def test_an_operation_of_the_user_is_taken_elementwise_or_whole():
    cube = wg.primitive(lambda x: x**3, wg.Partial(lambda z, x: 3 * x**2))
    turn = wg.primitive(lambda x: x[::-1], wg.Linear(lambda ct, x: ct[::-1]))
    assert check_jacobian(cube, (X,)).nnz == N
    assert check_jacobian(turn, (X,)).nnz == N * N


def test_an_operation_of_the_user_may_have_the_name_of_another():
    def reshape(x):
        return np.cumsum(x)

    operation = wg.primitive(reshape, wg.Linear(lambda ct, x: np.cumsum(ct[::-1])[::-1]))
    assert operation.name == "reshape"
    check_jacobian(operation, (X,))


def test_what_is_known_of_structure_is_of_operations_that_exist():
    assert set(STRUCTURES) <= set(REGISTRY)


def test_a_pattern_that_memory_would_not_hold_is_refused_at_its_line():
    with pytest.raises(wg.ArgumentError, match="too dense") as caught:
        wg.sparse.pattern(lambda x: np.fft.irfft(np.fft.rfft(x)))(np.ones(50_000))
    assert caught.value.location.file == __file__
