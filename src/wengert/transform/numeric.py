"""Derivatives from values of the function alone: difference quotients."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.aval import is_complex
from wengert.core.errors import ArgumentError, GradientError, ShapeError
from wengert.core.tracer import Tracer
from wengert.core.tree import differentiable, flatten, paths
from wengert.transform.linearization import check_output
from wengert.transform.reverse import positions

_SHRINK, _ROWS, _SAFE = 1.4, 10, 2.0  # of Richardson's table, as Ridders and Numerical Recipes choose them
_RESTARTS = 9  # tables, each from a step ten times smaller, before giving up


class Line(NamedTuple):
    """f along one real number x: `at` gives its results, `value` those at x, in the relative precision `eps`.

    A complex number z has two: along its real part and along its imaginary part.
    """

    name: str
    x: Any
    at: Callable[[Any], Any]
    value: Any
    eps: float

    @property
    def scale(self) -> float:
        return max(1.0, abs(float(self.x)))


class Sample:
    """f as a function of the numbers in its selected arguments, on plain values, its results in one flat vector."""

    def __init__(
        self, f: Callable[..., Any], argnums: Sequence[int], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> None:
        self.f, self.argnums, self.args, self.kwargs = f, argnums, list(args), kwargs
        leaves, self.rebuild = flatten([args[i] for i in argnums])
        self.names = [p for i in argnums for p in paths(args[i], f"argument {i}")]
        if not leaves:
            raise ArgumentError("there is nothing to differentiate with respect to: the arguments hold no number")
        self.leaves = []
        for leaf, name in zip(leaves, self.names, strict=True):
            _refuse_tracer(leaf, name)
            self.leaves.append(differentiable(leaf, name))
            if not np.all(np.isfinite(self.leaves[-1])):
                raise ArgumentError(f"{name} is not finite; there are no neighbours to take a difference with")
        self.shapes: list[tuple[int, ...]] = []
        self.complex: list[bool] = []  # which results are
        self.eps = 0.0
        self.value = self(self.leaves)
        _finite(self.value, "at x itself", "")

    def __call__(self, leaves: Sequence[Any]) -> Any:
        """The results of f at these numbers; every call gets arrays of its own, which f may change."""
        args = self.args.copy()
        fresh = [x.copy() if isinstance(x, np.ndarray) else x for x in leaves]
        for i, value in zip(self.argnums, self.rebuild(fresh), strict=True):
            args[i] = value
        try:
            with np.errstate(all="ignore"):  # outside its domain f gives NaN, which we report ourselves
                result = self.f(*args, **self.kwargs)
        except (ArithmeticError, ValueError) as error:
            error.add_note(f"f was called with {args} to take a difference of its values")
            raise
        outs, self.rebuild_out = flatten(result)
        outs = [None] if result is None else outs
        for out in outs:
            _refuse_tracer(out, "the result of f")
            check_output(out)
        shapes = [np.shape(out) for out in outs]
        if not self.eps:
            self.shapes, self.complex = shapes, list(map(np.iscomplexobj, outs))
            kinds = [x.dtype for x in (*map(np.asarray, self.leaves), *map(np.asarray, outs)) if x.dtype.kind in "fc"]
            self.eps = max(float(np.finfo(kind).eps) for kind in kinds)
        elif shapes != self.shapes:
            raise ShapeError(
                f"f returned the shapes {self.shapes} at x and {shapes} close to it: no difference can be taken"
            )
        dtype = np.result_type(np.float64, *outs)
        return np.concatenate([np.zeros(0, dtype), *(np.asarray(out, dtype).ravel() for out in outs)])

    def lines(self, i: int) -> Iterator[Line]:
        """The line through x along each element of the i-th leaf; of a complex one two for each."""
        leaf, name, others = self.leaves[i], self.names[i], (self.leaves[:i], self.leaves[i + 1 :])
        for k in np.ndindex(np.shape(leaf)):

            def at(number: Any, k: tuple[int, ...] = k) -> Any:
                if not k:
                    return self([*others[0], number, *others[1]])
                moved = leaf.astype(np.result_type(leaf, number))
                moved[k] = number
                return self([*others[0], moved, *others[1]])

            z, label = (leaf[k], f"{name}[{', '.join(map(str, k))}]") if k else (leaf, name)
            if not is_complex(leaf):
                yield Line(label, z, at, self.value, self.eps)
                continue
            yield Line(f"{label}.real", z.real, _composed(at, type(z), 1.0, 1j * z.imag), self.value, self.eps)
            yield Line(f"{label}.imag", z.imag, _composed(at, type(z), 1j, z.real), self.value, self.eps)

    def scatter(self, vector: Any) -> list[Any]:
        """A vector such as `__call__` returns as one array per result."""
        ends = np.cumsum([math.prod(shape) for shape in self.shapes])
        parts = zip(np.split(vector, ends)[:-1], self.shapes, self.complex, strict=True)
        return [(part if complex_ else part.real).reshape(shape) for part, shape, complex_ in parts]


def _composed(at: Callable[[Any], Any], kind: Any, unit: complex, rest: complex) -> Callable[[Any], Any]:
    """`at` of the complex number unit·x + rest."""
    return lambda x: at(kind(unit * x + rest))


def _refuse_tracer(value: Any, name: str) -> None:
    if isinstance(value, Tracer):
        raise ArgumentError(
            f"{name} is a traced value; finite differences are taken of plain numbers and are not differentiated again",
            wrong="wg.grad(wg.finite_difference(f))",
            right="wg.grad(wg.grad(f))   or wg.finite_difference(wg.grad(f))",
        )


def _finite(vector: Any, where: str, right: str) -> None:
    if not np.all(np.isfinite(vector)):
        raise GradientError(f"f is not finite {where}, so there is no difference quotient", right=right)


def finite_difference(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, scheme: str = "central", step: float | None = None
) -> Callable[..., Any]:
    """The gradient or Jacobian of f from values of f alone.

    forward (f(x + h) − f(x))/h, central (f(x + h) − f(x − h))/2h, complex Im f(x + ih)/h, richardson central for
    h → 0.

    Of a complex number z = x + iy both parts are moved: for a real f it gives ∂f/∂x + i·∂f/∂y, as `grad` does, for a
    complex one the derivative, if f is holomorphic.

    **Arguments**: `f`, plain NumPy code; `argnums`, the position or positions to differentiate with respect to (pytrees
    of numbers and float or complex arrays; integers become float64); `scheme`, one of the four; `step`, the absolute
    step h, used as it is (by richardson as the first and largest). By default, ε being the coarsest precision among x
    and f(x), and |x| that of the one element: forward √ε·max(1, |x|), central ∛ε·max(1, |x|), complex
    10⁻²⁰·max(1, |x|), richardson 0.1·max(1, |x|) and smaller until the error estimate is; the quotient is over the
    step that x + h really makes.
    **Returns**: a function of f's arguments. Where f gives one number the gradient, in structure, shapes and dtypes of
    the argument; otherwise the Jacobian: for each array of the result a tree like the argument, of shape out + in.
    **Raises**: `GradientError` where f is not finite, where richardson does not converge, and where f is not analytic
    as written, which the complex step alone would not notice: it is checked against a central difference; where a
    complex f is not holomorphic; `ArgumentError` for an unknown scheme, a step that is not positive or vanishes beside
    x, traced values, and for the complex step of complex numbers.
    **Cost**: for n numbers 1 + n evaluations of f, central 1 + 2n, complex 1 + 3n, richardson about 1 + 20n.

    >>> import numpy as np, wengert as wg
    >>> wg.finite_difference(lambda x: x * np.exp(-(x**2)), scheme="complex")(0.0)
    1.0
    >>> wg.finite_difference(lambda x, y: x**2 * y + y + 2, argnums=(0, 1), scheme="forward", step=1e-5)(3.0, 4.0)
    (24.000039999805264, 10.000000000331966)

    **Source**: Squire & Trapp, "Using complex variables to estimate derivatives of real functions" (1998); Ridders,
    "Accurate computation of F′(x) and F′(x)F″(x)" (1982); Press et al., *Numerical Recipes* (2007), 5.7.
    """
    if scheme not in SCHEMES:
        raise ArgumentError(f"there is no scheme {scheme!r}", right=" or ".join(f'scheme="{name}"' for name in SCHEMES))
    if step is not None and not (isinstance(step, (int, float, np.number)) and 0 < step < math.inf):
        raise ArgumentError(f"a step is a positive number, not {step!r}", right="step=1e-6, or none for the default")
    derivative = SCHEMES[scheme]

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        sample = Sample(f, positions(argnums, args), args, kwargs)
        if scheme == "complex":
            _refuse_complex(sample)
        blocks = []  # for each leaf, then each result, the derivatives in the shape out + in
        for i, leaf in enumerate(sample.leaves):
            columns = [derivative(line, step) for line in sample.lines(i)]
            parts = [sample.scatter(column) for column in columns]
            if is_complex(leaf):
                pairs = zip(parts[::2], parts[1::2], strict=True)
                loose = 1e-3 if step is None else 0.1  # a step of the user's may be a large one
                parts = [
                    [_complex_slope(*xy, sample.names[i], loose) for xy in zip(*pair, strict=True)] for pair in pairs
                ]
            blocks.append([_block([p[o] for p in parts], shape, leaf) for o, shape in enumerate(sample.shapes)])
        trees = [sample.rebuild(of) for of in zip(*blocks, strict=True)]
        return sample.rebuild_out([t[0] if isinstance(argnums, (int, np.integer)) else tuple(t) for t in trees])

    return wrapped


def _block(columns: list[Any], shape: tuple[int, ...], leaf: Any) -> Any:
    if type(leaf) in (float, complex) and shape == ():
        return columns[0].item()
    block = np.stack(columns, axis=-1) if columns else np.zeros(0)
    dtype = np.asarray(leaf).dtype
    dtype = np.result_type(dtype, np.complex64) if is_complex(block) else dtype
    return block.reshape(shape + np.shape(leaf)).astype(dtype)[()]


def _complex_slope(along: Any, across: Any, name: str, loose: float) -> Any:
    """From ∂f/∂x and ∂f/∂y the gradient of a real result, the complex derivative of a complex one, if it has any."""
    if not is_complex(along):
        return along + 1j * across
    size = np.max(np.abs(along), initial=0) + np.max(np.abs(across), initial=0)
    if not np.all(np.abs(across - 1j * along) <= loose * size):
        raise GradientError(
            f"f is not holomorphic in {name}: a step of i does not change it i times as much as a step of 1",
            wrong="wg.finite_difference(lambda z: np.conj(z))(z)",
            right="wg.finite_difference(lambda x, y: f(x + 1j * y), argnums=(0, 1))(z.real, z.imag)",
        )
    return (along - 1j * across) / 2


def _refuse_complex(sample: Sample) -> None:
    """An imaginary step is the derivative of a real function of real numbers."""
    if any(sample.complex) or any(map(is_complex, sample.leaves)):
        what = "returned complex numbers" if any(sample.complex) else "was given complex numbers"
        raise ArgumentError(
            f"the complex step is for real functions of real numbers; this one {what}",
            wrong='wg.finite_difference(f, scheme="complex")(z)',
            right='wg.finite_difference(f, scheme="richardson")(z)',
        )


def _step(line: Line, step: float | None, factor: float) -> float:
    return factor * line.scale if step is None else step


def _neighbours(line: Line, h: float) -> tuple[Any, Any]:
    low, high = line.x - h, line.x + h
    if not low < line.x < high:
        raise ArgumentError(
            f"the step {h:g} is lost in the precision of {line.name} = {line.x}: x + h is x",
            right="a larger step, or none for the default",
        )
    return low, high


def _forward(line: Line, step: float | None) -> Any:
    h = _step(line, step, math.sqrt(line.eps))
    _, high = _neighbours(line, h)
    difference = line.at(high) - line.value
    _finite(difference, f"at a step of {h:.3g} above {line.name} = {line.x}", "a smaller step, or another x")
    return difference / (h if step is not None else high - line.x)


def _central(line: Line, step: float | None) -> Any:
    h = _step(line, step, line.eps ** (1 / 3))
    low, high = _neighbours(line, h)
    difference = line.at(high) - line.at(low)
    _finite(difference, f"at a step of {h:.3g} around {line.name} = {line.x}", 'a smaller step, or scheme="forward"')
    return difference / (2 * h if step is not None else high - low)


def _richardson(line: Line, step: float | None) -> Any:
    best, error, settled = extrapolate(line, step)
    if not np.all(settled):
        k = int(np.argmin(settled))
        raise GradientError(
            f"the differences along {line.name} do not converge at {line.x}: {best[k]:.6g} ± {error[k]:.2g}; "
            "f is not smooth or not finite there",
            right="another x, or a smaller step",
        )
    return best


def extrapolate(line: Line, step: float | None = None) -> tuple[Any, Any, Any]:
    """Richardson's derivative along the line, its estimated error, and whether that is small enough to be believed."""
    best, error = np.zeros_like(line.value), np.full(line.value.shape, np.inf)
    quality, goal = error, line.eps**0.6  # what a table reaches of a smooth function: 4e-10 in double precision
    steps = [line.scale / 10**n for n in range(1, _RESTARTS + 1)] + [0.1 * abs(float(line.x))]
    for h in steps if step is None else [step]:
        value, estimate, size = _table(line, h)
        relative = estimate / (np.abs(value) + goal * size + np.finfo(float).tiny)
        better = relative < quality
        best, error = np.where(better, value, best), np.where(better, estimate, error)
        quality = np.where(better, relative, quality)
        noise = min(100 * line.eps / h, goal / line.scale) * size if h else 0.0
        settled = error <= 1e3 * (goal * np.abs(best) + noise)
        if np.all(error <= goal * np.abs(best) + noise):
            break
    return best, error, settled


