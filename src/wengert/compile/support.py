"""What loops can compute: which operations, in which types, and in which type NumPy would compute them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from wengert.compile.loops import TYPES
from wengert.compile.scalar import BITWISE, FLOATS, PREDICATES, SCALARS
from wengert.compile.spaces import REDUCTIONS, RULES, is_elementwise
from wengert.compile.special import is_special, types_of
from wengert.core.aval import kind_of
from wengert.graph.node import Node

#: Those of the elementwise operations that are written for integers too.
INTEGERS = frozenset({
    "add", "subtract", "multiply", "negative", "positive", "conjugate", "conj", "real", "stop_gradient", "astype",
    "number", "duplicate", "absolute", "square", "maximum", "minimum", "fmax", "fmin", "sign", "scale", "floor", "ceil",
    "trunc", "rint", "round", "floor_divide", "remainder", "fmod",
})  # fmt: skip
#: What may be done to truth values as to numbers.
BOOLEANS = frozenset({"stop_gradient", "astype", "number", "duplicate", "positive", "real", "conj", "conjugate"})
#: Formulas that NumPy computes in the types that come in, integers too.
AS_THEY_ARE = frozenset({"share", "share2", "gauss", "bell", "sinc"})
#: NumPy's ufuncs under the names of primitives that are none.
_LIKE = {"scale": np.multiply}


def type_of(node: Node) -> str:
    """The machine's type of a node's elements."""
    return TYPES[node.aval.dtype]


def loop_types(node: Node) -> list[str] | None:
    """The types to which the arguments of an elementwise operation are brought; None where it is not supported."""
    assert node.primitive is not None
    name = node.primitive.name
    if any(a.aval.dtype not in TYPES for a in node.args) or node.aval.dtype not in TYPES:
        return None
    if name == "where":
        return ["i1", type_of(node), type_of(node)]
    if name in ("astype", "number", "duplicate", "discretize", "stop_gradient", "broadcast_to"):
        return [type_of(node)] * len(node.args)
    if name not in SCALARS and is_special(node.primitive):
        return types_of(node.primitive, tuple(kind_of(a.aval) for a in node.args))
    if name == "isclose":  # NumPy takes the second argument as it is, if it has floating-point numbers
        return [TYPES[node.args[1].aval.dtype]] * 2
    ufunc = _LIKE.get(name) or getattr(np, name, None)
    if not isinstance(ufunc, np.ufunc):
        return [type_of(node)] * len(node.args)
    dtypes = _resolved(ufunc, tuple(kind_of(a.aval) for a in node.args))
    if dtypes is None or any(d not in TYPES for d in dtypes):
        return None
    return [TYPES[d] for d in dtypes]


@cache
def _resolved(ufunc: np.ufunc, kinds: tuple[Any, ...]) -> tuple[np.dtype[Any], ...] | None:
    if all(k is int for k in kinds):  # which NumPy compares as objects, however small
        kinds = (np.dtype(np.int64),) * len(kinds)
    try:
        return ufunc.resolve_dtypes((*kinds, *[None] * ufunc.nout))[: len(kinds)]
    except TypeError:
        return None


def unsupported(node: Node) -> str:
    """Why an operation is left to NumPy; empty where it is not."""
    assert node.primitive is not None
    name = node.primitive.name
    if node.primitive.outputs > 1:
        return "it has several outputs"
    if not is_elementwise(node) and name not in REDUCTIONS and name not in RULES:
        return "no loops are known for it"
    for aval in (node.aval, *(a.aval for a in node.args)):
        if aval.dtype not in TYPES:
            return f"{aval.dtype} has no machine type"
    if not is_elementwise(node):
        if name in ("sum", "prod", "sum_to", "matmul", "einsum", "max", "min"):
            if any(a.aval.dtype != node.aval.dtype for a in node.args):
                return "it changes the dtype"
            if node.aval.dtype.kind == "b":
                return "of truth values"
        if name in ("put", "scatter", "add_at") and node.aval.dtype.kind == "b":
            return "of truth values"
        return ""
    types = loop_types(node)
    if types is None:
        return "its dtypes are mixed"
    integers = name in SCALARS and types[0] not in FLOATS
    if integers and types[0] == "i1" and name not in BOOLEANS:
        return "of truth values"
    if integers and name == "power":
        exponent = node.args[1]
        known = exponent.is_constant and exponent.aval.shape == () and not node.aval.weak
        return "" if known and 0 <= exponent.value <= 64 else "power of integers"
    if integers and name not in INTEGERS:
        return f"{name} of integers"
    if name == "isclose" and (
        types[0] not in FLOATS or np.result_type(*(a.aval.dtype for a in node.args)) != node.args[1].aval.dtype
    ):
        return "its dtypes are mixed"
    if name == "round" and types[0] not in FLOATS and node.params["decimals"] < 0:
        return "round of integers"
    if name in AS_THEY_ARE and any(a.aval.dtype != node.aval.dtype for a in node.args):
        return "its dtypes are mixed"
    if name == "lowered_power" and not node.args[2].is_constant:
        return "its step is not a constant"
    if name in BITWISE and len(set(types)) > 1:
        return "its dtypes are mixed"
    if name in PREDICATES and types[0] == "i1" and name in ("greater", "greater_equal", "less", "less_equal"):
        return "of truth values"
    if name in ("isnan", "isfinite", "isinf", "signbit") and types[0] not in FLOATS:
        return f"{name} of integers"
    return ""
