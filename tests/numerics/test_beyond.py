import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as h

from assay.errors import InputError
from assay.numerics import beyond as by
from assay.numerics import statistics as st
from assay.testing.lists import make_lists, make_tastes

ITEMS = 12
LIST = h.lists(h.integers(0, ITEMS - 1), unique=True, max_size=5)
LISTS = h.lists(h.tuples(h.integers(0, 4), LIST), min_size=1, max_size=9)  # of users


def padded(rows, k=5):
    return np.array([[*row, *[-1] * (k - len(row))] for row in rows], np.int64).reshape(len(rows), k)


def gini_by_pairs(rows):
    """Half the mean absolute difference over the mean."""
    counts = [sum(i in row for row in rows) for i in range(ITEMS)]
    mean = sum(counts) / ITEMS
    return sum(abs(a - b) for a in counts for b in counts) / (2 * ITEMS**2 * mean) if mean else math.nan


def covered(rows):
    return len({i for row in rows for i in row}) / ITEMS


def jackknife(measure, made):
    """Value and its variance, leaving each user out."""
    users = sorted({user for user, _ in made})
    value = measure([row for _, row in made])
    without = np.array([measure([row for user, row in made if user != left]) for left in users])
    without = np.where(np.isnan(without), value, without)
    return value, (len(users) - 1) / len(users) * np.sum((without - without.mean()) ** 2)


@pytest.mark.parametrize(("parts", "measure"), [(by.coverage_parts, covered), (by.gini_parts, gini_by_pairs)])
@given(made=LISTS)
def test_parts_have_the_measure_as_mean_and_the_variance_of_leaving_a_user_out(parts, measure, made):
    users = np.array([user for user, _ in made]) + 3
    found = parts(padded([row for _, row in made]), users, ITEMS)
    if not any(row for _, row in made) and measure is gini_by_pairs:
        assert np.isnan(found).all()
        return
    value, variance = jackknife(measure, made)
    assert found.mean() == pytest.approx(value, abs=1e-12)
    sums = np.array([np.sum(found[users == user] - value) for user in np.unique(users)])
    n = len(sums)
    expected = sums @ sums / len(found) ** 2 * n / max(n - 1, 1)
    assert expected == pytest.approx(variance, abs=1e-12)


@given(LISTS)
def test_gini_is_that_of_all_pairs_of_items(made):
    rows = [row for _, row in made]
    assert by.gini(padded(rows), ITEMS) == pytest.approx(gini_by_pairs(rows), nan_ok=True)


def test_gini_at_its_ends():
    assert by.gini(np.arange(6).reshape(3, 2), 6) == 0
    assert by.gini(np.zeros((5, 1), int), 100) == pytest.approx(0.99)


def test_novelty_is_minus_log2_of_the_share_of_users():
    popularity = np.array([1.0, 0.5, 0.25, 0.0])
    top = np.array([[0, 1], [2, 3], [3, -1], [-1, -1]])
    # Nobody took the last: it counts as the rarest that somebody took.
    np.testing.assert_allclose(by.novelty(top, popularity), [0.5, 2.0, 2.0, np.nan])
    assert np.isnan(by.novelty(top, np.zeros(4))).all()


def test_serendipity_as_in_the_example_of_rectools():
    # RecTools 0.19, metrics/serendipity.py: items i1 to i4, of which i1 has 3 users, i2 has 2, the others none.
    top = np.array([[0, 1], [1, 2], [2, -1], [1, 2]])
    hit = np.array([[1, 1], [1, 1], [0, 0], [1, 0]], bool)
    popularity = np.array([1.0, 2 / 3, 0.0, 0.0])
    np.testing.assert_allclose(by.serendipity(top[:, :1], hit[:, :1], popularity), [0, 0.25, 0, 0.25])
    np.testing.assert_allclose(by.serendipity(top, hit, popularity), [0, 0.5, 0, 0.125])


@given(LIST.filter(len), h.lists(h.booleans(), min_size=5, max_size=5), h.lists(h.integers(0, 4), min_size=ITEMS, max_size=ITEMS))
def test_serendipity_by_loops(row, hits, taken):
    expected = 0.0
    for place, (item, hit) in enumerate(zip(row, hits, strict=False), 1):
        rank = 1 + sum(other > taken[item] for other in taken)
        anyone = (ITEMS + 1 - rank) / ITEMS if taken[item] else 0.0
        expected += hit * max((ITEMS + 1 - place) / ITEMS - anyone, 0)
    found = by.serendipity(padded([row]), np.array([hits]), np.array(taken) / 4)
    assert found[0] == pytest.approx(expected / len(row))
    assert 0 <= found[0] <= 1


