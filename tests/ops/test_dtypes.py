"""Dtypes: results have NumPy's, tangents that of their results, gradients that of what they belong to."""

from __future__ import annotations

import operator
import warnings

import numpy as np
import pytest

import wengert as wg
from wengert.core.alias import resolve
from wengert.core.primitive import REGISTRY
from wengert.core.tracer import concrete

from .checks import Trial, flat
from .samples import samples

FLOATING = (np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128)
OTHERS = (*FLOATING, np.int8, np.int64, np.uint8, np.uint64, np.bool_)
PYTHON = (2, 0.5, True, 1 + 1j)


#: Computed by SciPy, or differentiated through it, where it has no longdouble.
IN_DOUBLE = (
    "sinc", "zeta_s1", "gamma_density", "beta_density", "gammainc_a1", "betainc_a1b0", "betainc_a0b1", "stdtr_v1",
)  # fmt: skip


def assigned(a, b):
    a = a * 1
    a += b
    return a


OPERATIONS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow,
    "%": operator.mod, "//": operator.floordiv, "<": operator.lt, "==": operator.eq, "+=": assigned,
    "divmod": lambda a, b: divmod(a, b)[1], "maximum": np.maximum, "fmin": np.fmin, "hypot": np.hypot,
    "logaddexp": np.logaddexp, "copysign": np.copysign, "fmod": np.fmod, "float_power": np.float_power,
    "heaviside": np.heaviside, "nextafter": np.nextafter, "ldexp": np.ldexp, "clip": lambda a, b: np.clip(a, b, None),
    "where": lambda a, b: np.where(np.array([True]), a, b), "dot": np.dot, "inner": np.inner, "outer": np.outer,
    "concatenate": lambda a, b: np.concatenate([np.ravel(a), np.ravel(b)]), "append": np.append,
    "stack": lambda a, b: np.stack([np.ravel(a)[0], np.ravel(b)[0]]), "choose": lambda a, b: np.choose(0, [a, b]),
    "einsum": lambda a, b: np.einsum("i,i", np.ravel(a), np.ravel(b)), "linspace": lambda a, b: np.linspace(a, b, 3),
    "matmul": lambda a, b: np.ravel(a)[:1] @ np.ravel(b)[:1],
}  # fmt: skip


def forms(dtype, value):
    value = True if dtype is np.bool_ else value
    return dtype(value), np.array(value, dtype), np.array([value, 1], dtype)


def outcome(f, a):
    """What f gives for a plain and for a traced argument, the latter with its tangent; None for what is refused."""
    try:
        plain = f(np.array(a) if isinstance(a, np.ndarray) else a)
    except (TypeError, ValueError):
        plain = None
    kept = []
    try:
        wg.jvp(lambda x: (kept.append(f(x)), 0.0)[1], (a,), (a * 0 + 1,))
    except (TypeError, ValueError, NotImplementedError):
        return plain, None, None
    tangent = getattr(kept[0], "tangent", None)
    return plain, concrete(resolve(kept[0])), concrete(tangent)


