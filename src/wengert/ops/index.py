"""An index as data: what stands between the brackets of x[…], apart from the arrays in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.batching import padded, rank
from wengert.core.errors import MissingRuleError
from wengert.core.tracer import Tracer


class Slot(NamedTuple):
    """The place of an index array in an index; the array itself is an argument, since it may be traced."""

    position: int


Index = tuple[Any, ...]


def restore(template: Index, arrays: Sequence[Any]) -> Index:
    """The index with its arrays in place."""
    if not arrays:
        return template
    return tuple(arrays[part.position] if isinstance(part, Slot) else part for part in template)


def shifted(template: Index, by: int) -> Index:
    """The same index, where its arrays stand behind so many others."""
    return tuple(Slot(p.position + by) if isinstance(p, Slot) else p for p in template)


class Batched(NamedTuple):
    """An index for many examples at once. NumPy's result of it has the axes of `template`'s own order."""

    template: Index
    arrays: list[Any]
    start: int  # where the axes of the examples and of the index arrays are in NumPy's result
    own: int  # where the axes of the index arrays are in the result for one example
    axes: int  # how many axes the index arrays have
    many: bool  # whether the axis of the examples is one of those of the index arrays, and the first of them

    def first(self, result: Any) -> Any:
        """NumPy's result with the examples in front."""
        return self._moved(result, 1)

    def placed(self, value: Any) -> Any:
        """The opposite: values with the examples in front, as NumPy takes them at this index."""
        return self._moved(value, -1)

    def _moved(self, value: Any, sign: int) -> Any:
        ndim = len(shape_of(value))
        block = range(self.start, self.start + self.axes + self.many)
        rest = [i for i in range(ndim) if i not in block]
        if self.many:
            lead, inner = [block[0]], list(block[1:])
        else:
            lead, inner = [rest.pop(0)], list(block)
        order = [*lead, *rest[: self.own], *inner, *rest[self.own :]]
        if order == list(range(ndim)):
            return value
        return np.transpose(value, order if sign > 0 else [int(i) for i in np.argsort(order)])


def of_examples(
    template: Index, arrays: Sequence[Any], on: Sequence[bool], many: int, shape: tuple[int, ...], base: bool
) -> Batched:
    """The index into the arrays of many examples, each of this shape; `base`: whether there is one for each example.

    Axes picked by arrays come where the first array stands; where a slice stands between two arrays, they come first.
    A whole number counts as an array where there are others.
    """
    template, arrays, on = _counted(template, arrays, on)
    full = _written_out(template, len(shape))
    used = [p.position for p in full if isinstance(p, Slot)]
    axes = max((rank(arrays[k], on[k]) for k in used), default=0)
    batched = any(on[k] for k in used)
    advanced = [i for i, p in enumerate(full) if used and isinstance(p, (Slot, int))]
    own = _landing(full, advanced)
    found = [padded(arrays[k], on[k], axes) for k in used]
    parts = [Slot(used.index(p.position)) if isinstance(p, Slot) else p for p in full]
    if not base:
        return Batched(tuple(parts), found, own, own, axes, True)
    if not batched:
        lead: Any = slice(None)
        start = _landing((lead, *full), [i + 1 for i in advanced])
        return Batched((lead, *parts), found, start, own, axes, False)
    numbers = np.reshape(np.arange(many), (many, *(1,) * axes))
    start = _landing((0, *full), [0, *(i + 1 for i in advanced)])
    return Batched((Slot(len(found)), *parts), [*found, numbers], start, own, axes, True)


def _counted(template: Index, arrays: Sequence[Any], on: Sequence[bool]) -> tuple[Index, Sequence[Any], Sequence[bool]]:
    """The index with positions instead of masks."""
    if all(aval_of(a).dtype.kind != "b" for a in arrays):
        return template, arrays, on
    parts: list[Any] = []
    found: list[Any] = []
    flags: list[bool] = []
    for part in template:
        if not isinstance(part, Slot):
            parts.append(part)
            continue
        array, batched = arrays[part.position], on[part.position]
        mask = aval_of(array).dtype.kind == "b"
        if mask and (batched or isinstance(array, Tracer)):
            raise MissingRuleError(
                "which elements a mask selects differs from one example to the next, and with it their number",
                wrong="y[mask] = values",
                right="y = np.where(mask, values, y)",
            )
        new = np.nonzero(array) if mask else [array]
        parts += [Slot(len(found) + k) for k in range(len(new))]
        found += new
        flags += [batched] * len(new)
    return tuple(parts), found, flags


def _written_out(template: Index, ndim: int) -> Index:
    """The index with slices instead of the ellipsis, and for the axes that it does not name."""
    named = sum(p is not None and p is not Ellipsis for p in template)
    rest = (slice(None),) * (ndim - named)
    if Ellipsis not in template:
        return (*template, *rest)
    k = template.index(Ellipsis)
    return (*template[:k], *rest, *template[k + 1 :])


def _landing(full: Index, advanced: Sequence[int]) -> int:
    """How many axes of NumPy's result stand before those that the arrays pick."""
    if not advanced or advanced[-1] - advanced[0] + 1 != len(advanced):
        return 0
    return sum(not isinstance(p, int) for p in full[: advanced[0]])
