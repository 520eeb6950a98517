"""Networks as scikit-learn's estimators: its own checks, and what people do with estimators."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

import wengert as wg

pytest.importorskip("sklearn", minversion="1.7")

from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from wengert.core.errors import ArgumentError
from wengert.nn.estimators import WengertClassifier, WengertRegressor
from wengert.nn.finite import NonFiniteError

# The checks fit with default settings, whose 200 passes seldom end by themselves.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.filterwarnings("ignore")  # what the checks provoke; they look at the warnings that they are about
@parametrize_with_checks([WengertClassifier(), WengertRegressor()])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)  # those that need pandas or SCIPY_ARRAY_API are shown as skipped, with their reason


@pytest.fixture(scope="module")
def iris():
    x, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(x), y


# Data as they are met -------------------------------------------------------------------------------------------------


def test_iris_is_told_apart(iris):
    model = WengertClassifier(16, learning_rate_init=0.01, random_state=0)
    assert cross_val_score(model, *iris).mean() > 0.94


def test_digits_are_read_as_well_as_by_scikit_learn():
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x / 16, y, random_state=0, stratify=y)
    settings = {"learning_rate_init": 0.01, "max_iter": 25, "random_state": 0}
    ours = WengertClassifier(50, dtype=np.float32, **settings).fit(x, y)
    known = MLPClassifier(50, **settings).fit(x.astype(np.float32), y)
    assert ours.score(x_test, y_test) > 0.96
    assert ours.score(x_test, y_test) > known.score(x_test, y_test) - 0.02
    assert ours.predict_proba(x_test).dtype == np.float32


def test_a_curve_is_learnt():
    x = np.linspace(-3.0, 3.0, 200)[:, None]
    y = np.sin(2 * x[:, 0])
    settings = {"activation": "tanh", "learning_rate_init": 0.01, "max_iter": 500, "n_iter_no_change": 500}
    for loss in ("squared_error", "absolute_error", "huber"):
        model = WengertRegressor((30, 30), loss=loss, random_state=0, **settings)
        assert model.fit(x, y).score(x, y) > 0.95, loss
    far = y + 100.0 * (np.arange(200) == 50)
    assert model.set_params(loss="absolute_error").fit(x, far).score(x, y) > 0.95
    assert model.set_params(loss="squared_error").fit(x, far).score(x, y) < 0.5


# A part among others --------------------------------------------------------------------------------------------------


def test_pipelines_grids_and_processes(iris):
    x, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    steps = make_pipeline(StandardScaler(), WengertClassifier(8, max_iter=50, random_state=0))
    grid = {"wengertclassifier__optimizer": ["sgd", wg.optim.AdamW(lr=0.05)]}
    search = GridSearchCV(steps, grid, cv=2, n_jobs=2).fit(x, names)
    alone = GridSearchCV(steps, grid, cv=2).fit(x, names)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert search.best_score_ > 0.9
    assert set(search.predict(x)) <= set(names)


def test_threads_give_the_same(iris):
    from joblib import parallel_backend

    model = WengertClassifier(6, max_iter=20, random_state=0)
    with parallel_backend("threading", n_jobs=2):
        found = cross_val_score(model, *iris, n_jobs=2)
    np.testing.assert_array_equal(found, cross_val_score(model, *iris))


def test_a_fit_is_repeated_bit_by_bit(iris):
    model = WengertClassifier(8, batch_size=32, max_iter=5, random_state=3)
    first, again = (clone(model).fit(*iris).predict_proba(iris[0]) for _ in range(2))
    assert (first == again).all()
    loaded = pickle.loads(pickle.dumps(model.fit(*iris)))
    assert (loaded.predict_proba(iris[0]) == first).all()
    assert (clone(model).set_params(random_state=4).fit(*iris).predict_proba(iris[0]) != first).any()


def test_a_loaded_network_goes_on_as_if_it_had_not_been_away(iris):
    x, y = iris
    model = WengertClassifier(5, batch_size=40, random_state=0).partial_fit(x, y, classes=[0, 1, 2])
    loaded = pickle.loads(pickle.dumps(model))
    assert (model.partial_fit(x, y).predict_proba(x) == loaded.partial_fit(x, y).predict_proba(x)).all()
    assert model.n_iter_ == 2


def test_passes_one_by_one_are_a_fit(iris):
    x, y = iris
    model = WengertClassifier(5, batch_size=40, max_iter=4, random_state=0, alpha=0.1).fit(x, y)
    steps = WengertClassifier(5, batch_size=40, random_state=0, alpha=0.1)
    for _ in range(4):
        steps.partial_fit(x, y, classes=[0, 1, 2])
    assert steps.loss_curve_ == model.loss_curve_
    assert (steps.predict_proba(x) == model.predict_proba(x)).all()


def test_a_warm_start_goes_on_from_the_network(iris):
    model = WengertClassifier(5, max_iter=3, random_state=0, warm_start=True).fit(*iris)
    before = model.loss_
    module = model.module_
    model.fit(*iris)
    assert model.n_iter_ == 6
    assert model.loss_curve_[3] < before
    assert module is not model.module_
    assert model.set_params(warm_start=False).fit(*iris).n_iter_ == 3


def test_another_rule_begins_anew(iris):
    x, y = iris
    model = WengertRegressor(5, random_state=0).partial_fit(x, y)
    model.set_params(optimizer="sgd", dtype=np.float32).partial_fit(x, y)
    assert list(model._state) == ["step", "velocity"]
    assert model.module_.layers[0].weight.dtype == np.float32
    model.set_params(optimizer="lbfgs", warm_start=True).fit(x, y)
    assert model.set_params(optimizer="adam").partial_fit(x, y).n_iter_ > 4


def test_early_stopping_keeps_the_best_network():
    x, y = load_digits(return_X_y=True)
    x, y = x[:500] / 16, y[:500]
    settings = {"learning_rate_init": 0.02, "early_stopping": True, "n_iter_no_change": 3, "random_state": 0}
    model = WengertClassifier(20, **settings).fit(x, y)
    assert len(model.validation_scores_) == model.n_iter_ < 200
    best = int(np.argmax(model.validation_scores_)) + 1
    assert best < model.n_iter_
    short = WengertClassifier(20, max_iter=best, **settings).fit(x, y)
    assert (short.predict_proba(x) == model.predict_proba(x)).all()


def test_a_weight_is_how_often_an_example_is_there(iris):
    x, y = iris
    times = np.random.default_rng(0).integers(0, 4, len(y))
    settings = {"batch_size": 1000, "max_iter": 30, "alpha": 1.0, "random_state": 0}
    for kind in (WengertClassifier, WengertRegressor):
        weighted = kind(8, **settings).fit(x, y, 0.5 * times)
        repeated = kind(8, **settings).fit(x.repeat(times, 0), y.repeat(times))
        assert weighted.loss_curve_[0] != repeated.loss_curve_[0]  # the penalty is half as much of the whole
        weighted = kind(8, **settings).fit(x, y, times)
        np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)


def test_labels(iris):
    x, y = make_multilabel_classification(300, 10, n_classes=4, random_state=0)
    model = WengertClassifier(30, learning_rate_init=0.01, random_state=0, early_stopping=True).fit(x, y)
    assert model.score(x, y) > 0.3  # all four at once
    p = model.predict_proba(x)
    assert ((p > 0.5) == model.predict(x)).all()
    assert model.decision_function(x).shape == p.shape == y.shape
    with pytest.raises(ValueError, match="another kind"):
        model.set_params(early_stopping=False).partial_fit(x, y[:, 0])


# Networks of one's own ------------------------------------------------------------------------------------------------


def folded(x):
    return x.reshape(-1, 1, 8, 8)


def with_dropout(n_in, n_out, rng):
    return wg.nn.Sequential(
        wg.nn.Lambda(folded),
        wg.nn.Flatten(),
        wg.nn.Linear(n_in, 32, activation="relu", rng=rng),
        wg.nn.BatchNorm1d(32),
        wg.nn.Dropout(0.2, rng=rng),
        wg.nn.Linear(32, n_out, rng=rng),
    )


def test_a_network_of_ones_own():
    x, y = load_digits(return_X_y=True)
    x, y = x[:800] / 16, y[:800]
    model = WengertClassifier(module=with_dropout, learning_rate_init=0.02, max_iter=20, random_state=0)
    model.fit(x[:600], y[:600])
    assert model.score(x[600:], y[600:]) > 0.85
    assert not model.module_.training
    assert (model.predict_proba(x) == model.predict_proba(x)).all()
    assert np.abs(model.module_.layers[3].running_mean).max() > 0.01
    with pytest.raises(ArgumentError, match="running_mean"):
        clone(model).set_params(optimizer="lbfgs").fit(x, y)


def test_what_a_network_must_return(iris):
    def flat(n_in, n_out, rng):
        return wg.nn.Sequential(wg.nn.Linear(n_in, 1, rng=rng), wg.nn.Lambda(lambda x: x[:, 0]))

    with pytest.raises(ValueError, match=r"returns an array of shape \(150,\).*should be \(150, 3\)"):
        WengertClassifier(module=flat).fit(*iris)
    with pytest.raises(ArgumentError, match="this one returned a int"):
        WengertClassifier(module=lambda n_in, n_out, rng: 3).fit(*iris)


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", "100"),
        ("hidden_layer_sizes", (3, 0)),
        ("hidden_layer_sizes", True),
        ("activation", "step"),
        ("module", wg.nn.Sequential),
        ("module", 3),
        ("optimizer", "newton"),
        ("optimizer", wg.optim.Adam),
        ("alpha", -1.0),
        ("alpha", np.nan),
        ("tol", "small"),
        ("batch_size", 0),
        ("batch_size", "all"),
        ("learning_rate_init", 0.0),
        ("learning_rate_init", np.inf),
        ("max_iter", 2.5),
        ("n_iter_no_change", 0),
        ("validation_fraction", 1.0),
        ("dtype", np.int64),
        ("dtype", "words"),
    ],
)
def test_settings_out_of_their_range(iris, name, value):
    if value is wg.nn.Sequential:
        value = wg.nn.Linear(4, 3)
    with pytest.raises(ArgumentError, match=name.split("_")[0]):
        WengertClassifier(**{name: value}).fit(*iris)


def test_data_that_say_nothing(iris):
    from scipy.sparse import csr_array

    x, y = iris
    model = WengertClassifier(4, max_iter=2, random_state=0)
    with pytest.raises(NotFittedError):
        model.predict(x)
    with pytest.raises(TypeError, match="dense data is required"):
        model.fit(csr_array(x), y)
    with pytest.raises(ValueError, match="contains NaN"):
        model.fit(np.where(x > 2, np.nan, x), y)
    with pytest.raises(ValueError, match="one class only"):
        model.fit(x[y == 1], y[y == 1])
    with pytest.raises(ValueError, match="zero"):
        model.fit(x, y, np.zeros(len(y)))
    with pytest.raises(ValueError, match=r"(?i)negative"):
        model.fit(x, y, np.where(y == 0, -1.0, 1.0))
    with pytest.raises(ValueError, match="3 is none of the classes"):
        model.partial_fit(x, y + 1, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="all classes"):
        model.partial_fit(x, y)
    with pytest.raises(ValueError, match="else than numbers"):
        WengertRegressor().fit(x, np.array(["a", "b", "c"])[y])
    with pytest.raises(ValueError, match="2 columns"):
        WengertRegressor(4, max_iter=2, warm_start=True).fit(x, y).fit(x, np.stack([y, y], 1))
    with pytest.raises(ArgumentError, match="loss is one of"):
        WengertRegressor(loss="cubic").fit(x, y)
    with pytest.raises(ValueError, match="cannot stop early"):
        clone(model).set_params(early_stopping=True).partial_fit(x, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="held back"):
        WengertRegressor(early_stopping=True).fit(x[:5], x[:5, 0])
    assert not hasattr(WengertClassifier(optimizer="lbfgs"), "partial_fit")


@pytest.mark.parametrize("rule", ["lbfgs", "sgd"])
def test_a_loss_that_is_infinite_stops_the_fit(rule):
    x = np.array([[1e200], [2e200], [-3e200]])
    model = WengertRegressor((), optimizer=rule, learning_rate_init=1.0, random_state=0)
    with pytest.raises((NonFiniteError, ArgumentError), match=r"inf|nan"):
        model.fit(x, x[:, 0])


def test_a_fit_that_is_cut_short_says_so(iris):
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        WengertClassifier(4, max_iter=3).fit(*iris)
    with pytest.warns(ConvergenceWarning, match="L-BFGS ended early"):
        WengertClassifier(4, max_iter=3, optimizer="lbfgs").fit(*iris)


def test_a_bar_is_shown_where_it_is_asked_for(iris, capsys):
    WengertClassifier(4, max_iter=3, verbose=True).fit(*iris)
    assert "loss" in capsys.readouterr().err
    WengertClassifier(4, max_iter=3).fit(*iris)
    assert not capsys.readouterr().err


def test_scikit_learn_is_imported_by_the_estimators_alone():
    code = "import sys, wengert as wg, wengert.nn; wg.nn.Linear; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    hidden = (
        "import sys; sys.modules['sklearn.base'] = sys.modules['sklearn'] = None\n"
        "try: import wengert.nn.estimators\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", hidden], check=True, timeout=60, capture_output=True, text=True)
    assert "pip install 'wengert[nn]'" in done.stdout
