"""The command line: what is printed, where it goes, and the exit code."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from wengert.cli import main

BOOK = ["x0*x1 + x1/x0", "x0=3", "x1=5"]

SHOT = '''\
"""The shot put of the slides."""
import numpy as np

from constants import g  # a neighbour of this file


def distance(theta, v=14.0, *, h=1.8):
    print("computing")
    return v / g * np.cos(theta) * (v * np.sin(theta) + np.sqrt(v**2 * np.sin(theta) ** 2 + 2 * g * h))


def power(x, n: int, /, scale=1.0):
    y = scale
    for _ in range(n):
        y = y * x
    return y


def anything(**values):
    return sum(values.values())


def fails(x):
    if x > 0:
        raise RuntimeError("too far")
    return x


def late(x):
    import constants

    return constants.g * x


def _private(x):
    return x


not_a_function = 3
'''


@pytest.fixture
def shot(tmp_path):
    (tmp_path / "constants.py").write_text("g = 9.8\n")
    path = tmp_path / "shot.py"
    path.write_text(SHOT)
    return path


def run(*argv, capsys):
    code = main(argv)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def refused(*argv, capsys):
    code, out, err = run(*argv, capsys=capsys)
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    return err


# ---- grad


def test_grad_of_the_book(capsys):
    code, out, err = run("grad", *BOOK, capsys=capsys)
    assert (code, err) == (0, "")
    assert out == "f       16.666666666666668\n∂f/∂x0  4.444444444444445\n∂f/∂x1  3.3333333333333335\n"


def test_grad_as_json(capsys):
    code, out, _ = run("grad", *BOOK, "--json", capsys=capsys)
    assert code == 0
    gradient = {"x0": 4.444444444444445, "x1": 3.3333333333333335}
    assert json.loads(out) == {"value": 16.666666666666668, "gradient": gradient}


def test_grad_of_arrays(capsys):
    _, out, _ = run("grad", "sum(A @ x) + y", "A=[[1,2],[3,4]]", "x=[5,6]", "y=pi", "--json", capsys=capsys)
    gradient = {"A": [[5.0, 6.0], [5.0, 6.0]], "x": [4.0, 6.0], "y": 1.0}
    assert json.loads(out) == {"value": pytest.approx(56 + np.pi), "gradient": gradient}
    _, out, _ = run("grad", "sum(A @ x)", "A=[[1,2],[3,4]]", "x=[5,6]", capsys=capsys)
    assert out.splitlines()[1:] == ["∂f/∂A  [[5.0, 6.0],", "        [5.0, 6.0]]", "∂f/∂x  [4.0, 6.0]"]


def test_options_may_stand_anywhere(capsys):
    for order in (["--json", *BOOK], [*BOOK[:2], "--json", BOOK[2]], [*BOOK, "--json"]):
        code, out, _ = run("grad", *order, capsys=capsys)
        assert code == 0
        assert json.loads(out)["value"] == 16.666666666666668


@pytest.mark.parametrize("text", ["-x**2", "-(x**2)", "-x*x", "-h*h", "-o*o", "- x**2", "-5*x**2/5"])
def test_an_expression_may_begin_with_a_minus(text, capsys):
    name = next(c for c in text if c in "xho")
    code, out, _ = run("grad", text, f"{name}=3", "--json", capsys=capsys)
    assert code == 0
    assert json.loads(out) == {"value": -9.0, "gradient": {name: -6.0}}


@pytest.mark.parametrize(
    ("text", "value", "slope"),
    [
        ("x + pi", "x=0", 1.0),
        ("e*x", "x=1", np.e),
        ("where(x > 0, x**2, 0)", "x=3", 6.0),
        ("relu(x)", "x=-2", 0.0),
        ("sigmoid(x)", "x=0", 0.25),
        ("softplus(x)", "x=0", 0.5),
        ("tanh(x)", "x=0.8813735870195432", 0.5),
        ("max(x, 2)", "x=5", 1.0),
        ("np.sin(x) + math.cos(x)", "x=0", 1.0),
        ("θ**3", "θ=2", 12.0),
        ("x**x", "x=1", 1.0),
        ("abs(x)", "x=-3", -1.0),
        ("hypot(x, 4)", "x=3", 0.6),
        ("norm(x)", "x=2", 1.0),
    ],
)
def test_the_functions_of_an_expression_have_derivatives(text, value, slope, capsys):
    code, out, err = run("grad", text, value, "--json", capsys=capsys)
    assert code == 0, err
    assert json.loads(out)["gradient"][value.split("=")[0]] == pytest.approx(slope, rel=1e-14)


def test_every_function_of_an_expression_can_be_differentiated(capsys):
    """The table of functions offers nothing that the calculus does not know (a missing rule would end with code 1)."""
    from wengert.cli.vocabulary import functions

    array = {"sum", "mean", "prod", "max", "min", "norm", "logsumexp"}
    matrix = {"det", "inv", "solve", "matmul", "dot"}
    for name, (_, least, _) in functions().items():
        if name == "where":
            text, values = "where(x > 0, x, 2*x)", ["x=0.5"]
        elif name in matrix:
            text = f"sum({name}({', '.join(['A', 'B'][:least])}))"
            values = ["A=[[2,1],[1,3]]", "B=[[1,2],[3,5]]"][:least]
        elif name in array:
            text, values = f"{name}(x)", ["x=[0.5,0.25]"]
        else:
            text = f"sum({name}({', '.join(['x', 'y', 'z'][:least])}))"
            point = "1.5" if name in ("arccosh", "acosh") else "0.5"
            values = [f"x=[{point},{point}]", "y=[0.25,0.75]", "z=[2,3]"][:least]
        code, _, err = run("grad", text, *values, capsys=capsys)
        assert code == 0, f"{text}: {err}"


def test_infinities_are_valid_json(capsys):
    code, out, err = run("grad", "sqrt(x)", "x=0", "--json", capsys=capsys)
    assert code == 0
    assert json.loads(out) == {"value": 0.0, "gradient": {"x": "Infinity"}}
    assert "Traceback" not in err


# ---- functions in files


def test_grad_of_a_function_in_a_file(shot, capsys):
    path = sys.path[:]
    code, out, err = run("grad", f"{shot}:distance", "theta=0.8", "--json", capsys=capsys)
    assert code == 0, err
    result = json.loads(out)  # what the function prints does not get in between
    assert "computing" in err
    assert result["value"] == pytest.approx(21.56, abs=0.1)
    assert list(result["gradient"]) == ["theta"]  # the defaults are constants
    assert 0.8 + 0.01 * result["gradient"]["theta"] == pytest.approx(0.7581471901, rel=1e-9)
    assert sys.path == path


def test_a_default_that_is_given_is_differentiated(shot, capsys):
    _, out, _ = run("grad", f"{shot}:distance", "h=2", "theta=0.8", "--json", capsys=capsys)
    assert list(json.loads(out)["gradient"]) == ["theta", "h"]
    _, out, _ = run("grad", f"{shot}:distance", "v=13", "h=2", "theta=0.8", capsys=capsys)
    assert [line.split()[0] for line in out.splitlines()] == [
        "distance",
        "∂distance/∂theta",
        "∂distance/∂v",
        "∂distance/∂h",
    ]


def test_an_int_stays_one_and_positional_only_arguments_have_names_here(shot, capsys):
    _, out, _ = run("grad", f"{shot}:power", "x=2", "n=3", "--json", capsys=capsys)
    assert json.loads(out) == {"value": 8.0, "gradient": {"x": 12.0}}
    assert "whole number" in refused("grad", f"{shot}:power", "x=2", "n=2.5", capsys=capsys)


def test_a_function_of_any_names(shot, capsys):
    _, out, _ = run("grad", f"{shot}:anything", "b=2", "a=3", "--json", capsys=capsys)
    assert json.loads(out) == {"value": 5.0, "gradient": {"b": 1.0, "a": 1.0}}


def test_a_file_may_import_its_neighbours_late(shot, capsys):
    sys.modules.pop("constants", None)
    code, out, err = run("grad", f"{shot}:late", "x=2", "--json", capsys=capsys)
    assert code == 0, err
    assert json.loads(out)["gradient"] == {"x": 9.8}


def test_a_relative_path(shot, capsys, monkeypatch):
    monkeypatch.chdir(shot.parent)
    code, out, _ = run("grad", "shot.py:power", "x=2", "n=2", capsys=capsys)
    assert code == 0
    assert out == "power     4.0\n∂power/∂x  4.0\n".replace("power     ", "power      ")


def test_functions_that_exist_are_listed(shot, capsys):
    for target in (f"{shot}:nothing", f"{shot}", f"{shot}:", f"{shot}:not_a_function"):
        err = refused("grad", target, "x=1", capsys=capsys)
        assert f"{shot}:distance" in err
        assert f"{shot}:power" in err
        assert "_private" not in err


def test_a_missing_file(tmp_path, capsys):
    err = refused("grad", f"{tmp_path}/nothing.py:f", "x=1", capsys=capsys)
    assert "there is no file" in err
    assert "is no file" in refused("grad", f"{tmp_path}.py:f", "x=1", capsys=capsys)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import numpy as np\n\ny = 1 / 0\n", ["ZeroDivisionError", "broken.py:3", "y = 1 / 0"]),
        ("def f(x):\n    return (x\n", ["SyntaxError", "broken.py", "line 2", "never closed"]),
        ("import nothing_of_that_name\n", ["ModuleNotFoundError", "broken.py:1"]),
        ("import sys\nsys.exit(7)\n", ["SystemExit", "broken.py:2"]),
        ("x = '\0'\n", ["broken.py"]),
    ],
)
def test_errors_in_the_file_are_shown_with_their_line(source, expected, tmp_path, capsys):
    path = tmp_path / "broken.py"
    path.write_text(source)
    code, out, err = run("grad", f"{path}:f", "x=1", capsys=capsys)
    assert (code, out) == (1, "")
    assert all(words in err for words in expected), err
    assert "Traceback" not in err
    assert "broken" not in sys.modules


def test_errors_of_the_function_are_shown_with_their_line(shot, capsys):
    code, out, err = run("grad", f"{shot}:fails", "x=1", capsys=capsys)
    assert (code, out) == (1, "")
    assert "RuntimeError: too far" in err
    assert "shot.py:" in err
    assert 'raise RuntimeError("too far")' in err
    assert "Traceback" not in err
    _, _, err = run("grad", f"{shot}:fails", "x=1", "--traceback", capsys=capsys)
    assert "Traceback" in err


def test_leaving_inside_the_function_is_an_error(tmp_path, capsys):
    path = tmp_path / "leave.py"
    path.write_text("import sys\n\n\ndef f(x):\n    sys.exit(0)\n")
    code, out, err = run("grad", f"{path}:f", "x=1", capsys=capsys)
    assert (code, out) == (1, "")
    assert "SystemExit: 0" in err
    assert "leave.py:5" in err


def test_errors_of_wengert_speak_for_themselves(tmp_path, capsys):
    path = tmp_path / "cut.py"
    path.write_text("import math\n\ndef f(x):\n    return math.sin(x)\n")
    code, out, err = run("grad", f"{path}:f", "x=1", capsys=capsys)
    assert (code, out) == (1, "")
    assert "np.sin" in err
    assert "cut.py:4: return math.sin(x)" in err
    assert "Traceback" not in err


def test_a_gradient_of_a_vector_fails_clearly(tmp_path, capsys):
    code, _, err = run("grad", "2*x", "x=[1,2,3]", capsys=capsys)
    assert code == 1
    assert "at <expression>:1: 2*x" in err
    path = tmp_path / "vector.py"
    path.write_text("\ndef f(x):\n    return 2 * x\n")
    code, _, err = run("grad", f"{path}:f", "x=[1,2,3]", capsys=capsys)
    assert code == 1
    assert "vector.py:2: def f(x)" in err


def test_shapes_that_do_not_fit_point_at_the_operation(capsys):
    code, _, err = run("grad", "1 + x*y", "x=[1,2,3]", "y=[1,2]", capsys=capsys)
    assert code == 1
    assert "1 + x*y\n       ^" in err


# ---- explain, compare, draw


def test_explain_prints_the_trace(capsys):
    code, out, err = run("explain", *BOOK, capsys=capsys)
    assert (code, err) == (0, "")
    for number in ("15", "5/3", "16.666", "4.444", "3.333"):
        assert number in out
    assert "\x1b" not in out
    assert "main(" not in out  # the user's line is the expression, not ours


def test_explain_with_the_numbering_of_baydin(capsys):
    code, out, _ = run("explain", "log(x1) + x1*x2 - sin(x2)", "x1=2", "x2=5", "--numbering", "baydin", capsys=capsys)
    assert code == 0
    assert "11.652" in out
    assert "5.5" in out
    assert "1.716" in out


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html", "svg"])
def test_explain_in_every_format(form, capsys):
    code, out, _ = run("explain", *BOOK, "--format", form, capsys=capsys)
    assert code == 0
    explanation = wg.explain(lambda x0, x1: x0 * x1 + x1 / x0)(3.0, 5.0)
    assert len(out) == pytest.approx(len(getattr(explanation, f"to_{form}")()), rel=0.5)


@pytest.mark.parametrize(
    ("suffix", "beginning"), [(".svg", "<"), (".html", "<"), (".md", ""), (".tex", ""), (".txt", ""), ("", "")]
)
def test_explain_knows_the_format_by_the_suffix(suffix, beginning, tmp_path, capsys):
    path = tmp_path / f"out{suffix}"
    code, out, _ = run("explain", *BOOK, "-o", str(path), capsys=capsys)
    assert (code, out) == (0, "")
    text = path.read_text(encoding="utf-8")
    assert text.startswith(beginning)
    assert text.endswith("\n")
    assert os.listdir(tmp_path) == [path.name]


def test_a_given_format_counts_more_than_the_suffix(tmp_path, capsys):
    assert run("explain", *BOOK, "-o", str(tmp_path / "out.txt"), "--format", "svg", capsys=capsys)[0] == 0
    assert "<svg" in (tmp_path / "out.txt").read_text(encoding="utf-8")


def test_compare(capsys):
    code, out, _ = run("compare", *BOOK, capsys=capsys)
    assert code == 0
    for way in ("finite", "symbolic", "forward", "reverse"):
        assert way in out.lower()


def test_compare_plots(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = tmp_path / "errors.png"
    code, _, err = run("compare", "x*exp(-x**2)", "x=0.5", "--plot", str(path), capsys=capsys)
    assert code == 0, err
    assert path.read_bytes().startswith(b"\x89PNG")
    assert os.listdir(tmp_path) == ["errors.png"]


def test_draw(tmp_path, capsys):
    path = tmp_path / "out.svg"
    assert run("draw", *BOOK, "-o", str(path), capsys=capsys) == (0, "", "")
    assert "<svg" in path.read_text(encoding="utf-8")
    assert run("draw", *BOOK, "-o", str(tmp_path / "out.dot"), capsys=capsys) == (0, "", "")
    assert "graph" in (tmp_path / "out.dot").read_text(encoding="utf-8")
    code, out, _ = run("draw", *BOOK, "-o", "-", "--format", "dot", capsys=capsys)
    assert code == 0
    assert out == (tmp_path / "out.dot").read_text(encoding="utf-8")
    assert "<svg" in run("draw", *BOOK, capsys=capsys)[1]


def test_draw_knows_two_formats(tmp_path, capsys):
    assert "graph.svg" in refused("draw", *BOOK, "-o", str(tmp_path / "out.png"), capsys=capsys)
    assert os.listdir(tmp_path) == []


# ---- what is not understood


def test_names_and_values_must_agree(shot, capsys):
    assert "needs a value for x1: add x1=…" in refused("grad", BOOK[0], "x0=3", capsys=capsys)
    assert "x2: not an argument" in refused("grad", *BOOK, "x2=1", capsys=capsys)
    err = refused("grad", BOOK[0], "x=1", capsys=capsys)
    assert "x0, x1" in err
    assert "x: not an argument" in err
    assert "two values" in refused("grad", *BOOK, "x0=4", capsys=capsys)
    err = refused("grad", f"{shot}:distance", "phi=0.8", capsys=capsys)
    assert "needs a value for theta" in err
    assert "theta, v, h" in err


def test_a_constant_has_no_derivative(shot, capsys):
    assert "is a constant" in refused("grad", "2*pi", capsys=capsys)
    assert "is a constant" in refused("grad", f"{shot}:anything", capsys=capsys)


@pytest.mark.parametrize(
    "argv",
    [
        ["grad", "__import__('os').system('true')", "x=1"],
        ["grad", "x^2", "x=3"],
        ["grad", "", "x=3"],
        ["grad", "x", "x="],
        ["grad", "x", "=3"],
        ["grad", "x", "3"],
        ["grad", "x", "x=y"],
        ["grad", "x", "x='a'"],
        ["grad", "x\0", "x=1"],
        ["grad", "(" * 10_000 + "x" + ")" * 10_000, "x=1"],
        ["grad", "x" + "**x" * 3_000, "x=1"],
        ["grad", "\udcff", "x=1"],
        ["grad"],
        ["grad", "--nothing", "x", "x=1"],
        ["explain", "x", "x=1", "--format", "pdf"],
        ["explain", "x", "x=1", "--numbering", "roman"],
        ["unknown", "x", "x=1"],
        ["x0*x1", "x0=1"],
        ["--nothing"],
    ],
)
def test_anything_else_is_refused(argv, capsys):
    assert "error" in refused(*argv, capsys=capsys)


def test_help_and_version(capsys):
    assert "wengert explain" in run(capsys=capsys)[1]
    assert run(capsys=capsys)[0] == 0
    assert "name=value" in run("grad", "--help", capsys=capsys)[1]
    code, out, _ = run("--version", capsys=capsys)
    assert code == 0
    assert out.startswith("wengert ")


# ---- where it goes


def test_a_directory_that_is_not_there(tmp_path, capsys):
    assert "no directory" in refused("explain", *BOOK, "-o", f"{tmp_path}/a/b.svg", capsys=capsys)
    assert "is a directory" in refused("explain", *BOOK, "-o", str(tmp_path), capsys=capsys)
    assert "no directory" in refused("compare", *BOOK, "--plot", f"{tmp_path}/a/b.png", capsys=capsys)


def test_a_file_is_replaced_in_one_step(tmp_path, capsys, monkeypatch):
    path = tmp_path / "out.svg"
    path.write_text("old")
    (tmp_path / "link.svg").symlink_to(path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        code, _, err = run("draw", *BOOK, "-o", str(path), capsys=capsys)
    assert code == 1
    assert "out.svg cannot be written: No space left on device" in err
    assert path.read_text() == "old"
    assert run("draw", *BOOK, "-o", str(tmp_path / "link.svg"), capsys=capsys)[0] == 0
    assert "<svg" in path.read_text(encoding="utf-8")
    assert sorted(os.listdir(tmp_path)) == ["link.svg", "out.svg"]


def test_dev_null_is_written_not_replaced(capsys):
    assert run("draw", *BOOK, "-o", "/dev/null", capsys=capsys)[0] == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
def test_terminals_that_do_not_know_every_character(encoding, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    assert main(["grad", "θ**2", "θ=3"]) == 0
    expected = "∂f/∂θ  6.0" if encoding == "utf-8" else "df/dtheta  6.0"
    got = raw.getvalue().decode(encoding).splitlines()[1]
    assert got.replace(" ", "") == expected.replace(" ", "") or encoding == "cp437"
    assert main(["explain", *BOOK]) == 0
    assert main(["grad", "θ^2", "θ=3"]) == 2


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_colour_is_for_terminals_and_only_where_it_is_welcome(monkeypatch, tmp_path):
    def output(*argv):
        stream = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            assert main(["explain", *BOOK, *argv]) == 0
        return stream.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[" in output()
    output("-o", str(tmp_path / "out.txt"))
    assert "\x1b" not in (tmp_path / "out.txt").read_text(encoding="utf-8")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in output()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in output()


def test_warnings_take_one_line(capsys):
    code, _, err = run("grad", "1/x", "x=0", capsys=capsys)
    assert code == 0
    assert "Traceback" not in err
    assert ".py:" not in err


# ---- as a program


def command(*argv, **options):
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "PYTHONWARNINGS")}
    environment |= options.pop("env", {})
    return subprocess.run(
        [sys.executable, "-m", "wengert", *argv],
        capture_output=True,
        env=environment,
        timeout=60,
        check=False,
        **options,
    )


def test_as_a_module():
    done = command("grad", *BOOK, env={"PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 0
    assert done.stdout.decode() == "f       16.666666666666668\n∂f/∂x0  4.444444444444445\n∂f/∂x1  3.3333333333333335\n"
    assert done.stderr == b""
    assert command("grad", "x^2", "x=3").returncode == 2


def test_in_an_ascii_terminal():
    done = command("explain", *BOOK, env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert done.stderr == b""


def test_a_reader_that_leaves_is_no_error():
    script = (
        f'"{sys.executable}" -m wengert explain "{BOOK[0]}" x0=3 x1=5 --format svg | true; echo "${{PIPESTATUS[0]}}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=60, check=False)
    assert done.stderr == b""
    assert done.stdout.strip() in (b"0", b"141")


# ---- train


def test_train_without_a_name_lists_the_runs(capsys):
    code, out, err = run("train", capsys=capsys)
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        "four",
        "moons",
        "digits",
        "gpt",
        "burgers",
        "features",
    ]


def test_train_reports(capsys, tmp_path):
    code, out, err = run("train", "four", "--steps", "20", "--seed", "2", "--out", str(tmp_path), capsys=capsys)
    assert (code, err) == (0, "")
    assert "41 parameters" in out.splitlines()[0]
    assert "after 20 steps" in out
    assert (tmp_path / "four_history.png").exists()
    err = refused("train", "four", "--steps", "20", "--out", str(tmp_path), capsys=capsys)
    assert "--resume" in err
    assert "\n  at " not in err
    code, out, _ = run("train", "four", "--steps=20", "--seed=2", "--out", str(tmp_path), "--resume", capsys=capsys)
    assert code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "there is no run 'nothing'"),
        (["four", "--steps", "0"], "at least 1"),
        (["four", "--steps", "many"], "invalid int"),
        (["four", "--resume"], "--out FOLDER --resume"),
        (["four", "--temperature", "1"], "writes no text"),
        (["four", "moons"], "unrecognized arguments"),
    ],
)
def test_train_refuses(words, said, capsys):
    assert said in refused("train", *words, capsys=capsys)


def test_train_says_what_is_not_installed(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    code, out, err = run("train", "moons", capsys=capsys)
    assert (code, out) == (1, "")
    assert "pip install scikit-learn" in err
