"""Requests of sessions: what they ask, are ranked over and are told, against recounts from the log."""

import itertools
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from assay.config import SamplesSection
from assay.errors import ConfigError
from assay.logs.clean_log import CleanLog
from assay.pages.samples import SamplesMade
from assay.samples.candidates import sources
from assay.samples.candidates.sessions import STEP_DAYS
from assay.samples.session_requests import SessionRequests
from assay.samples.table import STEPS, Takings
from tests.samples.conftest import CATEGORIES, DAY, Event, events_table, items_table, users_table
from tests.samples.test_steps import ORIGIN, read

USERS, ITEMS, DAYS = 60, 12, 9
SECTION = SamplesSection(
    request="session", target="view", period_days=1, warm_up=2, validation=1, tuning=1, test=1, available=8, candidates=6
)


def shop(seed=1, returning=False):
    """Sessions that walk from an item to the next, in nine days; each of its own user, unless they return."""
    rng, log = np.random.default_rng(seed), []
    for session in range(USERS * 4):
        user = int(rng.integers(USERS)) if returning else session
        second = int(rng.integers(DAYS)) * DAY + int(rng.integers(DAY - 3_600))
        item = int(rng.integers(ITEMS))
        for _ in range(int(rng.integers(1, 7))):
            log.append(Event(user, item, "view", second, f"s{session}"))
            item = (item + int(rng.choice([1, 1, 1, 2, -1, 5]))) % ITEMS
            second += int(rng.integers(1, 600))
    return [*log, Event(USERS * 4, 0, "view", DAYS * DAY - 60, "last")]


def clean(log):
    rejected = events_table([]).drop_columns(["user_code", "item_code"])
    rejected = rejected.append_column("user_id", pa.array([], pa.string())).append_column("step", pa.array([], pa.string()))
    users = max(event.user for event in log) + 1
    tables = {"events": events_table(log), "users": users_table(users), "items": items_table(ITEMS), "rejected": rejected}
    return CleanLog(lambda name, columns: tables[name].select(columns or tables[name].column_names))


def of(log, **changes):
    return SessionRequests(SECTION.model_copy(update=changes), 7, clean(log))


@pytest.fixture(scope="module", params=[False, True], ids=["sessions", "returning users"])
def log(request):
    return shop(returning=request.param)


@pytest.fixture(scope="module")
def requests(log):
    return of(log)


@pytest.fixture(scope="module")
def ranked(requests):
    return dict(requests.ranked())


