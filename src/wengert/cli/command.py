"""The command line: explain, grad, compare and draw, for an expression or for a function in a file; train."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from wengert.cli.expression import ExpressionError
from wengert.cli.output import (
    OutputError,
    check_output,
    encodable,
    format_number,
    save,
    suffix,
    terminal,
    to_json,
    write,
)
from wengert.cli.target import FileError, Target, UsageError, file_line, find_target
from wengert.core.errors import ArgumentError, WengertError
from wengert.core.location import at

FORMATS = {".txt": "text", ".md": "markdown", ".tex": "latex", ".html": "html", ".svg": "svg", ".dot": "dot"}

_EXAMPLES = """\
examples:
  wengert explain "x0*x1 + x1/x0" x0=3 x1=5
  wengert explain shot.py:distance theta=0.8 -o distance.html
  wengert grad "sum(x**2) / y" x=[1,2,3] y=pi/4 --json
  wengert compare "exp(-x**2) * x" x=0.5 --plot errors.png
  wengert draw "log(x1) + x1*x2 - sin(x2)" x1=2 x2=5 -o graph.svg
  wengert train moons --out pictures

An expression has numbers, names, + - * / ** % // @, parentheses, where(x > 0, a, b) and functions such as sin,
exp, log, sqrt, sum, norm, relu; it is never run as Python. In a function of a file, arguments with a default may
be left out (they are constants then), and arguments annotated as int are not differentiated.

