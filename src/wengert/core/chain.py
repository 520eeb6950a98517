"""What the chain rule itself is made of: the product with a strong zero, and sums to a shape and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.aval import Aval, broadcast, shape_of
from wengert.core.batching import pointwise
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Linear, Partial

_LARGE = 4096  # elements


def _product(a: Any, b: Any) -> Any:
    product = a * b
    if isinstance(product, np.ndarray):
        # NaN whenever an element is NaN, in one pass and without a temporary; BLAS would start threads for a large one.
        if product.size > _LARGE:
            norm = np.add.reduce(product, axis=None)
        else:
            flat = product if product.ndim == 1 else product.ravel()
            norm = flat.dot(flat)
    else:
        norm = product
    if norm == norm:
        return product
    lost = np.isnan(product) & (np.equal(a, 0) | np.equal(b, 0))
    if isinstance(product, np.ndarray):
        return np.where(lost, np.zeros((), product.dtype), product)
    return type(product)(0) if lost else product


#: a·b, but zero wherever a or b is zero, even if the other is infinite or NaN. What does not depend on x has derivative
#: zero whatever stands behind it, which makes the gradient of np.where(x > 0, np.sqrt(x), 0) right at 0; and since
#: zero absorbs on either side, forward and reverse mode multiply the same chain in either order to the same result.
scale = REGISTRY["scale"] = Primitive(
    "scale",
    _product,
    [Partial(lambda z, a, b: b), Partial(lambda z, a, b: a)],
    aval=broadcast(np.multiply, weak=True),
    complex=True,
    batch=pointwise,
    notation=Notation("·", "scale({0}, {1})", r"{0:5} \cdot {1:5}", 9),
    reference=lambda a, b: a * b if a and b else type(a * b)(0),
)


def spread(ct: Any, shape: tuple[int, ...]) -> Any:
    """np.broadcast_to(ct, shape); a number in a small array is written out, in a quarter of the time of a view."""
    if isinstance(ct, np.generic) and math.prod(shape) <= _LARGE:
        full = np.empty(shape, ct.dtype)
        full.fill(ct)
        return full
    return np.broadcast_to(ct, shape)


def _sum_to(x: Any, *, shape: tuple[int, ...]) -> Any:
    lead = x.ndim - len(shape)
    axes = (*range(lead), *(lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1))
    return np.add.reduce(x, axis=axes).reshape(shape)


def _batched_sum(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    (x,), shape = args, params["shape"]
    full = shape_of(x)
    lead = len(full) - 1 - len(shape)
    summed = np.sum(x, axis=tuple(range(1, lead + 1))) if lead else x
    return bind(primitive, (summed,), {"shape": (full[0], *shape)})


sum_to = REGISTRY["sum_to"] = Primitive(
    "sum_to",
    _sum_to,
    [Linear(lambda ct, x, *, shape: spread(ct, x.shape))],
    aval=lambda x, *, shape: Aval(shape, x.dtype),
    complex=True,
    batch=_batched_sum,
    notation=Notation("Σ", "sum_to({0}, {shape})", r"\operatorname{{sum}}\left({0}\right)"),
)


def unbroadcast(ct: Any, shape: tuple[int, ...]) -> Any:
    """Sum a cotangent over the axes along which an argument of this shape was broadcast."""
    return ct if shape_of(ct) == shape else bind(sum_to, (ct,), {"shape": shape})
