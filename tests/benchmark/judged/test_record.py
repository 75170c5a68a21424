import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as h
from pydantic import ValidationError

from assay.benchmark.judged.record import FILE, ListsJudged, PairJudged, Record, judge_name, judges_of
from assay.errors import InputError

APPEND = """
import sys
from assay.benchmark.judged.record import PairJudged, Record
record = Record(sys.argv[1])
for n in range(int(sys.argv[3])):
    record.append(PairJudged(judge=sys.argv[2], benchmark="b", request=f"查詢 {n}", item="i" * 3000, grade=n % 4, highest=3))
    print(n, flush=True)
"""
IDS = h.text(h.characters(exclude_categories=["Cs"]), max_size=20)


def pair(judge="Ada", request="q1", item="i1", grade=2, **more):
    return PairJudged(judge=judge, benchmark="shop version 1", request=request, item=item, grade=grade, highest=3, **more)


def lists(judge="Ada", request="q1", better="left", left="one", right="two"):
    return ListsJudged(
        judge=judge, benchmark="b", request=request, left=left, right=right, left_items=("a",), right_items=("b",), better=better
    )


def started(folder: Path, judge: str, count: int) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", APPEND, str(folder), judge, str(count)], stdout=subprocess.PIPE, text=True)


@settings(max_examples=40, deadline=None)
@given(
    h.lists(h.tuples(h.sampled_from(["Ada", "李雷", "مریم‌بانو", "O'Neil"]), IDS, IDS, h.none() | h.integers(0, 3)), max_size=12)
)
def test_what_is_appended_is_read_again_and_the_last_stands(tmp_path_factory, judged):
    folder = tmp_path_factory.mktemp("record")
    record, expected = Record(folder), {}
    for judge, request, item, grade in judged:
        record.append(pair(judge, request, item, grade))
        expected[request, item, judge] = grade
    for one in (record, Record(folder)):
        assert {(r, i, judge): said.grade for (r, i), by in one.standing.pairs.items() for judge, said in by.items()} == expected
        assert (one.lines, one.damaged) == (len(judged), 0)
        assert [(j.request, j.item, j.judge) for j in one.graded()] == sorted(key for key, g in expected.items() if g is not None)
    assert judges_of(record.graded()) == Counter(sorted(judge for (_, _, judge), g in expected.items() if g is not None))


def test_a_changed_mind_is_kept_beside_what_stands(tmp_path):
    record = Record(tmp_path)
    record.append(pair(grade=1))
    record.append(pair(grade=3))
    assert [one.grade for one in record.graded()] == [3]
    lines = [json.loads(line) for line in (tmp_path / FILE).read_text().splitlines() if line]
    assert [line["grade"] for line in lines] == [1, 3]
    assert lines[0]["when"] < lines[1]["when"]


def test_lists_stand_whichever_side_they_were_on(tmp_path):
    record = Record(tmp_path)
    record.append(lists(better="left"))
    record.append(lists(better="left", left="two", right="one"))
    record.append(lists("Bo", better="alike"))
    assert [(one.judge, one.winner) for one in record.preferences(("two", "one"))] == [("Ada", "two"), ("Bo", None)]
    assert record.preferences(("one", "three")) == []


def test_another_process_is_taken_up(tmp_path):
    one, other = Record(tmp_path), Record(tmp_path)
    one.append(pair())
    assert other.refresh()
    assert not other.refresh()
    assert other.standing == one.standing


def test_a_kill_loses_nothing_acknowledged(tmp_path):
    """Killed while it writes, many times; the rest is appended behind what the kills left."""
    acknowledged = {}
    for turn in range(6):
        process = started(tmp_path, f"judge {turn}", 100_000)
        last = -1
        for _ in range(10 + 7 * turn):
            last = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().split("\n")
        acknowledged[f"judge {turn}"] = max([last, *(int(line) for line in rest[:-1] if line)])
        process.wait()
    (tmp_path / FILE).open("ab").write(b'\n{"kind":"pair","judge":"cut sh')
    record = Record(tmp_path)
    record.append(pair("after"))
    kept = {judge: {one.request for one in record.graded() if one.judge == judge} for judge in [*acknowledged, "after"]}
    for judge, last in acknowledged.items():
        assert {f"查詢 {n}" for n in range(last + 1)} <= kept[judge]
    assert kept["after"] == {"q1"}
    assert record.damaged == 1


def test_processes_and_threads_may_append_together(tmp_path):
    record = Record(tmp_path)
    processes = [started(tmp_path, f"process {n}", 40) for n in range(3)]
    threads = [
        threading.Thread(target=lambda n=n: [record.append(pair(f"thread {n}", f"q{k}")) for k in range(40)]) for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for process in processes:
        process.communicate()
    for thread in threads:
        thread.join()
    for one in (record, Record(tmp_path)):
        one.refresh()
        assert set(judges_of(one.graded()).values()) == {40}
        assert (one.lines, one.damaged) == (240, 0)


@settings(max_examples=40, deadline=None)
@given(h.binary(max_size=200), h.integers(0, 400))
def test_damage_spoils_no_other_line(tmp_path_factory, noise, cut):
    folder = tmp_path_factory.mktemp("record")
    record = Record(folder)
    record.append(pair(grade=1))
    whole = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(whole + whole[: cut % len(whole)] + noise)
    again = Record(folder)
    again.append(pair("Bo", grade=3))
    assert {one.judge: one.grade for one in Record(folder).graded()} == {"Ada": 1, "Bo": 3}


def test_what_cannot_be_written_is_not_acknowledged(tmp_path):
    record = Record(tmp_path / "not there")
    with pytest.raises(InputError, match="so the judgement is not kept"):
        record.append(pair())
    assert record.graded() == []
    (tmp_path / FILE).mkdir()
    with pytest.raises(InputError, match="cannot read"):
        Record(tmp_path)


@given(h.text(max_size=120))
def test_names_of_judges_are_one_line_and_stay_what_they_are(text):
    try:
        name = judge_name(text)
    except ValueError:
        return
    assert judge_name(name) == name == " ".join(name.split())
    assert 0 < len(name) <= 100


@pytest.mark.parametrize("name", ["", " \t ", "a" * 101, "a\x1b[2Jb", "a\u202eb", "\ud800"])
def test_other_names_are_refused(name):
    with pytest.raises(ValidationError):
        pair(name)


def test_names_that_look_alike_are_one():
    assert judge_name(" Zoë  B ") == judge_name("Zoe\u0308 B") == "Zoë B"


@pytest.mark.parametrize("change", [{"grade": 4}, {"grade": -1}, {"highest": 10}, {"request": "\ud800"}, {"strange": 1}])
def test_what_could_not_be_read_again_is_refused(change):
    with pytest.raises(ValidationError):
        PairJudged(**{"judge": "Ada", "benchmark": "b", "request": "q", "item": "i", "grade": 1, "highest": 3, **change})