exit code: 0 done, 1 the function failed, 2 the command is not understood"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; **Returns** the exit code: 0 done, 1 the function failed, 2 the command is not understood."""
    try:
        code = _main(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has left: be as silent as other tools
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    return code


def _main(argv: Sequence[str]) -> int:
    try:
        options = _parse(argv)
    except SystemExit as stop:  # how argparse ends, after it has printed what there is to say
        return int(stop.code or 0)
    try:
        with _warnings_in_one_line(), _path_restored():
            check_output(options.output)
            options.color, options.width = terminal(sys.stdout, options.output)
            write(options.produce(options), options.output)
    except BrokenPipeError:
        raise
    except (Exception, SystemExit) as error:  # sys.exit() in the user's function must not look like success
        if options.traceback:
            traceback.print_exc()
        _say(f"error: {_message(error, options.target)}")
        return 2 if isinstance(error, (UsageError, ExpressionError)) else 1
    return 0


def _of_target(options: argparse.Namespace) -> str:
    """What a command says of an expression or of a function in a file."""
    # Whatever the user's function prints goes to stderr, so that stdout holds the result alone.
    with contextlib.redirect_stdout(sys.stderr):
        target = find_target(options.target, options.values)
        with at(target.location):
            text: str = options.command(target, options)
    return text


def train(options: argparse.Namespace) -> str:
    """The report of a run, or the list of the runs."""
    from wengert.runs import RUNS
    from wengert.runs import train as do

    if options.name is None:
        width = max(map(len, RUNS)) + 2
        rows = [f"  {run.name:{width}}{run.summary} ({run.duration})" for run in RUNS.values()]
        return "\n".join(["wengert train NAME, where NAME is one of", *rows])
    if options.name not in RUNS:
        raise UsageError(f"there is no run {options.name!r}: it is one of {', '.join(RUNS)}")
    given = ("steps", "seed", "out", "resume", "quiet", "temperature")
    try:
        return str(do(options.name, **{name: getattr(options, name) for name in given}))
    except ArgumentError as error:
        raise UsageError(_without_place(error)) from error


def explain(target: Target, options: argparse.Namespace) -> str:
    """The trace, the derivation and the count of steps, in one of the formats."""
    import wengert as wg

    explanation = wg.explain(target.function, numbering=options.numbering)(*target.values)
    form = options.format or FORMATS.get(suffix(options.output), "text")
    if form == "text":
        return explanation.to_text(color=options.color, width=options.width)
    return getattr(explanation, f"to_{form}")()


def grad(target: Target, options: argparse.Namespace) -> str:
    """The value, and the partial derivative by every argument."""
    import wengert as wg

    argnums = tuple(range(len(target.names)))
    value, gradient = wg.value_and_grad(target.function, argnums)(*target.values)
    if options.json:
        partials = {name: to_json(partial) for name, partial in zip(target.names, gradient, strict=True)}
        return json.dumps({"value": to_json(value), "gradient": partials})
    f = target.function.__name__
    rows = [(f, value), *((f"∂{f}/∂{name}", partial) for name, partial in zip(target.names, gradient, strict=True))]
    width = max(len(label) for label, _ in rows) + 2
    return "\n".join(f"{label:{width}}{format_number(value, indent=width)}" for label, value in rows)


def compare(target: Target, options: argparse.Namespace) -> str:
    """The four ways to a derivative, side by side."""
    import wengert as wg

    if options.plot:
        check_output(options.plot)
    comparison = wg.compare(target.function)(*target.values)
    if options.plot:
        save(options.plot, lambda path: comparison.plot(path))
    return comparison.to_text(color=options.color, width=options.width)


def draw(target: Target, options: argparse.Namespace) -> str:
    """The graph with its values and adjoints."""
    import wengert as wg

    form = options.format or (FORMATS.get(suffix(options.output)) if suffix(options.output) else "svg")
    if form not in ("svg", "dot"):
        raise UsageError(f"{options.output}: a drawing is SVG or DOT: write -o graph.svg or -o graph.dot")
    explanation = wg.explain(target.function)(*target.values)
    return explanation.to_svg() if form == "svg" else explanation.to_dot()


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "wengert",
        description="Exact derivatives, with every step shown.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(metavar="command", title="commands")

    def command(function: Callable[[Target, argparse.Namespace], str], summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(function.__name__, help=summary, description=summary, allow_abbrev=False)
        sub.add_argument("target", metavar="TARGET", help="an expression in quotes, or FILE.py:FUNCTION")
        sub.add_argument("values", metavar="name=value", nargs="*", help="x=3, theta=-1e-3, x=pi/4, x=[1,2,3]")
        sub.add_argument("-o", dest="output", metavar="FILE", help="write to this file (- is standard output)")
        sub.add_argument("--traceback", action="store_true", help="show the traceback of an error")
        sub.set_defaults(command=function, produce=_of_target)
        return sub

    sub = command(explain, "Show the evaluation trace, the derivation and the graph.")
    sub.add_argument(
        "--format", choices=["text", "markdown", "latex", "html", "svg"], help="else the suffix of FILE says"
    )
    sub.add_argument("--numbering", choices=["book", "baydin"], default="book", help="how the steps are numbered")
    sub = command(grad, "Print the value and the gradient by every argument.")
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub = command(compare, "Compare finite differences, symbolic, forward and reverse mode.")
    sub.add_argument("--plot", metavar="FILE.png", help="plot the error against the step")
    sub = command(draw, "Draw the graph with its values and derivatives.")
    sub.add_argument("--format", choices=["svg", "dot"], help="else the suffix of FILE says")

    summary = "Train one of the networks that come with the library; without a name, list them."
    sub = commands.add_parser("train", help=summary, description=summary, allow_abbrev=False)
    sub.add_argument("name", metavar="NAME", nargs="?", help="which one")
    sub.add_argument("--steps", type=int, metavar="N", help="how many steps of training")
    sub.add_argument("--seed", type=int, metavar="N", help="of the first weights and the order of the examples")
    sub.add_argument("--out", metavar="FOLDER", help="write pictures and the checkpoint into this folder")
    sub.add_argument("--resume", action="store_true", help="go on from the checkpoint in the folder")
    sub.add_argument("--quiet", action="store_true", help="no bar")
    sub.add_argument(
        "--temperature", type=float, metavar="T", help="how boldly gpt writes: 0 likeliest, 1 as it believes"
    )
    sub.add_argument("--traceback", action="store_true", help="show the traceback of an error")
    sub.set_defaults(produce=train, output=None, target="")

    words = [f" {word}" if _is_negative(word) else word for word in argv]
    if words and words[0] in commands.choices:  # values may stand before and after options
        return commands.choices[words[0]].parse_intermixed_args(words[1:])
    if parser.parse_args(words).version:
        from wengert import __version__

        print(f"wengert {__version__}")
    else:
        parser.print_help()
    raise SystemExit(0)


def _is_negative(word: str) -> bool:
    """Whether a word that begins with a minus is an expression, not an option."""
    option = word in ("-", "-h", "-o") or word.startswith("--") or re.fullmatch(r"-o[\w./\\:-]+\.[a-z]+", word)
    return word.startswith("-") and not option


def _message(error: BaseException, target: str) -> str:
    """What happened, without a traceback: the error's own words, and the user's line if they do not have it."""
    notes = getattr(error, "__notes__", [])
    if isinstance(error, WengertError) and not target:
        return "\n".join([_without_place(error), *notes])
    if isinstance(error, (UsageError, ExpressionError, FileError, OutputError, WengertError)):
        return "\n".join([str(error), *notes])
    file, separator, _ = target.rpartition(":")
    line = file_line(error, Path(file).parent) if separator else ""
    places = [*([f"  at {line}"] if line else []), *notes] or ["  (--traceback shows where)"]
    return "\n".join([f"{type(error).__name__}: {error}".rstrip(": "), *places])


def _without_place(error: WengertError) -> str:
    """Its words without the line of the user's program, where that is this program."""
    place = error.location
    own = f"  at {place.file}:{place.line}" if place is not None else None
    return "\n".join(line for line in str(error).splitlines() if own is None or not line.startswith(own))


def _say(message: str) -> None:
    print(encodable(f"wengert: {message}", sys.stderr), file=sys.stderr)


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        _say(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("default", RuntimeWarning)
        warnings.showwarning = show
        yield


@contextlib.contextmanager
def _path_restored() -> Iterator[None]:
    path = sys.path[:]
    try:
        yield
    finally:
        sys.path[:] = path
