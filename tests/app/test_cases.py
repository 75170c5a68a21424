"""Inputs of real kinds that once failed: each with the command that a user types, and what comes out."""

import re
from pathlib import Path

import pytest

from assay import config
from assay.app import cli
from assay.finished import Finished
from assay.pages.log import Cleaned

CASES = Path(__file__).parent.parent / "cases"


def init(path: Path, out: Path) -> str:
    """The config that init writes for a file; it is one that can be read."""
    assert cli.main(["init", str(path), "--out", str(out)]) == 0
    config.read(out)
    return out.read_text(encoding="utf-8")


def cleaned(out: Path) -> Finished:
    """The log that a config names, cleaned."""
    assert cli.main(["clean", str(out), "--folder", str(out.parent / "run")]) == 0
    return Finished(out.parent / "run")


def values(run: Finished, column: str) -> set:
    return set(run.read_table("clean/events.parquet").column(column).to_pylist())


def test_words_for_nothing_are_nobody(tmp_path, capsys):
    text = init(CASES / "na_user" / "log.csv", tmp_path / "i.toml")
    assert "# rows without user_id, taken out: 75.0%" in text
    run = cleaned(tmp_path / "i.toml")
    assert not values(run, "user_id") & {"NA", "NULL", r"\N", "nan", "None", ""}
    lines = (CASES / "na_user" / "log.csv").read_text().splitlines()[1:]
    known = [line for line in lines if line.split(",")[0] not in ("NA", "NULL", r"\N")]
    account = Cleaned.read(run)
    reasons = {reason: number for step in account.steps for reason, number in step.reasons.items()}
    assert reasons["no user id"] == len(lines) - len(known)
    # Without the line of init the run stops, with the reason and its share.
    without = re.sub(r"\nmost_lost.*", "", text)
    (tmp_path / "strict.toml").write_text(without, encoding="utf-8")
    capsys.readouterr()
    assert cli.main(["clean", str(tmp_path / "strict.toml"), "--folder", str(tmp_path / "strict")]) == 2
    assert re.search(r"rows \(75%\) would be taken out.*no user id", capsys.readouterr().err)


def test_a_file_without_a_header_keeps_its_first_row(tmp_path):
    text = init(CASES / "no_header" / "UserBehavior.csv", tmp_path / "i.toml")
    assert 'preset = "taobao"' in text
    run = cleaned(tmp_path / "i.toml")
    rows = len((CASES / "no_header" / "UserBehavior.csv").read_text().splitlines())
    assert Cleaned.read(run).rows_read == rows
    assert "u0" in values(run, "user_id")
    assert values(run, "event") == {"view"}


def test_a_file_without_a_header_of_no_known_log_gets_names_and_says_so(tmp_path):
    rows = (CASES / "no_header" / "UserBehavior.csv").read_text().splitlines()
    (tmp_path / "x.csv").write_text("\n".join(row.replace(",4,pv,", ",") for row in rows))
    text = init(tmp_path / "x.csv", tmp_path / "i.toml")
    assert 'names = ["user_id", "item_id", "timestamp"]' in text
    assert "seems to have no header" in text
    assert "not sure: column 1, by its place" in text
    assert Cleaned.read(cleaned(tmp_path / "i.toml")).rows_read == len(rows)


def test_lines_of_one_invoice_are_summed(tmp_path):
    init(CASES / "order_lines" / "log.csv", tmp_path / "i.toml")
    [row] = cleaned(tmp_path / "i.toml").read_table("clean/events.parquet").to_pylist()
    assert (row["quantity"], row["price"]) == (13.0, 213)  # (1 x 2.50 + 12 x 2.10) / 13 = 2.13


def test_retailrocket_is_mapped_whole(tmp_path):
    init(CASES / "retailrocket" / "events.csv", tmp_path / "i.toml")
    rows = cleaned(tmp_path / "i.toml").read_table("clean/events.parquet").to_pylist()
    assert [(r["user_id"], r["item_id"], r["event"], r["session_id"]) for r in rows] == [
        ("257597", "355908", "view", None),
        ("992329", "248676", "purchase", "4000"),
    ]


def test_a_delimiter_of_two_characters(tmp_path):
    assert cli.main(["collect", str(CASES / "two_char_delimiter" / "c.toml"), "--folder", str(tmp_path / "run")]) == 0
    rows = Finished(tmp_path / "run").read_table("log/events/part-00000.parquet").to_pylist()
    assert [(row["user_id"], row["item_id"]) for row in rows[:2]] == [("u0", "p0"), ("u1", "p4")]
    assert len(rows) == 5


