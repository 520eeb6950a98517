"""Complex numbers: parts, conjugates, absolute values.

Re z, Im z and z̄ are linear over the real numbers only, so their rules are the adjoints themselves with respect to
⟨c, t⟩ = Re Σ c̄·t. What else is not holomorphic (|z|, arg z, sign z) is written in terms of the parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.alias import view
from wengert.core.aval import Aval, aval_of, is_complex, shape_of
from wengert.core.batching import direct
from wengert.core.dispatch import UFUNCS, implements
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Linear
from wengert.ops import arithmetic, comparison


def _part(name: str, impl: Any, adjoint: Any, latex: str) -> Primitive:
    def aval(x: Aval) -> Aval:
        return Aval(x.shape, np.empty((), x.dtype).real.dtype if name != "conj" else x.dtype)

    primitive = REGISTRY[name] = Primitive(
        name, impl, [Linear(adjoint)], aval=aval, joint=True, complex="adjoint", batch=direct,
        notation=Notation(name, f"np.{name}({{0}})", latex),
    )  # fmt: skip
    return primitive


# fmt: off
conj = _part("conj", np.conjugate, lambda ct, z: np.conjugate(ct),                  r"\overline{{{0}}}")
real = _part("real", np.real,      lambda ct, z: np.astype(ct, aval_of(z).dtype),   r"\operatorname{{Re}} {0:9}")
imag = _part("imag", np.imag,      lambda ct, z: 1j * ct,                           r"\operatorname{{Im}} {0:9}")
# fmt: on


def conjugate_of(x: Any) -> Any:
    """np.conjugate."""
    return bind(conj if is_complex(x) else arithmetic.conjugate, (x,), {})


def absolute_of(x: Any) -> Any:
    """np.absolute; of a complex number √(x² + y²), with derivative 0 at 0."""
    return np.hypot(np.real(x), np.imag(x)) if is_complex(x) else bind(arithmetic.absolute, (x,), {})


def sign_of(x: Any) -> Any:
    """np.sign; of a complex number z/|z|, and 0 at 0."""
    if not is_complex(x):
        return bind(comparison.sign, (x,), {})
    size = absolute_of(x)
    return np.where(np.equal(size, 0), 0.0, x / np.where(np.equal(size, 0), 1.0, size))


UFUNCS[np.conjugate], UFUNCS[np.absolute], UFUNCS[np.sign] = conjugate_of, absolute_of, sign_of


@implements(np.real)
def real_of(val: Any) -> Any:
    """np.real."""
    if not is_complex(val):
        return val
    return view(bind(real, (val,), {}), val, real_of, lambda base, new: new + 1j * imag_of(base))


@implements(np.imag)
def imag_of(val: Any) -> Any:
    """np.imag."""
    if not is_complex(val):
        return np.broadcast_to(np.zeros((), aval_of(val).dtype), shape_of(val))[()]  # as NumPy's, not to be written
    return view(bind(imag, (val,), {}), val, imag_of, lambda base, new: real_of(base) + 1j * new)


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """np.angle."""
    result = np.arctan2(np.imag(z), np.real(z)) if is_complex(z) else np.where(np.less(z, 0), np.pi, 0.0)
    return np.rad2deg(result) if deg else result
