"""Random NumPy programs, which run alike eagerly, on traced arrays and compiled."""

from __future__ import annotations

import numpy as np

import wengert as wg

LENGTHS = (0, 1, 2, 3, 5, 16, 17, 40, 1000, 5000)
SIZE = 12_000  # elements of an array


class Program:
    """A function of some arrays; `seed` fixes what it does and on what.

    Every choice depends on shapes and dtypes alone, so that runs differ in nothing but who computes. The operations are
    smooth and bounded, or exact, so that a difference in the last place does not grow.
    """

    def __init__(self, seed, steps=10, float32=False):
        self.seed, self.steps, self.dtype = seed, steps, np.float32 if float32 else np.float64
        self.log = []
        rng = np.random.default_rng([seed, 1])
        self.lengths = [int(n) for n in rng.choice(LENGTHS, 3, replace=False)]
        if rng.random() < 0.7:
            self.lengths = [n or 4 for n in self.lengths]
        self.args = [self._argument(rng) for _ in range(int(rng.integers(1, 4)))]

    def _argument(self, rng):
        while True:
            shape = tuple(int(n) for n in rng.choice(self.lengths, int(rng.integers(0, 4))))
            if np.prod(shape) <= SIZE:
                break
        x = np.asarray(rng.normal(size=shape), self.dtype)
        kind = rng.integers(5)
        if kind == 0 and x.ndim > 1:
            x = np.asfortranarray(x)
        elif kind == 1 and x.ndim:
            x = x[..., ::-1]
        elif kind == 2 and x.ndim:
            x = np.repeat(x, 2, axis=0)[::2]
        elif kind == 3 and not x.ndim:
            x = x[()]
        return x

    def __call__(self, *args):
        self.log = []
        rng = np.random.default_rng([self.seed, 2])
        live = list(args)
        kinds = (self._unary, self._binary, self._reduce, self._view, self._join, self._index, self._update,
                 self._linear, self._discrete, self._order)  # fmt: skip
        weights = np.array([3, 5, 3, 3, 1, 2, 2, 1.5, 1.5, 0.5])
        for _ in range(self.steps):
            kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
            result = kind(rng, live)
            if result is not None and np.prod(np.shape(result)) <= 4 * SIZE:
                self.log[-1] += (
                    f"   # {len(live)}: {np.shape(result)} {getattr(result, 'dtype', type(result).__name__)}"
                )
                live.append(result)
        return live[len(args) :]

    def loss(self, *args):
        """A number that depends on all results."""
        total = 0.0
        for k, a in enumerate(self(*args)):
            if np.prod(np.shape(a)):
                total = total + np.mean(np.sin(a * (1.0 + 0.1 * k)) * 1.0)
        return total

    # Choices ------------------------------------------------------------------------------------------------------

    def _pick(self, rng, live, least=0):
        found = [i for i, a in enumerate(live) if np.ndim(a) >= least]
        if not found:
            return None, None
        # The latest more often, so that there are long chains.
        i = found[-1 - min(int(rng.exponential(2.0)), len(found) - 1)]
        return i, live[i]

    def _note(self, text):
        self.log.append(text)

    # Operations -----------------------------------------------------------------------------------------------------

    def _unary(self, rng, live):
        table = {
            "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "gauss": lambda x: np.exp(x * (x * -1.0)),
            "root": lambda x: np.sqrt(1.0 + x * x), "log1p": lambda x: np.log1p(x * x), "arctan": np.arctan,
            "square": lambda x: np.tanh(x) ** 2, "cube": lambda x: np.sin(x) ** 3, "negative": lambda x: -(x * 1.0),
            "abs": lambda x: np.abs(x * 1.0), "reciprocal": lambda x: 1 / (2.0 + x * x),
            "power": lambda x: (1.0 + x * x) ** -0.3, "inverse": lambda x: (1.0 + x * x) ** -2,
            "sigmoid": lambda x: wg.sigmoid(x * 1.0), "softplus": lambda x: wg.softplus(x * 1.0),
            "relu": lambda x: np.maximum(x, 0.0),
            "clip": lambda x: np.clip(x, -0.5, 0.75), "expm1": lambda x: np.expm1(-np.abs(x * 1.0)),
            "masked": lambda x: np.where(x > 0, np.sqrt(np.maximum(x, 0.0)), 0.1 * x),
            "arcsinh": np.arcsinh, "cbrt": lambda x: np.cbrt(1.0 + x * x),
            "float32": lambda x: np.tanh(x) * np.float32(0.5),
        }  # fmt: skip
        name = list(table)[int(rng.integers(len(table)))]
        i, a = self._pick(rng, live)
        self._note(f"{name} of {i}")
        return table[name](_wide(a))

    def _binary(self, rng, live):
        table = {
            "add": lambda x, y: x + y, "subtract": lambda x, y: x * 1.0 - y, "multiply": lambda x, y: np.tanh(x) * y,
            "divide": lambda x, y: x / (1.0 + y * y), "maximum": np.maximum, "minimum": np.minimum,
            "arctan2": lambda x, y: np.arctan2(x * 1.0, 1.5 + np.abs(y * 1.0)), "hypot": lambda x,
            y: np.hypot(x, y + 2.0),
            "where": lambda x, y: np.where(x > y, np.sin(x), y), "logaddexp": np.logaddexp,
            "copysign": lambda x, y: np.copysign(x, y * 1.0), "power": lambda x, y: (1.0 + x * x) ** np.tanh(y),
            "less": lambda x, y: x < y, "less_equal": lambda x, y: x <= y,
        }  # fmt: skip
        name = list(table)[int(rng.integers(len(table)))]
        i, a = self._pick(rng, live)
        found = [k for k, b in enumerate(live) if _broadcast(np.shape(a), np.shape(b))]
        if not found:
            return None
        k = found[-1 - min(int(rng.exponential(3.0)), len(found) - 1)]
        b = live[k]
        if rng.random() < 0.5:
            a, b = b, a
        if rng.random() < 0.8 or not name.startswith("less"):
            a, b = _wide(a), _wide(b)
        self._note(f"{name} of {i}, {k}")
        return table[name](a, b)

    def _reduce(self, rng, live):
        table = {
            "sum": lambda x, **k: np.sum(np.tanh(x), **k) * 0.01, "mean": np.mean, "max": np.max, "min": np.min,
            "any": lambda x, **k: np.any(x > 0, **k), "all": lambda x, **k: np.all(x > -3, **k),
            "prod": lambda x, **k: np.prod(1.0 + 0.001 * np.sin(x), **k), "var": np.var,
            "count": lambda x, **k: np.sum(x > 0.1, **k), "norm": lambda x, **k: np.sqrt(1.0 + np.sum(x * x, **k)),
            "logsumexp": lambda x, **k: np.log(1.0 + np.sum(np.exp(x * (x * -1.0)), **k)),
        }  # fmt: skip
        name = list(table)[int(rng.integers(len(table)))]
        i, a = self._pick(rng, live)
        if not np.prod(np.shape(a)):
            name = "sum"
        axes = tuple(int(k) for k in np.flatnonzero(rng.random(np.ndim(a)) < 0.5))
        axis = None if rng.random() < 0.2 or not np.ndim(a) else axes
        keep = bool(rng.random() < 0.5)
        self._note(f"{name} of {i}, axis={axis}, keepdims={keep}")
        return table[name](_wide(a), axis=axis, keepdims=keep)

    def _view(self, rng, live):
        i, a = self._pick(rng, live, 1)
        if a is None:
            return None
        kind = int(rng.integers(10))
        shape, axis = np.shape(a), int(rng.integers(np.ndim(a)))
        self._note(f"view {kind} of {i} at {axis}")
        if kind == 0:
            return np.reshape(a, -1)
        if kind == 1:
            return np.transpose(a, rng.permutation(len(shape)))
        if kind == 2:
            start, step = int(rng.integers(0, 3)), int(rng.choice([1, 2, -1, -2]))
            return a[(slice(None),) * axis + (slice(None, None, step),)] if step < 0 else a[..., start::step]
        if kind == 3:
            return a[(slice(None),) * axis + (None,)]
        if kind == 4 and shape[axis]:
            return a[(slice(None),) * axis + (int(rng.integers(-shape[axis], shape[axis])),)]
        if kind == 5 and np.prod(shape) * 3 <= SIZE:
            return np.broadcast_to(a, (3, *shape))
        if kind == 6:
            return np.flip(a, axis)
        if kind == 7:
            return np.roll(a, 2, axis)
        if kind == 8 and len(shape) > 1:
            return np.reshape(a, (shape[0] * shape[1], *shape[2:]))
        n = shape[axis]
        for d in (2, 5, 8):
            if n and n % d == 0:
                return np.reshape(a, (*shape[:axis], d, n // d, *shape[axis + 1 :]))
        return np.squeeze(a)

    def _join(self, rng, live):
        i, a = self._pick(rng, live, 1)
        if a is None:
            return None
        kind, axis = int(rng.integers(5)), int(rng.integers(np.ndim(a)))
        self._note(f"join {kind} of {i} at {axis}")
        if kind == 0:
            alike = [b for b in live if np.shape(b) == np.shape(a)]
            return np.stack(alike[:4], axis)
        if kind == 1:
            return np.concatenate([a, a[(slice(None),) * axis + (slice(0, 2),)] * 0.5, a], axis)
        if kind == 2:
            return np.repeat(a, 2, axis)
        if kind == 3:
            return np.tile(a, 2)
        return np.pad(a * 1.0, 1)

    def _index(self, rng, live):
        i, a = self._pick(rng, live, 1)
        if a is None:
            return None
        kind, axis, n = int(rng.integers(7)), int(rng.integers(np.ndim(a))), 0
        n = np.shape(a)[axis]
        if not n:
            return None
        self._note(f"index {kind} of {i} at {axis}")
        lead = (slice(None),) * axis
        some = rng.integers(-n, n, (int(rng.choice([1, 3, 30])),))
        if kind == 0:
            return a[(*lead, some)]
        if kind == 1:
            return a[(*lead, some.reshape(1, -1))]
        if kind == 2:
            return np.take_along_axis(a, np.argsort(a, axis)[(*lead, slice(0, 3))], axis)
        if kind == 3:
            mask = rng.random(n) < 0.5
            return a[(*lead, mask)]
        if kind == 4 and np.ndim(a) > 1:
            m = np.shape(a)[1]
            return a[rng.integers(0, np.shape(a)[0], 4), rng.integers(-m, m, 4)] if m and np.shape(a)[0] else None
        if kind == 5:
            return a[(None, *lead, some[:2])]
        return np.cumsum(np.tanh(_wide(a)), axis) * 0.1

    def _update(self, rng, live):
        i, a = self._pick(rng, live, 1)
        if a is None or not np.prod(np.shape(a)):
            return None
        kind = int(rng.integers(7))
        self._note(f"update {kind} of {i}")
        y = a * 1.0
        n = np.shape(y)[0]
        some = rng.integers(-n, n, int(rng.choice([1, 3, 12])))
        if kind == 0:
            y[0] = 0.5
        elif kind == 1:
            y[::2] += 1.0
        elif kind == 2:
            y[some] = np.sin(y[some]) if len(set(some % n)) == len(some) else 0.25
        elif kind == 3:
            y[..., -1] *= 2.0
        elif kind == 4:
            z = y[1:]
            z *= 0.5
            y[0] = 1.0
        elif kind == 5:
            y[rng.random(n) < 0.5] = -1.0
        else:
            y += 1.0
            y[some] += 0.5
        return y

    def _linear(self, rng, live):
        i, a = self._pick(rng, live, 1)
        if a is None or not np.prod(np.shape(a)):
            return None
        kind, n = int(rng.integers(6)), np.shape(a)[-1]
        self._note(f"linear {kind} of {i}")
        a = _wide(a)
        w = rng.normal(size=(n, 3)).astype(self.dtype) / np.sqrt(n)
        if kind == 0:
            return a @ w
        if kind == 1 and np.ndim(a) > 1:
            return np.swapaxes(np.tanh(a), -1, -2)[..., :3, :] @ (a * (0.5 / np.shape(a)[-2]))
        if kind == 2:
            return np.einsum("...i,ij->...j", a, w)
        if kind == 3:
            return np.einsum("...i,...i->...", a, np.tanh(a)) / n
        if kind == 4 and n <= 40:
            m = w @ w.T + np.eye(n, dtype=self.dtype) * 2
            return np.linalg.solve(m, a[..., None])[..., 0]
        return np.tensordot(a, w, 1)

    def _discrete(self, rng, live):
        i, a = self._pick(rng, live)
        kind = int(rng.integers(8))
        self._note(f"discrete {kind} of {i}")
        whole = np.floor(np.tanh(_wide(a)) * 10.0 + 0.123)
        if kind == 0:
            return whole
        if kind == 1:
            return whole.astype(np.int64) if hasattr(whole, "astype") else whole
        if kind == 2 and hasattr(whole, "astype"):
            return whole.astype(np.int32) * 3 - 1
        if kind == 3 and hasattr(whole, "astype"):
            return (whole.astype(np.int64) % 3) == 1
        if kind == 4:
            return np.sign(a * 1.0) * 0.5
        if kind == 5:
            return np.logical_not((a > 0) & (a < 1))
        if kind == 6 and hasattr(whole, "astype"):
            n = whole.astype(np.int8)
            return (n & 3) | (n // 2)
        return np.isfinite(a) ^ (a > 0.3)

    def _order(self, rng, live):
        i, a = self._pick(rng, live, 1)
        if a is None or not np.prod(np.shape(a)):
            return None
        kind, axis = int(rng.integers(4)), int(rng.integers(np.ndim(a)))
        self._note(f"order {kind} of {i} at {axis}")
        if kind == 0:
            return np.sort(a, axis)
        if kind == 1:
            return np.argmax(a, axis)
        if kind == 2:
            return np.argmin(a, axis) * 0.1
        return np.median(a, axis, keepdims=True)


def _wide(a):
    """Not of one byte: functions of those have results of half precision, whose sums hang on the order in memory."""
    return a * 1.0 if hasattr(a, "dtype") and a.dtype.itemsize == 1 else a


def _broadcast(a, b):
    try:
        return np.prod(np.broadcast_shapes(a, b)) <= SIZE
    except ValueError:
        return False
