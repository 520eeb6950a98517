"""`jit` with every transformation, in every order."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import wengert as wg
from wengert.compile.backend import available

from .agreement import assert_same

X = np.array([0.5, -1.25, 2.0])


def f(x, scale=1.0):
    y = np.tanh(x) * scale
    return np.sum(y * y) if np.sum(x) > 0 else np.prod(y) + x[0]


@pytest.fixture(params=available())
def jit(request):
    return functools.partial(wg.jit, backend=request.param)


TRANSFORMS = {
    "grad": wg.grad,
    "value_and_grad": wg.value_and_grad,
    "jacobian": wg.jacobian,
    "reverse_jacobian": functools.partial(wg.jacobian, mode="reverse"),
    "hessian": wg.hessian,
    "grad_of_grad": lambda f: wg.grad(lambda x: np.sum(wg.grad(f)(x) ** 2)),
    "jvp": lambda f: lambda x: wg.jvp(f, (x,), (np.ones_like(x),)),
    "vjp": lambda f: lambda x: wg.vjp(f, x)[1](1.5),
    "linearize": lambda f: lambda x: wg.linearize(f, x)[1](np.ones(3)),
    "hvp": lambda f: lambda x: wg.hvp(f)(x, np.ones(3)),
    "jit": lambda f: wg.jit(f, backend="numpy"),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transformation_of_a_compiled_function(jit, name):
    transform = TRANSFORMS[name]
    for x in (X, -X, X):
        assert_same(transform(jit(f))(x), transform(f)(x))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_compiled_transformation(jit, name):
    transform = TRANSFORMS[name]
    compiled = jit(transform(f))
    for x in (X, -X, X, 2 * X):
        assert_same(compiled(x), transform(f)(x), 16)
    assert compiled.trace_count == 2


def test_compiled_functions_inside_compiled_functions(jit):
    inner = jit(lambda x: x * 2 if np.max(x) > 0 else -x)
    outer = jit(lambda x, y: np.sum(inner(x)) + np.sum(inner(np.ones(2))) * y)
    plain = inner.__wrapped__
    for x in (X, -X * X, X):
        assert_same(outer(x, 3.0), np.sum(plain(x)) + np.sum(plain(np.ones(2))) * 3.0, 4)


def test_a_wrapper_of_a_compiled_function_is_itself(jit):
    square = jit(lambda x: x * x)
    assert square(3.0) == 9.0
    slope = wg.grad(square)
    assert not hasattr(slope, "_trees")
    assert [jit(slope)(3.0), jit(jit(slope))(3.0), square(4.0)] == [6.0, 6.0, 16.0]


def test_recursion_through_the_compiled_function(jit):
    @jit
    def power(x, n):
        return x if n <= 1 else x * power(x, n - 1)

    assert [power(2.0, n) for n in (1, 5, 3, 5)] == [2.0, 32.0, 8.0, 32.0]
    assert wg.grad(power)(2.0, 3) == 12.0

    @jit
    def shrink(x):
        return x if x < 1 else shrink(x / 2)

    assert [shrink(v) for v in (0.5, 9.0, 3.0, 100.0)] == [0.5, 0.5625, 0.75, 0.78125]


def test_a_closure_over_a_traced_value_is_not_kept(jit):
    def outer(w):
        inner = jit(lambda x: x * w + (x if w > 0 else 0.0))
        return inner(3.0)

    assert [wg.grad(outer)(v) for v in (2.0, -2.0)] == [3.0, 3.0]
    assert wg.grad(wg.grad(lambda w: jit(lambda x: x * w * w)(3.0)))(2.0) == 6.0
    shared = {}
    inner = jit(lambda x: x * shared["w"])

    def through(w):
        shared["w"] = w
        return inner(3.0)

    assert [wg.grad(through)(v) for v in (2.0, 5.0)] == [3.0, 3.0]
    assert inner.cache_info().specializations == 0
    compiled = jit(lambda w: jit(lambda x: x * w)(2.0))
    assert [compiled(v) for v in (2.0, 5.0)] == [4.0, 10.0]


def test_variables_on_the_tape(jit):
    w = wg.Variable(2.0)
    loss = jit(lambda w, x: w * w * x)
    loss(w, 3.0).backward()
    assert w.grad == 12.0
    jit(lambda x: x * w)(3.0).backward(accumulate=True)
    assert w.grad == 15.0
    assert loss(2.0, 3.0) == 12.0


def test_a_pullback_that_is_returned_can_be_used(jit):
    compiled = jit(lambda x: wg.vjp(np.sin, x))
    for x in (0.5, 1.5, 2.5):
        value, pull = compiled(x)
        assert_same((value, pull(1.0)), (np.sin(x), (float(np.cos(x)),)), 4)


def test_dual_numbers(jit):
    z = jit(np.sin)(wg.Dual(0.5, 1.0))
    assert (float(z.value), float(z.tangent)) == (np.sin(0.5), np.cos(0.5))


def test_a_trace_of_a_compiled_function_shows_its_steps(jit):
    graph = wg.trace(jit(lambda x: np.sin(x) * 2))(1.0)
    assert [node.operation for node in graph.operations] == ["sin", "multiply"]
    assert [node.name for node in graph.inputs] == ["x"]
    assert "sin" in str(wg.explain(jit(lambda x: np.sin(x) * 2))(1.0))


def test_a_graph_is_compiled_like_a_function(jit):
    graph = wg.trace(lambda x, y: x * np.sin(y))(3.0, 5.0)
    assert_same(jit(graph)(2.0, 0.5), graph(2.0, 0.5), 4)


def test_integers_are_differentiated_as_in_eager_code(jit):
    gradient = wg.grad(lambda x: x**3)
    compiled = jit(gradient)
    for x in (3, np.int64(3), 2.0):
        assert_same(compiled(x), gradient(x))
    sums = wg.grad(lambda x: np.sum(x * x))
    assert_same(jit(sums)(np.arange(3)), sums(np.arange(3)))


def test_gradients_with_auxiliary_values(jit):
    g = wg.grad(lambda x: (np.sum(x * x), {"x": x, "name": "aux"}), has_aux=True)
    assert_same(jit(g)(X), g(X))
    v = wg.value_and_grad(lambda p, q: p["a"] * q, argnums=(0, 1))
    assert_same(jit(v)({"a": 2.0}, 3.0), v({"a": 2.0}, 3.0))


def test_a_gradient_of_python_numbers_takes_on_the_dtype_of_arrays(jit):
    step = lambda x, v: wg.grad(np.sin)(x) * v  # noqa: E731
    single = np.ones(2, np.float32)
    assert_same(jit(step)(0.5, single), step(0.5, single), 4)


def test_checked_gradients_of_compiled_functions(jit):
    wg.check_grads(jit(f), (X,), order=2)
