"""`ravel`: trees as vectors and back, exactly, in every mode; what does not fit is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.transform.ravel import ravel

MIXED = {
    "weights": np.arange(6.0, dtype=np.float32).reshape(2, 3) + 1,
    "bias": 0.1,
    "scalar": np.float32(2.5),
    "point": np.array(3.0),
    "none": None,
    "empty": np.zeros((0, 2)),
    "layers": [np.array([1.5, -2.0]), (0.25,)],
}


@dataclasses.dataclass
class Line:
    slope: Any
    offset: Any


def kinds(tree):
    """Type, dtype and shape of every leaf, in the tree's form."""
    leaves, rebuild = wg.core.tree.flatten(tree)
    return rebuild([(type(v).__name__, getattr(v, "dtype", None), np.shape(v)) for v in leaves])


def same(a, b):
    """Equal to the last bit, in kind and number."""
    pairs = zip(wg.core.tree.flatten(a)[0], wg.core.tree.flatten(b)[0], strict=True)
    return kinds(a) == kinds(b) and all(np.array_equal(x, y) for x, y in pairs)


# There and back -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tree",
    [
        MIXED,
        2.5,
        np.float64(2.5),
        np.array(2.5),
        np.arange(3.0),
        np.arange(6.0).reshape(2, 3).T,
        [],
        {},
        None,
        np.zeros((3, 0)),
        Line(np.ones(2), 0.5),
        (1.0, [2.0, {"a": np.longdouble(1) / 3}]),
        [np.float16(0.1), np.ones(2, np.float32)],
        {"z": 1j, "w": np.array([1 + 2j], np.complex64)},
        [np.inf, np.array([np.nan, -0.0])],
    ],
    ids=repr,
)
def test_the_tree_comes_back_to_the_last_bit(tree):
    vector, unravel = ravel(tree)
    back = unravel(vector)
    assert vector.ndim == 1
    assert kinds(back) == kinds(tree)
    for x, y in zip(wg.core.tree.flatten(back)[0], wg.core.tree.flatten(tree)[0], strict=True):
        assert np.array_equal(x, y, equal_nan=True)
        assert np.array_equal(np.signbit(np.real(x)), np.signbit(np.real(y)))


