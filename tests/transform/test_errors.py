"""Bad input: an error that names the user's line and what to write instead, or the right answer; never a wrong one."""

from __future__ import annotations

import inspect
import math
import threading
import warnings

import numpy as np
import pytest
from scipy import special

import wengert as wg
from wengert.core.dispatch import FUNCTIONS, UFUNC_METHODS, UFUNCS

X = np.array([1.0, 2.0, 3.0])
A = np.arange(9.0).reshape(3, 3)


def caught(error, f, *args, transform=wg.grad):
    """The message of the error that f raises under a transformation; it names a line of f and what to write instead."""
    with pytest.raises(error) as info:
        transform(f)(*args)
    message = str(info.value)
    lines, start = inspect.getsourcelines(f)
    assert info.value.location is not None
    assert info.value.location.file == __file__
    assert start <= info.value.location.line < start + len(lines)
    assert f"{__file__}:{info.value.location.line}: {info.value.location.text}" in message
    assert "  write  " in message
    return message


# Where a traced value would become a plain one ------------------------------------------------------------------------


def assign_element(x):
    y = np.zeros(3)
    y[0] = x
    return np.sum(y)


def assign_element_of_array(x):
    y = np.zeros(3)
    y[0] = (x * X)[1]
    return np.sum(y)


def assign_slice(x):
    y = np.zeros(3)
    y[:] = x * X
    return np.sum(y)


def fill(x):
    y = np.zeros(3)
    y.fill(x)
    return np.sum(y)


CONVERSIONS = {
    "np.array": (lambda x: np.sum(np.array([x, x])), "np.stack([x, y])"),
    "np.array of one": (lambda x: np.array(x) * 2.0, "np.stack"),
    "np.array nested": (lambda x: np.sum(np.array([[x, 1.0], [0.0, x]])), "np.stack"),
    "np.array of elements": (lambda x: np.sum(np.array(list(x * X))), "np.stack"),
    "np.asarray": (lambda x: np.sum(np.asarray(x) ** 2), "np.stack"),
    "np.float64": (lambda x: np.float64(x) * 2.0, "np.stack"),
    "np.mean": (lambda x: np.mean([x, x]), "np.mean(np.stack([x, y]))"),
    "np.sum": (lambda x: np.sum([x, 2 * x]), "np.stack"),
    "np.dot": (lambda x: np.dot([x, x], [1.0, 2.0]), "np.stack"),
    "np.full": (lambda x: np.sum(np.full(3, x)), "x * np.ones(n)"),
    "np.vectorize": (lambda x: np.sum(np.vectorize(lambda t: t * t)(x * X)), "np."),
    "np.arange": (lambda x: np.sum(np.arange(0.0, x, 1.0)), "np."),
    "ndarray.dot": (lambda x: np.sum(A.dot(x * X)), "np."),
    "object array": (lambda x: np.sum(np.array([x, x], dtype=object)), "np.stack"),
    "index": (lambda x: X[x], "np."),
    "math.sin": (lambda x: math.sin(x), "np.sin(x)"),
    "math.hypot": (lambda x: math.hypot(x, 1.0), "np."),
    "float": (lambda x: float(x) ** 2, "write       np.sin(x), x"),
    "int": (lambda x: int(x) * x, "not traced"),
    "complex": (lambda x: complex(x), "write       x"),
    "range": (lambda x: sum(x for _ in range(x)), "not traced"),
    "item": (lambda x: x.item() ** 2, "x.sum()"),
    "item of index": (lambda x: (x * X).item(0), "x.sum()"),
    "tolist": (lambda x: sum((x * X).tolist()), "list(x)"),
    "y[0] = x": (assign_element, "np.stack"),
    "y[0] = x[1]": (assign_element_of_array, "np.stack"),
    "y[:] = x": (assign_slice, "wengert.numpy"),
    "y.fill(x)": (fill, "np.stack"),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_raises_at_its_line_with_the_fix(name):
    f, fix = CONVERSIONS[name]
    for transform in (wg.grad, wg.jacobian, lambda f: lambda x: wg.jvp(f, (x,), (1.0,)), wg.hessian):
        message = caught(wg.ConversionError, f, 2.0, transform=transform)
        assert fix in message
        assert "lose its derivative" in message or "cut it off from its derivative" in message


def test_a_conversion_inside_another_librarys_function_names_the_users_line():
    sparse = pytest.importorskip("scipy.sparse")
    S = sparse.eye_array(3)
    caught(wg.ConversionError, lambda x: np.sum(S @ (x * X)), 2.0)


def test_a_conversion_in_a_thread_names_the_users_line():
    errors = []

    def f(x):
        def work():
            try:
                math.sin(x)
            except wg.ConversionError as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return x

    wg.grad(f)(1.0)
    assert errors[0].location.text == "math.sin(x)"


# What is not there ----------------------------------------------------------------------------------------------------

MISSING = {
    "np.sort": (FUNCTIONS, np.sort, lambda x: np.sum(np.sort(x * X))),
    "np.linalg.det": (FUNCTIONS, np.linalg.det, lambda x: np.linalg.det(x * A)),
    "np.tan": (UFUNCS, np.tan, lambda x: np.tan(x)),
    "np.add.reduce": (UFUNC_METHODS, (np.add, "reduce"), lambda x: np.add.reduce(x * X)),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_function_without_a_rule_is_named_and_can_be_added(name, monkeypatch):
    table, key, f = MISSING[name]
    monkeypatch.delitem(table, key)
    message = caught(wg.MissingRuleError, f, 0.5)
    assert message.startswith(f"{name} has no derivative rule")
    assert "wg.primitive(" in message


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(np.add(x, 1.0, where=x > 1.0)),
        lambda x: np.sum(np.exp(x, where=x > 1.0)),
    ],
)
def test_where(f):
    assert "np.where(" in caught(wg.MissingRuleError, f, X)


