"""Write docs/numpy-coverage.md: every public name of NumPy's namespaces and of scipy.special, and what becomes of it.

Run `python docs/make_coverage.py`; a test fails where the page is not what this program writes, or where NumPy or SciPy
has a name that it does not know.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import scipy.special

import wengert as wg
import wengert.ops.scipy_special
from wengert.core.dispatch import FUNCTIONS, UFUNCS
from wengert.core.primitive import Primitive
from wengert.core.rule import Constant
from wengert.core.tracer import Tracer
from wengert.scipy import special

PAGE = Path(__file__).parent / "numpy-coverage.md"
NAMESPACES: dict[str, ModuleType] = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft}

#: Functions that answer traced arrays with values which have no derivative: indices, truth, shapes, counts.
CONSTANT = {
    "all",
    "any",
    "allclose",
    "array_equal",
    "array_equiv",
    "argmax",
    "argmin",
    "nanargmax",
    "nanargmin",
    "argpartition",
    "argsort",
    "argwhere",
    "array_repr",
    "array_str",
    "around",
    "bincount",
    "count_nonzero",
    "digitize",
    "einsum_path",
    "flatnonzero",
    "frexp",
    "histogram_bin_edges",
    "iscomplex",
    "iscomplexobj",
    "isclose",
    "isin",
    "isreal",
    "isrealobj",
    "lexsort",
    "may_share_memory",
    "ndim",
    "nonzero",
    "result_type",
    "searchsorted",
    "shape",
    "shares_memory",
    "size",
    "unravel_index",
    "matrix_rank",
    "isneginf",
    "isposinf",
    "common_type",
    "can_cast",
    "min_scalar_type",
}
#: Functions that make arrays from shapes and numbers, or read them; they answer only with `like=`.
CONSTRUCTORS = {
    "arange",
    "array",
    "asarray",
    "asanyarray",
    "ascontiguousarray",
    "asarray_chkfinite",
    "asfortranarray",
    "asmatrix",
    "bartlett",
    "blackman",
    "bmat",
    "diag_indices",
    "diag_indices_from",
    "empty",
    "empty_like",
    "eye",
    "fftfreq",
    "frombuffer",
    "fromfile",
    "fromfunction",
    "fromiter",
    "fromregex",
    "fromstring",
    "from_dlpack",
    "full",
    "full_like",
    "genfromtxt",
    "hamming",
    "hanning",
    "identity",
    "indices",
    "ix_",
    "kaiser",
    "linspace",
    "load",
    "loadtxt",
    "logspace",
    "geomspace",
    "mask_indices",
    "memmap",
    "ones",
    "ones_like",
    "rfftfreq",
    "tri",
    "tril_indices",
    "tril_indices_from",
    "triu_indices",
    "triu_indices_from",
    "zeros",
    "zeros_like",
    "ravel_multi_index",
    "require",
}
#: Attributes of an array's memory, which a traced value has not.
MEMORY = {
    "base",
    "byteswap",
    "ctypes",
    "data",
    "device",
    "dump",
    "dumps",
    "flags",
    "getfield",
    "setfield",
    "setflags",
    "strides",
    "to_device",
    "tobytes",
    "tofile",
    "view",
}
#: Refused on purpose.
REFUSED = {
    "vectorize": "converts to plain numbers; `wengert.numpy.vectorize` follows them",
    "frompyfunc": "makes functions of Python objects; write the function with NumPy's",
    "apply_along_axis": "copies into plain arrays; write the function for arrays, or stack its results",
    "copyto": "writes into a traced array; a plain one refuses",
    "resize": "as a method it changes memory in place",
    "save": "needs plain numbers: return the values from the function",
    "savetxt": "needs plain numbers: return the values from the function",
    "savez": "needs plain numbers: return the values from the function",
    "savez_compressed": "needs plain numbers: return the values from the function",
    "array2string": "needs plain numbers; print the traced array itself",
}


def status(name: str, thing: Any) -> tuple[str, str]:
    """(status, remark) of one public name."""
    if isinstance(thing, ModuleType):
        return "not a function", "a module"
    if inspect.isclass(thing):
        return ("refused", REFUSED[name]) if name in REFUSED else ("not a function", "a class")
    if not callable(thing):
        return "not a function", "a constant"
    if isinstance(thing, np.ufunc):
        return _of_ufunc(thing)
    if thing in FUNCTIONS:
        if name in CONSTANT:
            return "constant", ""
        return ("constructor", "with `like=`") if name in CONSTRUCTORS else ("derivative", "")
    if name in CONSTRUCTORS:
        return "constructor", ""
    if name in CONSTANT:
        return "constant", "of plain arrays; raises on traced ones"
    if name in REFUSED:
        return "refused", REFUSED[name]
    if not _takes_arrays(thing):
        return "not a function", "of arrays"
    return "missing", "raises, naming the line, and shows how to give it a rule"


def _of_ufunc(ufunc: np.ufunc) -> tuple[str, str]:
    answer = UFUNCS.get(ufunc)
    if answer is None:
        integers = all(not set("fdgFDG") & set(kind.split("->")[0]) for kind in ufunc.types)
        return ("constant", "of integers") if integers else ("missing", "raises, naming the line")
    rules = answer.rules if isinstance(answer, Primitive) and not callable(answer.rules) else ()
    return ("constant", "") if rules and all(isinstance(r, Constant) for r in rules) else ("derivative", "")


def _takes_arrays(function: Any) -> bool:
    """Whether NumPy would hand a call with a traced array to Wengert, by its protocol."""
    try:
        return "_array_function_like_doc" in dir(function) or hasattr(function, "_implementation")
    except AttributeError:
        return False


#: Functions of scipy.special that hand their arguments to ufuncs as they are.
PASSED_ON = {"lambertw", "zeta", "spherical_in", "spherical_jn", "spherical_kn", "spherical_yn"}


def special_status(name: str, thing: Any) -> tuple[str, str]:
    """(status, remark) of one name of scipy.special."""
    if isinstance(thing, np.ufunc):
        kind, _ = _of_ufunc(thing)
        answer = UFUNCS.get(thing)
        open_ = [i for i, rule in enumerate(answer.rules) if rule is None] if isinstance(answer, Primitive) else []
        places = ", ".join(map(str, open_))
        if kind == "missing":
            return kind, "raises, naming the line, and shows how to give it a rule"
        return kind, f"not in argument {places}, which raises" if open_ else ""
    if not inspect.isfunction(thing):
        return "not a function", "a class"
    if name in PASSED_ON:
        return "derivative", ""
    if name in vars(special):
        return "derivative", f"as `wengert.scipy.special.{name}`"
    return "missing", "raises, naming the line"


def special_rows() -> list[tuple[str, str, str]]:
    """(qualified name, status, remark) of every public name of scipy.special."""
    names = sorted({*scipy.special.__all__, *(n for n in dir(scipy.special) if _is_public_ufunc(n))})
    return [(f"scipy.special.{n}", *special_status(n, getattr(scipy.special, n))) for n in names]


def _is_public_ufunc(name: str) -> bool:
    return not name.startswith("_") and isinstance(getattr(scipy.special, name), np.ufunc)


def rows() -> list[tuple[str, str, str]]:
    """(qualified name, status, remark) of every public name."""
    found = []
    for prefix, module in NAMESPACES.items():
        for name in sorted(n for n in module.__all__ if hasattr(module, n)):
            found.append((f"{prefix}.{name}", *status(name, getattr(module, name))))
    for name in sorted(n for n in dir(np.ndarray) if not n.startswith("_")):
        if hasattr(Tracer, name):
            found.append((f"ndarray.{name}", "derivative", ""))
        elif name in MEMORY:
            found.append((f"ndarray.{name}", "refused", "of memory, not of numbers"))
        else:
            found.append((f"ndarray.{name}", "missing", "raises AttributeError"))
    return found + special_rows()


def page() -> str:
    """The page's text."""
    both = rows()
    scipys = [row for row in both if row[0].startswith("scipy.")]
    table = both[: -len(scipys)]
    counts: dict[str, list[int]] = {}
    for name, kind, _ in both:
        counts.setdefault(kind, [0, 0])[name.startswith("scipy.")] += 1
    lines = [
        "# NumPy, name by name",
        "",
        "Written by `python docs/make_coverage.py`. *derivative*: traced arrays have it, in every mode; *constant*: "
        "its value has no derivative (an index, a truth value); *constructor*: makes arrays, traceable ones with "
        "`like=` or by `wengert.numpy`; *refused*: on purpose; *missing*: raises an error that names the line.",
        "",
        "| status | names of NumPy | of scipy.special |",
        "| --- | --- | --- |",
        *(f"| {kind} | {counts[kind][0]} | {counts[kind][1]} |" for kind in sorted(counts)),
        "",
        "| name | status | remark |",
        "| --- | --- | --- |",
        *(f"| `{name}` | {kind} | {remark} |" for name, kind, remark in table),
        "",
        "# scipy.special, name by name",
        "",
        "Its ufuncs dispatch by themselves; of its other functions `wengert.scipy.special` has versions that do. "
        "Arguments are counted from 0.",
        "",
        "| name | status | remark |",
        "| --- | --- | --- |",
        *(f"| `{name}` | {kind} | {remark} |" for name, kind, remark in scipys),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name}: {len(rows())} names, wengert {wg.__version__}")
