"""NumPy's namespace where its own protocols do not reach: `import wengert.numpy as np`.

NumPy hands a call to Wengert only where one of the arguments is a traced array. In four places it does not, and code
that uses them is refused with `import numpy as np`. With `import wengert.numpy as np` it runs:

- constructors (`np.zeros(n)`, `np.full(n, x)`, `np.eye(n)`, …) give, inside a transformation, arrays that can be filled
  with traced values; outside, plain ones;
- `np.array([x, y])`, `np.asarray([x, [y, 1.0]])` make an array of traced values;
- functions take lists of traced values: `np.mean([x, y])`, `np.dot([x, y], v)`;
- `np.vectorize(f)` calls f element by element.

Everything else is NumPy's own object.

>>> import wengert as wg
>>> import wengert.numpy as np
>>> def f(x):
...     y = np.zeros(2)
...     y[0] = np.mean([x, 3.0])
...     return np.sum(np.array([x, 2.0]) * y)
>>> wg.grad(f)(1.0)
2.5
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as _np

from wengert.core.alias import traceable
from wengert.core.errors import MissingRuleError
from wengert.core.tracer import Tracer, is_running
from wengert.ops.inplace import gathered

ndarray = _np.ndarray


def _array(function: Any) -> Callable[..., Any]:
    """A constructor from values."""

    @functools.wraps(function)
    def make(object: Any, dtype: Any = None, **options: Any) -> Any:
        if _holds_tracer(object):
            return gathered(object, dtype)
        plain = function(object, dtype, **options)
        return traceable(plain) if is_running() else plain

    return make


def _constructor(function: Any) -> Callable[..., Any]:
    """A constructor from shapes and numbers."""

    @functools.wraps(function)
    def make(*args: Any, **options: Any) -> Any:
        if any(map(_holds_tracer, args)):
            return function(*map(_stacked, args), **options)
        plain = function(*args, **options)
        return traceable(plain) if is_running() else plain

    return make


def full(shape: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    """np.full, also of a traced number."""
    if _holds_tracer(fill_value):
        return _np.copy(_np.broadcast_to(gathered(fill_value, dtype), shape))
    plain = _np.full(shape, fill_value, dtype, **options)
    return traceable(plain) if is_running() else plain


class vectorize:
    """np.vectorize: f element by element, over arguments that are broadcast; slow, for code that exists."""

    def __init__(self, pyfunc: Callable[..., Any], otypes: Any = None, excluded: Any = None, **options: Any) -> None:
        if options.get("signature") or excluded:
            raise MissingRuleError(
                "wengert.numpy.vectorize takes neither signature= nor excluded=",
                wrong='np.vectorize(f, signature="(n)->()")(x)',
                right="np.stack([f(row) for row in x])",
            )
        self.pyfunc, self.plain = pyfunc, _np.vectorize(pyfunc, otypes, **options)

    def __call__(self, *args: Any) -> Any:
        args = tuple(map(_stacked, args))
        if not any(isinstance(a, Tracer) for a in args):
            return self.plain(*args)
        arrays = _np.broadcast_arrays(*args)
        shape = arrays[0].shape
        rows = zip(*(_np.reshape(a, -1) for a in arrays), strict=True)
        return _np.reshape(gathered([self.pyfunc(*row) for row in rows]), shape)


def _holds_tracer(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_holds_tracer, value))
    return isinstance(value, Tracer)


def _stacked(value: Any) -> Any:
    """A list of traced values as the array that NumPy would make of it."""
    return gathered(value) if isinstance(value, (list, tuple)) and _holds_tracer(value) else value


#: What takes a sequence of arrays, which need not fit together into one.
_OF_SEQUENCES = {
    "concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack", "block", "broadcast_arrays",
    "meshgrid", "ix_", "select", "piecewise", "choose",
}  # fmt: skip

array, asarray, asanyarray, ascontiguousarray = map(
    _array, (_np.array, _np.asarray, _np.asanyarray, _np.ascontiguousarray)
)
_CONSTRUCTORS: tuple[Any, ...] = (
    _np.zeros, _np.ones, _np.empty, _np.eye, _np.identity, _np.arange, _np.linspace, _np.tri, _np.zeros_like,
    _np.ones_like, _np.empty_like,
)  # fmt: skip
zeros, ones, empty, eye, identity, arange, linspace, tri, zeros_like, ones_like, empty_like = map(
    _constructor, _CONSTRUCTORS
)
full_like = _constructor(_np.full_like)


def __getattr__(name: str) -> Any:
    found = getattr(_np, name)
    plain = not callable(found) or isinstance(found, type) or (isinstance(found, _np.ufunc) and found.nin > 2)
    return found if plain else _of_lists(found, name in _OF_SEQUENCES)


@functools.cache
def _of_lists(function: Any, of_sequences: bool) -> Any:
    """The function, taking lists of traced values where it takes arrays."""

    def converted(value: Any) -> Any:
        if of_sequences and isinstance(value, (list, tuple)):
            return type(value)(map(_stacked, value))
        return _stacked(value)

    @functools.wraps(function, updated=())
    def call(*args: Any, **options: Any) -> Any:
        return function(*map(converted, args), **options)

    if isinstance(function, _np.ufunc):
        for method in ("reduce", "accumulate", "outer", "at", "reduceat"):
            setattr(call, method, getattr(function, method))
    return call


def __dir__() -> Sequence[str]:
    return sorted({*dir(_np), *globals()})
