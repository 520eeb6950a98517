"""Plain NumPy: the functions themselves, which every derivative is compared with."""

from __future__ import annotations

from benchmarks.gradbench.peers import wengert
from benchmarks.gradbench.problem import FUNCTIONS

PROGRAMS = {key: make for key, make in wengert.PROGRAMS.items() if key[1] == FUNCTIONS[key[0]][0]}
plain = wengert.plain
