import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.benchmark.audit import CHECKS, Evidence, audit, share_distances
from assay.errors import InputError
from assay.testing.data import make_samples
from tests.benchmark.shops import BEGIN, DAY, HOUR, TEST, append, change, instants, shop

EVERY = tuple(name for name in CHECKS if name != "user_across")


def when(micro):
    return datetime.fromtimestamp(micro / 1e6, UTC)


def column(evidence, table, name):
    return np.array(getattr(evidence, table).column(name).to_pylist())


def micro(evidence, table):
    return getattr(evidence, table).column("timestamp").cast(pa.int64()).to_numpy()


def only(evidence, check, severity="error"):
    """The one finding, of this check."""
    found = audit(evidence)
    assert [finding.check for finding in found.findings] == [check]
    finding = found.findings[0]
    assert finding.severity == severity
    assert 1 <= len(finding.examples) <= 3
    assert finding.mend
    json.dumps(found.to_dict(), allow_nan=False)
    return finding


# Clean data


@pytest.mark.parametrize("seed", [0, 1])
def test_clean_data_has_no_finding_and_every_check_runs(seed):
    found = audit(shop(seed, text=seed == 0))
    assert found.findings == []
    assert found.checked == EVERY
    assert found.skipped == {"user_across": "protocol 'users'"}
    assert found.facts["recall_bound"] == 1.0
    assert 0.6 < found.facts["popularity_auc"]["value"] < 0.8
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["checked"] == list(EVERY)


@pytest.mark.slow
def test_false_alarms_are_rare():
    alarms = Counter()
    for seed in range(40):
        alarms.update(finding.check for finding in audit(shop(seed, text=bool(seed % 2))).findings)
    assert alarms.total() <= 2, alarms


def test_other_column_types_change_nothing():
    made = shop(0)
    plain = audit(made).to_dict()
    other = replace(
        made,
        requests=made.requests.to_pandas(),
        candidates=change(made, "candidates", price=column(made, "candidates", "price").astype(np.float32)).candidates,
        events=pa.table(
            {
                name: values.dictionary_encode() if name in ("user_id", "event") else values
                for name, values in zip(made.events.column_names, made.events.columns, strict=True)
            }
        ),
        truth=change(made, "truth", timestamp=made.truth.column("timestamp").cast(pa.timestamp("ns")).combine_chunks()).truth,
        train=change(made, "train", label=made.train.column("label").cast(pa.bool_()).combine_chunks()).train,
    )
    assert audit(other).to_dict() == plain


def test_integer_ids_and_their_text_are_one():
    made = shop(1, text=False)
    as_text = change(made, "candidates", request_id=made.candidates.column("request_id").cast(pa.string()).combine_chunks())
    assert audit(as_text).facts["recall_bound"] == 1.0


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_changes_nothing(seed):
    made = replace(shop(0), samples=None, events=shop(0).events.take(pa.array(np.arange(0, shop(0).events.num_rows, 8))))
    rng = np.random.default_rng(seed)
    tables = ("requests", "truth", "candidates", "train", "validation", "events", "traffic")
    mixed = {name: getattr(made, name).take(pa.array(rng.permutation(getattr(made, name).num_rows))) for name in tables}
    one, other = audit(made).to_dict(), audit(replace(made, **mixed)).to_dict()
    assert one["facts"].pop("order_auc") != other["facts"].pop("order_auc")
    assert one == other
    assert one["findings"]  # fewer events: items of the future


# Planted leaks


def test_items_of_the_future():
    made = shop(0)
    first = min(column(made, "requests", "request_id"))
    asked = dict(zip(column(made, "requests", "request_id"), column(made, "requests", "timestamp"), strict=True))[first]
    later = {"event": "view", "timestamp": when(TEST + 5 * DAY), "user_id": "user 0"}
    made = append(made, "events", [later | {"item_id": name} for name in ("新品", "🆕")])
    made = append(made, "candidates", [{"request_id": first, "item_id": name} for name in ("新品", "🆕", "never seen")])
    finding = only(made, "future_items")
    assert finding.rows == 2
    assert [one["item_id"] for one in finding.examples] == ["新品", "🆕"]
    assert finding.examples[0]["requested"] == asked.isoformat()
    assert finding.examples[0]["first_event"] == when(TEST + 5 * DAY).isoformat()
    assert "0 of them are relevant" in finding.message
    assert audit(made).facts["candidates_without_event"] == 1


def test_an_item_seen_at_the_very_instant_is_known():
    made = shop(0)
    request = made.requests.slice(0, 1).to_pylist()[0]
    made = append(made, "candidates", [{"request_id": request["request_id"], "item_id": "נולד עכשיו"}])
    event = {"event": "view", "user_id": "user 0", "item_id": "נולד עכשיו", "timestamp": request["timestamp"]}
    assert audit(append(made, "events", [event])).findings == []


