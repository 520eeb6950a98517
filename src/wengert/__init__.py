"""Wengert: exact derivatives of NumPy programs, every step of them visible."""

from importlib.metadata import version

from wengert import ops
from wengert.core.primitive import Primitive
from wengert.core.rule import Constant, Linear, Partial, Pushforward
from wengert.ops.composite import logsumexp, softmax
from wengert.ops.special import relu, sigmoid, softplus
from wengert.transform.higher import hessian, hvp, jacobian
from wengert.transform.jvp import Dual, jvp
from wengert.transform.reverse import grad, linearize, value_and_grad, vjp
from wengert.transform.tape import AccumulatedGradientWarning, Variable, no_grad

__version__ = "0.1.0"
