import numpy as np
import pytest
from scipy import stats

from assay.errors import InputError
from assay.numerics import clusters


def bell_mccaffrey(cluster):
    """Degrees of freedom and the weights of CR2 for a mean, by the matrices of the paper."""
    R = len(cluster)
    H = np.full((R, R), 1 / R)
    columns = []
    for u in np.unique(cluster):
        own = np.flatnonzero(cluster == u)
        block = (np.eye(R) - H)[np.ix_(own, own)]
        value, vector = np.linalg.eigh(block)
        root = vector @ np.diag(np.where(value > 1e-12, 1 / np.sqrt(np.maximum(value, 1e-12)), 0)) @ vector.T
        columns.append((np.eye(R) - H)[:, own] @ root @ np.full(len(own), 1 / R))
    G = np.column_stack(columns)
    eigen = np.linalg.eigvalsh(G.T @ G)
    return G, eigen.sum() ** 2 / (eigen**2).sum()


def test_error_and_degrees_of_freedom_are_those_of_the_paper():
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(7), [1, 2, 2, 3, 5, 8, 1])
    y = rng.normal(size=(2, len(cluster)))
    G, df = bell_mccaffrey(cluster)
    found = clusters.deviations(cluster, y)
    np.testing.assert_allclose((found**2).sum(axis=1), [((G.T @ row) ** 2).sum() for row in y], rtol=1e-10)
    assert clusters.degrees_of_freedom(cluster) == pytest.approx(df, rel=1e-10)


def test_one_row_a_cluster_is_the_ordinary_test():
    y = np.random.default_rng(1).normal(size=(1, 30))
    cluster = np.arange(30)
    assert np.sqrt((clusters.deviations(cluster, y) ** 2).sum()) == pytest.approx(stats.sem(y[0]))
    assert clusters.degrees_of_freedom(cluster) == pytest.approx(29)
    np.testing.assert_allclose(clusters.deviations(cluster, np.full((1, 30), 0.1)), 0, atol=1e-17)


def test_swapping_draws_every_sign_pattern_alike():
    sums = np.array([[1.0, 2.0, 4.0], [10.0, 20.0, 40.0]])
    drawn = clusters.swapped(sums, 40_000, 3)
    np.testing.assert_allclose(drawn[:, 1], 10 * drawn[:, 0])
    patterns, count = np.unique(drawn[:, 0], return_counts=True)
    assert patterns.tolist() == [-7, -5, -3, -1, 1, 3, 5, 7]
    assert stats.chisquare(count).pvalue > 1e-4


def test_swaps_of_many_clusters_are_independent():
    drawn = clusters.swapped(np.ones((1, 1000)), 4000, 5)[:, 0]
    assert drawn.std() == pytest.approx(np.sqrt(1000), rel=0.05)
    assert abs(drawn.mean()) < 4 * np.sqrt(1000 / 4000)
    np.testing.assert_array_equal(drawn[:50], clusters.swapped(np.ones((1, 1000)), 50, 5)[:, 0])
    assert not np.array_equal(drawn[:50], clusters.swapped(np.ones((1, 1000)), 50, 6)[:, 0])


def test_refuses():
    with pytest.raises(InputError, match=r"1 user\(s\)"):
        clusters.deviations(np.zeros(3, int), np.ones((1, 3)))
    with pytest.raises(InputError, match="draws is 0"):
        clusters.swapped(np.ones((1, 3)), 0, 1)
