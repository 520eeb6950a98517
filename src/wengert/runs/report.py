"""What a run has to say: lines for people, figures for programs, pictures in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from wengert.nn.history import History


class Report:
    """The result of a run.

    **Attributes**: `title`; `figures`, numbers by name; `model`, the trained network; `pictures`, the files that were
    written; `text`, what the network wrote, if it writes. `str()` of it is the report for people.
    """

    def __init__(self, title: str, model: Any = None) -> None:
        self.title, self.model = title, model
        self.figures: dict[str, float] = {}
        self.pictures: list[Path] = []
        self.text = ""
        self._lines: list[tuple[str, str]] = []

    def add(self, label: str, shown: str, **figures: float) -> None:
        """One more line, and the numbers behind it."""
        self._lines.append((label, shown))
        self.figures.update(figures)

    def add_time(self, history: History, seconds: float) -> None:
        """The time of the run, and how long a step takes once its program is compiled."""
        marks, counts, shown = history["seconds"], history["step"], f"{seconds:.3g} s"
        if len(history) > 1:
            each = float((marks[-1] - marks[0]) / (counts[-1] - counts[0]))
            shown += f"; {each * 1e3:.3g} ms a step after the first {counts[0]}"
            self.figures["seconds_per_step"] = each
        self.add("time", shown, seconds=seconds)

    def draw(self, path: Path | None, draw: Callable[[Path], Any]) -> None:
        """Draw a picture into a file, if there is one for it."""
        if path is not None:
            draw(path)
            self.pictures.append(path)

    def __str__(self) -> str:
        lines = [*self._lines, *(("picture", str(path)) for path in self.pictures)]
        width = max((len(label) for label, _ in lines), default=0) + 2
        rows = [f"  {label:{width}}{shown}" for label, shown in lines]
        return "\n".join([self.title, *rows, *(["", self.text] if self.text else [])])


def percent(share: float) -> str:
    """99.17 %."""
    return f"{100 * share:.4g} %"
