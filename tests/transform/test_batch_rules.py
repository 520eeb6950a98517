"""Every primitive for many examples at once: what the loop over the examples gives, values and derivatives.

The samples are those of `tests/ops`, made into several examples by small changes. Each operation is tried with every
set of its first arguments batched, and the others the same for all examples.
"""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError, GuardError, MissingRuleError
from wengert.core.primitive import REGISTRY
from wengert.ops.indexing import Slot, scatter
from wengert.transform.batched import rule_of

from ..ops.samples import INTEGERS, SAMPLES, A, Sample, T, V, W, elementwise_sample, is_elementwise

N = 3
#: How many results these have depends on the numbers: a recording stops there already, whatever the rule.
SIZED_BY_VALUES = {"argwhere", "unique_places"}
#: The same, but of these the rule knows the size; it is tried without a recording.
ASSUMED = {"bincount", "lstsq"}
#: Real or complex, as the numbers have it.
KIND_BY_VALUES = {"roots"}
#: Arguments that are the same for all examples, whatever is done: a whole number that says which function is meant.
NEVER = {"lowered_power": 2}
#: Whose matrices are symmetric, or Hermitian.
SYMMETRIC = {"cholesky", "eigh", "eigvalsh", "logm", "sqrtm", "logm_frechet", "sqrtm_frechet", "turn"}
#: What belongs to the samples of `tests/ops` that no example by itself can show.
MORE = {
    "fft": [Sample((A,), {"n": 5, "axis": 0, "norm": None}), Sample((V,), {"n": 3, "axis": 0, "norm": "ortho"})],
    "ifft": [Sample((T,), {"n": 4, "axis": 2, "norm": "forward"})],
    "rfft": [Sample((T,), {"n": 5, "axis": 1, "norm": None})],
    "argsort": [Sample((A,), {"axis": None, "kind": "stable", "stable": None})],
    "searchsorted": [Sample((np.array([0.0, 1.0, 1.0, 2.0]), np.array([[1.0, 2.5, np.nan], [-1.0, 0.0, 1.0]])),
                            {"side": side, "sorter": None}) for side in ("left", "right")]
        + [Sample((np.array([2.0, 0.0, 1.0]), 1.0), {"side": "left", "sorter": np.array([1, 2, 0])})],
    "digitize": [Sample((A, np.array([0.5, 0.1, -0.5])), {"right": right}) for right in (True, False)]
        + [Sample((1.0, np.array([0.0, 1.0, 2.0])), {"right": False})],
    "isin": [Sample((A, A[0]), {"invert": True}), Sample((1.0, np.zeros((0, 2))), {"invert": False}),
             Sample((INTEGERS, np.array([[3, 6], [7, 9]])), {"invert": False})],
    "interp": [Sample((np.array([0.0, 1.0, 2.0, -1.0, 3.0, np.nan]), np.array([0.0, 1.0, 2.0]), V[:3], 0.3, -0.2)),
               Sample((np.array([0.0, 1.0, -1.0]), np.array([0.0]), V[:1], 0.3, -0.2)),
               Sample((np.array([0.0, 0.5, 1.0, 1.5]), np.array([0.0, 1.0, 2.0]), np.array([np.inf, 1.0, 1.0]), 0, 0)),
               Sample((np.array([0.0, 0.5, 1.0, 1.5]), np.arange(3.0), np.array([np.inf, np.inf, 1.0]), 0, 0)),
               Sample((A, np.array([0.0, 0.2, 1.0]), np.array([1.0, 2j, 3.0]), 1j, 0.3))],
    "convolve": [Sample((V[:1], W[:1]), {"mode": "full"}), Sample((INTEGERS, np.array([1, 2])), {"mode": "valid"}),
                 Sample((np.array([1.0, 2.0, 3.0]), np.array([np.inf, 1.0])), {"mode": "full"})],
    "matrix_rank": [Sample((V,), {"tol": None, "hermitian": False, "rtol": None}),
                    Sample((np.zeros(3),), {"tol": None, "hermitian": False, "rtol": None}),
                    Sample((0.0,), {"tol": None, "hermitian": False, "rtol": None}),
                    Sample((np.ones((2, 3, 3)),), {"tol": np.array([0.1, 9.0]), "hermitian": False, "rtol": None})],
    "norm": [Sample((T,), {"axis": None, "keepdims": True}), Sample((1.5,), {"axis": None, "keepdims": False}),
             Sample((A,), {"axis": 0, "keepdims": True})],
    "lexsort": [Sample((np.array([[1.0, 0.0, 1.0], [2.0, 2.0, 0.0]]),), {"axis": 0}),
                Sample((T,), {"axis": 0}), Sample((V,), {"axis": -1})],
    "packbits": [Sample((np.arange(20).reshape(2, 10) % 3 > 0,), {"axis": 0, "bitorder": "little"})],
    "unpackbits": [Sample((np.arange(6, dtype=np.uint8).reshape(2, 3),), {"axis": 1, "count": 9, "bitorder": "big"})],
    "argpartition": [Sample((A,), {"kth": (1, 4), "axis": None, "kind": "introselect"})],
    "pinv": [Sample((T[:, :2],), {"rcond": np.array([1e-15, 1e-15]), "hermitian": False})],
    "solve": [Sample((np.eye(2) + T[:, :2, :2], V[:2, None]))],
    "bincount": [Sample((INTEGERS,), {"minlength": 8})],
    "lstsq": [Sample((A[:, :2], A[:, 2:] + 1j), {"rcond": 1e-15})],
    "diagonal": [Sample((A[None],), {"offset": 1})],
    "isclose": [Sample((A, V), {"rtol": 0.5, "atol": 0.0, "equal_nan": True})],
    "roots": [Sample((np.array([1.0, 0.0, 1.0]),)), Sample((np.array([2.0, 1j, 3.0]),))],
}  # fmt: skip
TWO = {"indices": ((slice(0, 4),), (Slot(0),)), "shape": (5,), "dtype": np.dtype(float)}


