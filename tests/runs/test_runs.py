"""The trainings of the documents, with the figures that they state, and those that they point to."""

from __future__ import annotations

import builtins
import random
import sys

import numpy as np
import pytest
from scipy.integrate import quad

from wengert.core.errors import ArgumentError
from wengert.explain.plots import MissingExtraError
from wengert.nn.checkpoint import CheckpointError
from wengert.nn.scalar import MLP
from wengert.runs import RUNS, burgers, datasets, digits, four, moons, train

# Four examples --------------------------------------------------------------------------------------------------------


def test_four_is_the_network_of_the_lecture():
    """41 parameters, rate 0.05, summed squared error below 0.01 within 100 steps; by both engines."""
    report = train("four", quiet=True)
    assert report.figures["parameters"] == 41
    assert report.figures["loss"] < 0.01
    assert report.figures["apart"] < 1e-12
    x = np.array(four.X)
    np.testing.assert_allclose(report.model(x), four.Y, atol=0.1)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_four_does_not_hang_on_its_seed(seed):
    assert train("four", seed=seed, quiet=True).figures["loss"] < 0.01


def test_a_step_of_four_goes_along_the_difference_quotient():
    model = four.network(5, "scalar")
    before = [p.data for p in model.parameters()]
    four.train_numbers(model, 1)
    moved = [p.data for p in model.parameters()]
    for i in (0, 7, 40):
        ends = []
        for h in (1e-6, -1e-6):
            for p, value in zip(model.parameters(), before, strict=True):
                p.data = value
            model.parameters()[i].data += h
            ends.append(four.loss_of_numbers(model).data)
        slope = (ends[0] - ends[1]) / 2e-6
        assert moved[i] - before[i] == pytest.approx(-four.RATE * slope, rel=1e-5, abs=1e-9)


# Two moons ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_moons():
    return train("moons", quiet=True)


def test_moons_has_the_figures_of_the_demo(two_moons):
    """The first loss and the accuracies are those that the original demo prints with its own seeds."""
    figures = two_moons.figures
    assert figures["parameters"] == 337
    assert figures["first"] == pytest.approx(0.8958441028683222, rel=1e-15)
    assert figures["begun"] == 0.5
    assert figures["loss"] == pytest.approx(0.01098, abs=5e-6)
    assert figures["accuracy"] == 1.0


def test_moons_draws_from_the_generators_of_the_demo():
    """`np.random.seed(1337); random.seed(1337)`, make_moons, then weights neuron by neuron."""
    states = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        np.random.seed(1337)  # noqa: NPY002
        random.seed(1337)
        x, y = pytest.importorskip("sklearn.datasets").make_moons(n_samples=100, noise=0.1)
        model = MLP(2, [16, 16, 1], engine="array")
    finally:
        np.random.set_state(states[0])  # noqa: NPY002
        random.setstate(states[1])
    ours = moons.network(1337)
    for (_, a), (_, b) in zip(model.named_parameters(), ours.named_parameters(), strict=True):
        assert np.array_equal(a.data, b.data)
    assert np.array_equal(datasets.two_moons(1337)[0], x)
    assert np.array_equal(datasets.two_moons(1337)[1], 2 * y - 1)


@pytest.mark.slow
def test_moons_begins_alike_in_single_numbers():
    x, y = datasets.two_moons(1337)
    model = moons.network(1337, "scalar")
    margins = [(1 - float(t) * model(row).data) for row, t in zip(x.tolist(), y.tolist(), strict=True)]
    penalty = 1e-4 * sum(p.data**2 for p in model.parameters())
    assert sum(max(m, 0.0) for m in margins) / 100 + penalty == pytest.approx(0.8958441028683222, rel=1e-14)


def test_a_run_is_repeatable_to_the_last_bit(two_moons):
    again = train("moons", quiet=True)
    for (_, a), (_, b) in zip(two_moons.model.named_parameters(), again.model.named_parameters(), strict=True):
        assert np.array_equal(a.data, b.data)


# Digits and what they look for ----------------------------------------------------------------------------------------


