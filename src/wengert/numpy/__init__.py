"""NumPy's namespace where its own protocols do not reach: `import wengert.numpy as np`.

NumPy hands a call to Wengert only where one of the arguments is a traced array. In four places it does not, and code
that uses them is refused with `import numpy as np`. With `import wengert.numpy as np` it runs:

- constructors (`np.zeros(n)`, `np.full(n, x)`, `np.eye(n)`, …) give, inside a transformation, arrays that can be filled
  with traced values; outside, plain ones;
- `np.array([x, y])`, `np.asarray([x, [y, 1.0]])` make an array of traced values;
- functions take lists of traced values: `np.mean([x, y])`, `np.dot([x, y], v)`;
- `np.vectorize(f)` calls f element by element.

Everything else is NumPy's own object. It is also the namespace that the Python array API standard asks for, which code
finds by `x.__array_namespace__()`: every name of the standard is there, with the standard's options.

>>> import wengert as wg
>>> import wengert.numpy as np
>>> def f(x):
...     y = np.zeros(2)
...     y[0] = np.mean([x, 3.0])
...     return np.sum(np.array([x, 2.0]) * y)
>>> wg.grad(f)(1.0)
2.5

**Source**: *Python array API standard*, version 2024.12, https://data-apis.org/array-api/2024.12.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as _np

from wengert.numpy import fft as fft
from wengert.numpy import linalg as linalg
from wengert.numpy.construction import (
    arange,
    array,
    asanyarray,
    asarray,
    ascontiguousarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    full,
    full_like,
    identity,
    linspace,
    ones,
    ones_like,
    tri,
    zeros,
    zeros_like,
)
from wengert.numpy.sequences import accepting
from wengert.numpy.standard import argsort, astype, expand_dims, finfo, iinfo, sort, take_along_axis, vecdot
from wengert.numpy.vectorization import vectorize

__array_api_version__ = "2024.12"
ndarray = _np.ndarray

#: What takes a sequence of arrays, which need not fit together into one.
_OF_SEQUENCES = {
    "concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack", "block", "broadcast_arrays",
    "meshgrid", "ix_", "select", "piecewise", "choose",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "special":  # where SciPy looks for the special functions of a namespace
        return import_module("wengert.scipy.special")
    return accepting(getattr(_np, name), name in _OF_SEQUENCES)


def __dir__() -> Sequence[str]:
    return sorted({*dir(_np), *globals()})


__all__ = [  # what stands here itself; everything else comes from NumPy as it is asked for
    "arange",
    "argsort",
    "array",
    "asanyarray",
    "asarray",
    "ascontiguousarray",
    "astype",
    "empty",
    "empty_like",
    "expand_dims",
    "eye",
    "fft",
    "finfo",
    "from_dlpack",
    "full",
    "full_like",
    "identity",
    "iinfo",
    "linalg",
    "linspace",
    "ndarray",
    "ones",
    "ones_like",
    "sort",
    "take_along_axis",
    "tri",
    "vecdot",
    "vectorize",
    "zeros",
    "zeros_like",
]
