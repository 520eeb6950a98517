"""Index spaces: which axis of an operation's arguments runs along with which axis of its result.

Each axis gets a letter, as in Einstein's notation: `sum` over the last axis of a matrix is ij → i, a product of
matrices ik, kj → ij. Operations that share letters can share loops (fuse.py). A letter is `fixed` where an operation
picks single places of that axis (a slice, a concatenation): a loop cannot run along it, only code written out place by
place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from wengert.compile.scalar import BITWISE, PREDICATES, SCALARS
from wengert.compile.special import is_special
from wengert.graph.node import Node
from wengert.ops.index import Slot

Letters = tuple[int | None, ...]  # None: an axis of length 1 that is stretched, or one that does not matter


class Space(NamedTuple):
    """The letters of each argument's axes and of the result's, the length of each, and what is special about them."""

    args: tuple[Letters, ...]
    result: Letters
    extents: dict[int, int]
    fixed: frozenset[int] = frozenset()

    @property
    def reduced(self) -> list[int]:
        """The letters that are summed over (or multiplied, …)."""
        return [k for k in self.extents if k not in self.result]


Rule = Callable[[Node], Space | None]
RULES: dict[str, Rule] = {}
#: Reductions over axes that are a parameter, and the operation that they repeat.
REDUCTIONS = {"sum": "add", "sum_to": "add", "prod": "multiply", "max": "max", "min": "min", "any": "or", "all": "and"}
ELEMENTWISE = {*SCALARS, *PREDICATES, *BITWISE, "where", "discretize"}


def is_elementwise(node: Node) -> bool:
    """Whether each element of the result comes from one element of each argument."""
    return node.operation in ELEMENTWISE or is_special(node.primitive)


def space_of(node: Node) -> Space | None:
    """The index space of an operation; None where loops cannot express it."""
    assert node.primitive is not None
    name = node.primitive.name
    if is_elementwise(node):
        return _elementwise(node)
    if name in REDUCTIONS:
        return _reduction(node)
    rule = RULES.get(name)
    return rule(node) if rule is not None else None


def _rule(name: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES[name] = rule
        return rule

    return register


def _aligned(shape: Sequence[int], result: Sequence[int]) -> Letters:
    """The letters of an argument that is broadcast to a shape whose axes are 0, 1, …"""
    lead = len(result) - len(shape)
    return tuple(None if n == 1 and result[lead + i] != 1 else lead + i for i, n in enumerate(shape))


def _elementwise(node: Node) -> Space:
    shape = node.aval.shape
    return Space(
        tuple(_aligned(a.aval.shape, shape) for a in node.args), tuple(range(len(shape))), dict(enumerate(shape))
    )


def _reduction(node: Node) -> Space:
    shape = node.args[0].aval.shape
    extents = dict(enumerate(shape))
    letters = tuple(range(len(shape)))
    if node.primitive is not None and node.primitive.name == "sum_to":
        result = node.aval.shape
        lead = len(shape) - len(result)
        kept = [lead + i for i, n in enumerate(result) if n == shape[lead + i]]
        extra = len(shape)
        out: list[int] = []
        for i in range(len(result)):
            if lead + i in kept:
                out.append(lead + i)
            else:
                extents[extra] = 1
                out.append(extra)
                extra += 1
        return Space((letters,), tuple(out), extents)
    axes, keepdims = node.params["axis"], node.params["keepdims"]
    out, extra = [], len(shape)
    for i in letters:
        if i not in axes:
            out.append(i)
        elif keepdims:
            extents[extra] = 1
            out.append(extra)
            extra += 1
    return Space((letters,), tuple(out), extents)


@_rule("broadcast_to")
def _broadcast(node: Node) -> Space:
    return _elementwise(node)


@_rule("transpose")
def _transpose(node: Node) -> Space:
    axes = node.params["axes"]
    return Space((tuple(range(len(axes))),), tuple(axes), dict(enumerate(node.args[0].aval.shape)))


@_rule("reshape")
def _reshape(node: Node) -> Space:
    """Axes that stay keep their letter; those that are merged or split cannot be run along."""
    old, new = node.args[0].aval.shape, node.aval.shape
    if 0 in old:  # no elements: which axis is which does not matter, and lengths need not multiply to the same
        n, m = len(old), len(old) + len(new)
        return Space((tuple(range(n)),), tuple(range(n, m)), dict(enumerate(old + new)), frozenset(range(m)))
    extents: dict[int, int] = {}
    before: list[int | None] = []
    after: list[int | None] = []
    fixed: set[int] = set()
    i = j = 0

    def fresh(n: int, stuck: bool) -> int:
        letter = len(extents)
        extents[letter] = n
        if stuck:
            fixed.add(letter)
        return letter

    while i < len(old) or j < len(new):
        if i < len(old) and j < len(new) and old[i] == new[j]:
            letter = fresh(old[i], False)
            before.append(letter)
            after.append(letter)
            i, j = i + 1, j + 1
        elif i < len(old) and old[i] == 1:
            before.append(None)
            i += 1
        elif j < len(new) and new[j] == 1:
            after.append(fresh(1, False))
            j += 1
        else:
            left, right = old[i] if i < len(old) else 1, new[j] if j < len(new) else 1
            before.append(fresh(left, True))
            after.append(fresh(right, True))
            i, j = i + 1, j + 1
            while left != right:
                if left < right and i < len(old):
                    left *= old[i]
                    before.append(fresh(old[i], True))
                    i += 1
                elif j < len(new):
                    right *= new[j]
                    after.append(fresh(new[j], True))
                    j += 1
                else:
                    break
    return Space((tuple(before),), tuple(after), extents, frozenset(fixed))


@_rule("getitem")
def _getitem(node: Node) -> Space | None:
    x = node.args[0].aval.shape
    found = basic_index(node.params["index"], x)
    if found is None:
        return None
    extents: dict[int, int] = {}
    source: list[int | None] = []
    result: list[int | None] = []
    fixed: set[int] = set()
    axis = 0
    for part in found:
        letter = len(extents)
        if part is None:
            extents[letter] = 1
            result.append(letter)
            continue
        n = x[axis]
        axis += 1
        extents[letter] = n
        source.append(letter)
        if isinstance(part, slice):
            taken = len(range(*part.indices(n)))
            if part.indices(n) == (0, n, 1):
                result.append(letter)
                continue
            extents[letter + 1] = taken
            fixed.add(letter + 1)
            result.append(letter + 1)
        fixed.add(letter)
    return Space((tuple(source),), tuple(result), extents, frozenset(fixed))


def basic_index(index: tuple[Any, ...], shape: Sequence[int]) -> list[Any] | None:
    """An index of slices and numbers with its ellipsis written out; None where it has index arrays."""
    if any(isinstance(part, Slot) for part in index):
        return None
    return whole_index(index, len(shape))


def whole_index(index: Sequence[Any], ndim: int) -> list[Any]:
    """An index of any kind with its ellipsis written out."""
    taken = sum(part is not None and part is not Ellipsis for part in index)
    where = next((k for k, part in enumerate(index) if part is Ellipsis), len(index))
    return [*index[:where], *[slice(None)] * (ndim - taken), *index[where + 1 :]]


def _joined(node: Node) -> Space:
    """A concatenation along an axis."""
    axis, shape = node.params["axis"], node.aval.shape
    extents = dict(enumerate(shape))
    args: list[Letters] = []
    for arg in node.args:
        letter = len(extents)
        extents[letter] = arg.aval.shape[axis]
        args.append(tuple(letter if i == axis else i for i in range(len(shape))))
    return Space(tuple(args), tuple(range(len(shape))), extents, frozenset({axis, *range(len(shape), len(extents))}))


RULES["concatenate"] = _joined


@_rule("stack")
def _stack(node: Node) -> Space:
    axis, shape = node.params["axis"], node.aval.shape
    letters = tuple(range(len(shape)))
    return Space(
        tuple(letters[:axis] + letters[axis + 1 :] for _ in node.args),
        letters,
        dict(enumerate(shape)),
        frozenset({axis}),
    )


@_rule("matmul")
def _matmul(node: Node) -> Space:
    x, y = (a.aval.shape for a in node.args)
    z = node.aval.shape
    batch = len(z) - (len(x) > 1) - (len(y) > 1)
    extents = dict(enumerate(z))
    k = len(z)
    extents[k] = x[-1]
    left = _aligned(x[:-2], z[:batch]) if len(x) > 2 else ()
    right = _aligned(y[:-2], z[:batch]) if len(y) > 2 else ()
    first = (*left, batch, k) if len(x) > 1 else (k,)
    column = batch + (len(x) > 1)
    second = (*right, k, column) if len(y) > 1 else (k,)
    return Space((first, second), tuple(range(len(z))), extents)


@_rule("einsum")
def _einsum(node: Node) -> Space | None:
    terms, result = node.params["subscripts"].split("->")
    letters = {c: i for i, c in enumerate(sorted(set(terms) - {","}))}
    extents: dict[int, int] = {}
    args: list[Letters] = []
    for term, arg in zip(terms.split(","), node.args, strict=True):
        if len(set(term)) != len(term):
            return None
        for c, n in zip(term, arg.aval.shape, strict=True):
            if extents.setdefault(letters[c], n) != n:
                return None
        args.append(tuple(letters[c] for c in term))
    return Space(tuple(args), tuple(letters[c] for c in result), extents)


def _placed(node: Node) -> Space | None:
    """scatter, put, add_at: the axes along which the index takes everything run along; the others are written out."""
    shape = node.aval.shape
    scatter = node.operation == "scatter"
    indices = (node.params["index"],) if node.operation == "put" else node.params["indices"]
    values = node.args[: len(indices)] if scatter else node.args[1 : 1 + len(indices)]
    found = [basic_index(index, shape) for index in indices]
    if any(index is None for index in found):
        return None
    parts = [[part for part in index or () if part is not None] for index in found]  # one for each axis
    extents = dict(enumerate(shape))
    whole = [all(_is_whole(p[i], n) for p in parts) for i, n in enumerate(shape)]
    fixed = {i for i, w in enumerate(whole) if not w}
    args: list[Letters] = [] if scatter else [tuple(range(len(shape)))]
    for index, value in zip(found, values, strict=True):
        assert index is not None
        places: list[int | None] = []  # the axis that each axis of the value is put along; a new one is along none
        axis = 0
        for part in index:
            if part is None or isinstance(part, slice):
                places.append(None if part is None else axis)
            axis += part is not None
        lead = len(places) - len(value.aval.shape)
        if lead < 0:
            return None
        letters: list[int | None] = []
        for place, n in zip(places[lead:], value.aval.shape, strict=True):
            if place is None or (n == 1 and shape[place] != 1):
                letters.append(None)
            elif whole[place]:
                letters.append(place)
            else:
                letter = len(extents)
                extents[letter] = n
                fixed.add(letter)
                letters.append(letter)
        args.append(tuple(letters))
    return Space(tuple(args), tuple(range(len(shape))), extents, frozenset(fixed))


def _is_whole(part: Any, n: int) -> bool:
    return isinstance(part, slice) and part.indices(n) == (0, n, 1)


RULES["scatter"] = RULES["put"] = RULES["add_at"] = _placed
