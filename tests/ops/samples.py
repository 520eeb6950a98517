"""What each primitive is tried with: generated for elementwise ones, written out for all others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from wengert.core.primitive import REGISTRY
from wengert.core.rule import Partial
from wengert.ops import matrix_equations, matrix_functions  # noqa: F401  late ones, as those of scipy.special
from wengert.ops.index import Slot

from . import special as special  # reads the rules of scipy.special


class Sample(NamedTuple):
    """Arguments and parameters; all arguments of a floating dtype are differentiated, away from every kink."""

    args: tuple[Any, ...]
    params: Mapping[str, Any] = MappingProxyType({})
    held: tuple[int, ...] = ()  # arguments without a rule

    @property
    def active(self) -> tuple[int, ...]:
        return tuple(i for i, a in enumerate(self.args) if np.asarray(a).dtype.kind == "f" and i not in self.held)

    def cast(self, dtype) -> Sample:
        """The same in another floating dtype."""
        cast = (np.asarray(a, dtype)[()] if i in self.active else a for i, a in enumerate(self.args))
        return Sample(tuple(cast), self.params, self.held)


_RNG = np.random.default_rng(7)


def _normal(*shape):
    return _RNG.normal(size=shape)


def _regular(*shape):
    """Matrices well away from the singular ones."""
    return _normal(*shape) + 3 * np.eye(shape[-1])


def _orthogonal(*shape):
    return np.linalg.qr(_normal(*shape))[0]


def _graded(*shape):
    """Matrices with the singular values 1, 2.1, 3.2, …, far from each other."""
    (*batch, m, n), k = shape, min(shape[-2:])
    u, v = _orthogonal(*batch, m, m)[..., :k], _orthogonal(*batch, n, n)[..., :k]
    return (u * (1 + 1.1 * np.arange(k))) @ np.swapaxes(v, -1, -2)


def _symmetric(*shape):
    """Symmetric matrices with the eigenvalues 1.2, 2.5, 3.8, …"""
    q = _orthogonal(*shape)
    return (q * (1.2 + 1.3 * np.arange(shape[-1]))) @ np.swapaxes(q, -1, -2)


def _diagonalizable(*shape):
    """Matrices with the real eigenvalues 1.2, 3.5, 5.8, …"""
    v = _orthogonal(*shape) + 0.2 * _normal(*shape)
    return (v * (1.2 + 2.3 * np.arange(shape[-1]))) @ np.linalg.inv(v)


V, W = np.array([0.83, -1.21, 0.36, 2.17]), np.array([-0.52, 1.44, 0.71, -1.93])
A, B, T = _RNG.permutation(12).reshape(3, 4) / 5 - 1.13, _normal(4, 2), _RNG.permutation(24).reshape(2, 3, 4) / 7 - 1.6
MASK = np.array([True, False, True, True])
TIES = np.array([[1.0, 5.0, 3.0], [4.0, 2.0, 0.5]])
ROUND = np.array([0.26, -1.31, 2.12])
INTEGERS, OTHERS = np.array([6, 3, 0]), np.array([5, 1, 7])
ALL_AXES = {"axis": (0, 1), "keepdims": False}
SECOND_AXIS = {"axis": (1,), "keepdims": True}
REDUCTION = [Sample((TIES,), ALL_AXES), Sample((TIES,), SECOND_AXIS), Sample((T,), {"axis": (0, 2), "keepdims": False})]


def _einsum(subscripts, *operands):
    return Sample(operands, {"subscripts": subscripts, "optimize": False})


SAMPLES: dict[str, list[Sample]] = {
    **{name: [Sample(args, held=held) for args, held in cases] for name, cases in special.SAMPLES.items()},
    "lowered_power": [Sample((np.array([0.4, 1.3, 2.2]), np.array([0.8, -1.7, 3.0]), 1))],
    "diagonal": [Sample((A,), {"offset": 0}), Sample((T,), {"offset": -1}), Sample((A,), {"offset": 7})],
    "duplicate": [Sample((A.T,), {"order": "C"}), Sample((A.T,), {"order": "K"}), Sample((A,), {"order": "F"})],
    "sum_to": [Sample((T,), {"shape": (1, 4)}), Sample((A,), {"shape": ()}), Sample((A,), {"shape": (3, 1)})],
    "where": [Sample((MASK, V, W)), Sample((MASK, 1.5, W)), Sample((MASK, V, np.array([2.0]))), Sample((MASK, V, 2)),
              Sample((MASK, INTEGERS[:1], V))],
    "stop_gradient": [Sample((INTEGERS,))],
    "bitwise_and": [Sample((INTEGERS, OTHERS)), Sample((MASK, ~MASK))],
    "bitwise_or": [Sample((INTEGERS, OTHERS)), Sample((MASK, ~MASK))],
    "bitwise_xor": [Sample((INTEGERS, OTHERS)), Sample((MASK, ~MASK))],
    "invert": [Sample((INTEGERS,)), Sample((MASK,))],
    "argsort": [Sample((T,), {"axis": 1, "kind": "stable", "stable": None})],
    "searchsorted": [Sample((np.sort(V), W), {"side": "left", "sorter": None})],
    "isclose": [Sample((V, V + np.array([0.0, 1.0, 1e-9, 0.1])), {"rtol": 1e-2, "atol": 1e-2, "equal_nan": False})],
    "argwhere": [Sample((A,))],
    "round": [Sample((ROUND,), {"decimals": 1}), Sample((10 * ROUND,), {"decimals": 0})],
    "sum": REDUCTION,
    "prod": [*REDUCTION, Sample((np.array([2.0, 0.0, 3.0]),), {"axis": (0,), "keepdims": False}),
             Sample((np.array([[2.0, 0.0], [0.0, 3.0]]),), ALL_AXES)],
    "max": REDUCTION,
    "min": REDUCTION,
    "any": REDUCTION,
    "all": REDUCTION,
    "argmax": [Sample((TIES,), {"axis": 1, "keepdims": False}), Sample((TIES,), {"axis": None, "keepdims": True})],
    "argmin": [Sample((TIES,), {"axis": 1, "keepdims": False}), Sample((TIES,), {"axis": None, "keepdims": True})],
    "cumsum": [Sample((T,), {"axis": 1}), Sample((V,), {"axis": 0})],
    "cumprod": [Sample((T,), {"axis": 1}),
                Sample((np.array([2.0, 0.0, 3.0, 0.0]),), {"axis": 0}), Sample((V[:0],), {"axis": 0})],
    "norm": [Sample((V,), {"axis": None, "keepdims": False}), Sample((T,), {"axis": (0, 2), "keepdims": True}),
             Sample((A,), {"axis": (1,), "keepdims": False})],
    "einsum": [
        _einsum("ij,jk->ik", A, B),
        _einsum("ij,j,ij->i", A, V, A + 1),
        _einsum("ii->i", _normal(3, 3)),
        _einsum("iij->", _normal(2, 2, 3)),
        _einsum("aij,ij->a", T, _normal(1, 4)),
    ],
    "scatter": [
        Sample((V, np.array([0, 2, 2, 1])), {"indices": ((Slot(0),),), "shape": (3,), "dtype": np.dtype(float)}),
        Sample((A,), {"indices": ((slice(1, 4), slice(None, None, 2)),), "shape": (5, 8), "dtype": np.dtype(float)}),
    ],
    "put": [
        Sample((A, _normal(2, 4)), {"index": (slice(1, None),)}),
        Sample((V, 1.5), {"index": (1,)}),
        Sample((A, _normal(4), np.array([0, 2, 0])), {"index": (Slot(0),)}),
        Sample((V, _normal(3), np.array([1, 1, 0])), {"index": (Slot(0),)}),
        Sample((A, 0.5, A > 0), {"index": (Slot(0),)}),
        Sample((A, _normal(1, 1, 4)), {"index": (slice(0, 2),)}),
    ],
    "fft": [], "ifft": [], "rfft": [],  # of complex results: tests/ops/test_fft.py
    "irfft": [Sample((A,), {"n": 5, "axis": 1, "norm": None}), Sample((T,), {"n": 4, "axis": 0, "norm": "ortho"})],
    "conj": [Sample((A,))],
    "real": [Sample((A + 0j,))],
    "imag": [Sample((A + 0j,))],
    "getitem": [
        Sample((A, np.array([0, 2, 2])), {"index": (Slot(0),)}),
        Sample((A, np.array([0, 2]), np.array([[1], [3]])), {"index": (Slot(0), Slot(1))}),
        Sample((V, MASK), {"index": (Slot(0),)}),
        Sample((T,), {"index": (Ellipsis, None, slice(None, None, -2), 1)}),
    ],
    "matmul": [
        Sample((A, B)), Sample((V, W)), Sample((V, B)), Sample((A, V)), Sample((T, B)), Sample((A, _normal(2, 4, 3))),
        Sample((_normal(2, 1, 3, 4), _normal(5, 4, 2))), Sample((V, _normal(2, 4, 3))), Sample((T, V)),
        Sample((_normal(0, 3), _normal(3, 2))), Sample((_normal(2, 0), _normal(0, 3))),
    ],
    "solve": [Sample((_regular(3, 3), _normal(3, 2))), Sample((_regular(2, 3, 3), _normal(3, 1)))],
    "inv": [Sample((_regular(3, 3),)), Sample((_regular(2, 2, 2),))],
    "adjugate": [Sample((_regular(3, 3),)), Sample((_regular(2, 2, 2),))],
    "det": [Sample((_regular(3, 3),)), Sample((_regular(2, 2, 2),)), Sample((_normal(1, 1),))],
    "slogdet": [Sample((_regular(3, 3),)), Sample((-_regular(2, 3, 3),))],
    "matrix_rank": [Sample((A,), {"tol": None, "hermitian": False, "rtol": None})],
    "cholesky": [Sample((_symmetric(3, 3),), {"upper": False}), Sample((_symmetric(2, 2, 2),), {"upper": True})],
    "qr": [Sample((_graded(*s),), {"mode": "reduced"}) for s in ((3, 3), (4, 2), (2, 2, 3))]
        + [Sample((_graded(*s),), {"mode": "complete"}) for s in ((3, 2), (2, 3))],
    "pinv": [Sample((_graded(*s),), {"rcond": 1e-15, "hermitian": False}) for s in ((3, 3), (4, 2), (2, 2, 3))]
        + [Sample((_symmetric(2, 2),), {"rcond": 1e-15, "hermitian": True})],
    "lstsq": [Sample((_graded(4, 2), _normal(4, 2)), {"rcond": 1e-15}),
              Sample((_graded(2, 3), _normal(2, 1)), {"rcond": 1e-15})],
    "eigh": [Sample((_symmetric(3, 3),), {"UPLO": "L"}), Sample((_symmetric(2, 2, 2),), {"UPLO": "U"})],
    "eigvalsh": [Sample((_symmetric(3, 3),), {"UPLO": "L"}), Sample((_symmetric(2, 2, 2),), {"UPLO": "U"})],
    "eig": [Sample((_diagonalizable(*s),), {"complex": False}) for s in ((3, 3), (2, 2, 2))],
    "eigvals": [Sample((_diagonalizable(*s),), {"complex": False}) for s in ((3, 3), (2, 2, 2))],
    "svd": [Sample((_graded(*s),), {"full_matrices": False}) for s in ((3, 3), (4, 2), (2, 2, 3))]
        + [Sample((_graded(*s),), {"full_matrices": True}) for s in ((3, 2), (2, 3))],
    "svdvals": [Sample((_graded(*s),)) for s in ((3, 3), (4, 2), (2, 2, 3))],
    "phase": [Sample((A, np.eye(3, 4)), {"what": ""}, held=(1,))],
    "undefined": [Sample((A, np.zeros((3, 4), bool)), {"what": "", "instead": ""})],
    "reshape": [Sample((T,), {"shape": (4, 6)}), Sample((_normal(1),), {"shape": ()})],
    "transpose": [Sample((T,), {"axes": (2, 0, 1)})],
    "broadcast_to": [Sample((_normal(3, 1),), {"shape": (2, 3, 4)}), Sample((1.5,), {"shape": (2,)})],
    "astype": [Sample((V,), {"dtype": np.dtype(np.float64)})],
    "discretize": [Sample((V,), {"dtype": np.dtype(int)})],
    "concatenate": [Sample((A, _normal(3, 2), A), {"axis": 1}), Sample((V, INTEGERS), {"axis": 0})],
    "stack": [Sample((V, W), {"axis": 1}), Sample((1.5, 2), {"axis": 0}), Sample((A, A, A + 1), {"axis": 0})],
    "interp": [
        Sample((np.array([[-0.7, 0.2], [1.1, 3.4]]), np.array([-0.3, 0.5, 1.6, 2.9]), V, 0.4, 2)),
        Sample((0.7, np.array([0.5, 1.6]), W[:2], V[0], -1)),
    ],
    "convolve": [Sample((V, W[:3]), {"mode": "full"}), Sample((V, W[:2]), {"mode": "valid"}),
                 Sample((V[:1], W), {"mode": "valid"}), Sample((V, W), {"mode": "valid"})],
    "modf": [Sample((T,)), Sample((1.5,))],
    "frexp": [Sample((V,)), Sample((B,))],
    "ldexp": [Sample((V, np.array([1, -2, 0, 4]))), Sample((A, 3)), Sample((1.5, np.array([1, 2])))],
    "nextafter": [Sample((V, W)), Sample((A, V)), Sample((V[0], W))],
    "spacing": [Sample((V,))],
    "gcd": [Sample((INTEGERS, OTHERS))],
    "lcm": [Sample((INTEGERS, OTHERS))],
    "left_shift": [Sample((INTEGERS, OTHERS))],
    "right_shift": [Sample((INTEGERS, OTHERS))],
    "bitwise_count": [Sample((INTEGERS,))],
    "argpartition": [Sample((T,), {"kth": 1, "axis": 1, "kind": "introselect"})],
    "lexsort": [Sample((A,), {"axis": -1})],
    "packbits": [Sample((MASK,), {"axis": None, "bitorder": "big"})],
    "unpackbits": [Sample((OTHERS.astype(np.uint8),), {"axis": None, "count": None, "bitorder": "big"})],
    "roots": [Sample((np.poly(V),)), Sample((V[:2],))],
    "isin": [Sample((A, V), {"invert": False})],
    "unique_places": [Sample((V,), {"axis": None, "equal_nan": True})],
    "digitize": [Sample((A, np.array([-0.5, 0.5])), {"right": False})],
    "bincount": [Sample((INTEGERS,), {"minlength": 3})],
    "logaddexp_reduce": [Sample((T,), {"axis": (0, 2), "keepdims": False}), Sample((A,), SECOND_AXIS)],
    "hypot_reduce": [Sample((T,), {"axis": (0, 2), "keepdims": False}), Sample((A,), SECOND_AXIS)],
    "expm": [Sample((_normal(3, 3),)), Sample((_normal(2, 2, 2),))],
    "logm": [Sample((_symmetric(3, 3) / 3,)), Sample((_symmetric(2, 2, 2),))],
    "sqrtm": [Sample((_symmetric(3, 3),)), Sample((_symmetric(2, 2, 2),))],
    "expm_frechet": [Sample((_normal(3, 3), _normal(3, 3))), Sample((_normal(2, 2, 2), _normal(2, 2, 2)))],
    "logm_frechet": [Sample((_symmetric(2, 2), _normal(2, 2)))],
    "sqrtm_frechet": [Sample((_symmetric(3, 3), _normal(3, 3)))],
    "solve_triangular": [
        Sample((_regular(3, 3), _normal(3, 2)), {"trans": False, "lower": True, "unit_diagonal": False}),
        Sample((_regular(3, 3), _normal(3, 2)), {"trans": True, "lower": False, "unit_diagonal": True}),
        Sample((_regular(2, 3, 3), _normal(3, 1)), {"trans": False, "lower": False, "unit_diagonal": False}),
    ],
    "solve_sylvester": [Sample((_symmetric(3, 3), _symmetric(2, 2), _normal(3, 2))),
                        Sample((_symmetric(2, 2, 2), _symmetric(2, 2), _normal(2, 2)))],
    "lu_factor": [Sample((_regular(3, 3),)), Sample((_regular(2, 2, 2)[:, ::-1],))],
    "row_order": [Sample((np.array([2, 2, 2], np.int32),)), Sample((np.array([[1, 1], [0, 1]], np.int32),))],
    "turn": [Sample((-np.eye(2), np.diag([1.0, 2.0])), {"lower": True}, (0, 1))],
}  # fmt: skip

_INSIDE = {
    (-np.inf, np.inf): (-1.3, 0.7, 2.1),
    (0.0, np.inf): (0.4, 1.3, 2.2),
    (-1.0, 1.0): (-0.6, 0.3, 0.8),
    (-1.0, np.inf): (-0.5, 0.6, 2.0),
    (1.0, np.inf): (1.4, 2.2, 3.1),
    (0.0, 1.0): (0.3, 0.6, 0.8),
    (0.0, 2.0): (0.4, 0.9, 1.5),
    (-np.inf, 1.0): (-1.3, 0.4, 0.7),
}
_SECOND = {(-np.inf, np.inf): (0.8, -1.7, 1.1), (0.0, np.inf): (0.9, 0.4, 1.3), (-1.0, np.inf): (0.5, -0.4, 1.2)}
PAIRS = [((3,), (2, 3)), ((2, 1), (1, 3)), ((), (3,)), ((2, 3), ()), ((), ()), ((0,), (1,)), ((0, 3), (3,))]
SINGLES = [(3,), (2, 1), (), (0,), (0, 3)]


def is_elementwise(name):
    """Whether every argument of the primitive is taken element by element."""
    primitive = REGISTRY[name]
    return name not in SAMPLES and (bool(primitive.domain) or any(isinstance(r, Partial) for r in primitive.rules))


def elementwise_sample(primitive, shapes):
    """Arguments inside the domain, of the given shapes."""
    domain = primitive.domain or ((-np.inf, np.inf),) * len(shapes)
    args = []
    for interval, shape, values in zip(domain, shapes, (_INSIDE, _SECOND), strict=False):
        args.append(np.resize(values[interval], shape)[()])
    return Sample(tuple(args))


def samples(name):
    """All samples of a primitive; a KeyError is a primitive without a test."""
    primitive = REGISTRY[name]
    if not is_elementwise(name):
        return SAMPLES[name]
    shapes = [(s,) for s in SINGLES] if len(primitive.rules) == 1 else PAIRS
    generated = [elementwise_sample(primitive, s) for s in shapes]
    first = generated[0]
    python = [Sample(tuple(float(np.ravel(a)[0]) for a in first.args))]
    mixed = [Sample((first.args[0], float(first.args[1].ravel()[0])))] if len(primitive.rules) == 2 else []
    return generated + python + mixed
