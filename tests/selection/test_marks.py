"""Marks: none that was acknowledged is lost, whoever else writes and whenever a writer is killed; the last one stands."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config import Select
from assay.errors import InputError, NotThereError
from assay.runs.store import Folder
from assay.samples.table import Samples
from assay.selection.arms import MARKS, declare, of_people, same_size
from assay.selection.marks import DECISIONS, FILE, Marks, NotKeptError, Standing, Treated
from assay.selection.weights import write_weights
from assay.task import GRADED
from assay.testing.data import make_samples
from tests.selection.test_arms import shop

IDS = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 5)
MARKED = st.tuples(st.just("mark"), st.sampled_from(DECISIONS), st.lists(IDS, min_size=1, max_size=5))
UNDONE = st.tuples(st.just("undo"), st.integers(1, 6), st.none())
TORN = st.tuples(st.just("torn"), st.binary(min_size=1, max_size=30), st.none())
NAMES = st.text(min_size=1, max_size=20).filter(str.strip)


def standing(marks: Marks) -> dict[int, str]:
    now = marks.standing()
    return {int(one): DECISIONS[said] for one, said in zip(now.sample_id, now.decision, strict=True)}


@settings(max_examples=60)
@given(steps=st.lists(st.tuples(st.integers(0, 2), MARKED | UNDONE | TORN), max_size=12))
def test_the_last_mark_of_a_sample_stands_whoever_writes(tmp_path_factory, steps):
    """Three writers take turns; what one of them left half written is not there for the others."""
    folder = tmp_path_factory.mktemp("marks")
    writers = [Marks(folder) for _ in range(3)]
    made, undone, lines = dict[int, tuple[str, list[int]]](), set[int](), 0
    for who, (what, first, ids) in steps:
        if what == "mark":
            lines += 1
            assert writers[who].add("Ann", first, ids).number == lines
            made[lines] = first, ids
        elif what == "torn":
            with (folder / FILE).open("ab") as file:
                file.write(first.replace(b"\n", b"?"))
        elif first not in made:
            with pytest.raises(NotThereError, match=f"no mark {first}"):
                writers[who].undo("Bo", first)
        elif first in undone:
            with pytest.raises(InputError, match="undone already"):
                writers[who].undo("Bo", first)
        else:
            lines += 1
            assert writers[who].undo("Bo", first).number == lines
            undone.add(first)
        expected: dict[int, str] = {}
        for number, (decision, marked) in made.items():
            expected |= dict.fromkeys(marked, decision) if number not in undone else {}
        for reader in (*writers, Marks(folder)):
            assert standing(reader) == expected
            assert len(reader.lines()) == lines
    again = Standing.of_content(json.loads(json.dumps(Marks(folder).standing().content())))
    np.testing.assert_array_equal(again.sample_id, Marks(folder).standing().sample_id)
    np.testing.assert_array_equal(again.decision, Marks(folder).standing().decision)


@settings(max_examples=30)
@given(cut=st.integers(0, 2_000), zeros=st.integers(0, 40))
def test_a_file_cut_anywhere_has_the_marks_that_are_whole(tmp_path_factory, cut, zeros):
    folder = tmp_path_factory.mktemp("marks")
    marks = Marks(folder)
    for k in range(6):
        marks.add(f"Ann {k} 标注", DECISIONS[k % 4], range(k, 3 * k + 1), {"item": "牛奶 🥛\n", "z_max": -1.5})
    content = (folder / FILE).read_bytes()[:cut]
    (folder / FILE).write_bytes(content + b"\0" * zeros)
    assert [line.number for line in Marks(folder).lines()] == list(range(1, content.count(b"\n") + 1))
    assert Marks(folder).add("Bo", "drop", [7]).number == content.count(b"\n") + 1
    assert marks.lines() == Marks(folder).lines()  # who had read more forgets it
    assert (folder / FILE).read_bytes().startswith(content[: content.rfind(b"\n") + 1])


@settings(max_examples=30)
@given(NAMES)
def test_what_was_said_is_kept_as_it_was_said(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("marks")
    asked = {"item": "<script>", "category": "乳制品", "value_max": -1e-7}
    mark = Marks(folder).add(name, "wrong_label", [3, -3, 3], asked)
    [line] = Marks(folder).lines()
    assert line == mark
    assert (line.samples, line.asked, line.decision) == ([-3, 3], asked, "wrong_label")
    assert len(line.who.splitlines()) <= 1


WRITER = """
import sys
from assay.selection.marks import Marks
marks, name, k = Marks(sys.argv[1]), sys.argv[2], 0
while True:
    mark = marks.add(name, "drop", range(k, k + 1 + 400 * (k % 5)))
    print(mark.number, k, flush=True)
    k += 1