# In place -------------------------------------------------------------------------------------------------------------


def write(statement):
    """A function of x that runs a statement with y, a plain array of zeros."""

    def f(x):
        y = np.zeros(3)
        statement(x, y)
        return np.sum(x) + np.sum(y)

    return f


STATEMENTS = {
    "out=": lambda x, y: np.add(x, 1.0, out=y),
    "out= of a reduction": lambda x, y: np.sum(x, out=y[0:1]),
    "y += x": lambda x, y: y.__iadd__(x),
    "y *= x": lambda x, y: y.__imul__(x),
    "np.copyto": lambda x, y: np.copyto(y, x),
    "np.full_like": lambda x, y: np.full_like(y, x),
    "np.put": lambda x, y: np.put(y, [0], x[0]),
    "np.place": lambda x, y: np.place(y, y == 0, x),
    "np.fill_diagonal": lambda x, y: np.fill_diagonal(np.zeros((3, 3)), x),
    "np.add.at": lambda x, y: np.add.at(y, [0], x[0]),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_writing_in_place_raises(name):
    with pytest.raises((wg.InPlaceError, wg.ConversionError)) as info:
        wg.grad(write(STATEMENTS[name]))(X)
    assert info.value.location.text.startswith(f'"{name}"')
    assert info.value.right


def test_an_update_of_a_number_is_a_new_number():
    def f(x):
        y = x
        y += 1.0
        y *= x
        return y

    assert wg.grad(f)(2.0) == 5.0


# Arguments and results ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("text", "a str"),
        (b"bytes", "a bytes"),
        (object(), "a object"),
        (True, "boolean"),
        (np.array([True]), "boolean"),
        (np.array([1.0, None]), "object"),
        (np.array(["a"]), "dtype <U1"),
        (np.datetime64("2020-01-01"), "datetime64"),
        (None, "nothing to differentiate"),
        (np.ma.array([1.0, 2.0], mask=[True, False]), "MaskedArray"),
    ],
)
def test_arguments_that_have_no_derivative(value, what):
    for call in (
        lambda: wg.grad(np.sum)(value),
        lambda: wg.jacobian(lambda x: x)(value),
        lambda: wg.vjp(lambda x: x, value),
        lambda: wg.linearize(lambda x: x, value),
        lambda: wg.grad(lambda x, y: x, argnums=1)(1.0, value),
    ):
        with pytest.raises(wg.ArgumentError, match=what):
            call()
    with pytest.raises((wg.ArgumentError, wg.ShapeError)):
        wg.jvp(lambda x: x, (value,), (1.0,))


