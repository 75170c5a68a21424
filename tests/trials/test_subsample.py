import numpy as np
import pytest

from assay.models.logistic import LogisticRegression
from assay.testing.data import make_samples
from assay.trials.subsample import draws


def test_both_draws_have_about_the_asked_size_and_mean_weight_1():
    train = make_samples(60_000).split("train")
    found = draws(train, 0.1, LogisticRegression(3.0), 7)
    assert set(found) == {"uniform", "weighted"}
    for weight in found.values():
        taken = weight > 0
        assert abs(taken.mean() - 0.1) < 0.01
        assert abs(weight.sum() / (0.1 * len(train)) - 1) < 0.05
    assert set(found["uniform"]) == {0.0, 1.0}
    assert found["weighted"].max() <= 10 + 1e-9
    again = draws(train, 0.1, LogisticRegression(3.0), 7)
    for name, weight in found.items():
        np.testing.assert_array_equal(again[name], weight)


@pytest.mark.parametrize("negatives", [1.0, 12.0])  # what each weighs
def test_a_weighted_tenth_is_nearer_to_all_than_a_uniform_tenth(negatives):
    """Mean squared distance of coefficients from those of the whole, over several draws."""
    train = make_samples(40_000).split("train")
    train = train.with_weight(np.where(train.label > 0, 1.0, negatives))
    whole = LogisticRegression(3.0).fit(train, rng=np.random.default_rng(0))
    far = {"uniform": 0.0, "weighted": 0.0}
    margin = train.matrix() @ whole.coef_
    for seed in range(6):
        for name, weight in draws(train, 0.1, LogisticRegression(3.0), seed).items():
            tenth = LogisticRegression(3.0).fit(train.with_weight(weight), rng=np.random.default_rng(0), start=whole)
            far[name] += float(np.mean((train.matrix() @ tenth.coef_ - margin) ** 2))
    assert far["weighted"] < far["uniform"]