def asked(requests):
    """By request id: user, day, second, steps of the visit before, items taken."""
    made, out = requests.steps, {}
    ids = made.ids(np.arange(len(made)), requests.past.user_hash).tolist()
    at = 0
    for user, visit in read(made):
        for k, (second, items) in enumerate(visit):
            if k:
                out[ids[at + k]] = (user, second // DAY, second, visit[:k], items)
        at += len(visit)
    return out


def test_every_step_after_the_first_of_a_session_is_a_request(log, requests):
    of_log = asked(requests)
    table = requests.tables(requests.labelled().keys)["requests"]
    tuning = requests.splits.span("tuning")[0]
    expected = {i: one for i, one in of_log.items() if tuning <= one[1] < requests.splits.end}
    names = ("request_id", "user_code", "period", "steps", "truth_count")
    found = {row[0]: row[1:] for row in zip(*(table.column(name).to_pylist() for name in names), strict=True)}
    assert found == {i: (user, day, len(before), len(items)) for i, (user, day, _, before, items) in expected.items()}
    seconds = pc.cast(table.column("timestamp"), pa.int64()).to_numpy() // 1_000_000 - ORIGIN
    assert dict(zip(table.column("request_id").to_pylist(), seconds.tolist(), strict=True)) == {
        i: one[2] for i, one in expected.items()
    }
    had = lambda user, second, item: any(  # noqa: E731
        e.user == user and e.second < second and e.item == item and e.kind == "view" for e in log
    )
    assert dict(zip(table.column("request_id").to_pylist(), table.column("new_count").to_pylist(), strict=True)) == {
        i: sum(not had(user, second, item) for item in items) for i, (user, _, second, _, items) in expected.items()
    }
    truth = requests.tables(requests.labelled().keys)["steps"]
    assert Counter(zip(truth.column("request_id").to_pylist(), truth.column("item_code").to_pylist(), strict=True)) == Counter(
        (i, item) for i, one in expected.items() for item in one[4]
    )


def test_candidates_are_on_sale_and_labelled_by_what_the_step_took(log, requests, ranked):
    of_log, keys = asked(requests), ranked["candidates"].keys
    for request, item, label, period in zip(
        *(keys.column(name).to_pylist() for name in ("request_id", "item_code", "label", "period")), strict=True
    ):
        assert label == (item in of_log[request][4])
        assert period == of_log[request][1]
        assert any(e.item == item and period - 8 <= e.day < period for e in log)
    pairs = list(zip(keys.column("request_id").to_pylist(), keys.column("item_code").to_pylist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert pc.sum(keys.column("label")).as_py() > 20


def test_labelled_rows_are_all_positives_and_weighed_negatives(requests, ranked):
    chunk = requests.labelled()
    keys, rate = chunk.keys, chunk.account["negatives_rate"]
    weight, label = keys.column("weight").to_numpy(), keys.column("label").to_numpy()
    np.testing.assert_allclose(weight[label == 1], 1.0)
    np.testing.assert_allclose(weight[label == 0], 1 / rate, rtol=1e-4)
    later = ranked["candidates"].keys
    of_test = later.filter(pc.and_(pc.equal(later.column("split"), "test"), pc.equal(later.column("label"), 1)))
    own = keys.filter(pc.and_(pc.equal(keys.column("split"), "test"), pc.equal(keys.column("label"), 1)))
    assert own.column("sample_id").to_pylist() == of_test.column("sample_id").to_pylist()


def test_features_tell_the_session_up_to_its_last_step(requests, ranked):
    of_log, chunk = asked(requests), ranked["candidates"]
    features, keys = chunk.describe(), chunk.keys
    names = [name for name in features.column_names if name.startswith(("session_", "pair_steps", "category_steps"))]
    assert len(names) == 8
    for row, (request, item) in enumerate(
        zip(keys.column("request_id").to_pylist(), keys.column("item_code").to_pylist(), strict=True)
    ):
        _, _, _, before, _ = of_log[request]
        taken = [(back, each) for back, (_, items) in enumerate(reversed(before), 1) for each in items]
        category = CATEGORIES[item % len(CATEGORIES)]
        own = [back for back, each in taken if each == item]
        same = [back for back, each in taken if category is not None and CATEGORIES[each % len(CATEGORIES)] == category]
        seconds = [second for second, _ in before]
        expected = {
            "session_steps": len(before),
            "session_items": len({each for _, each in taken}),
            "session_minutes": (seconds[-1] - seconds[0]) / 60,
            "session_pause": (seconds[-1] - seconds[-2]) / 60 if len(seconds) > 1 else np.nan,
            "pair_steps_since": min(own, default=np.nan),
            "pair_steps_times": len(own),
            "category_steps_since": min(same, default=np.nan),
            "category_steps_share": len(same) / len(taken),
        }
        found = {name: np.nan if (value := features.column(name)[row].as_py()) is None else value for name in names}
        assert found == pytest.approx(expected, rel=1e-5, nan_ok=True)


def test_own_scores_fade_by_steps_and_nothing_of_the_day_itself_is_learnt(log, requests, ranked):
    of_log, chunk = asked(requests), ranked["candidates"]
    scores, keys = chunk.describe(), chunk.keys
    listing, _ = requests._sized
    for row in range(0, keys.num_rows, 7):
        request, item, period = (keys.column(name)[row].as_py() for name in ("request_id", "item_code", "period"))
        before = of_log[request][3]
        faded = sum(0.5 ** (back * STEP_DAYS / 112) for back, (_, items) in enumerate(reversed(before), 1) if item in items)
        [moment] = listing.moments(period, period + 1)
        assert scores.column("score_own")[row].as_py() == pytest.approx(faded * moment.sales[item] ** 0.25, rel=1e-5)
    # The day's other sessions do not matter, and neither do later steps of its own.
    day = requests.splits.span("test")[0]
    some = next(i for i, one in of_log.items() if one[1] == day and len(one[3]) == 2)
    user, _, second, _, _ = of_log[some]
    cut = [e for e in log if e.day < day or (e.user == user and e.second <= second)]
    shorter = of([*cut, Event(USERS * 4, 0, "view", DAYS * DAY - 60, "last")], candidate_sizes=dict(listing.sizes))
    for one, other in ((requests, shorter),):
        table = {}
        for which in (one, other):
            part = dict(which.ranked())["candidates"]
            rows = np.flatnonzero(part.keys.column("request_id").to_numpy() == some)
            described = part.describe().take(pa.array(rows))
            table[which] = part.keys.take(pa.array(rows)).select(["item_code", "label"]).to_pydict() | {
                name: described.column(name).to_pylist() for name in described.column_names if name not in ("user", "item")
            }
        for name, values in table[one].items():
            assert table[other][name] == pytest.approx(values, nan_ok=True), name


def test_upcoming_are_the_last_sessions_of_users_as_they_would_go_on(requests, ranked):
    keys, made = ranked["upcoming"].keys, requests.steps
    last, visits = requests.splits.end - 1, {}
    for user, visit in read(made):  # in order of time
        visits[user] = visit
    visits = {user: len(visit) for user, visit in visits.items() if visit[-1][0] // DAY >= last}
    found = {(row["user_code"], row["request_id"]) for row in keys.select(["user_code", "request_id"]).to_pylist()}
    assert sorted(user for user, _ in found) == sorted(visits)
    assert keys.column("user_code").to_pylist() == sorted(keys.column("user_code").to_pylist())
    assert set(keys.column("period").to_pylist()) == {last + 1}
    assert set(keys.column("label").to_pylist()) == {0}
    steps = ranked["upcoming"].describe().column("session_steps").to_pylist()
    assert dict(zip(keys.column("user_code").to_pylist(), steps, strict=True)) == visits


def test_takings_know_what_came_before_a_step(log, requests):
    table = requests.tables(requests.labelled().keys)["takings"]
    takings = Takings(*(table.column(name).to_numpy() for name in ("user_code", "item_code", "moment", "sampled")), STEPS)
    of_log, made = asked(requests), requests.steps
    moments = dict(zip(made.ids(np.arange(len(made)), requests.past.user_hash).tolist(), made.moments.tolist(), strict=False))
    for request, (user, _, second, _, _) in of_log.items():
        items = np.arange(ITEMS, dtype=np.int32)
        had = {e.item for e in log if e.user == user and e.second < second}
        known = takings.had_before(np.full(ITEMS, user, np.int32), items, np.full(ITEMS, moments[request], np.int32))
        assert set(items[known].tolist()) == had
    positives = requests.labelled().keys
    positives = positives.filter(pc.equal(positives.column("label"), 1))
    assert int(takings.sampled.sum()) == positives.num_rows


def test_the_account_tells_sessions_requests_and_sizes(requests):
    chunk = requests.labelled()
    encoder = type("Encoder", (), {"blocks": ()})()
    account = {**chunk.account, **requests.account(chunk.keys, encoder, [])}
    said = SamplesMade.model_validate(account | {"rows": {}, "share_of_positives": {}, "features": [], "columns": 0})
    assert said.sessions["visits"] == len(read(requests.steps))
    days = Counter(one[1] for one in asked(requests).values())
    begins = [*requests.splits.begins, requests.splits.end]
    assert list(said.requests.values()) == [sum(days[day] for day in range(a, b)) for a, b in itertools.pairwise(begins)]
    assert set(said.candidate_sizes) == set(sources.USUAL["session"])
    assert said.positives + said.positives_not_candidates == sum(
        len(one[4]) for one in asked(requests).values() if begins[0] <= one[1] < begins[-1]
    )


def test_what_a_log_without_returning_users_cannot_tell_is_not_described():
    names = {flag: set(dict(of(shop(returning=flag)).ranked())["candidates"].describe().column_names) for flag in (False, True)}
    assert not {name for name in names[False] if name.startswith(("user_", "pair_faded"))}
    assert {"user_trips_28", "pair_faded_28"} <= names[True]
    assert names[False] < names[True]


def test_drawn_negatives_are_refused():
    with pytest.raises(ConfigError, match='"drawn" has no meaning for steps of sessions; take "candidates"'):
        of(shop(), negatives_from="drawn")


def test_the_same_log_in_another_order_gives_the_same_rows():
    log = shop()
    order = np.random.default_rng(3).permutation(len(log))
    one, other = (of(each).labelled().keys for each in (log, [log[k] for k in order]))
    assert one.equals(other)


def test_a_seed_decides_which_negatives_are_drawn():
    one, other = (
        SessionRequests(SECTION, seed, clean(shop())).labelled().keys.column("sample_id").to_pylist() for seed in (1, 2)
    )
    assert one != other
