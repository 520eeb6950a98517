"""Every peer on every network, in turns: `python -m benchmarks training`.

Unlike in the other races each network has processes of its own, with empty caches: what the first step costs is what it
costs somebody who begins.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.contest import PeerError
from benchmarks.environment import python_of, version
from benchmarks.machine import machine, set_threads
from benchmarks.race import BATCH, Outcome, Suite, Worker, measured, options
from benchmarks.training.peers import PEERS
from benchmarks.training.problem import Problem, problems
from benchmarks.training.sheet import Sheet

SUITE = Suite("training", "The time of a step of training, and of the first one.", PEERS, problems, Sheet)
#: Seconds for the runs of a network, all peers together; micrograd takes one for a step.
PATIENCE = 40.0


def apart(problem: Problem, names: Sequence[str], runs: int, clock: str) -> Outcome:
    """One network, by processes that have imported their libraries and done nothing else."""
    with tempfile.TemporaryDirectory() as cache:
        workers = [Worker(SUITE, name, os.path.join(cache, name), clock) for name in names]
        try:
            for worker in workers:
                with contextlib.suppress(PeerError):  # whose import fails, fails again when it is asked for a step
                    worker.ask("clock")  # answered when all is imported, which would disturb the others' first steps
            return measured(problem, workers, runs, BATCH, PATIENCE)
        finally:
            for worker in workers:
                worker.close()


def run(arguments: list[str]) -> int:
    """Measure, print, and write RESULTS.md and results.json if the run was a whole one; Ctrl-C ends it early."""
    chosen = options(SUITE, arguments)
    set_threads(chosen.threads)

    from rich.progress import track

    every = problems("full")
    asked = [problem for problem in every if fnmatch.fnmatchcase(problem.name, f"*{chosen.only.lower()}*")]
    if not asked:
        sys.exit(f"no problem is called {chosen.only!r}; there are: {', '.join(p.name for p in every)}")
    names = [name for name in PEERS if name in chosen.peers.split(",")]
    found = [name for name in names if python_of(PEERS[name].distribution)]
    where = machine(["numpy", *dict.fromkeys(PEERS[name].distribution for name in found)])
    if "jax" in found:
        where["optax"] = version("optax", beside="jax")
    settings = {"runs": chosen.runs, "threads": chosen.threads, "clock": chosen.clock}
    sheet = Sheet(where, settings, found, [name for name in names if name not in found])
    with contextlib.suppress(KeyboardInterrupt):
        for problem in track(asked, "", transient=True):
            sheet.outcomes.append(apart(problem, found, chosen.runs, chosen.clock))
    sheet.print()
    text = json.dumps(sheet.data(), indent=1, ensure_ascii=False) + "\n"
    if chosen.json:
        chosen.json.write_text(text, "utf-8")
    if len(sheet.outcomes) == len(every) and names == list(PEERS):
        (SUITE.folder / "RESULTS.md").write_text(sheet.markdown(), "utf-8")
        (SUITE.folder / "results.json").write_text(text, "utf-8")
    return int(sheet.failed())
