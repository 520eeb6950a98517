"""The fast way into a native program: a function of C that takes Python's objects and returns them.

A call through ctypes costs 4 µs, which is more than a small gradient takes. An entry is for arguments of one form:
plain arrays without gaps, and numbers. Where the arguments are others, a guard fails or a number is not finite, it
answers NotImplemented, and the call takes the slow way, which knows all cases. While a long program runs, the lock of
the interpreter is released, as ctypes does it.

What NumPy and Python have in memory is looked at once before it is relied on. Where it is not as their headers say
(an interpreter without a lock, another one than CPython), nothing has an entry.
"""

from __future__ import annotations

import ctypes
import operator
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wengert.compile import gate, interruption, machine
from wengert.compile.loops import TYPES
from wengert.compile.work import work

if TYPE_CHECKING:
    from wengert.compile.native import Native

#: So many operations (about 10 µs) are done while the interpreter's lock is held; and where a guard may fail, which
#: then were for nothing, no more of them are done in an entry.
SHORT = 20_000

#: What an argument has to be: without gaps in C's order, and aligned (NPY_ARRAY_CARRAY_RO).
_FLAGS = 0x0101
#: Places in the table of NumPy's functions (numpy/__multiarray_api.h), which are the same for all of NumPy 2.
_NUMPY = {"ndarray": 2, "PyArray_Scalar": 60, "PyArray_NewFromDescr": 94}
_WORD = 8
_HEAD = 16  # bytes of the head of an object: reference count and type
_FASTCALL = 0x0080  # METH_FASTCALL

_KINDS: dict[type, int] = {float: gate.BYTES, int: gate.INTEGER}
_KINDS.update((dtype.type, gate.BYTES) for dtype in TYPES)
_NUMBERS = {np.dtype(float): gate.FLOAT, np.dtype(np.int64): gate.INT, np.dtype(bool): gate.BOOL}

#: An entry, and what makes the function's result of what it returns; None where that is the result.
Entry = tuple[Callable[..., Any], Callable[[Sequence[Any]], Any] | None]


class _Record(np.ndarray[Any, Any]):
    """The words of a program's record, which the native function reads, and what must live as long as they."""

    kept: Any


class _Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p),
    )  # fmt: skip


class _Host:
    """The native function, and what it needs of Python and NumPy."""

    def __init__(self) -> None:
        python, numpy = ctypes.pythonapi, _numpy_table()
        self.table = np.array(
            [
                id(NotImplemented)
                if name == "NotImplemented"
                else numpy[_NUMPY[name]]
                if name in _NUMPY
                else _address(getattr(python, name))
                for name in gate.STRUCTURES["Host"]
            ],
            np.uint64,
        )
        self.makers = {
            "tuple": (_address(python.PyTuple_New), _address(python.PyTuple_SetItem)),
            "list": (_address(python.PyList_New), _address(python.PyList_SetItem)),
            "single": (0, 0),
        }
        self.library = machine.Library(gate.TEXT, quick=True)  # there is nothing in it to optimize
        self.method = _Method(b"compiled", self.library.address("enter"), _FASTCALL, None)

    def function(self, record: _Record) -> Any:
        """The function of Python that runs the program of a record."""
        prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
        new = prototype(_address(ctypes.pythonapi.PyCFunction_NewEx))
        return new(ctypes.addressof(self.method), record, None)


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _numpy_table() -> Any:
    """The table of NumPy's functions, by their places."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(_address(pointer))
    start = get(np._core._multiarray_umath._ARRAY_API, None)  # type: ignore[attr-defined]
    return (ctypes.c_size_t * (max(_NUMPY.values()) + 1)).from_address(start)


@cache
def _host() -> _Host | None:
    """The host, if memory looks as it should here."""
    try:
        return _Host() if _is_known() else None
    except (AttributeError, OSError, RuntimeError):
        return None


def _is_known() -> bool:
    """Whether objects look in memory as the native function expects."""
    if sys.implementation.name != "cpython" or hasattr(sys, "getobjects") or ctypes.sizeof(ctypes.c_void_p) != _WORD:
        return False
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return False
    if not np.__version__.startswith("2.") or _numpy_table()[_NUMPY["ndarray"]] != id(np.ndarray):
        return False
    plain = np.arange(6.0).reshape(2, 3)
    shifted = np.frombuffer(bytearray(33), np.uint8, 32, 1).view(np.float64)
    arrays = [plain, plain.T, plain[:, ::2], plain[:0], shifted, np.array(True), np.zeros(3, "f4"), np.ones(3, ">i4")]
    return all(map(_array_is_known, arrays)) and all(map(_number_is_known, (1.5, *(t.type(1) for t in TYPES))))


def _array_is_known(array: np.ndarray[Any, Any]) -> bool:
    """Whether head, data, axes, lengths, strides, base, dtype and flags are where numpy/ndarraytypes.h has them."""
    words = (ctypes.c_size_t * 8).from_address(id(array))
    axes, flags = (ctypes.c_int32.from_address(id(array) + at).value for at in (24, 64))
    base = 0 if array.base is None else id(array.base)
    if (words[1], words[2], words[6], words[7]) != (id(np.ndarray), array.ctypes.data, base, id(array.dtype)):
        return False
    if axes != array.ndim:
        return False
    lengths, strides = (tuple((ctypes.c_ssize_t * axes).from_address(words[k])) if axes else () for k in (4, 5))
    is_plain = array.flags.c_contiguous and array.flags.aligned
    return (lengths, strides, flags & _FLAGS == _FLAGS) == (array.shape, array.strides, is_plain)


def _number_is_known(number: Any) -> bool:
    """Whether a number's bytes are behind the head, and eight may be read there."""
    there = ctypes.string_at(id(number) + _HEAD, np.dtype(type(number)).itemsize)
    return type(number).__basicsize__ >= _HEAD + _WORD and there == np.asarray(number).tobytes()


