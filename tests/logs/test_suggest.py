"""A suggested config is accepted and collects the file it was made from."""

import tomllib

import numpy as np
import pytest

from assay import config
from assay.errors import SourceError
from assay.logs.collect import collect
from assay.logs.suggest import suggest
from tests.conftest import run_in

FILES = {
    "a.csv": "customer_id;sku;invoice_date;qty;unit price;colour\nü;🛒1;31/12/2023 10:00;1;2.5;red\n",
    "b.jsonl": '{"userId": "1", "productId": "2", "ts": "1704067200", "event_type": "addtocart"}\n',
    "c.tsv": "visitor_id\titem_id\twhen\taction\n1\t2\t2024-01-01 10:00:00\tbuy\n",
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_suggested_runs(tmp_path, run, name):
    (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    (tmp_path / "assay.toml").write_text(suggest(tmp_path / name), encoding="utf-8")
    read = config.read(tmp_path / "assay.toml")
    assert read.log is not None
    names = collect(read.log, run).files
    row = run.read_table(names[0]).to_pylist()[0]
    assert row["timestamp"] is not None
    assert row["event"] in ("purchase", "cart")
    assert row["event"] == {"a.csv": "purchase", "b.jsonl": "cart", "c.tsv": "purchase"}[name]


def test_what_is_not_found_is_said(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    text = suggest(tmp_path / "x.csv")
    assert "NOT FOUND" in text
    tomllib.loads(text)
    (tmp_path / "x.csv").write_text("", encoding="utf-8")
    with pytest.raises(SourceError, match="empty"):
        suggest(tmp_path / "x.csv")


def test_a_log_of_sessions_has_one_user_a_session_and_its_own_target_and_periods(tmp_path):
    lines = ["session_id,product_id,time,event_type"]
    lines += [f"s{day}-{k},p{k},2024-01-{day:02d} 1{k}:00:00,click" for day in range(1, 13) for k in range(9)]
    (tmp_path / "log.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "assay.toml").write_text(suggest(tmp_path / "log.csv"), encoding="utf-8")
    read = config.read(tmp_path / "assay.toml")
    assert read.log is not None
    assert read.log.events[0].columns["user_id"] == read.log.events[0].columns["session_id"] == "session_id"
    assert (read.samples.request, read.samples.candidates) == ("session", 100)
    assert read.samples.target == "view"
    assert (read.samples.period_days, read.samples.warm_up, read.samples.test) == (1, 2, 1)


def test_a_log_too_short_to_run_is_said_to_be(tmp_path):
    (tmp_path / "a.csv").write_text("user,item,time\n1,2,2024-01-01\n1,3,2024-01-02\n", encoding="utf-8")
    text = suggest(tmp_path / "a.csv")
    assert "# the log is too short to be run: 1 whole days; a run needs 5" in text
    tomllib.loads(text)


@pytest.mark.slow
def test_a_log_of_twelve_days_runs_as_it_is_suggested(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["user,item,time"]
    for day in range(12):
        for user in range(60):
            for _ in range(1 + int(rng.poisson(2))):
                item = (user + int(rng.geometric(0.3))) % 25
                lines.append(f"u{user},p{item},2024-03-{day + 1:02d}T{int(rng.integers(24)):02d}:{int(rng.integers(60)):02d}:00")
    (tmp_path / "log.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "assay.toml").write_text(suggest(tmp_path / "log.csv"), encoding="utf-8")
    run = run_in(config.read(tmp_path / "assay.toml"), tmp_path / "run")
    assert run.read_json("summary.json")["standing"]["rules"]["chance"]["test"]["ndcg@10"]["value"] > 0


def test_sessions_of_items_without_kinds_or_money_are_clicks(tmp_path):
    for header, row, kind in (
        ("session_id,item_id,timestamp", "{s},{i},{t}", "view"),
        ("session_id,item_id,timestamp,price", "{s},{i},{t},3", "purchase"),
    ):
        lines = [
            header,
            *(row.format(s=f"{d}-{k // 2}", i=k, t=1_700_000_000 + 86_400 * d + k) for d in range(9) for k in range(8)),
        ]
        (tmp_path / "log.csv").write_text("\n".join(lines), encoding="utf-8")
        (tmp_path / "assay.toml").write_text(suggest(tmp_path / "log.csv"), encoding="utf-8")
        read = config.read(tmp_path / "assay.toml")
        assert (read.log.events[0].event, read.samples.target, read.samples.request) == (kind, kind, "session")
