import subprocess
import sys

import mpmath
import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError, ShapeError
from wengert.explain.plots import MissingExtraError, error_by_step
from wengert.explain.ways import written_out

EXACT = ("symbolic", "forward mode", "reverse mode")
DIFFERENCES = tuple(f"finite difference, {kind}" for kind in ("forward", "central", "complex step", "Richardson"))


def book(x0, x1):
    return x0 * x1 + x1 / x0


def bump(x):
    return x * np.exp(-(x**2))


@pytest.fixture(scope="module")
def comparison():
    return wg.compare(book)(3, 5)


def test_every_way_is_there(comparison):
    assert tuple(row.way for row in comparison.rows) == DIFFERENCES + EXACT
    assert comparison.names == ("x0", "x1")
    assert comparison.value == 50 / 3


def test_the_book(comparison):
    """The book's graph at (3, 5): 4 4/9 and 3 1/3."""
    assert [mpmath.nstr(x[()], 21) for x in comparison.reference] == ["4." + "4" * 20, "3." + "3" * 20]
    for way in EXACT:
        assert comparison[way].derivative == (4.444444444444445, 3.3333333333333335)
        assert comparison[way].error == pytest.approx(4.4e-17, rel=0.1)  # that of the nearest floats


def test_the_errors_are_ordered_as_theory_has_them(comparison):
    forward, central, complex_step, richardson = (comparison[way].error for way in DIFFERENCES)
    assert 1e-10 < forward < 1e-6
    assert 1e-13 < central < 1e-9
    assert complex_step < 1e-15
    assert richardson < 1e-11


def test_the_costs(comparison):
    """Forward differences take 1 + n evaluations, central ones 1 + 2n; forward mode n passes, reverse mode one."""
    assert comparison[DIFFERENCES[0]].runs == 3
    assert comparison[DIFFERENCES[1]].runs == 5
    assert comparison[DIFFERENCES[0]].operations == 3 * 3
    assert comparison["forward mode"].runs == 2
    assert comparison["reverse mode"].runs == 1
    assert comparison["symbolic"].operations <= comparison["reverse mode"].operations
    assert all(0 < row.seconds < 1 for row in comparison.rows)


def test_a_derivative_that_floats_can_hold_has_no_error():
    comparison = wg.compare(bump)(0.0)
    assert comparison.reference[0][()] == 1
    assert [comparison[way].error for way in EXACT] == [0, 0, 0]


def test_where_the_derivative_is_zero_the_error_is_absolute():
    comparison = wg.compare(np.cos)(0.0)
    row = comparison[DIFFERENCES[0]]
    assert row.error is None
    assert row.absolute == pytest.approx(0.5 * np.sqrt(np.finfo(float).eps), rel=1e-3)  # h/2·|f″|
    assert "(absolute)" in comparison.to_text()


def test_a_way_that_does_not_apply_says_why():
    comparison = wg.compare(lambda x: np.abs(x) * x)(-1.3)
    row = comparison["finite difference, complex step"]
    assert row.derivative is None
    assert row.error is None
    assert "not analytic" in row.remark
    assert "—" in comparison.to_text()
    assert comparison["reverse mode"].error < 1e-16


def test_a_function_that_fails_beside_the_point():
    def picky(x):
        if x > 1:
            raise RuntimeError("no further than 1")
        return x * x

    comparison = wg.compare(picky)(1.0)
    assert "no further than 1" in comparison[DIFFERENCES[0]].remark
    assert comparison["reverse mode"].derivative == (2.0,)


def test_a_kink_has_no_reference():
    comparison = wg.compare(np.abs)(0.0)
    assert comparison.reference is None
    assert "slopes are -1.0 and 1.0" in comparison.to_text()
    assert comparison["reverse mode"].error is None
    assert comparison["reverse mode"].derivative == (0.0,)