def examples(name, sample, n=N):
    """Every argument of a sample as n of them, which differ a little; integers and truth values change places."""
    stacks = []
    for k, arg in enumerate(sample.args):
        arg = np.asarray(arg)
        wave = np.cos(1 + k + 3 * np.arange(arg.size)).reshape(arg.shape)
        if name in SYMMETRIC or sample.params.get("hermitian"):
            wave = wave + np.swapaxes(wave, -1, -2)
        if arg.dtype.kind in "fc":
            rows = [arg + 0.02 * i * np.where(arg == 0, 0.0, wave).astype(arg.dtype) for i in range(n)]
            rows = [np.where(np.isfinite(arg), row, arg) for row in rows]
        else:
            rows = [np.roll(arg, i, -1) if arg.ndim else arg for i in range(n)]
        stacks.append(np.stack(rows) if n else np.zeros((0, *arg.shape), arg.dtype))
    return stacks


def patterns(name, sample):
    """Which arguments are batched: every set of the first three, with all of the others or none."""
    count = len(sample.args)
    first = min(count, NEVER.get(name, 3))
    sets = [p for p in itertools.product((True, False), repeat=first) if any(p)]
    return sorted({p + (rest,) * (count - first) for p in sets for rest in (name not in NEVER, False)}, reverse=True)


def chosen(sample, stacks, on):
    return [stack if batched else arg for stack, arg, batched in zip(stacks, sample.args, on, strict=True)]


def selects(name, sample):
    """Whether a mask selects, and the numbers say how many elements there are."""
    return name == "getitem" and any(np.asarray(a).dtype == bool for a in sample.args[1:])


def axes(on):
    return tuple(0 if batched else None for batched in on)


