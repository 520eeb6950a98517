"""The calls that are asked for: those of our tests' tables, with what the tables leave to generated tests."""

from __future__ import annotations

import ast
import re
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
TABLES = ("tests/ops/test_functions.py", "tests/ops/test_more_functions.py")

_V, _W = np.array([0.83, -1.21, 0.36, 2.17]), np.array([-0.52, 1.44, 0.71, -1.93])
_X = np.random.default_rng(7).permutation(12).reshape(3, 4) / 5 - 1.13
#: The arguments, all differentiated, away from every kink. x is a matrix, v and w are vectors, t has three axes, s is a
#: regular square matrix; p is positive, u between −1 and 1, g greater than 1, c the coefficients of a polynomial.
GIVEN: dict[str, Any] = {
    "x": _X,
    "v": _V,
    "w": _W,
    "t": np.random.default_rng(8).permutation(24).reshape(2, 3, 4) / 7 - 1.6,
    "s": _X[:, :3] + 3 * np.eye(3),
    "a": np.float64(1.3),
    "f": 0.7,
    "p": np.array([0.4, 1.3, 2.2, 0.9]),
    "u": np.array([-0.6, 0.3, 0.8, -0.2]),
    "g": np.array([1.4, 2.2, 3.1, 1.7]),
    "c": np.poly([0.83, -1.21, 0.36]),
}
#: Constants.
KNOWN: dict[str, Any] = {
    "mask": np.array([True, False, True, True]),
    "plain": np.arange(4.0),
    "holes": np.array([0.0, np.inf, -np.inf, np.nan]),
    "gap": np.array([0, np.nan, 0, 0]),
    "gaps": np.where(np.arange(12).reshape(3, 4) % 5 == 1, np.nan, 0.0),
}

#: The plainest call, where the tables have none, or begin with a special one.
PLAINEST = {
    "np.angle": "np.angle(v) + v",
    "np.astype": "np.astype(v, float)",
    "np.average": "np.average(x)",
    "np.choose": "np.choose(np.array([0, 1, 1, 0]), [v, w])",
    "np.concat": "np.concat([x, t[0]])",
    "np.copyto": "y = v * 1.0; np.copyto(y, w, where=mask); y",
    "np.cumulative_prod": "np.cumulative_prod(v)",
    "np.diagonal": "np.diagonal(s)",
    "np.divmod": "np.divmod(v, 0.7)[1]",
    "np.fill_diagonal": "y = s * 1.0; np.fill_diagonal(y, a); y",
    "np.fix": "np.fix(x)",
    "np.float_power": "np.float_power(p, w)",
    "np.linalg.diagonal": "np.linalg.diagonal(s)",
    "np.linalg.eig": "np.linalg.eig(s @ s.T)[0]",
    "np.linalg.eigh": "np.linalg.eigh(s + s.T)[0]",
    "np.linalg.qr": "np.linalg.qr(s)[1]",
    "np.linalg.svd": "np.linalg.svd(x, False)[1]",
    "np.linalg.vector_norm": "np.linalg.vector_norm(x)",
    "np.linalg.trace": "np.linalg.trace(s)",
    "np.matmul": "np.matmul(x, v)",
    "np.nan_to_num": "np.nan_to_num(v)",
    "np.permute_dims": "np.permute_dims(t, (1, 0, 2))",
    "np.place": "y = v * 1.0; np.place(y, mask, w[:3]); y",
    "np.put": "y = v * 1.0; np.put(y, np.array([0, 2]), w[:2]); y",
    "np.put_along_axis": "y = x * 1.0; np.put_along_axis(y, np.array([[0], [2], [1]]), 3.0 * x[:, :1], axis=1); y",
    "np.putmask": "y = v * 1.0; np.putmask(y, mask, w); y",
    "np.roots": "np.roots(c)",
    "np.select": "np.select([v > 1, v > 0], [v * w, -v])",
    "np.sort": "np.sort(v)",
    "np.sort_complex": "np.sort_complex(v)",
    "np.take": "np.take(v, np.array([0, 0, 3]))",
    **{f"np.fft.{name}": f"np.fft.{name}(v)" for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftshift")},
    **{f"np.fft.{name}": f"np.fft.{name}(x)" for name in ("fft2", "ifft2", "rfft2", "irfft2", "ifftshift")},
    **{f"np.fft.{name}": f"np.fft.{name}(t)" for name in ("fftn", "ifftn", "rfftn", "irfftn")},
}
#: Answered with values that have no derivative, though the page of names counts them among those that have.
WITHOUT = {
    "np.array2string",
    "np.packbits",
    "np.save",
    "np.savetxt",
    "np.savez",
    "np.savez_compressed",
    "np.unpackbits",
}


@dataclass(frozen=True)
class Question:
    """A call of a function: a few statements, of which the last is the value. `plainest`: the one that counts first."""

    name: str
    text: str
    plainest: bool

    @property
    def arguments(self) -> list[str]:
        """The names of the arguments that it uses."""
        used = {node.id for node in ast.walk(ast.parse(self.text)) if isinstance(node, ast.Name)}
        return [name for name in GIVEN if name in used]


def names() -> list[str]:
    """NumPy's functions that have a derivative, by our own page of all its public names."""
    rows = runpy.run_path(str(ROOT / "docs" / "make_coverage.py"))["rows"]()
    return [
        name for name, status, _ in rows
        if status == "derivative" and not name.startswith(("ndarray.", "scipy.")) and name not in WITHOUT
    ]  # fmt: skip


def questions() -> list[Question]:
    """All calls, those of one name together, the plainest first."""
    rows: dict[str, list[str]] = {}
    for row in table():
        if (called := re.match(r"(np\.[\w.]+)\(", row)) and "float32" not in row:
            rows.setdefault(called[1], []).append(row)
    asked = []
    for name in names():
        known = rows.get(name, [])
        plainest = PLAINEST.get(name) or (known[0] if known else generated(name))
        others = [row for row in known if row != plainest]
        asked += [Question(name, row, row is plainest) for row in [plainest, *others]]
    return asked


def table() -> list[str]:
    """The rows of our tests' tables."""
    texts = [(ROOT / file).read_text("utf-8") for file in TABLES]
    blocks = [block for text in texts for block in re.findall(r'^EXPRESSIONS = """\n(.*?)"""', text, re.S | re.M)]
    return [row for block in blocks for row in re.findall(r"\S.*?(?=\s{2,}|\n)", block)]


def generated(name: str) -> str:
    """The call of a ufunc at arguments that lie in its domain."""
    ufunc = getattr(np, name.removeprefix("np."))
    for arguments in ("v", "u", "p", "g") if ufunc.nin == 1 else ("v, w", "p, w"):
        with np.errstate(all="ignore"):
            if np.isfinite(ufunc(*(GIVEN[argument] for argument in arguments.split(", ")))).all():
                return f"{name}({arguments})"
    raise LookupError(f"no argument is in the domain of {name}: give its call in PLAINEST")
