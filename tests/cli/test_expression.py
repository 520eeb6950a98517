"""Expressions: what they compute, and that nothing but mathematics gets through."""

import inspect
import math
import string
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wengert.cli.expression import Expression, ExpressionError, parse_assignment, parse_value


class Recorder:
    """Stands for a traced value: remembers the ufuncs and operators that reach it."""

    __array_priority__ = 1000

    def __init__(self, value, seen):
        self.value, self.seen = value, seen

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        self.seen.append(ufunc.__name__)
        plain = [i.value if isinstance(i, Recorder) else i for i in inputs]
        return Recorder(getattr(ufunc, method)(*plain), self.seen)

    def __pow__(self, other):
        self.seen.append(f"pow {other!r}")
        return Recorder(self.value**other, self.seen)

    def __rmul__(self, other):
        self.seen.append(f"rmul {other!r}")
        return Recorder(other * self.value, self.seen)


# ---- what it computes


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("x0*x1 + x1/x0", {"x0": 3, "x1": 5}, 16.666666666666668),
        ("3*x**2 - 4*x + 5", {"x": 3.0}, 20.0),
        ("x*exp(-x**2)", {"x": 0.5}, 0.5 * math.exp(-0.25)),
        ("-x**2", {"x": 3.0}, -9.0),
        ("2**-x", {"x": 1.0}, 0.5),
        ("2**3**x", {"x": 2.0}, 512.0),
        ("a - b - c", {"a": 10.0, "b": 3.0, "c": 2.0}, 5.0),
        ("a / b / c", {"a": 12.0, "b": 3.0, "c": 2.0}, 2.0),
        ("x // 2 + x % 2", {"x": 5.0}, 3.0),
        ("+x - -x", {"x": 1.5}, 3.0),
        ("  x +\n\t1 ", {"x": 1.0}, 2.0),
        (".5*x + 1.e2 + 1_000", {"x": 2.0}, 1101.0),
        ("np.sin(x) + math.cos(x) + numpy.linalg.norm(x)", {"x": 1.0}, math.sin(1) + math.cos(1) + 1),
        (
            "asin(x) + arcsin(x) + atan2(x, 2) + ln(x)",
            {"x": 0.5},
            2 * math.asin(0.5) + math.atan2(0.5, 2) + math.log(0.5),
        ),
        ("where(x > 0, x, 0)", {"x": -1.0}, 0.0),
        ("where(x >= 0, 1, where(x != -1, 2, 3))", {"x": -1.0}, 3.0),
        ("where(1 < 2, x, 0)", {"x": 4.0}, 4.0),
        ("max(x, y, 7) + min(x, y) + maximum(x, 2)", {"x": 1.0, "y": 5.0}, 10.0),
        ("pi*r**2 + np.pi", {"r": 1.0}, 2 * math.pi),
        ("e**x + tau + π", {"x": 1.0}, math.e + 3 * math.pi),
        ("θ**2 + λ_1", {"θ": 3.0, "λ_1": 1.0}, 10.0),
        ("clip(x, -1, 1) + hypot(3, 4)", {"x": 9.0}, 6.0),
    ],
)
def test_value(text, arguments, expected):
    f = Expression(text)
    assert f(**arguments) == pytest.approx(expected, rel=1e-15)
    assert f(*[arguments[name] for name in f.names]) == f(**arguments)


def test_arrays():
    x = np.array([3.0, 4.0])
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert Expression("norm(x) + sum(x) + mean(x) + prod(x) + max(x) - min(x)")(x) == 5 + 7 + 3.5 + 12 + 1
    assert Expression("dot(x, A @ x)")(x, matrix) == x @ matrix @ x
    np.testing.assert_array_equal(Expression("A * x")(matrix, x), matrix * x)


def test_names_come_in_the_order_of_the_text():
    assert Expression("b*a + sin(c)**a - b").names == ("b", "a", "c")
    assert Expression("where(z > y, x, 1)").names == ("z", "y", "x")


def test_signature_is_that_of_a_function():
    f = Expression("x0*x1")
    assert list(inspect.signature(f).parameters) == ["x0", "x1"]
    assert f.__name__ == "f"
    assert f.text == "x0*x1"
    assert repr(f) == "Expression('x0*x1')"
    with pytest.raises(TypeError, match="x1"):
        f(3)


def test_a_variable_hides_a_constant_or_a_function():
    assert Expression("e + pi").names == ()
    assert Expression("e + pi", variables=["e"]).names == ("e",)
    assert Expression("norm * norm(x)", variables=["norm"])(norm=2.0, x=3.0) == 6.0


def test_traced_values_meet_plain_numpy_and_plain_numbers():
    seen = []
    Expression("2*sin(x)**3")(Recorder(1.0, seen))
    assert seen == ["sin", "pow 3", "rmul 2"]


def test_constant_parts_are_computed_once():
    seen = []
    Expression("(2*pi/(1 + 1))*exp(x)")(Recorder(0.0, seen))
    assert seen == ["exp", f"rmul {math.pi!r}"]