def test_the_order_is_that_of_the_leaves():
    vector, unravel = ravel({"b": np.array([[1.0, 2.0], [3.0, 4.0]]), "a": (5.0, np.array([6.0]))})
    assert vector.tolist() == [5, 6, 1, 2, 3, 4]
    assert unravel(np.arange(6.0))["b"].tolist() == [[2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("tree", "dtype"),
    [
        ([], np.float64),
        (np.ones(2, np.float32), np.float32),
        ([np.ones(2, np.float32), np.float16(1)], np.float32),
        ([np.ones(2, np.float32), 0.1], np.float64),
        ([np.ones(2, np.float32), np.ones(1)], np.float64),
        ([np.ones(2, np.float32), np.longdouble(1)], np.longdouble),
        (np.ones(2, ">f4"), np.float32),
        (1j, np.complex128),
    ],
)
def test_the_dtype_holds_all_leaves(tree, dtype):
    assert ravel(tree)[0].dtype == dtype


def test_integers_become_floating():
    vector, unravel = ravel({"count": 3, "array": np.arange(3), "narrow": np.int8(2)})
    assert vector.dtype == np.float64
    assert same(unravel(vector), {"count": 3.0, "array": np.arange(3.0), "narrow": np.float64(2)})


def test_memory_is_not_shared():
    x = np.arange(4.0)
    vector, unravel = ravel(x)
    vector[0] = 7
    assert x[0] == 0
    tree = unravel(vector)
    tree[1] = 9
    assert vector[1] == 1


def test_vectors_of_other_dtypes_are_taken():
    unravel = ravel({"a": np.float32(1), "b": 2.0})[1]
    for dtype in (np.int64, np.float16, np.float32, np.longdouble, ">f8"):
        assert same(unravel(np.array([3, 4], dtype)), {"a": np.float32(3), "b": 4.0})
    assert same(ravel(1j)[1](np.ones(1)), 1 + 0j)


# Derivatives ----------------------------------------------------------------------------------------------------------

PARAMS = {"w": np.array([[0.5, -1.0], [2.0, 0.25]]), "b": 0.75, "s": np.float64(1.5)}


def loss(p):
    return np.sum(np.tanh(p["w"]) ** 2) * p["b"] ** 3 + np.exp(p["s"] * p["b"])


def flat(v):
    """The same of the vector, by hand: b, s, w."""
    return np.sum(np.tanh(v[2:]) ** 2) * v[0] ** 3 + np.exp(v[1] * v[0])


def test_derivatives_go_through_unravel_in_every_mode():
    x, unravel = ravel(PARAMS)
    direction = np.linspace(-1.0, 1.0, x.size)

    def f(v):
        return loss(unravel(v))

    for op in (lambda f: f, wg.grad, wg.hessian, lambda f: wg.jacobian(wg.hessian(f))):
        for run in (lambda g: g, wg.jit):
            np.testing.assert_allclose(run(op(f))(x), op(flat)(x), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(wg.jvp(f, (x,), (direction,)), wg.jvp(flat, (x,), (direction,)), rtol=1e-13)
    np.testing.assert_allclose(wg.hvp(f)(x, direction), wg.hessian(flat)(x) @ direction, rtol=1e-12)
    np.testing.assert_allclose(wg.sparse.hessian(f)(x).toarray(), wg.hessian(flat)(x), rtol=1e-13)
    along = [wg.derivative(lambda t, g=g: g(x + t * direction), order=4)(0.0) for g in (f, flat)]
    assert along[0] == pytest.approx(along[1], rel=1e-12)
    graph = wg.trace(f)(x)
    assert graph(x + 1) == pytest.approx(flat(x + 1), rel=1e-14)
    np.testing.assert_allclose(graph.derivative()(x), wg.grad(flat)(x), rtol=1e-13)


def test_derivatives_go_through_ravel_in_every_mode():
    def f(p):
        return flat(ravel(p)[0])

    for run in (lambda g: g, wg.jit):
        gradient = run(wg.grad(f))(PARAMS)
        assert kinds(gradient) == kinds(wg.grad(loss)(PARAMS))
        np.testing.assert_allclose(ravel(gradient)[0], wg.grad(flat)(ravel(PARAMS)[0]), rtol=1e-13)
        assert run(f)(PARAMS) == pytest.approx(loss(PARAMS), rel=1e-14)
    wg.check_grads(f, (PARAMS,), order=3)
    tangent = {"w": np.ones((2, 2)), "b": 1.0, "s": np.float64(1.0)}
    assert wg.jvp(f, (PARAMS,), (tangent,))[1] == pytest.approx(np.sum(wg.grad(flat)(ravel(PARAMS)[0])))


def test_both_are_linear_and_transposes_of_each_other():
    """⟨ct, unravel(t)⟩ = ⟨ravel(ct), t⟩."""
    x, unravel = ravel(PARAMS)
    ct = {"w": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": 5.0, "s": np.float64(6.0)}
    _, pull = wg.vjp(unravel, x)
    assert pull(ct)[0].tolist() == ravel(ct)[0].tolist() == [5, 6, 1, 2, 3, 4]
    assert same(wg.vjp(lambda p: ravel(p)[0], PARAMS)[1](ravel(ct)[0])[0], ct)
    assert same(wg.jvp(unravel, (x,), (ravel(ct)[0],))[1], ct)


def test_traced_leaves_are_what_plain_ones_are():
    """A Python float takes on the dtype of what it meets, traced too."""
    x, unravel = ravel(MIXED)

    def f(v):
        p = unravel(v)
        return {"narrow": p["weights"] * p["bias"], "bias": p["bias"], "scalar": p["scalar"], "point": p["point"]}

    plain = f(x)
    assert plain["narrow"].dtype == np.float32
    assert kinds(wg.jit(f)(x)) == kinds(plain)
    value, pull = wg.vjp(f, x)
    assert kinds(value) == kinds(plain)
    assert pull(plain)[0].dtype == x.dtype
    assert kinds(wg.jvp(f, (x,), (x,))[0]) == kinds(plain)
    assert kinds(wg.trace(f)(x)(x))["narrow"] == kinds(plain)["narrow"]


def test_an_update_of_a_leaf_leaves_the_vector():
    x, unravel = ravel({"a": np.array([1.0, 2.0]), "b": 3.0})

    def f(v):
        p = unravel(v)
        p["a"][0] = p["b"] ** 2
        return np.sum(p["a"] ** 2) + 10 * np.sum(v)

    assert f(x) == 81 + 4 + 60
    for run in (lambda g: g, wg.jit):
        assert run(wg.grad(f))(x).tolist() == [10, 14, 4 * 27 + 10]


def test_an_array_that_can_take_traced_values():
    unravel = ravel({"a": np.ones(2), "b": 1.0})[1]

    def f(x):
        y = np.zeros(3, like=x)
        y[2] = x
        p = unravel(y)
        p["a"][0] = p["b"] ** 2
        empty = unravel(np.zeros(3, like=x))
        empty["a"][1] = x
        return np.sum(p["a"]) + np.sum(y) + np.sum(empty["a"])

    for run in (lambda g: g, wg.jit):
        assert run(wg.grad(f))(3.0) == 2 * 3 + 1 + 1


def test_traced_values_of_outer_and_inner_transformations():
    def outer(a):
        v, unravel = ravel({"x": np.ones(2), "y": a})
        return np.sum(wg.grad(lambda u: unravel(u)["y"] ** 3 * np.sum(unravel(u)["x"]))(v))

    # 3y²·Σx + 2·y³, of which the derivative is 12y + 6y² at x = 1
    for run in (lambda g: g, wg.jit):
        assert run(wg.grad(outer))(2.0) == pytest.approx(48)


def test_unravel_may_be_made_inside_and_used_outside():
    made = []
    wg.grad(lambda p: np.sum(made.append(ravel(p)[1]) or ravel(p)[0]))(PARAMS)
    assert same(made[0](ravel(PARAMS)[0]), PARAMS)


def test_a_loop_carries_the_vector():
    x, unravel = ravel({"position": np.array([1.0, 0.0]), "speed": 0.5})

    def step(v, _):
        p = unravel(v)
        turned = np.stack([-p["position"][1], p["position"][0]]) * p["speed"]
        return ravel({"position": p["position"] + 0.1 * turned, "speed": p["speed"]})[0], None

    def end(v):
        return np.sum(wg.scan(step, v, length=20)[0][:2])

    np.testing.assert_allclose(wg.jit(wg.grad(end))(x), wg.grad(end)(x), rtol=1e-12)
    wg.check_grads(end, (x,), order=2)


def test_on_the_tape():
    x = wg.Variable(np.array([1.0, 2.0]))
    vector, unravel = ravel({"x": x, "c": 2.0})
    tree = unravel(vector**2)
    np.sum(tree["x"] * tree["c"]).backward()
    assert x.grad.tolist() == [8, 16]


def test_complex_trees():
    x, unravel = ravel({"a": 1 + 2j, "b": np.array([3j])})
    derivative = wg.jacobian(lambda v: unravel(v)["a"] ** 2 * unravel(v)["b"])(x)
    np.testing.assert_allclose(derivative, [[2 * (1 + 2j) * 3j, (1 + 2j) ** 2]])


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"a": [1.0, True]}, r"tree\['a'\]\[1\] is boolean"),
        (np.ones(2, bool), "boolean"),
        ("text", "tree is a str"),
        ({"a": object()}, r"tree\['a'\] is a object"),
        (np.array(["x"]), "dtype <U1"),
        (np.ma.array([1.0]), "MaskedArray"),
        ({"x": 1.0, "z": 1j}, r"tree\['z'\] is complex and tree\['x'\] is real"),
    ],
)
def test_what_is_no_tree_of_numbers(tree, words):
    with pytest.raises(wg.ArgumentError, match=words):
        ravel(tree)


