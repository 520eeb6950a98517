"""The source that a graph is written as runs with NumPy alone and computes the same."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import wengert as wg
from wengert.core.primitive import REGISTRY
from wengert.core.tree import flatten
from wengert.explain.python import SOURCES, identifier

X = np.array([0.3, 1.2, -0.7])
M = np.array([[2.0, 0.3, 0.1], [0.2, 1.5, 0.4], [0.1, 0.7, 3.0]])

PROGRAMS = {
    "scalar": (lambda x, y: x**3 * y - np.tanh(y) / x, (2.0, 3.0)),
    "sums": (lambda x: np.sum(x * x) + np.mean(x) + np.var(x), (X,)),
    "indexing": (lambda x: x[0] * x[1:] @ x[[0, 2]] + x[x > 0].sum() + x[::-1][-1], (X,)),
    "matrices": (lambda x: np.linalg.solve(M, x) @ (M @ x) + np.linalg.det(M * x), (X,)),
    "pieces": (lambda x: np.sum(np.concatenate([x, x[:1]]) * np.stack([x[0], x[1], 1.0, 2.0])), (X,)),
    "choices": (lambda x: np.sum(np.where(x > 0, np.maximum(x, 1.0), np.abs(x))), (X,)),
    "smooth": (lambda x: np.sum(wg.sigmoid(x) + wg.softplus(x) + wg.relu(x)) + wg.logsumexp(x), (X,)),
    "einsum": (lambda x: np.einsum("i,ij,j->", x, M, x), (X,)),
    "broadcast": (lambda x: np.sum(x[:, None] * x[None, :] + M), (X,)),
    "tree": (lambda p: p["w"] @ p["w"] * p["b"], ({"w": X, "b": 2.0},)),
    "several": (lambda x: {"a": x * 2, "b": (x.sum(), x[0])}, (X,)),
    "branch": (lambda x: np.sin(x) if x > 0 else np.cos(x), (0.5,)),
}


def run(source, name, *args):
    space: dict = {}
    exec(source, space)
    return space[name](*args)


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    return np.allclose(a, b, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("simplified", [False, True])
def test_the_source_computes_the_same(name, simplified):
    f, args = PROGRAMS[name]
    graph = wg.trace(f)(*args)
    graph = graph.simplify() if simplified else graph
    assert same(run(graph.to_python(), "f", *flatten(args)[0]), f(*args))


@pytest.mark.parametrize("name", [n for n in PROGRAMS if n not in ("several", "tree")])
def test_the_source_of_the_derivative_computes_the_gradient(name):
    f, args = PROGRAMS[name]
    source = wg.trace(f)(*args).derivative().to_python()
    assert same(run(source, "f_prime", *args), wg.grad(f)(*args))


def test_it_needs_only_numpy(tmp_path):
    graph = wg.trace(PROGRAMS["smooth"][0])(X).derivative()
    script = tmp_path / "alone.py"
    script.write_text(
        f"import sys\n{graph.to_python()}\nassert 'wengert' not in sys.modules\n"
        "print(repr(f_prime(np.array([1.0, 2.0, 3.0]))))",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stdout.startswith("array(")


def test_a_branch_is_asserted():
    source = wg.trace(PROGRAMS["branch"][0])(0.5).to_python()
    with pytest.raises(AssertionError, match="other branch"):
        run(source, "f", -0.5)


SAMPLES = {
    "scale": [(2.0, 3.0), (0.0, np.inf), (np.array([0.0, 1.0]), np.array([np.nan, 2.0]))],
    "sigmoid": [(np.array([-800.0, -1.0, 0.0, 30.0]),)],
    "softplus": [(np.array([-800.0, -1.0, 0.0, 800.0]),)],
    "relu": [(np.array([-1.0, 0.0, 2.0]),)],
    "adjugate": [(M,)],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_helpers_are_the_primitives(name):
    for args in SAMPLES[name]:
        mine = run(f"import numpy as np\n{SOURCES[name]}", name, *args)
        np.testing.assert_allclose(mine, REGISTRY[name].impl(*args), rtol=1e-14)


def test_sum_to_and_scatter_are_the_primitives():
    x = np.arange(12.0).reshape(2, 3, 2)
    for shape in [(), (2,), (3, 2), (1, 3, 1), (2, 1, 2)]:
        mine = run(f"import numpy as np\n{SOURCES['sum_to']}", "sum_to", x, shape)
        np.testing.assert_array_equal(mine, REGISTRY["sum_to"].impl(x, shape=shape))
    mine = run(f"import numpy as np\n{SOURCES['scatter']}", "scatter", [2.0, X], [0, np.s_[1:]], (4,), "float64")
    np.testing.assert_array_equal(mine, [2.0, *X])


def test_values_are_exact():
    graph = wg.trace(lambda x: x * 0.1 + np.float64(1) / 3 + np.array([1e-300, np.inf, np.nan, -0.0]))(1.0)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(run(graph.to_python(), "f", 2.0), graph(2.0))


def test_identifiers():
    assert identifier("params['w'][0]") == "params_w_0"
    assert identifier("f′") == "f_prime"
    assert identifier("lambda") == "lambda_"
    assert identifier("np") == "np_"
    assert identifier("θ") == "θ"


def test_a_primitive_of_the_users_own_says_what_it_needs():
    p3 = wg.primitive(lambda x: x**3, lambda z, x: 3 * x**2, name="cube")
    with pytest.raises(wg.MissingRuleError, match="python="):
        wg.trace(p3)(2.0).to_python()
    p3 = wg.primitive(lambda x: x**3, lambda z, x: 3 * x**2, name="cube", python="np.power({0}, 3)")
    assert run(wg.trace(p3)(2.0).to_python(), "cube", 2.0) == 8.0
