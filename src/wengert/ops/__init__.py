"""The calculus: one line per operation, its derivative included. Nothing here knows who reads it."""

from wengert.ops import (
    arithmetic,
    comparison,
    composite,
    cumulative,
    einsum,
    exponential,
    hyperbolic,
    indexing,
    linalg,
    norm,
    operators,
    reduction,
    shape,
    special,
    trigonometric,
)

__all__ = [
    "arithmetic",
    "comparison",
    "composite",
    "cumulative",
    "einsum",
    "exponential",
    "hyperbolic",
    "indexing",
    "linalg",
    "norm",
    "operators",
    "reduction",
    "shape",
    "special",
    "trigonometric",
]
