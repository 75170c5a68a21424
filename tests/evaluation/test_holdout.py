import numpy as np
import pyarrow as pa
import pytest

from assay.config import Evaluate
from assay.evaluation.beyond import Past
from assay.evaluation.claims import verdict
from assay.evaluation.enough import requests_needed
from assay.evaluation.holdout import claimed, details, differences, estimates, holdout
from assay.models.baselines import BuyItAgain, Popularity
from assay.numerics.names import is_beyond
from assay.task import BINARY
from assay.testing.data import make_samples


@pytest.fixture(scope="module")
def samples():
    return make_samples(8_000)


@pytest.fixture(scope="module")
def judges(samples):
    """A holdout with candidates and one without."""
    test = samples.split("test")
    request, first, code = np.unique(test.request, return_index=True, return_inverse=True)
    truth = np.bincount(code, test.label, minlength=len(request)).astype(np.int32)
    columns = {"request_id": request, "user_code": test.user[first], "truth_count": truth, "split": ["test"] * len(first)}
    requests = pa.table(columns)
    past = Past.of_training(samples.split("train"), 60)
    section = Evaluate(resamples=60)
    return holdout(test, test, requests, "test", past, section, 7), holdout(test, None, None, "test", past, section, 7)


@pytest.fixture(scope="module")
def models(samples):
    train = samples.split("train")
    return [model.fit(train, rng=np.random.default_rng(0)) for model in (Popularity(), BuyItAgain())]


def test_every_claim_is_measured_where_there_are_candidates(judges, models):
    ranked, plain = (judge.score(models[0].predict) for judge in judges)
    assert set(BINARY.claims) <= set(ranked.measures)
    assert {"precision@10", "recall@10", "hit_rate@10", "mrr@10", "map@10", "coverage@10", "novelty@10"} <= set(ranked.measures)
    assert not any("@" in name for name in plain.measures)
    assert plain.per_request is None
    for name in plain.measures:
        assert ranked.measures[name] == plain.measures[name]
    for entry in ranked.measures.values():
        assert entry["low"] <= entry["value"] <= entry["high"] or np.isclose(entry["low"], entry["high"])


def test_models_are_compared_on_accuracy_alone(judges, models):
    a, b = (judges[0].score(model.predict) for model in models)
    assert {"gini@10", "serendipity@10", "popularity_lift@10", "diversity@10"} <= set(a.measures)
    assert not any(is_beyond(name) for name in judges[0].difference(a, b))
    assert not any(is_beyond(name) for name in judges[0].ranked_difference(judges[0].chance(0.4), b))


def test_a_difference_turns_its_sign_with_its_order(judges, models):
    a, b = (judges[0].score(model.predict) for model in models)
    forth, back = judges[0].difference(a, b), judges[0].difference(b, a)
    for name, entry in forth.items():
        assert entry["value"] == pytest.approx(-back[name]["value"])
        assert entry["low"] == pytest.approx(-back[name]["high"])
        assert entry["p"] == pytest.approx(back[name]["p"])
    for name in BINARY.claims:
        assert forth[name]["value"] == pytest.approx(b.measures[name]["value"] - a.measures[name]["value"], abs=1e-9)
    assert all(entry["value"] == 0 for entry in judges[0].difference(a, a).values())


def test_a_difference_says_how_many_requests_a_verdict_takes(samples, judges, models):
    a, b = (judges[0].score(model.predict) for model in models)
    test, (users, requests) = samples.split("test"), judges[0].size
    change = judges[0].difference(a, b)
    expected = requests_needed(change, users=users, requests=requests)
    assert expected is not None
    assert {entry["needs"] for entry in change.values()} == {expected}
    few = test.take(np.flatnonzero(np.isin(test.user, np.unique(test.user)[:2])))
    judge = holdout(few, None, None, "test", judges[0].past, Evaluate(resamples=60), 7)
    change = judge.difference(judge.score(models[0].predict), judge.score(models[1].predict))
    assert {verdict(name, entry) for name, entry in change.items()} == {"few"}


def test_chance_is_what_random_scores_have_on_average(judges, models):
    ranked, plain = judges
    rng = np.random.default_rng(3)
    draws = [ranked.score(lambda rows: rng.random(len(rows)), resamples=2).measures["ndcg@10"]["value"] for _ in range(200)]
    chance = ranked.chance(0.4)
    assert chance.measures["ndcg@10"]["value"] == pytest.approx(np.mean(draws), abs=3 * np.std(draws) / 200**0.5)
    model = ranked.score(models[0].predict)
    gap = ranked.ranked_difference(chance, model)
    assert set(gap) == {"ndcg@10"}
    assert gap["ndcg@10"]["value"] == pytest.approx(model.measures["ndcg@10"]["value"] - chance.measures["ndcg@10"]["value"])
    share = float(plain.samples.label.mean())
    expected = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert plain.chance(share).measures["log_loss"]["value"] == pytest.approx(expected)


def test_pages_are_json_without_nan(judges, models):
    a, b = (judges[0].score(model.predict) for model in models)
    found = judges[0].difference(a, b)
    assert set(differences(claimed(found))) == set(BINARY.claims)
    assert set(details(found)["auc"]) == {"value", "low", "high", "p", "p_holm", "effect", "needs"}
    assert estimates({"x": {"value": 1.0, "low": float("nan"), "high": float("inf")}})["x"] == {
        "value": 1.0,
        "low": None,
        "high": None,
    }


def test_what_is_judged_on_are_the_requests_with_truth(judges, samples):
    ranked, unranked = judges
    test = samples.split("test")
    assert unranked.size == (len(np.unique(test.user)), len(np.unique(test.request)))
    with_truth = test.take(test.label > 0)
    assert ranked.size == (len(np.unique(with_truth.user)), len(np.unique(with_truth.request)))
