"""Products of matrices by the BLAS library that SciPy brings, through its function pointers."""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
from functools import cache
from typing import Any

from wengert.compile import machine
from wengert.compile.access import Layout
from wengert.compile.llvm import Module
from wengert.compile.loops import SIZES
from wengert.compile.steps import Product

_NAMES = {"double": "dgemm", "float": "sgemm"}


@cache
def _functions() -> Any:
    """SciPy's BLAS, imported here since importing SciPy takes longer than everything else.

    The OpenBLAS in SciPy's wheels takes its AVX2 code for AMD's processors with AVX-512, on which the code for Intel's
    is 1.6 times as fast in float32. It reads the choice when it is loaded; nobody's own choice is changed.
    """
    chosen = "OPENBLAS_CORETYPE" in os.environ or "scipy.linalg" in sys.modules
    prefer = not chosen and "avx512f" in machine.features() and machine.is_amd()
    if prefer:
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
    try:
        from scipy.linalg import cython_blas
    finally:
        if prefer:
            del os.environ["OPENBLAS_CORETYPE"]
    return cython_blas.__pyx_capi__


@cache
def pointer(type_: str) -> int:
    """The address of the product of matrices of this type: Fortran's interface, all arguments by reference."""
    capsule = _functions()[_NAMES[type_]]
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address: int = get(capsule, name(capsule))
    return address


def _read(layout: Layout) -> tuple[str, int]:
    """How Fortran sees a matrix: T where its rows are not columns there, and the distance between columns."""
    (m, n), (s, t) = layout.shape[-2:], layout.strides[-2:]
    if (t == 1 or n == 1) and (s >= max(n, 1) or m == 1):
        return "N", max(s if m > 1 else n, n, 1)
    return "T", max(t if n > 1 else m, m, 1)


def emit(module: Module, product: Product, left: str, right: str, result: str, function: str) -> list[str]:
    """The calls: C = A·B by rows is Cᵀ = Bᵀ·Aᵀ by columns."""
    x, y, z = product.left[1], product.right[1], product.result[1]
    (m, k), n = x.shape[-2:], y.shape[-1]
    (how_x, ld_x), (how_y, ld_y) = _read(x), _read(y)
    size = SIZES[product.type]
    lines = []

    def constant(kind: str, value: str) -> str:
        name = f"@n.{kind}.{value.replace('.', '_').replace(chr(34), '')}"
        module.declared.setdefault(name, f"{name} = private unnamed_addr constant {kind} {value}")
        return name

    numbers = {v: constant("i32", str(v)) for v in (m, n, k, ld_x, ld_y, max(n, 1))}
    letters = {c: constant("i8", str(ord(c))) for c in "NT"}
    one, zero = constant(product.type, "1.0"), constant(product.type, "0.0")
    batch = z.shape[:-2]
    for index in itertools.product(*map(range, batch)):
        offsets = []
        for layout in (x, y, z):
            lead = len(batch) - (len(layout.shape) - 2)
            offset = layout.offset
            for i, s, length in zip(index[lead:], layout.strides[:-2], layout.shape[:-2], strict=True):
                offset += i * s if length > 1 else 0
            offsets.append(offset * size)
        names = []
        for pointer_, offset in zip((left, right, result), offsets, strict=True):
            name = f"%g{module.unique()}"
            lines.append(f"{name} = getelementptr inbounds i8, ptr {pointer_}, i64 {offset}")
            names.append(name)
        arguments = [letters[how_y], letters[how_x], numbers[n], numbers[m], numbers[k], one, names[1], numbers[ld_y],
                     names[0], numbers[ld_x], zero, names[2], numbers[max(n, 1)]]  # fmt: skip
        lines.append(f"call void {function}({', '.join(f'ptr {a}' for a in arguments)})")
    return lines
