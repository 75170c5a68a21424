"""A suggested config is accepted and collects the file it was made from."""

import tomllib

import pytest

from assay import config
from assay.errors import SourceError
from assay.logs.collect import collect
from assay.logs.suggest import suggest

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