def test_prices_of_the_future():
    made = shop(0)
    item = column(made, "candidates", "item_id")
    price = column(made, "candidates", "price")
    rows = np.flatnonzero(item == item[0])
    event = {"event": "view", "user_id": "user 0", "item_id": item[0], "timestamp": when(TEST + 4 * DAY), "price": 77}
    price[rows] = 77
    made = append(change(made, "candidates", price=price), "events", [event])
    finding = only(made, "future_prices")
    assert finding.rows == len(rows)
    assert {one["price"] for one in finding.examples} == {77.0}
    assert finding.examples[0]["price_first_seen"] == when(TEST + 4 * DAY).isoformat()
    # the same price seen before, or never
    assert audit(append(made, "events", [event | {"timestamp": when(BEGIN)}])).findings == []
    price[rows] = 78
    assert audit(change(made, "candidates", price=price)).findings == []


@pytest.mark.parametrize("table", ["train", "validation"])
def test_sessions_across_the_split(table):
    made = shop(0)
    asked = made.requests.slice(3, 2).to_pylist()
    at = micro(made, table).max()
    rows = [
        {"user_id": one["user_id"], "item_id": "new", "timestamp": when(at), "label": 1, "session_id": one["session_id"]}
        for one in (*asked, asked[0])
    ]
    finding = only(append(made, table, rows), "session_across")
    assert finding.rows == 3
    assert finding.message.startswith(f"2 sessions have rows in {table}")
    assert {one["session_id"] for one in finding.examples} == {one["session_id"] for one in asked}
    # a number that each user counts for themselves is another session
    others = [rows[0] | {"user_id": "someone else"}, rows[0] | {"session_id": None}]
    assert audit(append(made, table, others)).findings == []


def test_users_across_where_users_were_held_out():
    made = replace(shop(0), protocol="users", samples=None)
    asked = column(made, "requests", "user_id")
    inside = np.isin(column(made, "train", "user_id"), asked)
    found = audit(made)
    assert [finding.check for finding in found.findings] == ["user_across", "user_across"]
    assert found.findings[0].rows == inside.sum()
    assert found.skipped["train_after_test"] == "protocol 'time'"
    held = {
        name: getattr(made, name).filter(pa.array(~np.isin(column(made, name, "user_id"), asked)))
        for name in ("train", "validation")
    }
    assert [one.check for one in audit(replace(made, **held)).findings] == []


def test_times_of_samples_may_overlap_where_users_were_held_out():
    samples = make_samples(4000)
    split = samples.keys.column_names.index("split")
    mixed = np.random.default_rng(0).permutation(samples.keys.column("split").to_pylist())
    mixed = replace(samples, keys=samples.keys.set_column(split, "split", pa.array(mixed)))
    by_time, by_users = (audit(replace(shop(0), samples=mixed, protocol=name)).findings for name in ("time", "users"))
    assert "time_overlap" in {one.check for one in by_time}
    assert "same_request" in {one.check for one in by_users}
    assert "time_overlap" not in {one.check for one in by_users}


@pytest.mark.parametrize("table", ["train", "validation"])
def test_events_of_truth_among_learnt_rows(table):
    made = shop(0)
    who = dict(zip(column(made, "requests", "request_id"), column(made, "requests", "user_id"), strict=True))
    taken = made.truth.slice(5, 4).to_pylist()
    rows = [
        {"user_id": who[one["request_id"]], "item_id": one["item_id"], "timestamp": one["timestamp"], "label": 1} for one in taken
    ]
    near = [rows[0] | {"timestamp": rows[0]["timestamp"] + timedelta(microseconds=1)}]
    found = audit(append(made, table, rows + near)).findings
    assert [(one.check, one.rows) for one in found] == [("duplicates_across", 4), ("train_after_test", 5)]
    assert found[0].examples[0]["item_id"] in {one["item_id"] for one in taken}
    early = [row | {"timestamp": when(BEGIN)} for row in rows]
    assert audit(append(made, table, early)).findings == []


@pytest.mark.parametrize("table", ["truth", "candidates"])
def test_rows_listed_twice(table):
    made = shop(0)
    first = getattr(made, table).sort_by([("request_id", "ascending"), ("item_id", "ascending")]).slice(0, 2).to_pylist()
    finding = only(append(made, table, [first[0], first[0], first[1]]), "listed_twice")
    assert finding.rows == 3
    assert finding.examples == [
        {"request_id": one["request_id"], "item_id": one["item_id"], "times": times}
        for one, times in zip(first, (3, 2), strict=True)
    ]


