"""Every program of `examples/` runs as a user runs it, and prints the figures that it is there for."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py"))

# The lines, or parts of lines, that each program must print.
FIGURES = {
    "book_graph.py": [
        "y = 16.666666666666668, ∂y/∂x0 = 4.444444444444445, ∂y/∂x1 = 3.3333333333333335",
        "y(2, 8) = 20",
        "= 1·3 + 1·1/3",
        "= 10/3",
        "= 40/9",
        "y = u·u + u: ∂y/∂x0 = 155, ∂y/∂x1 = 93",
    ],
    "four_ways.py": [
        "np.exp(",
        "f′(0) = 1.0",
        "step 1e-02: at 0 0.9999000049998332",
        "f(0 + ε) = 0.0 + 1.0ε",
        "f(0) = 0.0, f′(0) = 1.0",
        "∂f/∂x = 0.3894003915357024341225851",
        "reverse mode",
    ],
    "dual_numbers.py": [
        "x      = 0.1 + 1.0ε",
        "x·x    = 0.01 + 0.2ε",
        "x³     = 0.001 + 0.03ε",
        "cos x  = 0.9950041652780258 - 0.09983341664682815ε",
        "by x: 4.0 + 7.0ε",
        "by y: 4.0 + 3.0ε",
        "f = 4.0, ∂f/∂y = 3.0",
    ],
    "shot_put.py": [
        "1  0.7581471901",
        "2  0.7476771171",
        "3  0.7449979364",
        "4  0.7443072794",
        "5  0.7441288808",
        "6  0.7440827759",
        "7  0.7440708591",
        "8  0.7440677788",
        "1  0.74405948055",
        "2  0.74406670508148",
        "3  0.74406670507781",
        "4  0.74406670507781",
    ],
    "neuron_by_hand.py": [
        "Variable(-8.0, grad=1.0)",
        "Variable(2.0, name='a', grad=6.0)",
        "Variable(-3.0, name='b', grad=-4.0)",
        "L = -7.286496",
        "o = 0.7071067811865476",
        "x1.grad = -1.5",
        "w1.grad = 1",
        "x2.grad = 0.5",
        "w2.grad = 0",
    ],
    "expression_swell.py": [" 4             237            18    1.30908", "as a formula"],
    "pendulum.py": [
        "the gradient of 1000 steps is",
        "compiled as eager: True",
        "1  length 1.282409433, friction 0.221196121",
        "6  length 1.300000000, friction 0.200000000",
        "found: True",
    ],
    "heat.py": [
        "temperature 23.598605644",
        "as finite differences: True",
        "compiled as eager: True",
        "and elsewhere: True",
    ],
    "scipy_recipes.py": [
        "amplitude    0.08682 ± 0.01720",
        "rate         4.98636 ± 0.03444",
        "fit as certified: True",
        "error bars as certified: True",
    ],
}


def run(monkeypatch, capsys, name, *arguments):
    """What the program prints."""
    monkeypatch.setattr(sys, "argv", [str(EXAMPLES / name), *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out


def test_every_program_is_tested():
    assert sorted(FIGURES) == PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_its_figures(monkeypatch, capsys, name):
    printed = run(monkeypatch, capsys, name)
    assert [figure for figure in FIGURES[name] if figure not in printed] == []


def test_the_drawing_is_written_only_where_a_path_is_given(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    run(monkeypatch, capsys, "book_graph.py")
    assert list(tmp_path.iterdir()) == []
    run(monkeypatch, capsys, "book_graph.py", tmp_path / "book_graph.svg")
    assert (tmp_path / "book_graph.svg").read_text("utf-8").startswith("<svg")


def test_the_graph_grows_by_the_same_few_operations_while_the_formula_explodes(monkeypatch, capsys):
    printed = run(monkeypatch, capsys, "expression_swell.py")
    rows = [line.split() for line in printed.splitlines() if re.match(r" *\d+ ", line)]
    sizes = {int(n): (float(formula), int(graph)) for n, formula, graph, _ in rows}
    assert (sizes[40][1] - sizes[20][1]) / 20 == sizes[10][1] - sizes[9][1] < 10
    assert sizes[40][0] > 1e20 > 1e3 > sizes[40][1]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_needs_only_what_comes_with_wengert(name):
    tree = ast.parse((EXAMPLES / name).read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    packages = {str(module).split(".")[0] for module in imported}
    assert packages - set(sys.stdlib_module_names) <= {"wengert", "numpy", "scipy"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_short_and_in_the_list(name):
    assert len((EXAMPLES / name).read_text("utf-8").splitlines()) <= 70
    assert f"[`{name}`]({name})" in (EXAMPLES / "README.md").read_text("utf-8")
