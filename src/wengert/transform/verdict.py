"""Whether a derivative that somebody wrote by hand is right, and where it is wrong: `check_rule`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.errors import ArgumentError, GradientError, check_callable
from wengert.core.tree import flatten, paths
from wengert.transform.application import Application
from wengert.transform.jvp import jvp
from wengert.transform.numeric import Sample, extrapolate

_SHOWN = 5  # wrong elements that a message lists


class Fault(NamedTuple):
    """One element of a Jacobian that a rule has wrong: which, what the rule gives, and what it should."""

    rule: str
    output: str
    argument: str
    given: float
    expected: float

    def __str__(self) -> str:
        return (
            f"{self.rule}: ∂({self.output})/∂({self.argument}) is given as {self.given:.8g}, expected "
            f"{self.expected:.8g}{_hint(self.given, self.expected)}"
        )


class RuleError(GradientError):
    """A derivative written by hand is wrong; `faults` lists where, each a `Fault`."""

    faults: Sequence[Fault] = ()


def check_rule(
    f: Callable[..., Any],
    args: Sequence[Any],
    *,
    pushforward: Callable[..., Any] | None = None,
    pullback: Callable[..., Any] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Tell whether a derivative written by hand is right: every element of its Jacobian, against values of f.

    J·eⱼ by the pushforward and eᵢᵀ·J by the pullback, against Richardson's difference quotient of f.

    **Arguments**: `f`; `args`, the tuple of its arguments (pytrees of real numbers and arrays), at a point where f is
    smooth; the rules as `custom_derivative` takes them. Without any, those that f has: a function made by
    `custom_derivative`, a `wg.primitive`, or any other, whose derivative is then that of Wengert. `rtol`, by default
    max(10⁻⁶, √ε); `atol`, by default what rounding leaves. **Returns**: None.
    **Raises**: `RuleError`, which lists the elements that are wrong, the value given and the value expected, and says
    where the factor between them is one of the usual slips; a rule that is not linear or returns another shape than it
    should raises what it would raise in use.
    **Cost**: about 20·n evaluations of f for n numbers, one call of a rule for each number.

    >>> import numpy as np, wengert as wg
    >>> wg.check_rule(np.sin, (0.5,), pushforward=lambda t, z, x: np.cos(x) * t)
    >>> wg.check_rule(np.cos, (0.5,), pushforward=lambda t, z, x: np.sin(x) * t)
    Traceback (most recent call last):
    ...
    wengert.transform.verdict.RuleError: the derivative of cos is wrong in 1 of 1 elements
      pushforward: ∂(f)/∂(argument 0) is given as 0.47942554, expected -0.47942554: the sign is wrong...

    **Source**: as `finite_difference`; the idea is that of ChainRulesTestUtils (Julia) and `torch.autograd.gradcheck`.
    """
    check_callable(f, "wg.check_rule")
    if not isinstance(args, (tuple, list)):
        raise ArgumentError(
            "check_rule takes a tuple of arguments", wrong="wg.check_rule(f, x)", right="wg.check_rule(f, (x,))"
        )
    if pushforward is None and pullback is None:
        pushforward, pullback = getattr(f, "pushforward", None), getattr(f, "pullback", None)
    sample = Sample(f, range(len(args)), tuple(args), {})
    if any(sample.complex) or any(map(np.iscomplexobj, sample.leaves)):
        raise ArgumentError("check_rule is for real numbers; wg.check_grads takes complex ones too")
    rtol = max(1e-6, sample.eps**0.5) if rtol is None else rtol
    expected, slack = _matrix(sample, atol)
    rows = list(_names(sample.rebuild_out([np.zeros(s) for s in sample.shapes]), "f"))
    columns = [name for leaf, label in zip(sample.leaves, sample.names, strict=True) for name in _elements(leaf, label)]
    faults: list[Fault] = []
    for rule, given in _stated(f, sample, pushforward, pullback):
        wrong = ~(np.abs(given - expected) <= rtol * np.abs(expected) + slack)
        for i, j in np.argwhere(wrong):
            faults.append(Fault(rule, rows[i], columns[j], float(given[i, j]), float(expected[i, j])))
    if faults:
        count = len({(fault.output, fault.argument) for fault in faults})
        name = getattr(f, "__name__", "f")
        lines = [f"the derivative of {name} is wrong in {count} of {expected.size} elements"]
        lines += [f"  {fault}" for fault in faults[:_SHOWN]]
        if len(faults) > _SHOWN:
            lines.append(f"  … and {len(faults) - _SHOWN} more (error.faults has them all)")
        error = RuleError("\n".join(lines))
        error.faults = faults
        raise error


