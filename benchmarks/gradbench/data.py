"""The inputs of the evaluations: their sizes in GradBench, a generator for each, and what the programs make of them.

An input is what the protocol sends, by its names, with arrays in the place of lists. The distributions are those of
GradBench's own generators; the numbers are not, since they come from another random generator. NumPy alone is imported
here, so that every peer can prepare its own input.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

SEED = 31337

Size = dict[str, int]
Input = dict[str, Any]

#: Of ADBench's bundle adjustment problems, which are those of Agarwal et al. (BAL, 2010): cameras, points, views.
BUNDLES = [
    (49, 7776, 31843), (21, 11315, 36455), (73, 11032, 46122), (39, 18060, 63551), (50, 20431, 73967),
    (138, 19878, 85217), (126, 40037, 148117), (161, 48126, 182072), (356, 226730, 1255268),
]  # fmt: skip

#: The sizes of each evaluation, as GradBench has them.
SIZES: dict[str, list[Size]] = {
    "gmm": [{"d": d, "k": k, "n": 1000} for d, k in itertools.product((2, 10, 20, 32, 64), (5, 10, 25, 50, 100))],
    "ba": [{"n": n, "m": m, "p": p} for n, m, p in BUNDLES],
    "lstm": [{"l": layers, "c": c} for layers in (2, 4) for c in (1024, 4096)],
    "kmeans": [{"k": k, "n": n, "d": d} for k in (10, 100, 1000) for n in (1000, 10000) for d in (8, 16)],
    "llsq": [{"n": n} for n in (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8196, 16392)],
    "lse": [{"n": 2500 * 2**i} for i in range(10)],
    "ode": [{"n": n, "s": s} for n in (1000, 10000, 100000) for s in (1, 10, 100)],
    "det": [{"ell": ell} for ell in range(5, 10)],  # GradBench goes to 11, where ℓ! is forty million
}  # fmt: skip

#: One or two of each: what is measured unless more is asked for.
QUICK: dict[str, list[Size]] = {
    "gmm": [{"d": 10, "k": 25, "n": 1000}, {"d": 32, "k": 25, "n": 1000}],
    "ba": [{"n": 49, "m": 7776, "p": 31843}],
    "lstm": [{"l": 2, "c": 1024}],
    "kmeans": [{"k": 100, "n": 10000, "d": 16}],
    "llsq": [{"n": 1024}, {"n": 16392}],
    "lse": [{"n": 20000}, {"n": 640000}],
    "ode": [{"n": 10000, "s": 100}],
    "det": [{"ell": 5}, {"ell": 7}],
}

#: So small that everything is done in milliseconds: for the tests.
TINY: dict[str, Size] = {
    "gmm": {"d": 3, "k": 4, "n": 6},
    "ba": {"n": 2, "m": 3, "p": 12},
    "lstm": {"l": 2, "c": 5},
    "kmeans": {"k": 3, "n": 12, "d": 2},
    "llsq": {"n": 9, "m": 6},
    "lse": {"n": 12},
    "ode": {"n": 5, "s": 3},
    "det": {"ell": 4},
}


def generate(evaluation: str, size: Size) -> Input:
    """The input of this size, the same at every call."""
    return GENERATORS[evaluation](np.random.default_rng(SEED), **size)


def gmm(random: Any, d: int, k: int, n: int) -> Input:
    """A standard normal sample and any mixture, as ADBench's generator has it; m = 0, γ = 1."""
    return {
        "d": d, "k": k, "n": n, "m": 0, "gamma": 1.0,
        "x": random.normal(size=(n, d)),
        "alpha": random.normal(size=k),
        "mu": random.uniform(size=(k, d)),
        "q": random.normal(size=(k, d)),
        "l": random.normal(size=(k, d * (d - 1) // 2)),
    }  # fmt: skip


def ba(random: Any, n: int, m: int, p: int) -> Input:
    """One camera, point, weight and feature, to be repeated; ADBench's are those of a photograph of a street."""
    camera = [*random.normal(scale=0.05, size=3), *random.normal(scale=0.1, size=2), 1.1, 400.0, 0.0, 0.0, -3e-7, 6e-13]
    point, feature = [-0.6, 0.6, -1.8], random.normal(scale=300.0, size=2)
    return {"n": n, "m": m, "p": p, "cam": np.array(camera), "x": np.array(point), "w": 0.5, "feat": feature}


def lstm(random: Any, l: int, c: int) -> Input:  # noqa: E741 - the protocol's name
    """Any network, and the bits of the characters of a text, 14 because it has typographical quotation marks."""
    bits = 14
    text = random.choice([*b"etaoin shrdlu", ord("’")], size=c)
    return {
        "main_params": random.uniform(size=(2 * l, 4 * bits)),
        "extra_params": random.uniform(size=(3, bits)),
        "state": random.uniform(size=(2 * l, bits)),
        "sequence": (text[:, None] >> np.arange(bits - 1, -1, -1) & 1).astype(float),
    }


def kmeans(random: Any, k: int, n: int, d: int) -> Input:
    """Points in the unit cube; the last k are the centroids too, so that none is without a point."""
    points = random.uniform(size=(n, d))
    return {"points": points, "centroids": points[-k:].copy()}


def llsq(random: Any, n: int, m: int = 128) -> Input:
    return {"x": random.uniform(size=m), "n": n}


def lse(random: Any, n: int) -> Input:
    return {"x": random.uniform(size=n)}


def ode(random: Any, n: int, s: int) -> Input:
    return {"x": random.uniform(size=n), "s": s}


def det(random: Any, ell: int) -> Input:
    return {"A": random.uniform(size=ell * ell), "ell": ell}


GENERATORS = {function.__name__: function for function in (gmm, ba, lstm, kmeans, llsq, lse, ode, det)}


def arguments(evaluation: str, given: Input) -> tuple[Any, ...]:
    """What the evaluation's functions are called with: arrays of float64, and whole numbers that are no data."""
    return ARGUMENTS[evaluation](given)


def array(values: Any) -> Any:
    return np.array(values, dtype=np.float64)


def bundle(given: Input) -> tuple[Any, ...]:
    """Cameras, points, weights, features and pairs: observation i is of camera i mod N and point i mod M."""
    cameras, points, views = given["n"], given["m"], given["p"]
    each = np.arange(views)
    return (
        np.tile(array(given["cam"]), (cameras, 1)),
        np.tile(array(given["x"]), (points, 1)),
        np.full(views, float(given["w"])),
        np.tile(array(given["feat"]), (views, 1)),
        np.stack([each % cameras, each % points], axis=1),
    )


ARGUMENTS: dict[str, Any] = {
    "gmm": lambda given: (
        *(array(given[name]) for name in ("alpha", "mu", "q")),
        array(given["l"]).reshape(given["k"], -1),
        array(given["x"]),
        int(given["m"]),
        float(given["gamma"]),
    ),
    "ba": bundle,
    "lstm": lambda given: tuple(array(given[name]) for name in ("main_params", "extra_params", "state", "sequence")),
    "kmeans": lambda given: (array(given["centroids"]), array(given["points"])),
    "llsq": lambda given: (array(given["x"]), -1 + 2 * np.arange(given["n"]) / (given["n"] - 1)),
    "lse": lambda given: (array(given["x"]),),
    "ode": lambda given: (array(given["x"]), int(given["s"])),
    "det": lambda given: (array(given["A"]).reshape(given["ell"], given["ell"]),),
}
