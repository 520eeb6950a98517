"""PyTorch's programs compiled by `torch.compile`, where that works and takes less than a minute.

Loops that PyTorch would unroll (lstm, ode) and recursion (det) are left out, and kmeans' direction, of which release
2.13 compiles something else than it computes eagerly. The compiler needs a C++ compiler on the machine; where there is
none, the report has its message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.gradbench.peers import torch as eager
from benchmarks.gradbench.peers.torch import Call, plain


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return torch.compile(function, dynamic=False)


PROGRAMS: dict[tuple[str, str], Callable[..., Call]] = {
    ("gmm", "objective"): lambda *args: eager.of(compiled(eager.gmm))(*args),
    ("gmm", "jacobian"): lambda *args: eager.gradient(compiled(eager.gmm), 4)(*args),
    ("ba", "objective"): lambda *args: eager.of(compiled(eager.ba))(*args),
    ("kmeans", "cost"): lambda *args: eager.of(compiled(eager.kmeans))(*args),
    ("lse", "primal"): lambda *args: eager.of(compiled(eager.log_sum_exp))(*args),
    ("lse", "gradient"): lambda *args: eager.gradient(compiled(eager.log_sum_exp))(*args),
    ("training", "step"): lambda *args: eager.trained(compiled(eager.training))(*args),
    ("rosenbrock", "gradient"): lambda *args: eager.latency(compiled(eager.rosenbrock))(*args),
    ("ten", "gradient"): lambda *args: eager.gradient(compiled(eager.ten))(*args),
}

__all__ = ["PROGRAMS", "plain"]
