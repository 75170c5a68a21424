"""Changes of gaps are differences of fairlearn's gaps; a run tells them of the arm that it chose."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("fairlearn")
from assay import front
from assay.app import terminal
from assay.app.demos import diagnosis
from assay.config import Evaluate, parse
from assay.evaluation.fairness import fairness
from assay.evaluation.holdout import holdout
from assay.finished import Finished
from assay.models.logistic import LogisticRegression
from assay.pages.gaps import GAPS
from assay.selection.arms import Arm
from assay.testing.data import make_samples
from assay.trials.curve import refit
from assay.trials.gaps import of_models, of_removals
from tests.trials.pasts import NOTHING


@pytest.fixture(scope="module")
def tried():
    samples = make_samples(6_000)
    train, tuning = samples.split("train"), samples.split("tuning")
    judge = holdout(tuning, None, None, "tuning", NOTHING, Evaluate(threshold=0.4), 7)
    model = LogisticRegression(3.0).fit(train, rng=np.random.default_rng(0))
    groups = {"department": tuning.features.column("department").cast(pa.string()).to_pylist()}
    half = np.where(train.label * np.arange(len(train)) % 2 == 1, 0.0, train.weight)
    arms = [
        Arm("nothing", "nothing", train.weight),
        Arm("without half of the positives", "removal", half, "influence"),
        Arm("at random", "random", np.where(np.arange(len(train)) % 9 == 0, 0.0, train.weight)),
        Arm("halved", "damping", train.weight / 2, "influence"),
    ]
    return train, judge, model, groups, arms


def gaps(chances, judge, level):
    return fairness(judge.samples.label, chances, level, weight=judge.samples.weight, threshold=0.4).gaps


def test_removals_change_gaps_by_what_fairlearn_says_of_both_models(tried):
    train, judge, model, groups, arms = tried
    lines = of_removals(model, train, judge, arms, groups)
    assert [(line.arm, line.valuer) for line in lines] == [("without half of the positives", "influence"), ("at random", None)]
    for line, arm in zip(lines, arms[1:3], strict=True):
        before, after = (
            gaps(one.predict(judge.samples), judge, groups["department"]) for one in (model, refit(model, train, arm.weight))
        )
        for name in GAPS:
            change = line.change[name]
            assert change.value == pytest.approx(after[name] - before[name], abs=1e-12)
            assert change.low <= change.value <= change.high
        assert line.removed_fraction == pytest.approx(np.mean(arm.weight == 0))


def test_every_model_has_the_figures_of_every_attribute(tried):
    _, judge, model, groups, _ = tried
    chances = {"a": model.predict(judge.samples), "b": np.full(len(judge.samples), 0.5)}
    found = of_models(
        chances, judge, groups | {"all alike": ["one", "two"] * (len(judge.samples) // 2) + ["one"] * (len(judge.samples) % 2)}
    )
    assert [(line.attribute, line.model) for line in found] == [(g, m) for g in ("department", "all alike") for m in ("a", "b")]
    for line in found:
        assert sum(group.rows for group in line.groups) == len(judge.samples)
    equal = found[1]
    assert {name: gap.value for name, gap in equal.gaps.items()} == dict.fromkeys(GAPS, 0.0)
    level = np.array(groups["department"])
    for group in found[0].groups:
        rows = level == group.level
        assert group.people == len(np.unique(judge.samples.user[rows]))
        assert group.positive == pytest.approx(judge.samples.label[rows].mean())


@pytest.mark.slow
def test_a_run_says_what_the_chosen_change_does_on_test(tmp_path, capsys):
    wrong = np.random.default_rng(0).choice(569, 28, replace=False)
    table = diagnosis.table(wrong).append_column("clinic", pa.array(["北", "south"] * 284 + ["北"]))
    pq.write_table(table, tmp_path / "tumours.parquet")
    content = diagnosis.config(tmp_path / "unused").model_dump(exclude_unset=True)
    content["table"]["path"] = str(tmp_path / "tumours.parquet")
    front.execute(parse(content | {"evaluate": {"groups": ["clinic"]}}), tmp_path / "run")
    run = Finished(tmp_path / "run")
    chosen = run.read_json("selection/curve.json")["chosen"]
    selected = run.read_json("evaluation/gaps.json")["selected"]
    assert chosen != "nothing"
    assert {(line["model"], line["arm"]) for line in selected} == {("logistic", chosen), ("lightgbm", chosen)}
    terminal.show(run)
    out = " ".join(capsys.readouterr().out.split())
    assert f"On the test set, logistic, {chosen}: by clinic, demographic parity difference" in out
    assert "of “北”" in out
