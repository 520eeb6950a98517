"""Programs with loops and branches as operations, each beside the same program in Python's own loops and branches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import wengert as wg


class Program(NamedTuple):
    """`structured(*args)` and `plain(*args)` are the same number; `args` and `others` are two points."""

    structured: Callable[..., Any]
    plain: Callable[..., Any]
    args: tuple[Any, ...]
    others: tuple[Any, ...]


RNG = np.random.default_rng(3)
XS = RNG.normal(size=(5, 3))
W = RNG.normal(size=(3, 3)) / 2


def python_scan(f, carry, xs=None, length=None, reverse=False, snapshots=None):
    """What `wg.scan` is to be, for arrays as xs and numbers or arrays as results."""
    n = len(xs) if xs is not None else length
    rows = []
    for t in reversed(range(n)) if reverse else range(n):
        carry, row = f(carry, None if xs is None else xs[t])
        rows.append(row)
    return carry, None if rows[0] is None else np.stack(rows[::-1] if reverse else rows)


def python_fori(lo, hi, body, carry):
    for i in range(lo, hi):
        carry = body(i, carry)
    return carry


def python_while(cond, body, carry):
    while cond(carry):
        carry = body(carry)
    return carry


def python_cond(pred, true_fn, false_fn, *operands):
    return true_fn(*operands) if pred else false_fn(*operands)


def python_switch(index, branches, *operands):
    return branches[min(max(int(index), 0), len(branches) - 1)](*operands)


class Structured(NamedTuple):
    """The functions that a program is written with."""

    scan: Any = wg.scan
    fori_loop: Any = wg.fori_loop
    while_loop: Any = wg.while_loop
    cond: Any = wg.cond
    switch: Any = wg.switch
    checkpoint: Any = wg.checkpoint


PYTHON = Structured(python_scan, python_fori, python_while, python_cond, python_switch, lambda f: f)


@dataclass
class Body:
    """A carry of the user's own class."""

    position: Any
    speed: Any


def recurrence(s, w, h, xs):
    def step(state, x):
        new = np.tanh(w @ state + x)
        return new, np.sum(new * x)

    last, ys = s.scan(step, h, xs)
    return np.sum(np.sin(last)) + np.sum(ys**2)


def backwards(s, a, xs):
    last, ys = s.scan(lambda c, x: (a * np.sin(c) + x, c * x), xs[0] * a, xs, reverse=True)
    return np.sum(last) + np.sum(np.exp(0.3 * ys))


def without_carry(s, a, xs):
    return np.sum(s.scan(lambda c, x: (c, np.exp(a * x) * x), None, xs)[1] ** 2)


def without_results(s, a):
    return s.scan(lambda c, _: (np.sin(a * c) + 0.3, None), 0.7, length=6)[0]


def python_numbers(s, a):
    def step(carry, x):
        n, total = carry
        return (n + 1, total + a**2 * x / (n + 1)), None

    (n, total), _ = s.scan(step, (0, 0.0), np.arange(4.0))
    return n * np.sin(total)


def pendulum(s, theta, g):
    def step(body, dt):
        speed = body.speed - dt * g * np.sin(body.position)
        return Body(body.position + dt * speed, speed), body.position

    last, path = s.scan(step, Body(theta, 0.0 * theta), np.full(20, 0.05))
    return last.speed + np.sum(path**2)


def nested(s, a, xs):
    def outer(c, x):
        inner, _ = s.scan(lambda d, y: (np.sin(d * a) + y * c, None), c * x[0], x)
        return inner, inner * a

    last, ys = s.scan(outer, a, xs)
    return last + np.sum(ys**2)


def powers(s, x):
    return s.fori_loop(0, 5, lambda i, c: c * x + np.sin(i * x), 1.0)


def gathered(s, x):
    return s.fori_loop(1, 4, lambda i, c: np.sin(c) * x[i] + x[i - 1], x[0])


def heron(s, a):
    return s.while_loop(lambda x: abs(x * x - a) > 1e-13, lambda x: (x + a / x) / 2, a)


def collatz(s, a):
    """As many steps as the value says, and a counter in the carry."""

    def body(carry):
        return {"x": carry["x"] * 0.7 + np.sin(carry["x"]) * a * 0.1, "n": carry["n"] + 1}

    out = s.while_loop(lambda c: c["x"] > 0.5, body, {"x": a * 3.0, "n": 0})
    return out["x"] * (1 + out["n"])


def vectors_until(s, v, a):
    out = s.while_loop(lambda v: np.sum(v**2) < 50.0, lambda v: v + a * np.cos(v) + 0.3 * v, v)
    return np.sum(np.sin(out))


def loop_in_loop(s, a, xs):
    def step(c, x):
        c = s.while_loop(lambda u: abs(u) > 0.4, lambda u: u * 0.5 * np.cos(a), c + x)
        return c, c * a

    last, ys = s.scan(step, a, xs)
    return last + np.sum(np.sin(ys))


def scan_in_while(s, a, xs):
    def body(state):
        return s.scan(lambda c, x: (c + a * np.sin(x * c) ** 2, None), state, xs)[0]

    return np.sin(s.while_loop(lambda c: c < 6.0, body, a))


