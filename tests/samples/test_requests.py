"""Attributes of requests against a plain walk over the log, and truth against the stage that made the samples."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from assay.config import parse
from assay.samples.requests import described
from assay.samples.stored import truth as taken
from tests.conftest import run_in, shop_config

PARTS = {0: "night (0 to 5)", 1: "morning (6 to 11)", 2: "afternoon (12 to 17)", 3: "evening (18 to 23)"}


@pytest.fixture(scope="module")
def run(shop, tmp_path_factory):
    return run_in(shop_config(shop), tmp_path_factory.mktemp("requests") / "run", until="samples")


@pytest.fixture(scope="module")
def found(run, shop):
    samples = run.read_table("samples/samples.parquet", ["item_code", "label", "split"])
    train = samples.filter(pc.equal(samples["split"], "train"))
    popularity = np.bincount(train["item_code"].to_numpy(), train["label"].to_numpy(), minlength=60).astype(np.int64)
    requests, truth = described(shop_config(shop).samples, run, "test", popularity)
    return requests, truth, popularity


def test_truth_is_everything_that_was_taken_once(run, shop, found):
    requests, truth, _ = found
    request, item = taken(shop_config(shop).samples, run)
    inside = np.isin(request, requests["request_id"].to_numpy())
    items = run.read_table("clean/items.parquet")
    ids = dict(zip(items["item_code"].to_pylist(), items["item_id"].to_pylist(), strict=True))
    expected = {(int(r), ids[i]) for r, i in zip(request[inside], item[inside].tolist(), strict=True)}
    pairs = list(zip(truth["request_id"].to_pylist(), truth["item_id"].to_pylist(), strict=True))
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == expected
    assert set(truth["grade"].to_pylist()) == {1.0}


def test_attributes_are_those_of_the_log(run, found):
    requests, truth, popularity = found
    events = run.read_table("clean/events.parquet").to_pylist()
    users = dict(zip(*(run.read_table("clean/users.parquet")[c].to_pylist() for c in ("user_id", "user_code")), strict=True))
    weeks = {}
    for event in events:
        day = event["timestamp"].date().toordinal() - 1  # day 0 is a Monday
        weeks.setdefault((event["user_id"], day // 7), []).append(event)
    order = np.argsort(-popularity, kind="stable")
    half = int(np.searchsorted(np.cumsum(popularity[order]), popularity.sum() / 2)) + 1
    head = set(order[:half].tolist())
    size = Counter(truth["request_id"].to_pylist())
    for row in requests.to_pylist():
        week = (row["timestamp"].date().toordinal() - 1) // 7
        mine = weeks[row["user_id"], week]
        assert row["user_id"] in users
        before = sum((row["user_id"], w) in weeks for w in range(week - 40, week))
        bands = {0: "new", 1: "seen in 1 to 4", 5: "seen in 5 to 12", 13: "seen in 13 or more"}
        assert row.get("users", "seen in 13 or more").startswith(bands[max(least for least in bands if least <= before)])
        assert row["hour"] == PARTS[min(mine, key=lambda e: e["timestamp"])["timestamp"].hour // 6]
        codes = {e["item_code"] for e in mine}
        assert row["items"] == ("head" if codes <= head else "both" if codes & head else "tail")
        count = size[row["request_id"]]
        assert row["taken"] == ("one item" if count == 1 else "2 to 4 items" if count < 5 else "5 items or more")
        assert row["price"] == pytest.approx(np.mean([e["price"] for e in mine]) / 100)
        assert row["period"] == row["timestamp"].date().isoformat()


@pytest.mark.slow
def test_other_kinds_of_events_queries_and_users_attributes(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["who,what,when,kind,words"]
    for week in range(20):
        for user in range(30):
            day = np.datetime64("2024-01-01T08:00:00") + np.timedelta64(week * 7, "D")
            lines.append(f"u{user},i{rng.integers(12)},{day},purchase,")
            if user % 2:
                lines.append(f"u{user},i{rng.integers(12)},{day},view,")
            if user % 3 == 0:
                lines.append(f"u{user},,{day},search,{'organic 苹果 juice' if user % 6 else 'milk'}")
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    who = "id,device\n" + "".join(f"u{k},{'phone' if k < 10 else '桌面'}\n" for k in range(30))
    (tmp_path / "users.csv").write_text(who, encoding="utf-8")
    columns = {"user_id": "who", "item_id": "what", "timestamp": "when", "event": "kind", "query": "words"}
    log = {
        "events": [{"path": str(tmp_path / "log.csv"), "columns": columns}],
        "users": {"path": str(tmp_path / "users.csv"), "columns": {"user_id": "id", "device": "device"}},
    }
    config = parse({"log": log, "samples": {"warm_up": 4, "validation": 2, "tuning": 2, "test": 2}})
    run = run_in(config, tmp_path / "run", until="samples")
    requests, _ = described(config.samples, run, "test", np.ones(12, np.int64))
    for row in requests.to_pylist():
        user = int(row["user_id"][1:])
        assert row["also view"] == ("yes" if user % 2 else "no")
        assert row["also search"] == ("yes" if user % 3 == 0 else "no")
        assert row["query_words"] == (None if user % 3 else 3.0 if user % 6 else 1.0)
        assert row["user device"] == ("phone" if user < 10 else "桌面")


def test_a_table_of_ones_own_knows_who_asked_and_how_much_was_taken(tmp_path):
    rng = np.random.default_rng(1)
    n = 3_000
    day = np.sort(rng.integers(140, size=n))
    who = rng.integers(40, size=n)
    table = {"y": rng.integers(2, size=n), "day": np.datetime64("2024-01-01") + day.astype("timedelta64[D]"), "who": who}
    table |= {
        "what": rng.integers(30, size=n),
        "req": [f"{u} {d // 7}" for u, d in zip(who, day, strict=True)],
        "x": rng.random(n),
    }
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    section = {
        "path": str(tmp_path / "t.parquet"),
        "label": "y",
        "timestamp": "day",
        "user": "who",
        "item": "what",
        "request": "req",
    }
    config = parse({"table": section, "samples": {"validation": 2, "tuning": 2, "test": 2}, "models": {"names": ["logistic"]}})
    run = run_in(config, tmp_path / "run", until="samples")
    requests, truth = described(config.samples, run, "test", np.arange(30))
    assert requests.column_names == ["request_id", "user_id", "timestamp", "items", "taken"]
    size = Counter(truth["request_id"].to_pylist())
    for row in requests.to_pylist():
        count = size[row["request_id"]]
        assert row["taken"] == {0: "none", 1: "one item"}.get(count, "2 to 4 items" if count < 5 else "5 items or more")
