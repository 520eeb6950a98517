"""What optimizers refuse, each with its message."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError, ShapeError
from wengert.optim import SGD, Adagrad, Adam, ClipNorm, Lion, RMSprop

P = {"a": np.ones(3)}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SGD(0.1), ArgumentError, "SGD moves Variables, and was given a float"),
        (lambda: Adam([np.ones(2)]), ArgumentError, "Adam moves Variables, and was given a ndarray"),
        (lambda: Adam([wg.Variable(1.0) * 2]), ArgumentError, "Adam moves Variables"),
        (lambda: Adam(lr=-1), ArgumentError, "lr is a number that is not negative"),
        (lambda: Adam(lr="fast"), ArgumentError, "lr is a number"),
        (lambda: Adam(lr=np.nan), ArgumentError, "lr is a number"),
        (lambda: Adam(betas=(0.9, 1.0)), ArgumentError, "β₂ is a number from 0"),
        (lambda: Adam(betas=(0.9,)), ArgumentError, "betas are two numbers"),
        (lambda: Adam(clip=1.0), ArgumentError, "clip is a function of the gradients"),
        (lambda: SGD(lr=0.1, clip=[ClipNorm(1.0), None]), ArgumentError, "clip is a function of the gradients"),
        (lambda: SGD(clip=lambda g: g[1:]).update(P, SGD().init(P), P), ShapeError, "a function in clip"),
        (lambda: SGD(lr=lambda k: None).update(P, SGD().init(P), P), ArgumentError, "one number, and was None"),
        (lambda: SGD(lr=lambda k: np.ones(3)).update(P, SGD().init(P), P), ArgumentError, "an array of shape"),
        (lambda: SGD().update(P, SGD().init(P), P, lr="0.1"), ArgumentError, "one number, and was '0.1'"),
        (lambda: SGD([]), ArgumentError, "SGD was given no Variables"),
        (lambda: SGD(iter([])), ArgumentError, "SGD was given no Variables"),
        (lambda: Adam(eps=-1e-8), ArgumentError, "eps"),
        (lambda: RMSprop(alpha=1), ArgumentError, "alpha"),
        (lambda: Adagrad(initial=-1), ArgumentError, "initial"),
        (lambda: SGD(momentum=-0.1), ArgumentError, "momentum"),
        (lambda: SGD(nesterov=True), ArgumentError, "Nesterov's momentum needs a momentum"),
        (lambda: Lion(betas=(-0.1, 0.9)), ArgumentError, "β₁"),
        (lambda: Adam().step(), ArgumentError, "made without parameters"),
        (lambda: Adam().zero_grad(), ArgumentError, "made without parameters"),
        (lambda: Adam([wg.Variable(1.0)]).step(), ArgumentError, "none of the parameters has a gradient"),
        (lambda: Adam().init({"a": 1}), ArgumentError, r"params\['a'\] is of type int"),
        (lambda: Adam().init({"a": np.zeros(2, int)}), ArgumentError, "of type int64"),
        (lambda: Adam().init({"a": True}), ArgumentError, "of type bool"),
        (lambda: Adam().init([wg.Variable(1.0)]), ArgumentError, r"params\[0\] is a Variable, which would not move"),
        (lambda: Adam().init(["w"]), ArgumentError, r"params\[0\] is of type str"),
        (lambda: Adam().update({"b": P["a"]}, Adam().init(P), P), ShapeError, "another structure"),
        (lambda: Adam().update({"a": None}, Adam().init(P), P), ShapeError, "another structure"),
        (lambda: Adam().update([P["a"]], Adam().init(P), P), ShapeError, "another structure"),
        (lambda: Adam().update({"a": np.ones((3, 1))}, Adam().init(P), P), ShapeError, r"float64\[3\], is .*\[3,1\]"),
        (lambda: Adam().update({"a": "x"}, Adam().init(P), P), ShapeError, "is str"),
        (lambda: Adam().update({"a": np.ones(3) * 1j}, Adam().init(P), P), ShapeError, "is complex128"),
        (lambda: Adam().update(P, SGD().init(P), P), ShapeError, "state is that of another optimizer: it has step"),
        (lambda: Adam().update(P, P["a"], P), ShapeError, "it has ndarray"),
        (lambda: Adam().update([np.ones(2)], Adam().init([P["a"]]), [np.ones(2)]), ShapeError, "other parameters"),
    ],
)  # fmt: skip
def test_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
