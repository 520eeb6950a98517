"""Norms of vectors and matrices, and the numbers that they say of a matrix: its condition, its rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import Aval, is_complex, promote, shape_of
from wengert.core.batching import along_axis_or_all, direct, rank, rows
from wengert.core.dispatch import implements
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Constant, Pushforward
from wengert.core.tracer import concrete
from wengert.ops.linalg import conj, real_dtype
from wengert.ops.operand import scalar
from wengert.ops.reduction import expand, normalize_axes, reduced_shape, weighted_sum


def _push(t: Any, z: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    """Re Σ t·x̄/z; zero at zero: a convention, the mean over all directions."""
    axes = normalize_axes(axis, x.ndim)
    z = expand(z, axes, keepdims)
    back = np.where(z == 0, 0.0, conj(x) / z)
    if is_complex(t) or is_complex(back):
        return np.sum(np.real(t * back), axis=axes, keepdims=keepdims)
    return weighted_sum(t, back, axes, keepdims)


def _shape(x: Aval, *, axis: Any, keepdims: bool) -> Aval:
    dtype = real_dtype(x.dtype) if x.dtype.kind in "fc" else promote(x, Aval((), np.dtype(float)))
    return Aval(reduced_shape(x.shape, normalize_axes(axis, len(x.shape)), keepdims), dtype)


euclidean = REGISTRY["norm"] = Primitive(
    "norm",
    lambda x, *, axis, keepdims: np.linalg.norm(x, axis=axis, keepdims=keepdims),
    [Pushforward(_push)],
    aval=_shape,
    complex=True,
    batch=along_axis_or_all,
    notation=Notation("‖·‖", "np.linalg.norm({0}, {params})", r"\left\lVert{0}\right\rVert"),
)


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """np.linalg.norm for vectors (every order) and matrices (Frobenius, 1, ∞); at zero its derivative is 0."""
    ndim = len(shape_of(x))
    axes = normalize_axes(axis, ndim) if axis is None or isinstance(axis, int) else tuple(axis)
    frobenius = ord in ("fro", "f") and len(axes) == 2
    if ord is None or frobenius or (ord == 2 and len(axes) == 1):
        flat = axis is None and (ord is None or ndim == len(axes))
        return bind(euclidean, (x,), {"axis": None if flat else axes, "keepdims": keepdims})
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    axes = np.lib.array_utils.normalize_axis_tuple(axes, ndim)
    if ord in (2, -2, "nuc"):
        values = np.linalg.svdvals(np.moveaxis(x, axes, (-2, -1)))
        norms = np.sum(values, axis=-1) if ord == "nuc" else np.max(values, -1) if ord == 2 else np.min(values, -1)
        return np.reshape(norms, reduced_shape(shape_of(x), axes, True)) if keepdims else norms
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    inner, outer = axes if abs(ord) == 1 else axes[::-1]
    extremum = np.max if ord > 0 else np.min
    norms = extremum(np.sum(np.abs(x), axis=inner, keepdims=True), axis=outer, keepdims=True)
    return norms if keepdims else scalar(np.squeeze(norms, axis=axes))


def _vector_norm(x: Any, ord: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    if ord in (np.inf, -np.inf):
        extremum = np.max if ord > 0 else np.min
        return extremum(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.sum(np.where(np.not_equal(x, 0), 1.0, 0.0), axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)
    return np.sum(np.abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """np.linalg.vector_norm: the norm of all elements, or along axes."""
    shape = shape_of(x)
    axes = normalize_axes(axis, len(shape))
    rest = [i for i in range(len(shape)) if i not in axes]
    flat = np.reshape(np.transpose(x, [*rest, *axes]), (*(shape[i] for i in rest), -1))
    result = norm(flat, ord, axis=-1)
    return np.reshape(result, reduced_shape(shape, axes, True)) if keepdims else result


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """np.linalg.matrix_norm."""
    return norm(x, ord, axis=(-2, -1), keepdims=keepdims)


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """np.linalg.cond; a singular matrix has an infinite condition, and no derivative."""
    if p is None or p in (2, -2):
        values = np.linalg.svdvals(x)
        with np.errstate(all="ignore"):
            return values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]
    return norm(x, p, axis=(-2, -1)) * norm(np.linalg.inv(x), p, axis=(-2, -1))


def _batched_rank(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    """NumPy gives vectors and numbers a rank too: 0 where all elements are zero, else 1."""
    (a,) = args
    if rank(a, True) < 2:
        return np.any(np.not_equal(rows(a), 0), axis=1)
    return direct(primitive, args, on, params)


matrix_rank = REGISTRY["matrix_rank"] = Primitive(
    "matrix_rank",
    np.linalg.matrix_rank,
    [Constant()],
    aval=lambda a, **params: Aval(a.shape[:-2], np.dtype(np.intp)),
    batch=_batched_rank,
    notation=Notation("rank", "np.linalg.matrix_rank({0}, {params})", r"\operatorname{{rank}} {0:9}"),
)


@implements(np.linalg.matrix_rank)
def matrix_rank_of(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """np.linalg.matrix_rank, a number that stays the same or jumps."""
    return bind(matrix_rank, (A,), {"tol": concrete(tol), "hermitian": hermitian, "rtol": concrete(rtol)})
