"""The same programs in each library.

A module here imports its library and is imported in a process of its own. `PROGRAMS[evaluation, function]` takes the
arguments that NumPy prepared and returns a function of no arguments, which is timed and returns when all is computed;
`plain` turns its result into arrays of NumPy's. What is not in the table, the library is not asked to do: it has no
such thing, or it takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.race import Entry

Make = Callable[..., Callable[[], Any]]


#: Plain NumPy, which has the functions only; ours; ours without the compiler; then those that we are compared with.
PEERS = {
    "numpy": Entry("plain_numpy", "wengert", "NumPy"),
    "wengert": Entry("wengert", "wengert", "Wengert"),
    "eager": Entry("wengert", "wengert", "Wengert, eager"),
    "jax": Entry("jax", "jax", "JAX"),
    "jax.suite": Entry("jax_suite", "jax", "JAX, suite's forms"),
    "torch": Entry("torch", "torch", "PyTorch"),
    "torch.compile": Entry("torch_compile", "torch", "torch.compile"),
    "casadi": Entry("casadi", "casadi", "CasADi"),
    "numba": Entry("numba", "numba", "Numba, by hand"),
    "autograd": Entry("autograd", "autograd", "autograd"),
}


def limited(make: Make, within: Callable[..., bool]) -> Make:
    """What makes a call, but only of arguments with which the library is done in less than a minute."""

    def checked(*args: Any) -> Callable[[], Any]:
        if not within(*args):
            raise NotImplementedError("takes minutes")
        return make(*args)

    return checked
