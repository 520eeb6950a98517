"""One library in a process of its own: it is given programs and returns their value and gradient.

A program's function is a part of a greater one, as in use: the gradient is that of Σ u·x + Re Σ w·f(x). What loses the
derivative of f without an error gives a wrong gradient then, as it does in the user's program.
"""

from __future__ import annotations

import ast
import os
import sys
import warnings
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy

from benchmarks.worker import Line

Program = Callable[..., Any]


def program(text: str, names: list[str], namespace: Any, known: dict[str, Any]) -> Program:
    """The text as a function of the arguments."""
    *statements, last = ast.parse(text).body
    body = compile(ast.Module(statements, []), "<call>", "exec")
    value = compile(ast.Expression(last.value), "<call>", "eval")

    def run(*arguments: Any) -> Any:
        scope = {"np": namespace, **known, **dict(zip(names, arguments, strict=True))}
        exec(body, scope)
        return eval(value, scope)

    return run


def total(run: Program, namespace: Any, outer: list[Any], weights: Any) -> Program:
    """Σ u·x + Re Σ w·f(x)."""

    def loss(*arguments: Any) -> Any:
        products = run(*arguments) * weights
        if numpy.dtype(products.dtype).kind == "c":
            products = namespace.real(products)
        result = namespace.sum(products)
        for argument, u in zip(arguments, outer, strict=True):
            result = result + namespace.sum(argument * u)
        return result

    return loss


class Either:
    """A library's names, and NumPy's where it has none: NumPy hands its functions to the library by protocol."""

    def __init__(self, first: Any, second: Any) -> None:
        self._first, self._second = first, second

    def __getattr__(self, name: str) -> Any:
        first, second = getattr(self._first, name, None), getattr(self._second, name, None)
        if first is None and second is None:
            raise AttributeError(f"there is no {name}")
        if isinstance(second, ModuleType):
            return Either(first, second)
        return second if first is None else first


def wengert() -> tuple[Any, Program]:
    import wengert as wg

    return numpy, lambda loss, x: wg.value_and_grad(loss, argnums=tuple(range(len(x))))(*x)


def autograd() -> tuple[Any, Program]:
    import autograd
    import autograd.numpy

    def differentiate(loss: Program, x: tuple[Any, ...]) -> Any:
        return loss(*x), autograd.grad(loss, tuple(range(len(x))))(*x)

    return autograd.numpy, differentiate


def jax() -> tuple[Any, Program]:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax.numpy, lambda loss, x: jax.value_and_grad(loss, argnums=tuple(range(len(x))))(*x)


def mygrad() -> tuple[Any, Program]:
    import mygrad

    def differentiate(loss: Program, x: tuple[Any, ...]) -> Any:
        inputs = [mygrad.tensor(value, dtype=float) for value in x]
        value = loss(*inputs)
        value.backward()
        return value.data, [leaf.grad for leaf in inputs]

    return Either(mygrad, numpy), differentiate


LIBRARIES = {library.__name__: library for library in (wengert, autograd, jax, mygrad)}


def answer(namespace: Any, differentiate: Program, task: SimpleNamespace) -> Any:
    """Value and gradient; None instead of both, and a message, where there is an error."""
    try:
        run = program(task.text, task.names, namespace, task.known)
        value, gradient = differentiate(total(run, namespace, task.outer, task.weights), task.arguments)
        return float(value), [numpy.asarray(part, float) for part in gradient]
    except Exception as error:
        return None, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def serve(name: str, line: Line) -> None:
    """Answer tasks until there are no more."""
    namespace, differentiate = LIBRARIES[name]()
    line.send("ready")  # a library that cannot be imported refuses nothing: it is not there
    while True:
        try:
            task = line.recv()
        except EOFError:
            return
        line.send(answer(namespace, differentiate, task))


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not an answer
    warnings.simplefilter("ignore")
    serve(sys.argv[1], Line(sys.stdin.buffer, answers))
