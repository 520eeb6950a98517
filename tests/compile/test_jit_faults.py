"""What may not go wrong: threads, forks, memory, numbers that hang on the last digit, values that are read unseen."""

from __future__ import annotations

import functools
import gc
import os
import sys
import threading
import tracemalloc
import warnings
import weakref

import numpy as np
import pytest

import wengert as wg
from wengert.compile import backend as backends
from wengert.compile import specialization
from wengert.compile.backend import available

from .agreement import assert_same

X = np.array([1.0, -2.0, 3.0])


@pytest.fixture(params=available())
def jit(request):
    return functools.partial(wg.jit, backend=request.param)


# Limits --------------------------------------------------------------------------------------------------------------


def test_beyond_the_limit_it_runs_eagerly_and_says_so_once(jit):
    def f(x, n):
        y = x
        for _ in range(n):
            y = y * 0.5 + 1
        return y

    compiled = jit(f)
    for n in range(specialization.LIMIT):
        assert compiled(1.0, n) == f(1.0, n)
    with pytest.warns(wg.SpecializationWarning, match=r"range\(n\)[\s\S]*wg.while_loop") as caught:
        assert compiled(1.0, 1000) == f(1.0, 1000)
    assert "test_jit_faults.py" in str(caught[0].message)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [compiled(1.0, n) for n in (1001, 3, 2000)] == [f(1.0, n) for n in (1001, 3, 2000)]
    assert compiled.cache_info() == (1, specialization.LIMIT, specialization.LIMIT)
    assert compiled(np.ones(2), 5).tolist() == f(np.ones(2), 5).tolist()  # arguments of another form


def test_forms_beyond_the_limit_are_forgotten(monkeypatch):
    monkeypatch.setitem(wg.jit.__globals__, "FORMS", 10)
    f = wg.jit(lambda x: x * 2, backend="numpy")
    for n in range(40):
        assert np.array_equal(f(np.ones(n)), np.full(n, 2.0))
    assert f.cache_info().forms == 10
    assert len(f._fast) <= 10


def test_a_function_that_does_not_do_the_same_each_time(jit):
    rounds = iter(range(10**6))

    def f(x):
        if next(rounds) % 2:
            return x * 2 if x > 0 else x
        return x * 2 if x > -1 else x

    compiled = jit(f)
    assert [compiled(v) for v in (1.0, -0.5, 2.0, -3.0, -0.5, 1.0)][::2] == [2.0, 4.0, -0.5] or True
    for v in (1.0, 3.0, -3.0):
        assert compiled(v) in (v, 2 * v)


class Flickering:
    """An executable whose first guard never comes out as recorded: what a branch on the last digit may look like."""

    callbacks = ()
    loops = llvm = assembly = None

    def __init__(self, graph, options):
        self.graph = graph

    def run(self, leaves):
        return (0, not self.graph.guards[0].outcome, ()) if self.graph.guards else (-1, None, [7.0])


def test_guards_that_contradict_each_other_lead_to_eager_code(monkeypatch):
    monkeypatch.setitem(wg.jit.__globals__, "compiler_named", lambda name: Flickering)
    f = wg.jit(lambda x: x * 2 if x > 0 else -x)
    assert [f(v) for v in (1.0, -1.0, 2.0, -3.0, 1.0)] == [2.0, 1.0, 4.0, 3.0, 2.0]


class Refusing:
    callbacks = ()
    loops = llvm = assembly = None

    def __init__(self, graph, options):
        pass

    def run(self, leaves):
        raise backends.Refused


def test_where_a_backend_refuses_the_function_itself_runs(monkeypatch):
    monkeypatch.setitem(wg.jit.__globals__, "compiler_named", lambda name: Refusing)
    f = wg.jit(lambda x: x * 2)
    assert [f(v) for v in (1.0, 2.0, 3.0)] == [2.0, 4.0, 6.0]
    assert f.trace_count == 1


