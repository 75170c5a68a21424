"""The baselines, and self-scores against retraining without each sample."""

import numpy as np
import pytest

from assay.importance import inclusion_probabilities, loss, margin, popularity, random, recency, self_score
from tests.importance.test_influence import problem, retrained


def test_self_scores_are_those_of_models_trained_without_the_sample():
    X, y, _, _ = problem(150, 6, seed=2)
    exact = np.empty(150)
    for i in range(150):
        weight = np.ones(150)
        weight[i] = 0
        exact[i] = -np.logaddexp(0, -(2.0 * y[i] - 1) * (X[i] @ retrained(X, y, 1.0, weight)))
    found = self_score(X, y, l2=1.0)
    assert np.corrcoef(found, exact)[0, 1] > 0.999
    np.testing.assert_allclose(found, exact, atol=0.05)
    seen = loss(y, 1 / (1 + np.exp(-X @ retrained(X, y, 1.0, np.ones(150)))))
    assert np.all(found <= seen + 1e-9)


def test_the_others_by_hand():
    np.testing.assert_allclose(loss([1, 0], [0.25, 0.25]), np.log([0.25, 0.75]))
    np.testing.assert_allclose(margin([1, 0], [0.25, 0.25]), [-0.5, 0.5])
    assert np.isfinite(loss([1], [0.0])).all()
    np.testing.assert_array_equal(recency(np.array(["2026-01-02", "2026-01-01"], "datetime64[D]")).argsort(), [1, 0])
    np.testing.assert_array_equal(popularity(["a", "b", "a"]), [2, 1, 2])
    np.testing.assert_array_equal(popularity(["a", "b", "a"], [1, 1, 0]), [1, 1, 1])
    np.testing.assert_array_equal(random(5, np.random.default_rng(1)), random(5, np.random.default_rng(1)))


def test_inclusion_probabilities_follow_residual_and_length():
    X, y, _, _ = problem(400, 5, seed=1)
    b = retrained(X, y, 1.0, np.ones(400))
    p = 1 / (1 + np.exp(-X @ b))
    H = X.T @ (X * (p * (1 - p))[:, None]) + np.eye(5)
    lengths = {"L": np.linalg.norm(X, axis=1), "A": np.sqrt(np.einsum("ij,jk,ik->i", X, np.linalg.inv(H), X))}
    for criterion, length in lengths.items():
        size = np.abs(y - p) * length
        expected = 0.05 * 400 * (0.9 * size / size.sum() + 0.1 / 400)
        found = inclusion_probabilities(X, y, fraction=0.05, criterion=criterion)
        np.testing.assert_allclose(found, np.minimum(1, expected), rtol=1e-4)
        assert found.sum() == pytest.approx(20)
    order = np.random.default_rng(0).permutation(400)
    np.testing.assert_allclose(
        inclusion_probabilities(X[order], y[order], fraction=0.05), inclusion_probabilities(X, y, fraction=0.05)[order], rtol=1e-8
    )
    np.testing.assert_array_equal(inclusion_probabilities(X, y, fraction=1.0), 1.0)


def test_a_weighted_draw_does_not_bias_the_fit():
    X, y, _, _ = problem(3000, 4, seed=3)
    whole = retrained(X, y, 1.0, np.ones(3000))
    chance = inclusion_probabilities(X, y, fraction=0.2)
    rng = np.random.default_rng(0)

    def drawn(pi):
        return [retrained(X, y, 1.0, np.where(rng.random(3000) < pi, 1 / pi, 0)) for _ in range(40)]

    ours, uniform = drawn(np.asarray(chance)), drawn(np.full(3000, 0.2))
    assert np.linalg.norm(np.mean(ours, axis=0) - whole) < 3 * np.linalg.norm(np.std(ours, axis=0)) / np.sqrt(40) + 0.02
    assert np.var(ours, axis=0).sum() < np.var(uniform, axis=0).sum()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: self_score(X, y, l2=0), "l2 is 0"),
        (lambda X, y: self_score(X, y + 1, l2=1.0), "y holds the label 2"),
        (lambda X, y: self_score(X, y, l2=1.0, coef=[1.0]), "coef has shape"),
        (lambda X, y: loss(y, X[:, 0]), "no probability"),
        (lambda X, y: margin(y[:3], np.ones(4)), "y has shape"),
        (lambda X, y: recency([np.nan]), "timestamp holds NaN"),
        (lambda X, y: random(-1, np.random.default_rng(0)), "n is -1"),
        (lambda X, y: inclusion_probabilities(X, y, fraction=0), "fraction is 0"),
        (lambda X, y: inclusion_probabilities(X, y, fraction=0.1, criterion="D"), "criterion is 'D'"),
        (lambda X, y: inclusion_probabilities(X, y, fraction=0.1, coef=[1.0]), "coef has shape"),
    ],
)
def test_bad_input_is_named(call, message):
    X, y, _, _ = problem(50, 3)
    with pytest.raises(ValueError, match=message):
        call(X, y)
