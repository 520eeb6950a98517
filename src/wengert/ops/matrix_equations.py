"""Matrix equations by LAPACK through SciPy: triangular systems, Sylvester's equation. Read late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from wengert.core.aval import Aval, promote, shape_of
from wengert.core.batching import direct, on_last_axes, system
from wengert.core.chain import unbroadcast
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Constant, Linear, Pushforward
from wengert.ops.linalg import floating, mT


def _over_stacks(solve: Callable[..., Any], *matrices: Any) -> Any:
    """A function of matrices over stacks of them, which are broadcast."""
    matrices = tuple(map(np.asarray, matrices))
    stack = np.broadcast_shapes(*(m.shape[:-2] for m in matrices))
    if not stack:
        return solve(*matrices)
    flat = [np.broadcast_to(m, (*stack, *m.shape[-2:])).reshape(-1, *m.shape[-2:]) for m in matrices]
    results = np.stack([solve(*group) for group in zip(*flat, strict=True)])
    return results.reshape(*stack, *results.shape[1:])


# Triangular systems --------------------------------------------------------------------------------------------------


def part(a: Any, lower: bool, unit_diagonal: bool) -> Any:
    """What of a change of the matrix a triangular solver sees."""
    k = 1 if unit_diagonal else 0
    return np.tril(a, -k) if lower else np.triu(a, k)


def _solve_triangular(a: Any, b: Any, *, trans: bool, lower: bool, unit_diagonal: bool) -> Any:
    options = {"trans": int(trans), "lower": lower, "unit_diagonal": unit_diagonal, "check_finite": False}
    return _over_stacks(lambda a, b: scipy.linalg.solve_triangular(a, b, **options), a, b)


def _triangular_push(t: Any, z: Any, a: Any, b: Any, *, trans: bool, lower: bool, unit_diagonal: bool) -> Any:
    """Of T x = b: dx = −T⁻¹ dT x."""
    moved = part(t, lower, unit_diagonal)
    rest = np.matmul(mT(moved) if trans else moved, z)
    return -bind(triangular, (a, rest), {"trans": trans, "lower": lower, "unit_diagonal": unit_diagonal})


def _triangular_undo(z: Any, a: Any, *, trans: bool, lower: bool, unit_diagonal: bool) -> Any:
    """dT·x, for power series."""
    moved = part(a, lower, unit_diagonal)
    return np.matmul(mT(moved) if trans else moved, z)


def _triangular_transpose(ct: Any, a: Any, b: Any, *, trans: bool, lower: bool, unit_diagonal: bool) -> Any:
    options = {"trans": not trans, "lower": lower, "unit_diagonal": unit_diagonal}
    return unbroadcast(bind(triangular, (a, ct), options), shape_of(b))


def _solution(a: Aval, b: Aval) -> Aval:
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return Aval((*stack, *b.shape[-2:]), floating(Aval((), promote(a, b))))


triangular = REGISTRY["solve_triangular"] = Primitive(
    "solve_triangular",
    _solve_triangular,
    [Pushforward(_triangular_push), Linear(_triangular_transpose)],
    aval=lambda a, b, **options: _solution(a, b),
    complex=True,
    batch=system,
    notation=Notation("solve", "scipy.linalg.solve_triangular({0}, {1}, {params})", r"{0:9}^{{-1}}{1:5}"),
)

triangular.undo = 1, _triangular_undo

# Sylvester's equation A X + X B = Q ----------------------------------------------------------------------------------


def _sylvester(a: Any, b: Any, q: Any) -> Any:
    return _over_stacks(scipy.linalg.solve_sylvester, a, b, q)


def _sylvester_shape(a: Aval, b: Aval, q: Aval) -> Aval:
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2], q.shape[:-2])
    return Aval((*stack, *q.shape[-2:]), floating(Aval((), promote(a, b, q))))


sylvester: Primitive
sylvester = REGISTRY["solve_sylvester"] = Primitive(
    "solve_sylvester",
    _sylvester,
    [
        Pushforward(lambda t, z, a, b, q: -bind(sylvester, (a, b, np.matmul(t, z)), {})),
        Pushforward(lambda t, z, a, b, q: -bind(sylvester, (a, b, np.matmul(z, t)), {})),
        Linear(lambda ct, a, b, q: unbroadcast(bind(sylvester, (mT(a), mT(b), ct), {}), shape_of(q))),
    ],
    aval=_sylvester_shape,
    complex=True,
    batch=on_last_axes(2, 2, 2),
    notation=Notation(
        "sylvester", "scipy.linalg.solve_sylvester({0}, {1}, {2})", r"\operatorname{{sylv}}\left({0}, {1}, {2}\right)"
    ),
)

sylvester.undo = 2, lambda z, a, b: np.matmul(a, z) + np.matmul(z, b)

# Triangular factors P A = L U, in one matrix as LAPACK keeps them -----------------------------------------------------


def unit_lower(lu: Any) -> Any:
    """L."""
    return np.tril(lu, -1) + np.eye(shape_of(lu)[-1], dtype=lu.dtype)


def permuted(rows: Any, order: Any) -> Any:
    """The rows of matrices in another order."""
    return np.take_along_axis(rows, order[..., None], -2)


def _order(piv: Any) -> Any:
    """The permutation that a sequence of exchanges of rows makes."""
    order = np.broadcast_to(np.arange(piv.shape[-1]), piv.shape).copy()
    for i in range(piv.shape[-1]):
        other = piv[..., i : i + 1].astype(np.intp)
        moved = np.take_along_axis(order, other, -1)
        np.put_along_axis(order, other, order[..., i : i + 1], -1)
        order[..., i : i + 1] = moved
    return order


def _lu_factor(a: Any) -> tuple[Any, Any]:
    a = np.asarray(a)
    matrices = a.reshape(-1, *a.shape[-2:])
    pairs = [scipy.linalg.lu_factor(m, check_finite=False) for m in matrices]
    return np.stack([lu for lu, _ in pairs]).reshape(a.shape), np.stack([p for _, p in pairs]).reshape(a.shape[:-1])


def _lu_push(t: Any, z: Any, a: Any) -> tuple[Any, None]:
    """With X = L⁻¹ P dA U⁻¹: dL = L tril(X, −1) and dU = triu(X) U."""
    lu, piv = z
    lower = {"trans": False, "lower": True, "unit_diagonal": True}
    upper = {"trans": True, "lower": False, "unit_diagonal": False}
    left = bind(triangular, (lu, permuted(t, bind(row_order, (piv,), {}))), lower)
    x = mT(bind(triangular, (lu, mT(left)), upper))
    return np.matmul(unit_lower(lu), np.tril(x, -1)) + np.matmul(np.triu(x), np.triu(lu)), None


row_order = REGISTRY["row_order"] = Primitive(
    "row_order",
    _order,
    [Constant()],
    aval=lambda piv: Aval(piv.shape, np.dtype(np.intp)),
    batch=direct,
    notation=Notation("order", "row_order({0})", r"\operatorname{{order}}\left({0}\right)"),
)
lu_factor = REGISTRY["lu_factor"] = Primitive(
    "lu_factor",
    _lu_factor,
    [Pushforward(_lu_push)],
    aval=lambda a: (Aval(a.shape, floating(a)), Aval(a.shape[:-1], np.dtype(np.int32))),
    outputs=2,
    complex=True,
    batch=direct,
    notation=Notation("LU", "scipy.linalg.lu_factor({0})", r"\operatorname{{lu}} {0:9}"),
)


# Vectors that are unique up to their signs ----------------------------------------------------------------------------


def _turn(v: Any, *matrices: Any, lower: bool) -> Any:
    """The factors ±1, or of absolute value 1, by which SciPy's eigenvectors of a matrix or a pencil differ from v."""
    theirs = _over_stacks(lambda *pencil: scipy.linalg.eigh(*pencil, lower=lower)[1], *matrices)
    overlap = np.sum(np.conj(v) * theirs, axis=-2)
    size = np.abs(overlap)
    return (overlap / np.where(size > 0, size, 1)).astype(v.dtype)


turn = REGISTRY["turn"] = Primitive(
    "turn",
    _turn,
    lambda i: Constant(),
    aval=lambda v, *matrices, lower: Aval(v.shape[:-1], v.dtype),
    complex=True,
    batch=direct,
    notation=Notation("turn", "turn({args}, {params})", r"\operatorname{{turn}}\left({args}\right)"),
)
