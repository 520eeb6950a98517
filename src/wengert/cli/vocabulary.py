"""The characters, words, constants and functions that an expression may have, and what to write instead of others."""

from __future__ import annotations

import functools
import keyword
import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_LENGTH = 10_000  # characters
MAX_DEPTH = 100  # nested brackets; Python's own parser stops at 200

CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf, "nan": math.nan}


class ExpressionError(ValueError):
    """The text is not an expression that Wengert can read.

    The message says what is wrong and what to write; below it stand the text and a caret under the place.
    """

    def __init__(self, message: str, text: str = "", column: int | None = None) -> None:
        super().__init__(message if column is None else f"{message}\n{point_at(text, column)}")
        self.message, self.text, self.column = message, text, column


def point_at(text: str, column: int) -> str:
    """The text (a window of it, if it is long) with a caret under one column."""
    start = max(0, column - 60)
    window = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[start : column + 40])
    window = ("…" if start else "") + window + ("…" if len(text) > column + 40 else "")
    before = window[: column - start + bool(start)]
    cells = sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in before)
    return f"  {window}\n  {' ' * cells}^"


_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[^\W\d]\w*)"
    r"|(?P<open>[(\[])|(?P<close>[)\]])|(?P<operator>\*\*|//|[<>=!]=|[-+*/%@<>,.])|(?P<other>.)",
    re.DOTALL,
)

_ADVICE = {
    "^": "'^' is not a power: write **, as in x**2",
    "²": "write **2 for a square",
    "³": "write **3 for a cube",
    "×": "write * for a product",
    "·": "write * for a product",
    "⋅": "write * for a product",
    "÷": "write / for a quotient",
    "−": "this minus sign is not the one of the keyboard: write -",
    "–": "this dash is not a minus sign: write -",
    "√": "write sqrt(x) for a square root",
    "|": "write abs(x) for an absolute value",
    "=": "'=' gives a value, outside the expression: write x=3 as an argument of its own (and == inside where)",
    ":": "':' has no meaning in an expression; for a function in a file write FILE.py:FUNCTION",
    '"': "text in quotes is not a number",
    "'": "text in quotes is not a number",
    "!": "write != to compare (inside where)",
    "{": "write ( ) for grouping",
    "}": "write ( ) for grouping",
}

_WORDS = {
    "if": "a choice is written where(condition, a, b), as in where(x > 0, x, 0)",
    "and": "write where inside where: where(x > 0, where(x < 1, a, b), b)",
    "or": "write where inside where: where(x < 0, a, where(x > 1, a, b))",
    "not": "turn the comparison around instead: where(x <= 0, a, b)",
    "lambda": "'lambda' is a word of Python: choose another name, such as lam or λ",
}
_WORDS["else"] = _WORDS["if"]


def scan(text: str) -> None:
    """Admit the characters and words of an expression, in an order that makes sense; advise on all others."""
    if not text.strip():
        raise ExpressionError("the expression is empty: write one such as x0*x1 + x1/x0")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression is {len(text)} characters long; at most {MAX_LENGTH} are allowed")
    brackets: list[re.Match[str]] = []
    before, operand = "", ""  # the token before this one; the operand that ends there, if one does
    for token in _TOKEN.finditer(text):
        kind, word, column = str(token.lastgroup), token.group(), token.start()
        if kind == "space":
            continue
        at, fault = _fault_in_word(kind, word) or (0, _fault_in_order(kind, word, before, operand))
        if fault:
            raise ExpressionError(fault, text, column + at)
        if kind == "open":
            brackets.append(token)
            if len(brackets) > MAX_DEPTH:
                raise ExpressionError(f"more than {MAX_DEPTH} brackets inside each other: simplify", text, column)
        elif kind == "close" and (not brackets or brackets.pop().group() + word not in ("()", "[]")):
            raise ExpressionError(f"nothing is open that this '{word}' closes", text, column)
        before, operand = word, word if kind in ("number", "name") else "(…)" if kind == "close" else ""
    if brackets:
        raise ExpressionError(f"this '{brackets[-1].group()}' is never closed", text, brackets[-1].start())
    if not operand:
        raise ExpressionError(f"a number, a name or a function is missing after '{before}'", text, len(text.rstrip()))


