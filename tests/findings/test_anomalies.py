"""Planted robots and noise are found; clean data have none."""

import numpy as np
import pytest

from assay.findings.anomalies import noisy_samples, robots
from assay.importance.influence import Influence
from assay.models.logistic import LogisticRegression
from assay.testing.data import make_samples
from assay.testing.defects import bot_farm, duplicated_sessions, robot_users
from assay.trials.verify import NOISES, detected, planted


def clean(seed, n=8_000):
    samples = make_samples(n, users=200, seed=seed)
    _, once = np.unique(np.stack([samples.request, samples.item]), axis=1, return_index=True)
    return samples.take(np.sort(once))


def fitted(train):
    return LogisticRegression(l2=3.0).fit(train, rng=np.random.default_rng(0))


@pytest.mark.parametrize("seed", range(4))
def test_a_clean_log_has_neither_robots_nor_noise(seed):
    train = clean(seed).split("train")
    assert not robots(train).flagged.any()
    assert not noisy_samples(train, fitted(train)).flagged.any()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("plant", [robot_users, bot_farm])
def test_robots_are_found(plant, seed):
    train, mask = plant(clean(seed).split("train"), np.random.default_rng(seed))
    guilty = np.unique(train.user[mask])
    found = robots(train)
    suspects = found.user[np.argsort(-found.score, kind="stable")][: len(guilty)]
    assert np.isin(suspects, guilty).mean() >= 0.8
    assert np.isin(found.user[found.flagged], guilty).mean() >= 0.8
    assert np.isin(guilty, found.user[found.flagged]).mean() >= 0.8
    assert found.table.column("flagged")[0].as_py()
    assert found.table.column("trait")[0].as_py()


@pytest.mark.parametrize("kind", NOISES)
def test_wrong_labels_rank_high(kind):
    samples = clean(1)
    train, wrong = planted(samples.split("train"), kind, 0.05, seed=1)
    model = fitted(train)
    values = Influence().value(
        train, samples.split("validation"), model=model, utility="log_loss", folds=5, rng=np.random.default_rng(0)
    )
    found = detected(wrong, noisy_samples(train, model, values).suspicion)
    if kind == "popularity-shaped clicks":  # what popular items get is what the model expects
        assert found["auc"]["value"] > 0.4
    else:
        assert found["auc"]["low"] > 0.6
        assert found["precision"]["value"] > 2.5 * found["chance"]


def test_much_noise_is_flagged():
    train = clean(2).split("train")
    rng = np.random.default_rng(0)
    sure = np.flatnonzero(np.abs(fitted(train).predict(train) - 0.5) > 0.3)
    wrong = np.zeros(len(train), bool)
    wrong[rng.choice(sure, len(sure) // 6, replace=False)] = True
    at = train.keys.column_names.index("label")
    labels = np.where(wrong, 1 - train.label, train.label).astype(np.int8)
    noisy = type(train)(train.keys.set_column(at, "label", [labels]), train.features, train.encoder)
    found = noisy_samples(noisy, fitted(noisy))
    assert found.flagged.sum() > 0.1 * wrong.sum()
    assert wrong[found.flagged].mean() > 0.4
    assert found.expected_precision >= 0.5


def test_copies_are_flagged():
    train, mask = duplicated_sessions(clean(3).split("train"), np.random.default_rng(0))
    found = noisy_samples(train, fitted(train))
    np.testing.assert_array_equal(found.flagged, mask)
    assert detected(mask, found.suspicion)["precision"]["value"] == 1.0


def test_few_users_and_users_of_few_samples():
    train = clean(0).split("train")
    one = train.take(train.user == train.user[0])
    assert not robots(one).flagged.any()
    nobody = train.take(train.label == 0)
    assert robots(nobody).table.num_rows == 0


def test_nobody_is_a_robot_where_all_take_each_item_once():
    """The evenness of each is 1 up to rounding: a deviation of its last bits is none."""
    train = clean(0).split("train")
    train = train.take(train.label > 0)
    _, once = np.unique(np.stack([train.user, train.item]), axis=1, return_index=True)
    assert not robots(train.take(np.sort(once))).flagged.any()
