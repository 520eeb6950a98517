"""The key of a call: equal exactly where one recording serves both calls."""

from __future__ import annotations

import collections
import dataclasses
import gc

import numpy as np
import pytest

import wengert as wg
from wengert.compile.arguments import Parameters, form_of, has_plain_keys, is_dead, static_key


def anything(*args, **kwargs):
    return args, kwargs


def key(*args, **kwargs):
    return Parameters(anything, (), (), ()).take_apart(args, kwargs).key


@dataclasses.dataclass
class Layer:
    w: object
    size: object = dataclasses.field(default=1, metadata={"static": True})


Pair = collections.namedtuple("Pair", "a b")
X = np.ones(3)
DIFFERENT = [
    (1.0,), (1,), (True,), (1 + 0j,), (np.float64(1),), (np.float32(1),), (np.int64(1),), (np.bool_(True),), ("1",),
    (None,), (),
    (np.array(1.0),), (X,), (np.ones((3, 1)),), (np.ones((1, 3)),), (X.astype(np.float32),), (X.astype(int),), (X > 0,),
    (np.ones(0),), (np.ones((0, 3)),), ([1.0],), ((1.0,),), ([1.0, 1.0],), ([[1.0]],), ({"a": 1.0},), ({"b": 1.0},),
    ({"a": 1.0, "b": 1.0},), ({"b": 1.0, "a": 1.0},), ({1: 1.0},), ({True: 1.0},), (collections.OrderedDict(a=1.0),),
    (Pair(1.0, 1.0),), ((1.0, 1.0),), (1.0, 1.0), (Layer(1.0),), (Layer(1.0, 2),), (Layer(1.0, True),),
    (Layer(1.0, 1.0),),
    (len,), (max,), (anything,), (float,), ({"a": {"c": 1.0, "b": 1.0}},), ({"a": {"b": 1.0, "c": 1.0}},), (b"1",),
    (Ellipsis,),
]  # fmt: skip


def test_what_is_different_has_different_keys():
    keys = [key(*args) for args in DIFFERENT]
    for i, one in enumerate(keys):
        for k, other in enumerate(keys):
            assert (one == other) is (i == k), (DIFFERENT[i], DIFFERENT[k])
    assert len({*keys}) == len(keys)
    assert key(1.0) != key(x=1.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1.0, 2.0),
        (1, 7),
        (X, X * 5),
        (X, np.arange(6.0)[::2]),
        (X, X.astype(">f8")),
        (X, np.arange(3.0)[::-1]),
        ({"a": X, "n": "text"}, {"a": 2 * X, "n": "te" + "xt"}),
        (Layer(X, (1, 2)), Layer(-X, (1, 2))),
        (float("nan"), 0.0),
        ((1, "a", None), (2, "a", None)),
    ],
)
def test_what_differs_in_its_numbers_only_has_one_key(one, other):
    assert key(one) == key(other)
    assert hash(key(one)) == hash(key(other))


def test_the_forms_of_simple_arguments_are_as_different_as_their_keys():
    forms = [form_of(args, []) for args in DIFFERENT if has_plain_keys(args)]
    simple = [form for form in forms if form is not None]
    assert len(simple) > 25
    assert len({*simple}) == len(simple)
    nested = [
        ([], [1.0]),
        ([[]], 1.0),
        ([1.0], []),
        ({}, 1.0),
        ({"a": 1.0}, {}),
        ({"a": {}}, 1.0),
        ({"a": {"b": 1.0}},),
        ((),),
    ]
    assert len({form_of(args, []) for args in nested}) == len(nested)


def test_the_leaves_of_simple_arguments_find_their_places():
    f = wg.jit(lambda d, *rest, k=0.0: d["b"] - 10 * d["a"]["z"] + 100 * d["a"]["c"] + sum(rest) * k, backend="numpy")
    for n in range(3):
        assert f({"b": 1.0 + n, "a": {"z": 2.0, "c": 3.0}}) == 281.0 + n
        assert f({"a": {"c": 3.0, "z": 2.0}, "b": 1.0 + n}, 5.0, k=2.0) == 291.0 + n
    assert f.trace_count == 2
    assert len(f._simple) == 2


def test_keys_of_static_values():
    assert static_key(float("nan")) == static_key(float("nan"))
    assert static_key(0.0) != static_key(-0.0)
    assert static_key((1, (2,))) == static_key((1, (2,)))
    assert static_key((1, (2,))) != static_key((1, (2.0,)))
    assert static_key(frozenset({1})) != static_key(frozenset({True}))
    closure = lambda: 0  # noqa: E731
    kept = static_key((1, closure))
    assert kept == static_key((1, closure))
    assert not is_dead(kept)
    del closure
    gc.collect()
    assert is_dead(kept)


def test_the_parts_go_together_again():
    parameters = Parameters(anything, 1, "how", ())
    args, kwargs = ({"w": X, "n": "text"}, 7, [2.0, None, (3,)]), {"how": "fast", "y": 5.0}
    call = parameters.take_apart(args, kwargs)
    assert [np.sum(leaf) for leaf in call.leaves] == [3.0, 2.0, 3, 5.0]
    again = call.arguments([10.0, 20.0, 30.0, 40.0])
    assert again == ([{"w": 10.0, "n": "text"}, 7, [20.0, None, (30.0,)]], {"how": "fast", "y": 40.0})
    assert parameters.labels(call) == ["args0['w']", "args2[0]", "args2[2][0]", "y"]


def test_leaves_of_donated_arguments():
    parameters = Parameters(lambda state, x, more: None, (), (), (0, 2))
    call = parameters.take_apart(({"a": X, "name": "text", "b": [X, 1.0]}, X, X), {})
    assert parameters.donated_leaves(call) == (0, 1, 2, 4)


def test_names_of_the_inputs():
    def f(params, x, *rest, scale):
        return params["w"] * x * scale + rest[0]

    graph = wg.jit(f, backend="numpy").lower({"w": 2.0}, 3.0, 4.0, scale=5.0).graph
    assert [node.name for node in graph.inputs] == ["params['w']", "x", "rest0", "scale"]
