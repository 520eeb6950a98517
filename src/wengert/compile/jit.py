"""`wg.jit`: a function that records itself when it meets arguments of a new form, and runs what was recorded."""

from __future__ import annotations

import functools
import operator
import os
import sys
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, overload

import numpy as np

from wengert.compile.arguments import Call, Parameters, form_of, has_plain_keys, is_dead, without_static
from wengert.compile.backend import Options, Refused, compiler_named
from wengert.compile.bound import Bound, behind, call, is_tree
from wengert.compile.report import Lowered, Report
from wengert.compile.specialization import (
    LIMIT,
    Missing,
    Specialization,
    SpecializationWarning,
    Tree,
    applies,
    too_many,
    user_level,
)
from wengert.compile.threads import threads_for
from wengert.core.errors import check_callable
from wengert.graph import simplify as _simplify  # noqa: F401  Graph.simplify
from wengert.graph.call import Recording, record_call

#: Forms of arguments for which a function keeps its specializations; beyond them the oldest form is forgotten.
FORMS = 4096
#: So many entries are tried, one after the other, before the form of the arguments is looked up.
ENTRIES = 4

_ndarray = np.ndarray


class CacheInfo(NamedTuple):
    """What a compiled function keeps: forms of arguments, specializations; and how often it was recorded."""

    forms: int
    specializations: int
    traces: int


