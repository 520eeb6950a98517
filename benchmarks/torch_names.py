"""PyTorch under NumPy's names, so that it runs the same cases: its own functions, or its nearest idiom.

Only what the cases use. PyTorch itself takes `axis` and `keepdims`, so most names are its functions as they are.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch


def maximum_of(x: Any, axis: Any = (), keepdims: bool = False) -> Any:
    """np.max: `amax`, whose derivative treats ties as NumPy's users expect."""
    return torch.amax(x, axis, keepdims)


def eye(n: int) -> Any:
    return torch.eye(n, dtype=torch.float64)


NAMES = SimpleNamespace(
    concatenate=torch.concatenate,
    cos=torch.cos,
    dot=torch.matmul,
    einsum=torch.einsum,
    exp=torch.exp,
    eye=eye,
    linalg=torch.linalg,
    log=torch.log,
    matmul=torch.matmul,
    max=maximum_of,
    mean=torch.mean,
    reshape=torch.reshape,
    sin=torch.sin,
    sqrt=torch.sqrt,
    stack=torch.stack,
    sum=torch.sum,
    tanh=torch.tanh,
    where=torch.where,
)
