"""Where each peer lives: in the environment that runs the benchmarks, or in one of its own, `.venv-<name>`.

`python tasks.py peers torch` makes the second kind from the extra `peer-torch` of pyproject.toml, so that peers whose
requirements disagree, or that are large, need not share an environment.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def python_of(name: str) -> str | None:
    """The interpreter that can import this distribution, or None."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.origin is not None:  # a mere folder of that name has no origin
        return sys.executable
    own = ROOT / f".venv-{name}" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return str(own) if own.is_file() else None


def version(name: str, beside: str | None = None) -> str:
    """The version of a distribution in the environment that has it, or that has another one."""
    question = f"from importlib import metadata; print(metadata.version({name!r}))"
    finished = subprocess.run(
        [python_of(beside or name) or sys.executable, "-c", question], capture_output=True, text=True
    )
    return finished.stdout.strip() if finished.returncode == 0 else "from the source tree"


def variables() -> dict[str, str]:
    """The environment variables with which any of these interpreters finds this folder's modules, and ours."""
    import wengert

    folders = [str(ROOT), str(Path(wengert.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders))}
