"""Pictures: that what is drawn is what was measured, and what is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError, ShapeError
from wengert.explain.plots import MissingExtraError
from wengert.nn.history import History
from wengert.nn.pictures import plot_decision, plot_histograms, plot_history

nn = wg.nn


def history(rounds=3, **figures):
    found = History()
    for k in range(rounds):
        found.losses += [100.0 * 0.1**k, 50.0 * 0.1**k]
        found.add({"step": 2 * k + 2, "epoch": k + 1.0, "loss": 75 * 0.1**k, **{n: v[k] for n, v in figures.items()}})
    return found


def test_curves_are_those_of_the_history(tmp_path):
    run = history(validation_loss=[3.0, 2.0, 1.0], accuracy=[0.1, 0.5, 0.7], validation_accuracy=[0.2, 0.4, 0.6])
    above, below = run.plot(tmp_path / "curves.png").axes
    lines = {line.get_label(): line.get_xydata() for axes in (above, below) for line in axes.lines}
    np.testing.assert_array_equal(lines["each step"], np.stack([np.arange(1, 7), run.loss], 1))
    np.testing.assert_array_equal(lines["training"][:, 0], [2, 4, 6])
    np.testing.assert_array_equal(lines["validation"][:, 1], [3.0, 2.0, 1.0])
    np.testing.assert_array_equal(lines["accuracy, validation"][:, 1], [0.2, 0.4, 0.6])
    assert above.get_yscale() == "log"
    assert plot_history(run, log=False).axes[0].get_yscale() == "linear"
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_no_steps_are_no_curve():
    with pytest.raises(ArgumentError, match="no steps"):
        plot_history(History())


def test_the_boundary_is_where_the_score_is_zero():
    x = np.array([[-1.0, -1.0], [1.0, 1.0], [0.5, -0.5]])
    figure = plot_decision(lambda p: p[:, :1] - 0.25, x, np.array([0, 1, 1]))
    contour = next(c for c in figure.axes[0].collections if type(c).__name__ == "QuadContourSet")
    np.testing.assert_allclose(contour.get_paths()[0].vertices[:, 0], 0.25, atol=1e-12)


def test_classes_are_drawn_in_their_colours():
    x = np.array([[-1.0, -1.0], [1.0, 1.0]])
    figure = plot_decision(lambda p: np.stack([-50 * p[:, 0], 50 * p[:, 0]], 1), x, np.array([0, 1]), resolution=50)
    image = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(image[0, 0], 1 - 0.6 * (1 - np.array([0x3B, 0x6F, 0xB6]) / 255), atol=1e-6)
    assert image[0, 0, 2] > image[0, 0, 0]  # blue on the left
    assert image[0, -1, 0] > image[0, -1, 2]


def test_a_module_is_asked_in_evaluation_mode():
    model = nn.Sequential(nn.Dropout(0.9, rng=0), nn.Linear(2, 1, rng=0))
    x = np.array([[-1.0, -1.0], [1.0, 1.0]])
    plots = [plot_decision(model, x).axes[0].collections[0].get_array() for _ in range(2)]
    np.testing.assert_array_equal(plots[0], plots[1])
    assert model.training


@pytest.mark.parametrize(
    ("model", "x", "labels", "words"),
    [
        (lambda p: p[:, 0], np.zeros((4, 3)), None, r"points in the plane.*\(4, 3\)"),
        (lambda p: p[:, 0], np.zeros((0, 2)), None, "points in the plane"),
        (lambda p: p[:, 0], np.zeros((4, 2)), np.zeros(3), "4 points and labels"),
        (lambda p: p[None], np.zeros((4, 2)), None, "scores of shape"),
    ],
)
def test_what_has_no_surface(model, x, labels, words):
    with pytest.raises(ShapeError, match=words):
        plot_decision(model, x, labels, resolution=10)


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_histograms_of_weights_and_gradients():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3))
    names = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert titles(plot_histograms(model)) == names
    model(np.array([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    both = [name for pair in zip(names, [f"gradient of {name}" for name in names], strict=True) for name in pair]
    assert titles(plot_histograms(model)) == both  # those of the tape
    grads = wg.grad(lambda m: np.sum(m(np.ones((3, 2)))))(model)
    figure = plot_histograms(model, grads)
    assert titles(figure) == both
    counts = [sum(patch.get_height() for patch in axes.patches) for axes in figure.axes[::2]]
    assert counts == [6, 3, 3, 3]


def test_what_is_not_finite_is_counted():
    figure = plot_histograms({"w": np.array([0.0, 1.0, np.nan, np.inf])})
    assert "2 not finite" in figure.axes[0].get_title(loc="right")
    assert "25% are 0" in figure.axes[0].get_title(loc="right")


def test_gradients_of_another_model():
    with pytest.raises(ShapeError, match="not those of this model"):
        plot_histograms({"w": np.ones(3)}, {"w": np.ones(2)})
    with pytest.raises(ArgumentError, match="no parameters"):
        plot_histograms(nn.Identity())


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"wengert\[plot\]"):
        plot_histograms({"w": np.ones(3)})
