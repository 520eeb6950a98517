"""What loops are said to compute is what they compute, in the types in which NumPy would."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.compile.loops import TYPES
from wengert.compile.support import loop_types, type_of, unsupported
from wengert.core.aval import Aval
from wengert.core.primitive import REGISTRY
from wengert.graph.node import Node


def node(name, *dtypes, params=None, result=None, weak=()):
    args = [Node(None, (), {}, Aval((3,), np.dtype(d), i in weak), None) for i, d in enumerate(dtypes)]
    if result is None:
        with np.errstate(all="ignore"):
            result = REGISTRY[name].impl(*(np.ones(3, d) for d in dtypes), **(params or {})).dtype
    return Node(REGISTRY[name], args, params or {}, Aval((3,), np.dtype(result)), None)


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "arctan2", "divide", "hypot", "less"])
@pytest.mark.parametrize("one", list(TYPES), ids=str)
@pytest.mark.parametrize("other", list(TYPES), ids=str)
def test_arguments_are_brought_to_numpys_types(name, one, other):
    ufunc = getattr(np, name)
    want = ufunc.resolve_dtypes((one, other, None))[:2]
    found = loop_types(node(name, one, other))
    assert found == ([TYPES[d] for d in want] if all(d in TYPES for d in want) else None)


def test_python_numbers_have_no_say():
    weak = Node(None, (), {}, Aval((), np.dtype(float), True), None)
    x = Node(None, (), {}, Aval((3,), np.dtype(np.float32)), None)
    assert loop_types(Node(REGISTRY["add"], [x, weak], {}, Aval((3,), np.dtype(np.float32)), None)) == ["float"] * 2


@pytest.mark.parametrize(
    ("name", "dtypes", "reason"),
    [
        ("add", (np.float16, np.float16), "float16 has no machine type"),
        ("add", (complex, complex), "complex128 has no machine type"),
        ("add", (bool, bool), "of truth values"),
        ("power", (np.int64, np.int64), "power of integers"),
        ("isnan", (np.int64,), "isnan of integers"),
        ("cumsum", (float,), "no loops are known for it"),
    ],
)
def test_why_not(name, dtypes, reason):
    params = {"axis": 0} if name == "cumsum" else {}
    assert unsupported(node(name, *dtypes, params=params, result=dtypes[0])) == reason


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_elementwise_operation_of_floating_point_numbers_is_supported(dtype):
    left = []
    for name in (
        "exp",
        "tanh",
        "power",
        "logaddexp",
        "where",
        "sigmoid",
        "arctan2",
        "sign",
        "isfinite",
        "scale",
        "fmod",
    ):
        count = {"where": 3, "power": 2, "logaddexp": 2, "arctan2": 2, "scale": 2, "fmod": 2}.get(name, 1)
        dtypes = [bool, dtype, dtype] if name == "where" else [dtype] * count
        if unsupported(node(name, *dtypes)):
            left.append(name)
    assert not left


def test_reductions_that_change_the_type():
    def reasons(f, x):
        return {n.operation: unsupported(n) for n in wg.trace(f)(x).nodes if n.primitive is not None}

    assert reasons(lambda x: np.sum(x), np.ones(3)) == {"sum": ""}
    assert reasons(lambda x: np.sum(x > 0), np.ones(3))["sum"] == "it changes the dtype"
    assert reasons(lambda x: np.any(x > 0), np.ones(3))["any"] == ""
    assert type_of(node("less", float, float)) == "i1"
