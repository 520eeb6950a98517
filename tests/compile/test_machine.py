"""Text becomes native code, the same from the cache as new; and where there is no native code, NumPy does it."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import wengert as wg

pytest.importorskip("llvmlite")

from wengert.compile import backend, cache, machine
from wengert.compile.llvm import Module


def seven(number=7):
    return f"define i64 @seven() {{\n  ret i64 {number}\n}}"


def result_of(library):
    return ctypes.CFUNCTYPE(ctypes.c_int64)(library.address("seven"))()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path / "code"))
    monkeypatch.setattr(cache, "WORTH", -1.0)
    monkeypatch.setattr(cache, "_counts", {"hits": 0, "misses": 0})
    return tmp_path / "code"


def counts():
    found = cache.statistics()
    return found.entries, found.hits, found.misses


# From the cache -------------------------------------------------------------------------------------------------------


def test_what_is_in_the_cache_is_not_compiled_again(place, monkeypatch):
    assert result_of(machine.Library(seven())) == 7
    monkeypatch.setattr(machine, "_compiled", None)
    assert result_of(machine.Library(seven())) == 7
    assert counts() == (1, 1, 1)


def test_another_text_is_other_code(place):
    assert [result_of(machine.Library(seven(n))) for n in (7, 8, 7)] == [7, 8, 7]
    assert counts() == (2, 1, 2)


@pytest.mark.parametrize("part", range(7))
def test_code_of_another_compiler_or_processor_is_not_used(place, monkeypatch, part):
    machine.Library(seven())
    origin = list(machine._origin())
    origin[part] += "+"
    monkeypatch.setattr(machine, "_origin", lambda: tuple(origin))
    machine.Library(seven())
    assert counts() == (2, 0, 2)


def test_the_origin_is_known():
    origin = machine._origin()
    assert wg.__version__ == origin[0]
    assert all(origin)


def test_what_is_compiled_quickly_is_not_kept(place, monkeypatch):
    monkeypatch.setattr(cache, "WORTH", 1e6)
    machine.Library(seven())
    assert counts() == (0, 0, 1)


def test_without_the_cache_it_is_compiled(place, monkeypatch):
    monkeypatch.setenv("WENGERT_CACHE", "0")
    assert result_of(machine.Library(seven())) == 7
    assert not place.exists()


def test_damaged_code_is_compiled_again(place):
    machine.Library(seven())
    (file,) = place.iterdir()
    good = file.read_bytes()
    file.write_bytes(good[:-100] + bytes(100))
    assert result_of(machine.Library(seven())) == 7
    assert file.read_bytes() == good


def smooth(x):
    return np.sum(np.tanh(x) * np.exp(-x * x) + np.hypot(x, 1.0) ** 1.5), np.arctan2(x, 2.0)


def test_code_from_the_cache_gives_the_same_to_the_last_bit(place):
    x = np.linspace(-3, 3, 1001)
    results = [wg.jit(f)(x) for f in (smooth, wg.grad(lambda x: smooth(x)[0])) for _ in range(2)]
    assert counts() == (2, 2, 2)
    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1], results[1][1])
    np.testing.assert_array_equal(results[2], results[3])
    np.testing.assert_allclose(results[1][1], np.arctan2(x, 2.0), rtol=1e-15)


SECOND = """
import numpy as np, wengert as wg
from wengert.compile import cache, machine

{before}
f = wg.jit(wg.grad(lambda x: np.sum(np.tanh(x) * np.exp(-x * x))), backend="native")
print(f(np.linspace(0, 1, 100)).tobytes().hex(), cache.statistics().hits)
"""


def in_another_process(code, *options, **environment):
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, env={**os.environ, **environment},
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_a_second_process_neither_parses_nor_optimizes_nor_generates(place):
    first = in_another_process(SECOND.format(before="cache.WORTH = -1")).stdout.split()
    second = in_another_process(SECOND.format(before="machine._compiled = None"), PYTHONHASHSEED="1").stdout.split()
    assert second[0] == first[0]
    assert (first[1], second[1]) == ("0", "1")


# The same text each time ----------------------------------------------------------------------------------------------

TEXTS = """
import hashlib, warnings
import numpy as np, wengert as wg
from scipy.special import gammaln
from tests.compile.battery import PROGRAMS
from benchmarks.gradbench import data, gmm, lstm, ode

