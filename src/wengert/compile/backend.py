"""What `jit` asks of whatever runs a graph, and which of those there are."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from wengert.core.errors import ArgumentError
from wengert.graph.graph import Graph


class Refused(Exception):
    """An executable cannot give the result that NumPy would give; the function itself is then called.

    An index out of range, a singular matrix, a Python number that left its type (1.0 / 0.0): the user sees the error
    that the function raises, at its own line, or the result that it has by catching it.
    """


class Outcome(NamedTuple):
    """What came of a run: the first guard that came out otherwise than recorded, how, and the outputs.

    `guard` is an index into `graph.guards`, −1 where all came out as recorded; else there are no outputs. Since making
    a named tuple takes 0.2 µs, a plain tuple of the three will do.
    """

    guard: int
    outcome: Any
    outputs: Sequence[Any]


class Callback(NamedTuple):
    """A step that is done by NumPy between native pieces, and why."""

    primitive: str
    location: str
    reason: str


@dataclass(frozen=True)
class Options:
    """What the user asked for, and what the recording knows that the graph does not say.

    `kinds` of the outputs: a Python "number", a NumPy "scalar" or an "array" (which tells a 0-d array from a scalar);
    `donate`: the inputs whose memory may be used for results; `threads`: at most so many, None for the machine's own.
    """

    kinds: tuple[str, ...] = ()
    donate: tuple[int, ...] = ()
    fast_math: bool = False
    threads: int | None = None


class Executable(Protocol):
    """A graph made ready to run, any number of times and from several threads at once."""

    callbacks: Sequence[Callback]
    loops: str | None
    llvm: str | None
    assembly: str | None

    def run(self, leaves: Sequence[Any]) -> Outcome | tuple[int, Any, Sequence[Any]]:
        """Run the graph on values for its inputs, in their order, each with the shape and dtype of the recording.

        A leaf is a Python number where the input is weak, else a NumPy scalar or an array in the machine's byte order,
        of any strides, perhaps not aligned, perhaps read-only, perhaps sharing memory with another. It is not changed
        unless donated. The guards are checked in their order (which is that of time), and nothing that comes after a
        guard may fail before it was checked. No output shares memory with another, with a leaf or with anything that
        the executable keeps. Raises `Refused`, and nothing else that Python code could catch.
        """


Compiler = Callable[[Graph, Options], Executable]


@functools.cache
def _native() -> Compiler | None:
    try:
        module = import_module("wengert.compile.native")
        module.machine.check()
    except (ImportError, OSError, RuntimeError) as error:  # no llvmlite; no memory for code; no such processor
        if isinstance(error, ImportError) and (error.name or "").startswith("wengert"):
            raise
        warnings.warn(
            f"compiled code runs in NumPy, since LLVM cannot be used here ({error})", NumpyBackendWarning, stacklevel=2
        )
        return None
    compiler: Compiler = module.compile_graph
    return compiler


class NumpyBackendWarning(RuntimeWarning):
    """`wg.jit` works, but without native code: llvmlite is missing, or the compiler failed."""


def _numpy() -> Compiler:
    compiler: Compiler = import_module("wengert.compile.interpreter").compile_graph
    return compiler


def available() -> tuple[str, ...]:
    """The names of the backends that can run here, the preferred one first."""
    return ("native", "numpy") if _native() is not None else ("numpy",)


def compiler_named(name: str | None) -> Compiler:
    """The function that makes a graph executable; by default the native one where there is one."""
    if name not in (None, "native", "numpy"):
        raise ArgumentError(f"backend is 'native', 'numpy' or None, not {name!r}")
    native = None if name == "numpy" else _native()
    if native is None and name == "native":
        raise ArgumentError("there is no native backend here", wrong='backend="native"', right='backend="numpy"')
    if native is None:
        return _numpy()
    return native if name == "native" else functools.partial(_careful, native)


def _careful(native: Compiler, graph: Graph, options: Options) -> Executable:
    """Native code; where the compiler fails, which is a fault of Wengert's, NumPy, and a word about it."""
    try:
        return native(graph, options)
    except Exception as error:
        warnings.warn(
            f"{graph.name} runs in NumPy, since compiling it failed ({type(error).__name__}: {error}). This is a fault "
            'of Wengert, which wg.jit(f, backend="native") shows in full',
            NumpyBackendWarning,
            stacklevel=2,
        )
        return _numpy()(graph, options)
