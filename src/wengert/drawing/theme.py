"""Colours and type of the drawings, as a style sheet.

Every rule is scoped by the theme's class, because the style sheet of an SVG inside an HTML page holds for the whole
page. No CSS variables: converters such as CairoSVG and Inkscape do not know them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wengert.drawing.diagram import Kind

Theme = Literal["light", "dark", "auto"]

MONOSPACE = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class Palette:
    """The colours of one theme; `kinds` has for each kind of box its border and the tint of its label."""

    paper: str
    body: str
    ink: str
    muted: str
    line: str
    gradient: str
    gradient_tint: str
    emphasis: str
    kinds: dict[Kind, tuple[str, str]]


LIGHT = Palette(
    paper="#ffffff",
    body="#ffffff",
    ink="#1f2733",
    muted="#5f6b7a",
    line="#8c97a6",
    gradient="#a92d52",
    gradient_tint="#fcf2f5",
    emphasis="#d9480f",
    kinds={
        "input": ("#5b8abf", "#e4eefa"),
        "constant": ("#a9b1bc", "#f1f3f5"),
        "value": ("#96a1af", "#f2f4f7"),
        "operation": ("#c99a3f", "#fdf3de"),
        "output": ("#4b9c72", "#e1f3e9"),
        "group": ("#8f81c2", "#efecfa"),
    },
)

DARK = Palette(
    paper="#14181f",
    body="#1b212b",
    ink="#e6eaf0",
    muted="#98a3b2",
    line="#78849a",
    gradient="#f297ae",
    gradient_tint="#2e2029",
    emphasis="#ff8f52",
    kinds={
        "input": ("#6c9fd8", "#1e3550"),
        "constant": ("#677181", "#262c36"),
        "value": ("#7b8798", "#272e3a"),
        "operation": ("#cfa04a", "#3c321d"),
        "output": ("#5cb488", "#19392b"),
        "group": ("#a093d6", "#2d2848"),
    },
)


def style_sheet(theme: Theme) -> str:
    """The rules of a theme; "auto" follows the reader's preference for light or dark."""
    if theme == "auto":
        return f"{_rules('auto', LIGHT)}\n@media (prefers-color-scheme: dark) {{\n{_rules('auto', DARK)}\n}}"
    return _rules(theme, LIGHT if theme == "light" else DARK)


def _rules(theme: Theme, palette: Palette) -> str:
    rules = {
        ".paper": f"fill: {palette.paper}",
        "text": f"fill: {palette.ink}",
        ".frame": f"fill: {palette.body}; stroke-width: 1.3",
        ".cell": "stroke: none",
        ".body": f"fill: {palette.body}",
        ".gradient": f"fill: {palette.gradient_tint}",
        "text.gradient": f"fill: {palette.gradient}",
        ".line": f"fill: none; stroke: {palette.line}; stroke-width: 1.4; stroke-linecap: round",
        ".head": f"fill: {palette.line}",
        ".plate": f"fill: {palette.paper}",
        ".partial": f"fill: {palette.muted}",
        ".caption": f"fill: {palette.muted}",
    }
    for kind, (border, tint) in palette.kinds.items():
        rules[f".{kind} .frame"] = f"stroke: {border}"
        rules[f".{kind} .rule"] = f"stroke: {border}; stroke-width: 0.8; stroke-opacity: 0.55"
        rules[f".{kind} .tint"] = f"fill: {tint}"
    rules[".lit .line"] = f"stroke: {palette.emphasis}; stroke-width: 2.4"
    rules[".lit .head"] = f"fill: {palette.emphasis}"
    rules[".lit .frame"] = f"stroke: {palette.emphasis}; stroke-width: 2.4"
    rules[".lit .partial"] = f"fill: {palette.emphasis}; font-weight: 600"
    return "\n".join(f".wengert-{theme} {selector} {{ {rule} }}" for selector, rule in rules.items())
