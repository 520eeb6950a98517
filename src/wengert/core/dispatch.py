"""NumPy's two protocols: which of our functions answers which of NumPy's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any, NoReturn

import numpy as np

from wengert.core.alias import plain, traceable, write_out
from wengert.core.errors import InPlaceError, MissingRuleError
from wengert.core.primitive import Primitive, bind
from wengert.core.tracer import Tracer, concrete

#: A ufunc, and the primitive or function that is applied instead of it.
UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}
#: A ufunc and the name of its method ("reduce", "outer", …), and the function applied instead.
UFUNC_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {}
#: A NumPy function that is no ufunc, and the function applied instead; it has NumPy's signature.
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}
#: A module with ufuncs of its own, and the one of ours with their rules, which is read when it is first needed.
LATE: dict[str, str] = {}


def late(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """What is applied instead of a ufunc that is not known yet."""
    for module, rules in LATE.items():
        if module in sys.modules:
            import_module(rules)
    return UFUNCS.get(ufunc)


def qualified(ufunc: np.ufunc) -> str:
    """The name under which the user knows a ufunc."""
    for module in ("numpy", *LATE):
        if getattr(sys.modules.get(module), ufunc.__name__, None) is ufunc:
            return f"{module.replace('numpy', 'np')}.{ufunc.__name__}"
    return ufunc.__name__


def implements(*numpy_functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the answer to NumPy functions when one of their arguments is traced."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for numpy_function in numpy_functions:
            FUNCTIONS[numpy_function] = function
        return function

    return register


def on_values(*numpy_functions: Callable[..., Any]) -> None:
    """Functions without a derivative (shapes, predicates on structure): NumPy's own, applied to the numbers."""
    for function in numpy_functions:
        FUNCTIONS[function] = lambda *args, _function=function, **kwargs: _function(
            *map(_strip, args), **{k: _strip(v) for k, v in kwargs.items()}
        )


def _strip(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(_strip(v) for v in value)
    return concrete(value)


def array_ufunc(self: Tracer, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """`Tracer.__array_ufunc__`."""
    for operand in inputs:
        if type(operand) is list or type(operand) is tuple:
            inputs = tuple(np.asarray(a) if isinstance(a, (list, tuple)) else a for a in inputs)
            break
    if method == "__call__":
        function = UFUNCS.get(ufunc) or late(ufunc)
        if not kwargs and function is not None:
            return bind(function, inputs, {}) if isinstance(function, Primitive) else function(*inputs)
    else:
        function = UFUNC_METHODS.get((ufunc, method))
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    out = kwargs.pop("out", None)
    if function is None:
        known = plain(inputs)
        if out is None and not any(isinstance(a, Tracer) for a in known):
            return traceable(getattr(ufunc, method)(*known, **kwargs))
        if method == "at":
            refuse_writer(name)
        raise missing(qualified(ufunc) + name.removeprefix(ufunc.__name__), ufunc.nin)
    if out is not None:
        where = kwargs.pop("where", True) if method == "__call__" and _is_traced(out) else True
        with np.errstate(all=None if where is True else "ignore"):  # of the elements that are left out
            result = array_ufunc(self, ufunc, method, *inputs, **kwargs)
        return write_out(out, result, where) if _is_traced(out) else refuse_out(name, out)
    dtype = kwargs.pop("dtype", None) if method == "__call__" else None
    if method == "__call__" and kwargs:
        raise MissingRuleError(
            f"np.{name} with {', '.join(kwargs)}= has no derivative",
            wrong=f"np.{name}(x, where=mask)",
            right=f"np.where(mask, np.{name}(x), other)",
        )
    result = function(*inputs, **kwargs)
    return result if dtype is None else result.astype(dtype)


def array_function(self: Tracer, function: Callable[..., Any], types: Iterable[type], args: Any, kwargs: Any) -> Any:
    """`Tracer.__array_function__`."""
    ours = FUNCTIONS.get(function)
    if ours is None:
        known, options = plain(args), {k: plain(v) for k, v in kwargs.items()}
        if not any(isinstance(a, Tracer) for a in _flat([known, list(options.values())])):
            return traceable(function(*known, **options))
        module = getattr(function, "__module__", "numpy").replace("numpy", "np", 1)
        raise missing(f"{module}.{function.__name__}", 1)
    out = kwargs.pop("out", None)
    place = _place_of_out(ours) if len(args) > 1 else None
    if place is not None and len(args) > place:
        out, args = args[place], (*args[:place], None, *args[place + 1 :])
    if out is not None:
        return write_out(out, ours(*args, **kwargs)) if _is_traced(out) else refuse_out(function.__name__, out)
    return ours(*args, **kwargs)


@cache
def _place_of_out(function: Callable[..., Any]) -> int | None:
    """At which position `out` may be given without its name: np.cumsum(x, 0, None, y)."""
    parameters = signature(function).parameters.values()
    named = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD or p.kind is p.POSITIONAL_ONLY]
    return named.index("out") if "out" in named else None


def _is_traced(out: Any) -> bool:
    return isinstance(out[0] if isinstance(out, tuple) and len(out) == 1 else out, Tracer)


def _flat(value: Any) -> Iterable[Any]:
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from _flat(item)
    else:
        yield value


_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@"}


def refuse_writer(name: str) -> NoReturn:
    """np.copyto and its like would write a traced value into a plain array."""
    raise InPlaceError(
        f"np.{name} would write a traced value into a plain array in place",
        wrong="np.copyto(y, x), np.full_like(y, x), np.put(y, i, x), np.add.at(y, i, x)",
        right="y = x + np.zeros(n), np.where(mask, x, y), np.stack([…])   as new arrays",
    )


def refuse_out(name: str, out: Any) -> NoReturn:
    """`out=` would write into a plain array, which cannot be followed, or change a traced one in place."""
    raise InPlaceError(
        f"np.{name} would write a traced value into an array in place",
        wrong=f"np.{name}(x, out=y)" + (f"   or   y {sign}= x" if (sign := _SIGNS.get(name)) else ""),
        right=f"y = np.{name}(x)" + (f"          or   y = y {sign} x" if sign else ""),
    )


def missing(name: str, arguments: int) -> MissingRuleError:
    """The error for a function that has no rule yet; it shows how to give it one."""
    short = name.rpartition(".")[2]
    parameters = ", ".join("xyabcd"[: max(arguments, 1)])
    return MissingRuleError(
        f"{name} has no derivative rule in Wengert",
        wrong=f"{name}({parameters})",
        right=f"{short}({parameters})   with a rule for each argument, z being the output:\n"
        f"              {short} = wg.primitive({name}, "
        + ", ".join(f"wg.Partial(lambda z, {parameters}: …)" for _ in range(max(arguments, 1)))
        + ")",
    )


Tracer.__array_ufunc__ = array_ufunc  # type: ignore[attr-defined]
Tracer.__array_function__ = array_function  # type: ignore[attr-defined]