def test_validation_rows_in_train():
    made = shop(0)
    copies = made.validation.slice(0, 7).to_pylist()
    by_id = append(made, "train", [row | {"item_id": "other", "label": 0} for row in copies])
    assert only(by_id, "validation_in_train").rows == 7
    renumbered = append(made, "train", [row | {"sample_id": 10**9 + k} for k, row in enumerate(copies)])
    assert audit(renumbered).findings == []
    without = replace(renumbered, train=renumbered.train.drop_columns("sample_id"))
    finding = only(without, "validation_in_train")
    assert finding.rows == 7
    assert "by user, item and instant" in finding.message


@pytest.mark.parametrize("table", ["train", "validation"])
def test_learnt_rows_after_the_first_request(table):
    made = shop(0)
    start = micro(made, "requests").min()
    rows = [
        {"user_id": "👤", "item_id": "x", "label": k % 2, "timestamp": when(start + k * HOUR)} for k in range(5)
    ]  # the first is at the very instant
    finding = only(append(made, table, rows), "train_after_test")
    assert finding.rows == 4
    assert finding.examples[0]["timestamp"] == when(start + HOUR).isoformat()
    assert when(start).isoformat() in finding.message


def recoded(made, order):
    """Items renamed to numbers, lowest first in the order of the given codes' values."""
    names = sorted({*column(made, "candidates", "item_id"), *column(made, "events", "item_id")})
    numbers = dict(zip(sorted(names, key=lambda name: (order(name), name)), range(len(names)), strict=True))
    for table in ("candidates", "truth", "events", "train", "validation"):
        made = change(made, table, item_id=[numbers[name] for name in column(made, table, "item_id")])
    return made


def test_item_ids_numbered_with_a_look_at_truth():
    made = shop(0)
    taken = Counter(column(made, "truth", "item_id"))
    finding = only(recoded(made, lambda name: -taken[name]), "label_in_ids", "warning")
    assert "item_id" in finding.message
    assert finding.rows == made.truth.num_rows


def test_item_ids_numbered_by_popularity_or_by_age_are_no_finding():
    made = shop(0)
    popular = Counter(column(made, "train", "item_id")[column(made, "train", "label") > 0])
    born = {}
    for name, at in zip(column(made, "events", "item_id"), micro(made, "events"), strict=True):
        born[name] = min(at, born.get(name, at))
    for order in (lambda name: -popular[name], born.get):
        found = audit(recoded(made, order))
        assert found.findings == []
        assert abs(found.facts["item_id_auc"]["value"] - 0.5) < 0.15


def test_digits_in_text_are_compared_as_numbers():
    made = shop(0)
    taken = Counter(column(made, "truth", "item_id"))
    numbered = recoded(made, lambda name: -taken[name])
    text = numbered
    for table in ("candidates", "truth", "events", "train", "validation"):
        text = change(text, table, item_id=column(numbered, table, "item_id").astype(str).tolist())
    assert audit(text).facts["item_id_auc"] == audit(numbered).facts["item_id_auc"]


def labels(made):
    truth = set(zip(column(made, "truth", "request_id"), column(made, "truth", "item_id"), strict=True))
    pairs = zip(column(made, "candidates", "request_id"), column(made, "candidates", "item_id"), strict=True)
    return np.array([pair in truth for pair in pairs])


@pytest.mark.parametrize("side", [1, -1])
def test_truth_first_or_last_among_the_candidates(side):
    made = shop(0)
    moved = made.candidates.take(pa.array(np.argsort(side * labels(made), kind="stable")))
    finding = only(replace(made, candidates=moved), "label_in_ids", "warning")
    assert "the order of a request's candidates" in finding.message


def test_candidates_in_order_of_a_good_ranking_are_no_finding():
    made, rng = shop(0), np.random.default_rng(0)
    label = labels(made)
    ranked = made.candidates.take(pa.array(np.argsort(-(1.8 * label + rng.normal(size=len(label))))))
    found = audit(replace(made, candidates=ranked))
    assert found.findings == []
    assert found.facts["order_auc"]["value"] < 0.15


def test_a_label_column_is_taken_instead_of_truth():
    made = shop(0)
    label = np.random.default_rng(0).random(made.candidates.num_rows) < 0.1
    found = audit(change(made, "candidates", label=label))
    assert abs(found.facts["popularity_auc"]["value"] - 0.5) < 0.05