def test_the_symbolic_way_shares_what_swells():
    """The slides' l₅: written out, its derivative has thousands of operations; as a graph, some dozens."""

    def logistic(x):
        for _ in range(4):
            x = 4 * x * (1 - x)
        return x

    graph = wg.trace(logistic)(0.3).derivative()
    assert written_out(graph) > 10 * len(graph)
    assert "without sharing" in wg.compare(logistic)(0.3)["symbolic"].remark


def test_shared_nodes_in_a_deep_chain_do_not_take_for_ever():
    def chain(y):
        for _ in range(1100):
            y = y + np.sin(y) * 0.001
        return y

    comparison = wg.compare(chain)(1.0)
    assert comparison["reverse mode"].error < 1e-14
    assert "without sharing more than 1e+308" in comparison["symbolic"].remark


def test_trees_and_arrays():
    parameters = {"w": np.array([[0.5, -1.0], [2.0, 0.25]]), "b": np.array([0.1, 0.2])}
    comparison = wg.compare(lambda p, s: np.sum(np.tanh(p["w"] @ np.array([1.0, 2.0]) + p["b"]) * s))(parameters, 3)
    assert comparison.names == ("p['b']", "p['w']", "s")
    for row in comparison.rows:
        assert [np.shape(part) for part in row.derivative] == [(2,), (2, 2), ()]
    assert comparison["forward mode"].runs == 7
    assert max(comparison[way].error for way in EXACT) < 1e-13
    assert "norm" in comparison.to_text()


def test_many_inputs_are_compared_along_a_direction():
    x = np.linspace(-1.0, 1.0, 5000)
    comparison = wg.compare(lambda x: np.sum(np.tanh(x) ** 2))(x)
    assert comparison.names == ("a random direction",)
    assert comparison["forward mode"].runs == 1
    assert all(len(row.derivative) == 1 for row in comparison.rows)
    assert max(comparison[way].error for way in EXACT) < 1e-13
    assert "5,000 inputs" in comparison.to_text()


def test_single_precision():
    comparison = wg.compare(lambda x: np.sum(np.sin(x)))(np.array([0.5, 1.5], np.float32))
    assert comparison["reverse mode"].derivative[0].dtype == np.float32
    assert 1e-9 < comparison["reverse mode"].error < 1e-6


def test_keywords_are_handed_on():
    comparison = wg.compare(lambda x, power=1: x**power)(2.0, power=3)
    assert comparison["reverse mode"].derivative == (12.0,)


def test_arguments_are_not_changed():
    x = np.array([1.0, 2.0])

    def rude(x):
        total = np.sum(x * x)
        if isinstance(x, np.ndarray):
            x[:] = 0
        return total

    comparison = wg.compare(rude)(x)
    np.testing.assert_array_equal(x, [1.0, 2.0])
    np.testing.assert_array_equal(comparison["reverse mode"].derivative[0], [2.0, 4.0])
    assert comparison[DIFFERENCES[1]].error < 1e-8


def test_bad_input():
    with pytest.raises(ShapeError, match=r"shape \(2,\)"):
        wg.compare(np.sin)(np.ones(2))
    with pytest.raises(ShapeError, match="2 values"):
        wg.compare(lambda x: (x, x))(1.0)
    with pytest.raises(ArgumentError):
        wg.compare(np.sin)("x")
    with pytest.raises(ArgumentError, match="nothing to differentiate"):
        wg.compare(lambda x: np.sum(x))(np.zeros(0))


# ---- how it prints


@pytest.mark.parametrize("width", [80, 100, 140, None])
def test_text_names_every_way_and_keeps_every_digit(comparison, width):
    text = comparison.to_text(width=width)
    assert "\x1b" not in text
    assert all(word in text.lower() for word in ("finite", "symbolic", "forward", "reverse"))
    assert "4.44444444444444444444" in text  # the reference, to more than 20 digits
    assert "4.444444444444445" in text
    assert "…" not in text
    if width:
        assert max(map(len, text.splitlines())) <= width


