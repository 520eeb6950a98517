"""Updates in place, compiled: a rod that is heated at one end, and which of its cells the other end feels most.

The program fills and changes arrays as any NumPy program does, through a view too. Its gradient by the conductivities
of all cells agrees with finite differences, and the native code of it with both.
"""

import numpy as np

import wengert as wg

CELLS, STEPS, RATE, HOT = 12, 60, 0.4, 100.0


def temperature(conductivity):
    """The temperature of the last cell after some time; the first is kept hot, and the rod begins at 0."""
    u = np.zeros(CELLS, like=conductivity)
    u[0] = HOT
    inside = u[1:-1]  # a view: what happens to it happens to u
    for _ in range(STEPS):
        inside += RATE * np.diff(conductivity * np.diff(u))
        u[-1] = u[-2]
    return u[-1]


def main():
    """A gradient in three ways."""
    conductivity = np.linspace(0.8, 1.2, CELLS - 1)
    value, gradient = wg.value_and_grad(temperature)(conductivity)
    print(f"temperature {value:.9f}")
    for cell, slope in enumerate(gradient):
        print(f"{cell:2}  {slope:9.6f}  {'█' * round(4 * float(slope))}")

    differences = wg.finite_difference(temperature)(conductivity)
    print("as finite differences:", np.allclose(differences, gradient, rtol=1e-7, atol=1e-7))
    compiled = wg.jit(wg.grad(temperature))
    print("compiled as eager:", np.allclose(compiled(conductivity), gradient, rtol=1e-12))
    other = conductivity[::-1]
    print("and elsewhere:", np.allclose(compiled(other), wg.grad(temperature)(other), rtol=1e-12))


if __name__ == "__main__":
    main()
