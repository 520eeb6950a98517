"""Exact derivatives in SciPy's solvers: a fit of three exponentials, its error bars, and how many evaluations it took.

The data set is Lanczos3 of NIST's Statistical Reference Datasets, whose best fit and standard deviations are certified.
The unknowns are a tree, which `wg.ravel` makes a vector of. docs/scipy.md has a recipe for each of the other solvers.
"""

import numpy as np
from scipy.optimize import least_squares

import wengert as wg

TIMES = 0.05 * np.arange(24)
SEEN = np.round(0.0951 * np.exp(-TIMES) + 0.8607 * np.exp(-3 * TIMES) + 1.5576 * np.exp(-5 * TIMES), 4)
START = {"amplitude": np.array([1.2, 5.6, 6.5]), "rate": np.array([0.3, 5.5, 7.6])}
CERTIFIED = {  # https://www.itl.nist.gov/div898/strd/nls/data/lanczos3.shtml
    "amplitude": np.array([8.6816414977e-02, 8.4400777463e-01, 1.5825685901e00]),
    "rate": np.array([9.5498101505e-01, 2.9515951832e00, 4.9863565084e00]),
}
DEVIATIONS = {
    "amplitude": np.array([1.7197908859e-02, 4.1488663282e-02, 5.8371576281e-02]),
    "rate": np.array([9.7041624475e-02, 1.0766312506e-01, 3.4436403035e-02]),
}


def residuals(parameters):
    """How far a sum of exponentials is from what was seen."""
    return np.exp(-np.outer(TIMES, parameters["rate"])) @ parameters["amplitude"] - SEEN


def main():
    """Fit with SciPy's differences and with exact derivatives, and compare with what NIST certifies."""
    start, unravel = wg.ravel(START)
    calls = 0

    def f(vector):
        nonlocal calls
        calls += 1
        return residuals(unravel(vector))

    least_squares(f, start)
    print(f"with differences: {calls} evaluations")
    calls, jacobian = 0, wg.jit(wg.jacobian(lambda vector: residuals(unravel(vector))))
    fit = least_squares(f, start, jac=jacobian)
    print(f"with derivatives: {calls} evaluations and {fit.njev} Jacobians, compiled")

    slopes = jacobian(fit.x)
    variance = np.sum(fit.fun**2) / (len(SEEN) - len(fit.x))
    found, bars = unravel(fit.x), unravel(np.sqrt(variance * np.diag(np.linalg.inv(slopes.T @ slopes))))
    for name in START:
        for value, bar in zip(found[name], bars[name], strict=True):
            print(f"{name:10}{value:10.5f} ± {bar:.5f}")
    for what, have, want in (("fit", found, CERTIFIED), ("error bars", bars, DEVIATIONS)):
        print(f"{what} as certified:", all(np.allclose(have[name], want[name], rtol=1e-5) for name in want))


if __name__ == "__main__":
    main()
