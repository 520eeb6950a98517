"""GradBench's protocol: one message a line as JSON, from standard input; one answer a line, to standard output.

| message | answer |
| --- | --- |
| `{"id": 0, "kind": "start", …}` | `{"id": 0, "tool": "wengert"}` |
| `{"id": 1, "kind": "define", "module": "gmm"}` | `{"id": 1, "success": true}`, false for a module that is not here |
| `{"id": 2, "kind": "evaluate", "module": …, "function": …, "input": …}` | `output` and `timings` |
| `{"id": 3, "kind": "analysis", "of": 2, "valid": true}` | `{"id": 3}` |

A message that cannot be answered gets `"success": false` and the error's text, and the driver goes on.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from benchmarks.gradbench import EVALUATIONS
from benchmarks.gradbench.data import arguments

Message = dict[str, Any]


def serve(messages: Iterable[str], answers: TextIO) -> None:
    """Answer until there are no more messages."""
    for line in messages:
        if line.strip():
            print(json.dumps(answer(line)), file=answers, flush=True)


def answer(line: str) -> Message:
    """The answer to one line; it has the message's id if that can be read."""
    number = None
    try:
        message = json.loads(line)
        number = message["id"]
        return {"id": number, **KINDS.get(message["kind"], unknown)(message)}
    except Exception as error:  # the suite records what went wrong, and asks for the next thing
        return {"id": number, "success": False, "error": "".join(traceback.format_exception(error))}


def start(message: Message) -> Message:
    return {"tool": "wengert"}


def define(message: Message) -> Message:
    """Whether the module is here; importing it is what other tools compile at this point."""
    if message["module"] not in EVALUATIONS:
        return {"success": False}
    program(message["module"])
    return {"success": True}


def evaluate(message: Message) -> Message:
    """Call the function until it has run often enough and long enough; each run has its timing."""
    name, function, given = message["module"], message["function"], message["input"]
    if name not in EVALUATIONS:
        raise LookupError(f"there is no module {name!r}; there are {', '.join(EVALUATIONS)}")
    module = program(name)
    if function not in module.FUNCTIONS:
        raise LookupError(f"{name} has no function {function!r}; it has {', '.join(module.FUNCTIONS)}")
    call, args = getattr(module, function), arguments(name, given)
    result, timings = timed(lambda: call(*args), given.get("min_runs", 1), given.get("min_seconds", 0))
    return {"success": True, "output": module.report(function, result), "timings": timings}


def timed(call: Callable[[], Any], runs: int, seconds: float) -> tuple[Any, list[Message]]:
    """The result, and the time of each run; the first is one of them, so what it compiles counts."""
    timings: list[Message] = []
    total = 0
    while not timings or len(timings) < runs or total < seconds * 1e9:
        begin = time.perf_counter_ns()
        result = call()
        nanoseconds = time.perf_counter_ns() - begin
        total += nanoseconds
        timings.append({"name": "evaluate", "nanoseconds": nanoseconds})
    return result, timings


def analysis(message: Message) -> Message:
    return {}


def unknown(message: Message) -> Message:
    raise LookupError(f"there is no message of kind {message['kind']!r}")


KINDS = {kind.__name__: kind for kind in (start, define, evaluate, analysis)}


def program(name: str) -> Any:
    """The module of an evaluation."""
    return importlib.import_module(f"benchmarks.gradbench.{name}")


def main() -> None:
    """Serve standard input; what a library prints goes to standard error, since it is not an answer."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.stdin, answers)
