"""Put into docs/scipy.md its table: how often SciPy's solvers call a function, with their differences and without.

Run `python docs/make_scipy.py`; a test does the same and compares. Each problem stands in the literature and has a
known answer. What is counted are all calls by the solver: of the functions (where one returns value and gradient, as
one call) and of their derivatives.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import NonlinearConstraint, curve_fit, least_squares, minimize, root
from scipy.sparse import diags_array

import wengert as wg

PAGE = Path(__file__).parent / "scipy.md"
BLOCK = re.compile(r"(<!-- evaluations -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = ["recipe", "problem", "SciPy's differences: calls", "error", "exact derivatives: calls", "error"]
Given = Sequence[Callable[..., Any]]


class Count(NamedTuple):
    """How often functions and their derivatives were called, and how far from the answer the result is."""

    functions: int
    derivatives: int
    error: float

    @property
    def calls(self) -> int:
        return self.functions + self.derivatives

    @property
    def cells(self) -> list[str]:
        calls = [f"{n:,}" for n in (self.functions, self.derivatives) if n]
        return [" + ".join(calls), f"{self.error:.0e}".replace("e-0", "e-")]


class Row(NamedTuple):
    """One recipe on one problem, both ways."""

    recipe: str
    problem: str
    differences: Count
    exact: Count

    @property
    def cells(self) -> list[str]:
        return [self.recipe, self.problem, *self.differences.cells, *self.exact.cells]


def count(solve: Callable[..., Any], answer: Any, functions: Given, derivatives: Given = ()) -> Count:
    """Solve with functions that are counted; the error is relative to the largest number of the answer."""
    calls = [0, 0]

    def counted(f: Callable[..., Any], kind: int) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            calls[kind] += 1
            return f(*args)

        return call

    found = solve(*(counted(f, 0) for f in functions), *(counted(f, 1) for f in derivatives))
    return Count(calls[0], calls[1], float(np.max(np.abs(found - answer)) / np.max(np.abs(answer))))


# Problems -------------------------------------------------------------------------------------------------------------


def rosenbrock(x: Any) -> Any:
    """Rosenbrock (1960), extended."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def wood(v: Any) -> Any:
    """Colville (1968); Moré, Garbow & Hillstrom (1981), number 14."""
    w, x, y, z = v
    valleys = 100 * (x - w**2) ** 2 + (1 - w) ** 2 + 90 * (z - y**2) ** 2 + (1 - y) ** 2
    return valleys + 10 * (x + z - 2) ** 2 + (x - z) ** 2 / 10


def product(x: Any) -> Any:
    """Hock & Schittkowski (1981), number 71; the constraints are a product and a sum of squares."""
    return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]


def lanczos(rates: Any) -> Any:
    """Lanczos (1956), three exponentials; the data set Lanczos3 of NIST's StRD is it, rounded."""
    t = 0.05 * np.arange(24)
    seen = np.round(np.exp(-np.outer(t, [1, 3, 5])) @ [0.0951, 0.8607, 1.5576], 4)
    return np.exp(-np.outer(t, rates[1::2])) @ rates[::2] - seen


def broyden(x: Any) -> Any:
    """Broyden (1965); Moré, Garbow & Hillstrom (1981), number 30."""
    zero = np.zeros(1)
    return (3 - 2 * x) * x - np.concatenate([zero, x[:-1]]) - 2 * np.concatenate([x[1:], zero]) + 1


def chandrasekhar(h: Any) -> Any:
    """The H-equation of radiative transfer at c = 0.99, by the midpoint rule; Kelley (1995), section 5.6."""
    points = (np.arange(h.size) + 0.5) / h.size
    return h - 1 / (1 - 0.495 * np.mean(points[:, None] / np.add.outer(points, points) * h, axis=1))