warnings.simplefilter("ignore")
digest = hashlib.sha256()
for evaluation, f in {"gmm": gmm.jacobian, "lstm": lstm.jacobian, "ode": ode.gradient}.items():
    args = data.arguments(evaluation, data.generate(evaluation, data.TINY[evaluation]))
    digest.update(f.lower(*args).llvm.encode())
for program in list(PROGRAMS.values())[::6]:
    if program.argnums is not None:
        args = program.draw(np.random.default_rng(0))
        digest.update(wg.jit(wg.grad(program.f, program.argnums)).lower(*args).llvm.encode())
params = {name: np.ones(3) for name in "the quick brown fox jumps".split()}
f = lambda params, x: sum(np.sum(np.tanh(p * x)) for p in params.values())
digest.update(wg.jit(wg.grad(f)).lower(params, np.ones(3)).llvm.encode())
matrix = np.eye(20) + 1.0
others = {
    "long": (lambda x: np.sum(np.exp(x) * x), np.ones(2_000_000)),
    "factorized": (lambda x: np.sum(np.linalg.solve(matrix * x, np.ones(20)) ** 2), np.float64(2.0)),
    "special": (lambda x: np.sum(gammaln(x) * x), np.full(100, 1.5)),
    "repeated": (lambda x: wg.while_loop(lambda y: y < 10, lambda y: y * y + 1, x), np.float64(1.5)),
    "chosen": (lambda x: wg.cond(x > 0, np.sin, np.cos, x), np.float64(1.5)),
}
for f, x in others.values():
    digest.update((wg.jit(wg.grad(f)).lower(x).llvm or "").encode())
print(digest.hexdigest())
"""


def test_the_text_of_a_program_is_the_same_in_every_process():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found = [
        in_another_process(TEXTS, PYTHONHASHSEED=seed, PYTHONPATH=os.pathsep.join([os.path.join(root, "src"), root]))
        for seed in ("1", "2")
    ]
    assert found[0].stdout == found[1].stdout != ""


def test_the_text_of_a_program_does_not_depend_on_what_was_compiled_before():
    def text():
        return wg.jit(wg.grad(lambda x: smooth(x)[0])).lower(np.ones(40)).llvm

    first = text()
    wg.jit(smooth).lower(np.ones(3))
    assert text() == first


# What the machine is asked --------------------------------------------------------------------------------------------


def test_the_optimized_code_and_the_assembly_can_be_seen():
    library = machine.Library(seven())
    assert "ret i64 7" in library.optimized
    assert "seven" in library.assembly


def test_only_vector_functions_that_are_there_are_used():
    module = Module({"avx2"}, lambda symbol: symbol == "_ZGVdN4v_exp")
    exp, attributes = module.math("exp", "double", 1)
    tanh, others = module.math("tanh", "double", 1)
    assert (exp, tanh) == ("exp", "tanh")
    assert attributes != others
    text = str(module)
    assert "_ZGVdN4v_exp" in text
    assert "_ZGVdN4v_tanh" not in text


def test_threads_compile_one_after_the_other(place):
    results = {}

    def work(n):
        results[n] = [result_of(machine.Library(seven(n % 3))) for _ in range(10)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: [n % 3] * 10 for n in range(8)}


FORK = """
import os, threading, time
import wengert as wg
from wengert.compile import machine

f = wg.jit(lambda x: x * 2, backend="native")
f(1.0)
held = threading.Event()

def hold():
    with machine._lock:
        held.set()
        time.sleep(0.5)

threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    os._exit(0 if wg.jit(lambda x: x * 3, backend="native")(2.0) == 6.0 else 1)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_process_compiles_although_a_thread_of_its_parent_did():
    in_another_process(FORK, "-W", "ignore")


