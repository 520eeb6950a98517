"""Two arrays that are both needed at some time never share memory."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from wengert.compile.loops import SIZES, Buffer
from wengert.compile.plan import LINE, planned


def random_steps(rng):
    types = list(SIZES)
    buffers = [
        Buffer(f"t{i}", types[int(rng.integers(len(types)))], (int(rng.choice([0, 1, 3, 8, 100, 999])),), "temp")
        for i in range(int(rng.integers(1, 40)))
    ]
    others = [Buffer("in0", "double", (10,), "input"), Buffer("c0", "double", (10,), "constant")]
    steps = []
    for t in range(int(rng.integers(1, 60))):
        recent = buffers[max(0, t // 2 - 4) : t // 2 + 4] or buffers
        touched = [recent[int(rng.integers(len(recent)))] for _ in range(int(rng.integers(0, 5)))]
        if rng.random() < 0.1:
            touched.append(buffers[int(rng.integers(len(buffers)))])
        steps.append(SimpleNamespace(touched=[*touched, *others[: int(rng.integers(3))]]))
    return steps


@pytest.mark.parametrize("seed", range(60))
def test_no_two_live_buffers_overlap(seed):
    steps = random_steps(np.random.default_rng(seed))
    offsets, size = planned(steps)
    life = {}
    for t, step in enumerate(steps):
        for b in step.touched:
            if b.kind == "temp":
                life.setdefault(id(b), (b, []))[1].append(t)
    assert set(offsets) == set(life)
    places = []
    for b, times in life.values():
        begin = offsets[id(b)]
        assert begin % LINE == 0
        assert begin >= 0
        assert begin + b.bytes <= size
        places.append((begin, begin + b.bytes, min(times), max(times)))
    for i, (begin, end, birth, death) in enumerate(places):
        for begin2, end2, birth2, death2 in places[:i]:
            together = birth <= death2 and birth2 <= death
            assert not together or end <= begin2 or end2 <= begin


def test_memory_is_used_again():
    """A chain needs two arrays, however long it is."""
    buffers = [Buffer(f"t{i}", "double", (1000,), "temp") for i in range(50)]
    steps = [SimpleNamespace(touched=list(pair)) for pair in itertools.pairwise(buffers)]
    assert planned(steps)[1] == 2 * 8000


def test_parts_live_with_the_whole():
    whole, part, other = (Buffer(n, "double", (100,), "temp") for n in ("whole", "part", "other"))
    part.size = 40
    part.put_into(whole, 60)
    steps = [SimpleNamespace(touched=t) for t in ([part], [other], [whole], [other])]
    offsets, size = planned(steps)
    assert size >= 1600
    assert abs(offsets[id(whole)] - offsets[id(other)]) >= 800
    assert id(part) not in offsets


def test_nothing_needs_nothing():
    assert planned([]) == ({}, 0)
