"""Steps of visits against a recount in plain Python."""

from collections import defaultdict
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.errors import InputError
from assay.logs.clean_log import CleanLog
from assay.samples.steps import steps
from assay.samples.table import STEPS
from tests.samples.conftest import DAY, ITEMS, USERS, Event, events_table, items_table, users_table

MINUTE = 60
ORIGIN = datetime(1970, 1, 5, tzinfo=UTC).timestamp()


def clean(log):
    return CleanLog.of(events_table(log), users_table(), items_table())


def recounted(log, target="view"):
    """Per visit, in order of user and time: its steps (second, items) and the user; and how many reloads there were."""
    named, unnamed = defaultdict(set), defaultdict(set)
    for event in log:
        if event.kind == target and event.item is not None:
            place = named if event.session is not None else unnamed
            place[event.user, event.session].add((event.second, event.item))
    visits = list(named.items())
    for key, events in unnamed.items():
        visit, last = set(), None
        for second, item in sorted(events):
            if last is not None and second - last > 30 * MINUTE:
                visits.append((key, visit))
                visit = set()
            visit.add((second, item))
            last = second
        visits.append((key, visit))
    out, reloads = [], 0
    for (user, _), visit in visits:
        by_second = defaultdict(list)
        for second, item in sorted(visit):
            by_second[second].append(item)
        kept, before = [], None
        for second, items in by_second.items():
            if len(items) == 1 and items == before:
                reloads += 1
            else:
                kept.append((second, items))
            before = items
        out.append((user, kept))
    out.sort(key=lambda visit: (visit[0], visit[1][0][0]))
    return out, reloads


def read(made):
    visits = []
    for begin, end in zip(made.first[:-1], made.first[1:], strict=True):
        each = [
            (int(made.instant[k] // 1_000_000 - ORIGIN), made.item[made.begins[k] : made.begins[k + 1]].tolist())
            for k in range(begin, end)
        ]
        visits.append((int(made.user[begin]), each))
    return visits


log_of_views = h.lists(
    h.builds(
        Event,
        h.integers(0, USERS - 1),
        h.one_of(h.none(), h.integers(0, 3)),
        h.sampled_from(["view", "view", "view", "cart"]),
        h.integers(0, 40).map(lambda k: DAY - 20 * 7 * MINUTE + k * 7 * MINUTE),
        h.sampled_from([None, "s1", "s2"]),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(log_of_views)
def test_visits_and_steps_are_those_of_a_recount(log):
    expected, reloads = recounted(log)
    if all(len(visit) < 2 for _, visit in expected):
        with pytest.raises(InputError, match="has two 'view' events"):
            steps(clean(log), "view", 1)
        return
    made = steps(clean(log), "view", 1)
    # Visits that begin at one instant have no order of their own: compare them as they stand by what they hold.
    key = lambda visit: (visit[0], visit[1][0][0], visit[1])  # noqa: E731
    assert sorted(read(made), key=key) == sorted(expected, key=key)
    assert [(user, visit[0][0]) for user, visit in read(made)] == [(user, visit[0][0]) for user, visit in expected]
    assert made.reloads == reloads
    assert made.account() == {
        "visits": len(expected),
        "visits_of_one_step": sum(len(visit) == 1 for _, visit in expected),
        "steps": sum(len(visit) for _, visit in expected),
        "reloads": reloads,
    }


@settings(max_examples=100)
@given(log_of_views)
def test_a_request_knows_the_steps_before_it_and_asks_for_what_its_own_took(log):
    if all(len(visit) < 2 for _, visit in recounted(log)[0]):
        return
    made = steps(clean(log), "view", 1)
    visits, count = read(made), len(made)
    at = 0
    for number, (user, visit) in enumerate(visits):
        for k in range(len(visit) + 1):
            code = at + k if k < len(visit) else count + number
            begins, ends = (int(each[0]) for each in made.takings_before(np.array([code])))
            assert made.item[begins:ends].tolist() == [item for _, items in visit[:k] for item in items]
            assert made.users[code] == user
            if k < len(visit):
                assert made.asking[code] == (k > 0)
                place, item = made.taken(np.array([code]))
                assert (place.tolist(), item.tolist()) == ([0] * len(visit[k][1]), visit[k][1])
                assert made.period[code] == visit[k][0] // DAY
        at += len(visit)
    period_of = made.moments // STEPS
    assert period_of[:count].tolist() == made.period.tolist()
    for user in range(USERS):
        own = np.flatnonzero(made.user == user)
        own = own[np.argsort(made.moments[own])]
        assert np.all(np.diff(made.instant[own]) >= 0)
        assert len(np.unique(made.moments[own])) == len(own)
    assert len(np.unique(made.ids(np.arange(count), np.arange(USERS, dtype=np.uint64)))) == count


def test_half_an_hour_without_an_event_ends_a_visit_that_has_no_id():
    log = [Event(0, k, "view", second) for k, second in enumerate((0, 30 * MINUTE, 60 * MINUTE + 1, 61 * MINUTE))]
    assert [len(visit) for _, visit in read(steps(clean(log), "view", 1))] == [2, 2]
    named = [Event(0, k, "view", second, "s") for k, second in enumerate((0, 30 * MINUTE, 60 * MINUTE + 1, 61 * MINUTE))]
    assert [len(visit) for _, visit in read(steps(clean(named), "view", 1))] == [4]


def test_a_period_with_more_steps_than_moments_is_refused(monkeypatch):
    monkeypatch.setattr("assay.samples.steps.STEPS", 4)
    log = [Event(0, k % 2, "view", k) for k in range(3)]
    assert len(steps(clean(log), "view", 1)) == 3
    with pytest.raises(InputError, match="4 'view' events in a period; lower period_days"):
        steps(clean([*log, Event(0, 1, "view", 9)]), "view", 1)


def test_items_of_other_kinds_and_none_are_no_steps():
    log = [Event(0, 1, "cart", 0), Event(0, None, "view", 1), Event(0, ITEMS - 1, "view", 2), Event(0, 0, "view", 3)]
    assert [visit for _, visit in read(steps(clean(log), "view", 1))] == [[(2, [ITEMS - 1]), (3, [0])]]
