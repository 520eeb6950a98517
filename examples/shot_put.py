"""Shot put: the angle of the farthest throw, by gradient ascent on the distance and by Newton's method for its root.

Source: the slides *Automatic differentiation*, whose iterates come out digit by digit.
"""

import numpy as np

import wengert as wg

SPEED = 14.0  # m/s
HEIGHT = 1.8  # m, where the hand lets go
GRAVITY = 9.8  # m/s²


def distance(theta):
    """How far a throw at this angle goes, in metres."""
    rise = SPEED * np.sin(theta)
    return SPEED / GRAVITY * np.cos(theta) * (rise + np.sqrt(rise**2 + 2 * GRAVITY * HEIGHT))


def condition(theta):
    """What is zero at the best angle."""
    rise = SPEED * np.sin(theta)
    return SPEED * np.cos(theta) ** 2 - np.sqrt(rise**2 + 2 * GRAVITY * HEIGHT) * np.sin(theta)


def main():
    print("Gradient ascent: θ ← θ + 0.01 · dx/dθ")
    theta = 0.8
    for step in range(1, 9):
        theta = theta + 0.01 * wg.grad(distance)(theta)
        print(f"  {step}  {theta:.12f}")

    print("Newton's method: θ ← θ − g(θ)/g′(θ)")
    theta = 0.8
    for step in range(1, 5):
        value, slope = wg.value_and_grad(condition)(theta)
        theta = theta - value / slope
        print(f"  {step}  {theta:.14f}")

    print(f"Best angle {np.degrees(theta):.3f}°, distance {distance(theta):.3f} m")
    print(f"There dx/dθ = {wg.grad(distance)(theta):.1e} and d²x/dθ² = {wg.grad(wg.grad(distance))(theta):.3f} < 0")


if __name__ == "__main__":
    main()
