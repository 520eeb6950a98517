"""What holds for every primitive, each check a function that raises AssertionError where it does not."""

from __future__ import annotations

import itertools

import numpy as np

import wengert as wg
from wengert.core.aval import aval_of
from wengert.core.tracer import concrete

STEP = 1e-3


def flat(value):
    """The outputs of a primitive as a list."""
    return list(value) if isinstance(value, tuple) else [value]


class Trial:
    """A primitive at a sample: a function of the active arguments, with random directions and a random covector."""

    def __init__(self, primitive, sample, seed=1):
        self.primitive, self.sample = primitive, sample
        self.x = tuple(sample.args[i] for i in sample.active)
        rng = np.random.default_rng(seed)
        self.directions = [tuple(self._like(rng, x) for x in self.x) for _ in range(3)]
        self.value = self(*self.x)
        self.covectors = [[self._like(rng, v) for v in flat(self.value)] for _ in range(2)]

    @staticmethod
    def _like(rng, x):
        aval = aval_of(x)
        drawn = rng.uniform(0.5, 1.5, aval.shape) * rng.choice([-1, 1], aval.shape)
        return float(drawn) if aval.weak else drawn.astype(aval.dtype if aval.dtype.kind == "f" else float)[()]

    def __call__(self, *x):
        args = list(self.sample.args)
        for i, value in zip(self.sample.active, x, strict=True):
            args[i] = value
        return self.primitive(*args, **self.sample.params)

    def scalar(self, *x):
        """⟨w, f(x)⟩, of two applications of f: what is merged in the reverse pass is merged here."""
        total = 0.0
        for covector in self.covectors:
            for w, v in zip(covector, flat(self(*x)), strict=True):
                total = total + np.sum(w * v)
        return total


def forward(f, t):
    """The function Df(x)·t of x, by forward mode."""
    return lambda *x: wg.jvp(f, x, t)[1]


def reverse(f, t):
    """The same by reverse mode."""

    def directional(*x):
        gradients = wg.grad(f, argnums=tuple(range(len(x))))(*x)
        return sum(np.sum(g * d) for g, d in zip(gradients, t, strict=True))

    return directional


def numeric(f, t):
    """The same by central differences of fourth order."""

    def directional(*x):
        def at(s):
            return np.asarray(f(*(a + s * STEP * d for a, d in zip(x, t, strict=True))), float)

        return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * STEP)

    return directional


def close(got, want, tolerance, what):
    """Equal up to a tolerance relative to the larger of 1 and what is wanted."""
    got, want = np.asarray(got, float), np.asarray(want, float)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, not {want.shape}"
    error = np.abs(got - want)
    assert np.all(error <= tolerance * np.maximum(1, np.abs(want))), f"{what}: {got}, not {want}"


def check_first(primitive, sample):
    """Forward against differences; reverse against forward, ⟨w, J·t⟩ = ⟨Jᵀ·w, t⟩; linearize against jvp."""
    trial = Trial(primitive, sample)
    if not trial.x:
        return
    x, t = trial.x, trial.directions[0]
    value, tangent = wg.jvp(trial, x, t)
    _, linear = wg.linearize(trial, *x)
    for i, (v, dv, ldv, plain) in enumerate(zip(*map(flat, (value, tangent, linear(*t), trial.value)), strict=True)):
        close(v, plain, 1e-15, "value")
        close(dv, numeric(lambda *x, i=i: flat(trial(*x))[i], t)(*x), 1e-8, "forward")
        close(ldv, dv, 1e-12, "linearize")
    close(reverse(trial.scalar, t)(*x), forward(trial.scalar, t)(*x), 1e-10, "adjointness")


def check_higher(primitive, sample):
    """Orders 2 and 3: every nesting of the modes against differences of the exact order below."""
    trial = Trial(primitive, sample)
    if not trial.x:
        return
    x, (t, u, v) = trial.x, trial.directions
    second = numeric(forward(trial.scalar, t), u)(*x)
    third = numeric(forward(forward(trial.scalar, t), u), v)(*x)
    for inner, outer in itertools.product((forward, reverse), repeat=2):
        close(outer(inner(trial.scalar, t), u)(*x), second, 1e-7, f"{outer.__name__} over {inner.__name__}")
        for outermost in (forward, reverse):
            what = f"{outermost.__name__} over {outer.__name__} over {inner.__name__}"
            close(outermost(outer(inner(trial.scalar, t), u), v)(*x), third, 1e-6, what)


def is_curved(primitive, sample):
    """Whether a second derivative at this sample is not zero."""
    trial = Trial(primitive, sample)
    x, (t, u, _) = trial.x, trial.directions
    return bool(trial.x) and abs(numeric(forward(trial.scalar, t), u)(*x)) > 1e-3


def check_aval(primitive, sample):
    """The rule for shape and dtype says what really comes out."""
    if any(np.asarray(a).dtype.kind == "b" for a in sample.args) and primitive.name == "getitem":
        return  # the shape depends on the values
    promised = primitive.aval(*map(aval_of, sample.args), **sample.params)
    out = primitive(*sample.args, **sample.params)
    promised = promised if primitive.outputs > 1 else [promised]
    for got, want in zip([aval_of(v) for v in flat(out)], promised, strict=True):
        if -1 not in want.shape:  # a number of rows that depends on the values
            assert got == want


def check_dtypes(primitive, sample, dtype):
    """Gradients have the dtype of what they belong to, tangents that of the output, and nothing is widened."""
    trial = Trial(primitive, sample.cast(dtype))
    if not trial.x:
        return
    outs = flat(trial.value)
    pure = len(trial.x) == len(sample.args) and "dtype" not in sample.params
    _, tangent = wg.jvp(trial, trial.x, trial.directions[0])
    for v, dv in zip(outs, flat(tangent), strict=True):
        kind = np.asarray(v).dtype.kind
        assert np.asarray(dv).dtype == (np.asarray(v).dtype if kind == "f" else float)
        assert kind != "f" or np.asarray(v).dtype == dtype or not pure
    _, pull = wg.vjp(trial, *trial.x)
    cotangent = trial.covectors[0]
    for g in pull(tuple(cotangent) if isinstance(trial.value, tuple) else cotangent[0]):
        assert np.asarray(g).dtype == dtype


def frozen(rule_function):
    """The same rule, cut off from the derivatives of its own arguments."""

    def still(value):
        return tuple(map(concrete, value)) if isinstance(value, tuple) else concrete(value)

    return lambda *args, **params: rule_function(*map(still, args), **params)
