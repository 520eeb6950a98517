"""The comparison by names: its calls are right in NumPy, its judge can tell, its spellings mean the same."""

from __future__ import annotations

import json

import numpy as np
import pytest

import wengert as wg
from benchmarks.coverage.page import Sheet
from benchmarks.coverage.question import GIVEN, KNOWN, Question, generated, names, questions
from benchmarks.coverage.respondent import LIBRARIES, Either, answer, program
from benchmarks.coverage.spelling import IDIOMS, as_method, spellings, with_arrays
from benchmarks.coverage.verdict import OTHER, REFUSED, RIGHT, WRONG, Exam, Verdict, best

pytestmark = pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")  # from NumPy 2.5 on
PLAINEST = [question for question in questions() if question.plainest]


@pytest.mark.parametrize("question", PLAINEST, ids=[question.name for question in PLAINEST])
def test_our_answer_is_right(question):
    exam = Exam(question)
    verdict = exam.judge(question.text, *answer(*LIBRARIES["wengert"](), exam.task(question.text)))
    assert verdict.kind == RIGHT, verdict


def test_every_name_is_asked_for_once_first():
    assert [question.name for question in PLAINEST] == names()
    assert all(question.name + "(" in question.text for question in PLAINEST)


@pytest.mark.parametrize("question", PLAINEST, ids=[question.name for question in PLAINEST])
def test_generic_spellings_mean_the_same(question):
    wanted = program(question.text, list(GIVEN), np, KNOWN)(*GIVEN.values())
    for text in filter(None, (as_method(question.name, question.text), with_arrays(question.text))):
        found = program(text, list(GIVEN), np, KNOWN)(*GIVEN.values())
        np.testing.assert_array_equal(found, wanted)


def test_spellings():
    assert as_method("np.sum", "np.sum(x, axis=0)") == "x.sum(axis=0)"
    assert as_method("np.sin", "np.sin(v)") is None
    assert with_arrays("np.take(v, [0, 3])") == "np.take(v, np.array([0, 3]))"
    assert with_arrays("np.stack([v, w])") == "np.stack([v, w])"
    assert with_arrays("np.pad(x, {1: (1, 2)})") == "np.pad(x, {1: (1, 2)})"
    assert with_arrays("np.block([[1.0, 2.0], [3.0]])") == "np.block([[1.0, 2.0], [3.0]])"
    assert spellings("jax", "np.unique", "np.unique(v)", True)[0] == IDIOMS["jax"]["np.unique"]
    assert IDIOMS["jax"]["np.unique"] not in spellings("jax", "np.unique", "np.unique(v)", False)


def exam():
    return Exam(Question("np.sin", "np.sin(v) * w", True))


def test_right_wrong_lost_other_and_refused_are_told_apart():
    x = exam()
    assert x.judge("", x.value, x.gradient).kind == RIGHT
    assert x.judge("", x.value, [part * 1.001 for part in x.gradient]).kind == WRONG
    assert x.judge("", x.value, [part * np.nan for part in x.gradient]).kind == WRONG
    assert x.judge("", x.value, [part[:2] for part in x.gradient]).kind == WRONG
    lost = x.judge("", x.value, x.outer)
    assert (lost.kind, lost.remark) == (WRONG, "its derivative is lost")
    assert x.judge("", x.value + 1, x.gradient).kind == OTHER
    assert x.judge("", None, "TypeError: no").kind == REFUSED


def test_a_lost_derivative_is_wrong_and_not_refused():
    """What a library lets slip out of its graph is a part of a program whose other parts have derivatives."""

    def careless(loss, x):
        return wg.value_and_grad(lambda *x: loss(*x))(*x)[0], [np.ones_like(part) for part in x]

    x = exam()
    assert x.judge("", *answer(np, careless, x.task(x.question.text))).kind == WRONG


def test_an_error_is_an_answer():
    x = exam()
    value, message = answer(np, LIBRARIES["wengert"]()[1], x.task("np.no_such_function(v)"))
    assert value is None
    assert message.startswith("AttributeError")


def test_the_best_spelling_counts():
    kinds = [REFUSED, WRONG, RIGHT]
    assert best([Verdict(kind, "") for kind in kinds]).kind == RIGHT
    assert best([Verdict(kind, "") for kind in kinds[:2]]).kind == WRONG


def test_a_name_of_either_library():
    class Library:
        sin = staticmethod(lambda x: "its own")

    both = Either(Library, np)
    assert both.sin(0.0) == "its own"
    assert both.cos is np.cos
    assert both.linalg.det is np.linalg.det
    with pytest.raises(AttributeError):
        both.no_such_function  # noqa: B018


def test_a_ufunc_is_asked_inside_its_domain():
    assert generated("np.arccosh") == "np.arccosh(g)"
    assert generated("np.log") == "np.log(p)"


def test_the_page_counts_and_names_what_is_wrong():
    questions = [Question("np.sin", "np.sin(v)", True), Question("np.sin", "np.sin(x)", False)]
    right, wrong = Verdict(RIGHT, "np.sin(v)"), Verdict(WRONG, "np.sin(x)", "1, not 2")
    sheet = Sheet(
        {"rival": {"rival": "1.0", "numpy": "2.0"}},
        [(q, {"rival": v}) for q, v in zip(questions, (right, wrong), strict=True)],
    )
    assert sheet.counts("rival", True) == {RIGHT: 1, WRONG: 0, OTHER: 0, REFUSED: 0}
    assert sheet.counts("rival", False) == {RIGHT: 1, WRONG: 1, OTHER: 0, REFUSED: 0}
    assert "| rival | `np.sin(x)` | wrong | 1, not 2 |" in sheet.markdown()
    assert json.loads(json.dumps(sheet.data()))["answers"][1]["verdicts"]["rival"]["kind"] == WRONG
