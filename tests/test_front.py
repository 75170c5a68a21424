"""The front door: runs of tables in memory or of a config, opened and read, whatever else goes on in their folder."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import assay
from assay.errors import InputError
from assay.runs.manifest import alone
from assay.runs.store import file_digest

SECTIONS = {
    "samples": {"warm_up": 3, "validation": 3, "tuning": 3, "test": 3},
    "encode": {"rare": 10, "bins": 4},
    "models": {"names": ["popularity", "buy_it_again", "logistic"]},
    "select": {"fractions": [0.01, 0.02]},
    "evaluate": {"resamples": 50},
}
HOSTILE = '<script>alert("x")</script>\x1b[2J'


def purchases(users: int = 40, weeks: int = 18) -> pd.DataFrame:
    """Each user takes mostly one of five products' kinds."""
    rng = np.random.default_rng(7)
    rows = [
        (
            f"c{user}",
            f"p{user % 5 * 6 + min(int(rng.geometric(0.4)) - 1, 5) if rng.random() < 0.7 else rng.integers(30)}",
            week,
            day,
        )
        for week in range(weeks)
        for user in range(users)
        for day in rng.integers(7, size=3)
    ]
    frame = pd.DataFrame(rows, columns=["client", "product", "week", "day"])
    start = pd.Timestamp("2024-01-01T12:00:00Z")
    frame["date"] = start + pd.to_timedelta(7 * frame["week"] + frame["day"], unit="D")
    frame["price"] = 1.5 + frame["product"].str[1:].astype(int) % 4
    return frame.drop(columns=["week", "day"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run of two tables."""
    folder = tmp_path_factory.mktemp("front") / "run"
    items = pa.table({"sku": [f"p{n}" for n in range(30)], "title": [f"thing {n}" for n in range(30)]})
    assay.run(events=purchases(), items=items, folder=folder, **SECTIONS)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> assay.Run:
    """A copy of that run, opened, whose tables are gone."""
    shutil.copytree(finished, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "input")
    return assay.open(tmp_path / "run")


def test_tables_are_kept_and_their_columns_guessed(finished: Path) -> None:
    run, events = assay.open(finished), purchases()
    log = run.config.log
    assert log is not None
    assert log.events[0].columns == {"user_id": "client", "item_id": "product", "timestamp": "date", "price": "price"}
    assert log.events[0].event == "purchase"
    assert log.items is not None
    assert log.items.columns == {"item_id": "sku", "name": "title"}
    kept = pq.read_table(log.events[0].path)
    assert kept.column_names == ["client", "product", "date", "price"]
    assert kept.to_pandas().equals(events)
    assert run.read_table("clean/items.parquet")["name"].to_pylist()[0].startswith("thing ")


def test_keys_stand_over_a_config_and_its_file(tmp_path: Path) -> None:
    purchases(12, 14).to_csv(tmp_path / "log.csv", index=False)
    (tmp_path / "own.toml").write_text(
        '[[log.events]]\npath = "log.csv"\nevent = "purchase"\n'
        'columns = { user_id = "client", item_id = "product", timestamp = "date" }\n[samples]\nwarm_up = 3\n'
    )
    run = assay.run(tmp_path / "own.toml", folder=tmp_path / "run", until="clean", samples={"test": 2}, seed=3)
    assert (run.config.samples.warm_up, run.config.samples.test, run.config.seed) == (3, 2, 3)
    assert assay.run(run.config, folder=tmp_path / "run", until="clean").config == run.config
    content = json.loads((tmp_path / "run" / "config.json").read_text())
    assert assay.run(content, folder=tmp_path / "run", until="clean").config == run.config


def test_a_run_goes_by_the_name_of_its_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert assay.run(events=purchases(12, 14), until="collect").folder == Path("runs/run")


def test_values_are_those_of_the_samples(run: assay.Run) -> None:
    values = run.values()
    assert values.column_names == ["sample_id", "user_id", "item_id", "timestamp", "label", "value", "stderr", "z"]
    stored = run.read_table("importance/influence.parquet")
    assert values["sample_id"].equals(stored["sample_id"])
    assert values["value"].equals(stored["value"])
    samples = run.read_table("samples/samples.parquet").to_pandas().set_index("sample_id")
    rows = samples.loc[values["sample_id"].to_pylist()]
    assert (rows["split"] == "train").all()
    assert len(rows) == (samples["split"] == "train").sum()
    for name in ("user_id", "item_id", "label"):
        assert rows[name].tolist() == values[name].to_pylist()
    assert run.values("loss")["value"].equals(run.read_table("importance/loss.parquet")["value"])
    with pytest.raises(InputError, match="no values by 'margin'; it has: probability, loss, influence"):
        run.values("margin")


def test_weights_and_recommendations_are_those_of_the_files(run: assay.Run) -> None:
    assert run.weights().equals(run.read_table("selection/weights.parquet"))
    stored = run.read_table("recommendations.parquet")
    mine = stored.filter(pc.equal(stored["user_id"], "c3"))
    lines = run.recommend("c3", n=4)
    assert [line["item_id"] for line in lines] == mine["item_id"].to_pylist()[:4]
    assert [line["rank"] for line in lines] == [1, 2, 3, 4]
    assert lines[0]["name"].startswith("thing ")
    anybody = run.read_table("recommendations_unknown.parquet")
    assert [line["item_id"] for line in run.recommend("nobody")] == anybody["item_id"].to_pylist()
    with pytest.raises(InputError, match="n = 0: give 1 or more"):
        run.recommend("c3", n=0)


def test_a_sample_and_a_recommendation_are_explained(run: assay.Run) -> None:
    first = run.values().slice(0, 1).to_pylist()[0]
    assert run.explain(first["sample_id"])["label"] == first["label"]
    item = run.recommend("c3")[0]["item_id"]
    assert 0 < run.explain(user="c3", item=item)["probability"] < 1
    with pytest.raises(InputError, match="explain: give a SAMPLE_ID"):
        run.explain(first["sample_id"], user="c3", item=item)


@pytest.mark.slow
def test_search_says_how_to_make_it_and_then_answers(run: assay.Run) -> None:
    with pytest.raises(InputError, match=r'run = run\.add\("search"\), or: assay search FOLDER QUERY'):
        run.search("thing 3")
    with_search = run.add("search")
    lines = with_search.search("thing 3", user="c3", n=2)
    assert len(lines) == 2
    assert lines[0]["name"].startswith("thing ")
    with pytest.raises(InputError, match="the query is empty"):
        with_search.search(" ")
    with pytest.raises(InputError, match="no stage 'serach' stands beside a run; did you mean 'search'"):
        run.add("serach")


def test_ids_are_shown_as_the_report_shows_them(run: assay.Run) -> None:
    plain, config = run.values(), json.loads((run.folder / "config.json").read_text())
    (run.folder / "config.json").write_text(json.dumps(config | {"show": {"hash_ids": True}}))
    hidden = assay.open(run.folder)
    ids = hidden.values()["user_id"].to_pylist()
    assert not set(ids) & set(plain["user_id"].to_pylist())
    assert len(set(ids)) == len(set(plain["user_id"].to_pylist()))
    line = hidden.recommend(ids[0])[0]
    assert line["item_id"] in hidden.values()["item_id"].to_pylist() or len(line["item_id"]) == 12


def test_it_is_shown_short_and_harmless(run: assay.Run, tmp_path: Path) -> None:
    assert repr(run).startswith(f"<assay.Run '{run.folder}': collect, clean, samples, train, value, select, recommend, ")
    page = run._repr_html_()
    assert page.startswith("<table><tr><th>run</th>")
    assert "40 users, 30 items" in page
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    shutil.copytree(run.folder, folder)
    summary = run.read_json("summary.json")
    summary["models"] = {HOSTILE: summary["models"]["logistic"]}
    (folder / "summary.json").write_text(json.dumps(summary))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["stages"]["summary"]["artefacts"]["summary.json"] = file_digest(folder / "summary.json")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    page = assay.open(folder)._repr_html_()
    assert "&lt;script&gt;alert" in page
    assert not {"<script", "<img", "\x1b"} & {part for part in ("<script", "<img", "\x1b") if part in page}
    assert set(page.replace("</", "<").split("<")[1:][0].split(">")[0:1]) == {"table"}


def test_a_run_that_has_hardly_begun_is_shown(tmp_path: Path) -> None:
    run = assay.run(events=purchases(12, 14), folder=tmp_path, until="collect")
    assert repr(run).endswith(": collect>")
    assert "<th>run</th>" in run._repr_html_()
    with pytest.raises(InputError, match=r"selection/weights\.parquet: not there"):
        run.weights()
    with pytest.raises(InputError, match="no values by 'influence'; it has: none"):
        run.values()


def test_reading_needs_no_lock_and_no_log_and_writes_nothing(run: assay.Run) -> None:
    def state() -> dict[str, tuple[int, str]]:
        files = [path for path in sorted(run.folder.rglob("*")) if path.is_file() and path.name != ".lock"]
        return {str(path): (path.stat().st_mtime_ns, file_digest(path)) for path in files}

    with alone(run.folder):  # as another process that works there
        before = state()
        busy = assay.open(run.folder)
        assert busy.values().num_rows == busy.weights().num_rows
        assert busy.recommend("c3")
        assert busy.explain(int(busy.values()["sample_id"][0].as_py()))
        assert busy._repr_html_()
        assert state() == before
        with pytest.raises(InputError, match="another run is at work there"):
            busy.add("anomalies")
        with pytest.raises(InputError, match="another run is at work there"):
            assay.run(events=purchases(12, 14), folder=run.folder)
        assert state() == before
        assert busy.report() == run.folder / "report.html"


def test_tables_are_not_replaced_under_a_run_at_work(finished: Path) -> None:
    before = file_digest(finished / "input" / "events.parquet")
    with alone(finished), pytest.raises(InputError, match="another run is at work there"):
        assay.run(events=purchases(12, 14), folder=finished)
    assert file_digest(finished / "input" / "events.parquet") == before


@pytest.mark.slow
def test_reading_runs_no_code_that_the_config_names(run: assay.Run, tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("from pathlib import Path\nPath('ran').write_text('')\nraise SystemExit('ran')\n")
    config = json.loads((run.folder / "config.json").read_text())
    config["log"]["events"][0]["format"] = "evil:Source"
    config["models"]["estimators"] = {"mine": "evil.Model"}
    config["value"]["valuers"] += ["evil:Valuer"]
    config["evaluate"]["measures"] = {"mine": "evil:measure"}
    config["samples"]["features"] = str(tmp_path)
    (run.folder / "config.json").write_text(json.dumps(config))
    code = (
        f"import assay; run = assay.open({str(run.folder)!r}); run._repr_html_(); values = run.values(); run.weights();"
        "run.recommend('c3'); run.explain(values['sample_id'][0].as_py()); run.report(); print(repr(run))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=paths(tmp_path), check=False
    )
    assert done.stdout.startswith("<assay.Run"), done.stderr
    assert not (tmp_path / "ran").exists()
    plain = subprocess.run(
        [sys.executable, "-c", "import evil"], cwd=tmp_path, env=paths(tmp_path), capture_output=True, check=False
    )
    assert plain.returncode != 0  # it could have been found
    assert (tmp_path / "ran").exists()


def paths(own: Path) -> dict[str, str]:
    """The environment with a folder where modules are found."""
    import os

    source = str(Path(assay.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(own), source])}


def test_nothing_is_there_to_open(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; make a run first"):
        assay.open(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no run"):
        assay.open(tmp_path)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    assay.run(events=purchases(12, 14), folder=tmp_path, until="clean", report=lambda *state: told.append(state))
    assert {stage for stage, *_ in told} >= {"collect"}
