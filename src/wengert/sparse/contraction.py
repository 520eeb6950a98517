"""The structure of products that are summed over indices: matrix products and Einstein sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wengert.sparse import rows as sets
from wengert.sparse.rows import LIMIT, Array, Rows

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def matmul_terms(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[list[str], str]:
    """The letters of x @ y: X and Z are the result's rows and columns, Y is summed over."""
    batch = _LETTERS[: max(len(left), len(right))]

    def lead(shape: tuple[int, ...]) -> str:
        return batch[len(batch) - max(len(shape) - 2, 0) :]

    rows, columns = ("X" if len(left) > 1 else ""), ("Z" if len(right) > 1 else "")
    longer = max(lead(left), lead(right), key=len)
    return [f"{lead(left)}{rows}Y", f"{lead(right)}Y{columns}"], f"{longer}{rows}{columns}"


def contracted(
    rows: Rows,
    position: int,
    terms: Sequence[str],
    result: str,
    shapes: Sequence[tuple[int, ...]],
    masks: dict[int, Array],
) -> Rows:
    """The sets of Σ Πₖ operandₖ, as far as they come from the operand at `position`.

    `masks` says of constant operands where they are not zero.
    """
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, n in zip(term, shape, strict=True):
            sizes[letter] = n if sizes.get(letter, 1) == 1 else sizes[letter]
    term = terms[position]
    places = _wide(np.arange(len(rows)).reshape(shapes[position]), term, sizes)
    letters = "".join(dict.fromkeys(term))
    if letters != term:  # a diagonal
        places = np.einsum(f"{term}->{letters}", places)
    if masks:
        filtered = _filtered(rows, places, letters, terms, result, sizes, masks)
        if filtered is not None:
            return filtered
    shared = [c for c in letters if c in result]
    summed = [c for c in letters if c not in result]
    count = int(np.prod([sizes[c] for c in shared]))
    order = places.transpose([letters.index(c) for c in (*shared, *summed)]).ravel()
    each = sets.taken(rows, order)
    if summed:
        each = sets.merged(each, np.repeat(np.arange(count), len(order) // max(count, 1)), count)
    spread = np.arange(count).reshape([sizes[c] for c in shared])
    spread = spread.transpose([shared.index(c) for c in result if c in shared])
    spread = spread.reshape([sizes[c] if c in shared else 1 for c in result])
    return sets.taken(each, np.broadcast_to(spread, [sizes[c] for c in result]).ravel())


def _filtered(
    rows: Rows,
    places: Array,
    letters: str,
    terms: Sequence[str],
    result: str,
    sizes: dict[str, int],
    masks: dict[int, Array],
) -> Rows | None:
    """The same, pair by pair of places at which the constant factors are not zero; None where these are too many."""
    needed = dict.fromkeys(letters + result)
    held = "".join(c for c in needed if any(c in terms[k] for k in masks))
    factors = [_wide(mask, terms[k], sizes).astype(np.float64) for k, mask in masks.items()]
    known = np.einsum(f"{','.join(terms[k] for k in masks)}->{held}", *factors) != 0
    free = [c for c in needed if c not in held]
    count = int(np.prod([sizes[c] for c in free]))
    if count * int(np.count_nonzero(known)) > LIMIT:
        return None
    at = {c: i[:, None] for c, i in zip(held, np.nonzero(known), strict=True)} if held else {}
    grid = np.unravel_index(np.arange(count), [sizes[c] for c in free]) if free else ()
    at.update({c: i[None, :] for c, i in zip(free, grid, strict=True)})
    if not held and not known:
        return sets.nothing(int(np.prod([sizes[c] for c in result])), rows.width)
    wide = np.broadcast_shapes((int(np.count_nonzero(known)) if held else 1, count), *(i.shape for i in at.values()))
    target = np.zeros(wide, np.intp)
    for c in result:
        target = target * sizes[c] + at[c]
    source = np.broadcast_to(places[tuple(at[c] for c in letters)], wide)
    return sets.united(rows, target.ravel(), source.ravel(), int(np.prod([sizes[c] for c in result])))


def _wide(array: Array, term: str, sizes: dict[str, int]) -> Array:
    """With axes of length 1 repeated as the other operands ask for."""
    return np.broadcast_to(array, [sizes[c] for c in term])
