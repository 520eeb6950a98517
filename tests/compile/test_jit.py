"""`wg.jit`: what it accepts, what it returns, when it records."""

from __future__ import annotations

import copy
import functools
import pickle
import types
import warnings

import numpy as np
import pytest

import wengert as wg
from wengert.compile.backend import available

from .agreement import ULPS, assert_same

X = np.array([1.0, -2.0, 3.0])


def doubled(x):
    return 2 * x


@wg.jit
def compiled_here(x):
    return x + 1


@pytest.fixture(params=available())
def jit(request):
    return functools.partial(wg.jit, backend=request.param)


# Decorating ----------------------------------------------------------------------------------------------------------


def test_it_decorates_with_and_without_arguments():
    @wg.jit
    def f(x):
        """The text."""
        return x * 2

    @wg.jit(static_argnames="n")
    def g(x, n):
        return x * n

    assert f(X).tolist() == [2.0, -4.0, 6.0]
    assert g(X, n=3).tolist() == [3.0, -6.0, 9.0]
    assert (f.__name__, f.__doc__) == ("f", "The text.")
    assert f.__wrapped__(2.0) == 4.0


def test_a_method_is_bound_to_its_instance():
    class Model:
        def __init__(self, w):
            self.w = w

        @wg.jit
        def predict(self, x, *, shift=0.0):
            return self.w * x + shift

    one, two = Model(2.0), Model(3.0)
    assert [one.predict(1.0), two.predict(1.0), one.predict(x=5.0, shift=1.0)] == [2.0, 3.0, 11.0]
    assert isinstance(one.predict, types.MethodType)
    assert Model.predict(two, 2.0) == 6.0


def test_what_is_no_function_is_refused():
    with pytest.raises(wg.ArgumentError, match="takes a function"):
        wg.jit(3.0)


def test_a_compiled_function_is_pickled_by_name_or_by_parts():
    again = pickle.loads(pickle.dumps(wg.jit(doubled, backend="numpy")))
    assert (again(4.0), again.settings["backend"]) == (8.0, "numpy")
    assert copy.deepcopy(again)(4.0) == 8.0
    module = types.ModuleType("somewhere")
    module.compiled_here = compiled_here
    assert "compiled" in repr(compiled_here)


# Arguments -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x",
    [
        3.0, 3, 2 + 1j, np.float64(2), np.float32(2), np.int32(7), np.bool_(True), np.float16(0.5), np.uint8(100),
        X, X.astype(np.float32), np.arange(4), np.array([True, False]), np.array([1j, 2]), np.array(2.5), np.array(7),
        np.zeros((0, 3)), np.zeros((2, 0, 2), np.float32), np.ones(3, np.float16), np.ones(2, np.longdouble),
        np.arange(6.0).reshape(2, 3).T, np.arange(12.0)[::3], np.arange(5.0)[::-1], np.broadcast_to(2.0, (2, 2)),
        np.arange(3, dtype=">f8"), np.arange(3, dtype=">i4"), np.arange(100.0).reshape(10, 10)[::9, ::-3],
        np.frombuffer(b"x" + np.arange(3.0).tobytes(), np.float64, 3, 1),
        np.lib.stride_tricks.as_strided(np.arange(9.0), (3, 3), (8, 8)),
    ],
    ids=lambda x: f"{type(x).__name__}-{getattr(x, 'dtype', '')}{getattr(x, 'shape', '')}",
)  # fmt: skip
def test_every_number_and_layout_is_taken(jit, x):
    compiled = jit(f := lambda x: (x + x, x, abs(x), x * np.ones(1, np.float32)))
    given = np.array(x)
    ulps = ULPS[compiled.settings["backend"]]
    for _ in range(3):
        expected = f(x)
        native = [np.asarray(v, v.dtype.newbyteorder("=")) if isinstance(v, np.ndarray) else v for v in expected]
        assert_same(list(compiled(x)), native, ulps)
    np.testing.assert_array_equal(x, given)
    assert compiled.trace_count == 1


def test_a_read_only_argument_stays_and_the_result_can_be_written(jit):
    x = X.copy()
    x.flags.writeable = False
    compiled = jit(lambda x: (x, x[:2], np.ones(2)))
    for array in compiled(x):
        array[:] = 7.0
    assert np.array_equal(x, X)
    assert [a.tolist() for a in compiled(x)] == [X.tolist(), X[:2].tolist(), [1.0, 1.0]]


def test_results_share_no_memory(jit):
    table = np.arange(3.0)

    def f(x):
        y = x * 2
        return x, x, y, y, y[::-1], table, table, y[0]

    compiled = jit(f)
    first = compiled(X)
    for i, one in enumerate(first[:-1]):
        assert not np.shares_memory(one, X)
        assert not np.shares_memory(one, table)
        assert not any(np.shares_memory(one, other) for other in first[i + 1 : -1])
        one[:] = -1.0
    assert_same(compiled(X), f(X))


