"""A comparison as text for a terminal, as Markdown and as HTML."""

from __future__ import annotations

import html
import io
import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wengert.explain.precision import DIGITS
from wengert.explain.rendering import exact
from wengert.explain.ways import duration
from wengert.explain.writing import number

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from wengert.explain.compare import Comparison, Row

_SHOWN = 4  # numbers of a gradient; of more, the norm
_NARROW = 118  # columns: on less, the remarks go below the table
HEAD = ("way", "derivative", "error", "evaluations", "operations", "time", "")


class Digits(NamedTuple):
    """A number as printed: its label, what is right of it, and the rest."""

    label: str
    right: str
    wrong: str

    @property
    def text(self) -> str:
        return f"{self.label}{self.right}{self.wrong}"


class Line(NamedTuple):
    """The cells of one way."""

    way: str
    derivative: list[Digits]
    error: str
    runs: str
    operations: str
    time: str
    remark: str


def lines(comparison: Comparison, digits: int = 25) -> list[Line]:
    """The table: the reference with so many digits, then the ways."""
    import mpmath

    found = []
    true: dict[str, Any] = {}
    if comparison.reference is not None:
        true = dict(_numbers(comparison, comparison.reference))
        pad = max(map(len, true))
        shown = [Digits(label.ljust(pad), mpmath.nstr(x, digits), "") for label, x in true.items()]
        found.append(Line(f"in {DIGITS} digits", shown, "", "", "", "", ""))
    for row in comparison.rows:
        shown = []
        if row.derivative is not None:
            pairs = dict(_numbers(comparison, row.derivative))
            pad = max(map(len, pairs))
            shown = [_digits(label.ljust(pad), x, true.get(label)) for label, x in pairs.items()]
        found.append(_line(row, shown))
    return found


def _line(row: Row, shown: list[Digits]) -> Line:
    if row.derivative is None:
        return Line(row.way, [Digits("", "", "—")], "—", "—", "—", "—", row.remark)
    runs = f"{row.runs:,} {row.unit}{'' if row.runs == 1 else 'es' if row.unit == 'pass' else 's'}"
    return Line(row.way, shown, _error(row), runs, f"{row.operations:,}", duration(row.seconds), row.remark)


def _error(row: Row) -> str:
    """The relative error; the absolute one, and said so, where the derivative is zero."""
    if row.absolute is None:
        return "?"
    if row.error is None:
        return f"{_short(row.absolute)} (absolute)"
    return _short(row.error)


def _short(error: float) -> str:
    return "0" if error == 0 else f"{error:.1e}"


