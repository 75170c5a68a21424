"""Values of samples with continuous and graded labels, against retraining by solving the normal equations again."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from assay import ridge_influence
from assay.errors import InputError
from assay.findings.explain import explain_sample
from assay.findings.labels import Wording
from assay.importance import influence
from assay.importance.influence import Influence
from assay.importance.named import every, make
from assay.importance.valuer import user_folds
from assay.models.logistic import LogisticRegression
from assay.models.ridge import Ridge
from assay.task import ABSOLUTE, BINARY, GRADED, SQUARED
from assay.testing.data import make_samples
from assay.testing.valuers import ValuerTests

L2, FOLDS = 3.0, 3
LOSSES = {SQUARED: np.square, ABSOLUTE: np.abs}


@cache
def world(labels=SQUARED, rows=90):
    """Few weighted training samples, so that one of them matters, validation and a fitted ridge regression."""
    samples = make_samples(1_200, labels=labels)
    train = samples.split("train").take(np.arange(rows))
    train = train.with_weight(np.random.default_rng(0).uniform(0.2, 3.0, rows))
    validation = samples.split("validation").take(np.arange(150))
    validation = validation.with_weight(np.random.default_rng(1).uniform(0.2, 3.0, 150))
    return train, validation, Ridge(L2).fit(train, rng=np.random.default_rng(0))


def value(name, labels=SQUARED, utility=None, **more):
    train, validation, model = world(labels, **more)
    rng = np.random.default_rng(5)
    return make(name).value(train, validation, model=model, utility=utility or labels.loss, folds=FOLDS, rng=rng)


def coefficients(train, weight):
    X = train.matrix().toarray().astype(float)
    return np.linalg.solve(X.T @ (weight[:, None] * X) + L2 * np.eye(X.shape[1]), X.T @ (weight * train.response))


@cache
def retrained(labels=SQUARED, rows=90):
    """(F, n) rise of each fold's weighted mean loss without each sample."""
    train, validation, _ = world(labels, rows)
    X_val = validation.matrix().toarray().astype(float)
    fold = user_folds(validation, FOLDS, int(np.random.default_rng(5).integers(2**31)))

    def lost(weight):
        each = LOSSES[labels](X_val @ coefficients(train, weight) - validation.response)
        return np.array([np.average(each[fold == f], weights=validation.weight[fold == f]) for f in range(FOLDS)])

    without = [lost(np.where(np.arange(len(train)) == i, 0, train.weight)) for i in range(len(train))]
    return (np.array(without) - lost(train.weight)).T


class TestInfluenceOfAmounts(ValuerTests):
    def make(self):
        return Influence()

    def data(self):
        return world()


class TestNeighboursOfAmounts(TestInfluenceOfAmounts):
    def make(self):
        return make("knn_shapley_regression")


def test_influence_in_mse_is_retraining_without_each_sample():
    found = value("influence")
    np.testing.assert_allclose(found.per_fold, retrained(), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.value, retrained().mean(axis=0), rtol=1e-8, atol=1e-10)
    assert found.metadata["utility"] == "minus the mean validation mse"


def test_influence_in_mse_is_what_ridge_influence_says():
    train, validation, model = world()
    plain = validation.with_weight(np.ones(len(validation)))
    found = Influence().value(train, plain, model=model, utility="mse", folds=FOLDS, rng=np.random.default_rng(5))
    rows = [part.matrix().toarray().astype(float) for part in (train, validation)]
    fold = user_folds(validation, FOLDS, int(np.random.default_rng(5).integers(2**31)))
    same = ridge_influence(
        rows[0], train.response, rows[1], validation.response, l2=L2, sample_weight=train.weight, folds=fold
    )  # fmt: skip
    np.testing.assert_allclose(found.per_fold, same.per_fold, rtol=1e-7, atol=1e-10)


def test_influence_in_mae_has_the_order_of_retraining():
    """The mean of 150 distances is piecewise linear: one sample of many moves few of them across the bend."""
    found = value("influence", ABSOLUTE, rows=500)
    assert stats.spearmanr(found.value, retrained(ABSOLUTE, rows=500).mean(axis=0)).statistic > 0.9
    assert found.metadata["utility"] == "minus the mean validation mae"


@pytest.mark.parametrize("labels", [SQUARED, ABSOLUTE], ids=lambda kind: kind.loss)
def test_self_score_is_minus_the_own_loss_left_out(labels):
    train = world(labels)[0]
    X, n = train.matrix().toarray().astype(float), len(train)
    left_out = [X[i] @ coefficients(train, np.where(np.arange(n) == i, 0, train.weight)) for i in range(n)]
    found = value("self_score", labels)
    np.testing.assert_allclose(found.value, -LOSSES[labels](left_out - train.response), rtol=1e-6, atol=1e-8)
    assert found.metadata["utility"] == f"{labels.loss} of the sample itself, left out"
    np.testing.assert_allclose(
        value("loss", labels).value, -LOSSES[labels](world(labels)[2].predict(train) - train.response)
    )  # fmt: skip


