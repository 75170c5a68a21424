import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as h
from scipy import stats

from assay.errors import InputError
from assay.numerics import statistics as st
from assay.numerics.hashing import mix


def test_resampling_does_not_depend_on_the_block(monkeypatch):
    values = np.random.default_rng(0).random((50, 2))
    mean = st.mean_statistic(np.arange(50) % 9, values, 9).__call__
    whole = st.resample(mean, 9, resamples=100, rng=np.random.default_rng(5))
    monkeypatch.setattr(st, "BLOCK", 30)
    np.testing.assert_array_equal(whole, st.resample(mean, 9, resamples=100, rng=np.random.default_rng(5)))


def test_redrawn_means_are_those_of_counted_draws():
    """Same mean, spread and correlations as counts of numpy's generator, with users of unlike sizes and missing values."""
    rng = np.random.default_rng(6)
    values, user = rng.random((60, 3)), rng.integers(0, 12, 60)
    values[rng.random((60, 3)) < 0.3] = np.nan
    values[:, 2] = rng.random(60)
    mean = st.mean_statistic(user, values, 12)
    fast = st.resample(mean, 12, resamples=40_000, rng=rng)
    slow = st.resample(mean.__call__, 12, resamples=40_000, rng=rng)
    np.testing.assert_allclose(fast.mean(axis=0), slow.mean(axis=0), atol=4 * slow.std(axis=0).max() / 200 * 1.5)
    np.testing.assert_allclose(np.cov(fast.T), np.cov(slow.T), atol=0.04 * np.cov(slow.T).max())


