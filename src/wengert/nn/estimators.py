"""Networks as estimators of scikit-learn, which is imported with this file and not before."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from wengert.nn.learner import Learner  # first, since it says what is missing where scikit-learn is

# isort: split
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.activations import log_softmax
from wengert.nn.descent import Examples
from wengert.ops.composite import softmax
from wengert.ops.special import sigmoid, softplus


def _takes_passes(learner: Learner) -> bool:
    return not (isinstance(learner.optimizer, str) and learner.optimizer == "lbfgs")


class WengertClassifier(ClassifierMixin, Learner):  # type: ignore[misc]
    """A network that tells classes apart: the most likely one under softmax(z), where z = network(x).

    Minimized is (1/Σv) · (Σᵢ vᵢ · (−ln pᵢ) + α/2 · Σ W²) with the weights v of the examples, where pᵢ is the
    probability of an example's own class and W are all parameters with two axes or more. For two classes the network
    has one output, and the probability of the second class is σ(z).

    **Arguments**: those of scikit-learn's `MLPClassifier`, where they have its names:
    `hidden_layer_sizes`, the widths of the hidden layers; `activation`, a name or a function; `alpha` α;
    `batch_size`, "auto" for 200 or all; `learning_rate_init`; `max_iter`, how many passes over the data at most;
    `shuffle`; `random_state`, with which a fit is repeatable bit by bit; `tol`, `n_iter_no_change`: a fit ends where
    the loss has not fallen by `tol` in so many passes; `early_stopping` looks at the score on a part
    `validation_fraction` of the data instead, and keeps the best network; `verbose`, a bar; `warm_start`.
    Besides: `optimizer`, "adam", "sgd" (Nesterov's momentum 0.9), "lbfgs" (all examples at once), or one of
    `wg.optim`, which brings its own learning rate; `module`, a function (n_in, n_out, rng) → `nn.Module`, in place of
    the hidden layers; `dtype`, float64 or float32.
    **Attributes**, after `fit`: `classes_`, `n_features_in_`, `feature_names_in_`, `n_outputs_`; `module_`, the
    network with plain arrays; `loss_curve_`, `loss_`, `n_iter_`, `validation_scores_`.
    **Raises**: `ArgumentError`, when a fit begins, for settings out of their range; scikit-learn's errors for data
    with NaN, sparse matrices, or other numbers of features. A fit that `max_iter` ends warns of it
    (`ConvergenceWarning`).
    **Cost**: a compiled step per batch; it is compiled once for all fits with this network and these shapes.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from wengert.nn.estimators import WengertClassifier
    >>> x, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), WengertClassifier(16, optimizer="lbfgs", alpha=1.0, random_state=0))
    >>> model.fit(x, y).score(x, y) > 0.97
    True

    **Source**: Hinton, "Connectionist learning procedures" (1989); the interface: Buitinck et al., "API design for
    machine learning software: experiences from the scikit-learn project" (2013).
    """

    classes_: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @available_if(_takes_passes)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One pass over some of the data; the first call is given all classes."""
        if classes is None and not hasattr(self, "module_") and type_of_target(y) != "multilabel-indicator":
            raise ShapeError(
                "the first call of partial_fit has to know all classes, also those that come later",
                wrong="model.partial_fit(x, y)",
                right="model.partial_fit(x, y, classes=np.unique(y_all))",
            )
        return self._partial_fit(X, y, sample_weight, classes)

    def decision_function(self, X: Any) -> Any:
        """The outputs z before softmax, shape (n, classes); for two classes shape (n,), above 0 for the second."""
        z = self._outputs(X)
        return z[:, 0] if self._is_binary else z

    def predict(self, X: Any) -> Any:
        """The most likely class of each example, shape (n,); of labels, which of them hold, shape (n, labels)."""
        return self._chosen(self._outputs(X))

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class, shape (n, classes); of labels, that each holds."""
        z = self._outputs(X)
        if self._is_binary:
            return np.hstack([sigmoid(-z), sigmoid(z)])
        return sigmoid(z) if self._has_labels else softmax(z, axis=1)

    def predict_log_proba(self, X: Any) -> Any:
        """The logarithms of the probabilities, also where these round to 0 or 1."""
        z = self._outputs(X)
        if self._is_binary:
            return np.hstack([-softplus(z), -softplus(-z)])
        return -softplus(-z) if self._has_labels else log_softmax(z, axis=1)

    @property
    def _is_binary(self) -> bool:
        return self.n_outputs_ == 1 and not self._has_labels

    def _chosen(self, z: Any) -> Any:
        if self._has_labels:
            return (z > 0).astype(np.int64)
        return self.classes_[(z[:, 0] > 0).astype(np.intp) if self._is_binary else np.argmax(z, axis=1)]

    def _loss(self) -> str:
        return "labels" if self._has_labels or self._is_binary else "class"

    def _quality(self, z: Any, examples: Examples) -> float:
        y = examples.y
        if not self._has_labels:
            y = self.classes_[y[:, 0].astype(np.intp) if self._is_binary else y]
        return float(accuracy_score(y, self._chosen(z), sample_weight=examples.weight))

    def _strata(self, y: Any) -> Any:
        return None if self._has_labels else y

    def _encoded(self, y: Any, fresh: bool, classes: Any) -> Any:
        check_classification_targets(y)
        if hasattr(y, "toarray"):  # labels as a sparse matrix
            y = y.toarray()
        has_labels = type_of_target(y, input_name="y") == "multilabel-indicator"
        if not has_labels:
            y = column_or_1d(y, warn=True)
        if fresh:
            self._has_labels = has_labels
            self.classes_ = np.arange(y.shape[1]) if has_labels else np.unique(y if classes is None else classes)
            if not has_labels and len(self.classes_) < 2:
                raise ShapeError(
                    f"there is one class only, {self.classes_.tolist()[0]!r}; a classifier tells two or more apart",
                    right="examples of two classes, with weights above 0",
                )
            self.n_outputs_ = 1 if len(self.classes_) == 2 and not has_labels else len(self.classes_)
        if has_labels != self._has_labels or (has_labels and y.shape[1] != self.n_outputs_):
            raise ShapeError(
                f"y of shape {y.shape} is of another kind than y was before: {self.n_outputs_} "
                f"{'labels' if self._has_labels else 'outputs for one class each'}",
                right="the same kind of targets in each call, or warm_start=False",
            )
        return y.astype(self.dtype) if has_labels else self._numbers(y, classes)

    def _numbers(self, y: Any, classes: Any) -> Any:
        """The number of each example's class among `classes_`; for two classes a column of 0 and 1."""
        for given in (y, classes):
            unknown = np.setdiff1d([] if given is None else given, self.classes_)
            if unknown.size:
                raise ShapeError(
                    f"{unknown.tolist()[0]!r} is none of the classes of this network, {self.classes_.tolist()}",
                    wrong="partial_fit(x, y)   # with a class that was not there before",
                    right="partial_fit(x, y, classes=…) with all classes, in the first call; or warm_start=False",
                )
        numbers = np.searchsorted(self.classes_, y)
        return numbers[:, None].astype(self.dtype) if self.n_outputs_ == 1 else numbers


