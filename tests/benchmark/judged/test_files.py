"""Judgements come back as they went out, whatever the script; what a format cannot hold is refused by name."""

import json
import shutil

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.benchmark.judged import files
from assay.benchmark.judged.pairs import PAIRS, table_of
from assay.benchmark.readers import from_tables
from assay.errors import InputError, SourceError

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12) | st.sampled_from(
    [
        "苹果汁",
        "חלב טרי",
        "🍌 banana",
        "a,b",
        'say "tea"',
        "=1+1",
        "\ufeffbom",
        "rye\u00a0bread",
        "two\nlines",
        "tab\there",
        "\r",
        "0",
        "NA",
    ]
)
ROWS = st.dictionaries(st.tuples(TEXT, TEXT), st.integers(-2, 9), max_size=12)
NAMES = {"qrels": "j.qrels", "quepid": "j.csv", "rre": "j.json", "opensearch": "j.json"}


def sorted_rows(table: pa.Table) -> list[tuple[str, str, float]]:
    return sorted(zip(*(table.column(name).to_pylist() for name in PAIRS), strict=True))


def refused_by_qrels(rows) -> bool:
    """By the definition: fields of qrels are parted by white space; topics by tabs, one a line."""
    blank = any(any(character.isspace() for character in item) for _, item in rows)
    return blank or any("\t" in query or len(f"x{query}x".splitlines()) > 1 for query, _ in rows)


@pytest.mark.parametrize("format", files.FORMATS)
@given(rows=ROWS)
def test_what_is_written_is_read_again(tmp_path_factory, format, rows):
    path = tmp_path_factory.mktemp("judged") / NAMES[format]
    table = table_of((query, item, grade) for (query, item), grade in rows.items())
    if format == "qrels" and refused_by_qrels(rows):
        with pytest.raises(InputError, match="parted by"):
            files.write(table, path, format)
        assert not list(path.parent.iterdir())
    else:
        written = files.write(table, path, format)
        assert sorted(path.parent.iterdir()) == sorted(written)
        assert sorted_rows(files.read(path)) == sorted((q, i, float(g)) for (q, i), g in rows.items())
    shutil.rmtree(path.parent)


ONE = table_of([("rye bread", "i1", 3), ("rye bread", "i2", 0), ("茶", "i1", 1)])


