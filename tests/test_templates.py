"""The templates of CONTRIBUTING.md work: each passes its conformance class and takes part in a run."""

import importlib
import shlex
from pathlib import Path

import numpy as np
import pytest

from assay import stages
from assay.errors import ConfigError, InputError
from assay.finished import Finished
from assay.importance import named as valuers
from assay.progress import silent
from assay.runs.graph import Graph
from assay.testing.measures import MeasureTests
from assay.testing.models import ScorerTests
from assay.testing.sources import SourceTests
from assay.testing.valuers import ValuerTests
from tests.conftest import run_in, shop_config, write_shop
from tests.test_entries import SMALL

TEMPLATES = Path(__file__).parent.parent / "docs" / "templates"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The templates as a user's own modules."""
    monkeypatch.syspath_prepend(str(TEMPLATES))


def template(module: str, name: str):
    return getattr(importlib.import_module(module), name)


class TestValuer(ValuerTests):
    def make(self):
        return template("valuer", "Age")()


class TestModel(ScorerTests):
    def make(self):
        return template("model", "CategoryShare")(prior=5.0)


class TestMeasure(MeasureTests):
    @staticmethod
    def measure(label, score, weight=None):
        return template("measure", "brier")(label, score, weight)


class TestSource(SourceTests):
    def make(self, folder, names, rows):
        lines = [" ".join(f"{n}={shlex.quote(v)}" for n, v in zip(names, row, strict=True) if v is not None) for row in rows]
        (folder / "x.pairs").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return template("source", "PairsFile")(folder / "x.pairs")


def pairs(path: Path) -> None:
    """The shop's log in the template source's format."""
    write_shop(path.with_suffix(".csv"), users=30, items=30, weeks=18)
    head, *rows = path.with_suffix(".csv").read_text(encoding="utf-8").splitlines()
    names = head.split(",")
    lines = [" ".join(f"{n}={shlex.quote(v)}" for n, v in zip(names, row.split(","), strict=True)) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
def test_all_of_them_take_part_in_one_run(tmp_path):
    pairs(tmp_path / "log.pairs")
    sections = SMALL | {
        "samples": SMALL["samples"] | {"features": str(TEMPLATES / "features")},
        "value": {"folds": 4, "valuers": ["influence", "valuer:Age"]},
        "evaluate": {"resamples": 20, "measures": {"brier": "measure:brier"}},
    }
    config = shop_config(tmp_path / "log.pairs", **sections)
    source = config.log.events[0].model_copy(update={"format": "source:PairsFile"})
    config = config.model_copy(update={"log": config.log.model_copy(update={"events": [source]})})
    run = run_in(config, tmp_path / "run", until="evaluate")
    assert "user_late_share_16" in run.read_json("samples/account.json")["features"]
    names = run.read_json("models/logistic/model.json")["names"]
    assert any(name.startswith("user_late_share_16 ") for name in names)
    assert run.read_table("importance/valuer.Age.parquet")["value"].to_numpy().max() == 0
    brier = run.read_json("evaluation/models.json")["models"]["logistic"]["test"]["brier"]
    assert 0 < brier["low"] <= brier["value"] <= brier["high"] < 0.3
    difference = run.read_json("evaluation/selection.json")["models"]["logistic"]["difference"]
    assert "brier" in difference


def test_the_feature_is_what_it_says(tmp_path):
    write_shop(tmp_path / "log.csv", users=20, items=20, weeks=18)
    samples = SMALL["samples"] | {"features": str(TEMPLATES / "features")}
    run = run_in(shop_config(tmp_path / "log.csv", **SMALL | {"samples": samples}), tmp_path / "run", until="samples")
    events = run.read_table("clean/events.parquet")
    day = events["timestamp"].cast("int64").to_numpy() // 86_400_000_000 - 4
    user = events["user_code"].to_numpy()
    table = run.read_table("samples/samples.parquet")
    for row in table.slice(0, table.num_rows).to_pylist()[::97]:
        mine = day[(user == row["user_code"]) & (day // 7 < row["period"]) & (day // 7 >= row["period"] - 16)]
        share = np.mean(mine % 7 >= 5) if len(mine) else None
        assert row["user_late_share_16"] == (pytest.approx(share) if share is not None else None)


def test_a_stage_and_its_page(tmp_path):
    """The stage runs beside a run; its page says what a count by hand says."""
    write_shop(tmp_path / "log.csv", users=20, items=20, weeks=18)
    run = run_in(shop_config(tmp_path / "log.csv", **SMALL), tmp_path / "run", until="samples")
    ours = [stages.graph().stages[name] for name in ("collect", "clean", "samples")]
    graph = Graph(ours, [template("stage", "positives")])
    assert graph.add(run.config, run.folder, "positives", silent).ran == ("positives",)
    assert graph.add(run.config, run.folder, "positives", silent).reused == ("positives",)
    page = template("stage", "Positives").read(Finished(run.folder))
    rows = run.read_table("samples/samples.parquet").to_pylist()
    for split, share in page.shares.items():
        assert share == pytest.approx(np.mean([row["label"] for row in rows if row["split"] == split]), abs=1e-4)
    assert set(page.shares) == {"train", "validation", "tuning", "test"}


@pytest.mark.slow
def test_what_is_no_template_is_refused(tmp_path):
    write_shop(tmp_path / "log.csv", users=20, items=20, weeks=18)

    def run(**sections):
        run_in(shop_config(tmp_path / "log.csv", **SMALL | sections), tmp_path / "run")

    with pytest.raises(ConfigError, match="has no SQL file in user/"):
        run(samples=SMALL["samples"] | {"features": str(tmp_path)})
    bad = tmp_path / "own" / "user"
    bad.mkdir(parents=True)
    own = SMALL["samples"] | {"features": str(tmp_path / "own")}
    for text, says in (("SELECT 1 AS x", "must select user_code, period first"), ("SELEC", "Parser Error")):
        (bad / "late.sql").write_text(text)
        with pytest.raises(InputError, match=rf"user/late\.sql.*{says}"):
            run(samples=own)
    with pytest.raises(ConfigError, match="name of a built-in measure"):
        run(evaluate={"measures": {"auc": "measure:brier"}})
    with pytest.raises(ConfigError, match="cannot be imported"):
        run(evaluate={"measures": {"brier": "measure:bier"}})
    with pytest.raises(ConfigError, match="cannot be made without arguments"):
        valuers.make("measure:brier")
