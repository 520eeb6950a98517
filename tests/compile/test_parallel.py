"""Long loops in parts: the same bits for every number of threads, and no part where rounds depend on each other."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import wengert as wg
from wengert.compile import parallel, pool
from wengert.compile.loops import Buffer, Builder, Loop, Offset
from wengert.compile.threads import LIMIT, threads_for
from wengert.core.errors import ArgumentError

THREADS = (1, 2, 3, 8)
random = np.random.default_rng(4)
LONG = random.normal(size=30011)
ROWS = random.normal(size=(601, 53))
WIDE = random.normal(size=(37, 5003))

needs_threads = pytest.mark.skipif(not pool.is_possible(), reason="no POSIX threads here")


@pytest.fixture
def short(monkeypatch):
    """Loops that are not long are in parts too."""
    monkeypatch.setattr(parallel, "WORTH", 10_000)
    monkeypatch.setattr(parallel, "PART", 1_000)


def log_sum_exp(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def softmax(x):
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


DIVIDED = {
    "elementwise": (lambda x: x * x + 1, LONG),
    "mathematics": (lambda x: np.tanh(x) * np.exp(x), LONG),
    "float32": (lambda x: np.sqrt(x * x + 1), LONG.astype(np.float32)),
    "truth": (lambda x: x > 0, LONG),
    "sum": (np.sum, LONG),
    "sum of float32": (lambda x: np.sum(np.exp(x)), LONG.astype(np.float32)),
    "sum of integers": (lambda x: np.sum(x * x), np.arange(30011)),
    "product": (lambda x: np.prod(1 + x / 1e4), LONG),
    "greatest": (lambda x: np.max(x * x), LONG),
    "least": (lambda x: np.min(np.abs(x)), LONG),
    "any": (lambda x: np.any(x > 4), LONG),
    "all": (lambda x: np.all(x > -9), LONG),
    "several sums": (lambda x: (np.sum(x), np.sum(x * x), np.max(x), x + 1), LONG),
    "a sum of rows": (lambda x: np.sum(x * x, axis=1), ROWS),
    "rows": (softmax, ROWS),
    "long rows": (softmax, WIDE),
    "the sum of everything": (lambda x: np.sum(np.exp(x)), WIDE),
    "a transposed result": (lambda x: (x * 2).T + 0, ROWS),
    "columns": (lambda x: np.stack([x, x * x, np.sin(x)], axis=1), LONG),
    "pieces": (lambda x: np.concatenate([np.exp(x), x * x, 1 - x]), LONG),
    "gradient": (wg.grad(log_sum_exp), LONG),
    "gradient of rows": (wg.grad(lambda x: np.sum(softmax(x)[:, 0] ** 2)), ROWS),
    "gradient along gradient": (wg.grad(lambda x: np.sum(wg.grad(log_sum_exp)(x) ** 2)), LONG / 4),
    "curvature": (lambda x: wg.jvp(wg.grad(log_sum_exp), (x,), (x,))[1], LONG),
    "forwards": (lambda x: wg.jvp(lambda y: np.sum(np.sin(y)), (x,), (np.ones_like(x),)), LONG),
}


def bits(result):
    """All numbers of a result, as they are in memory."""
    leaves = result if isinstance(result, (tuple, list)) else [result]
    return [np.asarray(leaf).tobytes() for leaf in leaves]


def parts_of(compiled, *args):
    return "parts)" in (compiled.lower(*args).loops or "")


@needs_threads
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", DIVIDED)
def test_every_number_of_threads_gives_the_same_bits(name):
    f, x = DIVIDED[name]
    expected = f(x)
    alone = wg.jit(f, threads=1)
    assert parts_of(alone, x)
    known = bits(alone(x))
    for threads in THREADS:
        compiled = wg.jit(f, threads=threads)
        for _ in range(5):
            found = compiled(x)
            assert bits(found) == known
    leaves, wanted = ((y,) if not isinstance(y, tuple) else y for y in (found, expected))
    tolerance = 1e-4 if x.dtype == np.float32 else 1e-11
    for one, other in zip(leaves, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * np.max(np.abs(other), initial=0))


@needs_threads
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("n", [16, 257, 4095, 4096, 4097, 20481, 65537])
def test_every_element_belongs_to_exactly_one_part(n):
    x = np.arange(float(n))
    squares, total, top = wg.jit(lambda x: (x * x, np.sum(x), np.max(x)), threads=3)(x)
    np.testing.assert_array_equal(squares, x * x)
    assert (total, top) == (n * (n - 1) / 2, n - 1)


@needs_threads
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("place", [0, 17, 12345, 30010])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_comes_through(place, value):
    x = LONG.copy()
    x[place] = value
    f = wg.jit(lambda x: (np.max(x), np.min(x), np.sum(x)), threads=2)
    np.testing.assert_array_equal(f(x), (np.max(x), np.min(x), np.sum(x)))


@needs_threads
@pytest.mark.usefixtures("short")
def test_a_sum_of_negative_zeros_keeps_its_sign():
    x = np.full(30011, -0.0)
    assert np.signbit(wg.jit(np.sum, threads=2)(x)) == np.signbit(np.sum(x))


INDEX = random.integers(0, 53, 20000)
#: And what in the listing of its loops shows that the rounds of a loop may meet.
NOT_DIVIDED = {
    "a sum down the columns": ("] add=", lambda x: np.sum(x, axis=0), ROWS),
    "a scatter": ("] add=", wg.grad(lambda x: np.sum(x[0][INDEX] ** 2)), ROWS),
    "indices that are checked": ("unless", lambda x, i: x[i] * 2, LONG, np.arange(30011) % 7),
}


def blocks(listing):
    """The outermost loops of a listing: their head and their body."""
    lines = listing.splitlines()
    starts = [k for k, line in enumerate(lines) if line.startswith("    for")]
    return [(lines[k], "\n".join(lines[k + 1 : end])) for k, end in itertools.pairwise([*starts, len(lines)])]


@needs_threads
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", NOT_DIVIDED)
def test_rounds_that_may_meet_stay_together(name):
    sign, f, *args = NOT_DIVIDED[name]
    compiled = wg.jit(f, threads=4)
    heads = [head for head, body in blocks(compiled.lower(*args).loops) if sign in body]
    assert heads
    assert not any("parts)" in head for head in heads)
    np.testing.assert_allclose(compiled(*args), f(*args), rtol=1e-12, atol=1e-12)


@needs_threads
def test_short_programs_are_as_they_were():
    assert not parts_of(wg.jit(lambda x: np.sum(np.exp(x)), threads=8), np.ones(2000))


@needs_threads
def test_a_million_exponentials_are_added_accurately():
    x = random.uniform(-1, 1, 1_000_000)
    f = wg.jit(lambda x: np.sum(np.exp(x)))
    assert parts_of(f, x)
    exact = math.fsum(np.exp(x).tolist())
    assert abs(f(x) - exact) <= 4 * np.spacing(exact)


def sums(begin):
    """x[i] added to a variable."""
    builder = Builder("k")
    x, y = Buffer("x", "double", (10**6,), "input"), Buffer("y", "double", (1,), "output")
    total = builder.variable(builder.constant(begin, "double"))
    with builder.loop(10**6) as i:
        builder.accumulate(total, "add", builder.load(x, Offset(0, ((i, 1),))))
    builder.store(y, Offset(0), builder.read(total))
    return builder.finish()


def shifts(distance, source):
    """y[i + distance] = source[i]."""
    builder = Builder("k")
    y = Buffer("y", "double", (2 * 10**6,), "output")
    with builder.loop(2 * 10**6 - distance) as i:
        value = builder.load(y if source is None else source, Offset(0, ((i, 1),)))
        builder.store(y, Offset(distance, ((i, 1),)), value)
    return builder.finish()


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (sums(-0.0), True),
        (sums(0.0), True),
        (sums(2.5), False),  # would be added once for each part
        (shifts(1, Buffer("x", "double", (2 * 10**6,), "input")), True),
        (shifts(1, None), False),  # a round reads what the one before has written
        (shifts(10**6, None), False),
    ],
)
def test_kernels_that_may_be_divided(kernel, expected, short):
    assert parallel.is_divided(parallel.divided(kernel)) is expected


# Which places are apart -------------------------------------------------------------------------------------------


def places_of(rounds, step, inner, stores):
    """A loop with stores, and the places that each of its rounds writes, found by doing them."""
    builder = Builder("k")
    buffer = Buffer("y", "double", (10**6,), "output")
    zero = builder.constant(0.0, "double")
    with builder.loop(rounds * step, step) as i, builder.loop(inner) as j:
        for constant, along, across in stores:
            builder.store(buffer, Offset(constant, ((i, along), (j, across))), zero)
    loop = next(s for s in builder.finish().body if isinstance(s, Loop))
    written = [
        {c + a * r * step + b * k for (c, a, b), k in itertools.product(stores, range(inner))} for r in range(rounds)
    ]
    return loop, written


def test_what_is_taken_for_apart_is_apart():
    generator = np.random.default_rng(7)
    apart = 0
    for _ in range(4000):
        rounds, inner = (int(n) for n in generator.integers(2, 7, 2))
        step = int(generator.choice([1, 1, 3]))
        factors = generator.choice([-12, -6, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 12, 24, 30, 36], 2)
        constants = generator.choice([0, 0, 1, 2, 5, 6, 12, 30], generator.integers(1, 4))
        stores = [(int(c), int(factors[0]), int(factors[1])) for c in constants]
        if generator.random() < 0.2:
            stores[-1] = (stores[-1][0], stores[-1][1], int(generator.integers(0, 40)))
        loop, written = places_of(rounds, step, inner, stores)
        disjoint = sum(map(len, written)) == len(set().union(*written))
        found = parallel._are_apart(loop, list(parallel._inside(loop.body)))
        assert disjoint or not found, (rounds, step, inner, stores)
        apart += found
    assert apart > 300


def test_parts_of_one_buffer_that_overlap_are_not_apart():
    whole = Buffer("w", "double", (200,), "temp")
    for start, apart in ((99, False), (100, True)):
        builder = Builder("k")
        zero = builder.constant(0.0, "double")
        one, other = (Buffer(name, "double", (100,), "temp") for name in "ab")
        one.put_into(whole, 0)
        other.put_into(whole, start)
        with builder.loop(100) as i:
            for buffer in (one, other):
                builder.store(buffer, Offset(0, ((i, 1),)), zero)
        loop = next(s for s in builder.finish().body if isinstance(s, Loop))
        assert parallel._are_apart(loop, list(parallel._inside(loop.body))) is apart


@pytest.mark.parametrize(
    ("rounds", "inner", "stores"),
    [
        (40, 5, [(0, 5, 1)]),  # rows
        (40, 5, [(0, 1, 40)]),  # columns
        (40, 5, [(0, 10, 1), (5, 10, 1)]),  # two pieces of each row
        (40, 5, [(0, 1, 40), (200, 1, 40)]),  # two arrays of columns, one after the other
    ],
)
def test_usual_places_are_found_apart(rounds, inner, stores):
    loop, written = places_of(rounds, 1, inner, stores)
    assert sum(map(len, written)) == len(set().union(*written))
    assert parallel._are_apart(loop, list(parallel._inside(loop.body)))


# Threads and processes --------------------------------------------------------------------------------------------


@needs_threads
@pytest.mark.usefixtures("short")
def test_twenty_threads_at_once():
    f = wg.jit(wg.grad(log_sum_exp), threads=3)
    inputs = [LONG + k for k in range(20)]
    alone = [bits(f(x)) for x in inputs]
    wrong = []

    def calls(k):
        for _ in range(10):
            if bits(f(inputs[k])) != alone[k]:
                wrong.append(k)

    threads = [threading.Thread(target=calls, args=(k,)) for k in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)
    assert pool.size() < max(THREADS)


def ran(program):
    """What a program prints in a process of its own, with three threads for loops that are not long."""
    start = """
        import os, signal, sys, threading, time, warnings
        import numpy as np, wengert as wg
        from wengert.compile import parallel, pool
        parallel.WORTH, parallel.PART = 10_000, 1_000
        f = wg.jit(lambda x: np.sum(np.exp(x)))
        x = np.linspace(0, 1, 50_000)
        known = f(x)
        assert pool.size() == 2, pool.size()
    """
    text = textwrap.dedent(start) + textwrap.dedent(program)
    result = subprocess.run(
        [sys.executable, "-c", text], env=os.environ | {"WENGERT_NUM_THREADS": "3"}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@needs_threads
def test_after_a_fork_there_is_a_new_pool():
    program = """
        warnings.simplefilter("ignore", DeprecationWarning)
        stop = threading.Event()
        def calls():
            while not stop.is_set():
                f(x)
        busy = threading.Thread(target=calls, daemon=True)
        busy.start()
        for _ in range(5):
            child = os.fork()
            if child == 0:
                before = pool.size()
                os._exit(0 if before == 0 and f(x) == known and pool.size() == 2 else 1)
            assert os.waitpid(child, 0)[1] == 0
            assert f(x) == known
        stop.set()
        busy.join()
        print("done")
    """
    assert ran(program) == "done"


@needs_threads
def test_the_interpreter_ends_while_another_thread_calls():
    program = """
        def calls():
            while True:
                f(x)
        for _ in range(3):
            threading.Thread(target=calls, daemon=True).start()
        time.sleep(0.05)
        print("done")
    """
    assert ran(program) == "done"


@needs_threads
@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="no /proc here")
def test_helpers_leave_signals_to_python():
    program = """
        blocked = {}
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/status") as file:
                mask = next(line.split()[1] for line in file if line.startswith("SigBlk"))
            blocked[int(task)] = bool(int(mask, 16) >> signal.SIGINT - 1 & 1)
        print(sum(blocked.values()), blocked[os.getpid()])
    """
    assert ran(program) == "2 False"


# The number of threads ---------------------------------------------------------------------------------------------


def test_the_number_of_threads(monkeypatch):
    monkeypatch.delenv("WENGERT_NUM_THREADS", raising=False)
    assert 1 <= threads_for(None) <= 8
    monkeypatch.setenv("WENGERT_NUM_THREADS", "12")
    assert threads_for(None) == 12
    assert threads_for(3) == 3
    assert threads_for(10**9) == LIMIT


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True])
def test_a_wrong_number_of_threads_is_refused(wrong):
    with pytest.raises(ArgumentError, match="threads is a positive int"):
        wg.jit(np.sum, threads=wrong)


@pytest.mark.parametrize("wrong", ["0", "many", "-2", "1.5"])
def test_a_wrong_environment_is_refused(wrong, monkeypatch):
    monkeypatch.setenv("WENGERT_NUM_THREADS", wrong)
    with pytest.raises(ArgumentError, match="WENGERT_NUM_THREADS"):
        wg.jit(np.sum)