def test_formats_are_as_their_tools_define_them(tmp_path):
    """Written out by hand from the sources that the modules name."""
    for format in files.FORMATS:
        files.write(ONE, tmp_path / format / NAMES[format] if (tmp_path / format).mkdir() is None else tmp_path, format)
    assert (tmp_path / "qrels/j.qrels").read_text() == "1 0 i1 3\n1 0 i2 0\n2 0 i1 1\n"
    assert (tmp_path / "qrels/j.topics.tsv").read_text(encoding="utf-8") == "1\trye bread\n2\t茶\n"
    lines = (tmp_path / "quepid/j.csv").read_text(encoding="utf-8").splitlines()
    assert lines == ["query,docid,rating", "rye bread,i1,3", "rye bread,i2,0", "茶,i1,1"]
    rre = json.loads((tmp_path / "rre/j.json").read_text(encoding="utf-8"))
    assert rre["topics"][0]["query_groups"][0] == {
        "name": "rye bread",
        "queries": [{"template": "only_q.json", "placeholders": {"$query": "rye bread"}}],
        "relevant_documents": {"i1": {"gain": 3}, "i2": {"gain": 0}},
    }
    opensearch = json.loads((tmp_path / "opensearch/j.json").read_text(encoding="utf-8"))
    assert opensearch["type"] == "IMPORT_JUDGMENT"
    assert opensearch["judgmentRatings"][1] == {"query": "茶", "ratings": [{"docId": "i1", "rating": "1"}]}


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        # Quepid's own exports: a query without ratings is a line of one field; RRE's without topics, gains that list documents.
        ("a.csv", "query,docid,rating\r\nstar wars\r\nrambo,7555,2\r\n", [("rambo", "7555", 2.0)]),
        ("a.csv", "\ufeffrating,query,docid\n1.5,rambo,7\n", [("rambo", "7", 1.5)]),
        (
            "a.json",
            '{"id_field": "id", "index": "i", "template": "t.json", "queries":'
            ' [{"placeholders": {"$query": "rambo"}, "relevant_documents": {"2": ["7555", 8], "0": ["9"]}}]}',
            [("rambo", "7555", 2.0), ("rambo", "8", 2.0), ("rambo", "9", 0.0)],
        ),
        (
            "a.json",
            '{"query_placeholder": "q", "topics": [{"query_groups": [{"relevant_documents": {"1": {"gain": 3}}, "queries":'
            ' [{"placeholders": {"q": "fender"}}, {"placeholders": {"q": "Fender"}}]}]}]}',
            [("Fender", "1", 3.0), ("fender", "1", 3.0)],
        ),
        (
            "a.json",
            '{"judgmentRatings": [{"query": "red dress", "ratings": [{"docId": "B1", "rating": "0.000"},'
            ' {"docId": 5, "rating": 2}]}]}',
            [("red dress", "5", 2.0), ("red dress", "B1", 0.0)],
        ),
        ("a.qrels", "51 0 FT911-3 1\n", [("51", "FT911-3", 1.0)]),
    ],
)
def test_files_of_other_tools_are_read(tmp_path, name, text, rows):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert sorted_rows(files.read(tmp_path / name)) == rows


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "query,docid\nx,1\n", "is no file of judgements"),
        ("a.csv", "query,docid,rating\nx,1,good\n", ":2: rating is 'good'"),
        ("a.json", "{", "is no file of judgements"),
        ("a.json", "3", "is no file of judgements"),
        ("a.json", '{"judgmentRatings": [{"query": "x"}]}', r"judgmentRatings\.0\.ratings"),
        ("a.json", '{"judgmentRatings": [{"query": "x", "ratings": [{"docId": "1", "rating": "NaN"}]}]}', "rating"),
        ("a.json", '{"queries": [{"placeholders": {"q": "x"}}]}', r"no placeholder '\$query'"),
        ("a.json", '{"queries": [{"placeholders": {"$query": "x"}, "relevant_documents": {"a": ["1"]}}]}', "which is no gain"),
        ("a.qrels", "1 0 i1\n", "3 fields"),
        ("a.parquet", "", "is no file of judgements"),
    ],
)
def test_what_is_no_file_of_judgements_is_said(tmp_path, name, text, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        files.read(tmp_path / name)


@pytest.mark.parametrize("name", ["none.json", "none.csv", "none.qrels"])
def test_a_file_that_is_not_there_is_said(tmp_path, name):
    with pytest.raises(SourceError, match="cannot be read"):
        files.read(tmp_path / name)


def test_a_topic_without_its_query_is_said(tmp_path):
    files.write(ONE, tmp_path / "j.qrels")
    (tmp_path / "j.topics.tsv").write_text("1\trye bread\n")
    with pytest.raises(SourceError, match=r"topic '2' is not in j\.topics\.tsv"):
        files.read(tmp_path / "j.qrels")
    (tmp_path / "j.topics.tsv").write_text("1 rye bread\n")
    with pytest.raises(SourceError, match="topic 1 has 1 fields"):
        files.read(tmp_path / "j.qrels")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"query": ["x"], "grade": [1]}), "no column 'item_id'"),
        (table_of([("x", "i", 0.5)]), "whole numbers"),
        (table_of([("x", "i", 1), ("x", "i", 2)]), "item 'i' of query 'x' is there twice"),
        (table_of([("", "i", 1)]), "the query of row 0 is empty"),
        (pa.table({"query": ["x"], "item_id": ["i"], "grade": pa.array([None], pa.int8())}), "grade is null in 1 rows"),
    ],
)
@pytest.mark.parametrize("format", files.FORMATS)
def test_pairs_that_are_none_are_refused(tmp_path, format, table, message):
    with pytest.raises(InputError, match=message):
        files.write(table, tmp_path / NAMES[format], format)


def test_nothing_is_written_over_and_formats_are_known(tmp_path):
    with pytest.raises(InputError, match="its suffix names no format"):
        files.write(ONE, tmp_path / "j.json")
    with pytest.raises(InputError, match="did you mean 'quepid'"):
        files.write(ONE, tmp_path / "j.json", "quepit")
    files.write(ONE, tmp_path / "j.csv")
    with pytest.raises(InputError, match=r"j\.csv: is there already"):
        files.write(ONE, tmp_path / "j.csv")
    (tmp_path / "j.topics.tsv").write_text("")
    with pytest.raises(InputError, match=r"j\.topics\.tsv: is there already"):
        files.write(ONE, tmp_path / "j.qrels")


@pytest.mark.parametrize("format", files.FORMATS)
def test_judgements_are_taken_as_truth(tmp_path, format):
    path = tmp_path / NAMES[format]
    files.write(ONE, path, format)
    query = {"rye bread": "1", "茶": "2"} if format == "qrels" else {}  # as TREC's runs name their topics
    answers = [("rye bread", "i2", 0.9), ("rye bread", "i1", 0.5), ("茶", "i1", 0.7), ("茶", "i9", 0.1)]
    columns = dict(zip(("request_id", "item_id", "score"), zip(*answers, strict=True), strict=True))
    columns["request_id"] = [query.get(text, text) for text in columns["request_id"]]
    board = from_tables(path, {"mine": pa.table({name: list(c) for name, c in columns.items()})}, ["mrr@10"])
    assert board.of("mrr@10")[0].tolist() == [0.5, 1.0]


def test_truth_in_plain_csv_is_read_as_before(tmp_path):
    (tmp_path / "t.csv").write_text("request_id,item_id,grade\n1,2,1\n")
    table = pa.table({"request_id": [1, 1], "item_id": [2, 3], "score": [0.9, 0.1]})
    assert from_tables(tmp_path / "t.csv", {"mine": table}, ["mrr@10"]).means("mrr@10").tolist() == [1.0]
