"""Text as numbers: characters, windows to learn from, and the words in it."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError
from wengert.runs.datasets import Array


def sonnets() -> str:
    """43 of Shakespeare's sonnets: 1 to 34, 55, 60, 65, 71, 73, 104, 106, 116 and 130.

    **Source**: *Shake-speares Sonnets* (1609), in the spelling of the nineteenth century; in the public domain.
    """
    return files("wengert.runs").joinpath("data", "sonnets.txt").read_text("utf-8")


class Alphabet:
    """The characters of a text and their numbers, 0, 1, … in the order of Unicode."""

    def __init__(self, text: str) -> None:
        self.characters = sorted(set(text))
        self._numbers = {c: i for i, c in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Array:
        unknown = sorted({c for c in text if c not in self._numbers})
        if unknown:
            raise ArgumentError(f"{''.join(unknown)!r} is not in the alphabet {''.join(self.characters)!r}")
        return np.array([self._numbers[c] for c in text], np.int64)

    def decode(self, numbers: Any) -> str:
        return "".join(self.characters[i] for i in numbers)


class Windows:
    """All pieces of a text of one length, each with the same piece one character later: what `nn.fit` takes."""

    def __init__(self, numbers: Array, length: int) -> None:
        if len(numbers) <= length:
            raise ArgumentError(f"a text of {len(numbers)} characters has no windows of {length} and one more")
        self.numbers, self.length = numbers, length

    def __len__(self) -> int:
        return len(self.numbers) - self.length

    def __getitem__(self, starts: Any) -> tuple[Array, Array]:
        found = self.numbers[np.asarray(starts)[:, None] + np.arange(self.length + 1)]
        return found[:, :-1], found[:, 1:]

    def apart(self) -> tuple[Array, Array]:
        """Those that do not overlap."""
        return self[np.arange(0, len(self), self.length)]


def words(text: str) -> list[str]:
    """The words of a text in small letters."""
    return re.findall(r"[a-z]+(?:['-][a-z]+)*", text.lower())


def known_words(written: str, text: str) -> float:
    """The share of written words that occur in a text."""
    vocabulary, found = set(words(text)), words(written)
    return sum(word in vocabulary for word in found) / max(len(found), 1)