@pytest.mark.parametrize("name", ["sample_id", "request_id"])
def test_ids_of_samples_that_betray_the_label(name):
    samples = make_samples(4000)
    at = samples.keys.column_names.index(name)
    ids = np.arange(4000) + 10_000 * samples.label.astype(np.int64)
    if name == "sample_id":
        # ids that a float cannot tell apart
        ids = ids + 2**62
    leaky = replace(samples, keys=samples.keys.set_column(at, name, pa.array(ids)))
    if name == "sample_id":
        request = np.arange(4000) // 40 + 100 * samples.keys.column("period").to_numpy()
        place = samples.keys.column_names.index("request_id")
        leaky = replace(leaky, keys=leaky.keys.set_column(place, "request_id", pa.array(request)))
    found = [one for one in audit(replace(shop(0), samples=leaky)).findings if one.check == "label_in_ids"]
    assert [one.message.split()[0] for one in found] == [name]
    assert found[0].rows == samples.label.sum()
    assert found[0].examples[0]["label"] == 1


def test_leaks_of_samples_are_part_of_the_audit():
    samples = make_samples(4000)
    twice = samples.take(np.append(np.arange(4000), 3999))
    finding = only(replace(shop(0), samples=twice), "same_sample")
    assert finding.rows == 2


def test_popularity_that_tells_all():
    made = shop(0)
    popular = Counter(column(made, "train", "item_id")[column(made, "train", "label") > 0])
    best = [name for name, _ in popular.most_common(30)]
    rng = np.random.default_rng(0)
    request = column(made, "requests", "request_id")
    taken = {one: rng.choice(best, 2, replace=False) for one in request}
    rest = [name for name in popular if name not in best]
    rows = [(one, name) for one in request for name in (*taken[one], *rng.choice(rest, 20, replace=False))]
    order = rng.permutation(len(rows))
    table = {"request_id": [rows[k][0] for k in order], "item_id": [rows[k][1] for k in order]}
    truth = {
        "request_id": np.repeat(request, 2),
        "item_id": np.concatenate([*taken.values()]),
        "grade": np.ones(2 * len(request)),
    }
    finding = only(replace(made, candidates=pa.table(table), truth=pa.table(truth)), "popularity_bias", "warning")
    assert finding.rows == 2 * len(request)
    assert "100 % of truth" in finding.message
    # without train the log before the test says as much; with neither it cannot be asked
    bare = Evidence(requests=made.requests, truth=pa.table(truth), candidates=pa.table(table), events=made.events)
    assert "popularity_bias" in {one.check for one in audit(bare).findings}
    assert audit(replace(bare, events=None)).skipped["popularity_bias"] == "train or events"


