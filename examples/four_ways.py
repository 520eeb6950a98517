"""Four ways to the derivative of x·e^(−x²): symbolic, finite differences, forward mode, reverse mode.

Source: the slides *Automatic differentiation*, which compare them at x = 0, where the derivative is 1.
"""

import numpy as np

import wengert as wg


def f(x):
    return x * np.exp(-(x**2))


def main():
    x = 0.0
    print("Symbolic: the graph of the derivative, as NumPy source")
    derivative = wg.trace(f)(x).derivative()
    print(derivative.to_python())
    print(f"  f′(0) = {derivative(x)}\n")

    print("Finite differences: values of f alone")
    for step in (1e-2, 1e-5, 1e-8, 1e-11):
        quotient = wg.finite_difference(f, scheme="forward", step=step)
        print(f"  step {step:5.0e}: at 0 {quotient(x)}, error at 1 {abs(quotient(1.0) - wg.grad(f)(1.0)):.1e}")

    print("\nForward mode: a dual number goes through the function")
    print(f"  f(0 + ε) = {f(wg.Dual(x, 1.0))}\n")

    print("Reverse mode: one pass forwards, one backwards")
    value, slope = wg.value_and_grad(f)(x)
    print(f"  f(0) = {value}, f′(0) = {slope}\n")

    print("Side by side at x = 0.5, against 50 digits")
    print(wg.compare(f)(0.5))


if __name__ == "__main__":
    main()
