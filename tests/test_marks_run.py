"""People's marks in a run: they become an arm, tuning decides, and a mark makes only what reads it stale."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.app import report
from assay.config import parse
from assay.finished import Finished
from assay.pages.selection import Curve
from assay.selection.arms import MARKS
from assay.selection.marks import FILE, Marks
from assay.stages import graph
from assay.stages import select as stage
from tests.app.server.conftest import client_of
from tests.conftest import Made, run_in

ROWS, USERS, WEEKS = 9_000, 60, 24
AFTER_MARKS = ["select", "evaluate", "trust", "summary"]


def table(amounts: bool = False) -> tuple[pa.Table, np.ndarray]:
    """Labels that follow two numbers; of a third of the rows of one shop, in the first 12 weeks, they are wrong."""
    rng = np.random.default_rng(4)
    week, user = rng.integers(WEEKS, size=ROWS), rng.integers(USERS, size=ROWS)
    one, two = rng.normal(size=(2, ROWS))
    label = (rng.random(ROWS) < 1 / (1 + np.exp(1 - 2 * one + two))).astype(float)
    label = 3 * one - two + rng.normal(size=ROWS) if amounts else label
    wrong = (week < 12) & (rng.random(ROWS) < 0.12)
    label = np.where(wrong, -label if amounts else 1 - label, label)
    days = np.datetime64("2024-01-01") + 7 * week + rng.integers(7, size=ROWS)
    columns = {"row": [f"r{k}" for k in range(ROWS)], "who": [f"顾客{k} <b>" for k in user], "what": rng.integers(40, size=ROWS)}
    columns |= {"day": days.astype("datetime64[us]"), "one": one, "two": two, "label": label}
    return pa.table(columns), wrong


def made(folder: Path, *, amounts: bool = False, **select: Any) -> Made:
    path = folder / "table.parquet"
    if not path.exists():
        pq.write_table(table(amounts)[0], path)
    about = {"path": str(path), "label": "label", "key": "row", "timestamp": "day", "user": "who", "item": "what"}
    about |= {"numeric": ["one", "two"], "labels": "continuous" if amounts else "binary"}
    config = {
        "table": about,
        "samples": {"warm_up": 1, "validation": 4, "tuning": 4, "test": 3},
        "models": {"names": ["ridge" if amounts else "logistic", "lightgbm"], "lightgbm_trees": 10},
        "select": {"fractions": [0.02]} | select,
        "evaluate": {"resamples": 50},
        "value": {"folds": 4},
    }
    return run_in(parse(config), folder / "run")


def ids(run: Finished, rows: np.ndarray) -> list[int]:
    """The training samples that some rows of the table became."""
    keys = run.train.keys.select(["sample_id", "key"]).to_pydict()
    wanted = {f"r{k}" for k in np.flatnonzero(rows)}
    return [one for one, key in zip(keys["sample_id"], keys["key"], strict=True) if key in wanted]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("marked")
    made(folder)
    return folder


def states(folder: Path) -> dict[str, str]:
    run = Finished(folder / "run")
    return {name: state for name, state in graph().states(run.config, run.folder).items() if state != "missing"}


def test_marks_become_an_arm_that_tuning_judges(folder):
    _, wrong = table()
    run, marks = Finished(folder / "run"), Marks(folder / "run")
    before = {name: entry.output for name, entry in run.stages.items()}
    assert set(states(folder).values()) == {"fresh"}

    # Good labels called wrong: an arm, and not chosen.
    good = ids(run, ~wrong)[:600]
    marks.add("Ann", "wrong_label", good)
    assert {name for name, state in states(folder).items() if state == "stale"} == set(AFTER_MARKS)
    run = made(folder)
    assert run.ran == ["select", "evaluate"]  # what they say of the test is as before, so that no more is made
    page = Curve.read(run)
    [arm] = [arm for arm in page.arms if arm.arm == MARKS]
    assert page.chosen != MARKS
    assert arm.difference["log_loss"].low > 0
    assert page.marked.turned == 600

    # The wrong ones: turned round they are the best that can be done, and tuning sees it.
    marks.undo("Ann", 1)
    marks.add("Bo", "wrong_label", ids(run, wrong))
    run = made(folder)
    page = Curve.read(run)
    assert page.chosen == MARKS
    [arm] = [arm for arm in page.arms if arm.arm == MARKS]
    assert arm.difference["log_loss"].high < 0
    assert arm.removed_fraction == 0
    weights = run.read_table("selection/weights.parquet")
    assert weights.column_names == ["sample_id", "key", "weight", "label"]
    truth, _ = table()
    right = np.where(wrong, 1 - truth["label"].to_numpy(), truth["label"].to_numpy())
    assert [right[int(key[1:])] for key in weights["key"].to_pylist()] == weights["label"].to_pylist()
    tested = run.read_json("evaluation/selection.json")["models"]["logistic"]
    assert tested["difference"]["log_loss"]["high"] < 0  # and it holds on the test, which nothing was chosen on
    assert set(tested["test"]) >= {"full", "selected", "random", "loss"}
    text = report.write(Finished(run.folder)).read_text(encoding="utf-8")
    assert f"{MARKS[0].upper()}{MARKS[1:]}: logistic changed on the untouched test" in text
    assert f"{len(ids(run, wrong)):,} with the label turned round" in text

    # Dropping them helps too.
    marks.add("Bo", "drop", ids(run, wrong))
    run = made(folder)
    page = Curve.read(run)
    [arm] = [arm for arm in page.arms if arm.arm == MARKS]
    assert arm.difference["log_loss"].high < 0
    assert 0 < arm.removed_fraction < 0.2
    assert (page.marked.turned, page.marked.dropped) == (0, len(ids(run, wrong)))

    # What is undone leaves no trace, and no run deletes the marks.
    for mark in (3, 4):
        marks.undo("Bo", mark)
    again = made(folder)
    assert {name: entry.output for name, entry in again.stages.items()} == before
    assert len(marks.lines()) == 6
    assert (folder / "run" / FILE).exists()


def test_marks_of_amounts_drop_what_is_wrong_and_may_be_left_out(tmp_path):
    _, wrong = table(amounts=True)
    run = made(tmp_path, amounts=True, marks=False)
    Marks(run).add("Ann", "wrong_label", [*ids(run, wrong), 12345])
    assert made(tmp_path, amounts=True, marks=False).ran == []
    run = made(tmp_path, amounts=True)
    page = Curve.read(run)
    assert (page.marked.dropped, page.marked.turned, page.marked.others) == (len(ids(run, wrong)), 0, 1)
    [arm] = [arm for arm in page.arms if arm.arm == MARKS]
    assert arm.difference["mse"].high < 0
    assert "label" not in run.read_table("selection/weights.parquet").column_names


def test_a_mark_made_while_a_run_is_at_work_is_the_next_run_s(folder, monkeypatch):
    """Else what is written would be of other marks than the manifest says, and undoing would not bring it back."""
    marks, real = Marks(folder / "run"), stage.mine
    run = made(folder)
    [first, second] = run.train.sample_id[:2].tolist()

    def slow(*arguments: Any) -> Any:
        marks.add("Cy", "drop", [second])
        return real(*arguments)

    marks.add("Cy", "drop", [first])
    monkeypatch.setattr(stage, "mine", slow)
    assert Curve.read(made(folder)).marked.dropped == 1
    assert states(folder)["select"] == "stale"
    monkeypatch.setattr(stage, "mine", real)
    assert Curve.read(made(folder)).marked.dropped == 2
    assert states(folder)["select"] == "fresh"


def test_a_table_s_samples_are_shown_and_marked_too(folder):
    with client_of(folder / "run") as client:
        user = client.get("/api/samples?size=1").json()["samples"][0]["user"]
        assert "<b>" in user
        answer = client.get("/samples", params={"user": user})
        assert answer.status_code == 200
        assert "顾客" in answer.text
        assert "<b>" not in answer.text.partition("<tbody>")[2]
        assert client.get("/samples/marks").status_code == 200
