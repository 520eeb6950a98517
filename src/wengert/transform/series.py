"""Arithmetic of truncated power series z₀ + z₁·t + z₂·t² + …, each coefficient computed when it is needed.

A `Series` knows how its next coefficient comes from coefficients of other series, and of itself: z = eˣ is the
solution of z′ = z·x′, in which z stands on both sides. That is possible because coefficient k of z takes coefficients
below k of the right-hand side only. Nothing here knows an operation; `taylor.py` says which series an operation makes.

**Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapter 13; Knuth, *The Art of Computer Programming*
(1997), volume 2, section 4.7, on power series whose coefficients are computed as they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from wengert.core.chain import scale
from wengert.core.primitive import bind
from wengert.core.tracer import Tracer
from wengert.transform.differential import conform

Need = tuple["Series", int]


class Series:
    """A power series as far as it is known; None stands for a coefficient that is zero whatever the numbers are."""

    __slots__ = ("__weakref__", "known", "like", "origin", "source", "tail")

    def __init__(self, first: Any, like: Any = None) -> None:
        self.known = [first]
        self.like = like  # what the coefficients have the shape and dtype of
        self.tail: Slope | None = None
        self.source: Any = None  # the operation and its arguments
        self.origin: Any = None  # (x, c) of c·x + d

    def needs(self, k: int) -> Sequence[Need]:
        """The coefficients that coefficient k is computed from; those of this series below k are known."""
        raise NotImplementedError

    def next(self, k: int) -> Any:
        """Coefficient k, when all that it needs is known."""
        raise NotImplementedError

    def forget(self) -> None:
        """Let go of what the coefficients were computed from: no more of them will be asked for."""
        self.source = self.tail = self.origin = None

    def slope(self) -> Slope:
        """The derivative, one and the same for all who ask; coefficient 1 must be known."""
        if self.tail is None:
            self.tail = Slope(self)
        return self.tail


def demand(series: Series, order: int) -> None:
    """Compute the coefficients up to an order. A stack replaces recursion, which a high order would exhaust."""
    stack = [(series, order)]
    while stack:
        top, k = stack[-1]
        known = len(top.known)
        if known > k:
            stack.pop()
            continue
        missing = [need for need in top.needs(known) if len(need[0].known) <= need[1]]
        if missing:
            stack += missing
            continue
        found = top.next(known)
        top.known.append(found if found is None or top.like is None else conform(found, top.like))


class Polynomial(Series):
    """A series whose coefficients are given; those that are not are zero."""

    __slots__ = ()

    def __init__(self, coefficients: Sequence[Any], like: Any = None) -> None:
        super().__init__(coefficients[0], like)
        self.known += [None if c is None or like is None else conform(c, like) for c in coefficients[1:]]

    def needs(self, k: int) -> Sequence[Need]:
        return ()

    def next(self, k: int) -> Any:
        return None


class Slope(Series):
    """x′: coefficient k is (k + 1)·xₖ₊₁."""

    __slots__ = ("of",)

    def __init__(self, of: Series) -> None:
        super().__init__(of.known[1])
        self.of = of

    def needs(self, k: int) -> Sequence[Need]:
        return ((self.of, k + 1),)

    def next(self, k: int) -> Any:
        x = self.of.known[k + 1]
        return x if x is None or k == 0 else (k + 1) * x


class Joint(Series):
    """An operation that is linear in some arguments together: the same operation on their coefficients."""

    __slots__ = ("apply", "parts")

    def __init__(self, first: Any, parts: Sequence[Series], apply: Callable[[list[Any]], Any]) -> None:
        super().__init__(first, first)
        self.parts, self.apply = parts, apply

    def needs(self, k: int) -> Sequence[Need]:
        return [(part, k) for part in self.parts]

    def next(self, k: int) -> Any:
        coefficients = [part.known[k] for part in self.parts]
        return None if all(c is None for c in coefficients) else self.apply(coefficients)

    def forget(self) -> None:
        super().forget()
        self.parts, self.apply = (), sum


class Product(Joint):
    """An operation that is linear in each of several arguments: zₖ = Σ f(xᵢ, yⱼ, …) over i + j + … = k."""

    __slots__ = ()

    def next(self, k: int) -> Any:
        total = None
        for places in compositions(k, len(self.parts)):
            coefficients = [part.known[i] for part, i in zip(self.parts, places, strict=True)]
            if not any(c is None for c in coefficients):
                term = self.apply(coefficients)
                total = term if total is None else total + term
        return total


class Convolution(Series):
    """x·y, element by element, with the strong zero of the chain rule: zₖ = Σ xⱼ·yₖ₋ⱼ."""

    __slots__ = ("x", "y")

    def __init__(self, first: Any, x: Series, y: Series) -> None:
        super().__init__(first, first)
        self.x, self.y = x, y

    def needs(self, k: int) -> Sequence[Need]:
        return (self.x, k), (self.y, k)

    def next(self, k: int) -> Any:
        x, y = self.x.known, self.y.known
        pairs = [(x[j], y[k - j]) for j in range(k + 1) if x[j] is not None and y[k - j] is not None]
        total = plain_sum(pairs)
        if total is None and pairs:
            total = bind(scale, pairs[0], {})
            for pair in pairs[1:]:
                total = total + bind(scale, pair, {})
        return total

    def forget(self) -> None:
        super().forget()
        self.x = self.y = NOTHING


class Quotient(Series):
    """What solves product(z, y) = x, linear in z and in y: zₖ = divide(xₖ − Σ product(zₖ₋ⱼ, yⱼ)), summed over j > 0.

    y may be several: A·z + z·B = x, of which the product with the coefficients of A and B is A·z + z·B.
    """

    __slots__ = ("divide", "product", "x", "ys")

    def __init__(
        self, first: Any, x: Series, ys: Sequence[Series], divide: Callable[[Any], Any], product: Callable[..., Any]
    ) -> None:
        super().__init__(first, first)
        self.x, self.ys, self.divide, self.product = x, ys, divide, product

    def needs(self, k: int) -> Sequence[Need]:
        return [(self.x, k), *((y, k) for y in self.ys)]

    def next(self, k: int) -> Any:
        z, rest = self.known, self.x.known[k]
        factors = []
        for j in range(1, k + 1):
            changes = [y.known[j] for y in self.ys]
            if z[k - j] is not None and not all(c is None for c in changes):
                factors.append((z[k - j], *changes))
        total = plain_sum(factors) if self.product is scale else None
        for term in [total] if total is not None else [self.product(*factor) for factor in factors]:
            rest = -term if rest is None else rest - term
        if rest is None:
            return None
        found = self.divide(rest)
        return found if self.product is not scale else strong(rest, found)

    def forget(self) -> None:
        super().forget()
        self.x, self.ys = NOTHING, ()
        self.divide = self.product = abs


class Solution(Series):
    """What solves z′ = F(z, x, x′): coefficient k is that of F below it, divided by k."""

    __slots__ = ("begin", "parts", "right")

    def __init__(self, first: Any, parts: Sequence[Series], begin: Callable[[], Series]) -> None:
        super().__init__(first, first)
        self.parts = parts
        self.begin: Callable[[], Series] | None = begin
        self.right: Series | None = None

    def needs(self, k: int) -> Sequence[Need]:
        if self.right is None:
            unknown = [(part, 1) for part in self.parts if len(part.known) < 2]
            if unknown:  # F takes x′, which begins with x₁
                return unknown
            assert self.begin is not None
            self.right, self.begin = self.begin(), None
        return ((self.right, k - 1),)

    def next(self, k: int) -> Any:
        assert self.right is not None
        slope = self.right.known[k - 1]
        return slope if slope is None or k == 1 else slope / k

    def forget(self) -> None:
        super().forget()
        self.parts, self.right, self.begin = (), None, None


NOTHING = Polynomial([None])


def strong(rest: Any, quotient: Any) -> Any:
    """Zero is strong in a quotient too: nothing divided by zero is nothing."""
    if not isinstance(quotient, Tracer) and not np.any(np.isnan(quotient)):
        return quotient
    return np.where(np.equal(rest, 0), 0.0, quotient)


def plain_sum(pairs: Sequence[tuple[Any, Any]]) -> Any:
    """Σ x·y of plain numbers; None where one is traced or the sum is NaN, so that each product needs its care."""
    total = None
    for x, y in pairs:
        if isinstance(x, Tracer) or isinstance(y, Tracer):
            return None
        term = x * y
        total = term if total is None else total + term
    if total is None or (np.isnan(total).any() if isinstance(total, np.ndarray) else total != total):
        return None
    return total


def compositions(k: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to write k as an ordered sum of so many numbers."""
    if parts == 1:
        yield (k,)
        return
    for first in range(k + 1):
        for rest in compositions(k - first, parts - 1):
            yield (first, *rest)
