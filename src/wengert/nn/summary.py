"""The table of a model: its modules, the shapes of their results, and where the parameters are."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


class Row(NamedTuple):
    """One module."""

    path: str  # "layers.0"; of the whole model ""
    kind: str  # its class
    result: Any  # the shape of its result, a tuple of them for several, None where it was not called
    parameters: int


class Summary:
    """What `Module.summary` returns; it prints as a table. **Attributes**: `rows`, one for each module."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def table(self) -> Table:
        """The table, to be printed by rich."""
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.add_column("module")
        has_results = any(row.result is not None for row in self.rows)
        if has_results:
            table.add_column("result")
        table.add_column("parameters", justify="right")
        above: list[str] = []  # the paths of the modules that this one is in
        for row in self.rows:
            while above and not row.path.startswith(f"{above[-1]}."):
                above.pop()
            name = row.path[len(above[-1]) + 1 if above else 0 :]
            title = f"{'  ' * (len(above) + 1)}{name}: {row.kind}" if row.path else row.kind
            above += [row.path] * bool(row.path)
            result = [""] if row.result is None else [str(row.result)]
            table.add_row(title, *(result if has_results else []), f"{row.parameters:,}")
        return table

    def __rich__(self) -> Table:
        return self.table()

    def __str__(self) -> str:
        out = io.StringIO()
        Console(file=out, width=120, color_system=None).print(self.table())
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines())

    __repr__ = __str__