def test_what_is_not_differentiated_may_be_anything():
    f = lambda x, options: x**2 if options["name"] == "square" and options["mask"] is None else x  # noqa: E731
    assert wg.grad(f)(3.0, {"name": "square", "mask": None, "o": object()}) == 6.0


def test_arrays_with_an_arithmetic_of_their_own_are_refused():
    """Sums leave masked elements out; a matrix multiplies as a matrix. A derivative that ignored it would be wrong."""
    masked = np.ma.array(X, mask=[False, True, False])
    caught(wg.ArgumentError, lambda x: np.sum(x * masked), X)
    with pytest.raises((wg.ArgumentError, wg.ConversionError)):
        wg.grad(lambda x: np.sum(masked * x))(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = np.matrix(A)
        caught(wg.ArgumentError, lambda x: np.sum(x * matrix), A)
        caught(wg.ArgumentError, lambda x: np.sum(matrix * x), A)
        with pytest.raises(wg.ArgumentError, match="matrix"):
            wg.grad(np.sum)(matrix)


@pytest.mark.parametrize(
    "argnums", [1, -2, (0, 1), "x", "0", 1.0, None, True, (0.0,), [None], (0, 0), (0, -1), {0}, object()]
)
def test_unknown_and_repeated_argnums(argnums):
    for transform in (wg.grad, wg.value_and_grad, wg.jacobian, wg.hessian):
        with pytest.raises(wg.ArgumentError, match="argnums"):
            transform(lambda x: x * x, argnums)(2.0)


def test_arguments_by_name_only():
    with pytest.raises(wg.ArgumentError, match=r"wg\.grad\(f\)\(3\.0\)"):
        wg.grad(lambda x: x)(x=2.0)


@pytest.mark.parametrize("f", [lambda x: x, lambda x: x[:1], lambda x: (x[0], x[1]), lambda x: {}, lambda x: []])
def test_a_gradient_of_what_is_not_one_number(f):
    with pytest.raises(wg.ShapeError, match=r"wg\.jacobian\(f\)"):
        wg.grad(f)(X)


@pytest.mark.parametrize("result", [None, "text", object(), np.array(["a"]), np.array([None])])
def test_results_that_have_no_derivative(result):
    for call in (
        lambda: wg.grad(lambda x: result)(1.0),
        lambda: wg.vjp(lambda x: result, 1.0),
        lambda: wg.linearize(lambda x: result, 1.0),
        lambda: wg.jacobian(lambda x: result)(1.0),
    ):
        with pytest.raises(wg.ArgumentError, match="returned"):
            call()


def test_complex_numbers_where_there_is_no_derivative():
    with pytest.raises(wg.ShapeError, match="real number"):
        wg.grad(lambda x: x * 1j)(2.0)
    with pytest.raises(wg.ArgumentError, match="erf of traced complex numbers"):
        wg.grad(lambda x: np.real(special.erf(x * 1j)))(2.0)
    with pytest.raises(wg.ArgumentError, match="not holomorphic"):
        wg.jacobian(np.conj)(1j)


@pytest.mark.parametrize("f", [lambda x: x, lambda x: (x, 1, 2), lambda x: [x, 1]])
def test_has_aux_needs_a_pair(f):
    for transform in (wg.grad, wg.value_and_grad, wg.jacobian):
        with pytest.raises(wg.ShapeError, match="pair"):
            transform(f, has_aux=True)(2.0)
    with pytest.raises(wg.ShapeError, match="pair"):
        wg.vjp(f, 2.0, has_aux=True)
    with pytest.raises(wg.ShapeError, match="pair"):
        wg.jvp(f, (2.0,), (1.0,), has_aux=True)


@pytest.mark.parametrize("ct", [1.0, np.ones(2), np.ones((3, 1)), np.ones((1, 3)), [1.0, 1.0, 1.0], (X,)])
def test_tangents_and_cotangents_of_another_shape(ct):
    for call in (
        lambda: wg.vjp(np.sin, X)[1](ct),
        lambda: wg.linearize(np.sin, X)[1](ct),
        lambda: wg.jvp(np.sin, (X,), (ct,)),
    ):
        with pytest.raises(wg.ShapeError):
            call()


@pytest.mark.parametrize("ct", ["text", 1j, True, np.array([1j] * 3), np.array(["a"] * 3)])
def test_tangents_and_cotangents_that_are_no_numbers(ct):
    for call in (
        lambda: wg.vjp(np.sin, X)[1](ct),
        lambda: wg.linearize(np.sin, X)[1](ct),
        lambda: wg.jvp(np.sin, (X,), (ct,)),
    ):
        with pytest.raises((wg.ArgumentError, wg.ShapeError)):
            call()


def test_jvp_takes_tuples_of_one_length():
    with pytest.raises(wg.ArgumentError, match=r"wg\.jvp\(f, \(x,\), \(t,\)\)"):
        wg.jvp(np.sin, X, X)
    with pytest.raises(wg.ShapeError, match="2 primals and 1 tangents"):
        wg.jvp(np.multiply, (X, X), (X,))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x + np.ones(4)),
        lambda x: np.sum(A[:2, :2] @ x),
        lambda x: np.sum(x.reshape(2, 2)),
        lambda x: x[5],
    ],
)
def test_wrong_shapes_raise_as_in_numpy(f):
    with pytest.raises((ValueError, IndexError)) as plain:
        f(X)
    for transform in (wg.grad, lambda f: lambda x: wg.jvp(f, (x,), (x,))):
        with pytest.raises(plain.type):
            transform(f)(X)


