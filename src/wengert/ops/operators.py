"""Python's operators and the methods of arrays, on traced values."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from wengert.core.alias import update
from wengert.core.aval import aval_of
from wengert.core.errors import InPlaceError
from wengert.core.primitive import Primitive, bind
from wengert.core.tracer import Tracer
from wengert.ops import arithmetic, comparison, complex_numbers, floats, linalg, special
from wengert.ops.indexing import pick
from wengert.ops.inplace import assign, updated
from wengert.ops.layout import copied, flatten


def _operand(other: Any) -> Any:
    """What NumPy does with the other side of an operator: lists are arrays."""
    return np.asarray(other) if isinstance(other, (list, tuple)) else other


def _binary(primitive: Primitive) -> Callable[[Any, Any], Any]:
    return lambda self, other: bind(primitive, (self, _operand(other)), {})


def _reflected(primitive: Primitive) -> Callable[[Any, Any], Any]:
    return lambda self, other: bind(primitive, (_operand(other), self), {})


def _unary(primitive: Primitive) -> Callable[[Any], Any]:
    return lambda self: bind(primitive, (self,), {})


def _in_place(primitive: Primitive) -> Callable[[Any, Any], Any]:
    return lambda self, other: updated(self, primitive, _operand(other))


for _name, _primitive in (
    ("add", arithmetic.add),
    ("sub", arithmetic.subtract),
    ("mul", arithmetic.multiply),
    ("truediv", arithmetic.divide),
    ("pow", arithmetic.power),
    ("mod", arithmetic.remainder),
    ("floordiv", arithmetic.floor_divide),
    ("matmul", linalg.matmul),
    ("and", comparison.bitwise_and),
    ("or", comparison.bitwise_or),
    ("xor", comparison.bitwise_xor),
    ("lshift", floats.left_shift),
    ("rshift", floats.right_shift),
):
    setattr(Tracer, f"__{_name}__", _binary(_primitive))
    setattr(Tracer, f"__r{_name}__", _reflected(_primitive))
    setattr(Tracer, f"__i{_name}__", _in_place(_primitive))

for _name, _primitive in (
    ("neg", arithmetic.negative), ("pos", arithmetic.positive), ("invert", comparison.invert),
):  # fmt: skip
    setattr(Tracer, f"__{_name}__", _unary(_primitive))

for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    _long = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"}
    setattr(Tracer, f"__{_name}__", _binary(getattr(comparison, _long[_name])))


def _key(self: Any) -> Any:
    """By identity `x in {0.5, 1.0}` would be false, by value a cache would give one variable's result for another."""
    self._refuse(
        "a key of a dictionary, a set or a cache", "x in {0.5, 1.0}, table[x], @functools.cache of f(x)",
        "x in [0.5, 1.0], a list instead of a set, a cache of what does not depend on x",
    )  # fmt: skip


Tracer.__hash__ = _key  # type: ignore[method-assign]


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


def _set_imag(self: Any, new: Any) -> None:
    if self.dtype.kind != "c":
        raise TypeError("array does not have imaginary part to set")
    assign(np.imag(self), ..., new)


Tracer.T = property(lambda self: np.transpose(self))  # type: ignore[attr-defined]
Tracer.mT = property(np.matrix_transpose)  # type: ignore[attr-defined]
Tracer.real = property(lambda self: np.real(self), lambda self, new: assign(np.real(self), ..., new))  # type: ignore[attr-defined]
Tracer.imag = property(lambda self: np.imag(self), _set_imag)  # type: ignore[attr-defined]

#: Methods that are the NumPy function of the same name with the array as its first argument.
METHODS = (
    "sum", "prod", "mean", "std", "var", "max", "min", "argmax", "argmin", "any", "all", "clip", "dot", "ravel",
    "squeeze", "swapaxes", "trace", "diagonal", "take", "repeat", "argsort", "nonzero", "searchsorted",
    "cumsum", "cumprod", "conj", "conjugate", "ptp", "round",
)  # fmt: skip
for _name in METHODS:
    _function = getattr(np, _name)
    setattr(Tracer, _name, lambda self, *args, _f=_function, **kwargs: _f(self, *args, **kwargs))