def hires(t: float, y: Any) -> Any:
    """High irradiance response, Schäfer (1975); Hairer & Wanner, *Solving ODEs II* (1996), section IV.10."""
    light, bound = 280 * y[5] * y[7], 1.81 * y[6]
    return np.stack(
        [
            -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007,
            1.71 * y[0] - 8.75 * y[1],
            -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4],
            8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3],
            -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6],
            -light + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6],
            light - bound,
            bound - light,
        ]
    )


def misra(x: Any, a: Any, b: Any) -> Any:
    """Misra (1978), the model of the data set Misra1a of NIST's StRD."""
    return a * (1 - np.exp(-b * x))


WEIGHTS = np.array([77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0])
VOLUMES = np.array([10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78])

#: Certified values of Misra1a, and of Lanczos3 (amplitude, rate, amplitude, …): https://www.itl.nist.gov/div898/strd/
MISRA1A = np.array([2.3894212918e02, 5.5015643181e-04])
LANCZOS3 = np.array(
    [8.6816414977e-02, 9.5498101505e-01, 8.4400777463e-01, 2.9515951832e00, 1.5825685901e00, 4.9863565084e00]
)
#: HIRES at t = 321.8122, from the Test Set for IVP Solvers (Mazzia & Magherini, 2008).
HIRES = np.array(
    [
        0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2,
        0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2,
    ]
)  # fmt: skip
#: From the equations of Karush, Kuhn and Tucker in 30 digits; the book has 4.7429994, 3.8211503, 1.3794082.
HS71 = np.array([1.0, 4.742999637264, 3.821149984185, 1.379408293173])


# Both ways ------------------------------------------------------------------------------------------------------------


def rows() -> Iterator[Row]:
    """Every recipe of the page."""
    value, both = rosenbrock, wg.value_and_grad(rosenbrock)
    x, ones = np.tile([-1.2, 1.0], 10), np.ones(20)
    yield Row(
        "[`minimize`](#gradients), BFGS, `jac`",
        "Rosenbrock, n = 20",
        count(lambda f: minimize(f, x).x, ones, [value]),
        count(lambda f: minimize(f, x, jac=True).x, ones, [both]),
    )
    quartic, begin = wg.value_and_grad(wood), np.array([-3.0, -1.0, -3.0, -1.0])
    trust: Any = {"jac": True, "method": "trust-constr"}
    yield Row(
        "[`minimize`](#hessians), trust-constr, `hess`",
        "Wood",
        count(lambda f: minimize(f, begin, hess="2-point", **trust).x, np.ones(4), [quartic]),
        count(lambda f, h: minimize(f, begin, hess=h, **trust).x, np.ones(4), [quartic], [wg.hessian(wood)]),
    )
    many: Any = {"x0": np.tile([-1.2, 1.0], 25), "jac": True, "method": "Newton-CG", "options": {"xtol": 1e-8}}
    yield Row(
        "[`minimize`](#products-with-the-hessian), Newton-CG, `hessp`",
        "Rosenbrock, n = 50",
        count(lambda f: minimize(f, **many).x, np.ones(50), [both]),
        count(lambda f, p: minimize(f, hessp=p, **many).x, np.ones(50), [both], [wg.hvp(value)]),
    )
    yield constrained()
    far = np.array([1.2, 0.3, 5.6, 5.5, 6.5, 7.6])
    yield Row(
        "[`least_squares`](#least-squares), `jac`",
        "Lanczos3",
        count(lambda f: least_squares(f, far).x, LANCZOS3, [lanczos]),
        count(lambda f, j: least_squares(f, far, jac=j).x, LANCZOS3, [lanczos], [wg.jacobian(lanczos)]),
    )
    yield sparse()
    flat, share = np.ones(50), 2 / 0.99 * (1 - np.sqrt(0.01))  # the mean of H is known
    yield Row(
        "[`root`](#roots), hybr, `jac`",
        "Chandrasekhar's H, n = 50",
        count(lambda f: np.mean(root(f, flat).x), share, [chandrasekhar]),
        count(lambda f, j: np.mean(root(f, flat, jac=j).x), share, [chandrasekhar], [wg.jacobian(chandrasekhar)]),
    )
    how: Any = {"t_span": (0, 321.8122), "y0": [1, 0, 0, 0, 0, 0, 0, 0.0057], "method": "Radau"}
    how |= {"rtol": 1e-8, "atol": 1e-12}
    yield Row(
        "[`solve_ivp`](#stiff-equations), Radau, `jac`",
        "HIRES",
        count(lambda f: solve_ivp(f, **how).y[:, -1], HIRES, [hires]),
        count(lambda f, j: solve_ivp(f, jac=j, **how).y[:, -1], HIRES, [hires], [wg.jacobian(hires, argnums=1)]),
    )
    data: Any = {"xdata": WEIGHTS, "ydata": VOLUMES, "p0": [500, 0.0001]}
    yield Row(
        "[`curve_fit`](#fits-with-error-bars), `jac`",
        "Misra1a",
        count(lambda f: curve_fit(f, **data)[0], MISRA1A, [misra]),
        count(lambda f, j: curve_fit(f, jac=j, **data)[0], MISRA1A, [misra], [slopes]),
    )


