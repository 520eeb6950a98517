"""The tree of specializations, on paths that are made up: every path that was added is found, and none by mistake."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from wengert.compile.specialization import Missing, Specialization, Tree
from wengert.graph.node import Guard


class Path:
    """An executable for one path through a decision tree: `leaves` are the outcomes of all branches, by name."""

    def __init__(self, outcomes, names):
        self.expected, self.names, self.runs = outcomes, names, 0

    def run(self, leaves):
        self.runs += 1
        for i, (name, outcome) in enumerate(zip(self.names, self.expected, strict=True)):
            if leaves[0][name] != outcome:
                return i, leaves[0][name], ()
        return -1, None, [self.expected]


def walk(program, values):
    """The branches that a program takes: it is a generator that yields names and is sent their outcomes."""
    names, outcomes = [], []
    steps = program()
    try:
        name = next(steps)
        while True:
            names.append(name)
            outcomes.append(values[name])
            name = steps.send(values[name])
    except StopIteration:
        return names, outcomes


def specialization(program, values):
    names, outcomes = walk(program, values)
    return Specialization(Path(outcomes, names), [Guard(None, o, None) for o in outcomes], list)


def nested():
    if (yield "a"):
        if (yield "b"):
            return (yield "c")
        return
    for _ in range((yield "n")):
        if (yield "c"):
            break
    yield "b"


def flat():
    yield "a"
    yield "b"
    yield "c"
    yield "n"


def early():
    for name in "abc":
        if (yield name):
            return


@pytest.mark.parametrize("program", [nested, flat, early])
@pytest.mark.parametrize("seed", range(5))
def test_every_path_is_recorded_once_and_found_again(program, seed):
    everything = [dict(zip("abcn", v, strict=True)) for v in itertools.product(*[[True, False]] * 3, range(3))]
    paths = {tuple(walk(program, values)[1]) for values in everything}
    rng, tree = np.random.default_rng(seed), Tree()
    for k in rng.permutation(np.tile(np.arange(len(everything)), 4)):
        values = everything[k]
        found, outputs = tree.find([values])
        if isinstance(found, Missing):
            new = specialization(program, values)
            assert new.run([values])[0] == -1
            tree.add(found, new)
            tree.last = new
        else:
            assert outputs == [walk(program, values)[1]]
    assert tree.count == len(tree.all()) == len(paths)


def test_the_search_begins_where_it_ended():
    tree = Tree()
    for n in range(10):
        values = {"a": False, "n": n, "c": False, "b": True}
        found, _ = tree.find([values])
        tree.add(found, specialization(nested, values))
        tree.find([values])
    before = [node.executable.runs for node in tree.all()]
    for _ in range(5):
        tree.find([{"a": False, "n": 9, "c": False, "b": True}])
    after = [node.executable.runs for node in tree.all()]
    assert sum(after) - sum(before) == 5


def test_an_outcome_that_goes_back_is_nobodys():
    """Two guards that each send the search to the other: the answer is that nobody knows."""

    class Back(Path):
        def run(self, leaves):
            return 0, not self.expected[0], ()

    tree = Tree()
    tree.add(Missing(None), Specialization(Back([True], "a"), [Guard(None, True, None)], list))
    tree.add(Missing(tree.root, 0, False), Specialization(Back([False], "a"), [Guard(None, False, None)], list))
    assert tree.find([{}]) == (None, ())


def test_one_that_cannot_be_run_is_tried_again_less_and_less_often():
    eager = Specialization(None, [], list, obstacle="because")
    assert [k for k in range(1, 40) if eager.is_due()] == [2, 4, 8, 16, 32]
    tree = Tree()
    tree.add(Missing(None), eager)
    assert tree.find([{}]) == (eager, ())
    new = specialization(flat, dict.fromkeys("abcn", True))
    tree.replace(eager, new)
    assert tree.all() == [new]
    below = Specialization(None, [], list)
    tree.add(Missing(new, 1, False), below)
    later = specialization(flat, {**dict.fromkeys("abcn", True), "b": False})
    tree.replace(below, later)
    assert tree.all() == [new, later]
    assert tree.find([{**dict.fromkeys("abcn", True), "b": False}])[0] is later
