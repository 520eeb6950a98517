"""The type check finds what is wrong with a graph, and says which node and which line."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.aval import Aval
from wengert.graph.node import Guard, Node
from wengert.graph.verify import InvalidGraphError, verify

F64 = np.dtype(np.float64)


def recorded():
    return wg.trace(lambda x, y: np.sin(x * y) + x)(np.array([1.0, 2.0]), 3.0)


def test_what_is_recorded_is_well_formed():
    verify(recorded())
    verify(wg.trace(lambda a: np.linalg.slogdet(a)[1] + a[a > 0].sum() + np.argwhere(a > 0).sum())(np.eye(2)))
    verify(wg.trace(wg.hessian(lambda x: np.sum(x**3)))(np.array([1.0, 2.0])))


def test_a_python_number_that_became_numpys_is_well_formed():
    with np.errstate(all="ignore"):
        verify(wg.trace(lambda x, y: x / y)(1.0, 0.0))


def swap(graph):
    graph.nodes[2], graph.nodes[3] = graph.nodes[3], graph.nodes[2]


def drop_an_argument(graph):
    graph.nodes.remove(graph.nodes[2])


def drop_the_output(graph):
    graph.nodes.remove(graph.outputs[0])


def repeat(graph):
    graph.nodes.append(graph.nodes[2])


def forge_the_shape(graph):
    graph.nodes[3].aval = Aval((3,), F64)


def forge_the_dtype(graph):
    graph.nodes[3].aval = Aval((2,), np.dtype(np.float32))


def forge_the_weakness(graph):
    graph.nodes[3].aval = Aval((2,), F64, True)


def forge_a_constant(graph):
    node = Node(None, (), {}, Aval((), F64), value=np.ones(2))
    graph.nodes.append(node)


def forge_an_input(graph):
    graph.nodes[0].aval = Aval((3,), F64)


def hide_an_input(graph):
    del graph.inputs[0]


def compute_an_input(graph):
    graph.inputs[0] = graph.nodes[2]


def guard_a_stranger(graph):
    graph.guards.append(Guard(Node(None, (), {}, Aval((), F64, True), value=1.0), True, None))


def give_an_argument_too_many(graph):
    graph.nodes[3].args = (graph.nodes[2], graph.nodes[2], graph.nodes[2])


def mix_shapes(graph):
    constant = Node(None, (), {}, Aval((3,), F64), value=np.ones(3))
    graph.nodes.insert(0, constant)
    graph.outputs[0].args = (graph.outputs[0].args[0], constant)


def take_a_part_of_one(graph):
    graph.nodes.append(Node(None, (graph.nodes[2],), {}, graph.nodes[2].aval, part=0))


def give_a_constant_arguments(graph):
    graph.nodes.append(Node(None, (graph.nodes[2],), {}, Aval((), F64, True), value=1.0))


FAULTS = [
    swap, drop_an_argument, drop_the_output, repeat, forge_the_shape, forge_the_dtype, forge_the_weakness,
    forge_a_constant, forge_an_input, hide_an_input, compute_an_input, guard_a_stranger, give_an_argument_too_many,
    mix_shapes, take_a_part_of_one, give_a_constant_arguments,
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__)
def test_a_fault_is_found(fault):
    graph = recorded()
    fault(graph)
    with pytest.raises(InvalidGraphError):
        verify(graph)


@pytest.mark.parametrize("part", [-1, 2])
def test_a_part_that_is_not_there_is_found(part):
    graph = wg.trace(lambda a: np.linalg.slogdet(a)[1])(np.eye(2))
    graph.outputs[0].part = part
    with pytest.raises(InvalidGraphError, match="no such part"):
        verify(graph)


def test_all_parts_at_once_are_no_value():
    graph = wg.trace(lambda a: np.linalg.slogdet(a)[1] * 2)(np.eye(2))
    whole = next(node for node in graph.nodes if node.operation == "slogdet")
    graph.outputs[0].args = (whole, graph.outputs[0].args[1])
    with pytest.raises(InvalidGraphError, match="several outputs"):
        verify(graph)


def test_a_leaked_tracer_in_a_constant_is_found():
    graphs = []

    def f(x):
        graphs.append(wg.trace(lambda y: x * y)(2.0))
        verify(graphs[0])  # as long as the derivative outside is being computed, it may stand there
        return x

    wg.grad(f)(3.0)
    with pytest.raises(InvalidGraphError, match="has ended"):
        verify(graphs[0])


def test_the_error_names_the_node_and_the_users_line():
    graph = recorded()
    forge_the_shape(graph)
    with pytest.raises(InvalidGraphError) as caught:
        verify(graph)
    message = str(caught.value)
    assert "node 3 of f, <sin: float64[3]>, is said to be float64[3] and is float64[2] by its rule" in message
    assert f"{__file__}:" in message
    assert "np.sin(x * y) + x" in message