# Where there is none --------------------------------------------------------------------------------------------------

WITHOUT = """
import sys, warnings
import numpy as np
sys.modules["llvmlite"] = None
import wengert as wg

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    x = np.array([0.5, 1.0])
    assert np.allclose(wg.jit(wg.grad(lambda x: np.sum(np.sin(x))))(x), np.cos(x), rtol=1e-15)
    assert wg.jit(lambda x: 2 * x)(4.0) == 8.0
    print(wg.jit(lambda x: 3 * x).report(4.0))
(one,) = caught
print(one.category.__name__, one.message)
"""


def test_without_llvmlite_numpy_does_it_and_says_so_once():
    out = in_another_process(WITHOUT).stdout
    assert "all of them in NumPy" in out
    assert "NumpyBackendWarning compiled code runs in NumPy, since LLVM cannot be used here" in out


DENIED = """
import ctypes, warnings
import wengert as wg

memory_deny_write_execute = 65  # linux/prctl.h, since 6.3
if ctypes.CDLL(None).prctl(memory_deny_write_execute, 1, 0, 0, 0):
    raise SystemExit("not supported")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(wg.jit(lambda x: 2 * x)(4.0), wg.jit(wg.grad(lambda x: x * x))(3.0), *(w.category.__name__ for w in caught))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of Linux")
def test_where_the_system_lets_no_new_code_run_numpy_does_it():
    done = subprocess.run([sys.executable, "-c", DENIED], capture_output=True, text=True, timeout=120)
    if "not supported" in done.stderr:
        pytest.skip("this kernel has no such setting")
    assert done.stdout.split() == ["8.0", "6.0", "NumpyBackendWarning"], done.stderr


# Long straight code --------------------------------------------------------------------------------------------------


def straight(x):
    """Hundreds of operations on numbers, each on the results of others."""
    a, b = x[0], x[1]
    for _ in range(200):
        a, b = np.sin(a) * b + 1.0, np.cos(a) - 0.5 * b
    return a * b


def test_long_straight_code_is_left_as_it_is(monkeypatch):
    x, loops = np.array([0.3, 0.7]), wg.jit(lambda x, y: (straight(x), np.sum(np.exp(y) * straight(x))))
    y = np.linspace(0, 1, 100)
    text = loops.lower(x, y).llvm
    whole = machine._divided(text)
    monkeypatch.setattr(machine, "LONG", 5000)
    rest, left, names = machine._divided(text)
    assert whole == (text, "", [])
    assert len(names) == 1
    assert " phi " not in left
    assert len(left) > 10_000 > len(rest)
    assert all(f"declare i64 @{name}(" in rest for name in names)
    value, total = loops(x, y)
    np.testing.assert_allclose(value, straight(x), rtol=1e-13)
    np.testing.assert_allclose(total, np.sum(np.exp(y)) * straight(x), rtol=1e-13)


def raising(error):
    def refuse(*args, **kwargs):
        raise error

    return refuse


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("get_host_cpu_features", RuntimeError("failed to get host cpu features.")),
        ("get_host_cpu_name", RuntimeError("no name")),
        ("initialize_native_target", RuntimeError("no target")),
        ("check_jit_execution", OSError(13, "cannot allocate executable memory")),
    ],
)
def test_where_llvm_cannot_work_numpy_does_it_and_says_so_once(monkeypatch, name, error):
    monkeypatch.setattr(machine.llvm, name, raising(error))
    machine._processor.cache_clear()
    backend._native.cache_clear()
    try:
        with pytest.warns(wg.NumpyBackendWarning, match="LLVM cannot be used here") as caught:
            results = wg.jit(lambda x: 2 * x)(4.0), wg.jit(wg.grad(lambda x: x * x))(3.0)
        assert results == (8.0, 6.0)
        assert len(caught) == 1
        assert str(error) in str(caught[0].message)
        assert backend.available() == ("numpy",)
    finally:
        monkeypatch.undo()
        machine._processor.cache_clear()
        backend._native.cache_clear()
    assert "native" in backend.available()
