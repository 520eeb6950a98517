"""What is known of the structure of each operation: which inputs its results depend on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.location import user_location
from wengert.core.primitive import REGISTRY, Primitive
from wengert.core.rule import Partial
from wengert.core.snapshot import snapshot
from wengert.core.tracer import Tracer, concrete
from wengert.sparse import rows as sets
from wengert.sparse.contraction import contracted, matmul_terms
from wengert.sparse.rows import Array, Rows


class Masks:
    """Which plain values were computed from the inputs, though they do not vary with them: masks such as x > 0.

    For other inputs they are others, and the pattern shall hold for those too. They are known again by what is in them,
    since they are copied on their way through other levels.
    """

    def __init__(self, width: int) -> None:
        self.width = width  # how many inputs there are
        self.known: set[tuple[int, int]] = set()

    def remember(self, out: Any) -> None:
        """Note a result without derivative, or a tuple of them."""
        for value in out if isinstance(out, tuple) else (out,):
            value = concrete(value)
            if isinstance(value, np.ndarray):
                self.known |= {_content(value != 0), _content(value == 0)}

    def __contains__(self, mask: Array) -> bool:
        return _content(mask) in self.known

    def zeros(self, value: Any) -> Array | None:
        """Where a constant is not zero, whatever the inputs are; None where nothing is known to be zero."""
        if isinstance(value, Tracer):
            return None
        mask = np.asarray(np.not_equal(value, 0))
        return None if mask.all() or (mask.shape and mask in self) else mask


def _content(mask: Any) -> tuple[int, int]:
    return mask.size, hash(mask.tobytes())


#: How many of the last axes of the operand and of the result are mixed; those before are a batch.
_CORES = {
    "adjugate": (2, 2), "cholesky": (2, 2), "det": (2, 0), "eigvalsh": (2, 1), "inv": (2, 2), "pinv": (2, 2),
    "svdvals": (2, 1),
}  # fmt: skip


class Step:
    """One operation: its plain operands, the shapes of all, and the sets of those that are felt.

    They are computed when all of the program has run, and only for steps that the results depend on: until then `felt`
    has the steps that they come from.
    """

    __slots__ = ("felt", "location", "masks", "params", "primitive", "result", "shape", "shapes", "values")

    def __init__(
        self,
        masks: Masks,
        primitive: Primitive,
        values: Sequence[Any],
        params: dict[str, Any],
        felt: dict[int, Any],
        shape: tuple[int, ...],
    ) -> None:
        self.masks, self.primitive, self.params, self.felt = masks, primitive, params, felt
        self.shapes = [shape_of(v) for v in values]
        self.values: list[Any] = [None if i in felt else snapshot(v) for i, v in enumerate(values)]
        self.shape = shape
        self.location = user_location()
        self.result: Rows | None = None

    @property
    def width(self) -> int:
        return self.masks.width

    def rows(self) -> Rows:
        """The sets of the result; of several results they are the same."""
        known = STRUCTURES.get(self.primitive.name)
        if known is not None and self.primitive.impl is REGISTRY[self.primitive.name].impl:  # not a user's namesake
            return known(self, self.shape)
        if self.primitive.outputs == 1 and all(isinstance(self.primitive.rule(i), Partial) for i in self.felt):
            return self.elementwise(self.shape)
        return self.conservative(self.shape)

    def united(self, parts: Sequence[Rows]) -> Rows:
        total = parts[0]
        for part in parts[1:]:
            total = sets.union(total, part)
        return total

    def elementwise(self, shape: tuple[int, ...]) -> Rows:
        """The union of the operands' sets, without those whose partial derivative is a constant zero."""
        parts = []
        for i, rows in self.felt.items():
            spread = _broadcast(rows, self.shapes[i], shape)
            mask = self.vanishing(i)
            parts.append(spread if mask is None else sets.kept(spread, np.broadcast_to(mask, shape).ravel()))
        return self.united(parts)

    def vanishing(self, i: int) -> Array | None:
        """Where ∂out/∂argᵢ is not zero for every input: of x·c it is c, of xᶜ it is zero for c = 0."""
        rule = self.primitive.rule(i)
        if isinstance(rule, Partial) and rule.constant == 0.0:
            return np.zeros((), bool)
        other = rule.argument if isinstance(rule, Partial) else None
        if self.primitive.name in ("power", "lowered_power") and i == 0:
            if 1 in self.felt:
                return None
            return self.masks.zeros(np.subtract(self.values[1], self.values[2] if len(self.values) > 2 else 0))
        if other is None or other == i or other in self.felt:
            return None
        return self.masks.zeros(self.values[other])

    def chosen(self, shape: tuple[int, ...]) -> Rows:
        """np.where: exact for a constant condition, the union of both sides for one that the inputs decide."""
        condition = np.asarray(concrete(self.values[0]))
        if condition.shape and not isinstance(self.values[0], Tracer):
            known = condition != 0
            if known not in self.masks:
                keep = np.broadcast_to(known, shape).ravel()
                sides = {1: keep, 2: ~keep}
                return self.united([sets.kept(_broadcast(rows, self.shapes[i], shape), sides[i])
                                    for i, rows in self.felt.items()])  # fmt: skip
        return self.elementwise(shape)

    def moved(self, shape: tuple[int, ...]) -> Rows:
        """What the operation does with the operands' positions, it does with their sets."""
        rest = {"getitem": 1, "put": 2}.get(self.primitive.name, len(self.values))
        parts, positions, first = [], [], 0
        for i in range(rest):
            size = _size(self.shapes[i])
            parts.append(self.felt[i] if i in self.felt else sets.nothing(size, self.width))
            positions.append(np.arange(first, first + size).reshape(self.shapes[i]))
            first += size
        places = self.primitive.impl(*positions, *map(concrete, self.values[rest:]), **self.params)
        return sets.taken(sets.stacked(parts), np.asarray(places).ravel())

    def reduced(self, shape: tuple[int, ...]) -> Rows:
        """All elements along the axes are united."""
        ndim = len(self.shapes[0])
        axis = self.params["axis"]
        axes = range(ndim) if axis is None else [a % ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
        narrow = tuple(1 if i in axes else n for i, n in enumerate(self.shapes[0]))
        target = np.broadcast_to(_positions(narrow), self.shapes[0])
        return sets.merged(self.felt[0], target.ravel(), _size(shape))

    def laned(self, shape: tuple[int, ...]) -> Rows:
        """All elements along one axis are united, for each of the results along it."""
        axis = self.params["axis"] % len(shape)
        narrow = tuple(1 if i == axis else n for i, n in enumerate(shape))
        target = np.broadcast_to(_positions(narrow), self.shapes[0])
        return _broadcast(sets.merged(self.felt[0], target.ravel(), _size(narrow)), narrow, shape)

    def cumulated(self, shape: tuple[int, ...]) -> Rows:
        """A running sum: element k depends on those up to k."""
        axis = self.params["axis"] % len(shape)
        lanes = np.moveaxis(_positions(shape), axis, -1).reshape(-1, shape[axis])
        sets.check_size(_size(shape) * shape[axis] / 2)
        later, earlier = np.tril_indices(shape[axis])
        return sets.united(self.felt[0], lanes[:, later].ravel(), lanes[:, earlier].ravel(), _size(shape))

    def summed_to(self, shape: tuple[int, ...]) -> Rows:
        """The transpose of broadcasting."""
        target = np.broadcast_to(_positions(shape), self.shapes[0])
        return sets.merged(self.felt[0], target.ravel(), _size(shape))

    def scattered(self, shape: tuple[int, ...]) -> Rows:
        """Values added into an array of zeros at their places."""
        indices = self.params["indices"]
        arrays = [concrete(v) for v in self.values[len(indices) :]]
        targets, sources, parts, first = [], [], [], 0
        for i, rows in self.felt.items():
            places = _positions(shape)[_index(indices[i], arrays)]
            own = np.broadcast_to(_positions(self.shapes[i]), np.shape(places))
            targets.append(np.ravel(places))
            sources.append(own.ravel() + first)
            parts.append(rows)
            first += len(rows)
        where, whence = np.concatenate(targets), np.concatenate(sources)
        return sets.united(sets.stacked(parts), where, whence, _size(shape))

    def contracted(self, shape: tuple[int, ...]) -> Rows:
        """A product summed over indices, which skips the zeros of constant factors."""
        if self.primitive.name == "matmul":
            terms, result = matmul_terms(*self.shapes)
        else:
            left, _, result = self.params["subscripts"].partition("->")
            terms = left.split(",")
        parts = []
        for i, rows in self.felt.items():
            masks = {k: self.masks.zeros(v) for k, v in enumerate(self.values) if k not in self.felt}
            known = {k: m for k, m in masks.items() if m is not None}
            parts.append(contracted(rows, i, terms, result, self.shapes, known))
        return self.united(parts)

    def convolved(self, shape: tuple[int, ...]) -> Rows:
        """Σ aᵢ·vⱼ over i + j = n; the modes differ in where n begins."""
        first = (self.shapes[0][0] + self.shapes[1][0] - 1 - shape[0]) // 2
        parts = []
        for i, rows in self.felt.items():
            mask = None if 1 - i in self.felt else self.masks.zeros(self.values[1 - i])
            taps = np.arange(self.shapes[1 - i][0]) if mask is None else np.flatnonzero(mask)
            own = np.arange(len(rows))
            target = (own[:, None] + taps - first).ravel()
            inside = (target >= 0) & (target < shape[0])
            source = np.repeat(own, len(taps))
            parts.append(sets.united(rows, target[inside], source[inside], shape[0]))
        return self.united(parts)

    def interpolated(self, shape: tuple[int, ...]) -> Rows:
        """np.interp: at constant places each result depends on the two values beside it, or on that at an end."""
        if list(self.felt) == [0]:
            return self.elementwise(shape)
        if {0, 1} & set(self.felt):
            return self.conservative(shape)
        x, knots = (np.asarray(concrete(self.values[i])) for i in (0, 1))
        below, above = np.ravel(x < knots[0]), np.ravel(x > knots[-1])
        right = np.clip(np.searchsorted(knots, np.ravel(x)), 1, max(len(knots) - 1, 1))
        parts = []
        for i, rows in self.felt.items():
            if i == 2:
                sides = [sets.taken(rows, np.minimum(k, len(rows) - 1)) for k in (right - 1, right)]
                parts.append(sets.kept(sets.union(*sides), ~(below | above)))
            else:
                parts.append(sets.kept(_broadcast(rows, self.shapes[i], shape), below if i == 3 else above))
        return self.united(parts)

    def solved(self, shape: tuple[int, ...]) -> Rows:
        """Linear systems: each is solved for itself."""
        vector = len(self.shapes[1]) == 1
        parts = [self.blocks(i, 1 if i and vector else 2, shape, 1 if vector else 2) for i in self.felt]
        return self.united(parts)

    def batched(self, shape: tuple[int, ...]) -> Rows:
        """A function of one matrix, or of each of many."""
        core, out = _CORES[self.primitive.name]
        return self.blocks(0, core, shape, out)

    def blocks(self, i: int, core: int, shape: tuple[int, ...], out: int) -> Rows:
        """Of each element of the batch every output depends on every input."""
        own = self.shapes[i]
        batch, wide = own[: len(own) - core], shape[: len(shape) - out]
        groups = np.repeat(np.arange(_size(batch)), _size(own[len(own) - core :]))
        each = sets.merged(self.felt[i], groups, _size(batch))
        return _broadcast(each, (*batch, *(1,) * out), (*wide, *shape[len(shape) - out :]))

    def conservative(self, shape: tuple[int, ...]) -> Rows:
        """Every output depends on every input."""
        everything = [sets.merged(rows, np.zeros(len(rows), np.intp), 1) for rows in self.felt.values()]
        return _broadcast(self.united(everything), (), shape)


def _index(template: tuple[Any, ...], arrays: Sequence[Any]) -> tuple[Any, ...]:
    """An index with its arrays in their slots (`ops/indexing.py: Slot`)."""
    return tuple(arrays[part.position] if hasattr(part, "position") else part for part in template)


def _size(shape: Sequence[int]) -> int:
    return int(np.prod(shape))


def _positions(shape: tuple[int, ...]) -> Array:
    return np.arange(_size(shape)).reshape(shape)


def _broadcast(rows: Rows, have: tuple[int, ...], want: tuple[int, ...]) -> Rows:
    if have == want:
        return rows
    return sets.taken(rows, np.broadcast_to(_positions(have), want).ravel())


_KINDS: dict[Callable[[Step, tuple[int, ...]], Rows], str] = {
    Step.elementwise: "astype conj duplicate imag ldexp phase real undefined",
    Step.chosen: "where",
    Step.moved: "broadcast_to concatenate diagonal getitem put reshape stack transpose",
    Step.reduced: "hypot_reduce logaddexp_reduce max min norm prod sum",
    Step.laned: "cumprod fft ifft irfft rfft",
    Step.cumulated: "cumsum",
    Step.summed_to: "sum_to",
    Step.scattered: "scatter",
    Step.contracted: "einsum matmul",
    Step.convolved: "convolve",
    Step.interpolated: "interp",
    Step.solved: "solve",
    Step.batched: " ".join(_CORES),
}
#: What is known of operations that are not elementwise by their rules.
STRUCTURES = {name: kind for kind, names in _KINDS.items() for name in names.split()}
