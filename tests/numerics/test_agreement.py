from itertools import permutations

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.errors import InputError
from assay.numerics.agreement import LEVELS, agreement

_ = np.nan
# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", part C and D: 4 observers, 12 units.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
)


def long(matrix):
    """unit, judge, value of a matrix (judges, units) with NaN where nothing was rated."""
    judge, unit = np.nonzero(~np.isnan(matrix))
    return unit, judge, matrix[judge, unit]


def by_pairs(unit, judge, value, level):
    """alpha by its definition: mean distance of all pairs within units against that of all pairs of ratings."""
    kept = [n for n in range(len(unit)) if sum(unit[n] == other for other in unit) > 1]
    unit, value = [unit[n] for n in kept], [value[n] for n in kept]
    n = len(value)

    def distance(a, b):
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return (a - b) ** 2
        low, high = min(a, b), max(a, b)
        return (sum(low <= one <= high for one in value) - (value.count(a) + value.count(b)) / 2) ** 2 if a != b else 0.0

    rated = {one: unit.count(one) for one in unit}
    pairs = list(permutations(range(n), 2))
    observed = sum(distance(value[i], value[j]) / (rated[unit[i]] - 1) for i, j in pairs if unit[i] == unit[j]) / n
    expected = sum(distance(value[i], value[j]) for i, j in pairs) / (n * (n - 1))
    return 1 - observed / expected


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_the_published_example(level, published):
    result = agreement(*long(OBSERVERS), level=level)
    assert result.alpha == pytest.approx(published, abs=0.0005)
    assert (result.units, result.ratings, result.judges, result.problem) == (11, 40, 4, "")
    assert result.low < result.alpha < result.high <= 1


def test_the_published_example_of_two_observers_and_two_values():
    matrix = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]], float)  # part A: .095
    assert agreement(*long(matrix), level="nominal").alpha == pytest.approx(0.095, abs=0.0005)


MATRICES = h.integers(2, 4).flatmap(
    lambda judges: h.lists(
        h.lists(h.sampled_from([_, 0.0, 1.0, 2.0, 4.0]), min_size=judges, max_size=judges), min_size=2, max_size=7
    )
)


@settings(max_examples=60, deadline=None)
@given(MATRICES, h.sampled_from(LEVELS))
def test_alpha_is_its_definition_and_what_the_library_says(rows, level):
    matrix = np.array(rows).T
    unit, judge, value = long(matrix)
    result = agreement(unit, judge, value, level=level, resamples=20)
    if np.isnan(result.alpha):
        assert result.problem
        return
    assert result.alpha == pytest.approx(by_pairs(unit.tolist(), judge.tolist(), value.tolist(), level), abs=1e-9)
    assert result.alpha == pytest.approx(krippendorff.alpha(matrix, level_of_measurement=level), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(MATRICES, h.randoms())
def test_names_and_order_do_not_matter(rows, random):
    unit, judge, value = long(np.array(rows).T)
    order = np.array(random.sample(range(len(unit)), len(unit)), int)
    named = np.array([f"評審 {one}" for one in judge])
    same = (agreement(unit, judge, value, resamples=20), agreement(unit[order] + 7, named[order], value[order], resamples=20))
    assert same[0].alpha == pytest.approx(same[1].alpha, abs=1e-9, nan_ok=True)
    assert same[0].units == same[1].units


@pytest.mark.parametrize(
    ("unit", "judge", "value", "said"),
    [
        ([], [], [], "nothing was rated"),
        ([1, 2], ["a", "a"], [0, 1], "one judge only"),
        ([1, 2], ["a", "b"], [0, 1], "no unit was rated by two"),
        ([1, 1, 2, 2], ["a", "b", "a", "b"], [3, 3, 3, 3], "all 4 ratings are alike"),
    ],
)
def test_where_nothing_can_be_said_a_sentence_says_why(unit, judge, value, said):
    result = agreement(unit, judge, value)
    assert np.isnan([result.alpha, result.low, result.high]).all()
    assert said in result.problem


def test_one_unit_has_no_interval():
    result = agreement([1, 1, 1], ["a", "b", "c"], [0, 1, 1])
    assert np.isfinite(result.alpha)
    assert np.isnan(result.low)
    assert "interval" in result.problem


def test_full_agreement_is_one_and_chance_is_about_none():
    unit, judge = np.repeat(np.arange(400), 2), np.tile([0, 1], 400)
    rng = np.random.default_rng(0)
    grade = rng.integers(0, 4, 400)
    assert agreement(unit, judge, np.repeat(grade, 2)).alpha == pytest.approx(1.0)
    by_chance = agreement(unit, judge, rng.integers(0, 4, 800))
    assert by_chance.low < 0 < by_chance.high
    assert by_chance.high - by_chance.low < 0.3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"level": "ratio"}, "level 'ratio'"),
        ({"value": [1, np.inf]}, "rating 1 is not finite"),
        ({"unit": [1, 1]}, "judge a rated 1"),
    ],
)
def test_what_cannot_be_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        agreement(**{"unit": [1, 2], "judge": ["a", "a"], "value": [0, 1], **change})


@pytest.mark.slow
def test_intervals_hold_the_alpha_of_endless_units_about_as_often_as_they_say():
    def drawn(rng, units):
        truth = rng.integers(0, 4, units)
        noise = rng.integers(-1, 2, (2, units)) * (rng.random((2, units)) < 0.5)
        return np.repeat(np.arange(units), 2), np.tile([0, 1], units), np.clip(truth + noise, 0, 3).T.ravel()

    rng = np.random.default_rng(1)
    true = agreement(*drawn(rng, 200_000), resamples=2).alpha
    results = [agreement(*drawn(rng, 60), resamples=300, seed=seed) for seed in range(300)]
    held = np.mean([one.low <= true <= one.high for one in results])
    assert 0.9 < held < 0.985