def test_colour_marks_the_digits_that_are_wrong():
    text = wg.compare(book)(3, 5).to_text(color=True)
    assert "4.4444444\x1b[0m\x1b[31m" in text or "4.4444444\x1b[31m" in text


def test_markdown_and_html(comparison):
    lines = comparison.to_markdown().splitlines()
    assert sum(line.startswith("| ") for line in lines) == 2 + 1 + 7
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert comparison.to_html().startswith("<!doctype html>")
    assert comparison._repr_html_().startswith("<div")
    assert '<span class="wrong">' in comparison._repr_html_()
    assert str(comparison) == comparison.to_text()


def test_names_are_escaped_in_html():
    def f(x):
        return x * x

    f.__name__ = "<script>"
    assert "<script>" not in wg.compare(f)(1.0).to_html()


# ---- the error against the step


def test_the_difference_of_the_slides():
    """Forward, step 0.01, of x·e^(−x²) at 0: 0.9999000049998332."""
    errors = error_by_step(bump, 0.0, [0.01])
    assert 1 - errors.forward[0] == pytest.approx(0.9999000049998332, rel=1e-15)
    assert errors.derivative == 1


def test_the_error_of_the_forward_difference_is_a_v():
    """d√x at 1 is ½: rounding below a step of about 1e-8, truncation, of order h, above."""
    steps = np.logspace(-16, -1, 61)
    errors = error_by_step(np.sqrt, 1.0, steps)
    best = int(np.argmin(errors.forward))
    assert 1e-9 < steps[best] < 1e-7
    assert errors.forward[best] < 1e-7
    assert errors.forward[0] > 0.1
    assert errors.forward[-1] > 0.01
    large = steps > 1e-6
    np.testing.assert_allclose(errors.forward[large], steps[large] / 8, rtol=0.1)  # h/2·|f″|, f″ = −¼
    larger = steps > 1e-3
    np.testing.assert_allclose(errors.central[larger], steps[larger] ** 2 / 16, rtol=0.01)  # h²/6·f‴, f‴ = ⅜


def test_the_central_difference_has_its_best_step_further_up():
    steps = np.logspace(-16, -1, 61)
    errors = error_by_step(np.sqrt, 1.0, steps)
    typical = np.median(errors.central.reshape(-1, 1)[(steps > 1e-6) & (steps < 1e-4)])
    assert typical < 1e-9 < np.median(errors.central[steps < 1e-10])


def test_the_complex_step_is_not_rounded():
    errors = error_by_step(np.sqrt, 1.0, np.logspace(-16, -9, 20))
    assert np.all(errors.complex_step <= 1e-16)
    assert error_by_step(lambda x: np.abs(x) * x, 2.0, [1e-3]).complex_step is None


def test_errors_against_a_derivative_that_is_known():
    errors = error_by_step(np.abs, 0.0, [1e-3], derivative=0.0)
    assert errors.forward[0] == 1
    assert errors.central[0] == 0


def test_where_f_is_not_finite_the_error_is_infinite():
    errors = error_by_step(np.log, 1e-3, [1e-4, 1e-2])
    assert np.isfinite(errors.central[0])
    assert errors.central[1] == np.inf


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (np.sqrt, (1.0,)),
        (book, (3.0, 5.0)),
        (lambda x: np.abs(x) * x, (-1.3,)),
        (np.abs, (0.0,)),
        (lambda x: np.sum(np.cos(x)), (np.zeros((300, 2)),)),
    ],
)
def test_plot(f, args, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "errors.png"
    figure = wg.compare(f)(*args).plot(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    (axes,) = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {"forward difference", "central difference", "forward and reverse mode"} <= set(labels)
    assert "∂" in axes.get_title(loc="left")


def test_without_matplotlib_the_error_says_what_to_install(comparison, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'wengert\[plot\]'"):
        comparison.plot()


def test_nothing_of_it_is_imported_before_it_is_used():
    script = "import sys, wengert; print([m for m in ('mpmath', 'rich', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
