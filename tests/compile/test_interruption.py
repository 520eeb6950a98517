"""A native loop without end is left by Control-C, and by whatever else a signal's handler raises."""

from __future__ import annotations

import signal

import numpy as np
import pytest

import wengert as wg

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that send signals")


class Enough(Exception):
    pass


@pytest.fixture
def alarm():
    """Return a function that raises an exception in a short while, at the n-th signal."""
    old = signal.getsignal(signal.SIGALRM)

    def start(n, error):
        left = [n]

        def handler(*_):
            left[0] -= 1
            if not left[0]:
                raise error
            signal.setitimer(signal.ITIMER_REAL, 0.02)

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        return left

    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)


def forever(x):
    """Return x, unless x is positive."""
    return wg.while_loop(lambda s: s[0] > 0, lambda s: (s[0] * 1.0, s[1] + 1), (x, 0))[0]


def often(x):
    """Return the same, with a loop in a loop."""
    return wg.while_loop(lambda c: c > 0, lambda c: wg.while_loop(lambda d: d > 0.5, lambda d: d * 1.0, c), x)


@pytest.mark.parametrize("f", [forever, often])
def test_what_the_handler_raises_comes_out(f, alarm):
    fast = wg.jit(f, backend="native")
    assert fast(-1.0) == -1.0
    for error in (KeyboardInterrupt, Enough("now")):
        alarm(1, error)
        with pytest.raises(type(error) if isinstance(error, Enough) else error):
            fast(1.0)
        assert fast(-2.0) == -2.0


def test_a_handler_that_raises_nothing_lets_the_loop_go_on(alarm):
    fast = wg.jit(forever, backend="native")
    fast(-1.0)
    left = alarm(3, Enough())
    with pytest.raises(Enough):
        fast(1.0)
    assert left == [0]


def test_a_loop_on_arrays(alarm):
    fast = wg.jit(lambda x: wg.while_loop(lambda c: c[0] > 0, np.cbrt, x), backend="native")
    fast(-np.ones(3000))
    alarm(1, Enough())
    with pytest.raises(Enough):
        fast(np.ones(3000))
