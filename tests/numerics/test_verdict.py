from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as h

from assay.errors import InputError
from assay.numerics.ranking import ranking_measures
from assay.numerics.verdict import Linear, expected_best, open_difference

GRADES = 3  # 0 to 2
CHANCE = np.array([0.5, 0.2])  # of 1 or more, of 2
PROBABILITY = np.array([0.5, 0.3, 0.2])
MEASURES = ("ndcg@3", "recall@2")


def best_of(measure, grades):
    """What the best list of these grades has, by sorting."""
    linear = Linear.of(measure)
    gains = np.sort(linear.gain(np.array(grades, float)))[::-1]
    return gains.sum() if measure.startswith("recall") else gains[: len(linear.discount)] @ linear.discount[: len(gains)]


@settings(max_examples=40, deadline=None)
@given(h.lists(h.integers(0, 2), max_size=4), h.integers(0, 4), h.sampled_from(MEASURES))
def test_the_best_list_is_expected_over_all_grades_that_could_be(known, unknown, measure):
    expected = 0.0
    for rest in product(range(GRADES), repeat=unknown):
        expected += np.prod(PROBABILITY[list(rest)]) * best_of(measure, [*known, *rest])
    counts = np.array([[sum(grade >= g for grade in known) for g in (1, 2)]])
    found = expected_best(Linear.of(measure), counts, np.array([unknown]), CHANCE)
    assert found[0] == pytest.approx(expected, abs=1e-12)


def problem(seed, measure="ndcg@3", items=4, requests=3, share=0.5):
    """Pairs of requests, places of items in two lists, grades with NaN where open, and what expected_best needs."""
    rng = np.random.default_rng(seed)
    request = np.repeat(np.arange(requests), items)
    places = tuple(np.concatenate([rng.permutation(items) for _ in range(requests)]) for _ in range(2))
    grade = np.where(rng.random(len(request)) < share, np.nan, rng.integers(0, GRADES, len(request)))
    weight = rng.dirichlet(np.ones(requests))
    return request, places, grade, weight


def opened(measure, request, places, grade, weight):
    known = np.stack([np.bincount(request[grade >= g], minlength=len(weight)) for g in (1, 2)], axis=1)
    unknown = np.bincount(request[np.isnan(grade)], minlength=len(weight))
    return open_difference(Linear.of(measure), request, places, grade, CHANCE, weight, known, unknown)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("seed", range(5))
def test_where_nothing_is_open_the_difference_is_that_of_the_measure(measure, seed):
    request, places, grade, weight = problem(seed, share=0.0)
    offsets = np.append(0, np.cumsum(np.bincount(request)))
    counts = np.bincount(request, grade > 0).astype(int)
    scores = [
        ranking_measures(offsets, -place.astype(float), grade, counts, np.zeros(len(grade), int), (3, 2))[measure]
        for place in places
    ]
    found = opened(measure, request, places, grade, weight)
    assert found.mean == pytest.approx(weight @ (scores[1] - scores[0]), abs=1e-12)
    assert found.deviation == 0
    assert found.confidence == (1.0 if found.mean else 0.5)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("seed", range(4))
def test_mean_and_deviation_are_those_over_all_grades_that_could_be(measure, seed):
    request, places, grade, weight = problem(seed, measure, items=3, requests=2, share=0.6)
    is_open = np.flatnonzero(np.isnan(grade))
    found = opened(measure, request, places, grade, weight)
    linear, values, chances = Linear.of(measure), [], []
    for rest in product(range(GRADES), repeat=len(is_open)):
        full = grade.copy()
        full[is_open] = rest
        values.append(found.share @ linear.gain(full))
        chances.append(np.prod(PROBABILITY[list(rest)]))
    mean = np.average(values, weights=chances)
    assert found.mean == pytest.approx(mean, abs=1e-12)
    assert found.deviation == pytest.approx(np.sqrt(np.average((np.array(values) - mean) ** 2, weights=chances)), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_pair_of_the_largest_deviation_takes_most_from_the_variance(seed):
    """By its definition: the expected variance that is left, over the grades that the pair may turn out to have."""
    request, places, grade, weight = problem(seed)
    found = opened("ndcg@3", request, places, grade, weight)
    linear, is_open = Linear.of("ndcg@3"), np.flatnonzero(np.isnan(grade))

    def variance(graded):
        rest = np.flatnonzero(np.isnan(graded))
        gain = linear.gain(np.arange(GRADES, dtype=float))
        return sum(found.share[n] ** 2 * (PROBABILITY @ gain**2 - (PROBABILITY @ gain) ** 2) for n in rest)

    left = []
    for n in is_open:
        after = [np.where(np.arange(len(grade)) == n, g, grade) for g in range(GRADES)]
        left.append(PROBABILITY @ [variance(one) for one in after])
    np.testing.assert_allclose(variance(grade) - np.array(left), found.sd[is_open] ** 2, atol=1e-15)
    assert left[int(np.argmax(found.sd[is_open]))] == pytest.approx(min(left), abs=1e-15)


@settings(max_examples=30, deadline=None)
@given(h.integers(0, 10_000))
def test_the_other_system_first_is_the_same_difference_with_the_other_sign(seed):
    request, places, grade, weight = problem(seed)
    one, other = (opened("ndcg@3", request, lists, grade, weight) for lists in (places, places[::-1]))
    assert one.mean == pytest.approx(-other.mean, abs=1e-12)
    assert one.confidence == pytest.approx(other.confidence)
    np.testing.assert_allclose(one.sd, other.sd)


def test_places_beyond_the_cut_and_items_that_no_list_holds_count_nothing():
    assert Linear.of("ndcg@2").of_places(np.array([-1, 0, 1, 2, 50])).tolist() == [0, 1, 1 / np.log2(3), 0, 0]
    assert Linear.of("recall@2").of_places(np.array([-1, 1, 2])).tolist() == [0, 1, 0]


def test_other_measures_are_refused():
    for measure in ("map@10", "rbp@10"):
        with pytest.raises(InputError, match="worked out for ndcg@k and recall@k"):
            Linear.of(measure)