@pytest.mark.parametrize("dtype", FLOATING, ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("name", OPERATIONS)
def test_promotion_is_numpys(name, dtype):
    """NEP 50, with Python numbers, NumPy's scalars, arrays without axes and arrays, on either side."""
    operation = OPERATIONS[name]
    others = [*PYTHON, *(v for d in OTHERS for v in forms(d, 1))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's own, about overflow in float16 and the like
        for a in forms(dtype, 2):
            for b in others:
                for f in (lambda x, b=b: operation(x, b), lambda x, b=b: operation(b, x)):
                    want, got, tangent = outcome(f, a)
                    if want is None or got is None:  # += into a plain array is refused
                        assert want is None or name == "+="
                        continue
                    said = f"{name} of {a!r} and {b!r}"
                    assert np.asarray(got).dtype == np.asarray(want).dtype, said
                    exact = name not in ("**", "float_power")  # of single numbers and of arrays they differ by an ulp
                    np.testing.assert_allclose(got, want, rtol=0 if exact else 1e-15, err_msg=said)
                    if tangent is not None:
                        assert np.asarray(tangent).dtype == np.asarray(got).dtype, said


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble], ids=["float16", "longdouble"])
@pytest.mark.parametrize("name", REGISTRY)
def test_every_operation_that_numpy_has_in_this_precision(name, dtype):
    """What NumPy or SciPy computes in float16 and longdouble is differentiated, in that dtype; what not, is refused."""
    for sample in samples(name):
        sample = sample.cast(dtype)
        if not sample.active:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                plain = REGISTRY[name](*sample.args, **sample.params)
            except TypeError:  # np.linalg has no float16
                with pytest.raises(TypeError):
                    wg.jvp(lambda *x, s=sample: Trial(REGISTRY[name], s)(*x), (1.0,), (1.0,))
                continue
            trial = Trial(REGISTRY[name], sample)
            try:
                value, tangent = wg.jvp(trial, trial.x, trial.directions[0])
                cotangent = trial.covectors[0]
                _, pull = wg.vjp(trial, *trial.x)
                gradients = pull(tuple(cotangent) if isinstance(trial.value, tuple) else cotangent[0])
            except TypeError:  # a derivative that SciPy has in double precision only
                assert name in IN_DOUBLE
                assert dtype is np.longdouble
                continue
        for want, got, moved in zip(*map(flat, (plain, value, tangent)), strict=True):
            want = np.asarray(want)
            assert np.asarray(got).dtype == want.dtype
            assert np.asarray(moved).dtype == (want.dtype if want.dtype.kind in "fc" else np.float64)
        assert all(np.asarray(g).dtype == dtype for g in gradients)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_no_step_of_a_derivative_in_single_precision_is_in_double(mode):
    """Every operation on the way, not only the result; what SciPy has in double precision only is excepted."""
    x, m = np.array([0.3, 1.2, 0.7], np.float32), np.eye(3, dtype=np.float32) + np.float32(0.1)
    programs = [
        lambda x: np.sum(np.exp(x) * np.tanh(x) / (1 + x**2) - np.sqrt(x) + np.abs(x) + np.maximum(x, 0.5)),
        lambda x: np.sum(np.where(x > 0.5, np.log(x), x) + np.hypot(x, 1.0) + np.clip(x, 0, 1) + np.heaviside(x, x)),
        lambda x: (
            np.mean(x) + np.std(x) + np.max(x) + np.prod(x) + np.median(x) + np.linalg.norm(x) + np.var(x, ddof=1)
        ),
        lambda x: np.sum(np.cumsum(np.sort(x))[::-1][[0, 0, 2]] @ m) + x @ m @ x + np.einsum("i,ij->", x, m),
        lambda x: np.linalg.det(m * x) + np.sum(np.linalg.inv(m * x)) + np.sum(np.linalg.solve(m, x)),
        lambda x: np.sum(np.linalg.cholesky(m + np.diag(x))) + np.sum(np.linalg.eigvalsh(m * x)),
        lambda x: np.sum(np.concatenate([x, np.stack([x[0], x[1]])]) ** 3) + np.sum(np.outer(x, x).T.reshape(9)[2:5]),
        lambda x: np.sum(np.pad(x, 2)) + np.sum(np.diff(x)) + np.sum(np.convolve(x, x)) + np.sum(np.tile(x, 2)),
    ]
    for f in programs:
        derivative = wg.grad(f) if mode == "reverse" else lambda x, f=f: wg.jvp(f, (x,), (x,))[1]
        graph = wg.trace(derivative)(x)
        single = [n for n in graph.nodes if n.primitive and n.primitive.outputs == 1]
        wide = [n for n in single if n.aval.dtype == np.float64 and not n.aval.weak]
        assert not wide, [f"{n.primitive.name} at {n.location}" for n in wide]
        assert np.asarray(derivative(x)).dtype == np.float32


def test_integers_become_floats_at_the_boundary_and_are_constants_inside():
    assert wg.grad(lambda x: x**2)(3) == 6.0
    gradient = wg.grad(lambda x: np.sum(x**2))(np.array([1, 2], np.int8))
    np.testing.assert_array_equal(gradient, [2.0, 4.0])
    assert gradient.dtype == np.float64

    def f(x):
        whole = x.astype(int)
        truth = x > 1.5
        assert (whole.dtype, truth.dtype) == (np.int64, np.bool_)
        assert (whole * truth).dtype == np.int64
        return np.sum(whole * x + truth * x)

    np.testing.assert_array_equal(wg.grad(f)(np.array([1.25, 2.5])), [1.0, 3.0])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x.astype(int) * 1.0))(np.array([1.25])), [0.0])
