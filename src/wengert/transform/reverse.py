"""Reverse mode: linearize forwards, transpose backwards."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError, ShapeError, check_callable
from wengert.transform.linearization import Linearization, match


def positions(argnums: int | Sequence[int], args: Sequence[Any]) -> tuple[int, ...]:
    """`argnums` as positions of `args`; negative ones count from the end."""
    chosen = tuple(argnums) if isinstance(argnums, (tuple, list, range, str)) else (argnums,)
    for i in chosen:
        if not isinstance(i, (int, np.integer)) or isinstance(i, bool):
            raise ArgumentError(
                f"argnums names positions: an int or a tuple of ints, not {argnums!r}", right="argnums=(0, 1)"
            )
        if not -len(args) <= i < len(args):
            raise ArgumentError(
                f"argnums={argnums} names argument {i}, but the function was called with {len(args)} positional "
                f"argument{'s' if len(args) != 1 else ''}",
                wrong="wg.grad(f)(x=3.0)" if not args else "",
                right="wg.grad(f)(3.0)" if not args else "",
            )
    found = tuple(int(i) % len(args) for i in chosen)
    if len(set(found)) != len(found):
        raise ArgumentError(f"argnums={argnums} names an argument twice")
    return found


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that returns both f's value and its gradient, in one pass forwards and one backwards.

    (f(x), ∇f(x)) for a function with a scalar result.

    **Arguments**: `f`, NumPy code that returns one number; `argnums`, the position or positions to differentiate with
    respect to (any pytree of numbers and float arrays; integers become float64); `has_aux`: f returns `(number, aux)`.
    **Returns**: a function of f's arguments that returns `(value, gradient)`, or `((value, aux), gradient)`. The
    gradient has the structure, shapes and dtypes of the argument; a tuple of them for a tuple of argnums.
    **Raises**: `ShapeError` where f's result is not a single number, `ArgumentError` for what has no derivative,
    `MissingRuleError` for a function without a rule, each with the line in f.
    **Cost**: a small multiple of f's own time, whatever the number of inputs; memory for every intermediate value.

    >>> import wengert as wg
    >>> wg.value_and_grad(lambda x, y: x**2 * y + y + 2, argnums=(0, 1))(3.0, 4.0)
    (42.0, (24.0, 10.0))

    **Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapters 3 and 4.
    """
    check_callable(f, "wg.value_and_grad")

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        chosen = positions(argnums, args)
        lin = Linearization(f, chosen, args, kwargs)
        aux = lin.split_aux(has_aux)
        value = lin.outputs()
        if len(lin.primals) != 1 or aval_of(lin.primals[0]).shape != ():
            got = f"shape {aval_of(lin.primals[0]).shape}" if len(lin.primals) == 1 else f"{len(lin.primals)} values"
            raise ShapeError(
                f"a gradient needs a function that returns one number; this one returned {got}",
                wrong="wg.grad(f)",
                right="wg.jacobian(f)   or return np.sum(…) from f",
            )
        aval = aval_of(lin.primals[0])
        if aval.dtype.kind == "c":
            raise ShapeError(
                "a gradient needs a function that returns one real number; this one returned a complex one",
                wrong="wg.grad(f)(z)",
                right="wg.grad(lambda z: np.abs(f(z)))(z)   or wg.jacobian(f)(z), the derivative of a holomorphic f",
            )
        one = (
            1.0 if aval.dtype.kind != "f" or aval.dtype == np.float64 else aval.dtype.type(1)
        )  # 1.0 takes any dtype on
        gradients = lin.rebuild(lin.pull([one]))
        gradient = tuple(gradients) if not isinstance(argnums, (int, np.integer)) else gradients[0]
        return ((value, aux) if has_aux else value), gradient

    return wrapped


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of f: a function of the same arguments.

    ∇f(x) = (∂f/∂x₁, …, ∂f/∂xₙ); of a complex argument z = x + iy it is ∂f/∂x + i·∂f/∂y, the direction of steepest
    ascent (PyTorch's convention; JAX's is its conjugate).

    **Arguments**, **Raises**, **Cost**: as `value_and_grad`.
    **Returns**: a function that returns the gradient, or `(gradient, aux)` with `has_aux`.

    >>> import numpy as np, wengert as wg
    >>> float(wg.grad(wg.grad(np.tanh))(0.5))
    -0.7268619813835876

    **Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapter 3.2.
    """
    check_callable(f, "wg.grad")
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of f and its pullback: the function ct ↦ Jᵀ·ct.

    **Arguments**: `primals`, pytrees. **Returns**: `(f(*primals), pull)`, or `(value, pull, aux)`; `pull(ct)` takes a
    cotangent like f's result and returns a tuple, a cotangent per primal. It can be called any number of times.
    **Raises**: `ShapeError` where ct does not fit the result.
    **Cost**: a call of `pull` costs a small multiple of f, memory for every intermediate value while `pull` lives.

    >>> import numpy as np, wengert as wg
    >>> y, pull = wg.vjp(lambda x: x * np.array([1.0, 2.0]), 3.0)
    >>> pull(np.array([1.0, 1.0]))
    (3.0,)

    **Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapter 3.2.
    """
    check_callable(f, "wg.vjp")
    lin = Linearization(f, range(len(primals)), primals, {})
    aux = lin.split_aux(has_aux)
    value = lin.outputs()

    def pull(ct: Any) -> tuple[Any, ...]:
        return tuple(lin.rebuild(lin.pull(match(ct, value, lin.primals, "cotangent"))))

    return (value, pull, aux) if has_aux else (value, pull)


def linearize(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of f and its derivative at this point as a linear function: t ↦ J·t.

    **Arguments**: `primals`, pytrees. **Returns**: `(f(*primals), lin)`, or `(value, lin, aux)`; `lin(*tangents)` takes
    a tangent per primal and returns one like f's result. f itself is not evaluated again.
    **Raises**: `ShapeError` where a tangent does not fit. **Cost**: per call of `lin` about that of f.

    >>> import numpy as np, wengert as wg
    >>> y, lin = wg.linearize(np.sin, 0.0)
    >>> lin(2.0)
    np.float64(2.0)

    **Source**: Radul et al., "You Only Linearize Once" (POPL 2023).
    """
    check_callable(f, "wg.linearize")
    lin = Linearization(f, range(len(primals)), primals, {})
    aux = lin.split_aux(has_aux)
    value = lin.outputs()
    given = lin.rebuild(lin.leaves)

    def apply(*tangents: Any) -> Any:
        return lin.rebuild_out(lin.push(match(list(tangents), given, lin.leaves, "tangent")))

    return (value, apply, aux) if has_aux else (value, apply)
