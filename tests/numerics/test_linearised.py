"""Against scikit-learn's measures, and errors against those of resampled users."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h
from sklearn import metrics

from assay.numerics import clusters
from assay.numerics.linearised import POOLED, pooled_by_request


def exact(y, s, threshold=0.5):
    yes = s >= threshold
    return ({"auc": metrics.roc_auc_score(y, s)} if y.min() < y.max() else {}) | {
        "accuracy": metrics.accuracy_score(y, yes),
        "precision": metrics.precision_score(y, yes, zero_division=0),
        "recall": metrics.recall_score(y, yes, zero_division=0),
        "f1": metrics.f1_score(y, yes, zero_division=0),
    }


@pytest.mark.slow
@given(
    h.lists(h.tuples(h.booleans(), h.integers(0, 4), h.integers(0, 5)), min_size=1, max_size=40), h.sampled_from([0.5, 2.0, 9.0])
)
@settings(max_examples=200, deadline=None)
def test_the_mean_over_requests_is_the_measure(rows, threshold):
    y, s, request = (np.array(column) for column in zip(*rows, strict=True))
    found = pooled_by_request(y, s.astype(float), request, 7, threshold=threshold)
    wanted = exact(y, s, threshold)
    assert tuple(found) == tuple(name for name in POOLED if name in wanted)
    for name, value in wanted.items():
        assert found[name].shape == (7,)
        assert found[name].mean() == pytest.approx(value, abs=1e-12)
        assert found[name][6] == pytest.approx(value, abs=1e-12)


def test_a_row_of_weight_two_counts_as_two_rows():
    rng = np.random.default_rng(3)
    y, s, request, times = (
        rng.integers(2, size=60),
        rng.integers(8, size=60) / 8,
        rng.integers(9, size=60),
        rng.integers(1, 4, size=60),
    )
    weighted = pooled_by_request(y, s, request, 9, weight=times)
    repeated = pooled_by_request(*(np.repeat(column, times) for column in (y, s, request)), 9)
    for name in POOLED:
        assert weighted[name] == pytest.approx(repeated[name]), name


def test_requests_without_any_row_have_no_score():
    assert pooled_by_request([], [], [], 3) == {}


@pytest.mark.slow
def test_errors_are_those_of_resampled_users():
    rng = np.random.default_rng(0)
    user = np.sort(rng.integers(150, size=600))  # of requests
    request = np.sort(rng.integers(600, size=6_000))
    taste = rng.normal(size=150)[user][request]
    y = (rng.random(6_000) < 1 / (1 + np.exp(1 - taste))).astype(int)
    s = 1 / (1 + np.exp(-(0.4 * taste + 0.8 * y + rng.normal(size=6_000) - 1)))
    found = pooled_by_request(y, s, request, 600)
    error = np.sqrt((clusters.deviations(user, np.stack([*found.values()])) ** 2).sum(axis=1))
    drawn = []
    rows = [np.flatnonzero(user[request] == u) for u in range(150)]
    for _ in range(400):
        at = np.concatenate([rows[u] for u in rng.integers(150, size=150)])
        drawn.append([*exact(y[at], s[at]).values()])
    np.testing.assert_allclose(error, np.std(drawn, axis=0), rtol=0.15)


def test_what_was_not_ranked_stands_last():
    found = pooled_by_request([1, 0, 1], [0.9, 0.6, -np.inf], [0, 0, 1], 2)
    assert found["auc"].mean() == pytest.approx(0.5)
    assert found["recall"].mean() == pytest.approx(0.5)