class Jit:
    """A compiled function; see `jit`, which makes it."""

    # Slots, so that functools.wraps, which copies the dict of what it wraps, finds none of it there.
    __slots__ = (
        "__dict__", "__weakref__", "_chosen", "_entries", "_f", "_fast", "_lock", "_name", "_simple", "_trees",
        "_warned", "parameters", "settings", "trace_count",
    )  # fmt: skip

    def __init__(self, f: Callable[..., Any], parameters: Parameters, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.parameters = parameters
        self.trace_count = 0
        self._f = f
        self._trees: dict[Any, Tree] = {}  # by the key of the arguments
        self._fast: dict[Any, Tree] = {}  # by shapes and dtypes, for calls with nothing but arrays and numbers
        self._simple: dict[Any, tuple[Tree, list[int]]] = {}  # by `form_of`, with the order of the leaves
        self._entries: tuple[Any, ...] = ()  # the latest ones, of any form, which answer NotImplemented to others
        self._chosen: dict[Any, Any] = {}  # the latest entry for static arguments that are numbers or strings
        self._lock = threading.RLock()  # around recording; a function may call itself while it is recorded
        self._warned = False
        self._name = str(getattr(f, "__qualname__", type(f).__qualname__))
        functools.update_wrapper(self, f)
        _living.add(self)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            for entry, finish in self._entries:
                result = entry(*args)
                if result is not NotImplemented:
                    return result if finish is None else finish(result)
            if self._chosen:
                key, others = without_static(args, self.parameters.static)
                entry, finish = self._chosen.get(key, _NO_ENTRY)
                result = entry(*others)
                if result is not NotImplemented:
                    return result if finish is None else finish(result)
            tree = self._fast.get(tuple([(a.shape, a.dtype) if type(a) is _ndarray else type(a) for a in args]))
            if tree is not None:
                last = tree.last
                if last is not None and last.is_plain:
                    try:
                        index, outcome, outputs = last.run(args)  # type: ignore[misc]
                        if index < 0:
                            return self._finished(last, args, outputs, direct=True)
                        found, outputs = tree.follow(last, index, outcome, args)
                        if type(found) is Specialization and found.is_plain:
                            return self._finished(found, args, outputs, direct=True)
                    except Refused:
                        return self._f(*args)
        leaves: list[Any] = []
        known = self._simple.get(form_of((args, kwargs), leaves))
        if known is not None:
            tree, order = known
            last = tree.last
            if last is not None and last.is_plain:
                leaves = [leaves[i] for i in order]
                if last.entry:
                    entry, finish = last.entry
                    result = entry(*leaves)
                    if result is not NotImplemented:
                        return result if finish is None else finish(result)
                try:
                    found, outputs = tree.find(leaves)
                    if type(found) is Specialization and found.is_plain:
                        return self._finished(found, leaves, outputs)
                except Refused:
                    return self._f(*args, **kwargs)
        return self._call(args, kwargs)

    def _call(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        call = self.parameters.take_apart(args, kwargs)
        if call.is_traced:
            return self._f(*args, **kwargs)  # its operations are those of the transformation outside
        tree = self._trees.get(call.key) or self._new_tree(call.key)
        try:
            found, outputs = tree.find(call.leaves)
            if isinstance(found, Missing) or (found is not None and found.run is None and found.is_due()):
                found, outputs = self._extended(tree, call)
        except Refused:
            found = None
        if found is None or found.run is None or not applies(found, call):
            return self._f(*args, **kwargs)
        self._remember(args, kwargs, call, tree)
        for i, value in zip(found.changed, outputs[found.results :], strict=True):
            np.copyto(call.given[i], value)
        result = found.finish(outputs)
        if call.static and not kwargs and found.is_plain:
            key, others = without_static(args, self.parameters.static)
            direct = len(others) == len(call.leaves) and all(map(operator.is_, others, call.leaves))
            if key is not None and direct and self._has_entry(found, call.leaves, outputs, result):
                self._chosen[key] = found.entry
        return result

    @staticmethod
    def _has_entry(found: Specialization, leaves: Sequence[Any], outputs: Sequence[Any], result: Any) -> bool:
        if found.entry is None:
            enter = getattr(found.executable, "entry", None)
            found.entry = (enter is not None and enter(leaves, outputs, result, found.finish)) or False
        return bool(found.entry)

    def _finished(
        self, found: Specialization, leaves: Sequence[Any], outputs: Sequence[Any], *, direct: bool = False
    ) -> Any:
        """The result; and calls like this one take the fastest way from now on, if there is one for them.

        `direct`: the leaves are the arguments themselves.
        """
        result = found.finish(outputs)
        if self._has_entry(found, leaves, outputs, result) and direct:
            self._entries = (found.entry, *[e for e in self._entries if e is not found.entry][: ENTRIES - 1])
        return result

    # Recording ------------------------------------------------------------------------------------------------------

    def _new_tree(self, key: Any) -> Tree:
        with self._lock:
            for trees in (self._trees, self._fast, self._simple, self._chosen):
                for old in [old for old in trees if is_dead(old)]:
                    del trees[old]
                while len(trees) >= FORMS:
                    del trees[next(iter(trees))]
            return self._trees.setdefault(key, Tree())

    def _extended(self, tree: Tree, call: Call) -> tuple[Specialization | None, Sequence[Any]]:
        """The specialization for these arguments, recorded if no other thread has done it meanwhile; None: run f."""
        with self._lock:
            found, outputs = tree.find(call.leaves)
            if found is None or (isinstance(found, Specialization) and found.run is not None):
                return found, outputs
            if isinstance(found, Missing) and tree.count >= LIMIT:
                self._warn(found)
                return None, ()
            recording = self._record(call)
            if recording.foreign:
                return None, ()
            new = self._specialized(recording, call)
            if isinstance(found, Missing):
                tree.add(found, new)
            else:
                tree.replace(found, new)
        if new.run is None:
            return new, ()
        index, _, outputs = new.run(call.leaves)
        if index >= 0:  # the function does not do the same each time, or its branch hangs on the last digit
            return None, ()
        tree.last = new
        return new, outputs

    def _record(self, call: Call) -> Recording:
        self.trace_count += 1
        return record_call(self._f, call.leaves, self.parameters.labels(call), call.arguments)

    def _options(self, recording: Recording, call: Call) -> Options:
        donated = self.parameters.donated_leaves(call)
        return Options(recording.kinds, donated, self.settings["fast_math"], threads_for(self.settings["threads"]))

    def _specialized(self, recording: Recording, call: Call) -> Specialization:
        graph = recording.graph.simplify()
        executable = None
        if not recording.obstacle:
            executable = compiler_named(self.settings["backend"])(graph, self._options(recording, call))
        return Specialization(
            executable, graph.guards, graph.rebuild,
            results=len(recording.kinds) - len(recording.changed), changed=recording.changed,
            written=any(node.operation == "put" for node in recording.graph.nodes), obstacle=recording.obstacle,
        )  # fmt: skip

    def _remember(self, args: Sequence[Any], kwargs: dict[str, Any], call: Call, tree: Tree) -> None:
        """Let calls of this form take a fast way, if they can: those with nothing but lists, dicts, arrays, numbers."""
        if call.static or not all(a is b for a, b in zip(call.given, call.leaves, strict=True)):
            return
        if not kwargs and len(call.leaves) == len(args) and all(map(operator.is_, args, call.leaves)):
            self._fast[tuple([(a.shape, a.dtype) if type(a) is _ndarray else type(a) for a in args])] = tree
        form = form_of((args, kwargs), [])
        if form is not None and has_plain_keys((args, kwargs)):
            order: list[int] = []  # dicts come in the order of their keys, which is not the one in which they are read
            positions, names = call.arguments(range(len(call.leaves)))
            form_of((tuple(positions), names), order)
            self._simple[form] = tree, [order.index(i) for i in range(len(order))]

    def _warn(self, place: Missing) -> None:
        if not self._warned:
            self._warned = True
            location = None if place.parent is None else place.parent.locations[place.guard]
            warnings.warn(
                too_many(getattr(self._f, "__name__", "the function"), location), SpecializationWarning,
                stacklevel=user_level(),
            )  # fmt: skip

    # Methods, processes, threads ----------------------------------------------------------------------------------

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        target: Any = sys.modules.get(self.__module__)
        for name in self._name.split("."):
            target = getattr(target, name, None)
        if target is self:
            return self._name
        return _rebuilt, (self._f, self.settings)

    def __repr__(self) -> str:
        return f"<compiled {self._f!r}>"

    # Looking inside -------------------------------------------------------------------------------------------------

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """What becomes of the function for these arguments: `.graph`, `.loops`, `.llvm`, `.assembly`."""
        call = self.parameters.take_apart(args, kwargs)
        recording = self._record(call)
        graph = recording.graph.simplify()
        return Lowered(graph, compiler_named(self.settings["backend"])(graph, self._options(recording, call)))

    def report(self, *args: Any, **kwargs: Any) -> Report:
        """What runs natively for these arguments, what is called back in NumPy, and why."""
        call = self.parameters.take_apart(args, kwargs)
        recording = self._record(call)
        graph = recording.graph.simplify()
        executable = compiler_named(self.settings["backend"])(graph, self._options(recording, call))
        return Report(graph, executable, recording.obstacle, self.cache_info().specializations)

    def cache_info(self) -> CacheInfo:
        """How many forms of arguments and specializations are kept, and how often the function was recorded."""
        trees = list(self._trees.values())
        return CacheInfo(len(trees), sum(len(tree.all()) for tree in trees), self.trace_count)

    def clear_cache(self) -> None:
        """Forget everything that was recorded."""
        with self._lock:
            self._trees.clear()
            self._fast.clear()
            self._entries = ()
            self._chosen.clear()
            self._simple.clear()
            self._warned = False


_NO_ENTRY = (lambda *args: NotImplemented, None)
_living: weakref.WeakSet[Jit] = weakref.WeakSet()


def _after_fork() -> None:
    """A lock that another thread held stays locked in the child, in which that thread does not exist."""
    for compiled in list(_living):
        compiled._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _rebuilt(f: Callable[..., Any], settings: dict[str, Any]) -> Jit:
    return jit(f, **settings)


@overload
def jit(
    f: Callable[..., Any],
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    donate_argnums: int | Sequence[int] = (),
    fast_math: bool = False,
    threads: int | None = None,
    backend: str | None = None,
) -> Jit: ...
@overload
def jit(
    f: None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    donate_argnums: int | Sequence[int] = (),
    fast_math: bool = False,
    threads: int | None = None,
    backend: str | None = None,
) -> Callable[[Callable[..., Any]], Jit]: ...
def jit(
    f: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    donate_argnums: int | Sequence[int] = (),
    fast_math: bool = False,
    threads: int | None = None,
    backend: str | None = None,
) -> Any:
    """Compile f: record it when it meets arguments of a new form, turn the record into native code, and run that.

    jit(f)(x) = f(x): whatever Python does in f, the results are those of f itself.

    **Arguments**: `f`, NumPy code; its arguments are pytrees, and so may f be (a module). Numbers and arrays (floating,
    integer, boolean, complex, of any layout) are followed; everything else (strings, truth values, functions, …) is
    static: another value means another recording. `static_argnums`, `static_argnames` make more arguments static.
    `donate_argnums`: arguments whose memory may be used for the results; what is in these arrays after the call is
    not specified. `fast_math`: allow reassociation and contraction as C compilers do, at the cost of the last digits.
    `threads`: at most so many for a long loop, with the same result for every number; by default WENGERT_NUM_THREADS,
    else the CPUs that this process may use, not more than 8. `backend`: "native", "numpy", or what there is.
    **Returns**: a function of the same arguments, with `.lower(*args)` (graph, loops, LLVM code, assembly),
    `.report(*args)` (what runs natively), `.cache_info()`, `.clear_cache()`, `.trace_count`. It can be differentiated,
    recorded and compiled again, and used as a method; as a decorator `jit` works with and without arguments.
    **Branches**: an `if`, a `while` or a `range` that depends on numbers is checked on every call; where it comes out
    otherwise, f is recorded again along the new path, up to 64 paths; further ones run eagerly, with a
    `SpecializationWarning` that says which branch it is.
    **Side effects** happen when f is recorded, not at each call: a `print` shows traced values once, a global variable
    is read once, random numbers are drawn once (pass them in as an argument). Arrays that f changes in place are
    changed; a function that changes lists, dicts or objects among its arguments, or catches an exception of NumPy's,
    runs eagerly. NumPy's warnings about floating-point numbers appear while f is recorded.
    **Raises**: what f raises; `ArgumentError` for arguments that are neither numbers nor hashable.
    **Cost**: about a microsecond per call more than the compiled code; per recording f itself, some µs per operation,
    and compilation.

    >>> import numpy as np, wengert as wg
    >>> @wg.jit
    ... def halvings(x):
    ...     n = 0
    ...     while x > 1:
    ...         x, n = x / 2, n + 1
    ...     return x, n
    >>> halvings(10.0), halvings(3.0), halvings(12.0)
    ((0.625, 4), (0.75, 2), (0.75, 4))
    >>> halvings.trace_count
    2
    >>> wg.jit(wg.grad(lambda w: np.sum(np.tanh(w) ** 2)))(np.array([0.0, 0.5]))
    array([0.        , 0.72686198])

    **Source**: guards and a tree of traces: Gal et al., "Trace-based just-in-time type specialization" (PLDI 2009).
    """
    settings = {
        "static_argnums": static_argnums, "static_argnames": static_argnames, "donate_argnums": donate_argnums,
        "fast_math": fast_math, "threads": threads, "backend": backend,
    }  # fmt: skip
    threads_for(threads)
    if f is None:
        return functools.partial(jit, **settings)
    check_callable(f, "wg.jit")
    if is_tree(f):
        moved = behind(static_argnums), static_argnames, behind(donate_argnums)
        return Bound(f, Jit(call, Parameters(call, *moved), settings))
    return Jit(f, Parameters(f, static_argnums, static_argnames, donate_argnums), settings)
