"""Tangents of what is no function of a matrix: refused where a loss depends on them, and NaN in forward mode."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import Aval, is_complex, shape_of
from wengert.core.batching import direct
from wengert.core.errors import DegenerateError
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Constant, Linear
from wengert.core.tracer import concrete, known
from wengert.ops.condition import ensure

# What does not exist -------------------------------------------------------------------------------------------------


def _refuse(ct: Any, t: Any, undefined: Any, *, what: str, instead: str) -> Any:
    c = concrete(ct) if known(ct) else ct
    return ensure(ct, np.equal(c, 0) | ~undefined, DegenerateError, f"{what} have no derivative here", what, instead)


undefined = REGISTRY["undefined"] = Primitive(
    "undefined",
    lambda t, undefined, *, what, instead: np.where(undefined, t.dtype.type(np.nan), t),
    [Linear(_refuse), Constant()],
    aval=lambda t, undefined, *, what, instead: Aval(t.shape, t.dtype),
    complex="adjoint",
    batch=direct,
    notation=Notation("undefined", "np.where({1}, np.nan, {0})", r"{0}"),
)


def defined_unless(undefined_columns: Any, tangent: Any, what: str, instead: str) -> Any:
    """The tangent, but of some columns (or of all of them: True) it is known that they have none."""
    if known(undefined_columns) and not np.any(undefined_columns):
        return tangent
    mask = np.broadcast_to(undefined_columns, shape_of(tangent))
    return bind(undefined, (tangent, mask), {"what": what, "instead": instead})


# The phase of complex vectors -----------------------------------------------------------------------------------------


def _refuse_turn(ct: Any, t: Any, vectors: Any, *, what: str) -> Any:
    """A loss L may not change where a vector v is turned to e^{iφ}v: dL/dφ = Im vᴴ·ct, up to rounding errors."""
    v, c = (concrete(vectors), concrete(ct)) if known(ct) and known(vectors) else (vectors, ct)
    digits = float(np.sqrt(np.finfo(v.dtype).eps))
    changed = np.abs(np.imag(np.sum(np.conj(v) * c, axis=-2)))
    return ensure(
        ct, ~(changed > digits * (1 + np.sum(np.abs(v * c), axis=-2))), DegenerateError,
        f"the result depends on the phase of {what}, which is arbitrary: with v, e^(iφ)·v is one too",
        wrong="loss(v)",
        right="loss(np.abs(v)), loss(v @ np.conj(v).T)   or what else does not depend on it",
    )  # fmt: skip


phase = REGISTRY["phase"] = Primitive(
    "phase",
    lambda t, vectors, *, what: t,
    [Linear(_refuse_turn), Constant()],
    aval=lambda t, vectors, *, what: Aval(t.shape, t.dtype),
    complex="adjoint",
    batch=direct,
    notation=Notation("phase", "{0}", "{0}"),
)


def of_any_phase(tangent: Any, vectors: Any, what: str) -> Any:
    """The tangent of complex vectors that are unique up to their phases, which no loss may depend on."""
    return bind(phase, (tangent, vectors), {"what": what}) if is_complex(vectors) else tangent
