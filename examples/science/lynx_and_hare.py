"""An inverse problem: what the pelts that trappers sold say about the rates of a predator and its prey.

Hares u and lynxes v follow the equations of Lotka and Volterra, u′ = (α − β·v)·u and v′ = (δ·u − γ)·v. The four rates
and the two populations of 1900 are found from 21 years of counts, whose errors are relative ones: least squares of the
logarithms, with the exact Jacobian of the solution of the differential equation, which also gives the error bars.

    python examples/science/lynx_and_hare.py [picture.png]

Source: C. G. Hewitt, *The Conservation of the Wild Life of Canada* (1921), for the counts of the Hudson's Bay Company,
as B. Carpenter gives them in "Predator-prey population dynamics" (2018), with a Bayesian fit of the same model.
"""

import sys

import numpy as np
from scipy.optimize import least_squares

import wengert as wg

YEARS = np.arange(1900.0, 1921.0)
# fmt: off
HARES = [30, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22, 25.4, 27.1,
         40.3, 57, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2, 24.7]  # thousands of pelts
LYNXES = [4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4,
          8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6]
# fmt: on
SEEN = np.stack([HARES, LYNXES], axis=1)
NAMES = ("α", "β", "γ", "δ", "hares 1900", "lynxes 1900")
GUESS = np.log([0.5, 0.02, 1.0, 0.02, 30.0, 4.0])  # the unknowns are logarithms, so that all of this stays positive


def growth(populations, year, rates):
    """How fast both populations change."""
    hares, lynxes = populations
    alpha, beta, gamma, delta = rates
    return np.stack([(alpha - beta * lynxes) * hares, (delta * hares - gamma) * lynxes])


def logarithms(unknowns, years=YEARS, tolerance=1e-6):
    """The logarithms of the populations in each of the years."""
    parameters = np.exp(unknowns)
    rates, start = parameters[:4], parameters[4:]
    return np.log(wg.implicit.odeint(growth, start, years, rates, rtol=tolerance, atol=tolerance))


def fit():
    """The unknowns, their covariance, the relative scatter of the counts, and SciPy's report."""

    def residuals(unknowns):
        return np.ravel(logarithms(unknowns) - np.log(SEEN))

    found = least_squares(residuals, GUESS, jac=wg.jacobian(residuals, mode="forward"), x_scale="jac")
    scatter = np.sqrt(2 * found.cost / (SEEN.size - found.x.size))
    return found.x, scatter**2 * np.linalg.inv(found.jac.T @ found.jac), scatter, found


def picture(path, unknowns, covariance):
    """The counts, the populations that were found, and how well these are known."""
    from matplotlib.figure import Figure

    axes = Figure(figsize=(6.4, 3.2), layout="constrained").subplots()
    years = np.linspace(1900, 1920, 201)
    slopes = wg.jacobian(logarithms, mode="forward")(unknowns, years)
    spread = np.sqrt(np.einsum("tki,ij,tkj->tk", slopes, covariance, slopes))
    found = np.exp(logarithms(unknowns, years))
    for k, (name, color) in enumerate((("hares", "C0"), ("lynxes", "C3"))):
        low, high = found[:, k] * np.exp(-spread[:, k]), found[:, k] * np.exp(spread[:, k])
        axes.fill_between(years, low, high, color=color, alpha=0.2, linewidth=0)
        axes.plot(years, found[:, k], color=color, label=name)
        axes.plot(YEARS, SEEN[:, k], "o", color=color, markersize=4)
    axes.set(ylabel="thousands of pelts", xticks=range(1900, 1921, 4), xlim=(1899.5, 1920.5), ylim=(0, None))
    axes.legend()
    axes.figure.savefig(path, dpi=90)


def main():
    unknowns, covariance, scatter, found = fit()
    for name, value, error in zip(NAMES, np.exp(unknowns), np.sqrt(np.diag(covariance)), strict=True):
        print(f"{name:11} {value:8.4f} ± {value * error:.4f}")
    print(f"The counts scatter by {100 * scatter:.1f} %.")
    print(f"Evaluations of the residuals: {found.nfev}, of their Jacobian: {found.njev}")
    if len(sys.argv) > 1:
        picture(sys.argv[1], unknowns, covariance)


if __name__ == "__main__":
    main()
