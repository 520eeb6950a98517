"""Arguments and results as trees: the gradient has the structure of its argument, whatever that is."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any, NamedTuple

import numpy as np
import optree
import pytest

import wengert as wg

X = np.array([1.0, 2.0, 3.0])


class Pair(NamedTuple):
    a: Any
    b: Any


Old = namedtuple("Old", ["a", "b"])


@dataclasses.dataclass
class Plain:
    a: Any
    b: Any


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: Any
    b: Any


@dataclasses.dataclass(slots=True)
class Slotted:
    a: Any
    b: Any


@dataclasses.dataclass
class Checked:
    """Its __post_init__ would fail on anything but numbers, and counts its calls."""

    a: Any
    b: Any
    made: Any = dataclasses.field(default=0, metadata={"static": True})

    def __post_init__(self):
        assert isinstance(self.a, (float, np.ndarray))
        self.made += 1


class Child(Plain):
    """A class derived from a dataclass without being decorated."""


def product(t):
    return np.sum(t.a * t.b)


def scale_fields(t, *factors):
    """The same tree with its fields multiplied, made without its class's own __init__."""
    leaves, treedef = optree.tree_flatten(t, namespace="wengert")
    return treedef.unflatten([leaf * factor for leaf, factor in zip(leaves, factors, strict=True)])


@pytest.mark.parametrize("kind", [Pair, Old, Plain, Frozen, Slotted, Checked, Child])
def test_named_fields(kind):
    """∂(Σ a·b) = (b, a), as the same kind of object."""
    gradient = wg.grad(product)(kind(2.0, X))
    assert type(gradient) is kind
    assert gradient.a == 6.0
    np.testing.assert_array_equal(gradient.b, [2.0, 2.0, 2.0])
    scaled = lambda t: scale_fields(t, 2.0, 3.0)  # noqa: E731
    value, tangent = wg.jvp(scaled, (kind(2.0, X),), (kind(1.0, X),))
    assert type(value) is type(tangent) is kind
    assert (value.a, tangent.a) == (4.0, 2.0)
    np.testing.assert_array_equal(tangent.b, 3 * X)
    _, pull = wg.vjp(scaled, kind(2.0, X))
    np.testing.assert_array_equal(pull(kind(1.0, X))[0].b, 3 * X)


@pytest.mark.parametrize(
    "tree",
    [
        (2.0, X),
        [2.0, X],
        {"a": 2.0, "b": X},
        OrderedDict(a=2.0, b=X),
        defaultdict(list, a=2.0, b=X),
        deque([2.0, X]),
        [(2.0,), {"x": [X]}],
        (Pair(2.0, Plain(X, [Frozen(X, 1.0)])), {}),
        {"a": 2.0, "none": None, "b": (X, None, [])},
        [[[[2.0]]], (), {}, [], X],
        {2: 2.0, "b": X, (1, 2): X},
    ],
)
def test_containers(tree):
    """∂(½ Σ xᵢ²) = x, for every leaf xᵢ of the tree."""

    def half_squares(t):
        return sum(np.sum(leaf * leaf) for leaf in leaves(t)) / 2

    gradient = wg.grad(half_squares)(tree)
    assert type(gradient) is type(tree)
    assert repr(gradient) == repr(tree)
    directional = wg.jvp(half_squares, (tree,), (tree,))[1]
    assert directional == pytest.approx(sum(float(np.sum(leaf * leaf)) for leaf in leaves(tree)))
    value, pull = wg.vjp(lambda t: t, tree)
    assert repr(value) == repr(pull(tree)[0]) == repr(tree)
    assert repr(wg.linearize(lambda t: t, tree)[1](tree)) == repr(tree)


def leaves(tree):
    if dataclasses.is_dataclass(tree):
        tree = [getattr(tree, f.name) for f in dataclasses.fields(tree)]
    if tree is None:
        return []
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [leaf for part in tree for leaf in leaves(part)] if isinstance(tree, (list, tuple, deque)) else [tree]


