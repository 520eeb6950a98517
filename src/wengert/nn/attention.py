"""Attention: each place of a sequence takes a mean over the places of another, with weights that it computes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.dropout import Dropout
from wengert.nn.initializers import Generator, Init, generator, initial
from wengert.nn.linear import Activation, Linear, as_numbers, check_features, check_size
from wengert.nn.module import Module, Parameter
from wengert.nn.normalization import LayerNorm
from wengert.ops.composite import softmax
from wengert.ops.special import stop_gradient


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    dropout: Callable[[Any], Any] | None = None,
) -> Any:
    """Means of the values, weighted by how well the keys fit the queries: softmax(scale · Q Kᵀ + mask) V.

    **Arguments**: `query`, shape (…, n, d); `key`, (…, m, d); `value`, (…, m, e); `mask`, of a shape that broadcasts to
    (…, n, m): truth values, true where a query may look at a key, or numbers that are added; `causal`: query i looks at
    keys 0 to i only; `scale`, by default 1/√d; `dropout`, a function that is applied to the weights.
    **Returns** an array of shape (…, n, e); zeros where a query may look at nothing.
    **Raises**: `ShapeError`. **Cost**: two products of matrices; the weights take n · m numbers.

    >>> import numpy as np, wengert as wg
    >>> x = np.eye(2)
    >>> wg.nn.scaled_dot_product_attention(x, x, x, causal=True).round(3)
    array([[1.  , 0.  ],
           [0.33, 0.67]])

    **Source**: Vaswani et al., "Attention is all you need" (2017), section 3.2.1.
    """
    query, key, value = as_numbers(query), as_numbers(key), as_numbers(value)
    q, k, v = shape_of(query), shape_of(key), shape_of(value)
    if min(len(q), len(k), len(v)) < 2 or q[-1] != k[-1] or k[-2] != v[-2] or not k[-2]:
        raise ShapeError(
            f"attention takes queries (…, n, d), keys (…, m, d) and values (…, m, e), m > 0, not {q}, {k} and {v}"
        )
    scores = (query @ np.swapaxes(key, -1, -2)) * (1 / math.sqrt(max(q[-1], 1)) if scale is None else scale)
    if causal:
        scores = np.where(np.tri(q[-2], k[-2], dtype=bool), scores, -np.inf)
    weights = softmax(scores, axis=-1) if mask is None else _masked(scores, as_numbers(mask))
    return (weights if dropout is None else dropout(weights)) @ value


def _masked(scores: Any, mask: Any) -> Any:
    """The softmax of what the mask lets through; zeros where it lets nothing through."""
    shape, given = shape_of(scores), shape_of(mask)
    try:
        fits = np.broadcast_shapes(shape, given) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"the mask of attention has shape {given}, which does not broadcast to the scores' {shape}")
    kind = aval_of(mask).dtype.kind
    if kind not in "bf":
        raise ArgumentError(
            "the mask of attention holds truth values, or floating-point numbers that are added",
            wrong="mask=np.array([0, 1])",
            right="mask=np.array([False, True])",
        )
    scores = np.where(mask, scores, -np.inf) if kind == "b" else scores + mask
    top = stop_gradient(np.max(scores, axis=-1, keepdims=True))
    powers = np.exp(scores - np.where(np.isinf(top), 0.0, top))
    total = np.sum(powers, axis=-1, keepdims=True)
    return powers / np.where(total == 0, 1.0, total)


class MultiHeadAttention(Module):
    """Attention with several heads, each of which has its own queries, keys and values, linear in those that come in.

    headᵢ = attention(X Wᵢ^Q, Z Wᵢ^K, Z Wᵢ^V), and y = (head₁, …, headₕ) W^O + b.

    **Arguments**: `n_features`; `n_heads`, which divides it; `causal`: each place looks at itself and those before it;
    `dropout`, the share of weights that is left out in training; `bias`; `weight_init`, `dtype`, `rng` as in `Linear`.
    **Parameters**: `in_weight`, shape (3 · n_features, n_features): the rows for queries, keys, values, each for one
    head after the other; `in_bias`, shape (3 · n_features,), or None; those of `out`, a `Linear`. As in PyTorch.
    **Takes** `query`, shape (batch, n, n_features), or without the first axis; `key` and `value`, shape
    (batch, m, n_features), by default the query, and the key; `mask`, truth values (true where a place may look at
    another; PyTorch's module has it the other way round) or numbers that are added, of shape (n, m), (batch, n, m) or
    (batch, n_heads, n, m), where 1 stands for any length. **Returns** an array of the query's shape.
    **Raises**: `ShapeError`. **Cost**: four linear maps, and the two products of `scaled_dot_product_attention`.

    >>> import numpy as np, wengert as wg
    >>> attention = wg.nn.MultiHeadAttention(8, 2, causal=True, rng=0)
    >>> attention(np.ones((5, 7, 8))).shape
    (5, 7, 8)

    **Source**: Vaswani et al., "Attention is all you need" (2017), section 3.2.2.
    """

    in_weight: Parameter
    in_bias: Parameter | None

    def __init__(
        self,
        n_features: int,
        n_heads: int,
        *,
        causal: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
        weight_init: Init = "xavier_uniform",
        dtype: Any = np.float64,
        rng: int | Generator | None = None,
    ) -> None:
        self.n_features, self.n_heads = check_size("n_features", n_features), check_size("n_heads", n_heads)
        if n_features % n_heads:
            raise ArgumentError(
                f"MultiHeadAttention cannot divide {n_features} features among {n_heads} heads",
                right="n_heads that divides n_features",
            )
        drawn, self.causal = generator(rng), bool(causal)
        self.in_weight = initial(weight_init, (3 * n_features, n_features), drawn, dtype)
        self.in_bias = np.zeros(3 * n_features, dtype) if bias else None
        self.out = Linear(n_features, n_features, bias=bias, bias_init="zeros", dtype=dtype, rng=drawn)
        self.dropout = Dropout(dropout, rng=drawn) if dropout else None

    def forward(self, query: Any, key: Any = None, value: Any = None, mask: Any = None) -> Any:
        query = as_numbers(query)
        if key is None and value is not None:
            raise ArgumentError("attention to values takes their keys", wrong="layer(x, value=z)", right="layer(x, z)")
        key = query if key is None else as_numbers(key)
        value = key if value is None else as_numbers(value)
        for x in (query, key, value):
            check_features(self, x, self.n_features)
        q, k, v = shape_of(query), shape_of(key), shape_of(value)
        if len(q) not in (2, 3) or k != v or q[:-2] != k[:-2] or len(q) != len(k):
            raise ShapeError(
                f"{type(self).__name__}({self.extra_repr()}) takes sequences of shape (batch, n, {self.n_features}), "
                f"keys and values of shape (batch, m, {self.n_features}), not {q}, {k} and {v}"
            )
        q_heads, k_heads, v_heads = (self._heads(part) for part in self._projected(query, key, value))
        if mask is not None and len(shape_of(as_numbers(mask))) == 3:
            mask = as_numbers(mask)[:, np.newaxis]
        y = scaled_dot_product_attention(q_heads, k_heads, v_heads, mask, causal=self.causal, dropout=self.dropout)
        return self.out(np.reshape(np.swapaxes(y, -2, -3), q))

    def _projected(self, query: Any, key: Any, value: Any) -> list[Any]:
        """Queries, keys and values, those of one input by one product."""
        n, weight, bias = self.n_features, self.in_weight, self.in_bias
        if value is query:
            return self._parts(query, weight, bias, 3)
        parts = self._parts(query, weight[:n], None if bias is None else bias[:n], 1)
        if value is key:
            return parts + self._parts(key, weight[n:], None if bias is None else bias[n:], 2)
        for i, x in enumerate((key, value), start=1):
            rows = slice(i * n, (i + 1) * n)
            parts += self._parts(x, weight[rows], None if bias is None else bias[rows], 1)
        return parts

    def _parts(self, x: Any, weight: Any, bias: Any, count: int) -> list[Any]:
        """So many linear maps of one input."""
        n, shape = self.n_features, shape_of(x)
        y = np.reshape(x, (-1, n)) @ weight.T
        if bias is not None:
            y = y + bias
        y = np.reshape(y, (*shape[:-1], count * n))
        return [y[..., i * n : (i + 1) * n] for i in range(count)]

    def _heads(self, x: Any) -> Any:
        """(…, n, features) as (…, heads, n, features of a head)."""
        split = np.reshape(x, (*shape_of(x)[:-1], self.n_heads, self.n_features // self.n_heads))
        return np.swapaxes(split, -2, -3)

    def extra_repr(self) -> str:
        return ", ".join([f"{self.n_features}, n_heads={self.n_heads}", *["causal=True"] * self.causal])


class TransformerBlock(Module):
    """A layer of a transformer: x + attention(norm(x)), then x + W₂ gelu(W₁ norm(x) + b₁) + b₂.

    The norm comes first ("pre-norm"), so that x itself goes through unchanged.

    **Arguments**: `n_features`, `n_heads`, `causal`, `dtype`, `rng` as in `MultiHeadAttention`; `n_inner`, the width
    within the second part, by default 4 · n_features; `activation`, a name or a function; `dropout`, of the weights of
    attention and of what is added to x, twice, in training; `bias=False` leaves out all shifts.
    **Parameters**: those of `norm1`, `attention`, `norm2`, `inner`, `outer`.
    **Takes** `x`, shape (batch, n, n_features), or without the first axis, and `mask` as in `MultiHeadAttention`.
    **Returns** an array of x's shape. **Raises**: `ShapeError`.
    **Cost**: about 24 · n_features² operations for each place, and 4 · n · n_features for what it looks at.

    >>> import numpy as np, wengert as wg
    >>> block = wg.nn.TransformerBlock(8, 2, causal=True, rng=0)
    >>> block(np.ones((5, 7, 8))).shape
    (5, 7, 8)

    **Source**: Vaswani et al., "Attention is all you need" (2017); the norm first: Radford et al., "Language models are
    unsupervised multitask learners" (2019), Xiong et al., "On layer normalization in the transformer" (2020).
    """

    def __init__(
        self,
        n_features: int,
        n_heads: int,
        *,
        n_inner: int | None = None,
        causal: bool = False,
        dropout: float = 0.0,
        activation: Activation = "gelu",
        bias: bool = True,
        dtype: Any = np.float64,
        rng: int | Generator | None = None,
    ) -> None:
        drawn = generator(rng)
        inner = 4 * check_size("n_features", n_features) if n_inner is None else n_inner
        options: dict[str, Any] = {"bias": bias, "dtype": dtype, "rng": drawn}
        self.norm1 = LayerNorm(n_features, bias=bias, dtype=dtype)
        self.attention = MultiHeadAttention(n_features, n_heads, causal=causal, dropout=dropout, **options)
        self.norm2 = LayerNorm(n_features, bias=bias, dtype=dtype)
        self.inner = Linear(n_features, inner, activation=activation, **options)
        self.outer = Linear(inner, n_features, **options)
        self.dropout = Dropout(dropout, rng=drawn) if dropout else None

    def forward(self, x: Any, mask: Any = None) -> Any:
        x = as_numbers(x)
        check_features(self, x, self.attention.n_features)
        x = x + self._dropped(self.attention(self.norm1(x), mask=mask))
        return x + self._dropped(self.outer(self.inner(self.norm2(x))))

    def _dropped(self, y: Any) -> Any:
        return y if self.dropout is None else self.dropout(y)

    def extra_repr(self) -> str:
        return self.attention.extra_repr()


# Where something stands ----------------------------------------------------------------------------------------------


class PositionalEmbedding(Module):
    """x with a vector added for each place of the sequence, which is trained.

    **Arguments**: `n_positions`, the greatest length; `n_features`; `weight_init` (by default the normal distribution
    with standard deviation 0.02), `dtype`, `rng` as in `Linear`.
    **Parameters**: `weight`, shape (n_positions, n_features).
    **Takes** `x`, shape (…, n, n_features), n ≤ n_positions, and `start`, the place of the first one, 0 by default.
    **Returns** an array of that shape. **Raises**: `ShapeError` for longer sequences.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.PositionalEmbedding(64, 8)(np.ones((5, 7, 8))).shape
    (5, 7, 8)

    **Source**: Gehring et al., "Convolutional sequence to sequence learning" (2017), section 3.1.
    """

    weight: Parameter

    def __init__(
        self,
        n_positions: int,
        n_features: int,
        *,
        weight_init: Init | None = None,
        dtype: Any = np.float64,
        rng: int | Generator | None = None,
    ) -> None:
        self.n_positions = check_size("n_positions", n_positions)
        self.n_features = check_size("n_features", n_features)
        how = _narrow if weight_init is None else weight_init
        self.weight = initial(how, (n_positions, n_features), generator(rng), dtype)

    def forward(self, x: Any, start: int = 0) -> Any:
        x = as_numbers(x)
        check_features(self, x, self.n_features)
        return x + self.weight[_places(self, x, self.n_positions, start)]

    def extra_repr(self) -> str:
        return f"{self.n_positions}, {self.n_features}"


class SinusoidalEncoding(Module):
    """x with sines and cosines of its places added: sin(t / 10000^(2i/d)) at 2i, cos of it at 2i + 1.

    **Arguments**: `n_features`, d. There are no parameters, and no greatest length.
    **Takes** `x`, shape (…, n, n_features), and `start`, the place of the first one, 0 by default.
    **Returns** an array of that shape. **Raises**: `ShapeError`.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.SinusoidalEncoding(4)(np.zeros((2, 4))).round(3)
    array([[0.   , 1.   , 0.   , 1.   ],
           [0.841, 0.54 , 0.01 , 1.   ]])

    **Source**: Vaswani et al., "Attention is all you need" (2017), section 3.5.
    """

    def __init__(self, n_features: int) -> None:
        self.n_features = check_size("n_features", n_features)

    def forward(self, x: Any, start: int = 0) -> Any:
        x = as_numbers(x)
        check_features(self, x, self.n_features)
        places = _places(self, x, None, start)
        dtype = aval_of(x).dtype
        return x + sinusoids(places.start, places.stop, self.n_features).astype(dtype if dtype.kind == "f" else float)

    def extra_repr(self) -> str:
        return str(self.n_features)


def sinusoids(start: int, stop: int, n_features: int) -> np.ndarray[Any, Any]:
    """The table of `SinusoidalEncoding`, a row for each of the places start to stop − 1."""
    column = np.arange(n_features)
    angle = np.arange(start, stop)[:, np.newaxis] / 10000.0 ** ((column - column % 2) / n_features)
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle))


def _places(layer: Module, x: Any, n_positions: int | None, start: int) -> slice:
    shape = shape_of(x)
    if len(shape) < 2:
        raise ShapeError(f"{type(layer).__name__}({layer.extra_repr()}) takes sequences (…, n, features), not {shape}")
    if start < 0 or (n_positions is not None and start + shape[-2] > n_positions):
        last = "∞" if n_positions is None else n_positions - 1
        raise ShapeError(
            f"{type(layer).__name__}({layer.extra_repr()}) has places 0 to {last}, "
            f"and was asked for {start} to {start + shape[-2] - 1} (x has shape {shape})"
        )
    return slice(start, start + shape[-2])


def _narrow(rng: Generator, shape: tuple[int, ...]) -> Any:
    return rng.normal(0.0, 0.02, shape)
