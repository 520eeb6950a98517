"""Dual numbers: a + b·ε with ε² = 0 carries the derivative b along, and NumPy's functions work on it directly.

Source: the slides *Automatic differentiation*, forward mode; the appendix *Autodiff* of the textbook.
"""

import numpy as np

import wengert as wg


def f(x, y):
    return 3 * x**2 * y + x


def main():
    x = wg.Dual(0.1, 1.0)
    print(f"x      = {x}")
    print(f"x·x    = {x * x:.4g}")
    print(f"x³     = {x**3:.4g}")
    print(f"1 − x  = {1 - x}")
    print(f"cos x  = {np.cos(x)}")
    print(f"√x     = {np.sqrt(x):.6g}")

    print("\nf = 3x²y + x at (1, 1), one pass per input:")
    print(f"  by x: {f(wg.Dual(1.0, 1.0), 1.0)}")
    print(f"  by y: {f(1.0, wg.Dual(1.0, 1.0))}")

    print("\nThe same as a transformation of functions:")
    for name, direction in (("x", (1.0, 0.0)), ("y", (0.0, 1.0))):
        value, tangent = wg.jvp(f, (1.0, 1.0), direction)
        print(f"  f = {value}, ∂f/∂{name} = {tangent}")


if __name__ == "__main__":
    main()