def _fault_in_word(kind: str, word: str) -> tuple[int, str] | None:
    """What is wrong with a token by itself: the offset in it, and the advice."""
    if kind == "number" and not math.isfinite(float(word)):
        return 0, "this number is too large for double precision (1.8e308); write inf for infinity"
    if kind == "number" and re.fullmatch("0[0-9_]*[1-9][0-9_]*", word):
        return 0, f"a number does not begin with zeros: write {word.lstrip('0_')}"
    if kind == "name" and keyword.iskeyword(word):
        return 0, _WORDS.get(word, f"'{word}' is a word of Python: choose another name")
    if kind == "name":
        for at, character in enumerate(word):
            if character in _ADVICE or not word[: at + 1].isidentifier():
                return at, _ADVICE.get(character, f"{character!r} cannot be in a name: write x0, x1, alpha or α")
    if kind == "other":
        return 0, _ADVICE.get(word, f"the character {quoted(word)} has no meaning in an expression")
    return None


def _fault_in_order(kind: str, word: str, before: str, operand: str) -> str | None:
    """What is wrong with a token where it stands."""
    if operand and (kind in ("number", "name") or (word == "(" and not operand.isidentifier())):
        return f"an operator is missing here: write {operand}*{'(…)' if word == '(' else word}"
    if operand and word == "[":
        advice = "give the elements names of their own, or write a function in a file (FILE.py:FUNCTION)"
        return f"indexing is not available in an expression: {advice}"
    call_without_arguments = word == ")" and before == "("
    if not operand and (kind == "close" or (kind == "operator" and word not in "+-")) and not call_without_arguments:
        return f"a number, a name or a function is missing before '{word}'"
    return None


def quoted(text: str) -> str:
    """The text as Python shows it, control characters escaped, cut after 60 characters."""
    return repr(text if len(text) <= 60 else text[:60] + "…")


_OWN = ("sigmoid", "relu", "softplus", "logsumexp", "softmax")


def _largest(*args: Any) -> Any:
    return functools.reduce(np.maximum, args) if len(args) > 1 else np.max(args[0])


def _smallest(*args: Any) -> Any:
    return functools.reduce(np.minimum, args) if len(args) > 1 else np.min(args[0])


@functools.cache
def functions() -> dict[str, tuple[Callable[..., Any], int, int]]:
    """The functions an expression may call: name → (function, least, most number of arguments)."""
    import wengert as wg  # here, so that reading a number does not load the operations

    elementwise = ["sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"]
    elementwise += ["arcsinh", "arccosh", "arctanh", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p"]
    elementwise += ["sqrt", "cbrt", "square", "abs", "sign", "floor", "ceil", "trunc", "degrees", "radians"]
    one = {name: getattr(np, name) for name in [*elementwise, "sum", "mean", "prod"]}
    one |= {"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "ln": np.log, "fabs": np.abs}
    one |= {"asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh}
    one |= {"norm": np.linalg.norm, "det": np.linalg.det, "inv": np.linalg.inv}
    one |= {name: getattr(wg, name) for name in _OWN}
    two = {name: getattr(np, name) for name in ("hypot", "arctan2", "logaddexp", "maximum", "minimum", "power")}
    two |= {"atan2": np.arctan2, "pow": np.power, "dot": np.dot, "matmul": np.matmul, "solve": np.linalg.solve}
    table: dict[str, tuple[Callable[..., Any], int, int]] = {name: (f, 1, 1) for name, f in one.items()}
    table |= {name: (f, 2, 2) for name, f in two.items()}
    table |= {"where": (np.where, 3, 3), "clip": (np.clip, 3, 3)}
    table |= {"max": (_largest, 1, 99), "min": (_smallest, 1, 99)}
    return table