def test_a_python_number_stays_one(jit):
    f = jit(lambda x, y: (x * y, y * y, np.sin(y)))
    single, python, double = f(np.ones(2, np.float32), 3.0)
    assert (single.dtype, type(python), type(double)) == (np.float32, float, np.float64)
    assert f(np.ones(2, np.float32), np.float64(3))[0].dtype == np.float64
    assert f.trace_count == 2


def test_shapes_dtypes_and_types_are_recorded_apart(jit):
    f = jit(lambda x: x * 2)
    calls = [X, np.ones((3, 1)), X.astype(np.float32), 2.0, 2, np.float64(2), np.array(2.0), True]
    for x in calls * 2:
        assert_same(f(x), x * 2)
    assert f.trace_count == f.cache_info().forms == len(calls)


def test_trees_keywords_and_defaults(jit):
    def f(params, *rest, scale=2.0, name="a"):
        return {"out": [params["w"] * scale + sum(rest)], "name": name}

    compiled = jit(f)
    for args, kwargs in [
        (({"w": X},), {}),
        (({"w": X},), {"scale": 3.0}),
        (({"w": X}, 1.0, X), {"name": "b"}),
        (({"w": X},), {"scale": X, "name": None}),
    ]:
        for _ in range(2):
            assert_same(compiled(*args, **kwargs), f(*args, **kwargs))
    assert compiled.trace_count == 4


def test_static_values_are_told_apart_by_type_too(jit):
    f = jit(lambda x, how: (x, how))
    for how in [1, True, "1", "", None, (1, 2.0), (True, 2.0), frozenset({1}), len, ("a", ("b",)), doubled]:
        assert_same(f(2.0, how), (2.0, how))
    g = jit(lambda x, n: (x, n), static_argnums=1)
    for n in [1, 1.0, True, 0.0, -0.0, (1, 1), (1, 1.0), (0.0,), (-0.0,)]:
        got = g(2.0, n)[1]
        assert_same(got, n)
        assert repr(got) == repr(n)
    assert g.trace_count == 9


def test_static_arguments_by_position_and_name():
    def f(x, n, *, shift=1):
        assert type(n) is int
        assert type(shift) is int
        return x**n + shift

    for options in ({"static_argnums": 1, "static_argnames": "shift"}, {"static_argnames": ("n", "shift")}):
        compiled = wg.jit(f, **options)
        assert [compiled(2.0, 3), compiled(2.0, n=3), compiled(2.0, 4, shift=5)] == [9.0, 9.0, 21.0]
    assert wg.jit(lambda x, n: x * n, static_argnums=-1)(2.0, 3) == 6.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"static_argnums": 5}, "none at 5"),
        ({"static_argnums": "x"}, "positions"),
        ({"static_argnames": "nothing"}, "no parameter 'nothing'"),
        ({"static_argnums": 0, "donate_argnums": 0}, "not both"),
        ({"backend": "magic"}, "backend"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(wg.ArgumentError, match=message):
        wg.jit(lambda x, y: x, **options)(1.0, 2.0)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({1, 2}, "is a set"),
        (bytearray(b"x"), "is a bytearray"),
        (np.array(["a"]), "holds no numbers"),
        (np.array([None]), "holds no numbers"),
        (np.array(["2020-01-01"], "M8[D]"), "holds no numbers"),
        (np.ma.array([1.0]), "MaskedArray"),
        (np.random.default_rng(0), "other numbers at each call"),
        (iter([1.0]), "once only"),
    ],
)
def test_what_can_neither_be_followed_nor_told_apart_is_refused(argument, message):
    with pytest.raises(wg.ArgumentError, match=message):
        wg.jit(lambda x, y: x)(1.0, argument)


def test_the_order_of_a_dict_counts(jit):
    def f(d):
        y = 0.0
        for v in d.values():
            y = 2 * y + v
        return y, d

    compiled = jit(f)
    for _ in range(2):
        assert_same(compiled({"a": 1.0, "b": 2.0}), f({"a": 1.0, "b": 2.0}))
        assert_same(compiled({"b": 2.0, "a": 1.0}), f({"b": 2.0, "a": 1.0}))


def test_arguments_changed_in_place_are_changed(jit):
    def f(x, y):
        x[0] = y
        x[1:] *= 2
        return np.sum(x)

    compiled = jit(f)
    for y in (5.0, 6.0, 7.0):
        one, other = X.copy(), X.copy()
        assert compiled(one, y) == f(other, y)
        assert np.array_equal(one, other)
    overlapping = np.arange(4.0)
    swap = jit(lambda a, b: a.__setitem__(slice(None), b + a[0]))
    assert swap(overlapping[:3], overlapping[1:]) is None
    assert overlapping.tolist() == [1.0, 2.0, 3.0, 3.0]
    frozen = np.broadcast_to(1.0, (3,))
    with pytest.raises(ValueError, match="read-only"):
        compiled(frozen, 2.0)


