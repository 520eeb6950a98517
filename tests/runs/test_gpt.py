"""The language model: what it learns from, what it may see, and what it writes."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError
from wengert.runs import gpt, train
from wengert.runs.text import Alphabet, Windows, known_words, sonnets, words


@pytest.fixture
def small():
    alphabet = Alphabet(sonnets())
    return gpt.GPT(len(alphabet), 16, 8, 2, 2, rng=0).plain().eval(), alphabet


def test_the_text_is_one_of_sonnets():
    poems = sonnets().strip("\n").split("\n\n")
    assert len(poems) == 43
    assert {len(poem.splitlines()) for poem in poems} == {14}
    assert poems[17].startswith("Shall I compare thee to a summer's day?\n")
    assert sonnets().isascii()


def test_an_alphabet_goes_both_ways():
    alphabet = Alphabet("hello")
    assert len(alphabet) == 4
    assert alphabet.encode("ole").tolist() == [3, 2, 0]
    assert alphabet.decode(alphabet.encode("hello")) == "hello"
    with pytest.raises(ArgumentError, match="'xz'"):
        alphabet.encode("zxz")


def test_windows_are_followed_by_their_next_characters():
    windows = Windows(np.arange(10), 4)
    assert len(windows) == 6
    now, following = windows[np.array([0, 5])]
    assert now.tolist() == [[0, 1, 2, 3], [5, 6, 7, 8]]
    assert following.tolist() == [[1, 2, 3, 4], [6, 7, 8, 9]]
    assert windows.apart()[0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.raises(ArgumentError, match="no windows"):
        Windows(np.arange(4), 4)


def test_words_are_counted():
    assert words("Feed'st thy self-love, O!\n'Tis--") == ["feed'st", "thy", "self-love", "o", "tis"]
    assert known_words("thy lovv thy", "Thy love") == 2 / 3
    assert known_words("", "love") == 0


def test_a_character_does_not_see_those_after_it(small):
    model, _ = small
    first = np.random.default_rng(0).integers(0, 50, (3, 16))
    second = first.copy()
    second[:, 9:] = 7
    np.testing.assert_allclose(model(first)[:, :9], model(second)[:, :9], atol=1e-5)
    assert not np.allclose(model(first)[:, 9:], model(second)[:, 9:], atol=1e-5)


def test_the_model_has_as_many_parameters_as_its_layers_say():
    """Tables of characters and places; for a block 12·d² weights, 9·d shifts and 4·d of the norms; norm and scores."""
    n, t, d, blocks = 59, 64, 64, 2
    count = n * d + t * d + blocks * (12 * d**2 + 9 * d + 4 * d) + 2 * d + n * d
    assert gpt.network(Alphabet(sonnets()), 0).num_parameters == count == 111_744


def test_the_first_loss_is_that_of_who_knows_nothing(small):
    model, alphabet = small
    now, following = Windows(alphabet.encode(sonnets()), 16)[np.arange(0, 4000, 16)]
    assert float(gpt.loss(model, now, following)) == pytest.approx(math.log(len(alphabet)), rel=0.1)


def test_the_gradient_is_that_of_the_tape(small):
    """Compiled by functions, and by walking back on the tape."""
    model, alphabet = small
    now, following = Windows(alphabet.encode(sonnets()), 16)[np.arange(8)]
    grads = wg.jit(wg.grad(gpt.loss))(model, now, following)
    gpt.loss(model, now, following)
    for p in model.parameters():  # which makes Variables of them
        p.zero_grad()
    gpt.loss(model, now, following).backward()
    for (name, p), (_, g) in zip(model.named_parameters(), grads.named_parameters(), strict=True):
        np.testing.assert_allclose(g.data, p.grad, rtol=2e-3, atol=2e-5, err_msg=name)


def test_writing_is_repeatable_and_grows_bolder(small):
    model, alphabet = small
    text = gpt.write(model, alphabet, 60, seed=3)
    assert len(text) == 60
    assert set(text) <= set(alphabet.characters)
    assert text == gpt.write(model, alphabet, 60, seed=3) != gpt.write(model, alphabet, 60, seed=4)
    calm = [gpt.write(model, alphabet, 30, temperature=0, seed=seed) for seed in (1, 2)]
    assert calm[0] == calm[1]
    assert len(set(gpt.write(model, alphabet, 60, temperature=5.0))) > len(set(calm[0]))


def test_writing_draws_from_what_the_model_says(small):
    model, alphabet = small
    window = np.zeros((1, 16), int)
    window[0, 0] = alphabet.encode("\n")[0]
    scores = model(window)[0, 0].astype(float)
    shares = np.exp(scores) / np.sum(np.exp(scores))
    drawn = np.random.default_rng(7).choice(len(alphabet), p=shares)
    assert gpt.write(model, alphabet, 1, seed=7) == alphabet.characters[drawn]


def test_a_short_training_learns_something():
    report = train("gpt", steps=12, quiet=True, temperature=0.5)
    assert report.figures["first"] == pytest.approx(math.log(59), rel=0.1)
    assert report.figures["validation"] < 3.4
    assert len(report.text) > 800


@pytest.mark.slow
def test_it_writes_words():
    report = train("gpt", steps=500, quiet=True, temperature=0.5)
    assert report.figures["best"] < 2.1
    assert report.figures["known"] > 0.6
