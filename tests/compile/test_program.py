"""Programs: every step finds what it reads, and what is changed in place nobody needs any more."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.compile import native
from wengert.compile.loops import Accumulate, Buffer, Check, Loop, Store
from wengert.compile.program import Program
from wengert.compile.steps import Call, Callback, Checked, Product, Scanned, steps_text

from .test_fuse import CASES, graph_of

pytest.importorskip("llvmlite")


def statements(body):
    for s in body:
        yield s
        if isinstance(s, Loop):
            yield from statements(s.body)


def traffic(step):
    """The buffers that a step reads, and those that it writes."""
    if isinstance(step, Call):
        all_ = list(statements(step.kernel.body))
        written = [s.buffer for s in all_ if isinstance(s, Store)]
        loaded = [s.args[0] for s in all_ if not isinstance(s, (Store, Loop, Accumulate, Check)) and s.op == "load"]
        return loaded, written
    if isinstance(step, Product):
        return [step.left[0], step.right[0]], [step.result[0]]
    if isinstance(step, Callback):
        return [b for b, _ in step.args if isinstance(b, Buffer)], [b for b in step.targets if isinstance(b, Buffer)]
    if isinstance(step, Checked):
        return [step.buffer], []
    assert isinstance(step, Scanned)
    return step.given, [r for r in step.results if r is not None]


def program_of(f, *args):
    return Program(wg.trace(f)(*args).simplify())


@pytest.mark.parametrize("case", CASES)
def test_what_is_read_was_written_before(case):
    program = Program(graph_of(*case))
    written = set()
    for step in program.steps:
        reads, writes = traffic(step)
        for buffer in reads:
            assert buffer.kind in ("input", "constant") or id(buffer) in written or id(buffer.whole) in written
        written |= {id(b) for b in writes} | {id(b.whole) for b in writes if b.kind == "part"}
        assert all(b.kind not in ("input", "constant") for b in writes)
    for node in program.normal.outputs:
        buffer = program.buffers[id(node)]
        assert not isinstance(buffer, Buffer) or id(buffer) in written or not buffer.size


@pytest.mark.parametrize("case", CASES)
def test_outputs_are_memory_of_their_own(case):
    program = Program(graph_of(*case))
    outputs = [program.buffers[id(n)] for n in program.normal.outputs]
    assert len({id(b) for b in outputs}) == len(outputs)
    assert all(not isinstance(b, Buffer) or b.kind == "output" for b in outputs)


def test_an_assignment_is_made_in_place_where_nobody_reads_the_old_array():
    i = np.array([1, 5, 7])

    def chain(x):
        y = np.cumsum(x)
        for k in range(5):
            y[i + k] = 0.5
        return y

    program = program_of(chain, np.ones(100))
    out = program.buffers[id(program.normal.outputs[0])]
    assert sum(out in traffic(s)[1] for s in program.steps) == 6
    assert not [b for b in program.arrays if b.kind == "temp" and any(b in s.touched for s in program.steps)]


def test_but_not_where_it_is_read():
    i = np.array([1, 5, 7])

    def kept(x):
        y = np.cumsum(x)
        z = y.copy()
        z[i] = 0.5
        return y, z

    program = program_of(kept, np.ones(100))
    assert len({id(program.buffers[id(n)]) for n in program.normal.outputs}) == 2


def test_guards_come_in_their_order_and_before_what_may_fail():
    i = np.array([0, 2])

    def f(x):
        if x[0] > 0:
            x = x * 2
        if x[1] > 0:
            x = x + 1
        return x[i]

    steps = program_of(f, np.ones(3)).steps
    kinds = [s.number if isinstance(s, Checked) else type(s).__name__ for s in steps]
    guards = [k for k in kinds if isinstance(k, int)]
    assert guards == sorted(guards)
    assert kinds[-1] == "Call"
    assert len(guards) >= 2


def test_rows_run_natively_unless_their_steps_cannot():
    def rows(x):
        return wg.scan(lambda c, r: (c * 0.5 + r, np.sin(c)), x[0], x)[1]

    def called(x):
        return wg.scan(lambda c, r: (np.sort(c) + r, c), x[0], x)[1]

    x = np.ones((5, 30))
    assert any(isinstance(s, Scanned) for s in program_of(rows, x).steps)
    assert program_of(rows, x).is_native
    back = [s for s in program_of(called, x).steps if isinstance(s, Callback)]
    assert "sort" in back[0].reason


def test_steps_can_be_read():
    def f(x):
        if x[0, 0] > 0:
            x = x @ x.T
        y = wg.scan(lambda c, r: (c + r, np.sort(r)), x[0], x)[0]
        return y + wg.scan(lambda c, r: (np.sin(c * r), c), x[0], x)[0]

    program = program_of(f, np.random.default_rng(0).normal(size=(100, 100)) + 2)
    text = steps_text(program.steps)
    for word in ("(BLAS)", "(NumPy: ", "for 100 rows", "guard 0:", "in range("):
        assert word in text
    assert next(iter(native.programs_in(program))) is program