def _reshape(self: Any, *shape: Any, order: Any = "C") -> Any:
    return np.reshape(self, shape[0] if len(shape) == 1 else tuple(shape), order=order)


def _transpose(self: Any, *axes: Any) -> Any:
    return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)


def _copy(self: Any, order: Any = "C") -> Any:
    return copied(self, order) if self.is_cell else self


def _astype(
    self: Any, dtype: Any, order: Any = "K", casting: str = "unsafe", subok: Any = True, copy: Any = True
) -> Any:
    if not np.can_cast(self.dtype, dtype, casting):  # type: ignore[arg-type]
        raise TypeError(
            f"Cannot cast array data from {self.dtype} to {np.dtype(dtype)} according to the rule {casting!r}"
        )
    return np.astype(self, dtype, copy=copy)


def _fill(self: Any, value: Any) -> None:
    assign(self, Ellipsis, value)


def _sort(self: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    update(self, np.sort(self.frozen(), axis))


def _put(self: Any, indices: Any, values: Any, mode: Any = "raise") -> None:
    np.put(self, indices, values, mode)


def _view(self: Any, dtype: Any = None, type: Any = None) -> Any:
    if type is not None or (dtype is not None and np.dtype(dtype) != self.dtype):
        self._refuse(
            "an array of other numbers with the same bytes", "x.view(np.int64)", "x.astype(np.int64), x.view()"
        )
    return self[...]


def _refuse(self: Any, *args: Any, **kwargs: Any) -> None:
    raise InPlaceError(
        "this would change a traced array in place in a way that is not followed",
        wrong="y.partition(k), y.resize(n), y.shape = s, y.setfield(v, dtype)",
        right="y = np.partition(y, k), y = np.resize(y, n), y = y.reshape(s), y[...] = v",
    )


Tracer.reshape, Tracer.transpose, Tracer.flatten, Tracer.astype = _reshape, _transpose, flatten, _astype  # type: ignore[attr-defined]
Tracer.copy, Tracer.fill, Tracer.sort, Tracer.put = _copy, _fill, _sort, _put  # type: ignore[attr-defined]
Tracer.partition = Tracer.resize = Tracer.setfield = Tracer.setflags = Tracer.itemset = _refuse  # type: ignore[attr-defined]
Tracer.view = _view  # type: ignore[attr-defined]
Tracer.shape = Tracer.shape.setter(_refuse)  # type: ignore[method-assign,attr-defined]
Tracer.dtype = Tracer.dtype.setter(_refuse)  # type: ignore[method-assign,attr-defined]


def _array_namespace(self: Any, /, *, api_version: str | None = None) -> Any:
    """The namespace of the array API standard."""
    if api_version not in _API_VERSIONS:
        raise ValueError(f'Version "{api_version}" of the Array API Standard is not supported.')
    return import_module("wengert.numpy")  # by name: it stands above this layer


def _to_device(self: Any, device: Any, /, *, stream: Any = None) -> Any:
    if device != "cpu" or stream is not None:
        raise ValueError(f"Unsupported device: {device!r}" if device != "cpu" else "stream is not supported")
    return self


def _dlpack(self: Any, *args: Any, **kwargs: Any) -> None:
    self._refuse("memory of another library", "torch.from_dlpack(x)", "NumPy's functions, or a primitive of your own")


_API_VERSIONS = (None, "2021.12", "2022.12", "2023.12", "2024.12")
Tracer.__array_namespace__, Tracer.to_device = _array_namespace, _to_device  # type: ignore[attr-defined]
Tracer.__dlpack__ = Tracer.__dlpack_device__ = _dlpack  # type: ignore[attr-defined]
Tracer.device = property(lambda self: "cpu")  # type: ignore[attr-defined]
Tracer.nbytes = property(lambda self: self.size * self.dtype.itemsize)  # type: ignore[attr-defined]
Tracer.itemsize = property(lambda self: aval_of(self).dtype.itemsize)  # type: ignore[attr-defined]