def _matrix(sample: Sample, atol: float | None) -> tuple[Any, Any]:
    """The Jacobian, results by arguments, from differences, and how far each element may be off by no fault."""
    columns, slack = [], []
    for i in range(len(sample.leaves)):
        for line in sample.lines(i):
            with np.errstate(all="ignore"):
                best, error, settled = extrapolate(line)
            if not np.all(settled):
                raise GradientError(
                    f"the differences along {line.name} do not converge at {line.x}, so nothing can be checked: f is "
                    "not smooth or not finite there, or does not give the same value each time",
                    right="a point where f is smooth",
                )
            columns.append(best)
            size = np.max(np.maximum(np.abs(best), np.abs(sample.value)), initial=0.0)
            slack.append(4 * error + (100 * sample.eps * size if atol is None else atol))
    return np.stack(columns, axis=1), np.stack(slack, axis=1)


def _stated(f: Any, sample: Sample, pushforward: Any, pullback: Any) -> Iterator[tuple[str, Any]]:
    """The Jacobian as each rule has it."""
    args = tuple(sample.rebuild([np.array(v) if isinstance(v, np.ndarray) else v for v in sample.leaves]))
    if pushforward is None and pullback is None:

        def columns(*tangents: Any) -> Any:
            return jvp(f, args, tangents)[1]

        moved = [_vector(columns(*sample.rebuild(units))) for units in _units(sample.leaves)]
        yield "its derivative", np.stack(moved, axis=1)
        return
    call = Application(f, (pushforward, pullback), args, {})
    outs = call.value(call.leaves)
    if pushforward is not None:
        moved = [_filled(call.pushed(call.leaves, outs, units), outs) for units in _units(call.leaves)]
        yield "pushforward", np.stack(moved, axis=1)
    if pullback is not None:
        back = [_filled(call.pulled(call.leaves, outs, units), call.leaves) for units in _units(outs)]
        yield "pullback", np.stack(back, axis=0)
    for stated in (pushforward, pullback):
        if stated is not None:
            _check_linear(call, outs, stated is pushforward)


def _check_linear(call: Application, outs: Sequence[Any], forward: bool) -> None:
    """A rule that is right for unit vectors may still do something else with their sums and multiples."""
    random = np.random.default_rng(1964)
    like = call.leaves if forward else outs
    rule = call.pushed if forward else call.pulled
    of: Sequence[Any] = outs if forward else call.leaves
    a, b = ([random.uniform(0.5, 1.5, np.shape(v))[()] for v in like] for _ in range(2))
    one, other = (_filled(rule(call.leaves, outs, t), of) for t in (a, b))
    both = _filled(rule(call.leaves, outs, [2 * x - 3 * y for x, y in zip(a, b, strict=True)]), of)
    if not np.allclose(both, 2 * one - 3 * other, rtol=1e-4, atol=1e-6 * float(np.max(np.abs(one), initial=1.0))):
        name, first = ("pushforward", "tangent") if forward else ("pullback", "cotangent")
        raise RuleError(
            f"the {name} of {call.name} is not linear in its {first}: of 2·a − 3·b it does not make 2·A(a) − 3·A(b)",
            wrong="lambda t, z, x: np.cos(x) * t**2",
            right="lambda t, z, x: np.cos(x) * t",
        )


def _units(leaves: Sequence[Any]) -> Iterator[list[Any]]:
    zeros = [np.zeros(np.shape(v))[()] for v in leaves]
    for i, leaf in enumerate(leaves):
        for k in np.ndindex(np.shape(leaf)):
            unit = np.zeros(np.shape(leaf))
            unit[k] = 1.0
            yield [*zeros[:i], unit[()], *zeros[i + 1 :]]


def _filled(parts: Sequence[Any], like: Sequence[Any]) -> Any:
    """The leaves of a tangent in one vector, with zeros for None."""
    full = [np.broadcast_to(0.0 if p is None else p, np.shape(v)) for p, v in zip(parts, like, strict=True)]
    return np.concatenate([np.zeros(0), *map(np.ravel, full)])


def _vector(tree: Any) -> Any:
    return np.concatenate([np.zeros(0), *map(np.ravel, flatten(tree)[0])])


def _names(tree: Any, root: str) -> Iterator[str]:
    for leaf, label in zip(flatten(tree)[0], paths(tree, root), strict=True):
        yield from _elements(leaf, label)


def _elements(leaf: Any, label: str) -> Iterator[str]:
    for k in np.ndindex(np.shape(leaf)):
        yield f"{label}[{', '.join(map(str, k))}]" if k else label


def _hint(given: float, expected: float) -> str:
    """What the factor between the two says, where it is one of the usual slips."""
    if not np.isfinite(given):
        return ": it is not finite"
    if given == 0:
        return ": a term is missing, or the argument was taken for a constant"
    if expected == 0:
        return ": this argument has no influence there"
    usual = {-1.0: "the sign is wrong", 2.0: "twice as much", 0.5: "half as much"}
    ratio = given / expected
    found = next((text for factor, text in usual.items() if abs(ratio - factor) < 1e-5), "")
    return f": {found}" if found else f", a factor of {ratio:.6g}"
