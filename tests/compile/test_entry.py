"""The fast way into native code gives what the slow way gives, and steps aside where it is not for it to answer."""

from __future__ import annotations

import collections
import gc
import itertools
import os
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import numpy as np
import pytest

import wengert as wg
from wengert.compile.backend import available

if "native" not in available():
    pytest.skip("no native code here", allow_module_level=True)

from wengert.compile import entry as entries

from .agreement import assert_same

pytestmark = pytest.mark.skipif(entries._host() is None, reason="objects of an unknown layout")

Pair = collections.namedtuple("Pair", "a b")
X = np.array([1.0, -2.0, 3.0])


def entered(f, *args, **settings):
    """A compiled function that has an entry for such arguments."""
    compiled = wg.jit(f, backend="native", **settings)
    for _ in range(3):
        compiled(*args)
    assert compiled._entries, "no entry was made"
    assert answers(compiled, *args)
    return compiled


def answers(compiled, *args):
    return any(enter(*args) is not NotImplemented for enter, _ in compiled._entries)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


# The same results ---------------------------------------------------------------------------------------------------

SAME = {
    "an array": (lambda x: x * 2, X),
    "a NumPy scalar": (lambda x: x[0] * x[1], X),
    "a number": (lambda t: t * t + 1, 1.5),
    "a whole number": (lambda n, x: (n * n, x * n), 3, X),
    "a truth value": (lambda t: (t < 2.0, t * 2), 1.5),
    "a tuple": (lambda x, y: (x + y, y[0]), X, X),
    "a list": (lambda x: [x, x[1], x + 1], X),
    "one in a tuple": (lambda x: (x * 3,), X),
    "a dict": (lambda x: {"b": x, "a": (x[0], None)}, X),
    "a named tuple": (lambda x: Pair(x, [x * 2]), X),
    "with constants": (lambda x: (x, 1.0, "text"), X),
    "the same twice": (lambda x: (x + 1,) * 2, X),
    "an array without axes": (lambda x: (x * 2, x.reshape(1), x.reshape(1, 1)[0, 0, ...]), np.array(1.5)),
    "a scalar's number": (lambda s, x: (s * x, s * 2), np.float64(0.5), X),
    "single precision": (lambda s, x: (s * x, x[0], s), np.float32(0.5), X.astype(np.float32)),
    "integers": (lambda n, x: (n + x, x[0], x < n, n), np.int32(2), np.arange(3, dtype=np.int32)),
    "small integers": (lambda n, x: (n + x, x.sum(), n), np.int8(100), np.arange(100, 103, dtype=np.int8)),
    "truth values": (lambda x: (x, ~x, x.any(), np.where(x, 1.0, 2.0)), np.array([True, False])),
    "long long": (lambda x: x + x, np.arange(3, dtype=np.longlong)),
    "empty arrays": (lambda x: (x, x.sum(), x + 1), np.zeros((0, 3))),
    "three axes": (lambda x, w: (x @ w, x.sum(axis=1)), np.arange(24.0).reshape(2, 3, 4), np.ones((4, 2))),
    "many": (lambda *x: tuple(a * (k + 1) for k, a in enumerate(x)), *(X + k for k in range(50))),
    "an argument that is not used": (lambda x, t: x, X, 2.0),
    "a gradient": (wg.grad(rosenbrock), X),
    "value and gradient": (wg.value_and_grad(rosenbrock), X),
    "not a number": (lambda x: (x, x[0], x / x), np.array([np.nan, -0.0, np.inf])),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", SAME)
def test_results_are_those_of_the_function_and_of_the_slow_way(name):
    f, *args = SAME[name]
    compiled = entered(f, *args)
    fast = [compiled(*args) for _ in range(3)][-1]
    compiled._entries = ()
    slow = compiled(*args)
    assert_same(fast, slow)
    assert_same(fast, f(*args), ulps=4)
    for one, other in zip(_leaves(fast), _leaves(slow), strict=True):
        if isinstance(one, np.ndarray):
            assert (one.flags.owndata, one.flags.writeable, one.strides) == (True, True, other.strides)
            assert not any(np.shares_memory(one, a) for a in args if isinstance(a, np.ndarray))


def _leaves(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [leaf for part in tree for leaf in _leaves(part)] if isinstance(tree, (list, tuple)) else [tree]


def test_results_belong_to_the_caller():
    compiled = entered(lambda x: (x * 2, x), X)
    first = compiled(X)
    kept = [part.copy() for part in first]
    second = compiled(X + 1)
    assert not any(np.shares_memory(a, b) for a in first for b in second)
    np.testing.assert_array_equal(first, kept)
    assert X.flags.writeable
    assert list(X) == [1.0, -2.0, 3.0]


def test_the_gradient_of_rosenbrock():
    """∂f/∂xᵢ = −400 xᵢ(xᵢ₊₁ − xᵢ²) − 2(1 − xᵢ) + 200 (xᵢ − xᵢ₋₁²)."""
    compiled = entered(wg.grad(rosenbrock), np.zeros(10))
    rng = np.random.default_rng(0)
    for _ in range(20):
        x = rng.normal(size=10)
        expected = np.zeros(10)
        expected[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
        expected[1:] += 200 * (x[1:] - x[:-1] ** 2)
        np.testing.assert_allclose(compiled(x), expected, rtol=1e-12, atol=1e-12)


# Other arguments ----------------------------------------------------------------------------------------------------


class Sub(np.ndarray):
    pass


def misaligned(x):
    data = bytearray(x.nbytes + 1)
    out = np.frombuffer(data, np.uint8, x.nbytes, 1).view(x.dtype).reshape(x.shape)
    out[...] = x
    return out


M = np.arange(6.0).reshape(2, 3)
OTHERS = {
    "a longer one": np.arange(8.0).reshape(2, 4),
    "more axes": M[None],
    "fewer axes": M[0],
    "columns first": np.asfortranarray(M),
    "with gaps": np.arange(12.0).reshape(2, 6)[:, ::2],
    "backwards": M[::-1],
    "without strides": np.broadcast_to(M[0], (2, 3)),
    "misaligned": misaligned(M),
    "another byte order": M.astype(">f8"),
    "single precision": M.astype(np.float32),
    "integers": M.astype(np.int64),
    "complex": M + 1j,
    "with metadata": M.astype(np.dtype(float, metadata={"a": 1})),
    "a float": 2.0,
    "an int": 2,
    "NumPy's float": np.float64(2.0),
    "a truth value": True,
    "an array without axes": np.array(2.0),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_arguments_go_the_slow_way(name):
    f = lambda x: x * 2 + 1  # noqa: E731
    compiled = entered(f, M)
    assert not answers(compiled, OTHERS[name])
    for _ in range(3):
        assert_same(compiled(OTHERS[name]), f(OTHERS[name]))
        assert_same(compiled(M), f(M))


def test_what_is_only_held_otherwise_goes_the_fast_way():
    compiled = entered(lambda x: x * 2, M)
    frozen = M.copy()
    frozen.flags.writeable = False
    assert answers(compiled, frozen)
    assert answers(compiled, np.arange(12.0)[6:].reshape(2, 3))
    assert answers(entered(lambda x: x * 2, np.zeros((1, 3))), np.zeros((5, 3))[2:3])


def test_other_numbers_of_arguments():
    f = lambda x, y=2.0: x * y  # noqa: E731
    compiled = entered(f, X, 3.0)
    assert not answers(compiled, X)
    assert not answers(compiled)
    assert_same(compiled(X), f(X))
    assert_same(compiled(X, y=4.0), f(X, 4.0))
    with pytest.raises(TypeError):
        compiled()
    with pytest.raises(TypeError):
        compiled(X, 1.0, 2.0)


def test_lists_dicts_and_keywords():
    def f(p, *, scale=2.0):
        if isinstance(p, dict):
            return {"b": p["b"] * scale, "a": p["a"] - scale}
        return [part + 1 for part in p] if isinstance(p, list) else p * scale

    compiled = wg.jit(f, backend="native")
    trees = [{"a": X, "b": X + 10}, {"b": X + 10, "a": X}, [X], [X, 2.0], X, (X * 2)]
    for _ in range(4):
        for tree in trees:
            assert_same(compiled(tree), f(tree))
            assert_same(compiled(tree, scale=3.0), f(tree, scale=3.0))
    assert all(tree.last.entry for tree in compiled._trees.values())
    assert len(compiled._entries) == 1, "only arguments that are arrays are looked at as they are"
    enter = next(tree.last.entry[0] for key, tree in compiled._trees.items() if "'scale'" not in str(key))
    tree = trees[0]
    assert enter(tree["a"], tree["b"]) is not NotImplemented
    assert_same(compiled({"a": X, "b": X[:2]}), f({"a": X, "b": X[:2]}))


def test_subclasses_are_refused_as_ever():
    compiled = entered(lambda x: x * 2, X)
    with pytest.raises(wg.WengertError):
        compiled(X.view(Sub))


def test_whole_numbers_of_any_size():
    f = lambda n, x: x * n  # noqa: E731
    compiled = entered(f, 3, X)
    assert answers(compiled, -(2**63), X)
    for n in (0, -1, 2**63 - 1, -(2**63)):
        assert_same(compiled(n, X), f(n, X))
    for n in (True, 2**63, -(2**63) - 1):
        assert not answers(compiled, n, X)
    assert_same(compiled(True, X), f(True, X))


def test_traced_arguments():
    compiled = entered(lambda x: np.sum(x * x), X)
    np.testing.assert_array_equal(wg.grad(compiled)(X), 2 * X)
    np.testing.assert_array_equal(wg.jit(wg.grad(compiled))(X), 2 * X)


def test_several_forms_and_branches_in_turn():
    def f(x):
        return x * 2 if np.sum(x) > 0 else {"negative": x}

    compiled = wg.jit(f, backend="native")
    inputs = [sign * np.ones(n) for n in (1, 2) for sign in (1, -1)]
    for _ in range(3):
        for x in inputs:
            assert_same(compiled(x), f(x))
    assert len(compiled._entries) == 4
    assert all(answers(compiled, x) for x in inputs)
    for n in range(3, 12):  # more than are tried one after the other
        for _ in range(3):
            assert_same(compiled(np.ones(n)), f(np.ones(n)))
    assert_same(compiled(-np.ones(1)), f(-np.ones(1)))
    assert compiled.trace_count == 13
    compiled.clear_cache()
    assert not compiled._entries


def test_a_number_that_leaves_its_range():
    compiled = entered(lambda t: (t / (t - 1.0), 2.0 * t), 3.0)
    with pytest.raises(ZeroDivisionError):
        compiled(1.0)
    compiled = entered(lambda t: t * t, 2.0)
    for big in (1e200, -1e300, np.inf, np.nan):
        assert not answers(compiled, float(big))
        assert_same(compiled(float(big)), float(big) * float(big))


def test_an_index_out_of_range():
    compiled = entered(lambda x, i: x[i], X, np.array([0, 2]))
    assert_same(compiled(X, np.array([-1, 1])), X[[-1, 1]])
    with pytest.raises(IndexError):
        compiled(X, np.array([0, 3]))
    assert_same(compiled(X, np.array([-3, 1])), X[[-3, 1]])


def test_what_takes_long_lets_other_threads_run():
    f = wg.jit(lambda x: wg.fori_loop(0, 40_000, lambda i, x: np.sin(x), x), backend="native")
    x = np.ones(1000)
    for _ in range(3):
        f(x)
    assert f._entries
    seen = []
    stop = threading.Event()

    def look():
        while not stop.wait(0.001):
            seen.append(time.monotonic())

    other = threading.Thread(target=look)
    other.start()
    begin = time.monotonic()
    f(x)
    end = time.monotonic()
    stop.set()
    other.join()
    assert sum(begin < t < end for t in seen) > (end - begin) / 0.1


def test_what_has_an_entry():
    def has_entry(f, *args):
        compiled = wg.jit(f, backend="native")
        for _ in range(3):
            compiled(*args)
        return bool(compiled._entries)

    def steps(x, n):
        return wg.fori_loop(0, n, lambda i, x: x * 0.5 + np.sin(x), x)

    assert has_entry(np.exp, np.ones(1_000_000))
    assert has_entry(np.matmul, np.ones((300, 300)), np.ones((300, 300)))
    assert has_entry(np.matmul, np.ones((3, 3)), np.ones((3, 3)))
    assert has_entry(lambda x: steps(x, 3), X)
    assert has_entry(lambda x: steps(x, 10_000), X)
    assert not has_entry(lambda x: steps(x, 10_000) if x[0] > 0 else x, X), "a guard may fail, after all that"
    assert not has_entry(lambda x: np.sort(x) * 2, X), "NumPy is called back"
    assert not has_entry(lambda x: x * 1j, X), "no machine type"
    assert not has_entry(lambda *x: tuple(a + 1 for a in x), *[X] * 65)


def test_what_is_changed_in_place_goes_the_slow_way():
    def f(x):
        x += 1
        return x * 2

    compiled, x = wg.jit(f, backend="native"), X.copy()
    for k in range(1, 4):
        assert_same(compiled(x), 2 * (X + k))
        assert_same(x, X + k)
    assert not compiled._entries


def test_donated_arguments():
    compiled = wg.jit(lambda p, g: p - 0.5 * g, donate_argnums=0, backend="native")
    for _ in range(4):
        assert_same(compiled(X.copy(), X), 0.5 * X)


# Memory, threads, processes -----------------------------------------------------------------------------------------


def counts():
    """How often objects are referred to that the native function touches."""
    return np.array([sys.getrefcount(o) for o in (NotImplemented, np.ndarray, float, int, X, *map(np.dtype, "dfil?"))])


def test_a_million_calls_leave_nothing_behind():
    number, big = 12345.75, 2**70
    guarded = entered(lambda x: x * 2 if x[0] > 0 else x, X)
    calls = [
        (entered(lambda x, t: (x * t, x[0], t * 2, [t]), X, number), (X, number)),
        (entered(lambda x, n: [x * n, n * n], X, 3), (X, 3)),
        (entered(wg.grad(rosenbrock), X), (X,)),
        (guarded, (X,)),
    ]
    refused = [
        (guarded._entries[0][0], (-X,)),  # its array is given up
        (calls[0][0]._entries[0][0], (X, 1e308)),  # its number, too
        (calls[0][0]._entries[0][0], (X, 1)),
        (calls[1][0]._entries[0][0], (X, big)),
    ]
    pages = []
    before = counts(), sys.getrefcount(number), sys.getrefcount(big)
    for _ in range(5):
        for _ in range(25_000):
            for compiled, args in calls:
                compiled(*args)
            for enter, args in refused:
                enter(*args)
        if os.path.exists("/proc/self/statm"):
            with open("/proc/self/statm") as file:
                pages.append(int(file.read().split()[1]))
    assert np.all(np.abs(counts() - before[0]) < 100)  # others refer to them, too, but do not do so 100,000 times
    assert (sys.getrefcount(number), sys.getrefcount(big)) == before[1:]
    # One object of 32 bytes for each of the 200,000 calls of a round would be more than 1,500 pages.
    assert not pages or min(b - a for a, b in itertools.pairwise(pages)) < 200


@pytest.mark.parametrize("f", [lambda x: x * 2, lambda x: x[0], lambda x: (x, x[1]), lambda x: [x], lambda x: {"a": x}])
def test_results_are_referred_to_once(f):
    compiled = entered(f, X)

    def owners():
        result = compiled(X)
        return sys.getrefcount(result), [sys.getrefcount(leaf) for leaf in _leaves(result)]

    fast = owners()
    compiled._entries = ()
    assert fast == owners()


def test_an_entry_outlives_its_function_and_is_freed():
    compiled = entered(lambda x: x * 2 + np.arange(3.0), X)
    enter = compiled._entries[0][0]
    gone = [weakref.ref(compiled), weakref.ref(enter.__self__)]
    del compiled
    gc.collect()
    assert gone[0]() is None
    assert_same(enter(X), X * 2 + np.arange(3.0))
    del enter
    gc.collect()
    assert gone[1]() is None


def test_a_hundred_threads():
    f = wg.grad(rosenbrock)
    compiled, wrong, start = entered(f, X), [], threading.Barrier(100)
    inputs = np.random.default_rng(0).normal(size=(100, 3))
    expected = [f(x) for x in inputs]

    def work(k):
        start.wait()
        for _ in range(200):
            if not np.allclose(compiled(inputs[k]), expected[k], rtol=1e-12, atol=1e-12):
                wrong.append(k)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


def test_garbage_that_calls_the_function_while_it_returns():
    """Making a tuple may collect garbage, and a finalizer may run any code."""
    compiled = entered(lambda x: (x * 2, x[0], [x + 1]), X)
    found = []

    class Knot:
        def __init__(self):
            self.me = self

        def __del__(self):
            found.append(compiled(-X))

    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(200):
            Knot()
            assert_same(compiled(X), (X * 2, X[0], [X + 1]))
    finally:
        gc.set_threshold(*threshold)
    assert found
    for result in found:
        assert_same(result, (-X * 2, -X[0], [-X + 1]))


def test_recursion():
    def f(x, n):
        return x if n == 0 else compiled(x, n - 1) * 2

    compiled = wg.jit(f, backend="native")
    for _ in range(3):
        assert [compiled(1.5, n) for n in range(5)] == [1.5 * 2**n for n in range(5)]


def run(text):
    code = "import numpy as np, wengert as wg\n" + textwrap.dedent(text)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_where_memory_ends():
    """At whichever allocation it ends: what was made is freed, the error is the user's, and the next call is right."""
    pytest.importorskip("_testcapi")
    assert run("""
        import sys, _testcapi
        x, t, dtype, errors = np.ones(3), 7.25, np.dtype(float), [0, 0]
        for i, form in enumerate([tuple, list]):  # of more parts than Python keeps empty ones of
            f = wg.jit(lambda x, t: form([*(x * k for k in range(25)), x[0], t * 3.0]), backend="native")
            for _ in range(3):
                f(x, t)
            enter, args = f._entries[0][0], (x, t)
            before = sys.getrefcount(dtype)
            for k in range(100):
                _testcapi.set_nomemory(k, k + 1)
                try:
                    enter(*args)
                except MemoryError:
                    errors[i] += 1
                finally:
                    _testcapi.remove_mem_hooks()
            assert sys.getrefcount(dtype) == before
            out = enter(x, t)
            assert [np.asarray(o).tolist() for o in out] == [*([float(k)] * 3 for k in range(25)), 1.0, 21.75]
        print(min(errors) >= 25)
    """) == ["True"]  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_after_a_fork():
    compiled = entered(lambda x: x * 2, X)
    child = os.fork()
    if child == 0:
        os._exit(0 if answers(compiled, X) and compiled(X).tolist() == [2.0, -4.0, 6.0] else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_while_the_interpreter_shuts_down():
    assert run("""
        import atexit, threading
        f = wg.jit(lambda x: (x * 2, x[0]), backend="native")
        x = np.ones(3)
        for _ in range(3):
            f(x)

        class Late:
            def __del__(self, f=f, x=x):
                if f(x)[1] == 1.0:
                    print("late")

        kept = Late()
        knot = [f, Late()]
        knot.append(knot)
        atexit.register(lambda: print("exit", f(x)[1] == 1.0))

        def forever():
            while True:
                f(x)

        threading.Thread(target=forever, daemon=True).start()
    """)[:2] == ["exit", "True"]  # fmt: skip


def test_where_memory_looks_otherwise_there_is_no_entry(monkeypatch):
    monkeypatch.setattr(entries, "_host", lambda: None)
    compiled = wg.jit(lambda x: x * 2, backend="native")
    for _ in range(3):
        assert_same(compiled(X), X * 2)
    assert not compiled._entries


@pytest.mark.parametrize("fault", ["implementation", "lock", "NumPy", "arrays", "numbers"])
def test_an_unknown_interpreter_is_noticed(monkeypatch, fault):
    assert entries._is_known()
    if fault == "implementation":
        monkeypatch.setattr(sys.implementation, "name", "pypy")
    elif fault == "lock":
        monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    elif fault == "NumPy":
        monkeypatch.setattr(np, "__version__", "3.0.0")
    elif fault == "arrays":
        monkeypatch.setattr(entries, "_FLAGS", 0x0102)
    else:
        monkeypatch.setattr(entries, "_HEAD", 24)
    assert not entries._is_known()
