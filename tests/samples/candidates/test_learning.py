"""When sources learn, and from what."""

import numpy as np
import pytest

from assay.logs.history import History
from assay.samples.candidates.learning import Learnt, Lesson, lesson_before
from tests.samples.candidates.conftest import Event, busy_log, history, moment, triples
from tests.samples.conftest import DAY


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (7, {0: 0, 1: 1, 2: 2, 3: 2, 4: 4, 7: 4, 8: 8, 9: 8, 15: 8, 16: 16, 23: 16, 24: 24}),
        (1, {1: 1, 3: 2, 31: 16, 55: 32, 56: 56, 111: 56, 112: 112}),
        (90, {1: 1, 2: 2, 3: 3}),
    ],
)
def test_lessons_stand_56_days_apart_from_the_logs_first_day(days: int, expected: dict[int, int]) -> None:
    past = history([Event(0, 0, "purchase", 10 * days * DAY)], period_days=days)
    for since, lesson in expected.items():
        assert lesson_before(moment(past, 10 + since, period_days=days)).period == 10 + lesson
    assert lesson_before(moment(past, 5, period_days=days)).period == 5  # before the log: never later than the moment


def test_a_lesson_holds_a_year_before_its_period() -> None:
    past = history([Event(0, k % 3, "purchase", 7 * DAY * k) for k in range(80)])
    lesson = lesson_before(moment(past, 75))
    assert lesson.period == 72
    assert np.unique(lesson.taken.period).tolist() == list(range(20, 72))


def test_best_sellers_are_those_taken_most_often_ties_by_code(past: History) -> None:
    lesson = lesson_before(moment(past, 21))
    counts = np.zeros(20, int)
    for _, item, period in triples(past):
        counts[item] += period < lesson.period
    expected = sorted((item for item in range(20) if counts[item]), key=lambda item: (-counts[item], item))
    assert lesson.best(7).tolist() == expected[:7]
    assert lesson.best(99).tolist() == expected


def test_what_is_learnt_is_kept_until_the_next_lesson() -> None:
    lessons: list[int] = []

    def learn(lesson: Lesson) -> int:
        lessons.append(lesson.period)
        return lesson.period

    learnt, past, other = Learnt(learn), history(busy_log()), history(busy_log(2))
    assert [learnt.at(moment(past, 8 + k)) - past.first_day // 7 for k in range(10)] == [8] * 8 + [16] * 2
    assert len(lessons) == 2
    learnt.at(moment(other, 17))
    learnt.at(moment(past, 9))
    assert len(lessons) == 4
