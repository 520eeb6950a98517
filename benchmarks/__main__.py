"""Run the benchmarks: `python tasks.py bench`, or `python -m benchmarks` where the peers are installed."""

from __future__ import annotations

import argparse
import fnmatch
import importlib
import json
import sys
from pathlib import Path

from benchmarks.machine import machine, set_threads

FOLDER = Path(__file__).parent
RUNS, QUICK_RUNS = 51, 3
BATCH = 0.002  # seconds; a short batch is seldom interrupted by whatever else the machine does
STARTUP_RUNS = 21
STARTUP = "import"


def options(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Wengert beside its peers.")
    parser.add_argument(
        "--only", metavar="PATTERN", default="*", help="cases whose name contains this (* and ? allowed)"
    )
    parser.add_argument("--skip", metavar="PATTERN", default="", help="leave these out; the report names them")
    parser.add_argument("--runs", type=int, metavar="N", help=f"timed batches of each peer and case (default: {RUNS})")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs: does it work at all?")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads of each process (default: 1)")
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: computing time, for a machine that is not idle"
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write what was measured here")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Measure, print, and write RESULTS.md and results.json if the run was a whole one."""
    chosen = options(arguments)
    set_threads(chosen.threads)  # before anything imports NumPy

    from rich.progress import Progress

    from benchmarks.cases import every_case
    from benchmarks.contest import contest
    from benchmarks.peer import available
    from benchmarks.report import Report
    from benchmarks.startup import startup

    runs = chosen.runs or (QUICK_RUNS if chosen.quick else RUNS)
    pattern = f"*{chosen.only}*".lower()
    asked = [case for case in every_case() if fnmatch.fnmatchcase(case.name.lower(), pattern)]
    cases = [
        case for case in asked if not fnmatch.fnmatchcase(case.name.lower(), f"*{chosen.skip}*" if chosen.skip else "")
    ]
    with_startup = fnmatch.fnmatchcase(STARTUP, pattern)
    if not cases and not with_startup:
        sys.exit(f"no case is called {chosen.only!r}; there are: {', '.join(case.name for case in every_case())}")
    peers, missing = available()
    report = Report(
        machine(peers),
        {"runs": runs, "threads": chosen.threads, "quick": chosen.quick, "clock": chosen.clock},
        peers,
        missing,
        [],
        None,
    )
    with Progress(transient=True) as progress:
        task = progress.add_task("", total=len(cases) + with_startup)
        report.results = contest(
            peers, cases, runs, BATCH,
            lambda case: progress.update(task, description=case.name, advance=1), chosen.clock,
        )  # fmt: skip
        if with_startup:
            progress.update(task, description="import wengert", advance=1)
            report.startup = startup(peers, min(runs, STARTUP_RUNS), chosen.clock)
    report.skipped = [case.name for case in asked if case not in cases]
    report.print()
    if chosen.json:
        chosen.json.write_text(as_json(report.data()), "utf-8")
    if not chosen.quick and chosen.only == "*":
        (FOLDER / "RESULTS.md").write_text(report.markdown(), "utf-8")
        (FOLDER / "results.json").write_text(as_json(report.data()), "utf-8")
    return int(report.failed())


def as_json(data: object) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] in (["gradbench"], ["toolbox"]):
        from benchmarks.race import run

        sys.exit(run(importlib.import_module(f"benchmarks.{sys.argv[1]}.race").SUITE, sys.argv[2:]))
    if sys.argv[1:2] == ["training"]:
        from benchmarks.training.race import run as train

        sys.exit(train(sys.argv[2:]))
    sys.exit(main(sys.argv[1:]))
