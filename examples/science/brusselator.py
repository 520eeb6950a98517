"""A stiff system of 1000 equations: two substances react and spread along a rod of 500 cells.

uₜ = 1 + u²v − 4u + uₓₓ/50 and vₜ = 3u − u²v + vₓₓ/50, with u = 1 and v = 3 at both ends. An implicit method needs the
Jacobian. Differences cost an evaluation for each of its 1000 columns; in fact each equation depends on four unknowns,
which `wg.sparse` finds out from the program, and six passes give all entries.

    python examples/science/brusselator.py [picture.png]

Source: E. Hairer & G. Wanner, *Solving Ordinary Differential Equations II* (1996), IV.1 and IV.10, problem BRUSS.
"""

import sys

import numpy as np
from scipy.integrate import solve_ivp

import wengert as wg

CELLS = 500
X = np.arange(1, CELLS + 1) / (CELLS + 1)
START = np.concatenate([1 + np.sin(2 * np.pi * X), 3 + 0 * X])


def brusselator(t, y):
    u, v = np.split(y, 2)
    spread = (CELLS + 1) ** 2 / 50
    du = 1 + u**2 * v - 4 * u + spread * np.diff(np.pad(u, 1, constant_values=1), 2)
    dv = 3 * u - u**2 * v + spread * np.diff(np.pad(v, 1, constant_values=3), 2)
    return np.concatenate([du, dv])


def solution(jacobian):
    """SciPy's report, and how often the function was evaluated, for the Jacobian too."""
    count = 0

    def counted(t, y):
        nonlocal count
        count += 1
        return brusselator(t, y)

    times = np.linspace(0, 10, 101)
    return solve_ivp(counted, (0, 10), START, "BDF", t_eval=times, jac=jacobian, rtol=1e-6, atol=1e-6), count


def picture(path, found):
    """The first substance by place and time."""
    from matplotlib.figure import Figure

    axes = Figure(figsize=(6.4, 3.2), layout="constrained").subplots()
    mesh = axes.pcolormesh(found.t, X[::5], found.y[:CELLS:5], cmap="cividis")
    axes.figure.colorbar(mesh, label="u")
    axes.set(xlabel="time", ylabel="place")
    axes.figure.savefig(path, dpi=90)


def main():
    plan = wg.sparse.pattern(brusselator, argnums=1)(0.0, START)
    print(plan)
    exact = wg.sparse.jacobian(brusselator, argnums=1, plan=plan)
    for name, jacobian in (("differences", None), ("exact Jacobian", exact)):
        found, count = solution(jacobian)
        middle = found.y[CELLS // 2, -1]
        print(f"{name:14}  evaluations {count:4}, Jacobians {found.njev}, u in the middle in the end {middle:.6f}")
    if len(sys.argv) > 1:
        picture(sys.argv[1], found)


if __name__ == "__main__":
    main()
