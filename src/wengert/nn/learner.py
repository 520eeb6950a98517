"""What estimators for classes and for numbers share: settings, examples, training, and the network's outputs."""

from __future__ import annotations

import time
import warnings
from itertools import pairwise
from typing import Any, Self

import numpy as np

from wengert.explain.plots import MissingExtraError

try:
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise MissingExtraError(
        "WengertClassifier and WengertRegressor are estimators of scikit-learn, which is not installed",
        right="pip install 'wengert[nn]'",
    ) from error

from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.descent import Descent, Examples, objective_of, rule_of, search
from wengert.nn.hyperparameters import check_settings, sizes_of
from wengert.nn.linear import Linear, Sequential
from wengert.nn.module import Module
from wengert.nn.progress import Bar
from wengert.optim.optimizer import Optimizer

_ROWS = 4096  # as many examples go through the network at once where nothing is learnt


class Learner(BaseEstimator):  # type: ignore[misc]
    """An estimator that is a network. Those derived of it say what targets are, and what outputs mean."""

    module_: Any
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    n_features_in_: int
    n_outputs_: int

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        *,
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.module = module
        self.optimizer = optimizer
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.dtype = dtype

    # What is different in each ------------------------------------------------------------------------------------

    def _encoded(self, y: Any, fresh: bool, classes: Any) -> Any:
        """Targets as the loss takes them; sets `n_outputs_` where the estimator is fresh."""
        raise NotImplementedError

    def _loss(self) -> str:
        """The name of the loss in `descent.LOSSES`."""
        raise NotImplementedError

    def _quality(self, z: Any, examples: Examples) -> float:
        """The score of outputs, as `score` has it."""
        raise NotImplementedError

    def _strata(self, y: Any) -> Any:
        """What validation data should have in the same shares as the rest."""
        return None

    # Training -----------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network on all of the data.

        **Arguments**: `X`, shape (n, features); `y`, shape (n,) or (n, outputs); `sample_weight`, shape (n,), how often
        an example counts: 0 is as if it were not there. **Returns**: the estimator.
        **Raises**: scikit-learn's errors for data that do not fit; `ArgumentError` for settings out of their range;
        `NonFiniteError` where the loss becomes infinite.
        """
        check_settings(self)
        fresh = not (self.warm_start and hasattr(self, "module_"))
        examples = self._examples(X, y, sample_weight, fresh)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1))
        model = self._network(rng) if fresh else self._kept()
        if fresh:
            self.loss_curve_ = []
        self.validation_scores_ = None
        if self.optimizer == "lbfgs":
            self._search(model, examples)
        else:
            self._descend(model, examples, rng)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        check_settings(self)
        if self.early_stopping:
            raise ShapeError("partial_fit makes one pass, and cannot stop early", right="early_stopping=False, or fit")
        fresh = not hasattr(self, "module_")
        examples = self._examples(X, y, sample_weight, fresh, classes)
        if fresh or not hasattr(self, "_rng"):
            self._rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1))
        if fresh:
            self.loss_curve_, self.validation_scores_, self._state = [], None, None
            self._state_kind = None
        kind = self._rule_kind()
        state = self._state if kind == self._state_kind else None  # of another rule it would say nothing
        descent = self._descent(self._network(self._rng) if fresh else self._kept(), state)
        self._pass(descent, examples, self._rng)
        self.module_, self._state, self._state_kind = descent.model.eval(), descent.state, kind
        return self

    def _descend(self, model: Module, examples: Examples, rng: np.random.Generator) -> None:
        held: Examples | None = None
        scores: list[float] = []
        if self.early_stopping:
            examples, held = self._split(examples, rng)
            self.validation_scores_ = scores
        descent = self._descent(model)
        best, best_loss, waited, ended = descent.model, np.inf, 0, False
        with Bar(self.max_iter, len(examples), 1, 0, bool(self.verbose)) as bar:
            for number in range(1, self.max_iter + 1):
                loss = self._pass(descent, examples, rng)
                if held is not None:
                    score = self._quality(outputs(descent.model.eval(), held.x), held)
                    scores.append(score)
                    bar.round({"validation_score": score})
                    loss = -score
                if time.perf_counter() >= bar.due or number == self.max_iter:
                    bar.draw(number, self.loss_curve_[-1])
                waited = waited + 1 if loss > best_loss - self.tol else 0
                if loss < best_loss:
                    best, best_loss = descent.model, loss
                ended = waited > self.n_iter_no_change
                if ended:
                    break
        if not ended:
            warnings.warn(
                f"the network still changes after max_iter={self.max_iter} passes over the data", ConvergenceWarning,
                stacklevel=3,
            )  # fmt: skip
        self.module_, self._state = (descent.model if held is None else best).eval(), descent.state
        self._state_kind = self._rule_kind()

    def _search(self, model: Module, examples: Examples) -> None:
        if self.early_stopping:
            raise ShapeError("L-BFGS has no passes between which to stop", right='optimizer="adam"')
        objective = objective_of(self._loss(), self.n_outputs_)
        with Bar(self.max_iter, len(examples), 1, 0, bool(self.verbose)) as bar:

            def note(step: int, loss: float) -> None:
                self.loss_curve_.append(loss)
                if time.perf_counter() >= bar.due:
                    bar.draw(step, loss)

            found = search(objective, model, examples, self.alpha, self.max_iter, self.tol, note)
        if not found.converged:
            warnings.warn(f"L-BFGS ended early: {found.message}", ConvergenceWarning, stacklevel=3)
        self.module_, self._state = found.params.eval(), None
        self._state_kind = None

    def _descent(self, model: Module, state: Any = None) -> Descent:
        return Descent(objective_of(self._loss(), self.n_outputs_), self._rule(), model.train(), state)

    def _rule(self) -> Optimizer:
        if isinstance(self.optimizer, str):
            return rule_of(self.optimizer, float(self.learning_rate_init))
        assert isinstance(self.optimizer, Optimizer)
        return self.optimizer

    def _rule_kind(self) -> tuple[type, Any]:
        return type(self._rule()), np.dtype(self.dtype)

    def _pass(self, descent: Descent, examples: Examples, rng: np.random.Generator) -> float:
        count = len(examples)
        size = min(200 if self.batch_size == "auto" else self.batch_size, count)
        order = rng.permutation(count) if self.shuffle and size < count else None
        loss = descent.run(examples, size, self.alpha, order)
        self.loss_curve_.append(loss)
        return loss

    def _kept(self) -> Any:
        return self.module_.plain().astype(self.dtype)

    def _network(self, rng: np.random.Generator) -> Module:
        n_in, n_out = self.n_features_in_, self.n_outputs_
        if self.module is not None:
            model = self.module(n_in, n_out, rng)
            if not isinstance(model, Module):
                raise ArgumentError(
                    f"module is a function that returns a network, and this one returned a {type(model).__name__}",
                    wrong="module=nn.Linear(4, 3)",
                    right="module=lambda n_in, n_out, rng: nn.Linear(n_in, n_out, rng=rng)",
                )
            return model.plain().astype(self.dtype)
        how = "sigmoid" if self.activation == "logistic" else self.activation
        widths = [n_in, *sizes_of(self.hidden_layer_sizes)]
        layers = [Linear(a, b, activation=how, rng=rng) for a, b in pairwise(widths)]
        return Sequential(*layers, Linear(widths[-1], n_out, rng=rng)).plain().astype(self.dtype)

    # Data ---------------------------------------------------------------------------------------------------------

    def _examples(self, X: Any, y: Any, sample_weight: Any, fresh: bool, classes: Any = None) -> Examples:
        x, y = validate_data(self, X, y, reset=fresh, dtype=self.dtype, multi_output=True, order="C")
        weight = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        counted = weight > 0
        if not counted.any():
            raise ShapeError("every sample weight is zero: there is nothing to learn from")
        if not counted.all():
            x, y, weight = x[counted], y[counted], weight[counted]
        y = self._encoded(y, fresh, classes)
        mean = float(np.mean(weight))
        return Examples(x, y, (weight / mean).astype(self.dtype), mean)

    def _split(self, examples: Examples, rng: np.random.Generator) -> tuple[Examples, Examples]:
        x, x_held, y, y_held, weight, weight_held = train_test_split(
            *examples[:3], test_size=self.validation_fraction, stratify=self._strata(examples.y),
            random_state=int(rng.integers(2**31 - 1)),
        )  # fmt: skip
        if len(x_held) < 2:
            raise ShapeError(
                f"{len(x_held)} of {len(examples)} examples are held back for validation, which says nothing",
                right="a larger validation_fraction, or early_stopping=False",
            )
        mean = np.mean(weight)
        kept = Examples(x, y, weight / mean, float(mean) * examples.scale)
        return kept, Examples(x_held, y_held, weight_held)

    def _outputs(self, X: Any) -> Any:
        """What the network says of each example, shape (n, n_outputs_)."""
        check_is_fitted(self)
        return outputs(self.module_, validate_data(self, X, reset=False, dtype=self.dtype, order="C"))

    @property
    def n_iter_(self) -> int:
        """How many passes over the data were made; with L-BFGS, steps."""
        check_is_fitted(self)
        return len(self.loss_curve_)

    @property
    def loss_(self) -> float:
        """The objective in the last of them."""
        check_is_fitted(self)
        return self.loss_curve_[-1]


def outputs(model: Any, x: Any) -> Any:
    """The outputs of a network in evaluation mode."""
    parts = [np.asarray(model(x[start : start + _ROWS])) for start in range(0, len(x), _ROWS)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
