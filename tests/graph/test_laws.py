"""Each law of simplification, alone: held against what it replaces, bit for bit unless it is one of algebra."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wengert as wg
from wengert.core.primitive import REGISTRY, bind
from wengert.graph import simplify as module
from wengert.graph.laws import LAWS
from wengert.graph.pattern import Factor, Literal, Operation, Pattern, Rewrite, Variable
from wengert.graph.verify import verify

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.5, -3.75, np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324, 1e-200]
ORDINARY = [0.7, -1.3, 2.5, -3.75, 0.1, 11.0]
IDS = [f"{i}-{law.reason}" for i, law in enumerate(LAWS)]


def pairs(values, dtype=np.float64):
    return tuple(np.array(list(itertools.product(values, repeat=2))).astype(dtype).T)


def structural(name):
    """An operation on an array, by its parameters; NumPy's front end would leave out those that do nothing."""
    return lambda *args, **params: bind(REGISTRY[name], args, params)


reshape, transpose, broadcast_to, sum_to, astype, getitem, concatenate = map(
    structural, ["reshape", "transpose", "broadcast_to", "sum_to", "astype", "getitem", "concatenate"]
)
WIDE, NARROW = np.dtype(np.float64), np.dtype(np.float32)
FULL, REVERSED = slice(None), slice(None, None, -1)

#: Programs on one array of shape (n,), for the laws whose operations have parameters. Some must not be simplified.
PROGRAMS = {
    "reshape to the same": lambda x: reshape(x, shape=x.shape),
    "reshape twice": lambda x: reshape(reshape(x, shape=(x.size, 1)), shape=(1, x.size)),
    "reshape and back": lambda x: reshape(reshape(x, shape=(x.size, 1)), shape=(x.size,)),
    "transpose nothing": lambda x: transpose(x[:, None] * x, axes=(0, 1)),
    "transpose": lambda x: transpose(x[:, None] - x, axes=(1, 0)),
    "transpose and back": lambda x: transpose(transpose(x[:, None] - x, axes=(1, 0)), axes=(1, 0)),
    "permute twice": lambda x: transpose(
        transpose(x[:4, None, None] - x[:3, None] * x[:2], axes=(1, 2, 0)), axes=(0, 2, 1)
    ),
    "permute in a circle": lambda x: transpose(
        transpose(x[:4, None, None] - x[:3, None] * x[:2], axes=(1, 2, 0)), axes=(1, 2, 0)
    ),
    "broadcast to the same": lambda x: broadcast_to(x, shape=x.shape),
    "broadcast twice": lambda x: broadcast_to(broadcast_to(x[:, None], shape=(x.size, 2)), shape=(3, x.size, 2)),
    "sum_to the same": lambda x: sum_to(x, shape=x.shape),
    "sum_to twice": lambda x: sum_to(sum_to(x[:, None] * x, shape=x.shape), shape=()),
    "astype of the same": lambda x: astype(x, dtype=x.dtype),
    "astype wider and back": lambda x: astype(astype(x, dtype=WIDE), dtype=NARROW),
    "astype narrower and back": lambda x: astype(astype(x, dtype=NARROW), dtype=WIDE),
    "all of it": lambda x: getitem(x, index=(FULL,)),
    "all, by an ellipsis": lambda x: getitem(x, index=(Ellipsis,)),
    "all, by numbers": lambda x: getitem(x, index=(slice(0, x.size),)),
    "reversed": lambda x: getitem(x, index=(REVERSED,)),
    "a part": lambda x: getitem(x, index=(slice(1, None),)),
    "a permutation": lambda x: x[np.argsort(x)],
    "one part": lambda x: concatenate(x, axis=0),
    "two parts": lambda x: concatenate(x, x, axis=0),
    **{
        f"{f.__name__} over {what}": lambda x, f=f, shape=shape, options=options: f(
            reshape(x, shape=(x.size, *shape)), **options
        )
        for f in (np.sum, np.prod, np.max, np.min)
        for what, shape, options in [
            ("no axis", (), {"axis": ()}),
            ("an axis of one", (1,), {"axis": 1, "keepdims": True}),
            ("an axis of one that goes", (1,), {"axis": 1}),
            ("all", (), {}),
        ]
    },
}


def formula(pattern: Pattern, letters, literal):
    """The program that the pattern describes."""
    if isinstance(pattern, Factor):
        return literal(-3)
    if isinstance(pattern, Variable):
        return letters[pattern.name]
    if isinstance(pattern, Literal):
        return literal(pattern.value)
    assert isinstance(pattern, Operation)
    return bind(REGISTRY[pattern.name], [formula(arg, letters, literal) for arg in pattern.args], {})