def entry_of(
    native: Native, memory: Any, leaves: Sequence[Any], outputs: Sequence[Any], result: Any, finish: Callable[..., Any]
) -> Entry | None:
    """The entry of a program for arguments like `leaves`; None where there is none.

    `result` is what `finish` has made of the outputs, `memory` the table of pointers and the arena, the entry's alone.
    """
    arguments = [_argument(leaf, take) for leaf, take in zip(leaves, native.takes, strict=True)]
    results = [_result(out, give, kind) for out, give, kind in zip(outputs, native.gives, native.kinds, strict=True)]
    parts = [part for part in (*arguments, *results) if part is not None]
    if len(parts) < len(arguments) + len(results) or len(results) > gate.LIMIT or len(native.sequence) != 1:
        return None
    apart = work(native.program) > SHORT
    host = _host()
    if host is None or (apart and native.program.normal.guards):
        return None
    form, rest = _form(outputs, result, finish)
    make, put = host.makers[form]
    # First the words of the record itself, of the arguments and of the results; then a word for each number.
    first = len(gate.STRUCTURES["Record"]) + sum(part.size for part in parts[: len(arguments)])
    numbers = first + sum(part.size for part in parts[len(arguments) :])
    record = np.zeros(numbers + len(parts), np.uint64).view(_Record)
    start = record.ctypes.data
    words = [host.table.ctypes.data, 0, len(arguments), len(results), make, put]
    raised = native.functions.get(interruption.RAISED)
    words += [_address(native.sequence[0]), memory.address, start + first * _WORD, int(apart)]
    words.append(0 if raised is None else memory.address + raised * _WORD)
    for k, part in enumerate(parts):
        place = memory.address + part.slot * _WORD
        if part.fields["kind"] != gate.ARRAY:  # it has its place for good
            place = memory.table[part.slot] = start + (numbers + k) * _WORD
        words += part.words(place)
    record[: len(words)] = words
    record.kept = (host, native.library, native.constants, memory)  # not the program itself, which may hold the entry
    return host.function(record), rest


class _Part(NamedTuple):
    """An argument or a result: its structure in `gate.py`, what is in it, and its slot in the table of pointers."""

    structure: str
    slot: int
    fields: dict[str, int]
    lengths: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return len(gate.STRUCTURES[self.structure]) + len(self.lengths)

    def words(self, place: int) -> list[int]:
        fields = self.fields | {"place": place, "axes": len(self.lengths)}
        return [*(fields.get(name, 0) for name in gate.STRUCTURES[self.structure]), *self.lengths]


def _argument(leaf: Any, take: Sequence[Any]) -> _Part | None:
    slot, dtype, shape, _ = take
    if slot is None:
        return None
    if type(leaf) is np.ndarray:
        fields = {"type": id(np.ndarray), "kind": gate.ARRAY, "dtype": id(leaf.dtype), "flags": _FLAGS}
        return _Part("Argument", slot, fields, shape) if _is_builtin(leaf.dtype) else None
    kind = _KINDS.get(type(leaf))
    if kind is None or np.dtype(type(leaf)) != dtype:
        return None
    return _Part("Argument", slot, {"type": id(type(leaf)), "kind": kind})


def _result(out: Any, give: Sequence[Any], kind: str) -> _Part | None:
    slot, dtype, shape, _ = give
    if slot is None or not _is_builtin(dtype):
        return None
    if kind == "array":
        return _Part("Result", slot, {"kind": gate.ARRAY, "dtype": id(dtype)}, shape)
    if kind == "scalar" and shape == ():
        return _Part("Result", slot, {"kind": gate.SCALAR, "dtype": id(dtype)})
    if kind == "number" and dtype in _NUMBERS and type(out) is type(dtype.type(0).item()):
        return _Part("Result", slot, {"kind": _NUMBERS[dtype]})
    return None


def _is_builtin(dtype: np.dtype[Any]) -> bool:
    """Whether it is the dtype that NumPy has for its type, which lives forever, and not one that is equal to it."""
    return dtype in TYPES and dtype is np.dtype(dtype.char)


def _form(outputs: Sequence[Any], result: Any, finish: Any) -> tuple[str, Any]:
    """In what to return the outputs, and what makes the result of that."""
    if len(outputs) == 1 and result is outputs[0]:
        return "single", None
    if type(result) in (tuple, list) and len(result) == len(outputs) and all(map(operator.is_, result, outputs)):
        return type(result).__name__, None
    return "tuple", finish