@given(LIST, h.lists(h.integers(-1, 2), min_size=ITEMS, max_size=ITEMS))
def test_diversity_leaves_pairs_out_of_which_a_category_is_not_known(row, category):
    pairs = [category[a] != category[b] for a, b in combinations(row, 2) if category[a] >= 0 and category[b] >= 0]
    assert by.diversity(padded([row]), np.array(category))[0] == pytest.approx(np.mean(pairs) if pairs else np.nan, nan_ok=True)


@given(LISTS, h.lists(h.integers(0, 9), min_size=ITEMS, max_size=ITEMS))
def test_shares_of_popular_items(made, taken):
    popularity, top = np.array(taken) / 9, padded([row for _, row in made])
    head = by.head_items(popularity, 0.4)
    assert popularity[head].sum() >= 0.4 * popularity.sum() - 1e-12
    assert popularity[head].min(initial=1) >= popularity[~head].max(initial=0)
    for r, (_, row) in enumerate(made):
        share, mean = (np.mean(each[row]) if row else np.nan for each in (head, popularity))
        assert by.popularity_share(top, head)[r] == pytest.approx(share, nan_ok=True)
        assert by.mean_popularity(top, popularity)[r] == pytest.approx(mean, nan_ok=True)


NUMBER = h.floats(0.001, 1) | h.just(np.nan)


@given(h.lists(h.tuples(NUMBER, NUMBER), min_size=1, max_size=8))
def test_popularity_lift_is_the_ratio_of_means_less_one(pairs):
    lists, past = np.array(pairs).T
    parts = by.popularity_lift_parts(lists, past)
    both = [(a, b) for a, b in pairs if not (np.isnan(a) or np.isnan(b))]
    assert np.isnan(parts).sum() == len(pairs) - len(both)
    if both:
        expected = np.mean([a for a, _ in both]) / np.mean([b for _, b in both]) - 1
        assert np.nanmean(parts) == pytest.approx(expected, abs=1e-9)


def test_the_variance_of_the_lifts_parts_is_that_of_a_ratio():
    rng = np.random.default_rng(0)
    lists, past = rng.gamma(2, 0.1, (2, 2000))
    draws = rng.integers(2000, size=(2000, 2000))
    drawn = lists[draws].mean(axis=1) / past[draws].mean(axis=1)
    stderr = by.popularity_lift_parts(lists, past).std() / 2000**0.5
    assert stderr == pytest.approx(drawn.std(), rel=0.06)


@given(h.lists(NUMBER, min_size=1, max_size=9))
def test_filled_has_the_mean_and_the_error_of_what_is_defined(values):
    values = np.array(values)
    found, present = by.filled(values), values[~np.isnan(values)]
    if not len(present):
        assert np.isnan(found).all()
        return
    assert found.mean() == pytest.approx(present.mean())
    # To first order: sums of squares over the squared number of rows.
    error = np.sum((present - present.mean()) ** 2) / len(present) ** 2
    assert np.sum((found - found.mean()) ** 2) / len(found) ** 2 == pytest.approx(error, abs=1e-12)


def test_no_lists_and_no_catalogue():
    none = np.full((3, 2), -1)
    assert by.coverage_parts(none, np.arange(3), 5).tolist() == [0, 0, 0]
    assert np.isnan(by.gini_parts(none, np.arange(3), 5)).all()
    assert by.coverage_parts(none[:0], np.arange(0), 5).shape == (0,)
    with pytest.raises(InputError, match="the catalogue is empty"):
        by.coverage(none, 0)


@pytest.mark.slow
@pytest.mark.parametrize("users", [40, 300])
def test_intervals_hold_what_as_many_other_users_would_get(users):
    """timings/coverage.py says how often, and how far off plain resampling is."""
    rng = np.random.default_rng(users)
    tastes = make_tastes(400)
    trials = [make_lists(tastes, users, 5, rng=rng) for _ in range(400)]
    for measure, parts in ((by.coverage, by.coverage_parts), (by.gini, by.gini_parts)):
        expected = np.mean([measure(top, 400) for top, _ in trials])
        held = 0
        for top, user in trials[:300]:
            each = parts(top, user, 400)
            statistic = st.mean_statistic(user, each[:, None], users)
            low, high = st.percentile_interval(st.resample(statistic, users, resamples=200, rng=rng))
            held += low[0] <= expected <= high[0]
        assert held / 300 >= 0.92, measure  # conservative by theory; 200 resamples and 300 trials cost some