def letterings(x, y):
    """What the letters may stand for: numbers, and for those of any dtype, truth values."""
    yield {"x": x, "y": y, "a": x, "b": y, "c": x > 0}
    yield {"x": x, "y": y, "a": x > y, "b": y > 0, "c": x > 0}


def programs(law: Rewrite):
    """Functions of x and y in which the law applies, perhaps."""
    if needs_parameters(law):
        yield from ((lambda x, y, f=f: f(x)) for f in PROGRAMS.values())
        return
    forms = [
        lambda x, y: lambda v: v,
        lambda x, y: lambda v: np.full(np.shape(x), v, getattr(x, "dtype", None)),
        lambda x, y: lambda v: -0.0 if isinstance(v, int) and v == 0 else v,  # 0 is a zero of either sign
    ]
    for number, order, form in itertools.product((0, 1), law.orders, forms):

        def program(x, y, number=number, order=order, form=form):
            return formula(order, list(letterings(x, y))[number], form(x, y))

        yield program


def needs_parameters(law: Rewrite) -> bool:
    named = {law.pattern.name, *(arg.name for arg in law.pattern.args if isinstance(arg, Operation))}
    shaping = {"reshape", "transpose", "broadcast_to", "sum_to", "astype", "getitem", "concatenate"}
    return not named.isdisjoint(shaping | {"sum", "prod", "max", "min"})


def simplified_by(law: Rewrite, graph: wg.Graph, monkeypatch) -> tuple[wg.Graph, bool]:
    """The graph after this law alone, and whether it did something."""
    monkeypatch.setattr(module, "LAWS", [])
    without = graph.simplify(algebra=True)
    monkeypatch.setattr(module, "LAWS", [law])
    result = graph.simplify(algebra=True)
    verify(result)
    names = [[node.operation for node in g.operations] for g in (without, result)]
    return result, names[0] != names[1]


def cases(law: Rewrite, values):
    """Arguments to record with, and those to run with: arrays of all pairs, and each pair as Python numbers."""
    for dtype in (np.float64, np.float32):
        yield [pairs(values, dtype)]
    if not needs_parameters(law):
        yield list(itertools.product(values, repeat=2))


def differences(law: Rewrite, values, agree, monkeypatch) -> tuple[int, list]:
    """How often the law applied, and where the result was another one."""
    applied, wrong = 0, []
    for program, runs in itertools.product(programs(law), cases(law, values)):
        try:
            graph = wg.trace(program)(*runs[-1])
        except TypeError:  # ∼x of a real x
            continue
        result, changed = simplified_by(law, graph, monkeypatch)
        applied += changed
        for x, y in runs:
            got, expected = np.asarray(result(x, y)), np.asarray(graph(x, y))
            assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
            wrong += [(x, y)] if not agree(got, expected) else []
    return applied, wrong


def same_bits(got, expected) -> bool:
    if got.dtype.kind != "f":
        return np.array_equal(got, expected)
    return np.array_equal(got, expected, equal_nan=True) and np.array_equal(
        np.signbit(got)[~np.isnan(got)], np.signbit(expected)[~np.isnan(expected)]
    )


def same_but_for_zeros_sign(got, expected) -> bool:
    return np.array_equal(got, expected, equal_nan=True)


def close(got, expected) -> bool:
    """Equal where the old formula is defined at all: ln(−1) is not, and exp(ln(−1)) = −1 is no mistake."""
    defined = np.isfinite(expected)
    rtol = 1e-4 if expected.dtype == np.float32 else 1e-11
    return np.allclose(got[defined], expected[defined], rtol=rtol, atol=rtol)


@pytest.mark.parametrize("law", [law for law in LAWS if not law.algebra], ids=lambda law: law.reason)
def test_a_sound_law_changes_no_bit(law, monkeypatch):
    strong_zero = law.pattern.name == "scale"  # its zeros have no sign
    applied, wrong = differences(law, SPECIAL, same_but_for_zeros_sign if strong_zero else same_bits, monkeypatch)
    assert applied
    assert wrong == []


@pytest.mark.parametrize("law", [law for law in LAWS if law.algebra], ids=lambda law: law.reason)
def test_a_law_of_algebra_holds_for_ordinary_numbers(law, monkeypatch):
    applied, wrong = differences(law, ORDINARY, close, monkeypatch)
    assert applied
    assert wrong == []


