"""The libraries that are measured: how each is imported, and how it makes a derivative.

A peer is a function that imports its library and returns a `Peer`; it is called in the process that measures it, so
that no library is loaded beside another. To add one, write the function and add it to `PEERS`. It may live in an
environment of its own (see `environment.py`); where there is none, the report says so and the others are measured.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.case import leaves, mapped
from benchmarks.environment import python_of

Call = Callable[..., Any]


@dataclass(frozen=True)
class Peer:
    """A library: its namespace in the place of NumPy, and its derivatives.

    `modes` maps the name of a derivative to what makes it of a function f of one argument: "gradient" a function of x,
    "value and gradient" one of x that returns both, "pushforward" a function of x and a tangent. `receive` turns a
    plain input (a number, an array, a setting) into what the library takes; `finish`, which is timed, waits for the
    result where the library computes later; `plain`, which is not, turns it into numbers and arrays of NumPy's.
    `counted`: its memory is Python's and NumPy's, so that tracemalloc sees it.
    """

    namespace: Any
    modes: dict[str, Callable[[Call], Call]]
    receive: Callable[[Any], Any] | None = None
    finish: Callable[[Any], Any] | None = None
    plain: Callable[[Any], Any] | None = None
    counted: bool = True


def numpy() -> Peer:
    """No derivative at all: the time of the function itself, which every derivative is compared with."""
    import numpy

    return Peer(
        numpy, {"gradient": lambda f: f, "value and gradient": lambda f: f, "pushforward": lambda f: lambda x, t: f(x)}
    )


def wengert() -> Peer:
    """Wengert, eager."""
    import numpy

    import wengert as wg

    return Peer(
        numpy,
        {
            "gradient": wg.grad,
            "value and gradient": wg.value_and_grad,
            "pushforward": lambda f: lambda x, t: wg.jvp(f, (x,), (t,))[1],
        },
    )


def autograd() -> Peer:
    """HIPS autograd."""
    import autograd
    import autograd.numpy

    return Peer(
        autograd.numpy,
        {
            "gradient": autograd.grad,
            "value and gradient": autograd.value_and_grad,
            "pushforward": lambda f: lambda x, t: autograd.make_jvp(f)(x)(t)[1],
        },
    )


def torch() -> Peer:
    """PyTorch, eager, on the processor, in double precision; tensors in, tensors out."""
    import numpy
    import torch
    from torch.autograd import forward_ad

    from benchmarks.torch_names import NAMES

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def value_and_gradient(f: Call) -> Call:
        def run(x: Any) -> Any:
            if isinstance(x, torch.Tensor):
                value = f(x.requires_grad_())
                return value, torch.autograd.grad(value, x)[0]
            inputs = [leaf.requires_grad_() for leaf in leaves(x)]
            value = f(x)
            found = iter(torch.autograd.grad(value, inputs))
            return value, mapped(lambda _: next(found), x)

        return run

    def gradient(f: Call) -> Call:
        both = value_and_gradient(f)
        return lambda x: both(x)[1]

    def pushforward(f: Call) -> Call:
        def run(x: Any, t: Any) -> Any:
            with forward_ad.dual_level():
                return forward_ad.unpack_dual(f(mapped(forward_ad.make_dual, x, t))).tangent

        return run

    def receive(value: Any) -> Any:
        return torch.tensor(value) if isinstance(value, numpy.ndarray) else (
            torch.tensor(value, dtype=torch.float64) if isinstance(value, float) else value
        )  # fmt: skip

    return Peer(
        NAMES,
        {"gradient": gradient, "value and gradient": value_and_gradient, "pushforward": pushforward},
        receive,
        plain=lambda result: mapped(lambda leaf: leaf.detach().numpy(), result),
        counted=False,
    )


#: The objective first, ours second, then the peers that we are compared with. The name is that of the distribution too.
PEERS: dict[str, Callable[[], Peer]] = {peer.__name__: peer for peer in (numpy, wengert, autograd, torch)}
OBJECTIVE, OURS = "numpy", "wengert"


def available() -> tuple[list[str], list[str]]:
    """The names of the peers that are installed, here or in an environment of their own, and of those that are not."""
    found = [name for name in PEERS if python_of(name)]
    return found, [name for name in PEERS if name not in found]
