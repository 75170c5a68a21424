"""Periods are called by their length wherever a person reads of them: the report, the terminal, a sample explained."""

import json
from pathlib import Path

import pytest

from assay import front
from assay.app import cli, report, terminal
from assay.finished import Finished
from assay.pages.answers import FoundItem
from assay.task import Task
from tests.conftest import run_in, shop_config, write_shop

ITEM = FoundItem(
    rank=1,
    item_id="m",
    name="milk",
    score=0.5,
    words=["milk"],
    rank_by_words=1,
    rank_by_vectors=None,
    taken_by_user=3,
    taken_lately=2,
    clicks_for_query=0,
    purchases_for_query=0,
)


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose requests are a user in a day, and its anomalies."""
    folder = tmp_path_factory.mktemp("daily")
    write_shop(folder / "log.csv", users=20, items=30, weeks=6)
    samples = {"period_days": 1, "warm_up": 8, "validation": 6, "tuning": 6, "test": 6}
    models = {"lightgbm_trees": 5, "subsample": 2000, "names": ["popularity", "logistic"]}
    run_in(shop_config(folder / "log.csv", samples=samples, models=models), folder / "run")
    front.add(folder / "run", "anomalies")
    return folder / "run"


def test_a_run_of_days_never_says_week(daily, capsys):
    run = Finished(daily)
    page = report.write(run).read_text(encoding="utf-8")
    for said in (" · day 2024-", "Days", "Busy and other days", "in the last 16 days"):
        assert said in page, said
    assert cli.main(["anomalies", str(daily)]) == 0
    assert cli.main(["show", str(daily)]) == 0
    sample = run.read_json("importance/examples.json")["harmful"][0]
    assert cli.main(["explain", str(daily), str(sample["sample_id"])]) == 0
    line = run.read_table("recommendations.parquet").slice(0, 1).to_pylist()[0]
    assert cli.main(["explain", str(daily), "--user", line["user_id"], "--item", line["item_id"]]) == 0
    shown = " ".join(capsys.readouterr().out.split())  # the terminal folds lines
    assert f"(day {sample['period']})" in shown
    assert "week" not in (page + shown + json.dumps(artefacts(run))).lower()


def artefacts(run: Finished) -> dict:
    """The JSON artefacts of the run's stages."""
    return {name: run.read_json(name) for entry in run.stages.values() for name in entry.artefacts if name.endswith(".json")}


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (1, ("· day 2017-08-14 ·", ">Days<", ">Busy and other days<")),
        (7, ("· week 2017-08-14 ·", ">Weeks<", ">Busy and other weeks<")),
        (14, ("· period of 2 weeks 2017-08-14 ·", ">Periods of 2 weeks<", ">Busy and other periods of 2 weeks<")),
    ],
)
def test_the_report_calls_periods_by_their_length(run, days, said):
    samples = run.config.samples.model_copy(update={"period_days": days})
    run.config = run.config.model_copy(update={"samples": samples})
    page = report.write(run).read_text(encoding="utf-8")
    for words in said:
        assert words in page, words


@pytest.mark.parametrize(("days", "said"), [(1, "3 days"), (7, "3 weeks"), (14, "3 periods of 2 weeks")])
def test_the_reasons_of_a_search_name_the_period(days, said):
    assert f"bought by the user in {said}; bought 2 times in the last" in terminal.why(ITEM, Task(period_days=days))