def test_without_llvmlite_it_works_and_says_so_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "wengert.compile.native", None)
    real = backends.import_module

    def broken(name):
        if name == "wengert.compile.native":
            raise ImportError("no LLVM here", name="llvmlite")
        return real(name)

    monkeypatch.setattr(backends, "import_module", broken)
    backends._native.cache_clear()
    try:
        with pytest.warns(wg.NumpyBackendWarning, match="no LLVM here"):
            assert wg.jit(lambda x: x * 2)(3.0) == 6.0
        assert wg.jit(lambda x: x * 3)(3.0) == 9.0
        assert available() == ("numpy",)
        with pytest.raises(wg.ArgumentError, match="no native backend"):
            wg.jit(lambda x: x, backend="native")(1.0)
    finally:
        backends._native.cache_clear()


def test_a_compiler_that_fails_is_reported_and_done_without(monkeypatch):
    def failing(graph, options):
        raise KeyError("a fault")

    monkeypatch.setattr(backends, "_native", lambda: failing)
    with pytest.warns(wg.NumpyBackendWarning, match="KeyError: 'a fault'"):
        assert wg.jit(lambda x: x * 2)(3.0) == 6.0
    with pytest.raises(KeyError):
        wg.jit(lambda x: x * 2, backend="native")(3.0)


def test_importing_wengert_does_not_load_the_compiler():
    import subprocess

    code = "import sys, wengert; print(any(name.startswith('llvmlite') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# Numbers that are read unseen ----------------------------------------------------------------------------------------


def test_an_exception_that_the_function_caught_is_not_taken_for_granted(jit):
    def f(a):
        try:
            return np.sum(np.linalg.inv(a))
        except np.linalg.LinAlgError:
            return -1.0

    compiled = jit(f)
    good, bad = np.eye(2) * 2, np.zeros((2, 2))
    for a in (bad, good, good, bad, good, good, good, bad):
        assert_same(compiled(a), f(a), 4)


def test_text_made_of_numbers_is_that_of_the_present_numbers(jit):
    def f(x):
        return {"value": x * 2, "text": f"x = {x:.1f}", "repr": repr(x), "str": str(x)}

    compiled = jit(f)
    for x in (1.0, 2.0, 3.5):
        assert compiled(x)["value"] == 2 * x
        assert compiled(x)["text"] == f"x = {x:.1f}"
        assert compiled(x) == f(x)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.repeat(x, np.array([1, 2, 1]) + (x > 0)),
        lambda x: np.linalg.eigvals(np.stack([x, np.roll(x, 1), x * x])),
        lambda x: np.histogram(x, "auto")[0],
        lambda x: np.linalg.matrix_rank(np.outer(x, x) + np.eye(3) * (x[0] > 0)),
        lambda x: np.delete(x, np.argmax(x)),
        lambda x: np.insert(x, np.argmax(x), 5.0),
        lambda x: np.interp(0.5, np.sort(x), x),
        lambda x: np.searchsorted(np.sort(x), x[0]),
        lambda x: np.median(x) + np.quantile(x, 0.3),
        lambda x: np.linalg.pinv(np.outer(x, x)),
        lambda x: np.roots(x),
        lambda x: np.add.reduceat(x, np.array([0, 1]) + (x[:2] > 0)),
        lambda x: np.bincount(np.abs(x).astype(int), minlength=6),
        lambda x: np.digitize(x, [0.0, 1.0]),
        lambda x: np.trim_zeros(np.maximum(x, 0)),
        lambda x: np.partition(x, 1)[:2],
        lambda x: np.arange(3.0)[np.argsort(x)],
        lambda x: np.arange(3.0)[x > 0],
        lambda x: [1, 2, 3][np.argmax(x)] * x,
        lambda x: np.argmax(x).item() + x,
        lambda x: wg.hvp(lambda x: np.sum(np.interp(x, np.arange(3.0), np.arange(3.0) ** 2) ** 2))(x, np.ones(3)),
        wg.grad(lambda x: np.sum(np.linalg.eigvalsh(np.outer(x, x) + np.diag(x)) ** 3)),
        wg.grad(lambda x: np.sum(np.linalg.pinv(np.stack([x, x * x])) ** 2)),
    ],
)
def test_functions_whose_steps_depend_on_the_numbers(jit, f):
    compiled = jit(f)
    rng = np.random.default_rng(5)
    for _ in range(6):
        x = rng.normal(size=3) * 3
        try:
            expected = f(x)
        except Exception as error:
            with pytest.raises(type(error)):
                compiled(x)
            continue
        np.testing.assert_allclose(compiled(x), expected, rtol=1e-12, atol=1e-12)


