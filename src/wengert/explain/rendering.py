"""An explanation as text for a terminal, as Markdown, LaTeX and HTML."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING, Any

from wengert.core.tracer import concrete
from wengert.explain.writing import number

if TYPE_CHECKING:
    from rich.console import Group

    from wengert.explain.explanation import Explanation, Step


def _cells(explanation: Explanation) -> list[tuple[str, ...]]:
    """The table's cells as text."""
    rows: list[tuple[str, ...]] = []
    for row in explanation.table:
        partials = "\n".join(
            f"∂{row.name}/∂{arg}"
            + (" linear map" if value is None else f" = {symbol}")
            + ("" if value is None or symbol == number(value) else f" = {number(value)}")
            for arg, symbol, value in row.partials
        )
        label = row.label if row.label not in (row.name, row.formula) else ""
        adjoint = "" if row.adjoint is None or isinstance(row.adjoint, list) else number(row.adjoint)
        value = number(row.value) if not isinstance(row.value, tuple) else ", ".join(map(number, row.value))
        rows.append((row.name, label, row.formula, value, partials, adjoint, row.line))
    return rows


def renderable(explanation: Explanation) -> Group:
    """For rich: the table, the derivation, the counts."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    heads, cells = _shown(explanation)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    styles = {"name": "italic", "step": "", "value": "cyan", "local partials": "", "line": "dim", "": "bold"}
    for head in heads:
        table.add_column(head, style=styles.get(head, "magenta"), no_wrap=head not in ("step", "local partials"))
    for row in cells:
        table.add_row(*map(Text, row))
    parts: list[Any] = [Text(_title(explanation), style="bold"), table]
    if explanation.numbering == "baydin":
        parts.append(Text("\n".join(adjoint_trace(explanation)) + "\n"))
    for step in explanation.steps:
        parts.append(Text("\n".join(derivation_lines(explanation, step)) + "\n"))
    parts.append(Text(_count_line(explanation)))
    parts.extend(Text(line, style="yellow") for line in explanation.assumptions)
    return Group(*parts)


def _shown(explanation: Explanation) -> tuple[list[str], list[list[str]]]:
    """Heads and cells of the columns that say something."""
    heads, cells = _heads(explanation), _cells(explanation)
    used = [i for i in range(len(heads)) if any(row[i] for row in cells)]
    return [heads[i] for i in used], [[row[i] for i in used] for row in cells]


def _heads(explanation: Explanation) -> tuple[str, ...]:
    return ("", "name", "step", "value", "local partials", f"∂{explanation.result}/∂·", "line")


def _title(explanation: Explanation) -> str:
    graph = explanation.graph
    inputs = ", ".join(f"{n.name} = {number(explanation.values[id(n)])}" for n in graph.inputs)
    gradient = ", ".join(f"∂/∂{name} = {exact(value)}" for name, value in explanation.gradient.items())
    return f"{graph.name} = {exact(explanation.value)}   at {inputs}\n{gradient}"


def exact(value: Any) -> str:
    """All digits of a number; a short form of an array."""
    plain = concrete(value)
    return repr(float(plain)) if isinstance(plain, float) else number(plain, digits=8)


def _count_line(explanation: Explanation) -> str:
    counts = explanation.counts
    return f"elementary derivations: forward mode {counts.forward}, reverse mode {counts.reverse}"


def derivation_lines(explanation: Explanation, step: Step) -> list[str]:
    """The chain rule at one value: the sum over the paths, in symbols, then in numbers."""
    result = explanation.result
    head = f"∂{result}/∂{step.name}"
    if isinstance(step.adjoint, list):
        return [f"{head}: of several results, see its parts"]
    if not step.paths:
        return [f"{head} = {number(step.adjoint)}"]
    general = " + ".join(f"∂{result}/∂{p.step}·∂{p.step}/∂{step.name}" for p in step.paths)
    symbols = " + ".join(f"∂{result}/∂{p.step}·{p.symbol}" for p in step.paths)
    lines = [f"{head} = {general}"]
    indent = " " * len(head)
    if symbols != general:
        lines.append(f"{indent} = {symbols}")
    if all(p.partial is not None for p in step.paths):
        lines.append(f"{indent} = " + " + ".join(f"{_factor(p.adjoint)}·{_factor(p.partial)}" for p in step.paths))
    elif len(step.paths) > 1:
        lines.append(f"{indent} = " + " + ".join(number(p.contribution) for p in step.paths))
    lines.append(f"{indent} = {number(step.adjoint)}")
    return lines


def adjoint_trace(explanation: Explanation) -> list[str]:
    """The reverse pass as assignments, last step first: v̄ᵢ = v̄ᵢ + v̄ⱼ·∂vⱼ/∂vᵢ (Baydin et al. 2018, table 3)."""
    last = explanation.steps[0]
    lines = [f"{bar(last.name)} = {bar(explanation.result)} = {number(last.adjoint)}"]
    for made in explanation.assignments:
        before = f"{bar(made.name)} + " if made.adds else ""
        partial = "" if made.partial is None else f" = {before}{bar(made.step)}·{_factor(made.partial)}"
        lines.append(
            f"{bar(made.name)} = {before}{bar(made.step)}·∂{made.step}/∂{made.name}{partial} = {number(made.value)}"
        )
    return lines


def bar(name: str) -> str:
    """v̄₁ for v1: the adjoint of a value."""
    return f"{name[0]}\N{COMBINING MACRON}{name[1:]}"


def _factor(value: Any) -> str:
    text = number(value)
    return f"({text})" if text.startswith("-") else text


def to_text(explanation: Explanation, color: bool, width: int | None) -> str:
    """Rendered by rich; without colour codes unless they are asked for."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out, width=width or _needed_width(explanation), force_terminal=color, no_color=not color, highlight=False,
        color_system="standard" if color else None,
    )  # fmt: skip
    console.print(renderable(explanation))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _needed_width(explanation: Explanation) -> int:
    """Wide enough that no line has to be broken."""
    heads, cells = _shown(explanation)
    columns = zip(heads, *cells, strict=True)
    table = sum(max(max(len(line) for line in cell.split("\n")) for cell in column) + 3 for column in columns)
    lines = [line for step in explanation.steps for line in derivation_lines(explanation, step)]
    return max([table, len(_title(explanation)), *map(len, lines), *map(len, explanation.assumptions), 60]) + 2


