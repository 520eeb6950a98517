"""The machine under us: LLVM's view of the processor, from text to native code."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from wengert.compile import cache as _cache

SHORT = 60_000  # characters of a module
LONG = 200_000  # characters of straight code
LEVEL = 2  # of LLVM's optimization

_DEFINE = "define internal"
_FUNCTION = re.compile(r"^define .*?^}$", re.MULTILINE | re.DOTALL)
_LOOPS_AND_CALLS = " phi ", "call i64 @"
_lock = threading.RLock()  # LLVM's contexts are not for several threads at once


@cache
def _processor() -> tuple[Any, str, str]:
    """LLVM's target, and the processor's name and instruction sets. Raises where native code cannot be had."""
    # Processors reorder instructions themselves; LLVM's doing it takes half the time of code generation.
    llvm.set_option("wengert", "-enable-misched=false")
    llvm.check_jit_execution()  # LLVM itself ends the process where memory cannot be made executable
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def check() -> None:
    """Raise unless LLVM knows this processor and may run code on it: `RuntimeError`, `OSError`."""
    with _lock:
        _processor()


def target(level: int = LEVEL) -> Any:
    """A target machine for this processor; an engine keeps the one that it is given."""
    processor, cpu, features = _processor()
    return processor.create_target_machine(cpu=cpu, features=features, opt=level, jit=True)


@cache
def features() -> frozenset[str]:
    """The instruction sets of this processor."""
    return frozenset(name for name, there in llvm.get_host_cpu_features().items() if there)


def is_amd() -> bool:
    """Whether it is one of AMD's Zen processors."""
    return str(llvm.get_host_cpu_name()).startswith("znver")


@cache
def vector_math() -> Callable[[str], bool] | None:
    """Whether glibc's library of vector mathematics has a function; None where there is no such library.

    It had sin, cos, exp, log and pow from the beginning (2.22) and all the others from 2.35 on. LLVM ends the process
    where a function is missing.
    """
    try:
        library = ctypes.CDLL("libmvec.so.1", ctypes.RTLD_GLOBAL)
        llvm.load_library_permanently("libmvec.so.1")
    except (OSError, RuntimeError):
        return None
    return lambda symbol: hasattr(library, symbol)


@cache
def _origin() -> tuple[str, ...]:
    """What code depends on besides its text: the processor, and who compiles."""
    processor, cpu, features = _processor()
    version = str(getattr(sys.modules["wengert"], "__version__", ""))
    try:
        here = Path(__file__).read_text(encoding="utf-8")  # who changes the passes does not meet the code from before
    except OSError:  # in an archive
        here = version
    numbers = ".".join(map(str, llvm.llvm_version_info))
    return version, llvmlite.__version__, numbers, processor.triple, cpu, features, here


def _optimized(text: str, machine: Any) -> Any:
    text, straight, names = _divided(text)
    module = llvm.parse_assembly(text)
    options = llvm.create_pipeline_tuning_options(speed_level=LEVEL)
    options.loop_vectorization = options.loop_interleaving = options.loop_unrolling = True
    options.slp_vectorization = len(text) < SHORT  # of straight code; its time grows faster than the code
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    if straight:
        module.link_in(llvm.parse_assembly(straight))
        for name in names:
            module.get_function(name).linkage = "internal"
    return module


def _divided(text: str) -> tuple[str, str, list[str]]:
    """What is worth optimizing; a module of long straight code, in which nothing is left to find; its functions."""
    functions = [f for f in _FUNCTION.findall(text) if len(f) > LONG and f.startswith(_DEFINE)]
    functions = [f for f in functions if not any(word in f for word in _LOOPS_AND_CALLS)]
    if not functions:
        return text, "", []
    declared = [line for line in _FUNCTION.sub("", text).splitlines() if not line.startswith("@llvm.")]
    heads = [f.partition(" {\n")[0].removeprefix(_DEFINE) for f in functions]
    for function, head in zip(functions, heads, strict=True):
        text = text.replace(function, f"declare{head}")
    straight = [f"define{f.removeprefix(_DEFINE)}" for f in functions]
    return text, "\n".join([*declared, *straight]), [head.partition("@")[2].partition("(")[0] for head in heads]


def compiled(text: str) -> bytes:
    """The object code of a module: from the cache on disk, or made now and kept there."""
    if _cache.directory() is None:
        return _compiled(text)
    name = _cache.key(text, *_origin())
    code = _cache.load(name)
    if code is None:
        start = time.thread_time()
        code = _compiled(text)
        if time.thread_time() - start > _cache.WORTH:
            _cache.save(name, code)
    return code


def _compiled(text: str) -> bytes:
    machine = target()
    code: bytes = machine.emit_object(_optimized(text, machine))
    return code


class Library:
    """Native code in memory, with its functions by name. `quick`: compiled as it stands, ten times as fast."""

    def __init__(self, text: str, *, quick: bool = False) -> None:
        self.text = text
        with _lock:
            # Code from the cache and new code come into memory in the same way.
            self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target())
            code = target(0).emit_object(llvm.parse_assembly(text)) if quick else compiled(text)
            self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self.engine.finalize_object()

    def address(self, name: str) -> int:
        """Where a function begins."""
        with _lock:
            return int(self.engine.get_function_address(name))

    @property
    def optimized(self) -> str:
        """LLVM's code after its optimization."""
        with _lock:
            return str(_optimized(self.text, target()))

    @property
    def assembly(self) -> str:
        """The processor's instructions."""
        with _lock:
            machine = target()
            return str(machine.emit_assembly(_optimized(self.text, machine)))


def lock() -> threading.RLock:
    """What whoever compiles holds."""
    return _lock


# A fork waits until nobody compiles: what LLVM's locks and memory were in the middle of would stay so in the child.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
