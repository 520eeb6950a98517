"""A single kernel as native code."""

from __future__ import annotations

import ctypes

from wengert.compile import machine
from wengert.compile.llvm import Module


def run(kernel, arrays, vectors=True, fast=False):
    """Call a kernel on arrays, one for each of its buffers; the code it returns."""
    module = Module(machine.features(), machine.vector_math() if vectors else None, fast)
    module.kernel(kernel)
    names = [f"%a{i}" for i in range(len(kernel.buffers))]
    head = ", ".join(f"ptr {n}" for n in names)
    module.functions.append(
        f"define i64 @start({head}) {{\n  %code = call i64 @{kernel.name}({head})\n  ret i64 %code\n}}"
    )
    library = machine.Library(str(module))
    function = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * len(arrays))(library.address("start"))
    return function(*(a.ctypes.data for a in arrays))
