"""A recorded function in arithmetic of any precision: mpmath's numbers in NumPy's object arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError, WengertError
from wengert.core.location import at
from wengert.core.primitive import Primitive
from wengert.core.tracer import concrete
from wengert.graph.graph import Graph
from wengert.graph.node import Node
from wengert.graph.record import trace

_MAGNITUDE_LIMIT = 20_000  # bits: beyond, a number counts as infinite, or exp(exp(1000)) would fill the memory


class PrecisionError(WengertError, ArithmeticError):
    """There is no derivative of high precision: a step is not known to mpmath, f is not smooth, or it is too long."""


def evaluate(graph: Graph, leaves: Sequence[Any] | None = None, digits: int = 50) -> list[Any]:
    """The results of a graph with every step rounded to so many decimal digits.

    The inputs and constants are exactly the floats that they are; float32 and integer steps are not rounded to their
    own dtype either. Where the program took a branch, the one that was recorded is followed.

    **Arguments**: `graph`; `leaves`, one number or array per input, by default those it was recorded with; `digits`.
    **Returns**: a list with a NumPy object array of mpmath numbers per output (index and truth values stay NumPy's).
    **Raises**: `PrecisionError` for an operation that neither mpmath nor NumPy on objects can do.
    **Cost**: 1 to 20 µs per operation and element.

    >>> import numpy as np, wengert as wg
    >>> import mpmath
    >>> mpmath.nstr(evaluate(wg.trace(np.sqrt)(2.0), digits=40)[0][()], 30)
    '1.41421356237309504880168872421'

    **Source**: Johansson et al., *mpmath: a Python library for arbitrary-precision floating-point arithmetic* (2023).
    """
    import mpmath

    if digits < 20:
        raise ArgumentError(f"digits={digits} would round the floats themselves", right="digits=20, or more")
    given = [n.value for n in graph.inputs] if leaves is None else leaves
    with mpmath.workdps(digits):
        return _run(graph, [exact(v) for v in given])


def _run(graph: Graph, given: Sequence[Any]) -> list[Any]:
    env: dict[int, Any] = {id(n): v for n, v in zip(graph.inputs, given, strict=True)}
    for node in graph.nodes:
        if node.primitive is not None:
            with at(node.location):
                env[id(node)] = _apply(node.primitive, node, [env[id(a)] for a in node.args])
        elif node.part is not None:
            env[id(node)] = env[id(node.args[0])][node.part]
        elif node.is_constant:
            env[id(node)] = exact(concrete(node.value))
    return [env[id(n)] for n in graph.outputs]


# One step ----------------------------------------------------------------------------------------------------------


def exact(value: Any) -> Any:
    """Numbers as an object array of mpmath's, real or complex; integers and truth values as they are."""
    import mpmath

    array = np.asarray(value)
    if array.dtype.kind == "c":
        return _elementwise(lambda x: mpmath.mpc(complex(x)), [array])
    return array if array.dtype.kind != "f" else _elementwise(lambda x: mpmath.mpf(float(x)), [array])


def _elementwise(fn: Callable[..., Any], args: Sequence[Any]) -> Any:
    return _boxed(np.frompyfunc(fn, len(args), 1)(*args))


def _boxed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value
    box = np.empty((), object)
    box[()] = value
    return box


def _apply(primitive: Primitive, node: Node, args: Sequence[Any]) -> Any:
    """One operation on object arrays; what is decided (an index, a comparison) becomes a NumPy array."""
    if primitive.outputs == 1 and node.aval.dtype.kind not in "fc":
        return _decided(primitive, node, args)
    try:
        if primitive.name in _PARTS:
            result = _elementwise(_PARTS[primitive.name], args)
        elif primitive.name in _LINEAR_ALGEBRA:
            result = _LINEAR_ALGEBRA[primitive.name](*args)
        elif primitive.reference is not None:
            result = _elementwise(_pointwise(primitive), [_as_numbers(a) for a in args])
        else:
            result = _implemented(primitive, node.params, args)
        results = result if primitive.outputs > 1 else [result]
        of_complex = any(arg.aval.dtype.kind == "c" for arg in node.args)
        settled = [
            _settled(_boxed(r), a.dtype.kind == "c", of_complex) for r, a in zip(results, node.avals, strict=True)
        ]
        return tuple(settled) if primitive.outputs > 1 else settled[0]
    except PrecisionError:
        raise
    except Exception as error:  # whatever an implementation written for floats says to objects
        raise PrecisionError(f"{primitive.name} is not known in high precision") from error


def _implemented(primitive: Primitive, params: dict[str, Any], args: Sequence[Any]) -> Any:
    """The NumPy code of an operation, on objects where NumPy can, else step by step."""
    try:
        return primitive.impl(
            *args, **{k: np.dtype(object) if isinstance(v, np.dtype) else v for k, v in params.items()}
        )
    except TypeError:  # np.exp, say, within an operation that the user defined
        graph = trace(lambda *xs: primitive.impl(*xs, **params))(*map(_floats, args))
        if any(n.primitive is primitive for n in graph.nodes):
            raise
        results = _run(graph, args)
        return results[0] if primitive.outputs == 1 else results


def _decided(primitive: Primitive, node: Node, args: Sequence[Any]) -> Any:
    if all(a.dtype != object for a in args):
        return np.asarray(primitive.impl(*args, **node.params))
    if primitive.reference is not None:
        return np.asarray(_elementwise(_reference(primitive), args)).astype(node.aval.dtype)
    try:
        return np.asarray(primitive.impl(*args, **node.params)).astype(node.aval.dtype)
    except TypeError:  # np.isclose, say, asks for floats
        return np.asarray(primitive.impl(*map(_floats, args), **node.params))


def _floats(array: Any) -> Any:
    return array.astype(float) if array.dtype == object else array


def _reference(primitive: Primitive) -> Callable[..., Any]:
    import mpmath

    known = primitive.reference
    return getattr(mpmath, known) if isinstance(known, str) else known


def _pointwise(primitive: Primitive) -> Callable[..., Any]:
    """The operation on mpmath numbers; at a pole, where mpmath raises, NumPy's infinity or NaN."""
    import mpmath

    function = _reference(primitive)

    def call(*numbers: Any) -> Any:
        try:
            return function(*numbers)
        except (ZeroDivisionError, ValueError, OverflowError):
            with np.errstate(all="ignore"):
                value = float(primitive.impl(*(np.float64(float(x)) for x in numbers)))
            return mpmath.mpf(value) if not math.isfinite(value) else mpmath.nan

    return call


def _as_numbers(array: Any) -> Any:
    """Integers too as mpmath numbers: 1/3 of two Python integers would be rounded to a float."""
    import mpmath

    return array if array.dtype == object else _elementwise(lambda x: mpmath.mpf(int(x)), [array])


def _settled(array: Any, is_complex: bool, of_complex: bool) -> Any:
    """Every element an mpmath number of moderate size; NaN for a complex one where real numbers gave a real one."""
    import mpmath

    if array.dtype.kind in "fc" and array.size:
        raise TypeError("rounded to floats")

    def settle(x: Any) -> Any:
        if isinstance(x, mpmath.mpf):
            return x if not mpmath.mag(x) > _MAGNITUDE_LIMIT else mpmath.sign(x) * mpmath.inf
        if isinstance(x, mpmath.mpc):
            if not is_complex and of_complex:  # what objects do, and NumPy with complex numbers does not: x·x for |x|²
                raise TypeError("complex, not real")
            return mpmath.nan + 0 if not is_complex or mpmath.mag(x) > _MAGNITUDE_LIMIT else x
        if isinstance(x, (float, complex)):
            raise TypeError("rounded to a float")
        return mpmath.mpf(int(x))

    return _elementwise(settle, [array])


#: Of objects NumPy takes what is no complex dtype for real.
_PARTS: dict[str, Callable[[Any], Any]] = {
    "real": lambda z: z.real, "imag": lambda z: z.imag, "conj": lambda z: z.conjugate(),
}  # fmt: skip


# Linear algebra, one matrix at a time ------------------------------------------------------------------------------


def _by_matrix(fn: Callable[..., Any], *stacks: Any) -> Any:
    """`fn` of the matrices at each position of the stacks."""
    batch = np.broadcast_shapes(*(s.shape[:-2] for s in stacks))
    wide = [np.broadcast_to(s, batch + s.shape[-2:]) for s in stacks]
    results = [_boxed(fn(*(w[k] for w in wide))) for k in np.ndindex(batch)]
    return np.stack(results).reshape(batch + results[0].shape) if results else np.empty((*batch, 0, 0), object)


def _mp_matrix(a: Any) -> Any:
    import mpmath

    return mpmath.matrix(a.tolist())


def _inverse(a: Any) -> Any:
    return np.array((_mp_matrix(a) ** -1).tolist(), object).reshape(a.shape)


def _determinant(a: Any) -> Any:
    import mpmath

    return mpmath.det(_mp_matrix(a))


def _slogdet(a: Any) -> tuple[Any, Any]:
    import mpmath

    det = _by_matrix(_determinant, a)
    return _elementwise(mpmath.sign, [det]), _elementwise(lambda x: mpmath.log(abs(x)), [det])


_LINEAR_ALGEBRA: dict[str, Callable[..., Any]] = {
    "solve": lambda a, b: _by_matrix(lambda m, r: _inverse(m) @ r, a, b),
    "inv": lambda a: _by_matrix(_inverse, a),
    "det": lambda a: _by_matrix(_determinant, a),
    "slogdet": _slogdet,
    "adjugate": lambda a: _by_matrix(lambda m: _determinant(m) * _inverse(m), a),
}


# How much work it is -----------------------------------------------------------------------------------------------

_CHEAP = {"add", "subtract", "multiply", "divide", "negative", "absolute", "square", "reciprocal", "scale", "where"}
_CHEAP |= {"maximum", "minimum", "relu", "sign", "stop_gradient", "greater", "greater_equal", "less", "less_equal"}


def effort(graph: Graph) -> int:
    """How many operations on single numbers one evaluation takes; a transcendental function counts as eight."""
    return sum(_operations(node) for node in graph.operations)


def _operations(node: Node) -> int:
    assert node.primitive is not None
    outs: Any = node.aval if node.primitive.outputs > 1 else (node.aval,)
    shapes = [a.aval.shape for a in node.args]
    size = max([math.prod(aval.shape) for aval in outs] + [math.prod(shape) for shape in shapes])
    if node.primitive.name == "matmul":
        return math.prod(outs[0].shape) * shapes[0][-1]
    if node.primitive.name == "einsum":
        lengths: dict[str, int] = {}
        for term, shape in zip(node.params["subscripts"].partition("->")[0].split(","), shapes, strict=True):
            lengths.update(zip(term, shape, strict=True))
        return math.prod(lengths.values())
    if node.primitive.name in _LINEAR_ALGEBRA:
        return size * shapes[0][-1]
    return size * (8 if node.primitive.reference is not None and node.primitive.name not in _CHEAP else 1)