def test_singular_points_are_those_of_numpy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert Expression("1/x")(0) == math.inf
        assert math.isnan(Expression("x**(1/3)")(-8))
        assert Expression("x**x**x**x")(9) == math.inf  # with Python's integers this would never end


def test_an_error_in_a_call_points_at_the_operation():
    with pytest.raises(ValueError, match="broadcast") as caught:
        Expression("1 + a*b")(np.ones(2), np.ones(3))
    assert caught.value.__notes__ == ["  1 + a*b\n       ^"]


def test_long_sums_and_wide_calls():
    assert Expression("+".join(["x"] * 800))(1.0) == 800.0
    assert Expression("(" * 100 + "x" + ")" * 100)(1.0) == 1.0
    assert Expression("sin(" * 100 + "x" + ")" * 100)(0.0) == 0.0


# ---- what it refuses


@pytest.mark.parametrize(
    ("text", "column", "advice"),
    [
        ("x0^2", 2, r"write \*\*"),
        ("2x", 1, r"write 2\*x"),
        ("2(x + 1)", 1, r"write 2\*\(…\)"),
        ("(x)(y)", 3, "operator is missing"),
        ("x y", 2, r"write x\*y"),
        ("x²", 1, r"\*\*2"),
        ("x·y", 1, r"write \*"),
        ("x − y", 2, "write -"),
        ("x₀", 1, "write x0"),
        ("|x|", 0, "abs"),
        ("1j*x", 1, "operator is missing"),
        ("0x10", 1, "operator is missing"),
        ("007*x", 0, "write 7"),
        ("1e999*x", 0, "too large"),
        ("9" * 5000, 0, "too large"),
        ("x[0]", 1, "indexing"),
        ("[1, 2]", 0, r"x=\[1, 2, 3\]"),
        ("x, y", 0, "comma"),
        ("3,5*x", 0, "decimals have a point"),
        ("x < 1", 0, "where"),
        ("where(0 < x < 1, x, 0)", 6, "two at a time"),
        ("where(x < 1, x)", 0, "3 arguments, not 2"),
        ("where(x > 0, x > 1, 0)", 13, "where"),
        ("x + sin(x, y)", 4, "1 argument, not 2"),
        ("sin()", 0, "1 argument, not 0"),
        ("max()", 0, "1 or more arguments"),
        ("sin", 0, r"write sin\(x\)"),
        ("arcsinn(x)", 0, "did you mean arcsin"),
        ("e(3)", 0, "no function e"),
        ("f(x)", 0, "no function f"),
        ("x if x > 0 else 0", 2, "where"),
        ("x and y", 2, "where"),
        ("not x", 0, "comparison"),
        ("lambda x: x", 0, "lam or λ"),
        ("x = 3", 2, "argument of its own"),
        ("x := 3", 2, "':'"),
        ("x +", 3, r"missing after '\+'"),
        ("x + * y", 4, r"missing before '\*'"),
        ("()", 0, "missing between"),
        ("sin(,)", 4, "missing before ','"),
        ("**x", 0, "missing before"),
        ("(x", 0, "never closed"),
        ("x)", 1, "nothing is open"),
        ("(x]", 2, "nothing is open"),
        ("1/0 + x", 1, "infinite"),
        ("x + log(0)", 4, "infinite"),
        ("x + sqrt(-1)", 4, "not a real number"),
        ("(-8)**(1/3) + x", 4, "not a real number"),
        ("x + 9**9**9**9", 8, "too large"),
    ],
)
def test_advice(text, column, advice):
    with pytest.raises(ExpressionError, match=advice) as caught:
        Expression(text)
    assert caught.value.column == column
    assert caught.value.text == text
    if len(text) < 40:
        _, shown, caret = str(caught.value).splitlines()
        assert shown == f"  {text}"
        assert caret.index("^") == column + 2


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "__import__(os)",
        "().__class__",
        "x.__class__",
        "x.real",
        "(x).real",
        "sin.__globals__",
        "np.__builtins__",
        "np.random.rand(3)",
        "np.load(x)",
        "os.system(x)",
        "math.sin.real(x)",
        "np.e.x",
        "eval(x)",
        "exec(x)",
        "open(x)",
        "print(x)",
        "getattr(x, y)",
        "lambda: x",
        "f'{x}'",
        "'abc'",
        '"abc"',
        "b'abc'",
        "'''abc'''",
        "(x := 3)",
        "[a for a in x]",
        "(a for a in x)",
        "{a: 1}",
        "{1, 2}",
        "sum(x, axis=0)",
        "sin(*x)",
        "sin(**x)",
        "sin(x)(y)",
        "x[0]",
        "x[1:2]",
        "await x",
        "yield x",
        "x; y",
        "x # y",
        "x\\y",
        "x | y",
        "x & y",
        "~x",
        "x << 2",
        "x @",
        "x!",
        "x if",
        "x is y",
        "x in y",
        "True",
        "None",
        "...",
        "`x`",
        "$x",
        "x?",
        "import os",
        "del x",
        "global x",
        "x\0y",
        "\0",
        "\ufeffx",
        "\u202ex",
        "\udcff",
        "\x1b[31mx",
        "٣*x",
        "1__0",
        "x..y",
        "1.2.3",
        "",
        "   ",
        "\n",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    assert all(c.isprintable() or c == "\n" for c in str(caught.value))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "x" + ")" * 10_000,
        "(" * 4_000 + "x" + ")" * 4_000,
        "sin(" * 101 + "x" + ")" * 101,
        "-" * 9_000 + "x",
        "x" + "**x" * 3_000,
        "x" * 10_001,
        "[" * 200 + "]" * 200,
    ],
)
def test_size_is_bounded(text):
    with pytest.raises(ExpressionError):
        Expression(text)


