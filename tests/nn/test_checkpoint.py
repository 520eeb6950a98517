"""Trees in files: every bit comes back, damage is noticed, nothing is run, no kill leaves half a file."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import wengert as wg
from wengert.core.errors import ArgumentError
from wengert.nn import checkpoint
from wengert.nn.checkpoint import CheckpointError, load, save

nn, optim = wg.nn, wg.optim
TYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "c8", "c16", ">f8", ">i4"]


def bits(tree):
    return [(np.asarray(leaf).dtype.newbyteorder("="), np.shape(leaf), np.asarray(leaf).astype(
        np.asarray(leaf).dtype.newbyteorder("=")).tobytes()) for leaf in wg.core.tree.flatten(tree)[0]]  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 3)])
def test_every_bit_comes_back(tmp_path, kind, shape):
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    raw = np.frombuffer(bytes(random.Random(1).randrange(2 if kind == "?" else 256) for _ in range(size)), kind)
    array, zeros = raw.reshape(shape), np.zeros(shape, kind)
    save(tmp_path / "a", {"a": array, "f": np.array(array, order="F")})
    assert bits(load(tmp_path / "a", {"a": zeros, "f": zeros})) == bits({"a": array, "f": array})


def test_numbers_stay_what_they_are(tmp_path):
    tree = {"a": 0.1, "b": 7, "c": True, "d": 1j, "e": np.float32(0.5), "f": np.array(2.0), "g": -0.0, "h": np.nan}
    save(tmp_path / "a", tree)
    new = load(tmp_path / "a", {name: type(value)(0) if name != "f" else np.array(0.0) for name, value in tree.items()})
    assert [type(value) for value in new.values()] == [type(value) for value in tree.values()]
    assert bits(new) == bits(tree)


def test_names_are_those_of_pytorch(tmp_path):
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    save(tmp_path / "a", model)
    assert set(load_file(tmp_path / "a")) == set(model.state_dict())
    save(tmp_path / "b", {"model": model, "list": [1.0, 2.0]})
    assert {"model.layers.0.weight", "list.1"} <= set(load_file(tmp_path / "b"))
    save(tmp_path / "c", {"a.b": 1.0, "a": {"b": 2.0}})
    assert load(tmp_path / "c", {"a.b": 0.0, "a": {"b": 0.0}}) == {"a.b": 1.0, "a": {"b": 2.0}}


def test_models_and_states_come_back(tmp_path):
    model, rule = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Dropout(0.5, rng=1)), optim.Adam()
    tree = {"model": model, "state": rule.init(model)}
    save(tmp_path / "a", tree)
    other = nn.Sequential(nn.Linear(2, 3, rng=5), nn.Dropout(0.5, rng=6))
    assert bits(load(tmp_path / "a", {"model": other, "state": rule.init(other)})) == bits(tree)
    assert isinstance(load(tmp_path / "a", tree)["model"], nn.Sequential)


def test_a_variable_becomes_one(tmp_path):
    save(tmp_path / "a", [wg.Variable(2.0)])
    (new,) = load(tmp_path / "a", [wg.Variable(0.0)])
    assert isinstance(new, wg.Variable)
    assert new.data == 2.0


def test_a_tied_weight_is_written_once(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            self.first = nn.Linear(3, 3, rng=0)
            self.second = nn.Linear(3, 3, rng=1)
            self.second.weight = self.first.weight

        def forward(self, x):
            return self.second(self.first(x))

    save(tmp_path / "a", Tied())
    assert set(load_file(tmp_path / "a")) == {"first.weight", "first.bias", "second.bias"}
    new = load(tmp_path / "a", Tied())
    assert new.first.weight is new.second.weight


def test_files_of_others_are_read(tmp_path):
    save_file({"weight": np.ones((3, 2)), "bias": np.zeros(3)}, tmp_path / "a")
    assert load(tmp_path / "a", nn.Linear(2, 3)).weight.sum() == 6


# Damage ---------------------------------------------------------------------------------------------------------------


def test_damage_anywhere_is_noticed(tmp_path):
    tree = {"w": np.arange(12.0).reshape(3, 4), "b": np.arange(3, dtype=np.int32)}
    save(tmp_path / "a", tree)
    whole = (tmp_path / "a").read_bytes()
    harmless = 0
    for place in range(len(whole)):
        broken = bytearray(whole)
        broken[place] ^= 1 << (place % 8)
        (tmp_path / "b").write_bytes(broken)
        try:
            found = load(tmp_path / "b", tree)
        except CheckpointError:
            continue
        harmless += 1  # white space around the header
        assert bits(found) == bits(tree)
    assert harmless < len(whole) // 4


def test_a_file_that_was_cut_off_is_noticed(tmp_path):
    save(tmp_path / "a", np.arange(5.0))
    whole = (tmp_path / "a").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "b").write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"b is damaged"):
            load(tmp_path / "b", np.zeros(5))


def test_nothing_in_a_file_is_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("code in a file was run",))

    (tmp_path / "a").write_bytes(pickle.dumps({"weight": Bomb()}))
    with pytest.raises(CheckpointError, match="no file of safetensors"):
        load(tmp_path / "a", nn.Linear(2, 3))


def test_what_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match="is not there"):
        load(tmp_path / "none", 1.0)
    with pytest.raises(CheckpointError, match="is a directory"):
        load(tmp_path, 1.0)
    with pytest.raises(ArgumentError, match="is a directory"):
        save(tmp_path, 1.0)
    with pytest.raises(ArgumentError, match="there is no directory"):
        save(tmp_path / "none" / "a", 1.0)


def test_another_model_is_refused_with_what_differs(tmp_path):
    save(tmp_path / "a", nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)))
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path / "a", nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)).astype(np.float32))
    for words in ("layers.2.weight is missing", "layers.1.weight is unknown",
                  "layers.0.weight is float64[3, 2] in the file and float32[4, 2] here"):  # fmt: skip
        assert words in str(caught.value)


@pytest.mark.parametrize("leaf", ["text", np.array(["a"]), np.longdouble(1), object()])
def test_what_is_no_number_is_not_written(tmp_path, leaf):
    with pytest.raises(ArgumentError, match="which cannot be written"):
        save(tmp_path / "a", {"a": leaf})
    assert list(tmp_path.iterdir()) == []


def test_traced_values_are_not_written(tmp_path):
    with pytest.raises(ArgumentError, match="traced here"):
        wg.grad(lambda x: save(tmp_path / "a", x))(1.0)


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    save(tmp_path / "a", 1.0)
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError("the disk is full")))
    with pytest.raises(OSError, match="disk is full"):
        save(tmp_path / "a", 2.0)
    monkeypatch.undo()
    assert load(tmp_path / "a", 0.0) == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# Kills ----------------------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
import numpy as np
import wengert as wg
from wengert.nn.fitting import fit
from wengert.nn.losses import cross_entropy
from wengert.nn.metrics import accuracy, supervised
from wengert.nn.stopping import EarlyStopping

def run(path, epochs=40):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(230, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    model = wg.nn.Sequential(
        wg.nn.Linear(2, 96, rng=0), wg.nn.BatchNorm1d(96), wg.nn.Tanh(), wg.nn.Dropout(0.2, rng=1),
        wg.nn.Linear(96, 96, rng=2), wg.nn.ReLU(), wg.nn.Linear(96, 2, rng=3))
    rule = wg.optim.Adam(lr=wg.optim.CosineDecay(0.01, 300), clip=wg.optim.ClipNorm(1.0))
    return fit(model, supervised(cross_entropy, accuracy=accuracy), (x[:180], y[:180]), optimizer=rule,
               epochs=epochs, batch_size=32, every=3, seed=5, validation=(x[180:], y[180:]),
               early_stopping=EarlyStopping(1000), checkpoint=path, checkpoint_seconds=0.0)

if __name__ == "__main__":
    run(sys.argv[1])
"""