def test_a_view_in_a_layout_of_its_own_is_written_as_numpy_does(jit):
    def f(x):
        y = x * 1.0
        z = np.reshape(y, -1)
        z[0] = 100.0
        return y, z

    compiled = jit(f)
    square = np.arange(9.0).reshape(3, 3)
    for x in (square, square.T, square[::2, ::2], square[:, ::-1]):
        assert_same(compiled(x), f(x))


def test_lists_and_dicts_that_are_changed_are_changed(jit):
    def f(state, x):
        state["count"] += 1
        state["log"] = [x]
        return x * state["count"]

    compiled, one, other = jit(f), {"count": 0}, {"count": 0}
    for x in (1.0, 2.0, 3.0):
        assert_same(compiled(one, x), f(other, x))
        assert one == other


# Results -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x: None,
        lambda x: "text",
        lambda x: 7,
        lambda x: [],
        lambda x: {"a": (), "b": None},
        lambda x: (np.sum(x), x[0], x[:1], np.float32(1), 2.0, np.arange(2)),
        lambda x: np.where(x[0] > 0, 1.0, 2.0),
        lambda x: np.array(2.0),
        lambda x: x.shape,
        lambda x: np.all(x > 0),
        lambda x: bool(x[0] > 0),
        lambda x: (len(x), len, float, {1, 2}),
        lambda x: int(np.argmax(x)),
        lambda x: np.sort(x)[::-1],
        lambda x: x > 0,
        lambda x: np.broadcast_to(x[0], (2, 2)),
        lambda x: np.nonzero(x > 0),
    ],
)
def test_results_are_what_the_function_returns(jit, f):
    compiled = jit(f)
    for x in (X, -X, X):
        for _ in range(2):
            got, expected = compiled(x), f(x)
            assert_same(got, expected)


def test_a_returned_generator_or_object_is_the_functions_own(jit):
    class Box:
        def __init__(self, x):
            self.x = x

    def numbers(x):
        yield x
        yield x * 2

    box, generator = jit(Box), jit(numbers)
    for x in (1.0, 2.0, 3.0):
        assert box(x).x == x
        assert list(generator(x)) == [x, 2 * x]


def test_a_returned_object_is_new_each_time(jit):
    f = jit(lambda x: (x, {"a": [1]}, {1, 2}))
    first = f(1.0)
    first[1]["a"].append(2)
    first[2].add(3)
    assert f(1.0) == (1.0, {"a": [1]}, {1, 2})


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (
            np.add(x, 1),
            x + 1,
            np.abs(x),
            abs(x),
            np.negative(x),
            -x,
            np.multiply(x, x) * np.ones(1, np.float32),
        ),
        lambda x: (np.power(x, 2), x**2, np.sqrt(x), np.square(x), divmod(x, 2), np.round(x, 1), np.sign(x)),
        lambda x: (x > 1, np.greater(x, 1), (x > 1) & (x < 3), np.logical_and(x, 1), x == x, np.equal(x, 1.0)),
        lambda x: (np.sum(x), np.max(x), np.real(x), np.clip(x, 0, 1), np.maximum(x, 1), np.float32(2) * x),
        lambda x: (
            max(x, 1.5),
            min(x, 0.5),
            sum([x, x, 1]),
            np.hypot(x, 1),
            np.exp(x) * np.ones(1, np.float32),
            pow(x, 3),
        ),
    ],
)
@pytest.mark.parametrize("x", [2.0, 2, np.float32(2), np.float64(0.5), np.int64(3), np.array(2.5)], ids=repr)
def test_numbers_come_out_in_the_type_that_numpy_gives_them(jit, f, x):
    assert_same(jit(f)(x), f(x), 4)


def test_operators_on_whole_and_complex_numbers(jit):
    whole = lambda n: (n << 2, n >> 1, n & 3, n | 8, n ^ 1, ~n, 1 << abs(n), -n, +n, divmod(n, 3))  # noqa: E731
    compiled = jit(whole)
    for n in (5, -5, 0, np.int64(6)):
        assert_same(compiled(n), whole(n))
    of_complex = lambda z: (z.real, z.imag, abs(z), z.conjugate(), z * z, -z, z == 1 + 2j)  # noqa: E731
    compiled = jit(of_complex)
    for z in (1 + 2j, 3 - 1j, np.complex128(1j), np.complex64(2)):
        assert_same(compiled(z), of_complex(z), 4)


