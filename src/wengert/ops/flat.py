"""`y.flat`: the elements of a traced array one after another, to read and to write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.tracer import Tracer
from wengert.ops.inplace import gathered, put_flat


class Flat:
    """What `ndarray.flat` is: an iterator that can be indexed, and whose elements can be assigned."""

    __slots__ = ("base", "next")

    def __init__(self, base: Tracer) -> None:
        self.base = base
        self.next = 0

    def __len__(self) -> int:
        return self.base.size

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.next >= len(self):
            raise StopIteration
        self.next += 1
        return self[self.next - 1]

    def __getitem__(self, index: Any) -> Any:
        """A copy, as in NumPy, also where the index is a slice."""
        chosen = self.base.flatten()[index]  # type: ignore[attr-defined]
        return np.copy(chosen) if isinstance(index, slice) else chosen

    def __setitem__(self, index: Any, value: Any) -> None:
        """The elements in order from `value`, which is repeated where it is short."""
        positions = np.arange(len(self))[index].ravel()
        value = np.reshape(gathered(value), -1)
        if positions.size and not shape_of(value)[0]:
            raise ValueError("Error setting single item of array.")
        put_flat(self.base, positions, value)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.base.__array__(*args, **kwargs)

    def __eq__(self, other: object) -> Any:
        return self.base.flatten() == other  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> Any:
        """The elements as an array of one axis."""
        return self.base.flatten()  # type: ignore[attr-defined]


def flat_of(array: Tracer) -> Flat:
    """`y.flat`."""
    return Flat(array)


def set_flat(array: Tracer, value: Any) -> None:
    """`y.flat = v`."""
    Flat(array)[...] = value


Tracer.flat = property(flat_of, set_flat)  # type: ignore[attr-defined]