"""


def test_killed_writers_lose_nothing_that_they_acknowledged(tmp_path):
    draw, acknowledged = random.Random(3), dict[int, tuple[str, int]]()
    for round_ in range(2):
        names = [f"{round_}-{k}" for k in range(3)]
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        writers = {name: subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in names}
        for name, writer in writers.items():
            first = writer.stdout.readline().split()
            acknowledged[int(first[0])] = name, int(first[1])
        time.sleep(draw.uniform(0.05, 0.4))
        for writer in writers.values():
            os.kill(writer.pid, signal.SIGKILL)
        for name, writer in writers.items():
            for line in writer.communicate()[0].splitlines():
                acknowledged |= {int(number): (name, int(k)) for number, k in [line.split()]}
    by_number = {line.number: line for line in Marks(tmp_path).lines()}
    assert len(acknowledged) > 6
    for number, (name, k) in acknowledged.items():
        assert (by_number[number].who, by_number[number].samples) == (name, list(range(k, k + 1 + 400 * (k % 5))))
    assert sorted(by_number) == list(range(1, len(by_number) + 1))
    assert len(by_number) <= len(acknowledged) + 6  # of each writer one more may be there
    assert Marks(tmp_path).add("after", "keep", [1]).number == len(by_number) + 1


def test_threads_of_one_server_and_another_write_at_once(tmp_path):
    marks = [Marks(tmp_path), Marks(tmp_path)]
    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(lambda k: marks[k % 2].add("Ann", "drop", [k]).number, range(30)))
    assert sorted(numbers) == list(range(1, 31))
    assert sorted(standing(Marks(tmp_path))) == list(range(30))


def test_a_file_that_is_none_of_ours_is_named_and_left_alone(tmp_path):
    marks = Marks(tmp_path)
    marks.add("Ann", "drop", [1])
    good = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(good + b'{"number": 2}\n' + good)
    for ask in (marks.lines, Marks(tmp_path).standing, lambda: marks.add("Ann", "drop", [1])):
        with pytest.raises(InputError, match=r"marks.jsonl: line 2 is no mark"):
            ask()
    assert (tmp_path / FILE).read_bytes() == good + b'{"number": 2}\n' + good


def test_what_is_no_file_in_the_folder_is_not_written_to(tmp_path):
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("as it was")
    for k, put in enumerate((lambda at: at.symlink_to(elsewhere), os.mkfifo, os.mkdir)):
        folder = tmp_path / str(k)
        folder.mkdir()
        put(folder / FILE)
        with pytest.raises(InputError):
            Marks(folder).lines()
        with pytest.raises(InputError):
            Marks(folder).add("Ann", "drop", [1])
    assert elsewhere.read_text() == "as it was"


def test_a_full_disk_keeps_nothing_and_the_next_mark_is_whole(tmp_path, monkeypatch):
    marks, real = Marks(tmp_path), os.write
    marks.add("Ann", "drop", [1])

    def full(descriptor, content):
        if len(content) > 20:
            return real(descriptor, content[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(NotKeptError, match="No space left"):
        marks.add("Ann", "drop", [2])
    monkeypatch.setattr(os, "write", real)
    assert standing(Marks(tmp_path)) == {1: "drop"}
    assert marks.add("Ann", "halve", [3]).number == 2
    assert standing(Marks(tmp_path)) == {1: "drop", 3: "halve"}


@pytest.mark.parametrize(
    ("who", "ids", "match"),
    [("", [1], "who"), (" \n", [1], "who"), ("x" * 81, [1], "80"), ("A", [], "no samples")],
)
def test_marks_of_nobody_or_of_nothing_are_refused(tmp_path, who, ids, match):
    with pytest.raises(InputError, match=match):
        Marks(tmp_path).add(who, "drop", ids)
    assert not (tmp_path / FILE).exists()


def treated(train: Samples, can_turn: bool = True, **rows: list[int]) -> Treated:
    content = {name: train.sample_id[at].tolist() for name, at in rows.items()}
    return Treated.of(Standing.of_content(content), train.sample_id, can_turn=can_turn)


@settings(max_examples=40)
@given(h=st.data())
def test_the_arm_does_what_was_marked_and_nothing_else(h):
    train, values = shop()
    said = {row: h.draw(st.sampled_from(DECISIONS)) for row in h.draw(st.sets(st.integers(0, len(train) - 1), max_size=40))}
    marks = treated(train, **{name: [row for row, one in said.items() if one == name] for name in DECISIONS})
    arms = {arm.name: arm for arm in declare(train, values, [], [], Select(), (), marks)}
    if not set(said.values()) - {"keep"}:
        assert MARKS not in arms
        return
    arm = arms[MARKS]
    learnt = arm.of(train)
    factor = {"drop": 0.0, "halve": 0.5, "keep": 1.0, "wrong_label": 1.0}
    for row in range(len(train)):
        assert learnt.weight[row] == factor[said.get(row, "keep")] * train.weight[row]
        assert learnt.label[row] == (1 - train.label[row] if said.get(row) == "wrong_label" else train.label[row])
    assert (arm.family, arm.valuer) == ("marks", None)
    assert (arm.response is None) == ("wrong_label" not in said.values())


def test_a_wrong_amount_is_dropped_and_a_lost_sample_is_counted():
    train, _ = shop()
    marks = treated(train, can_turn=False, wrong_label=[3, 4], drop=[5])
    assert np.flatnonzero(marks.dropped).tolist() == [3, 4, 5]
    assert not marks.turned.any()
    gone = Standing.of_content({"drop": [1, 2, int(train.sample_id[0])]})
    assert Treated.of(gone, train.sample_id, can_turn=True).others == 2 - int(np.isin([1, 2], train.sample_id).sum())


def test_marks_that_leave_one_label_are_no_arm():
    train, values = shop()
    marks = treated(train, wrong_label=np.flatnonzero(train.label > 0).tolist())
    assert MARKS not in {arm.name for arm in declare(train, values, [], [], Select(), (), marks)}


def test_the_others_of_the_same_size_turn_as_many_labels():
    train, values = shop()
    chosen = of_people(train, treated(train, wrong_label=[1, 2, 3], drop=[4, 5], halve=[6]))
    for arm in same_size(train, values, chosen, 20, 0.1, 7).values():
        assert np.count_nonzero(arm.response != train.response) == 3
        np.testing.assert_array_equal(np.sort(arm.weight), np.sort(chosen.weight))
        turned = arm.response != train.response
        assert (arm.weight[turned] == train.weight[turned]).all()


def test_weights_have_labels_only_where_marks_turn_them(tmp_path):
    train, _ = shop()
    run = Folder(tmp_path)
    write_weights(run, train, train.weight)
    assert run.read_table("selection/weights.parquet").column_names == ["sample_id", "weight"]
    arm = of_people(train, treated(train, wrong_label=[1]))
    write_weights(run, train, arm.weight, response=arm.response)
    table = run.read_table("selection/weights.parquet")
    assert table.column("label").to_pylist() == arm.of(train).label.tolist()


def test_a_turned_label_leaves_other_samples_their_grades():
    train = make_samples(400).split("train")
    grades = np.arange(len(train)) % 4
    keys = train.keys.set_column(train.keys.column_names.index("label"), "label", [(grades > 0).astype(np.int8)])
    graded = replace(train, keys=keys.append_column("amount", [grades.astype(np.float64)]), label_type=GRADED)
    turned = of_people(graded, treated(graded, wrong_label=[4, 7])).of(graded)
    expected = grades.astype(float)
    expected[[4, 7]] = 1.0, 0.0
    np.testing.assert_array_equal(turned.told, expected)