@pytest.mark.parametrize("users", [2, 7, 64, 159902])
def test_redraws_are_the_documented_ones(users):
    """Counted in numpy from the same hashes: with many users some draws are made again."""
    streams = mix(3, np.arange(6))
    values = np.random.default_rng(7).random(users).round(6)
    found = st.Means(values[:, None], np.ones((users, 1))).redrawn(streams)[:, 0]
    half, word, again = np.uint64(0xFFFFFFFF), np.uint64(32), 0
    for stream, mean in zip(streams, found, strict=True):
        bits = splitmix64(stream + np.arange(users // 2, dtype=np.uint64))
        wide = np.concatenate([bits & half, bits >> word]) * np.uint64(users)
        kept = wide & half >= 2**32 % users
        total, missing, counter = values[wide[kept] >> word].sum(), users - kept.sum(), stream + np.uint64(users // 2)
        again += missing - users % 2
        while missing:
            one = (splitmix64(counter) & half) * np.uint64(users)
            counter += np.uint64(1)
            if one & half >= 2**32 % users:
                total, missing = total + values[one >> word], missing - 1
        assert mean == pytest.approx(total / users, rel=1e-12)
    assert (again > 0) == (users > 100_000)


def splitmix64(state):
    with np.errstate(over="ignore"):
        h = state + np.uint64(0x9E3779B97F4A7C15)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return h ^ (h >> np.uint64(31))


def test_redraws_are_uniform_and_the_same_on_any_number_of_threads():
    users, draws = 7, 30_000
    means = st.Means(np.eye(users), np.ones((users, users)))
    threads = numba.get_num_threads()
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    try:
        counts = np.rint(st.resample(means, users, resamples=draws, rng=np.random.default_rng(8)) * users)
        numba.set_num_threads(1)
        alone = st.resample(means, users, resamples=draws, rng=np.random.default_rng(8))
    finally:
        numba.set_num_threads(threads)
    assert (counts.sum(axis=1) == users).all()
    expected = stats.binom.pmf(np.arange(users + 1), users, 1 / users) * draws
    for one in counts.T:
        found = np.bincount(one.astype(int), minlength=users + 1)
        together = [*found[:4], found[4:].sum()], [*expected[:4], expected[4:].sum()]
        assert stats.chisquare(*together).pvalue > 1e-4
    np.testing.assert_array_equal(np.rint(alone * users), counts)


def test_mean_statistic_is_the_mean_of_the_drawn_rows():
    rng = np.random.default_rng(1)
    values, user = rng.random((40, 3)), rng.integers(0, 6, 40)
    values[rng.random((40, 3)) < 0.2] = np.nan
    counts = rng.integers(0, 3, (5, 6)).astype(float)
    found = st.mean_statistic(user, values, 6)(counts)
    for one, means in zip(counts, found, strict=True):
        rows = np.repeat(np.arange(40), one[user].astype(int))
        np.testing.assert_allclose(means, np.nanmean(values[rows], axis=0), rtol=1e-12)


def test_standard_error_is_the_cluster_robust_one():
    rng = np.random.default_rng(2)
    user = rng.integers(0, 400, 3000)
    values = (rng.random(400)[user] + rng.random(3000))[:, None]
    draws = st.resample(st.mean_statistic(user, values, 400), 400, resamples=4000, rng=rng)
    residual = np.bincount(user, values[:, 0] - values.mean(), 400)
    assert st.standard_error(draws)[0] == pytest.approx(np.sqrt((residual**2).sum()) / 3000, rel=0.05)


def test_a_a_comparisons_reject_in_one_of_twenty():
    rng = np.random.default_rng(3)
    user, trials, rejected = np.repeat(np.arange(60), 4), 600, 0
    for _ in range(trials):
        effect = rng.normal(size=60)[user]  # what makes a user's rows alike
        difference = (effect + rng.normal(size=240))[:, None]
        mean = st.mean_statistic(user, difference, 60)
        draws = st.resample(mean, 60, resamples=150, rng=rng)
        p, low, high = st.t_test(st.point(mean, 60), st.standard_error(draws), 60)
        assert (p[0] < 0.05) == (low[0] > 0 or high[0] < 0)
        rejected += p[0] < 0.05
    assert 0.03 < rejected / trials < 0.075


def test_percentile_interval_leaves_out_the_undefined():
    draws = np.column_stack([np.arange(101.0), np.full(101, np.nan), np.append(np.zeros(100), np.nan)])
    low, high = st.percentile_interval(draws)
    assert (low[0], high[0]) == pytest.approx((2.5, 97.5))
    assert np.isnan(low[1])
    assert (low[2], high[2]) == (0, 0)


def test_t_test_without_error():
    p, low, high = st.t_test([0.0, 0.3], [0.0, 0.0], 10)
    assert p.tolist() == [1, 0]
    assert (low[1], high[1]) == (0.3, 0.3)


def test_t_test_against_scipy():
    d = np.random.default_rng(4).normal(0.2, 1, 80)
    p, low, high = st.t_test(d.mean(), d.std(ddof=1) / np.sqrt(80), 80)
    expected = stats.ttest_1samp(d, 0)
    assert p == pytest.approx(expected.pvalue)
    assert (low, high) == pytest.approx(tuple(expected.confidence_interval()))
    assert st.cohens_d(d) == pytest.approx(expected.statistic / np.sqrt(80))
    assert st.cohens_d_from_error(d.mean(), d.std(ddof=1) / np.sqrt(80), 80) == pytest.approx(st.cohens_d(d))


def test_effects_without_spread():
    assert st.cohens_d([0.0, 0.0]) == 0
    assert st.cohens_d([-0.1] * 3) == -np.inf
    assert np.isnan(st.cohens_d([1.0]))
    assert st.cohens_d_from_error(0.0, 0.0, 5) == 0
    assert st.cohens_d_from_error(0.2, 0.0, 5) == np.inf


@given(h.lists(h.floats(0, 1), max_size=8))
def test_holm_against_its_definition(p):
    found = st.holm(p)
    ordered = sorted(range(len(p)), key=lambda i: p[i])
    running = 0.0
    for step, i in enumerate(ordered):
        running = max(running, min(1.0, (len(p) - step) * p[i]))
        assert found[i] == pytest.approx(running)


def test_holm_leaves_nan_out():
    assert st.holm([0.02, np.nan, 0.5]).tolist()[::2] == [0.04, 0.5]


def test_minimal_detectable_difference_is_found_at_its_power():
    rng = np.random.default_rng(6)
    users, error = 40, 0.5
    true = st.minimal_detectable_difference(error, users)
    d = rng.normal(true, error * np.sqrt(users), (4000, users))
    assert np.mean(stats.ttest_1samp(d, 0, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.02)


def test_refuses_one_user_and_one_resample():
    mean = st.mean_statistic(np.zeros(3, int), np.ones((3, 1)), 1)
    with pytest.raises(InputError, match="at least 2"):
        st.resample(mean, 1, resamples=10, rng=np.random.default_rng())
    with pytest.raises(InputError, match="resamples is 1"):
        st.resample(mean, 2, resamples=1, rng=np.random.default_rng())
    with pytest.raises(InputError, match="at least 2"):
        st.minimal_detectable_difference(0.1, 1)
