"""Medians, quartiles, ratios and slopes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """A median between its quartiles."""

    low: float
    median: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The quartiles of the values; of one value, that value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """The ratio of the medians, between the quartiles of the ratios of runs that followed one another."""
    low, _, high = spread([a / b for a, b in zip(ours, theirs, strict=True)])
    return Spread(low, statistics.median(ours) / statistics.median(theirs), high)


def mean_ratio(ratios: Sequence[float]) -> float:
    """The geometric mean: the same whichever of the two libraries is above the line."""
    return statistics.geometric_mean(ratios)


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of time against size in logarithmic scales, by least squares: 1 is linear."""
    return statistics.linear_regression([math.log(n) for n in sizes], [math.log(t) for t in seconds]).slope
