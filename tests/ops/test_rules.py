"""Every primitive, every sample: derivatives of orders 1 to 3 in every mode, shapes and dtypes."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.core.primitive import REGISTRY
from wengert.ops.indexing import scatter

from .checks import check_aval, check_dtypes, check_first, check_higher
from .samples import SAMPLES, Sample, V, W, samples

CASES = [pytest.param(REGISTRY[name], s, id=f"{name}-{i}") for name in REGISTRY for i, s in enumerate(samples(name))]
TWO = {"indices": ((slice(0, 4),), (slice(4, 0, -1),)), "shape": (5,), "dtype": np.dtype(float)}
CASES.append(pytest.param(scatter(2), Sample((V, W), TWO), id="scatter-two"))


def test_every_row_of_the_table_belongs_to_a_primitive():
    assert set(SAMPLES) <= set(REGISTRY)


@pytest.mark.parametrize(("primitive", "sample"), CASES)
def test_first_derivatives(primitive, sample):
    check_first(primitive, sample)


@pytest.mark.parametrize(("primitive", "sample"), CASES)
def test_higher_derivatives(primitive, sample):
    check_higher(primitive, sample)


@pytest.mark.parametrize(("primitive", "sample"), CASES)
def test_the_rule_for_shape_and_dtype(primitive, sample):
    check_aval(primitive, sample)
    check_aval(primitive, sample.cast(np.float32))


@pytest.mark.parametrize(("primitive", "sample"), CASES)
def test_dtypes_are_kept(primitive, sample):
    check_dtypes(primitive, sample, np.float32)
    check_dtypes(primitive, sample, np.float64)
