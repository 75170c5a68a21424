"""Samples, candidates and truth of graded and continuous labels against a walk over the clean log, and tables of one's own."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.config import OwnTable, SamplesSection, parse
from assay.errors import AssayError, ConfigError, SourceError
from assay.samples import stored
from assay.samples.own_table import read
from assay.samples.requests import described
from assay.task import ABSOLUTE, BINARY, GRADED, SQUARED
from tests.amount_logs import ITEMS, KINDS, by_hand, feed_config, write_feed
from tests.conftest import run_in

CASES = {
    "by kind": ({"grades": KINDS}, lambda e: KINDS.get(e["event"]), max, GRADED),
    "by stars": (
        {"grades": "rating - 2"},
        lambda e: e["rating"] - 2 if e["event"] == "view" and e["rating"] is not None else None,
        max, GRADED,
    ),
    "minutes": (
        {"amount": "quantity - 3", "loss": "absolute"},
        lambda e: e["quantity"] - 3 if e["event"] == "view" and e["quantity"] is not None else None,
        sum, ABSOLUTE,
    ),
    "liked": (
        {"positive": "rating >= 4"},
        lambda e: 1.0 if e["event"] == "view" and (e["rating"] or 0) >= 4 else None,
        max, BINARY,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("feed") / "log.csv"
    write_feed(path)
    return path


@pytest.fixture(scope="module", params=list(CASES))
def case(request, log, tmp_path_factory):
    """Config, run until its samples, amounts by hand, and the kind of labels."""
    samples, worth, how, kind = CASES[request.param]
    config = feed_config(log, samples=samples)
    run = run_in(config, tmp_path_factory.mktemp("run"), until="samples")
    return config, run, by_hand(run, worth, how), kind


def keyed(table, *names):
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))


def amount_of(keys):
    name = "amount" if "amount" in keys.column_names else "label"
    return dict(zip(keyed(keys, "user_code", "item_code", "period"), keys.column(name).to_pylist(), strict=True))


def test_samples_and_candidates_have_what_the_log_says(case):
    _, run, expected, kind = case
    for which in ("samples", "candidates"):
        samples = stored.load(run, which=which)
        assert samples.label_type == kind
        for key, amount in amount_of(samples.keys).items():
            assert amount == pytest.approx(expected.get(key, 0.0), abs=1e-9)
        np.testing.assert_array_equal(samples.label, samples.told > 0)
        np.testing.assert_array_equal(samples.gain, samples.told)
        np.testing.assert_array_equal(samples.response, samples.label if kind.is_chance else samples.told)
        assert 0 < samples.label.mean() < 1
        assert "amount" not in samples.features.column_names
    taken = {key for key, amount in amount_of(stored.load(run).keys).items() if amount > 0}
    first = min(key[2] for key in taken)
    assert taken <= {key for key in expected if key[2] >= first}
    assert not stored.load(run, which="upcoming").told.any()


def test_the_account_tells_of_amounts(case):
    _, run, _, kind = case
    account, samples = run.read_json("samples/account.json"), stored.load(run, "test")
    if not kind.has_amounts:
        assert account["amounts"] is None
        return
    above = samples.told[samples.told > 0]
    told = {"mean": samples.told.mean(), "median_above_0": np.median(above), "most": above.max()}
    assert account["amounts"]["test"] == pytest.approx(told, abs=1e-3)


def test_requests_know_the_gains_of_all_that_they_took(case):
    _, run, expected, kind = case
    requests = run.read_table("samples/requests.parquet")
    assert ("gains" in requests.column_names) == kind.has_amounts
    by_request = {}
    for (user, _, period), amount in expected.items():
        by_request.setdefault((user, period), []).append(amount)
    for row in requests.to_pylist():
        gains = by_request[row["user_code"], row["period"]]
        assert row["truth_count"] == len(gains)
        if kind.has_amounts:
            assert sorted(row["gains"]) == pytest.approx(sorted(gains))


def test_truth_is_what_counts_with_its_grade(case):
    config, run, expected, kind = case
    request, item = stored.truth(config.samples, run)
    assert len(request) == len(expected)
    requests, truth = described(config.samples, run, "test", np.ones(ITEMS, np.int64))
    at = run.read_table("samples/requests.parquet")
    who = {row["request_id"]: (row["user_code"], row["period"]) for row in at.to_pylist() if row["split"] == "test"}
    items = run.read_table("clean/items.parquet")
    code = dict(zip(items["item_id"].to_pylist(), items["item_code"].to_pylist(), strict=True))
    found = {(who[r][0], code[i], who[r][1]): grade for r, i, grade in keyed(truth, "request_id", "item_id", "grade")}
    periods = {period for _, period in who.values()}
    assert found == pytest.approx({key: amount for key, amount in expected.items() if key[2] in periods})
    assert set(requests["request_id"].to_pylist()) == set(who)
    assert set(zip(request.tolist(), item.tolist(), strict=True)) >= {
        (r, code[i]) for r, i in keyed(truth, "request_id", "item_id")
    }
    assert kind.has_amounts or set(truth["grade"].to_pylist()) == {1.0}


def test_only_other_labels_than_0_and_1_are_told_in_the_file(case):
    _, run, _, kind = case
    metadata = pq.read_schema(run.path("samples/samples.parquet")).metadata
    if kind is BINARY:
        assert metadata is None
    else:
        assert metadata == {b"labels": kind.name.encode(), b"loss": kind.loss.encode()}


def test_what_makes_no_taking_at_all_is_said(log, tmp_path):
    for samples in ({"grades": "0 * rating"}, {"amount": "-quantity"}, {"positive": "rating > 9"}):
        with pytest.raises(AssayError, match=r"no event of the log is a taking; check \[samples\] target, positive, grades"):
            run_in(feed_config(log, samples=samples), tmp_path / "run", until="samples")


def test_positives_of_1_are_the_samples_of_no_condition(log, tmp_path):
    """A condition that all meet changes no byte of the samples."""
    plain = run_in(feed_config(log), tmp_path / "plain", until="samples")
    same = run_in(feed_config(log, samples={"positive": "event = 'view'"}), tmp_path / "same", until="samples")
    for name in ("samples", "candidates", "requests"):
        first, second = (run.path(f"samples/{name}.parquet").read_bytes() for run in (plain, same))
        assert first == second, name


WRONG = {
    "grades and amount": ({"grades": KINDS, "amount": "quantity"}, "give grades or amount, not both"),
    "a target without a grade": ({"grades": {"share": 3}}, "has no grade for the target 'view'"),
    "no grades": ({"grades": {}}, "names no kind of event"),
    "a grade below 0": ({"grades": {"view": -1}}, "greater than or equal to 0"),
    "an endless grade": ({"grades": {"view": float("inf")}}, "finite"),
    "a session's next step": ({"grades": KINDS, "request": "session"}, "leave request out"),
    "searches": ({"positive": "rating > 3", "request": "query"}, "leave request out"),
    "drawn negatives": ({"amount": "quantity", "negatives_from": "drawn"}, "leave negatives_from out"),
    "another loss": ({"amount": "quantity", "loss": "cubed"}, "'squared' or 'absolute'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_config_says_what_is_wrong(name, log):
    samples, says = WRONG[name]
    with pytest.raises(ConfigError, match=says) as caught:
        feed_config(log, samples=samples)
    assert "samples" in str(caught.value)


@pytest.mark.parametrize("key", ["grades", "amount", "positive"])
def test_a_tables_labels_are_not_told_in_samples(key):
    with pytest.raises(ConfigError, match=r"of a \[table\] say positive or labels there"):
        parse({"table": {"path": "own.parquet", "label": "y"}, "samples": {key: "quantity"}})


def test_a_condition_on_a_table_makes_labels_of_0_and_1():
    with pytest.raises(ConfigError, match="positive makes labels of 0 and 1; leave it or labels out"):
        parse({"table": {"path": "own.parquet", "label": "y", "labels": "graded", "positive": "y > 3"}})


def test_the_config_knows_its_kind_of_labels():
    assert feed_config("log.csv").label_type == BINARY
    assert feed_config("log.csv", samples={"grades": KINDS}).label_type == GRADED
    assert feed_config("log.csv", samples={"amount": "quantity"}).label_type == SQUARED
    table = {"path": "own.parquet", "label": "y", "labels": "continuous"}
    assert parse({"table": table, "samples": {"loss": "absolute"}}).label_type == ABSOLUTE


ROWS = 60


def put(folder, y, **more):
    columns = {
        "y": y,
        "day": [datetime(2024, 1, 1) + timedelta(days=k // 3) for k in range(ROWS)],
        "who": [f"u{k % 7}" for k in range(ROWS)],
        "what": [f"i{k % 11}" for k in range(ROWS)],
        "x": [k / 2 for k in range(ROWS)],
    }  # fmt: skip
    pq.write_table(pa.table(columns | more), folder / "own.parquet")
    return folder / "own.parquet"


def own(folder, y, labels, loss="squared", **more):
    section = OwnTable(path=str(put(folder, y)), label="y", labels=labels, timestamp="day", user="who", item="what", **more)
    return read(section, samples=SamplesSection(period_days=1, validation=3, tuning=3, test=3, loss=loss))


def test_a_table_keeps_its_grades_and_amounts(tmp_path):
    amounts = [k % 5 - 2 + 0.25 for k in range(ROWS)]
    samples = own(tmp_path, amounts, "continuous", loss="absolute")
    assert samples.label_type == ABSOLUTE
    assert samples.response.tolist() == samples.told.tolist() == amounts
    assert samples.gain.tolist() == [max(a, 0) for a in amounts]
    assert samples.label.tolist() == [int(a > 0) for a in amounts]
    grades = [k % 4 for k in range(ROWS)]
    samples = own(tmp_path, grades, "graded")
    assert samples.label_type == GRADED
    assert samples.gain.tolist() == grades
    assert samples.response.tolist() == samples.label.tolist() == [int(g > 0) for g in grades]
    assert set(samples.features.column_names) == {"x"}
    assert own(tmp_path, [k % 2 for k in range(ROWS)], "binary").label_type == BINARY


BAD = {
    "a negative grade": ([1, -1] + [0] * 58, "graded", SourceError, "row 2, column 'y'.*below 0; a label is a grade"),
    "no number": ([1.0, float("nan")] + [0.0] * 58, "continuous", SourceError, "row 2, column 'y'.*infinite or no number"),
    "infinity": ([1.0, float("inf")] + [0.0] * 58, "graded", SourceError, "row 2, column 'y'.*infinite or no number"),
    "a gap": ([1.0, None] + [0.0] * 58, "continuous", SourceError, "row 2, column 'y'.*is missing; a label is a number"),
    "text": (["much"] * 60, "continuous", SourceError, "column 'y' is string; a label is a number"),
    "all alike": ([2.5] * 60, "continuous", AssayError, "every label is 2.5, in all 60 rows"),
    "no grade above 0": ([0] * 60, "graded", AssayError, "are negative|every label is 0"),
    "stars": ([1, 2, 3, 4] * 15, "binary", SourceError, 'labels = "graded" or "continuous"'),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_wrong_labels_of_a_table_are_named_with_row_and_column(name, tmp_path):
    y, labels, kind, says = BAD[name]
    with pytest.raises(kind, match=says) as caught:
        own(tmp_path, y, labels)
    assert "own.parquet" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_requests_of_a_graded_table_have_its_gains(tmp_path):
    grades = [(3 * k) % 4 for k in range(ROWS)]
    table = {"path": str(put(tmp_path, grades, req=[f"r{k // 4}" for k in range(ROWS)])), "label": "y", "labels": "graded"}
    table |= {"timestamp": "day", "user": "who", "item": "what", "request": "req"}
    samples = {"period_days": 1, "warm_up": 1, "validation": 4, "tuning": 4, "test": 4}
    run = run_in(parse({"table": table, "samples": samples}), tmp_path / "run", until="samples")
    requests = run.read_table("samples/requests.parquet").to_pylist()
    candidates = run.read_table("samples/candidates.parquet").to_pylist()
    assert requests
    for row in requests:
        own_gains = [c["amount"] for c in candidates if (c["request_id"], c["split"]) == (row["request_id"], row["split"])]
        assert sorted(row["gains"]) == sorted(gain for gain in own_gains if gain > 0)
        assert row["truth_count"] == len(row["gains"])