# Values that are not finite -------------------------------------------------------------------------------------------


def test_not_a_number_goes_through():
    assert np.isnan(wg.grad(lambda x: x * x)(math.nan))
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x**2))(np.array([math.nan, 3.0])), [math.nan, 6.0])
    assert wg.grad(lambda x: 3.0 * x)(math.inf) == 3.0
    assert wg.grad(lambda x: np.where(np.isnan(x), 0.0, x))(math.nan) == 0.0


# Traced values that outlive their transformation ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [wg.grad, lambda f: lambda x: wg.jvp(f, (x,), (1.0,)), lambda f: lambda x: wg.vjp(f, x), wg.hessian],
)
def test_leaked_values(transform):
    kept = []
    transform(lambda x: (kept.append(x), kept.append(np.sin(x)), x * x)[2])(2.0)
    for leaked in kept:
        for use in (
            lambda x, leaked=leaked: x * leaked,
            lambda x, leaked=leaked: np.sum(np.stack([x, leaked])),
            lambda x, leaked=leaked: leaked,
        ):
            with pytest.raises(wg.LeakedTracerError, match="has_aux=True"):
                wg.grad(use)(1.0)
            with pytest.raises(wg.LeakedTracerError):
                wg.jvp(use, (1.0,), (1.0,))
        with pytest.raises(wg.LeakedTracerError):
            leaked + 1.0
        with pytest.raises(wg.LeakedTracerError):
            np.sin(leaked)
        with pytest.raises((wg.LeakedTracerError, wg.ConversionError)):
            float(leaked)
        assert repr(leaked).startswith("Traced(")


def test_a_value_leaked_by_a_function_that_raised():
    kept = []

    def f(x):
        kept.append(x)
        raise KeyError("the user's own error")

    with pytest.raises(KeyError, match="own error"):
        wg.grad(f)(2.0)
    with pytest.raises(wg.LeakedTracerError):
        kept[0] * 2.0


def test_the_users_own_errors_are_theirs():
    for error in (ValueError, TypeError, ZeroDivisionError, IndexError):

        def f(x, error=error):
            raise error("mine")

        with pytest.raises(error, match="mine") as info:
            wg.grad(f)(1.0)
        assert type(info.value) is error
