"""Random programs of views, copies, updates in place and reads, which run alike on plain arrays and on traced ones."""

from __future__ import annotations

import numpy as np

LENGTHS = (1, 2, 3)


class Program:
    """A function of a vector of 12 numbers; `seed` fixes what it does.

    Every choice depends on the shapes alone, so that two runs differ in nothing but the kind of array. What NumPy
    refuses (to write into a read-only view) is noted in `refused` and skipped.
    """

    def __init__(self, seed, steps=14):
        self.seed, self.steps = seed, steps
        self.log, self.refused = [], []

    def __call__(self, x):
        self.log, self.refused = [], []
        rng = np.random.default_rng(self.seed)
        live = [self._start(rng, x) for _ in range(2)]
        for _ in range(self.steps):
            kind = rng.choice([self._view, self._update, self._make], p=[0.4, 0.45, 0.15])
            kind(rng, live, x)
        return np.concatenate([np.reshape(a * 1.0, -1) for a in live])

    def _pick(self, rng, live):
        i = int(rng.integers(len(live)))
        return i, live[i]

    # Arrays of every layout -----------------------------------------------------------------------------------------

    def _start(self, rng, x):
        kind = int(rng.integers(7))
        self.log.append(f"a = start {kind}")
        if kind == 0:
            return x * 1.0
        if kind == 1:
            return np.reshape(x, (3, 4)) * 1.5
        if kind == 2:
            return np.reshape(x, (3, 4)).T * 0.5  # Fortran order
        if kind == 3:
            return np.reshape(x, (2, 3, 2)).transpose(1, 2, 0) + 1.0
        if kind == 4:
            return np.zeros((2, 3), x.dtype, like=x)
        if kind == 5:
            return np.copy(np.broadcast_to(x[:3], (2, 3)))
        return x[::2] - 1.0

    def _make(self, rng, live, x):
        i, a = self._pick(rng, live)
        kind = int(rng.integers(10))
        self.log.append(f"make {kind} of {i}")
        live.append(
            [
                lambda: a.copy(),
                lambda: np.copy(a),
                lambda: a.flatten(),
                lambda: a.flatten("F"),
                lambda: a * a,
                lambda: a + np.ones(a.shape),
                lambda: np.zeros_like(a),
                lambda: a.astype(a.dtype),
                lambda: np.sum(a, axis=0) if a.ndim else a * 2.0,
                lambda: a[np.zeros(2, int)] if a.ndim and a.shape[0] else a * 0.5,
            ][kind]()
        )

    # Views ----------------------------------------------------------------------------------------------------------

    def _view(self, rng, live, x):
        i, a = self._pick(rng, live)
        name, get = self._random_view(rng, a)
        self.log.append(f"view {len(live)} = {name} of {i}")
        live.append(get(a))

    def _random_view(self, rng, a):
        axis = int(rng.integers(a.ndim)) if a.ndim else 0
        kinds = ["[...]", "None", "T", "ravel", "ravelF", "ravelK", "ravelA", "reshape", "reshapeF", "reshapeA"]
        kinds += ["real", "asis", "squeeze"]
        if a.ndim:
            kinds += ["slice", "reverse", "step", "int", "expand", "broadcast", "flip", "atleast", "split", "view0"]
        if a.ndim >= 2:
            kinds += ["swap", "transpose", "diagonal", "mT", "moveaxis", "rows", "mixed"]
        kind = str(rng.choice(kinds))
        n = a.shape[axis] if a.ndim else 0
        lead = (slice(None),) * axis
        k = int(rng.integers(n)) if n else 0
        shapes = [(a.size,), (-1, 1), (1, a.size)] + ([(2, -1), (-1, 3)] if a.size % 6 == 0 else [])
        shape = shapes[int(rng.integers(len(shapes)))] if a.size else a.shape
        order = tuple(int(j) for j in rng.permutation(a.ndim))
        table = {
            "[...]": lambda a: a[...],
            "None": lambda a: a[None],
            "T": lambda a: a.T,
            "ravel": np.ravel,
            "ravelF": lambda a: np.ravel(a, "F"),
            "ravelK": lambda a: a.ravel("K"),
            "ravelA": lambda a: a.ravel("A"),
            "reshape": lambda a: a.reshape(shape),
            "reshapeF": lambda a: np.reshape(a, shape, order="F"),
            "reshapeA": lambda a: np.reshape(a, shape, order="A"),
            "real": lambda a: a,
            "asis": lambda a: a.astype(a.dtype, copy=False),
            "squeeze": np.squeeze,
            "slice": lambda a: a[(*lead, slice(k, None))],
            "reverse": lambda a: a[(*lead, slice(None, None, -1))],
            "step": lambda a: a[(*lead, slice(k % 2, None, 2))],
            "int": lambda a: a[(*lead, k)] if n else a[...],
            "view0": lambda a: a[(*(0,) * a.ndim, ...)] if a.size else a[...],
            "expand": lambda a: np.expand_dims(a, axis),
            "broadcast": lambda a: np.broadcast_to(a, (2, *a.shape)) if a.ndim < 3 else a[...],
            "flip": lambda a: np.flip(a, axis),
            "atleast": np.atleast_2d,
            "split": lambda a: np.array_split(a, 2, axis)[0],
            "swap": lambda a: np.swapaxes(a, 0, axis),
            "transpose": lambda a: a.transpose(order),
            "diagonal": lambda a: a.diagonal(),
            "mT": lambda a: a.mT,
            "moveaxis": lambda a: np.moveaxis(a, axis, 0),
            "rows": lambda a: list(a)[k % a.shape[0]] if a.shape[0] else a[...],
            "mixed": lambda a: a[..., None, ::-1],
        }
        return f"{kind} {axis} {k} {shape} {order}", table[kind]

    # Updates --------------------------------------------------------------------------------------------------------

    def _update(self, rng, live, x):
        i, a = self._pick(rng, live)
        name, run = self._random_update(rng, live, i, a, x)
        self.log.append(f"{name} on {i}")
        try:
            if ".at" in name and isinstance(a, np.ndarray) and not a.flags.writeable:  # NumPy 2 forgets to ask
                raise ValueError("read-only")
            new = run(a)
        except (ValueError, TypeError, AttributeError) as error:
            if a.ndim and "read-only" not in str(error):
                raise
            self.refused.append(len(self.log))
            return
        if new is not None:
            live[i] = new

    def _operand(self, rng, live, a, x):
        """Something that broadcasts to a: another array, itself turned around, a row, or an element of x."""
        same = [b for b in live if b.shape == a.shape]
        kind = int(rng.integers(5))
        if kind == 0 and same:
            return same[int(rng.integers(len(same)))]
        if kind == 1 and a.ndim >= 2 and a.shape[0] == a.shape[1]:
            return np.swapaxes(a, 0, 1)
        if kind == 2 and a.ndim:
            return a[::-1]
        if kind == 3 and a.ndim >= 2:
            return a[..., :1]
        return x[int(rng.integers(12))] * 0.7 if kind else 0.5

    def _random_update(self, rng, live, i, a, x):
        v = self._operand(rng, live, a, x)
        mask = rng.random(a.shape) < 0.5
        kinds = ["+=", "*=", "-=", "...=", "assign0"]
        if a.ndim:
            kinds += [
                "out",
                "where out",
                "cumsum out",
                "copyto",
                "copyto where",
                "putmask",
                "put",
                "place",
                "fill",
                "sort",
            ]
            kinds += ["int=", "slice=", "mask=", "fancy=", "fancy+=", "overlap", "flat", "flat=", "flat slice"]
            kinds += ["add.at", "negative.at"]
        if a.ndim >= 2:
            kinds += ["row+=", "column*=", "diagonal", "T=", "along", "matmul out", "ravel="]
        kind = str(rng.choice(kinds))
        n = a.shape[0] if a.ndim else 0
        k = int(rng.integers(n)) if n else 0
        picks = rng.integers(0, n, 3) if n else np.zeros(0, int)
        flats = rng.integers(0, a.size, 3) if a.size else np.zeros(0, int)
        c = x[int(rng.integers(12))]

        def iadd(a):
            a += v
            return a

        def imul(a):
            a *= v
            return a

        def isub(a):
            a -= v
            return a

        def put(index, value):
            return lambda a: a.__setitem__(index, value)

        def grow(index, value):
            def run(a):
                a[index] += value

            return run

        def shrink(index, value):
            def run(a):
                a[index] *= value

            return run

        def turned(a):
            a.T[...] = c

        def raveled(a):
            a.ravel()[:2] = c

        def flat(a):
            if a.size:
                a.flat[int(flats[0])] = c

        def all_flat(a):
            a.flat = c * x[:2]

        def some_flat(a):
            a.flat[1:4] = c

        def away(a):
            np.place(a, mask, c * x[:2])

        table = {
            "+=": iadd,
            "*=": imul,
            "-=": isub,
            "out": lambda a: np.multiply(a, v, out=a) is None or None,
            "where out": lambda a: np.multiply(a, v, out=a, where=mask) is None or None,
            "copyto": lambda a: np.copyto(a, v * 1.0),  # NumPy lets a read-only array be copied to itself
            "copyto where": lambda a: np.copyto(a, v * 1.0, where=mask),
            "putmask": lambda a: np.putmask(a, mask, c * x[:5]),
            "...=": put(..., v),
            "assign0": put((), c),
            "fill": lambda a: a.fill(c),
            "mask=": put(mask, c),
            "flat": flat,
            "flat=": all_flat,
            "flat slice": some_flat,
            "negative.at": lambda a: np.negative.at(a, ...),
            "int=": put(k, c) if n else put(..., c),
            "slice=": put(slice(k, None), c),
            "fancy=": put(picks, c),
            "fancy+=": grow(picks, c),
            "overlap": lambda a: a.__setitem__(slice(1, None), a[:-1]) if n else None,
            "put": lambda a: np.put(a, flats, c * x[:2]),
            "sort": lambda a: a.sort(0),
            "cumsum out": lambda a: np.cumsum(a, axis=0, out=a) is None or None,
            "add.at": lambda a: np.add.at(a, picks, c),
            "place": away,
            "row+=": grow(k, c) if n else put(..., c),
            "column*=": shrink((..., 0), c) if a.ndim and a.shape[-1] else put(..., c),
            "diagonal": lambda a: np.fill_diagonal(a, c) if len(set(a.shape)) == 1 or a.ndim == 2 else None,
            "T=": turned,
            "along": lambda a: np.put_along_axis(a, np.zeros_like(np.asarray(mask[:1]), int), c, 0) if n else None,
            "matmul out": lambda a: np.matmul(a, np.ones((a.shape[-1],) * 2), out=a) is None or None,
            "ravel=": raveled,
        }
        return f"{kind} {k} {picks} {flats}", table[kind]
