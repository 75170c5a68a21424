import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.benchmark.audit.checks import CHECKS, Evidence, audit
from assay.errors import InputError
from assay.testing.data import make_samples
from tests.benchmark.shops import BEGIN, DAY, HOUR, TEST, append, change, column, instants, micro, only, shop, when

EVERY = tuple(name for name in CHECKS if name != "user_across")


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
    tiny(truth={"grade": [1, -1]})  # as TREC has them: not relevant


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
        ({"truth": {"grade": [float("nan"), 1]}}, "truth: grade of row 0 is nan (1 such rows); it must be a finite number"),
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
        ({"requests": {"hour": [1, 2]}, "traffic": {"hour": ["1"]}}, "'hour' is int64 in the requests and string in the traffic"),
        ({"requests": {"tags": [[1], [2]]}, "traffic": {"tags": [[1]]}}, "'tags' holds list<item: int64>; convert it to text"),
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
