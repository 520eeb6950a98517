"""Random numbers from keys: the published vectors, the distributions, and the same numbers eagerly and compiled."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

import wengert as wg
from wengert.nn import random

WORD = 0xFFFFFFFF
# The known-answer file of Random123, lines "threefry2x32 20": counter, key, result.
KNOWN = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((WORD, WORD), (WORD, WORD), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]
KEY = random.key(12345)
DRAWS = {
    "bits": lambda key: random.bits(key, (3, 5)),
    "split": lambda key: random.split(key, 3),
    "fold_in": lambda key: random.fold_in(key, 7),
    "uniform": lambda key: random.uniform(key, (3, 5), -1.0, 2.0),
    "uniform float32": lambda key: random.uniform(key, 7, dtype=np.float32),
    "normal": lambda key: random.normal(key, (3, 5)),
    "normal float32": lambda key: random.normal(key, 7, np.float32),
    "bernoulli": lambda key: random.bernoulli(key, 0.3, (20,)),
    "categorical": lambda key: random.categorical(key, np.log(np.arange(1.0, 13.0).reshape(4, 3))),
}


def words(*numbers):
    return np.array(numbers, np.uint32).astype(np.int32)


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_the_published_answers(counter, key, result):
    first, second = random.threefry(words(*key), words(counter[0]), words(counter[1]))
    assert (int(first[0]) & WORD, int(second[0]) & WORD) == result
    compiled = wg.jit(random.threefry)(words(*key), words(counter[0]), words(counter[1]))
    assert (int(compiled[0][0]) & WORD, int(compiled[1][0]) & WORD) == result


@pytest.mark.parametrize("name", DRAWS)
def test_compiled_and_differentiated_programs_draw_the_same(name):
    draw = DRAWS[name]
    want = draw(KEY)
    compiled = wg.jit(draw)
    have = compiled(KEY)
    assert have.dtype == want.dtype
    assert have.shape == want.shape
    if name.startswith("normal"):  # the compiled logarithm and sine may differ in the last digit
        np.testing.assert_allclose(
            have, want, rtol=1e-6 if "32" in name else 1e-13, atol=1e-7 if "32" in name else 1e-15
        )
    else:
        np.testing.assert_array_equal(have, want)
    report = compiled.report(KEY)
    assert (report.obstacle, "in NumPy: none" in str(report)) == ("", True)
    _, aux = wg.grad(lambda w, key: (w * 2.0, draw(key)), argnums=(0, 1), has_aux=True)(1.0, KEY)
    np.testing.assert_array_equal(aux, want)


def test_other_keys_give_other_numbers():
    keys = [KEY, *random.split(KEY, 4), random.fold_in(KEY, 0), random.fold_in(KEY, 1), random.key(12346)]
    rows = [tuple(random.bits(key, (8,))) for key in keys]
    assert len(set(rows)) == len(keys)
    drawn = {value for row in rows for value in row}
    assert len(drawn) == 8 * len(keys)
    assert not drawn & {*np.ravel(random.split(KEY, 4)), *random.fold_in(KEY, 0)}, "a key is no number that is drawn"


def test_a_key_is_the_words_of_its_seed():
    np.testing.assert_array_equal(random.key(2**64 - 2), [-1, -2])
    np.testing.assert_array_equal(random.key(np.int64(5)), [0, 5])


N = 100_000


def test_uniform_numbers_are_uniform():
    for dtype in (np.float64, np.float32):
        x = random.uniform(KEY, N, dtype=dtype)
        assert x.dtype == dtype
        assert x.min() >= 0.0
        assert x.max() < 1.0
        assert scipy.stats.kstest(x.astype(float), "uniform").pvalue > 1e-3
        lag = np.corrcoef(x[:-1], x[1:])[0, 1]
        assert abs(lag) < 5 / math.sqrt(N)
    x = random.uniform(KEY, N, -3.0, 5.0)
    assert (x.min() >= -3.0, x.max() < 5.0) == (True, True)


def test_every_bit_is_fair():
    word = random.bits(KEY, N).astype(np.int64) & WORD
    shares = [np.mean((word >> place) & 1) for place in range(32)]
    assert max(abs(share - 0.5) for share in shares) < 5 * 0.5 / math.sqrt(N)


def test_normal_numbers_are_normal():
    for dtype in (np.float64, np.float32):
        x = random.normal(KEY, N + 1, dtype)
        assert x.dtype == dtype
        assert scipy.stats.kstest(x.astype(float), "norm").pvalue > 1e-3


def test_truth_values_and_choices_have_their_shares():
    for p in (0.0, 0.1, 0.75, 1.0):
        share = np.mean(random.bernoulli(KEY, p, N))
        assert abs(share - p) <= 5 * math.sqrt(p * (1 - p) / N)
    p = np.array([0.1, 0.2, 0.7, 0.0])
    with np.errstate(divide="ignore"):
        drawn = random.categorical(KEY, np.broadcast_to(np.log(p), (N, 4)))
    counts = np.bincount(drawn, minlength=4)
    assert counts[3] == 0
    assert scipy.stats.chisquare(counts[:3], N * p[:3]).pvalue > 1e-3


def test_empty_shapes():
    assert random.bits(KEY, (0, 3)).shape == (0, 3)
    assert random.normal(KEY, 0).shape == (0,)
    assert random.uniform(KEY).shape == ()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: random.key(-1),
        lambda: random.key(2**64),
        lambda: random.key(0.5),
        lambda: random.key(True),
        lambda: random.bits(0, 3),
        lambda: random.bits(np.zeros(2, np.float32), 3),
        lambda: random.bits(np.zeros(3, np.int32), 3),
        lambda: random.bits(KEY, (-1,)),
        lambda: random.split(KEY, 0),
        lambda: random.uniform(KEY, 3, dtype=int),
        lambda: random.normal(KEY, 3, dtype=np.float16),
        lambda: random.bernoulli(KEY, 1.5),
        lambda: random.categorical(KEY, 0.5),
    ],
)
def test_what_cannot_be_drawn(draw):
    with pytest.raises((wg.ArgumentError, wg.ShapeError)):
        draw()
