"""The layers of the source, held: imports point down only, files stay short, and their names say something."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path, PurePosixPath

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "wengert"

# Top to bottom: a package or module, and what it may import of Wengert besides itself. `__init__` is `import wengert`.
ENGINE = "graph.simplify graph ops core"
LIBRARY = f"testing nn optim explain drawing implicit sparse compile transform {ENGINE}"
LAYERS = {
    "__main__": "cli",
    "cli": f"runs __init__ {LIBRARY}",
    "runs": f"nn optim explain compile transform {ENGINE}",
    "__init__": LIBRARY,
    "scipy": "numpy ops core",
    "numpy": "ops core",
    "testing": f"explain compile transform {ENGINE}",
    "nn": f"optim nn.fields nn.structure explain drawing compile transform {ENGINE}",
    "optim": f"nn.fields compile transform {ENGINE}",
    "nn.fields": "nn.structure transform core",
    "nn.structure": "",
    "explain": f"drawing transform {ENGINE}",
    "drawing": "",
    "sparse": "transform graph core",
    "implicit": "compile transform graph core",
    "compile": ENGINE,
    "transform": "graph.simplify graph core",
    "graph.simplify": "graph core",
    "graph": "core",
    "ops": "core",
    "core": "",
}
# What the two bottom layers may import besides Python's own library; mpmath is what a rule is held against.
FOREIGN = {"ops": {"numpy", "scipy", "mpmath"}, "core": {"numpy", "optree"}}

LONGEST_FILE = 400
HEADS = 45  # columns of the picture of the layers that hold names; what stands behind them says what they are
VAGUE_NAMES = {"base", "common", "handler", "handlers", "helper", "helpers"}
VAGUE_NAMES |= {"manager", "managers", "misc", "util", "utils"}


def row_of(name: str) -> str | None:
    """Return the row of LAYERS in which a module such as "graph.node" stands, or that of a name in a module."""
    parts = name.split(".")
    prefixes = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((prefix for prefix in prefixes if prefix in LAYERS), None)


def imported_names(source: str, path: PurePosixPath) -> list[tuple[int, str]]:
    """Return line and full dotted name of everything that a source imports, wherever in it the import stands."""
    package = ["wengert", *path.parent.parts]
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*start, *([node.module] if node.module else [])])
            names += [(node.lineno, f"{origin}.{alias.name}") for alias in node.names]
    return names


def import_faults(source: str, path: PurePosixPath) -> list[str]:
    """Return a sentence for each import that LAYERS or FOREIGN does not allow to the module at `path`."""
    own = row_of(".".join(path.with_suffix("").parts))
    if own is None:
        return [f"{path} stands in no row of LAYERS"]
    is_face = path.name == "__init__.py"
    faults = []
    for line, name in imported_names(source, path):
        top, _, rest = name.partition(".")
        if top == "wengert":
            # A name that is no module, as in `from wengert import grad`, is had from `import wengert` itself.
            row = row_of(rest) or "__init__"
            below_face = is_face and row.startswith(f"{own}.")
            if row != own and row not in LAYERS[own].split() and not below_face:
                faults.append(f"{path}:{line}: {own} may not import {row} ({name})")
        elif own in FOREIGN and top not in FOREIGN[own] | sys.stdlib_module_names:
            faults.append(f"{path}:{line}: {own} may not import {top}")
    return faults


def layout_faults(source: str, path: PurePosixPath) -> list[str]:
    """Return a sentence for each way in which a file is too long, too deep, or named after nothing."""
    faults = []
    lines = len(source.splitlines())
    if lines > LONGEST_FILE:
        faults.append(f"{path} has {lines} lines, more than {LONGEST_FILE}: which noun in it wants its own file?")
    if len(path.parts) > 2:
        faults.append(f"{path} lies deeper than package/file.py")
    vague = [part for part in path.with_suffix("").parts if part.strip("_") in VAGUE_NAMES]
    return faults + [f"{path}: the name {part!r} does not say what is in it" for part in vague]


def modules() -> list[tuple[str, PurePosixPath]]:
    """Return source and path, relative to src/wengert, of every module."""
    files = sorted(SOURCE.rglob("*.py"))
    return [(file.read_text("utf-8"), PurePosixPath(file.relative_to(SOURCE).as_posix())) for file in files]


def test_imports_point_down():
    assert modules(), f"no module was found under {SOURCE}"
    assert [fault for source, path in modules() for fault in import_faults(source, path)] == []


def test_files_are_short_shallow_and_named():
    assert [fault for source, path in modules() for fault in layout_faults(source, path)] == []


def test_each_row_imports_only_rows_below_it():
    order = list(LAYERS)
    for position, (row, allowed) in enumerate(LAYERS.items()):
        assert set(allowed.split()) <= set(order[position + 1 :]), row


def test_the_calculus_and_its_readers_do_not_know_each_other():
    assert "ops" not in LAYERS["transform"].split()
    assert "transform" not in LAYERS["ops"].split()


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/primitive.py", "from wengert.graph.node import Node"),
        ("core/primitive.py", "from ..graph import node"),
        ("core/primitive.py", "from .. import graph"),
        ("core/primitive.py", "import wengert as wg"),
        ("core/primitive.py", "from wengert import grad"),
        ("core/primitive.py", "import rich"),
        ("ops/shape.py", "from wengert.transform.forward import jvp"),
        ("ops/shape.py", "from wengert.graph import Graph"),
        ("ops/shape.py", "import rich"),
        ("transform/forward.py", "from wengert.ops.arithmetic import add"),
        ("transform/forward.py", "import wengert.explain.text"),
        ("transform/forward.py", "def f():\n    from ..ops import add"),
        ("transform/forward.py", "if TYPE_CHECKING:\n    from wengert.ops import add"),
        ("graph/node.py", "from wengert.ops import add"),
        ("graph/node.py", "from .simplify import simplify"),
        ("graph/__init__.py", "from wengert.transform.reverse import vjp"),
        ("explain/text.py", "from wengert.cli import main"),
        ("explain/text.py", "from wengert.compile.kernel import jit"),
        ("unheard_of/noun.py", ""),
    ],
)
def test_a_forbidden_import_is_found(path, source):
    assert import_faults(source, PurePosixPath(path))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/primitive.py", "import functools\nimport numpy as np\nfrom .rule import Partial\nfrom . import aval"),
        ("ops/shape.py", "import scipy.special\nfrom wengert.core.primitive import bind\nfrom .arithmetic import add"),
        ("transform/forward.py", "import rich\nfrom wengert.graph.node import Node"),
        ("graph/__init__.py", "from wengert.graph.simplify import simplify\nfrom .node import Node"),
        ("graph/simplify.py", "from wengert.graph.node import Node"),
        ("explain/steps.py", "from wengert.transform.reverse import vjp"),
        ("__init__.py", "from wengert.explain.table import explain\nfrom .transform.reverse import grad"),
        ("cli.py", "import wengert as wg\nfrom wengert import explain, grad"),
        ("__main__.py", "from wengert.cli import main"),
    ],
)
def test_an_import_that_points_down_is_allowed(path, source):
    assert import_faults(source, PurePosixPath(path)) == []


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("core/primitive.py", LONGEST_FILE + 1),
        ("core/rules/partial.py", 1),
        ("core/utils.py", 1),
        ("core/_base.py", 1),
        ("helpers/shape.py", 1),
    ],
)
def test_a_fault_of_layout_is_found(path, lines):
    assert layout_faults("\n" * lines, PurePosixPath(path))


# The picture of docs/architecture.md ----------------------------------------------------------------------------------

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "architecture.md").read_text("utf-8")


def picture_faults(page: str) -> list[str]:
    """Return a sentence for each package that the picture leaves out, and each import that points up in it."""
    lines = page.split("```")[1].splitlines()
    drawn = {name: n for n, line in enumerate(lines) for name in re.findall(r"[\w.]+", line[:HEADS])}
    there = [row for row in LAYERS if not row.startswith("__") and row_files(row)]
    faults = [f"{row} is not in the picture" for row in there if row not in drawn]
    for row in set(there) & set(drawn):
        for below in set(LAYERS[row].split()) & set(there) & set(drawn):
            beside = f"{row} ── {below}" in lines[drawn[row]]
            if drawn[row] >= drawn[below] and not beside:
                faults.append(f"{row} imports {below}, which is not below it")
    return faults


def row_files(row: str) -> list[Path]:
    """Return the modules of a row of LAYERS."""
    place = SOURCE.joinpath(*row.split("."))
    return [*place.glob("*.py"), *([place.with_suffix(".py")] if place.with_suffix(".py").exists() else [])]


def test_the_picture_of_the_layers_is_that_of_the_imports():
    assert picture_faults(PAGE) == []


@pytest.mark.parametrize(
    ("drawn", "instead"),
    [
        ("   core  ", "   heart "),
        ("explain ── drawing", "drawing ── explain"),
        ("   cli", "   ops"),
        ("── numpy", "   numpy"),
    ],
)
def test_a_fault_of_the_picture_is_found(drawn, instead):
    assert drawn in PAGE
    assert picture_faults(PAGE.replace(drawn, instead, 1))


@pytest.mark.parametrize("package", ["compile", "core", "graph", "numpy", "scipy", "transform"])
def test_the_pages_name_every_file(package):
    pages = PAGE + (DOCS / "compiler.md").read_text("utf-8")
    files = sorted(path.name for path in (SOURCE / package).glob("*.py") if path.name != "__init__.py")
    assert [name for name in files if f"{name}`" not in pages and f"{name}:" not in pages] == []


def test_a_file_of_the_greatest_length_is_allowed():
    assert layout_faults("\n" * LONGEST_FILE, PurePosixPath("core/primitive.py")) == []