def test_gradients_with_several_trees():
    w, b = {"x": X, "y": [1.0, 2]}, (3.0,)
    gw, gb = wg.grad(lambda w, b: np.sum(w["x"]) * w["y"][1] * b[0], argnums=(0, 1))(w, b)
    np.testing.assert_array_equal(gw["x"], [6.0, 6.0, 6.0])
    assert gw["y"] == [0.0, 18.0]
    assert gb == (12.0,)
    assert isinstance(gw["y"][1], float)


def test_jacobians_are_trees_of_results_times_trees_of_arguments():
    J = wg.jacobian(lambda p: {"y": p["a"] * p["b"], "z": p["a"] ** 2})({"a": 2.0, "b": X})
    np.testing.assert_array_equal(J["y"]["a"], X)
    np.testing.assert_array_equal(J["y"]["b"], 2 * np.eye(3))
    assert J["z"]["a"] == 4.0
    np.testing.assert_array_equal(J["z"]["b"], np.zeros(3))


def test_static_fields_are_not_differentiated():
    @dataclasses.dataclass
    class Layer:
        w: Any
        name: str = dataclasses.field(default="first", metadata={"static": True})

    gradient = wg.grad(lambda layer: np.sum(layer.w**2) if layer.name == "first" else 0.0)(Layer(X))
    assert gradient.name == "first"
    np.testing.assert_array_equal(gradient.w, 2 * X)


def test_a_tree_that_f_changes_is_not_the_users():
    params = {"w": X, "list": [1.0]}

    def f(p):
        p["new"] = p.pop("w") * 2
        p["list"].append(p["new"])
        return np.sum(p["list"][1] ** 2)

    np.testing.assert_array_equal(wg.grad(f)(params)["w"], 8 * X)
    assert list(params) == ["w", "list"]
    assert params["list"] == [1.0]


def test_one_array_at_two_places_of_a_tree_is_two_variables():
    gradient = wg.grad(lambda p: np.sum(p[0] * p[1] ** 2))([X, X])
    np.testing.assert_array_equal(gradient[0], X**2)
    np.testing.assert_array_equal(gradient[1], 2 * X**2)


@pytest.mark.parametrize("empty", [None, (), [], {}, [None, ()]])
def test_a_tree_without_numbers_has_no_gradient(empty):
    with pytest.raises(wg.ArgumentError, match="nothing to differentiate"):
        wg.grad(lambda t: 1.0)(empty)


def test_empty_results():
    assert wg.jvp(lambda x: (), (1.0,), (1.0,)) == ((), ())
    value, pull = wg.vjp(lambda x: {}, X)
    assert value == {}
    np.testing.assert_array_equal(pull({})[0], np.zeros(3))
    assert wg.jacobian(lambda x: [])(X) == []


@pytest.mark.parametrize("leaf", ["text", object(), np.array(["a"]), True, np.array([None])])
def test_the_leaf_that_has_no_derivative_is_named(leaf):
    with pytest.raises(wg.ArgumentError, match=r"argument 1\['layers'\]\[1\]"):
        wg.grad(lambda x, p: x, argnums=(0, 1))(1.0, {"layers": [1.0, leaf]})


@pytest.mark.parametrize(
    "tangent", [(X, 1.0), [1.0, X], (1.0,), (1.0, X, 1.0), {"a": 1.0, "b": X}, 1.0, (1.0, [X]), None]
)
def test_tangents_and_cotangents_of_another_structure(tangent):
    tree = (2.0, X)
    with pytest.raises((wg.ShapeError, wg.ArgumentError)):
        wg.jvp(lambda t: t, (tree,), (tangent,))
    with pytest.raises((wg.ShapeError, wg.ArgumentError)):
        wg.vjp(lambda t: t, tree)[1](tangent)
    with pytest.raises((wg.ShapeError, wg.ArgumentError)):
        wg.linearize(lambda t: t, tree)[1](tangent)
