"""Whole matrices of derivatives, from as many forward or reverse passes as they have columns or rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from wengert.core.aval import Aval, aval_of
from wengert.core.errors import ArgumentError, check_callable
from wengert.core.tracer import concrete
from wengert.transform.jvp import jvp
from wengert.transform.linearization import Linearization
from wengert.transform.passes import sweep
from wengert.transform.reverse import grad, positions

Mode = Literal["forward", "reverse"]


def jacobian(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, mode: Mode | None = None
) -> Callable[..., Any]:
    """The Jacobian of f: every first derivative of every output.

    J[i, j] = ∂fᵢ/∂xⱼ, with the output's axes first: shape `out.shape + in.shape`.

    **Arguments**: `f`, with any pytree of real numbers and arrays as its result; `argnums`, `has_aux` as in `grad`;
    `mode`: "forward" (a pass per input element), "reverse" (a pass per output element); by default what needs fewer.
    **Returns**: a function of f's arguments that returns a tree like f's result, each leaf replaced by a tree like the
    argument (a tuple of them for a tuple of argnums).
    **Raises**: as `grad`. **Cost**: f once, and min(inputs, outputs) passes over its linearization; passes over
    small arrays are done together, in one pass over arrays that are as many times as large.

    >>> import numpy as np, wengert as wg
    >>> wg.jacobian(lambda x: x * x[::-1])(np.array([2.0, 3.0]))
    array([[3., 2.],
           [3., 2.]])

    **Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapter 3.
    """
    check_callable(f, "wg.jacobian")
    if mode not in (None, "forward", "reverse"):
        raise ArgumentError(f"mode is 'forward', 'reverse' or None, not {mode!r}")

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        lin = Linearization(f, positions(argnums, args), args, kwargs)
        aux = lin.split_aux(has_aux)
        lin.outputs()
        ins, outs = [aval_of(x) for x in lin.leaves], [aval_of(y) for y in lin.primals]
        chosen = mode or ("forward" if _size(ins) <= _size(outs) else "reverse")
        if any(a.dtype.kind == "c" for a in (*ins, *outs)):
            chosen = "forward"  # its columns are derivatives as they stand; rows would be those of the adjoint
        if chosen == "forward":  # blocks[input][output], each with the output's axes first
            blocks = [[_stack(part, out, a, -1) for part, out in zip(parts, outs, strict=True)]
                      for a, parts in zip(ins, sweep(lin.push, ins, len(outs)), strict=True)]  # fmt: skip
            _check_holomorphic(lin, ins, blocks)
            rows = [list(row) for row in zip(*blocks, strict=True)] if outs else []
        else:
            rows = [[_stack(part, a, out, 0) for part, a in zip(parts, ins, strict=True)]
                    for out, parts in zip(outs, sweep(lin.pull, outs, len(ins)), strict=True)]  # fmt: skip
        single = isinstance(argnums, (int, np.integer))
        trees = [lin.rebuild(row)[0] if single else tuple(lin.rebuild(row)) for row in rows]
        result = lin.rebuild_out(trees)
        return (result, aux) if has_aux else result

    return wrapped


def _check_holomorphic(lin: Linearization, ins: Sequence[Aval], blocks: list[list[Any]]) -> None:
    """By a complex argument there is a derivative only if a step of i moves the result i times as far as one of 1."""
    if not any(a.dtype.kind == "c" for a in ins):
        return

    def turned(units: list[Any]) -> list[Any]:
        return lin.push([1j * u if a.dtype.kind == "c" else u for u, a in zip(units, ins, strict=True)])

    steps = sweep(turned, ins, len(lin.primals))
    for aval, along, parts in zip(ins, blocks, steps, strict=True):
        if aval.dtype.kind != "c":
            continue
        for block, part, primal in zip(along, parts, lin.primals, strict=True):
            across = _stack(part, aval_of(primal), aval, -1)
            if not np.allclose(concrete(across), 1j * concrete(block), rtol=1e-6, atol=1e-12, equal_nan=True):
                raise ArgumentError(
                    "the function is not holomorphic in its complex argument: it has no complex derivative",
                    wrong="wg.jacobian(lambda z: np.conj(z))(z)",
                    right="wg.jacobian(lambda x, y: f(x + 1j * y), argnums=(0, 1))(z.real, z.imag)",
                )


def _size(avals: Sequence[Aval]) -> int:
    return sum(int(np.prod(a.shape)) for a in avals)


def _stack(parts: Any, of: Aval, by: Aval, axis: int) -> Any:
    """The results of the passes, one per element of `by`, with by's axes last (axis −1) or first (axis 0)."""
    shape = (*of.shape, *by.shape) if axis == -1 else (*by.shape, *of.shape)
    if isinstance(parts, list):  # of passes that were made one by one
        if not parts:
            return np.zeros(shape)
        if not shape:
            return parts[0]
        parts = np.stack(parts)
    return np.reshape(np.moveaxis(parts, 0, axis) if axis else parts, shape)


def hessian(f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The Hessian of a scalar function: every second derivative.

    H[i, j] = ∂²f/∂xᵢ∂xⱼ, computed forward over reverse.

    **Arguments**, **Raises**: as `grad`. **Returns**: a function that returns the Jacobian of the gradient: a tree of
    trees of arrays for a pytree, shape `x.shape + x.shape` for an array; with `has_aux` `(hessian, aux)`.
    **Cost**: n times a few evaluations of f for n inputs; `hvp` gives products with H without forming it.

    >>> import wengert as wg
    >>> wg.hessian(lambda x, y: x**2 * y, argnums=(0, 1))(3.0, 4.0)
    ((8.0, 6.0), (6.0, 0.0))

    **Source**: Pearlmutter, "Fast exact multiplication by the Hessian" (1994).
    """
    return jacobian(grad(f, argnums, has_aux), argnums, has_aux, mode="forward")


def hvp(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The product of the Hessian of a scalar function with a vector, without the Hessian.

    H·v = d/dε ∇f(x + εv) at ε = 0.

    **Arguments**: `f`, `argnums` as in `grad`. **Returns**: a function `(*args, v)`: f's arguments, then a vector with
    the structure of the argument (a tuple for a tuple of argnums); it returns H·v in that structure.
    **Raises**: as `grad`, and `ShapeError` where v does not fit. **Cost**: a small multiple of f, whatever its size.

    >>> import numpy as np, wengert as wg
    >>> wg.hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])

    **Source**: Pearlmutter, "Fast exact multiplication by the Hessian" (1994).
    """
    check_callable(f, "wg.hvp")
    single = isinstance(argnums, (int, np.integer))

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if len(args) < 2:
            raise ArgumentError(
                "hvp takes f's arguments and then a vector", wrong="wg.hvp(f)(x)", right="wg.hvp(f)(x, v)"
            )
        *rest, vector = args
        chosen = positions(argnums, rest)

        def gradient(*selected: Any) -> Any:
            full = list(rest)
            for i, value in zip(chosen, selected, strict=True):
                full[i] = value
            return grad(f, chosen)(*full, **kwargs)

        directions = (vector,) if single else tuple(vector)
        product = jvp(gradient, tuple(rest[i] for i in chosen), directions)[1]
        return product[0] if single else product

    return wrapped
