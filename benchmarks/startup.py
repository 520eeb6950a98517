"""What `import wengert` costs: fresh interpreters in turns, and which modules take the time."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import NamedTuple

_IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
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


def startup(names: list[str], runs: int) -> Startup:
    """Import each module in `runs` interpreters, in turns."""
    for name in names:  # the first one writes the bytecode
        _seconds(name)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(runs):
        for name in names:
            seconds[name].append(_seconds(name))
    return Startup(seconds, added("wengert", "numpy"))


def added(name: str, base: str) -> list[Module]:
    """The modules that importing `name` loads and importing `base` does not, with the medians of their times."""
    known = {module.name for module in modules(base)}
    profiles: dict[str, list[Module]] = {}
    for _ in range(PROFILES):
        for module in modules(name):
            if module.name not in known:
                profiles.setdefault(module.name, []).append(module)
    medians = [
        Module(key, statistics.median(m.own for m in found), statistics.median(m.total for m in found))
        for key, found in profiles.items()
    ]
    return sorted(medians, key=lambda module: -module.own)


def modules(name: str) -> list[Module]:
    """What `python -X importtime` says of an import."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {name}"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return [Module(found[4], int(found[1]) / 1e6, int(found[2]) / 1e6) for found in _LINE.finditer(report)]


def _seconds(name: str) -> float:
    command = [sys.executable, "-c", _IMPORT.format(name)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