def shown(made, fall, rng):
    """Truth of ten shown items a request; the share taken falls with the position by `fall`."""
    request = np.repeat(column(made, "requests", "request_id"), 10)
    position = np.tile(np.arange(1, 11), len(request) // 10)
    item = np.tile(np.unique(column(made, "events", "item_id"))[:10], len(request) // 10)
    chance = 0.3 - fall * np.log(position)
    return pa.table(
        {"request_id": request, "item_id": item, "grade": (rng.random(len(request)) < chance) * 1.0, "position": position}
    )


def test_position_in_truth():
    rng = np.random.default_rng(0)
    made = Evidence(requests=shop(0).requests, truth=shown(shop(0), 0.08, rng))
    finding = only(made, "position_bias", "warning")
    assert finding.rows == made.truth.num_rows
    assert [one["position"] for one in finding.examples] == [1.0, 2.0, 3.0]
    found = audit(made)
    assert found.facts["position_slope"]["low"] < -0.08 < found.facts["position_slope"]["high"]
    rates = found.facts["take_rate_by_position"]
    grade, position = column(made, "truth", "grade"), column(made, "truth", "position")
    assert rates[3]["taken"] == pytest.approx(grade[position == 4].mean())
    assert rates[3]["propensity"] is None
    constant, given = np.full(len(grade), 0.1), 0.5 / position
    assert [one.check for one in audit(change(made, "truth", propensity=constant)).findings] == ["position_bias"]
    weighted = audit(change(made, "truth", propensity=given))
    assert weighted.findings == []
    assert weighted.facts["take_rate_by_position"][1]["propensity"] == pytest.approx(0.25)
    flat = audit(replace(made, truth=shown(shop(0), 0.0, rng)))
    assert flat.findings == []
    assert flat.facts["position_slope"]["low"] < 0 < flat.facts["position_slope"]["high"]


def test_position_error_is_clustered_by_user():
    """One user's rows copied many times say no more than once."""
    rng = np.random.default_rng(1)
    made = Evidence(requests=shop(0).requests, truth=shown(shop(0), 0.03, rng))
    user = column(made, "requests", "user_id")
    few = change(made, "requests", user_id=pa.array([f"u{k % 4}" for k in range(len(user))]))
    wide, narrow = (audit(one).facts["position_slope"] for one in (few, made))
    assert wide["value"] == pytest.approx(narrow["value"])
    one_user = change(made, "requests", user_id=pa.array(["u"] * len(user)))
    assert audit(one_user).skipped["position_bias"] == "shown rows of at least 2 users"


def test_position_in_the_log():
    made = shop(0)
    kind, position = column(made, "events", "event"), column(made, "events", "position")
    exposed = np.flatnonzero(kind == "exposure")
    time = micro(made, "events")
    bought = {}
    for user, item, at in zip(
        *(column(made, "events", name)[kind == "purchase"] for name in ("user_id", "item_id")),
        time[kind == "purchase"],
        strict=True,
    ):
        bought.setdefault((user, item), []).append(at)
    user, item = (column(made, "events", name) for name in ("user_id", "item_id"))
    within = 7 * DAY
    taken = np.array([any(time[k] <= at <= time[k] + within for at in bought.get((user[k], item[k]), ())) for k in exposed])
    rates = audit(made).facts["take_rate_by_position"]
    of = position[exposed].astype(int)
    assert [one["taken"] for one in rates] == pytest.approx([taken[of == p].mean() for p in range(1, 11)])
    # those that were taken move up
    moved = position.copy()
    moved[exposed[np.argsort(~taken, kind="stable")]] = np.sort(of)
    finding = only(change(made, "events", position=pa.array(moved.tolist(), pa.int64())), "position_bias", "warning")
    assert finding.rows == len(exposed)


def slow_log(made, days, seed=0):
    """Views by 300 users, a purchase after each, `days` later on average; before the test only."""
    rng = np.random.default_rng(seed)
    user, item = rng.integers(300, size=3_000), rng.integers(500, size=3_000)
    seen = BEGIN + rng.integers(90 * DAY, size=3_000)
    bought = seen + (rng.exponential(days * DAY, 3_000)).astype(np.int64)
    kept = bought < TEST
    columns = [np.concatenate([a, b[kept]]) for a, b in ((user, user), (item, item), (seen, bought))]
    kind = np.repeat(["view", "purchase"], [3_000, kept.sum()])
    table = {"user_id": columns[0], "item_id": columns[1], "event": kind, "timestamp": instants(columns[2])}
    return replace(
        Evidence(requests=made.requests, truth=made.truth, horizon=made.horizon), events=pa.table(table), train=made.train
    ), (user * 500 + item, seen, bought)


def by_hand(pair, seen, bought, horizon):
    """Delays of first looks to conversions, both in the log before the test, of looks that are followed long enough."""
    start, begin = TEST, seen.min()
    delays = []
    for one in np.unique(pair):
        looks = np.sort(seen[pair == one])
        first = [at for k, at in enumerate(looks) if k == 0 or at - looks[k - 1] > horizon]
        ends = [*first[1:], start]
        for at, end in zip(first, ends, strict=True):
            taken = [b for b in bought[pair == one] if at <= b < min(end, start)]
            if taken:
                delays.append((at, min(taken) - at))
    return np.array(delays), begin


def test_conversions_later_than_the_horizon():
    made, (pair, seen, bought) = slow_log(shop(0), days=4)
    start = int(micro(made, "requests").min())
    delays, begin = by_hand(pair, seen, np.where(bought < start, bought, np.iinfo(np.int64).max), 7 * DAY)
    followed = (start - begin) // 2
    delays = delays[(delays[:, 0] <= start - followed) & (delays[:, 1] <= followed)][:, 1]
    finding = only(made, "open_conversions", "warning")
    assert finding.rows == (delays > 7 * DAY).sum()
    assert min(one["delay_days"] for one in finding.examples) > 7
    found = audit(made)
    assert found.facts["open_conversions"] == len(delays)
    assert found.facts["open_share"]["value"] == pytest.approx((delays > 7 * DAY).mean())
    assert found.facts["open_share"]["low"] < np.exp(-7 / 4) < found.facts["open_share"]["high"]
    longer = replace(made, horizon=timedelta(days=20))
    assert audit(longer).findings == []


def test_training_windows_that_reach_past_the_split():
    made, _ = slow_log(shop(0), days=2)
    start = int(micro(made, "requests").min())
    rng = np.random.default_rng(0)
    count = 20_000
    at = start - rng.integers(1, 14 * DAY, count)
    train = pa.table({"user_id": at, "item_id": at, "timestamp": instants(at), "label": np.ones(count)})
    finding = only(replace(made, train=train), "open_conversions", "warning")
    assert finding.rows == (at > start - 7 * DAY).sum()
    # a row t days before the split has its conversion after it with chance exp(-t / 2) - exp(-7 / 2)
    expected = (2 * (1 - np.exp(-3.5)) - 7 * np.exp(-3.5)) / 14
    share = audit(replace(made, train=train)).facts["open_share_train"]
    assert share["low"] < expected < share["high"]
    assert share["high"] - share["low"] < 0.03
    early = change(replace(made, train=train), "train", timestamp=instants(at - 7 * DAY))
    assert audit(early).findings == []


def test_conversions_that_cannot_be_counted():
    made, _ = slow_log(shop(0), days=1)
    late = made.events.filter(pa.array(micro(made, "events") > TEST - 30 * DAY))
    few = made.events.filter(pa.array(np.arange(made.events.num_rows) % 200 == 0))
    after = shop(0).events.filter(pa.array(micro(shop(0), "events") > TEST + 3 * DAY))
    for changed, reason in (
        ({"horizon": None}, "horizon"),
        ({"horizon": timedelta(days=23)}, "a log of at least 4 horizons before the first request"),
        ({"events": late, "horizon": timedelta(days=8)}, "a log of at least 4 horizons before the first request"),
        ({"events": few}, "30 conversions after a first look (view, cart, exposure) in the older half of the log"),
        ({"events": after}, "events before the first request"),
    ):
        assert audit(replace(made, **changed)).skipped["open_conversions"] == reason


def test_truth_that_no_candidate_list_contains():
    made = shop(0)
    label = labels(made)
    few = replace(made, candidates=made.candidates.filter(pa.array(~label | (np.cumsum(label) % 20 > 0))))
    found = audit(few)
    assert found.findings == []
    assert found.facts["unreachable_truth"] == label.sum() // 20
    assert 0.9 < found.facts["recall_bound"] < 1
    lost = label & (np.cumsum(label) % 5 == 0)
    many = replace(made, candidates=made.candidates.filter(pa.array(~lost)))
    finding = only(many, "unreachable_truth", "warning")
    assert finding.rows == lost.sum()
    wanted, gone = (Counter(column(made, "candidates", "request_id")[rows]) for rows in (label, lost))
    bound = np.mean([1 - gone[request] / count for request, count in wanted.items()])
    assert audit(many).facts["recall_bound"] == pytest.approx(bound)
    missing = {*zip(*(column(made, "candidates", name)[lost] for name in ("request_id", "item_id")), strict=True)}
    assert all((one["request_id"], one["item_id"]) in missing for one in finding.examples)


# Shares


def test_shares_unlike_the_traffic():
    made = shop(0)
    device = column(made, "requests", "device")
    device[: len(device) // 3] = "桌"
    finding = only(change(made, "requests", device=device.tolist()), "shares", "warning")
    assert finding.rows == len(device)
    assert finding.examples[0]["level"] == "桌"
    assert finding.examples[0]["requests"] == pytest.approx((device == "桌").mean())
    assert finding.examples[0]["traffic"] == pytest.approx((column(made, "traffic", "device") == "桌").mean())


def test_distances_by_hand():
    requests = {"age": [1.0, 1.0, 9.0, 9.0] * 50, "kind": ["a", "a", "b", None] * 50, "new": [True, False] * 100}
    traffic = {"age": [1.0, 2.0, 3.0, 4.0, 5.0] * 100, "kind": ["a", "b"] * 250, "new": [True, False] * 250, "other": [0] * 500}
    table = share_distances(pa.table(requests), pa.table(traffic))
    assert table.column("attribute").to_pylist() == ["age", "kind", "new"]
    # age: half in each of the first and the last fifth; kind: .5 / .25 / .25 unknown against .5 / .5
    assert table.column("distance").to_pylist() == pytest.approx([0.6, 0.25, 0.0])
    assert table.column("levels").to_pylist() == [5, 3, 2]
    assert table.column("p").to_pylist() == pytest.approx([1 / 1001, 1 / 1001, 1.0])
    assert all(line["low"] <= line["distance"] <= line["high"] for line in table.to_pylist())


def test_rare_levels_are_one():
    rng = np.random.default_rng(0)
    words = [f"запрос {k}" for k in range(2_000)]
    requests = {"query": rng.choice(words, 500).tolist()}
    traffic = {"query": rng.choice(words, 50_000).tolist()}
    line = share_distances(requests, traffic).to_pylist()[0]
    assert (line["levels"], line["distance"], line["p"]) == (1, 0.0, 1.0)
    new = share_distances({"query": [*requests["query"], *["новое"] * 500]}, {"query": [*traffic["query"], *["старое"] * 50_000]})
    assert new.to_pylist()[0]["distance"] == pytest.approx(0.5)


@pytest.mark.parametrize("each", [1, 6])
def test_distances_beyond_chance_are_rare_where_there_is_none(each):
    """With users of one device and several requests each, too: level 5 %, and the interval holds the true distance, 0."""
    rng = np.random.default_rng(each)
    p = []
    for _ in range(120):
        device = rng.choice(8, 150, p=np.arange(1, 9) / 36).astype(str)
        requests = {"user_id": np.repeat(np.arange(150), each), "device": np.repeat(device, each).tolist()}
        traffic = {"device": rng.choice(8, 2_000, p=np.arange(1, 9) / 36).astype(str).tolist()}
        line = share_distances(pa.table(requests), pa.table(traffic)).to_pylist()[0]
        p.append(line["p"])
        assert (line["low"] > 0) == (line["p"] < 0.05) or abs(line["p"] - 0.05) < 0.002
    assert 0.005 <= np.mean(np.array(p) < 0.05) <= 0.1
    assert 0.4 < np.median(p) < 0.65


def test_traffic_of_few_users_says_little():
    rng = np.random.default_rng(0)
    requests = {"device": rng.choice(["a", "b"], 2_000, p=[0.5, 0.5]).tolist()}
    user = np.repeat(np.arange(12), 500)
    traffic = {"user_id": user, "device": np.array(["a", "b"])[(user < 8).astype(int)].tolist()}
    told, untold = (share_distances(requests, {k: v for k, v in traffic.items() if k in names}).to_pylist()[0]
                    for names in (("user_id", "device"), ("device",)))  # fmt: skip
    assert told["distance"] == untold["distance"]
    assert told["p"] > 0.05 > untold["p"]


# Any tables


IDS = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), min_size=4, max_size=4, unique=True),
    st.lists(st.text("aё中🙂א\u200f 0", max_size=3), min_size=4, max_size=4, unique=True),
)


