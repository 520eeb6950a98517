"""The calculus: one line per operation, its derivative included. Nothing here knows who reads it."""

from wengert.core.dispatch import LATE
from wengert.ops import (
    arithmetic,
    comparison,
    composite,
    cumulative,
    einsum,
    exponential,
    factorization,
    fft,
    hyperbolic,
    indexing,
    linalg,
    norm,
    operators,
    reduction,
    shape,
    special,
    spectral,
    trigonometric,
)

LATE["scipy.special"] = "wengert.ops.scipy_special"  # importing SciPy takes longer than everything here

__all__ = [
    "arithmetic",
    "comparison",
    "composite",
    "cumulative",
    "einsum",
    "exponential",
    "factorization",
    "fft",
    "hyperbolic",
    "indexing",
    "linalg",
    "norm",
    "operators",
    "reduction",
    "shape",
    "special",
    "spectral",
    "trigonometric",
]
