"""What a command works on: an expression, or a function in a file, together with the values of its arguments."""

from __future__ import annotations

import importlib.util
import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from wengert.cli.expression import Expression, parse_assignment
from wengert.core.location import Location, at

Value = float | np.ndarray

_FILE = re.compile(r"(?P<file>.+\.py)(?::(?P<function>.*))?", re.DOTALL)


class UsageError(ValueError):
    """The command asks for something that is not there, or leaves out something that is needed."""


class FileError(Exception):
    """The user's file cannot be imported."""


class Target(NamedTuple):
    """A function, the arguments that are differentiated, their values, and where the function is written."""

    function: Callable[..., Any]
    names: tuple[str, ...]
    values: tuple[Value, ...]
    location: Location | None


def find_target(text: str, assignments: Iterable[str]) -> Target:
    """The function that `text` names or writes out, at the values that `assignments` such as `x=3` give.

    The directory of a file stays on `sys.path`, as if Python ran the file; the caller restores the path.
    """
    values: dict[str, Value] = {}
    for assignment in assignments:
        name, value = parse_assignment(assignment)
        if name in values:
            raise UsageError(f"{name} has two values: give it one")
        values[name] = value

    file = _FILE.fullmatch(text)
    target = _of_expression(text, values) if file is None else _of_file(file["file"], file["function"], values)
    if not target.names:
        raise UsageError(f"{text.strip()} is a constant: it has no variable to differentiate by")
    return target


def file_line(error: BaseException, directory: str | Path) -> str:
    """The innermost line of the user's files that an error came through, or an empty string."""
    own = str(Path(directory).resolve())
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(own) and "site-packages" not in frame.filename:
            return f"{frame.filename}:{frame.lineno}, in {frame.name}: {frame.line}"
    return ""


def _of_expression(text: str, values: dict[str, Value]) -> Target:
    expression = Expression(text, variables=values)
    _check_names(values, needed=expression.names, known=expression.names, where="the expression")
    return Target(expression, expression.names, tuple(values[n] for n in expression.names), _location_of(expression))


def _location_of(expression: Expression) -> Location:
    """A line that errors and explanations can show, as the doctest module makes one for its examples."""
    code = (lambda: None).__code__.replace(co_filename="<expression>", co_name="f", co_firstlineno=1)
    line = " ".join(expression.text.split())
    linecache.cache[code.co_filename] = (len(line), None, [line], code.co_filename)
    return Location(code, 0)


def _of_file(file: str, name: str | None, values: dict[str, Value]) -> Target:
    function = _function(_import(Path(file)), file, name)
    try:
        signature = inspect.signature(function)
    except ValueError:
        raise UsageError(f"{name} does not tell its arguments: call it from a function of your own") from None
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    parameters = {
        parameter.name: parameter
        for parameter in signature.parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    needed = [p.name for p in parameters.values() if p.default is p.empty]
    known = [*parameters, *values] if inspect.Parameter.VAR_KEYWORD in kinds else [*parameters]
    _check_names(values, needed, known, where=f"{name}{signature}")

    integers = {
        n: _integer(n, values[n]) for n, p in parameters.items() if n in values and p.annotation in (int, "int")
    }
    names = tuple(dict.fromkeys(n for n in known if n in values and n not in integers))
    leading = {p.name: p.default for p in parameters.values() if p.kind is p.POSITIONAL_ONLY}

    def call(*args: Any) -> Any:
        arguments = leading | integers | dict(zip(names, args, strict=True))
        first = [arguments.pop(n) for n in leading]
        with at(None):  # from here on, the lines of the file count
            return function(*first, **arguments)

    call.__name__ = call.__qualname__ = str(name)
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    call.__signature__ = inspect.Signature([inspect.Parameter(n, positional) for n in names])  # type: ignore[attr-defined]
    code = getattr(inspect.unwrap(function), "__code__", None)
    return Target(call, names, tuple(values[n] for n in names), Location(code, 0) if code else None)


def _check_names(values: Iterable[str], needed: Iterable[str], known: Iterable[str], where: str) -> None:
    missing = [name for name in needed if name not in set(values)]
    superfluous = [name for name in values if name not in set(known)]
    faults = []
    if missing:
        faults.append(f"{where} needs a value for {', '.join(missing)}: add {' '.join(f'{n}=…' for n in missing)}")
    if superfluous:
        names = ", ".join(known) or "none"
        faults.append(f"{', '.join(superfluous)}: not an argument of {where} (its arguments: {names})")
    if faults:
        raise UsageError("\n".join(faults))


def _integer(name: str, value: Value) -> int:
    if isinstance(value, np.ndarray) or not value.is_integer():
        raise UsageError(f"{name} is an int in the function: give it a whole number, not {value}")
    return int(value)


def _import(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    path = path.resolve()
    free = path.stem.isidentifier() and path.stem not in sys.modules
    name = path.stem if free else f"_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "every .py file has a loader"
    assert spec.loader is not None, "every .py file has a loader"
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look for their module there
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        place = "" if isinstance(error, SyntaxError) else f"\n  at {file_line(error, path.parent)}"
        what = "".join(traceback.format_exception_only(error)).strip()
        raise FileError(f"{path.name} cannot be imported: {what}{place}") from error
    return module


def _function(module: ModuleType, file: str, name: str | None) -> Callable[..., Any]:
    function = getattr(module, name, None) if name else None
    if callable(function):
        return function
    defined = [
        f"{file}:{key}"
        for key, value in vars(module).items()
        if inspect.isroutine(value) and value.__module__ == module.__name__ and not key.startswith("_")
    ]
    what = f"{file} has no function {name}" if name else f"{file} is a file: name a function in it"
    raise UsageError(f"{what}; it has {', '.join(defined) or 'no functions'}")
