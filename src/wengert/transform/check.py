"""The check of the exact ways to a derivative against each other and against differences of the function's values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.errors import ArgumentError, GradientError
from wengert.core.tree import flatten, map_leaves
from wengert.transform.jvp import jvp
from wengert.transform.numeric import Line, Sample, extrapolate
from wengert.transform.reverse import vjp


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: str | Sequence[str] = ("forward", "reverse"),
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Compare the derivatives of f with numerical ones, and forward with reverse mode; raise where they disagree.

    J·t against Richardson's difference of s ↦ f(x + s·t), ⟨Jᵀ·ct, t⟩ against ⟨ct, J·t⟩; then the same of the functions
    x ↦ J·t and x ↦ Jᵀ·ct, up to `order`. Directions are random, with a fixed seed, one argument at a time; those of
    complex numbers are complex, and ⟨a, b⟩ = Re Σ ā·b.

    **Arguments**: `f`; `args`, the tuple of its arguments (pytrees of numbers and float or complex arrays), at a
    point where f is smooth; `order`, 1 or more; `modes`, of "forward" and "reverse"; `rtol`, by default max(10⁻⁶, √ε)
    of the coarsest precision among args and f's results; `atol`, by default what rounding leaves of sums of terms of
    f's size. The numerical side is computed in float64, and its own error estimate is allowed on top.
    **Returns**: None. **Raises**: `GradientError` with order, modes, argument, both values and their relative error,
    also where the differences do not converge.
    **Cost**: about 50·n·2ᵒʳᵈᵉʳ evaluations for n arrays, each at the price of a derivative of the order below.

    >>> import numpy as np, wengert as wg
    >>> wg.check_grads(lambda x, y: np.sin(x) * y, (0.5, np.array([1.0, 2.0])), order=3)

    **Source**: Griewank & Walther, *Evaluating Derivatives* (2008), chapter 3; Ridders (1982); in API, jax.test_util.
    """
    if not isinstance(args, (tuple, list)):
        raise ArgumentError(
            "check_grads takes a tuple of arguments", wrong="wg.check_grads(f, x)", right="wg.check_grads(f, (x,))"
        )
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or order < 1:
        raise ArgumentError(f"order is an integer from 1 on, not {order!r}")
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    if not modes or not set(modes) <= {"forward", "reverse"}:
        raise ArgumentError(
            f"modes are taken of 'forward' and 'reverse', not {modes}", right='modes=("forward", "reverse")'
        )
    narrow = Sample(f, range(len(args)), args, {})
    rtol = max(1e-6, math.sqrt(narrow.eps)) if rtol is None else rtol
    check = Check(modes, rtol, atol, narrow.eps, np.random.default_rng(1964))
    check.run(f, tuple(narrow.rebuild(narrow.leaves)), int(order), ())