@settings(max_examples=60, deadline=None)
@given(IDS, IDS, IDS, st.data())
def test_counts_agree_with_plain_loops(requests, users, items, data):
    def rows(columns, least=1, most=12):
        made = data.draw(st.lists(st.tuples(*columns), min_size=least, max_size=most))
        return list(zip(*made, strict=True))

    time = st.integers(0, 6)
    of = [data.draw(st.sampled_from(users)) for _ in requests]
    asked = data.draw(st.lists(time, min_size=4, max_size=4))
    truth = rows([st.sampled_from(requests), st.sampled_from(items), st.integers(0, 1), time])
    listed = rows([st.sampled_from(requests), st.sampled_from(items)])
    log = rows([st.sampled_from(users), st.sampled_from(items), time])
    learnt = rows([st.sampled_from(users), st.sampled_from(items), time, st.integers(0, 1)])
    evidence = Evidence(
        requests={"request_id": requests, "user_id": of, "timestamp": instants(asked)},
        truth={"request_id": truth[0], "item_id": truth[1], "grade": truth[2], "timestamp": instants(truth[3])},
        candidates={"request_id": listed[0], "item_id": listed[1]},
        events={"user_id": log[0], "item_id": log[1], "event": ["purchase"] * len(log[0]), "timestamp": instants(log[2])},
        train={"user_id": learnt[0], "item_id": learnt[1], "timestamp": instants(learnt[2]), "label": learnt[3]},
    )
    found = audit(evidence)
    json.dumps(found.to_dict(), allow_nan=False)
    counted = Counter()
    for finding in found.findings:
        counted[finding.check] += finding.rows
    at, who = dict(zip(requests, asked, strict=True)), dict(zip(requests, of, strict=True))
    first = {i: min(t for _, j, t in zip(*log, strict=True) if j == i) for i in set(log[1])}
    pairs = {*zip(*listed, strict=True)}
    events = {(who[r], i, t) for r, i, _, t in zip(*truth, strict=True)}
    assert counted["future_items"] == sum(first.get(i, 0) > at[r] for r, i in zip(*listed, strict=True))
    assert counted["listed_twice"] == len(listed[0]) - len(pairs) + len(truth[0]) - len({*zip(*truth[:2], strict=True)})
    assert counted["duplicates_across"] == sum(row in events for row in zip(*learnt[:3], strict=True))
    assert counted["train_after_test"] == sum(t > min(asked) for t in learnt[2])
    lost = sum(g > 0 and (r, i) not in pairs for r, i, g, _ in zip(*truth, strict=True))
    assert found.facts.get("unreachable_truth", 0) == lost