def rows(f, args, on, n=N):
    """The loop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [f(*(a[i] if batched else a for a, batched in zip(args, on, strict=True))) for i in range(n)]


def flat(value):
    return list(value) if isinstance(value, tuple) else [value]


def loop(f, args, on, n=N):
    outs = [flat(row) for row in rows(f, args, on, n)]
    return tuple(np.stack(column) for column in zip(*outs, strict=True))


def same(got, want, tolerance, what):
    got, want = flat(got), flat(want)
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        g, w = np.asarray(g), np.asarray(w)
        assert g.shape == w.shape, f"{what}: {g.shape}, not {w.shape}"
        assert g.dtype == w.dtype, f"{what}: {g.dtype}, not {w.dtype}"
        scale = np.max(np.abs(w[np.isfinite(w)]), initial=1.0) if w.dtype.kind in "fc" else 0.0
        np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def applied(primitive, sample, on, n=N):
    """The primitive for many examples, as a function of the arguments in a list."""
    if primitive.name in ASSUMED:
        dtypes = [np.asarray(v).dtype for v in flat(primitive(*sample.args, **sample.params))]

        def direct(args):
            outs = primitive.batch(primitive, args, on, dict(sample.params))
            outs = tuple(o.astype(dtype) for o, dtype in zip(flat(outs), dtypes, strict=True))
            return outs if primitive.outputs > 1 else outs[0]

        return direct
    return lambda args: wg.vmap(lambda *a: primitive(*a, **sample.params), in_axes=axes(on), axis_size=n)(*args)


def cases():
    for name in sorted(REGISTRY):
        primitive = REGISTRY[name]
        if not is_elementwise(name):
            given = [] if name == "bincount" else SAMPLES[name]  # whose number of bins the numbers decide
            given = [s for s in given if name not in SIZED_BY_VALUES and not selects(name, s)]
            for i, sample in enumerate(given + MORE.get(name, [])):
                yield pytest.param(primitive, sample, id=f"{name}-{i}")
            continue
        shapes = {1: [(2, 1), ()], 2: [((3,), (2, 3)), ((), (3,))]}[min(len(primitive.rules), 2)]
        for i, shape in enumerate(shapes):
            sample = elementwise_sample(primitive, shape if len(primitive.rules) > 1 else (shape,))
            yield pytest.param(primitive, sample, id=f"{name}-{i}")
    yield pytest.param(scatter(2), Sample((V, W, np.array([0, 2, 2, 1])), TWO), id="scatter-two")


CASES = list(cases())
WHOLE = [case for case in CASES if not is_elementwise(case.values[0].name)]
SMOOTH = [case for case in CASES if case.values[1].active]


def narrowed(sample):
    """The same in float32, parameters too."""
    params = {k: np.dtype(np.float32) if k == "dtype" and v == np.float64 else v for k, v in sample.params.items()}
    return Sample(sample.cast(np.float32).args, params, sample.held)


def total(value):
    """A number made of all results, each element with a weight of its own."""
    parts = [np.ravel(v) for v in flat(value) if not isinstance(v, int) and v.dtype.kind == "f"]
    return sum(np.sum(p * np.cos(np.arange(p.shape[0]) + k)) for k, p in enumerate(parts))


def test_every_primitive_has_a_rule():
    assert not [name for name, primitive in REGISTRY.items() if rule_of(primitive) is None]


@pytest.mark.parametrize(("primitive", "sample"), CASES)
def test_values(primitive, sample):
    for n in (N, 1):
        stacks = examples(primitive.name, sample, n)
        for on in patterns(primitive.name, sample):
            args = chosen(sample, stacks, on)
            with np.errstate(all="ignore"):
                want = loop(lambda *a: primitive(*a, **sample.params), args, on, n)
                same(applied(primitive, sample, on, n)(args), want, 1e-12, f"{on}")


@pytest.mark.parametrize(("primitive", "sample"), SMOOTH)
def test_float32(primitive, sample):
    sample = narrowed(sample)
    stacks = examples(primitive.name, sample)
    on = tuple(i in sample.active or i in sample.held for i in range(len(stacks)))
    args = chosen(sample, stacks, on)
    with np.errstate(all="ignore"):
        same(applied(primitive, sample, on)(args), loop(lambda *a: primitive(*a, **sample.params), args, on), 1e-4, "")


def active(sample, args):
    """The arguments to differentiate in: none where something is infinite, and the slope no number."""
    return () if any(np.any(np.isinf(a)) for a in args) else sample.active


@pytest.mark.parametrize(("primitive", "sample"), SMOOTH)
def test_derivatives_through_the_rule(primitive, sample):
    """The gradient of a number made of all examples, and the tangent of all of them."""
    stacks = examples(primitive.name, sample)
    for on in patterns(primitive.name, sample) if not is_elementwise(primitive.name) else [(True,) * len(stacks)]:
        args = chosen(sample, stacks, on)
        argnums = active(sample, args)
        if not argnums:
            continue

        def of_all(*x, on=on, args=args, argnums=argnums):
            return applied(primitive, sample, on)(
                [x[argnums.index(i)] if i in argnums else a for i, a in enumerate(args)]
            )

        def one_by_one(*x, on=on, args=args, argnums=argnums):
            given = [x[argnums.index(i)] if i in argnums else a for i, a in enumerate(args)]
            return loop(lambda *a: primitive(*a, **sample.params), given, on)

        x = tuple(np.asarray(args[i]) for i in argnums)
        t = tuple(np.sin(1.0 + np.arange(v.size)).reshape(v.shape) for v in x)
        numbers = tuple(range(len(x)))
        with np.errstate(all="ignore"):
            got, want = (wg.grad(lambda *x, f=f: total(f(*x)), argnums=numbers)(*x) for f in (of_all, one_by_one))
            same(got, want, 1e-9, f"grad, {on}")
            got, want = (wg.jvp(f, x, t)[1] for f in (of_all, one_by_one))
            same(got, tuple(flat(want)) if primitive.outputs > 1 else flat(want)[0], 1e-9, f"jvp, {on}")


@pytest.mark.parametrize(("primitive", "sample"), [c for c in SMOOTH if c.values[0].name not in ASSUMED])
def test_derivatives_of_each_example(primitive, sample):
    stacks = examples(primitive.name, sample)
    argnums = active(sample, sample.args)
    if not argnums or (primitive.name == "put" and any(stack.dtype == bool for stack in stacks)):
        return  # what a mask names, many numbers or few, has no cotangent of a size that is known
    on = (True,) * len(stacks) if primitive.name not in NEVER else tuple(i < 2 for i in range(len(stacks)))
    args = chosen(sample, stacks, on)

    def one(*a):
        return total(primitive(*a, **sample.params))

    def pushed(*a):
        x = tuple(a[i] for i in argnums)
        t = tuple(np.sin(1.0 + np.arange(np.size(sample.args[i]))).reshape(np.shape(sample.args[i])) for i in argnums)
        given = list(a)

        def f(*x):
            for i, v in zip(argnums, x, strict=True):
                given[i] = v
            return primitive(*given, **sample.params)

        return wg.jvp(f, x, t)[1]

    with np.errstate(all="ignore"):
        for f in (wg.grad(one, argnums=argnums), pushed):
            want = loop(f, args, on)
            same(wg.vmap(f, in_axes=axes(on))(*args), want, 1e-9, "")


@pytest.mark.parametrize(
    ("primitive", "sample"), [c for c in WHOLE if c.values[0].name not in ASSUMED | KIND_BY_VALUES]
)
def test_examples_of_examples(primitive, sample):
    stacks = examples(primitive.name, sample, 6)
    for on in patterns(primitive.name, sample):
        args = chosen(sample, stacks, on)
        twice = [a.reshape(2, 3, *a.shape[1:]) if batched else a for a, batched in zip(args, on, strict=True)]
        with np.errstate(all="ignore"):
            want = loop(lambda *a: primitive(*a, **sample.params), args, on, 6)

            def f(*a, on=on):
                return wg.vmap(lambda *b: primitive(*b, **sample.params), in_axes=axes(on))(*a)

            got = flat(wg.vmap(f, in_axes=axes(on))(*twice))
        same(tuple(np.reshape(g, (6, *g.shape[2:])) for g in got), want, 1e-12, f"{on}")


NOTHING = ["argsort", "convolve", "digitize", "eigh", "fft", "interp", "isin", "lexsort", "matrix_rank", "norm", "pinv",
           "searchsorted", "solve", "svd"]  # fmt: skip


@pytest.mark.parametrize(("primitive", "sample"), [c for c in WHOLE if c.values[0].name in NOTHING])
def test_no_examples(primitive, sample):
    got = wg.vmap(lambda *a: primitive(*a, **sample.params))(*examples(primitive.name, sample, 0))
    want = primitive(*sample.args, **sample.params)
    same(got, tuple(np.zeros((0, *np.shape(w)), np.asarray(w).dtype) for w in flat(want)), 0, "")


# What is refused, and what no sample shows -------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SIZED_BY_VALUES))
def test_a_number_of_results_that_depends_on_the_numbers(name):
    primitive, sample = REGISTRY[name], SAMPLES[name][0]
    stacks = examples(name, sample)
    with pytest.raises(ArgumentError, match="depend"):
        wg.vmap(lambda x: primitive(x, **sample.params))(*stacks)
    with pytest.raises(MissingRuleError, match="depends on the numbers"):
        primitive.batch(primitive, stacks, (True,), dict(sample.params))


def test_a_mask_that_selects():
    with pytest.raises(ArgumentError, match="depend"):
        wg.vmap(lambda x: x[x > 0])(A)


def test_numbers_that_are_counted_have_to_be_below_the_length_that_is_asked_for():
    count = REGISTRY["bincount"].batch
    np.testing.assert_array_equal(
        count(REGISTRY["bincount"], [np.array([[0, 2], [1, 1]])], (True,), {"minlength": 3}), [[1, 0, 1], [0, 2, 0]]
    )
    for wrong in (3, -1):
        with pytest.raises(ArgumentError, match="minlength"):
            count(REGISTRY["bincount"], [np.array([[0, 2], [wrong, 1]])], (True,), {"minlength": 3})


def test_bins_have_to_be_in_order_for_each_example():
    bins = np.array([[0.0, 1.0, 2.0], [3.0, 1.0, 0.5]])
    x = np.array([0.7, 1.5])
    got = wg.vmap(np.digitize, in_axes=(None, 0))(x, bins)
    np.testing.assert_array_equal(got, [np.digitize(x, b) for b in bins])
    bins[1, 2] = 2.0
    with pytest.raises(ArgumentError, match="monotonically"):
        wg.vmap(np.digitize, in_axes=(None, 0))(x, bins)
    with pytest.raises(ArgumentError, match="monotonically"):
        wg.jit(wg.vmap(np.digitize, in_axes=(None, 0)))(x, bins)


def test_residuals_need_full_rank():
    a = np.stack([T[0].T, np.ones((4, 3))])
    with pytest.raises(ArgumentError, match="full rank"):
        REGISTRY["lstsq"].batch(REGISTRY["lstsq"], [a, V[:, None]], (True, False), {"rcond": 1e-15})


def test_roots_of_another_kind_than_those_of_the_first_example():
    primitive = REGISTRY["roots"]
    p = np.array([[1.0, -3.0, 2.0], [1.0, 0.0, 1.0]])
    with pytest.raises(GuardError, match="complex"):
        wg.vmap(primitive)(p)
    np.testing.assert_allclose(wg.vmap(primitive)(p[::-1]), [[1j, -1j], [2, 1]], atol=1e-15)
    with pytest.raises(ArgumentError, match="depends on the numbers"):
        wg.vmap(wg.vmap(primitive))(p[None])


@pytest.mark.parametrize("columns", [(), (2,)], ids=["vector", "matrix"])
@pytest.mark.parametrize("on", [(True, True), (True, False), (False, True)], ids=str)
def test_linear_systems(on, columns):
    """NumPy takes a right-hand side with one axis for a vector, and any other for matrices."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(N, 3, 3)) + 3 * np.eye(3), rng.normal(size=(N, 3, *columns))
    args = [v if batched else v[0] for v, batched in zip((a, b), on, strict=True)]
    want = np.stack(rows(np.linalg.solve, args, on))
    same(wg.vmap(np.linalg.solve, in_axes=axes(on))(*args), want, 1e-13, "")
    same(wg.jit(wg.vmap(np.linalg.solve, in_axes=axes(on)))(*args), want, 1e-13, "")


