"""The functions of scipy.special on single numbers, by the pointers of its module for Cython."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from wengert.compile.foreign import call, exported, function
from wengert.compile.loops import Builder, Value
from wengert.compile.scalar import convert
from wengert.core.primitive import Primitive

_MODULE = "scipy.special.cython_special"
_LETTERS = {"double": "d", "long": "l", "Py_ssize_t": "l", "float": "f", "int": "i"}
WORK = 100  # operations, of a call: 20 to 200 ns
#: Their versions for floating-point orders round these, and warn.
_ROUNDING = frozenset({
    "bdtr", "bdtrc", "bdtri", "expn", "kn", "nbdtr", "nbdtrc", "nbdtri", "pdtri", "smirnov", "smirnovi", "yn",
})  # fmt: skip


def is_special(primitive: Primitive | None) -> bool:
    """Whether a primitive is a function of scipy.special that loops can call."""
    return primitive is not None and isinstance(primitive.impl, np.ufunc) and bool(_variants(primitive.impl))


@cache
def _variants(ufunc: np.ufunc) -> dict[str, str]:
    """For the types of arguments, as NumPy's letters, the name of the function in SciPy's module."""
    if ufunc.nout != 1 or getattr(np, ufunc.__name__, None) is ufunc:
        return {}
    from scipy.special import _ufuncs

    if getattr(_ufuncs, ufunc.__name__, None) is not ufunc or ufunc.__name__ in _ROUNDING:
        return {}
    found: dict[str, str] = {}
    for name, (signature, _) in exported(_MODULE).items():
        kind, _, rest = signature.partition(" (")
        types = [t.strip() for t in rest.rstrip(")").split(",")]
        plain = name.lstrip("_").removeprefix("pyx_fuse_").lstrip("_0123456789") if "_fuse_" in name else name
        if plain != ufunc.__name__ or kind != "double" or types[-1] != "int __pyx_skip_dispatch":
            continue
        if all(t in _LETTERS for t in types[:-1]) and len(types) == ufunc.nin + 1:
            found["".join(_LETTERS[t] for t in types[:-1])] = name
    return found


def types_of(primitive: Primitive, kinds: tuple[Any, ...]) -> list[str] | None:
    """The types to which the arguments are brought, as the ufunc would; None where the function has none for them."""
    try:
        dtypes = np.ufunc.resolve_dtypes(primitive.impl, (*kinds, None))  # type: ignore[arg-type]
    except TypeError:
        return None
    if dtypes[-1].char not in "fd" or _chosen(primitive, "".join(d.char for d in dtypes[:-1])) is None:
        return None
    return ["i64" if d.kind == "i" else "double" if d.char == "d" else "float" for d in dtypes[:-1]]


def _chosen(primitive: Primitive, letters: str) -> str | None:
    """In float32 it is the function for float64, rounded at the end."""
    return _variants(primitive.impl).get(letters.replace("f", "d").replace("q", "l").replace("p", "l"))


def evaluate(builder: Builder, primitive: Primitive, args: list[Value]) -> Value:
    """The function of numbers that have its types."""
    name = _chosen(primitive, "".join("l" if a.type == "i64" else "d" for a in args))
    assert name is not None
    given = [a if a.type == "i64" else convert(builder, a, "double") for a in args]
    none = builder.constant(0, "i32")  # Cython's mark that the function need not look for a subclass
    return call(builder, function(_MODULE, name, "double", WORK), *given, none)
