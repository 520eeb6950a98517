"""The settings of an estimator that is a network, and the ranges in which they lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError
from wengert.nn.activations import activation
from wengert.nn.descent import RULES
from wengert.nn.module import Module
from wengert.nn.training import check_optimizer


def check_settings(learner: Any) -> None:
    """Raise for settings out of their range; scikit-learn's habit is to look at them when a fit begins."""
    sizes_of(learner.hidden_layer_sizes)
    if learner.activation != "logistic":
        activation(learner.activation)
    if isinstance(learner.module, Module) or (learner.module is not None and not callable(learner.module)):
        raise ArgumentError(
            f"module is a function that makes a network, or None, and was {learner.module!r}",
            wrong="module=nn.Linear(4, 3)",
            right="module=lambda n_in, n_out, rng: nn.Linear(n_in, n_out, rng=rng)",
        )
    _check_rule(learner.optimizer)
    for name in ("alpha", "tol"):
        _check_number(name, getattr(learner, name), least=0.0)
    _check_number("learning_rate_init", learner.learning_rate_init, above=0.0)
    _check_number("validation_fraction", learner.validation_fraction, above=0.0, below=1.0)
    for name in ("max_iter", "n_iter_no_change"):
        _check_count(name, getattr(learner, name))
    if not (isinstance(learner.batch_size, str) and learner.batch_size == "auto"):
        _check_count("batch_size", learner.batch_size, ' or "auto"')
    _check_dtype(learner.dtype)


def sizes_of(given: Any) -> tuple[int, ...]:
    """The widths of the hidden layers; a number is one layer."""
    sizes = (given,) if isinstance(given, (int, np.integer)) else given
    if not isinstance(sizes, (tuple, list, np.ndarray)) or not all(map(_is_count, sizes)):
        raise ArgumentError(
            f"hidden_layer_sizes are whole numbers, at least 1, not {given!r}",
            wrong='hidden_layer_sizes="100"',
            right="hidden_layer_sizes=(100, 50)   or   () for none",
        )
    return tuple(int(size) for size in sizes)


def _check_rule(given: Any) -> None:
    names = [*RULES, "lbfgs"]
    if not isinstance(given, str):
        check_optimizer(given)
    elif given not in names:
        raise ArgumentError(
            f"optimizer is one of {', '.join(map(repr, names))} or of wg.optim, and was {given!r}",
            right='optimizer="adam"   or   optimizer=wg.optim.AdamW(lr=1e-3)',
        )


def _check_dtype(given: Any) -> None:
    try:
        is_known = np.dtype(given) in (np.float32, np.float64)
    except TypeError:
        is_known = False
    if not is_known or given is None:
        raise ArgumentError(f"dtype is float32 or float64, and was {given!r}", right="dtype=np.float32")


def _is_count(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 1)


def _check_count(name: str, value: Any, other: str = "") -> None:
    if not _is_count(value):
        raise ArgumentError(f"{name} is a whole number, at least 1,{other} and was {value!r}", right=f"{name}=10")


def _check_number(
    name: str, value: Any, least: float | None = None, above: float = -np.inf, below: float = np.inf
) -> None:
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not is_number or not above < value < below or (least is not None and value < least):
        low = f"at least {least:g}" if least is not None else f"above {above:g}"
        high = f" and below {below:g}" if below < np.inf else ""
        raise ArgumentError(f"{name} is a number {low}{high}, and was {value!r}")