@pytest.mark.parametrize("name", ["searchsorted", "digitize", "isin", "interp", "convolve", "lexsort", "pinv", "norm"])
def test_compiled(name):
    primitive, sample = REGISTRY[name], SAMPLES[name][0]
    stacks = examples(name, sample)

    def f(*args):
        return wg.vmap(lambda *a: primitive(*a, **sample.params))(*args)

    same(wg.jit(f)(*stacks), f(*stacks), 1e-13, "")


# Complex numbers -----------------------------------------------------------------------------------------------------

#: Of the operations that take complex numbers, those whose samples do not, or that have a dtype as a parameter.
REAL_SAMPLES = {"scatter", "put", "astype", "interp", "rfft", "irfft", "real", "imag", "undefined", "phase", "turn"}
REAL_SAMPLES |= {"eig", "eigvals"}


def turned(name, sample):
    """The sample with complex numbers, Hermitian where it was symmetric."""
    args = list(sample.args)
    for i in sample.active:
        wave = np.asarray(np.sin(2 + i + 2 * np.arange(np.size(args[i]))).reshape(np.shape(args[i])))
        if name in SYMMETRIC or sample.params.get("hermitian"):
            wave = np.triu(wave, 1) - np.swapaxes(np.triu(wave, 1), -1, -2)
        args[i] = np.asarray(args[i] + 0.1j * wave)[()]
    return Sample(tuple(args), {k: v if k != "complex" else True for k, v in sample.params.items()})


def complex_cases():
    for case in CASES:
        primitive, sample = case.values
        if primitive.complex and active(sample, sample.args) and primitive.name not in REAL_SAMPLES:
            yield pytest.param(primitive, turned(primitive.name, sample), id=case.id)
    for name in ("eig", "eigvals", "real", "imag", "irfft"):
        yield pytest.param(REGISTRY[name], turned(name, SAMPLES[name][0]), id=name)


@pytest.mark.parametrize(("primitive", "sample"), list(complex_cases()))
def test_complex_values(primitive, sample):
    stacks = examples(primitive.name, sample)
    for on in patterns(primitive.name, sample):
        args = chosen(sample, stacks, on)
        with np.errstate(all="ignore"):
            want = loop(lambda *a: primitive(*a, **sample.params), args, on)
            same(applied(primitive, sample, on)(args), want, 1e-12, f"{on}")
