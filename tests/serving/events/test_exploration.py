"""Propensities against every list that can be, and lists against their propensities."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InputError
from assay.serving.events import Exploration

SIZES = [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (4, 2), (4, 4), (5, 3), (6, 4)]


def every_list(ranked: int, shown: int, chance: float) -> Counter:
    """Each list of ranks with its probability, by what the words say: keep, swap two neighbours, or draw."""
    first = tuple(range(ranked))
    lists: Counter = Counter()
    pairs = [(k, k + 1) for k in range(ranked - 1) if k < shown]
    if not pairs:
        return Counter({first[:shown]: 1.0})
    lists[first[:shown]] += 1 - chance
    for a, b in pairs:
        order = list(first)
        order[a], order[b] = order[b], order[a]
        lists[tuple(order[:shown])] += chance / 2 / len(pairs)
    drawn = list(permutations(first, shown))
    for order in drawn:
        lists[order] += chance / 2 / len(drawn)
    return lists


@pytest.mark.parametrize("chance", [0.0, 0.05, 0.6, 1.0])
@pytest.mark.parametrize(("ranked", "shown"), SIZES)
def test_propensities_are_those_of_every_list_that_can_be(ranked, shown, chance):
    expected = np.zeros((ranked, shown))
    for order, probability in every_list(ranked, shown, chance).items():
        expected[list(order), range(shown)] += probability
    found = Exploration(chance).propensities(ranked, shown)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=0), 1.0)


@pytest.mark.parametrize(("ranked", "shown"), [(1, 1), (2, 1), (3, 2), (3, 3), (4, 2)])
def test_lists_come_as_often_as_they_should(ranked, shown):
    number = 30_000
    ranks = Exploration(0.7, seed=3).ranks([f"list {k}" for k in range(number)], ranked, shown)
    counted = Counter(map(tuple, ranks.tolist()))
    expected = every_list(ranked, shown, 0.7)
    assert set(counted) <= {order for order, probability in expected.items() if probability}
    for order, probability in expected.items():
        assert abs(counted[order] - number * probability) <= 5 * np.sqrt(number * probability * (1 - probability)) + 1e-9


@given(
    ids=st.lists(st.text(min_size=1), min_size=1, max_size=20),
    ranked=st.integers(1, 30),
    shown=st.integers(1, 30),
    chance=st.floats(0, 1),
    seed=st.integers(0, 2**63 - 1),
)
def test_a_list_hangs_on_its_id_and_the_seed_alone(ids, ranked, shown, chance, seed):
    exploration = Exploration(chance, seed)
    ranks = exploration.ranks(ids, ranked, shown)
    assert ranks.shape == (len(ids), min(ranked, shown))
    assert all(len(set(row)) == len(row) and set(row) <= set(range(ranked)) for row in ranks.tolist())
    for name, row in zip(ids, ranks.tolist(), strict=True):
        assert exploration.ranks([name], ranked, shown)[0].tolist() == row
    chances = exploration.propensities(ranked, shown)[ranks, range(ranks.shape[1])]
    assert ((chances > 0) & (chances <= 1)).all()


def test_another_seed_gives_other_lists():
    ids = [str(k) for k in range(200)]
    assert (Exploration(1.0, 1).ranks(ids, 10, 5) != Exploration(1.0, 2).ranks(ids, 10, 5)).any()
    assert (Exploration(0.0, 1).ranks(ids, 10, 5) == np.arange(5)).all()


@pytest.mark.parametrize("chance", [-0.1, 1.1, float("nan")])
def test_a_chance_that_is_none_is_refused(chance):
    with pytest.raises(InputError, match="from 0 to 1"):
        Exploration(chance)