def _table(line: Line, h: float) -> tuple[Any, Any, float]:
    """A table of Ridders: central differences of shrinking steps, whose even powers of h the columns eliminate."""
    best, error = np.zeros_like(line.value), np.full(line.value.shape, np.inf)
    size = 0.0
    above: list[Any] = []
    with np.errstate(all="ignore"):  # steps out of f's domain leave NaN, which no comparison prefers
        for n in range(_ROWS):
            low, high = line.x - h, line.x + h
            if not low < line.x < high:
                break
            top, bottom = line.at(high), line.at(low)
            size = max(size, float(np.nanmax(np.abs(np.where(np.isfinite(top), top, 0.0)), initial=0.0)))
            row = [(top - bottom) / (high - low)]
            for m in range(1, n + 1):
                row.append(row[m - 1] + (row[m - 1] - above[m - 1]) / (_SHRINK ** (2 * m) - 1))
                estimate = np.maximum(np.abs(row[m] - row[m - 1]), np.abs(row[m] - above[m - 1]))
                better = estimate < error
                best, error = np.where(better, row[m], best), np.where(better, estimate, error)
            if n and np.all(np.abs(row[n] - above[n - 1]) >= _SAFE * error):
                break
            h, above = h / _SHRINK, row
    return best, error, size


def _complex(line: Line, step: float | None) -> Any:
    """Im f(x + ih)/h, checked: a function that is not analytic gives a number too, but not its derivative."""
    h = _step(line, step, 1e-20)  # h² vanishes beside 1: no truncation error; and nothing is subtracted: no rounding
    try:
        value = line.at(line.x + 1j * h)
    except (TypeError, np.exceptions.ComplexWarning) as error:
        raise _not_analytic(line, f"cannot be evaluated at a complex number: {error}") from error
    found, allowed = value.imag / h, max(1e-3, 4 * line.eps ** (1 / 3))
    for real, off in _estimates(line):
        wrong = ~(np.abs(found - real) <= allowed * np.maximum(np.abs(found), np.abs(real)) + off)
        if not np.any(wrong):
            return found
    k = int(np.argmax(wrong))
    how = "its result stays real" if not np.iscomplexobj(value) else f"the complex step gives {found[k]:.6g}"
    raise _not_analytic(line, f"is not analytic as written: {how}, real differences give {real[k]:.6g}")


def _estimates(line: Line) -> Iterator[tuple[Any, Any]]:
    """The derivative along the line from real values, and its error: quickly, then with care."""
    h = _step(line, None, line.eps ** (1 / 3))
    top, bottom = line.at(line.x + h), line.at(line.x - h)
    with np.errstate(all="ignore"):
        yield (top - bottom) / (2 * h), 8 * line.eps * (np.abs(top) + np.abs(bottom)) / h
        best, error, settled = extrapolate(line)
        yield best, np.where(settled, 4 * error, np.nan)


def _not_analytic(line: Line, what: str) -> GradientError:
    return GradientError(
        f"f {what} (along {line.name} at {line.x}). A complex step needs a function without np.abs, .real, conj, norms "
        "and whatever else drops or turns the imaginary part",
        wrong='np.abs(x), x.real, math.sin(x), float(x)   with scheme="complex"',
        right='np.where(x > 0, x, -x), x, np.sin(x), x   or scheme="richardson"',
    )


SCHEMES = {"forward": _forward, "central": _central, "complex": _complex, "richardson": _richardson}
