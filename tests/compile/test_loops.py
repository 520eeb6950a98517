"""The builder of kernels: values stand where they are known, equal ones are shared, and numbers are written exactly."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.compile.loops import Buffer, Builder, Loop, Offset, Store

X = Buffer("x", "double", (3, 4), "input")
Y = Buffer("y", "double", (3, 4), "output")


def test_a_value_stands_in_the_outermost_loop_that_knows_it():
    b = Builder("k")
    with b.loop(3) as i, b.loop(4) as j:
        a = b.load(X, Offset(0, ((i, 4), (j, 1))))
        row = b.load(X, Offset(0, ((i, 4),)))
        first = b.load(X, Offset(0))
        everything = b.let("fadd", a, b.let("fmul", row, first, type="double"), type="double")
        b.store(Y, Offset(0, ((i, 4), (j, 1))), everything)
    kernel = b.finish()
    assert (first.depth, row.depth, a.depth, everything.depth) == (0, 1, 2, 2)
    assert kernel.body[0] is first
    outer = kernel.body[1]
    assert isinstance(outer, Loop)
    assert [s.op for s in outer.body[:2]] == ["load", "fmul"]
    inner = outer.body[2]
    assert [type(s).__name__ for s in inner.body] == ["Value", "Value", "Store"]


def test_equal_values_are_one():
    b = Builder("k")
    with b.loop(3) as i:
        one, other = (b.load(X, Offset(2, ((i, 1),))) for _ in range(2))
        assert one is other
        assert b.let("fadd", one, other, type="double") is b.let("fadd", one, other, type="double")
        assert b.let("fadd", one, other, type="double") is not b.let("fsub", one, other, type="double")
        inside = b.let("fneg", one, type="double")
    with b.loop(3) as i:
        assert b.let("fneg", b.load(X, Offset(2, ((i, 1),))), type="double") is not inside


def test_numbers_that_are_equal_but_not_the_same():
    b = Builder("k")
    assert b.constant(0.0, "double") is not b.constant(-0.0, "double")
    assert b.constant(1, "i64") is not b.constant(1, "i32")
    assert b.constant(1.5, "double") is b.constant(np.float64(1.5), "double")
    assert b.constant(float("nan"), "double") is b.constant(float("nan"), "double")


@pytest.mark.parametrize("value", [0.1, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, 1 / 3, 1e300])
def test_literals_are_the_bits(value):
    b = Builder("k")
    double, single = b.constant(value, "double"), b.constant(value, "float")
    bits = np.uint64(int(double.name, 16)).view(np.float64)
    np.testing.assert_array_equal(bits, value)
    with np.errstate(over="ignore"):
        rounded = np.float32(value)
    np.testing.assert_array_equal(np.uint64(int(single.name, 16)).view(np.float64), np.float64(rounded))


def test_what_is_not_a_floating_point_number():
    b = Builder("k")
    names = [b.constant(v, t).name for v, t in [(True, "i1"), (0, "i1"), (-5, "i64"), (2**63 - 1, "i64")]]
    assert names == ["true", "false", "-5", str(2**63 - 1)]


def test_a_kernel_can_be_read():
    b = Builder("k")
    total = b.variable(b.constant(0.0, "double"))
    with b.loop(12, 2) as i:
        b.accumulate(total, "add", b.load(X, Offset(1, ((i, 1),))))
        b.check(b.let("icmp ult", i, b.constant(12, "i64"), type="i1"), 1)
    b.store(Y, Offset(0), b.read(total), "add")
    kernel = b.finish()
    assert kernel.may_leave
    assert kernel.buffers == [X, Y]
    text = str(kernel)
    for line in ("k(x, y):", "in range(12, step 2):", "= x[%i2 + 1]", "add= %v", "leave with 1", "y[0] add= %v"):
        assert line in text, line
    assert isinstance(kernel.body[-1], Store)


def test_parts_of_a_buffer():
    whole, middle, part = (Buffer(n, "float", (10,), "temp") for n in ("whole", "middle", "part"))
    middle.put_into(whole, 4)
    part.put_into(middle, 2)
    assert (part.whole, part.start, part.kind) == (whole, 6, "part")
    assert whole.whole is whole
    assert whole.bytes == 40
