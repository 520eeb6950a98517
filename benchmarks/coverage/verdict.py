"""What a library's answer is worth: held against central differences of plain NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.coverage.question import GIVEN, KNOWN, Question
from benchmarks.coverage.respondent import program, total

STEP, TOLERANCE = 1e-3, 1e-6
RIGHT, WRONG, OTHER, REFUSED = "right", "wrong", "other value", "refused"
#: From the best to the worst that can be said of several spellings of one call.
ORDER = (RIGHT, WRONG, OTHER, REFUSED)


@dataclass
class Verdict:
    """right; wrong: a gradient without an error, but not the derivative; another value than NumPy's; or refused."""

    kind: str
    spelling: str
    remark: str = ""


class Exam:
    """A question with its weights and its right answer."""

    def __init__(self, question: Question) -> None:
        self.question = question
        random = np.random.default_rng(4)
        self.names = question.arguments
        self.arguments = tuple(GIVEN[name] for name in self.names)
        run = program(question.text, self.names, np, KNOWN)
        with np.errstate(all="ignore"):
            value = np.asarray(run(*self.arguments))
        self.weights = random.uniform(0.5, 1.5, value.shape)
        if value.dtype.kind == "c":
            self.weights = self.weights + 1j * random.uniform(0.5, 1.5, value.shape)
        self.outer = [random.uniform(0.5, 1.5, np.shape(x)) for x in self.arguments]
        self.loss = total(run, np, self.outer, self.weights)
        self.value = float(self.loss(*self.arguments))
        self.gradient = self.differences()
        if not all(np.isfinite(part).all() for part in [self.value, *self.gradient]):
            raise ValueError(f"{question.text} has no finite derivative at the arguments that are given")

    def differences(self) -> list[Any]:
        """The gradient by central differences of fourth order, element by element."""
        gradient = []
        for i, x in enumerate(self.arguments):
            part = np.empty(np.shape(x))
            for place in np.ndindex(part.shape):
                at = [self._moved(i, place, k * STEP) for k in (1, -1, 2, -2)]
                part[place] = (8 * (at[0] - at[1]) - (at[2] - at[3])) / (12 * STEP)
            gradient.append(part)
        return gradient

    def _moved(self, i: int, place: tuple[int, ...], by: float) -> float:
        x = np.array(self.arguments[i], float)
        x[place] += by
        return float(self.loss(*self.arguments[:i], x[()], *self.arguments[i + 1 :]))

    def task(self, text: str) -> SimpleNamespace:
        """What a library is sent."""
        return SimpleNamespace(text=text, names=self.names, known=KNOWN, arguments=self.arguments, outer=self.outer,
                               weights=self.weights)  # fmt: skip

    def judge(self, spelling: str, value: float | None, gradient: Any) -> Verdict:
        """Right, wrong, another value, or refused."""
        if value is None:
            return Verdict(REFUSED, spelling, gradient)
        if not _near(value, self.value):
            return Verdict(OTHER, spelling, f"{value:.6g}, not {self.value:.6g}")
        if all(_near(found, wanted) for found, wanted in zip(gradient, self.gradient, strict=True)):
            return Verdict(RIGHT, spelling)
        if all(_near(found, lost) for found, lost in zip(gradient, self.outer, strict=True)):
            return Verdict(WRONG, spelling, "its derivative is lost")
        name, found, wanted = next(
            (n, f, w) for n, f, w in zip(self.names, gradient, self.gradient, strict=True) if not _near(f, w)
        )
        if np.shape(found) != np.shape(wanted):
            return Verdict(WRONG, spelling, f"shape {np.shape(found)} for {name}")
        off = np.abs(found - wanted)
        worst = np.unravel_index(np.argmax(np.where(np.isfinite(off), off, np.inf)), np.shape(off))
        return Verdict(WRONG, spelling, f"{found[worst]:.4g}, not {wanted[worst]:.4g}, for an element of {name}")


def best(verdicts: list[Verdict]) -> Verdict:
    """The verdict on a call: that on its best spelling."""
    return min(verdicts, key=lambda verdict: ORDER.index(verdict.kind))


def _near(found: Any, wanted: Any) -> bool:
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return False
    return bool(np.all(np.abs(found - wanted) <= TOLERANCE * np.maximum(1.0, np.max(np.abs(wanted), initial=0.0))))
