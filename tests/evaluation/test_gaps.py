"""Gaps against fairlearn's own functions and counts by hand; resamples against rows that are really there so often."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.errors import InputError
from assay.evaluation.fairness import fairness
from assay.evaluation.gaps import gap_scores, rate_of
from assay.pages.gaps import GAPS, RATES

metrics = pytest.importorskip("fairlearn.metrics")
LEVELS = ["女", "m", '<b>"x"</b>']
ROWS = h.lists(
    h.tuples(h.booleans(), h.sampled_from([0.0, 0.3, 0.5, 0.9]), h.integers(0, 4), h.sampled_from(LEVELS), h.integers(0, 3)),
    min_size=1,
    max_size=30,
)


def columns(rows):
    label, score, user, level, weight = zip(*rows, strict=True)
    return np.array(label, np.int8), np.array(score), np.array(user), list(level), np.array(weight, float)


def by_hand(rows, threshold):
    """Rates of each group as shares of weight, and the gaps; None where there is nothing to be a share of."""
    rates = {rate: {} for rate in RATES}
    kept = [row for row in rows if row[4] > 0]
    for name in {row[3] for row in kept}:
        own = [row for row in kept if row[3] == name]
        for rate, among in zip(RATES, (own, [r for r in own if r[0]], [r for r in own if not r[0]]), strict=True):
            total = sum(row[4] for row in among)
            rates[rate][name] = sum(row[4] for row in among if row[1] >= threshold) / total if total else None
    apart = []
    for rate in RATES:
        known = [value for value in rates[rate].values() if value is not None]
        apart.append(max(known) - min(known) if len(known) > 1 else None)
    odds = [gap for gap in apart[1:] if gap is not None]
    return rates, dict(zip(GAPS, (apart[0], max(odds, default=None)), strict=True))


@given(ROWS, h.sampled_from([0.3, 0.5, 0.95]))
def test_fairlearns_figures_and_ours_are_those_counted_by_hand(rows, threshold):
    label, score, user, level, weight = columns(rows)
    if not weight.any():
        return
    rates, gaps = by_hand(rows, threshold)
    figures = fairness(label, score, level, weight=weight, threshold=threshold)
    ours = gap_scores(label, score, user, level, weight=weight, threshold=threshold).values()
    assert figures.groups == sorted(rates[RATES[0]])
    for name, expected in gaps.items():
        for found in (figures.gaps[name], ours[name]):
            assert np.isnan(found) if expected is None else found == pytest.approx(expected, abs=1e-12)
    for rate in RATES:
        for name, expected in rates[rate].items():
            for found in (figures.rates[rate][name], ours[rate_of(rate, name)]):
                assert np.isnan(found) if expected is None else found == pytest.approx(expected, abs=1e-12)


def made(n=600, seed=0):
    rng = np.random.default_rng(seed)
    level = rng.choice(["a", "b", "c"], n)
    score = np.clip(rng.random(n) + 0.2 * (level == "a"), 0, 1)
    return (rng.random(n) < score).astype(np.int8), score, rng.integers(0, 200, n), level


def test_gaps_are_fairlearns_two_differences():
    label, score, user, level = made()
    predicted = (score >= 0.6).astype(int)
    expected = [
        metrics.demographic_parity_difference(label, predicted, sensitive_features=level),
        metrics.equalized_odds_difference(label, predicted, sensitive_features=level),
    ]
    for found in (
        fairness(label, score, level, threshold=0.6).gaps,
        gap_scores(label, score, user, level, threshold=0.6).values(),
    ):
        assert [found[name] for name in GAPS] == pytest.approx(expected)


def test_a_resample_is_what_fairlearn_says_of_the_drawn_peoples_rows():
    label, score, user, level = made(80)
    scores = gap_scores(label, score, user, level)
    counts = np.random.default_rng(1).multinomial(len(scores.users), np.full(len(scores.users), 1 / len(scores.users)), size=5)
    for drawn, found in zip(counts, scores.statistic(counts.astype(float)), strict=True):
        rows = np.repeat(np.arange(len(user)), drawn[np.searchsorted(scores.users, user)])
        expected = fairness(label[rows], score[rows], list(level[rows])).gaps
        assert found[-2:] == pytest.approx([expected[name] for name in GAPS])


def test_an_interval_holds_the_gap_of_the_whole_population():
    """Of 200 samples of 300 people each, some 95 % hold the gap of all of them: between 88 and 100 %."""
    label, score, _, level = made(30_000, seed=3)
    truth = fairness(label, score, list(level)).gaps["demographic_parity_difference"]
    rng, held = np.random.default_rng(5), 0
    for _ in range(200):
        rows = rng.choice(len(label), 300, replace=False)
        one = gap_scores(label[rows], score[rows], rows, list(level[rows])).estimates(resamples=200, seed=1)
        held += one[GAPS[0]]["low"] <= truth <= one[GAPS[0]]["high"]
    assert 0.88 <= held / 200 <= 1.0


def test_rows_without_a_group_each_are_refused():
    with pytest.raises(InputError, match="level has 1 entries for 2 rows"):
        gap_scores([0, 1], [0.1, 0.9], [1, 2], ["a"])
