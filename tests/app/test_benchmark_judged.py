"""`assay benchmark build --judgements`: what people said becomes truth, from a run's or a benchmark's folder, and from files."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.benchmark.judged.record import FILE, PairJudged, Record
from assay.benchmark.keep.folder import freeze, open_kept
from assay.testing.benchmarks import make_benchmark, predictions
from tests.app.benchmark_commands import asked, called

POOL = make_benchmark(requests=40)
PAIRS = [(row["request_id"], row["item_id"]) for row in POOL.candidates.slice(0, 60).to_pylist()]


@pytest.fixture
def kept(tmp_path):
    """A kept benchmark beside which two people judged, on what the truth knows too; and a system's file."""
    first = freeze(POOL, tmp_path / "shop-1")
    record = Record(first.folder)
    for n, (request, item) in enumerate(PAIRS):
        for judge, grade in (("Ada", n % 2), ("李雷", n % 3 % 2))[: 1 + (n % 4 == 0)]:
            record.append(PairJudged(judge=judge, benchmark=first.label, request=request, item=item, grade=grade, highest=1))
    pq.write_table(predictions(POOL, 3), tmp_path / "new.parquet")
    return first


def test_the_next_version_has_the_grades_of_people(kept, tmp_path, capsys):
    new = f"new={tmp_path / 'new.parquet'}"
    said = asked(
        capsys, "build", kept.folder, "--judgements", kept.folder, "--system", new, "--replaces", kept.folder,
        "--out", tmp_path / "shop-2",
    )  # fmt: skip
    again = open_kept(tmp_path / "shop-2")
    assert again.version == 2
    grades = {(row["request_id"], row["item_id"]): row["grade"] for row in again.benchmark.truth.to_pylist()}
    for n, pair in enumerate(PAIRS):
        assert grades[pair] == (min(n % 2, n % 3 % 2) if n % 4 == 0 else n % 2)
    assert again.benchmark.scores.systems == ("new",)
    judging = said["about"]["judging"]
    assert judging["judges"] == {"Ada": 60, "李雷": 15}
    assert judging["versions"] == {kept.label: 75}
    assert judging["doubled"] == 15
    assert -1 <= judging["low"] <= judging["alpha"] <= judging["high"] <= 1
    page = (tmp_path / "shop-2" / "card.html").read_text(encoding="utf-8")
    assert "People judged 60 pairs of request and item by Ada 60, 李雷 15" in page
    assert "Krippendorff&#39;s alpha of the judges" in page
    assert (kept.folder / FILE).exists()
    assert open_kept(kept.folder).benchmark.truth.equals(POOL.truth)  # the version before stays what it is


def test_without_files_of_systems_there_are_no_scores_and_no_plan(kept, tmp_path, capsys):
    called(capsys, "build", kept.folder, "--judgements", kept.folder, "--size", "30", "--out", tmp_path / "v2")
    assert open_kept(tmp_path / "v2").benchmark.scores is None
    error = called(
        capsys, "build", kept.folder, "--judgements", kept.folder, "--difference", "0.1", "--out", tmp_path / "v3", code=2
    )
    assert "no system was scored on these requests" in error
    assert not (tmp_path / "v3").exists()


def test_a_file_of_judgements_alone_makes_a_benchmark(tmp_path, capsys):
    file = tmp_path / "ratings.csv"
    file.write_text("query,docid,rating\nrye bread,i7,3\nrye bread,i8,0\n牛奶,i9,1\n", encoding="utf-8")
    said = asked(capsys, "build", "--judgements", file, "--out", tmp_path / "v1")
    truth = open_kept(tmp_path / "v1").benchmark.truth.to_pylist()
    assert {(row["request_id"], row["item_id"], row["grade"]) for row in truth} == {
        ("rye bread", "i7", 3.0), ("rye bread", "i8", 0.0), ("牛奶", "i9", 1.0),
    }  # fmt: skip
    assert said["about"]["judging"]["problem"] == "the file does not say who judged"


def test_truth_of_tables_takes_them_too(tmp_path, capsys):
    pq.write_table(pa.table({"request_id": [1, 2], "item_id": [5, 6], "grade": [1, 1]}), tmp_path / "truth.parquet")
    (tmp_path / "ratings.csv").write_text("query,docid,rating\n1,5,0\n1,7,2\n9,9,9\n", encoding="utf-8")
    said = asked(
        capsys, "build", "--truth", tmp_path / "truth.parquet", "--judgements", tmp_path / "ratings.csv", "--out", tmp_path / "v1"
    )
    assert {key: said["about"]["judging"][key] for key in ("changed", "added", "elsewhere", "requests")} == {
        "changed": 1, "added": 1, "elsewhere": 1, "requests": 1,
    }  # fmt: skip
    out = called(capsys, "build", tmp_path / "v1", "--out", tmp_path / "v2")  # goes on to the next
    assert "does not say by whom" in " ".join(out.split())
    assert json.loads((tmp_path / "v2" / "card.json").read_text())["judging"]["added"] == 1


def test_what_holds_no_judgement_is_said_in_a_line(tmp_path, capsys):
    error = called(capsys, "build", "--judgements", tmp_path, "--out", tmp_path / "v1", code=2)
    assert f"nobody judged there yet (it has no {FILE})" in error
    assert error.count("\n") == 1
