"""Put into README.md the figures that it quotes: those of the benchmarks' JSON files, and no others.

Run `python docs/make_figures.py` after a benchmark; a test fails where the README quotes anything else. A table stands
between `<!-- figures: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "README.md"
BENCHMARKS = ROOT / "benchmarks"
BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
PEERS = ("numpy", "autograd", "casadi", "jax", "numba", "torch")
OURS, OBJECTIVE = "wengert", "numpy"
#: The benchmark of single operations; the README has their mean, RESULTS.md each of them.
OPERATION = "operation "
TITLES = {
    "autograd": "autograd", "casadi": "CasADi", "jax": "JAX", "mygrad": "MyGrad", "numba": "Numba", "numpy": "NumPy",
    "torch": "PyTorch", "wengert": "Wengert",
}  # fmt: skip


def coverage(found: dict[str, Any]) -> Iterator[list[str]]:
    """How many of NumPy's differentiable functions each library differentiates rightly."""
    yield ["", *(f"{TITLES[name]} {versions[name]}" if name != OURS else TITLES[OURS]
                 for name, versions in found["versions"].items())]  # fmt: skip
    total = sum(found["names"][OURS].values())
    yield [f"right, of {total} functions", *(str(counts["right"]) for counts in found["names"].values())]
    yield ["wrong without an error", *(str(counts["wrong"]) for counts in found["names"].values())]


def eager(found: dict[str, Any]) -> Iterator[list[str]]:
    """Our time divided by that of each other library, without a compiler."""
    cases = {name: case["seconds"] for name, case in found["cases"].items() if OURS in case["seconds"]}
    rivals = list(
        dict.fromkeys(name for seconds in cases.values() for name in seconds if name not in (OURS, OBJECTIVE))
    )
    yield ["gradient of", *(f"Wengert ÷ {TITLES[name]}" for name in rivals)]
    for case, seconds in cases.items():
        if not case.startswith(OPERATION):
            yield [case, *(quotient(seconds, [name]) for name in rivals)]
    single = [seconds for case, seconds in cases.items() if case.startswith(OPERATION)]
    if single:
        yield [f"{len(single)} single operations, geometric mean (least–greatest)", *(mean(single, r) for r in rivals)]


def gradbench(found: dict[str, Any]) -> Iterator[list[str]]:
    """Our time, and that divided by JAX's and by the best other's; and until the first result."""
    from benchmarks.gradbench.peers import PEERS
    from benchmarks.gradbench.problem import problems
    from benchmarks.report import _time

    jax = [name for name, peer in PEERS.items() if peer.distribution == "jax"]
    yield ["derivative of", "Wengert", "÷ JAX", "÷ best of the others", "first call: Wengert", "JAX"]
    for problem in problems("quick"):
        seconds = found["problems"].get(problem.name, {}).get("seconds", {})
        if not problem.derivative or OURS not in seconds:
            continue
        first = found["problems"][problem.name]["first call"]
        others = {name: statistics.median(s) for name, s in seconds.items() if name not in (OURS, "eager", OBJECTIVE)}
        best = min(others, key=others.__getitem__, default="")
        yield [
            problem.title,
            _time(statistics.median(seconds[OURS])),
            quotient(seconds, jax),
            f"{quotient(seconds, [best])} ({PEERS[best].title})" if best else "–",
            _time(first[OURS]),
            _time(min(first[name] for name in jax if name in first)) if any(name in first for name in jax) else "–",
        ]


def training(found: dict[str, Any]) -> Iterator[list[str]]:
    """Our time for a step of training, and that divided by each library's; and until the first step is done."""
    from benchmarks.report import _time
    from benchmarks.training.peers import PEERS

    rivals = [name for name in PEERS if name not in (OURS, "scalar")]
    yield ["step of", "Wengert", *(f"÷ {PEERS[name].title}" for name in rivals), "first step: Wengert", "JAX"]
    for name, problem in found["problems"].items():
        seconds, first = problem["seconds"], problem["first call"]
        if OURS in seconds:
            ratios = [quotient(seconds, [rival]) for rival in rivals]
            jax = _time(first["jax"]) if "jax" in first else "–"
            yield [name, _time(statistics.median(seconds[OURS])), *ratios, _time(first[OURS]), jax]


#: By the name of a table: the file it comes from, what makes its rows, and the command that makes the file.
TABLES = {
    "coverage": ("coverage.json", coverage, "python tasks.py coverage"),
    "eager": ("results.json", eager, "python tasks.py bench"),
    "gradbench": ("gradbench/results.json", gradbench, "python tasks.py bench gradbench"),
    "training": ("training/results.json", training, "python tasks.py bench training"),
}


def quotient(seconds: dict[str, list[float]], names: list[str]) -> str:
    """Our median divided by the least one of these libraries."""
    medians = [statistics.median(seconds[name]) for name in names if name in seconds]
    return rounded(statistics.median(seconds[OURS]) / min(medians)) if medians else "–"


def mean(cases: list[dict[str, list[float]]], rival: str) -> str:
    """The geometric mean of our time divided by a rival's, and the range."""
    ratios = [statistics.median(s[OURS]) / statistics.median(s[rival]) for s in cases if rival in s]
    if not ratios:
        return "–"
    return f"{rounded(statistics.geometric_mean(ratios))} ({rounded(min(ratios))}–{rounded(max(ratios))})"


def rounded(ratio: float) -> str:
    """Two digits behind the point, or two that count."""
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


def table(name: str) -> str:
    """One table; where its benchmark was not run, how to run it."""
    file, rows, command = TABLES[name]
    if not (BENCHMARKS / file).exists():
        return f"`{command}` makes this table; its figures are not here yet.\n"
    found = json.loads((BENCHMARKS / file).read_text("utf-8"))
    lines = list(rows(found))
    lines.insert(1, ["---"] * len(lines[0]))
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    if "machine" not in found:
        return text
    page = Path("benchmarks", file).with_name("RESULTS.md").as_posix()
    return f"{text}\n{conditions(found)} All figures: [{page}]({page}).\n"


def conditions(found: dict[str, Any]) -> str:
    """When, where and how it was measured."""
    machine, options = found["machine"], found["options"]
    threads = f"{options['threads']} thread{'' if options['threads'] == 1 else 's'}"
    clock = ", computing time" if options.get("clock") == "cpu" else ""
    where = f"{machine['processor']}, {machine['system']}, Python {machine['Python'].split()[0]}"
    libraries = ", ".join(f"{TITLES.get(name, name)} {machine[name]}" for name in PEERS if name in machine)
    return f"Measured on {machine['date']}: {where}, {threads}{clock}; {libraries}."


def filled(text: str) -> str:
    """The page with every table put in."""
    return BLOCK.sub(lambda block: f"{block[1]}\n{table(block[2])}\n{block[3]}", text)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")
