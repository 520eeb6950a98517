"""A loop as one operation, compiled: the length of a pendulum and its friction, found from what was seen of it.

The motion is a `wg.scan` over time steps, and its derivative a scan again, so that a gradient of a thousand steps is a
short program, which `wg.jit` turns into native code. The fit is Newton's method on the sum of squares, after Gauss.
"""

import numpy as np

import wengert as wg

GRAVITY, STEP, STEPS = 9.81, 0.005, 1000


def swing(parameters, start=0.8):
    """The angles of a pendulum that is let go at `start`, by the semi-implicit method of Euler."""
    length, friction = parameters

    def step(state, _):
        angle, speed = state
        speed = speed - STEP * (GRAVITY / length * np.sin(angle) + friction * speed)
        angle = angle + STEP * speed
        return (angle, speed), angle

    return wg.scan(step, (start, 0.0), length=STEPS)[1]


def main():
    """Make observations, fit, and look at what was computed."""
    truth = np.array([1.3, 0.2])
    seen = swing(truth)

    def misfit(parameters):
        return np.mean((swing(parameters) - seen) ** 2)

    eager, compiled = wg.grad(misfit), wg.jit(wg.grad(misfit))
    guess = np.array([1.2, 0.1])
    graph = wg.trace(eager)(guess)
    print(f"the gradient of {STEPS} steps is {len(graph.operations)} operations")
    print("compiled as eager:", np.allclose(compiled(guess), eager(guess), rtol=1e-12))

    motion, slopes = wg.jit(swing), wg.jit(wg.jacobian(swing))
    for turn in range(1, 7):
        change = np.linalg.lstsq(slopes(guess), seen - motion(guess))[0]
        guess = guess + change
        print(f"{turn}  length {guess[0]:.9f}, friction {guess[1]:.9f}")
    print("found:", np.allclose(guess, truth, rtol=1e-12))


if __name__ == "__main__":
    main()
