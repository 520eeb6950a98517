"""Metrics against scikit-learn's, traced and compiled, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, top_k_accuracy_score

import wengert as wg
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.history import History
from wengert.nn.losses import squared_error
from wengert.nn.metrics import accuracy, binary_accuracy, supervised, top_k_accuracy

RNG = np.random.default_rng(0)
SCORES, LABELS = RNG.normal(size=(200, 6)), RNG.integers(0, 6, 200)


@pytest.mark.parametrize("compiled", [False, True])
def test_figures_are_those_of_scikit_learn(compiled):
    run = wg.jit if compiled else (lambda f: f)
    assert run(accuracy)(SCORES, LABELS) == pytest.approx(accuracy_score(LABELS, SCORES.argmax(1)))
    for k in (1, 2, 5):
        want = top_k_accuracy_score(LABELS, SCORES, k=k)
        assert run(lambda s, y, k=k: top_k_accuracy(s, y, k))(SCORES, LABELS) == pytest.approx(want)
    signs, target = SCORES[:, 0], LABELS > 2
    assert run(binary_accuracy)(signs, target * 1) == pytest.approx(accuracy_score(target, signs > 0))
    assert binary_accuracy(signs, np.where(target, 1, -1)) == pytest.approx(accuracy_score(target, signs > 0))


def test_labels_may_have_more_axes():
    found = accuracy(SCORES.reshape(10, 20, 6), LABELS.reshape(10, 20))
    assert found == accuracy(SCORES, LABELS)


@pytest.mark.parametrize(
    ("metric", "args", "error"),
    [
        (accuracy, (SCORES, LABELS[:, None]), ShapeError),
        (accuracy, (np.float64(1), np.float64(1)), ShapeError),
        (accuracy, (SCORES, LABELS * 1.0), ArgumentError),
        (top_k_accuracy, (SCORES, LABELS, 0), ArgumentError),
        (binary_accuracy, (SCORES[:, :1], LABELS), ShapeError),
        (supervised, (3,), ArgumentError),
    ],
)
def test_what_does_not_fit(metric, args, error):
    with pytest.raises(error):
        metric(*args)


def test_an_objective_asks_the_model_once():
    asked = []
    objective = supervised(squared_error, half=lambda p, y: np.mean(p) / 2)
    value, metrics = objective(lambda x: asked.append(x) or x, np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    assert (value, metrics, len(asked)) == (2.0, {"half": 1.0}, 1)


def test_a_history_is_kept_whole():
    history = History()
    history.losses += [np.float32(0.1), 0.2, float("nan")]
    history.add({"step": 3.0, "epoch": 1.0, "loss": 0.15, "b": 1.0, "a": 2.0})
    again = History.from_arrays(history.to_arrays(), history.columns)
    assert again.loss.tobytes() == history.loss.tobytes()
    assert again.columns == list(again) == ["step", "epoch", "loss", "b", "a"]
    assert again.last == history.last
    assert "loss 0.15, b 1, a 2" in repr(again)
    with pytest.raises(ArgumentError, match="has no 'acuracy'; it has step, epoch"):
        again["acuracy"]
    with pytest.raises(ArgumentError, match="a round of step in a history of"):
        again.add({"step": 4.0})
