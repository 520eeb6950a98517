"""Forward mode for whole functions: `jvp`, and the dual numbers of the textbooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.alias import resolve
from wengert.core.aval import aval_of
from wengert.core.errors import ArgumentError, ShapeError, check_callable
from wengert.core.tracer import concrete, run
from wengert.core.tree import differentiable, flatten, map_leaves, paths
from wengert.transform.forward import ForwardLevel, ForwardTracer
from wengert.transform.linearization import apart, check_output, match, primal_of, settle


def jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """The value of f and its derivative in one direction, computed together: (f(x), J·t).

    **Arguments**: `primals` and `tangents`, two tuples of equal structure (pytrees of numbers and float arrays).
    **Returns**: `(value, tangent)`, with `has_aux` `(value, tangent, aux)`; the tangent has value's structure.
    **Raises**: `ShapeError` where tangents do not fit the primals, `MissingRuleError`, `ArgumentError`.
    **Cost**: about twice f; no memory beyond f's own.

    >>> import numpy as np, wengert as wg
    >>> wg.jvp(lambda x, y: 3 * x**2 * y + x, (1.0, 1.0), (1.0, 0.0))
    (4.0, 7.0)

    **Source**: Wengert, "A simple automatic derivative evaluation program" (1964); Griewank & Walther (2008), 3.1.
    """
    check_callable(f, "wg.jvp")
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise ArgumentError(
            "jvp takes a tuple of primals and one of tangents", wrong="wg.jvp(f, x, t)", right="wg.jvp(f, (x,), (t,))"
        )
    level = ForwardLevel()
    primals, tangents = list(primals), list(tangents)
    leaves, rebuild = flatten(primals)
    if len(primals) != len(tangents):
        raise ShapeError(f"jvp got {len(primals)} primals and {len(tangents)} tangents")
    names = [p for i, primal in enumerate(primals) for p in paths(primal, f"primal {i}")]
    leaves = [differentiable(leaf, name) for leaf, name in zip(leaves, names, strict=True)]
    directions = match(tangents, primals, leaves, "tangent")
    traced = [ForwardTracer(level, leaf, t) for leaf, t in zip(leaves, directions, strict=True)]
    result = run(level, f, rebuild(traced), {})
    aux = None
    if has_aux:
        if not (isinstance(result, tuple) and len(result) == 2):
            raise ShapeError("with has_aux=True the function returns a pair", wrong="return y", right="return y, aux")
        result, aux = result
        aux = map_leaves(lambda leaf: primal_of(level, leaf), aux)
    leaves, rebuild_out = flatten(result)
    outs = [resolve(leaf) for leaf in leaves]
    values = [primal_of(level, o) for o in outs]
    for value in values:
        check_output(value)
    moved = [
        settle(o.tangent if isinstance(o, ForwardTracer) and o.level is level else None, value)
        for o, value in zip(outs, values, strict=True)
    ]
    answer = rebuild_out(apart(values)), rebuild_out(apart(moved))
    return (*answer, aux) if has_aux else answer


class DualLevel(ForwardLevel):
    """The level of all dual numbers that the user writes by hand; it is never closed."""

    __slots__ = ()


class Dual(ForwardTracer):
    """A dual number a + b·ε with ε² = 0; it behaves as a number or an array, and carries its derivative.

    h(a + bε) = h(a) + b·h′(a)·ε for every function of NumPy that has a rule.

    **Arguments**: `value` and `tangent`, numbers or arrays of one shape. **Attributes**: `value`, `tangent`.
    **Raises**: `ShapeError` where the shapes differ, `ArgumentError` for what is no real number.
    **Cost**: about twice that of the plain operation.

    >>> import numpy as np, wengert as wg
    >>> wg.Dual(0.1, 1.0)
    0.1 + 1.0ε
    >>> np.cos(wg.Dual(0.1, 1.0))
    0.9950041652780258 - 0.09983341664682815ε

    **Source**: Clifford (1873); Baydin et al. (2018), section 3.1.1.
    """

    __slots__ = ()

    def __init__(self, value: Any, tangent: Any = 0.0) -> None:
        if isinstance(value, Dual) or isinstance(tangent, Dual):
            raise ArgumentError(
                "a dual number of dual numbers would confuse two perturbations",
                wrong="wg.Dual(wg.Dual(x, 1.0), 1.0)",
                right="wg.jvp(lambda x: wg.jvp(f, (x,), (1.0,))[1], (x,), (1.0,))",
            )
        value = differentiable(value, "the value of a dual number")
        tangent = differentiable(tangent, "the tangent of a dual number")
        if aval_of(value).shape != aval_of(tangent).shape:
            raise ShapeError(
                f"a dual number's parts have one shape, not {aval_of(value).shape} and {aval_of(tangent).shape}"
            )
        super().__init__(_DUALS, value, tangent)

    def __repr__(self) -> str:
        return self._written(_number)

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return self._written(lambda part: format(part, spec)) if spec else repr(self)

    def _written(self, write: Callable[[Any], str]) -> str:
        value, tangent = concrete(self.value), concrete(self.tangent)
        if isinstance(value, np.ndarray):
            return f"{write(value)} + {write(tangent)}ε"
        if isinstance(value, complex):
            return f"{write(value)} + {write(tangent)}ε"
        negative = np.signbit(tangent) and not np.isnan(tangent)
        return f"{write(value)} {'-' if negative else '+'} {write(-tangent if negative else tangent)}ε"


def _number(x: Any) -> str:
    return repr(float(x)) if isinstance(x, float) else str(x)


def _result(level: Any, value: Any, tangent: Any) -> Dual:
    dual = object.__new__(Dual)
    dual.level, dual.value, dual.tangent = level, value, tangent
    return dual


DualLevel.tracer = staticmethod(_result)  # type: ignore[assignment]
#: Below every transformation, above the tape: a Variable may be differentiated by dual numbers, not the reverse.
_DUALS = DualLevel(rank=-1)