def same_run(one, other):
    assert bits(one.model) == bits(other.model)
    assert one.history.loss.tobytes() == other.history.loss.tobytes()
    assert one.history.columns == other.history.columns
    for name in one.history.columns:
        if name != "seconds":
            assert one.history[name].tobytes() == other.history[name].tobytes(), name


@pytest.mark.slow
def test_a_killed_run_ends_as_one_that_was_not(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    space = {"__name__": "script"}
    exec(compile(SCRIPT, "script.py", "exec"), space)
    whole = space["run"](None)
    file, rng = tmp_path / "run", random.Random()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    steps = []
    for _ in range(4):
        process = subprocess.Popen([sys.executable, str(tmp_path / "script.py"), str(file)], env=environment)
        begin = checkpoint.read(file)[1]["step"] if file.exists() else 0
        for _ in range(3000):
            if process.poll() is not None or (file.exists() and checkpoint.read(file)[1]["step"] > begin):
                break  # the kill finds it at work
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.1))
        process.kill()
        process.wait()
        _, note = checkpoint.read(file)  # whole, whenever the kill came
        steps.append(note["step"])
    assert steps == sorted(steps)
    assert 0 < steps[0] < len(whole.history.loss), steps
    same_run(space["run"](file), whole)
    same_run(space["run"](file), whole)  # it is complete now, and nothing more is done
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "script.py"]  # nor is anything left over
