"""Where in the user's code an operation was called."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from itertools import islice
from types import CodeType, FrameType
from typing import NamedTuple

import numpy as np

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_NUMPY = os.path.dirname(os.path.abspath(np.__file__)) + os.sep
_SCIPY = os.path.join(os.path.dirname(os.path.dirname(_NUMPY)), "scipy") + os.sep
_PYTHON = os.path.dirname(os.path.abspath(os.__file__)) + os.sep


class _Internal(dict[str, bool]):
    """Whether a file is one of Wengert, NumPy, SciPy or Python's own library, found out once.

    By name and not by code object: a string keeps its hash, code computes it every time.
    """

    def __missing__(self, name: str) -> bool:
        file = os.path.abspath(name)
        ours = file.startswith((_PACKAGE, _NUMPY, _SCIPY))
        self[name] = internal = ours or (file.startswith(_PYTHON) and "site-packages" not in file)
        return internal


_internal = _Internal()
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


_new = tuple.__new__


def user_location(above: int = 0) -> Location | None:
    """Where the user's program is; `above`: so many callers of the caller are known to be none of the user's.

    Skipping them is worth it: the time goes into the objects that Python makes of the frames that are looked at.
    """
    override = _override.get()
    if override is not None:
        return override
    frame: FrameType | None = sys._getframe(above + 1)
    while frame is not None:
        code = frame.f_code
        if not _internal[code.co_filename]:
            return _new(Location, (code, frame.f_lasti))  # half the time of Location(…)
        frame = frame.f_back
    return None


def user_frame(above: int = 0) -> FrameType | None:
    """The innermost frame that belongs to none of Wengert, NumPy and SciPy; `above` as in `user_location`."""
    frame: FrameType | None = sys._getframe(above + 1)
    while frame is not None and _internal[frame.f_code.co_filename]:
        frame = frame.f_back
    return frame


def scipy_call() -> tuple[str, str] | None:
    """Which function of scipy.special or scipy.linalg the user's program called to come here: (module, name)."""
    frame: FrameType | None = sys._getframe(1)
    found = None
    while frame is not None and _internal[frame.f_code.co_filename]:
        for module in ("special", "linalg"):
            if os.path.abspath(frame.f_code.co_filename).startswith(os.path.join(_SCIPY, module) + os.sep):
                found = module, frame.f_code.co_name
        frame = frame.f_back
    return found


def in_polynomial_class() -> bool:
    """Whether the user's program called one of NumPy's polynomial classes to come here, which make plain arrays."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _internal[frame.f_code.co_filename]:
        if os.path.abspath(frame.f_code.co_filename).startswith(os.path.join(_NUMPY, "polynomial") + os.sep):
            return True
        frame = frame.f_back
    return False


#: Code of Wengert's that counts as a call of the user's, such as that of a layer, and what a frame of it is called.
CALLS: dict[CodeType, Callable[[FrameType], str]] = {}


def _is_call(frame: FrameType) -> bool:
    return frame.f_code.co_name == "__call__" and frame.f_code in CALLS  # the hash of code takes long


class Calls:
    """Which calls of the user's functions led to an operation, while one function is traced.

    A path such as ("mlp 2", "neuron 7") says: in the seventh call of neuron, in the second call of mlp. Frames are
    held until `close`, so that two calls are never taken for one.
    """

    __slots__ = ("_counts", "_paths", "_root")

    def __init__(self) -> None:
        self._paths: dict[FrameType, tuple[str, ...]] = {}
        self._counts: dict[str, int] = {}
        self._root: FrameType | None = None

    def open(self) -> None:
        """The function that is traced is called by the caller of this."""
        self._root = sys._getframe(1)

    def path(self) -> tuple[str, ...]:
        """The path of the operation that is being recorded; empty in the traced function itself."""
        frame: FrameType | None = None if _override.get() else sys._getframe(1)
        unknown = []
        while frame is not None and frame is not self._root:
            if not _internal[frame.f_code.co_filename] or _is_call(frame):
                if frame in self._paths:
                    break
                unknown.append(frame)
            frame = frame.f_back
        path = self._paths.get(frame, ()) if frame is not None else ()
        if not self._paths and unknown and not _is_call(unknown[-1]):
            self._paths[unknown.pop()] = path  # the traced function
        for called in reversed(unknown):
            is_call, above = _is_call(called), called.f_back
            name = CALLS[called.f_code](called) if is_call else called.f_code.co_name
            is_body = not is_call and above is not None and _is_call(above)  # the `forward` of a layer
            if not name.startswith("<") and not is_body:  # a comprehension is no function of its own
                self._counts[name] = self._counts.get(name, 0) + 1
                path = (*path, f"{name} {self._counts[name]}")
            self._paths[called] = path
        return path

    def close(self) -> None:
        """Let the frames go."""
        self._paths.clear()


class at:
    """What is recorded inside belongs to `location`: a reverse pass keeps the lines of the forward pass."""

    __slots__ = ("location", "token")

    def __init__(self, location: Location | None) -> None:
        self.location = location

    def __enter__(self) -> None:
        self.token = _override.set(self.location)

    def __exit__(self, *error: object) -> None:
        _override.reset(self.token)
