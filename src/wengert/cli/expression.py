"""Mathematical expressions as text, read from a whitelist of syntax into a function of NumPy values.

The text is never evaluated as Python. It passes three gates: `scan` admits the characters and words of mathematics,
`ast.parse` gives the tree, `_operation` admits the nodes of that tree one kind at a time. What comes out is a program
for a stack machine (push a number, load an argument, apply a function), so that no expression, however deep, recurses.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import keyword
import operator
import re
import unicodedata
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np

from wengert.cli.vocabulary import CONSTANTS, ExpressionError, functions, point_at, quoted, scan

__all__ = ["Expression", "ExpressionError", "parse_assignment", "parse_value"]


class Expression:
    """A function given as text, such as `x0*x1 + x1/x0`.

    **Arguments** `text`: the expression. `variables`: names that are variables here although they have a meaning of
    their own, such as `e` or `norm`.
    **Raises** ExpressionError, which points at the column.
    **Cost** of a call: one NumPy function or Python operator for each operation in the text; constant parts are
    computed once, when the text is read.
    **Example**

    >>> f = Expression("x0*x1 + x1/x0")
    >>> f.names
    ('x0', 'x1')
    >>> float(f(3, 5)), float(f(x1=5, x0=3))
    (16.666666666666668, 16.666666666666668)
    """

    def __init__(self, text: str, variables: Collection[str] = ()) -> None:
        program = _read(text, frozenset(variables), lists=False)
        self.text = text.strip()
        self.names = tuple(dict.fromkeys(step.name for step in program if isinstance(step, Load)))
        self._source, self._program = text, program
        self.__name__ = "f"
        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(name, positional) for name in self.names])

    def __call__(self, *args: Any, **named: Any) -> Any:
        arguments = self.__signature__.bind(*args, **named).arguments
        # Python's own numbers raise at 1/0, turn complex at (-8)**(1/3) and never end at 9**9**9; NumPy's do not.
        values = {name: np.float64(v) if type(v) in (int, float) else v for name, v in arguments.items()}
        return _run(self._program, values, self._source)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def parse_value(text: str) -> float | np.ndarray:
    """The value of a constant expression: a float, or a float64 array for a list such as `[[1, 2], [3, 4]]`."""
    program = _read(text, frozenset(), lists=True)
    if len(program) > 1 or not isinstance(program[0], Push):
        loads = (step for step in program if isinstance(step, Load))
        first = min(loads, key=lambda step: step.column)
        known = ", ".join(CONSTANTS)
        raise ExpressionError(
            f"a value is a number: {first.name} has none (the constants are {known})", text, first.column
        )
    value = program[0].value
    return value if isinstance(value, np.ndarray) else float(value)


def parse_assignment(text: str) -> tuple[str, float | np.ndarray]:
    """The name and the value in `x=3`, `theta=-1e-3`, `x=pi/4`, `A=[[1, 2], [3, 4]]`."""
    left, equals, right = text.partition("=")
    name = unicodedata.normalize("NFKC", left.strip())  # as Python does to the names in the expression
    if not equals:
        raise ExpressionError(f"{quoted(text)} gives no name a value: write name=value, such as x=3")
    if not name:
        raise ExpressionError(f"{quoted(text)} has no name before the '=': write name=value, such as x=3")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ExpressionError(f"{quoted(left.strip())} cannot be a name: write name=value, such as x=3")
    if not right.strip():
        raise ExpressionError(f"{name} has no value: write a number after the '=', such as {name}=3")
    return name, parse_value(right)


class Push(NamedTuple):
    """Put a constant on the stack."""

    value: Any


class Load(NamedTuple):
    """Put an argument on the stack."""

    name: str
    column: int


class Apply(NamedTuple):
    """Replace the topmost `arity` values of the stack by the function of them."""

    function: Callable[..., Any]
    arity: int
    column: int


Step = Push | Load | Apply


def _run(program: list[Step], values: dict[str, Any], text: str) -> Any:
    stack: list[Any] = []
    step: Step | None = None
    try:
        for step in program:
            if isinstance(step, Apply):
                first = len(stack) - step.arity
                stack[first:] = [step.function(*stack[first:])]
            else:
                stack.append(step.value if isinstance(step, Push) else values[step.name])
    except Exception as error:
        if isinstance(step, Apply):
            error.add_note(point_at(text, step.column))
        raise
    return stack.pop()


def _read(text: str, variables: frozenset[str], *, lists: bool) -> list[Step]:
    """The program of a text: its tree in postfix order, constant parts already computed."""
    scan(text)
    start = len(text) - len(text.lstrip())
    source = re.sub(r"\s", " ", text[start:])
    try:
        root = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        column = min(start + (error.offset or 1) - 1, len(text.rstrip()))
        raise ExpressionError(f"this cannot be read ({error.msg})", text, column) from None
    except (RecursionError, MemoryError):
        raise ExpressionError("the expression has too many operations in a row: split it into smaller ones") from None

    encoded = source.encode()

    def column_of(node: ast.expr) -> int:
        return start + len(encoded[: node.col_offset].decode())

    order: list[Step] = []
    waiting: list[tuple[ast.expr, bool]] = [(root, False)]
    while waiting:  # the node before its operands, the last operand first: postfix order, backwards
        node, condition = waiting.pop()
        try:
            step, operands = _operation(node, variables, lists=lists, condition=condition)
        except ExpressionError as error:
            raise ExpressionError(error.message, text, column_of(node)) from None
        if not isinstance(step, Push):
            step = step._replace(column=_operator_column(node, column_of, text))
        order.append(step)
        where = isinstance(step, Apply) and step.function is np.where
        waiting.extend((operand, where and position == 0) for position, operand in enumerate(operands))

    program: list[Step] = []
    for step in reversed(order):
        constants: list[Any] = []
        if isinstance(step, Apply):
            constants = [operand.value for operand in program[-step.arity :] if isinstance(operand, Push)]
        if isinstance(step, Apply) and len(constants) == step.arity:
            program[-step.arity :] = [_fold(step, constants, text)]
        else:
            program.append(step)
    return program


def _operator_column(node: ast.expr, column_of: Callable[[ast.expr], int], text: str) -> int:
    """Where an error shall point: at the operator between two operands, else at the beginning of the node."""
    if not isinstance(node, ast.BinOp):
        return column_of(node)
    column = column_of(node.right) - 1
    while text[column] in "( \t\n":
        column -= 1
    return column - (text[column - 1 : column + 1] in ("**", "//"))


_FAULTS = {  # NumPy's floating-point errors, by their first word
    "divide": "it is infinite (write inf if you mean it)",
    "overflow": "it is too large for double precision",
    "invalid": "it is not a real number",
}


def _fold(step: Apply, operands: list[Any], text: str) -> Push:
    """The constant that a function of constants is."""
    if step.function in (operator.neg, operator.pos):
        return Push(step.function(operands[0]))
    numbers = [np.float64(v) if type(v) in (int, float) else v for v in operands]
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            value = step.function(*numbers)
    except (FloatingPointError, ValueError, TypeError, np.linalg.LinAlgError) as error:
        fault = _FAULTS.get(str(error).partition(" ")[0], str(error))
        raise ExpressionError(f"this constant cannot be computed: {fault}", text, step.column) from None
    return Push(value if isinstance(value, np.ndarray) and value.ndim else np.asarray(value).item())


_BINARY: dict[type[ast.operator], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
}
_UNARY: dict[type[ast.unaryop], Callable[..., Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_COMPARISON: dict[type[ast.cmpop], Callable[..., Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def _operation(
    node: ast.expr, variables: frozenset[str], *, lists: bool, condition: bool
) -> tuple[Step, list[ast.expr]]:
    """The step that one node of the tree stands for, and the nodes of its operands; every other node is an error."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return Push(number if isinstance(number, float) or abs(number) < 2**53 else float(number)), []
        case ast.Name(id=name) if name in variables or name not in CONSTANTS:
            if name in functions() and name not in variables:
                raise ExpressionError(f"{name} is a function: write {name}(x)")
            return Load(name, 0), []
        case ast.Name() | ast.Attribute():
            name = _plain_name(node)
            if name in CONSTANTS:
                return Push(CONSTANTS[name]), []
            raise ExpressionError(f"{name} is not a constant; the constants are {', '.join(CONSTANTS)}")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return Apply(_BINARY[type(op)], 2, 0), [left, right]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return Apply(_UNARY[type(op)], 1, 0), [operand]
        case ast.Call():
            return _call(node), node.args
        case ast.Compare(left=left, ops=[op], comparators=[right]) if condition and type(op) in _COMPARISON:
            return Apply(_COMPARISON[type(op)], 2, 0), [left, right]
        case ast.Compare():
            one = "compare two at a time: where(0 < x, where(x < 1, a, b), b)"
            only = "a comparison has its place in where(condition, a, b), as in where(x > 0, x, 0)"
            raise ExpressionError(one if len(node.ops) > 1 else only)
        case ast.List(elts=elements) if lists and elements:
            return Apply(_array, len(elements), 0), elements
        case ast.List():
            raise ExpressionError("a list is given as a value, outside the expression: x=[1, 2, 3]")
        case ast.Tuple(elts=elements):
            if not elements:
                raise ExpressionError("a number, a name or a function is missing between the brackets")
            raise ExpressionError("a comma separates the arguments of a function only; decimals have a point")
    raise ExpressionError("this syntax is not available in an expression")


