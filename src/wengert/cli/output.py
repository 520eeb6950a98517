"""How results leave the command line: to a terminal, through a pipe, into a file."""

from __future__ import annotations

import math
import os
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from wengert.cli.target import UsageError


class OutputError(Exception):
    """The result cannot be written."""


def terminal(stream: TextIO, output: str | None) -> tuple[bool, int | None]:
    """Whether to write in colour, and how wide: a file and a pipe get neither colour nor a limit."""
    if output not in (None, "-") or not stream.isatty():
        return False, None
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain, shutil.get_terminal_size().columns


def suffix(output: str | None) -> str:
    """The suffix of a file's name in lower case, or an empty string."""
    return Path(output).suffix.lower() if output else ""


def check_output(output: str | None) -> None:
    """Find out before the work is done whether its result can be written."""
    if output in (None, "-"):
        return
    path = Path(str(output))
    if path.is_dir():
        raise UsageError(f"{path} is a directory: name a file in it")
    if not path.resolve().parent.is_dir():
        raise UsageError(f"there is no directory {path.parent} to write {path.name} into: make it first")


def write(text: str, output: str | None) -> None:
    """Write text to a file, in UTF-8, or to standard output in what characters it has."""
    text = text if text.endswith("\n") else f"{text}\n"
    if output in (None, "-"):
        sys.stdout.write(encodable(text, sys.stdout))
    else:
        save(str(output), lambda path: Path(path).write_text(text, encoding="utf-8", newline="\n"))


def save(output: str, write_to: Callable[[str], object]) -> None:
    """Write a file in one step: it has the old content or the new one, whatever happens in between."""
    path = Path(output).resolve()
    try:
        if Path(output).exists() and not Path(output).is_file():  # /dev/stdout, a named pipe
            write_to(output)
            return
        with tempfile.TemporaryDirectory(prefix=".wengert-", dir=path.parent) as directory:
            temporary = os.path.join(directory, path.name)
            write_to(temporary)
            os.replace(temporary, path)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror or error}") from error


_PLAIN = str.maketrans(
    {"∂": "d", "·": "*", "×": "x", "−": "-", "…": "...", "→": "->", "←": "<-", "│": "|", "─": "-", "µ": "u"}
)


def encodable(text: str, stream: TextIO) -> str:
    """The text in the characters that the stream has: d for ∂, theta for θ, ? for what has no likeness."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if _encodes(text, encoding):
        return text
    return "".join(c if _encodes(c, encoding) else _likeness(c) for c in text.translate(_PLAIN))


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _likeness(character: str) -> str:
    name = unicodedata.name(character, "")
    if name.startswith("GREEK"):
        return name.split()[-1].lower()
    ascii_part = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return ascii_part or ("+" if name.startswith("BOX DRAWINGS") else "?")


def format_number(value: Any, indent: int) -> str:
    """Every digit that distinguishes the number; a matrix has one row to a line."""
    array = np.asarray(value)
    if array.ndim < 2:
        return str(array.tolist())
    rows = ",\n".join(" " * (indent + 1) + str(row.tolist()) for row in array)
    return f"[{rows.lstrip()}]"


def to_json(value: Any) -> Any:
    """The number, or the nested lists, as JSON knows them; infinities and NaN, which it does not know, as strings."""
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if not isinstance(value, float):
        return to_json(np.asarray(value).astype(float).tolist())
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
