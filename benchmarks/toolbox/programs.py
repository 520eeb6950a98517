"""The functions that are differentiated, each written once; `np` is a library's namespace with NumPy's names."""

from __future__ import annotations

from typing import Any


def logistic(np: Any, w: Any, x: Any, y: Any) -> Any:
    """The mean logistic loss of a linear classifier; the labels are ±1."""
    return np.sum(np.log(1.0 + np.exp(-y * (x @ w)))) / len(y)


def rosenbrock(np: Any, x: Any) -> Any:
    """Σᵢ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def network(np: Any, layers: Any, x: Any) -> Any:
    """A multilayer perceptron with tanh between its layers; x is one example or a batch."""
    *hidden, (weight, bias) = layers
    for w, b in hidden:
        x = np.tanh(x @ w + b)
    return x @ weight + bias


def squared_error(np: Any, layers: Any, x: Any, y: Any) -> Any:
    """The mean squared error of the network."""
    return np.sum((network(np, layers, x) - y) ** 2) / len(y)


def example_error(np: Any, layers: Any, x: Any, y: Any) -> Any:
    """The squared error of one example."""
    return np.sum((network(np, layers, x) - y) ** 2)


def exp_sin(np: Any, x: Any) -> Any:
    return np.exp(np.sin(x))


def step(np: Any, weight: Any, bias: Any, state: Any) -> Any:
    """A step of a recurrent network, which sums its squares on the way; the state is what it holds and that sum."""
    hidden, total = state
    hidden = np.tanh(weight @ hidden + bias)
    return hidden, total + np.sum(hidden * hidden)


def relaxed(np: Any, rates: Any, target: Any, x: Any) -> Any:
    """A step towards x + x³ = target, element by element."""
    return x - rates * (x + x * x * x - target)


def velocity(np: Any, rates: Any, y: Any) -> Any:
    """Lotka–Volterra: prey a·y − b·y·z, predators c·y·z − d·z."""
    a, b, c, d = rates[0], rates[1], rates[2], rates[3]
    met = y[0] * y[1]
    return np.stack([a * y[0] - b * met, c * met - d * y[1]])


def rotated(np: Any, rotation: Any, point: Any) -> Any:
    """Rodrigues' formula: cos θ · X + sin θ/θ · r × X + (1 − cos θ)/θ² · (r·X) r, θ = ‖r‖ > 0."""
    a, b, c = rotation
    x, y, z = point
    square = a * a + b * b + c * c
    angle = np.sqrt(square)
    cosine, sine = np.cos(angle), np.sin(angle) / angle
    along = (1.0 - cosine) / square * (a * x + b * y + c * z)
    return (
        cosine * x + sine * (b * z - c * y) + along * a,
        cosine * y + sine * (c * x - a * z) + along * b,
        cosine * z + sine * (a * y - b * x) + along * c,
    )


def reprojection(np: Any, camera: Any, point: Any, weight: Any, feature: Any) -> Any:
    """The two errors of an observation: weight · (p L f + (u₀, v₀) − feature); numbers, or arrays of observations."""
    r1, r2, r3, c1, c2, c3, f, u0, v0, k1, k2 = camera
    x, y, z = rotated(np, (r1, r2, r3), (point[0] - c1, point[1] - c2, point[2] - c3))
    p, q = x / z, y / z
    square = p * p + q * q
    scale = f * (1.0 + k1 * square + k2 * square * square)
    return weight * (p * scale + u0 - feature[0]), weight * (q * scale + v0 - feature[1])