class WengertRegressor(RegressorMixin, Learner):  # type: ignore[misc]
    """A network that predicts numbers: ŷ = network(x), of one or several outputs.

    Minimized is (1/Σv) · (Σᵢ vᵢ · loss(ŷᵢ, yᵢ) + α/2 · Σ W²) with the weights v of the examples, where the loss is a
    sum over outputs and W are all parameters with two axes or more.

    **Arguments**: as `WengertClassifier`, and `loss`, with r = ŷ − y: "squared_error", r²/2; "absolute_error", |r|;
    "huber", r²/2 up to |r| = 1, and |r| − 1/2 beyond.
    **Attributes**, **Raises**, **Cost**: as `WengertClassifier`, without classes. The score is R².
    Inputs and targets are best scaled to about 1; `sklearn.compose.TransformedTargetRegressor` does so for targets.

    >>> import numpy as np
    >>> from wengert.nn.estimators import WengertRegressor
    >>> x = np.linspace(-3.0, 3.0, 100)[:, None]
    >>> model = WengertRegressor(20, activation="tanh", optimizer="lbfgs", random_state=0, max_iter=1000)
    >>> model.fit(x, np.sin(x[:, 0])).score(x, np.sin(x[:, 0])) > 0.999
    True

    **Source**: as `WengertClassifier`.
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        *,
        loss: str = "squared_error",
        activation: Any = "relu",
        module: Any = None,
        optimizer: Any = "adam",
        alpha: float = 1e-4,
        batch_size: Any = "auto",
        learning_rate_init: float = 1e-3,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        dtype: Any = np.float64,
    ) -> None:
        super().__init__(
            hidden_layer_sizes, activation=activation, module=module, optimizer=optimizer, alpha=alpha,
            batch_size=batch_size, learning_rate_init=learning_rate_init, max_iter=max_iter, shuffle=shuffle,
            random_state=random_state, tol=tol, verbose=verbose, warm_start=warm_start, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, dtype=dtype,
        )  # fmt: skip
        self.loss = loss

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @available_if(_takes_passes)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One pass over some of the data."""
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Any:
        """The outputs of the network, in the form that y had: shape (n,) or (n, outputs)."""
        z = self._outputs(X)
        return z[:, 0] if self._is_flat else z

    def _loss(self) -> str:
        known = ("squared_error", "absolute_error", "huber")
        if self.loss not in known:
            raise ArgumentError(f"loss is one of {', '.join(map(repr, known))}, and was {self.loss!r}")
        return self.loss

    def _quality(self, z: Any, examples: Examples) -> float:
        return float(r2_score(examples.y, z, sample_weight=examples.weight))

    def _encoded(self, y: Any, fresh: bool, classes: Any) -> Any:
        if y.dtype.kind not in "fiub":
            y = _as_numbers(y)
        outputs = 1 if y.ndim == 1 else y.shape[1]
        if fresh:
            self.n_outputs_, self._is_flat = outputs, y.ndim == 1
        if outputs != self.n_outputs_:
            raise ShapeError(f"y has {outputs} columns, and the network was made for {self.n_outputs_} outputs")
        return np.ascontiguousarray(y.reshape(-1, outputs), self.dtype)


def _as_numbers(y: Any) -> Any:
    try:
        if y.dtype.kind == "O":
            return y.astype(np.float64)
    except (ValueError, TypeError):
        pass
    raise ShapeError(
        f"y has dtype {y.dtype} and holds something else than numbers",
        wrong="WengertRegressor().fit(x, names)",
        right="WengertClassifier().fit(x, names)",
    )
