"""Propagation of uncertainty: how well a result is known, by exact first, second and third derivatives.

The *Guide to the Expression of Uncertainty in Measurement* (GUM) has examples with published results. An end gauge of
50 mm is compared with a standard; two influences act through products alone, which only terms of second order see. A
resistance and a reactance come from three quantities that were measured together, and so are correlated.

    python examples/science/uncertainty.py [picture.png]

Source: JCGM 100:2008, 5.1.2, 5.2.2, and annexes H.1 and H.2.
"""

import sys

import numpy as np

import wengert as wg

# What is known of the end gauge: the estimates and their standard uncertainties, in nm, 1/°C and °C.
NAMES = ("standard", "difference", "expansion difference", "temperature", "expansion", "temperature difference")
ESTIMATES = np.array([50_000_623.0, 215.0, 0.0, -0.1, 11.5e-6, 0.0])
UNCERTAINTIES = np.array([25.0, 9.7, 0.58e-6, 0.41, 1.2e-6, 0.029])


def gauge(x):
    """The length of the end gauge at 20 °C, in nm."""
    standard, difference, expansion_difference, temperature, expansion, temperature_difference = x
    return standard + difference - standard * (expansion_difference * temperature + expansion * temperature_difference)


def second_order(f, x, u):
    """The variance of f for independent quantities, with the terms of the next order: the note of 5.1.2."""
    slopes, curvatures = wg.grad(f)(x), wg.hessian(f)(x)
    third = wg.grad(lambda x: np.sum(np.diagonal(wg.hessian(f)(x)) * u**2))(x)  # Σⱼ ∂³f/∂xᵢ∂xⱼ² · uⱼ²
    return np.sum((slopes * u) ** 2) + np.sum((curvatures * np.outer(u, u)) ** 2) / 2 + np.sum(slopes * third * u**2)


def samples(rng, count):
    """Values of the six quantities, distributed as annex H.1 says."""
    cyclic = 0.5 * np.sin(rng.uniform(0, 2 * np.pi, count))
    return np.stack(
        [
            rng.normal(50_000_623.0, 25.0, count),
            rng.normal(215.0, 9.7, count),
            rng.uniform(-1e-6, 1e-6, count),
            rng.normal(-0.1, 0.2, count) + cyclic,
            rng.uniform(9.5e-6, 13.5e-6, count),
            rng.uniform(-0.05, 0.05, count),
        ]
    )


# Annex H.2: five readings of the voltage (V), the current (A) and the angle between them.
READINGS = np.array(
    [
        [5.007, 4.994, 5.005, 4.990, 4.999],
        [19.663e-3, 19.639e-3, 19.640e-3, 19.685e-3, 19.678e-3],
        [1.0456, 1.0438, 1.0468, 1.0428, 1.0433],
    ]
)


def impedance(x):
    """Resistance, reactance and impedance, in Ω."""
    voltage, current, angle = x
    return voltage / current * np.stack([np.cos(angle), np.sin(angle), np.ones_like(angle)])


def picture(path, lengths, first, second):
    """The lengths that chance gives, and the normal distributions of both orders."""
    from matplotlib.figure import Figure

    axes = Figure(figsize=(6.4, 3.2), layout="constrained").subplots()
    grid = np.linspace(-130, 130, 261)
    axes.hist(lengths - gauge(ESTIMATES), bins=grid[::4], density=True, color="0.8", label="Monte Carlo")
    for order, u in (("first", first), ("second", second)):
        axes.plot(grid, np.exp(-((grid / u) ** 2) / 2) / (np.sqrt(2 * np.pi) * u), label=f"{order} order, {u:.1f} nm")
    axes.set(xlabel="length − 50 000 838 nm", yticks=[])
    axes.legend()
    axes.figure.savefig(path, dpi=90)


def main():
    print(f"The end gauge: {gauge(ESTIMATES):.0f} nm")
    slopes = wg.grad(gauge)(ESTIMATES)
    for name, slope, u in zip(NAMES, slopes, UNCERTAINTIES, strict=True):
        print(f"  {name:22}  slope {slope:13.6g}   share {abs(slope * u):5.1f} nm")
    first = np.sqrt(np.sum((slopes * UNCERTAINTIES) ** 2))
    second = np.sqrt(second_order(gauge, ESTIMATES, UNCERTAINTIES))
    lengths = gauge(samples(np.random.default_rng(1), 1_000_000))
    print(f"  standard uncertainty: first order {first:.2f}, second {second:.2f}, Monte Carlo {np.std(lengths):.2f} nm")

    x, covariance = READINGS.mean(axis=1), np.cov(READINGS) / READINGS.shape[1]
    J = wg.jacobian(impedance)(x)
    result = J @ covariance @ J.T
    u = np.sqrt(np.diag(result))
    print("Resistance, reactance, impedance:")
    for name, value, error in zip("RXZ", impedance(x), u, strict=True):
        print(f"  {name} = {value:.3f} Ω, u = {error:.3f} Ω")
    r = result / np.outer(u, u)
    print(f"  correlations: R, X {r[0, 1]:.3f}; R, Z {r[0, 2]:.3f}; X, Z {r[1, 2]:.3f}")
    if len(sys.argv) > 1:
        picture(sys.argv[1], lengths, first, second)


if __name__ == "__main__":
    main()
