"""Ask every library that is installed, and write COVERAGE.md and coverage.json: `python tasks.py coverage`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import warnings
from pathlib import Path

from benchmarks.coverage.page import Sheet
from benchmarks.coverage.question import questions
from benchmarks.coverage.respondent import LIBRARIES
from benchmarks.coverage.spelling import spellings
from benchmarks.coverage.verdict import REFUSED, Exam, Verdict, best
from benchmarks.environment import python_of, variables, version
from benchmarks.worker import Line

FOLDER = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """Ask, write, and print the counts; 1 where Wengert is not right everywhere."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--plainest", action="store_true", help="one call for each name, and write nothing")
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    libraries = [name for name in LIBRARIES if python_of(name)]
    if missing := [name for name in LIBRARIES if name not in libraries]:
        print(f"not installed, so left out (python tasks.py peers {' '.join(missing)}): {', '.join(missing)}")
    exams = []
    for question in questions():
        if question.plainest or not chosen.plainest:
            try:
                exams.append(Exam(question))
            except ValueError as error:
                if question.plainest:
                    raise
                print(f"left out: {error}")
    given = {library: answers(library, exams) for library in libraries}
    sheet = Sheet(
        {library: {name: version(name, library) for name in (library, "numpy")} for library in libraries},
        [(exam.question, {name: given[name][i] for name in libraries}) for i, exam in enumerate(exams)],
    )
    for library in libraries:
        print(library, "names", sheet.counts(library, True), "calls", sheet.counts(library, False))
    if not chosen.plainest:
        (FOLDER / "COVERAGE.md").write_text(sheet.markdown(), "utf-8")
        (FOLDER / "coverage.json").write_text(json.dumps(sheet.data(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return int(any(verdict.kind != "right" for verdict in given["wengert"]))


def answers(library: str, exams: list[Exam]) -> list[Verdict]:
    """What a library's process says to every exam; one that ends is started again."""
    process, line = started(library)
    verdicts = []
    for exam in exams:
        question, tried = exam.question, []
        for text in spellings(library, question.name, question.text, question.plainest):
            try:
                line.send(exam.task(text))
                tried.append(exam.judge(text, *line.recv()))
            except (EOFError, BrokenPipeError):
                tried.append(Verdict(REFUSED, text, f"Crash: the process ended with status {process.wait()}"))
                process, line = started(library)
            if tried[-1].kind == "right":
                break
        verdicts.append(best(tried))
    process.communicate()
    return verdicts


def started(library: str) -> tuple[subprocess.Popen[bytes], Line]:
    """A process that answers for a library, in the environment that has it."""
    command = [python_of(library) or sys.executable, "-m", "benchmarks.coverage.respondent", library]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables())
    line = Line(process.stdout, process.stdin)
    try:
        line.recv()
    except EOFError:
        sys.exit(f"{library} cannot be imported; its error is above (python tasks.py peers {library})")
    return process, line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
