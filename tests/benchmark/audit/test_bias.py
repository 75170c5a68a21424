from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from assay.benchmark.audit.checks import Evidence, audit, share_distances
from assay.testing.data import make_samples
from tests.benchmark.shops import BEGIN, DAY, TEST, change, column, instants, micro, only, shop


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


@pytest.mark.slow
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
