"""Sparse Jacobians and Hessians from as many passes as their patterns have colours."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from wengert.core.errors import ArgumentError, check_callable
from wengert.core.tracer import Tracer
from wengert.core.tree import differentiable, flatten, paths
from wengert.sparse.dependence import dependence
from wengert.sparse.plan import Mode, Plan, check_mode, no_matrix
from wengert.sparse.point import Point, check_real
from wengert.sparse.verification import direction, suspicious, unit_of, verify
from wengert.transform.reverse import grad, positions

Argnums = int | Sequence[int]


def jacobian(
    f: Callable[..., Any], argnums: Argnums = 0, plan: Any = None, check: bool = True, jit: Any = None
) -> Callable[..., Any]:
    """The Jacobian of f as a sparse matrix, from as many passes as its pattern has colours.

    J[i, j] = ∂fᵢ/∂xⱼ, where i counts the elements of f's result and j those of the arguments, each in the order of
    `np.ravel`, one leaf of a tree after the other.

    **Arguments**: `f`, with any pytree of real numbers and arrays as its result; `argnums` as in `wg.grad`; `plan`:
    what `wg.sparse.pattern(f)(x)` returned for these shapes, or a matrix whose entries are the places at which the
    derivative may be non-zero; without one the pattern is found anew at each call. `check`: compare the product with
    one random vector with the derivative's own, which finds out a plan that does not fit. `jit`: `wg.jit`, or one with
    options (`functools.partial(wg.jit, threads=1)`), to compute the entries by a compiled program; it needs a plan.
    **Returns**: a function of f's arguments that returns a `scipy.sparse.csr_array`. It has an entry at each place of
    the pattern, also where its value is zero here.
    **Raises**: `GuardError` where an entry is missing in the plan (of more than 4·10⁻¹⁰ of its row, in double
    precision): the program took another branch than where the plan was made;
    `ShapeError` for a plan of another shape; `ArgumentError` for complex numbers, for traced
    arguments, and where the pattern is too dense to be kept; as `wg.jacobian`.
    **Cost**: f once, a forward or reverse pass over its linearization per colour, one for `check`; passes over small
    arrays are done together. Memory for f's intermediate values and a few numbers per entry. The pattern costs a few
    operations per entry for each operation.

    >>> import numpy as np, wengert as wg
    >>> x = np.array([1.0, 2.0, 4.0])
    >>> wg.sparse.jacobian(lambda x: x[1:] * x[:-1])(x).toarray()
    array([[2., 1., 0.],
           [0., 4., 2.]])

    **Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapters 7 and 8; Gebremedhin, Manne & Pothen,
    "What color is your Jacobian? Graph coloring for computing derivatives" (2005).
    """
    check_callable(f, "wg.sparse.jacobian")
    return _derivative(f, f, argnums, plan, check, jit, 1)


def hessian(
    f: Callable[..., Any], argnums: Argnums = 0, plan: Any = None, check: bool = True, jit: Any = None
) -> Callable[..., Any]:
    """The Hessian of a scalar function as a sparse matrix, from products with as many vectors as it has colours.

    H[i, j] = ∂²f/∂xᵢ∂xⱼ, forward over reverse; i and j count the elements of the arguments, as in `jacobian`.

    **Arguments**, **Raises**: as `jacobian`; a plan is that of `wg.sparse.pattern(f, order=2)(x)`.
    **Returns**: a function of f's arguments that returns a `scipy.sparse.csr_array`, symmetric to the last bit.
    **Cost**: the gradient once, and a pass over its linearization per colour.

    >>> import numpy as np, wengert as wg
    >>> wg.sparse.hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2))(np.array([1.0, 2.0, 4.0])).toarray()
    array([[4., 2., 0.],
           [2., 8., 4.],
           [0., 4., 0.]])

    **Source**: Coleman & Moré, "Estimation of sparse Hessian matrices and graph coloring problems" (1984); Gebremedhin,
    Manne & Pothen (2005).
    """
    check_callable(f, "wg.sparse.hessian")
    return _derivative(f, grad(f, argnums), argnums, plan, check, jit, 2)


def pattern(
    f: Callable[..., Any], argnums: Argnums = 0, order: int = 1, mode: Mode | None = None
) -> Callable[..., Plan]:
    """Where the Jacobian (`order=1`) or the Hessian (`order=2`) of f may be non-zero, and a colouring: a `Plan`.

    **Arguments**: `f`, `argnums` as in `jacobian`; `mode`: "forward" or "reverse" for passes in this direction only; by
    default in both, if that needs fewer: forward passes for groups of columns, reverse passes for groups of rows.
    **Returns**: a function of f's arguments that returns the plan. It holds for the branches and the indices that the
    program takes at these arguments; masks that are computed from them (`np.where(x > 0, …)`) may differ. It never
    lacks an entry there; it has entries that are zero where an operation is not known element by element (a Fourier
    transform, an inverse).
    **Raises**: `ArgumentError` where the pattern is too dense to be kept; what f raises.
    **Cost**: f (for a Hessian its gradient) once, a few operations per entry for each of its steps.

    >>> import numpy as np, wengert as wg
    >>> plan = wg.sparse.pattern(lambda x: x[1:] * x[:-1])(np.ones(1000))
    >>> plan.shape, plan.nnz, plan.colors
    ((999, 1000), 1998, 2)

    **Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapter 7.
    """
    check_callable(f, "wg.sparse.pattern")
    if order not in (1, 2):
        raise ArgumentError(f"order is 1 for a Jacobian or 2 for a Hessian, not {order!r}")
    check_mode(mode, order)
    g = f if order == 1 else grad(f, argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Plan:
        chosen = positions(argnums, args)
        _refuse_traced(args, chosen)
        leaves, rebuild = flatten([args[i] for i in chosen])
        names = [p for i in chosen for p in paths(args[i], f"argument {i}")]
        leaves = [differentiable(leaf, name) for leaf, name in zip(leaves, names, strict=True)]
        check_real(leaves)

        def followed(inputs: list[Any]) -> Any:
            given = list(args)
            for i, value in zip(chosen, rebuild(inputs), strict=True):
                given[i] = value
            return g(*given, **kwargs)

        return Plan(dependence(followed, leaves).matrix(), order, mode)

    return wrapped


def values(f: Callable[..., Any], plan: Any, argnums: Argnums = 0) -> Callable[..., Any]:
    """The entries of a sparse Jacobian or Hessian as an array: a NumPy function, to be compiled or differentiated.

    (J[i, j]) for the places (i, j) of the plan's pattern, row by row.

    **Arguments**: `f`, `argnums` as in `jacobian`; `plan`, what `wg.sparse.pattern(f)(x)` returned, or a matrix whose
    entries are the places; with that of a Hessian (`order=2`) f returns one number.
    **Returns**: a function of f's arguments that returns an array of shape `(plan.nnz,)`. `plan.matrix` makes a matrix
    of it. It works under every transformation: `wg.jit(wg.sparse.values(f, plan))` computes all entries in one compiled
    program, `wg.grad` and `wg.vmap` follow it.
    **Raises**: `ShapeError` for a plan of another shape; `ArgumentError` for complex numbers; as `wg.jacobian`. Whether
    an entry is missing in the plan is not looked at: that is what `jacobian(f, plan=plan)` does.
    **Cost**: f once, and a forward or reverse pass over its linearization per colour.

    >>> import numpy as np, wengert as wg
    >>> f, x = lambda x: x[1:] * x[:-1], np.array([1.0, 2.0, 4.0])
    >>> plan = wg.sparse.pattern(f)(x)
    >>> entries = wg.jit(wg.sparse.values(f, plan))
    >>> entries(x)
    array([2., 1., 4., 2.])
    >>> plan.matrix(entries(x)).toarray()
    array([[2., 1., 0.],
           [0., 4., 2.]])

    **Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapter 8.
    """
    check_callable(f, "wg.sparse.values")
    plan = plan if isinstance(plan, Plan) else Plan(plan)
    g = f if plan.order == 1 else grad(f, argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        at = _point(g, plan, argnums, args, kwargs)
        return at.entries(plan)

    return wrapped


def _point(g: Callable[..., Any], plan: Plan, argnums: Argnums, args: Sequence[Any], kwargs: Any) -> Point:
    """The function linearized, if the plan fits it."""
    at = Point(g, positions(argnums, args), args, kwargs)
    plan.check((at.outs.size, at.ins.size))
    return at


def _refuse_traced(args: Sequence[Any], chosen: Sequence[int]) -> None:
    if any(isinstance(leaf, Tracer) for i in chosen for leaf in flatten(args[i])[0]):
        raise no_matrix()


def _derivative(
    f: Callable[..., Any], g: Callable[..., Any], argnums: Argnums, given: Any, check: bool, jit: Any, order: int
) -> Callable[..., Any]:
    """The sparse Jacobian of g, which is f or its gradient."""
    plan = given if given is None or isinstance(given, Plan) else Plan(given, order)
    if plan is not None:
        plan.check_order(order)
    if jit is not None:
        return _compiled(f, g, argnums, plan, check, jit)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        _refuse_traced(args, positions(argnums, args))
        made = plan if plan is not None else pattern(f, argnums, order)(*args, **kwargs)
        at = _point(g, made, argnums, args, kwargs)
        matrix = made.matrix(at.entries(made))
        if check:
            verify(at, matrix, made, given=plan is not None)
        return matrix

    return wrapped


def _compiled(
    f: Callable[..., Any], g: Callable[..., Any], argnums: Argnums, plan: Plan | None, check: bool, jit: Any
) -> Callable[..., Any]:
    """The same, its entries and the product to check them computed by one compiled program."""
    if not callable(jit):
        raise ArgumentError(
            f"jit is what compiles, wg.jit or one with options, not {jit!r}",
            wrong="wg.sparse.jacobian(f, plan=plan, jit=True)",
            right="wg.sparse.jacobian(f, plan=plan, jit=wg.jit)",
        )
    if plan is None:
        raise ArgumentError(
            "what is compiled has the passes of a plan in it, and there is none",
            wrong="wg.sparse.jacobian(f, jit=wg.jit)",
            right="wg.sparse.jacobian(f, plan=wg.sparse.pattern(f)(x), jit=wg.jit)",
        )

    @functools.wraps(f)
    def numbers(*args: Any, **kwargs: Any) -> Any:
        at = _point(g, plan, argnums, args, kwargs)
        v = direction(at.ins)
        return at.entries(plan), at.push(v) if check else None, v, unit_of(at.ins, at.outs)

    run = jit(numbers)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        _refuse_traced(args, positions(argnums, args))
        entries, product, v, unit = run(*args, **kwargs)
        matrix = plan.matrix(entries)
        if check and len(suspicious(product, matrix, v, unit)):
            verify(_point(g, plan, argnums, args, kwargs), matrix, plan, given=True)
        return matrix

    return wrapped
