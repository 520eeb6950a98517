"""Pictures of what the runs find."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.explain.plots import MissingExtraError
from wengert.runs.datasets import Array


def plot_confusion(counts: Array, path: Any) -> None:
    """How many of each class (rows) were taken for each class (columns)."""
    axes = _figure(4.2, 4.0).subplots()
    shares = counts / np.maximum(np.sum(counts, axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.argwhere(counts):
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", color="white" if shares[i, j] > 0.5 else "#a92d52")
    axes.set(xlabel="what the network says", ylabel="what it is", xticks=range(10), yticks=range(10))
    axes.figure.savefig(path)


def plot_images(images: Array, path: Any) -> None:
    """Small grey images side by side, with their numbers."""
    panels = _figure(7.0, 3.2).subplots(2, len(images) // 2)
    for number, (axes, image) in enumerate(zip(panels.flat, images, strict=True)):
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(str(number), fontsize=10)
        axes.set_axis_off()
    panels[0, 0].figure.savefig(path)


def plot_waves(x: Array, lines: dict[str, tuple[Array, Array]], path: Any) -> None:
    """Exact values as lines, and what a network says as dots, by label."""
    axes = _figure(6.4, 3.2).subplots()
    for k, (label, (exact, found)) in enumerate(lines.items()):
        axes.plot(x, exact, color=f"C{k}", label=label)
        axes.plot(x[::6], found[::6], "o", color=f"C{k}", markersize=3)
    axes.set(xlabel="x", ylabel="u")
    axes.legend(title="lines: exact", frameon=False)
    axes.figure.savefig(path)


def plot_losses(losses: Any, path: Any) -> None:
    """The loss of each iteration."""
    axes = _figure(6.4, 3.2).subplots()
    axes.semilogy(np.arange(1, len(losses) + 1), losses, color="#3b6fb6")
    axes.set(xlabel="iteration", ylabel="loss")
    axes.figure.savefig(path)


def check() -> None:
    """Find out before the training whether pictures can be drawn after it."""
    _figure(1.0, 1.0)


def _figure(width: float, height: float) -> Any:
    """An empty figure of matplotlib, in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "the pictures of a run need matplotlib, which is not installed", right="pip install 'wengert[plot]'"
        ) from error
    return Figure(figsize=(width, height), dpi=110, layout="constrained")
