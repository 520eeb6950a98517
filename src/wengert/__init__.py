"""Wengert: exact derivatives of NumPy programs, every step of them visible."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from wengert import ops as ops  # fills the tables that everything below reads
from wengert.compile.backend import NumpyBackendWarning
from wengert.compile.jit import jit
from wengert.compile.specialization import SpecializationWarning
from wengert.core.aval import Aval
from wengert.core.errors import (
    ArgumentError,
    ConversionError,
    DegenerateError,
    GradientError,
    GuardError,
    InPlaceError,
    LeakedTracerError,
    MissingRuleError,
    NonlinearError,
    ShapeError,
    WengertError,
)
from wengert.core.rule import Constant, Linear, Partial, Pushforward
from wengert.explain import listing as _listing  # noqa: F401  Graph.to_text, .to_latex
from wengert.explain import picture as _picture  # noqa: F401  Graph.to_svg, .to_dot
from wengert.explain import python as _python  # noqa: F401  Graph.to_python
from wengert.explain.compare import Comparison, compare
from wengert.explain.explanation import Explanation, explain
from wengert.graph import simplify as _simplify  # noqa: F401  Graph.simplify
from wengert.graph.graph import Graph
from wengert.graph.record import trace
from wengert.ops.composite import logsumexp, softmax
from wengert.ops.custom import primitive
from wengert.ops.special import relu, sigmoid, softplus
from wengert.transform import symbolic as _symbolic  # noqa: F401  Graph.derivative
from wengert.transform.batch import vmap
from wengert.transform.blackbox import FiniteDifferenceWarning, from_callable
from wengert.transform.branch import cond, switch
from wengert.transform.call import checkpoint
from wengert.transform.check import check_grads
from wengert.transform.control import fori_loop, scan, while_loop
from wengert.transform.custom import custom_derivative
from wengert.transform.higher import hessian, hvp, jacobian
from wengert.transform.jvp import Dual, jvp
from wengert.transform.numeric import finite_difference
from wengert.transform.ravel import ravel
from wengert.transform.reverse import grad, linearize, value_and_grad, vjp
from wengert.transform.tape import AccumulatedGradientWarning, Variable, no_grad
from wengert.transform.taylor import derivative, taylor
from wengert.transform.verdict import RuleError, check_rule

if _TYPE_CHECKING:
    from wengert import implicit as implicit
    from wengert import nn as nn
    from wengert import optim as optim
    from wengert import sparse as sparse

__version__ = "0.1.0"


def __getattr__(name: str) -> _Any:
    """Read a package when it is asked for: who does not train a network does not wait for it."""
    if name in ("implicit", "nn", "optim", "sparse"):
        return _import_module(f"wengert.{name}")
    raise AttributeError(f"module 'wengert' has no attribute {name!r}")


__all__ = [
    "AccumulatedGradientWarning",
    "ArgumentError",
    "Aval",
    "Comparison",
    "Constant",
    "ConversionError",
    "DegenerateError",
    "Dual",
    "Explanation",
    "FiniteDifferenceWarning",
    "GradientError",
    "Graph",
    "GuardError",
    "InPlaceError",
    "LeakedTracerError",
    "Linear",
    "MissingRuleError",
    "NonlinearError",
    "NumpyBackendWarning",
    "Partial",
    "Pushforward",
    "RuleError",
    "ShapeError",
    "SpecializationWarning",
    "Variable",
    "WengertError",
    "check_grads",
    "check_rule",
    "checkpoint",
    "compare",
    "cond",
    "custom_derivative",
    "derivative",
    "explain",
    "finite_difference",
    "fori_loop",
    "from_callable",
    "grad",
    "hessian",
    "hvp",
    "implicit",
    "jacobian",
    "jit",
    "jvp",
    "linearize",
    "logsumexp",
    "no_grad",
    "primitive",
    "ravel",
    "relu",
    "scan",
    "sigmoid",
    "softmax",
    "softplus",
    "switch",
    "taylor",
    "trace",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]
