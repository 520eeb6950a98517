"""A physics-informed network: a small network learns to satisfy Burgers' equation, uₜ + u·uₓ = ν·uₓₓ, on 0 ≤ x, t ≤ 1.

The loss is the residual of the equation at scattered points, and what is wrong at the start and at both ends. In it are
derivatives of the network by its inputs, of first and second order (`wg.taylor` gives u, uₓ and uₓₓ/2 at once); the
training needs the gradient of all that by the weights, which `wg.jit` compiles. Since the equation has a solution in
closed form for this start, the error of what was learnt is known.

    python examples/science/burgers.py [picture.png]

Source: M. Raissi, P. Perdikaris & G. Karniadakis, "Physics-informed neural networks" (2019). E. Hopf (1950) and
J. Cole (1951): u = −2ν·φₓ/φ is a solution wherever φₜ = ν·φₓₓ; here φ = 1.05 + exp(−π²νt)·cos πx.
"""

import sys
from itertools import pairwise

import numpy as np
from scipy.optimize import minimize

import wengert as wg

NU = 0.05
SIZES = (2, 20, 20, 1)
ITERATIONS = 1000
X, T = np.random.default_rng(0).random((2, 600))  # where the equation should hold
EDGE = np.linspace(0, 1, 65)


def exact(x, t):
    decay = np.exp(-(np.pi**2) * NU * t)
    return 2 * np.pi * NU * decay * np.sin(np.pi * x) / (1.05 + decay * np.cos(np.pi * x))


def layers(weights):
    """The vector of all weights as a matrix and a bias for each layer."""
    start = 0
    for inputs, outputs in pairwise(SIZES):
        middle, end = start + inputs * outputs, start + (inputs + 1) * outputs
        yield np.reshape(weights[start:middle], (inputs, outputs)), weights[middle:end]
        start = end


def network(weights, x, t):
    """The value that the network gives to u at the points (x, t)."""
    *hidden, (matrix, bias) = layers(weights)
    y = np.stack([2 * x - 1, 2 * t - 1], axis=-1)
    for inner, offset in hidden:
        y = np.tanh(y @ inner + offset)
    return (y @ matrix + bias)[..., 0]


def residual(weights, x, t):
    """By how much the network misses the equation."""
    one = np.ones_like(x)
    u, u_x, half_u_xx = wg.taylor(lambda x: network(weights, x, t), x, 2, direction=one)
    _, u_t = wg.jvp(lambda t: network(weights, x, t), (t,), (one,))
    return u_t + u * u_x - 2 * NU * half_u_xx


def loss(weights):
    begin = network(weights, EDGE, 0 * EDGE) - exact(EDGE, 0)
    left, right = network(weights, 0 * EDGE, EDGE), network(weights, 0 * EDGE + 1, EDGE)
    return np.mean(residual(weights, X, T) ** 2) + 10 * np.mean(begin**2 + left**2 + right**2)


def train(seed=0):
    """The weights, and SciPy's report."""
    rng = np.random.default_rng(seed)
    parts = [np.append(rng.normal(size=n * m) / np.sqrt(n), np.zeros(m)) for n, m in pairwise(SIZES)]
    start = np.concatenate(parts)
    options = {"maxiter": ITERATIONS, "maxfun": 2 * ITERATIONS, "maxcor": 50, "ftol": 0, "gtol": 0}
    return minimize(wg.jit(wg.value_and_grad(loss)), start, jac=True, method="L-BFGS-B", options=options)


def picture(path, weights):
    """The exact solution as lines, what the network says as dots."""
    from matplotlib.figure import Figure

    axes = Figure(figsize=(6.4, 3.2), layout="constrained").subplots()
    x, sparse = np.linspace(0, 1, 201), np.linspace(0, 1, 33)
    for k, t in enumerate((0.0, 0.25, 0.5, 1.0)):
        axes.plot(x, exact(x, t), color=f"C{k}", label=f"t = {t:g}")
        axes.plot(sparse, network(weights, sparse, 0 * sparse + t), "o", color=f"C{k}", markersize=3)
    axes.set(xlabel="x", ylabel="u")
    axes.legend(title="lines: exact")
    axes.figure.savefig(path, dpi=90)


def main():
    found = train()
    x, t = np.meshgrid(np.linspace(0, 1, 101), np.linspace(0, 1, 101))
    error = network(found.x, x, t) - exact(x, t)
    print(f"{found.x.size} weights, {found.nit} steps of L-BFGS, {found.nfev} gradients; loss {found.fun:.1e}")
    print(f"relative error: {np.linalg.norm(error) / np.linalg.norm(exact(x, t)):.1e} in the mean square,")
    print(f"                {np.max(np.abs(error)) / np.max(exact(x, t)):.1e} at the most")
    if len(sys.argv) > 1:
        picture(sys.argv[1], found.x)


if __name__ == "__main__":
    main()