# Markdown and LaTeX ------------------------------------------------------------------------------------------------


def to_markdown(explanation: Explanation) -> str:
    """A table and one formula per value."""
    heads, cells = _shown(explanation)
    lines = [f"**{explanation.graph.name}** = {exact(explanation.value)}", ""]
    lines += [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    for row in cells:
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", "<br>") for cell in row) + " |")
    lines.append("")
    for step in explanation.derivation("latex"):
        lines += ["$$", latex_step(explanation, step), "$$", ""]
    lines.append(_count_line(explanation))
    lines += [f"- {line}" for line in explanation.assumptions]
    return "\n".join(lines) + "\n"


def to_latex(explanation: Explanation) -> str:
    """The trace and the chain rule at every value, in one aligned environment."""
    rows = [rf"{row.name} &= {row.formula} &&= {number(row.value, 'latex')}" for row in explanation.rows("latex")
            if not isinstance(row.value, tuple)]  # fmt: skip
    rows += [latex_step(explanation, step, aligned=True) for step in explanation.derivation("latex")]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def latex_step(explanation: Explanation, step: Step, aligned: bool = False) -> str:
    """The chain rule at one value."""
    y = explanation.result

    def d(of: str, by: str) -> str:
        return rf"\frac{{\partial {of}}}{{\partial {by}}}"

    parts = [d(y, step.name)]
    if isinstance(step.adjoint, list):
        return parts[0] + (" &" if aligned else " ") + r"\text{: see its parts}"
    if step.paths:
        parts.append(" + ".join(rf"{d(y, p.step)} \cdot {d(p.step, step.name)}" for p in step.paths))
        parts.append(" + ".join(rf"{d(y, p.step)} \cdot {p.symbol}" for p in step.paths))
        if all(p.partial is not None for p in step.paths):
            factors = [(number(p.adjoint, "latex"), number(p.partial, "latex")) for p in step.paths]
            parts.append(" + ".join(rf"{_paren(a)} \cdot {_paren(b)}" for a, b in factors))
    parts.append(number(step.adjoint, "latex"))
    unique = [p for i, p in enumerate(parts) if i == 0 or p != parts[i - 1]]
    return unique[0] + (" &= " if aligned else " = ") + " = ".join(unique[1:])


def _paren(text: str) -> str:
    return rf"\left({text}\right)" if text.startswith("-") else text


# HTML ---------------------------------------------------------------------------------------------------------------

_STYLE = """
.wengert { font: 15px/1.5 system-ui, sans-serif; color: CanvasText; background: Canvas; color-scheme: light dark }
.wengert table { border-collapse: collapse; margin: 1em 0 }
.wengert th, .wengert td { text-align: left; vertical-align: top; padding: .25em .9em .25em 0 }
.wengert th, .wengert td { border-bottom: 1px solid #8884 }
.wengert td { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }
.wengert pre { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; line-height: 1.45 }
.wengert .drawing { overflow-x: auto }
"""


def to_html(explanation: Explanation, full: bool) -> str:
    """Title, drawing, table, derivation; self-contained."""
    names, cells = _shown(explanation)
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in cells)
    steps = "\n\n".join("\n".join(derivation_lines(explanation, step)) for step in explanation.steps)
    notes = "".join(f"<p>{html.escape(line)}</p>" for line in [_count_line(explanation), *explanation.assumptions])
    title = html.escape(_title(explanation)).replace("\n", "<br>")
    piece = (
        f'<div class="wengert"><style>{_STYLE}</style><p><b>{title}</b></p>'
        f'<div class="drawing">{explanation.to_svg()}</div>'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"<pre>{html.escape(steps)}</pre>{notes}</div>"
    )
    if not full:
        return piece
    name = html.escape(explanation.graph.name)
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title><body>{piece}</body></html>\n'
