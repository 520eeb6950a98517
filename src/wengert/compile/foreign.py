"""Functions of other libraries: SciPy's special functions, LAPACK and BLAS, called by pointers that SciPy hands out.

A pointer is another number in each process, and compiled code is kept on disk: so kernels take a pointer as they take
a buffer, from the table that is filled before they run.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from wengert.compile import machine
from wengert.compile.loops import Buffer, Builder, Offset, Value


class Foreign(Buffer):
    """A function: its place among the buffers of a kernel is that of its pointer. `type`: of what it returns."""

    __slots__ = ("work",)

    def __init__(self, name: str, type_: str, address: int, work: int) -> None:
        super().__init__(name, type_, (), "foreign", address)
        self.work = work  # about how many operations a call takes

    def __repr__(self) -> str:
        return self.name


class Address(NamedTuple):
    """Where an element of a buffer stands, as an argument."""

    buffer: Buffer
    offset: Offset


class Invoke(NamedTuple):
    """Call a function of Fortran for what it does to memory: all its arguments are by reference.

    An argument is an `Address`, a variable, or a constant: a letter, an integer, or a number of the type `type`.
    """

    function: Foreign
    args: tuple[Any, ...]
    type: str
    work: int

    def __str__(self) -> str:
        parts = (f"&{a.buffer.name}[{a.offset}]" if isinstance(a, Address) else str(a) for a in self.args)
        return f"{self.function.name}({', '.join(parts)})"


def _imported(module: str) -> Any:
    """A module of SciPy, imported here since importing SciPy takes longer than everything else.

    The OpenBLAS in SciPy's wheels takes its AVX2 code for AMD's processors with AVX-512, on which the code for Intel's
    is 1.6 times as fast in float32. It reads the choice when it is loaded; nobody's own choice is changed.
    """
    chosen = "OPENBLAS_CORETYPE" in os.environ or "scipy.linalg" in sys.modules
    prefer = not chosen and "avx512f" in machine.features() and machine.is_amd()
    if prefer:
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
    try:
        return importlib.import_module(module)
    finally:
        if prefer:
            del os.environ["OPENBLAS_CORETYPE"]


@cache
def exported(module: str) -> dict[str, tuple[str, int]]:
    """The functions of a Cython module: for each name the signature and the address."""
    python = ctypes.pythonapi
    name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(_start(python.PyCapsule_GetName))
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(_start(python.PyCapsule_GetPointer))
    found = _imported(module).__pyx_capi__
    return {key: (name(capsule).decode(), get(capsule, name(capsule))) for key, capsule in found.items()}


def _start(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@cache
def function(module: str, name: str, type_: str, work: int = 50) -> Foreign:
    """A function of a Cython module; of each there is only one object, so that it has one place in the table."""
    return Foreign(sys.intern(name), type_, exported(module)[name][1], work)


def call(builder: Builder, function: Foreign, *args: Value) -> Value:
    """The value of a function that does nothing else."""
    builder.buffers.setdefault(id(function), function)
    return builder.let("foreign", function, *args, type=function.type)


def invoke(builder: Builder, function: Foreign, args: Sequence[Any], type_: str, work: int) -> None:
    """Call a function for what it does, in the loop where we are."""
    for buffer in (function, *(a.buffer for a in args if isinstance(a, Address))):
        builder.buffers.setdefault(id(buffer), buffer)
    builder.scopes[-1].body.append(Invoke(function, tuple(args), type_, work))
