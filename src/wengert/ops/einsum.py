"""Einstein's summation: a product linear in every operand, whose transpose is again a product."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from wengert.core.aval import Aval, promote, shape_of
from wengert.core.chain import unbroadcast
from wengert.core.dispatch import implements, refuse_out
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Linear, Rule

_KEPT = 1024  # subscripts that have been read
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@lru_cache(_KEPT)
def explicit(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[tuple[str, ...], str]:
    """Subscripts per operand and of the result, with the ellipsis replaced by letters."""
    subscripts = subscripts.replace(" ", "")
    left, arrow, right = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise ValueError(f"einsum: {subscripts!r} has {len(terms)} operands, but {len(shapes)} were given")
    spare = [letter for letter in _LETTERS if letter not in subscripts]
    batch = max(
        (len(s) - len(t.replace("...", "")) for t, s in zip(terms, shapes, strict=True) if "..." in t), default=0
    )
    names = "".join(spare[:batch])
    full = []
    for term, shape in zip(terms, shapes, strict=True):
        own = len(shape) - len(term.replace("...", ""))
        term = term.replace("...", names[batch - own :] if own else "")
        if len(term) != len(shape):
            raise ValueError(f"einsum: {term!r} does not fit an operand of shape {shape}")
        full.append(term)
    if not arrow:
        joined = "".join(full)
        right = names + "".join(sorted({c for c in joined if joined.count(c) == 1 and c not in names}))
    return tuple(full), right.replace("...", names)


def _sizes(terms: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, n in zip(term, shape, strict=True):
            sizes[letter] = n if sizes.get(letter, 1) == 1 else sizes[letter]
    return sizes


def _split(subscripts: str) -> tuple[list[str], str]:
    left, _, result = subscripts.partition("->")
    return left.split(","), result


class _Back(NamedTuple):
    """How the cotangent of one operand is computed: a product of the result's cotangent and the other operands."""

    subscripts: str
    known: str  # the letters of the product's result: those of the operand that occur elsewhere
    term: str  # the letters of the operand
    sizes: dict[str, int]


@lru_cache(_KEPT)
def _back(i: int, subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> _Back:
    terms, result = _split(subscripts)
    term = terms[i]
    others = [t for j, t in enumerate(terms) if j != i]
    unique = "".join(dict.fromkeys(term))
    known = "".join(c for c in unique if c in result or any(c in t for t in others))
    return _Back(f"{','.join([result, *others])}->{known}", known, term, _sizes(terms, shapes))


def _rule(i: int) -> Rule:
    def transpose(ct: Any, *operands: Any, subscripts: str, optimize: Any) -> Any:
        shapes = tuple([shape_of(o) for o in operands])
        product, known, term, sizes = _back(i, subscripts, shapes)
        shape = shapes[i]
        values = (ct, *operands[:i], *operands[i + 1 :])
        back = bind(einsum, values, {"subscripts": product, "optimize": optimize})
        if known == term and shape_of(back) == shape:
            return back
        unique = "".join(dict.fromkeys(term))
        # Letters that were summed over in this operand alone: every element gets the same cotangent.
        found = dict(zip(known, shape_of(back), strict=True))
        back = np.reshape(back, tuple(found.get(c, 1) for c in unique))
        back = np.broadcast_to(back, tuple(sizes[c] for c in unique))
        # A repeated letter read the diagonal: off it there is no dependence.
        if unique != term:
            back = np.reshape(back, tuple(sizes[c] if k == term.index(c) else 1 for k, c in enumerate(term)))
            for k, c in enumerate(term):
                if k != term.index(c):
                    first = [1] * len(term)
                    first[term.index(c)] = first[k] = sizes[c]
                    back = np.where(np.eye(sizes[c], dtype=bool).reshape(first), back, 0.0)
        return unbroadcast(back, shape)

    return Linear(transpose)


def _shape(*avals: Aval, subscripts: str, optimize: Any) -> Aval:
    terms, result = _split(subscripts)
    sizes = _sizes(terms, [a.shape for a in avals])
    return Aval(tuple(sizes[c] for c in result), promote(*avals))


def _batched(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    """One more letter for the examples."""
    terms, result = _split(params["subscripts"])
    letter = next(c for c in _LETTERS if c not in params["subscripts"])
    terms = [letter + term if batched else term for term, batched in zip(terms, on, strict=True)]
    return bind(primitive, args, {**params, "subscripts": f"{','.join(terms)}->{letter}{result}"})


einsum = REGISTRY["einsum"] = Primitive(
    "einsum",
    lambda *operands, subscripts, optimize: np.einsum(subscripts, *operands, optimize=optimize),
    _rule,
    aval=_shape,
    complex=True,
    batch=_batched,
    notation=Notation(
        "einsum",
        "np.einsum({subscripts}, {args})",
        r"\operatorname{{einsum}}_{{\text{{{subscripts}}}}}\left({args}\right)",
    ),
)


@implements(np.einsum)
def einsum_of(*operands: Any, out: Any = None, optimize: Any = False, **options: Any) -> Any:
    """np.einsum, called with a string of subscripts."""
    if out is not None:
        refuse_out("einsum", out)
    if not isinstance(operands[0], str):
        letters = lambda axes: "".join("..." if a is Ellipsis else _LETTERS[a] for a in axes)  # noqa: E731
        arrays, lists = operands[: len(operands) // 2 * 2 : 2], operands[1::2]
        text = ",".join(map(letters, lists))
        subscripts = text + ("->" + letters(operands[-1]) if len(operands) % 2 else "")
    else:
        subscripts, arrays = operands[0], operands[1:]
    terms, result = explicit(subscripts, tuple([shape_of(a) for a in arrays]))
    value = bind(einsum, arrays, {"subscripts": f"{','.join(terms)}->{result}", "optimize": optimize})
    return value.astype(options["dtype"]) if options.get("dtype") is not None else value
