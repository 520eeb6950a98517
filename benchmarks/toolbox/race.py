"""Every peer on every contest, in turns: `python -m benchmarks toolbox`."""

from __future__ import annotations

from benchmarks.race import Suite
from benchmarks.toolbox.peers import PEERS
from benchmarks.toolbox.problem import problems
from benchmarks.toolbox.sheet import Sheet

SUITE = Suite(
    "toolbox", "Sparse Jacobians, Hessians, Taylor series, loops, equations, batches.", PEERS, problems, Sheet
)
