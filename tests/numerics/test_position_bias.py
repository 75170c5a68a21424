"""Examination by place: known curves are found again, and weights undo what naive learning takes for relevance."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse

from assay.errors import InputError
from assay.numerics import families, glm, products
from assay.numerics.position_bias import DEEPEST, Examination, effective_size, harvested, randomised, regression_em

TRUE = np.array([1.0, 0.6, 0.4, 0.3, 0.25])


def simulate(rows: int = 40_000, pairs: int = 200, bias: float = 1.0, seed: int = 0):
    """Pairs with a relevance each, shown mostly the higher the more relevant; clicks need a look and an appeal."""
    rng = np.random.default_rng(seed)
    relevance = rng.uniform(0.1, 0.9, pairs)
    pair = rng.integers(pairs, size=rows)
    wish = bias * relevance[pair] * 4 + rng.gumbel(size=rows)
    place = np.searchsorted(np.quantile(wish, [0.2, 0.4, 0.6, 0.8]), -wish + 2 * np.median(wish)) + 1
    click = (rng.random(rows) < TRUE[place - 1]) & (rng.random(rows) < relevance[pair])
    return pair, place, click.astype(np.int8), relevance


def one_hot(codes: np.ndarray, size: int) -> sparse.csr_array:
    n = len(codes)
    columns = np.stack((np.zeros(n, np.int64), codes + 1), axis=1).ravel()
    return sparse.csr_array((np.ones(2 * n, np.float32), columns, np.arange(0, 2 * n + 1, 2)), shape=(n, size + 1))


def test_clicks_by_place_alone_are_not_examination():
    _, place, click, _ = simulate()
    rate = np.bincount(place, click)[1:] / np.bincount(place)[1:]
    assert np.abs(rate / rate[0] - TRUE).max() > 0.1


def test_all_pairs_find_a_known_curve():
    pair, place, click, _ = simulate()
    assert harvested(pair, place, click).examination == pytest.approx(TRUE, abs=0.03)


def test_regression_em_finds_a_known_curve_from_features_that_tell_relevance():
    pair, place, click, _ = simulate()
    assert regression_em(place, click, one_hot(pair, 200)).examination == pytest.approx(TRUE, abs=0.03)


def test_regression_em_rests_where_expectation_and_maximisation_change_nothing():
    pair, place, click, _ = simulate(rows=20_000, pairs=30)
    found = regression_em(place, click, one_hot(pair, 30), l2=1e-3).examination
    # One step of EM from the found ratios, relevance free by pair: p and r are known up to one factor, chosen to fit the clicks.
    examined, relevant = found.copy(), np.full(30, 0.5)
    for _ in range(2000):  # relevance by EM for fixed examination
        hidden = np.where(click, 1.0, (1 - examined[place - 1]) * relevant[pair] / (1 - examined[place - 1] * relevant[pair]))
        relevant = np.bincount(pair, hidden) / np.bincount(pair)
    looked = np.where(click, 1.0, examined[place - 1] * (1 - relevant[pair]) / (1 - examined[place - 1] * relevant[pair]))
    step = np.bincount(place - 1, looked) / np.bincount(place - 1)
    assert step / step[0] == pytest.approx(found, abs=0.01)


def test_places_drawn_at_random_need_nothing_else():
    rng = np.random.default_rng(1)
    relevance = rng.uniform(0.1, 0.9, 50_000)
    likely = np.where(relevance[:, None] > 0.5, [0.4, 0.3, 0.1, 0.1, 0.1], 0.2)  # good items stand first more often
    place = (rng.random(50_000)[:, None] > likely.cumsum(axis=1)).sum(axis=1) + 1
    propensity = likely[np.arange(50_000), place - 1]
    click = (rng.random(50_000) < TRUE[place - 1] * relevance).astype(int)
    assert randomised(place, click, propensity).examination == pytest.approx(TRUE, abs=0.04)
    rate = np.bincount(place, click)[1:] / np.bincount(place)[1:]
    assert np.abs(rate / rate[0] - TRUE).max() > 0.05  # without the propensities it fails


def test_inverse_weights_bring_a_click_model_nearer_to_true_relevance():
    rng = np.random.default_rng(3)
    n = 40_000
    good, shiny = rng.random(n) < 0.5, rng.random(n) < 0.5  # what users want, and what the old ranker put first
    relevance = np.where(good, 0.6, 0.3)
    place = np.where(shiny, rng.integers(1, 3, n), rng.integers(3, 6, n))
    click = (rng.random(n) < TRUE[place - 1] * relevance).astype(int)
    X = sparse.csr_array(np.column_stack((np.ones(n), good, shiny)).astype(np.float32))
    curve = Examination(TRUE, np.bincount(place)[1:], "known")
    error = {}
    for name, weight in (("naive", np.ones(n)), ("ips", curve.weights(place, click))):
        found = glm.fit(X, click, l2=1.0, sample_weight=weight)
        p = families.probability(products.margins(X, found.coef))
        error[name] = -np.mean(relevance * np.log(p) + (1 - relevance) * np.log(1 - p))
        order = p[~good & shiny][0] < p[good & ~shiny][0]
        assert order == (name == "ips")  # the naive one prefers what was put first
    assert error["ips"] < error["naive"]


def test_weights_of_positives_are_inverse_and_clipped():
    curve = Examination(np.array([1.0, 0.5, 0.01]), np.array([9, 9, 9]), "known")
    weight = curve.weights(np.array([1, 2, 3, 0, 7]), np.array([1, 1, 1, 1, 1]), clip=10)
    assert weight.tolist() == [1, 2, 10, 1, 10]
    assert np.isnan(curve.of(np.array([0]))[0])


def test_what_is_not_clicked_says_less_the_deeper_it_stood():
    curve = Examination(np.array([1.0, 0.5, 0.25]), np.array([9, 9, 9]), "known")
    place, click = np.array([1, 1, 1, 2, 2, 2, 3, 3, 3, 0]), np.array([1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    weight = curve.weights(place, click)
    r = (1 + 2) / 9  # of the nine rows with a place
    assert weight[click == 0].tolist() == pytest.approx([1, 1, *2 * [(1 - r) / (1 - r / 2)], *3 * [(1 - r) / (1 - r / 4)], 1])


def test_a_row_counts_as_much_wherever_it_stood():
    rng = np.random.default_rng(5)
    place = rng.integers(1, 6, 200_000)
    click = (rng.random(200_000) < TRUE[place - 1] * 0.4).astype(int)
    weight = Examination(TRUE, np.bincount(place)[1:], "known").weights(place, click)
    assert np.bincount(place, weight)[1:] / np.bincount(place)[1:] == pytest.approx(np.ones(5), abs=0.02)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30))
def test_effective_size_is_between_one_and_the_number_of_rows(weights):
    size = effective_size(np.array(weights))
    assert 1 - 1e-9 <= size <= len(weights) + 1e-9
    assert effective_size(np.full(len(weights), 3.0)) == pytest.approx(len(weights))


def test_effective_size_of_nothing_is_none():
    assert effective_size(np.zeros(3)) == 0.0


@settings(max_examples=15, deadline=None)
@example(seed=1, deepest=21)  # the deepest place has no propensity
@given(seed=st.integers(0, 2**32 - 1), deepest=st.integers(2, 80))
def test_any_log_gives_a_curve_or_says_why_not(seed, deepest):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    pair, place = rng.integers(6, size=n), rng.integers(0, deepest, size=n)
    click = (rng.random(n) < 0.4).astype(int)
    X = one_hot(pair, 6)
    propensity = np.where(rng.random(n) < 0.5, 0.3, np.nan)
    methods = (
        (lambda: harvested(pair, place, click), place),
        (lambda: regression_em(place, click, X), place),
        (lambda: randomised(place, click, propensity), place[np.isfinite(propensity)]),
    )
    for method, learnt_from in methods:
        try:
            found = method()
        except InputError:
            continue
        assert found.examination[0] == 1.0
        assert len(found.examination) == min(learnt_from.max(), DEEPEST)
        assert np.isfinite(found.examination).all()
        assert (found.examination > 0).all()


def test_nothing_to_learn_from_is_said():
    place, one = np.array([1, 2, 3]), np.array([1, 0, 0])
    with pytest.raises(InputError, match="two places"):
        harvested(np.array([1, 2, 3]), place, one)
    with pytest.raises(InputError, match="propensity"):
        randomised(place, one, np.full(3, np.nan))
    with pytest.raises(InputError, match="first place has no click"):
        randomised(place, 1 - one, np.full(3, 0.5))
    with pytest.raises(InputError, match="no shown item"):
        regression_em(place, np.zeros(3), one_hot(place, 4))
