"""What PyTorch's layers compute (layer_reference.npz), and the comparison of ours with it, in every style."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np

import wengert as wg

FILE = Path(__file__).with_name("layer_reference.npz")
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


@functools.cache
def cases():
    """Name of the case → name of the array → array."""
    with np.load(FILE) as file:
        index, numbers = json.loads(str(file["index"])), file["numbers"]
    found, start = {}, 0
    for name, (dtype, shape) in index.items():
        case, key = name.split("|")
        size = int(np.prod(shape))
        found.setdefault(case, {})[key] = numbers[start : start + size].reshape(shape).astype(dtype)
        start += size
    return found


def inputs(case):
    return [cases()[case][f"x{i}"] for i in range(4) if f"x{i}" in cases()[case]]


def outputs(value):
    return [part for item in value for part in outputs(item)] if isinstance(value, tuple) else [value]


def agrees(case, layer, call=None):
    """Results and gradients are PyTorch's: as functions, compiled, on the tape."""
    known, xs = cases()[case], inputs(case)
    if isinstance(layer, wg.nn.Module):
        layer.load_state_dict({name[2:]: array for name, array in known.items() if name.startswith("p:")})
    call = call or (lambda layer, *xs: layer(*xs))

    def loss(layer, xs):
        ys = outputs(call(layer, *xs))
        return sum(np.sum(y * known[f"v{i}"]) for i, y in enumerate(ys)), ys

    has_parameters = any(name.startswith("p:") for name in known)
    f = loss if has_parameters else (lambda xs: loss(layer, xs))
    arguments = (layer, xs) if has_parameters else (xs,)
    gradient = wg.value_and_grad(f, argnums=tuple(range(len(arguments))), has_aux=True)
    for function in (gradient, wg.jit(gradient)):
        (_, ys), grads = function(*arguments)
        for i, y in enumerate(ys):
            np.testing.assert_allclose(y, known[f"y{i}"], **CLOSE)
        for i, dx in enumerate(grads[-1]):
            np.testing.assert_allclose(dx, known[f"dx{i}"], **CLOSE)
        for name, dp in grads[0].state_dict().items() if has_parameters else ():
            np.testing.assert_allclose(dp, known[f"dp:{name}"], **CLOSE)
    tape = [wg.Variable(x) for x in xs]
    loss(layer, tape)[0].backward()
    for i, x in enumerate(tape):
        np.testing.assert_allclose(x.grad, known[f"dx{i}"], **CLOSE)
    for name, p in layer.named_parameters() if has_parameters else ():
        np.testing.assert_allclose(p.grad, known[f"dp:{name}"], **CLOSE)
