"""Stiff differential equations, with exact Jacobians, and how their solutions depend on the parameters.

Robertson's reaction has rates from 0.04 to 3·10⁷, and is followed until 10¹¹; van der Pol's oscillator, with ε = 10⁻⁶,
jumps within 10⁻⁶ of its period. Implicit methods solve equations with the Jacobian, which is compiled here; what comes
out is compared with the reference values of the test set.

    python examples/science/stiff.py [picture.png]

Source: H. H. Robertson (1966); E. Hairer & G. Wanner, *Solving Ordinary Differential Equations II* (1996), IV.10; the
Test Set for IVP Solvers (Bari, formerly CWI Amsterdam), problems ROBER and VDPOL.
"""

import sys

import numpy as np
from scipy.integrate import solve_ivp

import wengert as wg

RATES = np.array([0.04, 3e7, 1e4])


def robertson(t, y, rates=RATES):
    """A → B slowly, B + B → C + B very fast, B + C → A + C fast."""
    a, b, c = y
    slow, very_fast, fast = rates[0] * a, rates[1] * b**2, rates[2] * b * c
    return np.stack([fast - slow, slow - fast - very_fast, very_fast])


def van_der_pol(t, y, epsilon=1e-6):
    x, speed = y
    return np.stack([speed, ((1 - x**2) * speed - x) / epsilon])


# The function, the start, the end, the absolute tolerance, and the solution there as the test set has it.
PROBLEMS = {
    "Robertson": (
        robertson, [1.0, 0.0, 0.0], 1e11, 1e-18,
        [0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050],
    ),
    "van der Pol": (
        van_der_pol, [2.0, 0.0], 2.0, 1e-8,
        [0.1706167732170483e01, -0.8928097010247975e00],
    ),
}  # fmt: skip


def solution(f, start, end, jacobian, **options):
    """The solution at the end, and how often the function and the Jacobian were evaluated."""
    count = 0

    def counted(t, y):
        nonlocal count
        count += 1
        return f(t, y)

    found = solve_ivp(counted, (0, end), start, jac=jacobian, **options)
    return found.y[:, -1], count, found.njev


def comparison():
    """Both problems by three methods, without and with the Jacobian."""
    print("                     with differences               with the exact Jacobian")
    print("                     f evaluated  Jacobians  error  f evaluated  Jacobians  error")
    for name, (f, start, end, atol, reference) in PROBLEMS.items():
        exact = wg.jit(wg.jacobian(f, argnums=1))
        for method in ("Radau", "BDF", "LSODA"):
            print(f"{name:12} {method:7}", end="")
            for jacobian in (None, exact):
                y, count, made = solution(f, start, end, jacobian, method=method, rtol=1e-8, atol=atol)
                print(f" {count:12} {made:10} {np.max(np.abs(y / reference - 1)):6.0e}", end="")
            print()


def concentrations(logarithms, times):
    """Robertson's three concentrations at the times, as a function of the logarithms of the rates."""
    return wg.implicit.odeint(
        lambda y, t, rates: robertson(t, y, rates), np.array([1.0, 0.0, 0.0]), times, np.exp(logarithms),
        method="LSODA", rtol=1e-8, atol=1e-12,
    )  # fmt: skip


def picture(path, times, values, slopes):
    """The concentrations over time, and how each moves with the rates."""
    from matplotlib.figure import Figure

    above, below = Figure(figsize=(6.4, 4.8), layout="constrained").subplots(2, sharex=True)
    above.semilogx(times, values * [1, 1e4, 1], label=["A", "10⁴·B", "C"])
    below.semilogx(times, slopes[:, 2], label=["slow", "very fast", "fast"])
    above.set(ylabel="concentration")
    below.set(ylabel="∂C / ∂ log rate", xlabel="time", xlim=(times[1], times[-1]))
    above.legend()
    below.legend()
    above.figure.savefig(path, dpi=90)


def main():
    comparison()
    times = np.concatenate([[0.0], np.geomspace(1e-5, 1e4, 73)])
    values = concentrations(np.log(RATES), times)
    slopes = wg.jacobian(concentrations, mode="forward")(np.log(RATES), times)
    print("Robertson at t = 10⁴, and how it moves with the logarithm of each rate:")
    for name, value, slope in zip("ABC", values[-1], slopes[-1], strict=True):
        print(f"  {name} = {value:.6e}  ", *(f"{s:13.6e}" for s in slope))
    # All rates twice as high is all in half of the time: the three columns add up to t · dy/dt.
    faster = times[-1] * robertson(times[-1], values[-1])
    print("  the columns add up to t · dy/dt:", np.allclose(slopes[-1].sum(axis=1), faster, rtol=1e-4, atol=0))
    if len(sys.argv) > 1:
        picture(sys.argv[1], times, values, slopes)


if __name__ == "__main__":
    main()
