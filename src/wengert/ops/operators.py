"""Python's operators and the methods of arrays, on traced values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.alias import update
from wengert.core.aval import aval_of
from wengert.core.errors import InPlaceError
from wengert.core.primitive import Primitive, bind
from wengert.core.tracer import Tracer
from wengert.ops import arithmetic, comparison, complex_numbers, linalg, special
from wengert.ops.indexing import pick
from wengert.ops.inplace import assign, updated


def _operand(other: Any) -> Any:
    """What NumPy does with the other side of an operator: lists are arrays."""
    return np.asarray(other) if isinstance(other, (list, tuple)) else other


def _binary(primitive: Primitive) -> Callable[[Any, Any], Any]:
    return lambda self, other: bind(primitive, (self, _operand(other)), {})


def _reflected(primitive: Primitive) -> Callable[[Any, Any], Any]:
    return lambda self, other: bind(primitive, (_operand(other), self), {})


def _unary(primitive: Primitive) -> Callable[[Any], Any]:
    return lambda self: bind(primitive, (self,), {})


def _in_place(primitive: Primitive, sign: str) -> Callable[[Any, Any], Any]:
    return lambda self, other: updated(self, primitive, _operand(other), sign)


for _name, _primitive, _sign in (
    ("add", arithmetic.add, "+"),
    ("sub", arithmetic.subtract, "-"),
    ("mul", arithmetic.multiply, "*"),
    ("truediv", arithmetic.divide, "/"),
    ("pow", arithmetic.power, "**"),
    ("mod", arithmetic.remainder, "%"),
    ("floordiv", arithmetic.floor_divide, "//"),
    ("matmul", linalg.matmul, "@"),
    ("and", comparison.bitwise_and, "&"),
    ("or", comparison.bitwise_or, "|"),
    ("xor", comparison.bitwise_xor, "^"),
):
    setattr(Tracer, f"__{_name}__", _binary(_primitive))
    setattr(Tracer, f"__r{_name}__", _reflected(_primitive))
    setattr(Tracer, f"__i{_name}__", _in_place(_primitive, _sign))

for _name, _primitive in (
    ("neg", arithmetic.negative), ("pos", arithmetic.positive), ("invert", comparison.invert),
):  # fmt: skip
    setattr(Tracer, f"__{_name}__", _unary(_primitive))

for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    _long = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"}
    setattr(Tracer, f"__{_name}__", _binary(getattr(comparison, _long[_name])))
Tracer.__hash__ = object.__hash__  # type: ignore[method-assign]  # defining == took it away; a traced value is itself only


def _divmod(self: Any, other: Any) -> tuple[Any, Any]:
    return self // other, self % other


def _rdivmod(self: Any, other: Any) -> tuple[Any, Any]:
    return other // self, other % self


def _round(self: Any, digits: int | None = None) -> Any:
    return np.round(self, digits or 0)


#: What scalar engines offer as methods, arrays only as functions.
for _name, _function in (
    ("exp", np.exp), ("log", np.log), ("sin", np.sin), ("cos", np.cos), ("tanh", np.tanh), ("sqrt", np.sqrt),
    ("relu", special.relu), ("sigmoid", special.sigmoid),
):  # fmt: skip
    setattr(Tracer, _name, lambda self, _f=_function: _f(self))

for _name, _method in (
    ("getitem", pick), ("setitem", assign), ("abs", complex_numbers.absolute_of), ("divmod", _divmod), ("rdivmod", _rdivmod), ("round", _round),
):  # fmt: skip
    setattr(Tracer, f"__{_name}__", _method)
Tracer.T = property(lambda self: np.transpose(self))  # type: ignore[attr-defined]
Tracer.mT = property(np.matrix_transpose)  # type: ignore[attr-defined]
Tracer.real = property(lambda self: np.real(self), lambda self, new: assign(np.real(self), ..., new))  # type: ignore[attr-defined]
Tracer.imag = property(lambda self: np.imag(self), lambda self, new: assign(np.imag(self), ..., new))  # type: ignore[attr-defined]
Tracer.flat = property(lambda self: iter(np.reshape(self, -1)))  # type: ignore[attr-defined]

#: Methods that are the NumPy function of the same name with the array as its first argument.
METHODS = (
    "sum", "prod", "mean", "std", "var", "max", "min", "argmax", "argmin", "any", "all", "clip", "dot", "ravel",
    "squeeze", "swapaxes", "trace", "diagonal", "take", "repeat", "copy", "argsort", "nonzero", "searchsorted",
    "cumsum", "cumprod", "conj", "conjugate", "ptp", "round",
)  # fmt: skip
for _name in METHODS:
    _function = getattr(np, _name)
    setattr(Tracer, _name, lambda self, *args, _f=_function, **kwargs: _f(self, *args, **kwargs))


def _reshape(self: Any, *shape: Any, order: Any = "C") -> Any:
    return np.reshape(self, shape[0] if len(shape) == 1 else tuple(shape), order=order)


def _transpose(self: Any, *axes: Any) -> Any:
    return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)


def _flatten(self: Any, order: Any = "C") -> Any:
    return np.copy(np.ravel(self, order))


def _astype(self: Any, dtype: Any, *args: Any, **kwargs: Any) -> Any:
    return np.astype(self, dtype)


def _fill(self: Any, value: Any) -> None:
    assign(self, Ellipsis, value)


def _sort(self: Any, axis: int = -1, kind: Any = None) -> None:
    update(self, np.sort(self.frozen(), axis))


def _put(self: Any, indices: Any, values: Any, mode: Any = "raise") -> None:
    np.put(self, indices, values, mode)


def _refuse(self: Any, *args: Any, **kwargs: Any) -> None:
    raise InPlaceError(
        "this would change a traced array in place in a way that is not followed",
        wrong="y.partition(k), y.resize(n)",
        right="y = np.partition(y, k), y = np.resize(y, n)",
    )


Tracer.reshape, Tracer.transpose, Tracer.flatten, Tracer.astype = _reshape, _transpose, _flatten, _astype  # type: ignore[attr-defined]
Tracer.fill, Tracer.sort, Tracer.put = _fill, _sort, _put  # type: ignore[attr-defined]
Tracer.partition = Tracer.resize = _refuse  # type: ignore[attr-defined]
Tracer.nbytes = property(lambda self: self.size * self.dtype.itemsize)  # type: ignore[attr-defined]
Tracer.itemsize = property(lambda self: aval_of(self).dtype.itemsize)  # type: ignore[attr-defined]