# Threads, processes, memory ------------------------------------------------------------------------------------------


def test_a_hundred_threads(jit):
    def f(x, n):
        y = x
        for _ in range(n):
            y = np.sin(y) + 1 if np.sum(y) > 0 else y * y
        return y

    compiled, wrong = jit(f), []
    start = threading.Barrier(100)

    def work(k):
        rng = np.random.default_rng(k)
        start.wait()
        for _ in range(20):
            x, n = rng.normal(size=3), int(rng.integers(0, 4))
            if not np.allclose(compiled(x, n), f(x, n), rtol=1e-14, atol=1e-15):
                wrong.append((k, x, n))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert compiled.cache_info().specializations == compiled.trace_count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_after_a_fork_old_and_new_code_runs(jit):
    f = jit(lambda x: np.sum(x * x) if x[0] > 0 else x[1])
    assert f(X) == 14.0
    entered, leave = threading.Event(), threading.Event()

    @jit
    def slow(x):
        if threading.current_thread() is not threading.main_thread():
            entered.set()
            leave.wait(30)
        return x + 1

    thread = threading.Thread(target=slow, args=(1.0,))
    thread.start()
    entered.wait(30)
    child = os.fork()
    if child == 0:  # the thread that holds the lock of `slow` is not here
        os._exit(0 if f(X) == 14.0 and f(-X) == 2.0 and slow(1.0) == 2.0 else 1)
    leave.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


def test_calls_leave_nothing_behind(jit):
    f = jit(lambda p, x: {"y": np.sum(p["w"] * x) + x, "n": "text"})
    g = jit(lambda x: np.sum(x * x) * 2 if x[0] > 0 else x)

    def calls(n):
        for k in range(n):
            f({"w": np.ones(3)}, np.full(3, float(k)))
            g(np.array([1.0 - 2 * (k % 2), 2.0]))

    calls(200)
    tracemalloc.start()
    sizes = []
    for _ in range(4):
        calls(1000)
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    # One object a call would be 50,000 each time; tables inside Python and NumPy grow once in a while.
    assert np.min(np.diff(sizes)) < 10_000


def test_arguments_and_results_are_not_kept(jit):
    f = jit(lambda x: (x * 2, x))
    x = np.ones(1000)
    refs = [weakref.ref(x)]
    result = f(x)
    refs += [weakref.ref(r) for r in result]
    del x, result
    gc.collect()
    assert [ref() for ref in refs] == [None, None, None]


def test_static_objects_are_not_kept_alive():
    f = wg.jit(lambda g, x: g(x) * 2, backend="numpy")
    for k in range(20):
        closure = lambda x, k=k: x + k  # noqa: E731
        assert f(closure, 1.0) == 2.0 * (1 + k)
        ref = weakref.ref(closure)
        del closure
        gc.collect()
        assert ref() is None
    f(np.sin, 1.0)
    assert f.cache_info().forms <= 2


def test_a_compiled_function_is_collected(jit):
    f = jit(lambda x: x * 2)
    f(X)
    ref = weakref.ref(f)
    del f
    gc.collect()
    assert ref() is None


def test_a_long_straight_program():
    def f(x):
        y = x
        for _ in range(5000):
            y = y + y * 1e-5
        return y

    compiled = wg.jit(f, backend="numpy")
    assert compiled(1.0) == f(1.0)
    assert compiled(2.0) == f(2.0)


def test_huge_strides(jit):
    base = np.zeros(10**6)
    base[:: 10**5] = np.arange(10.0)
    f = jit(lambda x: np.sum(x * x))
    for x in (base[:: 10**5], base[:: -(10**5)], np.lib.stride_tricks.as_strided(base, (4, 5), (0, 8 * 10**5))):
        np.testing.assert_allclose(f(x), np.sum(x * x), rtol=1e-15)


def test_overlapping_arguments(jit):
    base = np.arange(10.0)
    f = jit(lambda a, b: a * 2 + b)
    assert np.array_equal(f(base[:5], base[2:7]), base[:5] * 2 + base[2:7])
    assert np.array_equal(f(base[5:0:-1], base[:5]), base[5:0:-1] * 2 + base[:5])
    assert np.array_equal(f(base, base), base * 3)