@pytest.mark.parametrize("labels", [SQUARED, ABSOLUTE], ids=lambda kind: kind.loss)
def test_leave_one_out_is_retraining(labels):
    np.testing.assert_allclose(value("leave_one_out", labels).per_fold, retrained(labels), rtol=1e-6, atol=1e-8)


def test_shapley_values_of_amounts_sum_to_what_training_brings():
    _, validation, model = world(rows=8)
    fold = user_folds(validation, FOLDS, int(np.random.default_rng(5).integers(2**31)))
    error, without = (model.predict(validation) - validation.response) ** 2, validation.response**2  # nobody: 0
    brought = [
        np.average((without - error)[fold == f], weights=validation.weight[fold == f]) for f in range(FOLDS)
    ]  # fmt: skip
    np.testing.assert_allclose(value("shapley", rows=8).per_fold.sum(axis=1), brought, rtol=0.05)


@pytest.mark.parametrize("labels", [SQUARED, ABSOLUTE], ids=lambda kind: kind.loss)
def test_an_explanation_adds_up_to_the_value(labels):
    train, validation, model = world(labels)
    values = Influence().value(train, validation, model=model, utility=labels.loss, folds=2, rng=np.random.default_rng(5))
    fold = user_folds(validation, 2, int(np.random.default_rng(5).integers(2**31)))
    share = np.bincount(fold, validation.weight) / validation.weight.sum()
    for row in (0, 5, 77):
        explained = explain_sample(model, train, validation, row, {}, Wording(), shown=10_000)
        whole = float(share @ values.per_fold[:, row])
        assert explained.value == pytest.approx(whole, rel=1e-6)
        assert sum(line.part for line in explained.columns) == pytest.approx(whole, rel=1e-6)
        assert sum(line.part for line in explained.helped + explained.hurt) == pytest.approx(whole, rel=1e-6)
        assert explained.label == train.response[row]


def test_ranking_influence_is_that_of_the_grades():
    samples = make_samples(1_500, labels=GRADED)
    train, validation = samples.split("train"), samples.split("validation")
    model = LogisticRegression(L2).fit(train, rng=np.random.default_rng(0))
    given = {"model": model, "utility": "log_loss", "folds": FOLDS}
    found = make("ranking_influence").value(train, validation, rng=np.random.default_rng(5), **given)
    fold = user_folds(validation, FOLDS, int(np.random.default_rng(5).integers(2**31)))

    def by_hand(gain):
        rows = [part.matrix() for part in (train, validation)]
        return influence(
            rows[0], train.label, rows[1], gain, l2=L2, folds=fold, utility="ndcg@10", request_val=validation.request
        )

    binary = by_hand(validation.label)
    assert not np.allclose(found.per_fold, binary.per_fold, rtol=0.01)
    ones = replace(validation, label_type=BINARY)
    again = make("ranking_influence").value(train, ones, rng=np.random.default_rng(5), **given)
    np.testing.assert_allclose(again.per_fold, binary.per_fold, rtol=1e-6, atol=1e-12)
    log_loss = make("influence").value(train, validation, rng=np.random.default_rng(5), **given)
    plain = influence(train.matrix(), train.label, validation.matrix(), validation.label, l2=L2, folds=fold)
    np.testing.assert_allclose(log_loss.per_fold, plain.per_fold, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", ["knn_shapley", "knn_banzhaf", "threshold_knn_shapley", "margin", "inclusion"])
def test_what_needs_chances_refuses_amounts_in_a_sentence(name):
    with pytest.raises(InputError, match=f"^{name} needs labels of 0 and 1, and these are amounts; leave it out$"):
        value(name)


def test_ranking_influence_of_amounts_says_which_utilities_there_are():
    with pytest.raises(InputError, match="of continuous labels give mse or mae"):
        value("ranking_influence")


def test_neighbours_of_amounts_refuse_labels_of_0_and_1():
    train, validation, model = ValuerTests().data()
    with pytest.raises(
        InputError, match="knn_shapley_regression values continuous labels, and these are 0 and 1; use knn_shapley"
    ):
        make("knn_shapley_regression").value(
            train, validation, model=model, utility="log_loss", folds=3, rng=np.random.default_rng(0)
        )


@pytest.mark.parametrize("name", ["influence", "self_score", "loss", "shapley"])
def test_another_loss_than_the_labels_is_refused_by_name(name):
    with pytest.raises(InputError, match="log_loss"):
        value(name, utility="log_loss")


def test_every_valuer_that_is_offered_takes_the_labels():
    """What `every` names for amounts values them, and what it leaves out does not."""
    train, validation, model = world(rows=12)
    offered = [name for name in every({"ridge": model}, SQUARED) if name != "ease"]  # which needs users who return
    assert {"influence", "knn_shapley_regression", "leave_one_out"} <= set(offered)
    for name in offered:
        found = make(name).value(train, validation, model=model, utility="mse", folds=FOLDS, rng=np.random.default_rng(5))
        assert np.isfinite(found.value).all(), name
    binary = every({"logistic": LogisticRegression()}, BINARY)
    assert "knn_shapley_regression" not in binary
    assert {"knn_shapley", "margin", "ranking_influence"} <= set(binary)
    assert not {"margin", "ranking_influence", "knn_shapley"} & set(offered)
