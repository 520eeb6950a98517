"""The libraries that are measured: how each is imported, and how it makes a derivative.

A peer is a function that imports its library and returns a `Peer`; it is called in the process that measures it, so
that no library is loaded beside another. To add one, write the function and add it to `PEERS`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Call = Callable[..., Any]


@dataclass(frozen=True)
class Peer:
    """A library: its namespace in the place of NumPy, and its derivatives.

    `modes` maps the name of a derivative to what makes it of a function f of one argument: "gradient" a function of x,
    "pushforward" a function of x and a tangent. `receive` turns a plain input (a number, an array, a setting) into what
    the library takes; `finish` turns a result into plain numbers and arrays and, where the library computes later,
    waits for it.
    """

    namespace: Any
    modes: dict[str, Callable[[Call], Call]]
    receive: Callable[[Any], Any] | None = None
    finish: Callable[[Any], Any] | None = None


def numpy() -> Peer:
    """No derivative at all: the time of the function itself, which every derivative is compared with."""
    import numpy

    return Peer(numpy, {"gradient": lambda f: f, "pushforward": lambda f: lambda x, t: f(x)})


def wengert() -> Peer:
    """Wengert, eager."""
    import numpy

    import wengert as wg

    return Peer(numpy, {"gradient": wg.grad, "pushforward": lambda f: lambda x, t: wg.jvp(f, (x,), (t,))[1]})


def autograd() -> Peer:
    """HIPS autograd."""
    import autograd
    import autograd.numpy

    return Peer(
        autograd.numpy,
        {"gradient": autograd.grad, "pushforward": lambda f: lambda x, t: autograd.make_jvp(f)(x)(t)[1]},
    )


#: The objective first, ours second, then the peers that we are compared with. The name is that of the distribution too.
PEERS: dict[str, Callable[[], Peer]] = {peer.__name__: peer for peer in (numpy, wengert, autograd)}
OBJECTIVE, OURS = "numpy", "wengert"


def available() -> tuple[list[str], list[str]]:
    """The names of the peers that are installed, and of those that are not."""
    found = [name for name in PEERS if importlib.util.find_spec(name)]
    return found, [name for name in PEERS if name not in found]
