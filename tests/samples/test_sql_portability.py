"""SQL that another engine reads too: the packaged files, and all that cleaning and features ask of an engine."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from assay import config, engines
from assay.engines.duckdb import DuckDB
from assay.logs.cleaning import clean
from assay.logs.collect import collect
from assay.runs.store import Folder
from assay.samples.describe import FACTS, families
from tests.samples.conftest import describer, random_log

FILES = [f"assay.samples.features/{family.unit}/{family.name}.sql" for family in families()]
FILES += [f"assay.samples.features/facts/{name}.sql" for name in FACTS]
FILES += [f"assay.logs.clean/{e.name}" for e in files("assay.logs.clean").iterdir() if e.name.endswith(".sql")]


def in_spark(select: str) -> exp.Expr:
    """The SELECT as Spark parses it; an error where something of it cannot be said there."""
    spark = sqlglot.transpile(select, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    assert len(spark) == 1
    return sqlglot.parse_one(spark[0], read="spark")


@pytest.mark.parametrize("name", sorted(FILES))
def test_it_is_one_select_that_spark_can_parse(name):
    package, _, path = name.partition("/")
    text = files(package).joinpath(path).read_text(encoding="utf-8")
    parsed = sqlglot.parse(text, read="duckdb")
    assert len(parsed) == 1
    assert isinstance(parsed[0], exp.Query)
    assert not list(parsed[0].find_all(exp.Command))
    again = in_spark(text)
    assert [c.alias_or_name for c in again.selects] == [c.alias_or_name for c in parsed[0].selects]


class Recording(DuckDB):
    """DuckDB that remembers the SELECTs it was asked for; a Parquet file, which each engine reads in its own way, is a table."""

    def __init__(self, asked: list[str], time_zone: str) -> None:
        super().__init__(time_zone)
        self.asked = asked

    def keep(self, name: str, select: str) -> None:
        self.asked.append(select)
        super().keep(name, select)

    def add(self, name: str, select: str) -> None:
        self.asked.append(select)
        super().add(name, select)

    def table(self, select: str) -> pa.Table:
        self.asked.append(select)
        return super().table(select)

    def batches(self, select: str, rows: int) -> pa.RecordBatchReader:
        self.asked.append(select)
        return super().batches(select, rows)

    def parquet(self, path: Path, number: str | None = None) -> str:
        name = f"file_{len(self.asked)}"
        DuckDB.keep(self, name, super().parquet(path, number))
        return f"SELECT * FROM {name}"


def test_all_that_cleaning_and_features_ask_for_can_be_said_in_spark(tmp_path, monkeypatch):
    lines = ["u,i,t,n"] + [f"u{n % 5},i{n % 7},2024-01-{1 + n % 28:02d} 0{n % 9}:00:00,{1 + n % 3}" for n in range(200)]
    lines += [lines[5], "u1,i2,2024-01-30,-1", "u2,i3,2024-01-30,-9", ",i1,2024-01-01,1", "u1,i1,1900-01-01,1"]
    (tmp_path / "log.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "items.csv").write_text("i,name\ni1,tea\n", encoding="utf-8")
    (tmp_path / "users.csv").write_text('u,"odd ""name"\nu1,x\n', encoding="utf-8")
    columns = {"user_id": "u", "item_id": "i", "timestamp": "t", "quantity": "n"}
    sources = config.Log(
        events=[config.Events(path=str(tmp_path / "log.csv"), event="purchase", columns=columns)],
        items=config.Items(path=str(tmp_path / "items.csv"), columns={"item_id": "i", "name": "name"}),
        users=config.Users(path=str(tmp_path / "users.csv"), columns={"user_id": "u", 'odd "name': 'odd "name'}),
    )
    collect(sources, Folder(tmp_path / "run"))
    asked: list[str] = []
    monkeypatch.setattr(engines, "connect", lambda time_zone="UTC": Recording(asked, time_zone))
    clean(config.Clean(min_user_events=2, min_item_events=2, latest="2024-02-01"), Folder(tmp_path / "run"))
    of_cleaning = len(asked)
    codes = np.zeros(3, np.int32)
    describer(random_log(1), random_log(2, rows=20)).describe(codes, codes, codes + 19)
    assert of_cleaning > 30
    assert len(asked) - of_cleaning > 10
    for select in asked:
        in_spark(select)
