"""Every peer on every problem, in turns: `python -m benchmarks gradbench`."""

from __future__ import annotations

from benchmarks.gradbench.peers import PEERS
from benchmarks.gradbench.problem import problems
from benchmarks.gradbench.sheet import Sheet
from benchmarks.race import Suite

SUITE = Suite("gradbench", "GradBench's evaluations, training steps and overheads.", PEERS, problems, Sheet)
