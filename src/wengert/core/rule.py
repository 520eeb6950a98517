"""The four ways to state how an output depends on one argument, to first order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.core.errors import NonlinearError


class Rule:
    """The dependence of a primitive's output on one argument."""

    __slots__ = ()


class Probe:
    """A stand-in for an argument that a function is not supposed to look at; every use of it is an error."""

    __slots__ = ()
    __array_ufunc__ = None

    def _used(self, *args: Any, **kwargs: Any) -> Any:
        raise NonlinearError("a value was used where only its name may stand")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _used
    __pow__ = __rpow__ = __neg__ = __abs__ = __matmul__ = __rmatmul__ = __getitem__ = _used
    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __float__ = __array__ = __array_function__ = _used


class Partial(Rule):
    """Elementwise: `fn(out, *args)` is the partial derivative ∂out/∂arg at each element.

    Of complex numbers it is the complex derivative; its transpose is the product with its conjugate.
    `constant` and `argument` say what `fn` is where it does no arithmetic: a number (x + y), or the argument of that
    position (x·y). Such a partial costs nothing, cannot warn, and shows that the operation is linear in the argument.
    """

    __slots__ = ("argument", "constant", "fn")

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.constant: float | None = None
        self.argument: int | None = None
        probes = [Probe() for _ in range(fn.__code__.co_argcount)] if hasattr(fn, "__code__") else []
        try:
            result = fn(*probes) if probes else None
        except Exception:  # it computes something: neither constant nor an argument
            return
        if type(result) in (int, float):
            self.constant = float(result)  # type: ignore[arg-type]
        elif result in probes[1:]:
            self.argument = probes.index(result) - 1


class Linear(Rule):
    """Linear in this argument: `fn(ct, *args, **params)` is the transpose; forward mode applies the primitive itself.

    `merge(cts, shape, argss, paramss)`, where given, transposes many applications to the same argument in one
    operation (x[0], x[1], … of one array), so that reverse mode stays linear in their number. `split(ct, args, params)`
    gives the cotangents of all arguments at once, where many have one output (a concatenation), for the same reason.
    Both are for selections of elements, whose coefficients are real.
    """

    __slots__ = ("fn", "merge", "split")

    def __init__(
        self, fn: Callable[..., Any], merge: Callable[..., Any] | None = None, split: Callable[..., Any] | None = None
    ) -> None:
        self.fn, self.merge, self.split = fn, merge, split


class Pushforward(Rule):
    """Anything else: `fn(tangent, out, *args, **params)` is the output's tangent, linear in `tangent`."""

    __slots__ = ("fn",)

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn


class Constant(Rule):
    """Provably no dependence: an index, a mask, a piecewise constant function. Never "not written yet"."""

    __slots__ = ()
