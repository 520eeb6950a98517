"""Passes over weighted examples, held against scikit-learn's linear models and the passes of its networks."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import wengert as wg

pytest.importorskip("sklearn", minversion="1.7")

from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from wengert.nn.estimators import WengertClassifier, WengertRegressor

# A few passes are enough to compare.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def iris():
    x, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(x), y


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_without_hidden_layers_it_is_logistic_regression(iris, classes, weighted):
    x, y = iris[0][iris[1] < classes], iris[1][iris[1] < classes]
    weight = np.random.default_rng(0).uniform(0.0, 3.0, len(y)) if weighted else None
    ours = WengertClassifier((), optimizer="lbfgs", alpha=0.5, tol=1e-9, max_iter=2000, random_state=0)
    known = LogisticRegression(C=1 / 0.5, tol=1e-10, max_iter=2000).fit(x, y, weight)
    ours.fit(x, y, weight)
    np.testing.assert_allclose(ours.predict_proba(x), known.predict_proba(x), atol=2e-4)
    assert (ours.predict(x) == known.predict(x)).all()
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(x)), ours.predict_proba(x), rtol=1e-12)


@pytest.mark.parametrize("outputs", [1, 3])
def test_without_hidden_layers_it_is_ridge_regression(outputs):
    x, y = make_regression(60, 5, n_targets=outputs, noise=5.0, random_state=0)
    y = y / 100
    weight = np.random.default_rng(0).uniform(0.0, 3.0, 60)
    ours = WengertRegressor((), optimizer="lbfgs", alpha=2.0, tol=1e-9, max_iter=2000, random_state=0)
    ours.fit(x, y, weight)
    known = Ridge(alpha=2.0).fit(x, y, weight)
    np.testing.assert_allclose(ours.predict(x), known.predict(x), atol=1e-4)
    assert ours.predict(x).shape == y.shape


class Start:
    """The network with which scikit-learn's begins."""

    def __init__(self, fitted):
        self.weights = list(zip(fitted.coefs_, fitted.intercepts_, strict=True))

    def __call__(self, n_in, n_out, rng):
        layers = []
        for number, (weight, bias) in enumerate(self.weights, 1):
            how = "tanh" if number < len(self.weights) else None
            layers.append(
                wg.nn.Linear(*weight.shape, activation=how, weight_init=weight.T.copy(), bias_init=bias.copy())
            )
        return wg.nn.Sequential(*layers)


@pytest.mark.parametrize("rule", ["sgd", "adam"])
@pytest.mark.parametrize("kind", ["binary", "classes", "labels", "numbers", "weights"])
def test_each_pass_is_that_of_scikit_learn(iris, kind, rule):
    x, y = iris
    weight = None
    if kind == "binary":
        x, y = x[y > 0], np.array(["no", "yes"])[y[y > 0] - 1]
    elif kind == "labels":
        x, y = make_multilabel_classification(70, 4, n_classes=3, random_state=0)
        x = x / 10
    elif kind == "numbers":
        y = x[:, 0] * x[:, 1]
    elif kind == "weights":
        weight = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    theirs, mine = (MLPRegressor, WengertRegressor) if kind == "numbers" else (MLPClassifier, WengertClassifier)
    size = len(x) if kind == "weights" else 32  # in smaller batches theirs divides by the weights of each
    settings = {"activation": "tanh", "alpha": 0.1, "batch_size": size, "shuffle": False, "random_state": 0}
    settings["hidden_layer_sizes"] = (7, 5)
    first = theirs(solver="sgd", learning_rate_init=1e-300, max_iter=1, **settings).fit(x, y)
    known = theirs(solver=rule, learning_rate_init=0.01, max_iter=15, epsilon=1e-30, **settings)
    own = wg.optim.Adam(lr=0.01, eps=1e-30) if rule == "adam" else "sgd"
    ours = mine(module=Start(first), optimizer=own, learning_rate_init=0.01, max_iter=15, **settings)
    known.fit(x, y, weight)
    ours.fit(x, y, weight)
    np.testing.assert_allclose(ours.loss_curve_, known.loss_curve_, rtol=1e-9)
    if kind == "numbers":
        np.testing.assert_allclose(ours.predict(x), known.predict(x), rtol=1e-7)
    else:
        assert (ours.predict(x) == known.predict(x)).all()
        np.testing.assert_allclose(ours.predict_proba(x), known.predict_proba(x), rtol=1e-7)
        np.testing.assert_allclose(ours.predict_log_proba(x), known.predict_log_proba(x), rtol=1e-6)


def test_it_stops_when_scikit_learn_stops(iris):
    x, y = iris
    settings = {"activation": "tanh", "batch_size": 50, "shuffle": False, "random_state": 0, "tol": 1e-3}
    first = MLPClassifier(4, solver="sgd", learning_rate_init=1e-300, max_iter=1, **settings).fit(x, y)
    known = MLPClassifier(4, solver="sgd", learning_rate_init=0.1, **settings).fit(x, y)
    ours = WengertClassifier(module=Start(first), optimizer="sgd", learning_rate_init=0.1, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        ours.fit(x, y)
    assert ours.n_iter_ == known.n_iter_ < 200