def slopes(x: Any, a: Any, b: Any) -> Any:
    """The Jacobian of the model by its parameters, as `curve_fit` wants it: a column for each."""
    return np.stack(wg.jacobian(misra, argnums=(1, 2))(x, a, b), axis=1)


def constrained() -> Row:
    """Bounds, an inequality and an equation."""
    start: Any = {"x0": np.array([1.0, 5.0, 5.0, 1.0]), "method": "trust-constr", "bounds": [(1, 5)] * 4}
    start["options"] = {"gtol": 1e-12, "maxiter": 2000}

    def square(x: Any) -> Any:
        return np.sum(x**2)

    def differences(f: Any, volume: Any, square: Any) -> Any:
        limits = [NonlinearConstraint(volume, 25, np.inf), NonlinearConstraint(square, 40, 40)]
        with warnings.catch_warnings(
            category=UserWarning, action="ignore"
        ):  # of SciPy's own approximation of a Hessian
            return minimize(f, constraints=limits, **start).x

    def exact(f: Any, volume: Any, square: Any, hess: Any, *given: Any) -> Any:
        limits = [
            NonlinearConstraint(volume, 25, np.inf, jac=given[0], hess=given[1]),
            NonlinearConstraint(square, 40, 40, jac=given[2], hess=given[3]),
        ]
        return minimize(f, jac=True, hess=hess, constraints=limits, **start).x

    derivatives = [wg.hessian(product)]
    for c in (np.prod, square):
        derivatives += [wg.grad(c), lambda x, v, c=c: v[0] * wg.hessian(c)(x)]
    return Row(
        "[`minimize`](#constraints), trust-constr, all derivatives",
        "Hock & Schittkowski 71",
        count(differences, HS71, [product, np.prod, square]),
        count(exact, HS71, [wg.value_and_grad(product), np.prod, square], derivatives),
    )


def sparse() -> Row:
    """A tridiagonal Jacobian, whose pattern SciPy is told and Wengert finds."""
    n = 1000
    start = -np.ones(n)
    known = diags_array([np.ones(n - 1), np.ones(n), np.ones(n - 1)], offsets=[-1, 0, 1])
    plan = wg.sparse.pattern(broyden)(start)
    jac = wg.sparse.jacobian(broyden, plan=plan)
    answer = least_squares(broyden, start, jac=jac, gtol=1e-15, xtol=1e-15, ftol=1e-15).x
    return Row(
        "[`least_squares`](#sparse-jacobians), sparse `jac`",
        "Broyden, n = 1,000",
        count(lambda f: least_squares(f, start, jac_sparsity=known).x, answer, [broyden]),
        count(lambda f, j: least_squares(f, start, jac=j).x, answer, [broyden], [jac]),
    )


def table(found: list[Row]) -> str:
    """The rows in Markdown."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells for row in found)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BLOCK.sub(lambda m: m[1] + table(list(rows())) + m[2], text), encoding="utf-8")