def branches(s, x, y):
    return s.cond(x > y, lambda u, v: np.sin(u) * v, lambda u, v: np.exp(v) / u + x, x, y)


def clipped_steps(s, a, xs):
    def step(c, x):
        c = s.cond(c * x > 0.0, lambda c: c * a + x, lambda c: np.sin(c) - a * x, c)
        return c, c**2

    last, ys = s.scan(step, a, xs)
    return last + np.sum(ys)


def switched(s, a, n):
    def step(c, i):
        return s.switch(i, [np.sin, lambda u: u * a, lambda u: np.exp(-a * u)], c), None

    return s.scan(step, a, np.array([0, 2, 1, 7, -3]))[0] * n


def gradients_inside(s, a, xs):
    def step(c, x):
        return c - 0.1 * wg.grad(lambda c: np.sin(c * a) * x + c**2)(c), c

    last, path = s.scan(step, a * 0.5, xs)
    return last + np.sum(path**2)


def kept_short(s, w, x):
    layer = s.checkpoint(lambda w, x: np.tanh(w @ x) * x)
    return np.sum(layer(w, layer(w, x)) ** 2)


def checkpointed_steps(s, a, xs):
    return s.scan(s.checkpoint(lambda c, x: (np.sin(a * c) + x, np.exp(c))), a, xs)[1].sum()


def filled(s, a, xs):
    """Elements are assigned in the body."""

    def step(c, x):
        y = np.zeros(3, like=c)
        y[0] = c[1] * a
        y[1:] = np.sin(c[:2]) + x
        return y, y[2] * x

    last, ys = s.scan(step, np.array([0.3, -0.2, 0.9]) * a, xs)
    return np.sum(last) + np.sum(ys**2)


def few_snapshots(s, a, xs):
    def outer(c, x):
        inner, ys = s.scan(lambda d, y: (np.sin(d * a) + y * c, d * y), c * x[0], x, snapshots=2)
        return inner + np.sum(ys), inner * a

    last, ys = s.scan(outer, a, xs, snapshots=3, reverse=True)
    return last + np.sum(ys**2)


def turning(s, a, x):
    """A complex carry, of real arguments."""
    a, x = a * np.ones(1), x * np.ones(1)
    last, ys = s.scan(lambda c, z: (np.sin(c * a) + z * x, np.real(c) * a), np.zeros(1) + 0j, ZS)
    start = np.exp(a + np.sin(x) * np.conj(ZS[0]) * 0.3)
    far = s.while_loop(lambda c: np.sum(np.abs(c)) < 9.0, lambda c: np.conj(c) * 2.5 + 0.1 * a * ZS[0], start)
    return np.sum(np.abs(last) ** 2) + np.sum(np.sin(ys)) + np.sum(np.real(far))


V = XS[:, 0].copy()
ZS = XS[:, 1] + 1j * XS[:, 2]
PROGRAMS = {
    "recurrence": (recurrence, (W, XS[0], XS), (0.5 * W, XS[1], 2 * XS)),
    "backwards": (backwards, (0.7, V), (1.1, 0.5 * V)),
    "without carry": (without_carry, (0.7, V), (0.3, 0.5 * V)),
    "without results": (without_results, (0.8,), (1.3,)),
    "python numbers": (python_numbers, (0.8,), (1.3,)),
    "pendulum": (pendulum, (0.4, 9.8), (0.9, 1.6)),
    "nested": (nested, (0.6, XS), (0.9, 0.5 * XS)),
    "powers": (powers, (0.8,), (-1.1,)),
    "gathered": (gathered, (V,), (2 * V,)),
    "heron": (heron, (2.0,), (1000.0,)),
    "collatz": (collatz, (0.9,), (0.3,)),
    "no steps": (collatz, (0.1,), (0.9,)),
    "vectors until": (vectors_until, (V, 0.4), (0.5 * V, 0.2)),
    "loop in loop": (loop_in_loop, (0.6, 3 * V), (0.9, V)),
    "scan in while": (scan_in_while, (0.6, V), (0.9, 0.5 * V)),
    "branches": (branches, (0.6, 0.3), (0.6, 0.8)),
    "clipped steps": (clipped_steps, (0.6, V), (0.9, -V)),
    "switched": (switched, (0.6, 1.1), (0.9, 0.7)),
    "gradients inside": (gradients_inside, (0.6, V), (0.9, 0.5 * V)),
    "kept short": (kept_short, (W, XS[0]), (2 * W, XS[1])),
    "checkpointed steps": (checkpointed_steps, (0.6, V), (0.9, 0.5 * V)),
    "few snapshots": (few_snapshots, (0.6, XS), (0.9, 0.5 * XS)),
    "turning": (turning, (0.4, 0.7), (-0.2, 1.1)),
    "filled": (filled, (0.6, V), (0.9, 0.5 * V)),
}  # fmt: skip
TABLE = {
    name: Program(lambda *a, f=f: f(Structured(), *a), lambda *a, f=f: f(PYTHON, *a), args, others)
    for name, (f, args, others) in PROGRAMS.items()
}
