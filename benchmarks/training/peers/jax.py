"""JAX and optax: a step is one function, compiled by `jax.jit`, which may write over the weights that it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy
import optax
from jax import lax
from jax import numpy as np

from benchmarks.training import data
from benchmarks.training.peers import Training, plain

RULES: dict[str, Any] = {"sgd": optax.sgd, "adam": optax.adam, "adamw": optax.adamw}


def linear(w: Any, name: str, x: Any) -> Any:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def perceptron(w: Any, x: Any, **_: Any) -> Any:
    last = len(w) // 2 - 1
    for i in range(last):
        x = jax.nn.relu(linear(w, str(i), x))
    return linear(w, str(last), x)


def convolution(w: Any, name: str, x: Any) -> Any:
    y = lax.conv_general_dilated(x, w[f"{name}.weight"], (1, 1), "SAME", dimension_numbers=("NHWC", "OIHW", "NHWC"))
    return y + w[f"{name}.bias"]


def digits(w: Any, x: Any, **_: Any) -> Any:
    """Channels last, as JAX's libraries have them."""
    x = jax.nn.relu(convolution(w, "0", np.moveaxis(x, 1, -1)))
    x = jax.nn.relu(convolution(w, "1", x))
    x = lax.reduce_window(x, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return linear(w, "2", np.moveaxis(x, -1, 1).reshape(len(x), -1))


def lstm(w: Any, x: Any, width: int, **_: Any) -> Any:
    given = x @ w["input"].T + w["input_bias"] + w["hidden_bias"]

    def step(state: Any, now: Any) -> Any:
        h, c = state
        i, f, g, o = np.split(now + h @ w["hidden"].T, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * np.tanh(g)
        return (jax.nn.sigmoid(o) * np.tanh(c), c), None

    start = np.zeros((len(x), width), x.dtype)
    (h, _), _ = lax.scan(step, (start, start), np.swapaxes(given, 0, 1))
    return linear(w, "head", h)


def norm(w: Any, name: str, x: Any) -> Any:
    apart = x - np.mean(x, axis=-1, keepdims=True)
    y = apart * lax.rsqrt(np.mean(apart * apart, axis=-1, keepdims=True) + 1e-5)
    return y * w[f"{name}.weight"] + w[f"{name}.bias"]


def gpt(w: Any, x: Any, heads: int, blocks: int, **_: Any) -> Any:
    x = w["embedding"][x] + w["position"]
    for i in range(blocks):
        parts = np.split(linear(w, f"{i}.attention", norm(w, f"{i}.norm1", x)), 3, axis=-1)
        q, k, v = (part.reshape(*part.shape[:2], heads, -1) for part in parts)
        y = jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(x.shape)
        x = x + linear(w, f"{i}.out", y)
        inner = jax.nn.gelu(linear(w, f"{i}.inner", norm(w, f"{i}.norm2", x)), approximate=False)
        x = x + linear(w, f"{i}.outer", inner)
    return norm(w, "norm", x) @ w["head.weight"].T


def surprise(scores: Any, y: Any, w: Any) -> Any:
    return np.mean(optax.softmax_cross_entropy_with_integer_labels(scores, y))


def margin(scores: Any, y: Any, w: Any) -> Any:
    missing = np.mean(jax.nn.relu(1 - y * scores[:, 0]))
    return missing + data.PENALTY * sum(np.sum(p * p) for p in jax.tree.leaves(w))


def compiled(network: Callable[..., Any], loss: Callable[..., Any] = surprise) -> Callable[..., Training]:
    """Loss, gradient and update in one."""

    def make(size: data.Size, weights: dict[str, Any], x: Any, y: Any) -> Training:
        double = next(iter(weights.values())).dtype == numpy.float64
        jax.config.update("jax_enable_x64", double)
        name = data.rule(size)
        more = {"weight_decay": data.DECAY} if name == "adamw" else {}
        rule = RULES[name](data.RATES[name], **more)

        def advance(w: Any, state: Any, x: Any, y: Any) -> Any:
            value, slopes = jax.value_and_grad(lambda w: loss(network(w, x, **size), y, w))(w)
            changes, state = rule.update(slopes, state, w)
            return optax.apply_updates(w, changes), state, value

        w = jax.tree.map(np.asarray, weights)
        state, inputs, targets = rule.init(w), np.asarray(x), np.asarray(y)
        jitted = jax.jit(advance, donate_argnums=(0, 1))

        def step() -> Any:
            nonlocal w, state
            w, state, value = jitted(w, state, inputs, targets)
            return value.block_until_ready()

        return Training(step)

    return make


PROGRAMS: dict[Any, Callable[..., Training]] = {
    "moons": compiled(perceptron, margin),
    "perceptron": compiled(perceptron),
    "digits": compiled(digits),
    "lstm": compiled(lstm),
    "gpt": compiled(gpt),
}

__all__ = ["PROGRAMS", "plain"]
