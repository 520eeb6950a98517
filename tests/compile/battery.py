"""Programs that take another path for other numbers: what `jit` must follow through every branch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Program(NamedTuple):
    """A function, how its arguments are drawn, and by which of them it is differentiated (None: not at all)."""

    f: Any
    draw: Any
    argnums: Any = 0


PROGRAMS: dict[str, Program] = {}


def program(draw, argnums=0):
    def register(f):
        PROGRAMS[f.__name__] = Program(f, draw, argnums)
        return f

    return register


def number(low=-3.0, high=3.0):
    return lambda rng: (float(rng.uniform(low, high)),)


def vector(n=4, scale=1.0):
    return lambda rng: (rng.normal(size=n) * scale,)


def numbers(count):
    return lambda rng: tuple(float(v) for v in rng.normal(size=count))


@program(number())
def if_else(x):
    if x > 0:
        return x * x
    return -x


@program(number())
def chain_of_elifs(x):
    if x < -2:
        y = x**3
    elif x < 0:
        y = np.sin(x)
    elif x < 1:
        y = np.exp(x) - 1
    elif 1.5 < x <= 2:
        y = x / 3
    else:
        y = np.log(x)
    return 2 * y


@program(numbers(3))
def nested_branches(x, y, z):
    if x > y:
        if y > z:
            return x * y * z
        if x > z:
            return x - z
        return z * z
    if y > z and x < z:
        return y / (1 + z * z)
    return x + y


@program(number(0.1, 50.0))
def newton_to_convergence(a):
    x = a
    while abs(x * x - a) > 1e-12 * a:
        x = (x + a / x) / 2
    return x


@program(number(1.0, 40.0), argnums=None)
def collatz_like(x):
    steps = 0
    while x >= 2:
        x = x / 2 if np.floor(x) % 2 == 0 else 3 * x / 4 + 0.25
        steps += 1
        if steps > 30:
            break
    return x, steps


@program(lambda rng: (rng.normal(), int(rng.integers(0, 7))))
def range_of_a_traced_number(x, n):
    total = x
    for i in range(n):
        total = total + x**2 / (i + 1)
    return total


@program(vector(6))
def range_of_an_argmax(x):
    y = x[0]
    for i in range(np.argmax(x)):
        y = y * 0.5 + x[i]
    return y


@program(vector(5))
def early_return(x):
    for i in range(5):
        if x[i] > 0.5:
            return x[i] * (i + 1)
    return np.sum(x)


@program(vector(8))
def break_and_continue(x):
    total = 0.0
    for v in x:
        if v < 0:
            continue
        if v > 1.2:
            break
        total = total + v * v
    else:
        total = total * 2.0
    return total * np.sum(x)


@program(number(0.0, 6.0))
def recursion(x):
    def fold(v):
        return v if v < 1 else 1 + fold(v / 2) * v

    return fold(x)


@program(lambda rng: (float(rng.uniform(0, 4)), int(rng.integers(0, 8))))
def recursive_power(x, n):
    if n == 0:
        return x * 0 + 1
    half = recursive_power(x, n // 2)
    return half * half if n % 2 == 0 else half * half * x


@program(vector(7))
def mask_of_any_size(x):
    chosen = x[x > 0]
    return np.sum(chosen**2) / (1 + chosen.size)


@program(vector(6))
def positions_of_any_number(x):
    return np.sum(x[np.nonzero(x < 0.2)] * 3) + np.sum(np.flatnonzero(x > 0.5))


@program(lambda rng: (rng.integers(0, 4, size=6).astype(float),))
def distinct_values(x):
    values, counts = np.unique(x, return_counts=True)
    return np.sum(values**2 * counts)


@program(lambda rng: (rng.integers(0, 5, size=4),), argnums=None)
def counts_of_any_number(k):
    counts = np.bincount(k)
    return np.sum(counts * np.arange(len(counts))), counts.max()


@program(vector(5))
def branch_on_the_order(x):
    order = np.argsort(x)
    if order[0] < order[-1]:
        return x[order[0]] * 2
    return np.sort(x)[2] ** 2


@program(vector(4))
def insertion_sort(x):
    items = [x[i] for i in range(4)]
    for i in range(1, 4):
        k = i
        while k > 0 and items[k - 1] > items[k]:
            items[k - 1], items[k] = items[k], items[k - 1]
            k -= 1
    return items[0] + 2 * items[1] + 3 * items[2] + 4 * items[3]


@program(lambda rng: (rng.normal(size=(2, 2)) + np.eye(2) * rng.integers(0, 3),))
def caught_exception(a):
    a = (a + a.T) / 2
    try:
        factor = np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        return np.sum(a * a)
    return np.sum(factor)


@program(lambda rng: (float(rng.integers(-1, 2)),), argnums=None)
def caught_division(x):
    try:
        return 1 / x
    except ZeroDivisionError:
        return 0.0


@program(vector(4))
def all_and_any(x):
    if np.all(x > -1):
        return np.sum(np.log(x + 1.5))
    if np.any(np.abs(x) > 2):
        return np.max(x) * 2
    return np.sum(x)


@program(vector(5))
def update_under_a_branch(x):
    y = np.zeros(5, like=x)
    for i in range(5):
        if x[i] > 0:
            y[i] = x[i] ** 2
        elif i > 0:
            y[i] += y[i - 1] - x[i]
    y[1:3] *= 2.0
    return np.sum(y * x)


@program(vector(6), argnums=None)
def partial_swap(x):
    y = x * 1.0
    for i in range(3):
        if y[i] > y[5 - i]:
            low = y[5 - i] * 1.0
            y[5 - i] = y[i]
            y[i] = low
    return y


@program(numbers(2))
def gradient_inside(x, y):
    import wengert as wg

    def inner(t):
        return t * t * y if t > 0 else np.sin(t) * y

    slope = wg.grad(inner)(x)
    return slope * x if slope > 0.5 else slope - y


@program(vector(3, 4.0))
def line_search(x):
    def f(v):
        return np.sum((v - 1) ** 2 * (1 + v * v))

    step, g = 1.0, 2 * (x - 1)
    while f(x - step * g) > f(x) - 1e-4 * step * np.sum(g * g) and step > 1e-3:
        step = step / 2
    return f(x - step * g)


@program(lambda rng: (rng.normal(size=(3, 3)), rng.normal(size=3)))
def pivoting(a, b):
    rows = [a[i] for i in range(3)]
    right = [b[i] for i in range(3)]
    for k in range(2):
        p = k
        for i in range(k + 1, 3):
            if np.abs(rows[i][k]) > np.abs(rows[p][k]):
                p = i
        rows[k], rows[p], right[k], right[p] = rows[p], rows[k], right[p], right[k]
        for i in range(k + 1, 3):
            factor = rows[i][k] / rows[k][k]
            rows[i], right[i] = rows[i] - factor * rows[k], right[i] - factor * right[k]
    return right[2] / rows[2][2]


@program(lambda rng: (rng.normal(size=3), bool(rng.integers(2)), ["sum", "max", "norm"][rng.integers(3)]))
def static_choices(x, doubled, how):
    y = 2 * x if doubled else x
    return {"sum": np.sum, "max": np.max, "norm": lambda v: np.sqrt(np.sum(v * v))}[how](y)


@program(lambda rng: (rng.normal(size=3), int(rng.integers(0, 3))))
def traced_index(x, i):
    return x[i] * x[2 - i] + i


@program(lambda rng: (rng.normal(size=rng.integers(0, 5)),))
def any_length(x):
    if len(x) == 0:
        return np.sum(x)
    return np.sum(x) if x[0] > 0 else np.prod(x)


@program(lambda rng: ({"w": rng.normal(size=3), "b": float(rng.normal())}, rng.normal(size=3)), argnums=(0, 1))
def tree_of_parameters(params, x):
    z = np.dot(params["w"], x) + params["b"]
    return z if z > 0 else 0.01 * z


@program(numbers(2), argnums=None)
def mixed_result(x, y):
    if x > y:
        return {"value": x - y, "name": "first", "both": [x, None, (y, True)]}
    return {"value": np.float64(1) * y, "name": "second", "size": 3}


@program(vector(4))
def chained_comparison_and_ternaries(x):
    a = x[0] if -1 < x[0] < 1 else np.sign(x[0])
    b = min(x[1], x[2])
    c = max(x[1], x[2], x[3])
    return a * b + c


@program(lambda rng: (complex(*rng.normal(size=2)),), argnums=None)
def escape_time(c):
    z, n = 0 * c, 0
    while abs(z) < 2 and n < 12:
        z, n = z * z + c, n + 1
    return z, n


@program(lambda rng: (rng.integers(-5, 6, size=4),), argnums=None)
def integer_arithmetic(k):
    if k[0] % 2 == 0:
        return k // 2 + (k & 3), k.sum()
    return k * k - 1, k.max()


@program(vector(4))
def assertion_holds(x):
    y = np.abs(x)
    assert np.all(y >= 0)
    return np.sum(y) if not np.any(np.isnan(y)) else 0.0 * np.sum(y)


@program(numbers(1))
def generator_and_comprehension(x):
    powers = [x**k for k in range(1, 5) if k % 2 == 1 or x > 0]
    return sum(p / (i + 1) for i, p in enumerate(powers))