def _numbers(comparison: Comparison, derivative: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """What is printed of a derivative: each number with its label, or the norm of many."""
    import mpmath

    flat = [x for part in derivative for x in np.asarray(part, object).flat]
    if comparison.point.direction is not None:
        yield "", flat[0]
    elif len(flat) > _SHOWN:
        numbers = [x if isinstance(x, mpmath.mpf) else mpmath.mpf(float(x)) for x in flat]
        exact = comparison.reference is derivative
        norm = mpmath.sqrt(mpmath.fdot(numbers, numbers)) if not exact else _precise_norm(numbers)
        yield "norm ", norm if exact else float(norm)
    else:
        for name, part in zip(comparison.names, derivative, strict=True):
            array = np.asarray(part, object)
            for k in np.ndindex(array.shape):
                index = f"[{','.join(map(str, k))}]" if k else ""
                yield f"∂{comparison.graph.name}/∂{name}{index} = ", array[k]


def _precise_norm(numbers: list[Any]) -> Any:
    import mpmath

    with mpmath.workdps(DIGITS):
        return mpmath.norm(numbers)


def _digits(label: str, x: Any, true: Any) -> Digits:
    """The number cut where it begins to differ from the true one: after −lg(error) significant digits."""
    text = str(x)
    if true is None or not math.isfinite(float(x)):
        return Digits(label, text, "")
    error = abs(float(x) - true)
    if error == 0 or (true != 0 and error <= abs(true) * np.finfo(np.asarray(x).dtype).eps / 2):
        return Digits(label, text, "")
    right = 0 if true == 0 else max(0, math.floor(-math.log10(float(error / abs(true)))))
    ends = [m.end() for m in re.finditer(r"\d", re.sub(r"e.*", "", text))]
    leading = len(re.match(r"-?[0.]*", text).group())  # type: ignore[union-attr]
    ends = [end for end in ends if end > leading]
    cut = len(text) if right > len(ends) else ends[right - 1] if right else 0
    return Digits(label, text[:cut], text[cut:])


def title(comparison: Comparison) -> str:
    """The function's value and the point."""
    graph = comparison.graph
    shown = [f"{n.name} = {number(n.value)}" for n in graph.inputs[:8]]
    shown += ["…"] if len(graph.inputs) > 8 else []
    return f"{graph.name} = {exact(comparison.value)}   at {', '.join(shown)}"


def notes(comparison: Comparison) -> list[str]:
    """What has to be said below the table."""
    found = []
    if comparison.note:
        found.append(f"There is no derivative in {DIGITS} digits to compare with: {comparison.note}.")
    n = comparison.point.elements
    if comparison.point.direction is not None:
        found.append(
            f"f has {n:,} inputs. Shown is the derivative in one random direction; for the gradient, differences and "
            f"forward mode take {n:,} times as long, symbolic and reverse mode do not."
        )
    elif n > 1 and not comparison.note:
        found.append(f"error: the largest of {n:,} partial derivatives, relative to the reference.")
    return found


# Text --------------------------------------------------------------------------------------------------------------


def renderable(comparison: Comparison, width: int | None = None) -> Group:
    """For rich; on a narrow terminal, costs and remarks stand below the table."""
    from rich.console import Group
    from rich.text import Text

    narrow = width is not None and width < _NARROW
    found = lines(comparison, 22 if narrow else 25)
    table = _table([_shortened(line) for line in found] if narrow else found, (0, 1, 2, 5) if narrow else range(7))
    said = notes(comparison)
    if narrow:
        cost = [f"{line.runs}, {line.operations} operations; " if line.time != "—" else "" for line in found]
        said = [f"{line.way}: {c}{line.remark}." for c, line in zip(cost, found, strict=True) if line.remark] + said
    head = Text(f"{title(comparison)}\n", style="bold")
    return Group(head, table, *(Text(note, style="dim") for note in ["", *said]))


def _shortened(line: Line) -> Line:
    return line._replace(way=line.way.replace("finite difference", "finite"))


def _table(found: list[Line], columns: Sequence[int]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for i in columns:
        table.add_column(HEAD[i], justify="right" if i in (3, 4, 5) else "left", no_wrap=i != 6, overflow="fold")
    for line in found:
        digits = Text()
        for i, d in enumerate(line.derivative):
            digits.append("\n" if i else "").append(d.label, style="dim").append(d.right).append(d.wrong, style="red")
        cells = (line.way, digits, *line[2:])
        table.add_row(*(cells[i] for i in columns), style="bold" if not line.time else "")
    return table


def to_text(comparison: Comparison, color: bool, width: int | None) -> str:
    """Rendered by rich; without colour codes unless they are asked for."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out,
        width=width or 400,
        force_terminal=color,
        no_color=not color,
        highlight=False,
        color_system="standard" if color else None,
    )
    console.print(renderable(comparison, width))
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines()) + "\n"


# Markdown and HTML -------------------------------------------------------------------------------------------------


def to_markdown(comparison: Comparison) -> str:
    """A table."""
    rows = [f"| {' | '.join(HEAD)} |", "| --- | --- | --- | ---: | ---: | ---: | --- |"]
    for line in lines(comparison):
        cells = [line.way, "<br>".join(d.text for d in line.derivative), *line[2:]]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([f"**{title(comparison)}**", "", *rows, "", *notes(comparison)]).rstrip() + "\n"


_STYLE = """
.wengert { font: 15px/1.5 system-ui, sans-serif; color: CanvasText; background: Canvas; color-scheme: light dark }
.wengert table { border-collapse: collapse; margin: 1em 0 }
.wengert th, .wengert td { text-align: left; vertical-align: top; padding: .25em .9em .25em 0; border-bottom: 1px solid #8884 }
.wengert .number { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }
.wengert .label { opacity: .6 }
.wengert .wrong { color: light-dark(#a92d52, #f297ae) }
"""  # noqa: E501


def to_html(comparison: Comparison, full: bool) -> str:
    """The table; the digits that are wrong are red."""
    rows = ""
    for line in lines(comparison):
        digits = "\n".join(
            f'<span class="label">{html.escape(d.label)}</span>{d.right}<span class="wrong">{d.wrong}</span>'
            for d in line.derivative
        )
        cells = "".join(f'<td class="number">{html.escape(cell)}</td>' for cell in line[2:6])
        way, remark = html.escape(line.way), html.escape(line.remark)
        rows += f'<tr><td>{way}</td><td class="number">{digits}</td>{cells}<td>{remark}</td></tr>'
    head = "".join(f"<th>{name}</th>" for name in HEAD)
    name = html.escape(title(comparison))
    piece = (
        f'<div class="wengert"><style>{_STYLE}</style><p><b>{name}</b></p>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        + "".join(f"<p>{html.escape(note)}</p>" for note in notes(comparison))
        + "</div>"
    )
    if not full:
        return piece
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title><body>{piece}</body></html>\n'