@pytest.mark.parametrize("shape", [(), (0,), (2,), (4,), (3, 1), (1, 3)])
def test_a_vector_of_another_shape(shape):
    unravel = ravel([1.0, np.ones(2)])[1]
    with pytest.raises(wg.ShapeError, match=r"shape \(3,\)"):
        unravel(np.zeros(shape))
    with pytest.raises(wg.ShapeError, match=r"shape \(3,\)"):
        wg.jit(lambda v: unravel(v)[0])(np.zeros(shape))
    with pytest.raises(wg.ShapeError, match=r"shape \(3,\)"):
        wg.grad(lambda v: unravel(v)[0])(np.zeros(shape))


def test_an_empty_tree_takes_an_empty_vector_only():
    unravel = ravel({})[1]
    assert unravel(np.zeros(0)) == {}
    with pytest.raises(wg.ShapeError, match=r"shape \(0,\)"):
        unravel(np.zeros(1))


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        ([1.0, 2.0, 3.0], "not a list"),
        (3.0, "not a float"),
        (None, "not a NoneType"),
        (np.ones(3) * 1j, "dtype complex128 for a tree of float64"),
        (np.ones(3, bool), "dtype bool"),
        (np.array(["a", "b", "c"]), "dtype <U1"),
        (np.ma.ones(3), "MaskedArray"),
    ],
)
def test_what_is_no_vector_of_numbers(vector, words):
    with pytest.raises(wg.ArgumentError, match=words):
        ravel([1.0, np.ones(2)])[1](vector)


def test_many_examples():
    tree = {"a": 2.0, "b": np.arange(3.0), "c": np.float32(1.5)}
    vector, unravel = ravel(tree)

    def f(v):
        parts = unravel(v)
        return parts["a"] * np.sum(np.sin(parts["b"])) + parts["c"]

    vectors = np.stack([vector, 2 * vector, vector + 1])
    for one in (f, wg.grad(f)):
        want = np.stack([one(v) for v in vectors])
        np.testing.assert_allclose(wg.vmap(one)(vectors), want, rtol=1e-6)
        np.testing.assert_allclose(wg.jit(wg.vmap(one))(vectors), want, rtol=1e-6)
    np.testing.assert_allclose(
        wg.grad(lambda v: np.sum(wg.vmap(f)(v)))(vectors), wg.vmap(wg.grad(f))(vectors), rtol=1e-6
    )
