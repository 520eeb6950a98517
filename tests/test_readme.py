"""Every line of the README's tour and of the pages under docs/ runs and prints what it says."""

from __future__ import annotations

import doctest
import json
import re
import runpy
import shlex
from pathlib import Path

import pytest

from wengert.cli.command import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*.md"))]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_print_what_they_say(page):
    result = doctest.testfile(str(page), module_relative=False, optionflags=OPTIONS, encoding="utf-8")
    assert result.failed == 0


def test_the_output_at_the_top_is_what_is_printed(capsys):
    block = re.search(r"```console\n\$ wengert (.*?)\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert main(shlex.split(block[1])) == 0
    printed = capsys.readouterr().out
    for part in filter(None, block[2].split("…\n")):
        before, found, printed = printed.partition(part)
        assert found == part, before


def test_the_tour_is_there():
    assert (ROOT / "README.md").read_text(encoding="utf-8").count(">>> ") > 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


@pytest.fixture
def figures():
    return runpy.run_path(str(ROOT / "docs" / "make_figures.py"))


def test_figures_are_those_of_the_benchmarks(figures):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("<!-- figures: ") == len(figures["TABLES"])
    assert figures["filled"](text) == text, "run `python docs/make_figures.py`"


def test_the_better_of_the_forms_of_jax_is_what_counts(figures):
    seconds = {"wengert": [1.0, 3.0, 2.0], "eager": [0.1], "jax": [8.0], "jax.suite": [4.0], "casadi": [5.0]}
    first = {"wengert": 0.05, "jax": 0.5, "jax.suite": 0.25}
    found = {"problems": {"lse n=20000: gradient": {"seconds": seconds, "first call": first, "failures": {}}}}
    rows = list(figures["gradbench"](found))
    assert rows[1:] == [["lse n=20000", "2 s", "0.50", "0.50 (JAX, suite's forms)", "50 ms", "250 ms"]]


def test_what_was_not_measured_has_no_figure(figures):
    seconds = {"numpy": [1.0], "wengert": [1.0]}
    other = {"numpy": [1.0], "wengert": [1.0], "torch": [50.0], "autograd": [0.5]}
    cases = {
        "a": seconds,
        "b": other,
        "operation c": other,
        "operation d": other | {"torch": [2.0]},
        "e": {"numpy": [1.0]},
    }
    rows = list(figures["eager"]({"cases": {name: {"seconds": given} for name, given in cases.items()}}))
    assert rows[0][1:] == ["Wengert ÷ PyTorch", "Wengert ÷ autograd"]
    assert rows[1:3] == [["a", "–", "–"], ["b", "0.02", "2.00"]]
    assert rows[3][1:] == ["0.10 (0.02–0.50)", "2.00 (2.00–2.00)"]


def test_a_table_without_a_file_names_the_command(figures, tmp_path):
    table = figures["table"]
    table.__globals__["BENCHMARKS"] = tmp_path
    assert "python tasks.py bench gradbench" in table("gradbench")
    (tmp_path / "results.json").write_text(
        json.dumps(
            {
                "machine": {
                    "date": "2026-01-02",
                    "processor": "P",
                    "system": "S",
                    "Python": "3.11.7 (CPython)",
                    "torch": "2",
                },
                "options": {"threads": 2, "clock": "cpu"},
                "cases": {"a": {"seconds": {"wengert": [1.0], "torch": [2.0]}}},
            }
        ),
        "utf-8",
    )
    assert table("eager").splitlines() == [
        "| gradient of | Wengert ÷ PyTorch |",
        "| --- | --- |",
        "| a | 0.50 |",
        "",
        "Measured on 2026-01-02: P, S, Python 3.11.7, 2 threads, computing time; PyTorch 2. All figures: "
        "[benchmarks/RESULTS.md](benchmarks/RESULTS.md).",
    ]
