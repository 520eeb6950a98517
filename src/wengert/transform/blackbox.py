"""Functions of which nothing is known but their values: `from_callable`."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from wengert.core.aval import aval_of, is_complex
from wengert.core.errors import ArgumentError, check_callable
from wengert.core.location import user_location
from wengert.core.tree import flatten
from wengert.transform.custom import custom_derivative
from wengert.transform.numeric import SCHEMES, finite_difference
from wengert.transform.step import numbers


class FiniteDifferenceWarning(UserWarning):
    """A derivative went through a function that `from_callable` wraps: to that part it is a difference quotient."""


def from_callable(
    f: Callable[..., Any], *, scheme: str = "central", step: float | None = None, warn: bool = True
) -> Callable[..., Any]:
    """A black box as a function with a derivative, which is no exact one: a difference quotient of its values.

    ∂f/∂xᵢ ≈ (f(x + h·eᵢ) − f(x − h·eᵢ))/2h, off by about h² and ε/h: some 10 digits of 16 at best. An exact rule is
    given by `custom_derivative`.

    **Arguments**: `f`, a function of pytrees of real numbers, whatever it calls; `scheme`, `step`, as in
    `finite_difference`; `warn=False`: the user knows.
    **Returns**: a function with f's results; its attribute `approximate` is the scheme.
    **Raises**: `ArgumentError` for a second derivative (a difference of differences has no digits left) and for complex
    numbers; `GradientError` where f is not finite close by.
    **Warns**: `FiniteDifferenceWarning`, at the first derivative of each wrapped function.
    **Cost**: of a derivative in either mode 2n evaluations of f for n numbers among its arguments (`scheme="forward"`:
    n + 1).

    >>> import math, wengert as wg
    >>> gamma = wg.from_callable(math.gamma, warn=False)
    >>> round(wg.grad(lambda x: gamma(x) * x)(2.0), 8)  # (Γ(x)·x)′ = Γ(x)·x·ψ(x) + Γ(x)
    1.84556867
    >>> gamma.approximate
    'central'

    **Source**: as `finite_difference`.
    """
    check_callable(f, "wg.from_callable")
    if scheme not in SCHEMES:
        raise ArgumentError(f"there is no scheme {scheme!r}", right=" or ".join(f'scheme="{name}"' for name in SCHEMES))
    told = not warn
    name = getattr(f, "__name__", type(f).__name__)

    def second(*args: Any, **kwargs: Any) -> NoReturn:
        raise ArgumentError(
            f"{name} is known by its values alone: it has a first derivative, by differences, and no second one",
            wrong=f"wg.hessian(wg.from_callable({name}))",
            right=f"wg.custom_derivative({name}, pushforward=…), a rule in NumPy",
        )

    def differences(*args: Any, **kwargs: Any) -> Any:
        """The derivative of each part of the result by each part of the arguments, as out.shape + in.shape."""
        nonlocal told
        if not told:
            told = True
            here = user_location()
            warnings.warn_explicit(
                f"the derivative of {name} is a finite difference ({scheme}); wg.custom_derivative takes an exact rule "
                "instead, warn=False silences this",
                FiniteDifferenceWarning,
                here.file if here else __file__,
                here.line if here else 1,
            )
        leaves, rebuild = numbers(args)
        places = _moving(leaves)

        def of(*moved: Any) -> list[Any]:
            values = list(leaves)
            for i, value in zip(places, moved, strict=True):
                values[i] = value
            return flatten(f(*rebuild(values), **kwargs))[0]

        return finite_difference(of, range(len(places)), scheme, step)(*[leaves[i] for i in places])

    slopes = custom_derivative(differences, pushforward=second)  # one operation, whoever follows the arguments

    def matrix(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[list[Any]]:
        """The same, with None for the arguments that are whole numbers."""
        leaves, _ = numbers(args)
        if any(is_complex(leaf) for leaf in leaves):
            raise ArgumentError(f"{name} is known by its values alone, and complex numbers would need two differences")
        places = _moving(leaves)
        rows = []
        for row in slopes(*args, **kwargs):
            blocks = iter(row)
            rows.append([next(blocks) if i in places else None for i in range(len(leaves))])
        return rows

    def pushforward(tangent: Any, out: Any, *args: Any, **kwargs: Any) -> Any:
        moved = numbers((tangent,) if len(args) == 1 else tangent)[0]
        outs, rebuild = flatten(out)
        parts = []
        for row, value in zip(matrix(args, kwargs), outs, strict=True):
            pairs = [(b, t) for b, t in zip(row, moved, strict=True) if b is not None]
            parts.append(sum((np.tensordot(b, t, np.ndim(t)) for b, t in pairs), np.zeros(np.shape(value))))
        return rebuild(parts)

    def pullback(ct: Any, out: Any, *args: Any, **kwargs: Any) -> Any:
        cts, rows = flatten(ct)[0], matrix(args, kwargs)
        leaves, rebuild = numbers(args)
        back = []
        for i, leaf in enumerate(leaves):
            parts = [np.tensordot(c, row[i], np.ndim(c)) for c, row in zip(cts, rows, strict=True)
                     if row[i] is not None]  # fmt: skip
            back.append(sum(parts, np.zeros(np.shape(leaf))))
        result = rebuild(back)
        return result[0] if len(args) == 1 else result

    wrapped = functools.wraps(f)(custom_derivative(f, pushforward=pushforward, pullback=pullback))
    wrapped.approximate = scheme  # type: ignore[attr-defined]
    return wrapped


def _moving(leaves: Sequence[Any]) -> list[int]:
    return [i for i, leaf in enumerate(leaves) if aval_of(leaf).dtype.kind == "f"]
