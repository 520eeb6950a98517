"""Sparse Jacobians and Hessians from as many passes as their patterns have colours."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from wengert.core.aval import Aval, aval_of
from wengert.core.errors import ArgumentError, GradientError, GuardError, check_callable
from wengert.core.tracer import Tracer
from wengert.core.tree import differentiable, flatten, paths
from wengert.sparse.dependence import dependence
from wengert.sparse.plan import Plan
from wengert.sparse.rows import Array
from wengert.transform.linearization import Linearization
from wengert.transform.reverse import grad, positions

Argnums = int | Sequence[int]

_EXPONENT = 0.6  # of the rounding unit: 4e-10 in double precision, relative to a row of |J|·|v|
_LOOKED_AT = 20  # rows


def jacobian(f: Callable[..., Any], argnums: Argnums = 0, plan: Any = None, check: bool = True) -> Callable[..., Any]:
    """The Jacobian of f as a sparse matrix, from as many passes as its pattern has colours.

    J[i, j] = ∂fᵢ/∂xⱼ, where i counts the elements of f's result and j those of the arguments, each in the order of
    `np.ravel`, one leaf of a tree after the other.

    **Arguments**: `f`, with any pytree of real numbers and arrays as its result; `argnums` as in `wg.grad`; `plan`:
    what `wg.sparse.pattern(f)(x)` returned for these shapes, or a matrix whose entries are the places at which the
    derivative may be non-zero; without one the pattern is found anew at each call. `check`: compare the product with
    one random vector with the derivative's own, which finds out a plan that does not fit.
    **Returns**: a function of f's arguments that returns a `scipy.sparse.csr_array`. It has an entry at each place of
    the pattern, also where its value is zero here.
    **Raises**: `GuardError` where an entry is missing in the plan (of more than 4·10⁻¹⁰ of its row, in double
    precision): the program took another branch than where the plan was made;
    `ShapeError` for a plan of another shape; `ArgumentError` for complex numbers, for traced
    arguments, and where the pattern is too dense to be kept; as `wg.jacobian`.
    **Cost**: f once, a forward or reverse pass over its linearization per colour, one for `check`; memory for f's
    intermediate values and a few numbers per entry. The pattern costs a few operations per entry for each operation.

    >>> import numpy as np, wengert as wg
    >>> x = np.array([1.0, 2.0, 4.0])
    >>> wg.sparse.jacobian(lambda x: x[1:] * x[:-1])(x).toarray()
    array([[2., 1., 0.],
           [0., 4., 2.]])

    **Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapters 7 and 8; Gebremedhin, Manne & Pothen,
    "What color is your Jacobian? Graph coloring for computing derivatives" (2005).
    """
    check_callable(f, "wg.sparse.jacobian")
    return _derivative(f, f, argnums, plan, check, 1)


def hessian(f: Callable[..., Any], argnums: Argnums = 0, plan: Any = None, check: bool = True) -> Callable[..., Any]:
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
    return _derivative(f, grad(f, argnums), argnums, plan, check, 2)


def pattern(f: Callable[..., Any], argnums: Argnums = 0, order: int = 1) -> Callable[..., Plan]:
    """Where the Jacobian (`order=1`) or the Hessian (`order=2`) of f may be non-zero, and a colouring: a `Plan`.

    **Arguments**: `f`, `argnums` as in `jacobian`. **Returns**: a function of f's arguments that returns the plan. It
    holds for the branches and the indices that the program takes at these arguments; masks that are computed from
    them (`np.where(x > 0, …)`) may differ. It never lacks an entry there; it has entries that are zero where an
    operation is not known element by element (a Fourier transform, an inverse).
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
    g = f if order == 1 else grad(f, argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Plan:
        chosen = positions(argnums, args)
        _refuse_traced(args, chosen)
        leaves, rebuild = flatten([args[i] for i in chosen])
        names = [p for i in chosen for p in paths(args[i], f"argument {i}")]
        leaves = [differentiable(leaf, name) for leaf, name in zip(leaves, names, strict=True)]
        _check_real(leaves)

        def followed(inputs: list[Any]) -> Any:
            given = list(args)
            for i, value in zip(chosen, rebuild(inputs), strict=True):
                given[i] = value
            return g(*given, **kwargs)

        return Plan(dependence(followed, leaves).matrix(), order)

    return wrapped


def _refuse_traced(args: Sequence[Any], chosen: Sequence[int]) -> None:
    if any(isinstance(leaf, Tracer) for i in chosen for leaf in flatten(args[i])[0]):
        raise ArgumentError(
            "a sparse derivative is a scipy.sparse array, through which no further derivative can be followed",
            wrong="wg.grad(lambda x: wg.sparse.jacobian(f)(x).sum())",
            right="wg.jacobian(f)   or products with it: wg.jvp, wg.vjp, wg.hvp",
        )


def _check_real(values: Sequence[Any]) -> None:
    if any(aval_of(v).dtype.kind == "c" for v in values):
        raise ArgumentError(
            "a sparse derivative is that of real numbers",
            wrong="wg.sparse.jacobian(f)(z)",
            right="the real and the imaginary part as two arguments, and as two results",
        )


def _derivative(
    f: Callable[..., Any], g: Callable[..., Any], argnums: Argnums, plan: Any, check: bool, order: int
) -> Callable[..., Any]:
    """The sparse Jacobian of g, which is f or its gradient."""
    fixed = plan if plan is None or isinstance(plan, Plan) else Plan(plan, order)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        chosen = positions(argnums, args)
        _refuse_traced(args, chosen)
        made = fixed if fixed is not None else pattern(f, argnums, order)(*args, **kwargs)
        at = Point(g, chosen, args, kwargs)
        made.check(order, (at.outs.size, at.ins.size))
        data = at.entries(made)
        matrix = sp.csr_array((data, made.pattern.indices.copy(), made.pattern.indptr.copy()), shape=made.shape)
        if check:
            at.check(matrix, made, given=fixed is not None)
        return matrix

    return wrapped


class Flat:
    """The leaves of a tree as parts of one vector."""

    def __init__(self, avals: Sequence[Aval]) -> None:
        self.avals = list(avals)
        self.ends = np.cumsum([int(np.prod(a.shape)) for a in self.avals])
        self.size = int(self.ends[-1]) if self.avals else 0

    def leaves(self, vector: Array) -> list[Any]:
        """The parts in the shapes and dtypes of the leaves."""
        parts = np.split(vector, self.ends[:-1]) if self.avals else []
        return [
            float(p[0]) if a.weak else p.reshape(a.shape).astype(a.dtype if a.dtype.kind == "f" else np.float64)[()]
            for p, a in zip(parts, self.avals, strict=True)
        ]

    @property
    def dtype(self) -> np.dtype[Any]:
        kinds = [a.dtype if a.dtype.kind == "f" else np.dtype(np.float64) for a in self.avals]
        return np.result_type(*kinds) if kinds else np.dtype(np.float64)


def _joined(leaves: Sequence[Any]) -> Array:
    return np.concatenate([np.ravel(leaf) for leaf in leaves]) if leaves else np.zeros(0)


class Point:
    """A function linearized at a point, its inputs and outputs taken as two vectors."""

    def __init__(self, g: Callable[..., Any], chosen: Sequence[int], args: Sequence[Any], kwargs: Any) -> None:
        self.lin = Linearization(g, chosen, args, kwargs)
        self.lin.outputs()
        _check_real([*self.lin.leaves, *self.lin.primals])
        self.ins = Flat([aval_of(x) for x in self.lin.leaves])
        self.outs = Flat([aval_of(y) for y in self.lin.primals])

    def push(self, vector: Array) -> Array:
        """J·v."""
        return _joined(self.lin.push(self.ins.leaves(vector)))

    def entries(self, plan: Plan) -> Array:
        """The values of all entries of the plan's pattern."""
        data = np.zeros(plan.nnz, self.outs.dtype)
        for seed, entries, reads in plan.forward:
            data[entries] = self.push(seed)[reads]
        for seed, entries, reads in plan.reverse:
            data[entries] = _joined(self.lin.pull(self.outs.leaves(seed)))[reads]
        return data

    def check(self, matrix: Any, plan: Plan, given: bool) -> None:
        """Raise unless J·v, for a random v, is what the derivative itself makes of v.

        An entry that the pattern lacks is missing from the product, and spoils another entry where one shares its
        pass. Where the two differ by more than rounding errors of J's own size, they are compared with what rounding
        does within f (`noise`); and what is left are rows that are looked at as a whole, by reverse passes.
        """
        random = np.random.default_rng(20050)
        v = random.uniform(0.5, 1.5, self.ins.size) * random.choice([-1.0, 1.0], self.ins.size)
        v = self.rounded(v)
        unit = float(max(np.finfo(self.outs.dtype).eps, np.finfo(self.ins.dtype).eps))
        with np.errstate(all="ignore"):
            want, have = self.push(v).astype(np.float64), matrix @ v
            tolerance = unit**_EXPONENT * (abs(matrix) @ np.abs(v))
            if not _differs(want, have, tolerance).any():
                return
            suspects = np.flatnonzero(_differs(want, have, tolerance + 1000 * self.noise(v, want, random)))
            missing = self.missing(plan, suspects[:_LOOKED_AT])
        if missing is None and len(suspects) <= _LOOKED_AT:
            return
        row, column = missing or (int(suspects[0]), None)
        if given:
            where = f"row {row}" if column is None else f"row {row}, column {column}"
            raise GuardError(
                f"the derivative has an entry that is not in the plan ({where}): the program took another branch here, "
                "or other indices, than where the plan was made",
                wrong="wg.sparse.jacobian(f, plan=plan)(other_x)",
                right="plan = wg.sparse.pattern(f)(other_x)   or no plan at all",
            )
        raise GradientError(
            f"the sparse matrix does not agree with the derivative itself: of row {row} the product with a vector is "
            f"{want[row]:.6g}, not {have[row]:.6g}",
            right="wg.jacobian(f)(x), and please report it; check=False returns the matrix nevertheless",
        )

    def rounded(self, vector: Array) -> Array:
        """The vector as the leaves' precision has it."""
        return _joined(self.ins.leaves(vector)).astype(np.float64)

    def noise(self, v: Array, product: Array, random: np.random.Generator) -> Array:
        """How far rounding moves J·v: by how much J·u + J·(v − u) differs from it for a few u."""
        worst = np.zeros_like(product)
        for k in range(6):
            scale = random.uniform(-1.0, 1.0, v.size) if k % 2 else random.integers(0, 2, v.size)
            u = self.rounded(v * scale)
            worst = np.fmax(worst, np.abs(self.push(u) + self.push(v - u) - product))
        return worst

    def missing(self, plan: Plan, rows: Array) -> tuple[int, int] | None:
        """An entry in one of these rows that is not zero and not in the plan."""
        starts, columns = plan.pattern.indptr, plan.pattern.indices
        for row in rows.tolist():
            seed = np.zeros(self.outs.size)
            seed[row] = 1.0
            slope = _joined(self.lin.pull(self.outs.leaves(seed)))
            slope[columns[starts[row] : starts[row + 1]]] = 0
            if slope.any():
                return row, int(np.flatnonzero(slope)[0])
        return None


def _differs(want: Array, have: Array, tolerance: Array) -> Array:
    """Where two vectors are not the same; infinite and undefined elements need to be so in both."""
    finite = np.isfinite(want) & np.isfinite(have) & np.isfinite(tolerance)
    different = np.isfinite(want) != np.isfinite(have)
    return np.asarray(different | (finite & (np.abs(want - have) > tolerance)))
