"""The sampler against sums over all subsets."""

import numpy as np
import pytest

from assay.importance import semivalue
from tests.importance import games


def utilities(seed, n):
    """A random game as a table (2^n,) and as a function of a mask."""
    table = np.random.default_rng(seed).normal(size=2**n) + np.arange(2**n) / 2**n
    return table, lambda mask: table[mask @ (1 << np.arange(n))]


KINDS = [("shapley", 1, 1), ("banzhaf", 1, 1), ("beta(4,1)", 4, 1), ("beta(1,4)", 1, 4), ("beta(0.5, 2)", 0.5, 2)]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "a", "b"), KINDS)
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_estimates_are_within_their_errors(kind, a, b, n):
    table, utility = utilities(n, n)
    exact = games.semivalue(table, n, "beta" if kind.startswith("beta") else kind, a, b)
    found = semivalue(utility, n, kind=kind, rng=np.random.default_rng(1), max_evaluations=8000)
    assert np.all(np.abs(found - exact) <= 4.5 * found.stderr + 1e-12)
    assert found.stderr.max() < 0.5


@pytest.mark.slow
def test_errors_are_as_large_as_they_say():
    table, utility = utilities(3, 5)
    exact = games.semivalue(table, 5)
    gaps = []
    for seed in range(200):
        found = semivalue(utility, 5, rng=np.random.default_rng(seed), max_evaluations=400)
        gaps.append((found - exact) / found.stderr)
    assert 0.85 < np.std(gaps) < 1.2
    assert abs(np.mean(gaps)) < 0.15


def test_leave_one_out_is_exact():
    table, utility = utilities(4, 6)
    found = semivalue(utility, 6, kind="loo", rng=np.random.default_rng(0), max_evaluations=8)
    np.testing.assert_allclose(found, games.semivalue(table, 6, "loo"), atol=1e-12)
    assert np.all(found.stderr == 0)
    with pytest.raises(ValueError, match="max_evaluations is 7"):
        semivalue(utility, 6, kind="loo", rng=np.random.default_rng(0), max_evaluations=7)


def test_it_stops_when_errors_are_small_enough():
    calls = []

    def utility(mask):
        calls.append(1)
        return float(mask.sum()) + 0.01 * np.sin(mask @ np.arange(6))

    found = semivalue(utility, 6, rng=np.random.default_rng(0), max_evaluations=100_000, tolerance=0.002)
    assert found.stderr.max() <= 0.002
    assert len(calls) < 3000
    np.testing.assert_allclose(found, 1, atol=0.03)


def test_truncation_saves_evaluations_and_costs_no_more_than_the_tolerance():
    calls = []

    def utility(mask):
        calls.append(1)
        return min(float(mask.sum()), 3.0)

    found = semivalue(utility, 30, rng=np.random.default_rng(0), max_evaluations=2000, tolerance=1e-9)
    assert len(calls) < 2100
    np.testing.assert_allclose(found.sum(), 3.0)
    assert np.all(np.abs(found - 0.1) < 4 * found.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["shapley", "banzhaf"])
def test_one_seed_one_answer_on_any_number_of_workers(kind):
    _, utility = utilities(5, 6)
    one = semivalue(utility, 6, kind=kind, rng=np.random.default_rng(7), max_evaluations=500)
    two = semivalue(utility, 6, kind=kind, rng=np.random.default_rng(7), max_evaluations=500, workers=2)
    np.testing.assert_array_equal(one, two)
    other = semivalue(utility, 6, kind=kind, rng=np.random.default_rng(8), max_evaluations=500)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("kind", ["shapley", "beta(2,1)", "banzhaf"])
def test_an_interrupted_run_goes_on_to_the_same_answer(kind, tmp_path):
    _, utility = utilities(6, 6)
    whole = semivalue(utility, 6, kind=kind, rng=np.random.default_rng(3), max_evaluations=900)
    calls = []

    def interrupted(mask):
        calls.append(1)
        if len(calls) == 400:
            raise KeyboardInterrupt
        return utility(mask)

    file = tmp_path / "values.npz"
    with pytest.raises(KeyboardInterrupt):
        semivalue(interrupted, 6, kind=kind, rng=np.random.default_rng(3), max_evaluations=900, checkpoint=file)
    calls.clear()

    def counted(mask):
        calls.append(1)
        return utility(mask)

    resumed = semivalue(counted, 6, kind=kind, rng=np.random.default_rng(3), max_evaluations=900, checkpoint=file)
    np.testing.assert_array_equal(resumed, whole)
    assert len(calls) < 700
    with pytest.raises(ValueError, match="of another seed"):
        semivalue(utility, 6, kind=kind, rng=np.random.default_rng(4), max_evaluations=900, checkpoint=file)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"n": 0}, "n is 0"),
        ({"kind": "core"}, "kind is 'core'"),
        ({"kind": "beta(0,1)"}, "kind is 'beta"),
        ({"max_evaluations": 1}, "max_evaluations is 1"),
        ({"tolerance": -1.0}, "tolerance is -1"),
        ({"workers": 0}, "workers is 0"),
        ({"utility": lambda mask: np.nan}, "utility is nan"),
    ],
)
def test_bad_input_is_named(keywords, message):
    given = {"utility": lambda mask: 0.0, "n": 3, **keywords}
    with pytest.raises(ValueError, match=message):
        semivalue(given.pop("utility"), given.pop("n"), rng=np.random.default_rng(0), **given)
