"""The ufuncs of `scipy.special`, also where SciPy puts a function of its own in front of them.

With the environment variable SCIPY_ARRAY_API, `scipy.special.erf` is a function that looks for the namespace of its
arguments and refuses plain arrays beside traced ones. A rule wants the ufunc.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special
from scipy.special import _ufuncs

zeta = _ufuncs._zeta  # the function of two arguments


def __getattr__(name: str) -> Any:
    ufunc = getattr(_ufuncs, name, None)
    found = globals()[name] = ufunc if isinstance(ufunc, np.ufunc) else getattr(special, name)
    return found
