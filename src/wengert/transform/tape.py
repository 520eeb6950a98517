"""The tape: values that remember how they were made, for programs in the style of PyTorch and micrograd.

A `Variable` is a value on a linearization that is never closed: the same maps, transposed by the same pass.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError, ConversionError, InPlaceError, ShapeError
from wengert.core.primitive import Primitive, bind
from wengert.core.snapshot import snapshot
from wengert.core.tracer import Level, Tracer, concrete
from wengert.core.tree import differentiable
from wengert.graph.graph import Graph
from wengert.transform.differential import conform
from wengert.transform.history import Call, graph_of
from wengert.transform.linearization import match, own, settle
from wengert.transform.linearize import LinearizeLevel, LinearNode
from wengert.transform.transpose import pull

_recording: ContextVar[bool] = ContextVar("wengert_recording", default=True)


class AccumulatedGradientWarning(UserWarning):
    """A backward pass added to a gradient that an earlier pass had left: usually `zero_grad()` was forgotten."""


class TapeNode(LinearNode):
    """A node that knows its Variable while somebody holds it, to leave the gradient there, and how it was made."""

    __slots__ = ("call", "owner")
    owner: weakref.ref[Variable] | None
    call: Call


class TapeLevel(LinearizeLevel):
    """The outermost level of all, shared by all Variables and never closed."""

    __slots__ = ()
    node = TapeNode

    def tracer(self, level: Any, value: Any, tangent: TapeNode | None) -> Variable:  # type: ignore[override]
        variable = object.__new__(Variable)
        variable._data, variable.tangent = value, tangent
        if tangent is not None:
            tangent.owner = weakref.ref(variable)
        return variable

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        if _recording.get():
            args = [snapshot(a) if type(a) is np.ndarray else a for a in args]
            out = super().process(primitive, args, params)
            held = [a.held() if isinstance(a, Variable) else a for a in args]
            for part, result in enumerate(out if type(out) is tuple else (out,)):
                if isinstance(result, Variable) and result.tangent is not None:
                    result.tangent.call = Call(primitive, held, params, part if type(out) is tuple else None)
            if type(out) is np.ndarray and not out.flags.owndata:  # of Variables without a gradient, perhaps a view
                return self.tracer(self, out, None)
            return out
        plain = [a.value if isinstance(a, Variable) else a for a in args]
        out = bind(primitive, plain, params)
        return tuple(self.tracer(self, o, None) for o in out) if primitive.outputs > 1 else self.tracer(self, out, None)


#: Below every other level: a derivative of a program with Variables in it sees them as constants.
_TAPE = TapeLevel(rank=-2)


class Variable(Tracer):
    """A number or array that remembers how it was computed; `backward()` fills in the gradients.

    A leaf is made by the user and accumulates ∂y/∂leaf in `.grad` over the backward passes, as in PyTorch. A result of
    operations on Variables is a Variable too; its `.grad` is that of the last pass.

    **Arguments**: `value`, a number or a float array (integers become float64); `name`, for printing and drawing.
    **Attributes**: `data`, the plain value (assigning to it, also in place, changes a leaf between passes); `grad`,
    None before the first pass; `name`; `is_leaf`. **Methods**: `backward`, `zero_grad`, NumPy's, and `exp`, `log`,
    `tanh`, `relu`, `sigmoid`.
    **Raises**: `ArgumentError` for what has no derivative.
    **Cost**: a few microseconds per operation; a result keeps what it was computed from alive, a leaf keeps nothing.

    >>> import wengert as wg
    >>> a, b = wg.Variable(2.0, name="a"), wg.Variable(-3.0, name="b")
    >>> y = a * b + 10
    >>> y.backward()
    >>> y.data, a.grad, b.grad
    (4.0, -3.0, 2.0)

    **Source**: Wengert (1964); Baydin et al., "Automatic differentiation in machine learning: a survey" (2018).
    """

    # Defaults of the class instead of slots: a result is made with two assignments.
    level: Level = _TAPE
    copies_share = False  # what backward() fills in belongs to one value
    fields = ("_data", "tangent")
    is_leaf = False  #: Whether the user made it, rather than an operation.
    leaf: Variable | None = None  # of a leaf's value as it was once: the leaf
    name: str | None = None
    _grad: Any = None
    _passes = 0
    _data: Any
    tangent: TapeNode | None

    def __init__(self, value: Any, name: str | None = None) -> None:
        data = differentiable(value, "the value of a Variable")
        if isinstance(data, Tracer):
            raise ArgumentError("a Variable holds a plain value, not a traced one", wrong="wg.Variable(x)", right="x")
        self._data, self.is_leaf = data, True
        self.tangent = TapeNode(_TAPE.linear, aval_of(data), (), None)
        self.tangent.owner = weakref.ref(self)
        if name is not None:
            self.name = name

    def __reduce__(self) -> Any:
        """Pickled and copied, a leaf is a new leaf of the same value."""
        if not self.is_leaf and self.tangent is not None:
            raise ConversionError(
                "a result would be copied without what it was computed from, and lose its derivative",
                wrong="copy.copy(y), copy.deepcopy(y), pickle.dumps(y)",
                right="np.copy(y), which is followed   or   wg.Variable(y.data), a new leaf",
            )
        return Variable, (self.data, self.name)

    __hash__ = object.__hash__  # as in PyTorch: a Variable is itself only

    def __copy__(self) -> Any:
        make, args = self.__reduce__()
        return make(*args)

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()

    # The value ---------------------------------------------------------------------------------------------------

    @property
    def value(self) -> Any:
        """What operations see: of a leaf's array a copy, since the user may change `data` before the reverse pass."""
        return snapshot(self._data) if self.is_leaf else self._data

    @property
    def data(self) -> Any:
        """The plain value; a leaf's array may be changed in place, a result's is read-only."""
        data = concrete(self._data)
        if isinstance(data, np.ndarray) and not self.is_leaf:
            data = data.view()
            data.flags.writeable = False
        return data

    @data.setter
    def data(self, value: Any) -> None:
        value = differentiable(value, "the value of a Variable")
        have, want = aval_of(value), aval_of(self._data)
        if have.shape != want.shape:
            raise ShapeError(f"a Variable of shape {want.shape} was assigned a value of shape {have.shape}")
        if not self.is_leaf:
            raise InPlaceError(
                "the value of a result cannot be changed", wrong="y.data = v", right="y = wg.Variable(v)"
            )
        self._data = conform(value, self._data)

    # Updates in place ----------------------------------------------------------------------------------------------

    @property
    def is_cell(self) -> bool:
        return self.is_leaf or bool(self.shape) or type(self._data) is np.ndarray

    def check_update(self) -> None:
        """A leaf is changed by the user and not by the program; what is recorded is not changed without a record."""
        recording = _recording.get()
        if self.is_leaf and recording:
            raise InPlaceError(
                "a leaf Variable, or a view of one, would be updated in place while operations are recorded",
                wrong="p -= step, p[i] = v",
                right="p.data -= step   or   with wg.no_grad(): p -= step   or   q = np.copy(p); q[i] = v",
            )
        if not self.is_leaf and not recording and self.tangent is not None:
            raise InPlaceError(
                "a result on the tape would be updated in place under no_grad, and its gradient would not know of it",
                wrong="y = f(p)\n              with wg.no_grad(): y *= 2",
                right="y *= 2   outside of no_grad   or   z = wg.Variable(y.data)",
            )

    def become(self, value: Any) -> None:
        if self.is_leaf:
            new = conform(concrete(value), self._data)
            if isinstance(self._data, np.ndarray):
                self._data[...] = new
            else:
                self._data = new
            return
        if self.tangent is not None:
            self.tangent.owner = None
        super().become(value)
        if self.tangent is not None:
            self.tangent.owner = weakref.ref(self)

    def become_name(self, names: Level, value: Any) -> None:
        if self.is_leaf:
            raise InPlaceError(
                "a leaf Variable would take on a traced value of a transformation",
                wrong="wg.grad(lambda x: p.__setitem__(0, x))",
                right="return x from the function; p.data[0] = x",
            )
        self.level, self._data = names, value

    def follows(self, base: Any) -> bool:
        """Views of a leaf that are on the tape have the values of their time, as every result of it has."""
        return self.tangent is None or not (isinstance(base, Variable) and base.is_leaf)

    def lends_to(self, view: Any, get: Callable[[Any], Any]) -> bool:
        """What operations see of a leaf is a copy, so it is asked what `get` makes of the array itself."""
        if not self.is_leaf:
            return super().lends_to(view, get)
        return isinstance(self._data, np.ndarray) and np.may_share_memory(get(self._data), self._data)

    def frozen(self) -> Variable:
        if not self.is_cell:
            return self
        copy = object.__new__(Variable)
        copy._data, copy.tangent = self.value, self.tangent
        copy.leaf = self if self.is_leaf else self.leaf
        if self.level is not _TAPE:
            copy.level = self.level
        return copy

    def held(self) -> Any:
        """What a recorded call keeps of an argument."""
        if self.is_leaf or self.leaf is not None:
            return self if self.leaf is None else self.leaf
        return self._data if self.tangent is None else self.tangent

    # The gradient ------------------------------------------------------------------------------------------------

    @property
    def grad(self) -> Any:
        """The accumulated gradient, in the shape of `data`; None before the first backward pass."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        self._grad = value
        self._passes = 0

    def zero_grad(self) -> None:
        """Forget the gradient, before the next backward pass."""
        self._grad, self._passes = None, 0

    def backward(self, ct: Any = None, *, accumulate: bool = False) -> None:
        """Add ∂self/∂leaf to the `.grad` of every leaf that this value depends on.

        **Arguments**: `ct`, the cotangent of this value, needed where it is not a single number; `accumulate=True`
        says that adding to gradients of earlier passes is meant, and silences the warning about it.
        **Raises**: `ShapeError` for a missing or misshapen `ct`, `ArgumentError` for a value made under `no_grad`.
        **Cost**: a small multiple of what computing the value has cost; linear in the number of operations.
        """
        if self.tangent is None:
            raise ArgumentError(
                "this Variable was computed under no_grad and does not remember how",
                wrong="with wg.no_grad(): y = f(x)",
                right="y = f(x)",
            )
        if ct is None:
            if self.shape:
                raise ShapeError(
                    f"backward needs one number to start from; this Variable has shape {self.shape}",
                    wrong="y.backward()",
                    right="y.sum().backward()   or y.backward(np.ones(y.shape))",
                )
            ct = 1.0 if aval_of(self.value).weak else self.dtype.type(1)
        else:
            (ct,) = match(ct, self.value, [self.value], "cotangent")
        repeated: list[Variable] = []

        def visit(node: LinearNode, total: Any) -> None:
            variable = _owner(node)
            if variable is not None and variable._receive(total):
                repeated.append(variable)

        pull([self.tangent], [ct], (), visit)
        if repeated and not accumulate:
            first = repeated[0].name or "a Variable"
            warnings.warn(
                f"backward() added to gradients of an earlier pass ({first} and {len(repeated) - 1} more): call "
                "zero_grad() before each pass, or say backward(accumulate=True) where the sum is meant",
                AccumulatedGradientWarning,
                stacklevel=2,
            )

    def _receive(self, total: Any) -> bool:
        """Take a pass's gradient; whether it came on top of an earlier one."""
        value = own(settle(total, self.value))  # the same array may go to several Variables: y = a + b
        again = self.is_leaf and self._grad is not None
        self._grad = self._grad + value if again else value
        self._passes = self._passes + 1 if again else 1
        return again and self._passes > 1

    def graph(self) -> Graph:
        """The operations that led to this value, as a graph whose inputs are the leaves: to print, draw and explain."""
        return graph_of(self.held(), self.name or "f")

    # How it prints -------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        name = f", name={self.name!r}" if self.name else ""
        grad = "" if self._grad is None else f", grad={_short(self._grad)}"
        passes = f" (sum of {self._passes} backward passes)" if self._passes > 1 else ""
        return f"Variable({_short(self.data)}{name}{grad}{passes})"

    __str__ = __repr__


@contextmanager
def no_grad() -> Iterator[None]:
    """Inside, operations on Variables are not recorded: for updates of parameters and for evaluation.

    >>> import wengert as wg
    >>> p = wg.Variable(1.0)
    >>> with wg.no_grad():
    ...     p -= 0.25
    >>> p
    Variable(0.75)
    """
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


def _owner(node: LinearNode) -> Variable | None:
    owner = node.owner if isinstance(node, TapeNode) else None
    return None if owner is None else owner()


def _short(value: Any) -> str:
    number = np.asarray(value)[()]
    if isinstance(number, float):
        return repr(float(number))
    return np.array2string(np.asarray(value), separator=", ", threshold=20)
