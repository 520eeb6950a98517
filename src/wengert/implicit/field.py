"""The right-hand sides of differential equations: the user's, and those of its derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compile.jit import jit
from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import ShapeError
from wengert.core.tree import flatten, structure
from wengert.implicit.function import closed, directional, real, replayed
from wengert.implicit.vector import Unknown, ravel
from wengert.transform.higher import jacobian
from wengert.transform.reverse import vjp
from wengert.transform.step import numbers


class Field:
    """The dy/dt of a vector, from y, t and a tuple of arguments; and the fields that were derived from it.

    The user's own field is called as it is. A derived one is compiled: an integration asks for it a thousand times.
    """

    def __init__(self, f: Callable[[Any, Any, Any], Any], derived: bool = False) -> None:
        self.f, self.derived = f, derived
        self._made: dict[Any, Any] = {}

    def __call__(self, y: Any, t: Any, args: Any) -> Any:
        return self.f(y, t, args)

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What is made of this field, made once."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def at(self, args: Any) -> Callable[[Any, Any], Any]:
        """The function of y and t alone."""
        f = self.once("native", lambda: jit(self.f)) if self.derived else self.f
        return lambda y, t: f(y, t, args)

    def matrix(self, args: Any, y: Any, t: Any, name: str) -> Callable[[Any, Any], Any]:
        """Its Jacobian by y, for plain numbers like these."""
        by_y = jacobian(self.f, mode="forward")
        if not self.derived:
            return replayed(by_y, y, t, args, name)
        f = self.once("matrix", lambda: jit(by_y))
        return lambda y, t: f(y, t, args)


def vector_field(
    f: Callable[..., Any], y0: Any, start: Any, args: tuple[Any, ...], name: str
) -> tuple[Field, tuple[Any, ...]]:
    """From f((y, t), *args) on trees to a field on vectors, and its arguments, the traced values from outside too."""
    unknown, form = Unknown(y0, "y0"), structure(y0)
    whole, args = closed(f, (y0, start), args, name)

    def of_vector(y: Any, t: Any, args: Any) -> Any:
        tree = whole((unknown.tree(y), t), *args)
        value = real(ravel(tree), name)
        if value.shape != (len(unknown),):
            raise ShapeError(
                f"the function of {name} returned {value.shape[0]} numbers for the derivatives of {len(unknown)}"
            )
        if len(unknown.sizes) > 1 and (  # a vector may come as a list of its elements, a tree is like y
            structure(tree) != form or [shape_of(leaf) for leaf in flatten(tree)[0]] != [a.shape for a in unknown.avals]
        ):
            raise ShapeError(
                f"the function of {name} returned another structure, or other shapes, than that of y: "
                f"{structure(tree)} for {form}",
                right="a tree like y, in which each derivative has the place of its number",
            )
        return value

    return Field(of_vector), args


class Parameters:
    """The numbers among the arguments with respect to which there are derivatives, as leaves and as one vector."""

    def __init__(self, args: Any) -> None:
        leaves, self.put = numbers(args)
        self.shapes = [shape_of(leaf) for leaf in leaves]
        self.floats = [i for i, leaf in enumerate(leaves) if aval_of(leaf).dtype.kind == "f"]
        self.sizes = [int(np.prod(self.shapes[i])) for i in self.floats]

    def of(self, field: Field, t: Any, args: Any) -> tuple[Callable[..., Any], list[Any]]:
        """The field as a function of y and the parameters, and those."""
        held, put = numbers(args)

        def moved(y: Any, *values: Any) -> Any:
            leaves = list(held)
            for i, value in zip(self.floats, values, strict=True):
                leaves[i] = value
            return field(y, t, put(leaves))

        return moved, [held[i] for i in self.floats]

    def tree(self, vector: Any) -> Any:
        """Cotangents in one vector as those of the arguments."""
        results: list[Any] = [np.zeros(shape) for shape in self.shapes]
        start = 0
        for i, size in zip(self.floats, self.sizes, strict=True):
            results[i] = np.reshape(vector[start : start + size], self.shapes[i])
            start += size
        return self.put(results)


def with_tangent(field: Field) -> Field:
    """The field of y and its tangent s, of (y, s), t and the arguments with theirs."""

    def both(z: Any, t: Any, given: Any) -> Any:
        args, dargs = given
        n = shape_of(z)[0] // 2
        y, s = z[:n], z[n:]
        moved = directional(lambda y, *a: field(y, t, a), (y, *args), (s, *dargs))
        return np.concatenate([field(y, t, args), np.zeros(n) if moved is None else moved])

    return Field(both, derived=True)


def with_cotangent(field: Field) -> Field:
    """The field of y, its cotangent and those of the arguments, backwards."""

    def back(z: Any, t: Any, args: Any) -> Any:
        parameters = Parameters(args)
        n = (shape_of(z)[0] - sum(parameters.sizes)) // 2
        f, values = parameters.of(field, t, args)
        value, pull = vjp(f, z[:n], *values)
        by_y, *by_args = pull(z[n : 2 * n])
        return np.concatenate([value, -by_y, *[-np.reshape(g, (-1,)) for g in by_args]])

    return Field(back, derived=True)


def with_sensitivities(field: Field, n: int) -> Field:
    """The field of y and its sensitivities by every number, of n of y."""

    def all_of_them(z: Any, t: Any, args: Any) -> Any:
        f, values = Parameters(args).of(field, t, args)
        y, s = z[:n], np.reshape(z[n:], (n, -1))
        by_y, *by_args = jacobian(f, range(1 + len(values)), mode="forward")(y, *values)
        moved = [np.zeros((n, n)), *[np.reshape(g, (n, -1)) for g in by_args]]
        return np.concatenate([f(y, *values), np.reshape(by_y @ s + np.concatenate(moved, axis=1), (-1,))])

    return Field(all_of_them, derived=True)