def _call(node: ast.Call) -> Apply:
    name = _plain_name(node.func)
    if name not in functions():
        near = difflib.get_close_matches(name, functions(), n=2) if len(name) > 1 else []
        hint = f"did you mean {' or '.join(near)}?" if near else f"for a product write {name}*(…)"
        raise ExpressionError(f"there is no function {name}: {hint}")
    if node.keywords:
        raise ExpressionError(f"arguments have no names here: write {name}(x), not {name}(x=…)")
    function, least, most = functions()[name]
    if not least <= len(node.args) <= most:
        count = str(least) if least == most else f"{least} or more" if most > 9 else f"{least} to {most}"
        raise ExpressionError(f"{name} takes {count} argument{'s' * (most > 1)}, not {len(node.args)}")
    return Apply(function, len(node.args), 0)


_PREFIXES = ("np.linalg", "numpy.linalg", "np", "numpy", "math", "wg", "wengert")


def _plain_name(node: ast.expr) -> str:
    """The name `sin` that `sin`, `np.sin` or `math.sin` ends with."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise ExpressionError("only a function can be called: write sin(x), np.sin(x); for a product write *")
    parts = [node.id, *reversed(attributes)]
    if attributes and ".".join(parts[:-1]) not in _PREFIXES:
        raise ExpressionError(f"{'.'.join(parts)} is not available: only np. and math. may stand before a name")
    return parts[-1]


def _array(*rows: Any) -> np.ndarray:
    if len({np.shape(row) for row in rows}) > 1:
        raise ValueError("the rows of the list differ in length")
    return np.array(rows, dtype=np.float64)