def test_round_gives_a_whole_number(jit):
    f = lambda x: (round(x), sum(range(round(x))), round(x, 1))  # noqa: E731
    compiled = jit(f)
    for x in (2.5, 3.7, np.float64(1.2), 5, 2.4):
        assert_same(compiled(x), f(x))


# Errors --------------------------------------------------------------------------------------------------------------


def test_an_error_comes_from_the_users_line_and_nothing_is_kept(jit):
    def f(x, i):
        if np.sum(x) < 0:
            raise RuntimeError("negative")
        return x[i]

    compiled = jit(f)
    with pytest.raises(RuntimeError, match="negative"):
        compiled(-X * X, 0)
    assert compiled.cache_info().specializations == 0
    assert compiled(X, 2) == 3.0
    with pytest.raises(RuntimeError, match="negative"):
        compiled(-X * X, 0)
    with pytest.raises(IndexError, match="out of bounds") as caught:
        compiled(X, 5)
    assert caught.traceback[-1].path.name == "test_jit.py"
    assert compiled(X, -1) == 3.0


def test_a_singular_matrix_is_numpys_error(jit):
    f = jit(lambda a: np.linalg.solve(a, np.ones(2)))
    assert np.array_equal(f(np.eye(2)), [1.0, 1.0])
    with pytest.raises(np.linalg.LinAlgError):
        f(np.zeros((2, 2)))


def test_python_arithmetic_that_raises_raises(jit):
    f = jit(lambda x, y: x / y)
    assert f(1.0, 2.0) == 0.5
    with pytest.raises(ZeroDivisionError):
        f(1.0, 0.0)
    assert f(3, 2) == 1.5
    with pytest.raises(ZeroDivisionError):
        f(3, 0)
    power = jit(lambda x, y: x**y)
    for x, y in [(2, 3), (2, -1), (-8.0, 3.0), (-8.0, 0.5), (2, 200), (10, 3)]:
        assert_same(power(x, y), x**y, 4)


def test_large_python_integers_are_exact(jit):
    f = jit(lambda n: n * n + 1)
    for n in (3, 10**6, 2**40, 10**30, -(2**63)):
        assert_same(f(n), n * n + 1)


def test_a_conversion_is_refused_with_the_line_to_write(jit):
    with pytest.raises(wg.ConversionError, match=r"y\[i\] = x"):
        jit(lambda x: np.zeros(3).__setitem__(0, x))(2.0)


# Looking inside ------------------------------------------------------------------------------------------------------


def test_lower_shows_the_stages():
    lowered = wg.jit(doubled, backend="numpy").lower(X)
    assert [node.operation for node in lowered.graph.operations] == ["multiply"]
    assert lowered.loops is lowered.llvm is lowered.assembly is None
    assert "-- graph --" in str(lowered)
    assert "2·x" in str(lowered)


@pytest.mark.skipif("native" not in available(), reason="no native backend here")
def test_lower_shows_the_native_stages():
    lowered = wg.jit(doubled, backend="native").lower(X)
    for stage in (lowered.loops, lowered.llvm, lowered.assembly):
        assert stage
        assert stage in str(lowered)


def test_the_report_says_what_runs_where():
    def f(x):
        return np.sum(x) if x[0] > 0 else x[0]

    report = wg.jit(f, backend="numpy").report(X)
    assert report.guards[0][0] is True
    assert "NumPy" in str(report)
    assert "assumes True at test_jit.py" in str(report)
    for backend in available():
        report = wg.jit(lambda x: np.sum(np.sin(x)), backend=backend).report(X)
        assert report.operations == 2
        assert all(len(callback) == 3 for callback in report.callbacks)


def test_the_cache_is_counted_and_cleared():
    f = wg.jit(lambda x: x * 2 if np.sum(x) > 0 else x)
    f(X), f(-X), f(np.ones(2))
    assert f.cache_info() == (2, 3, 3)
    f.clear_cache()
    assert f.cache_info() == (0, 0, 3)
    f(X)
    assert f.trace_count == 4


def test_side_effects_happen_when_it_records():
    seen = []

    @wg.jit
    def f(x):
        seen.append(1)
        return x * 2

    for _ in range(3):
        f(X)
    assert len(seen) == 1


def test_warnings_about_numbers_appear_when_it_records():
    f = wg.jit(lambda x: np.log(x))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert f(np.zeros(1)) == -np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f(np.zeros(1)) == -np.inf


def test_donated_arguments_are_accepted(jit):
    step = jit(lambda w, g: w - 0.1 * g, donate_argnums=0)
    w = np.ones(3)
    for _ in range(3):
        w = step(w, np.ones(3))
    np.testing.assert_allclose(w, np.full(3, 0.7), rtol=1e-15)
