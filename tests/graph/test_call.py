"""The recording of a call that code may stand for: what it holds, and when it says that it does not hold."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.primitive import bind
from wengert.graph.call import number, record_call
from wengert.graph.verify import verify

X = np.array([1.0, -2.0, 3.0])


def recorded(f, *leaves):
    recording = record_call(f, leaves, [f"x{i}" for i in range(len(leaves))], lambda values: (list(values), {}))
    verify(recording.graph)
    return recording


def operations(recording):
    return [node.operation for node in recording.graph.operations]


def test_numbers_of_every_kind_keep_theirs():
    graph = recorded(lambda *x: x, 1, 1.0, 1j, np.float32(1), np.array(1.0), np.array([True])).graph
    avals = [(node.aval.dtype, node.aval.weak) for node in graph.inputs]
    assert avals == [
        (np.int64, True), (np.float64, True), (np.complex128, True), (np.float32, False), (np.float64, False),
        (bool, False),
    ]  # fmt: skip


def test_the_kinds_of_the_results():
    recording = recorded(lambda x, y: (y * 2, np.sin(y), x * y, np.where(y > 0, y, 0.0), x[0]), X, 2.0)
    assert recording.kinds == ("number", "scalar", "array", "array", "scalar")


def test_what_was_not_computed_is_given_back_as_it_was():
    result = recorded(lambda x: {"a": x * 2, "b": "text", "c": [None, 7, np.ones(2)]}, 3.0).graph.rebuild
    one, other = result([5.0]), result([6.0])
    assert (one["a"], one["b"], one["c"][:2], other["a"]) == (5.0, "text", [None, 7], 6.0)
    assert one["c"][2].tolist() == [1.0, 1.0]
    assert not np.shares_memory(one["c"][2], other["c"][2])


def test_arguments_changed_in_place_are_outputs_of_their_own():
    def f(x, y):
        x[0] = y
        return y * 2

    recording = recorded(f, X, 5.0)
    assert recording.changed == (0,)
    assert len(recording.graph.outputs) == 2
    assert recording.graph.outputs[1].operation == "put"
    assert X[0] == 1.0


def test_shapes_that_depend_on_numbers_are_guards_in_their_order():
    def f(x):
        y = x[x > 0]
        if y[0] > 0:
            return np.unique(y)
        return y

    outcomes = [guard.outcome for guard in recorded(f, X).graph.guards]
    assert outcomes == [(2,), True, (2,), (2,), (2,)]


@pytest.mark.parametrize(
    ("f", "reason"),
    [
        (lambda x: x / 2 + x**0.5, ""),
        (lambda x: x / (x - 2.0), "divide of Python numbers"),
        (lambda x: (x - 3.0) ** 0.5, "power of Python numbers"),
        (lambda x: f"{x}", "a text"),
        (lambda x: round(x, 2), "rounds"),
        (lambda x: [x].append, "returns a builtin"),
        (lambda x: lambda: x, "returns a function"),
        (lambda x: {1, 2}, "returns a set"),
        (lambda x: iter([x]), "returns a list_iterator"),
        (lambda x: np.asarray(np.argmax(np.stack([x, x]))), "plain array"),
    ],
)
def test_obstacles(f, reason):
    with np.errstate(all="ignore"):
        obstacle = recorded(f, 2.0).obstacle
    assert reason in obstacle if reason else obstacle == ""


def test_a_list_that_was_changed_is_an_obstacle():
    def f(numbers):
        numbers.append(1.0)
        return numbers[0]

    recording = record_call(f, [1.0, 2.0], ["a", "b"], lambda values: ([list(values)], {}))
    assert "changes a list" in recording.obstacle


def test_values_of_an_outer_transformation_are_foreign():
    seen = []

    def f(w):
        seen.append(recorded(lambda x: x * w, 2.0).foreign)
        seen.append(recorded(lambda x: w, 2.0).foreign)
        return w * 1.0

    wg.grad(f)(3.0)
    assert seen == [True, True]
    assert not recorded(lambda x: x * 3.0, 2.0).foreign


def test_a_traced_value_that_outlived_its_level_is_refused():
    kept = []
    recorded(lambda x: kept.append(x) or x, 2.0)
    with pytest.raises(wg.LeakedTracerError):
        recorded(lambda x: kept[0], 2.0)


def test_a_number_made_of_a_scalar():
    assert type(bind(number, (np.float32(0.5),), {})) is float
    assert wg.grad(number)(np.float64(2.0)) == 1.0
    recording = recorded(lambda x, y: wg.grad(np.sin)(x) * y, 0.5, np.ones(2, np.float32))
    assert "number" in operations(recording)
    assert recording.graph.outputs[0].aval.dtype == np.float32
    assert "number" not in operations(recorded(lambda x: wg.grad(np.sin)(x), np.float64(0.5)))


def test_functions_give_numpys_scalars_and_operators_pythons_numbers():
    recording = recorded(lambda x: (np.add(x, 1), x + 1, np.abs(x), abs(x), round(x)), 2.5)
    assert recording.kinds == ("scalar", "number", "scalar", "number", "number")
