"""Rearranging elements: each operation is linear, and its transpose puts the elements back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.alias import read_only, traceable, view
from wengert.core.aval import Aval, aval_of, promote, shape_of
from wengert.core.batching import BatchRule, by_shape, direct, joined, padded
from wengert.core.chain import unbroadcast
from wengert.core.dispatch import implements, on_values
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Constant, Linear, Rule
from wengert.core.tracer import Tracer, concrete
from wengert.ops.layout import copied, ravel, resolved


def _linear(
    name: str,
    impl: Callable[..., Any],
    transpose: Callable[..., Any],
    aval: Callable[..., Any],
    python: str,
    latex: str,
    batch: BatchRule,
) -> Primitive:
    notation = Notation(name, python, latex)
    primitive = REGISTRY[name] = Primitive(
        name, impl, [Linear(transpose)], aval=aval, joint=True, complex=True, batch=batch, notation=notation
    )
    return primitive


def _batched_transpose(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    return bind(primitive, args, {"axes": (0, *(i + 1 for i in params["axes"]))})


def _batched_broadcast(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    return by_shape(primitive, [padded(args[0], True, len(params["shape"]))], on, params)


reshape = _linear(
    "reshape",
    lambda x, *, shape: np.reshape(x, shape),
    lambda ct, x, *, shape: np.reshape(ct, shape_of(x)),
    lambda x, *, shape: Aval(shape, x.dtype),
    "np.reshape({0}, {shape})",
    r"\operatorname{{reshape}}\left({0}\right)",
    by_shape,
)
transpose = _linear(
    "transpose",
    lambda x, *, axes: np.transpose(x, axes),
    lambda ct, x, *, axes: np.transpose(ct, tuple(int(i) for i in np.argsort(axes))),
    lambda x, *, axes: Aval(tuple(x.shape[i] for i in axes), x.dtype),
    "np.transpose({0}, {axes})",
    r"{0:9}^{{\mathsf{{T}}}}",
    _batched_transpose,
)
broadcast_to = _linear(
    "broadcast_to",
    lambda x, *, shape: np.broadcast_to(x, shape),
    lambda ct, x, *, shape: unbroadcast(ct, shape_of(x)),
    lambda x, *, shape: Aval(shape, x.dtype),
    "np.broadcast_to({0}, {shape})",
    "{0}",
    _batched_broadcast,
)
astype = _linear(
    "astype",
    lambda x, *, dtype: x.astype(dtype) if type(x) is np.ndarray else np.asarray(x).astype(dtype)[()],
    lambda ct, x, *, dtype: cast(ct if aval_of(x).dtype.kind == "c" else np.real(ct), aval_of(x).dtype),
    lambda x, *, dtype: Aval(x.shape, dtype),
    "np.asarray({0}).astype({dtype})",
    "{0}",
    direct,
)
discretize = REGISTRY["discretize"] = Primitive(
    "discretize",
    lambda x, *, dtype: x.astype(dtype) if type(x) is np.ndarray else np.asarray(x).astype(dtype)[()],
    [Constant()],
    aval=lambda x, *, dtype: Aval(x.shape, dtype),
    batch=direct,
    notation=Notation("int", "np.asarray({0}).astype({dtype})", r"\left\lfloor{0}\right\rfloor"),
)


def _split_off(i: int) -> Rule:
    def piece(ct: Any, *arrays: Any, axis: int) -> Any:
        start = sum(shape_of(a)[axis] for a in arrays[:i])
        index = (slice(None),) * axis + (slice(start, start + shape_of(arrays[i])[axis]),)
        return ct[index]

    return Linear(piece, split=_split)


def _split(ct: Any, arrays: Sequence[Any], params: dict[str, Any]) -> list[Any]:
    """What of the cotangent belongs to each of the arrays; one sum over their lengths for all of them."""
    axis, lead = params["axis"], (slice(None),) * params["axis"]
    ends = np.cumsum([shape_of(a)[axis] for a in arrays]).tolist()
    return [ct[(*lead, slice(start, end))] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _concatenated(*avals: Aval, axis: int) -> Aval:
    shape = list(avals[0].shape)
    shape[axis] = sum(a.shape[axis] for a in avals)
    return Aval(tuple(shape), promote(*avals))


concatenate = REGISTRY["concatenate"] = Primitive(
    "concatenate",
    lambda *arrays, axis: np.concatenate(arrays, axis),
    _split_off,
    aval=_concatenated,
    joint=True,
    complex=True,
    batch=joined,
    notation=Notation("concat", "np.concatenate([{args}], {params})", r"\left[{args}\right]"),
)


def _unstack(ct: Any, arrays: Sequence[Any], params: dict[str, Any]) -> list[Any]:
    lead = (slice(None),) * params["axis"]
    return [ct[(*lead, i)] for i in range(len(arrays))]


def _stacked(*avals: Aval, axis: int) -> Aval:
    shape = list(avals[0].shape)
    shape.insert(axis, len(avals))
    return Aval(tuple(shape), np.result_type(*(a.dtype for a in avals)))  # np.stack makes arrays of numbers


stack = REGISTRY["stack"] = Primitive(
    "stack",
    lambda *arrays, axis: np.stack(arrays, axis),
    lambda i: Linear(lambda ct, *arrays, axis: ct[(slice(None),) * axis + (i,)], split=_unstack),
    aval=_stacked,
    joint=True,
    complex=True,
    batch=joined,
    notation=Notation("stack", "np.stack([{args}], {params})", r"\left[{args}\right]"),
)


# NumPy's functions, expressed by the primitives above -------------------------------------------------------------


def _axis(axis: Any, ndim: int) -> int:
    return int(np.lib.array_utils.normalize_axis_index(axis, ndim))


@implements(np.reshape)
def reshape_to(a: Any, /, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    """np.reshape, in C or Fortran order."""
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    old = shape_of(a)
    if -1 in shape:
        rest = int(np.prod([n for n in shape if n != -1]))
        size = int(np.prod(old))
        if shape.count(-1) > 1 or (rest == 0 or size % rest):
            raise ValueError(f"cannot reshape array of size {size} into shape {shape}")
        shape = tuple(size // rest if n == -1 else n for n in shape)
    order = resolved(a, order)
    if order == "F":
        return transpose_of(reshape_to(transpose_of(a), shape[::-1]))
    if order == "K":
        raise ValueError("order 'K' is not permitted for reshaping")
    shape = tuple(int(n) for n in shape)
    result = bind(reshape, (a,), {"shape": shape})
    return view(
        result,
        a,
        lambda base: bind(reshape, (base,), {"shape": shape}),
        lambda base, new: bind(reshape, (new,), {"shape": old}),
    )


@implements(np.transpose)
def transpose_of(a: Any, axes: Any = None) -> Any:
    """np.transpose."""
    ndim = len(shape_of(a))
    axes = tuple(range(ndim))[::-1] if axes is None else tuple(_axis(i, ndim) for i in axes)
    if sorted(axes) != list(range(ndim)):
        raise ValueError(f"axes {axes} don't match an array of {ndim} dimensions")
    back = tuple(int(i) for i in np.argsort(axes))
    result = bind(transpose, (a,), {"axes": axes})
    return view(
        result,
        a,
        lambda base: bind(transpose, (base,), {"axes": axes}),
        lambda base, new: bind(transpose, (new,), {"axes": back}),
    )


@implements(np.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    """np.matrix_transpose."""
    return swapaxes(x, -1, -2)


@implements(np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """np.swapaxes."""
    ndim = len(shape_of(a))
    axes = list(range(ndim))
    i, j = _axis(axis1, ndim), _axis(axis2, ndim)
    axes[i], axes[j] = axes[j], axes[i]
    return transpose_of(a, axes)


@implements(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """np.moveaxis."""
    ndim = len(shape_of(a))
    src = np.lib.array_utils.normalize_axis_tuple(source, ndim)
    dst = np.lib.array_utils.normalize_axis_tuple(destination, ndim)
    axes = [i for i in range(ndim) if i not in src]
    for to, frm in sorted(zip(dst, src, strict=True)):
        axes.insert(to, frm)
    return transpose_of(a, axes)


@implements(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    """np.squeeze."""
    shape = shape_of(a)
    if axis is None:
        return reshape_to(a, tuple(n for n in shape if n != 1))
    axes = np.lib.array_utils.normalize_axis_tuple(axis, len(shape))
    if any(shape[i] != 1 for i in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return reshape_to(a, tuple(n for i, n in enumerate(shape) if i not in axes))


@implements(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    """np.expand_dims."""
    shape = shape_of(a)
    count = 1 if isinstance(axis, (int, np.integer)) else len(axis)
    axes = np.lib.array_utils.normalize_axis_tuple(axis, len(shape) + count)
    rest = iter(shape)
    return reshape_to(a, tuple(1 if i in axes else next(rest) for i in range(len(shape) + count)))


@implements(np.broadcast_to)
def broadcast_array(array: Any, shape: Any, subok: bool = False) -> Any:
    """np.broadcast_to."""
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if shape_of(array) == shape:
        return array
    params = {"shape": shape}
    result = bind(broadcast_to, (array,), params)
    return view(result, array, lambda base: bind(broadcast_to, (base,), params), read_only)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """np.broadcast_arrays."""
    shape = np.broadcast_shapes(*map(shape_of, args))
    return tuple(broadcast_array(a, shape) for a in args)


@implements(np.concatenate)
def concatenate_of(
    arrays: Sequence[Any], /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = None
) -> Any:
    """np.concatenate."""
    arrays = [a if isinstance(a, Tracer) else np.asarray(a) for a in arrays]
    if axis is None:
        arrays, axis = [ravel(a) for a in arrays], 0
    result = bind(concatenate, arrays, {"axis": _axis(axis, len(shape_of(arrays[0])))})
    return result if dtype is None else result.astype(dtype)


@implements(np.stack)
def stack_of(arrays: Sequence[Any], axis: int = 0, out: Any = None, *, dtype: Any = None, casting: Any = None) -> Any:
    """np.stack."""
    arrays = list(arrays)
    result = bind(stack, arrays, {"axis": _axis(axis, len(shape_of(arrays[0])) + 1)})
    return result if dtype is None else result.astype(dtype)


@implements(np.vstack)
def vstack(tup: Sequence[Any], *, dtype: Any = None, casting: Any = None) -> Any:
    """np.vstack."""
    return concatenate_of([atleast_2d(a) for a in tup], 0, dtype=dtype)


@implements(np.hstack)
def hstack(tup: Sequence[Any], *, dtype: Any = None, casting: Any = None) -> Any:
    """np.hstack."""
    arrays = [atleast_1d(a) for a in tup]
    return concatenate_of(arrays, 0 if len(shape_of(arrays[0])) == 1 else 1, dtype=dtype)


@implements(np.column_stack)
def column_stack(tup: Sequence[Any]) -> Any:
    """np.column_stack."""
    return concatenate_of([a if len(shape_of(a)) >= 2 else reshape_to(a, (-1, 1)) for a in tup], 1)


def _at_least(ndim: int, a: Any) -> Any:
    shape = shape_of(a)
    return a if len(shape) >= ndim else reshape_to(a, (1,) * (ndim - len(shape)) + shape)


@implements(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """np.atleast_1d."""
    return _at_least(1, arys[0]) if len(arys) == 1 else tuple(_at_least(1, a) for a in arys)


@implements(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """np.atleast_2d."""
    return _at_least(2, arys[0]) if len(arys) == 1 else tuple(_at_least(2, a) for a in arys)


@implements(np.astype)
def cast(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """np.astype: linear to a floating dtype, piecewise constant to integers."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "biufc" and isinstance(x, Tracer):
        x._refuse(
            f"an array of dtype {dtype}", "x.astype(object), x.astype(str)", "x, or [str(v) for v in x] to print it"
        )
    if aval_of(x).dtype == dtype and not aval_of(x).weak:
        return copied(x) if copy and isinstance(x, Tracer) and x.is_cell else x
    if aval_of(x).dtype.kind == "c" and dtype.kind == "f":
        warnings.warn("casting complex values to real discards the imaginary part", np.exceptions.ComplexWarning, 2)
        return cast(np.real(x), dtype)
    return bind(astype if dtype.kind in "fc" else discretize, (x,), {"dtype": dtype})


@implements(np.split, np.array_split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """np.split."""
    n = shape_of(ary)[axis]
    axis = _axis(axis, len(shape_of(ary)))
    positions = np.array_split(np.arange(n), indices_or_sections)
    starts = [int(p[0]) if p.size else 0 for p in positions]
    return [ary[(slice(None),) * axis + (slice(s, s + len(p)),)] for s, p in zip(starts, positions, strict=True)]


@implements(np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, *, shape: Any = None, device: Any = None
) -> Any:  # fmt: skip
    """np.full_like."""
    empty = np.zeros_like(concrete(a), aval_of(a).dtype if dtype is None else dtype, order, shape=shape)  # type: ignore[call-overload]
    return traceable(bind(REGISTRY["put"], (empty, cast(fill_value, empty.dtype)), {"index": (Ellipsis,)}))


# What depends on structure alone: not on the numbers, which a recorded graph may replace.
on_values(np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj)
on_values(np.result_type, np.may_share_memory, np.shares_memory, np.array_repr, np.array_str)
