"""Control-C in a native loop that may go on for ever: every few milliseconds it asks Python for signals.

What a signal's handler raises is taken along and raised again where the native code has returned to.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from wengert.compile.work import work

if TYPE_CHECKING:
    from wengert.compile.driver import Body
    from wengert.compile.program import Program

INTERRUPTED = -1  # the code with which a program is left
OFTEN = 20_000_000  # operations between two questions
_FUNCTIONS = ("PyGILState_Ensure", "PyGILState_Release", "PyErr_CheckSignals", "PyErr_Fetch")
_RAISED = ("type", "value", "traceback")
#: What the table of pointers holds for this: the functions of Python, and room for an exception.
SLOTS = (*_FUNCTIONS, *_RAISED)
RAISED = _RAISED[0]  # the first of those for the exception, which stand one after the other

_TEXT = """define internal i64 @interrupted(ptr %ensure, ptr %release, ptr %check, ptr %fetch, ptr %a, ptr %b, ptr %c) {
entry:
  %state = call i32 %ensure()
  %raised = call i32 %check()
  %nothing = icmp eq i32 %raised, 0
  br i1 %nothing, label %on, label %leave
on:
  call void %release(i32 %state)
  ret i64 0
leave:
  call void %fetch(ptr %a, ptr %b, ptr %c)
  call void %release(i32 %state)
  ret i64 -1
}"""


def words() -> list[int]:
    """What stands in the slots when a call begins."""
    addresses = [ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0 for name in _FUNCTIONS]
    return [*addresses, *[0] * len(_RAISED)]


def raise_again(kept: list[int]) -> None:
    """Raise the exception that is in the slots; the reference to it is given away."""
    restore = ctypes.pythonapi.PyErr_Restore
    restore.argtypes, restore.restype = [ctypes.c_void_p] * len(_RAISED), None
    restore(*(word or None for word in kept[len(_FUNCTIONS) :]))


def emit(body: Body, turn: Program, count: str) -> None:
    """Ask in this turn, if it is time, by the number of turns so far."""
    if _TEXT not in body.module.functions:
        body.module.functions.append(_TEXT)
    often = 1 << max(OFTEN // max(work(turn), 1), 1).bit_length()
    label = f"ask{body.module.unique()}"
    due = body.new(f"icmp eq i64 {body.new(f'and i64 {count}, {often - 1}')}, 0")
    body.lines.append(f"br i1 {due}, label %{label}, label %{label}.not")
    body.label(label)
    functions = [body.from_table(body.driver.functions[name]) for name in _FUNCTIONS]
    places = [body.shifted("%table", 8 * body.driver.functions[name]) for name in _RAISED]
    code = body.new(f"call i64 @interrupted({', '.join(f'ptr {p}' for p in (*functions, *places))})")
    body.leave(f"icmp eq i64 {code}, 0", code)
    body.lines.append(f"br label %{label}.not")
    body.label(f"{label}.not")
