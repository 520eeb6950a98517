"""What `import wengert` costs: fresh interpreters in turns, and which modules take the time."""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.environment import python_of, variables

_IMPORT = "from time import {0} as clock; start = clock(); import {1}; print(clock() - start)"
_CLOCKS = {"wall": "perf_counter", "cpu": "process_time"}
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|( *)(\S+)")
PROFILES = 5


class Module(NamedTuple):
    """An imported module, in seconds: its own code, and with what it imported first."""

    name: str
    own: float
    total: float


@dataclass
class Startup:
    """The seconds of each import in each run, and the modules that ours adds to NumPy's, the slowest first."""

    seconds: dict[str, list[float]]
    modules: list[Module]

    def excess(self, name: str, base: str = "numpy") -> float:
        """By how much the median of one import exceeds that of the other."""
        return statistics.median(self.seconds[name]) - statistics.median(self.seconds[base])


def startup(names: list[str], runs: int, clock: str = "wall") -> Startup:
    """Import each module in `runs` interpreters, in turns, from compiled files as pip leaves them."""
    with tempfile.TemporaryDirectory() as cache:
        python = Interpreter(cache, _CLOCKS[clock])
        for name in names:  # the first import compiles
            python.seconds(name)
        seconds: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(runs):
            for name in names:
                seconds[name].append(python.seconds(name))
        return Startup(seconds, added(python, "wengert", "numpy"))


class Interpreter:
    """Fresh processes of each module's Python that share a folder of compiled files."""

    def __init__(self, cache: str, clock: str = _CLOCKS["wall"]) -> None:
        self.clock = clock
        self.environment = {k: v for k, v in variables().items() if k != "PYTHONDONTWRITEBYTECODE"}
        self.environment["PYTHONPYCACHEPREFIX"] = cache

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [python_of(name), *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)

    def seconds(self, name: str) -> float:
        """How long an import takes."""
        return float(self.run(name, "-c", _IMPORT.format(self.clock, name)).stdout)

    def modules(self, name: str) -> list[Module]:
        """What `python -X importtime` says of an import."""
        report = self.run(name, "-X", "importtime", "-c", f"import {name}").stderr
        return [Module(found[4], int(found[1]) / 1e6, int(found[2]) / 1e6) for found in _LINE.finditer(report)]


def added(python: Interpreter, name: str, base: str) -> list[Module]:
    """The modules that importing `name` loads and importing `base` does not, with the medians of their times."""
    known = {module.name for module in python.modules(base)}
    profiles: dict[str, list[Module]] = {}
    for _ in range(PROFILES):
        for module in python.modules(name):
            if module.name not in known:
                profiles.setdefault(module.name, []).append(module)
    medians = [
        Module(key, statistics.median(m.own for m in found), statistics.median(m.total for m in found))
        for key, found in profiles.items()
    ]
    return sorted(medians, key=lambda module: -module.own)