def test_digits_are_read():
    """98 % of digits that were not trained on."""
    report = train("digits", quiet=True)
    assert report.figures["accuracy"] >= 0.98
    counts = digits.confusion(report.model)
    (_, trained), (_, tested) = datasets.digits()
    assert len(trained) + len(tested) == 1797
    assert np.array_equal(np.sum(counts, axis=1), np.bincount(tested))
    assert np.trace(counts) / len(tested) == report.figures["accuracy"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_digits_do_not_hang_on_their_seed(seed):
    assert train("digits", seed=seed, quiet=True).figures["accuracy"] >= 0.98


@pytest.mark.slow
def test_features_look_like_their_digits():
    report = train("features", quiet=True)
    assert report.figures["alike"] >= 9
    assert report.figures["certainty"] > 0.99
    assert report.figures["objective"] > report.figures["first"]


# Burgers --------------------------------------------------------------------------------------------------------------


def test_the_exact_solution_is_that_of_cole_and_hopf():
    """φ is the heat kernel's mean of exp(−∫u₀/2ν), and u is −2ν times its log-derivative."""
    nu, x, t = burgers.NU, 0.6, 0.3

    def start(y):  # exp(−∫₀ʸ u(s, 0) ds / 2ν)
        return np.exp(-quad(lambda s: burgers.exact(s, 0.0), 0, y)[0] / (2 * nu))

    def moment(k):
        return quad(lambda y: ((x - y) / t) ** k * np.exp(-((x - y) ** 2) / (4 * nu * t)) * start(y), -1, 2.2)[0]

    assert moment(1) / moment(0) == pytest.approx(burgers.exact(x, t), rel=1e-5)


def test_the_residual_of_the_exact_solution_is_zero(monkeypatch):
    monkeypatch.setattr(burgers, "value", lambda model, x, t: burgers.exact(x, t))
    x, t = np.random.default_rng(3).random((2, 50))
    assert np.max(np.abs(burgers.residual(None, x, t))) < 1e-12
    monkeypatch.setattr(burgers, "value", lambda model, x, t: burgers.exact(x, 1.01 * t))
    assert np.max(np.abs(burgers.residual(None, x, t))) > 1e-3


@pytest.mark.slow
def test_burgers_comes_near_the_solution():
    report = train("burgers", quiet=True)
    assert report.figures["parameters"] == 501
    assert report.figures["error"] < 5e-3
    assert report.figures["largest"] < 2e-2


def test_burgers_learns(tmp_path):
    short = train("burgers", steps=60, quiet=True, out=tmp_path)
    assert short.figures["error"] < 0.3
    on = train("burgers", steps=60, quiet=True, out=tmp_path, resume=True)
    assert on.figures["error"] < short.figures["error"]


# What is around them --------------------------------------------------------------------------------------------------


def test_pictures_and_checkpoints_go_into_the_folder(tmp_path):
    out = tmp_path / "new" / "folder"
    report = train("moons", out=out, quiet=True)
    assert {p.name for p in out.iterdir()} == {"moons_decision.png", "moons_history.png", "moons.safetensors"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in report.pictures)
    assert "moons_decision.png" in str(report)
    with pytest.raises(ArgumentError, match="--resume"):
        train("moons", out=out, quiet=True)
    again = train("moons", out=out, quiet=True, resume=True)
    assert again.figures["loss"] == report.figures["loss"]


def test_a_run_goes_on_from_where_it_stopped(tmp_path):
    through = train("four", steps=60, quiet=True)
    train("four", steps=30, out=tmp_path, quiet=True)
    on = train("four", steps=60, out=tmp_path, resume=True, quiet=True)
    for (_, a), (_, b) in zip(through.model.named_parameters(), on.model.named_parameters(), strict=True):
        assert np.array_equal(a.data, b.data)
    assert on.figures["apart"] < 1e-12


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    train("moons", steps=3, out=tmp_path, quiet=True)
    with pytest.raises(CheckpointError, match="another run"):
        train("moons", steps=4, out=tmp_path, resume=True, quiet=True)


@pytest.mark.parametrize("name", RUNS)
def test_one_step_is_enough_to_report(name, tmp_path):
    report = train(name, steps=1, quiet=True, out=tmp_path)
    assert str(report).startswith(report.title)
    assert all(np.isfinite(value) for value in report.figures.values())
    assert report.model.num_parameters > 0


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("moon", {}, "one of four, moons"),
        ("four", {"steps": 0}, "at least 1"),
        ("four", {"steps": 2.0}, "whole number"),
        ("four", {"seed": -1}, "at least 0"),
        ("four", {"resume": True}, "folder"),
        ("four", {"temperature": 1.0}, "writes no text"),
        ("gpt", {"temperature": -1.0}, "at least 0"),
        ("gpt", {"temperature": float("nan")}, "at least 0"),
    ],
)
def test_what_cannot_be_done_is_said(name, settings, words):
    with pytest.raises(ArgumentError, match=words):
        train(name, quiet=True, **settings)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="is a file"):
        train("four", out=tmp_path / "file", quiet=True)


@pytest.mark.parametrize("name", ["moons", "digits", "features"])
def test_without_scikit_learn_it_is_said_what_to_install(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtraError, match="pip install scikit-learn"):
        train(name, quiet=True)


def test_without_matplotlib_it_is_said_what_to_install(tmp_path, monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="matplotlib"):
        train("four", out=tmp_path, quiet=True)
    assert not list(tmp_path.iterdir())  # before the training
