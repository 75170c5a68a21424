"""Moments of small logs, and what sources say of them as plain dictionaries."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pytest

from assay.logs.clean_log import CleanLog
from assay.logs.history import History
from assay.numerics.lists import SparseScores
from assay.samples.candidates.base import Source
from assay.samples.candidates.moment import Moment
from tests.samples.conftest import Event, events_table, items_table, random_log, users_table

USERS, ITEMS = 9, 20
Triple = tuple[int, int, int]


def history(events: Sequence[Event], *, users: int = USERS, items: pa.Table | None = None, period_days: int = 7) -> History:
    items = items_table(ITEMS) if items is None else items
    return CleanLog.of(events_table(events), users_table(users), items).history("purchase", period_days)


def moment(past: History, period: int, *, items: pa.Table | None = None, period_days: int = 7) -> Moment:
    [market] = past.markets(period, period + 1, 8)
    return Moment(past, market, period_days, items_table(ITEMS) if items is None else items)


def rows(source: Source, at: Moment, users: Iterable[int]) -> list[dict[int, float]]:
    """Per user: scores above 0 by item. That each row holds an item once is asserted."""
    users = np.array(list(users), np.int32)
    scores = source.scores(at, users)
    as_dicts = dicts(scores)
    assert len(as_dicts) == len(users)
    assert sum(map(len, as_dicts)) == len(scores[1])
    return [{item: score for item, score in row.items() if score > 0} for row in as_dicts]


def dicts(scores: SparseScores) -> list[dict[int, float]]:
    starts, items, values = scores
    assert starts[0] == 0
    assert starts[-1] == len(items) == len(values)
    assert np.all(np.diff(starts) >= 0)
    return [dict(zip(items[a:b].tolist(), values[a:b].tolist(), strict=True)) for a, b in itertools.pairwise(starts)]


def alike(ours: Sequence[dict[int, float]], theirs: Sequence[dict[int, float]]) -> None:
    assert len(ours) == len(theirs)
    for own, other in zip(ours, theirs, strict=True):
        assert own == pytest.approx({item: score for item, score in other.items() if score > 0}, rel=1e-4)


def triples(past: History) -> list[Triple]:
    return list(zip(past.bought.user.tolist(), past.bought.item.tolist(), past.bought.period.tolist(), strict=True))


def taken(
    past: History, user: int, now: int, half_life: float = 112, days: int | None = None, period_days: int = 7
) -> dict[int, float]:
    """What a user took before a period, each taking halved in a half-life of days."""
    out: dict[int, float] = defaultdict(float)
    for who, item, period in triples(past):
        lately = days is None or period >= now - int(np.ceil(days / period_days))
        if who == user and period < now and lately:
            out[item] += 0.5 ** ((now - period) * period_days / half_life)
    return dict(out)


def first(values: dict[int, float], most: int) -> list[int]:
    """Keys of the highest values in float32, ties to the lower key."""
    return sorted(values, key=lambda key: (-np.float32(values[key]), key))[:most]


def cosine(a: dict[int, float], b: dict[int, float]) -> float:
    norms = [float(np.sqrt(sum(x * x for x in row.values()))) for row in (a, b)]
    return sum(a[k] * b[k] for k in a if k in b) / max(norms[0] * norms[1], 1e-12)


def busy_log(seed: int = 1, rows: int = 1_500, periods: int = 30) -> list[Event]:
    return random_log(seed, rows, USERS, ITEMS, periods)


@pytest.fixture(params=[1, 2])
def past(request: pytest.FixtureRequest) -> History:
    return history(busy_log(request.param))
