"""A function of numbers, element by element over arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.errors import MissingRuleError
from wengert.core.tracer import Tracer
from wengert.numpy.sequences import stacked
from wengert.ops.inplace import gathered


class vectorize:
    """np.vectorize: f element by element, over arguments that are broadcast; slow, for code that exists."""

    def __init__(self, pyfunc: Callable[..., Any], otypes: Any = None, excluded: Any = None, **options: Any) -> None:
        if options.get("signature") or excluded:
            raise MissingRuleError(
                "wengert.numpy.vectorize takes neither signature= nor excluded=",
                wrong='np.vectorize(f, signature="(n)->()")(x)',
                right="np.stack([f(row) for row in x])",
            )
        self.pyfunc, self.plain = pyfunc, np.vectorize(pyfunc, otypes, **options)

    def __call__(self, *args: Any) -> Any:
        args = tuple(map(stacked, args))
        if not any(isinstance(a, Tracer) for a in args):
            return self.plain(*args)
        arrays = np.broadcast_arrays(*args)
        shape = arrays[0].shape
        rows = zip(*(np.reshape(a, -1) for a in arrays), strict=True)
        return np.reshape(gathered([self.pyfunc(*row) for row in rows]), shape)
