"""np.fft, taking lists of traced values where it takes arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as _np

from wengert.numpy.sequences import accepting


def __getattr__(name: str) -> Any:
    return accepting(getattr(_np.fft, name))


def __dir__() -> Sequence[str]:
    return dir(_np.fft)
