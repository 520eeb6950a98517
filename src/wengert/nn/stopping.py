"""Early stopping: when a run ends before its time, and which of its models it returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from wengert.core.errors import ArgumentError


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when a figure has not become better for some rounds, and return the model of the best round.

    **Arguments**: `patience`, how many rounds without a better figure are one too many; `monitor`, the name of the
    figure in the history, by default "validation_loss", or "loss" without validation; `min_delta`, by how much it must
    be better; `mode`: "min" for figures that should be small, "max" for large ones.
    **Raises**: `ArgumentError` for settings out of their range.

    >>> from wengert.nn.stopping import EarlyStopping
    >>> EarlyStopping(5, monitor="validation_accuracy", mode="max").patience
    5

    **Source**: Prechelt, "Early stopping – but when?" (1998).
    """

    patience: int
    monitor: str | None = None
    min_delta: float = 0.0
    mode: Literal["min", "max"] = "min"

    def __post_init__(self) -> None:
        if isinstance(self.patience, bool) or not isinstance(self.patience, int) or self.patience < 1:
            raise ArgumentError(f"patience is a number of rounds, at least 1, not {self.patience!r}")
        if self.mode not in ("min", "max"):
            raise ArgumentError(f"mode is 'min' or 'max', not {self.mode!r}")
        if not self.min_delta >= 0:
            raise ArgumentError(f"min_delta is a number that is not negative, not {self.min_delta!r}")


@dataclass
class Patience:
    """How early stopping stands."""

    rule: EarlyStopping
    best: float = math.inf  # as if small were better
    best_step: int = 0
    waited: int = 0

    def is_better(self, record: dict[str, float], step: int) -> bool:
        """Take a round's figures; whether they are the best so far."""
        value = record[self.rule.monitor or ""] * (1.0 if self.rule.mode == "min" else -1.0)
        if value < self.best - self.rule.min_delta:
            self.best, self.best_step, self.waited = value, step, 0
            return True
        self.waited += 1
        return False

    @property
    def is_over(self) -> bool:
        return self.waited >= self.rule.patience

    def to_json(self) -> dict[str, Any]:
        return {"best": self.best.hex(), "best_step": self.best_step, "waited": self.waited}

    def from_json(self, kept: dict[str, Any]) -> None:
        self.best, self.best_step, self.waited = float.fromhex(kept["best"]), kept["best_step"], kept["waited"]


def rule_of(given: EarlyStopping | int | None, has_validation: bool) -> Patience | None:
    """Early stopping as `fit` is asked for it; a number is the patience."""
    if given is None:
        return None
    rule = EarlyStopping(given) if not isinstance(given, EarlyStopping) else given
    monitor = rule.monitor or ("validation_loss" if has_validation else "loss")
    return Patience(EarlyStopping(rule.patience, monitor, rule.min_delta, rule.mode))
