"""Where in the user's code an operation was called."""

from __future__ import annotations

import linecache
import os
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from types import CodeType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_NUMPY = os.path.dirname(os.path.abspath(np.__file__)) + os.sep
_internal: dict[CodeType, bool] = {}
_override: ContextVar[Location | None] = ContextVar("wengert_location", default=None)


class Location(NamedTuple):
    """One instruction of the user's program; file and line are looked up only when somebody asks."""

    code: CodeType
    instruction: int

    @property
    def file(self) -> str:
        return self.code.co_filename

    @property
    def function(self) -> str:
        return self.code.co_name

    @property
    def positions(self) -> tuple[int | None, int | None, int | None, int | None]:
        """(first line, last line, first column, last column) of the expression."""
        return next(islice(self.code.co_positions(), self.instruction // 2, None), (None, None, None, None))

    @property
    def line(self) -> int:
        return self.positions[0] or self.code.co_firstlineno

    @property
    def text(self) -> str:
        """The source line, stripped; empty where the source is not at hand."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}"


def _is_internal(code: CodeType) -> bool:
    known = _internal.get(code)
    if known is None:
        file = os.path.abspath(code.co_filename)
        known = _internal[code] = file.startswith((_PACKAGE, _NUMPY))
    return known


def user_location() -> Location | None:
    """The innermost frame that belongs neither to Wengert nor to NumPy."""
    override = _override.get()
    if override is not None:
        return override
    frame = sys._getframe(1)
    while frame is not None and _is_internal(frame.f_code):
        frame = frame.f_back  # type: ignore[assignment]
    return None if frame is None else Location(frame.f_code, frame.f_lasti)


@contextmanager
def at(location: Location | None) -> Iterator[None]:
    """What is recorded inside belongs to `location`: a reverse pass keeps the lines of the forward pass."""
    token = _override.set(location)
    try:
        yield
    finally:
        _override.reset(token)
