"""A small language model of characters, which learns to write sonnets."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from wengert.compile.jit import jit
from wengert.nn.attention import PositionalEmbedding, TransformerBlock
from wengert.nn.embedding import Embedding
from wengert.nn.fitting import Fitted, fit
from wengert.nn.linear import Linear
from wengert.nn.losses import cross_entropy
from wengert.nn.module import Module
from wengert.nn.normalization import LayerNorm
from wengert.optim.adam import AdamW
from wengert.optim.clipping import ClipNorm
from wengert.optim.schedule import CosineDecay, WarmUp
from wengert.runs.datasets import Array
from wengert.runs.report import Report, percent
from wengert.runs.settings import Settings
from wengert.runs.text import Alphabet, Windows, known_words, sonnets, words

LENGTH = 64  # characters that it looks back
BATCH = 32
ROUND = 50  # steps between two looks at the validation
WRITTEN = 1000  # characters of a sample
TRAINED = 0.95  # of the text; the rest is for validation


class GPT(Module):
    """A decoder of characters: where they stand, blocks of causal attention, and scores for the next one.

    **Arguments**: `n_characters`; `length`, the most that it looks at; `n_features`, `n_heads`, `n_blocks`; `rng`.
    **Takes** numbers of characters, shape (batch, n), n ≤ length. **Returns** scores of shape (batch, n, n_characters).

    **Source**: Radford et al., "Language models are unsupervised multitask learners" (2019).
    """

    def __init__(
        self, n_characters: int, length: int, n_features: int, n_heads: int, n_blocks: int, *, rng: Any = None
    ) -> None:
        rng, dtype = np.random.default_rng(rng), np.float32
        self.length = length
        self.embedding = Embedding(n_characters, n_features, weight_init=_narrow, rng=rng, dtype=dtype)
        self.position = PositionalEmbedding(length, n_features, rng=rng, dtype=dtype)
        self.blocks = [
            TransformerBlock(n_features, n_heads, causal=True, rng=rng, dtype=dtype) for _ in range(n_blocks)
        ]
        self.norm = LayerNorm(n_features, dtype=dtype)
        self.head = Linear(n_features, n_characters, bias=False, rng=rng, dtype=dtype)

    def forward(self, characters: Any) -> Any:
        x = self.position(self.embedding(characters))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def _narrow(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(0.0, 0.02, shape)


def network(alphabet: Alphabet, seed: int) -> GPT:
    """64 features, 4 heads, 2 blocks: 112,000 parameters."""
    return GPT(len(alphabet), LENGTH, 64, 4, 2, rng=seed)


def loss(model: Any, characters: Any, following: Any) -> Any:
    """How surprised the model is by the next character, in nats; −ln p."""
    return cross_entropy(model(characters), following)


def train(settings: Settings, text: str) -> Fitted:
    """The trained model and its history."""
    alphabet = Alphabet(text)
    numbers = alphabet.encode(text)
    start = int(TRAINED * len(numbers))
    rate = WarmUp(20, CosineDecay(1e-2, settings.steps, end=1e-3))
    return fit(
        network(alphabet, settings.seed), loss, Windows(numbers[:start], LENGTH),
        optimizer=AdamW(lr=rate, betas=(0.9, 0.99), weight_decay=0.1, clip=ClipNorm(1.0)),
        steps=settings.steps, batch_size=BATCH, seed=settings.seed, every=min(ROUND, settings.steps),
        validation=Windows(numbers[start:], LENGTH).apart(), checkpoint=settings.checkpoint(),
        progress=settings.progress,
    )  # fmt: skip


def write(
    model: GPT, alphabet: Alphabet, length: int, *, temperature: float = 1.0, seed: int = 0, begin: str = "\n"
) -> str:
    """Text that the model writes, one character after the other, drawn from softmax(scores/temperature).

    **Arguments**: `model`, in evaluation mode; `alphabet`; `length`, how many characters; `temperature`: 0 takes the
    likeliest character each time, 1 draws as the model believes; `seed` of the draws; `begin`, what stands before.
    **Returns**: the text without its beginning. **Cost**: one pass over a window for each character.
    """
    scores = jit(lambda model, window: model(window))
    rng, seen = np.random.default_rng(seed), alphabet.encode(begin).tolist()
    given = len(seen)
    for _ in range(length):
        recent = seen[-model.length :]
        window = np.zeros((1, model.length), np.int64)  # of one length, so that it is compiled once
        window[0, : len(recent)] = recent  # what stands behind the last one it does not look at
        z = np.asarray(scores(model, window)[0, len(recent) - 1], float)
        if temperature == 0:
            seen.append(int(np.argmax(z)))
            continue
        shares = np.exp((z - np.max(z)) / temperature)
        seen.append(int(rng.choice(len(shares), p=shares / np.sum(shares))))
    return alphabet.decode(seen[given:])


def run(settings: Settings) -> Report:
    """Train on most of the sonnets, look at the rest, and write a new one.

    **Source**: Radford et al. (2019); Karpathy, "The unreasonable effectiveness of recurrent neural networks" (2015).
    """
    text = sonnets()
    alphabet = Alphabet(text)
    start = time.perf_counter()
    model, history = train(settings, text)
    seconds = time.perf_counter() - start
    written = write(model, alphabet, WRITTEN, temperature=settings.temperature, seed=settings.seed)
    known = known_words(written, text)
    best = int(np.argmin(history["validation_loss"]))

    report = Report(f"a language model of {len(alphabet)} characters, {model.num_parameters:,} parameters", model)
    report.figures["parameters"] = model.num_parameters
    report.add("text", f"{len(text):,} characters of Shakespeare's sonnets", characters=len(text))
    report.add("loss", f"{history.loss[0]:.3f} nats a character at first, {history.last['loss']:.3f} in the last round",
               first=float(history.loss[0]), loss=history.last["loss"])  # fmt: skip
    report.add("on the rest", f"{history['validation_loss'][best]:.3f} at best, in step {history['step'][best]}, "
               f"{history.last['validation_loss']:.3f} at the end",
               best=float(history["validation_loss"][best]), validation=history.last["validation_loss"])  # fmt: skip
    report.add("words", f"{percent(known)} of {len(words(written))} words that it writes are in the text", known=known)
    report.add_time(history, seconds)
    report.draw(settings.picture("history"), history.plot)
    report.text = written.strip("\n")
    return report