class Check(NamedTuple):
    """What all comparisons of one `check_grads` share."""

    modes: tuple[str, ...]
    rtol: float
    atol: float | None
    eps: float
    random: np.random.Generator

    def run(self, f: Callable[..., Any], args: tuple[Any, ...], more: int, done: tuple[str, ...]) -> None:
        """Check f, which is the derivative that `done` names, for this and `more` - 1 further orders."""
        wide = Sample(f, range(len(args)), tuple(map_leaves(_widen, arg) for arg in args), {})
        cts = wide.rebuild_out([self.direction(np.ones_like(part)) for part in wide.scatter(wide.value)])
        directions = [self.direction(leaf) for leaf in wide.leaves]
        back = flatten(list(vjp(f, *args)[1](cts)))[0] if "reverse" in self.modes else []
        for i, name in enumerate(wide.names):
            only = [d if i == j else d * 0.0 for j, d in enumerate(directions)]
            where = f"in {name}, at order {len(done) + 1}"
            where += f" (of the derivative that {', then '.join(done)} mode gave)" if done else ""
            numeric, slack = self.differences(wide, only, where)
            ct = _vector(cts)
            if "forward" in self.modes:
                tangent = _vector(jvp(f, args, tuple(wide.rebuild(only)))[1])
                allowed = self.rtol * np.abs(numeric) + slack
                _compare(("forward mode", tangent), ("differences", numeric), allowed, where)
            if "reverse" in self.modes:
                pulled = _inner(_vector(back[i]), _vector(directions[i]))
                allowed = np.abs(ct) @ (self.rtol * np.abs(numeric) + slack)
                _compare(("reverse mode", pulled), ("differences", _inner(ct, numeric)), allowed, where)
            if len(set(self.modes)) == 2:  # ⟨Jᵀ·ct, t⟩ = ⟨ct, J·t⟩ holds to rounding, whatever the differences allow
                terms = np.abs(ct) @ np.abs(tangent) + np.abs(_vector(back[i])) @ np.abs(_vector(directions[i]))
                allowed = min(self.rtol, 1e6 * self.eps) * (terms + np.abs(ct) @ np.abs(wide.value))
                _compare(("reverse mode", pulled), ("forward mode", _inner(ct, tangent)), allowed, where)
        if more > 1:
            ts = tuple(wide.rebuild(directions))
            derived = {"forward": lambda *xs: jvp(f, xs, ts)[1], "reverse": lambda *xs: vjp(f, *xs)[1](cts)}
            for mode in dict.fromkeys(self.modes):
                self.run(derived[mode], args, more - 1, (*done, mode))

    def direction(self, leaf: Any) -> Any:
        """Random numbers of either sign and about the size of x, or of 1 where that is smaller or x is zero."""
        shape, size = np.shape(leaf), np.abs(leaf)
        away = self.random.uniform(0.5, 1.5, shape) * self.random.choice([-1.0, 1.0], shape)
        if np.iscomplexobj(leaf):
            away = away + 1j * self.random.uniform(0.5, 1.5, shape) * self.random.choice([-1.0, 1.0], shape)
        return away * np.where((size > 0) & (size < 1), size, 1.0)

    def differences(self, wide: Sample, direction: Sequence[Any], where: str) -> tuple[Any, Any]:
        """The derivative of s ↦ f(x + s·direction) at 0, and how far each number may be off by no fault of f's."""
        pairs = list(zip(wide.leaves, direction, strict=True))
        line = Line("s", 0.0, lambda s: wide([x + s * d for x, d in pairs]), wide.value, wide.eps)
        with np.errstate(all="ignore"):
            numeric, error, settled = extrapolate(line)
        if not np.all(settled):
            k = int(np.argmin(settled))
            raise GradientError(
                f"the differences {where} do not converge ({numeric[k]:.6g} ± {error[k]:.2g}), so nothing can be "
                "checked: f is not smooth or not finite here, or does not give the same value each time",
                right="a point where f is smooth",
            )
        if self.atol is not None:
            return numeric, 4 * error + self.atol
        sizes = wide.scatter(np.maximum(np.abs(numeric), np.abs(wide.value)))
        return numeric, 4 * error + 100 * self.eps * _vector([np.full(p.shape, np.max(p, initial=0.0)) for p in sizes])


def _widen(leaf: Any) -> Any:
    """A leaf in float64 at least; in float32 the differences themselves would be the coarser side."""
    dtype = getattr(leaf, "dtype", np.dtype(float))
    return leaf.astype(np.result_type(dtype, np.float64)) if dtype in (np.float16, np.float32, np.complex64) else leaf


def _inner(a: Any, b: Any) -> Any:
    return np.real(np.vdot(a, b))


def _vector(tree: Any) -> Any:
    return np.concatenate([np.zeros(0), *(np.ravel(leaf) for leaf in flatten(tree)[0])])


def _compare(one: tuple[str, Any], other: tuple[str, Any], allowed: Any, where: str) -> None:
    a, b, allowed = np.atleast_1d(one[1]), np.atleast_1d(other[1]), np.atleast_1d(allowed)
    wrong = ~(np.abs(a - b) <= allowed)
    if np.any(wrong):
        k = int(np.argmax(np.where(np.isnan(a - b), np.inf, np.abs(a - b)) * wrong))
        relative = abs(a[k] - b[k]) / max(abs(a[k]), abs(b[k]))
        raise GradientError(
            f"{one[0]} and {other[0]} disagree {where}: {a[k]:.10g} against {b[k]:.10g}, "
            f"a relative error of {relative:.2g}",
            right="the right rule for that argument of an operation in f. At order 1 it is wrong itself; at a\n"
            "              higher order what it computes with is, or an argument is called Constant that is not.\n"
            "              And f has to be smooth at this point and to give the same value each time.",
        )
