"""The tests can fail: each rule of each primitive, made wrong by a thousandth, dropped or frozen, is found out."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from wengert.core.errors import ArgumentError
from wengert.core.primitive import REGISTRY
from wengert.core.rule import Constant, Linear, Partial, Pushforward

from .checks import check_first, check_higher, frozen, is_curved
from .samples import samples

#: Rules whose size differences do not see: heaviside's is zero except at one point, which is a convention; a second of
#: arc is 5e-6 radian (test_accuracy.py sees it).
UNSEEN = {("heaviside", 1), ("radian", 2)}


def scaled(rule):
    """The rule, wrong by a thousandth."""
    if isinstance(rule, Partial):
        return Partial(lambda z, *args: 1.001 * rule.fn(z, *args))
    if isinstance(rule, Linear):
        merge = rule.merge and (lambda cts, *rest: 1.001 * rule.merge(cts, *rest))
        return Linear(rule.fn if merge else lambda ct, *args, **params: 1.001 * rule.fn(ct, *args, **params), merge)
    if isinstance(rule, Pushforward):
        return Pushforward(lambda t, z, *args, **params: rule.fn(1.001 * t, z, *args, **params))
    return Pushforward(lambda t, z, *args, **params: np.broadcast_to(np.sum(t), np.shape(z)))


def mutant(primitive, i, rule):
    """The primitive with another rule for argument i."""
    changed = copy.copy(primitive)
    changed.rule = lambda j: rule if j == i else primitive.rule(j)
    return changed


def found_out(check, primitive, cases):
    for sample in cases:
        try:
            check(primitive, sample)
        except (AssertionError, ArgumentError):  # an index or a truth value is not allowed a tangent at all
            return True
    return False


def rules():
    """Every rule that some sample differentiates, with those samples."""
    for name, primitive in REGISTRY.items():
        cases = [s for s in samples(name) if all(np.size(a) for a in s.args)]
        for i in sorted({i for s in cases for i in s.active}):
            yield pytest.param(primitive, i, [s for s in cases if i in s.active], id=f"{name}-{i}")


RULES = list(rules())


@pytest.mark.parametrize(("primitive", "i", "cases"), RULES)
def test_a_rule_wrong_by_a_thousandth_is_found(primitive, i, cases):
    if (primitive.name, i) not in UNSEEN:
        assert found_out(check_first, mutant(primitive, i, scaled(primitive.rule(i))), cases)


@pytest.mark.parametrize(("primitive", "i", "cases"), RULES)
def test_a_dependence_that_is_denied_is_found(primitive, i, cases):
    rule = primitive.rule(i)
    if not isinstance(rule, Constant) and (primitive.name, i) != ("heaviside", 1):
        assert found_out(check_first, mutant(primitive, i, Constant()), cases)


@pytest.mark.parametrize(("primitive", "i", "cases"), RULES)
def test_a_rule_without_a_derivative_of_its_own_is_found(primitive, i, cases):
    rule = primitive.rule(i)
    if isinstance(rule, (Partial, Pushforward)) and any(is_curved(primitive, s) for s in cases):
        assert found_out(check_higher, mutant(primitive, i, type(rule)(frozen(rule.fn))), cases)