def test_a_long_sum_is_summed_or_refused():
    """How deep Python's own parser goes depends on its version; a RecursionError comes from none."""
    try:
        total = Expression("x" + "+x" * 4_900)(1.0)
    except ExpressionError:
        return
    assert total == 4_901.0


@given(st.text(alphabet=string.printable + "θ²·\0\ud800", max_size=40))
def test_any_text_is_an_expression_or_an_expression_error(text):
    try:
        f = Expression(text)
    except ExpressionError:
        return
    assert all(name.isidentifier() for name in f.names)


words = ["x", "y", "2", "0.5", "+", "-", "*", "/", "**", "(", ")", ",", "sin", "where", "<", "[", "]", ".", "np", "max"]


@given(st.lists(st.sampled_from(words), max_size=12))
def test_any_words_are_an_expression_or_an_expression_error(tokens):
    try:
        f = Expression(" ".join(tokens))
    except ExpressionError:
        return
    with np.errstate(all="ignore"):
        f(*[1.0 for _ in f.names])


def test_long_texts_are_shown_around_the_caret():
    with pytest.raises(ExpressionError) as caught:
        Expression("x + " * 100 + "y^2" + " + x" * 100)
    _, shown, caret = str(caught.value).splitlines()
    assert shown[caret.index("^")] == "^"
    assert len(shown) < 110


def test_the_caret_allows_for_wide_letters():
    with pytest.raises(ExpressionError) as caught:
        Expression("日本^2")
    assert str(caught.value).endswith("\n      ^")  # two for the margin, two for each letter


def test_expressions_serve_many_threads():
    f, results = Expression("sin(x)**2 + cos(x)**2"), []
    threads = [threading.Thread(target=lambda i=i: results.append(f(float(i)))) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == pytest.approx([1.0] * 16)


# ---- values


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("x=3", "x", 3.0),
        ("x = -1e-3", "x", -1e-3),
        ("θ=pi/4", "θ", math.pi / 4),
        ("x=2*sqrt(2)", "x", 2 * math.sqrt(2)),
        ("e=1", "e", 1.0),
        ("x=inf", "x", math.inf),
        ("x=-inf", "x", -math.inf),
        ("𝐱=1", "x", 1.0),  # Python reads a bold x as x, in the expression too
    ],
)
def test_assignment(text, name, value):
    assert parse_assignment(text) == (name, value)
    assert type(parse_assignment(text)[1]) is float


def test_nan_is_a_value():
    assert math.isnan(parse_value("nan"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1,2,3]", [1, 2, 3]),
        ("[[1,2],[3,4]]", [[1, 2], [3, 4]]),
        ("[pi/2, -1]", [math.pi / 2, -1]),
        ("2*[1, 2]", [2, 4]),
        ("[7]", [7]),
    ],
)
def test_lists_become_float64_arrays(text, value):
    array = parse_value(text)
    assert isinstance(array, np.ndarray)
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, np.array(value, dtype=np.float64))


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("x=", "x has no value"),
        ("=3", "no name"),
        ("", "no name a value"),
        ("3", "no name a value"),
        ("2x=3", "cannot be a name"),
        ("lambda=3", "cannot be a name"),
        ("x y=3", "cannot be a name"),
        ("x==3", "'='"),
        ("x=y", "y has none"),
        ("x=NaN", "constants are"),
        ("x=[1,[2,3]]", "differ in length"),
        ("x=[]", "missing"),
        ("x=[1,,2]", "missing"),
        ("x=[1,2", "never closed"),
        ("x=1,2", "comma"),
        ("x='a'", "quotes"),
        ("x=True", "word of Python"),
        ("x=1j", "operator"),
        ("x=1/0", "infinite"),
        ("x=9**9**9**9", "too large"),
        ("x=__import__('os')", "quotes"),
        ("x=[a for a in b]", "operator|word of Python"),
    ],
)
def test_bad_assignments(text, advice):
    with pytest.raises(ExpressionError, match=advice):
        parse_assignment(text)