# Bad input


def tiny(**changes):
    """The least that an audit takes, with some of it changed."""
    tables = {
        "requests": {"request_id": [1, 2], "user_id": ["a", "b"], "timestamp": instants([5, 6])},
        "truth": {"request_id": [1, 2], "item_id": ["x", "y"], "grade": [1, 1]},
        "candidates": {"request_id": [1, 2], "item_id": ["x", "y"]},
        "train": {"user_id": ["a"], "item_id": ["x"], "timestamp": instants([1]), "label": [1]},
        "events": {"user_id": ["a"], "item_id": ["x"], "event": ["purchase"], "timestamp": instants([1])},
    }
    for name, other in changes.items():
        tables[name] = tables[name] | other if isinstance(other, dict) and name in tables else other
    return audit(Evidence(**tables))


def test_the_least_is_enough():
    found = tiny(candidates=None, train=None, events=None)
    assert found.findings == []
    assert found.checked == ("listed_twice",)
    assert found.skipped["future_items"] == "candidates, events"
    assert found.skipped["session_across"] == "requests.session_id, train.session_id or validation.session_id"
    assert tiny().skipped["label_in_ids"].startswith("200 relevant candidates")
    assert tiny(requests={"session_id": pa.nulls(2)}).skipped["session_across"].startswith("requests.session_id")
    searches = tiny(events={"item_id": pa.array([None], pa.string())})
    assert searches.facts["candidates_without_event"] == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"requests": None}, "requests is missing: an audit needs requests and truth"),
        ({"truth": [1, 2]}, "truth is of type list, not a table"),
        ({"truth": {"grade": [1]}}, "truth is of type dict, not a table"),
        ({"samples": {}}, "samples is of type dict; give assay.samples.table.Samples"),
        ({"train": pa.table({"usr_id": ["a"]})}, "train has no column 'user_id'; did you mean 'usr_id'?"),
        ({"truth": pa.table({"request_id": [1], "grade": [1]})}, "truth has no column 'item_id'"),
        ({"candidates": {"request_id": pa.array([], pa.int64()), "item_id": pa.array([], pa.int64())}}, "candidates is empty"),
        ({"requests": {"user_id": ["a", None]}}, "requests: user_id is null in 1 rows; fill or drop them"),
        ({"events": {"event": pa.array([None], pa.string())}}, "events: event is null in 1 rows"),
        ({"truth": {"item_id": [1.5, 2.5]}}, "truth: item_id holds double; give integers or text"),
        ({"events": {"event": [7]}}, "events: event holds int64; give text"),
        ({"requests": {"timestamp": ["2024-01-01", "x"]}}, "requests: timestamp holds string; give instants"),
        ({"candidates": {"price": ["1", "2"]}}, "candidates: price holds string, not numbers"),
        ({"truth": {"grade": [1, -1]}}, "truth: grade of row 1 is -1 (1 such rows); it must be 0 or more"),
        ({"truth": {"grade": [float("nan"), 1]}}, "truth: grade of row 0 is nan (1 such rows); it must be 0 or more"),
        ({"train": {"label": [float("inf")]}}, "train: label of row 0 is inf (1 such rows); it must be a finite number"),
        ({"truth": {"position": [0, 1]}}, "truth: position of row 0 is 0 (1 such rows); it must be 1 or more"),
        ({"truth": {"propensity": [0.5, 0.0]}}, "truth: propensity of row 1 is 0 (1 such rows); it must be above 0"),
        ({"requests": {"request_id": [1, 1]}}, "requests: request_id 1 is there 2 times; give each request one row"),
        ({"truth": {"request_id": [1, 3]}}, "truth: 1 rows are of requests that requests lacks, as 3; add them"),
        ({"candidates": {"request_id": ["1", "?"]}}, "candidates: 1 rows are of requests that requests lacks, as '?'"),
        ({"target": "purchse"}, "events: no event is a 'purchse'; did you mean 'purchase'?"),
        ({"target": "play"}, "events: no event is a 'play'; there are purchase"),
        ({"protocol": "user"}, "protocol 'user' is not known; did you mean 'users'?"),
        ({"horizon": timedelta(0)}, "horizon is datetime.timedelta(0); give a timedelta above 0, or None"),
        ({"horizon": 7}, "horizon is 7; give a timedelta above 0"),
        ({"traffic": {"hour": [1]}}, "traffic has none of the requests' attributes (none)"),
        ({"traffic": {"hour": []}}, "traffic is empty"),
        ({"requests": {"hour": [1, 2]}, "traffic": {"hour": ["1"]}}, "hour is int64 in requests and string in traffic"),
        ({"requests": {"tags": [[1], [2]]}, "traffic": {"tags": [[1]]}}, "tags holds list<item: int64>; attributes are text"),
        (
            {"requests": {"hour": [1, 2]}, "traffic": {"hour": [1], "user_id": pa.array([None], pa.string())}},
            "traffic: user_id is null in 1 rows",
        ),
    ],
)
def test_bad_input_is_named(changes, message):
    with pytest.raises(InputError) as error:
        tiny(**changes)
    assert message in str(error.value)
