"""Functions of other libraries are reached by a table of pointers, which are no part of the code."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.compile import foreign
from wengert.compile.foreign import Address, Invoke
from wengert.compile.loops import Buffer, Builder, Offset

pytest.importorskip("llvmlite")


def test_of_each_function_there_is_one():
    one = foreign.function("scipy.special.cython_special", "ndtri", "double")
    assert one is foreign.function("scipy.special.cython_special", "ndtri", "double")
    assert one.value == foreign.exported("scipy.special.cython_special")["ndtri"][1] != 0


def test_no_address_is_in_the_code():
    """Compiled code is kept on disk, for processes in which the functions are elsewhere."""
    sp = pytest.importorskip("scipy.special")
    a = np.eye(3) * 2.0
    code = wg.jit(lambda a: sp.ndtri(np.linalg.inv(a) / 4 + 0.1), backend="native").lower(a).llvm
    for module, names in (
        ("scipy.special.cython_special", ["ndtri"]),
        ("scipy.linalg.cython_lapack", ["dgetrf", "dgetrs"]),
    ):
        for name in names:
            assert str(foreign.exported(module)[name][1]) not in code


def test_the_listing_shows_calls():
    builder, x = Builder("k"), Buffer("x", "double", (4,), "input")
    function = foreign.function("scipy.linalg.cython_blas", "dscal", "void")
    foreign.invoke(builder, function, [4, 2.0, Address(x, Offset(0)), 1], "double", 10)
    kernel = builder.finish()
    assert isinstance(kernel.body[0], Invoke)
    assert "dscal(4, 2.0, &x[0], 1)" in str(kernel)


def test_many_threads_share_the_code():
    from concurrent.futures import ThreadPoolExecutor

    rng = np.random.default_rng(0)
    matrices = rng.normal(size=(40, 12, 12)) + 5 * np.eye(12)
    f = wg.jit(lambda a: (np.linalg.slogdet(a)[1], np.linalg.solve(a, a[0]), np.argmin(a @ a, 1)), backend="native")
    f(matrices[0])
    with ThreadPoolExecutor(8) as threads:
        for got, a in zip(threads.map(f, matrices), matrices, strict=True):
            np.testing.assert_allclose(got[0], np.linalg.slogdet(a)[1], rtol=1e-13)
            np.testing.assert_allclose(got[1], np.linalg.solve(a, a[0]), rtol=1e-10, atol=1e-12)
            np.testing.assert_array_equal(got[2], np.argmin(a @ a, 1))
