"""The line that shows how far a run is, at most ten times a second; nothing where nobody watches."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.progress import Progress

_SECONDS = 0.1


class Bar:
    """A bar with loss, figures of the last round, throughput and remaining time.

    **Arguments**: `total`, the number of steps; `size`, of a batch; `per_epoch`, steps; `done`, where it begins;
    `show`: None for what a terminal or a notebook gets, False for nothing; `console`, of rich, to write on.
    """

    def __init__(
        self, total: int, size: int, per_epoch: int, done: int = 0, show: bool | None = None, console: Any = None
    ) -> None:
        self.total, self.size, self.per_epoch = total, size, per_epoch
        self.start, self.began = done, time.perf_counter()
        self.due = float("inf")  # when it is to be drawn next
        self._progress: Progress | None = None
        self._figures = ""
        if show is False:
            return
        from rich.console import Console

        console = console or Console(stderr=True)
        if show or console.is_terminal or console.is_jupyter:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[figures]}"),
                TimeRemainingColumn(compact=True),
                console=console,
                auto_refresh=False,
            )
            self._task = self._progress.add_task("", total=total, completed=done, figures="")
            self.due = 0.0

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def draw(self, step: int, loss: float) -> None:
        """Show that so many steps are done."""
        if self._progress is None:
            return
        now = time.perf_counter()
        rate = (step - self.start) * self.size / max(now - self.began, 1e-9)
        epochs, epoch = (
            -(-self.total // self.per_epoch),
            min(step // self.per_epoch + 1, -(-step // self.per_epoch) or 1),
        )
        self._progress.update(
            self._task, completed=step, description=f"epoch {epoch}/{epochs}",
            figures=f"loss {loss:.4g} · {rate:,.0f} examples/s{self._figures}", refresh=True,
        )  # fmt: skip
        self.due = now + _SECONDS

    def round(self, record: dict[str, float]) -> None:
        """Take on the figures of a round, to be shown with the loss."""
        names = [name for name in record if name not in ("step", "epoch", "seconds", "loss")]
        self._figures = "".join(f" · {name.replace('_', ' ')} {record[name]:.4g}" for name in names)
