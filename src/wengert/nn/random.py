"""Random numbers from explicit keys: the same key gives the same numbers, eagerly, compiled, on every machine.

A generator with a hidden state would be drawn from once, while a program is recorded. Here the state is a value: a key
is an array of two 32-bit words, and random bits are a hash of key and position. All of it is arithmetic of NumPy, which
is recorded and compiled as any other. The words are int32, whose arithmetic is that of uint32 but for the shift to the
right, since the compiler knows int32.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import ArgumentError, ShapeError

_WORD = np.int32
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def key(seed: int) -> np.ndarray[Any, Any]:
    """The key that belongs to a seed.

    **Arguments**: `seed`, a whole number, 0 ≤ seed < 2⁶⁴. **Returns**: an int32 array of shape (2,), the words of the
    seed, the higher one first. **Raises**: `ArgumentError` for other seeds.

    >>> import wengert as wg
    >>> wg.nn.random.key(7)
    array([0, 7], dtype=int32)
    """
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number < 2**64 or isinstance(seed, bool):
        raise ArgumentError(f"a seed is a whole number from 0 to 2⁶⁴ − 1, not {seed!r}", right="nn.random.key(0)")
    return np.array([number >> 32, number & 0xFFFFFFFF], np.uint32).astype(_WORD)


def threefry(key: Any, high: Any, low: Any) -> tuple[Any, Any]:
    """Threefry-2x32 with 20 rounds: two words for each pair of words, given a key of two words.

    Additions are modulo 2³², ⋘ rotates: twenty times x₀ ← x₀ + x₁, x₁ ← (x₁ ⋘ r) ⊕ x₀, with the key added after
    every fourth.

    **Arguments**: `key`, shape (2,); `high`, `low`, int32 arrays of one shape with at least one axis.
    **Returns**: two int32 arrays of that shape. **Cost**: 20 rounds of 6 operations on each element.

    **Source**: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
    """
    key = _as_key(key)
    k0, k1 = key[0:1], key[1:2]  # arrays of one element: NumPy warns where a scalar wraps around
    schedule = (k0, k1, k0 ^ k1 ^ _PARITY)
    x0, x1 = high + k0, low + k1
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = ((x1 << rotation) | _shifted(x1, 32 - rotation)) ^ x0
        x0 = x0 + schedule[(group + 1) % 3]
        x1 = x1 + (schedule[(group + 2) % 3] + (group + 1))
    return x0, x1


def split(key: Any, n: int = 2) -> Any:
    """Several new keys, whose numbers have nothing to do with one another; the old one is not to be used again.

    **Returns**: an int32 array of shape (n, 2); `first, second = split(key)`.

    >>> import wengert as wg
    >>> key, use = wg.nn.random.split(wg.nn.random.key(0))
    >>> wg.nn.random.uniform(use, (2,)).round(4)
    array([0.7824, 0.3209])

    **Cost**: n evaluations of the hash.
    """
    if n < 1:
        raise ArgumentError(f"a key is split into one or more, not {n}")
    count = np.arange(n, dtype=_WORD)
    return np.stack(threefry(key, np.full(n, -1, _WORD), count), axis=1)  # positions that `bits` never reaches


def fold_in(key: Any, number: Any) -> Any:
    """The key that belongs to a key and a whole number, such as the number of a step or of a layer.

    **Arguments**: `number`, whole, of which the last 32 bits count. **Returns**: an int32 array of shape (2,).

    >>> import wengert as wg
    >>> wg.nn.random.fold_in(wg.nn.random.key(0), 3)
    array([-1421607054,  -633785378], dtype=int32)
    """
    position = np.reshape(number, 1).astype(_WORD)
    return np.concatenate(threefry(key, np.full(1, -2, _WORD), position))


def bits(key: Any, shape: int | Sequence[int] = ()) -> Any:
    """Random words of 32 bits: each of the integers from −2³¹ to 2³¹ − 1 is as likely as every other.

    **Returns**: an int32 array of this shape. **Cost**: a hash for every two words.

    >>> import wengert as wg
    >>> wg.nn.random.bits(wg.nn.random.key(0), (2,))
    array([ 1797259609, -1715843330], dtype=int32)
    """
    shape = _shape(shape)
    pairs = np.stack(_words(key, (math.prod(shape) + 1) // 2), axis=1)
    return np.reshape(np.reshape(pairs, -1)[: math.prod(shape)], shape)


def uniform(
    key: Any, shape: int | Sequence[int] = (), low: float = 0.0, high: float = 1.0, dtype: Any = np.float64
) -> Any:
    """Numbers equally likely everywhere in low ≤ u < high (but for rounding).

    They are the 53 (24) leading bits of a random integer.

    **Arguments**: `dtype`, float64 or float32. **Returns**: an array of this shape and dtype.
    **Cost**: a hash per float64, or per two of float32.

    >>> import wengert as wg
    >>> wg.nn.random.uniform(wg.nn.random.key(0), (3,)).round(4)
    array([0.4185, 0.2163, 0.9653])
    """
    dtype = _floating(dtype)
    if dtype == np.float64:
        first, second = _words(key, math.prod(_shape(shape)))
        unit = np.reshape(_shifted(first, 5) * 2.0**-27 + _shifted(second, 6) * 2.0**-53, _shape(shape))
    else:
        unit = _shifted(bits(key, shape), 8).astype(np.float32) * np.float32(2.0**-24)
    return unit if (low, high) == (0.0, 1.0) else (low + (high - low) * unit).astype(dtype)


def normal(key: Any, shape: int | Sequence[int] = (), dtype: Any = np.float64) -> Any:
    """Numbers of the standard normal distribution: √(−2 ln u) · (cos 2πv, sin 2πv), u and v uniform.

    **Arguments**: `dtype`, float64 or float32. **Returns**: an array of this shape and dtype.
    **Cost**: a hash, and half a logarithm, root, sine and cosine, per number.

    >>> import wengert as wg
    >>> wg.nn.random.normal(wg.nn.random.key(0), (3,)).round(4)
    array([ 1.0166, -0.2251, -0.6231])

    **Source**: Box & Muller, "A note on the generation of random normal deviates" (1958).
    """
    dtype, shape = _floating(dtype), _shape(shape)
    half = (math.prod(shape) + 1) // 2
    both = uniform(key, (2, half), dtype=dtype)
    radius = np.sqrt(-2.0 * np.log1p(-both[0]))
    angle = (2.0 * math.pi) * both[1]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return np.reshape(np.reshape(pairs, -1)[: math.prod(shape)], shape)


def bernoulli(key: Any, p: float = 0.5, shape: int | Sequence[int] = ()) -> Any:
    """Truth values, of which a share p is true.

    **Arguments**: `p`, 0 ≤ p ≤ 1, rounded to a multiple of 2⁻³². **Returns**: a boolean array of this shape.

    >>> import wengert as wg
    >>> wg.nn.random.bernoulli(wg.nn.random.key(0), 0.5, (3,))
    array([False,  True, False])
    """
    if not 0.0 <= p <= 1.0:
        raise ArgumentError(f"p is a probability, from 0 to 1, not {p}")
    below = round(p * 2.0**32) - 2**31
    return bits(key, shape) <= below - 1 if below > -(2**31) else np.zeros(_shape(shape), bool)


def categorical(key: Any, logits: Any, axis: int = -1) -> Any:
    """The place along an axis, drawn with the probabilities softmax(logits): the largest of logit − ln(−ln u), u
    uniform.

    **Returns**: integers, in the shape of `logits` without that axis.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.random.categorical(wg.nn.random.key(0), np.log(np.array([[0.0001, 0.9999]] * 3)))
    array([1, 1, 1])

    **Source**: Gumbel, *Statistical Theory of Extreme Values* (1954); Maddison et al., "A* sampling" (2014).
    """
    shape = shape_of(logits)
    if not shape:
        raise ShapeError("one logit is no choice", wrong="categorical(key, 0.5)", right="categorical(key, np.zeros(3))")
    waiting = np.maximum(-np.log1p(-uniform(key, shape)), 1e-300)  # exponentially distributed
    return np.argmax(logits - np.log(waiting), axis=axis)


def _shifted(word: Any, places: int) -> Any:
    """To the right, with zeros coming in from the left."""
    return (word >> places) & (2 ** (32 - places) - 1)


def _words(key: Any, n: int) -> tuple[Any, Any]:
    return threefry(key, np.zeros(n, _WORD), np.arange(n, dtype=_WORD))


def _as_key(key: Any) -> Any:
    """A key in int32: a transformation that a buffer goes through makes float64 of it, which holds it exactly."""
    aval = aval_of(key) if hasattr(key, "shape") else None
    if aval is None or aval.shape != (2,) or (aval.dtype != _WORD and aval.dtype != np.float64):
        raise ArgumentError(
            "a key is an int32 array of two words",
            wrong="nn.random.uniform(0, (3,))",
            right="nn.random.uniform(nn.random.key(0), (3,))",
        )
    return key if aval.dtype == _WORD else key.astype(_WORD)


def _shape(shape: int | Sequence[int]) -> tuple[int, ...]:
    found = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if any(n < 0 for n in found):
        raise ShapeError(f"a shape has no negative lengths: {found}")
    return tuple(int(n) for n in found)


def _floating(dtype: Any) -> np.dtype[Any]:
    found: np.dtype[Any] = np.dtype(dtype)
    if found not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ArgumentError(f"random numbers are float64 or float32, not {found}", right="….astype(dtype)")
    return found
