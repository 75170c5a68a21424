"""Sessions alike: the formula counted anew, and its edges."""

import pytest

from assay.logs.history import History
from assay.samples.candidates import session_next
from assay.samples.candidates.session_next import SessionNext
from tests.samples.candidates.conftest import USERS, Event, alike, busy_log, cosine, first, history, moment, rows, taken, triples
from tests.samples.conftest import DAY


def recounted(past: History, now: int, sessions: int, most: int, days: int = 7) -> list[dict[int, float]]:
    held: dict[tuple[int, int], set[int]] = {}
    for user, item, period in triples(past):
        if now - -(-182 // days) <= period < now:
            held.setdefault((user, period), set()).add(item)
    latest = sorted(held, key=lambda at: (-at[1], -len(held[at]), at[0]))[:sessions]
    latest.sort()
    out = []
    for user in range(USERS):
        lately = taken(past, user, now, 14, 84, days)
        likeness = {
            k: cosine(lately, dict.fromkeys(held[at], 1.0)) * 0.5 ** ((now - at[1]) * days / 56)
            for k, at in enumerate(latest)
            if at[0] != user
        }
        score: dict[int, float] = {}
        for k in first({k: value for k, value in likeness.items() if value > 0}, most):
            for item in held[latest[k]]:
                score[item] = score.get(item, 0) + likeness[k]
        out.append(score)
    return out


@pytest.mark.parametrize("now", [1, 17, 29])
@pytest.mark.parametrize("limits", [(10_000, 500), (30, 4)])
def test_scores_are_those_of_the_formula(
    past: History, now: int, limits: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_next, "_SESSIONS", limits[0])
    monkeypatch.setattr(session_next, "_NEIGHBOURS", limits[1])
    alike(rows(SessionNext(), moment(past, now), range(USERS)), recounted(past, now, *limits))


def test_a_period_may_be_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_next, "_NEIGHBOURS", 500)
    past = history(busy_log(3), period_days=1)
    alike(rows(SessionNext(), moment(past, 130, period_days=1), range(USERS)), recounted(past, 130, 10_000, 500, 1))


def test_a_users_own_sessions_tell_it_nothing() -> None:
    past = history([Event(0, item, "purchase", 7 * DAY * week) for week in range(4) for item in (1, 2 + week)])
    assert rows(SessionNext(), moment(past, 4), [0]) == [{}]


def test_a_late_session_counts_more_than_an_old_one() -> None:
    old = [Event(1, item, "purchase", 0) for item in (1, 5)]
    late = [Event(2, item, "purchase", 7 * DAY * 8) for item in (1, 6)]
    past = history([*old, *late, Event(0, 1, "purchase", 7 * DAY * 8)])
    [row] = rows(SessionNext(), moment(past, 9), [0])
    assert row[6] == pytest.approx(2 * row[5])  # 56 days apart