@pytest.mark.parametrize("law", [law for law in LAWS if law.algebra], ids=lambda law: law.reason)
def test_and_only_there(law, monkeypatch):
    """Were it sound it would not have to be asked for; and the test above would not find an unsound one."""
    wrong = [w for values in (SPECIAL, ORDINARY) for w in differences(law, values, same_bits, monkeypatch)[1]]
    assert wrong != []


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.reason)
def test_the_right_side_is_a_letter_a_number_or_one_operation_on_letters(law):
    letters = set()

    def collect(pattern):
        if isinstance(pattern, Variable):
            letters.add(pattern)
        for arg in getattr(pattern, "args", ()):
            collect(arg)

    collect(law.pattern)
    sides = law.result.args if isinstance(law.result, Operation) else (law.result,)
    assert all(isinstance(side, Literal) or side in letters for side in sides)
    assert law.reason


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.reason)
def test_operations_have_the_names_of_primitives(law):
    def check(pattern):
        if isinstance(pattern, Operation):
            assert pattern.name in REGISTRY
            for arg in pattern.args:
                check(arg)

    check(law.pattern)
    check(law.result)


def test_a_wrong_law_is_found(monkeypatch):
    x = Variable("x")
    for wrong_law in (Rewrite(abs(x), x, "wrong"), Rewrite(x + 0.0, x, "wrong for −0"), Rewrite(0 * x, 0, "not for ∞")):
        _, wrong = differences(wrong_law, SPECIAL, same_bits, monkeypatch)
        assert wrong != []


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_programs_on_arrays_keep_every_bit(program, dtype):
    x = pairs(SPECIAL, dtype)[0]
    graph = wg.trace(program)(x)
    result = graph.simplify()
    verify(result)
    assert same_bits(np.asarray(result(x)), np.asarray(graph(x)))


# All laws together -----------------------------------------------------------------------------------------------

NUMBERS = [0, 1, -1, 0.0, -0.0, 1.0, -1.0, 2.0, np.inf, np.nan, np.float64(1), np.float64(0), np.full(2, 1.0),
           np.zeros(2), np.array([1.0, -0.0])]  # fmt: skip
UNARY = [np.negative, np.absolute, np.square, np.sqrt, np.exp, np.log, np.positive, np.sign, np.isnan]
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.power]


@st.composite
def expressions(draw):
    """A list of steps, each on two earlier values, of which the first two are the inputs."""
    steps = []
    for size in range(2 + len(NUMBERS), 2 + len(NUMBERS) + draw(st.integers(1, 12))):
        # Mostly recent values and inputs, so that the formulas are deep.
        place = st.one_of(st.integers(0, 1), st.integers(0, size - 1), st.just(size - 1))
        steps.append((draw(st.sampled_from([*UNARY, *BINARY, np.where])), draw(place), draw(place)))
    return steps


def run(steps, x, y):
    values = [x, y, *NUMBERS]
    for function, i, j in steps:
        if function in UNARY:
            new = function(values[i])
        elif function is np.where:
            new = np.where(values[0] > 0, values[i], values[j])
        else:
            new = function(values[i], values[j])
        # A truth value has no sign and cannot be subtracted.
        values.append(new * 1.0 if getattr(new, "dtype", np.dtype(float)).kind == "b" else new)
    return values[-1]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(expressions(), st.sampled_from(SPECIAL), st.sampled_from(SPECIAL), st.sampled_from([float, np.float64, "array"]))
def test_formulas_keep_every_bit(steps, x, y, kind):
    x, y = (np.array([v, 2.0]) if kind == "array" else kind(v) for v in (x, y))
    graph = wg.trace(lambda x, y: run(steps, x, y))(x, y)
    result = graph.simplify()
    verify(graph)
    verify(result)
    assert len(result.simplify()) == len(result) <= len(graph)
    for u, v in ((x, y), (y, x)):
        assert same_bits(np.asarray(result(u, v)), np.asarray(graph(u, v)))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(expressions(), st.sampled_from(ORDINARY), st.sampled_from(ORDINARY))
def test_formulas_keep_their_derivatives(steps, x, y):
    graph = wg.trace(wg.grad(lambda x, y: np.sum(run(steps, x, y)), (0, 1)))(x, y)
    result = graph.simplify()
    verify(result)
    assert len(result.simplify()) == len(result) <= len(graph)
    assert same_but_for_zeros_sign(np.asarray(result(x, y)), np.asarray(graph(x, y)))
    verify(graph.simplify(algebra=True))
