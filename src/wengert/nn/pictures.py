"""Pictures of training: curves of the loss, what a classifier decides in the plane, how weights are distributed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tree import flatten
from wengert.explain.plots import MissingExtraError
from wengert.nn.checkpoint import names_of
from wengert.nn.fields import trainable
from wengert.nn.history import History
from wengert.nn.module import Module
from wengert.transform.tape import Variable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _RED, _GREY = "#3b6fb6", "#a92d52", "#8c97a6"
_CLASSES = (
    "#3b6fb6",
    "#d1495b",
    "#edae49",
    "#2e8b72",
    "#7d5ba6",
    "#8c564b",
    "#5fb0c7",
    "#7f8c3d",
    "#c27ba0",
    "#555555",
)
_BINS = 60
_CHUNK = 8192  # points of the plane at once


def plot_history(history: History, path: Any = None, *, log: bool | None = None) -> Figure:
    """The loss of each step and each round, that on validation data, and the metrics in a second panel.

    **Arguments**: `history`, of `nn.fit`; `path`, a file to write the picture to (PNG, SVG, PDF); `log`: a logarithmic
    axis for the loss, by default where all losses are positive and the largest is 20 times the smallest.
    **Returns**: the figure of matplotlib. **Raises**: `MissingExtraError` without matplotlib, `ArgumentError` for a
    history without steps.

    >>> from wengert.nn.history import History
    >>> history = History()
    >>> history.losses += [2.0, 1.0]
    >>> history.add({"step": 2, "loss": 1.5})
    >>> len(history.plot().axes)
    1
    """
    losses = history.loss
    if not losses.size:
        raise ArgumentError("there is nothing to plot: the history has no steps")
    metrics = [n for n in history.columns if n not in ("step", "epoch", "seconds", "loss", "validation_loss")]
    figure = _figure(7.2, 4.4 if not metrics else 6.4)
    panels = figure.subplots(2 if metrics else 1, squeeze=False, sharex=True)[:, 0]
    above = panels[0]
    steps = np.arange(1, losses.size + 1)
    above.plot(steps, losses, color=_GREY, linewidth=0.8, alpha=0.6, label="each step")
    marker = "o" if len(history) < 40 else None
    if len(history):
        above.plot(history["step"], history["loss"], color=_BLUE, marker=marker, markersize=3, label="training")
    shown = losses
    if "validation_loss" in history.columns:
        found = history["validation_loss"]
        above.plot(history["step"], found, color=_RED, marker=marker, markersize=3, label="validation")
        shown = np.concatenate([losses, found])
    if log if log is not None else np.min(shown) > 0 and np.max(shown) > 20 * np.min(shown):
        above.set_yscale("log")
    above.set_ylabel("loss")
    for i, name in enumerate([n for n in metrics if not n.startswith("validation_")]):
        colour = _CLASSES[i % len(_CLASSES)]
        panels[1].plot(history["step"], history[name], color=colour, marker=marker, markersize=3, label=name)
        if f"validation_{name}" in metrics:
            panels[1].plot(history["step"], history[f"validation_{name}"], color=colour, linestyle="--",
                            marker=marker, markersize=3, label=f"{name}, validation")  # fmt: skip
    for panel in panels:
        _quiet(panel)
        panel.legend(frameon=False, fontsize=9)
    panels[-1].set_xlabel("step")
    return _written(figure, path)


def plot_decision(
    model: Callable[[Any], Any], x: Any, labels: Any = None, path: Any = None, *, resolution: int = 200
) -> Figure:
    """What a classifier of points in the plane decides: the score, or the likeliest class, at every point.

    **Arguments**: `model`, a function of points of shape (n, 2); its scores have shape (n,) or (n, 1), where the sign
    decides, or (n, classes), where the largest does. A Module is asked in evaluation mode. `x`, points of shape
    (m, 2), which the picture spans, and `labels` of shape (m,), their classes; `resolution`, points along an axis.
    **Returns**: the figure. **Raises**: `ShapeError` for other shapes, `MissingExtraError` without matplotlib.
    **Cost**: `resolution`² evaluations of the model, a few thousand at a time.

    >>> import numpy as np
    >>> from wengert.nn.pictures import plot_decision
    >>> figure = plot_decision(lambda x: x[:, 0] - x[:, 1] ** 2, np.array([[-1.0, -1.0], [1.0, 1.0]]), np.array([0, 1]))
    >>> [float(limit) for limit in figure.axes[0].get_xlim()]
    [-1.2, 1.2]
    """
    x = np.asarray(x, float)
    if x.ndim != 2 or x.shape[1] != 2 or not x.size:
        raise ShapeError(
            f"a decision surface is that of points in the plane, of shape (m, 2), not {x.shape}",
            wrong="plot_decision(model, x)",
            right="plot_decision(lambda p: model(embed(p)), x[:, :2])",
        )
    if labels is not None and np.shape(labels) != x.shape[:1]:
        raise ShapeError(f"there are {len(x)} points and labels of shape {np.shape(labels)}")
    margin = 0.1 * np.maximum(np.ptp(x, axis=0), 1e-9)
    low, high = np.min(x, axis=0) - margin, np.max(x, axis=0) + margin
    across, up = np.linspace(low[0], high[0], resolution), np.linspace(low[1], high[1], resolution)
    points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    ask = still(model)
    scores = np.concatenate([_plain(ask(points[i : i + _CHUNK])) for i in range(0, len(points), _CHUNK)])
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    if scores.ndim not in (1, 2) or len(scores) != len(points):
        raise ShapeError(f"the model makes scores of shape {scores.shape} of {len(points)} points")
    figure = _figure(6.0, 5.2)
    axes = figure.add_subplot()
    if scores.ndim == 1:
        _draw_score(figure, axes, across, up, scores.reshape(resolution, resolution))
    else:
        _draw_classes(axes, across, up, scores.reshape(resolution, resolution, -1))
    if labels is not None:
        for i, label in enumerate(np.unique(labels)):
            chosen = np.asarray(labels) == label
            colour = _CLASSES[(int(label) if scores.ndim == 2 else i) % len(_CLASSES)]
            axes.scatter(
                x[chosen, 0], x[chosen, 1], s=16, color=colour, edgecolor="white", linewidth=0.5, label=str(label)
            )
        axes.legend(frameon=True, fontsize=9, loc="upper right")
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    return _written(figure, path)


def _draw_score(figure: Figure, axes: Axes, across: Any, up: Any, scores: Any) -> None:
    limit = float(np.max(np.abs(scores))) or 1.0
    shown = axes.pcolormesh(across, up, scores, cmap="RdBu_r", vmin=-limit, vmax=limit, alpha=0.7, rasterized=True)
    if np.min(scores) < 0 < np.max(scores):
        axes.contour(across, up, scores, levels=[0.0], colors="#222222", linewidths=1.2)
    figure.colorbar(shown, ax=axes, label="score")


def _draw_classes(axes: Axes, across: Any, up: Any, scores: Any) -> None:
    from matplotlib.colors import to_rgb

    first = np.argmax(scores, axis=-1)
    likely = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    sure = np.max(likely, axis=-1) / np.sum(likely, axis=-1)  # 1/classes where undecided, 1 where certain
    colours = np.array([to_rgb(c) for c in _CLASSES])[first % len(_CLASSES)]
    strength = (0.15 + 0.45 * sure)[..., None]
    extent = (across[0], across[-1], up[0], up[-1])
    axes.imshow(1 - strength * (1 - colours), origin="lower", extent=extent, aspect="auto", interpolation="bilinear")


def plot_histograms(model: Any, gradients: Any = None, path: Any = None) -> Figure:
    """How the numbers of each parameter are distributed, and those of their gradients beside them.

    **Arguments**: `model`, a pytree; `gradients`, a tree like it, as `wg.grad` gives it, or None: then those that
    `backward()` left in the Variables of the model, if there are any. Buffers are left out.
    **Returns**: the figure: a row for each parameter, with mean and standard deviation, and the share of numbers that
    are 0, NaN or infinite where there are any. **Raises**: `ShapeError` for gradients that do not fit.

    >>> import numpy as np
    >>> from wengert.nn.pictures import plot_histograms
    >>> figure = plot_histograms({"w": np.ones((3, 2)), "b": np.zeros(2)})
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['b', 'w']
    """
    leaves, _ = flatten(model)
    chosen = [i for i, flag in enumerate(trainable(model)) if flag]
    names = [names_of(model)[i] for i in chosen]
    columns = [[_plain(leaves[i]) for i in chosen]]
    if gradients is not None:
        slopes, _ = flatten(gradients)
        shapes = [np.shape(_plain(leaf)) for leaf in leaves]
        if [np.shape(_plain(slope)) for slope in slopes] != shapes:
            raise ShapeError(
                "the gradients are not those of this model", right="plot_histograms(model, wg.grad(loss)(model, x))"
            )
        columns.append([_plain(slopes[i]) for i in chosen])
    elif isinstance(model, Module):
        found = {name: p.grad for name, p in _variables(model)}
        if any(grad is not None for grad in found.values()):
            columns.append([np.zeros(0) if found.get(name) is None else found[name] for name in names])
    if not names:
        raise ArgumentError("there is nothing to plot: the model has no parameters")
    figure = _figure(3.6 * len(columns), 1.1 + 1.25 * len(names))
    panels = figure.subplots(len(names), len(columns), squeeze=False)
    for k, values in enumerate(columns):
        for panel, name, array in zip(panels[:, k], names, values, strict=True):
            _draw_histogram(panel, name if not k else f"gradient of {name}", np.ravel(array), _RED if k else _BLUE)
    return _written(figure, path)


def _draw_histogram(panel: Axes, name: str, numbers: Any, colour: str) -> None:
    numbers = np.concatenate([numbers.real, numbers.imag]) if numbers.dtype.kind == "c" else numbers
    finite = numbers[np.isfinite(numbers)].astype(float)
    panel.set_title(name, loc="left", fontsize=9)
    _quiet(panel)
    panel.set_yticks([])
    panel.tick_params(labelsize=8)
    panel.locator_params(axis="x", nbins=4)
    notes = []
    if finite.size:
        panel.hist(finite, bins=min(_BINS, max(5, finite.size // 4)), color=colour, alpha=0.85)
        notes.append(f"{np.mean(finite):.2g} ± {np.std(finite):.2g}")
        zero = float(np.mean(numbers == 0))
        notes += [f"{zero:.0%} are 0"] if zero > 0 else []
    lost = numbers.size - finite.size
    notes += [f"{lost} not finite"] if lost else []
    panel.set_title(", ".join(notes) or "no numbers", loc="right", fontsize=8, color=_RED if lost else "black")


def still(model: Any) -> Any:
    """The model as it is asked: a Module in evaluation mode, with plain arrays, and the one that is given untouched."""
    if not isinstance(model, Module):
        return model
    leaves, rebuild = flatten(model)
    return rebuild(leaves).eval()


def _variables(model: Module) -> list[tuple[str, Variable]]:
    from wengert.nn.fields import Walk

    return [(e.path, e.value) for e in Walk(model).entries if isinstance(e.value, Variable)]


def _plain(value: Any) -> Any:
    return np.asarray(value.data if isinstance(value, Variable) else value)


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "a picture of training needs matplotlib, which is not installed", right="pip install 'wengert[plot]'"
        ) from error
    return Figure(figsize=(width, height), dpi=150, layout="constrained")


def _quiet(panel: Axes) -> None:
    panel.grid(True, color=_GREY, alpha=0.2, linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)


def _written(figure: Figure, path: Any) -> Figure:
    if path is not None:
        figure.savefig(path)
    return figure