def test_opensearch_ubi_has_its_query_item_and_position(tmp_path):
    text = init(CASES / "ubi_query" / "ubi_events.jsonl", tmp_path / "i.toml")
    assert 'query = "query_id"' not in text
    rows = cleaned(tmp_path / "i.toml").read_table("clean/events.parquet").to_pylist()
    assert [(row["query"], row["item_id"], row["position"], row["user_id"]) for row in rows] == [
        ("red cup", f"p{k}", 2, f"c-{k}") for k in (1, 2, 3)
    ]


def test_unknown_kinds_are_known_or_listed(tmp_path, capsys):
    text = init(CASES / "unknown_kinds" / "log.csv", tmp_path / "i.toml")
    assert '"view_item" = "view"' in text
    assert Cleaned.read(cleaned(tmp_path / "i.toml")).rejected == 0
    lines = (CASES / "unknown_kinds" / "log.csv").read_text()
    (tmp_path / "odd.csv").write_text(lines.replace("view_item", "hover"))
    text = init(tmp_path / "odd.csv", tmp_path / "odd.toml")
    assert (
        "# kinds of events that stand for none of ours and are taken out; map them in kinds, or name them in own_kinds:" in text
    )
    assert '"hover" 33.3%' in text
    assert cli.main(["clean", str(tmp_path / "odd.toml"), "--folder", str(tmp_path / "odd")]) == 0
    assert "unknown kind of event: hover" in values_of_reasons(Finished(tmp_path / "odd"))


def values_of_reasons(run: Finished) -> set[str]:
    return {reason for step in Cleaned.read(run).steps for reason in step.reasons}


def test_day_and_month_are_told_by_the_whole_column(tmp_path):
    text = init(CASES / "us_dates" / "log.csv", tmp_path / "i.toml")
    assert 'time_format = "%m/%d/%Y"' in text
    run = cleaned(tmp_path / "i.toml")
    account = Cleaned.read(run)
    assert (account.rows_read, account.rejected) == (1_900, 0)
    assert {time.month for time in values(run, "timestamp")} == {1}


def test_a_table_of_features_is_one(tmp_path):
    text = init(CASES / "feature_table" / "shoppers.csv", tmp_path / "i.toml")
    assert "[table]" in text
    assert 'label = "Revenue"' in text
    assert "purchase" not in text


def test_the_encoding_of_a_file_is_told(tmp_path, capsys):
    path = CASES / "gbk_advice" / "log.csv"
    text = init(path, tmp_path / "i.toml")
    assert 'encoding = "gb18030"' in text
    assert values(cleaned(tmp_path / "i.toml"), "user_id") == {"1"}
    columns = '{user_id = "用户ID", item_id = "商品ID", timestamp = "时间"}'
    bare = f'[[log.events]]\npath = "{path}"\nevent = "view"\ncolumns = {columns}\n'
    (tmp_path / "bare.toml").write_text(bare, encoding="utf-8")
    assert cli.main(["collect", str(tmp_path / "bare.toml"), "--folder", str(tmp_path / "bare")]) == 2
    assert "line 1 is not UTF-8 (byte 1 of the line); say encoding = 'gb18030' in the config" in capsys.readouterr().err


def test_a_table_that_cannot_be_written_is_named_before_anything_runs(tmp_path, capsys):
    assert cli.main(["run", str(CASES / "bad_out_table" / "c.toml"), "--folder", str(tmp_path / "run")]) == 2
    assert "table 'recs-2024': use at most 43 letters" in capsys.readouterr().err
    assert not (tmp_path / "run" / "log").exists()


def test_grades_below_zero_are_not_relevant(capsys):
    case = CASES / "negative_grade"
    arguments = ["--truth", case / "t.qrels", "--system", case / "a.run", "--system", case / "b.run"]
    assert cli.main(["benchmark", "compare", *map(str, arguments)]) == 0


@pytest.mark.slow
def test_a_log_of_sessions_that_never_come_back_runs(tmp_path, capsys):
    assert cli.main(["run", str(CASES / "no_repeats" / "c.toml"), "--folder", str(tmp_path / "run")]) == 0
    assert "buy-it-again is left out" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_a_day_that_breaks_off_is_left_out_and_days_are_called_days(tmp_path, capsys):
    assert cli.main(["run", str(CASES / "partial_last_day" / "c.toml"), "--folder", str(tmp_path / "run")]) == 0
    assert "The events after 2024-01-07 are in no split and test nothing" in " ".join(capsys.readouterr().out.split())
    assert cli.main(["user", str(tmp_path / "run"), "u8"]) == 0
    shown = capsys.readouterr().out
    for word in ("week", "sales", "bought"):
        assert word not in shown
