"""The compiler, as the programs use it: the only place that can switch it off.

With `BENCHMARK_EAGER` in the environment nothing is compiled: that is the peer "eager".
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import wengert as wg


def eager(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """The function as it is."""
    return function


jit: Callable[..., Any] = eager if "BENCHMARK_EAGER" in os.environ else wg.jit
