"""Whole runs: the same numbers as a loop by hand, validation, early stopping, callbacks, resuming, and bad input."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

import wengert as wg
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn import checkpoint
from wengert.nn.checkpoint import CheckpointError
from wengert.nn.data import Batches, Examples
from wengert.nn.finite import NonFiniteError
from wengert.nn.fitting import fit
from wengert.nn.losses import cross_entropy, squared_error
from wengert.nn.metrics import accuracy, supervised
from wengert.nn.progress import Bar
from wengert.nn.stopping import EarlyStopping

nn, optim = wg.nn, wg.optim


def points(n=100, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, 2))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def net(width=8):
    return nn.Sequential(nn.Linear(2, width, rng=0), nn.Tanh(), nn.Linear(width, 2, rng=1))


def slope(p, x, y):
    return np.mean((p * x - y) ** 2)


def test_a_run_is_a_loop_by_hand():
    x, y = points()
    rule = optim.Adam(lr=0.01)
    model, history = fit(net(), supervised(cross_entropy), (x, y), optimizer=rule, epochs=3, batch_size=32, seed=7)
    want, state, losses = net(), rule.init(net()), []
    for epoch in range(3):
        order = np.arange(100)
        np.random.default_rng((7, epoch)).shuffle(order)
        for k in range(3):  # four examples of each epoch are left out
            rows = order[32 * k : 32 * k + 32]
            value, grads = wg.value_and_grad(lambda m, rows=rows: cross_entropy(m(x[rows]), y[rows]))(want)
            want, state = rule.update(grads, state, want)
            losses.append(value)
    np.testing.assert_allclose(history.loss, losses, rtol=1e-11)
    np.testing.assert_allclose(history["loss"], np.reshape(losses, (3, 3)).mean(1), rtol=1e-11)
    for a, b in zip(model.state_dict().values(), want.state_dict().values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-13)


def test_runs_repeat_and_seeds_matter():
    x, y = points()
    runs = [fit(net(), supervised(cross_entropy), (x, y), epochs=2, batch_size=10, seed=seed) for seed in (1, 1, 2)]
    assert runs[0].history.loss.tobytes() == runs[1].history.loss.tobytes()
    assert runs[0].history.loss.tobytes() != runs[2].history.loss.tobytes()


def test_the_given_model_stays_as_it_is():
    x, y = points()
    model = nn.Sequential(nn.Linear(2, 300, rng=0), nn.BatchNorm1d(300), nn.Linear(300, 300, rng=1), nn.Linear(300, 2))
    before = model.state_dict()
    new, _ = fit(model, supervised(cross_entropy), (x, y), epochs=5)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert model.training
    assert not any(part.training for _, part in new.named_modules())
    assert type(new.layers[0].weight) is np.ndarray


def test_parts_in_evaluation_mode_stay_so():
    x, y = points()
    model = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2), nn.Linear(2, 2, rng=0))
    model.layers[0].eval()
    new, _ = fit(model, supervised(cross_entropy), (x, y), epochs=1)
    assert [layer.batches for layer in new.layers[:2]] == [0, 1]
    new, _ = fit(new, supervised(cross_entropy), (x, y), epochs=1)  # all of it is: it is trained
    assert [layer.batches for layer in new.layers[:2]] == [1, 2]


def test_validation_counts_every_example_once():
    x, y = points(100)
    model, history = fit(
        net(), supervised(cross_entropy, accuracy=accuracy), (x[:60], y[:60]), epochs=2, batch_size=15,
        validation=(x[60:97], y[60:97]),
    )  # fmt: skip
    assert history["validation_loss"][-1] == pytest.approx(cross_entropy(model(x[60:97]), y[60:97]), rel=1e-12)
    assert history["validation_accuracy"][-1] == pytest.approx(accuracy(model(x[60:97]), y[60:97]), rel=1e-12)


def test_early_stopping_returns_the_best():
    # p runs from 0 towards 4 by 1 in each step; the validation data likes 2 best
    data, best = (np.ones(4), np.full(4, 4.0)), (np.ones(4), np.full(4, 2.0))

    def loss(p, x, y):
        return np.mean(np.abs(p * x - y))

    p, history = fit(0.0, loss, data, optimizer=optim.SGD(lr=1.0), epochs=50, validation=best, early_stopping=2)
    assert (p, len(history)) == (2.0, 4)
    rule = EarlyStopping(1, monitor="loss", min_delta=0.5)
    p, history = fit(0.0, loss, data, optimizer=optim.SGD(lr=0.25), epochs=50, early_stopping=rule)
    assert (p, len(history)) == (0.25, 2)
    with pytest.raises(ShapeError, match="watches 'validation_loss'; the figures are loss"):
        fit(0.0, loss, data, epochs=2, early_stopping=EarlyStopping(1, monitor="validation_loss"))


def test_callbacks_see_each_round_and_can_end_the_run():
    x, y = points()
    seen = []

    def watch(round):
        seen.append((round.step, round.record["loss"], round.model(x).shape, len(round.history)))
        return round.step == 6

    _, history = fit(net(), supervised(cross_entropy), (x, y), steps=20, every=2, callbacks=watch)
    assert [(step, shape, rounds) for step, _, shape, rounds in seen] == [
        (2, (100, 2), 1),
        (4, (100, 2), 2),
        (6, (100, 2), 3),
    ]
    assert len(history.loss) == 6
    np.testing.assert_allclose(history["epoch"], [2, 4, 6])


def test_models_that_a_callback_keeps_are_not_overwritten():
    x, y = points()
    kept = []
    fit(
        net(400),
        supervised(cross_entropy),
        (x, y),
        steps=4,
        every=1,
        callbacks=lambda r: kept.append((r.model, r.model(x))),
    )
    for model, then in kept:
        np.testing.assert_array_equal(model(x), then)


# Data -----------------------------------------------------------------------------------------------------------------


class Windows:
    """Stretches of a text."""

    def __init__(self, text, length):
        self.text, self.length = np.asarray(text), length

    def __len__(self):
        return len(self.text) - self.length

    def __getitem__(self, numbers):
        window = self.text[numbers[:, None] + np.arange(self.length + 1)]
        return window[:, :-1], window[:, 1:]


def test_a_dataset_gives_batches_by_number():
    data = Windows(np.arange(20.0), 3)
    _, history = fit(np.zeros(3), lambda p, x, y: np.mean((x + p - y) ** 2), data, epochs=60, batch_size=4,
                     optimizer=optim.SGD(lr=0.5), validation=data)  # fmt: skip
    assert len(history.loss) == 60 * 4
    assert history["validation_loss"][-1] < 1e-12


def test_every_example_comes_once_in_an_epoch():
    batches = Batches(Examples(np.arange(12)), 4, seed=3)
    epochs = [np.concatenate([batches.at(3 * e + k)[0][0] for k in range(3)]) for e in range(3)]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert len({epoch.tobytes() for epoch in epochs}) == 3
    assert batches.at(4)[0][0].tobytes() == epochs[1][4:8].tobytes()  # found at any time
    plain = Batches(Examples(np.arange(5)), 2, seed=0, shuffle=False)
    assert [list(plain.at(k)[0][0]) for k in range(3)] == [[0, 1], [2, 3], [0, 1]]


@pytest.mark.parametrize(
    "data",
    [
        (np.arange(6.0), np.arange(6.0)),
        (list(range(6)), list(range(6))),
        (np.arange(6, dtype=">i4"), np.arange(6, dtype=np.float32)),
    ],
)
def test_arrays_of_many_kinds(data):
    p, _ = fit(0.0, slope, data, epochs=60, batch_size=2, optimizer=optim.SGD(lr=0.02))
    assert p == pytest.approx(1.0, abs=1e-4)


def test_dicts_and_single_arrays():
    p, _ = fit(0.0, lambda p, batch: np.mean((p * batch["x"] - batch["y"]) ** 2),
               {"x": np.arange(4.0), "y": 2 * np.arange(4.0)}, epochs=60, optimizer=optim.SGD(lr=0.05))  # fmt: skip
    assert p == pytest.approx(2.0)
    p, _ = fit(0.0, lambda p, x: np.mean((p - x) ** 2), np.arange(5.0), epochs=80, optimizer=optim.SGD(lr=0.2))
    assert p == pytest.approx(2.0)
    p, _ = fit(0.0, lambda p: (p - 3) ** 2, None, steps=80, optimizer=optim.SGD(lr=0.2))
    assert p == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ((np.zeros((0, 2)), np.zeros(0)), ShapeError, "the data is empty"),
        ((), ShapeError, "has no arrays"),
        ((np.zeros(3), np.zeros(4)), ShapeError, r"different numbers of rows: \(3,\), \(4,\)"),
        ((np.zeros(3), np.float64(1)), ShapeError, r"data\[1\] is one number"),
        (np.array(["a"]), ArgumentError, "dtype <U1"),
        ([np.zeros(3), np.zeros(3)], ArgumentError, "a list, whose examples cannot be taken"),
        (zip([1.0], [2.0], strict=True), ArgumentError, "a zip, whose examples cannot be taken"),
        ((x for x in [1.0]), ArgumentError, "generator"),
        ("text", ArgumentError, "a str"),
        (3.0, ArgumentError, "a float"),
    ],
)
def test_data_that_is_none(data, error, words):
    with pytest.raises(error, match=words):
        fit(0.0, slope, data, epochs=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "as long as its epochs or its steps"),
        ({"epochs": 1, "steps": 1}, "as long as its epochs or its steps"),
        ({"epochs": 1.5}, "epochs is a whole number"),
        ({"steps": -1}, "steps is a whole number"),
        ({"epochs": 1, "batch_size": 0}, "batch_size"),
        ({"epochs": 1, "every": 0}, "every"),
        ({"epochs": 1, "seed": -1}, "seed"),
        ({"epochs": 1, "early_stopping": 0}, "patience"),
        ({"epochs": 1, "callbacks": [3]}, "takes a function"),
        ({"epochs": 1, "optimizer": "adam"}, "one of wg.optim"),
    ],
)
def test_settings_that_do_not_fit(options, words):
    with pytest.raises(ArgumentError, match=words):
        fit(0.0, slope, (np.ones(4), np.ones(4)), **options)


def test_no_steps_are_no_change():
    p, history = fit(2.0, slope, (np.ones(4), np.ones(4)), steps=0)
    assert (p, len(history), history.loss.size) == (2.0, 0, 0)
    assert repr(history) == "History of no rounds"


# Not finite -----------------------------------------------------------------------------------------------------------


def test_a_run_that_fails_keeps_the_last_good_checkpoint(tmp_path):
    x = np.ones((8, 1))
    x[5] = np.nan
    file = tmp_path / "run"
    options = {"optimizer": optim.SGD(lr=0.01), "batch_size": 1, "every": 1, "shuffle": False, "checkpoint": file}
    with pytest.raises(NonFiniteError, match=r"step 6: the loss is nan; batch\[0\] has nan at \[0, 0\]") as caught:
        fit(
            nn.Linear(1, 1, rng=0),
            supervised(squared_error),
            (x, np.ones((8, 1))),
            epochs=1,
            checkpoint_seconds=0,
            **options,
        )
    assert f"the last good checkpoint is {file}, of step 5" in str(caught.value)
    tensors, note = checkpoint.read(file)
    assert note["step"] == 5
    assert all(np.all(np.isfinite(tensor)) for tensor in tensors.values())


def test_a_run_that_grows_beyond_all_bounds_names_the_step():
    with pytest.raises(NonFiniteError, match=r"step \d+: the loss is inf; it begins with"):
        fit(1.0, slope, (np.ones(4), np.zeros(4)), steps=5000, optimizer=optim.SGD(lr=3.0))


def test_validation_that_is_not_finite():
    with pytest.raises(NonFiniteError, match="the validation loss after step 1 is nan; it begins with sqrt"):
        fit(1.0, lambda p, x: np.mean(np.sqrt(p * x)), np.ones(4), epochs=3, validation=-np.ones(3))


# Resuming (kills are in test_checkpoint.py) ---------------------------------------------------------------------------


def resumed(tmp_path, *, model=None, data=None, **options):
    x, y = points()
    settings = {"optimizer": optim.Adam(lr=0.01), "batch_size": 16, "epochs": 2, "checkpoint": tmp_path / "run"}
    return fit(model or net(), supervised(cross_entropy), data or (x, y), **{**settings, **options})


def test_a_longer_run_goes_on_from_a_shorter_one(tmp_path):
    resumed(tmp_path, epochs=2)
    longer = resumed(tmp_path, epochs=5)
    whole = resumed(tmp_path, epochs=5, checkpoint=None)
    assert longer.history.loss.tobytes() == whole.history.loss.tobytes()
    assert longer.model.layers[0].weight.tobytes() == whole.model.layers[0].weight.tobytes()


def test_a_run_that_stopped_early_stays_so(tmp_path):
    one = resumed(tmp_path, epochs=50, early_stopping=EarlyStopping(1, min_delta=10.0))
    two = resumed(tmp_path, epochs=50, early_stopping=EarlyStopping(1, min_delta=10.0))
    assert len(one.history) == len(two.history) == 2
    assert one.model.layers[0].weight.tobytes() == two.model.layers[0].weight.tobytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": optim.Adam(lr=0.02)}, r"optimizer Adam\(lr=0.01.*in the file, Adam\(lr=0.02.*here"),
        ({"batch_size": 8}, "batch size 16 in the file, 8 here"),
        ({"seed": 1}, "seed 0 in the file, 1 here"),
        ({"data": points(90)}, "examples 100 in the file, 90 here"),
        ({"model": net(9)}, r"another model: .*2 → 8.* in the file, .*2 → 9.* here"),
        ({"model": nn.Sequential(nn.Linear(2, 8, rng=0), nn.ReLU(), nn.Linear(8, 2, rng=1))}, "Tanh.*ReLU"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, options, words):
    resumed(tmp_path)
    before = (tmp_path / "run").read_bytes()
    with pytest.raises(CheckpointError, match=words):
        resumed(tmp_path, **options)
    assert (tmp_path / "run").read_bytes() == before


def test_a_file_that_is_no_run(tmp_path):
    checkpoint.save(tmp_path / "run", net())
    with pytest.raises(CheckpointError, match="holds no run"):
        resumed(tmp_path)
    (tmp_path / "run").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="damaged"):
        resumed(tmp_path)


def test_where_a_checkpoint_cannot_be_is_said_before_the_work(tmp_path):
    with pytest.raises(ArgumentError, match="no directory"):
        resumed(tmp_path, checkpoint=tmp_path / "none" / "run")


# The bar --------------------------------------------------------------------------------------------------------------


def test_the_bar_shows_loss_and_throughput(monkeypatch):
    out = io.StringIO()
    with Bar(100, 10, 20, show=True, console=Console(file=out, force_terminal=True, width=140)) as bar:
        assert bar.due == 0.0
        bar.draw(30, 0.25)
        assert bar.due > 0.0
        bar.round({"step": 40, "loss": 1.0, "validation_loss": 0.125})
        bar.draw(40, 0.2)
    assert "epoch 2/5" in out.getvalue()
    assert "loss 0.25" in out.getvalue()
    assert "validation loss 0.125" in out.getvalue()
    assert "examples/s" in out.getvalue()


def test_nobody_watching_is_shown_nothing(capsys):
    fit(0.0, slope, (np.ones(4), np.ones(4)), steps=3)
    assert capsys.readouterr() == ("", "")


def test_variables_and_small_dtypes():
    tree = {"w": wg.Variable(0.0)}
    new, _ = fit(tree, lambda t, x: np.mean((t["w"] - x) ** 2), np.ones(3), epochs=40, optimizer=optim.SGD(lr=0.3))
    assert new["w"] == pytest.approx(1.0)
    assert tree["w"].data == 0.0
    half = nn.Linear(4, 1, rng=0).astype(np.float16)  # the sum of its gradients is above 65504
    x = np.full((8, 4), 150, np.float16)
    new, _ = fit(
        half, supervised(squared_error), (x, np.zeros((8, 1), np.float16)), epochs=2, optimizer=optim.SGD(lr=1e-6)
    )
    assert new.weight.dtype == np.float16
