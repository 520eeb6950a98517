"""The answers as a page and as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.coverage.question import Question
from benchmarks.coverage.verdict import ORDER, OTHER, REFUSED, RIGHT, WRONG, Verdict

TEXT = """\
# Which of NumPy's functions are differentiated rightly

Written by `python tasks.py coverage`. The names are the {names} functions of `numpy`, `numpy.linalg` and `numpy.fft`
that have a derivative: those that [our own page](../docs/numpy-coverage.md) of all public names calls so, without the
few that only print, save or pack bits.

Every library is asked for the gradient of Σ u·x + Re Σ w·f(x), with u and w fixed at random, for the same calls, each
in double precision in a process of its own. Its gradient must agree with central differences of fourth order of plain
NumPy to 10⁻⁶, relative to the greatest element. A call is tried in the library's namespace (for MyGrad: its own, then
NumPy's), as a method of an array, with arrays in the place of lists of numbers, and, for JAX, with the arguments that
it needs beyond NumPy's (`size=`, `inplace=False`); one right spelling is enough. JAX is asked without `jit`.

| verdict | meaning |
| --- | --- |
| right | value and gradient are right |
| wrong | a gradient comes without an error, and it is not the derivative |
| other value | the function computes something else than NumPy's of that name |
| refused | an error, or no such function |

MyGrad's documentation says of `copy` and `astype` that they leave the graph; JAX's, that `eigh`,
`svd(hermitian=True)` and `cholesky` make their argument symmetric, where NumPy reads one triangle. They are counted
all the same.

A name is judged by its plainest call. “All calls” are those of our tests' tables, {calls} in all: options, several
axes, lists, keywords. They were written to test Wengert, so its figure there says only that its tests pass; and they
ask for more of NumPy's options than the other libraries set out to have. They are not weighted by how often they are
used.
"""


@dataclass
class Sheet:
    """The answers of all libraries to all questions."""

    versions: dict[str, dict[str, str]]
    answers: list[tuple[Question, dict[str, Verdict]]]

    def counts(self, library: str, plainest: bool) -> dict[str, int]:
        """How many names, or calls, got each verdict."""
        kinds = [given[library].kind for question, given in self.answers if question.plainest or not plainest]
        return {kind: kinds.count(kind) for kind in ORDER}

    def some(self, library: str) -> str:
        """How many names have a call that the library has right."""
        return str(len({question.name for question, given in self.answers if given[library].kind == RIGHT}))

    def markdown(self) -> str:
        """The page."""
        libraries = list(self.versions)
        plain = [pair for pair in self.answers if pair[0].plainest]
        rows = [
            [library, self.versions[library][library], self.versions[library]["numpy"],
             *(str(self.counts(library, True)[kind]) for kind in (RIGHT, WRONG, OTHER, REFUSED)), self.some(library),
             *(str(self.counts(library, False)[kind]) for kind in (RIGHT, WRONG))]
            for library in libraries
        ]  # fmt: skip
        peers = [library for library in libraries if any(given[library].kind != RIGHT for _, given in plain)]
        lacking = [
            [f"`{question.name}`", f"`{question.text}`", *(_cell(given[peer]) for peer in peers)]
            for question, given in plain
            if any(given[peer].kind != RIGHT for peer in peers)
        ]
        amiss = [
            [library, f"`{given[library].spelling}`", given[library].kind, given[library].remark]
            for library in libraries
            for question, given in self.answers
            if given[library].kind in (WRONG, OTHER)
        ]
        return "\n".join([
            TEXT.format(names=len(plain), calls=len(self.answers)),
            "## Counts",
            "",
            *_table(["library", "version", "NumPy", *(f"names {kind}" for kind in (RIGHT, WRONG, OTHER, REFUSED)),
                     "names with some call right", "all calls right", "all calls wrong"], rows),
            "",
            "## Wrong without an error",
            "",
            "Of all calls: those that return a gradient which is not the derivative of what NumPy computes.",
            "",
            *(_table(["library", "call", "verdict", "what"], amiss) if amiss else ["None."]),
            "",
            "## Name by name",
            "",
            "The names that some library does not have right, by their plainest call; an empty cell is right.",
            "",
            *_table(["name", "call", *peers], lacking),
        ]) + "\n"  # fmt: skip

    def data(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "versions": self.versions,
            "names": {library: self.counts(library, True) for library in self.versions},
            "calls": {library: self.counts(library, False) for library in self.versions},
            "answers": [
                {**asdict(question), "verdicts": {library: asdict(verdict) for library, verdict in given.items()}}
                for question, given in self.answers
            ],
        }


def _cell(verdict: Verdict) -> str:
    if verdict.kind == RIGHT:
        return ""
    if verdict.kind == REFUSED:
        return f"refused ({verdict.remark.partition(':')[0]})"
    return f"**{verdict.kind}**: {verdict.remark}"


def _table(columns: list[str], rows: list[list[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines]
